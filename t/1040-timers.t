#!/bin/sh
# 1040-timers.t - waits are rows: they pass while nothing runs, fire once, in order; deadlines hold.
. "$top_srcdir/t/lib/pg.sh"
. "$top_srcdir/t/lib/daemon.sh"

d_init
cat >"$D/root/workflows/nap.yaml" <<'END'
agentd: v1
name: nap
input: {type: object, required: [until], properties: {until: {type: string}}}
steps:
  - id: nap
    wait: {until: "${ .input.until }"}
  - id: after
    set: {awake: true}
output: {awake: "${ .vars.awake }"}
END
cat >"$D/root/workflows/short.yaml" <<'END'
agentd: v1
name: short
budget: {wall: 2s}
steps:
  - id: nap
    wait: 1h
END
cat >"$D/root/workflows/now.yaml" <<'END'
agentd: v1
name: now
steps:
  - id: one
    set: {n: 1}
END
d_publish
in_s() { date -u -d "@$(($(date +%s) + $1))" +%Y-%m-%dT%H:%M:%SZ; }
done_at() { sql "SELECT finished_at FROM agentd.tasks WHERE id = '$1'"; }

d_start worker worker
d_start sweeper sweeper
is "nothing ran before" "$(sql "SELECT count(*) FROM agentd.tasks")" 0
past=$(ctl submit nap --input '{"until": "2020-01-01T00:00:00Z"}')
ok "a time that has passed does not wait" wait_for 5 task_is "$past" succeeded
when=$(in_s 3)
task=$(ctl submit nap --input "{\"until\": \"$when\"}")
far=$(ctl submit nap --input "{\"until\": \"$(in_s 3600)\"}")
ok "it waits" wait_for 5 task_is "$task" waiting_timer
is "a waiting task has no worker" "$(sql "SELECT count(*) FROM agentd.task_queue WHERE id IN ('$task', '$far') AND worker IS NOT NULL")" 0

# --- nothing runs while the time passes ---
d_signal worker KILL
d_status worker
d_signal sweeper KILL
d_status sweeper
wait_for 10 sh -c "[ \$(date +%s) -gt $(date -d "$when" +%s) ]"
is "it still waits: nobody was there" "$(task_state "$task")" waiting_timer
d_start worker worker
ok "it goes on when a worker comes, even without a sweeper" wait_for 5 task_is "$task" succeeded
is "once" "$(sql "SELECT count(*) FROM agentd.task_log WHERE task = '$task' AND path = 'nap' AND kind = 'step.succeeded'")" 1
is "the far one waits on" "$(task_state "$far")" waiting_timer

# --- a timer fires near its time, and not before ---
when=$(in_s 2)
task=$(ctl submit nap --input "{\"until\": \"$when\"}")
ok "it fires" wait_for 6 task_is "$task" succeeded
late=$(sql "SELECT (extract(epoch FROM finished_at - '$when'::timestamptz) * 1000)::int FROM agentd.tasks WHERE id = '$task'")
[ "$late" -ge 0 ] && [ "$late" -lt 1000 ] && pass "within a second after its time ($late ms)" || fail "within a second after its time" "$late ms"

# --- run_at, deadline, wall budget ---
task=$(ctl submit now --run-at "$(in_s 2)")
is "a submission for later waits" "$(task_state "$task")" waiting_timer
ok "and runs then" wait_for 6 task_is "$task" succeeded
d_start sweeper sweeper
task=$(ctl submit nap --input "{\"until\": \"$(in_s 3600)\"}" --deadline "$(in_s 2)")
ok "a deadline expires a waiting task" wait_for 8 task_is "$task" expired
is "with the type of a wall budget" "$(sql "SELECT error ->> 'type' FROM agentd.tasks WHERE id = '$task'")" budget.wall
task=$(ctl submit short)
ok "so does the workflow's wall budget" wait_for 8 task_is "$task" expired
ctl submit now --deadline 2020-01-01T00:00:00Z >"$D/out" 2>&1
is "a deadline in the past is refused" $? 1

# --- many timers at once ---
when=$(in_s 2)
sql "SELECT count(agentd.submit('nap', '{\"until\": \"$when\"}')) FROM generate_series(1, 500)" >/dev/null
napped() { [ "$(sql "SELECT count(*) FROM agentd.tasks WHERE workflow = 'nap' AND state = 'succeeded'")" -ge 503 ]; }
ok "500 timers of one instant all fire" wait_for 20 napped
is "each once" "$(sql "SELECT count(*) FROM (SELECT FROM agentd.task_log WHERE path = 'nap' AND kind = 'step.succeeded' GROUP BY task HAVING count(*) > 1) x")" 0
done_testing
