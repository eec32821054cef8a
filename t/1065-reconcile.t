#!/bin/sh
# 1065-reconcile.t - what becomes of calls whose end nobody knows: a person's word over HTTP and agentctl, the tool's own query,
# kills between dispatch and answer for each effect class. The witness says what really happened.
. "$top_srcdir/t/lib/pg.sh"
. "$top_srcdir/t/lib/daemon.sh"

d_init
d_sink
# mail.cut: happens, its answer is lost the first time. mail.drop: does not arrive the first time; its query finds that out.
tool() {	# NAME PATH [KEYS]
	cat >"$D/root/tools.d/$1.yaml" <<-END
		agentd: v1
		name: mail.$1
		description: Send a mail.
		args: {type: object, required: [n], properties: {n: {type: integer}}}
		effect: at_most_once
		timeout: 5s
		http:
		  method: POST
		  url: http://127.0.0.1:$sink_port/$2
		  json: {key: "\${ .effect_key }", task: "\${ .task.id }", n: "\${ .args.n }"}
		  allow: [127.0.0.0/8]
	END
}
query() {	# NAME DELAY RESULT
	cat >>"$D/root/tools.d/$1.yaml" <<-END
		reconcile:
		  delay: $2
		  http:
		    url: http://127.0.0.1:$sink_port/find?\${ .effect_key }
		    allow: [127.0.0.0/8]
		    result: '$3'
	END
}
tool cut cut
tool asked_cut cut
query asked_cut 100ms 'if .body.found then {decision: "happened", result: {line: .body.line}} else {decision: "did_not_happen"} end'
tool asked_drop drop
query asked_drop 100ms 'if .body.found then {decision: "happened", result: 1} else {decision: "did_not_happen"} end'
tool asked_vague cut
query asked_vague 0s '{decision: (if .status == 200 then "unknown" else "happened" end), result: 0}'
cat >"$D/root/tools.d/program.yaml" <<END
agentd: v1
name: mail.program
description: Ask a program.
args: {type: object}
effect: at_most_once
exec: {argv: [/bin/sh, -c, "kill -9 \$\$"]}
reconcile: {delay: 0s, exec: {argv: [/bin/echo, '{"decision":"happened","result":{"key":"\${ .effect_key }"}}'], result: .json}}
END
flow() { printf 'agentd: v1\nname: %s\ninput: {type: object, properties: {n: {type: integer}}}\nsteps:\n%s\n' "$1" "$2" >"$D/root/workflows/$1.yaml"; }
call() { printf '  - id: send\n    call: mail.%s\n    with: {n: "${ .input.n }"}\n' "$1"; }
for t in cut asked_cut asked_drop asked_vague program; do flow "$(echo $t | tr _ -)" "$(call $t)"; done
sed -i 's/with: .*/with: {}/' "$D/root/workflows/program.yaml"
flow caught "$(call cut)
    catch: rescue
    then: end
  - id: rescue
    set: {type: \"\${ .steps.send.error.type }\"}"
flow three '  - id: each
    for:
      in: "[1, 2, 3]"
      parallel: 3
      on_error: collect
      do:
        - id: send
          call: mail.cut
          with: {n: "${ .item }"}'
d_publish
d_start web web
d_start worker worker
d_start sweeper sweeper
d_token boss approve,submit,read
boss=$token
d_token writer submit,read
writer=$token
d_token second approve
second=$token

http() {	# TOKEN METHOD TARGET [BODY]: $code, $body
	code=$(d_http -o "$D/body" -w '%{http_code}' -X "$2" -H "Authorization: Bearer $1" ${4:+-H 'Content-Type: application/json' -d "$4"} "http://agentd$3")
	body=$(cat "$D/body")
}
say() { http "$1" POST "/tasks/$task/reconcile" "$2"; }
uncertain() {	# WORKFLOW [N]: a parked task, $task
	n=$((n + 1))
	task=$(ctl submit "$1" --input "{\"n\": $n}")
	wait_for 10 task_is "$task" uncertain || fail "$1 becomes uncertain" "$(task_state "$task")"
}
n=0
sent() { grep -c "\"n\":$1}" "$D/effects.txt"; }
step() { sql "SELECT agentd.task_view('$task', '', true)::json -> 'steps' -> 0 ->> '$1'"; }
ended() { [ "$(sql "SELECT count(*) FROM agentd.tasks WHERE id = '$task' AND state IS NOT NULL")" = 1 ]; }

# --- a ledger that cannot be read for a while ---
uncertain cut
sql "ALTER FUNCTION agentd.effect_read(uuid, bytea) RENAME TO effect_read_away"
say "$boss" '{"path": "send", "decision": "happened", "result": {"id": 0}}'
is "a word is taken while the ledger cannot be read by workers" "$code" 200
ok "a worker tries to" wait_for 10 d_has_line worker "effect.unread task=$task"
looks_again() { [ "$(sql "SELECT state, run_at BETWEEN now() AND now() + interval '60 s' FROM agentd.task_queue WHERE id = '$task'")" = "uncertain|t" ]; }
ok "the task waits, and until when" wait_for 10 looks_again
looked_more() { [ "$(grep -c "effect.unread task=$task" "$D/worker.log")" -ge 3 ]; }
ok "a worker looks again" wait_for 30 looked_more
sql "ALTER FUNCTION agentd.effect_read_away(uuid, bytea) RENAME TO effect_read"
ok "it goes on when the ledger is there" wait_for 30 task_is "$task" succeeded
is "with what was said" "$(sql "SELECT output::text FROM agentd.tasks WHERE id = '$task'")" '{"id":0}'
is "nobody sent it again" "$(sent $n)" 1

# --- happened, over HTTP ---
uncertain cut
is "nobody sends it again" "$(sent $n)" 1
like "the step shows the call that is uncertain" "$(step call)" "\"tool\" *: *\"mail.cut\".*\"n\": *$n"
say "$writer" '{"path": "send", "decision": "happened", "result": {"id": 1}}'
is "without the scope approve" "$code" 403
for bad in '{"path": "send"}' '{"path": "send", "decision": "perhaps"}' '{"path": "send", "decision": "happened"}' \
	'{"path": "send", "decision": "give_up", "result": 1}' '{"path": "send", "decision": "give_up", "why": 1}' '[]' \
	'{"path": "send", "decision": "give_up", "try": 0}' '{"path": 7, "decision": "give_up"}'; do
	say "$boss" "$bad"
	is "$bad" "$code" 422
done
say "$boss" '{"path": "other", "decision": "give_up"}'
is "an unknown path" "$code" 404
http "$boss" POST "/tasks/01900000-0000-7000-8000-000000000001/reconcile" '{"path": "send", "decision": "give_up"}'
is "an unknown task" "$code" 404
http "$boss" POST "/tasks/abc/reconcile" '{"path": "send", "decision": "give_up"}'
is "an id that is none" "$code" 404
say "$boss" '{"path": "send", "decision": "give_up", "try": 2}'
is "another try" "$code" 409
is "all this changed nothing" "$(task_state "$task")" uncertain
say "$boss" '{"path": "send", "decision": "happened", "result": {"id": 1}, "try": 1}'
is "happened" "$code" 200
like "the answer is the decision" "$body" "\"path\":\"send\",\"try\":1,\"tool\":\"mail.cut\",\"decision\":\"happened\",\"by\":\"token:boss\""
ok "the task goes on" wait_for 10 task_is "$task" succeeded
is "its output is what was said" "$(sql "SELECT output::text FROM agentd.tasks WHERE id = '$task'")" '{"id":1}'
is "it was sent once" "$(sent $n)" 1
like "the step says who said what" "$(step reconciled)" '"decision":"happened","by":"token:boss","at":"20'
is "the ledger too" "$(sql "SELECT state, decision, resolved_by, result::text FROM agentd.effects WHERE task = '$task'")" 'done|happened|token:boss|{"id":1}'
say "$boss" '{"path": "send", "decision": "happened", "result": {"id": 1}}'
is "the same again, after the end" "$code" 200
say "$second" '{"path": "send", "decision": "happened", "result": {"id": 1}}'
is "the same of somebody else" "$code" 409
like "names the word that counts" "$body" 'happened, by token:boss'
say "$boss" '{"path": "send", "decision": "give_up"}'
is "another word" "$code" 409

# --- did not happen, by agentctl ---
uncertain cut
said=$(ctl reconcile "$task" send did-not-happen)
like "agentctl says it" "$said" '^send did_not_happen, by os:[a-z0-9]+ at 20.*; the task is ready$'
ok "the call is made again by itself" wait_for 10 task_is "$task" succeeded
is "with the same key" "$(grep "\"n\":$n}" "$D/effects.txt" | sed 's/.*"key":"\([0-9a-f]*\)".*/\1/' | sort | uniq -c | sed 's/ *\([0-9]*\).*/\1/')" 2
is "its answer is the output" "$(sql "SELECT output ->> 'seen' FROM agentd.tasks WHERE id = '$task'")" 2
is "in a second try" "$(step try)" 2
like "and who said so stays" "$(ctl get "$task" --json)" '"reconciled":\{"decision":"did_not_happen","by":"os:'

