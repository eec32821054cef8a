-- 3_health.sql - breakers and limits of providers: what workers say of attempts, and whether a question may be asked.
--
-- Words:  see 0050_health.sql. Workers keep a copy of the breakers: a question to a provider whose breaker is closed and that has
--         no limits calls nothing here, and an answer to it tells nothing.
-- Locks:  provider_health in (provider, scope) order, then provider_rate in order, then model_waits by key; nothing of tasks.
-- Wake:   channel agentd_health at every change that others act on; 'told' as in 2_queue.sql.
-- Clock:  the database's. A row that was opened, or a limit that was used, in what is now the future (5 s and more) saw another
--         clock: it holds nobody up.

-- [provider, scope, no, open_ms, probe_ms, error_class, failures, halves, opens, last_error]; open_ms null: closed, 0: half-open.
CREATE OR REPLACE FUNCTION agentd.health_row(h agentd.provider_health, p_now timestamptz) RETURNS json LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN json_build_array(h.provider, h.scope, h.no,
		CASE WHEN h.opened_until IS NULL THEN NULL WHEN h.opened_at > p_now + interval '5 seconds' THEN 0
			ELSE greatest(0, ceil(extract(epoch FROM h.opened_until - p_now) * 1000)::bigint) END,
		CASE WHEN h.probe IS NULL THEN 0 ELSE greatest(0, ceil(extract(epoch FROM h.probe_until - p_now) * 1000)::bigint) END,
		h.error_class, h.failures, h.halves, h.opens, h.last_error);
END $$;

CREATE OR REPLACE FUNCTION agentd.health_read() RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp AS $$
DECLARE
	v_now timestamptz := agentd.clock();
BEGIN
	RETURN json_build_object('whole', true, 'rows', (SELECT coalesce(json_agg(agentd.health_row(h, v_now) ORDER BY h.provider, h.scope), '[]')
		FROM provider_health h));
END $$;

-- A used-up daily quota: at first what was asked for, at least a minute; found used up again, until the quota day ends (midnight
-- of US Pacific time), with a look once an hour.
CREATE OR REPLACE FUNCTION agentd.health_quota(p_hint interval, p_again boolean, p_now timestamptz) RETURNS interval LANGUAGE plpgsql STABLE AS $$
DECLARE
	v_day timestamptz := (date_trunc('day', p_now AT TIME ZONE 'America/Los_Angeles') + interval '1 day') AT TIME ZONE 'America/Los_Angeles';
BEGIN
	RETURN CASE WHEN p_again THEN least(interval '1 hour', greatest(p_hint, v_day - p_now)) ELSE greatest(p_hint, interval '1 minute') END;
END $$;

-- The breaker after what became of one attempt. r: effect, no, probe, class, message, open_ms, and the provider's settings.
CREATE OR REPLACE FUNCTION agentd.health_next(h agentd.provider_health, r json, p_now timestamptz) RETURNS agentd.provider_health
LANGUAGE plpgsql STABLE AS $$
DECLARE
	v_effect text := r ->> 'effect';
	v_half_open boolean := h.opened_until IS NOT NULL;	-- or open: whoever began under this number asked as a probe
	v_again boolean := h.opened_until IS NOT NULL AND h.error_class = 'quota_exhausted';
	v_for interval;
BEGIN
	IF h.probe = (r ->> 'probe')::uuid THEN
		h.probe := NULL;
		h.probe_until := NULL;
	END IF;
	IF v_effect = 'neutral' OR (r ->> 'no')::bigint < h.no THEN
		RETURN h;
	END IF;
	IF v_effect = 'closed' THEN
		h.opened_until := NULL;
		h.opened_at := NULL;
		h.failures := 0;
		h.halves := 0;
		h.opens := 0;
		h.probe := NULL;
		h.probe_until := NULL;
		h.window_started := NULL;
		RETURN h;
	END IF;
	h.error_class := r ->> 'class';
	h.last_error := left(r ->> 'message', 400);
	IF v_effect IN ('failed', 'half') THEN
		IF NOT v_half_open AND (h.window_started IS NULL OR h.window_started > p_now
			OR h.window_started <= p_now - (r ->> 'window_ms')::bigint * interval '1 millisecond') THEN
			h.window_started := p_now;
			h.failures := 0;
			h.halves := 0;
		END IF;
		h.failures := h.failures + (v_effect = 'failed')::integer;
		h.halves := h.halves + (v_effect = 'half')::integer;
		-- Answers that were no use do not open it alone.
		IF v_effect = 'half' AND v_half_open OR h.failures = 0
			OR NOT v_half_open AND 2 * h.failures + h.halves < 2 * (r ->> 'failures')::integer THEN
			RETURN h;
		END IF;
		v_for := least((r ->> 'open_max_ms')::bigint, (r ->> 'open_first_ms')::bigint * (2::numeric ^ least(h.opens, 30)))::bigint
			* interval '1 millisecond';
		h.opens := h.opens + 1;
	ELSIF v_effect = 'quota' THEN
		v_for := agentd.health_quota((r ->> 'open_ms')::bigint * interval '1 millisecond', v_again, p_now);
	ELSE
		v_for := (r ->> 'open_ms')::bigint * interval '1 millisecond';
	END IF;
	h.no := h.no + 1;
	h.opened_at := p_now;
	h.opened_until := p_now + v_for;
	h.failures := 0;
	h.halves := 0;
	h.window_started := NULL;
	h.probe := NULL;
	h.probe_until := NULL;
	RETURN h;
