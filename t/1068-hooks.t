#!/bin/sh
# 1068-hooks.t - deliveries of webhooks: signatures of three vendors and of any other, what becomes of them, redeliveries, 20 at once,
# a database that goes, files that change, secrets that are not there, taint.
. "$top_srcdir/t/lib/pg.sh"
. "$top_srcdir/t/lib/daemon.sh"
for tool in python3 jq; do
	command -v $tool >/dev/null || {
		echo "1..0 # SKIP no $tool"
		exit 0
	}
done

d_init
d_sink
mkdir "$D/root/hooks"
cat >"$D/root/workflows/hello.yaml" <<'END'
agentd: v1
name: hello
input: {type: object, required: [text], properties: {text: {type: string}}}
steps:
  - id: greet
    set: {said: "${ .input.text }"}
END
cat >"$D/root/workflows/act.yaml" <<'END'
agentd: v1
name: act
steps:
  - id: tell
    call: sink.once
    with: {n: 1}
    catch: why
  - id: why
    set: {type: "${ .steps.tell.error.type }"}
END
cat >"$D/root/policies/risk.yaml" <<'END'
agentd: v1
rules:
  - {id: evil, match: {task.input.text: evil}, when: '.token.name == "hook:github" and .taint.untrusted', verdict: deny}
  - {id: leak, when: '.tool != null and .taint.untrusted', verdict: deny, reason: it came from outside}
  - {id: rest, verdict: allow}
END
hook() {	# NAME; the rest of the file from standard input
	{
		printf 'agentd: v1\nname: %s\n' "$1"
		cat
	} >"$D/root/hooks/$1.yaml"
}
hook github <<'END'
workflow: hello
verify: {scheme: github, secret: [HOOK_OLD, HOOK_NEW]}
when: .body.action == "opened"
input: '${ {text: .body.issue.title} + (if .body.keep_headers then {seen: (.headers | keys), two: .headers["x-two"]}
  else {event: .headers["x-github-event"], who: .query.who, delivery: .delivery.id} end) }'
labels: {repository: "${ .body.repository.full_name }"}
urgency: high
max_body: 64KiB
END
hook stripe <<'END'
workflow: hello
verify: {scheme: stripe, secret: HOOK_STRIPE}
input: {text: "${ .body.type } ${ .body.data.object.amount_paid // 0 }"}
END
hook standard <<'END'
workflow: hello
verify: {scheme: standard-webhooks, secret: HOOK_STANDARD}
input: {text: "${ .body.type }"}
END
hook plain <<'END'
workflow: hello
verify: {scheme: hmac, secret: HOOK_PLAIN, header: X-Signed, algorithm: sha512, encoding: base64, prefix: "v="}
delivery_id: .delivery.digest
input: {text: "${ .body.n | tostring }"}
max_body: 25MiB
END
hook closed <<'END'
workflow: hello
verify: {scheme: github, secret: HOOK_CLOSED}
input: {text: x}
END
hook act <<'END'
workflow: act
verify: {scheme: github, secret: HOOK_OLD}
input: {}
END
d_publish

old="It's a Secret to Everybody" standard=whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX
start() { d_start "$1" "$1" HOOK_OLD="$old" HOOK_NEW=another-secret HOOK_STRIPE='whsec_not_base64_at_all!' HOOK_STANDARD=$standard HOOK_PLAIN=plain "$2"; }
start all HOOK_CLOSED=
d_token
like "a secret that is not there is told at the start" "$(cat "$D/all.log")" 'hook.closed hook=closed why="the environment has no HOOK_CLOSED"'
is "that of no other" "$(grep -c 'hook\.\(closed\|secret\)' "$D/all.log")" 1

hooks() { python3 "$top_srcdir/t/lib/hooks.py" "$1" "$D/web.sock" "$token" "${2:-}" "${3:-}"; }
# the lines "ok NAME" and "not ok NAME<tab>WHY" of a Python script as ours
checks() {
	hooks "$1" >"$D/checks" 2>"$D/checks.log"
	got=$?
	while IFS= read -r line; do
		case $line in
		"ok "*) pass "${line#ok }" ;;
		"not ok "*) fail "$(printf '%s' "${line#not ok }" | cut -f1)" "$(printf '%s' "$line" | cut -f2-)" ;;
		esac
	done <"$D/checks"
	is "the checks of \"$1\" ran through" $got 0
}
checks schemes
tasks=$(sql "SELECT count(*) FROM agentd.tasks")
checks refusals
is "of all that only one was a task" "$(sql "SELECT count(*) FROM agentd.tasks")" $((tasks + 1))
checks race
checks crowd
checks large
is "one in the database, too" "$(sql "SELECT count(*) FROM agentd.tasks WHERE input ->> 'text' = 'race'")" 1

