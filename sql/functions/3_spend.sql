-- 3_spend.sql - reservations and priced calls of tasks.
--
-- Words:  a hold is money set aside for one model call; settled: replaced by what the call cost.
-- Locks:  the task's row in task_queue is locked by the caller; then spend_hold, model_calls.

-- Why this hold is refused, or null. All spending and holding below a path counts against its limit (R20). What the same move settles
-- counts as settled already. The task's queue row is locked.
CREATE OR REPLACE FUNCTION agentd.hold_problem(p_task uuid, p_amount numeric, p_limits json, p_calls json, p_move integer)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	v_limit record;
	v_used numeric;
BEGIN
	FOR v_limit IN
		SELECT NULL::text AS path, q.budget_usd AS usd FROM agentd.task_queue q
		WHERE q.id = p_task AND q.budget_usd IS NOT NULL
		UNION ALL
		SELECT l.path, agentd.usd(l."limit") FROM json_to_recordset(coalesce(p_limits, '[]')) l(path text, "limit" bigint)
	LOOP
		SELECT coalesce(sum(coalesce(h.settled_usd, agentd.usd(c.cost_pusd), h.amount_usd)), 0) INTO v_used
		FROM agentd.spend_hold h
		LEFT JOIN json_to_recordset(coalesce(p_calls, '[]')) c(move integer, hold uuid, cost_pusd bigint)
			ON c.move = p_move AND c.hold = h.id
		WHERE h.task = p_task AND (v_limit.path IS NULL OR h.path = v_limit.path OR h.path ^@ (v_limit.path || '/'));
		IF v_used + p_amount > v_limit.usd THEN
			RETURN format('%s needs %s USD, %s of %s USD are spent or held',
				coalesce('step "' || v_limit.path || '"', 'the task'), agentd.money(p_amount),
				agentd.money(v_used), agentd.money(v_limit.usd));
		END IF;
	END LOOP;
	RETURN NULL;
END $$;

-- Inserts the calls that are not there yet and settles their holds, at the task and at the caps' windows.
CREATE OR REPLACE FUNCTION agentd.calls_settle(p_calls json, p_task uuid[], p_fence integer[], p_base bigint[],
	p_leaf smallint[], p_now timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	c record;
	v_hold agentd.spend_hold;
	v_new integer;
	v_row agentd.model_calls;
	v_held numeric;
	v_spent numeric;
BEGIN
	FOR c IN
		SELECT x.*, p_task[x.move] AS task, p_fence[x.move] AS fence, p_leaf[x.move] AS leaf
		FROM json_to_recordset(p_calls) x(move integer, id uuid, hold uuid, path text, attempt integer, tier text,
			provider text, model_asked text, model_answered text, provider_request_id text, key_fingerprint text,
			error_class text, http_status integer, started_us bigint, first_byte_ms bigint, total_ms bigint,
			in_fresh bigint, in_cached bigint, in_write_5m bigint, in_write_1h bigint, out_text bigint, out_reason bigint,
			cost_pusd bigint, cost_source text, policy bytea)
		WHERE p_base[x.move] >= 0 ORDER BY p_task[x.move], x.id
	LOOP
		v_row := ROW(c.id, c.task, c.hold, p_now, coalesce(agentd.at_us(c.started_us), p_now), c.fence, c.attempt, c.first_byte_ms,
			c.total_ms, c.in_fresh, c.in_cached, c.in_write_5m, c.in_write_1h, c.out_text, c.out_reason, c.http_status,
			c.leaf, agentd.usd(c.cost_pusd), c.cost_source, c.path, c.tier, c.provider, c.model_asked,
			c.model_answered, c.provider_request_id, c.key_fingerprint, c.error_class, c.policy)::agentd.model_calls;
		INSERT INTO agentd.model_calls SELECT v_row.* ON CONFLICT DO NOTHING;
		GET DIAGNOSTICS v_new = ROW_COUNT;
		CONTINUE WHEN v_new = 0;
		v_held := 0;
		v_spent := v_row.cost_usd;
		IF c.hold IS NOT NULL THEN
			SELECT * INTO v_hold FROM agentd.spend_hold h WHERE h.id = c.hold AND h.task = c.task FOR NO KEY UPDATE;
			IF NOT FOUND THEN
				RAISE EXCEPTION 'model call % names hold %, which task % does not have', c.id, c.hold, c.task
					USING ERRCODE = 'AG409';
			ELSIF v_hold.settled_at IS NULL THEN
				v_held := v_hold.amount_usd;
			ELSIF v_hold.lapsed THEN
				-- The sweeper booked the whole amount; now the true cost is known.
				v_spent := v_row.cost_usd - v_hold.settled_usd;
			END IF;
			UPDATE agentd.spend_hold h SET settled_at = p_now, lapsed = false,
				settled_usd = CASE WHEN v_hold.settled_at IS NULL OR v_hold.lapsed THEN 0 ELSE h.settled_usd END + v_row.cost_usd
			WHERE h.id = c.hold;
		END IF;
		IF v_held <> 0 OR v_spent <> 0 THEN
			UPDATE agentd.task_queue q SET held_usd = q.held_usd - v_held, spent_usd = q.spent_usd + v_spent WHERE q.id = c.task;
		END IF;
	END LOOP;
END $$;
