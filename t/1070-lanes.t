#!/bin/sh
# 1070-lanes.t - workers of one host share the queue, each by what it is able to do; what none is able to do is named.
. "$top_srcdir/t/lib/pg.sh"
. "$top_srcdir/t/lib/daemon.sh"

d_init "worker: {lease: 4s, heartbeat: 500ms, poll: 200ms, slots: 4, batch: 4, lanes: [default, sandbox, bulk, other]}"
d_witness file.plain default
d_witness box.run sandbox
flow() {	# NAME LANE TOOL...
	{
		printf 'agentd: v1\nname: %s\nlane: %s\ninput: {type: object, required: [n], properties: {n: {type: integer}}}\nsteps:\n' "$1" "$2"
		shift 2
		for tool; do
			# shellcheck disable=SC2016
			printf '  - {id: %s, call: %s, with: {n: "${ .input.n }"}}\n' "${tool##*.}" "$tool"
		done
	} >"$D/root/workflows/$flow_file.yaml"
}
flow_file=plain; flow plain default file.plain
flow_file=boxed; flow boxed default file.plain box.run
flow_file=both; flow both bulk box.run

# --- options and files ---
for bad in Sandbox a,,b "" a,a a+b; do
	"$agentd" -c "$D/agentd.yaml" --lanes "$bad" worker >"$D/out" 2>&1
	is "--lanes \"$bad\" is refused" $? 2
done
like "with a reason" "$(cat "$D/out")" 'lanes: "a\+b" is no lane: expected a lower-case letter'
"$agentd" -c "$D/agentd.yaml" --lanes default web >"$D/out" 2>&1
is "--lanes means nothing without a worker" $? 2
is "the files are valid" "$(ctl validate 2>&1)" valid
sed 's/^lane: bulk/lane: bulkk/' "$D/root/workflows/both.yaml" >"$D/both.yaml" && cp "$D/root/workflows/both.yaml" "$D/both.ok"
cp "$D/agentd.yaml" "$D/root/agentd.yaml"
cp "$D/both.yaml" "$D/root/workflows/both.yaml"
like "a lane that the settings' workers do not serve: a warning, at its place" "$(ctl validate 2>&1)" \
	'both\.yaml:3:7: warning: .*does not have the lane "bulkk" \(did you mean "bulk"\?\)'
cp "$D/both.ok" "$D/root/workflows/both.yaml"
for i in 1 2 3 4 5 6 7 8 9; do d_witness "many.t$i" "lane-$i"; done
# shellcheck disable=SC2046
flow_file=many; flow many default $(for i in 1 2 3 4 5 6 7 8 9; do echo "many.t$i"; done)
like "more lanes than can be: an error" "$(ctl validate 2>&1)" 'many\.yaml:3:7: error: .* need 9 lanes, at most 8 can be: lane-1\+lane-2'
rm "$D/root/workflows/many.yaml" "$D/root/tools.d"/many.*.yaml "$D/root/agentd.yaml"
d_publish
is "workflows need what their tools need" "$(ctl workflows --json | jq -r '[.workflows[] | .name + "=" + .lane] | join(" ")')" \
	"both=bulk+sandbox boxed=sandbox plain=default"

# --- three workers of one host ---
tasks=300
sql "SELECT count(agentd.submit((ARRAY['plain', 'boxed', 'both'])[1 + g % 3], json_build_object('n', g))) FROM generate_series(1, $tasks) g" >/dev/null
D_ARGS="--lanes default" d_start w1 worker
D_ARGS="--lanes sandbox" d_start w2 worker
D_ARGS="--lanes bulk,sandbox,default" d_start w3 worker
d_start sweeper sweeper
ok "every task ends" wait_for 90 all_settled
d_load_ran
is "all succeeded" "$(sql "SELECT count(*) FROM agentd.tasks WHERE state = 'succeeded'")" "$tasks"
is "each was claimed once: claims are disjoint" "$(sql "SELECT count(*), count(DISTINCT task), max(fence) FROM agentd.task_attempts")" "$tasks|$tasks|1"
is "each step ran once" "$(sql "SELECT count(*), count(DISTINCT (task, n)) FROM ran" | tr '|' ' ')" \
	"$(sql "SELECT 4 * $tasks / 3 || ' ' || $tasks")"
