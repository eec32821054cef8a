"""nemesis.py - who breaks things: every choice and pause comes from one seed, every act is counted and logged."""
import threading
import time


class Nemesis:
    def __init__(self, rig):
        self.rig, self.rng = rig, rig.rng
        self.acts = {}
        self.began = time.monotonic()

    def did(self, act, what=""):
        self.acts[act] = self.acts.get(act, 0) + 1
        with open(self.rig.dir + "/nemesis.log", "a") as f:
            f.write(f"{time.monotonic() - self.began:9.3f} {act} {what}\n")

    def elapsed(self):
        """Seconds since it began."""
        return time.monotonic() - self.began

    def sleep(self, seconds):
        """A pause that is the experiment."""
        time.sleep(seconds)

    def pause(self, mean_s):
        """Exponentially distributed, at most five times the mean."""
        time.sleep(min(self.rng.expovariate(1 / mean_s), 5 * mean_s))

    def kill_one(self, names, revive=True):
        """kill -9 of one of these processes; with revive it is started again at once, without waiting for it."""
        name = self.rng.choice(names)
        met = self.rig.kill(name)
        self.did("kill", name)
        if revive:
            self.rig.start(name, wait=False)
        return met

    # --- PostgreSQL ---
    def pg_fast(self):
        self.did("pg-fast")
        self.rig.pg.stop("fast")
        self.rig.pg.start(wait=False)

    def pg_immediate(self):
        self.did("pg-immediate")
        self.rig.pg.stop("immediate")
        self.rig.pg.start(wait=False)

    def pg_kill(self):
        self.did("pg-kill9")
        self.rig.pg.kill()
        self.rig.pg.start(wait=False)

    def pg_backend(self):
        """kill -9 of one backend: the postmaster ends all others and recovers by itself."""
        if self.rig.pg.kill_backend(self.rng):
            self.did("pg-backend")


class Feed(threading.Thread):
    """Submits FLOWS in turn at a steady rate until stop(): an open loop, so that what waited is made up for."""

    def __init__(self, clients, flows, per_s, **more):
        super().__init__(daemon=True)
        self.clients, self.flows, self.per_s, self.more = clients, flows, per_s, more
        self.ended = threading.Event()
        self.start()

    def run(self):
        began, given, turn = time.monotonic(), 0, 0
        while not self.ended.wait(0.05):
            due = int((time.monotonic() - began) * self.per_s) - given
            if due > 0:
                self.clients.submit(self.flows[turn % len(self.flows)], due, **self.more)
                given += due
                turn += 1

    def stop(self):
        self.ended.set()
        self.join()
