#!/bin/sh
# 1055-events.t - streams of events: exactly the rest behind every id, slow clients, clients that vanish, restarts of web and of
# PostgreSQL in mid-stream, 500 streams at once; agentctl tail.
. "$top_srcdir/t/lib/pg.sh"
. "$top_srcdir/t/lib/daemon.sh"
. "$top_srcdir/t/lib/api.sh"
command -v python3 >/dev/null || {
	echo "1..0 # SKIP no python3"
	exit 0
}
STREAMS=${STREAMS:-500}

d_init "web: {listen: \"unix:@D@/web.sock\", body_timeout: 8s, max_streams: $((STREAMS > 150 ? STREAMS : 150))}"
flow() {
	printf 'agentd: v1\nname: %s\nsteps:\n' "$1" >"$D/root/workflows/$1.yaml"
	cat >>"$D/root/workflows/$1.yaml"
}
flow hello <<'END'
  - id: greet
    set: {text: hello}
END
flow nap <<'END'
  - id: nap
    wait: 1s
END
flow long <<'END'
  - id: nap
    wait: 1h
END
flow fails <<'END'
  - id: bad
    raise: {type: demo.broken, message: it broke}
END
flow life <<'END'
  - id: each
    for:
      in: ${ [1, 2, 3, 4, 5, 6, 7, 8] }
      do:
        - id: note
          set: {n: "${ .item }"}
  - id: nap
    wait: 8s
  - id: nothing
    when: "false"
    set: {n: 0}
  - id: last
    set: {n: 9}
END
flow paced <<'END'
  - id: each
    for:
      in: ${ [range(40)] }
      do:
        - id: note
          set: {n: "${ .item }"}
        - id: nap
          wait: 250ms
END
flow bulk <<'END'
  - id: seed
    set: {text: 0123456789abcdef0123456789abcdef}
  - id: grow
    for:
      in: ${ [range(12)] }
      do:
        - id: double
          set: {text: "${ .vars.text }${ .vars.text }"}
  - id: each
    for:
      in: ${ [range(200)] }
      do:
        - id: note
          set: {copy: "${ .vars.text }"}
  - id: last
    set: {text: x, copy: x}
output: {done: true}
END
flow late <<'END'
  - id: gate
    call: gate.wait
    with: {n: 1}
  - id: note
    set: {n: 1}
  - id: last
    set: {n: 2}
END
cat >"$D/root/tools.d/gate.yaml" <<END
agentd: v1
name: gate.wait
description: Wait for a file.
args: {type: object, required: [n], properties: {n: {type: integer}}}
effect: pure
timeout: 5m
exec:
  argv: [/bin/sh, -c, 'until [ -e "\$1" ]; do sleep 0.2; done', sh, "$D/go"]
END
d_publish
d_start web web
d_start worker worker
d_start sweeper sweeper
api_tokens full:submit,read,approve,admin,metrics ann:submit,read bob:submit,read submitter:submit gone:submit,read

api_checks events resume
api_checks events access "$(d_pid web)" "$agentctl" -c "$D/agentd.yaml"
api_checks events slow "$(d_pid web)"
api_checks events vanish "$(d_pid web)" "$((STREAMS > 150 ? STREAMS : 150))"
api_checks events many "$(d_pid web)" "$STREAMS" "$D/go"

