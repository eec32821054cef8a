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
# shellcheck disable=SC2086
install_packages $packages $test_packages
install_pgvector
build_tree build --enable-werror
make -C build -j"$jobs" check TESTS= >>"$var/log/build.log" 2>&1 || die "the tests do not build (see $var/log/build.log)"
say "seed $seed"
top_srcdir=$root top_builddir=$root/build AGENTD_OPENAPI_REQUESTS=$requests AGENTD_OPENAPI_SEED=$seed
export top_srcdir top_builddir AGENTD_OPENAPI_REQUESTS AGENTD_OPENAPI_SEED
sh t/0860-openapi.t
