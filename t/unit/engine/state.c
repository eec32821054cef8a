/* Unit tests of engine/state.c, scope.c and vars.c: rows in, state out; rows that do not fit are refused. */
#include "engine/state.h"

#include <check.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/json.h"
#include "config/manifest.h"
#include "config/workflow.h"
#include "engine/intent.h"
#include "engine/program.h"
#include "engine/root.h"
#include "engine/vars.h"
#include "fixture.h"
#include "../suite_run.h"

#define E "{\"error\":{\"type\":\"t\",\"message\":\"m\",\"retryable\":true}}"
#define E_RETRY "{\"error\":{\"type\":\"t\"},\"retry_at\":\"1970-01-01T00:00:09Z\"}"
#define E_FREE "{\"error\":{\"type\":\"t\"},\"retry_at\":\"1970-01-01T00:00:09Z\",\"free\":true}"
#define OUT(v) "{\"output\":" v "}"
#define UNTIL "{\"until\":\"1970-01-01T00:00:07Z\"}"
#define ITEMS "{\"items\":[1,2,3]}"

#define KEY "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define PERSON "{\"id\":\"x\",\"expires_at\":\"1970-01-01T00:00:09Z\",\"call\":{\"tool\":\"t.t\",\"effect\":\"pure\",\"args\":{},\"key\":\"" KEY "\"}}"
#define SAID(word) "{\"id\":\"x\",\"decision\":\"" word "\"}"
#define MONEY "{\"id\":\"x\",\"kind\":\"spend\",\"expires_at\":\"1970-01-01T00:00:09Z\"}"
#define E_LATE "{\"error\":{\"type\":\"approval.timeout\"}}"
#define QUESTION "  - {id: q, approve: {title: t, on_timeout: l}}\n  - {id: n, set: {x: 1}}\n  - {id: l, set: {y: 2}}\n"
#define SETS "  - {id: a, set: {x: 1}}\n  - {id: b, set: {y: 2}}\n"
#define CALL "  - {id: c, call: t.t, with: {}, catch: d}\n  - {id: d, set: {y: 2}}\n"
#define MODEL "  - {id: m, model: {tier: x, prompt: p}}\n"
#define AGENT "  - {id: g, agent: {tier: x, prompt: p, tools: [t.t], max_turns: 3}, catch: z}\n  - {id: z, set: {y: 2}}\n"
#define ANSWER "{\"text\":\"a\"}"
#define LAST "{\"text\":\"a\",\"end\":true}"
#define ASKED(n) "{\"id\":\"i" n "\",\"name\":\"t_t\",\"args\":\"{}\"}"
#define CALLS(more) "{\"text\":\"\",\"calls\":[" ASKED("0") "," ASKED("1") "]" more "}"
#define TURN1 "g 1 started {\"tier\":\"x\"}\ng/turn-1 1 turn.succeeded " CALLS("")
#define TWO_TURNS "g 1 started {\"tier\":\"x\"}\ng/turn-1 1 turn.succeeded " ANSWER "\ng/turn-2 1 turn.succeeded " ANSWER
#define SUMMARY(n, out) "\ng/turn-" n " 1 turn.summarised {\"text\":\"s\",\"left_out\":" out "}"
#define C0 "g/turn-1/call-0 1 "
#define C1 "g/turn-1/call-1 1 "
#define BUDGET "{\"error\":{\"type\":\"budget.calls\"}}"
#define WAIT "  - {id: w, wait: 5s, timeout: 3s}\n"
#define RAISE "  - {id: r, raise: {type: t, message: m}}\n"
#define SWITCH                                                                                                         \
	"  - {id: a, set: {x: 1}}\n"                                                                                   \
	"  - {id: s, switch: [{when: .vars.x, then: a, max_visits: 3}, {when: .vars.y, then: end}]}\n"                 \
	"  - {id: y, set: {y: 1}}\n"
#define SWITCH_THEN                                                                                                    \
	"  - {id: s, switch: [{when: .vars.x, then: a}], then: b}\n  - {id: a, set: {x: 1}}\n  - {id: b, set: {y: 2}}\n"
#define LOOP(opts) "  - {id: e, for: {in: '[1]', " opts "do: [{id: i, call: t.t, with: {}}, {id: j, set: {v: 1}}]}}\n"
#define CAUGHT_LOOP                                                                                                    \
	"  - {id: e, for: {in: '[1]', parallel: 3, do: [{id: i, call: t.t, with: {}}]}, catch: z}\n"                    \
	"  - {id: z, set: {v: 1}}\n"
#define NESTED                                                                                                         \
	"  - {id: e, for: {in: '[1]', parallel: 2, do: [\n"                                                            \
	"      {id: f, for: {in: '[1]', parallel: 2, do: [{id: i, call: t.t, with: {}}]}}]}}\n"

