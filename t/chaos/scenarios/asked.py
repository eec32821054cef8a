"""Tasks that ask people, who approve, edit, deny, race, forget and cancel, while workers, web and the database are killed.

An approval is consumed at most once, by one effect, whose arguments in the witness are the ones that the digest binds; what was not
approved does not happen; what was approved happens once; every task ends. Between kills, forgeries of used, denied and expired
approvals are tried in the database.
"""
import flows
from deciders import Deciders, forge
from nemesis import Nemesis

NAME = "asked"
FIGURES = ("asked_kills", "asked_tasks", "asked_approvals", "asked_consumed", "asked_forgeries_refused")
ORDER, FULL_S, FIXED_S = 26, 240, 18
KILLS = 200

QUERIES = {
    "I7 an effect that is asked for has one approval, consumed by it, of the arguments that were seen": """
        SELECT s.task || ' ' || s.tool || ' ' || s.n FROM chaos.sink s JOIN agentd.tasks t ON t.id = s.task
        WHERE t.workflow <> 'ask-form' AND (SELECT count(*) FROM agentd.approval_queue a WHERE a.task = s.task AND a.state = 'consumed'
            AND encode(a.effect_key, 'hex') = s.key AND a.digest = sha256(a.head || sha256(('{"n":' || s.n || '}')::bytea))
            AND (a.args ->> 'n')::bigint = s.n) <> 1""",
    "I7 a question's answer is what is done": """
        SELECT s.task || ' ' || s.n FROM chaos.sink s JOIN agentd.tasks t ON t.id = s.task
        WHERE t.workflow = 'ask-form' AND NOT EXISTS (SELECT FROM agentd.approval_queue a WHERE a.task = s.task AND a.kind = 'question'
            AND a.state = 'consumed' AND (a.answer ->> 'n')::bigint = s.n)""",
    "I7 an approval serves one effect, and an effect one approval": """
        SELECT a.task || ' ' || count(*) FROM agentd.approval_queue a WHERE a.kind = 'call' AND a.state = 'consumed'
        GROUP BY a.task, a.effect_key HAVING count(*) > 1 OR a.effect_key IS NULL""",
    "I7 nothing is done without an approval": """
        SELECT s.task::text FROM chaos.sink s WHERE NOT EXISTS (SELECT FROM agentd.approval_queue a WHERE a.task = s.task AND a.state = 'consumed')""",
    "I7 as many people spoke as were asked for": """
        SELECT a.id || ' ' || a.votes::text FROM agentd.approval_queue a WHERE a.state = 'consumed'
            AND (SELECT count(DISTINCT v ->> 'by') FROM json_array_elements(a.votes) v WHERE v ->> 'decision' = 'approve') < a.approvers""",
    "I7 what was approved happens, and succeeds": """
        SELECT t.id || ' ' || t.workflow || ' ' || t.state FROM agentd.tasks t
        JOIN agentd.approval_queue a ON a.task = t.id AND a.state IN ('approved', 'consumed')
        WHERE t.state <> 'cancelled' AND (t.state <> 'succeeded' OR NOT EXISTS (SELECT FROM chaos.sink s WHERE s.task = t.id))""",
    "I7 what was not approved fails as that": """
        SELECT t.id || ' ' || t.error::text FROM agentd.tasks t WHERE t.state = 'failed' AND (t.error ->> 'type' <> 'approval.denied'
            OR EXISTS (SELECT FROM agentd.approval_queue a WHERE a.task = t.id AND a.state NOT IN ('denied', 'expired')))""",
}


def write_flows(rig):
    ask = '    ask: {title: "Send ${ .input.n }", timeout: %s%s}\n'
    for name, tool, words in (("ask-once", "once", ask % ("4s", "")), ("ask-again", "again", ask % ("4s", "")),
                              ("ask-two", "once", ask % ("6s", ", approvers: 2")), ("ask-policy", "once", "")):
        flows.flow(rig, name, flows.call("act", tool) + words)
    flows.flow(rig, "ask-form", """  - id: sure
    approve:
      title: "Send ${ .input.n }"
      form: {type: object, required: [n], properties: {n: {type: integer}}}
      timeout: 4s
  - id: act
    when: .steps.sure.output.decision == "approved"
    call: sink.once
    with: {n: "${ .steps.sure.output.form.n }"}
""")
    rig.write("policies/risk.yaml", """agentd: v1
rules:
  - {id: policy, when: '.task.workflow == "ask-policy" and .tool == "sink.once"', verdict: ask, risk: high, expires: 4s, reason: Send}
  - {id: rest, verdict: allow}
""")
    rig.publish()


def break_one(nemesis, rig, workers):
    """A worker, web, both and all workers, or the database with everything that hangs on it."""
    act = rig.rng.choices(("worker", "web", "house", "pg"), (6, 3, 2, 2))[0]
    if act == "pg":
        rig.rng.choice((nemesis.pg_kill, nemesis.pg_immediate, nemesis.pg_backend))()
    for name in {"worker": [rig.rng.choice(workers)], "web": ["web"], "house": workers + ["web", "sweeper"], "pg": []}[act]:
        rig.kill(name)
        nemesis.did("kill", name)
    rig.pg.wait_ready()
    rig.revive(wait=False)


def run(run):
    kills = run.n(KILLS, least=8)
    with run.rig(sink_delay_ms=20, settings={"worker": {"lease": "1s", "heartbeat": "300ms", "poll": "200ms", "slots": 40},
                                             "sweeper": {"interval": "300ms"}}) as rig:
        rig.witness_queries.update(QUERIES)
        rig.allow["failed"] = rig.allow["cancelled"] = True
        rig.allow["refused"] = r"(approval|task) \S+ (is|has) |\S+ has approved"     # whoever comes too late, or saw something else
        write_flows(rig)
        workers = rig.start_all(2)
        clients = rig.clients(4)
        deciders, nemesis = Deciders(rig), Nemesis(rig)
        done, refused = 0, 0
        while done < kills and run.more():
            for flow in ("ask-once", "ask-again", "ask-two", "ask-policy", "ask-form"):
                clients.submit(flow, 2)
            nemesis.pause(0.5)
            break_one(nemesis, rig, workers)
            refused += forge(rig)
            done += 1
        clients.finish()
        rig.wait_until("SELECT count(*) = 0 FROM agentd.task_queue WHERE state NOT IN ('uncertain', 'quarantined')", 90, "everything that asks ends")
        deciders.stop()
        refused += forge(rig)
        deciders.check()
        run.figure("asked_kills", done, "kills")
        run.figure("asked_tasks", clients.acknowledged, "tasks")
        run.figure("asked_approvals", rig.number("SELECT count(*) FROM agentd.approval_queue"), "approvals")
        run.figure("asked_consumed", rig.number("SELECT count(*) FROM agentd.approval_queue WHERE state = 'consumed'"), "approvals")
        run.figure("asked_forgeries_refused", refused, "forgeries")
        run.say("deciders: " + ", ".join(f"{fate} {n}" for fate, n in deciders.did.items()) + "; approvals: "
                + ", ".join(f"{state} {n}" for state, n in rig.sql("SELECT state, count(*) FROM agentd.approval_queue GROUP BY 1 ORDER BY 1")))
