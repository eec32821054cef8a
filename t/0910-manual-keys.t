#!/bin/sh
# 0910-manual-keys.t - the manual and the tables in the code name the same things: keys of files with their defaults,
# commands and options, routes, error types, functions, rows of the journal.
#
# A comment `.\" keys: PATH ...` in a page says of which maps the next list gives the keys; PATH is the way through the
# file: retry, providers.*, tiers.*.steps[], step (what all kinds share), step.KIND.
. "$top_srcdir/t/lib/daemon.sh"
. "$top_srcdir/t/lib/api.sh"
D=$(mktemp -d)
trap 'rm -rf "$D"' EXIT
man=$top_srcdir/man

listed_keys() {	# PAGE: lines "PATH<TAB>KEY<TAB>text of the item"
	awk '
	function flush(   i, k) {
		for (i = 1; i <= n_keys; i++)
			for (k = 1; k <= n_paths; k++)
				print paths[k] "\t" keys[i] "\t" text
		n_keys = 0
		text = ""
	}
	/^\.\\" keys: / { flush(); n_paths = split(substr($0, 10), paths, " "); depth = 0; next }
	/^\.S[hs] / { flush(); n_paths = 0; next }
	!n_paths { next }
	/^\.Bl / { depth++; next }
	/^\.El/ { depth--; if (depth == 0) { flush(); n_paths = 0 }; next }
	/^\.It Cm / && depth == 1 {
		flush()
		line = substr($0, 8)
		gsub(/ , /, " ", line)
		n_keys = split(line, keys, " ")
		next
	}
	{ gsub(/\\&/, ""); text = text " " $0 }
	' "$1"
}

