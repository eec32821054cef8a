# latency - an idle system, one task at a time: from before POST /tasks to the answer that says it has succeeded.
bench_init
d_publish
d_token
d_start all all
sql CHECKPOINT
"$top_builddir/t/bench/http_load" latency --socket "$D/web.sock" --token "$token" --workflow noop --count 50 >/dev/null || bail "http_load failed"
"$top_builddir/t/bench/http_load" latency --socket "$D/web.sock" --token "$token" --workflow noop --count "${n_tasks:-500}" >"$D/latency" ||
	bail "http_load failed"
while read -r figure_name value; do figure "$figure_name" "$value" ms; done <"$D/latency"
