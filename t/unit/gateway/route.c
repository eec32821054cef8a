/* route.c - every class against every situation. */
#include "gateway/route.h"

#include <check.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/json.h"
#include "config/expr.h"
#include "../suite_run.h"
#include "../test_arena.h"

static const struct expr *condition(const char *source)
{
	const struct expr *e;
	struct expr_error error;

	ck_assert_msg(expr_parse(a, str_from(source), &e, &error) == 0, "%s", error.msg);
	return e;
}

enum { STEPS = 4 };

/* a: small, b: large, c: free of unknown context, r: recorded */
static struct provider provider = {.retry = {.max = 1, .backoff_ms = 1000, .backoff_max_ms = 8000, .max_hint_ms = 20000}};
static struct model models[STEPS] = {
	{.name = {"a", 1}, .provider = &provider, .context = 1000},
	{.name = {"b", 1}, .provider = &provider, .context = 9000},
	{.name = {"c", 1}, .provider = &provider},
	{.name = {"r", 1}, .provider = &provider},
};
static struct tier_step steps[STEPS];
static struct route_fact facts[STEPS];
static struct tier tier;

static uint64_t bit(enum err_code code)
{
	return UINT64_C(1) << (code - ERR_MODEL_RATE_LIMITED);
}

static const enum err_code transient[] = {
	ERR_MODEL_RATE_LIMITED, ERR_MODEL_QUOTA_EXHAUSTED, ERR_MODEL_BILLING, ERR_MODEL_AUTH, ERR_MODEL_OVERLOADED,
	ERR_MODEL_SERVER_ERROR, ERR_MODEL_TIMEOUT, ERR_MODEL_NETWORK, ERR_MODEL_TRUNCATED_STREAM, ERR_MODEL_STREAM_ERROR,
	ERR_MODEL_EMPTY_OUTPUT, ERR_MODEL_MALFORMED_TOOL_CALL, ERR_MODEL_BAD_BODY, ERR_MODEL_CONTEXT_OVERFLOW, ERR_MODEL_NOT_FOUND,
};

static void reset(void)
{
	provider.retry.max = 1;
	for (size_t i = 0; i < STEPS; i++) {
		steps[i] = (struct tier_step){.model = &models[i]};
		facts[i] = (struct route_fact){.configured = true};
	}
	steps[3].if_unconfigured = true;
	tier = (struct tier){.name = {"cheap", 5}, .steps = steps, .n_steps = STEPS, .deadline_ms = 240000};
	for (size_t i = 0; i < sizeof transient / sizeof transient[0]; i++)
		tier.fallback_on |= bit(transient[i]);
}

static struct route *begin(int64_t input_tokens)
{
	return route_begin(a, &tier, NULL, facts, &(struct route_question){.input_tokens = input_tokens});
}

START_TEST(a_question_with_tools_passes_over_who_cannot_use_them)
{
	const struct route_question q = {.input_tokens = 10, .has_tools = true};
	struct route *r;

	reset();
	models[1].can = CAN_TOOLS | CAN_JSON;
	models[0].can = CAN_JSON;
	r = route_begin(a, &tier, NULL, facts, &q);
	ck_assert_int_eq(r->steps[0].verdict, STEP_NO_TOOLS);
	ck_assert_int_eq(r->steps[1].verdict, STEP_USABLE);
	ck_assert_uint_eq(route_next(r, NULL, 1000, 0).step, 1);
	models[1].can = 0;
	r = route_begin(a, &tier, NULL, facts, &q);
	ck_assert_int_eq(route_next(r, NULL, 1000, 0).err.code, ERR_MODEL_NO_ROUTE);
	models[0].can = 0;
	ck_assert_int_eq(begin(10)->steps[0].verdict, STEP_USABLE);
}
END_TEST

static struct route_choice after(const struct route *r, size_t step, int tries, enum err_code code, int hint_ms, int64_t left_ms, uint32_t dice)
{
	struct route_failure f = {.step = step, .tries = tries};

	err_set(&f.err, code, "it failed");
	f.err.retry_after_ms = hint_ms;
	return route_next(r, &f, left_ms, dice);
}

