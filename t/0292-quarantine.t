#!/bin/sh
# 0292-quarantine.t - who is put aside and why, who runs with whom after a loss, and how a person sends a task on again.
. "$top_srcdir/t/lib/sql.sh"

base='2026-11-26 00:00:00+00'
at() { echo "SET agentd.fake_now = '$(sql "SELECT timestamptz '$base' + interval '$1 s'")';"; }
queue() { sql "SELECT state, fence, failures, recoveries, priority FROM agentd.task_queue WHERE id = '$1'"; }
clock=0
# lose N: a new worker claims at most N tasks and dies
lose() {
	clock=$((clock + 100))
	w=$(sql "SELECT agentd.uuid_new()")
	sql "$(at $clock) SELECT agentd.worker_register('$w', 'box', 4711, '{default}', 30000, 1); SELECT test.claim('$w', $1)" >/dev/null
	sql "$(at $((clock + 31))) SELECT agentd.sweep_expired_workers('${2:-{\}}')" >/dev/null
}
view() { sql "SELECT agentd.task_view('$1', '', true)" | jq -c "$2"; }

t=$(sql "$(at 0) SELECT agentd.submit('noop', urgency => 'high')")
sql "DELETE FROM agentd.workers" >/dev/null
lose 1
is "lost once: behind all that were not" "$(queue "$t")" "ready|2|0|1|100"
lose 1
is "twice: a suspect" "$(queue "$t")" "ready|4|0|2|200"
w=$(sql "SELECT agentd.uuid_new()")
clock=$((clock + 100))
f=$(sql "$(at $clock) SELECT agentd.worker_register('$w', 'box', 4711, '{default}', 30000, 1) > 0; SELECT fence FROM test.claim('$w', 5)" | tail -n 1)
is "progress clears it" "$(sql "$(at $clock) SELECT test.move('$t', $f, 'stay', '', '[[\"act\", 1, \"step.started\", {\"tool\": \"mail.send\"}]]')"; queue "$t")" "ok
running|5|0|0|0"
is "and so does a move that gives it back with something new" "$(sql "UPDATE agentd.task_queue SET priority = 210, recoveries = 2;
	SELECT test.move('$t', $f, 'release', '', '[[\"b\", 1, \"x\", 1]]')"; queue "$t")" "ok
ready|5|0|0|10"
sql "UPDATE agentd.task_queue SET priority = 210, recoveries = 2; SELECT test.claim('$w', 5)" >/dev/null
is "not one that gives it back as it was" "$(sql "SELECT test.move('$t', 6, 'release')"; queue "$t")" "ok
ready|6|0|2|210"
sql "UPDATE agentd.task_queue SET priority = 0, recoveries = 0; UPDATE agentd.workers SET ended_at = now()" >/dev/null
lose 1; lose 1; lose 1
is "its last chance" "$(queue "$t")" "ready|12|0|3|300"
is "no reason is shown yet" "$(view "$t" '[.state, .error, .quarantined_at]')" '["ready",null,null]'
lose 1
is "over the limit" "$(queue "$t")" "quarantined|14|0|4|300"
is "the view says why, and where" "$(view "$t" '[.state, .recoveries, .error, .quarantined_at != null, .redriven_at]')" \
	'["quarantined",4,{"type":"lease_lost","message":"its worker fell silent 4 times in a row without progress; the last step begun was \"act\", a call of mail.send","step":"act","retryable":false},true,null]'
is "the journal says of which worker" "$(sql "SELECT kind, value ->> 'host', value ->> 'pid', try FROM agentd.task_log WHERE task = '$t' AND path = ''")" "task.quarantined|box|4711|13"
is "numbered like all rows" "$(sql "SELECT max(l.seq) = max(q.seq), count(*) = max(l.seq) FROM agentd.task_log l JOIN agentd.task_queue q ON q.id = l.task WHERE l.task = '$t'")" "t|t"
is "the steps are those of the workflow" "$(view "$t" '[.steps[].path]')" '["act"]'
is "the event is seen" "$(sql "SELECT kind FROM agentd.events_of_task('$t', 0, 0, 100, 100000, '', true) WHERE kind IS NOT NULL ORDER BY a DESC, b DESC LIMIT 1")" task.quarantined

