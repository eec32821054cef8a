/* json_number.c - exact decimals: conversion, canonical form, order. */
#include "base/json.h"

#include <check.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "base/arena.h"
#include "../suite_run.h"
#include "../test_arena.h"

static const struct json *number(const char *literal)
{
	const struct json *v = json_number(a, str_from(literal));

	ck_assert_msg(v != NULL, "%s is no number", literal);
	return v;
}

static const struct {
	const char *literal, *canonical;
} forms[] = {
	{"0", "0"},
	{"-0", "0"},
	{"0.0", "0"},
	{"-0.0", "0"},
	{"0e5", "0"},
	{"-0.000e-12", "0"},
	{"1", "1"},
	{"-1", "-1"},
	{"1.0", "1"},
	{"1.50", "1.5"},
	{"-1.50", "-1.5"},
	{"1e0", "1"},
	{"1e2", "100"},
	{"1E+5", "100000"},
	{"10e-1", "1"},
	{"1200e-2", "12"},
	{"1234e-2", "12.34"},
	{"0.1", "0.1"},
	{"0.10", "0.1"},
	{"1e-1", "0.1"},
	{"0.001", "0.001"},
	{"0.000001", "0.000001"},
	{"1e-6", "0.000001"},
	{"12e-7", "0.0000012"},
	{"0.0000001", "1e-7"},
	{"1e-7", "1e-7"},
	{"1.5e-7", "1.5e-7"},
	{"123e-10", "1.23e-8"},
	{"1e19", "10000000000000000000"},
	{"1e20", "100000000000000000000"},
	{"123456789012345678901", "123456789012345678901"},
	{"1e21", "1e+21"},
	{"1.0E21", "1e+21"},
	{"1234567890123456789012", "1.234567890123456789012e+21"},
	{"-1e21", "-1e+21"},
	{"1e300", "1e+300"},
	{"1.7976931348623157e308", "1.7976931348623157e+308"},
	{"5e-324", "5e-324"},
	{"0.30000000000000004", "0.30000000000000004"},
	{"0.3000000000000000444089209850062616169452667236328125", "0.3000000000000000444089209850062616169452667236328125"},
	{"9223372036854775807", "9223372036854775807"},
	{"9223372036854775807.0", "9223372036854775807"},
	{"9.223372036854775807e18", "9223372036854775807"},
	{"-9223372036854775808", "-9223372036854775808"},
	{"-9223372036854775808.00", "-9223372036854775808"},
	{"9223372036854775808", "9223372036854775808"},
	{"9007199254740993", "9007199254740993"},
	{"9007199254740993.0", "9007199254740993"},
	{"333333333.33333329", "333333333.33333329"},
	{"4.50", "4.5"},
	{"2e-3", "0.002"},
	{"0.000000000000000000000000001", "1e-27"},
	{"100000000000000000000.5", "100000000000000000000.5"},
	{"1000000000000000000000.5", "1.0000000000000000000005e+21"},
	{"3.0038125", "3.0038125"},
};

START_TEST(canonical_forms)
{
	struct buf b;

	buf_init(&b, a);
	json_canonical(&b, number(forms[_i].literal));
	ck_assert_str_eq(buf_cstr(&b), forms[_i].canonical);
	ck_assert(json_equal(number(forms[_i].literal), number(forms[_i].canonical)));
	ck_assert_double_eq(json_to_double(number(forms[_i].literal)), strtod(forms[_i].canonical, NULL));
	buf_reset(&b);
	json_canonical(&b, number(forms[_i].canonical));
	ck_assert_str_eq(buf_cstr(&b), forms[_i].canonical);
}
END_TEST

static const char *const no_numbers[] = {
	"", "-", "+1", "01", "-01", "1.", ".1", "1e", "1e+", "e5", "0x1", "1 ", " 1", "1,", "NaN", "Infinity", "-inf",
	"1e400", "-1e400", "1e-400", "1e1000", "0e1000", "1.5.5", "1e5e5", "\xd9\xa1", "1f", "--1",
};

START_TEST(literals_that_are_none)
{
	ck_assert_ptr_null(json_number(a, str_from(no_numbers[_i])));
}
END_TEST

