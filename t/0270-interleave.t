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

interleave --lock-timeout 1ms --state running --pair finish,heartbeat
is "no lock timeout ends who waits for the conductor" $? 0
out=$(interleave --lock-timeout 1ms --state running --pair finish,cancel)
is "one that ends who waits for the other session decides nothing" $? 1
like "is tried again, and told as what it is" "$out" 'not decided, the machine is too slow \(3 of 3 attempts\)'
like "and not as wrong" "$out" ' [1-9][0-9]* not decided, 0 wrong'

sql "DO \$\$ BEGIN EXECUTE replace(pg_get_functiondef('agentd.worker_leave'::regproc), 'ORDER BY y.id FOR NO KEY UPDATE', ''); END \$\$"
out=$(interleave --state running --pair holds,leave)
is "without its lock that goes wrong" $? 1
like "and is told" "$out" "left:"
done_testing
