"""pg.py - PostgreSQL for the rig: libpq through ctypes, and a throw-away cluster that can be ended in every way.

The postmaster is a child of the rig (no pg_ctl): its pid is known, it can be given an environment, and be run under another
program (strace, ip netns exec). PostgreSQL refuses root: then it runs as postgres, else nobody.
"""
import ctypes
import ctypes.util
import os
import pwd
import shutil
import signal
import subprocess
import threading
import time


class PgDown(Exception):
    """The connection failed or was lost: what was sent may have been committed."""


class PgError(Exception):
    """The database refused the statement; .sqlstate says why."""

    def __init__(self, sqlstate, message):
        super().__init__(f"{sqlstate}: {message}")
        self.sqlstate = sqlstate


def _load_libpq():
    lib = ctypes.CDLL(ctypes.util.find_library("pq") or "libpq.so.5")
    pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
    for name, result, arguments in (
            ("PQconnectdb", pointer, [text]), ("PQstatus", number, [pointer]), ("PQerrorMessage", text, [pointer]),
            ("PQfinish", None, [pointer]), ("PQping", number, [text]), ("PQresultStatus", number, [pointer]),
            ("PQexecParams", pointer, [pointer, text, number, pointer, pointer, pointer, pointer, number]),
            ("PQexec", pointer, [pointer, text]), ("PQntuples", number, [pointer]), ("PQnfields", number, [pointer]),
            ("PQgetisnull", number, [pointer, number, number]), ("PQgetvalue", text, [pointer, number, number]),
            ("PQresultErrorField", text, [pointer, number]), ("PQresultErrorMessage", text, [pointer]), ("PQclear", None, [pointer]),
            ("PQputCopyData", number, [pointer, text, number]), ("PQputCopyEnd", number, [pointer, text]),
            ("PQgetResult", pointer, [pointer]), ("PQbackendPID", number, [pointer]),
            ("PQsetNoticeProcessor", pointer, [pointer, pointer, pointer])):
        f = getattr(lib, name)
        f.restype, f.argtypes = result, arguments
    return lib


_pq = _load_libpq()
_ignore = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_char_p)(lambda arg, text: None)
CONNECTION_OK = 0
COMMAND_OK, TUPLES_OK, COPY_IN = 1, 2, 4
FIELD_SQLSTATE = ord("C")


class Connection:
    """One connection; not to be shared between threads. Values are str, NULL is None."""

    def __init__(self, conninfo):
        self.conn = _pq.PQconnectdb(conninfo.encode())
        if _pq.PQstatus(self.conn) != CONNECTION_OK:
            message = _pq.PQerrorMessage(self.conn).decode().strip()
            self.close()
            raise PgDown(message)
        _pq.PQsetNoticeProcessor(self.conn, ctypes.cast(_ignore, ctypes.c_void_p), None)
        self.pid = _pq.PQbackendPID(self.conn)

    def close(self):
        if self.conn:
            _pq.PQfinish(self.conn)
            self.conn = None

    def _rows(self, result):
        status = _pq.PQresultStatus(result)
        try:
            if status in (COMMAND_OK, TUPLES_OK):
                return [tuple(None if _pq.PQgetisnull(result, r, c) else _pq.PQgetvalue(result, r, c).decode()
                              for c in range(_pq.PQnfields(result))) for r in range(_pq.PQntuples(result))]
            sqlstate = _pq.PQresultErrorField(result, FIELD_SQLSTATE)
            message = _pq.PQresultErrorMessage(result).decode().strip()
        finally:
            _pq.PQclear(result)
        # without a code libpq itself speaks: the connection is gone; 57P0x: the server is going or not there yet
        if not sqlstate or sqlstate[:4] == b"57P0" or sqlstate[:2] == b"08":
            raise PgDown(message)
        raise PgError(sqlstate.decode(), message)

    def query(self, sql, *params):
        if params:
            values = (ctypes.c_char_p * len(params))(*(None if p is None else str(p).encode() for p in params))
            result = _pq.PQexecParams(self.conn, sql.encode(), len(params), None, values, None, None, 0)
        else:
            result = _pq.PQexec(self.conn, sql.encode())
        return self._rows(result)

    def copy_in(self, sql, lines):
        result = _pq.PQexec(self.conn, sql.encode())
        if _pq.PQresultStatus(result) != COPY_IN:
            self._rows(result)
        _pq.PQclear(result)
        for line in lines:
            data = line.encode()
            _pq.PQputCopyData(self.conn, data, len(data))
        _pq.PQputCopyEnd(self.conn, None)
        result = _pq.PQgetResult(self.conn)
        while result:
            self._rows(result)
            result = _pq.PQgetResult(self.conn)


