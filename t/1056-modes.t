#!/bin/sh
# 1056-modes.t - keys and probes: doctor --probe, what mode live leaves out; modes off and shadow, and the report.
. "$top_srcdir/t/lib/pg.sh"
. "$top_srcdir/t/lib/daemon.sh"

D_PROBED=0
d_init
d_stub --log "$D/asked.txt" --text "Our own."
: >"$D/legacy.log"
d_spawn legacy "$top_builddir/t/bin/stub_provider" --log "$D/legacy.txt" --key sk-legacy-0123456789 --text "From the other gateway."
wait_for 10 d_has_line legacy '^ready ' || bail "the other gateway did not start"
legacy_url=http://127.0.0.1:$(sed -n 's/^ready //p' "$D/legacy.log" | head -n 1)/v1
# The stub takes any key, so that keys may change. One token in costs 1 millionth of a dollar, one token out 2.
routing() {
	cat >"$D/root/policies/routing.yaml" <<-END
		agentd: v1
		mode: $1
		probe_max_age: 10d
		defaults: {retry: {max: 0, backoff: [10ms, 20ms]}}
		providers:
		  one: {wire: openai, base_url: "$stub_url", key_env: [ONE_KEY, ONE_OLD_KEY]}
		  two: {wire: openai, base_url: "$stub_url", key_env: []}
		  unset: {wire: openai, base_url: "$stub_url", key_env: [NOBODY_SETS_THIS]}
		  recorded: {wire: replay, file: r.json}
		models:
		  first: {provider: one, id: vendor/first, context: 8192, max_output: 100, price: {input: 1.00, output: 2.00, as_of: 2026-11-01}}
		  second: {provider: two, id: second, price: free}
		  slow: {provider: two, id: stub/delay-30000, context: 8192, max_output: 100, price: {input: 1.00, output: 2.00, as_of: 2026-11-01}}
		  none: {provider: unset, id: none, price: free}
		  recorded: {provider: recorded, id: r, price: free}
		tiers:
		  both: {steps: [{model: first}, {model: second}]}
		  only: {steps: [{model: first}, {model: recorded, if_unconfigured: true}]}
		  slow: {steps: [{model: slow}]}
		  bare: {steps: [{model: none}]}
		shadow:
		  base_url: $legacy_url
		  key_env: [LEGACY_KEY]
		  models: ${2:-{both: first, only: stub/cost, slow: "stub/500", bare: a-group\}}
	END
}
printf '{"replies": [{"name": "any", "match": {}, "reply": {"text": "A recording."}}]}\n' >"$D/root/policies/r.json"
for tier in both only slow bare; do
	cat >"$D/root/workflows/$tier.yaml" <<-END
		agentd: v1
		name: $tier
		budget: {usd: 0.50}
		steps:
		  - id: ask
		    model: {tier: $tier, prompt: "Say hello.", max_output: 100}
		output: {said: "\${ .steps.ask.output.text }"}
	END
done
run() {
	timeout 30 "$agentctl" -c "$D/agentd.yaml" --json submit "$1" --follow >"$D/task.json" 2>"$D/err"
	id=$(jq -r .id "$D/task.json")
}
field() { jq -cr "$1" "$D/task.json"; }
asked() { grep -c . "$D/$1.txt"; }
probe() { # X=Y... -- OPTION...: output in $D/out, exit status in $status
	set -- "$@"
	vars=
	while [ "$1" != -- ]; do vars="$vars $1" && shift; done
	shift
	status=0
	# shellcheck disable=SC2086
	env $vars "$agentctl" -c "$D/agentd.yaml" "$@" >"$D/out" 2>"$D/err" || status=$?
}
out() { jq -cr "$1" "$D/out"; }
says() { tail -n +1 "$D/worker.log" | grep -c "$1"; }
more_than() { [ "$(says "$2")" -gt "$1" ]; }

