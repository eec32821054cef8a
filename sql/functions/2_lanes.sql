-- 2_lanes.sql - lanes: what workers must be able to do, who is able to, and what waits for nobody.
--
-- Words:  a task's lane is one name, or several in order with + between: its worker must serve all of them (its parts).
--         A worker is live while its lease runs. Unclaimed tasks are ready, and no live worker serves their lane or knows
--         their semantics: nothing moves them but a worker that does.
--         Tasks of a paused workflow (5_control.sql) stand in lanes that have one more part, !paused, which no worker can serve. People
--         see the lane without it (lane_plain()).
-- Locks:  the word of pauses (advisory, shared), before whatever else; lanes in name order; task_queue in id order.

CREATE OR REPLACE FUNCTION agentd.lanes_add(p_lanes text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO agentd.lanes (name, parts)
	SELECT DISTINCT l COLLATE "C", string_to_array(l, '+') FROM unnest(p_lanes) l ORDER BY 1
	ON CONFLICT DO NOTHING;
END $$;

CREATE OR REPLACE FUNCTION agentd.lane_plain(p_lane text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	RETURN CASE WHEN p_lane LIKE '%+!paused' THEN left(p_lane, -8) ELSE p_lane END;
END $$;

CREATE OR REPLACE FUNCTION agentd.lane_paused(p_lane text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	RETURN agentd.lane_plain(p_lane) || '+!paused';
END $$;

-- The lane p_new for a task that stands in p_old: paused stays paused.
CREATE OR REPLACE FUNCTION agentd.lane_like(p_old text, p_new text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	RETURN CASE WHEN p_old = agentd.lane_plain(p_old) THEN p_new ELSE agentd.lane_paused(p_new) END;
END $$;

-- Whoever puts tasks into the queue calls this in a statement before the one that reads where their workflow stands: nobody pauses or
-- resumes one until the end of the transaction. As expressions, which need no executor.
CREATE OR REPLACE FUNCTION agentd.pauses_hold() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	IF NOT pg_try_advisory_xact_lock_shared(hashtext('agentd.pauses')) THEN
		PERFORM pg_advisory_xact_lock_shared(hashtext('agentd.pauses'));	-- somebody pauses right now, or waits to, for a fifth of a second
	END IF;
END $$;

-- Whoever pauses or resumes: all have committed who read the word of before and put tasks into the queue, and none reads one until the end of
-- the transaction. Nobody waits behind this for longer than a fifth of a second: it steps back, and tries again.
CREATE OR REPLACE FUNCTION agentd.pauses_change() RETURNS void LANGUAGE plpgsql SET lock_timeout = '200ms' AS $$
BEGIN
	FOR i IN 1..10 LOOP
		BEGIN
			PERFORM pg_advisory_xact_lock(hashtext('agentd.pauses'));
			RETURN;
		EXCEPTION WHEN lock_not_available THEN
			PERFORM pg_sleep(0.02 + 0.03 * random());
		END;
	END LOOP;
	RAISE EXCEPTION 'a transaction that submitted tasks, or began to, has gone on for 2 s' USING ERRCODE = 'AG503', HINT = 'try again in a while';
END $$;

-- Tasks of these workflows' present bundles go to the lane that the workflows have now. Those of earlier bundles keep theirs:
-- what they need is known to the worker that claims them.
CREATE OR REPLACE FUNCTION agentd.lanes_move(p_workflow text[]) RETURNS void LANGUAGE plpgsql
SET jit = off SET plan_cache_mode = force_custom_plan AS $$
DECLARE
	w agentd.workflows;
BEGIN
	FOR w IN SELECT * FROM agentd.workflows x WHERE x.name = ANY (p_workflow) ORDER BY x.name LOOP
		UPDATE agentd.task_queue q SET lane = w.lane WHERE q.ctid = ANY (ARRAY(
			SELECT x.ctid FROM agentd.task_queue x JOIN agentd.tasks t ON t.id = x.id AND t.leaf = x.leaf
			WHERE t.workflow = w.name AND t.bundle = w.bundle AND x.lane <> w.lane
			ORDER BY x.id FOR NO KEY UPDATE OF x));
		PERFORM pg_notify('agentd_work', '');
	END LOOP;
END $$;

CREATE OR REPLACE FUNCTION agentd.live_workers(p_lane text, p_semantics smallint) RETURNS integer LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN (SELECT count(*) FROM agentd.workers w WHERE w.ended_at IS NULL AND w.lease_until > agentd.clock()
		AND string_to_array(p_lane, '+') <@ w.lanes AND w.semantics >= p_semantics);
END $$;

-- Why no worker claims a ready task, as {type, message}; null: one may, or it is not ready.
CREATE OR REPLACE FUNCTION agentd.why_unclaimed(q agentd.task_queue) RETURNS json LANGUAGE plpgsql STABLE AS $$
BEGIN
	IF q.state IS DISTINCT FROM 'ready' OR agentd.live_workers(q.lane, q.semantics) > 0 THEN
		RETURN NULL;
	ELSIF q.lane <> agentd.lane_plain(q.lane) THEN
		RETURN (SELECT json_build_object('type', 'workflow.paused', 'message',
			format('workflow "%s" is paused since %s by %s: agentctl resume %s',
				t.workflow, agentd.rfc3339(w.paused_at), w.paused_by, t.workflow))
			FROM agentd.tasks t JOIN agentd.workflows w ON w.name = t.workflow WHERE t.id = q.id AND t.leaf = q.leaf);
	ELSIF agentd.live_workers(q.lane, 0::smallint) = 0 THEN
		RETURN json_build_object('type', 'lane.unserved', 'message', format('no live worker serves lane "%s": agentd --lanes %s worker',
			q.lane, replace(q.lane, '+', ',')));
	END IF;
	RETURN json_build_object('type', 'semantics.unserved', 'message',
		format('no live worker of lane "%s" knows semantics %s: a newer agentd began the task', q.lane, q.semantics));
END $$;

-- paused: ready ones that only wait for their workflow to be resumed; they count nowhere else.
DROP FUNCTION IF EXISTS agentd.lane_rows();	-- as it was before paused
CREATE OR REPLACE FUNCTION agentd.lane_rows() RETURNS TABLE (lane text, ready bigint, unclaimed bigint, running bigint, waiting bigint,
	oldest_s bigint, workers integer, paused bigint)
LANGUAGE plpgsql STABLE SET jit = off AS $$
#variable_conflict use_column
DECLARE
	v_now timestamptz := agentd.clock();
BEGIN
	RETURN QUERY
	WITH q AS MATERIALIZED (
		SELECT x.lane, x.state, x.semantics, count(*) AS n, min(x.run_at) AS oldest FROM agentd.task_queue x GROUP BY 1, 2, 3
	), r AS (
		SELECT agentd.lane_plain(q.lane) AS lane, q.n, q.oldest, CASE WHEN q.state <> 'ready' THEN q.state::text
			WHEN q.lane <> agentd.lane_plain(q.lane) THEN 'paused' ELSE 'ready' END AS state,
			q.state = 'ready' AND q.lane = agentd.lane_plain(q.lane) AND agentd.live_workers(q.lane, q.semantics) = 0
				AS is_unclaimed
		FROM q
	)
	SELECT l.name, coalesce(sum(r.n) FILTER (WHERE r.state = 'ready'), 0)::bigint,
		coalesce(sum(r.n) FILTER (WHERE r.is_unclaimed), 0)::bigint,
		coalesce(sum(r.n) FILTER (WHERE r.state = 'running'), 0)::bigint,
		coalesce(sum(r.n) FILTER (WHERE r.state NOT IN ('ready', 'running', 'paused')), 0)::bigint,
		greatest(0, extract(epoch FROM v_now - min(r.oldest) FILTER (WHERE r.state = 'ready')))::bigint,
		agentd.live_workers(l.name, 0::smallint), coalesce(sum(r.n) FILTER (WHERE r.state = 'paused'), 0)::bigint
	FROM (SELECT name FROM lanes UNION SELECT r.lane FROM r) l LEFT JOIN r ON r.lane = l.name
	GROUP BY l.name;
END $$;

-- Lanes that something waits in, somebody serves, or an active workflow needs.
CREATE OR REPLACE FUNCTION agentd.lanes_list() RETURNS json
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp AS $$
	SELECT json_build_object('lanes', coalesce(json_agg(json_build_object('lane', r.lane, 'workers', r.workers, 'ready', r.ready,
		'unclaimed', r.unclaimed, 'running', r.running, 'waiting', r.waiting, 'paused', r.paused, 'oldest_ready_s', r.oldest_s)
			ORDER BY r.lane), '[]'))
	FROM agentd.lane_rows() r
	WHERE r.ready + r.running + r.waiting + r.paused + r.workers > 0 OR EXISTS (SELECT FROM workflows w WHERE
		agentd.lane_plain(w.lane) = r.lane AND w.active)
$$;

-- doctor's part: one check for each lane that has unclaimed tasks, or one that says there is none.
CREATE OR REPLACE FUNCTION agentd.lanes_checks() RETURNS json[] LANGUAGE plpgsql STABLE AS $$
DECLARE
	v_checks json[] := '{}';
	r record;
BEGIN
	FOR r IN SELECT * FROM agentd.lane_rows() x WHERE x.unclaimed > 0 ORDER BY x.lane LOOP
		v_checks := v_checks || json_build_object('name', 'lane ' || r.lane, 'ok', false, 'level', 'error',
			'detail', format('%s tasks wait, the oldest for %s s, and no live worker %s', r.unclaimed, r.oldest_s,
				CASE WHEN r.workers = 0 THEN 'serves it: agentd --lanes ' || replace(r.lane, '+', ',') || ' worker'
				ELSE 'of it is new enough for them' END));
	END LOOP;
	IF cardinality(v_checks) = 0 THEN
		v_checks := ARRAY[json_build_object('name', 'lanes', 'ok', true, 'level', 'error',
			'detail', 'every lane that tasks wait in has a live worker')];
	END IF;
	RETURN v_checks;
END $$;
