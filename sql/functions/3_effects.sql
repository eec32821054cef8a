-- 3_effects.sql - the effect ledger: what a task did outside, by key.
--
-- Words:  planned, dispatched (committed before the first byte leaves), done, failed_before_effect (no byte left), uncertain.
-- Locks:  the task's row in task_queue is locked by the caller; then effects in key order.

-- at_most_once is dispatched once: only what provably never left may be dispatched again (R18). A repeat within
-- the same attempt is the same move sent again.
CREATE OR REPLACE FUNCTION agentd.effect_move_allowed(p_class text, p_from agentd.effect_state, p_to agentd.effect_state,
	p_same_attempt boolean) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE
	WHEN p_from = p_to AND (p_same_attempt OR p_class <> 'at_most_once') THEN true
	WHEN p_to = 'planned' THEN false
	WHEN p_from IN ('planned', 'failed_before_effect') THEN p_to <> 'uncertain'
	WHEN p_from = 'dispatched' THEN p_to IN ('done', 'failed_before_effect', 'uncertain')
	WHEN p_from = 'uncertain' THEN p_to IN ('done', 'failed_before_effect') OR p_class <> 'at_most_once'
	ELSE false END
$$;

CREATE OR REPLACE FUNCTION agentd.effects_apply(p_effects json, p_task uuid[], p_fence integer[], p_base bigint[],
	p_leaf smallint[], p_now timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	e record;
	v_old agentd.effects;
BEGIN
	FOR e IN
		SELECT x.*, p_task[x.move] AS task, p_fence[x.move] AS fence, p_leaf[x.move] AS leaf
		FROM json_to_recordset(p_effects) x(move integer, key bytea, path text, tool text, class text, args bytea,
			"to" agentd.effect_state, result json)
		WHERE p_base[x.move] >= 0 ORDER BY p_task[x.move], x.key
	LOOP
		IF agentd.is_large(e.result) THEN
			PERFORM agentd.blobs_keep(ARRAY[e.task], ARRAY[e.result], p_now);
		END IF;
		SELECT * INTO v_old FROM agentd.effects f
		WHERE f.task = e.task AND f.key = e.key AND f.leaf = e.leaf FOR NO KEY UPDATE;
		IF NOT FOUND THEN
			IF e."to" IN ('failed_before_effect', 'uncertain') THEN
				RAISE EXCEPTION 'effect of "%" of task % was never planned, it cannot be %', e.path, e.task, e."to"
					USING ERRCODE = 'AG409';
			END IF;
			INSERT INTO agentd.effects (task, created_at, changed_at, fence, leaf, state, effect_class, path, tool,
				key, args, result, result_blob)
			VALUES (e.task, p_now, p_now, e.fence, e.leaf, e."to", e.class, e.path, e.tool, e.key, e.args,
				CASE WHEN NOT agentd.is_large(e.result) THEN e.result END,
				CASE WHEN agentd.is_large(e.result) THEN agentd.blob_digest(e.result) END);
		ELSIF NOT agentd.effect_move_allowed(v_old.effect_class, v_old.state, e."to", v_old.fence = e.fence) THEN
			RAISE EXCEPTION 'effect of "%" of task % may not go from % to %', e.path, e.task, v_old.state, e."to"
				USING ERRCODE = 'AG409';
		ELSE
			UPDATE agentd.effects f SET state = e."to", changed_at = p_now, fence = e.fence,
				result = CASE WHEN NOT agentd.is_large(e.result) THEN e.result END,
				result_blob = CASE WHEN agentd.is_large(e.result) THEN agentd.blob_digest(e.result) END
			WHERE f.task = e.task AND f.key = e.key AND f.leaf = e.leaf;
		END IF;
	END LOOP;
END $$;
