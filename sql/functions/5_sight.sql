-- 5_sight.sql - what people want to see at a glance: why a task stands where it stands, what models cost, what goes on just now.
--
-- Words:  facts are what the rows say, without a word of explanation: sentences are made of them in src/publish/why.c. Of each task,
--         open is what was begun, and has no end in the journal yet; of things that stand in each other, the innermost.
-- Locks:  none.
-- Plans:  nothing here scans what has ended. Ids of calls are made when a call begins, so the keys find those of a time; a call
--         is committed within a day of that, whatever the clock of the worker says.

-- What is open in a task, as its latest rows have it.
CREATE OR REPLACE FUNCTION agentd.why_steps(p_task uuid, p_leaf smallint) RETURNS json LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN (
		WITH latest AS MATERIALIZED (
			SELECT DISTINCT ON (y.path) y.path, regexp_replace(y.path, '~[0-9]+$', '') AS place, x.seq, x.kind, x.step_kind, x.try,
				coalesce(x.started_at, x.at) AS since, x.value, x.value_blob
			FROM agentd.task_log x
			CROSS JOIN LATERAL (SELECT CASE WHEN x.kind LIKE 'approval.%' THEN regexp_replace(x.path, '/approval-[0-9]+$', '')
				ELSE x.path END COLLATE "C" AS path) y
			WHERE x.task = p_task AND x.leaf = p_leaf AND (x.kind LIKE 'step.%' OR x.kind LIKE 'approval.%')
			ORDER BY y.path, x.seq DESC
		), opened AS MATERIALIZED (
			SELECT l.* FROM latest l
			WHERE l.kind IN ('step.started', 'step.waiting', 'step.uncertain', 'approval.requested') OR l.kind = 'step.failed'
				AND l.value -> 'retry_at' IS NOT NULL	-- a loop that is tried again has a path of its own
				AND NOT EXISTS (SELECT FROM latest n WHERE n.place = l.place AND n.seq > l.seq)
			ORDER BY l.seq LIMIT 200
		)
		SELECT coalesce(json_agg(json_build_object('path', o.path, 'kind', o.step_kind, 'try', o.try, 'since', agentd.rfc3339(o.since),
			'status', CASE o.kind WHEN 'step.started' THEN 'running' WHEN 'step.failed' THEN
				CASE WHEN o.step_kind IN ('model', 'agent') AND (o.value ->> 'free')::boolean THEN 'requeued' ELSE 'retrying' END WHEN 'step.uncertain' THEN 'uncertain'
				ELSE 'waiting' END,
			'until', o.value -> 'until', 'retry_at', o.value -> 'retry_at', 'error', o.value -> 'error', 'tier', o.value -> 'tier',
			'approval', CASE WHEN o.kind = 'approval.requested' THEN o.value -> 'id' END,
			'call', CASE WHEN o.kind = 'step.uncertain' OR o.kind = 'step.started' AND o.step_kind = 'call'
				THEN agentd.task_call(p_task, p_leaf, o.path, o.try) END,
			'turns', CASE WHEN o.step_kind = 'agent' THEN (SELECT count(*) FROM agentd.task_log t WHERE t.task = p_task AND t.leaf = p_leaf
				AND t.path ^@ (o.path || '/turn-') AND t.kind = 'turn.succeeded') END,
			'asked', m.asked, 'held_usd', h.usd, 'waits', w.waits) ORDER BY o.seq), '[]')
		FROM opened o
		LEFT JOIN LATERAL (
			SELECT json_build_object('provider', c.provider, 'model', c.model_asked, 'error_class', c.error_class, 'at', agentd.rfc3339(c.at)) AS asked
			FROM agentd.model_calls c WHERE o.step_kind IN ('model', 'agent') AND c.task = p_task AND c.leaf = p_leaf
				AND (c.path = o.path OR c.path ^@ (o.path || '/'))
			ORDER BY c.at DESC LIMIT 1) m ON true
		LEFT JOIN LATERAL (
			SELECT agentd.money(sum(s.amount_usd)) AS usd FROM agentd.spend_hold s WHERE o.step_kind IN ('model', 'agent') AND s.task = p_task
				AND s.settled_at IS NULL AND (s.path = o.path OR s.path ^@ (o.path || '/'))) h ON true
		LEFT JOIN LATERAL (	-- what a worker that is no more said of it has another fence, or no worker's task
			SELECT json_build_object('provider', x.provider, 'for', x.reason, 'since', agentd.rfc3339(x.since), 'until', agentd.rfc3339(x.until)) AS waits
			FROM agentd.model_waits x JOIN agentd.task_queue q ON q.id = x.task AND q.fence = x.fence AND q.state = 'running'
			WHERE o.kind = 'step.started' AND o.step_kind IN ('model', 'agent') AND x.task = p_task AND (x.path = o.path OR x.path ^@ (o.path || '/'))
			ORDER BY x.since LIMIT 1) w ON true
		WHERE NOT EXISTS (SELECT FROM opened i WHERE i.path ^@ (o.path || '/') OR i.path ^@ (o.path || '[')));
