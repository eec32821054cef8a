/* health.c - whole calls at providers whose breakers are open, half-open, or whose limits are used up. */
#include "gateway/health.h"

#include <check.h>
#include <stdlib.h>

#include "base/arena.h"
#include "board.h"
#include "config/routing.h"
#include "stand.h"
#include "../suite_run.h"

/* Tier t: model a at the stub, b at the router. */
static void route_two(const char *a_is, const char *b_is, const char *stub_more, const char *tier_more)
{
	route(arena_printf(arena, "%smodels:\n"
		"  a: {provider: stub, id: \"stub/%s\", max_output: 100, price: free}\n"
		"  b: {provider: router, id: \"stub/%s\", max_output: 100, price: free}\n"
		"tiers:\n  t: {deadline: 5s, steps: [{model: a}, {model: b}]%s}\n  one: {deadline: 5s, steps: [{model: a}]%s}\n",
		provider_lines(stub_more), a_is, b_is, tier_more, tier_more));
}

static void load(const char *rows)
{
	struct err err = {0};

	ck_assert_msg(health_load(gateway_health(gateway), str_from(arena_printf(arena, "{\"whole\":true,\"rows\":[%s]}", rows)), &err) == 0, "%s", err.msg);
}

static const struct {
	const char *fault, *scope, *told;
} tellings[] = {
	{"plain", "provider", ""},
	{"401", "provider", "/open/0/900000/- "},
	{"401", "model", "/open/0/900000/- "},
	{"429-quota", "model", "/open/0/3600000/- "},
	{"404", "provider", "stub/404/open/0/3600000/- "},
	{"500", "provider", "/failed/0/0/- /failed/0/0/- "},
	{"500", "model", "stub/500/failed/0/0/- stub/500/failed/0/0/- "},
	{"close", "provider", "/failed/0/0/- "},
	{"hang-headers", "provider", "/failed/0/0/- "},
	{"empty", "provider", "/half/0/0/- /half/0/0/- "},
	{"400-context", "provider", ""},
};

START_TEST(what_is_told_of_an_attempt)
{
	struct asked q;

	route_two(tellings[_i].fault, "good", arena_printf(arena, ", breaker_scope: %s", tellings[_i].scope), "");
	q = ask("one");
	(void)q;
	loop_once(bank.loop);
	ck_assert_str_eq(board.told, tellings[_i].told);
	ck_assert_int_eq(board.n_admits, 0);
}
END_TEST

START_TEST(an_open_provider_is_not_asked)
{
	struct asked q;

	route_two("good", "good", "", "");
	load("[\"stub\",\"\",3,30000,0,\"timeout\",0,0,1,\"\"]");
	q = ask("t");
	ck_assert_str_eq(q.text, HELLO);
	ck_assert(str_is(bank.calls[0].provider, "router"));
	ck_assert_uint_eq(bank.n_calls, 1);
	ck_assert_str_eq(board.told, "");	/* a healthy way tells nothing */
	/* a breaker of one model */
	load("[\"router\",\"stub/good\",1,30000,0,\"timeout\",0,0,1,\"\"]");
	ask("t");
	ck_assert(str_is(bank.calls[1].provider, "stub"));
}
END_TEST

START_TEST(all_open_fails_with_why)
{
	struct asked q;

	route_two("good", "good", "", "");
	load("[\"stub\",\"\",3,30000,0,\"billing\",0,0,1,\"\"],[\"router\",\"\",1,40000,0,\"timeout\",0,0,1,\"\"]");
	q = ask("t");
	ck_assert_int_eq(q.err.code, ERR_MODEL_BILLING);
	ck_assert_int_eq(q.then, EXHAUSTED_FAIL);
	ck_assert_ptr_nonnull(strstr(q.err.msg, "a: its breaker is open for 30.00s more, after billing"));
	ck_assert_uint_eq(bank.n_calls, 0);
	route_two("good", "good", "", ", when_exhausted: {no_step_allowed: fail, all_failed: fail, all_open: requeue}");
	q = ask("t");
	ck_assert_int_eq(q.then, EXHAUSTED_REQUEUE);
	ck_assert(q.again_ms > 29000 && q.again_ms <= 30000);
}
END_TEST

/* The time comes within the deadline: it waits, asks to be the probe, and closes it. */
START_TEST(a_short_opening_is_waited_for)
{
	struct asked q;

	route_two("good", "good", "", "");
	load("[\"stub\",\"\",3,1500,0,\"timeout\",0,0,1,\"\"]");
	q = ask("one");
	ck_assert_str_eq(q.text, HELLO);
	loop_once(bank.loop);
	ck_assert_int_eq(board.n_admits, 1);
	ck_assert_str_eq(board.told, "/closed/3/0/probe ");
	ck_assert_str_eq(board.waits, "its breaker is open for 1.50s more, after timeout; null; ");
}
END_TEST

START_TEST(the_loser_of_a_probe_goes_on)
{
	struct asked q;

	route_two("good", "good", "", "");
	load("[\"stub\",\"\",3,0,0,\"timeout\",0,0,1,\"\"]");
	board.asks[board.n_asks++] = "[\"probe\",300000]";
	q = ask("t");
	ck_assert_str_eq(q.text, HELLO);
	ck_assert(str_is(bank.calls[0].provider, "router"));
	ck_assert_str_eq(board.told, "");
}
END_TEST

