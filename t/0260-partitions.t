#!/bin/sh
# 0260-partitions.t - leaves: made ahead while others write, dropped when their time is over and nobody lives in them; blobs, keys.
. "$top_srcdir/t/lib/sql.sh"

is "seven tables, two classes, five months" "$(sql "SELECT count(*), count(DISTINCT leaf) FROM agentd.partitions()")" "70|10"
is "nothing to make" "$(sql "SELECT agentd.sweep_partitions('{}')")" 0
is "the names tell" "$(sql "SELECT agentd.leaf_name('tasks', 0), agentd.leaf_name('tasks', 23), agentd.leaf_of('2026-11-30 23:59:59+00', 'long'), agentd.leaf_name('tasks', 645)")" \
	"tasks_short_2000_01|tasks_long_2000_12|645|tasks_long_2026_11"
is "an id of any time is looked for, and not found" "$(refused "SELECT agentd.task_view('ffffffff-ffff-7fff-8000-000000000000', '', true)") $(refused "SELECT agentd.task_view('00000000-0000-7000-8000-000000000000', '', true)")" "AG404 AG404"
is "also of years before 2000" "$(sql "SELECT agentd.leaf_name('tasks', agentd.leaf_of('1970-01-31', 'short')), agentd.leaf_name('tasks', agentd.leaf_of('1999-12-01', 'long')),
	agentd.leaf_start(agentd.leaf_of('1970-03-15', 'long')) = '1970-03-01 00:00+00', agentd.leaf_start(645) = '2026-11-01 00:00+00'")" "tasks_short_1970_01|tasks_long_1999_12|t|t"
is "months are those of UTC wherever the session is" "$(sql "SET timezone = 'Pacific/Auckland'; SELECT agentd.leaf_of('2026-11-30 23:59:59+00', 'short'), agentd.partitions_ensure()")" "644|0"
is "times and ids agree" "$(sql "SELECT agentd.uuid_time(agentd.uuid_at('2026-11-23 12:34:56.789+00')) = '2026-11-23 12:34:56.789+00'")" t
sql "SELECT test.submit('noop', 2), test.submit('paid', 2)" >/dev/null
is "each class in its own leaf" "$(sql "SELECT string_agg(DISTINCT t.leaf % 2 || ' ' || w.retain, ', ') FROM agentd.tasks t JOIN agentd.workflows w ON w.name = t.workflow")" "0 short, 1 long"
is "a query for one task opens two leaves" "$(sql "SET plan_cache_mode = force_custom_plan; PREPARE p (uuid) AS SELECT * FROM agentd.tasks WHERE id = \$1 AND leaf = ANY (agentd.leaves_of(\$1));
	EXPLAIN (costs off) EXECUTE p ('$(sql "SELECT id FROM agentd.tasks LIMIT 1")')" | grep -c 'Scan')" 2

# A writer holds a transaction open on another month: a new one is made beside it.
mkfifo "$PG_DIR/hold"
PGAPPNAME=writer pg_psql <"$PG_DIR/hold" >"$PG_DIR/writer" 2>&1 &
writer=$!
exec 5>"$PG_DIR/hold"
echo "BEGIN; SELECT test.submit('noop', 1);" >&5
idle writer
is "a year later: made while somebody writes" "$(sql "SET lock_timeout = '500ms'; SELECT agentd.partitions_ensure(clock_timestamp() + interval '1 year')")" 70
echo "ROLLBACK;" >&5
exec 5>&-
wait $writer
is "leaves keep their keys" "$(sql "SELECT count(*) FROM agentd.partitions() p WHERE NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = ('agentd.' || p.name)::regclass AND i.indisprimary)")" 0

