"""Raw HTTP requests to agentd's Unix socket; prints "ok NAME" or "not ok NAME<tab>WHY" per check.

http_checks.py GROUP SOCKET TOKENS    (TOKENS: a file of "NAME TOKEN" lines)
"""
import json
import re
import select
import socket
import sys
import time

import client
from client import check

PATH, TOKENS = sys.argv[2], client.tokens(sys.argv[3])
UNKNOWN = "01936f00-0000-7000-8000-000000000000"


def connect():
    return client.Connection(PATH)


def raw(data, timeout=15):
    return client.raw(PATH, data, timeout)


def request(method, target, token="full", body=None, headers=(), content_type="application/json", on=None):
    data = client.request_bytes(method, target, TOKENS.get(token, token), body, headers, content_type)
    return on.ask(data) if on else raw(data)


def is_problem(answer, status, word):
    if answer.status != status or answer.headers.get("content-type") != "application/problem+json":
        return False
    doc = answer.json()
    return doc["type"].endswith(word) and doc["status"] == status and doc["title"] and isinstance(doc["detail"], str)


def problem(name, answer, status, word):
    check(f"{name}: {status} {word}", is_problem(answer, status, word), repr(answer))


def status(name, answer, want):
    check(f"{name}: {want}", answer.status == want, repr(answer))


def submit(body, token="full", **more):
    return request("POST", "/tasks", token, body, **more)


HELLO = {"workflow": "hello", "input": {"who": "Ada"}}


def wait_state(task, states, seconds=10):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        doc = request("GET", "/tasks/" + task).json()
        if doc["state"] in states:
            return doc
        time.sleep(0.02)
    return doc