END $$;

-- Where a ready task stands in its lane. ahead is counted up to 1000.
CREATE OR REPLACE FUNCTION agentd.why_ready(q agentd.task_queue) RETURNS json LANGUAGE plpgsql STABLE AS $$
DECLARE
	v_now timestamptz := agentd.clock();
BEGIN
	RETURN json_build_object('since', agentd.rfc3339(q.run_at), 'waits_for', agentd.why_unclaimed(q),
		'claims_stopped', agentd.admission_why(2, v_now),
		'workers', agentd.live_workers(q.lane, q.semantics), 'suspect', q.priority >= 200,
		'ahead', (SELECT count(*) FROM (SELECT FROM agentd.task_queue x WHERE x.state = 'ready' AND x.lane = q.lane
			AND (x.priority, coalesce(x.run_at, 'infinity'), x.id) < (q.priority, coalesce(q.run_at, 'infinity'), q.id) LIMIT 1000) a),
		'running', (SELECT count(*) FROM agentd.task_queue x JOIN agentd.workers w ON w.id = x.worker
			WHERE x.state = 'running' AND w.ended_at IS NULL AND w.lease_until > v_now AND string_to_array(q.lane, '+') <@ w.lanes));
END $$;

-- The facts of a task, for src/publish/why.c. program: what it runs, where a step waits for another try: it says how many are left.
CREATE OR REPLACE FUNCTION agentd.task_why(p_task uuid, p_principal text, p_all boolean) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan SET enable_seqscan = off
	SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
	t tasks := agentd.task_find(p_task, p_principal, p_all);
	q task_queue;
	a task_attempts;
	v_notes json;
	v_steps json := '[]';
BEGIN
	IF t.state IS NULL THEN
		SELECT * INTO q FROM task_queue x WHERE x.id = t.id;
		v_steps := agentd.why_steps(t.id, t.leaf);
	END IF;
	SELECT * INTO a FROM task_attempts x WHERE x.task = t.id AND x.leaf = t.leaf ORDER BY x.fence DESC LIMIT 1;
	v_notes := (SELECT json_object_agg(n.kind, n.note) FROM (
		SELECT DISTINCT ON (l.kind) substr(l.kind, 6) AS kind, json_build_object('at', agentd.rfc3339(l.at), 'value', l.value) AS note
		FROM task_log l WHERE l.task = t.id AND l.leaf = t.leaf AND l.path = '' ORDER BY l.kind, l.seq DESC) n);
	RETURN json_build_object('task', t.id, 'workflow', t.workflow, 'state', coalesce(t.state, q.state), 'now', agentd.rfc3339(agentd.clock()),
		'created_at', agentd.rfc3339(t.created_at), 'submitted_by', t.submitted_by, 'lane', q.lane,
		'run_at', CASE WHEN q.state NOT IN ('ready', 'running') THEN agentd.rfc3339(q.run_at) END,
		'deadline', agentd.rfc3339(coalesce(q.deadline, t.deadline)), 'cancel_requested_at', agentd.rfc3339(q.cancel_at),
		'failures', coalesce(t.failures, q.failures), 'recoveries', coalesce(t.recoveries, q.recoveries),
		'budget_usd', agentd.money(q.budget_usd), 'spent_usd', agentd.money(coalesce(t.cost_usd, q.spent_usd)),
		'ready', CASE WHEN q.state = 'ready' THEN agentd.why_ready(q) END,
		'attempt', CASE WHEN a.task IS NOT NULL THEN json_build_object('number', a.fence, 'worker', a.worker, 'since', agentd.rfc3339(a.started_at),
			'ended_at', agentd.rfc3339(a.ended_at), 'outcome', a.outcome) END,
		'worker', (SELECT json_build_object('host', w.host, 'pid', w.pid, 'lease_until', agentd.rfc3339(w.lease_until),
				'live', w.ended_at IS NULL AND w.lease_until > agentd.clock()) FROM workers w WHERE w.id = q.worker),
		'approvals', (SELECT coalesce(json_agg(json_build_object('id', p.id, 'step', p.path, 'title', p.title, 'kind', p.kind, 'risk', p.risk,
				'requested_at', agentd.rfc3339(p.requested_at), 'expires_at', agentd.rfc3339(p.expires_at), 'approvers', p.approvers,
				'approved_by', (SELECT coalesce(json_agg(v -> 'by'), '[]') FROM json_array_elements(p.votes) v WHERE v ->> 'decision' = 'approve'))
				ORDER BY p.id), '[]')
			FROM approval_queue p WHERE t.state IS NULL AND p.task = t.id AND p.state = 'pending'),
		'steps', v_steps, 'notes', coalesce(v_notes, '{}'),
		'ended', CASE WHEN t.state IS NOT NULL THEN json_build_object('at', agentd.rfc3339(t.finished_at), 'from', t.ended_from, 'error', t.error,
			'tries', (SELECT max(l.try) FROM task_log l WHERE l.task = t.id AND l.leaf = t.leaf AND l.path = t.error ->> 'step')) END,
		'program', CASE WHEN (SELECT bool_or(s ->> 'status' = 'retrying') FROM json_array_elements(v_steps) s)
			THEN (SELECT b.content FROM bundles b WHERE b.digest = t.bundle) END);
