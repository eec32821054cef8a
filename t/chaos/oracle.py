"""oracle.py - the invariants I1 to I12, asked after every run of tables, of the sink's file and of the clients' journals.

Each check is a query or a comparison that answers the offenders; none may be found. Watch runs beside a scenario and remembers
terminal rows as they were first seen (I9) and tasks that stay running without a living lease (I2).
"""
import json
import os
import re
import threading
import time

from pg import PgDown, PgError, copy_text, is_alive

# One row per offender: what is wrong with it.
QUERIES = {
    "I2 a living task has a row in the queue, an ended one has none": """
        SELECT t.id || ' ' || coalesce(t.state::text, 'has no end') || ' ' || coalesce(q.state::text, 'no row in the queue')
        FROM agentd.tasks t FULL JOIN agentd.task_queue q ON q.id = t.id
        WHERE t.id IS NULL OR (t.state IS NULL) <> (q.id IS NOT NULL)""",
    "I3 one committed output for a step": """
        SELECT task || ' ' || path || ': ' || count(*) FROM agentd.task_log WHERE kind IN ('step.succeeded', 'turn.succeeded')
        GROUP BY task, path, kind HAVING count(*) > 1""",
    "I3 one end for a try": """
        SELECT task || ' ' || path || ' try ' || try || ': ' || string_agg(kind, ', ' ORDER BY seq) FROM agentd.task_log
        WHERE kind IN ('step.succeeded', 'step.failed', 'step.skipped', 'step.cancelled')
        GROUP BY task, path, try HAVING count(*) > 1""",
    "I3 nothing follows the end of a step": """
        SELECT a.task || ' ' || a.path || ': ' || b.kind || ' after ' || a.kind FROM agentd.task_log a
        JOIN agentd.task_log b ON b.task = a.task AND b.path = a.path AND b.seq > a.seq
        WHERE a.kind IN ('step.succeeded', 'step.skipped')""",
    "I3 seq counts from 1 without a gap, to the task's last": """
        SELECT l.task || ': ' || count(*) || ' rows, last ' || max(l.seq) || ', the task says ' || coalesce(t.last_seq, q.seq)
        FROM agentd.task_log l LEFT JOIN agentd.tasks t ON t.id = l.task LEFT JOIN agentd.task_queue q ON q.id = l.task
        GROUP BY l.task, t.last_seq, q.seq
        HAVING count(*) <> max(l.seq) OR min(l.seq) <> 1 OR max(l.seq) IS DISTINCT FROM coalesce(t.last_seq, q.seq)""",
    "I4 fences rise along the journal": """
        SELECT task || ' seq ' || seq || ': fence ' || fence || ' after ' || before FROM (
            SELECT task, seq, fence, lag(fence) OVER (PARTITION BY task ORDER BY seq) AS before FROM agentd.task_log) x
        WHERE fence < before""",
    "I4 no row carries a fence that no claim issued": """
        SELECT x.what || ' of ' || x.task || ': fence ' || x.fence FROM (
            SELECT 'journal' AS what, task, fence FROM agentd.task_log WHERE fence > 0
            UNION SELECT 'effect', task, fence FROM agentd.effects
            UNION SELECT 'model call', task, fence FROM agentd.model_calls) x
        WHERE NOT EXISTS (SELECT FROM agentd.task_attempts a WHERE a.task = x.task AND a.fence = x.fence)""",
    "I4 a task's fence is the highest of its attempts, or one above (taken back)": """
        SELECT t.id || ': fence ' || coalesce(t.fence, q.fence) || ', last attempt ' || a.fence FROM agentd.tasks t
        LEFT JOIN agentd.task_queue q ON q.id = t.id
        JOIN (SELECT task, max(fence) AS fence FROM agentd.task_attempts GROUP BY task) a ON a.task = t.id
        WHERE coalesce(t.fence, q.fence) - a.fence NOT IN (0, 1)""",
    "I4 only the last attempt may be open": """
        SELECT a.task || ' fence ' || a.fence FROM agentd.task_attempts a WHERE a.ended_at IS NULL
        AND EXISTS (SELECT FROM agentd.task_attempts b WHERE b.task = a.task AND b.fence > a.fence)""",
    "I6 uncertain is only what was dispatched and has no recorded answer": """
        SELECT e.task || ' ' || e.path || ' ' || e.effect_class FROM agentd.effects e WHERE e.state = 'uncertain' AND (
            e.effect_class <> 'at_most_once' OR e.result IS NOT NULL
            OR EXISTS (SELECT FROM agentd.task_log l WHERE l.task = e.task AND l.path = e.path AND l.kind = 'step.succeeded')
            OR NOT EXISTS (SELECT FROM agentd.task_log l WHERE l.task = e.task AND l.path = e.path AND l.kind = 'step.uncertain'))""",
    "I6 an uncertain task has an uncertain effect": """
        SELECT q.id::text FROM agentd.task_queue q WHERE q.state = 'uncertain' AND NOT EXISTS (
            SELECT FROM agentd.effects e WHERE e.task = q.id AND e.state = 'uncertain')""",
    "I6 a call that succeeded has its effect done": """
        SELECT l.task || ' ' || l.path || ': ' || coalesce(e.state::text, 'no effect') FROM agentd.task_log l
        LEFT JOIN agentd.effects e ON e.task = l.task AND e.path = l.path
        WHERE l.kind = 'step.succeeded' AND l.step_kind = 'call' AND e.state IS DISTINCT FROM 'done'""",
    "I6 a task that ended left no effect under way": """
        SELECT e.task || ' ' || e.path || ' ' || e.state FROM agentd.effects e JOIN agentd.tasks t ON t.id = e.task
        WHERE t.state = 'succeeded' AND e.state <> 'done'""",
    "I5 a tx effect commits with its step, and only then": """
        SELECT e.task || ' ' || e.path || ' ' || e.state FROM agentd.effects e WHERE e.effect_class = 'tx' AND (e.state = 'dispatched'
            OR e.state = 'done' AND NOT EXISTS (SELECT FROM agentd.task_log l
                WHERE l.task = e.task AND l.path = e.path AND l.kind = 'step.succeeded'))""",
    "I7 an approval's state fits its times": """
        SELECT id || ' ' || state FROM agentd.approval_queue WHERE
            (state = 'pending') <> (decided_at IS NULL AND consumed_at IS NULL AND state NOT IN ('expired', 'superseded', 'cancelled'))
            OR (state = 'consumed') <> (consumed_at IS NOT NULL) OR state IN ('approved', 'denied') AND decided_by IS NULL""",
    "I7 nobody is asked about a task that ended": """
        SELECT a.id || ' of ' || a.task FROM agentd.approval_queue a JOIN agentd.tasks t ON t.id = a.task
        WHERE a.state = 'pending' AND t.state IS NOT NULL""",
    "I8 what a task spent or holds is within its budget": """
        SELECT t.id || ': ' || h.usd || ' of ' || (t.budget ->> 'usd') FROM agentd.tasks t
        JOIN (SELECT task, sum(coalesce(settled_usd, amount_usd)) AS usd FROM agentd.spend_hold GROUP BY task) h ON h.task = t.id
        WHERE h.usd > (t.budget ->> 'usd')::numeric""",
    "I8 the task's account is the sum of its holds": """
        SELECT q.id || ': spent ' || q.spent_usd || ' held ' || q.held_usd || ', holds say ' || coalesce(h.spent, 0) || ' and ' || coalesce(h.held, 0)
        FROM (SELECT id, spent_usd, held_usd FROM agentd.task_queue) q
        LEFT JOIN (SELECT task, sum(settled_usd) AS spent, sum(amount_usd) FILTER (WHERE settled_at IS NULL) AS held
            FROM agentd.spend_hold GROUP BY task) h ON h.task = q.id
        WHERE q.spent_usd <> coalesce(h.spent, 0) OR q.held_usd <> coalesce(h.held, 0)""",
    "I8 a task that ended cost what its holds say": """
        SELECT t.id || ': ' || t.cost_usd || ', holds say ' || coalesce(h.usd, 0) FROM agentd.tasks t
        LEFT JOIN (SELECT task, sum(coalesce(settled_usd, amount_usd)) AS usd FROM agentd.spend_hold GROUP BY task) h ON h.task = t.id
        WHERE t.state IS NOT NULL AND t.cost_usd <> coalesce(h.usd, 0)""",
    "I8 no call settled more than was held for it": """
        SELECT h.id || ': ' || h.settled_usd || ' of ' || h.amount_usd FROM agentd.spend_hold h WHERE h.settled_usd > h.amount_usd""",
    "I8 windows of caps are not negative": """
        SELECT cap || ' ' || window_start FROM agentd.spend_window WHERE spent_usd < 0 OR held_usd < 0""",
    "I8 what a cap spent and holds is the sum of its reservations": """
        SELECT w.cap || ' ' || w.scope_key || ': spent ' || w.spent_usd || ' held ' || w.held_usd FROM agentd.spend_window w
        LEFT JOIN (SELECT cap, scope_key, window_start, sum(settled_usd) AS spent, sum(amount_usd) FILTER (WHERE settled_at IS NULL) AS held
            FROM agentd.cap_hold GROUP BY 1, 2, 3) h USING (cap, scope_key, window_start)
        WHERE w.spent_usd <> coalesce(h.spent, 0) OR w.held_usd <> coalesce(h.held, 0)""",
    "I8 a cap is within its limit": """
        SELECT cap || ' ' || scope_key || ': ' || spent_usd + held_usd || ' of ' || limit_usd FROM agentd.spend_window
        WHERE spent_usd + held_usd > limit_usd""",
    "I8 a reservation stands the same at its task and at caps": """
        SELECT c.hold || ' ' || c.cap FROM agentd.cap_hold c LEFT JOIN agentd.spend_hold s ON s.id = c.hold
        WHERE (c.amount_usd, c.settled_usd, c.task) IS DISTINCT FROM (s.amount_usd, s.settled_usd, s.task)""",
    "I8 each reservation of a task is one of each of its caps": """
        SELECT s.id || ' at ' || count(c.hold) FROM agentd.spend_hold s LEFT JOIN agentd.cap_hold c ON c.hold = s.id
        GROUP BY s.id HAVING count(c.hold) <> 2""",
    "I9 nothing is written for a task after its end": """
        SELECT t.id || ' ' || x.what FROM agentd.tasks t JOIN (
            SELECT task, at, 'journal' AS what FROM agentd.task_log UNION ALL SELECT task, changed_at, 'effect' FROM agentd.effects) x ON x.task = t.id
        WHERE t.state IS NOT NULL AND x.at > t.finished_at""",
    "I12 one task for each idempotency key": """
        SELECT k.principal || ' ' || k.key FROM agentd.idempotency_keys k
        WHERE NOT EXISTS (SELECT FROM agentd.tasks t WHERE t.id = k.task AND t.submitted_by = k.principal)""",
    "I12 no task of a client without its key": """
        SELECT t.id || ' ' || t.submitted_by FROM agentd.tasks t
        LEFT JOIN (SELECT task, count(*) AS n FROM agentd.idempotency_keys GROUP BY task) k ON k.task = t.id
        WHERE t.submitted_by IN (SELECT principal FROM agentd.idempotency_keys) AND k.n IS DISTINCT FROM 1""",
    "OUT a task's output is that of its input": """
        SELECT t.id || ': ' || t.output::text || ' of ' || t.input::text FROM agentd.tasks t
        WHERE t.state = 'succeeded' AND t.output ->> 'n' IS DISTINCT FROM t.input ->> 'n'""",
}

