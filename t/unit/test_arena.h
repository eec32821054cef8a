/* test_arena.h - an arena for each test, JSON from a text, and long texts.
 *
 * Shapes:  tcase_add_checked_fixture(t, setup, teardown) makes `a` anew for each test.
 * Memory:  values and texts live in `a`; a NUL ends what repeated() gives.
 * Errors:  parse() fails the test with the text and what is wrong with it.
 * Source:  Check's manual.
 */
#ifndef TEST_ARENA_H
#define TEST_ARENA_H

#include <check.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"

static struct arena *a;

static inline void setup(void)
{
	a = arena_new(NULL);
}

static inline void teardown(void)
{
	arena_free(a);
}

static inline const struct json *parse(const char *text)
{
	const struct json *v = NULL;
	struct err err;

	if (json_parse(a, str_from(text), NULL, &v, &err) < 0)
		ck_abort_msg("%s: %s", text, err.msg);
	return v;
}

/* part n times, between head and tail */
static inline struct str repeated(const char *head, const char *part, size_t n, const char *tail)
{
	struct buf b;

	buf_init(&b, a);
	buf_adds(&b, head);
	for (size_t i = 0; i < n; i++)
		buf_adds(&b, part);
	buf_adds(&b, tail);
	buf_cstr(&b);
	return buf_str(&b);
}

#endif
