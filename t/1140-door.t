#!/bin/sh
# 1140-door.t - the OpenAI-compatible routes, byte by byte: refusals in OpenAI's form, limits, clients that leave or read slowly, tokens
# that end, money of calls without a task, a server that is killed between hold and settlement.
. "$top_srcdir/t/lib/pg.sh"
. "$top_srcdir/t/lib/daemon.sh"
. "$top_srcdir/t/lib/api.sh"
. "$top_srcdir/t/lib/door.sh"

door_web=', max_model_calls: 2, body_timeout: 2s, max_body: 1MiB'
door_fixture
bearer="Authorization: Bearer $token"
json="Content-Type: application/json"

# chat FIELDS, embed FIELDS: set $status, $D/head, $D/body
post() {
	status=$(curl -sS -m 20 -o "$D/body" -D "$D/head" -w '%{http_code}' -H "$bearer" -H "$json" "$base/$1" -d "$2") || status="${status:-} failed"
}
chat() { post chat/completions "$1"; }
embed() { post embeddings "$1"; }
question() { printf '{"model":"%s","messages":[{"role":"user","content":"hi"}]%s}' "$1" "${2:-}"; }
field() { jq -cr "$1" "$D/body"; }
header() { tr -d '\r' <"$D/head" | sed -n "s/^$1: //Ip"; }
error() { field '[(.error | keys | join(" ")), .error.type, .error.code, .error.param] | map(. // "null") | join(",")'; }

# refused NAME STATUS TYPE,CODE,PARAM CURL-ARGUMENTS...
refused() {
	refused_name=$1 refused_want="$2 code message param type,$3 application/json"
	shift 3
	status=$(curl -sS -m 10 -o "$D/body" -D "$D/head" -w '%{http_code}' "$@")
	is "refused: $refused_name" "$status $(error) $(header content-type)" "$refused_want"
}
refused "no token" 401 invalid_request_error,invalid_api_key,null "$base/models"
refused "a token of somebody else" 401 invalid_request_error,invalid_api_key,null -H "Authorization: Bearer sk-1234" "$base/models"
reader=$(ctl token create reader --scopes read)
refused "a token without the scope" 403 invalid_request_error,insufficient_permissions,null -H "Authorization: Bearer $reader" "$base/models"
refused "an unknown path" 404 invalid_request_error,not_found,null -H "$bearer" "$base/completions"
refused "a method" 405 invalid_request_error,method,null -H "$bearer" "$base/chat/completions"
refused "a type of body" 415 invalid_request_error,media_type,null -H "$bearer" -H "Content-Type: text/plain" -d x "$base/chat/completions"
refused "no JSON" 400 invalid_request_error,malformed,null -H "$bearer" -H "$json" -d '{"model":' "$base/chat/completions"
refused "a key twice" 400 invalid_request_error,malformed,null -H "$bearer" -H "$json" -d '{"model":"a","model":"b"}' "$base/chat/completions"
refused "a parameter" 400 invalid_request_error,malformed,null -H "$bearer" "$base/models?limit=3"
refused "a field" 400 invalid_request_error,invalid_type,messages -H "$bearer" -H "$json" -d '{"model":"hello","messages":{}}' "$base/chat/completions"
head -c 1100000 /dev/zero | tr '\0' ' ' >"$D/large"
refused "a body that is no object" 400 invalid_request_error,invalid_type,null -H "$bearer" -H "$json" -d '["a"]' "$base/embeddings"
refused "no texts" 400 invalid_request_error,invalid_value,input -H "$bearer" -H "$json" -d '{"model":"vectors","input":[]}' "$base/embeddings"
refused "an empty text" 400 invalid_request_error,invalid_value,'input[1]' -H "$bearer" -H "$json" -d '{"model":"vectors","input":["a",""]}' "$base/embeddings"
refused "tokens" 400 invalid_request_error,unsupported_value,input -H "$bearer" -H "$json" -d '{"model":"vectors","input":[[1,2]]}' "$base/embeddings"
refused "another length of vectors" 400 invalid_request_error,unsupported_value,dimensions -H "$bearer" -H "$json" -d '{"model":"vectors","input":"a","dimensions":4}' "$base/embeddings"
refused "embeddings of an unknown tier" 404 invalid_request_error,model_not_found,model -H "$bearer" -H "$json" -d '{"model":"none","input":"a"}' "$base/embeddings"
refused "embeddings of a tier that chats" 404 invalid_request_error,model_not_found,model -H "$bearer" -H "$json" -d '{"model":"hello","input":"a"}' "$base/embeddings"
like "it says where" "$(field .error.message)" 'ask it at POST /v1/chat/completions'
refused "embeddings of a workflow" 404 invalid_request_error,model_not_found,model -H "$bearer" -H "$json" -d '{"model":"workflow:say","input":"a"}' "$base/embeddings"
refused "a chat of a tier that embeds" 404 invalid_request_error,model_not_found,model -H "$bearer" -H "$json" -d "$(question vectors)" "$base/chat/completions"
like "it says where, too" "$(field .error.message)" 'ask it at POST /v1/embeddings'
refused "a text that is too long" 400 invalid_request_error,context_length_exceeded,input -H "$bearer" -H "$json" -d '{"model":"vectors","input":"'"$(head -c 60000 /dev/zero | tr '\0' x)"'"}' "$base/embeddings"
refused "a body that is too large" 413 invalid_request_error,too_large,null -H "$bearer" -H "$json" --data-binary "@$D/large" "$base/chat/completions"
like "each has an id" "$(header x-request-id)" '^[0-9a-f-]{36}$'

