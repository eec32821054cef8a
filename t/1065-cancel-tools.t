#!/bin/sh
# 1065-cancel-tools.t - programs get SIGTERM, five seconds, SIGKILL; what must not be repeated ends done or uncertain; a cancel is
# heard within five seconds at the usual heartbeat; what the API answers in each state.
. "$top_srcdir/t/lib/pg.sh"
. "$top_srcdir/t/lib/daemon.sh"

# the usual heartbeat
d_init "worker: {lease: 30s, heartbeat: 5s, poll: 1s}"
# A program that says when it lives, when it is told to end, and writes its pid and that of a child.
cat >"$D/program" <<END
#!/bin/sh
sleep 600 &
echo \$\$ >$D/pid.\$1
echo \$! >>$D/pid.\$1
case \$2 in
stubborn) trap 'echo term >>$D/said.\$1' TERM ;;
tidy) trap 'echo term >>$D/said.\$1; sleep 1; echo tidied >>$D/said.\$1; exit 3' TERM ;;
done) trap 'echo term >>$D/said.\$1; echo "{\"sent\": true}"; exit 0' TERM ;;
esac
echo begun >>$D/said.\$1
while :; do sleep 0.1; done
END
tool() {	# NAME CLASS HOW
	cat >"$D/root/tools.d/$1.yaml" <<-YAML
		agentd: v1
		name: lab.$1
		description: Runs until it is told to end.
		args: {type: object}
		effect: $2
		timeout: 60s
		exec: {argv: [/bin/sh, $D/program, $1, $3], result: .json}
	YAML
	cat >"$D/root/workflows/$1.yaml" <<-YAML
		agentd: v1
		name: $1
		steps:
		  - {id: act, call: lab.$1, catch: never}
		  - {id: never, set: {caught: true}}
	YAML
}
tool stubborn pure stubborn
tool tidy idempotent tidy
tool once at_most_once tidy
tool late at_most_once done
printf 'agentd: v1\nname: quick\nsteps: [{id: one, set: {n: 1}}]\n' >"$D/root/workflows/quick.yaml"
d_publish
d_start web web
d_start worker worker
d_start sweeper sweeper
d_token

# cancel ID: sets $code and $body
cancel() {
	code=$(d_http -o "$D/body" -w '%{http_code}' -X POST -H "Authorization: Bearer $token" "http://agentd/tasks/$1/cancel")
	body=$(cat "$D/body")
}
said() { grep -qx "$2" "$D/said.$1" 2>/dev/null; }
gone() { for gone_pid in $(cat "$D/pid.$1"); do [ ! -d "/proc/$gone_pid" ] || grep -q '^State:.*Z' "/proc/$gone_pid/status" || return 1; done; }
begin() {	# NAME: submits it, sets $task, and waits until its program runs
	task=$(ctl submit "$1")
	ok "$1: the program runs" wait_for 10 said "$1" begun
}
within() {	# NAME MAX-MS COMMAND...
	within_name=$1 within_max=$2
	shift 2
	within_from=$(now_ms)
	wait_for 30 "$@" || { fail "$within_name" "$* is not true"; return; }
	within_took=$(($(now_ms) - within_from))
	[ $within_took -le "$within_max" ] && pass "$within_name ($within_took ms)" || fail "$within_name" "$within_took ms"
}

# --- a program that does not listen ---
begin stubborn
cancel "$task"
is "a running task is asked to end" "$code $(printf '%s' "$body" | jq -c '[.state, .cancel_requested]')" '200 ["running",true]'
within "the cancel is heard within 5 s, the worker having nothing else to do" 5500 said stubborn term
cancel "$task"
is "asked again, the same" "$code $(printf '%s' "$body" | jq -c '[.state, .cancel_requested]')" '200 ["running",true]'
is "it has its time" "$(task_state "$task")" running
within "and is killed after 5 s" 6000 task_is "$task" cancelled
within "with all its children" 2000 gone stubborn
is "no later step ran" "$(sql "SELECT string_agg(path || ' ' || kind, ', ' ORDER BY seq) FROM agentd.task_log WHERE task = '$task'")" "act step.started, act step.cancelled"
cancel "$task"
is "a cancelled task is cancelled" "$code $(printf '%s' "$body" | jq -r .state)" "200 cancelled"

# --- one that cleans up ---
begin tidy
cancel "$task"
ok "tidy: told to end" wait_for 8 said tidy term
within "it ends in its own time, nobody waits longer" 3000 task_is "$task" cancelled
ok "it came to its end" said tidy tidied

# --- what must not be repeated ---
begin once
cancel "$task"
ok "an effect that was in flight is uncertain, not cancelled" wait_for 15 task_is "$task" uncertain
is "so says the ledger" "$(sql "SELECT state FROM agentd.effects WHERE task = '$task'")" uncertain
is "the wish to cancel stays" "$(ctl get "$task" --json | jq -c '[.state, .cancel_requested]')" '["uncertain",true]'
cancel "$task"
is "cancelling does not decide it" "$code $(printf '%s' "$body" | jq -r .state)" "200 uncertain"
begin late
cancel "$task"
settled() { case $(task_state "$task") in uncertain | cancelled) true ;; *) false ;; esac; }
ok "one whose answer came all the same" wait_for 15 settled
is "is done or uncertain, never unknown" "$(sql "SELECT CASE WHEN state IN ('done', 'uncertain') THEN 'named' ELSE state::text END FROM agentd.effects WHERE task = '$task'")" named

# --- the end comes first ---
task=$(ctl submit quick)
ok "quick ends" wait_for 10 task_is "$task" succeeded
cancel "$task"
is "an ended task is 409" "$code $(printf '%s' "$body" | jq -r .detail)" "409 task $task has ended: succeeded"
out=$(ctl cancel "$task" 2>&1)
is "for agentctl too" "$? $out" "4 agentctl: task $task has ended: succeeded"
cancel 019ab000-0000-7000-8000-000000000009
is "an unknown one is 404" "$code" 404
done_testing
