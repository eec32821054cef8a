#!/bin/sh
# 1055-agent.t - agents against a provider that is as strict as the strictest: turns, calls, limits, a worker that dies at every row.
. "$top_srcdir/t/lib/pg.sh"
. "$top_srcdir/t/lib/daemon.sh"

d_init 'worker: {lease: 1s, heartbeat: 200ms, poll: 200ms}' 'sweeper: {interval: 200ms}'
d_stub --log "$D/asked.txt" --delay-ms 50
d_sink 100
cat >"$D/root/policies/routing.yaml" <<END
agentd: v1
defaults: {retry: {max: 0, backoff: [10ms, 20ms]}, breaker: {failures: 1000}}
providers:
  stub: {wire: openai, base_url: "$stub_url", key_env: []}
  claude: {wire: anthropic, base_url: "${stub_url%/v1}", key_env: []}
  recorded: {wire: replay, file: replies.json}
models:
  script: {provider: stub, id: stub/script, context: 100000, max_output: 100, can: [tools, json],
           price: {input: 1.00, output: 2.00, as_of: 2026-11-01}}
  small: {provider: stub, id: stub/script, context: 3000, max_output: 100, can: [tools], price: free}
  brief: {provider: recorded, id: brief, context: 3000, max_output: 100, can: [tools], price: free}
  cut: {provider: stub, id: stub/close, context: 100000, max_output: 100, can: [tools], price: {input: 1.00, output: 2.00, as_of: 2026-11-01}}
  claude: {provider: claude, id: stub/script, context: 100000, max_output: 100, can: [tools], price: free}
  thinker: {provider: claude, id: stub/signed, context: 100000, max_output: 100, can: [tools], price: free}
tiers:
  paid: {steps: [{model: cut}, {model: script}]}
  script: {steps: [{model: script}]}
  claude: {steps: [{model: claude}]}
  thinker: {steps: [{model: thinker}]}
  small: {steps: [{model: small}]}
  brief: {steps: [{model: brief}]}
END
cat >"$D/root/policies/replies.json" <<'END'
{"replies": [
  {"match": {"tools": false, "contains": "Summarise the beginning"}, "reply": {"text": "three letters, in short"}},
  {"match": {"tools": true, "contains": "three letters, in short"}, "reply": {"text": "that will do"}},
  {"match": {"tools": true}, "reply": {"calls": [{"name": "lab_book", "args": {"letter": "a"}}]}}]}
