#!/bin/sh
# 0288-approvals.t - requests for a person: opened with their row, decided once by whoever may, consumed by one effect, or over.
# AGENTD_DECIDERS (preset 24) people at once decide each of AGENTD_ROUNDS (preset 20) requests; the whole race is 200 and 100.
deciders=${AGENTD_DECIDERS:-24} rounds=${AGENTD_ROUNDS:-20}
set -- "max_connections = $((deciders + 50))"
. "$top_srcdir/t/lib/sql.sh"

hex() { printf '%s' "$1" | od -An -tx1 | tr -d ' \n'; }
digest_of() { sql "SELECT encode(sha256(decode('$(head_of)', 'hex') || sha256('${1:-x}')), 'hex')"; }
head_of() { printf '%064d' 7; }
new_id() { sql "SELECT agentd.uuid_new()"; }
row() {		# ID [KIND [APPROVERS [EXPIRES_IN]]]: the journal's row that asks
	printf '["send/approval-%s", 1, "approval.requested", {"id": "%s", "kind": "%s", "title": "Really?", "show": {"a": 1}, "form": %s, "risk": "high",
		"rule": null, "approvers": %s, "expires_at": "%s", "digest": "%s", "head": "%s", "call": %s, "schema": {"type": "object"}}]' \
		"${5:-1}" "$1" "${2:-call}" "$([ "${2:-call}" = call ] && echo null || echo '{"type":"object"}')" "${3:-1}" \
		"$(sql "SELECT agentd.rfc3339(now() + interval '${4:-1 h}')")" "$(digest_of)" "$(head_of)" \
		"$([ "${2:-call}" = call ] && echo '{"tool": "mail.send", "args": {"to": "a"}}' || echo null)"
}
new() {		# a claimed task: $t, $f
	t=$(sql "DELETE FROM agentd.task_queue; SELECT test.submit('noop', 1)" >/dev/null; sql "SELECT task || ' ' || fence FROM test.claim('$W')")
	f=${t#* }
	t=${t% *}
}
ask() {		# [KIND [APPROVERS [EXPIRES_IN]]]: a task that has parked with a request: $t, $a
	new
	a=$(new_id)
	sql "SELECT test.move('$t', $f, 'park', 'waiting_approval', '[$(row "$a" "$@")]', now() + interval '1 h')" >"$PG_DIR/ask"
}
# decide ID WORD [BY [DIGEST [ARGS [FORM [COMMENT]]]]]
decide() {
	sql "SELECT agentd.decide_approval('$1', '$2', decode('${4:-$(digest_of)}', 'hex'), $([ -n "${7-}" ] && echo "'$7'" || echo NULL),
		$([ -n "${5-}" ] && echo "'$5', sha256('$5')" || echo NULL, NULL), $([ -n "${6-}" ] && echo "'$6'" || echo NULL), '${3:-ann}')::json ->> 'state'" | head -n 1
}
state() { sql "SELECT state FROM agentd.approval_queue WHERE id = '$a'"; }
task_state() { sql "SELECT state FROM agentd.task_queue WHERE id = '$t'"; }
claim_again() { sql "SELECT fence FROM test.claim('$W')" >"$PG_DIR/again"; f=$(cat "$PG_DIR/again"); }
# dispatch KEY [DIGEST [STATE [TRY]]]: the effect, with the approval $a
dispatch() {
	sql "SELECT test.move('$t', $f, 'stay', '', '[]', NULL, '[{\"move\": 1, \"key\": \"\\\\x$(hex "$1")\", \"path\": \"send\", \"tool\": \"mail.send\",
		\"class\": \"at_most_once\", \"args\": \"\\\\x00\", \"try\": ${4:-1}, \"to\": \"${3:-dispatched}\",
		\"approval\": \"$a\", \"approved\": \"\\\\x${2:-$(digest_of)}\"}]')" | head -n 1
}

