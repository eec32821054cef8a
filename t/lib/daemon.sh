# daemon.sh - the real programs under test: a cluster, a configuration root, agentd processes. Source it after pg.sh.
#
#   d_init [LINE...]            cluster, schema, an empty configuration root $D/root, settings $D/agentd.yaml (with
#                               short leases; LINEs of YAML are added at its end, @D@ in them is $D)
#   d_publish                   agentctl reload of $D/root; ends the script when the files have errors
#   d_probed [X=Y...]           every provider that is configured with these in the environment counts as probed; d_publish, d_start
#                               and d_signal NAME HUP do it, unless D_PROBED=0 (t/1056-modes.t makes real probes)
#   d_start NAME MODE [X=Y...]  an agentd in the background with these in its environment; ready when this returns.
#                               D_ARGS are more options for it; D_IN is a command that runs it elsewhere (netns.sh)
#   d_signal NAME SIG           signal it; d_status NAME waits for its end and sets $status (as wait says it)
#   d_stop NAME                 SIGTERM, wait
#   d_alive NAME                is it running?
#   d_spawn NAME COMMAND...     any other background process; ended with the rest
#   ctl ARG...                  agentctl with the settings
#   sql QUERY                   one answer of the database
#   wait_for SECONDS COMMAND... polls until COMMAND succeeds; false after SECONDS
#   ok NAME COMMAND...          a TAP line; is NAME GOT WANT; like NAME TEXT PATTERN; pass NAME; fail NAME [WHY]
#   skip NAME WHY, done_testing
#
# Processes are ended by their own pid, on every way out, and D_AT_END is called. Sets D (work directory, removed unless KEEP=1).

D=
d_names=
tap_n=0
tap_failed=0

# --- TAP ---
pass() {
	tap_n=$((tap_n + 1))
	echo "ok $tap_n - $1"
}

fail() {
	tap_n=$((tap_n + 1))
	tap_failed=$((tap_failed + 1))
	echo "not ok $tap_n - $1"
	[ -z "${2:-}" ] || printf '%s\n' "$2" | sed 's/^/# /' | head -n 40
}

skip() {
	tap_n=$((tap_n + 1))
	echo "ok $tap_n - $1 # SKIP $2"
}

ok() {
	tap_name=$1
	shift
	if "$@" >"$D/ok.out" 2>&1; then pass "$tap_name"; else fail "$tap_name" "$* said: $(tail -n 20 "$D/ok.out")"; fi
}

is() {
	if [ "$2" = "$3" ]; then pass "$1"; else fail "$1" "got \"$2\", expected \"$3\""; fi
}

like() {
	if printf '%s\n' "$2" | grep -Eq -e "$3"; then pass "$1"; else fail "$1" "\"$2\" does not fit \"$3\""; fi
}

done_testing() {
	echo "1..$tap_n"
	[ "$tap_failed" = 0 ] || d_show_logs
	exit "$([ "$tap_failed" = 0 ] && echo 0 || echo 1)"
}

bail() {
	echo "Bail out! $1"
	d_show_logs
	exit 99
}

