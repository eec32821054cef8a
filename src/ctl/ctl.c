/* ctl.c - the table of commands and what they share. */
#include "ctl/ctl.h"

#include <errno.h>
#include <getopt.h>
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
#include "schema/schema.h"
#include "ctl/commands.h"
#include "store/store.h"
#include "store/tasks.h"

enum { CONNECT_MS = 5000, MAX_INPUT = 16 * 1024 * 1024 };

const struct command *const ctl_commands[] = {		/* in the order in which they are listed; two words before the first of them alone */
	&cmd_validate, &cmd_schema, &cmd_route_explain, &cmd_route_close, &cmd_route, &cmd_policy_test, &cmd_policy_explain, &cmd_hooks_test,
	&cmd_migrate, &cmd_reload, &cmd_token_create, &cmd_token_list, &cmd_token_revoke,
	&cmd_workflows, &cmd_pause, &cmd_resume, &cmd_lanes,
	&cmd_submit, &cmd_get, &cmd_list, &cmd_why, &cmd_trace, &cmd_tail, &cmd_cancel, &cmd_retry, &cmd_fork, &cmd_purge,
	&cmd_approvals_list, &cmd_approvals_show, &cmd_approvals_approve, &cmd_approvals_deny, &cmd_approvals_watch,
	&cmd_artifacts_list, &cmd_artifacts_get, &cmd_artifacts_put,
	&cmd_webhooks_list, &cmd_webhooks_show, &cmd_webhooks_retry,
	&cmd_reconcile, &cmd_redrive,
	&cmd_cost, &cmd_spend, &cmd_shadow_report, &cmd_top, &cmd_doctor,
	&cmd_completion, &cmd_version,
	NULL,
};

static int fail(const struct ctl *c, struct diags *d, const struct json *errors, const struct err *err)
{
	struct json_builder b;
	struct arena *a = c->arena;
	struct str text;

	if (!c->json) {
		print_error(err->msg);
		if (err->hint[0])
			print_error(arena_printf(a, "hint: %s", err->hint));
		return err_exit_status(err->code);
	}
	json_object_begin(&b, a);
	json_object_setc(&b, "error", json_stringc(a, err_name(err->code)));
	json_object_setc(&b, "message", json_string_clean(a, str_from(err->msg)));
	if (err->hint[0])
		json_object_setc(&b, "hint", json_string_clean(a, str_from(err->hint)));
	if (d)
		json_object_setc(&b, "diagnostics", diag_json(d, a));
	if (errors)
		json_object_setc(&b, "errors", errors);
	text = json_text(a, json_object_end(&b));
	printf(STR_FMT "\n", STR_ARG(text));	/* STR_ARG uses its argument more than once */
	return err_exit_status(err->code);
}

int ctl_fail(const struct ctl *c, const struct err *err)
{
	return fail(c, NULL, NULL, err);
}

int ctl_refuse(struct ctl *c, struct diags *d, const struct err *err)
{
	if (!c->json)
		print_diags(c, d);
	return fail(c, d, NULL, err);
}

/* For people one line each, without a pointer where the whole is meant. */
int ctl_faults(struct ctl *c, const struct schema_faults *f, const struct err *err)
{
	struct arena *a = c->arena;

	for (size_t i = 0; i < f->n && !c->json; i++) {
		const struct schema_fault *x = &f->v[i];

		print_error(arena_printf(a, STR_FMT "%s" STR_FMT, STR_ARG(x->pointer), x->pointer.n ? ": " : "", STR_ARG(x->message)));
	}
	return fail(c, NULL, schema_faults_json(a, "", f), err);
}

int ctl_usage(const struct ctl *c, const struct command *cmd)
{
	struct err err = {0};

	if (!c->json) {
		fprintf(stderr, "usage: agentctl %s %s\n", cmd->name, cmd->args);
		return err_exit_status(ERR_USAGE);
	}
	err_set(&err, ERR_USAGE, "usage: agentctl %s %s", cmd->name, cmd->args);
	return ctl_fail(c, &err);
}

int ctl_settings(struct ctl *c)
{
	const char *file = c->settings_file;
	struct diags *d;
	struct err err = {0};
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
	c->settings = NULL;
	err_set(&err, ERR_CONFIG, "\"%s\" has %zu error%s", file, diag_errors(d), diag_errors(d) == 1 ? "" : "s");
	return ctl_refuse(c, d, &err);
}

static void time_out(void *arg)
{
	*(bool *)arg = true;
}