# --- off ---
routing off
d_publish
d_start worker worker ONE_KEY=sk-one-0123456789
run both
is "mode off: the step fails" "$(field '.state + " " + .error.type')" "failed model.no_route"
like "and says why" "$(field .error.message)" 'mode "off", no model is asked'
is "and nobody was asked" "$(asked asked)$(asked legacy)" 00
d_stop worker

# --- live without a probe ---
routing live
probe ONE_KEY=sk-one-0123456789 -- doctor --probe --provider two
is "a keyless provider is probed" "$status" 0
like "and the answer says what was asked" "$(cat "$D/out")" '^two +none +second +second +[0-9]+ +ok, recorded$'
is "it is recorded" "$(sql "SELECT provider, base_url, key_fingerprint, model_asked, model_answered, by ~ '^os:' FROM agentd.provider_probes")" \
	"two|$stub_url||second|second|t"
d_start worker worker ONE_KEY=sk-one-0123456789
run both
is "a step without a probe is left out, the next one answers" "$(sql "SELECT string_agg(provider, ' ') FROM agentd.model_calls WHERE task = '$id'")" two
like "the log says so" "$(grep -m 1 'routing.left_out' "$D/worker.log")" 'tier="both" model="first" provider="one" reason="no probe of it has succeeded yet: agentctl doctor --probe --provider one"'
run only
is "where no other step is left the question fails, and no recording takes its place" "$(field '.state + " " + .error.type')" "failed model.no_route"
like "and the error says what to do" "$(field .error.message)" 'first: no probe of it has succeeded yet: agentctl doctor --probe --provider one'
probe ONE_KEY=sk-one-0123456789 -- doctor
like "doctor says so" "$(cat "$D/out")" '^provider one +warning +mode live leaves it out: no probe of it'
like "and is content with the other" "$(cat "$D/out")" '^provider two +ok +configured, key none'

# --- a probe while the worker runs ---
n=$(says 'routing.mode')
probe ONE_KEY=sk-one-0123456789 -- doctor --probe --json
is "all are probed at once; what is not configured does not count" "$status" 0
is "each says which key answered" "$(out '[.probes[] | [.provider, .ok, .key_env, .key_fingerprint, .model_asked, .model_answered, .recorded]] | tostring')" \
	'[["one",true,"ONE_KEY","'"$(printf sk-one-0123456789 | sha256sum | cut -c 1-8)"'","vendor/first","vendor/first",true],["two",true,null,null,"second","second",true],["unset",false,null,null,null,null,false]]'
is "and with one token asked for" "$(tail -n 1 "$D/asked.txt" | grep -Eo '"max_(completion_)?tokens":1\b' | wc -l)" 1
ok "the worker hears of it" wait_for 10 more_than "$n" 'routing.mode'
run only
is "and asks it, without a restart" "$(field .output.said)" "Our own."
d_stop worker

# --- another key, an old probe ---
d_start worker worker ONE_KEY=sk-another-0123456789
run both
is "another key needs a probe of its own" "$(sql "SELECT string_agg(provider, ' ') FROM agentd.model_calls WHERE task = '$id'")" two
like "by name" "$(grep -m 1 'routing.left_out' "$D/worker.log")" 'its key is another than when it was probed \(now ONE_KEY, sha256 [0-9a-f]{8}\)'
sql "UPDATE agentd.provider_probes SET at = at - interval '11 days' WHERE provider = 'two'" >/dev/null
n=$(says 'provider="two" reason="its last probe was 11 days ago, probe_max_age is 240 h')
d_signal worker HUP
ok "a probe does not hold for ever" wait_for 10 more_than "$n" 'provider="two" reason="its last probe was 11 days ago, probe_max_age is 240 h'
run both
is "then nobody is left" "$(field .error.type)" model.no_route
probe ONE_KEY=sk-another-0123456789 -- doctor --probe
is "both are probed again" "$status" 0
is "the key before is still known" "$(sql "SELECT count(*) FROM agentd.provider_probes WHERE provider = 'one'")" 2
d_stop worker

