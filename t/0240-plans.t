#!/bin/sh
# 0240-plans.t - a queue that was analysed empty and warmed up, then holds 200,000 rows without ANALYZE, is as fast as before.
set -- "autovacuum = off"
. "$top_srcdir/t/lib/sql.sh"

cat >"$PG_DIR/fill.sql" <<'END'
CREATE PROCEDURE test.fill(p_n integer) LANGUAGE plpgsql AS $$
DECLARE
	k integer := 1000;
BEGIN
	FOR i IN 1..ceil(p_n / k::float) LOOP
		k := least(k, p_n);
		PERFORM agentd.submit_batch((SELECT array_agg(agentd.uuid_new()) FROM generate_series(1, k)), array_fill('noop'::text, ARRAY[k]),
			array_fill('{}'::json, ARRAY[k]), array_fill('normal'::text, ARRAY[k]), array_fill(NULL::json, ARRAY[k]),
			array_fill(NULL::json, ARRAY[k]), array_fill(0::bigint, ARRAY[k]), array_fill(0::bigint, ARRAY[k]),
			array_fill(NULL::text, ARRAY[k]), array_fill('x'::text, ARRAY[k]), array_fill('x'::bytea, ARRAY[k]), array_fill('p'::text, ARRAY[k]));
		COMMIT;
	END LOOP;
END $$;
-- One batch: claims 500, commits a step, finishes; the time of this backend on a processor in microseconds a task.
CREATE FUNCTION test.cpu_us() RETURNS float LANGUAGE sql VOLATILE AS $$
	SELECT split_part(pg_read_file('/proc/self/schedstat'), ' ', 1)::float / 1000
$$;
CREATE FUNCTION test.batch(p_worker uuid, p_n integer) RETURNS float LANGUAGE plpgsql AS $$
DECLARE
	c float := test.cpu_us();
	ids uuid[]; f integer[]; k integer; s text;
BEGIN
	SELECT array_agg(task), array_agg(fence) INTO ids, f FROM test.claim(p_worker, p_n);
	k := coalesce(cardinality(ids), 0);
	IF k > 0 THEN
		FOR v_next IN 0..2 BY 2 LOOP
			SELECT string_agg(DISTINCT status, ' ') INTO s FROM agentd.commit_steps(ids, f, array_fill(1, ARRAY[k]), array_fill(v_next::smallint, ARRAY[k]),
				array_fill('succeeded'::text, ARRAY[k]), array_fill(0::bigint, ARRAY[k]), array_fill(false, ARRAY[k]), array_fill(NULL::json, ARRAY[k]),
				array_fill(NULL::json, ARRAY[k]), (SELECT array_agg(i) FROM generate_series(1, k) i), array_fill(1, ARRAY[k]), array_fill('s' || v_next, ARRAY[k]),
				array_fill(1, ARRAY[k]), array_fill('step.succeeded'::text, ARRAY[k]), array_fill('set'::text, ARRAY[k]), array_fill('{}'::json, ARRAY[k]),
				array_fill('x'::bytea, ARRAY[k]), array_fill(0::bigint, ARRAY[k]), array_fill(0::bigint, ARRAY[k]));
			IF s <> 'ok' THEN RAISE 'status %', s; END IF;
		END LOOP;
	END IF;
	RETURN (test.cpu_us() - c) / greatest(k, 1);
END $$;
END
pg_psql -f "$PG_DIR/fill.sql"
is "this system tells the time on a processor" "$(sql "SELECT test.cpu_us() > 0")" t

# One session for all: plans that were made for the empty queue would meet the full one.
sql "
CALL test.fill(1);
SELECT test.batch('$W', 500);
CALL test.fill(500);
CREATE TABLE test.t (n integer, us float);
DO \$\$ BEGIN FOR i IN 1..3 LOOP INSERT INTO test.t VALUES (i, test.batch('$W', 500)); COMMIT; END LOOP; END \$\$;
ANALYZE agentd.task_queue; ANALYZE agentd.tasks; ANALYZE agentd.task_log; ANALYZE agentd.task_attempts;
DO \$\$ BEGIN FOR i IN 1..10 LOOP PERFORM test.batch('$W', 500); COMMIT; END LOOP; END \$\$;
CALL test.fill(2000);
DO \$\$ BEGIN FOR i IN 11..14 LOOP INSERT INTO test.t VALUES (i, test.batch('$W', 500)); COMMIT; END LOOP; END \$\$;
CALL test.fill(200000);
DO \$\$ BEGIN FOR i IN 21..30 LOOP INSERT INTO test.t VALUES (i, test.batch('$W', 500)); COMMIT; END LOOP; END \$\$;
" >"$PG_DIR/run" || cat "$PG_DIR/run"
small=$(sql "SELECT round(percentile_cont(0.5) WITHIN GROUP (ORDER BY us)) FROM test.t WHERE n BETWEEN 11 AND 14")
large=$(sql "SELECT round(percentile_cont(0.5) WITHIN GROUP (ORDER BY us)) FROM test.t WHERE n > 20")
echo "# claim, a step and the end: $small us a task with 2,000 rows, $large us with 200,000"
is "within three times" "$([ "$large" -le $((small * 3)) ] && echo yes || echo "$small -> $large")" yes
is "200,000 timers in front cost a claim nothing" "$(sql "
	DELETE FROM agentd.task_queue;
	VACUUM agentd.task_queue;
	INSERT INTO agentd.task_queue (id, run_at, state, leaf, priority, lane) SELECT gen_random_uuid(), '2100-01-01', 'waiting_timer', 0, 0, 'default' FROM generate_series(1, 200000);
	SELECT count(*) FROM test.claim('$W', 1);
	SELECT test.cpu_us() AS c \gset
	SELECT count(*) FROM generate_series(1, 20) i, LATERAL (SELECT i, (SELECT count(*) FROM agentd.claim('$W', 480 + i))) x;
	SELECT (test.cpu_us() - :c) / 20 < 1000" | tail -n 1)" t
done_testing
