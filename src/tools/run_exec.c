/* run_exec.c - a tool as a child process: an argument list, never a shell; nothing inherited. */

#include "base/arena.h"
#include "base/file.h"
#include "base/json.h"
#include "base/proc.h"
#include "config/expr.h"
#include "config/settings.h"
#include "tools/call.h"
#include "tools/output.h"

enum {
	MIN_STDOUT_BYTES = 1 << 20,	/* a result expression may pick little out of much */
	STDERR_BYTES = 64 << 10,
	GRACE_MS = 5000,
};

static const struct runner_exec *runner(const struct call *c)
{
	return &c->manifest->u.exec;
}

/* --- what the child gets --- */

static int make_argv(struct call *c, const char *const **ret, struct err *err)
{
	const struct runner_exec *r = runner(c);
	const char **argv = ARENA_ARRAY(call_arena(c), r->n_argv + 1, const char *);

	for (size_t i = 0; i < r->n_argv; i++) {
		const char *what = arena_printf(call_arena(c), "argument %zu of the program", i);
		struct str text;

		/* Other users of the machine can read argument lists. */
		if (tmpl_eval_text(r->argv[i], c->root, call_arena(c), &text, err) < 0) {
			struct err reason = *err;

			return err_set(err, ERR_TOOL_ARGS, "cannot make %s: %s", what, reason.msg);
		}
		argv[i] = str_cstr(call_arena(c), text);
	}
	if (r->n_argv == 0 || !*argv[0])
		return err_set(err, ERR_TOOL_ARGS, "the program of the tool has no name");
	*ret = argv;
	return 0;
}

static bool sets(const struct runner_exec *r, const char *name)
{
	for (size_t i = 0; i < r->n_env; i++)
		if (str_is(r->env_names[i], name))
			return true;
	return false;
}

static int make_env(struct call *c, const char *dir, const char *const **ret, struct err *err)
{
	const struct runner_exec *r = runner(c);
	struct arena *a = call_arena(c);
	const char **env = ARENA_ARRAY(a, r->n_env + 5, const char *);
	size_t n = 0;

	for (size_t i = 0; i < r->n_env; i++) {
		const char *what = arena_printf(a, "environment variable " STR_FMT, STR_ARG(r->env_names[i]));
		struct str text;

		if (call_text(c, r->env_values[i], what, &text, err) < 0)
			return -1;
		env[n++] = arena_printf(a, STR_FMT "=" STR_FMT, STR_ARG(r->env_names[i]), STR_ARG(text));
	}
	if (!sets(r, "PATH"))
		env[n++] = "PATH=/usr/bin:/bin";
	if (!sets(r, "LANG"))
		env[n++] = "LANG=C.UTF-8";
	if (!sets(r, "HOME"))
		env[n++] = arena_printf(a, "HOME=%s", dir);
	if (r->workspace && !sets(r, "TMPDIR"))
		env[n++] = arena_printf(a, "TMPDIR=%s", dir);
	*ret = env;
	return 0;
}

/* The tool's own trouble, not the caller's: a directory that cannot be made. */
static int make_dir(struct call *c, const char **ret, struct err *err)
{
	*ret = "/";
	if (!runner(c)->workspace)
		return 0;
	*ret = tools_workspace(call_arena(c), c->settings, &c->req.task);
	if (file_mkdirs(*ret, 0700, err) == 0)
		return 0;
	err->code = ERR_TOOL_FAILED;
	return -1;
}

/* --- what it leaves --- */

static const char *last_line(struct arena *a, struct str text)
{
	size_t from;

	text = str_trim(text);
	for (from = text.n; from > 0 && text.p[from - 1] != '\n'; from--)
		;
	return output_line(a, str_sub(text, from, text.n));
}