# --- keys that contradict each other, or cannot be one ---
probe ONE_KEY=sk-one-0123456789 ONE_OLD_KEY=sk-old-0123456789 -- doctor --probe --provider one --no-record
is "two keys that differ are no failure" "$status" 0
like "but a warning, with both fingerprints" "$(cat "$D/err")" \
	"warning: one: ONE_KEY and ONE_OLD_KEY are both set and differ \(sha256 $(printf sk-one-0123456789 | sha256sum | cut -c 1-8), $(printf sk-old-0123456789 | sha256sum | cut -c 1-8)\): ONE_KEY is used"
like "the first of the list is used" "$(cat "$D/out")" '^one +ONE_KEY \(sha256 [0-9a-f]{8}\) .*ok, not recorded'
probe ONE_KEY=sk-one-0123456789 ONE_OLD_KEY=sk-old-0123456789 -- route
like "route warns, too" "$(cat "$D/err")" 'ONE_KEY and ONE_OLD_KEY are both set and differ'
n=$(asked asked)
for key in '"sk-quoted-0123456789"' 'sk-joinedOTHER=sk-x'; do
	probe "ONE_KEY=$key" ONE_OLD_KEY=sk-old-0123456789 -- doctor --probe --provider one
	is "a mangled key is refused: $key" "$status" 1
	like "by its name" "$(cat "$D/out")" 'not asked: the value of ONE_KEY contains'
	is "and not shown" "$(grep -c 'sk-quoted\|sk-joined' "$D/out" "$D/err" | tr '\n' ' ' | grep -o ':[0-9]*' | tr -d '\n')" ":0:0"
done
is "nobody was asked with it, nor with the other key" "$(asked asked)" "$n"
probe "ONE_KEY='x'" -- doctor
is "doctor takes it for an error" "$status" 1
like "and names it" "$(cat "$D/out")" '^provider one +BAD +the value of ONE_KEY contains a quotation mark'

# --- what providers say to a probe ---
fault() { # MODEL
	sed -i "s|^  second: .*|  second: {provider: two, id: $1, price: free}|; s|^defaults: .*|defaults: {timeout: {connect: 1s, first_byte: 1s, idle: 1s, total: 2s}}|" \
		"$D/root/policies/routing.yaml"
	probe -- doctor --probe --json --provider two
}
sql "DELETE FROM agentd.provider_probes" >/dev/null
for want in 'stub/401 model.auth 401' 'stub/404 model.not_found 404' 'stub/hang-headers model.timeout null' 'stub/402 model.billing 402' \
	'stub/429-perday model.quota_exhausted 429' 'stub/503 model.overloaded 503' 'stub/close model.truncated_stream 200'; do
	# shellcheck disable=SC2086
	set -- $want
	fault "$1"
	is "$1: the probe fails" "$status $(out '.probes[0] | [.error, .http_status | tostring] | join(" ")')" "1 $2 $3"
done
probe -- doctor --probe --provider two
like "people read the class and the message" "$(cat "$D/out")" '^two +none +stub/close +- +[0-9]+ +model.truncated_stream: '
is "no failure is recorded" "$(sql "SELECT count(*) FROM agentd.provider_probes")" 0
fault stub/length
is "an answer without a text counts" "$status $(out '.probes[0].ok')" "0 true"
fault stub/other-model
is "the model that answered is told from the one asked" "$(out '.probes[0] | .model_asked + " " + (.model_answered != .model_asked | tostring)')" "stub/other-model true"
probe -- doctor --probe --provider two --model slow --no-record
is "another model may be named" "$status" 1
like "and is asked" "$(cat "$D/out")" '^two +none +stub/delay-30000 +- +[0-9]+ +model.timeout: '
sed -i "s|^  second: .*|  vectors: {provider: two, id: small-embedding, kind: embedding, dims: 8, price: free}\n&|" "$D/root/policies/routing.yaml"
probe -- doctor --probe --provider two --model vectors --json
is "a model that embeds is asked to embed" "$status $(out '.probes[0] | [.ok, .model_asked] | tostring')" '0 [true,"small-embedding"]'
probe -- doctor --probe --provider two --json
is "one that chats is asked before it" "$(out '.probes[0].model_asked')" stub/other-model
probe -- doctor --probe --provider unset
is "a provider that was named has to be configured" "$status" 1
like "or its variable is named" "$(cat "$D/out")" '^unset +- .*not asked: NOBODY_SETS_THIS is not set'
for want in '3 --provider nobody' '2 --provider recorded' '3 --model nobody' '2 --provider one --model second' '2 more'; do
	# shellcheck disable=SC2086
	set -- $want
	code=$1
	shift
	probe -- doctor --probe "$@"
	is "doctor --probe $*" "$status" "$code"
