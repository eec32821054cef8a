/* file_whole.c - whole files, piece after piece over the same operations as those who stream them. */
#include "base/arena.h"
#include "base/err.h"
#include "store/artifacts.h"
#include "store/call.h"

struct whole {
	struct op op;			/* first */
	struct store *store;
	struct op *part;
	bool cancelled;			/* said of a part that was over already: no next one begins */
	const struct json *limits;
	int64_t deadline_ms;		/* of each part */
	struct uuid file;
	int nr;
	struct str rest;		/* to be sent */
	struct digest_sum *sum;		/* of what was sent: a whole file at once would hold up the loop */
	int64_t size;
	struct file_saved saved;
	struct arena *got_in;		/* of got alone, so that it can be handed on */
	char *got;
	size_t n, max;			/* of got */
};

static void cancel(struct op *op)
{
	struct whole *w = (struct whole *)op;

	w->cancelled = true;
	op_cancel(w->part);
}

static struct whole *whole_new(struct store *s, struct arena *a, int64_t deadline_ms, op_done_fn *done, void *arg)
{
	struct whole *w = ARENA_NEW(a, struct whole);

	op_init(&w->op, store_loop(s), a, cancel, done, arg);
	w->store = s;
	w->deadline_ms = deadline_ms;
	return w;
}

/* --- to the database --- */

static void on_ended(struct op *op, void *arg)
{
	struct whole *w = arg;

	if (op->err->code == ERR_NONE)
		w->saved.file = files_ended_of(op);
	op_complete(&w->op, op->err);
}

static void on_sent(struct op *op, void *arg);

static void send_next(struct whole *w)
{
	struct str piece = str_sub(w->rest, 0, FILE_CHUNK);

	w->rest = str_sub(w->rest, piece.n, w->rest.n);
	if (piece.n > 0) {
		digest_sum_add(w->sum, piece);
		w->part = files_chunk(w->store, arena_new(NULL), &w->file, w->nr++, piece, w->limits, w->deadline_ms, on_sent, w);
		return;
	}
	digest_sum_end(w->sum, &w->saved.digest);
	w->part = files_end(w->store, arena_new(NULL), &w->file, &w->saved.digest, w->size, w->limits, w->deadline_ms, on_ended, w);
}

static void on_sent(struct op *op, void *arg)
{
	struct whole *w = arg;

	if (op->err->code != ERR_NONE || w->cancelled)
		op_complete(&w->op, op->err);
	else
		send_next(w);
}

struct op *files_save(struct store *s, struct arena *a, struct str bytes, const struct json *limits, int64_t deadline_ms, op_done_fn *done,
		     void *arg)
{
	struct whole *w = whole_new(s, a, deadline_ms, done, arg);

	w->limits = limits;
	w->file = uuid_new();
	w->rest = bytes;
	w->sum = digest_sum_new(a);
	w->size = (int64_t)bytes.n;
	send_next(w);
	return &w->op;
}

const struct file_saved *files_saved_of(const struct op *op)
{
	return &((const struct whole *)op)->saved;
}

/* --- from there --- */

static void on_got(struct op *op, void *arg);

static void get_next(struct whole *w)
{
	if (w->n < w->max)
		w->part = files_read(w->store, arena_new(NULL), &w->file, w->nr++, w->deadline_ms, on_got, w);
	else
		op_complete(&w->op, NULL);
}

static void on_got(struct op *op, void *arg)
{
	struct whole *w = arg;
	struct str piece = op->err->code == ERR_NONE ? files_bytes_of(op) : STR_NONE;
	struct err gone;

	if (op->err->code != ERR_NONE || w->cancelled) {
		op_complete(&w->op, op->err);
	} else if (!piece.p) {
		err_set(&gone, ERR_NOT_FOUND, "the file is gone");
		op_complete(&w->op, &gone);
	} else {
		piece = str_sub(piece, 0, w->max - w->n);
		memcpy(w->got + w->n, piece.p, piece.n);
		w->n += piece.n;
		get_next(w);
	}
}

struct op *files_load(struct store *s, struct arena *a, const struct artifact_found *f, size_t max, int64_t deadline_ms, op_done_fn *done,
		     void *arg)
{
	struct whole *w = whole_new(s, a, deadline_ms, done, arg);

	w->file = f->file;
	w->max = (size_t)f->size < max ? (size_t)f->size : max;
	w->got_in = arena_new(a);
	w->got = arena_alloc(w->got_in, w->max);
	get_next(w);
	return &w->op;
}

struct str files_loaded_of(const struct op *op)
{
	const struct whole *w = (const struct whole *)op;

	return (struct str){w->got, w->n};
}

struct arena *files_loaded_in(const struct op *op)
{
	return ((const struct whole *)op)->got_in;
}
