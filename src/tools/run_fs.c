/* run_fs.c - files in the task's workspace and in directories that agentd.yaml opens. */
#define _GNU_SOURCE /* O_PATH */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "config/settings.h"
#include "tools/call.h"
#include "tools/fs.h"

static int (*const VERBS[])(struct fs_job *, int, struct err *) = {
	[FS_READ] = fs_read,
	[FS_WRITE] = fs_write,
	[FS_LIST] = fs_list,
};

struct state {
	struct fs_job job;
	enum fs_verb verb;
};

int fs_fail(struct err *err)
{
	if (err->code == ERR_SIZE)
		err->code = ERR_TOOL_OUTPUT;
	else if (err->code == ERR_IO || err->code == ERR_NOT_FOUND || err->code == ERR_FORBIDDEN)
		err->code = ERR_TOOL_FAILED;
	err->retryable = false;
	return -1;
}

int fs_fail_errno(struct err *err, const char *what, struct str name)
{
	int e = errno;

	return err_set(err, ERR_TOOL_FAILED, "%s \"" STR_FMT "\": %s", what, STR_ARG(str_sub(name, 0, 300)), strerror(e));
}

int fs_check_running(const struct fs_job *job, struct err *err)
{
	if (atomic_load(job->cancelled))
		return err_set(err, ERR_CANCELLED, "cancelled");
	if (clock_boot_ms() > job->deadline_ms)
		return err_set(err, ERR_TOOL_TIMEOUT, "files of \"" STR_FMT "\" took longer than the tool may",
			       STR_ARG(job->root_name));
	return 0;
}

/* --- roots --- */

static int fail_root(const struct settings *s, struct str name, struct err *err)
{
	struct arena *scratch = arena_new(NULL);
	struct buf names;

	buf_init(&names, scratch);
	buf_adds(&names, "workspace");
	for (size_t i = 0; i < s->tools.n_roots; i++)
		buf_addf(&names, ", " STR_FMT, STR_ARG(s->tools.roots[i].name));
	err_set(err, ERR_TOOL_ARGS, "root \"" STR_FMT "\" is not open, expected one of: %.200s",
		STR_ARG(str_sub(name, 0, 64)), buf_cstr(&names));
	err_hint(err, "tools.roots in agentd.yaml opens directories");
	arena_free(scratch);
	return -1;
}

static int choose_root(struct call *c, struct fs_job *job, struct err *err)
{
	struct str name = c->manifest->u.fs.root;

	if (!name.p)
		name = json_str(json_getc(c->req.args, "root"));
	if (!name.p)
		name = STR("workspace");
	if (str_eq(name, job->root_name))
		return 0;
	job->root_name = name;
	job->workspace = false;
	for (size_t i = 0; i < c->settings->tools.n_roots; i++) {
		const struct fs_root *r = &c->settings->tools.roots[i];

		if (!str_eq(r->name, name))
			continue;
		job->root_dir = r->path;
		job->writable = r->writable;
		return 0;
	}
	return fail_root(c->settings, name, err);
}

/* The workspace must be the directory itself; where an operator's root leads is the operator's affair. */
int fs_open_root(const struct fs_job *job, struct err *err)
{
	int fd;

	if (job->workspace && file_mkdirs(job->root_dir, 0700, err) < 0)
		return fs_fail(err);
	fd = open(job->root_dir, O_PATH | O_DIRECTORY | O_CLOEXEC | (job->workspace ? O_NOFOLLOW : 0));
	return fd < 0 ? fs_fail_errno(err, "cannot open root", job->root_name) : fd;
}

/* --- the work --- */

static void work(void *arg)
{
	const struct call *c = arg;
	struct state *s = c->state;
	struct fs_job *job = &s->job;
	int root = fs_open_root(job, &job->err);

	if (root < 0)
		return;
	if (VERBS[s->verb](job, root, &job->err) == 0)
		job->outcome = TOOL_DONE;
	else
		job->value = NULL;
	close(root);
}

static void on_worked(struct op *op, void *arg)
{
	struct call *c = arg;
	struct fs_job *job = &((struct state *)c->state)->job;

	c->part = NULL;
	if (job->value)
		call_succeed(c, job->value);
	else
		call_fail(c, job->outcome, job->err.code != ERR_NONE ? &job->err : op->err);
}

void fs_job_init(struct fs_job *job, struct call *c)
{
	*job = (struct fs_job){
		.arena = arena_new(call_arena(c)),
		.args = c->req.args,
		.settings = c->settings,
		.task = &c->req.task,
		.root_name = STR("workspace"),
		.workspace = true,
		.writable = true,
		.max_output = (size_t)c->manifest->max_output_bytes,
		.truncate = c->manifest->truncate_output,
		.cancelled = &c->cancelled,
		.deadline_ms = clock_boot_ms() + c->req.timeout_ms,
		.outcome = TOOL_NOT_BEGUN,
	};
	job->root_dir = tools_workspace(job->arena, c->settings, &c->req.task);
}

static void start(struct call *c)
{
	struct state *s = ARENA_NEW(call_arena(c), struct state);
	struct err err = {0};

	fs_job_init(&s->job, c);
	s->verb = c->manifest->u.fs.verb;
	c->state = s;
	if (choose_root(c, &s->job, &err) < 0)
		call_fail(c, TOOL_NOT_BEGUN, &err);
	else
		c->part = loop_work(c->op.loop, arena_new(call_arena(c)), work, on_worked, c);
}

const struct runner run_fs = {RUNNER_FS, "fs", start};
