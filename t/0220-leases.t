#!/bin/sh
# 0220-leases.t - claims, fences, journals, lost leases, timers, deadlines, by a clock that the test sets.
. "$top_srcdir/t/lib/sql.sh"
W3=019ab000-0000-7000-8000-000000000003

W2=019ab000-0000-7000-8000-000000000002
at() { echo "SET agentd.fake_now = '$(date -u -d "@$((1893456000 + ${1% s}))" '+%F %T')+00';"; }
row() { sql "SELECT state, fence, failures, recoveries FROM agentd.task_queue WHERE id = '$1'"; }

# --- order ---
sql "SELECT test.submit('noop', 1, 'low'), test.submit('noop', 1), test.submit('noop', 1, 'high')" >/dev/null
one="SELECT t.urgency FROM test.claim('$W') c JOIN agentd.tasks t ON t.id = c.task;"
is "urgent first, then oldest" "$(sql "$one $one $one" | tr '\n' ' ')" "high normal low "
sql "SELECT agentd.worker_leave('$W')" >/dev/null
is "a clean leave gives all back, no recovery counted" "$(sql "SELECT string_agg(DISTINCT state || ' ' || recoveries, ' ') FROM agentd.task_queue")" "ready 0"
is "who left cannot claim" "$(refused "SELECT agentd.claim('$W', 1)")" AG410
is "nor beat" "$(sql "SELECT lost FROM agentd.heartbeat('$W')")" t
is "an incarnation registers once" "$(refused "SELECT agentd.worker_register('$W', 'test', 1, '{default}', 30000, 1)")" AG410
sql "DELETE FROM agentd.task_queue; DELETE FROM agentd.workers;
	SELECT agentd.worker_register('$W', 'test', 1, '{default}', 30000, 1); SELECT agentd.worker_register('$W2', 'test', 2, '{gpu,default}', 30000, 1)" >/dev/null

# --- lanes ---
sql "SELECT test.submit('noop', 2); UPDATE agentd.task_queue SET lane = 'gpu' WHERE id = (SELECT id FROM agentd.task_queue LIMIT 1)" >/dev/null
is "a worker claims what its lanes hold" "$(sql "SELECT count(*) FROM test.claim('$W', 10)")" 1
is "another the rest" "$(sql "SELECT count(*) FROM test.claim('$W2', 10)")" 1
sql "DELETE FROM agentd.task_queue" >/dev/null
sql "SELECT test.submit('noop', 1); UPDATE agentd.task_queue SET semantics = 2" >/dev/null
is "a task of newer semantics waits for a newer worker" "$(sql "SELECT count(*) FROM test.claim('$W', 10)")" 0
sql "DELETE FROM agentd.task_queue" >/dev/null

# --- submissions that a worker starts at once ---
# start ID WORKER CLAIM ROOM
start() {
	sql "SELECT status, taken FROM agentd.submit_batch(ARRAY['$1']::uuid[], ARRAY['noop'], ARRAY['{}']::json[], ARRAY['normal'], ARRAY[NULL]::json[],
		ARRAY[NULL]::json[], '{0}', '{0}', ARRAY[NULL], ARRAY['x'], ARRAY['r']::bytea[], ARRAY['p'], p_worker => '$2', p_claim => $3, p_room => $4)"
}
new() { sql "SELECT agentd.uuid_new()"; }
stands() { sql "SELECT q.state, q.fence, q.worker = '$W', (SELECT count(*) FROM agentd.task_attempts a WHERE a.task = q.id) FROM agentd.task_queue q WHERE q.id = '$1'"; }
sql "DELETE FROM agentd.task_queue; UPDATE agentd.workers SET claim = NULL" >/dev/null
id=$(new)
is "started with the submission" "$(start "$id" "$W" 7 1) $(stands "$id")" "new|t running|1|t|1"
is "sent again it is not given twice" "$(start "$id" "$W" 7 1)" "replayed|f"
is "but the claim of that number knows of it" "$(sql "SELECT task = '$id', c.fence, workflow FROM agentd.claim('$W', 10, 7) c WHERE task IS NOT NULL")" "t|1|noop"
id=$(new)
is "not under a number of long ago" "$(start "$id" "$W" 6 1) $(stands "$id")" "new|f ready|0||0"
id=$(new)
is "not without room" "$(start "$id" "$W" 8 0) $(stands "$id")" "new| ready|0||0"
id=$(new)
is "not by who left" "$(sql "SELECT agentd.worker_register('$W3', 'test', 3, '{default}', 30000, 1), agentd.worker_leave('$W3')" >/dev/null; start "$id" "$W3" 1 1)" "new|f"
is "nor by who was never there" "$(start "$(new)" "$(new)" 1 1)" "new|f"
sql "DELETE FROM agentd.task_queue; UPDATE agentd.workers SET claim = NULL" >/dev/null

