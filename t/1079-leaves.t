#!/bin/sh
# 1079-leaves.t - leaves come and go beside sixteen writers, who wait for nobody; a detach that was cut off is finished; a sweeper
# that owns no tables has them dropped.
. "$top_srcdir/t/lib/pg.sh"
. "$top_srcdir/t/lib/daemon.sh"
pg_find_bin && [ -x "$PG_BIN/pgbench" ] || {
	echo "1..0 # SKIP no pgbench"
	exit 0
}

D_PG_SETTINGS="log_statement = ddl"
d_init
printf 'agentd: v1\nname: quick\nsteps: [{id: one, set: {n: 1}}]\n' >"$D/root/workflows/quick.yaml"
d_publish
# the clock has been seen to go on for long: else nothing would go
sql "INSERT INTO agentd.upkeep VALUES ('retention', clock_timestamp(), '2000-01-01')" >/dev/null
bundle=$(sql "SELECT bundle FROM agentd.workflows")
# old MONTHS: leaves of that many months ago, each with a task that ended and what other tables hold for it
old() {
	sql "SELECT count(agentd.leaf_ensure(t, l)) FROM unnest(agentd.partitioned_tables()) t, LATERAL (SELECT (agentd.leaf_of(clock_timestamp(), 'short') / 2 - $1) * 2 + c AS l
			FROM generate_series(0, 1) c) x" >/dev/null
	sql "INSERT INTO agentd.tasks (id, created_at, leaf, state, ended_from, workflow, bundle, submitted_by, urgency)
			SELECT agentd.uuid_new(), now(), leaf, 'succeeded', 'running', 'quick', '$bundle', 'x', 'normal' FROM agentd.partitions()
			WHERE parent = 'tasks' AND leaf = agentd.leaf_of(clock_timestamp(), 'short') / 2 * 2 - 2 * $1;
		INSERT INTO agentd.blobs VALUES (sha256('$1'), now(), '1') ON CONFLICT DO NOTHING;
		INSERT INTO agentd.blob_refs SELECT id, sha256('$1') FROM agentd.tasks WHERE leaf = agentd.leaf_of(clock_timestamp(), 'short') / 2 * 2 - 2 * $1" >/dev/null
}
olds() { sql "SELECT count(*) FROM agentd.partitions() WHERE leaf < agentd.leaf_of(clock_timestamp(), 'short') - 4 AND leaf % 2 = 0"; }
gone() { [ "$(olds)" = 0 ]; }
relations() { sql "SELECT count(*) FROM pg_class WHERE relnamespace = 'agentd'::regnamespace AND relkind = 'r' AND NOT relispartition AND relname ~ '_(short|long)_[0-9]{4}_[0-9]{2}\$'"; }

tables=$(sql "SELECT cardinality(agentd.partitioned_tables())")
for months in 4 5 6; do old $months; done
is "three old months of the short class" "$(olds)" $((3 * tables))
echo "SELECT agentd.submit('quick');" >"$D/submit.sql"
# 16 writers, each latency in the log; meanwhile a reader has everything open, a year of leaves comes, three months go
mkdir "$D/bench"
(cd "$D/bench" && exec "$PG_BIN/pgbench" -n -c 16 -j 2 -T 12 -l -f "$D/submit.sql" agentd) >"$D/bench.out" 2>&1 &
bench=$!
wait_for 10 sql "SELECT 1 / (count(*) / 17) FROM pg_stat_activity WHERE application_name = 'pgbench'" >/dev/null
(printf '%s\n' "BEGIN; SELECT count(*) FROM agentd.tasks;" "SELECT pg_sleep(3);" "COMMIT;" | pg_psql >/dev/null) &
reader=$!
sleep 0.5
d_start sweeper sweeper
is "a year of leaves" "$(sql "SELECT sum(agentd.partitions_ensure(clock_timestamp() + m * interval '4 months')) FROM generate_series(1, 3) m")" $((24 * tables))
ok "the old months go" wait_for 60 gone
wait $reader
wait $bench
is "no writer failed" "$? $(sed -n 's/^number of failed transactions: //p' "$D/bench.out")" "0 0 (0.000%)"
longest=$(cat "$D"/bench/pgbench_log.* | awk '$3 > max { max = $3 } END { print int(max / 1000) }')
n=$(cat "$D"/bench/pgbench_log.* | wc -l)
[ "$longest" -le 1000 ] && pass "none of $n submissions waited more than a second ($longest ms)" || fail "none of $n submissions waited more than a second" "$longest ms"
is "each is there" "$(sql "SELECT count(*) = $n FROM agentd.tasks WHERE submitted_by <> 'x'")" t
ok "leaves were taken off concurrently" grep -q 'DETACH PARTITION .* CONCURRENTLY' "$PG_DIR/server.log"
is "nothing is left of them" "$(relations)" 0
is "nor what others held for their tasks" "$(sql "SELECT count(*) FROM agentd.blob_refs")" 0
d_stop sweeper

# --- a detach that was cut off ---
old 4
leaf=$(sql "SELECT name FROM agentd.partitions() WHERE parent = 'task_log' AND leaf < agentd.leaf_of(clock_timestamp(), 'short') - 4 AND leaf % 2 = 0")
mkfifo "$D/hold"
PGAPPNAME=holder pg_psql <"$D/hold" >/dev/null 2>&1 &
holder=$!
exec 5>"$D/hold"
echo "BEGIN; SELECT count(*) FROM agentd.task_log;" >&5
ok "somebody reads" wait_for 10 sql "SELECT 1 / count(*) FROM pg_stat_activity WHERE application_name = 'holder' AND state = 'idle in transaction'"
printf '%s\n' "SET lock_timeout = '200ms';" "ALTER TABLE agentd.task_log DETACH PARTITION agentd.$leaf CONCURRENTLY;" | pg_psql >/dev/null 2>&1
is "a detach was cut off" "$(sql "SELECT inhdetachpending FROM pg_inherits WHERE inhrelid = 'agentd.$leaf'::regclass")" t
d_start sweeper sweeper 5>&-
tried() { [ "$(grep -c 'DETACH PARTITION .* FINALIZE' "$PG_DIR/server.log")" -ge 2 ]; }
ok "the sweeper tries to finish it, again and again" wait_for 20 tried
echo "ROLLBACK;" >&5
exec 5>&-
wait $holder
ok "and does when the reader leaves" wait_for 30 gone
is "nothing is left of it" "$(relations)" 0
d_stop sweeper

# --- what was taken off and not dropped ---
old 4
sql "ALTER TABLE agentd.effects DETACH PARTITION agentd.$(sql "SELECT name FROM agentd.partitions() WHERE parent = 'effects' AND leaf < agentd.leaf_of(clock_timestamp(), 'short') - 4 AND leaf % 2 = 0")" >/dev/null
is "a leaf that was left" "$(relations)" 1

# --- a sweeper that owns nothing ---
sql "CREATE ROLE sw LOGIN IN ROLE agentd_sweeper" >/dev/null
sed "s/user=postgres/user=sw/" "$D/agentd.yaml" >"$D/sw.yaml"
d_spawn sw env AGENTD_DATABASE= "$agentd" -c "$D/sw.yaml" sweeper
ok "SQL drops them for it" wait_for 60 gone
is "what was left too" "$(relations)" 0
d_stop sw
is "and it stops well" "$status" 0
is "no error was logged" "$(grep -c ' error ' "$D/sw.log" "$D/sweeper.log" | tr '\n' ' ')" "$D/sw.log:0 $D/sweeper.log:0 "
done_testing
