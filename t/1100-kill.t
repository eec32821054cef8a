#!/bin/sh
# 1100-kill.t - kill -9 of the worker at random times: nothing lost, nothing committed or done twice.
#
# AGENTD_KILLS kills (20) over 1,000 tasks of five steps with tools of every class; the witness of effects is
# a process of its own. AGENTD_SEED repeats a run.
. "$top_srcdir/t/lib/pg.sh"
. "$top_srcdir/t/lib/daemon.sh"

kills=${AGENTD_KILLS:-20}
seed=${AGENTD_SEED:-$(od -An -N2 -tu2 /dev/urandom | tr -d ' ')}
tasks=${AGENTD_TASKS:-1000}
# few in flight, so that the work lasts as long as the killing
slots=$((200 / kills))
[ $slots -ge 2 ] || slots=2

d_init "worker: {lease: 2s, heartbeat: 500ms, poll: 200ms, slots: $slots, batch: $slots}"
d_sink 10
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
  - id: again
    call: sink.again
    with: {n: "${ .vars.n }"}
  - id: look
    call: sink.look
    with: {n: "${ .vars.n }"}
  - id: last
    set: {serial: "${ .steps.once.output.serial }"}
output: {n: "${ .vars.n }", serial: "${ .vars.serial }"}
END
d_publish
sql "SELECT count(agentd.submit('five', json_build_object('n', g))) FROM generate_series(1, $tasks) g" >/dev/null || bail "submit failed"
echo "# seed $seed, $kills kills, $tasks tasks, $slots slots"
d_start sweeper sweeper

i=0
for life in $(awk -v seed="$seed" -v n="$kills" 'BEGIN { srand(seed); for (i = 0; i < n; i++) printf "%.3f\n", 0.03 + rand() * 0.4 }'); do
	d_start worker worker
	sleep "$life" # the time of the kill is the experiment
	d_signal worker KILL
	d_status worker
	[ "$status" = 137 ] || fail "kill $i" "the worker had ended by itself with status $status"
	i=$((i + 1))
done
is "workers were killed" "$i" "$kills"
left=$(sql "SELECT count(*) FROM agentd.task_queue WHERE state NOT IN ('uncertain', 'quarantined')")
echo "# $left tasks were left when the killing ended"
d_start worker worker
ok "every task ends, or waits under a name" wait_for 180 all_settled
d_stop worker
is "the worker stops cleanly" "$status" 0
d_load_sink

is "no task is lost" "$(sql "SELECT count(*) FROM agentd.tasks")" "$tasks"
is "no task failed" "$(sql "SELECT count(*) FROM agentd.tasks WHERE state IS NOT NULL AND state <> 'succeeded'")" 0
is "no step was committed twice" \
	"$(sql "SELECT count(*) FROM (SELECT FROM agentd.task_log WHERE kind = 'step.succeeded' GROUP BY task, path HAVING count(*) > 1) x")" 0
is "every finished task committed its five steps" \
	"$(sql "SELECT count(*) FROM agentd.tasks t WHERE state = 'succeeded' AND (SELECT count(*) FROM agentd.task_log l
		WHERE l.task = t.id AND l.kind = 'step.succeeded') <> 5")" 0
is "no at_most_once effect happened twice" "$(sql "SELECT count(*) FROM (SELECT FROM sink WHERE tool = 'once' GROUP BY task HAVING count(*) > 1) x")" 0
is "every finished task had its at_most_once effect" \
	"$(sql "SELECT count(*) FROM agentd.tasks t WHERE state = 'succeeded' AND NOT EXISTS (SELECT FROM sink s WHERE s.task = t.id AND tool = 'once')")" 0
is "a task remembers the answer of that very effect" \
	"$(sql "SELECT count(*) FROM agentd.tasks t JOIN sink s ON s.task = t.id AND s.tool = 'once'
		WHERE t.state = 'succeeded' AND (t.output ->> 'serial')::bigint <> s.serial")" 0
is "a repeated effect carries the same key" "$(sql "SELECT count(*) FROM (SELECT FROM sink GROUP BY task, tool HAVING count(DISTINCT key) > 1) x")" 0
is "keys differ between tasks and steps" "$(sql "SELECT count(*) FROM (SELECT FROM sink GROUP BY key HAVING count(DISTINCT (task, tool)) > 1) x")" 0
is "uncertain is only where a dispatch has no recorded answer" \
	"$(sql "SELECT count(*) FROM agentd.task_queue q WHERE q.state = 'uncertain' AND (
		NOT EXISTS (SELECT FROM agentd.effects e WHERE e.task = q.id AND e.effect_class = 'at_most_once' AND e.state = 'uncertain')
		OR EXISTS (SELECT FROM agentd.task_log l WHERE l.task = q.id AND l.path = 'once' AND l.kind = 'step.succeeded'))")" 0
is "only tasks that lost many workers in a row are quarantined" \
	"$(sql "SELECT count(*) FROM agentd.task_queue WHERE state = 'quarantined' AND recoveries <= 3")" 0
is "no effect without its record" \
	"$(sql "SELECT count(*) FROM sink s WHERE NOT EXISTS (SELECT FROM agentd.effects e WHERE e.task = s.task AND encode(e.key, 'hex') = s.key)
		AND tool <> 'look'")" 0
is "fences of attempts rise by one claim or take-over at a time" \
	"$(sql "SELECT count(*) FROM agentd.task_log l WHERE NOT EXISTS (SELECT FROM agentd.task_attempts a WHERE a.task = l.task AND a.fence = l.fence)
		AND l.path <> ''")" 0
lost=$(sql "SELECT count(*) FROM agentd.task_attempts WHERE outcome = 'lost'")
[ "$lost" -gt 0 ] && pass "the kills met tasks in flight" || fail "the kills met tasks in flight" "no attempt was lost: the test proved nothing"
sql "SELECT '# ' || coalesce(t.state, q.state) || ': ' || count(*) FROM agentd.tasks t LEFT JOIN agentd.task_queue q USING (id) GROUP BY coalesce(t.state, q.state) ORDER BY 1"
sql "SELECT '# attempts ' || count(*) || ', lost ' || count(*) FILTER (WHERE outcome = 'lost') FROM agentd.task_attempts"
sql "SELECT '# effects repeated: ' || coalesce(string_agg(tool || ' ' || n, ', '), 'none') FROM (SELECT tool, count(*) - count(DISTINCT key) AS n FROM sink GROUP BY tool) x"
[ -z "${AGENTD_INSPECT:-}" ] || eval "$AGENTD_INSPECT"
done_testing