static void fail_exit(struct call *c, const char *program, const struct proc_result *r)
{
	const char *said = last_line(call_arena(c), secrets_scrub(call_arena(c), &c->secrets, r->err));
	struct err err = {0};

	if (r->signal)
		err_set(&err, ERR_TOOL_FAILED, "program \"%.160s\" was ended by signal %d%s%s", program, r->signal,
			*said ? ": " : "", said);
	else
		err_set(&err, ERR_TOOL_FAILED, "program \"%.160s\" ended with status %d%s%s", program, r->exit_status,
			*said ? ": " : "", said);
	call_fail(c, r->signal ? TOOL_UNKNOWN : TOOL_DONE, &err);
}

static void fail_run(struct call *c, const struct err *why)
{
	struct err err = *why;

	switch (why->code) {
	case ERR_IO:
		err.code = ERR_TOOL_FAILED;
		call_fail(c, TOOL_NOT_BEGUN, &err);
		return;
	case ERR_TIMEOUT:
		err.code = ERR_TOOL_TIMEOUT;
		break;
	case ERR_SIZE:
		err.code = ERR_TOOL_OUTPUT;
		break;
	default:
		err.code = ERR_TOOL_FAILED;
	}
	err.retryable = err.code == ERR_TOOL_TIMEOUT && call_is_repeatable(c);
	call_fail(c, TOOL_UNKNOWN, &err);
}

static int shape(struct call *c, const struct proc_result *r, const struct json **ret, struct err *err)
{
	struct arena *a = call_arena(c);
	struct str out = secrets_scrub(a, &c->secrets, r->out), errs = secrets_scrub(a, &c->secrets, r->err);
	const struct json *parsed;
	struct err reason = {0};
	struct json_builder b;

	json_object_begin(&b, a);
	json_object_setc(&b, "exit_status", json_int(a, r->exit_status));
	json_object_setc(&b, "stdout", json_string_clean(a, out));
	json_object_setc(&b, "stderr", json_string_clean(a, errs));
	if (runner(c)->result)
		json_object_setc(&b, "json", json_parse(a, out, NULL, &parsed, NULL) == 0 ? parsed : NULL);
	*ret = json_object_end(&b);
	if (!runner(c)->result || expr_eval(runner(c)->result, *ret, a, ret, &reason) == 0)
		return 0;
	return err_set(err, ERR_TOOL_OUTPUT, "result of the tool: %s", reason.msg);
}

static void on_exit_of_program(struct op *op, void *arg)
{
	struct call *c = arg;
	const struct proc_result *r = proc_result_of(op);
	const struct json *value;
	struct err err = {0};

	c->part = NULL;
	if (op->err->code != ERR_NONE)
		fail_run(c, op->err);
	else if (r->exit_status != 0)
		fail_exit(c, c->state, r);
	else if (shape(c, r, &value, &err) < 0)
		call_fail(c, TOOL_DONE, &err);
	else
		call_succeed(c, value);
}

static int make_request(struct call *c, struct proc_request *req, struct err *err)
{
	const struct runner_exec *r = runner(c);
	size_t twice = 2 * (size_t)c->manifest->max_output_bytes;

	*req = (struct proc_request){
		.timeout_ms = c->req.timeout_ms,
		.grace_ms = GRACE_MS,
		.max_stdout = twice > MIN_STDOUT_BYTES ? twice : MIN_STDOUT_BYTES,
		.max_stderr = STDERR_BYTES,
		.max_cpu_s = r->max_cpu_s,
		.max_memory_bytes = r->max_memory_bytes,
		.max_file_bytes = c->settings->tools.workspace_bytes,
	};
	if (make_argv(c, &req->argv, err) < 0 || make_dir(c, &req->dir, err) < 0 ||
	    make_env(c, req->dir, &req->env, err) < 0)
		return -1;
	return r->stdin_text ? call_text(c, r->stdin_text, "standard input", &req->stdin_data, err) : 0;
}

static void start(struct call *c)
{
	struct proc_request req;
	struct err err = {0};

	if (make_request(c, &req, &err) < 0) {
		call_fail(c, TOOL_NOT_BEGUN, &err);
		return;
	}
	c->state = (void *)(uintptr_t)req.argv[0];
	c->part = proc_start(c->op.loop, arena_new(call_arena(c)), &req, on_exit_of_program, c);
}

const struct runner run_exec = {RUNNER_EXEC, "exec", start};
