#!/bin/sh
# 0290-admission.t - what the measures of a sweeper decide, for how long, and whom it stops.
set -- "archive_mode = on" "archive_command = 'false'" "wal_keep_size = 0"
. "$top_srcdir/t/lib/sql.sh"

at() { echo "SET agentd.fake_now = '2026-11-26 00:00:00+00'; SET agentd.fake_now = '$(sql "SELECT timestamptz '2026-11-26 00:00:00+00' + interval '$1'")';"; }
# measure AT PERMILLE [MORE]: the verdict as level|was|why
measure() {
	sql "$(at "$1") SELECT v ->> 'level', v ->> 'was', coalesce(v ->> 'why', '') FROM (SELECT agentd.sweep_admission('{\"source\": \"${SOURCE:-here}\", \"interval_ms\": 5000,
		\"disks\": [{\"name\": \"data\", \"path\": \"/data\", \"permille\": $2}], \"refuse_at\": 850, \"resume_at\": 800, \"stop_claims_at\": 900, \"stop_files_at\": 950,
		\"wal_bytes\": ${WAL:-1000000000000}, \"archiver_ms\": ${ARCHIVER:-0}, \"queue_depth\": ${DEPTH:-0}}')::json v) x"
}

# --- disks: every threshold, and each is left at the one below ---
for step in "100 0|0|" "849 0|0|" "850 1|0|the disk of the database is 85.0 % full" "801 1|1|the disk of the database is 80.1 % full" "800 0|1|" \
	"801 0|0|" "899 1|0|the disk of the database is 89.9 % full" "900 2|1|the disk of the database is 90.0 % full" "851 2|2|the disk of the database is 85.1 % full" \
	"850 1|2|the disk of the database is 85.0 % full" "1000 3|1|the disk of the database is 100.0 % full" "901 3|3|the disk of the database is 90.1 % full" \
	"900 2|3|the disk of the database is 90.0 % full" "0 0|2|"; do
	is "full to ${step%% *} permille" "$(measure '0 s' "${step%% *}")" "${step#* }"
done

# --- whom it stops ---
k=$(sql "SELECT agentd.submit('noop', idempotency_key => 'k')")
sql "SELECT test.submit('noop', 2)" >/dev/null
measure '0 s' 860 >/dev/null
is "no submissions: from SQL a clear error" "$(sql "$(at '1 s') SELECT agentd.submit('noop')" | head -n 1)" \
	"ERROR:  no new tasks are taken now: the disk of the database is 86.0 % full"
is "of a class of its own" "$(refused "$(at '1 s') SELECT agentd.submit('noop')")" AG503
is "the refused one left nothing" "$(sql "SELECT count(*) FROM agentd.tasks")" 3
is "an earlier submission sent again is answered as before" "$(sql "$(at '1 s') SELECT agentd.submit('noop', idempotency_key => 'k') = '$k'")" t
is "by its id too" "$(sql "$(at '1 s') SELECT agentd.submit('noop', id => '$k') = '$k'")" t
is "another submission under that key is still wrong" "$(refused "$(at '1 s') SELECT agentd.submit('noop', '{\"a\": 1}', idempotency_key => 'k')")" AG422
is "what is wrong anyway is said to be" "$(refused "$(at '1 s') SELECT agentd.submit('nope')")" AG404
is "in a batch each has its own answer" "$(sql "$(at '1 s') SELECT string_agg(status, ' ' ORDER BY ord) FROM agentd.submit_batch(ARRAY[agentd.uuid_new(), '$k', agentd.uuid_new()],
	'{noop,noop,nope}', ARRAY['{}', '{}', '{}']::json[], '{normal,normal,normal}', ARRAY[NULL, NULL, NULL]::json[], ARRAY[NULL, NULL, NULL]::json[], '{0,0,0}', '{0,0,0}',
	ARRAY[NULL, NULL, NULL]::text[], '{r,r,r}', ARRAY['\\x', '\\x', '\\x']::bytea[], ARRAY['sql:postgres', 'sql:postgres', 'sql:postgres'])")" "refused replayed not_found"
is "a refused key is not used up" "$(refused "$(at '1 s') SELECT agentd.submit('noop', idempotency_key => 'later')")" AG503
is "workers claim" "$(sql "$(at '1 s') SELECT count(*) FROM agentd.claim('$W', 1, 1) WHERE task IS NOT NULL")" 1
measure '1 s' 910 >/dev/null
is "a claim sent again has its tasks" "$(sql "$(at '2 s') SELECT count(*) FROM agentd.claim('$W', 1, 1) WHERE task IS NOT NULL")" 1
is "fuller: they do not" "$(sql "$(at '2 s') SELECT count(task), count(*) FROM agentd.claim('$W', 1, 2)")" "0|1"
t=$(sql "SELECT id FROM agentd.task_queue WHERE state = 'running'")
is "what runs goes on" "$(sql "$(at '2 s') SELECT lost FROM agentd.heartbeat('$W'); SELECT test.move('$t', 1, 'finish', 'succeeded', '[[\"a\", 1, \"x\", 1]]')" | tr '\n' ' ')" "f ok "
is "a verdict that nobody renews lapses" "$(sql "$(at '61 s') SELECT count(task) FROM agentd.claim('$W', 1, 3)")" 1
is "for submissions too" "$(sql "$(at '61 s') SELECT agentd.submit('noop', idempotency_key => 'later') IS NOT NULL")" t
measure '70 s' 100 >/dev/null

