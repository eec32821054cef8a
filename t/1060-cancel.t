#!/bin/sh
# 1060-cancel.t - a cancel ends a task wherever it stands, and never hides an effect.
. "$top_srcdir/t/lib/pg.sh"
. "$top_srcdir/t/lib/daemon.sh"

d_init
d_sink 4000
d_stub --log "$D/asked.txt"
cat >"$D/root/policies/routing.yaml" <<END
agentd: v1
providers: {stub: {wire: openai, base_url: "$stub_url", key_env: []}}
models:
  slow: {provider: stub, id: stub/delay-30000, context: 8192, max_output: 100, price: {input: 1.00, output: 2.00, as_of: 2026-11-01}}
tiers: {slow: {steps: [{model: slow}]}}
END
flow() { printf 'agentd: v1\nname: %s\nsteps:\n%s\n' "$1" "$2" >"$D/root/workflows/$1.yaml"; }
flow waits '  - id: nap
    wait: 1h'
flow asks '  - id: ask
    model: {tier: slow, prompt: hello}
    catch: never
  - id: never
    set: {caught: true}'
flow calls '  - id: act
    call: sink.again
    with: {n: 1}
  - id: later
    call: sink.look
    with: {n: 1}'
flow acts '  - id: act
    call: sink.once
    with: {n: 1}
  - id: later
    call: sink.look
    with: {n: 1}'
flow loops '  - id: each
    for:
      in: "[range(0; 1000)]"
      do:
        - id: nap
          wait: 100ms'
d_publish
d_start worker worker
d_start sweeper sweeper
d_asked() { [ -s "$D/asked.txt" ] || [ "$(sql "SELECT count(*) FROM agentd.spend_hold WHERE settled_at IS NULL")" -gt 0 ]; }
started() { [ "$(grep -c " $1 " "$D/effects.txt")" -ge "$2" ]; }
terminal() { sql "SELECT state FROM agentd.tasks WHERE id = '$1' AND state IS NOT NULL" | grep -q .; }

# --- ready, nobody has it ---
d_stop worker
task=$(ctl submit waits)
ctl cancel "$task" >/dev/null
is "a ready task is cancelled at once" "$(task_state "$task")" cancelled
d_start worker worker

# --- waiting ---
task=$(ctl submit waits)
wait_for 5 task_is "$task" waiting_timer
ctl cancel "$task" >/dev/null
ok "a waiting task is cancelled" wait_for 3 task_is "$task" cancelled
is "its error says why" "$(sql "SELECT coalesce(error ->> 'type', '') FROM agentd.tasks WHERE id = '$task'")" cancelled

# --- in the middle of a model's answer ---
task=$(ctl submit asks)
ok "the model is asked" wait_for 10 d_asked
before=$(now_ms)
ctl cancel "$task" >/dev/null
ok "a task that waits for a model is cancelled" wait_for 6 task_is "$task" cancelled
took=$(($(now_ms) - before))
[ $took -lt 5000 ] && pass "without waiting for the answer ($took ms)" || fail "without waiting for the answer" "$took ms"
is "a cancel cannot be caught" "$(sql "SELECT count(*) FROM agentd.task_log WHERE task = '$task' AND path = 'never'")" 0
is "the money is settled at its estimate" "$(sql "SELECT count(*) FROM agentd.spend_hold WHERE task = '$task' AND settled_at IS NULL")" 0
is "and counted" "$(sql "SELECT coalesce(cost_usd, 0) > 0 FROM agentd.tasks WHERE id = '$task'")" t

# --- in the middle of a tool's call ---
task=$(ctl submit calls)
ok "the tool is called" wait_for 10 started /again 1
ctl cancel "$task" >/dev/null
ok "a task that waits for a repeatable tool is cancelled" wait_for 12 task_is "$task" cancelled
is "nothing more is started" "$(grep -c ' /look ' "$D/effects.txt")" 0

# --- in the middle of an effect that must not be repeated ---
task=$(ctl submit acts)
ok "the at_most_once tool is called" wait_for 10 started /once 1
ctl cancel "$task" >/dev/null
settled() { sql "SELECT coalesce(t.state, q.state) FROM agentd.tasks t LEFT JOIN agentd.task_queue q USING (id) WHERE t.id = '$task'" | grep -Eqx 'cancelled|uncertain'; }
ok "the task ends or says uncertain" wait_for 12 settled
case $(task_state "$task") in
cancelled) is "cancelled: the effect's answer is in the ledger" "$(sql "SELECT state FROM agentd.effects WHERE task = '$task'")" done ;;
*) is "uncertain: the effect is" "$(sql "SELECT state FROM agentd.effects WHERE task = '$task'")" uncertain ;;
esac
is "it happened once" "$(grep -c ' /once ' "$D/effects.txt")" 1

# --- between steps of a long loop, and while the worker is dead ---
task=$(ctl submit loops)
busy() { [ "$(sql "SELECT count(*) FROM agentd.task_log WHERE task = '$task' AND kind = 'step.succeeded'")" -ge 3 ]; }
ok "the loop turns" wait_for 10 busy
ctl cancel "$task" >/dev/null
ok "a loop is cancelled" wait_for 6 task_is "$task" cancelled
task=$(ctl submit asks)
ok "another model is asked" wait_for 10 d_asked
d_signal worker KILL
d_status worker
ctl cancel "$task" >/dev/null
d_start worker worker
ok "a cancel that came while the worker was dead is kept" wait_for 12 task_is "$task" cancelled

# --- two cancels, and the end wins or the cancel does ---
flow quick '  - id: one
    set: {n: 1}'
d_publish
sql "SELECT agentd.submit('quick') FROM generate_series(1, 40)" >"$D/ids"
while read -r id; do ctl cancel "$id" >/dev/null 2>&1 & pids="${pids:-} $!"; [ $(($(echo $pids | wc -w) % 8)) = 0 ] && wait $pids; done <"$D/ids"
for p in $pids; do wait "$p" 2>/dev/null; done
ok "a race of cancel and end ends" wait_for 15 all_settled
is "each task has one end" "$(sql "SELECT count(*) FROM agentd.tasks WHERE workflow = 'quick' AND state NOT IN ('succeeded', 'cancelled')")" 0
is "and what succeeded has its output" "$(sql "SELECT count(*) FROM agentd.tasks WHERE workflow = 'quick' AND state = 'succeeded' AND output IS NULL")" 0
done_testing