open_holds() { [ "$(sql "SELECT count(*) FROM agentd.spend_hold WHERE settled_at IS NULL")" = "$1" ]; }

# --- an answer, and its money ---
chat "$(question hello ',"top_p":1')"
is "an answer" "$status $(field '.choices[0].message.content')" "200 Hello from the stub."
id=$(field .id | sed 's/^chatcmpl-//')
is "its id is that of the request" "$(header x-request-id)" "$id"
is "what has no effect is named" "$(header x-agentd-ignored)" top_p
cost=$(header x-agentd-cost-usd)
recorded() { [ "$(sql "SELECT count(*) FROM agentd.model_calls WHERE task = '$id'")" = 1 ]; }
ok "its call is recorded" wait_for 10 recorded
is "with the token, the path and the cost" "$(sql "SELECT token, path, tier, cost_usd = $cost, hold IS NOT NULL FROM agentd.model_calls WHERE task = '$id'")" "token:caller|chat|hello|t|t"
is "its hold is settled at that" "$(sql "SELECT amount_usd > settled_usd, settled_usd = $cost FROM agentd.spend_hold WHERE task = '$id'")" "t|t"
is "what the model was asked" "$(tail -n 1 "$D/asked.txt" | cut -d' ' -f3- | jq -c '[.messages, .max_tokens]')" '[[{"role":"user","content":"hi"}],100]'
chat "$(question free)"
id=$(field .id | sed 's/^chatcmpl-//')
ok "a free call is recorded, too" wait_for 10 recorded
is "without a hold" "$(sql "SELECT hold IS NULL, cost_usd FROM agentd.model_calls WHERE task = '$id'")" "t|0.000000000000"
chat "$(question falls)"
id=$(field .id | sed 's/^chatcmpl-//')
recorded() { [ "$(sql "SELECT count(*) FROM agentd.model_calls WHERE task = '$id'")" = 3 ]; }
ok "each attempt of a call is" wait_for 10 recorded
chat "$(question say)"
is "a tier and a workflow are told apart" "$status $(error)" "404 code message param type,invalid_request_error,model_not_found,model"
chat "$(question workflow:say)"
task=$(header x-agentd-task)
is "a workflow is a task of the token" "$(sql "SELECT submitted_by, state FROM agentd.tasks WHERE id = '$task'")" "token:caller|succeeded"
other=$(ctl token create other --scopes submit,read)
mine=$(ctl --json cost --by token | jq -c '.rows | map([.key, .calls])')
is "cost by token: its questions and its tasks'" "$mine" '[["token:caller",6]]'
is "by task: only tasks" "$(ctl --json cost --by task | jq -c '.rows | map([.key, .calls])')" "$(printf '[[null,5],["%s",1]]' "$task")"
is "by workflow" "$(ctl --json cost --by workflow | jq -c '.rows | map([.key, .calls])')" '[[null,5],["say",1]]'
is "others see nothing of it" "$(curl -sS -H "Authorization: Bearer $other" "$api/cost?by=token" | jq -c .rows)" "[]"
metrics=$(ctl token create metrics --scopes metrics)
counted() { curl -sS -H "Authorization: Bearer $metrics" "$api/metrics" | grep -q '^agentd_model_calls_total{tier="falls",provider="stub",model="hello",outcome="ok"} 1$'; }
ok "metrics count it" wait_for 30 counted

