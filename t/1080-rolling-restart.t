#!/bin/sh
# 1080-rolling-restart.t - workers are restarted one after another under load: nothing is lost, nothing runs twice, and neither a
# failure nor a recovery is counted. Then two daemons with the same configuration.
#
# AGENTD_RESTARTS restarts (20) of three workers, in turn the new one before the old one goes and after it.
. "$top_srcdir/t/lib/pg.sh"
. "$top_srcdir/t/lib/daemon.sh"

restarts=${AGENTD_RESTARTS:-20}
d_init "worker: {lease: 20s, heartbeat: 2s, poll: 200ms, slots: 20, batch: 20, drain: 20s}"
d_sink 25
cat >"$D/root/workflows/five.yaml" <<'END'
agentd: v1
name: five
input: {type: object, required: [n], properties: {n: {type: integer}}}
steps:
  - id: first
    set: {n: "${ .input.n }"}
  - id: once
    call: sink.once
    with: {n: "${ .vars.n }"}
  - id: pause
    wait: 50ms
  - id: each
    for:
      in: "[1, 2]"
      parallel: 2
      do:
        - id: again
          call: sink.again
          with: {n: "${ .item }"}
  - id: look
    call: sink.look
    with: {n: "${ .vars.n }"}
output: {n: "${ .vars.n }"}
END
d_publish
tasks=0
submit() {
	sql "SELECT count(agentd.submit('five', json_build_object('n', g))) FROM generate_series($((tasks + 1)), $((tasks + $1))) g" >/dev/null || bail "submit failed"
	tasks=$((tasks + $1))
}
submit 300
for i in 1 2 3; do d_start "w$i" worker; done
d_start s1 sweeper
d_start s2 sweeper

# --- the restarts ---
has_task() { [ "$(sql "SELECT count(*) FROM agentd.task_queue q JOIN agentd.workers w ON w.id = q.worker WHERE w.pid = $(d_pid "$1")")" -gt 0 ]; }
ends() {	# NAME: told to go, it goes; its log is kept
	d_signal "$1" TERM
	d_status "$1"
	cat "$D/$1.log" >>"$D/gone.txt"
}
i=0 bad=
while [ "$i" -lt "$restarts" ]; do
	w=w$((i % 3 + 1))
	[ "$(sql "SELECT count(*) FROM agentd.task_queue")" -gt 250 ] || submit 150
	wait_for 10 has_task $w || fail "restart $i" "worker $w has no task: it would prove nothing"
	if [ $((i / 3 % 2)) = 0 ]; then
		d_start new worker # the old one goes on beside it
		ends $w
		eval "d_pid_$w=$(d_pid new) d_pid_new="
		mv "$D/new.log" "$D/$w.log" # it writes on
	else
		ends $w
		d_start $w worker
	fi
	[ "$status" = 0 ] || bad="$bad $i:$status"
	i=$((i + 1))
done
is "$i workers were restarted, each ended with status 0" "$bad" ""
ok "every task ends" wait_for 120 all_settled
drained=$(sed -n 's/.*worker.drain tasks=//p' "$D/gone.txt" | awk '$1 > 0 { n++; held += $1 } END { print n + 0, held + 0 }')
echo "# restarts with tasks in hand, tasks in hand: $drained"
[ "${drained% *}" -ge $((restarts * 3 / 4)) ] && pass "they had tasks in hand when they were told to go" || fail "they had tasks in hand" "$drained"
is "none was in such a hurry as to abort something" "$(grep -c worker.release "$D/gone.txt")" 0
d_load_sink
is "no task is lost" "$(sql "SELECT count(*), count(*) FILTER (WHERE state = 'succeeded') FROM agentd.tasks")" "$tasks|$tasks"
is "no recovery and no failure is counted" "$(sql "SELECT sum(recoveries), sum(failures) FROM agentd.tasks")" "0|0"
is "attempts were given back or came to their end" "$(sql "SELECT string_agg(DISTINCT outcome, ' ' ORDER BY outcome) FROM agentd.attempts
	WHERE outcome NOT IN ('left', 'released', 'succeeded', 'waiting_timer')")" ""
is "every attempt has ended" "$(sql "SELECT count(*) FROM agentd.attempts WHERE ended_at IS NULL")" 0
is "no step ran twice, of whatever class" "$(sql "SELECT count(*) FROM (SELECT FROM sink GROUP BY tool, task, n HAVING count(*) > 1) x")" 0
is "each ran" "$(sql "SELECT string_agg(tool || ' ' || k, ', ' ORDER BY tool) FROM (SELECT tool, count(*) AS k FROM sink GROUP BY tool) x")" \
	"again $((2 * tasks)), look $tasks, once $tasks"
is "no step was committed twice" \
	"$(sql "SELECT count(*) FROM (SELECT FROM agentd.task_log WHERE kind = 'step.succeeded' GROUP BY task, path HAVING count(*) > 1) x")" 0
given=$(sql "SELECT count(*) FROM agentd.task_attempts WHERE outcome IN ('left', 'released')")
[ "$given" -gt 0 ] && pass "tasks changed hands" || fail "tasks changed hands" "no attempt was given back: the test proved nothing"
sql "SELECT '# attempts: ' || string_agg(outcome || ' ' || n, ', ' ORDER BY outcome) FROM (SELECT outcome, count(*) AS n FROM agentd.attempts GROUP BY 1) x"
is "every incarnation has a row of its own" "$(sql "SELECT count(*) FROM agentd.workers")" "$((restarts + 3))"
is "and those that went have ended" "$(sql "SELECT count(*) FROM agentd.workers WHERE ended_at IS NULL")" 3
for w in w1 w2 w3 s1 s2; do d_stop $w; done

# --- two daemons with one configuration: the address has one owner, the queue any number ---
d_start one all
d_token
: >"$D/two.log"
d_spawn two "$agentd" -c "$D/agentd.yaml" all
d_status two
is "a second server of the same address does not start" "$status" 1
like "and says why" "$(cat "$D/two.log")" 'another server answers at ".*web\.sock"'
is "the first still has it" "$(d_http -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $token" http://agentd/tasks)" 200
d_start two worker
before=$tasks
submit 200
ok "both work off one queue" wait_for 60 all_settled
is "side by side" "$(sql "SELECT count(DISTINCT a.worker) FROM agentd.task_attempts a JOIN agentd.workers w ON w.id = a.worker AND w.ended_at IS NULL")" 2
d_load_sink
is "still nothing twice" "$(sql "SELECT count(*) FROM (SELECT FROM sink GROUP BY tool, task, n HAVING count(*) > 1) x")" 0
is "and all of it" "$(sql "SELECT count(*) FROM agentd.tasks WHERE state = 'succeeded'")" $((before + 200))
d_stop two
is "one goes" "$status" 0
submit 20
ok "the other goes on" wait_for 30 all_settled
d_stop one
is "to its end" "$status" 0
is "no recovery, no failure" "$(sql "SELECT sum(recoveries), sum(failures) FROM agentd.tasks")" "0|0"
done_testing