static const struct {
	const char *name, *yaml, *rows, *dump;	/* dump "!": the last row does not fit */
} cases[] = {
	{"nothing yet", SETS, "", "@0"},
	{"first", SETS, "a 1 succeeded " OUT("{}"), "a=succeeded @1"},
	{"last closes", SETS, "a 1 succeeded " OUT("{}") "\nb 1 succeeded " OUT("{}"), "a=succeeded b=succeeded closed"},
	{"skipped", SETS, "a 1 skipped\nb 1 skipped", "a=skipped b=skipped closed"},
	{"failed, uncaught", SETS, "a 1 failed " E, "a=failed failed t"},
	{"call", CALL, "c 1 started", "c=running @0"},
	{"call caught", CALL, "c 1 started\nc 1 failed " E, "c=failed @1"},
	{"call fails before it starts", CALL, "c 1 failed " E, "c=failed @1"},
	{"call retried", CALL, "c 1 started\nc 1 failed " E_RETRY, "c=retrying @0"},
	{"second try", CALL, "c 1 started\nc 1 failed " E_RETRY "\nc 2 started", "c=running#2 @0"},
	{"second try fails at once", CALL, "c 1 started\nc 1 failed " E_RETRY "\nc 2 failed " E, "c=failed#2 @1"},
	{"retrying cancelled", CALL, "c 1 started\nc 1 failed " E_RETRY "\nc 1 cancelled", "c=cancelled cancelled"},
	{"call uncertain", CALL, "c 1 started\nc 1 uncertain " E, "c=uncertain @0"},
	{"uncertain, happened", CALL, "c 1 started\nc 1 uncertain " E "\nc 1 succeeded " OUT("1"), "c=succeeded @1"},
	{"uncertain, given up", CALL, "c 1 started\nc 1 uncertain " E "\nc 1 failed " E, "c=failed @1"},
	{"uncertain, did not happen", CALL, "c 1 started\nc 1 uncertain " E "\nc 1 failed " E_FREE "\nc 2 started", "c=running#2 @0"},
	{"uncertain, cancelled", CALL, "c 1 started\nc 1 uncertain " E "\nc 1 cancelled", "c=cancelled cancelled"},
	{"a person is asked", CALL, "c/approval-1 1 approval.requested " PERSON, "c=waiting @0"},
	{"asked and approved", CALL, "c/approval-1 1 approval.requested " PERSON "\nc/approval-1 1 approval.decided " SAID("approved") "\nc 1 started", "c=running @0"},
	{"asked and denied", CALL, "c/approval-1 1 approval.requested " PERSON "\nc/approval-1 1 approval.decided " SAID("denied") "\nc 1 failed " E, "c=failed @1"},
	{"asked and cancelled", CALL, "c/approval-1 1 approval.requested " PERSON "\nc/approval-1 1 approval.decided " SAID("cancelled") "\nc 1 cancelled", "c=cancelled cancelled"},
	{"asked anew", CALL, "c/approval-1 1 approval.requested " PERSON "\nc/approval-1 1 approval.decided " SAID("approved") "\nc/approval-2 1 approval.requested " PERSON, "c=waiting @0"},
	{"asked in a second try", CALL, "c 1 started\nc 1 failed " E_RETRY "\nc/approval-1 2 approval.requested " PERSON, "c=waiting#2 @0"},
	{"a question", QUESTION, "q/approval-1 1 approval.requested " PERSON "\nq/approval-1 1 approval.decided " SAID("approved") "\nq 1 succeeded " OUT("{}"), "q=succeeded @1"},
	{"nobody answered in time", QUESTION, "q/approval-1 1 approval.requested " PERSON "\nq/approval-1 1 approval.decided " SAID("expired") "\nq 1 failed " E_LATE, "q=failed @2"},
	{"asks that bring nothing", CALL, "c 1 started\nc 1 uncertain " E "\nc/ask-1 1 ask.answered\nc/ask-2 1 ask.answered", "c=uncertain @0"},
	{"uncertain once more", CALL, "c 1 started\nc 1 uncertain " E "\nc/ask-1 1 ask.answered\nc 1 failed " E_FREE "\nc 2 started\nc 2 uncertain " E "\nc/ask-1 2 ask.answered", "c=uncertain#2 @0"},
	{"cancelled", CALL, "c 1 started\nc 1 cancelled", "c=cancelled cancelled"},
	{"model turns", MODEL, "m 1 started\nm/turn-1 1 turn.succeeded {\"text\":\"a\"}\nm/turn-2 1 turn.succeeded {\"text\":\"b\"}", "m=running @0"},
	{"turns of the next try", MODEL, "m 1 started\nm/turn-1 1 turn.succeeded {\"text\":\"a\"}\nm 1 failed " E_RETRY "\nm 2 started\nm/turn-1 2 turn.succeeded {\"text\":\"a\"}", "m=running#2 @0"},
	{"money is asked for", MODEL, "m 1 started\nm/approval-1 1 approval.requested " MONEY, "m=waiting @0"},
	{"money is there", MODEL, "m 1 started\nm/approval-1 1 approval.requested " MONEY "\nm/approval-1 1 approval.decided " SAID("approved"), "m=running @0"},
	{"and the step ends", MODEL, "m 1 started\nm/approval-1 1 approval.requested " MONEY "\nm/approval-1 1 approval.decided " SAID("approved") "\nm 1 succeeded " OUT("1"), "m=succeeded closed"},
	{"money is not there", MODEL, "m 1 started\nm/approval-1 1 approval.requested " MONEY "\nm/approval-1 1 approval.decided " SAID("denied") "\nm 1 failed " E, "m=failed failed t"},
	{"money is asked for once more", MODEL, "m 1 started\nm/approval-1 1 approval.requested " MONEY "\nm/approval-1 1 approval.decided " SAID("approved") "\nm/approval-2 1 approval.requested " MONEY, "m=waiting @0"},
	{"money for the second turn of an agent", AGENT, "g 1 started {\"tier\":\"x\"}\ng/turn-1 1 turn.succeeded " ANSWER "\ng/approval-1 1 approval.requested " MONEY "\ng/approval-1 1 approval.decided " SAID("approved") "\ng/turn-2 1 turn.succeeded " LAST "\ng 1 succeeded " OUT("{}"), "g=succeeded @1"},
	{"money is asked for, cancelled", MODEL, "m 1 started\nm/approval-1 1 approval.requested " MONEY "\nm/approval-1 1 approval.decided " SAID("cancelled") "\nm 1 cancelled", "m=cancelled cancelled"},
	{"agent", AGENT, "g 1 started {\"tier\":\"x\"}", "g=running @0"},
	{"agent answers", AGENT, "g 1 started {\"tier\":\"x\"}\ng/turn-1 1 turn.succeeded " LAST "\ng 1 succeeded " OUT("{}"), "g=succeeded @1"},
	{"agent's repair", AGENT, "g 1 started {\"tier\":\"x\"}\ng/turn-1 1 turn.succeeded " ANSWER "\ng/turn-2 1 turn.succeeded " LAST, "g=running @0"},
	{"agent's calls", AGENT, TURN1, "g=running[0/2] @0"},
	{"agent's call begins", AGENT, TURN1 "\n" C1 "started", "g=running[0/2 1:(call-1=running @0)] @0"},
	{"agent's call ends", AGENT, TURN1 "\n" C1 "started\n" C1 "succeeded " OUT("1"), "g=running[1/2] @0"},
	{"agent's call fails", AGENT, TURN1 "\n" C1 "started\n" C1 "failed " E, "g=running[1/2] @0"},
	{"agent's call cannot be made", AGENT, TURN1 "\n" C0 "failed " E, "g=running[1/2] @0"},
	{"agent's calls are over", AGENT, TURN1 "\n" C0 "failed " E "\n" C1 "started\n" C1 "succeeded " OUT("1"), "g=running @0"},
	{"agent's next turn", AGENT, TURN1 "\n" C0 "failed " E "\n" C1 "failed " E "\ng/turn-2 1 turn.succeeded " CALLS("") "\ng/turn-2/call-0 1 started", "g=running[0/2 0:(call-0=running @0)] @0"},
	{"agent's call is uncertain", AGENT, TURN1 "\n" C0 "started\n" C0 "uncertain " E "\ng/turn-1/call-0/ask-1 1 ask.answered", "g=running[0/2 0:(call-0=uncertain @0)] @0"},
	{"agent's call is made again", AGENT, TURN1 "\n" C0 "started\n" C0 "failed " E_FREE "\ng/turn-1/call-0 2 started", "g=running[0/2 0:(call-0=running#2 @0)] @0"},
	{"agent's guard", AGENT, TURN1 "\n" C0 "started\n" C1 "failed " BUDGET, "g=running[1/2 0:(call-0=running cancelling @0)] @0"},
	{"agent's guard, and the other call", AGENT, TURN1 "\n" C0 "started\n" C1 "failed " BUDGET "\n" C0 "cancelled", "g=running[2/2] @0"},
	{"agent fails", AGENT, TURN1 "\n" C0 "started\n" C1 "failed " BUDGET "\n" C0 "cancelled\ng 1 failed " E, "g=failed @1"},
	{"agent's calls end with it", AGENT, TURN1 "\n" C0 "started\n" C0 "uncertain " E "\ng 1 failed " E, "g=failed @1"},
	{"agent is tried again where it was", AGENT, TURN1 "\n" C0 "failed " E "\n" C1 "failed " E "\ng 1 failed " E_RETRY "\ng 2 started {\"tier\":\"x\"}\ng/turn-2 2 turn.succeeded " ANSWER, "g=running#2 @0"},
	{"agent's summary", AGENT, TWO_TURNS "\ng/turn-3 1 turn.summarised {\"text\":\"s\",\"left_out\":1}\ng/turn-3 1 turn.succeeded " LAST, "g=running @0"},
	{"agent cancelled", AGENT, TURN1 "\ng 1 cancelled", "g=cancelled cancelled"},
	{"wait", WAIT, "w 1 waiting " UNTIL, "w=waiting @0"},
	{"wait over", WAIT, "w 1 waiting " UNTIL "\nw 1 succeeded " OUT("null"), "w=succeeded closed"},
	{"wait again", WAIT, "w 1 waiting " UNTIL "\nw 1 failed " E_RETRY "\nw 2 waiting " UNTIL, "w=waiting#2 @0"},
	{"wait cancelled", WAIT, "w 1 waiting " UNTIL "\nw 1 cancelled", "w=cancelled cancelled"},
	{"raise", RAISE, "r 1 failed " E, "r=failed failed t"},
	{"raise again", RAISE, "r 1 failed " E_RETRY "\nr 2 failed " E, "r=failed#2 failed t"},
	{"switch back", SWITCH, "a 1 succeeded " OUT("{}") "\ns 1 succeeded {\"edge\":0}", "a=succeeded s=succeeded @0"},
	{"second visit", SWITCH, "a 1 succeeded " OUT("{}") "\ns 1 succeeded {\"edge\":0}\na~2 1 succeeded " OUT("{}"), "a~2=succeeded s=succeeded @1"},
	{"third visit", SWITCH, "a 1 succeeded " OUT("{}") "\ns 1 succeeded {\"edge\":0}\na~2 1 skipped\ns~2 1 succeeded {\"edge\":0}\na~3 1 skipped", "a~3=skipped s~2=succeeded @1"},
	{"switch to end", SWITCH, "a 1 succeeded " OUT("{}") "\ns 1 succeeded {\"edge\":1}", "a=succeeded s=succeeded closed"},
	{"switch to no edge", SWITCH, "a 1 succeeded " OUT("{}") "\ns 1 succeeded {\"edge\":null}", "a=succeeded s=succeeded @2"},
	{"switch to no edge, and on", SWITCH_THEN, "s 1 succeeded {\"edge\":null}", "s=succeeded @2"},
	{"switch to an edge, not on", SWITCH_THEN, "s 1 succeeded {\"edge\":0}", "s=succeeded @1"},
	{"loop opens", LOOP(""), "e 1 started " ITEMS, "e=running[0/3] @0"},
	{"iteration opens", LOOP(""), "e 1 started " ITEMS "\ne[0]/i 1 started", "e=running[0/3 0:(i=running @0)] @0"},
	{"iteration ends", LOOP(""), "e 1 started " ITEMS "\ne[0]/i 1 skipped\ne[0]/j 1 succeeded " OUT("{}"), "e=running[1/3] @0"},
	{"loop ends", LOOP(""), "e 1 started {\"items\":[1]}\ne[0]/i 1 skipped\ne[0]/j 1 skipped\ne 1 succeeded " OUT("[]"), "e=succeeded closed"},
	{"empty loop", LOOP(""), "e 1 started {\"items\":[]}\ne 1 succeeded " OUT("[]"), "e=succeeded closed"},
	{"loop fails", LOOP(""), "e 1 started " ITEMS "\ne[0]/i 1 failed " E "\ne 1 failed " E, "e=failed failed t"},
	{"loop collects", LOOP("on_error: collect, "), "e 1 started " ITEMS "\ne[0]/i 1 failed " E "\ne[1]/i 1 started", "e=running[1/3 1:(i=running @0)] @0"},
	{"loop skips", LOOP("on_error: skip, "), "e 1 started " ITEMS "\ne[0]/i 1 failed " E "\ne[1]/i 1 started", "e=running[1/3 1:(i=running @0)] @0"},
	{"failing loop cancels", CAUGHT_LOOP, "e 1 started " ITEMS "\ne[0]/i 1 started\ne[2]/i 1 started\ne[0]/i 1 failed " E, "e=running[1/3 2:(i=running cancelling @0)] @0"},
	{"cancelling: cancelled", CAUGHT_LOOP, "e 1 started " ITEMS "\ne[0]/i 1 started\ne[2]/i 1 started\ne[0]/i 1 failed " E "\ne[2]/i 1 cancelled", "e=running[2/3] @0"},
	{"cancelling: succeeded", CAUGHT_LOOP, "e 1 started " ITEMS "\ne[0]/i 1 started\ne[2]/i 1 started\ne[0]/i 1 failed " E "\ne[2]/i 1 succeeded " OUT("1"), "e=running[2/3] @0"},
	{"cancelling: failed", CAUGHT_LOOP, "e 1 started " ITEMS "\ne[0]/i 1 started\ne[2]/i 1 started\ne[0]/i 1 failed " E "\ne[2]/i 1 failed " E_RETRY, "e=running[2/3] @0"},
	{"failed loop drops what is open", CAUGHT_LOOP, "e 1 started " ITEMS "\ne[0]/i 1 started\ne[2]/i 1 started\ne[2]/i 1 uncertain " E "\ne[0]/i 1 failed " E "\ne 1 failed " E, "e=failed @1"},
	{"loop tried again", LOOP(""), "e 1 started " ITEMS "\ne[0]/i 1 failed " E "\ne 1 failed " E_RETRY "\ne~2 2 started " ITEMS "\ne~2[0]/i 1 started", "e~2=running#2[0/3 0:(i=running @0)] @0"},
	{"loop cancelled", NESTED, "e 1 started " ITEMS "\ne[0]/f 1 started " ITEMS "\ne[0]/f[1]/i 1 started\ne[0]/f 1 cancelled", "e=running[1/3] @0"},
	{"nested loop fails", NESTED, "e 1 started " ITEMS "\ne[0]/f 1 started " ITEMS "\ne[1]/f 1 started " ITEMS "\ne[1]/f[0]/i 1 started\ne[0]/f 1 failed " E, "e=running[1/3 1:(f=running[0/3 0:(i=running cancelling @0)] cancelling @0)] @0"},
	{"iteration with output waits for it", LOOP("output: '${ 1 }', "), "e 1 started " ITEMS "\ne[0]/i 1 skipped\ne[0]/j 1 skipped", "e=running[0/3 0:(i=skipped j=skipped ended)] @0"},
	{"iteration's output", LOOP("output: '${ 1 }', "), "e 1 started " ITEMS "\ne[0]/i 1 skipped\ne[0]/j 1 skipped\ne[0] 1 succeeded " OUT("1"), "e=running[1/3] @0"},
	{"iteration's output fails", LOOP("output: '${ 1 }', "), "e 1 started " ITEMS "\ne[0]/i 1 skipped\ne[0]/j 1 skipped\ne[0] 1 failed " E, "e=running[1/3] @0"},

	{"not a path", SETS, "a~1 1 skipped", "!"},
	{"a turn alone", MODEL, "turn-1 1 turn.succeeded {\"text\":\"a\"}", "!"},
	{"no such step", SETS, "zz 1 skipped", "!"},
	{"a call alone", AGENT, "call-0 1 started", "!"},
	{"a turn before it starts", AGENT, "g/turn-1 1 turn.succeeded " ANSWER, "!"},
	{"a turn too far", AGENT, "g 1 started {\"tier\":\"x\"}\ng/turn-2 1 turn.succeeded " ANSWER, "!"},
	{"the same turn twice", AGENT, "g 1 started {\"tier\":\"x\"}\ng/turn-1 1 turn.succeeded " ANSWER "\ng/turn-1 1 turn.succeeded " ANSWER, "!"},
	{"a turn more than may be", AGENT, "g 1 started {\"tier\":\"x\"}\ng/turn-1 1 turn.succeeded " ANSWER "\ng/turn-2 1 turn.succeeded " ANSWER "\ng/turn-3 1 turn.succeeded " ANSWER "\ng/turn-4 1 turn.succeeded " ANSWER, "!"},
	{"a turn after the end", AGENT, "g 1 started {\"tier\":\"x\"}\ng/turn-1 1 turn.succeeded " LAST "\ng/turn-2 1 turn.succeeded " ANSWER, "!"},
	{"a turn while calls are open", AGENT, TURN1 "\n" C0 "failed " E "\ng/turn-2 1 turn.succeeded " ANSWER, "!"},
	{"a call of a turn that ends", AGENT, "g 1 started {\"tier\":\"x\"}\ng/turn-1 1 turn.succeeded " CALLS(",\"end\":true") "\n" C0 "started", "!"},
	{"a call that was not asked for", AGENT, TURN1 "\ng/turn-1/call-2 1 started", "!"},
	{"a call of another turn", AGENT, TURN1 "\ng/turn-2/call-0 1 started", "!"},
	{"a call of an earlier turn", AGENT, TURN1 "\n" C0 "failed " E "\n" C1 "failed " E "\ng/turn-2 1 turn.succeeded " CALLS("") "\n" C0 "started", "!"},
	{"a call that has ended", AGENT, TURN1 "\n" C0 "failed " E "\n" C0 "started", "!"},
	{"a call after the guard", AGENT, TURN1 "\n" C1 "failed " BUDGET "\n" C0 "started", "!"},
	{"a call of another visit", AGENT, TURN1 "\ng~2/turn-1/call-0 1 started", "!"},
	{"an iteration of an agent", AGENT, TURN1 "\ng[0]/z 1 skipped", "!"},
	{"a call of a model", MODEL, "m 1 started\nm/turn-1 1 turn.succeeded {\"text\":\"a\"}\nm/turn-1/call-0 1 started", "!"},
	{"an agent succeeds while calls are open", AGENT, TURN1 "\ng 1 succeeded " OUT("{}"), "!"},
	{"a summary of everything", AGENT, TWO_TURNS SUMMARY("3", "2"), "!"},
	{"a summary of nothing", AGENT, TWO_TURNS SUMMARY("3", "0"), "!"},
	{"a summary of what", AGENT, TWO_TURNS SUMMARY("3", "\"1\""), "!"},
	{"a summary for a turn that was", AGENT, TWO_TURNS SUMMARY("2", "1"), "!"},
	{"a second summary", AGENT, TWO_TURNS SUMMARY("3", "1") SUMMARY("3", "1"), "!"},
	{"a summary while calls are open", AGENT, TURN1 SUMMARY("2", "1"), "!"},
	{"a summary of a model", MODEL, "m 1 started\nm/turn-1 1 turn.succeeded {\"text\":\"a\"}\nm/turn-2 1 turn.summarised {\"text\":\"s\",\"left_out\":1}", "!"},
	{"a turn without text", AGENT, "g 1 started {\"tier\":\"x\"}\ng/turn-1 1 turn.succeeded {\"calls\":[" ASKED("0") "]}", "!"},
	{"a turn with no calls in its list", AGENT, "g 1 started {\"tier\":\"x\"}\ng/turn-1 1 turn.succeeded {\"text\":\"\",\"calls\":[]}", "!"},
	{"a turn with a broken call", AGENT, "g 1 started {\"tier\":\"x\"}\ng/turn-1 1 turn.succeeded {\"text\":\"\",\"calls\":[{\"id\":\"1\",\"name\":\"t_t\",\"args\":{}}]}", "!"},
	{"a turn that leaves out turns that are not there", AGENT, "g 1 started {\"tier\":\"x\"}\ng/turn-1 1 turn.succeeded {\"text\":\"\",\"left_out\":1}", "!"},
	{"a turn that leaves out less than nothing", AGENT, "g 1 started {\"tier\":\"x\"}\ng/turn-1 1 turn.succeeded {\"text\":\"\",\"left_out\":-1}", "!"},
	{"no such kind", SETS, "a 1 step.exploded", "!"},
	{"not at the cursor", SETS, "b 1 skipped", "!"},
	{"visit too high", SETS, "a~2 1 skipped", "!"},
	{"try too high", SETS, "a 2 skipped", "!"},
	{"twice", SETS, "a 1 skipped\na 1 skipped", "!"},
	{"after the end", SETS, "a 1 failed " E "\nb 1 skipped", "!"},
	{"set does not start", SETS, "a 1 started", "!"},
	{"a step is no turn", SETS, "a 1 turn.succeeded {\"text\":\"\"}", "!"},
	{"call must start", CALL, "c 1 succeeded " OUT("1"), "!"},
	{"call of what", CALL, "c 1 started {\"effect\":\"pure\",\"args\":{},\"key\":\"" KEY "\"}", "!"},
	{"call of this kind", CALL, "c 1 started {\"tool\":\"t.t\",\"effect\":\"pure\",\"args\":{},\"key\":\"" KEY "\"}", "c=running @0"},
	{"call with what", CALL, "c 1 started {\"tool\":\"t.t\",\"effect\":\"pure\",\"args\":[],\"key\":\"" KEY "\"}", "!"},
	{"call of which effect", CALL, "c 1 started {\"tool\":\"t.t\",\"effect\":\"some\",\"args\":{},\"key\":\"" KEY "\"}", "!"},
	{"call under which key", CALL, "c 1 started {\"tool\":\"t.t\",\"effect\":\"pure\",\"args\":{},\"key\":\"61\"}", "!"},
	{"raise does not succeed", RAISE, "r 1 succeeded " OUT("1"), "!"},
	{"wait does not start", WAIT, "w 1 started", "!"},
	{"wait until when", WAIT, "w 1 waiting {\"until\":\"noon\"}", "!"},
	{"waiting is not uncertain", WAIT, "w 1 waiting " UNTIL "\nw 1 uncertain " E, "!"},
	{"running is not skipped", CALL, "c 1 started\nc 1 skipped", "!"},
	{"a retry is not skipped", CALL, "c 1 started\nc 1 failed " E_RETRY "\nc 2 skipped", "!"},
	{"retry of the same try", CALL, "c 1 started\nc 1 failed " E_RETRY "\nc 1 started", "!"},
	{"result of a retry that has not started", CALL, "c 1 started\nc 1 failed " E_RETRY "\nc 2 succeeded " OUT("1"), "!"},
	{"other visit of a running step", CALL, "c 1 started\nc~2 1 succeeded " OUT("1"), "!"},
	{"error is no object", CALL, "c 1 failed {\"error\":1}", "!"},
	{"uncertain why", CALL, "c 1 started\nc 1 uncertain {\"error\":\"lost\"}", "!"},
	{"retry when", CALL, "c 1 failed {\"error\":{},\"retry_at\":\"later\"}", "!"},
	{"edge is none", SWITCH, "a 1 skipped\ns 1 succeeded {\"edge\":2}", "!"},
	{"edge is below", SWITCH, "a 1 skipped\ns 1 succeeded {\"edge\":-1}", "!"},
	{"edge is a text", SWITCH, "a 1 skipped\ns 1 succeeded {\"edge\":\"x\"}", "!"},
	{"items are none", LOOP(""), "e 1 started {\"items\":{}}", "!"},
	{"no iteration before the loop", LOOP(""), "e[0]/i 1 started", "!"},
	{"no such item", LOOP(""), "e 1 started " ITEMS "\ne[3]/i 1 started", "!"},
	{"other visit of the loop", LOOP(""), "e 1 started " ITEMS "\ne~2[0]/i 1 started", "!"},
	{"not a loop", SETS, "a[0]/i 1 started", "!"},
	{"iteration that ended", LOOP(""), "e 1 started " ITEMS "\ne[0]/i 1 skipped\ne[0]/j 1 skipped\ne[0]/i 1 started", "!"},
	{"no iteration of a failed loop", LOOP(""), "e 1 started " ITEMS "\ne[0]/i 1 failed " E "\ne[1]/i 1 started", "!"},
	{"iteration of a step that is no loop", CALL, "c 1 started\nc[0]/d 1 skipped", "!"},
	{"iteration of a loop that ended", CAUGHT_LOOP, "e 1 started {\"items\":[1]}\ne[0]/i 1 skipped\ne 1 succeeded " OUT("[]") "\ne[0]/i 1 started", "!"},
	{"no step begins while cancelling", LOOP("parallel: 3, "), "e 1 started " ITEMS "\ne[2]/i 1 skipped\ne[0]/i 1 failed " E "\ne[2]/j 1 skipped", "!"},
	{"nothing begins while cancelling", NESTED, "e 1 started " ITEMS "\ne[0]/f 1 started " ITEMS "\ne[1]/f 1 started " ITEMS "\ne[0]/f 1 failed " E "\ne[1]/f[0]/i 1 started", "!"},
	{"loop ends too early", LOOP(""), "e 1 started " ITEMS "\ne 1 succeeded " OUT("[]"), "!"},
	{"steps below a step", CALL, "c 1 started\nc/d 1 skipped", "!"},
	{"nothing below a step", CALL, "c 1 started\nc/- 1 skipped", "!"},
	{"a turn and more", MODEL, "m 1 started\nm/turn-1x 1 turn.succeeded {\"text\":\"\"}", "!"},
	{"iteration that has not ended", LOOP("output: '${ 1 }', "), "e 1 started " ITEMS "\ne[0]/i 1 skipped\ne[0] 1 succeeded " OUT("1"), "!"},
	{"iteration starts by itself", LOOP("output: '${ 1 }', "), "e 1 started " ITEMS "\ne[0]/i 1 skipped\ne[0]/j 1 skipped\ne[0] 1 started", "!"},
	{"step of an iteration that ended", LOOP("output: '${ 1 }', "), "e 1 started " ITEMS "\ne[0]/i 1 skipped\ne[0]/j 1 skipped\ne[0]/j 1 skipped", "!"},
	{"turn of a call", CALL, "c 1 started\nc/turn-1 1 turn.succeeded {\"text\":\"\"}", "!"},
	{"turn before the start", MODEL, "m/turn-1 1 turn.succeeded {\"text\":\"\"}", "!"},
	{"turn out of order", MODEL, "m 1 started\nm/turn-2 1 turn.succeeded {\"text\":\"\"}", "!"},
	{"turn of another try", MODEL, "m 1 started\nm/turn-1 2 turn.succeeded {\"text\":\"\"}", "!"},
	{"turn of another visit", MODEL, "m 1 started\nm~2/turn-1 1 turn.succeeded {\"text\":\"\"}", "!"},
	{"turn without text", MODEL, "m 1 started\nm/turn-1 1 turn.succeeded", "!"},
	{"turn of another kind", MODEL, "m 1 started\nm/turn-1 1 succeeded", "!"},
	{"asked twice at once", CALL, "c/approval-1 1 approval.requested " PERSON "\nc/approval-2 1 approval.requested " PERSON, "!"},
	{"asked with another number", CALL, "c/approval-2 1 approval.requested " PERSON, "!"},
	{"asked in another visit", CALL, "c~2/approval-1 1 approval.requested " PERSON, "!"},
	{"asked in another try", CALL, "c/approval-1 2 approval.requested " PERSON, "!"},
	{"asked while it runs", CALL, "c 1 started\nc/approval-1 1 approval.requested " PERSON, "!"},
	{"money before it runs", MODEL, "m/approval-1 1 approval.requested " MONEY, "!"},
	{"something else than money", MODEL, "m 1 started\nm/approval-1 1 approval.requested " PERSON, "!"},
	{"money, with another number", MODEL, "m 1 started\nm/approval-2 1 approval.requested " MONEY, "!"},
	{"money, twice at once", MODEL, "m 1 started\nm/approval-1 1 approval.requested " MONEY "\nm/approval-2 1 approval.requested " MONEY, "!"},
	{"money while calls run", AGENT, TURN1 "\ng/approval-1 1 approval.requested " MONEY, "!"},
	{"money for what has answered", AGENT, "g 1 started {\"tier\":\"x\"}\ng/turn-1 1 turn.succeeded " LAST "\ng/approval-1 1 approval.requested " MONEY, "!"},
	{"an answer while money is asked for", MODEL, "m 1 started\nm/approval-1 1 approval.requested " MONEY "\nm/turn-1 1 turn.succeeded " ANSWER, "!"},
	{"a result while money is asked for", MODEL, "m 1 started\nm/approval-1 1 approval.requested " MONEY "\nm 1 succeeded " OUT("1"), "!"},
	{"asked by what asks nobody", SETS, "a/approval-1 1 approval.requested " PERSON, "!"},
	{"asked about nothing", CALL, "c/approval-1 1 approval.requested", "!"},
	{"asked without an end", CALL, "c/approval-1 1 approval.requested {\"id\":\"x\"}", "!"},
	{"a call begins undecided", CALL, "c/approval-1 1 approval.requested " PERSON "\nc 1 started", "!"},
	{"a question ends undecided", QUESTION, "q/approval-1 1 approval.requested " PERSON "\nq 1 succeeded " OUT("{}"), "!"},
	{"a question does not start", QUESTION, "q 1 started", "!"},
	{"decided without a request", CALL, "c/approval-1 1 approval.decided " SAID("approved"), "!"},
	{"decided twice", CALL, "c/approval-1 1 approval.requested " PERSON "\nc/approval-1 1 approval.decided " SAID("approved") "\nc/approval-1 1 approval.decided " SAID("denied"), "!"},
	{"decided with no word", CALL, "c/approval-1 1 approval.requested " PERSON "\nc/approval-1 1 approval.decided", "!"},
	{"decided with an odd call", CALL, "c/approval-1 1 approval.requested " PERSON "\nc/approval-1 1 approval.decided {\"decision\":\"approved\",\"call\":5}", "!"},
	{"a step is no request", CALL, "c 1 approval.requested " PERSON, "!"},
	{"a request of another kind", CALL, "c/approval-1 1 succeeded " OUT("1"), "!"},
	{"an ask before it is uncertain", CALL, "c 1 started\nc/ask-1 1 ask.answered", "!"},
	{"an ask after the word", CALL, "c 1 started\nc 1 uncertain " E "\nc 1 failed " E_FREE "\nc/ask-1 1 ask.answered", "!"},
	{"asks out of order", CALL, "c 1 started\nc 1 uncertain " E "\nc/ask-2 1 ask.answered", "!"},
	{"an ask of another try", CALL, "c 1 started\nc 1 uncertain " E "\nc/ask-1 2 ask.answered", "!"},
	{"an ask of another visit", CALL, "c 1 started\nc 1 uncertain " E "\nc~2/ask-1 1 ask.answered", "!"},
	{"an ask of another kind", CALL, "c 1 started\nc 1 uncertain " E "\nc/ask-1 1 succeeded", "!"},
	{"an ask alone", CALL, "ask-1 1 ask.answered", "!"},
	{"a step is no ask", CALL, "c 1 started\nc 1 uncertain " E "\nc 1 ask.answered", "!"},
	{"a third repair", MODEL, "m 1 started\nm/turn-1 1 turn.succeeded {\"text\":\"\"}\nm/turn-2 1 turn.succeeded {\"text\":\"\"}\nm/turn-3 1 turn.succeeded {\"text\":\"\"}", "!"},
};

