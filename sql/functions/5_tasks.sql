-- 5_tasks.sql - what people see of tasks, and cancelling. Texts are JSON exactly as the API shows it.
--
-- Words:  a principal sees its own tasks, or all; what it does not see does not exist for it (404).
--         origin: what a retry or fork was made from. Events are in 5_events.sql.
-- Locks:  task_queue, parent before child, then tasks, then approval_queue.
-- Plans:  what looks at one task goes by keys whatever the statistics say, so one plan serves for ever; making a new one
--         for each look cost more than the look.

CREATE OR REPLACE VIEW agentd.attempts AS
	SELECT a.task, a.fence, a.worker, a.started_at, coalesce(a.ended_at, t.finished_at) AS ended_at,
		coalesce(a.outcome, t.state::text) AS outcome, a.leaf
	FROM agentd.task_attempts a
	LEFT JOIN agentd.tasks t ON t.id = a.task AND t.leaf = a.leaf AND t.fence = a.fence;

-- The task's row, or AG404 when there is none or it is somebody else's. (Two leaves by name: of an array that is a parameter the
-- planner knows nothing, and every leaf would be opened.)
CREATE OR REPLACE FUNCTION agentd.task_find(p_task uuid, p_principal text, p_all boolean) RETURNS agentd.tasks
LANGUAGE plpgsql STABLE SET jit = off SET plan_cache_mode = force_generic_plan SET enable_seqscan = off
	SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
	v agentd.tasks;
	v_short smallint := agentd.leaf_of(agentd.uuid_time(p_task), 'short');
	v_long smallint := v_short + 1::smallint;
BEGIN
	SELECT * INTO v FROM agentd.tasks t
	WHERE t.id = p_task AND t.leaf IN (v_short, v_long) AND (p_all OR t.submitted_by = p_principal);
	IF NOT FOUND THEN
		RAISE EXCEPTION 'no task %', p_task USING ERRCODE = 'AG404';
	END IF;
	RETURN v;
END $$;