# --- restarts in mid-stream: a reader that comes again misses nothing and gets nothing twice ---
follow() {	# NAME TARGET
	: >"$D/$1.started"
	d_spawn "$1" env PYTHONDONTWRITEBYTECODE=1 python3 "$top_srcdir/t/lib/events.py" follow "$D/web.sock" "$D/tokens" "$2" "$D/$1.json" "$D/$1.started"
}
has_begun() { [ -s "$D/$1.started" ]; }
follow all /events
ok "a stream of all begins" wait_for 10 has_begun all
d_spawn tails "$agentctl" -c "$D/agentd.yaml" tail --json
tail_begins() { ctl submit hello >/dev/null && d_has_line tails '"kind":"finished"'; }
ok "agentctl tail of all begins" wait_for 10 tail_begins
task=$(ctl submit paced)
follow one "/tasks/$task/events"
d_spawn tail "$agentctl" -c "$D/agentd.yaml" tail "$task" --json
ok "one of a task begins" wait_for 10 has_begun one
seen() { d_has_line tail "\"path\":\"each\[$1\]/note\""; }
ok "the task goes on" wait_for 20 seen 4
d_stop web
is "web stops with streams open" "$status" 0
d_start web web
ok "and on" wait_for 20 seen 10
pg_restart_immediate
ok "after PostgreSQL came again" wait_for 30 seen 16
d_signal web KILL
d_status web
d_start web web
ok "and after web was killed" wait_for 30 seen 22
pg_restart
ok "it succeeds" wait_for 40 task_is "$task" succeeded
d_status one
is "the reader of the task ends" "$status" 0
d_status tail
is "agentctl tail ends, and says that it succeeded" "$status" 0
ok "it said that the database was away" grep -q "database is away" "$D/tail.log"
sql "SELECT data FROM agentd.events_of_task('$task', -1, 0, 1000, 10000000, '', true) WHERE kind IS NOT NULL" >"$D/want"
ids=$(jq -r .id "$D/want")
is "there were some" "$(printf '%s\n' "$ids" | wc -l | awk '{ print ($1 > 80) }')" 1
is "the reader over two restarts of web and two of PostgreSQL got each once, in order" "$(jq -r '.events[][0]' "$D/one.json")" "$ids"
ok "over breaks, really" jq -e '.breaks >= 3' "$D/one.json"
is "so did agentctl tail" "$(grep '^{' "$D/tail.log" | jq -r .id)" "$ids"
all_there() { [ "$(grep '^{' "$D/tails.log" | jq -r --arg t "$task" 'select(.task == $t) | .id')" = "$ids" ]; }
ok "and agentctl tail of all" wait_for 10 all_there
d_signal tails TERM
d_status tails
: >"$D/all.json.stop"
d_stop web
d_status all
is "and the reader of all" "$(jq -r --arg t "$task" '.events[] | select(.[2] == $t) | .[0]' "$D/all.json" | wc -l)" "$(printf '%s\n' "$ids" | wc -l)"
is "none of it twice" "$(jq -r '.events[][0]' "$D/all.json" | sort | uniq -d)" ""

# --- agentctl tail ---
d_start web web
run() {	# WANT NAME COMMAND...: exit status; $out
	want=$1 name=$2
	shift 2
	out=$("$@" 2>"$D/err")
	is "$name" $? "$want"
}
bad=$(ctl submit fails)
run 7 "tail of a task that fails" ctl tail "$bad"
like "it shows the error" "$out" 'step.failed  bad  \(raise\)  demo.broken: it broke'
like "and the end" "$out" 'finished  failed  demo.broken'
good=$(ctl submit hello)
run 0 "tail of one that succeeds" ctl tail "$good"
run 0 "tail --after" ctl --json tail "$good" --after 0.2
is "begins behind it" "$(printf '%s\n' "$out" | jq -r .kind | tr '\n' ' ')" "step.succeeded finished "
run 0 "tail --kind" ctl tail "$good" --kind finished
is "shows that alone" "$(printf '%s\n' "$out" | wc -l)" 1
run 3 "tail of an unknown task" ctl tail 01936f00-0000-7000-8000-000000000000
run 2 "tail of no id" ctl tail abc
run 2 "a bad --after" ctl tail "$good" --after x
run 2 "--after of all in a task's words" ctl tail --after 12
run 2 "--workflow with a task" ctl tail "$good" --workflow hello
run 4 "--after of what is kept no longer" ctl tail --after 1.1.1
d_spawn everything "$agentctl" -c "$D/agentd.yaml" tail --kind finished
shown() { ctl submit hello >/dev/null && d_has_line everything '  hello  finished  succeeded'; }
ok "tail of all shows what ends" wait_for 10 shown
d_stop everything
("$agentctl" -c "$D/agentd.yaml" tail; echo $? >"$D/status") 2>"$D/err" | head -n 1 >"$D/first" &
closed() { ctl submit hello >/dev/null && [ -s "$D/status" ]; }
ok "tail ends when nobody reads it" wait_for 10 closed
for p in web worker sweeper; do
	d_stop $p
	is "$p stops cleanly" "$status" 0
done
done_testing
