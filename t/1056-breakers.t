#!/bin/sh
# 1056-breakers.t - breakers and limits through real workers: who is asked, who waits, what survives.
. "$top_srcdir/t/lib/pg.sh"
. "$top_srcdir/t/lib/daemon.sh"

d_init 'worker: {lease: 1s, heartbeat: 200ms, poll: 200ms}' 'sweeper: {interval: 200ms}'
d_stub --log "$D/asked.txt"
routing() {
	cat >"$D/root/policies/routing.yaml" <<-END
	agentd: v1
	defaults: {timeout: {connect: 1s, first_byte: 10s}, retry: {max: 0, backoff: [10ms, 20ms]}, breaker: {open: 6s, failures: 3, window: 60s}}
	providers:
	  flaky: {wire: openai, base_url: "$stub_url", key_env: [], timeout: {connect: 200ms, first_byte: 700ms}}
	  alone: {wire: openai, base_url: "$stub_url", key_env: []}
	  slow: {wire: openai, base_url: "$stub_url", key_env: [], max_in_flight: 2}
	  paced: {wire: openai, base_url: "$stub_url", key_env: [], rpm: 30}
	  good: {wire: openai, base_url: "$stub_url", key_env: []}
	models:
	  fails: {provider: flaky, id: stub/fail-3/a, price: free}
	  alone: {provider: alone, id: stub/alone/a, price: free}
	  slow: {provider: slow, id: stub/delay-1500, price: free}
	  paced: {provider: paced, id: paced, price: free}
	  good: {provider: good, id: good, price: free}
	  dead: {provider: flaky, id: stub/401, price: free}
	tiers:
	  fails: {steps: [{model: fails}, {model: good}]}
	  only: {steps: [{model: fails}]}
	  alone: {steps: [{model: alone}], deadline: 30s}
	  slow: {steps: [{model: slow}]}
	  paced: {steps: [{model: paced}]}
	  again: {steps: [{model: fails}], deadline: 1s, when_exhausted: {no_step_allowed: fail, all_open: requeue, all_failed: fail}}
	  lost: {steps: [{model: dead}], when_exhausted: {no_step_allowed: fail, all_open: fail, all_failed: requeue}}
	END
}
routing
for tier in fails only alone slow paced again lost; do
	printf 'agentd: v1\nname: %s\nsteps:\n  - {id: ask, model: {tier: %s, prompt: hello}}\n' $tier $tier >"$D/root/workflows/$tier.yaml"
done
d_publish
d_start one worker
d_start two worker
d_start sweeper sweeper
d_start web web
d_token

submit() { ctl --json submit "$@" | jq -r .id; }
ended() { ctl --json submit "$@" --follow 2>/dev/null | jq -r .state; }
health() { sql "SELECT agentd.health_read()" | jq -c "[.rows[] | select(.[0] == \"$1\") | ${2:-[.[1], .[3] != null, .[2]]}]"; }
asked() { grep -c " $1 " "$D/asked.txt"; }
models_of() { sql "SELECT string_agg(model_asked, ' ' ORDER BY at) FROM agentd.model_calls WHERE task = '$1'"; }

# --- fault 42: fails N times, then works ---
for i in 1 2 3; do is "a failure falls back ($i)" "$(ended fails)" succeeded; done
is "three open it, for all workers" "$(health flaky)" '[["",true,1]]'
like "explain says so" "$(ctl route explain --tier fails)" 'fails +flaky +open +its breaker is open for .* more, after overloaded'
is "and where a question goes" "$(ctl --json route explain --tier fails | jq -c '[.takes, [.steps[].verdict]]')" '["good",["open","usable"]]'
is "one after another, each worker passes it over" "$(for i in 1 2 3; do ended fails; done | sort | uniq -c | tr -s ' ')" " 3 succeeded"
is "it was not asked again" "$(asked stub/fail-3/a)" 3
is "open within the deadline: a tier with nothing else waits, is the probe, and goes on" "$(ended only)" succeeded
is "that closed it" "$(health flaky '.[3]')" '[null]'
is "and it is asked again" "$(models_of "$(submit fails >"$D/id"; wait_for 10 task_is "$(cat "$D/id")" succeeded; cat "$D/id")")" stub/fail-3/a
is "of a working provider no row is written" "$(health good)" '[]'

# --- a restart keeps it open ---
sql "UPDATE agentd.provider_health SET no = no + 1, opened_at = agentd.clock(), opened_until = agentd.clock() + interval '1 hour', error_class = 'timeout'
	WHERE provider = 'flaky'" >/dev/null
d_stop one
d_stop two
pg_restart
d_start one worker
d_start two worker
n=$(asked stub/fail-3/a)
is "after a restart of everything it is open still" "$(ended fails) $(($(asked stub/fail-3/a) - n))" "succeeded 0"
is "a tier with nothing else fails with what opened it" "$(ctl --json submit only --follow 2>/dev/null | jq -r '.error.type')" model.timeout
is "mended: somebody closes it" "$(ctl route close flaky)" "1 closed"
wait_for 5 sh -c "$agentctl -c $D/agentd.yaml --json route explain --tier fails | jq -e '.takes == \"fails\"'"
is "asked again" "$(ended fails) $(($(asked stub/fail-3/a) - n))" "succeeded 1"

