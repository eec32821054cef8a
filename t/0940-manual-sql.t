#!/bin/sh
# 0940-manual-sql.t - agentd-sql(7): its examples print what it shows, its functions and arguments are those of the database, and
# the tasks that come of them end as it says.
#
# Examples of role postgres, which make the roles, run first; the others follow in the page's order.
. "$top_srcdir/t/lib/pg.sh"
. "$top_srcdir/t/lib/daemon.sh"
. "$top_srcdir/t/lib/manual.sh"

d_init
cat >"$D/root/workflows/invoice.yaml" <<'END'
agentd: v1
name: invoice
input: {type: object, required: [order], properties: {order: {type: integer}}}
steps:
  - {id: write, set: {text: "invoice of order ${ .input.order }"}}
END
d_publish
manual_begin
manual_extract agentd-sql.7
page=$top_srcdir/man/agentd-sql.7

# --- the examples ---
run() {	# FILE ROLE: as a reader would see it in psql -qAt
	PGUSER=$2 PGOPTIONS='-c client_min_messages=notice' pg_psql -f "$1" 2>&1 | sed 's/^psql:[^ ]*: //'
}
awk -F '\t' '$2 == "sql" && $3 == "postgres"' "$D/blocks/list" >"$D/order"
is "the page makes roles in two examples" "$(wc -l <"$D/order" | tr -d ' ')" 2
awk -F '\t' '!($2 == "sql" && $3 == "postgres")' "$D/blocks/list" >>"$D/order"
n=0
while read -r file kind role; do
	name=$(basename "$file")
	if [ "$kind" = sql-answer ]; then
		is "$name: prints what the page shows" "$(cat "$D/answer")" "$(cat "$file")"
	else
		run "$file" "$role" >"$D/answer"
		is "$name: runs as $role" "$(grep ERROR "$D/answer")" ""
		n=$((n + 1))
	fi
done <"$D/order"
[ $n -ge 6 ] && pass "there are examples ($n)" || fail "there are examples" "$n"

# --- the functions ---
named=$(sed -n 's/^\.\\" function: //p' "$page" | sort | tr '\n' ' ')
is "the page has the functions of a client" "$named" "$(sql "SELECT string_agg(proname, ' ' ORDER BY proname) || ' ' FROM pg_proc
	WHERE pronamespace = 'agentd'::regnamespace AND has_function_privilege('agentd_client', oid, 'EXECUTE')")"
for f in $named; do
	shown=$(sed -n "/^\.\\\\\" function: $f\$/,/^\.Xc\|Ns Li/p" "$page" | sed -n 's/.*\.Ar //p; s/.*Ns Ar //p' | sed 's/ Ns.*//; s/ ,//g' | tr '\n' ' ' | sed 's/ $//')
	is "$f: its arguments, in order" "$shown" "$(sql "SELECT array_to_string(proargnames[1:pronargs], ' ') FROM pg_proc
		WHERE pronamespace = 'agentd'::regnamespace AND proname = '$f' AND has_function_privilege('agentd_client', oid, 'EXECUTE')")"
done
missing=
for arg in $(sql "SELECT array_to_string(proargnames[1:pronargs], ' ') FROM pg_proc WHERE oid = 'agentd.submit'::regproc"); do
	grep -qx "\.It Ar $arg" "$page" || missing="$missing $arg"
done
is "submit: each argument has its item" "$missing" ""
is "task_list: the page names its columns" "$(for c in $(sql "SELECT array_to_string(proargnames[pronargs + 1:], ' ') FROM pg_proc
	WHERE proname = 'task_list' AND has_function_privilege('agentd_client', oid, 'EXECUTE')"); do grep -qw "$c" "$page" || echo "$c"; done)" ""
# AG403 is for who decides, AG410 for workers, AG413 and AG507 for who gives files.
is "the page has every code of ours that a caller can meet" "$(sed -n 's/^SQLSTATE("\(AG[0-9]*\)", \(ERR_[A-Z_]*\).*/\1/p' "$top_srcdir/src/store/sqlstate.def" |
	grep -Ev 'AG(403|410|413|507)' | while read -r code; do grep -qx "\.It Li $code" "$page" || echo "$code"; done)" ""

# --- what becomes of the tasks ---
kiosk() { PGUSER=kiosk pg_psql -c "SELECT agentd.submit('invoice', '$1')"; }
a=$(kiosk '{"order": "seven"}')
b=$(kiosk '{"order": 1, "order": 2}')
c=$(kiosk '{"order": 3, "note": "\u0000"}')
d=$(kiosk '[7]')
e=$(kiosk '{"order": 10}')
d_start worker worker
ok "all of them end" wait_for 20 all_settled
for case in "$a a value of another type" "$b a key twice" "$c a NUL" "$d no object"; do
	is "an input with ${case#* }: failed with schema.input" "$(ctl get "${case%% *}" --json | jq -r '.state + " " + .error.type')" "failed schema.input"
done
like "what agentctl cannot lay out it shows with --json" "$(ctl get "$b" 2>&1)" 'hint: .* --json shows it as it is'
is "a good one succeeds" "$(ctl get "$e" --json | jq -c '[.state, .submitted_by, .output.text]')" '["succeeded","sql:kiosk","invoice of order 10"]'
is "so did what the examples submitted, once" "$(sql "SELECT string_agg(input ->> 'order' || ' ' || state, ', ' ORDER BY input ->> 'order') FROM agentd.tasks
	WHERE submitted_by IN ('sql:shop', 'sql:desk')")" "7 succeeded, 8 cancelled"
is "orders and tasks agree" "$(sql "SELECT string_agg(id::text, ' ' ORDER BY id) FROM orders")" "7 9"
d_stop worker
is "the worker ends well" "$status" 0
done_testing
