# openapi - generated requests to the real program, none of which may have an answer that the API's document does not describe:
# ./dev openapi [REQUESTS] [--seed S]
#
# REQUESTS: at least so many (default 20000). Without a seed each campaign has its own. The last lines count the answers by route and status.
requests=20000 seed=$(od -An -N2 -tu2 /dev/urandom | tr -d ' ')
while [ $# -gt 0 ]; do
	case $1 in
	--seed) seed=${2:?} && shift 2 ;;
	[0-9]*) requests=$1 && shift ;;
	*) die "openapi: unknown argument \"$1\" (./dev openapi [REQUESTS] [--seed S])" ;;
	esac
done
mkdir -p "$var/log"
. dev.d/lib/packages
. dev.d/lib/build
build_tests
say "seed $seed"
AGENTD_OPENAPI_REQUESTS=$requests AGENTD_OPENAPI_SEED=$seed
export AGENTD_OPENAPI_REQUESTS AGENTD_OPENAPI_SEED
sh t/0860-openapi.t
