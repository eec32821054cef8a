#!/bin/sh
# 1051-caps.t - caps with the real programs: many callers on several workers, waiting, skipping, failing, every scope, death between
# reservation and settlement, midnight.
. "$top_srcdir/t/lib/pg.sh"
. "$top_srcdir/t/lib/daemon.sh"

d_init
d_stub --log "$D/asked.txt"
# 100 tokens of output reserve 0.01 USD, an answer of the stub costs about 0.0003
price='price: {input: 1.00, output: 100.00, as_of: 2026-11-01}'
routing() {	# CAPS: lines of YAML; the tiers of the test
	cat >"$D/root/policies/routing.yaml" <<-END
	agentd: v1
	timezone: Europe/Vienna
	defaults: {retry: {max: 0, backoff: [10ms, 20ms]}}
	providers:
	  stub: {wire: openai, base_url: "$stub_url", key_env: []}
	  second: {wire: openai, base_url: "$stub_url", key_env: []}
	models:
	  good: {provider: stub, id: good, context: 8192, max_output: 100, $price}
	  other: {provider: second, id: other, context: 8192, max_output: 100, $price}
	  gratis: {provider: second, id: gratis, price: free, context: 8192}
	  slow: {provider: stub, id: stub/delay-30000, context: 8192, max_output: 100, $price}
	  broken: {provider: stub, id: stub/500, context: 8192, max_output: 100, $price}
		caps:
	$1
	tiers:
	$2
	END
}
flow() {	# NAME TIER [MORE]
	printf 'agentd: v1\nname: %s\nsteps:\n  - id: ask\n    model: {tier: %s, prompt: "Say hello.", max_output: 100}\n%soutput: {said: "${ .steps.ask.output.text }"}\n' \
		"$1" "$2" "${3:-}" >"$D/root/workflows/$1.yaml"
}
run() {
	ctl --json submit "$1" --follow >"$D/task.json" 2>"$D/err"
	id=$(jq -r .id "$D/task.json")
}
field() { jq -cr "$1" "$D/task.json"; }
asked() { grep -c . "$D/asked.txt"; }
model() { sql "SELECT coalesce(string_agg(model_asked, ' ' ORDER BY id), '') FROM agentd.model_calls WHERE task = '$id'"; }
held() { sql "SELECT count(*) > 0 FROM agentd.cap_hold WHERE cap = 'dead' AND settled_at IS NULL"; }
over() { sql "SELECT count(*) FROM peaks p WHERE p.used > p.usd_limit"; }
# What the sums of a cap are, and what their holds say they should be
differ() { sql "SELECT count(*) FROM agentd.spend_window w WHERE cap = '$1' AND (held_usd, spent_usd) <> (
	SELECT coalesce(sum(amount_usd) FILTER (WHERE settled_at IS NULL), 0), coalesce(sum(settled_usd), 0) FROM agentd.cap_hold h
	WHERE h.cap = w.cap AND h.scope_key = w.scope_key AND h.window_start = w.window_start)"; }

# --- 100 callers, two workers, one cap that holds five at once ---
routing "  day: {scope: global, window: day, limit_usd: 0.0510}" "  t: {steps: [{model: good, caps: [day]}], deadline: 120s}"
cat >"$D/root/workflows/many.yaml" <<'END'
agentd: v1
name: many
steps:
  - id: each
    for:
      in: "[range(0; 25)]"
      parallel: 25
      on_error: collect
      do:
        - id: ask
          model: {tier: t, prompt: "Say hello.", max_output: 100}
output: {ok: "${ [.steps.each.output[] | select(has(\"error\") | not)] | length }", errors: "${ [.steps.each.output[].error?.type | select(. != null)] | unique }"}
END
d_publish
sql "CREATE TABLE peaks (used numeric, usd_limit numeric, held numeric);
	CREATE FUNCTION note_peak() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN
		INSERT INTO public.peaks VALUES (NEW.spent_usd + NEW.held_usd, NEW.limit_usd, NEW.held_usd); RETURN NULL; END';
	CREATE TRIGGER note_peak AFTER UPDATE ON agentd.spend_window FOR EACH ROW EXECUTE FUNCTION note_peak()" >/dev/null
