# bench - figures, one per line: ./dev bench NAME [--tasks N]; NAME is queue, steps, waiting, latency, idle, submit or all.
#
# Each runs on a throw-away cluster with fsync and synchronous_commit on, after a checkpoint, with the programs of
# build/. "figure NAME VALUE UNIT" is what counts; other lines explain.
name=${1:-}
[ $# -gt 0 ] && shift
n_tasks=
while [ $# -gt 0 ]; do
	case $1 in
	--tasks) n_tasks=${2:?} && shift 2 ;;
	*) die "bench: unknown argument \"$1\" (./dev bench NAME [--tasks N])" ;;
	esac
done
case $name in
queue | steps | waiting | latency | idle | submit | all) ;;
*) die "bench: \"$name\": expected queue, steps, waiting, latency, idle, submit or all" ;;
esac
mkdir -p "$var/log"
. dev.d/lib/packages
. dev.d/lib/build
# shellcheck disable=SC2086
install_packages $packages
build_tree build --enable-werror
make -C build -j"$jobs" t/bench/http_load t/bin/stub_provider >>"$var/log/build.log" 2>&1 || die "the build failed (see $var/log/build.log)"

if [ "$name" = all ]; then
	for name in queue steps waiting latency idle submit; do sh "$root/dev" bench $name; done
	exit 0
fi

