"""Deliveries of webhooks, signed by Python's hmac; prints "ok NAME" or "not ok NAME<tab>WHY" per check.

hooks.py GROUP SOCKET [TOKEN]
"""
import base64
import hashlib
import hmac
import http.client
import json
import socket
import sys
import threading
import time
import urllib.parse

GROUP, PATH = sys.argv[1:3]
TOKEN = sys.argv[3] if len(sys.argv) > 3 else None
OLD, NEW = "It's a Secret to Everybody", "another-secret"
STRIPE = "whsec_not_base64_at_all!"
SIGNED = ("X-Hub-Signature-256", "sha256=" + "0" * 64)
STANDARD = base64.b64encode(bytes(range(24)))


def check(name, good, why=""):
    print(f"ok {name}" if good else f"not ok {name}\t{why}", flush=True)


class Connection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(30)
        self.sock.connect(PATH)


class Answer:
    def __init__(self, r):
        self.status, self.headers, self.body = r.status, {k.lower(): v for k, v in r.getheaders()}, r.read()

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.headers} {self.body[:400]!r}"


def send(method, target, body=None, headers=()):
    c = Connection("agentd")
    c.putrequest(method, target)
    if body is not None and not any(name == "Transfer-Encoding" for name, _ in headers):
        c.putheader("Content-Length", str(len(body)))
    for name, value in headers:
        c.putheader(name, value)
    try:
        c.endheaders(body)
    except BrokenPipeError:
        pass
    answer = Answer(c.getresponse())
    c.close()
    return answer


def mac(key, message, how="sha256"):
    return hmac.new(key if isinstance(key, bytes) else key.encode(), message, how)


def encoded(doc):
    return doc if isinstance(doc, bytes) else json.dumps(doc).encode()


def github(doc, hook="github", key=OLD, delivery="d-1", event="issues", kind="application/json", target=None, signature=None, more=()):
    body = encoded(doc)
    headers = [("Content-Type", kind), ("X-GitHub-Event", event), ("X-Hub-Signature-256",
               "sha256=" + mac(key, body).hexdigest() if signature is None else signature)]
    if delivery is not None:
        headers.append(("X-GitHub-Delivery", delivery))
    return send("POST", target or "/hooks/" + hook, body, headers + list(more))


def stripe(doc, at=None, header=None, signed=None):
    body = encoded(doc)
    at = int(time.time()) if at is None else at
    good = mac(STRIPE, f"{at}.".encode() + (body if signed is None else signed)).hexdigest()
    header = (header or "t={t},v1={v1},v0=6ffbb59b2300aae63f272406069a9788598b792a944a07aba816edb039989a39").format(t=at, v1=good)
    return send("POST", "/hooks/stripe", body, [("Content-Type", "application/json; charset=utf-8"), ("Stripe-Signature", header)])


def standard(doc, msg="msg_1", at=None, header=None, sent_at=None, sent_msg=None):
    body = encoded(doc)
    at = int(time.time()) if at is None else at
    good = base64.b64encode(mac(base64.b64decode(STANDARD), f"{msg}.{at}.".encode() + body).digest()).decode()
    return send("POST", "/hooks/standard", body, [
        ("Content-Type", "application/json"), ("webhook-id", sent_msg or msg), ("webhook-timestamp", str(at if sent_at is None else sent_at)),
        ("webhook-signature", (header or "v1,{v1}").format(v1=good))])


def issue(title="It is broken", action="opened", **more):
    return {"action": action, "issue": {"title": title, "number": 7}, "repository": {"full_name": "ann/tools"}, **more}


def status(name, answer, want):
    check(f"{name}: {want}", answer.status == want, repr(answer))
    return answer


def problem(name, answer, want, word):
    doc = answer.json() if answer.body else {}
    check(f"{name}: {want} {word}", answer.status == want and doc.get("type", "").endswith(":" + word)
          and answer.headers.get("content-type") == "application/problem+json", repr(answer))
    return answer


def refused(name, answer):
    problem(name, answer, 401, "unauthenticated")
    check(f"{name}: nothing is told", answer.json()["detail"] == "the delivery is not signed as this hook wants it"
          and answer.headers.get("www-authenticate") == "Signature", repr(answer))


def task(answer):
    return send("GET", answer.headers["location"], None, [("Authorization", "Bearer " + TOKEN)]).json()


