/* cmd_task.c - look at tasks and stop them: get, list, cancel, purge. */
#include <getopt.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/json.h"
#include "ctl/commands.h"
#include "store/tasks.h"

enum { CALL_MS = 10000 };

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

static struct str cost_of(struct arena *a, const struct json *step)
{
	(void)a;
	return str_is(cell(step, "cost_usd"), "0") ? STR("") : cell(step, "cost_usd");
}

static struct str result_of(struct arena *a, const struct json *step)
{
	const struct json *error = json_getc(step, "error");
	const struct json *shown = json_type(error) == JSON_OBJECT ? json_getc(error, "message") : json_getc(step, "output");

	return json_type(shown) == JSON_NULL ? STR("") : compact(a, shown, 60);
}

static const struct column step_columns[] = {
	{"STEP", "path", NULL},	   {"KIND", "kind", NULL},	 {"STATUS", "status", NULL},
	{"TIME", NULL, duration_between}, {"COST USD", NULL, cost_of}, {"RESULT", NULL, result_of},
};

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
	static const char *const facts[] = {"id", "workflow", "state", "urgency", "created_at", "started_at", "finished_at", "purged_at"};
	const struct json *error = json_getc(task, "error"), *output = json_getc(task, "output");
	struct buf b;

	for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++)
		print_pair(facts[i], cell(task, facts[i]));
	print_pair("waits for", cell(json_getc(task, "waits_for"), "message"));
	print_pair("took", duration_between(c->arena, task));
	print_pair("cost usd", cell(task, "cost_usd"));
	if (json_len(json_getc(task, "steps"))) {
		putchar('\n');
		print_rows(c, json_getc(task, "steps"), step_columns, sizeof step_columns / sizeof step_columns[0]);
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

/* --- get, cancel --- */

typedef struct op *task_start_fn(struct store *s, struct arena *a, const struct uuid *task, const struct principal *by,
				 int64_t deadline_ms, op_done_fn *done, void *arg);

static int ask(struct ctl *c, int argc, char **argv, const struct command *cmd, task_start_fn *start, ctl_show_fn *show)
{
	struct ctl_call call = {.ctl = c, .text_of = tasks_text_of};
	struct principal by = ctl_principal(c);
	struct uuid id;
	struct err err = {0};
	int status;

	if (argc == 2 && ctl_uuid_arg(argv[1], &id, &err) < 0)
		return ctl_fail(c, &err);
	status = ctl_begin(c, cmd, argc, 1);
	if (status)
		return status;
	return ctl_answer(&call, start(c->store, arena_new(NULL), &id, &by, CALL_MS, ctl_done, &call), show);
}

static int get(struct ctl *c, int argc, char **argv)
{
	return ask(c, argc, argv, &cmd_get, tasks_view, print_task);
}

const struct command cmd_get = {
	"get", "TASK", "one task: state, steps with durations, cost, output or error", get,
};

static void print_state(struct ctl *c, const struct json *task)
{
	(void)c;
	print_text(cell(task, "state"));
	putchar('\n');
}

static int cancel(struct ctl *c, int argc, char **argv)
{
	return ask(c, argc, argv, &cmd_cancel, tasks_cancel, print_state);
}

const struct command cmd_cancel = {
	"cancel", "TASK", "ask for a task's end; prints the state it is in now", cancel,
};

static int purge(struct ctl *c, int argc, char **argv)
{
	return ask(c, argc, argv, &cmd_purge, tasks_purge, print_state);
}

const struct command cmd_purge = {
	"purge", "TASK", "erase what a task that has ended was given, made and said", purge,
};

/* --- list --- */

static int read_option(struct task_filter *f, int o, char **argv, struct err *err)
{
	switch (o) {
	case 'w':
		f->workflow = str_from(optarg);
		return 0;
	case 's':
		f->state = str_from(optarg);
		return task_state_is_known(f->state) ? 0 : err_set(err, ERR_USAGE, "--state \"%s\": there is no such state of a task", optarg);
	case 'l':
		return ctl_pair_arg("--label", optarg, &f->label_key, &f->label_value, err);
	case 'n':
		return ctl_int_arg("--limit", optarg, 1, 200, &f->limit, err);
	case 'b':
		return ctl_uuid_arg(optarg, &f->before, err);
	default:
		return ctl_option_error(argv, o, err);
	}
}

static int parse_list(int argc, char **argv, struct task_filter *f, struct err *err)
{
	static const struct option options[] = {
		{"workflow", required_argument, NULL, 'w'}, {"state", required_argument, NULL, 's'},
		{"label", required_argument, NULL, 'l'},    {"limit", required_argument, NULL, 'n'},
		{"before", required_argument, NULL, 'b'},   {NULL, 0, NULL, 0},
	};
	int o;

	*f = (struct task_filter){.limit = 20};
	while ((o = getopt_long(argc, argv, ":", options, NULL)) != -1)
		if (read_option(f, o, argv, err) < 0)
			return -1;
	return argc == optind ? 0 : err_set(err, ERR_USAGE, "unexpected argument \"%s\"", argv[optind]);
}

static const struct column list_columns[] = {
	{"TASK", "id", NULL},		{"WORKFLOW", "workflow", NULL},	   {"STATE", "state", NULL},
	{"URGENCY", "urgency", NULL},	{"CREATED", "created_at", NULL},   {"TOOK", NULL, duration_between},
	{"COST USD", "cost_usd", NULL},
};

static void print_list(struct ctl *c, const struct json *answer)
{
	print_rows(c, json_getc(answer, "tasks"), list_columns, sizeof list_columns / sizeof list_columns[0]);
	if (cell(answer, "next").n)
		printf("more: --before " STR_FMT "\n", STR_ARG(cell(answer, "next")));
}

static int list(struct ctl *c, int argc, char **argv)
{
	struct ctl_call call = {.ctl = c, .text_of = tasks_text_of};
	struct principal by = ctl_principal(c);
	struct task_filter filter;
	struct err err = {0};
	int status;

	if (parse_list(argc, argv, &filter, &err) < 0)
		return ctl_fail(c, &err);
	status = ctl_open(c);
	if (status)
		return status;
	return ctl_answer(&call, tasks_list(c->store, arena_new(NULL), &filter, &by, CALL_MS, ctl_done, &call), print_list);
}

const struct command cmd_list = {
	"list", "[--workflow NAME] [--state STATE] [--label NAME=TEXT] [--limit N] [--before TASK]",
	"tasks, newest first", list,
};
