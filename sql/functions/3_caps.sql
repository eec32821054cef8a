-- 3_caps.sql - bounds on the spending of many tasks: reservations at caps, their settlement, and what lapses.
--
-- Words:  see 0049_caps.sql. A take is a reservation at all caps of one call, or at none; a move may settle earlier ones with it.
--         waits: refused only because of what others hold: when they settle for less it may fit.
-- Calls:  agentd.caps_move(p_caps, p_task, p_skip, p_now), in the transaction that goes before the model is asked, or records what
--         it cost. p_caps is an array of
--           takes        {"move", "id", "amount_pusd", "expires_ms", "caps": [{"cap", "scope", "key", "window", "zone", "limit_pusd"}],
--                         "path"?, "approval"?, "digest"?}
--           settlements  {"move", "hold", "call", "cost_pusd"}
--         move numbers what stands or falls together (at most one take each). It answers a row (move, problem) for each take that is
--         refused; then nothing of that move was done, its settlements neither. Both are idempotent: a take by its id, a settlement
--         by (hold, call). p_task: the task of each move; NULL where the calls belong to none. p_skip: moves that do not take place.
--         problem is JSON: {"message", "waits", "caps": [{"cap", "scope", "key", "window", "window_start", "window_end", "limit_usd",
--         "spent_usd", "held_usd", "needed_usd", "waits"}]}.
-- Locks:  the rows of the tasks in task_queue are the caller's; then cap_hold by (hold, cap), approval_queue, and spend_window by
--         (cap, scope_key, window_start): first those that are missing are inserted in that order, then all are locked in it. So whoever
--         waits for a window holds none behind it.
-- Plans:  as 2_queue.sql. The rows of a batch are kept side by side in arrays: five statements, however many moves. Only where some
--         window has no room for all of them is one move looked at after the other, without a statement for each.

-- The window that holds an instant. Days and months are those of the zone: a day may have 23 or 25 hours.
CREATE OR REPLACE FUNCTION agentd.cap_window(p_window text, p_zone text, p_at timestamptz, OUT since timestamptz, OUT until timestamptz)
LANGUAGE plpgsql STABLE AS $$
BEGIN
	CASE p_window
	WHEN 'lifetime' THEN since := '-infinity';
	WHEN 'hour' THEN
		since := date_trunc('hour', p_at, p_zone);
		until := since + interval '1 hour';
	WHEN 'day' THEN
		since := date_trunc('day', p_at, p_zone);
		until := (date_trunc('day', p_at AT TIME ZONE p_zone) + interval '1 day') AT TIME ZONE p_zone;
	WHEN 'month' THEN
		since := date_trunc('month', p_at, p_zone);
		until := (date_trunc('month', p_at AT TIME ZONE p_zone) + interval '1 month') AT TIME ZONE p_zone;
	ELSE
		RAISE EXCEPTION 'unknown window "%" of a cap', p_window USING ERRCODE = 'AG422';
	END CASE;
END $$;

-- The caps that a person allowed the take of this move to exceed; null: none.
CREATE OR REPLACE FUNCTION agentd.spend_approved(p_caps json, p_move integer, p_task uuid, OUT id uuid, OUT caps text[])
LANGUAGE plpgsql AS $$
BEGIN
	SELECT a.id, ARRAY(SELECT c ->> 'cap' FROM json_array_elements(a.show -> 'caps') c) INTO id, caps
	FROM json_to_recordset(p_caps) h(move integer, id uuid, path text, amount_pusd bigint, approval uuid, digest bytea)
	CROSS JOIN LATERAL (SELECT x.* FROM agentd.approval_queue x
		WHERE x.id = h.approval AND x.task = p_task AND x.kind = 'spend' AND x.state = 'approved' AND x.digest = h.digest
			AND x.show ->> 'path' = h.path AND h.amount_pusd * 0.000000000001 <= (x.show ->> 'amount_usd')::numeric
		FOR NO KEY UPDATE) a
	WHERE h.move = p_move AND h.id IS NOT NULL;
END $$;

