#!/bin/sh
# 1066-approvals.t - people who approve, edit, deny and do not answer, over HTTP and agentctl; workers killed between the decision and the
# call. The witness says what really happened.
. "$top_srcdir/t/lib/pg.sh"
. "$top_srcdir/t/lib/daemon.sh"
command -v jq >/dev/null || {
	echo "1..0 # SKIP no jq"
	exit 0
}

d_init
d_sink
cat >"$D/root/workflows/mail.yaml" <<'END'
agentd: v1
name: mail
input: {type: object, properties: {n: {type: integer}, note: {type: string}}}
steps:
  - id: send
    call: sink.once
    with: {n: "${ .input.n }"}
    ask: {title: "Send ${ .input.n }?", show: "${ .input }", risk: high}
END
sed 's/^name: .*/name: two/; s/risk: high/risk: high, approvers: 2/' "$D/root/workflows/mail.yaml" >"$D/root/workflows/two.yaml"
sed 's/^name: .*/name: brief/; s/risk: high/timeout: 4s/' "$D/root/workflows/mail.yaml" >"$D/root/workflows/brief.yaml"
cat >"$D/root/workflows/question.yaml" <<'END'
agentd: v1
name: question
steps:
  - id: sure
    approve:
      title: Really?
      form: {type: object, required: [n], properties: {n: {type: integer, minimum: 1}}}
      timeout: 1h
  - id: send
    when: .steps.sure.output.decision == "approved"
    call: sink.again
    with: {n: "${ .steps.sure.output.form.n }"}
END
cat >"$D/root/workflows/bare.yaml" <<'END'
agentd: v1
name: bare
input: {type: object, properties: {n: {type: integer}}}
steps:
  - id: send
    call: sink.once
    with: {n: "${ .input.n }"}
END
sed 's/^name: .*/name: again/; s/sink.once/sink.again/' "$D/root/workflows/mail.yaml" >"$D/root/workflows/again.yaml"
cat >"$D/root/policies/risk.yaml" <<'END'
agentd: v1
rules:
  - {id: big, when: '.tool == "sink.once" and .args.n > 900', verdict: deny, reason: too big}
  - {id: bare, when: '.task.workflow == "bare" and .tool == "sink.once"', verdict: ask, risk: high, expires: 1h, reason: nobody asked yet}
  - {id: rest, verdict: allow}
END
cp "$top_srcdir/workflows/letter.yaml" "$D/root/workflows/"
cp "$top_srcdir/tools.d/fs.write.yaml" "$D/root/tools.d/"
d_witness wit.slow default 40
cat >"$D/root/workflows/busy.yaml" <<'END'
agentd: v1
name: busy
input: {type: object, properties: {n: {type: integer}}}
steps:
  - id: each
    for:
      in: "${ [1, .input.n] }"
      parallel: 2
      do:
        - id: slow
          when: .item == 1
          call: wit.slow
          with: {n: 1}
        - id: send
          when: .item != 1
          call: sink.again
          with: {n: "${ .item }"}
          ask: {}
END
d_publish
d_token boss read,approve
boss=$token
d_token bob read,approve
bob=$token
d_token ci submit,read
ci=$token
d_token other submit,read
other=$token
d_token both submit,read,approve
both=$token
d_start web web
d_start worker worker
d_start sweeper sweeper

# http TOKEN METHOD PATH [BODY]: $code, the answer in $D/answer
http() {
	if [ $# -gt 3 ]; then set -- "$1" "$2" "$3" -H 'Content-Type: application/json' -d "$4"; fi
	http_auth="Authorization: Bearer $1" http_method=$2 http_path=$3
	shift 3
	code=$(d_http -o "$D/answer" -w '%{http_code}' -X "$http_method" -H "$http_auth" "$@" "http://agentd$http_path")
}
told() { grep -c "\"n\":$1[},]" "$D/effects.txt"; }
# submit WORKFLOW N [TOKEN]: a task $t that waits with its request $a, digest $digest
submit() {
	http "${3:-$ci}" POST /tasks "{\"workflow\": \"$1\", \"input\": {\"n\": $2}}"
	t=$(jq -r .id "$D/answer")
	wait_for 20 task_is "$t" waiting_approval || fail "$1 $2 waits for approval" "$(task_state "$t")"
	http "$boss" GET "/approvals?task=$t"
	a=$(jq -r '.approvals[0].id' "$D/answer")
	digest=$(jq -r '.approvals[0].digest' "$D/answer")
}
# decide TOKEN DECISION [KEYS [DIGEST]]
decide() { http "$1" POST "/approvals/$a" "{\"decision\": \"$2\", \"digest\": \"${4:-$digest}\"${3:+, $3}}"; }
ends() { wait_for 20 task_is "$t" "$1" || fail "it ends $1" "$(task_state "$t")"; }
error_of() { http "$ci" GET "/tasks/$t" && jq -r '.error.type + ": " + .error.message' "$D/answer"; }

# --- seen ---
submit mail 1
ok "a request is shown whole" jq -e --arg t "$t" '.approvals | length == 1 and (.[0] | .task == $t and .step == "send" and .kind == "call" and .tool == "sink.once"
	and .args == {n: 1} and .title == "Send 1?" and .show == {n: 1} and .risk == "high" and .rule == "rest" and .workflow == "mail" and .approvers == 1
	and .schema.required == ["n"] and (.digest | length == 64) and .votes == [])' "$D/answer"
