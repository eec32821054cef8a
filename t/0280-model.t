#!/bin/sh
# 0280-model.t - random operations against a model of the rules (A16), a slice of ./dev model: AGENTD_MODEL_OPERATIONS=200000 makes it
# the whole campaign, AGENTD_MODEL_SEED repeats one. Then a rule is broken on purpose: that must be found, and told shortly.
set -- "fsync = off"
. "$top_srcdir/t/lib/pg.sh"
command -v python3 >/dev/null || {
	echo "1..0 # SKIP no python3"
	exit 0
}
. "$top_srcdir/t/lib/sql.sh"
model() { python3 "$top_srcdir/t/lib/model.py" "$PG_BIN/psql" "$@"; }

model --operations "${AGENTD_MODEL_OPERATIONS:-3000}" ${AGENTD_MODEL_SEED:+--seed "$AGENTD_MODEL_SEED"}
is "the database and the model agree" $? 0

# breaks FUNCTION TEXT OTHER: the model must not agree any more, and say so in at most 20 operations.
breaks() {
	sql "CREATE TEMP TABLE whole AS SELECT pg_get_functiondef('agentd.$1'::regproc) AS text;
		COPY whole TO '$PG_DIR/data/whole'; DO \$\$ BEGIN EXECUTE (SELECT replace(text, '$2', '$3') FROM whole); END \$\$" >/dev/null
	is "$1 has \"$2\"" "$(sql "SELECT pg_get_functiondef('agentd.$1'::regproc) NOT LIKE '%$2%'")" t
	out=$(model --operations 20000 --seed 1)
	is "$1 without \"$2\" does not pass" $? 1
	n=$(printf '%s\n' "$out" | sed -n 's/.* shrunk to \([0-9]*\) operations$/\1/p')
	is "told in at most 20 operations (${n:-none})" "$((${n:-99} <= 20))" 1
	sql "CREATE TEMP TABLE whole (text text); COPY whole FROM '$PG_DIR/data/whole'; DO \$\$ BEGIN EXECUTE (SELECT text FROM whole); END \$\$" >/dev/null
}
breaks commit_steps "AND x.fence = m.fence AND x.worker" "AND x.worker"
breaks sweep_expired_workers "recoveries = x.recoveries + 1," ""
breaks attempt_end "PERFORM agentd.feed_one(p_task, v_seq, v_seq, 2 * p_fence::bigint + 1);" ""
breaks submit_batch " AND (v_flow[i]).lane = ANY (v_lanes)" ""
breaks effect_move_allowed "OR p_same AND" "OR"
done_testing
