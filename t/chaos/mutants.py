"""mutants.py - agentd broken on purpose: each must be caught by the scenario named, or the rig proves nothing.

A mutant replaces what a pattern finds in functions of the schema (no find is an error), or is SQL of its own. It is put into
every cluster of its run: ./dev chaos --break NAME. ./dev chaos --prove tries them all and wants a violation of each.
"""
import re


class Mutant:
    def __init__(self, name, what, scenario, caught_by, replace=(), sql=(), scale=0.03, pg_settings=None):
        self.name, self.what, self.scenario, self.caught_by, self.scale = name, what, scenario, caught_by, scale
        self.replace, self.sql, self.pg_settings = replace, sql, pg_settings or {}

    def apply(self, rig):
        for function, old, new in self.replace:
            text = rig.value("""SELECT pg_get_functiondef(p.oid) FROM pg_proc p WHERE p.pronamespace = 'agentd'::regnamespace
                AND p.proname = $1""", function)
            text, n = re.subn(old, new, text)
            if not n:
                raise RuntimeError(f"mutant {self.name}: agentd.{function} does not say \"{old}\" any more")
            rig.sql(text)
        for statement in self.sql:
            rig.sql(statement)


ASYNC = (r"\nBEGIN\n", r"\nBEGIN\n\tPERFORM set_config('synchronous_commit', 'off', true);\n")

MUTANTS = [
    Mutant("no-fence", "a commit is taken whatever its fence", "zombie", ("ZOMBIE", "I3", "I4", "I5"),
           replace=[("commit_steps", r"AND x\.fence = \S+ AND x\.worker IS NOT NULL LIMIT 1 FOR", "AND x.worker IS NOT NULL LIMIT 1 FOR")]),
    Mutant("repeat", "after a crash nobody knows that a call had begun", "effects-by-class", ("I5", "CLASS"),
           replace=[("journal_json", r"seq > p_after", r"seq > p_after AND kind <> 'step.started'"),
                    ("effect_move_allowed", "SELECT CASE", "SELECT true OR CASE")]),
    Mutant("no-key", "a key that was used before makes another task", "web-kill", ("I12",),
           replace=[("submit_batch", "k.task <> s.id", "false")]),
    Mutant("no-sweep", "nobody takes tasks back from dead workers", "worker-kill", ("I2",),
           replace=[("sweep_expired_workers", "lease_until < v_now OR", "false OR")]),
    Mutant("no-timer", "a due timer is not promoted", "all-kill", ("I2",),
           replace=[("promote_due", "q.run_at <= p_now", "q.run_at <= p_now - interval '1 h'")]),
    Mutant("late-ink", "a terminal row is written again", "worker-kill", ("I9",),
           replace=[("sweep_due_timers", r"\nBEGIN\n", r"\nBEGIN\n\tUPDATE agentd.tasks SET failures = failures + 1 WHERE state = 'succeeded';\n")],
           sql=["DROP TRIGGER immutable_outcome ON agentd.tasks"]),
    Mutant("free-lunch", "a settled call is not booked on its task", "worker-kill", ("I8",),
           sql=["""CREATE FUNCTION agentd.forget_cost() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                NEW.spent_usd := OLD.spent_usd; RETURN NEW; END $$""",
                "CREATE TRIGGER forget_cost BEFORE UPDATE ON agentd.task_queue FOR EACH ROW EXECUTE FUNCTION agentd.forget_cost()"]),
    Mutant("not-durable", "answered before it is on disk", "all-kill", ("I1", "I5", "I12"),
           replace=[("submit_batch", *ASYNC), ("commit_steps", *ASYNC), ("claim", *ASYNC), ("heartbeat", *ASYNC)],
           pg_settings={"wal_writer_delay": "10s"}),
    Mutant("gap", "a step's result goes missing in the journal", "worker-kill", ("I3", "I6"),
           sql=["""CREATE FUNCTION agentd.mislay() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF NEW.path = 'again' AND NEW.kind = 'step.succeeded' AND random() < 0.05 THEN RETURN NULL; END IF; RETURN NEW; END $$""",
                "CREATE TRIGGER mislay BEFORE INSERT ON agentd.task_log FOR EACH ROW EXECUTE FUNCTION agentd.mislay()"]),
    Mutant("used-twice", "an approval that was consumed serves another effect", "asked", ("I7",),
           replace=[("approval_consume", r"a\.state = 'approved'", "a.state IN ('approved', 'consumed')")]),
    Mutant("unbound", "an approval serves whatever arguments are about to run", "asked", ("I7",),
           replace=[("approval_consume", r"a\.digest IS DISTINCT FROM p_digest", "false")]),
    Mutant("last-word", "a decision is taken though another one stands", "asked", ("I7",),
           replace=[("decide_approval", r"a\.state <> 'pending'", "a.state IN ('consumed', 'cancelled')")]),
]
BY_NAME = {m.name: m for m in MUTANTS}
