/* Unit tests of engine/plan.c and engine/budget.c: state and time in, an action out. */
#include "engine/plan.h"

#include <check.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/json.h"
#include "engine/budget.h"
#include "engine/call.h"
#include "engine/flight.h"
#include "fixture.h"
#include "store/queue.h"
#include "../suite_run.h"

#define E "{\"error\":{\"type\":\"t\",\"message\":\"m\",\"retryable\":true}}"
#define E_RETRY "{\"error\":{\"type\":\"t\"},\"retry_at\":\"1970-01-01T00:00:09Z\"}"
#define UNTIL "{\"until\":\"1970-01-01T00:00:07Z\"}"
#define ITEMS "{\"items\":[1,2,3]}"

#define PERSON "{\"id\":\"x\",\"expires_at\":\"1970-01-01T00:00:04Z\",\"call\":{\"tool\":\"t.t\",\"effect\":\"pure\",\"args\":{},\"key\":\"" \
	"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\"}}"
#define DECIDED "\nc/approval-1 1 approval.decided {\"decision\":\"approved\"}"
#define SETS "  - {id: a, set: {x: 1}}\n  - {id: b, set: {y: 2}}\n"
#define SWITCH "  - {id: a, set: {x: 1}}\n  - {id: s, switch: [{then: end}]}\n"
#define BACK "  - {id: a, set: {x: 1}}\n  - {id: s, switch: [{then: a, max_visits: 9}]}\n"
#define CALL "  - {id: c, call: t.t, with: {}, budget: {wall: 5s}}\n"
#define MODEL "  - {id: m, model: {tier: x, prompt: p}}\n"
#define WAIT "  - {id: w, wait: 5s}\n"
#define SHORT_WAIT "  - {id: w, wait: 5s, timeout: 2s}\n"
#define LATE_WAIT(t) "  - {id: w, wait: 5s, timeout: " t "}\n"
#define TURN "m 1 started\nm/turn-1 1 turn.succeeded {\"text\":\"\"}"
#define AGENT "  - {id: g, agent: {tier: x, prompt: p, tools: [t.t]}, timeout: 3s}\n"
#define ASKED "{\"id\":\"i\",\"name\":\"t_t\",\"args\":\"{}\"}"
#define CALLS "g 1 started {\"tier\":\"x\"}\ng/turn-1 1 turn.succeeded {\"text\":\"\",\"calls\":[" ASKED "," ASKED "]}"
#define C0 "\ng/turn-1/call-0 1 "
#define C1 "\ng/turn-1/call-1 1 "
#define BUDGET "{\"error\":{\"type\":\"budget.calls\"}}"
#define LOOP "  - {id: e, for: {in: '[1]', parallel: 2, do: [{id: i, call: t.t, with: {}}]}, timeout: 3s}\n"
#define OUTPUT "  - {id: e, for: {in: '[1]', output: '${ 1 }', do: [{id: i, set: {x: 1}}]}}\n"

enum { HELD = 1, FLIGHT = 2, MINE = 4, NO_STARTS = 8, CANCEL = 16, ABORT = 32, CANCEL_ITEMS = 64, LOOKED = 128, SAID = 256,
       ASKS = 512 /* or looks again, at 2 s */, TIMED = 1024 /* the try ends at 2 s */ };

static const char *const names[] = {
	[PLAN_NOTHING] = "nothing", [PLAN_BEGIN] = "begin", [PLAN_DISPATCH] = "dispatch", [PLAN_RESUME] = "resume",
	[PLAN_LOOK] = "look", [PLAN_SETTLE] = "settle", [PLAN_DECIDED] = "decided", [PLAN_ASK] = "ask", [PLAN_WAKE] = "wake", [PLAN_OPEN_ITEM] = "open", [PLAN_CLOSE_LOOP] = "close", [PLAN_END_ITEM] = "end item",
	[PLAN_EXPIRE] = "expire", [PLAN_CANCEL] = "cancel", [PLAN_ABANDON] = "abandon",
};