/* --- the table: one failed try at step a, no hint, plenty of time --- */

enum then { AGAIN, NEXT, LARGER, STOP };

static const struct {
	enum err_code code;
	enum then first, second;	/* after the first try, after its retry */
} classes[] = {
	{ERR_MODEL_RATE_LIMITED, AGAIN, NEXT},
	{ERR_MODEL_QUOTA_EXHAUSTED, NEXT, NEXT},
	{ERR_MODEL_BILLING, NEXT, NEXT},
	{ERR_MODEL_AUTH, NEXT, NEXT},
	{ERR_MODEL_OVERLOADED, AGAIN, NEXT},
	{ERR_MODEL_SERVER_ERROR, AGAIN, NEXT},
	{ERR_MODEL_TIMEOUT, NEXT, NEXT},
	{ERR_MODEL_NETWORK, AGAIN, NEXT},
	{ERR_MODEL_TRUNCATED_STREAM, NEXT, NEXT},
	{ERR_MODEL_STREAM_ERROR, AGAIN, NEXT},
	{ERR_MODEL_EMPTY_OUTPUT, AGAIN, NEXT},
	{ERR_MODEL_MALFORMED_TOOL_CALL, AGAIN, NEXT},
	{ERR_MODEL_BAD_BODY, NEXT, NEXT},
	{ERR_MODEL_CONTEXT_OVERFLOW, LARGER, LARGER},
	{ERR_MODEL_CONTENT_BLOCKED, STOP, STOP},
	{ERR_MODEL_NOT_FOUND, NEXT, NEXT},
	{ERR_MODEL_INVALID_REQUEST, STOP, STOP},
	{ERR_MODEL_OVERSIZE, STOP, STOP},
	{ERR_MODEL_CANCELLED, STOP, STOP},
	{ERR_MODEL_NO_ROUTE, STOP, STOP},
	{ERR_BUDGET_USD, STOP, STOP},
	{ERR_LEASE_LOST, STOP, STOP},
};

static void expect(struct route_choice c, enum err_code code, enum then then)
{
	const char *name = err_name(code);

	ck_assert_msg(c.end == (then == STOP), "%s", name);
	if (then == STOP)
		ck_assert_msg(c.err.code == code, "%s", name);
	else
		ck_assert_msg(c.is_retry == (then == AGAIN) && c.step == (then == AGAIN ? 0U : 1U), "%s", name);
}

START_TEST(each_class)
{
	enum err_code code = classes[_i].code;
	const struct route *r;

	reset();
	r = begin(10);
	expect(after(r, 0, 1, code, 0, 60000, 0), code, classes[_i].first);
	expect(after(r, 0, 2, code, 0, 60000, 0), code, classes[_i].second);
	/* never again where nothing is retried */
	provider.retry.max = 0;
	expect(after(r, 0, 1, code, 0, 60000, 0), code, classes[_i].second);
	/* not listed: the walk ends with the failure itself */
	tier.fallback_on = 0;
	expect(after(r, 0, 1, code, 0, 60000, 0), code, STOP);
	/* the last step: nothing behind it (r is not needed) */
	reset();
	expect(after(r, 2, 2, code, 0, 60000, 0), code, STOP);
}
END_TEST

START_TEST(blocked_content_falls_back_where_the_tier_says_so)
{
	reset();
	tier.fallback_on |= bit(ERR_MODEL_CONTENT_BLOCKED);
	expect(after(begin(10), 0, 1, ERR_MODEL_CONTENT_BLOCKED, 0, 60000, 0), ERR_MODEL_CONTENT_BLOCKED, NEXT);
}
END_TEST

START_TEST(an_error_that_is_not_retryable_is_not_retried)
{
	struct route_failure f = {.step = 0, .tries = 1};

	reset();
	err_set(&f.err, ERR_MODEL_OVERLOADED, "x-should-retry: false");
	f.err.retryable = false;
	expect(route_next(begin(10), &f, 60000, 0), ERR_MODEL_OVERLOADED, NEXT);
}
END_TEST

