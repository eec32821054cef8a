/* json_write.c - compact, pretty and canonical text, order, and what holds for any value. */
#include "base/json.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/digest.h"
#include "base/err.h"
#include "../suite_run.h"
#include "../test_arena.h"

static const struct json *parsed(struct str text)
{
	const struct json *v = NULL;
	struct err err;

	ck_assert_msg(json_parse(a, text, NULL, &v, &err) == 0, "%.*s: %s", (int)text.n, text.p, err.msg);
	return v;
}

static const char *canonical(const struct json *v)
{
	struct buf b;

	buf_init(&b, a);
	json_canonical(&b, v);
	return buf_cstr(&b);
}

static const struct {
	const char *text, *canonical;
} pairs[] = {
	{"null", "null"},
	{" [ ] ", "[]"},
	{" { } ", "{}"},
	{"[null , true,false]", "[null,true,false]"},
	{"{\"b\":1,\"a\":2}", "{\"a\":2,\"b\":1}"},
	{"{\"b\":{\"d\":1,\"c\":2},\"a\":[{\"z\":1,\"y\":2}]}", "{\"a\":[{\"y\":2,\"z\":1}],\"b\":{\"c\":2,\"d\":1}}"},
	{"{\"aa\":1,\"a\":2,\"\":3,\"A\":4,\"0\":5}", "{\"\":3,\"0\":5,\"A\":4,\"a\":2,\"aa\":1}"},
	{"{\"10\":1,\"9\":2}", "{\"10\":1,\"9\":2}"},
	/* RFC 8785 section 3.2.3 */
	{"{\"\\u20ac\":\"Euro Sign\",\"\\r\":\"Carriage Return\",\"\\ufb33\":\"Hebrew Letter Dalet With Dagesh\","
	 "\"1\":\"One\",\"\\ud83d\\ude00\":\"Emoji: Grinning Face\",\"\\u0080\":\"Control\","
	 "\"\\u00f6\":\"Latin Small Letter O With Diaeresis\"}",
	 "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\xc2\x80\":\"Control\","
	 "\"\u00f6\":\"Latin Small Letter O With Diaeresis\",\"\u20ac\":\"Euro Sign\","
	 "\"\U0001f600\":\"Emoji: Grinning Face\",\"\ufb33\":\"Hebrew Letter Dalet With Dagesh\"}"},
	/* RFC 8785 section 3.2.2, but for its first number, whose digits past the double are kept */
	{"{\"numbers\":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],"
	 "\"string\":\"\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\\"\\/\",\"literals\":[null,true,false]}",
	 "{\"literals\":[null,true,false],\"numbers\":[333333333.33333329,1e+30,4.5,0.002,1e-27],"
	 "\"string\":\"\u20ac$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}"},
	/* UTF-16 order where it differs from code points: U+10000 before U+E000, U+FFFF; U+D7FF before both */
	{"{\"\\ue000\":1,\"\\ud800\\udc00\":2,\"\\ud7ff\":3,\"\\uffff\":4,\"\\udbff\\udfff\":5}",
	 "{\"\xed\x9f\xbf\":3,\"\U00010000\":2,\"\U0010ffff\":5,\"\ue000\":1,\"\xef\xbf\xbf\":4}"},
	{"{\"a\\ufb33\":1,\"a\\ud83d\\ude00\":2,\"a\":3}", "{\"a\":3,\"a\U0001f600\":2,\"a\ufb33\":1}"},
	{"\"\\u0008\\u0009\\u000a\\u000c\\u000d\\u000b\\u001f\\u007f\\u2028\"", "\"\\b\\t\\n\\f\\r\\u000b\\u001f\x7f\u2028\""},
	{"\"\\/\"", "\"/\""},
	{"[1,1.0,1e0,10E-1]", "[1,1,1,1]"},
};

START_TEST(canonical_pairs)
{
	const struct json *v = parsed(str_from(pairs[_i].text));
	struct digest d, e;

	ck_assert_str_eq(canonical(v), pairs[_i].canonical);
	ck_assert_str_eq(canonical(parsed(str_from(canonical(v)))), pairs[_i].canonical);
	json_digest(v, &d);
	digest_of(str_from(pairs[_i].canonical), &e);
	ck_assert(digest_eq(&d, &e));
}
END_TEST

START_TEST(all_control_characters_are_escaped)
{
	char text[32], expected[8];
	struct buf b;

	buf_init(&b, a);
	for (int c = 1; c < 0x20; c++) {
		static const char letters[] = "\bb\tt\nn\ff\rr";
		const char *at = strchr(letters, c);

		snprintf(expected, sizeof expected, at ? "\\%c" : "\\u%04x", at ? at[1] : c);
		text[0] = 'x';
		text[1] = (char)c;
		buf_reset(&b);
		json_write_string(&b, (struct str){text, 2});
		ck_assert_str_eq(buf_cstr(&b), arena_printf(a, "\"x%s\"", expected));
		ck_assert_uint_eq(json_size(json_string(a, (struct str){text, 2})), b.n);
	}
	buf_reset(&b);
	json_write_string(&b, STR_NONE);
	ck_assert_str_eq(buf_cstr(&b), "\"\"");
}
END_TEST