# --- opened ---
ask
is "a move that parks brings its request" "$(cat "$PG_DIR/ask") $(task_state) $(state)" "ok waiting_approval pending"
is "with all that is shown" "$(sql "SELECT x ->> 'step', x ->> 'tool', x -> 'args', x ->> 'title', x -> 'show', x ->> 'risk', x ->> 'workflow', x ->> 'digest' = '$(digest_of)'
	FROM (SELECT agentd.approval_view('$a', 'ann', true)::json AS x) y")" 'send|mail.send|{"to": "a"}|Really?|{"a": 1}|high|noop|t'
is "the step waits, and names it" "$(sql "SELECT s ->> 'path', s ->> 'status', s ->> 'approval' = '$a' FROM json_array_elements(agentd.task_view('$t', 'x', true)::json -> 'steps') s")" "send|waiting|t"
like "not for whoever does not see the task" "$(sql "SELECT agentd.approval_view('$a', 'nobody', false)")" 'no approval'
is "listed" "$(sql "SELECT json_array_length(agentd.approval_list('pending', '$t', NULL, 10, 'x', true)::json -> 'approvals')")" 1
is "not to others" "$(sql "SELECT agentd.approval_list(NULL, NULL, NULL, 10, 'nobody', false)")" '{"approvals":[],"next":null}'
is "an unknown state" "$(refused "SELECT agentd.approval_list('odd', NULL, NULL, 10, 'x', true)")" AG422
new
a=$(new_id)
move="SELECT test.move('$t', $f, 'stay', '', '[$(row "$a")]')"
is "sent again, it is one" "$(sql "$move") $(sql "$move") $(sql "SELECT count(*) FROM agentd.approval_queue WHERE task = '$t'")" "ok already 1"

# --- words that are not acceptable ---
ask
for bad in "maybe" "approve ann abcd" "approve ann $(digest_of) [1]" "deny ann $(digest_of) {\"to\":1}"; do
	set -- $bad
	is "refused: $bad" "$(refused "SELECT agentd.decide_approval('$a', '$1', decode('${3:-$(digest_of)}', 'hex'), NULL,
		$([ -n "${4-}" ] && echo "'$4', sha256('$4')" || echo NULL, NULL), NULL, '${2:-ann}')")" AG422
done
is "arguments come with their digest" "$(refused "SELECT agentd.decide_approval('$a', 'approve', decode('$(digest_of)', 'hex'), NULL, '{}', NULL, NULL, 'ann')")" AG422
is "a form only for a question" "$(refused "SELECT agentd.decide_approval('$a', 'approve', decode('$(digest_of)', 'hex'), NULL, NULL, NULL, '{}', 'ann')")" AG422
is "an unknown one" "$(refused "SELECT agentd.decide_approval('$W', 'approve', decode('$(digest_of)', 'hex'), NULL, NULL, NULL, NULL, 'ann')")" AG404
is "another digest" "$(refused "SELECT agentd.decide_approval('$a', 'approve', sha256('other'), NULL, NULL, NULL, NULL, 'ann')")" AG409
is "nothing of that changed it" "$(state) $(task_state)" "pending waiting_approval"

# --- decided, and used once ---
is "approved" "$(decide "$a" approve) $(task_state)" "approved ready"
is "the same again" "$(decide "$a" approve) $(sql "SELECT json_array_length(votes) FROM agentd.approval_queue WHERE id = '$a'")" "approved 1"
like "another decision names the recorded one" "$(decide "$a" deny)" "is approved, by ann at"
like "so does another principal" "$(decide "$a" approve bob)" "is approved, by ann at"
claim_again
is "the worker reads it" "$(sql "SELECT state, by, args IS NULL, encode(digest, 'hex') = '$(digest_of)' FROM agentd.approval_read('$t', '$a')")" "approved|ann|t|t"
like "not for another action" "$(dispatch k "$(digest_of other)")" 'is for another action'
is "the refused move changed nothing" "$(state) $(sql "SELECT count(*) FROM agentd.effects WHERE task = '$t'")" "approved 0"
is "consumed with the dispatch" "$(dispatch k) $(state)" "ok consumed"
is "the same move again" "$(dispatch k) $(state)" "ok consumed"
like "never by another effect" "$(dispatch other)" 'is consumed'
like "nor by this one while it may have happened" "$(dispatch k "" dispatched 2)" 'may not go from dispatched to dispatched'
sql "SELECT test.move('$t', $f, 'stay', '', '[]', NULL, '[{\"move\": 1, \"key\": \"\\\\x$(hex k)\", \"path\": \"send\", \"tool\": \"mail.send\",
	\"class\": \"at_most_once\", \"args\": \"\\\\x00\", \"try\": 1, \"to\": \"failed_before_effect\"}]')" >/dev/null