static const struct {
	const char *name, *yaml, *rows;
	const char *scope;
	int64_t now_ms;
	unsigned flags;
	const char *action;
} cases[] = {
	{"first step", SETS, "", "", 1000, 0, "begin"},
	{"draining", SETS, "", "", 1000, NO_STARTS, "nothing"},
	{"next step", SETS, "a 1 skipped", "", 1000, 0, "begin"},
	{"result is not committed", SETS, "a 1 skipped", "", 1000, HELD, "nothing"},
	{"a switch rides along", SWITCH, "a 1 skipped", "", 1000, HELD, "begin"},
	{"next visit", BACK, "a 1 skipped\ns 1 succeeded {\"edge\":0}", "", 1000, 0, "begin"},
	{"next visit, draining", BACK, "a 1 skipped\ns 1 succeeded {\"edge\":0}", "", 1000, NO_STARTS, "nothing"},
	{"all over", SETS, "a 1 skipped\nb 1 skipped", "", 1000, 0, "nothing"},
	{"started, not committed", CALL, "c 1 started", "", 1000, HELD | MINE, "nothing"},
	{"started by us", CALL, "c 1 started", "", 1000, MINE, "dispatch"},
	{"started by us, draining", CALL, "c 1 started", "", 1000, MINE | NO_STARTS, "dispatch"},
	{"started by an earlier attempt", CALL, "c 1 started", "", 1000, 0, "look"},
	{"started by an earlier attempt, the ledger is read", CALL, "c 1 started", "", 1000, LOOKED, "resume"},
	{"started by an earlier attempt, the ledger could not be read", CALL, "c 1 started", "", 1999, ASKS, "nothing"},
	{"started by an earlier attempt, the ledger is read again", CALL, "c 1 started", "", 2000, ASKS, "look"},
	{"started by an earlier attempt, while it is read", CALL, "c 1 started", "", 1000, FLIGHT, "nothing"},
	{"a model's turn has no ledger", MODEL, "m 1 started", "", 1000, 0, "resume"},
	{"started by an earlier attempt, draining", CALL, "c 1 started", "", 1000, NO_STARTS, "nothing"},
	{"in flight", CALL, "c 1 started", "", 1000, FLIGHT, "nothing"},
	{"in flight, before its timeout", MODEL, "m 1 started", "", 1999, FLIGHT | TIMED, "nothing"},
	{"in flight, timeout", MODEL, "m 1 started", "", 2000, FLIGHT | TIMED, "expire"},
	{"in flight, timeout before the turn is committed", MODEL, TURN, "", 2000, FLIGHT | TIMED | HELD, "expire"},
	{"between turns", MODEL, TURN, "", 1999, MINE | TIMED, "dispatch"},
	{"timeout between turns", MODEL, TURN, "", 2000, MINE | TIMED, "expire"},
	{"timeout between turns, the last is not committed", MODEL, TURN, "", 2000, MINE | TIMED | HELD, "nothing"},
	{"a person is asked: was it decided?", CALL, "c/approval-1 1 approval.requested " PERSON, "", 1000, 0, "look"},
	{"asked, not committed", CALL, "c/approval-1 1 approval.requested " PERSON, "", 1000, HELD, "nothing"},
	{"asked, draining", CALL, "c/approval-1 1 approval.requested " PERSON, "", 1000, NO_STARTS, "look"},
	{"asked, nobody decided", CALL, "c/approval-1 1 approval.requested " PERSON, "", 3999, LOOKED, "nothing"},
	{"asked, its time is over", CALL, "c/approval-1 1 approval.requested " PERSON, "", 4000, LOOKED, "look"},
	{"asked, the wall budget is over", CALL, "c/approval-1 1 approval.requested " PERSON, "", 6000, LOOKED, "expire"},
	{"decided", CALL, "c/approval-1 1 approval.requested " PERSON DECIDED, "", 1000, LOOKED, "decided"},
	{"decided, draining", CALL, "c/approval-1 1 approval.requested " PERSON DECIDED, "", 1000, LOOKED | NO_STARTS, "nothing"},
	{"decided, not committed", CALL, "c/approval-1 1 approval.requested " PERSON DECIDED, "", 1000, HELD, "nothing"},
	{"asked, the task is cancelled", CALL, "c/approval-1 1 approval.requested " PERSON, "", 1000, CANCEL, "cancel"},
	{"an agent's first turn", AGENT, "g 1 started", "", 1000, MINE, "dispatch"},
	{"an agent's turn has no ledger", AGENT, "g 1 started", "", 1000, 0, "resume"},
	{"an agent's turn is not committed", AGENT, CALLS, "", 1000, HELD, "nothing"},
	{"an agent's first call", AGENT, CALLS, "", 1000, 0, "open 0"},
	{"an agent's first call, draining", AGENT, CALLS, "", 1000, NO_STARTS, "nothing"},
	{"an agent's second call", AGENT, CALLS C0 "started", "", 1000, 0, "open 1"},
	{"an agent's calls run", AGENT, CALLS C0 "started" C1 "started", "", 1000, 0, "nothing"},
	{"an agent's call, begun by an earlier attempt", AGENT, CALLS C0 "started", "g/turn-1", 1000, 0, "look"},
	{"an agent's calls are over", AGENT, CALLS C0 "started" C0 "succeeded {}" C1 "failed " E, "", 1000, 0, "resume"},
	{"an agent's calls are over, not committed", AGENT, CALLS C0 "failed " E C1 "failed " E, "", 1000, HELD, "nothing"},
	{"an agent's calls are over, draining", AGENT, CALLS C0 "failed " E C1 "failed " E, "", 1000, NO_STARTS, "nothing"},
	{"an agent's calls are over, too late", AGENT, CALLS C0 "failed " E C1 "failed " E, "", 4000, 0, "expire"},
	{"an agent's calls take too long", AGENT, CALLS C0 "started", "", 4000, 0, "expire"},
	{"an agent's guard, a call still runs", AGENT, CALLS C0 "started" C1 "failed " BUDGET, "", 1000, 0, "nothing"},
	{"an agent's guard", AGENT, CALLS C0 "started" C1 "failed " BUDGET C0 "cancelled", "", 1000, 0, "close"},
	{"an agent is cancelled, a call still runs", AGENT, CALLS C0 "started", "", 1000, CANCEL, "nothing"},
	{"an agent's call is cancelled", AGENT, CALLS C0 "started", "g/turn-1", 1000, CANCEL | LOOKED, "cancel"},
	{"an agent is cancelled", AGENT, CALLS C0 "started" C0 "cancelled" C1 "failed " E, "", 1000, CANCEL, "cancel"},
	{"uncertain", CALL, "c 1 started\nc 1 uncertain " E, "", 1000, 0, "look"},
	{"uncertain, not committed", CALL, "c 1 started\nc 1 uncertain " E, "", 1000, HELD, "nothing"},
	{"uncertain, while it looks or asks", CALL, "c 1 started\nc 1 uncertain " E, "", 3000, FLIGHT | ASKS, "nothing"},
	{"uncertain, draining", CALL, "c 1 started\nc 1 uncertain " E, "", 1000, NO_STARTS, "look"},
	{"uncertain, the ledger could not be read", CALL, "c 1 started\nc 1 uncertain " E, "", 1999, ASKS, "nothing"},
	{"uncertain, the ledger is read again", CALL, "c 1 started\nc 1 uncertain " E, "", 2000, ASKS, "look"},
	{"uncertain, nobody spoke", CALL, "c 1 started\nc 1 uncertain " E, "", 9000, LOOKED, "nothing"},
	{"uncertain, somebody spoke", CALL, "c 1 started\nc 1 uncertain " E, "", 1000, LOOKED | SAID, "settle"},
	{"uncertain, somebody spoke and it would be time to ask", CALL, "c 1 started\nc 1 uncertain " E, "", 3000, LOOKED | SAID | ASKS, "settle"},
	{"uncertain, before the tool is asked", CALL, "c 1 started\nc 1 uncertain " E, "", 1999, LOOKED | ASKS, "nothing"},
	{"uncertain, the tool is asked", CALL, "c 1 started\nc 1 uncertain " E, "", 2000, LOOKED | ASKS, "ask"},
	{"uncertain for longer than its wall budget", CALL, "c 1 started\nc 1 uncertain " E, "", 6000, LOOKED, "nothing"},
	{"before the next try", CALL, "c 1 started\nc 1 failed " E_RETRY, "", 1000, 0, "nothing"},
	{"wall budget while retrying", CALL, "c 1 started\nc 1 failed " E_RETRY, "", 6000, 0, "expire"},
	{"next try", "  - {id: c, call: t.t, with: {}}\n", "c 1 started\nc 1 failed " E_RETRY, "", 9000, 0, "begin"},
	{"next try, not committed", "  - {id: c, call: t.t, with: {}}\n", "c 1 started\nc 1 failed " E_RETRY, "", 9000, HELD, "nothing"},
	{"next try, draining", "  - {id: c, call: t.t, with: {}}\n", "c 1 started\nc 1 failed " E_RETRY, "", 9000, NO_STARTS, "nothing"},
	{"waits", WAIT, "w 1 waiting " UNTIL, "", 6999, 0, "nothing"},
	{"wakes", WAIT, "w 1 waiting " UNTIL, "", 7000, 0, "wake"},
	{"wakes although draining", WAIT, "w 1 waiting " UNTIL, "", 7000, NO_STARTS, "wake"},
	{"wait times out", SHORT_WAIT, "w 1 waiting " UNTIL, "", 3000, 0, "expire"},
	{"wakes when it would time out", LATE_WAIT("6s"), "w 1 waiting " UNTIL, "", 7000, 0, "wake"},
	{"wakes long after it would time out", LATE_WAIT("7s"), "w 1 waiting " UNTIL, "", 9000, 0, "wake"},
	{"loop opens the first", LOOP, "e 1 started " ITEMS, "", 1000, 0, "open 0"},
	{"loop opens the next", LOOP, "e 1 started " ITEMS "\ne[0]/i 1 started", "", 1000, 0, "open 1"},
	{"loop is full", LOOP, "e 1 started " ITEMS "\ne[0]/i 1 started\ne[1]/i 1 started", "", 1000, 0, "nothing"},
	{"loop has room again", LOOP, "e 1 started " ITEMS "\ne[0]/i 1 started\ne[1]/i 1 skipped", "", 1000, 0, "open 2"},
	{"loop is held", LOOP, "e 1 started " ITEMS "\ne[0]/i 1 skipped", "", 1000, HELD, "nothing"},
	{"loop, draining", LOOP, "e 1 started " ITEMS, "", 1000, NO_STARTS, "nothing"},
	{"loop, all begun", LOOP, "e 1 started " ITEMS "\ne[0]/i 1 skipped\ne[1]/i 1 skipped\ne[2]/i 1 started", "", 1000, 0, "nothing"},
	{"loop, all ended", LOOP, "e 1 started " ITEMS "\ne[0]/i 1 skipped\ne[1]/i 1 skipped\ne[2]/i 1 skipped", "", 1000, 0, "close"},
	{"empty loop", LOOP, "e 1 started {\"items\":[]}", "", 1000, 0, "close"},
	{"loop failed, some open", LOOP, "e 1 started " ITEMS "\ne[0]/i 1 started\ne[1]/i 1 failed " E, "", 1000, 0, "nothing"},
	{"loop failed, none open", LOOP, "e 1 started " ITEMS "\ne[0]/i 1 failed " E, "", 1000, 0, "close"},
	{"loop before its timeout", LOOP, "e 1 started " ITEMS "\ne[0]/i 1 started", "", 3999, 0, "open 1"},
	{"loop without a timeout", OUTPUT, "e 1 started " ITEMS, "", 4000, 0, "open 0"},
	{"loop times out", LOOP, "e 1 started " ITEMS "\ne[0]/i 1 started", "", 4000, 0, "expire"},
	{"loop timed out, some open", LOOP, "e 1 started " ITEMS "\ne[0]/i 1 started", "", 4000, ABORT, "nothing"},
	{"loop timed out, none open", LOOP, "e 1 started " ITEMS "\ne[0]/i 1 skipped", "", 4000, ABORT, "close"},
	{"iteration with output", OUTPUT, "e 1 started " ITEMS "\ne[0]/i 1 skipped", "e[0]", 1000, 0, "end item"},
	{"iteration begins", LOOP, "e 1 started " ITEMS "\ne[0]/i 1 started", "e[0]", 1000, LOOKED, "resume"},
	{"cancelling between steps", SETS, "a 1 skipped", "", 1000, CANCEL, "abandon"},
	{"cancelling before the first", SETS, "", "", 1000, CANCEL, "abandon"},
	{"cancelling an ended iteration", OUTPUT, "e 1 started " ITEMS "\ne[0]/i 1 skipped", "e[0]", 1000, CANCEL, "abandon"},
	{"cancelling a wait", WAIT, "w 1 waiting " UNTIL, "", 1000, CANCEL, "cancel"},
	{"cancelling a call", CALL, "c 1 started", "", 1000, CANCEL | FLIGHT, "cancel"},
	{"cancelling before the commit", CALL, "c 1 started", "", 1000, CANCEL | MINE | HELD, "nothing"},
	{"cancelling after the commit", CALL, "c 1 started", "", 1000, CANCEL | MINE, "cancel"},
	{"cancelling what an earlier attempt began", CALL, "c 1 started", "", 1000, CANCEL, "look"},
	{"cancelling what an earlier attempt began, the ledger is read", CALL, "c 1 started", "", 1000, CANCEL | LOOKED, "cancel"},
	{"cancelling what an earlier attempt began, the ledger could not be read", CALL, "c 1 started", "", 1999, CANCEL | ASKS, "nothing"},
	{"cancelling what an earlier attempt began, the ledger is read again", CALL, "c 1 started", "", 2000, CANCEL | ASKS, "look"},
	{"cancelling a task that is uncertain", CALL, "c 1 started\nc 1 uncertain " E, "", 1000, CANCEL, "look"},
	{"cancelling a task that is uncertain: nobody spoke", CALL, "c 1 started\nc 1 uncertain " E, "", 1000, CANCEL | LOOKED, "nothing"},
	{"cancelling a task that is uncertain: somebody spoke", CALL, "c 1 started\nc 1 uncertain " E, "", 1000, CANCEL | LOOKED | SAID, "settle"},
	{"cancelling a task that is uncertain: the tool is asked", CALL, "c 1 started\nc 1 uncertain " E, "", 2000, CANCEL | LOOKED | ASKS | NO_STARTS, "ask"},
	{"cancelling iterations: uncertain blocks", LOOP, "e 1 started " ITEMS "\ne[0]/i 1 started\ne[0]/i 1 uncertain " E, "e[0]", 1000, CANCEL_ITEMS | LOOKED, "nothing"},
	{"cancelling a loop with iterations", LOOP, "e 1 started " ITEMS "\ne[0]/i 1 started", "", 1000, CANCEL, "nothing"},
	{"cancelling a loop without", LOOP, "e 1 started " ITEMS, "", 1000, CANCEL, "cancel"},
};

