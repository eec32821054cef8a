#!/bin/sh
# 1057-artifacts.t - files go in and out of tasks through the real programs: bounded memory, quotas, uploads that break off, time.
. "$top_srcdir/t/lib/pg.sh"
. "$top_srcdir/t/lib/daemon.sh"
. "$top_srcdir/t/lib/api.sh"
command -v python3 >/dev/null || {
	echo "1..0 # SKIP no python3"
	exit 0
}

d_init "artifacts: {max_size: 16MiB, max_task: 20MiB, max_files: 5, max_total: 256MiB, ttl: 2h}" "web: {listen: \"unix:@D@/web.sock\", body_timeout: 20s}"
cat >"$D/root/workflows/long.yaml" <<'END'
agentd: v1
name: long
input: {type: object, properties: {n: {type: integer}}}
steps:
  - id: nap
    wait: 10h
END
cp "$top_srcdir"/tools.d/artifact.*.yaml "$top_srcdir"/tools.d/fs.*.yaml "$D/root/tools.d/"
cat >"$D/root/workflows/report.yaml" <<'END'
agentd: v1
name: report
steps:
  - id: known
    call: artifact.list
    with: {}
  - id: source
    call: artifact.read
    with: {name: source.txt}
  - id: copy
    call: artifact.fetch
    with: {name: source.txt, path: in/source.txt}
  - id: copied
    call: fs.read
    with: {path: in/source.txt}
  - id: draft
    call: artifact.write
    with: {name: report.md, text: draft}
  - id: report
    call: artifact.write
    with: {name: report.md, text: "report on ${ .steps.source.output.text }", media_type: text/markdown}
  - id: bytes
    call: artifact.write
    with: {name: bytes, base64: AAEC/w==}
  - id: back
    call: artifact.read
    with: {name: bytes}
  - id: file
    call: artifact.write
    with: {name: file, path: in/source.txt}
output: {known: "${ .steps.known.output.artifacts | map(.name) }", copied: "${ .steps.copied.output.text }", back: "${ .steps.back.output.base64 }",
  report: "${ .steps.report.output }"}
END
cat >"$D/root/workflows/steals.yaml" <<'END'
agentd: v1
name: steals
steps:
  - id: over
    call: artifact.write
    with: {name: given, text: mine}
END
d_publish
d_start web web
d_start worker worker
d_start sweeper sweeper
api_tokens full:submit,read
api=http://agentd

http() { d_http -H "Authorization: Bearer $token" "$@"; }
code() { http -o "$D/body" -w '%{http_code}' "$@"; }
submit() { http -H 'Content-Type: application/json' -d '{"workflow": "long"}' "$api/tasks" | jq -r .id; }
put() { code -T "$3" -H "Content-Type: ${4:-text/plain}" "$api/tasks/$1/artifacts/$2"; }
names() { http "$api/tasks/$1/artifacts" | jq -r '[.artifacts[].name] | join(",")'; }
rss_kib() { sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$(d_pid web)/status"; }

# --- one file ---
task=$(submit)
printf 'hello\n' >"$D/hello"
sum=$(sha256sum <"$D/hello" | cut -d' ' -f1)
is "a file is taken" "$(put "$task" hello.txt "$D/hello") $(jq -r '.name, .size, .sha256, .media_type, .direction' "$D/body" | tr '\n' ' ')" "201 hello.txt 6 $sum text/plain in "
id=$(jq -r .id "$D/body")
is "the same once more is the same" "$(put "$task" hello.txt "$D/hello") $(jq -r .id "$D/body")" "200 $id"
printf 'other\n' >"$D/other"
is "other content is not" "$(put "$task" hello.txt "$D/other") $(jq -r .type "$D/body")" "409 urn:agentd:problem:conflict"
is "it is listed" "$(http "$api/tasks/$task/artifacts" | jq -c '.artifacts | map([.id, .name, .size])')" "[[\"$id\",\"hello.txt\",6]]"
http -D "$D/head" -o "$D/got" "$api/artifacts/$id"
ok "it is what it was" cmp -s "$D/hello" "$D/got"
tr -d '\r' <"$D/head" >"$D/headers"
for line in "Content-Length: 6" "ETag: \"$sum\"" "X-Content-Type-Options: nosniff" "Content-Type: text/plain" \
	"Content-Disposition: attachment; filename=\"hello.txt\"; filename\\*=UTF-8''hello.txt" "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'; sandbox"; do
	ok "it comes with $line" grep -iq "^$line\$" "$D/headers"
done
is "and is not sent again to who has it" "$(http -o "$D/body" -w '%{http_code} %{size_download}' -H "If-None-Match: \"$sum\"" "$api/artifacts/$id")" "304 0"
is "but to who has another" "$(code -H 'If-None-Match: "x"' "$api/artifacts/$id")" 200
is "names may be escaped" "$(put "$task" 'a%20%C3%A9%25.txt' "$D/hello") $(code "$api/tasks/$task/artifacts/a%20%c3%a9%25.txt") $(names "$task")" "201 200 a é%.txt,hello.txt"
is "an escaped slash is no name" "$(put "$task" 'a%2fb' "$D/hello")" 400
: >"$D/empty"
is "an empty file is one, too" "$(put "$task" empty "$D/empty") $(code "$api/tasks/$task/artifacts/empty") $(http -o "$D/body" -w '%{size_download}' "$api/tasks/$task/artifacts/empty")" "201 200 0"
is "unknown names" "$(code "$api/tasks/$task/artifacts/none") $(code "$api/artifacts/$task") $(code "$api/artifacts/none")" "404 404 404"

