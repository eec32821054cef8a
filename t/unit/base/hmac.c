/* hmac.c (test) - keyed hashes against RFC 2202, RFC 4231 and the documentation of who signs with them; hex, base64, forms. */
#include "base/hmac.h"

#include <check.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/encoding.h"
#include "base/err.h"
#include "base/form.h"
#include "../test_arena.h"
#include "../suite_run.h"

static const struct {
	enum hmac_hash hash;
	const char *key, *message, *mac;
} macs[] = {
	{HMAC_SHA256, "It's a Secret to Everybody", "Hello, World!", "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"},
	{HMAC_SHA256, "Jefe", "what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
	{HMAC_SHA1, "Jefe", "what do ya want for nothing?", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"},
	{HMAC_SHA512, "Jefe", "what do ya want for nothing?",
	 "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"},
	{HMAC_SHA256, "key", "", "5d5d139563c95b5967b9bd9a8c9b233a9dedb45072794cd232dc1b74832607d0"},
};

START_TEST(known_macs)
{
	struct str message = str_from(macs[_i].message), parts[3], want;
	struct hmac mac;

	ck_assert(hex_decode(a, str_from(macs[_i].mac), &want));
	for (size_t cut = 0; cut <= message.n; cut++) {
		parts[0] = str_sub(message, 0, cut);
		parts[1] = STR("");
		parts[2] = str_sub(message, cut, message.n);
		hmac_of(macs[_i].hash, str_from(macs[_i].key), parts, 3, &mac);
		ck_assert(hmac_eq(&mac, want));
	}
	ck_assert(!hmac_eq(&mac, str_sub(want, 0, want.n - 1)));
	ck_assert(!hmac_eq(&mac, STR_NONE));
	((char *)(uintptr_t)want.p)[want.n - 1] ^= 1;
	ck_assert(!hmac_eq(&mac, want));
}
END_TEST

static const struct {
	const char *text, *bytes;	/* NULL: none */
} hexes[] = {
	{"", ""}, {"61", "a"}, {"4F4b", "OK"}, {"6", NULL}, {"6g", NULL}, {" 61", NULL}, {"0x61", NULL}, {"61\n1", NULL},
}, base64s[] = {
	{"", ""}, {"Zg==", "f"}, {"Zm8=", "fo"}, {"Zm9v", "foo"}, {"Zm9vYg==", "foob"}, {"+/+/", "\xfb\xff\xbf"},
	{"Zg", NULL}, {"Zg=", NULL}, {"Zh==", NULL}, {"Zm9=", NULL}, {"Zm9v\n", NULL}, {"-_-_", NULL}, {"====", NULL}, {"Zg==Zg==", NULL},
	{"=", NULL}, {"Z===", NULL},
}, forms[] = {
	{"payload=%7B%22a%22%3A1%7D", "{\"a\":1}"}, {"x=1&payload=a+b%2B", "a b+"}, {"payload", ""}, {"payload=&x", ""},
	{"payload=1&payload=1", NULL}, {"payload=%7", NULL}, {"payload=%zz", NULL}, {"payload=%00", NULL}, {"payload=%ff", NULL},
	{"payload=%", NULL}, {"payload=\xc3\xa9", "\xc3\xa9"},
};

START_TEST(hex_texts)
{
	struct str got;
	bool is = hex_decode(a, str_from(hexes[_i].text), &got);

	ck_assert_int_eq(is, hexes[_i].bytes != NULL);
	ck_assert(!is || str_is(got, hexes[_i].bytes));
}
END_TEST

START_TEST(base64_texts)
{
	struct str got;
	bool is = base64_decode(a, str_from(base64s[_i].text), &got);

	ck_assert_int_eq(is, base64s[_i].bytes != NULL);
	ck_assert(!is || str_is(got, base64s[_i].bytes));
}
END_TEST

static const struct {
	const char *raw, *text;		/* NULL: refused */
} escapes[] = {
	{"a.txt", "a.txt"}, {"a%20b", "a b"}, {"a+b", "a+b"}, {"%C3%a9", "\u00e9"}, {"%25", "%"}, {"%2F", "/"}, {"", ""},
	{"%00", NULL}, {"%", NULL}, {"%4", NULL}, {"%4g", NULL}, {"%ff", NULL},
};

START_TEST(escapes_of_paths)
{
	struct str text = STR_NONE;

	ck_assert_int_eq(form_decode(a, str_from(escapes[_i].raw), false, &text, NULL) == 0, escapes[_i].text != NULL);
	if (escapes[_i].text)
		ck_assert(str_is(text, escapes[_i].text));
}
END_TEST

START_TEST(form_texts)
{
	struct err err = {0};
	struct str got;
	int rc = form_get(a, str_from(forms[_i].text), "payload", &got, &err);

	ck_assert_int_eq(rc, forms[_i].bytes ? 0 : -1);
	if (rc == 0)
		ck_assert(str_is(got, forms[_i].bytes));
	else
		ck_assert_int_eq(err.status, 400);
}
END_TEST

START_TEST(form_without_the_name)
{
	struct str got = STR("x");

	ck_assert_int_eq(form_get(a, STR("a=%zz&payloads=1"), "payload", &got, NULL), 0);
	ck_assert_ptr_null(got.p);
}
END_TEST

#define ROWS(table) ((int)(sizeof(table) / sizeof(table)[0]))

int main(void)
{
	Suite *s = suite_create("hmac");
	TCase *tc = tcase_create("hmac");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, known_macs, 0, ROWS(macs));
	tcase_add_loop_test(tc, hex_texts, 0, ROWS(hexes));
	tcase_add_loop_test(tc, base64_texts, 0, ROWS(base64s));
	tcase_add_loop_test(tc, escapes_of_paths, 0, ROWS(escapes));
	tcase_add_loop_test(tc, form_texts, 0, ROWS(forms));
	tcase_add_test(tc, form_without_the_name);
	suite_add_tcase(s, tc);
	return suite_run(s);
}
