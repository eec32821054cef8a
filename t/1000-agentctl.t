#!/bin/sh
# 1000-agentctl.t - every command, its output and its exit status.
. "$top_srcdir/t/lib/pg.sh"
. "$top_srcdir/t/lib/daemon.sh"

d_init
d_sink
cp "$D/agentd.yaml" "$D/settings.ok"

# status WANT NAME COMMAND...: exit status, with output in $out and $err
status_is() {
	want=$1 name=$2
	shift 2
	"$@" >"$D/out" 2>"$D/err" </dev/null
	got=$?
	out=$(cat "$D/out") err=$(cat "$D/err")
	if [ $got = "$want" ]; then pass "$name"; else fail "$name" "exit status $got, expected $want: $out $err"; fi
}

# --- usage ---
status_is 0 "--help" "$agentctl" --help
like "--help lists the commands" "$out" 'submit +submit a task'
status_is 0 "COMMAND --help" "$agentctl" submit --help
like "it shows the arguments" "$out" 'usage: agentctl submit WORKFLOW'
status_is 2 "no command" "$agentctl"
status_is 2 "an unknown command" "$agentctl" sumbit
like "suggests the nearest" "$err" 'did you mean "submit"'
status_is 2 "an unknown option" "$agentctl" --frobnicate
status_is 2 "submit without a workflow" ctl submit
status_is 2 "get of no id" ctl get abc
status_is 0 "version" "$agentctl" version
like "version says it" "$out" '^agentctl [0-9]+\.'
status_is 0 "version --json" "$agentctl" version --json
ok "version --json is JSON" jq -e .version "$D/out"

# --- files ---
cat >"$D/root/workflows/hello.yaml" <<'END'
agentd: v1
name: hello
description: Say hello.
input: {type: object, required: [who], properties: {who: {type: string}}}
steps:
  - id: greet
    set: {text: "hello ${ .input.who }"}
output: {said: "${ .vars.text }"}
END
cat >"$D/root/workflows/fails.yaml" <<'END'
agentd: v1
name: fails
steps:
  - id: bad
    raise: {type: demo.broken, message: "it broke"}
END
cat >"$D/root/workflows/sleeps.yaml" <<'END'
agentd: v1
name: sleeps
steps:
  - id: nap
    wait: 1h
END
status_is 0 "validate a root" "$agentctl" validate "$D/root"
status_is 0 "validate a file" "$agentctl" validate "$D/root/workflows/hello.yaml"
is "validate says so" "$out" valid
cp "$D/root/workflows/hello.yaml" "$D/hello.ok"
sed 's/set: {text/sett: {text/; s/\.input\.who }/.input.who/' "$D/hello.ok" >"$D/root/workflows/hello.yaml"
status_is 1 "validate a broken file" "$agentctl" validate "$D/root/workflows/hello.yaml"
like "names the place" "$err" 'hello\.yaml:[0-9]+:[0-9]+: error: '
like "shows a caret" "$err" '^ *\^'
status_is 1 "validate --json" "$agentctl" --json validate "$D/root/workflows/hello.yaml"
ok "diagnostics are JSON" jq -e '[.. | objects | select(has("line"))] | length > 0' "$D/out"
status_is 1 "reload of broken files" ctl reload
cp "$D/hello.ok" "$D/root/workflows/hello.yaml"
status_is 0 "schema workflow" "$agentctl" schema workflow
ok "it is a JSON Schema" jq -e '.["$schema"] or .type or .properties' "$D/out"
status_is 0 "schema settings" "$agentctl" schema settings
status_is 0 "schema routing" "$agentctl" schema routing
status_is 0 "schema tool" "$agentctl" schema tool
status_is 2 "schema of nothing" "$agentctl" schema nothing
status_is 3 "settings that do not exist" "$agentctl" -c "$D/none.yaml" list
printf 'wrker: {}\n' >>"$D/agentd.yaml"
status_is 1 "settings with an unknown key" ctl list
like "suggests the key" "$err" 'worker'
cp "$D/settings.ok" "$D/agentd.yaml"

# --- schema and workflows ---
status_is 0 "migrate again changes nothing" ctl migrate
like "it says so" "$out" '^schema is at version [0-9]+'
status_is 0 "migrate --json" ctl migrate --json
ok "from equals to" jq -e '.from == .to' "$D/out"
status_is 3 "submit before reload" ctl submit hello --input '{"who": "Ada"}'
status_is 0 "reload" ctl reload
like "reload names what it activated" "$out" '^activated: .*hello'
status_is 0 "reload again" ctl reload
like "reload names what did not change" "$out" '^unchanged: .*hello'
status_is 0 "workflows" ctl workflows
like "lists the active ones" "$out" '^hello +[0-9a-f]{12}'
mv "$D/root/workflows/sleeps.yaml" "$D/sleeps.yaml"
status_is 0 "reload --json without one" ctl --json reload
ok "it is deactivated" jq -e '.deactivated == ["sleeps"]' "$D/out"
status_is 3 "submit to a deactivated workflow" ctl submit sleeps
mv "$D/sleeps.yaml" "$D/root/workflows/sleeps.yaml"
ctl reload >/dev/null

