#!/bin/sh
# 0295-sql-interface.t - what programs that speak SQL may do (agentd-sql(7)): tasks that come and go with their transactions, errors
# that leave it as it should be, and rights that end at one's own tasks.
set -- "max_prepared_transactions = 2"
. "$top_srcdir/t/lib/sql.sh"

sql "CREATE ROLE shop LOGIN IN ROLE agentd_submitter; CREATE ROLE desk LOGIN IN ROLE agentd_client; CREATE ROLE other LOGIN IN ROLE agentd_client;
	CREATE ROLE bare LOGIN; CREATE TABLE public.orders (id integer PRIMARY KEY, task uuid);
	GRANT SELECT, INSERT ON public.orders TO shop, desk, other" >/dev/null
as() { (PGUSER=$1; export PGUSER; shift; sql "$@"); }
refused_as() { (PGUSER=$1; export PGUSER; refused "$2"); }
count() { sql "SELECT (SELECT count(*) FROM agentd.tasks), (SELECT count(*) FROM agentd.task_queue), (SELECT count(*) FROM public.orders)"; }

# --- with the transaction ---
as shop "BEGIN; INSERT INTO public.orders VALUES (1, agentd.submit('noop', '{\"order\": 1}', idempotency_key => 'o1')); ROLLBACK" >/dev/null
is "rolled back: no task, no row, no key" "$(count) $(sql "SELECT count(*) FROM agentd.idempotency_keys")" "0|0|0 0"
as shop "BEGIN; INSERT INTO public.orders VALUES (1, agentd.submit('noop', '{\"order\": 1}', idempotency_key => 'o1')); COMMIT" >/dev/null
is "committed: both" "$(count)" "1|1|1"
is "the row has the task's id" "$(sql "SELECT count(*) FROM public.orders o JOIN agentd.tasks t ON t.id = o.task")" 1
is "the principal is the login role" "$(sql "SELECT submitted_by FROM agentd.tasks")" "sql:shop"
sql "CREATE ROLE mask; GRANT agentd_submitter TO mask; GRANT mask TO shop" >/dev/null
is "whatever role it has taken" "$(as shop "SET ROLE mask; SELECT agentd.submit('noop') IS NOT NULL"; sql "SELECT DISTINCT submitted_by FROM agentd.tasks")" "t
sql:shop"
mkfifo "$PG_DIR/open"
PGAPPNAME=open PGUSER=shop pg_psql <"$PG_DIR/open" >"$PG_DIR/open.out" 2>&1 &
open=$!
exec 5>"$PG_DIR/open"
echo "BEGIN; SELECT agentd.submit('noop', '\"later\"');" >&5
idle open
sql "SELECT test.claim('$W', 10)" >/dev/null
is "before the commit no worker sees the task" "$(sql "SELECT count(*) FROM agentd.tasks WHERE input::text = '\"later\"'")" 0
echo "COMMIT;" >&5
exec 5>&-
wait $open
is "then it does" "$(sql "SELECT count(*) FROM agentd.claim('$W', 10) WHERE input::text = '\"later\"'")" 1
sql "DELETE FROM public.orders; DELETE FROM agentd.task_queue; DELETE FROM agentd.tasks; DELETE FROM agentd.idempotency_keys" >/dev/null

# --- errors and savepoints ---
is "an error ends the transaction, as any" "$(refused_as shop "BEGIN; INSERT INTO public.orders VALUES (1); SELECT agentd.submit('noop'); SELECT agentd.submit('nope'); COMMIT") $(count)" "AG404 0|0|0"
is "a savepoint keeps what was before" "$(as shop "\\set ON_ERROR_STOP off
	BEGIN; INSERT INTO public.orders VALUES (1, agentd.submit('noop')); SAVEPOINT s; INSERT INTO public.orders VALUES (2, agentd.submit('noop'));
	SELECT agentd.submit('nope'); ROLLBACK TO s; INSERT INTO public.orders VALUES (3, agentd.submit('noop')); COMMIT;
	SELECT string_agg(id::text, ' ' ORDER BY id) FROM public.orders" | tail -n 1) $(count)" "1 3 2|2|2"
is "so does an exception block" "$(as shop "DO \$\$ BEGIN PERFORM agentd.submit('nope'); EXCEPTION WHEN SQLSTATE 'AG404' THEN PERFORM agentd.submit('noop'); END \$\$; SELECT 1") $(count)" "1 3|3|2"
is "a savepoint that is rolled back frees its key" "$(as shop "BEGIN; SAVEPOINT s; SELECT agentd.submit('noop', '1', idempotency_key => 'sp') IS NOT NULL; ROLLBACK TO s;
	SELECT agentd.submit('noop', '2', idempotency_key => 'sp') IS NOT NULL; COMMIT" | tr '\n' ' ')" "t t "
