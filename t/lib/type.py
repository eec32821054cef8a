"""type.py SHELL ARG... -- FIRST TYPED PATTERN: types into an interactive shell on a terminal and waits for what it shows.

FIRST is a line that is run before; TYPED is written as it is, TAB included, and PATTERN (of re) has to appear on the line. Exit status 1 and
what was seen instead.
"""
import os
import pty
import re
import select
import signal
import sys
import time

SECONDS = 30


def main():
    cut = sys.argv.index("--")
    command, (first, typed, pattern) = sys.argv[1:cut], sys.argv[cut + 1:]
    os.environ.update(TERM="dumb", PS1="ready> ", PROMPT="ready> ", HISTFILE="/dev/null", INPUTRC="/dev/null")
    pid, master = pty.fork()
    if pid == 0:
        os.execvp(command[0], command)
    seen = ""

    def until(what):
        nonlocal seen
        end = time.monotonic() + SECONDS
        while not re.search(what, seen):
            if time.monotonic() > end:
                break
            if select.select([master], [], [], 0.1)[0]:
                try:
                    seen += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\a", "", os.read(master, 65536).decode(errors="replace"))
                except OSError:
                    break
        else:
            return
        print(f"{what!r} did not come: {seen[-600:]!r}")
        os.kill(pid, signal.SIGKILL)
        sys.exit(1)

    # the echo of a command does not hold the word that it prints
    os.write(master, (first + "; echo set''up\n").encode())
    until("setup")
    seen = ""
    os.write(master, typed.encode())
    until(pattern)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


main()