http "$ci" GET "/approvals/$a"
is "whoever submitted sees it" "$code" 200
http "$other" GET "/approvals/$a"
is "others do not" "$code" 404
http "$ci" GET /approvals
ok "it is in the list of its submitter" jq -e --arg a "$a" '.approvals[0].id == $a' "$D/answer"
http "$boss" GET '/approvals?state=odd'
is "an unknown state" "$code" 422
http "$boss" GET '/approvals?limit=0'
is "a bad limit" "$code" 400
http "$boss" GET /approvals/nothing
is "no id" "$code" 404
http "$ci" GET "/tasks/$t"
ok "the step waits and names it" jq -e --arg a "$a" '.state == "waiting_approval" and (.steps[0] | .status == "waiting" and .approval == $a)' "$D/answer"
is "nothing was sent" "$(told 1)" 0

# --- who may, and what is taken ---
decide "$ci" approve
is "not without the scope" "$code" 403
decide "$boss" maybe
is "an unknown word" "$code" 422
decide "$boss" approve '"odd": 1'
like "an unknown key" "$code $(jq -r .detail "$D/answer")" '^4.. .*unknown key "odd"'
decide "$boss" approve '' "$(printf '%064d' 1)"
is "another digest" "$code" 409
decide "$boss" approve '' abc
like "no digest" "$code" '^4'
decide "$boss" approve '"args": {"n": "x"}'
like "arguments that the tool does not take" "$code $(jq -r .detail "$D/answer")" '^422 .*"args".*n'
is "and where" "$(jq -c '[.type, (.errors[] | .pointer, .message)]' "$D/answer")" '["urn:agentd:problem:schema","/args/n","expected integer, got string"]'
decide "$boss" approve '"form": {}'
is "a form nobody asked for" "$code" 422
is "all that decided nothing" "$(task_state "$t") $(told 1)" "waiting_approval 0"

# --- approve ---
decide "$boss" approve '"comment": "fine", "args": null, "form": null'
is "approved" "$code $(jq -r .state "$D/answer")" "200 approved"
ends succeeded
is "it was called once" "$(told 1)" 1
decide "$boss" approve '"comment": "fine"'
is "the same again" "$code $(jq -r .state "$D/answer")" "200 consumed"
decide "$boss" deny
like "another word names the recorded one" "$code $(jq -r .detail "$D/answer")" '^409 .*by token:boss'
decide "$bob" approve
is "so it does to others" "$code" 409

# --- edit, deny, no answer ---
submit mail 2
decide "$boss" approve '"args": {"n": 22}'
ends succeeded
is "as it was edited, not as it was asked for" "$(told 22) $(told 2)" "1 0"
submit mail 31
decide "$boss" deny '"comment": "\u202eno"'
ends failed
is "denied: the step fails" "$(error_of | cut -d: -f1)" approval.denied
submit mail 3
decide "$boss" approve '"args": {"n": 950}'
ends failed
is "what the policy denies, nobody can edit in" "$(error_of) $(told 950)" 'policy.denied: rule "big" of the policy denies it: too big 0'
submit brief 4
ends failed
is "no answer is no action" "$(error_of) $(told 4)" 'approval.denied: nobody approved it in time 0'
decide "$boss" approve
is "too late" "$code" 409
submit mail 5
http "$ci" POST "/tasks/$t/cancel"
is "cancelled at once" "$code $(task_state "$t")" "200 cancelled"
decide "$boss" approve
is "nobody is asked any more" "$code $(told 5)" "409 0"