done
probe -- doctor --provider two
is "options of --probe alone are refused" "$status" 2
routing live
sed -i 's/base_url: "[^"]*"/base_url_env: [NOBODY_SETS_THIS]/' "$D/root/policies/routing.yaml"
probe -- doctor --probe
is "where nothing is configured nothing is proven" "$status" 1
like "and it says so" "$(cat "$D/err")" 'no provider is configured here: nobody was asked'
routing live
probe AGENTD_DATABASE=host=/nowhere -- doctor --probe --provider two
is "without the database nothing is recorded" "$status" 5
like "but what was learned is shown" "$(cat "$D/out")" '^two .*ok, not recorded'
is "validate needs neither database nor probe" "$(AGENTD_DATABASE=host=/nowhere ctl validate >/dev/null 2>&1; echo $?)" 0

# --- from live to shadow while money is set aside ---
probe ONE_KEY=sk-one-0123456789 -- doctor --probe
d_start worker worker ONE_KEY=sk-one-0123456789 LEGACY_KEY=sk-legacy-0123456789
slow=$(ctl submit slow)
held() { [ "$(sql "SELECT count(*) FROM agentd.spend_hold WHERE task = '$slow' AND settled_at IS NULL")" = 1 ]; }
ok "a paid call is under way" wait_for 10 held
routing shadow
d_signal worker HUP
ok "a change to shadow warns of it" wait_for 10 d_has_line worker 'routing.open_holds holds=1 usd='
ctl cancel "$slow" >/dev/null
ok "that call is settled" wait_for 10 task_is "$slow" cancelled

# --- shadow ---
n=$(asked asked)
before=$(sql "SELECT count(*) FROM agentd.spend_hold")
run both
is "mode shadow: the other gateway answers" "$(field .output.said)" "From the other gateway."
is "the call is recorded as its" "$(sql "SELECT provider, model_asked, cost_source, key_fingerprint FROM agentd.model_calls WHERE task = '$id'")" \
	"shadow:legacy|first|computed|$(printf sk-legacy-0123456789 | sha256sum | cut -c 1-8)"
is "our own route agrees, at the same cost" "$(sql "SELECT s.agrees, s.own_provider, s.own_model, s.own_usd = s.legacy_usd, s.own_usd = c.cost_usd, s.own_usd > 0
	FROM agentd.shadow_calls s JOIN agentd.model_calls c USING (id) WHERE s.task = '$id'")" "t|one|first|t|t|t"
run only
is "a cost that the gateway names counts" "$(sql "SELECT agrees, legacy_usd = 0.0123, own_usd < legacy_usd FROM agentd.shadow_calls WHERE task = '$id'")" "f|t|t"
run slow
is "its failures are ours" "$(field '.state + " " + .error.type')" "failed model.server_error"
is "and recorded, without costs" "$(sql "SELECT error_class, own_model, own_usd IS NULL, legacy_usd IS NULL FROM agentd.shadow_calls WHERE task = '$id'")" "server_error|slow|t|t"
run bare
is "a price that nobody knows is not nothing" "$(field .output.said) $(sql "SELECT legacy_usd IS NULL, own_problem FROM agentd.shadow_calls WHERE task = '$id'")" \
	'From the other gateway. t|no step of tier "bare" can be used (none: NOBODY_SETS_THIS is not set)'
