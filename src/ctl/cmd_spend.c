/* cmd_spend.c - caps: how much of each is used in its window of now. */
#include <stdio.h>

#include "base/arena.h"
#include "base/json.h"
#include "ctl/commands.h"
#include "store/sight.h"
#include "store/tasks.h"

enum { CALL_MS = 30000 };

static struct str percent(struct arena *a, const struct json *row)
{
	return str_from(arena_printf(a, STR_FMT " %%", STR_ARG(json_text(a, json_getc(row, "percent")))));
}

static struct str or_dash(const struct json *row, const char *key)
{
	return json_type(json_getc(row, key)) == JSON_STRING ? cell(row, key) : STR("-");
}

static void show(struct ctl *c, const struct json *answer)
{
	static const char *const headings[] = {"CAP", "SCOPE", "KEY", "LIMIT USD", "SPENT", "HELD", "USED", "WINDOW", "FROM", "TO"};
	const struct json *rows = json_getc(answer, "caps");
	struct table *t = table_new(c->arena, headings, sizeof headings / sizeof headings[0]);

	for (size_t i = 0; i < json_len(rows); i++) {
		const struct json *row = json_at(rows, i);

		table_cell(t, cell(row, "cap"));
		table_cell(t, cell(row, "scope"));
		table_cell(t, or_dash(row, "key"));
		table_cell(t, cell(row, "limit_usd"));
		table_cell(t, cell(row, "spent_usd"));
		table_cell(t, cell(row, "held_usd"));
		table_cell(t, percent(c->arena, row));
		table_cell(t, cell(row, "window"));
		table_cell(t, or_dash(row, "window_start"));
		table_cell(t, or_dash(row, "window_end"));
	}
	table_print(t);
	if (json_is_true(json_getc(answer, "more")))
		printf("there are more rows\n");
	if (json_len(rows) == 0)
		printf("no worker has told of any cap: policies/routing.yaml names them\n");
}

static int spend(struct ctl *c, int argc, char **argv)
{
	struct ctl_call call = {.ctl = c, .text_of = sight_text_of};
	struct principal by = ctl_principal(c);
	struct err err = {0};
	int status;

	if (argc > 1) {
		err_set(&err, ERR_USAGE, "unexpected argument \"%s\"", argv[1]);
		return ctl_fail(c, &err);
	}
	status = ctl_open(c);
	if (status)
		return status;
	return ctl_answer(&call, sight_spend(c->store, arena_new(NULL), &by, CALL_MS, ctl_done, &call), show);
}

const struct command cmd_spend = {"spend", "", "caps: limits, what is spent and held in their windows of now", spend};
