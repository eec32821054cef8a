-- 5_artifacts.sql - files in pieces, and the names that tasks have for them.
--
-- Words:  as in 0043. limits: {max_task, max_files, max_total, ttl_ms} of agentd.yaml.
-- Locks:  the task's queue row (key share), the artifacts of the task (advisory), files, file_total.

CREATE OR REPLACE FUNCTION agentd.file_next_look(p_now timestamptz) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
	SELECT p_now + interval '1 hour'
$$;

-- What a file takes: one that is still being written, its pieces.
CREATE OR REPLACE FUNCTION agentd.file_bytes(f agentd.files) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN coalesce(f.size_bytes, (SELECT sum(octet_length(c.content)) FROM agentd.file_chunks c WHERE c.file = f.id), 0);
END $$;

-- Files that come with requests wait like submissions do; those that tasks write stop last.
CREATE OR REPLACE FUNCTION agentd.files_admitted(p_level integer, p_now timestamptz) RETURNS void LANGUAGE plpgsql STABLE AS $$
DECLARE
	v_why text := agentd.admission_why(p_level, p_now);
BEGIN
	IF v_why IS NOT NULL THEN
		RAISE EXCEPTION 'no files are taken now: %', v_why USING ERRCODE = 'AG503', HINT =
			'try again in a while; agentctl doctor tells more';
	END IF;
END $$;

