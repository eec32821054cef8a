# test - set up and run the whole suite: ./dev test [--slow]
#
#   release      build/: warnings are errors, hardened, make check
#   sanitizers   build-san/: AddressSanitizer, UndefinedBehaviorSanitizer and the labelled crash points, make check
#   clang        build-clang/: everything compiles without a warning
#   valgrind     the unit tests of build/ under memcheck
#   fuzz         every target for 10 s (--slow: two minutes)
#   chaos        kills, crashes, restarts and zombies for 3 minutes (--slow: the full figures); runs pass, violations fail
#
# The last line is "N passed, N failed, N skipped"; the exit status is 1 when anything failed.
slow=
case ${1:-} in
--slow) slow=1 ;;
"") ;;
*) die "test: unknown argument \"$1\" (./dev test [--slow])" ;;
esac
mkdir -p "$var/log"
. dev.d/lib/packages
. dev.d/lib/build
install_test_packages
install_pgvector

passed=0 failed=0 skipped=0
began=$(date +%s)
count() {
	passed=$((passed + $1))
	failed=$((failed + $2))
	skipped=$((skipped + $3))
}
stage() {
	stage_began=$(date +%s)
	head_line "$1"
}
stage_done() { say "$* ($(($(date +%s) - stage_began)) s)"; }

# Sums "# PASS: n" lines of automake's summary: words are the names to add.
sum_of() {
	awk -v names="$1" 'BEGIN { split(names, n, " "); for (i in n) want["# " n[i] ":"] = 1 }
		{ gsub(/\033\[[0-9;]*m/, "") } ($1 " " $2) in want { total += $3 } END { print total + 0 }' "$2"
}

# tests_of DIR: the tests that its makefile knows.
tests_of() { printf 'print-tests:\n\t@echo $(TESTS)\n' | make -s -C "$1" -f Makefile -f - print-tests; }

# check DIR TESTS [VARIABLE=VALUE...]: make check of these; counts the TAP results.
check() {
	dir=$1 tests=$2
	shift 2
	log=$var/log/check-$dir.log
	status=0
	env "$@" make -C "$dir" -k -j"$jobs" check TESTS="$tests" >"$log" 2>&1 </dev/null || status=$?
	p=$(sum_of "PASS XFAIL" "$log") f=$(sum_of "FAIL XPASS ERROR" "$log") s=$(sum_of SKIP "$log")
	[ $status = 0 ] || [ "$f" != 0 ] || f=1
	count "$p" "$f" "$s"
	if [ "$f" != 0 ]; then
		grep -aE '^(FAIL|ERROR|XPASS): ' "$log" | head -n 40 || :
		grep -alE '^(not ok|Bail out!)|^:test-result: (FAIL|ERROR)' "$dir"/t/*.trs "$dir"/t/*/*/*.trs 2>/dev/null | while read -r trs; do
			say "--- ${trs%.trs}.log"
			grep -aE -A 4 '^not ok|^Bail out|Sanitizer: |runtime error' "${trs%.trs}.log" | grep -avE '^(PASS|FAIL|SKIP): |^ok ' | head -n 30 || :
		done
		grep -aE ' error: |\*\*\* ' "$log" | head -n 10 || :
	fi
	stage_done "$p passed, $f failed, $s skipped"
}

# Samples are the same in every run of the suite; their campaigns (./dev torture, model, interleave, chaos) choose anew each time.
: "${AGENTD_TORTURE_SEED:=1}" "${AGENTD_MODEL_SEED:=1}" "${AGENTD_INTERLEAVE_SEED:=1}"
export AGENTD_TORTURE_SEED AGENTD_MODEL_SEED AGENTD_INTERLEAVE_SEED

stage "release: build/"
build_tree build --enable-werror
check build "$(tests_of build)"

stage "sanitizers and crash points: build-san/"
build_tree build-san --enable-werror --enable-asan --enable-ubsan --enable-test-hooks
# what runs in the database alone is the same in every build; what makes calls fail takes a sanitizer's own for the program's
check build-san "$(tests_of build-san | tr ' ' '\n' | grep -vE '^t/(02|0800|1130)' | tr '\n' ' ')" ASAN_OPTIONS=abort_on_error=1:detect_stack_use_after_return=1 UBSAN_OPTIONS=print_stacktrace=1

stage "clang: build-clang/"
if (
	configure_only=1
	build_tree build-clang CC=clang --enable-werror
	make -C build-clang -j"$jobs" >>"$var/log/build-clang.log" 2>&1 &&
		make -C build-clang -j"$jobs" check TESTS= >>"$var/log/build-clang.log" 2>&1
); then
	count 1 0 0
	stage_done "compiles without a warning"
else
	count 0 1 0
	grep -E 'error|warning' "$var/log/build-clang.log" | head -n 20 || :
	stage_done "does not compile with clang (see $var/log/build-clang.log)"
fi

stage "valgrind: unit tests of build/"
log=$var/log/valgrind.log
find build/t/unit -type f -perm -u+x ! -name '*.*' | sort | while read -r program; do
	echo "$program $var/log/valgrind-$(printf '%s' "${program#build/t/unit/}" | tr / -).log"
done | xargs -P "$jobs" -n 2 sh dev.d/lib/memcheck >"$log" 2>&1 || :
grep -v '^ok - [^#]*$' "$log" || :
s=$(grep -c '^ok .* # SKIP' "$log") || :
p=$(($(grep -c '^ok ' "$log") - s))
f=$(grep -c '^not ok ' "$log") || :
[ $((p + f)) -gt 0 ] || f=1
count $p $f $s
stage_done "$p passed, $f failed, $s skipped"

stage "fuzz"
sh "$root/dev" fuzz "${AGENTD_FUZZ_SECONDS:-$([ -n "$slow" ] && echo 120 || echo 10)}" >"$var/log/fuzz.log" 2>&1 </dev/null || :
cat "$var/log/fuzz.log"
p=$(grep -c '^ok ' "$var/log/fuzz.log") || :
f=$(grep -c '^not ok ' "$var/log/fuzz.log") || :
[ "$((p + f))" -gt 0 ] || f=1
count "$p" "$f" 0
stage_done "$p passed, $f failed"

stage "chaos"
log=$var/log/chaos.log
minutes=${AGENTD_CHAOS_MINUTES:-3}
# shellcheck disable=SC2086
sh "$root/dev" chaos $([ -n "$slow" ] || echo "--minutes $minutes --seed 1") >"$log" 2>&1 </dev/null || :
grep -E '^(run|skip|figure|violation|# logs:) ' "$log" || tail -n 15 "$log"
p=$(sed -n '$s/^\([0-9]*\) runs, [0-9]* violations$/\1/p' "$log")
f=$(sed -n '$s/^[0-9]* runs, \([0-9]*\) violations$/\1/p' "$log")
s=$(grep -c '^skip ' "$log") || :
count "${p:-0}" "${f:-1}" "$s"
stage_done "${p:-0} runs, ${f:-no end, so 1} violations, $s skipped"

if [ -n "$slow" ]; then
	stage "chaos: faults on purpose are noticed"
	log=$var/log/chaos-prove.log
	sh "$root/dev" chaos --prove >"$log" 2>&1 </dev/null || :
	grep -E '^(caught|violation) ' "$log" || tail -n 15 "$log"
	p=$(grep -c '^caught ' "$log") || :
	f=$(grep -c '^violation SURVIVED ' "$log") || :
	[ $((p + f)) -gt 0 ] || f=1
	count "$p" "$f" 0
	stage_done "$p noticed, $f not"
fi

say
say "took $(($(date +%s) - began)) s"
say "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ] || exit 1
