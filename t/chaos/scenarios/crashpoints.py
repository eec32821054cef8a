"""Every labelled crash point, at its first, second and last pass, in the process that passes it.

A dry run counts what one worker, web and sweeper pass while they serve the work below; the last pass is that count. Then each
process is started again and again, dying at one point and pass, beside others that do not die. What was submitted must end
as without a crash: the oracle looks at each step, and the stories of equal tasks must be equal.
"""
import os
import re

import flows
from nemesis import Nemesis
from rig import SOURCE, Stuck, http

NAME = "crashpoints"
FIGURES = ("crash_points", "crash_points_reached", "crashes")
ORDER, FULL_S, FIXED_S = 24, 25, 22
WORKER_SETTINGS = {"worker": {"slots": 2, "batch": 2}}
# who passes a point; all others are a worker's
OWNERS = {"submit": "web", "cancel": "web", "sweep": "sweeper"}
AT_ONCE = 6
# killed at by scripts of their own, t/1072-control.t and t/1067-webhooks.t
ELSEWHERE = ("fork", "notify")
# passed once in a life; a worker that slept past its lease registers again
ONCE = ("leave",)


def points():
    """The list in the source but for those of other scripts, so that a new point is a new crash without a change here."""
    with open(SOURCE + "/src/base/crash.c") as f:
        text = f.read()
    names = re.findall(r'"([a-z_.]+)"', re.search(r"crash_points\[\] = \{(.*?)\};", text, re.S).group(1))
    return [name for name in names if not name.startswith(ELSEWHERE)]


def owner(point):
    return OWNERS.get(point.split(".")[0], "worker")


def work(rig, clients):
    """What makes every point pass: each tool class, a model, an agent, a loop, a timer, a task that is cancelled."""
    for flow in ("five", "paid", "agent", "loop", "timer"):
        clients.submit(flow, 1)


def cancel_one(rig, web):
    """A task of its own, cancelled over WEB; sent again over the safe one when WEB dies of it."""
    task = rig.submit("noop-later", n=0)
    for name in (web, "web", "web"):
        status = http(rig.socket(name), rig.token, "POST", f"/tasks/{task}/cancel").status
        if status == 200:
            return
    rig.violation("POINT", f"cancel of {task} is answered {status}")


def dry_run(run, rig):
    """{point: passes} of one process of each kind that serves the work and stops."""
    counts = {}
    for name, mode in (("dryworker", "worker"), ("dryweb", "web"), ("drysweeper", "sweeper")):
        log = f"{rig.dir}/{name}.passed"
        rig.start(name, mode, settings=WORKER_SETTINGS, env={"AGENTD_CRASH_LOG": log})
    clients = rig.clients(1, sockets=["dryweb"])
    work(rig, clients)
    clients.finish()
    cancel_one(rig, "dryweb")
    rig.wait_until(lambda: rig.open_tasks() == 0, 60, "the work ends without a crash")
    for name in ("dryworker", "dryweb", "drysweeper"):
        if rig[name].stop() != 0:
            rig.violation("POINT", f"{name} did not stop cleanly: {rig[name].tail(5)}")
        with open(f"{rig.dir}/{name}.passed") as f:
            for line in f:
                if owner(line.strip()) == name[3:]:
                    counts[line.strip()] = counts.get(line.strip(), 0) + 1
        rig.forget(name)
    return counts


def plan(run, counts):
    """[(point, pass number)]; a slice keeps every first pass and draws the others."""
    jobs = []
    for point in points():
        passes = (1,) if point.startswith(ONCE) else (1, 2, max(counts.get(point, 1), 1))
        for nth in dict.fromkeys(passes):
            if nth == 1 or run.scale >= 1 or run.rng.random() < run.scale:
                jobs.append((point, nth))
    run.rng.shuffle(jobs)
    return jobs


