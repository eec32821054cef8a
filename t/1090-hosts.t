#!/bin/sh
# 1090-hosts.t - workers of two hosts share one queue over TCP: each task once, each in its lane, and the tasks of a worker that
# dies go on at the other host. The hosts are network namespaces.
. "$top_srcdir/t/lib/pg.sh"
. "$top_srcdir/t/lib/daemon.sh"
. "$top_srcdir/t/lib/netns.sh"

ns_init east west
d_init "worker: {lease: 3s, heartbeat: 500ms, poll: 200ms, slots: 5, batch: 5, lanes: [default, east, west]}"
ns_database
d_witness any.note default
d_witness east.note east
d_witness west.note west
d_witness slow.note default 3
for flow in any east west; do
	# shellcheck disable=SC2016
	printf 'agentd: v1\nname: %s\ninput: {type: object, required: [n]}\nsteps:\n  - {id: note, call: %s.note, with: {n: "${ .input.n }"}}\n' \
		$flow $flow >"$D/root/workflows/$flow.yaml"
done
cat >"$D/root/workflows/slow.yaml" <<'END'
agentd: v1
name: slow
input: {type: object, required: [n]}
steps:
  - {id: note, call: any.note, with: {n: "${ .input.n }"}}
  - {id: slow, call: slow.note, with: {n: "${ .input.n + 1000 }"}}
END
d_publish
submit() { sql "SELECT count(agentd.submit('$1', json_build_object('n', g))) FROM generate_series(1, $2) g" >/dev/null || bail "submit failed"; }

# --- both work ---
submit any 100; submit east 40; submit west 40
D_ARGS="--lanes default,east" ns_start e1 east 1 worker
D_ARGS="--lanes default,west" ns_start w1 west 2 worker
d_start sweeper sweeper
ok "every task ends" wait_for 60 all_settled
d_load_ran
is "each was claimed once" "$(sql "SELECT count(*), count(DISTINCT task), max(fence) FROM agentd.task_attempts")" "180|180|1"
is "each ran once" "$(sql "SELECT count(*), count(DISTINCT task) FROM ran")" "180|180"
is "workers are known by their hosts" "$(sql "SELECT string_agg(host, ' ' ORDER BY host) FROM agentd.workers")" "east west"
is "they came over the network" "$(sql "SELECT string_agg(DISTINCT host(client_addr), ' ' ORDER BY host(client_addr)) FROM pg_stat_activity WHERE application_name = 'agentd worker'")" \
	"10.77.1.2 10.77.2.2"
is "a step ran on the host of the worker that claimed its task" "$(sql "SELECT count(*) FROM ran r JOIN agentd.task_attempts a USING (task)
	JOIN agentd.workers w ON w.id = a.worker WHERE w.host <> r.host OR w.pid <> r.pid")" 0
is "lanes hold" "$(sql "SELECT count(*) FROM ran r JOIN agentd.tasks t ON t.id = r.task WHERE t.workflow IN ('east', 'west') AND t.workflow <> r.host")" 0
is "what any host can do was shared" "$(sql "SELECT count(DISTINCT r.host) FROM ran r JOIN agentd.tasks t ON t.id = r.task WHERE t.workflow = 'any'")" 2
sql "SELECT '# ' || r.host || ': ' || string_agg(r.workflow || ' ' || r.n, ', ' ORDER BY r.workflow)
	FROM (SELECT host, workflow, count(*) AS n FROM ran JOIN agentd.tasks ON id = task GROUP BY 1, 2) r GROUP BY r.host ORDER BY 1"

# --- a host's worker dies in the middle of its work ---
submit slow 8
running_at() { [ "$(sql "SELECT count(*) FROM agentd.task_queue q JOIN agentd.workers w ON w.id = q.worker JOIN agentd.task_log l ON l.task = q.id AND l.path = 'slow'
	AND l.kind = 'step.started' WHERE w.host = '$1'")" -ge "$2" ]; }
ok "west is in the middle of some" wait_for 20 running_at west 2
sql "CREATE TABLE public.held AS SELECT q.id FROM agentd.task_queue q JOIN agentd.workers w ON w.id = q.worker WHERE w.host = 'west'" >/dev/null
held=$(sql "SELECT count(*) FROM held")
d_signal w1 KILL
d_status w1
is "its worker is killed" "$status" 137
west=$(ctl submit west --input '{"n": 41}')
all_but_west() { [ "$(sql "SELECT count(*) FROM agentd.task_queue WHERE lane <> 'west'")" = 0 ]; }
ok "its tasks go on at the other host" wait_for 60 all_but_west
is "all of them ended at east" "$(sql "SELECT count(*) FROM held h JOIN agentd.tasks t USING (id) JOIN agentd.task_attempts a ON a.task = t.id AND a.fence = t.fence
	JOIN agentd.workers w ON w.id = a.worker WHERE w.host = 'east' AND t.state = 'succeeded'")" "$held"
is "its attempts are lost, those of the other are not" "$(sql "SELECT string_agg(DISTINCT w.host, ' '), count(*) FROM agentd.task_attempts a
	JOIN agentd.workers w ON w.id = a.worker WHERE a.outcome = 'lost'")" "west|$held"
d_load_ran
is "what was committed did not run again" "$(sql "SELECT count(*) FROM (SELECT FROM ran WHERE n < 1000 GROUP BY task, n HAVING count(*) > 1) x")" 0
is "what was not ran again, and there alone" "$(sql "SELECT count(*) FROM (SELECT FROM ran JOIN agentd.tasks t ON t.id = task WHERE n > 1000
	GROUP BY task HAVING count(*) > 1 AND task NOT IN (SELECT id FROM held)) x")" 0
is "what only west can do waits" "$(task_state "$west") $(ctl get "$west" --json | jq -r .waits_for.type)" "ready lane.unserved"
D_ARGS="--lanes default,west" ns_start w2 west 2 worker
ok "until there is one again" wait_for 20 task_is "$west" succeeded
is "nothing is lost" "$(sql "SELECT count(*) FROM agentd.tasks WHERE state = 'succeeded'")" 189
d_stop e1
is "east stops cleanly" "$status" 0
d_stop w2
is "west stops cleanly" "$status" 0
d_stop sweeper
trap - EXIT
d_cleanup
is "no namespace is left" "$(ip netns list | grep -c "^agt-$$-")" 0
done_testing
