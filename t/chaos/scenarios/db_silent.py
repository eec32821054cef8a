"""The database is there and does not answer, or answers over a very slow line.

hold:   connections are accepted, nothing is answered: the API says 503 in time, and goes on when the silence ends.
freeze: the connections of the moment are silent for ever, new ones work (a hung backend, a lost entry in a firewall):
        agentd must give the silent ones up by itself. That takes as long as the server lets a statement run.
slow:   32 kbit/s each way, 2 s of delay, a tenth of the pieces held twice as long: work goes on and leases are kept.
"""
import time

import proxy
from nemesis import Nemesis

NAME = "db-silent"
FIGURES = ("hold_503_after_s", "hold_back_s", "freeze_503_after_s", "freeze_back_s", "slow_tasks", "slow_lost_percent")
ORDER, FULL_S, FIXED_S = 75, 240, 40
SHORT = False
HOLD_S, REFUSAL_S, BACK_S, SILENCE_S = 25, 20, 30, 65
LEASES = {"worker": {"lease": "30s", "heartbeat": "5s", "poll": "500ms"}}


def run(run):
    with run.rig(start=False, database=proxy.CONNINFO, settings=LEASES) as rig:
        line = proxy.Proxy(rig)
        rig.start_all(2)
        clients = rig.clients(16)
        nemesis = Nemesis(rig)
        clients.submit("five", run.n(100, least=20))
        clients.wait(30, 20)

        began = time.monotonic()
        line.tell("hold")
        run.figure("hold_503_after_s", refused(rig, began), "s")
        if run.scale > 0.3:
            nemesis.sleep(max(0, began + HOLD_S - time.monotonic()))
        line.tell("pass")
        run.figure("hold_back_s", works(rig, BACK_S, "after the silence"), "s")

        if run.scale > 0.3 and run.more():
            clients.submit("five", 100)
            began = time.monotonic()
            line.tell("freeze")
            run.figure("freeze_503_after_s", refused(rig, began), "s")
            run.figure("freeze_back_s", works(rig, SILENCE_S + BACK_S, "after the connections of the moment have died silently"), "s")
            rig.wait_until(lambda: rig.open_tasks() == 0, 2 * SILENCE_S, "workers give their silent connections up")

        rig.wait_until(lambda: rig.open_tasks() == 0 and clients.acknowledged == clients.asked, 60, "every task ends before the line becomes slow")
        line.tell("slow 32000 2000 10")
        done, attempts = rig.number("SELECT count(*) FROM agentd.tasks WHERE state IS NOT NULL"), attempts_of(rig)
        clients.submit("five", run.n(24, least=6))
        rig.wait_until(lambda: rig.open_tasks() == 0 and clients.acknowledged == clients.asked, 150, "every task ends over a slow line")
        lost = attempts_of(rig)[1] - attempts[1]
        steps = 5 * (rig.number("SELECT count(*) FROM agentd.tasks WHERE state IS NOT NULL") - done)
        line.tell("pass")
        run.figure("slow_tasks", steps // 5, "tasks")
        run.figure("slow_lost_percent", f"{100 * lost / max(steps, 1):.2f}", "%")
        if lost > steps / 100:
            rig.violation("SILENCE", f"{lost} attempts were lost for {steps} steps over a slow line")


def attempts_of(rig):
    return [int(v) for v in rig.sql("SELECT count(*), count(*) FILTER (WHERE outcome = 'lost') FROM agentd.task_attempts")[0]]


def refused(rig, began):
    """When the API said 503, in seconds since BEGAN; no later than REFUSAL_S."""
    status, _ = rig.http("POST", "/tasks", {"workflow": "noop", "input": {"n": 1}}, headers=["Idempotency-Key: silent"], timeout=REFUSAL_S + 5)
    seconds = time.monotonic() - began
    if status != 503 or seconds > REFUSAL_S:
        rig.violation("SILENCE", f"while the database was silent the API answered {status} after {seconds:.1f} s, expected 503 within {REFUSAL_S} s")
    return f"{seconds:.1f}"


def works(rig, seconds, when):
    began = time.monotonic()
    rig.wait_until(lambda: rig.http("POST", "/tasks", {"workflow": "noop", "input": {"n": 1}}, headers=["Idempotency-Key: silent"])[0] == 202,
                   seconds, f"submissions are taken {when}")
    return f"{time.monotonic() - began:.1f}"
