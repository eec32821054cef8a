#!/bin/sh
# 1142-door-node.t - OpenAI's own Node client, unchanged, against the OpenAI-compatible routes. Skipped where the package is absent;
# OPENAI_NODE names the directory that has node_modules/openai.
. "$top_srcdir/t/lib/pg.sh"
. "$top_srcdir/t/lib/daemon.sh"
. "$top_srcdir/t/lib/api.sh"
. "$top_srcdir/t/lib/door.sh"

package=$(cd "${OPENAI_NODE:-/usr/share/nodejs}" 2>/dev/null && node -p 'require("node:url").pathToFileURL(require.resolve("openai", {paths: ["."]})).href' 2>/dev/null) || {
	echo "1..0 # SKIP no Node package openai"
	exit 0
}
door_web=', max_model_wait: 2s'
door_fixture
node "$top_srcdir/t/lib/door_openai.mjs" "$package" "$base" "$token" >"$D/checks" 2>"$D/checks.log"
got=$?
api_lines "$D/checks"
[ $got = 0 ] || sed 's/^/# /' "$D/checks.log"
is "all ran through" $got 0
left() { [ "$(sql "SELECT count(*) FROM agentd.model_calls WHERE error_class = 'cancelled' AND tier = 'drip'")" = 1 ]; }
ok "who left is no longer asked for" wait_for 10 left
all_spent() { [ "$(sql "SELECT count(*) FROM agentd.spend_hold WHERE settled_at IS NULL")" = 0 ]; }
ok "and every hold is settled" wait_for 10 all_spent
done_testing
