#!/bin/sh
# 0210-submit.t - submissions: keys, replays, races, budgets, times, values; and submitting inside somebody's own transaction.
. "$top_srcdir/t/lib/sql.sh"

# one ID KEY REQUEST [PRINCIPAL [ROUTE]] -> status|task|body|message
one() {
	sql "SELECT status, task, body, message FROM agentd.submit_batch(ARRAY['$1']::uuid[], ARRAY['noop'], ARRAY['{}']::json[],
		ARRAY['normal'], ARRAY[NULL]::json[], ARRAY[NULL]::json[], '{0}', '{0}', ARRAY['$2'], ARRAY['${5:-POST /tasks}'],
		ARRAY['$3']::bytea[], ARRAY['${4:-token:a}'])"
}
field() { printf '%s\n' "$1" | cut -d'|' -f"$2"; }
new() { sql "SELECT agentd.uuid_new()"; }

a=$(new); b=$(new)
first=$(one "$a" k1 r1)
is "a new task" "$(field "$first" 1,2)" "new|$a"
again=$(one "$b" k1 r1)
is "the same key and request: the same task" "$(field "$again" 1,2)" "replayed|$a"
is "and the same answer, word for word" "$(field "$again" 3)" "$(field "$first" 3)"
is "the same key, another request" "$(field "$(one "$(new)" k1 r2)" 1)" key_conflict
is "the same key of another principal" "$(field "$(one "$(new)" k1 r2 token:b)" 1)" new
is "the same key on another route" "$(field "$(one "$(new)" k1 r2 token:a other)" 1)" new
is "sent again after an unknown commit, without a key" "$(sql "
	SELECT status, body = '$(field "$first" 3)' FROM agentd.submit_batch(ARRAY['$a']::uuid[], ARRAY['noop'], ARRAY['{}']::json[],
	ARRAY['normal'], ARRAY[NULL]::json[], ARRAY[NULL]::json[], '{0}', '{0}', ARRAY[NULL], ARRAY['x'], ARRAY['r1']::bytea[], ARRAY['token:a'])")" "replayed|t"
is "an id of somebody else" "$(field "$(one "$a" k9 r1 token:b)" 1)" id_conflict
is "one task per key" "$(sql "SELECT count(*), count(DISTINCT id) FROM agentd.task_queue")" "3|3"
sql "SELECT agentd.cancel('$a', '', true)" >/dev/null
again=$(one "$(new)" k1 r1)
is "a budget that is none is refused by its name" "$(refused "SELECT agentd.submit('paid', budget => '{\"wall_ms\":\"soon\"}')") $(refused "SELECT agentd.submit('paid', budget => '{\"wall_ms\":99999999999999999999}')")" "AG422 AG422"
is "the replay stands after the task ended" "$(field "$again" 1,2,3)" "replayed|$a|$(field "$first" 3)"
is "two of a key in one batch" "$(sql "SELECT string_agg(status, ' ' ORDER BY ord), count(DISTINCT task) FROM agentd.submit_batch(
	ARRAY['$(new)', '$(new)', '$(new)']::uuid[], ARRAY['noop', 'noop', 'nope'], ARRAY['{}', '{}', '{}']::json[], ARRAY['normal', 'normal', 'normal'],
	ARRAY[NULL, NULL, NULL]::json[], ARRAY[NULL, NULL, NULL]::json[], '{0,0,0}', '{0,0,0}', '{k5,k5,k6}', '{x,x,x}', '{r,r,r}', '{p,p,p}')")" \
	"new replayed not_found|2"
is "a refusal burns no key" "$(sql "SELECT count(*) FROM agentd.idempotency_keys WHERE key = 'k6'")" 0

