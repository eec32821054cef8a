-- 2_queue.sql - workers: register, heartbeat, claim, leave.
--
-- Words:  a worker row is one incarnation of one process; its lease is the lease of every task it runs, so that a
--         heartbeat touches one row. The fence is raised by every claim and by every take-over.
--         It claims from every lane all parts of which it serves (2_lanes.sql).
-- Locks:  workers, then task_queue rows (claim skips locked ones), then inserts.
-- Plans:  hot functions keep one generic plan: making a plan costs more than running it. So that no statistics can spoil it, what
--         they read is read by whole keys or in the order of an index: LATERAL with LIMIT (the planner may not turn the join
--         round), ctid for what was found before, an outer parameter for the leaf (so that the other leaves are not
--         opened), and every other way is switched off. Conditions on a running task say "worker IS NOT NULL": with
--         "state = 'running'" the index of running tasks competes with the primary key, and wins where the queue looks
--         empty. Conversions of time and money are written out: a function that is inlined is parsed again for every plan.
--         No function here is compiled: a plan with a switched-off scan in it looks dear enough for JIT, which took 1 s a call.
-- Wake:   notifications are hints. The payload 'told' says that a program whose own call this is knows without it.
-- Errors: AG410: the worker's lease is over; it must stop everything and register anew.

-- plpgsql, as its cast from text may not be inlined: a SQL function that is not inlined is parsed and planned in every transaction.
CREATE OR REPLACE FUNCTION agentd.uuid_time(p uuid) RETURNS timestamptz LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
	RETURN to_timestamp(('x' || left(p::text, 8) || substr(p::text, 10, 4))::bit(48)::bigint / 1000.0);
END $$;

-- uncertain: only a person or a reconciling tool resolves it, never time and never a plain cancel.
CREATE OR REPLACE FUNCTION agentd.move_allowed(p_from agentd.task_state, p_to agentd.task_state) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
	RETURN CASE p_from
		WHEN 'running' THEN p_to <> 'running'
		WHEN 'ready' THEN p_to IN ('running', 'cancelled', 'expired')
		WHEN 'waiting_approval' THEN p_to IN ('ready', 'cancelled', 'expired')
		WHEN 'waiting_timer' THEN p_to IN ('ready', 'cancelled', 'expired')
		WHEN 'waiting_event' THEN p_to IN ('ready', 'cancelled', 'expired')
		WHEN 'waiting_slot' THEN p_to IN ('ready', 'cancelled', 'expired')
		WHEN 'uncertain' THEN p_to = 'ready'
		WHEN 'quarantined' THEN p_to IN ('ready', 'cancelled')
		ELSE false END;
END $$;

