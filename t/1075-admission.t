#!/bin/sh
# 1075-admission.t - admission with the real programs: a small disk that fills and is freed, a queue that grows too deep.
. "$top_srcdir/t/lib/pg.sh"
. "$top_srcdir/t/lib/daemon.sh"

mnt=
unmount() { [ -z "$mnt" ] || umount "$mnt" 2>/dev/null || umount -l "$mnt"; }

d_init "workspace_dir: @D@/small/workspaces" \
	"worker: {lease: 2s, heartbeat: 500ms, poll: 200ms}" \
	"admission: {paths: {data: @D@, wal: @D@}, interval: 200ms, queue_depth: 40}"
mkdir "$D/small"

# A disk of its own, in a file: what it is full to is ours alone to say.
small_disk() {
	[ "$(id -u)" = 0 ] || { why="needs root"; return 1; }
	for tool in mkfs.ext4 mount fallocate; do command -v $tool >/dev/null || { why="no $tool"; return 1; }; done
	truncate -s 64M "$D/disk" && mkfs.ext4 -q -m 0 -O ^has_journal -N 1024 "$D/disk" || { why="mkfs.ext4 failed"; return 1; }
	mount -o loop "$D/disk" "$D/small" 2>"$D/mount.err" || { why="no loop mounts here: $(head -n 1 "$D/mount.err")"; return 1; }
	mnt=$D/small
	trap 'unmount; d_cleanup' EXIT
}
# fill PERCENT: one file makes the disk as full as that, by blocks
# Straight from what there is: on the way it would be empty for whoever looks.
fill() {
	: >>"$mnt/ballast"
	# used and available in KiB; the file's own tables take a little
	set -- "$1" $(df -k --output=used,avail "$mnt" | tail -n 1)
	has=$(($(stat -c %s "$mnt/ballast") / 1024))
	n=$(((($2 + $3) * $1 + 99) / 100 - $2 + has))
	if [ "$n" -gt "$has" ]; then
		fallocate -l "${n}K" "$mnt/ballast"
	else
		truncate -s "$((n > 0 ? n : 0))K" "$mnt/ballast"
	fi
}

cat >"$D/root/workflows/quick.yaml" <<'YAML'
agentd: v1
name: quick
steps:
  - id: one
    set: {n: 1}
YAML
cat >"$D/root/workflows/slow.yaml" <<'YAML'
agentd: v1
name: slow
steps:
  - id: nap
    wait: 3s
  - id: one
    set: {n: 1}
YAML
cat >"$D/root/workflows/writes.yaml" <<'YAML'
agentd: v1
name: writes
steps:
  - id: put
    call: fs.put
    with: {path: note.txt, text: hello}
YAML
cat >"$D/root/tools.d/put.yaml" <<'YAML'
agentd: v1
name: fs.put
description: Write a file into the workspace.
args: {type: object, required: [path, text], properties: {path: {type: string}, text: {type: string}}}
effect: idempotent
timeout: 10s
fs: {verb: write, root: workspace}
YAML
d_publish
d_start web web
d_start sweeper sweeper
d_start worker worker
d_token

