#!/bin/sh
# 1067-approval-binding.t - what was approved is what runs: every field that an approval binds is changed in the database between the
# approval and the dispatch, while no worker is there; the next worker dispatches nothing of it. What was not changed runs once.
. "$top_srcdir/t/lib/pg.sh"
. "$top_srcdir/t/lib/daemon.sh"
command -v jq >/dev/null || {
	echo "1..0 # SKIP no jq"
	exit 0
}

d_init
d_sink
cat >"$D/root/workflows/mail.yaml" <<'END'
agentd: v1
name: mail
input: {type: object, properties: {n: {type: integer}}}
steps:
  - id: each
    for:
      in: "${ [.input.n, 0 - 1] }"
      parallel: 2
      do:
        - id: send
          when: .item > 0
          call: sink.once
          with: {n: "${ .item }"}
          ask: {title: "Send ${ .item }?", show: "${ .input }", risk: high}
END
cat >"$D/root/policies/risk.yaml" <<'END'
agentd: v1
rules:
  - {id: rest, verdict: allow}
END
d_publish
d_token boss submit,read,approve
d_start web web
d_start worker worker
http() {
	http_method=$1 http_path=$2
	shift 2
	d_http -o "$D/answer" -X "$http_method" -H "Authorization: Bearer $token" -H 'Content-Type: application/json' "$@" "http://agentd$http_path"
}

# change NAME SQL: a task of its own for it, :task and :id are the task and its request; '' changes nothing
n=1000
: >"$D/changes"
change() {
	n=$((n + 1))
	http POST /tasks -d "{\"workflow\": \"mail\", \"input\": {\"n\": $n}}"
	printf '%s\t%s\t%s\t%s\n' "$n" "$(jq -r .id "$D/answer")" "$1" "$2" >>"$D/changes"
}
# word NAME PATH VALUE: of the journal's row that asks, value in SQL
word() {
	change "$1" "UPDATE agentd.task_log SET value = jsonb_set(value::jsonb, '{$2}', $3)::json WHERE task = :'task' AND kind = 'approval.requested'"
}
row() { change "$1" "UPDATE agentd.approval_queue SET $2 WHERE id = :'id'"; }

change "nothing" ""
change "only the order of the words" "UPDATE agentd.task_log SET value = value::jsonb::json WHERE task = :'task'"
same=$n
word "the arguments" call,args,n "'7'"
word "the tool" call,tool "'\"sink.again\"'"
word "the effect key" call,key "'\"$(printf '%064d' 7)\"'"
word "the kind" kind "'\"question\"'"
word "the title" title "'\"Send 7?\"'"
word "what is shown" show "'{\"n\": 7}'"
word "the form" form "'{\"type\": \"object\"}'"
word "the risk" risk "'\"low\"'"
word "the rule" rule "'\"other\"'"
word "the verdict" verdict "'\"deny\"'"
word "the approvers" approvers "'2'"
word "the end of its time" expires_at "'\"2099-01-01T00:00:00.000000Z\"'"
word "its id" id "'\"01900000-0000-7000-8000-000000000000\"'"
a="(SELECT to_jsonb(a.id) FROM agentd.approval_queue a WHERE a.task <> :'task' AND a.state = 'approved' ORDER BY a.id DESC LIMIT 1)"
word "its id, to the request of another task" id "$a"
change "the step" "UPDATE agentd.task_log SET path = replace(path, '[0]', '[1]') WHERE task = :'task' AND kind = 'approval.requested'"
change "the bundle" "UPDATE agentd.tasks SET bundle = (SELECT bundle FROM agentd.workflows WHERE name = 'mail') WHERE id = :'task'"
row "its task" "task = '01900000-0000-7000-8000-000000000000'"
row "its digest" "digest = sha256('other')"
row "arguments that nobody edited" "asked = args, args = '{\"n\": 7}'"
row "it is pending still" "state = 'pending', decided_at = NULL"
row "it was denied" "state = 'denied'"
row "another effect used it" "state = 'consumed', consumed_at = now(), effect_key = sha256('other')"
row "it was approved in time, and is stale" "expires_at = now() - interval '2 min'"
all_wait() { [ "$(sql "SELECT count(*) FROM agentd.task_queue WHERE state <> 'waiting_approval'")" = 0 ]; }
ok "all wait for approval" wait_for 60 all_wait
d_stop worker
sql "SELECT id || ' ' || encode(digest, 'hex') FROM agentd.approval_queue" >"$D/asked"
while read -r id digest; do
	http POST "/approvals/$id" -d "{\"decision\": \"approve\", \"digest\": \"$digest\"}"
done <"$D/asked"
is "all are approved" "$(sql "SELECT string_agg(DISTINCT state, ' ') FROM agentd.approval_queue")" approved
sed -i 's/^name: mail/&\ndescription: another bundle/' "$D/root/workflows/mail.yaml"
d_publish
like "the journal itself lets nobody change it" "$(sql "UPDATE agentd.task_log SET value = '{}' WHERE kind = 'approval.requested'" 2>&1)" 'may not change'
while IFS="	" read -r _ task _ change; do		# whoever may switch its triggers off can
	printf 'SET session_replication_role = replica; %s;\n' "$change" | pg_psql -v task="$task" -v id="$(sql "SELECT id FROM agentd.approval_queue WHERE task = '$task'")" >>"$D/changed" || fail "$change"
done <"$D/changes"

# No task goes on by itself any more: over, put aside, or waiting for somebody.
d_start worker worker
still() { [ "$(sql "SELECT count(*) FROM agentd.task_queue WHERE state IN ('ready', 'running') OR state = 'waiting_timer'")" = 0 ]; }
ok "the next worker takes them up" wait_for 60 still
while IFS="	" read -r n task name _; do
	told="$(grep -c "\"task\":\"$task\"" "$D/effects.txt") $(sql "SELECT count(*) FROM agentd.approval_queue WHERE task = '$task' AND effect_key IS NOT NULL
		AND effect_key <> sha256('other')")"
	if [ "$n" -le $same ]; then
		is "changed: $name; it runs once" "$told" "1 1"
	else
		is "changed: $name; it does not run" "$told" "0 0"
	fi
done <"$D/changes"
is "nothing ran that was not asked" "$(wc -l <"$D/effects.txt" | tr -d ' ')" 2
sql "SELECT string_agg(s || ' ' || n, ', ') FROM (SELECT coalesce(t.state, q.state) AS s, count(*) AS n FROM agentd.tasks t
	LEFT JOIN agentd.task_queue q USING (id) GROUP BY 1) x" | sed 's/^/# /'
done_testing