END $$;

-- Tokens that a call was said to take and did not (negative: took besides) come back to the provider's limit.
CREATE OR REPLACE FUNCTION agentd.rate_give(p_usage json, p_now timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	u record;
BEGIN
	FOR u IN SELECT x.provider COLLATE "C" AS provider, max(x.tpm) AS tpm, sum(x.tokens)::bigint AS tokens
		FROM json_to_recordset(p_usage) x(provider text, tpm bigint, tokens bigint) GROUP BY 1 ORDER BY 1
	LOOP
		UPDATE agentd.provider_rate p SET tokens_tat = p.tokens_tat - agentd.rate_time(u.tokens, u.tpm) WHERE p.provider = u.provider;
	END LOOP;
END $$;

-- Limits are spread over the minute, with a burst of a tenth: never more calls than rpm in any minute.
CREATE OR REPLACE FUNCTION agentd.rate_burst(p_limit bigint) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	RETURN greatest(1, p_limit / 10);
END $$;
-- So many of them take so long; 0: there is no limit.
CREATE OR REPLACE FUNCTION agentd.rate_time(p_n bigint, p_limit bigint) RETURNS interval LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	RETURN CASE WHEN p_limit > 0 THEN p_n * (60::float8 / (p_limit - agentd.rate_burst(p_limit) + 1)) * interval '1 second' ELSE interval '0' END;
END $$;

-- p_reports: what became of attempts. p_usage: [{provider, tpm, tokens}]. p_waits: [{task, path, fence, provider, reason, left_ms,
-- until_ms}], and without a reason who waits no more. Answers the breakers that were named.
CREATE OR REPLACE FUNCTION agentd.health_report(p_reports json, p_usage json, p_waits json) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp SET plan_cache_mode = force_generic_plan AS $$
DECLARE
	v_now timestamptz := agentd.clock();
	v_changed boolean := false;
	v_rows json[] := '{}';
	r record;
	h provider_health;
	n provider_health;
BEGIN
	FOR r IN SELECT (x.value ->> 'provider') COLLATE "C" AS provider, (x.value ->> 'scope') COLLATE "C" AS scope, json_agg(x.value ORDER BY x.ordinality) AS v,
			bool_or(x.value ->> 'effect' NOT IN ('neutral', 'closed')) AS makes
		FROM json_array_elements(p_reports) WITH ORDINALITY x GROUP BY 1, 2 ORDER BY 1, 2
	LOOP
		IF r.makes THEN
			INSERT INTO provider_health (provider, scope, changed_at) VALUES (r.provider, r.scope, v_now) ON CONFLICT DO NOTHING;
		END IF;
		SELECT * INTO h FROM provider_health x WHERE x.provider = r.provider AND x.scope = r.scope FOR UPDATE;
		CONTINUE WHEN NOT FOUND;
		v_now := agentd.clock();
		n := h;
		FOR i IN 0 .. json_array_length(r.v) - 1 LOOP
			n := agentd.health_next(n, r.v -> i, v_now);
		END LOOP;
		IF n IS DISTINCT FROM h THEN
			n.changed_at := v_now;
			UPDATE provider_health x SET no = n.no, failures = n.failures, halves = n.halves, window_started = n.window_started, opens = n.opens,
				opened_at = n.opened_at, opened_until = n.opened_until, probe = n.probe, probe_until = n.probe_until,
				error_class = n.error_class, last_error = n.last_error, changed_at = n.changed_at
			WHERE x.provider = n.provider AND x.scope = n.scope;
			v_changed := v_changed OR (n.no, n.opened_until, n.probe) IS DISTINCT FROM (h.no, h.opened_until, h.probe);
		END IF;
		v_rows := v_rows || agentd.health_row(n, v_now);
	END LOOP;
	IF p_usage IS NOT NULL THEN
		PERFORM agentd.rate_give(p_usage, v_now);
	END IF;
	IF p_waits IS NOT NULL THEN
		PERFORM agentd.waits_note(p_waits, v_now);
	END IF;
	IF v_changed THEN
		PERFORM pg_notify('agentd_health', 'told');
	END IF;
	RETURN json_build_object('rows', array_to_json(v_rows));
END $$;

-- Who waits, by the last that was said of each. A row whose worker died goes with its time.
CREATE OR REPLACE FUNCTION agentd.waits_note(p_waits json, p_now timestamptz) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	WITH w AS MATERIALIZED (
		SELECT DISTINCT ON (x.task, x.path COLLATE "C") x.* FROM ROWS FROM (json_to_recordset(p_waits)
			AS (task uuid, path text, fence integer, provider text, reason text, left_ms bigint, until_ms bigint))
			WITH ORDINALITY x(task, path, fence, provider, reason, left_ms, until_ms, nr)
		ORDER BY x.task, x.path COLLATE "C", x.nr DESC
	), d AS (
		DELETE FROM agentd.model_waits m USING w WHERE m.task = w.task AND m.path = w.path AND w.reason IS NULL
	)
	INSERT INTO agentd.model_waits AS m (task, path, fence, since, until, lapses_at, provider, reason)
	SELECT w.task, w.path, w.fence, p_now, p_now + w.until_ms * interval '1 millisecond',
		p_now + (w.left_ms + 60000) * interval '1 millisecond', w.provider, w.reason
	FROM w WHERE w.reason IS NOT NULL ORDER BY w.task, w.path
	ON CONFLICT (task, path) DO UPDATE SET fence = EXCLUDED.fence, since = EXCLUDED.since, until = EXCLUDED.until,
		lapses_at = EXCLUDED.lapses_at, provider = EXCLUDED.provider, reason = EXCLUDED.reason;
	DELETE FROM agentd.model_waits m WHERE m.ctid = ANY (ARRAY(SELECT x.ctid FROM agentd.model_waits x WHERE x.lapses_at < p_now
		ORDER BY x.lapses_at LIMIT 100 FOR UPDATE SKIP LOCKED));
END $$;

-- The first of these breakers that lets nobody through now, and for how long: of a probe that somebody else has, until its lease is over.
CREATE OR REPLACE FUNCTION agentd.admit_health(p_provider text, p_scopes json, p_probe uuid, p_lease interval, p_now timestamptz)
RETURNS TABLE (why text, wait_ms bigint) LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN QUERY
	SELECT x.why, greatest(1, ceil(extract(epoch FROM x.until - p_now) * 1000)::bigint) FROM (
		SELECT CASE WHEN h.opened_until > p_now AND h.opened_at <= p_now + interval '5 seconds' THEN 'open'
				WHEN h.probe <> p_probe AND h.probe_until > p_now AND h.probe_until <= p_now + p_lease THEN 'probe' END AS why,
			CASE WHEN h.opened_until > p_now AND h.opened_at <= p_now + interval '5 seconds' THEN h.opened_until ELSE h.probe_until END AS until
		FROM agentd.provider_health h JOIN json_array_elements_text(p_scopes) s ON s = h.scope
		WHERE h.provider = p_provider AND h.opened_until IS NOT NULL) x
	WHERE x.why IS NOT NULL ORDER BY x.until DESC LIMIT 1;
END $$;

-- How long one call of so many tokens has to wait for the provider's limits; it takes its place when that is no longer than p_most.
CREATE OR REPLACE FUNCTION agentd.admit_rate(p_provider text, p_rpm bigint, p_tpm bigint, p_tokens bigint, p_most interval, p_now timestamptz)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	p agentd.provider_rate;
	v_at timestamptz := p_now;
BEGIN
	SELECT * INTO p FROM agentd.provider_rate x WHERE x.provider = p_provider;	-- locked by the caller
	IF p.updated_at > p_now + interval '5 seconds' THEN
		p.calls_tat := p_now;
		p.tokens_tat := p_now;
	END IF;
	IF p_rpm > 0 THEN
		v_at := greatest(v_at, p.calls_tat - agentd.rate_time(agentd.rate_burst(p_rpm) - 1, p_rpm));
	END IF;
	IF p_tpm > 0 THEN	-- a call that is larger than a burst goes when nothing else is owed
		v_at := greatest(v_at, p.tokens_tat - agentd.rate_time(greatest(0, agentd.rate_burst(p_tpm) - p_tokens), p_tpm));
	END IF;
	IF v_at - p_now <= p_most THEN
		UPDATE agentd.provider_rate x SET updated_at = p_now, calls_tat = greatest(p.calls_tat, p_now) + agentd.rate_time(1, p_rpm),
			tokens_tat = greatest(p.tokens_tat, p_now) + agentd.rate_time(p_tokens, p_tpm)
		WHERE x.provider = p_provider;
	END IF;
	RETURN ceil(extract(epoch FROM v_at - p_now) * 1000)::bigint;
END $$;

-- p_asks: [{provider, scopes, probe, lease_ms, rpm, tpm, tokens, most_ms}]: may this question be asked, and when? scopes: breakers that the
-- worker knows as half-open: it needs to be their probe. Answers {"asks": [[why, wait_ms]], "rows"}; why null: it may, after wait_ms; else
-- "open", "probe" (somebody else is it) or "rate" (more than most_ms), and nothing was taken.
CREATE OR REPLACE FUNCTION agentd.health_admit(p_asks json) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp SET plan_cache_mode = force_generic_plan AS $$
DECLARE
	v_now timestamptz := agentd.clock();
	v_lease interval;
	v_most bigint;
	v_answers json[] := '{}';
	v_changed boolean := false;
	v_n bigint;
	v_why text;
	v_wait bigint;
	a json;
BEGIN
	PERFORM FROM provider_health h WHERE (h.provider, h.scope) IN (SELECT x ->> 'provider', s FROM json_array_elements(p_asks) x,
		json_array_elements_text(x -> 'scopes') s) ORDER BY h.provider, h.scope FOR UPDATE;
	INSERT INTO provider_rate (provider, calls_tat, tokens_tat, updated_at)
	SELECT DISTINCT x ->> 'provider' COLLATE "C", v_now, v_now, v_now FROM json_array_elements(p_asks) x
	WHERE (x ->> 'rpm')::bigint > 0 OR (x ->> 'tpm')::bigint > 0 ORDER BY 1 ON CONFLICT DO NOTHING;
	PERFORM FROM provider_rate p WHERE p.provider IN (SELECT x ->> 'provider' FROM json_array_elements(p_asks) x
		WHERE (x ->> 'rpm')::bigint > 0 OR (x ->> 'tpm')::bigint > 0) ORDER BY p.provider FOR UPDATE;
	v_now := agentd.clock();
	FOR a IN SELECT x FROM json_array_elements(p_asks) x LOOP
		v_lease := (a ->> 'lease_ms')::bigint * interval '1 millisecond';
		v_most := (a ->> 'most_ms')::bigint;
		SELECT r.why, r.wait_ms INTO v_why, v_wait FROM agentd.admit_health(a ->> 'provider', a -> 'scopes', (a ->> 'probe')::uuid,
			v_lease + v_most * interval '1 millisecond' + interval '5 seconds', v_now) r;
		IF v_why IS NULL THEN
			v_wait := 0;
			IF (a ->> 'rpm')::bigint > 0 OR (a ->> 'tpm')::bigint > 0 THEN
				v_wait := agentd.admit_rate(a ->> 'provider', (a ->> 'rpm')::bigint, (a ->> 'tpm')::bigint, (a ->> 'tokens')::bigint,
					v_most * interval '1 millisecond', v_now);
				v_why := CASE WHEN v_wait > v_most THEN 'rate' END;
			END IF;
		END IF;
		IF v_why IS NULL THEN
			UPDATE provider_health h SET probe = (a ->> 'probe')::uuid, probe_until = v_now + v_lease + v_wait * interval '1 millisecond',
				changed_at = v_now
			WHERE h.provider = a ->> 'provider' AND h.scope IN (SELECT s FROM json_array_elements_text(a -> 'scopes') s)
				AND h.opened_until IS NOT NULL;
			GET DIAGNOSTICS v_n = ROW_COUNT;
			v_changed := v_changed OR v_n > 0;
		END IF;
		v_answers := v_answers || json_build_array(v_why, v_wait);
	END LOOP;
	IF v_changed THEN
		PERFORM pg_notify('agentd_health', 'told');
	END IF;
	RETURN json_build_object('asks', array_to_json(v_answers), 'rows', (SELECT coalesce(json_agg(agentd.health_row(h, v_now)), '[]')
		FROM provider_health h WHERE (h.provider, h.scope) IN (SELECT x ->> 'provider', s FROM json_array_elements(p_asks) x,
			json_array_elements_text(x -> 'scopes') s)));
END $$;

-- An operator has mended what was wrong: the breakers of a provider close. Answers how many were not closed.
CREATE OR REPLACE FUNCTION agentd.health_close(p_provider text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp AS $$
DECLARE
	v_n bigint;
BEGIN
	PERFORM FROM provider_health h WHERE h.provider = p_provider ORDER BY h.scope FOR UPDATE;
	UPDATE provider_health h SET opened_until = NULL, opened_at = NULL, failures = 0, halves = 0, opens = 0, window_started = NULL,
		probe = NULL, probe_until = NULL, changed_at = agentd.clock()
	WHERE h.provider = p_provider AND h.opened_until IS NOT NULL;
	GET DIAGNOSTICS v_n = ROW_COUNT;
	IF v_n > 0 THEN
		PERFORM pg_notify('agentd_health', '');
	END IF;
	RETURN v_n;
END $$;
