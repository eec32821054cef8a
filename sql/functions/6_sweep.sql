-- 6_sweep.sql - what ages: one function per duty, bounded work per call, answers the rows touched.
--
-- Words:  a duty takes {"bound": N, ...} and may be called by any number of sweepers at once.
-- Locks:  workers, then task_queue in id order (locked rows are skipped: a commit that holds one proves life), then tasks.
-- Guards: every statement that takes something over says in its own WHERE why it may: nothing is read first
--         and changed later by id.

-- Leases that ran out, or that reach further than two leases ahead (the clock was set back).
CREATE OR REPLACE FUNCTION agentd.sweep_expired_workers(p json) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp
	SET jit = off SET plan_cache_mode = force_custom_plan SET random_page_cost = 0.1 AS $$
DECLARE
	v_bound integer := coalesce((p ->> 'bound')::integer, 200);
	v_limit integer := coalesce((p ->> 'recoveries')::integer, 3);
	v_now timestamptz := agentd.clock();
	v_n bigint := 0;
	q record;
BEGIN
	UPDATE workers SET ended_at = v_now
	WHERE ended_at IS NULL
		AND (lease_until < v_now OR lease_until > v_now + 2 * lease_ms * interval '1 millisecond');
	FOR q IN
		UPDATE task_queue x SET fence = x.fence + 1, worker = NULL, recoveries = x.recoveries + 1,
			state = CASE WHEN x.recoveries + 1 > v_limit THEN 'quarantined' ELSE 'ready' END::task_state,
			run_at = CASE WHEN x.recoveries + 1 > v_limit THEN NULL ELSE v_now END,
			-- What may have killed its worker runs behind all others, so that it starves nobody.
			priority = agentd.priority_after(x.priority, x.recoveries + 1, v_limit),
			seq = x.seq + (x.recoveries + 1 > v_limit)::integer
		WHERE x.ctid = ANY (ARRAY(SELECT y.ctid FROM task_queue y
			WHERE y.state = 'running' AND NOT EXISTS (SELECT FROM workers w WHERE w.id = y.worker AND w.ended_at IS NULL)
			ORDER BY y.id LIMIT v_bound FOR NO KEY UPDATE OF y SKIP LOCKED))
		RETURNING x.id, x.fence - 1 AS fence, x.leaf, x.seq, x.state, x.recoveries
	LOOP
		PERFORM agentd.attempt_end(q.id, q.fence, q.leaf, v_now, 'lost', q.seq - (q.state = 'quarantined')::integer);
		IF q.state = 'quarantined' THEN
			PERFORM agentd.journal_note(q.id, q.leaf, q.seq, q.fence, 'task.quarantined', agentd.lost_error(q.id, q.leaf,
				(SELECT a.worker FROM task_attempts a WHERE a.task = q.id AND a.fence = q.fence AND a.leaf = q.leaf), q.recoveries));
			PERFORM agentd.webhooks_moves(ARRAY[q.id], ARRAY[q.seq], ARRAY[q.leaf], '{1}', '{quarantined}');
		END IF;
		v_n := v_n + 1;
	END LOOP;
	IF v_n > 0 THEN
		PERFORM pg_notify('agentd_work', ''), pg_notify('agentd_done', '');
	END IF;
	RETURN v_n;
END $$;

CREATE OR REPLACE FUNCTION agentd.sweep_due_timers(p json) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp AS $$
DECLARE
	v_n bigint := agentd.promote_due(coalesce((p ->> 'bound')::integer, 500), agentd.clock());
BEGIN
	IF v_n > 0 THEN
		PERFORM pg_notify('agentd_work', '');
	END IF;
	RETURN v_n;
END $$;

-- Time never resolves what is uncertain; quarantined tasks wait for a person.
CREATE OR REPLACE FUNCTION agentd.sweep_deadlines(p json) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp SET jit = off SET plan_cache_mode = force_custom_plan AS $$
DECLARE
	v_n bigint := 0;
	q task_queue;
