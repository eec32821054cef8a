"""Readers of event streams on agentd's Unix socket; prints "ok NAME" or "not ok NAME<tab>WHY" per check.

events.py GROUP SOCKET TOKENS [ARG...]    (TOKENS: a file of "NAME TOKEN" lines)
"""
import json
import os
import re
import resource
import selectors
import socket
import subprocess
import sys
import time

import client
from client import check, skip

GROUP, PATH, TOKENS = sys.argv[1], sys.argv[2], client.tokens(sys.argv[3])
ARGS = sys.argv[4:]


class Stream:
    """One open stream: its head, its events as they come."""

    def __init__(self, target, token="full", last=None, rcvbuf=None, wait=10):
        self.s = client.connect(PATH, wait, rcvbuf)
        self.s.sendall(client.request_bytes("GET", target, TOKENS[token], headers=[] if last is None else [f"Last-Event-ID: {last}"]))
        self.status, self.headers, self.events, self.comments, self.last = 0, {}, [], 0, last
        self.raw, self.text, self.ended, self.cut, self.retry = b"", b"", False, False, None

    def head(self):
        while not self.status and self.more():
            pass
        return self

    def more(self):
        """Reads once; False at the end of the connection or the stream."""
        try:
            piece = self.s.recv(1 << 20)
        except ConnectionError:
            piece = b""
        self.take(piece)
        return not (self.ended or self.cut)

    def take(self, piece):
        if not piece:
            self.cut = not self.ended
            return
        self.raw += piece
        if not self.status:
            if b"\r\n\r\n" not in self.raw:
                return
            head, _, self.raw = self.raw.partition(b"\r\n\r\n")
            self.status, self.headers = client.parse_head(head)
            if self.headers.get("transfer-encoding") != "chunked":
                self.ended = True
                return
        self.chunks()

    def chunks(self):
        while True:
            size, found, rest = self.raw.partition(b"\r\n")
            if not found:
                break
            n = int(size, 16)
            if len(rest) < n + 2:
                break
            self.text += rest[:n]
            assert rest[n:n + 2] == b"\r\n"
            self.raw = rest[n + 2:]
            if n == 0:
                self.ended = True
                break
        while b"\n\n" in self.text:
            block, _, self.text = self.text.partition(b"\n\n")
            self.block(block.decode())

    def block(self, text):
        fields = {}
        for line in text.split("\n"):
            name, _, value = line.partition(": ")
            if name in fields:
                raise ValueError("twice: " + line)
            if line.startswith(":"):
                self.comments += 1
            else:
                fields[name] = value
        if "retry" in fields:
            self.retry = int(fields["retry"])
        if "id" in fields:
            self.last = fields["id"]
        if "data" in fields:
            data = json.loads(fields["data"])
            assert data["kind"] == fields["event"], text
            self.events.append((fields["id"], fields["event"], data))

    def until(self, fits, seconds=10):
        end = time.monotonic() + seconds
        while not fits(self):
            if time.monotonic() > end or not self.more():
                return fits(self)
        return True

    def all(self, seconds=20):
        self.until(lambda s: s.ended, seconds)
        self.close()
        return self

    def ids(self):
        return [e[0] for e in self.events]

    def kinds(self):
        return [e[1] for e in self.events]

    def close(self):
        self.s.close()


def request(method, target, token="full", body=None):
    answer = client.raw(PATH, client.request_bytes(method, target, TOKENS[token], body))
    return answer.status, answer.json() if answer.body else None


def submit(workflow, token="full", **input):
    status, body = request("POST", "/tasks", token, {"workflow": workflow, "input": input})
    assert status == 202, (status, body)
    return body["id"]


def wait_state(task, state, token="full"):
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if request("GET", f"/tasks/{task}", token)[1]["state"] == state:
            return True
        time.sleep(0.05)
    return False


def events_of(task, **more):
    return Stream(f"/tasks/{task}/events", **more)


