/* str.c - views, UTF-8, suggestions and the builder. */
#include "base/str.h"

#include <check.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/heap.h"
#include "../suite_run.h"
#include "../test_arena.h"

START_TEST(views)
{
	char text[] = "abc";
	struct str copy = str_dup(a, str_from(text));
	char *cstr = str_cstr(a, str_from(text));

	text[0] = 'X';
	ck_assert_str_eq(copy.p, "abc");
	ck_assert_str_eq(cstr, "abc");
	ck_assert_uint_eq(copy.n, 3);
	ck_assert_ptr_null(str_from(NULL).p);
	ck_assert_uint_eq(str_from(NULL).n, 0);
	ck_assert_str_eq(str_cstr(a, STR_NONE), "");
	ck_assert(str_is(str_lower(a, STR("X-Hub_[`{@Z\xc3\x84")), "x-hub_[`{@z\xc3\x84"));
	ck_assert_uint_eq(str_lower(a, STR_NONE).n, 0);
	ck_assert_str_eq(str_dup(a, STR_NONE).p, "");
	ck_assert_uint_eq(str_dup(a, STR("a\0b")).n, 3);
	ck_assert_str_eq(arena_printf(a, "[" STR_FMT "][" STR_FMT "]", STR_ARG(STR("ab")), STR_ARG(STR_NONE)), "[ab][]");
}
END_TEST

static const struct {
	struct str a, b;
	int cmp;
} compared[] = {
	{STR(""), STR(""), 0},
	{{NULL, 0}, STR(""), 0},
	{{NULL, 0}, STR("a"), -1},
	{STR("a"), STR("a"), 0},
	{STR("a"), STR("b"), -1},
	{STR("a"), STR("aa"), -1},
	{STR("B"), STR("a"), -1},
	{STR("a"), STR("a\0"), -1},
	{STR("a\0b"), STR("a\0c"), -1},
	{STR("z"), STR("\xc3\xa9"), -1},
	{STR("\x7f"), STR("\x80"), -1},
};

START_TEST(comparing)
{
	struct str x = compared[_i].a, y = compared[_i].b;

	ck_assert_int_eq(str_cmp(x, y), compared[_i].cmp);
	ck_assert_int_eq(str_cmp(y, x), -compared[_i].cmp);
	ck_assert_int_eq(str_eq(x, y), compared[_i].cmp == 0);
	ck_assert_int_eq(str_eq(y, x), compared[_i].cmp == 0);
}
END_TEST

START_TEST(is_starts_ends)
{
	ck_assert(str_is(STR("abc"), "abc"));
	ck_assert(!str_is(STR("abc"), "ab"));
	ck_assert(!str_is(STR("ab\0"), "ab"));
	ck_assert(str_is(STR_NONE, ""));
	ck_assert(str_is(STR_NONE, NULL));
	ck_assert(str_starts(STR("abc"), STR("ab")));
	ck_assert(str_starts(STR("abc"), STR("")));
	ck_assert(str_starts(STR("abc"), STR_NONE));
	ck_assert(!str_starts(STR("ab"), STR("abc")));
	ck_assert(!str_starts(STR("abc"), STR("bc")));
	ck_assert(!str_starts(STR_NONE, STR("a")));
	ck_assert(str_ends(STR("abc"), STR("bc")));
	ck_assert(str_ends(STR("abc"), STR("abc")));
	ck_assert(str_ends(STR("abc"), STR("")));
	ck_assert(!str_ends(STR("bc"), STR("abc")));
	ck_assert(!str_ends(STR("abc"), STR("ab")));
}
END_TEST

static const struct {
	const char *s;
	size_t from, n;
	const char *sub;
} subs[] = {
	{"abcdef", 0, 3, "abc"}, {"abcdef", 2, 2, "cd"},	  {"abcdef", 4, 100, "ef"},
	{"abcdef", 6, 1, ""},	 {"abcdef", 7, 1, ""},		  {"abcdef", 0, SIZE_MAX, "abcdef"},
	{"abcdef", 3, 0, ""},	 {"abcdef", SIZE_MAX, SIZE_MAX, ""}, {"", 0, 5, ""},
};

