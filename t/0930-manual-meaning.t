#!/bin/sh
# 0930-manual-meaning.t - sentences of agentd-workflow(5) and agentd-tool(5), each held against a task that runs.
. "$top_srcdir/t/lib/pg.sh"
. "$top_srcdir/t/lib/daemon.sh"

d_init
d_sink
cat >"$D/root/policies/routing.yaml" <<'END'
agentd: v1
providers:
  recorded: {wire: replay, file: replies.json}
models:
  recorded: {provider: recorded, id: demo, price: free}
tiers:
  cheap: {steps: [{model: recorded}]}
END
cat >"$D/root/policies/replies.json" <<'END'
{"replies": [
  {"match": {"contains": "fenced"}, "reply": {"text": "Here it is:\n```json\n{\"team\": \"sales\"}\n```"}},
  {"match": {"regex": "^Your answer cannot be used"}, "reply": {"text": "{\"team\": \"support\"}"}},
  {"match": {"contains": "clumsy"}, "reply": {"text": "support, I think"}},
  {"match": {"contains": "never"}, "reply": {"json": {"team": "nobody"}}},
  {"match": {"contains": "slow"}, "reply": {"text": "late"}, "delay_ms": 30000},
  {"match": {"contains": "busy"}, "error": {"type": "model.overloaded", "message": "full", "status": 503}},
  {"match": {}, "reply": {"text": "an answer"}}]}
END

flow() {	# NAME, text behind "name" on standard input
	{
		printf 'agentd: v1\nname: %s\n' "$1"
		cat
	} >"$D/root/workflows/$1.yaml"
}

flow set <<'END'
steps:
  - id: pair
    set: {a: 1, b: [x, y]}
  - id: swap
    set: {a: "${ .vars.b }", b: "${ .vars.a }"}
output: "${ .vars }"
END
flow skip <<'END'
steps:
  - id: one
    when: .input.no
    set: {a: 1}
    then: three
  - id: two
    set: {b: 2}
  - id: three
    set: {c: 3}
output: {one: "${ .steps.one }", vars: "${ .vars }", later: "${ .steps.two.visits }"}
END
flow ends <<'END'
steps:
  - id: one
    set: {a: 1}
    then: end
  - id: two
    set: {a: 2}
    catch: two_b
  - id: two_b
    set: {a: 3}
END
sed -i '/id: two$/,$d' "$D/root/workflows/ends.yaml"
flow visits <<'END'
steps:
  - id: count
    set: {n: "${ (.vars.n // 0) + 1 }"}
  - id: again
    switch:
      - {when: .vars.n > 100, then: end}
      - {then: count, max_visits: 2}
    catch: over
  - id: over
    set: {why: "${ .steps.again.error.type }", n: "${ .vars.n }", visits: "${ .steps.count.visits }"}
END
flow loop <<'END'
steps:
  - id: outer
    set: {seen: 0}
  - id: each
    for:
      in: .input.list
      as: x
      do:
        - id: inner
          for:
            in: "[10, 20]"
            do:
              - id: sum
                set: {seen: "${ .vars.seen + 1 }", last: "${ .vars.x + .item }"}
        - id: seen
          set: {at: "${ .index }", sums: "${ .steps.inner.output | map(.last) }"}
  - id: apart
    for:
      in: .input.list
      parallel: 3
      output: "${ .vars.seen }"
      do:
        - id: own
          set: {seen: "${ .vars.seen + .item }"}
output: {each: "${ .steps.each.output }", apart: "${ .steps.apart.output }", seen: "${ .vars.seen }"}
END
for how in fail collect skip; do
	flow "on-$how" <<END
steps:
  - id: each
    for:
      in: "[1, 0, 2]"
      on_error: $how
      do:
        - id: part
          set: {q: "\${ 6 / .item }"}
    catch: after
  - id: after
    set: {out: "\${ .steps.each.output }", error: "\${ .steps.each.error.type }", step: "\${ .steps.each.error.step }"}
END
done
flow notarray <<'END'
steps:
  - {id: each, for: {in: .input, do: [{id: x, set: {a: 1}}]}, catch: why}
  - {id: why, set: {type: "${ .steps.each.error.type }"}}
END
flow past <<'END'
steps:
  - {id: none, wait: {until: "2001-01-01T00:00:00Z"}}
  - {id: null_, set: {w: "${ .steps.none.output }"}}
END
flow late <<'END'
steps:
  - {id: long, wait: 1h, timeout: 300ms, catch: why}
  - {id: why, set: {type: "${ .steps.long.error.type }"}}
