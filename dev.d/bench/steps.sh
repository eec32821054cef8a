# steps - workflows of five steps, the result of each committed before the next begins; next to a bare loop over the same SQL.
. dev.d/lib/bench_limit
n=${n_tasks:-10000}
bench_init
d_publish
limit five "$n"
rows=$(sql "SELECT count(*) FROM agentd.task_log WHERE kind = 'step.succeeded'")
[ "$rows" = $((5 * n)) ] || bail "$rows steps are journaled, expected $((5 * n))"
say "moves of a task: $(tail -n 1 "$D/moves" | cut -f 1)"
figure workflows_per_s "$(per_s "$n" "$real_ms")" workflows/s
figure workflows_per_s_from_first_claim "$(per_s "$n" "$claim_ms")" workflows/s
figure limit_workflows_per_s "$(per_s "$n" "$bare_ms")" workflows/s
figure limit_ratio "$(ratio "$bare_ms" "$real_ms")" x
figure rss_mib "$peak_mib" MiB
figure cpu_ms "$cpu_ms" ms
