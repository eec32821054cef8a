"""fsync says that what was written may be gone: PostgreSQL must end, recover from its log, and never go on as if it were there.

strace makes the N-th fsync or fdatasync of each of the server's processes answer EIO, in the middle of commits and checkpoints.
"""
import os
import re
import signal
import subprocess
import threading

import volume
from nemesis import Nemesis
from pg import children
from undo import CannotHere

NAME = "fsync-error"
FIGURES = ("fsync_errors", "fsync_error_panics", "fsync_error_tasks")
ORDER, FULL_S, FIXED_S = 85, 100, 10
ROTATE = True
TIMES = 12


def run(run):
    volume.need("strace")
    with run.rig() as rig:
        rig.allow["io"] = rig.allow["panic"] = True
        rig.start_all(2)
        clients = rig.clients(8)
        nemesis = Nemesis(rig)
        injected = times = 0
        while times < run.n(TIMES, least=2) and run.more():
            clients.submit("five", 120)
            clients.submit("paid", 10)
            clients.wait(60, clients.acknowledged + 20)
            before = complaints(rig)
            n = inject(rig, nemesis)
            # several processes may meet theirs at once: the first PANIC ends the others before they can tell
            if n > 0 and complaints(rig) == before:
                rig.violation("FSYNC", f"{n} errors of fsync, and the server told of none")
            injected += n
            times += 1
            if not rig.pg.is_up():
                rig.pg.start(wait=False)
            rig.pg.wait_ready()
        rig.settle(120)
        with open(rig.pg.log, errors="replace") as f:
            panics = sum("PANIC:" in line for line in f)
        run.figure("fsync_errors", injected, "errors")
        run.figure("fsync_error_panics", panics, "panics")
        run.figure("fsync_error_tasks", clients.acknowledged, "tasks")
        if not panics:
            rig.violation("RIG", f"{injected} errors of fsync made no PANIC: the run proves nothing")


def complaints(rig):
    with open(rig.pg.log, errors="replace") as f:
        return sum(bool(re.search(r"could not (fsync|fdatasync)", line)) for line in f)


def inject(rig, nemesis):
    """Lets fsync fail until the server notices or 20 s are over. How many calls failed."""
    trace = rig.dir + "/strace.out"
    which, before = rig.rng.choice([1, 2, 3, 5, 8, 13]), complaints(rig)
    pids = [rig.pg.pid] + children(rig.pg.pid)
    command = ["strace", "-f", "-q", "-o", trace, "-e", "trace=fsync,fdatasync", "-e", f"inject=fsync,fdatasync:error=EIO:when={which}"]
    for pid in pids:
        command += ["-p", str(pid)]
    tracer = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    handle = rig.run.undo.later_end(tracer.pid)
    nemesis.did("fsync-eio", f"when={which}")
    try:
        if rig.rng.random() < 0.5:
            threading.Thread(target=rig.checkpoint, daemon=True).start()
        for _ in range(200):
            if complaints(rig) > before:
                break
            if tracer.poll() is not None:
                error = tracer.stderr.read()
                if "Operation not permitted" in error and not os.path.exists(trace):
                    raise CannotHere(f"strace may not trace: {error.strip()[:200]}")
                break
            nemesis.sleep(0.1)
    finally:
        if tracer.poll() is None:
            tracer.send_signal(signal.SIGTERM)
        tracer.communicate()
        rig.run.undo.now(handle)
    with open(trace, errors="replace") as f:
        n = sum("(INJECTED)" in line for line in f)
    os.unlink(trace)
    return n
