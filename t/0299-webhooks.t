#!/bin/sh
# 0299-webhooks.t - deliveries: made with every end of a task that has a webhook, lent to one sender at a time, ended by what it says.
. "$top_srcdir/t/lib/sql.sh"

new() { sql "SELECT agentd.submit('noop', webhook => json_build_object('url', 'https://' || gen_random_uuid() || '.example/',
	'events', array['finished', 'quarantined'])$1)"; }
told() { sql "SELECT string_agg(event || coalesce(' ' || target, ''), ', ' ORDER BY event, target NULLS FIRST) FROM agentd.webhook_deliveries WHERE task = '$1'"; }
# claim LEASE [LIMIT [TARGETS]]: how many
L=019ab000-0000-7000-8000-00000000000
claim() { sql "SELECT count(id) FROM agentd.webhook_claim('$L$1', '{${3:-}}', ${2:-100}, 30000, 100000, ${2:-100})"; }
done_() { sql "SELECT agentd.webhook_done('$1', '$L$2', $3, '$4', $5, $6, $7)"; }
is "targets" "$(sql "SELECT agentd.webhook_targets('[{\"name\": \"x\", \"events\": [\"task.failed\", \"task.quarantined\"]},
	{\"name\": \"y\", \"events\": [\"task.failed\"], \"workflows\": [\"paid\"]}]')")" 2

# --- every way to end ---
a=$(new '') b=$(new '') c=$(new ", deadline => clock_timestamp() + interval '1 hour'") d=$(new '') e=$(sql "SELECT agentd.submit('noop')")
sql "SELECT test.claim('$W', 100)" >/dev/null
is "succeeded" "$(sql "SELECT test.move('$a', 1, 'finish', 'succeeded')") $(told "$a")" "ok task.finished"
is "failed: the target is told, too" "$(sql "SELECT test.move('$b', 1, 'finish', 'failed')") $(told "$b")" "ok task.failed x, task.finished"
is "without a webhook" "$(sql "SELECT test.move('$e', 1, 'finish', 'succeeded')") $(told "$e")" "ok "
sql "SELECT test.move('$c', 1, 'release')" >/dev/null
sql "SET agentd.fake_now = '2100-01-01'; UPDATE agentd.task_queue SET deadline = '2050-01-01' WHERE id = '$c'; SELECT agentd.sweep_deadlines('{}')" >/dev/null
sql "UPDATE agentd.webhook_deliveries SET due_at = 'epoch' WHERE task = '$c'" >/dev/null
is "expired by the sweeper" "$(told "$c")" "task.failed x, task.finished"
sql "SELECT test.move('$d', 1, 'park', 'quarantined')" >/dev/null
is "quarantined" "$(told "$d")" "task.quarantined, task.quarantined x"
sql "SELECT agentd.cancel('$d', '', true)" >/dev/null
is "cancelled" "$(told "$d")" "task.finished, task.quarantined, task.quarantined x"
f=$(new '')
sql "SELECT test.claim('$W', 100)" >/dev/null
sql "BEGIN; SELECT test.move('$f', 1, 'finish', 'succeeded'); ROLLBACK" >/dev/null
is "with a rollback nothing is told" "$(told "$f")" ""

# --- lent to one at a time ---
is "those of targets that the sender does not know are not for it" "$(claim 1)" 5
is "the same lease gets the same ones again" "$(claim 1)" 5
is "another gets nothing of them" "$(claim 2)" 0
is "but the others" "$(claim 2 100 x)" 3
is "their attempts are recorded once" "$(sql "SELECT count(*) || ' ' || count(ended_at) FROM agentd.webhook_attempts")" "8 0"
id=$(sql "SELECT id FROM agentd.webhook_deliveries WHERE task = '$a'")
is "somebody else's word counts for nothing" "$(done_ "$id" 2 1 again 500 "'x'" 0)" f
sql "UPDATE agentd.webhook_deliveries SET due_at = 'epoch' WHERE lease = '${L}1'" >/dev/null
is "a lease that is over goes to another" "$(claim 3)" 5
is "who had it before is late" "$(done_ "$id" 1 1 failed 410 "'x'" 0)" f
is "but is heard when it was taken" "$(done_ "$id" 1 1 delivered 200 NULL 0)" t
is "so that it is not sent again" "$(done_ "$id" 3 2 again 500 "'x'" 0) $(sql "SELECT state || ' ' || attempts FROM agentd.webhook_deliveries WHERE id = '$id'")" "f delivered 2"
id=$(sql "SELECT id FROM agentd.webhook_deliveries WHERE task = '$b' AND target IS NULL")
is "again" "$(done_ "$id" 3 2 again 500 "'no'" 60000) $(sql "SELECT state || ' ' || (due_at > clock_timestamp() + interval '50 s') || ' ' || error FROM agentd.webhook_deliveries WHERE id = '$id'")" "t pending true no"
is "failed" "$(sql "UPDATE agentd.webhook_deliveries SET due_at = 'epoch' WHERE id = '$id'"; claim 4; done_ "$id" 4 3 failed NULL "'gone'" 0)" "1
t"
sql "SELECT agentd.webhook_retry('$id', '', true)" >/dev/null
is "retried it is due, its schedule from the start" "$(sql "SELECT state || ' ' || tries || ' ' || attempts FROM agentd.webhook_deliveries WHERE id = '$id'")" "pending 0 3"
is "two senders at once share what is due" "$(sql "UPDATE agentd.webhook_deliveries SET due_at = 'epoch', lease = NULL WHERE state = 'pending'"
	background one "BEGIN; SELECT count(id) FROM agentd.webhook_claim('${L}5', '{x}', 0, 30000, 1000, 2); SELECT pg_sleep(0.3); COMMIT"
	until_true "SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name = 'one' AND wait_event = 'PgSleep'"
	claim 6 100 x; result one | head -n 1)" "5
