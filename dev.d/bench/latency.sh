# latency - an idle system, one task at a time: from before POST /tasks to the answer that says it has succeeded; next to pgbench
# with one client at the same pace, on a queue as plain as it can be: a machine that sleeps is slow to wake for both.
bench_init
d_publish
d_token
d_start all all
jobs_database
sql CHECKPOINT
n=${n_tasks:-500}
"$top_builddir/t/bench/http_load" latency --socket "$D/web.sock" --token "$token" --workflow noop --count 50 >/dev/null || bail "http_load failed"
"$top_builddir/t/bench/http_load" latency --socket "$D/web.sock" --token "$token" --workflow noop --count "$n" >"$D/latency" ||
	bail "http_load failed"
(cd "$D" && "$PG_BIN/pgbench" -n -c 1 -t "$n" -R 60 -l -f "$root/t/bench/claim_done.sql" bench >pgbench.out 2>&1) || bail "pgbench failed"
pgbench_ms=$(awk '{ print ($3 - $NF) / 1000 }' "$D"/pgbench_log.* | sort -n | awk '{ v[NR] = $1 } END { printf "%.2f", v[int((NR + 1) / 2)] }')
while read -r figure_name value; do
	figure "$figure_name" "$value" ms
	[ "$figure_name" != p50_ms ] || p50_ms=$value
done <"$D/latency"
figure pgbench_p50_ms "$pgbench_ms" ms
figure pgbench_ratio "$(ratio "$p50_ms" "$pgbench_ms")" x
