#!/bin/sh
# 0285-lanes.t - lanes in the database: who claims what, tasks that need several, a lane that changes, what nobody claims.
. "$top_srcdir/t/lib/sql.sh"

worker() {	# LAST-DIGIT LANES [SEMANTICS]
	sql "SELECT agentd.worker_register('019ab000-0000-7000-8000-00000000000$1', 'host$1', 1, '{$2}', 30000, ${3:-1}) > 0" >/dev/null
}
reload() {	# BROWSE-LANE: workflows noop (default), shot (sandbox), both
	sql "SELECT agentd.reload(ARRAY['noop', 'shot', 'browse'], ARRAY[sha256('n'), sha256('s'), sha256('b')], ARRAY['{}', '{}', '{}']::json[],
		ARRAY['{}', '{\"lane\": \"sandbox\"}', '{\"lane\": \"$1\"}']::json[])"
}
claims() { sql "SELECT coalesce(string_agg(workflow, ' ' ORDER BY workflow), '') FROM agentd.claim('019ab000-0000-7000-8000-00000000000$1', 50) WHERE task IS NOT NULL"; }
give_back() { sql "UPDATE agentd.task_queue SET state = 'ready', worker = NULL" >/dev/null; }
checks() { sql "SELECT string_agg(c ->> 'name', ', ') FROM json_array_elements(agentd.doctor() -> 'checks') c WHERE c ->> 'name' LIKE 'lane%' AND (c ->> 'ok')::boolean = $1"; }

reload browser+sandbox >/dev/null
worker 2 sandbox
worker 3 browser
worker 4 browser,sandbox,unheard-of
sql "SELECT test.submit('noop', 2), test.submit('shot', 2), test.submit('browse', 2)" >/dev/null
is "a submission stands in its workflow's lane" "$(sql "SELECT string_agg(lane || ' ' || n, ', ' ORDER BY lane) FROM
	(SELECT lane, count(*) AS n FROM agentd.task_queue GROUP BY 1) x")" "browser+sandbox 2, default 2, sandbox 2"
is "default serves default" "$(claims 1)" "noop noop"
is "half of what is needed serves nothing" "$(claims 3)" ""
is "one lane serves that lane" "$(claims 2)" "shot shot"
is "all parts, in whatever order they are served" "$(claims 4)" "browse browse"
give_back
is "who serves all takes all that it may" "$(claims 4)" "browse browse shot shot"
give_back
sql "UPDATE agentd.task_queue SET priority = 0 WHERE lane = 'sandbox'" >/dev/null
is "urgent work first, whatever the lane" "$(sql "SELECT workflow FROM agentd.claim('019ab000-0000-7000-8000-000000000004', 1) WHERE task IS NOT NULL")" shot
give_back
worker 5 late
is "a lane that a worker brings is known" "$(sql "SELECT count(*) FROM agentd.lanes WHERE name = 'late'")" 1

# --- what nobody claims ---
is "every lane has its worker" "$(checks true)/$(checks false)" "lanes/"
is "no task waits for a worker" "$(sql "SELECT string_agg(agentd.task_view(id, '', true)::json ->> 'waits_for', '') FROM agentd.task_queue")" ""
sql "UPDATE agentd.workers SET ended_at = clock_timestamp() WHERE id = '019ab000-0000-7000-8000-000000000004'" >/dev/null
is "the last worker of a lane goes: doctor names the lane" "$(checks false)" "lane browser+sandbox"
like "and says how many wait, and what to start" "$(sql "SELECT c ->> 'detail' FROM json_array_elements(agentd.doctor() -> 'checks') c WHERE c ->> 'name' = 'lane browser+sandbox'")" \
	'^2 tasks wait, the oldest for [0-9]+ s, and no live worker serves it: agentd --lanes browser,sandbox worker$'
is "the task says so" "$(sql "SELECT DISTINCT agentd.task_view(id, '', true)::json -> 'waits_for' ->> 'type', agentd.task_view(id, '', true)::json ->> 'lane'
	FROM agentd.task_queue WHERE lane LIKE '%+%'")" "lane.unserved|browser+sandbox"
is "the others do not" "$(sql "SELECT count(*) FROM agentd.task_queue q WHERE lane NOT LIKE '%+%' AND agentd.why_unclaimed(q) IS NOT NULL")" 0
is "the list of lanes has it" "$(sql "SELECT l ->> 'ready', l ->> 'unclaimed', l ->> 'workers' FROM json_array_elements(agentd.lanes_list() -> 'lanes') l WHERE l ->> 'lane' = 'browser+sandbox'")" "2|2|0"
is "a lane that nobody needs or serves is not listed" "$(sql "SELECT count(*) FROM json_array_elements(agentd.lanes_list() -> 'lanes') l WHERE l ->> 'lane' = 'unheard-of'")" 0
sql "UPDATE agentd.workers SET lease_until = clock_timestamp() - interval '1 s' WHERE id = '019ab000-0000-7000-8000-000000000002'" >/dev/null
is "a worker whose lease ran out does not count" "$(checks false)" "lane browser+sandbox, lane sandbox"
worker 6 browser,sandbox
is "a worker comes: nothing is unclaimed" "$(checks true)/$(checks false)" "lanes/"
sql "UPDATE agentd.task_queue SET semantics = 2 WHERE lane = 'sandbox'" >/dev/null
is "nobody knows the semantics" "$(checks false)/$(sql "SELECT DISTINCT agentd.why_unclaimed(q) ->> 'type' FROM agentd.task_queue q WHERE lane = 'sandbox'")" "lane sandbox/semantics.unserved"
like "the message says which" "$(sql "SELECT DISTINCT agentd.why_unclaimed(q) ->> 'message' FROM agentd.task_queue q WHERE lane = 'sandbox'")" \
	'^no live worker of lane "sandbox" knows semantics 2: a newer agentd began the task$'