2"

# --- tasks that are too large ---
# body TASK [DO]: what is told of it, in brief or not; DO is done before in that transaction
body() {
	sql "SET client_min_messages = error; BEGIN; UPDATE agentd.webhook_deliveries SET state = 'pending', ended_at = NULL, lease = NULL,
			due_at = CASE WHEN task = '$1' THEN timestamptz 'epoch' ELSE '2099-01-01' END;
		$2; SELECT (body::json ->> 'id' = '$1') || ' ' || coalesce(body::json ->> 'omitted', 'all')
		FROM agentd.webhook_claim(agentd.uuid_new(), '{}', 100, 30000, 300000) WHERE id IS NOT NULL; ROLLBACK"
}
is "a task" "$(body "$a")" "true all"
is "one that cannot be put together is told in brief" "$(body "$a" "CREATE OR REPLACE FUNCTION agentd.task_show(t agentd.tasks) RETURNS text LANGUAGE plpgsql STABLE AS
	'BEGIN RAISE program_limit_exceeded; END'")" 'true ["input","steps"]'
is "so is one that is longer than a text can be, which nobody tries to put together" "$(body "$a" "INSERT INTO agentd.blobs SELECT sha256('big'), now(), json_build_object('output', repeat('x', 8 << 20));
	INSERT INTO agentd.task_log (task, seq, at, fence, try, leaf, path, kind, step_kind, value_blob, value_digest)
	SELECT t.id, 1000 + i, now(), 1, 1, t.leaf, 's' || i, 'step.succeeded', 'set', sha256('big'), sha256('big')
	FROM agentd.tasks t, generate_series(1, 150) i WHERE t.id = '$a'")" 'true ["input","steps"]'

# --- receivers that do not answer ---
left() { sql "SELECT (SELECT count(*) FROM agentd.webhook_deliveries WHERE url ~ 'dead' AND $1)"; }
sql "UPDATE agentd.webhook_deliveries SET state = 'delivered', due_at = NULL, lease = NULL, ended_at = now() WHERE state = 'pending';
	INSERT INTO agentd.webhook_deliveries (id, task, leaf, event, target, url, due_at, created_at)
	SELECT agentd.uuid_new(), t.id, t.leaf, 'task.finished', CASE i WHEN 1001 THEN 'x' END,
		CASE i WHEN 1001 THEN NULL WHEN 1002 THEN 'http://LIVE.example:8080/' ELSE 'https://dead.example/' || i END,
		timestamptz 'epoch' + i * interval '1 s', now() FROM agentd.tasks t, generate_series(1, 1005) i WHERE t.id = '$a'" >/dev/null