d_show_logs() {
	for d_log in "$D"/*.log; do
		[ -s "$d_log" ] || continue
		echo "# --- $(basename "$d_log")"
		tail -n "${D_LOG_LINES:-25}" "$d_log" | sed 's/^/# /'
	done
}

# --- waiting ---
now_ms() { date +%s%3N; }

wait_for() {
	d_until=$(($(now_ms) + $1 * 1000))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(now_ms)" -lt "$d_until" ] || return 1
		sleep 0.05
	done
}

# --- processes ---
d_pid() { eval "printf '%s' \"\${d_pid_$1:-}\""; }

d_spawn() {
	d_name=$1
	shift
	"$@" >>"$D/$d_name.log" 2>&1 </dev/null &
	eval "d_pid_$d_name=$!"
	case " $d_names " in *" $d_name "*) ;; *) d_names="$d_names $d_name" ;; esac
}

d_alive() {
	d_p=$(d_pid "$1")
	[ -n "$d_p" ] && kill -0 "$d_p" 2>/dev/null
}

d_signal() {
	[ "$2" != HUP ] || eval "d_probed \${d_env_$1:-}"
	d_p=$(d_pid "$1")
	[ -n "$d_p" ] && kill "-$2" "$d_p" 2>/dev/null
}

d_status() {
	d_p=$(d_pid "$1")
	status=0
	[ -z "$d_p" ] || wait "$d_p" 2>/dev/null || status=$?
	eval "d_pid_$1="
}

d_stop() {
	d_signal "$1" TERM || :	# it may have ended
	d_status "$1"
}

# Under -e the first process that has ended already would end the clean-up, and give the script its status.
d_cleanup() {
	trap - EXIT
	set +e
	for d_name in $d_names; do
		d_signal "$d_name" KILL
		d_status "$d_name"
	done
	pg_stop
	[ -z "${D_AT_END:-}" ] || $D_AT_END
	[ -z "$D" ] || [ "${KEEP:-}" = 1 ] || rm -rf "$D"
}

# --- the programs ---
agentd=${AGENTD_BIN_DIR:-${top_builddir:-.}/src}/agentd
agentctl=${AGENTD_BIN_DIR:-${top_builddir:-.}/src}/agentctl
AGENTD_SQL=${top_srcdir:-.}/sql
export AGENTD_SQL
# what the environment of whoever runs the tests holds must not change them
unset OPENROUTER_API_KEY GOOGLE_AI_STUDIO_KEY GOOGLE_API_KEY ANTHROPIC_API_KEY OPENAI_API_KEY AGENTD_LOCAL_BASE_URL AGENTD_CONFIG

ctl() { "$agentctl" -c "$D/agentd.yaml" "$@"; }

sql() { pg_psql -c "$1"; }

d_has_line() { grep -q "$2" "$D/$1.log"; }

d_init() {
	D=$(mktemp -d "${TMPDIR:-/tmp}/agentd-t.XXXXXX") || exit 99
	trap d_cleanup EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP PIPE
	mkdir -p "$D/root/workflows/prompts" "$D/root/policies" "$D/root/tools.d"
	# shellcheck disable=SC2086
	pg_start ${D_PG_SETTINGS:+"$D_PG_SETTINGS"}
	{
		cat <<-END
			agentd: v1
			database: "$AGENTD_DATABASE"
			config_dir: $D/root
		END
		[ $# -eq 0 ] || printf '%s\n' "$@"
		case "$*" in *workspace_dir:*) ;; *) echo "workspace_dir: $D/workspaces" ;; esac
		case "$*" in *web:*) ;; *) echo "web: {listen: \"unix:$D/web.sock\"}" ;; esac
		case "$*" in *worker:*) ;; *) echo "worker: {lease: 2s, heartbeat: 500ms, poll: 500ms}" ;; esac
		case "$*" in *sweeper:*) ;; *) echo "sweeper: {interval: 500ms}" ;; esac
		# how full the disk of this machine is, is not what they test
		case "$*" in *admission:*) ;; *) echo "admission: {resume_at: 96%, refuse_at: 97%, stop_claims_at: 98%, stop_files_at: 99%}" ;; esac
	} | sed "s|@D@|$D|g" >"$D/agentd.yaml"
	ctl migrate >"$D/migrate.log" 2>&1 || bail "agentctl migrate failed: $(cat "$D/migrate.log")"
}

# The row that agentctl doctor --probe would write, without a question to the stub that tests count questions of.
d_probed() {
	[ "${D_PROBED:-1}" = 1 ] && [ -f "$D/root/policies/routing.yaml" ] || return 0
	d_route=$(env "$@" "$agentctl" -c "$D/agentd.yaml" route --json 2>/dev/null) || return 0
	case $d_route in *'"base_url":"'*) ;; *) return 0 ;; esac
	sql "SELECT count(agentd.probe_record(s ->> 'provider', s ->> 'base_url', coalesce(s ->> 'key_fingerprint', ''), s ->> 'model', '', 0, 'test'))
		FROM json_each(\$d_json\$$d_route\$d_json\$) t, json_array_elements(t.value) s
		WHERE s ->> 'base_url' IS NOT NULL AND (s ->> 'configured')::boolean" >/dev/null
}

d_publish() {
	d_probed
	ctl reload >"$D/reload.log" 2>&1 || bail "agentctl reload failed: $(cat "$D/reload.log")"
}

d_http() { curl -sS -m 10 --unix-socket "$D/web.sock" "$@"; }

d_ready() {
	case $1 in
	worker) d_has_line "$2" worker.registered ;;
	sweeper) true ;;
	*) d_http -f http://agentd/readyz ;;
	esac
}

d_start() {
	d_name=$1 d_mode=$2
	shift 2
	case $d_mode in worker | all) d_probed "$@" ;; esac
	eval "d_env_$d_name=\$*"
	: >"$D/$d_name.log"
	# shellcheck disable=SC2086
	d_spawn "$d_name" ${D_IN:-} env "$@" "$agentd" -c "$D/agentd.yaml" ${D_ARGS:-} "$d_mode"
	d_until=$(($(now_ms) + 20000))
	until d_ready "$d_mode" "$d_name" >/dev/null 2>&1; do
		if ! d_alive "$d_name" || [ "$(now_ms)" -ge "$d_until" ]; then
			[ "${D_MAY_DIE:-}" = 1 ] && return 0
			bail "agentd $d_mode did not become ready"
		fi
		sleep 0.02
	done
}

# A token with all scopes, in $token.
d_token() {
	token=$(ctl token create "${1:-test}" --scopes "${2:-submit,read,approve,admin,metrics}") || bail "agentctl token create failed"
}

# --- tasks ---
task_state() { sql "SELECT coalesce(t.state, q.state) FROM agentd.tasks t LEFT JOIN agentd.task_queue q USING (id) WHERE t.id = '$1'"; }
task_is() { [ "$(task_state "$1")" = "$2" ]; }
# Nothing left that a worker or the clock would move on.
all_settled() { [ "$(sql "SELECT count(*) FROM agentd.task_queue WHERE state NOT IN ('uncertain', 'quarantined')")" = 0 ]; }

# --- the witness and its tools ---
# The effect sink as process "sink", $sink_port; tools sink.once (at_most_once), sink.again (idempotent), sink.look (pure).
d_sink() {
	rm -f "$D/sink.port"	# of an earlier one
	d_spawn sink "$top_builddir/t/bin/effect_sink" --port-file "$D/sink.port" --log "$D/effects.txt" --delay-ms "${1:-0}"
	wait_for 10 test -s "$D/sink.port" || bail "effect_sink did not start"
	sink_port=$(cat "$D/sink.port")
	: >>"$D/effects.txt"
	d_tool once at_most_once
	d_tool again idempotent
	d_tool look pure
}

d_tool() {
	cat >"$D/root/tools.d/sink-$1.yaml" <<-END
		agentd: v1
		name: sink.$1
		description: Tell the witness.
		args:
		  type: object
		  required: [n]
		  additionalProperties: false
		  properties: {n: {type: integer}}
		effect: $2
		taint: {acts_outside: true}
		timeout: 10s
		http:
		  method: POST
		  url: http://127.0.0.1:$sink_port/$1
		  headers: {Idempotency-Key: "\${ .effect_key }"}
		  json: {key: "\${ .effect_key }", task: "\${ .task.id }", n: "\${ .args.n }"}
		  allow: [127.0.0.0/8]
	END
}

# What the sink saw, as table sink (serial, tool, task, key, n).
d_load_sink() {
	sed 's/^\([0-9]*\) POST \/\([a-z]*\) /\1\t\2\t/' "$D/effects.txt" >"$D/effects.tsv"
	pg_psql >/dev/null <<-END
		DROP TABLE IF EXISTS public.sink, public.sink_lines;
		CREATE TABLE public.sink_lines (serial bigint, tool text, body json);
		\\copy public.sink_lines FROM '$D/effects.tsv'
		CREATE TABLE public.sink AS SELECT serial, tool, (body ->> 'task')::uuid AS task, body ->> 'key' AS key,
			(body ->> 'n')::bigint AS n FROM public.sink_lines;
	END
}

# Tool NAME in LANE: a program that appends "N TASK PID HOST" to $D/ran.txt, PID being that of the agentd that runs it, and takes
# SECONDS. A witness that needs no network.
d_witness() {
	: >>"$D/ran.txt"
	cat >"$D/root/tools.d/$1.yaml" <<-END
		agentd: v1
		name: $1
		description: Tell the file.
		args: {type: object, required: [n], properties: {n: {type: integer}}}
		effect: pure
		lane: $2
		exec:
		  argv: [/bin/sh, -c, 'echo "\$1 \$2 \$PPID \$(uname -n)" >>"\$3"; sleep \$4', sh, "\${ .args.n }", "\${ .task.id }", "$D/ran.txt", "${3:-0}"]
	END
}

# What the witness saw, as table ran (n, task, pid, host).
d_load_ran() {
	pg_psql >/dev/null <<-END
		SET client_min_messages = warning;
		DROP TABLE IF EXISTS public.ran;
		CREATE TABLE public.ran (n bigint, task uuid, pid integer, host text);
		\copy public.ran FROM '$D/ran.txt' (DELIMITER ' ')
	END
}

# A model provider as process "stub", $stub_url; more arguments go to it.
d_stub() {
	: >"$D/stub.log"
	d_spawn stub "$top_builddir/t/bin/stub_provider" "$@"
	wait_for 10 d_has_line stub '^ready ' || bail "stub_provider did not start"
	stub_url=http://127.0.0.1:$(sed -n 's/^ready //p' "$D/stub.log" | head -n 1)/v1
}

# Routing with one provider, the stub, and a tier for each MODEL[=PRICE-IN/PRICE-OUT] given: tier NAME is its only model.
d_routing() {
	{
		printf 'agentd: v1\nproviders:\n  stub: {wire: openai, base_url: "%s", key_env: []}\nmodels:\n' "$stub_url"
		for d_m in "$@"; do printf '  %s\n' "$d_m"; done
		printf 'tiers:\n'
		for d_m in "$@"; do printf '  %s:\n    steps: [{model: %s}]\n' "${d_m%%:*}" "${d_m%%:*}"; done
	} >"$D/root/policies/routing.yaml"
}
