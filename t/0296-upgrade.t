#!/bin/sh
# 0296-upgrade.t - functions as an earlier version left them, with other names of parameters or other parameters, give way to those of
# today, which answer the calls of before.
. "$top_srcdir/t/lib/sql.sh"

sql "DROP FUNCTION agentd.effect_move_allowed;
	CREATE FUNCTION agentd.effect_move_allowed(p_class text, p_from agentd.effect_state, p_to agentd.effect_state, p_same_attempt boolean)
		RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT false';
	CREATE FUNCTION agentd.claimed_rows(p_id uuid[], p_fence integer[], p_leaf smallint[], p_failures smallint[], p_recoveries smallint[],
		p_cancel boolean[], p_seq bigint[], p_spent bigint[]) RETURNS void LANGUAGE sql AS '';
	CREATE FUNCTION agentd.task_steps(p_task uuid, p_leaf smallint, p_terminal boolean) RETURNS text LANGUAGE sql AS 'SELECT NULL';
	DROP FUNCTION agentd.task_steps(uuid, smallint, boolean, boolean, boolean), agentd.attempt_end, agentd.approvals_drop, agentd.task_wake,
		agentd.feed_blind, agentd.submit_batch;
	CREATE FUNCTION agentd.task_steps(p_task uuid, p_leaf smallint, p_terminal boolean, p_uncertain boolean) RETURNS text LANGUAGE sql
		AS 'SELECT NULL';
	CREATE FUNCTION agentd.attempt_end(p_task uuid, p_fence integer, p_leaf smallint, p_now timestamptz, p_outcome text) RETURNS void
		LANGUAGE sql AS '';
	CREATE FUNCTION agentd.approvals_drop(p_task uuid, p_now timestamptz) RETURNS void LANGUAGE sql AS '';
	CREATE FUNCTION agentd.task_wake(q agentd.task_queue, p_now timestamptz) RETURNS void LANGUAGE sql AS '';
	CREATE FUNCTION agentd.feed_blind() RETURNS boolean LANGUAGE plpgsql STABLE AS 'BEGIN RETURN NULL; END';
	CREATE FUNCTION agentd.submit_batch(p_id uuid[], p_workflow text[], p_input json[], p_urgency text[], p_labels json[], p_budget json[],
		p_run_at bigint[], p_deadline bigint[], p_key text[], p_route text[], p_request bytea[], p_principal text[],
		p_parent uuid[] DEFAULT NULL, p_origin json[] DEFAULT NULL)
		RETURNS TABLE (ord bigint, status text, task uuid, state text, body text, message text) LANGUAGE sql
		AS 'SELECT 1::bigint, NULL, NULL::uuid, NULL, NULL, NULL'" >/dev/null
set --
for f in "$top_srcdir"/sql/functions/*.sql; do set -- "$@" -f "$f"; done
is "today's functions are taken" "$(pg_psql -1 "$@" 2>&1 | grep -c ERROR)" 0
is "each name means one function, but those that are meant to be two" "$(sql "SELECT string_agg(proname, ' ' ORDER BY proname) FROM (
	SELECT proname FROM pg_proc WHERE pronamespace = 'agentd'::regnamespace GROUP BY proname HAVING count(*) > 1) x")" \
	"cancel leaves_of task_list task_view"
is "nothing is left of what was given up" "$(sql "SELECT to_regproc('agentd.claimed_rows') IS NULL")" t
is "the rules are today's" "$(sql "SELECT agentd.effect_move_allowed('pure', NULL, 'dispatched', true)")" t
is "a program of before, which knows fewer arguments, submits" "$(sql "SELECT status FROM agentd.submit_batch(ARRAY[agentd.uuid_new()],
	ARRAY['noop'], ARRAY['{}']::json[], ARRAY['normal'], ARRAY[NULL]::json[], ARRAY[NULL]::json[], '{0}', '{0}', ARRAY[NULL], ARRAY['x'],
	ARRAY['r']::bytea[], ARRAY['p'])")" new
t=$(sql "DELETE FROM agentd.task_queue; SELECT agentd.submit('noop')")
is "and, which knows no streams, reads a task's events" "$(sql "SET ROLE agentd_web;
	SELECT e -> 'events' -> 0 ->> 'kind', e ->> 'state', e ->> 'last_seq'
	FROM (SELECT agentd.task_events('$t', -1, 10, '', true)::json) x(e)")" "submitted|ready|0"

# --- a call of before that goes on with what it finds now ---
sql "SELECT test.claim('$W'), test.listen()" >/dev/null
sql "SELECT test.move('$t', 1, 'stay', '', '[[\"a\", 1, \"step.succeeded\", {\"output\": 1}]]')" >/dev/null
is "the steps of a task" "$(sql "SELECT s ->> 'path', s ->> 'status' FROM (SELECT agentd.task_steps(q.id, q.leaf, false, false)::json AS s
	FROM agentd.task_queue q WHERE q.id = '$t') x")" "a|succeeded"
is "an attempt that leaves it behind its last row" "$(sql "SELECT agentd.attempt_end(q.id, q.fence, q.leaf, agentd.clock(), 'left')
	FROM agentd.task_queue q WHERE q.id = '$t'; SELECT data::json ->> 'id', kind
	FROM agentd.events_of_task('$t', 1, 0, 10, 1000, '', true) WHERE kind IS NOT NULL")" "
1.3|state.changed"
is "and the feed tells so" "$(sql "SELECT seq_from, seq_to, k FROM agentd.event_feed ORDER BY nr DESC LIMIT 1")" "1|1|3"
done_testing
