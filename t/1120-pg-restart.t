#!/bin/sh
# 1120-pg-restart.t - five immediate stops of PostgreSQL under submissions over HTTP: what was acknowledged is there and ends.
. "$top_srcdir/t/lib/pg.sh"
. "$top_srcdir/t/lib/daemon.sh"
command -v python3 >/dev/null || {
	echo "1..0 # SKIP no python3"
	exit 0
}

d_init
d_sink
cat >"$D/root/workflows/two.yaml" <<'END'
agentd: v1
name: two
input: {type: object, required: [n], properties: {n: {type: integer}}}
steps:
  - id: again
    call: sink.again
    with: {n: "${ .input.n }"}
  - id: last
    set: {n: "${ .input.n }"}
END
d_publish
d_token
d_start all all

# 8 clients; each submission has a key and is repeated until it is answered 202
d_spawn clients python3 "$top_srcdir/t/lib/submitters.py" "$D/web.sock" "$token" two 8 "$D/acknowledged" "$D/stop"
acknowledged() { [ "$(wc -l <"$D/acknowledged")" -ge "$1" ]; }
ok "submissions are taken" wait_for 20 acknowledged 100
restarts=0
while [ $restarts -lt 5 ]; do
	before=$(wc -l <"$D/acknowledged")
	pg_restart_immediate
	restarts=$((restarts + 1))
	ok "after immediate stop $restarts submissions are taken again" wait_for 15 acknowledged $((before + 100))
done
touch "$D/stop"
d_status clients
is "every client got its answers" "$status" 0
ok "every task ends" wait_for 120 all_settled
pg_psql >/dev/null <<END
CREATE TABLE public.acknowledged (key text, task uuid);
\\copy public.acknowledged FROM '$D/acknowledged'
END
echo "# $(wc -l <"$D/acknowledged") submissions acknowledged, $(sql "SELECT count(*) FROM agentd.tasks") tasks"
is "no acknowledged task is lost" "$(sql "SELECT count(*) FROM acknowledged a WHERE NOT EXISTS (SELECT FROM agentd.tasks t WHERE t.id = a.task)")" 0
is "every acknowledged task succeeded" \
	"$(sql "SELECT count(*) FROM acknowledged a JOIN agentd.tasks t ON t.id = a.task WHERE t.state IS DISTINCT FROM 'succeeded'")" 0
is "one task for each key" "$(sql "SELECT count(*) FROM (SELECT FROM agentd.idempotency_keys GROUP BY key HAVING count(DISTINCT task) > 1) x")" 0
is "no more tasks than keys" "$(sql "SELECT (SELECT count(*) FROM agentd.tasks) - (SELECT count(*) FROM agentd.idempotency_keys)")" 0
is "no step was committed twice" \
	"$(sql "SELECT count(*) FROM (SELECT FROM agentd.task_log WHERE kind = 'step.succeeded' GROUP BY task, path HAVING count(*) > 1) x")" 0
ok "agentd lived through it" d_alive all
d_stop all
is "and stops cleanly" "$status" 0
done_testing
