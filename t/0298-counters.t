#!/bin/sh
# 0298-counters.t - what processes report is added up once, and /metrics reads nothing that has ended.
. "$top_srcdir/t/lib/sql.sh"

A=00000000-0000-7000-8000-00000000000a
B=00000000-0000-7000-8000-00000000000b
report() { sql "SELECT agentd.count_report('$1', $2, '$3', '${4:-[]}')"; }
value() { sql "SELECT array_to_string(value, ' ') FROM agentd.counters WHERE name = '$1' AND labels = '$2'"; }

is "a first report" "$(report $A 1 '[["c", "x=\"1\"", [3]], ["h", "", [1, 0, 2]]]')" 2
is "is written" "$(value c 'x="1"') / $(value h '')" "3 / 1 0 2"
is "sent again it is not" "$(report $A 1 '[["c", "x=\"1\"", [3]]]')" 0
is "nor is an older one" "$(report $A 0 '[["c", "x=\"1\"", [3]]]')" 0
is "nothing was added" "$(value c 'x="1"')" 3
report $A 2 '[["c", "x=\"1\"", [4]], ["h", "", [0, 5, 1]]]' >/dev/null
report $B 1 '[["c", "x=\"1\"", [10]]]' >/dev/null
is "later ones and those of others are added" "$(value c 'x="1"') / $(value h '')" "17 / 1 5 3"
report $B 2 '[]' '[["g", "", [100]]]' >/dev/null
report $A 3 '[]' '[["g", "", [90]]]' >/dev/null
is "of a gauge the greatest stands" "$(value g '')" 100
report $A 4 '[["big", "", [9223372036854775807]]]' >/dev/null
report $A 5 '[["big", "", [9223372036854775807]]]' >/dev/null
is "sums have no end" "$(value big '')" 18446744073709551614
is "what is no number is refused" "$(refused "SELECT agentd.count_report('$A', 6, '[[\"c\", \"\", [\"x\"]]]', '[]')")" 22P02

# --- ends without a worker ---
id=$(sql "SELECT agentd.submit('noop')")
sql "SELECT agentd.cancel('$id', 'sql:postgres', true)" >/dev/null
is "a task that is cancelled without a worker is news" "$(sql "SELECT workflow, state FROM agentd.ended_news")" "noop|cancelled"
sql "INSERT INTO agentd.ended_news SELECT 'noop', 'expired' FROM generate_series(1, 30000)" >/dev/null
report $B 3 '[]' >/dev/null
report $B 4 '[]' >/dev/null
is "the next reports take it" "$(sql "SELECT count(*) FROM agentd.ended_news") $(value agentd_tasks_ended_total 'workflow="noop",state="cancelled"') $(
	value agentd_tasks_ended_total 'workflow="noop",state="expired"')" "0 1 30000"

# --- many at once ---
for i in 1 2 3 4 5 6; do
	news='[["m", "a", [1]], ["m", "b", [1]]]'
	[ $((i % 2)) = 0 ] || news='[["m", "b", [1]], ["m", "a", [1]]]'
	for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		echo "SELECT agentd.count_report('00000000-0000-7000-8000-0000000000c$i', $n, '$news', '[]');"
	done | pg_psql >"$PG_DIR/out.$i" 2>&1 &
done
wait
is "reports of six at once: none is lost" "$(value m a) $(value m b)" "120 120"

# --- what it costs ---
sql "INSERT INTO agentd.tasks (id, created_at, finished_at, last_seq, fence, failures, recoveries, leaf, state, ended_from, workflow, bundle,
		submitted_by, urgency, input)
	SELECT agentd.uuid_new(), clock_timestamp(), clock_timestamp(), 1, 1, 0, 0, agentd.leaf_of(clock_timestamp(), 'short'), 'succeeded', 'running',
		'noop', '\x00', 'x', 'normal', '{}' FROM generate_series(1, ${AGENTD_COUNTERS_TASKS:-2000})" >/dev/null
read_rows() { sql "SELECT pg_stat_force_next_flush(); SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0) + coalesce(idx_scan, 0)) FROM pg_stat_user_tables
	WHERE relname ~ '^(tasks|task_log|task_attempts|effects|model_calls|traces)_(short|long)_'" | tail -n 1; }
before=$(read_rows)
sql "SELECT count(*) FROM agentd.tasks WHERE state = 'succeeded'" >/dev/null
ok_seen=$(read_rows)
is "a look at what has ended would be seen" "$((ok_seen > before))" 1
before=$ok_seen
like "the figures" "$(sql "SELECT agentd.metrics()")" '"admission" : 0'
is "read no row of what has ended" "$(read_rows)" "$before"
sql "EXPLAIN (ANALYZE, BUFFERS) SELECT agentd.metrics()" | sed -n 's/^ *\(Buffers\|Execution Time\)/# figure \1/p'
done_testing
