"""clocks.py - wall clocks of processes that can be set while they run (libfaketime); the other clocks go on as they are.

The library counts in seconds from the real time and reads its file at every look at the clock: a step is there for all
processes of a clock at once.
"""
import glob
import os
import re
import time

from undo import CannotHere


class Clock:
    """A wall clock. .env makes a process use it; .set(seconds) sets it."""

    def __init__(self, path):
        found = sorted(glob.glob("/usr/lib/*/faketime/libfaketime.so.1"))
        if not found:
            raise CannotHere("no libfaketime")
        self.path = path
        self.env = {"LD_PRELOAD": found[0], "FAKETIME_TIMESTAMP_FILE": path, "FAKETIME_NO_CACHE": "1",
                    "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1", "FAKETIME_DONT_RESET": "1"}
        self.set(0)

    def set(self, seconds):
        """So many seconds beside the real time."""
        fd = os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o644)
        # one write of one length: nobody reads half of it
        os.pwrite(fd, f"{seconds:+012d}\n".encode(), 0)
        os.close(fd)

    def set_to(self, unix_time):
        self.set(int(unix_time - time.time()))


def tidy():
    """What the library leaves in shared memory when a process ends by kill -9."""
    for path in glob.glob("/dev/shm/*faketime_*"):
        pid = re.search(r"_(\d+)$", path)
        if pid and not os.path.exists("/proc/" + pid[1]):
            os.unlink(path)
