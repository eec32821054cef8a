-- 3_spend.sql - reservations and priced calls, of tasks and of the door (3_door.sql).
--
-- Words:  a hold is money set aside for one model call; settled: replaced by what the call cost.
-- Locks:  the task's row in task_queue, where there is one, is locked by the caller; then what 3_caps.sql says; then spend_hold,
--         model_calls, shadow_calls.

-- Why this hold is refused, or null. All spending and holding below a path counts against its limit. What the same move settles
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
		-- What lapsed was booked at its amount because its call was not known: the call of this very move is.
		SELECT coalesce(sum(coalesce(CASE WHEN NOT h.lapsed THEN h.settled_usd END, agentd.usd(c.cost_pusd), h.amount_usd)), 0) INTO v_used
		FROM agentd.spend_hold h
		LEFT JOIN (SELECT x.hold, sum(x.cost_pusd)::bigint AS cost_pusd
			FROM json_to_recordset(coalesce(p_calls, '[]')) x(move integer, hold uuid, cost_pusd bigint)
			WHERE x.move = p_move GROUP BY x.hold) c ON c.hold = h.id
		WHERE h.task = p_task AND (v_limit.path IS NULL OR h.path = v_limit.path OR h.path ^@ (v_limit.path || '/'));
		IF v_used + p_amount > v_limit.usd THEN
			RETURN format('%s needs %s USD, %s of %s USD are spent or held',
				coalesce('step "' || v_limit.path || '"', 'the task'), agentd.money(p_amount),
				agentd.money(v_used), agentd.money(v_limit.usd));
		END IF;
	END LOOP;
	RETURN NULL;
END $$;

-- Takes the holds of a batch, one a move at most, at the budgets and at the caps, and settles at the caps; answers the moves that are
-- refused, and why. A hold is taken everywhere or nowhere. Who has no limit is not looked at one by one: a statement for each of
-- 500 holds is planned 500 times.
DROP FUNCTION IF EXISTS agentd.holds_take(json, json, uuid[], bigint[], timestamptz);	-- as it was without caps
CREATE OR REPLACE FUNCTION agentd.holds_take(p_holds json, p_calls json, p_caps json, p_task uuid[], p_base bigint[], p_now timestamptz)
RETURNS TABLE (move integer, code text, problem text) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
	v_limited boolean;
	v_twice boolean;
	v_skip integer[] := '{}';	-- known before the holds are written
BEGIN
	SELECT coalesce(bool_or(json_array_length(h.limits) > 0 OR q.budget_usd IS NOT NULL), false), count(DISTINCT h.move) < count(*)
	INTO v_limited, v_twice
	FROM json_to_recordset(p_holds) h(move integer, limits json)
	LEFT JOIN LATERAL (SELECT x.budget_usd FROM agentd.task_queue x WHERE x.id = p_task[h.move] LIMIT 1) q ON true;
	IF v_twice THEN
		RAISE EXCEPTION 'a move takes one hold' USING ERRCODE = 'AG422';
	END IF;
	IF p_caps IS NOT NULL THEN
		FOR i IN 1..cardinality(p_base) LOOP
			IF p_base[i] < 0 THEN
				v_skip := v_skip || i;
			END IF;
		END LOOP;
		code := 'budget.usd';
		IF v_limited THEN
			FOR move, problem IN
				SELECT x.move, agentd.hold_problem(p_task[x.move], x.amount_pusd * 0.000000000001, x.limits, p_calls, x.move)
				FROM json_to_recordset(p_holds) x(move integer, id uuid, amount_pusd bigint, limits json)
				LEFT JOIN LATERAL (SELECT true AS there FROM agentd.spend_hold s WHERE s.id = x.id LIMIT 1) s ON true
				WHERE p_base[x.move] >= 0 AND s.there IS NULL
			LOOP
				CONTINUE WHEN problem IS NULL;
				v_skip := v_skip || move;
				RETURN NEXT;
			END LOOP;
			v_limited := false;
		END IF;
		code := 'budget.cap';
		FOR move, problem IN SELECT c.move, c.problem FROM agentd.caps_move(p_caps, p_task, v_skip, p_now) c LOOP
			v_skip := v_skip || move;
			RETURN NEXT;
		END LOOP;
	END IF;
	RETURN QUERY
	WITH h AS MATERIALIZED (
		SELECT x.move, x.id, p_task[x.move] AS task, x.path, x.expires_ms, x.amount_pusd * 0.000000000001 AS usd,
			CASE WHEN v_limited THEN agentd.hold_problem(p_task[x.move], x.amount_pusd * 0.000000000001, x.limits, p_calls, x.move)
			END AS problem
		FROM json_to_recordset(p_holds) x(move integer, id uuid, path text, amount_pusd bigint, expires_ms bigint, limits json)
		LEFT JOIN LATERAL (SELECT true AS there FROM agentd.spend_hold s WHERE s.id = x.id LIMIT 1) s ON true
		WHERE p_base[x.move] >= 0 AND NOT x.move = ANY (v_skip) AND s.there IS NULL
	), i AS (
		INSERT INTO agentd.spend_hold (id, task, created_at, expires_at, path, amount_usd)
		SELECT h.id, h.task, p_now, p_now + h.expires_ms * interval '1 millisecond', h.path, h.usd FROM h WHERE h.problem IS NULL
	), u AS (
		UPDATE agentd.task_queue q SET held_usd = q.held_usd + h.usd
		FROM h CROSS JOIN LATERAL (SELECT x.ctid AS tid FROM agentd.task_queue x WHERE x.id = h.task LIMIT 1) l
		WHERE q.ctid = l.tid AND h.problem IS NULL
	)
	SELECT h.move, 'budget.usd', h.problem FROM h WHERE h.problem IS NOT NULL;
