-- interleave.sql - the world of interleave.py: functions that stop where they are told, one state of one task, and what is forbidden.
--
-- Words:  a step is a statement of a function that writes or locks; test.step() stands before each of them and counts. A session stops
--         before its step number test.stop_at and waits there for advisory lock test.gate, which the conductor holds, however long:
--         lock_timeout is for the locks of the other session.
CREATE FUNCTION test.step() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	v_at integer := coalesce(nullif(current_setting('test.at', true), ''), '0')::integer + 1;
	v_gate bigint;
	v_timeout text;
BEGIN
	PERFORM set_config('test.at', v_at::text, false);
	IF v_at = coalesce(nullif(current_setting('test.stop_at', true), ''), '0')::integer THEN
		v_gate := current_setting('test.gate')::bigint;
		RAISE NOTICE USING ERRCODE = 'TS001', MESSAGE = 'stops';
		v_timeout := current_setting('lock_timeout');
		PERFORM set_config('lock_timeout', '0', false);
		PERFORM pg_advisory_lock(v_gate);
		PERFORM pg_advisory_unlock(v_gate);
		PERFORM set_config('lock_timeout', v_timeout, false);
	END IF;
END $$;

-- Every function that may write gets a step before each of its statements that writes or locks; answers how many were put in. What is
-- only read is read between two steps, whichever it is; what is called has steps of its own. The feed has none: it is a table of rows
-- that no two sessions share.
CREATE FUNCTION test.instrument() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	v_n bigint := 0;
	v_lines text[];
	v_last text;
	v_text text;
	v_whole text;
	f record;
BEGIN
	FOR f IN
		SELECT p.oid, pg_get_functiondef(p.oid) AS text FROM pg_proc p
		WHERE p.pronamespace = 'agentd'::regnamespace AND p.provolatile = 'v'
			AND p.prolang = (SELECT oid FROM pg_language WHERE lanname = 'plpgsql')
			AND p.prorettype <> 'trigger'::regtype AND p.proname !~ '^feed_'
	LOOP
		v_text := '';
		v_last := '';
		v_lines := string_to_array(f.text, E'\n');
		FOR i IN 1..cardinality(v_lines) LOOP
			IF v_last ~ '(;|BEGIN|THEN|ELSE|LOOP)$' AND v_lines[i] !~ '\.\.'
					AND v_lines[i] ~ '^\t+(UPDATE|DELETE|INSERT|WITH|SELECT|PERFORM|FOR \w+ IN( |$))' THEN
				v_whole := '';
				FOR k IN i..cardinality(v_lines) LOOP
					v_whole := v_whole || E'\n' || v_lines[k];
					EXIT WHEN v_lines[k] ~ '(;|LOOP)$';
				END LOOP;
				IF v_whole ~ '\m(UPDATE|DELETE|INSERT)\M' THEN
					v_text := v_text || E'PERFORM test.step();\n';
					v_n := v_n + 1;
				END IF;
			END IF;
			v_text := v_text || v_lines[i] || E'\n';
			IF v_lines[i] !~ '^\s*--' THEN
				v_last := rtrim(regexp_replace(v_lines[i], '\s--.*$', ''));
			END IF;
		END LOOP;
		EXECUTE v_text;
	END LOOP;
	RETURN v_n;
END $$;

-- One state of task T. U is another running task of the same worker W, V a second worker without tasks.
CREATE TABLE test.ids (name text PRIMARY KEY, id uuid NOT NULL);
INSERT INTO test.ids SELECT n, agentd.uuid_new() FROM unnest(ARRAY['T', 'U', 'V', 'W', 'N', 'M', 'K', 'H', 'H2', 'C', 'D', 'D2', 'A']) n;
CREATE FUNCTION test.id(p text) RETURNS uuid LANGUAGE sql STABLE AS $$ SELECT id FROM test.ids WHERE name = p $$;
CREATE FUNCTION test.at(p_seconds integer) RETURNS text LANGUAGE sql AS $$
	SELECT set_config('agentd.fake_now', (timestamptz '2030-01-01 00:00:00+00' + p_seconds * interval '1 s')::text, false)
$$;

