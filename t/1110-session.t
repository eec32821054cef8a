#!/bin/sh
# 1110-session.t - the session of the page by raw requests: what the cookie is, which hosts and pages may use it, what a bearer token
# beside it does, when it ends; the files of the page and what they tell browsers.
. "$top_srcdir/t/lib/pg.sh"
. "$top_srcdir/t/lib/daemon.sh"
. "$top_srcdir/t/lib/api.sh"
for tool in jq python3; do
	command -v $tool >/dev/null || {
		echo "1..0 # SKIP no $tool"
		exit 0
	}
done

api_tcp
d_init "web: {listen: \"127.0.0.1:$port\", public_url: \"https://agents.example.org\", hosts: [\"agents.lan:$port\"]}" "artifacts: {max_size: 64MiB}"
cat >"$D/root/workflows/nap.yaml" <<'END'
agentd: v1
name: nap
description: Sleeps.
steps:
  - id: each
    for: {in: "[1]", do: [{id: note, set: {n: 1}}]}
  - id: nap
    when: .vars.n == 1
    wait: 1h
    catch: over
  - id: over
    set: {n: 2}
END
d_publish
d_start all all
d_token full
full=$token
d_token reader read
reader=$token

# ask METHOD PATH [CURL-ARGUMENT...]: $code, $D/head, $D/body
ask() {
	ask_method=$1 ask_path=$2
	shift 2
	: >"$D/body"
	code=$(d_http -D "$D/head" -o "$D/body" -w '%{http_code}' -X "$ask_method" "$@" "$api$ask_path")
}
word() { jq -r '.type | ltrimstr("urn:agentd:problem:")' "$D/body"; }
header() { tr -d '\r' <"$D/head" | sed -n "s/^$1: //Ip"; }
origin="Origin: $api"
cookie="Cookie: agentd=$full"
json='Content-Type: application/json'
nap='{"workflow": "nap"}'
# sign_in TOKEN [CURL-ARGUMENT...]
sign_in() {
	sign_token=$1
	shift
	ask POST /session -H "$json" -d "{\"token\": \"$sign_token\"}" "$@"
}

# --- signing in and out ---
sign_in "$full" -H "$origin"
is "signing in" "$code" 200
is "it says who and what" "$(jq -c . "$D/body")" '{"name":"token:full","scopes":["submit","read","approve","admin","metrics"]}'
is "the cookie is for no script, no other site, all paths; by plain HTTP it is not Secure" "$(header Set-Cookie)" "agentd=$full; Path=/; HttpOnly; SameSite=Strict"
is "the answer is not stored" "$(header Cache-Control)" no-store
sign_in "$full" -H 'Origin: https://agents.example.org'
like "by the public address it is Secure" "$(header Set-Cookie)" '; Secure$'
sign_in "$full" -H 'Host: agents.example.org' -H 'Sec-Fetch-Site: same-origin'
like "also where Host says so" "$code $(header Set-Cookie)" '^200 .*; Secure$'
ask DELETE /session -H "$origin" -H "$cookie"
is "signing out" "$code $(header Set-Cookie)" "204 agentd=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0"
ask DELETE /session -H "$origin"
is "again, without a session" "$code" 204
ask GET /session -H "$cookie"
is "who am I" "$code $(jq -r .name "$D/body")" "200 token:full"
ask GET /session -H "Authorization: Bearer $reader"
is "also with a bearer token" "$code $(jq -c . "$D/body")" '200 {"name":"token:reader","scopes":["read"]}'
ask GET /session
is "nobody" "$code $(word)" "401 unauthenticated"

# --- bad tokens and bodies ---
fake=$(printf 'agd_submit_%043d' 0)
fake=${fake}_$(printf '%s' "$fake" | python3 -c 'import sys, zlib; print("%08x" % zlib.crc32(sys.stdin.buffer.read()), end="")')
for bad in "" agd_ "$fake" "${full}x" "Bearer $full"; do
	sign_in "$bad" -H "$origin"
	is "token \"$(printf %.12s "$bad")\"" "$code $(word) $(header Set-Cookie)" "401 unauthenticated "
