#!/bin/sh
# 1141-door-python.t - OpenAI's own Python client, unchanged, against the OpenAI-compatible routes. Skipped where the package is absent.
. "$top_srcdir/t/lib/pg.sh"
. "$top_srcdir/t/lib/daemon.sh"
. "$top_srcdir/t/lib/api.sh"
. "$top_srcdir/t/lib/door.sh"

python=${OPENAI_PYTHON:-python3}
"$python" -c 'import openai' 2>/dev/null || {
	echo "1..0 # SKIP no Python package openai"
	exit 0
}
door_web=', max_model_wait: 2s'
door_fixture
"$python" "$top_srcdir/t/lib/door_openai.py" "$base" "$token" >"$D/checks" 2>"$D/checks.log"
got=$?
api_lines "$D/checks"
[ $got = 0 ] || sed 's/^/# /' "$D/checks.log"
is "all ran through" $got 0
printf '%s\n' "$token" >"$D/token"
sed -n '/^ *import openai$/,/^ *print/{s/^       //;p}' "$top_srcdir/README.md" |
	sed "s|http://127.0.0.1:8470/v1|$base|; s|var/token|$D/token|; s|\"cheap\"|\"hello\"|" >"$D/readme.py"
is "the example of README.md" "$("$python" "$D/readme.py" 2>&1)" "Hello from the stub."
all_spent() { [ "$(sql "SELECT count(*) FROM agentd.spend_hold WHERE settled_at IS NULL")" = 0 ]; }
ok "and every hold is settled" wait_for 10 all_spent
done_testing
