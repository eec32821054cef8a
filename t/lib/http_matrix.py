"""The matrix of routes, methods and callers, made from the table of routes: prints "ok NAME" or "not ok NAME<tab>WHY" per route and method.

http_matrix.py all SOCKET TOKENS ROUTES    (TOKENS: a file of "NAME TOKEN" lines: one token for each scope, and of the others in CALLERS;
ROUTES: what t/bin/routes prints)

A refused request announces a body and never sends it, so that an answer shows that nobody waited for it. ROWS says what each route is
sent by whoever may, and the answer; a route without a row is a failure.
"""
import re
import socket
import sys
import zlib

import client
from client import check

PATH, TOKENS = sys.argv[2], client.tokens(sys.argv[3])
ROUTES = [line.split() for line in open(sys.argv[4])]
UNKNOWN = "01936f00-0000-7000-8000-000000000000"
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "get", "BREW"]
SCOPES = ["submit", "read", "approve", "admin", "metrics"]
NOWHERE = ["/nowhere", "/v1/nowhere", "/ui", "/ui/x/y", "/tasks/", f"/tasks/{UNKNOWN}/nowhere", "/metrics/x"]
DIGEST = "0" * 64
YAML = "agentd: v1\nname: x\nsteps:\n  - id: a\n    set: {n: 1}\n"
ROWS = {
    "POST /tasks": (202, {"workflow": "hello"}),
    "GET /tasks": (200, None),
    "GET /tasks/:id": (404, None),
    "GET /tasks/:id/events": (404, None),
    "GET /tasks/:id/why": (404, None),
    "GET /tasks/:id/spans": (404, None),
    "GET /tasks/:id/webhooks": (404, None),
    "GET /tasks/:id/artifacts": (404, None),
    "GET /tasks/:id/artifacts/:name": (404, None),
    "PUT /tasks/:id/artifacts/:name": (404, "a text"),
    "GET /artifacts/:id": (404, None),
    "POST /tasks/:id/cancel": (404, None),
    "DELETE /tasks/:id": (404, None),
    "POST /tasks/:id/retry": (404, {}),
    "POST /tasks/:id/fork": (404, {}),
    "POST /tasks/:id/redrive": (404, None),
    "POST /tasks/:id/reconcile": (404, {"path": "a", "decision": "give_up"}),
    "GET /events": (200, None),
    "GET /approvals": (200, None),
    "GET /approvals/:id": (404, None),
    "POST /approvals/:id": (404, {"decision": "deny", "digest": DIGEST}),
    "GET /cost": (200, None),
    "GET /spend": (200, None),
    "POST /hooks/:id": (404, {"action": "opened"}),
    "GET /a/:id": (404, None),
    "POST /a/:id": (404, "decision=deny"),
    "GET /workflows": (200, None),
    "GET /workflows/:name": (404, None),
    "POST /workflows/:name/pause": (404, None),
    "POST /workflows/:name/resume": (404, None),
    "POST /v1/chat/completions": (404, {"model": "none", "messages": [{"role": "user", "content": "hi"}]}),
    "POST /v1/embeddings": (404, {"model": "none", "input": "hi"}),
    "GET /v1/models": (200, None),
    "GET /v1/models/:name": (404, None),
    "POST /validate": (200, YAML),
    "GET /metrics": (200, None),
    "GET /openapi.json": (200, None),
    "POST /session": (421, {"token": "x"}),
    "GET /session": (200, None),
    "DELETE /session": (421, None),
    "GET /": (404, None),
    "GET /ui/": (200, None),
    "GET /ui/:name": (404, None),
    "GET /healthz": (200, None),
    "GET /readyz": (200, None),
}


def unknown_token():
    text = "agd_admin_" + "A" * 43
    return f"{text}_{zlib.crc32(text.encode()):08x}"


def mistyped(token):
    return token[:20] + ("A" if token[20] != "A" else "B") + token[21:]


