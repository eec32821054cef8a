#!/usr/bin/env python3
"""interleave.py - two sessions, every ordered pair of operations, every pair of places where they may stand between two statements (B8).

usage: interleave.py PSQL [--sample N] [--seed S] [--state STATE]... [--lock-timeout T] [--pair FIRST,SECOND], where either may be "any"

The first session stops before its i-th statement, the second before its j-th (or goes on to its end, or waits for a lock of the first);
then the first goes on and commits or rolls back, then the second. Nothing may deadlock, fail otherwise than by a refusal of its own,
or leave a forbidden state; and what is left must be what the two leave one after the other, or one of them alone where the other
was turned away. A case in which a session waited for the other until its lock timeout is not decided: the machine was too slow, and
it is played again. --sample takes so many of the cases by chance. The functions stop by test.step() of interleave.sql.
"""
import argparse
import collections
import itertools
import os
import random
import select
import subprocess
import sys
import time

STATES = ["ready", "late ready", "running", "expired", "cancel asked", "due", "parked", "late parked",
          "uncertain", "uncertain running", "quarantined", "ended",
          "asked", "asked running", "approved running"]
ROW = '[["s%s", 1, "done", 1]]'
CALL = ('[{"move":1,"id":"{C}","hold":"{H}","path":"a","attempt":1,"tier":"t","provider":"p","model_asked":"m",'
        '"error_class":"","http_status":200,"started_us":0,"first_byte_ms":1,"total_ms":2,"in_fresh":1,"in_cached":0,'
        '"in_write_5m":0,"in_write_1h":0,"out_text":1,"out_reason":0,'
        '"cost_pusd":1000,"cost_source":"provider"}]')
EFFECT = '[{"move":1,"key":"\\\\x01","path":"e","tool":"t","class":"at_most_once","args":"\\\\x00","to":"dispatched"}]'
CONSUME = EFFECT[:-2] + ',"approval":"{A}","approved":"\\\\x' + "00" * 31 + '01"}]'
DECIDE = "SELECT agentd.decide_approval('{A}', '%s', '\\x" + "00" * 31 + "01', NULL, NULL, NULL, NULL, '%s') IS NOT NULL"
BOTH = ("SELECT string_agg(status, ' ') FROM agentd.commit_steps(ARRAY['%s', '%s']::uuid[], '{1,1}', '{1,1}', '{0,0}', ARRAY['', ''], "
        "'{0,0}', '{f,f}', ARRAY[NULL, NULL]::json[], ARRAY[NULL, NULL]::json[], '{1,2}', '{1,1}', '{b,b}', '{1,1}', '{done,done}', "
        "'{set,set}', ARRAY['1', '1']::json[], "
        "ARRAY['\\x01', '\\x01']::bytea[], '{0,0}', '{0,0}')")
