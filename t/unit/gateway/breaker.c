/* breaker.c - every class: which breaker it concerns, what it does there, for how long. */
#include "gateway/breaker.h"

#include <check.h>
#include <stdlib.h>

#include "../suite_run.h"

static const struct routing_breaker settings = {.failures = 3, .window_ms = 60000, .open_ms = 30000, .open_max_ms = 900000};

enum { MIN = 60 * 1000, HOUR = 60 * MIN };

static const struct {
	enum err_code code;
	int hint_ms;
	enum breaker_effect effect;
	enum breaker_place place;
	int64_t open_ms;
	bool alert;
} rows[] = {
	{ERR_NONE, 0, BREAKER_CLOSED, BREAKER_OF_SCOPE, 0, false},
	{ERR_MODEL_RATE_LIMITED, 2000, BREAKER_OPEN, BREAKER_OF_SCOPE, 2000, false},
	{ERR_MODEL_RATE_LIMITED, 0, BREAKER_OPEN, BREAKER_OF_SCOPE, 30000, false},
	{ERR_MODEL_QUOTA_EXHAUSTED, 0, BREAKER_QUOTA, BREAKER_OF_SCOPE, 0, false},
	{ERR_MODEL_QUOTA_EXHAUSTED, 36430, BREAKER_QUOTA, BREAKER_OF_SCOPE, 36430, false},
	{ERR_MODEL_BILLING, 0, BREAKER_OPEN, BREAKER_OF_ACCOUNT, HOUR, true},
	{ERR_MODEL_BILLING, 2000, BREAKER_OPEN, BREAKER_OF_ACCOUNT, HOUR, true},
	{ERR_MODEL_AUTH, 0, BREAKER_OPEN, BREAKER_OF_ACCOUNT, 15 * MIN, true},
	{ERR_MODEL_OVERLOADED, 5000, BREAKER_FAILED, BREAKER_OF_SCOPE, 0, false},
	{ERR_MODEL_SERVER_ERROR, 0, BREAKER_FAILED, BREAKER_OF_SCOPE, 0, false},
	{ERR_MODEL_TIMEOUT, 0, BREAKER_FAILED, BREAKER_OF_SCOPE, 0, false},
	{ERR_MODEL_NETWORK, 0, BREAKER_FAILED, BREAKER_OF_SCOPE, 0, false},
	{ERR_MODEL_TRUNCATED_STREAM, 0, BREAKER_FAILED, BREAKER_OF_SCOPE, 0, false},
	{ERR_MODEL_STREAM_ERROR, 0, BREAKER_FAILED, BREAKER_OF_SCOPE, 0, false},
	{ERR_MODEL_EMPTY_OUTPUT, 0, BREAKER_HALF, BREAKER_OF_SCOPE, 0, false},
	{ERR_MODEL_MALFORMED_TOOL_CALL, 0, BREAKER_HALF, BREAKER_OF_SCOPE, 0, false},
	{ERR_MODEL_BAD_BODY, 0, BREAKER_FAILED, BREAKER_OF_SCOPE, 0, false},
	{ERR_MODEL_CONTEXT_OVERFLOW, 0, BREAKER_NEUTRAL, BREAKER_OF_SCOPE, 0, false},
	{ERR_MODEL_CONTENT_BLOCKED, 0, BREAKER_NEUTRAL, BREAKER_OF_SCOPE, 0, false},
	{ERR_MODEL_NOT_FOUND, 0, BREAKER_OPEN, BREAKER_OF_MODEL, HOUR, true},
	{ERR_MODEL_INVALID_REQUEST, 0, BREAKER_NEUTRAL, BREAKER_OF_SCOPE, 0, false},
	{ERR_MODEL_OVERSIZE, 0, BREAKER_NEUTRAL, BREAKER_OF_SCOPE, 0, false},
	{ERR_MODEL_CANCELLED, 0, BREAKER_NEUTRAL, BREAKER_OF_SCOPE, 0, false},
	{ERR_MODEL_NO_ROUTE, 0, BREAKER_NEUTRAL, BREAKER_OF_SCOPE, 0, false},
	{ERR_CANCELLED, 0, BREAKER_NEUTRAL, BREAKER_OF_SCOPE, 0, false},
};

START_TEST(each_class)
{
	struct breaker_verdict v;
	struct err err = {0};

	if (rows[_i].code != ERR_NONE)
		err_set(&err, rows[_i].code, "it failed");
	err.retry_after_ms = rows[_i].hint_ms;
	v = breaker_judge(&err, &settings);
	ck_assert_msg(v.effect == rows[_i].effect && v.place == rows[_i].place && v.open_ms == rows[_i].open_ms && v.alert == rows[_i].alert, "%s",
		      err_name(rows[_i].code));
}
END_TEST

/* A class that is added needs a row here. */
START_TEST(all_classes_have_a_row)
{
	for (int code = ERR_MODEL_RATE_LIMITED; code <= ERR_MODEL_NO_ROUTE; code++) {
		bool found = false;

		for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
			found |= rows[i].code == (enum err_code)code;
		ck_assert_msg(found, "%s", err_name((enum err_code)code));
	}
	ck_assert_int_eq(breaker_judge(NULL, &settings).effect, BREAKER_CLOSED);
}
END_TEST

START_TEST(effects_have_the_names_of_sql)
{
	static const char *const names[] = {"neutral", "closed", "failed", "half", "open", "quota"};

	for (int e = BREAKER_NEUTRAL; e <= BREAKER_QUOTA; e++)
		ck_assert_str_eq(breaker_effect_name((enum breaker_effect)e), names[e]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("breaker");
	TCase *t = tcase_create("classes");

	tcase_add_loop_test(t, each_class, 0, sizeof rows / sizeof rows[0]);
	tcase_add_test(t, all_classes_have_a_row);
	tcase_add_test(t, effects_have_the_names_of_sql);
	suite_add_tcase(s, t);
	return suite_run(s);
}