# --- retention ---
t=$(sql "SELECT agentd.submit('noop', to_json(repeat('y', 100000)), idempotency_key => 'k')")
for id in $(sql "SELECT id FROM agentd.tasks WHERE workflow = 'noop'"); do sql "SELECT agentd.cancel('$id', '', true)" >/dev/null; done
at() { echo "SET agentd.fake_now = '$(date -u -d "@$(($(date +%s) + $1))" '+%F %T')+00';"; }
jump=$(at $((70 * 86400))) old=$(at $((71 * 86400 + 60)))
sweep="SELECT agentd.sweep_retention('{\"retain_short_ms\": 86400000, \"retain_long_ms\": 86400000, \"idempotency_ms\": 0}')"
is "a clock that nobody saw before is not believed for a day" "$(sql "SELECT agentd.sweep_retention('{\"retain_short_ms\": 1}'); SELECT trusted_from > agentd.clock() + interval '23 hours' FROM agentd.upkeep WHERE duty = 'retention'" 2>/dev/null | tail -n 1)" t
is "a month that is not over stays" "$(sql "$sweep; SELECT count(*) FROM agentd.tasks WHERE id = '$t'" | tail -n 1)" 1
# a clock that jumped may be wrong
like "nothing goes by a clock that has jumped" "$(sql "$jump $sweep; SELECT count(*) FROM agentd.tasks WHERE id = '$t'")" 'retention destroys nothing before .*: the clock has jumped'
is "it is all there" "$(sql "SELECT count(*), (SELECT count(*) FROM agentd.idempotency_keys) FROM agentd.tasks WHERE id = '$t'")" "1|1"
like "nor when it goes back" "$(sql "$sweep")" 'the clock has jumped'
sql "$jump $sweep" >/dev/null 2>&1
like "nor when it jumps on" "$(sql "$old $sweep")" 'the clock has jumped'
# a day later it has gone on as clocks do; other months are empty and may go with it
for h in 10 20 25; do sql "$(at $((71 * 86400 + 60 + h * 3600))) $sweep" >/dev/null 2>&1; done
old=$(at $((71 * 86400 + 60 + 25 * 3600)))
is "later the short class went, the long one has live tasks" "$(sql "SELECT count(*) FILTER (WHERE leaf % 2 = 0), count(*) FILTER (WHERE leaf % 2 = 1) FROM agentd.tasks")" "0|2"
is "with its journal, attempts, effects" "$(sql "SELECT count(DISTINCT parent) FROM agentd.partitions() WHERE leaf = agentd.leaf_of(clock_timestamp(), 'short')")" 0
is "the blob has no reference" "$(sql "SELECT count(*), (SELECT count(*) FROM agentd.blob_refs) FROM agentd.blobs")" "0|0"
is "its key is free again" "$(sql "$old $sweep; SELECT count(*) FROM agentd.idempotency_keys" | tail -n 1)" 0
is "a task of it is unknown now" "$(refused "SELECT agentd.task_view('$t', '', true)")" AG404
is "the sweeper makes the month again" "$(sql "SELECT agentd.sweep_partitions('{}') >= 6")" t
is "and it takes tasks" "$(sql "SELECT count(*) FROM (SELECT test.submit('noop', 1)) x")" 1

# --- leaves of a time for which no sweeper made any ---
is "leaves that no sweeper made are made by the first submission" "$(sql "DELETE FROM agentd.upkeep; SELECT agentd.sweep_retention('{}'); DROP TABLE agentd.tasks_short_$(date -u +%Y_%m), agentd.tasks_long_$(date -u +%Y_%m);
	SELECT count(*) FROM (SELECT test.submit('noop', 1)) x" | tail -n 1)" 1

# --- doctor ---
is "doctor: what must hold here" "$(sql "SELECT string_agg(c ->> 'name', ', ') FROM json_array_elements(agentd.doctor() -> 'checks') c WHERE NOT (c ->> 'ok')::boolean AND c ->> 'level' = 'error'")" ""
is "doctor sees tasks without a lease" "$(sql "SELECT test.claim('$W') IS NOT NULL; UPDATE agentd.workers SET ended_at = now();
	SELECT c ->> 'ok' FROM json_array_elements(agentd.doctor() -> 'checks') c WHERE c ->> 'name' = 'tasks without a lease'" | tail -n 1)" false
done_testing