OPERATIONS = {
    "claim": "SELECT string_agg(task::text, ' ' ORDER BY task) FROM agentd.claim('{V}', 5, 1)",
    "claim again": "SELECT string_agg(task::text, ' ' ORDER BY task) FROM agentd.claim('{W}', 5, 1)",
    "commit": "SELECT test.move('{T}', 1, 'stay', '', '" + ROW % "{S}" + "')",
    "finish": "SELECT test.move('{T}', 1, 'finish', 'succeeded', '" + ROW % "f" + "')",
    "park": "SELECT test.move('{T}', 1, 'park', 'waiting_timer', '[]', timestamptz '2030-01-01 00:00:01+00')",
    "release": "SELECT test.move('{T}', 1, 'release', '', '[]')",
    "settle": "SELECT test.move('{T}', 1, 'stay', '', '[]', NULL, NULL, NULL, '" + CALL + "')",
    "hold": "SELECT test.move('{T}', 1, 'stay', '', '[]', NULL, NULL, "
            "'[{\"move\":1,\"id\":\"{H2}\",\"path\":\"b\",\"amount_pusd\":1,\"expires_ms\":1}]')",
    "dispatch": "SELECT test.move('{T}', 1, 'stay', '', '[]', NULL, '" + EFFECT + "')",
    "uncertain": "SELECT test.move('{T}', 1, 'stay', '', '[]', NULL, '" + EFFECT.replace("dispatched", "uncertain") + "')",
    "reconcile": "SELECT agentd.reconcile('{T}', 'e', 'happened', '1', NULL, '{D}', '', true) IS NOT NULL",
    "another reconcile": "SELECT agentd.reconcile('{T}', 'e', 'did_not_happen', NULL, NULL, '{D2}', '', true) IS NOT NULL",
    "approve": DECIDE % ("approve", "ann"),
    "deny": DECIDE % ("deny", "bob"),
    "consume": "SELECT test.move('{T}', 1, 'stay', '', '[]', NULL, '" + CONSUME + "')",
    # an hour later
    "expire": "SELECT set_config('agentd.fake_now', '2030-01-01 01:00:00+00', false) <> '' AND agentd.sweep_approvals('{}') > 0",
    "redrive": "SELECT agentd.redrive('{T}', '', true) IS NOT NULL",
    "fork": "SELECT task FROM agentd.fork_task('{N}', 'fork', '{T}', NULL, NULL, NULL, true, NULL, '\\x01', 'p', true)",
    "purge": "SELECT agentd.purge('{T}', '', true) IS NOT NULL",
    "two commits": BOTH % ("{T}", "{U}"),
    "two commits the other way": BOTH % ("{U}", "{T}"),
    "takeover": "SELECT agentd.sweep_expired_workers('{}')",
    "heartbeat": "SELECT lost FROM agentd.heartbeat('{W}')",
    "register": "SELECT agentd.worker_register('{W}', 'w', 1, '{default}', 30000, 1) > 0",
    "leave": "SELECT agentd.worker_leave('{W}')",
    "cancel": "SELECT agentd.cancel('{T}', '', true) IS NOT NULL",
    "deadlines": "SELECT agentd.sweep_deadlines('{}')",
    "timers": "SELECT agentd.sweep_due_timers('{}')",
    "holds": "SELECT agentd.sweep_expired_holds('{}')",
    "pause": "SELECT agentd.workflow_pause('noop', 'ann', true)",
    "submit one key": "SELECT agentd.submit('noop', idempotency_key => 'k', id => '{X}')",
    "submit one id": "SELECT agentd.submit('noop', id => '{N}')",
    "start": "SELECT status, taken FROM agentd.submit_batch(ARRAY['{N}']::uuid[], '{noop}', ARRAY['null']::json[], '{normal}', "
             "ARRAY[NULL]::json[], ARRAY[NULL]::json[], '{0}', '{0}', ARRAY[NULL], '{x}', ARRAY['r']::bytea[], '{p}', "
             "p_worker => '{W}', p_claim => 7, p_room => 1)",
}
REFUSALS = ("AG404", "AG409", "AG410")
TOO_SLOW = "55P03"
TOO_LONG = "AG503"      # who pauses gave up
ATTEMPTS = 3
# What skips rows that are locked is called again and again; that is part of the promise.
REPEATED = {"pause": "SELECT agentd.workflow_settle('noop')",
            **{x: OPERATIONS[x].replace("5, 1", "5, 2") for x in ("claim", "claim again")},
            **{x: OPERATIONS[x] for x in ("takeover", "timers", "deadlines", "expire")}}