END $$;

-- Inserts the calls that are not there yet and settles their holds, at the task and at the caps' windows. A hold that the
-- sweeper has settled at its amount (lapsed) is settled anew: now the true cost is known. p_token: of calls without a task, by move.
DROP FUNCTION IF EXISTS agentd.calls_settle(json, uuid[], integer[], bigint[], smallint[], timestamptz);	-- as it was before p_token
CREATE OR REPLACE FUNCTION agentd.calls_settle(p_calls json, p_task uuid[], p_fence integer[], p_base bigint[],
	p_leaf smallint[], p_now timestamptz, p_token text[] DEFAULT NULL) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	v_call uuid;
	v_hold uuid;
	v_task uuid;
BEGIN
	WITH c AS (
		INSERT INTO agentd.model_calls (id, task, hold, at, started_at, fence, attempt, first_byte_ms, total_ms, in_fresh, in_cached,
			in_write_5m, in_write_1h, out_text, out_reason, http_status, leaf, cost_usd, cost_source, path, tier, provider, model_asked,
			model_answered, provider_request_id, key_fingerprint, error_class, policy, max_output, temperature, operation, wire, finish_reason,
			token)
		SELECT x.id, p_task[x.move], x.hold, p_now,
			coalesce(timestamptz 'epoch' + nullif(x.started_us, 0) * interval '1 microsecond', p_now), p_fence[x.move], x.attempt,
			x.first_byte_ms, x.total_ms, x.in_fresh, x.in_cached, x.in_write_5m, x.in_write_1h, x.out_text, x.out_reason, x.http_status,
			p_leaf[x.move], x.cost_pusd * 0.000000000001, x.cost_source, x.path, x.tier, x.provider, x.model_asked, x.model_answered,
			x.provider_request_id, x.key_fingerprint, x.error_class, x.policy, x.max_output, x.temperature, x.operation, x.wire, x.finish_reason,
			p_token[x.move]
		FROM json_to_recordset(p_calls) x(move integer, id uuid, hold uuid, path text, attempt integer, tier text,
			provider text, model_asked text, model_answered text, provider_request_id text, key_fingerprint text,
			error_class text, http_status integer, started_us bigint, first_byte_ms bigint, total_ms bigint,
			in_fresh bigint, in_cached bigint, in_write_5m bigint, in_write_1h bigint, out_text bigint, out_reason bigint,
			cost_pusd bigint, cost_source text, policy bytea, max_output bigint, temperature double precision, operation text, wire text, finish_reason text)
		WHERE p_base[x.move] >= 0 ORDER BY p_task[x.move], x.id
		ON CONFLICT DO NOTHING
		RETURNING id, task, hold, cost_usd
	), n AS MATERIALIZED (		-- two calls may name one hold
		SELECT c.task, c.hold, sum(c.cost_usd) AS cost, min(c.id::text)::uuid AS call FROM c GROUP BY c.task, c.hold ORDER BY c.hold
	), h AS MATERIALIZED (
		SELECT n.task, n.hold, n.cost, n.call, s.tid, s.amount_usd, s.settled_usd, s.lapsed, s.settled_at IS NULL AS is_open
		FROM n LEFT JOIN LATERAL (SELECT x.ctid AS tid, x.* FROM agentd.spend_hold x
			WHERE x.id = n.hold AND (x.task = n.task) IS TRUE LIMIT 1 FOR NO KEY UPDATE) s ON true	-- by its id, not by the task's holds
	), s AS (
		UPDATE agentd.spend_hold x SET settled_at = p_now, lapsed = false,
			settled_usd = CASE WHEN h.is_open OR h.lapsed THEN 0 ELSE h.settled_usd END + h.cost
		FROM h WHERE x.ctid = h.tid
	), t AS MATERIALIZED (
		SELECT h.task, sum(CASE WHEN h.tid IS NOT NULL AND h.is_open THEN h.amount_usd ELSE 0 END) AS held,
			sum(h.cost - CASE WHEN h.lapsed AND NOT h.is_open THEN h.settled_usd ELSE 0 END) AS spent
		FROM h GROUP BY h.task
	), q AS (
		UPDATE agentd.task_queue q SET held_usd = q.held_usd - t.held, spent_usd = q.spent_usd + t.spent
		FROM t CROSS JOIN LATERAL (SELECT x.ctid AS tid FROM agentd.task_queue x WHERE x.id = t.task LIMIT 1) l
		WHERE q.ctid = l.tid AND (t.held <> 0 OR t.spent <> 0)
	)
	SELECT h.call, h.hold, h.task INTO v_call, v_hold, v_task FROM h WHERE h.hold IS NOT NULL AND h.tid IS NULL LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'model call % names hold %, which task % does not have', v_call, v_hold, v_task USING ERRCODE = 'AG409';
	END IF;
	IF strpos(p_calls::text, '"shadow":{') > 0 THEN	-- inside a text the quotes would be escaped
		PERFORM agentd.shadow_keep(p_calls, p_task, p_base, p_leaf, p_now);
	END IF;
END $$;