START_TEST(plans)
{
	struct fixture *f = fixture_new(cases[_i].yaml, true);
	struct state *st = &f->state;
	struct plan_env env = {.now_us = cases[_i].now_ms * 1000, .starts = !(cases[_i].flags & NO_STARTS)};
	struct flight flight = {0};
	const struct ledger_word said = {0};
	struct action a;
	struct scope *sc;
	struct node *n;
	const char *got;

	ck_assert_msg(fixture_apply(f, cases[_i].rows) == 0, "%s: %s", cases[_i].name, f->err.msg);
	sc = fixture_scope(f, cases[_i].scope);
	n = (size_t)sc->cursor < 2 && scope_step(sc) ? sc->nodes[sc->cursor] : NULL;
	if (cases[_i].flags & HELD)
		sc->held_seq = st->committed_seq + 1;
	if (n && cases[_i].flags & FLIGHT)
		n->flight = &flight;
	if (n) {
		n->mine = cases[_i].flags & MINE;
		n->looked = cases[_i].flags & LOOKED;
		n->ledger = cases[_i].flags & SAID ? &said : NULL;
	}
	if (cases[_i].flags & ASKS)
		state_set_wake(st, n, 2000000);
	if (cases[_i].flags & TIMED)
		state_set_deadline(st, n, 2000000);
	if (cases[_i].flags & ABORT)
		n->each->abort = json_null();
	if (cases[_i].flags & CANCEL)
		state_cancel_all(st);
	if (cases[_i].flags & CANCEL_ITEMS)
		state_cancel_items(st, st->root->nodes[0]->each);
	a = plan_scope(st, sc, &env);
	got = a.kind == PLAN_OPEN_ITEM ? arena_printf(f->arena, "open %zu", a.item) : names[a.kind];
	ck_assert_msg(strcmp(got, cases[_i].action) == 0, "%s: %s", cases[_i].name, got);
	fixture_free(f);
}
END_TEST

