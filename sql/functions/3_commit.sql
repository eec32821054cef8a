-- 3_commit.sql - moves: everything that tasks commit at once, many tasks in one call.
--
-- Words:  a move is journal rows, effect changes, a hold, settled model calls, and what becomes of the task: next 0 stay, 1 park,
--         2 finish, 3 release (its state, where given, is the lane that the task belongs to). Arrays run over moves (p_task ...) and
--         over journal rows (j_*, j_move and j_idx count from 1, the rows of a move follow one another); rarer things are JSON.
-- Status: ok; already: committed before; stale: the fence is lost; busy: the row is locked, send it again;
--         refused: nothing of this move was written, code and message say why. Data errors fail the call; the
--         caller halves the batch until the culprit is alone.
-- Plans:  as 2_queue.sql: one generic plan, by keys and ctid, leaf by leaf.
-- Locks:  task_queue in the order of the call (busy rows are skipped, so that nobody waits), then what belongs to those tasks:
--         cap_hold, the approvals that allow to spend and the windows of caps (3_caps.sql), spend_hold, effects and the approvals they
--         use, model_calls, task_log, approval_queue, tasks, task_attempts, webhook_deliveries.

DROP FUNCTION IF EXISTS agentd.commit_steps(uuid[], integer[], integer[], smallint[], text[], bigint[], boolean[], json[], json[], integer[],
	integer[], text[], integer[], text[], text[], json[], bytea[], bigint[], bigint[], json, json, json);	-- as it was without caps
CREATE OR REPLACE FUNCTION agentd.commit_steps(p_task uuid[], p_fence integer[], p_rows integer[], p_next smallint[], p_state text[],
	p_run_at bigint[], p_failure boolean[], p_output json[], p_error json[],
	j_move integer[], j_idx integer[], j_path text[], j_try integer[], j_kind text[], j_step_kind text[], j_value json[],
	j_digest bytea[], j_started bigint[], j_cost bigint[],
	p_effects json DEFAULT NULL, p_holds json DEFAULT NULL, p_calls json DEFAULT NULL, p_caps json DEFAULT NULL)
