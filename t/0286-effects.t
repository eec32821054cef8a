#!/bin/sh
# 0286-effects.t - the effect ledger: every move of every class, words on what is uncertain, and ends that hide no effect.
. "$top_srcdir/t/lib/sql.sh"

# --- the whole table: class, from ("-": no row), to, whether the same attempt and try speak ---
allowed() {
	sql "SELECT string_agg(coalesce(f::text, '-') || '>' || t || CASE WHEN NOT other THEN '!' ELSE '' END, ' ' ORDER BY f NULLS FIRST, t)
		FROM unnest(NULL::agentd.effect_state || enum_range(NULL::agentd.effect_state)) f, unnest(enum_range(NULL::agentd.effect_state)) t,
		LATERAL (SELECT agentd.effect_move_allowed('$1', f, t, true) AS own, agentd.effect_move_allowed('$1', f, t, false) AS other) a
		WHERE own OR other"
}
repeatable="->planned ->dispatched planned>planned planned>dispatched planned>failed_before_effect dispatched>dispatched dispatched>done dispatched>failed_before_effect done>done! failed_before_effect>dispatched failed_before_effect>failed_before_effect"
is "pure" "$(allowed pure)" "$repeatable"
is "idempotent" "$(allowed idempotent)" "$repeatable"
is "tx is never under way" "$(allowed tx)" "->planned ->done planned>planned planned>done planned>failed_before_effect done>done! failed_before_effect>done failed_before_effect>failed_before_effect"
is "at_most_once: only who dispatched it knows its end; uncertain needs a word" "$(allowed at_most_once)" "->planned ->dispatched planned>planned planned>dispatched planned>failed_before_effect dispatched>dispatched! dispatched>done! dispatched>failed_before_effect! dispatched>uncertain done>done! failed_before_effect>dispatched failed_before_effect>failed_before_effect uncertain>done uncertain>failed_before_effect uncertain>uncertain"
is "nothing is allowed to others that is refused to oneself" "$(sql "SELECT count(*) FROM unnest(ARRAY['pure', 'tx', 'idempotent', 'at_most_once']) c,
	unnest(NULL::agentd.effect_state || enum_range(NULL::agentd.effect_state)) f, unnest(enum_range(NULL::agentd.effect_state)) t
	WHERE agentd.effect_move_allowed(c, f, t, false) AND NOT agentd.effect_move_allowed(c, f, t, true)")" 0
is "the stricter class" "$(sql "SELECT string_agg(agentd.effect_class_stricter(a, b), ' ' ORDER BY i, j)
	FROM unnest(ARRAY['pure', 'tx', 'idempotent', 'at_most_once']) WITH ORDINALITY x(a, i), unnest(ARRAY['pure', 'tx', 'idempotent', 'at_most_once']) WITH ORDINALITY y(b, j)")" \
	"pure tx idempotent at_most_once tx tx idempotent at_most_once idempotent idempotent idempotent at_most_once at_most_once at_most_once at_most_once at_most_once"