END $$;

-- The same for what was done, one row a span: steps (calls of tools once a try, other steps once) and attempts at models, the first 5000 of
-- each; left_out: how many more there are. Times in microseconds; to: null while it is open. A loop that is tried again has a path of its own.
-- Rows of approvals stand for their step.
CREATE OR REPLACE FUNCTION agentd.trace_steps(p_task uuid, p_leaf smallint, p_ended timestamptz) RETURNS json LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN (
		SELECT json_agg(json_build_object('path', s.path, 'kind', s.step_kind, 'try', s.try, 'tries', s.tries, 'from', agentd.us(s.began),
			'to', agentd.us(CASE WHEN s.is_over THEN s.at ELSE p_ended END),
			'status', CASE WHEN s.is_over THEN substr(s.kind, 6) WHEN p_ended IS NOT NULL THEN 'cancelled' ELSE 'open' END,
			'error', s.error, 'tool', s.tool, 'tier', s.tier,
			'call', CASE WHEN s.step_kind = 'call' AND s.path ~ '/turn-[0-9]+/call-[0-9]+$' THEN (
				SELECT agentd.value_of(t.value, t.value_blob) #>> ARRAY['calls', substring(s.path FROM '[0-9]+$'), 'id'] FROM agentd.task_log t
				WHERE t.task = p_task AND t.leaf = p_leaf AND t.path = regexp_replace(s.path, '/call-[0-9]+$', '') AND t.kind = 'turn.succeeded'
				LIMIT 1) END) ORDER BY s.seq)
		FROM (
			SELECT l.path, l.step_kind, min(l.try) AS try, max(l.try) AS tries, min(l.seq) AS seq, min(coalesce(l.started_at, l.at)) AS began,
				max(l.at) AS at, (array_agg(l.kind ORDER BY l.seq DESC))[1] AS kind,
				(array_agg(l.kind IN ('step.succeeded', 'step.skipped', 'step.cancelled')
					OR l.kind = 'step.failed' AND (l.step_kind IN ('call', 'for') OR l.value -> 'retry_at' IS NULL) ORDER BY l.seq DESC))[1] AS is_over,
				(array_agg(l.value -> 'error' ->> 'type' ORDER BY l.seq DESC))[1] AS error,
				max(CASE WHEN l.step_kind = 'call' THEN coalesce(l.value ->> 'tool', l.value -> 'call' ->> 'tool') END) AS tool,
				max(CASE WHEN l.step_kind IN ('model', 'agent') THEN l.value ->> 'tier' END) AS tier
			FROM (
				SELECT y.path, x.try, x.seq, x.kind, x.at, x.started_at, max(x.step_kind) OVER (PARTITION BY y.path) AS step_kind,
					CASE WHEN x.kind IN ('step.started', 'step.failed', 'step.uncertain', 'approval.requested')
						THEN agentd.value_of(x.value, x.value_blob) END AS value
				FROM agentd.task_log x
				CROSS JOIN LATERAL (SELECT CASE x.kind WHEN 'approval.requested' THEN regexp_replace(x.path, '/approval-[0-9]+$', '')
					ELSE x.path END COLLATE "C" AS path) y
				WHERE x.task = p_task AND x.leaf = p_leaf AND (x.kind LIKE 'step.%' OR x.kind = 'approval.requested')) l
			GROUP BY l.path, l.step_kind, CASE WHEN l.step_kind = 'call' THEN l.try END
			ORDER BY min(l.seq) LIMIT 5000) s);
