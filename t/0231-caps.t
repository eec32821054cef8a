#!/bin/sh
# 0231-caps.t - caps in SQL: many sessions against one cap, refusals and their figures, settling early, late, twice and over the amount,
# what lapses, windows of hours, days (of 23 and 25 hours) and months, scopes, batches, approvals to spend, calls without a task.
. "$top_srcdir/t/lib/sql.sh"

now=2026-06-15T10:30:00Z
at() { sql "SET agentd.fake_now = '$1'; $2" | tail -n 1; }
cap() {	# NAME LIMIT [SCOPE KEY WINDOW ZONE]
	echo "{\"cap\":\"$1\",\"limit_pusd\":$2,\"scope\":\"${3:-global}\",\"key\":\"${4:-}\",\"window\":\"${5:-day}\",\"zone\":\"${6:-UTC}\"}"
}
id() { sql "SELECT agentd.uuid_new()"; }
take() {	# MOVE ID AMOUNT CAPS [MORE]
	printf '%s\n' "{\"move\":$1,\"id\":\"$2\",\"path\":\"a/turn-1\",\"amount_pusd\":$3,\"expires_ms\":60000,\"caps\":[$4]${5:+,$5}}"
}
settle() { echo "{\"move\":$1,\"hold\":\"$2\",\"call\":\"$3\",\"cost_pusd\":$4}"; }
# What is refused of [..]: "move:message" by ';'
caps() { at "${2:-$now}" "SELECT coalesce(string_agg(move || ':' || (problem::json ->> 'message') || CASE WHEN (problem::json ->> 'waits')::boolean THEN ' (waits)' ELSE '' END, ';' ORDER BY move), '') FROM agentd.caps_move('[$1]', NULL, '{}', agentd.clock())"; }
windows() { sql "SELECT string_agg(cap || scope_key || ' ' || agentd.money(held_usd) || ' ' || agentd.money(spent_usd), ', ' ORDER BY cap, scope_key, window_start) FROM agentd.spend_window"; }
fresh() { sql "DELETE FROM agentd.spend_window; DELETE FROM agentd.cap_hold" >/dev/null; }
usd=1000000000000

# --- 60 sessions, 180 questions, none over ---
cat >"$PG_DIR/ask.sql" <<END
DO \$\$
DECLARE
	n integer;
BEGIN
	FOR i IN 1..3 LOOP
		SELECT count(*) INTO n FROM agentd.caps_move(json_build_array(json_build_object('move', 1, 'id', gen_random_uuid(), 'amount_pusd', 90000000000,
			'expires_ms', 60000, 'caps', '[$(cap all 5$(echo $usd | cut -c2-)),$(cap b 100$(echo $usd | cut -c2-) provider p hour)]'::json)), NULL, '{}', agentd.clock());
		COMMIT;
		RAISE NOTICE '%', n;
	END LOOP;
END \$\$;
END
i=0
while [ $i -lt 60 ]; do
	pg_psql -v VERBOSITY=terse -c "SET agentd.fake_now = '$now'" -f "$PG_DIR/ask.sql" >"$PG_DIR/ask.$i" 2>&1 &
	eval "ask_$i=$!"
	i=$((i + 1))
done
while [ $i -gt 0 ]; do
	i=$((i - 1))
	eval "wait \$ask_$i"
done
is "180 asked: 55 of 0.09 fit in 5 USD" "$(cat "$PG_DIR"/ask.[0-9]* | sed 's/.*NOTICE: *//' | sort | uniq -c | tr -s ' \n' ' ')" " 55 0 125 1 "
is "held at both caps, and by whom" "$(windows), $(sql "SELECT count(*), sum(amount_usd) FROM agentd.cap_hold WHERE cap = 'b'")" "all 4.95 0, bp 4.95 0, 55|4.950000000000"