is "the webhooks of one host have four places, targets have their own" "$(claim 7 16 x)" 5
is "those that wait for one are passed over, so that others come up" "$(left "due_at > clock_timestamp() AND lease IS NULL")" 996
is "these" "$(sql "SELECT string_agg(coalesce(url, round(next_due_ms, -4)::text), ' ' ORDER BY id) FROM agentd.webhook_claim('${L}8', '{x}', 16, 30000, 100000, 16)")" \
	"http://LIVE.example:8080/ 30000"
is "to wait is no attempt" "$(left "tries + attempts > 0")" 4
sql "UPDATE agentd.webhook_deliveries SET due_at = 'epoch' WHERE state = 'pending' AND lease IS NULL; SELECT agentd.webhook_done(id, lease, 1, 'delivered', 200, NULL, 0)
	FROM agentd.webhook_deliveries WHERE lease = '${L}7' AND url = 'https://dead.example/1'" >/dev/null
is "with the end of one the next one goes" "$(claim 9 16 x)" 1
sql "DELETE FROM agentd.webhook_deliveries WHERE due_at IS NOT NULL" >/dev/null

# --- each target has its own places ---
sql "INSERT INTO agentd.webhook_deliveries (id, task, leaf, event, target, due_at, created_at)
	SELECT agentd.uuid_new(), t.id, t.leaf, 'task.failed', CASE WHEN i <= 1000 THEN 'dead' ELSE 'live' END, timestamptz 'epoch' + i * interval '1 s', now()
	FROM agentd.tasks t, generate_series(1, 1006) i WHERE t.id = '$a'" >/dev/null
lent() { sql "SELECT string_agg(target || ' ' || n, ' ' ORDER BY target) FROM (SELECT target, count(*) AS n FROM agentd.webhook_deliveries WHERE lease IS NOT NULL GROUP BY 1) x"; }
is "four, however many of another wait, and for how long" "$(claim a 100 dead,live) $(lent)" "8 dead 4 live 4"
is "to all senders together" "$(claim b 100 dead,live) $(lent)" "0 dead 4 live 4"
sql "SELECT agentd.webhook_done(id, lease, 1, 'delivered', 200, NULL, 0) FROM agentd.webhook_deliveries WHERE lease = '${L}a' AND target = 'live'" >/dev/null
is "one that answers goes on" "$(claim c 100 dead,live) $(lent)" "2 dead 4 live 2"
is "as many as the sender has room for" "$(sql "UPDATE agentd.webhook_deliveries SET due_at = 'epoch' WHERE state = 'pending'" ; claim d 5 dead,live) $(sql "SELECT count(*) FROM agentd.webhook_deliveries WHERE lease = '${L}d'")" "5 5"
sql "DELETE FROM agentd.webhook_deliveries WHERE due_at IS NOT NULL" >/dev/null

# --- targets that are new ---
# asks AGE RISK: a request of that age
asks() {
	sql "INSERT INTO agentd.approval_queue (id, task, leaf, kind, state, path, requested_at, expires_at, digest, title, risk)
		SELECT agentd.uuid_new(), t.id, t.leaf, 'call', 'pending', 'p', now() - interval '$1', now() + interval '1 h', sha256('d'), '$1', '$2'
		FROM agentd.tasks t WHERE t.id = '$a'" >/dev/null
}
heard() { sql "SELECT string_agg(q.title, ', ' ORDER BY q.title) FROM agentd.webhook_deliveries d JOIN agentd.approval_queue q ON q.id = d.approval WHERE d.target = '$1'"; }
names() { sql "SELECT agentd.webhook_targets('[{\"name\": \"$1\", \"events\": [\"approval.requested\"], \"risks\": [\"high\"]}]')" >/dev/null; }
asks '2 min' high
asks '50 s' high
asks '40 s' low
asks '30 s' high
sql "UPDATE agentd.approval_queue SET state = 'denied' WHERE title = '30 s'" >/dev/null
names new
is "are told of the requests of the minute before, which are pending and fit" "$(heard new)" "50 s"
asks '1 s' high
names new
is "said again a little later, of one that came to its end meanwhile, once" "$(heard new)" "1 s, 50 s"
names new
sql "UPDATE agentd.notify_targets SET since = since - interval '2 min' WHERE name = 'new'" >/dev/null
asks '2 s' high
names new
is "later they are told of what comes" "$(heard new)" "1 s, 50 s"
sql "DELETE FROM agentd.webhook_deliveries WHERE due_at IS NOT NULL; DELETE FROM agentd.approval_queue; DELETE FROM agentd.notify_targets WHERE name = 'new'" >/dev/null