END $$;

CREATE OR REPLACE FUNCTION agentd.trace_calls(p_task uuid, p_leaf smallint) RETURNS json LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN (
		SELECT json_agg(json_build_object('id', c.id, 'path', c.path, 'fence', c.fence, 'attempt', c.attempt, 'from', agentd.us(c.started_at),
			'ms', coalesce(c.total_ms, 0), 'first_ms', coalesce(c.first_byte_ms, 0), 'tier', c.tier, 'operation', c.operation, 'wire', c.wire, 'provider', c.provider,
			'model', c.model_asked, 'answered', c.model_answered, 'request_id', c.provider_request_id, 'key', c.key_fingerprint,
			'error', c.error_class, 'http_status', c.http_status, 'in_fresh', c.in_fresh, 'in_cached', c.in_cached,
			'in_write', c.in_write_5m + c.in_write_1h, 'out_text', c.out_text, 'out_reason', c.out_reason,
			'cost_usd', agentd.money(c.cost_usd), 'cost_source', c.cost_source, 'policy', encode(c.policy, 'hex'),
			'finish_reason', c.finish_reason, 'max_output', c.max_output, 'temperature', c.temperature) ORDER BY c.started_at, c.id)
		FROM (SELECT * FROM agentd.model_calls x WHERE x.task = p_task AND x.leaf = p_leaf ORDER BY x.started_at, x.id LIMIT 5000) c);
END $$;

-- The facts of a task's trace, for src/publish/trace.c.
CREATE OR REPLACE FUNCTION agentd.task_trace(p_task uuid, p_principal text, p_all boolean) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan SET enable_seqscan = off
	SET enable_mergejoin = off AS $$
DECLARE
	t tasks := agentd.task_find(p_task, p_principal, p_all);
	v_steps json := agentd.trace_steps(t.id, t.leaf, t.finished_at);
	v_calls json := agentd.trace_calls(t.id, t.leaf);
	v_left bigint := 0;
BEGIN
	IF json_array_length(v_steps) = 5000 THEN
		v_left := (SELECT count(*) - 5000 FROM (
			SELECT FROM task_log l WHERE l.task = t.id AND l.leaf = t.leaf AND (l.kind LIKE 'step.%' OR l.kind = 'approval.requested')
			GROUP BY CASE l.kind WHEN 'approval.requested' THEN regexp_replace(l.path, '/approval-[0-9]+$', '') ELSE l.path END COLLATE "C",
				CASE WHEN l.step_kind = 'call' THEN l.try END) g);
	END IF;
	IF json_array_length(v_calls) = 5000 THEN
		v_left := v_left + (SELECT count(*) - 5000 FROM model_calls c WHERE c.task = t.id AND c.leaf = t.leaf);
	END IF;
	RETURN json_build_object('task', t.id, 'parent', t.parent, 'workflow', t.workflow, 'bundle', encode(t.bundle, 'hex'),
		'state', coalesce(t.state, (SELECT q.state FROM task_queue q WHERE q.id = t.id)), 'error', t.error -> 'type',
		'from', agentd.us(t.created_at), 'to', agentd.us(t.finished_at), 'now', agentd.us(agentd.clock()),
		'steps', coalesce(v_steps, '[]'), 'calls', coalesce(v_calls, '[]'), 'left_out', v_left);
END $$;

-- What calls of models cost that ended from p_since on and before p_until, by day (UTC), workflow, model, task, token (who submitted the task, or
-- asked without one) or label (its text under the name p_label; null: tasks without it, and calls without a task). Dearest first, days in their
-- order; 1000 rows at most.
CREATE OR REPLACE FUNCTION agentd.cost(p_by text, p_label text, p_since_us bigint, p_until_us bigint, p_workflow text, p_principal text,
	p_all boolean) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp SET jit = off SET plan_cache_mode = force_custom_plan
	SET timezone = 'UTC' AS $$