START_TEST(expires_what_flies)
{
	struct fixture *f = fixture_new(CALL, true);
	struct plan_env env = {.now_us = 6000000, .starts = true};
	struct flight flight = {0};
	struct node *n;

	ck_assert_int_eq(fixture_apply(f, "c 1 started"), 0);
	n = f->state.root->nodes[0];
	n->flight = &flight;
	ck_assert_int_eq(plan_scope(&f->state, f->state.root, &env).kind, PLAN_NOTHING);
	state_set_deadline(&f->state, n, node_deadline(n, 1000000));
	ck_assert_int_eq(n->deadline_us, 6000000);
	ck_assert_int_eq(plan_scope(&f->state, f->state.root, &env).kind, PLAN_EXPIRE);
	state_set_deadline(&f->state, n, 0);
	ck_assert_int_eq(plan_scope(&f->state, f->state.root, &env).kind, PLAN_NOTHING);
	fixture_free(f);
}
END_TEST

/* --- what becomes of the run --- */

static const struct {
	const char *name, *rows;
	struct run_facts facts;
	enum run_next next;
} runs[] = {
	{"ended", "c 1 failed " E, {.busy = true, .earliest_us = INT64_MAX}, RUN_FINISH},
	{"busy", "", {.busy = true, .earliest_us = INT64_MAX}, RUN_BUSY},
	{"busy and uncertain", "c 1 started\nc 1 uncertain " E, {.busy = true, .earliest_us = INT64_MAX}, RUN_BUSY},
	{"uncertain", "c 1 started\nc 1 uncertain " E, {.earliest_us = INT64_MAX}, RUN_PARK_UNCERTAIN},
	{"uncertain, task deadline", "c 1 started\nc 1 uncertain " E, {.earliest_us = 10}, RUN_PARK_UNCERTAIN},
	{"uncertain, draining", "c 1 started\nc 1 uncertain " E, {.leaving = true, .earliest_us = INT64_MAX}, RUN_PARK_UNCERTAIN},
	{"uncertain, far timer", "c 1 started\nc 1 uncertain " E, {.has_timer = true, .earliest_us = 2000000}, RUN_PARK_UNCERTAIN},
	{"uncertain, near timer", "c 1 started\nc 1 uncertain " E, {.has_timer = true, .earliest_us = 1000000}, RUN_SLEEP},
	{"far timer", "", {.has_timer = true, .earliest_us = 1000001}, RUN_PARK_TIMER},
	{"far timer, draining", "", {.leaving = true, .has_timer = true, .earliest_us = 1000001}, RUN_PARK_TIMER},
	{"a person is asked", "c/approval-1 1 approval.requested " PERSON, {.has_timer = true, .earliest_us = 4000000}, RUN_PARK_APPROVAL},
	{"asked, its end is near", "c/approval-1 1 approval.requested " PERSON, {.has_timer = true, .earliest_us = 1000000}, RUN_SLEEP},
	{"asked, draining", "c/approval-1 1 approval.requested " PERSON, {.leaving = true, .has_timer = true, .earliest_us = 4000000}, RUN_PARK_APPROVAL},
	{"asked, and something else could begin", "c/approval-1 1 approval.requested " PERSON,
	 {.leaving = true, .held_back = true, .has_timer = true, .earliest_us = 4000000}, RUN_RELEASE},
	{"far timer, something could begin", "", {.leaving = true, .held_back = true, .has_timer = true, .earliest_us = 1000001}, RUN_RELEASE},
	{"near timer", "", {.has_timer = true, .earliest_us = 1000000}, RUN_SLEEP},
	{"near timer, draining", "", {.leaving = true, .has_timer = true, .earliest_us = 1000000}, RUN_RELEASE},
	{"draining", "", {.leaving = true, .earliest_us = INT64_MAX}, RUN_RELEASE},
	{"nothing left", "", {.earliest_us = INT64_MAX}, RUN_STUCK},
	{"only the task's deadline", "", {.earliest_us = 5000000}, RUN_STUCK},
};

