# bench - figures, one per line: ./dev bench NAME [--tasks N] [--only PART,...] [--shrink N]; NAME is a file in dev.d/bench/, or all.
#
# Each runs on a throw-away cluster with fsync and synchronous_commit on, after a checkpoint, with the programs of
# build/. "figure NAME VALUE UNIT" is what counts; other lines explain. --only is for scale, which has parts, and so is
# --shrink, which makes its tables and queues an Nth as long.
benches="queue steps waiting gateway latency idle connections sse submit door schema scale"
usage="./dev bench NAME [--tasks N] [--only PART,...] [--shrink N]; NAME is one of $benches, or all"
name=${1:-}
[ $# -gt 0 ] && shift
n_tasks=
only=
shrink=1
while [ $# -gt 0 ]; do
	case $1 in
	--tasks)
		case ${2:-} in
		'' | 0* | *[!0-9]*) die "bench: --tasks \"${2:-}\": expected a number ($usage)" ;;
		esac
		n_tasks=$2
		;;
	--only)
		[ "$name" = scale ] || die "bench: --only is for scale"
		only=${2:-}
		[ -n "$only" ] || die "bench: --only: expected parts ($usage)"
		;;
	--shrink)
		[ "$name" = scale ] || die "bench: --shrink is for scale"
		case ${2:-} in
		'' | 0* | *[!0-9]*) die "bench: --shrink \"${2:-}\": expected a number ($usage)" ;;
		esac
		shrink=$2
		;;
	*) die "bench: unknown argument \"$1\" ($usage)" ;;
	esac
	shift 2
done
case " $benches all " in
*" ${name:-?} "*) ;;
*) die "bench: \"$name\": expected $usage" ;;
esac
mkdir -p "$var/log"
. dev.d/lib/packages
. dev.d/lib/build
# shellcheck disable=SC2086
install_packages $packages
build_tree build --enable-werror
make -C build -j"$jobs" t/bench/http_load t/bench/event_load t/bench/bare_loop t/bench/bare_ask t/bench/gateway_load t/bench/schema t/bin/stub_provider >>"$var/log/build.log" 2>&1 || die "the build failed (see $var/log/build.log)"

if [ "$name" = all ]; then
	for name in $benches; do
		head_line "$name"
		sh "$root/dev" bench "$name" || exit 1
	done
	exit 0
fi
. dev.d/lib/bench
. "dev.d/bench/$name.sh"
