#!/bin/sh
# 1086-top.t - agentctl top: one frame word for word at a time that stands still, and live in a terminal that is put back afterwards.
. "$top_srcdir/t/lib/pg.sh"
. "$top_srcdir/t/lib/daemon.sh"

d_init
mkdir -p "$D/root/workflows"
for name in alpha beta; do
	printf 'agentd: v1\nname: %s\nsteps:\n  - {id: set, set: {a: 1}}\n' $name >"$D/root/workflows/$name.yaml"
done
d_publish

# --- a frame ---
# The time is that when the tasks were made, a minute later.
sql "SELECT agentd.worker_register('019ab000-0000-7000-8000-000000000001', 'host', 7, '{default}', 30000, 1)" >/dev/null
for name in alpha alpha beta; do ctl submit $name >/dev/null; done
now=$(sql "SELECT agentd.rfc3339(date_trunc('second', clock_timestamp()) + interval '1 minute')")
sql "UPDATE agentd.task_queue SET run_at = '$now'::timestamptz - interval '61 seconds';
	UPDATE agentd.workers SET started_at = '$now'::timestamptz - interval '1 hour', lease_until = '$now'::timestamptz + interval '1500 milliseconds'" >/dev/null
failed=$(ctl submit beta)
ctl cancel "$failed" >/dev/null
bad=$(ctl submit beta)
sql "SET agentd.fake_now = '$now';
	SELECT agentd.task_end(q, 'expired', '{\"type\": \"budget.wall\", \"message\": \"late\"}') FROM agentd.task_queue q WHERE id = '$bad'" >/dev/null
sql "INSERT INTO agentd.counters VALUES ('agentd_submissions_total', 'outcome=\"new\"', '{5}'), ('agentd_tasks_ended_total', 'workflow=\"beta\",state=\"expired\"', '{1}')" >/dev/null
sql "ALTER DATABASE $PGDATABASE SET agentd.fake_now = '$now'" >/dev/null
ctl top --once >"$D/frame"
cat >"$D/want" <<END
agentd  $now  submitted -  ended -  failed -  spent today 0 USD
0 requests for people

LANE     WORKERS  READY  UNCLAIMED  RUNNING  WAITING  OLDEST READY
default  1        3      0          0        0        1m01s

WORKFLOW  READY  RUNNING  APPROVAL  TIMER  OTHER  UNCERTAIN  QUARANTINED  OLDEST READY
alpha     2      -        -         -      -      -          -            1m01s
beta      1      -        -         -      -      -          -            1m01s

WORKER  PID  TASKS  LEASE  UP     LANES
host    7    0      1.50s  1h00m  default

FAILED LAST                  TASK                                  WORKFLOW  ERROR
$now  $bad  beta      budget.wall  late
END
is "one frame" "$(cat "$D/frame")" "$(cat "$D/want")"
is "as JSON" "$(ctl top --json | grep -c '"workflow":"alpha","state":"ready","tasks":2,')" 1
is "no terminal: one frame too" "$(ctl top | wc -l)" "$(wc -l <"$D/want")"
for bad in "--interval 1" "--interval 1ms" "--no" more; do
	# shellcheck disable=SC2086
	ctl top $bad >"$D/out" 2>&1
	status=$?
	like "top $bad" "$status $(cat "$D/out")" '^2 agentctl: '
done
sql "ALTER DATABASE $PGDATABASE RESET agentd.fake_now" >/dev/null

# --- live ---
if ! command -v python3 >/dev/null; then
	skip "live" "no python3"
	done_testing
fi
ok "in a terminal" env D="$D" AGENTCTL="$agentctl" python3 "$top_srcdir/t/lib/top.py"
done_testing