def rss_kib(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{pid}/status").read()).group(1))


def in_own_order(events):
    """In the stream of all a claim that began to write before the submission it found stands before it."""
    return sorted(events, key=lambda e: [int(part) for part in e["id"].split(".")])


def keeps_what_was_freed(pid):
    """AddressSanitizer holds freed memory back, so that its size says nothing of what is kept."""
    return "libasan" in open(f"/proc/{pid}/maps").read()


def open_fds(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def connections(pid):
    """Connections of that process to its listening socket: Unix sockets in /proc/net/unix that have its path and are connected."""
    return sum(1 for line in open("/proc/net/unix") if line.rstrip().endswith(PATH) and line.split()[5] == "03")


# --- groups ---
def group_resume():
    task = submit("life")
    live = events_of(task).head()
    check("a stream begins: 200", live.status == 200 and live.headers.get("content-type") == "text/event-stream"
          and live.headers.get("cache-control") == "no-store", f"{live.status} {live.headers}")
    live.all()
    check("it ends with the task", live.ended and live.kinds()[-1:] == ["finished"], live.kinds())
    check("it says when to come again", live.retry == 2000, live.retry)
    kinds = live.kinds()
    check("the life of the task", kinds[:2] == ["submitted", "claimed"] and "state.changed" in kinds and kinds.count("claimed") == 2, kinds)
    results = [e[2]["path"] for e in live.events if e[1] == "step.succeeded"]
    check("each step's result appears once", sorted(results) == sorted(set(results)) and "last" in results, results)
    check("the data names place, time and task", all(e[2]["id"] == e[0] and e[2]["task"] == task and e[2]["at"].endswith("Z") for e in live.events))
    again = events_of(task).all()
    check("read again it is the same", again.events == live.events)
    bad = []
    for i, (id, _, _) in enumerate(live.events[:-1]):
        for s in (events_of(task, last=id), Stream(f"/tasks/{task}/events?after={id}")):
            if s.all().events != live.events[i + 1:] or not s.ended:
                bad.append(id)
    check(f"behind each of {len(live.events)} ids is exactly the rest", not bad and len(live.events) > 15, bad)
    s = events_of(task, last=live.events[-1][0]).head()
    check("behind the last one: 204", s.status == 204, s.status)
    s = Stream(f"/tasks/{task}/events?after=0", last=live.events[-2][0]).all()
    check("the header goes before the parameter", s.ids() == live.ids()[-1:], s.ids())
    s = Stream(f"/tasks/{task}/events?kind=finished").all()
    check("one kind", s.kinds() == ["finished"], s.kinds())
    for target, last, want in ((f"/tasks/{task}/events", "x", 400), (f"/tasks/{task}/events?after=1.2.3", None, 400),
                               (f"/tasks/{task}/events?from=1", None, 400), ("/events?after=12", None, 400), ("/events", "1.1.1", 410),
                               ("/events?after=999999999.1.1", None, 410), ("/events?state=x", None, 400),
                               ("/tasks/01936f00-0000-7000-8000-000000000000/events", None, 404), ("/tasks/x/events", None, 404)):
        s = Stream(target, last=last).head()
        check(f"{target.replace(task, 'ID')} {last or ''}: {want}", s.status == want, s.status)


def group_access():
    task = submit("hello", "ann")
    wait_state(task, "succeeded", "ann")
    check("its submitter", events_of(task, token="ann").all().kinds()[-1:] == ["finished"])
    check("an admin", events_of(task, token="full").all().kinds()[-1:] == ["finished"])
    check("somebody else: 404", events_of(task, token="bob").head().status == 404)
    check("no scope: 403", events_of(task, token="submitter").head().status == 403)
    check("no scope for all: 403", Stream("/events", token="submitter").head().status == 403)
    ann, bob, full = (Stream("/events", token=t).head() for t in ("ann", "bob", "full"))
    flow = Stream("/events?workflow=hello&kind=finished").head()
    mine, theirs, other = submit("hello", "ann"), submit("hello", "bob"), submit("nap", "bob")
    for s in (ann, bob, full):
        s.until(lambda s: s.kinds().count("finished") >= {ann: 1, bob: 2, full: 3}[s])
    flow.until(lambda s: len(s.events) == 2)
    check("all: each sees its own", {e[2]["task"] for e in ann.events} == {mine} and {e[2]["task"] for e in bob.events} == {theirs, other})
    check("all: an admin sees all", {e[2]["task"] for e in full.events} == {mine, theirs, other})
    check("all: of one workflow and kind", sorted(e[2]["task"] for e in flow.events) == sorted([mine, theirs]) and set(flow.kinds()) == {"finished"},
          flow.events)
    check("all: a task's events are those of its own stream",
          (seen := in_own_order(e[2] for e in full.events if e[2]["task"] == other))
          == (own := in_own_order(e[2] for e in events_of(other).all().events)), f"{seen} and {own}")
    bad = []
    for i, (id, _, _) in enumerate(full.events):
        s = Stream("/events", last=id).head()
        s.until(lambda s: len(s.events) >= len(full.events) - i - 1)
        if s.events != full.events[i + 1:]:
            bad.append(id)
        s.close()
    check(f"all: behind each of {len(full.events)} ids is exactly the rest", not bad and len(full.events) > 10, bad)
    for s in (ann, bob, full, flow):
        s.close()
    # revoked while it reads
    task = submit("long", "gone")
    s = events_of(task, token="gone").head()
    s.until(lambda s: "step.waiting" in s.kinds())
    subprocess.run(ARGS[1:] + ["token", "revoke", "gone"], check=True, stdout=subprocess.DEVNULL)
    began = time.monotonic()
    s.until(lambda s: s.ended, 10)
    check("a revoked token reads on for at most 5 s", s.ended and time.monotonic() - began < 5.5, time.monotonic() - began)


def group_slow():
    """A client that takes nothing is paused, then cut; others do not notice."""
    pid = int(ARGS[0])
    task = submit("bulk")
    wait_state(task, "succeeded")
    whole = events_of(task).all(60)
    size = sum(len(json.dumps(e[2])) for e in whole.events)
    check("there is much to read", size > 20 << 20, size)
    before = rss_kib(pid)
    slow = [events_of(task, rcvbuf=4096) for _ in range(20)]
    end = time.monotonic() + 2
    while time.monotonic() < end:
        fast = events_of(task).all(60)
        assert fast.ended
    grown = rss_kib(pid) - before
    if keeps_what_was_freed(pid):
        skip("20 that read nothing cost little", "AddressSanitizer keeps what was freed")
    else:
        check("20 that read nothing cost little", grown < 40 * 1024, f"{grown} KiB more")
    check("others read on meanwhile", fast.ids() == whole.ids())
    reader = slow.pop()
    reader.s.settimeout(30)
    reader.all(60)
    check("one that reads after a while gets all", reader.ended and reader.events == whole.events, f"{len(reader.events)} of {len(whole.events)}")
    end = time.monotonic() + 20
    while connections(pid) > 1 and time.monotonic() < end:
        time.sleep(0.1)
    check("those that never read are cut", connections(pid) <= 1, connections(pid))
    for s in slow:
        s.close()


def group_vanish():
    pid = int(ARGS[0])
    task = submit("long")
    wait_state(task, "waiting_timer")
    idle = events_of("01936f00-0000-7000-8000-000000000000").head()     # answered 404, and kept
    fds = open_fds(pid)
    streams = [events_of(task).head() for _ in range(50)] + [Stream("/events").head() for _ in range(50)]
    check("100 streams are open", idle.status == 404 and open_fds(pid) >= fds + 99, open_fds(pid) - fds)
    for i, s in enumerate(streams):
        if i % 2:
            s.s.shutdown(socket.SHUT_RDWR)
        s.close()
    end = time.monotonic() + 10
    while open_fds(pid) > fds and time.monotonic() < end:
        time.sleep(0.05)
    check("clients that go away while nothing happens free everything", open_fds(pid) <= fds, open_fds(pid) - fds)
    room = [events_of(task).head() for _ in range(int(ARGS[1]))]
    check("as many as may be", all(s.status == 200 for s in room), [s.status for s in room])
    over = events_of(task).head()
    check("one more: 503, come again", over.status == 503 and int(over.headers.get("retry-after", 0)) > 0, f"{over.status} {over.headers}")
    room.pop().close()
    end = time.monotonic() + 10
    while time.monotonic() < end:
        s = events_of(task).head()
        if s.status == 200:
            break
        time.sleep(0.05)
    check("when one goes there is room", s.status == 200, s.status)
    for s in room + [s]:
        s.close()
    end = time.monotonic() + 10
    while open_fds(pid) > fds + 1 and time.monotonic() < end:
        time.sleep(0.05)
    check("all are gone, though an older connection is idle", open_fds(pid) <= fds + 1, open_fds(pid) - fds)
    over.close()
    while open_fds(pid) > fds and time.monotonic() < end:
        time.sleep(0.05)
    check("and that one", open_fds(pid) <= fds, open_fds(pid) - fds)


def group_many():
    """Streams on one task, on tasks of their own, and on all; each event reaches each of them."""
    pid, n = int(ARGS[0]), int(ARGS[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),) * 2)
    one = submit("late")
    tasks = [submit("late") for _ in range(20)]
    for t in [one] + tasks:
        wait_state(t, "running")
    before = rss_kib(pid)
    streams = [events_of([one, tasks[i % 20]][i % 2]).head() for i in range(n - n // 10)]
    streams += [Stream("/events?kind=finished").head() for _ in range(n // 10)]
    check(f"{n} streams", all(s.status == 200 for s in streams))
    time.sleep(0.5)
    print(f"# RSS {before} KiB before, {rss_kib(pid)} KiB with {n} streams open", flush=True)
    open(ARGS[2], "w").close()      # what their steps wait for
    select = selectors.DefaultSelector()
    for s in streams:
        s.s.setblocking(False)
        select.register(s.s, selectors.EVENT_READ, s)
    left, end = set(range(n - n // 10)), time.monotonic() + 40
    late = []
    while time.monotonic() < end and (left or any(s.kinds().count("finished") < 21 for s in streams[n - n // 10:])):
        for key, _ in select.select(0.2):
            s = key.data
            seen = len(s.events)
            try:
                s.take(s.s.recv(1 << 20))
            except BlockingIOError:
                continue
            now = time.time()
            for e in s.events[seen:]:
                if e[1] in ("step.succeeded", "finished"):
                    at = time.strptime(e[2]["at"][:19], "%Y-%m-%dT%H:%M:%S")
                    late.append(now - (__import__("calendar").timegm(at) + float("0" + e[2]["at"][19:26])))
            if s.ended or s.cut:
                select.unregister(s.s)
                left.discard(streams.index(s))
    check("every stream of a task ended with it", not left and all(s.ended for s in streams[:n - n // 10]), len(left))
    check("each saw all its events, once", all(s.ids() == events[0].ids() for t in [one] + tasks
          for events in [[x for x in streams[:n - n // 10] if x.events and x.events[0][2]["task"] == t]] for s in events))
    check("each of all saw every end", all(s.kinds() == ["finished"] * 21 for s in streams[n - n // 10:]),
          [len(s.events) for s in streams[n - n // 10:]][:5])
    late.sort()
    print(f"# {len(late)} events came after p50 {late[len(late) // 2] * 1000:.0f} ms, p99 {late[len(late) * 99 // 100] * 1000:.0f} ms;"
          f" RSS {rss_kib(pid)} KiB", flush=True)


def group_follow():
    """Follows a task, or all, as a browser does, over every break; writes what it saw to a file when a task is over."""
    target, out, started = ARGS[0], ARGS[1], ARGS[2]
    seen, last, breaks = [], None, 0
    end = time.monotonic() + 90
    while time.monotonic() < end:
        try:
            s = Stream(target, last=last, wait=20).head()
        except OSError:
            time.sleep(0.1)
            continue
        if s.status == 200:
            open(started, "a").write("x")
        elif s.status == 204:
            break
        elif s.status != 503:
            seen.append((s.status, "", {}))
            break
        while s.status == 200 and s.more():
            pass
        seen += s.events
        last, breaks = s.last, breaks + 1
        s.close()
        if seen and seen[-1][1] == "finished" and seen[-1][2]["value"]["state"] == "succeeded" and not target.startswith("/events"):
            break
        if os.path.exists(out + ".stop"):
            break
        time.sleep(0.1)
    json.dump({"breaks": breaks, "events": [[e[0], e[1], e[2].get("task")] for e in seen]}, open(out, "w"))


globals()["group_" + GROUP]()