# --- refusals ---
fresh
c=$(cap day $usd)
h=$(id)
is "the first above the limit" "$(caps "$(take 1 "$(id)" 1000000000001 "$c")")" '1:cap "day" needs 1.000000000001 USD, 0 of 1 USD are spent and 0 held until 2026-06-16T00:00:00.000000Z'
is "all of it" "$(caps "$(take 1 "$h" 1000000000000 "$c")")" ""
is "again, the same: it is there" "$(caps "$(take 1 "$h" 1000000000000 "$c")"), $(windows)" ", day 1 0"
is "what others hold may come free" "$(caps "$(take 1 "$(id)" 1 "$c")")" '1:cap "day" needs 0.000000000001 USD, 0 of 1 USD are spent and 1 held until 2026-06-16T00:00:00.000000Z (waits)'
k=$(id)
is "it cost less" "$(caps "$(settle 1 "$h" "$k" 250000000000)"), $(windows)" ", day 0 0.25"
is "told twice" "$(caps "$(settle 1 "$h" "$k" 250000000000)"), $(windows)" ", day 0 0.25"
is "another call of the same hold counts too" "$(caps "$(settle 1 "$h" "$(id)" 50000000000)"), $(windows)" ", day 0 0.3"
h2=$(id)
is "all caps or none" "$(caps "$(take 1 "$h2" 100000000000 "$(cap a $usd),$c,$(cap z 50000000000)")" | cut -c1-50); $(windows)" '1:cap "z" needs 0.1 USD, 0 of 0.05 USD are spent a; a 0 0, day 0 0.3, z 0 0'
is "a move that settles and takes sees the room it makes" "$(caps "$(take 1 "$h2" 700000000000 "$c")"), $(caps "$(settle 1 "$h2" "$(id)" 0),$(take 1 "$(id)" 700000000000 "$c")"), $(windows)" ", , a 0 0, day 0.7 0.3, z 0 0"
h=$(sql "SELECT hold FROM agentd.cap_hold WHERE settled_at IS NULL")
is "one that is refused settles nothing" "$(caps "$(settle 1 "$h" "$(id)" 100000000000),$(take 1 "$(id)" 700000000000 "$c")" | cut -c1-40); $(windows)" '1:cap "day" needs 0.7 USD, 0.4 of 1 USD ; a 0 0, day 0.7 0.3, z 0 0'
is "over the amount: booked in full" "$(caps "$(settle 1 "$h" "$(id)" 2000000000000)"), $(windows)" ", a 0 0, day 0 2.3, z 0 0"
is "and the next is refused, without waiting" "$(caps "$(take 1 "$(id)" 1 "$c")")" '1:cap "day" needs 0.000000000001 USD, 2.3 of 1 USD are spent and 0 held until 2026-06-16T00:00:00.000000Z'
is "a free call that holds nothing settles nothing" "$(caps "$(settle 1 "$(id)" "$(id)" 5)"), $(windows)" ", a 0 0, day 0 2.3, z 0 0"

# --- batches ---
fresh
batch=$(sql "SELECT string_agg(json_build_object('move', i, 'id', agentd.uuid_new(), 'amount_pusd', 300000000000, 'expires_ms', 60000, 'caps', '[$c]'::json)::text, ',') FROM generate_series(1, 5) i")
is "of five the first three fit" "$(caps "$batch" | sed 's/ needs[^;]*//g'), $(windows)" '4:cap "day";5:cap "day", day 0.9 0'
is "moves that do not take place" "$(at $now "SELECT count(*) FROM agentd.caps_move('[$(take 1 "$(id)" $usd "$c")]', NULL, '{1}', agentd.clock())"), $(windows)" "0, day 0.9 0"
sql "SELECT json_agg(json_build_object('move', i, 'id', agentd.uuid_new(), 'amount_pusd', 1000000, 'expires_ms', 60000, 'caps', '[$(cap day 9000000000000),$(cap x 9000000000000 workflow w)]'::json)) FROM generate_series(1, 500) i" >"$PG_DIR/batch"
is "500 at once" "$(sql "SET agentd.fake_now = '$now'; SELECT count(*) FROM agentd.caps_move('$(cat "$PG_DIR/batch")', NULL, '{}', agentd.clock())" | tail -n 1), $(windows)" "0, day 0.9005 0, xw 0.0005 0"