def bring_on(rig, name, point, nth):
    """What does not come by itself with work: an end that is asked for, a second registration, a cancel."""
    p = rig[name]
    if point.startswith("leave") and not p.stopping and p.said("worker.registered"):
        p.terminate()
    elif point.startswith("register") and nth > 1 and not p.slept and p.said("worker.registered"):
        p.slept = True
        p.freeze()
        rig.wait_until(f"SELECT count(*) = 0 FROM agentd.workers WHERE pid = {p.pid} AND ended_at IS NULL", 20, "its lease is over")
        p.thaw()
    elif point.startswith("cancel") and os.path.exists(rig.socket(name)):
        cancel_one(rig, name)


def crash(run, rig, jobs, number):
    """Starts one process for each job, gives them work, waits for their deaths; answers the jobs that were reached."""
    names = {}
    for i, (point, nth) in enumerate(jobs):
        name = f"{owner(point)}{number}{i}"
        names[name] = (point, nth)
        rig.start(name, settings=WORKER_SETTINGS, wait=False, env={"AGENTD_CRASH": f"{point}:{nth}"})
        rig.expect_death(name)
        rig[name].slept = False
    webs = [n for n in names if n.startswith("web")]
    clients = rig.clients(2, sockets=webs + ["web"])

    def all_died():
        # a web process meets its point by submissions alone, however many tasks wait for a worker that lives
        to_web = any(rig[w].alive() for w in webs) and clients.asked - clients.acknowledged < 4
        if to_web or rig.open_tasks() < 4 * len(names):
            work(rig, clients)
        for name, job in names.items():
            if rig[name].alive():
                bring_on(rig, name, *job)
        return all(not rig[name].alive() for name in names)
    try:
        rig.wait_until(all_died, 45, "every process dies at its point")
    except Stuck as e:
        run.say(str(e))
    reached = []
    for name, (point, nth) in names.items():
        if rig[name].status == 137:
            reached.append((point, nth))
        else:
            rig.violation("POINT", f"{point}:{nth} was not reached: {name} " + ("lives on" if rig[name].alive() else f"ended with status {rig[name].status}"))
        rig.forget(name)
    clients.finish()
    return reached


def stories(rig):
    """{workflow: {story: how many}} of the tasks that succeeded: their journal without what lost work leaves."""
    return rig.sql("""SELECT workflow, story, count(*), min(id::text) FROM (
        SELECT t.id, t.workflow, (SELECT string_agg(l.path || ' ' || l.kind, ', ' ORDER BY l.path, l.kind) FROM agentd.task_log l
            WHERE l.task = t.id AND l.path <> '' AND l.kind <> 'step.started') AS story
        FROM agentd.tasks t WHERE t.state = 'succeeded') x GROUP BY workflow, story ORDER BY workflow, 3 DESC""")


def run(run):
    with run.rig(hooks=True, sink_delay_ms=5, settings={"worker": {"lease": "1s", "heartbeat": "300ms", "poll": "200ms"},
                                                        "sweeper": {"interval": "300ms"}}) as rig:
        rig.allow["cancelled"] = True
        flows.flow(rig, "noop-later", '  - id: nap\n    wait: 60s\n')
        rig.publish()
        rig.start("web", program=run.bin)
        counts = dry_run(run, rig)
        known = points()
        run.say("passes in the dry run: " + ", ".join(f"{p} {counts.get(p, 0)}" for p in known))
        rig.start("worker", program=run.bin)
        rig.start("sweeper", program=run.bin)
        nemesis, reached = Nemesis(rig), []
        jobs = plan(run, counts)
        for number in range(0, len(jobs), AT_ONCE):
            batch = jobs[number:number + AT_ONCE]
            got = crash(run, rig, batch, number)
            reached += got
            nemesis.did("crashes", str(got))
        rig.settle()
        before = None
        for workflow, story, n, example in stories(rig):
            if workflow == before:
                rig.violation("POINT", f"{n} tasks of {workflow} have another story than the others, e.g. {example}: {story}")
            before = workflow
        hit = {point for point, _ in reached}
        run.figure("crash_points", len(known), "points")
        run.figure("crash_points_reached", len(hit), "points")
        run.figure("crashes", len(reached), "crashes")
        for point in set(known) - hit:
            rig.violation("POINT", f"crash point {point} was never reached")
