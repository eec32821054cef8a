#!/bin/sh
# 1067-webhooks.t - tasks tell their webhooks that they ended: signed, again until it is taken, whatever is killed meanwhile; and
# people are told of what concerns them, in the words of their provider. A receiver checks each signature by an implementation of its own.
. "$top_srcdir/t/lib/pg.sh"
. "$top_srcdir/t/lib/daemon.sh"
for tool in jq python3; do
	command -v $tool >/dev/null || {
		echo "1..0 # SKIP no $tool"
		exit 0
	}
done

secret() { printf 'whsec_%s' "$(printf '%-32s' "$1" | tr ' ' x | base64 -w 0)"; }
NEW=$(secret new) OLD=$(secret old)
export NEW OLD NTFY_TOKEN=tk_ntfy SLACK_TOKEN=T0/B0/xyz TELEGRAM_TOKEN=123:abc JSON_TOKEN=j.j
d_init 'webhooks:' '  secrets: [NEW, OLD]' '  allow: ["127.0.0.0/8:9", "localhost:9", 127.0.0.1, "[::1]:9"]' '  retry: [100ms, 100ms, 100ms]' '  timeout: 2s' '  max_body: 4KiB' \
	'notify:' \
	'  - {name: phone, on: [approval.requested, task.failed], template: ntfy, url: "http://127.0.0.1:9/ntfy", topic: ops, token: NTFY_TOKEN}' \
	'  - {name: room, on: [approval.requested, task.quarantined, task.uncertain], template: slack, url: "http://127.0.0.1:9/slack", token: SLACK_TOKEN, when: {risks: [high]}}' \
	'  - {name: bot, on: [approval.requested, task.failed], template: telegram, url: "http://127.0.0.1:9/telegram", chat: "-100123", token: TELEGRAM_TOKEN, when: {workflows: [mail]}}' \
	'  - {name: program, on: [task.failed], template: json, url: "http://127.0.0.1:9/program", token: JSON_TOKEN}' \
	'  - {name: flood, on: [task.failed], template: telegram, url: "http://127.0.0.1:9/flood", chat: "1", token: TELEGRAM_TOKEN, when: {workflows: [floods]}}' \
	'  - {name: dead, on: [task.failed], template: json, url: "http://127.0.0.1:9/silent", when: {workflows: [floods]}}' \
	'  - {name: late, on: [approval.expiring], template: ntfy, url: "http://127.0.0.1:9/late", topic: ops}'
d_spawn receiver python3 "$top_srcdir/t/lib/receiver.py" "$D/port" "$D/got" "$OLD"
wait_for 10 test -s "$D/port" || bail "the receiver did not start"
port=$(cat "$D/port")
sed -i "s/:9\([/\"]\)/:$port\1/g" "$D/agentd.yaml"
: >"$D/got"
cat >"$D/root/workflows/noop.yaml" <<'END'
agentd: v1
name: noop
input: {type: object, properties: {n: {type: integer}, pad: {type: string}}}
steps: [{id: a, set: {x: 1}}]
output: {n: "${ .input.n }", pad: "${ .input.pad }"}
END
cat >"$D/root/workflows/fails.yaml" <<'END'
agentd: v1
name: fails
steps: [{id: a, raise: {type: oh.no, message: "it <b>broke</b> & *burns*"}}]
END
sed 's/^name: .*/name: floods/' "$D/root/workflows/fails.yaml" >"$D/root/workflows/floods.yaml"
cat >"$D/root/workflows/brief.yaml" <<'END'
agentd: v1
name: brief
steps:
  - id: sure
    approve: {title: "Quick!", timeout: 15s}
END
cat >"$D/root/workflows/mail.yaml" <<'END'
agentd: v1
name: mail
input: {type: object, properties: {title: {type: string}}}
steps:
  - id: sure
    approve: {title: "${ .input.title }", risk: high}
END
sed 's/^name: .*/name: quiet/; s/risk: high/risk: low/' "$D/root/workflows/mail.yaml" >"$D/root/workflows/quiet.yaml"
d_publish
d_token ci submit,read
ci=$token
d_token other submit,read
other=$token
d_start web web
d_start worker worker

