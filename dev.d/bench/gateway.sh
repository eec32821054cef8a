# gateway - questions to a model that answers at once, 256 callers: through the worker's gateway, each with the reservation of its worst
# case, its row in model_calls and its step's row in the journal; and from a bare libcurl loop over kept connections. They take turns.
#
# overhead_p50_us: what a question takes longer through the gateway (the time of all by their number, the median of the turns); single_:
# of one caller alone, whose commits nobody shares: two fsyncs. With AGENTD_LITELLM, the program of LiteLLM's proxy, that is asked the
# same questions, without a database.
n=${n_tasks:-4000}
single=$((n / 20 > 0 ? n / 20 : 1))
callers=$((n < 256 ? n : 256))
bench_init
d_stub
cat >"$D/root/policies/routing.yaml" <<-END
	agentd: v1
	providers: {stub: {wire: openai, base_url: "$stub_url", key_env: []}}
	models: {stub: {provider: stub, id: stub, context: 8192, max_output: 100, price: {input: 0.10, output: 0.40, as_of: 2026-11-01}}}
	tiers: {cheap: {steps: [{model: stub}]}}
END
d_publish

# bare URL CALLERS COUNT: sets us, kib and p50_us
bare() {
	"$top_builddir/t/bench/bare_ask" --url "$1" --callers "$2" --count "$3" >"$D/bare" || bail "bare_ask failed"
	read -r us kib p50_us <"$D/bare"
}

# ours CALLERS COUNT: sets us, kib, p50_us and cpu_us
ours() {
	empty_tables
	enqueue noop "$1"
	"$top_builddir/t/bench/gateway_load" --routing "$D/root/policies/routing.yaml" --tier cheap --callers "$1" \
		--count "$2" >"$D/ours" || bail "gateway_load failed"
	read -r us kib p50_us cpu_us <"$D/ours"
}

per_call() { awk -v a="$1" -v b="$2" -v n="$n" 'BEGIN { printf "%.0f", (a - b) / n }'; }

for turn in 1 2 3 4 5; do
	bare "$stub_url" "$callers" "$n"
	bare_us=$us
	bare_all="${bare_all:-} $us"
	ours "$callers" "$n"
	ours_all="${ours_all:-} $us"
	overhead="${overhead:-} $(per_call "$us" "$bare_us")"
	waits="${waits:-} $p50_us"
	cpu="${cpu:-} $(awk -v us="$cpu_us" -v n="$n" 'BEGIN { printf "%.0f", us / n }')"
	peak_kib=$kib
	bare "$stub_url" 1 "$single"
	bare_p50_us=$p50_us
	ours 1 "$single"
	alone="${alone:-} $((p50_us - bare_p50_us))"
done
say "us of $n questions: bare$bare_all, gateway$ours_all, and of each more$overhead; alone$alone"
# shellcheck disable=SC2086
figure overhead_p50_us "$(median $overhead)" us
# shellcheck disable=SC2086
figure latency_p50_us "$(median $waits)" us
# shellcheck disable=SC2086
figure cpu_us "$(median $cpu)" us
# shellcheck disable=SC2086
figure single_overhead_p50_us "$(median $alone)" us
# shellcheck disable=SC2086
figure rps "$(per_s "$n" "$(median $ours_all | awk '{ print $1 / 1000 }')")" questions/s
# shellcheck disable=SC2086
figure bare_rps "$(per_s "$n" "$(median $bare_all | awk '{ print $1 / 1000 }')")" questions/s
figure rss_mib "$(awk -v kib="$peak_kib" 'BEGIN { printf "%.1f", kib / 1024 }')" MiB

[ -n "${AGENTD_LITELLM:-}" ] || return 0
cat >"$D/litellm.yaml" <<-END
	model_list:
	  - {model_name: stub, litellm_params: {model: openai/stub, api_base: "$stub_url", api_key: none}}
END
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
: >"$D/litellm.log"
d_spawn litellm env LITELLM_LOCAL_MODEL_COST_MAP=True LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY=true "$AGENTD_LITELLM" --config "$D/litellm.yaml" --host 127.0.0.1 --port "$port"
answers() { "$top_builddir/t/bench/bare_ask" --url "http://127.0.0.1:$port/v1" --callers 1 --count 1 >/dev/null 2>&1; }
wait_for 120 answers || bail "LiteLLM does not answer: $(tail -n 3 "$D/litellm.log")"
theirs_n=$((n / 4 > callers ? n / 4 : callers))
bare "http://127.0.0.1:$port/v1" "$callers" "$theirs_n"
bare "http://127.0.0.1:$port/v1" "$callers" "$theirs_n"
theirs_us=$(awk -v us="$us" -v n="$theirs_n" -v bare="$bare_us" -v all="$n" 'BEGIN { printf "%.0f", us / n - bare / all }')
figure litellm_overhead_us "$theirs_us" us
figure litellm_rps "$(per_s "$theirs_n" "$(awk -v us="$us" 'BEGIN { print us / 1000 }')")" questions/s
figure litellm_rss_mib "$(rss "$(d_pid litellm)")" MiB
# shellcheck disable=SC2086
figure litellm_ratio "$(ratio "$theirs_us" "$(median $overhead)")" x