# --- give up, as JSON, caught ---
uncertain caught
like "agentctl --json" "$(ctl --json reconcile "$task" send give-up)" '^\{"task":.*"decision":"give_up"'
ok "a step that is given up is caught" wait_for 10 task_is "$task" succeeded
is "with the error that made it uncertain" "$(sql "SELECT output ->> 'type' FROM agentd.tasks WHERE id = '$task'")" tool.failed
is "the effect stays uncertain in the ledger" "$(sql "SELECT state, decision FROM agentd.effects WHERE task = '$task'")" "uncertain|give_up"
is "nothing was sent again" "$(sent $n)" 1

# --- agentctl's own checks and statuses ---
uncertain cut
status_of() { "$@" >"$D/out" 2>"$D/err"; echo $?; }
is "happened without --result" "$(status_of ctl reconcile "$task" send happened)" 2
is "--result with give-up" "$(status_of ctl reconcile "$task" send give-up --result 1)" 2
is "a word that is none" "$(status_of ctl reconcile "$task" send maybe)" 2
like "it names the words" "$(cat "$D/err")" 'happened, did-not-happen or give-up'
is "too few arguments" "$(status_of ctl reconcile "$task" send)" 2
is "no task id" "$(status_of ctl reconcile abc send give-up)" 2
is "--try of another" "$(status_of ctl reconcile "$task" send give-up --try 9)" 4
is "--try that is none" "$(status_of ctl reconcile "$task" send give-up --try 0)" 2
is "another path" "$(status_of ctl reconcile "$task" nowhere give-up)" 3
is "another option" "$(status_of ctl reconcile "$task" send give-up --force)" 2
is "a result that is no JSON" "$(status_of ctl reconcile "$task" send happened --result '{')" 1
echo '[1, "two"]' >"$D/result.json"
is "a result from a file" "$(status_of ctl reconcile "$task" send happened --result "@$D/result.json")" 0
ok "the task ends" wait_for 10 task_is "$task" succeeded
is "with it" "$(sql "SELECT output::text FROM agentd.tasks WHERE id = '$task'")" '[1,"two"]'
is "another word" "$(status_of ctl reconcile "$task" send give-up)" 4