# --- a question ---
submit question 0
decide "$boss" approve
like "the form is asked for" "$code $(jq -r .detail "$D/answer")" '^422 .*"form"'
decide "$boss" approve '"form": {"n": 0}'
is "and has to fit" "$code $(jq -c '[.errors[].pointer]' "$D/answer")" '422 ["/form/n"]'
decide "$boss" approve '"form": {"n": 77}'
ends succeeded
is "the answer goes on" "$(told 77)" 1
http "$boss" GET "/approvals/$a"
is "and is used up" "$(jq -r '.state, (.consumed_at | length > 0)' "$D/answer" | tr '\n' ' ')" "consumed true "

# --- the shipped example: a question, then the very call ---
http "$ci" POST /tasks '{"workflow": "letter", "input": {"to": "Ada", "text": "All is well."}}'
t=$(jq -r .id "$D/answer")
asked() { http "$boss" GET "/approvals?task=$t&state=pending" && a=$(jq -r '.approvals[0] | select(.kind == "'"$1"'") | .id' "$D/answer") && [ -n "$a" ]; }
ok "letter asks whether it is wanted" wait_for 20 asked question
is "and how it is signed" "$(ctl approvals approve "$a" --form '{"sign": "Ann"}')" approved
ok "then for the very text" wait_for 20 asked call
text=$(jq -r '.approvals[0].args.text' "$D/answer")
like "which is shown" "$text" '^Ann$'
is "a person mends it" "$(ctl approvals approve "$a" --args "$(jq -n --arg t "$text" '{path: "letter.txt", text: ($t | sub("well"; "very well"))}')")" approved
ends succeeded
like "and that is what is written" "$(cat "$(find "$D/workspaces" -name letter.txt)")" '^All is very well\.$'

# --- the policy asks ---
submit bare 6
http "$boss" GET "/approvals/$a"
ok "with its rule and reason" jq -e '.rule == "bare" and .risk == "high" and .title == "Call sink.once: nobody asked yet"' "$D/answer"
decide "$boss" approve
ends succeeded
is "called once" "$(told 6)" 1

# --- two people ---
submit two 7 "$both"
decide "$both" approve
is "not whoever submitted" "$code" 403
decide "$boss" approve
is "one is not enough" "$code $(jq -r '.state, (.votes | length)' "$D/answer" | tr '\n' ' ')$(told 7)" "200 pending 1 0"
decide "$boss" approve
is "nor the same twice" "$(jq -r '.state, (.votes | length)' "$D/answer" | tr '\n' ' ')" "pending 1 "
decide "$bob" approve
ends succeeded
is "two are" "$(told 7)" 1

# --- another branch is busy meanwhile ---
http "$ci" POST /tasks '{"workflow": "busy", "input": {"n": 70}}'
t=$(jq -r .id "$D/answer")
ok "a busy task asks" wait_for 20 asked call
digest=$(jq -r '.approvals[0].digest' "$D/answer")
decide "$boss" approve
told_70() { [ "$(told 70)" = 1 ]; }
ok "it does not wait for the other branch" wait_for 15 told_70
is "which is busy still" "$(task_state "$t")" running
http "$ci" POST "/tasks/$t/cancel"
ends cancelled

# --- agentctl ---
submit mail 8
ctl approvals list >"$D/out"
like "agentctl lists it" "$(cat "$D/out")" "$a +pending +high +sink.once +mail +send"
http "$ci" POST /tasks '{"workflow": "mail", "input": {"n": 9, "note": "\u202eevil\u001b[2J\u200b \ud83d\ude00"}}'
t9=$(jq -r .id "$D/answer")
wait_for 20 task_is "$t9" waiting_approval
a9=$(ctl --json approvals list --task "$t9" | jq -r '.approvals[0].id')
ctl approvals show "$a9" >"$D/out"
like "what hides or drives is shown" "$(grep ^show "$D/out")" '\\u202eevil\\u001b\[2J\\u200b'
is "arguments are whole and canonical" "$(grep ^arguments "$D/out")" 'arguments   {"n":9}'
ctl approvals approve "$a9" --digest 00000000 >"$D/out" 2>&1
is "another digest than was seen" "$?" 4
ctl approvals deny "$a9" --digest "$(sed -n 's/^digest *//p' "$D/out" | cut -c1-8)x" >"$D/out" 2>&1
is "or too few of it" "$?" 2
is "deny" "$(ctl approvals deny "$a9" --comment 'not this one')" denied
is "approve with an edit" "$(ctl approvals approve "$a" --digest "$(echo "$digest" | cut -c1-10)" --args '{"n": 88}' --comment ok)" approved
ends succeeded
is "was called" "$(told 88) $(told 8)" "1 0"
ctl approvals approve "$a" --args '{"n": "x"}' >"$D/out" 2>&1
is "arguments that do not fit" "$?" 1
ctl approvals show 01900000-0000-7000-8000-000000000000 >"$D/out" 2>&1
is "an unknown one" "$?" 3
d_spawn watch "$agentctl" -c "$D/agentd.yaml" approvals watch
submit mail 10
seen() { grep -q "$a" "$D/watch.log"; }
ok "watch sees what comes in" wait_for 10 seen
older=01900000-0000-7000-8000-00000000000a	# made before, committed after
sql "INSERT INTO agentd.approval_queue SELECT (r).* FROM (SELECT jsonb_populate_record(a, '{\"id\": \"$older\", \"path\": \"older\"}') r
	FROM agentd.approval_queue a WHERE id = '$a') x"