BEGIN
	FOR q IN
		SELECT * FROM task_queue
		WHERE deadline IS NOT NULL AND state <> 'running' AND state NOT IN ('uncertain', 'quarantined') AND deadline <= agentd.clock()
			-- Its next attempt ends it, and says what is uncertain.
			AND NOT agentd.effects_open(id, leaf)
		ORDER BY id LIMIT coalesce((p ->> 'bound')::integer, 500) FOR UPDATE SKIP LOCKED
	LOOP
		PERFORM agentd.task_end(q, 'expired', json_build_object('type', 'budget.wall', 'message', 'the deadline '
			|| agentd.rfc3339(q.deadline) || ' passed while the task was ' || replace(q.state::text, '_', ' for '), 'step', NULL,
			'retryable', false));
		v_n := v_n + 1;
	END LOOP;
	IF v_n > 0 THEN
		PERFORM pg_notify('agentd_done', '');
	END IF;
	RETURN v_n;
END $$;

-- Nobody settled it in time, so the whole amount counts as spent, at the task and at the caps. All rows of tasks are locked before any
-- window of a cap is.
CREATE OR REPLACE FUNCTION agentd.sweep_expired_holds(p json) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp SET jit = off SET plan_cache_mode = force_custom_plan AS $$
DECLARE
	v_now timestamptz := agentd.clock();
	v_bound integer := coalesce((p ->> 'bound')::integer, 500);
	v_id uuid[];
	v_task uuid[];
	v_n bigint := 0;
BEGIN
	SELECT array_agg(h.id), array_agg(h.task) INTO v_id, v_task
	FROM (SELECT s.id, s.task FROM spend_hold s WHERE s.settled_at IS NULL AND s.expires_at < v_now ORDER BY s.expires_at LIMIT v_bound) h;
	IF v_id IS NOT NULL THEN
		PERFORM FROM (SELECT q.id FROM task_queue q WHERE q.id = ANY (v_task) ORDER BY q.id FOR NO KEY UPDATE) q;
		WITH h AS (
			UPDATE spend_hold s SET settled_at = v_now, settled_usd = s.amount_usd, lapsed = true
			WHERE s.id = ANY (v_id) AND s.settled_at IS NULL AND s.expires_at < v_now
			RETURNING s.task, s.amount_usd
		), q AS (
			UPDATE task_queue q SET held_usd = q.held_usd - t.usd, spent_usd = q.spent_usd + t.usd
			FROM (SELECT h.task, sum(h.amount_usd) AS usd FROM h GROUP BY h.task) t WHERE q.id = t.task
		)
		SELECT count(*) INTO v_n FROM h;
	END IF;
	RETURN greatest(v_n, caps_lapse(v_bound, v_now));
END $$;

CREATE OR REPLACE FUNCTION agentd.sweep_partitions(p json) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp SET lock_timeout = '500ms' AS $$
	SELECT agentd.partitions_ensure()::bigint
$$;

-- Whether the clock may be believed by a duty that destroys (see 0022_upkeep.sql).
CREATE OR REPLACE FUNCTION agentd.upkeep_may_destroy(p_duty text, p_now timestamptz) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, agentd, pg_temp AS $$
DECLARE
	v_from timestamptz;
BEGIN
	-- The first time it is not known either whether the clock is right.
	INSERT INTO upkeep AS u VALUES (p_duty, p_now, p_now + interval '1 day')
	ON CONFLICT (duty) DO UPDATE SET seen_at = p_now, trusted_from = CASE
		WHEN p_now < u.seen_at - interval '1 hour' OR p_now > u.seen_at + interval '7 days'
			OR u.seen_at < u.trusted_from AND p_now > u.seen_at + interval '12 hours' THEN p_now + interval '1 day'
		ELSE u.trusted_from END
	RETURNING trusted_from INTO v_from;
	IF p_now < v_from THEN
		RAISE WARNING '% destroys nothing before %: the clock has jumped, or this is its first day', p_duty, agentd.rfc3339(v_from);
	END IF;
	RETURN p_now >= v_from;
