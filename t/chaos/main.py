"""main.py - the supervisor of ./dev chaos: chooses scenarios, gives each its seed and its share of the time, counts.

main.py --build DIR --hooks-build DIR --logs DIR [--minutes N] [--scale X] [--seed S] [--only NAME] [--list]

Prints, as they come: "run NAME seed S scale X: ./dev chaos ...", "figure NAME VALUE UNIT", "violation SCENARIO INVARIANT: what",
"skip NAME: what this machine lacks".
The last line is "N runs, N violations"; the exit status is 1 on any violation.
"""
import argparse
import contextlib
import importlib
import os
import pkgutil
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback

import mutants
import oracle
import scenarios
from pg import Cluster
from procs import Died
from rig import Rig, Stuck
from undo import CannotHere, Undo


class Run:
    """One scenario under way: what its run() function is given."""

    def __init__(self, campaign, scenario, scale, until):
        self.campaign, self.module = campaign, scenario
        # rounded, so that the command that repeats it says the same
        self.scenario, self.seed, self.scale, self.until = scenario.NAME, campaign.seed, float(f"{scale:.4g}"), until
        self.dir, self.bin, self.hooks_bin, self.sink = campaign.dir, campaign.build + "/src", campaign.hooks + "/src", campaign.build + "/t/bin/effect_sink"
        self.builddir = campaign.build
        self.rng = random.Random(f"{self.seed}:{self.scenario}")
        self.rigs = 0

    def n(self, full, least=1):
        """A full figure at this run's scale."""
        return max(least, round(full * self.scale))

    def more(self):
        """False: the time is up, stop causing trouble and come to an end."""
        return time.monotonic() < self.until

    def figure(self, name, value, unit):
        print(f"figure {name} {value} {unit}", flush=True)

    def say(self, text):
        print(f"# {self.scenario}: {text}", flush=True)

    def violation(self, invariant, text):
        """One that belongs to no rig."""
        self.campaign.violations += 1
        print(f"violation {self.scenario} {invariant}: {text}", flush=True)

    def command(self):
        return f"./dev chaos --only {self.scenario} --seed {self.seed} --scale {self.scale:g}"

    @property
    def undo(self):
        """The stack on which devices put how to take them back (undo.py)."""
        return self.campaign.undo

    def template(self, rig):
        return self.campaign.template(rig)

    def sanitizer_env(self, directory):
        return {"ASAN_OPTIONS": f"abort_on_error=1:detect_stack_use_after_return=1:log_path={directory}/san",
                "UBSAN_OPTIONS": f"print_stacktrace=1:log_path={directory}/san"}

    @contextlib.contextmanager
    def rig(self, name=None, start=True, **settings):
        """A rig; when the block ends, the fault is over: work settles, daemons stop, the oracle looks. Counts as one run."""
        self.rigs += 1
        marks = [time.monotonic()]
        rig = Rig(self, name or f"r{self.rigs}", **settings)
        self.campaign.runs += 1
        try:
            if start:
                rig.create()
        except BaseException:
            rig.close(False)
            raise
        try:
            for part in (lambda: None, None, rig.settle, rig.stop_all, lambda: oracle.check(rig)):
                if part:
                    part()
                else:
                    yield rig
                marks.append(time.monotonic())
            self.say("seconds to make, run, settle, stop, check: " + " ".join(f"{b - a:.1f}" for a, b in zip(marks, marks[1:])))
        except (Stuck, Died) as e:
            rig.violation("I2" if isinstance(e, Stuck) else "I11", str(e))
        finally:
            self.campaign.violations += len(rig.violations)
            self.campaign.found += rig.violations
            keep = (bool(rig.violations) or sys.exc_info()[0] is not None) and not self.campaign.proving or self.campaign.keep
            rig.close(keep)
            if keep:
                self.campaign.keep_logs(rig)


class Campaign:
    def __init__(self, args):
        self.build, self.hooks, self.logs, self.seed, self.keep = args.build, args.hooks_build, args.logs, args.seed, args.keep
        self.dir = tempfile.mkdtemp(prefix="agentd-chaos.")
        os.chmod(self.dir, 0o755)
        self.runs = self.violations = self.skipped = 0
        self.found = []             # (invariant, text)
        self.mutant, self.proving = mutants.BY_NAME.get(args.break_), args.prove
        self.made = None
        self.undo = Undo()
        if not self.keep:
            self.undo.later_sweep(self.dir)

    def template(self, rig):
        """A cluster with the schema, made once and copied by every rig (same programs, same schema)."""
        if not self.made:
            c = Cluster(self.dir + "/template")
            os.makedirs(c.dir)
            c.create()
            c.start()
            c._run(c.bin + "/createdb", "-h", c.sock, "-U", "postgres", "agentd")
            ctl = self.dir + "/template/ctl.yaml"
            with open(ctl, "w") as f:
                f.write(f'agentd: v1\ndatabase: "{c.conninfo}"\n')
            source = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
            status = os.spawnve(os.P_WAIT, self.build + "/src/agentctl", ["agentctl", "-c", ctl, "migrate"],
                                {**os.environ, "AGENTD_SQL": source + "/sql"})
            c.stop("fast")
            if status:
                raise SystemExit("chaos: agentctl migrate failed")
            self.made = c.data
        return self.made

    def keep_logs(self, rig):
        """Everything but the cluster's data goes where it can be looked at."""
        to = f"{self.logs}/{rig.run.scenario}-{rig.name}-seed{self.seed}"
        shutil.rmtree(to, ignore_errors=True)
        shutil.copytree(rig.dir, to, ignore=shutil.ignore_patterns("data", "sock", "*.sock", "workspaces", "*.img", "disk", "*.front"), ignore_dangling_symlinks=True)
        print(f"# logs: {to}", flush=True)
        if not self.keep:
            shutil.rmtree(rig.dir, ignore_errors=True)

    def run(self, scenario, scale, until):
        run = Run(self, scenario, scale, until)
        print(f"run {scenario.NAME} seed {self.seed} scale {run.scale:g}: {run.command()}", flush=True)
        began, before = time.monotonic(), self.violations
        try:
            scenario.run(run)
        except CannotHere as e:
            print(f"skip {scenario.NAME}: {e}", flush=True)
            self.skipped += 1
        except Exception:       # of the rig itself: this run proved nothing
            traceback.print_exc()
            self.violations += 1
            print(f"violation {scenario.NAME} RIG: the scenario itself failed", flush=True)
        took = time.monotonic() - began
        print(f"done {scenario.NAME}: {self.violations - before} violations, {took:.0f} s", flush=True)
        return took