def schemes():
    # --- GitHub ---
    a = status("GitHub", github(issue(), target="/hooks/github?who=me"), 202)
    doc = task(a)
    check("it is a task of the hook", doc["submitted_by"] == "hook:github" and doc["workflow"] == "hello" and doc["urgency"] == "high", repr(doc))
    check("with the mapped input", doc["input"] == {"text": "It is broken", "event": "issues", "who": "me", "delivery": "d-1"}, repr(doc["input"]))
    check("and labels", doc["labels"] == {"repository": "ann/tools"}, repr(doc["labels"]))
    again = status("a redelivery", github(issue(), target="/hooks/github?who=me"), 202)
    check("is the same task", again.body == a.body and again.headers.get("idempotency-replayed") == "true"
          and "idempotency-replayed" not in a.headers, repr(again))
    other = status("a redelivery with another body", github(issue("other")), 202)
    check("is the same task, too", other.json()["id"] == a.json()["id"], repr(other))
    check("another delivery is another task", github(issue(), delivery="d-2").json()["id"] != a.json()["id"])
    status("signed with the second secret", github(issue(), key=NEW, delivery="d-3"), 202)
    form = urllib.parse.urlencode({"payload": json.dumps(issue("sent + as & form"))}).encode()
    a = status("as a form", github(form, kind="application/x-www-form-urlencoded", delivery="d-4"), 202)
    check("with what it holds", task(a)["input"]["text"] == "sent + as & form", repr(task(a)["input"]))
    a = status("a ping", github({"zen": "Keep it logically awesome."}, event="ping", delivery="d-5"), 200)
    check("has its answer", a.json() == {"pong": True}, repr(a))
    a = status("an event that is not wanted", github(issue(action="closed"), delivery="d-6"), 202)
    check("is ignored", a.json() == {"ignored": True} and "location" not in a.headers, repr(a))
    status("it does not use its id up", github(issue(), delivery="d-6"), 202)
    doc = task(github(issue(keep_headers=True), delivery="d-7", more=[("Authorization", "Bearer x"), ("Cookie", "a=b"), ("X-Two", "1"), ("X-Two", "2")]))
    check("what proves the sender is no data", not {"authorization", "cookie", "x-hub-signature-256"} & set(doc["input"]["seen"])
          and "x-github-event" in doc["input"]["seen"], repr(doc["input"]))
    check("a header sent twice is one text", doc["input"]["two"] == "1, 2", repr(doc["input"]))

    # --- Stripe ---
    event = {"id": "evt_1", "type": "invoice.paid", "data": {"object": {"amount_paid": 1250}}}
    a = status("Stripe", stripe(event), 202)
    check("the event's id is that of the delivery", stripe(event).headers.get("idempotency-replayed") == "true")
    check("the amount is exact", task(a)["input"] == {"text": "invoice.paid 1250"}, repr(task(a)["input"]))
    now = int(time.time())
    status("4 minutes old", stripe({**event, "id": "evt_2"}, now - 240), 202)
    status("4 minutes ahead", stripe({**event, "id": "evt_3"}, now + 240), 202)
    refused("6 minutes old", stripe({**event, "id": "evt_4"}, now - 360))
    refused("6 minutes ahead", stripe({**event, "id": "evt_4"}, now + 360))
    status("a second signature", stripe({**event, "id": "evt_5"}, header="t={t},v1=" + "0" * 64 + ",v1={v1}"), 202)

    # --- standard-webhooks ---
    a = status("standard-webhooks", standard({"type": "user.created", "data": {"id": 7}}), 202)
    check("its id is that of the delivery", standard({"type": "x"}).json()["id"] == a.json()["id"])
    status("several signatures", standard({"type": "x"}, "msg_2", header="v1a,abc= v1,AAAA v1,{v1}"), 202)
    refused("an hour old", standard({"type": "x"}, "msg_3", now - 3600))

    # --- any other ---
    body = encoded({"n": 1})
    for name, value, want in [("base64", base64.b64encode(mac("plain", body, "sha512").digest()).decode(), 202),
                              ("hex in its place", mac("plain", body, "sha512").hexdigest(), 401),
                              ("another hash", base64.b64encode(mac("plain", body).digest()).decode(), 401)]:
        status("hmac, " + name, send("POST", "/hooks/plain", body, [("Content-Type", "application/json"), ("x-SIGNED", "v=" + value)]), want)
    check("the digest of the body is its id", send("POST", "/hooks/plain", body, [("Content-Type", "application/json"), ("X-Signed",
          "v=" + base64.b64encode(mac("plain", body, "sha512").digest()).decode())]).headers.get("idempotency-replayed") == "true")