# --- whose they are ---
full=$token
d_token ann submit,read
is "others see nothing" "$(code "$api/tasks/$task/artifacts") $(code "$api/tasks/$task/artifacts/hello.txt") $(code "$api/artifacts/$id") $(put "$task" x "$D/hello")" "404 404 404 404"
d_token reader read
is "who reads gives nothing" "$(put "$task" x "$D/hello")" 403
token=$full

# --- 16 MiB, and the memory that it takes ---
head -c 16777216 /dev/urandom >"$D/big"
head -c 16777217 /dev/zero >"$D/bigger"
big=$(submit)
put "$big" warm "$D/hello" >/dev/null
before=$(rss_kib)
is "16 MiB go up" "$(put "$big" big "$D/big" application/octet-stream)" 201
is "and down" "$(code "$api/tasks/$big/artifacts/big") $(sha256sum <"$D/body" | cut -d' ' -f1)" "200 $(sha256sum <"$D/big" | cut -d' ' -f1)"
after=$(rss_kib)
if ldd "$agentd" | grep -q libasan; then
	skip "web grew by less than 8 MiB" "AddressSanitizer keeps what was freed"
else
	ok "web grew by less than 8 MiB ($before KiB, $after KiB)" test $((after - before)) -lt 8192
fi
is "one byte more does not" "$(put "$big" bigger "$D/bigger") $(jq -r .type "$D/body")" "413 urn:agentd:problem:too_large"
is "nor when its length is not told" "$(code -T - -H 'Transfer-Encoding: chunked' -H 'Content-Type: text/plain' "$api/tasks/$big/artifacts/bigger" <"$D/bigger")" 413
head -c 5000000 /dev/zero >"$D/five"
is "nor more than a task may have" "$(put "$big" five "$D/five") $(jq -r .detail "$D/body")" "413 the artifacts of a task may have 20971520 bytes, these have 21777222"
for i in 1 2 3; do put "$big" "f$i" "$D/hello" >/dev/null; done
is "nor more files" "$(put "$big" f4 "$D/hello") $(jq -r .detail "$D/body")" "413 a task may have 5 artifacts"
is "what is there stays" "$(names "$big")" "big,f1,f2,f3,warm"
is "the same bytes are kept once" "$(sql "SELECT count(*) FROM agentd.files WHERE digest = '\\x$sum'")" 1

