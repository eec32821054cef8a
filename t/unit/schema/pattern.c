/* Unit tests of schema/pattern.c: what patterns find, and that each match ends. */
#include "schema/pattern.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "../suite_run.h"
#include "../test_arena.h"

static const struct pattern *compile(struct str text, unsigned options)
{
	struct pattern_error error;
	const struct pattern *p = pattern_compile(a, text, options, &error);

	ck_assert_msg(p != NULL, STR_FMT ": %s", STR_ARG(text), error.message);
	return p;
}

static const struct {
	const char *pattern;
	unsigned options;
	const char *yes, *no;
} rows[] = {
	{"b$", 0, "ab\n", "ba"},
	{"b$", PATTERN_END_ONLY, "ab", "ab\n"},
	{"AB", PATTERN_CASELESS, "cab", "ca"},
	{"a b", PATTERN_EXTENDED, "ab", "a b"},
	{"a.b", PATTERN_DOT_ALL, "a\nb", "ab"},
	{"a.b", 0, "a-b", "a\nb"},
	{"^\\w$", PATTERN_UNICODE, "\xc3\xa9", "-"},
	{"^\\w$", 0, "e", "\xc3\xa9"},
	{"^(?:(a)|b)\\1$", PATTERN_UNSET_MATCHES, "b", "a"},
	{"^(?:(a)|b)\\1$", 0, "aa", "b"},
};

START_TEST(options)
{
	const struct pattern *p = compile(str_from(rows[_i].pattern), rows[_i].options);
	uint64_t steps = 1000;

	ck_assert_int_eq(pattern_find(p, str_from(rows[_i].yes), 0, false, NULL, &steps), PATTERN_YES);
	ck_assert_int_eq(pattern_find(p, str_from(rows[_i].no), 0, false, NULL, &steps), PATTERN_NO);
	ck_assert_uint_gt(steps, 900);
}
END_TEST

START_TEST(groups)
{
	const struct pattern *p = compile(STR("(?<first>a)(x)?(b*)|z"), 0);
	const struct str *names = pattern_names(a, p);
	struct str text = STR("-ab-a--z");
	uint64_t steps = 1000;
	struct pattern_match m;

	ck_assert_uint_eq(pattern_groups(p), 3);
	ck_assert(str_is(names[1], "first") && !names[2].p && !names[3].p);
	ck_assert_int_eq(pattern_find(p, text, 0, false, &m, &steps), PATTERN_YES);
	ck_assert(m.start == 1 && m.end == 3 && m.n_groups == 3);
	ck_assert(str_is(pattern_group(&m, text, 1), "a") && !pattern_group(&m, text, 2).p && str_is(pattern_group(&m, text, 3), "b"));
	ck_assert_int_eq(pattern_find(p, text, 3, false, &m, &steps), PATTERN_YES);
	ck_assert(m.start == 4 && m.end == 5 && str_is(pattern_group(&m, text, 3), ""));
	ck_assert_int_eq(pattern_find(p, text, 5, false, &m, &steps), PATTERN_YES);
	ck_assert(m.start == 7 && m.end == 8 && m.n_groups == 0 && !pattern_group(&m, text, 1).p);
	ck_assert_int_eq(pattern_find(compile(STR("a*"), 0), text, 0, true, &m, &steps), PATTERN_YES);
	ck_assert(m.start == 1 && m.end == 2);
	ck_assert_int_eq(pattern_find(compile(STR("b\\K(?<=ab)"), 0), text, 0, false, &m, &steps), PATTERN_YES);
	ck_assert(m.start == 3 && m.end == 3);
	ck_assert_int_eq(pattern_find(p, STR_NONE, 0, false, &m, &steps), PATTERN_NO);
}
END_TEST

/* More groups than are told. */
START_TEST(many_groups)
{
	const struct pattern *p = compile(repeated("", "(a)", 150, ""), 0);
	struct str text = repeated("", "a", 150, "");
	uint64_t steps = 1000;
	struct pattern_match m;

	ck_assert_uint_eq(pattern_groups(p), 150);
	ck_assert_int_eq(pattern_find(p, text, 0, false, &m, &steps), PATTERN_YES);
	ck_assert(m.end == 150 && m.n_groups == PATTERN_MAX_GROUPS && !pattern_group(&m, text, 100).p);
}
END_TEST

/* The groups outlive the memory of a long match. */
START_TEST(groups_of_long_texts)
{
	const struct pattern *p = compile(STR("(b)$"), 0);
	struct str text = repeated("", "a", 1000000, "b");
	uint64_t steps = PATTERN_STEPS;
	struct pattern_match m;

	ck_assert_int_eq(pattern_find(p, text, 0, false, &m, &steps), PATTERN_YES);
	ck_assert(m.start == 1000000 && str_is(pattern_group(&m, text, 1), "b"));
}
END_TEST

static const struct {
	const char *text;
	size_t offset;
	const char *message;
} refused[] = {
	{"a(b", 3, "missing closing parenthesis"},
	{"a\\C", 3, "using \\C is disabled by the application"},
};

START_TEST(refuse)
{
	struct pattern_error error;

	ck_assert_ptr_null(pattern_compile(a, str_from(refused[_i].text), 0, &error));
	ck_assert_str_eq(error.message, refused[_i].message);
	ck_assert_uint_eq(error.offset, refused[_i].offset);
}
END_TEST

