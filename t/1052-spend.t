#!/bin/sh
# 1052-spend.t - a person is asked for money: on_exceeded: approval and when_exhausted.no_step_allowed; approved once, denied, expired,
# edited, by two at once, in an agent's turns, and a worker that dies at every stage.
. "$top_srcdir/t/lib/pg.sh"
. "$top_srcdir/t/lib/daemon.sh"

d_init
d_stub --log "$D/asked.txt"
price='price: {input: 1.00, output: 100.00, as_of: 2026-11-01}'
cat >"$D/root/policies/routing.yaml" <<END
agentd: v1
defaults: {retry: {max: 0, backoff: [10ms, 20ms]}}
providers:
  stub: {wire: openai, base_url: "$stub_url", key_env: []}
models:
  good: {provider: stub, id: good, context: 8192, max_output: 100, can: [tools], $price}
  broken: {provider: stub, id: stub/500, context: 8192, max_output: 100, $price}
caps:
  day: {scope: global, window: day, limit_usd: 0.0001, on_exceeded: approval}
  quiet: {scope: global, window: day, limit_usd: 0.0001, on_exceeded: skip}
  few: {scope: task, window: lifetime, limit_usd: 0.0105, on_exceeded: approval}
tiers:
  t: {steps: [{model: good, caps: [day, few]}]}
  first: {steps: [{model: broken}, {model: good, caps: [day]}, {model: broken, caps: [quiet]}]}
  none: {steps: [{model: good, caps: [quiet]}], when_exhausted: {no_step_allowed: approval, all_open: fail, all_failed: fail}}
  agent: {steps: [{model: good, caps: [few]}]}
END
flow() {	# NAME TIER [MORE]
	printf 'agentd: v1\nname: %s\nsteps:\n  - id: ask\n    model: {tier: %s, prompt: "Say hello.", max_output: 100}\n%soutput: {said: "${ .steps.ask.output.text }"}\n' \
		"$1" "$2" "${3:-}" >"$D/root/workflows/$1.yaml"
}
d_witness file.plain default
flow plain t
flow first first
flow none none
flow timed t '    timeout: 1s
'
flow caught t '    catch: other
  - {id: skip, set: {n: 1}, then: end}
  - id: other
    set: {why: "${ .steps.ask.error.type }"}
'
cat >"$D/root/workflows/agent.yaml" <<'END'
agentd: v1
name: agent
steps:
  - id: work
    agent: {tier: agent, prompt: "Work.", tools: [file.plain], output: {type: object, required: [a]}, max_output: 100, max_turns: 5}
END
sed 's/^name: agent/name: worktime/; s/^    agent:/    timeout: 2s\n    agent:/' "$D/root/workflows/agent.yaml" >"$D/root/workflows/worktime.yaml"
d_publish
d_start worker worker
d_start sweeper sweeper
asked() { grep -c . "$D/asked.txt"; }
waits() { wait_for 20 task_is "$id" waiting_approval && a=$(sql "SELECT id FROM agentd.approval_queue WHERE task = '$id' AND state = 'pending'"); }
start() { id=$(ctl submit "$1"); waits || fail "$1 waits for a person" "$(ctl get "$id")"; }
state() { sql "SELECT string_agg(state, ' ' ORDER BY requested_at) FROM agentd.approval_queue WHERE task = '$id'"; }
end_is() { wait_for 20 task_is "$id" "$1"; }
error() { sql "SELECT error ->> 'type' FROM agentd.tasks WHERE id = '$id'"; }
message() { sql "SELECT error ->> 'message' FROM agentd.tasks WHERE id = '$id'"; }
held() { sql "SELECT sum(held_usd) FROM agentd.spend_window"; }

