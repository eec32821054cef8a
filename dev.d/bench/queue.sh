# queue - tasks of one step that does nothing: queue, attempt, journal row and result; next to a bare loop over the same SQL
# and to pgbench on a queue as plain as it can be.
. dev.d/lib/bench_limit
n=${n_tasks:-10000}
bench_init
d_publish
limit noop "$n"
say "kept: $(kept | tr '\n' ' ')"

jobs_database
tps=$("$PG_BIN/pgbench" -n -c 24 -j 2 -t 417 -f t/bench/claim_done.sql bench 2>/dev/null | awk '/^tps/ {printf "%.0f", $3}')

rate=$(per_s "$n" "$real_ms")
figure tasks_per_s "$rate" tasks/s
figure tasks_per_s_from_first_claim "$(per_s "$n" "$claim_ms")" tasks/s
figure limit_tasks_per_s "$(per_s "$n" "$bare_ms")" tasks/s
figure limit_ratio "$(ratio "$bare_ms" "$real_ms")" x
figure pgbench_tps "$tps" tx/s
figure pgbench_ratio "$(ratio "$rate" "$tps")" x
figure rss_mib "$peak_mib" MiB
figure cpu_ms "$cpu_ms" ms