START_TEST(plans_runs)
{
	struct fixture *f = fixture_new(CALL, true);

	ck_assert_int_eq(fixture_apply(f, runs[_i].rows), 0);
	ck_assert_msg(plan_run(&f->state, &runs[_i].facts) == runs[_i].next, "%s: %u", runs[_i].name,
		      plan_run(&f->state, &runs[_i].facts));
	fixture_free(f);
}
END_TEST

/* Nobody may answer now: that is no timer, no try and no turn. */
START_TEST(a_question_that_comes_again_waits_for_a_slot)
{
	const struct run_facts facts = {.has_timer = true, .earliest_us = 9000000};
	struct fixture *f = fixture_new(MODEL, true);
	struct node *n;

	ck_assert_int_eq(fixture_apply(f, "m 1 started\nm 1 failed {\"error\":{\"type\":\"t\"},\"retry_at\":\"1970-01-01T00:00:09Z\",\"free\":true}"), 0);
	ck_assert_int_eq(plan_run(&f->state, &facts), RUN_PARK_SLOT);
	n = f->state.root->nodes[0];
	ck_assert(n->waits_slot && n->n_free == 1 && n->wake_us == 9000000);
	ck_assert_int_eq(fixture_apply(f, "m 2 started"), 0);
	ck_assert(!n->waits_slot && f->state.n_slots == 0);
	ck_assert_int_eq(f->state.n_model_turns, 1);
	ck_assert_int_eq(fixture_apply(f, "m 2 failed {\"error\":{\"type\":\"t\"},\"retry_at\":\"1970-01-01T00:00:09Z\"}"), 0);
	ck_assert_int_eq(plan_run(&f->state, &facts), RUN_PARK_TIMER);
	ck_assert_int_eq(fixture_apply(f, "m 3 started"), 0);
	ck_assert_int_eq(f->state.n_model_turns, 2);	/* a retry is another one */
	fixture_free(f);
}
END_TEST