-- Why one cap refuses.
CREATE OR REPLACE FUNCTION agentd.cap_refusal(p_cap text, p_scope text, p_key text, p_window text, p_since timestamptz,
	p_until timestamptz, p_limit numeric, p_spent numeric, p_held numeric, p_amount numeric) RETURNS json LANGUAGE plpgsql AS $$
BEGIN
	RETURN json_build_object('cap', p_cap, 'scope', p_scope, 'key', p_key, 'window', p_window,
		'window_start', CASE WHEN isfinite(p_since) THEN agentd.rfc3339(p_since) END, 'window_end', agentd.rfc3339(p_until),
		'limit_usd', agentd.money(p_limit), 'spent_usd', agentd.money(p_spent), 'held_usd', agentd.money(p_held),
		'needed_usd', agentd.money(p_amount), 'waits', p_spent + p_amount <= p_limit);
END $$;

CREATE OR REPLACE FUNCTION agentd.cap_problem(p_caps json[]) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN json_build_object(
		'message', (SELECT string_agg(format('cap "%s"%s needs %s USD, %s of %s USD are spent and %s held%s', c ->> 'cap',
			CASE WHEN c ->> 'key' <> '' THEN format(' of %s "%s"', c ->> 'scope', c ->> 'key') ELSE '' END,
			c ->> 'needed_usd', c ->> 'spent_usd', c ->> 'limit_usd', c ->> 'held_usd',
			CASE WHEN c ->> 'window_end' IS NOT NULL THEN ' until ' || (c ->> 'window_end') ELSE '' END), '; ') FROM unnest(p_caps) c),
		'waits', (SELECT bool_and((c ->> 'waits')::boolean) FROM unnest(p_caps) c),
		'caps', array_to_json(p_caps))::text;
END $$;

CREATE OR REPLACE FUNCTION agentd.caps_move(p_caps json, p_task uuid[], p_skip integer[], p_now timestamptz)
RETURNS TABLE (move integer, problem text) LANGUAGE plpgsql
	SET jit = off SET plan_cache_mode = force_generic_plan
	SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_bitmapscan = off AS $$
#variable_conflict use_column
DECLARE
	-- takes and settlements, side by side: what each changes at one window; those of a move follow one another, takes last
	v_take boolean[];
	v_move integer[];
	v_hold uuid[];
	v_at integer[];			-- the window, as below
	v_cap text[];
	v_key text[];
	v_since timestamptz[];
	v_held numeric[];
	v_spent numeric[];
	v_cost numeric[];		-- of settlements
	v_call uuid[];
	v_limit numeric[];		-- of takes
	v_scope text[];
	v_window text[];
	v_until timestamptz[];
	v_expires timestamptz[];
	v_takes boolean[];		-- whether its move has a take
	v_grant integer[];		-- moves that come with an approval
	v_n integer;
	-- windows, side by side and in order
	w_cap text[];
	w_key text[];
	w_since timestamptz[];
	w_held numeric[];
	w_spent numeric[];
	v_from integer := 1;
	v_problems json[];
	v_refused integer[] := '{}';
	v_approved uuid;
	v_exempt text[];
