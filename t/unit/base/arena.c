/* arena.c - memory, parents and closers. */
#include "base/arena.h"
#include "../suite_run.h"

#include <check.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static char trace[64];

static void setup(void)
{
	trace[0] = '\0';
}

static void teardown(void)
{
}

static void note(void *letter)
{
	size_t n = strlen(trace);

	trace[n] = *(const char *)letter;
	trace[n + 1] = '\0';
}

static void *letter(const char *s)
{
	return (void *)(uintptr_t)s;
}

START_TEST(memory_is_aligned_and_apart)
{
	struct arena *a = arena_new(NULL);
	char *p[500];

	for (size_t i = 0; i < 500; i++) {
		p[i] = arena_alloc(a, i * 7);
		ck_assert_uint_eq((uintptr_t)p[i] % 16, 0);
		memset(p[i], (int)i, i * 7);
	}
	for (size_t i = 0; i < 500; i++)
		for (size_t k = 0; k < i * 7; k++)
			ck_assert_int_eq((unsigned char)p[i][k], i & 0xff);
	ck_assert_uint_ge(arena_bytes(a), 500 * 499 / 2 * 7);
	arena_free(a);
}
END_TEST

START_TEST(cleared_memory)
{
	struct arena *a = arena_new(NULL);

	for (int round = 0; round < 50; round++) {
		unsigned char *p = arena_zalloc(a, 300), *q = arena_array(a, 10, 30);
		int *v = ARENA_ARRAY(a, 75, int);

		for (int i = 0; i < 300; i++)
			ck_assert(p[i] == 0 && q[i] == 0);
		for (int i = 0; i < 75; i++)
			ck_assert_int_eq(v[i], 0);
		memset(p, 0xff, 300);
		memset(q, 0xff, 300);
		memset(v, 0xff, 300);
		if (round % 10 == 9)
			arena_reset(a);
	}
	arena_free(a);
}
END_TEST

START_TEST(texts)
{
	struct arena *a = arena_new(NULL);
	char *big = arena_alloc(a, 100001);

	memset(big, 'x', 100000);
	big[100000] = '\0';
	ck_assert_str_eq(arena_strdup(a, "abc"), "abc");
	ck_assert_str_eq(arena_strdup(a, ""), "");
	ck_assert_str_eq(arena_strndup(a, "abcdef", 3), "abc");
	ck_assert_str_eq(arena_strndup(a, NULL, 0), "");
	ck_assert_mem_eq(arena_strndup(a, "a\0b", 3), "a\0b", 4);
	ck_assert_mem_eq(arena_dup(a, "a\0b", 3), "a\0b", 3);
	ck_assert_ptr_nonnull(arena_dup(a, NULL, 0));
	ck_assert_str_eq(arena_printf(a, "%s-%d", "x", 7), "x-7");
	ck_assert_uint_eq(strlen(arena_printf(a, "%s%s", big, big)), 200000);
	arena_free(a);
}
END_TEST

START_TEST(closers_run_last_in_first_out)
{
	struct arena *a = arena_new(NULL);

	arena_defer(a, note, letter("1"));
	arena_defer(a, note, letter("2"));
	arena_defer(a, note, letter("3"));
	ck_assert_str_eq(trace, "");
	arena_free(a);
	ck_assert_str_eq(trace, "321");
}
END_TEST

START_TEST(children_die_before_their_parent)
{
	struct arena *a = arena_new(NULL), *b = arena_new(a), *c = arena_new(b), *d = arena_new(a);

	arena_defer(a, note, letter("a"));
	arena_defer(b, note, letter("b"));
	arena_defer(c, note, letter("c"));
	arena_defer(d, note, letter("d"));
	arena_free(d);
	ck_assert_str_eq(trace, "d");
	arena_free(a);
	ck_assert_str_eq(trace, "dcba");
}
END_TEST

