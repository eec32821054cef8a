#!/bin/sh
# 0297-events.t - events have places that nothing moves; the feed of all tasks skips nothing, whatever commits late.
. "$top_srcdir/t/lib/sql.sh"

# events TASK [SEQ [K [LIMIT [BYTES]]]]: the ids and kinds behind it, and what the last row says
events() {
	sql "SELECT string_agg(CASE WHEN kind IS NULL THEN '=' || a || '.' || b || data ELSE (data::json ->> 'id') || ' ' || kind END, ', ' ORDER BY n)
		FROM agentd.events_of_task('$1', ${2:--1}, ${3:-0}, ${4:-100}, ${5:-100000}, '', true) WITH ORDINALITY e(a, b, c, kind, data, n)"
}
claim() { sql "SELECT fence FROM test.claim('$W', 100) WHERE task = '$1'"; }
new() { sql "SELECT test.submit('noop')" | tr -d '{}'; }

# --- the places of a task's life ---
t=$(new)
is "a new task" "$(events "$t")" "0 submitted, =0.0"
is "its claim" "$(claim "$t")" 1
sql "SELECT test.move('$t', 1, 'stay', '', '[[\"a\", 1, \"step.started\", {}], [\"a\", 1, \"step.succeeded\", {\"output\": 1}]]')" >/dev/null
is "rows of the journal follow the claim" "$(events "$t")" "0 submitted, 0.2 claimed, 1 step.started, 2 step.succeeded, =2.0"
sql "SELECT test.move('$t', 1, 'park', 'waiting_event', '[[\"b\", 1, \"step.waiting\", {}]]')" >/dev/null
parked="0 submitted, 0.2 claimed, 1 step.started, 2 step.succeeded, 3 step.waiting, 3.3 state.changed"
is "it is parked" "$(events "$t")" "$parked, =3.3"
is "where it went" "$(sql "SELECT data::json -> 'value' ->> 'to' FROM agentd.events_of_task('$t', 3, 0, 10, 1000, '', true) WHERE kind = 'state.changed'")" waiting_event
# somebody writes for the parked task, with the fence of the attempt that left it, and by a clock that went back
sql "SET agentd.fake_now = '2020-01-01'; WITH q AS (UPDATE agentd.task_queue SET seq = seq + 1 WHERE id = '$t' RETURNING *)
	SELECT agentd.journal_note(q.id, q.leaf, q.seq, q.fence, 'note', '{}') FROM q" >/dev/null
is "a row that comes then stands behind its end" "$(events "$t")" "$parked, 4 note, =4.0"
is "behind the end there is that row" "$(events "$t" 3 3)" "4 note, =4.0"
sql "UPDATE agentd.task_queue SET state = 'ready', run_at = agentd.clock() WHERE id = '$t'" >/dev/null
is "claimed again" "$(claim "$t")" 2
sql "UPDATE agentd.workers SET lease_until = 'epoch'; SELECT agentd.sweep_expired_workers('{}');
	UPDATE agentd.workers SET ended_at = NULL, lease_until = clock_timestamp() + interval '20 s'" >/dev/null
is "its worker is lost" "$(events "$t" 4)" "4.4 claimed, 4.5 state.changed, =4.5"
is "claimed once more" "$(claim "$t")" 4
sql "SELECT test.move('$t', 4, 'release')" >/dev/null
is "given back without a row" "$(events "$t" 4 5)" "4.8 claimed, 4.9 state.changed, =4.9"
is "and claimed" "$(claim "$t")" 5
sql "SELECT test.move('$t', 5, 'finish', 'succeeded', '[[\"c\", 1, \"step.succeeded\", {\"output\": 2}]]')" >/dev/null
all="$parked, 4 note, 4.4 claimed, 4.5 state.changed, 4.8 claimed, 4.9 state.changed, 4.10 claimed, 5 step.succeeded, 5.12 finished"
is "its end" "$(events "$t")" "$all, =5.12ended"
is "behind the end is nothing" "$(events "$t" 5 12)" "=5.12ended"
is "what it never gave behind that either" "$(events "$t" 999 0)" "=999.0ended"