CREATE OR REPLACE FUNCTION agentd.storage_full(p_max bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'the storage of files is full: it may hold % bytes', p_max USING ERRCODE = 'AG507';
END $$;

-- A piece of a file that is being written; the same piece again changes nothing.
CREATE OR REPLACE FUNCTION agentd.file_chunk(p_file uuid, p_nr integer, p_content bytea, p_limits json) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp AS $$
DECLARE
	v_now timestamptz := agentd.clock();
	v_max bigint := (p_limits ->> 'max_total')::bigint;
BEGIN
	PERFORM agentd.files_admitted(CASE WHEN pg_has_role(session_user, 'agentd_worker', 'MEMBER') THEN 3 ELSE 1 END, v_now);
	INSERT INTO files AS f (id, created_at, look_at) VALUES (p_file, v_now, agentd.file_next_look(v_now))
	ON CONFLICT (id) DO UPDATE SET look_at = excluded.look_at WHERE f.digest IS NULL;
	IF FOUND THEN
		INSERT INTO file_chunks (file, nr, content) VALUES (p_file, p_nr, p_content) ON CONFLICT DO NOTHING;
	END IF;
	IF FOUND THEN
		UPDATE file_total SET size_bytes = size_bytes + octet_length(p_content) WHERE size_bytes + octet_length(p_content) <= v_max;
		IF NOT FOUND THEN
			PERFORM agentd.storage_full(v_max);
		END IF;
	END IF;
END $$;

-- All pieces were sent: answers the file that has these bytes, which is an earlier one when they were here before.
CREATE OR REPLACE FUNCTION agentd.file_end(p_file uuid, p_digest bytea, p_size bigint, p_limits json) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp AS $$
DECLARE
	v_now timestamptz := agentd.clock();
	v_max bigint := (p_limits ->> 'max_total')::bigint;
	v_file uuid;
BEGIN
	-- Two who end with the same bytes at once: the second finds the first.
	PERFORM pg_advisory_xact_lock(hashtext('agentd.files'), ('x' || encode(substr(p_digest, 1, 4), 'hex'))::bit(32)::integer);
	UPDATE files SET look_at = agentd.file_next_look(v_now) WHERE digest = p_digest RETURNING id INTO v_file;
	IF FOUND THEN
		WITH gone AS (DELETE FROM files f WHERE f.id = p_file AND f.digest IS NULL RETURNING agentd.file_bytes(f) AS size)
		UPDATE file_total SET size_bytes = size_bytes - g.size FROM gone g;
		RETURN v_file;
	END IF;
	IF p_size = 0 THEN
		INSERT INTO files (id, created_at, look_at) VALUES (p_file, v_now, v_now) ON CONFLICT DO NOTHING;
	END IF;
	IF (SELECT coalesce(sum(octet_length(c.content)), 0) FROM file_chunks c WHERE c.file = p_file) <> p_size THEN
		RAISE EXCEPTION 'the file was not written as a whole within an hour: send it again' USING ERRCODE = 'AG503';
	END IF;
	UPDATE files SET digest = p_digest, size_bytes = p_size, look_at = agentd.file_next_look(v_now) WHERE id = p_file;
	UPDATE file_total SET files = files + 1 WHERE size_bytes <= v_max;
	IF NOT FOUND THEN
		PERFORM agentd.storage_full(v_max);
	END IF;
	RETURN p_file;
END $$;

CREATE OR REPLACE FUNCTION agentd.file_read(p_file uuid, p_nr integer) RETURNS bytea
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp AS $$
	SELECT c.content FROM file_chunks c WHERE c.file = p_file AND c.nr = p_nr
$$;

CREATE OR REPLACE FUNCTION agentd.artifact_json(a agentd.artifacts) RETURNS json
LANGUAGE sql STABLE SET search_path = pg_catalog, agentd, pg_temp AS $$
	SELECT json_strip_nulls(json_build_object('id', a.id, 'name', a.name, 'size', a.size_bytes,
		'sha256', (SELECT encode(f.digest, 'hex') FROM files f WHERE f.id = a.file), 'media_type', a.media_type,
		'direction', a.direction, 'step', a.step, 'created_at', agentd.rfc3339(a.created_at), 'expires_at', agentd.rfc3339(a.expires_at)))
$$;

-- One name of a task, within its quotas. What came in is never replaced; what the task made is, by the task.
CREATE OR REPLACE FUNCTION agentd.artifact_add(p agentd.artifacts, p_limits json, OUT artifact agentd.artifacts, OUT created boolean)
LANGUAGE plpgsql SET search_path = pg_catalog, agentd, pg_temp AS $$
DECLARE
	v_now timestamptz := agentd.clock();
	v_old artifacts;
	v_files bigint;
	v_size bigint;
BEGIN
	PERFORM pg_advisory_xact_lock(hashtext('agentd.artifacts'), hashtext(p.task::text));
	created := false;
	SELECT f.size_bytes INTO p.size_bytes FROM files f WHERE f.id = p.file AND f.digest IS NOT NULL FOR KEY SHARE;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'the files were not sent within an hour: send them again' USING ERRCODE = 'AG503';
	END IF;
	SELECT a.* INTO v_old FROM artifacts a WHERE a.task = p.task AND a.name = p.name FOR UPDATE;
	IF v_old.id = p.id OR v_old.effect_key = p.effect_key OR v_old.file = p.file AND v_old.direction = p.direction THEN
		artifact := v_old;
		created := v_old.id = p.id;
		RETURN;
	ELSIF v_old.direction = 'in' THEN
		RAISE EXCEPTION 'artifact "%" was given to the task with other content', p.name USING ERRCODE = 'AG409';
	ELSIF v_old.direction = 'out' AND p.direction = 'in' THEN
		RAISE EXCEPTION 'artifact "%" was made by the task', p.name USING ERRCODE = 'AG409';
	END IF;
	SELECT count(*) + 1, coalesce(sum(a.size_bytes), 0) + p.size_bytes INTO v_files, v_size FROM artifacts a
		WHERE a.task = p.task AND a.name <> p.name;
	IF v_files > (p_limits ->> 'max_files')::bigint THEN
		RAISE EXCEPTION 'a task may have % artifacts', p_limits ->> 'max_files' USING ERRCODE = 'AG413';
	ELSIF v_size > (p_limits ->> 'max_task')::bigint THEN
		RAISE EXCEPTION 'the artifacts of a task may have % bytes, these have %', p_limits ->> 'max_task', v_size USING ERRCODE = 'AG413';
	END IF;
	DELETE FROM artifacts WHERE id = v_old.id;
	p.created_at := v_now;
	p.expires_at := v_now + (p_limits ->> 'ttl_ms')::bigint * interval '1 millisecond';
	INSERT INTO artifacts SELECT p.* RETURNING * INTO artifact;
	created := true;
END $$;

-- The files of a submission that is about to be made under this id. All or nothing.
CREATE OR REPLACE FUNCTION agentd.artifacts_attach(p_task uuid, p_id uuid[], p_name text[], p_media_type text[], p_file uuid[], p_limits json)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp AS $$
DECLARE
	v artifacts;
BEGIN
	IF EXISTS (SELECT FROM tasks t WHERE t.id = p_task AND t.leaf = ANY (agentd.leaves_of(p_task))) THEN
		RETURN;		-- sent again
	END IF;
	PERFORM agentd.files_admitted(1, agentd.clock());
	v.task := p_task;
	v.direction := 'in';
	v.unproven := true;
	FOR i IN 1..cardinality(p_id) LOOP
		v.id := p_id[i];
		v.name := p_name[i];
		v.media_type := p_media_type[i];
		v.file := p_file[i];
		PERFORM agentd.artifact_add(v, p_limits);
	END LOOP;
END $$;

-- The submission was not made.
CREATE OR REPLACE FUNCTION agentd.artifacts_discard(p_task uuid) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp AS $$
	DELETE FROM artifacts a WHERE a.task = p_task AND a.unproven
		AND NOT EXISTS (SELECT FROM tasks t WHERE t.id = p_task AND t.leaf = ANY (agentd.leaves_of(p_task)))
$$;

CREATE OR REPLACE FUNCTION agentd.task_takes_no_files(p_task uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'task % has ended: it takes no files', p_task USING ERRCODE = 'AG409';
END $$;

-- Somebody gives a file to a task that has not ended: {created, artifact}.
CREATE OR REPLACE FUNCTION agentd.artifact_upload(p_task uuid, p_id uuid, p_name text, p_media_type text, p_file uuid, p_limits json,
	p_principal text, p_all boolean) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp AS $$
DECLARE
	v artifacts;
	r record;
BEGIN
	PERFORM agentd.artifact_may_come(p_task, p_principal, p_all);
	PERFORM FROM task_queue WHERE id = p_task FOR KEY SHARE;
	IF NOT FOUND THEN	-- it has ended meanwhile
		PERFORM agentd.task_takes_no_files(p_task);
	END IF;
	v.task := p_task;
	v.id := p_id;
	v.name := p_name;
	v.media_type := p_media_type;
	v.file := p_file;
	v.direction := 'in';
	v.unproven := false;
	SELECT * INTO r FROM agentd.artifact_add(v, p_limits);
	RETURN json_build_object('created', r.created, 'artifact', agentd.artifact_json(r.artifact));
END $$;

-- Asked before a byte is taken.
CREATE OR REPLACE FUNCTION agentd.artifact_may_come(p_task uuid, p_principal text, p_all boolean) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp AS $$
BEGIN
	PERFORM agentd.task_find(p_task, p_principal, p_all);
	IF NOT EXISTS (SELECT FROM task_queue q WHERE q.id = p_task) THEN
		PERFORM agentd.task_takes_no_files(p_task);
	END IF;
	PERFORM agentd.files_admitted(1, agentd.clock());
END $$;

-- A step of an attempt made a file.
CREATE OR REPLACE FUNCTION agentd.artifact_write(p_task uuid, p_fence integer, p_id uuid, p_name text, p_media_type text, p_file uuid,
	p_step text, p_effect_key bytea, p_limits json) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp AS $$
DECLARE
	v artifacts;
	r record;
BEGIN
	PERFORM FROM task_queue q WHERE q.id = p_task AND q.fence = p_fence AND q.state = 'running' FOR KEY SHARE;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'attempt % of task % is over', p_fence, p_task USING ERRCODE = 'AG410';
	END IF;
	v.task := p_task;
	v.id := p_id;
	v.name := p_name;
	v.media_type := p_media_type;
	v.file := p_file;
	v.step := p_step;
	v.effect_key := p_effect_key;
	v.direction := 'out';
	v.unproven := false;
	SELECT * INTO r FROM agentd.artifact_add(v, p_limits);
	RETURN agentd.artifact_json(r.artifact);
END $$;

CREATE OR REPLACE FUNCTION agentd.artifact_list(p_task uuid, p_principal text, p_all boolean) RETURNS json
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp AS $$
BEGIN
	PERFORM agentd.task_find(p_task, p_principal, p_all);
	RETURN json_build_object('artifacts', (SELECT coalesce(json_agg(agentd.artifact_json(a) ORDER BY a.name), '[]')
		FROM artifacts a WHERE a.task = p_task AND a.expires_at > agentd.clock()));
END $$;

-- By its id, or by task and name.
CREATE OR REPLACE FUNCTION agentd.artifact_find(p_id uuid, p_task uuid, p_name text, p_principal text, p_all boolean)
RETURNS TABLE (id uuid, name text, size_bytes bigint, digest bytea, media_type text, file uuid)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp AS $$
#variable_conflict use_column
DECLARE
	a artifacts;
BEGIN
	IF p_id IS NULL THEN
		PERFORM agentd.task_find(p_task, p_principal, p_all);
		SELECT * INTO a FROM artifacts x WHERE x.task = p_task AND x.name = p_name AND x.expires_at > agentd.clock();
		IF NOT FOUND THEN
			RAISE EXCEPTION 'no artifact "%"', p_name USING ERRCODE = 'AG404';
		END IF;
	ELSE
		SELECT * INTO a FROM artifacts x WHERE x.id = p_id AND x.expires_at > agentd.clock();
		-- One of somebody else's task is as unknown as any other.
		IF NOT FOUND OR NOT EXISTS (SELECT FROM tasks t WHERE t.id = a.task AND t.leaf = ANY (agentd.leaves_of(a.task))
				AND (p_all OR t.submitted_by = p_principal)) THEN
			RAISE EXCEPTION 'no artifact "%"', p_id USING ERRCODE = 'AG404';
		END IF;
	END IF;
	RETURN QUERY SELECT a.id, a.name, a.size_bytes, f.digest, a.media_type, a.file FROM files f WHERE f.id = a.file;
END $$;

-- Names whose time is over, names of submissions that were never made, files that nobody refers to.
CREATE OR REPLACE FUNCTION agentd.sweep_artifacts(p json) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp SET jit = off SET plan_cache_mode = force_custom_plan AS $$
DECLARE
	v_bound integer := coalesce((p ->> 'bound')::integer, 50);
	v_now timestamptz := agentd.clock();
	v_n bigint;
	v_bytes bigint;
	v_whole bigint;
	v_ids uuid[];
BEGIN
	IF NOT agentd.upkeep_may_destroy('artifacts', v_now) THEN
		RETURN 0;
	END IF;
	DELETE FROM artifacts WHERE ctid = ANY (ARRAY(SELECT a.ctid FROM artifacts a WHERE a.expires_at <= v_now
		ORDER BY a.expires_at LIMIT v_bound FOR UPDATE SKIP LOCKED));
	GET DIAGNOSTICS v_n = ROW_COUNT;

	v_ids := ARRAY(SELECT a.id FROM artifacts a WHERE a.unproven AND a.created_at < v_now - interval '1 hour'
		ORDER BY a.created_at LIMIT v_bound FOR UPDATE SKIP LOCKED);
	UPDATE artifacts a SET unproven = false WHERE a.id = ANY (v_ids)
		AND EXISTS (SELECT FROM tasks t WHERE t.id = a.task AND t.leaf = ANY (agentd.leaves_of(a.task)));
	DELETE FROM artifacts a WHERE a.id = ANY (v_ids) AND a.unproven;
	v_n := greatest(v_n, cardinality(v_ids));

	v_ids := ARRAY(SELECT f.id FROM files f WHERE f.look_at < v_now ORDER BY f.look_at LIMIT v_bound FOR UPDATE SKIP LOCKED);
	-- Whoever takes a file's last name away has it looked at before that.
	UPDATE files f SET look_at = v_now + interval '1 day' WHERE f.id = ANY (v_ids)
		AND EXISTS (SELECT FROM artifacts a WHERE a.file = f.id);
	WITH gone AS (
		DELETE FROM files f WHERE f.id = ANY (v_ids) AND f.look_at < v_now RETURNING f.digest, agentd.file_bytes(f) AS size
	)
	SELECT count(g.digest), coalesce(sum(g.size), 0) INTO v_whole, v_bytes FROM gone g;
	IF v_whole > 0 OR v_bytes > 0 THEN
		UPDATE file_total SET files = files - v_whole, size_bytes = size_bytes - v_bytes;
	END IF;
	RETURN greatest(v_n, cardinality(v_ids));
END $$;

-- Files of an upload that came to nothing. p_age_ms: how long ago whoever sent it heard that it is whole; null: never. One that somebody
-- has sent again since then stays, and waits for its time.
CREATE OR REPLACE FUNCTION agentd.files_discard(p_file uuid[], p_age_ms bigint[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp AS $$
DECLARE
	v_now timestamptz := agentd.clock();
	v_whole bigint;
	v_bytes bigint;
BEGIN
	WITH given AS (
		SELECT f.id FROM unnest(p_file, p_age_ms) AS x (file, age_ms) JOIN files f ON f.id = x.file
		WHERE (f.digest IS NULL OR f.look_at <= agentd.file_next_look(v_now) - x.age_ms * interval '1 millisecond')
			AND NOT EXISTS (SELECT FROM artifacts a WHERE a.file = f.id)
		FOR UPDATE OF f SKIP LOCKED
	), gone AS (
		DELETE FROM files f USING given g WHERE f.id = g.id RETURNING f.digest, agentd.file_bytes(f) AS size
	)
	SELECT count(g.digest), coalesce(sum(g.size), 0) INTO v_whole, v_bytes FROM gone g;
	IF v_whole > 0 OR v_bytes > 0 THEN
		UPDATE file_total SET files = files - v_whole, size_bytes = size_bytes - v_bytes;
	END IF;
END $$;
