# submit - 64 kept connections, each POSTs its next task when the last one is answered, which is when it is durable.
bench_init
d_publish
d_token
d_start web web
sql CHECKPOINT
"$top_builddir/t/bench/http_load" submit --socket "$D/web.sock" --token "$token" --workflow noop --clients 64 --count "${n_tasks:-20000}" >"$D/rate" ||
	bail "http_load failed"
figure submissions_per_s "$(awk '{print $2}' "$D/rate")" submissions/s
