# door - questions through POST /v1/chat/completions to a model that answers at once and is paid for, so that each is reserved before and
# settled behind its answer.
#
# door_p50_ms: one client, one question after the other. door_rps: 64 kept connections. What a question costs the web server, the stub, the
# database and the clients in time of a processor stands beside: all share this machine.
n=${n_tasks:-20000}
bench_init
d_stub
cat >"$D/root/policies/routing.yaml" <<-END
	agentd: v1
	providers: {stub: {wire: openai, base_url: "$stub_url", key_env: []}}
	models: {stub: {provider: stub, id: stub, context: 8192, max_output: 100, price: {input: 0.10, output: 0.40, as_of: 2026-11-01}}}
	tiers: {cheap: {steps: [{model: stub}]}}
END
d_publish
d_token
d_start web web
cpu_ms() { awk -v hz="$(getconf CLK_TCK)" '{print ($14 + $15) * 1000 / hz}' "/proc/$1/stat"; }
backends() { sql "SELECT string_agg(pid::text, ' ') FROM pg_stat_activity WHERE application_name = 'agentd web'"; }
backend_ms() { for pid in $(backends); do cpu_ms "$pid"; done | awk '{n += $1} END {print n}'; }
us_each() { awk -v a="$1" -v b="$2" -v n="$n" 'BEGIN { printf "%.0f", (b - a) * 1000 / n }'; }

# chat CLIENTS COUNT: sets rps, p50_ms, p99_ms
chat() {
	"$top_builddir/t/bench/http_load" chat --socket "$D/web.sock" --token "$token" --model cheap --clients "$1" --count "$2" >"$D/rate" ||
		bail "http_load failed"
	rps=$(awk '$1 == "rps" {print $2}' "$D/rate")
	p50_ms=$(awk '$1 == "p50_ms" {print $2}' "$D/rate")
	p99_ms=$(awk '$1 == "p99_ms" {print $2}' "$D/rate")
}

chat 64 2000	# files and plans that later ones use again
chat 1 1000
figure door_p50_ms "$p50_ms" ms
figure door_p99_ms "$p99_ms" ms
sql CHECKPOINT
web=$(cpu_ms "$(d_pid web)") stub=$(cpu_ms "$(d_pid stub)") backend=$(backend_ms)
chat 64 "$n"
figure door_rps "$rps" questions/s
figure door_64_p50_ms "$p50_ms" ms
figure web_us "$(us_each "$web" "$(cpu_ms "$(d_pid web)")")" us
figure stub_us "$(us_each "$stub" "$(cpu_ms "$(d_pid stub)")")" us
figure database_us "$(us_each "$backend" "$(backend_ms)")" us
figure rss_mib "$(awk '/^VmHWM/ {printf "%.1f", $2 / 1024}' "/proc/$(d_pid web)/status")" MiB
settled() { [ "$(sql "SELECT count(*) FROM agentd.spend_hold WHERE settled_at IS NULL")" = 0 ]; }
wait_for 10 settled || bail "holds were left open"
say "$(sql "SELECT count(*) || ' calls, ' || sum(cost_usd) || ' USD' FROM agentd.model_calls WHERE token IS NOT NULL")"
