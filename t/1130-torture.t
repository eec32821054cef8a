#!/bin/sh
# 1130-torture.t - agentd all with a handful of tasks, run again and again, each time with one library call or one allocation that
# fails (C1, C2), as curl is tortured. After an end with a message a supervisor starts it again: every task ends, nothing is done twice.
# A sample; AGENTD_TORTURE=all takes each call path, AGENTD_TORTURE=N so many; AGENTD_TORTURE_SEED repeats a sample,
# AGENTD_TORTURE_AT names the calls.
. "$top_srcdir/t/lib/pg.sh"
. "$top_srcdir/t/lib/daemon.sh"
shim=$top_builddir/t/bin/torture.so
command -v python3 >/dev/null || {
	echo "1..0 # SKIP no python3"
	exit 0
}
d_init
d_sink
cat >"$D/root/workflows/work.yaml" <<-'END'
	agentd: v1
	name: work
	steps:
	  - id: first
	    set: {n: 1}
	  - id: look
	    call: sink.look
	    with: {n: 1}
	    retry: {max: 3, delay: 50ms}
	  - id: again
	    call: sink.again
	    with: {n: 2}
	    retry: {max: 3, delay: 50ms}
	  - id: once
	    call: sink.once
	    with: {n: 3}
	    retry: {max: 3, delay: 50ms}
END
d_publish
d_token
asan=$(ldd "$agentd" | sed -n 's/.*=> \(.*libasan[^ ]*\).*/\1:/p')

post() {
	d_http -f -m 5 -H "Authorization: Bearer $token" -H "Content-Type: application/json" -H "Idempotency-Key: run-$1" -d '{"workflow":"work"}' http://agentd/tasks
}
settled_or_dead() { ! d_alive all || all_settled; }

# one_run NUMBER [X=Y...]: prints what went wrong, nothing else
one_run() {
	run=$1
	shift
	sql "SELECT agentd.submit('work') FROM generate_series(1, 3)" >/dev/null
	D_MAY_DIE=1
	d_start all all "LD_PRELOAD=$asan$shim" "$@"
	posted=
	post "$run" >/dev/null 2>&1 && posted=1
	wait_for 60 settled_or_dead || echo "tasks do not end, nor does the process"
	d_signal all TERM
	d_status all
	case $status in
	0) ;;
	1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 69 | 70 | 71 | 73 | 74 | 75 | 78) grep -qE '^agentd: |: error: ' "$D/all.log" || echo "status $status without a word" ;;
	# libuv ends the process by itself when a pipe of its own fails
	134) grep -q 'agentd: fatal: ' "$D/all.log" || grep -A 4 '^torture: ' "$D/all.log" | tail -n 1 | grep -q libuv || echo "aborts without a word" ;;
	*) echo "status $status" ;;
	esac
	! grep -q 'Sanitizer' "$D/all.log" || echo "a sanitizer reports"
	cp "$D/all.log" "$D/tortured"
	D_MAY_DIE=
	if [ "$status" != 0 ] || [ -z "$posted" ] || ! all_settled; then
		d_start all all
		[ -n "$posted" ] || post "$run" >/dev/null || echo "a submission is refused after the restart"
		wait_for 20 all_settled || echo "tasks do not end after the restart"
		d_stop all
		[ "$status" = 0 ] || echo "status $status of a stop after the restart"
	fi
}

for kind in ${AGENTD_TORTURE_KIND:-call alloc}; do
	[ "$kind" = call ] || [ -z "$asan" ] || continue
	rm -f "$D/paths"
	wrong=$(one_run "$kind-0" TORTURE_KIND=$kind "TORTURE_RECORD=$D/paths")
	is "$kind: an untouched run" "$wrong" ""
	[ -s "$D/paths" ] || bail "no call was recorded"
	seed=${AGENTD_TORTURE_SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
	points=$(python3 - "$D/paths" "${AGENTD_TORTURE:-5}" "$seed" <<-'END'
		import random, sys
		at = sorted({int(n) for x in open(sys.argv[1]) for n in x.split()[:2]})
		n = len(at) if sys.argv[2] == "all" else min(len(at), int(sys.argv[2]))
		print(*sorted(random.Random(int(sys.argv[3])).sample(at, n)))
	END
	)
	points=${AGENTD_TORTURE_AT:-$points}
	n=0 bad=0
	for at in $points; do
		n=$((n + 1))
		wrong=$(one_run "$kind-$at" TORTURE_KIND=$kind TORTURE_AT="$at" TORTURE_SHOW=1)
		[ -z "$wrong" ] || {
			bad=$((bad + 1))
			printf '# %s %s: %s\n' "$kind" "$at" "$wrong"
			grep -a -A 12 '^torture: ' "$D/tortured" | sed 's/^/#   /' | head -n 20
			tail -n 3 "$D/tortured" | sed 's/^/#   /' | head -n 5
		}
		d_alive sink || bail "the sink is gone"
	done
	echo "# $kind: $(wc -l <"$D/paths") paths, $n failed one by one, seed $seed"
	is "$kind: every failure is survived or told, every task ends" "$bad" 0
done

d_load_sink
is "what may be done once was not done twice" "$(sql "SELECT count(*) FROM (SELECT key FROM sink WHERE tool = 'once' GROUP BY key HAVING count(*) > 1) x")" 0
is "every task ended, or waits for a person because its outcome is unknown" "$(sql "SELECT count(*) FROM agentd.tasks t LEFT JOIN agentd.task_queue q USING (id)
	WHERE coalesce(t.state, q.state) NOT IN ('succeeded', 'uncertain')")" 0
is "who succeeded was seen by the witness" "$(sql "SELECT count(*) FROM agentd.tasks t WHERE t.state = 'succeeded'
	AND (SELECT count(*) FROM sink s WHERE s.task = t.id AND s.tool = 'once') <> 1")" 0
done_testing
