#!/bin/sh
# 0296-upgrade.t - functions as an earlier version left them, with other names of parameters or other parameters, give way to those of today.
. "$top_srcdir/t/lib/sql.sh"

sql "DROP FUNCTION agentd.effect_move_allowed;
	CREATE FUNCTION agentd.effect_move_allowed(p_class text, p_from agentd.effect_state, p_to agentd.effect_state, p_same_attempt boolean)
		RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT false';
	CREATE FUNCTION agentd.claimed_rows(p_id uuid[], p_fence integer[], p_leaf smallint[], p_failures smallint[], p_recoveries smallint[],
		p_cancel boolean[], p_seq bigint[], p_spent bigint[]) RETURNS void LANGUAGE sql AS '';
	CREATE FUNCTION agentd.task_steps(p_task uuid, p_leaf smallint, p_terminal boolean) RETURNS text LANGUAGE sql AS 'SELECT NULL';
	DROP FUNCTION agentd.submit_batch;
	CREATE FUNCTION agentd.submit_batch(p_id uuid[], p_workflow text[], p_input json[], p_urgency text[], p_labels json[], p_budget json[],
		p_run_at bigint[], p_deadline bigint[], p_key text[], p_route text[], p_request bytea[], p_principal text[], p_parent uuid[] DEFAULT NULL,
		p_origin json[] DEFAULT NULL) RETURNS TABLE (ord bigint, status text, task uuid, state text, body text, message text) LANGUAGE sql
		AS 'SELECT 1::bigint, NULL, NULL::uuid, NULL, NULL, NULL'" >/dev/null
set --
for f in "$top_srcdir"/sql/functions/*.sql; do set -- "$@" -f "$f"; done
is "today's functions are taken" "$(pg_psql -1 "$@" 2>&1 | grep -c ERROR)" 0
is "each name means one function, but those that are meant to be two" "$(sql "SELECT string_agg(proname, ' ' ORDER BY proname) FROM (
	SELECT proname FROM pg_proc WHERE pronamespace = 'agentd'::regnamespace GROUP BY proname HAVING count(*) > 1) x")" "cancel leaves_of task_list task_view"
is "nothing is left of what was given up" "$(sql "SELECT to_regproc('agentd.claimed_rows') IS NULL")" t
is "the rules are today's" "$(sql "SELECT agentd.effect_move_allowed('pure', NULL, 'dispatched', true)")" t
is "a program of before, which knows fewer arguments, submits" "$(sql "SELECT status FROM agentd.submit_batch(ARRAY[agentd.uuid_new()], ARRAY['noop'],
	ARRAY['{}']::json[], ARRAY['normal'], ARRAY[NULL]::json[], ARRAY[NULL]::json[], '{0}', '{0}', ARRAY[NULL], ARRAY['x'], ARRAY['r']::bytea[], ARRAY['p'])")" new
t=$(sql "SELECT agentd.submit('noop')")
is "and, which knows no streams, reads a task's events" "$(sql "SET ROLE agentd_web; SELECT e -> 'events' -> 0 ->> 'kind', e ->> 'state', e ->> 'last_seq'
	FROM (SELECT agentd.task_events('$t', -1, 10, '', true)::json) x(e)")" "submitted|ready|0"
done_testing