START_TEST(pretty_text)
{
	struct buf b;

	buf_init(&b, a);
	json_write_pretty(&b, parsed(STR("{\"a\":[1,{\"b\":\"x\\n\"}],\"c\":[],\"d\":{},\"e\":1.50}")));
	ck_assert_str_eq(buf_cstr(&b), "{\n  \"a\": [\n    1,\n    {\n      \"b\": \"x\\n\"\n    }\n  ],\n"
				       "  \"c\": [],\n  \"d\": {},\n  \"e\": 1.50\n}");
	buf_reset(&b);
	json_write_pretty(&b, NULL);
	ck_assert_str_eq(buf_cstr(&b), "null");
}
END_TEST

/* What jq says: [...] | sort. Ascending, all different. */
static const char *const ascending[] = {
	"null", "false", "true", "-1", "0", "0.5", "1", "1e3", "\"\"", "\"A\"", "\"a\"", "\"a\\u0001\"", "\"aa\"", "\"b\"",
	"\"\\u00e9\"", "\"\\uffff\"", "\"\\ud83d\\ude00\"", "[]", "[null]", "[null,null]", "[false]", "[0]", "[0,0]", "[1]",
	"[\"a\"]", "[[]]", "[{}]", "{}", "{\"a\":null}", "{\"a\":1}", "{\"a\":2}", "{\"a\":1,\"b\":2}", "{\"a\":2,\"b\":1}",
	"{\"b\":3,\"a\":2}", "{\"a\":0,\"b\":0,\"c\":0}", "{\"a\":0,\"c\":0}", "{\"b\":0}",
};

START_TEST(total_order)
{
	const int n = (int)(sizeof ascending / sizeof ascending[0]);
	const struct json *x = parsed(str_from(ascending[_i]));

	for (int j = 0; j < n; j++) {
		const struct json *y = parsed(str_from(ascending[j]));

		ck_assert_msg(json_cmp(x, y) == (_i > j) - (_i < j), "%s and %s", ascending[_i], ascending[j]);
		ck_assert_int_eq(json_equal(x, y), _i == j);
	}
}
END_TEST

static const struct {
	const char *x, *y;
	bool equal;
} equals[] = {
	{"{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}", true},
	{"{\"a\":1,\"b\":2}", "{\"b\":2.0,\"a\":1e0}", true},
	{"{\"a\":1}", "{\"b\":1}", false},
	{"{\"a\":1}", "{\"a\":1,\"b\":2}", false},
	{"{\"a\":null}", "{\"b\":null}", false},
	{"[1,2]", "[2,1]", false},
	{"[1]", "[1.0]", true},
	{"\"1\"", "1", false},
	{"[]", "{}", false},
	{"false", "null", false},
	{"\"\\u00e9\"", "\"e\\u0301\"", false},
	{"9007199254740993", "9007199254740992.0", false},
};

START_TEST(equality)
{
	const struct json *x = parsed(str_from(equals[_i].x)), *y = parsed(str_from(equals[_i].y));

	ck_assert_int_eq(json_equal(x, y), equals[_i].equal);
	ck_assert_int_eq(json_equal(y, x), equals[_i].equal);
	ck_assert_int_eq(json_cmp(x, y) == 0, equals[_i].equal);
	ck_assert_int_eq(strcmp(canonical(x), canonical(y)) == 0, equals[_i].equal);
}
END_TEST

/* --- random values, the same in every run --- */

static uint64_t seed;

static uint32_t any(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 32) % below;
}

static struct str any_text(void)
{
	static const uint32_t edges[] = {1, 0x1f, '"', '\\', '/', 0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xffff, 0x10000, 0x10ffff};
	struct buf b;
	char utf8[4];

	buf_init(&b, a);
	for (uint32_t n = any(6); n; n--) {
		uint32_t cp = any(3) ? 'a' + any(4) : edges[any(sizeof edges / sizeof edges[0])];

		buf_add(&b, utf8, utf8_put(utf8, cp));
	}
	return buf_str(&b);
}

static const struct json *any_number(void)
{
	static const char *const edges[] = {"0", "-0.0", "1", "1.0", "10e-1", "9223372036854775807", "9223372036854775808",
					    "-9223372036854775808", "1e21", "1e-7", "5e-324", "1.7976931348623157e308"};

	switch (any(4)) {
	case 0:
		return json_int(a, (int64_t)((uint64_t)any(UINT32_MAX) << 32 | any(UINT32_MAX)));
	case 1:
		return json_double(a, (double)any(100000) / 1000 - 50);
	case 2:
		return json_number(a, str_from(arena_printf(a, "%s%u.%u0e%d", any(2) ? "-" : "", any(1000), any(1000),
							    (int)any(60) - 30)));
	default:
		return json_number(a, str_from(edges[any(sizeof edges / sizeof edges[0])]));
	}
}