def answers(conninfo):
    """Whether the server takes connections now."""
    return _pq.PQping(conninfo.encode()) == 0


def copy_text(value):
    """A value as COPY's text format wants it."""
    if value is None:
        return r"\N"
    return str(value).replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def find_bin():
    if os.environ.get("PG_BIN"):
        return os.environ["PG_BIN"]
    for major in (18, 17, 16, 15):
        path = f"/usr/lib/postgresql/{major}/bin"
        if os.access(path + "/initdb", os.X_OK):
            return path
    found = shutil.which("initdb")
    if not found:
        raise SystemExit("chaos: no PostgreSQL server binaries")
    return os.path.dirname(found)


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            return [int(word) for word in f.read().split()]
    except OSError:
        return []


def is_alive(pid):
    """Running, stopped or waiting; not a zombie that its parent has not looked at."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False


SETTINGS = {
    "listen_addresses": "''",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "max_wal_size": "1GB",
    "log_min_messages": "warning",
    "log_line_prefix": "'%m [%p] %e %a '",
    "timezone": "'UTC'",
    "restart_after_crash": "on",
}


class Cluster:
    """A cluster below DIR; data and wal may stand elsewhere (another file system).

    settings: of postgresql.conf, over SETTINGS; env: added to the postmaster's environment; wrap: a command to run it under.
    All three may be changed between two starts.
    """

    def __init__(self, directory, data=None, wal=None, settings=None, env=None, wrap=()):
        self.bin = find_bin()
        self.dir = directory
        self.data = data or directory + "/data"
        self.wal = wal
        self.sock = directory + "/sock"
        self.log = directory + "/postgresql.log"
        self.settings = {**SETTINGS, "unix_socket_directories": f"'{self.sock}'", **(settings or {})}
        self.env = dict(env or {})
        self.wrap = list(wrap)
        self.conninfo = f"host={self.sock} port=5432 user=postgres dbname=agentd connect_timeout=5"
        self.process = None
        self.user = None
        if os.getuid() == 0:
            names = {p.pw_name: p for p in pwd.getpwall()}
            self.user = names.get(os.environ.get("PG_RUN_AS", "postgres")) or names["nobody"]

    # --- as the right user ---
    def as_user(self):
        if not self.user:
            return []
        return ["setpriv", f"--reuid={self.user.pw_uid}", f"--regid={self.user.pw_gid}", "--clear-groups"]

    def own(self, path):
        """Gives PATH to the user whom the server runs as."""
        if self.user:
            os.chown(path, self.user.pw_uid, self.user.pw_gid)

    def _run(self, *command):
        done = subprocess.run(self.as_user() + list(command), cwd=self.dir, env={**os.environ, "LC_ALL": "C", "HOME": self.dir},
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            raise RuntimeError(f"{command[0]} failed: {done.stdout}")

    # --- making ---
    def create(self, template=None):
        """initdb, or a copy of TEMPLATE, the data directory of a cluster that was stopped."""
        os.makedirs(self.sock, exist_ok=True)
        self.own(self.dir)
        self.own(self.sock)
        open(self.log, "a").close()
        self.own(self.log)
        if template:
            subprocess.run(["cp", "-a", template + "/.", self.data], check=True)
            if self.wal:
                self._move_wal()
        else:
            os.makedirs(self.data, exist_ok=True)
            self.own(self.data)
            os.chmod(self.data, 0o700)
            wal = [f"--waldir={self.wal}"] if self.wal else []
            self._run(self.bin + "/initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C",
                      "--data-checksums", "--no-sync", *wal)
        self.write_settings()

    def _move_wal(self):
        own = self.data + "/pg_wal"
        subprocess.run(["cp", "-a", own + "/.", self.wal], check=True)
        shutil.rmtree(own)
        os.symlink(self.wal, own)
        self.own(self.wal)

    def write_settings(self):
        """Writes .settings; the server reads them at its next start."""
        with open(self.data + "/postgresql.auto.conf", "w") as f:
            f.writelines(f"{name} = {value}\n" for name, value in self.settings.items())
        self.own(self.data + "/postgresql.auto.conf")

    # --- starting ---
    def start(self, wait=True, seconds=60):
        log = open(self.log, "ab")
        self.process = subprocess.Popen(
            # a library that env preloads is not to see the change of user
            self.wrap + self.as_user() + ["env"] + [f"{k}={v}" for k, v in self.env.items()] + [self.bin + "/postgres", "-D", self.data],
            cwd=self.dir, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, "LC_ALL": "C", "HOME": self.dir},
            start_new_session=True)
        log.close()
        if wait:
            self.wait_ready(seconds)

    def wait_ready(self, seconds=60):
        until = time.monotonic() + seconds
        while not answers(self.conninfo.replace("dbname=agentd", "dbname=postgres")):
            if self.process.poll() is not None:
                raise RuntimeError(f"PostgreSQL ended with status {self.process.returncode}: {self.tail()}")
            if time.monotonic() > until:
                raise RuntimeError(f"PostgreSQL is not ready after {seconds} s: {self.tail()}")
            time.sleep(0.01)

    def tail(self, lines=15):
        with open(self.log, errors="replace") as f:
            return "".join(f.readlines()[-lines:])

    @property
    def pid(self):
        """The postmaster's, or None."""
        try:
            with open(self.data + "/postmaster.pid") as f:
                pid = int(f.readline())
        except (OSError, ValueError):
            return None
        return pid if is_alive(pid) else None

    def is_up(self):
        return self.process is not None and self.process.poll() is None

    # --- ending ---
    def stop(self, mode="fast", seconds=60):
        """mode: smart, fast, or immediate (as after a crash)."""
        pid = self.pid
        if pid:
            os.kill(pid, {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}[mode])
        self._reap(seconds)

    def kill(self):
        """kill -9 of the postmaster and everything below it."""
        pid = self.pid
        if pid:
            os.kill(pid, signal.SIGSTOP)
            below = children(pid)
            for p in [pid] + below:
                try:
                    os.kill(p, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            until = time.monotonic() + 10
            while any(is_alive(p) for p in below) and time.monotonic() < until:
                time.sleep(0.005)
        self._reap(20)

    def kill_backend(self, rng):
        """kill -9 of one backend that serves agentd, chosen by RNG: the server restarts itself. False: there was none."""
        try:
            c = Connection(self.conninfo)
        except PgDown:
            return False
        try:
            rows = c.query("SELECT pid FROM pg_stat_activity WHERE application_name ^@ 'agentd' ORDER BY pid")
        except PgDown:
            rows = []
        c.close()
        if not rows:
            return False
        os.kill(int(rng.choice(rows)[0]), signal.SIGKILL)
        return True

    def _reap(self, seconds):
        if not self.process:
            return
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise RuntimeError(f"PostgreSQL did not end within {seconds} s: {self.tail()}")
        finally:
            self.process = None


class Pool(threading.local):
    """One connection per thread, made anew when the last was lost."""

    def __init__(self, conninfo):
        self.conninfo = conninfo
        self.connection = None

    def query(self, sql, *params):
        if not self.connection:
            self.connection = Connection(self.conninfo)
            self.connection.query("SET jit = off")
        try:
            return self.connection.query(sql, *params)
        except PgDown:
            self.close()
            raise

    def copy_in(self, sql, lines):
        if not self.connection:
            self.connection = Connection(self.conninfo)
        self.connection.copy_in(sql, lines)

    def close(self):
        if self.connection:
            self.connection.close()
            self.connection = None