http() {
	if [ $# -gt 3 ]; then set -- "$1" "$2" "$3" -H 'Content-Type: application/json' -d "$4"; fi
	http_auth="Authorization: Bearer $1" http_method=$2 http_path=$3
	shift 3
	code=$(d_http -o "$D/answer" -w '%{http_code}' -X "$http_method" -H "$http_auth" "$@" "http://agentd$http_path")
}
# submit WORKFLOW INPUT [PATH [EVENTS]]: $t, with a webhook to the receiver's PATH
submit() {
	http "$ci" POST /tasks "{\"workflow\": \"$1\", \"input\": $2${3:+, \"webhook\": {\"url\": \"http://127.0.0.1:$port$3\"${4:+, \"events\": $4}\}}}"
	t=$(jq -r .id "$D/answer")
}
got() { jq -c "select($1)" "$D/got" | wc -l | tr -d ' '; }
got_is() { [ "$(got "$1")" = "$2" ]; }
delivery() { sql "SELECT state FROM agentd.webhook_deliveries WHERE task = '$1' AND target IS NULL"; }
delivery_is() { [ "$(delivery "$1")" = "$2" ]; }
hurry() { sql "UPDATE agentd.webhook_deliveries SET due_at = 'epoch' WHERE state = 'pending'" >/dev/null; }

# --- the delivery is made with the end, whoever runs ---
submit noop '{"n": 1}' /ok/first
is "a task with a webhook is taken" "$code" 202
ok "it ends" wait_for 20 task_is "$t" succeeded
is "its delivery is there with the end, though nobody sends" "$(delivery "$t")" pending
first=$t
submit noop '{"n": 2}'
ok "another without one ends" wait_for 20 task_is "$t" succeeded
is "and has no delivery" "$(delivery "$t")" ""
http "$ci" GET "/tasks/$first/webhooks"
ok "the task's webhook is shown" jq -e --arg u "http://127.0.0.1:$port/ok/first" '.webhook == {url: $u, events: ["finished"]}
	and (.deliveries | length == 1 and .[0].state == "pending" and .[0].event == "task.finished" and .[0].attempts == [])' "$D/answer"
http "$other" GET "/tasks/$first/webhooks"
is "but not to a stranger" "$code" 404

# --- signed ---
d_start sweeper sweeper
ok "a sweeper sends it" wait_for 20 got_is '.path == "/ok/first"' 1
ok "and records that" wait_for 20 delivery_is "$first" delivered
ok "by both secrets, one of which the receiver knows" jq -es 'map(select(.path == "/ok/first")) | .[0] | .good and (.headers["webhook-signature"] | split(" ") | length == 2)
	and .method == "POST" and .headers["content-type"] == "application/json"' "$D/got"
ok "it tells of the task as the API shows it" jq -es --arg t "$first" 'map(select(.path == "/ok/first")) | .[0].body | fromjson
	| .type == "task.finished" and (.timestamp | fromdateiso8601? // (.[0:19] + "Z" | fromdateiso8601) | . > 0)
	and .data.id == $t and .data.state == "succeeded" and .data.output.n == 1 and (.data.steps | length == 1)' "$D/got"
is "the id is that of the delivery" "$(jq -r 'select(.path == "/ok/first") | .headers["webhook-id"]' "$D/got")" "$(sql "SELECT id FROM agentd.webhook_deliveries WHERE task = '$first'")"
http "$ci" GET "/tasks/$first/webhooks"
ok "the attempt is recorded" jq -e '.deliveries[0] | .state == "delivered" and (.attempts | length == 1 and .[0].status == 200 and .[0].n == 1)' "$D/answer"

# --- what receivers answer ---
submit noop '{"n": 3}' /later/2
later=$t
ok "refused twice, it is taken at the third attempt" wait_for 20 delivery_is "$later" delivered
is "three attempts" "$(sql "SELECT string_agg(a.status::text, ' ' ORDER BY n) FROM agentd.webhook_attempts a JOIN agentd.webhook_deliveries d ON d.id = a.delivery WHERE d.task = '$later'")" "500 500 200"
is "all with one id" "$(jq -r 'select(.path == "/later/2") | .headers["webhook-id"]' "$D/got" | sort -u | wc -l | tr -d ' ')" 1
submit noop '{"n": 4}' /gone
ok "410 ends it" wait_for 20 delivery_is "$t" failed
is "after one attempt" "$(got '.path == "/gone"')" 1
gone=$t
submit noop '{"n": 5}' /moved
ok "a redirect is a failure, to the end of the schedule" wait_for 20 delivery_is "$t" failed
is "of four attempts" "$(got '.path == "/moved"')" 4
like "it says why" "$(ctl webhooks list --task "$t" --json | jq -r '.deliveries[0].error')" "redirects are not followed"
is "nobody went where it pointed" "$(got '.path == "/ok"')" 0
submit noop '{"n": 6}' /busy
ok "429" wait_for 20 got_is '.path == "/busy"' 1
later_at() { sql "SELECT due_at > clock_timestamp() + interval '50 min' FROM agentd.webhook_deliveries WHERE task = '$t'"; }
is_later() { [ "$(later_at)" = t ]; }
ok "Retry-After is honoured" wait_for 20 is_later
submit noop '{"n": 7}' /long
ok "an answer without end is cut, and is an answer" wait_for 20 delivery_is "$t" delivered
submit noop '{"n": 8}' /silent
timed_out() { [ "$(sql "SELECT count(*) FROM agentd.webhook_attempts a JOIN agentd.webhook_deliveries d ON d.id = a.delivery WHERE d.task = '$t' AND a.error ~ 'timeout'")" -ge 1 ]; }
ok "no answer in time is none" wait_for 20 timed_out
ok "and it is tried again" wait_for 20 sh -c "[ \$(grep -c '\"/silent\"' '$D/got') -ge 2 ]"

# --- retry by hand ---
id=$(sql "SELECT id FROM agentd.webhook_deliveries WHERE task = '$gone'")
like "show" "$(ctl webhooks show "$id")" "answered 410"
ok "retry" ctl webhooks retry "$id"
ok "sends it again" wait_for 20 got_is '.path == "/gone"' 2
ctl webhooks retry "$(sql "SELECT id FROM agentd.webhook_deliveries WHERE task = '$first'")" >"$D/out" 2>&1
is "what was delivered is not sent again" "$?" 4

# --- sizes ---
pad=$(head -c 3000 /dev/zero | tr '\0' x)
submit noop "{\"n\": 9, \"pad\": \"$pad\"}" /ok/some
ok "a task larger than a message" wait_for 20 got_is '.path == "/ok/some"' 1
ok "comes without what makes it so" jq -es --arg t "$t" 'map(select(.path == "/ok/some")) | .[0] | .good and (.body | length < 4400 and (fromjson | .data.id == $t
	and .data.omitted == ["input", "steps"] and .data.output.n == 9))' "$D/got"
