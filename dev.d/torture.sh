# torture - every allocation and every other library call fails in turn: ./dev torture [alloc|call|run] [--shallow N] [--every] [--seed S]
# [--only PATTERN] [--jobs J]
#
#   alloc, call  the unit tests that fit PATTERN (store/*); of each call path the first and the last call, or N of these (--every: each call)
#   run          agentd all with a handful of tasks (t/1130-torture.t)
# Without a name all three. The exit status is 1 when a failure was neither survived nor told.
kinds= shallow= seed= arguments=
while [ $# -gt 0 ]; do
	case $1 in
	alloc | call | run) kinds="$kinds $1" && shift ;;
	--every) arguments="$arguments --every" && shift ;;
	--shallow) shallow=${2:?} && arguments="$arguments --shallow $2" && shift 2 ;;
	--seed) seed=${2:?} && arguments="$arguments --seed $2" && shift 2 ;;
	--only | --jobs) arguments="$arguments $1 ${2:?}" && shift 2 ;;
	*) die "torture: unknown argument \"$1\" (./dev torture [alloc|call|run] [--shallow N] [--every] [--seed S] [--only PATTERN] [--jobs J])" ;;
	esac
done
mkdir -p "$var/log"
. dev.d/lib/packages
. dev.d/lib/build
build_tests
failed=0
set -f
for kind in ${kinds:-alloc call run}; do
	case $kind in
	# shellcheck disable=SC2086
	alloc | call) python3 t/lib/torture.py build $kind $arguments || failed=1 ;;
	run) (cd build && AGENTD_TORTURE=${shallow:-all} AGENTD_TORTURE_SEED=$seed sh ../t/1130-torture.t) || failed=1 ;;
	esac
done
[ $failed = 0 ]
