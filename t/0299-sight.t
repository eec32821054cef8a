#!/bin/sh
# 0299-sight.t - cost over months and owners, what it reads; the open steps of a task; what top looks at.
. "$top_srcdir/t/lib/sql.sh"

# call AGO TASK PROVIDER USD [SOURCE]: a call of a task that ended so long ago; its id is of then
call() {
	sql "INSERT INTO agentd.model_calls (id, task, at, started_at, fence, attempt, in_fresh, in_cached, in_write_5m, in_write_1h, out_text, out_reason, leaf,
			cost_usd, cost_source, path, tier, provider, model_asked, error_class)
		SELECT overlay(gen_random_uuid()::text placing left(agentd.uuid_at(x.at)::text, 13) from 1)::uuid, t.id, x.at, x.at, 1, 1, 10, 1, 2, 3, 4, 5, t.leaf, $4,
			'${5:-computed}', 'a', 'tier', '$3', 'm', 'none'
		FROM agentd.tasks t, (SELECT agentd.clock() - interval '$1' AS at) x WHERE t.id = '$2'" >/dev/null
}
cost() { sql "SELECT agentd.cost($1)" | jq -c "${2:-[.rows[] | [.key, .calls, .cost_usd]]}"; }
us() { sql "SELECT agentd.us(agentd.clock() - interval '$1')"; }

sql "SET agentd.fake_now = ''; SELECT test.submit('paid', 2)" >/dev/null
t1=$(sql "SELECT agentd.submit('paid', '{}', 'normal', '{\"team\": \"docs\"}')")
t2=$(sql "SELECT agentd.submit('noop')")
call "1 hour" "$t1" p 0.000000000001
call "2 hours" "$t1" q 0.1
call "2 days" "$t1" q 0.2 estimated
call "40 days" "$t1" q 7
call "1 hour" "$t2" p 0.3
is "thirty days, exactly" "$(cost "'workflow', NULL, 0, 0, NULL, '', true")" '[["paid",3,"0.300000000001"],["noop",1,"0.3"]]'
is "all of them" "$(cost "'task', NULL, $(us '100 days'), 0, NULL, '', true" '[.rows[0].cost_usd, .total]')" \
	'["7.300000000001",{"calls":5,"in_fresh":50,"in_cached":5,"in_write":25,"out_text":20,"out_reason":25,"cost_usd":"7.600000000001","estimated":true}]'
is "from then on, until before then" "$(cost "'model', NULL, $(us '3 days'), $(us '90 minutes'), NULL, '', true")" '[["q/m",2,"0.3"]]'
is "by label" "$(cost "'label', 'team', 0, 0, NULL, '', true")" '[["docs",3,"0.300000000001"],[null,1,"0.3"]]'
is "of one workflow" "$(cost "'workflow', NULL, 0, 0, 'noop', '', true")" '[["noop",1,"0.3"]]'
is "nobody's" "$(cost "'workflow', NULL, 0, 0, NULL, 'token:x', false")" '[]'
is "one's own" "$(cost "'model', NULL, 0, 0, 'noop', (SELECT submitted_by FROM agentd.tasks WHERE id = '$t2'), false")" '[["p/m",1,"0.3"]]'
is "days stand in order" "$(cost "'day', NULL, $(us '100 days'), 0, NULL, '', true" '[.rows[].key] | . == sort and length >= 3')" true
is "an unknown word" "$(refused "SELECT agentd.cost('week', NULL, 0, 0, NULL, '', true)")" AG422
is "none" "$(refused "SELECT agentd.cost(NULL, NULL, 0, 0, NULL, '', true)")" AG422
is "an end before the beginning" "$(refused "SELECT agentd.cost('day', NULL, $(us '1 day'), $(us '2 days'), NULL, '', true)")" AG422

# A million calls of last month are not read for those of today: the keys tell when a call began.
sql "INSERT INTO agentd.model_calls (id, task, at, started_at, fence, attempt, in_fresh, in_cached, in_write_5m, in_write_1h, out_text, out_reason, leaf,
		cost_usd, cost_source, path, tier, provider, model_asked, error_class)
	SELECT overlay(gen_random_uuid()::text placing left(agentd.uuid_at(agentd.clock() - interval '20 days')::text, 13) from 1)::uuid, '$t1',
		agentd.clock() - interval '20 days', agentd.clock(), 1, 1, 1, 0, 0, 0, 1, 0, (SELECT leaf FROM agentd.tasks WHERE id = '$t1'), 0, 'none', 'a', 't', 'p',
		'm' || (i % 1500), 'none'
	FROM generate_series(1, 30000) i; ANALYZE agentd.model_calls" >/dev/null