static void run_case(int i, bool graves)
{
	struct fixture *f = fixture_new(cases[i].yaml, graves);
	int r = fixture_apply(f, cases[i].rows);

	if (strcmp(cases[i].dump, "!") == 0) {
		ck_assert_msg(r < 0, "%s: it fits: %s", cases[i].name, fixture_dump(f));
		ck_assert_msg(f->err.code == ERR_JOURNAL_CONFLICT, "%s: %s", cases[i].name, f->err.msg);
	} else {
		ck_assert_msg(r == 0, "%s: %s", cases[i].name, f->err.msg);
		ck_assert_msg(strcmp(fixture_dump(f), cases[i].dump) == 0, "%s: %s", cases[i].name, fixture_dump(f));
	}
	fixture_free(f);
}

START_TEST(applies)
{
	run_case(_i, false);
	run_case(_i, true);
}
END_TEST

/* --- counters, times, lists --- */

START_TEST(counts)
{
	struct fixture *f = fixture_new(NESTED, true);
	const struct node *outer, *inner;

	ck_assert_int_eq(fixture_apply(f, "e 1 started " ITEMS "\ne[0]/f 1 started " ITEMS
					  "\ne[0]/f[0]/i 1 started\ne[0]/f[1]/i 1 started\ne[1]/f 1 started " ITEMS
					  "\ne[1]/f[0]/i 1 started\ne[1]/f[0]/i 1 uncertain " E), 0);
	outer = f->state.root->nodes[0];
	inner = fixture_scope(f, "e[0]")->nodes[0];
	ck_assert_int_eq(f->state.n_calls, 3);
	ck_assert_int_eq(outer->n_calls, 3);
	ck_assert_int_eq(inner->n_calls, 2);
	ck_assert_uint_eq(f->state.n_uncertain, 1);
	ck_assert_int_eq(f->state.n_steps, 6);
	fixture_free(f);
}
END_TEST

