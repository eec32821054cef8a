-- 2_queue.sql - workers: register, heartbeat, claim, leave.
--
-- Words:  a worker row is one incarnation of one process; its lease is the lease of every task it runs, so that a
--         heartbeat touches one row. The fence is raised by every claim and by every take-over.
-- Locks:  workers, then task_queue rows (claim skips locked ones), then inserts.
-- Plans:  no function here is compiled: a plan with a switched-off scan in it looks dear enough for JIT, which took 1 s
--         a call. Hot functions look 500 rows up by key. At the usual price of a random page the planner would rather read a
--         whole month and hash it, so they name another price (what they look up is in memory). A custom plan each time
--         keeps a plan that was made for an empty queue from meeting a full one (R40). Conditions on a running task say
--         "worker IS NOT NULL": with "state = 'running'" the index of running tasks competes with the primary key,
--         and wins where the queue looks empty. They write conversions of time and money out: a function that is inlined
--         is parsed again for every plan, 60 us each.
-- Errors: AG410: the worker's lease is over; it must stop everything and register anew.

CREATE OR REPLACE FUNCTION agentd.worker_register(p_id uuid, p_host text, p_pid integer, p_lanes text[], p_lease_ms bigint,
	p_semantics integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp AS $$
DECLARE
	v_now timestamptz := agentd.clock();
BEGIN
	INSERT INTO workers AS w (id, lease_until, started_at, lease_ms, pid, semantics, host, lanes)
	VALUES (p_id, v_now + p_lease_ms * interval '1 millisecond', v_now, p_lease_ms, p_pid, p_semantics, p_host, p_lanes)
	ON CONFLICT (id) DO NOTHING;
	IF EXISTS (SELECT FROM workers WHERE id = p_id AND ended_at IS NOT NULL) THEN
		RAISE EXCEPTION 'worker % has ended', p_id USING ERRCODE = 'AG410';
	END IF;
	RETURN agentd.us(v_now);
END $$;

-- Safety is the fence's; a lease that ran out but was not taken over yet is simply prolonged (R7).
CREATE OR REPLACE FUNCTION agentd.heartbeat(p_worker uuid) RETURNS TABLE (lost boolean, cancelled uuid[])
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp SET jit = off SET plan_cache_mode = force_custom_plan SET random_page_cost = 0.1 SET enable_seqscan = off AS $$
BEGIN
	UPDATE workers SET lease_until = agentd.clock() + lease_ms * interval '1 millisecond'
	WHERE id = p_worker AND ended_at IS NULL;
	lost := NOT FOUND;
	IF NOT lost THEN
		SELECT array_agg(q.id) INTO cancelled FROM task_queue q
		WHERE q.worker = p_worker AND q.state = 'running' AND q.cancel_at IS NOT NULL;
	END IF;
	RETURN NEXT;
END $$;

-- Up to p_limit due waiting tasks become ready, oldest first; answers how many.
CREATE OR REPLACE FUNCTION agentd.promote_due(p_limit integer, p_now timestamptz) RETURNS integer
LANGUAGE plpgsql SET jit = off SET plan_cache_mode = force_custom_plan AS $$
DECLARE
	v_n integer;
BEGIN
	UPDATE agentd.task_queue SET state = 'ready' WHERE ctid = ANY (ARRAY(
		SELECT q.ctid FROM agentd.task_queue q
		WHERE q.state NOT IN ('ready', 'running') AND q.run_at IS NOT NULL AND q.run_at <= p_now
		ORDER BY q.run_at LIMIT p_limit FOR NO KEY UPDATE SKIP LOCKED));
	GET DIAGNOSTICS v_n = ROW_COUNT;
	RETURN v_n;
END $$;

CREATE OR REPLACE FUNCTION agentd.journal_json(p_task uuid, p_leaf smallint, p_after bigint) RETURNS json
LANGUAGE sql STABLE AS $$
	SELECT json_agg(json_build_array(l.seq, agentd.us(l.at), l.path, l.try, l.kind, l.step_kind,
		agentd.value_of(l.value, l.value_blob), coalesce(agentd.us(l.started_at), 0), agentd.pusd(coalesce(l.cost_usd, 0))) ORDER BY l.seq)
	FROM agentd.task_log l WHERE l.task = p_task AND l.leaf = p_leaf AND l.seq > p_after
$$;

-- By keys, whatever the statistics say: one plan for ever. (LATERAL with LIMIT: the planner may not turn the join
-- round and look every task of a month up in the array, as it would where the month looks empty.)
CREATE OR REPLACE FUNCTION agentd.claimed_rows(p_id uuid[], p_fence integer[], p_leaf smallint[], p_failures smallint[],
	p_recoveries smallint[], p_cancel boolean[], p_seq bigint[], p_spent bigint[])
RETURNS TABLE (task uuid, fence integer, workflow text, bundle bytea, urgency text, labels json, submitted_by text,
	parent uuid, input json, budget json, created_us bigint, deadline_us bigint, failures integer, recoveries integer,
	cancel boolean, last_seq bigint, journal json, spent_pusd bigint, now_us bigint, next_due_us bigint)
LANGUAGE plpgsql SET jit = off SET plan_cache_mode = force_generic_plan SET enable_seqscan = off
	SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY SELECT t.id, c.fence, t.workflow, t.bundle, t.urgency, t.labels, t.submitted_by, t.parent,
		CASE WHEN t.input_blob IS NULL THEN t.input ELSE agentd.blob_value(t.input_blob) END, t.budget,
		(extract(epoch FROM t.created_at) * 1000000)::bigint, coalesce((extract(epoch FROM t.deadline) * 1000000)::bigint, 0),
		c.failures::integer, c.recoveries::integer, c.cancel, c.seq,
		CASE WHEN c.seq > 0 THEN agentd.journal_json(t.id, t.leaf, 0) END, c.spent, NULL::bigint, NULL::bigint
	FROM unnest(p_id, p_fence, p_leaf, p_failures, p_recoveries, p_cancel, p_seq, p_spent)
		c(id, fence, leaf, failures, recoveries, cancel, seq, spent)
	CROSS JOIN LATERAL (SELECT * FROM agentd.tasks x WHERE x.id = c.id AND x.leaf = c.leaf LIMIT 1) t;
END $$;

-- The first row has no task: it says what time it is and when the next timer is due (null: none).
-- p_claim counts the worker's claims; the same number again gets the same tasks again.
CREATE OR REPLACE FUNCTION agentd.claim(p_worker uuid, p_limit integer, p_claim integer DEFAULT NULL)
RETURNS TABLE (task uuid, fence integer, workflow text, bundle bytea, urgency text, labels json, submitted_by text,
	parent uuid, input json, budget json, created_us bigint, deadline_us bigint, failures integer, recoveries integer,
	cancel boolean, last_seq bigint, journal json, spent_pusd bigint, now_us bigint, next_due_us bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp SET jit = off SET plan_cache_mode = force_custom_plan SET random_page_cost = 0.1 SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
	v_now timestamptz := agentd.clock();
	v_worker workers;
	v_lane text;
	v_left integer := p_limit;
	v_id uuid[];
	v_fence integer[];
	v_leaf smallint[];
	v_failures smallint[];
	v_recoveries smallint[];
	v_cancel boolean[];
	v_seq bigint[];
	v_spent bigint[];
BEGIN
	SELECT * INTO v_worker FROM workers w WHERE w.id = p_worker AND w.ended_at IS NULL FOR NO KEY UPDATE;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'worker % has no lease', p_worker USING ERRCODE = 'AG410';
	END IF;
	PERFORM agentd.promote_due(greatest(100, 2 * p_limit), v_now);
	RETURN QUERY SELECT NULL::uuid, NULL::integer, NULL::text, NULL::bytea, NULL::text, NULL::json, NULL::text, NULL::uuid,
		NULL::json, NULL::json, NULL::bigint, NULL::bigint, NULL::integer, NULL::integer, NULL::boolean, NULL::bigint,
		NULL::json, NULL::bigint, (extract(epoch FROM v_now) * 1000000)::bigint, (SELECT (extract(epoch FROM q.run_at) * 1000000)::bigint FROM task_queue q
			WHERE q.state NOT IN ('ready', 'running') AND q.run_at IS NOT NULL ORDER BY q.run_at LIMIT 1);

	IF v_worker.claim = p_claim THEN
		SELECT array_agg(q.id), array_agg(q.fence), array_agg(q.leaf), array_agg(q.failures), array_agg(q.recoveries),
			array_agg(q.cancel_at IS NOT NULL), array_agg(q.seq), array_agg(((q.spent_usd + q.held_usd) * 1000000000000)::bigint)
		INTO v_id, v_fence, v_leaf, v_failures, v_recoveries, v_cancel, v_seq, v_spent
		FROM task_queue q JOIN task_attempts a ON a.task = q.id AND a.fence = q.fence AND a.leaf = q.leaf
		WHERE q.worker = p_worker AND q.state = 'running' AND a.claim = p_claim;
		RETURN QUERY SELECT * FROM agentd.claimed_rows(v_id, v_fence, v_leaf, v_failures, v_recoveries, v_cancel, v_seq, v_spent);
		RETURN;
	END IF;
	IF p_claim IS NOT NULL THEN
		UPDATE workers w SET claim = p_claim WHERE w.id = p_worker;
	END IF;

	-- One lane after the other, the most urgent head first: the index is ordered within a lane only.
	FOR v_lane IN
		SELECT l FROM unnest(v_worker.lanes) l CROSS JOIN LATERAL (
			SELECT q.priority, q.run_at FROM task_queue q WHERE q.state = 'ready' AND q.lane = l
			ORDER BY q.priority, q.run_at, q.id LIMIT 1) h
		ORDER BY h.priority, h.run_at
	LOOP
		EXIT WHEN v_left <= 0;
		WITH c AS (
			UPDATE task_queue q SET state = 'running', fence = q.fence + 1, worker = p_worker
			WHERE q.ctid = ANY (ARRAY(
				SELECT r.ctid FROM task_queue r WHERE r.state = 'ready' AND r.lane = v_lane
					AND r.semantics <= v_worker.semantics
				ORDER BY r.priority, r.run_at, r.id LIMIT v_left FOR NO KEY UPDATE SKIP LOCKED))
			RETURNING q.id, q.fence, q.leaf, q.failures, q.recoveries, q.cancel_at IS NOT NULL AS cancel, q.seq,
				((q.spent_usd + q.held_usd) * 1000000000000)::bigint AS spent
		), a AS (
			INSERT INTO task_attempts (task, worker, started_at, fence, claim, leaf)
			SELECT c.id, p_worker, v_now, c.fence, p_claim, c.leaf FROM c
		)
		SELECT array_agg(c.id), array_agg(c.fence), array_agg(c.leaf), array_agg(c.failures), array_agg(c.recoveries),
			array_agg(c.cancel), array_agg(c.seq), array_agg(c.spent)
		INTO v_id, v_fence, v_leaf, v_failures, v_recoveries, v_cancel, v_seq, v_spent FROM c;
		CONTINUE WHEN v_id IS NULL;
		v_left := v_left - cardinality(v_id);
		RETURN QUERY SELECT * FROM agentd.claimed_rows(v_id, v_fence, v_leaf, v_failures, v_recoveries, v_cancel, v_seq, v_spent);
	END LOOP;
END $$;

CREATE OR REPLACE FUNCTION agentd.attempt_end(p_task uuid, p_fence integer, p_leaf smallint, p_now timestamptz, p_outcome text) RETURNS void
LANGUAGE plpgsql SET jit = off SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
BEGIN
	UPDATE agentd.task_attempts a SET ended_at = p_now, outcome = p_outcome
	WHERE a.task = p_task AND a.fence = p_fence AND a.leaf = p_leaf;
END $$;

-- A clean end: every task of the worker is ready again at once, no recovery counted; answers how many.
CREATE OR REPLACE FUNCTION agentd.worker_leave(p_worker uuid) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp SET jit = off SET plan_cache_mode = force_custom_plan SET random_page_cost = 0.1 SET enable_seqscan = off AS $$
DECLARE
	v_now timestamptz := agentd.clock();
	v_n integer := 0;
	q record;
BEGIN
	UPDATE workers SET ended_at = v_now WHERE id = p_worker AND ended_at IS NULL;
	FOR q IN
		UPDATE task_queue x SET state = 'ready', worker = NULL, fence = x.fence + 1, run_at = v_now
		WHERE x.ctid = ANY (ARRAY(SELECT y.ctid FROM task_queue y WHERE y.worker = p_worker AND y.state = 'running'
			ORDER BY y.id FOR NO KEY UPDATE))
		RETURNING x.id, x.fence - 1 AS fence, x.leaf
	LOOP
		PERFORM agentd.attempt_end(q.id, q.fence, q.leaf, v_now, 'left');
		v_n := v_n + 1;
	END LOOP;
	IF v_n > 0 THEN
		PERFORM pg_notify('agentd_work', '');
	END IF;
	RETURN v_n;
END $$;
