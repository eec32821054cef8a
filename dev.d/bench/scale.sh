# scale - does it stay as fast and as small: full tables, a long queue, an old snapshot, a million tasks in one worker.
#
# Parts (--only, or all): snapshot 500k 1m 5m rss. Rates are from the first claim to the last end, medians of three runs; ratios are
# to those of empty tables on the same cluster. 5m needs 9 GB of disk. --shrink N tries them out: a queue, tables and a million that
# are an Nth as long, and figures that say so in their names.
n=${n_tasks:-20000}
shrink=${shrink:-1}
as=
[ "$shrink" = 1 ] || as=_by_$shrink
parts=${only:-snapshot,500k,1m,5m,rss}
for part in $(printf '%s' "$parts" | tr ',' ' '); do
	case $part in
	snapshot | 500k | 1m | 5m | rss) ;;
	*) die "bench: --only $part: expected snapshot, 500k, 1m, 5m or rss" ;;
	esac
done
has_part() { case ",$parts," in *",$1,"*) ;; *) return 1 ;; esac; }

bench_init
d_publish

once() {
	drain noop "$n"
	d_stop worker
	rates="$rates $(per_s "$n" "$from_claim_ms")"
}

# three [COMMAND]: sets rate; COMMAND runs before each
three() {
	rates=''
	for turn in 1 2 3; do
		"${1:-true}"
		once
	done
	say "$turn turns:$rates tasks/s"
	# shellcheck disable=SC2086
	rate=$(median $rates)
}

# fill N: finished tasks until N are there, each a copy of one that a worker finished, made within the last minutes.
fill() {
	have=$(sql "SELECT count(*) FROM agentd.tasks")
	if [ "$have" = 0 ]; then
		once
		have=$n
	fi
	sql "CREATE TEMP TABLE one AS SELECT * FROM agentd.tasks ORDER BY id DESC LIMIT 1;
		CREATE TEMP TABLE new AS SELECT (lpad(to_hex(ms), 12, '0') || '7' || substr(h, 1, 3) || '8' || substr(h, 4, 15))::uuid AS id,
				to_timestamp(ms / 1000.0) AS at
			FROM (SELECT (extract(epoch FROM greatest(date_trunc('month', now()), now() - interval '10 min')) * 1000)::bigint + g / 20 AS ms,
				md5(g || 'fill') AS h FROM generate_series($have + 1, $1) g) x;
		INSERT INTO agentd.tasks (id, created_at, finished_at, last_seq, fence, failures, recoveries, leaf, state, ended_from, workflow, bundle,
				submitted_by, urgency, labels, budget, input, output, cost_usd)
			SELECT n.id, n.at, n.at + interval '20 ms', last_seq, fence, failures, recoveries, leaf, state, ended_from, workflow, bundle,
				submitted_by, urgency, labels, budget, input, output, cost_usd FROM one, new n;
		INSERT INTO agentd.task_attempts (task, worker, started_at, fence, claim, leaf)
			SELECT n.id, a.worker, n.at + interval '10 ms', a.fence, a.claim, a.leaf FROM new n, agentd.task_attempts a JOIN one ON a.task = one.id;
		INSERT INTO agentd.task_log (task, seq, at, fence, try, leaf, path, kind, step_kind, value, value_digest)
			SELECT n.id, l.seq, n.at + interval '20 ms', l.fence, l.try, l.leaf, l.path, l.kind, l.step_kind, l.value, l.value_digest
			FROM new n, agentd.task_log l JOIN one ON l.task = one.id;" || bail "the tables could not be filled"
	sql "VACUUM ANALYZE" || bail "VACUUM failed"
	have=$(sql "SELECT count(*) FROM agentd.tasks WHERE state = 'succeeded'")
	[ "$have" -ge "$1" ] || bail "$have finished tasks, wanted $1"
	say "finished tasks: $have, database $(sql "SELECT pg_size_pretty(pg_database_size('agentd'))")"
}

full() {
	fill $(($2 / shrink))
	three
	figure "tasks_per_s_$1$as" "$rate" tasks/s
	figure "ratio_$1$as" "$(ratio "$rate" "$empty_rate")" x
}

# A session that looked once and then idles in its transaction: nothing that dies after it can be removed.
old_snapshot() {
	mkfifo "$D/snapshot"
	PGOPTIONS='-c idle_in_transaction_session_timeout=0' pg_psql <"$D/snapshot" >"$D/snapshot.out" &
	exec 9>"$D/snapshot"
	echo "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM agentd.workers;" >&9
	wait_for 10 test -s "$D/snapshot.out" || bail "no snapshot was taken"
	three
	[ "$(sql "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction'")" = 1 ] || bail "the snapshot is gone"
	exec 9>&-
	figure tasks_per_s_old_snapshot "$rate" tasks/s
	figure old_snapshot_ratio "$(ratio "$rate" "$empty_rate")" x
}

# As many as are done within 5 s while 500,000 stand in the queue.
long_queue() {
	rates=''
	for turn in 1 2 3; do
		empty_tables
		enqueue noop $((500000 / shrink))
		d_start worker worker
		sleep 5 # the measured time
		d_signal worker KILL
		d_status worker
		rates="$rates $(sql "SELECT round(count(*) / extract(epoch FROM max(finished_at) - (SELECT min(started_at) FROM agentd.task_attempts)))
			FROM agentd.tasks WHERE state = 'succeeded'")"
	done
	left=$(sql "SELECT count(*) FROM agentd.task_queue")
	say "$turn turns:$rates tasks/s, left in the queue: $left"
	[ "$left" -gt 0 ] || [ "$shrink" -gt 1 ] || bail "the queue ran empty while it was measured"
	# shellcheck disable=SC2086
	rate=$(median $rates)
	figure "tasks_per_s_500k_queued$as" "$rate" tasks/s
	figure "ratio_500k_queued$as" "$(ratio "$rate" "$empty_rate")" x
	empty_tables
}

# One worker does 10,000 tasks, then more until it has done a million.
growth() {
	empty_tables
	d_start worker worker
	done_tasks=0 first_mib=
	for step in 10000 40000 50000 100000 100000 100000 100000 100000 100000 100000 100000 100000; do
		step=$((step / shrink))
		enqueue noop "$step"
		ask_until 300 "SELECT NOT EXISTS (SELECT FROM agentd.task_queue)" || bail "the queue was not drained within 300 s"
		done_tasks=$((done_tasks + step))
		now_mib=$(rss "$(d_pid worker)")
		first_mib=${first_mib:-$now_mib}
		say "after $done_tasks tasks: $now_mib MiB"
	done
	d_stop worker
	[ "$(sql "SELECT count(*) FROM agentd.tasks WHERE state = 'succeeded'")" = "$done_tasks" ] || bail "not every task succeeded"
	figure "rss_10k_mib$as" "$first_mib" MiB
	figure "rss_1m_mib$as" "$now_mib" MiB
	figure "rss_growth$as" "$(ratio "$now_mib" "$first_mib")" x
}

if [ "$parts" != rss ]; then
	rates=''
	once # a cluster's first minute makes files that later ones use again
	three empty_tables
	empty_rate=$rate
	figure tasks_per_s_empty "$rate" tasks/s
fi
! has_part snapshot || old_snapshot
! has_part 500k || long_queue
! has_part 1m || full 1m 1000000
! has_part 5m || full 5m 5000000
! has_part rss || growth
