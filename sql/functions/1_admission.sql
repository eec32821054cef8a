-- 1_admission.sql - admission control: a sweeper measures, submissions and claims look.
--
-- Words:  as in 0014: level 1 refuses submissions, 2 stops claims, 3 stops files too. A cause is one thing that is measured. It
--         reaches a level at its threshold and leaves it at the one below: what hovers does not flap.
-- Time:   a verdict holds for a minute, or three intervals of its sweeper where those are longer. When no sweeper renews it,
--         it lapses and the door is open: a dead sweeper must not stop the house, and a database that is really full refuses by
--         itself, so nothing that was acknowledged is lost.
-- Locks:  the source's row in admission.

-- Why work of this level does not come in now, or null. Its callers are hot and have set how to plan.
CREATE OR REPLACE FUNCTION agentd.admission_why(p_level integer, p_now timestamptz) RETURNS text
LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN (SELECT a.why FROM agentd.admission a WHERE a.level > 0 AND a.level >= p_level AND a.holds_until > p_now LIMIT 1);
END $$;

-- Of submissions that have no status yet: those that are new, not an earlier one sent again; their places in the call.
CREATE OR REPLACE FUNCTION agentd.submissions_new(p_id uuid[], p_key text[], p_route text[], p_principal text[], p_status text[])
RETURNS bigint[] LANGUAGE plpgsql STABLE SET jit = off SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
	v_leaves smallint[] := agentd.leaves_of(ARRAY(SELECT s.id FROM unnest(p_id, p_status) s(id, status) WHERE s.status IS NULL));
BEGIN
	RETURN ARRAY(
		SELECT s.ord FROM unnest(p_id, p_key, p_route, p_principal, p_status)
			WITH ORDINALITY s(id, key, route, principal, status, ord)
		WHERE s.status IS NULL
			AND NOT EXISTS (SELECT FROM agentd.idempotency_keys k
				WHERE k.principal = s.principal AND k.route = s.route AND k.key = s.key)
			AND NOT EXISTS (SELECT FROM agentd.tasks t WHERE t.id = s.id AND t.leaf = ANY (v_leaves)));
END $$;

-- Where this server keeps its files, for a sweeper on the same host; null where it is elsewhere, or we may not know.
CREATE OR REPLACE FUNCTION agentd.places() RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp AS $$
BEGIN
	RETURN json_build_object('data', CASE WHEN inet_server_addr() IS NULL AND pg_has_role(current_user, 'pg_read_all_settings', 'USAGE')
		THEN current_setting('data_directory') END);
END $$;

CREATE OR REPLACE FUNCTION agentd.admission_level(p_value numeric, p_rise numeric[], p_fall numeric[], p_before integer) RETURNS integer
LANGUAGE sql IMMUTABLE AS $$
	SELECT coalesce(max(i), 0) FROM generate_subscripts(p_rise, 1) i
	WHERE p_value >= p_rise[i] OR i <= p_before AND p_value > p_fall[i]
$$;

-- p: {source, interval_ms, disks: [{name, path, permille, error?}], refuse_at, resume_at, stop_claims_at, stop_files_at (permille),
-- queue_depth, archiver_ms, wal_bytes}; a limit of 0 is none, wal_bytes 0 four times what the server keeps by itself.
-- Answers {level, was, why, causes}.
CREATE OR REPLACE FUNCTION agentd.sweep_admission(p json) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp SET jit = off SET plan_cache_mode = force_custom_plan AS $$
DECLARE
	v_now timestamptz := agentd.clock();
	v_old admission;
	v_names text[] := '{}';
	v_levels integer[] := '{}';
	v_details text[] := '{}';
	v_whys text[] := '{}';
	v_since timestamptz;
	v_limit bigint;
	v_n bigint;
	v_before integer;
	v_level integer;
	v_causes json;
	v_why text;
	a pg_stat_archiver;
	d record;