# Senseless where clocks were set back.
ORDER_OF_TIMES = ("I9 nothing is written for a task after its end",)

# Of the clients' journals and the sink's file, loaded into schema chaos.
WITNESS_QUERIES = {
    "I1 what was acknowledged exists": """
        SELECT a.key || ' ' || a.task FROM chaos.acknowledged a WHERE NOT EXISTS (SELECT FROM agentd.tasks t WHERE t.id = a.task)""",
    "I12 a key was always answered with the same task": """
        SELECT a.key || ' ' || a.task || ', now ' || coalesce(k.task::text, 'no key') FROM chaos.acknowledged a
        LEFT JOIN agentd.idempotency_keys k ON k.key = a.key WHERE k.task IS DISTINCT FROM a.task""",
    "I5 at_most_once: the sink saw a key at most once": """
        SELECT key || ' of ' || min(task::text) || ': ' || count(*) FROM chaos.sink WHERE tool = 'once' GROUP BY key HAVING count(*) > 1""",
    "I5 idempotent: one key for a step's call, however often it was sent": """
        SELECT e.task || ' ' || e.path || ': ' || count(DISTINCT e.key) FROM agentd.effects e WHERE effect_class <> 'pure'
        GROUP BY e.task, e.path HAVING count(DISTINCT e.key) > 1""",
    "I5 a key belongs to one task, tool and argument": """
        SELECT key || ': ' || count(DISTINCT (task, tool, n)) FROM chaos.sink GROUP BY key HAVING count(DISTINCT (task, tool, n)) > 1""",
    "I5 nothing happened that the ledger does not know": """
        SELECT s.tool || ' ' || s.task FROM chaos.sink s WHERE NOT EXISTS (
            SELECT FROM agentd.effects e WHERE e.task = s.task AND encode(e.key, 'hex') = s.key)""",
    "I5 what the ledger calls done was seen, with that answer": """
        SELECT e.task || ' ' || e.path || ' ' || coalesce(e.result ->> 'serial', 'no serial') FROM agentd.effects e
        WHERE e.state = 'done' AND e.tool ^@ 'sink.' AND NOT EXISTS (SELECT FROM chaos.sink s
            WHERE s.key = encode(e.key, 'hex') AND s.serial = (e.result ->> 'serial')::bigint)""",
    "I5 what never left was never seen": """
        SELECT e.task || ' ' || e.path FROM agentd.effects e JOIN chaos.sink s ON s.key = encode(e.key, 'hex')
        WHERE e.state IN ('planned', 'failed_before_effect')""",
    "I5 the step's output is the answer of that very call": """
        SELECT l.task || ' ' || l.path FROM agentd.task_log l JOIN agentd.effects e ON e.task = l.task AND e.path = l.path
        WHERE l.kind = 'step.succeeded' AND l.step_kind = 'call' AND e.tool ^@ 'sink.'
            AND (l.value -> 'output' ->> 'serial') IS DISTINCT FROM (e.result ->> 'serial')""",
}

