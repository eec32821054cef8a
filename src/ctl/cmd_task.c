/* cmd_task.c - look at tasks and stop them: get, list, cancel. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/json.h"
#include "ctl/commands.h"
#include "store/tasks.h"

static struct str duration_between(struct arena *a, const struct json *row)
{
	int64_t from, to;
	char text[32];

	if (!time_parse(cell(row, "started_at"), &from) || !time_parse(cell(row, "finished_at"), &to))
		return STR("");
	duration_format((to - from) / 1000, text);
	return str_from(arena_strdup(a, text));
}

static struct str compact(struct arena *a, const struct json *v, size_t max)
{
	struct str s = json_type(v) == JSON_STRING ? json_str(v) : json_text(a, v);

	if (utf8_len(s) <= max)
		return s;
	for (size_t i = 0, n = 0; i < s.n; n++) {
		if (n == max - 3)
			return str_from(arena_printf(a, STR_FMT "...", (int)i, s.p));
		utf8_next(s, &i);
	}
	return s;
}

static void print_steps(struct ctl *c, const struct json *steps)
{
	static const char *const headings[] = {"STEP", "KIND", "STATUS", "TIME", "COST USD", "RESULT"};
	struct table *t = table_new(c->arena, headings, 6);

	for (size_t i = 0; i < json_len(steps); i++) {
		const struct json *s = json_at(steps, i);
		const struct json *error = json_getc(s, "error");
		const struct json *shown = json_type(error) == JSON_OBJECT ? json_getc(error, "message") : json_getc(s, "output");

		table_cell(t, cell(s, "path"));
		table_cell(t, cell(s, "kind"));
		table_cell(t, cell(s, "status"));
		table_cell(t, duration_between(c->arena, s));
		table_cell(t, str_is(cell(s, "cost_usd"), "0") ? STR("") : cell(s, "cost_usd"));
		table_cell(t, json_type(shown) == JSON_NULL ? STR("") : compact(c->arena, shown, 60));
	}
	table_print(t);
}

static void print_pair(const char *name, struct str value)
{
	if (value.n == 0)
		return;
	printf("%-10s ", name);
	print_text(value);
	putchar('\n');
}

void print_task(struct ctl *c, const struct json *task)
{
	static const char *const facts[] = {"id", "workflow", "state", "urgency", "created_at", "started_at", "finished_at"};
	const struct json *error = json_getc(task, "error"), *output = json_getc(task, "output");
	struct buf b;

	for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++)
		print_pair(facts[i], cell(task, facts[i]));
	print_pair("took", duration_between(c->arena, task));
	print_pair("cost usd", cell(task, "cost_usd"));
	if (json_len(json_getc(task, "steps"))) {
		putchar('\n');
		print_steps(c, json_getc(task, "steps"));
	}
	if (json_type(error) == JSON_OBJECT) {
		printf("\nerror ");
		print_text(cell(error, "type"));
		printf(" at step \"");
		print_text(cell(error, "step"));
		printf("\": ");
		print_text(cell(error, "message"));
		putchar('\n');
	}
	if (json_type(output) != JSON_NULL) {
		buf_init(&b, c->arena);
		json_write_pretty(&b, output);
		printf("\noutput ");
		print_text(buf_str(&b));
		putchar('\n');
	}
}

static int get(struct ctl *c, int argc, char **argv)
{
	struct ctl_call call = {.ctl = c, .text_of = tasks_text_of};
	struct principal by = ctl_principal(c);
	const struct json *task;
	struct uuid id;
	struct err err;
	int status;

	if (argc != 2)
		return ctl_usage(&cmd_get);
	if (ctl_uuid_arg(argv[1], &id, &err) < 0)
		return ctl_fail(c, &err);
	status = ctl_open(c);
	if (status)
		return status;
	task = ctl_wait_json(&call, tasks_view(c->store, arena_new(NULL), &id, &by, 10000, ctl_done, &call), &err);
	if (!task)
		return ctl_fail(c, &err);
	if (c->json)
		print_json(c, task);
	else
		print_task(c, task);
	return 0;
}

const struct command cmd_get = {
	"get", "TASK", "one task: state, steps with durations, cost, output or error", get,
};

static int parse_list(int argc, char **argv, struct task_filter *f, struct err *err)
{
	static const struct option options[] = {
		{"workflow", required_argument, NULL, 'w'}, {"state", required_argument, NULL, 's'},
		{"label", required_argument, NULL, 'l'},    {"limit", required_argument, NULL, 'n'},
		{"before", required_argument, NULL, 'b'},   {NULL, 0, NULL, 0},
	};
	int o;

	*f = (struct task_filter){.limit = 20};
	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		struct str v = str_from(optarg);
		ptrdiff_t eq;

		switch (o) {
		case 'w':
			f->workflow = v;
			break;
		case 's':
			f->state = v;
			break;
		case 'l':
			eq = str_chr(v, '=');
			if (eq <= 0)
				return err_set(err, ERR_USAGE, "--label \"%s\": expected NAME=TEXT", optarg);
			f->label_key = str_sub(v, 0, (size_t)eq);
			f->label_value = str_sub(v, (size_t)eq + 1, v.n);
			break;
		case 'n':
			f->limit = (int)strtol(optarg, NULL, 10);
			if (f->limit < 1 || f->limit > 200)
				return err_set(err, ERR_USAGE, "--limit \"%s\": expected 1 to 200", optarg);
			break;
		case 'b':
			if (ctl_uuid_arg(optarg, &f->before, err) < 0)
				return -1;
			break;
		default:
			return err_set(err, ERR_USAGE, "unknown option");
		}
	}
	return argc == optind ? 0 : err_set(err, ERR_USAGE, "unexpected argument \"%s\"", argv[optind]);
}

static int list(struct ctl *c, int argc, char **argv)
{
	static const char *const headings[] = {"TASK", "WORKFLOW", "STATE", "URGENCY", "CREATED", "TOOK", "COST USD"};
	struct ctl_call call = {.ctl = c, .text_of = tasks_text_of};
	struct principal by = ctl_principal(c);
	const struct json *answer, *rows;
	struct task_filter filter;
	struct table *t;
	struct err err;
	int status;

	if (parse_list(argc, argv, &filter, &err) < 0)
		return ctl_fail(c, &err);
	status = ctl_open(c);
	if (status)
		return status;
	answer = ctl_wait_json(&call, tasks_list(c->store, arena_new(NULL), &filter, &by, 10000, ctl_done, &call), &err);
	if (!answer)
		return ctl_fail(c, &err);
	if (c->json) {
		print_json(c, answer);
		return 0;
	}
	rows = json_getc(answer, "tasks");
	t = table_new(c->arena, headings, 7);
	for (size_t i = 0; i < json_len(rows); i++) {
		const struct json *r = json_at(rows, i);

		table_cell(t, cell(r, "id"));
		table_cell(t, cell(r, "workflow"));
		table_cell(t, cell(r, "state"));
		table_cell(t, cell(r, "urgency"));
		table_cell(t, cell(r, "created_at"));
		table_cell(t, duration_between(c->arena, r));
		table_cell(t, cell(r, "cost_usd"));
	}
	table_print(t);
	if (cell(answer, "next").n)
		printf("more: --before " STR_FMT "\n", STR_ARG(cell(answer, "next")));
	return 0;
}

const struct command cmd_list = {
	"list", "[--workflow NAME] [--state STATE] [--label NAME=TEXT] [--limit N] [--before TASK]",
	"tasks, newest first", list,
};

static int cancel(struct ctl *c, int argc, char **argv)
{
	struct ctl_call call = {.ctl = c, .text_of = tasks_text_of};
	struct principal by = ctl_principal(c);
	const struct json *task;
	struct uuid id;
	struct err err;
	int status;

	if (argc != 2)
		return ctl_usage(&cmd_cancel);
	if (ctl_uuid_arg(argv[1], &id, &err) < 0)
		return ctl_fail(c, &err);
	status = ctl_open(c);
	if (status)
		return status;
	task = ctl_wait_json(&call, tasks_cancel(c->store, arena_new(NULL), &id, &by, 10000, ctl_done, &call), &err);
	if (!task)
		return ctl_fail(c, &err);
	if (c->json)
		print_json(c, task);
	else
		printf(STR_FMT "\n", STR_ARG(cell(task, "state")));
	return 0;
}

const struct command cmd_cancel = {
	"cancel", "TASK", "ask for a task's end; prints the state it is in now", cancel,
};