# --- fault 43: works only when probed alone ---
sql "INSERT INTO agentd.provider_health (provider, scope, no, opened_at, opened_until, changed_at)
	VALUES ('alone', '', 1, agentd.clock(), agentd.clock() + interval '2 seconds', agentd.clock())" >/dev/null
sleep_until_read() { sql "SELECT pg_notify('agentd_health', '')" >/dev/null; }
sleep_until_read
for i in $(seq 12); do submit alone >>"$D/alone"; done
wait_for 30 all_settled
first=$(sql "SELECT count(*) FROM agentd.model_calls m JOIN (SELECT min(started_at) AS at, min(started_at) + interval '100 ms' AS until FROM agentd.model_calls
	WHERE provider = 'alone') f ON m.started_at < f.until WHERE m.provider = 'alone'")
is "twelve wait in two workers: one is the probe" "$first" 1
is "it found it well" "$(sql "SELECT error_class FROM agentd.model_calls WHERE provider = 'alone' ORDER BY started_at LIMIT 1")" ""

# --- a local server is not flooded, and why says who stands in line ---
d_stop one
d_stop two
for i in $(seq 14); do submit slow; done >"$D/slow"
d_start one worker
d_start two worker
waiting() {
	t=$(sql "SELECT task FROM agentd.model_waits ORDER BY since DESC LIMIT 1")
	[ -n "$t" ]
}
wait_for 10 waiting
why=$(ctl why "$t")
like "why names the slot" "$why" 'waits for a slot of the provider \(max_in_flight 2\), for .* at provider slow'
like "so does the API" "$(d_http -H "Authorization: Bearer $token" "http://agentd/tasks/$t" | jq -r '.waits_for | .type + " " + .message')" \
	'^model.slot step "ask/turn-1" waits for a slot'
wait_for 30 all_settled
is "two workers never asked more than four at once" "$(curl -s "${stub_url%/v1}/stats" | jq '.peak <= 4 or .peak')" true
wait_for 10 sh -c "[ \"\$(psql -XAtc 'SELECT count(*) FROM agentd.model_waits')\" = 0 ]"
is "nobody waits any more" "$(sql "SELECT count(*) FROM agentd.model_waits")" 0

# --- rpm, over two workers: a burst of three, then one in 2.14 s ---
for i in 1 2 3 4 5; do submit paced; done >"$D/paced"
wait_for 30 all_settled
is "five went, as far apart as rpm 30 says" "$(sql "SELECT count(*), (extract(epoch FROM max(started_at) - min(started_at)) BETWEEN 4.2 AND 8) FROM agentd.model_calls
	WHERE provider = 'paced'")" "5|t"

# --- requeue: parks, survives a kill, counts as no failure ---
sql "UPDATE agentd.provider_health SET no = no + 1, opened_at = agentd.clock(), opened_until = agentd.clock() + interval '6 seconds', error_class = 'timeout'
	WHERE provider = 'flaky'; SELECT pg_notify('agentd_health', '')" >/dev/null
wait_for 5 sh -c "[ \"\$($agentctl -c $D/agentd.yaml --json route explain --tier again | jq -r .else.then)\" = requeue ]"
t=$(submit again)
wait_for 10 task_is "$t" waiting_slot
is "all open: the task waits for a slot" "$(task_state "$t")" waiting_slot
like "until the breaker closes" "$(sql "SELECT run_at - agentd.clock() BETWEEN interval '2 s' AND interval '7 s' FROM agentd.task_queue WHERE id = '$t'")" '^t$'
like "why" "$(ctl why "$t")" 'Step "ask" waits for a model that may be asked, and asks again at .*; that counts as no try'
d_signal one KILL
d_signal two KILL
d_status one
d_status two
d_start one worker
wait_for 30 task_is "$t" succeeded
is "after a kill it is asked, and goes on" "$(task_state "$t")" succeeded
is "no failure was counted, and a model was asked once" "$(sql "SELECT failures, (SELECT count(*) FROM agentd.model_calls m WHERE m.task = t.id) FROM agentd.tasks t
	WHERE id = '$t'")" "0|1"
t=$(submit lost)
wait_for 10 task_is "$t" waiting_slot
is "all failed: it comes again" "$(task_state "$t")" waiting_slot
is "account errors open the provider, whatever the model" "$(health flaky '[.[1], (.[3] > 800000), .[5]]')" '[["",true,"auth"]]'
ok "it can be cancelled" ctl cancel "$t"
wait_for 10 task_is "$t" cancelled
is "and is" "$(task_state "$t")" cancelled
is "explain knows the task" "$(ctl --json route explain --tier fails --task "$t" | jq -r '.takes')" good
like "an unknown tier" "$(ctl route explain --tier nope 2>&1)" 'there is no tier "nope"'
d_signal sweeper KILL
like "without a database it says what the files say" "$(AGENTD_DATABASE=host=/nowhere ctl route explain --tier fails 2>&1 | tail -n 2)" 'nothing is known of breakers|goes to'
done_testing