/* The ledger of a call that is under way could not be read: a park would be ready again at once, for the cancel's sake. */
START_TEST(cancelled_runs_pause)
{
	const struct run_facts facts = {.has_timer = true, .earliest_us = 1000001};
	struct fixture *f = fixture_new(CALL, true);

	ck_assert_int_eq(fixture_apply(f, "c 1 started"), 0);
	ck_assert_int_eq(plan_run(&f->state, &facts), RUN_PARK_TIMER);
	state_cancel_all(&f->state);
	ck_assert_int_eq(plan_run(&f->state, &facts), RUN_RELEASE);
	ck_assert_int_eq(fixture_apply(f, "c 1 uncertain " E), 0);
	ck_assert_int_eq(plan_run(&f->state, &facts), RUN_PARK_UNCERTAIN);
	fixture_free(f);
}
END_TEST

/* --- budgets --- */

#define BUDGETED                                                                                                       \
	"  - id: e\n    budget: {calls: 3, turns: 2, usd: 1.5}\n    for:\n      in: '[1]'\n      do:\n"                 \
	"      - {id: c, call: t.t, with: {}, budget: {calls: 2}}\n"                                                   \
	"      - {id: m, model: {tier: x, prompt: p}, budget: {turns: 2, usd: 0.5}}\n"                                 \
	"      - {id: back, switch: [{then: c, max_visits: 9}]}\n"

