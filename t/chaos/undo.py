"""undo.py - what was done to the machine is undone on every way out, also when the process that did it is killed with SIGKILL.

A guardian, a small process of its own, holds the list of commands and runs those that are left, last first, when the pipe to
its maker closes. Mounts, loop devices, network namespaces and the programs behind them go through here.
"""
import json
import os
import signal
import subprocess
import sys


class Failed(Exception):
    """A command of the machine's tools failed; the text says which and why."""


class CannotHere(Exception):
    """This machine lacks what a device needs; the text says what."""


def run(*command, quiet=False):
    """Runs a command of the system; its output. Raises Failed."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL)
    if done.returncode and not quiet:
        raise Failed(f"{' '.join(command)}: {done.stdout.strip()}")
    return done.stdout.strip()


def started_at(pid):
    """What tells a process from a later one with its number, or None."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rpartition(")")[2].split()[19]
    except OSError:
        return None


def _belongs(pid, directory):
    """Whether process PID works in DIRECTORY or was started with a path in it."""
    try:
        if os.readlink(f"/proc/{pid}/cwd").startswith(directory):
            return True
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            return any(directory.encode() in word for word in f.read().split(b"\0"))
    except OSError:
        return False


def _sweep(directory):
    """kill -9 of all that a campaign started: its directory has a name of its own. Twice: they may be starting others."""
    for _ in range(2):
        for pid in filter(str.isdigit, os.listdir("/proc")):
            if int(pid) != os.getpid() and _belongs(pid, directory):
                try:
                    os.kill(int(pid), signal.SIGKILL)
                except ProcessLookupError:
                    pass


def _execute(command):
    if command[0] == "sweep":
        return
    if command[0] == "end":
        if started_at(command[1]) == command[2]:
            try:
                os.kill(command[1], signal.SIGKILL)
            except ProcessLookupError:
                pass
        return
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)


class Undo:
    """A stack of commands. do() runs one and remembers how to take it back; close() takes everything back."""

    def __init__(self):
        self.stack, self.number = [], 0
        source = os.path.abspath(__file__)
        self.guardian = subprocess.Popen([sys.executable, source], stdin=subprocess.PIPE, start_new_session=True, cwd="/")

    def _tell(self, *words):
        self.guardian.stdin.write((json.dumps(words) + "\n").encode())
        self.guardian.stdin.flush()

    def later(self, *command):
        """A command that undoes something when the run ends, or before, by now(), which takes the handle that this answers."""
        self.number += 1
        self._tell("push", self.number, command)
        self.stack.append((self.number, command))
        return self.number

    def later_end(self, pid):
        """kill -9 of that process (not of a later one with its number)."""
        return self.later("end", pid, started_at(pid))

    def now(self, handle):
        """Runs what was to come later."""
        for entry in self.stack:
            if entry[0] == handle:
                self.stack.remove(entry)
                _execute(entry[1])
                self._tell("pop", handle)
                return

    def later_sweep(self, directory):
        """Should the maker be killed: first of all kill -9 what works in DIRECTORY, last of all remove it."""
        self.later("rm", "-rf", directory)
        return self.later("sweep", directory)

    def close(self):
        while self.stack:
            self.now(self.stack[-1][0])
        if self.guardian.poll() is None:
            self.guardian.stdin.close()
            self.guardian.wait()


def guard():
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(signum, signal.SIG_IGN)
    stack = []
    for line in sys.stdin:
        word, handle, *rest = json.loads(line)
        if word == "push":
            stack.append((handle, rest[0]))
        else:
            stack = [entry for entry in stack if entry[0] != handle]
    for _, command in stack:
        if command[0] == "sweep":
            _sweep(command[1])
    while stack:
        _execute(stack.pop()[1])


if __name__ == "__main__":
    guard()
