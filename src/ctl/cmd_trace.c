/* cmd_trace.c - what a task did: its steps, calls of tools and attempts at models as a tree. */
#include <stdio.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/json.h"
#include "ctl/commands.h"
#include "publish/trace.h"
#include "store/sight.h"

enum { CALL_MS = 30000 };

static struct str duration(struct arena *a, const struct trace_span *s)
{
	char text[32];

	duration_format((s->to_us - s->from_us) / 1000, text);
	return str_from(arena_printf(a, "%s%s", text, s->open ? "+" : ""));
}

static struct str model(struct arena *a, const struct trace_span *s)
{
	struct str answered = cell(s->fact, "answered");

	if (s->kind != TRACE_CHAT)
		return STR("");
	return str_from(arena_printf(a, STR_FMT "/" STR_FMT, STR_ARG(cell(s->fact, "provider")),
				     STR_ARG(answered.n ? answered : cell(s->fact, "model"))));
}

static struct str tokens(struct arena *a, const struct trace_span *s, int64_t n)
{
	return s->sum.n_calls ? str_from(arena_printf(a, "%lld", (long long)n)) : STR("");
}

static struct str usd(struct arena *a, const struct trace_span *s)
{
	char text[40];

	if (!s->sum.n_calls)
		return STR("");
	money_format(s->sum.cost_pusd, text);
	return str_from(arena_strdup(a, text));
}

static void add_span(struct table *t, struct arena *a, const struct trace_span *s)
{
	table_cell(t, str_from(arena_printf(a, "%*s" STR_FMT, 2 * s->depth, "", STR_ARG(s->name))));
	table_cell(t, s->path);
	table_cell(t, duration(a, s));
	table_cell(t, model(a, s));
	table_cell(t, tokens(a, s, s->sum.in));
	table_cell(t, tokens(a, s, s->sum.out));
	table_cell(t, usd(a, s));
	table_cell(t, s->error);
}

static void show(struct ctl *c, const struct json *facts)
{
	static const char *const headings[] = {"SPAN", "STEP", "TIME", "MODEL", "TOKENS IN", "TOKENS OUT", "COST USD", "ERROR"};
	struct table *t = table_new(c->arena, headings, sizeof headings / sizeof headings[0]);
	const struct trace *trace = trace_make(c->arena, facts);
	int64_t left_out = 0;

	for (size_t i = 0; i < trace->n; i++)
		add_span(t, c->arena, trace->spans[i]);
	table_print(t);
	if (json_to_int(json_getc(facts, "left_out"), &left_out) && left_out > 0)
		printf("%lld more are not shown\n", (long long)left_out);
}

static int trace(struct ctl *c, int argc, char **argv)
{
	struct ctl_call call = {.ctl = c, .text_of = sight_text_of};
	struct principal by = ctl_principal(c);
	const struct json *facts;
	struct uuid id;
	struct err err = {0};
	int status;

	if (argc == 2 && ctl_uuid_arg(argv[1], &id, &err) < 0)
		return ctl_fail(c, &err);
	status = ctl_begin(c, &cmd_trace, argc, 1);
	if (status)
		return status;
	facts = ctl_wait_json(&call, sight_trace(c->store, arena_new(NULL), &id, &by, CALL_MS, ctl_done, &call), &err);
	if (!facts)
		return ctl_fail(c, &err);
	if (c->json)
		print_json(c, trace_otlp(c->arena, facts));
	else
		show(c, facts);
	return 0;
}

const struct command cmd_trace = {
	"trace", "TASK", "what a task did: steps, calls of tools and attempts at models, with times and costs", trace,
};
