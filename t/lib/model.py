#!/usr/bin/env python3
"""model.py - random stories against the SQL functions and the rules of model_rules.py; they must agree (A16).

usage: model.py PSQL [--operations N] [--length N] [--seed S]

A story begins on an empty queue and has --length operations (a fall is four of them); stories follow one another until --operations
were asked. An operation names tasks, workers, holds and calls by labels, so that a story that fails can be told again with
operations left out, until no one can be spared. What is left is printed. Time is agentd.fake_now.
"""
import argparse
import hashlib
import json
import os
import random
import subprocess
import sys
import time
import uuid

from model_rules import CLASSES, ENDS, LEASE_MS, WAITING, Model, Refused, us, when

SETUP = """SET synchronous_commit = off; SET jit = off; SELECT test.listen();
SELECT agentd.reload(ARRAY['boxed', 'noop', 'paid'], ARRAY[sha256('b'), sha256('n'), sha256('p')], ARRAY['{}', '{}', '{}']::json[],
	ARRAY['{"lane":"sandbox"}', '{"retain":"short"}', '{"retain":"long","budget":{"usd":"1","wall_ms":3600000,"turns":5}}']::json[]);"""
EMPTY = "DELETE FROM agentd.task_queue; DELETE FROM agentd.workers; DELETE FROM agentd.spend_hold; DELETE FROM agentd.event_feed"


