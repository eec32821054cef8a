#!/bin/sh
# 1076-quarantine.t - quarantine with the real programs: a task that kills its worker, one that cannot be ended, and redrive.
. "$top_srcdir/t/lib/pg.sh"
. "$top_srcdir/t/lib/daemon.sh"

d_init "worker: {lease: 1s, heartbeat: 200ms, poll: 200ms, max_failures: 1}" "sweeper: {interval: 200ms}"
cat >"$D/root/tools.d/poison.yaml" <<YAML
agentd: v1
name: lab.poison
description: Kills the worker, until somebody takes the poison away.
args: {type: object}
effect: pure
timeout: 30s
exec: {argv: [/bin/sh, -c, "test -e $D/cured || kill -KILL \$PPID; test -e $D/cured && echo '{\"well\": true}'"], result: .json}
YAML
cat >"$D/root/tools.d/slow.yaml" <<'YAML'
agentd: v1
name: lab.slow
description: Takes a while.
args: {type: object}
effect: pure
timeout: 30s
exec: {argv: [sleep, "0.3"]}
YAML
cat >"$D/root/workflows/poison.yaml" <<'YAML'
agentd: v1
name: poison
steps:
  - id: before
    set: {n: 1}
  - id: drink
    call: lab.poison
output: "${ .steps.drink.output }"
YAML
cat >"$D/root/workflows/slow.yaml" <<'YAML'
agentd: v1
name: slow
steps:
  - {id: one, call: lab.slow}
YAML
cat >"$D/root/workflows/cursed.yaml" <<'YAML'
agentd: v1
name: cursed
steps:
  - {id: one, set: {n: 1}}
YAML
d_publish
d_start web web
d_start sweeper sweeper
d_token admin
admin=$token
d_token plain submit,read
plain=$token

# A supervisor as systemd is one: the worker comes back whenever it was killed.
supervise() {
	while [ ! -e "$D/stop" ]; do
		# it does not outlive us, however this test ends
		setpriv --pdeathsig KILL "$agentd" -c "$D/agentd.yaml" worker || echo "died of $?"
	done
}
poison=$(ctl submit poison)
sql "SELECT agentd.submit('slow') FROM generate_series(1, 100)" >/dev/null
d_spawn supervisor supervise
ok "a task that kills its worker is quarantined" wait_for 60 task_is "$poison" quarantined
ok "a hundred others end" wait_for 60 all_settled
is "all of them well" "$(sql "SELECT count(*) FROM agentd.tasks WHERE workflow = 'slow' AND state = 'succeeded'")" 100
is "it killed four workers" "$(grep -c 'died of 137' "$D/supervisor.log")" 4
is "the view says why" "$(ctl get "$poison" --json | jq -r '.error.message')" \
	'its worker fell silent 4 times in a row without progress; the last step begun was "drink", a call of lab.poison'
like "for people too" "$(ctl get "$poison")" 'error lease_lost at step "drink": its worker fell silent'
like "doctor names it" "$(ctl doctor)" 'quarantined tasks +warning +1'

# --- redrive ---
redrive() { d_http -o "$D/body" -w '%{http_code}' -X POST -H "Authorization: Bearer $1" "http://agentd/tasks/$2/redrive"; }
is "needs the scope admin" "$(redrive "$plain" "$poison")" 403
slow=$(sql "SELECT id FROM agentd.tasks WHERE workflow = 'slow' LIMIT 1")
is "not for a task that is not quarantined" "$(redrive "$admin" "$slow")" 409
is "nor an unknown one" "$(redrive "$admin" 019ab000-0000-7000-8000-000000000009)" 404
out=$(ctl redrive "$slow" 2>&1)
is "agentctl says so" "$? $out" "4 agentctl: task $slow is not quarantined: succeeded"
touch "$D/cured"
is "redriven" "$(redrive "$admin" "$poison") $(jq -r .state "$D/body")" "200 ready"
is "twice is once" "$(redrive "$admin" "$poison")" 200
ok "cured, it ends" wait_for 20 task_is "$poison" succeeded
is "its output" "$(ctl get "$poison" --json | jq -c '[.output, .redriven_by, .recoveries]')" '[{"well":true},"token:admin",0]'
is "what was committed before is not done again" "$(sql "SELECT count(*) FROM agentd.task_log WHERE task = '$poison' AND path = 'before'")" 1

# --- a task whose end is refused ---
sql "CREATE FUNCTION public.curse() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN RAISE EXCEPTION 'cursed' USING ERRCODE = '22000'; END \$\$;
	CREATE TRIGGER curse BEFORE UPDATE ON agentd.tasks FOR EACH ROW WHEN (NEW.workflow = 'cursed' AND NEW.state IS NOT NULL) EXECUTE FUNCTION public.curse()" >/dev/null
cursed=$(ctl submit cursed)
later() { [ "$(sql "SELECT failures FROM agentd.task_queue WHERE id = '$cursed' AND state = 'waiting_timer'")" = 1 ]; }
ok "it is given back for later, a failure counted" wait_for 20 later
sql "UPDATE agentd.task_queue SET run_at = clock_timestamp() WHERE id = '$cursed'" >/dev/null
ok "over the limit: quarantined" wait_for 20 task_is "$cursed" quarantined
is "with the last error" "$(ctl get "$cursed" --json | jq -c '[.failures, .recoveries, .error.message]')" '[2,0,"cursed"]'
sql "DROP TRIGGER curse ON agentd.tasks" >/dev/null
is "redrive by workflow: none there" "$(ctl redrive --workflow slow)" "no task is quarantined"
is "redrive by workflow" "$(ctl redrive --workflow cursed)" "$cursed ready"
ok "it ends" wait_for 20 task_is "$cursed" succeeded
is "nothing left" "$(ctl redrive --all --json)" '{"tasks":[]}'
out=$(ctl redrive 2>&1)
is "usage" "$? $out" "2 agentctl: expected tasks, or --all, or --workflow NAME"
touch "$D/stop"
d_signal supervisor KILL
done_testing