RETURNS TABLE (ord bigint, status text, last_seq bigint, cancel boolean, now_us bigint, code text, message text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan
	SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_bitmapscan = off AS $$
#variable_conflict use_column
DECLARE
	v_xid xid8 := pg_current_xact_id();	-- before the look at the watch, see 2_feed.sql
	v_now timestamptz := agentd.clock();
	v_n integer := cardinality(p_task);
	-- of the rows that are locked and ours, side by side
	v_ord bigint[];
	v_seq bigint[];
	v_kept smallint[];
	v_cancelled boolean[];
	v_tids tid[];
	v_hooked boolean;	-- some of them have a webhook
	-- by move; base is -1 where the move does not take place
	v_base bigint[];
	v_leaf smallint[];
	v_leaves smallint[];
	v_cancel boolean[];
	v_tid tid[];
	v_status text[];
	v_code text[];
	v_message text[];
	v_pass integer := 0;
	v_conflict integer[];
	v_dup integer[] := '{}';
	v_dropped integer[];
	v_move integer;
	v_one smallint;
	v_asks boolean;			-- some task has an open request
	v_fed boolean;
	h record;
	r record;
BEGIN
	v_code := array_fill(NULL::text, ARRAY[v_n]);
	v_message := v_code;
	<<again>>
	LOOP
		v_pass := v_pass + 1;
		BEGIN
			SELECT array_agg(q.ord), array_agg(q.seq), array_agg(q.leaf), array_agg(q.cancel), array_agg(q.tid),
				EXISTS (SELECT FROM approval_queue a WHERE a.state IN ('pending', 'approved')),
				agentd.feed_blind() OR EXISTS (SELECT FROM event_watch w WHERE w.until > v_now), bool_or(q.hooked)
			INTO v_ord, v_seq, v_kept, v_cancelled, v_tids, v_asks, v_fed, v_hooked
			FROM generate_series(1, v_n) i
			CROSS JOIN LATERAL (SELECT i AS ord, x.seq, x.leaf, x.cancel_at IS NOT NULL AS cancel, x.ctid AS tid, x.hooked FROM task_queue x
				WHERE x.id = p_task[i] AND x.fence = p_fence[i] AND x.worker IS NOT NULL LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED) q;
			IF cardinality(v_ord) = v_n THEN
				v_base := v_seq;
				v_leaf := v_kept;
				v_cancel := v_cancelled;
				v_tid := v_tids;
				v_status := array_fill('ok'::text, ARRAY[v_n]);
			ELSE
				v_base := array_fill(-1::bigint, ARRAY[v_n]);
				v_leaf := array_fill(0::smallint, ARRAY[v_n]);
				v_cancel := array_fill(false, ARRAY[v_n]);
				v_tid := array_fill('(0,0)'::tid, ARRAY[v_n]);
				v_status := array_fill(NULL::text, ARRAY[v_n]);
				FOR i IN 1..coalesce(cardinality(v_ord), 0) LOOP
					v_status[v_ord[i]] := 'ok';
					v_base[v_ord[i]] := v_seq[i];
					v_leaf[v_ord[i]] := v_kept[i];
					v_cancel[v_ord[i]] := v_cancelled[i];
					v_tid[v_ord[i]] := v_tids[i];
				END LOOP;
			END IF;
			v_leaves := agentd.distinct_leaves(v_kept);
			-- What the first pass refused stays refused.
			IF v_pass > 1 THEN
				FOR i IN 1..v_n LOOP
					IF v_code[i] IS NOT NULL AND v_base[i] >= 0 THEN
						v_base[i] := -1;
						v_status[i] := 'refused';
					END IF;
				END LOOP;
			END IF;

			IF p_holds IS NOT NULL OR p_caps IS NOT NULL THEN
				FOR h IN SELECT * FROM agentd.holds_take(coalesce(p_holds, '[]'), p_calls, p_caps, p_task, v_base, v_now) LOOP
					v_base[h.move] := -1;
					v_status[h.move] := 'refused';
					v_code[h.move] := h.code;
					v_message[h.move] := h.problem;
				END LOOP;
			END IF;
			IF p_effects IS NOT NULL THEN
				PERFORM agentd.effects_apply(p_effects, p_task, p_fence, v_base, v_leaf, v_now);
			END IF;
			IF p_calls IS NOT NULL THEN
				PERFORM agentd.calls_settle(p_calls, p_task, p_fence, v_base, v_leaf, v_now);
			END IF;

			IF p_holds IS NOT NULL OR p_calls IS NOT NULL THEN
				-- Rows that were changed just now stand elsewhere.
				SELECT array_agg(coalesce(q.tid, '(0,0)'::tid) ORDER BY m.ord) INTO v_tid
				FROM unnest(p_task) WITH ORDINALITY m(task, ord)
				LEFT JOIN LATERAL (SELECT x.ctid AS tid FROM task_queue x WHERE x.id = m.task LIMIT 1) q ON true;
			END IF;

			IF cardinality(j_move) > 0 THEN
				IF pg_column_size(j_value) > 65536 THEN
					PERFORM agentd.blobs_keep(array_agg(p_task[j.move]), array_agg(j.value), v_now)
					FROM unnest(j_move, j_value) j(move, value) WHERE v_base[j.move] >= 0 AND (pg_column_size(j.value) > 65540)
					HAVING count(*) > 0;
				END IF;
				INSERT INTO task_log (task, seq, at, started_at, fence, try, leaf, path, kind, step_kind, value, value_blob,
					value_digest, cost_usd)
				SELECT p_task[j_move[k]], v_base[j_move[k]] + j_idx[k], v_now, timestamptz 'epoch' + nullif(j_started[k], 0) * interval '1 microsecond',
					p_fence[j_move[k]], j_try[k], v_leaf[j_move[k]], j_path[k], j_kind[k], j_step_kind[k],
					CASE WHEN NOT (pg_column_size(j_value[k]) > 65540) THEN j_value[k] END,
					CASE WHEN (pg_column_size(j_value[k]) > 65540) THEN agentd.blob_digest(j_value[k]) END,
					j_digest[k], CASE WHEN j_cost[k] <> 0 THEN j_cost[k] * 0.000000000001 END
				FROM generate_series(1, cardinality(j_move)) k
				WHERE v_base[j_move[k]] >= 0;
				IF 'approval.requested' = ANY (j_kind) OR 'approval.decided' = ANY (j_kind) THEN
					PERFORM agentd.approvals_note(p_task, v_base, v_leaf, j_move, j_path, j_try, j_kind, j_value, v_now);
					v_asks := true;
				END IF;
			END IF;

			IF 0 = ANY (p_next) THEN
				UPDATE task_queue q SET seq = q.seq + p_rows[i], recoveries = 0, priority = q.priority % 100
				FROM generate_series(1, v_n) i
				WHERE q.ctid = v_tid[i] AND p_next[i] = 0 AND v_base[i] >= 0 AND p_rows[i] > 0;
			END IF;
			IF 3 = ANY (p_next) AND EXISTS (SELECT FROM unnest(p_next, p_state) m(next, state) WHERE m.next = 3 AND m.state <> '') THEN
				PERFORM agentd.lanes_add(ARRAY(SELECT m.state FROM unnest(p_next, p_state) m(next, state) WHERE m.next = 3 AND m.state <> ''));
			END IF;
			IF 1 = ANY (p_next) OR 3 = ANY (p_next) THEN
				-- With a time (run_at) a task that is given back stands in waiting_timer; without one it is ready, behind what is as
				-- urgent and older. A cancel that was asked for meanwhile is not slept over: the task is ready, its next attempt ends
				-- it. So is news (unread).
				UPDATE task_queue q SET seq = q.seq + m.rows, worker = NULL,
					recoveries = CASE WHEN m.rows > 0 THEN 0 ELSE q.recoveries END,
					priority = CASE WHEN m.rows > 0 THEN q.priority % 100 ELSE q.priority END,
					failures = q.failures + m.failure::integer,
					lane = CASE WHEN m.next = 3 AND m.state <> '' THEN agentd.lane_like(q.lane, m.state)
						ELSE q.lane END,
					run_at = CASE WHEN m.next = 1 AND m.state <> 'quarantined'
							AND (q.unread OR q.cancel_at IS NOT NULL AND m.state <> 'uncertain') THEN v_now
						WHEN m.next = 3 THEN greatest((timestamptz 'epoch' + nullif(m.run_at, 0) * interval '1 microsecond'), v_now)
						ELSE (timestamptz 'epoch' + nullif(m.run_at, 0) * interval '1 microsecond') END,
					state = CASE WHEN m.next = 1 AND m.state <> 'quarantined'
							AND (q.unread OR q.cancel_at IS NOT NULL AND m.state <> 'uncertain') THEN 'ready'
						WHEN m.next = 1 THEN m.state::task_state
						WHEN (timestamptz 'epoch' + nullif(m.run_at, 0) * interval '1 microsecond') > v_now THEN 'waiting_timer' ELSE 'ready' END
				FROM unnest(v_tid, p_rows, p_next, p_state, p_run_at, p_failure, v_base)
					m(tid, rows, next, state, run_at, failure, base)
				WHERE q.ctid = m.tid AND m.next IN (1, 3) AND m.base >= 0;
			END IF;
			IF 2 = ANY (p_next) THEN
				IF pg_column_size(p_output) > 65536 THEN
					PERFORM agentd.blobs_keep(array_agg(m.task), array_agg(m.output), v_now)
					FROM unnest(p_task, p_output, p_next, v_base) m(task, output, next, base)
					WHERE m.next = 2 AND m.base >= 0 AND (pg_column_size(m.output) > 65540) HAVING count(*) > 0;
				END IF;
				FOREACH v_one IN ARRAY coalesce(v_leaves, '{}') LOOP
					WITH gone AS (
						DELETE FROM task_queue q
						USING generate_series(1, v_n) i
						WHERE q.ctid = v_tid[i] AND p_next[i] = 2 AND v_base[i] >= 0 AND q.leaf = v_one
						RETURNING i, q.id, q.seq, q.fence, q.failures, q.recoveries, q.state, q.spent_usd + q.held_usd AS cost
					)
					UPDATE tasks t SET state = p_state[g.i]::task_state, ended_from = g.state, finished_at = v_now, last_seq = g.seq + p_rows[g.i],
						fence = g.fence, failures = g.failures, recoveries = g.recoveries, cost_usd = g.cost, error = p_error[g.i],
						output = CASE WHEN NOT (pg_column_size(p_output[g.i]) > 65540) THEN p_output[g.i] END,
						output_blob = CASE WHEN (pg_column_size(p_output[g.i]) > 65540) THEN agentd.blob_digest(p_output[g.i]) END
					FROM gone g
					CROSS JOIN LATERAL (SELECT x.ctid AS tid FROM tasks x WHERE x.id = g.id AND x.leaf = v_one LIMIT 1) l
					WHERE t.ctid = l.tid AND t.leaf = v_one;
				END LOOP;
				IF v_asks THEN
					PERFORM agentd.approvals_drop(ARRAY(SELECT p_task[i] FROM generate_series(1, v_n) i WHERE p_next[i] = 2 AND v_base[i] >= 0),
						v_now);
				END IF;
			END IF;
			-- The attempt that finishes its task ends with it: no row of its own to write (view attempts).
			IF 1 = ANY (p_next) OR 3 = ANY (p_next) THEN
				FOREACH v_one IN ARRAY coalesce(v_leaves, '{}') LOOP
					UPDATE task_attempts a SET ended_at = v_now, outcome = CASE WHEN m.next = 3 THEN 'released' ELSE m.state END,
						ended_seq = m.base + m.rows
					FROM unnest(p_task, p_fence, p_next, p_state, v_base, v_leaf, p_rows) m(task, fence, next, state, base, leaf, rows)
					CROSS JOIN LATERAL (SELECT x.ctid AS tid FROM task_attempts x
						WHERE x.task = m.task AND x.fence = m.fence AND x.leaf = v_one LIMIT 1) l
					WHERE a.ctid = l.tid AND a.leaf = v_one AND m.leaf = v_one AND m.next IN (1, 3) AND m.base >= 0;
				END LOOP;
			END IF;
			EXIT again;
		EXCEPTION WHEN unique_violation THEN
			-- Each pass may meet moves that were busy in the last one, and had been committed by then.
			IF v_pass > 1 AND v_dropped IS NULL THEN
				RAISE;
			END IF;
		END;
		-- Some journal rows are there already: equal ones are dropped, others refuse their move; then once more.
		WITH j AS MATERIALIZED (
			SELECT j.*, l.value_digest AS old
			FROM unnest(j_move, j_idx, j_path, j_try, j_kind, j_step_kind, j_value, j_digest, j_started, j_cost)
				WITH ORDINALITY j(move, idx, path, try, kind, step_kind, value, digest, started, cost, ord)
			LEFT JOIN LATERAL (SELECT x.value_digest FROM task_log x WHERE v_base[j.move] >= 0 AND x.task = p_task[j.move]
				AND x.path = j.path AND x.try = j.try AND x.kind = j.kind AND x.leaf = v_leaf[j.move] LIMIT 1) l ON true
		), fresh AS (
			SELECT j.*, (row_number() OVER (PARTITION BY j.move ORDER BY j.ord))::integer AS new_idx FROM j WHERE j.old IS NULL
		), f AS (
			SELECT array_agg(move) AS move, array_agg(new_idx) AS idx, array_agg(path) AS path, array_agg(try) AS try,
				array_agg(kind) AS kind, array_agg(step_kind) AS step_kind, array_agg(value) AS value,
				array_agg(digest) AS digest, array_agg(started) AS started, array_agg(cost) AS cost
			FROM (SELECT * FROM fresh ORDER BY ord) x
		), c AS (
			SELECT array_agg(DISTINCT move) FILTER (WHERE old <> digest) AS conflict, array_agg(DISTINCT move) AS dup
			FROM j WHERE old IS NOT NULL
		)
		SELECT coalesce(f.move, '{}'), f.idx, f.path, f.try, f.kind, f.step_kind, f.value, f.digest, f.started, f.cost,
			c.conflict, c.dup,
			ARRAY(SELECT coalesce(n.n, 0) FROM generate_series(1, v_n) g(i)
				LEFT JOIN (SELECT move, count(*)::integer AS n FROM fresh GROUP BY move) n ON n.move = g.i ORDER BY g.i)
		INTO j_move, j_idx, j_path, j_try, j_kind, j_step_kind, j_value, j_digest, j_started, j_cost,
			v_conflict, v_dropped, p_rows
		FROM f, c;
		v_dup := v_dup || v_dropped;
		FOREACH v_move IN ARRAY coalesce(v_conflict, '{}') LOOP
			v_code[v_move] := 'journal_conflict';
			v_message[v_move] := format('another value was committed before for task %s', p_task[v_move]);
		END LOOP;
	END LOOP again;

	-- Nothing new in it, and the task stays with us: the move was committed before.
	FOREACH v_move IN ARRAY v_dup LOOP
		IF v_status[v_move] = 'ok' AND p_next[v_move] = 0 AND p_rows[v_move] = 0 THEN
			v_status[v_move] := 'already';
		END IF;
	END LOOP;
	-- Not ours, or not any more: who knows why?
	IF coalesce(cardinality(v_ord), 0) < v_n THEN
		FOR r IN
			SELECT m.ord, CASE
				WHEN q.id IS NOT NULL THEN 'busy'
				WHEN m.next IN (1, 3) AND a.outcome = CASE WHEN m.next = 3 THEN 'released' ELSE m.state END THEN 'already'
				WHEN m.next = 2 AND t.state::text = m.state AND t.fence = m.fence THEN 'already'
				ELSE 'stale' END AS status
			FROM unnest(p_task, p_fence, p_next, p_state, v_status) WITH ORDINALITY m(task, fence, next, state, status, ord)
			LEFT JOIN LATERAL (SELECT x.id FROM task_queue x
				WHERE x.id = m.task AND x.fence = m.fence AND x.worker IS NOT NULL LIMIT 1) q ON true
			LEFT JOIN LATERAL (SELECT x.outcome FROM task_attempts x
				WHERE x.task = m.task AND x.fence = m.fence AND x.leaf = ANY (agentd.leaves_of(m.task)) LIMIT 1) a ON true
			LEFT JOIN LATERAL (SELECT x.state, x.fence FROM tasks x
				WHERE x.id = m.task AND x.leaf = ANY (agentd.leaves_of(m.task)) LIMIT 1) t ON true
			WHERE m.status IS NULL
		LOOP
			v_status[r.ord] := r.status;
		END LOOP;
	END IF;
	IF v_fed THEN
		PERFORM agentd.feed_moves(p_task, p_fence, v_base, p_rows, p_next);
	END IF;
	IF v_hooked OR p_state && '{failed,expired,uncertain,quarantined}' THEN
		PERFORM agentd.webhooks_moves(p_task, v_base, v_leaf, p_next, p_state);
	END IF;
	IF 1 = ANY (p_next) OR 2 = ANY (p_next) THEN
		PERFORM pg_notify('agentd_done', 'told');
	END IF;
	IF 3 = ANY (p_next) THEN
		PERFORM pg_notify('agentd_work', 'told');
	END IF;
	RETURN QUERY SELECT i::bigint, v_status[i], CASE WHEN v_base[i] < 0 THEN 0 ELSE v_base[i] + p_rows[i] END, v_cancel[i],
		(extract(epoch FROM v_now) * 1000000)::bigint, v_code[i], v_message[i]
		FROM generate_series(1, v_n) i;
END $$;