CREATE FUNCTION test.build(p_state text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	v_t uuid := test.id('T');
	v_w uuid := test.id('W');
BEGIN
	PERFORM test.at(0);
	PERFORM agentd.worker_register(v_w, 'w', 1, '{default}', 30000, 1);
	PERFORM agentd.submit('noop', id => v_t, deadline => CASE WHEN p_state LIKE 'late%' THEN agentd.clock() + interval '3 s' END);
	IF p_state NOT IN ('ready', 'late ready') THEN
		PERFORM agentd.claim(v_w, 1, 1);
		PERFORM test.move(v_t, 1, 'stay', '', '[["first", 1, "done", 1]]', NULL,
			'[{"move":1,"key":"\\x01","path":"e","tool":"t","class":"at_most_once","args":"\\x00","to":"planned"}]',
			format('[{"move":1,"id":"%s","path":"a","amount_pusd":5000,"expires_ms":1}]', test.id('H'))::json);
	END IF;
	IF p_state LIKE 'uncertain%' THEN
		PERFORM test.move(v_t, 1, 'stay', '', '[]', NULL, replace(e, 'STATE', 'dispatched')::json),
			test.move(v_t, 1, 'stay', '', '[]', NULL, replace(e, 'STATE', 'uncertain')::json)
		FROM (SELECT '[{"move":1,"key":"\\x01","path":"e","tool":"t","class":"at_most_once","args":"\\x00","to":"STATE"}]') x(e);
	END IF;
	IF p_state LIKE 'asked%' OR p_state LIKE 'approved%' THEN
		PERFORM test.move(v_t, 1, CASE p_state WHEN 'asked' THEN 'park' ELSE 'stay' END, 'waiting_approval',
			format('[["e/approval-1", 1, "approval.requested", {"id": "%s", "kind": "call", "title": "?", "risk": "low", "approvers": 1,
				"expires_at": "2030-01-01 00:30:00+00", "digest": "%s", "head": "00"}]]', test.id('A'), lpad('1', 64, '0'))::json,
			timestamptz '2030-01-01 00:30:00+00');
	END IF;
	IF p_state LIKE 'approved%' THEN
		PERFORM agentd.decide_approval(test.id('A'), 'approve', decode(lpad('1', 64, '0'), 'hex'), NULL, NULL, NULL, NULL, 'ann');
	END IF;
	CASE p_state
	WHEN 'cancel asked' THEN PERFORM agentd.cancel(v_t, '', true);
	WHEN 'due' THEN PERFORM test.move(v_t, 1, 'park', 'waiting_timer', '[]', agentd.clock() + interval '1 s');
	WHEN 'parked', 'late parked' THEN PERFORM test.move(v_t, 1, 'park', 'waiting_event');
	WHEN 'uncertain' THEN PERFORM test.move(v_t, 1, 'park', 'uncertain'), agentd.cancel(v_t, '', true);
	WHEN 'ended' THEN PERFORM test.move(v_t, 1, 'finish', 'succeeded');
	WHEN 'quarantined' THEN
		PERFORM test.at(31);
		PERFORM agentd.sweep_expired_workers('{"recoveries":0}'), test.at(0);
		UPDATE agentd.workers SET ended_at = NULL;
	ELSE
	END CASE;
	PERFORM agentd.submit('noop', 'null', 'low', id => test.id('U'));
	UPDATE agentd.task_queue SET state = 'running', worker = v_w, fence = 1 WHERE id = test.id('U');
	INSERT INTO agentd.task_attempts (task, worker, started_at, fence, claim, leaf, seq)
	SELECT id, worker, agentd.clock(), 1, 1, leaf, 0 FROM agentd.task_queue WHERE id = test.id('U');
	PERFORM agentd.feed_add(ARRAY[test.id('U')], '{0}', '{0}', '{2}');
	IF p_state LIKE 'expired%' THEN
		PERFORM test.at(31);
	ELSE
		PERFORM test.at(5);
	END IF;
	PERFORM agentd.worker_register(test.id('V'), 'v', 2, '{default}', 30000, 1);
END $$;

