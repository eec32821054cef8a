# waiting - tasks that wait for a model which takes 1 s, all of them in flight in one worker.
#
# limit_s and limit_rss_mib: the same questions to the same model from a bare libcurl loop, without a database.
n=${n_tasks:-1000}
slots=$((n > 1000 ? n : 1000))
bench_init "worker: {slots: $slots}"
d_stub --delay-ms 1000
cat >"$D/root/policies/routing.yaml" <<-END
	agentd: v1
	providers: {stub: {wire: openai, base_url: "$stub_url", key_env: []}}
	models: {stub: {provider: stub, id: stub, context: 8192, max_output: 100, price: {input: 0.10, output: 0.40, as_of: 2026-11-01}}}
	tiers: {cheap: {steps: [{model: stub}]}}
END
flow ask '  - id: ask
    model: {tier: cheap, prompt: "Say hello.", max_output: 50}'
d_publish
drain ask "$n"
figure wall_s "$(seconds "$from_start_ms")" s
figure wall_from_first_claim_s "$(seconds "$from_claim_ms")" s
figure rss_mib "$peak_mib" MiB
figure rss_kib_per_task "$(awk -v mib="$peak_mib" -v n="$n" 'BEGIN { printf "%.1f", mib * 1024 / n }')" KiB
figure cpu_ms "$cpu_ms" ms
d_stop worker
"$top_builddir/t/bench/bare_ask" --url "$stub_url" --count "$n" >"$D/bare" || bail "bare_ask failed"
read -r bare_us bare_kib _ <"$D/bare"
figure limit_s "$(seconds $((bare_us / 1000)))" s
figure limit_rss_mib "$(awk -v kib="$bare_kib" 'BEGIN { printf "%.1f", kib / 1024 }')" MiB