# --- several in one task, two people at once ---
n=100
task=$(ctl submit three --input '{}')
all_three() { [ "$(sql "SELECT count(*) FROM agentd.effects WHERE task = '$task' AND state = 'uncertain'")" = 3 ]; }
ok "three calls are uncertain" wait_for 10 all_three
ok "and the task with them" wait_for 10 task_is "$task" uncertain
http "$boss" POST "/tasks/$task/reconcile" '{"path": "each[1]/send", "decision": "happened", "result": "two"}' &
one=$!
(code=; http "$second" POST "/tasks/$task/reconcile" '{"path": "each[0]/send", "decision": "give_up"}'; echo "$code" >"$D/second.code")
wait $one
ctl reconcile "$task" 'each[2]/send' happened --result '"three"' >/dev/null
ok "each has its word, the task ends" wait_for 10 task_is "$task" succeeded
is "as was said" "$(sql "SELECT (output -> 0 -> 'error' ->> 'type') || ' ' || (output ->> 1) || ' ' || (output ->> 2) FROM agentd.tasks WHERE id = '$task'")" "tool.failed two three"

# --- a cancel in between ---
for word in "happened --result 1" did-not-happen give-up; do
	uncertain cut
	ctl cancel "$task" >/dev/null
	is "a cancel does not end what is uncertain" "$(task_state "$task")" uncertain
	# shellcheck disable=SC2086
	ctl reconcile "$task" send $word >/dev/null
	ok "cancelled after \"$word\"" wait_for 10 task_is "$task" cancelled
	is "nothing was sent again" "$(sent $n)" 1