# --- windows of time ---
since() { sql "SELECT agentd.rfc3339(since), agentd.rfc3339(until), until - since FROM agentd.cap_window('$1', '$2', '$3')"; }
is "a day" "$(since day Europe/Vienna 2026-06-15T23:30:00Z)" "2026-06-15T22:00:00.000000Z|2026-06-16T22:00:00.000000Z|1 day"
is "of 23 hours" "$(since day Europe/Vienna 2026-03-29T12:00:00Z)" "2026-03-28T23:00:00.000000Z|2026-03-29T22:00:00.000000Z|23:00:00"
is "of 25 hours" "$(since day Europe/Vienna 2026-10-25T12:00:00Z)" "2026-10-24T22:00:00.000000Z|2026-10-25T23:00:00.000000Z|1 day 01:00:00"
is "the same whatever the session's zone is" "$(sql "SET timezone = 'Asia/Tokyo'; SELECT agentd.rfc3339(since), agentd.rfc3339(until) FROM agentd.cap_window('day', 'Europe/Vienna', '2026-10-25T23:30:00Z')" | tail -n 1)" "2026-10-25T23:00:00.000000Z|2026-10-26T23:00:00.000000Z"
is "a midnight that does not exist" "$(since day America/Sao_Paulo 2018-11-04T12:00:00Z)" "2018-11-04T03:00:00.000000Z|2018-11-05T02:00:00.000000Z|23:00:00"
is "an hour that comes twice is two" "$(since hour Europe/Vienna 2026-10-25T00:30:00Z) $(since hour Europe/Vienna 2026-10-25T01:30:00Z)" "2026-10-25T00:00:00.000000Z|2026-10-25T01:00:00.000000Z|01:00:00 2026-10-25T01:00:00.000000Z|2026-10-25T02:00:00.000000Z|01:00:00"
is "an hour of a zone that is off by half of one" "$(since hour Asia/Kolkata 2026-06-15T10:10:00Z)" "2026-06-15T09:30:00.000000Z|2026-06-15T10:30:00.000000Z|01:00:00"
is "a month" "$(since month Europe/Vienna 2026-03-10T12:00:00Z)" "2026-02-28T23:00:00.000000Z|2026-03-31T22:00:00.000000Z|30 days 23:00:00"
is "a lifetime has no end" "$(sql "SELECT since, until IS NULL FROM agentd.cap_window('lifetime', 'UTC', now())")" "-infinity|t"
is "no such window" "$(refused "SELECT agentd.cap_window('week', 'UTC', now())")" AG422
is "no such zone" "$(refused "SELECT agentd.cap_window('day', 'Europe/Wien', now())")" 22023
fresh
v=$(cap day $usd global "" day Europe/Vienna)
h=$(id)
is "one minute before midnight" "$(caps "$(take 1 "$h" $usd "$v")" 2026-06-15T21:59:00Z)" ""
is "after it there is room again" "$(caps "$(take 1 "$(id)" $usd "$v")" 2026-06-15T22:00:00Z)" ""
is "the settlement goes where it was held" "$(caps "$(settle 1 "$h" "$(id)" 400000000000)" 2026-06-15T22:01:00Z), $(windows)" ", day 0 0.4, day 1 0"
is "a day of 25 hours is one window" "$(caps "$(take 1 "$(id)" 600000000000 "$v")" 2026-10-24T22:00:00Z), $(caps "$(take 1 "$(id)" 600000000000 "$v")" 2026-10-25T22:59:00Z | cut -c1-12), $(caps "$(take 1 "$(id)" 600000000000 "$v")" 2026-10-25T23:00:00Z)" ', 1:cap "day" , '

