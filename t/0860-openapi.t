#!/bin/sh
# 0860-openapi.t - /openapi.json is what the program does: its routes are those of the table, and thousands of generated requests get no
# answer that it does not describe.
#
# AGENTD_OPENAPI_REQUESTS: how many requests at least (preset 600). AGENTD_OPENAPI_SEED: of the first run (preset 1).
# Streams of events have no end to wait for: 1055-events.t asks for them.
# The generator is schemathesis: $SCHEMATHESIS, the one in PATH, or one that pip installs below var/ once; where none is to be had the
# generated requests are skipped.
. "$top_srcdir/t/lib/pg.sh"
. "$top_srcdir/t/lib/daemon.sh"
. "$top_srcdir/t/lib/api.sh"
for tool in jq python3; do
	command -v $tool >/dev/null || {
		echo "1..0 # SKIP no $tool"
		exit 0
	}
done
document=$top_srcdir/src/web/openapi.json

api_tcp
d_init "web: {listen: \"127.0.0.1:$port\", max_wait: 50ms, max_body: 64KiB, max_waiting: 3}"
cat >"$D/root/tools.d/vanish.yaml" <<'END'
agentd: v1
name: test.vanish
description: Ends nobody knows how.
args: {type: object, properties: {n: {type: integer}}}
effect: at_most_once
timeout: 200ms
exec: {argv: [sleep, "10"]}
END
cat >"$D/root/workflows/reminder.yaml" <<'END'
agentd: v1
name: reminder
description: Says something.
input: {type: object, properties: {text: {type: string}}}
budget: {usd: 0.5, turns: 30}
steps:
  - id: greet
    set: {text: "hello"}
output: {said: "${ .vars.text }"}
END
cat >"$D/root/workflows/fails.yaml" <<'END'
agentd: v1
name: fails
steps:
  - id: no
    raise: {type: no, message: "no"}
END
cat >"$D/root/workflows/naps.yaml" <<'END'
agentd: v1
name: naps
retain: long
steps:
  - id: nap
    wait: 1h
END
cat >"$D/root/workflows/vanishes.yaml" <<'END'
agentd: v1
name: vanishes
steps:
  - id: away
    call: test.vanish
    with: {n: 1}
END
cat >"$D/root/workflows/asks.yaml" <<'END'
agentd: v1
name: asks
steps:
  - id: sure
    approve: {title: "Really?", show: {a: 1}, form: {type: object}, approvers: 2}
  - id: away
    call: test.vanish
    with: {n: 1}
    ask: {}
END
d_publish
d_start all all
d_token full

