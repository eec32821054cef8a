/* heap.c - what never fails, and what happens when it cannot be had. */
#include "base/heap.h"

#include <check.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/loop.h"
#include "base/str.h"
#include "../suite_run.h"

START_TEST(nothing_is_something)
{
	char *p = heap_alloc(0), *q = heap_zalloc(0, 16), *r = heap_zalloc(16, 0);

	ck_assert(p && q && r && p != q);
	p = heap_resize(p, 0);
	ck_assert_ptr_nonnull(p);
	free(p);
	free(q);
	free(r);
}
END_TEST

START_TEST(contents)
{
	char *p = heap_zalloc(100, 10), *s = heap_strdup("text"), *empty = heap_strdup("");

	for (size_t i = 0; i < 1000; i++)
		ck_assert_int_eq(p[i], 0);
	s = heap_resize(s, 100000);
	ck_assert_str_eq(s, "text");
	ck_assert_str_eq(empty, "");
	free(p);
	free(s);
	free(empty);
}
END_TEST

START_TEST(libraries_go_on)
{
	struct digest d;
	struct loop *l;

	heap_share();
	heap_share();
	digest_of(STR(""), &d);
	ck_assert_int_eq(d.b[0], 0xe3);
	l = loop_new();
	loop_free(l);
}
END_TEST

START_TEST(too_much)
{
	free(heap_alloc(PTRDIFF_MAX));
}
END_TEST

START_TEST(too_many)
{
	free(heap_zalloc(SIZE_MAX / 2, 4));
}
END_TEST

START_TEST(too_much_more)
{
	free(heap_resize(heap_alloc(1), PTRDIFF_MAX));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("heap");
	TCase *tc = tcase_create("heap");

	tcase_add_test(tc, nothing_is_something);
	tcase_add_test(tc, contents);
	tcase_add_test(tc, libraries_go_on);
	tcase_add_test_raise_signal(tc, too_much, SIGABRT);
	tcase_add_test_raise_signal(tc, too_many, SIGABRT);
	tcase_add_test_raise_signal(tc, too_much_more, SIGABRT);
	suite_add_tcase(s, tc);
	return suite_run(s);
}