END $$;

-- Old terminal tasks go with their whole leaf as soon as no live task is left in it; keys, workers, blobs by age; bundles when no
-- task can refer to them any more.
CREATE OR REPLACE FUNCTION agentd.sweep_retention(p json) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp SET lock_timeout = '500ms' SET timezone = 'UTC' AS $$
DECLARE
	v_bound integer := coalesce((p ->> 'bound')::integer, 500);
	v_now timestamptz := agentd.clock();
	v_key_ms bigint := greatest(coalesce((p ->> 'idempotency_ms')::bigint, 0), 7 * 86400000::bigint);
	v_keep_ms bigint[] := ARRAY[coalesce((p ->> 'retain_short_ms')::bigint, 30 * 86400000::bigint),
		coalesce((p ->> 'retain_long_ms')::bigint, 365 * 86400000::bigint)];
	v_n bigint := 0;
	v_rows bigint;
	v_leaf record;
BEGIN
	IF NOT agentd.upkeep_may_destroy('retention', v_now) THEN
		RETURN 0;
	END IF;
	WITH old AS (SELECT ctid FROM idempotency_keys WHERE created_at < v_now - v_key_ms * interval '1 millisecond'
			-- A key lives as long as its task is kept.
			AND NOT EXISTS (SELECT FROM tasks t WHERE t.id = task AND t.leaf = ANY (agentd.leaves_of(task)))
		LIMIT v_bound)
	DELETE FROM idempotency_keys k USING old WHERE k.ctid = old.ctid;
	GET DIAGNOSTICS v_rows = ROW_COUNT;
	v_n := v_n + v_rows;
	DELETE FROM workers w WHERE ended_at < v_now - interval '1 day'
		AND NOT EXISTS (SELECT FROM task_queue q WHERE q.worker = w.id AND q.state = 'running');
	GET DIAGNOSTICS v_rows = ROW_COUNT;
	v_n := v_n + v_rows;
	DELETE FROM spend_hold h WHERE h.ctid = ANY (ARRAY(
		SELECT s.ctid FROM spend_hold s WHERE s.settled_at < v_now - interval '1 day'
			AND NOT EXISTS (SELECT FROM task_queue q WHERE q.id = s.task) LIMIT v_bound));
	GET DIAGNOSTICS v_rows = ROW_COUNT;
	v_n := v_n + v_rows + agentd.caps_forget(v_bound, v_now);

	-- Whoever may alter tables takes the leaves away by itself, without a lock on their parents (src/store/retire.c), and says false here.
	IF coalesce((p ->> 'leaves')::boolean, true) THEN
		BEGIN
			FOR v_leaf IN SELECT * FROM agentd.leaves_over(p) LOOP
				IF v_leaf.parent = 'tasks' AND v_leaf.attached THEN
					PERFORM agentd.leaf_forget(v_leaf.leaf);
				END IF;
				EXECUTE format('DROP TABLE IF EXISTS agentd.%I', v_leaf.name);
				v_n := v_n + 1;
			END LOOP;
		EXCEPTION WHEN lock_not_available THEN
			NULL;	-- next time
		END;
	END IF;

	DELETE FROM bundles b WHERE b.superseded_at < v_now - v_keep_ms[2] * interval '1 millisecond'
		AND agentd.bundle_is_forgotten(b.superseded_at);
	GET DIAGNOSTICS v_rows = ROW_COUNT;
	v_n := v_n + v_rows;

	DELETE FROM blobs b WHERE b.digest = ANY (ARRAY(
		SELECT o.digest FROM blobs o WHERE o.created_at < v_now - interval '1 day'
			AND NOT EXISTS (SELECT FROM blob_refs r WHERE r.digest = o.digest) LIMIT v_bound));
	GET DIAGNOSTICS v_rows = ROW_COUNT;
	RETURN v_n + v_rows;
END $$;