# post KEY WORKFLOW: sets $code, $body, $head
post() {
	code=$(d_http -D "$D/head" -o "$D/body" -w '%{http_code}' -H "Authorization: Bearer $token" -H 'Content-Type: application/json' \
		-H "Idempotency-Key: $1" -d "{\"workflow\": \"$2\"}" http://agentd/tasks)
	body=$(cat "$D/body")
	head=$(tr -d '\r' <"$D/head")
}
level() { [ "$(sql "SELECT max(level) FROM agentd.admission WHERE holds_until > clock_timestamp()")" = "$1" ]; }

if small_disk; then
	mkdir "$mnt/workspaces"
	post first quick
	is "room enough: taken" "$code" 202
	first=$body
	id=$(printf '%s' "$body" | sed 's/.*"id":"\([^"]*\)".*/\1/')
	ok "and done" wait_for 10 task_is "$id" succeeded
	fill 84
	sleep 1
	level 0 && pass "84 %: open" || fail "84 %: open" "$(df "$mnt")"
	slow=$(ctl submit slow)
	fill 86
	ok "86 %: closed" wait_for 10 level 1
	post second quick
	is "no task is taken" "$code" 503
	like "it says when to try again" "$head" '^Retry-After: ([5-9]|[1-9][0-9])$'
	like "and why" "$body" '"type":"urn:agentd:problem:refused".*"status":503,"detail":"no new tasks are taken now: the disk of the workspaces is 8[67]\.[0-9] % full"'
	is "no path is told" "$(printf '%s' "$body" | grep -c "$D")" 0
	is "the daemon's log says it once" "$(grep -c 'admission.closed level=1' "$D/sweeper.log")" 1
	post first quick
	is "a submission that was taken before is answered as before" "$code $body" "202 $first"
	like "as a replay" "$head" '^Idempotency-Replayed: true$'
	out=$(ctl submit quick 2>&1)
	is "agentctl refuses too, with its own status" "$? $out" "5 agentctl: no new tasks are taken now: $(sql "SELECT why FROM agentd.admission WHERE level > 0")"
	like "SQL too" "$(sql "SELECT agentd.submit('quick')" 2>&1)" 'ERROR:  no new tasks are taken now'
	ok "a task under way goes on" wait_for 10 task_is "$slow" succeeded
	fill 82
	sleep 1
	level 1 && pass "82 %: still closed" || fail "82 %: still closed" "$(df "$mnt")"
	fill 79
	ok "79 %: open" wait_for 10 level 0
	post second quick
	is "the same request is taken now" "$code" 202

	# --- 90 %: nothing is claimed ---
	waiting=$(ctl submit slow)
	ok "a task waits for its time" wait_for 5 task_is "$waiting" waiting_timer
	fill 91
	ok "91 %: claims stop" wait_for 10 level 2
	ok "its time comes, nobody takes it" wait_for 10 task_is "$waiting" ready
	sleep 1
	is "it stays so" "$(task_state "$waiting")" ready
	is "the worker keeps its lease" "$(sql "SELECT count(*) FROM agentd.workers WHERE ended_at IS NULL AND lease_until > clock_timestamp()")" 1
	fill 50
	ok "room again: it goes on" wait_for 10 task_is "$waiting" succeeded

	# --- 95 %: tools write no files ---
	task=$(ctl submit writes)
	ok "a tool writes" wait_for 10 task_is "$task" succeeded
	d_stop sweeper
	sql "UPDATE agentd.admission SET level = 0" >/dev/null
	fill 96
	task=$(ctl submit writes)
	ok "96 %: it does not, whatever the sweeper knows" wait_for 10 task_is "$task" failed
	like "and says why" "$(sql "SELECT error ->> 'message' FROM agentd.tasks WHERE id = '$task'")" 'the disk is 9[67] % full'
	fill 50
	d_start sweeper sweeper
	ok "open again" wait_for 10 level 0
else
	skip "a disk that fills" "$why"
fi

# --- depth of the queue ---
d_stop worker
for i in $(seq 1 45); do post "deep-$i" quick && echo "$code"; done | sort | uniq -c >"$D/codes"
sleep 0.5
ok "the queue is too deep" wait_for 10 level 1
post deep-last quick
is "no more is taken" "$code" 503
like "and why" "$body" '"detail":"no new tasks are taken now: [0-9]+ tasks wait for a worker"'
like "none before the limit was refused" "$(cat "$D/codes")" '^ *4[0-9] 202$'
d_start worker worker
ok "the worker makes room" wait_for 20 level 0
post deep-last quick
is "it is taken" "$code" 202
ok "all end" wait_for 20 all_settled
is "what was taken is done, what was not is not there" "$(sql "SELECT count(*) FILTER (WHERE state <> 'succeeded'), count(*) FILTER (WHERE workflow = 'quick') = (SELECT count(*) FROM agentd.idempotency_keys)
	FROM agentd.tasks WHERE workflow <> 'writes'")" "0|t"
done_testing
