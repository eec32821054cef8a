/* download.c - see download.h. */
#include "web/download.h"

#include <inttypes.h>
#include <microhttpd.h>
#include <string.h>

#include "base/arena.h"
#include "config/settings.h"
#include "store/artifacts.h"
#include "web/auth.h"
#include "web/connection.h"
#include "web/head.h"
#include "web/range.h"
#include "web/request.h"
#include "web/route.h"
#include "web/server.h"

enum { BLOCK = 16 * 1024 };

struct download {
	struct uuid file;
	uint64_t first, n;		/* the part of it that is sent */
	int nr;				/* of the piece */
	struct arena *arena;		/* of the piece; NULL: there is none */
	struct str piece;
	bool broken;
};

/* --- the bytes --- */

static void on_piece(struct op *op, void *arg)
{
	struct request *req = arg;
	struct download *d = req->download;
	struct str bytes = op->err->code == ERR_NONE ? files_bytes_of(op) : STR_NONE;

	req->op = NULL;
	if (!req->gone) {
		d->broken = d->broken || !bytes.p;
		d->arena = arena_new(req->arena);
		d->piece = str_dup(d->arena, bytes);
		connection_deadline(server_connections(req->web), req->connection, server_settings(req->web)->web.body_timeout_ms);
		request_resume(req);
	}
	request_unref(req);
}

static void fetch(struct request *req, int nr)
{
	struct download *d = req->download;

	arena_free(d->arena);
	d->arena = NULL;
	d->piece = STR_NONE;
	d->nr = nr;
	request_ref(req);
	request_suspend(req);
	connection_no_deadline(server_connections(req->web), req->connection);
	req->op = files_read(server_store(req->web), arena_new(NULL), &d->file, nr, STORE_DEADLINE_MS, on_piece, req);
}

static ssize_t on_read(void *arg, uint64_t at, char *to, size_t max)
{
	struct request *req = arg;
	struct download *d = req->download;
	uint64_t place = d->first + at;
	int nr = (int)(place / FILE_CHUNK);
	size_t from = (size_t)(place % FILE_CHUNK);
	struct str part;

	if (d->broken || server_ended(req->web))
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (!d->piece.p || d->nr != nr) {
		fetch(req, nr);
		return 0;
	}
	part = str_sub(d->piece, from, max < d->n - at ? max : (size_t)(d->n - at));
	if (part.n == 0)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	memcpy(to, part.p, part.n);
	return (ssize_t)part.n;
}

static struct MHD_Response *make(struct request *req)
{
	return MHD_create_response_from_callback(req->download->n, BLOCK, on_read, req, NULL);
}

static void on_token_over(struct request *req)
{
	req->download->broken = true;
}

/* --- the head --- */

static bool is_plain(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '-' || c == '_';
}

const char *download_disposition(struct arena *a, struct str name)
{
	struct buf b;

	buf_init(&b, a);
	buf_adds(&b, "attachment; filename=\"");
	for (size_t i = 0; i < name.n; i++)
		if (((unsigned char)name.p[i] & 0xc0) != 0x80)	/* one for a character */
			buf_addc(&b, is_plain((unsigned char)name.p[i]) ? name.p[i] : '_');
	buf_adds(&b, "\"; filename*=UTF-8''");
	for (size_t i = 0; i < name.n; i++)
		if (is_plain((unsigned char)name.p[i]))
			buf_addc(&b, name.p[i]);
		else
			buf_addf(&b, "%%%02X", (unsigned)(unsigned char)name.p[i]);
	return buf_cstr(&b);
}

/* "*", or a list of tags, weak or strong. */
static bool matches(const char *header, const char *tag)
{
	return header && (strcmp(header, "*") == 0 || strstr(header, tag));
}

/* With If-Range, a part only of the file that the client has the beginning of; it has no date that could stand there. */
static enum range wanted(const struct request *req, const char *tag, uint64_t size, uint64_t *ret_first, uint64_t *ret_n)
{
	const char *own = head_get(req, "If-Range"), *range = head_get(req, "Range");

	*ret_first = 0;
	*ret_n = size;
	return range_read(own && strcmp(own, tag) != 0 ? NULL : range, size, ret_first, ret_n);
}

static void on_found(struct request *req, struct op *op)
{
	const struct artifact_found *f;
	enum range which;
	uint64_t first, n;
	const char *tag;
	char hex[65];

	if (op->err->code != ERR_NONE) {
		reply_err(&req->reply, req->arena, op->err);
		return;
	}
	f = artifacts_found_of(op);
	digest_hex(&f->digest, hex);
	tag = arena_printf(req->arena, "\"%s\"", hex);
	if (matches(head_get(req, "If-None-Match"), tag)) {
		reply_empty(&req->reply);
		req->reply.status = 304;
		reply_add(&req->reply, req->arena, "ETag", tag);
		return;
	}
	which = wanted(req, tag, (uint64_t)f->size, &first, &n);
	if (which == RANGE_UNSATISFIABLE) {
		reply_problem(&req->reply, req->arena, 416, "range", "the file has %" PRId64 " bytes", f->size);
		reply_add(&req->reply, req->arena, "Content-Range", arena_printf(req->arena, "bytes */%" PRId64, f->size));
		return;
	}
	req->download = ARENA_NEW(req->arena, struct download);
	*req->download = (struct download){.file = f->file, .first = first, .n = n};
	request_hold(req, auth_unwatch);
	auth_watch(req, on_token_over);
	reply_made(&req->reply, str_cstr(req->arena, f->media_type), make);
	if (which == RANGE_PART) {
		req->reply.status = 206;
		reply_add(&req->reply, req->arena, "Content-Range",
			  arena_printf(req->arena, "bytes %" PRIu64 "-%" PRIu64 "/%" PRId64, first, first + n - 1, f->size));
	}
	reply_add(&req->reply, req->arena, "Accept-Ranges", "bytes");
	reply_add(&req->reply, req->arena, "ETag", tag);
	reply_add(&req->reply, req->arena, "Content-Disposition", download_disposition(req->arena, f->name));
}

static void find(struct request *req, const struct uuid *id, const struct uuid *task)
{
	req->op = artifacts_find(server_store(req->web), arena_new(NULL), id, task, req->name, &req->by, STORE_DEADLINE_MS, request_done,
				 request_call(req, on_found));
}

void api_artifact_of_task(struct request *req)
{
	struct uuid *task = ARENA_NEW(req->arena, struct uuid);

	if (request_no_params(req) == 0 && api_task_id(req, task) == 0)
		find(req, NULL, task);
}

void api_artifact_get(struct request *req)
{
	struct uuid *id = ARENA_NEW(req->arena, struct uuid);

	if (request_no_params(req) < 0)
		return;
	if (uuid_parse(req->id, id))
		find(req, id, NULL);
	else
		reply_problem(&req->reply, req->arena, 404, "not_found", "no artifact \"" STR_FMT "\"", STR_ARG(req->id));
}
