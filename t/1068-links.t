#!/bin/sh
# 1068-links.t - one-time links to requests for approval: looking decides nothing, deciding works once, a link that was changed anywhere
# is none, and none tells what exists.
. "$top_srcdir/t/lib/pg.sh"
. "$top_srcdir/t/lib/daemon.sh"
for tool in jq python3; do
	command -v $tool >/dev/null || {
		echo "1..0 # SKIP no $tool"
		exit 0
	}
done

export LINK_KEY=0123456789abcdef0123456789abcdef
d_init "web: {listen: \"unix:@D@/web.sock\", public_url: \"https://agents.example\", link_key: LINK_KEY}" 'webhooks: {allow: [127.0.0.0/8]}' 'notify:' \
	'  - {name: alice, on: [approval.requested], template: json, url: "http://127.0.0.1:9/alice"}' \
	'  - {name: bob, on: [approval.requested], template: ntfy, url: "http://127.0.0.1:9/bob", topic: t}' \
	'  - {name: carol, on: [approval.requested], template: telegram, url: "http://127.0.0.1:9/carol", chat: "@c", token: LINK_KEY}' \
	'  - {name: dave, on: [approval.requested], template: slack, url: "http://127.0.0.1:9/dave"}'
d_spawn receiver python3 "$top_srcdir/t/lib/receiver.py" "$D/port" "$D/got"
wait_for 10 test -s "$D/port" || bail "the receiver did not start"
sed -i "s|127.0.0.1:9/|127.0.0.1:$(cat "$D/port")/|" "$D/agentd.yaml"
: >"$D/got"
d_sink
cat >"$D/root/workflows/mail.yaml" <<'END'
agentd: v1
name: mail
input: {type: object, properties: {n: {type: integer}, title: {type: string}}}
steps:
  - id: send
    call: sink.once
    with: {n: "${ .input.n }"}
    ask: {title: "${ .input.title }", show: {note: "<img src=x> & \"quotes\""}, risk: high}
END
sed 's/^name: .*/name: two/; s/risk: high/risk: high, approvers: 2/' "$D/root/workflows/mail.yaml" >"$D/root/workflows/two.yaml"
sed 's/^name: .*/name: brief/; s/risk: high/timeout: 2s/' "$D/root/workflows/mail.yaml" >"$D/root/workflows/brief.yaml"
cat >"$D/root/workflows/form.yaml" <<'END'
agentd: v1
name: form
steps:
  - id: sure
    approve:
      title: How many?
      form:
        type: object
        required: [n, size]
        additionalProperties: false
        properties:
          n: {type: integer, minimum: 1, title: "Number <of> them"}
          size: {type: string, enum: [small, "<large>"]}
          note: {type: string}
          fast: {type: boolean}
output: ${ .steps.sure.output.form }
END
cat >"$D/root/workflows/deep.yaml" <<'END'
agentd: v1
name: deep
steps:
  - id: sure
    approve:
      title: Which?
      form: {type: object, properties: {list: {type: array}}}
END
d_publish
d_token editor approve,read
editor=$token
d_token boss submit,read,approve
d_start web web
d_start worker worker
d_start sweeper sweeper
targets_are_told() { [ "$(sql "SELECT count(*) FROM agentd.notify_targets")" = 4 ]; }
wait_for 20 targets_are_told || bail "the sweeper does not tell its targets"