START_TEST(a_call_that_did_not_happen_counts_once)
{
	struct fixture *f = fixture_new(CALL, false);
	const struct node *n;

	ck_assert_int_eq(fixture_apply(f, "@1000\nc 1 started\n@2000\nc 1 uncertain " E "\nc/ask-1 1 ask.answered"), 0);
	n = f->state.root->nodes[0];
	ck_assert_int_eq(n->uncertain_us, 2000000);
	ck_assert_int_eq(n->n_asks, 1);
	ck_assert_int_eq(n->deadline_us, 0);
	ck_assert(!n->timed);
	ck_assert_int_eq(fixture_apply(f, "c 1 failed " E_FREE), 0);
	ck_assert_int_eq(n->n_free, 1);
	ck_assert_str_eq(json_str(json_getc(n->again, "tool")).p, "t.t");
	ck_assert_int_eq(n->uncertain_us, 2000000);
	ck_assert_int_eq(fixture_apply(f, "c 2 started"), 0);
	ck_assert_ptr_null(n->again);
	ck_assert_int_eq(n->uncertain_us, 0);
	ck_assert_int_eq(n->n_asks, 0);
	ck_assert_int_eq(n->n_free, 1);
	ck_assert_int_eq(n->n_calls, 1);
	ck_assert_int_eq(f->state.n_calls, 1);
	ck_assert_int_eq(fixture_apply(f, "c 2 failed " E_RETRY "\nc 3 started"), 0);
	ck_assert_int_eq(n->n_free, 1);
	ck_assert_int_eq(f->state.n_calls, 2);
	fixture_free(f);
}
END_TEST