def refusals():
    body = encoded(issue())
    good = mac(OLD, body).hexdigest()
    for name, signature in [("a tampered body", mac(OLD, body + b" ").hexdigest()), ("another secret", mac("other", body).hexdigest()),
                            ("no signature", ""), ("no hash before it", good), ("SHA-1", "sha1=" + mac(OLD, body, "sha1").hexdigest()),
                            ("a digit too few", "sha256=" + good[:-1]), ("a byte too few", "sha256=" + good[:-2]),
                            ("a byte too many", "sha256=" + good + "00"), ("no hex", "sha256=" + "z" * 64), ("two", f"sha256={good}, sha256={good}"),
                            ("nothing behind the hash", "sha256="), ("much", "sha256=" + "00" * 4000)]:
        refused("GitHub, " + name, github(body, delivery="r-1", signature=signature if name in ("no signature", "no hash before it") or "=" in signature
                                          else "sha256=" + signature))
    refused("GitHub, the header twice", github(body, delivery="r-1", more=[("X-Hub-Signature-256", "sha256=" + good)]))
    refused("no header at all", send("POST", "/hooks/github", body, [("Content-Type", "application/json")]))
    refused("what is no JSON is not parsed before", github(b"{", signature="sha256=" + good))
    refused("a bearer token is no signature", send("POST", "/hooks/github", body, [("Content-Type", "application/json"),
            ("Authorization", "Bearer " + TOKEN)]))
    event = {"id": "evt_r", "type": "x"}
    for name, header in [("no time", "v1={v1}"), ("two times", "t={t},t={t},v1={v1}"), ("another time", "t=1{t},v1={v1}"), ("only v0", "t={t},v0={v1}"),
                         ("no number", "t=x,v1={v1}"), ("a negative one", "t=-1,v1={v1}"), ("nothing", "t=,v1="), ("commas", ",,,,"),
                         ("33 signatures", "t={t}" + ",v1=" + "00" * 32 + (",v1=" + "00" * 32) * 31 + ",v1={v1}"), ("white space", "t={t}, v1={v1}")]:
        refused("Stripe, " + name, stripe(event, header=header))
    refused("Stripe, another body", stripe(event, signed=b"{}"))
    for name, more in [("another id", {"sent_msg": "msg_8"}), ("another time", {"sent_at": int(time.time()) - 1}), ("a time that is none", {"sent_at": "now"}),
                       ("no version", {"header": "{v1}"}), ("another version", {"header": "v2,{v1}"}), ("no base64", {"header": "v1,*"}),
                       ("cut", {"header": "v1,AAAA"}), ("commas", {"header": "v1,,{v1}"}), ("no id", {"sent_msg": " "})]:
        refused("standard-webhooks, " + name, standard({"type": "x"}, "msg_9", **more))

    # --- signed, and yet no task ---
    problem("no such hook", github(body, hook="nothing"), 404, "not_found")
    problem("a hook without its secret", github(body, hook="closed"), 503, "unavailable")
    for method in ["GET", "PUT", "DELETE"]:
        status(f"{method} without a token", send(method, "/hooks/github"), 401)
    a = send("GET", "/hooks/github", None, [("Authorization", "Bearer " + TOKEN)])
    check("GET with one: 405", a.status == 405 and a.headers.get("allow") == "POST", repr(a))
    problem("no JSON", github(b"{"), 400, "malformed")
    problem("a key twice", github(b'{"a":1,"a":2}'), 400, "malformed")
    problem("no UTF-8", github(b'{"a":"\xff"}'), 400, "malformed")
    problem("deep", github(b"[" * 5000 + b"]" * 5000), 400, "malformed")
    problem("a form without a payload", github(b"x=1", kind="application/x-www-form-urlencoded"), 400, "malformed")
    problem("a form with two", github(b"payload=1&payload=1", kind="application/x-www-form-urlencoded"), 400, "malformed")
    problem("another kind of body", github(body, kind="text/plain"), 415, "media_type")
    problem("a form for Stripe", send("POST", "/hooks/stripe", b"payload=1", [("Content-Type", "application/x-www-form-urlencoded"), ("Stripe-Signature", "t=1")]), 415, "media_type")
    problem("a query that is none", github(body, target="/hooks/github?who=%zz"), 400, "malformed")
    refused("no header at all, before the body is there", send("POST", "/hooks/github", None, [("Content-Type", "application/json"), ("Content-Length", "5000")]))
    problem("a large body, before it is there", send("POST", "/hooks/github", None, [("Content-Type", "application/json"), ("Content-Length", "5000000"), SIGNED]),
            413, "too_large")
    problem("more than was said, in pieces", send("POST", "/hooks/github", b"".join(b"1000\r\n" + b" " * 4096 + b"\r\n" for _ in range(20))
            + b"0\r\n\r\n", [("Content-Type", "application/json"), ("Transfer-Encoding", "chunked"), SIGNED]), 413, "too_large")
    problem("no id", github(body, delivery=None), 422, "invalid")
    problem("an id with a space", github(body, delivery="a b"), 422, "invalid")
    a = problem("an input that does not fit", github(issue(7), delivery="r-2"), 422, "schema")
    check("says where", [e["pointer"] for e in a.json()["errors"]] == ["/input/text"], repr(a))
    status("it does not use its id up", github(issue(), delivery="r-2"), 202)
    a = problem("an expression that fails", github({"action": "opened", "issue": 7}, delivery="r-3"), 422, "invalid")
    check("says which", a.json()["detail"].startswith('"input": '), repr(a))
    problem("a label that is none", github(issue(repository={"full_name": None}), delivery="r-4"), 422, "invalid")
    problem("policy denies it", github(issue("evil"), delivery="r-5"), 403, "policy_denied")