is "each by a worker that serves its lane" "$(sql "SELECT count(*) FROM agentd.task_attempts a JOIN agentd.workers w ON w.id = a.worker
	JOIN agentd.tasks t ON t.id = a.task JOIN agentd.workflows f ON f.name = t.workflow WHERE NOT string_to_array(f.lane, '+') <@ w.lanes")" 0
is "the programs ran below that very worker" "$(sql "SELECT count(*) FROM ran r JOIN agentd.task_attempts a USING (task) JOIN agentd.workers w ON w.id = a.worker
	WHERE w.pid <> r.pid")" 0
is "all three took part" "$(sql "SELECT count(DISTINCT worker) FROM agentd.task_attempts")" 3
sql "SELECT '# ' || array_to_string(w.lanes, ',') || ': ' || string_agg(t.workflow || ' ' || t.n, ', ' ORDER BY t.workflow) FROM
	(SELECT worker, workflow, count(*) AS n FROM agentd.task_attempts a JOIN agentd.tasks t ON t.id = a.task GROUP BY 1, 2) t
	JOIN agentd.workers w ON w.id = t.worker GROUP BY w.id ORDER BY 1"

# --- nobody is able to ---
d_stop w3
is "who serves them all goes" "$status" 0
task=$(ctl submit both --input '{"n": 1}')
plain=$(ctl submit plain --input '{"n": 2}')
ok "what others serve goes on" wait_for 20 task_is "$plain" succeeded
is "the other task is ready" "$(task_state "$task")" ready
like "get says what it waits for" "$(ctl get "$task")" '^waits for +no live worker serves lane "bulk\+sandbox": agentd --lanes bulk,sandbox worker$'
ctl doctor >"$D/out"
is "doctor is not content" $? 1
like "it names the lane" "$(cat "$D/out")" '^lane bulk\+sandbox +BAD +1 tasks wait, the oldest for [0-9]+ s, and no live worker serves it'
like "lanes lists it" "$(ctl lanes)" '^bulk\+sandbox +0 +1 +1 +0 +0 +[0-9]+'
like "and what is served" "$(ctl lanes)" '^sandbox +1 +0 +0 +0'
D_ARGS="--lanes bulk,sandbox" d_start w3 worker
ok "a worker that is able to comes: the task ends" wait_for 20 task_is "$task" succeeded
is "nothing waits for anybody" "$(ctl lanes --json | jq '[.lanes[].unclaimed] | add')" 0
ok "doctor is content" ctl doctor

# --- a tool moves to another lane ---
d_stop w1
d_stop w2
d_stop w3
for n in 3 4 5; do ctl submit plain --input "{\"n\": $n}" >/dev/null; done
d_witness file.plain other
D_ARGS="--lanes default" d_start w1 worker
in_lane() { [ "$(sql "SELECT count(*) FROM agentd.task_queue WHERE lane = '$1' AND state IN ('ready', 'waiting_timer')")" = "$2" ]; }
ok "a worker that finds a tool of another lane gives its tasks to that lane" wait_for 20 in_lane other 3
ok "and says so" d_has_line w1 'task.other_lane task=.* workflow="plain" lane=other'
d_stop w1
task=$(ctl submit plain --input '{"n": 6}')
is "until a reload, submissions stand where the tool was" "$(sql "SELECT lane FROM agentd.task_queue WHERE id = '$task'")" default
like "a reload of the same files is a change" "$(ctl reload)" '^activated: boxed plain$'
is "it moves what waits" "$(sql "SELECT lane FROM agentd.task_queue WHERE id = '$task'")" other
D_ARGS="--lanes other" d_start w1 worker
ok "who is able to ends them all" wait_for 20 all_settled
is "no failure, no recovery was counted" "$(sql "SELECT count(*), sum(failures + recoveries) FROM agentd.tasks WHERE (input ->> 'n')::integer > 2 AND finished_at > (SELECT started_at FROM agentd.workers WHERE ended_at IS NULL AND lanes = '{other}')")" "4|0"
is "attempts that gave a task back are released" "$(sql "SELECT count(*) FROM agentd.task_attempts WHERE outcome = 'released'")" 3
d_load_ran
is "no step ran where it could not" "$(sql "SELECT count(*) FROM ran WHERE n IN (3, 4, 5, 6) AND pid = $(d_pid w1)")" 4
d_stop w1
is "the worker ends well" "$status" 0
done_testing
