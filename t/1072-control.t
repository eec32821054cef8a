#!/bin/sh
# 1072-control.t - retry, fork, pause and purge with the real programs: what is kept, what runs again, what is refused, what is left.
. "$top_srcdir/t/lib/pg.sh"
. "$top_srcdir/t/lib/daemon.sh"

d_init 'worker: {lease: 1s, heartbeat: 200ms, poll: 200ms}' 'sweeper: {interval: 200ms}'
d_stub --log "$D/asked.txt"
d_routing 'script: {provider: stub, id: stub/script, context: 100000, max_output: 100, can: [tools, json], price: {input: 1.00, output: 2.00, as_of: 2026-11-01}}'
d_sink
cat >"$D/root/tools.d/mend.yaml" <<END
agentd: v1
name: lab.mend
description: Fails until somebody mends it, for numbers from 3 on.
args: {type: object, required: [n], properties: {n: {type: integer}}}
effect: pure
exec: {argv: [/bin/sh, -c, 'test "\$1" -lt 3 || test -e $D/mended || exit 1; echo "{\"n\": \$1}"', sh, "\${ .args.n }"], result: .json}
END
cat >"$D/root/workflows/chain.yaml" <<'END'
agentd: v1
name: chain
input: {type: object, required: [n], properties: {n: {type: integer}, note: {type: string}}}
budget: {usd: 1.00, wall: 1h}
steps:
  - {id: first, call: sink.again, with: {n: "${ .input.n }"}}
  - {id: fix, call: lab.mend, with: {n: 3}}
  - {id: last, call: sink.look, with: {n: "${ .input.n }"}}
output: {first: "${ .steps.first.output.serial }", fix: "${ .steps.fix.output.n }"}
END
cat >"$D/root/workflows/each.yaml" <<'END'
agentd: v1
name: each
steps:
  - id: before
    set: {list: [1, 2, 3, 4]}
  - id: all
    for:
      in: .vars.list
      do:
        - {id: tell, call: sink.again, with: {n: "${ 100 + .item }"}}
        - {id: fix, call: lab.mend, with: {n: "${ .item }"}}
  - {id: after, set: {done: true}}
output: "${ .steps.all.output }"
END
cat >"$D/root/workflows/mail.yaml" <<'END'
agentd: v1
name: mail
steps:
  - {id: before, set: {n: 1}}
  - {id: send, call: sink.once, with: {n: 7}}
  - {id: fix, call: lab.mend, with: {n: 3}}
END
cat >"$D/root/workflows/talk.yaml" <<'END'
agentd: v1
name: talk
steps:
  - id: work
    agent: {tier: script, prompt: "Go\n${ .input.script }", tools: [sink.again, sink.look]}
  - {id: fix, call: lab.mend, with: {n: 3}}
output: "${ .steps.work.output.text }"
END
cat >"$D/root/workflows/quick.yaml" <<'END'
agentd: v1
name: quick
steps: [{id: one, set: {n: 1}}]
END
cat >"$D/root/workflows/gate.yaml" <<'END'
agentd: v1
name: gate
steps:
  - {id: may, approve: {title: "May I, ${ .input.who }?"}}
  - {id: fix, call: lab.mend, with: {n: 3}}
END
cat >"$D/root/policies/risk.yaml" <<'END'
agentd: v1
rules:
  - {id: nothing-secret, when: '.tool == null and .task.submitted_by == "token:kept-out"', verdict: deny, risk: high}
  - {id: rest, verdict: allow, risk: low}
END
d_publish
d_start worker worker
d_start sweeper sweeper
d_start web web
d_token all
all=$token
d_token plain submit,read
plain=$token
d_token kept-out submit,admin,read
kept_out=$token