static const struct json *any_value(int depth)
{
	struct json_builder b;
	uint32_t kind = any(depth ? 7 : 5), n = any(20) ? any(5) : 20 + any(20);

	switch (kind) {
	case 0:
		return json_null();
	case 1:
		return json_bool(any(2));
	case 2:
	case 3:
		return any_number();
	case 4:
		return json_string(a, any_text());
	case 5:
		json_array_begin(&b, a);
		while (n--)
			json_array_add(&b, any_value(depth - 1));
		return json_array_end(&b);
	default:
		json_object_begin(&b, a);
		while (n--)
			json_object_set(&b, any_text(), any_value(depth - 1));
		return json_object_end(&b);
	}
}

/* The same value written otherwise: members in reverse, numbers in canonical form. */
static const struct json *reversed(const struct json *v)
{
	struct json_builder b;

	if (json_is_number(v))
		return parsed(str_from(canonical(v)));
	if (json_type(v) == JSON_ARRAY) {
		json_array_begin(&b, a);
		for (size_t i = 0; i < json_len(v); i++)
			json_array_add(&b, reversed(json_at(v, i)));
		return json_array_end(&b);
	}
	if (json_type(v) != JSON_OBJECT)
		return v;
	json_object_begin(&b, a);
	for (size_t i = json_len(v); i-- > 0;)
		json_object_set(&b, json_key(v, i), reversed(json_val(v, i)));
	return json_object_end(&b);
}

static void holds_for(const struct json *v)
{
	struct str text = json_text(a, v);
	const struct json *again = parsed(text), *other = reversed(v);
	struct buf pretty;

	ck_assert_uint_eq(text.n, json_size(v));
	ck_assert(json_equal(v, again));
	ck_assert(str_eq(json_text(a, again), text));
	ck_assert_str_eq(canonical(v), canonical(again));
	ck_assert_str_eq(canonical(v), canonical(parsed(str_from(canonical(v)))));
	ck_assert_str_eq(canonical(v), canonical(other));
	ck_assert(json_equal(v, other) && json_equal(other, v));
	ck_assert_int_eq(json_cmp(v, other), 0);
	ck_assert(json_equal(v, json_copy(a, v)));
	buf_init(&pretty, a);
	json_write_pretty(&pretty, v);
	ck_assert(str_eq(json_text(a, parsed(buf_str(&pretty))), text));
}

START_TEST(round_trips)
{
	seed = UINT64_C(0x9e3779b97f4a7c15) + (uint64_t)_i;
	for (int i = 0; i < 500; i++) {
		holds_for(any_value(4));
		arena_reset(a);
	}
}
END_TEST

START_TEST(order_is_total)
{
	enum { N = 60 };
	const struct json *v[N];

	seed = 12345;
	for (int i = 0; i < N; i++)
		v[i] = any_value(2);
	for (int i = 0; i < N; i++)
		for (int j = 0; j < N; j++) {
			ck_assert_int_eq(json_cmp(v[i], v[j]), -json_cmp(v[j], v[i]));
			ck_assert_int_eq(json_cmp(v[i], v[j]) == 0, json_equal(v[i], v[j]));
			ck_assert_int_eq(json_equal(v[i], v[j]), strcmp(canonical(v[i]), canonical(v[j])) == 0);
			for (int k = 0; k < N; k++)
				if (json_cmp(v[i], v[j]) <= 0 && json_cmp(v[j], v[k]) <= 0)
					ck_assert_int_le(json_cmp(v[i], v[k]), 0);
		}
}
END_TEST

/* Damaged text is refused or read as some other value; it never does harm. */
START_TEST(damaged_text)
{
	seed = 777;
	for (int i = 0; i < 3000; i++) {
		struct str text = json_text(a, any_value(3));
		char *p = arena_dup(a, text.p, text.n);
		const struct json *v;

		for (uint32_t n = 1 + any(3); n; n--)
			p[any((uint32_t)text.n)] = (char)any(256);
		if (json_parse(a, (struct str){p, text.n}, NULL, &v, NULL) == 0)
			holds_for(v);
		if (json_parse_lenient(a, (struct str){p, text.n}, NULL, &v, NULL) == 0)
			holds_for(v);
		arena_reset(a);
	}
}
END_TEST

#define ROWS(table) ((int)(sizeof(table) / sizeof(table)[0]))

int main(void)
{
	Suite *s = suite_create("json_write");
	TCase *tc = tcase_create("json_write");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, canonical_pairs, 0, ROWS(pairs));
	tcase_add_test(tc, all_control_characters_are_escaped);
	tcase_add_test(tc, pretty_text);
	tcase_add_loop_test(tc, total_order, 0, ROWS(ascending));
	tcase_add_loop_test(tc, equality, 0, ROWS(equals));
	tcase_add_loop_test(tc, round_trips, 0, 4);
	tcase_add_test(tc, order_is_total);
	tcase_add_test(tc, damaged_text);
	suite_add_tcase(s, tc);
	return suite_run(s);
}