def all_scenarios():
    found = [importlib.import_module(f"scenarios.{m.name}") for m in pkgutil.iter_modules(scenarios.__path__)]
    return sorted(found, key=lambda s: (s.ORDER, s.NAME))


SHORT_MINUTES = 8


def slice_of(chosen, minutes, seed):
    """A short campaign has no time for every device: of those that say ROTATE the seed chooses one, SHORT = False stays out."""
    if not minutes or minutes >= SHORT_MINUTES:
        return chosen
    dear = [s for s in chosen if getattr(s, "ROTATE", False)]
    one = random.Random(f"{seed}:slice").choice(dear) if dear else None
    return [s for s in chosen if getattr(s, "SHORT", True) and (s not in dear or s is one)]


def shares(chosen, seconds):
    """(scale, seconds) of each scenario, so that all fit; the fixed costs come first."""
    if not seconds:
        return [(1.0, float("inf")) for _ in chosen]
    left = max(0, seconds - sum(s.FIXED_S for s in chosen))
    scale = min(1.0, left / sum(s.FULL_S for s in chosen))
    return [(scale, s.FIXED_S + s.FULL_S * scale) for s in chosen]


def prove(campaign, by_name, names):
    """Every mutant in its scenario; counts as a violation what survives."""
    survived = []
    for m in (mutants.BY_NAME[name] for name in names.split(",")):
        print(f"mutant {m.name}: {m.what}", flush=True)
        campaign.mutant, campaign.found = m, []
        campaign.run(by_name[m.scenario], m.scale, time.monotonic() + 60)
        caught = sorted({invariant for invariant, _ in campaign.found if invariant in m.caught_by})
        print(f"{'caught' if caught else 'violation SURVIVED'} {m.name}: {', '.join(caught) or 'nobody noticed'}", flush=True)
        if not caught:
            survived.append(m.name)
    print(f"{campaign.runs} runs, {len(survived)} violations", flush=True)
    return 1 if survived else 0


def main():
    p = argparse.ArgumentParser(prog="./dev chaos", allow_abbrev=False)
    p.add_argument("--build", required=True, help=argparse.SUPPRESS)
    p.add_argument("--hooks-build", required=True, help=argparse.SUPPRESS)
    p.add_argument("--logs", required=True, help=argparse.SUPPRESS)
    p.add_argument("--minutes", type=float, help="scale the work so that it fits (default: the full figures)")
    p.add_argument("--scale", type=float, help="1 = the full figures")
    p.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(3), "big"))
    p.add_argument("--only", metavar="NAME", help="one scenario, or several with commas")
    p.add_argument("--list", action="store_true", help="the scenarios and their figures")
    p.add_argument("--break", dest="break_", choices=sorted(mutants.BY_NAME), help="with agentd broken in this way: violations are to be found")
    p.add_argument("--prove", nargs="?", const=",".join(mutants.BY_NAME), metavar="NAMES", help="break agentd in every way known: a violation is one that nobody finds")
    p.add_argument("--keep", action="store_true", help="keep the directories of all runs")
    args = p.parse_args()
    chosen = all_scenarios()
    if args.only:
        names = args.only.split(",")
        unknown = set(names) - {s.NAME for s in chosen}
        if unknown:
            p.error(f"--only: unknown scenario \"{', '.join(sorted(unknown))}\", expected {', '.join(s.NAME for s in chosen)}")
        chosen = [s for s in chosen if s.NAME in names]
    else:
        chosen = slice_of(chosen, args.minutes if not args.list else None, args.seed)
    if args.list:
        for s in chosen:
            print(f"{s.NAME:18} {s.FULL_S:5} s  {' '.join(s.FIGURES)}")
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGHUP, lambda *_: sys.exit(129))
    campaign = Campaign(args)
    began = time.monotonic()
    try:
        if args.prove:
            return prove(campaign, {s.NAME: s for s in all_scenarios()}, args.prove)
        campaign.template(None)     # before the clock of the first scenario runs
        plan = shares(chosen, (args.minutes or 0) * 60)
        for i, s in enumerate(chosen):
            scale, seconds = plan[i]
            campaign.run(s, args.scale or scale, time.monotonic() + seconds)
    finally:
        campaign.undo.close()
    print(f"took {time.monotonic() - began:.0f} s, seed {args.seed}", flush=True)
    print(f"{campaign.runs} runs, {campaign.violations} violations", flush=True)
    return 1 if campaign.violations or not (campaign.runs or campaign.skipped) else 0


if __name__ == "__main__":
    sys.exit(main())
