"""The wall clock of the database, of a worker or of web is set wrong while work is under way, and right again.

Each of the three has a clock of its own. A step must cost nobody a task, an answer or an effect; no lease may stand that reaches
further than two leases ahead; work goes on whatever the clocks say, also when the sweeper starts while they are wrong. Timers that
were set by a wrong clock keep their time: they are not under way when a clock is set back.
"""
import calendar
import time

import clocks
from nemesis import Nemesis

NAME = "clock-step"
FIGURES = ("clock_steps", "clock_tasks", "clock_attempts_lost")
ORDER, FULL_S, FIXED_S = 70, 60, 12
HOUR, DAY = 3600, 86400
STEPS = {"+1h": HOUR, "-1h": -HOUR, "+1d": DAY, "-1d": -DAY, "1970": (1970, 1, 2, 0, 0, 0), "2038": (2038, 1, 19, 3, 14, 8), "2100": (2100, 3, 1, 0, 0, 0)}
WHO = ("db", "worker", "web")


def run(run):
    cases = [(who, step) for who in WHO for step in STEPS]
    run.rng.shuffle(cases)
    # a short run begins with what is hardest
    cases.sort(key=lambda c: c not in (("db", "2100"), ("db", "1970"), ("web", "1970"), ("worker", "2100"), ("db", "-1h")))
    try:
        steps(run, cases[:run.n(len(cases), least=4)])
    finally:
        clocks.tidy()


def steps(run, cases):
    with run.rig(start=False) as rig:
        clock = {who: clocks.Clock(f"{rig.dir}/{who}.clock") for who in WHO}
        rig.allow["clock"] = True
        rig.pg.env = clock["db"].env
        rig.create()
        rig.start("web", env=clock["web"].env)
        rig.start("sweeper")
        for i in range(2):
            rig.start(f"worker{i}", env=clock["worker"].env)
        clients = rig.clients(8)
        nemesis = Nemesis(rig)
        done = 0
        for who, step in cases:
            if not run.more():
                break
            going(rig, clients, f"before {who} {step}")
            nemesis.did("clock", f"{who} {step}")
            clock[who].set(seconds(STEPS[step]))
            if who == "db":
                rig.kill("sweeper")
                rig.start("sweeper")
            going(rig, clients, f"with the clock of {who} at {step}", timers=True)
            rig.wait_until(lambda: rig.open_tasks() == 0, 60, f"every task ends with the clock of {who} at {step}")
            clients.submit("five", 100)
            clock[who].set(0)
            going(rig, clients, f"after {who} {step}")
            done += 1
        rig.settle(120)
        run.figure("clock_steps", done, "steps there and back")
        run.figure("clock_tasks", clients.acknowledged, "tasks")
        run.figure("clock_attempts_lost", rig.attempts_lost(), "attempts")


def seconds(step):
    return step if isinstance(step, int) else int(calendar.timegm(step) - time.time())


def going(rig, clients, when, timers=False):
    """Submissions are taken and tasks end, and no lease reaches too far ahead."""
    for flow, count in (("five", 30), ("paid", 5), ("loop", 5)) + ((("timer", 5),) if timers else ()):
        clients.submit(flow, count)
    taken, ended = clients.acknowledged, rig.number("SELECT count(*) FROM agentd.tasks WHERE state IS NOT NULL")
    rig.wait_until(lambda: clients.acknowledged >= taken + 20, 30, f"submissions are taken {when}")
    rig.wait_until(lambda: rig.number("SELECT count(*) FROM agentd.tasks WHERE state IS NOT NULL") >= ended + 20, 30, f"tasks end {when}")
    rig.wait_until("""SELECT count(*) = 0 FROM agentd.workers WHERE ended_at IS NULL
        AND lease_until > agentd.clock() + 2 * lease_ms * interval '1 ms'""", 10, f"no lease reaches further than two leases {when}")
