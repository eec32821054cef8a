# sql.sh - tests of the SQL functions on a throw-away cluster. Source it; it starts the cluster with the schema, two workflows
# (noop: short, no budget; paid: long, 1 USD, 1 h), worker $W, and the helpers below in schema test.
#
# The script's arguments are settings of the server: set -- "archive_mode = on" before. (Not every sh gives arguments to a
# sourced file.)
#
#   sql TEXT [-v name=value ...]     one answer, rows as lines, columns by '|'
#   refused TEXT                     its SQLSTATE, or "none"
#   is NAME GOT WANT, like NAME GOT PATTERN (of grep -E), done_testing
#   background NAME TEXT; result NAME     a statement in a session of its own; its output
#   blocked NAME                     waits until that session waits for a lock
#
# In SQL: test.submit(workflow, n) -> ids; test.claim(worker, n) -> rows (task, fence);
# test.move(task, fence, next, state, rows, run_at, effects, holds, calls) -> 'ok' | 'refused:code' ...,
# where next is stay park finish release and rows is '[[path, try, kind, value], ...]'; test.unfed: events of tasks (task, leaf, seq, k)
# that the feed does not tell exactly once, where somebody listens all the time (test.listen()).
. "$top_srcdir/t/lib/pg.sh"

W=019ab000-0000-7000-8000-000000000001
tap_n=0
tap_failed=0

is() {
	tap_n=$((tap_n + 1))
	if [ "$2" = "$3" ]; then
		echo "ok $tap_n - $1"
	else
		tap_failed=$((tap_failed + 1))
		echo "not ok $tap_n - $1"
		printf 'got:  %s\nwant: %s\n' "$2" "$3" | sed 's/^/# /'
	fi
}

like() {
	if printf '%s\n' "$2" | grep -Eq -- "$3"; then is "$1" 1 1; else is "$1" "$2" "/$3/"; fi
}

done_testing() {
	echo "1..$tap_n"
	exit $((tap_failed > 0))
}

sql() {
	sql_text=$1
	shift
	printf '%s\n' "$sql_text" | pg_psql "$@" 2>&1
}

refused() {
	printf '\\set VERBOSITY sqlstate\n%s\n' "$1" | pg_psql >"$PG_DIR/refused" 2>&1 && echo none && return
	sed -n 's/.*ERROR: *//p' "$PG_DIR/refused" | head -n 1
}

background() {
	rm -f "$PG_DIR/ended.$1"
	{
		printf '%s\n' "$2" | PGAPPNAME=$1 pg_psql >"$PG_DIR/out.$1" 2>&1
		: >"$PG_DIR/ended.$1"
	} &
}

# Also in a subshell, where wait knows no children.
result() {
	until [ -e "$PG_DIR/ended.$1" ]; do sleep 0.05; done
	cat "$PG_DIR/out.$1"
}

# Until the query answers true, at most 20 s; no fixed sleeps.
until_true() {
	until_n=0
	while [ "$(sql "$1")" != t ]; do
		until_n=$((until_n + 1))
		[ $until_n -lt 400 ] || return 1
		sleep 0.05
	done
}

blocked() {
	until_true "SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name = '$1' AND wait_event_type = 'Lock'"
}

idle() {
	until_true "SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name = '$1' AND state = 'idle in transaction'"
}

trap pg_stop EXIT
trap 'exit 99' INT TERM HUP
pg_start "$@"
pg_migrate || { echo "Bail out! the migration failed"; exit 99; }
sql "
CREATE SCHEMA test;
CREATE FUNCTION test.submit(p_workflow text, p_n integer DEFAULT 1, p_urgency text DEFAULT 'normal') RETURNS uuid[] LANGUAGE sql AS \$\$
	SELECT array_agg(agentd.submit(p_workflow, '{}', p_urgency)) FROM generate_series(1, p_n)