START_TEST(reset_is_as_new)
{
	struct arena *a = arena_new(NULL);
	size_t empty = arena_bytes(a);

	for (int i = 0; i < 3; i++) {
		struct arena *child = arena_new(a);

		arena_defer(child, note, letter("c"));
		arena_defer(a, note, letter("a"));
		memset(arena_alloc(a, 100000), 1, 100000);
		ck_assert_uint_gt(arena_bytes(a), 100000);
		arena_reset(a);
		ck_assert_uint_eq(arena_bytes(a), empty);
	}
	ck_assert_str_eq(trace, "cacaca");
	arena_free(a);
	ck_assert_str_eq(trace, "cacaca");
}
END_TEST

START_TEST(moving)
{
	struct arena *a = arena_new(NULL), *b = arena_new(NULL), *c = arena_new(a);
	char *text = arena_strdup(c, "survives");

	arena_defer(c, note, letter("c"));
	arena_move(c, b);
	arena_free(a);
	ck_assert_str_eq(trace, "");
	ck_assert_str_eq(text, "survives");
	arena_move(c, NULL);
	arena_free(b);
	ck_assert_str_eq(trace, "");
	ck_assert_str_eq(text, "survives");
	arena_free(c);
	ck_assert_str_eq(trace, "c");
}
END_TEST

/* Children leave a list from its front, middle and end. */
START_TEST(siblings_in_any_order)
{
	static const int orders[][4] = {{0, 1, 2, 3}, {3, 2, 1, 0}, {1, 3, 0, 2}, {2, 0, 3, 1}};

	for (int o = 0; o < 4; o++) {
		struct arena *a = arena_new(NULL), *child[4];
		size_t one;

		for (int i = 0; i < 4; i++) {
			child[i] = arena_new(a);
			arena_alloc(child[i], 1000);
		}
		one = arena_bytes(child[0]);
		for (int i = 0; i < 4; i++) {
			ck_assert_uint_ge(arena_bytes(a), one * (size_t)(4 - i));
			ck_assert_uint_lt(arena_bytes(a), one * (size_t)(5 - i));
			arena_free(child[orders[o][i]]);
		}
		arena_free(a);
	}
}
END_TEST

START_TEST(bytes_of_a_deep_tree)
{
	struct arena *a = arena_new(NULL), *at = a;

	for (int i = 0; i < 1000; i++) {
		at = arena_new(at);
		arena_free(arena_new(at));
	}
	arena_alloc(at, 5000);
	ck_assert_uint_gt(arena_bytes(a), arena_bytes(at) + 1000 * sizeof(void *));
	ck_assert_uint_gt(arena_bytes(at), 5000);
	arena_free(a);
}
END_TEST

START_TEST(null_is_freed)
{
	arena_free(NULL);
}
END_TEST

START_TEST(impossible_size_ends_the_process)
{
	arena_alloc(arena_new(NULL), SIZE_MAX - 8);
}
END_TEST

START_TEST(overflow_ends_the_process)
{
	arena_array(arena_new(NULL), SIZE_MAX / 8, 16);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("arena");
	TCase *tc = tcase_create("arena");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, memory_is_aligned_and_apart);
	tcase_add_test(tc, cleared_memory);
	tcase_add_test(tc, texts);
	tcase_add_test(tc, closers_run_last_in_first_out);
	tcase_add_test(tc, children_die_before_their_parent);
	tcase_add_test(tc, reset_is_as_new);
	tcase_add_test(tc, moving);
	tcase_add_test(tc, siblings_in_any_order);
	tcase_add_test(tc, bytes_of_a_deep_tree);
	tcase_add_test(tc, null_is_freed);
	tcase_add_test_raise_signal(tc, impossible_size_ends_the_process, SIGABRT);
	tcase_add_test_raise_signal(tc, overflow_ends_the_process, SIGABRT);
	suite_add_tcase(s, tc);
	return suite_run(s);
}