api() { d_http -H "Authorization: Bearer $token" "$@"; }
# link NAME: where NAME's message of request $a leads to
link_of() { jq -r --arg p "/$1" --arg a "$a" 'select(.path | startswith($p)) | select(.body | contains($a)) | .body | fromjson
	| (.link // .click // .reply_markup.inline_keyboard[0][0].url // ([.. | objects | select(.type? == "button")][0].url)) // empty' "$D/got" | head -n 1 | sed 's|^https://agents.example||'; }
has_link() { [ -n "$(link_of alice)" ] && [ -n "$(link_of bob)" ]; }
# request WORKFLOW [TITLE]: task $t, request $a, links $alice and $bob
n=0
request() {
	n=$((n + 1))
	t=$(api -H 'Content-Type: application/json' -d "$(jq -n --arg w "$1" --arg t "${2:-Send it?}" --argjson n $n '{workflow: $w, input: {n: $n, title: $t}}')" http://agentd/tasks | jq -r .id)
	wait_for 20 task_is "$t" waiting_approval || fail "$1 waits" "$(task_state "$t")"
	a=$(api "http://agentd/approvals?task=$t" | jq -r '.approvals[0].id')
	wait_for 20 has_link || fail "the links of $1 were sent"
	alice=$(link_of alice) bob=$(link_of bob)
}
get() { code=$(d_http -o "$D/page" -D "$D/head" -w '%{http_code}' "$@"); }
look() { get "http://agentd$1"; }
post() { # LINK DATA [CURL-ARG...]
	post_link=$1 post_data=$2
	shift 2
	get -H 'Content-Type: application/x-www-form-urlencoded' --data "$post_data" "$@" "http://agentd$post_link"
}
told() { grep -c "\"n\":$n[},]" "$D/effects.txt"; }
head_has() { grep -qi "^$1: $2" "$D/head"; }

# --- looking ---
request mail '<script>alert(1)</script> & "x" '\''y'\'''
like "the link leads to the public address" "$(jq -r --arg a "$a" 'select(.path == "/alice") | .body | fromjson | select(.data.id == $a) | .link' "$D/got")" '^https://agents\.example/a/[A-Za-z0-9_-]+$'
like "telegram has it as a button" "$(link_of carol)" '^/a/'
like "so has slack" "$(link_of dave)" '^/a/'
for i in 1 2 3; do look "$alice"; done
is "the page" "$code" 200
is "its title is text" "$(grep -c '<script' "$D/page") $(grep -c '<h1>&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;x&quot; &#39;y&#39;</h1>' "$D/page")" "0 1"
is "the arguments are there whole" "$(grep -c "&quot;n&quot;: $n" "$D/page")" 1
is "so is what the workflow shows" "$(grep -c '&lt;img src=x&gt; &amp; \\&quot;quotes\\&quot;' "$D/page")" 1
ok "no script may run, nothing be loaded" head_has content-security-policy "default-src 'none'; style-src 'sha256-[^']*'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
is "the style is the one that the policy lets in" "$(sed -n "s/.*style-src 'sha256-\([^']*\)'.*/\1/p" "$D/head")" "$(python3 -c 'import base64, hashlib, re, sys
print(base64.b64encode(hashlib.sha256(re.search("<style>(.*?)</style>", sys.stdin.read(), re.S).group(1).encode()).digest()).decode())' <"$D/page")"
is "the page's address goes to no other site, and its forms have an origin" "$(tr -d '\r' <"$D/head" | sed -n 's/^referrer-policy: *//Ip')" same-origin
ok "not stored" head_has cache-control no-store
ok "it is HTML" head_has content-type 'text/html; charset=utf-8'
is "looking, as programs that show previews do, decides nothing" "$(api "http://agentd/approvals/$a" | jq -c '[.state, .votes]') $(told)" '["pending",[]] 0'
code=$(d_http -o /dev/null -w '%{http_code}' -I "http://agentd$alice")
is "nor does HEAD" "$code $(api "http://agentd/approvals/$a" | jq -r .state)" "401 pending"

# --- every bit of a token counts ---
token_bits() {
	python3 - "$D" "$1" <<'END'
import base64, sys, subprocess
d, link = sys.argv[1:]
token = link[len("/a/"):]
raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
def ask(t, method="GET"):
    args = ["curl", "-sS", "-m", "10", "-o", d + "/bits.page", "-w", "%{http_code}", "--unix-socket", d + "/web.sock"]
    if method == "POST":
        args += ["-d", "decision=approve"]
    return subprocess.run(args + ["http://agentd/a/" + t], capture_output=True, text=True).stdout + open(d + "/bits.page").read()
def enc(b):
    return base64.urlsafe_b64encode(b).decode().rstrip("=")
want = ask("AAAA")
assert want.startswith("404"), want
bad = [i for i in range(len(raw)) if ask(enc(raw[:i] + bytes([raw[i] ^ 1]) + raw[i + 1:]), "POST" if i % 2 else "GET") != want]
for other in (enc(raw[:-1]), enc(raw + b"x"), enc(raw[:17]), token + "=", token[:-1], "x" * 1500, enc(b"\1" * 90)):
    if ask(other, "POST") != want:
        bad.append(other)
print(bad)
END
}
is "changed in any byte, cut or prolonged it is no link, and all of these have one answer" "$(token_bits "$alice")" "[]"
is "nothing was decided" "$(api "http://agentd/approvals/$a" | jq -r .state)" pending

# --- deciding ---
post "$alice" decision=approve -H 'Sec-Fetch-Site: cross-site'
is "a form of another site" "$code" 403
post "$alice" decision=approve -H 'Origin: https://evil.example'
is "another origin" "$code" 403
post "$alice" decision=approve -H 'Origin: null'
is "an origin that is hidden, from a browser that does not say where from" "$code" 403
post "$alice" decision=maybe
is "a word that is none" "$code" 422
post "$alice" decision=approve -H 'Content-Type: application/json'
is "a body that is no form" "$code" 400
post "$alice" 'decision=approve&decision=deny'
is "two words" "$code" 422
is "all of these decided nothing" "$(api "http://agentd/approvals/$a" | jq -r .state)" pending
post "$alice" 'decision=approve&comment=fine+%26+%3Cgood%3E' -H 'Origin: null' -H 'Sec-Fetch-Site: same-origin'
is "the page's own form" "$code $(sed -n 's|.*<h1>\(.*\)</h1>.*|\1|p' "$D/page")" "200 Approved"
ok "the task goes on" wait_for 20 task_is "$t" succeeded
is "the call ran once" "$(told)" 1
is "decided by the link's recipient, with the comment" "$(api "http://agentd/approvals/$a" | jq -r '[.state, .decided_by, .comment] | join("|")')" "consumed|link:alice|fine & <good>"
for again in approve deny; do
	post "$alice" decision=$again
	is "used, it is over: $again" "$code" 410
done
cp "$D/page" "$D/used"
look "$alice"
is "so it is to look at" "$code" 410
post "$bob" decision=deny
is "the link of another is over, too" "$code" 410
is "in the same words" "$(cat "$D/page")" "$(cat "$D/used")"

request mail
post "$bob" 'decision=deny&comment=no' -H 'Origin: https://agents.example'
is "denied, from a browser that says no more than the origin" "$code $(sed -n 's|.*<h1>\(.*\)</h1>.*|\1|p' "$D/page")" "200 Denied"
ok "the call did not run" wait_for 20 task_is "$t" failed
is "by whom" "$(api "http://agentd/approvals/$a" | jq -r .decided_by) $(told)" "link:bob 0"

# --- two approvers ---
request two
post "$alice" decision=approve
is "one of two" "$code" 200
like "says that another is asked for" "$(cat "$D/page")" "Another person"
post "$alice" decision=approve
is "the same link again" "$code" 410
post "$alice" decision=deny
is "not even to deny" "$code" 410
is "counts as one" "$(api "http://agentd/approvals/$a" | jq -r '.state + " " + (.votes | length | tostring)')" "pending 1"
post "$bob" decision=approve
is "the other" "$code" 200
ok "both: it runs" wait_for 20 task_is "$t" succeeded

# --- what changed meanwhile, what is too late ---
request two
digest=$(api "http://agentd/approvals/$a" | jq -r .digest)
edited=$(d_http -H "Authorization: Bearer $editor" -H 'Content-Type: application/json' -d "{\"decision\": \"approve\", \"digest\": \"$digest\", \"args\": {\"n\": 4000}}" "http://agentd/approvals/$a" | jq -r .state)
is "somebody edits the arguments" "$edited" pending
post "$alice" decision=approve
is "the link was about others" "$code" 410
look "$alice"
is "and shows nothing" "$code" 410
request brief
expired() { look "$alice"; [ "$code" = 410 ]; }
ok "a link expires with its request" wait_for 20 expired
post "$alice" decision=approve
is "and decides nothing then" "$code" 410
request mail
api -X POST "http://agentd/tasks/$t/cancel" >"$D/out"
post "$alice" decision=approve
is "a task that has ended" "$code" 410

# --- forms ---
request form
look "$alice"
is "a flat form has its fields" "$(grep -c 'Number &lt;of&gt; them' "$D/page") $(grep -o '<input\|<select\|<option' "$D/page" | sort | uniq -c | awk '{ printf "%s%s", $1, $2 }')" "1 2<input6<option2<select"
is "nothing is chosen beforehand" "$(grep -c '<select name="field-1" required><option value=""></option><option value="1">small</option>' "$D/page") $(
	grep -c '<select name="field-3"><option value=""></option><option value="true">yes</option><option value="false">no</option>' "$D/page")" "1 1"