\$\$;
CREATE FUNCTION test.claim(p_worker uuid, p_n integer DEFAULT 1) RETURNS TABLE (task uuid, fence integer) LANGUAGE sql AS \$\$
	SELECT task, fence FROM agentd.claim(p_worker, p_n) WHERE task IS NOT NULL
\$\$;
CREATE FUNCTION test.move(p_task uuid, p_fence integer, p_next text, p_state text DEFAULT '', p_rows json DEFAULT '[]',
	p_run_at timestamptz DEFAULT NULL, p_effects json DEFAULT NULL, p_holds json DEFAULT NULL, p_calls json DEFAULT NULL)
RETURNS text LANGUAGE sql AS \$\$
	SELECT status || coalesce(':' || code, '') FROM (
		SELECT coalesce(array_agg(1::integer), '{}') AS m, coalesce(array_agg(o::integer), '{}') AS i, coalesce(array_agg(r ->> 0), '{}') AS path,
			coalesce(array_agg((r ->> 1)::integer), '{}') AS try, coalesce(array_agg(r ->> 2), '{}') AS kind, coalesce(array_agg('set'::text), '{}') AS sk,
			coalesce(array_agg(r -> 3), '{}') AS value, coalesce(array_agg(sha256((r ->> 3)::bytea)), '{}') AS digest,
			coalesce(array_agg(0::bigint), '{}') AS zero, count(*)::integer AS n
		FROM json_array_elements(p_rows) WITH ORDINALITY j(r, o)) j,
	LATERAL agentd.commit_steps(ARRAY[p_task], ARRAY[p_fence], ARRAY[j.n],
		ARRAY[(array_position(ARRAY['stay', 'park', 'finish', 'release'], p_next) - 1)::smallint], ARRAY[p_state],
		ARRAY[coalesce(agentd.us(p_run_at), 0)], ARRAY[false], ARRAY[NULL]::json[], ARRAY[NULL]::json[],
		j.m, j.i, j.path, j.try, j.kind, j.sk, j.value, j.digest, j.zero, j.zero, p_effects, p_holds, p_calls)
\$\$;
CREATE FUNCTION test.listen() RETURNS void LANGUAGE sql AS \$\$ UPDATE agentd.event_watch SET until = 'infinity', since = '1' \$\$;
CREATE VIEW test.unfed AS SELECT * FROM (
	SELECT t.id AS task, t.leaf, 0::bigint AS seq, 0::bigint AS k FROM agentd.tasks t
	UNION ALL SELECT l.task, l.leaf, l.seq, 0 FROM agentd.task_log l
	UNION ALL SELECT a.task, a.leaf, a.seq, 2 * a.fence::bigint FROM agentd.task_attempts a
	UNION ALL SELECT a.task, a.leaf, a.ended_seq, 2 * a.fence::bigint + 1 FROM agentd.task_attempts a WHERE a.ended_at IS NOT NULL
	UNION ALL SELECT t.id, t.leaf, t.last_seq, 2 * t.fence::bigint + 2 FROM agentd.tasks t WHERE t.state IS NOT NULL) e
	WHERE 1 <> (SELECT count(*) FROM agentd.event_feed f WHERE f.task = e.task AND (f.k = e.k AND f.seq_to = e.seq
		OR e.k = 0 AND f.seq_from < e.seq AND f.seq_to >= e.seq));
SELECT agentd.reload(ARRAY['noop', 'paid'], ARRAY[sha256('n'), sha256('p')], ARRAY['{}', '{}']::json[],
	ARRAY['{\"retain\":\"short\"}', '{\"retain\":\"long\",\"budget\":{\"usd\":\"1\",\"wall_ms\":3600000,\"turns\":5}}']::json[]);
SELECT agentd.worker_register('$W', 'test', 1, '{default}', 30000, 1);
" >"$PG_DIR/prepare" || { cat "$PG_DIR/prepare"; echo "Bail out! preparing failed"; exit 99; }