END
flow raising <<'END'
steps:
  - {id: once, raise: {type: mine.own, message: "n is ${ .input.n }", retryable: true}, retry: {max: 2, delay: 10ms}, catch: twice}
  - {id: twice, raise: {type: mine.own, message: final}, retry: {max: 2, delay: 10ms}}
END
flow wall <<'END'
steps:
  - {id: long, wait: 1h, budget: {wall: 300ms}, catch: why}
  - {id: why, set: {type: "${ .steps.long.error.type }"}}
END
flow taskwall <<'END'
budget: {wall: 500ms}
steps: [{id: long, wait: 1h}]
END
flow calls <<'END'
steps:
  - id: each
    budget: {calls: 2}
    for:
      in: "[1, 2, 3]"
      on_error: collect
      output: "${ .steps.look.output.n // null }"
      do: [{id: look, call: sink.look, with: {n: "${ .item }"}}]
output: "${ [.steps.each.output[] | if type == \"object\" then .error.type else \"done\" end] }"
END
flow anew <<'END'
steps:
  - {id: look, call: sink.look, with: {n: 1}, budget: {calls: 1}}
  - {id: again, switch: [{then: look, max_visits: 2}], catch: done}
  - {id: done, set: {visits: "${ .steps.look.visits }"}}
END
flow turns <<'END'
budget: {turns: 1}
steps:
  - {id: a, model: {tier: cheap, prompt: one}}
  - {id: b, model: {tier: cheap, prompt: two}}
END
flow model <<'END'
steps:
  - id: plain
    model: {tier: cheap, prompt: hello}
  - id: fenced
    model: {tier: cheap, prompt: fenced, output: {type: object, required: [team]}}
  - id: clumsy
    model: {tier: cheap, prompt: clumsy, output: {type: object, required: [team]}}
  - id: never
    model: {tier: cheap, prompt: never, output: {type: object, properties: {team: {enum: [sales]}}}}
    catch: end_
  - id: end_
    set: {never: "${ .steps.never.error.type }"}
output: ["${ .steps.plain.output }", "${ .steps.fenced.output }", "${ .steps.clumsy.output }", "${ .vars.never }"]
END
flow slow <<'END'
steps:
  - {id: slow, model: {tier: cheap, prompt: slow}, timeout: 300ms, catch: why}
  - {id: why, set: {type: "${ .steps.slow.error.type }"}}
END
flow busy <<'END'
steps:
  - {id: busy, model: {tier: cheap, prompt: busy}, retry: {max: 1, delay: 10ms, on: [tool.*]}, catch: why}
  - {id: why, set: {type: "${ .steps.busy.error.type }", again: "${ .steps.busy.error.retryable }"}}
END
flow unknown-arg <<'END'
steps:
  - {id: bad, call: sink.look, with: {n: "${ .input.n }"}, catch: why}
  - {id: why, set: {type: "${ .steps.bad.error.type }"}}
END
flow facts <<'END'
steps: [{id: keys, set: {keys: "${ .task | keys }", unseen: "${ .steps | length }"}}]
END
flow last <<'END'
steps:
  - {id: a, set: {x: 1}}
  - {id: b, when: "false", set: {x: 2}}
END
flow input <<'END'
input: {type: object, required: [n], properties: {n: {type: integer}}}
steps: [{id: a, set: {n: "${ .input.n }"}}]
END
d_publish
d_start all all

# The task's end: state, then output or the error's type.
run() {	# WORKFLOW INPUT
	task=$(ctl submit "$1" --input "$2") && echo "$task" >"$D/task"
	wait_for 20 ended "$task" || true
	ctl get "$task" --json | jq -c '[.state, (if .error then .error.type else .output end)]'
}
ended() { case $(task_state "$1") in succeeded | failed | cancelled | expired) true ;; *) false ;; esac; }

is "set reads all values, then writes" "$(run set '{}')" '["succeeded",{"a":["x","y"],"b":1}]'
is "a skipped step goes on below, whatever then says" "$(run skip '{"no": null}')" \
	'["succeeded",{"one":{"output":null,"status":"skipped","error":null,"visits":1},"vars":{"b":2,"c":3},"later":1}]'