# --- taint: what came from outside may not act ---
id=$(hooks one act a-1 | cut -d' ' -f3)
ended() { case $(task_state "$1") in succeeded | failed) true ;; *) false ;; esac; }
ok "a task that would act" wait_for 20 ended "$id"
is "is denied its call" "$(ctl get "$id" --json | jq -r .output.type)" policy.denied
again=$(ctl fork "$id")
ok "somebody else makes it again" wait_for 10 ended "$again"
is "by whom it came first is known" "$(ctl get "$again" --json | jq -r '[.origin.by, .submitted_by] | join(" ")' | sed 's/os:.*/os/')" "hook:act os"
is "and it is denied again" "$(ctl get "$again" --json | jq -r .output.type)" policy.denied
again=$(ctl fork "$again")
ok "and so is a fork of the fork" wait_for 10 ended "$again"
is "which came from there, too" "$(ctl get "$again" --json | jq -r '[.origin.by, .output.type] | join(" ")')" "hook:act policy.denied"
again=$(ctl fork "$again" --input "$(ctl get "$again" --json | jq -c .input)")
ok "with an input of its own" wait_for 10 ended "$again"
is "it is nobody else's" "$(ctl get "$again" --json | jq -r '[.origin.by, .output.type] | map(. // "-") | join(" ")')" "- -"
id=$(ctl submit act)
ok "the same by hand" wait_for 20 ended "$id"
is "may" "$(ctl get "$id" --json | jq -r '.output.type // "told"')" told
is "the witness saw these two, and no other" "$(grep -c POST "$D/effects.txt")" 2

# --- what is told of them ---
like "the log says why" "$(cat "$D/all.log")" 'hook.delivery hook=github delivery="r-2" outcome=refused status=422 why=".*/input/text'
like "and what is wrong with a signature" "$(cat "$D/all.log")" 'hook=stripe delivery="" outcome=unauthenticated status=401 why="the signature is stale"'
is "but no secret" "$(grep -c -e "$old" -e another-secret -e not_base64 -e AAECAwQF "$D/all.log")" 0
d_http -H "Authorization: Bearer $token" http://agentd/metrics >"$D/metrics"
figures() { d_http -H "Authorization: Bearer $token" http://agentd/metrics >"$D/metrics" && grep -q 'agentd_hook_deliveries_total' "$D/metrics"; }
ok "deliveries are counted" wait_for 20 figures
for line in 'hook="github",outcome="ping"} 1' 'hook="github",outcome="ignored"} 1' 'hook="plain",outcome="replayed"} 1' 'hook="closed",outcome="unavailable"} 1'; do
	ok "as $line" grep -Fq "agentd_hook_deliveries_total{$line" "$D/metrics"
done
is "those of no other name" "$(grep -c 'hook="nothing"' "$D/metrics")" 0

# --- files that change ---
sed -i 's/^workflow: act/workflow: gone/' "$D/root/hooks/act.yaml"
ok "a hook of no workflow is refused" sh -c "! '$agentctl' -c '$D/agentd.yaml' reload"
refused() { grep -q 'reload.refused' "$D/all.log"; }
d_signal all HUP
ok "by the server, too" wait_for 20 refused
like "the old ones stay" "$(hooks one act a-2)" '^202 '
sed -i 's/^workflow: gone/workflow: act/' "$D/root/hooks/act.yaml"
sed 's/^name: github/name: later/; s/^when: .*/when: "true"/' "$D/root/hooks/github.yaml" >"$D/root/hooks/later.yaml"
like "a hook that is not there yet" "$(hooks one later l-1)" '^404 '
d_signal all HUP
is_there() { hooks one later l-1 | grep -q '^202 '; }
ok "is, after SIGHUP" wait_for 20 is_there
first=$(hooks one later l-1)
sed -i 's/{text: .body.issue.title}/{text: "changed"}/' "$D/root/hooks/later.yaml"
d_signal all HUP
n=2
changed() { n=$((n + 1)) && id=$(hooks one later "l-$n" | cut -d" " -f3) && ctl get "$id" --json | jq -e ".input.text == \"changed\""; }
ok "what it makes of deliveries changes" wait_for 20 changed
is "but not what was delivered before" "$(hooks one later l-1)" "$first"

# --- no room, no database ---
sql "INSERT INTO agentd.admission (source, measured_at, holds_until, level, why, causes)
	VALUES ('test', now(), now() + interval '1 hour', 1, 'the disk is full', '[]')" >/dev/null
is "no room: the sender is told to come again" "$(hooks one github no-1)" "503 15 urn:agentd:problem:refused"
like "what came before has its answer all the same" "$(hooks one later l-1)" '^202 '
sql "DELETE FROM agentd.admission WHERE source = 'test'" >/dev/null
like "then it is taken" "$(hooks one github no-1)" '^202 '
pg_down immediate
gone() { hooks one github no-2 | grep -q '^503 1 urn:agentd:problem:unavailable'; }
ok "no database: likewise" wait_for 20 gone
pg_up
back() { hooks one github no-2 | grep -q '^202 '; }
ok "then it is taken, too" wait_for 30 back
d_stop all

# --- trying without a server ---
body='{"action": "opened", "issue": {"title": "It is broken", "number": 7}, "repository": {"full_name": "ann/tools"}}'
printf '%s' "$body" >"$D/body"
try() { ctl --json hooks test "$@" >"$D/out" 2>&1; }
sign() { printf 'sha256=%s' "$(python3 -c 'import hmac, sys; print(hmac.new(sys.argv[1].encode(), open(sys.argv[2], "rb").read(), "sha256").hexdigest())' "$1" "$2")"; }
ok "a delivery" try github --body "@$D/body" --header X-GitHub-Event=issues --header X-GitHub-Delivery=t-1 --query who=me
ok "what would be submitted" jq -e '.fate == "submit" and .signature == "not given" and .delivery == "t-1" and .submission == {workflow: "hello",
	urgency: "high", input: {text: "It is broken", event: "issues", who: "me", delivery: "t-1"}, labels: {repository: "ann/tools"}}' "$D/out"
