/* sse.c - the parser gives the same events however the bytes are cut. */
#include "gateway/sse.h"

#include <check.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "../suite_run.h"

static struct arena *arena;
static struct buf seen;
static int refuse_after;

static void setup(void)
{
	arena = arena_new(NULL);
	refuse_after = -1;
}

static void teardown(void)
{
	arena_free(arena);
}

static int on_event(void *arg, struct str name, struct str data, struct err *err)
{
	(void)arg;
	if (refuse_after == 0)
		return err_set(err, ERR_INVALID, "enough");
	refuse_after--;
	buf_addf(&seen, "[" STR_FMT "|" STR_FMT "]", STR_ARG(name), STR_ARG(data));
	return 0;
}

static const struct {
	const char *in, *events;
	bool inside;
} streams[] = {
	{"data: a\n\ndata: b\n\n", "[|a][|b]", false},
	{"data:a\r\n\r\ndata:b\r\n\r\n", "[|a][|b]", false},
	{"data: a\r\rdata: b\r\r", "[|a][|b]", false},
	{"data: a\r\n\ndata: b\n\r\n", "[|a][|b]", false},
	{"\xEF\xBB\xBF" "data: a\n\n", "[|a]", false},
	{": comment\n\ndata: a\n:another\n\n", "[|a]", false},
	{"event: ping\ndata: {}\n\ndata: x\n\n", "[ping|{}][|x]", false},
	{"event: lost\n\ndata: x\n\n", "[|x]", false},
	{"data: a\ndata: b\ndata:\ndata: c\n\n", "[|a\nb\n\nc]", false},
	{"data:\n\ndata: \n\ndata\n\ndata: x\n\n", "[|x]", false},
	{"data:  two spaces \n\n", "[| two spaces ]", false},
	{"id: 1\nretry: 5\nunknown: x\ndatax: y\ndata: a\n\n", "[|a]", false},
	{"data: gr\xC3\xBC\xC3\x9F \xF0\x9F\x8C\x8D\n\n", "[|gr\xC3\xBC\xC3\x9F \xF0\x9F\x8C\x8D]", false},
	{"data: {\"a\":\"\\u00e9: b\"}\n\n", "[|{\"a\":\"\\u00e9: b\"}]", false},
	{"data: whole\n\ndata: half", "[|whole]", true},
	{"data: whole\n\ndata: half\n", "[|whole]", true},
	{"data: whole\n\n: comm", "[|whole]", true},
	{"", "", false},
	{"\n\n\r\r\n", "", false},
	{"data: control \x01 inside\n\n", "[|control \x01 inside]", false},
};

/* Fed in the pieces that the cuts make. */
static void expect(int i, const size_t *cuts, size_t n)
{
	struct str in = str_from(streams[i].in);
	struct arena *a = arena_new(arena);
	struct sse s;
	struct err err;
	size_t from = 0;

	buf_init(&seen, a);
	sse_init(&s, a, on_event, NULL);
	for (size_t k = 0; k <= n; k++) {
		size_t to = k < n ? cuts[k] : in.n;

		ck_assert_int_eq(sse_feed(&s, str_sub(in, from, to - from), &err), 0);
		from = to;
	}
	ck_assert_str_eq(buf_cstr(&seen), streams[i].events);
	ck_assert_int_eq(sse_end(&s), streams[i].inside);
	arena_free(a);
}

START_TEST(every_split_point)
{
	size_t n = strlen(streams[_i].in), cuts[2], all[256];

	expect(_i, NULL, 0);
	for (cuts[0] = 0; cuts[0] <= n; cuts[0]++)
		for (cuts[1] = cuts[0]; cuts[1] <= n; cuts[1]++)
			expect(_i, cuts, 2);
	ck_assert_uint_lt(n, 256);
	for (size_t i = 0; i < n; i++)
		all[i] = i;
	expect(_i, all, n);
}
END_TEST

START_TEST(lines_are_capped)
{
	struct sse s;
	struct err err;
	char *line = arena_alloc(arena, SSE_LINE_MAX + 1);

	memset(line, 'x', SSE_LINE_MAX + 1);
	sse_init(&s, arena, on_event, NULL);
	ck_assert_int_eq(sse_feed(&s, (struct str){line, SSE_LINE_MAX}, &err), 0);
	ck_assert_int_eq(sse_feed(&s, STR("\n"), &err), 0);
	ck_assert_int_eq(sse_feed(&s, (struct str){line, SSE_LINE_MAX + 1}, &err), -1);
	ck_assert_int_eq(err.code, ERR_SIZE);
	ck_assert_int_eq(sse_feed(&s, STR("data: x\n\n"), &err), -1);
}
END_TEST

START_TEST(events_are_capped)
{
	struct sse s;
	struct err err;
	size_t n = 1 << 19, fed = 0;
	char *line = arena_alloc(arena, n);

	memset(line, 'x', n);
	memcpy(line, "data: ", 6);
	line[n - 1] = '\n';
	sse_init(&s, arena, on_event, NULL);
	while (fed <= SSE_EVENT_MAX && sse_feed(&s, (struct str){line, n}, &err) == 0)
		fed += n;
	ck_assert_uint_le(fed, SSE_EVENT_MAX);
	ck_assert_int_eq(err.code, ERR_SIZE);
}
END_TEST

START_TEST(a_refusal_ends_it)
{
	struct sse s;
	struct err err;

	refuse_after = 1;
	buf_init(&seen, arena);
	sse_init(&s, arena, on_event, NULL);
	ck_assert_int_eq(sse_feed(&s, STR("data: a\n\ndata: b\n\ndata: c\n\n"), &err), -1);
	ck_assert_int_eq(err.code, ERR_INVALID);
	ck_assert_str_eq(buf_cstr(&seen), "[|a]");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sse");
	TCase *t = tcase_create("sse");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, every_split_point, 0, sizeof streams / sizeof streams[0]);
	tcase_add_test(t, lines_are_capped);
	tcase_add_test(t, events_are_capped);
	tcase_add_test(t, a_refusal_ends_it);
	suite_add_tcase(s, t);
	return suite_run(s);
}