submit() { ctl submit "$@" 2>&1; }
ended() { wait_for 20 sh -c "$agentctl -c $D/agentd.yaml get $1 --json | jq -e '.finished_at'"; }
field() { ctl get "$1" --json | jq -c "$2"; }
told() { grep -c "\"n\":$1}" "$D/effects.txt"; }	# how often the witness heard N
http() {	# TOKEN METHOD PATH [BODY] [CURL-OPTION...]
	h_token=$1 h_method=$2 h_path=$3 h_body=${4:-}
	[ $# -lt 4 ] && shift 3 || shift 4
	d_http -o "$D/body" -w '%{http_code}' -X "$h_method" -H "Authorization: Bearer $h_token" \
		${h_body:+-H 'Content-Type: application/json' -d "$h_body"} "$@" "http://agentd$h_path"
}
body() { jq -cr "$1" "$D/body"; }

# --- retry ---
t=$(submit chain --input '{"n": 11}')
ended "$t"
is "a tool fails" "$(field "$t" '[.state, .error.step]')" '["failed","fix"]'
is "a retry that meets the same failure" "$(ctl retry "$t" --follow >"$D/out" 2>&1; echo $?)" 7
touch "$D/mended"
is "the tool is mended, and the task retried" "$(http "$plain" POST "/tasks/$t/retry" '{}') $(body .detail)" "404 no task $t"
is "by those who may see it" "$(http "$all" POST "/tasks/$t/retry" '{}' -H 'Idempotency-Key: again' -D "$D/head")" 202
r=$(body .id)
like "its place is told" "$(cat "$D/head")" "Location: /tasks/$r"
is "sent again, the same answer" "$(http "$all" POST "/tasks/$t/retry" '{}' -H 'Idempotency-Key: again' -D "$D/head") $(body .id) $(grep -ci idempotency-replayed "$D/head")" "202 $r 1"
is "the key with another request" "$(http "$all" POST "/tasks/$t/retry" '{"step": "fix"}' -H 'Idempotency-Key: again')" 422
ended "$r"
is "it succeeds, and says what it was made from" "$(field "$r" '[.state, .origin.kind, .origin.step, .origin.task]')" "[\"succeeded\",\"retry\",\"fix\",\"$t\"]"
is "the witness heard of the first step once" "$(told 11)" 2
is "its output is there" "$(field "$r" '[.output.fix, .output.first == .steps[0].output.serial]')" '[3,true]'
is "the failed task stays as it was" "$(field "$t" .state)" '"failed"'
is "what succeeded is not retried" "$(http "$all" POST "/tasks/$r/retry" '{}') $(body .detail)" "409 task $r has succeeded: there is nothing to retry"
is "a body that is none" "$(http "$all" POST "/tasks/$t/retry" '{"step": 1}') $(http "$all" POST "/tasks/$t/retry" '{"stepp": "a"}') $(http "$all" POST "/tasks/$t/fork" '{"input": []}')" "422 422 422"
is "policy judges it like a submission" "$(http "$kept_out" POST "/tasks/$t/retry" '{}')" 403

# --- inside a loop ---
rm "$D/mended"
t=$(submit each)
ended "$t"
is "an iteration fails" "$(field "$t" '[.state, .error.step]')" '["failed","all[2]/fix"]'
touch "$D/mended"
r=$(ctl retry "$t")
ended "$r"
is "the retry goes on in the loop" "$(field "$r" '[.state, .output]')" '["succeeded",[{"n":1},{"n":2},{"n":3},{"n":4}]]'
is "every item was told once" "$(told 101) $(told 102) $(told 103) $(told 104)" "1 1 1 1"
is "what was kept costs nothing and was not claimed" "$(sql "SELECT bool_and(cost_usd IS NULL) AND count(*) > 5 FROM agentd.task_log WHERE task = '$r' AND fence = 0")" t

# --- inside an agent ---
t=$(submit talk --input "$(jq -cn '{script: "@call sink_again {\"n\": 21}\n@turn\n@delay 1500\n@call sink_again {\"n\": 22}\n@turn\n@say done"}')")
ok "the agent's second turn is asked" wait_for 20 sh -c "$agentctl -c $D/agentd.yaml get $t --json | jq -e '.steps[] | select(.path == \"work/turn-1/call-0\" and .status == \"succeeded\")'"
ctl cancel "$t" >/dev/null
ended "$t"
is "it is cancelled" "$(field "$t" .state)" '"cancelled"'
r=$(ctl retry "$t")
ended "$r"
is "the retry asks the turns that are missing" "$(field "$r" '[.state, .output, .usage.calls]')" '["succeeded","done",2]'
is "each call was made once" "$(told 21) $(told 22)" "1 1"
is "it paid for its own turns alone" "$(sql "SELECT cost_usd = (SELECT sum(cost_usd) FROM agentd.model_calls WHERE task = '$r') FROM agentd.tasks WHERE id = '$r'")" t

# --- fork ---
t=$(submit chain --input '{"n": 31}')
ended "$t"
r=$(ctl fork "$t")
ended "$r"
is "a fork from the start does all again" "$(told 31) $(field "$r" '[.origin.kind, .origin.step]')" '4 ["fork",null]'
r=$(ctl fork "$t" --step last)
ended "$r"
is "one at a step keeps what stands before it" "$(told 31) $(field "$r" .state)" '5 "succeeded"'
is "a step it never came to" "$(http "$all" POST "/tasks/$t/fork" '{"step": "nowhere"}') $(body .detail)" "409 task $t never came to step \"nowhere\""
is "a step inside another" "$(http "$all" POST "/tasks/$t/fork" '{"step": "all[1]/fix"}')" 409
is "another input that does not fit" "$(http "$all" POST "/tasks/$t/fork" '{"input": {"n": "x"}}') $(body '.errors[0].pointer')" "422 /input/n"
out=$(ctl fork "$t" --input '{"n": "x"}' 2>&1)
like "agentctl says so, too" "$? $out" 'does not fit the schema of workflow "chain"'
is "another input keeps nothing" "$(http "$all" POST "/tasks/$t/fork" '{"input": {"n": 32}, "step": "last"}')" 409
r=$(ctl fork "$t" --input '{"n": 32}')
ended "$r"
is "another input" "$(told 32) $(field "$r" .input)" '2 {"n":32}'
is "a task that lives" "$(live=$(submit gate --input '{"who": "you"}'); http "$all" POST "/tasks/$live/fork" '{}'; ctl cancel "$live" >"$D/out")" 409
out=$(ctl fork 019ab000-0000-7000-8000-000000000009 2>&1)
is "an unknown task" "$? $out" "3 agentctl: no task 019ab000-0000-7000-8000-000000000009"
out=$(ctl retry 2>&1)
is "usage" "$? $out" "2 agentctl: expected one TASK"

# --- calls that may be made once ---
rm "$D/mended"
t=$(submit mail)
ended "$t"
touch "$D/mended"
is "a call that may be made once is kept only knowingly" "$(http "$all" POST "/tasks/$t/retry" '{}') $(body .detail)" \
	"409 calls that may have happened: \"send\" (sink.once) is done and is kept as it is"
out=$(ctl fork "$t" --step send 2>&1)
like "and made again only knowingly" "$? $out" '^4 .*"send" \(sink.once\) is done and would be made again'
r=$(ctl retry "$t" --repeat-effects)
ended "$r"
is "kept: nothing is sent again" "$(field "$r" .state) $(told 7)" '"succeeded" 1'
is "the fork of a fork knows of it" "$(http "$all" POST "/tasks/$r/fork" '{}')" 409
r=$(ctl fork "$r" --repeat-effects)
ended "$r"
is "repeated: it is" "$(field "$r" .state) $(told 7)" '"succeeded" 2'

# --- another program ---
rm "$D/mended"
t=$(submit chain --input '{"n": 41}')
ended "$t"
old=$(field "$t" .bundle | tr -d '"')
sed -i 's/id: fix, call: lab.mend, with: {n: 3}/id: fix, call: lab.mend, with: {n: 2}/' "$D/root/workflows/chain.yaml"
d_publish
r=$(ctl fork "$t" --step fix --bundle active)
ended "$r"
is "a fork on the active program goes on with what was done" "$(field "$r" '[.state, .output.fix]') $(told 41)" '["succeeded",2] 2'
is "on the old one it fails as before" "$(ctl retry "$t" --bundle "$old" --follow >"$D/out" 2>&1; echo $?)" 7
sed -i 's/id: first, call: sink.again, with: {n: "${ .input.n }"}/id: first, set: {n: 1}/; s/^output:.*//' "$D/root/workflows/chain.yaml"
d_publish
is "what is kept has to be there" "$(http "$all" POST "/tasks/$t/retry" '{"bundle": "active"}') $(body .detail | sed 's/bundle [0-9a-f]*/bundle B/')" \
	'409 what is kept does not fit bundle B: step "first" is of kind call there: set'
r=$(ctl fork "$t" --bundle active)
ended "$r"
is "nothing kept fits" "$(field "$r" .state)" '"succeeded"'
is "bundles that are none" "$(http "$all" POST "/tasks/$t/fork" '{"bundle": "x"}') $(http "$all" POST "/tasks/$t/fork" "{\"bundle\": \"$(printf '%064d' 0)\"}")" "422 409"

# --- approvals are not reused ---
t=$(submit gate --input '{"who": "you"}')
asked() { ctl approvals list --json | jq -e --arg t "$1" '.approvals[] | select(.task == $t)'; }
ok "it asks" wait_for 20 asked "$t"
ctl approvals approve "$(asked "$t" | jq -r .id)" >/dev/null
ended "$t"
is "the step behind fails" "$(field "$t" .error.step)" '"fix"'
touch "$D/mended"
r=$(ctl retry "$t")
ended "$r"
is "what was approved and done is kept" "$(field "$r" '[.state, .steps[0].output.decision]')" '["succeeded","approved"]'
r=$(ctl fork "$t")
ok "what runs again asks again" wait_for 20 asked "$r"
ctl cancel "$r" >/dev/null

# --- killed at the worst moment ---
t=$(submit chain --input '{"n": 51}')
ended "$t"
web_is_dead() { ! d_alive web; }
for at in fork.before_send fork.after_reply; do
	d_stop web
	D_MAY_DIE=1 d_start web web "AGENTD_CRASH=$at:1"
	http "$all" POST "/tasks/$t/fork" '{"step": "fix"}' -H "Idempotency-Key: $at" >"$D/out" 2>&1
	if ! wait_for 5 web_is_dead; then
		skip "web is killed at $at" "the programs were built without crash points"
		d_signal web KILL
	fi
	d_status web
	d_start web web
	is "sent again it is there, once" "$(http "$all" POST "/tasks/$t/fork" '{"step": "fix"}' -H "Idempotency-Key: $at")" 202
	is "one fork for the key" "$(sql "SELECT count(*) FROM agentd.tasks t WHERE t.id = '$(body .id)'") $(sql "SELECT count(*) FROM agentd.idempotency_keys WHERE key = '$at'")" "1 1"
done
is "two forks in all" "$(sql "SELECT count(*) FROM agentd.tasks WHERE origin ->> 'task' = '$t'")" 2
r=$(ctl fork "$t" --step fix)
d_signal worker KILL
d_status worker
d_start worker worker
ended "$r"
is "a worker that dies with a fork" "$(field "$r" .state) $(sql "SELECT count(*) FROM agentd.task_log WHERE task = '$r' AND path = 'first'")" '"succeeded" 1'

# --- pause and resume ---
is "pausing needs the scope admin" "$(http "$plain" POST /workflows/quick/pause)" 403
is "an unknown workflow" "$(http "$all" POST /workflows/nope/pause)" 404
out=$(ctl pause nope 2>&1)
is "agentctl says so" "$? $out" '3 agentctl: no workflow "nope"'
flood() { while [ ! -e "$D/enough" ]; do sql "SELECT agentd.submit('quick') FROM generate_series(1, 20)"; done; }
d_spawn flood flood
ok "under load" wait_for 20 sh -c "[ \$(grep -c . $D/flood.log) -gt 200 ]"
is "paused" "$(http "$all" POST /workflows/quick/pause) $(body '[.name, .paused_at != null, .paused_by] | join(" ")')" "200 quick true token:all"
none_running() { [ "$(sql "SELECT count(*) FROM agentd.task_queue q JOIN agentd.tasks t USING (id) WHERE t.workflow = 'quick' AND q.state = 'running'")" = 0 ]; }
ok "those that run come to their end" wait_for 20 none_running
n=$(sql "SELECT count(*) FROM agentd.task_attempts")
t=$(submit quick)
o=$(submit chain --input '{"n": 61}')
ended "$o"
touch "$D/enough"
d_status flood
is "other workflows go on, this one begins nothing" "$(sql "SELECT count(*) - $n FROM agentd.task_attempts")" 1
is "submissions wait" "$(field "$t" '[.state, .lane, .waits_for.type]')" '["ready","default","workflow.paused"]'
like "and say for what" "$(ctl get "$t")" 'waits for +workflow "quick" is paused since .* by token:all: agentctl resume quick'
like "the list of workflows says it" "$(ctl workflows)" 'quick +[0-9a-f]{12} +paused'
is "lanes, doctor and figures do not take it for trouble" "$(ctl lanes --json | jq -c '.lanes[] | [.lane, .ready, .unclaimed, .paused > 0]') $(ctl doctor --json | jq -c '.checks[] | select(.name == "lanes").ok')" \
	'["default",0,0,true] true'
like "the figures count them" "$(d_http -H "Authorization: Bearer $all" http://agentd/metrics)" 'agentd_queue_tasks\{lane="default",state="paused"\} [1-9]'
d_publish
is "a reload does not resume it" "$(field "$t" .waits_for.type)" '"workflow.paused"'
is "one that waits can be cancelled" "$(ctl cancel "$t")" cancelled
is "resumed" "$(ctl resume quick)" "quick active"
ok "all of them end" wait_for 60 sh -c "[ \"\$($agentctl -c $D/agentd.yaml list --workflow quick --state ready --json | jq '.tasks | length')\" = 0 ]"
is "twice is as once" "$(ctl resume quick) $(ctl pause quick) $(ctl pause quick) $(ctl resume quick)" "quick active quick paused quick paused quick active"

# --- purge ---
secret=marmalade
ctl pause gate >/dev/null
live=$(submit gate --input "{\"who\": \"$secret\"}")
is "not of a task that lives" "$(http "$all" DELETE "/tasks/$live") $(body .detail)" "409 task $live has not ended: ready"
ctl cancel "$live" >/dev/null
ctl resume gate >/dev/null
rm "$D/mended"
big=$(head -c 70000 /dev/zero | tr '\0' x)
jq -cn --arg n "$secret $big" '{n: 71, note: $n}' >"$D/input.json"
t=$(submit chain --input "@$D/input.json" --label "about=$secret")
sed -i "s/title: .*/title: \"Send \${ .input.who }?\", show: \"\${ .input }\"}}/" "$D/root/workflows/gate.yaml"
d_publish
g=$(submit gate --input "{\"who\": \"$secret\"}")
a=$(submit talk --input "{\"script\": \"@call sink_look {\\\"$secret\\\": 1}\n@turn\n@say $secret\"}")
ended "$t"
ok "a question with the secret is asked" wait_for 20 asked "$g"
ctl approvals deny "$(asked "$g" | jq -r .id)" --comment "no $secret" >/dev/null
ended "$g"
ended "$a"
dump() { "$PG_BIN/pg_dump" "$AGENTD_DATABASE" | grep -c "$secret"; }
like "the secret is everywhere" "$(dump)" '^[1-9]'
is "purging needs the scope admin" "$(http "$plain" DELETE "/tasks/$t")" 403
for x in "$t" "$g" "$a"; do
	is "purged" "$(http "$all" DELETE "/tasks/$x") $(body '[.input, .output, .labels, .steps, .purged_at != null] | tojson')" "200 [null,null,{},[],true]"
done
is "purged with agentctl, and again" "$(ctl purge "$live") $(ctl purge "$live")" "cancelled cancelled"
is "nothing of it is left in the database" "$(dump)" 0
is "what stays" "$(field "$a" '[.id == "'"$a"'", .workflow, .finished_at != null, (.cost_usd | tonumber) > 0, .usage.calls]')" '[true,"talk",true,true,2]'
is "of the error its type" "$(field "$g" .error)" '{"type":"tool.failed","message":"purged","step":null,"retryable":false}'
is "its events tell nothing more" "$(d_http -H "Authorization: Bearer $all" "http://agentd/tasks/$t/events" | sed -n 's/^event: //p' | sort -u | tr '\n' ' ')" "claimed finished submitted "
is "a purged one is not retried or forked" "$(http "$all" POST "/tasks/$t/retry" '{}') $(http "$all" POST "/tasks/$t/fork" '{}')" "409 409"
done_testing
