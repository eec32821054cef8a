#!/bin/sh
# 1020-workflow.t - the shipped workflows, tools and routing run for real, with recorded replies.
. "$top_srcdir/t/lib/pg.sh"
. "$top_srcdir/t/lib/daemon.sh"

D_DOCS=$(mktemp -d "${TMPDIR:-/tmp}/agentd-docs.XXXXXX")
printf 'Alpha is the first letter. It begins the Greek alphabet. A third sentence.\n' >"$D_DOCS/a.txt"
printf 'Beta is the second letter. It follows alpha.\n' >"$D_DOCS/b.txt"
printf 'not this one\n' >"$D_DOCS/c.bin"
d_init "worker: {lease: 2s, heartbeat: 500ms, poll: 500ms}" "tools: {roots: {docs: {path: $D_DOCS}}}"
rm -rf "$D/root"
mkdir "$D/root"
for dir in workflows policies tools.d; do cp -R "$top_srcdir/$dir" "$D/root/"; done
chmod -R u+w "$D/root"
ok "the shipped files are valid" "$agentctl" validate "$D/root"
d_publish
is "every shipped workflow is active" "$(sql "SELECT count(*) FROM agentd.workflows WHERE active")" \
	"$(find "$D/root/workflows" -maxdepth 1 -name '*.yaml' ! -name '*.test.yaml' | wc -l | tr -d ' ')"
ctl route >"$D/route.txt" 2>&1
like "route says that recorded replies are used" "$(cat "$D/route.txt")" 'recorded'
d_start all all

run() {
	ctl --json submit "$@" --follow >"$D/task.json" 2>"$D/err"
	got=$?
	[ $got = 0 ] && pass "$1 succeeds" || fail "$1 succeeds" "exit status $got: $(cat "$D/task.json" "$D/err")"
}
field() { jq -cr "$1" "$D/task.json"; }

# --- digest ---
run digest --input '{"root": "docs", "path": "", "glob": "*.txt"}'
is "it read both documents" "$(field .output.documents)" 2
is "none failed" "$(field .output.failed)" 0
is "in the order of names" "$(field '[.output.summaries[].file] | join(" ")')" "a.txt b.txt"
like "the summary is of that document" "$(field '.output.summaries[1].summary')" 'Beta is the second letter'
task=$(field .id)
file=$(find "$D/workspaces" -name digest.md)
[ -n "$file" ] && pass "the file is written" || fail "the file is written" "$(find "$D/workspaces")"
like "it holds the summaries" "$(cat "$file" 2>/dev/null)" 'Alpha is the first letter'
is "steps in the loop have their paths" "$(field '[.steps[] | select(.kind != null) | .path | select(test("^each\\[[0-9]+\\]/"))] | unique | join(" ")')" \
	"each[0]/document each[0]/summary each[1]/document each[1]/summary"
is "model calls are recorded" "$(sql "SELECT count(*) FROM agentd.model_calls WHERE task = '$task'")" 3
is "fs.write went through the ledger" "$(sql "SELECT state FROM agentd.effects WHERE task = '$task' AND tool = 'fs.write'")" done
ctl --json submit digest --input '{"root": "docs", "glob": "*.nothing"}' --follow >"$D/task.json" 2>&1
is "no document: a typed error of the workflow" "$(field .error.type)" digest.nothing
ctl --json submit digest --input '{"root": "docs", "path": "../../etc", "glob": "passwd"}' --follow >"$D/task.json" 2>&1
is "a path out of the root fails" "$(field .state)" failed
like "with a tool's error" "$(field .error.type)" '^tool\.'

# --- triage: switch, a cycle with a bound, catch ---
run triage --input '{"text": "the site is DOWN"}'
is "an outage goes on call" "$(field .output.queue)" on-call
run triage --input '{"text": "a question", "words": 500}'
is "an ordinary one to the inbox" "$(field .output.queue)" inbox
is "three drafts, then enough" "$(field .output.drafts)" 3
is "a revisit has its own path" "$(field '[.steps[].path | select(startswith("draft"))] | join(" ")')" "draft draft~2 draft~3"

# --- lookup: an agent with tools ---
run lookup --input '{"root": "docs", "question": "Which letter is the first?"}'
like "the agent answers from a document" "$(field .output.answer)" 'Alpha is the first letter'
is "and names it" "$(field '.output.sources | join(" ")')" a.txt
is "its turns and calls are steps" "$(field '[.steps[].path] | join(" ")')" \
	"look look/turn-1 look/turn-1/call-0 look/turn-2 look/turn-2/call-0 look/turn-3"
ctl --json submit lookup --input '{"root": "elsewhere", "question": "?"}' --follow >"$D/task.json" 2>&1
like "a tool's error is told to the model" "$(field '.steps[] | select(.path == "look/turn-1/call-0") | .error.type')" '^tool\.'

