#!/bin/sh
# 0230-budget.t - money: 60 sessions that want to hold at once, settling, late settling, step limits, lapsed holds.
. "$top_srcdir/t/lib/sql.sh"

sql "SELECT test.submit('paid', 1)" >/dev/null
t=$(sql "SELECT task FROM test.claim('$W')")
# Each of 60 sessions asks three times for 0.09 USD and comes again when somebody holds the row.
cat >"$PG_DIR/ask.sql" <<END
DO \$\$
DECLARE
	s text;
BEGIN
	FOR i IN 1..3 LOOP
		LOOP
			s := test.move('$t', 1, 'stay', '', '[]', NULL, NULL, json_build_array(json_build_object('move', 1, 'id', gen_random_uuid(),
				'path', 'a/turn-' || i, 'amount_pusd', 90000000000, 'expires_ms', 60000)));
			COMMIT;
			EXIT WHEN s <> 'busy';
		END LOOP;
		RAISE NOTICE '%', s;
	END LOOP;
END \$\$;
END
i=0
while [ $i -lt 60 ]; do
	pg_psql -v VERBOSITY=terse -f "$PG_DIR/ask.sql" >"$PG_DIR/ask.$i" 2>&1 &
	eval "ask_$i=$!"
	i=$((i + 1))
done
while [ $i -gt 0 ]; do
	i=$((i - 1))
	eval "wait \$ask_$i"
done
is "180 asked: 11 holds of 0.09 fit in 1 USD" "$(cat "$PG_DIR"/ask.[0-9]* | sed 's/.*NOTICE: *//' | sort | uniq -c | tr -s ' \n' ' ')" " 11 ok 169 refused:budget.usd "
is "and are counted once" "$(sql "SELECT held_usd, spent_usd, (SELECT sum(amount_usd) FROM agentd.spend_hold) FROM agentd.task_queue")" "0.990000000000|0.000000000000|0.990000000000"

call() {	# HOLD|null ID COST
	echo "[{\"move\":1,\"id\":\"$2\",\"hold\":$1,\"path\":\"a/turn-1\",\"attempt\":1,\"tier\":\"t\",\"provider\":\"p\",\"model_asked\":\"m\",\"error_class\":\"\",\"http_status\":200,\"started_us\":0,\"first_byte_ms\":1,\"total_ms\":2,\"in_fresh\":1,\"in_cached\":0,\"in_write_5m\":0,\"in_write_1h\":0,\"out_text\":1,\"out_reason\":0,\"cost_pusd\":$3,\"cost_source\":\"provider\"}]"
}
hold() {	# PATH AMOUNT [LIMITS]
	sql "SELECT test.move('$t', 1, 'stay', '', '[]', NULL, NULL, '[{\"move\":1,\"id\":\"$(sql "SELECT gen_random_uuid()")\",\"path\":\"$1\",\"amount_pusd\":$2,\"expires_ms\":60000,\"limits\":${3:-[]}}]')"
}
h=$(sql "SELECT id FROM agentd.spend_hold ORDER BY id LIMIT 1")
c=$(sql "SELECT agentd.uuid_new()")
is "settled" "$(sql "SELECT test.move('$t', 1, 'stay', '', '[]', NULL, NULL, NULL, '$(call "\"$h\"" "$c" 10000000000)')")" ok
is "settled again" "$(sql "SELECT test.move('$t', 1, 'stay', '', '[]', NULL, NULL, NULL, '$(call "\"$h\"" "$c" 10000000000)')")" ok
is "booked once" "$(sql "SELECT held_usd, spent_usd, (SELECT count(*) FROM agentd.model_calls) FROM agentd.task_queue")" "0.900000000000|0.010000000000|1"
is "a call whose hold is not this task's" "$(refused "SELECT test.move('$t', 1, 'stay', '', '[]', NULL, NULL, NULL, '$(call "\"$(sql "SELECT gen_random_uuid()")\"" "$(sql "SELECT agentd.uuid_new()")" 1)')")" AG409
is "what came free can be held" "$(hold b 90000000000)" ok
is "no more" "$(hold b 1000000)" "refused:budget.usd"
is "a free call" "$(sql "SELECT test.move('$t', 1, 'stay', '', '[]', NULL, NULL, NULL, '$(call null "$(sql "SELECT agentd.uuid_new()")" 0)')")" ok

