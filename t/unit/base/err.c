/* err.c - filling errors, and the table of err.def. */
#include "base/err.h"
#include "../suite_run.h"

#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

START_TEST(set)
{
	struct err err;

	memset(&err, 0xff, sizeof err);
	ck_assert_int_eq(err_set(&err, ERR_NETWORK, "\"%s\": refused after %d ms", "host", 12), -1);
	ck_assert_int_eq(err.code, ERR_NETWORK);
	ck_assert(err.retryable);
	ck_assert_int_eq(err.status, 0);
	ck_assert_int_eq(err.retry_after_ms, 0);
	ck_assert_str_eq(err.msg, "\"host\": refused after 12 ms");
	ck_assert_str_eq(err.hint, "");
	ck_assert_int_eq(err_set(&err, ERR_JSON, "x"), -1);
	ck_assert(!err.retryable);
	ck_assert_str_eq(err.msg, "x");
}
END_TEST

START_TEST(long_messages_are_cut)
{
	char big[2000];
	struct err err;

	memset(big, 'x', sizeof big - 1);
	big[sizeof big - 1] = '\0';
	err_set(&err, ERR_IO, "%s", big);
	ck_assert_uint_eq(strlen(err.msg), sizeof err.msg - 1);
	err_hint(&err, "%s", big);
	ck_assert_uint_eq(strlen(err.hint), sizeof err.hint - 1);
	err_prefix(&err, "%s", big);
	ck_assert_uint_eq(strlen(err.msg), sizeof err.msg - 1);
}
END_TEST

START_TEST(prefix_and_hint)
{
	struct err err;

	err_set(&err, ERR_INVALID, "expected %s", "object");
	ck_assert_int_eq(err_prefix(&err, "\"%s\": ", "labels"), -1);
	ck_assert_str_eq(err.msg, "\"labels\": expected object");
	ck_assert_int_eq(err_prefix(&err, "%d: ", 7), -1);
	ck_assert_str_eq(err.msg, "7: \"labels\": expected object");
	ck_assert_int_eq(err_hint(&err, "see %s", "LANGUAGE"), -1);
	ck_assert_str_eq(err.hint, "see LANGUAGE");
	ck_assert_int_eq(err.code, ERR_INVALID);
}
END_TEST

START_TEST(copy_and_clear)
{
	struct err err, other;

	err_set(&err, ERR_MODEL_RATE_LIMITED, "slow down");
	err.status = 429;
	err.retry_after_ms = 1500;
	ck_assert_int_eq(err_copy(&other, &err), -1);
	ck_assert_int_eq(other.status, 429);
	ck_assert_int_eq(other.retry_after_ms, 1500);
	ck_assert_str_eq(other.msg, "slow down");
	err_clear(&other);
	ck_assert_int_eq(other.code, ERR_NONE);
	ck_assert(!other.retryable);
	ck_assert_int_eq(other.status, 0);
	ck_assert_str_eq(other.msg, "");
}
END_TEST

START_TEST(nobody_wants_to_know)
{
	struct err err = {.code = ERR_IO};

	ck_assert_int_eq(err_set(NULL, ERR_IO, "x"), -1);
	ck_assert_int_eq(err_hint(NULL, "x"), -1);
	ck_assert_int_eq(err_prefix(NULL, "x"), -1);
	ck_assert_int_eq(err_copy(NULL, &err), -1);
	err_clear(NULL);
}
END_TEST

START_TEST(every_code_has_one_name)
{
	for (int i = 1; i < ERR_COUNT; i++) {
		enum err_code code = (enum err_code)i;

		ck_assert_ptr_nonnull(err_name(code));
		ck_assert_int_eq(err_by_name(err_name(code)), code);
		ck_assert_int_gt(err_exit_status(code), 0);
	}
	ck_assert_int_eq(err_exit_status(ERR_NONE), 0);
	ck_assert_str_eq(err_name(ERR_TOOL_FAILED), "tool.failed");
	ck_assert_int_eq(err_exit_status(ERR_PG_DOWN), 5);
	ck_assert(err_code_is_retryable(ERR_PG_DOWN));
	ck_assert(!err_code_is_retryable(ERR_LEASE_LOST));
	ck_assert_int_eq(err_by_name("none"), ERR_NONE);
	ck_assert_int_eq(err_by_name("tool.fail"), ERR_NONE);
	ck_assert_int_eq(err_by_name(""), ERR_NONE);
}
END_TEST

START_TEST(fatal_aborts)
{
	fatal("lost: %d", 7);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("err");
	TCase *tc = tcase_create("err");

	tcase_add_test(tc, set);
	tcase_add_test(tc, long_messages_are_cut);
	tcase_add_test(tc, prefix_and_hint);
	tcase_add_test(tc, copy_and_clear);
	tcase_add_test(tc, nobody_wants_to_know);
	tcase_add_test(tc, every_code_has_one_name);
	tcase_add_test_raise_signal(tc, fatal_aborts, SIGABRT);
	suite_add_tcase(s, tc);
	return suite_run(s);
}
