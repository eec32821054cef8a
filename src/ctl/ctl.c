/* ctl.c - the table of commands and what they share. */
#include "ctl/ctl.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/uuid.h"
#include "config/diag.h"
#include "config/settings.h"
#include "ctl/commands.h"
#include "store/store.h"
#include "store/tasks.h"

enum { CONNECT_MS = 5000, MAX_INPUT = 16 * 1024 * 1024 };

const struct command *const ctl_commands[] = {
	&cmd_validate, &cmd_schema,	  &cmd_route,	   &cmd_migrate, &cmd_reload, &cmd_token_create,
	&cmd_token_list, &cmd_token_revoke, &cmd_workflows, &cmd_submit,  &cmd_get,	   &cmd_list,
	&cmd_cancel,   &cmd_doctor,	  &cmd_version,	   NULL,
};

int ctl_usage(const struct command *cmd)
{
	fprintf(stderr, "usage: agentctl %s %s\n", cmd->name, cmd->args);
	return err_exit_status(ERR_USAGE);
}

int ctl_fail(const struct ctl *c, const struct err *err)
{
	if (c->json) {
		struct json_builder b;
		struct arena *a = c->arena;
		struct str text;

		json_object_begin(&b, a);
		json_object_setc(&b, "error", json_stringc(a, err_name(err->code)));
		json_object_setc(&b, "message", json_string_clean(a, str_from(err->msg)));
		text = json_text(a, json_object_end(&b));
		printf(STR_FMT "\n", STR_ARG(text));	/* STR_ARG uses its argument more than once */
	} else {
		fprintf(stderr, "agentctl: %s\n", err->msg);
		if (err->hint[0])
			fprintf(stderr, "agentctl: hint: %s\n", err->hint);
	}
	return err_exit_status(err->code);
}

int ctl_settings(struct ctl *c)
{
	const char *file = c->settings_file;
	struct diags *d;
	struct err err;
	struct str text;

	if (c->settings)
		return 0;
	if (!file)
		file = getenv("AGENTD_CONFIG");
	if (!file && access("agentd.yaml", F_OK) == 0)
		file = "agentd.yaml";
	if (!file) {
		c->settings = settings_default(c->arena, ".");
		return 0;
	}
	if (file_read(c->arena, file, 256 * 1024, &text, &err) < 0)
		return ctl_fail(c, &err);
	d = diags_new(c->arena);
	c->settings = settings_parse(c->arena, file, text, d);
	if (diag_errors(d) == 0)
		return 0;
	print_diags(c, d);
	return err_exit_status(ERR_CONFIG);
}

static void time_out(void *arg)
{
	*(bool *)arg = true;
}

int ctl_open(struct ctl *c)
{
	int status = ctl_settings(c);
	struct loop_timer *timer;
	bool late = false;
	struct err err;

	if (status)
		return status;
	c->loop = loop_new();
	c->store = store_open(c->loop, c->settings->database, "agentctl");
	timer = loop_timer_new(c->loop, time_out, &late);
	loop_timer_set(timer, CONNECT_MS);
	while (!store_is_up(c->store) && !late)
		loop_once(c->loop);
	loop_timer_free(timer);
	if (store_is_up(c->store))
		return 0;
	err_set(&err, ERR_PG_DOWN, "the database cannot be reached within %d s", CONNECT_MS / 1000);
	err_hint(&err, "see `database` in agentd.yaml, or AGENTD_DATABASE");
	return ctl_fail(c, &err);
}

void ctl_close(struct ctl *c)
{
	if (!c->store)
		return;
	store_close(c->store);
	loop_free(c->loop);
	c->store = NULL;
}

struct principal ctl_principal(struct ctl *c)
{
	const struct passwd *pw = getpwuid(getuid());
	struct principal by = {.sees_all = true};

	by.name = str_from(pw ? arena_printf(c->arena, "os:%s", pw->pw_name)
			      : arena_printf(c->arena, "os:%u", (unsigned)getuid()));
	return by;
}

void ctl_done(struct op *op, void *arg)
{
	struct ctl_call *call = arg;

	call->err = op->err;
	if (op->err.code == ERR_NONE && call->text_of)
		call->text = str_dup(call->ctl->arena, call->text_of(op));
	call->done = true;
}

int ctl_wait(struct ctl_call *call, struct op *op, struct err *err)
{
	(void)op;
	while (!call->done)
		loop_once(call->ctl->loop);
	if (call->err.code == ERR_NONE)
		return 0;
	return err_copy(err, &call->err);
}

const struct json *ctl_wait_json(struct ctl_call *call, struct op *op, struct err *err)
{
	const struct json *v;

	if (ctl_wait(call, op, err) < 0)
		return NULL;
	if (json_parse(call->ctl->arena, call->text, NULL, &v, err) < 0) {
		err_prefix(err, "the database's answer: ");
		return NULL;
	}
	return v;
}

const struct json *ctl_json_arg(struct ctl *c, const char *arg, struct err *err)
{
	const struct json *v;
	struct str text = str_from(arg);
	const char *name = "the argument";

	if (arg[0] == '@') {
		name = arg + 1;
		if (file_read(c->arena, name, MAX_INPUT, &text, err) < 0)
			return NULL;
	} else if (strcmp(arg, "-") == 0) {
		name = "standard input";
		if (file_read_fd(c->arena, STDIN_FILENO, MAX_INPUT, &text, err) < 0)
			return NULL;
	}
	if (json_parse(c->arena, text, NULL, &v, err) < 0) {
		err_prefix(err, "%s: ", name);
		return NULL;
	}
	return v;
}

int ctl_uuid_arg(const char *arg, struct uuid *ret, struct err *err)
{
	if (uuid_parse(str_from(arg), ret))
		return 0;
	return err_set(err, ERR_USAGE, "\"%s\" is not a task id (36 characters, as submit prints it)", arg);
}
