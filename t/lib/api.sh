# api.sh - checks of the program's HTTP interface in Python. Source it after daemon.sh.
#
#   api_checks SCRIPT GROUP...  runs t/lib/SCRIPT.py GROUP SOCKET TOKENS...: its lines "ok NAME" and "not ok NAME<tab>WHY" become ours
#   api_tokens [NAME:SCOPES...] makes these tokens and writes them to $D/tokens, lines NAME TOKEN

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
	is "the checks of \"$api_group\" ran through" $api_got 0
}
