"""nemesis.py - who breaks things: every choice and pause comes from one seed, every act is counted and logged."""
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
