/* range.c - which part of a file each header asks for. */
#include "web/range.h"

#include <check.h>
#include <stdlib.h>

#include "../suite_run.h"

static const struct {
	const char *header;
	uint64_t size;
	enum range want;
	uint64_t first, n;
} rows[] = {
	{NULL, 10, RANGE_WHOLE, 0, 0},
	{"bytes=0-9", 10, RANGE_PART, 0, 10},
	{"bytes=0-0", 10, RANGE_PART, 0, 1},
	{"bytes=9-9", 10, RANGE_PART, 9, 1},
	{"bytes=3-", 10, RANGE_PART, 3, 7},
	{"bytes=0-", 10, RANGE_PART, 0, 10},
	{"bytes=3-99", 10, RANGE_PART, 3, 7},
	{"bytes=3-99999999999999999999999999", 10, RANGE_PART, 3, 7},
	{"Bytes=3-4", 10, RANGE_PART, 3, 2},
	{"bytes=3-4 ", 10, RANGE_PART, 3, 2},
	{"bytes=-3", 10, RANGE_PART, 7, 3},
	{"bytes=-10", 10, RANGE_PART, 0, 10},
	{"bytes=-99", 10, RANGE_PART, 0, 10},
	{"bytes=-18446744073709551615", 10, RANGE_PART, 0, 10},
	{"bytes=18446744073709551614-18446744073709551615", UINT64_MAX, RANGE_PART, UINT64_MAX - 1, 1},
	{"bytes=10-", 10, RANGE_UNSATISFIABLE, 0, 0},
	{"bytes=10-20", 10, RANGE_UNSATISFIABLE, 0, 0},
	{"bytes=99999999999999999999999999-", 10, RANGE_UNSATISFIABLE, 0, 0},
	{"bytes=-0", 10, RANGE_UNSATISFIABLE, 0, 0},
	{"bytes=0-", 0, RANGE_UNSATISFIABLE, 0, 0},
	{"bytes=-1", 0, RANGE_UNSATISFIABLE, 0, 0},
	/* none, or more than one: the whole */
	{"bytes=4-3", 10, RANGE_WHOLE, 0, 0},
	{"bytes=-", 10, RANGE_WHOLE, 0, 0},
	{"bytes=", 10, RANGE_WHOLE, 0, 0},
	{"bytes=3", 10, RANGE_WHOLE, 0, 0},
	{"bytes=a-b", 10, RANGE_WHOLE, 0, 0},
	{"bytes=0-1,3-4", 10, RANGE_WHOLE, 0, 0},
	{"bytes=0-1x", 10, RANGE_WHOLE, 0, 0},
	{"bytes= 0-1", 10, RANGE_WHOLE, 0, 0},
	{"bytes=+1-2", 10, RANGE_WHOLE, 0, 0},
	{"bytes=--1", 10, RANGE_WHOLE, 0, 0},
	{"items=0-1", 10, RANGE_WHOLE, 0, 0},
	{"bytes", 10, RANGE_WHOLE, 0, 0},
	{"", 10, RANGE_WHOLE, 0, 0},
};

START_TEST(ranges)
{
	uint64_t first = 0, n = 0;

	ck_assert_int_eq(range_read(rows[_i].header, rows[_i].size, &first, &n), rows[_i].want);
	ck_assert_uint_eq(first, rows[_i].first);
	ck_assert_uint_eq(n, rows[_i].n);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("web/range");
	TCase *t = tcase_create("range");

	tcase_add_loop_test(t, ranges, 0, (int)(sizeof rows / sizeof rows[0]));
	suite_add_tcase(s, t);
	return suite_run(s);
}
