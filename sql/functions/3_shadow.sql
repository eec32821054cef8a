-- 3_shadow.sql - what our own route would have done while another gateway answered.
--
-- Words:  see 0053_modes.sql.
-- Locks:  none of its own: rows are inserted by the transaction that inserts their rows of model_calls.

-- Called by calls_settle() for batches that hold such calls.
CREATE OR REPLACE FUNCTION agentd.shadow_keep(p_calls json, p_task uuid[], p_base bigint[], p_leaf smallint[], p_now timestamptz)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO agentd.shadow_calls (id, task, at, leaf, agrees, legacy_usd, own_usd, tier, legacy_model, error_class, own_provider,
		own_model, own_problem)
	SELECT x.id, p_task[x.move], p_now, p_leaf[x.move], s.agrees, s.legacy_pusd * 0.000000000001, s.own_pusd * 0.000000000001, x.tier,
		coalesce(nullif(x.model_answered, ''), x.model_asked), x.error_class, s.own_provider, s.own_model, s.own_problem
	FROM json_to_recordset(p_calls) x(move integer, id uuid, tier text, model_asked text, model_answered text, error_class text, shadow json),
		LATERAL json_to_record(x.shadow) s(agrees boolean, legacy_pusd bigint, own_pusd bigint, own_provider text, own_model text,
			own_problem text)
	WHERE p_base[x.move] >= 0 AND x.shadow IS NOT NULL ORDER BY p_task[x.move], x.id
	ON CONFLICT DO NOTHING;
END $$;

-- {since, until, tiers, total, routes, more}. Answered calls agree or differ; costs are compared where both are known; of a route of which
-- none is known they are null.
CREATE OR REPLACE FUNCTION agentd.shadow_report(p_since_us bigint, p_until_us bigint) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp SET jit = off SET plan_cache_mode = force_custom_plan
	SET timezone = 'UTC' AS $$
DECLARE
	v_until timestamptz := coalesce(agentd.at_us(p_until_us), agentd.clock());
	v_since timestamptz := coalesce(agentd.at_us(p_since_us), v_until - interval '30 days');
	v_from uuid := agentd.uuid_at(greatest(v_since - interval '1 day', 'epoch'));
	v_to uuid := agentd.uuid_at(greatest(v_until + interval '1 day', 'epoch'));
BEGIN
	IF v_since > v_until THEN
		RAISE EXCEPTION '"since": % is behind "until", %', agentd.rfc3339(v_since), agentd.rfc3339(v_until) USING ERRCODE = 'AG422';
	END IF;
	RETURN (
		WITH c AS MATERIALIZED (
			SELECT x.tier, x.legacy_model, coalesce(x.own_provider || '/' || x.own_model, '') AS own, x.error_class, max(x.own_problem) AS problem,
				count(*) AS calls, count(*) FILTER (WHERE x.error_class <> '') AS errors,
				count(*) FILTER (WHERE x.error_class = '' AND x.agrees) AS agree,
				count(*) FILTER (WHERE x.error_class = '' AND NOT x.agrees) AS differ,
				count(*) FILTER (WHERE x.own_model IS NULL) AS no_step,
				count(*) FILTER (WHERE x.error_class = '' AND x.legacy_usd IS NULL) AS unpriced,
				count(*) FILTER (WHERE x.legacy_usd IS NOT NULL AND x.own_usd IS NOT NULL) AS compared,
				sum(x.legacy_usd) AS legacy_usd, sum(x.own_usd) AS own_usd,
				coalesce(sum(x.legacy_usd) FILTER (WHERE x.own_usd IS NOT NULL), 0) AS compared_legacy_usd,
				coalesce(sum(x.own_usd) FILTER (WHERE x.legacy_usd IS NOT NULL), 0) AS compared_own_usd
			FROM shadow_calls x
			WHERE x.id >= v_from AND x.id < v_to AND x.at >= v_since AND x.at < v_until
			GROUP BY 1, 2, 3, 4
		), g AS MATERIALIZED (
			SELECT c.tier, sum(c.calls) AS calls, sum(c.errors) AS errors, sum(c.agree) AS agree, sum(c.differ) AS differ,
				sum(c.no_step) AS no_step, sum(c.unpriced) AS unpriced, sum(c.compared) AS compared, sum(c.legacy_usd) AS legacy_usd,
				sum(c.own_usd) AS own_usd, sum(c.compared_legacy_usd) AS compared_legacy_usd, sum(c.compared_own_usd) AS compared_own_usd
			FROM c GROUP BY ROLLUP (c.tier)
		), t AS (
			SELECT g.tier, json_build_object('tier', g.tier, 'calls', coalesce(g.calls, 0), 'errors', coalesce(g.errors, 0),
				'agree', coalesce(g.agree, 0), 'differ', coalesce(g.differ, 0), 'no_step', coalesce(g.no_step, 0),
				'unpriced', coalesce(g.unpriced, 0), 'legacy_usd', agentd.money(coalesce(g.legacy_usd, 0)),
				'own_usd', agentd.money(coalesce(g.own_usd, 0)), 'compared', coalesce(g.compared, 0),
				'compared_legacy_usd', agentd.money(coalesce(g.compared_legacy_usd, 0)),
				'compared_own_usd', agentd.money(coalesce(g.compared_own_usd, 0))) AS row
			FROM g
		), r AS (
			SELECT * FROM c ORDER BY c.calls DESC, c.tier, c.legacy_model, c.own, c.error_class LIMIT 200
		)
		SELECT json_build_object('since', agentd.rfc3339(v_since), 'until', agentd.rfc3339(v_until),
			'tiers', coalesce((SELECT json_agg(t.row ORDER BY t.tier) FROM t WHERE t.tier IS NOT NULL), '[]'),
			'total', (SELECT t.row FROM t WHERE t.tier IS NULL),
			'routes', coalesce((SELECT json_agg(json_build_object('tier', r.tier, 'legacy_model', r.legacy_model, 'own', nullif(r.own, ''),
				'problem', r.problem, 'error_class', r.error_class, 'calls', r.calls, 'agree', r.agree, 'legacy_usd', agentd.money(r.legacy_usd),
				'own_usd', agentd.money(r.own_usd), 'unpriced', r.unpriced)) FROM r), '[]'),
			'more', (SELECT count(*) > 200 FROM c)));
END $$;

-- Reservations that calls of mode live have open: {holds, usd}.
CREATE OR REPLACE FUNCTION agentd.holds_open() RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp AS $$
	SELECT json_build_object('holds', count(*), 'usd', agentd.money(coalesce(sum(h.amount_usd), 0)))::text
	FROM spend_hold h WHERE h.settled_at IS NULL AND h.amount_usd > 0
$$;