d_start w1 worker
d_start w2 worker
d_start sweeper sweeper
for i in 1 2 3 4; do ctl submit many >>"$D/ids"; done
ok "all end" wait_for 120 all_settled
is "a hundred fit one after the other" "$(sql "SELECT count(*), sum((output ->> 'ok')::integer) FROM agentd.tasks WHERE state = 'succeeded'")" "4|100"
is "never one cent over" "$(over)" 0
is "several at once, not more than five" "$(sql "SELECT max(held) > 0.02, max(held) < 0.051 FROM peaks")" 't|t'
is "each that was asked is accounted" "$(sql "SELECT sum(spent_usd) = (SELECT sum(cost_usd) FROM agentd.model_calls) FROM agentd.spend_window")" t
is "nothing is held any more, and the sums are those of the holds" "$(sql "SELECT sum(held_usd) FROM agentd.spend_window") $(differ day)" "0.000000000000 0"
is "the provider was asked so often, and no more" "$(asked)" 100
like "a worker tells that it waits" "$(cat "$D/w1.log" "$D/w2.log")" 'cap.waits .*message="cap \\"day\\" needs 0.01'

# --- what does not fit ---
d_stop w2
reload() {
	lines=$(grep -c routing.tier "$D/w1.log")
	d_signal w1 HUP
	wait_for 10 eval '[ $(grep -c routing.tier "$D/w1.log") -gt $lines ]'
}
routing "  day: {scope: global, window: day, limit_usd: 0.0001}
  none: {scope: global, window: month, limit_usd: 0.0001, on_exceeded: skip}
  ask: {scope: global, window: hour, limit_usd: 0.0001, on_exceeded: approval}
  prov: {scope: provider, window: day, limit_usd: 0.0105}
  mod: {scope: model, window: day, limit_usd: 0.0105}
  flow: {scope: workflow, window: hour, limit_usd: 0.0105}
  tok: {scope: token, window: month, limit_usd: 0.0105}
  each: {scope: task, window: lifetime, limit_usd: 0.0105}
  dead: {scope: model, window: day, limit_usd: 0.0805}" "  fails: {steps: [{model: good, caps: [day]}, {model: other}]}
  skips: {steps: [{model: good, caps: [none]}, {model: other, caps: [none]}, {model: gratis}]}
  skipsall: {steps: [{model: good, caps: [none]}, {model: other, caps: [none]}]}
  skipslast: {steps: [{model: broken}, {model: good, caps: [none]}]}
  laterfree: {steps: [{model: good, caps: [ask]}, {model: gratis}]}
  failsfirst: {steps: [{model: good, caps: [ask, day]}, {model: gratis}]}
  provider: {steps: [{model: good, caps: [prov]}]}
  provider2: {steps: [{model: other, caps: [prov]}]}
  model: {steps: [{model: good, caps: [mod]}]}
  model2: {steps: [{model: other, caps: [mod]}]}
  flow: {steps: [{model: good, caps: [flow]}]}
  token: {steps: [{model: good, caps: [tok]}]}
  task: {steps: [{model: good, caps: [each]}]}
  dead: {steps: [{model: good, caps: [dead]}]}
  slow: {steps: [{model: slow, caps: [dead]}]}"
for tier in fails skips skipsall skipslast laterfree failsfirst provider provider2 model model2 flow token task dead slow; do flow "$tier" "$tier"; done
flow flow2 flow
rm "$D/root/workflows/many.yaml"
d_publish
ok "another policy" reload
before=$(asked)
run fails
is "fail: an error at once" "$(field '.state + " " + .error.type')" "failed budget.usd"
like "which names the cap, what is needed, what there is" "$(field .error.message)" '^cap "day" needs 0\.01[0-9]* USD, 0\.0[0-9]* of 0\.0001 USD are spent and 0 held until 2026-.*T2[123]:00:00'
run failsfirst
is "the strictest word counts" "$(field '.state + " " + .error.type')" "failed budget.usd"
run skipsall
is "skip, and no step is left" "$(field '.state + " " + .error.type')" "failed model.no_route"
like "with the reason of each" "$(field .error.message)" 'good: cap "none" needs .*other: cap "none" needs '
is "nobody was asked" "$(asked)" "$before"
run skipslast
is "the failure before it counts" "$(field '.state + " " + .error.type')" "failed model.server_error"
run skips
is "skip: the next step" "$(field .state) $(model)" "succeeded gratis"
run laterfree
is "before a person is asked, later steps are tried" "$(field .state) $(model)" "succeeded gratis"

