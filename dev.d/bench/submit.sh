# submit - 64 kept connections, each POSTs its next task when the last one is answered, which is when it is durable.
#
# checked_: with an input of twelve properties that a schema describes, and judged by the shipped risk policy; unchecked_: the same
# input without either. They take turns, and checked_ratio is the median of checked to unchecked in one turn.
bench_init
cat >"$D/root/workflows/checked.yaml" <<'END'
agentd: v1
name: checked
input:
  type: object
  additionalProperties: false
  required: [customer, email, country, amount, currency, urgent, items, note]
  properties:
    customer: {type: string, minLength: 1, maxLength: 80}
    email: {type: string, pattern: '^[^@ ]+@[^@ ]+$'}
    country: {type: string, pattern: '^[A-Z]{2}$'}
    amount: {type: number, exclusiveMinimum: 0, multipleOf: 0.01}
    currency: {enum: [EUR, USD, CHF, GBP]}
    urgent: {type: boolean}
    items: {type: array, minItems: 1, maxItems: 20, items: {type: object, required: [sku, count], properties: {sku: {type: string}, count: {type: integer, minimum: 1}}}}
    note: {type: string, maxLength: 2000}
    reference: {type: [string, 'null']}
    due: {type: string, pattern: '^\d{4}-\d{2}-\d{2}$'}
    discount: {type: number, minimum: 0, maximum: 100}
    tags: {type: array, uniqueItems: true, items: {type: string, maxLength: 20}}
steps:
  - id: one
    set: {n: 1}
END
cat >"$D/input.json" <<'END'
{"customer":"Ada Lovelace","email":"ada@example.org","country":"GB","amount":1234.5,"currency":"GBP","urgent":false,"items":[{"sku":"A-17","count":2},{"sku":"B-4","count":1}],"note":"Leave it at the door.","reference":null,"due":"2026-12-24","discount":2.5,"tags":["new","door"]}
END
n=${n_tasks:-10000}
d_publish
d_token

# submit FLOW INPUT: sets rate
submit() {
	empty_tables
	sql CHECKPOINT
	"$top_builddir/t/bench/http_load" submit --socket "$D/web.sock" --token "$token" --workflow "$1" --input "$2" --clients 64 --count "$n" >"$D/rate" ||
		bail "http_load failed"
	rate=$(awk '{print $2}' "$D/rate")
}

# with_web FLOW INPUT: a web server reads the policy when it begins.
with_web() {
	d_start web web
	submit "$1" "$2"
	d_stop web
}

input=$(cat "$D/input.json")
with_web noop "$input"	# a cluster's first minute makes files that later ones use again
for turn in 1 2 3 4 5; do
	with_web noop '{}'
	bare="${bare:-} $rate"
	with_web noop "$input"
	unchecked="${unchecked:-} $rate"
	before=$rate
	cp policies/risk.yaml "$D/root/policies/"
	with_web checked "$input"
	rm "$D/root/policies/risk.yaml"
	checked="${checked:-} $rate"
	ratios="${ratios:-} $(ratio "$rate" "$before")"
done
say "submissions/s: {}$bare, unchecked$unchecked, checked$checked, ratios$ratios"
# shellcheck disable=SC2086
figure submissions_per_s "$(median $bare)" submissions/s
# shellcheck disable=SC2086
figure unchecked_submissions_per_s "$(median $unchecked)" submissions/s
# shellcheck disable=SC2086
figure checked_submissions_per_s "$(median $checked)" submissions/s
# shellcheck disable=SC2086
figure checked_ratio "$(median $ratios)" x
