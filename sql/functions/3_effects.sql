-- 3_effects.sql - the effect ledger: what a task did outside, by key; and the word on what is uncertain.
--
-- Words:  planned, dispatched (committed before the first byte leaves), done, failed_before_effect (no byte left), uncertain.
--         A decision is the word of a person, or of a tool's own query, on an uncertain effect. It is recorded here; the
--         engine reads it, and moves effect and step in one transaction.
-- Locks:  the task's row in task_queue is locked by the caller; then effects in key order.

-- These are plpgsql: SQL functions that the planner does not inline are parsed anew in every statement.
-- The moves of an effect, for each class (agentd-internals(7), "Effects"). p_from null: there is no row yet. p_same: the attempt and
-- try that dispatched it speak, as when a move is sent again. tx is never under way: its effect is in the transaction of its step.
-- at_most_once is dispatched once; only who dispatched it knows how it ended, for others it is uncertain.
-- What a database of version 9 has under other names of parameters, or has no use for any more.
DROP FUNCTION IF EXISTS agentd.effect_move_allowed(text, agentd.effect_state, agentd.effect_state, boolean),
	agentd.claimed_rows(uuid[], integer[], smallint[], smallint[], smallint[], boolean[], bigint[], bigint[]),
	agentd.task_steps(uuid, smallint, boolean);
CREATE OR REPLACE FUNCTION agentd.effect_move_allowed(p_class text, p_from agentd.effect_state, p_to agentd.effect_state,
	p_same boolean) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	RETURN CASE
	WHEN p_class = 'tx' THEN CASE
		WHEN p_from IS NULL THEN p_to IN ('planned', 'done')
		WHEN p_from IN ('planned', 'failed_before_effect') THEN p_to IN (p_from, 'failed_before_effect', 'done')
		ELSE p_from = 'done' AND p_to = 'done' AND p_same END
	WHEN p_from IS NULL THEN p_to IN ('planned', 'dispatched')
	WHEN p_from IN ('planned', 'failed_before_effect') THEN p_to IN (p_from, 'failed_before_effect', 'dispatched')
	WHEN p_from = 'dispatched' AND p_class = 'at_most_once' THEN
		p_to = 'uncertain' OR p_same AND p_to IN ('dispatched', 'done', 'failed_before_effect')
	WHEN p_from = 'dispatched' THEN p_to IN ('dispatched', 'done', 'failed_before_effect')
	WHEN p_from = 'uncertain' THEN p_class = 'at_most_once' AND p_to IN ('uncertain', 'done', 'failed_before_effect')
	ELSE p_to = 'done' AND p_same END;
END $$;