post "$alice" 'decision=approve&field-0=3&field-1=&field-2=&field-3='
is "a choice that is needed and was not made" "$code" 422
post "$alice" 'decision=approve&field-0=3&field-1=1&field-3=maybe'
is "neither yes nor no" "$code" 422
post "$alice" 'decision=approve&field-0=0&field-1=1'
is "an answer that does not fit" "$code" 422
post "$alice" 'decision=approve&field-0=x&field-1=1'
is "one that is no number" "$code" 422
post "$alice" 'decision=approve&field-0=3&field-1=9'
is "a choice that is none" "$code" 422
post "$alice" 'decision=approve&field-0=3&field-1=2&field-2=&field-3=true'
is "one that fits: the link was not used up" "$code" 200
ok "it goes on" wait_for 20 task_is "$t" succeeded
is "with the answer" "$(api "http://agentd/tasks/$t" | jq -cS .output)" '{"fast":true,"n":3,"size":"<large>"}'
request form
post "$alice" 'decision=approve&field-0=3&field-1=2&field-2=&field-3='
ok "what was left empty" wait_for 20 task_is "$t" succeeded
is "is not in the answer" "$code $(api "http://agentd/tasks/$t" | jq -cS .output)" '200 {"n":3,"size":"<large>"}'
request deep
look "$alice"
is "a deep one is for another page" "$(grep -c agentctl "$D/page") $(grep -c 'value="approve"' "$D/page") $(grep -c 'value="deny"' "$D/page")" "1 0 1"
post "$alice" decision=approve
is "and cannot be approved here" "$code" 422
post "$alice" decision=deny
is "but denied" "$code" 200

