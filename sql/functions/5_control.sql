-- 5_control.sql - what people do to tasks that have ended, and to workflows: retry, fork, purge; pause and resume.
--
-- Words:  a fork is a new task that begins with a part of another one's journal, the kept part; a retry is a fork at the step that
--         failed, inside it where it is a loop or an agent. origin says what a task was forked from: {task, step, kind: retry | fork},
--         step null: nothing was kept. Kept rows have the fence 0 and cost nothing: they were paid for.
--         A step's instance is what the rows of one path tell (those of its turns, requests and asks are its own); a frame is one
--         that has steps below it: a loop, an agent. Open: its last row does not end it.
--         A paused workflow stands in a lane that no worker serves (lane_paused()), and its tasks with it: claims know nothing of it.
-- Locks:  the word of pauses (2_lanes.sql); tasks (what is forked or purged, in share); then those of submit_batch. Pauses: the workflow,
--         the word of pauses; then, in another transaction, the workflow, task_queue in id order.

-- --- the kept part ---
CREATE OR REPLACE FUNCTION agentd.path_is_below(p_path text, p_above text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	RETURN starts_with(p_path, p_above || '/') OR starts_with(p_path, p_above || '[');
END $$;

-- Of a fork at this top-level step: what stands before it, in the order of the journal. AG409: the task never came there.
CREATE OR REPLACE FUNCTION agentd.kept_before(t agentd.tasks, p_step text) RETURNS bigint[] LANGUAGE plpgsql STABLE AS $$
DECLARE
	v_first bigint;
BEGIN
	IF p_step !~ '^[a-z][a-z0-9_]{0,62}(~[0-9]{1,9})?$' THEN
		RAISE EXCEPTION '"%" is no step of the top level: name one as the task shows it, like "check" or "check~2"', left(p_step,
			100)
			USING ERRCODE = 'AG409';
	END IF;
	v_first := (SELECT min(l.seq) FROM agentd.task_log l WHERE l.task = t.id AND l.leaf = t.leaf
		AND (l.path = p_step OR agentd.path_is_below(l.path, p_step)));
	IF v_first IS NULL THEN
		RAISE EXCEPTION 'task % never came to step "%"', t.id, p_step USING ERRCODE = 'AG409';
	END IF;
	RETURN ARRAY(SELECT l.seq FROM agentd.task_log l WHERE l.task = t.id AND l.leaf = t.leaf AND l.seq < v_first AND l.path <> ''
		ORDER BY l.seq);
END $$;

-- Of a retry where the task failed: all but what failed it, what was ended for that, and how the frames around ended.
-- What failed and was caught, or collected by its loop, is kept: it is a result. reopened: frames that are open again.
CREATE OR REPLACE FUNCTION agentd.kept_unfailed(t agentd.tasks, OUT kept bigint[], OUT reopened text[]) LANGUAGE plpgsql STABLE AS $$
DECLARE
	v_failed text := t.error ->> 'step';
BEGIN
	WITH r AS MATERIALIZED (
		SELECT l.seq, l.path, l.kind, l.step_kind, regexp_replace(l.path, '/(approval|turn|ask)-[0-9]+$', '') AS step,
			l.kind IN ('step.failed', 'turn.succeeded') AND agentd.value_of(l.value, l.value_blob) ->>
				CASE l.kind WHEN 'step.failed' THEN 'retry_at' ELSE 'end' END IS NOT NULL AS flag
		FROM agentd.task_log l WHERE l.task = t.id AND l.leaf = t.leaf AND l.path <> ''
	), last AS (
		SELECT substring(r.path FROM '^[^/[]+') AS step FROM r ORDER BY r.seq DESC LIMIT 1
	), s AS MATERIALIZED (
		SELECT r.step, (array_agg(r.kind ORDER BY r.seq DESC))[1] AS kind, (array_agg(r.flag ORDER BY r.seq DESC))[1] AS flag,
			max(r.seq) AS seq,
			coalesce(bool_or(r.step_kind IN ('for', 'agent')), false) AND r.step !~ '\]$' AS is_frame,
			r.step = last.step OR agentd.path_is_below(r.step, last.step) AS is_last
		FROM r, last GROUP BY r.step, last.step
	), o AS MATERIALIZED (
		SELECT s.*, s.is_last AND CASE
			WHEN s.kind IN ('step.succeeded', 'step.skipped') THEN false
			WHEN s.kind = 'step.failed' AND NOT s.flag THEN coalesce(s.step = v_failed OR agentd.path_is_below(v_failed,
				s.step), false)
			ELSE true END AS is_open
		FROM s
	), d AS MATERIALIZED (
		SELECT o.* FROM o WHERE o.is_open AND NOT EXISTS (SELECT FROM o f WHERE f.is_frame AND NOT f.is_open AND
			agentd.path_is_below(o.step, f.step))
	)
	SELECT array_agg(r.seq ORDER BY r.seq) FILTER (WHERE d.step IS NULL OR d.is_frame AND NOT (
			r.seq = d.seq AND (r.kind = 'step.cancelled' OR r.kind = 'step.failed' AND NOT r.flag) OR r.kind =
				'turn.succeeded' AND r.flag)),
		array_agg(DISTINCT d.step) FILTER (WHERE d.is_frame)
	INTO kept, reopened FROM r LEFT JOIN d ON d.step = r.step;
	kept := coalesce(kept, '{}');
	reopened := coalesce(reopened, '{}');
END $$;

-- Calls that must not happen twice, and were made: a person has to know. One that is idempotent is so for the key of its task alone.
CREATE OR REPLACE FUNCTION agentd.fork_repeats(t agentd.tasks, p_kept bigint[]) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN (SELECT string_agg(format('"%s" (%s) is %s and %s', f.path, f.tool, f.state, CASE WHEN k.is_kept THEN 'is kept as it is'
			WHEN f.effect_class = 'idempotent' THEN 'would be made again, with another key' ELSE 'would be made again' END),
			', ' ORDER BY f.created_at, f.path)
		FROM agentd.effects f CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM agentd.task_log l WHERE l.task = t.id AND l.leaf = t.leaf
				AND l.path = f.path AND l.kind IN ('step.succeeded', 'step.failed') AND l.seq = ANY (p_kept)) AS is_kept) k
		WHERE f.task = t.id AND f.leaf = t.leaf AND (f.effect_class = 'at_most_once' AND f.state IN ('done', 'dispatched', 'uncertain')
			OR f.effect_class = 'idempotent' AND f.state = 'dispatched' AND NOT k.is_kept));