START_TEST(overflow_goes_to_a_larger_context_only)
{
	const struct route *r;

	reset();
	r = begin(10);
	ck_assert_uint_eq(after(r, 0, 1, ERR_MODEL_CONTEXT_OVERFLOW, 0, 60000, 0).step, 1);
	ck_assert(after(r, 1, 1, ERR_MODEL_CONTEXT_OVERFLOW, 0, 60000, 0).end);	/* c is unknown */
	ck_assert(after(r, 2, 1, ERR_MODEL_CONTEXT_OVERFLOW, 0, 60000, 0).end);
}
END_TEST

/* --- waiting --- */

static const struct {
	int tries, max, hint_ms;
	int64_t left_ms;
	uint32_t dice;
	int64_t delay_ms;	/* -1: the next step */
} waits[] = {
	{1, 1, 0, 60000, 0, 0},
	{1, 1, 0, 60000, UINT32_MAX, 999},
	{2, 3, 0, 60000, UINT32_MAX / 2, 999},
	{2, 3, 0, 60000, UINT32_MAX, 1999},
	{3, 3, 0, 60000, 0, 0},
	{3, 3, 0, 60000, UINT32_MAX, 3999},
	{1, 1, 2000, 60000, 0, 2000},
	{1, 1, 2000, 60000, UINT32_MAX, 2199},
	{1, 1, 250, 60000, 0, 250},		/* never sooner than what was asked for */
	{1, 1, 250, 60000, UINT32_MAX, 999},
	{1, 1, 20000, 60000, 0, 20000},
	{1, 1, 20001, 60000, 0, -1},
	{1, 1, 5000, 5000, 0, -1},
	{1, 1, 5000, 5001, 0, 5000},
	{1, 1, 0, 999, UINT32_MAX, -1},
	{2, 1, 0, 60000, 0, -1},
};

START_TEST(delays)
{
	struct route_choice c;

	reset();
	provider.retry.max = waits[_i].max;
	c = after(begin(10), 0, waits[_i].tries, ERR_MODEL_RATE_LIMITED, waits[_i].hint_ms, waits[_i].left_ms, waits[_i].dice);
	ck_assert(!c.end);
	ck_assert_int_eq(c.is_retry, waits[_i].delay_ms >= 0);
	ck_assert_int_eq(c.delay_ms, waits[_i].delay_ms >= 0 ? waits[_i].delay_ms : 0);
}
END_TEST

START_TEST(backoff_is_bounded)
{
	reset();
	provider.retry.max = 100;
	ck_assert_int_eq(after(begin(10), 0, 90, ERR_MODEL_OVERLOADED, 0, 60000, UINT32_MAX).delay_ms, 7999);
}
END_TEST

START_TEST(no_time_left)
{
	struct route_choice c;

	reset();
	c = after(begin(10), 0, 1, ERR_MODEL_AUTH, 0, 0, 0);
	ck_assert(c.end && c.err.code == ERR_MODEL_AUTH);
	ck_assert_ptr_nonnull(strstr(c.err.hint, "deadline"));
	c = route_next(begin(10), NULL, 0, 0);
	ck_assert(c.end && c.err.code == ERR_MODEL_TIMEOUT);
}
END_TEST

/* --- verdicts --- */

START_TEST(the_recorded_step_is_the_last_resort)
{
	const struct route *r;

	reset();
	r = begin(10);
	ck_assert_int_eq(r->steps[3].verdict, STEP_NOT_NEEDED);
	facts[0].configured = facts[1].configured = facts[2].configured = false;
	facts[1].reason = "B_KEY is not set";
	r = begin(10);
	ck_assert_int_eq(r->steps[1].verdict, STEP_NOT_CONFIGURED);
	ck_assert_int_eq(r->steps[3].verdict, STEP_USABLE);
	ck_assert_uint_eq(route_next(r, NULL, 60000, 0).step, 3);
	/* one other that is configured but not usable keeps it away all the same */
	facts[2].configured = true;
	facts[2].no_price = "no price";
	r = begin(10);
	ck_assert(route_next(r, NULL, 60000, 0).end);
}
END_TEST

