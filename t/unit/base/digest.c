/* digest.c - against published vectors. */
#include "base/digest.h"
#include "base/encoding.h"

#include <check.h>
#include <stdlib.h>

#include "base/arena.h"
#include "../suite_run.h"

static const struct {
	struct str bytes;
	const char *hex;
} sha256[] = {
	{STR(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
	{{NULL, 0}, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
	{STR("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
	{STR("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
	 "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
	{STR("\0"), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"},
};

START_TEST(digests)
{
	struct digest d, back;
	char hex[65];

	digest_of(sha256[_i].bytes, &d);
	digest_hex(&d, hex);
	ck_assert_str_eq(hex, sha256[_i].hex);
	ck_assert(digest_from_hex(str_from(hex), &back));
	ck_assert(digest_eq(&d, &back));
	back.b[31] ^= 1;
	ck_assert(!digest_eq(&d, &back));
}
END_TEST

START_TEST(parts)
{
	const struct str ab_c[] = {STR("ab"), STR("c")}, a_bc[] = {STR("a"), STR("bc")};
	const struct str abc[] = {STR("abc"), STR_NONE, STR("")};
	struct digest one, two, plain, written;
	static const char lengths[] = "\0\0\0\0\0\0\0\2ab\0\0\0\0\0\0\0\1c";

	digest_of_parts(ab_c, 2, &one);
	digest_of_parts(a_bc, 2, &two);
	ck_assert(!digest_eq(&one, &two));
	digest_of((struct str){lengths, sizeof lengths - 1}, &written);
	ck_assert(digest_eq(&one, &written));
	digest_of(STR("abc"), &plain);
	digest_of_parts(abc, 1, &one);
	ck_assert(!digest_eq(&one, &plain));
	digest_of_parts(abc, 2, &two);
	ck_assert(!digest_eq(&one, &two));
	digest_of_parts(abc, 3, &one);
	ck_assert(!digest_eq(&one, &two));
	digest_of_parts(NULL, 0, &one);
	digest_of(STR(""), &two);
	ck_assert(digest_eq(&one, &two));
}
END_TEST

static const struct str no_digests[] = {
	STR(""),
	STR("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85"),
	STR("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b8555"),
	STR("E3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
	STR("g3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
	STR("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85\0"),
	STR(" 3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
};

START_TEST(texts_that_are_no_digest)
{
	struct digest d = {{42}};

	ck_assert(!digest_from_hex(no_digests[_i], &d));
	ck_assert_uint_eq(d.b[0], 42);
}
END_TEST

static const struct {
	struct str bytes;
	const char *text;
} base64[] = {
	{STR(""), ""},		{STR("f"), "Zg"},	  {STR("fo"), "Zm8"},	     {STR("foo"), "Zm9v"},
	{STR("foob"), "Zm9vYg"}, {STR("fooba"), "Zm9vYmE"}, {STR("foobar"), "Zm9vYmFy"}, {STR("\xff\xef\xbf"), "_--_"},
	{STR("\xfb\xff"), "-_8"}, {STR("\0\0\0\0"), "AAAAAA"},
};

START_TEST(base64_texts)
{
	struct arena *a = arena_new(NULL);

	struct str back;

	ck_assert_str_eq(base64url(a, base64[_i].bytes.p, base64[_i].bytes.n), base64[_i].text);
	ck_assert(base64url_decode(a, str_from(base64[_i].text), &back) && str_eq(back, base64[_i].bytes));
	ck_assert(base64_decode(a, str_from(base64_encode(a, base64[_i].bytes.p, base64[_i].bytes.n)), &back));
	ck_assert(str_eq(back, base64[_i].bytes));
	arena_free(a);
}
END_TEST

START_TEST(base64_of_both_alphabets)
{
	struct arena *a = arena_new(NULL);
	struct str back;

	ck_assert_str_eq(base64_encode(a, "\xff\xef\xbf\xfb", 4), "/++/+w==");
	ck_assert(!base64url_decode(a, STR("/++/"), &back));
	ck_assert(!base64url_decode(a, STR("Zh"), &back));
	arena_free(a);
}
END_TEST

START_TEST(crc32)
{
	ck_assert_uint_eq(crc32_of(STR("")), 0);
	ck_assert_uint_eq(crc32_of(STR("123456789")), 0xcbf43926);
	ck_assert_uint_eq(crc32_of(STR("The quick brown fox jumps over the lazy dog")), 0x414fa339);
	ck_assert_uint_eq(crc32_of(STR("\xff\xff\xff\xff")), 0xffffffff);
}
END_TEST

START_TEST(random_bytes_differ)
{
	uint8_t x[300] = {0}, y[300] = {0};
	int zeros = 0;

	random_bytes(x, 0);
	ck_assert_uint_eq(x[0], 0);
	random_bytes(x, sizeof x);
	random_bytes(y, sizeof y);
	ck_assert_mem_ne(x, y, sizeof x);
	for (size_t i = 0; i < sizeof x; i++)
		zeros += x[i] == 0;
	ck_assert_int_lt(zeros, 30);
}
END_TEST

#define ROWS(table) ((int)(sizeof(table) / sizeof(table)[0]))

int main(void)
{
	Suite *s = suite_create("digest");
	TCase *tc = tcase_create("digest");

	tcase_add_loop_test(tc, digests, 0, ROWS(sha256));
	tcase_add_test(tc, parts);
	tcase_add_loop_test(tc, texts_that_are_no_digest, 0, ROWS(no_digests));
	tcase_add_loop_test(tc, base64_texts, 0, ROWS(base64));
	tcase_add_test(tc, base64_of_both_alphabets);
	tcase_add_test(tc, crc32);
	tcase_add_test(tc, random_bytes_differ);
	suite_add_tcase(s, tc);
	return suite_run(s);
}
