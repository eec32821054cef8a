"""procs.py - a process that the rig started: log, readiness, kills that were meant and ends that were not."""
import os
import signal
import subprocess
import time


class Died(Exception):
    """A process ended although nobody meant it to."""


class Process:
    def __init__(self, name, command, log, env=None, cwd=None, ready=None, stdin=subprocess.DEVNULL):
        """ready: a text that its log must show (since this start), or a function that says so."""
        self.name, self.command, self.log, self.cwd, self.ready = name, list(command), log, cwd, ready
        self.env = {**os.environ, **(env or {})}
        self.stdin = stdin
        self.popen = None
        self.expected = self.stopping = False       # its end is meant; SIGTERM was sent
        self.starts = 0

    def start(self, wait=True):
        with open(self.log, "ab") as log:
            self.log_from = log.seek(0, os.SEEK_END)
            self.popen = subprocess.Popen(self.command, stdin=self.stdin, stdout=log, stderr=log, cwd=self.cwd, env=self.env,
                                          start_new_session=True)
        self.expected = self.stopping = False
        self.starts += 1
        if wait:
            self.wait_ready()
        return self

    @property
    def pid(self):
        return self.popen.pid if self.popen else None

    @property
    def status(self):
        """As a shell says it: 137 after SIGKILL; None while it runs."""
        code = self.popen.poll() if self.popen else None
        return None if code is None else 128 - code if code < 0 else code

    def alive(self):
        return self.popen is not None and self.popen.poll() is None

    def said(self, text):
        """Whether its log shows TEXT since the last start."""
        with open(self.log, "rb") as f:
            f.seek(self.log_from)
            return text.encode() in f.read()

    def mark(self):
        """said_since_mark() looks only at what is logged from here on."""
        self.marked = os.path.getsize(self.log)

    def said_since_mark(self, text):
        with open(self.log, "rb") as f:
            f.seek(self.marked)
            return text.encode() in f.read()

    def tail(self, lines=12):
        with open(self.log, errors="replace") as f:
            return "".join(f.readlines()[-lines:])

    def wait_ready(self, seconds=30):
        until = time.monotonic() + seconds
        while not (self.ready is None or (self.ready() if callable(self.ready) else self.said(self.ready))):
            if not self.alive():
                if self.expected:
                    return
                raise Died(f"{self.name} ended with status {self.status} before it was ready: {self.tail()}")
            if time.monotonic() > until:
                raise Died(f"{self.name} is not ready after {seconds} s: {self.tail()}")
            time.sleep(0.01)

    def signal(self, signum):
        if self.alive():
            os.kill(self.popen.pid, signum)

    def kill(self):
        """kill -9, and wait for its end."""
        self.expected = True
        if not self.alive():
            return False
        self.popen.kill()
        self.popen.wait()
        return True

    def freeze(self):
        """SIGSTOP; returns when it stands still."""
        self.signal(signal.SIGSTOP)
        while self.alive() and not self.is_stopped():
            time.sleep(0.002)
        self.mark()

    def thaw(self):
        self.signal(signal.SIGCONT)

    def is_stopped(self):
        try:
            with open(f"/proc/{self.popen.pid}/stat") as f:
                return f.read().rpartition(")")[2].split()[0] in "Tt"
        except OSError:
            return False

    def terminate(self):
        self.expected = self.stopping = True
        self.signal(signal.SIGTERM)

    def stop(self, seconds=30):
        """SIGTERM, and wait; answers the status, None when it had to be killed."""
        if self.alive():
            if not self.stopping:
                self.terminate()
            try:
                self.popen.wait(seconds)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait()
                return None
        return self.status