# nobody settles: the sweeper books the whole amount; a late settlement corrects it
is "not before their time" "$(sql "SELECT agentd.sweep_expired_holds('{}')")" 0
is "all that lapsed" "$(sql "SET agentd.fake_now = '2031-01-01'; SELECT agentd.sweep_expired_holds('{}')")" 11
is "spent at their amounts" "$(sql "SELECT held_usd, spent_usd FROM agentd.task_queue")" "0.000000000000|1.000000000000"
h=$(sql "SELECT id FROM agentd.spend_hold WHERE lapsed LIMIT 1")
is "a settlement that comes late" "$(sql "SELECT test.move('$t', 1, 'stay', '', '[]', NULL, NULL, NULL, '$(call "\"$h\"" "$(sql "SELECT agentd.uuid_new()")" 20000000000)')")" ok
is "corrects" "$(sql "SELECT held_usd, spent_usd FROM agentd.task_queue")" "0.000000000000|0.930000000000"
is "the sum of the holds is what was spent" "$(sql "SELECT sum(settled_usd) FROM agentd.spend_hold")" "0.930000000000"

# a step's limit: all below its path, nothing beside it
sql "DELETE FROM agentd.task_queue; SELECT test.submit('noop', 1)" >/dev/null
t=$(sql "SELECT task FROM test.claim('$W')")
limit='[{"path":"x","limit":100000000000}]'
is "below the step" "$(hold x/turn-1 60000000000 "$limit")" ok
is "over the step's limit" "$(hold x/turn-2 60000000000 "$limit")" "refused:budget.usd"
is "a name that only begins alike" "$(hold x2/turn-1 60000000000 '[{"path":"x2","limit":100000000000}]')" ok
is "a move that settles and holds sees the room it makes" "$(sql "SELECT test.move('$t', 1, 'stay', '', '[]', NULL, NULL,
	'[{\"move\":1,\"id\":\"$(sql "SELECT gen_random_uuid()")\",\"path\":\"x/turn-2\",\"amount_pusd\":60000000000,\"expires_ms\":60000,\"limits\":$limit}]',
	'$(call "\"$(sql "SELECT id FROM agentd.spend_hold WHERE task = '$t' AND path = 'x/turn-1'")\"" "$(sql "SELECT agentd.uuid_new()")" 1000000000)')")" ok
is "a refused move settles nothing" "$(sql "SELECT test.move('$t', 1, 'stay', '', '[]', NULL, NULL,
	'[{\"move\":1,\"id\":\"$(sql "SELECT gen_random_uuid()")\",\"path\":\"x/turn-3\",\"amount_pusd\":90000000000,\"expires_ms\":60000,\"limits\":$limit}]',
	'$(call "\"$(sql "SELECT id FROM agentd.spend_hold WHERE task = '$t' AND path = 'x/turn-2'")\"" "$(sql "SELECT agentd.uuid_new()")" 70000000000)'),
	(SELECT count(*) FROM agentd.spend_hold WHERE path = 'x/turn-2' AND settled_at IS NOT NULL)")" "refused:budget.usd|0"
# what lapsed counts with its whole amount until its call is known, also for a hold of the same move
sql "SET agentd.fake_now = '2031-01-01'; SELECT agentd.sweep_expired_holds('{}')" >/dev/null
h=$(sql "SELECT id FROM agentd.spend_hold WHERE task = '$t' AND path = 'x/turn-2'")
is "over the limit while the call is unknown" "$(hold x/turn-4 60000000000 "$limit")" "refused:budget.usd"
is "not any more when the same move tells it" "$(sql "SELECT test.move('$t', 1, 'stay', '', '[]', NULL, NULL,
	'[{\"move\":1,\"id\":\"$(sql "SELECT gen_random_uuid()")\",\"path\":\"x/turn-4\",\"amount_pusd\":60000000000,\"expires_ms\":60000,\"limits\":$limit}]',
	'$(call "\"$h\"" "$(sql "SELECT agentd.uuid_new()")" 1000000000)')")" ok
is "a task that ends with open holds has them in its cost" "$(sql "SELECT test.move('$t', 1, 'finish', 'failed'), cost_usd FROM agentd.tasks WHERE id = '$t'" | tail -n 1
	sql "SELECT cost_usd FROM agentd.tasks WHERE id = '$t'")" "ok|
0.122000000000"
done_testing