-- An optional member of an object, written out: values keep the order of their keys and their literals. plpgsql: a SQL function
-- whose argument is dear is not inlined, but parsed and planned in every transaction.
CREATE OR REPLACE FUNCTION agentd.member(p_key text, p_value text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	RETURN CASE WHEN p_value IS NULL THEN '' ELSE ',"' || p_key || '":' || p_value END;
END $$;

-- The call of a try, as it was committed before it began.
CREATE OR REPLACE FUNCTION agentd.task_call(p_task uuid, p_leaf smallint, p_path text, p_try integer) RETURNS json LANGUAGE sql STABLE AS $$
	SELECT json_build_object('tool', v -> 'tool', 'args', v -> 'args', 'effect_key', v -> 'key')
	FROM (SELECT agentd.value_of(l.value, l.value_blob) AS v FROM agentd.task_log l
		WHERE l.task = p_task AND l.leaf = p_leaf AND l.path = p_path AND l.try = p_try AND l.kind = 'step.started') s
$$;

-- Step rows from the journal: one per path in the order of their first rows, as their latest row has them. Whoever is to say
-- what became of an uncertain call sees the call; what was said last, by whom and when, stays with the step. Turns of models are rows
-- too, of kind turn; what they cost is part of what their step costs. A call of before p_turns that is under way while this comes in may
-- leave it out.
DROP FUNCTION IF EXISTS agentd.task_steps(uuid, smallint, boolean, boolean);	-- as it was before p_turns
CREATE OR REPLACE FUNCTION agentd.task_steps(p_task uuid, p_leaf smallint, p_terminal boolean, p_uncertain boolean,
	p_turns boolean DEFAULT false) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
	v_said jsonb;
	v_costs jsonb;
BEGIN
	IF p_turns THEN
		v_costs := (SELECT jsonb_object_agg(c.step, c.cost_usd)
			FROM (SELECT regexp_replace(x.path, '/turn-[0-9]+$', '') AS step, sum(x.cost_usd) AS cost_usd FROM agentd.task_log x
				WHERE x.task = p_task AND x.leaf = p_leaf AND x.kind IN ('turn.succeeded', 'turn.summarised') GROUP BY 1) c);
	END IF;
	IF p_uncertain THEN
		v_said := (SELECT jsonb_object_agg(f.path, '{"decision":"' || f.decision || '","by":' || to_json(f.resolved_by) || ',"at":"'
				|| agentd.rfc3339(f.resolved_at) || '"}' ORDER BY f.resolved_at)
			FROM agentd.effects f WHERE f.task = p_task AND f.leaf = p_leaf AND f.decision IS NOT NULL);
	END IF;
	RETURN (
		SELECT coalesce(string_agg('{"path":' || to_json(s.path) || ',"kind":' || coalesce(to_json(s.step_kind)::text, 'null')
			|| ',"status":"' || s.status || '","visits":' || coalesce(substring(s.path FROM '~([0-9]+)(?:\[[0-9]+\])?$'), '1')
			|| ',"try":' || s.try || ',"started_at":"' || agentd.rfc3339(s.started_at) || '","finished_at":'
			|| coalesce('"' || agentd.rfc3339(s.finished_at) || '"', 'null') || ',"cost_usd":"'
			|| agentd.money(s.cost_usd + coalesce((v_costs ->> s.path)::numeric, 0)) || '"'
			|| agentd.member('output', CASE WHEN s.step_kind = 'turn'
				THEN json_strip_nulls(json_build_object('text', s.value -> 'text', 'calls', s.value -> 'calls')) ELSE s.value -> 'output' END::text)
			|| agentd.member('error', (s.value -> 'error')::text)
			|| CASE WHEN s.status = 'uncertain' THEN agentd.member('call', agentd.task_call(p_task, p_leaf, s.path, s.try)::text) ELSE '' END
			|| CASE WHEN s.kind = 'approval.requested' THEN agentd.member('approval', (s.value -> 'id')::text) ELSE '' END
			|| agentd.member('reconciled', v_said ->> s.path) || '}', ',' ORDER BY s.first_seq), '')
		FROM (
			SELECT l.path, l.kind, l.step_kind, l.first_seq, l.started_at, l.cost_usd, l.try,
				agentd.value_of(l.value, l.value_blob) AS value,
				CASE WHEN l.kind NOT IN ('step.started', 'step.waiting', 'step.uncertain', 'approval.requested') THEN l.at END AS finished_at,
				CASE WHEN l.kind = 'step.started' THEN CASE WHEN p_terminal THEN 'cancelled' ELSE 'running' END
					WHEN l.kind IN ('step.waiting', 'approval.requested') THEN CASE WHEN p_terminal THEN 'cancelled' ELSE 'waiting' END
					WHEN l.kind = 'step.failed' AND l.value -> 'retry_at' IS NOT NULL AND NOT p_terminal THEN 'waiting'
					ELSE substr(l.kind, 6) END AS status	-- behind "step." or "turn."
			FROM (
				SELECT y.path, x.kind, x.try, x.at, x.value, x.value_blob, lead(1) OVER w IS NULL AS is_last, min(x.seq) OVER w AS first_seq,
					CASE WHEN x.kind = 'turn.succeeded' THEN 'turn' ELSE max(x.step_kind) OVER w END AS step_kind,
					min(coalesce(x.started_at, x.at)) OVER w AS started_at, coalesce(sum(x.cost_usd) OVER w, 0) AS cost_usd
				FROM agentd.task_log x
				CROSS JOIN LATERAL (SELECT CASE x.kind WHEN 'approval.requested' THEN regexp_replace(x.path, '/approval-[0-9]+$', '')
					ELSE x.path END COLLATE "C" AS path) y
				WHERE x.task = p_task AND x.leaf = p_leaf
					AND (x.kind LIKE 'step.%' OR x.kind = 'approval.requested' OR p_turns AND x.kind = 'turn.succeeded')
				WINDOW w AS (PARTITION BY y.path ORDER BY x.seq)) l
			WHERE l.is_last) s);
END $$;

-- The members that lists show too.
CREATE OR REPLACE FUNCTION agentd.task_head(t agentd.tasks, p_state agentd.task_state, p_cost numeric, p_started timestamptz)
RETURNS text LANGUAGE sql STABLE AS $$
	SELECT '"id":"' || t.id || '","state":"' || p_state || '","workflow":' || to_json(t.workflow) || ',"bundle":"'
		|| encode(t.bundle, 'hex') || '","urgency":"' || t.urgency || '","labels":' || coalesce(t.labels::text, '{}')
		|| ',"submitted_by":' || to_json(t.submitted_by) || ',"cost_usd":"' || agentd.money(p_cost) || '","created_at":"'
		|| agentd.rfc3339(t.created_at) || '","started_at":' || coalesce('"' || agentd.rfc3339(p_started) || '"', 'null')
		|| ',"finished_at":' || coalesce('"' || agentd.rfc3339(t.finished_at) || '"', 'null')
		|| agentd.member('parent', '"' || t.parent || '"') || agentd.member('origin', t.origin::text)
$$;

-- The whole of a task that was found.
CREATE OR REPLACE FUNCTION agentd.task_show(t agentd.tasks) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
	q agentd.task_queue;
	v_started timestamptz;
	v_attempts integer;
	v_usage text := '{"calls":0,"in_fresh":0,"in_cached":0,"in_write":0,"out_text":0,"out_reason":0,"estimated":false}';
	v_waits json;
	v_quarantined_at timestamptz;
	v_quarantined json;
	v_redriven_at timestamptz;
	v_redriven json;
	h record;
BEGIN
	IF t.state IS NULL THEN
		SELECT * INTO q FROM agentd.task_queue x WHERE x.id = t.id;
		v_waits := agentd.why_unclaimed(q);
	END IF;
	-- A question that waits in the memory of the worker that has the task.
	IF q.state = 'running' THEN
		v_waits := coalesce(v_waits, (SELECT json_build_object('type', 'model.slot', 'message', format('step "%s" waits for %s at provider "%s"', x.path,
				x.reason, x.provider))
			FROM agentd.model_waits x WHERE x.task = t.id AND x.fence = q.fence ORDER BY x.since LIMIT 1));
	END IF;
	-- What few tasks have is looked for only where the journal says so.
	SELECT bool_or(l.path = '') AS notes, bool_or(l.step_kind IN ('model', 'agent')) AS models,
		bool_or(l.kind = 'step.uncertain') AS uncertain, bool_or(l.kind = 'turn.succeeded') AS turns
	INTO h FROM agentd.task_log l WHERE l.task = t.id AND l.leaf = t.leaf;
	IF h.notes THEN
		SELECT max(l.at) FILTER (WHERE l.kind = 'task.quarantined'), max(l.at) FILTER (WHERE l.kind = 'task.redriven'),
			(array_agg(l.value ORDER BY l.seq DESC) FILTER (WHERE l.kind = 'task.quarantined'))[1],
			(array_agg(l.value ORDER BY l.seq DESC) FILTER (WHERE l.kind = 'task.redriven'))[1]
		INTO v_quarantined_at, v_redriven_at, v_quarantined, v_redriven
		FROM agentd.task_log l WHERE l.task = t.id AND l.leaf = t.leaf AND l.path = '';
	END IF;
	SELECT min(started_at), count(*) INTO v_started, v_attempts FROM agentd.task_attempts WHERE task = t.id AND leaf = t.leaf;
	IF h.models OR t.purged_at IS NOT NULL THEN
		SELECT json_build_object('calls', count(*), 'in_fresh', coalesce(sum(in_fresh), 0), 'in_cached', coalesce(sum(in_cached), 0),
			'in_write', coalesce(sum(in_write_5m + in_write_1h), 0), 'out_text', coalesce(sum(out_text), 0),
			'out_reason', coalesce(sum(out_reason), 0), 'estimated', coalesce(bool_or(cost_source = 'estimated'), false))::text
		INTO v_usage FROM agentd.model_calls WHERE task = t.id AND leaf = t.leaf;
	END IF;
	RETURN '{' || agentd.task_head(t, coalesce(t.state, q.state), coalesce(t.cost_usd, q.spent_usd, 0), v_started)
		|| ',"input":' || coalesce(agentd.value_of(t.input, t.input_blob)::text, 'null')
		|| ',"output":' || coalesce(agentd.value_of(t.output, t.output_blob)::text, 'null')
		|| ',"error":' || coalesce(t.error::text, CASE WHEN q.state = 'quarantined' THEN (v_quarantined -> 'error')::text END, 'null')
		|| ',"budget":' || coalesce(t.budget::text, 'null')
		|| ',"deadline":' || coalesce('"' || agentd.rfc3339(t.deadline) || '"', 'null')
		|| ',"run_at":' || coalesce('"' || agentd.rfc3339(CASE WHEN q.state NOT IN ('ready', 'running') THEN q.run_at END) || '"', 'null')
		|| ',"cancel_requested":' || (q.cancel_at IS NOT NULL)::text
		|| agentd.member('lane', to_json(agentd.lane_plain(q.lane))::text) || agentd.member('waits_for', v_waits::text)
		|| ',"attempts":' || v_attempts || ',"failures":' || coalesce(t.failures, q.failures, 0)
		|| ',"recoveries":' || coalesce(t.recoveries, q.recoveries, 0)
		|| agentd.member('quarantined_at', '"' || agentd.rfc3339(v_quarantined_at) || '"')
		|| agentd.member('redriven_at', '"' || agentd.rfc3339(v_redriven_at) || '"')
		|| agentd.member('redriven_by', (v_redriven -> 'by')::text)
		|| agentd.member('purged_at', '"' || agentd.rfc3339(t.purged_at) || '"')
		|| ',"usage":' || v_usage || ',"steps":[' || agentd.task_steps(t.id, t.leaf, t.state IS NOT NULL, h.uncertain, h.turns) || ']}';
END $$;

CREATE OR REPLACE FUNCTION agentd.task_view(p_task uuid, p_principal text, p_all boolean) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp
	SET jit = off SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
	RETURN agentd.task_show(agentd.task_find(p_task, p_principal, p_all));
END $$;

-- For long polls: null while the task lives.
CREATE OR REPLACE FUNCTION agentd.task_view_ended(p_task uuid, p_principal text, p_all boolean) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp
	SET jit = off SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
	t tasks := agentd.task_find(p_task, p_principal, p_all);
BEGIN
	RETURN CASE WHEN t.state IS NOT NULL THEN agentd.task_show(t) END;
END $$;

-- Newest first; next is the id to go on before, or null. Only months that can hold what is asked for are opened.
CREATE OR REPLACE FUNCTION agentd.task_list(p_workflow text, p_state text, p_label_key text, p_label_value text, p_before uuid,
	p_limit integer, p_principal text, p_all boolean) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp
	SET jit = off SET plan_cache_mode = force_custom_plan AS $$
DECLARE
	v_limit integer := least(greatest(p_limit, 1), 200);
	v_state task_state;
	v_rows text[];
	v_last uuid;
BEGIN
	IF p_state IS NOT NULL THEN
		IF p_state <> ALL (enum_range(NULL::task_state)::text[]) THEN
			RAISE EXCEPTION '"state": unknown state "%"', p_state USING ERRCODE = 'AG422';
		END IF;
		v_state := p_state::task_state;
	END IF;
	IF v_state IS NOT NULL AND NOT agentd.state_is_terminal(v_state) THEN
		SELECT array_agg('{' || agentd.task_head(t, x.state, x.spent_usd, NULL) || '}' ORDER BY t.id DESC),
			(array_agg(t.id ORDER BY t.id))[1] INTO v_rows, v_last
		FROM (
			SELECT q.id, q.state, q.spent_usd FROM task_queue q JOIN tasks t ON t.id = q.id AND t.leaf = q.leaf
			WHERE q.state = v_state AND (p_before IS NULL OR q.id < p_before) AND (p_all OR t.submitted_by = p_principal)
				AND (p_workflow IS NULL OR t.workflow = p_workflow)
				AND (p_label_key IS NULL OR t.labels ->> p_label_key = p_label_value)
			ORDER BY q.id DESC LIMIT v_limit) x
		JOIN tasks t ON t.id = x.id;
	ELSE
		SELECT array_agg('{' || agentd.task_head(x.t, coalesce((x.t).state, q.state), coalesce((x.t).cost_usd, q.spent_usd, 0), NULL) || '}'
			ORDER BY (x.t).id DESC), (array_agg((x.t).id ORDER BY (x.t).id))[1] INTO v_rows, v_last
		FROM (
			SELECT t FROM tasks t
			WHERE (p_before IS NULL OR t.id < p_before) AND (p_all OR t.submitted_by = p_principal)
				AND (v_state IS NULL OR t.state = v_state)
				AND (p_workflow IS NULL OR t.workflow = p_workflow)
				AND (p_label_key IS NULL OR t.labels ->> p_label_key = p_label_value)
			ORDER BY t.id DESC LIMIT v_limit) x
		LEFT JOIN task_queue q ON q.id = (x.t).id;
	END IF;
	RETURN '{"tasks":[' || coalesce(array_to_string(v_rows, ','), '') || '],"next":'
		|| CASE WHEN cardinality(v_rows) = v_limit THEN '"' || v_last || '"' ELSE 'null' END || '}';
END $$;

CREATE OR REPLACE FUNCTION agentd.task_states(p_ids uuid[]) RETURNS TABLE (id uuid, state text, terminal boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp
	SET jit = off SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY SELECT t.id, coalesce(t.state, q.state)::text, t.state IS NOT NULL
		FROM unnest(p_ids) i(id)
		CROSS JOIN LATERAL (SELECT * FROM tasks x WHERE x.id = i.id AND x.leaf = ANY (agentd.leaves_of(i.id)) LIMIT 1) t
		LEFT JOIN LATERAL (SELECT * FROM task_queue x WHERE x.id = i.id LIMIT 1) q ON true;
END $$;

-- Ends a task that no worker has: outcome, queue row. The queue row must be locked.
CREATE OR REPLACE FUNCTION agentd.task_end(q agentd.task_queue, p_state agentd.task_state, p_error json) RETURNS void
LANGUAGE plpgsql SET jit = off SET plan_cache_mode = force_custom_plan AS $$
BEGIN
	DELETE FROM agentd.task_queue WHERE id = q.id;
	UPDATE agentd.tasks t SET state = p_state, ended_from = q.state, finished_at = agentd.clock(), last_seq = q.seq, fence = q.fence,
		failures = q.failures, recoveries = q.recoveries, cost_usd = q.spent_usd + q.held_usd, error = p_error
	WHERE t.id = q.id AND t.leaf = q.leaf;
	INSERT INTO agentd.ended_news (workflow, state) SELECT t.workflow, p_state FROM agentd.tasks t WHERE t.id = q.id AND t.leaf = q.leaf;
	PERFORM agentd.approvals_drop(ARRAY[q.id], agentd.clock());
	IF q.hooked OR p_state IN ('failed', 'expired') THEN
		PERFORM agentd.webhooks_moves(ARRAY[q.id], ARRAY[q.seq], ARRAY[q.leaf], '{2}', ARRAY[p_state::text]);
	END IF;
	PERFORM agentd.feed_one(q.id, q.seq, q.seq, 2 * q.fence::bigint + 2);
END $$;

-- A task that nobody runs is cancelled at once; one that runs, or has an effect whose end nobody knows, is asked to stop.
-- A cancelled one is as wished.
CREATE OR REPLACE FUNCTION agentd.cancel(p_task uuid, p_principal text, p_all boolean) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp SET jit = off SET plan_cache_mode = force_custom_plan AS $$
DECLARE
	t tasks := agentd.task_find(p_task, p_principal, p_all);
	q task_queue;
BEGIN
	SELECT * INTO q FROM task_queue WHERE id = p_task FOR UPDATE;
	IF NOT FOUND THEN
		t := agentd.task_find(p_task, p_principal, p_all);
		IF t.state <> 'cancelled' THEN
			RAISE EXCEPTION 'task % has ended: %', p_task, t.state USING ERRCODE = 'AG409';
		END IF;
	ELSIF q.state IN ('running', 'uncertain') THEN
		UPDATE task_queue SET cancel_at = coalesce(cancel_at, agentd.clock()) WHERE id = p_task;
	ELSIF agentd.effects_open(q.id, q.leaf) THEN
		-- Its worker is gone, and something it did not see end may have happened: the next attempt says so in the ledger.
		UPDATE task_queue SET cancel_at = coalesce(cancel_at, agentd.clock()), state = 'ready',
			run_at = CASE WHEN state = 'ready' THEN run_at ELSE agentd.clock() END WHERE id = p_task;
		PERFORM pg_notify('agentd_work', '');
	ELSE
		PERFORM agentd.task_end(q, 'cancelled', json_build_object('type', 'cancelled', 'message', 'cancelled by ' || p_principal,
			'step', NULL, 'retryable', false));
		PERFORM pg_notify('agentd_done', '');
	END IF;
	RETURN agentd.task_view(p_task, p_principal, p_all);
END $$;
