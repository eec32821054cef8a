"""The disk of the data, of the write-ahead log, of the workspaces is full, and has room again.

Each is a small file system of its own, filled to its last block under load. agentd refuses work before that (settings: admission),
which it must say: 503 with Retry-After; then PostgreSQL never panics. With admission as good as off (it measures once a day) the
disks become really full: PostgreSQL may panic when its log is, and is started again, as a supervisor would; agentd is not. What was
acknowledged stays, and within 60 s after there is room everything works.
"""
import json
import os
import time

import flows
import volume
from nemesis import Nemesis

NAME = "disk-full"
FIGURES = ("disk_full", "disk_full_tasks", "disk_full_refused_early", "disk_full_back_s")
ORDER, FULL_S, FIXED_S = 80, 200, 60
SHORT = False
ROUNDS, FULL_FOR_S, BACK_S = 3, 5, 60
MIB = {"data": 400, "wal": 192, "workspaces": 48}


def run(run):
    seen = {"full": 0, "tasks": 0, "early": 0, "slowest": 0.0}
    with_admission = knows_admission(run)
    for guarded, n in ((True, 1 if with_admission else 0), (False, run.n(ROUNDS))):
        if n and run.more():
            on_disks(run, guarded, n, seen)
    run.figure("disk_full", seen["full"], "times")
    run.figure("disk_full_tasks", seen["tasks"], "tasks")
    run.figure("disk_full_refused_early", seen["early"], "times")
    run.figure("disk_full_back_s", f"{seen['slowest']:.1f}", "s")


def on_disks(run, guarded, n, seen):
    volumes, directory = {}, f"{run.dir}/disks-{'guarded' if guarded else 'open'}"
    os.makedirs(directory)
    try:
        for name, mib in MIB.items():
            volumes[name] = volume.Volume(run.undo, directory, name, mib)
        rounds(run, volumes, guarded, n, seen)
    finally:
        for v in volumes.values():
            v.close()


def rounds(run, volumes, guarded, n, seen):
    inside = {}
    for name, v in volumes.items():
        inside[name] = v.path + "/" + name
        os.mkdir(inside[name], 0o700)
    with run.rig(start=False, data=inside["data"], wal=inside["wal"], workspaces=inside["workspaces"],
                 pg_settings={"max_wal_size": "'64MB'", "min_wal_size": "'32MB'"}) as rig:
        rig.allow["io"] = rig.allow["failed"] = True
        rig.allow["panic"] = not guarded
        if knows_admission(run):
            rig.settings["admission"] = {"interval": "500ms" if guarded else "24h", "paths": {"data": inside["data"], "wal": inside["wal"]}}
        for name in ("data", "wal"):
            rig.pg.own(inside[name])
        rig.create()
        write_flows(rig)
        rig.start_all(2)
        started = {name: rig[name].starts for name in rig.modes}
        clients = rig.clients(8)
        nemesis = Nemesis(rig)
        for i in range(n):
            for name, v in volumes.items():
                if not run.more():
                    break
                load(clients)
                clients.wait(60)
                if guarded:
                    refuses_early(rig, v, name, nemesis)
                    seen["early"] += 1
                nemesis.did("fill", name)
                before = rig.wait_until(lambda: (noticed(rig, name),), 20, "the database answers")[0]
                v.fill()
                load(clients)
                if guarded:
                    rig.wait_until(lambda: refusal(rig), 20, f"submissions are refused with the disk of {name} at {v.used():.0f} %")
                else:
                    rig.wait_until(lambda: more_load(clients) or noticed(rig, name) > before, 60, f"somebody notices that the disk of {name} is full")
                nemesis.sleep(FULL_FOR_S)
                v.empty()
                nemesis.did("free", name)
                seen["full"] += 1
                seen["slowest"] = max(seen["slowest"], works_again(rig, name, f"{i}-{name}"))
        rig.settle(120)
        for name, times in started.items():
            if rig[name].starts != times:
                rig.violation("DISK", f"{name} had to be started again")
        failed = rig.sql("""SELECT t.id || ' ' || t.error::text FROM agentd.tasks t WHERE t.state = 'failed'
            AND (t.workflow <> 'file' OR t.error ->> 'message' !~ 'No space left|disk') LIMIT 3""")
        if failed:
            rig.violation("DISK", f"tasks failed for another reason than a full disk of workspaces: {failed}")
        seen["tasks"] += clients.acknowledged


def knows_admission(run):
    with open(run.bin + "/agentd", "rb") as f:
        return b"stop_claims_at" in f.read()


def write_flows(rig):
    with open(os.path.dirname(rig.run.builddir) + "/tools.d/fs.write.yaml") as f:
        rig.write("tools.d/fs.write.yaml", f.read())
    flows.flow(rig, "file", '  - id: text\n    set: {text: "${ [range(4000)] | tostring }"}\n'
               '  - id: write\n    call: fs.write\n    with: {path: "a/file.txt", text: "${ .vars.text }"}\n')
    rig.publish()


def load(clients):
    clients.submit("five", 150)
    clients.submit("paid", 20)
    clients.submit("file", 30)


def more_load(clients):
    """New work as long as there is little of it."""
    if clients.asked - clients.acknowledged < 100:
        load(clients)


def noticed(rig, name):
    """How often the full disk was seen by whom it hits."""
    if name == "workspaces":
        return rig.number("SELECT count(*) FROM agentd.task_log WHERE kind = 'step.failed' AND value::text ~ 'No space left|disk'")
    with open(rig.pg.log, errors="replace") as f:
        return sum("No space left on device" in line for line in f)


def refuses_early(rig, v, name, nemesis):
    """Above 85 % nothing is taken in, with a time to come again; below 80 % it is."""
    nemesis.did("fill to 88 %", name)
    v.fill(88)
    answer = rig.wait_until(lambda: refusal(rig), 20, f"submissions are refused with the disk of {name} at {v.used():.0f} %")
    if "retry-after" not in answer[1]:
        rig.violation("ADMISSION", f"503 has no Retry-After: {answer[1]!r}")
    v.empty()
    works_again(rig, name, f"early-{name}-{time.monotonic_ns()}")


def refusal(rig):
    status, head = rig.http_head("POST", "/tasks", {"workflow": "noop", "input": {"n": 1}}, headers=[f"Idempotency-Key: refused-{time.monotonic_ns()}"])
    return (status, head) if status == 503 else None


def works_again(rig, name, key):
    """Submissions are taken, and tasks that need this disk end well. How long that took, in seconds."""
    began = time.monotonic()

    def ends_well():
        if not rig.pg.is_up():
            rig.pg.start(wait=False)
            return False
        # another key each time: a task that met the full disk may have failed with it
        status, body = rig.http("POST", "/tasks", {"workflow": "file", "input": {"n": 1}}, headers=[f"Idempotency-Key: again-{key}-{time.monotonic_ns()}"])
        if status != 202:
            return False
        status, body = rig.http("GET", f"/tasks/{json.loads(body)['id']}?wait=5s")
        return status == 200 and json.loads(body)["state"] == "succeeded"

    rig.wait_until(ends_well, BACK_S, f"full service after the disk of {name} has room again")
    return time.monotonic() - began