# --- parts of it ---
part() {	# RANGE [OPTION...]: the status, and whether the bytes are those from byte FIRST on, N of them
	range=$1 first=$2 n=$3
	shift 3
	http -D "$D/head" -o "$D/got" -H "Range: $range" "$@" "$api/tasks/$big/artifacts/big"
	tail -c +$((first + 1)) "$D/big" | head -c "$n" | cmp -s - "$D/got" && part_same=same || part_same=other
	printf '%s %s %s' "$(sed -n '1s/^[^ ]* \([0-9]*\).*/\1/p' "$D/head")" "$part_same" "$(tr -d '\r' <"$D/head" | sed -n 's/^content-range: *//Ip')"
}
is "the first byte" "$(part bytes=0-0 0 1)" "206 same bytes 0-0/16777216"
is "over the border of pieces" "$(part bytes=1000000-2200000 1000000 1200001)" "206 same bytes 1000000-2200000/16777216"
is "to the end" "$(part bytes=16777206- 16777206 10)" "206 same bytes 16777206-16777215/16777216"
is "the last ones" "$(part bytes=-5 16777211 5)" "206 same bytes 16777211-16777215/16777216"
like "with its length" "$(tr -d '\r' <"$D/head")" '^Content-Length: 5$'
is "more than there are" "$(part bytes=5-99999999 5 16777211)" "206 same bytes 5-16777215/16777216"
is "several are answered with the whole" "$(part bytes=0-1,5-6 0 16777216)" "200 same "
like "which says that there are parts" "$(tr -d '\r' <"$D/head")" '^Accept-Ranges: bytes$'
big_sum=$(sha256sum <"$D/big" | cut -d' ' -f1)
is "of the file that the client has the beginning of" "$(part bytes=7-8 7 2 -H "If-Range: \"$big_sum\"")" "206 same bytes 7-8/16777216"
is "of another one it gets the whole" "$(part bytes=7-8 0 16777216 -H "If-Range: \"$sum\"")" "200 same "
is "a date is none of ours" "$(part bytes=7-8 0 16777216 -H "If-Range: Sun, 29 Nov 2026 08:00:00 GMT")" "200 same "
is "who has it needs no part" "$(code -H 'Range: bytes=7-8' -H "If-None-Match: \"$big_sum\"" "$api/tasks/$big/artifacts/big")" 304
is "behind the end" "$(http -D "$D/head" -o "$D/body" -w '%{http_code}' -H 'Range: bytes=16777216-' "$api/tasks/$big/artifacts/big") $(jq -r .type "$D/body") $(tr -d '\r' <"$D/head" | sed -n 's/^content-range: *//Ip')" \
	"416 urn:agentd:problem:range bytes */16777216"
head -c 1234567 "$D/big" >"$D/broken"
is "a download that broke off is fetched to its end" "$(http -C - -o "$D/broken" -w '%{http_code} %{size_download}' "$api/tasks/$big/artifacts/big") $(cmp "$D/big" "$D/broken" && echo same)" \
	"206 $((16777216 - 1234567)) same"

# --- with a submission ---
form() { code -F 'task={"workflow": "long", "input": {"n": 1}}' "$@" "$api/tasks"; }
is "files come with a submission" "$(form -F "f=@$D/hello;filename=a.txt;type=text/plain" -F "f=@$D/big;filename=b.bin")" 202
task=$(jq -r .id "$D/body")
is "they are there" "$(http "$api/tasks/$task/artifacts" | jq -c '.artifacts | map([.name, .size, .media_type])')" '[["a.txt",6,"text/plain"],["b.bin",16777216,"application/octet-stream"]]'
is "a key names them, too" "$(form -F "f=@$D/hello;filename=a.txt" -H 'Idempotency-Key: k')" 202
first=$(jq -r .id "$D/body")
is "the same again is the same task" "$(form -F "f=@$D/hello;filename=a.txt" -H 'Idempotency-Key: k') $(jq -r .id "$D/body")" "202 $first"
is "other files are another request" "$(form -F "f=@$D/other;filename=a.txt" -H 'Idempotency-Key: k')" 422
is "and leave nothing" "$(sql "SELECT count(*) FROM agentd.artifacts a WHERE NOT EXISTS (SELECT FROM agentd.tasks t WHERE t.id = a.task)")" 0
n=$(sql "SELECT count(*) FROM agentd.tasks")
is "an input that does not fit takes no files" "$(code -F 'task={"workflow": "long", "input": {"n": "x"}}' -F "f=@$D/hello;filename=a.txt" "$api/tasks") $(sql "SELECT count(*) FROM agentd.tasks")" "422 $n"
api_checks artifacts forms '{"workflow": "long"}'
api_checks artifacts at_once "$(submit)"

