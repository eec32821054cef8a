-- 5_webhooks.sql - deliveries: made with the event, claimed by senders, ended by what they say; one-time links.
--
-- Words:  see 0042_webhooks.sql. Events are task.finished, task.failed (failed or expired; for targets alone), task.uncertain,
--         task.quarantined, approval.requested, approval.expiring; a submission names them by the words of webhook_word().
-- Locks:  the task's row in task_queue, which whoever moves it holds, then deliveries. Senders lock deliveries alone and skip locked ones.
-- Wake:   NOTIFY agentd_hooks when something is due.

CREATE OR REPLACE FUNCTION agentd.webhook_word(p_event text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE p_event WHEN 'task.finished' THEN 'finished' WHEN 'task.uncertain' THEN 'uncertain' WHEN 'task.quarantined' THEN 'quarantined'
		WHEN 'approval.requested' THEN 'approval' WHEN 'approval.expiring' THEN 'expiring' END
$$;

-- Why what a submission asks for is not acceptable, or null. Where it leads to is judged when it is sent.
CREATE OR REPLACE FUNCTION agentd.webhook_problem(p json) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	v_key text;
BEGIN
	IF p IS NULL THEN
		RETURN NULL;
	ELSIF json_typeof(p) <> 'object' THEN
		RETURN format('"webhook": expected object, got %s', json_typeof(p));
	END IF;
	FOR v_key IN SELECT * FROM json_object_keys(p) LOOP
		IF v_key NOT IN ('url', 'events') THEN
			RETURN format('"webhook": unknown key "%s", expected url or events', left(v_key, 80));
		END IF;
	END LOOP;
	IF json_typeof(p -> 'url') IS DISTINCT FROM 'string' OR p ->> 'url' !~ '^https?://[^/?#@\s]+([/?#][!-~]*)?$' OR length(p ->> 'url') > 2048 THEN
		RETURN '"webhook.url": expected an address that begins with https:// of at most 2048 characters';
	ELSIF p -> 'events' IS NULL THEN
		RETURN NULL;
	ELSIF json_typeof(p -> 'events') <> 'array' OR json_array_length(p -> 'events') NOT BETWEEN 1 AND 5 THEN
		RETURN '"webhook.events": expected a list of finished, uncertain, quarantined, approval and expiring';
	END IF;
	RETURN (SELECT format('"webhook.events": expected finished, uncertain, quarantined, approval or expiring, got "%s"', left(e, 80))
		FROM json_array_elements_text(p -> 'events') e WHERE e IS NULL OR e NOT IN ('finished', 'uncertain', 'quarantined', 'approval', 'expiring') LIMIT 1);
END $$;

-- Those of new submissions (status null).
CREATE OR REPLACE FUNCTION agentd.webhooks_keep(p_task uuid[], p_leaf smallint[], p_status text[], p_webhook json[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO agentd.task_webhooks (task, leaf, url, events)
	SELECT p_task[i], p_leaf[i], p_webhook[i] ->> 'url',
		coalesce((SELECT array_agg(DISTINCT e) FROM json_array_elements_text(p_webhook[i] -> 'events') e), '{finished}')
	FROM generate_series(1, cardinality(p_task)) i WHERE p_status[i] IS NULL AND p_webhook[i] IS NOT NULL;
END $$;

-- Events that happen in this transaction, side by side.
CREATE OR REPLACE FUNCTION agentd.webhooks_note(p_task uuid[], p_leaf smallint[], p_event text[], p_approval uuid[]) RETURNS void
LANGUAGE plpgsql SET jit = off SET plan_cache_mode = force_custom_plan AS $$
DECLARE
	v_now timestamptz := agentd.clock();
BEGIN
	INSERT INTO agentd.webhook_deliveries (id, task, leaf, approval, event, target, url, due_at, created_at)
	SELECT agentd.uuid_new(), p_task[i], p_leaf[i], p_approval[i], p_event[i], x.target, x.url, v_now, v_now
	FROM generate_series(1, cardinality(p_task)) i
	CROSS JOIN LATERAL (
		SELECT NULL AS target, w.url FROM agentd.task_webhooks w WHERE w.task = p_task[i] AND agentd.webhook_word(p_event[i]) = ANY (w.events)
		UNION ALL
		SELECT n.name, NULL FROM agentd.notify_targets n WHERE p_event[i] = ANY (n.events)
			AND (n.workflows IS NULL OR EXISTS (SELECT FROM agentd.tasks t WHERE t.id = p_task[i] AND t.leaf = p_leaf[i] AND t.workflow = ANY (n.workflows)))
			AND (n.risks IS NULL OR p_approval[i] IS NULL
				OR EXISTS (SELECT FROM agentd.approval_queue a WHERE a.id = p_approval[i] AND a.risk = ANY (n.risks)))
	) x;
	IF FOUND THEN
		PERFORM pg_notify('agentd_hooks', '');
	END IF;
END $$;

-- What the moves of commit_steps (3_commit.sql) lead to; base is -1 where one did not take place.
CREATE OR REPLACE FUNCTION agentd.webhooks_moves(p_task uuid[], p_base bigint[], p_leaf smallint[], p_next smallint[], p_state text[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
	PERFORM agentd.webhooks_note(array_agg(p_task[i] ORDER BY i), array_agg(p_leaf[i] ORDER BY i), array_agg(e ORDER BY i), NULL)
	FROM generate_series(1, cardinality(p_task)) i
	CROSS JOIN LATERAL unnest(CASE WHEN p_next[i] = 2 AND p_state[i] IN ('failed', 'expired') THEN '{task.finished,task.failed}'::text[]
		WHEN p_next[i] = 2 THEN '{task.finished}' WHEN p_next[i] = 1 AND p_state[i] IN ('uncertain', 'quarantined') THEN ARRAY['task.' || p_state[i]] END) e
	WHERE p_base[i] >= 0
	HAVING count(*) > 0;
END $$;

-- A sweeper has these targets: [{name, events, workflows?, risks?}]; it says so every few minutes. One that nobody has named for an hour is
-- dropped, and what waits for it has failed: two sweepers whose agentd.yaml differs, as while one is changed, leave each other's alone.
-- One that is new is told of the requests, too, that were made within the minute before, or by transactions that did not see it yet, and
-- are pending: whoever asks as the sweeper starts is heard. Said again a little later, it has been told of them.
CREATE OR REPLACE FUNCTION agentd.webhook_targets(p_targets json) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp AS $$
DECLARE
	v_now timestamptz := agentd.clock();
BEGIN
	INSERT INTO notify_targets AS n (name, events, workflows, risks, seen_at, since)
	SELECT t.name, t.events, t.workflows, t.risks, v_now, v_now FROM json_to_recordset(p_targets) t(name text, events text[], workflows text[], risks text[])
	ORDER BY t.name
	ON CONFLICT (name) DO UPDATE SET events = excluded.events, workflows = excluded.workflows, risks = excluded.risks, seen_at = excluded.seen_at;
	DELETE FROM notify_targets n WHERE n.seen_at < v_now - interval '1 hour';
	UPDATE webhook_deliveries d SET state = 'failed', due_at = NULL, lease = NULL, ended_at = v_now,
		error = 'agentd.yaml has had no such target for an hour'
	WHERE d.state = 'pending' AND d.target IS NOT NULL AND NOT EXISTS (SELECT FROM notify_targets n WHERE n.name = d.target);
	INSERT INTO webhook_deliveries (id, task, leaf, approval, event, target, due_at, created_at)
	SELECT agentd.uuid_new(), a.task, a.leaf, a.id, 'approval.requested', n.name, v_now, v_now
	FROM notify_targets n CROSS JOIN approval_queue a
	WHERE n.since > v_now - interval '1 minute' AND 'approval.requested' = ANY (n.events)
		AND n.name IN (SELECT t ->> 'name' FROM json_array_elements(p_targets) t)
		AND a.state = 'pending' AND a.expires_at > v_now AND a.requested_at > n.since - interval '1 minute'
		AND (n.workflows IS NULL OR EXISTS (SELECT FROM tasks t WHERE t.id = a.task AND t.leaf = a.leaf AND t.workflow = ANY (n.workflows)))
		AND (n.risks IS NULL OR a.risk = ANY (n.risks))
		AND NOT EXISTS (SELECT FROM webhook_deliveries d WHERE d.task = a.task AND d.approval = a.id AND d.target = n.name
			AND d.event = 'approval.requested');
	RETURN json_array_length(p_targets);
END $$;

-- Bytes that GET /tasks/ID would show of values, about: of each step what its last row has. Large ones are not read.
CREATE OR REPLACE FUNCTION agentd.webhook_weight(t agentd.tasks) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN coalesce(agentd.value_bytes(t.input, t.input_blob), 0) + coalesce(agentd.value_bytes(t.output, t.output_blob), 0)
		+ coalesce((SELECT sum(agentd.value_bytes(l.value, l.value_blob))
			FROM (SELECT DISTINCT ON (x.path) x.value, x.value_blob FROM agentd.task_log x WHERE x.task = t.id AND x.leaf = t.leaf
				ORDER BY x.path, x.seq DESC) l), 0);
END $$;
CREATE OR REPLACE FUNCTION agentd.value_bytes(p json, p_blob bytea) RETURNS integer LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN CASE WHEN p_blob IS NULL THEN octet_length(p::text)
		ELSE (SELECT octet_length(b.content) FROM agentd.blobs b WHERE b.digest = p_blob) END;
END $$;

-- A task without what makes it large, which omitted names; with its output where p_bytes have room for it.
CREATE OR REPLACE FUNCTION agentd.webhook_brief(t agentd.tasks, p_bytes integer) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
	q agentd.task_queue;
	v_head text;
	v_error text := CASE WHEN octet_length(t.error::text) <= p_bytes / 2 THEN t.error::text END;
BEGIN
	IF t.state IS NULL THEN
		SELECT * INTO q FROM agentd.task_queue x WHERE x.id = t.id;
	END IF;
	v_head := '{' || agentd.task_head(t, coalesce(t.state, q.state), coalesce(t.cost_usd, q.spent_usd, 0),
		(SELECT min(a.started_at) FROM agentd.task_attempts a WHERE a.task = t.id AND a.leaf = t.leaf));
	IF agentd.value_bytes(t.output, t.output_blob) > p_bytes - octet_length(v_head) - coalesce(octet_length(t.error::text), 0) - 200 THEN
		RETURN v_head || agentd.member('error', v_error) || ',"omitted":["input","output","steps"]}';
	END IF;
	RETURN v_head || ',"output":' || coalesce(agentd.value_of(t.output, t.output_blob)::text, 'null')
		|| agentd.member('error', v_error) || ',"omitted":["input","steps"]}';
END $$;

-- A task as GET /tasks/ID shows it; too large for p_bytes, in brief. One that is much too large is not even put together: its text may be
-- longer than any text can be.
CREATE OR REPLACE FUNCTION agentd.webhook_task(t agentd.tasks, p_bytes integer) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
	v_all text;
BEGIN
	IF agentd.webhook_weight(t) <= 4 * p_bytes::bigint THEN
		v_all := agentd.task_show(t);
		IF octet_length(v_all) <= p_bytes THEN
			RETURN v_all;
		END IF;
	END IF;
	RETURN agentd.webhook_brief(t, p_bytes);
END $$;

-- What is told of a delivery; null: it is gone. Whatever one task holds, the others are told of.
CREATE OR REPLACE FUNCTION agentd.webhook_body(d agentd.webhook_deliveries, p_bytes integer) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
	t agentd.tasks;
	a agentd.approval_queue;
BEGIN
	SELECT * INTO t FROM agentd.tasks x WHERE x.id = d.task AND x.leaf = d.leaf;
	IF d.approval IS NOT NULL THEN
		SELECT * INTO a FROM agentd.approval_queue x WHERE x.id = d.approval;
	END IF;
	IF t.id IS NULL OR d.approval IS NOT NULL AND a.id IS NULL THEN
		RETURN NULL;
	END IF;
	BEGIN
		RETURN CASE WHEN d.approval IS NULL THEN agentd.webhook_task(t, p_bytes) ELSE agentd.webhook_approval(a, p_bytes) END;
	EXCEPTION WHEN OTHERS THEN
		RAISE WARNING 'delivery % tells of its task in brief: SQLSTATE %', d.id, SQLSTATE;
		RETURN CASE WHEN d.approval IS NULL THEN agentd.webhook_brief(t, 0) ELSE agentd.webhook_approval_brief(a) END;
	END;
END $$;

-- The host that a webhook leads to.
CREATE OR REPLACE FUNCTION agentd.webhook_host(p_url text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	RETURN lower(substring(p_url FROM '^https?://(\[[^]]*\]|[^/?#:]+)'));
END $$;

-- Up to p_limit of targets and up to p_hooks of tasks' webhooks that are due, for the next p_lease_ms: nobody else sends them. Neither
-- kind takes the place of the other, and of one target's, and of one host's webhooks, 4 at most are under way: a receiver that does not
-- answer holds up its own alone. Where the 1000 that are due the longest are of busy hosts, those are passed over for a while; that is no attempt.
-- The same lease again gets the same ones again. The first row has no id: it says when the next one is due (null: none, or none before
-- an attempt ends). body: the task, or of approval.requested the request; null: it is gone.
DROP FUNCTION IF EXISTS agentd.webhook_claim(uuid, text[], integer, integer, integer);	-- as it was before p_hooks
CREATE OR REPLACE FUNCTION agentd.webhook_claim(p_lease uuid, p_targets text[], p_limit integer, p_lease_ms integer, p_bytes integer,
	p_hooks integer DEFAULT 16)
RETURNS TABLE (id uuid, event text, target text, url text, attempt integer, tries integer, created_us bigint, body text, next_due_ms bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp SET jit = off SET plan_cache_mode = force_custom_plan
	SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
	v_now timestamptz := agentd.clock();
	v_window CONSTANT integer := 1000;
	v_per_host CONSTANT integer := 4;
	v_per_target CONSTANT integer := 4;
	v_target text;
	v_free integer;
	v_lease_end timestamptz := v_now + p_lease_ms * interval '1 millisecond';
	v_mine uuid[] := '{}';	-- those of targets, locked
	v_fit uuid[];		-- webhooks that may be sent now
	v_busy uuid[];		-- those of busy hosts
	v_hooks uuid[];		-- of v_fit, those that nobody else has, locked
	v_next_ms bigint;
	d webhook_deliveries;
BEGIN
	IF NOT EXISTS (SELECT FROM webhook_deliveries y WHERE y.state = 'pending' AND y.lease = p_lease) THEN
		FOREACH v_target IN ARRAY p_targets LOOP
			v_free := least(p_limit - cardinality(v_mine), v_per_target - (SELECT count(*) FROM webhook_deliveries x
				WHERE x.state = 'pending' AND x.target = v_target AND x.due_at > v_now AND x.lease IS NOT NULL));
			v_mine := v_mine || ARRAY(SELECT x.id FROM webhook_deliveries x
				WHERE x.state = 'pending' AND x.target = v_target AND x.due_at <= v_now
				ORDER BY x.due_at LIMIT greatest(v_free, 0) FOR NO KEY UPDATE SKIP LOCKED);
		END LOOP;
		WITH due AS MATERIALIZED (
			SELECT x.id, x.due_at, agentd.webhook_host(x.url) AS host FROM webhook_deliveries x
			WHERE p_hooks > 0 AND x.state = 'pending' AND x.due_at <= v_now AND x.target IS NULL ORDER BY x.due_at LIMIT v_window
		), under_way AS MATERIALIZED (
			SELECT agentd.webhook_host(x.url) AS host, count(*) AS n FROM webhook_deliveries x
			WHERE x.lease IS NOT NULL AND x.state = 'pending' AND x.due_at > v_now AND x.target IS NULL GROUP BY 1
		), ranked AS MATERIALIZED (
			SELECT x.id, x.due_at,
				row_number() OVER (PARTITION BY x.host ORDER BY x.due_at, x.id) + coalesce(u.n, 0) <= v_per_host AS fits
			FROM due x LEFT JOIN under_way u ON u.host = x.host
		)
		SELECT ARRAY(SELECT r.id FROM ranked r WHERE r.fits ORDER BY r.due_at, r.id LIMIT p_hooks),
			ARRAY(SELECT r.id FROM ranked r WHERE NOT r.fits) INTO v_fit, v_busy;
		v_hooks := ARRAY(SELECT x.id FROM webhook_deliveries x WHERE x.id = ANY (v_fit) AND x.state = 'pending' AND x.due_at <= v_now
			FOR NO KEY UPDATE SKIP LOCKED);
		IF cardinality(v_fit) < p_hooks AND cardinality(v_fit) + cardinality(v_busy) = v_window THEN
			UPDATE webhook_deliveries w SET due_at = v_lease_end, lease = NULL WHERE w.id = ANY (ARRAY(SELECT x.id FROM webhook_deliveries x
				WHERE x.id = ANY (v_busy) AND x.state = 'pending' AND x.due_at <= v_now FOR NO KEY UPDATE SKIP LOCKED));
			v_next_ms := 0;
		ELSIF cardinality(v_hooks) < cardinality(v_fit) THEN
			v_next_ms := 100;	-- somebody else had them a moment ago
		END IF;
		WITH mine AS (
			UPDATE webhook_deliveries w SET lease = p_lease, due_at = v_lease_end, attempts = w.attempts + 1, tries = w.tries + 1
			WHERE w.id = ANY (v_mine || v_hooks)
			RETURNING w.id, w.attempts
		)
		INSERT INTO webhook_attempts (delivery, n, started_at) SELECT m.id, m.attempts, v_now FROM mine m;
	ELSE
		v_next_ms := 0;
	END IF;
	FOR d IN SELECT * FROM webhook_deliveries w WHERE w.state = 'pending' AND w.lease = p_lease ORDER BY w.created_at, w.id LOOP
		id := d.id;
		event := d.event;
		target := d.target;
		url := d.url;
		attempt := d.attempts;
		tries := d.tries;
		created_us := (extract(epoch FROM d.created_at) * 1000000)::bigint;
		body := agentd.webhook_body(d, p_bytes);
		next_due_ms := NULL;
		RETURN NEXT;
	END LOOP;
	-- Of what is due and was left, the end of an attempt tells.
	RETURN QUERY SELECT NULL::uuid, NULL::text, NULL::text, NULL::text, NULL::integer, NULL::integer, NULL::bigint, NULL::text,
		least(v_next_ms, (SELECT (extract(epoch FROM w.due_at - v_now) * 1000)::bigint FROM webhook_deliveries w
			WHERE w.state = 'pending' AND w.due_at > v_now AND (w.target IS NULL OR w.target = ANY (p_targets)) ORDER BY w.due_at LIMIT 1));
END $$;

-- A request as GET /approvals/ID shows it; too large for p_bytes, without what makes it so.
CREATE OR REPLACE FUNCTION agentd.webhook_approval(a agentd.approval_queue, p_bytes integer) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
	v_all text := agentd.approval_json(a);
BEGIN
	RETURN CASE WHEN octet_length(v_all) > p_bytes THEN agentd.webhook_approval_brief(a) ELSE v_all END;
END $$;
CREATE OR REPLACE FUNCTION agentd.webhook_approval_brief(a agentd.approval_queue) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
	a.args := NULL;
	a.asked := NULL;
	a.show := NULL;
	a.form := NULL;
	a.schema := NULL;
	a.answer := NULL;
	a.title := left(a.title, 1000);
	RETURN left(agentd.approval_json(a), -1) || ',"omitted":["args","asked","show","form","schema","answer"]}';
END $$;

-- What became of an attempt: delivered, failed (for good), or again after p_delay_ms. Of an attempt that was given up it is recorded, but
-- changes nothing, unless it was taken after all. Sent again it changes nothing either.
CREATE OR REPLACE FUNCTION agentd.webhook_done(p_id uuid, p_lease uuid, p_attempt integer, p_outcome text, p_status integer, p_error text,
	p_delay_ms bigint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan
	SET enable_seqscan = off AS $$
DECLARE
	v_now timestamptz := agentd.clock();
BEGIN
	UPDATE webhook_attempts SET ended_at = v_now, status = p_status, error = left(p_error, 400)
	WHERE delivery = p_id AND n = p_attempt AND ended_at IS NULL;
	UPDATE webhook_deliveries d SET lease = NULL, error = left(p_error, 400),
		state = CASE p_outcome WHEN 'again' THEN 'pending' ELSE p_outcome END,
		due_at = CASE p_outcome WHEN 'again' THEN v_now + p_delay_ms * interval '1 millisecond' END,
		ended_at = CASE WHEN p_outcome <> 'again' THEN v_now END
	WHERE d.id = p_id AND d.state = 'pending' AND (d.lease = p_lease OR p_outcome = 'delivered');
	RETURN FOUND;
END $$;

-- --- what people see ---
CREATE OR REPLACE FUNCTION agentd.webhook_json(d agentd.webhook_deliveries) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN '{"id":"' || d.id || '","task":"' || d.task || '"' || agentd.member('approval', '"' || d.approval || '"')
		|| ',"event":"' || d.event || '"' || agentd.member('target', to_json(d.target)::text) || agentd.member('url', to_json(d.url)::text)
		|| ',"state":"' || d.state || '","created_at":"' || agentd.rfc3339(d.created_at) || '"'
		|| agentd.member('next_at', '"' || agentd.rfc3339(d.due_at) || '"') || agentd.member('ended_at', '"' || agentd.rfc3339(d.ended_at) || '"')
		|| agentd.member('error', to_json(d.error)::text) || ',"attempts":['
		|| coalesce((SELECT string_agg('{"n":' || a.n || ',"started_at":"' || agentd.rfc3339(a.started_at) || '"'
				|| agentd.member('ended_at', '"' || agentd.rfc3339(a.ended_at) || '"') || agentd.member('status', a.status::text)
				|| agentd.member('error', to_json(a.error)::text) || '}', ',' ORDER BY a.n)
			FROM (SELECT * FROM agentd.webhook_attempts x WHERE x.delivery = d.id ORDER BY x.n DESC LIMIT 100) a), '') || ']}';
END $$;

CREATE OR REPLACE FUNCTION agentd.webhook_find(p_id uuid, p_principal text, p_all boolean) RETURNS agentd.webhook_deliveries
LANGUAGE plpgsql STABLE AS $$
DECLARE
	d agentd.webhook_deliveries;
BEGIN
	SELECT * INTO d FROM agentd.webhook_deliveries x WHERE x.id = p_id
		AND (p_all OR EXISTS (SELECT FROM agentd.tasks t WHERE t.id = x.task AND t.leaf = x.leaf AND t.submitted_by = p_principal));
	IF NOT FOUND THEN
		RAISE EXCEPTION 'no delivery %', p_id USING ERRCODE = 'AG404';
	END IF;
	RETURN d;
END $$;

CREATE OR REPLACE FUNCTION agentd.webhook_view(p_id uuid, p_principal text, p_all boolean) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp AS $$
BEGIN
	RETURN agentd.webhook_json(agentd.webhook_find(p_id, p_principal, p_all));
END $$;

-- Newest first; next is the id to go on before, or null. p_task, p_state: null for all.
CREATE OR REPLACE FUNCTION agentd.webhook_list(p_state text, p_task uuid, p_before uuid, p_limit integer, p_principal text, p_all boolean) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp SET jit = off SET plan_cache_mode = force_custom_plan AS $$
DECLARE
	v_limit integer := least(greatest(p_limit, 1), 200);
	v_rows text[];
	v_last uuid;
BEGIN
	IF p_state NOT IN ('pending', 'delivered', 'failed') THEN
		RAISE EXCEPTION '"state": unknown state "%", expected pending, delivered or failed', left(p_state, 80) USING ERRCODE = 'AG422';
	END IF;
	SELECT array_agg(agentd.webhook_json(x) ORDER BY x.id DESC), (array_agg(x.id ORDER BY x.id))[1] INTO v_rows, v_last
	FROM (
		SELECT d.* FROM webhook_deliveries d
		WHERE (p_state IS NULL OR d.state = p_state) AND (p_task IS NULL OR d.task = p_task) AND (p_before IS NULL OR d.id < p_before)
			AND (p_all OR EXISTS (SELECT FROM tasks t WHERE t.id = d.task AND t.leaf = d.leaf AND t.submitted_by = p_principal))
		ORDER BY d.id DESC LIMIT v_limit) x;
	RETURN '{"deliveries":[' || coalesce(array_to_string(v_rows, ','), '') || '],"next":'
		|| CASE WHEN cardinality(v_rows) = v_limit THEN '"' || v_last || '"' ELSE 'null' END || '}';
END $$;

-- What a task asked for, and the deliveries about it, the newest 200.
CREATE OR REPLACE FUNCTION agentd.webhooks_of_task(p_task uuid, p_principal text, p_all boolean) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp SET jit = off SET plan_cache_mode = force_custom_plan AS $$
DECLARE
	t tasks := agentd.task_find(p_task, p_principal, p_all);
BEGIN
	RETURN '{"webhook":' || coalesce((SELECT json_build_object('url', w.url, 'events', w.events)::text FROM task_webhooks w WHERE w.task = t.id), 'null')
		|| ',' || substr(agentd.webhook_list(NULL, t.id, NULL, 200, p_principal, p_all), 2);
END $$;

-- It is due now, its schedule begins anew. One that was delivered is as wished.
CREATE OR REPLACE FUNCTION agentd.webhook_retry(p_id uuid, p_principal text, p_all boolean) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp AS $$
DECLARE
	d webhook_deliveries := agentd.webhook_find(p_id, p_principal, p_all);
BEGIN
	UPDATE webhook_deliveries x SET state = 'pending', tries = 0, due_at = agentd.clock(), ended_at = NULL
	WHERE x.id = p_id AND x.state <> 'delivered' AND x.lease IS NULL;
	IF FOUND THEN
		PERFORM pg_notify('agentd_hooks', '');
	ELSIF (SELECT x.state FROM webhook_deliveries x WHERE x.id = p_id) = 'delivered' THEN
		RAISE EXCEPTION 'delivery % has been delivered', p_id USING ERRCODE = 'AG409';
	END IF;
	RETURN agentd.webhook_view(p_id, p_principal, p_all);
END $$;

-- --- one-time links ---
-- The request that a link is about, while the link may decide. p_digest: the beginning of the digest.
CREATE OR REPLACE FUNCTION agentd.link_find(p_id uuid, p_digest bytea, p_recipient text) RETURNS agentd.approval_queue
LANGUAGE plpgsql STABLE AS $$
DECLARE
	a agentd.approval_queue := agentd.approval_find(p_id, '', true);
BEGIN
	IF a.state <> 'pending' OR a.expires_at <= agentd.clock() OR substring(a.digest, 1, octet_length(p_digest)) <> p_digest
		OR EXISTS (SELECT FROM agentd.approval_link_uses u WHERE u.approval = p_id AND u.recipient = p_recipient AND u.digest = p_digest)
	THEN
		RAISE EXCEPTION 'the link has been used, or what it is about has changed or was decided' USING ERRCODE = 'AG409';
	END IF;
	RETURN a;
END $$;

CREATE OR REPLACE FUNCTION agentd.link_view(p_id uuid, p_digest bytea, p_recipient text) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp AS $$
BEGIN
	RETURN agentd.approval_json(agentd.link_find(p_id, p_digest, p_recipient));
END $$;

-- It decides once. The row of its use is what two at a time wait for.
CREATE OR REPLACE FUNCTION agentd.decide_by_link(p_id uuid, p_digest bytea, p_recipient text, p_decision text, p_comment text, p_form json) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp AS $$
DECLARE
	a approval_queue := agentd.link_find(p_id, p_digest, p_recipient);
BEGIN
	PERFORM FROM task_queue q WHERE q.id = a.task FOR NO KEY UPDATE;
	INSERT INTO approval_link_uses VALUES (p_id, p_recipient, p_digest, agentd.clock()) ON CONFLICT DO NOTHING;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'the link has been used' USING ERRCODE = 'AG409';
	END IF;
	RETURN agentd.decide_approval(p_id, p_decision, a.digest, p_comment, NULL, NULL, p_form, 'link:' || p_recipient);
END $$;
