/* run_artifact.c - the artifacts of the task: read, write, list, and fetch into the workspace. */
#include <unistd.h>

#include "base/arena.h"
#include "base/encoding.h"
#include "base/json.h"
#include "config/settings.h"
#include "tools/artifact.h"
#include "tools/call.h"
#include "tools/fs.h"

struct state {
	struct fs_job job;
	struct str name, path;
	struct str bytes;		/* to be saved, or that were loaded */
	struct artifact_save save;
};

static struct str arg_text(const struct call *c, const char *name)
{
	return json_str(json_getc(c->req.args, name));
}

/* What the store says in the words of tools. */
static void fail(struct call *c, const struct err *err)
{
	struct err e = *err;

	switch (err->code) {
	case ERR_NOT_FOUND:
	case ERR_CONFLICT:
	case ERR_SIZE:
	case ERR_STORE_FULL:
	case ERR_REFUSED:
		e.code = ERR_TOOL_FAILED;
		e.retryable = false;
		call_fail(c, TOOL_DONE, &e);
		return;
	case ERR_PG_DOWN:
		e.code = ERR_TOOL_TIMEOUT;
		e.retryable = call_is_repeatable(c);
		break;
	default:
		break;
	}
	call_fail(c, TOOL_UNKNOWN, &e);
}

static void on_text(struct op *op, void *arg)
{
	struct call *c = arg;
	const struct json *value;
	struct err err;

	c->part = NULL;
	if (op->err->code != ERR_NONE)
		fail(c, op->err);
	else if (json_parse(call_arena(c), str_dup(call_arena(c), c->artifacts->answer(op)->text), NULL, &value, &err) < 0)
		fail(c, &err);
	else
		call_succeed(c, value);
}

static void start_list(struct call *c, struct state *s)
{
	(void)s;
	c->part = c->artifacts->list(c->artifacts->arg, arena_new(call_arena(c)), &c->req.task, c->req.timeout_ms, on_text, c);
}

/* --- read, fetch --- */

static void load(struct call *c, struct state *s, size_t max, op_done_fn *done)
{
	c->part = c->artifacts->load(c->artifacts->arg, arena_new(call_arena(c)), &c->req.task, s->name, max, c->req.timeout_ms, done, c);
}

/* The bytes, which may be many, are not copied. */
static struct str keep_bytes(const struct state *s, const struct artifact_answer *got)
{
	arena_move(got->bytes_in, s->job.arena);
	return got->bytes;
}

static void on_read(struct op *op, void *arg)
{
	struct call *c = arg;
	struct state *s = c->state;
	const struct artifact_answer *got;
	struct err err;
	size_t limit;

	c->part = NULL;
	if (op->err->code != ERR_NONE) {
		fail(c, op->err);
		return;
	}
	got = c->artifacts->answer(op);
	if (fs_choose_limit(&s->job, got->size, &limit, &err) < 0)
		call_fail(c, TOOL_DONE, &err);
	else
		call_succeed(c, fs_content(&s->job, "name", s->name, got->size, str_sub(keep_bytes(s, got), 0, limit)));
}

static void start_read(struct call *c, struct state *s)
{
	struct err err;
	size_t limit;

	if (fs_choose_limit(&s->job, 0, &limit, &err) < 0)
		call_fail(c, TOOL_NOT_BEGUN, &err);
	else
		load(c, s, limit, on_read);
}

static void put_file(void *arg)
{
	const struct call *c = arg;
	struct state *s = c->state;
	int root = fs_open_root(&s->job, &s->job.err);

	if (root < 0)
		return;
	if (fs_put(&s->job, root, s->path, s->bytes, &s->job.err) == 0)
		s->job.outcome = TOOL_DONE;
	close(root);
}

static void on_put(struct op *op, void *arg)
{
	struct call *c = arg;
	const struct fs_job *job = &((struct state *)c->state)->job;

	c->part = NULL;
	if (job->value)
		call_succeed(c, job->value);
	else
		call_fail(c, job->outcome, job->err.code != ERR_NONE ? &job->err : op->err);
}

static void on_fetched(struct op *op, void *arg)
{
	struct call *c = arg;
	struct state *s = c->state;

	c->part = NULL;
	if (op->err->code != ERR_NONE) {
		fail(c, op->err);
		return;
	}
	s->bytes = keep_bytes(s, c->artifacts->answer(op));
	c->part = loop_work(c->op.loop, arena_new(call_arena(c)), put_file, on_put, c);
}

