#!/bin/sh
# 1050-budget.t - money and faults: reserved before, settled after, every attempt recorded; the stub provider.
. "$top_srcdir/t/lib/pg.sh"
. "$top_srcdir/t/lib/daemon.sh"

d_init
d_stub --log "$D/asked.txt"
# stub/cost answers with usage.cost; the others are priced by their tokens: 1 and 2 dollars a million
price='price: {input: 1.00, output: 2.00, as_of: 2026-11-01}'
cat >"$D/root/policies/routing.yaml" <<END
agentd: v1
defaults: {retry: {max: 0, backoff: [10ms, 20ms]}}
providers:
  stub: {wire: openai, base_url: "$stub_url", key_env: [], breaker_scope: model}
  down: {wire: openai, base_url: "http://127.0.0.1:9/v1", key_env: []}
models:
  good: {provider: stub, id: good, context: 8192, max_output: 100, $price}
  broken: {provider: stub, id: stub/500, context: 8192, max_output: 100, $price}
  busy: {provider: stub, id: stub/429-none, context: 8192, max_output: 100, $price}
  slow: {provider: stub, id: stub/delay-30000, context: 8192, max_output: 100, $price}
  silent: {provider: stub, id: stub/no-usage, context: 8192, max_output: 100, $price}
  away: {provider: down, id: away, context: 8192, max_output: 100, $price}
tiers:
  good: {steps: [{model: good}]}
  falls: {steps: [{model: broken}, {model: away}, {model: good}]}
  bad: {steps: [{model: broken}, {model: busy}]}
  silent: {steps: [{model: silent}]}
  slow: {steps: [{model: slow}]}
END
ask() {
	cat >"$D/root/workflows/$1.yaml" <<-END
		agentd: v1
		name: $1
		budget: {usd: $3}
		steps:
		  - id: ask
		    model: {tier: $2, prompt: "Say hello.", max_output: 100}
		    ${4:-}
		output: {said: "\${ .steps.ask.output.text }"}
	END
}
ask plain good 0.50
ask falls falls 0.50
ask bad bad 0.50
ask silent silent 0.50
ask poor good 0.000001
ask patient slow 0.50
ask stepped good 0.50 'budget: {usd: 0.0000001}'
cat >"$D/root/workflows/many.yaml" <<'END'
agentd: v1
name: many
budget: {usd: 0.0004}
steps:
  - id: each
    for:
      in: "[range(0; 20)]"
      parallel: 20
      on_error: collect
      do:
        - id: ask
          model: {tier: good, prompt: "Say hello.", max_output: 100}
output: {ok: "${ [.steps.each.output[] | select(has(\"error\") | not)] | length }", errors: "${ [.steps.each.output[].error?.type | select(. != null)] | unique }"}
END
d_publish
d_start worker worker
d_start sweeper sweeper

run() {
	ctl --json submit "$1" --follow >"$D/task.json" 2>"$D/err"
	id=$(jq -r .id "$D/task.json")
}
field() { jq -cr "$1" "$D/task.json"; }
calls() { sql "SELECT coalesce(string_agg(coalesce(nullif(error_class, ''), 'ok'), ' ' ORDER BY started_at, id), '') FROM agentd.model_calls WHERE task = '$id'"; }

run plain
is "a model answers" "$(field .output.said)" "Hello from the stub."
tokens=$(sql "SELECT in_fresh || ' ' || out_text FROM agentd.model_calls WHERE task = '$id'")
like "its tokens are recorded" "$tokens" '^[0-9]+ 3$'
want=$(echo "$tokens" | awk '{printf "%.6f", $1 * 0.000001 + $2 * 0.000002}')
is "the cost is the tokens by their price" "$(sql "SELECT to_char(cost_usd, 'FM0.000000') FROM agentd.tasks WHERE id = '$id'")" "$want"
is "the task shows it as decimal text" "$(field '.cost_usd | type')" string
is "every hold is settled" "$(sql "SELECT count(*) FROM agentd.spend_hold WHERE settled_at IS NULL")" 0

run falls
is "a tier falls through what fails" "$(field .state)" succeeded
is "every attempt is a row, in order" "$(calls)" "server_error network ok"
run bad
is "all failed: the task fails" "$(field .state)" failed
is "with the last one's class" "$(field .error.type)" model.rate_limited
is "both attempts are recorded" "$(calls)" "server_error rate_limited"
run silent
is "an answer without usage is paid at its estimate" \
	"$(sql "SELECT cost_source || ' ' || (cost_usd > 0) FROM agentd.model_calls WHERE task = '$id'")" "estimated true"
cp "$D/root/policies/routing.yaml" "$D/routing.ok"
sed -i 's/^  silent: {provider.*/  silent: {provider: stub, id: silent, context: 8192, max_output: 100}/' "$D/root/policies/routing.yaml"
ctl reload >"$D/out" 2>&1
is "a model without a price is refused" $? 1
like "by name" "$(cat "$D/out")" '"price" is missing'
cp "$D/routing.ok" "$D/root/policies/routing.yaml"

asked=$(grep -c . "$D/asked.txt")
run poor
is "a budget below the worst case fails" "$(field '.state + " " + .error.type')" "failed budget.usd"
run stepped
is "so does a step's" "$(field '.state + " " + .error.type')" "failed budget.usd"
is "and nobody was asked for either" "$(grep -c . "$D/asked.txt")" "$asked"

run many
is "twenty at once share one budget" "$(field .state)" succeeded
is "those that did not fit say so" "$(field '.output.errors | join(" ")')" budget.usd
over=$(sql "SELECT coalesce(cost_usd, 0) > 0.0004 FROM agentd.tasks WHERE id = '$id'")
is "the sum is within it" "$over" f
ok "some were asked" test "$(field .output.ok)" -ge 1

# --- a submission may lower the budget, never raise it ---
ctl submit plain --budget '{"usd": 0.9}' >"$D/out" 2>&1
is "a raised budget is refused" $? 1
ctl --json submit plain --budget '{"usd": "0.000001"}' --follow >"$D/task.json"
is "a lowered one holds" "$(field .error.type)" budget.usd

# --- a worker dies in the middle of a question: the money stays set aside, then counts ---
id=$(ctl submit patient)
held() { [ "$(sql "SELECT count(*) FROM agentd.spend_hold WHERE task = '$id' AND settled_at IS NULL")" = "$1" ]; }
ok "the worst case is reserved before the question" wait_for 10 held 1
d_signal worker KILL
d_status worker
is "it is still held when the worker is dead" "$(sql "SELECT held_usd > 0 FROM agentd.task_queue WHERE id = '$id'")" t
ctl cancel "$id" >/dev/null
d_start worker worker
ok "the cancelled task ends" wait_for 15 task_is "$id" cancelled
is "no money was forgotten" "$(sql "SELECT count(*) FROM agentd.spend_hold h WHERE task = '$id' AND settled_at IS NOT NULL AND settled_usd < amount_usd
	OR task = '$id' AND settled_at IS NULL AND expires_at > now() + interval '1 hour'")" 0
done_testing