int ctl_connect(struct ctl *c, struct err *err)
{
	int connect_ms = c->connect_ms ? c->connect_ms : CONNECT_MS;
	struct loop_timer *timer;
	const char *reason;
	bool late = false;

	c->loop = loop_new();
	c->store = store_open(c->loop, c->settings->database, "agentctl");
	timer = loop_timer_new(c->loop, time_out, &late);
	loop_timer_set(timer, connect_ms);
	while (!store_is_up(c->store) && !late)
		loop_once(c->loop);
	loop_timer_free(timer);
	if (store_is_up(c->store))
		return 0;
	reason = store_reason(c->store);
	err_set(err, ERR_PG_DOWN, "the database cannot be reached within %g s%s%s", connect_ms / 1000.0, *reason ? ": " : "",
		reason);
	err_hint(err, "see `database` in agentd.yaml, or AGENTD_DATABASE");
	return -1;
}

int ctl_open(struct ctl *c)
{
	struct err err = {0};
	int status = ctl_settings(c);

	if (status)
		return status;
	return ctl_connect(c, &err) < 0 ? ctl_fail(c, &err) : 0;
}

int ctl_begin(struct ctl *c, const struct command *cmd, int argc, int n)
{
	return argc == n + 1 ? ctl_open(c) : ctl_usage(c, cmd);
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

	call->err = *op->err;
	if (op->err->code == ERR_NONE && call->text_of)
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
		err_hint(err, "it holds a value that no worker reads; --json shows it as it is");
		return NULL;
	}
	return v;
}

int ctl_answer(struct ctl_call *call, struct op *op, ctl_show_fn *show)
{
	struct err err = {0};
	const struct json *answer = ctl_wait_json(call, op, &err);

	if (!answer && call->ctl->json && call->err.code == ERR_NONE) {	/* what SQL took: JSON still, if not ours */
		print_text(call->text);
		putchar('\n');
		return 0;
	}
	if (!answer)
		return ctl_fail(call->ctl, &err);
	if (call->ctl->json)
		print_json(call->ctl, answer);
	else
		show(call->ctl, answer);
	return 0;
}

/* --- arguments --- */

int ctl_text_arg(struct ctl *c, const char *arg, const char **ret_name, struct str *ret, struct err *err)
{
	if (arg[0] == '@') {
		*ret_name = arg + 1;
		return file_read(c->arena, arg + 1, MAX_INPUT, ret, err);
	}
	if (strcmp(arg, "-") == 0) {
		*ret_name = "standard input";
		return file_read_fd(c->arena, STDIN_FILENO, MAX_INPUT, ret, err);
	}
	*ret_name = "the argument";
	*ret = str_from(arg);
	return 0;
}

const struct json *ctl_json_arg(struct ctl *c, const char *arg, struct err *err)
{
	const struct json *v;
	const char *name;
	struct str text;

	if (ctl_text_arg(c, arg, &name, &text, err) < 0)
		return NULL;
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

int ctl_int_arg(const char *option, const char *arg, int min, int max, int *ret, struct err *err)
{
	long long v;
	char *end;

	errno = 0;
	v = strtoll(arg, &end, 10);
	if (errno || end == arg || *end || arg[0] == ' ' || arg[0] == '+' || v < min || v > max)
		return err_set(err, ERR_USAGE, "%s \"%s\": expected %d to %d", option, arg, min, max);
	*ret = (int)v;
	return 0;
}

int ctl_pair_arg(const char *option, const char *arg, struct str *ret_name, struct str *ret_text, struct err *err)
{
	struct str v = str_from(arg);
	ptrdiff_t eq = str_chr(v, '=');

	if (eq <= 0 || !utf8_valid(v))
		return err_set(err, ERR_USAGE, "%s \"%s\": expected NAME=TEXT", option, arg);
	*ret_name = str_sub(v, 0, (size_t)eq);
	*ret_text = str_sub(v, (size_t)eq + 1, v.n);
	return 0;
}

int ctl_option_error(char **argv, int got, struct err *err)
{
	return err_set(err, ERR_USAGE, got == ':' ? "option \"%s\" needs a value" : "unknown option \"%s\"", argv[optind - 1]);
}

int ctl_option_end(int argc, char **argv, int status, struct err *err)
{
	if (status < 0) {
		err->code = ERR_USAGE;
		return err_prefix(err, "--");
	}
	return argc == optind ? 0 : err_set(err, ERR_USAGE, "unexpected argument \"%s\"", argv[optind]);
}
