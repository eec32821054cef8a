#!/bin/sh
# 1078-semantics.t - a worker leaves alone what a newer engine is needed for, and gives back what it cannot read.
. "$top_srcdir/t/lib/pg.sh"
. "$top_srcdir/t/lib/daemon.sh"

d_init
printf 'agentd: v1\nname: now\nsteps: [{id: one, set: {n: 1}}]\n' >"$D/root/workflows/now.yaml"
printf 'agentd: v1\nname: later\nsteps: [{id: one, set: {n: 1}}]\n' >"$D/root/workflows/later.yaml"
printf 'agentd: v1\nname: odd\nsteps: [{id: one, set: {n: 1}}]\n' >"$D/root/workflows/odd.yaml"
d_publish
is "each workflow says what it needs" "$(sql "SELECT DISTINCT semantics FROM agentd.workflows")" 1
task=$(ctl submit now)
is "a task has it pinned" "$(sql "SELECT semantics FROM agentd.task_queue WHERE id = '$task'")" 1

# What a newer agentctl would publish: a higher number; a step kind that we do not know, under our number.
sql "SELECT agentd.reload(ARRAY['now', 'later', 'odd'], ARRAY[n.bundle, sha256('later'), sha256('odd')], ARRAY[b.content, l.content,
		replace(o.content::text, 'set: {n: 1}', 'ponder: {n: 1}')::json],
		ARRAY['{\"semantics\": 1}', '{\"semantics\": 3}', '{\"semantics\": 1}']::json[])
	FROM agentd.workflows n JOIN agentd.bundles b ON b.digest = n.bundle, agentd.bundles l, agentd.bundles o
	WHERE n.name = 'now' AND l.workflow = 'later' AND o.workflow = 'odd'" >/dev/null
later=$(ctl submit later)
odd=$(ctl submit odd)
is "a higher number is pinned" "$(sql "SELECT semantics FROM agentd.task_queue WHERE id = '$later'")" 3
d_start worker worker
ok "what it knows, it does" wait_for 10 task_is "$task" succeeded
put_back() { [ "$(sql "SELECT state || ' ' || (run_at > clock_timestamp() + interval '10 s') FROM agentd.task_queue WHERE id = '$odd'")" = "waiting_timer true" ]; }
ok "what it cannot read, it gives back for later" wait_for 10 put_back
is "that is no failure, no recovery" "$(sql "SELECT failures, recoveries, seq FROM agentd.task_queue WHERE id = '$odd'")" "0|0|0"
like "and says why" "$(cat "$D/worker.log")" 'task.not_ours .*workflow="odd".*ponder'
sql "SELECT agentd.submit('now') FROM generate_series(1, 50)" >/dev/null
only_odd() { [ "$(sql "SELECT count(*) FROM agentd.task_queue")" = 2 ]; }
ok "others are not held up" wait_for 10 only_odd
is "what needs a newer engine waits, unclaimed" "$(sql "SELECT state, fence FROM agentd.task_queue WHERE id = '$later'")" "ready|0"
is "a newer worker takes it" "$(sql "SELECT agentd.worker_register('019ab000-0000-7000-8000-0000000000aa', 'new', 1, '{default}', 30000, 3) > 0;
	SELECT task FROM agentd.claim('019ab000-0000-7000-8000-0000000000aa', 10) WHERE task IS NOT NULL" | tail -n 1)" "$later"
d_stop worker
done_testing
