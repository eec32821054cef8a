-- 2_feed.sql - the feed: what transactions did to tasks, written while somebody listens, and the watch that says so.
--
-- Words:  see 0041_events.sql. Whoever makes an event of a task has the number of its transaction (v_xid) before it looks for the
--         watch, as a watch is ready when all lower numbers are over, and calls feed_add() where it sees one, or may not see it
--         (feed_blind). The hot functions look in a statement that they have anyway.
-- Places: an event of a task stands at (seq, k): a row of the journal at (seq, 0), submitted at (0, 0); behind the last row before
--         it, claim F at (seq, 2 F), its end at (seq, 2 F + 1), the end of the task at (seq, 2 F + 2).
-- Locks:  none but the watch's own row, which no mover of tasks locks.

CREATE OR REPLACE FUNCTION agentd.feed_add(p_task uuid[], p_from bigint[], p_to bigint[], p_k bigint[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO agentd.event_feed (xid, at, task, seq_from, seq_to, k)
	SELECT pg_current_xact_id(), agentd.clock(), p_task[i], p_from[i], p_to[i], p_k[i] FROM generate_series(1, cardinality(p_task)) i;
	PERFORM pg_notify('agentd_events', '');
END $$;

-- The caller's transaction sees what was when it began, and so perhaps not the watch: it writes to the feed always. This is SQL, as the
-- planner puts it into the statements that look.
CREATE OR REPLACE FUNCTION agentd.feed_blind() RETURNS boolean LANGUAGE sql STABLE AS $$
	SELECT current_setting('transaction_isolation') <> 'read committed'
$$;

-- One event, where somebody listens.
CREATE OR REPLACE FUNCTION agentd.feed_one(p_task uuid, p_from bigint, p_to bigint, p_k bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
	v_xid xid8 := pg_current_xact_id();
BEGIN
	IF agentd.feed_blind() OR EXISTS (SELECT FROM agentd.event_watch w WHERE w.until > agentd.clock()) THEN
		PERFORM agentd.feed_add(ARRAY[p_task], ARRAY[p_from], ARRAY[p_to], ARRAY[p_k]);
	END IF;
END $$;

-- The moves of commit_steps (3_commit.sql); base is -1 where one did not take place.
CREATE OR REPLACE FUNCTION agentd.feed_moves(p_task uuid[], p_fence integer[], p_base bigint[], p_rows integer[], p_next smallint[])
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	v_task uuid[];
	v_from bigint[];
	v_to bigint[];
	v_k bigint[];
BEGIN
	SELECT array_agg(p_task[i]), array_agg(p_base[i]), array_agg(p_base[i] + p_rows[i]),
		array_agg(CASE p_next[i] WHEN 0 THEN NULL WHEN 2 THEN 2 * p_fence[i]::bigint + 2 ELSE 2 * p_fence[i]::bigint + 1 END)
	INTO v_task, v_from, v_to, v_k
	FROM generate_series(1, cardinality(p_task)) i WHERE p_base[i] >= 0 AND (p_next[i] > 0 OR p_rows[i] > 0);
	IF v_task IS NOT NULL THEN
		PERFORM agentd.feed_add(v_task, v_from, v_to, v_k);
	END IF;
END $$;

-- Somebody listens for the next ten minutes. ready: from head on the feed is whole; head is where now is. A watch that begins
-- anew is ready once the transactions have ended that may not have seen it, so it is asked for until then.
CREATE OR REPLACE FUNCTION agentd.events_watch() RETURNS TABLE (ready boolean, head bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp AS $$
DECLARE
	v_now timestamptz := agentd.clock();
	v_xmin bigint;
	w event_watch;
BEGIN
	SELECT * INTO w FROM event_watch FOR UPDATE;
	-- A statement of its own: its snapshot is younger than the lock.
	-- now is of before the lock: whoever asked meanwhile may have found a watch lapsed that still held then.
	IF w.until <= v_now + interval '1 minute' THEN
		w.since := NULL;
	ELSIF w.since IS NULL THEN
		-- Whoever did not see the watch has a lower number: the lock gave us ours after the watch was committed.
		w.since := pg_current_xact_id();
	END IF;
	v_xmin := pg_snapshot_xmin(pg_current_snapshot())::text::bigint;
	UPDATE event_watch SET until = v_now + interval '10 minutes', since = w.since;
	RETURN QUERY SELECT coalesce(w.since::text::bigint <= v_xmin, false), v_xmin;
END $$;

-- A duty of the sweeper: the feed of more than ten minutes ago. A transaction goes once the one behind it is as old: whoever read all
-- there is stands at the last one, and goes on from there however long nothing happens.
CREATE OR REPLACE FUNCTION agentd.sweep_event_feed(p json) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp SET enable_seqscan = off AS $$
DECLARE
	v_now timestamptz := agentd.clock();
	v_last xid8;
	v_n bigint;
BEGIN
	WITH old AS (
		DELETE FROM event_feed f WHERE f.ctid = ANY (ARRAY(
			SELECT h.ctid FROM (SELECT x.ctid, x.xid, x.at FROM event_feed x ORDER BY x.xid, x.nr
				LIMIT coalesce((p ->> 'bound')::integer, 10000)) h WHERE h.at < v_now - interval '10 minutes'
				AND (SELECT n.at FROM event_feed n WHERE n.xid > h.xid AND n.xid < pg_snapshot_xmin(pg_current_snapshot())
					ORDER BY n.xid, n.nr LIMIT 1) < v_now - interval '10 minutes'))
		RETURNING f.xid
	)
	SELECT count(*), (SELECT o.xid FROM old o ORDER BY o.xid DESC LIMIT 1) INTO v_n, v_last FROM old;
	IF v_n > 0 THEN
		UPDATE event_watch w SET since = (v_last::text::bigint + 1)::text::xid8 WHERE w.since <= v_last;
	END IF;
	RETURN v_n;
END $$;