# --- every place, every page size: the rest, each event once ---
walk() {	# LIMIT BYTES
	place="-1 0" got= pages=0
	while [ $pages -lt 50 ]; do
		# shellcheck disable=SC2086
		page=$(events "$t" $place "$1" "$2")
		got="$got${page%=*}" last=${page##*=}
		pages=$((pages + 1))
		case $last in *ended) break ;; esac
		place=$(printf '%s' "${last%%[a-z]*}" | tr . ' ')
	done
	printf '%s' "${got%, }"
}
for limit in 1 2 3 5 100; do is "pages of $limit" "$(walk $limit 100000)" "$all"; done
is "pages of a byte have an event each" "$(walk 100 1)" "$all"
rest=$all bad=
while [ -n "$rest" ]; do
	first=${rest%%,*}
	id=${first%% *}
	case $rest in *,*) rest=${rest#*, } ;; *) rest= ;; esac
	k=0
	case $id in *.*) k=${id#*.} ;; esac
	[ "$(events "$t" "${id%.*}" "$k")" = "${rest:+$rest, }=5.12ended" ] || bad="$bad $id"
done
is "behind each of them is the rest" "$bad" ""
sql "UPDATE agentd.task_attempts SET seq = NULL, ended_seq = NULL WHERE task = '$t'" >/dev/null
is "attempts of before these columns: claims by their rows, no ends" "$(events "$t")" \
	"0 submitted, 0.2 claimed, 1 step.started, 2 step.succeeded, 3 step.waiting, 4 note, 4.4 claimed, 4.8 claimed, 4.10 claimed, 5 step.succeeded, 5.12 finished, =5.12ended"

t2=$(new)
sql "SELECT agentd.cancel('$t2', '', true)" >/dev/null
is "one that nobody ever claimed" "$(events "$t2")" "0 submitted, 0.2 finished, =0.2ended"
t3=$(new)
claim "$t3" >/dev/null
sql "SELECT agentd.worker_leave('$W')" >/dev/null
is "its worker left" "$(sql "SELECT data::json -> 'value' ->> 'to' FROM agentd.events_of_task('$t3', 0, 2, 10, 1000, '', true) WHERE kind = 'state.changed'")" left
sql "UPDATE agentd.workers SET ended_at = NULL, claim = NULL" >/dev/null
is "somebody else's is none" "$(refused "SELECT agentd.events_of_task('$t', -1, 0, 1, 1, 'token:x', false)")" AG404
t4=$(sql "SELECT agentd.submit('noop', (SELECT json_agg(repeat('x', 1000)) FROM generate_series(1, 100)))")
claim "$t4" >/dev/null
sql "SELECT test.move('$t4', (SELECT fence FROM agentd.task_queue WHERE id = '$t4'), 'stay', '',
	(SELECT json_build_array(json_build_array('big', 1, 'step.succeeded', json_build_object('output', json_agg(repeat(md5(g::text), 30)))))
	FROM generate_series(1, 200) g))" >/dev/null
is "a value that is kept elsewhere is in its event" "$(sql "SELECT length(data) > 150000 FROM agentd.events_of_task('$t4', 0, 2, 10, 10, '', true) WHERE kind = 'step.succeeded'")" t

# --- the watch ---
is "nothing was fed while nobody listened" "$(sql "SELECT count(*) FROM agentd.event_feed")" 0
# gate: whoever takes lock 42 waits until it is opened
gate_shut() {
	background gate "SELECT pg_advisory_lock(42); SELECT pg_sleep(120)"
	until_true "SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = 42 AND granted"
}
gate_open() {
	sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'gate'" >/dev/null
	result gate >/dev/null
}
ready() { sql "SELECT ready FROM agentd.events_watch()"; }
head_of() { sql "SELECT head FROM agentd.events_watch()"; }
# feed XID [NR [C [LIMIT]]]: workflow and kind of the events behind it, and what the last row says
feed() {
	sql "SELECT coalesce(string_agg(workflow || ' ' || kind || coalesce(' ' || nullif(data::json ->> 'path', ''), ''), ', ' ORDER BY n) FILTER (WHERE kind IS NOT NULL), '')
		|| '=' || max(data) FILTER (WHERE kind IS NULL)
		FROM agentd.events_of_all($1, ${2:-0}, ${3:-0}, ${4:-100}, 100000) WITH ORDINALITY e(a, b, c, kind, data, submitted_by, workflow, n)"
}

gate_shut
background old "BEGIN; SELECT pg_current_xact_id(); SELECT pg_advisory_xact_lock(42); SELECT agentd.submit('noop'); COMMIT"
blocked old
is "a watch is not ready at once" "$(ready)" f
is "nor while a transaction runs that may not have seen it" "$(ready; ready)" "f
f"
is "there is no feed of before" "$(feed 1)" "=gone"
gate_open
result old >/dev/null
until_true "SELECT ready FROM agentd.events_watch()"
is "then it is" "$(ready)" t

