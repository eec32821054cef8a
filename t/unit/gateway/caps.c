/* caps.c - what a hold is taken at, what becomes of a question that caps refuse, and of one that a person allowed. */
#include <stdlib.h>

#include "base/arena.h"
#include "base/json.h"
#include "config/routing.h"
#include "stand.h"
#include "../suite_run.h"

static void route_caps(const char *tiers)
{
	route(arena_printf(arena, "timezone: Europe/Vienna\n%smodels:\n"
		"  a: {provider: stub, id: x, max_output: 100, " PRICE "}\n"
		"  b: {provider: stub, id: y, max_output: 100, " PRICE "}\n"
		"  bad: {provider: stub, id: \"stub/401\", max_output: 100, " PRICE "}\n"
		"  f: {provider: stub, id: z, price: free}\n"
		"caps:\n"
		"  ask: {scope: global, window: day, limit_usd: 1, on_exceeded: approval}\n"
		"  fail: {scope: token, window: month, limit_usd: 2}\n"
		"  flow: {scope: workflow, window: hour, limit_usd: 3}\n"
		"  model: {scope: model, window: day, limit_usd: 4}\n"
		"  prov: {scope: provider, window: day, limit_usd: 5}\n"
		"  skip: {scope: task, window: lifetime, limit_usd: 6, on_exceeded: skip}\n"
		"tiers:\n%s", provider_lines(""), tiers));
}

static void start_capped(struct asked *q, const char *facts, const struct spend_grant *grant, int64_t deadline_ms)
{
	struct arena *scratch = arena_new(NULL);
	struct message m = {.role = ROLE_USER, .text = STR("hello")};
	struct model_request req = {.fence = 1, .path = STR("draft/turn-1"), .tier = STR("t"), .messages = &m, .n_messages = 1,
				    .temperature = -1, .deadline_ms = deadline_ms, .grant = grant};

	if (facts)
		ck_assert_int_eq(json_parse(scratch, str_from(facts), NULL, &req.facts, NULL), 0);
	req.task.b[0] = facts ? 7 : 0;
	start_request(q, &req);
	arena_free(scratch);
}

START_TEST(a_hold_is_taken_at_the_caps_of_its_step)
{
	static const char facts[] = "{\"workflow\":\"brief\",\"submitted_by\":\"token:ann\"}";
	struct asked q;

	route_caps("  t: {steps: [{model: a, caps: [skip, prov, model, flow, fail, ask]}]}\n");
	start_capped(&q, facts, NULL, 0);
	finish(&q);
	ck_assert_int_eq(q.err.code, ERR_NONE);
	ck_assert_str_eq(bank.caps, "ask global  day Europe/Vienna 1000000; fail token token:ann month Europe/Vienna 2000000; "
			 "flow workflow brief hour Europe/Vienna 3000000; model model a day Europe/Vienna 4000000; "
			 "prov provider stub day Europe/Vienna 5000000; "
			 "skip task 07000000-0000-0000-0000-000000000000 lifetime Europe/Vienna 6000000");
	ck_assert(bank.calls[0].capped);
	/* who has no task is no concern of what is about tasks */
	start_capped(&q, NULL, NULL, 0);
	finish(&q);
	ck_assert_str_eq(bank.caps, "ask global  day Europe/Vienna 1000000; model model a day Europe/Vienna 4000000; "
			 "prov provider stub day Europe/Vienna 5000000");
}
END_TEST

