#!/bin/sh
# 0855-metrics.t - GET /metrics: every family of metric.def appears, counts what happened, and stays when the database is away.
. "$top_srcdir/t/lib/pg.sh"
. "$top_srcdir/t/lib/daemon.sh"

d_init "worker: {lease: 2s, heartbeat: 500ms, poll: 500ms}"
d_sink
d_stub
d_routing 'cheap: {provider: stub, id: m-cheap, context: 8192, max_output: 100, price: {input: 3.00, output: 15.00, as_of: 2026-11-01}}'
cat >"$D/root/workflows/all.yaml" <<'END'
agentd: v1
name: all
budget: {usd: 1}
steps:
  - id: tell
    call: sink.look
    with: {n: 1}
  - id: ask
    model: {tier: cheap, prompt: "hello"}
END
cat >"$D/root/workflows/long.yaml" <<'END'
agentd: v1
name: long
steps:
  - id: nap
    wait: 1h
END
cat >"$D/root/workflows/bad.yaml" <<'END'
agentd: v1
name: bad
steps:
  - id: no
    raise: {type: no, message: "no"}
END
d_publish
d_start web web
d_start worker worker
d_start sweeper sweeper
d_token all
full=$token
d_token scraper metrics
scraper=$token
d_token reader read

get() { d_http -H "Authorization: Bearer $1" "http://agentd$2"; }
code() { d_http -o "$D/body" -w '%{http_code}' "$@"; }
metrics() { get "$scraper" /metrics >"$D/metrics"; }
# figure SERIES: its value now
figure() { metrics && awk -v s="$1" 'index($0, s " ") == 1 { print substr($0, length(s) + 2) }' "$D/metrics"; }
figure_is() { [ "$(figure "$1")" = "$2" ]; }
becomes() { if wait_for 20 figure_is "$1" "$2"; then pass "$1 is $2"; else fail "$1 is $2" "got \"$(figure "$1")\""; fi; }
submit() { d_http -H "Authorization: Bearer $full" -H 'Content-Type: application/json' -d "$1" http://agentd/tasks | sed 's/.*"id":"\([^"]*\)".*/\1/'; }

is "without a token" "$(code http://agentd/metrics)" 401
is "without the scope" "$(code -H "Authorization: Bearer $token" http://agentd/metrics)" 403
is "the media type" "$(d_http -o /dev/null -w '%{content_type}' -H "Authorization: Bearer $scraper" http://agentd/metrics)" \
	"text/plain; version=0.0.4; charset=utf-8"

one=$(submit '{"workflow": "all"}')
ok "a task with a tool and a model ends well" wait_for 20 task_is "$one" succeeded
two=$(submit '{"workflow": "bad"}')
ok "another fails" wait_for 20 task_is "$two" failed
three=$(submit '{"workflow": "long"}')
ok "a third waits" wait_for 20 task_is "$three" waiting_timer
four=$(submit '{"workflow": "long", "run_at": "2040-01-01T00:00:00Z"}')
is "one that nobody had is cancelled" "$(code -X POST -H "Authorization: Bearer $full" "http://agentd/tasks/$four/cancel")" 200
submit '{"workflow": "nothing"}' >/dev/null
becomes 'agentd_tasks_ended_total{workflow="all",state="succeeded"}' 1
becomes 'agentd_tasks_ended_total{workflow="bad",state="failed"}' 1
becomes 'agentd_tasks_ended_total{workflow="long",state="cancelled"}' 1
becomes 'agentd_submissions_total{outcome="new"}' 4
becomes 'agentd_submissions_total{outcome="not_found"}' 1
becomes 'agentd_task_attempts_total' 3
becomes 'agentd_tool_calls_total{tool="sink.look",outcome="ok"}' 1
becomes 'agentd_model_calls_total{tier="cheap",provider="stub",model="m-cheap",outcome="ok"}' 1
becomes 'agentd_queue_tasks{lane="default",state="waiting_timer"}' 1
becomes 'agentd_workers{lane="default"}' 1
becomes 'agentd_admission_level' 0
becomes 'agentd_approvals_waiting' 0
becomes 'agentd_database_up' 1
cost=$(sql "SELECT trim_scale(sum(cost_usd)) FROM agentd.model_calls")
becomes 'agentd_model_cost_usd_total{tier="cheap",provider="stub",model="m-cheap"}' "$cost"
like "a model call costs something" "$cost" '^0\.0*[1-9]'
becomes 'gen_ai_client_operation_duration_seconds_count{gen_ai_provider_name="stub",gen_ai_request_model="m-cheap"}' 1
tokens=$(sql "SELECT sum(out_text) FROM agentd.model_calls")
becomes 'gen_ai_client_token_usage_sum{agentd_tier="cheap",gen_ai_provider_name="stub",gen_ai_request_model="m-cheap",gen_ai_token_type="output"}' "$tokens"
is "HTTP answers are counted by route" "$(figure 'agentd_http_requests_total{route="/tasks",method="POST",status="202"}')" 4
code -H "Authorization: Bearer $full" http://agentd/no/such >/dev/null
code -H "Authorization: Bearer $full" http://agentd/nor/this >/dev/null
is "unknown paths are one route" "$(figure 'agentd_http_requests_total{route="none",method="GET",status="404"}')" 2
now=$(date +%s)
last=$(figure 'agentd_sweeper_last_run_timestamp_seconds{duty="expired_workers"}')
ok "a duty of the sweeper ran lately" test $((now - last)) -le 30
start=$(figure process_start_time_seconds)
ok "the process began lately" test "$((now - ${start%.*}))" -le 300 -a "$((now - ${start%.*}))" -ge 0
ok "it has memory" test "$(figure process_resident_memory_bytes)" -gt 1000000
ok "and descriptors" test "$(figure process_open_fds)" -gt 5

# --- a worker that is lost, one that stops ---
sql "INSERT INTO agentd.workers (id, lease_until, started_at, lease_ms, pid, semantics, host, lanes) VALUES
	('01936f00-0000-7000-8000-00000000dead', '2000-01-01', '2000-01-01', 1000, 1, 1, 'x', '{x}')" >/dev/null
five=$(submit '{"workflow": "long", "run_at": "2040-01-01T00:00:00Z"}')
sql "UPDATE agentd.task_queue SET state = 'ready', run_at = clock_timestamp() - interval '1 hour', lane = 'none' WHERE id = '$five'" >/dev/null
becomes 'agentd_queue_tasks{lane="none",state="ready"}' 1
ok "the oldest ready task is an hour old" test "$(figure 'agentd_queue_oldest_ready_seconds{lane="none"}')" -ge 3600
sql "UPDATE agentd.task_queue SET state = 'running', fence = 1, worker = '01936f00-0000-7000-8000-00000000dead' WHERE id = '$five'" >/dev/null
becomes 'agentd_task_recoveries_total' 1
sql "UPDATE agentd.task_queue SET lane = 'default' WHERE id = '$five'; NOTIFY agentd_work" >/dev/null
ok "it goes on" wait_for 20 task_is "$five" waiting_timer
d_stop worker
is "a worker reports before it ends" "$(sql "SELECT value[1] FROM agentd.counters WHERE name = 'agentd_task_attempts_total'")" 4

# --- the whole, for the checker and for the manual ---
# the last look may be of before
ended() { metrics && [ "$(awk '/^agentd_task_attempts_total / { print $2 }' "$D/metrics")" = 4 ]; }
ok "it is told after its end" wait_for 20 ended
sed -n 's/^# TYPE \([^ ]*\) .*/\1/p' "$D/metrics" | sort >"$D/told"
sed -n 's/^METRIC([A-Z_]*, "\([a-z_]*\)", .*/\1/p' "$top_srcdir/src/base/metric.def" | sort >"$D/families"
# these need a fault
is "every family is told" "$(comm -13 "$D/told" "$D/families" | tr '\n' ' ')" "agentd_hook_deliveries_total agentd_sweeper_failures_total agentd_task_failures_total agentd_webhook_attempts_total "
is "and none besides" "$(comm -23 "$D/told" "$D/families")" ""
is "no series is told twice" "$(grep -v '^#' "$D/metrics" | sed 's/ [^ ]*$//' | sort | uniq -d)" ""
if command -v promtool >/dev/null; then
	is "promtool has nothing to say" "$(promtool check metrics <"$D/metrics" 2>&1)" ""
else
	skip "promtool has nothing to say" "no promtool"
fi

# --- one query for all who ask ---
sql "CREATE SEQUENCE agentd.looks; ALTER FUNCTION agentd.metrics() RENAME TO metrics_inner;
	CREATE FUNCTION agentd.metrics() RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS \$\$
	BEGIN PERFORM nextval('agentd.looks'), pg_sleep(0.3); RETURN agentd.metrics_inner(); END \$\$" >/dev/null
looks() { sql "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM agentd.looks"; }
looked() { metrics && [ "$(looks)" -ge 1 ]; }
ok "figures are looked up anew after a while" wait_for 20 looked
before=$(looks) pids=
for i in 1 2 3 4 5 6 7 8; do
	get "$scraper" /metrics >"$D/m.$i" &
	pids="$pids $!"
done
for p in $pids; do wait "$p"; done
is "eight scrapers get their answers" "$(grep -l '^agentd_queue_tasks' "$D"/m.? | wc -l)" 8
ok "from one look at most" test $(($(looks) - before)) -le 1
gone() { metrics && [ "$(looks)" -gt "$before" ]; }
ok "a look that takes long is made again" wait_for 20 gone

# --- a look that takes too long ---
sql "CREATE OR REPLACE FUNCTION agentd.metrics() RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS \$\$
	BEGIN PERFORM pg_sleep(60); RETURN '{}'; END \$\$" >/dev/null
cut_off() { metrics && d_has_line web 'metrics.failed .*statement timeout'; }
ok "is cut off" wait_for 30 cut_off
is "its askers are answered without it" "$(grep -c '^agentd_database_up 1' "$D/metrics") $(grep -c '^agentd_queue_tasks' "$D/metrics")" "1 0"
sql "DROP FUNCTION agentd.metrics(); ALTER FUNCTION agentd.metrics_inner() RENAME TO metrics" >/dev/null
back() { metrics && grep -q '^agentd_queue_tasks' "$D/metrics"; }
ok "and told again when it can be" wait_for 80 back

# --- the database is away ---
d_token unused metrics
pg_down fast
ok "without the database it says so" wait_for 20 figure_is agentd_database_up 0
is "and tells no old figures" "$(grep -c '^agentd_queue_tasks' "$D/metrics")" 0
ok "but its own" grep -q '^process_resident_memory_bytes ' "$D/metrics"
is "a token that nobody came with before is not taken" "$(code -H "Authorization: Bearer $token" http://agentd/metrics)" 503
is "the document of the API is there, too" "$(code -H "Authorization: Bearer $scraper" http://agentd/openapi.json)" 200
pg_up
becomes agentd_database_up 1
d_stop web
is "web stops cleanly" "$status" 0
done_testing
