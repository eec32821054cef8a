#!/bin/sh
# 0830-zombie.t - a worker that slept past its lease starts nothing, although it was allowed to just before.
. "$top_srcdir/t/lib/pg.sh"
. "$top_srcdir/t/lib/daemon.sh"

d_init "worker: {lease: 2s, heartbeat: 300ms, poll: 200ms}"
d_sink
cat >"$D/root/workflows/once.yaml" <<'YAML'
agentd: v1
name: once
input: {type: object, required: [n], properties: {n: {type: integer}}}
steps:
  - id: act
    call: sink.once
    with: {n: "${ .input.n }"}
YAML
d_publish
stopped() { grep -q '^State:.*stopped' "/proc/$(d_pid zombie)/status"; }
intent() { [ "$(sql "SELECT count(*) FROM agentd.effects WHERE task = '$1' AND state = 'dispatched'")" = 1 ]; }
ended() { [ "$(sql "SELECT count(*) FROM agentd.workers WHERE ended_at IS NOT NULL")" -ge 1 ]; }

# it stands still just behind the answer to the commit that allows the call
d_start zombie worker AGENTD_CRASH=commit.after_reply:1 AGENTD_CRASH_STOP=1 
task=$(ctl submit once --input '{"n": 1}')
if ! wait_for 10 stopped; then
	echo "1..0 # SKIP the programs were built without crash points"
	d_signal zombie CONT
	exit 0
fi
pass "the worker stands still"
ok "with the leave to act" intent "$task"
d_start sweeper sweeper
ok "its lease runs out" wait_for 20 ended
d_start other worker
ok "another worker finds a call that may have happened" wait_for 10 task_is "$task" uncertain
d_signal zombie CONT
ok "the sleeper hears that it lost its lease" wait_for 10 d_has_line zombie worker.lease_lost
ok "and registers anew" wait_for 10 d_has_line zombie 'worker.registered.*worker'
wait_for 2 test "$(wc -l <"$D/effects.txt")" -gt 0
is "the call was never made" "$(wc -l <"$D/effects.txt")" 0
is "the task waits for a person" "$(task_state "$task")" uncertain
d_stop zombie
is "the sleeper stops with status 0" "$status" 0

# a database that is away for longer than the lease, with nobody to take over: the tasks stay, and go on
d_stop other
d_stop sweeper
d_start worker worker
cat >"$D/root/workflows/steps.yaml" <<'YAML'
agentd: v1
name: steps
steps:
  - id: each
    for: {in: "${ [range(4)] }", do: [{id: act, call: sink.again, with: {n: "${ .item }"}}]}
YAML
d_publish
pg_down immediate
sleep 3
pg_up
task=$(ctl submit steps)
ok "work goes on after an outage longer than the lease" wait_for 20 task_is "$task" succeeded
d_stop worker
done_testing
