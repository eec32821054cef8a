# sse - 1,000 event streams, each of which gets every event: of one task that goes on, of all tasks while tasks of one step come at a
# steady pace, and while many come at once (burst_). A time is from an event's "at", before it is committed, to the last byte at the
# last client; delivery_ is each client's by itself.
bench_init
flow paced '  - id: each
    for:
      in: "${ [range(200)] }"
      do:
        - id: nap
          wait: 50ms'
d_publish
d_token
d_start web web
d_start sweeper sweeper
streams=1000
tasks=${n_tasks:-100}
is_open() { d_has_line "$1" '^open$'; }

# listen NAME TARGET FINISHED: the streams, in the background; they end after so many ends of tasks
listen() {
	: >"$D/$1.log"
	d_spawn "$1" "$top_builddir/t/bench/event_load" --socket "$D/web.sock" --token "$token" --target "$2" --streams $streams --finished "$3"
	wait_for 30 is_open "$1" || bail "not all streams were opened: $(cat "$D/$1.log")"
}

# heard NAME PREFIX: its figures, when it has ended
heard() {
	d_status "$1"
	[ "$status" = 0 ] || bail "event_load failed: $(cat "$D/$1.log")"
	grep -v '^open$' "$D/$1.log" >"$D/figures"
	while read -r figure_name value; do
		case $figure_name in
		*_ms) figure "$2$figure_name" "$value" ms ;;
		*) figure "$2$figure_name" "$value" "$figure_name" ;;
		esac
	done <"$D/figures"
}

figure streams "$streams" streams
task=$(ctl submit paced)
listen task "/tasks/$task/events" 1
d_start worker worker
heard task task_

load() {
	"$top_builddir/t/bench/http_load" "$1" --socket "$D/web.sock" --token "$token" --workflow noop --count "$tasks" "$2" "$3" >"$D/load" ||
		bail "http_load failed"
}
listen steady /events "$tasks"
cpu_ms() { awk -v hz="$(getconf CLK_TCK)" '{print ($14 + $15) * 1000 / hz}' "/proc/$(d_pid web)/stat"; }
before=$(cpu_ms)
load latency --pause-ms 240
heard steady ""
figure web_cpu_ms $(($(cpu_ms) - before)) ms
listen burst /events "$tasks"
load submit --clients $((tasks < 64 ? tasks : 64))
heard burst burst_
figure rss_mib "$(awk '/^VmHWM/ {printf "%.1f", $2 / 1024}' "/proc/$(d_pid web)/status")" MiB