END
cat >"$D/root/tools.d/book.yaml" <<'END'
agentd: v1
name: lab.book
description: Six thousand times the same letter.
args: {type: object, required: [letter], properties: {letter: {type: string}}}
effect: pure
exec: {argv: [/bin/sh, -c, 'head -c 6000 /dev/zero | tr "\0" "$1"', sh, "${ .args.letter }"], result: .stdout}
END
agent() {	# NAME [KEY-OF-AGENT...]
	name=$1
	shift
	{
		printf 'agentd: v1\nname: %s\nbudget: {usd: 0.50}\nsteps:\n  - id: work\n    agent:\n      tier: script\n' "$name"
		printf '      prompt: "Task ${ .task.id }\\n${ .input.script }"\n      tools: [sink.again, sink.look, sink.once]\n'
		[ $# -eq 0 ] || printf '      %s\n' "$@"
	} >"$D/root/workflows/$name.yaml"
}
agent plain
agent short 'max_turns: 2'
agent shaped 'output: {type: object, required: [n], properties: {n: {type: integer}}}'
agent long 'truncate: oldest'
agent full
agent claude
agent thinker
sed -i 's/tier: script/tier: claude/' "$D/root/workflows/claude.yaml"
sed -i 's/tier: script/tier: thinker/' "$D/root/workflows/thinker.yaml"
agent brief 'truncate: summarise'
sed -i 's/tier: script/tier: brief/; s/tools: .*/tools: [lab.book]/' "$D/root/workflows/brief.yaml"
sed -i 's/tier: script/tier: small/; s/tools: .*/tools: [lab.book]/' "$D/root/workflows/long.yaml" "$D/root/workflows/full.yaml"
agent paid 'truncate: oldest'
sed -i 's/tier: script/tier: paid/; s/tools: .*/tools: [lab.book]/' "$D/root/workflows/paid.yaml"
d_publish
d_start worker worker
d_start sweeper sweeper
d_start web web

input() { jq -cn --arg s "$1" '{script: $s}'; }
run() {	# WORKFLOW SCRIPT
	ctl --json submit "$1" --input "$(input "$2")" --follow >"$D/task.json" 2>"$D/err"
	id=$(jq -r .id "$D/task.json")
}
field() { jq -cr "$1" "$D/task.json"; }

run plain '@call sink_look {"n": 1}
@call sink_again {"n": 2}
@turn
@say one more
@call sink_once {"n": 3}
@turn
@results'
is "an agent works" "$(field .state)" succeeded
like "with what its tools gave" "$(field .output.text)" '^\{"serial":[0-9]+,"seen":1\}$'
is "turns and calls stand in the order of the journal, calls of one turn beside each other" \
	"$(field '.steps | map(.path) | .[0:2] + (.[2:4] | sort) + .[4:] | join(" ")')" \
	"work work/turn-1 work/turn-1/call-0 work/turn-1/call-1 work/turn-2 work/turn-2/call-0 work/turn-3"
is "by their kinds" "$(field '[.steps[].kind] | join(" ")')" "agent turn call call turn call turn"
is "a turn shows what was said" "$(field '.steps[] | select(.path == "work/turn-2") | .output')" \
	'{"text":"one more","calls":[{"id":"call_2_1","name":"sink_once","args":"{\"n\": 3}"}]}'
is "what the turns cost is what the step costs, and the task" "$(field '(.steps | map(select(.kind == "turn").cost_usd | tonumber) | add * 1e9 | round)
	== (.cost_usd | tonumber * 1e9 | round) and .steps[0].cost_usd == .cost_usd and (.cost_usd | tonumber) > 0')" true
is "three questions were asked" "$(field .usage.calls)" 3
is "each tool was called once" "$(sort "$D/effects.txt" | awk '{print $3}' | sort | uniq -c | tr -s ' ' | cut -d' ' -f2,3 | tr '\n' ' ')" "1 /again 1 /look 1 /once "

run plain '@call sink_mail {"n": 1}
@call sink_look {"m": 1}
@call sink_look {broken
@turn
@results'
is "what cannot be called is told to the model" "$(field '.output.text | split("\n") | map(fromjson.error.type) | join(" ")')" \
	"tool.unknown tool.args tool.args"
run claude '@call sink_mail {"n": 1}
@call sink_look {"n": 1}
@turn
@results'
is "where the wire has a mark for it, failed calls are marked" "$(field '.output.text | split("\n") | map(startswith("ERROR {\"error\"")) | join(" ")')" "true false"
run thinker 'go'	# its stub refuses a turn whose thinking did not come back as it was
is "thinking goes through the journal and back" "$(field '.state, .output.text, .usage.calls' | tr '\n' ' ')" "succeeded Hello from the stub. 2 "
run short '@call sink_look {"n": 1}
@turn
@call sink_once {"n": 99}
@turn
@say never'
is "the calls of the last turn are not made" "$(field .error.type) $(grep -c '"n":99' "$D/effects.txt")" "budget.turns 0"
run plain '@call sink_look {"n": 1}
@call sink_look {"n":1}
@call sink_look {"n" :1}
@turn
@call sink_look { "n": 1 }'
is "the fourth identical call ends it" "$(field .error.type)" loop.identical_calls
run shaped '@say no
@turn
@call sink_look {"n": 1}
@turn
@say {"n": "one"}
@turn
@say {"n": 1}'
is "an answer is repaired twice, calls between" "$(field '.output.n, (.steps | map(select(.kind == "turn")) | length)' | tr '\n' ' ')" "1 4 "
run shaped '@say no
@turn
@say no
@turn
@say no
@turn
@say {"n": 1}'
is "and no more" "$(field .error.type)" schema.output
# --- more than the model can read: what is left out is the oldest ---
book='@call lab_book {"letter": "a"}
@turn
@call lab_book {"letter": "b"}
@turn
@call lab_book {"letter": "c"}
@turn
@results'
run full "$book"
is "a conversation that outgrows the model fails" "$(field .error.type)" model.context_overflow
run long "$book"
is "unless the oldest may be left out" "$(field .state)" succeeded
tail -n 1 "$D/asked.txt" | sed 's/^[^{]*//' >"$D/last.json"
is "the model is told, and sees the rest" "$(jq -r '.messages[0].content | test("Turns 1 to 1 are left out")' "$D/last.json") $(
	jq -r '[.messages[] | select(.role == "tool").content[0:1]] | join("")' "$D/last.json")" "true bc"
