/* signature.c (test) - signatures of deliveries: vectors of the vendors' documentation and of Python's hmac, and what is near to them.
 */
#include "publish/signature.h"

#include <check.h>
#include <stdlib.h>

#include "config/hook.h"
#include "../test_arena.h"
#include "../suite_run.h"

enum { T = 1614265330, S = 1492774577 };

static const struct hook_verify github = {
	.scheme = HOOK_GITHUB, .header = {"x-hub-signature-256", 19}, .prefix = {"sha256=", 7},
}, stripe = {
	.scheme = HOOK_STRIPE, .tolerance_ms = 300000,
}, standard = {
	.scheme = HOOK_STANDARD, .tolerance_ms = 300000,
}, sha1 = {
	.scheme = HOOK_HMAC, .header = {"x-sig", 5}, .algorithm = HMAC_SHA1, .encoding = HOOK_BASE64,
}, sha512 = {
	.scheme = HOOK_HMAC, .header = {"x-sig", 5}, .algorithm = HMAC_SHA512, .prefix = {"v=", 2},
};

#define GITHUB "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
#define STRIPE "799c4ba7bb339f3c8601adfd112f0e477c930a268be1243d341abb8286501c2f"
#define STANDARD "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
#define SHA512 "4d948b89a71133e81eb5922b7a2eff649adc1a068cd29c8dd9650946f0e79977" \
	"511f52e06933619416f70be91b7568c258a037a5d22cd64b00cbc9cab1f981a6"
#define MSG "\"webhook-id\":\"msg_p5jXN8AQM9LWM0D4loKWxJek\",\"webhook-timestamp\":\"1614265330\""
#define SIGNED(value) "{" MSG ",\"webhook-signature\":\"" value "\"}"
#define ZERO "0000000000000000000000000000000000000000000000000000000000000000"