# --- scopes: the second question does not fit, one of somebody else does ---
twice() {	# FIRST SECOND OTHER
	run "$1"; got=$(field .state)
	sql "UPDATE agentd.spend_window SET spent_usd = 0.0006 WHERE cap = '$4'" >/dev/null
	run "$2"; got="$got $(field '.error.type // .state')"
	run "$3"; got="$got $(field '.error.type // .state')"
}
twice provider provider provider2 prov
is "provider" "$got" "succeeded budget.usd succeeded"
twice model model model2 mod
is "model" "$got" "succeeded budget.usd succeeded"
twice flow flow flow2 flow
is "workflow" "$got" "succeeded budget.usd succeeded"
twice task task task each
is "task: each has its own" "$got" "succeeded succeeded succeeded"
is "whose keys are the tasks" "$(sql "SELECT bool_and(EXISTS (SELECT FROM agentd.tasks t WHERE t.id::text = w.scope_key)) FROM agentd.spend_window w WHERE cap = 'each'")" t
d_start web web
d_token ann; ann=$token
d_token bob; bob=$token
post() { d_http -H "Authorization: Bearer $1" -H 'Content-Type: application/json' -d '{"workflow":"token","input":{}}' http://x/tasks | jq -r .id; }
end_of() { wait_for 20 all_settled; sql "SELECT coalesce(error ->> 'type', state::text) FROM agentd.tasks WHERE id = '$1'"; }
got="$(end_of "$(post "$ann")")"
sql "UPDATE agentd.spend_window SET spent_usd = 0.0006 WHERE cap = 'tok'" >/dev/null
is "token" "$got $(end_of "$(post "$ann")") $(end_of "$(post "$bob")")" "succeeded budget.usd succeeded"
is "whose keys are who submitted" "$(sql "SELECT string_agg(scope_key, ' ' ORDER BY scope_key) FROM agentd.spend_window WHERE cap = 'tok'")" "token:ann token:bob"

# --- what people see ---
ctl --json spend >"$D/spend.json"
shown() { jq -cr "$1" "$D/spend.json"; }
is "every cap of the policy, also where nothing is spent" "$(shown '[.caps[].cap] | unique | join(" ")')" "ask day dead each flow mod none prov tok"
is "a row for each that has a sum" "$(shown '[.caps[] | select(.cap == "tok") | .key] | sort | join(" ")')" "token:ann token:bob"
is "where there is none, an empty one" "$(shown '.caps[] | select(.cap == "dead") | [.key, .spent_usd, .held_usd, .percent, .limit_usd, .scope, .window, .on_exceeded] | map(tostring) | join(" ")')" \
	"null 0 0 0 0.0805 model day fail"
is "what is spent, and how much of the limit that is" "$(shown '.caps[] | select(.cap == "day") | (.spent_usd | tonumber) > 0.03 and .percent > 10000 and .held_usd == "0"')" true
is "the window is of the policy's time zone" "$(shown '.caps[] | select(.cap == "day") | .window_start, .window_end')" \
	"$(sql "SELECT agentd.rfc3339(since) || E'\n' || agentd.rfc3339(until) FROM agentd.cap_window('day', 'Europe/Vienna', now())")"
is "a lifetime has none" "$(shown '[.caps[] | select(.cap == "each")][0] | [.window_start, .window_end] | tostring')" '[null,null]'
ctl spend >"$D/out"
like "for people" "$(cat "$D/out")" '^day +global +- +0\.0001 +0\.03[0-9]* +0 +[0-9.]+ % +day +2026-'
ctl spend more >"$D/out" 2>&1
is "nothing more is asked" $? 2
d_http -H "Authorization: Bearer $ann" http://x/spend >"$D/all.json"
is "GET /spend: the same" "$(jq -c .caps "$D/all.json")" "$(shown .caps)"
d_token carl submit,read
d_http -H "Authorization: Bearer $token" http://x/spend >"$D/carl.json"
is "without scope admin nothing of others" "$(jq -c .caps "$D/carl.json")" '[]'
run_as() { id=$(d_http -H "Authorization: Bearer $token" -H 'Content-Type: application/json' -d "{\"workflow\":\"$1\",\"input\":{}}" http://x/tasks | jq -r .id); wait_for 20 task_is "$id" succeeded; }
run_as token; run_as task
d_http -H "Authorization: Bearer $token" http://x/spend >"$D/carl.json"
is "but its own sums" "$(jq -r '[.caps[] | .cap + "=" + .key] | join(" ")' "$D/carl.json")" "each=$id tok=token:carl"
d_token m metrics
metric() { d_http -H "Authorization: Bearer $token" http://x/metrics | sed -n "s/^agentd_cap_$1{cap=\"day\"} //p"; }
ok "metrics tell it too" wait_for 20 eval '[ "$(metric limit_usd)" = 0.0001 ] && [ "$(metric held_usd)" = 0 ]'
like "what is spent" "$(metric spent_usd)" '^0\.03'

# --- death between reservation and settlement ---
d_stop w1
sql "DELETE FROM peaks" >/dev/null
dead() { ! d_alive dies; }
id=$(ctl submit slow)
d_start w1 worker
ok "the worst case is held before the question" wait_for 20 eval '[ "$(sql "SELECT count(*) FROM agentd.cap_hold WHERE cap = '\''dead'\''")" = 1 ]'
d_signal w1 KILL
d_status w1
is "and still when the worker is dead" "$(held) $(differ dead)" "t 0"
d_start w1 worker
ok "the question is asked once more, with a reservation of its own" wait_for 20 eval '[ "$(sql "SELECT count(*) FROM agentd.cap_hold WHERE cap = '\''dead'\''")" = 2 ]'
ctl cancel "$id" >/dev/null
ok "the task is cancelled" wait_for 20 task_is "$id" cancelled
is "that one is settled, the other held" "$(sql "SELECT count(*) FILTER (WHERE settled_at IS NULL), count(*) FROM agentd.cap_hold WHERE cap = 'dead'") $(differ dead) $(over)" "1|2 0 0"
d_stop w1
# where the programs have crash points; of before_call the gateway's is the second
for point in model.before_call:2 model.after_call:1 commit.after_send:3 commit.after_reply:3; do
	sql "DELETE FROM agentd.spend_window WHERE cap = 'dead'; DELETE FROM agentd.cap_hold WHERE cap = 'dead'; DELETE FROM peaks" >/dev/null
	id=$(ctl submit dead)
	D_MAY_DIE=1 d_start dies worker "AGENTD_CRASH=$point"
	if ! wait_for 10 dead; then
		d_signal dies KILL
		skip "killed at its points" "the programs were built without crash points"
		break
	fi
	d_status dies
	held=$(held)
	d_start w1 worker
	ok "killed at $point (held: $held): the task ends" wait_for 40 task_is "$id" succeeded
	is "never over" "$(over)" 0
	is "the sums are those of the holds" "$(differ dead)" 0
	is "what it holds is held at the task, too" "$(sql "SELECT count(*) FROM agentd.cap_hold c FULL JOIN (SELECT * FROM agentd.spend_hold WHERE task = '$id') s ON s.id = c.hold
		WHERE (c.cap = 'dead' OR c.cap IS NULL) AND (c.amount_usd, c.settled_usd, c.lapsed) IS DISTINCT FROM (s.amount_usd, s.settled_usd, s.lapsed)")" 0
	d_stop w1
	case $point in model.*) is "it died between reservation and settlement" "$held" t ;; esac
done
d_stop sweeper
sql "UPDATE agentd.cap_hold SET expires_at = now() - interval '1 s' WHERE settled_at IS NULL; UPDATE agentd.spend_hold SET expires_at = now() - interval '1 s' WHERE settled_at IS NULL" >/dev/null
d_start sweeper sweeper
ok "the sweeper books what the dead held" wait_for 20 eval '[ "$(sql "SELECT sum(held_usd) FROM agentd.spend_window WHERE cap = '\''dead'\''")" = 0.000000000000 ]'
is "at its amount" "$(differ dead) $(over)" "0 0"
done_testing