static const struct {
	const char *literal;
	bool is;
	int64_t i;
} ints[] = {
	{"0", true, 0},
	{"-0.0", true, 0},
	{"42", true, 42},
	{"1.0", true, 1},
	{"1e3", true, 1000},
	{"-1e3", true, -1000},
	{"1500e-2", true, 15},
	{"1501e-2", false, 0},
	{"1.5", false, 0},
	{"1e-1", false, 0},
	{"0.9999999999999999999999", false, 0},
	{"9007199254740993.0", true, INT64_C(9007199254740993)},
	{"9223372036854775807", true, INT64_MAX},
	{"9223372036854775807.0", true, INT64_MAX},
	{"9223372036854775808", false, 0},
	{"9.3e18", false, 0},
	{"9.2e18", true, INT64_C(9200000000000000000)},
	{"-9223372036854775808", true, INT64_MIN},
	{"-9223372036854775808.0", true, INT64_MIN},
	{"-9223372036854775809", false, 0},
	{"1e19", false, 0},
	{"1e300", false, 0},
};

START_TEST(integers)
{
	int64_t i = -77;

	ck_assert_int_eq(json_to_int(number(ints[_i].literal), &i), ints[_i].is);
	ck_assert_int_eq(i, ints[_i].is ? ints[_i].i : -77);
}
END_TEST

START_TEST(only_numbers_convert)
{
	int64_t i = 5;

	ck_assert(!json_to_int(json_stringc(a, "1"), &i));
	ck_assert(!json_to_int(json_bool(true), &i));
	ck_assert_int_eq(i, 5);
	ck_assert_double_eq(json_to_double(json_stringc(a, "1")), 0);
	ck_assert_double_eq(json_to_double(json_int(a, -3)), -3);
}
END_TEST

static const struct {
	double d;
	const char *text;
	enum json_type type;
} doubles[] = {
	{0.0, "0", JSON_INT},
	{-0.0, "0", JSON_INT},
	{1.0, "1", JSON_INT},
	{-7.0, "-7", JSON_INT},
	{0x1p53, "9007199254740992", JSON_INT},
	{-0x1p53, "-9007199254740992", JSON_INT},
	{0x1p53 + 2, "9007199254740994", JSON_INT},
	{0.1, "0.1", JSON_NUM},
	{0.1 + 0.2, "0.30000000000000004", JSON_NUM},
	{1.5, "1.5", JSON_NUM},
	{1e-7, "1e-7", JSON_NUM},
	{1e21, "1e+21", JSON_NUM},
	{1e20, "100000000000000000000", JSON_NUM},
	{5e-324, "5e-324", JSON_NUM},
	{DBL_MAX, "1.7976931348623157e+308", JSON_NUM},
	{INFINITY, "1.7976931348623157e+308", JSON_NUM},
	{-INFINITY, "-1.7976931348623157e+308", JSON_NUM},
	{NAN, "null", JSON_NULL},
	{2.0 / 3, "0.6666666666666666", JSON_NUM},
};

START_TEST(doubles_become_values)
{
	const struct json *v = json_double(a, doubles[_i].d), *again;

	ck_assert_str_eq(json_text(a, v).p, doubles[_i].text);
	ck_assert_int_eq(json_type(v), doubles[_i].type);
	if (isfinite(doubles[_i].d))
		ck_assert_double_eq(json_to_double(v), doubles[_i].d);
	/* what was stored computes as before */
	ck_assert_int_eq(json_parse(a, json_text(a, v), NULL, &again, NULL), 0);
	ck_assert_int_eq(json_type(again), json_type(v));
}
END_TEST

START_TEST(literals_are_copied)
{
	char text[] = "1.25";
	const struct json *v = json_number(a, str_from(text));

	text[0] = '9';
	ck_assert(str_is(json_literal(v), "1.25"));
}
END_TEST

