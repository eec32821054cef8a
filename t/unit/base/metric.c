/* metric.c - series, news and the text that Prometheus reads. */
#include "base/metric.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "../suite_run.h"
#include "../test_arena.h"

static const char *local(enum metric m)
{
	struct buf b;

	buf_init(&b, a);
	metric_write_local(&b, m);
	return str_cstr(a, buf_str(&b));
}

static bool has(const char *text, const char *line)
{
	const char *at = strstr(text, line);

	return at && (at == text || at[-1] == '\n') && at[strlen(line)] == '\n';
}

START_TEST(counts_by_labels)
{
	const char *text;

	ck_assert_str_eq(local(METRIC_HTTP_REQUESTS), "");
	metric_add(METRIC_HTTP_REQUESTS, 1, STR("/tasks"), STR("GET"), STR("200"));
	metric_add(METRIC_HTTP_REQUESTS, 2, STR("/tasks"), STR("GET"), STR("200"));
	metric_add(METRIC_HTTP_REQUESTS, 1, STR("/tasks"), STR("GET"), STR("404"));
	text = local(METRIC_HTTP_REQUESTS);
	ck_assert(has(text, "# TYPE agentd_http_requests_total counter"));
	ck_assert(has(text, "agentd_http_requests_total{route=\"/tasks\",method=\"GET\",status=\"200\"} 3"));
	ck_assert(has(text, "agentd_http_requests_total{route=\"/tasks\",method=\"GET\",status=\"404\"} 1"));
}
END_TEST

START_TEST(observes)
{
	const char *text;

	metric_add(METRIC_HTTP_DURATION, 1, STR("/a"), STR("GET"));	/* a bound holds what is equal to it */
	metric_add(METRIC_HTTP_DURATION, 40, STR("/a"), STR("GET"));
	metric_add(METRIC_HTTP_DURATION, 999999, STR("/a"), STR("GET"));
	metric_add(METRIC_HTTP_DURATION, -5, STR("/a"), STR("GET"));	/* a clock that went back is none */
	text = local(METRIC_HTTP_DURATION);
	ck_assert(has(text, "agentd_http_request_duration_seconds_bucket{route=\"/a\",method=\"GET\",le=\"0.001\"} 2"));
	ck_assert(has(text, "agentd_http_request_duration_seconds_bucket{route=\"/a\",method=\"GET\",le=\"0.025\"} 2"));
	ck_assert(has(text, "agentd_http_request_duration_seconds_bucket{route=\"/a\",method=\"GET\",le=\"0.05\"} 3"));
	ck_assert(has(text, "agentd_http_request_duration_seconds_bucket{route=\"/a\",method=\"GET\",le=\"60\"} 3"));
	ck_assert(has(text, "agentd_http_request_duration_seconds_bucket{route=\"/a\",method=\"GET\",le=\"+Inf\"} 4"));
	ck_assert(has(text, "agentd_http_request_duration_seconds_sum{route=\"/a\",method=\"GET\"} 1000.04"));
	ck_assert(has(text, "agentd_http_request_duration_seconds_count{route=\"/a\",method=\"GET\"} 4"));
}
END_TEST

static const struct {
	const char *digits, *shown;
} money[] = {
	{"0", "0"},		       {"1", "0.000000000001"}, {"147000000", "0.000147"},	    {"1000000000000", "1"},
	{"1500000000000", "1.5"},     {"12", "0.000000000012"}, {"123456789012345", "123.456789012345"},
	{"18446744073709551614000000000000", "18446744073709551614"},
};

START_TEST(shows_money)
{
	struct str digits = str_from(money[_i].digits);
	struct buf b;

	buf_init(&b, a);
	metric_write(&b, METRIC_MODEL_COST, STR("x=\"y\""), &digits);
	ck_assert_str_eq(str_cstr(a, buf_str(&b)), arena_printf(a, "agentd_model_cost_usd_total{x=\"y\"} %s\n", money[_i].shown));
}
END_TEST

