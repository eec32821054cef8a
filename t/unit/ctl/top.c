/* Unit tests of ctl/top.c: figures in, lines out. */
#include "ctl/top.h"

#include <stdlib.h>

#include "ctl/ctl.h"
#include "../suite_run.h"
#include "../test_arena.h"

static const struct {
	const char *line;
	size_t width;
	const char *cut;
} cuts[] = {
	{"abc", 3, "abc"}, {"abc", 2, "ab"}, {"abc", 0, ""}, {"", 5, ""}, {"aéü", 2, "aé"}, {"日本語", 4, "日本"}, {"日本語", 3, "日"},
	{"e\xcc\x81x", 1, "e\xcc\x81"}, {"a\xf0\x9f\x98\x80z", 3, "a\xf0\x9f\x98\x80"}, {"a\xf0\x9f\x98\x80z", 2, "a"},
};

START_TEST(cut)
{
	ck_assert_str_eq(str_cstr(a, top_cut(str_from(cuts[_i].line), cuts[_i].width)), cuts[_i].cut);
}
END_TEST

static const struct json *figures(int s, int submitted, int failed)
{
	return parse(arena_printf(a, "{\"now\":\"2026-11-29T08:00:%02dZ\",\"counters\":{\"submitted\":%d,\"ended\":{\"succeeded\":10,\"failed\":%d}},"
		"\"lanes\":[{\"lane\":\"default\",\"ready\":2,\"unclaimed\":0,\"running\":1,\"waiting\":1,\"workers\":1,\"oldest_ready_s\":61}],"
		"\"workflows\":[{\"workflow\":\"b\\u001b\",\"state\":\"ready\",\"tasks\":2,\"oldest_s\":61},{\"workflow\":\"b\\u001b\",\"state\":\"running\",\"tasks\":1,\"oldest_s\":0},"
		"{\"workflow\":\"a\",\"state\":\"quarantined\",\"tasks\":1,\"oldest_s\":0}],"
		"\"workers\":[{\"host\":\"h\",\"pid\":7,\"lanes\":\"default\",\"tasks\":1,\"up_s\":3,\"lease_ms\":-1}],"
		"\"approvals\":{\"pending\":2,\"next_expires_at\":\"2026-11-29T09:00:00Z\"},\"admission\":\"the disk\\nis full\","
		"\"failed\":[{\"task\":\"T\",\"workflow\":\"b\",\"state\":\"failed\",\"at\":\"2026\",\"type\":\"t\",\"message\":\"m\\u202e\"}]}", s, submitted, failed));
}

static const char *frame(const struct json *f, const struct top_rates *r, const struct top_view *v)
{
	const char *s = "";
	size_t n;
	const struct top_line *lines = top_frame(a, f, r, v, &n);

	for (size_t i = 0; i < n; i++)
		s = arena_printf(a, "%s%s" STR_FMT "\n", s, lines[i].heading ? "*" : "", STR_ARG(lines[i].text));
	return s;
}

START_TEST(whole_frame)
{
	struct top_rates r = {.spent_usd = STR("1.5")};
	struct top_view v = {.sort = TOP_BY_TASKS};

	top_learn(&r, figures(0, 100, 0));
	top_learn(&r, figures(10, 150, 5));
	ck_assert_str_eq(frame(figures(10, 150, 5), &r, &v),
		"agentd  2026-11-29T08:00:10Z  submitted 5.0/s  ended 0.5/s  failed 0.5/s  spent today 1.5 USD\n"
		"2 requests for people, the first until 2026-11-29T09:00:00Z\n"
		"*no new tasks are taken: the disk\\u000ais full\n"
		"\n"
		"*LANE     WORKERS  READY  UNCLAIMED  RUNNING  WAITING  OLDEST READY\n"
		"default  1        2      0          1        1        1m01s\n"
		"\n"
		"*WORKFLOW  READY  RUNNING  APPROVAL  TIMER  OTHER  UNCERTAIN  QUARANTINED  OLDEST READY\n"
		"b\\u001b   2      1        -         -      -      -          -            1m01s\n"
		"a         -      -        -         -      -      -          1            -\n"
		"\n"
		"*WORKER  PID  TASKS  LEASE   UP     LANES\n"
		"h       7    1      SILENT  3.00s  default\n"
		"\n"
		"*FAILED LAST  TASK  WORKFLOW  ERROR\n"
		"2026         T     b         t      m\\u202e\n");
}
END_TEST

START_TEST(small_window)
{
	struct top_rates r = {0};
	struct top_view v = {.width = 12, .height = 3, .notice = "the database is away"};

	top_learn(&r, figures(0, 1, 0));
	ck_assert_str_eq(frame(figures(0, 1, 0), &r, &v), "agentd  2026\n2 requests f\n*the database\n");
	v = (struct top_view){.sort = TOP_BY_NAME};
	ck_assert_ptr_nonnull(strstr(frame(figures(0, 1, 0), &r, &v), "submitted -  ended -  failed -  spent today ? USD"));
}
END_TEST

/* The window moves: what is older than half a minute does not count. */
START_TEST(rates_of_late)
{
	struct top_rates r = {0};
	struct top_view v = {0};

	for (int s = 0; s < 60; s++)
		top_learn(&r, figures(s, s < 29 ? 0 : 10 * (s - 29), 0));
	ck_assert_uint_eq(r.n, 31);
	ck_assert_ptr_nonnull(strstr(frame(figures(59, 0, 0), &r, &v), "submitted 10.0/s"));
	top_learn(&r, parse("{}"));
	ck_assert_uint_eq(r.n, 31);
}
END_TEST

START_TEST(nothing_known)
{
	struct top_rates r = {0};
	struct top_view v = {0};

	ck_assert_str_eq(frame(parse("{}"), &r, &v), "agentd    submitted -  ended -  failed -  spent today ? USD\n0 requests for people\n");
}
END_TEST

START_TEST(long_queue)
{
	struct top_rates r = {0};
	struct top_view v = {0};
	const struct json *f = parse("{\"lanes\":[{\"lane\":\"d\",\"ready\":9000,\"running\":0,\"waiting\":0,\"workers\":0}],"
		"\"workflows\":[{\"workflow\":\"a\",\"state\":\"ready\",\"tasks\":5000,\"oldest_s\":0}]}");

	ck_assert_ptr_nonnull(strstr(frame(f, &r, &v), "*WORKFLOW (5000 of 9000 tasks)  READY"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ctl/top");
	TCase *t = tcase_create("top");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, cut, 0, sizeof cuts / sizeof cuts[0]);
	tcase_add_test(t, whole_frame);
	tcase_add_test(t, small_window);
	tcase_add_test(t, rates_of_late);
	tcase_add_test(t, nothing_known);
	tcase_add_test(t, long_queue);
	suite_add_tcase(s, t);
	return suite_run(s);
}