# --- caps of tokens: 0.001 USD a day, of which a question holds 0.000225 and costs 0.000039 ---
many=$(ctl token create many --scopes submit)
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30; do
	printf 'next\nurl = "%s/chat/completions"\nheader = "Authorization: Bearer %s"\nheader = "%s"\ndata = "%s"\noutput = /dev/null\nwrite-out = "%%{http_code}\\n"\n' \
		"$base" "$many" "$json" '{\"model\":\"capped\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}'
done | sed 1d >"$D/curl"
curl -sS -m 60 -K "$D/curl" >"$D/codes" 2>&1
is "who has used up its cap is refused" "$(sort "$D/codes" | uniq | tr '\n' ' ')" "200 429 "
ok "all is settled" wait_for 10 open_holds 0
is "not a cent more was spent or held" "$(sql "SELECT spent_usd <= 0.001, spent_usd > 0.0007, held_usd, scope_key FROM agentd.spend_window WHERE cap = 'each_token'")" \
	"t|t|0.000000000000|token:many"
caller=$bearer
bearer="Authorization: Bearer $many"
chat "$(question capped)"
is "it is told so, and not to come again" "$status $(error) $(header x-should-retry)" "429 code message param type,insufficient_quota,budget_exceeded,null false"
like "by which cap" "$(field .error.message)" 'cap "each_token" of token "token:many" needs 0\.[0-9]+ USD'
chat "$(question hello)"
is "where there is no cap it may ask" "$status" 200
bearer=$caller
chat "$(question capped)"
is "others have their own" "$status" 200

# --- embeddings ---
embed '{"model":"vectors","input":["one","two","one"],"dimensions":8,"user":"me"}'
is "vectors, in the order of the texts" "$status $(field '[.object, .model, (.data | map(.object, .index, (.embedding | length)) | tostring)] | join(" ")')" \
	'200 list vectors ["embedding",0,8,"embedding",1,8,"embedding",2,8]'