/* Without another step it waits until the probe is over: here the rows of its next ask say closed. */
START_TEST(or_waits_for_the_winner)
{
	struct asked q[3];

	route_two("delay-50", "good", "", "");
	load("[\"stub\",\"\",3,0,0,\"timeout\",0,0,1,\"\"]");
	board.rows = "[[\"stub\",\"\",3,0,300000,\"timeout\",0,0,1,\"\"]]";
	for (int i = 0; i < 3; i++)
		start(&q[i], "one", "hello", NULL, 0);
	while (board.n_admits == 0)
		loop_once(bank.loop);
	ck_assert_int_eq(board.n_asked, 1);	/* of a process only one asks */
	board.rows = "[[\"stub\",\"\",3,null,0,\"timeout\",0,0,0,\"\"]]";
	for (int i = 0; i < 3; i++) {
		finish(&q[i]);
		ck_assert_str_eq(q[i].text, HELLO);
	}
	ck_assert_int_eq(board.n_asked, 1);
	ck_assert_str_eq(board.told, "/closed/3/0/probe ");
}
END_TEST

/* Whatever ends a question gives back the probe that it was. */
START_TEST(a_probe_that_says_nothing_is_given_back)
{
	struct asked q;

	route_two("400-context", "good", "", "");
	load("[\"stub\",\"\",3,0,0,\"timeout\",0,0,1,\"\"]");
	ask("one");
	loop_once(bank.loop);
	ck_assert_str_eq(board.told, "/neutral/3/0/probe ");
	route_fault("good", "stub", false);
	load("[\"stub\",\"\",4,0,0,\"timeout\",0,0,1,\"\"]");
	bank.limit_pusd = 0;	/* no money: nobody is asked */
	q = ask("t");
	ck_assert_int_eq(q.err.code, ERR_BUDGET_USD);
	loop_once(bank.loop);
	ck_assert_str_eq(board.told, "/neutral/3/0/probe /neutral/4/0/probe ");
	load("[\"stub\",\"\",5,0,0,\"timeout\",0,0,1,\"\"]");
	start(&q, "t", "hello", NULL, 0);
	op_cancel(q.op);
	finish(&q);
	loop_once(bank.loop);
	ck_assert_str_eq(board.told, "/neutral/3/0/probe /neutral/4/0/probe /neutral/5/0/probe ");
}
END_TEST

START_TEST(a_limit_is_kept)
{
	struct asked q;
	int64_t began = loop_now_ms(bank.loop);

	route_two("good", "good", ", rpm: 60, tpm: 100000", "");
	board.asks[board.n_asks++] = "[null,1200]";
	q = ask("one");
	ck_assert_str_eq(q.text, HELLO);
	loop_once(bank.loop);
	ck_assert_int_ge(loop_now_ms(bank.loop) - began, 1200);
	ck_assert(board.most_ms > 4000 && board.most_ms < 5000);	/* what fits the deadline */
	ck_assert_int_gt(board.tokens, 100);
	ck_assert_str_eq(board.told, "");
	ck_assert_str_eq(board.waits, "its place in the provider's minute (rpm, tpm); null; ");
	ck_assert_ptr_nonnull(strstr(board.usage, "\"tpm\":100000"));	/* what it did not take comes back */
	/* not in time: the next step */
	board.asks[board.n_asks++] = "[\"rate\",90000]";
	q = ask("t");
	ck_assert(str_is(bank.calls[bank.n_calls - 1].provider, "router"));
	board.asks[board.n_asks++] = "[\"rate\",90000]";
	q = ask("one");
	ck_assert_int_eq(q.err.code, ERR_MODEL_RATE_LIMITED);
	ck_assert_int_eq(q.err.retry_after_ms, 90000);
	ck_assert_ptr_nonnull(strstr(q.err.msg, "its limit (rpm, tpm) is used up for 1m30s"));
}
END_TEST

/* The other side's hint opens the breaker for as long as the retry waits: a moment too early is no refusal. */
START_TEST(a_retry_waits_for_its_own_breaker)
{
	struct asked q;

	route(arena_printf(arena, "%smodels:\n  a: {provider: stub, id: \"stub/limit-1/own\", max_output: 10, price: free}\n"
		"tiers:\n  one: {deadline: 5s, steps: [{model: a}]}\n", provider_lines("")));
	load("");
	board.rows = "[[\"stub\",\"\",1,250,0,\"rate_limited\",0,0,0,\"\"]]";
	board.asks[board.n_asks++] = "[\"open\",20]";
	board.asks[board.n_asks++] = "[\"probe\",300000]";
	q = ask("one");
	ck_assert_msg(q.err.code == ERR_NONE, "%s", q.err.msg);
	ck_assert_int_eq(board.n_admits, 3);
}
END_TEST

#define COUNT(v) (sizeof(v) / sizeof(v)[0])

int main(void)
{
	Suite *s = suite_create("gateway/health");
	TCase *t = tcase_create("breakers");

	tcase_add_unchecked_fixture(t, start_stub, stop_stub);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, what_is_told_of_an_attempt, 0, COUNT(tellings));
	tcase_add_test(t, an_open_provider_is_not_asked);
	tcase_add_test(t, all_open_fails_with_why);
	tcase_add_test(t, a_short_opening_is_waited_for);
	tcase_add_test(t, the_loser_of_a_probe_goes_on);
	tcase_add_test(t, or_waits_for_the_winner);
	tcase_add_test(t, a_probe_that_says_nothing_is_given_back);
	tcase_add_test(t, a_limit_is_kept);
	tcase_add_test(t, a_retry_waits_for_its_own_breaker);
	suite_add_tcase(s, t);
	return suite_run(s);
}
