#!/bin/sh
# 0200-moves.t - the states of a task: which moves the database allows, and that what is final stays.
. "$top_srcdir/t/lib/sql.sh"

want="ready: running cancelled expired
running: ready waiting_approval waiting_timer waiting_event waiting_slot uncertain quarantined succeeded failed cancelled expired
waiting_approval: ready cancelled expired
waiting_timer: ready cancelled expired
waiting_event: ready cancelled expired
waiting_slot: ready cancelled expired
uncertain: ready
quarantined: ready cancelled"
is "the table of moves" "$(sql "SELECT from_state || ': ' || string_agg(to_state::text, ' ' ORDER BY to_state) FROM agentd.task_moves
	GROUP BY from_state ORDER BY from_state")" "$want"

# Every pair, tried with a plain UPDATE by the owner: the table itself refuses what is not allowed.
is "every other move is refused by the table" "$(sql "
DO \$\$
DECLARE
	a agentd.task_state; b agentd.task_state; got boolean; bad text := ''; v_id uuid;
BEGIN
	FOREACH a IN ARRAY enum_range('ready'::agentd.task_state, 'quarantined') LOOP
		FOREACH b IN ARRAY enum_range('ready'::agentd.task_state, 'quarantined') LOOP
			v_id := gen_random_uuid();
			INSERT INTO agentd.task_queue (id, state, leaf, priority, lane, worker)
				VALUES (v_id, a, 0, 0, 'x', CASE WHEN a = 'running' THEN v_id END);
			BEGIN
				UPDATE agentd.task_queue q SET state = b, worker = CASE WHEN b = 'running' THEN q.id END WHERE q.id = v_id;
				got := true;
			EXCEPTION WHEN SQLSTATE 'AG409' THEN got := false;
			END;
			IF got <> (a = b OR agentd.move_allowed(a, b)) THEN bad := bad || a || '>' || b || ' '; END IF;
		END LOOP;
	END LOOP;
	DELETE FROM agentd.task_queue;
	RAISE NOTICE 'bad: %', bad;
END \$\$;" -v VERBOSITY=terse)" "NOTICE:  bad: "

sql "SELECT test.submit('noop', 3)" >/dev/null
t=$(sql "SELECT task FROM test.claim('$W')")
is "a terminal state is no state of the queue" "$(refused "UPDATE agentd.task_queue SET state = 'succeeded' WHERE id = '$t'")" 23514
is "running without a worker is refused" "$(refused "UPDATE agentd.task_queue SET worker = NULL WHERE id = '$t'")" 23514
is "a task is not claimed by an UPDATE without its worker" "$(refused "UPDATE agentd.task_queue SET state = 'running' WHERE state = 'ready'")" 23514
is "park in a state that does not exist" "$(refused "SELECT test.move('$t', 1, 'park', 'asleep')")" 22P02
is "finish in a state that is no end" "$(refused "SELECT test.move('$t', 1, 'finish', 'ready')")" 23514
is "park in a state that is an end" "$(refused "SELECT test.move('$t', 1, 'park', 'succeeded')")" 23514
is "nothing of these was written" "$(sql "SELECT state, fence, seq FROM agentd.task_queue WHERE id = '$t'")" "running|1|0"
is "journal rows" "$(sql "SELECT test.move('$t', 1, 'stay', '', '[[\"a\", 1, \"step.succeeded\", {\"output\": 1}]]')")" ok
is "finish" "$(sql "SELECT test.move('$t', 1, 'finish', 'succeeded')")" ok
is "the outcome is in tasks, the queue row is gone" "$(sql "SELECT state, ended_from, fence, last_seq, (SELECT count(*) FROM agentd.task_queue WHERE id = '$t')
	FROM agentd.tasks WHERE id = '$t'")" "succeeded|running|1|1|0"
for change in "state = 'failed'" "output = '1'" "state = NULL" "finished_at = now()" "cost_usd = 0"; do
	is "an outcome is final: $change" "$(refused "UPDATE agentd.tasks SET $change WHERE id = '$t'")" AG409
done
u=$(sql "SELECT id FROM agentd.tasks WHERE state IS NULL LIMIT 1")
for change in "input = '1'" "workflow = 'x'" "bundle = 'x'" "submitted_by = 'x'" "labels = '{}'" "budget = '{}'" "deadline = now()"; do
	is "facts never change: $change" "$(refused "UPDATE agentd.tasks SET $change WHERE id = '$u'")" AG409
