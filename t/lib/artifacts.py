"""artifacts.py - what curl does not do: requests cut short, several at once. Lines "ok NAME" and "not ok NAME<tab>WHY"."""
import os
import re
import socket
import sys
import threading


def check(name, good, why=""):
    print(f"ok {name}" if good else f"not ok {name}\t{why}")


def connect(path):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(20)
    s.connect(path)
    return s


def head(method, target, token, length, kind):
    return (f"{method} {target} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\nContent-Type: {kind}\r\n"
            f"Content-Length: {length}\r\n\r\n").encode()


def answer(s):
    data = b""
    try:
        while b"\r\n\r\n" not in data:
            piece = s.recv(65536)
            if not piece:
                break
            data += piece
    except OSError:
        pass
    m = re.match(rb"HTTP/1.1 (\d+)", data)
    return int(m.group(1)) if m else 0


def put(path, token, task, name, content):
    s = connect(path)
    s.sendall(head("PUT", f"/tasks/{task}/artifacts/{name}", token, len(content), "text/plain") + content)
    return answer(s)


def at_once(path, token, task, n):
    """n uploads of one name with contents of their own: one is taken."""
    got = []

    def one(i):
        got.append(put(path, token, task, "race", b"%d" % i * 300000))

    threads = [threading.Thread(target=one, args=(i,)) for i in range(n)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    check("of uploads of a name at once one is taken", sorted(got) == [201] + [409] * (n - 1), repr(got))


def half(path, token, task):
    """Half an upload; the connection stays open until this process is told to end."""
    s = connect(path)
    s.sendall(head("PUT", f"/tasks/{task}/artifacts/half", token, 4 << 20, "text/plain") + os.urandom(2 << 20))
    print("sent", flush=True)
    sys.stdin.readline()


def forms(path, token, spec):
    """Bodies that are no multipart/form-data."""
    task = b'--b\r\nContent-Disposition: form-data; name="task"\r\n\r\n' + spec.encode() + b"\r\n"
    file = b'--b\r\nContent-Disposition: form-data; name="f"; filename="%s"\r\n\r\n%s\r\n'
    end = b"--b--\r\n"
    kind = "multipart/form-data; boundary=b"
    for name, want, content_type, body in [
            ("a form with a task and a file", 202, kind, task + file % (b"a.txt", b"hi") + end),
            ("files may come before the task", 202, kind, file % (b"a.txt", b"hi") + task + end),
            ("a quoted boundary", 202, 'multipart/form-data; boundary="b"', task + end),
            ("a form without a boundary", 400, "multipart/form-data", task + end),
            ("a boundary that is not there", 400, "multipart/form-data; boundary=c", task + end),
            ("an empty body", 400, kind, b""),
            ("a body that is cut", 400, kind, task + file % (b"a.txt", b"hi")),
            ("a body that is cut in a boundary", 400, kind, task + b"--b-"),
            ("something behind the end", 400, kind, task + end + b"more"),
            ("no task", 400, kind, file % (b"a.txt", b"hi") + end),
            ("two tasks", 400, kind, task + task + end),
            ("a task that is no JSON", 400, kind, task.replace(spec.encode(), b"{") + end),
            ("two files of a name", 400, kind, task + file % (b"a", b"1") + file % (b"a", b"2") + end),
            ("a filename with a slash", 400, kind, task + file % (b"../a", b"1") + end),
            ("an empty filename", 400, kind, task + file % (b"", b"1") + end),
            ("a part without a filename", 400, kind, task + b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n1\r\n' + end),
            ("a part without a head", 400, kind, task + b"--b\r\n\r\n1\r\n" + end),
            ("a head without an end", 400, kind, task + b"--b\r\n" + b"X: " + b"y" * 9000 + b"\r\n\r\n1\r\n" + end),
            ("too many files", 413, kind, task + b"".join(file % (b"f%d" % i, b"1") for i in range(6)) + end),
            ("a file that is too large", 413, kind, task + file % (b"a", b"x" * (20 << 20)) + end),
    ]:
        s = connect(path)
        try:
            s.sendall(head("POST", "/tasks", token, len(body), content_type) + body)
        except OSError:
            pass
        got = answer(s)
        check(name, got == want, f"{got}, expected {want}")


group, sock, tokens, what = sys.argv[1:5]
with open(tokens) as lines:
    token = dict(line.split() for line in lines)["full"]
if group == "at_once":
    at_once(sock, token, what, 8)
else:
    {"half": half, "forms": forms}[group](sock, token, what)
