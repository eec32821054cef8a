"""client.py - HTTP over agentd's Unix socket for tests in Python, byte for byte as a test says it; and their checks.

An answer has status 0 when the connection ended without one. What takes longer than the timeout raises.
"""
import json
import socket


def check(name, good, why=""):
    """One line that the test's shell part makes a TAP line of."""
    print(f"ok {name}" if good else f"not ok {name}\t{why}", flush=True)
    return good


def skip(name, why):
    print(f"ok {name} # SKIP {why}", flush=True)


def tokens(file):
    """{name: token}, of lines NAME TOKEN."""
    with open(file) as f:
        return dict(line.split() for line in f)


class Answer:
    def __init__(self, status, headers, body, closed):
        self.status, self.headers, self.body, self.closed = status, headers, body, closed

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.headers} {self.body[:300]!r} closed={self.closed}"


def connect(path, timeout=15, rcvbuf=None):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    if rcvbuf:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
    s.settimeout(timeout)
    s.connect(path)
    return s


def parse_head(head):
    """(status, {name: value}) of a head without its empty line; names in small letters."""
    lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines[1:])
    return int(lines[0].split()[1]), {name.lower(): value.strip() for name, _, value in pairs}


class Connection:
    """Requests one after the other. What came behind an answer stays for the next."""

    def __init__(self, path, timeout=15):
        self.sock, self.buffer = connect(path, timeout), bytearray()     # grows in place

    def send(self, data):
        try:
            self.sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass                        # what was answered before can still be read

    def more(self):
        try:
            piece = self.sock.recv(65536)
        except ConnectionError:
            piece = b""
        self.buffer += piece
        return bool(piece)

    def answer(self, bodiless=False):
        while b"\r\n\r\n" not in self.buffer:
            if not self.more():
                return Answer(0, {}, bytes(self.buffer), True)
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        status, headers = parse_head(head)
        length = 0 if bodiless else int(headers.get("content-length", "0"))
        while len(self.buffer) < length:
            if not self.more():
                return Answer(0, {}, bytes(self.buffer), True)
        body, self.buffer = bytes(self.buffer[:length]), self.buffer[length:]
        return Answer(status, headers, body, headers.get("connection", "").lower() == "close")

    def ask(self, data):
        self.send(data)
        return self.answer()

    def close(self):
        self.sock.close()


def raw(path, data, timeout=15):
    """One connection, these bytes, one answer."""
    c = Connection(path, timeout)
    try:
        return c.ask(data)
    finally:
        c.close()


def request_bytes(method, target, token=None, body=None, headers=(), content_type="application/json"):
    """body: bytes or text as they are, or what is written as JSON; None: there is none."""
    lines = [f"{method} {target} HTTP/1.1", "Host: agentd"]
    if token:
        lines.append("Authorization: Bearer " + token)
    if body is not None:
        if not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        if isinstance(body, str):
            body = body.encode()
        if content_type:
            lines.append("Content-Type: " + content_type)
        lines.append(f"Content-Length: {len(body)}")
    lines.extend(headers)
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (body or b"")
