#!/bin/sh
# 0900-manual-pages.t - every page is sound mdoc, fits a terminal, and refers to pages that exist.
. "$top_srcdir/t/lib/daemon.sh"
D=$(mktemp -d)
trap 'rm -rf "$D"' EXIT

pages=$(cd "$top_srcdir/man" && ls ./*.[1-8] | sed 's|^\./||')
is "the build installs every page" "$(sed -n 's|^ *man/\([^ ]*\.[1-8]\).*|\1|p' "$top_srcdir/man/local.mk" | sort | tr '\n' ' ')" \
	"$(printf '%s\n' "$pages" | sort | tr '\n' ' ')"

for page in $pages; do
	file=$top_srcdir/man/$page
	if command -v mandoc >/dev/null; then
		# Pages of other packages may not be installed here.
		mandoc -Tlint "$file" 2>"$D/lint.err" | grep -v 'STYLE: referenced manual not found' >"$D/lint"
		is "$page: mandoc has nothing to say" "$(cat "$D/lint")" ""
	else
		skip "$page: mandoc has nothing to say" "no mandoc"
	fi
	is "$page: no line is longer than 80 bytes" "$(awk 'length > 80 { print FNR }' "$file")" ""
	is "$page: no space ends a line" "$(grep -n ' $' "$file")" ""
	name=$(sed -n 's/^\.Nm //p' "$file" | head -n 1)
	is "$page: is about its name" "$name" "${page%.*}"
	like "$page: title and section" "$(sed -n 's/^\.Dt //p' "$file")" "^$(printf '%s' "${page%.*}" | tr '[:lower:]' '[:upper:]') ${page##*.}\$"
	missing=
	for ref in $(sed -n 's/^\.Xr \(agent[^ ]*\) \([0-9]\).*/\1.\2/p' "$file" | sort -u); do
		[ -f "$top_srcdir/man/$ref" ] || missing="$missing $ref"
		[ "$ref" != "$page" ] || missing="$missing $ref(itself)"
	done
	is "$page: the pages it refers to exist" "$missing" ""
	for section in $(sed -n 's/^\.Sx \([^ ]*\)$/\1/p' "$file" | sort -u); do
		ok "$page: has the section $section" grep -Eq "^\.S[hs] $section" "$file"
	done
done
done_testing
