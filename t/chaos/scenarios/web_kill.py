"""kill -9 of web in the middle of submissions that are repeated by key until they are answered."""
from nemesis import Nemesis

NAME = "web-kill"
FIGURES = ("web_kills", "web_kill_submissions", "web_kill_acknowledged_lost", "web_kill_duplicates")
ORDER, FULL_S, FIXED_S = 12, 90, 6
KILLS, SUBMISSIONS = 500, 50000


def run(run):
    kills = run.n(KILLS, least=10)
    with run.rig() as rig:
        rig.allow["uncertain"] = rig.allow["quarantined"] = False
        rig.start_all(1)
        clients = rig.clients(16)
        nemesis = Nemesis(rig)
        while nemesis.acts.get("kill", 0) < kills and run.more():
            clients.submit("noop", SUBMISSIONS // KILLS)
            before = clients.acknowledged
            nemesis.pause(0.08)
            nemesis.kill_one(["web"])
            # the next one may hit it while it starts, but something gets through between two
            if rig.rng.random() < 0.8:
                rig.wait_until(lambda: clients.acknowledged > before, 30, "a submission is taken after web was killed")
        rig.settle()
        lost = rig.number("""SELECT count(*) FROM (SELECT unnest($1::uuid[]) AS id) a WHERE NOT EXISTS (
            SELECT FROM agentd.tasks t WHERE t.id = a.id)""", "{" + ",".join(task for _, task in clients.entries()) + "}")
        doubles = rig.number("SELECT count(*) FROM agentd.tasks") - clients.asked
        run.figure("web_kills", nemesis.acts["kill"], "kills")
        run.figure("web_kill_submissions", clients.acknowledged, "submissions")
        run.figure("web_kill_acknowledged_lost", lost, "submissions")
        run.figure("web_kill_duplicates", doubles, "tasks")
        if lost or doubles:
            rig.violation("I12", f"{lost} acknowledged submissions are lost, {doubles} tasks are too many")