DECLARE
	v_until timestamptz := coalesce(agentd.at_us(p_until_us), agentd.clock());
	v_since timestamptz := coalesce(agentd.at_us(p_since_us), v_until - interval '30 days');
	v_from uuid := agentd.uuid_at(greatest(v_since - interval '1 day', 'epoch'));
	v_to uuid := agentd.uuid_at(greatest(v_until + interval '1 day', 'epoch'));
	v_looks boolean := NOT p_all OR p_workflow IS NOT NULL OR p_by IN ('workflow', 'token', 'label');
BEGIN
	IF p_by IS NULL OR p_by NOT IN ('day', 'workflow', 'model', 'task', 'token', 'label') THEN
		RAISE EXCEPTION '"by": expected day, workflow, model, task, token or label=NAME' USING ERRCODE = 'AG422';
	ELSIF v_since > v_until THEN
		RAISE EXCEPTION '"since": % is behind "until", %', agentd.rfc3339(v_since), agentd.rfc3339(v_until) USING ERRCODE = 'AG422';
	END IF;
	RETURN (
		WITH c AS MATERIALIZED (
			SELECT CASE WHEN m.token IS NULL THEN m.task END AS task, m.leaf, m.token,
				CASE p_by WHEN 'day' THEN to_char(m.at, 'YYYY-MM-DD') WHEN 'model' THEN m.provider || '/' || m.model_asked
					WHEN 'task' THEN CASE WHEN m.token IS NULL THEN m.task::text END END AS key,
				count(*) AS calls, sum(m.in_fresh) AS in_fresh, sum(m.in_cached) AS in_cached, sum(m.in_write_5m + m.in_write_1h) AS in_write,
				sum(m.out_text) AS out_text, sum(m.out_reason) AS out_reason, sum(m.cost_usd) AS cost_usd,
				bool_or(m.cost_source = 'estimated') AS estimated
			FROM model_calls m
			WHERE m.id >= v_from AND m.id < v_to AND m.at >= v_since AND m.at < v_until
			GROUP BY 1, 2, 3, 4
		), g AS MATERIALIZED (
			SELECT CASE p_by WHEN 'workflow' THEN t.workflow WHEN 'token' THEN coalesce(c.token, t.submitted_by) WHEN 'label' THEN t.labels ->> p_label ELSE c.key END AS key,
				sum(c.calls) AS calls, sum(c.in_fresh) AS in_fresh, sum(c.in_cached) AS in_cached, sum(c.in_write) AS in_write,
				sum(c.out_text) AS out_text, sum(c.out_reason) AS out_reason, sum(c.cost_usd) AS cost_usd, bool_or(c.estimated) AS estimated
			FROM c LEFT JOIN LATERAL (SELECT x.workflow, x.submitted_by, x.labels FROM tasks x
				WHERE v_looks AND x.id = c.task AND x.leaf = c.leaf LIMIT 1) t ON true
			WHERE (p_all OR coalesce(c.token, t.submitted_by) = p_principal) AND (p_workflow IS NULL OR t.workflow = p_workflow)
			GROUP BY 1
		), r AS (
			SELECT * FROM g ORDER BY CASE WHEN p_by = 'day' THEN g.key END, g.cost_usd DESC, g.calls DESC, g.key LIMIT 1000
		)
		SELECT json_build_object('by', p_by, 'label', p_label, 'since', agentd.rfc3339(v_since), 'until', agentd.rfc3339(v_until),
			'rows', coalesce((SELECT json_agg(json_build_object('key', r.key, 'calls', r.calls, 'in_fresh', r.in_fresh, 'in_cached', r.in_cached,
				'in_write', r.in_write, 'out_text', r.out_text, 'out_reason', r.out_reason, 'cost_usd', agentd.money(r.cost_usd),
				'estimated', r.estimated)) FROM r), '[]'),
			'more', (SELECT count(*) > 1000 FROM g),
			'total', (SELECT json_build_object('calls', coalesce(sum(g.calls), 0), 'in_fresh', coalesce(sum(g.in_fresh), 0),
				'in_cached', coalesce(sum(g.in_cached), 0), 'in_write', coalesce(sum(g.in_write), 0), 'out_text', coalesce(sum(g.out_text), 0),
				'out_reason', coalesce(sum(g.out_reason), 0), 'cost_usd', agentd.money(coalesce(sum(g.cost_usd), 0)),
				'estimated', coalesce(bool_or(g.estimated), false)) FROM g)));
