"""Workers are cut off from the database, and only from it: both ways, or one way alone, from 1 s to four times the lease.

Each worker is a host of its own (a network namespace); PostgreSQL and the sink stand behind a switch. A worker that is cut off
can still act outside, so that only its lease and its fence keep it from doing harm. No session of a worker may hold a transaction,
and with it locks, for longer than 30 s, whatever the network does.
"""
import netns
from nemesis import Nemesis

NAME = "partition"
FIGURES = ("partitions", "partition_tasks", "partition_attempts_lost", "partition_longest_transaction_s")
ORDER, FULL_S, FIXED_S = 60, 330, 25
ROTATE = True
PARTITIONS, WORKERS, LEASE_S, PORT = 200, 4, 2, 5432


def run(run):
    net = netns.Net(run.undo, WORKERS)
    try:
        partitions(run, net)
    finally:
        net.close()


def partitions(run, net):
    with run.rig(start=False, pg_settings={"listen_addresses": f"'{net.address}'"}) as rig:
        prepare(rig, net)
        rig.start("web")
        rig.start("sweeper")
        for i in range(WORKERS):
            start_worker(rig, net, i)
        clients = rig.clients(4)
        nemesis = Nemesis(rig)
        walls = Walls(rig, net, nemesis, run.n(PARTITIONS, least=8))
        longest = 0.0
        while walls.left or walls.standing:
            if clients.asked - clients.acknowledged < 50 and rig.open_tasks() < 200:
                clients.submit("five", 40)
                clients.submit("loop", 10)
                clients.submit("timer", 10)
            walls.turn(run.more())
            longest = max(longest, longest_transaction(rig))
            nemesis.sleep(0.05)
        rig.settle(120)
        run.figure("partitions", walls.raised, "partitions")
        run.figure("partition_tasks", clients.acknowledged, "tasks")
        run.figure("partition_attempts_lost", rig.attempts_lost(), "attempts")
        run.figure("partition_longest_transaction_s", f"{longest:.1f}", "s")
        if longest > 30:
            rig.violation("IDLE", f"a session of agentd held a transaction for {longest:.1f} s")


def prepare(rig, net):
    """Cluster and sink behind the switch; the rig itself speaks over the Unix socket."""
    rig.pg.wrap = rig.sink_wrap = net.inside()
    rig.sink_address = net.address
    rig.pg.create(template=rig.run.template(rig))
    with open(rig.pg.data + "/pg_hba.conf", "a") as f:
        f.write(f"host all all {netns.NET}.0/24 trust\n")
    rig.pg.start()
    rig.open()


def start_worker(rig, net, i, database=None):
    rig.start(f"worker{i}", wrap=net.inside(i),
              env={"AGENTD_DATABASE": database or f"host={net.address} port={PORT} user=postgres dbname=agentd"})


def longest_transaction(rig):
    """Of agentd's sessions that came over the network, in seconds."""
    return float(rig.value("""SELECT coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0) FROM pg_stat_activity
        WHERE application_name ^@ 'agentd' AND client_addr IS NOT NULL"""))


class Walls:
    """Each worker is cut off for a while, is whole for a while, and so on, until WANTED walls were raised."""

    def __init__(self, rig, net, nemesis, wanted):
        self.rig, self.net, self.nemesis, self.left = rig, net, nemesis, wanted
        self.raised = 0
        self.standing = set()
        self.until = {i: rig.rng.uniform(0, 1) for i in range(WORKERS)}

    def turn(self, more):
        if not more:
            self.left = 0
        now = self.nemesis.elapsed()
        for i, until in self.until.items():
            if now < until:
                continue
            if i in self.standing:
                self.net.heal(i)
                self.standing.remove(i)
                self.until[i] = now + self.rig.rng.uniform(0.2, 2)
            elif self.left > 0:
                way, seconds = self.rig.rng.choice(["both", "in", "out"]), self.rig.rng.uniform(1, 4 * LEASE_S)
                self.net.wall(i, way, PORT)
                self.nemesis.did("partition", f"worker{i} {way} {seconds:.1f} s")
                self.standing.add(i)
                self.until[i] = now + seconds
                self.left -= 1
                self.raised += 1