def race():
    answers = []

    def one():
        answers.append(github(issue("race"), delivery="race-1"))
    threads = [threading.Thread(target=one) for _ in range(20)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    ids = {a.json().get("id") for a in answers}
    check("20 at once are one task", len(answers) == 20 and len(ids) == 1 and {a.status for a in answers} == {202}, repr(answers))
    check("19 of them say so", sum(a.headers.get("idempotency-replayed") == "true" for a in answers) == 19, repr(answers))


def begin(length, sent=b""):
    """A delivery of which only this much comes."""
    c = Connection("agentd")
    c.putrequest("POST", "/hooks/plain")
    for name, value in [("Content-Type", "application/json"), ("X-Signed", "v=AAAA"), ("Content-Length", str(length))]:
        c.putheader(name, value)
    c.endheaders(sent or None)
    return c


def crowd():
    """What is held for those who are not known yet is 64 MiB, for all of them."""
    held = [begin(len(piece) + 1, piece) for piece in [b" " * (20 << 20)] * 3]
    until, a = time.monotonic() + 20, None
    while a is None and time.monotonic() < until:       # what was sent last may not have been read yet
        c = begin(20 << 20)
        c.sock.settimeout(0.2)
        try:
            a = Answer(c.getresponse())
        except socket.timeout:
            pass
        c.close()
    problem("more than 64 MiB, before the body", a, 503, "unavailable")
    check("with Retry-After", a.headers.get("retry-after") == "1", repr(a))
    status("a small one is served meanwhile", github(issue("small"), delivery="c-1"), 202)
    for c in held:
        c.close()
    body, until = b" " * (20 << 20), time.monotonic() + 20
    a = send("POST", "/hooks/plain", body, [("Content-Type", "application/json"), ("X-Signed", "v=AAAA")])
    while a.status == 503 and time.monotonic() < until:
        a = send("POST", "/hooks/plain", body, [("Content-Type", "application/json"), ("X-Signed", "v=AAAA")])
    refused("what they held comes free with them", a)


def large():
    """More than 64 KiB is judged beside the loop, with the same verdicts."""
    def sent(body, key="plain"):
        return send("POST", "/hooks/plain", body, [("Content-Type", "application/json"), ("X-Signed",
                    "v=" + base64.b64encode(mac(key, body, "sha512").digest()).decode())])
    body = encoded({"n": 7, "filling": ["x" * 1000] * 2000})
    a = status("2 MB", sent(body), 202)
    check("with what it holds", task(a)["input"] == {"text": "7"}, repr(a))
    refused("2 MB, another secret", sent(body, "other"))
    problem("2 MB, no JSON", sent(body[:-1]), 400, "malformed")
    refused("2 MB, no JSON and another secret", sent(body[:-1], "other"))


def one():
    a = github(issue("one"), hook=sys.argv[4], delivery=sys.argv[5])
    print(a.status, a.headers.get("retry-after", "-"), a.json().get("id", a.json().get("type", "-")))


globals()[GROUP]()
