"""PostgreSQL restarts 0 to 2 s into a recovery: workers are dead, the sweeper is taking their tasks back."""
import time

from nemesis import Nemesis

NAME = "recovery-restart"
FIGURES = ("recovery_restarts", "recovery_restart_tasks", "recovery_restart_attempts_lost")
ORDER, FULL_S, FIXED_S = 16, 320, 10
RESTARTS, TASKS = 100, 12


def run(run):
    restarts = run.n(RESTARTS, least=3)
    with run.rig(sink_delay_ms=300, settings={"worker": {"lease": "1s", "heartbeat": "300ms", "poll": "200ms", "slots": 40},
                                              "sweeper": {"interval": "300ms"}}) as rig:
        # a task may lose its worker several times in a row: by design it is then quarantined
        workers = rig.start_all(2)
        clients = rig.clients(4)
        nemesis = Nemesis(rig)
        done = 0
        while done < restarts and run.more():
            clients.submit("five", TASKS)
            rig.wait_until("SELECT count(*) >= 8 FROM agentd.task_queue WHERE state = 'running'", 30, "tasks are under way")
            for name in workers:
                rig.kill(name)
            nemesis.did("kill", "all workers")
            rig.revive(wait=False)
            # from the end of their leases on
            rig.wait_until("SELECT count(*) = 0 FROM agentd.workers WHERE ended_at IS NULL AND lease_until > clock_timestamp() AND pid NOT IN ("
                           + ",".join(str(rig[w].pid) for w in workers) + ")", 10, "the leases run out")
            time.sleep(rig.rng.uniform(0, 2))
            rig.rng.choice([nemesis.pg_immediate, nemesis.pg_kill, nemesis.pg_fast])()
            rig.pg.wait_ready()
            done += 1
        rig.settle()
        run.figure("recovery_restarts", done, "restarts")
        run.figure("recovery_restart_tasks", clients.acknowledged, "tasks")
        run.figure("recovery_restart_attempts_lost", rig.attempts_lost(), "attempts")
