-- 0007_tasks.sql - what people see of tasks, and cancelling. Texts are JSON exactly as the API shows it.
--
-- Words:  a principal sees its own tasks, or all; what it does not see does not exist for it (404).
--         origin: what a retry or fork was made from. Events submitted, claimed, state.changed and finished are made from
--         tasks and task_attempts; the journal holds the rest.
-- Locks:  task_queue, parent before child, then tasks.

CREATE VIEW agentd.attempts AS
	SELECT a.task, a.fence, a.worker, a.started_at, coalesce(a.ended_at, t.finished_at) AS ended_at,
		coalesce(a.outcome, t.state::text) AS outcome, a.leaf
	FROM agentd.task_attempts a
	LEFT JOIN agentd.tasks t ON t.id = a.task AND t.leaf = a.leaf AND t.fence = a.fence;

-- The task's row, or AG404 when there is none or it is somebody else's.
CREATE FUNCTION agentd.task_find(p_task uuid, p_principal text, p_all boolean) RETURNS agentd.tasks
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_custom_plan AS $$
DECLARE
	v agentd.tasks;
BEGIN
	SELECT * INTO v FROM agentd.tasks t
	WHERE t.id = p_task AND t.leaf = ANY (agentd.leaves_of(p_task)) AND (p_all OR t.submitted_by = p_principal);
	IF NOT FOUND THEN
		RAISE EXCEPTION 'no task %', p_task USING ERRCODE = 'AG404';
	END IF;
	RETURN v;
END $$;

-- Step rows from the journal: one per path, by its latest row.
CREATE FUNCTION agentd.task_steps(p_task uuid, p_leaf smallint, p_terminal boolean) RETURNS json
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_custom_plan AS $$
BEGIN
	RETURN (SELECT coalesce(json_agg(json_strip(json_build_object('path', s.path, 'kind', s.step_kind, 'status', s.status,
			'visits', coalesce((regexp_match(s.path, '~([0-9]+)(\[[0-9]+\])?$'))[1]::integer, 1), 'try', s.try,
			'started_at', agentd.rfc3339(s.started_at), 'finished_at', agentd.rfc3339(s.finished_at),
			'cost_usd', agentd.money(s.cost_usd), 'output', s.value -> 'output', 'error', s.value -> 'error'))
		ORDER BY s.first_seq), '[]')
	FROM (
		SELECT g.path, g.step_kind, g.first_seq, g.started_at, g.cost_usd, l.try,
			agentd.value_of(l.value, l.value_blob) AS value,
			CASE WHEN l.kind IN ('step.succeeded', 'step.failed', 'step.skipped', 'step.cancelled') THEN l.at END AS finished_at,
			CASE WHEN l.kind = 'step.started' THEN CASE WHEN p_terminal THEN 'cancelled' ELSE 'running' END
				WHEN l.kind = 'step.waiting' THEN CASE WHEN p_terminal THEN 'cancelled' ELSE 'waiting' END
				ELSE substr(l.kind, 6) END AS status
		FROM (
			SELECT path, min(seq) AS first_seq, max(seq) AS last_seq, max(step_kind) AS step_kind,
				min(coalesce(started_at, at)) AS started_at, coalesce(sum(cost_usd), 0) AS cost_usd
			FROM agentd.task_log WHERE task = p_task AND leaf = p_leaf AND kind LIKE 'step.%' GROUP BY path) g
		JOIN agentd.task_log l ON l.task = p_task AND l.leaf = p_leaf AND l.seq = g.last_seq) s);
END $$;
