#!/bin/sh
# 0287-twice.t - a call whose answer was lost is sent again, the same bytes. Every function that changes something: called
# twice it answers as the first time (or says that there was nothing left to do) and did it once.
. "$top_srcdir/t/lib/sql.sh"
# retention believes the clock
sql "INSERT INTO agentd.upkeep VALUES ('retention', clock_timestamp(), '2000-01-01')" >/dev/null

W2=019ab000-0000-7000-8000-000000000002
all="SELECT md5(string_agg(x::text, ' ' ORDER BY x::text)) FROM ("
tables() {	# a digest of every table that a call may change
	sql "$all SELECT x::text FROM agentd.tasks x UNION ALL SELECT x::text FROM agentd.task_queue x UNION ALL SELECT x::text FROM agentd.task_log x
		UNION ALL SELECT x::text FROM agentd.effects x UNION ALL SELECT x::text FROM agentd.task_attempts x UNION ALL SELECT x::text FROM agentd.spend_hold x
		UNION ALL SELECT x::text FROM agentd.model_calls x UNION ALL SELECT x::text FROM agentd.workflows x UNION ALL SELECT x::text FROM agentd.bundles x
		UNION ALL SELECT x::text FROM agentd.api_tokens x UNION ALL SELECT x::text FROM agentd.idempotency_keys x UNION ALL SELECT x::text FROM agentd.blobs x
		UNION ALL SELECT (x.id, x.ended_at, x.claim)::text FROM agentd.workers x) s(x)"
}
# same NAME CALL [ANSWER]: the second answers ANSWER (or as the first), and changes nothing at all
same() {
	one=$(sql "$2")
	before=$(tables)
	two=$(sql "$2")
	is "$1: the second answers" "$two" "${3-$one}"
	is "$1: and changes nothing" "$(tables)" "$before"
	case $one in *ERROR*) is "$1: the first works" "$one" "" ;; esac
}
export PGOPTIONS="-c agentd.fake_now=$(date -u +%FT%TZ)"	# what is new shows, what is only later does not

# --- submissions ---
submit() {	# ID KEY
	printf '%s\n' "SELECT status, task, state, body FROM agentd.submit_batch(ARRAY['$1']::uuid[], '{noop}', ARRAY['{\"n\":1}']::json[], '{normal}', ARRAY[NULL]::json[],
		ARRAY[NULL]::json[], '{0}', '{0}', ARRAY[$2]::text[], '{POST /tasks}', ARRAY['\\x01']::bytea[], '{ann}')"
}
id=$(sql "SELECT agentd.uuid_new()")
key=$(sql "SELECT agentd.uuid_new()")
is "submit_batch: new" "$(sql "$(submit "$id" NULL)" | cut -d'|' -f1)" new
is "submit_batch without a key: replayed, the same task and body" "$(sql "$(submit "$id" NULL)" | cut -d'|' -f1,2)" "replayed|$id"
same "submit_batch without a key, once more" "$(submit "$id" NULL)"
one=$(sql "$(submit "$key" "'k'")")
is "submit_batch with a key" "$(sql "$(submit "$key" "'k'")" | cut -d'|' -f2-)" "$(echo "$one" | cut -d'|' -f2-)"
same "submit_batch with a key, once more" "$(submit "$key" "'k'")"
is "two tasks for four calls" "$(sql "SELECT count(*) FROM agentd.tasks")" 2
id=$(sql "SELECT agentd.uuid_new()")
same "submit, of SQL" "SELECT agentd.submit('noop', '{}', id => '$id')"

# --- workers ---
same "worker_register" "SELECT agentd.worker_register('$W2', 'h', 7, '{default}', 30000, 1)"
same "heartbeat" "SELECT * FROM agentd.heartbeat('$W2')"
claim="SELECT task, fence, last_seq, cancel FROM agentd.claim('$W', 2, 1) ORDER BY task NULLS FIRST"
same "claim" "$claim"
is "two tasks are claimed, once" "$(sql "SELECT count(*), max(fence) FROM agentd.task_attempts")" "2|1"
sql "SELECT test.submit('noop', 3)" >/dev/null
same "claim, when more has come" "$claim"
same "claim of nothing" "SELECT count(*) FROM agentd.claim('$W', 0, 2)"