# --- what lapses ---
fresh
h=$(id)
g=$(id)
is "two that nobody settles" "$(caps "$(take 1 "$h" 600000000000 "$c,$(cap z $usd)"),$(take 2 "$g" 300000000000 "$c")")" ""
is "not before their time" "$(at 2026-06-15T10:30:59Z "SELECT agentd.sweep_expired_holds('{}')")" 0
is "then with their amount" "$(at 2026-06-15T10:32:00Z "SELECT agentd.sweep_expired_holds('{}')"), $(windows)" "3, day 0 0.9, z 0 0.6"
is "once" "$(at 2026-06-15T10:33:00Z "SELECT agentd.sweep_expired_holds('{}')"), $(windows)" "0, day 0 0.9, z 0 0.6"
k=$(id)
is "undone when the true cost comes" "$(caps "$(settle 1 "$h" "$k" 100000000000)"), $(caps "$(settle 1 "$h" "$k" 100000000000)"), $(windows)" ", , day 0 0.4, z 0 0.1"
is "which settles nothing anew" "$(sql "SELECT lapsed, agentd.money(settled_usd) FROM agentd.cap_hold WHERE hold = '$h' AND cap = 'day'")" "f|0.1"
is "kept for a day" "$(at 2026-06-16T10:30:00Z "SELECT agentd.caps_forget(100, agentd.clock())") $(at 2026-06-16T10:35:00Z "SELECT agentd.caps_forget(100, agentd.clock())") $(at 2026-09-13T23:59:00Z "SELECT agentd.caps_forget(100, agentd.clock())") $(at 2026-09-15T00:01:00Z "SELECT agentd.caps_forget(100, agentd.clock())")" "0 3 0 2"

# --- with tasks ---
sql "DELETE FROM agentd.task_queue; SELECT test.submit('paid', 3)" >/dev/null
set -- $(sql "SELECT task FROM test.claim('$W', 3)")
hold() {	# TASK PATH AMOUNT ID
	echo "[{\"move\":1,\"id\":\"$4\",\"path\":\"$2\",\"amount_pusd\":$3,\"expires_ms\":60000,\"limits\":[]}]"
}
fresh
move() {	# TASK HOLDS CALLS CAPS
	sql "SET agentd.fake_now = '$now'; SELECT status || coalesce(':' || code, '') FROM agentd.commit_steps(ARRAY['$1']::uuid[], '{1}', '{0}', '{0}', '{\"\"}', '{0}', '{f}', ARRAY[NULL]::json[], ARRAY[NULL]::json[],
		'{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', NULL, $2, $3, $4)" | tail -n 1
}
h=$(id)
b=$(cap t 300000000000 task "$1" lifetime)
is "a task's hold and its caps" "$(move "$1" "'$(hold "$1" x/turn-1 200000000000 "$h")'" NULL "'[$(take 1 "$h" 200000000000 "$c,$b")]'"), $(windows), $(sql "SELECT agentd.money(held_usd) FROM agentd.task_queue WHERE id = '$1'")" "ok, day 0.2 0, t$1 0.2 0, 0.2"
g=$(id)
is "refused by a cap: the task holds nothing either" "$(move "$1" "'$(hold "$1" x/turn-2 200000000000 "$g")'" NULL "'[$(take 1 "$g" 200000000000 "$c,$b")]'"), $(windows), $(sql "SELECT agentd.money(held_usd) FROM agentd.task_queue WHERE id = '$1'")" "refused:budget.cap, day 0.2 0, t$1 0.2 0, 0.2"
is "refused by the budget: the caps hold nothing" "$(move "$2" "'$(hold "$2" x/turn-1 1100000000000 "$g")'" NULL "'[$(take 1 "$g" 1100000000000 "$(cap day 9000000000000)")]'"), $(windows)" "refused:budget.usd, day 0.2 0, t$1 0.2 0"
call="[{\"move\":1,\"id\":\"$k\",\"hold\":\"$h\",\"path\":\"x/turn-1\",\"attempt\":1,\"tier\":\"t\",\"provider\":\"p\",\"model_asked\":\"m\",\"error_class\":\"\",\"http_status\":200,\"started_us\":0,\"first_byte_ms\":1,\"total_ms\":2,\"in_fresh\":1,\"in_cached\":0,\"in_write_5m\":0,\"in_write_1h\":0,\"out_text\":1,\"out_reason\":0,\"cost_pusd\":50000000000,\"cost_source\":\"provider\"}]"
is "settled at both" "$(move "$1" NULL "'$call'" "'[$(settle 1 "$h" "$k" 50000000000)]'"), $(move "$1" NULL "'$call'" "'[$(settle 1 "$h" "$k" 50000000000)]'"), $(windows), $(sql "SELECT agentd.money(held_usd), agentd.money(spent_usd) FROM agentd.task_queue WHERE id = '$1'")" "ok, ok, day 0 0.05, t$1 0 0.05, 0|0.05"
h=$(id)
is "a hold whose worker died" "$(move "$2" "'$(hold "$2" x/turn-1 300000000000 "$h")'" NULL "'[$(take 1 "$h" 300000000000 "$c")]'")" ok
is "lapses at both" "$(at 2026-06-15T11:00:00Z "SELECT agentd.sweep_expired_holds('{}')"), $(windows), $(sql "SELECT agentd.money(held_usd), agentd.money(spent_usd) FROM agentd.task_queue WHERE id = '$2'")" "1, day 0 0.35, t$1 0 0.05, 0|0.3"