START_TEST(sub)
{
	ck_assert(str_is(str_sub(str_from(subs[_i].s), subs[_i].from, subs[_i].n), subs[_i].sub));
	ck_assert_uint_eq(str_sub(STR_NONE, subs[_i].from, subs[_i].n).n, 0);
}
END_TEST

START_TEST(trim)
{
	ck_assert(str_is(str_trim(STR(" \t\r\n\v\fab c \n")), "ab c"));
	ck_assert(str_is(str_trim(STR("abc")), "abc"));
	ck_assert(str_is(str_trim(STR(" \t ")), ""));
	ck_assert(str_is(str_trim(STR("")), ""));
	ck_assert_uint_eq(str_trim(STR_NONE).n, 0);
	ck_assert(str_is(str_trim(STR("\xc2\xa0x")), "\xc2\xa0x"));
	ck_assert_uint_eq(str_trim(STR("\0x\0")).n, 3);
}
END_TEST

static const struct {
	struct str s, needle;
	ptrdiff_t at;
} finds[] = {
	{STR("abcabc"), STR("c"), 2},	{STR("abcabc"), STR("ca"), 2}, {STR("abcabc"), STR("abcabc"), 0},
	{STR("abc"), STR("abcd"), -1},	{STR("abc"), STR("x"), -1},    {STR("abc"), STR(""), 0},
	{STR(""), STR(""), 0},		{{NULL, 0}, STR("a"), -1},     {{NULL, 0}, {NULL, 0}, 0},
	{STR("a\0bc"), STR("\0b"), 1},	{STR("aaaaab"), STR("aab"), 3},
};

START_TEST(find)
{
	ck_assert_int_eq(str_find(finds[_i].s, finds[_i].needle), finds[_i].at);
}
END_TEST

START_TEST(chr)
{
	ck_assert_int_eq(str_chr(STR("abcb"), 'b'), 1);
	ck_assert_int_eq(str_chr(STR("abc"), 'x'), -1);
	ck_assert_int_eq(str_chr(STR("a\0b"), '\0'), 1);
	ck_assert_int_eq(str_chr(STR("abc"), '\0'), -1);
	ck_assert_int_eq(str_chr(STR_NONE, 'a'), -1);
}
END_TEST

static const struct {
	const char *a, *b;
	size_t d;
} distances[] = {
	{"", "", 0},	     {"a", "", 1},	    {"", "abc", 3},	      {"abc", "abc", 0},
	{"abc", "abd", 1},   {"abc", "ab", 1},	    {"abc", "abcd", 1},	      {"abc", "acb", 1},
	{"ab", "ba", 1},     {"kitten", "sitting", 3}, {"ca", "abc", 3},      {"review", "revew", 1},
	{"flaw", "lawn", 2}, {"abcdef", "badcfe", 3},  {"abcdef", "ghijkl", 6},
	{"0123456789012345678901234567890123456789012345678901234567890123",
	 "0123456789012345678901234567890123456789012345678901234567890124", 1},
	{"01234567890123456789012345678901234567890123456789012345678901234",
	 "01234567890123456789012345678901234567890123456789012345678901234", 0},
	{"01234567890123456789012345678901234567890123456789012345678901234",
	 "01234567890123456789012345678901234567890123456789012345678901235", 65},
};

START_TEST(distance)
{
	struct str x = str_from(distances[_i].a), y = str_from(distances[_i].b);

	ck_assert_uint_eq(str_distance(x, y), distances[_i].d);
	ck_assert_uint_eq(str_distance(y, x), distances[_i].d);
}
END_TEST

static const struct {
	const char *name, *nearest;
} suggestions[] = {
	{"revew", "review"}, {"reviwe", "review"}, {"Review", "review"}, {"timeuot", "timeout"}, {"retyr", "retry"},
	{"review", "review"}, {"x", NULL},	   {"", NULL},		 {"entirely", NULL},	 {"i", "if"},
	{"fi", "if"},	      {"retr", "retry"},   {"banana", NULL},
};

