/* cmd_why.c - what a task waits for, or why it ended, and what to type next. */
#include <stdio.h>

#include "base/arena.h"
#include "base/json.h"
#include "ctl/commands.h"
#include "publish/why.h"
#include "store/sight.h"
#include "store/tasks.h"

enum { CALL_MS = 10000 };

static void show(const struct json *why)
{
	const struct json *causes = json_getc(why, "causes"), *next = json_getc(why, "next");

	print_text(cell(why, "task"));
	printf(" of ");
	print_text(cell(why, "workflow"));
	printf(" is ");
	print_text(cell(why, "state"));
	puts(".");
	for (size_t i = 0; i < json_len(causes); i++) {
		print_text(cell(json_at(causes, i), "message"));
		putchar('\n');
	}
	for (size_t i = 0; i < json_len(next); i++) {
		if (i == 0)
			putchar('\n');
		print_text(cell(json_at(next, i), "command"));
		printf("\n    ");
		print_text(cell(json_at(next, i), "effect"));
		putchar('\n');
	}
}

static int why(struct ctl *c, int argc, char **argv)
{
	struct ctl_call call = {.ctl = c, .text_of = sight_text_of};
	struct principal by = ctl_principal(c);
	const struct json *facts, *answer;
	struct uuid id;
	struct err err = {0};
	int status;

	if (argc == 2 && ctl_uuid_arg(argv[1], &id, &err) < 0)
		return ctl_fail(c, &err);
	status = ctl_begin(c, &cmd_why, argc, 1);
	if (status)
		return status;
	facts = ctl_wait_json(&call, sight_why(c->store, arena_new(NULL), &id, &by, CALL_MS, ctl_done, &call), &err);
	if (!facts)
		return ctl_fail(c, &err);
	answer = why_explain(c->arena, facts);
	if (c->json)
		print_json(c, answer);
	else
		show(answer);
	return 0;
}

const struct command cmd_why = {
	"why", "TASK", "what a task waits for or why it ended, and what to do next", why,
};
