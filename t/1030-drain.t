#!/bin/sh
# 1030-drain.t - SIGTERM drains, a second one releases at once; neither counts a recovery.
. "$top_srcdir/t/lib/pg.sh"
. "$top_srcdir/t/lib/daemon.sh"

d_init "worker: {lease: 10s, heartbeat: 1s, poll: 500ms, drain: 20s}"
d_sink 1500
cat >"$D/root/workflows/slow.yaml" <<'END'
agentd: v1
name: slow
input: {type: object, required: [n], properties: {n: {type: integer}}}
steps:
  - id: first
    call: sink.again
    with: {n: "${ .input.n }"}
  - id: second
    call: sink.look
    with: {n: "${ .input.n }"}
END
d_publish
recoveries() { sql "SELECT coalesce(sum(r), 0) FROM (SELECT recoveries AS r FROM agentd.task_queue UNION ALL SELECT recoveries FROM agentd.tasks WHERE state IS NOT NULL) x"; }
started() { [ "$(wc -l <"$D/effects.txt")" -ge "$1" ]; }

# --- one SIGTERM: the running step is committed, the next one is not started ---
d_start worker worker
task=$(ctl submit slow --input '{"n": 1}')
ok "the first step runs" wait_for 10 started 1
before=$(now_ms)
d_stop worker
took=$(($(now_ms) - before))
is "the worker stops with status 0" "$status" 0
[ $took -lt 8000 ] && pass "within its steps' time ($took ms)" || fail "within its steps' time" "$took ms"
is "the running step was committed" "$(sql "SELECT count(*) FROM agentd.task_log WHERE task = '$task' AND path = 'first' AND kind = 'step.succeeded'")" 1
is "the next one was not started" "$(sql "SELECT count(*) FROM agentd.task_log WHERE task = '$task' AND path = 'second'")" 0
is "the task is ready again" "$(task_state "$task")" ready
is "the worker's row is ended" "$(sql "SELECT count(*) FROM agentd.workers WHERE ended_at IS NULL")" 0
d_start worker worker
ok "another worker goes on at once" wait_for 10 task_is "$task" succeeded
is "the first step did not run again" "$(grep -c ' /again ' "$D/effects.txt")" 1

# --- two: what runs is aborted and given back ---
task=$(ctl submit slow --input '{"n": 2}')
ok "its first step runs" wait_for 10 started 3
before=$(now_ms)
d_signal worker TERM
ok "it drains" wait_for 5 d_has_line worker worker.drain
d_signal worker TERM
d_status worker
took=$(($(now_ms) - before))
is "the worker stops with status 0 again" "$status" 0
[ $took -lt 1200 ] && pass "without waiting for the step ($took ms)" || fail "without waiting for the step" "$took ms"
is "the task is given back" "$(task_state "$task")" ready
d_start worker worker
ok "and ends elsewhere" wait_for 10 task_is "$task" succeeded
is "no recovery was counted" "$(recoveries)" 0
is "no attempt was lost" "$(sql "SELECT count(*) FROM agentd.task_attempts WHERE outcome = 'lost'")" 0

# --- all modes in one process: long polls are answered, then it goes ---
d_stop worker
d_start all all
d_token
task=$(ctl submit slow --input '{"n": 3}')
d_http -o "$D/poll.json" -w '%{http_code}' -H "Authorization: Bearer $token" "http://agentd/tasks/$task?wait=30s" >"$D/poll.code" &
poll=$!
ok "its step runs" wait_for 10 started 6
polls() { [ "$(grep -c "$D/web.sock" /proc/net/unix)" -ge 2 ] && d_http -f http://agentd/healthz; }
ok "the poll is there" wait_for 5 polls
before=$(now_ms)
d_stop all
is "all stops with status 0" "$status" 0
wait $poll
like "the long poll was answered" "$(cat "$D/poll.code")" '^(200|503)$'
is "still no recovery" "$(recoveries)" 0
done_testing