done
is "journal rows never change" "$(refused "UPDATE agentd.task_log SET value = '2'")" AG409
is "bundles never change" "$(refused "UPDATE agentd.bundles SET content = '2'")" AG409
is "a live task has no output yet" "$(refused "UPDATE agentd.tasks SET state = 'succeeded', ended_from = 'uncertain' WHERE id = '$u'")" 23514

# cancelling: at once where nobody works, asked for where somebody does
is "cancel of a ready task" "$(sql "SELECT agentd.cancel('$u', '', true)::json ->> 'state'")" cancelled
is "cancel of a cancelled task is as wished" "$(sql "SELECT agentd.cancel('$u', '', true)::json ->> 'state'")" cancelled
is "cancel of a finished task" "$(refused "SELECT agentd.cancel('$t', '', true)")" AG409
is "cancel of an unknown task" "$(refused "SELECT agentd.cancel(agentd.uuid_new(), '', true)")" AG404
is "cancel of somebody else's task" "$(refused "SELECT agentd.cancel('$t', 'token:x', false)")" AG404
v=$(sql "SELECT task FROM test.claim('$W')")
is "cancel of a running task is asked for" "$(sql "SELECT agentd.cancel('$v', '', true)::json ->> 'cancel_requested'")" true
is "the heartbeat says so" "$(sql "SELECT lost, cancelled FROM agentd.heartbeat('$W')")" "f|{$v}"
is "the commit says so" "$(sql "SELECT cancel FROM agentd.commit_steps(ARRAY['$v']::uuid[], '{1}', '{0}', '{0}', '{\"\"}', '{0}', '{f}', ARRAY[NULL]::json[],
	ARRAY[NULL]::json[], '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}')")" t
is "a park that a cancel overtook does not sleep" "$(sql "BEGIN; SELECT test.move('$v', 1, 'park', 'waiting_timer', '[]', now() + interval '1 day');
	SELECT state, run_at <= clock_timestamp() FROM agentd.task_queue WHERE id = '$v'; ROLLBACK" | tr '\n' ' ')" "ok ready|t "
is "an uncertain task stays" "$(sql "SELECT test.move('$v', 1, 'park', 'uncertain'), agentd.cancel('$v', '', true)::json ->> 'state'")" "ok|uncertain"
is "not even its deadline ends it" "$(sql "UPDATE agentd.task_queue SET deadline = now() - interval '1 h' WHERE id = '$v';
	SELECT agentd.sweep_deadlines('{}')")" 0
# A call that is sent again while its first sending still commits: move A is there already, B is busy at first and there at the
# second look. (The first sending is played by a transaction that holds B, and A's row without its lock.)
a=$(sql "SELECT unnest(test.submit('noop', 1))") b=$(sql "SELECT unnest(test.submit('noop', 1))")
sql "SELECT count(*) FROM test.claim('$W', 100)" >/dev/null
fences=$(sql "SELECT string_agg(fence::text, ',' ORDER BY id = '$b') FROM agentd.task_queue WHERE id IN ('$a', '$b')")
rows="'{1,2}', '{1,1}', '{s,s}', '{1,1}', '{step.succeeded,step.succeeded}', '{set,set}', ARRAY['1','1']::json[], ARRAY[sha256('1'), sha256('1')], '{0,0}', '{0,0}'"
mkfifo "$PG_DIR/first"
PGAPPNAME=first pg_psql <"$PG_DIR/first" >"$PG_DIR/first.out" 2>&1 &
first=$!
exec 5>"$PG_DIR/first"
echo "BEGIN;
	INSERT INTO agentd.task_log (task, seq, at, started_at, fence, try, leaf, path, kind, step_kind, value, value_digest)
		SELECT id, 1, now(), now(), fence, 1, leaf, 's', 'step.succeeded', 'set', '1', sha256('1') FROM agentd.task_queue WHERE id = '$a';
	SELECT test.move('$b', ${fences#*,}, 'stay', '', '[[\"s\", 1, \"step.succeeded\", 1]]');" >&5
idle first
background again "SELECT string_agg(status, ' ' ORDER BY ord) FROM agentd.commit_steps(ARRAY['$a', '$b']::uuid[], '{$fences}', '{1,1}', '{0,0}', '{\"\",\"\"}',
	'{0,0}', '{f,f}', ARRAY[NULL, NULL]::json[], ARRAY[NULL, NULL]::json[], $rows)"
blocked again
echo "COMMIT;" >&5
exec 5>&-
wait $first
is "what a first sending commits meanwhile is found, however late" "$(result again)" "already already"

done_testing
