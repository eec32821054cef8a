"""receiver.py - a receiver of webhooks: checks every signature with an implementation of its own, writes what came as lines of JSON.

receiver.py PORT_FILE LOG [SECRET...]    SECRET is whsec_...; a message is good when one of them signed it.

/ok 200, /later N times 500 then 200 (/later/2), /gone 410, /moved 302, /busy 429 with Retry-After 3600, /long 200 and a body without end,
/flood/* 429 as Telegram says it, /silent takes the message and never answers, /silent/once does so once. Anything else: 200.
"""
import base64
import hashlib
import hmac
import http.server
import json
import sys
import threading
import time

port_file, log_file, secrets = sys.argv[1], sys.argv[2], sys.argv[3:]
lock = threading.Lock()
seen = {}


def is_good(headers, body):
    """As the specification of standard-webhooks says it: v1 is HMAC-SHA256 of ID.TIMESTAMP.BODY."""
    stamp = headers.get("webhook-timestamp", "")
    if not stamp.isdigit() or abs(int(stamp) - time.time()) > 300:
        return False
    signed = b"%s.%s.%s" % (headers["webhook-id"].encode(), stamp.encode(), body)
    given = [s[3:] for s in headers.get("webhook-signature", "").split(" ") if s.startswith("v1,")]
    for secret in secrets:
        key = base64.b64decode(secret[len("whsec_"):])
        want = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        if want in given:
            return True
    return False


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.do_POST()

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        key = (self.path, self.headers.get("webhook-id"))
        with lock:
            seen[key] = seen.get(key, 0) + 1
            n = seen[key]
            with open(log_file, "a", encoding="utf-8") as log:
                log.write(json.dumps({
                    "method": self.command, "path": self.path, "n": n, "good": is_good(self.headers, body), "at": time.time(),
                    "headers": {k.lower(): v for k, v in self.headers.items()}, "body": body.decode()}) + "\n")
        if self.path.startswith("/later/"):
            self.answer(200 if n > int(self.path.rsplit("/", 1)[1]) else 500)
        elif self.path == "/gone":
            self.answer(410)
        elif self.path == "/moved":
            self.answer(302, Location="/ok")
        elif self.path == "/busy":
            self.answer(429, Retry_After="3600")
        elif self.path.startswith("/flood/"):
            self.answer(429, b'{"ok": false, "error_code": 429, "parameters": {"retry_after": 3600}}')
        elif self.path == "/silent" or self.path == "/silent/once" and n == 1:
            time.sleep(600)
        elif self.path == "/long":
            self.send_response(200)
            self.send_header("Connection", "close")
            self.end_headers()
            try:
                while True:
                    self.wfile.write(b"x" * 65536)
            except OSError:
                pass
            self.close_connection = True
        else:
            self.answer(200, b'{"ok": true}')


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True


server = Server(("127.0.0.1", 0), Handler)
with open(port_file, "w", encoding="ascii") as out:
    out.write(str(server.server_address[1]))
server.serve_forever()
