-- 9_roles.sql - who may call what.
--
-- Words:  roles are groups without login; a login role is made a member of one. Nobody but the owner has rights on
--         tables (reader: SELECT, read-only, 15 s). A function that is not named here is the owner's alone.

DO $$
DECLARE
	v_role text;
	f record;
BEGIN
	FOREACH v_role IN ARRAY ARRAY['agentd_owner', 'agentd_web', 'agentd_worker', 'agentd_sweeper', 'agentd_reader', 'agentd_submitter',
		'agentd_client'] LOOP
		IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = v_role) THEN
			BEGIN
				EXECUTE format('CREATE ROLE %I NOLOGIN', v_role);
			EXCEPTION
			WHEN duplicate_object OR unique_violation THEN NULL;	-- another database of this cluster was faster
			WHEN insufficient_privilege THEN
				RAISE EXCEPTION 'role "%" is missing and the migrating user may not create it', v_role
					USING HINT = 'create the roles agentd_owner, agentd_web, agentd_worker, agentd_sweeper, agentd_reader, '
						|| 'agentd_submitter and agentd_client';
			END;
		END IF;
	END LOOP;
	FOR f IN SELECT p.oid::regprocedure AS name FROM pg_proc p WHERE p.pronamespace = 'agentd'::regnamespace LOOP
		EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', f.name);
	END LOOP;
END $$;

GRANT USAGE ON SCHEMA agentd TO agentd_owner, agentd_web, agentd_worker, agentd_sweeper, agentd_reader, agentd_submitter,
	agentd_client;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA agentd TO agentd_owner;
GRANT EXECUTE ON FUNCTION
	agentd.submit_batch(uuid[], text[], json[], text[], json[], json[], bigint[], bigint[], text[], text[], bytea[], text[], uuid[], json[], uuid, integer,
		integer, json[], agentd.workflows[]),
	agentd.task_view(uuid, text, boolean), agentd.task_view_ended(uuid, text, boolean), agentd.task_list(text, text, text, text, uuid, integer, text, boolean),
	agentd.task_why(uuid, text, boolean), agentd.task_trace(uuid, text, boolean), agentd.cost(text, text, bigint, bigint, text, text, boolean), agentd.spend(text, boolean),
	agentd.events_of_task(uuid, bigint, bigint, integer, integer, text, boolean), agentd.events_of_all(bigint, bigint, bigint, integer, integer),
	agentd.task_events(uuid, bigint, integer, text, boolean),
	agentd.events_news(uuid[]), agentd.events_watch(), agentd.task_states(uuid[]), agentd.cancel(uuid, text, boolean),
	agentd.redrive(uuid, text, boolean), agentd.fork_facts(uuid, text, text, boolean, text, text, boolean),
	agentd.fork_task(uuid, text, uuid, text, json, text, boolean, text, bytea, text, boolean), agentd.purge(uuid, text, boolean),
	agentd.workflow_pause(text, text, boolean), agentd.workflow_settle(text), agentd.input_schema(text, text, text, text),
	agentd.reconcile(uuid, text, text, json, integer, uuid, text, boolean, integer),
	agentd.approval_view(uuid, text, boolean), agentd.approval_list(text, uuid, uuid, integer, text, boolean),
	agentd.decide_approval(uuid, text, bytea, text, json, bytea, json, text),
	agentd.file_chunk(uuid, integer, bytea, json), agentd.file_end(uuid, bytea, bigint, json), agentd.file_read(uuid, integer),
	agentd.artifacts_attach(uuid, uuid[], text[], text[], uuid[], json), agentd.artifacts_discard(uuid),
	agentd.files_discard(uuid[], bigint[]),
	agentd.artifact_may_come(uuid, text, boolean), agentd.artifact_upload(uuid, uuid, text, text, uuid, json, text, boolean),
	agentd.artifact_list(uuid, text, boolean), agentd.artifact_find(uuid, uuid, text, text, boolean),
	agentd.link_view(uuid, bytea, text), agentd.decide_by_link(uuid, bytea, text, text, text, json), agentd.webhooks_of_task(uuid, text, boolean),
	agentd.reload(text[], bytea[], json[], json[]), agentd.bundle(bytea), agentd.workflows_list(), agentd.workflow_show(text), agentd.lanes_list(), agentd.token_check(bytea),
	agentd.door_commit(uuid[], text[], json, json, json),
	agentd.submit(text, json, text, json, json, timestamptz, timestamptz, text, uuid, json), agentd.ping() TO agentd_web;
