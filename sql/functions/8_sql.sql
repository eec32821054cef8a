-- 8_sql.sql - the interface for programs that speak SQL, beside agentd.submit: agentd-sql(7).
--
-- Words:  a caller is its session's login role, principal "sql:ROLE". It sees and stops what it submitted, and nothing else.
-- Locks:  those of what is called.

-- Workers and web are trusted with the clock of their session, for tests; others are not: a task that says it was made next year
-- would outlive its retention.
CREATE OR REPLACE FUNCTION agentd.caller() RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
	IF current_setting('agentd.fake_now', true) <> '' AND NOT pg_has_role(session_user, 'agentd_owner', 'MEMBER') THEN
		RAISE EXCEPTION 'agentd.fake_now is for members of agentd_owner' USING ERRCODE = '42501';
	END IF;
	RETURN 'sql:' || session_user;
END $$;

CREATE OR REPLACE FUNCTION agentd.cancel(task uuid) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp AS $$
BEGIN
	RETURN agentd.cancel($1, agentd.caller(), false)::json;
END $$;

-- A retry or fork of a task of the caller's; the arguments in common.
CREATE OR REPLACE FUNCTION agentd.fork_of(p_kind text, p_task uuid, p_step text, p_input json, p_bundle text, p_repeat boolean, p_key
	text, p_id uuid)
RETURNS uuid LANGUAGE plpgsql AS $$
BEGIN
	RETURN (SELECT f.task FROM agentd.fork_task(coalesce(p_id, agentd.uuid_new()), p_kind, p_task, p_step, p_input, p_bundle,
		coalesce(p_repeat, false), p_key,
		sha256(convert_to(json_build_array(p_task, p_step, p_input, p_bundle, coalesce(p_repeat, false))::text, 'UTF8')),
			agentd.caller(), false) f);
END $$;

CREATE OR REPLACE FUNCTION agentd.retry(task uuid, step text DEFAULT NULL, input json DEFAULT NULL, bundle text DEFAULT NULL,
	repeat_effects boolean DEFAULT false, idempotency_key text DEFAULT NULL, id uuid DEFAULT NULL)
RETURNS uuid LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp AS $$
BEGIN
	RETURN agentd.fork_of('retry', $1, $2, $3, $4, $5, $6, $7);
END $$;

CREATE OR REPLACE FUNCTION agentd.fork(task uuid, step text DEFAULT NULL, input json DEFAULT NULL, bundle text DEFAULT NULL,
	repeat_effects boolean DEFAULT false, idempotency_key text DEFAULT NULL, id uuid DEFAULT NULL)
RETURNS uuid LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp AS $$
BEGIN
	RETURN agentd.fork_of('fork', $1, $2, $3, $4, $5, $6, $7);
END $$;

CREATE OR REPLACE FUNCTION agentd.task_view(task uuid) RETURNS json
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp AS $$
BEGIN
	RETURN agentd.task_view($1, agentd.caller(), false)::json;
END $$;

CREATE OR REPLACE FUNCTION agentd.task_list(workflow text DEFAULT NULL, state text DEFAULT NULL, label text DEFAULT NULL, value text DEFAULT NULL,
	before uuid DEFAULT NULL, max_rows integer DEFAULT 50)
RETURNS TABLE (id uuid, task_workflow text, task_state text, urgency text, labels json, cost_usd numeric, created_at timestamptz,
	finished_at timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY SELECT t.id, t.workflow, t.state, t.urgency, t.labels, t.cost_usd, t.created_at, t.finished_at
		FROM json_to_recordset(agentd.task_list($1, $2, $3, $4, $5, coalesce($6, 50), agentd.caller(), false)::json -> 'tasks')
			t(id uuid, workflow text, state text, urgency text, labels json, cost_usd numeric, created_at timestamptz, finished_at timestamptz);
END $$;