-- All of it stands in one leaf of each table. test.restore(STATE) puts back what was saved: as statements that are planned once.
DO $$
DECLARE
	v_table text;
	v_body text := '';
BEGIN
	FOREACH v_table IN ARRAY ARRAY['task_queue', 'workers', 'tasks', 'task_log', 'task_attempts', 'effects', 'model_calls', 'spend_hold',
			'idempotency_keys', 'approval_queue', 'event_feed'] LOOP
		EXECUTE format('CREATE VIEW test.%I AS SELECT * FROM agentd.%I', v_table, CASE WHEN v_table = ANY (agentd.partitioned_tables())
			THEN agentd.leaf_name(v_table, agentd.leaf_of(agentd.uuid_time(test.id('T')), 'short')) ELSE v_table END);
		EXECUTE format('CREATE TABLE test.saved_%I (state text, r test.%I)', v_table, v_table);
		v_body := v_body || format('DELETE FROM test.%1$I;
			INSERT INTO test.%1$I %2$s SELECT (s.r).* FROM test.saved_%1$I s WHERE s.state = p_state; ',
			v_table, CASE v_table WHEN 'event_feed' THEN 'OVERRIDING SYSTEM VALUE' END);
	END LOOP;
	EXECUTE format('CREATE FUNCTION test.restore(p_state text) RETURNS void LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS %L',
		'BEGIN ' || v_body || 'END');
