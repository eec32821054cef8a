"""kill -9 of a worker at exponentially distributed times, a random one of four, while tasks of five steps are under way."""
from nemesis import Nemesis

NAME = "worker-kill"
FIGURES = ("worker_kills", "worker_kill_tasks", "worker_kill_attempts_lost", "worker_kill_uncertain")
ORDER, FULL_S, FIXED_S = 10, 170, 8
KILLS, TASKS_PER_KILL = 1000, 10


def run(run):
    kills = run.n(KILLS, least=10)
    with run.rig(sink_delay_ms=20, settings={"worker": {"slots": 25, "batch": 25}}) as rig:
        workers = rig.start_all(4)
        clients = rig.clients(4)
        nemesis = Nemesis(rig)
        done = 0
        while done < kills and run.more():
            # as many as keep the workers busy: the kills are to meet work in flight
            clients.submit("five", TASKS_PER_KILL - 4)
            clients.submit("agent", 2)
            clients.submit("paid", 1)
            clients.submit("hold", 1, s=1)
            nemesis.pause(0.15)
            done += nemesis.kill_one(workers)
        rig.settle(180)
        lost = rig.attempts_lost()
        run.figure("worker_kills", done, "kills")
        run.figure("worker_kill_tasks", clients.acknowledged, "tasks")
        run.figure("worker_kill_attempts_lost", lost, "attempts")
        run.figure("worker_kill_uncertain", rig.number("SELECT count(*) FROM agentd.task_queue WHERE state = 'uncertain'"), "tasks")
        if lost < done / 10:
            rig.violation("RIG", f"{done} kills met only {lost} attempts in flight: the run proves little")