CREATE OR REPLACE FUNCTION agentd.effect_class_stricter(p_one text, p_other text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	c_order constant text[] := ARRAY['pure', 'tx', 'idempotent', 'at_most_once'];
BEGIN
	RETURN CASE WHEN array_position(c_order, p_one) > array_position(c_order, p_other) THEN p_one ELSE p_other END;
END $$;

-- Why a change is refused, or null. p_old: all null when there is no row yet.
CREATE OR REPLACE FUNCTION agentd.effect_problem(p_old agentd.effects, p_task uuid, p_path text, p_class text, p_to agentd.effect_state,
	p_same boolean) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	IF NOT agentd.effect_move_allowed(p_class, p_old.state, p_to, p_same) THEN
		RETURN format('effect of "%s" of task %s (%s) may not go from %s to %s', p_path, p_task, p_class,
			coalesce(p_old.state::text, 'nothing'), p_to);
	ELSIF p_old.state = 'uncertain' AND p_to <> 'uncertain'
		AND p_old.decision IS DISTINCT FROM (CASE p_to WHEN 'done' THEN 'happened' ELSE 'did_not_happen' END) THEN
		RETURN format('effect of "%s" of task %s is uncertain: nobody said that it is %s', p_path, p_task, p_to);
	END IF;
	RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION agentd.effects_apply(p_effects json, p_task uuid[], p_fence integer[], p_base bigint[],
	p_leaf smallint[], p_now timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	e record;
	v_old agentd.effects;
	v_class text;
	v_problem text;
BEGIN
	FOR e IN
		SELECT x.*, p_task[x.move] AS task, p_fence[x.move] AS fence, p_leaf[x.move] AS leaf
		FROM json_to_recordset(p_effects) x(move integer, key bytea, path text, tool text, class text, args bytea, try integer,
			"to" agentd.effect_state, result json, approval uuid, approved bytea)
		WHERE p_base[x.move] >= 0 ORDER BY p_task[x.move], x.key
	LOOP
		SELECT * INTO v_old FROM agentd.effects f
		WHERE f.task = e.task AND f.key = e.key AND f.leaf = e.leaf FOR NO KEY UPDATE;
		-- A tool that became stricter meanwhile stays so.
		v_class := CASE WHEN v_old.effect_class <> e.class THEN agentd.effect_class_stricter(e.class, v_old.effect_class) ELSE e.class END;
		v_problem := agentd.effect_problem(v_old, e.task, e.path, v_class, e."to",
			v_old.fence = e.fence AND v_old.try = coalesce(e.try, v_old.try));
		IF v_problem IS NOT NULL THEN
			RAISE EXCEPTION '%', v_problem USING ERRCODE = 'AG409';
		END IF;
		IF e.approval IS NOT NULL THEN
			PERFORM agentd.approval_consume(e.approval, e.task, e.key, e.approved, p_now);
		END IF;
		-- Sent again: nothing is new.
		CONTINUE WHEN v_old.state = e."to" AND e."to" IN ('done', 'uncertain');
		-- The result is the one that was said.
		IF v_old.state = 'uncertain' THEN
			UPDATE agentd.effects f SET state = e."to", changed_at = p_now, fence = e.fence
			WHERE f.task = e.task AND f.key = e.key AND f.leaf = e.leaf;
			CONTINUE;
		END IF;
		IF agentd.is_large(e.result) THEN
			PERFORM agentd.blobs_keep(ARRAY[e.task], ARRAY[e.result], p_now);
		END IF;
		IF v_old.task IS NULL THEN
			INSERT INTO agentd.effects (task, created_at, changed_at, fence, leaf, state, effect_class, path, tool,
				key, args, try, result, result_blob)
			VALUES (e.task, p_now, p_now, e.fence, e.leaf, e."to", v_class, e.path, e.tool, e.key, e.args, coalesce(e.try, 1),
				CASE WHEN NOT agentd.is_large(e.result) THEN e.result END,
				CASE WHEN agentd.is_large(e.result) THEN agentd.blob_digest(e.result) END);
			CONTINUE;
		END IF;
		-- Uncertain once more: an earlier word was about an earlier try (the journal has it).
		UPDATE agentd.effects f SET state = e."to", changed_at = p_now, fence = e.fence, effect_class = v_class,
			try = coalesce(e.try, v_old.try),
			result = CASE WHEN NOT agentd.is_large(e.result) THEN e.result END,
			result_blob = CASE WHEN agentd.is_large(e.result) THEN agentd.blob_digest(e.result) END,
			decision = CASE WHEN e."to" <> 'uncertain' THEN v_old.decision END,
			resolved_by = CASE WHEN e."to" <> 'uncertain' THEN v_old.resolved_by END,
			resolved_at = CASE WHEN e."to" <> 'uncertain' THEN v_old.resolved_at END,
			resolved_try = CASE WHEN e."to" <> 'uncertain' THEN v_old.resolved_try END,
			resolved_id = CASE WHEN e."to" <> 'uncertain' THEN v_old.resolved_id END
		WHERE f.task = e.task AND f.key = e.key AND f.leaf = e.leaf;
	END LOOP;
END $$;

-- Is something under way, or uncertain, that nobody may take for not happened?
CREATE OR REPLACE FUNCTION agentd.effects_open(p_task uuid, p_leaf smallint) RETURNS boolean
LANGUAGE plpgsql STABLE SET jit = off SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
BEGIN
	RETURN EXISTS (SELECT FROM agentd.effects f WHERE f.task = p_task AND f.leaf = p_leaf
		AND f.effect_class = 'at_most_once' AND f.state IN ('dispatched', 'uncertain'));
END $$;

-- What the ledger says of a call; no row when it does not know it. id names the decision.
CREATE OR REPLACE FUNCTION agentd.effect_read(p_task uuid, p_key bytea) RETURNS TABLE (state text, try integer, result json,
	decision text, by text, id uuid)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp
	SET jit = off SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY SELECT f.state::text, f.try, agentd.value_of(f.result, f.result_blob), f.decision, f.resolved_by, f.resolved_id
		FROM effects f WHERE f.task = p_task AND f.leaf = ANY (agentd.leaves_of(p_task)) AND f.key = p_key;
END $$;

-- --- the word on an uncertain effect ---
-- Why the words of a decision are not acceptable, or null.
CREATE OR REPLACE FUNCTION agentd.decision_problem(p_decision text, p_result json) RETURNS text LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE
	WHEN p_decision IS NULL OR p_decision NOT IN ('happened', 'did_not_happen', 'give_up') THEN
		format('"decision": expected happened, did_not_happen or give_up, got %s', coalesce('"' || left(p_decision, 80) || '"', 'null'))
	WHEN p_decision = 'happened' AND p_result IS NULL THEN
		'"result": expected with happened: what the call would have answered (null is an answer)'
	WHEN p_decision <> 'happened' AND p_result IS NOT NULL THEN format('"result": not expected with %s', p_decision)
	WHEN octet_length(p_result::text) > 8388608 THEN
		format('"result": %s bytes, at most 8388608 are kept', octet_length(p_result::text)) END
$$;

-- The last word on an effect, as the API shows it.
CREATE OR REPLACE FUNCTION agentd.decision_json(e agentd.effects, p_state text) RETURNS text LANGUAGE sql STABLE AS $$
	SELECT '{"task":"' || e.task || '","path":' || to_json(e.path) || ',"try":' || e.resolved_try || ',"tool":' || to_json(e.tool)
		|| ',"decision":"' || e.decision || '","by":' || to_json(e.resolved_by) || ',"at":"' || agentd.rfc3339(e.resolved_at)
		|| '","state":"' || p_state || '"}'
$$;

-- The same call again (p_id) is answered as the first time, and the same word again by the same principal; a second, other
-- word is refused. p_try, when given, names the try that is meant: whoever repeats a word without it may meet a later one.
-- p_fence: the worker that has the task speaks for the tool. Answers the decision and the state of the task.
CREATE OR REPLACE FUNCTION agentd.reconcile(p_task uuid, p_path text, p_decision text, p_result json, p_try integer, p_id uuid,
	p_principal text, p_all boolean, p_fence integer DEFAULT NULL) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp SET jit = off SET plan_cache_mode = force_custom_plan AS $$
DECLARE
	v_now timestamptz := agentd.clock();
	v_problem text := agentd.decision_problem(p_decision, p_result);
	t tasks;
	q task_queue;
	e effects;
BEGIN
	IF v_problem IS NOT NULL THEN
		RAISE EXCEPTION '%', v_problem USING ERRCODE = 'AG422';
	END IF;
	t := agentd.task_find(p_task, p_principal, p_all);
	SELECT * INTO q FROM task_queue WHERE id = p_task FOR NO KEY UPDATE;
	IF NOT FOUND THEN
		t := agentd.task_find(p_task, p_principal, p_all);	-- it ended just now
	END IF;
	SELECT * INTO e FROM effects f WHERE f.task = p_task AND f.leaf = t.leaf AND f.path = p_path
	ORDER BY f.state = 'uncertain' DESC, f.changed_at DESC LIMIT 1 FOR NO KEY UPDATE;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'task % has no call at "%"', p_task, p_path USING ERRCODE = 'AG404';
	END IF;
	IF e.resolved_id = p_id OR e.decision = p_decision AND e.resolved_by = p_principal AND coalesce(p_try, e.resolved_try) = e.resolved_try
			AND (p_decision <> 'happened' OR agentd.value_of(e.result, e.result_blob)::text = p_result::text) THEN
		RETURN agentd.decision_json(e, coalesce(t.state, q.state)::text);
	ELSIF e.decision IS NOT NULL THEN
		RAISE EXCEPTION '"%" was reconciled already: try % %, by % at %', p_path, e.resolved_try, e.decision, e.resolved_by,
			agentd.rfc3339(e.resolved_at) USING ERRCODE = 'AG409';
	ELSIF EXISTS (SELECT FROM task_log l WHERE l.task = p_task AND l.leaf = t.leaf AND l.path = p_path AND l.kind = 'step.failed'
			AND l.value -> 'reconciled' ->> 'id' = p_id::text) THEN
		-- Sent again, long after: the call ran once more since, and is uncertain once more.
		e.decision := p_decision;
		e.resolved_by := p_principal;
		SELECT l.at, l.try INTO e.resolved_at, e.resolved_try FROM task_log l WHERE l.task = p_task AND l.leaf = t.leaf
			AND l.path = p_path AND l.kind = 'step.failed' AND l.value -> 'reconciled' ->> 'id' = p_id::text;
		RETURN agentd.decision_json(e, coalesce(t.state, q.state)::text);
	ELSIF t.state IS NOT NULL THEN
		RAISE EXCEPTION 'task % has ended: %', p_task, t.state USING ERRCODE = 'AG409';
	ELSIF e.state <> 'uncertain' THEN
		RAISE EXCEPTION '"%" is not uncertain: its effect is %', p_path, e.state USING ERRCODE = 'AG409';
	ELSIF p_try <> e.try THEN
		RAISE EXCEPTION '"%": try % is uncertain, not try %', p_path, e.try, p_try USING ERRCODE = 'AG409';
	ELSIF p_fence IS NOT NULL AND (q.state <> 'running' OR q.fence <> p_fence) THEN
		RAISE EXCEPTION 'task % belongs to another attempt', p_task USING ERRCODE = 'AG409';
	END IF;

	IF agentd.is_large(p_result) THEN
		PERFORM agentd.blobs_keep(ARRAY[p_task], ARRAY[p_result], v_now);
	END IF;
	UPDATE effects f SET decision = p_decision, resolved_by = p_principal, resolved_at = v_now, resolved_try = f.try, resolved_id = p_id,
		result = CASE WHEN NOT agentd.is_large(p_result) THEN p_result END,
		result_blob = CASE WHEN agentd.is_large(p_result) THEN agentd.blob_digest(p_result) END
	WHERE f.task = p_task AND f.leaf = t.leaf AND f.key = e.key RETURNING * INTO e;
	-- The worker that speaks knows.
	RETURN agentd.decision_json(e, CASE WHEN p_fence IS NULL THEN agentd.task_wake(q, v_now) ELSE q.state END::text);
END $$;

-- The same for a worker: what the tool's own query said of an effect of the task it has. It can speak for nobody else.
CREATE OR REPLACE FUNCTION agentd.reconcile_by_tool(p_task uuid, p_fence integer, p_path text, p_decision text, p_result json,
	p_try integer, p_id uuid) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp SET jit = off AS $$
DECLARE
	v_tool text := (SELECT f.tool FROM effects f
		WHERE f.task = p_task AND f.leaf = ANY (agentd.leaves_of(p_task)) AND f.path = p_path LIMIT 1);
BEGIN
	IF p_fence IS NULL OR p_decision = 'give_up' THEN
		RAISE EXCEPTION 'a tool names its attempt, and only a person gives up' USING ERRCODE = 'AG422';
	END IF;
	RETURN agentd.reconcile(p_task, p_path, p_decision, p_result, p_try, p_id, 'tool:' || coalesce(v_tool, ''), true, p_fence);
END $$;