END $$;

-- A step of what is kept that the program does not have, or null.
CREATE OR REPLACE FUNCTION agentd.fork_misfit(t agentd.tasks, p_kept bigint[], p_steps json) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN (SELECT format('"%s" is of kind %s there: %s', k.id, k.step_kind, coalesce(p_steps ->> k.id, 'none'))
		FROM (SELECT DISTINCT regexp_replace(regexp_replace(l.path, '(~[0-9]+|\[[0-9]+\])', '', 'g'), '^.*/', '') AS id, l.step_kind
			FROM agentd.task_log l WHERE l.task = t.id AND l.leaf = t.leaf AND l.seq = ANY (p_kept) AND l.kind LIKE 'step.%'
				AND l.path !~ '/turn-[0-9]+/call-[0-9]+$' AND l.path !~ '\]$') k
		WHERE (p_steps ->> k.id) IS DISTINCT FROM k.step_kind ORDER BY k.id LIMIT 1);
END $$;

-- --- the new task ---
-- p_bundle: null for the task's own, 'active', or a digest in hexadecimal.
-- p_all: any program that the workflow had; for others those that somebody withdrew are none.
DROP FUNCTION IF EXISTS agentd.fork_bundle(agentd.tasks, text);	-- as it was before p_all
CREATE OR REPLACE FUNCTION agentd.fork_bundle(t agentd.tasks, p_bundle text, p_all boolean) RETURNS agentd.bundles
LANGUAGE plpgsql STABLE AS $$
DECLARE
	b agentd.bundles;
	v_active bytea := (SELECT w.bundle FROM agentd.workflows w WHERE w.name = t.workflow AND w.active);
