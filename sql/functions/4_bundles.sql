-- 4_bundles.sql - programs and tokens: what is active, who may call.
--
-- Words:  a bundle is immutable and known by its digest; a workflow's row points at the active one. generation is
--         raised by every reload that changed something. A workflow's lane comes from its own key and from its tools, so it
--         may change while the bundle stays.
-- Locks:  workflows in name order, then task_queue in id order.

-- All or nothing (one transaction). Workflows that are not given take no new tasks; running ones go on.
CREATE OR REPLACE FUNCTION agentd.reload(p_workflow text[], p_digest bytea[], p_content json[], p_meta json[]) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp AS $$
DECLARE
	v_now timestamptz := agentd.clock();
	v_generation bigint;
	v_activated text[];
	v_deactivated text[];
	v_unchanged text[];
	v_moved text[];
BEGIN
	LOCK TABLE workflows IN SHARE ROW EXCLUSIVE MODE;
	-- Those that come back must not be swept before anything points at them.
	UPDATE bundles SET superseded_at = NULL WHERE digest = ANY (p_digest) AND superseded_at IS NOT NULL;
	INSERT INTO bundles AS x (digest, workflow, content, created_at, meta)
	SELECT DISTINCT ON (digest) digest, workflow, content, v_now, meta
	FROM unnest(p_digest, p_workflow, p_content, p_meta) b(digest, workflow, content, meta) ORDER BY digest
	ON CONFLICT (digest) DO UPDATE SET meta = excluded.meta WHERE x.meta::text IS DISTINCT FROM excluded.meta::text;
	SELECT coalesce(array_agg(b.workflow ORDER BY b.workflow) FILTER (WHERE w.name IS NULL), '{}'),
		coalesce(array_agg(b.workflow ORDER BY b.workflow) FILTER (WHERE w.name IS NOT NULL), '{}')
	INTO v_activated, v_unchanged
	FROM unnest(p_workflow, p_digest, p_meta) b(workflow, digest, meta)
	LEFT JOIN workflows w ON w.name = b.workflow AND w.bundle = b.digest AND w.active
		AND agentd.lane_plain(w.lane) = coalesce(b.meta ->> 'lane', 'default');
	v_moved := ARRAY(SELECT w.name FROM unnest(p_workflow, p_digest, p_meta) b(workflow, digest, meta)
		JOIN workflows w ON w.name = b.workflow AND w.bundle = b.digest AND agentd.lane_plain(w.lane) 
			<> coalesce(b.meta ->> 'lane', 'default'));
	v_deactivated := ARRAY(SELECT name FROM workflows WHERE active AND name <> ALL (p_workflow) ORDER BY name);
	IF v_activated = '{}' AND v_deactivated = '{}' THEN
		SELECT coalesce(max(generation), 0) INTO v_generation FROM workflows;
	ELSE
		v_generation := nextval('workflow_generation');
		INSERT INTO workflows AS w (name, bundle, active, generation, activated_at, description, input, retain, lane, semantics,
			budget)
		SELECT b.workflow, b.digest, true, v_generation, v_now, b.meta ->> 'description', b.meta -> 'input',
			coalesce(b.meta ->> 'retain', 'short')::retention, coalesce(b.meta ->> 'lane', 'default'),
			coalesce((b.meta ->> 'semantics')::smallint, 1),
			CASE WHEN json_typeof(b.meta -> 'budget') = 'object' THEN b.meta -> 'budget' END
		FROM unnest(p_workflow, p_digest, p_meta) b(workflow, digest, meta)
		WHERE b.workflow = ANY (v_activated)
		ON CONFLICT (name) DO UPDATE SET bundle = excluded.bundle, active = true, generation = excluded.generation,
			activated_at = excluded.activated_at, description = excluded.description, input = excluded.input,
			retain = excluded.retain, lane = agentd.lane_like(w.lane, excluded.lane), semantics = excluded.semantics,
			budget = excluded.budget;
		UPDATE workflows SET active = false, generation = v_generation WHERE name = ANY (v_deactivated);
		PERFORM agentd.lanes_add(ARRAY(SELECT agentd.lane_plain(lane) FROM workflows WHERE name = ANY (v_activated)));
		PERFORM agentd.lanes_move(v_moved);
		UPDATE bundles b SET superseded_at = v_now WHERE superseded_at IS NULL
			AND NOT EXISTS (SELECT FROM workflows w WHERE w.bundle = b.digest);
	END IF;
	RETURN json_build_object('generation', v_generation, 'activated', to_json(v_activated),
		'unchanged', to_json(v_unchanged), 'deactivated', to_json(v_deactivated));
END $$;

-- Whether no task at all can refer to a bundle that was superseded then: every month up to that day is gone. Ids of callers may be
-- 25 days off.
CREATE OR REPLACE FUNCTION agentd.bundle_is_forgotten(p_superseded_at timestamptz) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, agentd, pg_temp AS $$
	SELECT coalesce(agentd.leaf_of(p_superseded_at + interval '25 days', 'long') < (SELECT min(leaf) FROM agentd.partitions() WHERE parent = 'tasks'), false)
$$;