def routes():
    # --- health, without a token ---
    status("GET /healthz", request("GET", "/healthz", None), 200)
    status("GET /readyz", request("GET", "/readyz", None), 200)

    # --- submit ---
    a = submit(HELLO)
    status("POST /tasks", a, 202)
    doc = a.json()
    check("the answer has id, state, workflow, bundle, created_at",
          set(doc) == {"id", "state", "workflow", "bundle", "created_at"}, repr(doc))
    check("Location is the task", a.headers.get("location") == "/tasks/" + doc["id"], repr(a))
    check("answers are not sniffed, not stored",
          a.headers.get("x-content-type-options") == "nosniff" and a.headers.get("cache-control") == "no-store", repr(a))
    check("no server name and version is told", "server" not in a.headers, repr(a.headers))
    doc = wait_state(doc["id"], ["succeeded"])
    check("it runs", doc["state"] == "succeeded" and doc["output"] == {"said": "hello Ada"}, repr(doc))
    fields = {"id", "state", "workflow", "bundle", "input", "output", "error", "urgency", "labels", "cost_usd", "usage",
              "steps", "created_at", "started_at", "finished_at"}
    check("a task has its fields", fields <= set(doc), repr(fields - set(doc)))
    step = doc["steps"][0]
    check("a step has its fields", {"path", "kind", "status", "visits", "try", "started_at", "finished_at", "cost_usd",
                                    "output"} <= set(step) and step["path"] == "greet", repr(step))
    check("times are RFC 3339", re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", doc["created_at"]), doc["created_at"])
    full = {"workflow": "hello", "input": {"who": "x"}, "urgency": "low", "labels": {"team": "docs", "n": "1"},
            "run_at": "2035-01-01T00:00:00Z", "deadline": "2036-01-01T00:00:00Z",
            "budget": {"usd": "0.10", "wall": "10m", "turns": 2, "calls": 3}}
    a = submit(full)
    status("every key of a submission", a, 202)
    check("run_at in the future waits", a.json()["state"] == "waiting_timer", repr(a))
    status("cancel it", request("POST", f"/tasks/{a.json()['id']}/cancel", body=None), 200)

    # --- idempotency ---
    key = ["Idempotency-Key: key-1"]
    first, again = submit(HELLO, headers=key), submit(HELLO, headers=key)
    check("the same key and request: the same bytes", first.status == again.status == 202 and first.body == again.body, repr(again))
    check("and it says so", again.headers.get("idempotency-replayed") == "true" and "idempotency-replayed" not in first.headers)
    spelled = submit('{ "input":{"who" :"Ada"},\n"workflow":"hello"}', headers=key)
    check("another spelling of the same request too", spelled.body == first.body, repr(spelled))
    problem("the same key, another request", submit({"workflow": "hello", "input": {"who": "Eve"}}, headers=key), 422, "invalid")
    other = submit(HELLO, "ann", headers=key)
    check("keys are per principal", other.status == 202 and other.body != first.body, repr(other))
    status("a refused request", submit({"workflow": "hello", "budget": {"usd": 9}}, headers=["Idempotency-Key: key-2"]), 422)
    status("does not use up its key", submit(HELLO, headers=["Idempotency-Key: key-2"]), 202)
    problem("an empty key", submit(HELLO, headers=["Idempotency-Key: "]), 400, "malformed")
    problem("a key of 256 characters", submit(HELLO, headers=["Idempotency-Key: " + "k" * 256]), 400, "malformed")
    status("a key of 255", submit(HELLO, headers=["Idempotency-Key: " + "k" * 255]), 202)
    problem("a key with a space", submit(HELLO, headers=["Idempotency-Key: a b"]), 400, "malformed")

    # --- bodies that are refused ---
    for name, body in [("no JSON", "{"), ("trailing bytes", '{"workflow":"hello"} x'), ("an empty body", ""),
                       ("a duplicate key", '{"workflow":"hello","workflow":"nap"}'),
                       ("a duplicate key inside", '{"workflow":"hello","input":{"who":"a","who":"b"}}'),
                       ("an escaped NUL", '{"workflow":"hello","input":{"who":"a\\u0000b"}}'),
                       ("a raw NUL", b'{"workflow":"hello","input":{"who":"a\0b"}}'),
                       ("bad UTF-8", b'{"workflow":"hello","input":{"who":"\xff\xfe"}}'),
                       ("an overlong form", b'{"workflow":"hello","input":{"who":"\xc0\xaf"}}'),
                       ("a lone surrogate", '{"workflow":"hello","input":{"who":"\\ud800"}}'),
                       ("a number out of range", '{"workflow":"hello","input":{"who":"a","n":1e999}}'),
                       ("NaN", '{"workflow":"hello","input":{"who":"a","n":NaN}}'),
                       ("too deep", '{"workflow":"hello","input":' + '[' * 200 + ']' * 200 + '}'),
                       ("an unknown key", '{"workflow":"hello","inputs":{}}'),
                       ("an array", "[]"), ("a text", '"hello"'), ("no workflow", "{}"),
                       ("a workflow that is a number", '{"workflow":7}'),
                       ("an unknown urgency", '{"workflow":"hello","urgency":"asap"}'),
                       ("labels that are numbers", '{"workflow":"hello","labels":{"a":1}}'),
                       ("run_at that is no time", '{"workflow":"hello","run_at":"tomorrow"}'),
                       ("a budget with an unknown key", '{"workflow":"hello","budget":{"eur":1}}'),
                       ("a definition with the request", '{"workflow":"hello","steps":[]}')]:
        problem(name, submit(body), 400, "malformed" if name != "x" else "")
    problem("a budget that is raised", submit({"workflow": "hello", "input": {"who": "a"}, "budget": {"usd": 0.6}}), 422, "invalid")
    a = submit({"workflow": "hello", "input": {"who": 3}})
    problem("input that does not fit the workflow's schema", a, 422, "schema")
    check("names the place in the body", a.json().get("errors") ==
          [{"pointer": "/input/who", "message": "expected string, got number"}], repr(a))
    problem("an unknown workflow", submit({"workflow": "nothing"}), 404, "not_found")
    problem("a body over the cap", submit({"workflow": "hello", "input": {"who": "x" * 9000}}), 413, "too_large")
    chunked = raw(b"POST /tasks HTTP/1.1\r\nHost: agentd\r\nAuthorization: Bearer " + TOKENS["full"].encode() +
                  b"\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n" +
                  (b"1000\r\n" + b"x" * 4096 + b"\r\n") * 4 + b"0\r\n\r\n")
    problem("a chunked body over the cap", chunked, 413, "too_large")
    text = json.dumps(HELLO).encode()
    chunked = raw(b"POST /tasks HTTP/1.1\r\nHost: agentd\r\nAuthorization: Bearer " + TOKENS["full"].encode() +
                  b"\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n" +
                  b"".join(b"1\r\n" + text[i:i + 1] + b"\r\n" for i in range(len(text))) + b"0\r\n\r\n")
    status("a chunked body, byte by byte", chunked, 202)
    for name, content_type in [("no", None), ("text", "text/plain"), ("form", "application/x-www-form-urlencoded"),
                               ("latin-1", "application/json; charset=latin-1"), ("longer", "application/jsonp")]:
        problem(f"{name} content type", submit(HELLO, content_type=content_type), 415, "media_type")
    status("charset=utf-8", submit(HELLO, content_type="application/json; charset=utf-8"), 202)

    # --- who may: the matrix of routes and callers is http_matrix.py's ---
    for name, token in [("a token of another form", "x"), ("a cut one", TOKENS["full"][:-1])]:
        problem(name, request("GET", "/tasks", token), 401, "unauthenticated")
    a = raw(b"POST /tasks HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100000000\r\n\r\n")
    problem("authentication comes before the size", a, 401, "unauthenticated")
    ann = submit(HELLO, "ann").json()["id"]
    status("one's own task", request("GET", "/tasks/" + ann, "ann"), 200)
    foreign, missing = request("GET", "/tasks/" + ann, "bob"), request("GET", "/tasks/" + UNKNOWN, "bob")
    problem("another's task", foreign, 404, "not_found")
    check("looks like one that does not exist", foreign.body.replace(ann.encode(), b"ID") ==
          missing.body.replace(UNKNOWN.encode(), b"ID"), repr((foreign.body, missing.body)))
    problem("cancel of another's task", request("POST", f"/tasks/{ann}/cancel", "bob"), 404, "not_found")
    ids = [t["id"] for t in request("GET", "/tasks", "bob").json()["tasks"]]
    check("another's task is not in the list", ann not in ids, repr(ids))
    status("admin sees all", request("GET", "/tasks/" + ann), 200)

    # --- paths ---
    problem("an id that is none", request("GET", "/tasks/abc"), 404, "not_found")
    for name in [".env", "%2Eenv", "...", "..a", "a..", ".%2ea"]:
        problem(f"an artifact called {name}", request("GET", f"/tasks/{UNKNOWN}/artifacts/{name}"), 404, "not_found")
    problem("an unknown id", request("GET", "/tasks/" + UNKNOWN), 404, "not_found")

    # --- lists ---
    a = request("GET", "/tasks?limit=2")
    check("a page has its size", a.status == 200 and len(a.json()["tasks"]) == 2, repr(a))
    b = request("GET", f"/tasks?limit=2&before={a.json()['next']}")
    check("and goes on", b.status == 200 and {t["id"] for t in a.json()["tasks"]}.isdisjoint(t["id"] for t in b.json()["tasks"]), repr(b))
    a = request("GET", "/tasks?label=team:docs&state=cancelled&workflow=hello")
    check("filters hold", [t["labels"]["team"] for t in a.json()["tasks"]] == ["docs"], repr(a))
    for query in ["limit=0", "limit=201", "limit=x", "limit=", "before=abc", "label=docs", "state=bad%zz", "limt=3", "limit=1&limit=2",
                  "workflow=%00", "workflow=%ff"]:
        problem(f"GET /tasks?{query}", request("GET", "/tasks?" + query), 400, "malformed")
    for method, target, body in [("POST", "/tasks", HELLO), ("POST", f"/tasks/{UNKNOWN}/cancel", None), ("POST", f"/tasks/{UNKNOWN}/redrive", None), ("DELETE", f"/tasks/{UNKNOWN}", None),
                                 ("POST", f"/tasks/{UNKNOWN}/retry", {}), ("POST", f"/tasks/{UNKNOWN}/fork", {}), ("POST", "/workflows/x/pause", None), ("POST", "/workflows/x/resume", None),
                                 ("POST", f"/tasks/{UNKNOWN}/reconcile", {"path": "a", "decision": "give_up"}), ("GET", "/workflows", None),
                                 ("GET", f"/tasks/{UNKNOWN}/why", None), ("GET", f"/tasks/{UNKNOWN}/spans", None), ("GET", "/cost", None),
                                 ("GET", "/metrics", None), ("GET", "/openapi.json", None), ("GET", "/healthz", None), ("GET", "/readyz", None)]:
        problem(f"{method} {target.replace(UNKNOWN, 'ID')} with a parameter that it does not know", request(method, target + "?x=1", body=body), 400, "malformed")
    a = request("GET", "/workflows")
    check("GET /workflows", a.status == 200 and {w["name"] for w in a.json()["workflows"]} == {"hello", "nap", "long"}, repr(a))

    # --- cancel ---
    long = submit({"workflow": "long"}).json()["id"]
    wait_state(long, ["waiting_timer"])
    status("POST /tasks/ID/cancel", request("POST", f"/tasks/{long}/cancel"), 200)
    check("it is cancelled", wait_state(long, ["cancelled"])["state"] == "cancelled")
    status("cancel of a cancelled task", request("POST", f"/tasks/{long}/cancel"), 200)
    done = submit(HELLO).json()["id"]
    wait_state(done, ["succeeded"])
    problem("cancel of a task that ended", request("POST", f"/tasks/{done}/cancel"), 409, "conflict")
    problem("cancel with a body", request("POST", f"/tasks/{done}/cancel", body="{}"), 400, "malformed")

    # --- validate ---
    good = "agentd: v1\nname: x\nsteps:\n  - id: a\n    set: {n: 1}\n"
    a = request("POST", "/validate?file=workflows/x.yaml", body=good, content_type="application/yaml")
    check("POST /validate of a good file", a.status == 200 and a.json() == {"valid": True, "diagnostics": []}, repr(a))
    a = request("POST", "/validate", body=good.replace("set", "sett"), content_type="application/yaml")
    check("of a bad one", a.status == 200 and a.json()["valid"] is False and a.json()["diagnostics"][0]["line"] >= 4, repr(a))
    a = request("POST", "/validate", body=b"\xff\xfe\x00", content_type="application/yaml")
    check("of bytes", a.status == 200 and a.json()["valid"] is False, repr(a))
    problem("as JSON", request("POST", "/validate", body=good), 415, "media_type")


def opened():
    """Bodies of those who are not known: judged by their heads."""
    def head(target, length, *more, kind="application/json"):
        return ("\r\n".join([f"POST {target} HTTP/1.1", "Host: localhost", f"Content-Type: {kind}", f"Content-Length: {length}", *more])
                + "\r\n\r\n").encode()
    form = "application/x-www-form-urlencoded"
    problem("a session for another page, before the body", raw(head("/session", 100, "Origin: http://evil.example")), 403, "cross_site")
    problem("a session of another name, before the body", raw(head("/session", 100).replace(b"localhost", b"evil.example")), 421, "misdirected")
    problem("a session of 4097 bytes, before the body", raw(head("/session", 4097, "Sec-Fetch-Site: same-origin")), 413, "too_large")
    status("a link that is none, before the form", raw(head("/a/abc", 100, kind=form)), 404)
    problem("a delivery without a signature, before the body", raw(head("/hooks/large", 100)), 401, "unauthenticated")


def files():
    """Forms with files, of which one is taken: what the others brought is not kept, but for what the first has, too."""
    def form(task, *texts):
        parts = [f'name="task"\r\n\r\n{json.dumps(task)}'] if task else []
        parts += [f'name="f{i}"; filename="f{i}"\r\n\r\n{text}' for i, text in enumerate(texts)]
        body = "".join(f"--b\r\nContent-Disposition: form-data; {part}\r\n" for part in parts) + "--b--\r\n"
        return submit(body, content_type="multipart/form-data; boundary=b")
    long = form({"workflow": "long"}, "kept" * 100)
    status("a submission with a file", long, 202)
    problem("of an unknown workflow", form({"workflow": "nothing"}, "kept" * 100, "gone" * 100, ""), 404, "not_found")
    problem("without a task", form(None, "gone, too" * 100), 400, "malformed")
    problem("a file where none is taken", request("PUT", f"/tasks/{UNKNOWN}/artifacts/x", body="x", content_type="text/plain"), 404, "not_found")
    status("the end of it", request("POST", f"/tasks/{long.json()['id']}/cancel"), 200)


def kept():
    """Connections that are kept."""
    s = connect()
    first = request("GET", "/healthz", None, on=s)
    second = request("GET", "/workflows", on=s)
    check("a connection is kept", first.status == 200 and second.status == 200, repr((first, second)))
    s.close()
    s = connect()
    s.send(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n" * 3)
    answers = [s.answer() for _ in range(3)]
    check("three requests in one write get three answers", all(a.status == 200 for a in answers), repr(answers))
    s.close()


def waits():
    task = submit({"workflow": "nap"}).json()["id"]
    start = time.monotonic()
    a = request("GET", f"/tasks/{task}?wait=9s")
    took = time.monotonic() - start
    check("?wait= answers when the task ends", a.status == 200 and a.json()["state"] == "succeeded" and 0.5 < took < 6, f"{took} {a}")
    long = submit({"workflow": "long"}).json()["id"]
    wait_state(long, ["waiting_timer"])
    start = time.monotonic()
    a = request("GET", f"/tasks/{long}?wait=500ms")
    took = time.monotonic() - start
    check("?wait= answers when the time is up", a.status == 200 and a.json()["state"] == "waiting_timer" and 0.4 < took < 3, f"{took} {a}")
    start = time.monotonic()
    status("an ended task is answered at once", request("GET", f"/tasks/{task}?wait=9s"), 200)
    check("without waiting", time.monotonic() - start < 2)
    for value in ["11s", "x", "-1s", "1", ""]:
        problem(f"?wait={value}", request("GET", f"/tasks/{long}?wait={value}"), 400, "malformed")
    problem("?wait= twice", request("GET", f"/tasks/{long}?wait=1s&wait=1s"), 400, "malformed")
    problem("?wait= of an unknown task", request("GET", f"/tasks/{UNKNOWN}?wait=5s"), 404, "not_found")

    def begin(target):
        s = connect()
        s.send(client.request_bytes("GET", target, TOKENS["full"]))
        return s

    def full(seconds=5):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            a = request("GET", f"/tasks/{long}?wait=100ms")
            if a.status == 429:
                return a
        return a

    waiting = [begin(f"/tasks/{long}?wait=9s") for _ in range(3)]
    a = full()
    problem("one more than may wait", a, 429, "too_many_waiting")
    check("with Retry-After", "retry-after" in a.headers, repr(a))
    for s in waiting:
        s.close()
    until = time.monotonic() + 5
    a = request("GET", f"/tasks/{long}?wait=100ms")
    while a.status == 429 and time.monotonic() < until:
        time.sleep(0.05)
        a = request("GET", f"/tasks/{long}?wait=100ms")
    status("clients that went away give their places back", a, 200)
    s = begin(f"/tasks/{long}?wait=9s")
    time.sleep(0.1)
    status("cancel while somebody waits", request("POST", f"/tasks/{long}/cancel"), 200)
    start = time.monotonic()
    a = s.answer()
    check("the waiting one hears of it", a.status == 200 and a.json()["state"] == "cancelled" and time.monotonic() - start < 3, repr(a))
    s.close()


def cut_after(c, limit):
    """Seconds until the other side closes, or None."""
    start, s = time.monotonic(), c.sock
    s.settimeout(limit)
    try:
        while s.recv(4096):
            pass
    except socket.timeout:
        return None
    except ConnectionError:
        pass
    return time.monotonic() - start


def slow():
    """header_timeout and body_timeout are 1 s: absolute, not idle."""
    auth = b"Authorization: Bearer " + TOKENS["full"].encode() + b"\r\n"
    post = b"POST /tasks HTTP/1.1\r\nHost: a\r\n" + auth + b"Content-Type: application/json\r\n"
    for name, data in [("a client that says nothing", b""), ("half a head", b"GET /tasks HTTP/1.1\r\nHost: a\r\n"),
                       ("half a body", post + b"Content-Length: 1000\r\n\r\n{"),
                       ("half a chunk", post + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{")]:
        s = connect()
        s.send(data)
        took = cut_after(s, 8)
        check(f"{name} is cut", took is not None and took < 4, repr(took))
        s.close()
    for name, head in [("head", b"GET /tasks HTTP/1.1\r\nHost: a\r\nX: "), ("body", post + b"Content-Length: 1000\r\n\r\n")]:
        s = connect()
        s.send(head)
        start, cut = time.monotonic(), None
        s.sock.settimeout(0.1)
        while time.monotonic() - start < 10:
            try:
                s.sock.sendall(b"a")
                if s.sock.recv(4096) == b"":
                    cut = time.monotonic() - start
                    break
            except socket.timeout:
                continue
            except OSError:
                cut = time.monotonic() - start
                break
        check(f"a {name} that drips is cut", cut is not None and cut < 4, repr(cut))
        s.close()
    s = connect()
    s.send(client.request_bytes("GET", "/openapi.json", TOKENS["full"]) * 50)       # more than the socket holds, and nothing of it is read
    start, gone = time.monotonic(), select.poll()
    gone.register(s.sock, select.POLLRDHUP)
    check("a client that reads nothing is cut", gone.poll(8000) != [] and time.monotonic() - start < 6, time.monotonic() - start)
    s.close()
    status("others are served meanwhile", request("GET", "/tasks?limit=1"), 200)


def away():
    status("GET /healthz without the database", request("GET", "/healthz", None), 200)
    a = request("GET", "/readyz", None)
    problem("GET /readyz without it", a, 503, "unavailable")
    start = time.monotonic()
    for name, a in [("POST /tasks", submit(HELLO)), ("GET /tasks", request("GET", "/tasks")),
                    ("GET /tasks/ID", request("GET", "/tasks/" + UNKNOWN)), ("GET /workflows", request("GET", "/workflows"))]:
        problem(name, a, 503, "unavailable")
        check("with Retry-After", a.headers.get("retry-after", "").isdigit(), repr(a))
        check("and without a word of the inside", not re.search(rb"postgres|sql|libpq|socket|/tmp", a.body, re.I), repr(a))
    check("within the limit of 20 s each", time.monotonic() - start < 60, "too slow")


def back():
    a = submit(HELLO)
    status("submissions are taken again", a, 202)
    check("and run", wait_state(a.json()["id"], ["succeeded"])["state"] == "succeeded")


{"routes": routes, "opened": opened, "files": files, "kept": kept, "waits": waits, "slow": slow, "away": away, "back": back}[sys.argv[1]]()
