#!/usr/bin/env python3
"""model.py - random operations against the SQL functions and a small model of the rules; they must agree.

usage: model.py PSQL RUNS OPERATIONS [SEED]

Each run is short and begins on an empty queue, so that a run that fails is a short story: its operations are
printed. Time is agentd.fake_now.
"""
import datetime
import json
import os
import random
import subprocess
import sys

LEASE_S, LIMIT = 30, 3
WAITING = ["waiting_approval", "waiting_timer", "waiting_event", "waiting_slot", "uncertain"]
ENDS = ["succeeded", "failed", "cancelled", "expired"]
START = datetime.datetime(2030, 1, 1, tzinfo=datetime.timezone.utc)


class Database:
    def __init__(self, psql):
        self.p = subprocess.Popen([psql, "-X", "-q", "-A", "-t", "-v", "VERBOSITY=sqlstate"], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1)

    def ask(self, text):
        self.p.stdin.write(text + ";\n\\echo =end=\n")
        self.p.stdin.flush()
        lines = []
        while True:
            line = self.p.stdout.readline()
            if not line:
                raise SystemExit("psql ended")
            line = line.rstrip("\n")
            if line == "=end=":
                return lines
            lines.append(line.split("ERROR:  ")[1] if "ERROR:  " in line else line)


class Task:
    def __init__(self, id, run_at, now):
        self.id, self.run_at = id, run_at if run_at is not None else now
        self.state = "waiting_timer" if run_at is not None and run_at > now else "ready"
        self.fence = self.seq = self.recoveries = 0
        self.priority, self.worker, self.cancel = 10, None, False
        self.rows, self.attempts, self.ended_fence = {}, {}, None

    def show(self):
        return "|".join(str(x) for x in (self.id, self.state, self.fence, self.seq, self.recoveries, self.worker or "",
                                         "t" if self.cancel else "f"))


class Model:
    def __init__(self):
        self.tasks, self.workers, self.now = {}, {}, 0

    def live(self):
        return [t for t in self.tasks.values() if t.state not in ENDS]

    def claim(self, worker, n):
        w = self.workers[worker]
        if w["ended"]:
            return ["AG410"]
        for t in self.live():
            if t.state not in ("ready", "running") and t.run_at is not None and t.run_at <= self.now:
                t.state = "ready"
        ready = sorted((t for t in self.live() if t.state == "ready"), key=lambda t: (t.priority, t.run_at, t.id))[:n]
        for t in ready:
            t.state, t.worker, t.fence = "running", worker, t.fence + 1
            t.attempts[t.fence] = None
        return sorted(f"{t.id}|{t.fence}|{t.seq}|{'t' if t.cancel else 'f'}" for t in ready)

    def move(self, id, fence, next, state, rows, run_at):
        t = self.tasks[id]
        if not (t.state == "running" and t.fence == fence):
            if next in ("park", "release") and t.attempts.get(fence) == ("released" if next == "release" else state):
                return "already"
            if next == "finish" and t.state == state and t.ended_fence == fence:
                return "already"
            return "stale"
        old = [r for r in rows if (r[0], r[1], r[2]) in t.rows]
        if any(t.rows[(r[0], r[1], r[2])] != r[3] for r in old):
            return "refused:journal_conflict"
        new = [r for r in rows if r not in old]
        for r in new:
            t.rows[(r[0], r[1], r[2])] = r[3]
        t.seq += len(new)
        if new:
            t.recoveries = 0
        if next == "stay":
            return "already" if old and not new else "ok"
        t.worker = None
        if next == "finish":
            t.state, t.ended_fence = state, fence
        elif next == "park":
            t.state, t.run_at = ("ready", self.now) if t.cancel and state != "uncertain" else (state, run_at)
            t.attempts[fence] = state
        else:
            t.state = "waiting_timer" if run_at is not None and run_at > self.now else "ready"
            t.run_at = max(run_at, self.now) if run_at is not None else self.now
            t.attempts[fence] = "released"
        return "ok"

    def heartbeat(self, worker):
        w = self.workers[worker]
        if w["ended"]:
            return ["t|"]
        w["until"] = self.now + LEASE_S
        mine = sorted(t.id for t in self.live() if t.worker == worker and t.cancel)
        return ["f|" + ",".join(mine)]

    def give_back(self, t, outcome):
        t.attempts[t.fence] = outcome
        t.fence, t.worker, t.run_at, t.state = t.fence + 1, None, self.now, "ready"

    def leave(self, worker):
        mine = [t for t in self.live() if t.worker == worker]
        self.workers[worker]["ended"] = True
        for t in mine:
            self.give_back(t, "left")
        return [str(len(mine))]

    def sweep(self):
        for w in self.workers.values():
            w["ended"] = w["ended"] or w["until"] < self.now
        lost = [t for t in self.live() if t.state == "running" and self.workers[t.worker]["ended"]]
        for t in lost:
            self.give_back(t, "lost")
            t.recoveries, t.priority = t.recoveries + 1, max(t.priority, 30)
            if t.recoveries > LIMIT:
                t.state, t.run_at = "quarantined", None
        return [str(len(lost))]

    def cancel(self, id):
        t = self.tasks[id]
        if t.state in ENDS:
            return ["cancelled"] if t.state == "cancelled" else ["AG409"]
        if t.state in ("running", "uncertain"):
            t.cancel = True
            return [t.state]
        t.state, t.ended_fence = "cancelled", t.fence
        return ["cancelled"]


