-- 3_approvals.sql - requests for a person: opened with the journal row that asks, decided once, consumed by one effect.
--
-- Words:  pending -> approved -> consumed; pending -> denied | expired | superseded | cancelled; approved -> expired | superseded |
--         cancelled. Nothing leaves the others. A request is opened, and given up by its task, through the journal rows
--         approval.requested and approval.decided in the transaction that writes them; it is consumed in the one that dispatches
--         its effect, a question in the one that records its answer.
--         expired: nobody decided in time; no answer is no action. Once before that, when a tenth of its time is left or an hour,
--         whichever is shorter, it is told of again: approval.expiring {id, step, expires_at, by}, a row of the journal with the empty
--         path, which the engine does not read; by: who has approved it so far, where one more is asked for.
-- Locks:  the task's row in task_queue, then the request. Whoever reads (approval_read) locks the request alone.
-- Time:   a pending request past expires_at takes no decision, whether somebody has marked it or not.

-- Rows of the journal that are being committed. p_base < 0: the move does not take place.
CREATE OR REPLACE FUNCTION agentd.approvals_note(p_task uuid[], p_base bigint[], p_leaf smallint[], j_move integer[], j_path text[],
	j_try integer[], j_kind text[], j_value json[], p_now timestamptz) RETURNS void
LANGUAGE plpgsql SET jit = off SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
	v json;
	v_task uuid[];		-- of new requests
	v_leaf smallint[];
	v_id uuid[];
BEGIN
	FOR k IN 1..cardinality(j_move) LOOP
		CONTINUE WHEN j_kind[k] NOT IN ('approval.requested', 'approval.decided') OR p_base[j_move[k]] < 0;
		v := j_value[k];
		IF j_kind[k] = 'approval.decided' THEN
			UPDATE agentd.approval_queue a SET state = v ->> 'decision', decided_at = coalesce(a.decided_at, p_now)
			WHERE a.id = (v ->> 'id')::uuid AND a.task = p_task[j_move[k]] AND a.state IN ('pending', 'approved')
				AND v ->> 'decision' IN ('expired', 'cancelled');
			UPDATE agentd.approval_queue a SET state = 'consumed', consumed_at = p_now
			WHERE a.id = (v ->> 'id')::uuid AND a.task = p_task[j_move[k]] AND a.state = 'approved' AND a.kind = 'question'
				AND v ->> 'decision' = 'approved';
			CONTINUE;
		END IF;
		UPDATE agentd.approval_queue a SET state = 'superseded', decided_at = coalesce(a.decided_at, p_now)
		WHERE a.id = (v ->> 'supersedes')::uuid AND a.task = p_task[j_move[k]] AND a.state IN ('pending', 'approved');
		INSERT INTO agentd.approval_queue (id, task, leaf, kind, state, path, try, requested_at, expires_at, digest, head, tool, args,
			schema, title, show, form, risk, rule, approvers)
		VALUES ((v ->> 'id')::uuid, p_task[j_move[k]], p_leaf[j_move[k]], v ->> 'kind', 'pending',
			regexp_replace(j_path[k], '/approval-[0-9]+$', ''), j_try[k], p_now, (v ->> 'expires_at')::timestamptz,
			decode(v ->> 'digest', 'hex'), decode(v ->> 'head', 'hex'), v -> 'call' ->> 'tool',
			v -> 'call' -> 'args', v -> 'schema', v ->> 'title', v -> 'show', v -> 'form', v ->> 'risk', v ->> 'rule',
			(v ->> 'approvers')::integer)
		ON CONFLICT (id) DO NOTHING;
		IF FOUND THEN
			v_task := v_task || p_task[j_move[k]];
			v_leaf := v_leaf || p_leaf[j_move[k]];
			v_id := v_id || (v ->> 'id')::uuid;
		END IF;
	END LOOP;
	IF v_id IS NOT NULL THEN
		PERFORM agentd.webhooks_note(v_task, v_leaf, array_fill('approval.requested'::text, ARRAY[cardinality(v_id)]), v_id);
	END IF;
END $$;

-- The effect p_key is dispatched with what was approved, and nothing else is. Once more only for the same effect: whether that
-- may run again (it did not happen, or it may be repeated) is the ledger's to say, and it has said so.
CREATE OR REPLACE FUNCTION agentd.approval_consume(p_id uuid, p_task uuid, p_key bytea, p_digest bytea, p_now timestamptz) RETURNS void
LANGUAGE plpgsql SET jit = off SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
	a agentd.approval_queue;