BEGIN
	SELECT * INTO v_old FROM admission WHERE source = p ->> 'source' FOR NO KEY UPDATE;

	FOR d IN SELECT * FROM json_to_recordset(p -> 'disks') x(name text, path text, permille integer, error text) LOOP
		v_before := coalesce((SELECT (c ->> 'level')::integer FROM json_array_elements(v_old.causes) c
			WHERE c ->> 'name' = 'disk ' || d.name), 0);
		v_names := v_names || ('disk ' || d.name);
		v_levels := v_levels || coalesce(agentd.admission_level(d.permille,
			ARRAY[(p ->> 'refuse_at')::integer, (p ->> 'stop_claims_at')::integer, (p ->> 'stop_files_at')::integer]::numeric[],
			ARRAY[(p ->> 'resume_at')::integer, (p ->> 'refuse_at')::integer, (p ->> 'stop_claims_at')::integer]::numeric[],
			v_before), 0);
		v_details := v_details || CASE WHEN d.error IS NOT NULL THEN format('%s: %s', d.path, d.error)
			ELSE format('%s %% full, %s', round(d.permille / 10.0, 1), d.path) END;
		v_whys := v_whys || format('the disk of the %s is %s %% full',
			CASE d.name WHEN 'data' THEN 'database' WHEN 'wal' THEN 'write-ahead log'
			ELSE d.name END, round(d.permille / 10.0, 1));
	END LOOP;

	-- Counted only where a guess says that it matters: the statistics know all rows, the limit is for those that are ready.
	v_limit := coalesce((p ->> 'queue_depth')::bigint, 0);
	IF v_limit > 0 THEN
		v_before := coalesce((SELECT (c ->> 'level')::integer FROM json_array_elements(v_old.causes) c
			WHERE c ->> 'name' = 'queue'), 0);
		v_n := greatest(pg_stat_get_live_tuples('agentd.task_queue'::regclass),
			(SELECT reltuples::bigint FROM pg_class WHERE oid = 'agentd.task_queue'::regclass), 0);
		IF v_limit <= 10000 OR v_n >= v_limit / 10 * 8 THEN
			SELECT count(*) INTO v_n FROM (SELECT FROM task_queue WHERE state = 'ready' LIMIT v_limit) x;
			v_details := v_details || format('%s%s tasks are ready, the limit is %s',
				CASE WHEN v_n = v_limit THEN 'at least ' END, v_n, v_limit);
		ELSE
			v_details := v_details || format('about %s tasks, the limit is %s ready ones', v_n, v_limit);
			v_n := 0;
		END IF;
		v_names := v_names || 'queue'::text;
		v_levels := v_levels || agentd.admission_level(v_n, ARRAY[v_limit]::numeric[], ARRAY[v_limit * 0.9]::numeric[], v_before);
		v_whys := v_whys || format('%s tasks wait for a worker', v_n);
	END IF;

	-- The server tells its last failure, not its first since a success: that is what we remember.
	SELECT * INTO a FROM pg_stat_archiver;
	IF coalesce((p ->> 'archiver_ms')::bigint, 0) > 0 AND current_setting('archive_mode') <> 'off' THEN
		IF a.last_failed_time > coalesce(a.last_archived_time, '-infinity') THEN
			v_since := coalesce((SELECT (c ->> 'since')::timestamptz FROM json_array_elements(v_old.causes) c
				WHERE c ->> 'name' = 'archiver'),
				a.last_failed_time);
		END IF;
		v_names := v_names || 'archiver'::text;
		v_levels := v_levels || (coalesce(v_now - v_since > (p ->> 'archiver_ms')::bigint *
			interval '1 millisecond', false))::integer;
		v_details := v_details || CASE WHEN v_since IS NULL THEN 'archives'
			ELSE format('fails since %s, last at %s', agentd.rfc3339(v_since), a.last_failed_wal) END;
		v_whys := v_whys || format('the archiver of the write-ahead log fails since %s', agentd.rfc3339(v_since));
	END IF;

	IF has_function_privilege('pg_ls_waldir()', 'EXECUTE') THEN
		v_before := coalesce((SELECT (c ->> 'level')::integer FROM json_array_elements(v_old.causes) c
			WHERE c ->> 'name' = 'wal'), 0);
		v_limit := coalesce(nullif((p ->> 'wal_bytes')::bigint, 0), 4 * (pg_size_bytes(current_setting('max_wal_size'))
			+ pg_size_bytes(current_setting('wal_keep_size'))));
		SELECT coalesce(sum(size), 0) INTO v_n FROM pg_ls_waldir();
		v_names := v_names || 'wal'::text;
		v_levels := v_levels || agentd.admission_level(v_n, ARRAY[v_limit]::numeric[], ARRAY[v_limit * 0.9]::numeric[], v_before);
		v_details := v_details || format('%s, the limit is %s', pg_size_pretty(v_n), pg_size_pretty(v_limit));
		v_whys := v_whys || format('the write-ahead log takes %s', pg_size_pretty(v_n));
	END IF;

	SELECT coalesce(json_agg(json_strip_nulls(json_build_object('name', c.name, 'level', c.level, 'detail', c.detail,
			'since', CASE WHEN c.name = 'archiver' THEN v_since END)) ORDER BY c.ord), '[]'),
		coalesce(max(c.level), 0), (array_agg(c.why ORDER BY c.level DESC, c.ord))[1]
	INTO v_causes, v_level, v_why
	FROM unnest(v_names, v_levels, v_details, v_whys) WITH ORDINALITY c(name, level, detail, why, ord);
	v_why := CASE WHEN v_level > 0 THEN v_why END;
	INSERT INTO admission (source, measured_at, holds_until, level, why, causes)
	VALUES (p ->> 'source', v_now, v_now + greatest(60000, 3 * (p ->> 'interval_ms')::bigint) * interval '1 millisecond',
		v_level, v_why, v_causes)
	ON CONFLICT (source) DO UPDATE SET measured_at = excluded.measured_at, holds_until = excluded.holds_until,
		level = excluded.level, why = excluded.why, causes = excluded.causes;
	IF v_level < coalesce(v_old.level, 0) THEN
		PERFORM pg_notify('agentd_work', '');	-- workers may claim again
	END IF;
	DELETE FROM admission x WHERE x.measured_at < v_now - interval '1 day';
	RETURN json_build_object('level', v_level, 'was', coalesce(v_old.level, 0), 'why', v_why, 'causes', v_causes);
END $$;