# What the server may say to agentd: it goes or comes (57P0x, 08), a lease is over (AG410), a lock was not to be had (55P03).
ALLOWED_STATES = re.compile("57P0.|08...|AG410|55P03")
# And of a disk that fails, where a scenario makes one fail (allow["io"]).
BAD_DISK = re.compile("Input/output error|No space left on device|Read-only file system")
SERVER_BAD = re.compile(r" (\S{5}) agentd .*?(ERROR|FATAL|PANIC):  (.*)")
REPORT = re.compile(r"(AddressSanitizer|LeakSanitizer|UndefinedBehaviorSanitizer|ThreadSanitizer|runtime error: |==\d+==ERROR"
                    r"|==\d+== (Invalid|Conditional|Use of|Process terminating)|Assertion .* failed|\bfatal\b|TRAP: |stack smashing)")


class Watch(threading.Thread):
    """Looks every 200 ms, with a connection of its own; a database that is away is looked at later."""

    def __init__(self, rig):
        super().__init__(daemon=True)
        self.rig, self.ended = rig, threading.Event()
        self.first = {}             # task: hash of its row when it was first seen terminal
        self.newest = None
        self.calm_since, self.found_orphan = None, False
        self.strays, self.told = {}, set()      # {pid: first seen}
        self.start()

    def run(self):
        while not self.ended.wait(0.2):
            try:
                self.look()
            except PgDown:
                pass
            except PgError as e:
                self.rig.violation("I9", f"the watch cannot look: {e}")
                return
        self.rig.pool.close()

    def look(self, everything=False):
        """I9: remembers what is new, compares what is known. Only rows that ended lately, but all of them at the end."""
        where = "" if everything or not self.newest else f"AND finished_at > '{self.newest}'::timestamptz - interval '3 s'"
        rows = self.rig.sql(f"""SELECT id, md5(t::text), finished_at FROM agentd.tasks t WHERE state IS NOT NULL {where}""")
        for task, digest, finished in rows:
            if self.first.setdefault(task, digest) != digest:
                self.rig.violation("I9", f"terminal task {task} changed")
                self.first[task] = digest
            self.newest = max(self.newest or finished, finished)
        if everything:
            missing = set(self.first) - {r[0] for r in rows}
            for task in sorted(missing)[:5]:
                self.rig.violation("I9", f"terminal task {task} is gone")
        self.look_for_orphans()
        self.look_for_strays()

    def calm(self):
        """All processes run, nothing is broken any more: from now on a dead lease may last lease + sweep, twice."""
        self.calm_since = time.monotonic()

    def look_for_orphans(self):
        if self.found_orphan or not self.calm_since or time.monotonic() - self.calm_since < self.rig.cycles() + 2:
            return
        for task, worker in self.rig.sql(f"""SELECT q.id, q.worker FROM agentd.task_queue q LEFT JOIN agentd.workers w ON w.id = q.worker
                WHERE q.state = 'running' AND (w.id IS NULL
                    OR coalesce(w.ended_at, w.lease_until) < clock_timestamp() - {self.rig.cycles()} * interval '1 s')"""):
            self.rig.violation("I2", f"task {task} runs under worker {worker}, whose lease is over")
            self.found_orphan = True

    def look_for_strays(self):
        """I10: a tool's process whose worker is dead may live a second, no longer."""
        workers = {self.rig.processes[name].pid for name in list(self.rig.modes)}
        now, family = time.monotonic(), self.rig.tool_children()
        strays = {pid for pid, parent in family.items() if parent not in workers and parent not in family}
        self.strays = {pid: self.strays.get(pid, now) for pid in strays}
        for pid, since in self.strays.items():
            if now - since > 1 and pid not in self.told:
                self.told.add(pid)
                self.rig.violation("I10", f"process {pid} of a tool lives {now - since:.1f} s after its worker died")

    def stop(self):
        self.ended.set()
        if self.is_alive():
            self.join(10)


