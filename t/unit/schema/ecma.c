/* Unit tests of schema/ecma*.c: patterns as ECMA-262 has them. */
#include <check.h>
#include <stdlib.h>

#include "base/arena.h"
#include "schema/ecma.h"
#include "../suite_run.h"
#include "../test_arena.h"

static const struct {
	const char *pattern, *yes, *no;	/* one text that it finds a match in, one that it does not; NULL: none */
} matches[] = {
	{"", "abc", NULL},
	{"b", "abc", "ac"},
	{"^a$", "a", "a\n"},
	{"^\\d+$", "42", "\xd9\xa1"},			/* ARABIC-INDIC DIGIT ONE */
	{"^\\D$", "\xd9\xa1", "4"},
	{"^\\w$", "_", "\xc3\xa9"},
	{"^\\W$", "\xc3\xa9", "z"},
	{"^\\s$", "\xc2\xa0", "a"},			/* NO-BREAK SPACE */
	{"^\\s$", "\xef\xbb\xbf", "\xe2\x80\x8b"},	/* BYTE ORDER MARK; ZERO WIDTH SPACE is none */
	{"^\\s$", "\v", "\xc2\x85"},			/* NEXT LINE is none */
	{"^\\S$", "\xc2\x85", "\xe2\x80\xa8"},		/* LINE SEPARATOR */
	{"^[\\s]$", "\xe3\x80\x80", "x"},
	{"^[\\S]$", "\xe2\x80\x8b", "\xc2\xa0"},
	{"^[^\\S]$", "\xc2\xa0", "\xe2\x80\x8b"},
	{"^[\\d\\-x]$", "-", "y"},
	{"^.$", "\xf0\x9f\x98\x80", "\xe2\x80\xa9"},	/* PARAGRAPH SEPARATOR ends a line */
	{"^.$", "\xc2\x85", "\r"},
	{"^\\cA\\ca$", "\x01\x01", "AA"},
	{"^\\x41\\u0042\\u{43}\\u{0001F600}$", "ABC\xf0\x9f\x98\x80", "abc"},
	{"^\\uD83D\\uDE00$", "\xf0\x9f\x98\x80", "x"},
	{"^[\\uD83D\\uDE00-\\u{1F64F}]$", "\xf0\x9f\x99\x83", "x"},
	{"\\uD83D", NULL, "\xf0\x9f\x98\x80"},		/* half a pair is in no text */
	{"^a\\uD83D*$", "a", "b"},
	{"^[\\uD800-\\uE000]$", "\xee\x80\x80", "\xed\x9f\xbf"},
	{"^[]$", NULL, "a"},
	{"^[^]$", "\n", ""},
	{"a[]|b", "b", "a"},
	{"^[[:alpha]$", ":", "z"},
	{"^[\\b]$", "\b", "b"},
	{"^a\\bc|\\b-", "a-", "ac"},
	{"^(?:ab|c){2,3}$", "abc", "ab"},
	{"^a{2}$", "aa", "a"},
	{"^a{1,}?$", "aaa", ""},
	{"^(a)(b)\\2\\1$", "abba", "abab"},
	{"^(?<x>a)(?<y$>b)\\k<y$>\\k<x>$", "abba", "abab"},
	{"^\\1(a)$", "a", "aa"},			/* a group that is not set matches nothing at all */
	{"^(?:(a)|b)\\1$", "b", "a"},
	{"^(?=a)\\w$", "a", "b"},
	{"^(?!a)\\w$", "b", "a"},
	{"(?<=a)b", "ab", "cb"},
	{"(?<!a)b", "cb", "ab"},
	{"^\\p{Lu}\\p{Letter}\\P{L}$", "Ab1", "ab1"},
	{"^\\p{gc=Decimal_Number}\\p{General_Category=digit}$", "1\xd9\xa1", "ab"},
	{"^\\p{Script=Greek}\\p{sc=Latin}$", "\xce\xb1" "a", "aa"},
	{"^\\p{scx=Deva}$", "\xe0\xa5\xa4", "a"},	/* DEVANAGARI DANDA is of several scripts */
	{"^\\p{Alphabetic}\\p{White_Space}\\p{ASCII}$", "a z", "1 z"},
	{"^\\p{Any}\\p{Assigned}\\P{Assigned}$", "aa\xf3\xa1\x80\x80", "aaa"},
	{"^[\\p{L}\\P{Any}_]$", "\xc3\xa9", "1"},
	{"^\\/\\.\\^\\$\\*\\+\\?\\(\\)\\[\\]\\{\\}\\|\\\\$", "/.^$*+?()[]{}|\\", "x"},
	{"^# x$", "# x", "#x"},
	{"^\\t\\n\\v\\f\\r$", "\t\n\v\f\r", "tnvfr"},
	{"^a-\xc3\xa9&&~$", "a-\xc3\xa9&&~", "x"},
};

START_TEST(match)
{
	struct pattern_error error = {.offset = 0};
	const struct pattern *p = ecma_compile(a, str_from(matches[_i].pattern), &error);
	uint64_t budget = 100000;

	ck_assert_msg(p != NULL, "%s: %s", matches[_i].pattern, error.message);
	if (matches[_i].yes)
		ck_assert_msg(pattern_find(p, str_from(matches[_i].yes), 0, false, NULL, &budget) == PATTERN_YES, "%s: not found", matches[_i].pattern);
	if (matches[_i].no)
		ck_assert_msg(pattern_find(p, str_from(matches[_i].no), 0, false, NULL, &budget) == PATTERN_NO, "%s: found", matches[_i].pattern);
	ck_assert_uint_gt(budget, 90000);
}
END_TEST