is "the same text has the same, another another" "$(field '.data | map(.embedding) | .[0] == .[2] and .[0] != .[1]')" true
is "each of length 1" "$(field '[.data[].embedding | map(. * .) | add | . > 0.99999 and . < 1.00001] | all')" true
is "its tokens" "$(field '.usage.prompt_tokens > 0 and .usage.prompt_tokens == .usage.total_tokens')" true
is "its headers" "$(header content-type) $(header x-agentd-route) $(header x-agentd-step) $(header x-agentd-ignored)" "application/json vectors vectors user"
is "what the model was asked" "$(tail -n 1 "$D/asked.txt" | cut -d' ' -f3- | jq -c '[.model, .input, .dimensions]')" '["stub/vectors",["one","two","one"],8]'
field '.data[0].embedding' >"$D/numbers"
id=$(header x-request-id)
cost=$(header x-agentd-cost-usd)
recorded() { [ "$(sql "SELECT count(*) FROM agentd.model_calls WHERE task = '$id'")" = "$1" ]; }
ok "the call is recorded" wait_for 10 recorded 1
is "with the token, the path and the cost" "$(sql "SELECT token, path, tier, cost_usd = $cost, cost_usd > 0, in_fresh > 0 FROM agentd.model_calls WHERE task = '$id'")" "token:caller|embed|vectors|t|t|t"
is "its hold is settled at that" "$(sql "SELECT settled_usd = $cost FROM agentd.spend_hold WHERE task = '$id'")" t
embed '{"model":"vectors","input":"one","encoding_format":"base64"}'
is "base64: the same numbers" "$(field '.data[0].embedding' | python3 -c 'import base64, json, struct, sys
print(struct.unpack("<8f", base64.b64decode(sys.stdin.read())) == struct.unpack("<8f", struct.pack("<8f", *json.load(open(sys.argv[1])))))' "$D/numbers")" True
jq -cn '{model: "vectors", encoding_format: "base64", input: [range(2048) | "text \(.)"]}' >"$D/many"
embed "@$D/many"
is "2048 texts" "$status $(field '[(.data | length), (.data | map(.index) == [range(2048)]), (.data[2047].embedding | length)] | tostring')" "200 [2048,true,44]"
jq -cn '{model: "vectors", input: [range(2049) | "text \(.)"]}' >"$D/many"
embed "@$D/many"
is "and no more" "$status $(error)" "400 code message param type,invalid_request_error,invalid_value,input"
jq -cn '{model: "v-long", input: [range(1001) | "text \(.)"]}' >"$D/many"
embed "@$D/many"
is "nor more numbers than one answer holds" "$status $(error)" "400 code message param type,invalid_request_error,invalid_value,input"
is "it says how many texts may be" "$(field .error.message)" 'input: 1001 texts, at most 1000 can be embedded at once by model "v-long", whose vectors have 2000 numbers'
jq -cn '{model: "v-long", input: [range(1000) | "text \(.)"]}' >"$D/many"
embed "@$D/many"
is "all that it holds" "$status $(field '[(.data | length), ([.data[].embedding | length] | unique)] | tostring')" "200 [1000,[2000]]"
embed '{"model":"v-no-usage","input":"one"}'
is "of a provider that counts nothing" "$status $(field '.usage | tostring')" '200 {"prompt_tokens":0,"total_tokens":0}'
embed '{"model":"v-count","input":["one","two"]}'
is "a vector too few is no answer" "$status $(error)" "502 code message param type,server_error,provider_bad_body,null"
embed '{"model":"v-nan","input":"one"}'
is "nor is what is no number" "$status $(field .error.code)" "502 provider_bad_body"
embed '{"model":"v-s500","input":"one"}'
is "the provider's trouble" "$status $(field .error.code)" "502 provider_error"
vectors=$(ctl token create vectors --scopes submit)
bearer="Authorization: Bearer $vectors"
codes=
for i in 1 2 3 4 5 6; do
	embed '{"model":"vectors-capped","input":"'"$(head -c 900 /dev/zero | tr '\0' x)"'"}'
	codes="$codes $status"
done
is "caps hold" "$codes" " 200 200 200 429 429 429"
is "who has used up its own is told so" "$(error) $(header x-should-retry)" "code message param type,insufficient_quota,budget_exceeded,null false"
ok "all is settled, too" wait_for 10 open_holds 0
is "not a cent more was spent on vectors" "$(sql "SELECT spent_usd <= 0.001, spent_usd > 0.0006, held_usd FROM agentd.spend_window WHERE scope_key = 'token:vectors'")" "t|t|0.000000000000"
bearer=$caller
is "models: tiers of both kinds" "$(curl -sS -H "$bearer" "$base/models" | jq -c '[.data[].id] | [index("hello"), index("vectors")] | map(. != null)')" "[true,true]"

# --- streams ---
chat "$(question bytes ',"stream":true')"
is "a stream's head" "$status $(header content-type) $(header cache-control) $(header x-accel-buffering) $(header x-agentd-step)" \
	"200 text/event-stream; charset=utf-8 no-cache no bytes"
is "its end" "$(grep -v '^$' "$D/body" | tail -n 1)" "data: [DONE]"
chat "$(question late-falls ',"stream":true')"
is "one that is cut ends with the error" "$(grep -v '^$' "$D/body" | tail -n 1 | sed 's/^data: //' | jq -r .error.code)" provider_stream_error
is "and without the end" "$(grep -c DONE "$D/body")" 0

# --- clients that leave ---
ask_in_background() { d_spawn "$1" curl -sS -N -m 30 -H "$bearer" -H "$json" "$base/chat/completions" -d "$2"; }
ask_in_background one "$(question hang-body)"
ask_in_background two "$(question hang-middle ',"stream":true')"
has_piece() { grep -q '"content":"[^"]' "$D/two.log"; }
ok "a piece comes at once" wait_for 10 has_piece
ok "two calls hold money" wait_for 10 open_holds 2
chat "$(question hello)"
is "no more than max_model_calls at once" "$status $(error) $(header retry-after)" "503 code message param type,server_error,overloaded,null 1"
d_signal one KILL
d_status one
d_signal two KILL
d_status two
ok "who leaves is settled" wait_for 10 open_holds 0
is "as cancelled" "$(sql "SELECT string_agg(tier || ' ' || error_class || ' ' || cost_source, ', ' ORDER BY tier) FROM agentd.model_calls WHERE tier IN ('hang-body', 'hang-middle')")" \
	"hang-body cancelled estimated, hang-middle cancelled estimated"