BEGIN
	IF v_active IS NULL THEN
		RAISE EXCEPTION 'workflow "%" is not active', t.workflow USING ERRCODE = 'AG409';
	ELSIF p_bundle = 'active' THEN
		SELECT x.* INTO b FROM agentd.bundles x WHERE x.digest = v_active;
	ELSIF p_bundle !~ '^[0-9a-f]{64}$' THEN
		RAISE EXCEPTION '"bundle": expected "active" or 64 hexadecimal digits, got "%"', left(p_bundle, 100) USING ERRCODE =
			'AG422';
	ELSE
		SELECT * INTO b FROM agentd.bundles x WHERE x.digest = coalesce(decode(p_bundle, 'hex'), t.bundle) AND x.workflow =
			t.workflow;
		IF NOT FOUND THEN
			RAISE EXCEPTION 'workflow "%" has no bundle %', t.workflow, coalesce(p_bundle, encode(t.bundle, 'hex')) USING
				ERRCODE = 'AG409';
		ELSIF NOT p_all AND b.digest NOT IN (t.bundle, v_active) THEN
			RAISE EXCEPTION 'bundle % is neither the task''s own nor the active one: only an admin starts it', p_bundle USING
				ERRCODE = 'AG403';
		END IF;
	END IF;
	RETURN b;
END $$;

-- What submit_batch() has to know of the program. Its own budget is kept; on another program, that part of it which the submission had
-- lowered.
CREATE OR REPLACE FUNCTION agentd.fork_flow(t agentd.tasks, b agentd.bundles) RETURNS agentd.workflows LANGUAGE plpgsql STABLE AS $$
DECLARE
	w agentd.workflows;
	v_before json := (SELECT x.meta -> 'budget' FROM agentd.bundles x WHERE x.digest = t.bundle);
	v_lane text;
BEGIN
	SELECT * INTO w FROM agentd.workflows x WHERE x.name = t.workflow;
	v_lane := coalesce(b.meta ->> 'lane', agentd.lane_plain(w.lane), 'default');
	w.lane := CASE WHEN w.paused_at IS NULL THEN v_lane ELSE agentd.lane_paused(v_lane) END;
	w.name := t.workflow;
	w.bundle := b.digest;
	w.semantics := coalesce((b.meta ->> 'semantics')::smallint, w.semantics, 1::smallint);
	w.retain := coalesce(b.meta ->> 'retain', CASE t.leaf & 1 WHEN 1 THEN 'long' ELSE 'short' END)::agentd.retention;
	w.budget := CASE WHEN b.digest = t.bundle THEN t.budget ELSE (
		SELECT json_object_agg(k, CASE WHEN (t.budget ->> k)::numeric < coalesce((v_before ->> k)::numeric, 'infinity')
				AND (t.budget ->> k)::numeric < coalesce((b.meta -> 'budget' ->> k)::numeric, 'infinity') THEN t.budget
					-> k ELSE b.meta -> 'budget' -> k END)
		FROM unnest(ARRAY['usd', 'wall_ms', 'turns', 'calls']) k WHERE coalesce(t.budget -> k, b.meta -> 'budget' -> k) IS NOT
			NULL) END;
	RETURN w;
END $$;

-- Whoever the input of a fork came from, through however many forks; null of a new one, which is the caller's own.
CREATE OR REPLACE FUNCTION agentd.fork_by(t agentd.tasks, p_new_input boolean) RETURNS text LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE WHEN NOT p_new_input THEN coalesce(t.origin ->> 'by', t.submitted_by) END;
$$;

