#!/usr/bin/env python3
"""interleave.py - two sessions, every ordered pair of operations: the first stays open until the second has
finished or waits, then commits or rolls back.

usage: interleave.py PSQL WORKER

Nothing may deadlock, fail otherwise than by its own refusal, or leave the queue in a state that the rules forbid (B8).
"""
import itertools
import select
import subprocess
import sys


class Session:
    def __init__(self, psql, name):
        self.p = subprocess.Popen([psql, "-X", "-q", "-A", "-t", "-v", "VERBOSITY=sqlstate"], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1)
        self.pid = self.ask("SET lock_timeout = '20s'; SET deadlock_timeout = '100ms'; SELECT pg_backend_pid()")[0]

    def start(self, text):
        self.p.stdin.write(text + ";\n\\echo =end=\n")
        self.p.stdin.flush()

    def finish(self):
        lines = []
        while True:
            line = self.p.stdout.readline()
            if not line:
                raise SystemExit("psql ended")
            if line.strip() == "=end=":
                return lines
            lines.append(line.strip())

    def ask(self, text):
        self.start(text)
        return self.finish()


psql, W = sys.argv[1], sys.argv[2]
a, b, watch = Session(psql, "a"), Session(psql, "b"), Session(psql, "watch")
# T is a running task of worker W, fence 1, with an open hold that lapsed; R is ready; K is a key.
OPERATIONS = {
    "claim": "SELECT count(task) FROM agentd.claim('{W}', 5)",
    "commit": "SELECT test.move('{T}', 1, 'stay', '', '[[\"s{S}\", 1, \"done\", 1]]')",
    "finish": "SELECT test.move('{T}', 1, 'finish', 'succeeded', '[[\"f\", 1, \"done\", 1]]')",
    "park": "SELECT test.move('{T}', 1, 'park', 'waiting_timer', '[]', now() - interval '1 s')",
    "settle": "SELECT test.move('{T}', 1, 'stay', '', '[]', NULL, NULL, NULL, '{CALL}')",
    "hold": "SELECT test.move('{T}', 1, 'stay', '', '[]', NULL, NULL, '[{{\"move\":1,\"id\":\"{H2}\",\"path\":\"b\",\"amount_pusd\":1,\"expires_ms\":1}}]')",
    "takeover": "SELECT agentd.sweep_expired_workers('{{}}')",
    "heartbeat": "SELECT lost FROM agentd.heartbeat('{W}')",
    "leave": "SELECT agentd.worker_leave('{W}')",
    "cancel running": "SELECT agentd.cancel('{T}', '', true) IS NOT NULL",
    "cancel ready": "SELECT agentd.cancel('{R}', '', true) IS NOT NULL",
    "deadlines": "SELECT agentd.sweep_deadlines('{{}}')",
    "timers": "SELECT agentd.sweep_due_timers('{{}}')",
    "holds": "SELECT agentd.sweep_expired_holds('{{}}')",
    "submit": "SELECT agentd.submit('noop', idempotency_key => '{K}', id => '{N}')",
}
CALL = ('[{{"move":1,"id":"{C}","hold":"{H}","path":"a","attempt":1,"tier":"t","provider":"p","model_asked":"m","error_class":"","http_status":200,'
        '"started_us":0,"first_byte_ms":1,"total_ms":2,"in_fresh":1,"in_cached":0,"in_write_5m":0,"in_write_1h":0,"out_text":1,"out_reason":0,'
        '"cost_pusd":1000,"cost_source":"provider"}}]')
