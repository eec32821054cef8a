#!/bin/sh
# 1085-sight.t - agentctl why, cost, over HTTP too: each state that a task can be in comes about as it does in earnest, and is explained.
. "$top_srcdir/t/lib/pg.sh"
. "$top_srcdir/t/lib/daemon.sh"
command -v jq >/dev/null || {
	echo "1..0 # SKIP no jq"
	exit 0
}

d_init "worker: {lease: 2s, heartbeat: 300ms, poll: 200ms}" "sweeper: {interval: 200ms, max_recoveries: 0}"
d_stub --log "$D/asked.txt"
cat >"$D/root/policies/routing.yaml" <<END
agentd: v1
providers:
  stub: {wire: openai, base_url: "$stub_url", key_env: []}
models:
  good: {provider: stub, id: good, context: 8192, max_output: 100, price: {input: 1.00, output: 2.00, as_of: 2026-11-01}}
  slow: {provider: stub, id: stub/delay-60000, context: 8192, max_output: 100, price: {input: 1.00, output: 2.00, as_of: 2026-11-01}}
tiers:
  good: {steps: [{model: good}]}
  slow: {steps: [{model: slow}]}
END
d_witness wit.slow default 60
cat >"$D/root/tools.d/poison.yaml" <<'END'
agentd: v1
name: lab.poison
description: Kills the worker.
args: {type: object}
effect: pure
lane: doom
exec: {argv: [/bin/sh, -c, "kill -KILL $PPID; sleep 10"]}
END
cat >"$D/root/tools.d/vanish.yaml" <<'END'
agentd: v1
name: lab.vanish
description: Ends nobody knows how.
args: {type: object, properties: {n: {type: integer}}}
effect: at_most_once
timeout: 200ms
exec: {argv: [sleep, "10"]}
END
# flow NAME [LINE-OF-THE-HEAD]: a workflow with the steps on standard input
flow() {
	{
		printf 'agentd: v1\nname: %s\n%s\nsteps:\n' "$1" "${2:-description: one}"
		cat
	} >"$D/root/workflows/$1.yaml"
}
flow nap <<'END'
  - {id: nap, wait: 1h}
END
flow ask <<'END'
  - id: sure
    approve: {title: "Really?", approvers: 2, timeout: 1h, risk: high}
END
flow busy <<'END'
  - {id: work, call: wit.slow, with: {n: 1}}
END
flow think 'budget: {usd: 0.5}' <<'END'
  - {id: think, model: {tier: slow, prompt: "Say hello.", max_output: 100}}
END
flow hello 'budget: {usd: 0.5}' <<'END'
  - {id: say, model: {tier: good, prompt: "Say hello.", max_output: 100}}
END
flow flaky <<'END'
  - id: each
    for:
      in: "[1]"
      do:
        - id: try
          raise: {type: busy, message: "not now", retryable: true}
          retry: {max: 3, delay: 1h, cap: 1h}
END
flow gone 'lane: gpu' <<'END'
  - {id: set, set: {a: 1}}
END
flow crowd 'lane: phantom' <<'END'
  - {id: set, set: {a: 1}}
END
flow vanishes <<'END'
  - {id: away, call: lab.vanish, with: {n: 1}}
END
flow poison 'lane: doom' <<'END'
  - {id: drink, call: lab.poison}
END
flow fails <<'END'
  - {id: stop, raise: {type: no_such_city, message: "there is no Atlantis"}}
END
d_publish
d_start web web
d_start sweeper sweeper

why() { ctl why "$1"; }
says() { why "$1" | grep -Eq -e "$2"; }
# explains NAME TASK PATTERN: at once or soon
explains() { if wait_for 20 says "$2" "$3"; then pass "$1"; else fail "$1" "$(why "$2") does not fit \"$3\""; fi; }
next() { ctl why "$1" --json | jq -r '.next[].command'; }

# --- ready ---
nap=$(ctl submit nap)
explains "nobody is there" "$nap" "^It has been ready for .*, and nobody takes it: no live worker serves lane \"default\""
is "the first line says what it is" "$(why "$nap" | head -n 1)" "$nap of nap is ready."
d_start worker worker
gone=$(ctl submit gone)
explains "nobody serves its lane" "$gone" 'no live worker serves lane "gpu": agentd --lanes gpu worker'
is "the cause for programs" "$(ctl why "$gone" --json | jq -r '.causes[0].type, .facts.lane')" "lane.unserved
gpu"
like "what to do" "$(next "$gone")" '^agentctl lanes$'
sql "SELECT agentd.worker_register('019ab000-0000-7000-8000-000000000001', 'test', 1, '{phantom}', 3600000, 1)" >/dev/null
ctl submit crowd >/dev/null
crowd=$(ctl submit crowd)
explains "others stand before it" "$crowd" 'in lane "phantom" and waits for a worker: 1 task stands before it, 1 live worker serves the lane and runs 0'
sql "INSERT INTO agentd.admission VALUES ('test', clock_timestamp(), clock_timestamp() + interval '1 hour', 2, 'the disk of the database is 99 % full', '[]')" >/dev/null
explains "no tasks are claimed" "$crowd" 'workers take no tasks now: the disk of the database is 99 % full'
sql "DELETE FROM agentd.admission WHERE source = 'test'" >/dev/null