START_TEST(reasons_of_all_steps_are_told)
{
	struct route_choice c;

	reset();
	facts[0] = (struct route_fact){.reason = "A_KEY is not set"};
	steps[1].when = condition(".task.urgency == \"high\"");
	facts[2].no_price = "it has no max_output";
	c = route_next(begin(10), NULL, 60000, 0);
	ck_assert(c.end && c.err.code == ERR_MODEL_NO_ROUTE);
	ck_assert_ptr_nonnull(strstr(c.err.msg, "tier \"cheap\""));
	ck_assert_ptr_nonnull(strstr(c.err.msg, "a: A_KEY is not set"));
	ck_assert_ptr_nonnull(strstr(c.err.msg, "b: its condition is false"));
	ck_assert_ptr_nonnull(strstr(c.err.msg, "c: it has no max_output"));
	ck_assert_ptr_nonnull(strstr(c.err.msg, "r: another step is configured"));
}
END_TEST

START_TEST(conditions_see_the_task)
{
	const struct json *task;
	const struct route *r;

	reset();
	steps[0].when = condition(".task.urgency == \"high\"");
	steps[1].when = condition(".task.labels.n > 5");
	steps[2].when = condition(".task | error");
	ck_assert_int_eq(json_parse(a, STR("{\"urgency\":\"high\",\"labels\":{\"n\":3}}"), NULL, &task, NULL), 0);
	r = route_begin(a, &tier, task, facts, &(struct route_question){.input_tokens = 10});
	ck_assert_int_eq(r->steps[0].verdict, STEP_USABLE);
	ck_assert_int_eq(r->steps[1].verdict, STEP_CONDITION_FALSE);
	ck_assert_int_eq(r->steps[2].verdict, STEP_CONDITION_FAILED);
	ck_assert_uint_eq(route_next(r, NULL, 60000, 0).step, 0);
}
END_TEST

START_TEST(what_cannot_fit_is_not_sent)
{
	const struct route *r;

	reset();
	r = begin(2002);
	ck_assert_int_eq(r->steps[0].verdict, STEP_CONTEXT_TOO_SMALL);
	ck_assert_int_eq(r->steps[1].verdict, STEP_USABLE);
	ck_assert_int_eq(r->steps[2].verdict, STEP_USABLE);
	ck_assert_uint_eq(route_next(r, NULL, 60000, 0).step, 1);
	ck_assert_int_eq(begin(1900)->steps[0].verdict, STEP_USABLE);	/* may fit: the estimate is a worst case */
	facts[1].configured = facts[2].configured = false;
	ck_assert(route_next(begin(2002), NULL, 60000, 0).end);
	ck_assert_int_eq(route_next(begin(2002), NULL, 60000, 0).err.code, ERR_MODEL_CONTEXT_OVERFLOW);
}
END_TEST

START_TEST(fallback_skips_what_is_not_usable)
{
	reset();
	facts[1].configured = false;
	ck_assert_uint_eq(after(begin(10), 0, 1, ERR_MODEL_AUTH, 0, 60000, 0).step, 2);
}
END_TEST

/* --- providers that let nobody through --- */

static void shut(size_t step, enum verdict why, int64_t ms, enum err_code code)
{
	facts[step].shut = why;
	facts[step].shut_ms = ms;
	facts[step].shut_why = "its breaker is open";
	facts[step].shut_code = code;
}

START_TEST(an_open_breaker_is_passed_over)
{
	struct route *r;

	reset();
	r = begin(10);
	shut(0, STEP_OPEN, 30000, ERR_MODEL_TIMEOUT);
	ck_assert_int_eq(route_judge(r, 0).verdict, STEP_OPEN);
	ck_assert_str_eq(route_judge(r, 0).why, "its breaker is open");
	ck_assert_uint_eq(route_next(r, NULL, 60000, 0).step, 1);
	shut(1, STEP_PROBED, 1000, ERR_MODEL_TIMEOUT);
	ck_assert_uint_eq(route_next(r, NULL, 60000, 0).step, 2);
	/* a fallback passes over it as well, and over one that turned out to be shut */
	ck_assert_uint_eq(after(r, 0, 2, ERR_MODEL_AUTH, 0, 60000, 0).step, 2);
	shut(2, STEP_RATE_LIMITED, 70000, ERR_MODEL_RATE_LIMITED);
	ck_assert(after(r, 0, 2, ERR_MODEL_AUTH, 0, 60000, 0).end);
	facts[0].shut = STEP_USABLE;
	ck_assert_uint_eq(route_next(r, NULL, 60000, 0).step, 0);
	/* what cannot be used for other reasons stays so */
	facts[1].configured = false;
	ck_assert_int_eq(route_judge(begin(10), 1).verdict, STEP_NOT_CONFIGURED);
}
END_TEST

