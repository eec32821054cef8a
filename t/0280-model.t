#!/bin/sh
# 0280-model.t - random operations against a model of the rules (A16). MODEL_RUNS=10000 makes it a long test; MODEL_SEED repeats one.
. "$top_srcdir/t/lib/pg.sh"
command -v python3 >/dev/null || {
	echo "1..0 # SKIP no python3"
	exit 0
}
. "$top_srcdir/t/lib/sql.sh"

python3 "$top_srcdir/t/lib/model.py" "$PG_BIN/psql" "${MODEL_RUNS:-60}" "${MODEL_OPERATIONS:-40}" ${MODEL_SEED:+"$MODEL_SEED"}
is "the database and the model agree" $? 0
done_testing
