#!/usr/bin/env python3
"""torture.py - runs unit tests again and again, each time with one allocation or library call that fails (C1, C2).

usage: torture.py BUILD-DIR KIND [--shallow N] [--every] [--seed S] [--jobs J] [--only PATTERN]... [--at N [--ever]]

KIND is alloc (an allocation fails once; and all from there on) or call (any other fallible library call fails once). A clean run first
tells every call path that there is; of each the first and the last call fail (--every: each single call; --shallow: so many chosen
by chance). t/bin/torture.c does it.

alloc passes when the program ends as without (it was survived) or by fatal("out of memory"). call passes also when a test says that it
did not get what it asked for. Never allowed: any other signal, a sanitizer's report, no end.
"""
import argparse
import concurrent.futures
import fnmatch
import os
import random
import re
import subprocess
import sys
import time

FATAL = re.compile(rb"out of memory|not enough memory|cannot allocate memory", re.I)
# The test framework's own end: not ours to judge.
CHECK = re.compile(rb"check_\w+\.c:\d+: ")
# What this one says goes where it looks for it.
MUTE = {"base/log"}
# libuv ends the process by itself when a pipe or a thread of its own fails: its frame is the caller of what failed.
LIBUV = re.compile(rb"torture: \S+ fails.*\n(.*torture.so.*\n)+.*libuv")
# an allocation that no machine could serve is said to have failed: no report
SANITIZER = re.compile(rb"(Address|Leak|UndefinedBehavior)Sanitizer(?! failed to allocate)|runtime error:")


