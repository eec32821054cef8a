#!/bin/sh
# 1110-crashpoints.t - the process dies at each labelled point: the end is the same as without. Needs --enable-test-hooks.
. "$top_srcdir/t/lib/pg.sh"
. "$top_srcdir/t/lib/daemon.sh"

grep -aq AGENTD_CRASH "$agentd" || {
	echo "1..0 # SKIP built without --enable-test-hooks"
	exit 0
}
points=$(sed -n '/crash_points\[\] = {/,/};/s/^.*"\([a-z_.]*\)".*$/\1/p' "$top_srcdir/src/base/crash.c")
[ -n "$points" ] || {
	echo "Bail out! no crash points found in src/base/crash.c"
	exit 99
}

# one at a time, so that the second pass of a point is the second task's
d_init "worker: {lease: 1s, heartbeat: 300ms, poll: 200ms, slots: 1, batch: 1}" "sweeper: {interval: 300ms}"
d_sink
cat >"$D/root/policies/routing.yaml" <<'END'
agentd: v1
providers:
  recorded: {wire: replay, file: replies.json}
models:
  recorded: {provider: recorded, id: demo, price: free}
tiers:
  cheap: {steps: [{model: recorded}]}
END
cat >"$D/root/policies/replies.json" <<'END'
{"replies": [{"match": {}, "reply": {"text": "an answer"}, "usage": {"prompt_tokens": 10, "completion_tokens": 2}}]}
END
steps='
  - id: first
    set: {n: "${ .input.n }"}
  - id: again
    call: sink.again
    with: {n: "${ .vars.n }"}
  - id: each
    for:
      in: "[1, 2]"
      do:
        - id: look
          call: sink.look
          with: {n: "${ .item }"}
  - id: ask
    model: {tier: cheap, prompt: "Say something about ${ .vars.n }."}
  - id: last
    set: {text: "${ .steps.ask.output.text }"}
'
head='agentd: v1
input: {type: object, required: [n], properties: {n: {type: integer}}}
output: {n: "${ .vars.n }", text: "${ .steps.ask.output.text }"}
'
printf '%sname: same\nsteps:%s' "$head" "$steps" >"$D/root/workflows/same.yaml"
printf '%sname: once\nsteps:%s\n' "$head" "$(printf '%s' "$steps" | sed 's/sink.again/sink.once/')" >"$D/root/workflows/once.yaml"
d_publish
d_start sweeper sweeper

# What a task did, without times and costs of lost work.
story() {
	sql "SELECT t.state || ' ' || t.output::text || ' ' || coalesce((SELECT string_agg(l.path || ' ' || l.kind, ', ' ORDER BY l.path, l.kind)
		FROM agentd.task_log l WHERE l.task = t.id AND l.kind <> 'step.started' AND l.path <> ''), '') FROM agentd.tasks t WHERE t.id = '$1'"
}

settled() { sql "SELECT count(*) FROM agentd.task_queue WHERE id = '$1' AND state NOT IN ('uncertain', 'quarantined')" | grep -qx 0; }

submit() { ctl submit "$1" --input '{"n": 7}' --key "$2" 2>>"$D/submit.log"; }

d_start worker worker
same=$(submit same plain-same) && once=$(submit once plain-once)
wait_for 20 settled "$same" && wait_for 20 settled "$once" || bail "the tasks do not end without any crash"
d_stop worker
want_same=$(story "$same") want_once=$(story "$once")
like "without a crash the task succeeds" "$want_same" '^succeeded .*an answer'

for point in $points; do
	case $point in
	submit.*)
		# whoever submits dies; the same key is sent again
		AGENTD_CRASH=$point:1 "$agentctl" -c "$D/agentd.yaml" submit same --input '{"n": 7}' --key "$point" >"$D/dead.log" 2>&1
		is "$point: the submitter died there" $? 137
		task=$(submit same "$point")
		is "$point: one task for the key" "$(sql "SELECT count(*) FROM agentd.idempotency_keys k JOIN agentd.tasks t ON t.id = k.task
			WHERE k.key = '$point' AND t.id = '$task'")" 1
		d_start worker worker
		wait_for 20 settled "$task"
		d_stop worker
		is "$point: it ends as without a crash" "$(story "$task")" "$want_same"
		continue
		;;
	esac
	for nth in 1 2; do
		same=$(submit same "$point-$nth-a")
		other=$same
		[ $nth = 1 ] || other=$(submit same "$point-$nth-b")
		D_MAY_DIE=1 d_start worker worker AGENTD_CRASH="$point:$nth"
		D_MAY_DIE=
		if ! wait_for 20 sh -c "! kill -0 $(d_pid worker) 2>/dev/null"; then
			fail "$point:$nth: the worker died there" "it lives on: the point was not reached"
			d_signal worker KILL
		fi
		d_status worker
		is "$point:$nth: the worker died there" "$status" 137
		d_start worker worker
		wait_for 20 settled "$same"
		wait_for 20 settled "$other"
		is "$point:$nth: the task ends as without a crash" "$(story "$same")" "$want_same"
		[ $nth = 1 ] || is "$point:$nth: so does the other" "$(story "$other")" "$want_same"
		d_stop worker
	done
	# an at_most_once effect: done once, or known as uncertain
	once=$(submit once "$point-once")
	D_MAY_DIE=1 d_start worker worker AGENTD_CRASH="$point:1"
	D_MAY_DIE=
	wait_for 20 sh -c "! kill -0 $(d_pid worker) 2>/dev/null"
	d_signal worker KILL
	d_status worker
	d_start worker worker
	wait_for 20 settled "$once"
	d_stop worker
	d_load_sink
	seen=$(sql "SELECT count(*) FROM sink WHERE task = '$once' AND tool = 'once'")
	case $(task_state "$once") in
	succeeded)
		is "$point: the at_most_once task ends as without a crash" "$(story "$once")" "$want_once"
		is "$point: its effect happened once" "$seen" 1
		;;
	uncertain)
		is "$point: uncertain, because a dispatch has no recorded answer" \
			"$(sql "SELECT state FROM agentd.effects WHERE task = '$once' AND effect_class = 'at_most_once'")" uncertain
		[ "$seen" -le 1 ] && pass "$point: its effect happened at most once" || fail "$point: its effect happened at most once" "$seen times"
		;;
	*) fail "$point: the at_most_once task has a named end" "state $(task_state "$once")" ;;
	esac
done
done_testing
