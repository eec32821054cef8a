/* json_parse.c - what the strict and the lenient parser take and refuse. */
#include "base/json.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/heap.h"
#include "../suite_run.h"
#include "../test_arena.h"

struct good {
	struct str text;
	const char *compact;
};

static const struct good good[] = {
	/* words and white space */
	{STR("null"), "null"},
	{STR("true"), "true"},
	{STR("false"), "false"},
	{STR(" \t\r\n null \t\r\n "), "null"},
	{STR("\n[\n]\n"), "[]"},
	{STR("{ }"), "{}"},
	{STR(" { \"a\" : 1 , \"b\" : [ ] } "), "{\"a\":1,\"b\":[]}"},
	/* numbers: exact integers */
	{STR("0"), "0"},
	{STR("-0"), "0"},
	{STR("7"), "7"},
	{STR("-1"), "-1"},
	{STR("9223372036854775807"), "9223372036854775807"},
	{STR("-9223372036854775808"), "-9223372036854775808"},
	{STR("9007199254740993"), "9007199254740993"},
	/* numbers: literals are kept as written */
	{STR("9223372036854775808"), "9223372036854775808"},
	{STR("-9223372036854775809"), "-9223372036854775809"},
	{STR("18446744073709551615"), "18446744073709551615"},
	{STR("123456789012345678901234567890"), "123456789012345678901234567890"},
	{STR("0.0"), "0.0"},
	{STR("-0.0"), "-0.0"},
	{STR("1.0"), "1.0"},
	{STR("1.50"), "1.50"},
	{STR("0.1"), "0.1"},
	{STR("-0.5"), "-0.5"},
	{STR("1e5"), "1e5"},
	{STR("1E5"), "1E5"},
	{STR("1e+5"), "1e+5"},
	{STR("1e-5"), "1e-5"},
	{STR("0e1"), "0e1"},
	{STR("0E+1"), "0E+1"},
	{STR("1e005"), "1e005"},
	{STR("1.7976931348623157e308"), "1.7976931348623157e308"},
	{STR("4.9e-324"), "4.9e-324"},
	{STR("2.2250738585072011e-308"), "2.2250738585072011e-308"},
	{STR("0e999"), "0e999"},
	{STR("0.1234567890123456789012345678901234567890"), "0.1234567890123456789012345678901234567890"},
	{STR("[-0,1 ,2]"), "[0,1,2]"},
	/* strings */
	{STR("\"\""), "\"\""},
	{STR("\"a\""), "\"a\""},
	{STR("\" \""), "\" \""},
	{STR("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), "\"\\\"\\\\/\\b\\f\\n\\r\\t\""},
	{STR("\"\\u0041\""), "\"A\""},
	{STR("\"\\u00e9\""), "\"\u00e9\""},
	{STR("\"\\u00E9\""), "\"\u00e9\""},
	{STR("\"\\u20ac\""), "\"\u20ac\""},
	{STR("\"\\ud83d\\ude00\""), "\"\U0001f600\""},
	{STR("\"\\uD83D\\uDE00x\""), "\"\U0001f600x\""},
	{STR("\"\\ud800\\udc00\""), "\"\U00010000\""},
	{STR("\"\\udbff\\udfff\""), "\"\U0010ffff\""},
	{STR("\"\\uffff\""), "\"\xef\xbf\xbf\""},
	{STR("\"\\ufffe\""), "\"\xef\xbf\xbe\""},
	{STR("\"\\ufeff\""), "\"\xef\xbb\xbf\""},
	{STR("\"\\u0001\\u001f\\u007f\""), "\"\\u0001\\u001f\x7f\""},
	{STR("\"\\u2028\\u2029\""), "\"\xe2\x80\xa8\xe2\x80\xa9\""},
	{STR("\"\\\\u0000\""), "\"\\\\u0000\""},
	{STR("\"\x7f\""), "\"\x7f\""},
	{STR("\"\u00e9\""), "\"\u00e9\""},
	{STR("\"\U0001f600\""), "\"\U0001f600\""},
	{STR("\"\xed\x9f\xbf\xee\x80\x80\""), "\"\xed\x9f\xbf\xee\x80\x80\""},
	{STR("\"\xf4\x8f\xbf\xbf\""), "\"\xf4\x8f\xbf\xbf\""},
	{STR("\"\xc2\x80\""), "\"\xc2\x80\""},
	{STR("\"/* no comment */\""), "\"/* no comment */\""},
	{STR("\"seven b\xc3\xa4\""), "\"seven b\xc3\xa4\""},
	/* arrays and objects */
	{STR("[]"), "[]"},
	{STR("[[]]"), "[[]]"},
	{STR("[[],[]]"), "[[],[]]"},
	{STR("[null,true,false,1,1.5,\"s\",[],{}]"), "[null,true,false,1,1.5,\"s\",[],{}]"},
	{STR("{}"), "{}"},
	{STR("{\"\":0}"), "{\"\":0}"},
	{STR("{\"a\":{\"a\":{\"a\":1}}}"), "{\"a\":{\"a\":{\"a\":1}}}"},
	{STR("{\"b\":1,\"a\":2}"), "{\"b\":1,\"a\":2}"},
	{STR("{\"a\":1,\"A\":2}"), "{\"a\":1,\"A\":2}"},
	{STR("{\"a\":1,\"a \":2}"), "{\"a\":1,\"a \":2}"},
	{STR("{\"e\\u0301\":1,\"\\u00e9\":2}"), "{\"e\xcc\x81\":1,\"\xc3\xa9\":2}"},
	{STR("{\"a\":[{\"a\":1},{\"a\":2}]}"), "{\"a\":[{\"a\":1},{\"a\":2}]}"},
	{STR("{\"a\":[1,[2,[3]]],\"b\":{\"c\":[]}}"), "{\"a\":[1,[2,[3]]],\"b\":{\"c\":[]}}"},
};

struct bad {
	struct str text;
	const char *says;
	size_t at;
};

static const struct bad bad[] = {
	/* nothing, or more than one value */
	{STR(""), "expected a value, but the text ends", 0},
	{STR("  "), "expected a value, but the text ends", 2},
	{STR("null null"), "expected nothing behind the value, got 'n'", 5},
	{STR("1 2"), "nothing behind", 2},
	{STR("{}}"), "nothing behind", 2},
	{STR("[]]"), "nothing behind", 2},
	{STR("1,"), "nothing behind", 1},
	{STR("null\0"), "got 0x00", 4},
	{STR("\0null"), "expected a value, got 0x00", 0},
	{STR("null\v"), "got 0x0b", 4},
	{STR("\fnull"), "got 0x0c", 0},
	{STR("null\xc2\xa0"), "got 0xc2", 4},
	{STR("null//x"), "nothing behind", 4},
	{STR("/**/null"), "expected a value, got '/'", 0},
	{STR("#\nnull"), "expected a value, got '#'", 0},
	{STR("\xef\xbb\xbfnull"), "byte order mark", 0},
	{STR("\xfe\xff\0n"), "invalid UTF-8", 0},
	/* words */
	{STR("nul"), "expected a value, got 'n'", 0},
	{STR("nulll"), "nothing behind", 4},
	{STR("NULL"), "expected a value", 0},
	{STR("True"), "expected a value", 0},
	{STR("tru"), "expected a value", 0},
	{STR("undefined"), "expected a value", 0},
	{STR("NaN"), "expected a value", 0},
	{STR("Infinity"), "expected a value", 0},
	{STR("-Infinity"), "malformed number", 0},
	{STR("'a'"), "expected a value", 0},
	/* numbers */
	{STR("-"), "malformed number", 0},
	{STR("+1"), "expected a value, got '+'", 0},
	{STR("--1"), "malformed number", 0},
	{STR("007"), "leading zero", 0},
	{STR("00"), "leading zero", 0},
	{STR("-01"), "leading zero", 0},
	{STR("01.5"), "leading zero", 0},
	{STR(".5"), "expected a value, got '.'", 0},
	{STR("5."), "malformed number", 0},
	{STR("-.5"), "malformed number", 0},
	{STR("1.e5"), "malformed number", 0},
	{STR("1e"), "malformed number", 0},
	{STR("1e+"), "malformed number", 0},
	{STR("1e-"), "malformed number", 0},
	{STR("1e5.5"), "nothing behind", 3},
	{STR("1ee5"), "malformed number", 0},
	{STR("0x10"), "nothing behind", 1},
	{STR("1_000"), "nothing behind", 1},
	{STR("1a"), "nothing behind", 1},
	{STR("1e400"), "outside the range of doubles", 0},
	{STR("-1e400"), "outside the range of doubles", 0},
	{STR("1.8e308"), "outside the range of doubles", 0},
	{STR("1e-400"), "outside the range of doubles", 0},
	{STR("1e99999999999999999999"), "outside the range of doubles", 0},
	{STR("0e1000"), "outside the range of doubles", 0},
	{STR("0e-99999999999999999999"), "outside the range of doubles", 0},
	{STR("[1, 1e400]"), "outside the range of doubles", 4},
	{STR("\xd9\xa1"), "expected a value, got 0xd9", 0},
	/* strings */
	{STR("\""), "string without an end, begun", 0},
	{STR("[\"abc"), "string without an end, begun", 1},
	{STR("\"abc\\\""), "string without an end", 0},
	{STR("\"\\"), "unknown escape", 1},
	{STR("\"\\x41\""), "unknown escape", 1},
	{STR("\"\\'\""), "unknown escape", 1},
	{STR("\"\\\0\""), "unknown escape", 1},
	{STR("\"\\U0041\""), "unknown escape", 1},
	{STR("\"\\u\""), "four hexadecimal digits", 1},
	{STR("\"\\u004\""), "four hexadecimal digits", 1},
	{STR("\"\\u004g\""), "four hexadecimal digits", 1},
	{STR("\"\\u+041\""), "four hexadecimal digits", 1},
	{STR("\"\\u 041\""), "four hexadecimal digits", 1},
	{STR("\"\\u00"), "four hexadecimal digits", 1},
	{STR("\"a\nb\""), "control character", 2},
	{STR("\"a\tb\""), "control character", 2},
	{STR("\"\x1f\""), "control character", 1},
	{STR("\"a\0b\""), "control character", 2},
	{STR("\"\\u0000\""), "NUL in a string", 1},
	{STR("\"attacker.example\\u0000.allowed.com\""), "NUL in a string", 17},
	{STR("{\"a\\u0000b\":1}"), "NUL in a string", 3},
	{STR("\"\\ud800\""), "lone surrogate", 1},
	{STR("\"\\udc00\""), "lone surrogate", 1},
	{STR("\"\\ude00\\ud83d\""), "lone surrogate", 1},
	{STR("\"\\ud83d\\ud83d\\ude00\""), "lone surrogate", 1},
	{STR("\"\\ud83dx\""), "lone surrogate", 1},
	{STR("\"\\ud83d\\n\""), "lone surrogate", 1},
	{STR("\"\\ud83d\\u0041\""), "lone surrogate", 1},
	{STR("\"\\ud83d\\u\""), "lone surrogate", 1},
	{STR("\"ok\\udfff\""), "lone surrogate", 3},
	/* UTF-8: overlong, surrogates, too large, broken */
	{STR("\"\xc0\x80\""), "invalid UTF-8", 1},
	{STR("\"\xc0\xaf\""), "invalid UTF-8", 1},
	{STR("\"\xc1\xbf\""), "invalid UTF-8", 1},
	{STR("\"\xe0\x80\xaf\""), "invalid UTF-8", 1},
	{STR("\"\xe0\x9f\xbf\""), "invalid UTF-8", 1},
	{STR("\"\xf0\x80\x80\xaf\""), "invalid UTF-8", 1},
	{STR("\"\xf0\x8f\xbf\xbf\""), "invalid UTF-8", 1},
	{STR("\"\xed\xa0\x80\""), "invalid UTF-8", 1},
	{STR("\"\xed\xbf\xbf\""), "invalid UTF-8", 1},
	{STR("\"\xf4\x90\x80\x80\""), "invalid UTF-8", 1},
	{STR("\"\xf5\x80\x80\x80\""), "invalid UTF-8", 1},
	{STR("\"\xff\""), "invalid UTF-8", 1},
	{STR("\"\x80\""), "invalid UTF-8", 1},
	{STR("\"ab\xc3\""), "invalid UTF-8", 3},
	{STR("\"\xe2\x82\""), "invalid UTF-8", 1},
	{STR("\"\xf0\x9f\x98\""), "invalid UTF-8", 1},
	{STR("\"eight bytes \xc3\x28\""), "invalid UTF-8", 13},
	{STR("\"\xc3"), "invalid UTF-8", 1},
	/* arrays and objects */
	{STR("["), "expected a value, but the text ends", 1},
	{STR("[1"), "expected ',' or ']', but the text ends", 2},
	{STR("[1,"), "expected a value, but the text ends", 3},
	{STR("[1,]"), "expected a value, got ']'", 3},
	{STR("[,1]"), "expected a value, got ','", 1},
	{STR("[1,,2]"), "expected a value, got ','", 3},
	{STR("[1 2]"), "expected ',' or ']', got '2'", 3},
	{STR("[1}"), "expected ',' or ']', got '}'", 2},
	{STR("[[1]"), "expected ',' or ']'", 4},
	{STR("]"), "expected a value, got ']'", 0},
	{STR("{"), "expected a key in quotes, but the text ends", 1},
	{STR("{\"a\""), "expected ':', but the text ends", 4},
	{STR("{\"a\":"), "expected a value", 5},
	{STR("{\"a\":1"), "expected ',' or '}'", 6},
	{STR("{\"a\":1,}"), "expected a key in quotes, got '}'", 7},
	{STR("{,}"), "expected a key in quotes, got ','", 1},
	{STR("{a:1}"), "expected a key in quotes, got 'a'", 1},
	{STR("{1:1}"), "expected a key in quotes, got '1'", 1},
	{STR("{null:1}"), "expected a key in quotes, got 'n'", 1},
	{STR("{\"a\" 1}"), "expected ':', got '1'", 5},
	{STR("{\"a\"::1}"), "expected a value, got ':'", 5},
	{STR("{\"a\":1 \"b\":2}"), "expected ',' or '}', got '\"'", 7},
	{STR("{\"a\",\"b\"}"), "expected ':', got ','", 4},
	{STR("{\"a\":1]"), "expected ',' or '}', got ']'", 6},
	{STR("}"), "expected a value", 0},
	{STR("{\"a\":1,\"a\":1}"), "duplicate key \"a\"", 7},
	{STR("{\"a\":1,\"b\":2,\"a\":3}"), "duplicate key \"a\"", 13},
	{STR("{\"a\":1,\"\\u0061\":2}"), "duplicate key \"a\"", 7},
	{STR("{\"\":1,\"\":2}"), "duplicate key \"\"", 6},
	{STR("[{\"x\":{\"a\":1,\"a\":2}}]"), "duplicate key \"a\"", 13},
};

/* A copy of just the right size, so that sanitizers see reads past the end. */
static struct str exact(struct str s)
{
	char *p = heap_alloc(s.n ? s.n : 1);

	ck_assert_ptr_nonnull(p);
	memcpy(p, s.p, s.n);
	arena_defer(a, free, p);
	return (struct str){p, s.n};
}

START_TEST(takes)
{
	const struct json *v = NULL;
	struct err err;

	ck_assert_msg(json_parse(a, exact(good[_i].text), NULL, &v, &err) == 0, "%s: %s", good[_i].text.p, err.msg);
	ck_assert_str_eq(json_text(a, v).p, good[_i].compact);
	ck_assert_int_eq(json_parse_lenient(a, exact(good[_i].text), NULL, &v, &err), 0);
	ck_assert_str_eq(json_text(a, v).p, good[_i].compact);
}
END_TEST

START_TEST(refuses)
{
	const struct json *v = NULL;
	char place[40];
	struct err err;

	ck_assert_msg(json_parse(a, exact(bad[_i].text), NULL, &v, &err) == -1, "%s was taken", bad[_i].text.p);
	ck_assert_ptr_null(v);
	ck_assert_int_eq(err.code, ERR_JSON);
	ck_assert_msg(strstr(err.msg, bad[_i].says) != NULL, "said: %s, not: %s", err.msg, bad[_i].says);
	snprintf(place, sizeof place, " at byte %zu", bad[_i].at);
	ck_assert_msg(str_ends(str_from(err.msg), str_from(place)), "said: %s, not: %s", err.msg, place);
	ck_assert_int_eq(json_parse(a, exact(bad[_i].text), NULL, &v, NULL), -1);
}
END_TEST

/* No beginning of a good text other than a number is one; none makes the parser read past its end. */
START_TEST(refuses_every_beginning)
{
	struct str text = STR("{\"a\\n\":[1.5e1,\"\\ud83d\\ude00\u00e9\",true,null,{\"b\":[]}]}");
	const struct json *v;

	for (size_t n = 0; n < text.n; n++)
		ck_assert_int_eq(json_parse(a, exact(str_sub(text, 0, n)), NULL, &v, NULL), -1);
	ck_assert_int_eq(json_parse(a, exact(text), NULL, &v, NULL), 0);
}
END_TEST

static const struct good lenient[] = {
	{STR("\"a\\u0000b\""), "\"a\ufffdb\""},
	{STR("\"\\ud800\""), "\"\ufffd\""},
	{STR("\"\\udc00\\ud800\""), "\"\ufffd\ufffd\""},
	{STR("\"\\ud83d\\ud83d\\ude00\""), "\"\ufffd\U0001f600\""},
	{STR("\"\\ud83dx\""), "\"\ufffdx\""},
	{STR("\"\\ud83d\\n\""), "\"\ufffd\\n\""},
	{STR("\"\xed\xa0\x80\""), "\"\ufffd\""},
	{STR("\"x\xed\xbf\xbf\xed\xa0\x80y\""), "\"x\ufffd\ufffdy\""},
	{STR("{\"\\u0000\":\"\\udfff\"}"), "{\"\ufffd\":\"\ufffd\"}"},
};

START_TEST(lenient_replaces)
{
	const struct json *v;
	struct err err;

	ck_assert_int_eq(json_parse(a, lenient[_i].text, NULL, &v, &err), -1);
	ck_assert_msg(json_parse_lenient(a, exact(lenient[_i].text), NULL, &v, &err) == 0, "%s", err.msg);
	ck_assert_str_eq(json_text(a, v).p, lenient[_i].compact);
}
END_TEST

static const struct bad lenient_bad[] = {
	{STR("\"a\0b\""), "control character", 2},
	{STR("\"\xff\""), "invalid UTF-8", 1},
	{STR("\"\xed\xa0\x80\xff\""), "invalid UTF-8", 4},
	{STR("\"\xed\xa0"), "invalid UTF-8", 1},
	{STR("\"\xed\xa0\""), "invalid UTF-8", 1},
	{STR("{\"\\u0000\":1,\"\\ud800\":2}"), "duplicate key \"\ufffd\"", 12},
	{STR("\"\\u00\""), "four hexadecimal digits", 1},
	{STR("[1,]"), "expected a value", 3},
	{STR("1e999"), "outside the range", 0},
};

START_TEST(lenient_refuses)
{
	const struct json *v;
	struct err err;

	ck_assert_int_eq(json_parse_lenient(a, exact(lenient_bad[_i].text), NULL, &v, &err), -1);
	ck_assert_msg(strstr(err.msg, lenient_bad[_i].says) != NULL, "said: %s", err.msg);
}
END_TEST

static struct str nested(size_t depth, char open, char close)
{
	char *p = arena_alloc(a, 2 * depth);

	memset(p, open, depth);
	memset(p + depth, close, depth);
	return (struct str){p, 2 * depth};
}

START_TEST(depth_is_bounded)
{
	const struct json_limits two = {.max_depth = 2}, deep = {.max_depth = 100000};
	const struct json *v;
	struct err err;

	ck_assert_int_eq(json_parse(a, nested(64, '[', ']'), NULL, &v, &err), 0);
	ck_assert_int_eq(json_parse(a, nested(65, '[', ']'), NULL, &v, &err), -1);
	ck_assert_int_eq(err.code, ERR_SIZE);
	ck_assert_str_eq(err.msg, "JSON nested more than 64 levels deep at byte 64");
	ck_assert_int_eq(json_parse(a, STR("{\"a\":[1]}"), &two, &v, &err), 0);
	ck_assert_int_eq(json_parse(a, STR("{\"a\":[{}]}"), &two, &v, &err), -1);
	ck_assert_int_eq(err.code, ERR_SIZE);
	ck_assert_int_eq(json_parse(a, nested(100000, '[', ']'), &deep, &v, &err), 0);
	ck_assert_int_eq(json_parse(a, str_sub(nested(100000, '[', ']'), 0, 100000), &deep, &v, &err), -1);
	ck_assert_int_eq(err.code, ERR_JSON);
}
END_TEST

START_TEST(bytes_and_values_are_bounded)
{
	const struct json_limits bytes = {.max_bytes = 5}, values = {.max_values = 3};
	const struct json *v;
	struct err err;

	ck_assert_int_eq(json_parse(a, STR("[1,2]"), &bytes, &v, &err), 0);
	ck_assert_int_eq(json_parse(a, STR("[1,2] "), &bytes, &v, &err), -1);
	ck_assert_int_eq(err.code, ERR_SIZE);
	ck_assert_str_eq(err.msg, "JSON of 6 bytes, at most 5 are allowed");
	ck_assert_int_eq(json_parse(a, STR("[1,2]"), &values, &v, &err), 0);
	ck_assert_int_eq(json_parse(a, STR("{\"a\":1,\"b\":2}"), &values, &v, &err), 0);
	ck_assert_int_eq(json_parse(a, STR("[1,[2]]"), &values, &v, &err), -1);
	ck_assert_int_eq(err.code, ERR_SIZE);
	ck_assert_str_eq(err.msg, "JSON of more than 3 values at byte 4");
}
END_TEST

START_TEST(literals_are_bounded)
{
	char digits[1100];
	const struct json *v;
	struct err err;

	memset(digits, '3', sizeof digits);
	memcpy(digits, "0.", 2);
	ck_assert_int_eq(json_parse(a, (struct str){digits, 1024}, NULL, &v, &err), 0);
	ck_assert_uint_eq(json_literal(v).n, 1024);
	ck_assert_int_eq(json_parse(a, (struct str){digits, 1025}, NULL, &v, &err), -1);
	ck_assert(str_starts(str_from(err.msg), STR("a number may have at most 1024 characters")));
	memset(digits, '9', sizeof digits);
	ck_assert_int_eq(json_parse(a, (struct str){digits, 308}, NULL, &v, &err), 0);
	ck_assert_int_eq(json_parse(a, (struct str){digits, 309}, NULL, &v, &err), -1);
	ck_assert_int_eq(json_parse(a, (struct str){digits, 1100}, NULL, &v, &err), -1);
}
END_TEST

/* Large objects: look-up by index, order as written, duplicates found wherever they are. */
START_TEST(large_objects)
{
	enum { N = 20000 };
	const struct json *v;
	struct err err;
	struct buf b;

	buf_init(&b, a);
	for (int i = 0; i < N; i++)
		buf_addf(&b, "%s\"k%d\":%d", i ? "," : "{", i * 7919 % N, i);
	ck_assert_int_eq(json_parse(a, STR("{}"), NULL, &v, &err), 0);
	buf_addc(&b, '}');
	ck_assert_int_eq(json_parse(a, buf_str(&b), NULL, &v, &err), 0);
	ck_assert_uint_eq(json_len(v), N);
	ck_assert(str_is(json_key(v, 1), "k7919"));
	for (int i = 0; i < N; i++) {
		int64_t got;
		char key[16];

		snprintf(key, sizeof key, "k%d", i * 7919 % N);
		ck_assert(json_to_int(json_getc(v, key), &got));
		ck_assert_int_eq(got, i);
	}
	ck_assert_ptr_null(json_getc(v, "k20000"));
	ck_assert_ptr_null(json_getc(v, ""));
	b.n--;
	buf_adds(&b, ",\"k77\":0,\"x\":1}");
	ck_assert_int_eq(json_parse(a, buf_str(&b), NULL, &v, &err), -1);
	ck_assert(str_starts(str_from(err.msg), STR("duplicate key \"k77\" at byte ")));
}
END_TEST

START_TEST(values_do_not_point_into_the_text)
{
	char text[] = "{\"key\":[\"value\",1.25]}";
	const struct json *v;

	ck_assert_int_eq(json_parse(a, str_from(text), NULL, &v, NULL), 0);
	memset(text, '!', sizeof text - 1);
	ck_assert_str_eq(json_text(a, v).p, "{\"key\":[\"value\",1.25]}");
}
END_TEST

START_TEST(no_text_at_all)
{
	const struct json *v;

	ck_assert_int_eq(json_parse(a, STR_NONE, NULL, &v, NULL), -1);
	ck_assert_int_eq(json_parse_lenient(a, STR_NONE, NULL, &v, NULL), -1);
}
END_TEST

#define ROWS(table) ((int)(sizeof(table) / sizeof(table)[0]))

int main(void)
{
	Suite *s = suite_create("json_parse");
	TCase *tc = tcase_create("json_parse");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, takes, 0, ROWS(good));
	tcase_add_loop_test(tc, refuses, 0, ROWS(bad));
	tcase_add_test(tc, refuses_every_beginning);
	tcase_add_loop_test(tc, lenient_replaces, 0, ROWS(lenient));
	tcase_add_loop_test(tc, lenient_refuses, 0, ROWS(lenient_bad));
	tcase_add_test(tc, depth_is_bounded);
	tcase_add_test(tc, bytes_and_values_are_bounded);
	tcase_add_test(tc, literals_are_bounded);
	tcase_add_test(tc, large_objects);
	tcase_add_test(tc, values_do_not_point_into_the_text);
	tcase_add_test(tc, no_text_at_all);
	suite_add_tcase(s, tc);
	return suite_run(s);
}
