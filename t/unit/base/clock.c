/* clock.c - clocks, durations, sizes, money, RFC 3339. */
#include "base/clock.h"
#include "../suite_run.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

static void setup(void)
{
}

static void teardown(void)
{
	clock_fake_us(0);
}

START_TEST(clocks)
{
	int64_t boot = clock_boot_ms();

	ck_assert_int_gt(clock_wall_us(), INT64_C(1700000000000000));
	ck_assert_int_ge(clock_boot_ms(), boot);
	clock_fake_us(12345);
	ck_assert_int_eq(clock_wall_us(), 12345);
	ck_assert_int_eq(clock_wall_us(), 12345);
	ck_assert_int_ge(clock_boot_ms(), boot);
	clock_fake_us(0);
	ck_assert_int_gt(clock_wall_us(), INT64_C(1700000000000000));
}
END_TEST

struct amount {
	struct str s;
	int64_t v;	/* -1: refused */
};

static const struct amount durations[] = {
	{STR("500ms"), 500},
	{STR("30s"), 30000},
	{STR("5m"), 300000},
	{STR("24h"), 86400000},
	{STR("7d"), 604800000},
	{STR("0s"), 0},
	{STR("0ms"), 0},
	{STR("1.5s"), 1500},
	{STR("0.25h"), 900000},
	{STR("0.001s"), 1},
	{STR("1.50m"), 90000},
	{STR("0.1d"), 8640000},
	{STR("3650d"), INT64_C(315360000000)},
	{STR("315360000000ms"), INT64_C(315360000000)},
	{STR("315360000001ms"), -1},
	{STR("3650.1d"), -1},
	{STR("3651d"), -1},
	{STR("0.5ms"), -1},
	{STR("0.0001s"), -1},
	{STR("99999999999999999999d"), -1},
	{STR("9223372036854775807d"), -1},
	{STR(""), -1},
	{{NULL, 0}, -1},
	{STR("5"), -1},
	{STR("0"), -1},
	{STR("m"), -1},
	{STR("5 m"), -1},
	{STR(" 5m"), -1},
	{STR("5m "), -1},
	{STR("5M"), -1},
	{STR("5min"), -1},
	{STR("5w"), -1},
	{STR("5ms1s"), -1},
	{STR("1h30m"), -1},
	{STR("-5m"), -1},
	{STR("+5m"), -1},
	{STR("05m"), -1},
	{STR("00s"), -1},
	{STR(".5s"), -1},
	{STR("5.s"), -1},
	{STR("1.5.5s"), -1},
	{STR("1e3s"), -1},
	{STR("0x5s"), -1},
	{STR("5s\0"), -1},
	{STR("\xd9\xa5s"), -1},
};

static void check_amount(bool (*parse)(struct str, int64_t *), const struct amount *row)
{
	int64_t v = -77;

	ck_assert_msg(parse(row->s, &v) == (row->v >= 0), "%.*s", STR_ARG(row->s));
	ck_assert_int_eq(v, row->v >= 0 ? row->v : -77);
}

START_TEST(duration_texts)
{
	check_amount(duration_parse, &durations[_i]);
}
END_TEST

static const struct amount sizes[] = {
	{STR("0B"), 0},
	{STR("1B"), 1},
	{STR("64KiB"), 65536},
	{STR("1.5KiB"), 1536},
	{STR("10MiB"), 10485760},
	{STR("2GiB"), INT64_C(2147483648)},
	{STR("8589934591GiB"), INT64_C(8589934591) << 30},
	{STR("8589934592GiB"), -1},
	{STR("9223372036854775807B"), INT64_MAX},
	{STR("9223372036854775808B"), -1},
	{STR("0.5B"), -1},
	{STR("0.0001KiB"), -1},
	{STR("64"), -1},
	{STR("64KB"), -1},
	{STR("64K"), -1},
	{STR("64kib"), -1},
	{STR("64 KiB"), -1},
	{STR("1TiB"), -1},
	{STR("-1B"), -1},
	{STR("KiB"), -1},
	{STR(""), -1},
	{STR("1KiBx"), -1},
};

START_TEST(size_texts)
{
	check_amount(size_parse, &sizes[_i]);
}
END_TEST

static const struct amount monies[] = {
	{STR("0"), 0},
	{STR("1"), PUSD_PER_USD},
	{STR("0.0038125"), INT64_C(3812500000)},
	{STR("0.000000000001"), 1},
	{STR("12.50"), INT64_C(12500000000000)},
	{STR("0.1"), INT64_C(100000000000)},
	{STR("9000000"), INT64_C(9000000) * PUSD_PER_USD},
	{STR("8999999.999999999999"), INT64_C(8999999999999999999)},
	{STR("9000000.000000000001"), -1},
	{STR("9000001"), -1},
	{STR("9999999999999999999999"), -1},
	{STR("0.0000000000001"), -1},
	{STR("0.1000000000000"), -1},
	{STR(""), -1},
	{{NULL, 0}, -1},
	{STR("."), -1},
	{STR("1."), -1},
	{STR(".5"), -1},
	{STR("-1"), -1},
	{STR("+1"), -1},
	{STR("01"), -1},
	{STR("1,5"), -1},
	{STR("1 "), -1},
	{STR(" 1"), -1},
	{STR("1e2"), -1},
	{STR("1USD"), -1},
	{STR("$1"), -1},
	{STR("NaN"), -1},
	{STR("1\0"), -1},
};