BEGIN
	SELECT * INTO a FROM agentd.approval_queue x WHERE x.id = p_id AND x.task = p_task FOR NO KEY UPDATE;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'task % has no approval %', p_task, p_id USING ERRCODE = 'AG409';
	ELSIF a.digest IS DISTINCT FROM p_digest THEN
		RAISE EXCEPTION 'approval % of task % is for another action than the one that is about to run', p_id, p_task USING ERRCODE = 'AG409';
	ELSIF a.state = 'approved' THEN
		UPDATE agentd.approval_queue x SET state = 'consumed', consumed_at = p_now, effect_key = p_key WHERE x.id = p_id;
	ELSIF a.state <> 'consumed' OR a.effect_key IS DISTINCT FROM p_key THEN
		RAISE EXCEPTION 'approval % of task % is %', p_id, p_task, a.state USING ERRCODE = 'AG409';
	END IF;
END $$;

-- Of tasks that end in this transaction.
DROP FUNCTION IF EXISTS agentd.approvals_drop(uuid, timestamptz);	-- as it was when it took one
CREATE OR REPLACE FUNCTION agentd.approvals_drop(p_task uuid[], p_now timestamptz) RETURNS void
LANGUAGE plpgsql SET jit = off SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
BEGIN
	UPDATE agentd.approval_queue a SET state = 'cancelled', decided_at = coalesce(a.decided_at, p_now)
	WHERE a.task = ANY (p_task) AND a.state IN ('pending', 'approved');
END $$;