# --- what has ended ---
sql "DELETE FROM agentd.task_queue; SELECT test.submit('noop')" >/dev/null
done=$(sql "SELECT task FROM test.claim('$W')")
sql "SELECT test.move('$done', 1, 'finish', 'failed', '[[\"a\", 1, \"step.succeeded\", {\"output\": 1}], [\"b\", 1, \"step.failed\", {\"error\": {}}]]')" >/dev/null
fork=$(sql "SELECT agentd.uuid_new()")
fork_task() { printf '%s\n' "SELECT task, state, body FROM agentd.fork_task('$1', 'fork', '$done', 'b', NULL, NULL, false, $2, '\\x01', 'ann', true)"; }
same "fork_task" "$(fork_task "$fork" NULL)"
same "fork_task with a key" "$(fork_task "$(sql "SELECT agentd.uuid_new()")" "'f'")"
is "two forks, each with what was kept" "$(sql "SELECT count(DISTINCT task), count(*) FROM agentd.task_log WHERE task IN (SELECT id FROM agentd.tasks WHERE origin IS NOT NULL)")" "2|2"
same "workflow_pause" "SELECT agentd.workflow_pause('noop', 'ann', true)"
same "workflow_settle" "SELECT agentd.workflow_settle('noop')"
same "workflow_pause, resumed" "SELECT agentd.workflow_pause('noop', 'ann', false)"
same "workflow_settle, resumed" "SELECT agentd.workflow_settle('noop')"
same "purge" "SELECT agentd.purge('$done', 'ann', true)"