read_rows() { sql "SET track_functions = 'none'; BEGIN; SELECT pg_stat_clear_snapshot(); SELECT agentd.cost('day', NULL, $(us '1 day'), 0, NULL, '', true);
	SELECT sum(idx_tup_fetch + seq_tup_read) FROM pg_stat_xact_user_tables WHERE relname LIKE 'model_calls%'; COMMIT" | tail -n 1; }
rows=$(read_rows)
[ "$rows" -lt 100 ] && is "a day reads its own calls" yes yes || is "a day reads its own calls" "$rows rows" "fewer than 100"
is "a thousand rows at most, and the sum of all" "$(cost "'model', NULL, 0, 0, NULL, '', true" '[(.rows | length), .more, .total.calls]')" '[1000,true,30004]'

# --- open steps ---
steps() { sql "SELECT agentd.task_why('$1', '', true)" | jq -c '[.steps[] | [.path, .status]]'; }
t=$(sql "SELECT agentd.submit('noop')")
is "it is claimed" "$(sql "SELECT count(*) FROM test.claim('$W', 100) WHERE task = '$t'")" 1
row() { rows_json=$1; sql "SELECT test.move('$t', 1, 'stay', '', '$rows_json')"; }
is "journal" "$(row '[["each", 1, "step.started", {"items": [1, 2]}], ["each[0]/a", 1, "step.started", {"tool": "x", "args": {}}], ["each[1]/a", 1, "step.succeeded", {"output": 1}]]')" ok
is "the innermost is what is open" "$(steps "$t")" '[["each[0]/a","running"]]'
is "the loop fails, and is tried again later" "$(row '[["each[0]/a", 1, "step.failed", {"error": {}}], ["each", 1, "step.failed", {"error": {}, "retry_at": "2040-01-01T00:00:00Z"}]]')" ok
is "it waits for another try" "$(steps "$t")" '[["each","retrying"]]'
is "under a path of its own" "$(row '[["each~2", 1, "step.started", {"items": [1]}]]')" ok
is "the first visit is over" "$(steps "$t")" '[["each~2","running"]]'
is "a person is asked" "$(row '[["each~2[0]/b/approval-1", 1, "approval.requested", {"id": "019ab000-0000-7000-8000-0000000000aa", "kind": "question", "title": "x", "risk": "low",
	"approvers": 1, "expires_at": "2040-01-01T00:00:00Z", "digest": "00", "head": "00"}]]')" ok
is "at its step" "$(steps "$t")" '[["each~2[0]/b","waiting"]]'
is "and has answered" "$(row '[["each~2[0]/b/approval-1", 1, "approval.decided", {"id": "019ab000-0000-7000-8000-0000000000aa", "decision": "cancelled"}]]')" ok
is "that is not open any more" "$(steps "$t")" '[["each~2","running"]]'
is "not for others" "$(refused "SELECT agentd.task_why('$t', 'token:x', false)")" AG404
is "it ends" "$(sql "SELECT test.move('$t', 1, 'finish', 'succeeded')")" ok
is "nothing is open then" "$(steps "$t")" '[]'

# --- traces ---
trace() { sql "SELECT agentd.task_trace('$1', '', true)" | jq -c "$2"; }
is "each step stands once with its last row; one that waited for another try was cancelled" \
	"$(trace "$t" '[.left_out, (.steps[] | [.path, .try, .status])]')" '[0,["each",1,"cancelled"],["each[0]/a",1,"failed"],["each[1]/a",1,"succeeded"],["each~2",1,"cancelled"],["each~2[0]/b",1,"cancelled"]]'
is "five thousand attempts at most" "$(trace "$t1" '[(.calls | length), .left_out]')" '[5000,25004]'
sql "INSERT INTO agentd.task_log (task, seq, at, fence, try, leaf, path, kind, step_kind, value, value_digest)
	SELECT t.id, 100 + i, agentd.clock(), 1, i % 2 + 1, t.leaf, 'l[' || i / 2 || ']/a', 'step.' || CASE i % 2 WHEN 0 THEN 'failed' ELSE 'succeeded' END, 'call', '{}'::json, ''::bytea
	FROM agentd.tasks t, generate_series(0, 6001) i WHERE t.id = '$t'
	UNION ALL SELECT t.id, 99, agentd.clock(), 1, 1, t.leaf, 'f', 'step.failed', 'for', '{\"retry_at\": \"2040-01-01T00:00:00Z\"}', '' FROM agentd.tasks t
	WHERE t.id = '$t'" >/dev/null
is "and as many steps" "$(trace "$t" '[(.steps | length), .left_out]')" '[5000,1008]'
is "a try each" "$(trace "$t" '[.steps[-2:][] | [.path, .try, .status]]')" '[["l[2496]/a",1,"failed"],["l[2496]/a",2,"succeeded"]]'
is "a loop goes on under another path" "$(trace "$t" '.steps[] | select(.path == "f") | .status')" '"failed"'
is "not for others" "$(refused "SELECT agentd.task_trace('$t', 'token:x', false)")" AG404

# --- top ---
sql "SELECT count(*) FROM (SELECT agentd.submit('noop') FROM generate_series(1, 5100)) x" >/dev/null
is "a long queue: workflows of 5000 tasks, lanes of all" "$(sql "SELECT agentd.top(false)" | jq -c '[([.workflows[].tasks] | add), (.lanes[0].ready + .lanes[0].running >= 5100), .spent_today_usd]')" \
	'[5000,true,null]'
is "what today cost" "$(sql "SELECT (agentd.top(true)::json ->> 'spent_today_usd')::numeric = (SELECT sum(cost_usd) FROM agentd.model_calls
	WHERE at >= date_trunc('day', agentd.clock() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC')" 2>&1)" t
done_testing