START_TEST(nearest)
{
	static const char *const known[] = {"retry", "review", "timeout", "if", "when"};
	const char *got = str_nearest(str_from(suggestions[_i].name), known, 5);

	ck_assert_pstr_eq(got, suggestions[_i].nearest);
	ck_assert_ptr_null(str_nearest(str_from(suggestions[_i].name), NULL, 0));
}
END_TEST

static const struct {
	struct str s;
	size_t prefix, code_points;
} utf8[] = {
	{STR(""), 0, 0},
	{STR("abc"), 3, 3},
	{STR("a\0b"), 3, 3},
	{STR("\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"), 19, 7},
	{STR("0123456789abcdef\xc3\xa9"), 18, 17},
	{STR("01234567\xc3"), 8, 0},
	{STR("\x80"), 0, 0},
	{STR("a\xbf"), 1, 0},
	{STR("ab\xc0\x80"), 2, 0},
	{STR("\xc1\xbf"), 0, 0},
	{STR("\xe0\x9f\xbf"), 0, 0},
	{STR("\xed\x9f\xbf\xed\xa0\x80"), 3, 0},
	{STR("\xf0\x8f\xbf\xbf"), 0, 0},
	{STR("\xf4\x90\x80\x80"), 0, 0},
	{STR("\xf5\x80\x80\x80"), 0, 0},
	{STR("\xfe"), 0, 0},
	{STR("\xff"), 0, 0},
	{STR("\xe2\x82"), 0, 0},
	{STR("\xe2\x28\xa1"), 0, 0},
	{STR("\xe2\x82\x28"), 0, 0},
	{STR("\xf0\x9f\x98\x28"), 0, 0},
	{STR("\xf0\x9f\x28\x80"), 0, 0},
};

START_TEST(validity)
{
	struct str s = utf8[_i].s;
	char *p = heap_alloc(s.n + !s.n);

	memcpy(p, s.p, s.n);
	s.p = p;
	ck_assert_uint_eq(utf8_prefix(s), utf8[_i].prefix);
	ck_assert_int_eq(utf8_valid(s), utf8[_i].prefix == s.n);
	if (utf8[_i].prefix == s.n)
		ck_assert_uint_eq(utf8_len(s), utf8[_i].code_points);
	free(p);
}
END_TEST

START_TEST(every_code_point)
{
	for (uint32_t cp = 0; cp <= 0x10ffff; cp++) {
		char out[4];
		struct str s = {out, utf8_put(out, cp)};
		size_t i = 0;

		if (utf8_valid(s) != (cp < 0xd800 || cp > 0xdfff) || utf8_next(s, &i) != cp || i != s.n)
			ck_abort_msg("U+%04x", cp);
	}
}
END_TEST

START_TEST(builder)
{
	struct buf b;

	buf_init(&b, a);
	ck_assert_uint_eq(buf_str(&b).n, 0);
	ck_assert_str_eq(buf_cstr(&b), "");
	buf_addc(&b, 'a');
	buf_adds(&b, "bc");
	buf_adds(&b, "");
	buf_addstr(&b, STR("d\0e"));
	buf_addstr(&b, STR_NONE);
	buf_add(&b, NULL, 0);
	buf_addf(&b, "%d-%s", 7, "x");
	ck_assert(str_eq(buf_str(&b), STR("abcd\0e7-x")));
	ck_assert_mem_eq(buf_cstr(&b), "abcd\0e7-x", 10);
	buf_addc(&b, '!');
	ck_assert_mem_eq(buf_cstr(&b), "abcd\0e7-x!", 11);
	buf_reset(&b);
	ck_assert_str_eq(buf_cstr(&b), "");
}
END_TEST

START_TEST(builder_of_integers)
{
	static const struct {
		int64_t i;
		const char *text;
	} v[] = {{0, "0"}, {-1, "-1"}, {10, "10"}, {1234567890123456789, "1234567890123456789"}, {INT64_MAX, "9223372036854775807"},
		 {INT64_MIN, "-9223372036854775808"}};

	for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
		struct buf b;

		buf_init(&b, a);
		buf_addi(&b, v[i].i);
		ck_assert_str_eq(buf_cstr(&b), v[i].text);
	}
}
END_TEST