is "then leads elsewhere" "$(run skip '{"no": 1}' | jq -c .[1].vars)" '{"a":1,"c":3}'
is "then: end ends the task" "$(run ends '{}')" '["succeeded",{"a":1}]'
is "max_visits bounds an edge" "$(run visits '{}')" '["succeeded",{"why":"budget.visits","n":3,"visits":3}]'
is "loops: as, write through, one's own" "$(run loop '{"list": [1, 2]}')" \
	'["succeeded",{"each":[{"at":0,"sums":[11,21]},{"at":1,"sums":[12,22]}],"apart":[5,6],"seen":4}]'
is "on_error: fail" "$(run on-fail '{}')" '["succeeded",{"out":null,"error":"expression","step":"each[1]/part"}]'
is "on_error: collect" "$(run on-collect '{}' | jq -c '.[1] | .out[1] |= (.error | keys)')" \
	'{"out":[{"q":6},["message","retryable","step","type"],{"q":3}],"error":null,"step":null}'
is "on_error: skip" "$(run on-skip '{}')" '["succeeded",{"out":[{"q":6},{"q":3}],"error":null,"step":null}]'
is "in must be an array" "$(run notarray '{}')" '["succeeded",{"type":"expression"}]'
is "a time that has passed waits for nothing" "$(run past '{}')" '["succeeded",{"w":null}]'
is "timeout of a wait" "$(run late '{}')" '["succeeded",{"type":"timeout"}]'
is "raise: retried when it says so" "$(run raising '{"n": 5}')" '["failed","mine.own"]'
is "each try is counted" "$(ctl get "$(cat "$D/task")" --json | jq -c '[.steps[] | [.path, .try]]')" '[["once",3],["twice",1]]'
is "a step's wall budget" "$(run wall '{}')" '["succeeded",{"type":"budget.wall"}]'
is "a task's wall budget expires it" "$(run taskwall '{}')" '["expired","budget.wall"]'
is "a budget of calls holds for what is inside" "$(run calls '{}')" '["succeeded",["done","done","budget.calls"]]'
is "each visit has its budget anew" "$(run anew '{}')" '["succeeded",{"visits":3}]'
is "turns of a task" "$(run turns '{}')" '["failed","budget.turns"]'
is "answers: text, in a fence, repaired, never right" "$(run model '{}')" \
	'["succeeded",[{"text":"an answer"},{"team":"sales"},{"team":"support"},"schema.output"]]'
is "timeout of a model" "$(run slow '{}')" '["succeeded",{"type":"timeout"}]'
is "on narrows" "$(run busy '{}')" '["succeeded",{"type":"model.overloaded","again":true}]'
is "arguments that do not fit are not sent" "$(run unknown-arg '{"n": "x"}')" '["succeeded",{"type":"tool.args"}]'
is ".task has its keys" "$(run facts '{}')" \
	'["succeeded",{"keys":["bundle","created_at","id","labels","parent","submitted_by","urgency","workflow"],"unseen":0}]'
is "the output is that of the last step that ran" "$(run last '{}')" '["succeeded",{"x":1}]'
is "an input that fits" "$(run input '{"n": 1}')" '["succeeded",{"n":1}]'
like "an input that does not fit is refused" "$(ctl submit input --input '{"n": "1"}' 2>&1)" '^agentctl: /n: expected '
task=$(sql "SELECT agentd.submit('input', '{\"n\": \"1\"}')")
ok "where SQL submits it" wait_for 20 ended "$task"
is "it fails the task" "$(ctl get "$task" --json | jq -c '[.state, .error.type]')" '["failed","schema.input"]'
is "a submission may not raise a budget" "$(ctl submit turns --budget '{"turns": 2}' --json 2>&1 | jq -r .error)" invalid

# --- the API shows what agentd-api(7) says ---
shown() {	# NAME KEY...: each as the page writes it
	name=$1 missing=
	shift
	for key; do
		grep -Fq "\"$key\"" "$top_srcdir/man/agentd-api.7" || missing="$missing $key"
	done
	is "$name" "$missing" ""
}
ctl get "$(cat "$D/task")" --json >"$D/view"
# shellcheck disable=SC2046
shown "every member of a task is in agentd-api(7)" $(jq -r 'keys[], (.usage | keys[]), (.steps[] | keys[])' "$D/view" | sort -u)
# shellcheck disable=SC2046
shown "every member of a workflow is in agentd-api(7)" $(ctl workflows --json | jq -r '.workflows[0] | keys[]')
is "members of tasks in lists stand before the others" "$(ctl list --limit 1 --json | jq -c '.tasks[0] | keys_unsorted | .[-1]')" '"finished_at"'
d_stop all
is "the daemon ends well" "$status" 0
done_testing