# --- moves ---
sql "DELETE FROM agentd.task_queue; SELECT test.submit('paid', 1)" >/dev/null
t=$(sql "SELECT task FROM test.claim('$W')")
e() { printf '%s\n' "[{\"move\":1,\"key\":\"\\\\x61\",\"path\":\"a\",\"tool\":\"t.t\",\"class\":\"$2\",\"args\":\"\\\\x00\",\"try\":1,\"to\":\"$1\"${3:+,\"result\":$3}}]"; }
h=$(sql "SELECT agentd.uuid_new()")
c=$(sql "SELECT agentd.uuid_new()")
hold="[{\"move\":1,\"id\":\"$h\",\"path\":\"a\",\"amount_pusd\":50000000000,\"expires_ms\":60000}]"
call="[{\"move\":1,\"id\":\"$c\",\"hold\":\"$h\",\"path\":\"a\",\"attempt\":1,\"tier\":\"t\",\"provider\":\"p\",\"model_asked\":\"m\",\"error_class\":\"\",\"http_status\":200,\"started_us\":0,\"first_byte_ms\":1,\"total_ms\":2,\"in_fresh\":1,\"in_cached\":0,\"in_write_5m\":0,\"in_write_1h\":0,\"out_text\":1,\"out_reason\":0,\"cost_pusd\":20000000000,\"cost_source\":\"provider\"}]"
move() { printf '%s\n' "SELECT test.move('$t', 1, '$1', '$2', '$3', NULL, ${4:-NULL}, ${5:-NULL}, ${6:-NULL})"; }
same "commit_steps: rows" "$(move stay '' '[["a", 1, "step.started", {"n": 1}], ["b", 1, "step.started", {}]]')" already
for class in pure idempotent at_most_once; do
	sql "DELETE FROM agentd.effects" >/dev/null
	same "commit_steps: rows and a dispatch, $class" "$(move stay '' "[[\"$class\", 1, \"step.started\", {}]]" "'$(e dispatched $class)'")" already
	same "commit_steps: the result, $class" "$(move stay '' "[[\"$class\", 1, \"step.succeeded\", {\"output\": 1}]]" "'$(e 'done' $class 1)'")" already
done
sql "DELETE FROM agentd.effects" >/dev/null
same "commit_steps: a tx effect with its step" "$(move stay '' '[["x", 1, "step.succeeded", {"output": 1}]]' "'$(e 'done' tx 1)'")" already
same "commit_steps: a dispatch that did not leave" "$(sql "DELETE FROM agentd.effects"; move stay '' '[["f", 1, "step.started", {}]]' "'$(e dispatched at_most_once)'")" already
same "commit_steps: and its failure" "$(move stay '' '[["f", 1, "step.failed", {"error": {}}]]' "'$(e failed_before_effect at_most_once)'")" already
same "commit_steps: a hold" "$(move stay '' '[["h", 1, "step.started", {}]]' NULL "'$hold'")" already
same "commit_steps: a call that settles it" "$(move stay '' '[["h", 1, "step.succeeded", {}]]' NULL NULL "'$call'")" already
is "held and spent once" "$(sql "SELECT held_usd, spent_usd, (SELECT count(*) FROM agentd.model_calls) FROM agentd.task_queue")" "0.000000000000|0.020000000000|1"
same "commit_steps: an effect whose end is not known" "$(sql "DELETE FROM agentd.effects"; sql "$(move stay '' '[]' "'$(e dispatched at_most_once)'")" >/dev/null; move park uncertain '[["u", 1, "step.uncertain", {}]]' "'$(e uncertain at_most_once)'")" already

# --- people ---
rec="SELECT agentd.reconcile('$t', 'a', 'did_not_happen', NULL, NULL, '$c', 'ann', true)"
same "reconcile" "$rec"
sql "SELECT test.claim('$W')" >/dev/null
move2() { move "$@" | sed "s/'$t', 1/'$t', 2/"; }
same "commit_steps: what was said to have failed" "$(move2 stay '' "[[\"a\", 1, \"step.failed\", {\"reconciled\": {\"id\": \"$c\"}}]]" "'$(e failed_before_effect at_most_once)'")" already
same "reconcile, sent again while the call is made again" "$rec"
same "commit_steps: the dispatch after it" "$(move2 stay '' '[["a", 2, "step.started", {}]]' "'$(e dispatched at_most_once | sed 's/"try":1/"try":2/')'")" already
sql "$(move2 stay '' '[["a", 2, "step.uncertain", {}]]' "'$(e uncertain at_most_once | sed 's/"try":1/"try":2/')'")" >/dev/null
same "reconcile, sent again when it is uncertain once more" "$rec"
same "reconcile_by_tool" "SELECT agentd.reconcile_by_tool('$t', 2, 'a', 'happened', '1', 2, '$h')"
same "commit_steps: release" "$(move2 release '' '[["r", 1, "step.started", {}]]')" already
sql "SELECT test.claim('$W')" >/dev/null
same "cancel of a running task" "SELECT agentd.cancel('$t', 'ann', true)"
same "commit_steps: finish" "$(move finish cancelled '[["z", 1, "step.cancelled", {}]]' "'$(e 'done' at_most_once | sed 's/"try":1/"try":2/')'" | sed "s/'$t', 1/'$t', 3/")" already
same "cancel of a cancelled task" "SELECT agentd.cancel('$t', 'ann', true)"
t=$(sql "SELECT test.submit('noop', 1)" | tr -d '{}')
same "cancel of a waiting task" "SELECT agentd.cancel('$t', 'ann', true)"

# --- programs, tokens ---
reload="SELECT agentd.reload('{noop,paid,more}', ARRAY[sha256('n'), sha256('p'), sha256('m')], ARRAY['{}', '{}', '{}']::json[], ARRAY['{}', '{}', '{}']::json[])"
same "reload" "$reload" '{"generation" : 2, "activated" : [], "unchanged" : ["more","noop","paid"], "deactivated" : []}'
same "token_create" "SELECT agentd.token_create('\\x$(printf %064d 1)', 'one', '{read}', 0)"
same "token_revoke" "SELECT agentd.token_revoke('one')"

# --- ends, duties ---
sql "SELECT test.submit('noop', 2); SELECT test.claim('$W', 2)" >/dev/null
same "worker_leave" "SELECT agentd.worker_leave('$W')" 0
is "given back once, no recovery counted" "$(sql "SELECT string_agg(DISTINCT state || ' ' || fence || ' ' || recoveries, ',') FROM agentd.task_queue")" "ready 2 0"
sql "SELECT test.claim('$W2', 2)" >/dev/null
unset PGOPTIONS
sql "UPDATE agentd.workers SET lease_until = now() - interval '1 s' WHERE ended_at IS NULL" >/dev/null
same "sweep_expired_workers" "SELECT agentd.sweep_expired_workers('{}')" 0
is "taken over once" "$(sql "SELECT string_agg(DISTINCT state || ' ' || recoveries, ',') FROM agentd.task_queue")" "ready 1"
sql "UPDATE agentd.task_queue SET state = 'running', worker = '$W'; UPDATE agentd.task_queue SET state = 'waiting_timer', worker = NULL, run_at = now() - interval '1 s'" >/dev/null
same "sweep_due_timers" "SELECT agentd.sweep_due_timers('{}')" 0
sql "UPDATE agentd.task_queue SET deadline = now() - interval '1 s'" >/dev/null
same "sweep_deadlines" "SELECT agentd.sweep_deadlines('{}')" 0
sql "INSERT INTO agentd.spend_hold (id, task, created_at, expires_at, path, amount_usd) VALUES (gen_random_uuid(), '$t', now(), now() - interval '1 s', 'a', 1)" >/dev/null
same "sweep_expired_holds" "SELECT agentd.sweep_expired_holds('{}')" 0
same "sweep_partitions" "SELECT agentd.sweep_partitions('{}')" 0
same "sweep_retention" "SELECT agentd.sweep_retention('{}')" 0
done_testing
