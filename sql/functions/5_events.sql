-- 5_events.sql - what happens to tasks, as events: of one task, of all.
--
-- Words:  an event is a row of the journal, or submitted, claimed, state.changed (an attempt left the task) and finished, which are made
--         from tasks and task_attempts. Its place is (seq, k), see 2_feed.sql; its id is "SEQ" or "SEQ.K". Places never change and
--         no event ever comes before one that was there: who saw all up to a place goes on behind it.
--         A page has at most p_limit events and ends after p_bytes of them; its last row has no kind, but the place to go on behind,
--         and in data: more, ended (nothing comes behind it), gone (the feed does not reach back so far), held (there is more, but a
--         transaction with a lower number runs yet), or nothing.
-- Plans:  by keys, as in 5_tasks.sql.

CREATE OR REPLACE FUNCTION agentd.event_head(p_seq bigint, p_k bigint, p_at timestamptz, p_task uuid, p_path text, p_kind text) RETURNS text
LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN '{"id":"' || p_seq || CASE WHEN p_k > 0 THEN '.' || p_k ELSE '' END || '","seq":' || p_seq || ',"at":"' || agentd.rfc3339(p_at)
		|| '","task":"' || p_task || '","path":' || to_json(p_path) || ',"kind":' || to_json(p_kind);
END $$;

CREATE OR REPLACE FUNCTION agentd.event_of_row(l agentd.task_log) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN agentd.event_head(l.seq, 0, l.at, l.task, l.path, l.kind) || agentd.member('step_kind', to_json(l.step_kind)::text)
		|| ',"try":' || l.try || agentd.member('started_at', '"' || agentd.rfc3339(l.started_at) || '"')
		|| agentd.member('cost_usd', '"' || agentd.money(l.cost_usd) || '"')
		|| ',"value":' || coalesce(agentd.value_of(l.value, l.value_blob)::text, 'null') || '}';
END $$;

-- The events of a task that no row of the journal tells, from attempt p_fence on, behind (p_seq, p_k), in order.
-- Of an attempt of before 0041_events.sql the place of its claim follows from the rows of the attempts before it; where it ended is not
-- known.
CREATE OR REPLACE FUNCTION agentd.events_of_life(t agentd.tasks, p_fence integer, p_seq bigint, p_k bigint, p_limit integer)
RETURNS TABLE (seq bigint, k bigint, kind text, data text)
LANGUAGE plpgsql STABLE SET jit = off SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY SELECT e.seq, e.k, e.kind, agentd.event_head(e.seq, e.k, e.at, t.id, '', e.kind) || ',"value":' || e.value || '}'
	FROM (
		SELECT 0::bigint AS seq, 0::bigint AS k, t.created_at AS at, 'submitted' AS kind,
			'{"workflow":' || to_json(t.workflow) || ',"by":' || to_json(t.submitted_by) || '}' AS value
		WHERE p_seq < 0
		UNION ALL
		SELECT coalesce(a.seq, (SELECT coalesce(max(l.seq), 0) FROM agentd.task_log l
				WHERE l.task = t.id AND l.leaf = t.leaf AND l.fence < a.fence)),
			2 * a.fence::bigint, a.started_at, 'claimed', '{"attempt":' || a.fence || ',"worker":"' || a.worker || '"}'
		FROM agentd.task_attempts a WHERE a.task = t.id AND a.leaf = t.leaf AND a.fence >= p_fence
		UNION ALL
		SELECT a.ended_seq, 2 * a.fence::bigint + 1, a.ended_at, 'state.changed',
			'{"attempt":' || a.fence || ',"to":' || to_json(a.outcome) || '}'
		FROM agentd.task_attempts a WHERE a.task = t.id AND a.leaf = t.leaf AND a.fence >= p_fence AND a.ended_seq IS NOT NULL
		UNION ALL
		SELECT t.last_seq, 2 * t.fence::bigint + 2, t.finished_at, 'finished',
			'{"state":"' || t.state || '"' || agentd.member('error', t.error::text) || '}'
		WHERE t.state IS NOT NULL
	) e
	WHERE (e.seq, e.k) > (p_seq, p_k) ORDER BY e.seq, e.k LIMIT p_limit;
END $$;

