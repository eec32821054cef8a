/* shape.c - the pure helpers of calls: arguments against their schema, results against their cap, globs. */
#include <check.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "tools/argcheck.h"
#include "tools/glob.h"
#include "tools/output.h"

static struct arena *a;

static void setup(void)
{
	a = arena_new(NULL);
}

static void teardown(void)
{
	arena_free(a);
}

static const struct json *parse(const char *text)
{
	const struct json *v;
	struct err err;

	ck_assert_msg(json_parse(a, str_from(text), NULL, &v, &err) == 0, "%s: %s", text, err.msg);
	return v;
}

static const char schema[] =
	"{\"type\":\"object\",\"required\":[\"title\"],\"additionalProperties\":false,\"properties\":{"
	"\"title\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":5},\"n\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":9},"
	"\"x\":{\"type\":\"number\"},\"size\":{\"enum\":[\"s\",\"m\",1]},\"tags\":{\"type\":\"array\",\"maxItems\":2,"
	"\"items\":{\"type\":\"string\"}},\"opt\":{\"type\":[\"string\",\"null\"]},\"on\":{\"type\":\"boolean\"},"
	"\"deep\":{\"type\":\"object\",\"required\":[\"k\"],\"properties\":{\"k\":{\"const\":7}}}}}";

static const struct {
	const char *args, *msg;	/* NULL: fits */
} calls[] = {
	{"{\"title\":\"a\"}", NULL},
	{"{\"title\":\"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\"}", NULL},
	{"{\"title\":\"a\",\"n\":3,\"x\":1.5,\"size\":1,\"tags\":[\"b\"],\"opt\":null,\"on\":true,\"deep\":{\"k\":7,\"z\":1}}", NULL},
	{"{\"title\":\"a\",\"n\":2.0}", NULL},
	{"{}", "argument \"title\": is missing"},
	{"[]", "arguments: expected object, got array"},
	{"null", "arguments: expected object, got null"},
	{"{\"title\":1}", "argument \"title\": expected string, got number"},
	{"{\"title\":null}", "argument \"title\": expected string, got null"},
	{"{\"title\":\"\"}", "argument \"title\": expected at least 1 characters"},
	{"{\"title\":\"abcdef\"}", "argument \"title\": expected at most 5 characters"},
	{"{\"title\":\"a\",\"n\":1.5}", "argument \"n\": expected integer, got number"},
	{"{\"title\":\"a\",\"n\":\"3\"}", "argument \"n\": expected integer, got string"},
	{"{\"title\":\"a\",\"n\":0}", "argument \"n\": expected at least 1"},
	{"{\"title\":\"a\",\"n\":10}", "argument \"n\": expected at most 9"},
	{"{\"title\":\"a\",\"n\":1e300}", "argument \"n\": expected integer, got number"},
	{"{\"title\":\"a\",\"size\":\"l\"}", "argument \"size\": expected one of [\"s\",\"m\",1]"},
	{"{\"title\":\"a\",\"tags\":\"b\"}", "argument \"tags\": expected array, got string"},
	{"{\"title\":\"a\",\"tags\":[\"b\",2]}", "argument \"tags[1]\": expected string, got number"},
	{"{\"title\":\"a\",\"tags\":[\"b\",\"c\",\"d\"]}", "argument \"tags\": expected at most 2 items"},
	{"{\"title\":\"a\",\"opt\":3}", "argument \"opt\": expected [\"string\",\"null\"], got number"},
	{"{\"title\":\"a\",\"on\":\"yes\"}", "argument \"on\": expected boolean, got string"},
	{"{\"title\":\"a\",\"deep\":{}}", "argument \"deep.k\": is missing"},
	{"{\"title\":\"a\",\"deep\":{\"k\":8}}", "argument \"deep.k\": expected one of 7"},
	{"{\"title\":\"a\",\"titel\":\"b\"}", "argument \"titel\": the tool has no such argument"},
};

START_TEST(arguments)
{
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		struct err err = {0};
		int rc = argcheck(parse(schema), parse(calls[i].args), &err);

		ck_assert_msg((rc == 0) == !calls[i].msg, "%s: %s", calls[i].args, err.msg);
		if (calls[i].msg) {
			ck_assert_int_eq(err.code, ERR_TOOL_ARGS);
			ck_assert_str_eq(err.msg, calls[i].msg);
		}
	}
}
END_TEST

START_TEST(an_unknown_argument_gets_a_suggestion)
{
	struct err err = {0};

	ck_assert_int_eq(argcheck(parse(schema), parse("{\"title\":\"a\",\"titel\":1}"), &err), -1);
	ck_assert_str_eq(err.hint, "did you mean \"title\"?");
}
END_TEST

START_TEST(deep_arguments_end)
{
	const struct json *s = parse("{}"), *v = parse("1");
	struct json_builder b;
	struct err err = {0};

	for (int i = 0; i < 60; i++) {
		json_object_begin(&b, a);
		json_object_setc(&b, "items", s);
		s = json_object_end(&b);
		v = json_array(a, &v, 1);
	}
	json_object_begin(&b, a);
	json_object_setc(&b, "additionalProperties", s);
	s = json_object_end(&b);
	json_object_begin(&b, a);
	json_object_setc(&b, "a very long name of an argument, longer than what a message may hold of it", v);
	ck_assert_int_eq(argcheck(s, json_object_end(&b), &err), -1);
	ck_assert_int_eq(err.code, ERR_TOOL_ARGS);
}
END_TEST

/* --- caps --- */