-- A program that a workflow points at or a task that has not ended runs, stays. Deleting others is the owner's affair: what has
-- ended can be read without its program, but not forked.
CREATE OR REPLACE FUNCTION agentd.bundle_refuse_delete() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp AS $$
DECLARE
	v_task uuid;
	v_workflow text;
BEGIN
	SELECT name INTO v_workflow FROM workflows WHERE bundle = OLD.digest;
	IF FOUND THEN
		RAISE EXCEPTION 'bundle % is in use: workflow "%" points at it', encode(OLD.digest, 'hex'), v_workflow USING ERRCODE = 'AG409';
	END IF;
	IF NOT agentd.bundle_is_forgotten(OLD.superseded_at) THEN
		SELECT q.id INTO v_task FROM task_queue q JOIN tasks t ON t.id = q.id AND t.leaf = q.leaf WHERE t.bundle = OLD.digest LIMIT 1;
		IF FOUND THEN
			RAISE EXCEPTION 'bundle % is in use: task % has not ended', encode(OLD.digest, 'hex'), v_task USING ERRCODE = 'AG409';
		END IF;
	END IF;
	RETURN OLD;
END $$;

CREATE OR REPLACE FUNCTION agentd.bundle(p_digest bytea) RETURNS json
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp AS $$
DECLARE
	v_content json;
BEGIN
	SELECT content INTO v_content FROM bundles WHERE digest = p_digest;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'no bundle %', encode(p_digest, 'hex') USING ERRCODE = 'AG404';
	END IF;
	RETURN v_content;
END $$;

CREATE OR REPLACE FUNCTION agentd.workflow_json(w agentd.workflows) RETURNS json LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN json_build_object('name', w.name, 'description', w.description, 'bundle', encode(w.bundle, 'hex'), 'generation',
		w.generation,
		'activated_at', agentd.rfc3339(w.activated_at), 'input', w.input, 'budget', w.budget, 'retain', w.retain,
		'lane', agentd.lane_plain(w.lane), 'active', w.active, 'paused_at', agentd.rfc3339(w.paused_at), 'paused_by', w.paused_by);
END $$;

-- Those that take tasks, and those that are paused: somebody will want to know.
CREATE OR REPLACE FUNCTION agentd.workflows_list() RETURNS json
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp AS $$
	SELECT json_build_object('workflows', coalesce(json_agg(agentd.workflow_json(w) ORDER BY w.name), '[]'))
	FROM workflows w WHERE w.active OR w.paused_at IS NOT NULL
$$;

-- --- tokens: only the SHA-256 of the text is known here ---
CREATE OR REPLACE FUNCTION agentd.token_create(p_hash bytea, p_name text, p_scopes text[], p_expires_us bigint) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp AS $$
DECLARE
	v api_tokens;
BEGIN
	-- Sent again after an unknown commit: the same hash is the same token. A revoked name is free again.
	DELETE FROM api_tokens WHERE name = p_name AND hash <> p_hash
		AND (revoked_at IS NOT NULL OR expires_at <= agentd.clock());
	INSERT INTO api_tokens (hash, name, scopes, created_at, expires_at)
	VALUES (p_hash, p_name, p_scopes, agentd.clock(), agentd.at_us(p_expires_us))
	ON CONFLICT DO NOTHING;
	SELECT * INTO v FROM api_tokens WHERE hash = p_hash;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'a token named "%" exists', p_name USING ERRCODE = 'AG409';
	END IF;
	RETURN json_build_object('name', v.name, 'scopes', to_json(v.scopes), 'created_at', agentd.rfc3339(v.created_at),
		'expires_at', agentd.rfc3339(v.expires_at));
EXCEPTION WHEN check_violation THEN
	RAISE EXCEPTION 'scopes: expected some of submit, read, approve, admin, metrics' USING ERRCODE = 'AG422';
END $$;

CREATE OR REPLACE FUNCTION agentd.token_list() RETURNS json
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp AS $$
	SELECT json_build_object('tokens', coalesce(json_agg(json_build_object('name', name, 'scopes', to_json(scopes),
		'created_at', rfc3339(created_at), 'expires_at', rfc3339(expires_at), 'revoked_at', rfc3339(revoked_at),
		'valid', revoked_at IS NULL AND (expires_at IS NULL OR expires_at > agentd.clock())) ORDER BY name), '[]'))
	FROM api_tokens
$$;

CREATE OR REPLACE FUNCTION agentd.token_revoke(p_name text) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp AS $$
DECLARE
	v_at timestamptz;
BEGIN
	UPDATE api_tokens SET revoked_at = coalesce(revoked_at, agentd.clock()) WHERE name = p_name RETURNING revoked_at INTO v_at;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'no token named "%"', p_name USING ERRCODE = 'AG404';
	END IF;
	RETURN json_build_object('name', p_name, 'revoked_at', agentd.rfc3339(v_at));
END $$;

CREATE OR REPLACE FUNCTION agentd.token_check(p_hash bytea) RETURNS TABLE (hash bytea, name text, scopes text[])
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp AS $$
	SELECT t.hash, t.name, t.scopes FROM api_tokens t
	WHERE t.hash = p_hash AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > agentd.clock())
$$;
