#!/bin/sh
# 0300-health.t - breakers and limits as rows: classes of effects, doubling, probes, races, clocks.
. "$top_srcdir/t/lib/sql.sh"

P=019ab000-0000-7000-8000-00000000000
# report EFFECT [JSON-MEMBERS]: an attempt under number 0 of provider p
report() {
	sql "SELECT agentd.health_report(json_build_array('{\"provider\": \"p\", \"scope\": \"\", \"no\": ${no:-0}, \"effect\": \"$1\", \"class\": \"${class:-timeout}\",
		\"message\": \"it hung\", \"open_ms\": ${open_ms:-0}, \"failures\": 3, \"window_ms\": 60000, \"open_first_ms\": 30000, \"open_max_ms\": 900000,
		\"probe\": ${probe:-null}}'::json), NULL, NULL)" | jq -c '.rows[0][2:5] + .rows[0][6:9]'
}
# no, open_ms, probe_ms, failures, halves, opens; open_ms is rounded to seconds
row() { sql "SELECT agentd.health_read()" | jq -c '.rows[] | select(.[0] == "p" and .[1] == "") | [.[2], (.[3] | if . then (. / 1000 | round) else . end), .[4] > 0, .[6], .[7], .[8]]'; }
admit() {	# PROBE-DIGIT [SCOPES]
	sql "SELECT agentd.health_admit('[{\"provider\": \"p\", \"scopes\": ${2:-[\"\"]}, \"probe\": \"$P$1\", \"lease_ms\": 320000, \"rpm\": 0, \"tpm\": 0,
		\"tokens\": 0, \"most_ms\": 0}]')" | jq -c '.asks[0][0]'
}
at() { sql "ALTER DATABASE $PGDATABASE SET agentd.fake_now = '$1'" >/dev/null; }
T=2030-01-15T12

at "$T:00:00Z"
is "a healthy provider has no row" "$(sql "SELECT count(*) FROM agentd.provider_health")" 0
is "a success or a neutral end makes none" "$(report closed; report neutral; sql "SELECT count(*) FROM agentd.provider_health")" "null
null
0"

# --- closed: what counts, and what does not ---
is "one failure" "$(report failed)" '[0,null,0,1,0,0]'
is "two" "$(report failed)" '[0,null,0,2,0,0]'
at "$T:01:01Z"
is "out of the window they count anew" "$(report failed)" '[0,null,0,1,0,0]'
is "half ones do not open it alone" "$(report half; report half; report half)" '[0,null,0,1,1,0]
[0,null,0,1,2,0]
[0,null,0,1,3,0]'
at "$T:03:00Z"
is "never" "$(for i in 1 2 3 4 5 6 7; do report half; done | tail -n 1)" '[0,null,0,0,7,0]'
is "but with a whole one" "$(report failed)" '[1,30000,0,0,0,1]'
is "open for thirty seconds" "$(row)" '[1,30,false,0,0,1]'
is "what began before is not counted" "$(report failed; class=auth open_ms=900000 report open)" '[1,30000,0,0,0,1]
[1,30000,0,0,0,1]'
is "nor does its success close it" "$(report closed)" '[1,30000,0,0,0,1]'
is "nobody is let through" "$(admit 1)" '"open"'

# --- half-open: one probe ---
at "$T:03:30Z"
is "its time over it is half-open" "$(row)" '[1,0,false,0,0,1]'
is "one probe wins" "$(admit 1)" null
is "another one does not" "$(admit 2)" '"probe"'
is "the same ask, sent again, has won still" "$(admit 1)" null
is "a neutral end gives the lease back and nothing else" "$(no=1 probe="\"${P}1\"" report neutral)" '[1,0,0,0,0,1]'
is "so that the next one wins" "$(admit 2)" null
is "an answer of no use neither closes nor opens" "$(no=1 probe="\"${P}2\"" report half)" '[1,0,0,0,1,1]'
is "a third" "$(admit 3)" null
is "its failure opens it for twice as long" "$(no=1 probe="\"${P}3\"" report failed)" '[2,60000,0,0,0,2]'
n=2
for s in 120 240 480 900 900; do
	sql "UPDATE agentd.provider_health SET opened_until = agentd.clock()" >/dev/null
	admit 1 >"$PG_DIR/won"
	is "then $s s" "$(no=$n probe="\"${P}1\"" report failed)" "[$((n + 1)),${s}000,0,0,0,$((n + 1))]"
	n=$((n + 1))