is "the turn says so" "$(sql "SELECT value ->> 'left_out' FROM agentd.task_log WHERE task = '$id' AND path = 'work/turn-4'")" 1
run paid "$(printf '%s\n' "$book" | sed 's/^@results/@limit 14000\n&/')"
is "what was asked in vain before something was left out" "$(field .state) $(sql "SELECT count(*) FILTER (WHERE path = 'work/turn-4' AND error_class = 'truncated_stream') > 1
	FROM agentd.model_calls WHERE task = '$id'")" "succeeded t"
is "is part of what its turn cost, and the step" "$(sql "SELECT bool_and(l.cost_usd = c.usd AND c.usd > 0), sum(l.cost_usd) = (SELECT cost_usd FROM agentd.tasks WHERE id = '$id')
	FROM agentd.task_log l JOIN (SELECT path, sum(cost_usd) AS usd FROM agentd.model_calls WHERE task = '$id' GROUP BY path) c USING (path)
	WHERE l.task = '$id' AND l.kind = 'turn.succeeded'")" "t|t"
run brief ''
is "or the first half summarised" "$(field .output.text)" "that will do"
is "which is a row of its own, with the time it took" "$(sql "SELECT string_agg(path || ' ' || (value ->> 'text') || ' ' || (value ->> 'left_out') || ' ' ||
	(started_at < at), ', ') FROM agentd.task_log
	WHERE task = '$id' AND kind = 'turn.summarised'")" "work/turn-4 three letters, in short 2 true"
asked=$(wc -l <"$D/asked.txt")
is "the provider had nothing to say against any of it" "$(grep -vc '^200 ' "$D/asked.txt")" 0

# --- a worker that is killed when the journal has one row more, then one more ---
script='@call sink_look {"n": 11}
@call sink_again {"n": 12}
@turn
@call sink_again {"n": 13}
@turn
@results'
rows() { [ "$(sql "SELECT count(*) FROM agentd.task_log WHERE task = '$id'")" -ge "$1" ]; }
ids=
for n in 1 2 3 4 5 6 7 8 9; do
	id=$(ctl submit plain --input "$(input "$script")")
	ids="$ids $id"
	wait_for 20 rows "$n" || fail "there is a row $n"
	d_signal worker KILL
	d_status worker
	d_start worker worker
	wait_for 60 task_is "$id" succeeded || fail "killed at row $n, the task ends" "$(task_state "$id")"
