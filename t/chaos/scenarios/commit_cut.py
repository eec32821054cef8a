"""Connections end exactly where a transaction does: before its Sync is passed on, and after it was committed but not answered.

agentd speaks to PostgreSQL through t/chaos/proxy. One function call per Sync is one transaction, so that Sync is the COMMIT
whose outcome the caller cannot know.
"""
import proxy
from pg import Connection, PgDown

NAME = "commit-cut"
FIGURES = ("cuts_before_commit", "cuts_after_commit", "cuts_tasks", "cuts_attempts_lost")
ORDER, FULL_S, FIXED_S = 50, 290, 8
CUTS, EVERY, STATEMENTS = 2000, 4, "commit,claim,submit,register,leave,heartbeat,expired_workers,due_timers"


def run(run):
    wanted = run.n(CUTS, least=20)
    with run.rig(start=False, database=proxy.CONNINFO) as rig:
        line = proxy.Proxy(rig)
        prove(rig, line)
        rig.start_all(3, web="all")
        clients = rig.clients(8)
        line.tell(f"cut both {EVERY} {STATEMENTS}")
        seen = line.cuts()
        while min(seen) < wanted and run.more():
            if clients.asked - clients.acknowledged < 50 and rig.open_tasks() < 200:
                clients.submit("five", 90)
                clients.submit("paid", 10)
                clients.submit("timer", 10)
            rig.wait_until(lambda at=sum(seen): sum(line.cuts()) >= at + 10, 60, "agentd goes on under cuts")
            seen = line.cuts()
        line.tell("cut none")
        seen = line.cuts()
        rig.settle(180)
        run.figure("cuts_before_commit", seen[0], "cuts")
        run.figure("cuts_after_commit", seen[1], "cuts")
        run.figure("cuts_tasks", clients.acknowledged, "tasks")
        run.figure("cuts_attempts_lost", rig.attempts_lost(), "attempts")


def prove(rig, line):
    """The proxy does what it says: one row that was cut off before its commit is not there, one that was cut off after it is."""
    rig.sql("CREATE TABLE public.cut (n integer)")
    for how in ("before", "after"):
        line.tell(f"cut {how} 1 *")
        try:
            Connection(rig.database).query("INSERT INTO public.cut VALUES ($1)", int(how == "after"))
            rig.violation("RIG", f"the proxy did not cut {how} a commit")
        except PgDown:
            pass
        line.tell("cut none")
    rows = [r[0] for r in rig.sql("SELECT n FROM public.cut")]
    if rows != ["1"]:
        rig.violation("RIG", f"after a cut before a commit and one after it the table holds {rows}, expected the second row alone")
    rig.sql("DROP TABLE public.cut")
