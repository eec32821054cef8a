#!/bin/sh
# 1089-trace.t - agentctl trace, GET /tasks/ID/spans: a task with a loop, an agent with tools, a fallback and a failure as a tree of spans,
# and as a document that a strict receiver takes.
. "$top_srcdir/t/lib/pg.sh"
. "$top_srcdir/t/lib/daemon.sh"
command -v jq >/dev/null || {
	echo "1..0 # SKIP no jq"
	exit 0
}

d_init 'worker: {lease: 2s, heartbeat: 300ms, poll: 200ms}' 'sweeper: {interval: 200ms}'
d_stub --log "$D/asked.txt" --delay-ms 20
d_sink
cat >"$D/root/policies/routing.yaml" <<END
agentd: v1
defaults: {retry: {max: 0, backoff: [10ms, 20ms]}}
providers:
  stub: {wire: openai, base_url: "$stub_url", key_env: [STUB_KEY]}
models:
  script: {provider: stub, id: stub/script, context: 100000, max_output: 100, can: [tools], price: {input: 1.00, output: 2.00, as_of: 2026-11-01}}
  ill: {provider: stub, id: stub/503, context: 100000, max_output: 50, can: [tools], price: {input: 1.00, output: 2.00, as_of: 2026-11-01}}
  good: {provider: stub, id: stub/length, context: 100000, max_output: 100, price: {input: 1.00, output: 2.00, as_of: 2026-11-01}}
tiers:
  robust: {steps: [{model: ill}, {model: script}]}
  ill: {steps: [{model: ill}]}
END
cat >"$D/root/tools.d/fails.yaml" <<'END'
agentd: v1
name: lab.fails
description: Fails.
args: {type: object}
effect: pure
timeout: 100ms
exec: {argv: [sleep, "10"]}
END
cat >"$D/root/workflows/story.yaml" <<'END'
agentd: v1
name: story
budget: {usd: 0.50}
steps:
  - {id: each, for: {in: "[1, 2]", do: [{id: look, call: sink.look, with: {n: "${ .item }"}}]}}
  - {id: work, agent: {tier: robust, prompt: "${ .input.script }", temperature: 0.25, max_output: 40, tools: [sink.again, sink.look]}}
  - {id: fails, call: lab.fails, with: {words: "a s3cret word"}, retry: {max: 1, delay: 10ms}, catch: ask}
  - {id: ask, model: {tier: ill, prompt: "a s3cret question"}}
END
cat >"$D/root/workflows/nap.yaml" <<'END'
agentd: v1
name: nap
steps:
  - {id: nap, wait: 1h}
END
STUB_KEY=s3cret-key-of-the-provider
export STUB_KEY
d_publish
d_start worker worker
d_start web web
d_token boss
boss=$token
d_token ci submit,read
ci=$token

script='s3cret
@call sink_look {"n": 31}
@turn
@call sink_again {"n": 32}
@turn
@results'
ctl --json submit story --input "$(jq -cn --arg s "$script" '{script: $s}')" --follow >"$D/task.json" 2>"$D/err"
id=$(jq -r .id "$D/task.json")
is "it failed at the end" "$(jq -r '.state + " " + .error.step' "$D/task.json")" "failed ask"

# --- the document ---
spans() { code=$(d_http -o "$D/spans.json" -w '%{http_code}' -H "Authorization: Bearer $1" "http://agentd/tasks/$2/spans"); }
checked() { python3 "$top_srcdir/t/lib/otlp.py" "$@" <"$D/spans.json"; }
spans "$boss" "$id"
is "it is to be had" "$code" 200
is "a strict receiver has nothing to say against it" "$(checked)" "17 spans"
is "who did what, in which order" "$(checked --tree error.type agentd.step)" "invoke_workflow story | model.overloaded | -
  for each | - | each
    execute_tool sink.look | - | each[0]/look
    execute_tool sink.look | - | each[1]/look
  invoke_agent work | - | work
    chat stub/503 | overloaded | work/turn-1
    chat stub/script | - | work/turn-1
    execute_tool sink.look | - | work/turn-1/call-0
    chat stub/503 | overloaded | work/turn-2
    chat stub/script | - | work/turn-2
    execute_tool sink.again | - | work/turn-2/call-0
    chat stub/503 | overloaded | work/turn-3
    chat stub/script | - | work/turn-3
  execute_tool lab.fails | tool.timeout | fails
  execute_tool lab.fails | tool.timeout | fails
  route ill | model.overloaded | ask
    chat stub/503 | overloaded | ask/turn-1"
# What is wrong with it is found: spoilt in one place each, by an expression of jq.
spoilt() { jq -c "$1" "$D/spans.json" | python3 "$top_srcdir/t/lib/otlp.py" >"$D/spoilt.txt" && echo "$1"; }
span='.resourceSpans[0].scopeSpans[0].spans[1]'
is "the receiver is strict" "$(for how in .parentSpanId=null .endTimeUnixNano=1764000000000000000 '.spanId="12"' '.span_id="12"' '.kind="SPAN_KIND_INTERNAL"' \
	'.parentSpanId=.spanId' '.status.code=2' '.attributes+=[.attributes[0]]' '.attributes[0].value={"intValue":1}' '.startTimeUnixNano=.endTimeUnixNano+"0"'; do
	spoilt "$span |= ($how)"