/* What is formatted fits by a byte, just does not, and does not by far. */
START_TEST(builder_formats_at_every_room)
{
	for (int fill = 0; fill < 300; fill++)
		for (int n = 0; n < 40; n += 13) {
			struct buf b;
			const char *want = arena_printf(a, "%0*d%0*d", fill + 1, 7, n + 1, 3);

			buf_init(&b, a);
			for (int i = 0; i < fill; i++)
				buf_addc(&b, '0');
			buf_addc(&b, '7');
			buf_addf(&b, "%0*d", n + 1, 3);
			ck_assert_str_eq(buf_cstr(&b), want);
		}
}
END_TEST

START_TEST(builder_grows)
{
	struct buf b;
	struct str s;

	buf_init(&b, a);
	for (int i = 0; i < 5000; i++) {
		buf_addc(&b, (char)('a' + i % 26));
		if (i % 3 == 0)
			ck_assert_uint_eq(strlen(buf_cstr(&b)), b.n);
		buf_addf(&b, "%d", i);
	}
	s = buf_str(&b);
	for (int i = 0; i < 5000; i++) {
		char *piece = arena_printf(a, "%c%d", 'a' + i % 26, i);

		ck_assert(str_starts(s, str_from(piece)));
		s = str_sub(s, strlen(piece), s.n);
	}
	ck_assert_uint_eq(s.n, 0);
}
END_TEST

/* Every fill around the first capacity, so that the NUL always has its place. */
START_TEST(builder_at_its_edge)
{
	for (size_t n = 0; n < 300; n++) {
		struct buf b;

		buf_init(&b, a);
		for (size_t i = 0; i < n; i++)
			buf_addc(&b, 'x');
		ck_assert_uint_eq(strlen(buf_cstr(&b)), n);
		buf_addf(&b, "%s", "yz");
		ck_assert_uint_eq(strlen(buf_cstr(&b)), n + 2);
	}
}
END_TEST

#define ROWS(table) ((int)(sizeof(table) / sizeof(table)[0]))

START_TEST(names)
{
	static const char *const good[] = {"a", "a b", "..a", ".a", "\u00e9", "%", "a:b"};
	static const char *const bad[] = {"", ".", "..", "a/b", "a\\b", "a\nb", "\x7f", "\xff", "\xed\xa0\x80"};
	char text[256];

	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		ck_assert_msg(str_is_name(str_from(good[i])), "%s", good[i]);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		ck_assert_msg(!str_is_name(str_from(bad[i])), "%s", bad[i]);
	ck_assert(!str_is_name((struct str){"a\0b", 3}));
	memset(text, 'n', sizeof text);
	ck_assert(str_is_name((struct str){text, 255}));
	ck_assert(!str_is_name((struct str){text, 256}));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("str");
	TCase *tc = tcase_create("str");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, names);
	tcase_add_test(tc, views);
	tcase_add_loop_test(tc, comparing, 0, ROWS(compared));
	tcase_add_test(tc, is_starts_ends);
	tcase_add_loop_test(tc, sub, 0, ROWS(subs));
	tcase_add_test(tc, trim);
	tcase_add_loop_test(tc, find, 0, ROWS(finds));
	tcase_add_test(tc, chr);
	tcase_add_loop_test(tc, distance, 0, ROWS(distances));
	tcase_add_loop_test(tc, nearest, 0, ROWS(suggestions));
	tcase_add_loop_test(tc, validity, 0, ROWS(utf8));
	tcase_add_test(tc, every_code_point);
	tcase_add_test(tc, builder);
	tcase_add_test(tc, builder_of_integers);
	tcase_add_test(tc, builder_formats_at_every_room);
	tcase_add_test(tc, builder_grows);
	tcase_add_test(tc, builder_at_its_edge);
	suite_add_tcase(s, tc);
	return suite_run(s);
}
