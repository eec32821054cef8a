#!/bin/sh
# 1010-http.t - every route and every status, by raw requests; what the database's absence does.
. "$top_srcdir/t/lib/pg.sh"
. "$top_srcdir/t/lib/daemon.sh"
command -v python3 >/dev/null || {
	echo "1..0 # SKIP no python3"
	exit 0
}

d_init "web: {listen: \"unix:@D@/web.sock\", header_timeout: 1s, body_timeout: 1s, max_body: 8KiB, max_wait: 10s, max_waiting: 3}"
cat >"$D/root/workflows/hello.yaml" <<'END'
agentd: v1
name: hello
input: {type: object, required: [who], properties: {who: {type: string}}}
budget: {usd: 0.5}
steps:
  - id: greet
    set: {text: "hello ${ .input.who }"}
output: {said: "${ .vars.text }"}
END
cat >"$D/root/workflows/nap.yaml" <<'END'
agentd: v1
name: nap
steps:
  - id: nap
    wait: 2s
END
cat >"$D/root/workflows/long.yaml" <<'END'
agentd: v1
name: long
steps:
  - id: nap
    wait: 1h
END
d_publish
d_start all all
for t in full:submit,read,approve,admin,metrics ann:submit,read bob:submit,read reader:read submitter:submit gone:submit,read; do
	d_token "${t%%:*}" "${t#*:}"
	printf '%s %s\n' "${t%%:*}" "$token" >>"$D/tokens"
done
ctl token revoke gone >/dev/null

# the lines "ok NAME" and "not ok NAME<tab>WHY" of a Python script as ours
checks() {
	python3 "$top_srcdir/t/lib/http_checks.py" "$@" >"$D/checks" 2>"$D/checks.log"
	got=$?
	while IFS= read -r line; do
		case $line in
		"ok "*) pass "${line#ok }" ;;
		"not ok "*) fail "$(printf '%s' "${line#not ok }" | cut -f1)" "$(printf '%s' "$line" | cut -f2-)" ;;
		esac
	done <"$D/checks"
	is "the checks of \"$1\" ran through" $got 0
}

checks routes "$D/web.sock" "$D/tokens"
checks heads "$D/web.sock" "$D/tokens"
checks waits "$D/web.sock" "$D/tokens"
checks slow "$D/web.sock" "$D/tokens"
ok "agentd lives" d_alive all
pg_down fast
checks away "$D/web.sock" "$D/tokens"
pg_up
ready() { d_http -f http://agentd/readyz; }
ok "it is ready again when the database is back" wait_for 10 ready
checks back "$D/web.sock" "$D/tokens"
is "the socket's mode is as set" "$(stat -c %a "$D/web.sock")" 660
d_stop all
is "agentd stops cleanly" "$status" 0
[ -e "$D/web.sock" ] && fail "the socket is removed" || pass "the socket is removed"
done_testing
