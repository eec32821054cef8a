#!/bin/sh
# 0120-schema-suite.t - the official test suite of JSON Schema, from $JSON_SCHEMA_SUITE or beside the source; and the manual lists
# exactly what is skipped.
dir=${JSON_SCHEMA_SUITE:-$top_srcdir/../shared/json-schema-suite}
suite=$top_builddir/t/bin/schema_suite
if [ ! -d "$dir/tests/draft2020-12" ]; then
	echo "1..0 # SKIP no suite of JSON Schema in $dir"
	exit 0
fi
tab=$(printf '\t')
# .It Pa FILE, then "whole" or .Dq GROUP
manual=$(awk '/^\.Ss /{ here = /official test suite/ } !here { next }
	/^\.It Pa / { file = $3 }
	/^whole/ { print file " | *" }
	/^\.Dq / { sub(/^\.Dq /, ""); sub(/ [,:]$/, ""); print file " | " $0 }' "$top_srcdir/man/agentd-schema.7")
ours=$("$suite" --skipped | cut -f 1,2 | sed "s/$tab/ | /g")
if [ "$manual" = "$ours" ]; then
	echo "ok 1 - the manual lists what is skipped"
else
	printf 'not ok 1 - the manual lists what is skipped\n'
	printf '%s\n' "$ours" | sed 's/^/# expected: /'
fi
# its lines are numbered from 2
"$suite" "$dir/tests/draft2020-12" | awk '
	/^1\.\./ { print "1.." substr($0, 4) + 1; next }
	/^(not )?ok [0-9]+/ { n = /^not/ ? 3 : 2; $n = $n + 1 }
	{ print }
	END { if (NR == 0) print "Bail out! the suite did not run" }'