/* Ascending, with equal values on one line. */
static const char *const ascending[][4] = {
	{"-1.7976931348623157e308"},
	{"-1e21", "-1000000000000000000000"},
	{"-9223372036854775809"},
	{"-9223372036854775808", "-9223372036854775808.0", "-9.223372036854775808e18"},
	{"-9223372036854775807"},
	{"-1.5", "-15e-1"},
	{"-1", "-1.0"},
	{"-0.1"},
	{"-1e-300"},
	{"0", "-0.0", "0e9"},
	{"5e-324"},
	{"0.1", "1e-1", "0.10"},
	{"0.1000000000000000055511151231257827"},
	{"0.11"},
	{"0.2"},
	{"1", "1.0", "1e0", "100e-2"},
	{"1.00000000000000000000001"},
	{"9"},
	{"10", "1e1"},
	{"9007199254740992", "9007199254740992.0"},
	{"9007199254740992.5"},
	{"9007199254740993"},
	{"9223372036854775807"},
	{"9223372036854775808", "9223372036854775808.0"},
	{"18446744073709551615"},
	{"123456789012345678901234567890"},
	{"123456789012345678901234567891"},
	{"1e300"},
};

START_TEST(exact_order)
{
	const int n = (int)(sizeof ascending / sizeof ascending[0]);

	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j++)
			for (int k = 0; k < 4 && ascending[i][k]; k++)
				for (int l = 0; l < 4 && ascending[j][l]; l++) {
					const struct json *x = number(ascending[i][k]), *y = number(ascending[j][l]);

					ck_assert_msg(json_cmp(x, y) == (i > j) - (i < j), "%s and %s", ascending[i][k],
						      ascending[j][l]);
					ck_assert_int_eq(json_equal(x, y), i == j);
				}
}
END_TEST

#define ROWS(table) ((int)(sizeof(table) / sizeof(table)[0]))

static const struct {
	const char *v, *by;
	bool multiple;
} multiples[] = {
	{"6", "3", true}, {"7", "3", false}, {"-6", "3", true}, {"0", "3", true}, {"0.0", "0.3", true}, {"6", "-3", true},
	{"19.99", "0.01", true}, {"19.999", "0.01", false}, {"0.0075", "0.0001", true}, {"0.00751", "0.0001", false},
	{"1", "0.5", true}, {"0.5", "1", false}, {"1e20", "3", false}, {"3e20", "3", true}, {"300", "1e2", true}, {"350", "1e2", false},
	{"1e308", "0.123456789", false}, {"1e308", "0.5", true}, {"9223372036854775807", "7", true}, {"9223372036854775807", "7.0", true},
	{"-9223372036854775808", "-1", true}, {"18446744073709551616", "2", true}, {"18446744073709551617", "2", false},
	/* divisors of more than 18 digits */
	{"246913578024691357802469135780", "12345678901234567890123456789", true},
	{"246913578024691357802469135781", "12345678901234567890123456789", false},
	{"1234567890123456789012345678900", "1.2345678901234567890123456789", true},
	{"12345678901234567890123456788", "12345678901234567890123456789", false},
};

START_TEST(multiples_are_exact)
{
	const struct json *v = number(multiples[_i].v), *by = number(multiples[_i].by);

	ck_assert_msg(json_is_multiple(v, by) == multiples[_i].multiple, "%s of %s", multiples[_i].v, multiples[_i].by);
	ck_assert(!json_is_multiple(json_null(), by));
}
END_TEST

static const struct {
	const char *v;
	bool integer;
} wholes[] = {
	{"1", true}, {"1.0", true}, {"-0.0", true}, {"1.5", false}, {"1e30", true}, {"15e-1", false}, {"150e-1", true}, {"1e-3", false},
	{"123456789012345678901234567890", true}, {"123456789012345678901234567890.5", false},
};

START_TEST(whole_numbers)
{
	ck_assert_msg(json_is_integer(number(wholes[_i].v)) == wholes[_i].integer, "%s", wholes[_i].v);
	ck_assert(!json_is_integer(json_stringc(a, "1")));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("json_number");
	TCase *tc = tcase_create("json_number");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, canonical_forms, 0, ROWS(forms));
	tcase_add_loop_test(tc, literals_that_are_none, 0, ROWS(no_numbers));
	tcase_add_loop_test(tc, integers, 0, ROWS(ints));
	tcase_add_test(tc, only_numbers_convert);
	tcase_add_loop_test(tc, doubles_become_values, 0, ROWS(doubles));
	tcase_add_test(tc, literals_are_copied);
	tcase_add_test(tc, exact_order);
	tcase_add_loop_test(tc, multiples_are_exact, 0, ROWS(multiples));
	tcase_add_loop_test(tc, whole_numbers, 0, ROWS(wholes));
	suite_add_tcase(s, tc);
	return suite_run(s);
}