static void shut_all(void)
{
	facts[1].configured = false;
	shut(0, STEP_OPEN, 30000, ERR_MODEL_TIMEOUT);
	shut(2, STEP_OPEN, 20000, ERR_MODEL_BILLING);
}

START_TEST(all_open_waits_for_the_first)
{
	struct route_choice c;

	reset();
	shut_all();
	c = route_next(begin(10), NULL, 20001, 0);
	ck_assert(c.wait && !c.end);
	ck_assert_uint_eq(c.step, 2);
	ck_assert_int_eq(c.delay_ms, 20000);
	c = route_pass(begin(10), 0, NULL, 20001);
	ck_assert(c.wait && c.step == 2);
}
END_TEST

START_TEST(all_open_for_too_long_ends_as_the_tier_says)
{
	struct route_choice c;

	reset();
	shut_all();
	tier.no_step_allowed = tier.all_failed = EXHAUSTED_APPROVAL;
	c = route_next(begin(10), NULL, 20000, 0);
	ck_assert(c.end && c.then == EXHAUSTED_FAIL);
	ck_assert_int_eq(c.err.code, ERR_MODEL_BILLING);	/* of the one that opens first */
	ck_assert_int_eq(c.err.retry_after_ms, 20000);
	ck_assert_ptr_nonnull(strstr(c.err.msg, "a: its breaker is open"));
	ck_assert_ptr_nonnull(strstr(c.err.msg, "b: not configured"));
	tier.all_open = EXHAUSTED_REQUEUE;
	c = route_next(begin(10), NULL, 20000, 0);
	ck_assert(c.end && c.then == EXHAUSTED_REQUEUE);
	ck_assert_int_eq(c.again_ms, 20000);
	c = route_pass(begin(10), 0, NULL, 20000);
	ck_assert(c.end && c.then == EXHAUSTED_REQUEUE);
	/* the deadline passed in a line */
	c = route_next(begin(10), NULL, 0, 0);
	ck_assert(c.end && c.then == EXHAUSTED_REQUEUE && c.err.code == ERR_MODEL_TIMEOUT && c.again_ms == 0);
}
END_TEST

/* all_failed requeues: what would recur fails all the same. */
START_TEST(what_becomes_of_a_tier_that_failed)
{
	static const enum err_code recurs[] = {ERR_MODEL_CONTEXT_OVERFLOW, ERR_MODEL_CONTENT_BLOCKED, ERR_MODEL_INVALID_REQUEST,
					       ERR_MODEL_OVERSIZE, ERR_MODEL_CANCELLED, ERR_BUDGET_USD, ERR_LEASE_LOST};
	struct route_choice c;

	reset();
	tier.all_failed = EXHAUSTED_REQUEUE;
	for (size_t i = 0; i < sizeof transient / sizeof transient[0]; i++) {
		c = after(begin(10), 2, 2, transient[i], 0, 60000, 0);
		ck_assert_msg(c.end && c.then == (transient[i] == ERR_MODEL_CONTEXT_OVERFLOW ? EXHAUSTED_FAIL : EXHAUSTED_REQUEUE), "%s",
			      err_name(transient[i]));
		/* a class that the tier does not go on after ends it, whatever stands behind the step */
		tier.fallback_on &= ~bit(transient[i]);
		ck_assert_int_eq(after(begin(10), 2, 2, transient[i], 0, 60000, 0).then, EXHAUSTED_FAIL);
	}
	for (size_t i = 0; i < sizeof recurs / sizeof recurs[0]; i++)
		ck_assert_msg(after(begin(10), 2, 2, recurs[i], 0, 60000, 0).then == EXHAUSTED_FAIL, "%s", err_name(recurs[i]));
	reset();
	tier.all_failed = EXHAUSTED_REQUEUE;
	c = after(begin(10), 0, 1, ERR_MODEL_AUTH, 0, 0, 0);	/* no time for another attempt */
	ck_assert(c.end && c.then == EXHAUSTED_REQUEUE);
	/* behind a failure nobody waits for an open one */
	shut(1, STEP_OPEN, 10, ERR_MODEL_TIMEOUT);
	shut(2, STEP_OPEN, 10, ERR_MODEL_TIMEOUT);
	c = after(begin(10), 0, 2, ERR_MODEL_AUTH, 0, 60000, 0);
	ck_assert(c.end && !c.wait && c.err.code == ERR_MODEL_AUTH && c.then == EXHAUSTED_REQUEUE);
}
END_TEST