FORBIDDEN = {
    "a running task without a claim of its fence": "SELECT q.id FROM agentd.task_queue q LEFT JOIN agentd.task_attempts a ON a.task = q.id "
        "AND a.fence = q.fence WHERE q.state = 'running' AND (a.task IS NULL OR a.ended_at IS NOT NULL)",
    "a task that is alive and over": "SELECT t.id FROM agentd.tasks t FULL JOIN agentd.task_queue q USING (id) WHERE (t.state IS NULL) = (q.id IS NULL)",
    "journal numbers with gaps": "SELECT l.task FROM agentd.task_log l JOIN agentd.tasks t ON t.id = l.task LEFT JOIN agentd.task_queue q ON q.id = t.id "
        "GROUP BY l.task, t.last_seq, q.seq HAVING max(l.seq) <> count(*) OR max(l.seq) <> coalesce(t.last_seq, q.seq)",
    "held money that no open hold explains": "SELECT q.id FROM agentd.task_queue q WHERE held_usd <> (SELECT coalesce(sum(amount_usd), 0) "
        "FROM agentd.spend_hold h WHERE h.task = q.id AND settled_at IS NULL)",
    "spent money that no hold explains": "SELECT q.id FROM agentd.task_queue q WHERE spent_usd <> (SELECT coalesce(sum(settled_usd), 0) "
        "FROM agentd.spend_hold h WHERE h.task = q.id)",
    "two tasks of one key": "SELECT k.task FROM agentd.idempotency_keys k LEFT JOIN agentd.tasks t ON t.id = k.task WHERE t.id IS NULL",
}


def prepare():
    ids = dict(zip("TRHCNMX", watch.ask("SELECT agentd.uuid_new() FROM generate_series(1, 7)")))
    ids["H2"], ids["K"] = ids.pop("X"), ids["N"]
    for table in ("task_queue", "workers", "tasks", "task_log", "task_attempts", "spend_hold", "idempotency_keys"):
        watch.ask("DELETE FROM agentd." + table)
    watch.ask(f"SELECT agentd.worker_register('{W}', 'h', 1, '{{default}}', 30000, 1), agentd.submit('noop', id => '{ids['T']}')")
    watch.ask(f"SELECT task FROM agentd.claim('{W}', 1)")
    watch.ask(f"SELECT test.move('{ids['T']}', 1, 'stay', '', '[[\"first\", 1, \"done\", 1]]', NULL, NULL, "
              f"'[{{\"move\":1,\"id\":\"{ids['H']}\",\"path\":\"a\",\"amount_pusd\":5000,\"expires_ms\":1}}]')")
    watch.ask(f"SELECT agentd.submit('noop', id => '{ids['R']}', deadline => clock_timestamp() + interval '1 ms')")
    watch.ask("UPDATE agentd.workers SET lease_until = clock_timestamp() - interval '1 s'; SELECT pg_sleep(0.003)")
    return ids


def text_of(name, ids, session):
    values = dict(ids, W=W, S=session, CALL=CALL.format(**ids))
    if name == "submit" and session == 2:
        values["N"] = ids["M"]      # another id, the same key
    return OPERATIONS[name].format(**values)


def is_over(session):
    return bool(select.select([session.p.stdout], [], [], 0.001)[0])


def waits(session):
    return watch.ask(f"SELECT count(*) FROM pg_stat_activity WHERE pid = {session.pid} AND wait_event_type = 'Lock'")[0] != "0"


def main():
    bad = n = blocked = 0
    for first, second, end in itertools.product(OPERATIONS, OPERATIONS, ("COMMIT", "ROLLBACK")):
        ids = prepare()
        n += 1
        out_a = a.ask("BEGIN; " + text_of(first, ids, 1))
        b.start(text_of(second, ids, 2))
        while not is_over(b):
            if waits(b):
                blocked += 1
                break
        out_a += a.ask(end)
        out_b = b.finish()
        wrong = [x for x in out_a + out_b if "ERROR" in x and not ("AG409" in x or "AG410" in x or "AG404" in x)]
        wrong += [what for what, query in FORBIDDEN.items() if watch.ask(query)]
        if wrong:
            bad += 1
            print(f"# {first} ({end}) then {second}: {wrong}; first {out_a}, second {out_b}")
    print(f"# {n} interleavings, {blocked} of them had to wait, {bad} wrong")
    return bad > 0


sys.exit(main())
