"""Raw requests that must not be taken for what they are not: prints "ok NAME" or "not ok NAME<tab>WHY" per case.

http_corpus.py all SOCKET TOKENS    (TOKENS: a file of "NAME TOKEN" lines, with "full"; the limits of time are 1 s)

Behind each case stands one more request, which cancels a task. Where the case is refused, nothing behind it may be read: that request has
a token. The forms that libmicrohttpd takes without our seeing them may be taken, but what they hide has no token of its own and must
not be acted on. An answer 0 is a connection that was closed without one: libmicrohttpd does that to what it cannot parse.
"""
import json
import socket
import sys
import time

import client
from client import check

PATH, TOKENS = sys.argv[2], client.tokens(sys.argv[3])
AUTH = "Authorization: Bearer " + TOKENS["full"]
HELLO = json.dumps({"workflow": "hello", "input": {"who": "Ada"}})
GET = f"GET /tasks HTTP/1.1\r\nHost: a\r\n{AUTH}\r\n"
POST = f"POST /tasks HTTP/1.1\r\nHost: a\r\n{AUTH}\r\nContent-Type: application/json\r\n"
LENGTH = f"Content-Length: {len(HELLO)}\r\n"
CHUNKED = "Transfer-Encoding: chunked\r\n"
CHUNKS = f"{len(HELLO):x}\r\n{HELLO}\r\n0\r\n\r\n"
NO = (0, 400)


