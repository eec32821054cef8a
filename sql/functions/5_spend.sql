-- 5_spend.sql - what people see of caps: limits, what is held and spent, in the windows of now.
--
-- Words:  see 0049_caps.sql and 3_caps.sql.
-- Locks:  caps_told writes caps alone.

-- A worker has read its policy: [{"cap", "scope", "window", "zone", "limit_pusd", "on_exceeded"}]. Caps that are not in it any more are
-- forgotten; their sums stay.
CREATE OR REPLACE FUNCTION agentd.caps_told(p_caps json) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp AS $$
DECLARE
	v_now timestamptz := agentd.clock();
	v_n bigint;
BEGIN
	PERFORM pg_advisory_xact_lock(hashtext('agentd.caps'));
	DELETE FROM caps c WHERE NOT EXISTS (SELECT FROM json_to_recordset(p_caps) x(cap text) WHERE x.cap = c.cap);
	INSERT INTO caps AS c (cap, scope, "window", zone, on_exceeded, limit_usd, told_at)
	SELECT x.cap, x.scope, x."window", x.zone, x.on_exceeded, agentd.usd(x.limit_pusd), v_now
	FROM json_to_recordset(p_caps) x(cap text, scope text, "window" text, zone text, on_exceeded text, limit_pusd bigint)
	ON CONFLICT (cap) DO UPDATE SET scope = excluded.scope, "window" = excluded."window", zone = excluded.zone,
		on_exceeded = excluded.on_exceeded, limit_usd = excluded.limit_usd, told_at = excluded.told_at;
	GET DIAGNOSTICS v_n = ROW_COUNT;
	RETURN v_n;
END $$;

-- A row for each sum of each cap in its window of now, the fullest of a cap first; where nothing was spent yet a row without a key. Who
-- may not see everything sees what its own tasks spent at caps of scope task and token.
CREATE OR REPLACE FUNCTION agentd.spend(p_principal text, p_all boolean) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp SET jit = off SET plan_cache_mode = force_custom_plan AS $$
DECLARE
	v_now timestamptz := agentd.clock();
BEGIN
	RETURN (
		WITH r AS (
			SELECT c.cap, c.scope, c."window", c.on_exceeded, c.limit_usd, w.scope_key, n.since, n.until, coalesce(w.held_usd, 0) AS held_usd,
				coalesce(w.spent_usd, 0) AS spent_usd
			FROM caps c CROSS JOIN LATERAL agentd.cap_window(c."window", c.zone, v_now) n
			LEFT JOIN spend_window w ON w.cap = c.cap AND w.window_start = n.since AND (c.scope = 'global') = (w.scope_key = '')
			WHERE p_all OR c.scope = 'token' AND w.scope_key = p_principal OR c.scope = 'task' AND EXISTS (SELECT FROM tasks t
				WHERE t.id::text = w.scope_key AND t.leaf = ANY (agentd.leaves_of(w.scope_key::uuid)) AND t.submitted_by = p_principal)
			ORDER BY c.cap, (coalesce(w.held_usd, 0) + coalesce(w.spent_usd, 0)) DESC, w.scope_key LIMIT 1001
		), s AS (SELECT r.*, row_number() OVER (ORDER BY r.cap, r.held_usd + r.spent_usd DESC, r.scope_key) AS nr FROM r)
		SELECT json_build_object('now', agentd.rfc3339(v_now),
			'caps', coalesce(json_agg(json_build_object('cap', s.cap, 'scope', s.scope,
				'key', CASE WHEN s.scope = 'global' THEN NULL ELSE s.scope_key END, 'window', s."window",
				'window_start', CASE WHEN isfinite(s.since) THEN agentd.rfc3339(s.since) END, 'window_end', agentd.rfc3339(s.until),
				'limit_usd', agentd.money(s.limit_usd), 'held_usd', agentd.money(s.held_usd), 'spent_usd', agentd.money(s.spent_usd),
				'percent', round(100 * (s.held_usd + s.spent_usd) / s.limit_usd, 1), 'on_exceeded', s.on_exceeded)
				ORDER BY s.nr) FILTER (WHERE s.nr <= 1000), '[]'),
			'more', count(*) > 1000)
		FROM s);
END $$;