# --- the same claim again ---
sql "SELECT test.submit('noop', 3)" >/dev/null
is "a claim sent again gets the same tasks" "$(sql "
	SELECT array_agg(task ORDER BY task)::text AS one FROM agentd.claim('$W', 2, 1) WHERE task IS NOT NULL \gset
	SELECT array_agg(task ORDER BY task)::text AS two FROM agentd.claim('$W', 2, 1) WHERE task IS NOT NULL \gset
	SELECT count(*) AS three FROM agentd.claim('$W', 2, 2) WHERE task IS NOT NULL \gset
	SELECT :'one' = :'two', :three")" "t|1"
sql "DELETE FROM agentd.task_queue" >/dev/null
is "a claim that comes after later ones gets none, not even when more has come" "$(sql "
	SELECT test.submit('noop', 1);
	SELECT count(*) FROM agentd.claim('$W', 2, 1) WHERE task IS NOT NULL;" | tail -n 1)" 0
is "an empty claim sent again stays empty: its tasks would be nobody's" "$(sql "
	SELECT count(*) FROM agentd.claim('$W', 0, 3) WHERE task IS NOT NULL;
	SELECT count(*) FROM agentd.claim('$W', 2, 3) WHERE task IS NOT NULL" | tr '\n' ' ')" "0 0 "
sql "DELETE FROM agentd.task_queue" >/dev/null

# --- commits ---
sql "SELECT test.submit('noop', 1)" >/dev/null
t=$(sql "SELECT task FROM test.claim('$W')")
r='[["a", 1, "step.started", {"tool": "x"}], ["a", 1, "step.succeeded", {"output": 1}]]'
is "two rows" "$(sql "SELECT test.move('$t', 1, 'stay', '', '$r')")" ok
is "the same again" "$(sql "SELECT test.move('$t', 1, 'stay', '', '$r')")" already
is "another value at the same place" "$(sql "SELECT test.move('$t', 1, 'stay', '', '[[\"a\", 1, \"step.succeeded\", {\"output\": 2}], [\"b\", 1, \"x\", 1]]')")" "refused:journal_conflict"
is "nothing of a refused move is there" "$(sql "SELECT count(*), max(seq), (SELECT seq FROM agentd.task_queue) FROM agentd.task_log")" "2|2|2"
is "half old, half new" "$(sql "SELECT test.move('$t', 1, 'stay', '', '[[\"a\", 1, \"step.started\", {\"tool\": \"x\"}], [\"b\", 1, \"x\", 1]]')")" ok
is "no gap in the numbers" "$(sql "SELECT string_agg(seq || path, ' ' ORDER BY seq) FROM agentd.task_log")" "1a 2a 3b"
is "a try of its own" "$(sql "SELECT test.move('$t', 1, 'stay', '', '[[\"a\", 2, \"step.started\", {\"tool\": \"x\"}]]')")" ok
is "a fence of the future" "$(sql "SELECT test.move('$t', 2, 'stay', '', '[[\"c\", 1, \"x\", 1]]')")" stale
is "an unknown task" "$(sql "SELECT test.move(agentd.uuid_new(), 1, 'stay', '', '[[\"c\", 1, \"x\", 1]]')")" stale
is "park" "$(sql "SELECT test.move('$t', 1, 'park', 'waiting_event')")" ok
is "park again" "$(sql "SELECT test.move('$t', 1, 'park', 'waiting_event')")" already
is "park otherwise" "$(sql "SELECT test.move('$t', 1, 'park', 'waiting_timer')")" stale
is "a parked task takes no rows" "$(sql "SELECT test.move('$t', 1, 'stay', '', '[[\"c\", 1, \"x\", 1]]')")" stale
is "and is claimed by nobody" "$(sql "SELECT count(*) FROM test.claim('$W', 10)")" 0