# --- what is full ---
refused() { printf '\\set VERBOSITY sqlstate\n%s\n' "$1" | pg_psql 2>&1 | sed -n 's/.*ERROR: *//p' | head -n 1; }
total() { sql "SELECT files, size_bytes FROM agentd.file_total"; }
unnamed() { sql "SELECT count(*) FROM agentd.files f WHERE NOT EXISTS (SELECT FROM agentd.artifacts a WHERE a.file = f.id)"; }
none_unnamed() { [ "$(unnamed)" = 0 ]; }
ok "what was refused or broke off is taken away at once" wait_for 20 none_unnamed
at_first=$(total)
new=$(sql "SELECT agentd.uuid_new()")
room=$(sql "SELECT json_build_object('max_total', size_bytes + 300000) FROM agentd.file_total")
piece() { echo "SELECT agentd.file_chunk('$new', $1, decode(repeat('$2', 200000), 'hex'), '$room')"; }
sql "$(piece 0 ab)" >/dev/null
is "broken-off uploads do not fill the disk" "$(refused "$(piece 1 ab)")" AG507
is "a piece that is sent again counts once" "$(sql "$(piece 0 ab)"; total)" "$(echo; echo "${at_first%|*}|$((${at_first#*|} + 200000))")"
sql "SELECT agentd.file_end('$new', sha256(decode(repeat('ab', 200000), 'hex')), 200000, '$room')" >/dev/null
is "what has ended counts once" "$(total)" "$((${at_first%|*} + 1))|$((${at_first#*|} + 200000))"
new=$(sql "SELECT agentd.uuid_new()")
room='{"max_total": 1000000000}'
sql "$(piece 0 ab); SELECT agentd.file_end('$new', sha256(decode(repeat('ab', 200000), 'hex')), 200000, '$room')" >/dev/null
is "the same bytes, too" "$(total)" "$((${at_first%|*} + 1))|$((${at_first#*|} + 200000))"
verdict() { sql "DELETE FROM agentd.admission; INSERT INTO agentd.admission VALUES ('x', now(), now() + interval '1 hour', $1, 'full', '[]')" >/dev/null; }
sql "CREATE ROLE lobby LOGIN; GRANT agentd_web TO lobby; CREATE ROLE bench LOGIN; GRANT agentd_worker TO bench" >/dev/null
as() { refused "SET SESSION AUTHORIZATION $1; $(piece 7 cd)"; }
verdict 1
is "admission refuses uploads" "$(put "$first" z "$D/hello") $(jq -r .detail "$D/body") $(as lobby)" "503 no files are taken now: full AG503"
is "not what tasks write" "$(as bench)" ""
verdict 3
is "unless nothing is to grow" "$(as bench)" AG503
sql "DELETE FROM agentd.admission" >/dev/null

# --- tools ---
printf 'the source' >"$D/source.txt"
is "a task with a source" "$(code -F 'task={"workflow": "report"}' -F "f=@$D/source.txt;type=text/x-source" "$api/tasks")" 202
task=$(jq -r .id "$D/body")
wait_for 20 task_is "$task" succeeded
is "it made its report" "$(http "$api/tasks/$task" | jq -c '.state, .output.known, .output.copied, .output.back' | tr '\n' ' ')" '"succeeded" ["source.txt"] "the source" "AAEC/w==" '
id=$(http "$api/tasks/$task" | jq -r .output.report.id)
is "which is fetched by its id" "$(code "$api/artifacts/$id") $(cat "$D/body")" "200 report on the source"
is "the list tells who made what" "$(http "$api/tasks/$task/artifacts" | jq -c '.artifacts | map([.name, .direction, .media_type, (.step != null)])')" \
	'[["bytes","out","application/octet-stream",true],["file","out","application/octet-stream",true],["report.md","out","text/markdown",true],["source.txt","in","text/x-source",false]]'
is "what a file holds that was kept of the workspace" "$(ctl artifacts get "$task" file)" "the source"
is "what was given is not replaced" "$(code -F 'task={"workflow": "steals"}' -F "f=@$D/hello;filename=given" "$api/tasks")" 202
task=$(jq -r .id "$D/body")
wait_for 20 task_is "$task" failed
is "and the task hears why" "$(http "$api/tasks/$task" | jq -r '.error.type, .error.message' | tr '\n' ' ') $(ctl artifacts get "$task" given)" 'tool.failed artifact "given" was given to the task with other content  hello'

# --- agentctl ---
task=$(ctl submit long --file "$D/hello" --file "big one=$D/big" --key same)
is "agentctl submits files" "$(ctl --json artifacts list "$task" | jq -c '.artifacts | map([.name, .size])')" '[["big one",16777216],["hello",6]]'
is "again it is the same task" "$(ctl submit long --file "$D/hello" --file "big one=$D/big" --key same)" "$task"
ctl artifacts get "$task" "big one" --output "$D/got"
ok "agentctl gets them" cmp -s "$D/big" "$D/got"
ok "agentctl gives one" ctl artifacts put "$task" "more.txt=$D/hello" --type text/plain
like "and lists it" "$(ctl artifacts list "$task")" '^more.txt +6 +text/plain +in'
status=0
ctl artifacts put "$task" "more.txt=$D/other" >/dev/null 2>&1 || status=$?
is "other content is a conflict" $status 4
status=0
ctl artifacts get "$task" none >/dev/null 2>&1 || status=$?
is "what is not there is not found" $status 3
status=0
ctl submit long --file "a=$D/hello" --file "a=$D/hello" >/dev/null 2>&1 || status=$?
is "a name twice is a mistake" $status 2

# --- uploads that break off ---
task=$(submit)
mkfifo "$D/hold"
exec 5<>"$D/hold"
begun() { [ "$(sql "SELECT count(*) > 0 FROM agentd.files WHERE digest IS NULL")" = t ]; }
half() {
	python3 "$top_srcdir/t/lib/artifacts.py" half "$D/web.sock" "$D/tokens" "$task" <"$D/hold" >"$D/half" 2>&1 &
	half=$!
	wait_for 20 grep -q sent "$D/half"
	wait_for 20 begun
}
before=$(sql "SELECT size_bytes FROM agentd.file_total")
half
is "its pieces count, before it has ended" "$(sql "SELECT size_bytes > $before AND size_bytes = (SELECT sum(octet_length(content)) FROM agentd.file_chunks) FROM agentd.file_total")" t
echo >&5
wait $half
half
d_signal web KILL
d_status web
echo >&5
wait $half
d_start web web
is "what broke off is no artifact" "$(names "$task")" ""
is "the task takes it now" "$(put "$task" half "$D/hello") $(names "$task")" "201 half"
ctl cancel "$task" >/dev/null
wait_for 20 task_is "$task" cancelled
is "a task that has ended takes nothing" "$(put "$task" late "$D/hello")" 409
is "but gives" "$(code "$api/tasks/$task/artifacts/half")" 200

# --- time ---
at() { echo "SET agentd.fake_now = '$(date -u -d "@$(($(date +%s) + $1 * 60))" '+%F %T')+00';"; }
sweep="SELECT agentd.sweep_artifacts('{\"bound\": 3}')"
is "a clock that nobody saw before takes nothing away" "$(sql "$sweep" 2>&1 | tail -n 1)" 0
sql "UPDATE agentd.upkeep SET trusted_from = agentd.clock() WHERE duty = 'artifacts'" >/dev/null
unfinished="SELECT count(*) FROM agentd.files WHERE digest IS NULL"
ok "unfinished files wait an hour" test "$(sql "$unfinished")" -ge 1
swept() { [ "$(sql "$(at "$1") $sweep" | tail -n 1)" = 0 ]; }
ok "then they are gone" wait_for 30 swept 70
is "with all their pieces" "$(sql "$unfinished; SELECT count(*) FROM agentd.file_chunks c WHERE NOT EXISTS (SELECT FROM agentd.files f WHERE f.id = c.file)" | tr '\n' ' ')" "0 0 "
is "what has a name stays" "$(sql "SELECT count(*) > 5 FROM agentd.artifacts")" t
is "the count is that of the files" "$(sql "SELECT files, size_bytes FROM agentd.file_total")" "$(sql "SELECT count(*), sum(size_bytes) FROM agentd.files")"
sql "DELETE FROM agentd.artifacts WHERE task = '$big'" >/dev/null
ok "files of a task that is forgotten go" wait_for 30 swept 90
is "and only those" "$(sql "SELECT count(*) FROM agentd.files WHERE digest = '\\x$sum'"; sql "SELECT count(*) FROM agentd.artifacts WHERE name = 'half'")" "1
1"
ok "artifacts go after their time" wait_for 30 swept 400
ok "and then their files" wait_for 30 swept 500
is "all are gone, and their bytes" "$(sql "SELECT count(*) FROM agentd.artifacts"; sql "SELECT files, size_bytes FROM agentd.file_total")" "0
0|0"
ok "web lives" d_alive web
ok "the sweeper lives" d_alive sweeper
done_testing
