# interleave - two sessions, every pair of operations, cut between any two statements: ./dev interleave [--state STATE] [--sample N] [--seed S]
#
# The states are shared out over as many throw-away databases as there are processors. Exit status 1 when anything deadlocks, is
# forbidden, cannot be explained by one order of the two, or was not decided as the machine was too slow for it.
mkdir -p "$var/log"
. dev.d/lib/packages
. dev.d/lib/shares
# shellcheck disable=SC2086
install_packages $packages python3
shares_cluster
pg_psql -f t/lib/interleave.sql >/dev/null || die "the functions could not be prepared"
arguments=$* n_jobs=$jobs
export arguments n_jobs
# shellcheck disable=SC2016
shares_run interleave "$n_jobs" 'exec python3 t/lib/interleave.py "$PG_BIN/psql" --share "$i/$n_jobs" $arguments'
say "$took s: $failed of $n_jobs databases saw something wrong"
[ $failed = 0 ]