chat "$(question hello)"
is "there is room again" "$status" 200
d_spawn one curl -sS -m 30 -H "$bearer" -H "$json" "$base/embeddings" -d '{"model":"v-hang-headers","input":"one"}'
ok "a call for vectors holds money" wait_for 10 open_holds 1
d_signal one KILL
d_status one
ok "who leaves that is settled, too" wait_for 10 open_holds 0
is "as cancelled, too" "$(sql "SELECT error_class || ' ' || cost_source FROM agentd.model_calls WHERE tier = 'v-hang-headers'")" "cancelled estimated"

# --- a token that ends ---
short=$(ctl token create short --scopes submit)
caller=$bearer
bearer="Authorization: Bearer $short"
ask_in_background one "$(question hang-middle ',"stream":true')"
bearer=$caller
has_piece() { grep -q '"content":"[^"]' "$D/one.log"; }
ok "a stream goes on" wait_for 10 has_piece
ctl token revoke short >/dev/null
gone() { ! d_alive one; }
ok "until its token is revoked" wait_for 12 gone
d_status one
is "it ends without [DONE]" "$(grep -c DONE "$D/one.log")" 0
ok "and is settled" wait_for 10 open_holds 0

# --- a client that reads slowly: over a Unix socket, which holds little ---
sed "s|127.0.0.1:$port|unix:$D/web.sock|" "$D/agentd.yaml" >"$D/near.yaml"
cat >"$D/slow.py" <<'END'
import json
import select
import sys
sys.path.insert(0, sys.argv[1])
import client
body = json.dumps({"model": "echo-large", "stream": True, "messages": [{"role": "user", "content": "x" * 900000}]}).encode()
s = client.connect(sys.argv[2], 20)
s.sendall(client.request_bytes("POST", "/v1/chat/completions", body=body, headers=["Authorization: Bearer " + sys.argv[3]]))
head = s.recv(200)
poll = select.poll()
poll.register(s, select.POLLRDHUP)
cut = poll.poll(20000)                  # it takes nothing more
rest = b""
while piece := s.recv(65536):
    rest += piece
print(head[9:12].decode(), bool(cut), b"DONE" in rest, len(rest) < 900000)
END
near_ready() { curl -sS -f -m 10 --unix-socket "$D/web.sock" http://agentd/readyz; }
d_spawn near "$agentd" -c "$D/near.yaml" web
ok "a server at a Unix socket" wait_for 10 near_ready
is "a client that takes nothing is cut off" "$(PYTHONDONTWRITEBYTECODE=1 python3 "$D/slow.py" "$top_srcdir/t/lib" "$D/web.sock" "$token" 2>&1)" "200 True False True"
ok "and is settled" wait_for 10 open_holds 0
d_stop near

# --- the server ends ---
ask_in_background one "$(question hang-middle ',"stream":true')"
has_piece() { grep -q '"content":"[^"]' "$D/one.log"; }
ok "a stream goes on when the server is told to stop" wait_for 10 has_piece
d_stop web
is "it ends well" "$status" 0
d_status one
is "the stream ends without [DONE]" "$(grep -c DONE "$D/one.log")" 0
is "what it cost is recorded by then" "$(sql "SELECT count(*) FROM agentd.spend_hold WHERE settled_at IS NULL")" 0

d_start web web
ask_in_background one "$(question hang-body)"
ok "a call holds money" wait_for 10 open_holds 1
d_signal web KILL
d_status web
d_status one
is "a server that is killed leaves the hold" "$(sql "SELECT count(*), bool_and(amount_usd > 0) FROM agentd.spend_hold WHERE settled_at IS NULL")" "1|t"
is "which is not given up before its time" "$(sql "SELECT agentd.sweep_expired_holds('{}')")" 0
is "then it counts as spent, all of it" \
	"$(sql "SET agentd.fake_now = '2031-01-01'; SELECT agentd.sweep_expired_holds('{}'); SELECT count(*), bool_and(settled_usd = amount_usd) FROM agentd.spend_hold WHERE lapsed")" "1
1|t"
done_testing
