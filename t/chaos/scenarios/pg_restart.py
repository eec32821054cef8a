"""PostgreSQL under load: immediate stop, kill -9 of everything, kill -9 of one backend, fast restart, in turn.

Every time the rate of before must come back within 10 s after the server is ready.
"""
import time

from nemesis import Feed, Nemesis

NAME = "pg-restart"
FIGURES = ("pg_restarts", "pg_restart_tasks", "pg_restart_full_rate_s", "pg_restart_full_rate_median_s")
ORDER, FULL_S, FIXED_S = 14, 200, 12
RESTARTS = 50
PER_S = 60          # tasks of five steps; what was not taken meanwhile comes on top afterwards
FULL_RATE_S = 10


def rate(rig):
    """Tasks that ended in the last second."""
    return rig.number("SELECT count(*) FROM agentd.tasks WHERE finished_at > clock_timestamp() - interval '1 s'")


def run(run):
    restarts = run.n(RESTARTS, least=4)
    with run.rig(settings={"worker": {"slots": 200, "batch": 100}}) as rig:
        rig.start_all(2, web="all")
        clients = rig.clients(16)
        feed = Feed(clients, ["five", "paid", "loop"], PER_S)
        nemesis = Nemesis(rig)
        acts = [nemesis.pg_immediate, nemesis.pg_kill, nemesis.pg_backend, nemesis.pg_fast]
        took = []
        for i in range(restarts):
            if not run.more() and i >= len(acts):
                break
            rig.wait_until(lambda: rate(rig) >= 0.8 * PER_S, 60, "the load flows")
            nemesis.pause(0.5)
            acts[i % len(acts)]()
            rig.pg.wait_ready()
            ready = time.monotonic()
            # a second after ready at the earliest: what ended before the fault does not count
            time.sleep(1)
            rig.wait_until(lambda: rate(rig) >= 0.8 * PER_S, 60, "the rate of before comes back")
            took.append(time.monotonic() - ready)
            if took[-1] > FULL_RATE_S:
                rig.violation("RATE", f"restart {i} ({acts[i % len(acts)].__name__}): full rate only {took[-1]:.1f} s after ready")
        feed.stop()
        rig.settle()
        run.figure("pg_restarts", len(took), "restarts")
        run.figure("pg_restart_tasks", clients.acknowledged, "tasks")
        run.figure("pg_restart_full_rate_s", f"{max(took):.1f}", "s")
        run.figure("pg_restart_full_rate_median_s", f"{sorted(took)[len(took) // 2]:.1f}", "s")
