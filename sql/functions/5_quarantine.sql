-- 5_quarantine.sql - tasks that would not end: put aside with the reason, and sent on their way again by a person.
--
-- Words:  failures: the worker could not even write the task's end; recoveries: it fell silent with the task, in a row without
--         progress (a row in the journal). Over the limit of either a task is quarantined. A suspect has lost its worker twice or
--         more: suspects are claimed behind all others and few at a time, so that what kills a worker takes few with it
--         and is told from those that only stood beside it.
-- Queue:  priority is that of the urgency (0 to 99), plus 100 after one recovery, 200 for suspects, 300 for those at their last
--         chance. Progress takes it back.
-- Journal: 'task.quarantined' {error, failures | recoveries, worker?} and 'task.redriven' {by} have the empty path and the
--         fence as their try; the engine does not read them.
-- Locks:  the task's row in task_queue, then task_log.

CREATE OR REPLACE FUNCTION agentd.priority_after(p_priority smallint, p_recoveries integer, p_limit integer) RETURNS smallint
LANGUAGE sql IMMUTABLE AS $$
	SELECT (p_priority % 100 + CASE WHEN p_recoveries >= p_limit THEN 300 WHEN p_recoveries >= 2 THEN 200 ELSE 100 END)::smallint
$$;

-- The suspects that this worker may claim now: of which lane, from which priority on, how many; no row: none. It runs one such
-- group at a time.
CREATE OR REPLACE FUNCTION agentd.suspects_due(p_worker uuid, p_lanes text[]) RETURNS TABLE (lane text, lowest smallint, cap integer)
LANGUAGE plpgsql STABLE AS $$
DECLARE
	v_lane text;
	v_priority smallint;
BEGIN
	FOREACH v_lane IN ARRAY p_lanes LOOP
		SELECT q.priority INTO v_priority FROM agentd.task_queue q
		WHERE q.state = 'ready' AND q.lane = v_lane AND q.priority >= 200 ORDER BY q.priority LIMIT 1;
		CONTINUE WHEN NOT FOUND;
		EXIT WHEN EXISTS (SELECT FROM agentd.task_queue q WHERE q.worker = p_worker AND q.state = 'running' AND q.priority >= 200);
		lane := v_lane;
		lowest := v_priority / 100 * 100;
		cap := CASE WHEN v_priority >= 300 THEN 1 ELSE 8 END;
		RETURN NEXT;
		EXIT;
	END LOOP;
END $$;

-- A row of the journal about the task itself. The row in the queue must be locked, p_seq be its next number. p_try: null for the fence.
DROP FUNCTION IF EXISTS agentd.journal_note(uuid, smallint, bigint, integer, text, json);	-- as it was before p_try
CREATE OR REPLACE FUNCTION agentd.journal_note(p_task uuid, p_leaf smallint, p_seq bigint, p_fence integer, p_kind text, p_value json,
	p_try integer DEFAULT NULL) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO agentd.task_log (task, seq, at, fence, try, leaf, path, kind, value, value_digest)
	VALUES (p_task, p_seq, agentd.clock(), p_fence, coalesce(p_try, p_fence), p_leaf, '', p_kind, p_value, sha256(convert_to(p_value::text, 'UTF8')));
	PERFORM agentd.feed_one(p_task, p_seq - 1, p_seq, NULL);
END $$;

-- Why a task was quarantined that lost its workers; the step that was begun last is the suspect's trail.
CREATE OR REPLACE FUNCTION agentd.lost_error(p_task uuid, p_leaf smallint, p_worker uuid, p_recoveries integer) RETURNS json
LANGUAGE plpgsql STABLE AS $$
DECLARE
	w agentd.workers;
	v_path text;
	v_tool text;
BEGIN
	SELECT * INTO w FROM agentd.workers WHERE id = p_worker;
	SELECT l.path, l.value ->> 'tool' INTO v_path, v_tool FROM agentd.task_log l
	WHERE l.task = p_task AND l.leaf = p_leaf AND l.kind = 'step.started' ORDER BY l.seq DESC LIMIT 1;
	RETURN json_build_object('error', json_build_object('type', 'lease_lost', 'message',
			format('its worker fell silent %s times in a row without progress', p_recoveries)
			|| coalesce(format('; the last step begun was "%s"', v_path), '') || coalesce(format(', a call of %s', v_tool), ''),
			'step', v_path, 'retryable', false),
		'recoveries', p_recoveries, 'worker', p_worker, 'host', w.host, 'pid', w.pid);
END $$;

-- A quarantined task goes on from its journal under a new fence, its counters at 0. One that was redriven since it was quarantined
-- last is as wished, whatever became of it: the same request sent again has the same answer.
CREATE OR REPLACE FUNCTION agentd.redrive(p_task uuid, p_principal text, p_all boolean) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp SET jit = off SET plan_cache_mode = force_custom_plan AS $$
DECLARE
	t tasks := agentd.task_find(p_task, p_principal, p_all);
	q task_queue;
BEGIN
	SELECT * INTO q FROM task_queue WHERE id = p_task FOR NO KEY UPDATE;
	IF q.state = 'quarantined' THEN
		PERFORM agentd.journal_note(q.id, q.leaf, q.seq + 1, q.fence + 1, 'task.redriven', json_build_object('by', p_principal));
		UPDATE task_queue SET state = 'ready', fence = q.fence + 1, seq = q.seq + 1, run_at = agentd.clock(), failures = 0, recoveries = 0,
			priority = q.priority % 100
		WHERE id = p_task;
		PERFORM pg_notify('agentd_work', ''), pg_notify('agentd_done', '');
	ELSIF NOT EXISTS (SELECT FROM task_log l WHERE l.task = p_task AND l.leaf = t.leaf AND l.path = '' AND l.kind = 'task.redriven') THEN
		t := agentd.task_find(p_task, p_principal, p_all);
		RAISE EXCEPTION 'task % is not quarantined: %', p_task, coalesce(t.state, q.state) USING ERRCODE = 'AG409';
	END IF;
	RETURN agentd.task_view(p_task, p_principal, p_all);
END $$;
