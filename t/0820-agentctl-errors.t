#!/bin/sh
# 0820-agentctl-errors.t - agentctl when things are not as they should be: usage, files, the database, standard output.
. "$top_srcdir/t/lib/pg.sh"
. "$top_srcdir/t/lib/daemon.sh"
command -v jq >/dev/null || {
	echo "1..0 # SKIP no jq"
	exit 0
}

d_init
cat >"$D/root/workflows/hello.yaml" <<'YAML'
agentd: v1
name: hello
steps:
  - id: greet
    set: {text: hello}
YAML
d_publish

# json STATUS WORD ARG...: exit status, and one JSON value with that error on standard output, nothing on standard error
json() {
	want=$1 word=$2
	shift 2
	"$agentctl" -c "$D/agentd.yaml" --json "$@" >"$D/out" 2>"$D/err" </dev/null
	got=$?
	if [ $got = "$want" ] && jq -es --arg w "$word" 'length == 1 and .[0].error == $w and (.[0].message | length) > 0' "$D/out" >/dev/null &&
		[ ! -s "$D/err" ]; then
		pass "--json $*: $word"
	else
		fail "--json $*: $word" "exit status $got, expected $want: $(cat "$D/out" "$D/err")"
	fi
}

# --- usage, before anything is opened ---
json 2 usage frobnicate
json 2 usage token
for cmd in "workflows x" "doctor x" "reload x" "migrate x" "route x" "version x" "token list x" "token revoke" "get" "cancel" \
	"schema" "schema nothing" "submit" "token create" "get abc" "cancel abc" "list x"; do
	# shellcheck disable=SC2086
	json 2 usage $cmd
done
json 2 usage list --limit 4294967297
json 2 usage list --limit 5x
json 2 usage list --frobnicate
json 2 usage list --limit
json 2 usage list --label x
json 2 usage list --state done
json 2 usage submit hello --label =x
json 2 usage submit hello --frobnicate
json 2 usage token create x --scopes root
json 2 usage token create ''
json 2 usage token create "$(printf '%065d' 1)"
json 1 invalid submit hello --key 'a b'
json 1 invalid submit hello --key ''
json 1 invalid submit hello --run-at 1970-01-01T00:00:00Z
json 1 json submit hello --input '{'
json 3 not_found submit hello --input @/nonexistent
json 3 not_found submit nothing
json 3 not_found get 01936f00-0000-7000-8000-000000000000
json 3 not_found cancel 01936f00-0000-7000-8000-000000000000
json 3 not_found token revoke nobody
"$agentctl" list --frobnicate >"$D/out" 2>"$D/err"
is "an unknown option is named once" "$(cat "$D/err")" 'agentctl: unknown option "--frobnicate"'
is "--version" "$("$agentctl" --version)" "$("$agentctl" version)"

# --- files ---
cp "$D/agentd.yaml" "$D/settings.ok"
echo 'wrker: {}' >>"$D/agentd.yaml"
json 1 config list
ok "with the diagnostics" jq -e '.diagnostics[0].line > 0' "$D/out"
cp "$D/settings.ok" "$D/agentd.yaml"
cp "$D/root/workflows/hello.yaml" "$D/hello.ok"
sed -i 's/set:/sett:/' "$D/root/workflows/hello.yaml"
json 1 config reload
ok "with the diagnostics too" jq -e '.diagnostics[0].file | endswith("hello.yaml")' "$D/out"
cp "$D/hello.ok" "$D/root/workflows/hello.yaml"
json 1 config route

# --- standard output ---
task=$(ctl submit hello)
if [ -c /dev/full ]; then
	"$agentctl" -c "$D/agentd.yaml" list >/dev/full 2>"$D/err"
	is "a full disk is a failure" $? 1
	like "that is told" "$(cat "$D/err")" 'cannot write'
fi
ctl list --json | head -c 1 >/dev/null
is "a reader that had enough is told nothing" "$(ctl list 2>&1 >/dev/null | head -c 100)" ""

# --- the database ---
pg_down immediate
before=$(now_ms)
json 5 store.unavailable list
took=$(($(now_ms) - before))
[ $took -lt 9000 ] && pass "within the time promised ($took ms)" || fail "within the time promised" "$took ms"
like "and says why" "$(cat "$D/out")" 'connection to server'
json 5 store.unavailable get "$task"
json 5 store.unavailable submit hello --follow
json 5 store.unavailable migrate
is "commands on files need none" "$("$agentctl" -c "$D/agentd.yaml" validate 2>&1)" valid
pg_up
is "it is as it was" "$(ctl get "$task" --json | jq -r .workflow)" hello

# --- it goes while somebody follows, and comes back ---
cat >"$D/root/workflows/nap.yaml" <<'YAML'
agentd: v1
name: nap
steps:
  - id: nap
    wait: 4s
YAML
d_publish
d_start worker worker
d_start sweeper sweeper
d_spawn follow "$agentctl" -c "$D/agentd.yaml" submit nap --follow
ok "it follows" wait_for 10 d_has_line follow 'step.waiting'
pg_restart_immediate
d_status follow
is "a restart of the database does not end it" "$status" 0
like "it shows the end" "$(cat "$D/follow.log")" 'state +succeeded'
done_testing
