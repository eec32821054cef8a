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
	v_archiver pg_stat_archiver;
BEGIN
	v_n := current_setting('server_version_num')::integer / 10000;
	v_checks := v_checks || json_build_object('name', 'server', 'ok', v_n BETWEEN 15 AND 18, 'level', 'error',
		'detail', format('PostgreSQL %s, expected 15 to 18', current_setting('server_version')));
	v_checks := v_checks || json_build_object('name', 'schema', 'ok', true, 'level', 'error',
		'detail', format('version %s', agentd.schema_version()));
	-- The daemon refuses the first two (src/store/admin.c). Its sessions commit synchronously whatever the default; those of others
	-- that call agentd.submit do not.
	FOR s IN SELECT * FROM (VALUES ('fsync', 'on', true), ('full_page_writes', 'on', true), ('synchronous_commit', 'off', false),
		('data_checksums', 'on', true), ('data_sync_retry', 'off', true)) x(name, word, wanted)
	LOOP
		v_value := (SELECT reset_val FROM pg_settings WHERE name = s.name);
		v_checks := v_checks || json_build_object('name', s.name, 'ok', (v_value = s.word) = s.wanted, 'level', 'error',
			'detail', CASE WHEN (v_value = s.word) = s.wanted THEN v_value
				ELSE format('is %s, must %sbe %s: acknowledged work could be lost',
					v_value, CASE WHEN NOT s.wanted THEN 'not ' ELSE '' END, s.word) END);
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
	v_checks := v_checks || json_build_object('name', 'oldest snapshot', 'ok', coalesce(v_age, '0') < interval '10 minutes',
		'level', 'warning',
		'detail', format('%s s; an old one stops vacuum and slows the queue', round(extract(epoch FROM coalesce(v_age, '0')))));
	v_n := (SELECT count(*) FROM pg_prepared_xacts WHERE prepared < clock_timestamp() - interval '10 minutes')
		+ (SELECT count(*) FROM pg_replication_slots WHERE NOT active);
	v_checks := v_checks || json_build_object('name', 'left behind', 'ok', v_n = 0, 'level', 'warning',
		'detail', format(
			'%s prepared transactions and replication slots that nobody uses; they hold vacuum and the write-ahead log', v_n));
	SELECT * INTO v_archiver FROM pg_stat_archiver;
	v_checks := v_checks || json_build_object('name', 'archiver', 'ok', current_setting('archive_mode') <> 'off'
			AND NOT coalesce(v_archiver.last_failed_time > coalesce(v_archiver.last_archived_time, '-infinity'), false),
		'level', 'warning',
		'detail', CASE WHEN current_setting('archive_mode') = 'off' THEN 'off: what is lost since the last backup is lost'
			ELSE format('last success %s, last failure %s', coalesce(agentd.rfc3339(v_archiver.last_archived_time), 'never'),
				coalesce(agentd.rfc3339(v_archiver.last_failed_time), 'never')) END);
	v_n := (SELECT count(*) FROM admission WHERE holds_until > agentd.clock());
	v_checks := v_checks || json_build_object('name', 'admission', 'ok', v_n > 0, 'level', 'warning',
		'detail', CASE WHEN v_n > 0 THEN format('measured by %s',
				(SELECT string_agg(source, ', ' ORDER BY source) FROM admission WHERE holds_until > agentd.clock()))
			ELSE 'nobody measures disks and queue: does a sweeper run?' END);
	FOR s IN SELECT m.source, c.name, c.level, c.detail
		FROM admission m, json_to_recordset(m.causes) c(name text, level integer, detail text)
		WHERE m.holds_until > agentd.clock() ORDER BY m.source, c.name
	LOOP
		v_checks := v_checks || json_build_object('name', s.name, 'ok', s.level = 0, 'level', 'error',
			'detail', s.detail || ', seen by ' || s.source
			|| CASE s.level WHEN 0 THEN '' WHEN 1 THEN ': no submissions' WHEN 2 THEN ': no submissions, no claims'
				ELSE ': no submissions, no claims, no files' END);
	END LOOP;
	FOR s IN SELECT r.rolname, array_to_string(coalesce(d.setconfig, '{}'), ' ') AS config
		FROM pg_roles r LEFT JOIN pg_db_role_setting d ON d.setrole = r.oid AND d.setdatabase = 0
		WHERE r.rolcanlogin AND NOT r.rolsuper AND pg_has_role(r.oid, 'agentd_reader', 'MEMBER')
			AND NOT pg_has_role(r.oid, 'agentd_owner', 'MEMBER')
		ORDER BY r.rolname
	LOOP
		v_checks := v_checks || json_build_object('name', 'reader ' || s.rolname, 'level', 'warning',
			'ok', s.config ~ 'statement_timeout=' AND s.config ~ 'default_transaction_read_only=(on|true)',
			'detail', CASE WHEN s.config ~ 'statement_timeout=' AND s.config ~ 'default_transaction_read_only=(on|true)'
				THEN s.config
				ELSE format('ALTER ROLE %I SET statement_timeout = ''15s''; '
					'ALTER ROLE %I SET default_transaction_read_only = on', s.rolname, s.rolname) END);
	END LOOP;
	v_n := (SELECT count(DISTINCT leaf) / 2 FROM agentd.partitions() WHERE leaf > agentd.leaf_of(clock_timestamp(), 'long'));
	v_checks := v_checks || json_build_object('name', 'partitions ahead', 'ok', v_n >= 1, 'level', 'error',
		'detail', format('%s months, the sweeper keeps 3', v_n));
	v_checks := v_checks || json_build_object('name', 'notification queue', 'ok', pg_notification_queue_usage() < 0.01,
		'level', 'warning',
		'detail', format('%s %% full', round((pg_notification_queue_usage() * 100)::numeric, 2)));
	SELECT count(*) INTO v_n FROM task_queue WHERE state = 'quarantined';
	v_checks := v_checks || json_build_object('name', 'quarantined tasks', 'ok', v_n = 0, 'level', 'warning', 'detail', v_n::text);
	SELECT count(*) INTO v_n FROM task_queue WHERE state = 'uncertain';
	v_checks := v_checks || json_build_object('name', 'uncertain tasks', 'ok', v_n = 0, 'level', 'warning', 'detail', v_n::text);
	SELECT count(*) INTO v_n FROM task_queue q WHERE q.state = 'running'
		AND NOT EXISTS (SELECT FROM workers w WHERE w.id = q.worker AND w.ended_at IS NULL
			AND w.lease_until > agentd.clock() - interval '1 minute');
	v_checks := v_checks || json_build_object('name', 'tasks without a lease', 'ok', v_n = 0, 'level', 'error',
		'detail', format('%s; does a sweeper run?', v_n));
	v_checks := v_checks || agentd.lanes_checks();
	RETURN json_build_object('checks', array_to_json(v_checks), 'now', agentd.rfc3339(clock_timestamp()));
END $$;