seen_older() { grep -q "$older" "$D/watch.log"; }
ok "one that was committed after a newer one, too" wait_for 10 seen_older
sql "DELETE FROM agentd.approval_queue WHERE id = '$older'"
is "each once" "$(grep -c "$a" "$D/watch.log") $(grep -c "$older" "$D/watch.log")" "1 1"
d_stop watch INT 2>/dev/null || true

# --- a worker is killed between decision and call, and afterwards ---
d_signal worker KILL
decide "$boss" approve
is "decided while no worker is there" "$code $(jq -r .state "$D/answer")" "200 approved"
d_start worker2 worker
ends succeeded
is "the next one calls once" "$(told 10)" 1
n=100
while [ $n -lt 108 ]; do
	n=$((n + 1))
	submit bare $n
	decide "$boss" approve
	# at any moment between the decision and the end
	sleep 0.0$((n % 7))
	d_signal worker2 KILL
	D_MAY_DIE=1 d_start worker2 worker
done
settled() { [ "$(sql "SELECT count(*) FROM agentd.task_queue WHERE state NOT IN ('uncertain', 'waiting_approval')")" = 0 ]; }
ok "killed again and again, all come to an end" wait_for 30 settled
# at each point of the move that records the decision and dispatches the call, where the programs have crash points
d_stop worker2
dead() { ! d_alive worker3; }
n=200
for point in claim.after_reply commit.before_send commit.after_send commit.after_reply effect.before_dispatch effect.after_call; do
	for flow in mail again; do
		n=$((n + 1))
		d_start worker4 worker
		submit $flow $n
		d_stop worker4
		decide "$boss" approve
		D_MAY_DIE=1 d_start worker3 worker AGENTD_CRASH=$point:1
		if ! wait_for 5 dead; then
			d_signal worker3 KILL
			skip "killed at its points" "the programs were built without crash points"
			break 2
		fi
		pass "$flow: killed at $point"
		d_start worker4 worker
		over() { [ "$(task_state "$t")" = succeeded ] || [ "$flow $(task_state "$t")" = "mail uncertain" ]; }
		wait_for 20 over && pass "$flow: goes on" || fail "$flow: goes on" "$(task_state "$t")"
		case "$flow $(task_state "$t")" in
		"mail uncertain") ok "$flow: at most once" test "$(told $n)" -le 1 ;;
		"mail succeeded") is "$flow: once" "$(told $n)" 1 ;;
		*) is "$flow: under one key" "$(grep "\"n\":$n[},]" "$D/effects.txt" | sed 's/.*"key":"\([^"]*\)".*/\1/' | sort -u | wc -l)" 1 ;;
		esac
		is "$flow: one approval was used" "$(sql "SELECT count(*) || ' ' || string_agg(state, ' ') FROM agentd.approval_queue WHERE task = '$t'")" "1 consumed"
		d_stop worker4
	done
done
d_load_sink
is "nothing was called twice" "$(sql "SELECT count(*) FROM (SELECT task FROM public.sink WHERE tool = 'once' GROUP BY task HAVING count(*) > 1) x")" 0
is "nothing was called without its approval" "$(sql "SELECT count(*) FROM public.sink s WHERE tool = 'once' AND NOT EXISTS (
	SELECT FROM agentd.approval_queue a WHERE a.task = s.task AND a.state = 'consumed' AND encode(a.effect_key, 'hex') = s.key)")" 0
is "no approval served two effects" "$(sql "SELECT count(*) FROM agentd.effects e WHERE tool = 'sink.once' AND NOT EXISTS (
	SELECT FROM agentd.approval_queue a WHERE a.task = e.task AND a.effect_key = e.key)")" 0
done_testing
