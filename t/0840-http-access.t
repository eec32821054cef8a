#!/bin/sh
# 0840-http-access.t - who gets in, for how long, and what nobody learns.
. "$top_srcdir/t/lib/pg.sh"
. "$top_srcdir/t/lib/daemon.sh"
command -v python3 >/dev/null || {
	echo "1..0 # SKIP no python3"
	exit 0
}

d_init
cat >"$D/root/workflows/nap.yaml" <<'YAML'
agentd: v1
name: nap
steps:
  - id: nap
    wait: 1h
YAML
echo secret >"$D/secret"
d_publish
d_start all all

# http TOKEN ARG...: sets $code and $body
http() {
	http_token=$1
	shift
	code=$(d_http -o "$D/body" -w '%{http_code}' -H "Authorization: Bearer $http_token" "$@")
	body=$(cat "$D/body")
}

# --- tokens that nobody knows, with a body on its way: answered, not cut ---
d_token mine submit,read
mine=$token
fake=$(printf 'agd_submit_%043d' 0)
fake=${fake}_$(printf '%s' "$fake" | python3 -c 'import sys, zlib; print("%08x" % zlib.crc32(sys.stdin.buffer.read()), end="")' 2>/dev/null)
head -c 200000 /dev/zero | tr '\0' ' ' >"$D/big"
http "$fake" -H 'Content-Type: application/json' --data-binary "@$D/big" http://agentd/tasks
is "an unknown token with a large body" "$code" 401
http "$mine" -H 'Content-Type: application/json' -d '{"workflow": "nap"}' http://agentd/tasks
is "a token's first request, with a body" "$code" 202
task=$(printf '%s' "$body" | sed 's/.*"id":"\([^"]*\)".*/\1/')
d_token admin2 read
http "$token" -H 'Content-Type: application/json' -H 'Expect: 100-continue' -d '{"workflow": "nap"}' http://agentd/tasks
is "the first request lacks the scope, and waits to be told to go on" "$code" 403

# --- revocation and expiry ---
d_token brief submit,read
brief=$token
http "$brief" http://agentd/tasks
is "a token works" "$code" 200
ctl token revoke brief >/dev/null
revoked_at=$(now_ms)
while http "$brief" http://agentd/tasks && [ "$code" = 200 ] && [ $(($(now_ms) - revoked_at)) -lt 8000 ]; do sleep 0.1; done
took=$(($(now_ms) - revoked_at))
[ "$code" = 401 ] && [ $took -lt 5000 ] && pass "revoked, it ends within 5 s ($took ms)" || fail "revoked, it ends within 5 s" "$code after $took ms"
short=$(ctl token create short --scopes read --expires 1s)
http "$short" http://agentd/tasks
is "one that expires soon works" "$code" 200
gone() { http "$short" http://agentd/tasks && [ "$code" = 401 ]; }
ok "and ends" wait_for 5 gone

# --- names that agree for long ---
name=$(printf '%064d' 0)
one=$(ctl token create "$name" --scopes submit,read)
# made by SQL, where no name is too long
other=$(printf 'agd_read_%043d' 7)
other=${other}_$(printf '%s' "$other" | python3 -c 'import sys, zlib; print("%08x" % zlib.crc32(sys.stdin.buffer.read()), end="")')
sql "SELECT agentd.token_create(sha256('$other'), '${name}longer', '{submit,read}', 0)" >/dev/null
http "$one" -H 'Content-Type: application/json' -d '{"workflow": "nap"}' http://agentd/tasks
theirs=$(printf '%s' "$body" | sed 's/.*"id":"\([^"]*\)".*/\1/')
http "$one" "http://agentd/tasks/$theirs"
is "a long name sees its task" "$code" 200
http "$other" "http://agentd/tasks/$theirs"
is "a longer one does not" "$code" 404
foreign=$body
http "$other" "http://agentd/tasks/01936f00-0000-7000-8000-000000000000"
is "a foreign task and none look alike" "$(printf '%s' "$foreign" | sed "s/$theirs/X/")" "$(printf '%s' "$body" | sed 's/01936f00-0000-7000-8000-000000000000/X/')"

# --- what nobody learns ---
http "$mine" "http://agentd/tasks?state=done"
is "a state that does not exist" "$code" 400
for file in "$D/secret" "$D/nothing" ../agentd.yaml; do
	http "$mine" -H 'Content-Type: application/yaml' --data-binary "agentd: v1
providers: {r: {wire: replay, file: $file}}
models: {m: {provider: r, id: x, price: free}}
tiers: {t: {steps: [{model: m}]}}" "http://agentd/validate?file=policies/routing.yaml"
	like "validate opens nothing for $(basename "$file")" "$body" '"valid":false.*is not a relative path'
done
http "$mine" "http://agentd/tasks/$task" # the token is known for 2 s
d_spawn poll curl -sS -m 30 --unix-socket "$D/web.sock" -H "Authorization: Bearer $mine" "http://agentd/tasks/$task?wait=1s"
sleep 0.2
pg_down immediate
d_status poll
like "the database goes during a long poll" "$(cat "$D/poll.log")" '"status":503'
case $(cat "$D/poll.log") in
*postgres* | *socket* | *"$PG_DIR"* | *PGSQL*) fail "nothing of the inside is told" "$(cat "$D/poll.log")" ;;
*) pass "nothing of the inside is told" ;;
esac
pg_up
done_testing