def load_witnesses(rig):
    rig.sql("DROP SCHEMA IF EXISTS chaos CASCADE")
    rig.sql("CREATE SCHEMA chaos")
    rig.sql("CREATE TABLE chaos.acknowledged (key text, task uuid)")
    rig.sql("CREATE TABLE chaos.sink (serial bigint, tool text, key text, task uuid, n bigint)")
    for c in rig.all_clients:
        rig.pool.copy_in("COPY chaos.acknowledged FROM STDIN", (f"{copy_text(k)}\t{t}\n" for k, t in c.entries()))
    rig.pool.copy_in("COPY chaos.sink FROM STDIN", sink_lines(rig.sink_log))
    rig.sql("CREATE INDEX ON chaos.sink (key)")
    for table in ("chaos.sink", "chaos.acknowledged", "agentd.tasks", "agentd.task_log", "agentd.effects", "agentd.task_attempts",
                  "agentd.task_queue", "agentd.idempotency_keys"):
        rig.sql(f"ANALYZE {table}")


def sink_lines(path):
    """SERIAL METHOD /TOOL BODY of the sink's file as rows."""
    with open(path) as f:
        for line in f:
            serial, _, tool, body = line.rstrip("\n").split(" ", 3)
            b = json.loads(body)
            yield f"{serial}\t{tool[1:]}\t{copy_text(b['key'])}\t{b['task']}\t{b['n']}\n"