static void start_fetch(struct call *c, struct state *s)
{
	s->path = arg_text(c, "path").p ? arg_text(c, "path") : s->name;
	load(c, s, SIZE_MAX, on_fetched);
}

/* --- write --- */

static void save(struct call *c, struct state *s)
{
	struct err err;

	if ((int64_t)s->bytes.n > c->settings->artifacts.max_size) {
		err_set(&err, ERR_TOOL_FAILED, "an artifact may have %lld bytes, this has %zu", (long long)c->settings->artifacts.max_size,
			s->bytes.n);
		call_fail(c, TOOL_NOT_BEGUN, &err);
		return;
	}
	s->save = (struct artifact_save){
		.task = c->req.task,
		.fence = c->req.fence,
		.effect_key = c->req.effect_key,
		.step = c->req.step,
		.name = s->name,
		.media_type = arg_text(c, "media_type"),
		.bytes = s->bytes,
	};
	if (!s->save.media_type.p && arg_text(c, "text").p)
		s->save.media_type = STR("text/plain; charset=utf-8");
	c->part = c->artifacts->save(c->artifacts->arg, arena_new(call_arena(c)), &s->save, c->req.timeout_ms, on_text, c);
}

static void get_file(void *arg)
{
	const struct call *c = arg;
	struct state *s = c->state;
	int root = fs_open_root(&s->job, &s->job.err);

	if (root < 0)
		return;
	if (fs_get(&s->job, root, s->path, (size_t)c->settings->artifacts.max_size, &s->bytes, &s->job.err) == 0)
		s->job.outcome = TOOL_DONE;
	close(root);
}

static void on_got(struct op *op, void *arg)
{
	struct call *c = arg;
	struct state *s = c->state;

	c->part = NULL;
	if (s->job.outcome == TOOL_DONE && op->err->code == ERR_NONE && fs_check_running(&s->job, &s->job.err) == 0)
		save(c, s);
	else
		call_fail(c, TOOL_NOT_BEGUN, s->job.err.code != ERR_NONE ? &s->job.err : op->err);
}

static int check_write(struct call *c, struct state *s, struct err *err)
{
	struct str text = arg_text(c, "text"), base64 = arg_text(c, "base64"), type = arg_text(c, "media_type");

	s->path = arg_text(c, "path");
	if ((text.p != NULL) + (base64.p != NULL) + (s->path.p != NULL) != 1)
		return err_set(err, ERR_TOOL_ARGS, "expected one of \"text\", \"base64\" and \"path\"");
	if (base64.p && !base64_decode(s->job.arena, base64, &s->bytes))
		return err_set(err, ERR_TOOL_ARGS, "argument \"base64\": expected base64 with padding");
	if (text.p)
		s->bytes = text;
	if (type.p && !str_is_media_type(type))
		return err_set(err, ERR_TOOL_ARGS, "argument \"media_type\": expected a type such as text/plain");
	return 0;
}

static void start_write(struct call *c, struct state *s)
{
	struct err err;

	if (check_write(c, s, &err) < 0)
		call_fail(c, TOOL_NOT_BEGUN, &err);
	else if (s->path.p)
		c->part = loop_work(c->op.loop, arena_new(call_arena(c)), get_file, on_got, c);
	else
		save(c, s);
}

static void (*const VERBS[])(struct call *c, struct state *s) = {
	[ARTIFACT_READ] = start_read,
	[ARTIFACT_WRITE] = start_write,
	[ARTIFACT_LIST] = start_list,
	[ARTIFACT_FETCH] = start_fetch,
};

static void start(struct call *c)
{
	struct state *s = ARENA_NEW(call_arena(c), struct state);
	enum artifact_verb verb = c->manifest->u.artifact.verb;
	struct err err;

	fs_job_init(&s->job, c);
	s->name = arg_text(c, "name");
	c->state = s;
	if (!c->artifacts)
		err_set(&err, ERR_TOOL_FAILED, "nothing keeps artifacts here");
	else if (verb != ARTIFACT_LIST && !str_is_name(s->name))
		err_set(&err, ERR_TOOL_ARGS, "argument \"name\": expected 1 to 255 bytes without slashes and control characters");
	else {
		VERBS[verb](c, s);
		return;
	}
	call_fail(c, TOOL_NOT_BEGUN, &err);
}

const struct runner run_artifact = {RUNNER_ARTIFACT, "artifact", start};