class Program:
    def __init__(self, path, args):
        self.path, self.args = path, args
        self.name = path[len(args.build) + len("/t/unit/"):]
        source = open(os.path.join(args.source, os.path.relpath(path, args.build)) + ".c").read()
        # a test that is to end by a signal needs a process of its own
        self.forks = "raise_signal" in source
        self.paths, self.took = [], 0

    def run(self, **torture):
        shim = self.args.build + "/t/bin/torture.so"
        env = dict(os.environ, top_srcdir=self.args.source, top_builddir=self.args.build, CK_FORK="yes" if self.forks else "no",
                   CK_TAP_LOG_FILE_NAME="-", CK_VERBOSITY="silent", CK_DEFAULT_TIMEOUT="60", AGENTD_TORTURE="1", LD_PRELOAD=self.args.preload + shim,
                   ASAN_OPTIONS="verify_asan_link_order=0:allocator_may_return_null=1:abort_on_error=1:detect_leaks=" + str(int(self.args.kind == "call")))
        env.update((k, str(v)) for k, v in torture.items() if v is not None)
        p = subprocess.Popen([self.path], cwd=self.args.build, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             start_new_session=True)
        try:
            out, err = p.communicate(timeout=max(60, 20 * self.took))
        except subprocess.TimeoutExpired:
            os.killpg(p.pid, 9)
            out, err = p.communicate()
            return "hangs", out, err
        finally:
            try:        # what the test started and did not get to end
                os.killpg(p.pid, 9)
            except ProcessLookupError:
                pass
        return p.returncode, out, err

    def record(self):
        file = os.path.join(self.args.build, "t", f"torture-{self.name.replace('/', '-')}-{self.args.kind}")
        began = time.monotonic()
        status, out, err = self.run(TORTURE_KIND=self.args.kind, TORTURE_RECORD=file)
        self.took = time.monotonic() - began
        if b"# SKIP" in out:
            return False
        if status != 0 or not os.path.exists(file):
            bad = [x for x in out.decode(errors="replace").split("\n") if x.startswith("not ok")]
            print(f"# {self.name}: does not even pass untouched ({status}): {bad} {err.decode(errors='replace')[-500:]}")
            return None
        self.paths = [(int(a), int(b), int(c), d) for a, b, c, d in (x.split() for x in open(file))]
        os.unlink(file)
        return True

    def points(self, r):
        if self.args.every:
            at = range(1, sum(p[2] for p in self.paths) + 1)
        else:
            at = sorted({n for p in self.paths for n in p[:2]})
        at = sorted(r.sample(at, self.args.shallow)) if self.args.shallow and self.args.shallow < len(at) else at
        return [(n, ever) for n in at for ever in ([None, 1] if self.args.kind == "alloc" else [None])]

    def judge(self, n, ever):
        """None when it is as it should be, else why not."""
        status, out, err = self.run(TORTURE_KIND=self.args.kind, TORTURE_AT=n, TORTURE_EVER=ever, TORTURE_SHOW=1)
        bad = [x for x in out.split(b"\n") if x.startswith(b"not ok")]
        what = b" ".join(re.findall(rb"torture: (\S+) fails", err)[:1]).decode() or "nothing"
        told = bool(FATAL.search(out + err)) or self.name in MUTE and status in (-6, 2)
        if status == 2 and (CHECK.search(err) or self.name in MUTE):
            return None
        why = None
        if status == "hangs":
            why = "does not end"
        elif SANITIZER.search(err) and not (b"LeakSanitizer" in err and bad):
            why = "is reported by a sanitizer"
        elif self.forks and status not in (0, 1) or not self.forks and status not in (0, 1, -6):
            why = f"ends with status {status}"
        elif status == -6 and not told and b"fatal: " not in err and not LIBUV.search(err):
            why = "aborts without a word"
        elif self.forks and any(b"signal" in x and b"signal 6" not in x for x in bad):
            why = f"ends by a signal: {bad[0].decode()}"
        elif self.args.kind == "alloc" and status != 0 and not told:
            why = f"goes on as if nothing had happened: {bad[0].decode() if bad else status}"
        return why and (what, why, (out + err).decode(errors="replace"))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("build")
    p.add_argument("kind", choices=["alloc", "call"])
    p.add_argument("--shallow", type=int)
    p.add_argument("--every", action="store_true")
    p.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "big"))
    p.add_argument("--jobs", type=int, default=os.cpu_count())
    p.add_argument("--only", action="append")
    p.add_argument("--at", type=int)
    p.add_argument("--ever", action="store_true")
    args = p.parse_args()
    args.build = os.path.abspath(args.build)
    args.source = os.path.abspath(os.environ.get("top_srcdir") or os.path.join(os.path.dirname(__file__), "..", ".."))
    args.preload = ""
    ldd = subprocess.run(["ldd", args.build + "/src/agentd"], capture_output=True, text=True).stdout
    asan = re.search(r"=> (\S*libasan\S*)", ldd)
    began, r, programs = time.monotonic(), random.Random(args.seed), []
    for d, _, files in sorted(os.walk(args.build + "/t/unit")):
        for f in sorted(files):
            path = os.path.join(d, f)
            name = path[len(args.build) + len("/t/unit/"):]
            if "." not in f and os.access(path, os.X_OK) and (not args.only or any(fnmatch.fnmatch(name, x) for x in args.only)):
                programs.append(Program(path, args))
    if asan:
        args.preload = "" if args.kind == "alloc" else asan.group(1) + ":"
    if args.at:
        print(programs[0].judge(args.at, 1 if args.ever else None) or "as it should be")
        return 0
    bad = runs = skipped = 0
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for program, recorded in zip(programs, pool.map(Program.record, programs)):
            skipped += recorded is False
            bad += recorded is None
        points = [(program, n, ever) for program in programs for n, ever in program.points(r)]
        seen = {}
        for (program, n, ever), finding in zip(points, pool.map(lambda x: Program.judge(*x), points)):
            runs += 1
            if finding:
                bad += 1
                what, why, text = finding
                key = program.name, what, why
                seen[key] = seen.get(key, 0) + 1
                if seen[key] <= 2:
                    print(f"# {program.name}: {what} fails (--at {n}{' --ever' if ever else ''}): {why}", flush=True)
                    print("\n".join("#   " + x for x in text.strip().split("\n")[-12:] if not x.startswith("ok ")), flush=True)
    print(f"# {args.kind}: {sum(p[2] for x in programs for p in x.paths)} calls on {sum(len(x.paths) for x in programs)} paths in {len(programs)} programs "
          f"({skipped} skipped), {runs} of them failed, seed {args.seed}: {bad} wrong, {time.monotonic() - began:.0f} s")
    return bad > 0


sys.exit(main())
