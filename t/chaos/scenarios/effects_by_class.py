"""kill -9 between dispatch and result of calls of every effect class: the table of agentd-internals(7), "Effects" holds exactly.

pure and idempotent calls are made again (with the same key) and their tasks succeed; an at_most_once call that had no
recorded answer makes its task uncertain, that one and no other, and is not made again.
"""
from flows import CLASSES
from nemesis import Nemesis

NAME = "effects-by-class"
FIGURES = tuple(f"effects_interrupted_{c}" for c in CLASSES) + ("effects_sink_repeats",)
ORDER, FULL_S, FIXED_S = 22, 60, 6
INTERRUPTED, EACH = 500, 20


def interrupted_now(rig):
    """Calls that the ledger shows as dispatched, of tasks whose worker is dead: {class: {task}}."""
    found = {c: set() for c in CLASSES}
    for c, task in rig.sql("SELECT effect_class, task FROM agentd.effects WHERE state = 'dispatched'"):
        found[c].add(task)
    return found


def run(run):
    want = run.n(INTERRUPTED, least=20)
    with run.rig(sink_delay_ms=250, settings={"worker": {"lease": "1s", "heartbeat": "300ms", "poll": "200ms", "slots": 200},
                                              "sweeper": {"interval": "300ms"}}) as rig:
        rig.start_all(1)
        clients = rig.clients(8)
        nemesis = Nemesis(rig)
        hit = {c: set() for c in CLASSES}
        while min(map(len, hit.values())) < want and run.more():
            for c in CLASSES:
                clients.submit(c.replace("_", "-"), EACH)
            rig.wait_until(f"SELECT count(*) >= {2 * EACH} FROM agentd.effects WHERE state = 'dispatched'", 30, "calls are under way")
            nemesis.pause(0.05)
            nemesis.kill_one(["worker0"], revive=False)
            # what the worker had sent before it died may still be committed: look when its connections are gone
            rig.wait_until("SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = 'agentd worker'", 10, "its connections end")
            for c, tasks in interrupted_now(rig).items():
                hit[c] |= tasks
            rig.start("worker0")
            rig.wait_until(lambda: rig.open_tasks() == 0, 60, "what was interrupted ends")
        rig.settle()
        state = dict(rig.sql("SELECT t.id, coalesce(t.state, q.state) FROM agentd.tasks t LEFT JOIN agentd.task_queue q USING (id)"))
        uncertain = {task for task, s in state.items() if s == "uncertain"}
        for c, tasks in hit.items():
            run.figure(f"effects_interrupted_{c}", len(tasks), "calls")
            wrong = [t for t in tasks if state[t] != ("uncertain" if c == "at_most_once" else "succeeded")]
            if wrong:
                rig.violation("CLASS", f"{len(wrong)} interrupted {c} calls, e.g. task {wrong[0]} is {state[wrong[0]]}")
        if uncertain != hit["at_most_once"]:
            rig.violation("CLASS", f"{len(uncertain ^ hit['at_most_once'])} tasks are uncertain without an interrupted call, or the other way round")
        with open(rig.sink_log) as f:
            keys = [line.split('"key":"')[1][:64] for line in f]
        run.figure("effects_sink_repeats", len(keys) - len(set(keys)), "calls")
