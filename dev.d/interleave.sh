# interleave - two sessions, every pair of operations, cut between any two statements: ./dev interleave [--state STATE] [--sample N] [--seed S]
#
# The states are shared out over as many throw-away databases as there are processors. Exit status 1 when anything deadlocks, is
# forbidden, or cannot be explained by one order of the two.
mkdir -p "$var/log"
. dev.d/lib/packages
# shellcheck disable=SC2086
install_packages $packages python3
top_srcdir=$root
export top_srcdir
arguments=$*
set -- "fsync = off"
. t/lib/sql.sh
pg_psql -f t/lib/interleave.sql >/dev/null || die "the functions could not be prepared"
began=$(date +%s) i=0 running=
while [ $i -lt "$jobs" ]; do
	"$PG_BIN/createdb" -T agentd "interleave$i"
	# shellcheck disable=SC2086
	PGDATABASE=interleave$i python3 t/lib/interleave.py "$PG_BIN/psql" --share "$i/$jobs" $arguments >"$var/log/interleave-$i.log" 2>&1 &
	running="$running $!"
	i=$((i + 1))
done
failed=0
for p in $running; do wait "$p" || failed=$((failed + 1)); done
i=0
while [ $i -lt "$jobs" ]; do
	cat "$var/log/interleave-$i.log"
	i=$((i + 1))
done
say "$(($(date +%s) - began)) s: $failed of $jobs databases saw something wrong"
[ $failed = 0 ]
