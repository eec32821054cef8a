/* verdict.c - what each answer means for a delivery, and when it is sent again. */
#include <check.h>
#include <stdlib.h>

#include "base/clock.h"
#include "config/webhook.h"
#include "notify/verdict.h"
#include "../suite_run.h"
#include "../test_arena.h"

static const int64_t waits[] = {1000, 20000};
static const struct webhook_settings w = {.retry_ms = waits, .n_retry = 2};

static const struct {
	int status, tries;
	const char *retry_after;
	uint32_t dice;
	enum delivery_outcome outcome;
	int64_t delay_ms;
	const char *error;
	int64_t asked_ms;	/* by the body */
} rows[] = {
	{200, 1, NULL, 0, DELIVERY_DELIVERED, 0, NULL, 0},
	{204, 3, NULL, 0, DELIVERY_DELIVERED, 0, NULL, 0},
	{299, 9, NULL, 0, DELIVERY_DELIVERED, 0, NULL, 0},
	{199, 1, NULL, 0, DELIVERY_AGAIN, 1000, "answered 199", 0},
	{302, 1, NULL, 0, DELIVERY_AGAIN, 1000, "answered 302: redirects are not followed", 0},
	{400, 1, NULL, 0, DELIVERY_AGAIN, 1000, "answered 400", 0},
	{404, 2, NULL, 0, DELIVERY_AGAIN, 20000, "answered 404", 0},
	{500, 3, NULL, 0, DELIVERY_FAILED, 0, "answered 500", 0},
	{410, 1, NULL, 0, DELIVERY_FAILED, 0, "answered 410", 0},
	{410, 1, "10", 0, DELIVERY_FAILED, 0, "answered 410", 0},
	{429, 1, "10", 0, DELIVERY_AGAIN, 10000, "answered 429", 0},
	{503, 2, "10", 0, DELIVERY_AGAIN, 20000, "answered 503", 0},
	{503, 1, "99999999", 0, DELIVERY_AGAIN, 86400000, "answered 503", 0},
	{503, 1, "-5", 0, DELIVERY_AGAIN, 1000, "answered 503", 0},
	{503, 1, "soon", 0, DELIVERY_AGAIN, 1000, "answered 503", 0},
	{503, 1, "Thu, 01 Jan 1970 00:01:00 GMT", 0, DELIVERY_AGAIN, 60000, "answered 503", 0},
	{503, 3, "10", 0, DELIVERY_FAILED, 0, "answered 503", 0},
	{429, 1, NULL, 0, DELIVERY_AGAIN, 35000, "answered 429", 35000},	/* the longest that anybody asks for */
	{429, 1, "10", 0, DELIVERY_AGAIN, 35000, "answered 429", 35000},
	{429, 1, "60", 0, DELIVERY_AGAIN, 60000, "answered 429", 35000},
	{429, 2, NULL, 0, DELIVERY_AGAIN, 20000, "answered 429", 3000},
	{200, 1, NULL, 0, DELIVERY_DELIVERED, 0, NULL, 35000},
	{500, 1, NULL, 100, DELIVERY_AGAIN, 1100, "answered 500", 0},	/* spread by up to a tenth */
	{500, 1, NULL, 101, DELIVERY_AGAIN, 1000, "answered 500", 0},
	{0, 1, NULL, 0, DELIVERY_AGAIN, 1000, "no such host", 0},
	{0, 3, NULL, 0, DELIVERY_FAILED, 0, "no such host", 0},
};

START_TEST(verdicts)
{
	struct err err = {0};
	struct answer r = {.status = rows[_i].status, .err = &err, .retry_after = str_from(rows[_i].retry_after), .tries = rows[_i].tries,
			   .asked_ms = rows[_i].asked_ms,
			   .dice = rows[_i].dice};
	struct verdict v;

	clock_fake_us(1);
	err_set(&err, ERR_NETWORK, "no such host");
	v = verdict_of(a, &w, &r);
	clock_fake_us(0);
	ck_assert_int_eq(v.outcome, rows[_i].outcome);
	ck_assert_int_eq(v.delay_ms, rows[_i].delay_ms);
	if (rows[_i].error)
		ck_assert_msg(str_is(v.error, rows[_i].error), STR_FMT, STR_ARG(v.error));
	else
		ck_assert_ptr_null(v.error.p);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("verdict");
	TCase *t = tcase_create("verdict");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, verdicts, 0, (int)(sizeof rows / sizeof rows[0]));
	suite_add_tcase(s, t);
	return suite_run(s);
}
