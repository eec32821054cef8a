# door.sh - a server with tiers behind which the stub provider plays its parts, and workflows to be asked as models. Source it after
# api.sh.
#
#   door_fixture [LINE...]      d_init with LINEs, the stub, routing, workflows; starts web, worker and sweeper; sets $base (.../v1)
#                               and $token (scope submit)
#
# Each tier is named after the fault of its only model (t/bin/stub_faults.c), with an "s" before a digit; hello answers plainly, falls
# only from its third model on. Those that begin with v make embeddings (t/bin/stub_openai_embed.c), vectors plainly so.

door_tier() { printf '  %s: {steps: [{model: %s}]}\n' "$1" "$1"; }

# door_model NAME [ID [PROVIDER]]
door_model() {
	printf '  %s: {provider: %s, id: "%s", context: 8192, max_output: 100, can: [tools, json], price: {input: 1.00, output: 2.00, as_of: 2026-11-01}}\n' \
		"$1" "${3:-$1}" "${2:-stub/$(printf '%s' "$1" | sed 's/^s\([0-9]\)/\1/')}"
}
# Each has its own: what one's faults do to its breaker is nothing to the others.
door_provider() { printf '  %s: {wire: openai, base_url: "%s", key_env: []}\n' "$1" "$stub_url"; }

# Vectors of 8 numbers, those of v-long of 2000.
door_vectors="v-count v-nan v-no-usage v-s500 v-hang-headers v-long"
door_vector_model() {
	printf '  %s: {provider: %s, id: "stub/%s", kind: embedding, dims: 8, context: 8192, price: {input: 1.00, as_of: 2026-11-01}}\n' \
		"$1" "$1" "$(printf '%s' "$1" | sed 's/^v-//; s/^s\([0-9]\)/\1/')"
}

door_routing() {
	faults="tools error-late reset close drip bytes s429-after s429-quota s429-perday s500 s401 s400-context filter empty echo script hang-body hang-middle no-usage delay-300"
	cat <<-END
		agentd: v1
		defaults: {retry: {max: 0, backoff: [10ms, 20ms]}, breaker: {failures: 1000}}
		providers:
		  stub: {wire: openai, base_url: "$stub_url", key_env: []}
		  keyed: {wire: openai, base_url: "$stub_url", key_env: [NOBODY_SETS_THIS]}
	END
	for fault in $faults vectors $door_vectors; do door_provider "$fault"; done
	cat <<-END
		models:
		  unset: {provider: keyed, id: unset, context: 8192, max_output: 100, price: free}
		  free: {provider: stub, id: free, context: 8192, max_output: 100, price: free}
	END
	door_model hello hello stub
	for fault in $faults; do door_model "$fault"; done
	for fault in vectors $door_vectors; do door_vector_model "$fault"; done | sed '/v-long/s/dims: 8/dims: 2000/'
	door_model echo-large stub/echo stub | sed 's/context: 8192/context: 1000000/'
	printf 'caps:\n  each_token: {scope: token, window: day, limit_usd: 0.001, on_exceeded: fail}\n'
	printf 'tiers:\n'
	door_tier hello
	door_tier free
	door_tier unset
	for fault in $faults echo-large vectors $door_vectors; do door_tier "$fault"; done
	printf '  vectors-capped: {steps: [{model: vectors, caps: [each_token]}]}\n'
	printf '  falls: {steps: [{model: s500}, {model: s429-after}, {model: hello}]}\n'
	printf '  late-falls: {steps: [{model: error-late}, {model: hello}]}\n'
	printf '  capped: {steps: [{model: hello, caps: [each_token]}]}\n'
	printf '  admins: {steps: [{model: hello, when: ".task.submitted_by == \\"token:admin\\""}]}\n'
}


door_fixture() {
	api_tcp
	d_ready() {
		case $1 in
		web) d_http -f "$api/readyz" ;;
		worker) d_has_line "$2" worker.registered ;;
		*) true ;;
		esac
	}
	d_init "web: {listen: \"127.0.0.1:$port\"$door_web}" "$@"
	base=$api/v1
	d_stub --log "$D/asked.txt"
	door_routing >"$D/root/policies/routing.yaml"
	cat >"$D/root/workflows/greet.yaml" <<-'END'
		agentd: v1
		name: greet
		description: Greets whom it is told to.
		input: {type: object, required: [name], additionalProperties: false, properties: {name: {type: string, maxLength: 20}, loud: {type: boolean}}}
		steps:
		  - id: greet
		    set: {n: 1}
		output: "Hello, ${ .input.name }${ if .input.loud then \"!\" else \".\" end }"
	END
	cat >"$D/root/workflows/count.yaml" <<-'END'
		agentd: v1
		name: count
		input: {type: object, required: [messages], properties: {messages: {type: array}}}
		steps:
		  - id: count
		    set: {n: "${ .input.messages | length }"}
		output: {messages: "${ .vars.n }", last: "${ .input.messages[-1].content }"}
	END
	cat >"$D/root/workflows/say.yaml" <<-'END'
		agentd: v1
		name: say
		input: {type: object, properties: {what: {type: string}}}
		steps:
		  - id: say
		    model: {tier: hello, prompt: "${ .input.what }", max_output: 50}
		output: ${ .steps.say.output }
	END
	cat >"$D/root/workflows/fails.yaml" <<-'END'
		agentd: v1
		name: fails
		steps:
		  - id: fail
		    raise: {type: gone_wrong, message: "as it should"}
	END
	cat >"$D/root/workflows/sleeps.yaml" <<-'END'
		agentd: v1
		name: sleeps
		steps:
		  - id: nap
		    wait: 1h
	END
	d_publish
	d_start web web
	d_start worker worker
	d_start sweeper sweeper
	d_token caller submit
}
