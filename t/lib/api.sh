# api.sh - what the program's own tables say of its HTTP interface, and checks of it in Python. Source it after daemon.sh.
#
#   api_routes                  lines METHOD PATTERN SCOPES TYPE, of the table of routes (t/bin/routes.c)
#   api_problems                the words of all problems, one a line
#   api_checks SCRIPT GROUP...  runs t/lib/SCRIPT.py GROUP SOCKET TOKENS...: its lines "ok NAME" and "not ok NAME<tab>WHY" become ours
#   api_tokens [NAME:SCOPES...] makes these tokens and writes them to $D/tokens, lines NAME TOKEN
#
# The first two fail when they find nothing.

api_routes() {
	"$top_builddir/t/bin/routes" >"$D/api.routes" && [ -s "$D/api.routes" ] && cat "$D/api.routes"
}

# Those of errors stand in reply.c's table, others where they are given.
api_problems() {
	sed -n 's/^	{ERR_[A-Z_]*, [0-9]*, "\([a-z_]*\)".*/\1/p' "$top_srcdir/src/web/reply.c" | sort -u >"$D/api.errors"
	cat "$top_srcdir"/src/web/*.c | tr -d '\n' | grep -oE '(reply_problem|fill(_with)?)\([^";]*"[a-z_]*"' | sed 's/.*"\([a-z_]*\)"/\1/' |
		sort -u >"$D/api.given"
	[ -s "$D/api.errors" ] && [ -s "$D/api.given" ] && sort -u "$D/api.errors" "$D/api.given"
}

api_tokens() {
	for api_token; do
		d_token "${api_token%%:*}" "${api_token#*:}"
		printf '%s %s\n' "${api_token%%:*}" "$token" >>"$D/tokens"
	done
}

api_checks() {
	api_script=$1 api_group=$2
	shift 2
	PYTHONDONTWRITEBYTECODE=1 python3 "$top_srcdir/t/lib/$api_script.py" "$api_group" "$D/web.sock" "$D/tokens" "$@" >"$D/checks" 2>"$D/checks.log"
	api_got=$?
	while IFS= read -r api_line; do
		case $api_line in
		"ok "*) pass "${api_line#ok }" ;;
		"not ok "*) fail "$(printf '%s' "${api_line#not ok }" | cut -f1)" "$(printf '%s' "$api_line" | cut -f2-)" ;;
		*) echo "$api_line" ;;
		esac
	done <"$D/checks"
	[ $api_got = 0 ] || sed 's/^/# /' "$D/checks.log"
	is "the checks of \"$api_group\" ran through" $api_got 0
}
