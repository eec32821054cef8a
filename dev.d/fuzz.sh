# fuzz - every target of t/fuzz for so long: ./dev fuzz [SECONDS] [TARGET...]; ends with one line for each.
#
# Corpora grow in var/fuzz/TARGET; seeds are files of this repository; what was found before (t/fuzz/found/TARGET) is
# replayed first. A new finding stays in var/fuzz as TARGET-crash-...
seconds=120
case ${1:-} in
*[!0-9]*) ;;
?*) seconds=$1 && shift ;;
esac
mkdir -p "$var/log" "$var/fuzz"
. dev.d/lib/packages
. dev.d/lib/build
# shellcheck disable=SC2086
install_packages $packages clang libclang-rt-dev
build_dir=build-fuzz
configure_only=1 build_tree $build_dir CC=clang --enable-fuzzers --enable-asan --enable-ubsan
targets=${*:-$(cd t/fuzz && for f in *.c; do echo "${f%.c}"; done)}
for t in $targets; do
	[ -f "t/fuzz/$t.c" ] || die "fuzz: no target \"$t\""
	grep -q "^t/fuzz/$t\$(EXEEXT)" "$build_dir/Makefile" || die "fuzz: \"$t\" is in no local.mk"
done
# shellcheck disable=SC2086
make -C $build_dir -j"$jobs" $(for t in $targets; do echo "t/fuzz/$t"; done) >>"$var/log/$build_dir.log" 2>&1 || {
	grep -E 'error|Error' "$var/log/$build_dir.log" | head -n 20 >&2
	die "the fuzz targets do not build (see $var/log/$build_dir.log)"
}

# seeds TARGET: files that such input looks like, copied into the corpus once
seeds() {
	case $1 in
	yaml | workflow) find workflows policies tools.d t/config -name '*.yaml' 2>/dev/null ;;
	json) find policies t -name '*.json' 2>/dev/null ;;
	esac
	find "t/fuzz/seeds/$1" -type f 2>/dev/null
}

failed=0 passed=0
run_target() {
	corpus=$var/fuzz/$1
	mkdir -p "$corpus"
	seeds "$1" | while read -r f; do cp "$f" "$corpus/seed-$(cksum <"$f" | cut -d' ' -f1)"; done
	set -- "$1" "$build_dir/t/fuzz/$1" "$var/log/fuzz-$1.log"
	dict=t/fuzz/$1.dict
	[ -f "$dict" ] || dict=
	if [ -d "t/fuzz/found/$1" ]; then
		"$2" -timeout=5 "t/fuzz/found/$1" -runs=0 >"$3" 2>&1 || return 1
	fi
	"$2" -max_total_time="$seconds" -timeout=5 -rss_limit_mb=1024 -max_len=65536 -print_final_stats=1 ${dict:+-dict=$dict} \
		-artifact_prefix="$var/fuzz/$1-" "$corpus" >>"$3" 2>&1
}

# as many at once as there are processors
running=
finish() {
	for pair in $running; do
		t=${pair%%:*}
		if wait "${pair#*:}"; then
			passed=$((passed + 1))
			say "ok - fuzz $t: $(sed -n 's/^stat::number_of_executed_units: *//p' "$var/log/fuzz-$t.log") runs, $(sed -n 's/.* cov: \([0-9]*\).*/\1/p' "$var/log/fuzz-$t.log" | tail -n 1) edges"
		else
			failed=$((failed + 1))
			say "not ok - fuzz $t: see $var/log/fuzz-$t.log"
			grep -E -A 12 'ERROR|SUMMARY|fatal' "$var/log/fuzz-$t.log" | tail -n 25 | sed 's/^/# /'
		fi
	done
	running=
}
n=0
for t in $targets; do
	: >"$var/log/fuzz-$t.log"
	run_target "$t" &
	running="$running $t:$!"
	n=$((n + 1))
	[ $((n % jobs)) = 0 ] && finish
done
finish
say "fuzz: $passed targets without a finding, $failed with, $seconds s each"
[ $failed = 0 ]