END $$;
-- The first time it is built, then it is copied.
CREATE TABLE test.worlds (state text PRIMARY KEY, fake_now text);
CREATE FUNCTION test.world(p_state text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	v_table text;
	v_now text := (SELECT fake_now FROM test.worlds WHERE state = p_state);
BEGIN
	PERFORM set_config('test.stop_at', '0', false);
	PERFORM test.restore(p_state);
	UPDATE agentd.workflows SET lane = agentd.lane_plain(lane), paused_at = NULL, paused_by = NULL WHERE paused_at IS NOT NULL;
	IF v_now IS NULL THEN
		PERFORM test.build(p_state);
		v_now := current_setting('agentd.fake_now');
		FOR v_table IN SELECT substr(c.relname, 7) FROM pg_class c WHERE c.relnamespace = 'test'::regnamespace AND c.relname ^@ 'saved_' LOOP
			EXECUTE format('INSERT INTO test.saved_%I SELECT $1, x FROM test.%I x', v_table, v_table) USING p_state;
		END LOOP;
		INSERT INTO test.worlds VALUES (p_state, v_now);
	END IF;
	RETURN v_now;
END $$;

-- Everything that the operations may have changed, without what differs from run to run. (This and test.wrong() are planned once.)
CREATE FUNCTION test.look() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN concat_ws(E'\n',
		(SELECT string_agg(concat_ws(' ', 'queue', i.name, q.state, q.fence, q.seq, w.name, 'run', agentd.us(q.run_at),
			q.lane, 'cancel', q.cancel_at IS NOT NULL, 'unread', q.unread AND q.state = 'running', q.failures, q.recoveries, q.priority,
			q.spent_usd, q.held_usd), E'\n' ORDER BY i.name)
			FROM test.task_queue q LEFT JOIN test.ids i ON i.id = q.id LEFT JOIN test.ids w ON w.id = q.worker),
		(SELECT string_agg(concat_ws(' ', 'task', i.name, t.state, t.ended_from, t.fence, t.last_seq, t.failures, t.recoveries, t.cost_usd),
			E'\n' ORDER BY i.name)
			FROM test.tasks t LEFT JOIN test.ids i USING (id)),
		(SELECT string_agg(concat_ws(' ', 'log', i.name, l.fence, l.path, l.kind), E'\n' ORDER BY i.name, l.path, l.kind)
			FROM test.task_log l LEFT JOIN test.ids i ON i.id = l.task),
		(SELECT string_agg(concat_ws(' ', 'attempt', i.name, a.fence, w.name, a.outcome), E'\n' ORDER BY i.name, a.fence)
			FROM test.task_attempts a LEFT JOIN test.ids i ON i.id = a.task LEFT JOIN test.ids w ON w.id = a.worker),
		(SELECT string_agg(concat_ws(' ', 'effect', i.name, e.path, e.state, e.fence, e.decision, e.resolved_id), E'\n' ORDER BY i.name, e.path)
			FROM test.effects e LEFT JOIN test.ids i ON i.id = e.task),
		(SELECT string_agg(concat_ws(' ', 'hold', i.name, h.settled_usd, h.lapsed), E'\n' ORDER BY i.name)
			FROM test.spend_hold h LEFT JOIN test.ids i USING (id)),
		(SELECT string_agg(concat_ws(' ', 'worker', i.name, w.ended_at IS NOT NULL), E'\n' ORDER BY i.name)
			FROM test.workers w LEFT JOIN test.ids i USING (id)),
		(SELECT string_agg(concat_ws(' ', 'approval', a.state, a.decided_by, a.consumed_at IS NOT NULL, json_array_length(a.votes)), E'\n')
			FROM test.approval_queue a),
		(SELECT string_agg(concat_ws(' ', 'key', k.key), E'\n' ORDER BY k.key) FROM test.idempotency_keys k));
END $$;

CREATE VIEW test.forbidden AS
	SELECT 'a running task without a claim of its fence' AS what FROM test.task_queue q
		LEFT JOIN test.task_attempts a ON a.task = q.id AND a.fence = q.fence
		WHERE q.state = 'running' AND (a.task IS NULL OR a.ended_at IS NOT NULL)
	UNION ALL SELECT 'a task that is alive and over' FROM test.tasks t FULL JOIN test.task_queue q USING (id)
		WHERE (t.state IS NULL) = (q.id IS NULL)
	UNION ALL SELECT 'journal numbers with gaps' FROM test.task_log l
		JOIN test.tasks t ON t.id = l.task LEFT JOIN test.task_queue q ON q.id = t.id
		GROUP BY l.task, t.last_seq, q.seq HAVING max(l.seq) <> count(*) OR max(l.seq) <> coalesce(t.last_seq, q.seq)
	UNION ALL SELECT 'held money that no open hold explains' FROM test.task_queue q
		WHERE held_usd <> (SELECT coalesce(sum(amount_usd), 0) FROM test.spend_hold h WHERE h.task = q.id AND settled_at IS NULL)
	UNION ALL SELECT 'spent money that no hold explains' FROM test.task_queue q
		WHERE spent_usd <> (SELECT coalesce(sum(settled_usd), 0) FROM test.spend_hold h WHERE h.task = q.id)
	UNION ALL SELECT 'a key without its task' FROM test.idempotency_keys k LEFT JOIN test.tasks t ON t.id = k.task WHERE t.id IS NULL
	UNION ALL SELECT 'a fence that was never given' FROM test.task_log l
		LEFT JOIN test.task_attempts a ON a.task = l.task AND a.fence = l.fence
		WHERE a.task IS NULL
	UNION ALL SELECT 'an approval that serves no effect, or two states at once' FROM test.approval_queue a
		WHERE (a.state = 'consumed') <> (a.consumed_at IS NOT NULL)
			OR a.state = 'consumed' AND NOT EXISTS (SELECT FROM test.effects e WHERE e.task = a.task AND e.key = a.effect_key)
	UNION ALL SELECT 'somebody is asked about a task that ended' FROM test.approval_queue a JOIN test.tasks t ON t.id = a.task
		WHERE a.state IN ('pending', 'approved') AND t.state IS NOT NULL
	UNION ALL SELECT 'an open attempt of a task that does not run' FROM test.task_attempts a JOIN test.task_queue q ON q.id = a.task
		WHERE a.ended_at IS NULL AND (q.state <> 'running' OR q.fence <> a.fence)
	UNION ALL SELECT 'an event that the feed does not tell once: ' || i.name || ' ' || coalesce(e.seq, -1) || '.' || e.k
		FROM test.unfed e LEFT JOIN test.ids i ON i.id = e.task;
CREATE FUNCTION test.wrong() RETURNS SETOF text LANGUAGE plpgsql SET jit = off AS $$
BEGIN
	RETURN QUERY SELECT what FROM test.forbidden;
END $$;
SELECT test.listen();
SET client_min_messages = warning;
SELECT test.instrument() > 30;
