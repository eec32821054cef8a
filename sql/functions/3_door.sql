-- 3_door.sql - what questions that belong to no task reserve and cost, many in one call.
--
-- Words:  an entry is what one question commits at once: a hold, settled model calls, and what they do at caps. p_task are the questions'
--         own ids, p_token who asked; p_holds, p_calls and p_caps count entries from 1 in "move", as in 3_commit.sql.
-- Status: ok, also when it was committed before; refused: nothing of this entry was written, code and message say why. Data errors
--         fail the call; the caller halves the batch.
-- Plans:  as 2_queue.sql.
-- Locks:  what 3_caps.sql says; then spend_hold, model_calls.

CREATE OR REPLACE FUNCTION agentd.door_commit(p_task uuid[], p_token text[], p_holds json, p_calls json, p_caps json)
RETURNS TABLE (ord bigint, status text, last_seq bigint, cancel boolean, now_us bigint, code text, message text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan
	SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_bitmapscan = off AS $$
#variable_conflict use_column
DECLARE
	v_now timestamptz := agentd.clock();
	v_n integer := cardinality(p_task);
	v_none integer[] := array_fill(0, ARRAY[v_n]);
	v_base bigint[] := v_none;	-- -1 where the entry does not take place
	v_leaf smallint[];
	v_at timestamptz;
	v_code text[] := array_fill(NULL::text, ARRAY[v_n]);
	v_problem text[] := v_code;
	h record;
BEGIN
	IF p_holds IS NOT NULL OR p_caps IS NOT NULL THEN
		FOR h IN SELECT * FROM agentd.holds_take(coalesce(p_holds, '[]'), p_calls, p_caps, p_task, v_base, v_now) LOOP
			v_base[h.move] := -1;
			v_code[h.move] := h.code;
			v_problem[h.move] := h.problem;
		END LOOP;
	END IF;
	IF p_calls IS NOT NULL THEN
		-- The leaf is that of the id, so that what is sent again meets itself. An id far from the present is that of a wrong clock.
		FOR i IN 1..v_n LOOP
			v_at := agentd.uuid_time(p_task[i]);
			v_leaf[i] := agentd.leaf_of(CASE WHEN v_at BETWEEN v_now - interval '25 days' AND v_now + interval '25 days' THEN v_at ELSE v_now END,
				'short');
		END LOOP;
		PERFORM agentd.calls_settle(p_calls, p_task, v_none, v_base, v_leaf, v_now, p_token);
	END IF;
	RETURN QUERY SELECT i::bigint, CASE WHEN v_base[i] < 0 THEN 'refused' ELSE 'ok' END, 0::bigint, false,
		(extract(epoch FROM v_now) * 1000000)::bigint, v_code[i], v_problem[i]
	FROM generate_series(1, v_n) i ORDER BY i;
END $$;
