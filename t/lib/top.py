"""Drives agentctl top in a terminal of its own: what it draws, its keys, signals, and that the terminal is as before when it ends or rests.

Environment: AGENTCTL (the program), D (directory with agentd.yaml). Exit status 1 and a line for what is wrong.
"""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

ENTER, LEAVE = b"\x1b[?1049h\x1b[?25l", b"\x1b[?25h\x1b[?1049l"
SECONDS = 30


class Terminal:
    """The program on a terminal of so many rows and columns."""

    def __init__(self, rows, columns, *args):
        self.master, self.slave = pty.openpty()
        self.size(rows, columns)
        self.before = termios.tcgetattr(self.slave)
        self.seen = b""
        self.pid = os.fork()
        if self.pid == 0:
            os.setsid()
            fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)
            for fd in (0, 1, 2):
                os.dup2(self.slave, fd)
            os.closerange(3, 64)
            os.execv(os.environ["AGENTCTL"], ["agentctl", "-c", os.environ["D"] + "/agentd.yaml", "top", *args])

    def size(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def until(self, what, pattern):
        """What was written up to the pattern; it is taken."""
        end = time.monotonic() + SECONDS
        while not (found := re.search(pattern, self.seen, re.S)):
            if time.monotonic() > end:
                self.fail(f"{what}: {self.seen[-400:]!r}")
            if select.select([self.master], [], [], 0.1)[0]:
                try:
                    self.seen += os.read(self.master, 65536)
                except OSError:
                    if not re.search(pattern, self.seen, re.S):
                        self.fail(f"{what}: it ended, {self.seen[-400:]!r}")
        taken, self.seen = self.seen[:found.end()], self.seen[found.end():]
        return taken

    def key(self, text):
        os.write(self.master, text)

    def wait(self, what, flags=0):
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            pid, status = os.waitpid(self.pid, os.WNOHANG | flags)
            if pid:
                return status
            if select.select([self.master], [], [], 0.05)[0]:
                try:
                    self.seen += os.read(self.master, 65536)
                except OSError:
                    pass
        self.fail(what)

    def as_before(self, what):
        if termios.tcgetattr(self.slave) != self.before:
            self.fail(f"{what}: the terminal is not as before")

    def fail(self, why):
        print(why)
        try:
            os.kill(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        sys.exit(1)


def lines(frame):
    """The lines of the last frame, without what drives the terminal."""
    return [re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", x).decode() for x in frame.split(b"\x1b[H")[-1].split(b"\r\n")]


def main():
    t = Terminal(40, 120, "--interval", "200ms")
    t.until("it takes another screen", re.escape(ENTER))
    frame = t.until("it draws a frame", rb"\x1b\[Hagentd .*?\x1b\[J")
    if not any(x.startswith("alpha ") for x in lines(frame)):
        t.fail(f"the workflows are there: {frame!r}")
    if termios.tcgetattr(t.slave)[3] & termios.ECHO:
        t.fail("keys are not echoed")
    t.until("and another", rb"\x1b\[Hagentd .*?\x1b\[J")
    t.size(5, 20)
    os.kill(t.pid, signal.SIGWINCH)
    t.until("it follows the size", rb"\x1b\[Hagentd  .{1,12}\x1b\[K\r\n.*?\x1b\[J")
    t.key(b" ")
    frame = lines(t.until("it draws in it", rb"\x1b\[Hagentd .*?\x1b\[J"))
    if len(frame) > 5 or max(map(len, frame)) > 20:
        t.fail(f"a frame fits: {frame!r}")
    t.key(b"s")
    t.until("it sorts", rb"\x1b\[Hagentd .*?\x1b\[J")
    # it rests, and the shell has its terminal
    os.kill(t.pid, signal.SIGTSTP)
    status = t.wait("it rests", os.WUNTRACED)
    if not os.WIFSTOPPED(status):
        t.fail(f"it rests: {status}")
    t.until("it left the screen", re.escape(LEAVE))
    t.as_before("at rest")
    os.kill(t.pid, signal.SIGCONT)
    t.until("it goes on", re.escape(ENTER) + rb".*?\x1b\[Hagentd ")
    # told to go on, though it did not rest
    os.kill(t.pid, signal.SIGCONT)
    t.until("and on", re.escape(ENTER) + rb".*?\x1b\[Hagentd ")
    t.key(b"q")
    status = t.wait("q ends it")
    if status != 0:
        t.fail(f"q ends it well: {status}")
    t.until("it leaves the screen", re.escape(LEAVE))
    t.as_before("after q")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        t = Terminal(24, 80)
        t.until("it draws", rb"\x1b\[Hagentd .*?\x1b\[J")
        os.kill(t.pid, number)
        status = t.wait(f"{number.name} ends it")
        if os.WEXITSTATUS(status) != 128 + number:
            t.fail(f"{number.name}: {status}")
        t.until("it leaves the screen", re.escape(LEAVE))
        t.as_before(number.name)


main()