# --- brief: findings that are checked, drafted, approved with an edit, and kept as an artifact ---
asked() { [ "$(ctl --json get "$id" | jq -r .state)" = waiting_approval ]; }
id=$(ctl submit brief --input '{"question": "Which letters are there?", "root": "docs", "glob": "*.txt"}')
ok "brief waits for a person" wait_for 20 asked
ctl --json get "$id" >"$D/task.json"
is "each finding was held against its source" "$(field '[.steps[] | select(.path == "checks").output[] | [.source, .supported]]')" '[["a.txt",true],["b.txt",true]]'
is "nothing is written yet" "$(ctl --json artifacts list "$id" | jq -c .artifacts)" '[]'
ctl --json approvals list --task "$id" | jq -c '.approvals[0]' >"$D/asked.json"
is "what is asked is the very text" "$(jq -r '.args.text | test("- Alpha is the first letter[.] [(]a[.]txt[)]")' "$D/asked.json")" true
is "a person mends it" "$(ctl approvals approve "$(jq -r .id "$D/asked.json")" --args "$(jq '.args | .text |= sub("Alpha"; "ALPHA")' "$D/asked.json")")" approved
ctl tail "$id" >"$D/tail.txt" 2>&1
like "what was approved is the artifact" "$(ctl artifacts get "$id" brief.md)" '^ALPHA is the first letter'
ctl --json get "$id" >"$D/task.json"
is "the output names it" "$(field '[.output.supported, .output.artifact.name]')" '[2,"brief.md"]'
run_fails() { ctl --json submit brief --input "$1" --follow >"$D/task.json" 2>&1 || field .error.type; }
is "without anything to read it says so" "$(run_fails '{"question": "?", "root": "docs", "glob": "*.none"}')" brief.nothing
is "a page that cannot be fetched is no obstacle to asking" "$(run_fails '{"question": "?", "urls": ["http://127.0.0.1/"]}')" brief.nothing

# --- reminder: a durable wait ---
run reminder --input '{"text": "stretch"}'
is "it says what it was told" "$(field .output.said)" stretch
like "and writes it down" "$(cat "$(find "$D/workspaces" -name reminder.txt | head -n 1)")" stretch
is "a skipped step says so" "$(field '.steps[] | select(.path == "timed") | .status')" skipped

# --- what was given is checked ---
count() { sql "SELECT count(*) FROM agentd.tasks"; }
before=$(count)
ctl --json submit digest --input '{"path": "x"}' --follow >"$D/task.json" 2>"$D/err"
is "input is checked against the workflow's schema" "$(field '[.error, .errors[].message]')" '["schema.input","required key \"root\" is missing"]'
is "before there is a task" "$(count)" "$before"

# --- over HTTP: all that is wrong at once; what web knows of a schema follows the reloads ---
d_token
post() {	# WORKFLOW INPUT [HEADER...]
	body=$(printf '{"workflow": "%s", "input": %s}' "$1" "$2")
	shift 2
	d_http -o "$D/answer" -w '%{http_code}' -H "Authorization: Bearer $token" -H 'Content-Type: application/json' "$@" -d "$body" http://agentd/tasks
}
is "an input that does not fit is 422" "$(post digest '{"path": 1, "limit": 51, "globb": "*"}')" 422
is "with every place" "$(jq -c '[.type, [.errors[] | .pointer + " " + .message]]' "$D/answer")" \
	'["urn:agentd:problem:schema",["/input/path expected string, got number","/input/limit expected at most 50, got 51","/input/globb key \"globb\" is not allowed (did you mean \"glob\"?)","/input required key \"root\" is missing"]]'
is "and no task" "$(count)" "$before"
numbered() {	# MAXIMUM
	printf 'agentd: v1\nname: numbered\ninput: {type: object, properties: {n: {maximum: %s}}}\nsteps: [{id: one, set: {n: 1}}]\n' "$1" \
		>"$D/root/workflows/numbered.yaml"
	d_publish
}
numbered 10
is "one that fits is taken" "$(post numbered '{"n": 7}' -H 'Idempotency-Key: seven')" 202
seven=$(jq -r .id "$D/answer")
is "one that does not is not" "$(post numbered '{"n": 11}' -H 'Idempotency-Key: eleven')" 422
numbered 5
is "after a reload the first is looked at by the schema of before" "$(post numbered '{"n": 7}')" 202
task=$(jq -r .id "$D/answer")
ok "and fails" wait_for 20 task_is "$task" failed
is "when a worker begins it" "$(ctl get "$task" --json | jq -c '[.error.type, .error.message, (.steps | length)]')" \
	'["schema.input","/n: expected at most 5, got 7",0]'
is "then the new one counts" "$(post numbered '{"n": 7}')" 422
is "but a key that was used has its answer" "$(post numbered '{"n": 7}' -H 'Idempotency-Key: seven') $(jq -r .id "$D/answer")" "202 $seven"
numbered 20
is "what a laxer one takes is taken at once, and 422 burnt no key" "$(post numbered '{"n": 11}' -H 'Idempotency-Key: eleven')" 202
rm "$D/root/workflows/numbered.yaml"
d_publish
is "of a workflow that is gone it is not found" "$(post numbered '{"n": 30}')" 404
# a running task keeps its program: the file changes, the pinned bundle does not
bundle=$(sql "SELECT encode(bundle, 'hex') FROM agentd.workflows WHERE name = 'reminder'")
sleeper=$(ctl submit reminder --input '{"text": "old program"}')
sed -i 's/said: "/said: "changed: /' "$D/root/workflows/reminder.yaml"
d_publish
ok "the old task ends" wait_for 20 task_is "$sleeper" succeeded
is "by the program it pinned" "$(sql "SELECT output ->> 'said' || ' ' || (encode(bundle, 'hex') = '$bundle') FROM agentd.tasks WHERE id = '$sleeper'")" "old program true"
run reminder --input '{"text": "new"}'
is "a new task takes the new program" "$(field .output.said)" "changed: new"
d_stop all
is "agentd stops cleanly" "$status" 0
rm -rf "$D_DOCS"
done_testing