CREATE OR REPLACE FUNCTION agentd.worker_register(p_id uuid, p_host text, p_pid integer, p_lanes text[], p_lease_ms bigint,
	p_semantics integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp AS $$
DECLARE
	v_now timestamptz := agentd.clock();
BEGIN
	INSERT INTO workers AS w (id, lease_until, started_at, lease_ms, pid, semantics, host, lanes)
	VALUES (p_id, v_now + p_lease_ms * interval '1 millisecond', v_now, p_lease_ms, p_pid, p_semantics, p_host, p_lanes)
	ON CONFLICT (id) DO NOTHING;
	PERFORM agentd.lanes_add(p_lanes);
	IF EXISTS (SELECT FROM workers WHERE id = p_id AND ended_at IS NOT NULL) THEN
		RAISE EXCEPTION 'worker % has ended', p_id USING ERRCODE = 'AG410';
	END IF;
	RETURN agentd.us(v_now);
END $$;

-- Safety is the fence's; a lease that ran out but was not taken over yet is simply prolonged.
CREATE OR REPLACE FUNCTION agentd.heartbeat(p_worker uuid) RETURNS TABLE (lost boolean, cancelled uuid[])
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan
	SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_bitmapscan = off AS $$
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
LANGUAGE plpgsql SET jit = off SET plan_cache_mode = force_generic_plan
	SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_bitmapscan = off SET enable_sort = off AS $$
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
LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN (SELECT json_agg(json_build_array(l.seq, (extract(epoch FROM l.at) * 1000000)::bigint, l.path, l.try, l.kind, l.step_kind,
			CASE WHEN l.value_blob IS NULL THEN l.value ELSE agentd.blob_value(l.value_blob) END,
			coalesce((extract(epoch FROM l.started_at) * 1000000)::bigint, 0), (coalesce(l.cost_usd, 0) * 1000000000000)::bigint) ORDER BY l.seq)
		FROM (SELECT * FROM agentd.task_log x WHERE x.task = p_task AND x.leaf = p_leaf AND x.seq > p_after ORDER BY x.seq) l);
END $$;

-- The first row has no task: it says what time it is and when the next timer is due (null: none).
-- p_claim counts the worker's claims; the same number again gets the same tasks again, and an older one, which was long on its
-- way over a connection that was given up, gets none: nobody would hear of them.
DROP FUNCTION IF EXISTS agentd.claim(uuid, integer, integer);	-- as it was before origin_by
CREATE OR REPLACE FUNCTION agentd.claim(p_worker uuid, p_limit integer, p_claim integer DEFAULT NULL)
RETURNS TABLE (task uuid, fence integer, workflow text, bundle bytea, urgency text, labels json, submitted_by text,
	parent uuid, input json, budget json, created_us bigint, deadline_us bigint, failures integer, recoveries integer,
	cancel boolean, last_seq bigint, journal json, spent_pusd bigint, now_us bigint, next_due_us bigint, origin_by text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan
	SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_bitmapscan = off SET enable_sort = off AS $$
#variable_conflict use_column
DECLARE
	v_xid xid8 := pg_current_xact_id();	-- before the look at the watch, see 2_feed.sql
	v_now timestamptz := agentd.clock();
	v_lanes text[];
	v_lane text;
	v_semantics smallint;
	v_last integer;
	v_closed boolean;
	v_suspects boolean;
	v_fed boolean;
	v_left integer := p_limit;
	v_due timestamptz;
	v_id uuid[];
	v_row bigint[];		-- [i]: fence, leaf, failures, recoveries, cancel, seq, spent: one aggregate in place of seven
	v_one smallint;
	v_from smallint := 0;	-- suspects (5_quarantine.sql) begin at 200: they come last, in a pass of their own
	v_below smallint := 200;
	v_cap integer := p_limit;
BEGIN
	UPDATE workers w SET claim = greatest(w.claim, p_claim)
	WHERE w.id = p_worker AND w.ended_at IS NULL AND (w.claim < p_claim) IS NOT FALSE
	RETURNING ARRAY(SELECT l.name FROM lanes l WHERE l.parts <@ w.lanes), w.semantics,
		(SELECT q.run_at FROM task_queue q WHERE q.state NOT IN ('ready', 'running') AND q.run_at IS NOT NULL ORDER BY q.run_at LIMIT 1),
		EXISTS (SELECT FROM admission a WHERE a.level > 0 AND a.level >= 2 AND a.holds_until > v_now),
		EXISTS (SELECT FROM lanes l CROSS JOIN LATERAL (SELECT FROM task_queue q
			WHERE q.state = 'ready' AND q.lane = l.name AND q.priority >= v_below LIMIT 1) q WHERE l.parts <@ w.lanes),
		agentd.feed_blind() OR EXISTS (SELECT FROM event_watch e WHERE e.until > v_now)
	INTO v_lanes, v_semantics, v_due, v_closed, v_suspects, v_fed;
	IF NOT FOUND THEN
		SELECT w.claim INTO v_last FROM workers w WHERE w.id = p_worker AND w.ended_at IS NULL;
		IF NOT FOUND THEN
			RAISE EXCEPTION 'worker % has no lease', p_worker USING ERRCODE = 'AG410';
		END IF;
		v_closed := v_last > p_claim;
		v_lanes := ARRAY[NULL::text];	-- sent again
		v_suspects := false;
		v_due := v_now;			-- whatever it is
	END IF;
	IF v_due <= v_now THEN
		PERFORM agentd.promote_due(greatest(100, 2 * p_limit), v_now);
		v_due := (SELECT q.run_at FROM task_queue q
			WHERE q.state NOT IN ('ready', 'running') AND q.run_at IS NOT NULL ORDER BY q.run_at LIMIT 1);
	END IF;
	now_us := (extract(epoch FROM v_now) * 1000000)::bigint;
	next_due_us := (extract(epoch FROM v_due) * 1000000)::bigint;
	RETURN NEXT;
	IF v_closed THEN
		RETURN;
	END IF;

	IF cardinality(v_lanes) > 1 THEN
		-- One lane after the other, the most urgent head first: the index is ordered within a lane only.
		v_lanes := ARRAY(SELECT l FROM unnest(v_lanes) l CROSS JOIN LATERAL (
			SELECT q.priority, q.run_at FROM task_queue q WHERE q.state = 'ready' AND q.lane = l
			ORDER BY q.priority, q.run_at, q.id LIMIT 1) h
		ORDER BY h.priority, h.run_at, l COLLATE "C");
	END IF;
	FOR i IN 1..cardinality(v_lanes) + v_suspects::integer LOOP
		EXIT WHEN v_left <= 0;
		v_lane := v_lanes[i];
		IF i > cardinality(v_lanes) THEN
			SELECT x.lane, x.lowest, x.lowest + 100, x.cap INTO v_lane, v_from, v_below, v_cap
			FROM agentd.suspects_due(p_worker, v_lanes) x;
			EXIT WHEN v_lane IS NULL;
		END IF;
		IF v_lane IS NULL THEN
			-- sent again: what it got
			SELECT array_agg(q.id), array_agg(ARRAY[q.fence, q.leaf, q.failures, q.recoveries, (q.cancel_at IS NOT NULL)::integer, q.seq,
				((q.spent_usd + q.held_usd) * 1000000000000)::bigint])
			INTO v_id, v_row
			FROM task_queue q CROSS JOIN LATERAL (SELECT x.claim FROM task_attempts x
				WHERE x.task = q.id AND x.fence = q.fence AND x.leaf = q.leaf LIMIT 1) a
			WHERE q.worker = p_worker AND q.state = 'running' AND a.claim = p_claim;
		ELSE
			WITH c AS (
				UPDATE task_queue q SET state = 'running', fence = q.fence + 1, worker = p_worker, unread = false
				WHERE q.ctid = ANY (ARRAY(
					SELECT r.ctid FROM task_queue r WHERE r.state = 'ready' AND r.lane = v_lane
						AND r.semantics <= v_semantics AND r.priority >= v_from AND r.priority < v_below
					ORDER BY r.priority, r.run_at, r.id LIMIT least(v_left, v_cap) FOR NO KEY UPDATE SKIP LOCKED))
				RETURNING q.id, q.fence, q.leaf, ARRAY[q.fence, q.leaf, q.failures, q.recoveries, (q.cancel_at IS NOT NULL)::integer, q.seq,
					((q.spent_usd + q.held_usd) * 1000000000000)::bigint] AS facts
			), a AS (
				INSERT INTO task_attempts (task, worker, started_at, fence, claim, leaf, seq)
				SELECT c.id, p_worker, v_now, c.fence, p_claim, c.leaf, c.facts[6] FROM c
			)
			SELECT array_agg(c.id), array_agg(c.facts) INTO v_id, v_row FROM c;
			IF v_id IS NOT NULL AND v_fed THEN
				PERFORM agentd.feed_add(v_id, array_agg(v_row[i][6]), array_agg(v_row[i][6]), array_agg(2 * v_row[i][1]))
				FROM generate_series(1, cardinality(v_id)) i;
			END IF;
		END IF;
		CONTINUE WHEN v_id IS NULL;
		v_left := v_left - cardinality(v_id);
		FOREACH v_one IN ARRAY agentd.distinct_leaves(v_row[:][2:2]::smallint[]) LOOP
			RETURN QUERY SELECT t.id, v_row[i][1]::integer, t.workflow, t.bundle, t.urgency, t.labels, t.submitted_by, t.parent,
				CASE WHEN t.input_blob IS NULL THEN t.input ELSE agentd.blob_value(t.input_blob) END, t.budget,
				(extract(epoch FROM t.created_at) * 1000000)::bigint, coalesce((extract(epoch FROM t.deadline) * 1000000)::bigint, 0),
				v_row[i][3]::integer, v_row[i][4]::integer, v_row[i][5] = 1, v_row[i][6],
				CASE WHEN v_row[i][6] > 0 THEN agentd.journal_json(t.id, v_one, 0) END, v_row[i][7], NULL::bigint, NULL::bigint,
				t.origin ->> 'by'
			FROM generate_series(1, cardinality(v_id)) i
			CROSS JOIN LATERAL (SELECT * FROM tasks x WHERE x.id = v_id[i] AND x.leaf = v_one LIMIT 1) t
			WHERE v_row[i][2] = v_one;
		END LOOP;
	END LOOP;
END $$;

-- Of an attempt that leaves its task; p_seq: the last row of the task's journal. A call of before p_seq that is under way while this
-- comes in may leave it out: then the row in the queue tells it.
DROP FUNCTION IF EXISTS agentd.attempt_end(uuid, integer, smallint, timestamptz, text);	-- as it was before p_seq
CREATE OR REPLACE FUNCTION agentd.attempt_end(p_task uuid, p_fence integer, p_leaf smallint, p_now timestamptz, p_outcome text,
	p_seq bigint DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET jit = off SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
	v_seq bigint := coalesce(p_seq, (SELECT q.seq FROM agentd.task_queue q WHERE q.id = p_task));
BEGIN
	UPDATE agentd.task_attempts a SET ended_at = p_now, outcome = p_outcome, ended_seq = v_seq
	WHERE a.task = p_task AND a.fence = p_fence AND a.leaf = p_leaf;
	PERFORM agentd.feed_one(p_task, v_seq, v_seq, 2 * p_fence::bigint + 1);
END $$;

-- Something that a task waits for has come in. A worker that has the task learns of it when it would park. q is its locked row; answers
-- its state now. What waits for a person to redrive it goes on waiting.
DROP FUNCTION IF EXISTS agentd.task_wake(agentd.task_queue, timestamptz);	-- as it was before it answered
CREATE OR REPLACE FUNCTION agentd.task_wake(q agentd.task_queue, p_now timestamptz) RETURNS agentd.task_state LANGUAGE plpgsql AS $$
BEGIN
	IF q.state = 'running' THEN
		UPDATE agentd.task_queue SET unread = true WHERE id = q.id;
	ELSIF q.state NOT IN ('ready', 'quarantined') THEN
		UPDATE agentd.task_queue SET state = 'ready', run_at = p_now WHERE id = q.id;
		PERFORM pg_notify('agentd_work', ''), pg_notify('agentd_done', '');
		RETURN 'ready';
	END IF;
	RETURN q.state;
END $$;

-- These leaves (of a list, or of a column of a table), each once; nearly always there is one.
CREATE OR REPLACE FUNCTION agentd.distinct_leaves(p_leaf smallint[]) RETURNS smallint[] LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	v_first smallint := coalesce(p_leaf[1], p_leaf[1][1]);
BEGIN
	IF v_first = ALL (p_leaf) THEN
		RETURN ARRAY[v_first];
	END IF;
	RETURN ARRAY(SELECT DISTINCT l FROM unnest(p_leaf) l WHERE l IS NOT NULL ORDER BY l);
END $$;

-- A clean end: every task of the worker is ready again at once, no recovery counted; answers how many.
CREATE OR REPLACE FUNCTION agentd.worker_leave(p_worker uuid) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan
	SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_bitmapscan = off AS $$
DECLARE
	v_now timestamptz := agentd.clock();
	v_n integer := 0;
	q record;
BEGIN
	UPDATE workers SET ended_at = v_now WHERE id = p_worker AND ended_at IS NULL;
	-- First wait, then look: a row that was changed while we waited is not the row of our snapshot any more.
	PERFORM FROM task_queue y WHERE y.worker = p_worker AND y.state = 'running' ORDER BY y.id FOR NO KEY UPDATE;
	FOR q IN
		UPDATE task_queue x SET state = 'ready', worker = NULL, fence = x.fence + 1, run_at = v_now
		WHERE x.ctid = ANY (ARRAY(SELECT y.ctid FROM task_queue y WHERE y.worker = p_worker AND y.state = 'running'))
		RETURNING x.id, x.fence - 1 AS fence, x.leaf, x.seq
	LOOP
		PERFORM agentd.attempt_end(q.id, q.fence, q.leaf, v_now, 'left', q.seq);
		v_n := v_n + 1;
	END LOOP;
	IF v_n > 0 THEN
		PERFORM pg_notify('agentd_work', '');
	END IF;
	RETURN v_n;
END $$;
