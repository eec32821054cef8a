/* page.c - what commands on things that belong to tasks share: the options of a list, and one of them by its id. */
#include <getopt.h>

#include "base/arena.h"
#include "base/uuid.h"
#include "ctl/ctl.h"
#include "store/tasks.h"

enum { CALL_MS = 10000, PAGE = 50 };

int ctl_page_args(int argc, char **argv, bool has_all, struct task_page *f, struct err *err)
{
	static const struct option options[] = {
		{"state", required_argument, NULL, 's'},  {"task", required_argument, NULL, 't'}, {"limit", required_argument, NULL, 'n'},
		{"before", required_argument, NULL, 'b'}, {"all", no_argument, NULL, 'a'},	  {NULL, 0, NULL, 0},
	}, without_all[] = {
		{"state", required_argument, NULL, 's'},  {"task", required_argument, NULL, 't'}, {"limit", required_argument, NULL, 'n'},
		{"before", required_argument, NULL, 'b'}, {NULL, 0, NULL, 0},
	};
	int o, r = 0;

	f->limit = PAGE;
	while (r == 0 && (o = getopt_long(argc, argv, ":", has_all ? options : without_all, NULL)) != -1) {
		if (o == 's')
			f->state = str_from(optarg);
		else if (o == 'a')
			f->state = STR_NONE;
		else if (o == 't' || o == 'b')
			r = ctl_uuid_arg(optarg, o == 't' ? &f->task : &f->before, err);
		else if (o == 'n')
			r = ctl_int_arg("--limit", optarg, 1, 200, &f->limit, err);
		else
			r = ctl_option_error(argv, o, err);
	}
	if (r == 0 && argc != optind)
		r = err_set(err, ERR_USAGE, "unexpected argument \"%s\"", argv[optind]);
	return r;
}

int ctl_of_one(struct ctl_call *call, const struct command *cmd, ctl_one_fn *start, int argc, char **argv, ctl_show_fn *show)
{
	struct ctl *c = call->ctl;
	struct principal by = ctl_principal(c);
	struct uuid id;
	struct err err = {0};
	int status;

	if (argc != 2)
		return ctl_usage(c, cmd);
	if (ctl_uuid_arg(argv[1], &id, &err) < 0)
		return ctl_fail(c, &err);
	status = ctl_open(c);
	if (status)
		return status;
	return ctl_answer(call, start(c->store, arena_new(NULL), &id, &by, CALL_MS, ctl_done, call), show);
}