# --- through moves ---
new() {		# a claimed task: $t
	t=$(sql "DELETE FROM agentd.task_queue; SELECT test.submit('noop', 1)" >/dev/null; sql "SELECT task || ' ' || fence FROM test.claim('$W')")
	f=${t#* }
	t=${t% *}
}
# effect STATE [PATH [CLASS [TRY [RESULT [NEXT [STATE [ROWS]]]]]]]
effect() {
	sql "SELECT test.move('$t', $f, '${6:-stay}', '${7:-}', '${8:-[]}', NULL, '[{\"move\": 1, \"key\": \"\\\\x$(printf '%s' "${2:-a}" | od -An -tx1 | tr -d ' \n')\",
		\"path\": \"${2:-a}\", \"tool\": \"mail.send\", \"class\": \"${3:-at_most_once}\", \"args\": \"\\\\x00\", \"try\": ${4:-1}, \"to\": \"$1\"${5:+, \"result\": $5}}]')" | head -n 1
}
state() { sql "SELECT state FROM agentd.effects WHERE task = '$t' AND path = '${1:-a}'"; }
# the task is lost and claimed by somebody else
again() {
	sql "UPDATE agentd.task_queue SET state = 'ready', worker = NULL WHERE id = '$t' AND state <> 'ready'; SELECT fence FROM test.claim('$W')" >"$PG_DIR/again"
	f=$(cat "$PG_DIR/again")
}
for class in pure idempotent; do
	new
	is "$class: dispatched" "$(effect dispatched a $class)" ok
	again
	is "$class: another attempt runs it again and is done" "$(effect done a $class 1 '{"n":1}') $(state)" "ok done"
	is "$class: the result is kept" "$(sql "SELECT result FROM agentd.effects WHERE task = '$t'")" '{"n":1}'
	is "$class: the same again" "$(effect done a $class 1 '{"n":1}')" ok
	like "$class: what is done is not dispatched again" "$(effect dispatched a $class 2)" "effect of .a. of task $t .$class. may not go from done to dispatched"
	like "$class: never uncertain" "$(effect dispatched b $class; effect uncertain b $class)" 'may not go from dispatched to uncertain'
done
new
like "tx is not dispatched" "$(effect dispatched a tx)" 'may not go from nothing to dispatched'
is "it is done with its step" "$(effect done a tx) $(effect done a tx) $(state)" "ok ok done"
is "or planned, and done" "$(effect planned b tx) $(effect done b tx)" "ok ok"
new
is "planned" "$(effect planned) $(effect planned)" "ok ok"
is "dispatched, and the same move again" "$(effect dispatched) $(effect dispatched)" "ok ok"
like "not once more in a second try" "$(effect dispatched a at_most_once 2)" 'may not go from dispatched to dispatched'
is "no byte left: then yes" "$(effect failed_before_effect) $(effect dispatched a at_most_once 2) $(effect done a at_most_once 2 7)" "ok ok ok"
like "done is final" "$(effect uncertain)" 'may not go from done to uncertain'
new
effect dispatched >/dev/null
again
for to in dispatched done failed_before_effect; do
	like "another attempt does not know that it is $to" "$(effect $to)" "may not go from dispatched to $to"
done
is "it knows only that it does not know" "$(effect uncertain) $(effect uncertain) $(state)" "ok ok uncertain"
for to in done failed_before_effect; do
	like "$to takes a word" "$(effect $to)" "is uncertain: nobody said that it is $to"
done
like "dispatched again: never" "$(effect dispatched a at_most_once 2)" 'may not go from uncertain to dispatched'
new
is "never planned, so not uncertain" "$(effect uncertain | grep -c 'may not go from nothing to uncertain')" 1
effect dispatched a idempotent >/dev/null
is "a tool that became stricter stays so" "$(effect uncertain a at_most_once) $(sql "SELECT effect_class FROM agentd.effects WHERE task = '$t'")" "ok at_most_once"
is "a program of the version before names no try" "$(sql "SELECT test.move('$t', $f, 'stay', '', '[]', NULL, '[{\"move\":1,\"key\":\"\\\\x01\",\"path\":\"old\",\"tool\":\"x\",\"class\":\"pure\",\"args\":\"\\\\x00\",\"to\":\"dispatched\"}]'),
	test.move('$t', $f, 'stay', '', '[]', NULL, '[{\"move\":1,\"key\":\"\\\\x01\",\"path\":\"old\",\"tool\":\"x\",\"class\":\"pure\",\"args\":\"\\\\x00\",\"to\":\"done\",\"result\":1}]')")" "ok|ok"
big="\"$(head -c 80000 /dev/zero | tr '\0' x)\""
new
effect dispatched >/dev/null
is "a large result is kept once" "$(effect done a at_most_once 1 "$big") $(sql "SELECT result IS NULL AND octet_length(agentd.value_of(result, result_blob)::text) = 80002 FROM agentd.effects WHERE task = '$t'")" "ok t"

# --- words ---
uid() { sql "SELECT gen_random_uuid()"; }
say() {		# DECISION [RESULT [BY [PATH [TRY [ID [ALL [FENCE]]]]]]]
	echo "SELECT agentd.reconcile('$t', '${4:-a}', '$1', ${2:-NULL}, ${5:-NULL}, '${6:-$(uid)}', '${3:-ann}', ${7:-true}, ${8:-NULL})"
}
queued() { sql "SELECT state, unread FROM agentd.task_queue WHERE id = '$t'"; }
parked() {	# a parked task with an uncertain effect at each of the paths
	new
	for p in "${@:-a}"; do effect dispatched "$p" >/dev/null; effect uncertain "$p" >/dev/null; done
	sql "SELECT test.move('$t', $f, 'park', 'uncertain')" >/dev/null
}
parked a
is "a decision that does not exist" "$(refused "$(say maybe)")" AG422
is "no decision" "$(refused "SELECT agentd.reconcile('$t', 'a', NULL, NULL, NULL, '$(uid)', 'ann', true)")" AG422
is "happened, without a result" "$(refused "$(say happened)")" AG422
is "a result of what did not happen" "$(refused "$(say did_not_happen "'1'")")" AG422
is "a result of what is given up" "$(refused "$(say give_up "'null'")")" AG422
is "a result over the bound" "$(refused "$(say happened "to_json(repeat('x', 8388607))")")" AG422
is "another path" "$(refused "$(say give_up NULL ann b)")" AG404
for id in 01900000-0000-7000-8000-000000000001 00000000-0000-0000-0000-000000000000 ffffffff-ffff-ffff-ffff-ffffffffffff; do
	is "another task: $id" "$(refused "SELECT agentd.reconcile('$id', 'a', 'give_up', NULL, NULL, '$(uid)', 'ann', true)")" AG404
done
is "another's task" "$(refused "$(say give_up NULL ann a NULL "" false)")" AG404
is "one's own" "$(refused "BEGIN; $(say give_up NULL "sql:postgres" a NULL "" false); ROLLBACK")" none
is "another try" "$(refused "$(say give_up NULL ann a 2)")" AG409
is "nothing of these was written" "$(sql "SELECT decision IS NULL AND resolved_by IS NULL FROM agentd.effects WHERE task = '$t'") $(queued)" "t uncertain|f"
id=$(uid)
one=$(sql "$(say happened "'{\"id\": 7}'" ann a 1 "$id")")
like "happened" "$one" "^\{\"task\":\"$t\",\"path\":\"a\",\"try\":1,\"tool\":\"mail.send\",\"decision\":\"happened\",\"by\":\"ann\",\"at\":\"[^\"]*\",\"state\":\"ready\"\}$"
is "the task is ready, the effect waits for the engine" "$(queued) $(state)" "ready|f uncertain"
is "the same call again" "$(sql "$(say happened "'{\"id\": 7}'" ann a 1 "$id")")" "$one"
is "the same word again" "$(sql "$(say happened "'{\"id\": 7}'")")" "$one"
is "the same word with another result" "$(refused "$(say happened "'{\"id\": 8}'")")" AG409
is "another word" "$(refused "$(say give_up)")" AG409
is "the same word of somebody else" "$(refused "$(say happened "'{\"id\": 7}'" bob)")" AG409
like "it says which word counts" "$(sql "$(say give_up NULL bob)")" '"a" was reconciled already: try 1 happened, by ann at 20'
again
is "what the ledger tells the engine" "$(sql "SELECT state, try, result, decision, by, id = '$id' FROM agentd.effect_read('$t', '\\x61')")" "uncertain|1|{\"id\": 7}|happened|ann|t"
is "of what it does not know: nothing" "$(sql "SELECT count(*) FROM agentd.effect_read('$t', '\\x00')")" 0
like "it did happen: not the contrary" "$(effect failed_before_effect)" 'nobody said that it is failed_before_effect'
is "the engine acts on it" "$(effect done a at_most_once 1 '"of the engine"') $(state)" "ok done"
is "the result is the one that was said" "$(sql "SELECT result, decision, resolved_by, resolved_try, resolved_at IS NOT NULL FROM agentd.effects WHERE task = '$t'")" "{\"id\": 7}|happened|ann|1|t"
is "the same move again" "$(effect done a at_most_once 1)" ok
is "the same word, later" "$(sql "$(say happened "'{\"id\": 7}'")" | sed 's/running/ready/')" "$one"
sql "SELECT test.move('$t', $f, 'finish', 'succeeded')" >/dev/null
is "and after the end" "$(sql "$(say happened "'{\"id\": 7}'")" | sed 's/succeeded/ready/')" "$one"
is "another word after the end" "$(refused "$(say give_up)")" AG409

parked a
is "did not happen" "$(sql "$(say did_not_happen)" | grep -c '"decision":"did_not_happen"')" 1
again
like "it did not: not the contrary" "$(effect done)" 'nobody said that it is done'
id2=$(sql "SELECT resolved_id FROM agentd.effects WHERE task = '$t'")
is "it may be dispatched once more" "$(effect failed_before_effect a at_most_once 1 "" stay "" "[[\"a\", 1, \"step.failed\", {\"reconciled\": {\"decision\": \"did_not_happen\", \"by\": \"ann\", \"id\": \"$id2\"}}]]") $(effect dispatched a at_most_once 2)" "ok ok"
is "who said so stays" "$(sql "SELECT decision, resolved_by, resolved_try, try FROM agentd.effects WHERE task = '$t'")" "did_not_happen|ann|1|2"
is "uncertain once more: nobody has spoken of this try" "$(effect uncertain a at_most_once 2) $(sql "SELECT decision IS NULL AND resolved_by IS NULL AND resolved_at IS NULL FROM agentd.effects WHERE task = '$t'")" "ok t"
is "the first word sent again does not speak of the second try" "$(sql "$(say did_not_happen NULL ann a NULL "$id2")" | grep -c '"try":1') $(sql "SELECT decision IS NULL FROM agentd.effects WHERE task = '$t'")" "1 t"
is "nor does one that names the first" "$(refused "$(say did_not_happen NULL ann a 1)")" AG409
is "one that names the second does" "$(sql "$(say happened "'null'" bob a 2)" | grep -c '"try":2,.*"by":"bob"')" 1

parked a
is "given up" "$(sql "$(say give_up)" | grep -c give_up) $(queued)" "1 ready|f"
again
for to in done failed_before_effect; do like "given up is not $to" "$(effect $to)" "nobody said that it is $to"; done
is "so it stays uncertain in the ledger" "$(sql "SELECT test.move('$t', $f, 'finish', 'failed')") $(state)" "ok uncertain"

parked a b c
sql "$(say happened "'1'" ann b)" >/dev/null
is "several: one by one" "$(queued) $(sql "$(say give_up NULL bob c)" | grep -c '"path":"c"')" "ready|f 1"
again
is "a word while the task runs" "$(sql "$(say did_not_happen NULL ann a)" | grep -c '"state":"running"') $(queued)" "1 running|t"
is "it does not sleep over it" "$(sql "SELECT test.move('$t', $f, 'park', 'uncertain')") $(queued)" "ok ready|t"
again
is "the next attempt has read it" "$(queued)" "running|f"
parked a
again
sql "$(say did_not_happen)" >/dev/null
is "news frees nobody from quarantine" "$(sql "SELECT test.move('$t', $f, 'park', 'quarantined')") $(queued)" "ok quarantined|t"
parked a
sql "SELECT agentd.cancel('$t', 'x', true)" >/dev/null
is "a cancel does not end it" "$(queued)" "uncertain|f"
sql "$(say give_up)" >/dev/null
is "a word does, at the next attempt" "$(queued) $(sql "SELECT cancel FROM agentd.claim('$W', 1) WHERE task = '$t'")" "ready|f t"
new
effect dispatched >/dev/null
is "not uncertain" "$(refused "$(say give_up)")" AG409
like "it says what it is" "$(sql "$(say give_up)")" '"a" is not uncertain: its effect is dispatched'
effect uncertain >/dev/null
sql "SELECT test.move('$t', $f, 'finish', 'failed')" >/dev/null
like "a task that ended" "$(sql "$(say give_up)")" "task $t has ended: failed"
parked a
is "a large result" "$(sql "$(say happened "to_json(repeat('x', 90000))")" | grep -c happened) $(sql "SELECT octet_length(result::text) FROM agentd.effect_read('$t', '\\x61')")" "1 90002"
sql "UPDATE agentd.task_queue SET state = 'ready' WHERE id = '$t'" >/dev/null
again
sql "UPDATE agentd.task_queue SET state = 'quarantined', worker = NULL WHERE id = '$t'" >/dev/null
effect_of_quarantined=$(sql "UPDATE agentd.effects SET decision = NULL, resolved_by = NULL, resolved_at = NULL, resolved_id = NULL WHERE task = '$t'; $(say give_up)" | grep -c quarantined)
is "a word frees nobody from quarantine" "$effect_of_quarantined $(queued)" "1 quarantined|f"

# --- the tool's own word ---
tool() { echo "SELECT agentd.reconcile_by_tool('$t', $1, '${4:-a}', '$2', $3, 1, '$(uid)')"; }
parked a
is "only of a task that one has" "$(refused "$(tool "$f" happened "'1'")")" AG409
again
is "of another attempt: no" "$(refused "$(tool $((f - 1)) happened "'1'")")" AG409
is "without an attempt: no" "$(refused "$(tool NULL happened "'1'")")" AG422
is "it does not give up" "$(refused "$(tool "$f" give_up NULL)")" AG422
is "of no call" "$(refused "$(tool "$f" happened "'1'" zz)")" AG404
is "else it counts, under its own name" "$(sql "$(tool "$f" happened "'1'")" | grep -c '"by":"tool:mail.send"') $(queued)" "1 running|f"
is "a person comes too late" "$(refused "$(say did_not_happen)")" AG409
parked a
again
sql "$(say did_not_happen)" >/dev/null
is "or the tool does" "$(refused "$(tool "$f" happened "'1'")")" AG409

# --- two at once ---
n=0
while [ $n -lt 5 ]; do
	n=$((n + 1))
	parked a
	background "first$n" "BEGIN; $(say happened "'1'" ann); SELECT pg_sleep(0.1); COMMIT"
	background "second$n" "$(say give_up NULL bob)"
	result "first$n" >"$PG_DIR/both"
	result "second$n" >>"$PG_DIR/both"
	is "two people at once, round $n: one word counts" "$(grep -c '"decision"' "$PG_DIR/both") $(grep -c 'reconciled already' "$PG_DIR/both") $(sql "SELECT count(*) FROM agentd.effects WHERE task = '$t' AND decision IS NOT NULL")" "1 1 1"
done
parked a
background holder "BEGIN; SELECT FROM agentd.task_queue WHERE id = '$t' FOR UPDATE; SELECT pg_sleep(1); UPDATE agentd.task_queue SET cancel_at = now() WHERE id = '$t'; COMMIT"
idle holder || true
background waiter "$(say give_up)"
blocked waiter && is "it waits for whoever has the task" 1 1
result holder >/dev/null
result waiter >"$PG_DIR/both"
is "and both count" "$(grep -c give_up "$PG_DIR/both") $(sql "SELECT cancel_at IS NOT NULL, state FROM agentd.task_queue WHERE id = '$t'")" "1 t|ready"

# --- what people see ---
parked a
again
sql "SELECT test.move('$t', $f, 'stay', '', '[[\"a\", 1, \"step.started\", {\"tool\": \"mail.send\", \"effect\": \"at_most_once\", \"key\": \"61\", \"args\": {\"to\": \"ann\"}}],
	[\"a\", 1, \"step.uncertain\", {\"key\": \"61\", \"tool\": \"mail.send\", \"error\": {\"type\": \"tool.timeout\"}}]]')" >/dev/null
view() { sql "SELECT agentd.task_view('$t', '', true)::json -> 'steps' -> 0 -> '$1'"; }
is "an uncertain step shows its call" "$(view call)" '{"tool" : "mail.send", "args" : {"to": "ann"}, "effect_key" : "61"}'
is "and no word yet" "$(view reconciled)" ""
sql "$(say give_up)" >/dev/null
is "who, what" "$(sql "SELECT r ->> 'decision', r ->> 'by' FROM (SELECT agentd.task_view('$t', '', true)::json -> 'steps' -> 0 -> 'reconciled' AS r) x")" "give_up|ann"
is "and when" "$(sql "SELECT (agentd.task_view('$t', '', true)::json -> 'steps' -> 0 -> 'reconciled' ->> 'at')::timestamptz = resolved_at FROM agentd.effects WHERE task = '$t'")" t

# --- no end hides an effect that may have happened ---
lost() {	# the worker is gone
	new
	effect dispatched a "$1" >/dev/null
	sql "UPDATE agentd.task_queue SET state = '$2', worker = NULL, run_at = now() + interval '1 hour' * ('$2' = 'waiting_timer')::integer WHERE id = '$t'" >/dev/null
}
ends() { sql "SELECT coalesce(t.state, q.state), q.cancel_at IS NOT NULL FROM agentd.tasks t LEFT JOIN agentd.task_queue q USING (id) WHERE t.id = '$t'"; }
for s in ready waiting_timer quarantined; do
	lost at_most_once $s
	sql "SELECT agentd.cancel('$t', '', true)" >/dev/null
	is "cancel, $s, something under way: the next attempt says so" "$(ends)" "ready|t"
	lost idempotent $s
	sql "SELECT agentd.cancel('$t', '', true)" >/dev/null
	is "cancel, $s, what may be repeated: at once" "$(ends)" "cancelled|f"
	lost at_most_once $s
	sql "UPDATE agentd.task_queue SET deadline = now() - interval '1 s' WHERE id = '$t'; SELECT agentd.sweep_deadlines('{}')" >/dev/null
	is "deadline, $s, something under way: it is not swept away" "$(ends)" "$s|f"
done
lost pure ready
sql "UPDATE agentd.task_queue SET deadline = now() - interval '1 s' WHERE id = '$t'; SELECT agentd.sweep_deadlines('{}')" >/dev/null
is "deadline, nothing under way" "$(ends)" "expired|f"
is "time resolves nothing: a due uncertain task is only looked at again" "$(parked a; sql "UPDATE agentd.task_queue SET run_at = now() - interval '1 s' WHERE id = '$t'; SELECT agentd.sweep_due_timers('{}')"; queued; state)" "1
ready|f
uncertain"
done_testing