-- Events of a task behind (p_seq, p_k); (-1, 0): from the beginning.
CREATE OR REPLACE FUNCTION agentd.events_of_task(p_task uuid, p_seq bigint, p_k bigint, p_limit integer, p_bytes integer,
	p_principal text, p_all boolean) RETURNS TABLE (a bigint, b bigint, c bigint, kind text, data text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp
	SET jit = off SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
DECLARE
	t tasks := agentd.task_find(p_task, p_principal, p_all);
	v_fence integer;
	v_lives CURSOR FOR SELECT * FROM agentd.events_of_life(t, v_fence, p_seq, p_k, p_limit + 1);
	v_rows CURSOR FOR SELECT * FROM task_log x WHERE x.task = p_task AND x.leaf = t.leaf AND x.seq > p_seq ORDER BY x.seq LIMIT p_limit + 1;
	v_life record;
	l task_log;
	v_seq bigint := p_seq;		-- of the last event of the page
	v_k bigint := p_k;
	v_n integer := 0;
	v_size bigint := 0;
	v_more boolean := false;
BEGIN
	-- Attempts before that of the place have nothing behind it.
	v_fence := CASE WHEN p_k > 0 THEN least(p_k / 2, 2147483647)::integer
		ELSE coalesce((SELECT x.fence FROM task_log x WHERE x.task = p_task AND x.leaf = t.leaf AND x.seq = p_seq), 0) END;
	OPEN v_lives;
	OPEN v_rows;
	FETCH v_lives INTO v_life;
	FETCH v_rows INTO l;
	WHILE l.seq IS NOT NULL OR v_life.seq IS NOT NULL LOOP
		v_more := v_n >= p_limit OR v_size >= p_bytes;
		EXIT WHEN v_more;
		IF l.seq IS NULL OR v_life.seq < l.seq THEN
			v_seq := v_life.seq;
			v_k := v_life.k;
			kind := v_life.kind;
			data := v_life.data;
			FETCH v_lives INTO v_life;
		ELSE
			v_seq := l.seq;
			v_k := 0;
			kind := l.kind;
			data := agentd.event_of_row(l);
			FETCH v_rows INTO l;
		END IF;
		a := v_seq;
		b := v_k;
		c := 0;
		RETURN NEXT;
		v_n := v_n + 1;
		v_size := v_size + length(data);
	END LOOP;
	CLOSE v_rows;
	CLOSE v_lives;
	RETURN QUERY SELECT v_seq, v_k, 0::bigint, NULL::text, CASE WHEN v_more THEN 'more' WHEN t.state IS NOT NULL THEN 'ended' ELSE '' END;
END $$;

-- Something that differs whenever these tasks have new events. One look for all who listen.
CREATE OR REPLACE FUNCTION agentd.events_news(p_ids uuid[]) RETURNS TABLE (id uuid, seq bigint, k bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp
	SET jit = off SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY SELECT i.id, coalesce(q.seq, -1::bigint),
			CASE WHEN q.id IS NULL THEN -1::bigint ELSE 2 * q.fence::bigint + (q.worker IS NULL)::integer END
		FROM unnest(p_ids) i(id) LEFT JOIN LATERAL (SELECT * FROM task_queue x WHERE x.id = i.id LIMIT 1) q ON true;
END $$;

-- Events of all tasks behind (p_xid, p_nr, p_c): transaction, element of the feed, and in it the row's seq, or what follows the last.
CREATE OR REPLACE FUNCTION agentd.events_of_all(p_xid bigint, p_nr bigint, p_c bigint, p_limit integer, p_bytes integer)
RETURNS TABLE (a bigint, b bigint, c bigint, kind text, data text, submitted_by text, workflow text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp
	SET jit = off SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
DECLARE
	v_snapshot pg_snapshot := pg_current_snapshot();
	f event_feed;
	t tasks;
	l task_log;
	r record;
	v_xid bigint := p_xid;
	v_nr bigint := p_nr;
	v_c bigint := p_c;
	v_after bigint;
	v_elements integer := 0;
	v_n integer := 0;
	v_size bigint := 0;
	v_more boolean := false;
BEGIN
	IF NOT EXISTS (SELECT FROM event_watch w WHERE w.since::text::bigint <= p_xid) OR p_xid > pg_snapshot_xmax(v_snapshot)::text::bigint THEN
		RETURN QUERY SELECT p_xid, p_nr, p_c, NULL::text, 'gone'::text, NULL::text, NULL::text;
		RETURN;
	END IF;
	FOR f IN SELECT * FROM event_feed x WHERE x.xid >= p_xid::text::xid8 AND x.xid < pg_snapshot_xmin(v_snapshot)
		AND (x.xid > p_xid::text::xid8 OR x.nr >= p_nr) ORDER BY x.xid, x.nr LIMIT p_limit + 2	-- the first may be read already
	LOOP
		v_elements := v_elements + 1;
		v_more := v_n >= p_limit OR v_size >= p_bytes OR v_elements > p_limit + 1;
		EXIT WHEN v_more;
		v_after := CASE WHEN f.xid::text::bigint = p_xid AND f.nr = p_nr THEN p_c ELSE -1 END;
		v_xid := f.xid::text::bigint;
		v_nr := f.nr;
		v_c := v_after;
		SELECT * INTO t FROM tasks x WHERE x.id = f.task AND x.leaf = ANY (agentd.leaves_of(f.task)) LIMIT 1;
		FOR l IN SELECT * FROM task_log x WHERE x.task = t.id AND x.leaf = t.leaf
			AND x.seq > greatest(f.seq_from, v_after) AND x.seq <= f.seq_to ORDER BY x.seq
		LOOP
			v_more := v_n >= p_limit OR v_size >= p_bytes;
			EXIT WHEN v_more;
			data := agentd.event_of_row(l);
			RETURN QUERY SELECT v_xid, v_nr, l.seq, l.kind, data, t.submitted_by, t.workflow;
			v_c := l.seq;
			v_n := v_n + 1;
			v_size := v_size + length(data);
		END LOOP;
		EXIT WHEN v_more;
		IF t.id IS NOT NULL AND f.k IS NOT NULL AND v_after <= f.seq_to THEN
			FOR r IN SELECT * FROM agentd.events_of_life(t, (f.k / 2 - 1)::integer, CASE WHEN f.k = 0 THEN -1 ELSE f.seq_to END, f.k - 1, 1) e
				WHERE e.seq = f.seq_to AND e.k = f.k LOOP
				RETURN QUERY SELECT v_xid, v_nr, f.seq_to + 1, r.kind, r.data, t.submitted_by, t.workflow;
				v_n := v_n + 1;
				v_size := v_size + length(r.data);
			END LOOP;
		END IF;
		v_c := f.seq_to + 1;
	END LOOP;
	RETURN QUERY SELECT v_xid, v_nr, v_c, NULL::text, CASE WHEN v_more THEN 'more'
		WHEN EXISTS (SELECT FROM event_feed x WHERE x.xid >= pg_snapshot_xmin(v_snapshot)) THEN 'held' ELSE '' END, NULL::text, NULL::text;
END $$;

-- For the web server of the version before event streams, which may run while this version begins: its GET /tasks/ID/events answers with
-- one JSON document. It stays through this version.
--
-- Events after seq p_after. Those made from other tables have no place in the journal's numbering of their own: submitted and
-- claimed come before the rows they precede and carry the seq before those, so they are shown only when
-- p_after is -1 (from the start: submitted) or with the rows that follow.
CREATE OR REPLACE FUNCTION agentd.task_events(p_task uuid, p_after bigint, p_limit integer, p_principal text, p_all boolean) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp
	SET jit = off SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
	t tasks := agentd.task_find(p_task, p_principal, p_all);
	q task_queue;
	v_state task_state;
	v_limit integer := least(greatest(p_limit, 1), 1000);
	v_rows text[];
	v_last bigint;
	v_events text;
BEGIN
	SELECT * INTO q FROM task_queue WHERE id = p_task;
	v_state := coalesce(t.state, q.state);
	SELECT array_agg('{"seq":' || l.seq || ',"at":"' || agentd.rfc3339(l.at) || '","task":"' || p_task || '","path":' || to_json(l.path)
			|| ',"kind":' || to_json(l.kind) || ',"step_kind":' || coalesce(to_json(l.step_kind)::text, 'null') || ',"try":' || l.try
			|| agentd.member('cost_usd', '"' || agentd.money(l.cost_usd) || '"')
			|| ',"value":' || agentd.value_of(l.value, l.value_blob) || '}' ORDER BY l.seq), max(l.seq)
	INTO v_rows, v_last
	FROM (SELECT * FROM task_log WHERE task = p_task AND leaf = t.leaf AND seq > p_after ORDER BY seq LIMIT v_limit) l;
	IF p_after <= 0 THEN
		v_rows := ('{"seq":0,"at":"' || agentd.rfc3339(t.created_at) || '","task":"' || p_task
			|| '","path":"","kind":"submitted","value":{"workflow":' || to_json(t.workflow) || ',"by":' || to_json(t.submitted_by) || '}}')
			|| (SELECT coalesce(array_agg('{"seq":0,"at":"' || agentd.rfc3339(a.started_at) || '","task":"' || p_task
				|| '","path":"","kind":"claimed","value":{"attempt":' || a.fence || ',"worker":"' || a.worker || '"}}' ORDER BY a.fence), '{}')
				FROM (SELECT * FROM task_attempts WHERE task = p_task AND leaf = t.leaf ORDER BY fence LIMIT 1) a)
			|| v_rows;
	END IF;
	-- The end has a number of its own behind the last row, so that it is seen once.
	IF t.state IS NOT NULL AND coalesce(v_last, p_after) >= t.last_seq AND p_after <= t.last_seq THEN
		v_rows := v_rows || ('{"seq":' || t.last_seq + 1 || ',"at":"' || agentd.rfc3339(t.finished_at) || '","task":"' || p_task
			|| '","path":"","kind":"finished","value":{"state":"' || t.state || '"' || agentd.member('error', t.error::text) || '}}');
	END IF;
	RETURN '{"events":[' || coalesce(array_to_string(v_rows, ','), '') || '],"state":"' || v_state || '","last_seq":'
		|| coalesce(t.last_seq, q.seq) || '}';
END $$;