is "but when it did not happen" "$(dispatch k "" dispatched 2) $(state)" "ok consumed"
ask
is "not before it is approved" "$(claim_again; sql "UPDATE agentd.task_queue SET state = 'ready' WHERE id = '$t'" >/dev/null; claim_again; dispatch k)" "ERROR:  approval $a of task $t is pending"
a2=$a
ask
a=$a2
like "nor by another task" "$(sql "UPDATE agentd.task_queue SET state = 'ready' WHERE id = '$t'" >/dev/null; claim_again; dispatch k)" "has no approval"

# --- denied; a question with a form ---
ask
is "denied" "$(decide "$a" deny ann "" "" "" "no way") $(task_state)" "denied ready"
is "with what was said" "$(sql "SELECT by, comment FROM agentd.approval_read('$t', '$a')")" "ann|no way"
claim_again
like "denied is not dispatched" "$(dispatch k)" 'is denied'
ask question
is "an answer" "$(decide "$a" approve ann "" "" '{"n":1}')" approved
is "is kept" "$(sql "SELECT form FROM agentd.approval_read('$t', '$a')")" '{"n":1}'
is "the same answer again" "$(decide "$a" approve ann "" "" '{"n":1}')" approved
like "another one is not" "$(decide "$a" approve ann "" "" '{"n":2}')" "is approved, by ann"

claim_again
is "an answer that the task has taken is used up" "$(sql "SELECT test.move('$t', $f, 'stay', '', '[[\"send/approval-1\", 1, \"approval.decided\", {\"id\": \"$a\", \"decision\": \"approved\"}]]')") $(state) $(sql "SELECT consumed_at IS NOT NULL FROM agentd.approval_queue WHERE id = '$a'")" "ok consumed t"
is "and stays so when the task ends" "$(sql "SELECT test.move('$t', $f, 'finish', 'succeeded')") $(state)" "ok consumed"

# --- edited ---
ask
is "edited: approved" "$(decide "$a" approve ann "" '{"to":"b"}')" approved
is "as a new action" "$(sql "SELECT args, encode(digest, 'hex') = '$(digest_of '{"to":"b"}')' FROM agentd.approval_read('$t', '$a')")" '{"to":"b"}|t'
is "what was asked for stays known" "$(sql "SELECT agentd.approval_view('$a', 'x', true)::json -> 'asked'")" '{"to": "a"}'
is "the same edit again" "$(decide "$a" approve ann "" '{"to":"b"}')" approved
claim_again
like "as it was asked it is not dispatched" "$(dispatch k)" 'is for another action'
is "as it was edited it is" "$(dispatch k "$(digest_of '{"to":"b"}')") $(state)" "ok consumed"

