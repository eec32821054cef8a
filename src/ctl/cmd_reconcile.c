/* cmd_reconcile.c - say what became of an uncertain call. */
#include <getopt.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/json.h"
#include "ctl/commands.h"
#include "store/tasks.h"

enum { CALL_MS = 10000, MAX_TRY = 1000000 };

/* As people type them, and as the API has them. */
static const struct {
	const char *word, *decision;
} decisions[] = {
	{"happened", "happened"}, {"did-not-happen", "did_not_happen"}, {"give-up", "give_up"},
	{"did_not_happen", "did_not_happen"}, {"give_up", "give_up"},
};

static int parse_decision(const char *word, struct str *ret, struct err *err)
{
	for (size_t i = 0; i < sizeof decisions / sizeof decisions[0]; i++) {
		if (str_is(str_from(word), decisions[i].word)) {
			*ret = str_from(decisions[i].decision);
			return 0;
		}
	}
	return err_set(err, ERR_USAGE, "\"%s\": expected happened, did-not-happen or give-up", word);
}

static int parse_options(struct ctl *c, int argc, char **argv, struct reconciliation *rec, struct err *err)
{
	static const struct option options[] = {
		{"result", required_argument, NULL, 'r'},
		{"try", required_argument, NULL, 't'},
		{NULL, 0, NULL, 0},
	};
	int o;

	while ((o = getopt_long(argc, argv, ":", options, NULL)) != -1) {
		if (o == 'r') {
			rec->result = ctl_json_arg(c, optarg, err);
			if (!rec->result)
				return -1;
		} else if (o == 't') {
			if (ctl_int_arg("--try", optarg, 1, MAX_TRY, &rec->attempt_try, err) < 0)
				return -1;
		} else {
			return ctl_option_error(argv, o, err);
		}
	}
	return 0;
}

static int check(const struct reconciliation *rec, struct err *err)
{
	bool happened = str_is(rec->decision, "happened");

	if (!utf8_valid(rec->path))
		return err_set(err, ERR_USAGE, "the path of the step is not UTF-8");
	if (happened && !rec->result)
		return err_set(err, ERR_USAGE, "--result is needed with happened: what the call would have answered (null is an answer)");
	if (!happened && rec->result)
		return err_set(err, ERR_USAGE, "--result goes with happened only");
	return 0;
}

static void print_decision(struct ctl *c, const struct json *answer)
{
	(void)c;
	print_text(cell(answer, "path"));
	printf(" ");
	print_text(cell(answer, "decision"));
	printf(", by ");
	print_text(cell(answer, "by"));
	printf(" at ");
	print_text(cell(answer, "at"));
	printf("; the task is ");
	print_text(cell(answer, "state"));
	putchar('\n');
}

static int reconcile(struct ctl *c, int argc, char **argv)
{
	struct ctl_call call = {.ctl = c, .text_of = tasks_text_of};
	struct principal by = ctl_principal(c);
	struct reconciliation rec = {.id = uuid_new()};
	struct uuid task;
	struct err err = {0};
	int status;

	if (parse_options(c, argc, argv, &rec, &err) < 0)
		return ctl_fail(c, &err);
	if (argc - optind != 3)
		return ctl_usage(c, &cmd_reconcile);
	rec.path = str_from(argv[optind + 1]);
	if (ctl_uuid_arg(argv[optind], &task, &err) < 0 || parse_decision(argv[optind + 2], &rec.decision, &err) < 0 ||
	    check(&rec, &err) < 0)
		return ctl_fail(c, &err);
	status = ctl_open(c);
	if (status)
		return status;
	return ctl_answer(&call, tasks_reconcile(c->store, arena_new(NULL), &task, &rec, &by, CALL_MS, ctl_done, &call),
			  print_decision);
}

const struct command cmd_reconcile = {
	"reconcile", "TASK PATH happened|did-not-happen|give-up [--result JSON|@FILE] [--try N]",
	"say what became of an uncertain call", reconcile,
};