pad=$(head -c 6000 /dev/zero | tr '\0' x)
submit noop "{\"n\": 9, \"pad\": \"$pad\"}" /ok/none
ok "one with a large output" wait_for 20 got_is '.path == "/ok/none"' 1
ok "comes without that, too" jq -es 'map(select(.path == "/ok/none")) | .[0] | .good and (.body | length < 4400 and (fromjson | .data.omitted == ["input", "output", "steps"]))' "$D/got"

# --- where they may go ---
for url in http://example.com/x https://10.0.0.1/x https://169.254.169.254/latest ftp://a.example/ https://user@a.example/ https://[::1]/ "https://0x7f.1/" \
	https://a.example:8443/x https://127.0.0.2:22/ "http://localhost:1$port/" "https://[::1]:22/"; do
	http "$ci" POST /tasks "{\"workflow\": \"noop\", \"webhook\": {\"url\": \"$url\"}}"
	is "refused: $url" "$code $(jq -r .detail "$D/answer" | cut -d: -f1)" "422 /webhook/url"
done
http "$ci" POST /tasks '{"workflow": "noop", "webhook": {"url": "https://a.example/", "events": ["finished", "never"]}}'
is "an event that is none" "$code $(jq -r .detail "$D/answer" | cut -d: -f1)" "400 /webhook/events/1"
http "$ci" POST /tasks '{"workflow": "noop", "webhook": {"url": "https://127.0.0.1:5432/"}}'
like "a port that nobody named" "$(jq -r .detail "$D/answer")" "expected port 80 or 443"
# SQL does not know agentd.yaml: what it takes is judged when it is sent; names are judged by what they resolve to
t=$(sql "SELECT agentd.submit('noop', webhook => '{\"url\": \"https://10.0.0.1/x\"}')")
ok "submitted in SQL, it fails when it is sent" wait_for 20 delivery_is "$t" failed
like "and says why" "$(ctl webhooks list --task "$t" --json | jq -r '.deliveries[0].error')" "not allowed: private"
is "in SQL a bad one is refused" "$(sql "DO \$\$ BEGIN PERFORM agentd.submit('noop', webhook => '{\"url\": \"x\"}'); EXCEPTION WHEN OTHERS THEN
	RAISE NOTICE '%', SQLSTATE; END \$\$" 2>&1 | sed 's/.*: *//')" AG422
t=$(ctl submit noop --webhook "http://localhost:$port/ok/ctl" --webhook-event finished)
ok "agentctl submit --webhook, to a host that is allowed" wait_for 20 got_is '.path == "/ok/ctl"' 1
ctl submit noop --webhook http://b.example/ >"$D/out" 2>&1
like "agentctl refuses others" "$(cat "$D/out")" "expected https://"

