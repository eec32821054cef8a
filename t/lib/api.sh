# api.sh - what the program's own tables say of its HTTP interface, and checks of it in Python. Source it after daemon.sh.
#
#   api_routes                  lines METHOD PATTERN SCOPES TYPE, of the table of routes (t/bin/routes.c)
#   api_problems                the words of all problems, one a line
#   api_checks SCRIPT GROUP...  runs t/lib/SCRIPT.py GROUP SOCKET TOKENS...: its lines "ok NAME" and "not ok NAME<tab>WHY" become ours
#   api_lines FILE              lines "ok NAME" and "not ok NAME<tab>WHY" become ours; others are said as they are
#   api_tcp                     before d_init: a free $port, $api (the address with it), and d_http and d_ready that ask there (python3)
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

api_lines() {
	while IFS= read -r api_line; do
		case $api_line in
		"ok "*) pass "${api_line#ok }" ;;
		"not ok "*) fail "$(printf '%s' "${api_line#not ok }" | cut -f1)" "$(printf '%s' "$api_line" | cut -f2-)" ;;
		*) echo "$api_line" ;;
		esac
	done <"$1"
}

api_tcp() {
	port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
	api=http://127.0.0.1:$port
	d_http() { curl -sS -m 10 "$@"; }
	d_ready() { case $1 in all | web) d_http -f "$api/readyz" ;; *) false ;; esac; }
}

api_checks() {
	api_script=$1 api_group=$2
	shift 2
	PYTHONDONTWRITEBYTECODE=1 python3 "$top_srcdir/t/lib/$api_script.py" "$api_group" "$D/web.sock" "$D/tokens" "$@" >"$D/checks" 2>"$D/checks.log"
	api_got=$?
	api_lines "$D/checks"
	[ $api_got = 0 ] || sed 's/^/# /' "$D/checks.log"
	is "the checks of \"$api_group\" ran through" $api_got 0
}
