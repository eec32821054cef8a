#!/bin/sh
# 0842-http-matrix.t - every route with every method and every kind of caller, from the table of routes itself: 401 and 403 before the
# body, 405 with Allow, 404.
. "$top_srcdir/t/lib/pg.sh"
. "$top_srcdir/t/lib/daemon.sh"
. "$top_srcdir/t/lib/api.sh"
command -v python3 >/dev/null || {
	echo "1..0 # SKIP no python3"
	exit 0
}

d_init
cat >"$D/root/workflows/hello.yaml" <<'END'
agentd: v1
name: hello
steps:
  - id: greet
    set: {text: hello}
END
d_publish
d_start all all
api_tokens submit:submit read:read approve:approve admin:admin metrics:metrics revoked:submit,read,approve,admin,metrics
ctl token revoke revoked >/dev/null
token=$(ctl token create expired --scopes submit,read,approve,admin,metrics --expires 1s)
printf 'expired %s\n' "$token" >>"$D/tokens"
gone() { [ "$(d_http -o "$D/body" -w '%{http_code}' -H "Authorization: Bearer $token" http://agentd/openapi.json)" = 401 ]; }
ok "a token expires" wait_for 10 gone
api_routes >"$D/routes" || bail "there are no routes"
api_checks http_matrix all "$D/routes"
ok "agentd lives" d_alive all
is "it never failed" "$(grep -c 'error all' "$D/all.log")" 0
done_testing