done
ask POST /session -H "$origin" -H "$json" -d '{"token": 1}'
is "a token that is no text" "$code $(word)" "422 invalid"
ask POST /session -H "$origin" -H "$json" -d '{"token": "x", "more": 1}'
is "an unknown key" "$code $(word)" "422 invalid"
ask POST /session -H "$origin" -H "$json" -d '{'
is "no JSON" "$code $(word)" "400 malformed"
ask POST /session -H "$origin" -H 'Content-Type: application/x-www-form-urlencoded' -d "token=$full"
is "a form of another page cannot sign in" "$code $(word)" "415 media_type"
ask POST /session -H "$origin" -H 'Content-Type: text/plain' -d "{\"token\": \"$full\"}"
is "nor can one with JSON in it" "$code $(word)" "415 media_type"
ask OPTIONS /tasks -H "$cookie" -H 'Origin: https://evil.example' -H 'Access-Control-Request-Method: POST'
is "nobody elsewhere is allowed to ask" "$(header Access-Control-Allow-Origin)$(header Access-Control-Allow-Headers)" ""

# --- where the request comes from ---
# row METHOD PATH EXPECTED [HEADER...]
row() {
	row_method=$1 row_path=$2 row_want=$3
	shift 3
	row_name="$row_method $row_path by cookie: $*"
	row_n=$#
	while [ "$row_n" -gt 0 ]; do
		row_one=$1
		shift
		set -- "$@" -H "$row_one"
		row_n=$((row_n - 1))
	done
	[ "$row_method" = GET ] || set -- "$@" -H "$json" -d "$nap"
	ask "$row_method" "$row_path" -H "$cookie" "$@"
	case $code in
	2*) is "$row_name" "$code" "$row_want" ;;
	*) is "$row_name" "$code $(word)" "$row_want" ;;
	esac
}
row POST /tasks 202 "$origin"
row POST /tasks 202 "$origin" "Sec-Fetch-Site: same-origin"
row POST /tasks 202 "Sec-Fetch-Site: same-origin"
row POST /tasks 202 "Origin: https://agents.example.org"
row POST /tasks 202 "Host: agents.example.org" "Origin: https://agents.example.org" "Sec-Fetch-Site: same-origin"
row POST /tasks 202 "Host: localhost:$port" "Origin: http://localhost:$port"
row POST /tasks 202 "Host: agents.lan:$port" "Origin: http://agents.lan:$port"
row POST /tasks "403 cross_site"
row POST /tasks "403 cross_site" "Origin: null"
row POST /tasks "403 cross_site" "Origin: https://evil.example"
row POST /tasks "403 cross_site" "Origin: http://127.0.0.1:1"
row POST /tasks "403 cross_site" "Origin: http://localhost:$port"
row POST /tasks "403 cross_site" "Origin: https://agents.example.org.evil.example"
row POST /tasks "403 cross_site" "Origin: http://agents.example.org"
row POST /tasks "403 cross_site" "$origin" "Sec-Fetch-Site: cross-site"
row POST /tasks "403 cross_site" "$origin" "Sec-Fetch-Site: same-site"
row POST /tasks "403 cross_site" "Sec-Fetch-Site: none"
row POST /tasks "421 misdirected" "Host: evil.example:$port" "Origin: http://evil.example:$port" "Sec-Fetch-Site: same-origin"
row POST /tasks "421 misdirected" "Host: 127.0.0.1.evil.example:$port" "Sec-Fetch-Site: same-origin"
row POST /tasks "421 misdirected" "Host: localhost" "Origin: http://localhost"
row GET /tasks 200
row GET /tasks 200 "Sec-Fetch-Site: none"
row GET /tasks 200 "Sec-Fetch-Site: same-origin"
row GET /tasks "403 cross_site" "Sec-Fetch-Site: same-site"
row GET /tasks "403 cross_site" "Sec-Fetch-Site: cross-site"
row GET /tasks "403 cross_site" "Origin: https://evil.example"
row GET /tasks "421 misdirected" "Host: evil.example:$port"
row GET /metrics "421 misdirected" "Host: evil.example:$port"
row GET /nowhere "421 misdirected" "Host: evil.example:$port"
sign_in "$full" -H 'Origin: https://evil.example'
is "nor can another page sign somebody in" "$code $(word) $(header Set-Cookie)" "403 cross_site "
sign_in "$full"
is "or nobody" "$code $(word)" "403 cross_site"
sign_in "$full" -H "Host: evil.example:$port" -H "Origin: http://evil.example:$port"
is "or a name that was bent to this address" "$code $(word)" "421 misdirected"
ask DELETE /session -H "$cookie" -H 'Origin: https://evil.example'
is "or sign somebody out" "$code $(word)" "403 cross_site"

