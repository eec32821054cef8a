#!/bin/sh
# 0232-door.t - questions that belong to no task: held and settled once however often they are sent, at caps as those of tasks are; ids of
# a clock that is far off find a month, too.
. "$top_srcdir/t/lib/sql.sh"

q=$(sql "SELECT agentd.uuid_new()")
h=$(sql "SELECT agentd.uuid_new()")
holds() { echo "[{\"move\":1,\"id\":\"$1\",\"path\":\"chat\",\"amount_pusd\":$2,\"expires_ms\":60000,\"limits\":[]}]"; }
takes() { echo "[{\"move\":1,\"id\":\"$1\",\"amount_pusd\":$2,\"expires_ms\":60000,\"caps\":[{\"cap\":\"day\",\"scope\":\"token\",\"key\":\"token:ci\",\"window\":\"day\",\"zone\":\"UTC\",\"limit_pusd\":1000}]}]"; }
calls() { echo "[{\"move\":1,\"id\":\"$2\",\"hold\":\"$1\",\"path\":\"chat\",\"attempt\":1,\"tier\":\"t\",\"provider\":\"p\",\"model_asked\":\"m\",\"error_class\":\"\",\"http_status\":200,\"started_us\":0,\"first_byte_ms\":1,\"total_ms\":2,\"in_fresh\":1,\"in_cached\":0,\"in_write_5m\":0,\"in_write_1h\":0,\"out_text\":1,\"out_reason\":0,\"cost_pusd\":$3,\"cost_source\":\"computed\"}]"; }
settles() { echo "[{\"move\":1,\"hold\":\"$1\",\"call\":\"$2\",\"cost_pusd\":$3}]"; }
door() { sql "SELECT status || coalesce(':' || code, '') FROM agentd.door_commit(ARRAY['${QUESTION:-$q}'::uuid], ARRAY['token:ci'], $1, $2, $3)"; }

is "held" "$(door "'$(holds "$h" 600)'" NULL "'$(takes "$h" 600)'")" ok
is "sent again" "$(door "'$(holds "$h" 600)'" NULL "'$(takes "$h" 600)'")" ok
window() { sql "SELECT (spent_usd * 1000000000000)::bigint, (held_usd * 1000000000000)::bigint FROM agentd.spend_window WHERE cap = 'day' AND scope_key = 'token:ci'"; }
is "is held once" "$(sql "SELECT count(*) FROM agentd.spend_hold WHERE task = '$q'") $(window)" "1 0|600"
h2=$(sql "SELECT agentd.uuid_new()")
is "a cap without room refuses" "$(door "'$(holds "$h2" 600)'" NULL "'$(takes "$h2" 600)'")" "refused:budget.cap"
is "and nothing is held" "$(sql "SELECT count(*) FROM agentd.spend_hold") $(window)" "1 0|600"
c=$(sql "SELECT agentd.uuid_new()")
is "settled" "$(door NULL "'$(calls "$h" "$c" 100)'" "'$(settles "$h" "$c" 100)'")" ok
is "settled again" "$(door NULL "'$(calls "$h" "$c" 100)'" "'$(settles "$h" "$c" 100)'")" ok
is "is booked once" "$(sql "SELECT count(*), min(token), (sum(cost_usd) * 1000000000000)::bigint FROM agentd.model_calls") $(window)" "1|token:ci|100 100|0"
is "its hold is settled at that" "$(sql "SELECT (settled_usd * 1000000000000)::bigint, lapsed FROM agentd.spend_hold WHERE id = '$h'")" "100|f"
is "there is room again" "$(door "'$(holds "$h2" 600)'" NULL "'$(takes "$h2" 600)'")" ok

# nobody settles: the sweeper books the amount, a late settlement corrects it
is "what lapses counts whole" "$(sql "SET agentd.fake_now = '2031-01-01'; SELECT agentd.sweep_expired_holds('{}')") $(window)" "1 700|0"
c2=$(sql "SELECT agentd.uuid_new()")
is "a settlement that comes late" "$(door NULL "'$(calls "$h2" "$c2" 50)'" "'$(settles "$h2" "$c2" 50)'")" ok
is "corrects" "$(sql "SELECT (settled_usd * 1000000000000)::bigint, lapsed FROM agentd.spend_hold WHERE id = '$h2'") $(window)" "50|f 150|0"
is "a call whose hold is another question's" "$(QUESTION=$(sql "SELECT agentd.uuid_new()") refused "SELECT agentd.door_commit(ARRAY[agentd.uuid_new()], ARRAY['token:ci'], NULL, '$(calls "$h" "$(sql "SELECT agentd.uuid_new()")" 1)', NULL)")" AG409

for far in 2001-01-01 2090-01-01; do
	QUESTION=$(sql "SELECT agentd.uuid_at('$far')")
	c=$(sql "SELECT agentd.uuid_new()")
	is "an id of $far" "$(door NULL "'$(calls "$h" "$c" 0 | sed "s/\"hold\":\"$h\"/\"hold\":null/")'" NULL)" ok
done
QUESTION=
is "costs are the token's" "$(sql "SELECT agentd.cost('token', NULL, 0, 0, NULL, 'token:ci', false)::json -> 'rows' -> 0 ->> 'key'")" "token:ci"
is "nobody else sees them" "$(sql "SELECT json_array_length(agentd.cost('token', NULL, 0, 0, NULL, 'token:other', false)::json -> 'rows')")" 0
done_testing