static const struct {
	const char *in;
	size_t max;
	const char *out;	/* NULL: tool.output */
} cuts[] = {
	{"\"abc\"", 5, "\"abc\""},
	{"\"abcdef\"", 5, "\"abc\""},
	{"\"\\n\\n\\n\"", 7, "\"\\n\\n\""},
	{"\"a\xc3\xa9\xc3\xa9\"", 6, "\"a\xc3\xa9\""},
	{"\"abc\"", 1, NULL},
	{"[1,2,3]", 5, "[1,2]"},
	{"[1,2,3]", 4, "[1]"},
	{"12345", 3, NULL},
	{"{\"text\":\"abcdefghijklmnopqrstuvwxyz\"}", 36, "{\"text\":\"abcdefgh\",\"truncated\":true}"},
	{"{\"n\":1,\"text\":\"abcdefghijklmnopqrstuvwxyz\"}", 36, "{\"n\":1,\"text\":\"ab\",\"truncated\":true}"},
	{"{\"a\":\"xxxxxxxxxxxxxxxx\",\"b\":\"yyyyyyyyyyyyyyyyyyyy\"}", 36, "{\"a\":\"xxxx\",\"b\":\"\",\"truncated\":true}"},
	{"{\"v\":[11,22,33,44,55,66,77,88]}", 30, "{\"v\":[11,22],\"truncated\":true}"},
	{"{\"a\":{\"text\":\"abcdefghijklmnopqrstuvwxyz\"}}", 30, NULL},
	{"{\"long_number_key_that_stays\":1234567890}", 20, NULL},
};

START_TEST(results_are_cut_to_their_cap)
{
	for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
		const struct json *v;
		struct err err = {0};
		bool truncated;
		int rc = output_fit(a, parse(cuts[i].in), cuts[i].max, true, &v, &truncated, &err);

		ck_assert_msg((rc == 0) == (cuts[i].out != NULL), "%s: %s", cuts[i].in, err.msg);
		if (!cuts[i].out) {
			ck_assert_int_eq(err.code, ERR_TOOL_OUTPUT);
			continue;
		}
		ck_assert_str_eq(json_text(a, v).p, cuts[i].out);
		ck_assert_uint_le(json_size(v), cuts[i].max);
		ck_assert(truncated == (json_size(parse(cuts[i].in)) > cuts[i].max));
	}
}
END_TEST

START_TEST(every_cap_is_kept)
{
	const struct json *v = parse("{\"a\":\"\\u0001\\u0002\\\"\\\\ \xf0\x9f\x98\x80 xyz\\n\",\"b\":[\"\xc3\xa9\",2,{}],\"c\":\"q\\tq\"}");

	for (size_t max = 0; max < json_size(v) + 3; max++) {
		const struct json *cut;
		struct err err = {0};
		bool truncated;

		if (output_fit(a, v, max, true, &cut, &truncated, &err) == 0) {
			ck_assert_uint_le(json_size(cut), max);
			parse(json_text(a, cut).p);
		}
		ck_assert(output_fit(a, v, max, false, &cut, &truncated, &err) == 0 || max < json_size(v));
	}
}
END_TEST

/* --- globs --- */

static const struct {
	const char *pattern, *path;
	bool fits;
} globs[] = {
	{"*", "a", true}, {"*", "", true}, {"*", ".a", false}, {".*", ".a", true}, {"*", "a/b", false}, {"*/*", "a/b", true},
	{"*.txt", "a.txt", true}, {"*.txt", "a.txt.gz", false}, {"a*b*c", "aXXbYYc", true}, {"a*b*c", "aXXbYY", false},
	{"?", "a", true}, {"?", "\xc3\xa9", true}, {"?", "ab", false}, {"?", ".", false}, {"", "", true}, {"", "a", false},
	{"[abc]x", "bx", true}, {"[!abc]x", "bx", false}, {"[^a-c]x", "dx", true}, {"[a-c]", "b", true}, {"[a-c]", "d", false},
	{"[]]", "]", true}, {"[a-]", "-", true}, {"[a", "[a", true}, {"[", "[", true}, {"[!]a]", "b", true},
	{"[\xc3\xa9]", "\xc3\xa9", true}, {"doc/*.md", "doc/a.md", true}, {"doc/*.md", "doc/b/a.md", false},
	{"a/", "a", false}, {"**", "ab", true}, {"README*", "README", true}, {"*a*a*a*b", "aaaaaaaaaaaa", false},
};

START_TEST(glob)
{
	for (size_t i = 0; i < sizeof globs / sizeof *globs; i++)
		ck_assert_msg(glob_matches(str_from(globs[i].pattern), str_from(globs[i].path)) == globs[i].fits,
			      "%s on %s", globs[i].pattern, globs[i].path);
}
END_TEST

START_TEST(a_hostile_glob_takes_no_time)
{
	char pattern[256], name[256];

	for (size_t i = 0; i < 254; i += 2)
		memcpy(pattern + i, "*a", 2);
	memcpy(pattern + 254, "b", 2);
	memset(name, 'a', 255);
	name[255] = '\0';
	for (int i = 0; i < 1000; i++)
		ck_assert(!glob_matches(str_from(pattern), str_from(name)));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("shape");
	TCase *t = tcase_create("shape");
	SRunner *r;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, arguments);
	tcase_add_test(t, an_unknown_argument_gets_a_suggestion);
	tcase_add_test(t, deep_arguments_end);
	tcase_add_test(t, results_are_cut_to_their_cap);
	tcase_add_test(t, every_cap_is_kept);
	tcase_add_test(t, glob);
	tcase_add_test(t, a_hostile_glob_takes_no_time);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