# {name: (Authorization, scope or None)}
CALLERS = {scope: ("Bearer " + TOKENS[scope], scope) for scope in SCOPES}
CALLERS.update({name: (header, None) for name, header in [
    ("no token", None), ("an empty one", "Bearer "), ("another scheme", "Basic " + TOKENS["admin"]),
    ("a mistyped token", "Bearer " + mistyped(TOKENS["admin"])), ("an unknown token", "Bearer " + unknown_token()),
    ("an expired token", "Bearer " + TOKENS["expired"]), ("a revoked token", "Bearer " + TOKENS["revoked"])]})


def ask(method, path, header, body, content_type):
    """body True: announced, not sent."""
    c = client.Connection(PATH, 10)
    headers = [] if header is None else ["Authorization: " + header]
    if body is True:
        c.send(client.request_bytes(method, path, headers=[*headers, f"Content-Type: {content_type}", "Content-Length: 4000"]))
    else:
        c.send(client.request_bytes(method, path, body=body, headers=headers, content_type=content_type))
    try:
        return c.answer(bodiless=method == "HEAD")
    except socket.timeout:
        return client.Answer(0, {}, b"no answer in 10 s", True)
    finally:
        c.close()


def says(answer, word):
    """A problem document, or an error in OpenAI's form."""
    said = answer.json()
    if "error" in said:
        return said["error"]["code"] == {"unauthenticated": "invalid_api_key", "forbidden": "insufficient_permissions"}.get(word, word)
    return said["type"] == "urn:agentd:problem:" + word


def refused(answer, method, want, word, **headers):
    """Why it is not the refusal that it should be; "" when it is."""
    if answer.status != want or not answer.closed:
        return repr(answer)
    if method != "HEAD" and not says(answer, word):
        return repr(answer)
    for name, value in headers.items():
        if answer.headers.get(name.replace("_", "-")) != value:
            return repr(answer)
    return ""


def cell(method, path, header, scope, here, allow):
    """here: the table's row for this method and path, or None; allow: the methods of this path."""
    content_type = {"-": "application/json", "*/*": "text/plain"}.get(here[3], here[3]) if here else "application/json"
    if here and (here[2] == "none" or scope and (here[2] == "any" or scope in here[2].split("|"))):
        want, body = ROWS[f"{method} {here[1]}"]
        answer = ask(method, path, header, body, content_type)
        found = answer.status == want and b"no such path" not in answer.body
        return "" if found else repr(answer)
    answer = ask(method, path, header, True, content_type)
    if not scope:
        return refused(answer, method, 401, "unauthenticated", www_authenticate="Bearer")
    if here:
        return refused(answer, method, 403, "forbidden")
    if allow:
        return refused(answer, method, 405, "method", allow=", ".join(allow))
    return refused(answer, method, 404, "not_found")


def main():
    named = [f"{method} {pattern}" for method, pattern, _, _ in ROUTES]
    check("every route of the table has a row", set(named) <= set(ROWS), sorted(set(named) - set(ROWS)))
    check("every row has a route", set(ROWS) <= set(named), sorted(set(ROWS) - set(named)))
    check("every method of the table is tried", {r[0] for r in ROUTES} <= set(METHODS), {r[0] for r in ROUTES})
    scopes = {s for r in ROUTES for s in r[2].split("|")} - {"any", "none"}
    check("every scope of the table has a caller", scopes <= set(SCOPES), scopes)
    patterns = list(dict.fromkeys(pattern for _, pattern, _, _ in ROUTES))
    cells = 0
    for pattern in patterns + NOWHERE:
        path = re.sub(r":[a-z]+", UNKNOWN, pattern)
        here = [r for r in ROUTES if r[1] == pattern]
        rows = {r[0]: r for r in reversed(here)}                        # of several types the first
        allow = list(dict.fromkeys(r[0] for r in here))
        for method in METHODS:
            if method in rows and f"{method} {pattern}" not in ROWS:
                continue
            wrong = {name: why for name, (header, scope) in CALLERS.items()
                     if (why := cell(method, path, header, scope, rows.get(method), allow))}
            cells += len(CALLERS)
            check(f"{method} {path.replace(UNKNOWN, 'ID')}: {len(CALLERS)} callers", not wrong, wrong)
    print(f"# figure cells {cells}: {len(patterns)} paths of {len(ROUTES)} routes and {len(NOWHERE)} others, {len(METHODS)} methods, {len(CALLERS)} callers",
          flush=True)


main()
