/* intake.c - see intake.h. Pieces wait in a queue: many small files may end within what was read at once. */
#include "web/intake.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/json.h"
#include "config/settings.h"
#include "web/connection.h"
#include "web/request.h"
#include "web/server.h"

struct piece {
	struct arena *arena;
	struct intake_file *file;
	struct str bytes;		/* STR_NONE: the file's end */
	int nr;
	struct piece *next;
};

struct intake {
	struct request *req;
	const struct json *limits;
	struct intake_file *first;	/* sorted by name */
	size_t n;
	struct intake_file *current;
	struct digest_sum *sum;		/* of current */
	int nr;
	struct piece *filling;		/* bytes of current that do not make a piece yet; NULL: none */
	struct buf fill;		/* its bytes */
	struct piece *head, **tail;
	bool writing;
	void (*then)(struct request *req);
};

/* Nothing came of it: what was sent would fill the room of all files until the sweeper finds it. */
static void discard(struct request *req)
{
	struct intake *in = req->intake;
	struct file_sent *v = ARENA_ARRAY(req->arena, in->n + 1, struct file_sent);
	int status = req->reply.status;
	size_t n = 0;

	if (status >= 200 && status < 300 && !req->reply.replayed)
		return;
	for (const struct intake_file *f = in->first; f; f = f->next)
		if (uuid_eq(&f->sent, &f->artifact.file))
			v[n++] = (struct file_sent){f->sent, f->whole_ms ? clock_boot_ms() - f->whole_ms : -1};
	if (n)
		files_discard(server_store(req->web), v, n);
}

struct intake *intake_new(struct request *req)
{
	struct intake *in = ARENA_NEW(req->arena, struct intake);

	in->req = req;
	in->limits = settings_artifact_limits(req->arena, server_settings(req->web));
	in->tail = &in->head;
	request_hold(req, discard);
	return in;
}

static bool failed(const struct intake *in)
{
	return in->req->reply.status != 0;
}

/* --- what comes --- */

void intake_file(struct intake *in, struct str name, struct str media_type)
{
	struct intake_file *f = ARENA_NEW(in->req->arena, struct intake_file), **at = &in->first;
	int max = server_settings(in->req->web)->artifacts.max_files;

	if (failed(in))
		return;
	if (in->n == (size_t)max) {
		reply_problem(&in->req->reply, in->req->arena, 413, "too_large", "a task may have %d artifacts", max);
		return;
	}
	in->n++;
	f->artifact = (struct artifact_new){.id = uuid_new(), .name = str_dup(in->req->arena, name), .file = uuid_new()};
	f->sent = f->artifact.file;
	if (media_type.p)
		f->artifact.media_type = str_dup(in->req->arena, media_type);
	while (*at && str_cmp((*at)->artifact.name, name) < 0)
		at = &(*at)->next;
	f->next = *at;
	*at = f;
	in->current = f;
	in->sum = digest_sum_new(in->req->arena);
	in->nr = 0;
}

static struct piece *piece_new(struct intake *in)
{
	struct arena *a = arena_new(in->req->arena);
	struct piece *p = ARENA_NEW(a, struct piece);

	p->arena = a;
	p->file = in->current;
	p->nr = in->nr++;
	return p;
}

static void enqueue(struct intake *in, struct piece *p)
{
	*in->tail = p;
	in->tail = &p->next;
}

static void enqueue_filled(struct intake *in)
{
	in->filling->bytes = buf_str(&in->fill);
	enqueue(in, in->filling);
	in->filling = NULL;
}

void intake_bytes(struct intake *in, struct str bytes)
{
	int64_t max = server_settings(in->req->web)->artifacts.max_size;

	if (failed(in))
		return;
	in->current->size += (int64_t)bytes.n;
	if (in->current->size > max) {
		reply_problem(&in->req->reply, in->req->arena, 413, "too_large", "a file may have %lld bytes", (long long)max);
		return;
	}
	digest_sum_add(in->sum, bytes);
	while (bytes.n) {
		struct str part;

		if (!in->filling) {
			in->filling = piece_new(in);
			buf_init(&in->fill, in->filling->arena);
		}
		part = str_sub(bytes, 0, FILE_CHUNK - in->fill.n);
		buf_add(&in->fill, part.p, part.n);
		bytes = str_sub(bytes, part.n, bytes.n);
		if (in->fill.n == FILE_CHUNK)
			enqueue_filled(in);
	}
}

void intake_file_end(struct intake *in)
{
	if (failed(in))
		return;
	if (in->filling)
		enqueue_filled(in);
	digest_sum_end(in->sum, &in->current->artifact.digest);
	enqueue(in, piece_new(in));
	in->current = NULL;
}

/* --- on to the database --- */

static void on_written(struct request *req, struct op *op);

static void write_next(struct intake *in)
{
	struct request *req = in->req;
	struct store *s = server_store(req->web);
	struct piece *p = in->head;
	struct intake_file *f = p->file;
	void *call = request_call(req, on_written);

	in->writing = true;
	connection_no_deadline(server_connections(req->web), req->connection);
	if (p->bytes.p)
		req->op = files_chunk(s, arena_new(NULL), &f->artifact.file, p->nr, p->bytes, in->limits, STORE_DEADLINE_MS, request_done, call);
	else
		req->op = files_end(s, arena_new(NULL), &f->artifact.file, &f->artifact.digest, f->size, in->limits, STORE_DEADLINE_MS, request_done, call);
}

static void on_written(struct request *req, struct op *op)
{
	struct intake *in = req->intake;
	struct piece *p = in->head;

	in->writing = false;
	if (req->phase == REQ_BODY)
		connection_deadline(server_connections(req->web), req->connection, server_settings(req->web)->web.body_timeout_ms);
	if (op->err->code != ERR_NONE) {
		reply_err(&req->reply, req->arena, op->err);
		return;
	}
	if (!p->bytes.p) {
		p->file->artifact.file = files_ended_of(op);
		p->file->whole_ms = clock_boot_ms();
	}
	in->head = p->next;
	if (!in->head)
		in->tail = &in->head;
	arena_free(p->arena);
	intake_pump(in);
}

void intake_pump(struct intake *in)
{
	if (failed(in) || in->writing)
		return;
	if (in->head)
		write_next(in);
	else if (in->then)
		in->then(in->req);
}

void intake_finish(struct intake *in, void (*then)(struct request *req))
{
	in->then = then;
	intake_pump(in);
}

const struct intake_file *intake_first(const struct intake *in)
{
	return in->first;
}

size_t intake_count(const struct intake *in)
{
	return in->n;
}

const struct json *intake_limits(const struct intake *in)
{
	return in->limits;
}
