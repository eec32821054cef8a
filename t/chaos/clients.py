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
import socket
import sys
import threading
import time

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
    def __init__(self, number):
        self.at, self.sock, self.buffer = number % len(SOCKETS), None, b""

    def close(self):
        if self.sock:
            self.sock.close()
        self.sock, self.buffer, self.at = None, b"", (self.at + 1) % len(SOCKETS)

    def ask(self, data):
        if not self.sock:
            self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.sock.settimeout(20)
            self.sock.connect(SOCKETS[self.at])
        self.sock.sendall(data)
        while b"\r\n\r\n" not in self.buffer:
            self.more()
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        low = head.lower()
        length = int(low.split(b"content-length:")[1].split(b"\r\n")[0]) if b"content-length:" in low else 0
        while len(self.buffer) < length:
            self.more()
        body, self.buffer = self.buffer[:length], self.buffer[length:]
        if b"connection: close" in low:
            self.close()
        return int(head.split(b" ", 2)[1]), body, b"idempotency-replayed: true" in low

    def more(self):
        piece = self.sock.recv(65536)
        if not piece:
            raise ConnectionError("closed")
        self.buffer += piece


stats = {"acknowledged": 0, "tries": 0, "replayed": 0, "slowest_ms": 0}
stats_lock = threading.Lock()


def submit(connection, journal, n, flow, more):
    key = f"{NAME}-{n}"
    body = json.dumps({"workflow": flow, "input": {"n": n, **more}}).encode()
    data = (f"POST /tasks HTTP/1.1\r\nHost: agentd\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\n"
            f"Idempotency-Key: {key}\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body
    began, tries = time.monotonic(), 0
    while True:
        tries += 1
        try:
            status, answer, replayed = connection.ask(data)
        except (OSError, ValueError, IndexError):
            connection.close()
            status = 0
        if status == 202:
            break
        if status not in (0, 409, 429, 503):
            with open(BAD, "a") as f:
                f.write(f"{key}: {status} {answer!r}\n")
            return
        time.sleep(0.01 if tries < 20 else 0.05)
    journal.add(f"{key}\t{json.loads(answer)['id']}\n")
    with stats_lock:
        stats["acknowledged"] += 1
        stats["tries"] += tries
        stats["replayed"] += replayed
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
