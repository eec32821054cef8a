"""Clients that ask, beside many connections that are kept and idle: prints "ok NAME" or "not ok NAME<tab>WHY", and "# figure NAME VALUE UNIT".

idle.py hold SOCKET TOKENS IDLE ACTIVE RATE SECONDS    (TOKENS: a file of "NAME TOKEN" lines, with "full")

ACTIVE connections send RATE requests a second by turns, evenly; a time is from when a request was due to its answer.
"""
import resource
import selectors
import sys
import time

import client
from client import check

PATH, TOKENS = sys.argv[2], client.tokens(sys.argv[3])
IDLE, ACTIVE, RATE, SECONDS = (int(a) for a in sys.argv[4:8])
ASK = client.request_bytes("GET", "/tasks?limit=1", TOKENS["full"])


def ask_by_turns():
    """The times of all answers, in ms, sorted; and answers that are wrong."""
    select, times, wrong = selectors.DefaultSelector(), [], []
    active = [client.Connection(PATH) for _ in range(ACTIVE)]
    for c in active:
        select.register(c.sock, selectors.EVENT_READ, c)
    turn, turns, asked, begin = 0, RATE * SECONDS, {}, time.monotonic()
    while turn < turns or asked:
        at, c = begin + turn / RATE, active[turn % ACTIVE]
        can = turn < turns and c not in asked
        if can and time.monotonic() >= at:
            c.send(ASK)
            asked[c] = at
            turn += 1
            continue
        for key, _ in select.select(max(0, at - time.monotonic()) if can else 0.05):
            a = key.data.answer()
            times.append((time.monotonic() - asked.pop(key.data)) * 1000)
            if a.status != 200:
                wrong.append(a)
                turns = turn
    return sorted(times), wrong


def are_open(connections):
    select = selectors.DefaultSelector()
    for c in connections:
        select.register(c.sock, selectors.EVENT_READ)
    return len(connections) - len(select.select(0))


def main():
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    idle, refused = [], 0
    for _ in range(IDLE):
        idle.append(client.Connection(PATH))
        refused += idle[-1].ask(client.request_bytes("GET", "/healthz")).status != 200
    check(f"{IDLE} connections are served, and kept", refused == 0, refused)
    times, wrong = ask_by_turns()
    check(f"{ACTIVE} beside them are answered", len(times) == RATE * SECONDS and not wrong, (len(times), wrong[:3]))
    check("all are still open", are_open(idle) == IDLE, are_open(idle))
    for name, value, unit in (("requests", len(times), "requests"), ("p50_ms", times[len(times) // 2], "ms"),
                              ("p99_ms", times[len(times) * 99 // 100], "ms"), ("slowest_ms", times[-1], "ms")):
        print(f"# figure {name} {value:.1f} {unit}", flush=True)


main()