done
is "the ledger is settled first" "$(sql "SELECT string_agg(e.state || ' ' || e.decision, ', ' ORDER BY e.created_at) FROM agentd.effects e JOIN agentd.tasks t ON t.id = e.task WHERE t.state = 'cancelled'")" \
	"done happened, failed_before_effect did_not_happen, uncertain give_up"

# --- the tool's own query ---
run() { n=$((n + 1)); task=$(ctl submit "$1" --input "{\"n\": $n}"); wait_for 15 ended; }
run asked-cut
is "the query says that it happened" "$(sql "SELECT state, (output ->> 'line')::integer > 0 FROM agentd.tasks WHERE id = '$task'")" "succeeded|t"
is "it was sent once" "$(sent $n)" 1
like "the tool's name stands for who said so" "$(step reconciled)" '"decision":"happened","by":"tool:mail.asked_cut"'
run asked-drop
is "the query says that it did not: it is sent" "$(sql "SELECT state FROM agentd.tasks WHERE id = '$task'") $(sent $n)" "succeeded 1"
is "by a second try" "$(step try)" 2
uncertain asked-vague
asked() { [ "$(sql "SELECT count(*) FROM agentd.task_log WHERE task = '$task' AND kind = 'ask.answered'")" -ge "$1" ]; }
ok "a query that does not know leaves it to people" wait_for 5 asked 1
ok "the task waits for the next ask" wait_for 5 sql "SELECT 1 / (run_at > now())::integer FROM agentd.task_queue WHERE id = '$task' AND state = 'uncertain'"
ctl reconcile "$task" send happened --result 5 >/dev/null
ok "a person knows" wait_for 10 task_is "$task" succeeded
n=$((n + 1))
task=$(ctl submit program --input '{}')
ok "a program is asked, too" wait_for 10 task_is "$task" succeeded
is "by the key" "$(sql "SELECT output ->> 'key' = encode(e.key, 'hex') FROM agentd.tasks t JOIN agentd.effects e ON e.task = t.id WHERE t.id = '$task'")" t

# --- killed between dispatch and answer, by class ---
d_stop sink
d_sink 1500
flow look '  - id: send
    call: sink.look
    with: {n: "${ .input.n }"}'
flow again '  - id: send
    call: sink.again
    with: {n: "${ .input.n }"}'
flow once '  - id: send
    call: sink.once
    with: {n: "${ .input.n }"}'
d_publish
d_stop worker
d_start worker worker
arrived() { [ "$(grep -c "\"n\":$n}" "$D/effects.txt")" -ge 1 ]; }
for w in look again once; do
	n=$((n + 1))
	task=$(ctl submit $w --input "{\"n\": $n}")
	ok "$w: the call is under way" wait_for 10 arrived
	d_signal worker KILL
	d_status worker
	d_start worker worker
	if [ $w = once ]; then
		ok "$w: uncertain" wait_for 15 task_is "$task" uncertain
		is "$w: started once" "$(sent $n)" 1
		ctl reconcile "$task" send happened --result '"it did"' >/dev/null
		ok "$w: a person's word ends it" wait_for 10 task_is "$task" succeeded
		is "$w: and nothing is sent again" "$(sent $n)" 1
	else
		ok "$w: made again" wait_for 20 task_is "$task" succeeded
		is "$w: under the same key" "$(grep "\"n\":$n}" "$D/effects.txt" | sed 's/.*"key":"\([0-9a-f]*\)".*/\1/' | sort -u | wc -l | tr -d ' ')" 1
	fi
done
# a cancel of what a dead worker left under way: the ledger says uncertain before anything ends
n=$((n + 1))
d_stop sweeper
task=$(ctl submit once --input "{\"n\": $n}")
ok "the call is under way" wait_for 10 arrived
d_signal worker KILL
d_status worker
sql "UPDATE agentd.workers SET lease_until = now() - interval '1 s' WHERE ended_at IS NULL; SELECT agentd.sweep_expired_workers('{}')" >/dev/null
ctl cancel "$task" >/dev/null
is "a cancel between two workers ends nothing" "$(task_state "$task")" ready
d_start worker worker
ok "the next worker says that it is uncertain" wait_for 10 task_is "$task" uncertain
ctl reconcile "$task" send give-up >/dev/null
ok "then it is cancelled" wait_for 10 task_is "$task" cancelled
done_testing