# --- a bearer token beside it, several cookies ---
ask POST /tasks -H "$cookie" -H "Authorization: Bearer $full" -H 'Origin: https://evil.example' -H "Host: evil.example" -H "$json" -d "$nap"
is "a bearer token is heard from anywhere, as before" "$code" 202
ask POST /tasks -H "$cookie" -H "Authorization: Bearer $reader" -H "$origin" -H "$json" -d "$nap"
is "and counts before the cookie" "$code $(word)" "403 forbidden"
ask GET /tasks -H "$cookie" -H "Authorization: Bearer nonsense" -H "$origin"
is "a bad one is not made good by the cookie" "$code $(word)" "401 unauthenticated"
ask GET /session -H "Cookie: a=b; agentd=$reader; c"
is "a cookie among others" "$code $(jq -r .name "$D/body")" "200 token:reader"
ask GET /session -H "Cookie: agentd=$reader; agentd=$full"
is "two that differ" "$code" 401
ask GET /session -H "Cookie: agentd=$full; agentd=junk; agentd=$full"
is "one, and junk of the same name" "$code" 200
ask GET /session -H "Cookie: agentd=$full" -H "Cookie: agentd=$full"
is "two headers" "$code $(word)" "400 malformed"
ask GET /session -H "Cookie: xagentd=$full"
is "another name" "$code" 401
ask POST /tasks -H "Cookie: agentd=$reader" -H "$origin" -H "$json" -d "$nap"
is "a session has the scopes of its token" "$code $(word)" "403 forbidden"

# --- it ends with its token ---
d_token brief read
brief=$token
ask GET /tasks -H "Cookie: agentd=$brief"
is "a session works" "$code" 200
d_spawn stream curl -sSN -m 30 -D "$D/stream.head" -H "Cookie: agentd=$brief" "$api/events"
ok "a stream of events begins by it" wait_for 10 grep -q '^HTTP/1.1 200' "$D/stream.head"
d_token lasting submit,read
lasting="Authorization: Bearer $token"
ask POST /tasks -H "$lasting" -H "$json" -d "$nap"
id=$(jq -r .id "$D/body")
head -c 40000000 /dev/zero >"$D/zeros"
ask PUT "/tasks/$id/artifacts/zeros" -H "$lasting" -T "$D/zeros"
is "a large file" "$code" 201
d_spawn poll curl -sS -m 60 -o /dev/null -w '%{http_code}' -H "$lasting" "$api/tasks/$id?wait=30s"
d_spawn download curl -sS -m 60 --limit-rate 2m -o "$D/part" -w '%{http_code} %{exitcode}' -H "$lasting" "$api/tasks/$id/artifacts/zeros"
begun() { [ -s "$D/part" ]; }
ok "a download begins by another token" wait_for 10 begun
ctl token revoke lasting >/dev/null
ctl token revoke brief >/dev/null
revoked_at=$(now_ms)
while ask GET /tasks -H "Cookie: agentd=$brief" && [ "$code" = 200 ] && [ $(($(now_ms) - revoked_at)) -lt 8000 ]; do sleep 0.1; done
took=$(($(now_ms) - revoked_at))
[ "$code" = 401 ] && [ $took -lt 5000 ] && pass "revoked, it ends within 5 s ($took ms)" || fail "revoked, it ends within 5 s" "$code after $took ms"
stream_ended() { ! d_alive stream; }
ok "and so does its stream of events" wait_for 8 stream_ended
poll_ended() { ! d_alive poll; }
ok "a long poll, too" wait_for 8 poll_ended
is "with 401" "$(cat "$D/poll.log")" 401
download_ended() { ! d_alive download; }
ok "and a download breaks off" wait_for 30 download_ended
like "it is not whole" "$(cat "$D/download.log") $(($(wc -c <"$D/part") < 40000000))" '200 18 1$'
short=$(ctl token create short --scopes read --expires 1s)
gone() { ask GET /tasks -H "Cookie: agentd=$short" && [ "$code" = 401 ]; }
ok "expired, too" wait_for 5 gone
case $(cat "$D/all.log") in
*"$full"* | *"$brief"*) fail "no token stands in the log" "$(grep -c agd_ "$D/all.log")" ;;
*) pass "no token stands in the log" ;;
esac