try github --body - --header x-github-delivery=t-2 --header "X-Hub-Signature-256=$(sign "$old" "$D/body")" <"$D/body"
like "a signature without the secret" "$(jq -r .signature "$D/out")" '^not verified: the environment has no HOOK_NEW$'
HOOK_NEW=$old try github --body "@$D/body" --header x-github-delivery=t-2 --header "X-Hub-Signature-256=$(sign "$old" "$D/body")"
is "with it" "$(jq -r .signature "$D/out")" good
HOOK_NEW=x try github --body "@$D/body" --header x-github-delivery=t-2 --header "X-Hub-Signature-256=$(sign "$old" "$D/body")"
is "with another" "$(jq -r .signature "$D/out")" wrong
ok "one that is ignored" try github --body '{"action": "closed"}'
is "says so" "$(jq -r .fate "$D/out")" ignored
try_status() {	# WANT NAME ARG...
	want=$1 name=$2
	shift 2
	ctl hooks test "$@" >"$D/out" 2>&1
	is "$name" $? "$want"
}
try_status 1 "an input that does not fit" github --body '{"action": "opened", "issue": {"title": 7}, "repository": {"full_name": "x"}}' --header x-github-delivery=1
like "where" "$(cat "$D/out")" '/text: '
try_status 1 "an expression that fails" github --body '{"action": "opened", "issue": 7}' --header x-github-delivery=1
like "which" "$(cat "$D/out")" '"input": '
try_status 1 "no id" github --body '{"action": "opened"}'
try_status 1 "policy denies it" github --body '{"action": "opened", "issue": {"title": "evil"}, "repository": {"full_name": "x"}}' --header x-github-delivery=1
like "by which rule" "$(cat "$D/out")" 'rule "evil"'
try_status 3 "no such hook" nothing --body '{}'
try_status 2 "no body" github
try_status 2 "a header that is none" github --body '{}' --header x
try_status 3 "a file that is not there" github --body "@$D/none"
ok "tokens have other names" sh -c "! '$agentctl' -c '$D/agentd.yaml' token create hook:github"

# --- a server of its own ---
start web HOOK_CLOSED="$old"
like "a server without a worker has hooks" "$(hooks one closed w-1)" '^202 '
is "after all that a delivery that came before is the same task" "$(hooks one later l-1)" "$first"
d_stop web
done_testing
