"""The power goes while work is under way: what was not flushed is lost in part and torn in part.

PostgreSQL's data and WAL stand on ext4 on a disk that keeps unflushed blocks in memory (pcut.c). A cut ends everything but the
clients and the sink, which are elsewhere; then the power is back, ext4 replays its journal, PostgreSQL recovers, and what was
acknowledged must be there, checksums and indexes clean. The control does the same with fsync off and must lose: else the rig
does not see what it is there to see.
"""
import os
import signal
import subprocess
import threading

import volume
from nemesis import Nemesis
from pg import children
from rig import Rig

NAME = "power-cut"
FIGURES = ("power_cuts", "power_cut_blocks_lost", "power_cut_blocks_torn", "power_cut_acknowledged", "power_cut_lost", "power_cut_control_lost")
ORDER, FULL_S, FIXED_S = 90, 280, 25
ROTATE = True
CUTS, CONTROL_TRIES, MIB = 30, 3, 768
# few buffers and early writing: much is on its way to the disk at any moment, and not flushed
SETTINGS = {"shared_buffers": "'8MB'", "max_wal_size": "'96MB'", "backend_flush_after": "'32kB'", "bgwriter_flush_after": "'32kB'",
            "bgwriter_delay": "'10ms'", "bgwriter_lru_maxpages": "1000", "wal_init_zero": "off"}


def run(run):
    plugin = volume.build_pcut(run.dir)
    seen = {"cuts": 0, "lost": 0, "torn": 0}
    made = []
    try:
        with run.rig(start=False, pg_settings=SETTINGS) as rig:
            disk = make(rig, plugin)
            made.append(disk)
            rig.allow["io"] = rig.allow["panic"] = True
            rig.start_all(2, web="all")
            clients = rig.clients(8)
            nemesis = Nemesis(rig)
            while seen["cuts"] < run.n(CUTS) and run.more():
                clients.submit("five", 120)
                clients.submit("paid", 20)
                clients.wait(30, clients.acknowledged + 20)
                if rig.rng.random() < 0.5:
                    threading.Thread(target=rig.checkpoint).start()
                nemesis.pause(0.7)
                report = cut(rig, disk)
                nemesis.did("power-cut", report)
                seen = {"cuts": seen["cuts"] + 1, "lost": seen["lost"] + report["lost"], "torn": seen["torn"] + report["torn"]}
                if not back(rig, disk, f"{run.seed}{seen['cuts']:03}", plugin):
                    break
                rig.revive()
            rig.settle(120)
            run.figure("power_cuts", seen["cuts"], "cuts")
            run.figure("power_cut_blocks_lost", seen["lost"], "blocks")
            run.figure("power_cut_blocks_torn", seen["torn"], "blocks")
            run.figure("power_cut_acknowledged", clients.acknowledged, "tasks")
            run.figure("power_cut_lost", len(missing(rig, clients.entries())), "tasks")
    finally:
        for disk in made:
            disk.close()
    control(run, plugin)


def make(rig, plugin):
    """The rig's cluster on a disk of its own, everything so far flushed."""
    disk = volume.PowerDisk(rig.run.undo, rig.dir, "disk", MIB, rig.run.seed, plugin)
    rig.pg.data = disk.path + "/data"
    os.mkdir(rig.pg.data, 0o700)
    rig.pg.own(rig.pg.data)
    rig.pg.create(template=rig.run.template(rig))
    rig.pg.start()
    rig.open()
    rig.sql("CREATE EXTENSION IF NOT EXISTS amcheck")
    rig.sql("CHECKPOINT")
    volume.run("sync", "-f", disk.path)
    return disk


def cut(rig, disk):
    """Power off: the disk first, then all who might still say something. What happened to its blocks."""
    report = disk.cut()
    postmaster = rig.pg.process.pid
    os.kill(postmaster, signal.SIGSTOP)
    for pid in [postmaster] + children(postmaster):
        os.kill(pid, signal.SIGKILL)
    rig.pg.process.wait()
    rig.pg.process = None
    for name in rig.modes:
        rig.kill(name)
    rig.pool.close()
    disk.off()
    return report


def back(rig, disk, seed, plugin):
    """Power on. False: the database does not come back, or not as it was."""
    disk.on(seed, plugin)
    try:
        rig.pg.start()
    except RuntimeError as e:
        rig.violation("I1", f"PostgreSQL does not start after a power cut: {e}")
        return False
    acknowledged = [entry for c in rig.all_clients for entry in c.entries()]
    lost = missing(rig, acknowledged)
    if lost:
        rig.violation("I1", f"{len(lost)} of {len(acknowledged)} acknowledged tasks are lost, e.g. {lost[0]}")
    check(rig, "pg_amcheck", "-h", rig.pg.sock, "-U", "postgres", "-d", "agentd", "--no-strict-names", "-s", "agentd")
    rig.pool.close()
    rig.pg.stop("fast")
    check(rig, "pg_checksums", "--check", "-D", rig.pg.data)
    rig.pg.start()
    return not lost


def check(rig, program, *arguments):
    done = subprocess.run(rig.pg.as_user() + [f"{rig.pg.bin}/{program}", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, cwd="/")
    if done.returncode:
        rig.violation("I1", f"{program} after a power cut: {done.stdout.strip()[:500]}")


def missing(rig, entries):
    """Of [(key, task)], those that the database does not know."""
    lost = []
    for i in range(0, len(entries), 1000):
        part = entries[i:i + 1000]
        known = {r[0] for r in rig.sql("SELECT id FROM agentd.tasks WHERE id = ANY ($1)", "{" + ",".join(task for _, task in part) + "}")}
        lost += [entry for entry in part if entry[1] not in known]
    return lost


def control(run, plugin):
    """With fsync off something must be missed, or PostgreSQL must not come back at all."""
    lost = 0
    for i in range(CONTROL_TRIES):
        rig = Rig(run, f"control{i}", pg_settings={**SETTINGS, "fsync": "off"}, settings={"require_durable": False})
        try:
            disk = make(rig, plugin)
            rig.start("web")
            clients = rig.clients(8)
            clients.submit("noop", 100000)
            clients.wait(30, 300)
            cut(rig, disk)
            clients.kill()
            entries = clients.entries()
            disk.on(run.seed + i, plugin)
            try:
                rig.pg.start()
                lost += len(missing(rig, entries))
            except Exception as e:      # whatever it says: it is not what was acknowledged
                run.say(f"the control does not come back: {str(e).splitlines()[0]}")
                lost += len(entries)
            if lost:
                break
        finally:
            rig.close(False)
            disk.close()
    run.figure("power_cut_control_lost", lost, "tasks")
    if not lost:
        run.violation("RIG", f"{CONTROL_TRIES} power cuts with fsync off lost nothing: the rig does not see what it should")