END $$;

-- One frame of agentctl top. Of a long queue, workflows are told apart among 5000 tasks (of: all there are). p_spend: today's (UTC) too,
-- which costs a look at each call of the day. counters: so far; whoever looks twice has rates. failed: of the last 200 tasks.
CREATE OR REPLACE FUNCTION agentd.top(p_spend boolean) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp SET jit = off SET plan_cache_mode = force_custom_plan
	SET timezone = 'UTC' AS $$
DECLARE
	v_now timestamptz := agentd.clock();
	v_day timestamptz := date_trunc('day', v_now);
BEGIN
	RETURN json_build_object('now', agentd.rfc3339(v_now),
		'lanes', (SELECT coalesce(json_agg(json_build_object('lane', r.lane, 'ready', r.ready, 'unclaimed', r.unclaimed, 'running', r.running,
			'waiting', r.waiting, 'workers', r.workers, 'oldest_ready_s', r.oldest_s) ORDER BY r.lane), '[]')
			FROM agentd.lane_rows() r WHERE r.ready + r.running + r.waiting + r.workers > 0),
		'workflows', (SELECT coalesce(json_agg(json_build_object('workflow', g.workflow, 'state', g.state, 'tasks', g.n,
				'oldest_s', g.oldest_s) ORDER BY g.workflow, g.state), '[]')
			FROM (SELECT t.workflow, x.state, count(*) AS n,
					greatest(0, extract(epoch FROM v_now - min(x.run_at) FILTER (WHERE x.state = 'ready')))::bigint AS oldest_s
				FROM (SELECT q.id, q.leaf, q.state, q.run_at FROM task_queue q LIMIT 5000) x
				CROSS JOIN LATERAL (SELECT y.workflow FROM tasks y WHERE y.id = x.id AND y.leaf = x.leaf LIMIT 1) t
				GROUP BY 1, 2) g),
		'workers', (SELECT coalesce(json_agg(json_build_object('host', w.host, 'pid', w.pid, 'lanes', array_to_string(w.lanes, ','),
				'tasks', (SELECT count(*) FROM task_queue q WHERE q.worker = w.id AND q.state = 'running'),
				'up_s', extract(epoch FROM v_now - w.started_at)::bigint,
				'lease_ms', (extract(epoch FROM w.lease_until - v_now) * 1000)::bigint) ORDER BY w.host, w.pid), '[]')
			FROM (SELECT * FROM workers x WHERE x.ended_at IS NULL ORDER BY x.host, x.pid LIMIT 200) w),
		'approvals', (SELECT json_build_object('pending', count(*), 'next_expires_at', agentd.rfc3339(min(a.expires_at)))
			FROM approval_queue a WHERE a.state = 'pending' AND a.expires_at > v_now),
		'admission', agentd.admission_why(1, v_now),
		'counters', json_build_object('at', agentd.rfc3339((SELECT max(r.reported_at) FROM counter_reports r)),
			'submitted', (SELECT coalesce(sum(c.value[1]), 0) FROM counters c WHERE c.name = 'agentd_submissions_total' AND c.labels = 'outcome="new"'),
			'ended', (SELECT coalesce(json_object_agg(e.state, e.n), '{}') FROM (
				SELECT substring(c.labels FROM 'state="([a-z]+)"') AS state, sum(c.value[1]) AS n FROM counters c
				WHERE c.name = 'agentd_tasks_ended_total' GROUP BY 1) e)),
		'spent_today_usd', CASE WHEN p_spend THEN (SELECT agentd.money(coalesce(sum(m.cost_usd), 0)) FROM model_calls m
			WHERE m.id >= agentd.uuid_at(v_day - interval '1 day') AND m.at >= v_day) END,
		'failed', (SELECT coalesce(json_agg(json_build_object('task', f.id, 'workflow', f.workflow, 'state', f.state, 'at', agentd.rfc3339(f.finished_at),
				'type', f.error ->> 'type', 'message', left(f.error ->> 'message', 200)) ORDER BY f.finished_at DESC), '[]')
			FROM (SELECT n.* FROM (SELECT t.* FROM tasks t ORDER BY t.id DESC LIMIT 200) n WHERE n.state IN ('failed', 'expired')
				ORDER BY n.finished_at DESC LIMIT 5) f));
END $$;
