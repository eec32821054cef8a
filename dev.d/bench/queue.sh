# queue - tasks of one step that does nothing: queue, attempt, journal row and result; next to a bare loop over the same SQL
# and to pgbench on a queue as plain as it can be.
#
# queue_asked_ratio: how much longer it takes while one request for a person is open; queue_watched_ratio: while one client reads the
# events of all tasks, too. They take turns, and web runs beside each.
. dev.d/lib/bench_limit
n=${n_tasks:-10000}
bench_init
d_publish
limit noop "$n"
say "kept: $(kept | tr '\n' ' ')"

flow asks '  - id: sure
    approve: {title: Really?}'
d_publish
d_token
d_start web web
is_open() { d_has_line stream '^open$'; }
asks() { [ "$(sql "SELECT count(*) FROM agentd.approval_queue WHERE state = 'pending'")" = 1 ]; }
calm() {
	sql "DELETE FROM agentd.approval_queue"
	sql "UPDATE agentd.event_watch SET until = 'epoch', since = NULL"
	sql "TRUNCATE agentd.event_feed"
	empty_tables
}
# The request outlives the task that made it, so that the queue can be drained.
open_request() {
	ctl submit asks >/dev/null
	d_start worker worker
	wait_for 20 asks || bail "nobody is asked"
	d_stop worker
	empty_tables
}
measure() {
	drain noop "$n"
	d_stop worker
}
for turn in 1 2 3 4 5 6 7; do
	calm
	measure
	plain="${plain:-} $from_start_ms"
	open_request
	measure
	asked="${asked:-} $from_start_ms"
	empty_tables
	: >"$D/stream.log"
	d_spawn stream "$top_builddir/t/bench/event_load" --socket "$D/web.sock" --token "$token" --target /events --streams 1 --finished "$n"
	wait_for 20 is_open || bail "the stream was not opened: $(cat "$D/stream.log")"
	measure
	watched="${watched:-} $from_start_ms"
	d_status stream
	[ "$status" = 0 ] || bail "event_load failed: $(cat "$D/stream.log")"
done
d_stop web
say "plain$plain ms, with a request$asked ms, and a stream$watched ms"

jobs_database
tps=$("$PG_BIN/pgbench" -n -c 24 -j 2 -t 417 -f t/bench/claim_done.sql bench 2>/dev/null | awk '/^tps/ {printf "%.0f", $3}')

rate=$(per_s "$n" "$real_ms")
figure tasks_per_s "$rate" tasks/s
figure tasks_per_s_from_first_claim "$(per_s "$n" "$claim_ms")" tasks/s
figure limit_tasks_per_s "$(per_s "$n" "$bare_ms")" tasks/s
figure limit_ratio "$(ratio "$bare_ms" "$real_ms")" x
figure pgbench_tps "$tps" tx/s
figure pgbench_ratio "$(ratio "$rate" "$tps")" x
# shellcheck disable=SC2086
figure queue_asked_ratio "$(ratio "$(median $asked)" "$(median $plain)")" x
# shellcheck disable=SC2086
figure queue_watched_ratio "$(ratio "$(median $watched)" "$(median $plain)")" x
figure rss_mib "$peak_mib" MiB
figure cpu_ms "$cpu_ms" ms