# --- two sweepers: one closed door is enough, and the other does not open it ---
SOURCE=there measure '80 s' 870 >/dev/null
is "here is room" "$(measure '81 s' 100)" "0|0|"
is "there is none" "$(refused "$(at '82 s') SELECT agentd.submit('noop')")" AG503
SOURCE=there measure '83 s' 100 >/dev/null
is "now both have" "$(refused "$(at '84 s') SELECT agentd.submit('noop')")" none

# --- depth of the queue: what is ready ---
sql "DELETE FROM agentd.task_queue; SELECT test.submit('noop', 9), agentd.submit('noop', run_at => agentd.clock() + interval '1 h')" >/dev/null
is "below" "$(DEPTH=10 measure '90 s' 0)" "0|0|"
sql "SELECT test.submit('noop', 1)" >/dev/null
is "at the limit" "$(DEPTH=10 measure '91 s' 0)" "1|0|10 tasks wait for a worker"
sql "SELECT test.claim('$W', 1)" >/dev/null
is "left at nine tenths" "$(DEPTH=10 measure '92 s' 0)" "0|1|"
is "where statistics say that it is far, nobody counts" "$(DEPTH=20000 measure '93 s' 0 && sql "SELECT c ->> 'detail' FROM agentd.admission, json_array_elements(causes) c
	WHERE c ->> 'name' = 'queue' AND source = 'here'" | sed 's/about [0-9]*/about N/')" "0|0|
about N tasks, the limit is 20000 ready ones"
sql "INSERT INTO agentd.task_queue (id, state, leaf, priority, lane) SELECT gen_random_uuid(), 'ready', 0, 10, 'default' FROM generate_series(1, 20000); ANALYZE agentd.task_queue" >/dev/null
is "where they say that it is near, somebody does" "$(DEPTH=20000 measure '94 s' 0)" "1|0|20000 tasks wait for a worker"
sql "DELETE FROM agentd.task_queue" >/dev/null
is "and believes the count" "$(DEPTH=20000 measure '95 s' 0)" "0|1|"

# --- the archiver, by the real clock ---
sql "SELECT pg_switch_wal()" >/dev/null
until_true "SELECT last_failed_time IS NOT NULL FROM pg_stat_archiver"
now() { sql "SELECT v ->> 'level' FROM (SELECT agentd.sweep_admission('{\"source\": \"now\", \"interval_ms\": 5000, \"disks\": [], \"archiver_ms\": $1}')::json v) x"; }
is "it fails, but not for long" "$(now 900000)" 0
sleep 1
is "it fails for too long" "$(now 500)" 1
like "submissions say so" "$(sql "SELECT agentd.submit('noop')")" 'the archiver of the write-ahead log fails since 20[0-9-]*T'
is "0: no limit" "$(now 0)" 0
now 1 >/dev/null
since=$(sql "SELECT c ->> 'since' FROM agentd.admission, json_array_elements(causes) c WHERE source = 'now' AND c ->> 'name' = 'archiver'")
sleep 1
now 1 >/dev/null
is "since its first failure, not its last" "$(sql "SELECT c ->> 'since' FROM agentd.admission, json_array_elements(causes) c WHERE source = 'now' AND c ->> 'name' = 'archiver'")" "$since"
sql "ALTER SYSTEM SET archive_command = 'true'" >/dev/null
sql "SELECT pg_reload_conf()" >/dev/null
until_true "SELECT last_archived_time > last_failed_time FROM pg_stat_archiver"
is "it archives: open" "$(now 1)" 0

# --- the write-ahead log ---
is "too much of it" "$(WAL=1 measure '200 s' 0 | sed 's/[0-9]* MB/N MB/')" "1|0|the write-ahead log takes N MB"
is "less" "$(measure '201 s' 0)" "0|1|"
is "by default four times what the server keeps" "$(WAL=0 measure '202 s' 0; sql "SELECT c ->> 'detail' FROM agentd.admission, json_array_elements(causes) c WHERE source = 'here' AND c ->> 'name' = 'wal'" |
	sed 's/^[0-9]* MB/N MB/')" "0|0|
N MB, the limit is 8192 MB"

# --- the cost of looking ---
sql "CREATE FUNCTION test.cpu_us() RETURNS float LANGUAGE sql VOLATILE AS \$\$ SELECT split_part(pg_read_file('/proc/self/schedstat'), ' ', 1)::float / 1000 \$\$" >/dev/null
look=$(sql "DO \$\$ DECLARE v_now timestamptz := clock_timestamp(); c float; BEGIN
	FOR i IN 1..1000 LOOP PERFORM agentd.admission_why(2, v_now); END LOOP; c := test.cpu_us();
	FOR i IN 1..10000 LOOP PERFORM agentd.admission_why(2, v_now); END LOOP;
	RAISE NOTICE '%', round(((test.cpu_us() - c) / 10000)::numeric, 2); END \$\$" | sed 's/NOTICE: *//')
echo "# a look takes $look us of a processor"
is "a look takes less than 20 us" "$(awk -v us="$look" 'BEGIN { print (us > 0 && us < 20) }')" 1
is "renewals of an open door touch no index" "$(sql "SELECT count(agentd.sweep_admission('{\"source\": \"hot\", \"interval_ms\": 1, \"disks\": []}')) FROM generate_series(1, 3)" >/dev/null
	for i in 1 2 3 4 5; do measure '300 s' 1 >/dev/null; done; sql "SELECT pg_stat_force_next_flush(); SELECT n_tup_hot_upd > 4 FROM pg_stat_user_tables WHERE relname = 'admission'" | tail -n 1)" t
done_testing