-- What whoever forks has to judge before it does: {workflow, urgency, labels, given: its input, bundle, input, by, key_used}, bundle,
-- input and key_used as input_schema() has them; no schema where the input is what it was and the program, too, or where it is not known.
CREATE OR REPLACE FUNCTION agentd.fork_facts(p_task uuid, p_kind text, p_bundle text, p_new_input boolean, p_key text, p_principal text,
	p_all boolean) RETURNS json
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp SET jit = off SET plan_cache_mode =
	force_custom_plan AS $$
DECLARE
	t tasks;
	b bundles;
BEGIN
	IF EXISTS (SELECT FROM idempotency_keys k WHERE k.principal = p_principal AND k.route = 'POST /tasks/:id/' || p_kind AND k.key =
		p_key) THEN
		RETURN '{"key_used":true}';
	END IF;
	t := agentd.task_find(p_task, p_principal, p_all);
	b := agentd.fork_bundle(t, p_bundle, p_all);
	RETURN json_build_object('workflow', t.workflow, 'urgency', t.urgency, 'labels', t.labels,
		'given', CASE WHEN NOT p_new_input THEN agentd.value_of(t.input, t.input_blob) END, 'bundle', encode(b.digest, 'hex'),
		'input', CASE WHEN p_new_input OR b.digest <> t.bundle THEN b.meta -> 'input' END, 'by', agentd.fork_by(t, p_new_input),
		'key_used', false);
END $$;

-- Refuses with AG409, or answers what is kept.
CREATE OR REPLACE FUNCTION agentd.fork_kept(t agentd.tasks, b agentd.bundles, p_kind text, p_step text, p_new_input boolean, p_repeat
	boolean,
	OUT kept bigint[], OUT reopened text[], OUT step text) LANGUAGE plpgsql STABLE AS $$
DECLARE
	v_why text;
BEGIN
	IF t.state IS NULL THEN
		RAISE EXCEPTION 'task % has not ended: it is % and goes on by itself', t.id, (SELECT q.state FROM agentd.task_queue q
			WHERE q.id = t.id)
			USING ERRCODE = 'AG409', HINT = 'cancel it first; one that is quarantined can be redriven';
	ELSIF t.purged_at IS NOT NULL THEN
		RAISE EXCEPTION 'task % was purged at %', t.id, agentd.rfc3339(t.purged_at) USING ERRCODE = 'AG409';
	ELSIF p_kind = 'retry' AND t.state = 'succeeded' THEN
		RAISE EXCEPTION 'task % has succeeded: there is nothing to retry', t.id USING ERRCODE = 'AG409', HINT =
			'fork runs it again';
	ELSIF p_new_input AND p_step IS NOT NULL THEN
		RAISE EXCEPTION 'with another input nothing is kept: no step can be named' USING ERRCODE = 'AG409';
	END IF;
	kept := '{}';
	reopened := '{}';
	IF p_step IS NOT NULL THEN
		kept := agentd.kept_before(t, p_step);
		step := p_step;
	ELSIF p_kind = 'retry' AND NOT p_new_input THEN
		SELECT * INTO kept, reopened FROM agentd.kept_unfailed(t);
		step := coalesce(t.error ->> 'step', (SELECT l.path FROM agentd.task_log l WHERE l.task = t.id AND l.leaf = t.leaf AND
			l.path <> ''
			ORDER BY l.seq DESC LIMIT 1));
	END IF;
	IF b.digest <> t.bundle AND kept <> '{}' THEN
		v_why := CASE WHEN b.meta -> 'steps' IS NULL THEN 'its steps are not known since before agentd kept them: reload it'
			ELSE agentd.fork_misfit(t, kept, b.meta -> 'steps') END;
		IF v_why IS NOT NULL THEN
			RAISE EXCEPTION 'what is kept does not fit bundle %: step %', encode(b.digest, 'hex'), v_why USING ERRCODE =
				'AG409';
		END IF;
	END IF;
	v_why := CASE WHEN NOT p_repeat THEN agentd.fork_repeats(t, kept) END;
	IF v_why IS NOT NULL THEN
		RAISE EXCEPTION 'calls that may have happened: %', v_why USING ERRCODE = 'AG409', HINT =
			'repeat_effects takes them upon you';
	END IF;
