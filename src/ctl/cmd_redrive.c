/* cmd_redrive.c - send quarantined tasks on their way again: some by their ids, or all, of one workflow or of any. */
#include <getopt.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/json.h"
#include "ctl/commands.h"
#include "store/tasks.h"

enum { CALL_MS = 10000, PAGE = 200 };

struct redriving {
	struct ctl *ctl;
	struct principal by;
	bool all;
	struct str workflow;
	size_t n;
};

static int redrive_one(struct redriving *r, struct json_builder *views, const struct uuid *id, struct err *err)
{
	struct ctl_call call = {.ctl = r->ctl, .text_of = tasks_text_of};
	const struct json *view;

	view = ctl_wait_json(&call, tasks_redrive(r->ctl->store, arena_new(NULL), id, &r->by, CALL_MS, ctl_done, &call), err);
	if (!view)
		return -1;
	json_array_add(views, view);
	r->n++;
	if (!r->ctl->json) {
		print_text(cell(view, "id"));
		putchar(' ');
		print_text(cell(view, "state"));
		putchar('\n');
	}
	return 0;
}

/* One that somebody else cancelled or redrove meanwhile is no reason to leave the others. */
static int redrive_page(struct redriving *r, struct json_builder *views, const struct json *tasks, struct task_filter *f, struct err *err)
{
	for (size_t i = 0; i < json_len(tasks); i++) {
		if (!uuid_parse(cell(json_at(tasks, i), "id"), &f->before))
			return err_set(err, ERR_PG, "task_list: expected ids of tasks");
		if (redrive_one(r, views, &f->before, err) < 0 && err->code != ERR_CONFLICT && err->code != ERR_NOT_FOUND)
			return -1;
	}
	return 0;
}

static int redrive_all(struct redriving *r, struct json_builder *views, struct err *err)
{
	struct task_filter f = {.limit = PAGE, .state = STR("quarantined"), .workflow = r->workflow};
	const struct json *answer, *tasks;

	do {
		struct ctl_call call = {.ctl = r->ctl, .text_of = tasks_text_of};

		answer = ctl_wait_json(&call, tasks_list(r->ctl->store, arena_new(NULL), &f, &r->by, CALL_MS, ctl_done, &call), err);
		if (!answer)
			return -1;
		tasks = json_getc(answer, "tasks");
		if (redrive_page(r, views, tasks, &f, err) < 0)
			return -1;
	} while (json_len(tasks) == PAGE);
	return 0;
}

static int parse(int argc, char **argv, struct redriving *r, struct uuid *ids, size_t *ret_n, struct err *err)
{
	static const struct option options[] = {
		{"all", no_argument, NULL, 'a'}, {"workflow", required_argument, NULL, 'w'}, {NULL, 0, NULL, 0},
	};
	int o;

	while ((o = getopt_long(argc, argv, ":", options, NULL)) != -1) {
		if (o == 'w')
			r->workflow = str_from(optarg);
		else if (o != 'a')
			return ctl_option_error(argv, o, err);
		r->all = true;
	}
	if (r->all == (optind < argc))
		return err_set(err, ERR_USAGE, "expected tasks, or --all, or --workflow NAME");
	for (*ret_n = 0; optind < argc; optind++)
		if (ctl_uuid_arg(argv[optind], &ids[(*ret_n)++], err) < 0)
			return -1;
	return 0;
}

static void show(struct redriving *r, struct json_builder *views)
{
	struct json_builder b;

	if (r->ctl->json) {
		json_object_begin(&b, r->ctl->arena);
		json_object_setc(&b, "tasks", json_array_end(views));
		print_json(r->ctl, json_object_end(&b));
	} else if (r->n == 0) {
		puts("no task is quarantined");
	}
}

static int redrive(struct ctl *c, int argc, char **argv)
{
	struct redriving r = {.ctl = c, .by = ctl_principal(c)};
	struct uuid *ids = ARENA_ARRAY(c->arena, (size_t)argc, struct uuid);
	struct json_builder views;
	struct err err = {0};
	size_t n = 0;
	int status, rc = 0;

	if (parse(argc, argv, &r, ids, &n, &err) < 0)
		return ctl_fail(c, &err);
	status = ctl_open(c);
	if (status)
		return status;
	json_array_begin(&views, c->arena);
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = redrive_one(&r, &views, &ids[i], &err);
	if (rc == 0 && r.all)
		rc = redrive_all(&r, &views, &err);
	if (rc < 0)
		return ctl_fail(c, &err);
	show(&r, &views);
	return 0;
}

const struct command cmd_redrive = {
	"redrive", "TASK... | --all | --workflow NAME", "let quarantined tasks go on, under a new fence, their counters at 0", redrive,
};