# --- targets that go ---
waiting() { sql "SELECT string_agg(DISTINCT state || coalesce(' ' || error, ''), ', ') FROM agentd.webhook_deliveries WHERE target = 'x'"; }
# tell MINUTES TARGETS: somebody names these, so long after the others were named first
tell() { sql "SET agentd.fake_now = '$(sql "SELECT now() + interval '$1 min'")'; SELECT agentd.webhook_targets('$2')" >/dev/null; }
sql "UPDATE agentd.webhook_deliveries SET state = 'pending', due_at = 'epoch', ended_at = NULL, error = NULL WHERE target = 'x'" >/dev/null
tell 50 '[{"name": "z", "events": ["task.failed"]}]'
is "what waits for a target that another sweeper does not have waits on" "$(waiting)" pending
tell 50 '[{"name": "x", "events": ["task.failed"]}]'
tell 100 '[]'
is "an hour from when it was named last" "$(waiting)" pending
tell 180 '[]'
is "what waits for a target that nobody names has failed" "$(waiting)" "failed agentd.yaml has had no such target for an hour"
b=$(new '')
sql "SELECT test.claim('$W', 100)" >/dev/null
sql "SELECT test.move('$b', 1, 'finish', 'failed')" >/dev/null
is "and is told of nothing more" "$(told "$b")" task.finished

# --- a task that is purged ---
is "one that waits" "$(sql "UPDATE agentd.webhook_deliveries SET state = 'pending', due_at = 'epoch', ended_at = NULL WHERE task = '$b' AND target IS NULL RETURNING 1" | head -n 1)" 1
sql "SELECT agentd.purge('$b', '', true)" >/dev/null
is "leaves nothing that was or would be sent" "$(sql "SELECT (SELECT count(*) FROM agentd.webhook_deliveries WHERE task = '$b') + (SELECT count(*) FROM agentd.task_webhooks WHERE task = '$b')")" 0

# --- what SQL refuses ---
for bad in '[]' '{}' '{"url": 1}' '{"url": "ftp://a/"}' '{"url": "https://u@a/"}' '{"url": "https://a/", "x": 1}' '{"url": "https://a/", "events": []}' \
	'{"url": "https://a/", "events": ["done"]}' '{"url": "https://a/", "events": [null]}' '{"url": "https://a b/"}'; do
	is "refused: $bad" "$(refused "SELECT agentd.submit('noop', webhook => '$bad')")" AG422
done

# --- who was granted the function of before ---
sql "CREATE ROLE kiosk; CREATE FUNCTION agentd.submit(text, json, text, json, json, timestamptz, timestamptz, text, uuid) RETURNS uuid LANGUAGE sql AS 'SELECT NULL::uuid';
	GRANT EXECUTE ON FUNCTION agentd.submit(text, json, text, json, json, timestamptz, timestamptz, text, uuid) TO kiosk" >/dev/null
pg_psql -1 -f "$top_srcdir/sql/functions/1_submit.sql" >/dev/null 2>&1
is "keeps it" "$(sql "SELECT string_agg(pronargs || ' ' || has_function_privilege('kiosk', oid, 'EXECUTE'), ', ') FROM pg_proc WHERE oid::regproc::text = 'agentd.submit'")" "10 true"
done_testing