def check(rig):
    """All invariants on a rig whose work is settled and whose daemons were stopped. Violations go to rig.violation()."""
    load_witnesses(rig)
    for name, sql in {**QUERIES, **WITNESS_QUERIES, **rig.witness_queries}.items():
        if name in ORDER_OF_TIMES and rig.allow["clock"]:
            continue
        began = time.monotonic()
        offenders = rig.sql(f"SELECT count(*) OVER (), x.* FROM ({sql}) x LIMIT 5")
        if offenders:
            rig.violation(*name.split(" ", 1)[:1], f"{name.split(' ', 1)[1]}: {offenders[0][0]} do not, e.g. {'; '.join(str(o[1]) for o in offenders)}")
        if time.monotonic() - began > 2:
            rig.run.say(f"the oracle took {time.monotonic() - began:.1f} s to ask whether {name}")
    check_ends(rig)
    rig.watch.stop()
    rig.watch.look(everything=True)
    check_residue(rig)
    check_logs(rig)


def check_ends(rig):
    """States that this run may not end in."""
    states = dict(rig.sql("""SELECT coalesce(t.state, q.state), count(*) FROM agentd.tasks t LEFT JOIN agentd.task_queue q USING (id) GROUP BY 1"""))
    for state, n in states.items():
        if state == "succeeded" or rig.allow.get(state):
            continue
        which = rig.sql("""SELECT t.id || coalesce(' ' || t.error::text, '') FROM agentd.tasks t LEFT JOIN agentd.task_queue q USING (id)
            WHERE coalesce(t.state, q.state)::text = $1 LIMIT 3""", state)
        rig.violation("I2", f"{n} tasks ended {state}, e.g. {'; '.join(r[0] for r in which)}")


