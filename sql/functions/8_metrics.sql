-- 8_metrics.sql - the figures of /metrics that come from the database.
--
-- Words:  as in 0040. Nothing here reads tasks, journals or calls: what ended was counted when it ended.
-- Locks:  reports wait for one another at an advisory lock, and hold nothing that anybody else waits for.

-- Elementwise; the shorter one counts as 0 behind its end.
CREATE OR REPLACE FUNCTION agentd.counts_sum(p_a numeric[], p_b numeric[]) RETURNS numeric[] LANGUAGE sql IMMUTABLE AS $$
	SELECT ARRAY(SELECT coalesce(p_a[i], 0) + coalesce(p_b[i], 0)
		FROM generate_series(1, greatest(cardinality(p_a), cardinality(p_b))) i)
$$;

-- p_counters, p_gauges: [[name, labels, [value, ...]], ...]. Of a gauge the greatest value stands. Answers the number of series written;
-- 0 when the report was written before.
CREATE OR REPLACE FUNCTION agentd.count_report(p_source uuid, p_serial bigint, p_counters json, p_gauges json) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp SET jit = off AS $$
DECLARE
	v_n bigint;
	v_rows bigint;
BEGIN
	PERFORM pg_advisory_xact_lock(hashtext('agentd.counters'));
	INSERT INTO counter_reports AS r VALUES (p_source, p_serial, agentd.clock())
	ON CONFLICT (source) DO UPDATE SET serial = excluded.serial, reported_at = excluded.reported_at WHERE r.serial < excluded.serial;
	IF NOT FOUND THEN
		RETURN 0;
	END IF;
	INSERT INTO counters AS c (name, labels, value)
	SELECT x ->> 0, x ->> 1, ARRAY(SELECT v::numeric FROM json_array_elements_text(x -> 2) v) FROM json_array_elements(p_counters) x
	ON CONFLICT (name, labels) DO UPDATE SET value = agentd.counts_sum(c.value, excluded.value);
	GET DIAGNOSTICS v_n = ROW_COUNT;
	INSERT INTO counters AS c (name, labels, value)
	SELECT x ->> 0, x ->> 1, ARRAY[(x -> 2 ->> 0)::numeric] FROM json_array_elements(p_gauges) x
	ON CONFLICT (name, labels) DO UPDATE SET value = ARRAY[greatest(c.value[1], excluded.value[1])];
	GET DIAGNOSTICS v_rows = ROW_COUNT;
	v_n := v_n + v_rows;
	WITH ended AS (
		DELETE FROM ended_news WHERE ctid = ANY (ARRAY(SELECT e.ctid FROM ended_news e LIMIT 20000))
		RETURNING workflow, state
	)
	INSERT INTO counters AS c (name, labels, value)
	SELECT 'agentd_tasks_ended_total', format('workflow="%s",state="%s"', e.workflow, e.state), ARRAY[count(*)::numeric]
	FROM ended e GROUP BY e.workflow, e.state
	ON CONFLICT (name, labels) DO UPDATE SET value = agentd.counts_sum(c.value, excluded.value);
	GET DIAGNOSTICS v_rows = ROW_COUNT;
	DELETE FROM counter_reports r WHERE r.reported_at < agentd.clock() - interval '7 days';
	RETURN v_n + v_rows;
END $$;

-- What the tables say now, and what was counted so far. The caller sets a statement_timeout. Cost: one look at each task that has not
-- ended, at each pending approval and delivery, and at the counters, of which there are a few hundred.
CREATE OR REPLACE FUNCTION agentd.metrics() RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp SET jit = off AS $$
DECLARE
	v_now timestamptz := agentd.clock();
BEGIN
	RETURN json_build_object(
		'queue', (SELECT coalesce(json_agg(json_build_array(g.lane, g.state, g.n,
				CASE WHEN g.state = 'ready' THEN greatest(0, extract(epoch FROM v_now - g.oldest)::bigint) END)), '[]')
			FROM (SELECT agentd.lane_plain(q.lane) AS lane, CASE WHEN q.state = 'ready' AND q.lane LIKE '%+!paused' THEN
				'paused' ELSE q.state::text END AS state,
					sum(q.n) AS n, min(q.oldest) AS oldest
				FROM (SELECT x.lane, x.state, count(*) AS n, min(x.run_at) AS oldest FROM task_queue x GROUP BY 1, 2) q
				GROUP BY 1, 2 ORDER BY 1, 2 LIMIT 1000) g),
		'lanes', (SELECT coalesce(json_agg(json_build_array(l.name, agentd.live_workers(l.name, 0::smallint))), '[]')
			FROM (SELECT name FROM lanes ORDER BY name LIMIT 200) l),
		'admission', (SELECT coalesce(max(a.level), 0) FROM admission a WHERE a.level > 0 AND a.holds_until > v_now),
		'webhooks', (SELECT count(*) FROM webhook_deliveries d WHERE d.state = 'pending'),
		'approvals', (SELECT count(*) FROM approval_queue a WHERE a.state = 'pending'),
		'caps', (SELECT coalesce(json_agg(json_build_array(c.cap, agentd.money(c.limit_usd), agentd.money(coalesce(w.spent_usd, 0)),
				agentd.money(coalesce(w.held_usd, 0))) ORDER BY c.cap), '[]')
			FROM (SELECT * FROM caps ORDER BY cap LIMIT 200) c CROSS JOIN LATERAL agentd.cap_window(c."window", c.zone, v_now) n
			LEFT JOIN LATERAL (SELECT x.spent_usd, x.held_usd FROM spend_window x WHERE x.cap = c.cap AND x.window_start = n.since
				ORDER BY x.spent_usd + x.held_usd DESC LIMIT 1) w ON true),
		'files', (SELECT json_build_array(f.files, f.size_bytes) FROM file_total f),
		'counters', (SELECT coalesce(json_agg(json_build_array(c.name, c.labels, c.value::text[]) ORDER BY c.name, c.labels), '[]')
			FROM (SELECT * FROM counters ORDER BY name, labels LIMIT 10000) c));
END $$;