done
pass "killed at every row, each task ended"
list=$(printf "'%s'," $ids | sed 's/,$//')
is "with the same turns and calls, each once" "$(sql "SELECT string_agg(DISTINCT rows, ' | ') FROM (
	SELECT string_agg(path || ' ' || kind, ' ' ORDER BY path, kind) AS rows FROM agentd.task_log
	WHERE task IN ($list) AND kind LIKE '%.succeeded' GROUP BY task) t")" \
	"work step.succeeded work/turn-1 turn.succeeded work/turn-1/call-0 step.succeeded work/turn-1/call-1 step.succeeded work/turn-2 turn.succeeded work/turn-2/call-0 step.succeeded work/turn-3 turn.succeeded"
# A question is known by its task and its number of messages.
tail -n "+$((asked + 1))" "$D/asked.txt" | sed 's/^[^{]*//' | jq -cr '[(.messages[0].content | split("\n")[0]), (.messages | length | tostring), (. | tojson)] | join(" ")' |
	sort -u >"$D/questions.txt"
is "whoever asks again asks the same, to the byte" "$(wc -l <"$D/questions.txt")" 27
is "and no more than once for each death" "$(($(wc -l <"$D/asked.txt") - asked <= 27 + 9))" 1
d_load_sink
is "an idempotent call is made under one key" "$(sql "SELECT count(DISTINCT key) FROM public.sink WHERE n IN (12, 13)")" 18