START_TEST(what_becomes_of_a_tier_without_a_step)
{
	struct route_choice c;

	reset();
	facts[0].configured = facts[1].configured = facts[2].configured = false;
	tier.n_steps = 3;
	tier.no_step_allowed = EXHAUSTED_REQUEUE;
	c = route_next(begin(10), NULL, 60000, 0);
	ck_assert(c.end && c.then == EXHAUSTED_REQUEUE && c.again_ms == 0 && c.err.code == ERR_MODEL_NO_ROUTE);
	facts[0].configured = true;	/* too long for it: that does not pass */
	c = route_next(begin(2002), NULL, 60000, 0);
	ck_assert(c.end && c.then == EXHAUSTED_FAIL && c.err.code == ERR_MODEL_CONTEXT_OVERFLOW);
}
END_TEST

START_TEST(verdicts_have_words)
{
	for (int v = STEP_USABLE; v <= STEP_RATE_LIMITED; v++)
		for (int w = STEP_USABLE; w < v; w++)
			ck_assert_str_ne(verdict_word((enum verdict)v), verdict_word((enum verdict)w));
}
END_TEST

/* --- what caps refuse --- */

static struct route_choice refuse(struct route *r, size_t step, enum cap_exceeded word, const struct route_failure *last)
{
	return route_refuse(r, step, word, "cap \"day\" needs more", last, 60000);
}

START_TEST(a_refusal_goes_on_unless_it_says_fail)
{
	static const enum cap_exceeded words[] = {CAP_SKIP, CAP_APPROVAL};
	struct route_choice c;

	reset();
	for (size_t i = 0; i < 2; i++) {
		c = refuse(begin(10), 0, words[i], NULL);
		ck_assert(!c.end && c.step == 1 && !c.is_retry);
	}
	c = refuse(begin(10), 0, CAP_FAIL, NULL);
	ck_assert(c.end && !c.ask && c.err.code == ERR_BUDGET_USD);
	ck_assert_str_eq(c.err.msg, "cap \"day\" needs more");
	ck_assert(route_refuse(begin(10), 0, CAP_SKIP, "no", NULL, 0).end);	/* no time is left for another */
}
END_TEST

START_TEST(at_the_end_of_the_list_a_person_is_asked)
{
	struct route_failure failed = {.step = 1, .tries = 1};
	struct route_choice c;
	struct route *r;

	reset();
	err_set(&failed.err, ERR_MODEL_AUTH, "no");
	/* whatever came of the steps before and behind */
	r = begin(10);
	refuse(r, 0, CAP_APPROVAL, NULL);
	c = after(r, 1, 1, ERR_MODEL_AUTH, 0, 60000, 0);
	ck_assert(!c.end && c.step == 2);
	c = refuse(r, 2, CAP_SKIP, &failed);
	ck_assert(c.end && c.ask && c.step == 0 && c.err.code == ERR_BUDGET_USD);
	/* but not after a failure that ends the walk */
	ck_assert(!after(r, 1, 1, ERR_MODEL_INVALID_REQUEST, 0, 60000, 0).ask);
	ck_assert(after(r, 2, 1, ERR_MODEL_AUTH, 0, 60000, 0).ask);
}
END_TEST