START_TEST(money_texts)
{
	check_amount(money_parse, &monies[_i]);
}
END_TEST

static const struct {
	int64_t pusd;
	const char *text;
} money_out[] = {
	{0, "0"},
	{1, "0.000000000001"},
	{-1, "-0.000000000001"},
	{INT64_C(3812500000), "0.0038125"},
	{PUSD_PER_USD, "1"},
	{PUSD_PER_USD * 10, "10"},
	{INT64_C(12500000000000), "12.5"},
	{INT64_C(-12500000000000), "-12.5"},
	{INT64_MAX, "9223372.036854775807"},
	{INT64_MIN, "-9223372.036854775808"},
};

START_TEST(money_is_written)
{
	char text[40];
	int64_t back;

	money_format(money_out[_i].pusd, text);
	ck_assert_str_eq(text, money_out[_i].text);
	if (money_out[_i].pusd >= 0 && money_out[_i].pusd < INT64_MAX) {
		ck_assert(money_parse(str_from(text), &back));
		ck_assert_int_eq(back, money_out[_i].pusd);
	}
}
END_TEST

static const struct {
	int64_t ms;
	const char *text;
} duration_out[] = {
	{0, "0ms"},		{7, "7ms"},	      {999, "999ms"},	      {1000, "1.00s"},
	{1240, "1.24s"},	{59999, "59.99s"},    {60000, "1m00s"},	      {185000, "3m05s"},
	{3599999, "59m59s"},	{3600000, "1h00m"},   {86399999, "23h59m"},   {86400000, "1d00h"},
	{INT64_C(315360000000), "3650d00h"}, {-1240, "-1.24s"}, {INT64_MIN, "-106751991167d07h"}, {INT64_MAX, "106751991167d07h"},
};

START_TEST(durations_are_written)
{
	char text[32];

	duration_format(duration_out[_i].ms, text);
	ck_assert_str_eq(text, duration_out[_i].text);
}
END_TEST