# What the tables say, as JSON Schema: lines "PATH<TAB>KEY<TAB>default".
schema_keys() {	# KIND
	"$agentctl" schema "$1" | jq -r '
	def below($path; $key): if $path == "file" then $key else $path + "." + $key end;
	def maps($path):
		(.properties // {} | to_entries[] | [$path, .key, .value.default // ""] | @tsv),
		(.properties // {} | to_entries[] | .key as $key | .value | maps(below($path; $key))),
		(.additionalProperties // empty | objects | maps($path + ".*")),
		(.items // empty | objects | maps($path + "[]")),
		(.anyOf // empty | .[] | maps($path));
	(del(.["$defs"]) | maps("file")),
	(.["$defs"].step.anyOf // empty | length as $n
		| ([.[].properties | keys[]] | group_by(.) | map(select(length == $n)[0])) as $shared
		| (.[0] | .properties |= with_entries(select(.key as $k | $shared | index($k))) | maps("step")),
		  (.[] | .title as $kind | .properties |= with_entries(select(.key as $k | $shared | index($k) | not))
			| maps("step." + $kind)))
	' | sed 's/^step\.\(budget\|retry\)	/\1	/' | sort -u
}

check_keys() {	# KIND PAGE
	schema_keys "$1" >"$D/code"
	listed_keys "$man/$2" >"$D/page"
	cut -f 1,2 "$D/code" | sort -u >"$D/code.keys"
	cut -f 1,2 "$D/page" | sort -u >"$D/page.keys"
	ok "$2: the tables of $1 have keys" test -s "$D/code.keys"
	is "$2: every key of the tables has its item" "$(comm -23 "$D/code.keys" "$D/page.keys")" ""
	is "$2: every item is a key of the tables" "$(comm -13 "$D/code.keys" "$D/page.keys")" ""
	is "$2: no key has two items" "$(cut -f 1,2 "$D/page" | sort | uniq -d)" ""
	is "$2: the defaults are those of the tables" "$(awk -F '\t' '
		NR == FNR { text[$1 "\t" $2] = text[$1 "\t" $2] " " $3 " "; next }
		$3 != "" && index(text[$1 "\t" $2], " " $3 " ") == 0 { print $1, $2 ": " $3 }
		' "$D/page" "$D/code")" ""
}

check_keys workflow agentd-workflow.5
check_keys routing agentd-routing.5
check_keys tool agentd-tool.5
check_keys settings agentd.yaml.5
check_keys risk agentd-risk.5
check_keys hook agentd-hooks.5

# Words of the code that a section must name.
section() {	# PAGE TITLE
	awk -v title=".Sh $2" '$0 == title { on = 1; next } /^\.Sh / { on = 0 } on' "$man/$1"
}

check_words() {	# NAME FILE-WITH-TEXT WORD...
	cw_name=$1 cw_file=$2
	shift 2
	cw_missing=
	[ $# -gt 0 ] || cw_missing=" (the code names none)"
	for word; do
		grep -Fqw -e "$word" "$cw_file" || cw_missing="$cw_missing $word"
	done
	is "$cw_name" "$cw_missing" ""
}

words_of() {	# FILE ARRAY: the strings of an initialiser
	awk -v start=" $2[[][]] = {" '$0 ~ start { on = 1 } on; on && /};/ { exit }' "$1" | grep -o '"[^"]*"' | tr -d '"'
}

# --- what the language keeps for later ---
config=$top_srcdir/src/config
section agentd-workflow.5 "NOT IN THIS VERSION" >"$D/later"
# shellcheck disable=SC2046
check_words "agentd-workflow.5: kinds of later versions" "$D/later" $(words_of "$config/workflow_keys.c" step_kinds_later)
# shellcheck disable=SC2046
check_words "agentd-workflow.5: keys of later versions" "$D/later" \
	$(sed -n 's/.*\.name = "\([a-z_]*\)".*KEY_LATER.*/\1/p' "$config/workflow_keys.c")
section agentd-tool.5 "NOT IN THIS VERSION" >"$D/later"
# shellcheck disable=SC2046
check_words "agentd-tool.5: runners of later versions" "$D/later" $(words_of "$config/manifest.c" runners_later)

# --- functions of expressions ---
sed -n '/^\.\\" functions/,/^\.El/p' "$man/agentd-workflow.5" >"$D/functions"
tr -s ' ,()' '\n' <"$D/functions" | sort -u >"$D/functions.words"
functions=$(sed -n 's/^	{"\([a-z_]*\)", [0-9], [A-Z_(][^{]*, {.*/\1/p' "$config"/expr_*.c | sort -u)
# shellcheck disable=SC2086
check_words "agentd-workflow.5: every function of expressions" "$D/functions" $functions
is "agentd-workflow.5: no other function" "$(sed -n '/^\.Li /s/^\.Li //p' "$D/functions" | sed 's/([^)]*)//g' | tr -s ' ,' '\n' | sort -u |
	grep . | while read -r f; do printf '%s\n' "$functions" | grep -qx "$f" || echo "$f"; done)" ""
# shellcheck disable=SC2046
check_words "agentd-workflow.5: every format" "$man/agentd-workflow.5" \
	$(sed -n '/ names\[FORMAT_COUNT\]/,/};/p' "$config/expr_format.c" | grep -o '"@[a-z0-9]*"' | tr -d '"')

# --- error types: all that a workflow can meet, sorted by what err.def says of trying again ---
sed -n 's/^ERR(\(ERR_[A-Z_]*\), "\([^"]*\)", \([a-z]*\),.*/\2 \3/p' "$top_srcdir/src/base/err.def" | while read -r type again; do
	case $type in
	# Errors of requests, programs and the store: no step ends with them.
	none | usage | config | io | syntax | not_found | conflict | busy | forbidden | unauthenticated | invalid | task_failed | \
		store.* | lease_lost | network | json | raised) ;;
	tool.failed | tool.timeout) echo "depends $type" ;;
	child.*) echo "later $type" ;;
	*) if [ "$again" = true ]; then echo "retryable $type"; else echo "final $type"; fi ;;
	esac
done | sort >"$D/types.code"
awk '
	/^\.\\" errors: / { kind = $3; next }
	/^\.El/ { kind = "" }
	kind && /^\.It Li / { line = substr($0, 8); gsub(/ , /, " ", line); n = split(line, t, " "); for (i = 1; i <= n; i++) print kind, t[i] }
	' "$man/agentd-workflow.5" | sort >"$D/types.page"
is "agentd-workflow.5: every error type, by whether it is retried" "$(grep -v '^later' "$D/types.code" | comm -23 - "$D/types.page")" ""
is "agentd-workflow.5: no other error type" "$(comm -13 "$D/types.code" "$D/types.page")" ""
# shellcheck disable=SC2046
check_words "agentd-workflow.5: error types of later versions" "$man/agentd-workflow.5" $(sed -n 's/^later //p' "$D/types.code")

# --- commands and their options ---
# .It Xo to .Xc is one line.
awk '/^\.It Xo/ { joined = ".It"; next } /^\.Xc/ { print joined; joined = ""; next }
	joined != "" { sub(/^\./, " "); joined = joined $0; next } { print }' "$man/agentctl.1" >"$D/agentctl.1"
sed -n '/^\.It Ic /p' "$D/agentctl.1" >"$D/items"
"$agentctl" --help | sed -n 's/^  \([a-z]*\( [a-z]*\)\{0,1\}\)  *[a-z].*/\1/p' | sed 's/ *$//' >"$D/commands"
ok "agentctl --help lists commands" grep -qx submit "$D/commands"
while read -r command; do
	ok "agentctl.1: has $command" grep -Eq "^\.It Ic $command( |\$)" "$D/items"
	# shellcheck disable=SC2086
	options=$("$agentctl" $command --help | grep -o -e '--[a-z-]*' | sort -u)
	sed -n "/^\.It Ic $command\( \|\$\)/,/^\.It Ic /p" "$D/agentctl.1" | sed '1!{/^\.It Ic /d}' >"$D/item"
	for option in $options; do
		ok "agentctl.1: $command has $option" grep -Eq "Fl Fl ${option#--}( |\$)" "$D/item"
	done
done <"$D/commands"
while read -r _ _ command; do
	ok "agentctl.1: $command is a command" grep -qx -e "$(printf '%s' "$command" | awk '{ print $1 }')" -e "$(printf '%s' "$command" | awk '{ print $1, $2 }')" "$D/commands"
done <"$D/items"
ok "agentctl.1: -c" grep -q '^\.Op Fl c Ar file' "$man/agentctl.1"
ok "agentctl.1: --json" grep -q '^\.Op Fl Fl json' "$man/agentctl.1"
statuses=$(sed -n 's/^ERR(.*, \([0-9]*\))$/\1/p' "$top_srcdir/src/base/err.def" | sort -nu | tr '\n' ' ')
is "agentctl.1: the exit statuses are those of err.def" "$(section agentctl.1 "EXIT STATUS" | sed -n 's/^\.It \([0-9]*\)$/\1/p' | sort -nu | tr '\n' ' ')" "$statuses"
for kind in workflow routing tool risk hook settings; do
	ok "agentctl.1: schema prints $kind" grep -Eq "^\.It Ic schema .*$kind" "$D/items"
done

# --- routes of the API, their scopes and media types, problems ---
api=$man/agentd-api.7
api_routes >"$D/routes" || bail "there are no routes"
while read -r method path scope type; do
	shown=$(printf '%s' "$path" | sed 's/:id/ID/; s/:name/NAME/')
	awk -v want="$method $shown" '/^\.S[hs] / { on = index("," substr($0, 5) ",", want ",") > 0 || index(", " substr($0, 5), ", " want ",") > 0; if (on) print; next } on' "$api" >"$D/route"
	ok "agentd-api.7: $method $path" test -s "$D/route"
	for one in $(printf '%s' "$scope" | tr '|' ' '); do
		[ "$one" = none ] || ok "agentd-api.7: $method $path names its scope $one" grep -q "^\.Cm $one" "$D/route"
	done
	if [ "$type" != - ]; then
		ok "agentd-api.7: $method $path names its media type" grep -Fq "$type" "$D/route"
	fi
done <"$D/routes"
sed -n 's/^\.S[hs] \([A-Z]* \/.*\)/\1/p' "$api" | sed 's/, /\n/g' | while read -r method path; do
	grep -q "^$method $(printf '%s' "$path" | sed 's/ID/:id/; s/NAME/:name/') " "$D/routes" || echo "$method $path"
done >"$D/unknown"
is "agentd-api.7: no other route" "$(cat "$D/unknown")" ""
section agentd-api.7 PROBLEMS >"$D/problems"
api_problems >"$D/words" || bail "there are no problems"
# shellcheck disable=SC2046
check_words "agentd-api.7: every problem" "$D/problems" $(cat "$D/words")

section agentd-api.7 STATES >"$D/states"
# shellcheck disable=SC2046
check_words "agentd-api.7: every state of a task" "$D/states" \
	$(sed -n '/CREATE TYPE agentd.task_state/,/);/p' "$top_srcdir/sql/0001_schema.sql" | grep -o "'[^']*'" | tr -d "'")

# --- metrics: names, kinds and labels ---
tr '\n' ' ' <"$top_srcdir/src/base/metric.def" | sed 's/METRIC([A-Z]/\n&/g' |
	sed -n 's/^METRIC([A-Z_]*, "\([a-z_]*\)", \([A-Z]*\), [A-Z]*, [A-Z]*, *"\([a-z_,]*\)".*/\1 \2 \3/p' | tr '[:upper:]' '[:lower:]' |
	sed 's/ *$//' | sort >"$D/families"
ok "metric.def has families" test "$(wc -l <"$D/families")" -ge 30
# each .It is followed by the kind, and by labels after .Li
awk '/^\.Sh / { on = $2 == "METRICS" } !on { next }
	/^\.It Li / { name = $3; getline; kind = tolower($1); labels = ""; next }
	/^\.Pq Li / && name != "" { sub(/^\.Pq Li /, ""); gsub(/ , /, ","); labels = $0 }
	/^\.Li / && name != "" { labels = labels $2 ($3 == "," ? "," : "") }
	/^\.br$/ && name != "" { print name, kind (labels == "" ? "" : " " labels); name = "" }' "$man/agentd-metrics.7" | sort >"$D/shown"
is "agentd-metrics.7: every family with its kind and labels, and no other" "$(diff "$D/families" "$D/shown")" ""

# --- the inside ---
# shellcheck disable=SC2046
check_words "agentd-internals.7: kinds of journal rows" "$man/agentd-internals.7" \
	$(sed -n '/ names\[ROW_KINDS\]/,/};/p' "$top_srcdir/src/engine/journal.c" | grep -o '"[^"]*"' | tr -d '"')
# shellcheck disable=SC2046
check_words "agentd-internals.7: effect classes" "$man/agentd-internals.7" $(words_of "$config/workflow.c" effects)
rooms=$(cd "$top_srcdir/src" && for d in */; do echo "${d%/}"; done)
# shellcheck disable=SC2086
check_words "agentd-internals.7: every room" "$man/agentd-internals.7" $rooms

# --- the daemon ---
for word in web worker sweeper all; do
	ok "agentd.8: has the mode $word" grep -Eq "^\.It Cm $word\$" "$man/agentd.8"
done
# shellcheck disable=SC2046
check_words "agentd.8: options" "$man/agentd.8" $(sed -n '/ options\[\] = {/,/};/p' "$top_srcdir/src/agentd.c" | sed -n 's/.*{"\([a-z]*\)", .*/\1/p')

# --- names of the environment ---
for name in $(cat "$top_srcdir"/src/*.c "$top_srcdir"/src/ctl/*.c "$top_srcdir"/src/config/*.c "$top_srcdir"/src/worker/*.c "$top_srcdir"/src/web/*.c |
	grep -o 'getenv("AGENTD_[A-Z_]*")' | sed 's/.*"\(.*\)".*/\1/' | sort -u); do
	ok "$name is in a page" grep -rqw "$name" "$man"
done
done_testing