-- What became of a request, for the worker that has its task; one whose time is over has expired with this.
CREATE OR REPLACE FUNCTION agentd.approval_read(p_task uuid, p_id uuid)
	RETURNS TABLE (state text, by text, comment text, form json, args json, digest bytea, expires_us bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan
	SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
	v_now timestamptz := agentd.clock();
BEGIN
	UPDATE approval_queue a SET state = 'expired', decided_at = v_now
	WHERE a.id = p_id AND a.task = p_task AND a.state = 'pending' AND a.expires_at <= v_now;
	RETURN QUERY SELECT a.state, a.decided_by, a.comment, a.answer, CASE WHEN a.asked IS NOT NULL THEN a.args END, a.digest,
			agentd.us(a.expires_at)
		FROM approval_queue a WHERE a.id = p_id AND a.task = p_task;
END $$;

-- --- what people see ---
CREATE OR REPLACE FUNCTION agentd.approval_json(a agentd.approval_queue) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
	v_state text := CASE WHEN a.state = 'pending' AND a.expires_at <= agentd.clock() THEN 'expired' ELSE a.state END;
BEGIN
	RETURN '{"id":"' || a.id || '","task":"' || a.task || '","step":' || to_json(a.path) || ',"try":' || a.try || ',"kind":"' || a.kind
		|| '","state":"' || v_state || '"' || agentd.member('workflow', (SELECT to_json(t.workflow)::text FROM agentd.tasks t
			WHERE t.id = a.task AND t.leaf = a.leaf))
		|| agentd.member('tool', to_json(a.tool)::text) || agentd.member('args', a.args::text) || agentd.member('asked', a.asked::text)
		|| ',"title":' || to_json(a.title) || agentd.member('show', a.show::text) || agentd.member('form', a.form::text)
		|| agentd.member('schema', a.schema::text) || ',"risk":' || to_json(a.risk) || ',"rule":' || coalesce(to_json(a.rule)::text, 'null')
		|| ',"approvers":' || a.approvers || ',"digest":"' || encode(a.digest, 'hex') || '","requested_at":"' || agentd.rfc3339(a.requested_at)
		|| '","expires_at":"' || agentd.rfc3339(a.expires_at) || '"'
		|| ',"votes":[' || coalesce((SELECT string_agg('{"by":' || (v -> 'by')::text || ',"decision":' || (v -> 'decision')::text || ',"at":'
			|| (v -> 'at')::text || agentd.member('comment', (v -> 'comment')::text) || '}', ',' ORDER BY i)
			FROM json_array_elements(a.votes) WITH ORDINALITY e(v, i)), '') || ']'
		|| agentd.member('decided_at', '"' || agentd.rfc3339(a.decided_at) || '"') || agentd.member('decided_by', to_json(a.decided_by)::text)
		|| agentd.member('comment', to_json(a.comment)::text) || agentd.member('answer', a.answer::text)
		|| agentd.member('consumed_at', '"' || agentd.rfc3339(a.consumed_at) || '"') || '}';
END $$;

-- p_all: those of everybody's tasks.
CREATE OR REPLACE FUNCTION agentd.approval_find(p_id uuid, p_principal text, p_all boolean) RETURNS agentd.approval_queue
LANGUAGE plpgsql STABLE AS $$
DECLARE
	a agentd.approval_queue;
BEGIN
	SELECT * INTO a FROM agentd.approval_queue x WHERE x.id = p_id
		AND (p_all OR EXISTS (SELECT FROM agentd.tasks t WHERE t.id = x.task AND t.leaf = x.leaf AND t.submitted_by = p_principal));
	IF NOT FOUND THEN
		RAISE EXCEPTION 'no approval %', p_id USING ERRCODE = 'AG404';
	END IF;
	RETURN a;
END $$;

CREATE OR REPLACE FUNCTION agentd.approval_view(p_id uuid, p_principal text, p_all boolean) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp
	SET jit = off SET plan_cache_mode = force_custom_plan AS $$
BEGIN
	RETURN agentd.approval_json(agentd.approval_find(p_id, p_principal, p_all));
END $$;

-- Newest first; next is the id to go on before, or null.
CREATE OR REPLACE FUNCTION agentd.approval_list(p_state text, p_task uuid, p_before uuid, p_limit integer, p_principal text, p_all boolean)
	RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp
	SET jit = off SET plan_cache_mode = force_custom_plan AS $$
DECLARE
	v_limit integer := least(greatest(p_limit, 1), 200);
	v_rows text[];
	v_last uuid;
BEGIN
	IF p_state NOT IN ('pending', 'approved', 'consumed', 'denied', 'expired', 'superseded', 'cancelled') THEN
		RAISE EXCEPTION '"state": unknown state "%", expected pending, approved, consumed, denied, expired, superseded or cancelled',
			left(p_state, 80) USING ERRCODE = 'AG422';
	END IF;
	SELECT array_agg(agentd.approval_json(x) ORDER BY x.id DESC), (array_agg(x.id ORDER BY x.id))[1] INTO v_rows, v_last
	FROM (
		SELECT a.* FROM approval_queue a
		WHERE (p_state IS NULL OR a.state = p_state OR p_state = 'expired' AND a.state = 'pending')
			AND (a.state <> 'pending' OR p_state IS NULL OR (p_state = 'expired') = (a.expires_at <= agentd.clock()))
			AND (p_task IS NULL OR a.task = p_task) AND (p_before IS NULL OR a.id < p_before)
			AND (p_all OR EXISTS (SELECT FROM tasks t WHERE t.id = a.task AND t.leaf = a.leaf AND t.submitted_by = p_principal))
		ORDER BY a.id DESC LIMIT v_limit) x;
	RETURN '{"approvals":[' || coalesce(array_to_string(v_rows, ','), '') || '],"next":'
		|| CASE WHEN cardinality(v_rows) = v_limit THEN '"' || v_last || '"' ELSE 'null' END || '}';
END $$;

-- --- the decision ---
-- Why its words are not acceptable, or null.
CREATE OR REPLACE FUNCTION agentd.approval_problem(a agentd.approval_queue, p_decision text, p_digest bytea, p_comment text, p_args json,
	p_args_digest bytea, p_form json) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	RETURN CASE
	WHEN p_decision IS NULL OR p_decision NOT IN ('approve', 'deny') THEN
		format('"decision": expected approve or deny, got %s', coalesce('"' || left(p_decision, 80) || '"', 'null'))
	WHEN p_digest IS NULL OR octet_length(p_digest) <> 32 THEN '"digest": expected the 64 hex digits that the request shows'
	WHEN char_length(p_comment) > 2500 THEN format('"comment": %s characters, at most 2500 are kept', char_length(p_comment))
	WHEN p_args IS NOT NULL AND (p_decision <> 'approve' OR a.kind <> 'call') THEN '"args": only with the approval of a call'
	WHEN p_args IS NOT NULL AND json_typeof(p_args) <> 'object' THEN '"args": expected an object'
	WHEN octet_length(p_args::text) > 8388608 THEN format('"args": %s bytes, at most 8388608 are kept', octet_length(p_args::text))
	WHEN (p_args IS NULL) <> (p_args_digest IS NULL) OR octet_length(p_args_digest) <> 32 THEN '"args": they come with their digest'
	WHEN p_form IS NOT NULL AND (p_decision <> 'approve' OR a.kind <> 'question') THEN '"form": only with the approval of a question'
	WHEN octet_length(p_form::text) > 1048576 THEN format('"form": %s bytes, at most 1048576 are kept', octet_length(p_form::text)) END;
END $$;

-- The same decision again by the same principal is answered as the first time; another one, and any on a request that is closed, is
-- refused with what was recorded. With more than one approver asked for, whoever submitted the task, or
-- brought its input where it is a fork, is none of them.
-- Edited arguments make a new digest, and another answer to a form is another decision: what was said before does not count.
CREATE OR REPLACE FUNCTION agentd.decide_approval(p_id uuid, p_decision text, p_digest bytea, p_comment text, p_args json,
	p_args_digest bytea, p_form json, p_principal text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp SET jit = off SET plan_cache_mode = force_custom_plan AS $$
DECLARE
	v_now timestamptz;		-- when the locks are ours
	a approval_queue := agentd.approval_find(p_id, p_principal, true);
	v_problem text := agentd.approval_problem(a, p_decision, p_digest, p_comment, p_args, p_args_digest, p_form);
	q task_queue;
	v_digest bytea;
	v_vote json;
	v_votes json[];
	v_last text;
	v_void boolean;
	v_over boolean;
BEGIN
	IF v_problem IS NOT NULL THEN
		RAISE EXCEPTION '%', v_problem USING ERRCODE = 'AG422';
	END IF;
	SELECT * INTO q FROM task_queue WHERE id = a.task FOR NO KEY UPDATE;
	SELECT * INTO a FROM approval_queue WHERE id = p_id FOR NO KEY UPDATE;
	v_now := agentd.clock();
	v_digest := CASE WHEN p_args IS NULL THEN p_digest ELSE sha256(a.head || p_args_digest) END;
	v_votes := ARRAY(SELECT v FROM json_array_elements(a.votes) WITH ORDINALITY e(v, i) ORDER BY i);
	IF EXISTS (SELECT FROM unnest(v_votes) v WHERE v ->> 'by' = p_principal AND v ->> 'decision' = p_decision
			AND v ->> 'sent' = encode(p_digest, 'hex') AND v ->> 'digest' = encode(v_digest, 'hex')
			AND coalesce(v ->> 'form', '') = coalesce(p_form::text, '')) THEN
		RETURN agentd.approval_json(a);
	END IF;
	v_last := v_votes[cardinality(v_votes)] ->> 'by';
	IF a.state <> 'pending' THEN
		RAISE EXCEPTION 'approval % is %', p_id,
			a.state || coalesce(', by ' || a.decided_by, '') || coalesce(' at ' || agentd.rfc3339(a.decided_at), '')
			USING ERRCODE = 'AG409';
	ELSIF q.id IS NULL THEN
		RAISE EXCEPTION 'task % has ended', a.task USING ERRCODE = 'AG409';
	ELSIF a.expires_at <= v_now THEN
		RAISE EXCEPTION 'approval % has expired at %', p_id, agentd.rfc3339(a.expires_at) USING ERRCODE = 'AG409';
	ELSIF a.digest <> p_digest THEN
		RAISE EXCEPTION 'approval % has another digest: what it is about has changed%', p_id, coalesce(', ' || v_last || ' edited it', '')
			USING ERRCODE = 'AG409';
	ELSIF p_decision = 'approve' AND v_digest = a.digest AND EXISTS (SELECT FROM unnest(v_votes) v WHERE v ->> 'by' = p_principal) THEN
		RAISE EXCEPTION '% has approved % already, and another person is asked for', p_principal, p_id USING ERRCODE = 'AG409';
	ELSIF a.approvers > 1 AND p_decision = 'approve'
		AND EXISTS (SELECT FROM tasks t WHERE t.id = a.task AND t.leaf = a.leaf AND p_principal IN (t.submitted_by, t.origin ->> 'by')) THEN
		RAISE EXCEPTION '% submitted the task, or what it was forked from: where % people are asked for, it is none of them', p_principal, a.approvers
			USING ERRCODE = 'AG403';
	END IF;

	v_vote := json_build_object('by', p_principal, 'decision', p_decision, 'at', agentd.rfc3339(v_now), 'sent', encode(p_digest, 'hex'),
		'digest', encode(v_digest, 'hex'), 'comment', p_comment, 'form', p_form::text);
	v_void := v_digest <> a.digest OR p_decision = 'approve' AND p_form::text IS DISTINCT FROM a.answer::text;
	v_votes := CASE WHEN NOT v_void THEN v_votes END || v_vote;
	v_over := p_decision = 'deny' OR cardinality(v_votes) >= a.approvers;
	UPDATE approval_queue x SET votes = array_to_json(v_votes), digest = v_digest,
		args = CASE WHEN v_digest <> x.digest THEN p_args ELSE x.args END,
		asked = CASE WHEN v_digest <> x.digest THEN coalesce(x.asked, x.args) ELSE x.asked END,
		answer = CASE p_decision WHEN 'approve' THEN p_form END,
		comment = CASE WHEN v_void OR p_decision = 'deny' THEN p_comment ELSE coalesce(p_comment, x.comment) END,
		state = CASE WHEN NOT v_over THEN x.state WHEN p_decision = 'deny' THEN 'denied' ELSE 'approved' END,
		decided_at = CASE WHEN v_over THEN v_now END, decided_by = CASE WHEN v_over THEN p_principal END
	WHERE x.id = p_id AND x.state = 'pending' AND x.digest = p_digest AND x.expires_at > v_now
	RETURNING * INTO STRICT a;
	IF v_over THEN
		PERFORM agentd.task_wake(q, v_now);
	END IF;
	RETURN agentd.approval_json(a);
END $$;

-- --- what ages ---
-- Those that are about to expire, each once; p.warn_ms: how long before, at most; 0: not at all. Those of tasks that are locked come by
-- again. Two of one task have numbers of their own, as a row of the journal has the same path and kind once at each try.
CREATE OR REPLACE FUNCTION agentd.warn_approvals(p json, p_now timestamptz) RETURNS bigint
LANGUAGE plpgsql SET jit = off SET plan_cache_mode = force_custom_plan AS $$
DECLARE
	v_warn interval := coalesce((p ->> 'warn_ms')::bigint, 3600000) * interval '1 millisecond';
	v_n bigint := 0;
	v_value json;
	a agentd.approval_queue;
	q agentd.task_queue;
BEGIN
	FOR a IN SELECT * FROM agentd.approval_queue x WHERE x.state = 'pending' AND x.warned_at IS NULL AND x.expires_at > p_now
		AND x.expires_at <= p_now + v_warn AND x.expires_at - (x.expires_at - x.requested_at) / 10 <= p_now
		ORDER BY x.task, x.id LIMIT coalesce((p ->> 'bound')::integer, 500)
	LOOP
		SELECT * INTO q FROM agentd.task_queue WHERE id = a.task FOR NO KEY UPDATE SKIP LOCKED;
		CONTINUE WHEN NOT FOUND;
		UPDATE agentd.approval_queue x SET warned_at = p_now WHERE x.id = a.id AND x.state = 'pending' AND x.warned_at IS NULL
		RETURNING * INTO a;
		CONTINUE WHEN NOT FOUND;
		v_value := json_build_object('id', a.id, 'step', a.path, 'expires_at', agentd.rfc3339(a.expires_at),
			'by', coalesce((SELECT json_agg(v -> 'by') FROM json_array_elements(a.votes) v), '[]'));
		PERFORM agentd.journal_note(q.id, q.leaf, q.seq + 1, q.fence, 'approval.expiring', v_value,
			1 + (SELECT count(*) FROM agentd.approval_queue x WHERE x.task = a.task AND x.warned_at IS NOT NULL AND x.id <> a.id)::integer);
		UPDATE agentd.task_queue x SET seq = x.seq + 1 WHERE x.id = a.task;
		PERFORM agentd.webhooks_note(ARRAY[a.task], ARRAY[a.leaf], '{approval.expiring}', ARRAY[a.id]), pg_notify('agentd_done', '');
		v_n := v_n + 1;
	END LOOP;
	RETURN v_n;
END $$;

-- Nobody decided in time. Those of tasks that are locked come by again.
CREATE OR REPLACE FUNCTION agentd.sweep_approvals(p json) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp SET jit = off SET plan_cache_mode = force_custom_plan AS $$
DECLARE
	v_now timestamptz := agentd.clock();
	v_n bigint := 0;
	a record;
	q task_queue;
BEGIN
	FOR a IN SELECT x.id, x.task FROM approval_queue x WHERE x.state = 'pending' AND x.expires_at <= v_now
		ORDER BY x.task, x.id LIMIT coalesce((p ->> 'bound')::integer, 500)
	LOOP
		SELECT * INTO q FROM task_queue WHERE id = a.task FOR NO KEY UPDATE SKIP LOCKED;
		CONTINUE WHEN NOT FOUND;
		UPDATE approval_queue x SET state = 'expired', decided_at = v_now WHERE x.id = a.id AND x.state = 'pending' AND x.expires_at <= v_now;
		CONTINUE WHEN NOT FOUND;
		PERFORM agentd.task_wake(q, v_now);
		v_n := v_n + 1;
	END LOOP;
	RETURN greatest(v_n, agentd.warn_approvals(p, v_now));
END $$;