GRANT EXECUTE ON FUNCTION
	agentd.worker_register(uuid, text, integer, text[], bigint, integer), agentd.heartbeat(uuid), agentd.claim(uuid, integer, integer),
	agentd.commit_steps(uuid[], integer[], integer[], smallint[], text[], bigint[], boolean[], json[], json[], integer[], integer[],
		text[], integer[], text[], text[], json[], bytea[], bigint[], bigint[], json, json, json, json),
	agentd.effect_read(uuid, bytea), agentd.approval_read(uuid, uuid), agentd.reconcile_by_tool(uuid, integer, text, text, json, integer, uuid),
	agentd.file_chunk(uuid, integer, bytea, json), agentd.file_end(uuid, bytea, bigint, json), agentd.file_read(uuid, integer),
	agentd.artifact_write(uuid, integer, uuid, text, text, uuid, text, bytea, json),
	agentd.artifact_list(uuid, text, boolean), agentd.artifact_find(uuid, uuid, text, text, boolean),
	agentd.worker_leave(uuid), agentd.caps_told(json), agentd.bundle(bytea), agentd.task_states(uuid[]), agentd.ping() TO agentd_worker;
GRANT EXECUTE ON FUNCTION agentd.probes(), agentd.holds_open() TO agentd_web, agentd_worker;
GRANT EXECUTE ON FUNCTION
	agentd.sweep_expired_workers(json), agentd.sweep_due_timers(json), agentd.sweep_deadlines(json), agentd.sweep_expired_holds(json),
	agentd.sweep_approvals(json), agentd.sweep_partitions(json), agentd.sweep_retention(json), agentd.leaves_over(json), agentd.leaf_forget(integer), agentd.sweep_event_feed(json), agentd.sweep_artifacts(json), agentd.sweep_admission(json), agentd.sweep_paused(json), agentd.places(), agentd.task_states(uuid[]), agentd.ping() TO agentd_sweeper;

GRANT EXECUTE ON FUNCTION agentd.webhook_targets(json), agentd.webhook_claim(uuid, text[], integer, integer, integer, integer),
	agentd.webhook_done(uuid, uuid, integer, text, integer, text, bigint) TO agentd_sweeper;
GRANT EXECUTE ON FUNCTION agentd.health_read(), agentd.health_report(json, json, json), agentd.health_admit(json) TO agentd_web, agentd_worker;
GRANT EXECUTE ON FUNCTION agentd.count_report(uuid, bigint, json, json) TO agentd_web, agentd_worker, agentd_sweeper;
GRANT EXECUTE ON FUNCTION agentd.metrics() TO agentd_web;

-- For programs that speak SQL themselves (agentd-sql(7)).
GRANT EXECUTE ON FUNCTION agentd.submit(text, json, text, json, json, timestamptz, timestamptz, text, uuid, json) TO agentd_submitter, agentd_client;
GRANT EXECUTE ON FUNCTION agentd.retry(uuid, text, json, text, boolean, text, uuid), agentd.fork(uuid, text, json, text, boolean, text,
	uuid),
	agentd.cancel(uuid), agentd.task_view(uuid), agentd.task_list(text, text, text, text, uuid, integer) TO agentd_client;

GRANT SELECT ON ALL TABLES IN SCHEMA agentd TO agentd_reader;
REVOKE SELECT ON agentd.api_tokens FROM agentd_reader;
GRANT EXECUTE ON FUNCTION agentd.move_allowed(agentd.task_state, agentd.task_state) TO agentd_reader;
-- Settings of a role are not inherited: each login role that is a member has its own, set here for those that exist.
DO $$
DECLARE
	v_role text;
BEGIN
	FOR v_role IN SELECT r.rolname FROM pg_roles r WHERE r.rolname = 'agentd_reader' OR r.rolcanlogin AND NOT r.rolsuper
		AND pg_has_role(r.oid, 'agentd_reader', 'MEMBER') AND NOT pg_has_role(r.oid, 'agentd_owner', 'MEMBER')
	LOOP
		EXECUTE format('ALTER ROLE %I SET statement_timeout = ''15s''', v_role);
		EXECUTE format('ALTER ROLE %I SET default_transaction_read_only = on', v_role);
	END LOOP;
EXCEPTION WHEN insufficient_privilege THEN
	RAISE NOTICE 'the settings of readers were not set: doctor names them';
END $$;