# --- running ---
busy=$(ctl submit busy)
explains "a tool is called" "$busy" '^Step "work" calls tool wit.slow, for '
explains "by whom" "$busy" "^A worker has it: process $(d_pid worker) on .* \\(attempt 1\\)"
think=$(ctl submit think)
explains "a model is asked" "$think" '^Step "think" asks a model of tier slow, for .*; 0\.[0-9]+ USD are set aside'

# --- waiting ---
explains "a timer" "$nap" '^Step "nap" waits until its time has come, at 20.*, in 59m'
ask=$(ctl submit ask)
explains "people" "$ask" '^Step "sure" waits for a person: "Really\?" \(risk high, request .*it expires at 20.*, in 59m'
explains "how many have spoken" "$ask" '^0 of 2 people have approved it'
request=$(ctl approvals list --task "$ask" --json | jq -r '.approvals[0].id')
like "the command that approves" "$(next "$ask")" "^agentctl approvals approve $request\$"
d_token ann read,approve
ann=$token
digest=$(ctl approvals show "$request" --json | jq -r .digest)
is "one approves" "$(d_http -o "$D/body" -w '%{http_code}' -X POST -H "Authorization: Bearer $ann" -H 'Content-Type: application/json' \
	-d "{\"decision\": \"approve\", \"digest\": \"$digest\"}" "http://agentd/approvals/$request")" 200
explains "who has" "$ask" '^1 of 2 people have approved it: token:ann'
flaky=$(ctl submit flaky)
explains "another try, and how many are left" "$flaky" '^Step "each\[0\]/try" failed at try 1 and is tried again at 20.*, in .*; 2 more tries may follow'
explains "after which error" "$flaky" '^The error is busy at step "each\[0\]/try": not now$'

# --- for a person ---
vanish=$(ctl submit vanishes)
explains "nobody knows what became of it" "$vanish" '^Nobody knows what became of the call of lab.vanish at step "away" \(try 1'
explains "the call" "$vanish" '^Its arguments were \{"n": ?1\}; its effect key is '
reconcile=$(next "$vanish" | sed -n 's/^agentctl \(.*give-up\)$/\1/p')
ok "the command that is named works" eval "ctl $reconcile"
explains "it failed then" "$vanish" '^It failed .*ago'
D_ARGS="--lanes doom" D_MAY_DIE=1 d_start doomed worker
poison=$(ctl submit poison)
explains "put aside" "$poison" '^It was put aside .*only a person moves it'
explains "by what" "$poison" '^The error is lease_lost at step "drink": its worker fell silent 1 times'
like "what to do about it" "$(next "$poison")" "^agentctl redrive $poison\$"
d_status doomed

# --- ended ---
failed=$(ctl submit fails)
explains "failed" "$failed" '^The error is no_such_city at step "stop": there is no Atlantis$'
like "what next" "$(next "$failed")" "^agentctl retry $failed\$"
late=$(ctl submit nap --deadline "$(date -u -d '+4 seconds' +%Y-%m-%dT%H:%M:%SZ)")
explains "expired" "$late" '^Its time was up .*, the deadline being 20.*; it was (waiting_timer|running|ready) then'
explains "by the deadline" "$late" '^The error is budget.wall: '
ctl cancel "$nap" >/dev/null
explains "cancelled, by whom" "$nap" "^Somebody ended it .* ago, from waiting_timer: cancelled by os:"
ctl cancel "$think" >/dev/null
explains "one that ran" "$think" '^Somebody ended it .* ago, from running: '
hello=$(ctl submit hello --label team=docs)
explains "succeeded" "$hello" '^It did what it had to, and ended '
out=$(ctl why 019ab000-0000-7000-8000-000000000009 2>&1)
like "an unknown task" "$? $out" '^3 agentctl: no task'
out=$(ctl why x 2>&1)
like "no id" "$? $out" '^2 agentctl: "x" is not a task id'