BEGIN
	SELECT array_agg(r.take), array_agg(r.takes), array_agg(r.move), array_agg(r.hold), array_agg(r.at), array_agg(r.cap), array_agg(r.key), array_agg(r.since),
		array_agg(r.held), array_agg(r.spent), array_agg(r.cost), array_agg(r.call), array_agg(r.usd_limit), array_agg(r.scope),
		array_agg(r.win), array_agg(r.until), array_agg(r.expires), array_agg(DISTINCT r.move) FILTER (WHERE r.granted), count(*)
	INTO v_take, v_takes, v_move, v_hold, v_at, v_cap, v_key, v_since, v_held, v_spent, v_cost, v_call, v_limit, v_scope, v_window, v_until,
		v_expires, v_grant, v_n
	FROM (
		SELECT x.*, dense_rank() OVER (ORDER BY x.cap, x.key, x.since)::integer AS at, bool_or(x.take) OVER (PARTITION BY x.move) AS takes
		FROM (
			SELECT true AS take, h.move, h.id AS hold, c.cap, c.key, w.since, h.amount_pusd * 0.000000000001 AS held, 0::numeric AS spent,
				0::numeric AS cost, NULL::uuid AS call, c.limit_pusd * 0.000000000001 AS usd_limit, c.scope, c."window" AS win, w.until,
				p_now + h.expires_ms * interval '1 millisecond' AS expires, h.approval IS NOT NULL AS granted
			FROM json_to_recordset(p_caps) h(move integer, id uuid, amount_pusd bigint, expires_ms bigint, caps json, approval uuid)
			CROSS JOIN LATERAL json_to_recordset(h.caps) c(cap text, scope text, key text, "window" text, zone text, limit_pusd bigint)
			CROSS JOIN LATERAL agentd.cap_window(c."window", c.zone, p_now) w
			LEFT JOIN LATERAL (SELECT true AS there FROM agentd.cap_hold o WHERE o.hold = h.id LIMIT 1) o ON true
			WHERE h.id IS NOT NULL AND NOT h.move = ANY (p_skip) AND o.there IS NULL
			UNION ALL
			SELECT false, c.move, c.hold, o.cap, o.scope_key, o.window_start, CASE WHEN o.settled_at IS NULL THEN -o.amount_usd ELSE 0 END,
				c.cost - CASE WHEN o.lapsed THEN o.settled_usd ELSE 0 END, c.cost, c.call, NULL, NULL, NULL, NULL, NULL, false
			FROM (SELECT s.move, s.hold, sum(s.cost_pusd) * 0.000000000001 AS cost, min(s.call::text)::uuid AS call
				FROM json_to_recordset(p_caps) s(move integer, hold uuid, call uuid, cost_pusd bigint)
				WHERE s.hold IS NOT NULL AND NOT s.move = ANY (p_skip) GROUP BY s.move, s.hold ORDER BY s.hold) c
			CROSS JOIN LATERAL (SELECT y.* FROM agentd.cap_hold y WHERE y.hold = c.hold ORDER BY y.cap FOR NO KEY UPDATE) o
			WHERE o.settled_by IS DISTINCT FROM c.call) x
		ORDER BY x.move, x.take, x.cap) r;
	IF v_n = 0 THEN
		RETURN;
	END IF;

	SELECT array_agg(d.cap), array_agg(d.key), array_agg(d.since) INTO w_cap, w_key, w_since
	FROM (SELECT DISTINCT x.cap, x.key, x.since FROM unnest(v_cap, v_key, v_since) x(cap, key, since) ORDER BY 1, 2, 3) d;
	INSERT INTO agentd.spend_window (cap, scope_key, window_start)
	SELECT x.cap, x.key, x.since FROM unnest(w_cap, w_key, w_since) x(cap, key, since)
	ON CONFLICT DO NOTHING;
	SELECT array_agg(w.held_usd), array_agg(w.spent_usd) INTO w_held, w_spent
	FROM unnest(w_cap, w_key, w_since) x(cap, key, since)
	CROSS JOIN LATERAL (SELECT y.held_usd, y.spent_usd FROM agentd.spend_window y
		WHERE y.cap = x.cap AND y.scope_key = x.key AND y.window_start = x.since LIMIT 1 FOR NO KEY UPDATE) w;

	IF v_grant IS NOT NULL OR EXISTS (SELECT FROM unnest(v_at, v_held, v_spent, v_limit) x(at, held, spent, usd_limit)
		GROUP BY x.at HAVING w_held[x.at] + sum(x.held) + w_spent[x.at] + sum(x.spent) > min(x.usd_limit))
	THEN
		-- What only settles makes room, whoever comes first.
		FOR i IN 1..v_n LOOP
			IF NOT v_takes[i] THEN
				w_held[v_at[i]] := w_held[v_at[i]] + v_held[i];
				w_spent[v_at[i]] := w_spent[v_at[i]] + v_spent[i];
			END IF;
		END LOOP;
		FOR i IN 1..v_n LOOP
			CONTINUE WHEN i < v_n AND v_move[i + 1] = v_move[i];	-- i is the last row of its move
			IF v_takes[i] THEN
				FOR k IN v_from..i LOOP
					CONTINUE WHEN v_take[k];
					w_held[v_at[k]] := w_held[v_at[k]] + v_held[k];
					w_spent[v_at[k]] := w_spent[v_at[k]] + v_spent[k];
				END LOOP;
				IF v_move[i] = ANY (v_grant) THEN
					SELECT * INTO v_approved, v_exempt FROM agentd.spend_approved(p_caps, v_move[i], p_task[v_move[i]]);
				ELSE
					v_approved := NULL;
					v_exempt := NULL;
				END IF;
				v_problems := '{}';
				FOR k IN v_from..i LOOP
					CONTINUE WHEN NOT v_take[k] OR coalesce(v_cap[k] = ANY (v_exempt), false)
						OR w_spent[v_at[k]] + w_held[v_at[k]] + v_held[k] <= v_limit[k];
					v_problems := v_problems || agentd.cap_refusal(v_cap[k], v_scope[k], v_key[k], v_window[k], v_since[k], v_until[k],
						v_limit[k], w_spent[v_at[k]], w_held[v_at[k]], v_held[k]);
				END LOOP;
				IF cardinality(v_problems) = 0 AND v_approved IS NOT NULL THEN
					UPDATE agentd.approval_queue a SET state = 'consumed', consumed_at = p_now WHERE a.id = v_approved;
				ELSIF cardinality(v_problems) > 0 THEN
					v_refused := v_refused || v_move[i];
					move := v_move[i];
					problem := agentd.cap_problem(v_problems);
					RETURN NEXT;
				END IF;
				FOR k IN v_from..i LOOP
					IF cardinality(v_problems) = 0 AND v_take[k] THEN
						w_held[v_at[k]] := w_held[v_at[k]] + v_held[k];
					ELSIF cardinality(v_problems) > 0 AND NOT v_take[k] THEN
						w_held[v_at[k]] := w_held[v_at[k]] - v_held[k];
						w_spent[v_at[k]] := w_spent[v_at[k]] - v_spent[k];
					END IF;
				END LOOP;
			END IF;
			v_from := i + 1;
		END LOOP;
	END IF;

	-- A refusal leaves its limit, so that people see what is asked for.
	UPDATE agentd.spend_window w SET held_usd = w.held_usd + d.held, spent_usd = w.spent_usd + d.spent, touched_at = p_now,
		limit_usd = coalesce(d.usd_limit, w.limit_usd), scope = coalesce(d.scope, w.scope), "window" = coalesce(d.win, w."window"),
		window_end = CASE WHEN d.win IS NULL THEN w.window_end ELSE d.until END
	FROM (SELECT x.at, coalesce(sum(x.held) FILTER (WHERE NOT x.move = ANY (v_refused)), 0) AS held,
			coalesce(sum(x.spent) FILTER (WHERE NOT x.move = ANY (v_refused)), 0) AS spent, min(x.usd_limit) AS usd_limit,
			min(x.scope) AS scope, min(x.win) AS win, min(x.until) AS until
		FROM unnest(v_at, v_move, v_held, v_spent, v_limit, v_scope, v_window, v_until) x(at, move, held, spent, usd_limit, scope, win, until)
		GROUP BY x.at) d
	WHERE w.cap = w_cap[d.at] AND w.scope_key = w_key[d.at] AND w.window_start = w_since[d.at];
	IF true = ANY (v_take) THEN
		INSERT INTO agentd.cap_hold (hold, task, window_start, created_at, expires_at, cap, scope_key, amount_usd)
		SELECT x.hold, p_task[x.move], x.since, p_now, x.expires, x.cap, x.key, x.held
		FROM unnest(v_take, v_move, v_hold, v_since, v_expires, v_cap, v_key, v_held) x(take, move, hold, since, expires, cap, key, held)
		WHERE x.take AND NOT x.move = ANY (v_refused);
	END IF;
	IF false = ANY (v_take) THEN
		UPDATE agentd.cap_hold h SET settled_at = p_now, lapsed = false, settled_by = x.call,
			settled_usd = CASE WHEN h.lapsed THEN 0 ELSE coalesce(h.settled_usd, 0) END + x.cost
		FROM unnest(v_take, v_move, v_hold, v_cap, v_call, v_cost) x(take, move, hold, cap, call, cost)
		WHERE NOT x.take AND NOT x.move = ANY (v_refused) AND h.hold = x.hold AND h.cap = x.cap;
	END IF;