worker 7 sandbox 2
is "a newer worker comes" "$(checks false)" ""
is "and takes them" "$(claims 7)" "shot shot"

# --- a tool's lane changes: the bundle is the same, the lane is not ---
sql "SELECT agentd.submit('browse') FROM generate_series(1, 3)" >/dev/null
old=$(sql "SELECT agentd.submit('browse')")
sql "UPDATE agentd.task_queue SET lane = 'browser' WHERE id = '$old'" >/dev/null
sql "ALTER TABLE agentd.tasks DISABLE TRIGGER immutable_facts; UPDATE agentd.tasks SET bundle = sha256('n') WHERE id = '$old';
	ALTER TABLE agentd.tasks ENABLE TRIGGER immutable_facts" >/dev/null
is "nothing changed: nothing is activated" "$(reload browser+sandbox | jq -c '[.activated, .unchanged]')" '[[],["browse","noop","shot"]]'
generation=$(sql "SELECT max(generation) FROM agentd.workflows")
is "another lane is a change" "$(reload gpu | jq -c '[.activated, .unchanged]')" '[["browse"],["noop","shot"]]'
is "of a generation of its own" "$(sql "SELECT generation > $generation FROM agentd.workflows WHERE name = 'browse'")" t
is "waiting tasks of that bundle move, those of an earlier one stay" "$(sql "SELECT string_agg(lane || ' ' || n, ', ' ORDER BY lane) FROM
	(SELECT q.lane, count(*) AS n FROM agentd.task_queue q JOIN agentd.tasks t USING (id) WHERE workflow = 'browse' GROUP BY 1) x")" "browser 1, gpu 5"
is "new ones stand in the new lane" "$(sql "SELECT lane FROM agentd.task_queue WHERE id = agentd.submit('browse')" | tail -n 1)$(sql "SELECT lane FROM agentd.workflows WHERE name = 'browse'")" gpu
is "workflows are listed with their lanes" "$(sql "SELECT string_agg(w ->> 'lane', ' ' ORDER BY w ->> 'name') FROM json_array_elements(agentd.workflows_list() -> 'workflows') w")" "gpu default sandbox"

# --- a worker finds that a task belongs elsewhere ---
sql "DELETE FROM agentd.task_queue" >/dev/null
t=$(sql "SELECT agentd.submit('noop')")
f=$(sql "SELECT fence FROM test.claim('$W', 1)")
is "it gives the task to the lane" "$(sql "SELECT test.move('$t', $f, 'release', 'sandbox+x')")" ok
is "where it is ready, as it was" "$(sql "SELECT state, lane, failures, recoveries FROM agentd.task_queue WHERE id = '$t'")" "ready|sandbox+x|0|0"
is "sent again: already" "$(sql "SELECT test.move('$t', $f, 'release', 'sandbox+x')")" already
is "the first does not get it back" "$(claims 1)" ""
worker 8 x,sandbox
is "who serves it does" "$(claims 8)" noop
f=$(sql "SELECT fence FROM agentd.task_queue WHERE id = '$t'")
is "a release without a lane stays in its own" "$(sql "SELECT test.move('$t', $f, 'release'); SELECT lane FROM agentd.task_queue WHERE id = '$t'" | tr '\n' ' ')" "ok sandbox+x "

# --- the price of a claim ---
sql "DELETE FROM agentd.task_queue;
	INSERT INTO agentd.task_queue (id, run_at, state, leaf, priority, lane)
	SELECT agentd.uuid_new(), now(), 'ready', 0, 0, (ARRAY['gpu', 'sandbox', 'browser+sandbox', 'late'])[1 + g % 4] FROM generate_series(1, 200000) g;
	SELECT test.submit('noop', 500)" >/dev/null
is "200,000 tasks in other lanes cost a claim nothing" "$(sql "
	CREATE FUNCTION test.cpu_us() RETURNS float LANGUAGE sql VOLATILE AS 'SELECT split_part(pg_read_file(''/proc/self/schedstat''), '' '', 1)::float / 1000';
	SELECT count(*) FROM test.claim('$W', 1);
	SELECT test.cpu_us() AS c \gset
	SELECT count(*) FROM generate_series(1, 20) i, LATERAL (SELECT (SELECT count(*) FROM agentd.claim('$W', i))) x;
	SELECT CASE WHEN (test.cpu_us() - :c) / 20 < 3000 THEN 'yes' ELSE ((test.cpu_us() - :c) / 20)::text END" | tail -n 1)" yes
done_testing
