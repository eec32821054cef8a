#!/bin/sh
# 0299-control.t - retry, fork, purge and pause in the database: which rows are kept, who waits for whom, what is left.
. "$top_srcdir/t/lib/sql.sh"

# ended STATE ERROR-STEP ROWS: a task with this journal that ended so; rows as of test.move, their step kinds by kinds
ended() {
	ended_t=$(sql "DELETE FROM agentd.task_queue WHERE state = 'ready'; SELECT agentd.submit('noop')" | tail -n 1)
	ended_f=$(sql "SELECT fence FROM test.claim('$W')")
	sql "SELECT test.move('$ended_t', $ended_f, 'finish', '$1', '$3')" >/dev/null
	sql "SET session_replication_role = replica;
		UPDATE agentd.tasks SET error = json_build_object('type', 'x', 'step', NULLIF('$2', '')) WHERE id = '$ended_t';
		UPDATE agentd.task_log SET kind = CASE kind WHEN 'asked' THEN 'approval.requested' ELSE kind END, step_kind = CASE WHEN path ~ '(^|/)(all|inner)(~[0-9]+)?(\[[0-9]+\])?$' THEN 'for' WHEN path = 'agent' THEN 'agent' ELSE 'call' END
		WHERE task = '$ended_t'" >/dev/null
	t=$ended_t
}
kept() { sql "SELECT string_agg(l.path || ' ' || regexp_replace(l.kind, '^step\.', ''), ', ' ORDER BY l.seq) FROM agentd.tasks t, agentd.kept_unfailed(t) k,
	agentd.task_log l WHERE t.id = '$t' AND l.task = t.id AND l.seq = ANY (k.kept)"; }
reopened() { sql "SELECT array_to_string(k.reopened, ' ') FROM agentd.tasks t, agentd.kept_unfailed(t) k WHERE t.id = '$t'"; }
r() {	# PATH TRY KIND [VALUE]
	[ $# -eq 4 ] || set -- "$@" '{}'
	printf '["%s", %s, "%s", %s]' "$@"
}
rows() { printf '['; rows_sep=; for x; do printf '%s%s' "$rows_sep" "$x"; rows_sep=,; done; printf ']'; }

# --- what a retry keeps ---
ended failed b "$(rows "$(r a 1 step.succeeded)" "$(r b 1 step.started)" "$(r b 1 step.failed '{"retry_at": "x"}')" "$(r b 2 step.started)" "$(r b 2 step.failed)")"
is "all tries of the step that failed go" "$(kept)" "a succeeded"
ended failed b~2 "$(rows "$(r a 1 step.succeeded)" "$(r b 1 step.succeeded)" "$(r a~2 1 step.skipped)" "$(r b~2 1 step.failed)")"
is "its earlier visits stay" "$(kept)" "a succeeded, b succeeded, a~2 skipped"
ended failed c "$(rows "$(r a 1 step.failed)" "$(r c 1 step.failed)")"
is "a failure that was caught stays" "$(kept)" "a failed"
ended failed 'all[1]/b' "$(rows "$(r all 1 step.started)" "$(r 'all[0]/a' 1 step.succeeded)" "$(r 'all[1]/a' 1 step.succeeded)" "$(r 'all[2]/a' 1 step.started)" \
	"$(r 'all[1]/b' 1 step.failed)" "$(r 'all[2]/a' 1 step.cancelled)" "$(r 'all[0]/b' 1 step.succeeded)" "$(r all 1 step.failed)")"
is "a loop is open again, without what failed it and what was ended for that" "$(kept)" "all started, all[0]/a succeeded, all[1]/a succeeded, all[0]/b succeeded"
is "it is said" "$(reopened)" all
ended failed 'all[1]/b' "$(rows "$(r all 1 step.started)" "$(r 'all[0]/inner' 1 step.started)" "$(r 'all[0]/inner[0]/x' 1 step.failed)" "$(r 'all[0]/inner[1]/x' 1 step.cancelled)" \
	"$(r 'all[0]/inner' 1 step.failed)" "$(r 'all[0]/h' 1 step.succeeded)" "$(r 'all[1]/inner' 1 step.started)" "$(r 'all[1]/inner[0]/x' 1 step.started)" \
	"$(r 'all[1]/b' 1 step.failed)" "$(r all 1 step.failed)")"
is "what was caught inside stays whole, what was under way does not" "$(kept)" \
	"all started, all[0]/inner started, all[0]/inner[0]/x failed, all[0]/inner[1]/x cancelled, all[0]/inner failed, all[0]/h succeeded, all[1]/inner started"
ended failed 'all[1]' "$(rows "$(r all 1 step.started)" "$(r 'all[0]/a' 1 step.succeeded)" "$(r 'all[0]' 1 step.succeeded)" "$(r 'all[1]/a' 1 step.succeeded)" \
	"$(r 'all[1]' 1 step.failed)" "$(r all 1 step.failed)")"
is "an item whose output failed gives it once more" "$(kept)" "all started, all[0]/a succeeded, all[0] succeeded, all[1]/a succeeded"
ended failed 'all~2[0]/a' "$(rows "$(r all 1 step.started)" "$(r 'all[0]/a' 1 step.failed)" "$(r all 1 step.failed '{"retry_at": "x"}')" "$(r all~2 2 step.started)" \
	"$(r 'all~2[0]/a' 1 step.failed)" "$(r all~2 2 step.failed)")"
is "a loop that was tried again goes on in its last try" "$(kept)" "all started, all[0]/a failed, all failed, all~2 started"
ended failed agent "$(rows "$(r agent 1 step.started)" "$(r agent/turn-1 1 turn.succeeded)" "$(r agent/turn-1/call-0 1 step.succeeded)" "$(r agent/turn-1/call-1 1 step.failed)" \
	"$(r agent/turn-2 1 turn.succeeded '{"end": true}')" "$(r agent 1 step.failed)")"
is "an agent keeps its turns and calls, not the answer that ended it" "$(kept)" \
	"agent started, agent/turn-1 turn.succeeded, agent/turn-1/call-0 succeeded, agent/turn-1/call-1 failed"
ended expired '' "$(rows "$(r a 1 step.succeeded)" "$(r b/approval-1 1 asked)")"
is "a question that was open is not kept" "$(kept)" "a succeeded"
ended expired '' "$(rows "$(r a 1 step.succeeded)" "$(r b 1 step.started)" "$(r b 1 step.uncertain)" "$(r b/ask-1 1 ask.answered)")"
is "nor what was uncertain" "$(kept)" "a succeeded"
ended cancelled '' "$(rows "$(r a 1 step.succeeded)")"
is "between two steps all is kept" "$(kept)" "a succeeded"
ended failed '' '[]'
is "of nothing nothing" "$(kept)" ""

# --- forks ---
ended succeeded '' "$(rows "$(r a 1 step.succeeded "{\"output\": \"$(printf '%070000d' 1)\"}")" "$(r b 1 step.started)" "$(r b 1 step.succeeded '{"output": 2}')" "$(r a~2 1 step.succeeded)")"
f=$(sql "SELECT f FROM agentd.fork_task(agentd.uuid_new(), 'fork', '$t', 'a~2', NULL, NULL, false, NULL, '\\x01', 'ann', true) f" | cut -c2-37)
is "rows are numbered anew, cost nothing, and have no attempt" "$(sql "SELECT string_agg(seq || ' ' || path, ', ' ORDER BY seq), min(fence), max(fence), count(cost_usd) FROM agentd.task_log WHERE task = '$f'")" \
	"1 a, 2 b, 3 b|0|0|0"
is "the next row follows them" "$(sql "SELECT seq, state, fence FROM agentd.task_queue WHERE id = '$f'")" "3|ready|0"
is "large values are referred to" "$(sql "SELECT count(*) FROM agentd.blob_refs WHERE task IN ('$t', '$f')")" 2
is "the claim has them" "$(sql "SELECT fence, last_seq, json_array_length(journal) FROM agentd.claim('$W', 1) WHERE task = '$f'")" "1|3|3"
is "events of the fork have their places" "$(sql "SELECT string_agg(kind, ' ' ORDER BY a, b) FROM agentd.events_of_task('$f', -1, 0, 100, 1000000, '', true)")" \
	"submitted step.succeeded step.started step.succeeded claimed"
is "steps that were never reached, or are none" "$(for s in c a/b 'a[0]' '' a~0x; do refused "SELECT agentd.fork_task(agentd.uuid_new(), 'fork', '$t', '$s', NULL, NULL, false, NULL, '\\x01', 'ann', true)"; done | tr '\n' ' ')" \
	"AG409 AG409 AG409 AG409 AG409 "
is "of somebody else's task" "$(refused "SELECT agentd.fork_task(agentd.uuid_new(), 'fork', '$t', NULL, NULL, NULL, false, NULL, '\\x01', 'ann', false)")" AG404
sql "INSERT INTO agentd.admission VALUES ('x', now(), now() + interval '1 hour', 1, 'full', '[]')" >/dev/null
is "admission refuses forks" "$(refused "SELECT agentd.fork_task(agentd.uuid_new(), 'fork', '$t', NULL, NULL, NULL, false, NULL, '\\x01', 'ann', true)")" AG503
sql "DELETE FROM agentd.admission" >/dev/null
is "a program that was superseded is needed from now on" "$(sql "SELECT agentd.reload(ARRAY['noop'], ARRAY[sha256('n2')], ARRAY['{}']::json[], ARRAY['{}']::json[]);
	SET session_replication_role = replica; UPDATE agentd.bundles SET superseded_at = '2020-01-01' WHERE digest = sha256('n'); RESET session_replication_role;
	SELECT agentd.fork_task(agentd.uuid_new(), 'fork', '$t', 'a', NULL, NULL, false, NULL, '\\x01', 'ann', true);
	SELECT superseded_at > '2026-01-01' FROM agentd.bundles WHERE digest = sha256('n')" | tail -n 1)" t
is "the steps of a program of before are not known" "$(sql "SELECT agentd.fork_task(agentd.uuid_new(), 'fork', '$t', 'b', NULL, 'active', false, NULL, '\\x01', 'ann', true)" | grep -o 'reload it')" "reload it"
sql "SELECT agentd.reload(ARRAY['noop', 'paid'], ARRAY[sha256('n2'), sha256('p')], ARRAY['{}', '{}']::json[],
	ARRAY['{}', '{\"budget\":{\"usd\":\"1\",\"turns\":5}}']::json[])" >/dev/null
p=$(sql "SELECT agentd.submit('paid', budget => '{\"usd\": \"0.5\"}')")
is "a lowered budget stays lowered on another program, an inherited one does not" "$(sql "
	SELECT agentd.reload(ARRAY['noop', 'paid'], ARRAY[sha256('n2'), sha256('p2')], ARRAY['{}', '{}']::json[],
		ARRAY['{}', '{\"budget\":{\"usd\":\"3\",\"turns\":9}}']::json[]) IS NULL;
	SELECT (agentd.fork_flow(t, b)).budget FROM agentd.tasks t, agentd.bundles b WHERE b.digest = sha256('p2') AND t.id = '$p'" | tail -n 1 | jq -c .)" \
	'{"usd":"0.5","turns":9}'

before_f=$f before_t=$t
# --- files, programs, calls whose end is not known, approvers ---
fork_of() {	# TASK STEP [BUNDLE [ALL [PRINCIPAL [REPEAT]]]]: as a statement
	echo "SELECT f FROM agentd.fork_task(agentd.uuid_new(), 'fork', '$1', NULLIF('$2', ''), NULL, NULLIF('${3-}', ''), ${6:-false}, NULL, '\\x01', '${5:-ann}', ${4:-true}) f"
}
forked() { sql "$(fork_of "$@")" | cut -c2-37; }
ended succeeded '' "$(rows "$(r a 1 step.succeeded)" "$(r b 1 step.succeeded)")"
sql "SELECT agentd.file_chunk('$W', 0, 'file', '{\"max_total\": 1000}'), agentd.file_end('$W', sha256('file'), 4, '{\"max_total\": 1000}');
	INSERT INTO agentd.artifacts (id, task, file, created_at, expires_at, size_bytes, name, direction, step, media_type)
	SELECT gen_random_uuid(), '$t', '$W', now(), now() + e, 4, n, d, s, 'text/plain' FROM (VALUES ('given', 'in', NULL, interval '1 h'), ('old', 'in', NULL, '-1 h'),
		('of-a', 'out', 'a', '1 h'), ('of-b', 'out', 'b', '1 h')) x(n, d, s, e)" >/dev/null
files() { sql "SELECT string_agg(name, ' ' ORDER BY name) FROM agentd.artifacts WHERE task = '$1'"; }
f=$(forked "$t" b)
is "a fork has the files that were given, and those of what it keeps" "$(files "$f")" "given of-a"
is "with the same content for as long, under new ids" "$(sql "SELECT DISTINCT b.file = a.file AND b.expires_at = a.expires_at AND b.id <> a.id FROM agentd.artifacts a JOIN agentd.artifacts b USING (name) WHERE a.task = '$t' AND b.task = '$f'")" t
is "one that keeps nothing has what was given" "$(files "$(forked "$t" '')")" given
sql "SELECT agentd.purge('$t', 'ann', true)" >/dev/null
looked() { sql "SELECT look_at <= agentd.clock() FROM agentd.files WHERE id = '$W'"; }
is "a file that others have is not looked at" "$(looked)" f
sql "DELETE FROM agentd.artifacts" >/dev/null
is "the last name that goes has the sweep look at once" "$(looked)" t
sql "UPDATE agentd.upkeep SET trusted_from = '2020-01-01' WHERE duty = 'artifacts'; INSERT INTO agentd.upkeep VALUES ('artifacts', now(), '2020-01-01') ON CONFLICT DO NOTHING;
	INSERT INTO agentd.artifacts (id, task, file, created_at, expires_at, size_bytes, name, direction, media_type)
	VALUES (gen_random_uuid(), '$f', '$W', now(), now() + interval '9 days', 4, 'n', 'in', 'text/plain'); SELECT agentd.sweep_artifacts('{}')" >/dev/null
is "a file that has a name is looked at once a day" "$(sql "SELECT look_at > agentd.clock() + interval '23 hours' FROM agentd.files WHERE id = '$W'")" t
ended cancelled '' '[]'
is "a file that comes when the task has ended" "$(refused "CREATE OR REPLACE FUNCTION agentd.artifact_may_come(p_task uuid, p_principal text, p_all boolean) RETURNS void LANGUAGE sql AS '';
	SELECT agentd.artifact_upload('$t', gen_random_uuid(), 'late', 'text/plain', '$W', '{\"max_files\": 9, \"max_task\": 9, \"ttl_ms\": 9}', 'ann', true)")" AG409

ended failed b "$(rows "$(r a 1 step.failed)" "$(r b 1 step.failed)")"
sql "INSERT INTO agentd.effects (task, created_at, changed_at, fence, leaf, state, effect_class, path, tool, key, args, try)
	SELECT t.id, now(), now(), 1, t.leaf, 'dispatched', c, p, 'x.y', p::bytea, '', 1 FROM agentd.tasks t, (VALUES ('a', 'idempotent'), ('b', 'idempotent'), ('c', 'pure')) x(p, c) WHERE t.id = '$t'" >/dev/null
is "a call whose end is not known is made with another key only knowingly" "$(sql "$(fork_of "$t" b)" | sed -n 's/^ERROR: *//p')" \
	'calls that may have happened: "b" (x.y) is dispatched and would be made again, with another key'
is "kept it is not" "$(sql "SELECT agentd.fork_repeats(t, k.kept) FROM agentd.tasks t, (SELECT array_agg(seq) AS kept FROM agentd.task_log WHERE task = '$t') k WHERE t.id = '$t'")" ""
like "knowingly" "$(forked "$t" b '' true ann true)" '^[0-9a-f-]{36}$'

ended succeeded '' "$(rows "$(r a 1 step.succeeded)")"
own=$(sql "SELECT encode(bundle, 'hex') FROM agentd.tasks WHERE id = '$t'")
sql "SELECT agentd.reload(ARRAY['noop', 'paid'], ARRAY[sha256('n3'), sha256('p2')], ARRAY['{}', '{}']::json[], ARRAY['{}', '{}']::json[])" >/dev/null
third=$(sql "SELECT encode(sha256('n'), 'hex')")
by=$(sql "SELECT submitted_by FROM agentd.tasks WHERE id = '$t'")
is "programs: its own, the active one" "$(refused "$(fork_of "$t" '' '' false "$by")") $(refused "$(fork_of "$t" '' "$own" false "$by")") $(refused "$(fork_of "$t" '' active false "$by")")" "none none none"
is "others are for admins" "$(refused "$(fork_of "$t" '' "$third" false "$by")") $(refused "$(fork_of "$t" '' "$third" true)")" "AG403 none"
sql "UPDATE agentd.workflows SET active = false WHERE name = 'noop'" >/dev/null
is "none of a workflow that was withdrawn" "$(refused "$(fork_of "$t" '' '' false "$by")") $(refused "$(fork_of "$t" '' "$own")") $(refused "$(fork_of "$t" '' active)")" "AG409 AG409 AG409"
sql "SELECT agentd.reload(ARRAY['noop', 'paid'], ARRAY[sha256('n2'), sha256('p2')], ARRAY['{}', '{}']::json[], ARRAY['{}', '{}']::json[])" >/dev/null

f=$(forked "$t" '' '' true bob)
a=$(sql "INSERT INTO agentd.approval_queue (id, task, leaf, kind, state, path, try, requested_at, expires_at, digest, head, tool, args, title, risk, approvers)
	SELECT gen_random_uuid(), id, leaf, 'call', 'pending', 'a', 1, now(), now() + interval '1 h', sha256('d'), sha256('h'), 'x.y', '{}', 't', 'high', 2
	FROM agentd.tasks WHERE id = '$f' RETURNING id" | head -n 1)
approve() { echo "SELECT agentd.decide_approval('$a', 'approve', sha256('d'), NULL, NULL, NULL, NULL, '$1')"; }
is "of several approvers neither who forks nor who brought the input is one" "$(refused "$(approve bob)") $(refused "$(approve "$by")") $(refused "$(approve cid)")" "AG403 AG403 none"

# --- purge ---
f=$before_f t=$before_t
one=$(sql "SELECT agentd.purge('$t', 'ann', true)" | jq -c '[.state, .steps, .purged_at != null]')
is "what is left" "$one" '["succeeded",[],true]'
is "what is final stays so" "$(refused "UPDATE agentd.tasks SET output = '1' WHERE id = '$t'") $(refused "UPDATE agentd.tasks SET purged_at = now() WHERE id = '$t'") $(refused "UPDATE agentd.tasks SET input = '1' WHERE id = '$f'")" "AG409 AG409 AG409"
is "the fork keeps its copy, and the value they shared" "$(sql "SELECT count(*) FROM agentd.blob_refs WHERE task = '$f'") $(sql "SELECT count(*) FROM agentd.blobs")" "1 1"
is "a purged one is not forked" "$(refused "SELECT agentd.fork_task(agentd.uuid_new(), 'fork', '$t', NULL, NULL, NULL, false, NULL, '\\x01', 'ann', true)")" AG409
sql "SELECT test.move('$f', 1, 'finish', 'succeeded'), agentd.purge('$f', 'ann', true)" >/dev/null
is "nobody has it any more: it is gone" "$(sql "SELECT count(*) FROM agentd.blobs")" 0

# --- pause ---
sql "DELETE FROM agentd.task_queue" >/dev/null
sql "CREATE TABLE test.go (name text)" >/dev/null
lasts() {	# NAME: a transaction that has submitted, and ends once test.go has its name
	background "$1" "BEGIN; SELECT agentd.submit('noop');
		DO \$\$ BEGIN WHILE NOT EXISTS (SELECT FROM test.go WHERE name = '$1') LOOP PERFORM pg_sleep(0.05); END LOOP; END \$\$; COMMIT"
	until_true "SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name = '$1' AND wait_event = 'PgSleep'"
}
lasts open
background pause "DO \$\$ BEGIN LOOP BEGIN PERFORM agentd.workflow_pause('noop', 'ann', true); EXIT; EXCEPTION WHEN SQLSTATE 'AG503' THEN NULL; END; END LOOP; END \$\$"
blocked pause
is "others are not held up by that" "$(sql "SET statement_timeout = '5s'; SELECT agentd.submit('paid') IS NOT NULL, agentd.workflows_list() IS NOT NULL;
	DELETE FROM agentd.task_queue q USING agentd.tasks t WHERE t.id = q.id AND t.workflow = 'paid'")" "t|t"
sql "INSERT INTO test.go VALUES ('open')" >/dev/null
is "who pauses waits for who submits" "$(result pause; result open >/dev/null; sql "SELECT count(*) FROM agentd.task_queue")" 1
sql "SELECT agentd.submit('noop')" >/dev/null
is "what came after knows it" "$(sql "SELECT string_agg(lane, ' ' ORDER BY lane) FROM agentd.task_queue")" "default default+!paused"
is "what came before learns of it" "$(sql "SELECT agentd.workflow_settle('noop') ->> 'lane'; SELECT string_agg(lane, ' ') FROM agentd.task_queue")" "default
default+!paused default+!paused"
is "nobody claims them" "$(sql "SELECT count(*) FROM test.claim('$W', 9)")" 0
is "no submission starts at once" "$(sql "SELECT taken FROM agentd.submit_batch(ARRAY[agentd.uuid_new()], '{noop}', ARRAY['{}']::json[], '{normal}', ARRAY[NULL]::json[],
	ARRAY[NULL]::json[], '{0}', '{0}', ARRAY[NULL], '{x}', ARRAY['r']::bytea[], '{p}', p_worker => '$W', p_claim => 1, p_room => 1)")" f
is "why" "$(sql "SELECT DISTINCT agentd.why_unclaimed(q) ->> 'type' FROM agentd.task_queue q")" workflow.paused
is "a reload keeps it, and moves the lane below it" "$(sql "SELECT agentd.reload(ARRAY['noop'], ARRAY[sha256('n2')], ARRAY['{}']::json[], ARRAY['{\"lane\": \"gpu\"}']::json[]) ->> 'activated';
	SELECT DISTINCT lane FROM agentd.task_queue; SELECT agentd.workflows_list() -> 'workflows' -> 0 ->> 'lane'")" '["noop"]
gpu+!paused
gpu'
is "resumed" "$(sql "SELECT agentd.workflow_pause('noop', 'ann', false), agentd.workflow_settle('noop') ->> 'paused_at'; SELECT DISTINCT lane FROM agentd.task_queue")" "|
gpu"
sql "SELECT agentd.worker_register('019ab000-0000-7000-8000-000000000009', 'g', 1, '{gpu}', 30000, 1)" >/dev/null
is "they are claimed" "$(sql "SELECT count(*) FROM test.claim('019ab000-0000-7000-8000-000000000009', 9)")" 3
sql "SELECT agentd.workflow_pause('noop', 'ann', true), agentd.workflow_settle('noop')" >/dev/null
is "those that run are not disturbed, and stand apart once they are given back" "$(sql "
	SELECT test.move(id, fence, 'release', 'cpu') FROM (SELECT id, fence FROM agentd.task_queue LIMIT 1) x; SELECT string_agg(state || ' ' || lane, ', ' ORDER BY lane) FROM agentd.task_queue")" "ok
ready cpu+!paused, running gpu+!paused, running gpu+!paused"
lasts long
is "a transaction that lasts is not waited for" "$(refused "SELECT agentd.workflow_pause('noop', 'ann', false)") $(sql "SELECT paused_by FROM agentd.workflows WHERE name = 'noop'")" "AG503 ann"
is "it is said" "$(sql "SELECT agentd.workflow_pause('noop', 'ann', false)" | sed -n 's/^ERROR: *//p')" 'a transaction that submitted tasks, or began to, has gone on for 2 s'
sql "INSERT INTO test.go VALUES ('long')" >/dev/null
result long >/dev/null
# A dump reads all tables in one transaction, and locks them as it begins.
mkfifo "$PG_DIR/dump"
PGAPPNAME=dump pg_psql <"$PG_DIR/dump" >/dev/null 2>&1 &
exec 5>"$PG_DIR/dump"
echo "BEGIN; LOCK TABLE agentd.workflows, agentd.task_queue IN ACCESS SHARE MODE; SELECT FROM agentd.workflows;" >&5
idle dump
is "a dump that goes on is not in the way, nor is it held up" "$(refused "SELECT agentd.workflow_pause('noop', 'ann', false)") $(refused "SELECT agentd.workflow_settle('noop')") $(sql "SELECT paused_at IS NULL FROM agentd.workflows WHERE name = 'noop'")" "none none t"
exec 5>&-
wait
# A snapshot of before the word: what it submits stands where that had it, until the sweep comes.
mkfifo "$PG_DIR/old"
PGAPPNAME=old pg_psql <"$PG_DIR/old" >/dev/null 2>&1 &
exec 5>"$PG_DIR/old"
echo "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM agentd.workflows;" >&5
idle old
sql "SELECT agentd.workflow_pause('noop', 'ann', true), agentd.workflow_settle('noop')" >/dev/null
echo "SELECT agentd.submit('noop'); COMMIT;" >&5
exec 5>&-
wait
is "what an old snapshot submits escapes" "$(sql "SELECT count(*) FROM agentd.task_queue q JOIN agentd.tasks t USING (id) WHERE t.workflow = 'noop' AND q.lane = agentd.lane_plain(q.lane)")" 1
is "not for ever" "$(sql "SELECT agentd.sweep_paused('{}'); SELECT count(*) FROM agentd.task_queue q JOIN agentd.tasks t USING (id) WHERE t.workflow = 'noop' AND q.lane = agentd.lane_plain(q.lane)")" "1
0"
placed() { sql "SELECT DISTINCT lane <> agentd.lane_plain(lane) FROM agentd.task_queue q JOIN agentd.tasks t ON t.id = q.id WHERE workflow = 'noop'"; }
sweep="SELECT agentd.sweep_paused('{\"bound\": 500}')"
sql "SELECT agentd.workflow_pause('noop', 'ann', false); SELECT agentd.workflow_settle('noop'); SELECT agentd.submit('noop'); SELECT agentd.submit('noop'); SELECT agentd.submit('paid')" >/dev/null
is "nothing is wrong" "$(sql "$sweep")" 0
sql "SELECT agentd.workflow_pause('noop', 'ann', true)" >/dev/null
is "whoever paused left before the tasks were moved: bounded, they are" "$(sql "SELECT agentd.sweep_paused('{\"bound\": 1}')"; sql "$sweep" | grep -c '^[1-9]'; placed; sql "$sweep")" "1
1
t
0"
sql "SELECT agentd.workflow_pause('noop', 'ann', false)" >/dev/null
is "and whoever resumed" "$(placed; sql "$sweep" | grep -c '^[1-9]'; placed; sql "$sweep")" "t
1
f
0"
is "an unknown one" "$(refused "SELECT agentd.workflow_pause('nope', 'ann', true)") $(refused "SELECT agentd.workflow_settle('nope')")" "AG404 AG404"
done_testing
