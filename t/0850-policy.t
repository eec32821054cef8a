#!/bin/sh
# 0850-policy.t - policies/risk.yaml: its tests, explanations, and what it keeps tasks and calls from.
. "$top_srcdir/t/lib/pg.sh"
. "$top_srcdir/t/lib/daemon.sh"
command -v jq >/dev/null || {
	echo "1..0 # SKIP no jq"
	exit 0
}

d_init
d_sink
risk=$D/root/policies/risk.yaml

# status_is WANT NAME COMMAND...: exit status, with output in $out and $err
status_is() {
	want=$1 name=$2
	shift 2
	"$@" >"$D/out" 2>"$D/err" <"${IN:-/dev/null}"
	got=$?
	out=$(cat "$D/out") err=$(cat "$D/err")
	if [ $got = "$want" ]; then pass "$name"; else fail "$name" "exit status $got, expected $want: $out $err"; fi
}

# --- the shipped file ---
status_is 0 "the tests of the shipped policy" "$agentctl" policy test "$top_srcdir"
like "are many, and pass" "$out" '^1[0-9] tests, 0 failed$'
status_is 0 "by its file too" "$agentctl" policy test "$top_srcdir/policies/risk.yaml"
for tool in "$top_srcdir"/tools.d/*.yaml; do
	name=$(sed -n 's/^name: //p' "$tool")
	is "it leaves $name alone" "$("$agentctl" --json policy explain "$top_srcdir" --tool "$name" --args '{}' | jq -r .judgement.verdict)" allow
done

# --- policy test ---
cat >"$risk" <<'END'
agentd: v1
rules:
  - {id: no-evil, match: {task.input.text: 'evil'}, verdict: deny, risk: forbidden, reason: we do no evil}
  - {id: ask-first, when: '.tool == null and .task.labels.ask == "yes"', verdict: ask}
  - {id: not-late, when: '.token.name == "late"', verdict: deny}
  - {id: big, match: {tool: '^sink\.', args.n: '^[0-9]{3,}$'}, verdict: deny, reason: three digits are too many}
  - {id: odd, match: {tool: '^sink\.look$'}, when: '.args.n | startswith("x")', verdict: allow}
  - {id: once, match: {tool: '^sink\.once$', args.n: '^7$'}, verdict: allow}
  - {id: leak, when: .taint.untrusted and .taint.outside, verdict: deny, reason: it has read something}
tests:
  - {given: {tool: sink.again, args: {n: 100}}, expect: {id: big, verdict: deny}}
  - {given: {tool: sink.again, args: {n: 99}, effect: idempotent}, expect: {verdict: allow}}
END
status_is 0 "policy test" "$agentctl" policy test "$D/root"
is "says how many" "$out" "2 tests, 0 failed"
status_is 0 "of the settings" ctl policy test
status_is 0 "two at once" "$agentctl" --json policy test "$risk" "$top_srcdir"
ok "are added" jq -e '.tests > 10 and .failed == 0 and .failures == []' "$D/out"
cp "$risk" "$D/risk.ok"
echo '  - {given: {tool: sink.again, args: {n: 5}}, expect: {id: big}}' >>"$risk"
status_is 1 "a test that fails" "$agentctl" policy test "$risk"
is "is counted" "$out" "3 tests, 1 failed"
like "its place, what came out" "$err" 'risk.yaml:13:5: error: no rule fits, which is ask, expected rule "big"'
like "with the line" "$err" '  - \{given: \{tool: sink.again, args: \{n: 5\}\}'
like "and why" "$err" 'hint: "big": args.n does not match .\^\[0-9\]\{3,\}\$.'
status_is 1 "as JSON" "$agentctl" --json policy test "$risk"
ok "the same" jq -e '.tests == 3 and .failed == 1 and (.failures[0] | .line == 13 and .column == 5 and (.hint | startswith("\"big\"")))' "$D/out"
status_is 1 "validate refuses such a file" "$agentctl" validate "$risk"
like "for the same reason" "$err" 'expected rule "big"'
mkdir -p "$D/linked/workflows" "$D/linked/tools.d" "$D/linked/policies"
cp "$risk" "$D/linked/policies"
printf 'agentd: v1\nname: odd\nsteps:\n  - {id: a, call: sink.gone}\n' >"$D/linked/workflows/odd.yaml"
status_is 1 "links of a file are checked beside it" "$agentctl" validate "$D/linked/workflows/odd.yaml"
like "that there is no such tool" "$err" 'odd.yaml:4:19: error: .*sink.gone'
is "of the policy nothing" "$(grep -c risk.yaml "$D/err")" 0
status_is 1 "and in the whole root" "$agentctl" validate "$D/linked"
like "both are told" "$(printf %s "$err" | tr '\n' ' ')" 'risk.yaml:13:5: error: .*odd.yaml:4:19: error: '
{
	cat "$D/risk.ok"
	yes '#23456789012345678901234567890123456789012345678901234567890123' | head -5000
} >"$D/linked/policies/risk.yaml"
status_is 1 "a file that is too large" "$agentctl" policy test "$D/linked"
large=$err
status_is 1 "is that for validate too" "$agentctl" validate "$D/linked/policies/risk.yaml"
is "in the same words" "$(sed -n 's/.*error: //p' "$D/err")" "$(printf '%s\n' "$large" | sed -n 's/.*error: //p')"
echo 'rulez: []' >"$risk"
status_is 1 "a file that cannot be read" "$agentctl" policy test "$risk"
like "every error with its place" "$err" 'risk.yaml:1:1: error: '
status_is 3 "no file" "$agentctl" policy test "$D/nothing.yaml"
status_is 3 "a directory that is no root" "$agentctl" policy test "$D/workspaces"
rm "$risk"
status_is 3 "a root without a policy" "$agentctl" policy test "$D/root"
cp "$D/risk.ok" "$risk"

# --- policy explain ---
status_is 0 "policy explain" ctl policy explain --tool sink.again --args '{"n": 100}'
like "why not" "$out" 'no-evil +deny +no +task.input.text is absent'
like "the one that fits" "$out" 'big +deny +yes'
like "the others" "$out" 'leak +deny +not reached'
like "the verdict" "$out" '^verdict: deny: rule "big", three digits are too many$'
like "the class of the manifest" "$out" 'effect class: idempotent \(by its manifest\)'
echo '{"tool": "sink.look", "args": {"n": 1}, "taint": {"untrusted": true}}' >"$D/facts"
IN=$D/facts status_is 0 "facts from standard input" ctl --json policy explain
ok "what cannot be told is strict, and the tool acts outside" jq -e '.judgement.verdict == "deny" and .judgement.rule == "leak" and
	.facts.taint == {untrusted: true, private: false, outside: true} and (.rules[] | select(.id == "odd") | .fits == "unknown")' "$D/out"
status_is 0 "facts from a file, an option on top" ctl --json policy explain "$risk" --facts "@$D/facts" --tool sink.once --token late --effect pure \
	--task '{"input": {"text": "good"}}'
ok "count together" jq -e '.judgement.rule == "not-late" and .effect == "pure" and .facts.task.input.text == "good"' "$D/out"
status_is 0 "a submission" ctl --json policy explain --task '{"labels": {"ask": "yes"}}' --taint private,outside
ok "has no tool and no class" jq -e '.judgement.rule == "ask-first" and .facts.tool == null and .effect == null and .facts.taint.private' "$D/out"
for bad in "--args 5" "--args {" "--taint much" "--effect often" "--facts []" "--facts {\"toll\":1}" "--facts {\"tool\":1}" \
	"--facts {\"taint\":{\"private\":1}}" "--facts {\"effect\":1}" "--frobnicate" "--tool" "a b"; do
	# shellcheck disable=SC2086
	ctl policy explain $bad >"$D/out" 2>"$D/err" </dev/null
	got=$?
	case $got in 1 | 2) pass "policy explain $bad is refused" ;; *) fail "policy explain $bad is refused" "$got $(cat "$D/out")" ;; esac
	ok "with a word" test -s "$D/err"
done

# --- submissions ---
cat >"$D/root/workflows/tell.yaml" <<'END'
agentd: v1
name: tell
input: {type: object, properties: {n: {type: integer}, text: {type: string}, tool: {type: string}}}
steps:
  - id: pick
    switch:
      - {when: '.input.tool == "once"', then: once}
      - {when: '.input.tool == "look"', then: look}
  - id: again
    call: sink.again
    with: {n: "${ .input.n }"}
    retry: {max: 5, delay: 10ms}
    then: end
  - id: once
    call: sink.once
    with: {n: "${ .input.n }"}
    catch: why
    then: end
  - id: look
    call: sink.look
    with: {n: "${ .input.n }"}
    then: end
  - id: why
    set: {type: "${ .steps.once.error.type }"}
END
d_publish
d_token ci
ci=$token
d_token late
d_start web web
d_start worker worker
like "web says what it judges by" "$(cat "$D/web.log")" 'policy.loaded rules=7'
like "so does the worker" "$(cat "$D/worker.log")" 'policy.loaded rules=7'

submit() { # TOKEN BODY: the status, the answer in $D/answer
	d_http -o "$D/answer" -w '%{http_code}' -H "Authorization: Bearer $1" -H 'Content-Type: application/json' -d "$2" http://agentd/tasks
}
tasks() { sql "SELECT count(*) FROM agentd.tasks"; }

is "a submission that a rule denies" "$(submit "$ci" '{"workflow": "tell", "input": {"text": "some evil plan"}}')" 403
ok "is a problem that names rule and reason" jq -e '.type == "urn:agentd:problem:policy_denied" and .status == 403 and
	.detail == "rule \"no-evil\" of the policy denies it: we do no evil"' "$D/answer"
is "one that would have to be asked about" "$(submit "$ci" '{"workflow": "tell", "labels": {"ask": "yes"}}')" 403
like "says that nobody can be asked" "$(jq -r .detail "$D/answer")" 'rule "ask-first" .* nobody can be asked about a submission'
is "by its token" "$(submit "$token" '{"workflow": "tell", "input": {"n": 1}}')" 403
is "a malformed one is malformed" "$(submit "$token" '{"workflow": 5}')" 400
is "nothing was submitted" "$(tasks)" 0
like "the log names the rule" "$(cat "$D/web.log")" 'policy.refused workflow="tell" by="token:ci" rule=no-evil verdict=deny'

# --- calls ---
end_of() { # BODY: state and error of the task, when it has ended
	submit "$ci" "$1" >/dev/null
	d_http -H "Authorization: Bearer $ci" "http://agentd/tasks/$(jq -r .id "$D/answer")?wait=10s" >"$D/task"
	jq -r '[.state, .error.type, .error.message] | map(. // "-") | join(" ")' "$D/task"
}
told() { grep -c "POST /$1 " "$D/effects.txt"; }

is "a call that no rule denies" "$(end_of '{"workflow": "tell", "input": {"n": 1}}')" "succeeded - -"
is "reaches its tool" "$(told again)" 1
is "one that a rule denies" "$(end_of '{"workflow": "tell", "input": {"n": 100}}')" \
	'failed policy.denied rule "big" of the policy denies it: three digits are too many'
is "never does, whatever retry says" "$(told again) $(jq -r '[.steps[] | select(.path == "again")][-1].try' "$D/task")" "1 1"
is "and is not in the ledger" "$(sql "SELECT count(*) FROM agentd.effects WHERE task = '$(jq -r .id "$D/task")'")" 0
# asks BODY TITLE: the task waits for a person, who is told why, and denies
asks() {
	submit "$ci" "$1" >/dev/null
	asked=$(jq -r .id "$D/answer")
	wait_for 10 task_is "$asked" waiting_approval || fail "a person is asked" "$(task_state "$asked")"
	ctl --json approvals list --task "$asked" >"$D/asked"
	like "a person is asked, and told why" "$(jq -r '.approvals[0].title' "$D/asked")" "$2"
	ctl approvals deny "$(jq -r '.approvals[0].id' "$D/asked")" >/dev/null
	d_http -H "Authorization: Bearer $ci" "http://agentd/tasks/$asked?wait=10s" >"$D/task"
}
asks '{"workflow": "tell", "input": {"n": 5, "tool": "once"}}' '^Call sink.once: no rule of the policy fits$'
is "at most once without a rule: denied, catch sees the type" "$(jq -r '.state + " " + .output.type' "$D/task")" "succeeded approval.denied"
is "with a rule that allows it: it runs" "$(end_of '{"workflow": "tell", "input": {"n": 7, "tool": "once"}}') $(told once)" "succeeded - - 1"
asks '{"workflow": "tell", "input": {"n": 5, "tool": "look"}}' '^Call sink.look: it cannot be told whether rule "odd" fits$'
is "a condition that fails is strict" "$(jq -r .error.type "$D/task")" approval.denied
is "nothing was told" "$(told look)" 0
like "the log names task, path and rule" "$(cat "$D/worker.log")" 'policy.refused task=.* path=again tool=sink.again rule=big verdict=deny'
like "submitted past the API: judged at its call" "$(ctl --json submit tell --input '{"n": 5, "text": "evil"}' --follow | jq -r .error.message)" \
	'rule "no-evil" of the policy'

# --- taint ---
cat >"$D/root/tools.d/page.yaml" <<'END'
agentd: v1
name: page.read
description: A page that anybody may have written.
args: {type: object}
effect: pure
taint: {reads_untrusted: true}
exec: {argv: [echo, page]}
END
cat >"$D/root/workflows/leak.yaml" <<'END'
agentd: v1
name: leak
steps:
  - id: before
    call: sink.again
    with: {n: 1}
  - id: read
    call: page.read
    with: {}
  - id: nap
    wait: 1s
  - id: after
    call: sink.again
    with: {n: 2}
END
d_publish
d_signal worker HUP
wait_for 10 sh -c "[ \$(grep -c policy.loaded '$D/worker.log') = 2 ]"
like "what was read before a wait counts after it" "$(end_of '{"workflow": "leak"}')" \
	'failed policy.denied rule "leak" of the policy denies it: it has read something'
is "the call before it was made" "$(jq -r '[.steps[] | select(.path == "before")][-1].status' "$D/task") $(told again)" "succeeded 2"

# --- reading the file again ---
echo 'rulez: []' >"$risk"
d_signal web HUP
d_signal worker HUP
wait_for 10 d_has_line web reload.refused
wait_for 10 d_has_line worker reload.refused
is "rules with errors: those before them stay" "$(submit "$ci" '{"workflow": "tell", "input": {"text": "evil"}}')" 403
printf 'agentd: v1\nrules:\n  - {id: all, verdict: allow}\n' >"$risk"
d_signal web HUP
d_signal worker HUP
wait_for 10 d_has_line web policy.loaded.rules=1
wait_for 10 d_has_line worker policy.loaded.rules=1
is "other rules: they count from now on" "$(end_of '{"workflow": "tell", "input": {"text": "evil", "n": 100}}')" "succeeded - -"
rm "$risk"
d_signal web HUP
d_signal worker HUP
wait_for 10 d_has_line web policy.none
wait_for 10 d_has_line worker policy.none
is "no file: nothing is judged" "$(end_of '{"workflow": "tell", "input": {"text": "evil", "n": 8, "tool": "once"}}')" "succeeded - -"
d_stop web
d_stop worker

# --- a start with rules that cannot be read ---
echo 'rulez: []' >"$risk"
for mode in web worker all; do
	status_is 1 "agentd $mode does not start without its rules" "$agentd" -c "$D/agentd.yaml" $mode
	like "and says where they are wrong" "$err" 'risk.yaml:1:1: error: '
done
cp "$D/risk.ok" "$risk"
d_start all all
is "all in one: web judges too" "$(submit "$ci" '{"workflow": "tell", "input": {"text": "evil"}}')" 403
is "and so does the worker" "$(end_of '{"workflow": "tell", "input": {"n": 100}}' | cut -d' ' -f1,2)" "failed policy.denied"
done_testing