# --- the same routes ---
api_routes >"$D/routes" || bail "there are no routes"
sed 's/|/+/g; s/:\([a-z]*\)/{\1}/g' "$D/routes" | sort >"$D/table"
jq -r '.paths | to_entries[] | .key as $path | .value | to_entries[] |
	(.value.requestBody.content // {"-": 0} | keys[]) as $type | [(.key | ascii_upcase), $path,
	(if .value.security == [] then "none" else ([.value.security[].token[0] // "any"] | join("+")) end), $type] |
	join(" ")' "$document" | sort >"$D/documented"
is "the document has the routes of the table, their scopes and media types, and no more" "$(diff "$D/table" "$D/documented")" ""
d_http -H "Authorization: Bearer $token" "$api/openapi.json" >"$D/served"
ok "what is served is the file" cmp -s "$document" "$D/served"
is "every answer is described" "$(jq -r '[.paths[][] | .responses | to_entries[] | select(.value["$ref"] == null and .value.content == null)] | length' "$document")" 0
is "every reference leads somewhere" "$(jq -r '. as $d | [.. | objects | .["$ref"]? // empty] | unique[] | select(. as $r |
	$d | getpath($r | ltrimstr("#/") | split("/")) == null)' "$document")" ""
jq -r '[.. | strings | select(startswith("urn:agentd:problem:"))] | unique[] | ltrimstr("urn:agentd:problem:")' "$document" | sort >"$D/words"
api_problems >"$D/problems" || bail "there are no problems"
is "the problems are those that the source knows" "$(diff "$D/problems" "$D/words")" ""

# --- a task in every state that there is ---
submit() { d_http -H "Authorization: Bearer $token" -H 'Content-Type: application/json' -d "$1" "$api/tasks" | jq -r .id; }
done=$(submit '{"workflow": "reminder", "labels": {"team": "docs"}}')
failed=$(submit '{"workflow": "fails"}')
napping=$(submit '{"workflow": "naps"}')
uncertain=$(submit '{"workflow": "vanishes"}')
reconciled=$(submit '{"workflow": "vanishes"}')
quarantined=$(submit '{"workflow": "naps"}')
unserved=$(submit '{"workflow": "naps", "run_at": "2040-01-01T00:00:00Z"}')
asking=$(submit '{"workflow": "asks"}')
asked=$(submit '{"workflow": "asks"}')
for x in "$asking waiting_approval" "$asked waiting_approval" "$done succeeded" "$failed failed" "$napping waiting_timer" "$uncertain uncertain" "$reconciled uncertain" "$quarantined waiting_timer"; do
	# shellcheck disable=SC2086
	ok "a task is ${x#* }" wait_for 20 task_is $x
done
sql "UPDATE agentd.task_queue SET state = 'ready', run_at = NULL WHERE id = '$quarantined';
	UPDATE agentd.task_queue SET state = 'ready', run_at = NULL, lane = 'nobody' WHERE id = '$unserved'" >/dev/null
ok "it waits again" wait_for 20 task_is "$quarantined" waiting_timer
sql "UPDATE agentd.task_queue SET state = 'ready', lane = 'held' WHERE id = '$quarantined';
	UPDATE agentd.task_queue SET state = 'running', worker = (SELECT id FROM agentd.workers LIMIT 1) WHERE id = '$quarantined';
	UPDATE agentd.task_queue SET state = 'quarantined', worker = NULL WHERE id = '$quarantined'" >/dev/null
is "it can be reconciled" "$(d_http -o "$D/body" -w '%{http_code}' -H "Authorization: Bearer $token" -H 'Content-Type: application/json' \
	-d '{"path": "away", "decision": "happened", "result": {"id": 7}}' "$api/tasks/$reconciled/reconcile")" 200
ok "and goes on" wait_for 20 task_is "$reconciled" succeeded

approval=$(d_http -H "Authorization: Bearer $token" "$api/approvals?task=$asked" | jq -r '.approvals[0] | .id + " " + .digest')
is "a request can be denied" "$(d_http -o "$D/body" -w '%{http_code}' -H "Authorization: Bearer $token" -H 'Content-Type: application/json' \
	-d "{\"decision\": \"deny\", \"digest\": \"${approval#* }\", \"comment\": \"no\"}" "$api/approvals/${approval% *}")" 200

# --- generated requests ---
st=${SCHEMATHESIS:-$(command -v schemathesis)}
venv=$top_srcdir/var/schemathesis
if [ -z "$st" ] && [ ! -x "$venv/bin/schemathesis" ]; then
	mkdir -p "$top_srcdir/var" &&
		python3 -m venv "$venv" >"$D/venv.log" 2>&1 &&
		timeout 300 "$venv/bin/pip" install -q 'schemathesis>=4.32,<5' >>"$D/venv.log" 2>&1 || rm -rf "$venv"
fi
[ -n "$st" ] || [ ! -x "$venv/bin/schemathesis" ] || st=$venv/bin/schemathesis
if [ -z "$st" ]; then
	skip "generated requests" "no schemathesis, and pip could not install it"
	done_testing
fi
# Ids that exist take the place of any in every second run.
jq --arg ids "${approval% *} $asking $done $failed $napping $uncertain $reconciled $quarantined $unserved" \
	'(.paths[][].parameters[]? | select(.in == "path" and .name == "id") | .schema) = {enum: ($ids | split(" "))}' "$document" >"$D/known.json"
cat >"$D/schemathesis.toml" <<'END'
[generation]
allow-x00 = false
[checks]
# A budget that is raised, a wait beyond the limit, a deadline that has passed: no schema says it.
positive_data_acceptance.enabled = false
# POST /tasks/ID/reconcile: 404 is for a path without a call, too.
ensure_resource_availability.enabled = false
END
want=${AGENTD_OPENAPI_REQUESTS:-600}
seed=${AGENTD_OPENAPI_SEED:-1}
per=$((want > 5000 ? 100 : 15))
total=0 runs=0 bad=0
while [ "$total" -lt "$want" ] && [ $bad = 0 ]; do
	runs=$((runs + 1))
	from=$document
	[ $((runs % 2)) = 0 ] && from=$D/known.json
	log=$D/run.$runs
	(cd "$D" && "$st" --config-file schemathesis.toml run "$from" -u "$api" -H "Authorization: Bearer $token" -n $per --seed "$seed" -w 1 \
		--exclude-path-regex 'events$' --continue-on-failure --no-color --generation-database none) >"$log" 2>&1 || bad=1
	n=$(sed -n 's/^ *\([0-9]*\) generated.*/\1/p' "$log")
	total=$((total + ${n:-0}))
	[ "${n:-0}" -gt 0 ] || bad=1
	seed=$((seed + 1))
done
if [ $bad = 0 ]; then
	pass "$total generated requests: no 5xx, no answer that is not in the document"
else
	fail "$total generated requests: no 5xx, no answer that is not in the document" "run $runs, seed $((seed - 1)): $(sed -n '/FAILURES\|ERRORS/,$p' "$log" | head -n 60)"
fi
ok "agentd lives" d_alive all
is "it never failed" "$(grep -c 'error all' "$D/all.log")" 0
echo "# figure requests=$total runs=$runs tasks=$(sql "SELECT count(*) FROM agentd.tasks")"
d_http -H "Authorization: Bearer $token" "$api/metrics" | sed -n 's/^agentd_http_requests_total/# answers /p'
done_testing
