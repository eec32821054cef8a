"""flows.py - the tools and workflows that scenarios run.

Tools of the sink (a process of its own, the only witness of effects), one per effect class, whose request bodies carry
{key, task, n}: sink.once (at_most_once), sink.again (idempotent), sink.look (pure).
proc.hold is a program with a child of its own; they sleep .args.s seconds and do not end at SIGTERM.

Workflows (input {"n": integer}; every output echoes n, which the oracle checks):
  five    five steps: set, once, again, look, set          noop    one set
  CLASS   one call of that class: pure idempotent at-most-once
  paid    a priced model answer, then once; budget 1 USD   hold    proc.hold for s seconds, then again
  agent   a priced agent of three turns: again and once beside each other, then look
  loop    four calls of again in a loop, two at a time     timer   waits 500 ms in the worker and 2 s parked, then again
"""
import json

# no runner is tx: such an effect commits with its step and is never under way
CLASSES = {"pure": "look", "idempotent": "again", "at_most_once": "once"}
INPUT = "input: {type: object, required: [n], properties: {n: {type: integer}, s: {type: integer}}}\n"


def http_tool(rig, name, effect):
    rig.write(f"tools.d/sink-{name}.yaml", f"""agentd: v1
name: sink.{name}
description: Tell the witness.
args:
  type: object
  required: [n]
  additionalProperties: false
  properties: {{n: {{type: integer}}}}
effect: {effect}
taint: {{acts_outside: true}}
timeout: 20s
http:
  method: POST
  url: http://{rig.sink_address}:{rig.sink_port}/{name}
  headers: {{Idempotency-Key: "${{ .effect_key }}"}}
  json: {{key: "${{ .effect_key }}", task: "${{ .task.id }}", n: "${{ .args.n }}"}}
  allow: [{rig.sink_address}/32]
""")


def exec_tool(rig, name, effect, script):
    """A tool that runs SCRIPT with /bin/sh; the argument s is $1. Marked, so that the rig finds its processes."""
    rig.write(f"tools.d/{name.replace('.', '-')}.yaml", f"""agentd: v1
name: {name}
description: Run a program.
args:
  type: object
  required: [s]
  additionalProperties: false
  properties: {{s: {{type: integer}}}}
effect: {effect}
timeout: 60s
exec:
  argv: [/bin/sh, -c, {script!r}, sh, "${{ .args.s | tostring }}"]
  env: {{CHAOS_TOOL: {rig.dir!r}}}
  workspace: true
  result: "{{status: .exit_status}}"
""")


def flow(rig, name, steps, output='output: {n: "${ .input.n }"}\n', more=""):
    rig.write(f"workflows/{name}.yaml", f"agentd: v1\nname: {name}\n{INPUT}{more}steps:\n{steps}{output}")


def call(step, tool, n="${ .input.n }"):
    return f'  - id: {step}\n    call: sink.{tool}\n    with: {{n: "{n}"}}\n'


def write(rig):
    for effect, name in CLASSES.items():
        http_tool(rig, name, effect)
        flow(rig, effect.replace("_", "-"), call("act", name))
    exec_tool(rig, "proc.hold", "pure", 'trap "" TERM; sleep "$1" & wait')
    usage = {"prompt_tokens": 10, "completion_tokens": 20}
    calls = [{"name": "sink_again", "args": {"n": 1}}, {"name": "sink_once", "args": {"n": 2}}]
    rig.write("policies/replies.json", json.dumps({"replies": [
        {"match": {"tools": True, "turn": 1}, "reply": {"calls": calls}, "usage": usage},
        {"match": {"tools": True, "turn": 2, "called": ["sink_again", "sink_once"]},
         "reply": {"text": "And once more.", "calls": [{"name": "sink_look", "args": {"n": 3}}]}, "usage": usage},
        {"match": {}, "reply": {"text": "an answer"}, "usage": usage}]}))
    rig.write("policies/routing.yaml", """agentd: v1
providers: {recorded: {wire: replay, file: replies.json}}
models: {recorded: {provider: recorded, id: demo, context: 8192, max_output: 100, can: [tools], price: {input: 1.00, output: 4.00, as_of: 2026-11-01}}}
caps: {all: {scope: global, window: day, limit_usd: 100000}, each: {scope: task, window: lifetime, limit_usd: 1}}
tiers: {cheap: {steps: [{model: recorded, caps: [all, each]}]}}
""")
    flow(rig, "noop", '  - id: one\n    set: {n: 1}\n')
    flow(rig, "five", '  - id: first\n    set: {n: "${ .input.n }"}\n'
         + call("once", "once", "${ .vars.n }") + call("again", "again", "${ .vars.n }") + call("look", "look", "${ .vars.n }")
         + '  - id: last\n    set: {serial: "${ .steps.once.output.serial }"}\n',
         output='output: {n: "${ .vars.n }", serial: "${ .vars.serial }"}\n')
    flow(rig, "paid", '  - id: ask\n    model: {tier: cheap, prompt: "Say something about ${ .input.n }.", max_output: 50}\n'
         + call("once", "once"), more="budget: {usd: 1.00}\n")
    flow(rig, "agent", '  - id: work\n    agent: {tier: cheap, prompt: "Tell of ${ .input.n }.", max_output: 50,\n'
         "            tools: [sink.again, sink.once, sink.look]}\n", more="budget: {usd: 1.00}\n")
    flow(rig, "hold", '  - id: hold\n    call: proc.hold\n    with: {s: "${ .input.s }"}\n' + call("again", "again"))
    flow(rig, "loop", '  - id: each\n    for:\n      in: "${ [range(4)] }"\n      parallel: 2\n      do:\n'
         '        - id: act\n          call: sink.again\n          with: {n: "${ .item }"}\n')
    flow(rig, "timer", "  - id: nap\n    wait: 500ms\n  - id: park\n    wait: 2s\n" + call("again", "again"))