def refused():
    """(name, bytes, answers that are right): the first is the only one."""
    yield "Content-Length with Transfer-Encoding", POST + LENGTH + CHUNKED + "\r\n" + CHUNKS, NO
    yield "Transfer-Encoding with Content-Length", POST + CHUNKED + LENGTH + "\r\n" + CHUNKS, NO
    yield "two Content-Length", POST + LENGTH + LENGTH + "\r\n" + HELLO, NO
    yield "two Content-Length that differ", POST + LENGTH + "Content-Length: 5\r\n\r\n" + HELLO, NO
    for value in ["+5", "-1", "0x10", "5 5", "99999999999999999999999", "", "5,5", "5.0", "1e1", " 5\t5"]:
        yield f"Content-Length: {value!r}", POST + f"Content-Length: {value}\r\n\r\n{{}}   ", (0, 400, 413)
    yield "a Content-Length over the cap", POST + "Content-Length: 100000000\r\n\r\n", (413,)
    for value in ["gzip", "gzip, chunked", "chunked, chunked", "chunked, gzip", "identity", "xchunked", "chunked;a=b", "", "\x0bchunked"]:
        yield f"Transfer-Encoding: {value!r}", POST + f"Transfer-Encoding: {value}\r\n\r\n0\r\n\r\n", NO
    yield "two Transfer-Encoding", POST + CHUNKED + CHUNKED + "\r\n" + CHUNKS, NO
    yield "Transfer-Encoding in HTTP/1.0", POST.replace("HTTP/1.1", "HTTP/1.0") + CHUNKED + "\r\n" + CHUNKS, NO
    for size in ["0x5", "-5", "+5", "g", "fffffffffffffffff", "", " 5", "5 5"]:
        yield f"a chunk of {size!r} bytes", POST + CHUNKED + f"\r\n{size}\r\nhello\r\n0\r\n\r\n", (0, 400, 413)
    yield "a chunk that is longer than it says", POST + CHUNKED + f"\r\n3\r\n{HELLO}\r\n0\r\n\r\n", NO
    yield "two Host", GET + "Host: b\r\n\r\n", NO
    yield "no Host in HTTP/1.1", f"GET /tasks HTTP/1.1\r\n{AUTH}\r\n\r\n", NO
    yield "two Authorization", GET + AUTH + "\r\n\r\n", NO
    yield "two Content-Type", POST + "Content-Type: application/json\r\n" + LENGTH + "\r\n" + HELLO, NO
    yield "two Idempotency-Key", POST + "Idempotency-Key: a\r\nIdempotency-Key: a\r\n" + LENGTH + "\r\n" + HELLO, NO
    for name in ["X(y)", "X/y", "X y", '"X"', "X\x80", "X\x01", "X\x7f", "X@y"]:
        yield f"a header called {name!r}", GET + name + ": 1\r\n\r\n", NO
    yield "a space before the colon", GET + "X-Y : 1\r\n\r\n", NO
    yield "Transfer-Encoding with a space before the colon", POST + "Transfer-Encoding : chunked\r\n" + LENGTH + "\r\n" + HELLO, NO
    yield "a header without a colon", GET + "X-Y\r\n\r\n", NO
    for byte in "\x01\x08\x0b\x0c\x1b\x7f":
        yield f"{byte!r} in a value", GET + f"X-Y: a{byte}b\r\n\r\n", NO
    yield "a bare CR in a value", GET + "X-Y: a\rb\r\n\r\n", NO
    for target in ["/tasks/%00", "/tasks%2f..", "/tasks%5c", "/a/../tasks", "/a/./tasks", "/..", "/%2e%2e/tasks", "/.", "/tasks/.%2E", "/tasks/%2E", "/tasks/..?x=1", "/tasks/%2e%2e/x", "//tasks", "/tasks\\x",
                   "/t\xe4sks", "tasks", "*", "http://a/tasks", "/tasks#x", "/tasks?a#b", "/%zz", "/%", "/tasks\x01", "/tasks\x7f", "/" + "a" * 3000]:
        yield f"target {target[:20]!r}", f"GET {target} HTTP/1.1\r\nHost: a\r\n{AUTH}\r\n\r\n", NO
    for version in ["HTTP/2.0", "HTTP/1.2", "HTTP/0.9", "HTTP/1.1x", "HTTP/11", "http/1.1", "XTTP/1.1", "HTTP/1.1 x", ""]:
        yield f"version {version!r}", f"GET /tasks {version}\r\nHost: a\r\n{AUTH}\r\n\r\n", (0, 400, 505)
    yield "a line that is no request", "\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", NO
    yield "HTTP/2's greeting", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", (0, 400, 505)
    yield "many headers", GET + "".join(f"X-{i}: {'y' * 500}\r\n" for i in range(100)) + "\r\n", (0, 400, 413, 431)
    yield "one long header", GET + f"X-Y: {'y' * 70000}\r\n\r\n", (0, 400, 413, 431)
    yield "no token", "GET /tasks HTTP/1.1\r\nHost: a\r\n\r\n", (401,)
    yield "no token, with a body", f"POST /tasks HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n{LENGTH}\r\n{HELLO}", (401,)
    yield "no token, with chunks", f"POST /tasks HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n{CHUNKED}\r\n{CHUNKS}", (401,)
    yield "CORS", "OPTIONS /tasks HTTP/1.1\r\nHost: a\r\nOrigin: http://evil\r\nAccess-Control-Request-Method: POST\r\n\r\n", (401,)


def hidden():
    """(name, bytes): these libmicrohttpd shows as if they were well formed."""
    yield "bare LF at the ends of lines", (GET + "\r\n").replace("\r\n", "\n")
    yield "bare LF at the end of one line", GET + "X-Y: 1\n\r\n"
    yield "LF in the framing of chunks", POST + CHUNKED + "\r\n" + CHUNKS.replace("\r\n", "\n")
    yield "a folded header", GET + "X-Y: a\r\n b\r\n\r\n"
    yield "a folded Transfer-Encoding", POST + "Transfer-Encoding:\r\n chunked\r\n" + LENGTH + "\r\n" + HELLO
    yield "a NUL in a value", GET + "X-Y: a\0b\r\n\r\n"
    yield "a NUL in a target", f"GET /tasks\0/x HTTP/1.1\r\nHost: a\r\n{AUTH}\r\n\r\n"
    yield "a NUL in a method", f"GET\0 /tasks HTTP/1.1\r\nHost: a\r\n{AUTH}\r\n\r\n"
    yield "an extension of a chunk", POST + CHUNKED + f"\r\n{len(HELLO):x};a=b\r\n{HELLO}\r\n0\r\n\r\n"
    yield "a header without a name", GET + ": 1\r\n\r\n"
    yield "a trailer", POST + CHUNKED + f"\r\n{len(HELLO):x}\r\n{HELLO}\r\n0\r\n{AUTH}\r\nContent-Length: 100\r\n\r\n"
    yield "empty lines before a request", "\r\n\r\n" + GET + "\r\n"
    yield "no body, but bytes behind", POST + "Content-Length: 0\r\n\r\n"
    yield "two requests at once", GET + "\r\n"
    yield "a body that ends early", POST + f"Content-Length: {len(HELLO) + 400}\r\n\r\n{HELLO}"
    yield "chunks that end early", POST + CHUNKED + f"\r\nfff\r\n{HELLO}"