START_TEST(what_is_skipped_adds_nothing)
{
	struct route_failure failed = {.step = 0, .tries = 1};
	struct route_choice c;
	struct route *r;

	reset();
	facts[2].configured = false;
	err_set(&failed.err, ERR_MODEL_AUTH, "the key is wrong");
	c = refuse(begin(10), 1, CAP_SKIP, &failed);
	ck_assert(c.end && !c.ask && c.err.code == ERR_MODEL_AUTH);
	r = begin(10);
	refuse(r, 0, CAP_SKIP, NULL);
	c = refuse(r, 1, CAP_SKIP, NULL);
	ck_assert(c.end && !c.ask && c.err.code == ERR_MODEL_NO_ROUTE);
	ck_assert_ptr_nonnull(strstr(c.err.msg, "a: cap \"day\" needs more; b: cap \"day\" needs more; c: "));
	/* unless the tier wants a person asked where no step is allowed */
	tier.no_step_allowed = EXHAUSTED_APPROVAL;
	r = begin(10);
	refuse(r, 0, CAP_SKIP, NULL);
	c = refuse(r, 1, CAP_SKIP, NULL);
	ck_assert(c.end && c.ask && c.step == 0);
	r = begin(10);
	ck_assert(!refuse(r, 1, CAP_SKIP, &failed).ask);	/* one was tried */
	facts[0].configured = facts[1].configured = false;
	steps[3].when = condition("false");
	ck_assert(!route_next(begin(10), NULL, 60000, 0).ask);	/* no cap is in the way: nothing to allow */
}
END_TEST

START_TEST(what_was_approved_is_asked_alone)
{
	struct route_question q = {.input_tokens = 10, .only = STR("b")};
	struct route *r;

	reset();
	r = route_begin(a, &tier, NULL, facts, &q);
	ck_assert_uint_eq(route_next(r, NULL, 60000, 0).step, 1);
	ck_assert(after(r, 1, 1, ERR_MODEL_AUTH, 0, 60000, 0).end);
	facts[1].configured = false;	/* it cannot be asked any more: the others can */
	ck_assert_uint_eq(route_next(route_begin(a, &tier, NULL, facts, &q), NULL, 60000, 0).step, 0);
	ck_assert(!route_goes_on(begin(10), 2) && route_goes_on(begin(10), 0));
}
END_TEST

#define COUNT(v) (sizeof(v) / sizeof(v)[0])

int main(void)
{
	Suite *s = suite_create("route");
	TCase *t = tcase_create("route");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, each_class, 0, COUNT(classes));
	tcase_add_test(t, a_question_with_tools_passes_over_who_cannot_use_them);
	tcase_add_test(t, blocked_content_falls_back_where_the_tier_says_so);
	tcase_add_test(t, an_error_that_is_not_retryable_is_not_retried);
	tcase_add_test(t, overflow_goes_to_a_larger_context_only);
	tcase_add_loop_test(t, delays, 0, COUNT(waits));
	tcase_add_test(t, backoff_is_bounded);
	tcase_add_test(t, no_time_left);
	tcase_add_test(t, the_recorded_step_is_the_last_resort);
	tcase_add_test(t, reasons_of_all_steps_are_told);
	tcase_add_test(t, conditions_see_the_task);
	tcase_add_test(t, what_cannot_fit_is_not_sent);
	tcase_add_test(t, fallback_skips_what_is_not_usable);
	tcase_add_test(t, an_open_breaker_is_passed_over);
	tcase_add_test(t, all_open_waits_for_the_first);
	tcase_add_test(t, all_open_for_too_long_ends_as_the_tier_says);
	tcase_add_test(t, what_becomes_of_a_tier_that_failed);
	tcase_add_test(t, what_becomes_of_a_tier_without_a_step);
	tcase_add_test(t, verdicts_have_words);
	tcase_add_test(t, a_refusal_goes_on_unless_it_says_fail);
	tcase_add_test(t, at_the_end_of_the_list_a_person_is_asked);
	tcase_add_test(t, what_is_skipped_adds_nothing);
	tcase_add_test(t, what_was_approved_is_asked_alone);
	suite_add_tcase(s, t);
	return suite_run(s);
}