END $$;

-- Reservations that nobody settled in time count with their amount. The rows of their tasks are the caller's.
CREATE OR REPLACE FUNCTION agentd.caps_lapse(p_bound integer, p_now timestamptz) RETURNS bigint LANGUAGE plpgsql
	SET jit = off SET plan_cache_mode = force_custom_plan AS $$
DECLARE
	v_hold uuid[];
	v_cap text[];
BEGIN
	SELECT array_agg(h.hold), array_agg(h.cap) INTO v_hold, v_cap
	FROM (SELECT x.hold, x.cap FROM agentd.cap_hold x WHERE x.settled_at IS NULL AND x.expires_at < p_now
		ORDER BY x.hold, x.cap LIMIT p_bound FOR NO KEY UPDATE SKIP LOCKED) h;
	IF v_hold IS NULL THEN
		RETURN 0;
	END IF;
	PERFORM FROM (SELECT w.cap FROM agentd.spend_window w WHERE (w.cap, w.scope_key, w.window_start) IN (
			SELECT h.cap, h.scope_key, h.window_start FROM unnest(v_hold, v_cap) x(hold, cap) JOIN agentd.cap_hold h USING (hold, cap))
		ORDER BY w.cap, w.scope_key, w.window_start FOR NO KEY UPDATE) w;
	WITH h AS (
		UPDATE agentd.cap_hold h SET settled_at = p_now, settled_usd = h.amount_usd, lapsed = true
		FROM unnest(v_hold, v_cap) x(hold, cap) WHERE h.hold = x.hold AND h.cap = x.cap
		RETURNING h.cap, h.scope_key, h.window_start, h.amount_usd
	)
	UPDATE agentd.spend_window w SET held_usd = w.held_usd - d.usd, spent_usd = w.spent_usd + d.usd, touched_at = p_now
	FROM (SELECT h.cap, h.scope_key, h.window_start, sum(h.amount_usd) AS usd FROM h GROUP BY 1, 2, 3) d
	WHERE w.cap = d.cap AND w.scope_key = d.scope_key AND w.window_start = d.window_start;
	RETURN cardinality(v_hold);