done)" ""
of() { jq -r --arg n "$1" --arg k "$2" '[.resourceSpans[0].scopeSpans[0].spans[] | select(.name == $n) | .attributes[] | select(.key == $k).value |
	to_entries[0].value | if type == "object" then .values[0].stringValue else tostring end] | join(" ")' "$D/spans.json"; }
is "what was asked of the model" "$(of "chat stub/script" gen_ai.request.temperature)/$(of "chat stub/script" gen_ai.request.max_tokens)" "0.25 0.25 0.25/40 40 40"
is "by whom" "$(of "chat stub/script" gen_ai.provider.name)" "stub stub stub"
is "with which key" "$(of "chat stub/script" agentd.key.fingerprint)" "$(printf %s "$STUB_KEY" | sha256sum | cut -c1-8 | sed 's/.*/& & &/')"
is "how it ended" "$(of "chat stub/script" gen_ai.response.finish_reasons)/$(of "chat stub/503" gen_ai.response.finish_reasons)" "tool_calls tool_calls stop/"
is "what the provider said" "$(of "chat stub/503" http.response.status_code)" "503 503 503 503"
is "the tools' calls as the model named them" "$(of "execute_tool sink.again" gen_ai.tool.call.id)" "$(sql "SELECT value -> 'calls' -> 0 ->> 'id'
	FROM agentd.task_log WHERE task = '$id' AND path = 'work/turn-2'")"
is "tokens and costs are those of the rows" "$(jq -rn --arg i "$(of "invoke_agent work" gen_ai.usage.input_tokens)" \
	--arg o "$(of "invoke_agent work" gen_ai.usage.output_tokens)" --arg c "$(of "invoke_workflow story" agentd.cost.usd)" '[$i, $o, $c] | join("|")')" \
	"$(sql "SELECT sum(in_fresh + in_cached) FILTER (WHERE path LIKE 'work/%'), sum(out_text + out_reason) FILTER (WHERE path LIKE 'work/%'),
		agentd.money(sum(cost_usd)) FROM agentd.model_calls WHERE task = '$id'")"
is "which is what the task cost" "$(of "invoke_workflow story" agentd.cost.usd)" "$(jq -r .cost_usd "$D/task.json")"
is "the trace is the task" "$(jq -r '.resourceSpans[0].scopeSpans[0].spans[0].traceId' "$D/spans.json")" "$(echo "$id" | tr -d -)"
is "what was asked and said is in none of it" "$(grep -c s3cret "$D/spans.json")" 0
ctl --json trace "$id" >"$D/again.json"
is "the same document at the command line" "$(jq -Sc . "$D/again.json")" "$(jq -Sc . "$D/spans.json")"
is "the key is nowhere in the database" "$("$PG_BIN/pg_dump" "$AGENTD_DATABASE" | grep -c "$STUB_KEY")" 0

# --- for people ---
ctl trace "$id" >"$D/tree.txt"
like "the task, its sums and its error" "$(sed -n 2p "$D/tree.txt")" "^invoke_workflow story  +[0-9.a-z]+ +[0-9]+ +[0-9]+ +$(jq -r .cost_usd "$D/task.json") +model.overloaded *\$"
like "an attempt" "$(grep -m 1 script "$D/tree.txt")" '^    chat stub/script +work/turn-1 +[0-9.a-z]+ +stub/stub/script +[0-9]+ +[0-9]+ +0\.[0-9]+ *$'
is "a line each" "$(wc -l <"$D/tree.txt")" 18

# --- what is not over ---
nap=$(ctl submit nap)
ok "it waits" wait_for 20 task_is "$nap" waiting_timer
spans "$boss" "$nap"
is "what is open says so" "$(checked --tree agentd.open agentd.task.state agentd.step.status)" "invoke_workflow nap | True | waiting_timer | -
  wait nap | True | - | open"
ctl cancel "$nap" >/dev/null
spans "$boss" "$nap"
is "and is over when the task is" "$(checked --tree agentd.open agentd.task.state error.type)" "invoke_workflow nap | - | cancelled | cancelled
  wait nap | - | - | cancelled"

# --- for whom ---
spans "$ci" "$id"
is "not for others" "$code" 404
spans "$boss" 019ab000-0000-7000-8000-000000000009
is "an unknown task" "$code" 404
like "at the command line, too" "$(ctl trace 019ab000-0000-7000-8000-000000000009 2>&1)" '^agentctl: no task'
out=$(ctl trace x 2>&1)
like "no id" "$? $out" '^2 agentctl: "x" is not a task id'
ctl purge "$id" >/dev/null
spans "$boss" "$id"
is "of a purged task its calls are left" "$code $(checked | tail -n 1) $(of "chat stub/script" gen_ai.response.id)" "200 8 spans "
done_testing
