/* cmd_webhooks.c - deliveries of webhooks and notifications: list, show, retry. */
#include <getopt.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/uuid.h"
#include "ctl/commands.h"
#include "store/tasks.h"
#include "store/webhooks.h"

enum { CALL_MS = 10000 };

/* --- list --- */

static struct str receiver(struct arena *a, const struct json *row)
{
	(void)a;
	return cell(row, "target").n ? cell(row, "target") : cell(row, "url");
}

static struct str attempts(struct arena *a, const struct json *row)
{
	return str_from(arena_printf(a, "%zu", json_len(json_getc(row, "attempts"))));
}

static const struct column columns[] = {
	{"DELIVERY", "id", NULL}, {"STATE", "state", NULL}, {"EVENT", "event", NULL}, {"TO", NULL, receiver}, {"TASK", "task", NULL},
	{"ATTEMPTS", NULL, attempts}, {"NEXT", "next_at", NULL}, {"ERROR", "error", NULL},
};

static void print_deliveries(struct ctl *c, const struct json *answer)
{
	print_rows(c, json_getc(answer, "deliveries"), columns, sizeof columns / sizeof columns[0]);
	if (cell(answer, "next").n)
		printf("more: --before " STR_FMT "\n", STR_ARG(cell(answer, "next")));
}

static int parse_filter(int argc, char **argv, struct delivery_filter *f, struct err *err)
{
	static const struct option options[] = {
		{"state", required_argument, NULL, 's'}, {"task", required_argument, NULL, 't'}, {"limit", required_argument, NULL, 'n'},
		{"before", required_argument, NULL, 'b'}, {NULL, 0, NULL, 0},
	};
	int o, r = 0;

	*f = (struct delivery_filter){.limit = 50};
	while (r == 0 && (o = getopt_long(argc, argv, ":", options, NULL)) != -1) {
		if (o == 's')
			f->state = str_from(optarg);
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

static int list(struct ctl *c, int argc, char **argv)
{
	struct ctl_call call = {.ctl = c, .text_of = webhooks_text_of};
	struct principal by = ctl_principal(c);
	struct delivery_filter f;
	struct err err = {0};
	int status;

	if (parse_filter(argc, argv, &f, &err) < 0)
		return ctl_fail(c, &err);
	status = ctl_open(c);
	if (status)
		return status;
	return ctl_answer(&call, webhooks_list(c->store, arena_new(NULL), &f, &by, CALL_MS, ctl_done, &call), print_deliveries);
}

const struct command cmd_webhooks_list = {
	"webhooks list", "[--state pending|delivered|failed] [--task TASK] [--limit N] [--before DELIVERY]",
	"messages to other programs, newest first", list,
};

/* --- show, retry --- */

static void print_delivery(struct ctl *c, const struct json *d)
{
	static const char *const words[][2] = {{"delivery", "id"}, {"state", "state"}, {"event", "event"}, {"target", "target"}, {"url", "url"},
					       {"task", "task"}, {"approval", "approval"}, {"created", "created_at"}, {"next", "next_at"},
					       {"ended", "ended_at"}, {"error", "error"}};
	static const struct column of_attempt[] = {
		{"ATTEMPT", "n", NULL}, {"STARTED", "started_at", NULL}, {"ENDED", "ended_at", NULL}, {"STATUS", "status", NULL},
		{"ERROR", "error", NULL},
	};

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		if (!cell(d, words[i][1]).n)
			continue;
		printf("%-12s", words[i][0]);
		print_text(cell(d, words[i][1]));
		putchar('\n');
	}
	putchar('\n');
	print_rows(c, json_getc(d, "attempts"), of_attempt, sizeof of_attempt / sizeof of_attempt[0]);
}

typedef struct op *of_one_fn(struct store *s, struct arena *a, const struct uuid *id, const struct principal *by, int64_t deadline_ms,
			     op_done_fn *done, void *arg);

static int of_one(struct ctl *c, const struct command *cmd, of_one_fn *start, int argc, char **argv)
{
	struct ctl_call call = {.ctl = c, .text_of = webhooks_text_of};
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
	return ctl_answer(&call, start(c->store, arena_new(NULL), &id, &by, CALL_MS, ctl_done, &call), print_delivery);
}

static int show(struct ctl *c, int argc, char **argv)
{
	return of_one(c, &cmd_webhooks_show, webhooks_view, argc, argv);
}

const struct command cmd_webhooks_show = {"webhooks show", "DELIVERY", "one of them with its attempts", show};

static int retry(struct ctl *c, int argc, char **argv)
{
	return of_one(c, &cmd_webhooks_retry, webhooks_retry, argc, argv);
}

const struct command cmd_webhooks_retry = {"webhooks retry", "DELIVERY", "send it now, and as often as a new one", retry};
