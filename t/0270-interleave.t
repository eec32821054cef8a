#!/bin/sh
# 0270-interleave.t - every pair of operations in two sessions, the first held open while the second runs (B8).
. "$top_srcdir/t/lib/pg.sh"
command -v python3 >/dev/null || {
	echo "1..0 # SKIP no python3"
	exit 0
}
. "$top_srcdir/t/lib/sql.sh"

python3 "$top_srcdir/t/lib/interleave.py" "$PG_BIN/psql" "$W"
is "no deadlock, no forbidden state" $? 0
done_testing
