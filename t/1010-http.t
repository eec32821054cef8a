#!/bin/sh
# 1010-http.t - every route and every status, by raw requests; what the database's absence does.
. "$top_srcdir/t/lib/pg.sh"
. "$top_srcdir/t/lib/daemon.sh"
. "$top_srcdir/t/lib/api.sh"
command -v python3 >/dev/null || {
	echo "1..0 # SKIP no python3"
	exit 0
}

d_init "web: {listen: \"unix:@D@/web.sock\", header_timeout: 1s, body_timeout: 1s, max_body: 8KiB, max_wait: 10s, max_waiting: 3, hosts: [localhost]}"
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
mkdir "$D/root/hooks"
cat >"$D/root/hooks/large.yaml" <<'END'
agentd: v1
name: large
workflow: hello
verify: {scheme: github, secret: HOOK_LARGE}
input: {who: x}
END
d_publish
d_start all all HOOK_LARGE=secret
api_tokens full:submit,read,approve,admin,metrics ann:submit,read bob:submit,read

api_checks http_checks routes
api_checks http_checks opened
api_checks http_checks files
one_file() { [ "$(sql "SELECT count(*), sum(size_bytes) FROM agentd.files") $(sql "SELECT files, size_bytes FROM agentd.file_total")" = "1|400 1|400" ]; }
ok "what came with a refused submission is taken away, but not what others have" wait_for 10 one_file
api_checks http_checks kept
api_checks http_corpus all
api_checks http_checks waits
api_checks http_checks slow
api_checks idle hold 500 20 40 1
ok "agentd lives" d_alive all
pg_down fast
api_checks http_checks away
pg_up
ready() { d_http -f http://agentd/readyz; }
ok "it is ready again when the database is back" wait_for 10 ready
api_checks http_checks back
is "the socket's mode is as set" "$(stat -c %a "$D/web.sock")" 660
d_stop all
is "agentd stops cleanly" "$status" 0
[ -e "$D/web.sock" ] && fail "the socket is removed" || pass "the socket is removed"
done_testing
