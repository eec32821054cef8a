/* uuid.c - form, order and uniqueness. */
#include "base/uuid.h"

#include <check.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "../suite_run.h"

static void setup(void)
{
}

static void teardown(void)
{
	clock_fake_us(0);
}

static int cmp(const void *x, const void *y)
{
	return memcmp(x, y, sizeof(struct uuid));
}

START_TEST(form)
{
	int64_t before = clock_wall_us() / 1000, ms = 0, after;
	struct uuid u = uuid_new(), back;
	char text[37];

	after = clock_wall_us() / 1000;
	for (int i = 0; i < 6; i++)
		ms = ms << 8 | u.b[i];
	ck_assert_int_ge(ms, before);
	ck_assert_int_le(ms, after);
	ck_assert_uint_eq(u.b[6] >> 4, 7);
	ck_assert_uint_eq(u.b[8] >> 6, 2);
	uuid_format(&u, text);
	ck_assert_uint_eq(strlen(text), 36);
	ck_assert(uuid_parse(str_from(text), &back));
	ck_assert(uuid_eq(&u, &back));
	ck_assert(!uuid_is_nil(&u));
}
END_TEST

START_TEST(ids_increase)
{
	struct uuid last = uuid_new();

	for (int i = 0; i < 20000; i++) {
		struct uuid u = uuid_new();

		ck_assert_int_lt(cmp(&last, &u), 0);
		last = u;
	}
}
END_TEST

START_TEST(ids_increase_when_the_clock_stands_or_goes_back)
{
	struct uuid last;

	clock_fake_us(INT64_C(4000000000000000));
	last = uuid_new();
	for (int i = 0; i < 20000; i++) {
		struct uuid u;

		if (i == 10000)
			clock_fake_us(INT64_C(3000000000000000));
		if (i == 15000)
			clock_fake_us(INT64_C(4000000000001000));
		u = uuid_new();
		ck_assert_int_lt(cmp(&last, &u), 0);
		ck_assert_uint_eq(u.b[6] >> 4, 7);
		ck_assert_uint_eq(u.b[8] >> 6, 2);
		last = u;
	}
}
END_TEST

static int64_t ms_of(const struct uuid *u)
{
	int64_t ms = 0;

	for (int i = 0; i < 6; i++)
		ms = ms << 8 | u->b[i];
	return ms;
}

START_TEST(ids_follow_another_clock)
{
	struct uuid u, last;

	clock_fake_us(INT64_C(4000000000000000));
	uuid_new();
	uuid_follow(INT64_C(86400000000));
	last = uuid_new();
	ck_assert_int_eq(ms_of(&last), 86400000);
	clock_fake_us(INT64_C(4000000000005000));
	u = uuid_new();
	ck_assert_int_eq(ms_of(&u), 86400005);
	ck_assert_int_lt(cmp(&last, &u), 0);
	uuid_follow(INT64_C(4000000000005000));
	u = uuid_new();
	ck_assert_int_eq(ms_of(&u), INT64_C(4000000000005));
}
END_TEST

enum { THREADS = 4, EACH = 5000 };

static void *many(void *arg)
{
	struct uuid *u = arg;

	for (int i = 0; i < EACH; i++)
		u[i] = uuid_new();
	return NULL;
}

START_TEST(ids_of_threads_differ)
{
	static struct uuid u[THREADS * EACH];
	pthread_t t[THREADS];

	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&t[i], NULL, many, u + i * EACH), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	qsort(u, THREADS * EACH, sizeof(struct uuid), cmp);
	for (int i = 1; i < THREADS * EACH; i++)
		ck_assert(!uuid_eq(&u[i - 1], &u[i]));
}
END_TEST

static const struct {
	struct str s;
	bool good;
} texts[] = {
	{STR("01932a4b-7c8d-7e9f-8a0b-1c2d3e4f5a6b"), true},
	{STR("00000000-0000-0000-0000-000000000000"), true},
	{STR("ffffffff-ffff-ffff-ffff-ffffffffffff"), true},
	{STR("01932A4B-7C8D-7E9F-8A0B-1C2D3E4F5A6B"), true},
	{STR(""), false},
	{{NULL, 0}, false},
	{STR("01932a4b-7c8d-7e9f-8a0b-1c2d3e4f5a6"), false},
	{STR("01932a4b-7c8d-7e9f-8a0b-1c2d3e4f5a6b0"), false},
	{STR("01932a4b7c8d7e9f8a0b1c2d3e4f5a6b"), false},
	{STR("{01932a4b-7c8d-7e9f-8a0b-1c2d3e4f5a}"), false},
	{STR("01932a4b-7c8d-7e9f-8a0b-1c2d3e4f5a6g"), false},
	{STR("01932a4b-7c8d-7e9f-8a0b1-c2d3e4f5a6b"), false},
	{STR("01932a4b_7c8d_7e9f_8a0b_1c2d3e4f5a6b"), false},
	{STR("0-932a4b-7c8d-7e9f-8a0b-1c2d3e4f5a6b"), false},
	{STR("01932a4b-7c8d-7e9f-8a0b-1c2d3e4f5a6\0"), false},
	{STR("01932a4b-7c8d-7e9f-8a0b-1c2d3e4f5a6\x11"), false},
	{STR("01932a4b-7c8d-7e9f-8a0b-1c2d3e4f5a6\x10"), false},
};

START_TEST(parsing)
{
	struct uuid u = {{9}};

	ck_assert_int_eq(uuid_parse(texts[_i].s, &u), texts[_i].good);
	if (texts[_i].good) {
		char text[37];

		uuid_format(&u, text);
		for (int i = 0; i < 36; i++)
			ck_assert_int_eq(text[i], texts[_i].s.p[i] | (texts[_i].s.p[i] == '-' ? 0 : 0x20));
	} else {
		ck_assert_uint_eq(u.b[0], 9);
	}
}
END_TEST

START_TEST(nil)
{
	struct uuid u = {{0}};

	ck_assert(uuid_is_nil(&u));
	u.b[15] = 1;
	ck_assert(!uuid_is_nil(&u));
}
END_TEST

#define ROWS(table) ((int)(sizeof(table) / sizeof(table)[0]))

int main(void)
{
	Suite *s = suite_create("uuid");
	TCase *tc = tcase_create("uuid");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, form);
	tcase_add_test(tc, ids_increase);
	tcase_add_test(tc, ids_increase_when_the_clock_stands_or_goes_back);
	tcase_add_test(tc, ids_follow_another_clock);
	tcase_add_test(tc, ids_of_threads_differ);
	tcase_add_loop_test(tc, parsing, 0, ROWS(texts));
	tcase_add_test(tc, nil);
	suite_add_tcase(s, tc);
	return suite_run(s);
}