def check_residue(rig):
    """I10: what is left of processes that ended."""
    until = time.monotonic() + 10
    count = "SELECT count(*) FROM pg_stat_activity WHERE application_name ^@ 'agentd' OR backend_type = 'client backend' AND pid <> pg_backend_pid() AND state LIKE 'idle in trans%'"
    while (left := rig.number(count)) and time.monotonic() < until:
        time.sleep(0.05)
    if left:
        rig.violation("I10", f"{left} connections are left of processes that ended")
    for pid in rig.tool_children():
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                line = f.read().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if is_alive(pid):
            rig.violation("I10", f"a tool's process is left: {pid} {line}")
    for directory, _, names in os.walk(rig.workspaces):
        for name in names:
            if name.endswith(".tmp"):
                rig.violation("I10", f"a temporary file is left: {directory}/{name}")
    for name in os.listdir(rig.root + "/workflows"):
        if name.endswith(".tmp"):
            rig.violation("I10", f"a temporary file is left: workflows/{name}")


def check_logs(rig):
    """I11: sanitizers, valgrind, failed assertions, cores; errors of the server that nobody should have caused."""
    rig.unexpected_deaths()
    for name in sorted(os.listdir(rig.dir)):
        path = f"{rig.dir}/{name}"
        if re.match(r"core(\.|$)|vgcore", name):
            rig.violation("I11", f"a core file: {path}")
        if not os.path.isfile(path) or not (name.endswith(".log") or name.startswith("san.")):
            continue
        with open(path, errors="replace") as f:
            for line in f:
                if REPORT.search(line):
                    rig.violation("I11", f"{name}: {line.strip()[:300]}")
                    break
    seen = {}
    with open(rig.pg.log, errors="replace") as f:
        for line in f:
            m = SERVER_BAD.search(line)
            if m and not ALLOWED_STATES.fullmatch(m.group(1)) and not (rig.allow["io"] and BAD_DISK.search(line)) \
                    and not (rig.allow["refused"] and re.match(rig.allow["refused"], m.group(3))):
                seen[re.sub(r"[0-9a-f-]{36}|\d+", "N", m.group(3))[:150]] = line.strip()[:400]
            if "PANIC:" in line and not rig.allow["panic"]:
                seen["PANIC"] = line.strip()
    for line in seen.values():
        rig.violation("I11", f"PostgreSQL refused what agentd sent: {line}")