static const struct {
	const struct hook_verify *verify;
	const char *keys[2], *headers, *body;
	int64_t now_s;
	enum signature want;
} rows[] = {
	{&github, {"It's a Secret to Everybody"}, "{\"x-hub-signature-256\":\"sha256=" GITHUB "\"}", "Hello, World!", 0, SIGNATURE_GOOD},
	{&github, {"other", "It's a Secret to Everybody"}, "{\"x-hub-signature-256\":\"sha256=" GITHUB "\"}", "Hello, World!", 0, SIGNATURE_GOOD},
	{&github, {"other"}, "{\"x-hub-signature-256\":\"sha256=" GITHUB "\"}", "Hello, World!", 0, SIGNATURE_WRONG},
	{&github, {"It's a Secret to Everybody"}, "{\"x-hub-signature-256\":\"sha256=" GITHUB "\"}", "Hello, World?", 0, SIGNATURE_WRONG},
	{&github, {"It's a Secret to Everybody"}, "{\"x-hub-signature-256\":\"" GITHUB "\"}", "Hello, World!", 0, SIGNATURE_MALFORMED},
	{&github, {"It's a Secret to Everybody"}, "{\"x-hub-signature-256\":\"sha256=" GITHUB "0\"}", "Hello, World!", 0, SIGNATURE_MALFORMED},
	{&github, {"It's a Secret to Everybody"}, "{\"x-hub-signature-256\":\"sha256=" GITHUB "00\"}", "Hello, World!", 0, SIGNATURE_WRONG},
	{&github, {"It's a Secret to Everybody"}, "{\"x-hub-signature-256\":\"sha256=\"}", "Hello, World!", 0, SIGNATURE_WRONG},
	{&github, {"It's a Secret to Everybody"}, "{\"x-hub-signature-256\":\"\"}", "Hello, World!", 0, SIGNATURE_ABSENT},
	{&github, {"It's a Secret to Everybody"}, "{\"x-hub-signature\":\"sha256=" GITHUB "\"}", "Hello, World!", 0, SIGNATURE_ABSENT},
	{&stripe, {"whsec_test_secret"}, "{\"stripe-signature\":\"t=1492774577,v1=" STRIPE "\"}", "{\"id\":\"evt_1\"}", S, SIGNATURE_GOOD},
	{&stripe, {"whsec_test_secret"}, "{\"stripe-signature\":\"v1=" STRIPE ",t=1492774577\"}", "{\"id\":\"evt_1\"}", S, SIGNATURE_GOOD},
	{&stripe, {"whsec_test_secret"}, "{\"stripe-signature\":\"t=1492774577,v1=" ZERO ",v1=" STRIPE ",v0=" ZERO "\"}", "{\"id\":\"evt_1\"}",
	 S, SIGNATURE_GOOD},
	{&stripe, {"whsec_test_secret"}, "{\"stripe-signature\":\"t=1492774577,v1=" STRIPE "\"}", "{\"id\":\"evt_1\"}", S + 300, SIGNATURE_GOOD},
	{&stripe, {"whsec_test_secret"}, "{\"stripe-signature\":\"t=1492774577,v1=" STRIPE "\"}", "{\"id\":\"evt_1\"}", S + 301, SIGNATURE_STALE},
	{&stripe, {"whsec_test_secret"}, "{\"stripe-signature\":\"t=1492774577,v1=" STRIPE "\"}", "{\"id\":\"evt_1\"}", S - 300, SIGNATURE_GOOD},
	{&stripe, {"whsec_test_secret"}, "{\"stripe-signature\":\"t=1492774577,v1=" STRIPE "\"}", "{\"id\":\"evt_1\"}", S - 301, SIGNATURE_STALE},
	{&stripe, {"whsec_test_secret"}, "{\"stripe-signature\":\"t=1492774578,v1=" STRIPE "\"}", "{\"id\":\"evt_1\"}", S, SIGNATURE_WRONG},
	{&stripe, {"whsec_test_secret"}, "{\"stripe-signature\":\"t=1492774577,v0=" STRIPE "\"}", "{\"id\":\"evt_1\"}", S, SIGNATURE_MALFORMED},
	{&stripe, {"whsec_test_secret"}, "{\"stripe-signature\":\"v1=" STRIPE "\"}", "{\"id\":\"evt_1\"}", S, SIGNATURE_MALFORMED},
	{&stripe, {"whsec_test_secret"}, "{\"stripe-signature\":\"t=1492774577,t=1492774577,v1=" STRIPE "\"}", "{\"id\":\"evt_1\"}", S,
	 SIGNATURE_MALFORMED},
	{&stripe, {"whsec_test_secret"}, "{\"stripe-signature\":\"t=123456789012,v1=" STRIPE "\"}", "{\"id\":\"evt_1\"}", S, SIGNATURE_MALFORMED},
	{&stripe, {"whsec_test_secret"}, "{\"stripe-signature\":\"t=-1,v1=" STRIPE "\"}", "{\"id\":\"evt_1\"}", S, SIGNATURE_MALFORMED},
	{&stripe, {"whsec_test_secret"}, "{\"stripe-signature\":\"t\"}", "{\"id\":\"evt_1\"}", S, SIGNATURE_MALFORMED},
	{&stripe, {"whsec_test_secret"}, "{\"stripe-signature\":\",\"}", "{\"id\":\"evt_1\"}", S, SIGNATURE_MALFORMED},
	{&standard, {"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}, SIGNED("v1," STANDARD), "{\"test\": 2432232314}", T, SIGNATURE_GOOD},
	{&standard, {"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}, SIGNED("v1a,x v1,AAAA v1," STANDARD), "{\"test\": 2432232314}", T, SIGNATURE_GOOD},
	{&standard, {"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}, SIGNED("v1," STANDARD " "), "{\"test\": 2432232314}", T, SIGNATURE_GOOD},
	{&standard, {"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}, SIGNED("v1," STANDARD), "{\"test\": 2432232314}", T + 301, SIGNATURE_STALE},
	{&standard, {"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}, SIGNED("v1," STANDARD), "{\"test\":2432232314}", T, SIGNATURE_WRONG},
	{&standard, {"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}, SIGNED("v2," STANDARD), "{\"test\": 2432232314}", T, SIGNATURE_MALFORMED},
	{&standard, {"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}, SIGNED(STANDARD), "{\"test\": 2432232314}", T, SIGNATURE_MALFORMED},
	{&standard, {"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}, SIGNED("v1,_-"), "{\"test\": 2432232314}", T, SIGNATURE_MALFORMED},
	{&standard, {"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}, "{\"webhook-signature\":\"v1," STANDARD "\"}", "{}", T, SIGNATURE_MALFORMED},
	{&standard, {"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}, "{" MSG "}", "{}", T, SIGNATURE_ABSENT},
	{&sha1, {"k"}, "{\"x-sig\":\"oigudkjoyvfSJNZTHc2VwoCKXYk=\"}", "body", 0, SIGNATURE_GOOD},
	{&sha1, {"k"}, "{\"x-sig\":\"oigudkjoyvfSJNZTHc2VwoCKXYk=\"}", "", 0, SIGNATURE_WRONG},
	{&sha512, {"k"}, "{\"x-sig\":\"v=" SHA512 "\"}", "body", 0, SIGNATURE_GOOD},
	{&sha512, {"k"}, "{\"x-sig\":\"v=c6d811ef3aeb02437cd423f1abe13209041864630bdc4e2c04def5c7b0031a23\"}", "body", 0, SIGNATURE_WRONG},
};

START_TEST(verdicts)
{
	static const char *const names[] = {"SIGNATURE_TEST_0", "SIGNATURE_TEST_1"};
	struct str secrets[] = {str_from(names[0]), str_from(names[1])};
	struct hook_verify v = *rows[_i].verify;
	struct signature_keys keys;
	enum signature got;

	v.secrets = secrets;
	for (; v.n_secrets < 2 && rows[_i].keys[v.n_secrets]; v.n_secrets++)
		setenv(names[v.n_secrets], rows[_i].keys[v.n_secrets], 1);
	signature_keys_read(a, &v, &keys);
	ck_assert_uint_eq(keys.n, v.n_secrets);
	ck_assert_ptr_null(keys.why);
	got = signature_verify(&v, &keys, parse(rows[_i].headers), str_from(rows[_i].body), rows[_i].now_s * 1000000);
	ck_assert_str_eq(signature_name(got), signature_name(rows[_i].want));
}
END_TEST

START_TEST(secrets_that_are_not_there)
{
	struct str secrets[] = {STR("SIGNATURE_TEST_0"), STR("SIGNATURE_TEST_1"), STR("SIGNATURE_TEST_2")};
	struct hook_verify v = {.scheme = HOOK_STANDARD, .secrets = secrets, .n_secrets = 3};
	struct signature_keys keys;

	setenv("SIGNATURE_TEST_0", "", 1);
	setenv("SIGNATURE_TEST_1", "MfKQ", 1);
	unsetenv("SIGNATURE_TEST_2");
	signature_keys_read(a, &v, &keys);
	ck_assert_uint_eq(keys.n, 1);
	ck_assert_uint_eq(keys.v[0].n, 3);
	ck_assert_str_eq(keys.why, "the environment has no SIGNATURE_TEST_2");
	setenv("SIGNATURE_TEST_2", "secret!", 1);
	signature_keys_read(a, &v, &keys);
	ck_assert_str_eq(keys.why, "SIGNATURE_TEST_2 is no base64, with or without whsec_ before it");
	setenv("SIGNATURE_TEST_2", "whsec_", 1);
	signature_keys_read(a, &v, &keys);
	ck_assert_uint_eq(keys.n, 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("publish/signature");
	TCase *t = tcase_create("all");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, verdicts, 0, sizeof rows / sizeof rows[0]);
	tcase_add_test(t, secrets_that_are_not_there);
	suite_add_tcase(s, t);
	return suite_run(s);
}