def taken():
    """(name, bytes, the answer)."""
    yield "a plain request", GET + "Connection: close\r\n\r\n", 200
    yield "HTTP/1.0", f"GET /tasks HTTP/1.0\r\n{AUTH}\r\n\r\n", 200
    yield "chunks", POST + "Connection: close\r\n" + CHUNKED + "\r\n" + CHUNKS, 202
    yield "chunks in capitals", POST + "Connection: close\r\nTransfer-Encoding: Chunked\r\n\r\n" + CHUNKS, 202
    yield "a header's name in capitals", GET.replace("Authorization", "AUTHORIZATION") + "Connection: close\r\n\r\n", 200
    yield "Upgrade to HTTP/2", GET + "Connection: close, Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n", 200
    yield "a body where none is taken", GET + "Connection: close\r\nContent-Length: 2\r\n\r\n{}", 400
    yield "Expect: 100-continue", POST + "Connection: close\r\nExpect: 100-continue\r\n" + LENGTH + "\r\n", 100


def answers(data):
    """All answers up to the end of the connection; the last has status 0, or -1 where it did not end."""
    c = client.Connection(PATH, 10)
    c.send(data if isinstance(data, bytes) else data.encode("latin-1"))
    got = []
    try:
        while not got or got[-1].status:
            got.append(c.answer())
    except socket.timeout:
        got.append(client.Answer(-1, {}, bytes(c.buffer), False))
    c.close()
    return got


def full(method, target, body=None):
    return client.raw(PATH, client.request_bytes(method, target, TOKENS["full"], body))


class Victim:
    """A task that waits, and a new one when somebody has cancelled it."""

    def __init__(self):
        self.renew()

    def renew(self):
        self.task = full("POST", "/tasks", {"workflow": "long"}).json()["id"]
        until = time.monotonic() + 10
        while not self.waits() and time.monotonic() < until:
            time.sleep(0.02)

    def waits(self):
        return full("GET", f"/tasks/{self.task}").json()["state"] == "waiting_timer"

    def cancel(self, token):
        return f"POST /tasks/{self.task}/cancel HTTP/1.1\r\nHost: a\r\n" + (AUTH + "\r\n\r\n" if token else "\r\n")

    def survives(self):
        survived = self.waits()
        if not survived:
            self.renew()
        return survived


def main():
    victim, cases = Victim(), 0
    for name, data, want in refused():
        got = answers(data + victim.cancel(True))
        check(f"refused: {name}", victim.survives() and len(got) <= 2 and got[0].status in want and got[-1].status == 0
              and "access-control-allow-origin" not in got[0].headers, got)
        cases += 1
    for name, data in hidden():
        got = answers(data + victim.cancel(False))
        check(f"hides nothing: {name}", victim.survives() and got[-1].status == 0 and sum(200 <= a.status < 300 for a in got) <= 1
              and all(a.status < 500 for a in got), got)
        cases += 1
    for name, data, want in taken():
        got = answers(data)
        check(f"taken: {name}", got[0].status == want, got)
        cases += 1
    got = answers(GET + "\r\n" + victim.cancel(True).replace("Host: a", "Host: a\r\nConnection: close"))
    check("what stood behind the cases would have been acted on", [a.status for a in got] == [200, 200, 0] and not victim.waits(), got)
    check("there are 60 cases", cases >= 60, cases)
    print(f"# figure cases {cases}", flush=True)


main()
