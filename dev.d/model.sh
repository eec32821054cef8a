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
# shellcheck disable=SC2086
install_packages $packages python3
top_srcdir=$root
export top_srcdir
set -- "fsync = off"
. t/lib/sql.sh

began=$(date +%s) i=0 running=
while [ $i -lt "$n_jobs" ]; do
	"$PG_BIN/createdb" -T agentd "model$i"
	PGDATABASE=model$i python3 t/lib/model.py "$PG_BIN/psql" --operations $((n_operations / n_jobs)) --seed $((seed + i * 100000000)) \
		>"$var/log/model-$i.log" 2>&1 &
	running="$running $!"
	i=$((i + 1))
done
failed=0
for p in $running; do wait "$p" || failed=$((failed + 1)); done
i=0
while [ $i -lt "$n_jobs" ]; do
	cat "$var/log/model-$i.log"
	i=$((i + 1))
done
say "$n_operations operations from seed $seed in $(($(date +%s) - began)) s: $failed of $n_jobs databases disagree with the model"
[ $failed = 0 ]
