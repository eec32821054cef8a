#!/bin/sh
# 1088-heavy.t - what has to read much goes over a connection of its own: one that does not come to its end stalls neither heartbeats nor
# commits nor what else is asked, and is given up by the database in time, with 503 and Retry-After.
. "$top_srcdir/t/lib/pg.sh"
. "$top_srcdir/t/lib/daemon.sh"
command -v jq >/dev/null || {
	echo "1..0 # SKIP no jq"
	exit 0
}

d_init "worker: {lease: 2s, heartbeat: 300ms, poll: 200ms}"
printf 'agentd: v1\nname: quick\nsteps:\n  - {id: set, set: {a: 1}}\n' >"$D/root/workflows/quick.yaml"
printf 'agentd: v1\nname: nap\nsteps:\n  - {id: nap, wait: 1h}\n' >"$D/root/workflows/nap.yaml"
d_publish
d_token boss
d_start all all
get() { d_http -m 60 -o "$D/body" -D "$D/head" -w '%{http_code}' -H "Authorization: Bearer $token" "http://agentd$1"; }
kinds() { sql "SELECT string_agg(DISTINCT replace(application_name, 'agentd all', '_'), ' ' ORDER BY replace(application_name, 'agentd all', '_'))
	FROM pg_stat_activity WHERE application_name LIKE 'agentd all%'"; }

# --- its connection ---
nap=$(ctl submit nap)
is "the first look at a task goes over the connection that is there" "$(get "/tasks/$nap")" 200
before=$(kinds)
is "a figure of all tasks" "$(get /cost)" 200
like "has one of its own, made when it was needed" "$before / $(kinds)" '/ .*_ heavy'
ok "what the sweeper does at length has one, too" wait_for 20 eval 'kinds | grep -q "_ upkeep"'
is "statements on it have half a minute" "$(sql "CREATE OR REPLACE FUNCTION public.timeout_of() RETURNS text LANGUAGE sql AS \$\$ SELECT current_setting('statement_timeout') \$\$;
	ALTER FUNCTION agentd.cost(text, text, bigint, bigint, text, text, boolean) RENAME TO cost_as_it_is;
	CREATE FUNCTION agentd.cost(text, text, bigint, bigint, text, text, boolean) RETURNS text LANGUAGE sql SECURITY DEFINER AS
		\$\$ SELECT json_build_object('by', public.timeout_of(), 'rows', '[]'::json)::text \$\$"; get /cost >/dev/null; jq -r .by "$D/body")" 30s

# --- one that does not end ---
sql "CREATE OR REPLACE FUNCTION agentd.cost(text, text, bigint, bigint, text, text, boolean) RETURNS text LANGUAGE sql SECURITY DEFINER AS
	\$\$ SELECT '{}'::text FROM pg_sleep(300) \$\$"
began=$(now_ms)
d_spawn long sh -c "exec curl -sS -m 60 --unix-socket '$D/web.sock' -D '$D/long.head' -o '$D/long.body' -H 'Authorization: Bearer $token' http://agentd/cost"
wait_for 10 eval 'test "$(sql "SELECT count(*) FROM pg_stat_activity WHERE wait_event = '\''PgSleep'\''")" = 1' || bail "the long one did not begin"
n=0
for i in 1 2 3 4 5 6; do
	t=$(d_http -X POST -H "Authorization: Bearer $token" -H 'Content-Type: application/json' -d '{"workflow": "quick"}' http://agentd/tasks | jq -r .id)
	d_http -H "Authorization: Bearer $token" "http://agentd/tasks/$t?wait=5s" | jq -e '.state == "succeeded"' >/dev/null && n=$((n + 1))
done
is "submissions, claims, commits and long polls go on" "$n" 6
is "and heartbeats: twice the lease later it is the same worker" "$(wait_for 10 eval '[ $(($(now_ms) - began)) -gt 4500 ]'
	sql "SELECT count(*), bool_and(ended_at IS NULL AND lease_until > agentd.clock()) FROM agentd.workers")" "1|t"
like "the long one goes on meanwhile" "$(sql "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'")" 1
d_status long
took=$(($(now_ms) - began))
like "it is given up" "$(head -n 1 "$D/long.head")" '503'
like "at its time, though the request's own was over before" "$took" '^(2[5-9]|3[0-4])[0-9]{3}$'
like "when to ask again is said" "$(grep -i '^retry-after' "$D/long.head")" ': 5'
like "and what it was" "$(jq -r .detail "$D/long.body")" 'gave up "cost", which may take 30 s'
sql "DROP FUNCTION agentd.cost(text, text, bigint, bigint, text, text, boolean);
	ALTER FUNCTION agentd.cost_as_it_is(text, text, bigint, bigint, text, text, boolean) RENAME TO cost"
is "then it works as before" "$(get /cost)" 200
done_testing