class Session:
    def __init__(self, psql, gate, lock_timeout):
        self.p = subprocess.Popen([psql, "-X", "-q", "-A", "-t", "-v", "VERBOSITY=sqlstate"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT)
        self.buffer, self.lines, self.gate = b"", [], gate
        self.pid = self.ask(f"SET synchronous_commit = off; SET lock_timeout = '{lock_timeout}'; SET deadlock_timeout = '50ms'; "
                            f"SET test.gate = {gate}; SELECT pg_backend_pid()")[0]

    def start(self, text):
        self.p.stdin.write((text + ";\n\\echo =end=\n").encode())
        self.p.stdin.flush()

    def read(self, timeout):
        """One more line, or None."""
        while b"\n" not in self.buffer:
            if not select.select([self.p.stdout], [], [], timeout)[0]:
                return None
            more = os.read(self.p.stdout.fileno(), 65536)
            if not more:
                raise SystemExit("psql ended")
            self.buffer += more
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line.decode().strip()

    def until(self, *marks, waits=None):
        """Reads up to one of the marks, or until the session waits for a lock; answers which."""
        pause = 0.002
        while True:
            line = self.read(pause if waits else 30)
            if line is None:
                if not waits:
                    raise SystemExit("no answer within 30 s")
                if waits():
                    return "waits"
                pause = min(pause * 2, 0.05)
            elif line in marks:
                return line
            elif line != "NOTICE:  TS001":
                self.lines.append(line)

    def finish(self):
        self.until("=end=")
        lines, self.lines = self.lines, []
        return lines

    def ask(self, text):
        self.start(text)
        return self.finish()


class Stage:
    def __init__(self, psql, lock_timeout):
        self.a, self.b, self.watch = (Session(psql, gate, lock_timeout) for gate in (1, 2, 3))
        self.ids = dict(x.split("|") for x in self.watch.ask("SELECT name, id FROM test.ids"))
        self.now = None
        self.waited = 0
        self.left = {}      # by what was done one by one

    def text(self, name, session, operations=OPERATIONS):
        text = operations[name].replace("{S}", str(session.gate)).replace("{X}", self.ids["M" if session.gate == 2 else "K"])
        for label, id in self.ids.items():
            text = text.replace("{" + label + "}", id)
        return text

    def prepare(self, state):
        self.now = self.watch.ask(f"SELECT test.world('{state}')")[-1]

    def look(self):
        lines = self.watch.ask("SELECT test.wrong(); SELECT test.look()")
        return "\n".join(lines)

    def begin(self, session, name, stop_at):
        session.start(f"SET agentd.fake_now = '{self.now}'; SET test.at = 0; SET test.stop_at = {stop_at}; BEGIN; "
                      f"{self.text(name, session)}")

    def waits(self, session):
        return self.watch.ask(f"SELECT count(*) FROM pg_locks WHERE pid = {session.pid} AND NOT granted "
                              f"AND (locktype <> 'advisory' OR objid::bigint NOT IN ({self.a.gate}, {self.b.gate}))")[0] != "0"

    def one_by_one(self, state, *plays):
        """Each (session, operation) after the other: what is left; and how many steps the last one had."""
        self.prepare(state)
        steps = 0
        for session, name in plays:
            self.begin(session, name, 0)
            session.finish()
            steps = int(session.ask("COMMIT; SELECT current_setting('test.at')")[-1])
        return self.look(), steps

    def settle(self, *plays):
        """Each (session, operation, answer): a move whose row was locked is sent again; then what is repeated for ever has its turn."""
        for session, name, answer in plays:
            while any("busy" in x for x in answer):
                answer = session.ask(f"SET agentd.fake_now = '{self.now}'; {self.text(name, session)}")
        for session, name, _ in plays:
            if name in REPEATED:
                session.ask(f"SET agentd.fake_now = '{self.now}'; {self.text(name, session, REPEATED)}")
        return self.look()

    def serial(self, state, first, second):
        """What may be left of the two."""
        a, b = (self.a, first), (self.b, second)
        left = {}
        for name, plays in {"A B": (a, b), "B A": (b, a), "A": (a,), "B": (b,)}.items():
            key = state, *((s.gate, o) for s, o in plays)
            if key not in self.left:
                self.one_by_one(state, *plays)
                self.left[key] = self.settle(*((s, o, []) for s, o in (a, b) if (s, o) in plays))
            left[name] = self.left[key]
        return left

    def interleaved(self, state, first, i, second, j, end):
        """A to its i-th step, B to its j-th (0: to its end), A to its end, B to its end; who waits for the other lets it pass."""
        self.prepare(state)
        a, b = self.a, self.b
        out = {a: [], b: []}

        def run_on(session, *marks):
            at = session.until(*marks, "=end=", waits=lambda: self.waits(session))
            out[session] += session.lines
            session.lines = []
            self.waited += at == "waits"
            return at

        self.watch.ask("SELECT pg_advisory_lock(1), pg_advisory_lock(2)")
        self.begin(a, first, i)
        a_at = run_on(a, "NOTICE:  TS001")
        self.begin(b, second, j)
        b_at = run_on(b, "NOTICE:  TS001")
        self.watch.ask("SELECT pg_advisory_unlock(1)")
        if a_at != "=end=":
            a_at = run_on(a)
        if a_at == "waits" and b_at == "=end=":
            out[b] += b.ask("COMMIT")
            a.until("=end=")
            out[a] += a.lines + a.ask(end)
            a.lines = []
            self.watch.ask("SELECT pg_advisory_unlock(2)")
            return out[a], out[b]
        if a_at == "=end=":
            out[a] += a.ask(end)
        self.watch.ask("SELECT pg_advisory_unlock(2)")
        if a_at == "waits":     # B goes on to its end, or into a deadlock
            b_at = run_on(b)
            if b_at == "=end=":
                out[b] += b.ask("COMMIT")
            a.until("=end=")
            out[a] += a.lines + a.ask(end)
            a.lines = []
            if b_at == "=end=":
                return out[a], out[b]
        if b_at != "=end=":
            b.until("=end=")
            out[b] += b.lines
            b.lines = []
        out[b] += b.ask("COMMIT")
        return out[a], out[b]


def decided(stage, case):
    """What both sessions said, or None: the lock timeout ended one of them in each attempt."""
    for attempt in range(1, ATTEMPTS + 1):
        outs = stage.interleaved(*case)
        if not any(TOO_SLOW in x or TOO_LONG in x for out in outs for x in out):
            return outs
        print(f"# {case}: not decided, the machine is too slow ({attempt} of {ATTEMPTS} attempts)", flush=True)
    return None


def main():
    p = argparse.ArgumentParser()
    p.add_argument("psql")
    p.add_argument("--sample", type=int)
    p.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "big"))
    p.add_argument("--state", action="append", choices=STATES)
    p.add_argument("--share", default="0/1", help="I/N: only the I-th of N parts of the cases")
    p.add_argument("--lock-timeout", default="20s")
    p.add_argument("--pair", type=lambda x: tuple(x.split(",")), default=("any", "any"))
    args = p.parse_args()
    stage, r, began = Stage(args.psql, args.lock_timeout), random.Random(args.seed), time.monotonic()
    cases = []
    steps = collections.defaultdict(int)
    for state in args.state or STATES:
        for name in OPERATIONS:
            steps[state, name] = stage.one_by_one(state, (stage.a, name))[1]
        for first, second in itertools.product(*(OPERATIONS if x == "any" else [x] for x in args.pair)):
            # A is at its end, nothing is committed yet
            cases += [(state, first, 0, second, 0, "COMMIT"), (state, first, 0, second, 0, "ROLLBACK")]
            for i in range(1, steps[state, first] + 1):
                # a session that stops before its first step has not begun
                cases += [(state, first, i, second, j, "COMMIT") for j in [0] * (i > 1) + list(range(2, steps[state, second] + 1))]
    part, parts = (int(x) for x in args.share.split("/"))
    cases = [c for k, c in enumerate(cases) if k * parts // len(cases) == part]
    n_all = len(cases)
    if args.sample and args.sample < n_all:
        cases = [cases[k] for k in sorted(r.sample(range(n_all), args.sample))]
    serial, bad, deadlocks, undecided, kinds = {}, 0, 0, 0, collections.Counter()
    for case in cases:
        state, first, i, second, j, end = case
        if (state, first, second) not in serial:
            serial[state, first, second] = stage.serial(state, first, second)
        outs = decided(stage, case)
        if not outs:
            undecided += 1
            continue
        out_a, out_b = outs
        wrong = [x for x in out_a + out_b if "ERROR" in x and not any(c in x for c in REFUSALS)]
        deadlocks += any("40P01" in x for x in out_a + out_b)
        left = stage.settle(*[(stage.a, first, out_a)] * (end == "COMMIT"), (stage.b, second, out_b))
        wanted = serial[state, first, second]
        if end == "ROLLBACK":
            wanted = {"B": wanted["B"]}
        as_if = [k for k, v in wanted.items() if v == left]
        kinds[as_if[0] if as_if else "neither"] += 1
        if wrong or not as_if:
            bad += 1
            if bad <= 40:
                print(f"# {state}: {first} stops at {i} ({end}), {second} at {j}: {wrong}; first {out_a}, second {out_b}")
                if not as_if:
                    print("#   left:\n" + "\n".join("#     " + x for x in left.split("\n")))
                    for k, v in wanted.items():
                        print(f"#   {k}:\n" + "\n".join("#     " + x for x in v.split("\n") if x not in left.split("\n")))
    print(f"# {len(cases)} of {n_all} interleavings, seed {args.seed}, {len({x[1:4:2] for x in cases})} pairs, "
          f"{len(args.state or STATES)} states: {stage.waited} had to wait, "
          f"{deadlocks} deadlocks, {undecided} not decided, {bad} wrong; as if {dict(kinds)}; {time.monotonic() - began:.0f} s")
    return bad > 0 or undecided > 0


sys.exit(main())