END $$;

-- The kept part of t becomes the beginning of p_id, whose row in the queue was written by this transaction.
CREATE OR REPLACE FUNCTION agentd.fork_copy(t agentd.tasks, p_id uuid, p_kept bigint[], p_reopened text[]) RETURNS void
LANGUAGE plpgsql SET jit = off SET plan_cache_mode = force_custom_plan AS $$
DECLARE
	v_leaf smallint;
BEGIN
	UPDATE agentd.task_queue q SET seq = cardinality(p_kept) WHERE q.id = p_id RETURNING q.leaf INTO v_leaf;
	INSERT INTO agentd.task_log (task, seq, at, started_at, fence, try, leaf, path, kind, step_kind, value, value_blob, value_digest)
	SELECT p_id, k.ord, CASE WHEN l.path = ANY (p_reopened) THEN agentd.clock() ELSE l.at END,
		CASE WHEN l.path <> ALL (p_reopened) THEN l.started_at END, 0, l.try, v_leaf, l.path, l.kind, l.step_kind, l.value,
			l.value_blob,
		l.value_digest
	FROM unnest(p_kept) WITH ORDINALITY k(seq, ord) JOIN agentd.task_log l ON l.task = t.id AND l.leaf = t.leaf AND l.seq = k.seq;
	INSERT INTO agentd.effects (task, created_at, changed_at, fence, leaf, state, effect_class, path, tool, key, args, result,
		result_blob,
		resolved_by, try, decision, resolved_at, resolved_try, resolved_id)
	SELECT p_id, f.created_at, f.changed_at, 0, v_leaf, f.state, f.effect_class, f.path, f.tool, f.key, f.args, f.result, f.result_blob,
		f.resolved_by, f.try, f.decision, f.resolved_at, f.resolved_try, f.resolved_id
	FROM agentd.effects f WHERE f.task = t.id AND f.leaf = t.leaf AND EXISTS (SELECT FROM agentd.task_log l WHERE l.task = p_id AND
		l.leaf = v_leaf
		AND l.path = f.path AND l.kind IN ('step.succeeded', 'step.failed'));
	INSERT INTO agentd.blob_refs (task, digest)
	SELECT p_id, x.digest FROM (
		SELECT l.value_blob AS digest FROM agentd.task_log l WHERE l.task = p_id AND l.leaf = v_leaf AND l.value_blob IS NOT NULL
		UNION SELECT f.result_blob FROM agentd.effects f WHERE f.task = p_id AND f.leaf = v_leaf AND f.result_blob IS NOT NULL) x
			ORDER BY x.digest
	ON CONFLICT DO NOTHING;
	PERFORM agentd.feed_one(p_id, 0, cardinality(p_kept), NULL);
END $$;

-- The files that t was given, and those that were made by what is kept, under the names that they had there, for as long.
CREATE OR REPLACE FUNCTION agentd.fork_files(t agentd.tasks, p_id uuid) RETURNS void
LANGUAGE plpgsql SET jit = off SET plan_cache_mode = force_custom_plan AS $$
BEGIN
	INSERT INTO agentd.artifacts (id, task, file, created_at, expires_at, size_bytes, name, direction, step, media_type, effect_key)
	SELECT agentd.uuid_new(), p_id, a.file, a.created_at, a.expires_at, a.size_bytes, a.name, a.direction, a.step, a.media_type,
		a.effect_key
	FROM agentd.artifacts a JOIN agentd.files f ON f.id = a.file
	WHERE a.task = t.id AND a.expires_at > agentd.clock() AND (a.direction = 'in' OR EXISTS (SELECT FROM agentd.task_log l
		WHERE l.task = p_id AND l.leaf = ANY (agentd.leaves_of(p_id)) AND l.path = a.step
			AND l.kind IN ('step.succeeded', 'step.failed')))
	FOR KEY SHARE OF a, f;