done
sql "UPDATE agentd.provider_health SET opened_until = agentd.clock()" >/dev/null
is "a probe that dies" "$(admit 1)" null
at "$T:08:49Z"
is "holds it for its lease" "$(admit 2)" '"probe"'
at "$T:08:51Z"
is "and no longer" "$(admit 2)" null
is "success closes and zeroes" "$(no=$n probe="\"${P}2\"" report closed)" "[$n,null,0,0,0,0]"
is "the next opening is short again" "$(export no=$n; report failed >/dev/null; report failed >/dev/null; report failed)" "[$((n + 1)),30000,0,0,0,1]"

# --- what opens without counting ---
sql "DELETE FROM agentd.provider_health" >/dev/null
is "a hint opens for its time, and nothing is doubled" "$(class=rate_limited open_ms=2000 report open)" '[1,2000,0,0,0,0]'
sql "DELETE FROM agentd.provider_health" >/dev/null
export class=quota_exhausted
is "a daily quota: at first a minute" "$(open_ms=30000 report quota)" '[1,60000,0,0,0,0]'
at "$T:20:00Z"
is "the probe" "$(admit 1)" null
is "then an hour" "$(no=1 open_ms=30000 probe="\"${P}1\"" report quota)" '[2,3600000,0,0,0,0]'
at "2030-01-16T07:50:00Z"
is "the probe again" "$(admit 1)" null
is "or until the day ends there" "$(no=2 open_ms=30000 probe="\"${P}1\"" report quota)" '[3,600000,0,0,0,0]'
unset class

# --- clocks that step ---
at "2030-01-16T09:00:00Z"
admit 1 >"$PG_DIR/won"
is "opened" "$(no=3 probe="\"${P}1\"" report failed)" '[4,30000,0,0,0,1]'
at "2029-01-01T00:00:00Z"
is "a clock that went back a year holds nobody up" "$(row)" '[4,0,false,0,0,1]'
is "the probe wins" "$(admit 1)" null
at "2028-01-01T00:00:00Z"
is "nor does a lease that was taken in the future" "$(admit 2)" null
at "2040-01-01T00:00:00Z"
is "forward: half-open" "$(row)" '[4,0,false,0,0,1]'

# --- two breakers of one question ---
sql "INSERT INTO agentd.provider_health (provider, scope, no, opened_at, opened_until, changed_at)
	VALUES ('p', 'm', 1, agentd.clock(), agentd.clock() + interval '1 minute', agentd.clock())" >/dev/null
is "one of them open: neither is probed" "$(admit 5 '["", "m"]'; sql "SELECT count(*) FROM agentd.provider_health WHERE probe = '${P}5'")" '"open"
0'
sql "UPDATE agentd.provider_health SET opened_until = agentd.clock() - interval '1 second' WHERE scope = 'm'" >/dev/null
is "both are, or none" "$(admit 5 '["", "m"]'; sql "SELECT count(*) FROM agentd.provider_health WHERE probe = '${P}5'")" 'null
2'

# --- sixty ask at once ---
at ''
sql "DELETE FROM agentd.provider_health; INSERT INTO agentd.provider_health (provider, scope, no, opened_at, opened_until, changed_at)
	VALUES ('p', '', 1, agentd.clock() - interval '1 minute', agentd.clock() - interval '1 second', agentd.clock())" >/dev/null
sql "SELECT pg_advisory_lock(1); SELECT pg_sleep(100)" >/dev/null 2>&1 &
gate=$!
until_true "SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'advisory' AND granted"
for i in $(seq 60); do
	background "race$i" "SELECT pg_advisory_lock_shared(1); SELECT agentd.health_admit(json_build_array(json_build_object('provider', 'p', 'scopes', json_build_array(''),
		'probe', gen_random_uuid(), 'lease_ms', 320000, 'rpm', 0, 'tpm', 0, 'tokens', 0, 'most_ms', 0)))"
done
until_true "SELECT count(*) = 60 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
sql "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted" >/dev/null
wait "$gate" 2>/dev/null
for i in $(seq 60); do result "race$i" | grep asks | jq -r '.asks[0][0]'; done >"$PG_DIR/race"
is "sixty at once: one probe wins, all others are told so" "$(sort "$PG_DIR/race" | uniq -c | tr -s ' ' | sed 's/^ //')" '1 null
59 probe'

