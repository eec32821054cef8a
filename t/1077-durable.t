#!/bin/sh
# 1077-durable.t - agentd does not run on a database that may lose what it acknowledged; doctor names what is wrong; a role for readers.
. "$top_srcdir/t/lib/pg.sh"
. "$top_srcdir/t/lib/daemon.sh"

D_PG_SETTINGS="fsync = off
full_page_writes = off"
d_init
set_pg() { sql "ALTER SYSTEM SET $1 = $2" >/dev/null && sql "SELECT pg_reload_conf()" >/dev/null && wait_for 10 setting_is "$1" "$2"; }
setting_is() { [ "$(sql "SHOW $1")" = "$2" ]; }
# refuses NAME SETTINGS: a daemon of this mode ends by itself with status 1 and says why
refuses() {
	: >"$D/$1.log"
	d_spawn "$1" "$agentd" -c "$D/agentd.yaml" "$1"
	d_status "$1"
	is "$1 on $2" "$status $(sed -n 's/.*database.refused settings="\(.*\)" hint=.*/\1/p' "$D/$1.log")" "1 $2"
}
for mode in web worker sweeper all; do
	refuses $mode "fsync is off, full_page_writes is off"
done
out=$(ctl doctor 2>&1)
is "doctor fails" "$?" 1
like "and names fsync" "$out" '^fsync +BAD +is off, must be on: acknowledged work could be lost$'
like "and full_page_writes" "$out" '^full_page_writes +BAD +is off, must be on'
set_pg fsync on
refuses worker "full_page_writes is off"
set_pg full_page_writes on
sql "ALTER DATABASE agentd SET synchronous_commit = off" >/dev/null
like "doctor names synchronous_commit" "$(ctl doctor)" '^synchronous_commit +BAD +is off, must not be off'
sql "ALTER DATABASE agentd SET synchronous_commit = local" >/dev/null

# --- safe: it runs, until the server comes back otherwise ---
d_start all all
like "local is durable enough" "$(ctl doctor)" '^synchronous_commit +ok +local$'
set_pg fsync off
sql "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name LIKE 'agentd%'" >/dev/null
d_status all
is "a daemon that runs ends when the server comes back unsafe" "$status $(grep -c 'database.refused settings="fsync is off"' "$D/all.log")" "1 1"

# --- told to, it runs and warns ---
echo "require_durable: false" >>"$D/agentd.yaml"
d_start all all
ok "require_durable: false only warns" d_has_line all 'warn all.* database.unsafe settings="fsync is off"'
d_stop all
is "and ends well" "$status" 0
set_pg fsync on

# --- what doctor sees besides ---
d_start all all
measured() { ctl doctor | grep -q '^admission  *ok '; }
ok "a sweeper measures" wait_for 10 measured
ctl doctor --json >"$D/doctor"
is "all is well" "$(jq -c '[.checks[] | select(.ok | not) | select(.level == "error") | .name]' "$D/doctor")" "[]"
for check in server schema fsync synchronous_commit full_page_writes data_checksums data_sync_retry "oldest snapshot" "left behind" archiver admission \
	"disk data" "disk wal" queue wal "partitions ahead" "notification queue" "quarantined tasks" "uncertain tasks" "tasks without a lease" \
	clock versions "workspaces here"; do
	is "doctor looks at: $check" "$(jq --arg name "$check" '[.checks[] | select(.name == $name)] | length' "$D/doctor")" 1
done
like "clocks agree" "$(jq -r '.checks[] | select(.name == "clock") | "\(.ok) \(.detail)"' "$D/doctor")" '^true this host and the database are [0-9]+ ms apart$'
cp -R "$AGENTD_SQL" "$D/sql"
echo "-- newer" >>"$D/sql/functions/7_admin.sql"
out=$(AGENTD_SQL=$D/sql ctl doctor)
is "a schema of another version is an error" "$? $(printf '%s' "$out" | grep -c '^versions  *BAD .*agentctl migrate brings functions$')" "1 1"
d_stop all
sql "DELETE FROM agentd.admission" >/dev/null
like "nobody measures" "$(ctl doctor)" '^admission +warning +nobody measures disks and queue'

# --- a login role for reports ---
sql "CREATE ROLE grafana LOGIN IN ROLE agentd_reader" >/dev/null
like "doctor names a reader without limits, and what to do" "$(ctl doctor)" "^reader grafana +warning +ALTER ROLE grafana SET statement_timeout = '15s'; ALTER ROLE grafana SET default_transaction_read_only = on\$"
sql "$(ctl doctor --json | jq -r '.checks[] | select(.name == "reader grafana") | .detail')" >/dev/null
like "done, it is content" "$(ctl doctor)" '^reader grafana +ok '
reader() { PGUSER=grafana pg_psql -c "$1" 2>&1; }
is "it reads" "$(reader "SELECT count(*) >= 0 FROM agentd.tasks, agentd.attempts")" t
like "its statements end after 15 s" "$(reader "SHOW statement_timeout")" '^15s$'
like "a long one does" "$(reader "SET statement_timeout = '200ms'; SELECT pg_sleep(5)")" 'canceling statement due to statement timeout'
like "it writes nothing, where it might" "$(sql "CREATE TABLE public.own (n integer); GRANT ALL ON public.own TO grafana" >/dev/null; reader "INSERT INTO public.own VALUES (1)")" 'cannot execute INSERT in a read-only transaction'
like "nor where it asks for it" "$(printf '%s\n' "SET default_transaction_read_only = off;" "DELETE FROM agentd.tasks;" | PGUSER=grafana pg_psql 2>&1)" 'permission denied'
sql "ALTER ROLE grafana RESET ALL; UPDATE agentd.schema_functions SET digest = '\\x00'" >/dev/null
ctl migrate >/dev/null
is "a migration that replaces functions sets them for those that exist" "$(reader "SHOW statement_timeout; SHOW default_transaction_read_only" | tr '\n' ' ')" "15s on "
done_testing