# --- over HTTP ---
d_token boss
boss=$token
d_token ci submit,read
ci=$token
get() { code=$(d_http -G -o "$D/body" -w '%{http_code}' -H "Authorization: Bearer $1" "http://agentd$2"); }
get "$boss" "/tasks/$failed/why"
is "the same object" "$code $(jq -Sc 'del(.at, .facts.now, .causes[0])' "$D/body")" "200 $(ctl why "$failed" --json | jq -Sc 'del(.at, .facts.now, .causes[0])')"
get "$ci" "/tasks/$failed/why"
is "not for others" "$code" 404
get "$boss" /tasks/x/why
is "no id over HTTP" "$code" 404

# --- cost ---
own=$(d_http -H "Authorization: Bearer $ci" -H 'Content-Type: application/json' -d '{"workflow": "hello", "labels": {"team": "ops"}}' http://agentd/tasks | jq -r .id)
ok "a task of a token" wait_for 20 task_is "$own" succeeded
each=$(sql "SELECT agentd.money(cost_usd) FROM agentd.model_calls WHERE task = '$own'")
both=$(sql "SELECT agentd.money(sum(cost_usd)) FROM agentd.model_calls WHERE task IN ('$own', '$hello')")
all=$(sql "SELECT agentd.money(sum(cost_usd)) FROM agentd.model_calls")
cost() { ctl cost --json "$@" | jq -Sc '[.rows[] | [.key, .calls, .cost_usd]]'; }
like "calls cost something" "$each" '^0\.0*[1-9]'
is "by workflow" "$(cost --by workflow --workflow hello)" "[[\"hello\",2,\"$both\"]]"
is "by label" "$(cost --by label=team --workflow hello | jq -c 'sort')" "[[\"docs\",1,\"$each\"],[\"ops\",1,\"$each\"]]"
is "those without it" "$(cost --by label=none --workflow hello)" "[[null,2,\"$both\"]]"
is "by token" "$(cost --by token --workflow hello | jq -c 'sort | [.[][0]]')" "[\"os:$(id -un)\",\"token:ci\"]"
is "by model" "$(cost --by model --workflow hello)" "[[\"stub/good\",2,\"$both\"]]"
is "by task" "$(cost --by task --workflow hello | jq -c '[.[][0]] | sort')" "$(printf '["%s","%s"]' "$hello" "$own")"
is "by day" "$(cost --workflow hello | jq -c '[.[][1:]]')" "[[2,\"$both\"]]"
is "in all" "$(ctl cost --json | jq -r .total.cost_usd)" "$all"
like "for people" "$(ctl cost --by workflow)" '^hello +2 +[0-9]+ +0 +[0-9]+ +~?0\.'
is "before anything was" "$(ctl cost --json --until 1h --by task | jq -c '[.rows, .total.calls]')" '[[],0]'
is "since an hour ago" "$(ctl cost --json --since 1h --workflow hello | jq .total.calls)" 2
for bad in "--by week" "--by label=" "--since yesterday" "--until 1h --since 1m" "--no" "more"; do
	# shellcheck disable=SC2086
	ctl cost $bad >"$D/out" 2>&1
	status=$?
	like "cost $bad" "$status $(cat "$D/out")" '^[12] agentctl: '
done
get "$ci" "/cost?by=workflow"
is "a token sees its own" "$code $(jq -c '[.rows[] | [.key, .calls, .cost_usd]]' "$D/body")" "200 [[\"hello\",1,\"$each\"]]"
get "$boss" "/cost?by=label=team&workflow=hello"
is "an admin sees all" "$code $(jq -c '[.rows[].key] | sort' "$D/body")" '200 ["docs","ops"]'
for bad in by=week by=label= since=x until= "by=day&by=day" odd=1; do
	get "$boss" "/cost?$bad"
	is "GET /cost?$bad" "$code" 400
done
get "$boss" "/cost?since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z"
is "an end before the beginning" "$code" 422
get "$boss" "/cost?since=0000-01-01T00:00:00Z&until=9999-12-31T23:59:59Z"
is "all time" "$code" 200
get "$boss" "/cost?since=0000-01-01T00:00:00Z&until=0001-12-31T23:59:59Z"
is "before all time" "$code" 200

# --- a worker that is no more ---
busy=$(ctl submit busy)
explains "a tool is called again" "$busy" '^Step "work" calls tool wit.slow'
d_stop sweeper
d_signal worker KILL
d_status worker
explains "its worker is silent" "$busy" '^That worker has been silent for .* beyond its lease'
done_testing