# --- what commits late with a lower number is not skipped ---
from=$(head_of)
is "nothing yet" "$(feed "$from")" "="
gate_shut
background slow "BEGIN; SELECT agentd.submit('paid'); SELECT pg_advisory_xact_lock(42); COMMIT"
blocked slow
t5=$(new)
is "what committed first waits for what began first" "$(feed "$from")" "=held"
gate_open
result slow >/dev/null
is "then both are there, in the order in which they began" "$(feed "$from")" "paid submitted, noop submitted="
background back "BEGIN; SELECT agentd.submit('noop'); ROLLBACK"
result back >/dev/null
is "what was taken back never was" "$(feed "$from")" "paid submitted, noop submitted="

# --- everything that happens, once, in pages of every size ---
from=$(head_of)
claim "$t5" >/dev/null
f=$(sql "SELECT fence FROM agentd.task_queue WHERE id = '$t5'")
sql "SELECT test.move('$t5', $f, 'stay', '', '[[\"a\", 1, \"step.started\", {}], [\"a\", 1, \"step.succeeded\", {}]]')" >/dev/null
sql "SELECT test.move('$t5', $f, 'park', 'quarantined', '[[\"b\", 1, \"step.waiting\", {}]]')" >/dev/null
sql "SELECT agentd.redrive('$t5', 'me', true)" >/dev/null
sql "SELECT agentd.cancel('$t5', 'me', true)" >/dev/null
sql "SELECT test.submit('paid', 3)" >/dev/null
sql "SELECT test.claim('$W', 50)" >/dev/null
sql "UPDATE agentd.workers SET lease_until = 'epoch'; SELECT agentd.sweep_expired_workers('{\"recoveries\": 0}')" >/dev/null
want="noop step.started a, noop step.succeeded a, noop step.waiting b, noop state.changed, noop task.redriven, noop finished"
got=$(feed "$from")
like "the life of a task" "$got" "claimed, $want, paid submitted, paid submitted, paid submitted, "
n=$(sql "SELECT count(*) FROM agentd.task_queue WHERE state = 'quarantined' AND id <> '$t5'")
is "each that is lost is so once, and quarantined behind it" "$(printf '%s' "$got" | grep -o 'state.changed, [a-z]* task.quarantined' | wc -l)" "$n"
fed() {	# LIMIT
	p="$from, 0, 0" out=
	while :; do
		page=$(sql "SELECT string_agg(CASE WHEN kind IS NULL THEN '|' || a || ', ' || b || ', ' || c || '|' || data
			ELSE workflow || ' ' || kind || coalesce(' ' || nullif(data::json ->> 'path', ''), '') || ', ' END, '' ORDER BY n)
			FROM agentd.events_of_all($p, $1, 100000) WITH ORDINALITY e(a, b, c, kind, data, submitted_by, workflow, n)")
		out=$out${page%%|*} page=${page#*|}
		p=${page%|*}
		[ "${page##*|}" = more ] || break
	done
	printf '%s=' "${out%, }"
}
for limit in 1 2 3 7; do is "the feed in pages of $limit" "$(fed $limit)" "$got"; done
each=$(sql "SELECT string_agg(a || ' ' || b || ' ' || c, '
' ORDER BY n) FROM agentd.events_of_all($from, 0, 0, 1000, 1000000) WITH ORDINALITY e(a, b, c, kind, data, submitted_by, workflow, n) WHERE kind IS NOT NULL")
rest=$got bad=
while read -r place; do
	case $rest in *", "*) rest=${rest#*, } ;; *) rest="=" ;; esac
	# shellcheck disable=SC2086
	[ "$(feed $place)" = "$rest" ] || bad="$bad $place;"
done <<END
$each
END
is "behind each event of the feed is the rest" "$bad" ""
is "an event that no transaction made yet" "$(feed 999999999)" "=gone"

# --- its end ---
sql "UPDATE agentd.event_feed SET at = at - interval '1 hour' WHERE xid <= '$(printf '%s\n' "$each" | sed -n 4p | cut -d' ' -f1)'" >/dev/null
sql "SELECT agentd.sweep_event_feed('{}')" >/dev/null
is "what is swept is gone" "$(feed "$from")" "=gone"
place=$(printf '%s\n' "$each" | sed -n 5p)
# shellcheck disable=SC2086
like "what came later is not" "$(feed $place)" "=\$"
sql "UPDATE agentd.event_feed SET at = at - interval '1 hour'" >/dev/null
sql "SELECT agentd.sweep_event_feed('{\"bound\": 1}')" >/dev/null
until_true "SELECT agentd.sweep_event_feed('{\"bound\": 2}') = 0"
place=$(sql "SELECT a || ' ' || b || ' ' || c FROM agentd.events_of_all((SELECT max(xid::text::bigint) FROM agentd.event_feed), 0, 0, 1000, 1000000) WHERE kind IS NULL")
# shellcheck disable=SC2086
is "only the last transaction is kept when all are old" "$(sql "SELECT count(DISTINCT xid) FROM agentd.event_feed"; feed $place)" "1
="
new >/dev/null
sql "SELECT agentd.sweep_event_feed('{}')" >/dev/null
# shellcheck disable=SC2086
is "whoever read all goes on, even when nothing happened for an hour" "$(feed $place)" "noop submitted="
sql "UPDATE agentd.event_watch SET until = 'epoch'" >/dev/null
n=$(sql "SELECT count(*) FROM agentd.event_feed")
new >/dev/null
is "when nobody listens any more nothing is fed" "$(sql "SELECT count(*) FROM agentd.event_feed")" "$n"
ready >/dev/null
until_true "SELECT ready FROM agentd.events_watch()"
# shellcheck disable=SC2086
is "and nobody goes on over the gap" "$(feed $place)" "=gone"

is "a watch that lapses within a minute begins anew" "$(sql "UPDATE agentd.event_watch SET until = agentd.clock() + interval '50 s'"; ready)" f
until_true "SELECT ready FROM agentd.events_watch()"
is "one that does not goes on" "$(sql "UPDATE agentd.event_watch SET until = agentd.clock() + interval '80 s'"; ready)" t

# --- a transaction that began after the watch did, without seeing it ---
sql "UPDATE agentd.event_watch SET until = 'epoch'" >/dev/null
for level in "REPEATABLE READ" SERIALIZABLE; do
	t6=$(new)
	gate_shut
	background blind "BEGIN ISOLATION LEVEL $level; SELECT count(*) FROM agentd.event_watch; SELECT pg_advisory_xact_lock(42);
		SELECT agentd.submit('paid'); SELECT agentd.cancel('$t6', '', true); COMMIT"
	blocked blind
	until_true "SELECT ready FROM agentd.events_watch()"
	from=$(head_of)
	gate_open
	result blind >/dev/null
	is "a snapshot of before the watch, $level: what it does is fed" "$(feed "$from")" "paid submitted, noop finished="
	sql "UPDATE agentd.event_watch SET until = 'epoch'" >/dev/null
done
# --- who looks, and who has to ---
q="SELECT string_agg(p.proname, ' ' ORDER BY p.proname) FROM pg_proc p WHERE p.pronamespace = 'agentd'::regnamespace AND p.prosrc"
looks="'EXISTS \(SELECT FROM (agentd\.)?event_watch \w WHERE \w\.until'"
is "some look for the watch" "$(sql "$q ~ $looks")" "claim commit_steps feed_one submit_batch"
is "each has its number before, and asks whether it may be blind" "$(sql "$q ~ $looks
	AND p.prosrc !~ '\nDECLARE\n\tv_xid xid8 := pg_current_xact_id\(\);.*agentd\.feed_blind\(\) OR EXISTS \(SELECT FROM (agentd\.)?event_watch'")" ""
is "whoever makes an event tells the feed: nobody else writes to these tables but who takes events away" "$(sql "$q ~
	'(INSERT INTO|UPDATE|DELETE FROM) (agentd\.)?(tasks|task_log|task_attempts)\M' AND p.prosrc !~ 'agentd\.feed_(add|one|moves)\('")" purge

gate_shut
background watch "BEGIN; SELECT agentd.events_watch(); SELECT pg_advisory_xact_lock(42); COMMIT"
blocked watch
background gate2 "SELECT pg_advisory_lock(43); SELECT pg_sleep(120)"
until_true "SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = 43 AND granted"
n=$(sql "SELECT count(*) FROM agentd.event_feed")
background mover "BEGIN; SELECT agentd.submit('noop'); SELECT pg_advisory_xact_lock(43); COMMIT"
blocked mover
gate_open
result watch >/dev/null
is "it has the highest number of all, and keeps the watch from being ready" "$(ready; ready)" "f
f"
sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'gate2'" >/dev/null
result gate2 >/dev/null
result mover >/dev/null
is "for it fed nothing" "$(sql "SELECT count(*) FROM agentd.event_feed")" "$n"
until_true "SELECT ready FROM agentd.events_watch()"
is "once it is over the watch is ready" "$(ready)" t
done_testing
