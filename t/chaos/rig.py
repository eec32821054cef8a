"""rig.py - one throw-away installation under test: cluster, sink, agentd processes, clients. See README for how to use it."""
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

import client
import flows
from oracle import Watch
from pg import Cluster, PgDown, PgError, Pool, children, is_alive
from procs import Died, Process

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(HERE))


class Stuck(Exception):
    """A condition that had to come did not."""


class Rig:
    def __init__(self, run, name="rig", *, hooks=False, settings=None, sink_delay_ms=20, database=None, workspaces=None,
                 data=None, wal=None, pg_settings=None, pg_env=None, pg_wrap=()):
        self.run, self.name = run, name
        self.rng = random.Random(f"{run.seed}:{run.scenario}:{name}")
        self.bin = run.hooks_bin if hooks else run.bin
        self.dir = f"{run.dir}/{run.scenario}-{name}"
        self.root = self.dir + "/root"
        self.workspaces = workspaces or self.dir + "/workspaces"
        for d in ("workflows", "policies", "tools.d"):
            os.makedirs(f"{self.root}/{d}")
        os.makedirs(self.workspaces, exist_ok=True)
        os.makedirs(self.dir + "/pg")
        mutant = run.campaign.mutant
        pg_settings = {**(pg_settings or {}), **(mutant.pg_settings if mutant else {})}
        self.pg = Cluster(self.dir + "/pg", data=data, wal=wal, settings=pg_settings, env=pg_env, wrap=pg_wrap)
        self.database = (database or self.pg.conninfo).replace("{sock}", self.pg.sock).replace("{dir}", self.dir)
        self.pool = Pool(self.pg.conninfo)
        self.settings = merged({
            "agentd": "v1", "config_dir": self.root, "workspace_dir": self.workspaces,
            "worker": {"lease": "2s", "heartbeat": "500ms", "poll": "500ms", "slots": 50, "batch": 50, "drain": "5s"},
            "sweeper": {"interval": "500ms"}}, settings or {})
        self.sink_delay_ms, self.sink_address, self.sink_wrap = sink_delay_ms, "127.0.0.1", []
        self.processes, self.all_clients, self.modes = {}, [], {}
        self.violations, self.printed = [], {}
        self.watch = None
        self.token = None
        # what the oracle is told: see oracle.check()
        self.allow = {"uncertain": True, "quarantined": True, "failed": False, "deaths": False, "panic": False, "io": False,
                      "clock": False, "refused": None}
        self.witness_queries = {}       # more invariants of one scenario, as oracle.WITNESS_QUERIES has them

    # --- making ---
    def create(self):
        """Cluster, schema, sink, standard tools and workflows, a token. Nothing of agentd runs yet."""
        self.pg.create(template=self.run.template(self))
        self.pg.start()
        self.open()

    def open(self):
        """What needs the running cluster; for scenarios that make the cluster themselves (run.rig(start=False))."""
        if not self.sql("SELECT to_regclass('agentd.tasks')")[0][0]:
            self.ctl("migrate")
        if self.run.campaign.mutant:
            self.run.campaign.mutant.apply(self)
        self.start_sink()
        flows.write(self)
        self.publish()
        self.token = self.ctl("token", "create", "chaos", "--scopes", "submit,read,approve,admin,metrics").strip()
        self.watch = Watch(self)

    def start_sink(self):
        port_file = self.dir + "/sink.port"
        self.sink_log = self.dir + "/effects.txt"
        open(self.sink_log, "a").close()
        self.processes["sink"] = Process(
            "sink", self.sink_wrap + [self.run.sink, "--port-file", port_file, "--log", self.sink_log, "--delay-ms", str(self.sink_delay_ms),
                                      "--address", self.sink_address],
            self.dir + "/sink.log", ready=lambda: os.path.exists(port_file)).start()
        with open(port_file) as f:
            self.sink_port = int(f.read())

    def ctl(self, *arguments, check=True, env=None):
        """agentctl; its standard output. Raises when it fails."""
        done = subprocess.run([self.bin + "/agentctl", "-c", self.settings_file("ctl"), *arguments], text=True, capture_output=True,
                              env={**os.environ, "AGENTD_SQL": SOURCE + "/sql", **(env or {})})
        with open(self.dir + "/ctl.log", "a") as log:
            log.write(done.stderr)
        if check and done.returncode:
            raise RuntimeError(f"agentctl {' '.join(arguments)}: status {done.returncode}: {done.stderr}")
        return done.stdout

    def publish(self):
        """agentctl reload of what stands below .root."""
        self.ctl("reload")

    def write(self, path, text):
        """A file of the configuration root."""
        with open(f"{self.root}/{path}", "w") as f:
            f.write(text)

    def settings_file(self, name, more=None):
        path = f"{self.dir}/{name}.yaml"
        with open(path, "w") as f:      # JSON is YAML
            json.dump(merged({"database": self.database, "web": {"listen": "unix:" + self.socket(name)}}, self.settings, more or {}), f)
        return path

    def socket(self, name="web"):
        return f"{self.dir}/{name}.sock"

    # --- processes of agentd ---
    def start(self, name, mode=None, *, env=None, settings=None, wrap=(), program=None, wait=True):
        """agentd MODE (default: NAME without digits: worker1 is a worker) as process NAME; again after its end with the same.

        program: another directory of programs (run.hooks_bin).
        """
        p = self.processes.get(name)
        if p is None or mode or env or settings or wrap or program:
            mode = mode or name.rstrip("0123456789")
            ready = {"worker": "worker.registered", "sweeper": "store.connected"}.get(mode, lambda: self.http_ready(name))
            p = Process(name, list(wrap) + [(program or self.bin) + "/agentd", "-c", self.settings_file(name, settings), mode], f"{self.dir}/{name}.log",
                        env={"CHAOS_RIG": self.dir, **self.run.sanitizer_env(self.dir), **(env or {})}, cwd=self.dir, ready=ready)
            self.processes[name], self.modes[name] = p, mode
        elif p.alive():
            return p
        return p.start(wait)

    def start_all(self, workers=4, web="web"):
        """web, sweeper, worker0 ... ; answers the workers' names. web="all": the one called web is a worker too, which starts what it takes in."""
        names = [f"worker{i}" for i in range(workers)]
        self.start("web", web, wait=False)
        for name in ["sweeper"] + names:
            self.start(name, wait=False)
        for name in ["web", "sweeper"] + names:
            self.processes[name].wait_ready()
        return names

    def revive(self, wait=True):
        """Starts again whatever was started before and does not run now (kill() leaves it dead)."""
        dead = [n for n in self.modes if not self.processes[n].alive()]
        for name in dead:
            self.processes[name].start(wait=False)
        for name in dead if wait else ():
            self.processes[name].wait_ready()
        return dead

    def __getitem__(self, name):
        return self.processes[name]

    def kill(self, name):
        """kill -9."""
        return self.processes[name].kill()

    def forget(self, name):
        """Ends process NAME for good: revive() does not start it again."""
        self.processes[name].kill()
        del self.processes[name], self.modes[name]

    def expect_death(self, name):
        """It may end by itself from now on (a crash point)."""
        self.processes[name].expected = True

    # --- the database and the API ---
    def sql(self, query, *params):
        """Rows as tuples of text, past any proxy. Raises PgDown while the database is away, PgError when it refuses."""
        return self.pool.query(query, *params)

    def checkpoint(self):
        """In a thread of its own; whoever disturbs the server may meet it half way."""
        try:
            self.sql("CHECKPOINT")
        except (PgDown, PgError):
            pass
        finally:
            self.pool.close()

    def value(self, query, *params):
        return self.sql(query, *params)[0][0]

    def number(self, query, *params):
        return int(self.value(query, *params))

    def http(self, method, target, body=None, name="web", headers=(), timeout=10):
        """(status, body) over the Unix socket of web process NAME; status 0: no answer."""
        answer = http(self.socket(name), self.token, method, target, body, headers, timeout)
        return answer.status, answer.body

    def http_head(self, method, target, body=None, name="web", headers=(), timeout=10):
        """(status, {name of a header: value})."""
        answer = http(self.socket(name), self.token, method, target, body, headers, timeout)
        return answer.status, answer.headers

    def http_ready(self, name="web"):
        return http(self.socket(name), None, "GET", "/readyz", timeout=2).status == 200

    def submit(self, flow, key=None, timeout=10, **arguments):
        """One submission over HTTP that must succeed; its id."""
        status, body = self.http("POST", "/tasks", {"workflow": flow, "input": arguments}, timeout=timeout,
                                 headers=[f"Idempotency-Key: {key or 'one-' + os.urandom(8).hex()}"])
        if status != 202:
            raise RuntimeError(f"POST /tasks: {status} {body!r}")
        return json.loads(body)["id"]

    def clients(self, parallel=8, sockets=("web",), name=None):
        c = Clients(self, name or f"client{len(self.all_clients)}", parallel, [self.socket(s) for s in sockets])
        self.all_clients.append(c)
        return c

    # --- waiting ---
    def wait_until(self, condition, seconds, what):
        """Polls CONDITION, a function or a query whose value is true; a database that is away counts as no. Raises Stuck."""
        until = time.monotonic() + seconds
        ask = condition if callable(condition) else lambda: self.value(condition) == "t"
        while True:
            try:
                got = ask()
                if got:
                    return got
            except PgDown:
                pass
            if time.monotonic() > until:
                raise Stuck(f"{what}: not within {seconds} s")
            time.sleep(0.02)

    def open_tasks(self):
        """How many tasks neither ended nor wait for a person."""
        return self.number("SELECT count(*) FROM agentd.task_queue WHERE state NOT IN ('uncertain', 'quarantined', 'waiting_approval')")

    def open_ends(self):
        return self.sql("SELECT q.state || ' ' || count(*) || ', e.g. ' || min(q.id::text) FROM agentd.task_queue q GROUP BY q.state")

    def settle(self, seconds=120):
        """The fault is over: everything that was started runs again, and every task ends or waits under a name (I2)."""
        seconds = min(seconds, 15) if self.run.campaign.proving else seconds
        for p in list(self.processes.values()):
            p.thaw()
        if not self.pg.is_up():
            self.pg.start()
        self.pg.wait_ready()
        self.revive()
        for c in self.all_clients:
            c.finish(seconds)
        self.watch.calm()
        try:
            # what lies under a dead lease will not end: no need to wait for it
            self.wait_until(lambda: self.watch.found_orphan or self.open_tasks() == 0, seconds, "every task ends or waits under a name")
        except Stuck as e:
            self.violation("I2", f"{e}: {'; '.join(r[0] for r in self.open_ends())}")

    def cycles(self, seconds=None):
        """lease + sweep of the settings, in seconds: how long a dead worker's tasks may lie."""
        return 2 * duration(self.settings["worker"]["lease"]) + duration(self.settings["sweeper"]["interval"])

    # --- what was seen ---
    def violation(self, invariant, text):
        self.violations.append((invariant, text))
        kind = (invariant, re.sub(r"[0-9a-f-]{36}", "", text))
        self.printed[kind] = self.printed.get(kind, 0) + 1
        if self.printed[kind] <= 3:
            print(f"{'found' if self.run.campaign.proving else 'violation'} {self.run.scenario} {invariant}: {text}", flush=True)

    def attempts_lost(self):
        return self.number("SELECT count(*) FROM agentd.task_attempts WHERE outcome = 'lost'")

    # --- the end ---
    def stop_all(self):
        """SIGTERM to everything of agentd at once; what does not end with 0 is a violation."""
        running = [self.processes[name] for name in self.modes if self.processes[name].alive()]
        for p in running:
            p.terminate()
        for p in running:
            status = p.stop()
            if status != 0:
                self.violation("I10", f"{p.name} answered SIGTERM with {'nothing' if status is None else f'status {status}'}: {p.tail(5)}")

    def unexpected_deaths(self):
        for name, p in self.processes.items():
            if not p.alive() and not p.expected and p.starts:
                self.violation("I11", f"{name} ended by itself with status {p.status}: {p.tail()}")

    def close(self, keep):
        for c in self.all_clients:
            c.kill()
        if self.watch:
            self.watch.stop()
        self.pool.close()
        for p in self.processes.values():
            p.thaw()
            p.kill()
        try:
            self.pg.stop("immediate", 20)
        except RuntimeError:
            self.pg.kill()
        if not keep:
            shutil.rmtree(self.dir, ignore_errors=True)

    # --- processes seen from outside ---
    def tool_children(self):
        """Pids of tools (flows.exec_tool marks them) that run now, with their parents' pids."""
        found = {}
        for entry in os.listdir("/proc"):
            if not entry.isdigit():
                continue
            try:
                with open(f"/proc/{entry}/environ", "rb") as f:
                    marked = b"CHAOS_TOOL=" + self.dir.encode() in f.read().split(b"\0")
                with open(f"/proc/{entry}/stat") as f:
                    fields = f.read().rpartition(")")[2].split()
            except OSError:
                continue
            if marked and fields[0] not in "ZX":
                found[int(entry)] = int(fields[1])
        return found