# --- limits: never more than so many in any minute ---
rate() {	# RPM TPM TOKENS MOST_MS: [why, wait_ms]
	sql "SELECT agentd.health_admit('[{\"provider\": \"r\", \"scopes\": [], \"probe\": \"${P}1\", \"lease_ms\": 1000, \"rpm\": $1, \"tpm\": $2, \"tokens\": $3, \"most_ms\": $4}]')" |
		jq -c '.asks[0]'
}
at "$T:00:00Z"
is "one a minute: the first goes at once" "$(rate 1 0 0 100000)" '[null,0]'
is "the second in a minute" "$(rate 1 0 0 100000)" '[null,60000]'
is "the third not in time, and takes no place" "$(rate 1 0 0 100000; rate 1 0 0 100000)" '["rate",120000]
["rate",120000]'
at "2020-01-01T00:00:00Z"
is "a clock that went back holds nobody up" "$(rate 1 0 0 0)" '[null,0]'
at "$T:10:00Z"
sql "DELETE FROM agentd.provider_rate" >/dev/null
sql "SELECT json_agg(w::bigint ORDER BY w::bigint) FROM (SELECT agentd.health_admit('[{\"provider\": \"r\", \"scopes\": [], \"probe\": \"${P}1\", \"lease_ms\": 1000,
	\"rpm\": 60, \"tpm\": 0, \"tokens\": 0, \"most_ms\": 600000}]')::json -> 'asks' -> 0 ->> 1 AS w FROM generate_series(1, 300)) x" >"$PG_DIR/times"
is "of three hundred at once sixty go in the first minute, at most so many in any" \
	"$(jq -c '[(map(select(. < 60000)) | length), (. as $t | [range(0; 300) | . as $i | $t | map(select(. >= $t[$i] and . < $t[$i] + 60000)) | length] | max), .[0:7]]' "$PG_DIR/times")" \
	'[60,60,[0,0,0,0,0,0,1091]]'
at "$T:20:00Z"
sql "DELETE FROM agentd.provider_rate" >/dev/null
is "tokens: a burst of a tenth" "$(rate 0 1000 100 0; rate 0 1000 100 0)" '[null,0]
["rate",6660]'
sql "SELECT agentd.health_report('[]', '[{\"provider\": \"r\", \"tpm\": 1000, \"tokens\": 60}]', NULL)" >/dev/null
is "what was not taken comes back" "$(rate 0 1000 50 0; rate 0 1000 50 0)" '[null,0]
["rate",2664]'
sql "DELETE FROM agentd.provider_rate" >/dev/null
is "a call larger than a burst goes alone, and its time is made up" "$(rate 0 1000 5000 0; rate 0 1000 10 1000000)" '[null,0]
[null,326971]'
is "limits that nobody has write nothing" "$(sql "DELETE FROM agentd.provider_rate; SELECT agentd.health_admit('[{\"provider\": \"q\", \"scopes\": [], \"probe\": \"${P}1\",
	\"lease_ms\": 1000, \"rpm\": 0, \"tpm\": 0, \"tokens\": 0, \"most_ms\": 0}]')" | jq -c .asks; sql "SELECT count(*) FROM agentd.provider_rate")" '[[null,0]]
0'

# --- who waits ---
note() { sql "SELECT agentd.health_report('[]', NULL, '[$1]')" | jq -c .rows; }
wait_of() { printf '{"task": "%s", "path": "%s", "fence": 1, "provider": "p", "reason": %s, "left_ms": 1000, "until_ms": %s}' "$W" "$1" "$2" "$3"; }
is "two wait" "$(note "$(wait_of a '"a slot"' null), $(wait_of b '"a slot"' 500)"; sql "SELECT path, until - since FROM agentd.model_waits ORDER BY 1")" '[]
a|
b|00:00:00.5'
is "the last word counts" "$(note "$(wait_of a null null), $(wait_of b null null), $(wait_of b '"its place"' null)"; sql "SELECT path, reason FROM agentd.model_waits")" '[]
b|its place'
at "$T:30:00Z"
is "what nobody took back goes with its time" "$(note "$(wait_of c null null)"; sql "SELECT count(*) FROM agentd.model_waits")" '[]
0'

# --- an operator closes it ---
is "closed by hand" "$(sql "SELECT agentd.health_close('p'), agentd.health_close('p')")" '1|0'
done_testing
