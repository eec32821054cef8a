#!/bin/sh
# 0294-bundles.t - programs never change, stay while anybody needs them, and go when nobody can.
. "$top_srcdir/t/lib/sql.sh"

digest() { sql "SELECT encode(sha256('$1'), 'hex')"; }
remove() { refused "DELETE FROM agentd.bundles WHERE digest = sha256('$1')"; }
superseded() { sql "SELECT count(*) FILTER (WHERE superseded_at IS NULL), count(*) FILTER (WHERE superseded_at IS NOT NULL) FROM agentd.bundles WHERE workflow = 'noop'"; }

sql "SELECT agentd.reload('{noop}', ARRAY[sha256('v1')], ARRAY['{}']::json[], ARRAY['{}']::json[])" >/dev/null
t=$(sql "SELECT agentd.submit('noop')")
is "what a workflow points at stays" "$(remove v1)" AG409
like "and says so" "$(sql "DELETE FROM agentd.bundles WHERE digest = sha256('v1')")" "ERROR:  bundle $(digest v1) is in use: workflow \"noop\" points at it"
sql "SELECT agentd.reload('{noop}', ARRAY[sha256('v2')], ARRAY['{}']::json[], ARRAY['{}']::json[])" >/dev/null
is "what a ready task pins stays" "$(remove v1)" AG409
like "and says which" "$(sql "DELETE FROM agentd.bundles WHERE digest = sha256('v1')")" "bundle $(digest v1) is in use: task $t has not ended"
sql "SELECT test.claim('$W', 1)" >/dev/null
is "what a running one pins too" "$(remove v1)" AG409
is "a program is known to be superseded" "$(superseded)" "1|2"
for change in "content = '{\"x\": 1}'" "workflow = 'x'" "created_at = now()" "digest = sha256('z')"; do
	is "programs never change: $change" "$(refused "UPDATE agentd.bundles SET $change WHERE digest = sha256('v1')")" AG409
done
sql "SELECT test.move('$t', 1, 'finish', 'succeeded')" >/dev/null
sql "BEGIN; DELETE FROM agentd.bundles WHERE digest = sha256('v1'); ROLLBACK" >/dev/null
is "ended: the owner may" "$(refused "BEGIN; DELETE FROM agentd.bundles WHERE digest = sha256('v1'); ROLLBACK;")" none
is "what was active before and is again" "$(sql "SELECT agentd.reload('{noop}', ARRAY[sha256('v1')], ARRAY['{}']::json[], ARRAY['{}']::json[])" >/dev/null; superseded)" "1|2"
is "is not superseded" "$(sql "SELECT superseded_at IS NULL FROM agentd.bundles WHERE digest = sha256('v1')")" t

# --- the sweeper: only when no month is left in which a task of it may be ---
# the clock has been seen to go on so far: a jump would destroy nothing
sweep() {
	sql "INSERT INTO agentd.upkeep VALUES ('retention', '$1', '2000-01-01') ON CONFLICT (duty) DO UPDATE SET seen_at = excluded.seen_at, trusted_from = '2000-01-01';
		SET agentd.fake_now = '$1'; SELECT agentd.sweep_retention('{\"retain_short_ms\": 86400000, \"retain_long_ms\": 86400000}')" >/dev/null
}
later() { date -u -d "@$(($(date +%s) + $1 * 86400))" +%F; }
left() { sql "SELECT count(*) FROM agentd.bundles WHERE workflow = 'noop' AND digest <> sha256('v1')"; }
long=$(sql "SELECT agentd.submit('noop', run_at => '2100-01-01')")
is "two old programs" "$(left)" 2
sweep "$(later 3)"
is "the month is there: they stay" "$(left)" 2
# a clock that jumps by more than a week is not believed
for day in $(seq 8 5 98); do sweep "$(later "$day")"; done
sweep "$(later 100)"
is "a task of that month lives: they stay" "$(sql "SELECT count(*) FROM agentd.tasks WHERE id = '$long'"; left)" "1
2"
sql "SELECT agentd.cancel('$long', '', true)" >/dev/null
sweep "$(later 100)"
sql "SELECT agentd.partitions_ensure('$(later 100)'::timestamptz)" >/dev/null
sweep "$(later 100)"
is "all months up to then are gone: they go" "$(left)" 0
is "what is pointed at stays for ever" "$(sql "SELECT count(*) FROM agentd.bundles b JOIN agentd.workflows w ON w.bundle = b.digest")" "$(sql "SELECT count(*) FROM agentd.workflows")"
done_testing