# --- a call that nobody knows the end of ---
id=$(ctl submit plain --input "$(input '@call sink_once {"n": 21}
@turn
@results')")
begun() { grep -q '"n":21' "$D/effects.txt"; }
ok "a call is under way" wait_for 10 begun
d_signal worker KILL
d_status worker
d_start worker worker
ok "after its worker died the task waits for a word" wait_for 20 task_is "$id" uncertain
is "the call shows where" "$(ctl --json get "$id" | jq -cr '.steps[] | select(.status == "uncertain") | .path + " " + .call.tool')" "work/turn-1/call-0 sink.once"
ok "somebody says it" ctl reconcile "$id" work/turn-1/call-0 happened --result '{"serial": 0}'
ok "the agent goes on" wait_for 20 task_is "$id" succeeded
is "with that" "$(ctl --json get "$id" | jq -cr .output.text)" '{"serial":0}'
is "it was called once" "$(grep -c '"n":21' "$D/effects.txt")" 1

# --- cancel and drain between a turn and its calls' end ---
id=$(ctl submit plain --input "$(input '@delay 60000
@say never')")
under_way() { [ "$(sql "SELECT count(*) FROM agentd.spend_hold WHERE task = '$id' AND settled_at IS NULL")" = 1 ]; }
ok "a turn is under way" wait_for 10 under_way
ctl cancel "$id" >/dev/null
ok "and cancelled" wait_for 10 task_is "$id" cancelled
id=$(ctl submit plain --input "$(input '@call sink_again {"n": 31}
@turn
@results')")
ok "a turn is committed" wait_for 10 rows 2
d_stop worker
is "a worker that is told to stop stops" "$status" 0
d_start worker worker
ok "another goes on" wait_for 20 task_is "$id" succeeded
is "the call was made under one key" "$(grep '"n":31' "$D/effects.txt" | sed 's/.*"key":"\([0-9a-f]*\)".*/\1/' | sort -u | wc -l)" 1

# --- a worker that is killed at every point that it passes in a turn, where the programs have crash points; nobody takes its tasks back
# until all have died ---
d_stop worker
d_stop sweeper
asked=$(wc -l <"$D/asked.txt")
script='@call sink_look {"n": 41}
@call sink_once {"n": 42}
@turn
@call sink_again {"n": 43}
@turn
@results'
dry=$(ctl submit plain --input "$(input "$script")")
d_start worker2 worker AGENTD_CRASH_LOG="$D/passed"
ok "a worker that is not killed" wait_for 20 task_is "$dry" succeeded
d_signal worker2 KILL
d_status worker2
died() { ! d_alive worker3; }
died_or_done() { died || task_is "$id" succeeded; }
: >"$D/killed"
if [ -s "$D/passed" ]; then
	sort "$D/passed" | uniq -c | while read -r passes point; do
		case $point in
		claim.*) echo "$point 1" ;;
		model.* | effect.* | commit.* | finish.*) for nth in $(seq "$passes"); do echo "$point $nth"; done ;;
		esac
	done >"$D/points"
	while read -r point nth; do
		id=$(ctl submit plain --input "$(input "$script")")
		D_MAY_DIE=1 d_start worker3 worker AGENTD_CRASH="$point:$nth"
		wait_for 20 died_or_done || fail "killed at $point, pass $nth" "$(task_state "$id")"
		# how many commits it takes depends on which of two calls beside each other ends first; the last points come after success
		if died || wait_for 2 died; then echo "$id $point" >>"$D/killed"; fi
		d_signal worker3 KILL || :
		d_status worker3
	done <"$D/points"
	is "a worker is killed at each point" "$(cut -d' ' -f2 "$D/killed" | sort -u)" "$(cut -d' ' -f1 "$D/points" | sort -u)"
	echo "# $(wc -l <"$D/killed") of $(wc -l <"$D/points") passes of $(cut -d' ' -f1 "$D/points" | sort -u | wc -l) points"
	d_start worker worker
	d_start sweeper sweeper
	ok "then each task ends, or waits for a word" wait_for 60 all_settled
	tail -n "+$((asked + 1))" "$D/asked.txt" | sed 's/^[^{]*//' | jq -r '.messages[0].content | split("\n")[0] | ltrimstr("Task ")' >"$D/requests"
	pg_psql >/dev/null <<-END
		CREATE TABLE public.killed (task uuid, point text);
		\copy public.killed FROM '$D/killed' (DELIMITER ' ')
		CREATE TABLE public.requests (task uuid);
		\copy public.requests FROM '$D/requests'
	END
	d_load_sink
	sql "CREATE VIEW public.story AS SELECT k.*, coalesce(t.state, q.state)::text AS state, l.n AS lost,
		(SELECT count(*) FROM requests r WHERE r.task = k.task) AS requests,
		(SELECT count(*) FROM public.sink s WHERE s.task = k.task AND s.n = 42) AS once,
		(SELECT count(*) FROM public.sink s WHERE s.task = k.task AND s.n = 43) AS again,
		(SELECT count(DISTINCT s.key) FROM public.sink s WHERE s.task = k.task AND s.n = 43) AS again_keys
		FROM public.killed k JOIN agentd.tasks t ON t.id = k.task LEFT JOIN agentd.task_queue q ON q.id = k.task,
		LATERAL (SELECT count(*) AS n FROM agentd.task_attempts a WHERE a.task = k.task AND a.outcome = 'lost') l" >/dev/null
	offenders() { sql "SELECT coalesce(string_agg(to_json(s)::text, ' '), '') FROM public.story s WHERE $1"; }
	is "nothing else becomes of them" "$(offenders "state NOT IN ('succeeded', 'uncertain')")" ""
	is "a death costs one more model request at most" "$(offenders "requests > 3 + lost OR lost > 1 OR state = 'succeeded' AND requests < 3")" ""
	is "none where the turn was in the journal" "$(offenders "(point LIKE 'effect.%' OR point LIKE 'claim.%'
		OR point = 'finish.after_reply') AND requests > 3")" ""
	is "a call of at_most_once is never made twice" "$(offenders "once > 1 OR state = 'succeeded' AND once <> 1")" ""
	is "nor is its end unknown where it was not under way" "$(offenders "state = 'uncertain' AND (point LIKE 'claim.%' OR point LIKE 'model.%'
		OR point LIKE 'finish.%')")" ""
	is "an idempotent one is made again once for a death, under its key" "$(offenders "again > 1 + lost OR again_keys > 1 OR state = 'succeeded' AND again = 0")" ""
else
	skip "killed at every point of a turn" "the programs were built without crash points"
fi
done_testing