# --- redrive ---
is "nobody but its owner or an admin" "$(refused "SELECT agentd.redrive('$t', 'token:other', false)")" AG404
is "it goes on: a new fence, counters at 0, its urgency" "$(sql "SELECT agentd.redrive('$t', 'token:ops', true)" | jq -c '[.state, .failures, .recoveries, .error, .redriven_by, .redriven_at != null]'; queue "$t")" \
	'["ready",0,0,null,"token:ops",true]
ready|15|0|0|0'
is "what was committed stays" "$(view "$t" '[.steps[] | [.path, .status]]')" '[["act","running"]]'
is "the same again is the same" "$(sql "SELECT agentd.redrive('$t', 'token:ops', true)" | jq -c .state; queue "$t" | cut -d'|' -f2)" '"ready"
15'
clock=$((clock + 100))
w=$(sql "SELECT agentd.uuid_new()")
sql "$(at $clock) SELECT agentd.worker_register('$w', 'box', 1, '{default}', 30000, 1)" >/dev/null
is "it is claimed with its journal" "$(sql "$(at $clock) SELECT fence, last_seq, json_array_length(journal) FROM agentd.claim('$w', 9) WHERE task = '$t'")" "16|4|4"
is "the old fences are of no use" "$(sql "SELECT test.move('$t', 14, 'finish', 'succeeded'), test.move('$t', 15, 'finish', 'succeeded')")" "stale|stale"
is "it ends" "$(sql "SELECT test.move('$t', 16, 'finish', 'succeeded')"; view "$t" '[.state, .redriven_by]')" 'ok
["succeeded","token:ops"]'
is "sent again even then" "$(sql "SELECT agentd.redrive('$t', 'token:ops', true)" | jq -c .state)" '"succeeded"'
u=$(sql "SELECT agentd.submit('noop')")
is "one that was never quarantined" "$(refused "SELECT agentd.redrive('$u', '', true)")" AG409
is "says what it is" "$(sql "SELECT agentd.redrive('$u', '', true)" | head -n 1)" "ERROR:  task $u is not quarantined: ready"
is "nor one that ended" "$(sql "SELECT agentd.cancel('$u', '', true)" >/dev/null; sql "SELECT agentd.redrive('$u', '', true)" | head -n 1)" "ERROR:  task $u is not quarantined: cancelled"
is "nor one that is unknown" "$(refused "SELECT agentd.redrive(agentd.uuid_new(), '', true)")" AG404
u=$(sql "SELECT agentd.submit('noop')")
sql "UPDATE agentd.workers SET ended_at = now()" >/dev/null
lose 1 '{"recoveries": 0}'
is "no recovery at all, where that is the limit" "$(queue "$u" | cut -d'|' -f1,4)" "quarantined|1"
is "a quarantined task can be cancelled" "$(sql "SELECT agentd.cancel('$u', '', true)" | jq -r .state)" cancelled
u=$(sql "SELECT agentd.submit('noop')")
sql "SELECT agentd.worker_register('$W', 'x', 1, '{default}', 30000, 1); UPDATE agentd.workers SET ended_at = NULL WHERE id = '$W'; SELECT test.claim('$W', 1)" >/dev/null
f=$(queue "$u" | cut -d'|' -f2)
sql "SELECT agentd.cancel('$u', '', true)" >/dev/null
is "a worker that cannot end it puts it aside, cancel or not" "$(sql "SELECT test.move('$u', $f, 'park', 'quarantined', '[[\"\", $f, \"task.quarantined\", {\"error\": {\"type\": \"limit.size\"}}]]')"; queue "$u" | cut -d'|' -f1; view "$u" .error.type)" 'ok
quarantined
"limit.size"'
sql "DELETE FROM agentd.task_queue" >/dev/null

