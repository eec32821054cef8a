#!/bin/sh
# The jq program as the oracle of t/expr/*.test: every group that is not marked #nojq must give
# the same outputs there, or fail there too. Starting jq is slow, so that groups run a hundred to a
# program; only what jq must refuse to compile (our message ends with the advice in brackets) runs alone.

dir=${top_srcdir:-.}/t/expr
if ! command -v jq >/dev/null 2>&1; then
	echo "1..0 # SKIP the jq program is not installed"
	exit 0
fi
work=$(mktemp -d "${TMPDIR:-/tmp}/expr-oracle.XXXXXX") || exit 99
trap 'rm -rf "$work"' EXIT
trap 'exit 99' HUP INT TERM

# NNN.jq: batches; want, at: a line for each group of the batches; alone, alone.at: the others.
awk -v work="$work" '
function flush() {
	if (n >= 2 && !skip && fails && want ~ /\]$/) {
		print prog >(work "/alone")
		print name ":" place " " prog >(work "/alone.at")
	} else if (n >= 2 && !skip) {
		if (count % 100 == 0) {
			if (file) print "empty" >file
			file = sprintf("%s/%03d.jq", work, count / 100)
		}
		count++
		printf "(try [(%s\n) | (%s\n)] catch \"error\"),\n", input, prog >file
		print (fails ? "\"error\"" : "[" want "]") >(work "/want")
		print name ":" place " " prog >(work "/at")
	}
	n = skip = fails = 0
	want = ""
}
FNR == 1 { flush(); name = FILENAME; sub(/.*\//, "", name) }
$0 == "" { if (n) flush(); next }
n == 0 && $0 == "#nojq" { skip = 1; next }
n == 0 && $0 == "%%FAIL" { fails = 1; next }
n == 0 && /^#/ { next }
{ n++ }
n == 1 { prog = $0; place = FNR; next }
n == 2 { input = $0; next }
{ want = want (n > 3 ? "," : "") $0 }
END { flush(); if (file) print "empty" >file }
' "$dir"/*.test || exit 99

for batch in "$work"/*.jq; do
	jq -n -c -f "$batch" >>"$work/got" 2>"$work/err" || {
		echo "Bail out! jq: $(head -n 3 "$work/err" | tr '\n' ' ')"
		exit 1
	}
done

number=0
failed=0
exec 3<"$work/got" 4<"$work/want"
while IFS= read -r at; do
	number=$((number + 1))
	IFS= read -r got <&3
	IFS= read -r want <&4
	if [ "$got" = "$want" ]; then
		printf 'ok %s - %s\n' "$number" "$at"
	else
		failed=1
		printf 'not ok %s - %s\n# jq:       %s\n# expected: %s\n' "$number" "$at" "$got" "$want"
	fi
done <"$work/at"
exec 3<"$work/alone"
while IFS= read -r at; do
	number=$((number + 1))
	IFS= read -r prog <&3
	printf '%s\n' "$prog" >"$work/one"
	if jq -n -f "$work/one" >/dev/null 2>&1; then
		failed=1
		printf 'not ok %s - %s is accepted by jq\n' "$number" "$at"
	else
		printf 'ok %s - %s is refused\n' "$number" "$at"
	fi
done <"$work/alone.at"
echo "1..$number"
exit $failed