class Database:
    """One psql; many questions are sent before the first answer is read."""

    def __init__(self, psql):
        self.p = subprocess.Popen([psql, "-X", "-q", "-A", "-t", "-v", "VERBOSITY=sqlstate"], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.ask([SETUP])

    def ask(self, texts):
        answers = []
        for i in range(0, len(texts), 16):
            some = texts[i:i + 16]
            self.p.stdin.write("".join(t + ";\n\\echo =end=\n" for t in some))
            self.p.stdin.flush()
            answers += [self.answer() for _ in some]
        return answers

    def answer(self):
        lines = []
        while True:
            line = self.p.stdout.readline()
            if not line:
                raise SystemExit("psql ended")
            line = line.rstrip("\n")
            if line == "=end=":
                return lines
            lines.append(line.split("ERROR:  ")[1] if "ERROR:  " in line else line)


def quoted(x):
    return "NULL" if x is None else "'" + str(x).replace("'", "''") + "'"


def array(kind, values):
    return f"ARRAY[{','.join('NULL' if v is None else quoted(v) for v in values)}]::{kind}[]"


def hexed(text):
    return "\\x" + hashlib.sha256(text.encode()).hexdigest()


# --- an operation with its values, as SQL ---
def sql_submit(items, start):
    def all_of(kind, get):
        return array(kind, [get(s) for s in items])
    return ("SELECT ord, status, CASE WHEN status IN ('new', 'replayed') THEN task END, "
            "CASE WHEN status IN ('new', 'replayed') THEN state END, "
            "CASE WHEN status IN ('new', 'replayed') THEN body::json ->> 'id' END, "
            "CASE WHEN status IN ('new', 'replayed') THEN body::json ->> 'created_at' END, "
            "taken FROM agentd.submit_batch(" + ", ".join([
                all_of("uuid", lambda s: s["id"]), all_of("text", lambda s: s["workflow"]), all_of("json", lambda s: "{}"),
                all_of("text", lambda s: s["urgency"]), all_of("json", lambda s: None),
                all_of("json", lambda s: json.dumps(s["budget"]) if s["budget"] else None),
                all_of("bigint", lambda s: us(s["run_at"]) if s["run_at"] is not None else 0),
                all_of("bigint", lambda s: us(s["deadline"]) if s["deadline"] is not None else 0),
                all_of("text", lambda s: s["key"]), all_of("text", lambda s: "POST /tasks"),
                all_of("bytea", lambda s: hexed(s["request"])), all_of("text", lambda s: s["by"]),
                *(["NULL", "NULL", f"'{start[0]}'", str(start[1]), str(start[2])] if start else [])]) + ") ORDER BY ord")


def sql_claim(worker, limit, number):
    return ("SELECT task, fence, last_seq, cancel, failures, recoveries, spent_pusd, "
            "json_array_length(journal), deadline_us, now_us, next_due_us "
            f"FROM agentd.claim('{worker}', {limit}, {'NULL' if number is None else number}) ORDER BY task NULLS FIRST")


def sql_commit(moves):
    rows = [(i + 1, j + 1, r) for i, m in enumerate(moves) for j, r in enumerate(m["rows"])]
    effects = [dict(move=i + 1, key=hexed(e["key"]), path=e["path"], tool="t", args=hexed(""), to=e["to"],
                    result=1 if e["to"] == "done" else None, **{"class": e["class"], "try": e["try"]})
               for i, m in enumerate(moves) for e in m["effects"]]
    holds = [dict(move=i + 1, id=m["hold"]["id"], path=m["hold"]["path"], amount_pusd=m["hold"]["amount"], expires_ms=m["hold"]["expires"],
                  limits=[{"path": p, "limit": x} for p, x in m["hold"]["limits"]]) for i, m in enumerate(moves) if m["hold"]]
    calls = [dict(move=i + 1, id=c["id"], hold=c["hold"], path="a", attempt=1, tier="t", provider="p", model_asked="m", error_class="",
                  http_status=200, started_us=0, first_byte_ms=1, total_ms=2, in_fresh=1, in_cached=0, in_write_5m=0, in_write_1h=0,
                  out_text=1, out_reason=0, cost_pusd=c["cost"], cost_source="provider") for i, m in enumerate(moves) for c in m["calls"]]
    nexts = ["stay", "park", "finish", "release"]
    one = [1] * len(moves)
    return ("SELECT ord, status, last_seq, cancel, code FROM agentd.commit_steps(" + ", ".join([
        array("uuid", [m["task"] for m in moves]), array("integer", [m["fence"] for m in moves]),
        array("integer", [len(m["rows"]) for m in moves]), array("smallint", [nexts.index(m["next"]) for m in moves]),
        array("text", [m["state"] for m in moves]), array("bigint", [us(m["run_at"]) if m["run_at"] is not None else 0 for m in moves]),
        array("boolean", [m["failure"] for m in moves]), array("json", [None for _ in one]), array("json", [None for _ in one]),
        array("integer", [i for i, _, _ in rows]), array("integer", [j for _, j, _ in rows]), array("text", [r[0] for _, _, r in rows]),
        array("integer", [r[1] for _, _, r in rows]), array("text", [r[2] for _, _, r in rows]), array("text", ["set" for _ in rows]),
        array("json", [r[3] for _, _, r in rows]), array("bytea", [hexed(str(r[3])) for _, _, r in rows]),
        array("bigint", [0 for _ in rows]), array("bigint", [0 for _ in rows]),
        *(quoted(json.dumps(x)) if x else "NULL" for x in (effects, holds, calls))]) + ") ORDER BY ord")


SQL = {
    "submit": sql_submit, "claim": sql_claim, "commit": sql_commit,
    "register": lambda w, lanes: f"SELECT agentd.worker_register('{w}', 'h', 1, {array('text', lanes)}, {LEASE_MS}, 1)",
    "heartbeat": lambda w: f"SELECT lost, (SELECT string_agg(c::text, ',' ORDER BY c) FROM unnest(cancelled) c) "
                           f"FROM agentd.heartbeat('{w}')",
    "leave": lambda w: f"SELECT agentd.worker_leave('{w}')",
    "sweep": lambda bound: f"SELECT agentd.sweep_expired_workers('{{\"bound\":{bound}}}')",
    "timers": lambda: "SELECT agentd.sweep_due_timers('{}')",
    "deadlines": lambda bound: f"SELECT agentd.sweep_deadlines('{{\"bound\":{bound}}}')",
    "holds": lambda: "SELECT agentd.sweep_expired_holds('{}')",
    "redrive": lambda t, by: f"SELECT agentd.redrive('{t}', {quoted(by or '')}, {by is None})::json ->> 'state'",
    "reconcile": lambda t, path, key, decision, result, effect_try, id, by, fence:
        "SELECT r ->> 'decision', r ->> 'by', r ->> 'try', r ->> 'state' FROM (SELECT agentd.reconcile("
        f"'{t}', '{path}', {quoted(decision)}, {quoted(result)}, {effect_try or 'NULL'}, '{id}', {quoted(by or '')}, {by is None}, "
        f"{'NULL' if fence is None else fence})::json AS r) x",
    "cancel": lambda t, by: f"SELECT agentd.cancel('{t}', {quoted(by or '')}, {by is None})::json ->> 'state'",
}
LIVE = ("SELECT id, state, fence, seq, failures, recoveries, priority, worker, cancel_at IS NOT NULL, "
        "agentd.us(run_at), agentd.pusd(spent_usd), "
        "agentd.pusd(held_usd) FROM agentd.task_queue ORDER BY id")


def shown(effect):
    word = effect["word"]
    return ":".join(str(x) for x in [effect[k] for k in ("state", "fence", "class", "try")] +
                    ([word["decision"], word["try"]] if word else []))


def after_all(model):
    """What must be true when a story is over: (question, answer) for everything that it wrote."""
    tasks = sorted(model.tasks.values(), key=lambda t: t.id)
    ids = array("uuid", [t.id for t in tasks])
    mine = f"= ANY ({ids}) AND leaf = ANY (agentd.leaves_of({ids}))"
    ended = [t for t in tasks if not t.is_live()]

    def rows(*columns):
        return "|".join("" if c is None else str(c) for c in columns)
    return [
        (LIVE, [t.show() for t in model.live()]),
        (f"SELECT id, state, ended_from, fence, last_seq, failures, recoveries, agentd.pusd(cost_usd) FROM agentd.tasks WHERE id {mine} "
         "AND state IS NOT NULL ORDER BY id",
         [rows(t.id, t.state, t.ended_from, t.fence, t.seq, t.failures, t.recoveries, t.spent + t.held) for t in ended]),
        (f"SELECT task, string_agg(path || '/' || try || '/' || kind, ' ' ORDER BY seq), min(seq), max(seq) "
         f"FROM agentd.task_log WHERE task {mine} "
         "GROUP BY task ORDER BY task", [rows(t.id, " ".join(t.order), 1, t.seq) for t in tasks if t.order]),
        (f"SELECT task, string_agg(fence || ':' || coalesce(outcome, ''), ' ' ORDER BY fence) "
         f"FROM agentd.task_attempts WHERE task {mine} GROUP BY task ORDER BY task",
         [rows(t.id, " ".join(f"{f}:{o or ''}" for f, (o, _) in sorted(t.attempts.items()))) for t in tasks if t.attempts]),
        (f"SELECT seq, k FROM test.unfed WHERE task {mine}", []),      # everybody was told of everything, once
        ("SELECT task, string_agg(concat_ws(':', state, fence, effect_class, try, decision, resolved_try), ' ' ORDER BY key) "
         f"FROM agentd.effects WHERE task {mine} GROUP BY task ORDER BY task",
         [rows(t.id, " ".join(shown(e) for _, e in sorted(t.effects.items(), key=lambda x: hexed(x[0]))))
          for t in tasks if t.effects]),
        (f"SELECT task, string_agg(id || ':' || coalesce(agentd.pusd(settled_usd)::text, '') || ':' || lapsed, ' ' ORDER BY id) "
         "FROM agentd.spend_hold "
         f"WHERE task = ANY ({ids}) GROUP BY task ORDER BY task",
         [rows(t.id, " ".join(f"{i}:{'' if h['settled'] is None else h['settled']}:{str(h['lapsed']).lower()}"
                              for i, h in sorted(t.holds.items())))
          for t in tasks if t.holds]),
    ]


class Teller:
    """Gives the labels of a story their values and runs it on a model: steps are (name, SQL, answer that the model expects)."""
    last_ms = 0

    def __init__(self, seed):
        self.seed, self.m = seed, Model()
        Teller.last_ms = max(Teller.last_ms + 1, int(time.time() * 1000))
        self.ms, self.ids, self.done = Teller.last_ms, {}, {}
        self.steps = [("empty", f"SET agentd.fake_now = {when(0)}; {EMPTY}", [])]

    def id(self, label):
        """Ids of one story are in the order that its seed gives them, whenever it is told."""
        if label not in self.ids:
            r = random.Random(f"{self.seed} {label}")
            self.ids[label] = str(uuid.UUID(int=self.ms << 80 | 7 << 76 | r.getrandbits(12) << 64 | 2 << 62 | r.getrandbits(62)))
        return self.ids[label]

    def values(self, op):
        """The arguments of a call; None when something that it speaks of is not there (it was left out)."""
        name, m = op["op"], self.m
        for task in op.get("tasks", []):
            if self.id(task) not in m.tasks:
                return None
        for worker in [op["worker"]] if "worker" in op and name != "register" else []:
            if self.id(worker) not in m.workers:
                return None
        if name == "submit":
            start = op["start"]
            if start and self.id(start["worker"]) not in m.workers:
                return None
            return [[dict(s, id=self.id(s["id"]), key=None if s["key"] is None else f"{self.ms} {s['key']}",
                          run_at=None if s["run_at"] is None else m.now + s["run_at"],
                          deadline=None if s["deadline"] is None else m.now + s["deadline"]) for s in op["items"]],
                    start and (self.id(start["worker"]), (m.workers[self.id(start["worker"])]["claim"] or 0) + start["number"],
                               start["room"])]
        if name == "commit":
            return [[dict(v, task=self.id(v["task"]), fence=max(0, m.tasks[self.id(v["task"])].fence + v["fence"]),
                          run_at=None if v["run_at"] is None else m.now + v["run_at"],
                          effects=[dict(e, key=f"{self.ms} {v['task']} {e['path']}") for e in v["effects"]],
                          hold=v["hold"] and dict(v["hold"], id=self.id(v["hold"]["id"])),
                          calls=[dict(c, id=self.id(c["id"]), hold=c["hold"] and self.id(c["hold"])) for c in v["calls"]])
                     for v in op["moves"]]]
        if name == "claim":
            number = m.workers[self.id(op["worker"])]["claim"] or 0
            return [self.id(op["worker"]), op["limit"], None if op["number"] is None else number + op["number"]]
        return {"register": lambda: [self.id(op["worker"]), op["lanes"]], "heartbeat": lambda: [self.id(op["worker"])],
                "leave": lambda: [self.id(op["worker"])], "sweep": lambda: [op["bound"]], "timers": lambda: [],
                "deadlines": lambda: [op["bound"]], "holds": lambda: [],
                "cancel": lambda: [self.id(op["tasks"][0]), op["by"]], "redrive": lambda: [self.id(op["tasks"][0]), op["by"]],
                "reconcile": lambda: [self.id(op["tasks"][0]), op["path"], f"{self.ms} {op['tasks'][0]} {op['path']}",
                                      op["decision"], op["result"],
                                      op["try"], self.id(op["id"]), op["by"],
                                      None if op["fence"] is None
                                      else max(0, m.tasks[self.id(op["tasks"][0])].fence + op["fence"])]}[name]()

    def tell(self, op):
        if op["op"] == "clock":
            self.m.now = max(0, self.m.now + op["ms"])
            self.steps.append(("clock", "SET agentd.fake_now = " + when(self.m.now), []))
            return
        if op["op"] == "again":
            if op["of"] not in self.done:
                return
            name, values = self.done[op["of"]]
        else:
            name, values = op["op"], self.values(op)
            if values is None:
                return
            self.done[op["n"]] = name, values
        try:
            want = getattr(self.m, name)(*values)
        except Refused as e:
            want = [str(e)]
        self.steps.append((op["op"] if op["op"] == name else f"{name} again", SQL[name](*values), want))

    def look(self):
        self.steps.append(("the queue", LIVE, [t.show() for t in self.m.live()]))

    def end(self):
        self.steps += [("at the end", *x) for x in after_all(self.m)]


def told(story, seed):
    teller = Teller(seed)
    for i, op in enumerate(story):
        teller.tell(op)
        if i % 10 == 9:
            teller.look()
    teller.end()
    return teller.steps


def first_difference(db, steps):
    answers = db.ask([sql for _, sql, _ in steps])
    for i, ((_, _, want), got) in enumerate(zip(steps, answers)):
        if got != want:
            return i, got
    return None


class Author:
    """Writes a story: looks at the model of what was told so far, so that most operations have something to do."""
    WEIGHTS = {"submit": 12, "register": 3, "claim": 16, "commit": 42, "heartbeat": 5, "sweep": 6, "leave": 1, "cancel": 4, "redrive": 2,
               "reconcile": 5, "timers": 4, "deadlines": 3, "holds": 3, "clock": 10, "again": 8, "fall": 3}

    def __init__(self, seed):
        self.r, self.teller, self.story, self.labels = random.Random(seed), Teller(seed), [], {"t": 0, "w": 0, "h": 0, "c": 0, "d": 0}

    def new(self, kind):
        self.labels[kind] += 1
        return f"{kind}{self.labels[kind]}"

    def any(self, kind):
        return f"{kind}{self.r.randint(1, self.labels[kind])}" if self.labels[kind] else None

    def add(self, **op):
        op["n"] = len(self.story)
        self.story.append(op)
        self.teller.tell(op)

    def submission(self, reuse):
        r = self.r
        return {"id": self.any("t") if reuse and self.labels["t"] else self.new("t"),
                "workflow": r.choice(["noop"] * 3 + ["paid"] * 3 + ["boxed", "none"]),
                "urgency": r.choice(["normal"] * 4 + ["high", "low", "soon"]), "run_at": r.choice([None] * 3 + [-5000, 0, 10000, 31000]),
                "deadline": r.choice([None] * 4 + [-1000, 0, 20000, 60000]),
                "key": r.choice([None] * 3 + list("kkl")), "by": r.choice("pppq"),
                "budget": r.choice([None] * 5 + [{"usd": 0.5}, {"usd": 2}, {"wall_ms": 20000}, {"wall_ms": 7200000}, {"cents": 1}]),
                "request": r.choice("xxxy")}

    def move(self, label):
        r, t = self.r, self.teller.m.tasks[self.teller.id(label)]
        next = r.choice(["stay"] * 5 + ["park", "park", "release", "finish"])
        rows = [[p, y, k, r.choice([1, 1, 1, 2])] for p, y, k in
                r.sample([(p, y, k) for p in "abc" for y in (1, 2) for k in ("started", "done")], r.choice([0, 1, 1, 2, 3]))]
        effects = [{"path": p, "class": r.choice(CLASSES) if r.random() < 0.1 else CLASSES["abcd".index(p)], "try": r.choice([1, 1, 1, 2]),
                    "to": r.choice(["planned", "dispatched", "dispatched", "done", "done", "failed_before_effect", "uncertain"])}
                   for p in sorted({r.choice("abcddd") for _ in range(r.choice([0, 0, 0, 1, 1, 2]))})]
        open_holds = [h for h in self.teller.ids if h[0] == "h" and self.teller.ids[h] in t.holds]
        known = [c for c in self.teller.ids if c[0] == "c" and self.teller.ids[c] in t.calls]
        calls = []
        if open_holds and r.random() < 0.4:
            for _ in range(r.choice([1, 1, 2])):
                call = r.choice(known) if known and r.random() < 0.2 else self.new("c")
                calls.append({"id": call, "hold": r.choice(open_holds + [None]), "cost": r.choice([0, 10 ** 11, 3 * 10 ** 11])})
        elif r.random() < 0.03:
            calls = [{"id": self.new("c"), "hold": self.any("h"), "cost": 1}]
        calls = list({c["id"]: c for c in calls}.values())
        hold = None
        if r.random() < 0.2:
            hold = {"id": self.new("h"), "path": r.choice(["a", "a/b", "ab", "b"]), "amount": r.choice([1, 4, 9]) * 10 ** 11,
                    "expires": r.choice([0, 15000, 60000]),
                    "limits": r.choice([[], [], [["a", 5 * 10 ** 11]], [["a", 10 ** 12], ["b", 10 ** 12]]])}
        return {"task": label, "fence": 0 if r.random() < 0.85 else r.choice([-2, -1, 1]), "next": next,
                "state": {"park": r.choice(WAITING), "finish": r.choice(ENDS), "release": r.choice(["", "", "", "sandbox"])}.get(next, ""),
                "run_at": r.choice([None, -1000, 0, 10000, 31000]) if next in ("park", "release") else None,
                "failure": next == "release" and r.random() < 0.5, "rows": rows, "effects": effects, "hold": hold, "calls": calls}

    def tasks(self):
        return [x for x in self.teller.ids if x[0] == "t" and self.teller.ids[x] in self.teller.m.tasks]

    def task(self):
        """A running one, if there is one, four times in five."""
        labels = self.tasks()
        running = [x for x in labels if self.teller.m.tasks[self.teller.ids[x]].state == "running"]
        return self.r.choice(running if running and self.r.random() < 0.8 else labels) if labels else None

    def write(self, name):
        r = self.r
        if name == "submit":
            reuse = r.random() < 0.12
            items = [self.submission(reuse) for _ in range(1 if reuse else r.choice([1, 1, 2, 3]))]
            start = {"worker": self.any("w"), "number": r.choice([0, 1, 1, 1]), "room": r.randint(0, 3)}
            self.add(op="submit", items=items, start=start if start["worker"] and r.random() < 0.4 else None)
        elif name == "register":
            self.add(op="register", worker=r.random() < 0.2 and self.any("w") or self.new("w"),
                     lanes=r.choice([["default"], ["default", "sandbox"], ["sandbox", "default"], ["sandbox"]]))
        elif name == "commit":
            labels = sorted({t for t in (self.task() for _ in range(r.choice([1, 1, 1, 2, 3]))) if t})
            if labels:
                self.add(op="commit", tasks=labels, moves=[self.move(t) for t in labels])
        elif name == "claim":
            self.add(op="claim", worker=self.any("w"), limit=r.randint(1, 4), number=r.choice([None, 0, 1, 1, 1]))
        elif name in ("heartbeat", "leave"):
            self.add(op=name, worker=self.any("w"))
        elif name in ("sweep", "deadlines"):
            self.add(op=name, bound=r.choice([1, 2, 200]))
        elif name in ("cancel", "redrive"):
            quarantined = [x for x in self.tasks() if self.teller.m.tasks[self.teller.ids[x]].state == "quarantined"]
            task = r.choice(quarantined) if name == "redrive" and quarantined else self.task()
            if task:
                self.add(op=name, tasks=[task], by=r.choice([None, None, "p", "q"]))
        elif name == "reconcile":
            uncertain = [(x, k.split()[-1]) for x in self.tasks()
                         for k, e in self.teller.m.tasks[self.teller.ids[x]].effects.items() if e["state"] == "uncertain"]
            task, path = r.choice(uncertain) if uncertain and r.random() < 0.9 else (self.task(), r.choice("abcd"))
            if task:
                decision = r.choice(["happened", "did_not_happen", "did_not_happen", "give_up"])
                self.add(op="reconcile", tasks=[task], path=path, decision=decision,
                         result="1" if (decision == "happened") != (r.random() < 0.05) else None,
                         **{"try": r.choice([None, None, 1, 2])}, id=r.random() < 0.2 and self.any("d") or self.new("d"),
                         by=r.choice([None, None, "p", "q"]),
                         fence=r.choice([None, None, 0, -1]))
        elif name == "clock":
            self.add(op="clock", ms=r.choice([1000, 5000, 10000, 15000, 20000, 30000, 31000, 61000, -10000, -31000, -61000]))
        elif name == "again":
            if self.teller.done:
                self.add(op="again", of=r.choice([list(self.teller.done)[-1], r.choice(list(self.teller.done))]))
        elif name == "fall":        # without it lost leases in a row would be rare
            worker = self.new("w")
            self.add(op="register", worker=worker, lanes=["default", "sandbox"])
            self.add(op="claim", worker=worker, limit=4, number=1)
            self.add(op="clock", ms=LEASE_MS + 1000)
            self.add(op="sweep", bound=200)
        else:
            self.add(op=name)

    def whole(self, length):
        self.write("register")
        self.write("submit")
        while len(self.story) < length:
            self.write(self.r.choices(list(self.WEIGHTS), list(self.WEIGHTS.values()))[0])
        return self.story


def shrink(db, story, seed):
    """Leaves out ever smaller parts as long as what is left still fails."""
    size = max(1, len(story) // 2)
    while True:
        at, less = 0, False
        while at < len(story):
            shorter = story[:at] + story[at + size:]
            if first_difference(db, told(shorter, seed)):
                story, less = shorter, True
            else:
                at += size
        if size == 1 and not less:
            return story
        size = max(1, size // 2)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("psql")
    p.add_argument("--operations", type=int, default=2000)
    p.add_argument("--length", type=int, default=60)
    p.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "big"))
    args = p.parse_args()
    db, told_ops, stories, began, counts = Database(args.psql), 0, 0, time.monotonic(), {}
    while told_ops < args.operations:
        seed = args.seed + stories
        story = Author(seed).whole(args.length)
        if first_difference(db, told(story, seed)):
            story = shrink(db, story, seed)
            steps = told(story, seed)
            at, got = first_difference(db, steps)
            print(f"# seed {seed}, --length {args.length}: shrunk to {len(story)} operations")
            print("\n".join(f"#   {name}: {sql}" for name, sql, _ in steps[:at + 1]))
            print(f"# the database: {got}\n# the model:    {steps[at][2]}")
            return 1
        for op in story:
            counts[op["op"]] = counts.get(op["op"], 0) + 1
        told_ops, stories = told_ops + len(story), stories + 1
    print("# " + ", ".join(f"{n} {name}" for name, n in sorted(counts.items())))
    print(f"# {told_ops} operations in {stories} stories from seed {args.seed} agree, {time.monotonic() - began:.0f} s")
    return 0


sys.exit(main())
