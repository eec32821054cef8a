-- 0002_partitions.sql - leaves: made months ahead, dropped when their time is over.
--
-- Words:  a leaf holds what belongs to the tasks of one month and one retention class: tasks_short_2026_11.
-- Locks:  a new leaf is made alone, checked, then attached (R42): writers of other leaves are not blocked.

CREATE FUNCTION agentd.partitioned_tables() RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
	SELECT ARRAY['tasks', 'task_log', 'task_attempts', 'effects', 'traces', 'model_calls']
$$;

CREATE FUNCTION agentd.leaf_name(p_table text, p_leaf integer) RETURNS text LANGUAGE sql IMMUTABLE AS $$
	SELECT p_table || CASE p_leaf % 2 WHEN 1 THEN '_long_' ELSE '_short_' END
		|| to_char(2000 + p_leaf / 24, 'FM0000') || '_' || to_char(p_leaf / 2 % 12 + 1, 'FM00')
$$;

CREATE FUNCTION agentd.leaf_keys(p_table text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE p_table
	WHEN 'task_log' THEN 'PRIMARY KEY (task, seq), UNIQUE (task, path, try, kind)'
	WHEN 'task_attempts' THEN 'PRIMARY KEY (task, fence)'
	WHEN 'effects' THEN 'PRIMARY KEY (task, key)'
	ELSE 'PRIMARY KEY (id)' END
$$;

-- A task's row is rewritten once, when it ends: half a page stays free, so that this touches no index.
CREATE FUNCTION agentd.leaf_ensure(p_table text, p_leaf integer) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, agentd, pg_temp AS $$
DECLARE
	v_leaf text := agentd.leaf_name(p_table, p_leaf);
BEGIN
	IF EXISTS (SELECT FROM pg_inherits WHERE inhrelid = to_regclass('agentd.' || v_leaf)) THEN
		RETURN false;
	END IF;
	EXECUTE format('CREATE TABLE agentd.%I (LIKE agentd.%I INCLUDING DEFAULTS INCLUDING CONSTRAINTS, '
		'%s, CONSTRAINT one_leaf CHECK (leaf = %s)) WITH (fillfactor = %s)', v_leaf, p_table, agentd.leaf_keys(p_table), p_leaf,
		CASE p_table WHEN 'tasks' THEN 50 WHEN 'task_attempts' THEN 80 ELSE 100 END);
	EXECUTE format('ALTER TABLE agentd.%I ATTACH PARTITION agentd.%I FOR VALUES IN (%s)', p_table, v_leaf, p_leaf);
	EXECUTE format('ALTER TABLE agentd.%I DROP CONSTRAINT one_leaf', v_leaf);
	RETURN true;
END $$;

-- Last month (callers' clocks), this one and three ahead; answers how many were made.
CREATE FUNCTION agentd.partitions_ensure(p_now timestamptz DEFAULT clock_timestamp()) RETURNS integer
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
	RETURN v_made;
END $$;

CREATE FUNCTION agentd.partitions() RETURNS TABLE (parent text, name text, leaf integer)
LANGUAGE sql STABLE SET search_path = pg_catalog, agentd, pg_temp AS $$
	SELECT t.name, c.relname::text, substring(pg_get_expr(c.relpartbound, c.oid) FROM '[0-9]+')::integer
	FROM unnest(agentd.partitioned_tables()) t(name)
	JOIN pg_inherits i ON i.inhparent = to_regclass('agentd.' || t.name)
	JOIN pg_class c ON c.oid = i.inhrelid
$$;

SELECT agentd.partitions_ensure();