static const struct task_budget guards = {GUARD_CALLS, GUARD_TURNS};

START_TEST(budgets_of_steps)
{
	struct fixture *f = fixture_new(BUDGETED, true);
	struct state *st = &f->state;
	struct scope *sc;
	struct err err = {0};

	ck_assert_int_eq(fixture_apply(f, "e 1 started " ITEMS "\ne[0]/c 1 started\ne[0]/c 1 failed " E_RETRY "\ne[0]/c 2 started"), 0);
	sc = fixture_scope(f, "e[0]");
	ck_assert_int_eq(budget_check_call(st, &guards, sc->nodes[0], &err), -1);	/* its own: two */
	ck_assert_int_eq(err.code, ERR_BUDGET_CALLS);
	ck_assert_int_eq(fixture_apply(f, "e[0]/c 2 succeeded {\"output\":1}"), 0);
	ck_assert_int_eq(budget_check_call(st, &guards, sc->nodes[0], &err), 0);	/* another visit, and the loop has one left */
	ck_assert_int_eq(fixture_apply(f, "e[0]/m 1 started\ne[0]/m/turn-1 1 turn.succeeded {\"text\":\"\"}"), 0);
	ck_assert_int_eq(budget_check_turn(st, &guards, sc->nodes[1], &err), -1);
	ck_assert_int_eq(err.code, ERR_BUDGET_TURNS);
	ck_assert_int_eq(fixture_apply(f, "e[0]/m 1 succeeded {\"output\":1}\ne[0]/back 1 succeeded {\"edge\":0}\ne[0]/c~2 1 started"), 0);
	ck_assert_int_eq(budget_check_call(st, &guards, sc->nodes[0], &err), -1);	/* the loop's: three */
	ck_assert(strstr(err.msg, "\"e\"") != NULL);
	fixture_free(f);
}
END_TEST