# --- tokens ---
status_is 0 "token create" ctl token create ci --scopes submit,read --expires 90d
like "its text has the form of a token" "$out" '^agd_submit_[A-Za-z0-9_-]{43}_[0-9a-f]{8}$'
is "only the digest is stored" "$(sql "SELECT count(*) FROM agentd.api_tokens t WHERE t::text LIKE '%$out%'")" 0
is "it is the digest of the text" "$(sql "SELECT count(*) FROM agentd.api_tokens WHERE hash = sha256('$out')")" 1
status_is 4 "a name twice" ctl token create ci
status_is 2 "an unknown scope" ctl token create x --scopes root
status_is 2 "a bad duration" ctl token create x --expires soon
status_is 0 "token list" ctl token list
like "it lists names and scopes" "$out" '^ci +submit,read'
status_is 0 "token revoke" ctl token revoke ci
status_is 3 "token revoke of nothing" ctl token revoke nobody

# --- tasks ---
d_start worker worker
d_start sweeper sweeper
status_is 0 "submit --follow" ctl submit hello --input '{"who": "Ada"}' --follow
like "it shows the steps as they happen" "$out" 'step.succeeded +greet'
like "and the end" "$out" '^state +succeeded'
like "and the output" "$out" 'hello Ada'
status_is 7 "submit --follow of a task that fails" ctl submit fails --follow
like "it shows the error" "$out" 'demo\.broken.*it broke'
status_is 0 "submit --json --follow" ctl submit hello --input '{"who": "Ada"}' --follow --json
ok "it is the task" jq -e '.state == "succeeded" and .output.said == "hello Ada" and .cost_usd == "0" and (.steps | length) == 1' "$D/out"
status_is 0 "submit" ctl submit hello --input '{"who": "Eve"}' --label team=docs --urgency high --key k1
task=$out
like "it prints the id" "$task" '^[0-9a-f-]{36}$'
status_is 0 "submit with the same key" ctl submit hello --input '{"who": "Eve"}' --label team=docs --urgency high --key k1
is "is the same task" "$out" "$task"
status_is 1 "the same key with another request" ctl submit hello --input '{"who": "Bob"}' --key k1
printf '{"who": "file"}' >"$D/input.json"
status_is 0 "input from a file" ctl submit hello --input "@$D/input.json" --follow
like "is read" "$out" 'hello file'
printf '{"who": "pipe"}' | ctl submit hello --input - --follow >"$D/out"
like "input from standard input is read" "$(cat "$D/out")" 'hello pipe'
status_is 1 "input that is not JSON" ctl submit hello --input '{"who": }'
status_is 1 "an input with a key twice" ctl submit hello --input '{"who": "a", "who": "b"}'
status_is 1 "an input that does not fit the schema" ctl submit hello --input '{"who": 3}' --follow
is "names the place" "$err" 'agentctl: /who: expected string, got number
agentctl: the input does not fit the schema of workflow "hello"'
status_is 1 "the same as JSON" ctl --json submit hello --input '{"who": 3}'
is "has the same places" "$(printf '%s' "$out" | jq -c '[.error, .errors]')" \
	'["schema.input",[{"pointer":"/who","message":"expected string, got number"}]]'
status_is 3 "submit to an unknown workflow" ctl submit nothing
wait_for 10 task_is "$task" succeeded
status_is 0 "get" ctl get "$task"
like "shows the steps" "$out" 'greet +set +succeeded'
status_is 0 "get --json" ctl --json get "$task"
ok "has the facts" jq -e '.urgency == "high" and .labels.team == "docs" and .input.who == "Eve" and .error == null' "$D/out"
status_is 3 "get of an unknown id" ctl get 01936f00-0000-7000-8000-000000000000
status_is 0 "list" ctl list --workflow hello --state succeeded
like "has the task" "$out" "^$task"
status_is 0 "list by label" ctl list --label team=docs --json
ok "has that task alone" jq -e --arg t "$task" '[.tasks[].id] == [$t]' "$D/out"
status_is 0 "list --limit" ctl list --limit 1 --json
ok "says where it goes on" jq -e '(.tasks | length) == 1 and (.next | length) == 36' "$D/out"
next=$(jq -r .next "$D/out")
status_is 0 "list --before" ctl list --limit 1 --before "$next" --json
ok "is the next page" jq -e --arg n "$next" '.tasks[0].id < $n' "$D/out"
status_is 2 "a bad limit" ctl list --limit 0

# --- cancel ---
status_is 0 "submit to be cancelled" ctl submit sleeps
sleeper=$out
ok "it waits" wait_for 10 task_is "$sleeper" waiting_timer
status_is 0 "cancel" ctl cancel "$sleeper"
ok "it is cancelled" wait_for 10 task_is "$sleeper" cancelled
status_is 0 "cancel again" ctl cancel "$sleeper"
status_is 4 "cancel of a task that succeeded" ctl cancel "$task"
status_is 3 "cancel of an unknown id" ctl cancel 01936f00-0000-7000-8000-000000000000

# --- doctor, and a database that is away ---
status_is 0 "doctor" ctl doctor
like "its checks" "$out" 'ok'
status_is 0 "doctor --json" ctl doctor --json
ok "are named" jq -e '.checks | length > 3 and all(.name and (.ok | type) == "boolean")' "$D/out"
AGENTD_DATABASE="host=$D/nowhere dbname=agentd" status_is 5 "no database" ctl list
like "says what to look at" "$err" 'AGENTD_DATABASE'
AGENTD_DATABASE="host=$D/nowhere dbname=agentd" status_is 5 "no database, --json" ctl list --json
ok "the error is JSON" jq -e '.error == "store.unavailable"' "$D/out"
done_testing