static const struct {
	const char *pattern;
	size_t offset;
	const char *message;
} refused[] = {
	{"a(b", 3, "missing closing parenthesis"},
	{"a)b", 1, "unmatched closing parenthesis"},
	{"[a", 0, "missing terminating ] for character class"},
	{"a]", 1, "\"]\" without a partner"},
	{"a}", 1, "\"}\" without a partner"},
	{"a{", 1, "incomplete quantifier"},
	{"a{,3}", 1, "incomplete quantifier"},
	{"a{1", 1, "incomplete quantifier"},
	{"a{3,2}", 1, "numbers out of order in {} quantifier"},
	{"*a", 0, "quantifier does not follow a repeatable item"},
	{"a**", 2, "quantifier does not follow a repeatable item"},
	{"a++", 2, "quantifier does not follow a repeatable item"},	/* possessive, to PCRE2 */
	{"a??+", 3, "quantifier does not follow a repeatable item"},
	{"^*", 1, "quantifier does not follow a repeatable item"},
	{"\\b+", 2, "quantifier does not follow a repeatable item"},
	{"(?=a)*", 5, "quantifier does not follow a repeatable item"},
	{"(*FAIL)", 1, "quantifier does not follow a repeatable item"},
	{"(?i)a", 0, "invalid group"},
	{"(?>a)", 0, "invalid group"},
	{"(?P<x>a)", 0, "invalid group"},
	{"(?#c)", 0, "invalid group"},
	{"(?|a)", 0, "invalid group"},
	{"(?R)", 0, "invalid group"},
	{"(?<1>a)", 3, "invalid name of a group"},
	{"(?<a>x)(?<a>y)", 12, "two groups of one name"},
	{"\\k<a>", 0, "reference to non-existent group"},
	{"\\ka", 0, "invalid named reference"},
	{"\\1", 0, "reference to non-existent group"},
	{"(a)\\2", 3, "reference to non-existent group"},
	{"\\00", 0, "invalid decimal escape"},
	{"[\\1]", 1, "invalid escape"},
	{"\\a", 0, "invalid escape"},
	{"\\A", 0, "invalid escape"},
	{"\\z", 0, "invalid escape"},
	{"\\Q", 0, "invalid escape"},
	{"\\K", 0, "invalid escape"},
	{"\\R", 0, "invalid escape"},
	{"\\h", 0, "invalid escape"},
	{"\\-", 0, "invalid escape"},
	{"\\_", 0, "invalid escape"},
	{"\\c1", 0, "\\c without a letter"},
	{"\\x4", 0, "\\x without two hexadecimal digits"},
	{"\\u12", 0, "invalid Unicode escape"},
	{"\\u{110000}", 0, "invalid Unicode escape"},
	{"\\u{}", 0, "invalid Unicode escape"},
	{"a\\", 1, "a backslash at the end"},
	{"[b-a]", 1, "range out of order in character class"},
	{"[\\d-z]", 1, "a set is no end of a range"},
	{"[a-\\w]", 1, "a set is no end of a range"},
	{"\\pL", 0, "invalid property name"},
	{"\\p{Greek}", 0, "there is no property \"Greek\""},	/* PCRE2 takes scripts without a key */
	{"\\p{lu}", 0, "there is no property \"lu\""},
	{"\\p{^Lu}", 0, "there is no property \"^Lu\""},
	{"\\p{Script=}", 0, "there is no property \"Script=\""},
	{"\\p{Block=Latin}", 0, "there is no property \"Block=Latin\""},
};

START_TEST(refuse)
{
	struct pattern_error error = {.offset = 0};

	ck_assert_msg(!ecma_compile(a, str_from(refused[_i].pattern), &error), "%s was taken", refused[_i].pattern);
	ck_assert_str_eq(error.message, refused[_i].message);
	ck_assert_msg(error.offset == refused[_i].offset, "%s: at %zu", refused[_i].pattern, error.offset);
}
END_TEST

/* What only PCRE2 cannot do is refused by it, in its words. */
START_TEST(beyond_pcre2)
{
	static const char *const patterns[] = {"(?<=a+)b", "a{70000}", "\\p{sc=Nowhere}"};
	struct pattern_error error = {.offset = 0};

	ck_assert_ptr_null(ecma_compile(a, str_from(patterns[_i]), &error));
	ck_assert_str_ne(error.message, "");
}
END_TEST

START_TEST(bounds)
{
	struct pattern_error error = {.offset = 0};
	char *text = arena_alloc(a, 20001), nested[200] = "";
	const struct pattern *p = ecma_compile(a, STR("^(a+)+$"), &error);
	uint64_t budget = 100000;

	memset(text, 'a', 20000);
	text[20000] = '\0';
	ck_assert_ptr_null(ecma_compile(a, str_from(text), &error));
	ck_assert_str_eq(error.message, "it has more than 16384 bytes");
	for (int i = 0; i < 65; i++)
		strcat(nested, "(");
	ck_assert_ptr_null(ecma_compile(a, str_from(nested), &error));
	ck_assert_str_eq(error.message, "parentheses are too deeply nested");
	text[40] = '!';
	ck_assert_int_eq(pattern_find(p, str_sub(str_from(text), 0, 41), 0, false, NULL, &budget), PATTERN_GIVEN_UP);
	ck_assert_uint_eq(budget, 0);
	ck_assert_int_eq(pattern_find(p, STR("a"), 0, false, NULL, &budget), PATTERN_GIVEN_UP);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("schema/ecma");
	TCase *t = tcase_create("ecma");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, match, 0, (int)(sizeof matches / sizeof matches[0]));
	tcase_add_loop_test(t, refuse, 0, (int)(sizeof refused / sizeof refused[0]));
	tcase_add_loop_test(t, beyond_pcre2, 0, 3);
	tcase_add_test(t, bounds);
	suite_add_tcase(s, t);
	return suite_run(s);
}
