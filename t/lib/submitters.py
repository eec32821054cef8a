"""Clients that submit over HTTP until a file appears; each answer 202 is appended to a file as KEY<tab>TASK.

submitters.py SOCKET TOKEN WORKFLOW CLIENTS ACKNOWLEDGED STOP
A submission that was not answered 202 is repeated with the same key, on a new connection where the old one died.
"""
import http.client
import json
import os
import socket
import sys
import threading
import time


class Connection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("agentd", timeout=15)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def submit(connection, token, workflow, key, n):
    connection.request("POST", "/tasks", json.dumps({"workflow": workflow, "input": {"n": n}}), {
        "Authorization": "Bearer " + token, "Content-Type": "application/json", "Idempotency-Key": key})
    answer = connection.getresponse()
    body = answer.read()
    return answer.status, body


def client(number, out, lock, failures, path, token, workflow, stop):
    connection = Connection(path)
    n = 0
    while not os.path.exists(stop):
        key = f"client-{number}-{n}"
        until = time.monotonic() + 60
        while True:
            try:
                status, body = submit(connection, token, workflow, key, n)
            except (OSError, http.client.HTTPException):
                connection.close()
                status = 0
            if status == 202:
                with lock:
                    out.write(f"{key}\t{json.loads(body)['id']}\n")
                    out.flush()
                break
            if status not in (0, 409, 503):
                failures.append(f"{key}: {status} {body!r}")
                return
            if time.monotonic() > until:
                failures.append(f"{key}: no answer for 60 s, last status {status}")
                return
            time.sleep(0.02)
        n += 1


def main():
    path, token, workflow, clients, acknowledged, stop = sys.argv[1:]
    failures, lock = [], threading.Lock()
    with open(acknowledged, "w") as out:
        threads = [threading.Thread(target=client, args=(i, out, lock, failures, path, token, workflow, stop))
                   for i in range(int(clients))]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
    for failure in failures:
        print(failure)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
