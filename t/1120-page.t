#!/bin/sh
# 1120-page.t - the page in a headless browser, end to end: signing in, starting a workflow by its form, approving with an edit and seeing
# it finish; by keys alone; in light, dark and on a phone; hostile text; being away; a token that is revoked.
#
# Screenshots stay in var/page of the source tree. t/lib/page.mjs has the checks.
. "$top_srcdir/t/lib/pg.sh"
. "$top_srcdir/t/lib/daemon.sh"
. "$top_srcdir/t/lib/api.sh"
. "$top_srcdir/t/lib/browser.sh"
. "$top_srcdir/t/lib/page_fixture.sh"
D=$(mktemp -d) || exit 99
browser_find || {
	rm -rf "$D"
	echo "1..0 # SKIP $browser_why"
	exit 0
}
rm -rf "$D"

api_tcp
d_init "web: {listen: \"127.0.0.1:$port\"}" "tools: {roots: {docs: {path: \"@D@/docs\"}}}"
mkdir "$D/docs"
echo "It is a document. It says what it is." >"$D/docs/what"
page_fixture
cat >"$D/root/tools.d/bank.pay.yaml" <<END
agentd: v1
name: bank.pay
description: Pays.
args:
  type: object
  properties: {amount: {type: number}, rate: {enum: [1, 2]}, note: {type: string}, more: {type: object}}
effect: at_most_once
timeout: 10s
exec: {argv: [/bin/sh, -c, 'printf "%s\\n" "\$1" >>"\$2"', sh, "\${ .args | tojson }", "$D/paid.txt"]}
END
cat >"$D/root/workflows/pay.yaml" <<'END'
agentd: v1
name: pay
steps:
  - id: pay
    call: bank.pay
    with: "${ .input }"
    ask: {title: "Pay?"}
END
d_publish
d_start all all
api_tokens full:submit,read,approve,admin reader:read brief:read
shots=$top_srcdir/var/page
mkdir -p "$shots" 2>/dev/null && rm -f "$shots"/* || shots=$D
page() {
	browser_run "$api" "$D/tokens" "$shots" "$@" >"$D/checks" 2>"$D/browser.log"
	got=$?
	api_lines "$D/checks"
	is "the browser ran through: $*" $got 0
}

page signing whole
is "one letter was sent, as it was edited" "$(cat "$D/sent.txt")" \
	'{"to":"carl@example.org","subject":"About tomorrow","body":"Hello bob@example.org,\nhere is what we know about the release.\nBest wishes","priority":"high","tags":["news"],"sender":{"name":"Zoë"}}'
page keyboard lists typing text hidden numbers scopes looks
is "nothing that was denied was sent" "$(wc -l <"$D/sent.txt")" 1

is "what was paid is what was shown" "$(cat "$D/paid.txt")" \
	'{"amount":9007199254740993,"rate":1.0,"note":"b","more":{"x":12345678901234567890.126,"y":1e25,"z":0.10}}'

# --- a token that is revoked while the page is open ---
revoke() {
	wait_for 60 test -e "$shots/ready" && ctl token revoke brief && touch "$shots/gone"
}
revoke >"$D/revoke.txt" 2>&1 &
revoking=$!
page revoked
wait "$revoking"
rm -f "$shots/ready" "$shots/gone"
ok "agentd lives" d_alive all
is "it never failed" "$(grep -c 'error all' "$D/all.log")" 0
[ "$shots" = "$D" ] || echo "# screenshots: $shots"
done_testing
