/* cmd_tail.c - follow a task, or all of them. */
#include <getopt.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/json.h"
#include "ctl/commands.h"
#include "ctl/tail.h"

enum { CALL_MS = 10000 };

static int parse(int argc, char **argv, struct tail *t, const char **ret_after, struct err *err)
{
	static const struct option options[] = {
		{"after", required_argument, NULL, 'a'},
		{"workflow", required_argument, NULL, 'w'},
		{"kind", required_argument, NULL, 'k'},
		{NULL, 0, NULL, 0},
	};
	int o;

	while ((o = getopt_long(argc, argv, ":", options, NULL)) != -1) {
		if (o == 'a')
			*ret_after = optarg;
		else if (o == 'w')
			t->workflow = str_from(optarg);
		else if (o == 'k')
			t->kind = str_from(optarg);
		else
			return ctl_option_error(argv, o, err);
	}
	return argc - optind <= 1 ? 0 : err_set(err, ERR_USAGE, "unexpected argument \"%s\"", argv[optind + 1]);
}

static int set_up(int argc, char **argv, struct tail *t, struct uuid *id, struct err *err)
{
	const char *after = NULL;

	if (parse(argc, argv, t, &after, err) < 0)
		return -1;
	if (optind < argc) {
		if (ctl_uuid_arg(argv[optind], id, err) < 0)
			return -1;
		t->task = id;
		if (t->workflow.p)
			return err_set(err, ERR_USAGE, "--workflow goes with the events of all tasks");
	}
	if (after && !event_place_parse(str_from(after), !t->task, &t->place))
		return err_set(err, ERR_USAGE, "--after \"%s\": expected %s", after,
			       t->task ? "an event's id, such as 12 or 12.3" : "an event's place, such as 715.12.3");
	return 0;
}

static int how_it_ended(struct ctl *c, const struct tail *t)
{
	struct ctl_call call = {.ctl = c, .text_of = tasks_text_of};
	const struct json *task;
	struct err err;

	task = ctl_wait_json(&call, tasks_view(c->store, arena_new(NULL), t->task, &t->by, CALL_MS, ctl_done, &call), &err);
	if (!task)
		return ctl_fail(c, &err);
	return str_is(cell(task, "state"), "succeeded") ? 0 : err_exit_status(ERR_TASK_FAILED);
}

static int tail(struct ctl *c, int argc, char **argv)
{
	struct tail t = {.ctl = c, .by = ctl_principal(c), .place = event_place_first, .patient = true};
	struct err err = {0};
	struct uuid id;
	int status;

	if (set_up(argc, argv, &t, &id, &err) < 0)
		return ctl_fail(c, &err);
	status = ctl_open(c);
	if (status)
		return status;
	if (tail_run(&t, &err) < 0)
		return ctl_fail(c, &err);
	return how_it_ended(c, &t);
}

const struct command cmd_tail = {
	"tail", "[TASK] [--after ID] [--kind KIND] [--workflow NAME]",
	"events of a task until its end, or of all tasks from now on", tail,
};