class Clients:
    """Submitters in a process of their own (clients.py); what was acknowledged stands fsynced in .journal as KEY<tab>TASK."""

    def __init__(self, rig, name, parallel, sockets):
        self.rig, self.name = rig, name
        self.journal = f"{rig.dir}/{name}.acknowledged"
        self.bad = f"{rig.dir}/{name}.bad"
        open(self.journal, "w").close()
        self.process = Process(name, [sys.executable, "-B", HERE + "/clients.py", name, rig.token, self.journal, self.bad, str(parallel), *sockets],
                               f"{rig.dir}/{name}.log", stdin=subprocess.PIPE).start(wait=False)
        self.asked = 0
        self.closed = False
        self._seen, self._offset = 0, 0

    def submit(self, flow, count, **more):
        """COUNT more tasks of FLOW, input {"n": running number, **MORE}. Returns at once."""
        self.asked += count
        self.process.popen.stdin.write((json.dumps({"flow": flow, "count": count, "input": more}) + "\n").encode())
        self.process.popen.stdin.flush()

    @property
    def acknowledged(self):
        with open(self.journal, "rb") as f:
            f.seek(self._offset)
            data = f.read()
        self._offset += len(data)
        self._seen += data.count(b"\n")
        return self._seen

    def entries(self):
        """[(key, task)] of whole lines."""
        with open(self.journal) as f:
            return [tuple(line.rstrip("\n").split("\t")) for line in f if line.endswith("\n")]

    def wait(self, seconds, count=None):
        """Until COUNT (default: all that was asked for) are acknowledged."""
        want = self.asked if count is None else count
        self.rig.wait_until(lambda: self.acknowledged >= want, seconds, f"{want} submissions are acknowledged ({self.name})")

    def finish(self, seconds=60):
        """Waits for all answers and ends the process."""
        if self.closed:
            return
        self.closed = True
        self.process.popen.stdin.close()
        try:
            self.process.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            self.rig.violation("I1", f"{self.name}: {self.asked - self.acknowledged} submissions have no answer after {seconds} s")
            self.kill()
        if os.path.exists(self.bad):
            with open(self.bad) as f:
                for line in f.readlines()[:5]:
                    self.rig.violation("HTTP", f"{self.name}: {line.strip()}")

    def kill(self):
        self.closed = True
        self.process.kill()


def http(path, token, method, target, body=None, headers=(), timeout=10):
    """What client.py says of it; status 0 also when no answer came in time."""
    try:
        return client.raw(path, client.request_bytes(method, target, token, body, ["Connection: close", *headers]), timeout)
    except (OSError, ValueError, IndexError):
        return client.Answer(0, {}, b"", True)


def merged(*maps):
    out = {}
    for m in maps:
        for key, value in m.items():
            out[key] = merged(out[key], value) if isinstance(value, dict) and isinstance(out.get(key), dict) else value
    return out


def duration(text):
    """Seconds of "500ms", "2s", "5m"."""
    number, unit = re.fullmatch(r"(\d+)(ms|s|m|h)", text).groups()
    return int(number) * {"ms": 0.001, "s": 1, "m": 60, "h": 3600}[unit]