#define TAINTED(words) " started {\"tool\":\"t.t\",\"effect\":\"pure\",\"args\":{},\"key\":\"" KEY "\",\"taint\":" words "}"

START_TEST(keeps_taint)
{
	struct fixture *f = fixture_new(NESTED, false);
	struct state *st = &f->state;

	ck_assert_int_eq(fixture_apply(f, "e 1 started " ITEMS "\ne[0]/f 1 started " ITEMS "\ne[0]/f[0]/i 1 started"), 0);
	ck_assert_uint_eq(st->taint, 0);	/* a row that names none */
	ck_assert_int_eq(fixture_apply(f, "e[0]/f[1]/i 1" TAINTED("[\"reads_untrusted\",\"of tomorrow\",5]")), 0);
	ck_assert_uint_eq(st->taint, TAINT_READS_UNTRUSTED);
	/* whatever became of the call, and of the iteration that made it */
	ck_assert_int_eq(fixture_apply(f, "e[0]/f[1]/i 1 failed " E_RETRY "\ne[0]/f[1]/i 2" TAINTED("[\"acts_outside\"]")
					  "\ne[0]/f[1]/i 2 succeeded " OUT("1")), 0);
	ck_assert_uint_eq(st->taint, TAINT_READS_UNTRUSTED | TAINT_ACTS_OUTSIDE);
	ck_assert_int_eq(fixture_apply(f, "e[0]/f[2]/i 1" TAINTED("[\"reads_private\"]")), 0);
	ck_assert_uint_eq(st->taint, TAINT_READS_UNTRUSTED | TAINT_ACTS_OUTSIDE | TAINT_READS_PRIVATE);
	fixture_free(f);
}
END_TEST