is "no second model was asked" "$(asked asked)" "$n"
is "what the file knows the price of is reserved, at the task alone" "$(sql "SELECT count(*) FROM agentd.spend_hold") $(sql "SELECT count(*) FROM agentd.spend_hold WHERE settled_at IS NULL")" "$((before + 1)) 0"
is "the task's cost is the other gateway's" "$(sql "SELECT sum(t.cost_usd) = (SELECT sum(cost_usd) FROM agentd.model_calls WHERE provider = 'shadow:legacy')
	FROM agentd.tasks t WHERE t.id IN (SELECT task FROM agentd.shadow_calls)")" t

ctl shadow report --json >"$D/out"
is "the report counts" "$(out '.total | [.calls, .errors, .agree, .differ, .no_step, .unpriced, .compared] | tostring')" "[4,1,1,2,1,1,2]"
is "and sums up what can be compared" "$(out '.total | [.compared_legacy_usd, .compared_own_usd] | map(tonumber) | map(. * 1e12 | round) | tostring')" \
	"$(sql "SELECT json_agg(x) FROM (SELECT unnest(ARRAY[sum(legacy_usd), sum(own_usd)] ) * 1000000000000 AS v FROM agentd.shadow_calls WHERE tier IN ('both', 'only')) y(v), LATERAL (SELECT v::bigint) z(x)" | tr -d ' ')"
is "by tier" "$(out '[.tiers[] | [.tier, .calls, .agree]] | tostring')" '[["bare",1,0],["both",1,1],["only",1,0],["slow",1,0]]'
is "and by route" "$(out '[.routes[] | [.tier, .legacy_model, .own]] | sort | tostring')" \
	'[["bare","a-group",null],["both","first","one/first"],["only","stub/cost","one/first"],["slow","stub/500","two/slow"]]'
ctl shadow report >"$D/out"
like "people read it as a table" "$(cat "$D/out")" '^total +4 +1 +1 +1 of 3 \(33 %\) +2 +0\.'
like "with the routes" "$(cat "$D/out")" '^only +stub/cost +one/first +1 +0 +0\.0123'
is "a range without calls is empty" "$(ctl shadow report --since 2020-01-01T00:00:00Z --until 2020-01-02T00:00:00Z --json | jq -c '[.tiers, .total.calls]')" '[[],0]'
ctl shadow report --since tomorrow >/dev/null 2>&1
is "a bad range is refused" "$?" 2
probe LEGACY_KEY=sk-wrong-0123456789 -- doctor --probe --provider shadow:legacy
is "the other gateway can be probed" "$status" 1
like "as a provider" "$(cat "$D/out")" '^shadow:legacy +LEGACY_KEY \(sha256 [0-9a-f]{8}\) +first +- +[0-9]+ +model.auth: '
is "its key is not shown" "$(grep -c sk-wrong "$D/out")" 0
like "route says who answers" "$(LEGACY_KEY=sk-legacy-0123456789 ctl route)" "^mode shadow: the gateway at $legacy_url answers"
like "or why it does not" "$(ctl route)" '^it is not configured: LEGACY_KEY is not set'
d_stop worker
d_start worker worker ONE_KEY=sk-one-0123456789
run both
is "without its key nobody answers" "$(field .error.type)" model.no_route
like "and it says why" "$(field .error.message)" 'LEGACY_KEY is not set'
is "shadow calls go with the leaf of their task" "$(sql "SELECT count(*) FROM agentd.partitions() WHERE parent = 'shadow_calls'")" "$(sql "SELECT count(*) FROM agentd.partitions() WHERE parent = 'model_calls'")"
done_testing