# --- a row that somebody holds ---
sql "UPDATE agentd.task_queue SET state = 'ready'; SELECT test.claim('$W')" >/dev/null
mkfifo "$PG_DIR/hold"
PGAPPNAME=holder pg_psql <"$PG_DIR/hold" >"$PG_DIR/holder" 2>&1 &
holder=$!
exec 5>"$PG_DIR/hold"
echo "BEGIN; SELECT seq FROM agentd.task_queue FOR UPDATE;" >&5
idle holder
is "busy, at once" "$(sql "SET lock_timeout = '1ms'; SELECT test.move('$t', 2, 'stay', '', '[[\"c\", 1, \"x\", 1]]')")" busy
echo "ROLLBACK;" >&5
exec 5>&-
wait $holder
is "then not" "$(sql "SELECT test.move('$t', 2, 'stay', '', '[[\"c\", 1, \"x\", 1]]')")" ok
is "release" "$(sql "SELECT test.move('$t', 2, 'release')")" ok
is "release again" "$(sql "SELECT test.move('$t', 2, 'release')")" already
is "after the next claim still the same answer" "$(sql "SELECT fence FROM test.claim('$W'); SELECT test.move('$t', 2, 'release')")" "3
already"
is "release for later is a timer" "$(sql "SELECT test.move('$t', 3, 'release', '', '[]', clock_timestamp() + interval '1 h'); SELECT state FROM agentd.task_queue")" "ok
waiting_timer"
is "one attempt row per claim" "$(sql "SELECT string_agg(fence || ' ' || outcome, ', ' ORDER BY fence) FROM agentd.attempts WHERE task = '$t'")" \
	"1 waiting_event, 2 released, 3 released"
sql "DELETE FROM agentd.task_queue" >/dev/null

# --- leases, by the fake clock ---
sql "$(at '0 s') DELETE FROM agentd.workers; SELECT agentd.worker_register('$W', 'test', 1, '{default}', 30000, 1);
	SELECT agentd.worker_register('$W2', 'test', 2, '{default}', 30000, 1); SELECT test.submit('noop', 1)" >/dev/null
t=$(sql "$(at '1 s') SELECT task FROM test.claim('$W')")
is "a lease that runs" "$(sql "$(at '29 s') SELECT agentd.sweep_expired_workers('{}')")" 0
is "a heartbeat prolongs it" "$(sql "$(at '29 s') SELECT lost FROM agentd.heartbeat('$W'); $(at '58 s') SELECT agentd.sweep_expired_workers('{}')")" "f
0"
is "an expired lease that nobody took over still commits" "$(sql "$(at '61 s') SELECT test.move('$t', 1, 'stay', '', '[[\"a\", 1, \"x\", 1]]')")" ok
is "taken over: one task" "$(sql "$(at '61 s') SELECT agentd.sweep_expired_workers('{}')")" 1
is "ready, a new fence, a recovery" "$(row "$t")" "ready|2|0|1"
is "the zombie is stale" "$(sql "SELECT test.move('$t', 1, 'finish', 'succeeded')")" stale
is "and its heartbeat says lost" "$(sql "SELECT lost FROM agentd.heartbeat('$W')")" t
is "its attempt is lost" "$(sql "SELECT outcome FROM agentd.task_attempts WHERE task = '$t'")" lost
is "it runs behind all others" "$(sql "SELECT priority FROM agentd.task_queue WHERE id = '$t'")" 110
lose() {	# claimed by a worker that dies without progress
	w=$(sql "SELECT agentd.uuid_new()")
	sql "$(at "$1 s") SELECT agentd.worker_register('$w', 'test', 9, '{default}', 30000, 1); SELECT test.claim('$w', 1)" >/dev/null
	sql "$(at "$(($1 + 31)) s") SELECT agentd.sweep_expired_workers('{}')" >/dev/null
}
lose 100
is "twice" "$(row "$t")" "ready|4|0|2"
lose 200
is "three times" "$(row "$t")" "ready|6|0|3"
w=$(sql "SELECT agentd.uuid_new()")
f=$(sql "$(at '300 s') SELECT agentd.worker_register('$w', 'test', 9, '{default}', 30000, 1) > 0; SELECT fence FROM test.claim('$w', 1)" | tail -n 1)
sql "$(at '301 s') SELECT test.move('$t', $f, 'stay', '', '[[\"p\", 1, \"x\", 1]]')" >/dev/null
is "progress resets the count" "$(sql "SELECT recoveries FROM agentd.task_queue WHERE id = '$t'")" 0
sql "$(at '340 s') SELECT agentd.sweep_expired_workers('{}')" >/dev/null
lose 400; lose 500; lose 600
is "over the limit without progress: quarantined" "$(row "$t")" "quarantined|14|0|4"
is "nobody claims it" "$(sql "$(at '700 s') SELECT agentd.worker_register(agentd.uuid_new(), 'test', 9, '{default}', 30000, 1) > 0; SELECT count(*) FROM test.claim((SELECT id FROM agentd.workers WHERE ended_at IS NULL LIMIT 1), 1)" | tail -n 1)" 0
sql "DELETE FROM agentd.task_queue" >/dev/null
is "a clock that was set back far ends the lease too" "$(sql "$(at '1000 s') DELETE FROM agentd.workers; SELECT agentd.worker_register('$W', 'test', 1, '{default}', 30000, 1) > 0;
	SELECT test.submit('noop', 1) IS NOT NULL; SELECT count(*) FROM test.claim('$W'); $(at '900 s') SELECT agentd.sweep_expired_workers('{}')" | tail -n 1)" 1
