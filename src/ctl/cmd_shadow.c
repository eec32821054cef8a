/* cmd_shadow.c - shadow report: another gateway's routes and costs beside what ours would have been. */
#include <getopt.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/json.h"
#include "ctl/commands.h"
#include "store/shadow.h"
#include "store/sight.h"

enum { CALL_MS = 60000, PROBLEM_BYTES = 100 };

struct range {
	int64_t since_us, until_us;
};

static int parse(int argc, char **argv, struct range *q, struct err *err)
{
	static const struct option options[] = {
		{"since", required_argument, NULL, 's'}, {"until", required_argument, NULL, 'u'}, {NULL, 0, NULL, 0},
	};
	int64_t now_us = clock_wall_us();
	int o, r = 0;

	while (r == 0 && (o = getopt_long(argc, argv, ":", options, NULL)) != -1) {
		if (o == 's')
			r = cost_time_parse("since", str_from(optarg), now_us, &q->since_us, err);
		else if (o == 'u')
			r = cost_time_parse("until", str_from(optarg), now_us, &q->until_us, err);
		else
			return ctl_option_error(argv, o, err);
	}
	return ctl_option_end(argc, argv, r, err);
}

static struct str number(struct arena *a, const struct json *row, const char *key)
{
	return str_from(arena_printf(a, "%lld", (long long)print_count_of(row, key)));
}

/* Of the answers, in whole percents. */
static struct str agreement(struct arena *a, const struct json *row)
{
	int64_t agree = print_count_of(row, "agree"), answered = agree + print_count_of(row, "differ");

	if (answered == 0)
		return STR("-");
	return str_from(arena_printf(a, "%lld of %lld (%lld %%)", (long long)agree, (long long)answered, (long long)(100 * agree / answered)));
}

static void add_tier(struct table *t, struct arena *a, struct str name, const struct json *row)
{
	table_cell(t, name);
	table_cell(t, number(a, row, "calls"));
	table_cell(t, number(a, row, "errors"));
	table_cell(t, number(a, row, "no_step"));
	table_cell(t, agreement(a, row));
	table_cell(t, number(a, row, "compared"));
	table_cell(t, cell(row, "compared_legacy_usd"));
	table_cell(t, cell(row, "compared_own_usd"));
	table_cell(t, number(a, row, "unpriced"));
}

static struct str usd(const struct json *row, const char *key)
{
	return json_type(json_getc(row, key)) == JSON_STRING ? cell(row, key) : STR("unknown");
}

static struct str own_route(struct arena *a, const struct json *row)
{
	struct str own = json_type(json_getc(row, "own")) == JSON_STRING ? cell(row, "own") : STR_NONE;

	return own.p ? own : str_from(arena_printf(a, "none: " STR_FMT, STR_ARG(str_clip(cell(row, "problem"), PROBLEM_BYTES))));
}

static void show_routes(struct ctl *c, const struct json *answer)
{
	static const char *const headings[] = {"TIER", "ANSWERED", "AGENTD", "CALLS", "AGREE", "ERROR", "LEGACY USD", "AGENTD USD"};
	struct table *t = table_new(c->arena, headings, sizeof headings / sizeof headings[0]);
	const struct json *rows = json_getc(answer, "routes");

	for (size_t i = 0; i < json_len(rows); i++) {
		const struct json *row = json_at(rows, i);

		table_cell(t, cell(row, "tier"));
		table_cell(t, cell(row, "legacy_model"));
		table_cell(t, own_route(c->arena, row));
		table_cell(t, number(c->arena, row, "calls"));
		table_cell(t, number(c->arena, row, "agree"));
		table_cell(t, cell(row, "error_class"));
		table_cell(t, usd(row, "legacy_usd"));
		table_cell(t, usd(row, "own_usd"));
	}
	table_print(t);
}

static void show(struct ctl *c, const struct json *answer)
{
	static const char *const headings[] = {"TIER", "CALLS", "ERRORS", "NO STEP", "ROUTE AGREES", "COMPARED", "LEGACY USD", "AGENTD USD",
					       "NO PRICE"};
	struct table *t = table_new(c->arena, headings, sizeof headings / sizeof headings[0]);
	const struct json *tiers = json_getc(answer, "tiers");

	for (size_t i = 0; i < json_len(tiers); i++)
		add_tier(t, c->arena, cell(json_at(tiers, i), "tier"), json_at(tiers, i));
	add_tier(t, c->arena, STR("total"), json_getc(answer, "total"));
	table_print(t);
	if (json_len(json_getc(answer, "routes"))) {
		putchar('\n');
		show_routes(c, answer);
	}
	printf("from " STR_FMT " to " STR_FMT "%s\n", STR_ARG(cell(answer, "since")), STR_ARG(cell(answer, "until")),
	       json_is_true(json_getc(answer, "more")) ? "; there are more routes" : "");
}

static int report(struct ctl *c, int argc, char **argv)
{
	struct ctl_call call = {.ctl = c, .text_of = shadow_text_of};
	struct range q = {0};
	struct err err = {0};
	int status;

	if (parse(argc, argv, &q, &err) < 0)
		return ctl_fail(c, &err);
	status = ctl_open(c);
	if (status)
		return status;
	return ctl_answer(&call, shadow_report(c->store, arena_new(NULL), q.since_us, q.until_us, CALL_MS, ctl_done, &call), show);
}

const struct command cmd_shadow_report = {
	"shadow report", "[--since TIME] [--until TIME]",
	"mode shadow: another gateway's routes and costs beside what agentd's would have been, in the last 30 days unless told otherwise",
	report,
};
