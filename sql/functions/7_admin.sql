-- 7_admin.sql - health.

CREATE OR REPLACE FUNCTION agentd.schema_version() RETURNS integer LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, agentd, pg_temp AS $$
BEGIN
	RETURN (SELECT max(version) FROM schema_migrations);
END $$;

CREATE OR REPLACE FUNCTION agentd.ping() RETURNS json LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp AS $$
	SELECT json_build_object('schema', agentd.schema_version(), 'now', agentd.rfc3339(agentd.clock()))
$$;

CREATE OR REPLACE FUNCTION agentd.doctor() RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp AS $$
DECLARE
	v_checks json[] := '{}';
	s record;
	v_value text;
	v_age interval;
	v_n integer;
BEGIN
	v_n := current_setting('server_version_num')::integer / 10000;
	v_checks := v_checks || json_build_object('name', 'server', 'ok', v_n BETWEEN 15 AND 18, 'level', 'error',
		'detail', format('PostgreSQL %s, expected 15 to 18', current_setting('server_version')));
	v_checks := v_checks || json_build_object('name', 'schema', 'ok', true, 'level', 'error', 'detail', format('version %s', agentd.schema_version()));
	FOR s IN SELECT * FROM (VALUES ('fsync', 'on'), ('synchronous_commit', 'on'), ('full_page_writes', 'on'),
		('data_checksums', 'on'), ('data_sync_retry', 'off')) x(name, wanted)
	LOOP
		v_value := current_setting(s.name);
		v_checks := v_checks || json_build_object('name', s.name, 'ok', v_value = s.wanted, 'level', 'error',
			'detail', CASE WHEN v_value = s.wanted THEN v_value
				ELSE format('is %s, must be %s: acknowledged work could be lost', v_value, s.wanted) END);
	END LOOP;
	FOR s IN SELECT * FROM (VALUES ('vector', '0.8'), ('pg_trgm', '1.6')) x(name, wanted) LOOP
		v_value := (SELECT extversion FROM pg_extension WHERE extname = s.name);
		v_checks := v_checks || json_build_object('name', 'extension ' || s.name,
			'ok', coalesce(string_to_array(regexp_replace(v_value, '[^0-9.]', '', 'g'), '.')::integer[]
				>= string_to_array(s.wanted, '.')::integer[], false),
			'level', 'warning', 'detail', coalesce('version ' || v_value, 'not installed')
				|| format(', memory and recall need at least %s', s.wanted));
	END LOOP;
	v_age := (SELECT max(clock_timestamp() - a.xact_start) FROM pg_stat_activity a WHERE a.backend_xmin IS NOT NULL);
	v_checks := v_checks || json_build_object('name', 'oldest snapshot', 'ok', coalesce(v_age, '0') < interval '10 minutes', 'level', 'warning',
		'detail', format('%s s; an old one stops vacuum and slows the queue', round(extract(epoch FROM coalesce(v_age, '0')))));
	v_n := (SELECT count(DISTINCT leaf) / 2 FROM agentd.partitions() WHERE leaf > agentd.leaf_of(clock_timestamp(), 'long'));
	v_checks := v_checks || json_build_object('name', 'partitions ahead', 'ok', v_n >= 1, 'level', 'error',
		'detail', format('%s months, the sweeper keeps 3', v_n));
	v_checks := v_checks || json_build_object('name', 'notification queue', 'ok', pg_notification_queue_usage() < 0.01, 'level', 'warning',
		'detail', format('%s %% full', round((pg_notification_queue_usage() * 100)::numeric, 2)));
	SELECT count(*) INTO v_n FROM task_queue WHERE state = 'quarantined';
	v_checks := v_checks || json_build_object('name', 'quarantined tasks', 'ok', v_n = 0, 'level', 'warning', 'detail', v_n::text);
	SELECT count(*) INTO v_n FROM task_queue WHERE state = 'uncertain';
	v_checks := v_checks || json_build_object('name', 'uncertain tasks', 'ok', v_n = 0, 'level', 'warning', 'detail', v_n::text);
	SELECT count(*) INTO v_n FROM task_queue q WHERE q.state = 'running'
		AND NOT EXISTS (SELECT FROM workers w WHERE w.id = q.worker AND w.ended_at IS NULL AND w.lease_until > agentd.clock() - interval '1 minute');
	v_checks := v_checks || json_build_object('name', 'tasks without a lease', 'ok', v_n = 0, 'level', 'error',
		'detail', format('%s; does a sweeper run?', v_n));
	v_checks := v_checks || agentd.lanes_checks();
	RETURN json_build_object('checks', array_to_json(v_checks));
END $$;