sql "DELETE FROM agentd.task_queue" >/dev/null

# --- timers: once, in the order they are due, also after a long night ---
sql "$(at '0 s') DELETE FROM agentd.workers; SELECT agentd.worker_register('$W', 'test', 1, '{default}', 36000000, 1);
	SELECT agentd.submit('noop', to_json(n), run_at => agentd.clock() + n * interval '1 min') FROM generate_series(5, 1, -1) n" >/dev/null
is "nothing is due yet; the next is in a minute" "$(sql "$(at '0 s') SELECT count(task), max(next_due_us - now_us) FROM agentd.claim('$W', 10)")" "0|60000000"
is "a claim promotes what is due" "$(sql "$(at '61 s') SELECT string_agg(input::text, ' ') FROM agentd.claim('$W', 10) WHERE task IS NOT NULL")" 1
one="SELECT input FROM agentd.claim('$W', 1) WHERE task IS NOT NULL;"
is "an hour later the rest, oldest first" "$(sql "$(at '3600 s') $one $one $one $one" | tr '\n' ' ')" "2 3 4 5 "
is "each once" "$(sql "$(at '3600 s') SELECT count(*) FROM test.claim('$W', 10)")" 0
sql "$(at '0 s') DELETE FROM agentd.task_queue; SELECT agentd.submit('noop', run_at => agentd.clock() + interval '1 min')" >/dev/null
is "the sweeper promotes too" "$(sql "$(at '59 s') SELECT agentd.sweep_due_timers('{}'); $(at '61 s') SELECT agentd.sweep_due_timers('{\"bound\": 5}')")" "0
1"
sql "DELETE FROM agentd.task_queue" >/dev/null

# --- deadlines ---
sql "$(at '0 s') SELECT test.submit('paid', 3)" >/dev/null
t=$(sql "$(at '0 s') SELECT task FROM test.claim('$W')")
u=$(sql "$(at '0 s') SELECT task FROM test.claim('$W')")
sql "$(at '0 s') SELECT test.move('$u', 1, 'park', 'waiting_approval')" >/dev/null
is "before" "$(sql "$(at '3599 s') SELECT agentd.sweep_deadlines('{}')")" 0
is "after: the ready and the waiting one, not the running" "$(sql "$(at '3601 s') SELECT agentd.sweep_deadlines('{}')")" 2
is "expired with its reason" "$(sql "SELECT state, ended_from, error ->> 'type' FROM agentd.tasks WHERE id = '$u'")" "expired|waiting_approval|budget.wall"
is "the running one is its worker's" "$(row "$t")" "running|1|0|0"
done_testing