# The loser of a race sees the winner's row
mkfifo "$PG_DIR/hold"
PGAPPNAME=winner pg_psql <"$PG_DIR/hold" >"$PG_DIR/winner" 2>&1 &
winner=$!
exec 5>"$PG_DIR/hold"
e=$(new)
echo "BEGIN; SELECT status FROM agentd.submit_batch(ARRAY['$e']::uuid[], ARRAY['noop'], ARRAY['{}']::json[], ARRAY['normal'], ARRAY[NULL]::json[],
	ARRAY[NULL]::json[], '{0}', '{0}', ARRAY['race2'], ARRAY['x'], ARRAY['r']::bytea[], ARRAY['p']);" >&5
idle winner
background loser "SELECT status, task FROM agentd.submit_batch(ARRAY['$(new)']::uuid[], ARRAY['noop'], ARRAY['{}']::json[], ARRAY['normal'], ARRAY[NULL]::json[],
	ARRAY[NULL]::json[], '{0}', '{0}', ARRAY['race2'], ARRAY['x'], ARRAY['r']::bytea[], ARRAY['p'])"
blocked loser
is "the same key in flight: busy after lock_timeout" "$(refused "SET lock_timeout = '100ms'; SELECT status FROM agentd.submit_batch(ARRAY[agentd.uuid_new()], ARRAY['noop'],
	ARRAY['{}']::json[], ARRAY['normal'], ARRAY[NULL]::json[], ARRAY[NULL]::json[], '{0}', '{0}', ARRAY['race2'], ARRAY['x'], ARRAY['r']::bytea[], ARRAY['p'])")" 55P03
echo "COMMIT;" >&5
exec 5>&-
wait $winner
is "the loser of the race is answered as the winner" "$(result loser)" "replayed|$e"
seq 1 16 | while read -r i; do
	echo "SELECT status FROM agentd.submit_batch(ARRAY[agentd.uuid_new()], ARRAY['noop'], ARRAY['{}']::json[], ARRAY['normal'], ARRAY[NULL]::json[],
	ARRAY[NULL]::json[], '{0}', '{0}', ARRAY['crowd'], ARRAY['x'], ARRAY['r']::bytea[], ARRAY['p'])" | pg_psql >"$PG_DIR/crowd.$i" 2>&1 &
	echo $! >>"$PG_DIR/crowd.pids"
done
until_true "SELECT count(*) = 0 FROM pg_stat_activity WHERE query LIKE '%crowd%' AND pid <> pg_backend_pid()"
for i in $(cat "$PG_DIR/crowd.pids"); do while kill -0 "$i" 2>/dev/null; do sleep 0.02; done; done
is "16 at once: one new, 15 replays" "$(cat "$PG_DIR"/crowd.[0-9]* | sort | uniq -c | tr -s ' \n' ' ')" " 1 new 15 replayed "

# what a submission may ask for
sub() { sql "SELECT agentd.submit($1)" -v VERBOSITY=terse; }
like "unknown workflow" "$(sub "'nope'")" 'unknown workflow "nope"'
like "urgency" "$(sub "'noop', urgency => 'soon'")" 'expected low, normal or high'
like "a budget that is raised" "$(sub "'paid', budget => '{\"usd\":\"1.01\"}'")" 'may only lower'
like "turns that are raised" "$(sub "'paid', budget => '{\"turns\":6}'")" 'may only lower'
like "a budget of nonsense" "$(sub "'paid', budget => '{\"usd\":\"1e3\"}'")" 'expected a decimal'
like "an unknown budget" "$(sub "'paid', budget => '{\"eur\":1}'")" 'unknown key "eur"'
like "labels" "$(sub "'noop', labels => '{\"a\":1}'")" 'labels.a.: expected a text'
like "labels that are no object" "$(sub "'noop', labels => '[]'")" 'expected object, got array'
like "a deadline in the past" "$(sub "'noop', deadline => now() - interval '1 s'")" 'has passed'
like "an id of long ago" "$(sub "'noop', id => '00000000-0000-7000-8000-000000000000'")" 'UUIDv7 of the present time'
one="ARRAY['noop'], ARRAY['{}']::json[], ARRAY['normal'], ARRAY[NULL]::json[], ARRAY[NULL]::json[], ARRAY[0::bigint], ARRAY[0::bigint],
	ARRAY['late'], ARRAY['r'], ARRAY['x'::bytea], ARRAY['p']"