# --- what is asked ---
start plain
ctl --json approvals show "$a" >"$D/ask.json"
ask() { jq -cr "$1" "$D/ask.json"; }
is "a request of kind spend, at the step" "$(ask '.kind + " " + .step + " " + .state')" "spend ask pending"
like "its title says how much, for what, over which cap" "$(ask .title)" '^Spend up to 0\.01[0-9]* USD on model good \(tier t\), over cap "day"$'
is "the figures of the cap" "$(ask '.show.caps[0] | [.cap, .limit_usd, .spent_usd, .held_usd, .scope, .window] | join(" ")')" "day 0.0001 0 0 global day"
is "the amount, the tier, the model, the turn" "$(ask '[.show.tier, .show.model, .show.path, (.show.amount_usd == .show.caps[0].needed_usd)] | join(" ")')" "t good ask/turn-1 true"
like "for a day" "$(sql "SELECT expires_at - requested_at FROM agentd.approval_queue WHERE id = '$a'")" '^(23:59:5|24:00|1 day)'
like "list and show are readable" "$(ctl approvals list; ctl approvals show "$a")" 'Spend up to'
like "why says what it waits for" "$(ctl why "$id")" "Step .ask. waits for a person: .*$a"
is "nothing is held, nobody was asked" "$(held) $(asked)" "0.000000000000 0"
is "the step waits" "$(ctl --json get "$id" | jq -r '.steps[0].status')" waiting

# --- edited, approved, once ---
ctl approvals approve "$a" --args '{"amount_usd": "100"}' >"$D/out" 2>&1
is "arguments cannot be edited" $? 1
like "which is said" "$(cat "$D/out")" 'only with the approval of a call'
is "approved" "$(ctl approvals approve "$a" --comment ok)" approved
ok "it goes on" end_is succeeded
is "the approval is used up, the provider was asked once" "$(state) $(asked)" "consumed 1"
is "it is spent over the limit, and settled" "$(sql "SELECT spent_usd > 0.0001, held_usd FROM agentd.spend_window WHERE cap = 'day'")" "t|0.000000000000"
start plain
is "the next one is asked for anew" "$(state)" pending
is "denied" "$(ctl approvals deny "$a" --comment 'too dear')" denied
ok "it fails" end_is failed
like "as money that is not there, with the reason" "$(error): $(message)" '^budget.usd: 0\.01[0-9]* USD on model "good", over cap "day": denied by os:.*: too dear$'
is "nobody was asked" "$(asked)" 1
start caught
ctl approvals deny "$a" >/dev/null
ok "which can be caught" end_is succeeded

# --- nobody decides ---
start plain
sql "UPDATE agentd.approval_queue SET expires_at = now() - interval '1 s' WHERE id = '$a'; UPDATE agentd.task_queue SET run_at = now() WHERE id = '$id'" >/dev/null
ok "its time is over: it fails" end_is failed
like "for that reason" "$(error): $(message)" '^budget.usd: .*: nobody approved it in time$'
start plain
ctl cancel "$id" >/dev/null
ok "cancelled while it waits" end_is cancelled
is "so is the request" "$(state)" cancelled

# --- two at once ---
start plain
(ctl approvals approve "$a" >"$D/one" 2>&1; echo $? >>"$D/one") &
ctl approvals deny "$a" >"$D/two" 2>&1; echo $? >>"$D/two"
wait $!
ok "one word counts" wait_for 20 eval 'task_is "$id" succeeded || task_is "$id" failed'
is "the other one is refused" "$(cat "$D/one" "$D/two" | grep -cx 0)" 1

# --- where in the tier ---
before=$(asked)
start first
is "the first step failed, the last is skipped: the one between is asked for" "$(sql "SELECT show ->> 'model' FROM agentd.approval_queue WHERE id = '$a'") $(($(asked) - before))" "good 1"
ctl approvals approve "$a" >/dev/null
ok "it is approved" end_is succeeded
is "that step alone is asked then" "$(sql "SELECT string_agg(model_asked || ':' || error_class, ' ' ORDER BY id) FROM agentd.model_calls WHERE task = '$id'")" "stub/500:server_error good:"
start none
is "no step allowed: a person is asked although the cap says skip" "$(sql "SELECT show -> 'caps' -> 0 ->> 'cap' FROM agentd.approval_queue WHERE id = '$a'")" quiet
ctl approvals approve "$a" >/dev/null
ok "and allows it" end_is succeeded

