# model - random operations against the SQL functions and a small model of the rules: ./dev model [--operations N] [--seed S] [--jobs J]
#
# Each job has a database of its own in a throw-away cluster. A story that fails is told again with operations left out until no one
# can be spared; its seed is printed with it. The exit status is 1 when database and model disagree.
n_operations=200000 seed=$(od -An -N4 -tu4 /dev/urandom | tr -d ' ') n_jobs=$jobs
while [ $# -gt 0 ]; do
	case $1 in
	--operations) n_operations=${2:?} && shift 2 ;;
	--seed) seed=${2:?} && shift 2 ;;
	--jobs) n_jobs=${2:?} && shift 2 ;;
	*) die "model: unknown argument \"$1\" (./dev model [--operations N] [--seed S] [--jobs J])" ;;
	esac
done
mkdir -p "$var/log"
. dev.d/lib/packages
. dev.d/lib/shares
# shellcheck disable=SC2086
install_packages $packages python3
shares_cluster
export n_operations n_jobs seed
# shellcheck disable=SC2016
shares_run model "$n_jobs" 'exec python3 t/lib/model.py "$PG_BIN/psql" --operations $((n_operations / n_jobs)) --seed $((seed + i * 100000000))'
say "$n_operations operations from seed $seed in $took s: $failed of $n_jobs databases disagree with the model"
[ $failed = 0 ]