is "such an id may be replaced: the answer tells the time" "$(sql "SELECT status, body::bigint BETWEEN agentd.us(clock_timestamp()) - 60000000 AND agentd.us(clock_timestamp())
	FROM agentd.submit_batch(ARRAY['ff000000-0000-7000-8000-000000000000'::uuid], $one)")" "clock|t"
is "and the key is not burned" "$(sql "SELECT status FROM agentd.submit_batch(ARRAY[agentd.uuid_new()], $one)")" new
id=$(sub "'paid', budget => '{\"usd\":\"0.5\",\"wall_ms\":60000}', labels => '{\"team\":\"ops\"}', urgency => 'high'")
is "a lowered budget is pinned, the rest is the workflow's" "$(sql "SELECT (budget ->> 'usd') || ' ' || (budget ->> 'wall_ms') || ' ' || (budget ->> 'turns'),
	deadline - created_at, (SELECT budget_usd || ' ' || priority FROM agentd.task_queue q WHERE q.id = t.id) FROM agentd.tasks t WHERE id = '$id'")" \
	"0.5 60000 5|00:01:00|0.500000000000 0"
id=$(sub "'paid', deadline => clock_timestamp() + interval '10 s'")
is "the nearer of wall budget and deadline counts" "$(sql "SELECT deadline < created_at + interval '11 s' FROM agentd.tasks WHERE id = '$id'")" t
id=$(sub "'noop', run_at => now() + interval '1 h'")
is "for later: a timer" "$(sql "SELECT state FROM agentd.task_queue WHERE id = '$id'")" waiting_timer
id=$(sub "'noop', '{\"z\":1.50,\"a\":1e2}'")
is "the order of keys and the literals of numbers stay" "$(sql "SELECT input FROM agentd.tasks WHERE id = '$id'")" '{"z":1.50,"a":1e2}'
id=$(sub "'noop', to_json(repeat('x', 70000))")
is "a large value is kept once and given back whole" "$(sql "SELECT t.input IS NULL, length((agentd.task_view(t.id, '', true)::json ->> 'input')),
	(SELECT count(*) FROM agentd.blob_refs WHERE task = t.id) FROM agentd.tasks t WHERE id = '$id'")" "t|70000|1"
is "inside the caller's transaction, undone with it" "$(sql "BEGIN; SELECT agentd.submit('noop', '\"undone\"') IS NOT NULL; ROLLBACK;
	SELECT count(*) FROM agentd.tasks WHERE input::text = '\"undone\"'")" "t
0"
# one id is one task, whatever class its records have
id=$(sub "'noop', idempotency_key => 'own'")
is "an id that another workflow's task has" "$(refused "SELECT agentd.submit('paid', id => '$id', idempotency_key => 'burnt')")" AG409
is "does not burn the key" "$(sub "'paid', idempotency_key => 'burnt'" | grep -c -v "$id")" 1
is "nor take away one that its task came with" "$(refused "SELECT agentd.submit('paid', id => '$id', idempotency_key => 'own')") $(sub "'noop', idempotency_key => 'own'")" "AG409 $id"
sql "SELECT agentd.reload(ARRAY['noop', 'paid'], ARRAY[sha256('n2'), sha256('p')], ARRAY['{}', '{}']::json[],
	ARRAY['{\"retain\":\"long\"}', '{\"retain\":\"long\"}']::json[])" >/dev/null
is "sent again after its workflow's class has changed" "$(sub "'noop', id => '$id'") $(sql "SELECT count(*) FROM agentd.tasks WHERE id = '$id'")" "$id 1"
is "a workflow that is not active any more takes nothing" "$(sql "SELECT agentd.reload(ARRAY['noop'], ARRAY[sha256('n')], ARRAY['{}']::json[], ARRAY['{\"retain\":\"short\"}']::json[]) ->> 'deactivated'")
$(refused "SELECT agentd.submit('paid')")" '["paid"]
AG404'
done_testing
