"""clients.py - submitters: each task is sent until it is answered 202, always with the same Idempotency-Key.

clients.py NAME TOKEN JOURNAL BAD PARALLEL SOCKET...
Standard input: one JSON object per line, {"flow", "count", "input"}: so many more tasks with input {"n": running number} and
this. At its end the process answers what is left and ends. An answer counts only when its line KEY<tab>TASK is in JOURNAL and on
disk. Answers that nobody may give (anything but 202, 409, 429, 503) go to BAD, and their tasks are given up.
The last line of standard output is {"acknowledged", "tries", "replayed", "slowest_ms"}.
"""
import json
import os
import queue
import sys
import threading
import time

import client

NAME, TOKEN, JOURNAL, BAD, PARALLEL = sys.argv[1:6]
SOCKETS = sys.argv[6:]


class Journal:
    """Lines of all threads, made durable together by whoever comes first."""

    def __init__(self, path):
        self.fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        self.lock, self.done = threading.Lock(), threading.Condition()
        self.waiting, self.turn, self.written = [], 0, 0

    def add(self, line):
        with self.done:
            self.waiting.append(line)
            self.turn += 1
            mine = self.turn
        with self.lock:
            with self.done:
                if self.written >= mine:
                    return
                lines, upto, self.waiting = self.waiting, self.turn, []
            os.write(self.fd, "".join(lines).encode())
            os.fsync(self.fd)
            with self.done:
                self.written = upto


class Connection:
    """Goes on at the next socket whenever one closes or fails."""

    def __init__(self, number):
        self.at, self.open = number % len(SOCKETS), None

    def close(self):
        if self.open:
            self.open.close()
        self.open, self.at = None, (self.at + 1) % len(SOCKETS)

    def ask(self, data):
        if not self.open:
            self.open = client.Connection(SOCKETS[self.at], 20)
        answer = self.open.ask(data)
        if answer.closed:
            self.close()
        return answer


stats = {"acknowledged": 0, "tries": 0, "replayed": 0, "slowest_ms": 0}
stats_lock = threading.Lock()


def submit(connection, journal, n, flow, more):
    key = f"{NAME}-{n}"
    data = client.request_bytes("POST", "/tasks", TOKEN, {"workflow": flow, "input": {"n": n, **more}}, [f"Idempotency-Key: {key}"])
    began, tries = time.monotonic(), 0
    while True:
        tries += 1
        try:
            answer = connection.ask(data)
        except (OSError, ValueError, IndexError):
            connection.close()
            answer = client.Answer(0, {}, b"", True)
        if answer.status == 202:
            break
        if answer.status not in (0, 409, 429, 503):
            with open(BAD, "a") as f:
                f.write(f"{key}: {answer.status} {answer.body!r}\n")
            return
        time.sleep(0.01 if tries < 20 else 0.05)
    journal.add(f"{key}\t{answer.json()['id']}\n")
    with stats_lock:
        stats["acknowledged"] += 1
        stats["tries"] += tries
        stats["replayed"] += "idempotency-replayed" in answer.headers
        stats["slowest_ms"] = max(stats["slowest_ms"], round((time.monotonic() - began) * 1000))


def work(number, jobs, journal):
    connection = Connection(number)
    while (job := jobs.get()) is not None:
        submit(connection, journal, *job)


def main():
    jobs, journal = queue.Queue(), Journal(JOURNAL)
    threads = [threading.Thread(target=work, args=(i, jobs, journal)) for i in range(int(PARALLEL))]
    for t in threads:
        t.start()
    n = 0
    for line in sys.stdin:
        order = json.loads(line)
        for _ in range(order["count"]):
            jobs.put((n, order["flow"], order["input"]))
            n += 1
    for _ in threads:
        jobs.put(None)
    for t in threads:
        t.join()
    print(json.dumps(stats), flush=True)


if __name__ == "__main__":
    main()
