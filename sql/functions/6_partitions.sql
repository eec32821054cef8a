-- 6_partitions.sql - leaves: their names and times, and that those of the present exist (see 0002_partitions.sql).
--
-- Words:  a leaf's number is 2 * months since the year 2000, + 1 for long: below zero where a clock stands before 2000.
-- Locks:  a new leaf is made alone, checked, then attached: writers of other leaves are not blocked.

-- An id that somebody made up may name any time to the year 10889: such leaves are all one, and no task is there.
CREATE OR REPLACE FUNCTION agentd.leaf_of(p_at timestamptz, p_retain agentd.retention) RETURNS smallint
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
	v_at timestamp := p_at AT TIME ZONE 'UTC';
BEGIN
	RETURN least(greatest(2 * (12 * (extract(year FROM v_at)::integer - 2000) + extract(month FROM v_at)::integer - 1), -32768), 32766)
		+ CASE p_retain WHEN 'long' THEN 1 ELSE 0 END;
END $$;

CREATE OR REPLACE FUNCTION agentd.leaf_start(p_leaf integer) RETURNS timestamptz LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	RETURN make_timestamptz(2000 + floor((p_leaf >> 1) / 12.0)::integer,
		(p_leaf >> 1) - 12 * floor((p_leaf >> 1) / 12.0)::integer + 1, 1, 0, 0, 0, 'UTC');
END $$;

CREATE OR REPLACE FUNCTION agentd.leaf_name(p_table text, p_leaf integer) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	RETURN p_table || CASE p_leaf & 1 WHEN 1 THEN '_long_' ELSE '_short_' END
		|| to_char(agentd.leaf_start(p_leaf) AT TIME ZONE 'UTC', 'YYYY_MM');
END $$;

-- Last month (callers' clocks), this one and three ahead; answers how many were made.
CREATE OR REPLACE FUNCTION agentd.partitions_ensure(p_now timestamptz DEFAULT clock_timestamp()) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, agentd, pg_temp AS $$
DECLARE
	v_first integer := agentd.leaf_of(p_now, 'short') - 2;
	v_made integer := 0;
	v_table text;
BEGIN
	PERFORM pg_advisory_xact_lock(hashtext('agentd.partitions'));
	FOREACH v_table IN ARRAY agentd.partitioned_tables() LOOP
		FOR v_leaf IN v_first..v_first + 9 LOOP
			IF agentd.leaf_ensure(v_table, v_leaf) THEN
				v_made := v_made + 1;
			END IF;
		END LOOP;
	END LOOP;
	INSERT INTO upkeep VALUES ('partitions', p_now, p_now)
	ON CONFLICT (duty) DO UPDATE SET seen_at = excluded.seen_at, trusted_from = excluded.trusted_from;
	RETURN v_made;
END $$;

-- Leaves whose time is over and in which no task lives: {retain_short_ms, retain_long_ms}. Submissions to a month that is over are
-- refused (their ids are too old), so nobody writes there. What an earlier time took off its table and left comes too, attached false.
CREATE OR REPLACE FUNCTION agentd.leaves_over(p json) RETURNS TABLE (parent text, name text, leaf integer, attached boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp SET timezone = 'UTC' AS $$
DECLARE
	v_now timestamptz := agentd.clock();
	v_keep_ms bigint[] := ARRAY[coalesce((p ->> 'retain_short_ms')::bigint, 30 * 86400000::bigint),
		coalesce((p ->> 'retain_long_ms')::bigint, 365 * 86400000::bigint)];
BEGIN
	IF NOT agentd.upkeep_may_destroy('retention', v_now) THEN
		RETURN;
	END IF;
	RETURN QUERY SELECT x.parent, x.name, x.leaf, true FROM agentd.partitions() x
		WHERE agentd.leaf_start(x.leaf) + interval '1 month' <= v_now - v_keep_ms[(x.leaf & 1) + 1] * interval '1 millisecond'
			AND NOT EXISTS (SELECT FROM task_queue q WHERE q.leaf = x.leaf)
		ORDER BY x.leaf, array_position(agentd.partitioned_tables(), x.parent);
	RETURN QUERY SELECT t.name, c.relname::text, 0, false FROM pg_class c JOIN unnest(agentd.partitioned_tables()) t(name)
			ON c.relname ~ ('^' || t.name || '_(short|long)_[0-9]{4}_[0-9]{2}$')
		WHERE c.relnamespace = 'agentd'::regnamespace AND c.relkind = 'r' AND NOT c.relispartition;
END $$;

-- What other tables hold for the tasks of a leaf that is about to go.
CREATE OR REPLACE FUNCTION agentd.leaf_forget(p_leaf integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, agentd, pg_temp AS $$
DECLARE
	v_name text := agentd.leaf_name('tasks', p_leaf);
	v_table text;
BEGIN
	IF to_regclass('agentd.' || v_name) IS NULL OR EXISTS (SELECT FROM task_queue q WHERE q.leaf = p_leaf) THEN
		RETURN;
	END IF;
	FOREACH v_table IN ARRAY ARRAY['blob_refs', 'spend_hold', 'approval_queue', 'artifacts', 'task_webhooks', 'webhook_deliveries'] LOOP
		EXECUTE format('DELETE FROM agentd.%I r USING agentd.%I t WHERE r.task = t.id', v_table, v_name);
	END LOOP;
END $$;
