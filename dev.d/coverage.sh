# coverage - lines and branches by file, from the whole suite in build-cov/.
mkdir -p "$var/log"
. dev.d/lib/packages
. dev.d/lib/build
install_test_packages gcovr
install_pgvector
build_tree build-cov --enable-coverage --enable-test-hooks
find build-cov -name '*.gcda' -exec rm -f {} +
make -C build-cov -k -j"$jobs" check >"$var/log/check-build-cov.log" 2>&1 </dev/null || say "some tests failed (see $var/log/check-build-cov.log)"
gcovr -r "$root" --object-directory build-cov --filter 'src/' --exclude-unreachable-branches --json-summary "$var/coverage.json" 2>"$var/log/gcovr.log" || {
	tail -n 5 "$var/log/gcovr.log" >&2
	die "gcovr failed"
}
jq -r '
	def pct(a; b): if b == 0 then "-" else (1000 * a / b | round / 10 | tostring) + " %" end;
	def row: [.filename, (.line_covered | tostring) + "/" + (.line_total | tostring), pct(.line_covered; .line_total),
		(.branch_covered | tostring) + "/" + (.branch_total | tostring), pct(.branch_covered; .branch_total)];
	(["FILE", "LINES", "", "BRANCHES", ""]), (.files | sort_by(.filename)[] | row), (. + {filename: "all"} | row) | @tsv' "$var/coverage.json" |
	awk -F '\t' '{printf "%-34s %12s %8s %12s %8s\n", $1, $2, $3, $4, $5}'