# --- the files of the page ---
ask GET / -H 'Accept: text/html,application/xhtml+xml;q=0.9'
is "a browser is led to the page" "$code $(header Location)" "303 /ui/"
ask GET / -H 'Accept: application/json'
is "a program is not" "$code $(word)" "404 not_found"
ask GET /ui/
is "the page needs no token" "$code $(header Content-Type)" "200 text/html; charset=utf-8"
like "it may load only what lies beside it" "$(header Content-Security-Policy)" "^default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
is "and tells nobody where it was" "$(header Referrer-Policy) $(header Cross-Origin-Opener-Policy) $(header X-Content-Type-Options)" "no-referrer same-origin nosniff"
is "and is asked for again" "$(header Cache-Control)" no-cache
etag=$(header ETag)
ask GET /ui/ -H "If-None-Match: $etag"
is "unchanged it is not sent again" "$code $(wc -c <"$D/body")" "304 0"
ask GET /ui/ -H 'If-None-Match: "other"'
is "another one is" "$code" 200
for f in "$top_srcdir"/src/web/ui/*.*; do
	name=$(basename "$f")
	ask GET "/ui/$name"
	cmp -s "$f" "$D/body" || fail "/ui/$name is the file" "$code"
	case $name in
	*.mjs) [ "$(header Content-Type)" = "text/javascript; charset=utf-8" ] || fail "the type of $name" "$(header Content-Type)" ;;
	*.css) [ "$(header Content-Type)" = "text/css; charset=utf-8" ] || fail "the type of $name" "$(header Content-Type)" ;;
	esac
done
pass "every file is served as it is"
is "and is small" "$(cat "$top_srcdir"/src/web/ui/*.* | wc -c | awk '{ print $1 < 120 * 1024 }')" 1
is "no file holds script or style in markup, or asks anybody else" "$(grep -nE ' on[a-z]+=|style=|<style|innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|new Function|https?://' "$top_srcdir"/src/web/ui/*.html "$top_srcdir"/src/web/ui/*.mjs "$top_srcdir"/src/web/ui/*.css | grep -v 'http://www.w3.org/2000/svg')" ""
is "what is loaded beforehand is all there is" "$(sed -n 's/.*modulepreload" href="\([^"]*\)".*/\1/p' "$top_srcdir/src/web/ui/index.html" | sort | tr '\n' ' ')" \
	"$(cd "$top_srcdir/src/web/ui" && for f in *.mjs; do echo "$f"; done | grep -v main.mjs | sort | tr '\n' ' ')"
for path in /ui/nothing.mjs /ui/pack /ui/index /ui/x/y; do
	ask GET "$path"
	case $code in 404 | 401) pass "$path is no file of it" ;; *) fail "$path is no file of it" "$code" ;; esac
done
ask GET /tasks -H "Authorization: Bearer $full"
like "answers of the API run nothing, wherever they are opened" "$(header Content-Security-Policy)" "default-src 'none'.*sandbox"
is "and no other site may take them in" "$(header Cross-Origin-Resource-Policy)" same-origin

# --- a workflow with its graph ---
ask GET /workflows/nap -H "$cookie"
is "a workflow is as in the list" "$(jq -cS 'del(.steps)' "$D/body")" "$(d_http -H "$cookie" "$api/workflows" | jq -cS '.workflows[0]')"
is "with its steps and where they lead" "$(jq -c .steps "$D/body")" '[{"id":"each","kind":"for","label":"[1]","edges":[{"kind":"next","to":"nap"}],"steps":[{"id":"note","kind":"set","label":"n","edges":[{"kind":"next","to":null}]}]},{"id":"nap","kind":"wait","label":"1h00m","edges":[{"kind":"next","to":"over"},{"kind":"skip","to":"over"},{"kind":"catch","to":"over"}]},{"id":"over","kind":"set","label":"n","edges":[{"kind":"next","to":null}]}]'
ask GET /workflows/none -H "$cookie"
is "one that there is not" "$code $(word)" "404 not_found"
rm "$D/root/workflows/nap.yaml"
cat >"$D/root/workflows/other.yaml" <<'END'
agentd: v1
name: other
steps: [{id: a, set: {n: 1}}]
END
d_publish
ask GET /workflows/nap -H "$cookie"
is "one that is active no more" "$code $(word)" "404 not_found"

# --- the database away ---
pg_down immediate
sign_in "$full" -H "$origin"
is "nobody can sign in while the database is away" "$code $(word)" "503 unavailable"
ask GET /ui/
is "the page is there" "$code" 200
pg_up
done_testing