# --- other ends, other events ---
submit noop '{"n": 10}' /ok/never '["uncertain"]'
ok "an event that was not asked for" wait_for 20 task_is "$t" succeeded
is "is not told" "$(delivery "$t")" ""
submit mail '{"title": "Cancel me"}' /ok/cancelled '["finished", "approval"]'
ok "it waits" wait_for 20 task_is "$t" waiting_approval
http "$ci" POST "/tasks/$t/cancel"
ok "cancelled: told of the request, and of the end" wait_for 20 got_is '.path == "/ok/cancelled"' 2
is "in their types" "$(jq -r 'select(.path == "/ok/cancelled") | .body | fromjson | .type + " " + .data.state' "$D/got" | sort | sed 's/ cancelled$/ x/; s/ pending$/ x/')" "approval.requested x
task.finished x"

# --- killed between ---
submit noop '{"n": 11}' /silent/once
killed=$t
ok "a message is under way" wait_for 20 got_is '.path == "/silent/once"' 1
d_signal sweeper KILL
d_status sweeper
is "its sender is killed: it is not lost" "$(delivery "$killed")" pending
d_start sweeper sweeper
is "lent to the one that is gone, nobody else sends it" "$(sql "SELECT lease IS NOT NULL AND due_at > clock_timestamp() FROM agentd.webhook_deliveries WHERE task = '$killed'")" t
hurry
ctl webhooks retry "$(sql "SELECT id FROM agentd.webhook_deliveries WHERE state = 'failed' LIMIT 1")" >/dev/null	# wakes it
ok "then another sends it" wait_for 20 delivery_is "$killed" delivered
is "with the id of before" "$(jq -r 'select(.path == "/silent/once") | .headers["webhook-id"]' "$D/got" | uniq -c | awk '{ print $1 }')" 2
is "the attempt that nobody saw the end of is there" "$(sql "SELECT string_agg(coalesce(a.status::text, '-'), ' ' ORDER BY n) FROM agentd.webhook_attempts a JOIN agentd.webhook_deliveries d ON d.id = a.delivery WHERE d.task = '$killed'")" "- 200"
d_stop sweeper
dead() { ! d_alive sweeper; }
for point in notify.after_claim notify.before_send notify.before_record; do
	submit noop '{"n": 12}' /ok/killed
	ok "it ends" wait_for 20 task_is "$t" succeeded
	D_MAY_DIE=1 d_start sweeper sweeper "AGENTD_CRASH=$point:1"
	if ! wait_for 5 dead; then
		d_stop sweeper
		skip "killed at its points" "the programs were built without crash points"
		break
	fi
	d_status sweeper
	is "killed at $point: it is not lost" "$(delivery "$t")" pending
	hurry
	d_start sweeper sweeper
	ok "another sends it" wait_for 20 delivery_is "$t" delivered
	d_stop sweeper
done
d_start sweeper sweeper

# --- two sweepers ---
d_start sweeper2 sweeper
for i in 1 2 3 4 5 6 7 8 9 10; do
	sql "SELECT agentd.submit('noop', webhook => '{\"url\": \"http://127.0.0.1:$port/ok/two\"}') FROM generate_series(1, 10)" >/dev/null
done
all_delivered() { [ "$(sql "SELECT count(*) FROM agentd.webhook_deliveries WHERE url LIKE '%/ok/two' AND state = 'delivered'")" = 100 ]; }
ok "two sweepers deliver a hundred" wait_for 60 all_delivered
is "each once" "$(got '.path == "/ok/two"')" 100
d_stop sweeper2

# --- people ---
submit fails '{}'
ok "a failed task" wait_for 20 got_is '.path == "/ntfy" and (.body | fromjson | .title == "Task failed: fails")' 1
ok "ntfy: its format, with the token, nothing of it markup" jq -es 'map(select(.path == "/ntfy")) | .[-1] | .headers.authorization == "Bearer tk_ntfy" and (.headers["webhook-id"] | not)
	and (.body | fromjson | .topic == "ops" and .title == "Task failed: fails" and (.message | startswith("oh.no: it <b>broke</b> & *burns*\n"))
	and .priority == 3 and (has("markdown") | not) and (has("actions") | not))' "$D/got"
