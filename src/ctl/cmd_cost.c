/* cmd_cost.c - what models cost: sums by day, workflow, model, label, task or token. */
#include <getopt.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/json.h"
#include "ctl/commands.h"
#include "store/sight.h"
#include "store/tasks.h"

enum { CALL_MS = 60000 };

static int parse(int argc, char **argv, struct cost_query *q, struct err *err)
{
	static const struct option options[] = {
		{"by", required_argument, NULL, 'b'}, {"since", required_argument, NULL, 's'}, {"until", required_argument, NULL, 'u'},
		{"workflow", required_argument, NULL, 'w'}, {NULL, 0, NULL, 0},
	};
	int64_t now_us = clock_wall_us();
	int o, r = 0;

	while (r == 0 && (o = getopt_long(argc, argv, ":", options, NULL)) != -1) {
		if (o == 'b')
			r = cost_by_parse(str_from(optarg), q, err);
		else if (o == 's')
			r = cost_time_parse("since", str_from(optarg), now_us, &q->since_us, err);
		else if (o == 'u')
			r = cost_time_parse("until", str_from(optarg), now_us, &q->until_us, err);
		else if (o == 'w')
			q->workflow = str_from(optarg);
		else
			return ctl_option_error(argv, o, err);
	}
	return ctl_option_end(argc, argv, r, err);
}

static struct str sum(struct arena *a, const struct json *row, const char *one, const char *two)
{
	return str_from(arena_printf(a, "%lld", (long long)(print_count_of(row, one) + (two ? print_count_of(row, two) : 0))));
}

/* Some of the calls named no cost, so that it was reckoned. */
static struct str usd(struct arena *a, const struct json *row)
{
	return str_from(arena_printf(a, "%s" STR_FMT, json_is_true(json_getc(row, "estimated")) ? "~" : "", STR_ARG(cell(row, "cost_usd"))));
}

static void add_row(struct table *t, struct arena *a, struct str key, const struct json *row)
{
	table_cell(t, key);
	table_cell(t, sum(a, row, "calls", NULL));
	table_cell(t, sum(a, row, "in_fresh", "in_write"));
	table_cell(t, sum(a, row, "in_cached", NULL));
	table_cell(t, sum(a, row, "out_text", "out_reason"));
	table_cell(t, usd(a, row));
}

static void show(struct ctl *c, const struct json *answer)
{
	const char *headings[] = {"", "CALLS", "TOKENS IN", "CACHED", "TOKENS OUT", "COST USD"};
	const struct json *rows = json_getc(answer, "rows");
	struct str by = cell(json_type(json_getc(answer, "label")) == JSON_STRING ? answer : json_empty_object(), "label");
	struct table *t;

	headings[0] = str_cstr(c->arena, by.n ? by : cell(answer, "by"));
	t = table_new(c->arena, headings, sizeof headings / sizeof headings[0]);
	for (size_t i = 0; i < json_len(rows); i++)
		add_row(t, c->arena, json_type(json_getc(json_at(rows, i), "key")) == JSON_STRING ? cell(json_at(rows, i), "key") : STR("-"), json_at(rows, i));
	add_row(t, c->arena, STR("total"), json_getc(answer, "total"));
	table_print(t);
	printf("from " STR_FMT " to " STR_FMT "%s\n", STR_ARG(cell(answer, "since")), STR_ARG(cell(answer, "until")),
	       json_is_true(json_getc(answer, "more")) ? "; there are more rows" : "");
}

static int cost(struct ctl *c, int argc, char **argv)
{
	struct ctl_call call = {.ctl = c, .text_of = sight_text_of};
	struct cost_query q = {.by = STR("day"), .label = STR_NONE, .workflow = STR_NONE};
	struct principal by = ctl_principal(c);
	struct err err = {0};
	int status;

	if (parse(argc, argv, &q, &err) < 0)
		return ctl_fail(c, &err);
	status = ctl_open(c);
	if (status)
		return status;
	return ctl_answer(&call, sight_cost(c->store, arena_new(NULL), &q, &by, CALL_MS, ctl_done, &call), show);
}

const struct command cmd_cost = {
	"cost", "[--by day|workflow|model|task|token|label=NAME] [--since TIME] [--until TIME] [--workflow NAME]",
	"what calls of models cost, in the last 30 days unless told otherwise", cost,
};
