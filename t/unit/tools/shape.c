/* shape.c - the pure helpers of calls: results against their cap, globs. */
#include <check.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "tools/glob.h"
#include "tools/output.h"
#include "../suite_run.h"
#include "../test_arena.h"

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

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, results_are_cut_to_their_cap);
	tcase_add_test(t, every_cap_is_kept);
	tcase_add_test(t, glob);
	tcase_add_test(t, a_hostile_glob_takes_no_time);
	suite_add_tcase(s, t);
	return suite_run(s);
}