END $$;

-- p_kind: retry | fork. Answers as a submission; refusals are errors: AG404, AG409, AG422, AG503. p_id is made by the caller: the same call
-- sent again has the same answer.
CREATE OR REPLACE FUNCTION agentd.fork_task(p_id uuid, p_kind text, p_task uuid, p_step text, p_input json, p_bundle text, p_repeat boolean,
	p_key text, p_request bytea, p_principal text, p_all boolean) RETURNS TABLE (task uuid, replayed boolean, state text, body text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp SET jit = off SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
DECLARE
	c_route constant text := 'POST /tasks/:id/' || p_kind;
	t tasks;
	b bundles;
	k record;
	s record;
	v_kept bigint[] := '{}';
	v_reopened text[] := '{}';
	v_step text;
BEGIN
	PERFORM agentd.pauses_hold();
	SELECT x.task, x.state, x.body, x.request INTO k FROM idempotency_keys x WHERE x.principal = p_principal AND x.route = c_route
		AND x.key = p_key;
	IF k.request = p_request THEN
		RETURN QUERY SELECT k.task, true, k.state::text, k.body;
		RETURN;
	ELSIF k.request IS NOT NULL THEN
		RAISE EXCEPTION 'the idempotency key was used before with another request' USING ERRCODE = 'AG422';
	END IF;
	PERFORM FROM tasks x WHERE x.id = p_task AND x.leaf = ANY (agentd.leaves_of(p_task)) FOR SHARE;	-- nobody purges it meanwhile
	t := agentd.task_find(p_task, p_principal, p_all);
	b := agentd.fork_bundle(t, p_bundle, p_all);
	UPDATE bundles x SET superseded_at = agentd.clock() WHERE x.digest = b.digest AND x.superseded_at IS NOT NULL;
	b := agentd.fork_bundle(t, encode(b.digest, 'hex'), true);		-- it may have gone
	IF NOT EXISTS (SELECT FROM tasks x WHERE x.id = p_id AND x.leaf = ANY (agentd.leaves_of(p_id))) THEN
		SELECT * INTO v_kept, v_reopened, v_step FROM agentd.fork_kept(t, b, p_kind, p_step, p_input IS NOT NULL, p_repeat);
	END IF;
	SELECT * INTO s FROM agentd.submit_batch(ARRAY[p_id], ARRAY[t.workflow], ARRAY[coalesce(p_input, agentd.value_of(t.input,
		t.input_blob))],
		ARRAY[t.urgency], ARRAY[t.labels], ARRAY[NULL]::json[], '{0}', '{0}', ARRAY[p_key], ARRAY[c_route], ARRAY[p_request],
		ARRAY[p_principal], NULL, ARRAY[json_build_object('task', t.id, 'step', v_step, 'kind', p_kind,
			'by', agentd.fork_by(t, p_input IS NOT NULL))], p_flow =>
			ARRAY[agentd.fork_flow(t, b)]);
	CASE s.status
	WHEN 'new' THEN
		IF v_kept <> '{}' THEN
			PERFORM agentd.fork_copy(t, p_id, v_kept, v_reopened);
		END IF;
		PERFORM agentd.fork_files(t, p_id);
		PERFORM pg_notify('agentd_work', '');
	WHEN 'replayed' THEN NULL;
	WHEN 'id_conflict' THEN RAISE EXCEPTION '%', s.message USING ERRCODE = 'AG409';
	WHEN 'refused', 'clock' THEN RAISE EXCEPTION '%', s.message USING ERRCODE = 'AG503', HINT =
		'try again in a while; agentctl doctor tells more';
	ELSE RAISE EXCEPTION '%', s.message USING ERRCODE = 'AG422';
	END CASE;
	RETURN QUERY SELECT s.task, s.status = 'replayed', s.state, s.body;
END $$;

-- --- purge ---
-- Of a task that has ended there stays: id, workflow, bundle, who submitted it, state, times, attempts, budget, cost, what kind of error
-- it had.
-- Its idempotency key stays taken, so that a repetition starts nothing, but no request fits it any more. A second purge changes nothing.
CREATE OR REPLACE FUNCTION agentd.purge(p_task uuid, p_principal text, p_all boolean) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp SET jit = off SET plan_cache_mode = force_custom_plan AS $$
DECLARE
	t tasks;
	v_blobs bytea[];
BEGIN
	PERFORM FROM tasks x WHERE x.id = p_task AND x.leaf = ANY (agentd.leaves_of(p_task)) FOR UPDATE;
	t := agentd.task_find(p_task, p_principal, p_all);
	IF t.state IS NULL THEN
		RAISE EXCEPTION 'task % has not ended: %', p_task, (SELECT q.state FROM task_queue q WHERE q.id = p_task) USING ERRCODE =
			'AG409',
			HINT = 'cancel it first';
	ELSIF t.purged_at IS NULL THEN
		UPDATE tasks x SET purged_at = agentd.clock(), input = NULL, input_blob = NULL, output = NULL, output_blob = NULL, labels
			= NULL,
			error = CASE WHEN t.error IS NOT NULL THEN json_build_object('type', t.error -> 'type', 'message', 'purged',
				'step', NULL, 'retryable', false) END
		WHERE x.id = t.id AND x.leaf = t.leaf;
		DELETE FROM task_log x WHERE x.task = t.id AND x.leaf = t.leaf;
		DELETE FROM effects x WHERE x.task = t.id AND x.leaf = t.leaf;
		DELETE FROM approval_queue x WHERE x.task = t.id;
		DELETE FROM artifacts x WHERE x.task = t.id;
		DELETE FROM task_webhooks x WHERE x.task = t.id;
		DELETE FROM webhook_deliveries x WHERE x.task = t.id;
		DELETE FROM traces x WHERE x.task = t.id AND x.leaf = t.leaf;
		UPDATE model_calls x SET provider_request_id = NULL WHERE x.task = t.id AND x.leaf = t.leaf AND x.provider_request_id IS
			NOT NULL;
		UPDATE idempotency_keys x SET request = '' WHERE x.task = t.id AND x.principal = t.submitted_by
			AND x.created_at >= t.created_at AND x.created_at < t.created_at + interval '1 day';	-- it came with the task
		WITH gone AS (DELETE FROM blob_refs x WHERE x.task = t.id RETURNING x.digest)
		SELECT array_agg(g.digest ORDER BY g.digest) INTO v_blobs FROM gone g;
		DELETE FROM blobs x WHERE x.digest = ANY (v_blobs) AND NOT EXISTS (SELECT FROM blob_refs r WHERE r.digest = x.digest);
	END IF;
	RETURN agentd.task_view(p_task, p_principal, p_all);
END $$;

-- --- pause and resume ---
-- Two calls, each a transaction of its own. This one says it: whoever submits from now on reads it, and who read the word of before has
-- committed (pauses_hold() against pauses_change(); AG503: a transaction that submitted lasts long). Who only reads workflows, as a dump
-- does, is no matter. A transaction with a snapshot of before (any isolation but read committed) escapes this; sweep_paused() does not
-- let it for long. The same word twice changes nothing.
CREATE OR REPLACE FUNCTION agentd.workflow_pause(p_name text, p_principal text, p_paused boolean) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp SET lock_timeout = '2s' AS $$
BEGIN
	PERFORM FROM workflows w WHERE w.name = p_name FOR NO KEY UPDATE;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'no workflow "%"', p_name USING ERRCODE = 'AG404';
	END IF;
	PERFORM agentd.pauses_change();
	UPDATE workflows w SET paused_at = CASE WHEN p_paused THEN agentd.clock() END, paused_by = CASE WHEN p_paused THEN p_principal END,
		lane = CASE WHEN p_paused THEN agentd.lane_paused(w.lane) ELSE agentd.lane_plain(w.lane) END
	WHERE w.name = p_name AND (w.paused_at IS NOT NULL) <> p_paused;
END $$;

-- Of a workflow whose row is locked: at most so many of its tasks move, null: all; how many did.
CREATE OR REPLACE FUNCTION agentd.lanes_settle(w agentd.workflows, p_bound integer) RETURNS bigint LANGUAGE plpgsql
SET jit = off SET plan_cache_mode = force_custom_plan AS $$
DECLARE
	v_id uuid[];
BEGIN
	v_id := ARRAY(SELECT q.id FROM agentd.task_queue q JOIN agentd.tasks t ON t.id = q.id AND t.leaf = q.leaf
		WHERE t.workflow = w.name AND (q.lane <> agentd.lane_plain(q.lane)) <> (w.paused_at IS NOT NULL) ORDER BY q.id LIMIT p_bound);
	PERFORM FROM agentd.task_queue q WHERE q.id = ANY (v_id) ORDER BY q.id FOR NO KEY UPDATE;
	UPDATE agentd.task_queue q SET lane = CASE WHEN w.paused_at IS NULL THEN agentd.lane_plain(q.lane) ELSE agentd.lane_paused(q.lane) END
	WHERE q.id = ANY (v_id);
	IF w.paused_at IS NULL THEN
		PERFORM pg_notify('agentd_work', '');
	END IF;
	RETURN cardinality(v_id);
END $$;

-- And this one moves the workflow's tasks to where that word, or a later one, wants them. First wait, then look: see worker_leave().
CREATE OR REPLACE FUNCTION agentd.workflow_settle(p_name text) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp SET jit = off SET plan_cache_mode = force_custom_plan AS $$
DECLARE
	w workflows;
BEGIN
	SELECT * INTO w FROM workflows x WHERE x.name = p_name FOR UPDATE;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'no workflow "%"', p_name USING ERRCODE = 'AG404';
	END IF;
	PERFORM agentd.lanes_settle(w, NULL);
	RETURN agentd.workflow_json(w);
END $$;

-- The second call never came. Where nothing is paused, and nothing stands apart, this is one look at the lanes of the queue.
CREATE OR REPLACE FUNCTION agentd.sweep_paused(p json) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp SET jit = off SET plan_cache_mode = force_custom_plan AS $$
DECLARE
	v_bound integer := coalesce((p ->> 'bound')::integer, 500);
	v_names text[];
	v_n bigint := 0;
	w workflows;
BEGIN
	v_names := ARRAY(SELECT DISTINCT t.workflow FROM task_queue q JOIN tasks t ON t.id = q.id AND t.leaf = q.leaf
			JOIN workflows x ON x.name = t.workflow
		WHERE (q.lane LIKE '%+!paused' OR EXISTS (SELECT FROM workflows y WHERE y.paused_at IS NOT NULL))
			AND (q.lane <> agentd.lane_plain(q.lane)) <> (x.paused_at IS NOT NULL));
	FOR w IN SELECT * FROM workflows x WHERE x.name = ANY (v_names) ORDER BY x.name FOR UPDATE SKIP LOCKED LOOP
		v_n := v_n + agentd.lanes_settle(w, v_bound - v_n::integer);
		EXIT WHEN v_n >= v_bound;
	END LOOP;
	RETURN v_n;
END $$;
