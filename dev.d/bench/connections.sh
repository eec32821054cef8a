# connections - 10,000 connections that are kept and idle, and beside them 200 that ask for a list of tasks, each once in
# four seconds; and the same 200 alone.
command -v python3 >/dev/null || die "no python3"
. t/lib/api.sh
bench_init "web: {listen: \"unix:@D@/web.sock\", max_connections: 20000}"
d_publish
d_start all all
api_tokens full:read
idle=${n_tasks:-10000}
hold() {	# PREFIX IDLE
	python3 -B t/lib/idle.py hold "$D/web.sock" "$D/tokens" "$2" 200 50 20 >"$D/hold" || bail "idle.py failed"
	! grep '^not ok' "$D/hold" || bail "idle.py found something wrong"
	sed -n "s/^# figure /$1/p" "$D/hold" >"$D/figures"
	while read -r figure_name value unit; do
		figure "$figure_name" "$value" "$unit"
	done <"$D/figures"
}

hold alone_ 0
figure alone_rss_mib "$(rss "$(d_pid all)")" MiB
hold "" "$idle"
figure idle_connections "$idle" connections
figure rss_mib "$(awk '/^VmHWM/ {printf "%.1f", $2 / 1024}' "/proc/$(d_pid all)/status")" MiB