START_TEST(what_caps_refuse)
{
	struct asked q;

	route_caps("  t: {steps: [{model: a, caps: [ask, skip]}, {model: b, caps: [fail]}, {model: f}]}\n");
	bank.capped = "skip";
	ck_assert_str_eq(ask("t").text, HELLO);
	ck_assert(str_is(bank.calls[0].model_asked, "y"));
	bank.capped = "ask skip fail";
	start_capped(&q, "{\"submitted_by\":\"os:me\"}", NULL, 0);
	finish(&q);
	ck_assert_int_eq(q.err.code, ERR_BUDGET_USD);
	ck_assert_str_eq(q.err.msg, "too dear");
	ck_assert_ptr_null(q.ask);
	route_caps("  t: {steps: [{model: a, caps: [ask, skip]}, {model: b, caps: [skip]}]}\n");
	bank.capped = "ask skip";
	q = ask("t");
	ck_assert_int_eq(q.err.code, ERR_BUDGET_USD);
	ck_assert_str_eq(q.ask, "t a draft/turn-1 1074000000 [{\"cap\":\"ask\"},{\"cap\":\"skip\"}]");
	ck_assert_uint_eq(q.n_calls, 0);
	ck_assert_int_eq(bank.held_pusd, 0);
}
END_TEST

START_TEST(what_others_hold_at_a_cap_is_waited_for)
{
	struct asked q;
	int64_t began_ms;

	route_caps("  t: {steps: [{model: a, caps: [ask]}, {model: f}]}\n");
	bank.capped = "ask";
	bank.n_waits = 3;
	q = ask("t");
	ck_assert_int_eq(q.err.code, ERR_NONE);
	ck_assert_int_eq(bank.n_refused, 3);
	ck_assert_str_eq(bank.log, "ok/computed/200 ");
	/* what came before is booked first: others may wait for it */
	bank.log[0] = '\0';
	bank.n_with_both = 0;
	bank.capped = "ask";
	bank.n_waits = 2;
	route_caps("  t: {steps: [{model: bad}, {model: a, caps: [ask]}]}\n");
	ck_assert_str_eq(ask("t").text, HELLO);
	ck_assert_str_eq(bank.log, "auth/none/401 ok/computed/200 ");
	ck_assert_int_eq(bank.n_with_both, 0);
	/* not for ever */
	route_caps("  t: {steps: [{model: a, caps: [fail]}, {model: f}]}\n");
	bank.capped = "fail";
	bank.n_waits = 1000;
	began_ms = loop_now_ms(bank.loop);
	start_capped(&q, "{\"submitted_by\":\"os:me\"}", NULL, 700);
	finish(&q);
	ck_assert_int_eq(q.err.code, ERR_BUDGET_USD);
	ck_assert_int_lt(loop_now_ms(bank.loop) - began_ms, 700);
	/* and not at all where the step is skipped and there is another */
	route_caps("  t: {steps: [{model: a, caps: [skip]}, {model: f}]}\n");
	bank.capped = "skip";
	bank.n_waits = 1000;
	bank.n_refused = 0;
	ck_assert_str_eq(ask("t").text, HELLO);
	ck_assert_int_eq(bank.n_refused, 1);
}
END_TEST

START_TEST(what_was_allowed_goes_with_the_hold)
{
	const struct spend_grant g = {.approval = STR("one"), .model = STR("b")};
	struct asked q;

	route_caps("  t: {steps: [{model: f}, {model: a, caps: [ask]}, {model: b, caps: [ask]}]}\n");
	start_capped(&q, NULL, &g, 0);
	finish(&q);
	ck_assert_int_eq(q.err.code, ERR_NONE);
	ck_assert_str_eq(bank.approval, "one");
	ck_assert(str_is(bank.calls[0].model_asked, "y"));
	q = ask("t");
	ck_assert(str_is(bank.calls[1].model_asked, "z"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("caps");
	TCase *t = tcase_create("caps");

	tcase_set_timeout(t, 120);
	tcase_add_unchecked_fixture(t, start_stub, stop_stub);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_hold_is_taken_at_the_caps_of_its_step);
	tcase_add_test(t, what_caps_refuse);
	tcase_add_test(t, what_others_hold_at_a_cap_is_waited_for);
	tcase_add_test(t, what_was_allowed_goes_with_the_hold);
	suite_add_tcase(s, t);
	return suite_run(s);
}