START_TEST(refuse_large)
{
	struct pattern_error error;

	ck_assert_ptr_null(pattern_compile(a, repeated("", "a", PATTERN_MAX_BYTES + 1, ""), 0, &error));
	ck_assert_str_eq(error.message, "it has more than 16384 bytes");
	ck_assert_ptr_null(pattern_compile(a, repeated("", "(", 65, "a"), 0, &error));
	ck_assert_str_eq(error.message, "parentheses are too deeply nested");
}
END_TEST

/* --- bounds: each would go on for minutes if one way of its items was free --- */

static const struct {
	const char *head, *part;
	size_t n;
	const char *tail;	/* the pattern */
	const char *letter;
	size_t length, period;	/* the text: at each period, a "!" */
} hostile[] = {
	{"(.*)(.*)(.*)[bc]", "", 0, "", "a", 100000, 100000},
	{"(?:a*+b)|[xy]", "", 0, "", "a", 1000000, 1000000},
	/* minimums that are not reached */
	{"[a-z]{2000}", "", 0, "", "a", 1000000, 2000},
	{"\\x{61}{2000}", "", 0, "", "a", 1000000, 2000},
	{"a?(?:b|\\w{2000,3000}c)", "", 0, "", "a", 1000000, 2000},
	{"\\R{20000}", "", 0, "", "\r\n", 19999, 30000},
	{"a?\\X{2}", "", 0, "", "\xcc\x81", 500000, 1000000},
	/* references */
	{"(a+)\\1\\1[bc]", "", 0, "", "a", 100000, 100000},
	{"(?=(.*))(?:", "\\1{2}|", 1500, "q)", "a", 100000, 100000},
	{"(?=(.*)b?)(?:", "\\1z|", 1500, "q)[xy]", "a", 100000, 100000},
	{"(?J)(?:(?<n>a+)|(?<n>b))\\k<n>\\k<n>[cd]", "", 0, "", "a", 100000, 100000},
	/* lookbehinds that step back to where they fail, or to the start of the text */
	{"^.*(?<=", "z.{60000}|", 1000, "q)", "a", 65000, 100000},
	{"^.*(?<=", ".{60000}z|", 1000, "q)", "a", 65000, 100000},
	{"^.*(?:", "(?<=.{60000})z|", 1000, "q)", "a", 65000, 100000},
	{"^(?:(?:a|aa)+(?<=", ".{255}|", 1800, "q))*$", "a", 250, 1000},
	/* recursion */
	{"^(a(?1)?a?)*[bc]", "", 0, "", "a", 100000, 100000},
};

START_TEST(bounds)
{
	const struct pattern *p = compile(repeated(hostile[_i].head, hostile[_i].part, hostile[_i].n, hostile[_i].tail), 0);
	uint64_t steps = PATTERN_STEPS, few = 3;
	struct buf text;

	buf_init(&text, a);
	for (size_t i = 1; i <= hostile[_i].length; i++)
		buf_adds(&text, i % hostile[_i].period ? hostile[_i].letter : "!");
	ck_assert_int_eq(pattern_find(p, buf_str(&text), 0, false, NULL, &steps), PATTERN_GIVEN_UP);
	ck_assert_uint_eq(steps, 0);
	ck_assert_int_eq(pattern_find(p, buf_str(&text), 0, false, NULL, &few), PATTERN_GIVEN_UP);
}
END_TEST

/* Before the steps are spent PCRE2 counts the ways that it goes. */
START_TEST(ways)
{
	static const char *const patterns[] = {"^(a+)+$", "(a|aa)+$", "(?R)"};
	uint64_t steps = PATTERN_STEPS;

	ck_assert_int_eq(pattern_find(compile(str_from(patterns[_i]), 0), repeated("", "a", 1000, "!"), 0, false, NULL, &steps),
			 PATTERN_GIVEN_UP);
}
END_TEST

/* What is quoted or names a character is no repetition to pay for. */
START_TEST(ordinary)
{
	static const char *const patterns[] = {"\\x{1000}|(?<!a)b", "\\g{1}(a)|\\o{7777}", "(?<=\\$)[0-9]+", "[\\d\\-x]+$", "\\ba"};
	struct str text = repeated("", "a b ", 1000, "$42");
	uint64_t steps = 50000;

	ck_assert_int_ne(pattern_find(compile(str_from(patterns[_i]), 0), text, 0, false, NULL, &steps), PATTERN_GIVEN_UP);
	ck_assert_uint_gt(steps, 30000);
}
END_TEST

#define ROWS(t) (int)(sizeof(t) / sizeof *(t))

int main(void)
{
	Suite *s = suite_create("schema/pattern");
	TCase *t = tcase_create("pattern");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, options, 0, ROWS(rows));
	tcase_add_test(t, groups);
	tcase_add_test(t, many_groups);
	tcase_add_test(t, groups_of_long_texts);
	tcase_add_loop_test(t, refuse, 0, ROWS(refused));
	tcase_add_test(t, refuse_large);
	tcase_add_loop_test(t, bounds, 0, ROWS(hostile));
	tcase_add_loop_test(t, ways, 0, 3);
	tcase_add_loop_test(t, ordinary, 0, 5);
	suite_add_tcase(s, t);
	return suite_run(s);
}