# --- two approvers ---
ask call 2
submitter=$(sql "SELECT submitted_by FROM agentd.tasks WHERE id = '$t'")
is "whoever submitted is none of two" "$(refused "SELECT agentd.decide_approval('$a', 'approve', decode('$(digest_of)', 'hex'), NULL, NULL, NULL, NULL, '$submitter')")" AG403
is "the first" "$(decide "$a" approve ann) $(task_state)" "pending waiting_approval"
is "the first again is answered" "$(decide "$a" approve ann) $(task_state)" "pending waiting_approval"
is "nor does an edit that changes nothing count twice" "$(sql "SELECT agentd.decide_approval('$a', 'approve', decode('$(digest_of)', 'hex'), NULL, '{\"to\": \"a\"}', sha256('x'), NULL, 'ann')::json ->> 'state'") $(sql "SELECT json_array_length(votes) FROM agentd.approval_queue WHERE id = '$a'")" "pending 1"
ask question 2
decide "$a" approve ann "" "" '{"n":1}' >/dev/null
like "nor another answer of the first" "$(decide "$a" approve ann "" "" '{"n":2}')" 'ann has approved .* another person'
is "another answer voids what was said before" "$(decide "$a" approve bob "" "" '{"n":2}') $(task_state) $(sql "SELECT votes -> 0 ->> 'by', json_array_length(votes), answer FROM agentd.approval_queue WHERE id = '$a'")" 'pending waiting_approval bob|1|{"n":2}'
is "the same answer by another counts" "$(decide "$a" approve ann "" "" '{"n":2}') $(task_state) $(sql "SELECT form FROM agentd.approval_read('$t', '$a')")" 'approved ready {"n":2}'
ask question 2
decide "$a" approve ann "" "" '{"n":1}' >/dev/null
is "no answer is another answer" "$(decide "$a" approve bob) $(sql "SELECT json_array_length(votes), answer IS NULL FROM agentd.approval_queue WHERE id = '$a'")" "pending 1|t"
ask question 2
decide "$a" approve ann "" "" '{"n":1}' "yes" >/dev/null
is "who denies gives no answer of others" "$(decide "$a" deny bob) $(sql "SELECT by, comment IS NULL, form IS NULL FROM agentd.approval_read('$t', '$a')")" "denied bob|t|t"
ask call 2
decide "$a" approve ann >/dev/null
is "an edit voids what was said before" "$(decide "$a" approve bob "" '{"to":"b"}') $(sql "SELECT votes -> 0 ->> 'by', json_array_length(votes) FROM agentd.approval_queue WHERE id = '$a'")" "pending bob|1"
like "who has seen the old one is told" "$(decide "$a" approve ann)" 'another digest.*bob edited it'
is "the second" "$(decide "$a" approve ann "$(digest_of '{"to":"b"}')") $(task_state)" "approved ready"
ask call 2
decide "$a" approve ann >/dev/null
is "one of them denies" "$(decide "$a" deny bob) $(task_state)" "denied ready"
ask call 2
is "whoever submitted may deny" "$(decide "$a" deny "$submitter")" denied

# --- time ---
ask call 1 '-1 s'
is "its time is over: it takes no decision" "$(refused "SELECT agentd.decide_approval('$a', 'approve', decode('$(digest_of)', 'hex'), NULL, NULL, NULL, NULL, 'ann')")" AG409
is "and is shown so" "$(sql "SELECT agentd.approval_view('$a', 'x', true)::json ->> 'state'") $(state)" "expired pending"
is "not among the pending" "$(sql "SELECT agentd.approval_list('pending', '$t', NULL, 10, 'x', true)")" '{"approvals":[],"next":null}'
listed() { sql "SELECT string_agg(json_array_length(agentd.approval_list(s, '$t', NULL, 10, 'x', true)::json -> 'approvals')::text, ' ' ORDER BY i) FROM unnest(ARRAY['pending', 'expired', 'denied', NULL]) WITH ORDINALITY e(s, i)"; }
is "but among the expired" "$(listed)" "0 1 0 1"
is "the sweeper ends it, and the task goes on" "$(sql "SELECT agentd.sweep_approvals('{}')") $(state) $(task_state)" "1 expired ready"
is "and it stays among them" "$(listed)" "0 1 0 1"
is "once" "$(sql "SELECT agentd.sweep_approvals('{}')")" 0
ask call 1 '-1 s'
is "so does the worker's look" "$(sql "SELECT state FROM agentd.approval_read('$t', '$a')") $(state)" "expired expired"