ok "json: signed, with the token" wait_for 20 got_is '.path == "/program" and .good and .headers.authorization == "Bearer j.j"' 1
is "telegram wants only workflow mail" "$(got '(.path | startswith("/telegram")) and (.body | test("fails"))')" 0
http "$ci" POST /tasks "$(jq -n '{workflow: "mail", input: {title: "<!channel> & *pay* \u202e https://evil.example\n@here"}}')"
ok "a request for approval" wait_for 20 got_is '.path == "/slack/T0/B0/xyz" and (.body | test("channel"))' 1
ok "slack: blocks of plain text, escaped" jq -es 'map(select(.path | startswith("/slack"))) | .[-1].body | fromjson
	| (.blocks | map(.type)) == ["header", "section"] and .mrkdwn == false and ([.. | objects | select(.type? == "mrkdwn")] | length == 0)
	and (.blocks[1].text | .type == "plain_text" and .emoji == false and (.text | startswith("&lt;!channel&gt; &amp; *pay* \\u202e https://evil.example\\u000a@here\n")))' "$D/got"
ok "telegram" wait_for 20 got_is '.path == "/telegram/bot123:abc/sendMessage" and (.body | fromjson | .text | startswith("Approval wanted: mail\n\n<!channel>"))' 1
ok "telegram: plain text, to the chat" jq -es 'map(select(.path | startswith("/telegram"))) | .[-1].body | fromjson | .chat_id == -100123
	and (has("parse_mode") | not) and .link_preview_options.is_disabled and (has("reply_markup") | not)' "$D/got"
submit quiet '{"title": "low"}'
ok "another of low risk" wait_for 20 got_is '.path == "/ntfy" and (.body | fromjson | .title == "Approval wanted: quiet")' 1
is "is not for those who want high ones" "$(got '(.path | startswith("/slack")) and (.body | test("quiet"))')" 0

# --- a target that does not answer, one that is flooded ---
sql "SELECT agentd.submit('floods') FROM generate_series(1, 40)" >/dev/null
ok "others are told of all" wait_for 20 got_is '.path == "/program" and (.body | fromjson | .data.workflow == "floods")' 40
is "while four wait for the one that does not answer, and others behind them" "$(sql "SELECT count(*) FILTER (WHERE lease IS NOT NULL) <= 4, count(*) >= 30
	FROM agentd.webhook_deliveries WHERE target = 'dead' AND state = 'pending'")" "t|t"
ok "Telegram's body says when to come again" wait_for 20 eval '[ "$(sql "SELECT count(*) FROM agentd.webhook_deliveries WHERE target = '\''flood'\'' AND lease IS NULL
	AND attempts = 1 AND due_at > clock_timestamp() + interval '\''50 min'\''")" = 40 ]'
sql "UPDATE agentd.webhook_deliveries SET state = 'failed', due_at = NULL, lease = NULL, ended_at = now() WHERE target IN ('dead', 'flood') AND state = 'pending'" >/dev/null

# --- a request that is about to expire ---
submit brief "{}" /ok/brief '["approval", "expiring"]'
ok "is told of again" wait_for 20 got_is '.path == "/late" and (.body | fromjson | .title == "Approval wanted, it expires soon: brief")' 1
ok "to the webhook, too, with the request" wait_for 20 got_is '.path == "/ok/brief" and (.body | fromjson | .type == "approval.expiring" and .data.title == "Quick!")' 1
ok "and in the stream of the task's events" eval 'd_http -N -m 30 -H "Authorization: Bearer $ci" "http://agentd/tasks/$t/events" | grep -q "^event: approval.expiring"'
ok "which is denied, as nobody decided" wait_for 20 task_is "$t" succeeded
is "once" "$(got '.path == "/late"')" 1

# --- secrets stay where they are ---
secrets_in() { grep -c -e tk_ntfy -e 'T0/B0' -e 123:abc -e 'j\.j' -e "$NEW" -e "$OLD"; }
is "no secret is in a log" "$(cat "$D"/*.log | secrets_in)" 0
is "nor in the database" "$("$PG_BIN/pg_dump" -n agentd --inserts agentd 2>/dev/null | secrets_in)" 0
d_stop sweeper
is "the sweeper ends well" "$status" 0
D_MAY_DIE=1 d_start sweeper sweeper NEW=whsec_short
d_status sweeper
is "a secret that is none: it does not start" "$status" 1
like "and says which" "$(cat "$D/sweeper.log")" "environment variable NEW: expected whsec_"
is "without the value" "$(grep -c whsec_short "$D/sweeper.log")" 0

# --- figures ---
d_token metrics metrics
figures() { d_http -H "Authorization: Bearer $token" http://agentd/metrics; }
counted() { figures | grep -q 'agentd_webhook_attempts_total{event="task.finished",outcome="delivered"}'; }
ok "attempts are counted" wait_for 20 counted
submit noop '{"n": 99}' /ok/unsent
pending() { figures | grep -q '^agentd_webhooks_pending [1-9]'; }
ok "and what is pending" wait_for 20 pending
d_stop worker
d_stop web
done_testing