# --- a poison task among a hundred others, all of them slow: whoever claims kills everybody with it ---
sql "SELECT test.submit('noop', 101)" >/dev/null
poison=$(sql "SELECT id FROM agentd.task_queue ORDER BY id OFFSET 50 LIMIT 1")
# One worker's life: it claims all that it gets; the poison kills it before the others have done anything, without it they end.
n=0
while [ "$(sql "SELECT count(*) FROM agentd.task_queue WHERE state <> 'quarantined'")" != 0 ] && [ $n -lt 60 ]; do
	n=$((n + 1))
	clock=$((clock + 100))
	w=$(sql "SELECT agentd.uuid_new()")
	sql "$(at $clock) SELECT agentd.worker_register('$w', 'box', $n, '{default}', 30000, 1); SELECT test.claim('$w', 500)" >/dev/null
	if [ "$(sql "SELECT count(*) FROM agentd.task_queue WHERE id = '$poison' AND worker = '$w'")" = 0 ]; then
		sql "SELECT test.move(id, fence, 'finish', 'succeeded') FROM agentd.task_queue WHERE worker = '$w'" >/dev/null
	fi
	sql "$(at $((clock + 31))) SELECT agentd.sweep_expired_workers('{}')" >/dev/null
done
echo "# $n workers"
is "the poison is quarantined, nobody else" "$(sql "SELECT string_agg(id::text, ' ') FROM agentd.task_queue")" "$poison"
is "the others ended" "$(sql "SELECT count(*) FROM agentd.tasks WHERE state = 'succeeded' AND recoveries > 0")" 100
is "it cost four workers" "$(sql "SELECT count(*) FROM agentd.attempts WHERE task = '$poison' AND outcome = 'lost'")" 4
sql "DELETE FROM agentd.task_queue; UPDATE agentd.workers SET ended_at = now()" >/dev/null

# --- suspects: last, few at a time, one group at a time ---
sql "SELECT test.submit('noop', 30); UPDATE agentd.task_queue SET recoveries = 2, priority = 210 WHERE id IN (SELECT id FROM agentd.task_queue ORDER BY id LIMIT 20);
	UPDATE agentd.task_queue SET recoveries = 3, priority = 310 WHERE id IN (SELECT id FROM agentd.task_queue ORDER BY id LIMIT 2)" >/dev/null
w=$(sql "SELECT agentd.uuid_new()")
w2=$(sql "SELECT agentd.uuid_new()")
sql "SELECT agentd.worker_register('$w', 'a', 1, '{default}', 30000, 1), agentd.worker_register('$w2', 'b', 1, '{default}', 30000, 1)" >/dev/null
mine() { sql "SELECT string_agg(p || ' x ' || n, ', ' ORDER BY p) FROM (SELECT priority AS p, count(*) AS n FROM agentd.task_queue WHERE worker = '$1' GROUP BY 1) x"; }
sql "SELECT test.claim('$w', 5)" >/dev/null
is "others first" "$(mine "$w")" "10 x 5"
sql "SELECT test.claim('$w', 500)" >/dev/null
is "then a group of eight" "$(mine "$w")" "10 x 10, 210 x 8"
is "no second one beside it" "$(sql "SELECT count(*) FROM test.claim('$w', 500)")" 0
sql "SELECT test.claim('$w2', 500)" >/dev/null
is "another worker has its own" "$(mine "$w2")" "210 x 8"
sql "SELECT test.move(id, fence, 'stay', '', '[[\"a\", 1, \"x\", 1]]') FROM agentd.task_queue WHERE worker = '$w'" >/dev/null
sql "SELECT test.claim('$w', 500)" >/dev/null
is "when they got on, the next" "$(mine "$w")" "10 x 18, 210 x 2"
sql "SELECT test.move(id, fence, 'stay', '', '[[\"b\", 1, \"x\", 1]]') FROM agentd.task_queue WHERE worker = '$w'; SELECT test.claim('$w', 500)" >/dev/null
is "at their last chance, one" "$(mine "$w")" "10 x 20, 310 x 1"
is "one that is asked to end has its chance too" "$(sql "SELECT count(*) FROM test.claim('$w2', 500)")" 0
done_testing
