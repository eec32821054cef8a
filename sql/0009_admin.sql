-- 0009_admin.sql - health, and who may call what.
--
-- Words:  roles are groups without login; a login role is made a member of one. Nobody but the owner has rights on
--         tables (reader: SELECT, read-only, 15 s).

CREATE FUNCTION agentd.schema_version() RETURNS integer LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, agentd, pg_temp AS $$
BEGIN
	RETURN (SELECT max(version) FROM schema_migrations);
END $$;

CREATE FUNCTION agentd.ping() RETURNS json LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp AS $$
	SELECT json_build_object('schema', agentd.schema_version(), 'now', agentd.rfc3339(agentd.clock()))
$$;

CREATE FUNCTION agentd.doctor() RETURNS json
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
	RETURN json_build_object('checks', array_to_json(v_checks));
END $$;

-- --- roles ---
DO $$
DECLARE
	v_role text;
	f record;
BEGIN
	FOREACH v_role IN ARRAY ARRAY['agentd_owner', 'agentd_web', 'agentd_worker', 'agentd_sweeper', 'agentd_reader'] LOOP
		IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = v_role) THEN
			BEGIN
				EXECUTE format('CREATE ROLE %I NOLOGIN', v_role);
			EXCEPTION
			WHEN duplicate_object OR unique_violation THEN NULL;	-- another database of this cluster was faster
			WHEN insufficient_privilege THEN
				RAISE EXCEPTION 'role "%" is missing and the migrating user may not create it', v_role
					USING HINT = 'create the roles agentd_owner, agentd_web, agentd_worker, agentd_sweeper and agentd_reader';
			END;
		END IF;
	END LOOP;
	FOR f IN SELECT p.oid::regprocedure AS name FROM pg_proc p WHERE p.pronamespace = 'agentd'::regnamespace LOOP
		EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', f.name);
	END LOOP;
END $$;

GRANT USAGE ON SCHEMA agentd TO agentd_owner, agentd_web, agentd_worker, agentd_sweeper, agentd_reader;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA agentd TO agentd_owner;
GRANT EXECUTE ON FUNCTION
	agentd.submit_batch(uuid[], text[], json[], text[], json[], json[], bigint[], bigint[], text[], text[], bytea[], text[], uuid[], json[]),
	agentd.task_view(uuid, text, boolean), agentd.task_list(text, text, text, text, uuid, integer, text, boolean),
	agentd.task_events(uuid, bigint, integer, text, boolean), agentd.task_states(uuid[]), agentd.cancel(uuid, text, boolean),
	agentd.reload(text[], bytea[], json[], json[]), agentd.bundle(bytea), agentd.workflows_list(), agentd.token_check(bytea),
	agentd.submit(text, json, text, json, json, timestamptz, timestamptz, text, uuid), agentd.ping() TO agentd_web;
GRANT EXECUTE ON FUNCTION
	agentd.worker_register(uuid, text, integer, text[], bigint, integer), agentd.heartbeat(uuid), agentd.claim(uuid, integer, integer),
	agentd.commit_steps(uuid[], integer[], integer[], smallint[], text[], bigint[], boolean[], json[], json[], integer[], integer[],
		text[], integer[], text[], text[], json[], bytea[], bigint[], bigint[], json, json, json),
	agentd.worker_leave(uuid), agentd.bundle(bytea), agentd.task_states(uuid[]), agentd.ping() TO agentd_worker;
GRANT EXECUTE ON FUNCTION
	agentd.sweep_expired_workers(json), agentd.sweep_due_timers(json), agentd.sweep_deadlines(json), agentd.sweep_expired_holds(json),
	agentd.sweep_partitions(json), agentd.sweep_retention(json), agentd.task_states(uuid[]), agentd.ping() TO agentd_sweeper;

GRANT SELECT ON ALL TABLES IN SCHEMA agentd TO agentd_reader;
REVOKE SELECT ON agentd.api_tokens FROM agentd_reader;
GRANT EXECUTE ON FUNCTION agentd.move_allowed(agentd.task_state, agentd.task_state) TO agentd_reader;
-- These take effect for the login role itself only; doctor of the deployment sets them there too.
ALTER ROLE agentd_reader SET statement_timeout = '15s';
ALTER ROLE agentd_reader SET default_transaction_read_only = on;