/* By what is known of the task before its first row: any worker begins with the same. */
START_TEST(what_a_webhook_brings_is_tainted)
{
	struct fixture *f = fixture_new(NESTED, false);
	struct json_builder b;
	struct state st;

	json_object_begin(&b, f->state.arena);
	json_object_setc(&b, "submitted_by", json_stringc(f->state.arena, "hook:github"));
	state_init(&st, f->state.arena, f->state.program, json_empty_object(), json_object_end(&b));
	ck_assert_uint_eq(st.taint, TAINT_READS_UNTRUSTED);
	fixture_free(f);
}
END_TEST

START_TEST(intents_keep_taint)
{
	struct arena *a = arena_new(NULL);
	struct intent i, back;

	for (unsigned taint = 0; taint <= 7; taint++) {
		i = (struct intent){.tool = STR("t.t"), .effect = EFFECT_PURE, .args = json_empty_object(), .taint = taint};
		ck_assert(intent_read(intent_json(a, &i), &back));
		ck_assert_uint_eq(back.taint, taint);
		ck_assert_int_eq(json_getc(intent_json(a, &i), "taint") != NULL, taint != 0);
	}
	arena_free(a);
}
END_TEST

START_TEST(counts_turns)
{
	struct fixture *f = fixture_new("  - {id: e, for: {in: '[1]', do: [{id: m, model: {tier: x, prompt: p}}]}}\n", false);

	ck_assert_int_eq(fixture_apply(f, "e 1 started " ITEMS "\ne[0]/m 1 started\ne[0]/m/turn-1 1 turn.succeeded {\"text\":\"\"}"), 0);
	ck_assert_int_eq(f->state.n_model_turns, 2);
	ck_assert_int_eq(f->state.root->nodes[0]->n_model_turns, 2);
	fixture_free(f);
}
END_TEST

