"""model_rules.py - what the SQL functions of the core promise, said once more in the plainest way (A16).

Nothing here looks at SQL: a Model holds tasks, workers, keys and money as Python objects; every operation changes them and
answers the lines that psql must print. Times are ms since the start of the story, money is pico-dollars.
"""
import copy
import datetime

LEASE_MS, RECOVERIES, SUSPECT = 30000, 3, 200
ENDS = ["succeeded", "failed", "cancelled", "expired"]
WAITING = ["waiting_approval", "waiting_timer", "waiting_event", "waiting_slot", "uncertain"]
START = datetime.datetime(2030, 1, 1, tzinfo=datetime.timezone.utc)
PRIORITY = {"high": 0, "normal": 10, "low": 20}
USD = 10 ** 12
# name: lane, money, wall
WORKFLOWS = {"noop": ("default", None, None), "paid": ("default", USD, 3600000), "boxed": ("sandbox", None, None)}
CLASSES = ["pure", "tx", "idempotent", "at_most_once"]


class Refused(Exception):
    """The whole call fails with this SQLSTATE and leaves nothing behind."""


def us(ms):
    return int(START.timestamp()) * 1000000 + ms * 1000


def rfc3339(ms):
    return (START + datetime.timedelta(milliseconds=ms)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def when(ms):
    return (START + datetime.timedelta(milliseconds=ms)).strftime("'%Y-%m-%d %H:%M:%S.%f+00'")


def yes(b):
    return "t" if b else "f"


def line(*columns):
    return "|".join("" if c is None else yes(c) if isinstance(c, bool) else str(c) for c in columns)


class Task:
    def __init__(self, item, now):
        self.lane, money, wall = WORKFLOWS[item["workflow"]]
        budget = item["budget"] or {}
        wall = budget.get("wall_ms", wall)
        ends = [x for x in (item["deadline"], now + wall if wall is not None else None) if x is not None]
        self.id, self.workflow, self.by, self.created = item["id"], item["workflow"], item["by"], now
        self.waits = item["run_at"] is not None and item["run_at"] > now
        self.state = "waiting_timer" if self.waits else "ready"
        self.run_at = now if item["run_at"] is None else item["run_at"]
        self.deadline = min(ends) if ends else None
        self.money = int(budget["usd"] * USD) if "usd" in budget else money
        self.priority = PRIORITY[item["urgency"]]
        self.fence = self.seq = self.failures = self.recoveries = self.spent = self.held = 0
        self.worker, self.cancel, self.unread, self.ended_from = None, False, False, None
        self.rows, self.order, self.attempts, self.effects, self.holds, self.calls = {}, [], {}, {}, {}, set()

    def is_live(self):
        return self.state not in ENDS

    def effects_open(self):
        """Nobody may take these for not happened."""
        return any(e["class"] == "at_most_once" and e["state"] in ("dispatched", "uncertain") for e in self.effects.values())

    def end(self, state):
        self.ended_from, self.state, self.worker = self.state, state, None

    def show(self):
        return line(self.id, self.state, self.fence, self.seq, self.failures, self.recoveries, self.priority, self.worker, self.cancel,
                    None if self.run_at is None else us(self.run_at), self.spent, self.held)


class Model:
    def __init__(self):
        self.tasks, self.workers, self.keys, self.now = {}, {}, {}, 0

    def live(self):
        return sorted((t for t in self.tasks.values() if t.is_live()), key=lambda t: t.id)

    # --- submissions ---
    def problem(self, s):
        if s["workflow"] not in WORKFLOWS:
            return "not_found"
        budget, (_, money, wall) = s["budget"] or {}, WORKFLOWS[s["workflow"]]
        bad = s["urgency"] not in PRIORITY or s["deadline"] is not None and s["deadline"] <= self.now
        bad = bad or bool(set(budget) - {"usd", "wall_ms"}) or money is not None and budget.get("usd", 0) * USD > money
        return "invalid" if bad or wall is not None and budget.get("wall_ms", 0) > wall else None

    def submit(self, items, start=None):
        """start: (worker, number of the claim, room): who may have the new ones at once."""
        status = [self.problem(s) for s in items]
        answer = [None] * len(items)
        first = {}
        for i, s in sorted(enumerate(items), key=lambda x: (x[1]["by"], x[1]["key"] or "")):
            place = (s["by"], s["key"])
            if s["key"] is None or status[i]:
                continue
            if place not in self.keys:
                t = Task(s, self.now)
                first[place] = s["id"]
                self.keys[place] = (s["request"], t.id, t.state, self.now)
            request, task, state, at = self.keys[place]
            if task != s["id"]:
                status[i] = "replayed" if request == s["request"] else "key_conflict"
                answer[i] = (task, state, at)
        for i, s in enumerate(items):
            if status[i]:
                continue
            t = self.tasks.get(s["id"])
            if t is None:
                status[i], t = "new", Task(s, self.now)
                self.tasks[t.id] = t
            elif (t.by, t.workflow) == (s["by"], s["workflow"]):
                status[i] = "replayed"
            else:
                status[i] = "id_conflict"
                if first.get((s["by"], s["key"])) == s["id"]:
                    del self.keys[s["by"], s["key"]]        # what is refused does not burn its key
            answer[i] = (t.id, "waiting_timer" if t.waits else "ready", t.created)
        taken = self.start(start, [self.tasks[s["id"]] if x == "new" else None for s, x in zip(items, status)])
        return [line(i + 1, x, *((a[0], a[1], a[0], rfc3339(a[2])) if x in ("new", "replayed") else [None] * 4), y)
                for i, (x, a, y) in enumerate(zip(status, answer, taken))]

    def start(self, start, new):
        if not start or start[2] == 0:
            return [None] * len(new)
        taken = ["f"] * len(new)
        worker, number, room = start
        w = self.workers[worker]
        if w["ended"] or w["claim"] is not None and w["claim"] >= number:
            return taken
        w["claim"] = number
        for i, t in enumerate(new):
            if t and not t.waits and t.lane in w["lanes"] and taken.count("t") < room:
                t.state, t.worker, t.fence, t.attempts[1], taken[i] = "running", worker, 1, (None, number), "t"
        return taken

    # --- workers ---
    def register(self, worker, lanes):
        w = self.workers.setdefault(worker, {"until": self.now + LEASE_MS, "ended": False, "lanes": lanes, "claim": None})
        if w["ended"]:
            raise Refused("AG410")
        return [line(us(self.now))]

    def promote(self):
        due = [t for t in self.live() if t.state not in ("ready", "running") and t.run_at is not None and t.run_at <= self.now]
        for t in due:
            t.state = "ready"
        return len(due)

    def claim(self, worker, limit, number):
        w = self.workers[worker]
        if w["ended"]:
            raise Refused("AG410")
        self.promote()
        wakes = [t.run_at for t in self.live() if t.state not in ("ready", "running") and t.run_at is not None]
        head = line(None, None, None, None, None, None, None, None, None, us(self.now), us(min(wakes)) if wakes else None)
        if number is not None and w["claim"] == number:
            mine = [t for t in self.live() if t.worker == worker and t.attempts[t.fence][1] == number]
        elif number is not None and w["claim"] is not None and number < w["claim"]:
            mine = []       # it was long on its way: nobody would hear of what it got
        else:
            w["claim"] = w["claim"] if number is None else number
            mine = []
            queues = [sorted((t for t in self.live() if t.state == "ready" and t.lane == lane),
                             key=lambda t: (t.priority, t.run_at, t.id)) for lane in w["lanes"]]
            queues = sorted((q for q in queues if q), key=lambda q: (q[0].priority, q[0].run_at, q[0].lane))
            for queue in queues:
                mine += [t for t in queue if t.priority < SUSPECT][:limit - len(mine)]
            if len(mine) < limit and not any(t.worker == worker and t.priority >= SUSPECT for t in self.live()):
                mine += self.suspects(queues, limit - len(mine))
            for t in mine:
                t.state, t.worker, t.fence, t.unread = "running", worker, t.fence + 1, False
                t.attempts[t.fence] = (None, number)
        return [head] + sorted(line(t.id, t.fence, t.seq, t.cancel, t.failures, t.recoveries, t.spent + t.held, t.seq or None,
                                    0 if t.deadline is None else us(t.deadline), None, None) for t in mine)

    def suspects(self, queues, limit):
        """Of the first lane that has any: eight, of those at their last chance one."""
        for queue in queues:
            band = [t for t in queue if t.priority >= SUSPECT]
            if band:
                band = [t for t in band if t.priority // 100 == band[0].priority // 100]
                return band[:min(limit, 1 if band[0].priority >= 300 else 8)]
        return []

    def heartbeat(self, worker):
        w = self.workers[worker]
        if w["ended"]:
            return ["t|"]
        w["until"] = self.now + LEASE_MS
        return ["f|" + ",".join(t.id for t in self.live() if t.worker == worker and t.cancel)]

    def end_attempt(self, t, outcome):
        t.attempts[t.fence] = (outcome, t.attempts[t.fence][1])

    def give_back(self, t, outcome):
        self.end_attempt(t, outcome)
        t.fence, t.worker, t.run_at, t.state = t.fence + 1, None, self.now, "ready"

    def leave(self, worker):
        mine = [t for t in self.live() if t.worker == worker]
        self.workers[worker]["ended"] = True
        for t in mine:
            self.give_back(t, "left")
        return [str(len(mine))]

    # --- sweeping ---
    def sweep(self, bound):
        for w in self.workers.values():
            w["ended"] = w["ended"] or not self.now <= w["until"] <= self.now + 2 * LEASE_MS
        lost = [t for t in self.live() if t.state == "running" and self.workers[t.worker]["ended"]][:bound]
        for t in lost:
            self.give_back(t, "lost")
            t.recoveries += 1
            t.priority = t.priority % 100 + (300 if t.recoveries >= RECOVERIES else 200 if t.recoveries >= 2 else 100)
            if t.recoveries > RECOVERIES:
                t.state, t.run_at, t.seq = "quarantined", None, t.seq + 1
                t.order.append("/%d/task.quarantined" % (t.fence - 1))
        return [str(len(lost))]

    def timers(self):
        return [str(self.promote())]

    def deadlines(self, bound):
        late = [t for t in self.live() if t.deadline is not None and t.deadline <= self.now
                and t.state not in ("running", "uncertain", "quarantined") and not t.effects_open()][:bound]
        for t in late:
            t.end("expired")
        return [str(len(late))]

    def holds(self):
        n = 0
        for t in self.tasks.values():
            for h in t.holds.values():
                if h["settled"] is None and h["expires"] < self.now:
                    h["settled"], h["lapsed"], n = h["amount"], True, n + 1
                    if t.is_live():
                        t.held, t.spent = t.held - h["amount"], t.spent + h["amount"]
        return [str(n)]

    def cancel(self, task, by):
        t = self.seen(task, by)
        if not t.is_live():
            if t.state != "cancelled":
                raise Refused("AG409")
        elif t.state in ("running", "uncertain"):
            t.cancel = True
        elif t.effects_open():      # its next attempt says what may have happened
            t.run_at = t.run_at if t.state == "ready" else self.now
            t.cancel, t.state = True, "ready"
        else:
            t.end("cancelled")
        return [t.state]

    # --- people ---
    def seen(self, task, by):
        t = self.tasks[task]
        if by is not None and by != t.by:
            raise Refused("AG404")
        return t

    def redrive(self, task, by):
        t = self.seen(task, by)
        if t.state == "quarantined":
            t.fence, t.seq, t.run_at, t.state = t.fence + 1, t.seq + 1, self.now, "ready"
            t.failures, t.recoveries, t.priority = 0, 0, t.priority % 100
            t.order.append("/%d/task.redriven" % t.fence)
        elif not any(x.endswith("/task.redriven") for x in t.order):
            raise Refused("AG409")
        return [t.state]

    def reconcile(self, task, path, key, decision, result, effect_try, id, by, fence):
        """The same word again is answered as the first time."""
        if (result is None) == (decision == "happened"):
            raise Refused("AG422")
        t = self.seen(task, by)
        e = t.effects.get(key)
        if e is None:
            raise Refused("AG404")
        word = e["word"]
        again = word and (word["id"] == id or (word["decision"], word["by"]) == (decision, by or "") and effect_try in (None, word["try"])
                          and (decision != "happened" or e["result"] == result))
        if not again:
            other = fence is not None and (t.state != "running" or t.fence != fence)
            if word or not t.is_live() or e["state"] != "uncertain" or effect_try not in (None, e["try"]) or other:
                raise Refused("AG409")
            e["word"], e["result"] = {"id": id, "decision": decision, "by": by or "", "try": e["try"]}, result
            if t.state == "running":
                t.unread = t.unread or fence is None
            elif t.state not in ("ready", "quarantined"):
                t.state, t.run_at = "ready", self.now
        return [line(*(e["word"][x] for x in ("decision", "by", "try")), t.state)]

    # --- moves ---
    def commit(self, moves):
        """On copies, so that a call that is refused as a whole leaves nothing behind."""
        mine = {}
        for m in moves:
            t = self.tasks[m["task"]]
            if t.state == "running" and t.fence == m["fence"]:
                mine[t.id] = copy.deepcopy(t)
        codes = {}
        for m in moves:
            t = mine.get(m["task"])
            if t and m["hold"] and m["hold"]["id"] not in t.holds:
                if self.hold_is_too_much(t, m):
                    codes[t.id] = "budget.usd"
                else:
                    self.take_hold(t, m["hold"])
        ours = [m for m in moves if m["task"] in mine and m["task"] not in codes]
        for m in ours:
            for e in m["effects"]:
                self.effect(mine[m["task"]], e)
            for c in m["calls"]:
                self.settle(mine[m["task"]], c)
        answers = []
        for i, m in enumerate(moves):
            if m["task"] not in mine:
                answers.append(line(i + 1, self.why_not(m), 0, False, None))
                continue
            t, was = mine[m["task"]], self.tasks[m["task"]]
            status = "refused" if t.id in codes else self.journal_and_next(t, m, codes)
            if status == "refused":
                answers.append(line(i + 1, status, 0, was.cancel, codes[t.id]))
                continue
            answers.append(line(i + 1, status, t.seq, was.cancel, None))
            self.tasks[t.id] = t
        return answers

    def why_not(self, m):
        t = self.tasks[m["task"]]
        outcome = t.attempts.get(m["fence"], (None, None))[0]
        if m["next"] in ("park", "release") and outcome == ("released" if m["next"] == "release" else m["state"]):
            return "already"
        return "already" if m["next"] == "finish" and (t.state, t.fence) == (m["state"], m["fence"]) else "stale"

    def journal_and_next(self, t, m, codes):
        old = [r for r in m["rows"] if tuple(r[:3]) in t.rows]
        new = [r for r in m["rows"] if r not in old]
        if any(t.rows[tuple(r[:3])] != r[3] for r in old):
            codes[t.id] = "journal_conflict"
            return "refused"
        for r in new:
            t.rows[tuple(r[:3])] = r[3]
            t.order.append("%s/%s/%s" % tuple(r[:3]))
        t.seq += len(new)
        if new and m["next"] != "finish":
            t.recoveries, t.priority = 0, t.priority % 100
        if m["next"] == "stay":
            return "already" if old and not new else "ok"
        if m["next"] == "finish":
            t.end(m["state"])
            return "ok"
        self.end_attempt(t, "released" if m["next"] == "release" else m["state"])
        t.worker, t.failures = None, t.failures + m["failure"]
        if m["next"] == "release":
            t.lane = m["state"] or t.lane
            t.run_at = self.now if m["run_at"] is None else max(m["run_at"], self.now)
            t.state = "waiting_timer" if t.run_at > self.now else "ready"
        elif t.unread or t.cancel and m["state"] not in ("uncertain", "quarantined"):
            t.state, t.run_at = "ready", self.now       # neither news nor a wish to stop is slept over
        else:
            t.state, t.run_at = m["state"], m["run_at"]
        return "ok"

    # --- effects and money ---
    def effect_allowed(self, kind, state, to, same):
        """What is at_most_once leaves once, and only who sent it knows how it ended; tx is never under way."""
        begun = ("planned", "failed_before_effect")
        if kind == "tx":
            return to in ("planned", "done") if state is None else to in (state, "failed_before_effect", "done") if state in begun else (
                state == to == "done" and same)
        if state is None or state in begun:
            return to in ("planned", "dispatched") if state is None else to in (state, "failed_before_effect", "dispatched")
        if state == "dispatched":
            ended = to in ("dispatched", "done", "failed_before_effect")
            return to == "uncertain" or same and ended if kind == "at_most_once" else ended
        if state == "uncertain":
            return kind == "at_most_once" and to in ("uncertain", "done", "failed_before_effect")
        return to == "done" and same

    def effect(self, t, e):
        old = t.effects.get(e["key"])
        state, kind, to = old and old["state"], e["class"], e["to"]
        if old and CLASSES.index(old["class"]) > CLASSES.index(kind):
            kind = old["class"]     # a tool that became stricter stays so
        same = old is not None and (old["fence"], old["try"]) == (t.fence, e["try"])
        if not self.effect_allowed(kind, state, to, same):
            raise Refused("AG409")
        said = old and old["word"] and old["word"]["decision"]
        if state == "uncertain" and to != "uncertain" and said != ("happened" if to == "done" else "did_not_happen"):
            raise Refused("AG409")
        if state == to and to in ("done", "uncertain"):
            return
        if state == "uncertain":
            t.effects[e["key"]] = dict(old, state=to, fence=t.fence)
            return
        t.effects[e["key"]] = {"state": to, "fence": t.fence, "class": kind, "try": e["try"], "result": "1" if to == "done" else None,
                               "word": old["word"] if old and to != "uncertain" else None}

    def hold_is_too_much(self, t, m):
        limits = [(None, t.money)] if t.money is not None else []
        for path, limit in limits + [tuple(x) for x in m["hold"]["limits"]]:
            used = 0
            for i, h in t.holds.items():
                if path is None or h["path"] == path or h["path"].startswith(path + "/"):
                    costs = [c["cost"] for c in m["calls"] if c["hold"] == i]
                    booked = h["settled"] is not None and not h["lapsed"]
                    used += h["settled"] if booked else sum(costs) if costs else h["amount"]
            if used + m["hold"]["amount"] > limit:
                return True
        return False

    def take_hold(self, t, h):
        t.holds[h["id"]] = {"amount": h["amount"], "path": h["path"], "expires": self.now + h["expires"], "settled": None, "lapsed": False}
        t.held += h["amount"]

    def settle(self, t, c):
        if c["id"] in t.calls:
            return
        t.calls.add(c["id"])
        spent = c["cost"]
        if c["hold"] is not None:
            if c["hold"] not in t.holds:
                raise Refused("AG409")
            h = t.holds[c["hold"]]
            if h["settled"] is None:
                t.held -= h["amount"]
            elif h["lapsed"]:
                spent -= h["settled"]
            h["settled"] = c["cost"] + (0 if h["settled"] is None or h["lapsed"] else h["settled"])
            h["lapsed"] = False
        t.spent += spent