# --- ends of the task ---
ask
sql "SELECT agentd.cancel('$t', 'x', true)" >/dev/null
is "a cancelled task asks nobody" "$(state) $(refused "SELECT agentd.decide_approval('$a', 'approve', decode('$(digest_of)', 'hex'), NULL, NULL, NULL, NULL, 'ann')")" "cancelled AG409"
ask
decide "$a" approve >/dev/null
sql "SELECT agentd.cancel('$t', 'x', true)" >/dev/null
is "what was approved is not left over" "$(state)" cancelled
new
a=$(new_id)
is "a task that ends by itself" "$(sql "SELECT test.move('$t', $f, 'stay', '', '[$(row "$a")]'), test.move('$t', $f, 'finish', 'failed')") $(state)" "ok|ok cancelled"
ask
claim_again
sql "UPDATE agentd.task_queue SET state = 'ready' WHERE id = '$t'" >/dev/null
claim_again
is "its step does not wait any more" "$(sql "SELECT test.move('$t', $f, 'stay', '', '[[\"send/approval-1\", 1, \"approval.decided\", {\"id\": \"$a\", \"decision\": \"cancelled\"}]]')") $(state)" "ok cancelled"
ask
b=$a
decide "$b" approve >/dev/null
claim_again
a=$(new_id)
is "a stricter policy asks anew" "$(sql "SELECT test.move('$t', $f, 'park', 'waiting_approval', (jsonb_set('[$(row "$a" call 2 '1 h' 2)]', '{0,3,supersedes}', '\"$b\"'))::json)") $(state) $(sql "SELECT state FROM agentd.approval_queue WHERE id = '$b'")" "ok pending superseded"
new
a=$(new_id)
is "no journal row decides for a person" "$(sql "SELECT test.move('$t', $f, 'stay', '', '[$(row "$a")]'),
	test.move('$t', $f, 'stay', '', '[[\"send/approval-1\", 1, \"approval.decided\", {\"id\": \"$a\", \"decision\": \"approved\"}]]')") $(state)" "ok|ok pending"

# --- while a worker has the task ---
new
a=$(new_id)
sql "SELECT test.move('$t', $f, 'stay', '', '[$(row "$a")]')" >/dev/null
is "decided while it runs" "$(decide "$a" approve) $(task_state)" "approved running"
is "it does not sleep over it" "$(sql "SELECT test.move('$t', $f, 'park', 'waiting_approval')") $(task_state)" "ok ready"

# --- about to expire ---
sweep() { sql "SELECT agentd.sweep_approvals('{\"bound\": 500, \"warn_ms\": ${1:-3600000}}')"; }
# left REQUEST TOTAL LEFT: it was made for TOTAL, of which LEFT is left
left() { sql "UPDATE agentd.approval_queue SET requested_at = now() + interval '$3' - interval '$2', expires_at = now() + interval '$3' WHERE id = '$1'" >/dev/null; }
warned() { sql "SELECT count(*) FROM agentd.task_log WHERE task = '$t' AND kind = 'approval.expiring'"; }
sql "UPDATE agentd.approval_queue SET state = 'cancelled' WHERE state = 'pending';
	SELECT agentd.webhook_targets('[{\"name\": \"late\", \"events\": [\"approval.expiring\"]}, {\"name\": \"low\", \"events\": [\"approval.expiring\"], \"risks\": [\"low\"]}]')" >/dev/null