START_TEST(keeps_times)
{
	struct fixture *f = fixture_new("  - {id: w, wait: 5s, timeout: 3s, budget: {wall: 10s}}\n", false);
	struct state *st = &f->state;
	struct node *n;

	ck_assert_int_eq(fixture_apply(f, "@1000\nw 1 waiting " UNTIL), 0);
	n = st->root->nodes[0];
	ck_assert_int_eq(n->wake_us, 7000000);
	ck_assert_int_eq(n->deadline_us, 4000000);	/* the try's timeout comes first */
	ck_assert_int_eq(state_earliest(st), 4000000);
	ck_assert_int_eq(fixture_apply(f, "@5000\nw 1 failed " E_RETRY), 0);
	ck_assert_int_eq(n->wake_us, 9000000);
	ck_assert_int_eq(n->deadline_us, 11000000);	/* between tries only the wall counts */
	ck_assert_int_eq(fixture_apply(f, "@9000\nw 2 waiting " UNTIL), 0);
	ck_assert_int_eq(n->deadline_us, 11000000);
	ck_assert_int_eq(n->entered_us, 1000000);
	ck_assert_int_eq(n->started_us, 9000000);
	ck_assert_int_eq(fixture_apply(f, "w 2 succeeded " OUT("null")), 0);
	ck_assert_int_eq(state_earliest(st), INT64_MAX);
	fixture_free(f);
}
END_TEST

START_TEST(pushes_what_is_due)
{
	struct fixture *f = fixture_new("  - {id: e, for: {in: '[1]', parallel: 3, do: [{id: w, wait: 5s}]}}\n", false);
	struct state *st = &f->state;

	ck_assert_int_eq(fixture_apply(f, "e 1 started " ITEMS
		"\ne[0]/w 1 waiting {\"until\":\"1970-01-01T00:00:03Z\"}\ne[1]/w 1 waiting {\"until\":\"1970-01-01T00:00:01Z\"}"
		"\ne[2]/w 1 waiting {\"until\":\"1970-01-01T00:00:02Z\"}"), 0);
	while (state_take_ready(st))
		;
	state_push_due(st, 500000);
	ck_assert_ptr_null(state_take_ready(st));
	state_push_due(st, 2000000);
	ck_assert_uint_eq(state_take_ready(st)->item, 2);
	ck_assert_uint_eq(state_take_ready(st)->item, 1);
	ck_assert_ptr_null(state_take_ready(st));
	ck_assert_int_eq(st->timed_min_us, 3000000);
	state_push_due(st, 2000000);	/* handed over once */
	ck_assert_ptr_null(state_take_ready(st));
	fixture_free(f);
}
END_TEST

START_TEST(ready_list)
{
	struct fixture *f = fixture_new(CAUGHT_LOOP, true);
	struct state *st = &f->state;
	struct scope *one, *two;

	ck_assert_ptr_eq(state_take_ready(st), st->root);
	ck_assert_int_eq(fixture_apply(f, "e 1 started " ITEMS "\ne[0]/i 1 started\ne[1]/i 1 started"), 0);
	ck_assert_ptr_eq(state_take_ready(st), st->root);
	one = state_take_ready(st);
	two = state_take_ready(st);
	ck_assert_uint_eq(one->item, 0);
	ck_assert_uint_eq(two->item, 1);
	state_push_ready(st, two);
	state_push_ready(st, one);
	state_push_ready(st, two);	/* it is there already */
	ck_assert_int_eq(fixture_apply(f, "e[1]/i 1 succeeded " OUT("1")), 0);	/* closed: off the list, its loop on */
	state_push_ready(st, two);
	ck_assert_ptr_eq(state_take_ready(st), one);
	ck_assert_ptr_eq(state_take_ready(st), st->root);
	ck_assert_ptr_null(state_take_ready(st));
	fixture_free(f);
}
END_TEST

START_TEST(cancels_all)
{
	struct fixture *f = fixture_new(NESTED, true);
	struct state *st = &f->state;

	ck_assert_int_eq(fixture_apply(f, "e 1 started " ITEMS "\ne[0]/f 1 started " ITEMS "\ne[0]/f[1]/i 1 started"), 0);
	state_cancel_all(st);
	ck_assert(st->task_cancelling && fixture_scope(f, "e[0]/f[1]")->cancelling);
	ck_assert_int_eq(fixture_apply(f, "e[0]/f[1]/i 1 cancelled\ne[0]/f 1 cancelled\ne 1 cancelled"), 0);
	ck_assert_str_eq(fixture_dump(f), "e=cancelled cancelling cancelled");
	state_cancel_all(st);	/* nothing is left */
	fixture_free(f);
}
END_TEST

START_TEST(abandons_between_steps)
{
	struct fixture *f = fixture_new(SETS, true);

	state_cancel_all(&f->state);
	state_close_cancelled(&f->state, f->state.root);
	ck_assert_str_eq(fixture_dump(f), "cancelling cancelled");
	fixture_free(f);
}
END_TEST

/* --- outputs, variables, roots --- */

static const char *root_of(struct fixture *f, const char *path, const struct refs *refs)
{
	return json_text(f->arena, root_build(f->arena, &f->state, fixture_scope(f, path), refs)).p;
}

START_TEST(collects_outputs)
{
	struct fixture *f = fixture_new(LOOP("on_error: collect, parallel: 3, "), true);
	const struct each *e;

	ck_assert_int_eq(fixture_apply(f, "e 1 started " ITEMS "\ne[2]/i 1 started\ne[0]/i 1 started\ne[2]/i 1 succeeded " OUT("7")
					  "\ne[2]/j 1 skipped\ne[0]/i 1 failed " E), 0);
	e = f->state.root->nodes[0]->each;
	ck_assert_str_eq(json_text(f->arena, e->outputs[2]).p, "7");
	ck_assert_ptr_null(e->outputs[1]);
	ck_assert_str_eq(json_text(f->arena, e->outputs[0]).p, E);
	ck_assert_uint_eq(e->next, 1);
	ck_assert_ptr_nonnull(e->node);
	fixture_free(f);
}
END_TEST