# --- approved spending ---
approve() {	# ID TASK STATE KIND AMOUNT
	sql "INSERT INTO agentd.approval_queue (id, task, leaf, kind, state, path, requested_at, expires_at, digest, title, show, risk)
		SELECT '$1', '$2', leaf, '$4', '$3', 'a', now(), now(), '\\x01', 't', '{\"path\":\"a/turn-1\",\"amount_usd\":\"$5\",\"caps\":[{\"cap\":\"day\"},{\"cap\":\"z\"}]}', 'low'
		FROM agentd.tasks WHERE id = '$2'" >/dev/null
}
fresh
is "the cap is used up" "$(caps "$(take 1 "$(id)" $usd "$c")")" ""
spend() {	# APPROVAL TASK AMOUNT [DIGEST] [CAPS]
	g=$(id)
	sql "SET agentd.fake_now = '$now'; SELECT coalesce(string_agg(problem::json ->> 'message', ''), 'taken') FROM agentd.caps_move('[$(take 1 "$g" "$3" "${5:-$c}" "\"approval\":\"$1\",\"digest\":\"\\\\x${4:-01}\"")]', ARRAY['$2']::uuid[], '{}', agentd.clock())" | tail -n 1 | cut -c1-24
}
state() { sql "SELECT state FROM agentd.approval_queue WHERE id = '$1'"; }
a=$(id); approve "$a" "$3" pending spend 0.5
is "asked for, not approved" "$(spend "$a" "$3" 500000000000) $(state "$a")" 'cap "day" needs 0.5 USD, pending'
sql "UPDATE agentd.approval_queue SET state = 'approved' WHERE id = '$a'" >/dev/null
is "for another digest" "$(spend "$a" "$3" 500000000000 02) $(state "$a")" 'cap "day" needs 0.5 USD, approved'
is "for another task" "$(spend "$a" "$2" 500000000000) $(state "$a")" 'cap "day" needs 0.5 USD, approved'
is "for less than is needed" "$(spend "$a" "$3" 500000000001) $(state "$a")" 'cap "day" needs 0.500000 approved'
is "for other caps: what it allows is not used up" "$(spend "$a" "$3" 500000000000 01 "$c,$(cap y 1)") $(state "$a"), $(windows)" 'cap "y" needs 0.5 USD, 0 approved, day 1 0, y 0 0'
is "this reservation may exceed the cap" "$(spend "$a" "$3" 500000000000 01 "$c,$(cap z 1)") $(state "$a"), $(windows)" "taken consumed, day 1.5 0, y 0 0, z 0.5 0"
is "once" "$(spend "$a" "$3" 500000000000)" 'cap "day" needs 0.5 USD,'
a=$(id); approve "$a" "$3" approved call 0.5
is "the approval of something else" "$(spend "$a" "$3" 500000000000) $(state "$a")" 'cap "day" needs 0.5 USD, approved'
a=$(id); approve "$a" "$3" approved spend 0.5
for i in 1 2 3 4 5 6 7 8; do
	spend "$a" "$3" 500000000000 >"$PG_DIR/spend.$i" &
	eval "ask_$i=$!"
done
for i in 1 2 3 4 5 6 7 8; do eval "wait \$ask_$i"; done
is "eight at once: one" "$(cat "$PG_DIR"/spend.[1-8] | grep -c taken) $(windows)" "1 day 2 0, y 0 0, z 0.5 0"
done_testing
