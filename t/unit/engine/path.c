/* Unit tests of engine/path.c: what is made can be taken apart, nothing else can. */
#include "engine/path.h"

#include <check.h>
#include <stdlib.h>

#include "base/arena.h"
#include "../suite_run.h"

START_TEST(makes)
{
	struct arena *a = arena_new(NULL);
	struct str loop = path_step(a, STR(""), STR("each"), 1), item = path_item(a, loop, 12), step;

	step = path_step(a, item, STR("send"), 3);
	ck_assert_str_eq(path_step(a, STR(""), STR("a_1"), 2).p, "a_1~2");
	ck_assert_str_eq(loop.p, "each");
	ck_assert_str_eq(item.p, "each[12]");
	ck_assert_str_eq(step.p, "each[12]/send~3");
	ck_assert_uint_eq(step.n, strlen(step.p));
	ck_assert_str_eq(path_turn(a, step, 2).p, "each[12]/send~3/turn-2");
	ck_assert_str_eq(path_ask(a, step, 8).p, "each[12]/send~3/ask-8");
	arena_free(a);
}
END_TEST

static const struct {
	const char *path, *segments;	/* "!": refused at that segment */
} cases[] = {
	{"a", "a"},
	{"a~2", "a~2"},
	{"each[3]/send~2/turn-1", "each[3] send~2 turn#1"},
	{"each~4[0]/x", "each~4[0] x"},
	{"a_b9/c", "a_b9 c"},
	{"turn/a", "turn a"},
	{"each[3]/send~2/ask-12", "each[3] send~2 ask?12"},
	{"ask/a", "ask a"},
	{"a/turn-2/call-0", "a turn#2 call@0"},
	{"a~3/turn-12/call-7/ask-1", "a~3 turn#12 call@7 ask?1"},
	{"call/a", "call a"},
	{"", "!"},
	{"A", "!"},
	{"a/", "!"},
	{"/a", "!"},
	{"a//b", "a !"},
	{"a~1", "!"},
	{"a~0", "!"},
	{"a~", "!"},
	{"a~02", "!"},
	{"a~99999999999", "!"},
	{"a[", "!"},
	{"a[]", "!"},
	{"a[01]", "!"},
	{"a[1", "!"},
	{"a[-1]", "!"},
	{"a[1]b", "!"},
	{"a[1]~2", "!"},
	{"a b", "!"},
	{"turn-0", "!"},
	{"ask-0", "!"},
	{"ask-1/a", "!"},
	{"asks-1", "!"},
	{"turn-", "!"},
	{"turn-1/a", "!"},
	{"turn-1/turn-2", "!"},
	{"turn-1/ask-2", "!"},
	{"turn-1/", "!"},
	{"call-0/", "!"},
	{"call-0/a", "!"},
	{"call-0/call-1", "!"},
	{"call-00", "!"},
	{"call-", "!"},
	{"calls-1", "!"},
	{"a-1", "!"},
	{"a/turn-x", "a !"},
};

START_TEST(takes_apart)
{
	struct arena *a = arena_new(NULL);
	struct str rest = str_from(cases[_i].path);
	struct segment seg;
	struct buf b;

	buf_init(&b, a);
	do {
		if (b.n)
			buf_addc(&b, ' ');
		if (!path_take(&rest, &seg)) {
			buf_addc(&b, '!');
			break;
		}
		buf_addstr(&b, seg.id);
		if (seg.visit > 1)
			buf_addf(&b, "~%d", seg.visit);
		if (seg.has_item)
			buf_addf(&b, "[%zu]", seg.item);
		if (seg.turn)
			buf_addf(&b, "#%d", seg.turn);
		if (seg.ask)
			buf_addf(&b, "?%d", seg.ask);
		if (seg.is_call)
			buf_addf(&b, "@%d", seg.call);
	} while (rest.n);
	ck_assert_str_eq(buf_cstr(&b), cases[_i].segments);
	arena_free(a);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("path");
	TCase *t = tcase_create("path");

	tcase_add_test(t, makes);
	tcase_add_loop_test(t, takes_apart, 0, sizeof cases / sizeof cases[0]);
	suite_add_tcase(s, t);
	return suite_run(s);
}