def when(at):
    return (START + datetime.timedelta(seconds=at)).strftime("'%Y-%m-%d %H:%M:%S+00'") if at is not None else "NULL"


class Run:
    def __init__(self, db, seed):
        self.db, self.rnd, self.m, self.story = db, random.Random(seed), Model(), []
        db.ask("SET agentd.fake_now = " + when(0))
        db.ask("DELETE FROM agentd.task_queue; DELETE FROM agentd.workers")

    def uuid(self):
        ms = int(datetime.datetime.now().timestamp() * 1000)
        h = f"{ms:012x}7{self.rnd.getrandbits(12):03x}8{self.rnd.getrandbits(60):015x}"
        return f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"

    def check(self, name, text, want):
        self.story.append(f"{name}: {text}")
        got = self.db.ask(text)
        if got != want:
            print("# operations:\n#   " + "\n#   ".join(self.story))
            print(f"# the database: {got}\n# the model:    {want}")
            return False
        return True

    def compare(self):
        return self.check("state", "SELECT id, state, fence, seq, recoveries, worker, cancel_at IS NOT NULL FROM agentd.task_queue ORDER BY id",
                          [t.show() for t in sorted(self.m.live(), key=lambda t: t.id)])

    # --- operations: each says what it asked and what the model expects ---
    def op_submit(self):
        id, run_at = self.uuid(), self.rnd.choice([None, None, self.m.now + self.rnd.randint(-5, 40)])
        self.m.tasks[id] = Task(id, run_at, self.m.now)
        return f"SELECT agentd.submit('noop', run_at => {when(run_at)}, id => '{id}')", [id]

    def op_register(self):
        id = self.uuid()
        self.m.workers[id] = {"until": self.m.now + LEASE_S, "ended": False}
        return f"SELECT agentd.worker_register('{id}', 'h', 1, '{{default}}', {LEASE_S * 1000}, 1) > 0", ["t"]

    def op_claim(self):
        w, n = self.rnd.choice(list(self.m.workers)), self.rnd.randint(1, 3)
        return (f"SELECT task, fence, last_seq, cancel FROM agentd.claim('{w}', {n}) WHERE task IS NOT NULL ORDER BY task",
                self.m.claim(w, n))

    def op_move(self):
        t = self.rnd.choice(list(self.m.tasks.values()))
        fence = t.fence if self.rnd.random() < 0.8 else max(0, t.fence + self.rnd.choice([-2, -1, 1]))
        next = self.rnd.choice(["stay", "stay", "stay", "park", "release", "finish"])
        state = {"park": self.rnd.choice(WAITING), "finish": self.rnd.choice(ENDS)}.get(next, "")
        run_at = self.m.now + self.rnd.randint(1, 40) if next in ("park", "release") and self.rnd.random() < 0.6 else None
        places = self.rnd.sample([(p, y, k) for p in "abc" for y in (1, 2) for k in ("started", "done")], self.rnd.randint(0, 3))
        rows = [[p, y, k, self.rnd.choice([1, 1, 1, 2])] for p, y, k in places]
        return (f"SELECT test.move('{t.id}', {fence}, '{next}', '{state}', '{json.dumps(rows)}', {when(run_at)})",
                [self.m.move(t.id, fence, next, state, rows, run_at)])

    def op_heartbeat(self):
        w = self.rnd.choice(list(self.m.workers))
        return (f"SELECT lost, (SELECT string_agg(c::text, ',' ORDER BY c) FROM unnest(cancelled) c) FROM agentd.heartbeat('{w}')",
                self.m.heartbeat(w))

    def op_sweep(self):
        return "SELECT agentd.sweep_expired_workers('{}')", self.m.sweep()

    def op_leave(self):
        w = self.rnd.choice(list(self.m.workers))
        return f"SELECT agentd.worker_leave('{w}')", self.m.leave(w)

    def op_cancel(self):
        t = self.rnd.choice(list(self.m.tasks.values()))
        return f"SELECT agentd.cancel('{t.id}', '', true)::json ->> 'state'", self.m.cancel(t.id)

    def op_clock(self):
        self.m.now += self.rnd.choice([1, 5, 20, 31])
        return "SET agentd.fake_now = " + when(self.m.now), []

    def op_night(self):
        self.m.now += LEASE_S + 1
        return "SET agentd.fake_now = " + when(self.m.now), []

    def go(self, operations):
        # a fall: a worker that claims and dies; without it lost leases in a row would be rare
        falls = {"fall": ["register", "claim", "claim", "night", "sweep"]}
        weights = {"fall": 6, "submit": 10, "register": 3, "claim": 18, "move": 40, "heartbeat": 6, "sweep": 8, "leave": 1, "cancel": 4, "clock": 10}
        for first in ("register", "submit"):
            if not self.check(first, *getattr(self, "op_" + first)()):
                return False
        for i in range(operations):
            name = self.rnd.choices(list(weights), list(weights.values()))[0]
            for part in falls.get(name, [name]):
                if not self.check(part, *getattr(self, "op_" + part)()):
                    return False
            if i % 5 == 4 and not self.compare():
                return False
        return self.compare()


def main():
    psql, runs, operations = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    seed = int(sys.argv[4]) if len(sys.argv) > 4 else int.from_bytes(os.urandom(4), "big")
    db = Database(psql)
    for i in range(runs):
        if not Run(db, seed + i).go(operations):
            print(f"# seed {seed + i} with {operations} operations")
            return 1
    print(f"# {runs} runs of {operations} operations from seed {seed} agree")
    return 0


sys.exit(main())
