"""Everything dies at once: web, workers, sweeper and PostgreSQL, by kill -9, under load."""
from nemesis import Feed, Nemesis

NAME = "all-kill"
FIGURES = ("all_kills", "all_kill_tasks", "all_kill_attempts_lost")
ORDER, FULL_S, FIXED_S = 20, 410, 8
ROUNDS = 200


def run(run):
    rounds = run.n(ROUNDS, least=3)
    with run.rig() as rig:
        workers = rig.start_all(2, web="all")
        clients = rig.clients(8)
        feed = Feed(clients, ["five", "agent", "loop", "timer"], 20)
        nemesis = Nemesis(rig)
        done = 0
        while done < rounds and run.more():
            before = clients.acknowledged
            rig.wait_until(lambda: clients.acknowledged >= before + 10, 60, "submissions are taken")
            nemesis.pause(0.4)
            rig.pg.kill()
            for name in rig.rng.sample(workers + ["web", "sweeper"], len(workers) + 2):
                rig.kill(name)
            nemesis.did("all-kill")
            rig.pg.start()
            rig.revive(wait=False)
            done += 1
        feed.stop()
        rig.settle()
        run.figure("all_kills", done, "rounds")
        run.figure("all_kill_tasks", clients.acknowledged, "tasks")
        run.figure("all_kill_attempts_lost", rig.attempts_lost(), "attempts")
