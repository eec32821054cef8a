-- 1_submit.sql - submissions: one transaction writes the key, the task and its queue row.
--
-- Words:  a submission names a workflow and pins its active bundle; replayed: the answer of an earlier one.
--         A key is the caller's Idempotency-Key within (principal, route); request is the SHA-256 of the
--         canonical request.
-- Locks:  the word of pauses (2_lanes.sql), idempotency_keys in key order, blobs and blob_refs by digest, tasks, the worker that is to start them, task_queue.

-- Why a submission's budget is not acceptable (it may lower the workflow's, never raise it), or null.
CREATE OR REPLACE FUNCTION agentd.budget_problem(p_own json, p_limit json) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	v_key text;
	v_value json;
BEGIN
	IF json_typeof(p_own) <> 'object' THEN
		RETURN format('"budget": expected object, got %s', json_typeof(p_own));
	END IF;
	FOR v_key, v_value IN SELECT * FROM json_each(p_own) LOOP
		IF v_key NOT IN ('usd', 'wall_ms', 'turns', 'calls') THEN
			RETURN format('"budget": unknown key "%s", expected usd, wall_ms, turns or calls', v_key);
		ELSIF v_key = 'usd' AND (v_value #>> '{}') !~ '^[0-9]{1,6}(\.[0-9]{1,12})?$' THEN
			RETURN format('"budget.usd": expected a decimal below 1000000 with at most 12 places, got %s', v_value);
		ELSIF v_key <> 'usd' AND (v_value #>> '{}') !~ '^[0-9]{1,15}$' THEN
			RETURN format('"budget.%s": expected a whole number, got %s', v_key, v_value);
		ELSIF (v_value #>> '{}')::numeric > (p_limit ->> v_key)::numeric THEN
			RETURN format('"budget.%s": %s is more than the workflow''s %s, a submission may only lower it',
				v_key, v_value #>> '{}', p_limit ->> v_key);
		END IF;
	END LOOP;
	RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION agentd.budget_effective(p_own json, p_limit json) RETURNS json LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	IF p_own IS NULL THEN
		RETURN p_limit;
	END IF;
	RETURN (SELECT json_object_agg(k, coalesce(p_own -> k, p_limit -> k))
		FROM unnest(ARRAY['usd', 'wall_ms', 'turns', 'calls']) k
		WHERE coalesce(p_own -> k, p_limit -> k) IS NOT NULL);
END $$;

CREATE OR REPLACE FUNCTION agentd.labels_problem(p json) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	v_key text;
	v_value json;
	v_n integer := 0;
BEGIN
	IF json_typeof(p) <> 'object' THEN
		RETURN format('"labels": expected object, got %s', json_typeof(p));
	END IF;
	FOR v_key, v_value IN SELECT * FROM json_each(p) LOOP
		v_n := v_n + 1;
		IF length(v_key) NOT BETWEEN 1 AND 63 THEN
			RETURN format('"labels": expected keys of 1 to 63 characters, got "%s"', left(v_key, 80));
		ELSIF json_typeof(v_value) <> 'string' OR length(v_value #>> '{}') > 255 THEN
			RETURN format('"labels.%s": expected a text of at most 255 characters', v_key);
		END IF;
	END LOOP;
	RETURN CASE WHEN v_n > 64 THEN format('"labels": expected at most 64, got %s', v_n) END;
END $$;

-- Values above 64 KiB are kept once by the digest of their text.
CREATE OR REPLACE FUNCTION agentd.is_large(p json) RETURNS boolean LANGUAGE sql STABLE AS $$
	SELECT pg_column_size(p) > 65536 + 4
$$;
CREATE OR REPLACE FUNCTION agentd.blob_digest(p json) RETURNS bytea LANGUAGE sql STABLE AS $$
	SELECT sha256(convert_to(p::text, 'UTF8'))
$$;
CREATE OR REPLACE FUNCTION agentd.blob_value(p_blob bytea) RETURNS json LANGUAGE sql STABLE AS $$
	SELECT b.content::json FROM agentd.blobs b WHERE b.digest = p_blob
$$;
CREATE OR REPLACE FUNCTION agentd.value_of(p json, p_blob bytea) RETURNS json LANGUAGE sql STABLE AS $$
	SELECT CASE WHEN p_blob IS NULL THEN p ELSE agentd.blob_value(p_blob) END
$$;
-- Keeps the large ones among these values; tasks[i] refers to values[i].
CREATE OR REPLACE FUNCTION agentd.blobs_keep(p_task uuid[], p_value json[], p_now timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
	WITH large AS MATERIALIZED (
		SELECT v.task, agentd.blob_digest(v.value) AS digest, v.value::text AS content
		FROM unnest(p_task, p_value) v(task, value) WHERE agentd.is_large(v.value)
	), kept AS (
		INSERT INTO agentd.blobs (digest, created_at, content)
		SELECT DISTINCT ON (digest) digest, p_now, content FROM large ORDER BY digest
		ON CONFLICT (digest) DO UPDATE SET created_at = excluded.created_at
	)
	INSERT INTO agentd.blob_refs (task, digest)
	SELECT DISTINCT task, digest FROM large ORDER BY digest, task
	ON CONFLICT DO NOTHING;
END $$;

CREATE OR REPLACE FUNCTION agentd.priority_of(p_urgency text) RETURNS smallint LANGUAGE sql IMMUTABLE AS $$
	SELECT (CASE p_urgency WHEN 'high' THEN 0 WHEN 'low' THEN 20 ELSE 10 END)::smallint
$$;

CREATE OR REPLACE FUNCTION agentd.submitted_body(p_id uuid, p_state agentd.task_state, p_workflow text, p_bundle bytea, p_at timestamptz)
RETURNS text LANGUAGE sql STABLE AS $$
	SELECT '{"id":"' || p_id || '","state":"' || p_state || '","workflow":' || to_json(p_workflow)
		|| ',"bundle":"' || encode(p_bundle, 'hex') || '","created_at":"' || agentd.rfc3339(p_at) || '"}'
$$;

-- It reads nothing but by whole keys (LATERAL with LIMIT: never the other way round), so one plan serves for ever;
-- planning anew took half of a single submission.
-- A worker in the process that takes submissions in may start p_room of the new ones at once (p_worker, p_claim as in claim()): then
-- this is their claim, too, and what an attempt needs to know is answered with them (taken).
-- Answers one row per submission: status new | replayed | not_found | invalid | refused (by admission) | key_conflict | id_conflict |
-- clock (the id is not of the present time, which is in body as microseconds; with another id it may be sent again).
-- p_flow: the programs, where they are not the active ones of these workflows (5_control.sql).
DROP FUNCTION IF EXISTS agentd.submit_batch(uuid[], text[], json[], text[], json[], json[], bigint[], bigint[], text[], text[], bytea[],
	text[], uuid[], json[]), agentd.submit_batch(uuid[], text[], json[], text[], json[], json[], bigint[], bigint[], text[], text[],
		bytea[],
	text[], uuid[], json[], uuid, integer, integer);	-- as it was before p_worker, before p_webhook
CREATE OR REPLACE FUNCTION agentd.submit_batch(p_id uuid[], p_workflow text[], p_input json[], p_urgency text[], p_labels json[],
	p_budget json[], p_run_at bigint[], p_deadline bigint[], p_key text[], p_route text[], p_request bytea[],
	p_principal text[], p_parent uuid[] DEFAULT NULL, p_origin json[] DEFAULT NULL, p_worker uuid DEFAULT NULL,
	p_claim integer DEFAULT NULL, p_room integer DEFAULT 0, p_webhook json[] DEFAULT NULL,
	p_flow agentd.workflows[] DEFAULT NULL)
RETURNS TABLE (ord bigint, status text, task uuid, state text, body text, message text, taken boolean, bundle bytea, budget json,
	created_us bigint, deadline_us bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan
	SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
DECLARE
	v_xid xid8 := pg_current_xact_id();	-- before the look at the watch, see 2_feed.sql
	v_now timestamptz := agentd.clock();
	v_status text[];
	v_message text[];
	v_task uuid[] := p_id;
	v_state text[];
	v_body text[];
	v_flow workflows[];
	v_lo uuid := agentd.uuid_at(greatest(clock_timestamp() - interval '25 days', 'epoch'));
	v_hi uuid := agentd.uuid_at(clock_timestamp() + interval '25 days');
	v_leaves smallint[];
	v_fresh uuid[];
	v_keyed uuid[];
	v_n integer := cardinality(p_id);
	v_new bigint;
	v_leaf smallint[];
	v_until timestamptz[];
	v_one smallint;
	v_other smallint;
	v_hit record;
	r record;
	v_why text := agentd.admission_why(1, v_now);
	v_ord bigint;
	v_lanes text[];		-- that the worker serves
	v_serves smallint;
	v_taken boolean[];
	v_left integer := p_room;
	v_fed boolean;
BEGIN
	IF NOT pg_try_advisory_xact_lock_shared(hashtext('agentd.pauses')) THEN
		PERFORM agentd.pauses_hold();
	END IF;
	-- A loop spares a batch seven aggregates and a sort, and costs a single submission no more.
	FOR r IN
		SELECT i, CASE WHEN p_flow IS NULL THEN w ELSE p_flow[i] END AS flow,
			CASE WHEN (timestamptz 'epoch' + nullif(p_run_at[i], 0) * interval '1 microsecond') > v_now THEN 'waiting_timer' ELSE 'ready' END
				AS state,
			least((timestamptz 'epoch' + nullif(p_deadline[i], 0) * interval '1 microsecond'),
				v_now + (CASE WHEN p_flow IS NULL THEN w.budget ELSE (p_flow[i]).budget END ->> 'wall_ms')::bigint
					* interval '1 millisecond') AS until,
			CASE WHEN p_id[i] BETWEEN v_lo AND v_hi THEN agentd.leaf_of(agentd.uuid_time(p_id[i]),
				CASE WHEN p_flow IS NULL THEN w.retain ELSE (p_flow[i]).retain END) END AS leaf,
			CASE WHEN w.name IS NULL AND p_flow IS NULL THEN 'not_found' WHEN x.message IS NOT NULL THEN 'invalid'
				WHEN p_id[i] < v_lo OR p_id[i] > v_hi THEN 'clock' END AS status,
			CASE WHEN w.name IS NULL AND p_flow IS NULL THEN format('unknown workflow "%s"', p_workflow[i])
				WHEN x.message IS NOT NULL THEN x.message
				WHEN p_id[i] < v_lo OR p_id[i] > v_hi THEN format('"id": expected a UUIDv7 of the present time, got %s', p_id[i]) END
				AS message,
			agentd.feed_blind() OR EXISTS (SELECT FROM event_watch e WHERE e.until > v_now) AS fed
		FROM generate_series(1, v_n) i
		LEFT JOIN workflows w ON w.name = p_workflow[i] AND w.active
		CROSS JOIN LATERAL (SELECT CASE
			WHEN p_id[i] IS NULL THEN '"id": expected a UUIDv7 of the present time, got null'
			WHEN p_input[i] IS NULL THEN '"input": expected a JSON value, got null'
			WHEN p_urgency[i] NOT IN ('low', 'normal', 'high') THEN
				format('"urgency": expected low, normal or high, got "%s"', p_urgency[i])
			WHEN octet_length(p_key[i]) NOT BETWEEN 1 AND 255 THEN '"idempotency key": expected 1 to 255 characters'
			WHEN (timestamptz 'epoch' + nullif(p_deadline[i], 0) * interval '1 microsecond') <= v_now THEN '"deadline": has passed already'
			END) x(message)
	LOOP
		v_status[r.i] := r.status;
		v_message[r.i] := r.message;
		v_state[r.i] := r.state;
		v_leaf[r.i] := r.leaf;
		v_flow[r.i] := r.flow;
		v_until[r.i] := r.until;
		v_fed := r.fed;
		v_body[r.i] := CASE
			WHEN r.status IS NULL THEN agentd.submitted_body(p_id[r.i], r.state::task_state, p_workflow[r.i], (r.flow).bundle, v_now)
			WHEN r.status = 'clock' THEN (extract(epoch FROM clock_timestamp()) * 1000000)::bigint::text END;
	END LOOP;
	IF p_webhook IS NOT NULL OR num_nonnulls(VARIADIC p_labels) + num_nonnulls(VARIADIC p_budget) > 0 THEN
		FOR i IN 1..v_n LOOP
			IF v_status[i] IS NULL THEN
				v_message[i] := coalesce(agentd.labels_problem(p_labels[i]), agentd.budget_problem(p_budget[i], (v_flow[i]).budget),
					agentd.webhook_problem(p_webhook[i]));
				IF v_message[i] IS NOT NULL THEN
					v_status[i] := 'invalid';
					v_body[i] := NULL;
				ELSE
					v_until[i] := least(v_until[i], v_now + (p_budget[i] ->> 'wall_ms')::bigint * interval '1 millisecond');
				END IF;
			END IF;
		END LOOP;
	END IF;

	IF v_why IS NOT NULL THEN
		FOREACH v_ord IN ARRAY agentd.submissions_new(p_id, p_key, p_route, p_principal, v_status) LOOP
			v_status[v_ord] := 'refused';
			v_message[v_ord] := 'no new tasks are taken now: ' || v_why;
		END LOOP;
	END IF;

	-- A 4xx does not burn the key. The loser of a race sees the winner's row only in a new statement.
	IF array_length(array_remove(p_key, NULL), 1) > 0 THEN
		WITH k AS (
			INSERT INTO idempotency_keys (principal, route, key, request, task, state, created_at, body)
			SELECT s.principal, s.route, s.key, s.request, s.id, s.state::task_state, v_now, s.body
			FROM unnest(p_principal, p_route, p_key, p_request, p_id, v_state, v_body, v_status)
				s(principal, route, key, request, id, state, body, status)
			WHERE s.key IS NOT NULL AND s.status IS NULL
			ORDER BY s.principal, s.route, s.key
			ON CONFLICT DO NOTHING
			RETURNING task
		)
		SELECT array_agg(k.task) INTO v_keyed FROM k;
		FOR v_hit IN
			SELECT s.ord, s.request, k.task, k.state::text, k.body, k.request AS first_request
			FROM unnest(p_principal, p_route, p_key, p_request, p_id, v_status)
				WITH ORDINALITY s(principal, route, key, request, id, status, ord)
			CROSS JOIN LATERAL (SELECT * FROM idempotency_keys x
				WHERE x.principal = s.principal AND x.route = s.route AND x.key = s.key LIMIT 1) k
			WHERE s.status IS NULL AND k.task <> s.id
		LOOP
			IF v_hit.first_request = v_hit.request THEN
				v_status[v_hit.ord] := 'replayed';
				v_task[v_hit.ord] := v_hit.task;
				v_state[v_hit.ord] := v_hit.state;
				v_body[v_hit.ord] := v_hit.body;
			ELSE
				v_status[v_hit.ord] := 'key_conflict';
				v_message[v_hit.ord] := 'the idempotency key was used before with another request';
			END IF;
		END LOOP;
	END IF;

	IF pg_column_size(p_input) > 65536 THEN
		PERFORM agentd.blobs_keep(p_id, (SELECT array_agg(CASE WHEN s.status IS NULL THEN s.input END ORDER BY s.ord)
			FROM unnest(p_input, v_status) WITH ORDINALITY s(input, status, ord)), v_now);
	END IF;

	-- No exception block: a caller may enqueue thousands in its own transaction, and each would be a subtransaction.
	-- The leaf's key sees this leaf alone; the task may stand in that of the other retention class.
	FOREACH v_one IN ARRAY agentd.distinct_leaves(v_leaf) LOOP
		v_other := v_one # 1::smallint;
		-- The clock may have been set, or no sweeper has run for months.
		IF to_regclass('agentd.' || agentd.leaf_name('tasks', v_one)) IS NULL THEN
			PERFORM agentd.partitions_ensure(agentd.leaf_start(v_one));
		END IF;
		WITH fresh AS (
			INSERT INTO tasks (id, parent, created_at, run_at, deadline, leaf, workflow, bundle, submitted_by,
				urgency, labels, budget, origin, input, input_blob)
			SELECT p_id[i], p_parent[i], v_now, (timestamptz 'epoch' + nullif(p_run_at[i], 0) * interval '1 microsecond'), v_until[i],
				v_one, p_workflow[i], (v_flow[i]).bundle, p_principal[i], p_urgency[i], p_labels[i],
				agentd.budget_effective(p_budget[i], (v_flow[i]).budget), p_origin[i],
				CASE WHEN NOT (pg_column_size(p_input[i]) > 65540) THEN p_input[i] END,
				CASE WHEN (pg_column_size(p_input[i]) > 65540) THEN agentd.blob_digest(p_input[i]) END
			FROM generate_series(1, v_n) i
			WHERE v_status[i] IS NULL AND v_leaf[i] = v_one
				AND NOT EXISTS (SELECT FROM tasks x WHERE x.id = p_id[i] AND x.leaf = v_other)
			ON CONFLICT DO NOTHING
			RETURNING id
		)
		SELECT v_fresh || array_agg(id) INTO v_fresh FROM fresh;
	END LOOP;
	IF coalesce(cardinality(v_fresh), 0) < cardinality(array_positions(v_status, NULL)) THEN
		-- Sent again after an unknown commit: answer as the first time, if it was the same caller.
		v_leaves := agentd.leaves_of(p_id);
		FOR v_hit IN
			SELECT s.ord, t.submitted_by = s.principal AND t.workflow = s.workflow AS same,
				(CASE WHEN t.run_at > t.created_at THEN 'waiting_timer' ELSE 'ready' END)::task_state AS state,
				t.workflow, t.bundle, t.created_at
			FROM (SELECT s.*, row_number() OVER (PARTITION BY s.id ORDER BY s.ord) AS nth
				FROM unnest(p_id, p_principal, p_workflow, v_status) WITH ORDINALITY s(id, principal, workflow, status, ord)
				WHERE s.status IS NULL) s
			CROSS JOIN LATERAL (SELECT * FROM tasks x WHERE x.id = s.id AND x.leaf = ANY (v_leaves) LIMIT 1) t
			WHERE s.nth > 1 OR s.id <> ALL (coalesce(v_fresh, '{}'))
		LOOP
			IF v_hit.same THEN
				v_status[v_hit.ord] := 'replayed';
				v_state[v_hit.ord] := v_hit.state;
				v_body[v_hit.ord] := agentd.submitted_body(p_id[v_hit.ord], v_hit.state, v_hit.workflow,
					v_hit.bundle, v_hit.created_at);
			ELSE
				v_status[v_hit.ord] := 'id_conflict';
				DELETE FROM idempotency_keys k WHERE k.principal = p_principal[v_hit.ord] AND k.route = p_route[v_hit.ord]
					AND k.key = p_key[v_hit.ord] AND k.task = p_id[v_hit.ord] AND k.task = ANY (v_keyed);
				v_message[v_hit.ord] := format('a task %s exists already', p_id[v_hit.ord]);
			END IF;
		END LOOP;
	END IF;
	IF p_room > 0 AND pg_has_role(session_user, 'agentd_worker', 'MEMBER') THEN
		UPDATE workers w SET claim = p_claim
		WHERE w.id = p_worker AND w.ended_at IS NULL AND (w.claim < p_claim) IS NOT FALSE
		RETURNING ARRAY(SELECT l.name FROM lanes l WHERE l.parts <@ w.lanes), w.semantics INTO v_lanes, v_serves;
		v_taken := array_fill(false, ARRAY[v_n]);
		FOR i IN 1..v_n LOOP
			EXIT WHEN v_left = 0 OR v_lanes IS NULL;
			IF v_status[i] IS NULL AND v_state[i] = 'ready' AND (v_flow[i]).lane = ANY (v_lanes) AND (v_flow[i]).semantics <= v_serves THEN
				v_taken[i] := true;
				v_left := v_left - 1;
			END IF;
		END LOOP;
	END IF;
	IF p_webhook IS NOT NULL THEN
		PERFORM agentd.webhooks_keep(p_id, v_leaf, v_status, p_webhook);
	END IF;
	INSERT INTO task_queue (id, run_at, deadline, state, leaf, priority, lane, semantics, budget_usd, fence, worker, hooked)
	SELECT p_id[i], coalesce((timestamptz 'epoch' + nullif(p_run_at[i], 0) * interval '1 microsecond'), v_now), v_until[i],
		CASE WHEN v_taken[i] THEN 'running' ELSE v_state[i] END::task_state,
		v_leaf[i], agentd.priority_of(p_urgency[i]), (v_flow[i]).lane, (v_flow[i]).semantics,
		coalesce((p_budget[i] ->> 'usd')::numeric, ((v_flow[i]).budget ->> 'usd')::numeric),
		CASE WHEN v_taken[i] THEN 1 ELSE 0 END, CASE WHEN v_taken[i] THEN p_worker END, p_webhook[i] IS NOT NULL
	FROM generate_series(1, v_n) i
	WHERE v_status[i] IS NULL;
	GET DIAGNOSTICS v_new = ROW_COUNT;
	IF v_left < p_room THEN
		INSERT INTO task_attempts (task, worker, started_at, fence, claim, leaf, seq)
		SELECT p_id[i], p_worker, v_now, 1, p_claim, v_leaf[i], 0 FROM generate_series(1, v_n) i WHERE v_taken[i];
	END IF;
	IF v_new > p_room - v_left AND 'ready' = ANY (v_state) THEN
		PERFORM pg_notify('agentd_work', 'told');
	END IF;
	IF v_new > 0 AND v_fed THEN
		PERFORM agentd.feed_add(array_agg(p_id[i] ORDER BY i, k), array_agg(0::bigint), array_agg(0::bigint), array_agg(k ORDER BY i, k))
		FROM generate_series(1, v_n) i CROSS JOIN unnest('{0,2}'::bigint[]) k WHERE v_status[i] IS NULL AND (k = 0 OR v_taken[i]);
	END IF;
	RETURN QUERY SELECT i::bigint, coalesce(v_status[i], 'new'), v_task[i], v_state[i], v_body[i], v_message[i], v_taken[i],
		CASE WHEN v_taken[i] THEN (v_flow[i]).bundle END, CASE WHEN v_taken[i] THEN agentd.budget_effective(p_budget[i], (v_flow[i]).budget) END,
		(extract(epoch FROM v_now) * 1000000)::bigint, coalesce((extract(epoch FROM v_until[i]) * 1000000)::bigint, 0)
		FROM generate_series(1, v_n) i;
END $$;

-- For SQL: enqueue inside the caller's own transaction. The input is checked against the schema at the first claim. A public interface,
-- see agentd-sql(7).
CREATE OR REPLACE FUNCTION agentd.submit(workflow text, input json DEFAULT '{}', urgency text DEFAULT 'normal',
	labels json DEFAULT NULL, budget json DEFAULT NULL, run_at timestamptz DEFAULT NULL, deadline timestamptz DEFAULT NULL,
	idempotency_key text DEFAULT NULL, id uuid DEFAULT NULL, webhook json DEFAULT NULL)
RETURNS uuid LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp AS $$
DECLARE
	v record;
BEGIN
	IF NOT isfinite($6) OR NOT isfinite($7) THEN
		RAISE EXCEPTION '"run_at", "deadline": expected a time, got infinity' USING ERRCODE = 'AG422';
	END IF;
	SELECT * INTO v FROM agentd.submit_batch(ARRAY[coalesce($9, agentd.uuid_new())], ARRAY[$1], ARRAY[$2], ARRAY[coalesce($3, 'normal')],
		ARRAY[$4], ARRAY[$5],
		ARRAY[coalesce(agentd.us($6), 0)], ARRAY[coalesce(agentd.us($7), 0)], ARRAY[$8], ARRAY['SQL submit'],
		ARRAY[sha256(convert_to(json_build_array($1, $2, coalesce($3, 'normal'), $4, $5, agentd.us($6), agentd.us($7))::text
			|| coalesce($10::text, ''), 'UTF8'))],
		ARRAY[agentd.caller()], p_webhook => CASE WHEN $10 IS NOT NULL THEN ARRAY[$10] END);
	CASE v.status
	WHEN 'new', 'replayed' THEN RETURN v.task;
	WHEN 'not_found' THEN RAISE EXCEPTION '%', v.message USING ERRCODE = 'AG404';
	WHEN 'id_conflict' THEN RAISE EXCEPTION '%', v.message USING ERRCODE = 'AG409';
	WHEN 'refused' THEN RAISE EXCEPTION '%', v.message USING ERRCODE = 'AG503', HINT = 'try again in a while; agentctl doctor tells more';
	ELSE RAISE EXCEPTION '%', v.message USING ERRCODE = 'AG422';
	END CASE;
END $$;

-- Roles of one's own were granted the function as it was before webhook.
DO $$
DECLARE
	v_old regprocedure := to_regprocedure('agentd.submit(text, json, text, json, json, timestamptz, timestamptz, text, uuid)');
	v_role regrole;
BEGIN
	IF v_old IS NULL THEN
		RETURN;
	END IF;
	FOR v_role IN SELECT a.grantee::regrole FROM pg_proc p, aclexplode(p.proacl) a WHERE p.oid = v_old AND a.grantee <> 0 AND a.grantee <> p.proowner LOOP
		EXECUTE format('GRANT EXECUTE ON FUNCTION agentd.submit(text, json, text, json, json, timestamptz, timestamptz, text, uuid, json) TO %s', v_role);
	END LOOP;
	EXECUTE format('DROP FUNCTION %s', v_old);
END $$;

-- What an input has to be now: {bundle, input, key_used}, null of no active workflow. Whether a key was used before, as its first
-- answer counts then, whatever the schema says since.
CREATE OR REPLACE FUNCTION agentd.input_schema(p_workflow text, p_principal text, p_route text, p_key text) RETURNS json
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp AS $$
	SELECT json_build_object('bundle', encode(w.bundle, 'hex'), 'input', w.input, 'key_used',
		EXISTS (SELECT FROM idempotency_keys k WHERE k.principal = p_principal AND k.route = p_route AND k.key = p_key))
	FROM workflows w WHERE w.name = p_workflow AND w.active
$$;