for case in "AG404|'nope'" "AG404|NULL" "AG422|'noop', urgency => 'soon'" "AG422|'noop', NULL" "AG422|'noop', labels => '[]'" "AG422|'noop', labels => '{\"a\": 1}'" \
	"AG422|'paid', budget => '{\"usd\": \"2\"}'" "AG422|'noop', budget => '{\"wall\": \"5m\"}'" "AG422|'noop', budget => 'null'" \
	"AG422|'noop', deadline => clock_timestamp() - interval '1 s'" "AG422|'noop', idempotency_key => ''" "AG422|'noop', idempotency_key => repeat('k', 256)" \
	"AG422|'noop', id => '00000000-0000-4000-8000-000000000000'" "22P02|'noop', '{'" "22P02|'noop', id => 'x'" "none|'noop', urgency => NULL" "none|'noop', run_at => NULL" \
	"none|'noop', run_at => '2100-01-01'" "AG422|'noop', run_at => 'infinity'" "AG422|'noop', deadline => '-infinity'"; do
	is "submit(${case#*|})" "$(refused_as shop "SELECT agentd.submit(${case#*|})")" "${case%%|*}"
done
is "read only" "$(refused_as shop "BEGIN READ ONLY; SELECT agentd.submit('noop')")" 25006
is "two-phase commit is not for what notifies" "$(refused_as shop "BEGIN; SELECT agentd.submit('noop'); PREPARE TRANSACTION 'x'")" 0A000

# --- keys, ids ---
id=$(as shop "SELECT agentd.submit('noop', '{\"n\": 1}', run_at => '2100-01-01 00:00+00', idempotency_key => 'k')")
is "the same again: the same task" "$(as shop "SELECT agentd.submit('noop', '{\"n\": 1}', run_at => '2100-01-01 00:00+00', idempotency_key => 'k')")" "$id"
is "whatever the session's time zone" "$(as shop "SET timezone = 'Asia/Tokyo'; SELECT agentd.submit('noop', '{\"n\": 1}', run_at => '2100-01-01 09:00+09', idempotency_key => 'k')")" "$id"
is "another request" "$(refused_as shop "SELECT agentd.submit('noop', '{\"n\": 2}', idempotency_key => 'k')")" AG422
is "keys are the caller's own" "$(as desk "SELECT agentd.submit('noop', '{\"n\": 1}', idempotency_key => 'k') <> '$id'")" t
mine=$(sql "SELECT agentd.uuid_new()")
is "an id of one's own" "$(as shop "SELECT agentd.submit('noop', id => '$mine')") $(as shop "SELECT agentd.submit('noop', id => '$mine')")" "$mine $mine"
is "of somebody else" "$(refused_as desk "SELECT agentd.submit('noop', id => '$mine')")" AG409
rm "$PG_DIR/open"; mkfifo "$PG_DIR/open"
PGAPPNAME=holder PGUSER=shop pg_psql <"$PG_DIR/open" >"$PG_DIR/holder.out" 2>&1 &
holder=$!
exec 5>"$PG_DIR/open"
echo "BEGIN; SELECT agentd.submit('noop', idempotency_key => 'race');" >&5
idle holder
is "a key that another transaction holds: waits, at most lock_timeout" "$(refused_as shop "SET lock_timeout = '50ms'; SELECT agentd.submit('noop', idempotency_key => 'race')")" 55P03
PGUSER=shop background late "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1; SELECT agentd.submit('noop', idempotency_key => 'race'); COMMIT"
PGUSER=shop background next "SELECT agentd.submit('noop', idempotency_key => 'race')"
blocked late && blocked next
echo "COMMIT;" >&5
exec 5>&-
wait $holder
is "it commits: the other gets its task" "$(result next)" "$(sed -n '/^[0-9a-f]/p' "$PG_DIR/holder.out")"
like "in a snapshot of before: a serialization failure, to be tried again" "$(result late)" 'could not serialize access'
is "serializable transactions submit" "$(as shop "BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT agentd.submit('noop', idempotency_key => 'ser') IS NOT NULL; COMMIT")" t

# --- many ---
sql "DELETE FROM public.orders; DELETE FROM agentd.task_queue; DELETE FROM agentd.tasks; DELETE FROM agentd.idempotency_keys" >/dev/null
took=$(as shop "SELECT clock_timestamp() AS t \\gset
	BEGIN; INSERT INTO public.orders SELECT g, agentd.submit('noop', json_build_object('order', g), idempotency_key => 'order-' || g) FROM generate_series(1, 10000) g; COMMIT;
	SELECT round(extract(epoch FROM clock_timestamp() - :'t') * 1000)")
echo "# 10,000 in one transaction: $took ms"
is "10,000 in one transaction" "$(count)" "10000|10000|10000"
is "each its own" "$(sql "SELECT count(DISTINCT task), count(DISTINCT t.input ->> 'order') FROM public.orders o JOIN agentd.tasks t ON t.id = o.task AND (t.input ->> 'order')::integer = o.id")" "10000|10000"
as shop "BEGIN; SELECT count(agentd.submit('noop')) FROM generate_series(1, 10000); ROLLBACK" >/dev/null
is "10,000 that are rolled back" "$(count)" "10000|10000|10000"
is "all of them are claimed" "$(sql "SELECT sum((SELECT count(*) FROM test.claim('$W', 400 + g * 0))) FROM generate_series(1, 25) g")" 10000
sql "DELETE FROM agentd.task_queue" >/dev/null

# --- looking and stopping ---
one=$(as desk "SELECT agentd.submit('noop', '{\"n\": 1}', labels => '{\"team\": \"a\"}')")
two=$(as desk "SELECT agentd.submit('paid', labels => '{\"team\": \"b\"}')")
theirs=$(as other "SELECT agentd.submit('noop')")
is "one's task" "$(as desk "SELECT v ->> 'state', v -> 'input' ->> 'n', v ->> 'submitted_by' FROM agentd.task_view('$one') v")" "ready|1|sql:desk"
is "somebody else's does not exist" "$(refused_as desk "SELECT agentd.task_view('$theirs')") $(refused_as desk "SELECT agentd.cancel('$theirs')")" "AG404 AG404"
is "one's tasks, newest first" "$(as desk "SELECT id, task_workflow, task_state FROM agentd.task_list()" | cut -d'|' -f 1,2,3 | tr '\n' ' ')" "$two|paid|ready $one|noop|ready "
is "by workflow" "$(as desk "SELECT id FROM agentd.task_list('paid')")" "$two"
is "by state" "$(as desk "SELECT count(*) FROM agentd.task_list(state => 'running')")" 0
is "by label" "$(as desk "SELECT id, labels ->> 'team', cost_usd FROM agentd.task_list(label => 'team', value => 'a')")" "$one|a|0"
is "page by page" "$(as desk "SELECT id FROM agentd.task_list(max_rows => 1) \\gset
	SELECT id FROM agentd.task_list(before => :'id')")" "$one"
is "a state that does not exist" "$(refused_as desk "SELECT agentd.task_list(state => 'asleep')")" AG422
is "cancel" "$(as desk "SELECT agentd.cancel('$one') ->> 'state'") $(as desk "SELECT agentd.cancel('$one') ->> 'state'")" "cancelled cancelled"
is "undone with the transaction" "$(as desk "BEGIN; SELECT agentd.cancel('$two') ->> 'state'; ROLLBACK; SELECT agentd.task_view('$two') ->> 'state'" | tr '\n' ' ')" "cancelled ready "
sql "UPDATE agentd.task_queue SET priority = 0 WHERE id = '$two'; SELECT test.move(task, fence, 'finish', 'succeeded') FROM test.claim('$W', 1)" >/dev/null
is "of one that has ended otherwise" "$(refused_as desk "SELECT agentd.cancel('$two')")" AG409

# --- and nothing more ---
sql "GRANT USAGE ON SCHEMA agentd TO bare; GRANT EXECUTE ON FUNCTION agentd.submit(text, json, text, json, json, timestamptz, timestamptz, text, uuid, json) TO bare" >/dev/null
is "usage of the schema and this one function are enough to submit" "$(refused_as bare "SELECT agentd.submit('noop')")" none
functions() { sql "SELECT string_agg(oid::regprocedure::text, ' ' ORDER BY oid::regprocedure::text) FROM pg_proc
	WHERE pronamespace = 'agentd'::regnamespace AND has_function_privilege('$1', oid, 'EXECUTE')" | sed 's/agentd\.//g'; }
submit='submit(text,json,text,json,json,timestamp with time zone,timestamp with time zone,text,uuid,json)'
is "a submitter may call one function" "$(functions shop)" "$submit"
is "so may who was granted it alone" "$(functions bare)" "$submit"
is "a client six" "$(functions desk)" "cancel(uuid) fork(uuid,text,json,text,boolean,text,uuid) retry(uuid,text,json,text,boolean,text,uuid) $submit task_list(text,text,text,text,uuid,integer) task_view(uuid)"
for role in shop desk bare; do
	is "$role has no right on any table, view or sequence of ours" "$(sql "SELECT string_agg(relname, ' ') FROM pg_class WHERE relnamespace = 'agentd'::regnamespace
		AND relkind IN ('r', 'p', 'v', 'S') AND (has_table_privilege('$role', oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER'))")" ""
	is "$role may create nothing in the schema" "$(sql "SELECT has_schema_privilege('$role', 'agentd', 'CREATE')")" f
done
is "the clock is not theirs to set" "$(refused_as shop "SET agentd.fake_now = '2001-01-01'; SELECT agentd.submit('noop')") $(refused_as desk "SET agentd.fake_now = '2001-01-01'; SELECT agentd.cancel('$two')")" "42501 42501"
is "a table of the caller does not stand in for ours" "$(as shop "CREATE TEMP TABLE tasks (id uuid); CREATE TEMP TABLE workflows (name text);
	SELECT agentd.submit('noop') IS NOT NULL; SELECT count(*) FROM tasks")" "t
0"
pg_migrate_functions() { set --; for f in "$top_srcdir"/sql/functions/*.sql; do set -- "$@" -f "$f"; done; PGOPTIONS='-c client_min_messages=warning -c check_function_bodies=off' pg_psql -1 "$@" >/dev/null; }
pg_migrate_functions
is "what was granted survives the next version's functions" "$(functions bare)" "$submit"
done_testing