ask call 2
before=$(sql "SELECT seq FROM agentd.task_queue WHERE id = '$t'")
left "$a" '10 min' '61 s'
is "more than a tenth of its time is left" "$(sweep) $(warned)" "0 0"
left "$a" '30 h' '61 min'
is "a tenth is, but more than an hour" "$(sweep) $(warned)" "0 0"
left "$a" '10 min' '59 s'
is "nobody wants to be told" "$(sweep 0) $(warned)" "0 0"
decide "$a" approve ann >/dev/null
background holder "BEGIN; SELECT FROM agentd.task_queue WHERE id = '$t' FOR UPDATE; SELECT pg_sleep(1); COMMIT"
until_true "SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name = 'holder' AND wait_event = 'PgSleep'"
is "one whose task is locked comes by again" "$(sweep) $(warned)" "0 0"
result holder >/dev/null
is "a tenth is left: it is told of" "$(sweep) $(warned)" "1 1"
is "once" "$(sweep) $(warned)" "0 1"
is "as the next row of the journal, with who has approved it" "$(sql "SELECT l.seq - $before, l.path, l.value ->> 'id' = '$a', l.value ->> 'step', l.value -> 'by', l.seq = q.seq
	FROM agentd.task_log l JOIN agentd.task_queue q ON q.id = l.task WHERE l.task = '$t' AND l.kind = 'approval.expiring'")" '1||t|send|["ann"]|t'
is "and as an event" "$(sql "SELECT kind FROM agentd.events_of_task('$t', $before, 999, 10, 100000, 'x', true) WHERE kind LIKE 'approval%'")" approval.expiring
is "to those whom it concerns" "$(sql "SELECT string_agg(event || ' ' || target, ' ') FROM agentd.webhook_deliveries WHERE task = '$t' AND approval = '$a'")" "approval.expiring late"
is "it can be decided as before" "$(decide "$a" approve bob) $(task_state)" "approved ready"
claim_again
is "and the task goes on behind the row" "$(sql "SELECT test.move('$t', $f, 'stay', '', '[[\"z\", 1, \"done\", 1]]'), max(seq) - $before FROM agentd.task_log WHERE task = '$t'" | tail -n 1)" "ok|1"
is "numbers have no gaps" "$(sql "SELECT max(l.seq) = count(*) AND max(l.seq) = max(q.seq) FROM agentd.task_log l JOIN agentd.task_queue q ON q.id = l.task WHERE l.task = '$t'")" t
new
a=$(new_id) b=$(new_id)
sql "SELECT test.move('$t', $f, 'stay', '', '[$(row "$a"), $(row "$b" call 1 '1 h' 2)]')" >/dev/null
left "$a" '10 min' '59 s'
left "$b" '20 min' '59 s'
is "two of a task that runs" "$(sweep) $(warned) $(sql "SELECT test.move('$t', $f, 'stay', '', '[[\"z\", 1, \"done\", 1]]')")" "2 2 ok"
left "$a" '10 min' '-1 s'
left "$b" '10 min' '59 s'
sql "UPDATE agentd.approval_queue SET warned_at = NULL WHERE id = '$a'" >/dev/null
is "whose time is over only expires" "$(sweep) $(warned) $(state)" "1 2 expired"
sql "DELETE FROM agentd.notify_targets" >/dev/null

# --- many deciders at once: one outcome ---
ask
d=$(digest_of)
for n in 1 2 3 4 5 6 7 8; do
	background "d$n" "SELECT agentd.decide_approval('$a', '$([ $((n % 2)) = 0 ] && echo approve || echo deny)', decode('$d', 'hex'), NULL, NULL, NULL, NULL, 'p$n')::json ->> 'state'"
done
for n in 1 2 3 4 5 6 7 8; do result "d$n" >>"$PG_DIR/outcomes"; done
is "eight deciders: one is heard" "$(grep -Ec '^(approved|denied)$' "$PG_DIR/outcomes") $(grep -c 'by p[1-8] at' "$PG_DIR/outcomes") $(sql "SELECT json_array_length(votes) FROM agentd.approval_queue WHERE id = '$a'")" "1 7 1"