START_TEST(budgets_of_tasks)
{
	struct fixture *f = fixture_new(CALL, true);
	struct task_budget b = {.calls = 1, .turns = 0};
	const struct json *v;
	struct err err = {0};

	state_node(f->state.root, 0);
	ck_assert_int_eq(budget_check_call(&f->state, &b, f->state.root->nodes[0], &err), 0);
	f->state.n_calls = 1;
	ck_assert_int_eq(budget_check_call(&f->state, &b, f->state.root->nodes[0], &err), -1);
	ck_assert_int_eq(budget_check_turn(&f->state, &b, f->state.root->nodes[0], &err), -1);
	ck_assert_int_eq(budget_check_step(&f->state, &err), 0);
	f->state.n_steps = GUARD_STEPS;
	ck_assert_int_eq(budget_check_step(&f->state, &err), -1);
	ck_assert_int_eq(err.code, ERR_BUDGET_VISITS);
	b = budget_read(NULL);
	ck_assert(b.calls == GUARD_CALLS && b.turns == GUARD_TURNS);
	ck_assert_int_eq(json_parse(f->arena, STR("{\"calls\":7,\"turns\":-1,\"usd\":\"1\"}"), NULL, &v, &err), 0);
	b = budget_read(v);
	ck_assert(b.calls == 7 && b.turns == GUARD_TURNS);
	fixture_free(f);
}
END_TEST

START_TEST(limits_in_money)
{
	struct fixture *f = fixture_new(BUDGETED, true);
	const struct spend_limit *v;
	size_t n;

	ck_assert_int_eq(fixture_apply(f, "e 1 started " ITEMS "\ne[2]/c 1 skipped\ne[2]/m 1 started"), 0);
	v = budget_limits(f->arena, fixture_scope(f, "e[2]")->nodes[1], &n);
	ck_assert_uint_eq(n, 2);
	ck_assert(str_is(v[0].path, "e[2]/m") && v[0].limit_pusd == INT64_C(500000000000));
	ck_assert(str_is(v[1].path, "e") && v[1].limit_pusd == INT64_C(1500000000000));
	fixture_free(f);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("plan");
	TCase *t = tcase_create("plan");

	tcase_add_loop_test(t, plans, 0, sizeof cases / sizeof cases[0]);
	tcase_add_test(t, expires_what_flies);
	tcase_add_loop_test(t, plans_runs, 0, sizeof runs / sizeof runs[0]);
	tcase_add_test(t, a_question_that_comes_again_waits_for_a_slot);
	tcase_add_test(t, cancelled_runs_pause);
	tcase_add_test(t, budgets_of_steps);
	tcase_add_test(t, budgets_of_tasks);
	tcase_add_test(t, limits_in_money);
	suite_add_tcase(s, t);
	return suite_run(s);
}
