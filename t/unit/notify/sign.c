/* sign.c - signatures of standard-webhooks, against the values of its specification. */
#include <check.h>
#include <stdlib.h>

#include "base/err.h"
#include "config/webhook.h"
#include "notify/sign.h"
#include "../suite_run.h"
#include "../test_arena.h"

static const struct str names[] = {STR("SIGN_ONE"), STR("SIGN_TWO")};

START_TEST(signature_of_the_specification)
{
	static const struct webhook_settings w = {.secrets = names, .n_secrets = 1};
	struct signers s;
	struct err err;

	setenv("SIGN_ONE", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", 1);
	ck_assert_int_eq(signers_load(a, &w, &s, &err), 0);
	ck_assert(str_is(sign(a, &s, STR("msg_p5jXN8AQM9LWM0D4loKWxJek"), 1614265330, STR("{\"test\": 2432232314}")),
			 "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
}
END_TEST

START_TEST(a_signature_by_each_secret)
{
	static const struct webhook_settings w = {.secrets = names, .n_secrets = 2};
	struct signers s;
	struct err err;
	struct str both;

	setenv("SIGN_ONE", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", 1);
	setenv("SIGN_TWO", "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", 1);
	ck_assert_int_eq(signers_load(a, &w, &s, &err), 0);
	both = sign(a, &s, STR("a"), 1, STR("b"));
	ck_assert(str_starts(both, STR("v1,")));
	ck_assert_int_eq(str_find(both, STR(" v1,")), 3 + 44);
	ck_assert_uint_eq(both.n, 2 * (3 + 44) + 1);
}
END_TEST

static const char *const no_secrets[] = {
	NULL, "", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS", "whsec_AAAA",
	"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa-w", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n",
	"whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
};

START_TEST(values_that_are_no_secret)
{
	static const struct webhook_settings w = {.secrets = names, .n_secrets = 1};
	struct signers s;
	struct err err;

	if (no_secrets[_i])
		setenv("SIGN_ONE", no_secrets[_i], 1);
	else
		unsetenv("SIGN_ONE");
	ck_assert_int_eq(signers_load(a, &w, &s, &err), -1);
	ck_assert_int_eq(err.code, ERR_CONFIG);
	ck_assert_ptr_nonnull(strstr(err.msg, "SIGN_ONE"));
	if (no_secrets[_i] && strlen(no_secrets[_i]) > 6)
		ck_assert_ptr_null(strstr(err.msg, no_secrets[_i]));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sign");
	TCase *t = tcase_create("sign");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, signature_of_the_specification);
	tcase_add_test(t, a_signature_by_each_secret);
	tcase_add_loop_test(t, values_that_are_no_secret, 0, (int)(sizeof no_secrets / sizeof no_secrets[0]));
	suite_add_tcase(s, t);
	return suite_run(s);
}