START_TEST(escapes_labels)
{
	char longest[300];
	const char *text;

	memset(longest, 'x', sizeof longest);
	metric_add(METRIC_TOOL_CALLS, 1, STR("a\"b\\c\nd"), STR_NONE);
	metric_add(METRIC_TOOL_CALLS, 1, STR("bad \xff utf"), STR("ok"));
	metric_add(METRIC_TOOL_CALLS, 1, STR("bad \xfe other"), STR("ok"));	/* shown alike: one series */
	metric_add(METRIC_TOOL_CALLS, 1, STR("ab"), STR("c"));
	metric_add(METRIC_TOOL_CALLS, 1, STR("a"), STR("bc"));
	metric_add(METRIC_TOOL_CALLS, 1, ((struct str){longest, sizeof longest}), STR("ok"));
	text = local(METRIC_TOOL_CALLS);
	ck_assert(has(text, "agentd_tool_calls_total{tool=\"a\\\"b\\\\c\\nd\",outcome=\"\"} 1"));
	ck_assert(has(text, "agentd_tool_calls_total{tool=\"bad \",outcome=\"ok\"} 2"));
	ck_assert(has(text, "agentd_tool_calls_total{tool=\"ab\",outcome=\"c\"} 1"));
	ck_assert(has(text, "agentd_tool_calls_total{tool=\"a\",outcome=\"bc\"} 1"));
	ck_assert(has(text, arena_printf(a, "agentd_tool_calls_total{tool=\"%.100s\",outcome=\"ok\"} 1", longest)));
}
END_TEST

static void count_series(void *arg, struct str labels, const int64_t *values)
{
	int64_t *n = arg;

	n[0]++;
	n[1] += values[0];
	if (str_is(labels, "outcome=\"other\""))
		n[2] = values[0];
}

START_TEST(series_have_a_bound)
{
	int64_t n[3] = {0};
	char name[16];

	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof name, "t%d", i);
		metric_add(METRIC_SUBMISSIONS, 1, str_from(name));
	}
	metric_add(METRIC_SUBMISSIONS, 1, STR("t7"));	/* those that are there go on */
	metric_each(METRIC_SUBMISSIONS, count_series, n);
	ck_assert_int_eq(n[0], 401);
	ck_assert_int_eq(n[1], 1001);
	ck_assert_int_eq(n[2], 600);
}
END_TEST

static void hear(void *arg, enum metric m, struct str labels, const int64_t *values)
{
	struct buf *b = arg;

	buf_addf(b, "%s{" STR_FMT "} %lld\n", metric_family(m)->name, STR_ARG(labels), (long long)values[0]);
}

static const char *news(void)
{
	struct buf b;

	buf_init(&b, a);
	metric_news(hear, &b);
	return str_cstr(a, buf_str(&b));
}

START_TEST(tells_news_until_they_are_taken)
{
	ck_assert_str_eq(news(), "");
	metric_add(METRIC_HTTP_REQUESTS, 1, STR("/"), STR("GET"), STR("200"));	/* of this process alone */
	metric_add(METRIC_ATTEMPTS, 3, STR_NONE);
	metric_set(METRIC_SWEEPER_LAST, 100, STR("x"));
	ck_assert_str_eq(news(), "agentd_task_attempts_total{} 3\nagentd_sweeper_last_run_timestamp_seconds{duty=\"x\"} 100\n");
	metric_add(METRIC_ATTEMPTS, 4, STR_NONE);	/* while the report is under way */
	metric_news_taken(false);
	ck_assert_str_eq(news(), "agentd_task_attempts_total{} 7\nagentd_sweeper_last_run_timestamp_seconds{duty=\"x\"} 100\n");
	metric_add(METRIC_ATTEMPTS, 1, STR_NONE);
	metric_news_taken(true);
	ck_assert_str_eq(news(), "agentd_task_attempts_total{} 1\n");
	metric_news_taken(true);
	metric_set(METRIC_SWEEPER_LAST, 100, STR("x"));
	ck_assert_str_eq(news(), "");
}
END_TEST

START_TEST(every_family)
{
	const struct metric_family *f = metric_family((enum metric)_i);
	int labels = *f->labels ? 1 : 0;

	for (const char *p = f->labels; *p; p++)
		labels += *p == ',';
	ck_assert_int_le(labels, METRIC_MAX_LABELS);
	ck_assert_uint_le(metric_values((enum metric)_i), METRIC_MAX_VALUES);
	ck_assert_int_eq(metric_by_name(str_from(f->name)), _i);
	ck_assert(f->type != METRIC_COUNTER || strstr(f->name, "_total"));
	ck_assert(f->scope != METRIC_TABLES || f->type == METRIC_GAUGE);
}
END_TEST

START_TEST(an_unknown_name)
{
	ck_assert_int_eq(metric_by_name(STR("agentd_nothing")), METRICS);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("metric");
	TCase *t = tcase_create("metric");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, counts_by_labels);
	tcase_add_test(t, observes);
	tcase_add_test(t, tells_news_until_they_are_taken);	/* before shared families have others, where tests do not fork */
	tcase_add_loop_test(t, shows_money, 0, sizeof money / sizeof money[0]);
	tcase_add_test(t, escapes_labels);
	tcase_add_test(t, series_have_a_bound);
	tcase_add_loop_test(t, every_family, 0, METRICS);
	tcase_add_test(t, an_unknown_name);
	suite_add_tcase(s, t);
	return suite_run(s);
}
