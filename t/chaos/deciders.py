"""deciders.py - people who answer what tasks ask: at random they approve, deny, edit, race each other, take it back, or do not answer.

Threads of the rig, each for itself. What was acknowledged is remembered and must stand; what may not be taken must be refused. A
request is answered once in a while again by somebody else, whatever became of it.
"""
import json
import random
import threading

from pg import PgDown, PgError
from rig import http

EDITED = 1000000        # is added to n by whoever edits
PEOPLE = ("ann", "bob")
# how a request fares, and how often
FATES = {"approve": 6, "edit": 4, "deny": 3, "race": 5, "replay": 3, "mistake": 2, "silence": 2, "cancel": 2}


class Deciders:
    def __init__(self, rig, threads=3):
        self.rig = rig
        self.tokens = {name: rig.ctl("token", "create", name, "--scopes", "read,approve,submit").strip() for name in PEOPLE}
        self.lock, self.ended = threading.Lock(), threading.Event()
        self.fates, self.acknowledged, self.did = {}, {}, dict.fromkeys(FATES, 0)       # {id: fate}, {id: {decision}}
        self.threads = [threading.Thread(target=self.run, args=(random.Random(rig.rng.random()),), daemon=True) for _ in range(threads)]
        for t in self.threads:
            t.start()

    def run(self, rng):
        while not self.ended.wait(0.05):
            for a in self.pending():
                with self.lock:
                    if a["id"] in self.fates:
                        continue
                    fate = self.fates[a["id"]] = rng.choices(list(FATES), FATES.values())[0]
                    self.did[fate] += 1
                getattr(self, fate)(a, rng)

    def stop(self):
        self.ended.set()
        for t in self.threads:
            t.join()

    def pending(self):
        answer = http(self.rig.socket(), self.tokens["ann"], "GET", "/approvals?state=pending&limit=200")
        return answer.json()["approvals"] if answer.status == 200 else []

    # --- one word ---
    def say(self, a, name, decision, digest=None, **more):
        """Until it is answered: 200, or refused with 4xx; the status, 0 when the run ended meanwhile."""
        body = {"decision": decision, "digest": digest or a["digest"], **more}
        if decision == "approve" and a["kind"] == "question":
            body["form"] = {"n": int(a["title"].split()[-1]) + EDITED}
        while not self.ended.is_set():
            answer = http(self.rig.socket(), self.tokens[name], "POST", f"/approvals/{a['id']}", body)
            if answer.status not in (0, 429, 503):
                if answer.status == 200 and not (decision == "approve" and a["approvers"] > 1):
                    with self.lock:
                        self.acknowledged.setdefault(a["id"], set()).add(decision)
                elif answer.status not in (200, 409):
                    self.rig.violation("HTTP", f"{decision} of {a['id']} is answered {answer.status}: {answer.body[:300]}")
                return answer.status
            self.ended.wait(0.05)
        return 0

    def both(self, a, decision, rng, **more):
        """As many people as are asked for."""
        names = rng.sample(PEOPLE, len(PEOPLE))
        self.say(a, names[0], decision, **more)
        if a["approvers"] > 1 and decision == "approve":
            # what the first one edited has another digest
            answer = http(self.rig.socket(), self.tokens[names[1]], "GET", f"/approvals/{a['id']}")
            if answer.status == 200:
                self.say(a, names[1], decision, digest=answer.json()["digest"])

    # --- fates ---
    def approve(self, a, rng):
        self.both(a, "approve", rng)

    def edit(self, a, rng):
        more = {"args": {"n": a["args"]["n"] + EDITED}} if a["kind"] == "call" else {}
        self.both(a, "approve", rng, **more)

    def deny(self, a, rng):
        self.say(a, rng.choice(PEOPLE), "deny", comment="no")

    def silence(self, a, rng):
        pass

    def race(self, a, rng):
        """Two at once with opposite words: one of them is taken."""
        other = threading.Thread(target=self.say, args=(a, "bob", "deny"))
        other.start()
        self.both(a, "approve", rng)
        other.join()

    def replay(self, a, rng):
        """Approved, then approved by the other with other arguments, then denied: too late, whatever has become of it."""
        self.both(a, "approve", rng)
        if a["kind"] == "call" and a["approvers"] == 1:
            self.say(a, "ann", "approve", args={"n": a["args"]["n"] + 2 * EDITED})
        self.say(a, "ann", "deny")

    def mistake(self, a, rng):
        """Something else was seen than is asked: refused. Then nobody answers."""
        if self.say(a, "ann", "approve", digest="0" * 64) == 200:
            self.rig.violation("I7", f"approval {a['id']} was given by somebody who saw another digest")

    def cancel(self, a, rng):
        """The task is cancelled, beside an approval."""
        other = threading.Thread(target=self.both, args=(a, "approve", rng))
        other.start()
        http(self.rig.socket(), self.rig.token, "POST", f"/tasks/{a['task']}/cancel")
        other.join()

    # --- what must stand ---
    def check(self):
        """What was acknowledged is what the database says, when all is over."""
        fits = {"approve": ("approved", "consumed", "cancelled", "superseded", "expired"), "deny": ("denied",)}
        state = dict(self.rig.sql("SELECT id, state FROM agentd.approval_queue"))
        for id, words in self.acknowledged.items():
            if len(words) > 1:
                self.rig.violation("I7", f"approval {id} was both approved and denied")
            for word in words:
                if state.get(id) not in fits[word]:
                    self.rig.violation("I7", f"{word} of approval {id} was acknowledged, it is {state.get(id)}")


def is_refused(rig, state, what, key, digest):
    """Whether an approval of this STATE can not be consumed for that effect; None: there is no such approval."""
    rows = rig.sql("SELECT id, task FROM agentd.approval_queue WHERE kind = 'call' AND state = $1 ORDER BY random() LIMIT 1", state)
    if not rows:
        return None
    try:
        rig.sql(f"""DO $$ BEGIN
            PERFORM agentd.approval_consume(a.id, a.task, {key}, {digest}, clock_timestamp()) FROM agentd.approval_queue a
            WHERE a.id = '{rows[0][0]}' AND a.state = '{state}';
            IF FOUND THEN RAISE EXCEPTION 'taken' USING ERRCODE = 'CHA05'; END IF; END $$""")
    except PgError as e:
        if e.sqlstate == "CHA05":
            rig.violation("I7", f"approval {rows[0][0]} of task {rows[0][1]}, which was {state}, was taken {what}")
        elif e.sqlstate != "AG409":
            raise
        return e.sqlstate == "AG409"
    return None


OTHER_KEY = "sha256(a.effect_key || 'x'::bytea)"
OTHER_DIGEST = "sha256(a.digest || 'x'::bytea)"
SOME_KEY = "sha256(a.digest)"
# (state, what, key, digest): nobody may have any of these
FORGERIES = [
    ("consumed", "for another effect", OTHER_KEY, "a.digest"), ("consumed", "with other arguments", "a.effect_key", OTHER_DIGEST),
    ("approved", "with other arguments", SOME_KEY, OTHER_DIGEST), ("pending", "before a word was said", SOME_KEY, "a.digest"),
    ("denied", "all the same", SOME_KEY, "a.digest"), ("expired", "all the same", SOME_KEY, "a.digest"),
    ("cancelled", "all the same", SOME_KEY, "a.digest"),
]


def forge(rig):
    """Tries each once; how many were there to be tried, and refused. A database that is away refuses nothing."""
    refused = 0
    for forgery in FORGERIES:
        try:
            refused += bool(is_refused(rig, *forgery))
        except PgDown:
            pass
    return refused