# --- races in rounds: each approves, denies, approves an edit or something else than is asked ---
if [ -x "$PG_BIN/pgbench" ]; then
	ask
	sql "CREATE TABLE test.rounds AS SELECT n, agentd.uuid_new() AS id, a.digest FROM generate_series(1, $rounds) n, agentd.approval_queue a
		WHERE a.id = '$a';
		INSERT INTO agentd.approval_queue (id, task, leaf, kind, state, path, requested_at, expires_at, digest, title, risk)
		SELECT r.id, a.task, a.leaf, 'call', 'pending', 'r' || r.n, now(), now() + interval '1 h', a.digest, '?', 'low'
		FROM test.rounds r, agentd.approval_queue a WHERE a.id = '$a';
		CREATE TABLE test.heard (n integer, client integer, word integer, said text, again text, PRIMARY KEY (n, client));
		CREATE FUNCTION test.decide_one(p_n integer, p_client integer) RETURNS void LANGUAGE plpgsql AS \$\$
		DECLARE
			v_word integer := abs(hashint4(1000 * p_n + p_client)) % 4;
			v_args json := CASE v_word WHEN 2 THEN '{\"to\": \"b\"}' END;
			v_said text;
		BEGIN
			BEGIN
				SELECT agentd.decide_approval(r.id, CASE v_word WHEN 1 THEN 'deny' ELSE 'approve' END,
					CASE v_word WHEN 3 THEN sha256('other') ELSE r.digest END, NULL, v_args, CASE v_word WHEN 2 THEN sha256('b') END, NULL,
					'p' || p_client)::json ->> 'state' INTO v_said FROM test.rounds r WHERE r.n = p_n;
			EXCEPTION WHEN SQLSTATE 'AG409' THEN
				NULL;
			END;
			INSERT INTO test.heard VALUES (p_n, p_client, v_word, v_said) ON CONFLICT (n, client) DO UPDATE SET again = v_said;
		END \$\$" >/dev/null
	seq "$rounds" | sed "s/.*/SELECT test.decide_one(&, :client_id);/" >"$PG_DIR/round.sql"
	race() { "$PG_BIN/pgbench" -n -c "$deciders" -j 2 -t 1 -f "$PG_DIR/round.sql" >"$PG_DIR/pgbench.log" 2>&1; }
	race
	is "$deciders deciders, $rounds rounds: one is heard in each" \
		"$(sql "SELECT count(*), count(DISTINCT n) FILTER (WHERE said IS NOT NULL), count(said) FROM test.heard")" \
		"$((deciders * rounds))|$rounds|$rounds"
	is "and it is the one that is recorded" "$(sql "SELECT count(*) FROM test.heard h JOIN test.rounds r USING (n)
		JOIN agentd.approval_queue a ON a.id = r.id WHERE h.said = a.state AND 'p' || h.client = a.decided_by
		AND a.state = CASE h.word WHEN 1 THEN 'denied' ELSE 'approved' END AND json_array_length(a.votes) = 1
		AND a.digest = CASE h.word WHEN 2 THEN sha256(sha256('b')) ELSE r.digest END")" "$rounds"
	is "nobody is who meant something else" "$(sql "SELECT count(said) FROM test.heard WHERE word = 3")" 0
	race
	is "the same again by all: all hear the same" "$(sql "SELECT count(*) FROM test.heard WHERE again IS NOT DISTINCT FROM said")" \
		"$((deciders * rounds))"
	is "and nothing is recorded twice" "$(sql "SELECT sum(json_array_length(a.votes)) FROM test.rounds r JOIN agentd.approval_queue a USING (id)")" \
		"$rounds"
fi

# --- who may ---
is "a worker decides nothing" "$(sql "SELECT has_function_privilege('agentd_worker', 'agentd.decide_approval(uuid, text, bytea, text, json, bytea, json, text)', 'EXECUTE'),
	has_function_privilege('agentd_web', 'agentd.decide_approval(uuid, text, bytea, text, json, bytea, json, text)', 'EXECUTE')")" "f|t"
done_testing
