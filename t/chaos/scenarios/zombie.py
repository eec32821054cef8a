"""SIGSTOP of workers past their leases, others take over, SIGCONT.

The zombies' late writes change nothing (the oracle sees any that did), and their tools are dead at most 1 s after they woke up.
Some stand still just before a commit is sent (crash point): that very commit is late.
"""
import time

from nemesis import Nemesis
from rig import Stuck

NAME = "zombie"
FIGURES = ("zombies", "zombie_late_commits_refused", "zombie_tools_killed", "zombie_tool_death_ms")
ORDER, FULL_S, FIXED_S = 18, 540, 12
ZOMBIES, AT_ONCE, ARMED = 500, 4, 2
TOOL_DEATH_MS = 1000


def tasks_of(rig, names):
    """{task: fence} of what these workers hold."""
    pids = "{" + ",".join(str(rig[name].pid) for name in names) + "}"
    return {task: int(fence) for task, fence in rig.sql("""SELECT q.id, q.fence FROM agentd.task_queue q
        JOIN agentd.workers w ON w.id = q.worker WHERE w.pid = ANY ($1::int[]) AND w.ended_at IS NULL""", pids)}


def taken_over(rig, tasks):
    """Every one was claimed again, or is not to be claimed any more."""
    ids = "{" + ",".join(tasks) + "}"
    now = {task: (int(fence), state) for task, fence, state in rig.sql("SELECT id, fence, state FROM agentd.task_queue WHERE id = ANY ($1::uuid[])", ids)}
    return all(task not in now or now[task][0] > fence + 1 or now[task][1] not in ("ready", "running") for task, fence in tasks.items())


def tools_of(rig, names):
    """{pid of a tool or of its child: name of the worker}."""
    owner, family = {rig[name].pid: name for name in names}, rig.tool_children()
    found = {pid: owner[parent] for pid, parent in family.items() if parent in owner}
    return found | {pid: found[parent] for pid, parent in family.items() if parent in found}


def tools_die(rig, tools, woke):
    """Waits for the death of these; milliseconds from WOKE to the last, at most 5 s."""
    while tools and time.monotonic() - woke < 5:
        now = rig.tool_children()
        tools = {pid: name for pid, name in tools.items() if pid in now}
        time.sleep(0.005)
    return (time.monotonic() - woke) * 1000, tools


def run(run):
    wanted = run.n(ZOMBIES, least=AT_ONCE + ARMED)
    # so slow that the late commit of a call's result meets the same call of the successor under way
    with run.rig(sink_delay_ms=800, settings={"worker": {"lease": "1s", "heartbeat": "300ms", "poll": "200ms", "slots": 8, "batch": 4},
                                             "sweeper": {"interval": "200ms"}}) as rig:
        plain = [f"worker{i}" for i in range(AT_ONCE)]
        armed = [f"worker{i}" for i in range(AT_ONCE, AT_ONCE + ARMED)]
        for name in ["web", "sweeper", "healthy0"] + plain:
            rig.start(name, "worker" if name == "healthy0" else None, settings={"worker": {"slots": 40, "batch": 8}} if name == "healthy0" else None,
                      wait=False)
        clients = rig.clients(4)
        nemesis = Nemesis(rig)
        zombies, slowest, killed, refused = 0, 0, 0, 0
        rig.allow["quarantined"] = True     # a task may meet four zombies in a row
        while zombies < wanted and run.more():
            clients.submit("five", 2)
            for name in armed:
                rig.start(name, "worker", program=run.hooks_bin, wait=False,
                          env={"AGENTD_CRASH": f"commit.before_send:{rig.rng.randint(2, 10)}", "AGENTD_CRASH_STOP": "1"})

            def all_busy():
                tools = set(tools_of(rig, plain).values())
                if tools >= set(plain) and all(rig[name].is_stopped() for name in armed):
                    return True
                if rig.open_tasks() < 40:
                    clients.submit("hold", 6, s=4)
                    clients.submit("loop", 6)
                return False
            rig.wait_until(all_busy, 60, "every worker that is to be stopped has a tool running")
            nemesis.pause(0.05)
            for name in plain:
                rig[name].freeze()
            names = plain + armed
            tools = tools_of(rig, names)
            theirs = tasks_of(rig, names)
            rig.wait_until(lambda: taken_over(rig, theirs), 30, "others have taken the tasks over")
            nemesis.did("zombies", f"{names}, {len(tools)} tools")
            woke = time.monotonic()
            for name in names:
                rig[name].thaw()
            ms, left = tools_die(rig, tools, woke)
            if ms > TOOL_DEATH_MS and tools:
                rig.violation("ZOMBIE", f"tools of zombies live {ms:.0f} ms after SIGCONT: {sorted(set(left.values())) or 'all dead now'}")
            zombies += len(names)
            killed += len(tools)
            slowest = max(slowest, ms if tools else 0)
            for name in plain:
                rig.wait_until(lambda: rig[name].said_since_mark("worker.lease_lost"), 10, f"{name} hears that it lost its lease")
            for name in armed:
                try:
                    rig.wait_until(lambda: rig[name].said("task.lease_lost"), 10, f"the late commit of {name} is refused")
                    refused += 1
                except Stuck as e:
                    rig.violation("ZOMBIE", str(e))
                rig.forget(name)
        rig.settle()
        run.figure("zombies", zombies, "zombies")
        run.figure("zombie_late_commits_refused", refused, "commits")
        run.figure("zombie_tools_killed", killed, "tools")
        run.figure("zombie_tool_death_ms", f"{slowest:.0f}", "ms")
