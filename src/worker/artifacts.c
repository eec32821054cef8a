/* artifacts.c - see artifacts.h. Each op is one or two of the store. */
#include "worker/artifacts.h"

#include "base/arena.h"
#include "config/settings.h"
#include "store/artifacts.h"
#include "store/store.h"
#include "store/tasks.h"
#include "tools/artifact.h"

struct source {
	struct artifact_port port;
	struct loop *loop;
	struct store *store;
	const struct json *limits;
};

struct work {
	struct op op;			/* first */
	struct source *source;
	struct op *part;
	bool cancelled;			/* said of a part that was over already: no next one begins */
	int64_t deadline_ms;		/* of each part */
	const struct artifact_save *save;
	struct artifact_new artifact;
	struct artifact_maker maker;
	struct artifact_found found;
	size_t max;
	struct artifact_answer answer;
};

static const struct principal everybody = {.sees_all = true};

static void cancel(struct op *op)
{
	struct work *w = (struct work *)op;

	w->cancelled = true;
	op_cancel(w->part);
}

static struct work *work_new(struct source *s, struct arena *a, int64_t deadline_ms, op_done_fn *done, void *user)
{
	struct work *w = ARENA_NEW(a, struct work);

	op_init(&w->op, s->loop, a, cancel, done, user);
	w->source = s;
	w->deadline_ms = deadline_ms;
	return w;
}

static void on_text(struct op *op, void *arg)
{
	struct work *w = arg;

	if (op->err->code == ERR_NONE)
		w->answer.text = str_dup(w->op.arena, artifacts_text_of(op));
	op_complete(&w->op, op->err);
}

static struct op *list(void *arg, struct arena *a, const struct uuid *task, int64_t deadline_ms, op_done_fn *done, void *user)
{
	struct work *w = work_new(arg, a, deadline_ms, done, user);

	w->part = artifacts_list(w->source->store, arena_new(NULL), task, &everybody, deadline_ms, on_text, w);
	return &w->op;
}

static void on_loaded(struct op *op, void *arg)
{
	struct work *w = arg;

	if (op->err->code == ERR_NONE) {
		w->answer.bytes = files_loaded_of(op);
		w->answer.bytes_in = files_loaded_in(op);
		arena_move(w->answer.bytes_in, w->op.arena);
	}
	op_complete(&w->op, op->err);
}

static void on_found(struct op *op, void *arg)
{
	struct work *w = arg;

	if (op->err->code != ERR_NONE || w->cancelled) {
		op_complete(&w->op, op->err);
		return;
	}
	w->found = *artifacts_found_of(op);
	w->answer.size = w->found.size;
	w->answer.media_type = str_dup(w->op.arena, w->found.media_type);
	w->part = files_load(w->source->store, arena_new(NULL), &w->found, w->max, w->deadline_ms, on_loaded, w);
}

static struct op *load(void *arg, struct arena *a, const struct uuid *task, struct str name, size_t max, int64_t deadline_ms,
		       op_done_fn *done, void *user)
{
	struct work *w = work_new(arg, a, deadline_ms, done, user);

	w->max = max;
	w->part = artifacts_find(w->source->store, arena_new(NULL), NULL, task, name, &everybody, deadline_ms, on_found, w);
	return &w->op;
}

static void on_saved(struct op *op, void *arg)
{
	struct work *w = arg;

	if (op->err->code != ERR_NONE || w->cancelled) {
		op_complete(&w->op, op->err);
		return;
	}
	w->artifact = (struct artifact_new){
		.id = uuid_new(), .name = w->save->name, .media_type = w->save->media_type, .file = files_saved_of(op)->file};
	w->maker = (struct artifact_maker){w->save->task, w->save->fence, w->save->step, w->save->effect_key};
	w->part = artifacts_write(w->source->store, arena_new(NULL), &w->maker, &w->artifact, w->source->limits, w->deadline_ms, on_text, w);
}

static struct op *save(void *arg, struct arena *a, const struct artifact_save *s, int64_t deadline_ms, op_done_fn *done, void *user)
{
	struct work *w = work_new(arg, a, deadline_ms, done, user);

	w->save = s;
	w->part = files_save(w->source->store, arena_new(NULL), s->bytes, w->source->limits, deadline_ms, on_saved, w);
	return &w->op;
}

static const struct artifact_answer *answer(const struct op *op)
{
	return &((const struct work *)op)->answer;
}

const struct artifact_port *artifacts_port(struct arena *a, struct loop *l, struct store *s, const struct settings *settings)
{
	struct source *src = ARENA_NEW(a, struct source);

	src->loop = l;
	src->store = s;
	src->limits = settings_artifact_limits(a, settings);
	src->port = (struct artifact_port){src, list, load, save, answer};
	return &src->port;
}
