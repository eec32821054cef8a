#!/bin/sh
# 0250-roles.t - who may do what: functions by role, no table for anybody but the owner, read-only for the reader.
. "$top_srcdir/t/lib/sql.sh"

sql "CREATE ROLE w LOGIN IN ROLE agentd_worker; CREATE ROLE web LOGIN IN ROLE agentd_web; CREATE ROLE sw LOGIN IN ROLE agentd_sweeper;
	CREATE ROLE rd LOGIN IN ROLE agentd_reader; CREATE ROLE nobody LOGIN;
	CREATE ROLE ww LOGIN IN ROLE agentd_web, agentd_worker;" >/dev/null
as() { (PGUSER=$1; export PGUSER; refused "$2"); }
for role in w web sw rd nobody; do
	for table in tasks task_queue task_log effects api_tokens spend_hold; do
		is "$role may not change $table" "$(as $role "DELETE FROM agentd.$table")" 42501
	done
	is "$role may not create in the schema" "$(as $role "CREATE TABLE agentd.x (a integer)")" 42501
done
for role in w web sw nobody; do
	is "$role reads no table" "$(as $role "SELECT * FROM agentd.tasks")" 42501
done
is "the reader reads" "$(as rd "SELECT * FROM agentd.tasks, agentd.attempts, agentd.task_moves")" none
is "but no tokens" "$(as rd "SELECT * FROM agentd.api_tokens")" 42501
start="SELECT status, coalesce(taken, false) FROM agentd.submit_batch(ARRAY[agentd.uuid_at(clock_timestamp())], ARRAY['noop'], ARRAY['{}']::json[], ARRAY['normal'], ARRAY[NULL]::json[],
	ARRAY[NULL]::json[], '{0}', '{0}', ARRAY[NULL], ARRAY['x'], ARRAY['r']::bytea[], ARRAY['p'], p_worker => '$W', p_claim => 1, p_room => 1)"
sql "GRANT EXECUTE ON FUNCTION agentd.uuid_at(timestamptz) TO web, ww" >/dev/null
is "who is not a worker starts nothing in the name of one" "$( (PGUSER=web; export PGUSER; sql "$start") ) $( (PGUSER=ww; export PGUSER; sql "$start") )" "new|f new|t"
# role | call | allowed
while IFS='|' read -r call roles; do
	for role in w web sw rd nobody; do
		case " $roles " in *" $role "*) want=none ;; *) want=42501 ;; esac
		got=$(as $role "$call")
		# what is allowed may fail for another reason: it was called
		[ "$want" = none ] && [ "$got" != 42501 ] && got=none
		is "$role: $call" "$got" "$want"
	done
done <<'END'
SELECT agentd.claim(agentd_uuid, 1) FROM gen_random_uuid() agentd_uuid|w
SELECT agentd.heartbeat(gen_random_uuid())|w
SELECT agentd.worker_leave(gen_random_uuid())|w
SELECT agentd.bundle('\x00')|w web
SELECT agentd.submit('nope')|web
SELECT agentd.task_view(gen_random_uuid(), '', true)|web
SELECT agentd.cancel(gen_random_uuid(), '', true)|web
SELECT agentd.redrive(gen_random_uuid(), '', true)|web
SELECT agentd.fork_facts(gen_random_uuid(), 'retry', NULL, false, NULL, '', true)|web
SELECT agentd.fork_task(gen_random_uuid(), 'retry', gen_random_uuid(), NULL, NULL, NULL, false, NULL, '\x00', '', true)|web
SELECT agentd.fork_copy(NULL, NULL, NULL, NULL)|
SELECT agentd.purge(gen_random_uuid(), '', true)|web
SELECT agentd.workflow_pause('x', '', true)|web
SELECT agentd.workflow_settle('x')|web
SELECT agentd.suspects_due(gen_random_uuid(), '{}')|
SELECT agentd.reload('{}', '{}', '{}', '{}')|web
SELECT agentd.token_check('\x00')|web
SELECT agentd.token_create('\x00', 'x', '{admin}', 0)|
SELECT agentd.token_list()|
SELECT agentd.probes()|w web
SELECT agentd.holds_open()|w web
SELECT agentd.probe_record('a', 'b', 'c', 'd', 'e', 1, 'f')|
SELECT agentd.shadow_report(0, 0)|
SELECT agentd.shadow_keep('[]', '{}', '{}', '{}', now())|
SELECT agentd.sweep_expired_workers('{}')|sw
SELECT agentd.sweep_retention('{}')|sw
SELECT agentd.sweep_admission('{}')|sw
SELECT agentd.places()|sw
SELECT agentd.admission_why(1, now())|
SELECT agentd.task_end(NULL, 'failed', NULL)|
SELECT agentd.promote_due(1, now())|
SELECT agentd.reconcile(gen_random_uuid(), 'a', 'give_up', NULL, NULL, gen_random_uuid(), 'x', true)|web
SELECT agentd.reconcile_by_tool(gen_random_uuid(), 1, 'a', 'happened', '1', 1, gen_random_uuid())|w
SELECT agentd.effect_read(gen_random_uuid(), '\x00')|w
SELECT agentd.effects_apply('[]', '{}', '{}', '{}', '{}', now())|
SELECT agentd.count_report(gen_random_uuid(), 1, '[]', '[]')|w web sw
SELECT agentd.counts_sum('{}', '{}')|
SELECT agentd.metrics()|web
SELECT agentd.task_why(gen_random_uuid(), '', true)|web
SELECT agentd.task_trace(gen_random_uuid(), '', true)|web
SELECT agentd.cost('day', NULL, 0, 0, NULL, '', true)|web
SELECT agentd.top(true)|
SELECT agentd.ping()|w web sw
END
is "every function that runs as its owner has a fixed search_path" "$(sql "SELECT string_agg(proname, ' ') FROM pg_proc
	WHERE pronamespace = 'agentd'::regnamespace AND prosecdef AND NOT coalesce('search_path=pg_catalog, agentd, pg_temp' = ANY (proconfig), false)")" ""
is "no function is open to all" "$(sql "SELECT string_agg(proname, ' ') FROM pg_proc p
	WHERE pronamespace = 'agentd'::regnamespace AND has_function_privilege('nobody', p.oid, 'EXECUTE')")" ""
is "a table of the caller does not stand in for ours" "$( (PGUSER=w; export PGUSER; sql "CREATE TEMP TABLE workers (id uuid, ended_at timestamptz); SELECT lost FROM agentd.heartbeat('$W')") )" f
done_testing