# --- time spent waiting does not count ---
start timed
wait_for 10 eval '[ "$(sql "SELECT now() > requested_at + interval '\''1200 ms'\'' FROM agentd.approval_queue WHERE id = '\''$a'\''")" = t ]'
ctl approvals approve "$a" >/dev/null
ok "a step's timeout does not run meanwhile" end_is succeeded

# --- an agent: each turn that does not fit is asked for ---
start agent
is "a later turn" "$(sql "SELECT show ->> 'path', path FROM agentd.approval_queue WHERE id = '$a'")" "work/turn-2|work"
ctl approvals approve "$a" >/dev/null
ok "is approved, the next one asked for" waits
is "by a request of its own" "$(sql "SELECT show ->> 'path' FROM agentd.approval_queue WHERE id = '$a'") $(state)" "work/turn-3 consumed pending"
ctl approvals deny "$a" >/dev/null
ok "denied" end_is failed
is "the agent fails for money" "$(error)" budget.usd

start worktime
is "and the next turn of one" "$(sql "SELECT show ->> 'path' FROM agentd.approval_queue WHERE id = '$a'")" work/turn-2
wait_for 10 eval '[ "$(sql "SELECT now() > requested_at + interval '\''2200 ms'\'' FROM agentd.approval_queue WHERE id = '\''$a'\''")" = t ]'
ctl approvals approve "$a" >/dev/null
ok "whose timeout does not run meanwhile either" waits
ctl cancel "$id" >/dev/null

# --- a worker that is killed while it waits, and while the answer to what was allowed is under way ---
start plain
d_signal worker KILL
d_status worker
ctl approvals approve "$a" >/dev/null
d_start worker worker
ok "decided while no worker lives" end_is succeeded
is "used up once" "$(state)" consumed

# --- at every stage, where the programs have crash points ---
d_stop worker
dead() { ! d_alive dies; }
dies() {	# POINT: false where there are none
	D_MAY_DIE=1 d_start dies worker "AGENTD_CRASH=$1"
	wait_for 10 dead && d_status dies && return
	d_signal dies KILL
	d_status dies
	skip "killed at $1" "the programs were built without crash points"
	return 1
}
for point in commit.after_send:2 commit.after_reply:2 commit.after_reply:3; do
	id=$(ctl submit plain)
	dies "$point" || break
	d_start worker worker
	ok "killed at $point before it waits: it waits" waits
	is "with one request" "$(state)" pending
	ctl approvals deny "$a" >/dev/null
	end_is failed
	d_stop worker
done
for point in commit.before_send:1 commit.after_send:1 model.before_call:1 model.before_call:2 model.after_call:1 commit.after_send:2 commit.after_reply:2; do
	d_start worker worker
	start plain
	d_stop worker
	before=$(asked)
	ctl approvals approve "$a" >/dev/null
	dies "$point" || break
	consumed=$(state)
	d_start worker worker
	wait_for 20 eval 'task_is "$id" succeeded || task_is "$id" waiting_approval'
	echo "# $point: $consumed when it died, then $(task_state "$id")"
	if task_is "$id" waiting_approval; then
		is "killed at $point: the money was reserved on the strength of it, more is asked for" "$(state)" "consumed pending"
		waits
		ctl approvals approve "$a" >/dev/null
	else
		is "killed at $point: it counts once" "$(state)" consumed
	fi
	ok "it ends" end_is succeeded
	is "each reservation over the cap has an approval of its own" \
		"$(sql "SELECT count(*) FROM agentd.cap_hold h JOIN agentd.spend_hold s ON s.id = h.hold WHERE s.task = '$id' AND h.cap = 'day'")" \
		"$(sql "SELECT count(*) FROM agentd.approval_queue WHERE task = '$id' AND state = 'consumed'")"
	d_stop worker
done
done_testing