# --- at once ---
request mail
for i in 1 2 3 4 5 6 7 8; do
	d_http -o "$D/race.$i.page" -w '%{http_code}\n' -d "decision=$([ $((i % 2)) = 0 ] && echo approve || echo deny)" "http://agentd$alice" >"$D/race.$i" &
	eval "race_$i=$!"
done
for i in 1 2 3 4 5 6 7 8; do eval "wait \$race_$i"; done
is "of eight at a time one decides" "$(cat "$D"/race.[1-8] | sort | uniq -c | awk '{ printf "%s %s ", $1, $2 }')" "1 200 7 410 "

# --- too many ---
d_http -o /dev/null -w '%{http_code} %header{retry-after}\n' "http://agentd$alice?[1-300]" >"$D/many"
like "requests are bounded in rate, and told when to come again" "$(sort "$D/many" | uniq -c)" ' 429 1$'

# --- where nothing leads ---
is "no token is in a log" "$(cat "$D"/web.log "$D"/sweeper.log | grep -c -e "${alice#/a/}" -e "$LINK_KEY")" 0
d_stop web
d_start web web LINK_KEY=ffffffffffffffffffffffffffffffffffff
look "$alice"
is "with another key it is no link" "$code" 404
d_stop web
D_MAY_DIE=1 d_start web web LINK_KEY=short
d_status web
is "a key that is too short: it does not start" "$status" 1
like "and says which" "$(cat "$D/web.log")" "environment variable LINK_KEY: expected at least 32 bytes"
d_stop sweeper
d_stop worker
done_testing
