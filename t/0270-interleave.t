#!/bin/sh
# 0270-interleave.t - every pair of operations, interleaved between any two of their statements (B8), a sample of ./dev interleave:
# AGENTD_INTERLEAVE=80000 takes them all. Then a rule is broken on purpose: that must be found.
set -- "fsync = off"
. "$top_srcdir/t/lib/pg.sh"
command -v python3 >/dev/null || {
	echo "1..0 # SKIP no python3"
	exit 0
}
. "$top_srcdir/t/lib/sql.sh"
pg_psql -f "$top_srcdir/t/lib/interleave.sql" >/dev/null || exit 99
interleave() { python3 "$top_srcdir/t/lib/interleave.py" "$PG_BIN/psql" "$@"; }

interleave --sample "${AGENTD_INTERLEAVE:-150}" ${AGENTD_INTERLEAVE_SEED:+--seed "$AGENTD_INTERLEAVE_SEED"}
is "no deadlock, no forbidden state, no result that no order explains" $? 0
interleave --state running --pair holds,leave
is "a worker leaves while money is booked on its task" $? 0

sql "DO \$\$ BEGIN EXECUTE replace(pg_get_functiondef('agentd.worker_leave'::regproc), 'ORDER BY y.id FOR NO KEY UPDATE', ''); END \$\$"
out=$(interleave --state running --pair holds,leave)
is "without its lock that goes wrong" $? 1
like "and is told" "$out" "left:"
done_testing