START_TEST(sequential_loops_write_through)
{
	struct fixture *f = fixture_new("  - {id: a, set: {x: 1}}\n"
					"  - {id: e, for: {in: '[1]', as: it, do: [{id: j, set: {x: 1, it: 2}}, {id: k, set: {y: 1}}]}}\n", true);
	struct refs refs = {.reads = READS_VARS};

	ck_assert_int_eq(fixture_apply(f, "a 1 succeeded " OUT("{\"x\":1}") "\ne 1 started {\"items\":[\"p\",\"q\"]}"
					  "\ne[0]/j 1 succeeded " OUT("{\"x\":5,\"it\":\"own\"}")), 0);
	ck_assert_str_eq(root_of(f, "e[0]", &refs), "{\"vars\":{\"x\":5,\"it\":\"own\"}}");
	ck_assert_str_eq(root_of(f, "", &refs), "{\"vars\":{\"x\":5}}");
	ck_assert_int_eq(fixture_apply(f, "e[0]/k 1 skipped\ne[1]/j 1 skipped"), 0);
	ck_assert_str_eq(root_of(f, "e[1]", &refs), "{\"vars\":{\"x\":5,\"it\":\"q\"}}");
	fixture_free(f);
}
END_TEST

START_TEST(parallel_loops_own_theirs)
{
	struct fixture *f = fixture_new("  - {id: a, set: {x: 1}}\n"
					"  - {id: e, for: {in: '[1]', as: it, parallel: 2, do: [{id: j, set: {x: 1}}, {id: k, set: {y: 1}}]}}\n", true);
	struct refs refs = {.reads = READS_VARS};

	ck_assert_int_eq(fixture_apply(f, "a 1 succeeded " OUT("{\"x\":1}") "\ne 1 started {\"items\":[\"p\",\"q\"]}"
					  "\ne[0]/j 1 succeeded " OUT("{\"x\":5}") "\ne[1]/j 1 skipped"), 0);
	ck_assert_str_eq(root_of(f, "e[0]", &refs), "{\"vars\":{\"x\":5,\"it\":\"p\"}}");
	ck_assert_str_eq(root_of(f, "e[1]", &refs), "{\"vars\":{\"x\":1,\"it\":\"q\"}}");
	ck_assert_str_eq(root_of(f, "", &refs), "{\"vars\":{\"x\":1}}");
	fixture_free(f);
}
END_TEST

START_TEST(vars_do_not_pile_up)
{
	struct fixture *f = fixture_new("  - {id: a, set: {x: 1}}\n  - {id: s, switch: [{then: a, max_visits: 100000}]}\n", false);
	struct buf b;

	buf_init(&b, f->arena);
	buf_adds(&b, "{\"x\":\"");
	for (int i = 0; i < 1000; i++)
		buf_addc(&b, 'x');
	buf_adds(&b, "\"}");
	for (int i = 0; i < 500; i++) {
		const struct json *v;

		ck_assert_int_eq(json_parse(f->arena, buf_str(&b), NULL, &v, NULL), 0);
		vars_write(f->state.root, v);
	}
	ck_assert_uint_lt(arena_bytes(f->state.root->vars->arena), 64 * 1024);
	fixture_free(f);
}
END_TEST

START_TEST(roots)
{
	struct fixture *f = fixture_new("  - {id: a, set: {x: 1}}\n"
					"  - {id: e, for: {in: '[1]', do: [{id: i, call: t.t, with: {}}, {id: j, set: {v: 1}}]}}\n", false);
	static const struct ref both[] = {{1, 0}, {0, 0}, {0, 1}, {5, 0}};
	struct refs named = {.reads = READS_STEPS, .steps = both, .n_steps = 4};
	struct refs all = {.reads = READS_ALL, .all_steps = true}, none = {0};

	ck_assert_int_eq(fixture_apply(f, "a 1 succeeded " OUT("{\"x\":1}") "\ne 1 started {\"items\":[\"p\"]}"
					  "\ne[0]/i 1 started\ne[0]/i 1 succeeded " OUT("3")), 0);
	ck_assert_str_eq(root_of(f, "e[0]", &none), "{}");
	ck_assert_str_eq(root_of(f, "e[0]", &named),
			 "{\"steps\":{\"a\":{\"output\":{\"x\":1},\"status\":\"succeeded\",\"error\":null,\"visits\":1},"
			 "\"i\":{\"output\":3,\"status\":\"succeeded\",\"error\":null,\"visits\":1}}}");
	ck_assert_str_eq(root_of(f, "e[0]", &all),
			 "{\"input\":{},\"steps\":{\"a\":{\"output\":{\"x\":1},\"status\":\"succeeded\",\"error\":null,\"visits\":1},"
			 "\"e\":{\"output\":null,\"status\":\"running\",\"error\":null,\"visits\":1},"
			 "\"i\":{\"output\":3,\"status\":\"succeeded\",\"error\":null,\"visits\":1}},"
			 "\"vars\":{\"x\":1},\"task\":{},\"item\":\"p\",\"index\":0,\"error\":null}");
	ck_assert_str_eq(root_of(f, "", &(struct refs){.reads = READS_ITEM | READS_INDEX}), "{\"item\":null,\"index\":null}");
	fixture_free(f);
}
END_TEST

/* What the program says that its steps read. */
START_TEST(reads)
{
	struct fixture *f = fixture_new("  - {id: a, set: {x: '${ .input.q }'}}\n"
					"  - id: e\n    for:\n      in: .steps.a.output\n      output: '${ [.steps.i.output, .steps.a.status] }'\n"
					"      do: [{id: i, set: {v: '${ [.steps.a.output, .steps.a.error, .item, .index] }'}},\n"
					"           {id: j, when: .steps | length > 2, set: {v: '${ . | keys }'}}]\n", false);
	const struct program *p = f->state.program->top;
	const struct program_step *e = &p->v[1], *i = &e->body->v[0], *j = &e->body->v[1];

	ck_assert_uint_eq(p->v[0].refs.reads, READS_INPUT);
	ck_assert_uint_eq(e->refs.reads, READS_STEPS);
	ck_assert_uint_eq(e->refs.n_steps, 1);
	ck_assert_uint_eq(e->output.n_steps, 2);
	ck_assert_int_eq(e->output.steps[0].up, 0);
	ck_assert_int_eq(e->output.steps[1].up, 1);
	ck_assert_uint_eq(i->refs.reads, READS_STEPS | READS_ITEM | READS_INDEX);
	ck_assert_uint_eq(i->refs.n_steps, 1);
	ck_assert_int_eq(i->refs.steps[0].up, 1);
	ck_assert(j->refs.all_steps && j->refs.reads == READS_ALL);
	fixture_free(f);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("state");
	TCase *t = tcase_create("state");

	tcase_add_loop_test(t, applies, 0, sizeof cases / sizeof cases[0]);
	tcase_add_test(t, counts);
	tcase_add_test(t, a_call_that_did_not_happen_counts_once);
	tcase_add_test(t, keeps_taint);
	tcase_add_test(t, what_a_webhook_brings_is_tainted);
	tcase_add_test(t, intents_keep_taint);
	tcase_add_test(t, counts_turns);
	tcase_add_test(t, keeps_times);
	tcase_add_test(t, pushes_what_is_due);
	tcase_add_test(t, ready_list);
	tcase_add_test(t, cancels_all);
	tcase_add_test(t, abandons_between_steps);
	tcase_add_test(t, collects_outputs);
	tcase_add_test(t, sequential_loops_write_through);
	tcase_add_test(t, parallel_loops_own_theirs);
	tcase_add_test(t, vars_do_not_pile_up);
	tcase_add_test(t, roots);
	tcase_add_test(t, reads);
	suite_add_tcase(s, t);
	return suite_run(s);
}