END $$;

-- Settled reservations are kept for a day, for what is settled late; windows of time for 90 days after their end, those of tasks until
-- the task has ended. What never ends is kept.
CREATE OR REPLACE FUNCTION agentd.caps_forget(p_bound integer, p_now timestamptz) RETURNS bigint LANGUAGE plpgsql
	SET jit = off SET plan_cache_mode = force_custom_plan AS $$
DECLARE
	v_n bigint;
	v_rows bigint;
BEGIN
	DELETE FROM agentd.cap_hold h WHERE h.ctid = ANY (ARRAY(
		SELECT x.ctid FROM agentd.cap_hold x WHERE x.settled_at < p_now - interval '1 day'
			AND NOT EXISTS (SELECT FROM agentd.task_queue q WHERE q.id = x.task) LIMIT p_bound));
	GET DIAGNOSTICS v_n = ROW_COUNT;
	DELETE FROM agentd.spend_window w WHERE w.ctid = ANY (ARRAY(
		SELECT x.ctid FROM agentd.spend_window x
		WHERE x.held_usd = 0 AND (x.window_end < p_now - interval '90 days' OR x.scope = 'task' AND x.touched_at < p_now - interval '2 days'
				AND NOT EXISTS (SELECT FROM agentd.task_queue q WHERE q.id::text = x.scope_key))
		LIMIT p_bound FOR UPDATE SKIP LOCKED));
	GET DIAGNOSTICS v_rows = ROW_COUNT;
	RETURN v_n + v_rows;
END $$;
