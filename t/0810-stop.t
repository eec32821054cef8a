#!/bin/sh
# 0810-stop.t - every end of agentd: with tasks, requests and files under way, with the database away, at a start that fails.
. "$top_srcdir/t/lib/pg.sh"
. "$top_srcdir/t/lib/daemon.sh"

d_init "worker: {lease: 10s, heartbeat: 200ms, poll: 200ms, drain: 30s}"
d_sink 4000
cat >"$D/root/workflows/slow.yaml" <<'YAML'
agentd: v1
name: slow
input: {type: object, required: [n], properties: {n: {type: integer}}}
steps:
  - id: first
    call: sink.again
    with: {n: "${ .input.n }"}
YAML
cat >"$D/root/workflows/nap.yaml" <<'YAML'
agentd: v1
name: nap
steps:
  - id: nap
    wait: 1h
YAML
d_publish
d_token
started() { [ "$(wc -l <"$D/effects.txt")" -ge "$1" ]; }
waiting() { [ "$(ctl get "$1" --json | grep -c waiting_timer)" = 1 ]; }

# --- a start that fails ---
d_start all all
"$agentd" -c "$D/agentd.yaml" all >"$D/second.out" 2>&1 </dev/null
is "a second server at the same address does not start" $? 1
like "and says why" "$(cat "$D/second.out")" 'another server answers at'
is "it leaves no worker behind" "$(sql "SELECT count(*) FROM agentd.workers WHERE ended_at IS NULL")" 1
ok "the first one still answers" d_http -f http://agentd/readyz

# --- tasks run, somebody waits, the database goes; told to stop, and to hurry ---
ctl submit slow --input '{"n": 1}' >/dev/null
nap=$(ctl submit nap)
ok "a step runs" wait_for 10 started 1
ok "a task waits" wait_for 10 waiting "$nap"
d_spawn poll curl -sS -m 30 --unix-socket "$D/web.sock" -H "Authorization: Bearer $token" "http://agentd/tasks/$nap?wait=20s"
sleep 0.3
pg_down immediate
before=$(now_ms)
d_signal all TERM
ok "it drains" wait_for 5 d_has_line all worker.drain
d_signal all TERM
d_status all
is "it stops with status 0" "$status" 0
took=$(($(now_ms) - before))
[ $took -lt 9000 ] && pass "in time ($took ms)" || fail "in time" "$took ms"
d_status poll
like "the waiting one got an answer" "$(cat "$D/poll.log")" '503|stopping|does not answer'
pg_up
d_start all all
all_run() { [ "$(sql "SELECT count(*) FROM agentd.tasks WHERE state = 'succeeded'")" = 1 ]; }
ok "the abandoned task goes on when its lease has run out" wait_for 40 all_run

# --- nothing runs, the database is away: one signal is enough ---
pg_down immediate
before=$(now_ms)
d_stop all
is "it stops with status 0 without a database" "$status" 0
took=$(($(now_ms) - before))
[ $took -lt 4000 ] && pass "at once ($took ms)" || fail "at once" "$took ms"

# --- never a database at all ---
: >"$D/worker.log"
d_spawn worker "$agentd" -c "$D/agentd.yaml" worker
ok "it looks for its database" wait_for 10 d_has_line worker store.unreachable
d_stop worker
is "a worker that never had one stops with status 0" "$status" 0
d_spawn sweeper "$agentd" -c "$D/agentd.yaml" sweeper
sleep 0.2
d_stop sweeper
is "so does a sweeper" "$status" 0
pg_up

# --- settings that cannot be read are not the default ones ---
mkdir "$D/elsewhere"
mkdir "$D/elsewhere/agentd.yaml"
(cd "$D/elsewhere" && "$agentd" worker >"$D/unreadable.out" 2>&1 </dev/null)
is "settings that cannot be read end the start" $? 1
(cd "$D/elsewhere" && "$agentctl" list >"$D/unreadable.out" 2>&1 </dev/null)
is "of agentctl too" $? 1
done_testing