top_srcdir=$root top_builddir=$root/build
export top_srcdir top_builddir
. t/lib/pg.sh
. t/lib/daemon.sh
figure() { printf 'figure %s %s %s\n' "$1" "$2" "$3"; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'; }
per_s() { awk -v n="$1" -v ms="$2" 'BEGIN { printf "%.0f", n * 1000 / (ms > 0 ? ms : 1) }'; }

bench_init() {
	D_PG_SETTINGS='shared_buffers = 1GB
max_wal_size = 4GB
random_page_cost = 1.1
max_connections = 100'
	# production settings but for the name of the socket
	d_init "worker: {}" "sweeper: {}" ${1:+"$1"}
	flow noop '  - id: one
    set: {n: 1}'
	flow five '  - id: one
    set: {n: 1}
  - id: two
    set: {n: 2}
  - id: three
    set: {n: 3}
  - id: four
    set: {n: 4}
  - id: five
    set: {n: 5}'
}

flow() { printf 'agentd: v1\nname: %s\nsteps:\n%s\n' "$1" "$2" >"$D/root/workflows/$1.yaml"; }

enqueue() {
	sql "SELECT count(agentd.submit('$1')) FROM generate_series(1, $2)" >/dev/null || bail "submit failed"
	sql "ANALYZE agentd.task_queue" || :
	sql CHECKPOINT
}

all_ended() { [ "$(sql "SELECT count(*) FROM agentd.task_queue")" = 0 ]; }

# Milliseconds from $1 (a time of the database) and from the first claim, to the last task's end.
clock_of() {
	sql "SELECT round(extract(epoch FROM max(t.finished_at) - '$1'::timestamptz) * 1000) || ' ' ||
		round(extract(epoch FROM max(t.finished_at) - (SELECT min(started_at) FROM agentd.task_attempts)) * 1000) FROM agentd.tasks t"
}

# drain WORKFLOW N: one worker; sets $from_start_ms and $from_claim_ms
drain() {
	enqueue "$1" "$2"
	begin=$(sql "SELECT clock_timestamp()")
	d_start worker worker
	wait_for 300 all_ended || bail "the queue was not drained within 300 s"
	[ "$(sql "SELECT count(*) FROM agentd.tasks WHERE state = 'succeeded'")" = "$2" ] || bail "not every task succeeded"
	read -r from_start_ms from_claim_ms <<-END
		$(clock_of "$begin")
	END
	peak_mib=$(awk '/^VmHWM/ {printf "%.1f", $2 / 1024}' "/proc/$(d_pid worker)/status")
	cpu_ms=$(awk -v hz="$(getconf CLK_TCK)" '{print ($14 + $15) * 1000 / hz}' "/proc/$(d_pid worker)/stat")
}

bench_queue() {
	n=${n_tasks:-10000}
	bench_init
	d_publish
	drain noop "$n"
	rate=$(per_s "$n" "$from_start_ms")
	kept=$(sql "SELECT (SELECT count(*) FROM agentd.task_attempts) || ' attempts, ' || (SELECT count(*) FROM agentd.task_log) || ' journal rows, ' || count(output) || ' results' FROM agentd.tasks")
	say "kept for $n tasks: $kept; worker cpu ${cpu_ms} ms"
	d_stop worker
	psql_bench=$PG_BIN/pgbench
	[ -x "$psql_bench" ] || die "no pgbench beside the server's programs"
	sql "CREATE DATABASE bench" && PGDATABASE=bench pg_psql -f t/bench/jobs.sql 2>/dev/null
	PGDATABASE=bench pg_psql -c "INSERT INTO jobs (payload) SELECT jsonb_build_object('i', g) FROM generate_series(1, 10008) g" -c 'ANALYZE jobs' -c CHECKPOINT
	tps=$("$psql_bench" -n -c 24 -j 2 -t 417 -f t/bench/claim_done.sql bench 2>/dev/null | awk '/^tps/ {printf "%.0f", $3}')
	figure tasks_per_s "$rate" tasks/s
	figure tasks_per_s_from_first_claim "$(per_s "$n" "$from_claim_ms")" tasks/s
	figure pgbench_tps "$tps" tx/s
	figure pgbench_ratio "$(ratio "$rate" "$tps")" x
	figure rss_mib "$peak_mib" MiB
}

bench_steps() {
	n=${n_tasks:-1000}
	bench_init
	d_publish
	drain five "$n"
	rows=$(sql "SELECT count(*) FROM agentd.task_log WHERE kind = 'step.succeeded'")
	[ "$rows" = $((5 * n)) ] || bail "$rows steps are journaled, expected $((5 * n))"
	figure workflows_per_s "$(per_s "$n" "$from_start_ms")" workflows/s
	figure workflows_per_s_from_first_claim "$(per_s "$n" "$from_claim_ms")" workflows/s
	figure rss_mib "$peak_mib" MiB
}

bench_waiting() {
	n=${n_tasks:-1000}
	bench_init
	d_stub --delay-ms 1000
	cat >"$D/root/policies/routing.yaml" <<-END
		agentd: v1
		providers: {stub: {wire: openai, base_url: "$stub_url", key_env: []}}
		models: {stub: {provider: stub, id: stub, context: 8192, max_output: 100, price: {input: 0.10, output: 0.40, as_of: 2026-11-01}}}
		tiers: {cheap: {steps: [{model: stub}]}}
	END
	flow ask '  - id: ask
    model: {tier: cheap, prompt: "Say hello.", max_output: 50}'
	d_publish
	drain ask "$n"
	figure wall_s "$(awk -v ms="$from_start_ms" 'BEGIN { printf "%.2f", ms / 1000 }')" s
	figure wall_from_first_claim_s "$(awk -v ms="$from_claim_ms" 'BEGIN { printf "%.2f", ms / 1000 }')" s
	figure rss_mib "$peak_mib" MiB
	figure cpu_ms "$cpu_ms" ms
}

bench_latency() {
	bench_init
	d_publish
	d_token
	d_start all all
	sql CHECKPOINT
	"$top_builddir/t/bench/http_load" latency --socket "$D/web.sock" --token "$token" --workflow noop --count 50 >/dev/null || bail "http_load failed"
	"$top_builddir/t/bench/http_load" latency --socket "$D/web.sock" --token "$token" --workflow noop --count "${n_tasks:-500}" >"$D/latency" ||
		bail "http_load failed"
	while read -r figure_name value; do figure "$figure_name" "$value" ms; done <"$D/latency"
}

bench_idle() {
	bench_init
	d_publish
	d_start all all
	ticks() { awk '{print $14 + $15}' "/proc/$(d_pid all)/stat"; }
	sleep 2 # what starting costs is not idling
	before=$(ticks)
	sleep 20 # the measured time
	figure cpu_percent "$(awk -v t=$(($(ticks) - before)) -v hz="$(getconf CLK_TCK)" 'BEGIN { printf "%.2f", t * 100 / hz / 20 }')" %
	figure rss_mib "$(awk '/^VmRSS/ {printf "%.1f", $2 / 1024}' "/proc/$(d_pid all)/status")" MiB
}

bench_submit() {
	bench_init
	d_publish
	d_token
	d_start web web
	sql CHECKPOINT
	"$top_builddir/t/bench/http_load" submit --socket "$D/web.sock" --token "$token" --workflow noop --clients 64 --count "${n_tasks:-20000}" >"$D/rate" ||
		bail "http_load failed"
	figure submissions_per_s "$(awk '{print $2}' "$D/rate")" submissions/s
}

"bench_$name"