static const struct {
	struct str s;
	int64_t us;
	const char *written;	/* NULL: s is refused */
} times[] = {
	{STR("1970-01-01T00:00:00Z"), 0, "1970-01-01T00:00:00.000000Z"},
	{STR("1970-01-01T00:00:00.000001Z"), 1, "1970-01-01T00:00:00.000001Z"},
	{STR("1969-12-31T23:59:59.999999Z"), -1, "1969-12-31T23:59:59.999999Z"},
	{STR("2026-11-23T17:33:35.123456Z"), INT64_C(1795455215123456), "2026-11-23T17:33:35.123456Z"},
	{STR("2026-11-23t17:33:35z"), INT64_C(1795455215000000), "2026-11-23T17:33:35.000000Z"},
	{STR("2026-11-23T17:33:35.5Z"), INT64_C(1795455215500000), "2026-11-23T17:33:35.500000Z"},
	{STR("2026-11-23T17:33:35.123456789Z"), INT64_C(1795455215123456), "2026-11-23T17:33:35.123456Z"},
	{STR("2026-11-23T18:33:35+01:00"), INT64_C(1795455215000000), "2026-11-23T17:33:35.000000Z"},
	{STR("2026-11-23T12:03:35-05:30"), INT64_C(1795455215000000), "2026-11-23T17:33:35.000000Z"},
	{STR("2026-11-23T17:33:35-00:00"), INT64_C(1795455215000000), "2026-11-23T17:33:35.000000Z"},
	{STR("2000-02-29T00:00:00Z"), INT64_C(951782400000000), "2000-02-29T00:00:00.000000Z"},
	{STR("2024-02-29T23:59:59Z"), INT64_C(1709251199000000), "2024-02-29T23:59:59.000000Z"},
	{STR("2100-03-01T00:00:00Z"), INT64_C(4107542400000000), "2100-03-01T00:00:00.000000Z"},
	{STR("0000-01-01T00:00:00Z"), INT64_C(-62167219200000000), "0000-01-01T00:00:00.000000Z"},
	{STR("9999-12-31T23:59:59.999999Z"), INT64_C(253402300799999999), "9999-12-31T23:59:59.999999Z"},
	{STR("1990-12-31T23:59:60Z"), INT64_C(662688000000000), "1991-01-01T00:00:00.000000Z"},
	{STR("1990-12-31T15:59:60-08:00"), INT64_C(662688000000000), "1991-01-01T00:00:00.000000Z"},
	{STR("2026-11-23T17:33:60Z"), 0, NULL},
	{STR("2026-11-23T17:33:61Z"), 0, NULL},
	{STR("2026-02-29T00:00:00Z"), 0, NULL},
	{STR("2100-02-29T00:00:00Z"), 0, NULL},
	{STR("2026-04-31T00:00:00Z"), 0, NULL},
	{STR("2026-13-01T00:00:00Z"), 0, NULL},
	{STR("2026-00-01T00:00:00Z"), 0, NULL},
	{STR("2026-01-00T00:00:00Z"), 0, NULL},
	{STR("2026-01-01T24:00:00Z"), 0, NULL},
	{STR("2026-01-01T00:60:00Z"), 0, NULL},
	{STR("2026-01-01T00:00:00"), 0, NULL},
	{STR("2026-01-01T00:00Z"), 0, NULL},
	{STR("2026-01-01T00:00:00+0100"), 0, NULL},
	{STR("2026-01-01T00:00:00+01"), 0, NULL},
	{STR("2026-01-01T00:00:00+24:00"), 0, NULL},
	{STR("2026-01-01T00:00:00+01:60"), 0, NULL},
	{STR("2026-01-01T00:00:00.Z"), 0, NULL},
	{STR("2026-01-01T00:00:00,5Z"), 0, NULL},
	{STR("2026-01-01 00:00:00Z"), 0, NULL},
	{STR("2026-01-01T00:00:00Z "), 0, NULL},
	{STR("2026-01-01T00:00:00ZZ"), 0, NULL},
	{STR("2026-1-1T00:00:00Z"), 0, NULL},
	{STR("2026/01/01T00:00:00Z"), 0, NULL},
	{STR("20260101T000000Z"), 0, NULL},
	{STR("12026-01-01T00:00:00Z"), 0, NULL},
	{STR("-026-01-01T00:00:00Z"), 0, NULL},
	{STR("+026-01-01T00:00:00Z"), 0, NULL},
	{STR("2026-01-01"), 0, NULL},
	{STR("2026-01-01T0"), 0, NULL},
	{STR("5m"), 0, NULL},
	{STR(""), 0, NULL},
	{{NULL, 0}, 0, NULL},
	{STR("2026-01-01T00:00:00\0"), 0, NULL},
};

START_TEST(instants)
{
	int64_t us = -77;
	char text[32];

	ck_assert_int_eq(time_parse(times[_i].s, &us), times[_i].written != NULL);
	ck_assert_int_eq(us, times[_i].written ? times[_i].us : -77);
	if (times[_i].written) {
		time_format(us, text);
		ck_assert_str_eq(text, times[_i].written);
	}
}
END_TEST

START_TEST(every_instant_can_be_written)
{
	char text[32];

	time_format(INT64_MAX, text);
	ck_assert_str_eq(text, "294247-01-10T04:00:54.775807Z");
	time_format(INT64_MIN, text);
	ck_assert_str_eq(text, "-290308-12-21T19:59:05.224192Z");
}
END_TEST

/* Every day of a cycle of the calendar, forth and back, in step with a plain count. */
START_TEST(every_day_of_400_years)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int y = 1800, m = 1, d = 1;
	int64_t last = 0, us;

	while (y < 2201) {
		bool leap = y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
		char text[64], back[32];

		snprintf(text, sizeof text, "%04d-%02d-%02dT12:34:56.000000Z", y, m, d);
		if (!time_parse(str_from(text), &us) || (last && us - last != INT64_C(86400000000)))
			ck_abort_msg("%s", text);
		time_format(us, back);
		if (strcmp(text, back) != 0)
			ck_abort_msg("%s came back as %s", text, back);
		last = us;
		if (++d > days[m - 1] + (m == 2 && leap)) {
			d = 1;
			if (++m > 12) {
				m = 1;
				y++;
			}
		}
	}
}
END_TEST

#define ROWS(table) ((int)(sizeof(table) / sizeof(table)[0]))

int main(void)
{
	Suite *s = suite_create("clock");
	TCase *tc = tcase_create("clock");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, clocks);
	tcase_add_loop_test(tc, duration_texts, 0, ROWS(durations));
	tcase_add_loop_test(tc, size_texts, 0, ROWS(sizes));
	tcase_add_loop_test(tc, money_texts, 0, ROWS(monies));
	tcase_add_loop_test(tc, money_is_written, 0, ROWS(money_out));
	tcase_add_loop_test(tc, durations_are_written, 0, ROWS(duration_out));
	tcase_add_loop_test(tc, instants, 0, ROWS(times));
	tcase_add_test(tc, every_instant_can_be_written);
	tcase_add_test(tc, every_day_of_400_years);
	suite_add_tcase(s, tc);
	return suite_run(s);
}
