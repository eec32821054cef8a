/* cmd_webhooks.c - deliveries of webhooks and notifications: list, show, retry. */
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

static int list(struct ctl *c, int argc, char **argv)
{
	struct ctl_call call = {.ctl = c, .text_of = webhooks_text_of};
	struct principal by = ctl_principal(c);
	struct task_page f = {.state = STR_NONE};
	struct err err = {0};
	int status;

	if (ctl_page_args(argc, argv, false, &f, &err) < 0)
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

static int show(struct ctl *c, int argc, char **argv)
{
	struct ctl_call call = {.ctl = c, .text_of = webhooks_text_of};

	return ctl_of_one(&call, &cmd_webhooks_show, webhooks_view, argc, argv, print_delivery);
}

const struct command cmd_webhooks_show = {"webhooks show", "DELIVERY", "one of them with its attempts", show};

static int retry(struct ctl *c, int argc, char **argv)
{
	struct ctl_call call = {.ctl = c, .text_of = webhooks_text_of};

	return ctl_of_one(&call, &cmd_webhooks_retry, webhooks_retry, argc, argv, print_delivery);
}

const struct command cmd_webhooks_retry = {"webhooks retry", "DELIVERY", "send it now, and as often as a new one", retry};
