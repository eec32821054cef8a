/* attempt.c - drives a wire over HTTP, or the wire's own operation, and names what went wrong. */
#include "gateway/attempt.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/http.h"
#include "gateway/request.h"

/* An answer may be whole long before its connection ends: wait this long for the end, so that the
 * connection can be used again. */
enum { LINGER_MS = 500 };

/* Longer answers than this with vectors are read on the thread pool. */
enum { READ_APART = 64 << 10 };

struct attempt {
	struct op op;
	const struct wire *wire;
	const struct wire_request *req;
	struct op *inner;
	void *decoder;
	const struct wire_answer *own;	/* of a wire without HTTP */
	struct loop_timer *linger;	/* made when the answer is whole */
	const struct err *broken;	/* the decoder's; NULL: none */
	struct wire_answer embedded;	/* of texts */
	struct str body;
	struct arena *apart;		/* of the reading */
	struct err read;
	bool began;			/* a byte of the body came */
	size_t passed;			/* bytes of the answer's text that on_text() was given */
	int64_t start_ms;
	struct attempt_result result;
};

static const struct wire_answer no_answer;

const struct attempt_result *attempt_result_of(const struct op *op)
{
	return &((const struct attempt *)op)->result;
}

static void on_cancel(struct op *op)
{
	struct attempt *t = (struct attempt *)op;

	if (t->inner)
		op_cancel(t->inner);
	else
		op_complete(op, NULL);
}

/* Some servers quote the key in their complaint. */
static void hide_key(struct err *err, const char *key)
{
	size_t n = key ? strlen(key) : 0;
	char *at;

	while (n >= 8 && (at = strstr(err->msg, key))) {
		memset(at, '*', 3);
		memmove(at + 3, at + n, strlen(at + n) + 1);
	}
}

static void end(struct attempt *t, const struct err *err)
{
	struct err clean = *err;

	hide_key(&clean, t->req->endpoint->key);
	op_complete(&t->op, &clean);
}

/* --- over HTTP --- */

static void free_timer(void *timer)
{
	loop_timer_free(timer);
}

static void on_linger(void *arg)
{
	struct attempt *t = arg;

	op_cancel(t->inner);
}

static void pass_on(struct attempt *t)
{
	struct str text;

	if (!t->req->on_text)
		return;
	text = t->wire->answer(t->decoder)->text;
	if (text.n <= t->passed)
		return;
	t->req->on_text(t->req->text_arg, str_sub(text, t->passed, text.n));
	t->passed = text.n;
}

static int on_data(void *arg, struct str bytes)
{
	struct attempt *t = arg;
	struct err err;

	t->began = true;
	if (t->wire->piece(t->decoder, bytes, &err) < 0) {
		t->broken = arena_dup(t->op.arena, &err, sizeof err);
		return -1;
	}
	pass_on(t);
	if (t->wire->is_complete(t->decoder) && !t->linger) {
		t->linger = loop_timer_new(t->op.loop, on_linger, t);
		arena_defer(t->op.arena, free_timer, t->linger);
		loop_timer_set(t->linger, LINGER_MS);
	}
	return 0;
}

/* What a transfer that did not end well means for the question. */
static void judge_transfer(const struct attempt *t, const struct http_result *r, const struct err *from, struct err *err)
{
	switch (from->code) {
	case ERR_TIMEOUT:
		err_set(err, ERR_MODEL_TIMEOUT, "%s", from->msg);
		return;
	case ERR_SIZE:
		err_set(err, ERR_MODEL_OVERSIZE, "%s", from->msg);
		return;
	case ERR_NETWORK:
		if (t->began)
			err_set(err, ERR_MODEL_TRUNCATED_STREAM, "the answer broke off: %s", from->msg);
		else
			err_set(err, ERR_MODEL_NETWORK, "%s", from->msg);
		err->retryable = from->retryable;
		break;
	default:	/* a URL or a header that cannot be */
		err_set(err, ERR_MODEL_NOT_FOUND, "%s", from->msg);
	}
	err->status = r->status;
}

static void judge(struct attempt *t, const struct http_result *r, const struct err *from, struct err *err)
{
	err_clear(err);
	if (t->broken)
		*err = *t->broken;
	else if (r->status >= 300 && from->code != ERR_SIZE)
		t->wire->refused(t->op.arena, r, err);
	else if (from->code != ERR_NONE && !t->wire->is_complete(t->decoder))
		judge_transfer(t, r, from, err);
	else
		t->wire->end(t->decoder, err);
	if (err->code != ERR_NONE && err->status == 0)
		err->status = r->status;
}

static struct str header_id(struct attempt *t, const struct http_result *r)
{
	static const char *const names[] = {"x-request-id", "x-generation-id", "request-id"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct str id = str_clip(http_header_get(r, names[i]), 200);

		if (id.n > 0 && utf8_valid(id))
			return str_dup(t->op.arena, id);
	}
	return STR("");
}

static void keep_result(struct attempt *t, const struct http_result *r)
{
	t->result.request_id = header_id(t, r);
	t->result.http_status = r->status;
	t->result.sent = r->sent;
	t->result.first_byte_ms = r->first_byte_ms;
	t->result.total_ms = r->total_ms;
}

static void on_http_done(struct op *op, void *arg)
{
	struct attempt *t = arg;
	const struct http_result *r = http_result_of(op);
	struct err err;

	if (t->linger)
		loop_timer_clear(t->linger);
	judge(t, r, op->err, &err);
	t->inner = NULL;
	keep_result(t, r);
	t->result.answer = t->wire->answer(t->decoder);
	if (t->result.answer->request_id.n > 0)
		t->result.request_id = t->result.answer->request_id;
	end(t, &err);
}

/* --- embeddings: a whole document --- */

static void end_embedded(struct attempt *t, const struct err *err)
{
	t->result.answer = &t->embedded;
	if (t->embedded.request_id.n > 0)
		t->result.request_id = t->embedded.request_id;
	end(t, err);
}

static void read_apart(void *arg)
{
	struct attempt *t = arg;

	err_clear(&t->read);
	t->wire->embedded(t->apart, t->req, t->body, &t->embedded, &t->read);
}

static void on_read(struct op *op, void *arg)
{
	struct attempt *t = arg;

	struct err err = op->err->code == ERR_NONE ? t->read : *op->err;

	t->inner = NULL;
	if (err.code != ERR_NONE && err.status == 0)
		err.status = t->result.http_status;
	end_embedded(t, &err);
}

static void read_embedded(struct attempt *t, struct str body)
{
	t->apart = arena_new(t->op.arena);
	t->body = str_dup(t->apart, body);	/* the transfer's goes with it */
	if (body.n > READ_APART) {
		t->inner = loop_work(t->op.loop, arena_new(NULL), read_apart, on_read, t);
		return;
	}
	read_apart(t);
	if (t->read.code != ERR_NONE && t->read.status == 0)
		t->read.status = t->result.http_status;
	end_embedded(t, &t->read);
}

static void on_embedded(struct op *op, void *arg)
{
	struct attempt *t = arg;
	const struct http_result *r = http_result_of(op);
	struct err err;

	t->inner = NULL;
	t->began = r->status > 0 && r->status < 300 && r->body.n > 0;
	keep_result(t, r);
	err_clear(&err);
	if (r->status >= 300 && op->err->code != ERR_SIZE)
		t->wire->refused(t->op.arena, r, &err);
	else if (op->err->code != ERR_NONE)
		judge_transfer(t, r, op->err, &err);
	if (err.code == ERR_NONE) {
		read_embedded(t, r->body);
		return;
	}
	if (err.status == 0)
		err.status = r->status;
	end_embedded(t, &err);
}

static int64_t within(int64_t limit_ms, int64_t total_ms)
{
	return limit_ms > 0 && limit_ms < total_ms ? limit_ms : total_ms;
}

static void start_http(struct attempt *t, struct http *h, int64_t total_ms)
{
	const struct routing_timeouts *limits = &t->req->endpoint->provider->timeouts;
	struct http_request req = {
		.connect_ms = within(limits->connect_ms, total_ms),
		.first_byte_ms = within(limits->first_byte_ms, total_ms),
		.idle_ms = within(limits->idle_ms, total_ms),
		.total_ms = within(limits->total_ms, total_ms),
	};
	struct arena *scratch = arena_new(NULL);	/* the transfer copies what it needs */
	bool embeds = t->req->n_texts > 0;
	struct err err;
	int status;

	if (embeds) {
		status = t->wire->embed(scratch, t->req, &req, &err);
	} else {
		t->decoder = t->wire->decoder(t->op.arena, t->req);
		req.on_data = on_data;
		req.data_arg = t;
		status = t->wire->request(scratch, t->req, &req, &err);
	}
	if (status == 0)
		t->inner = http_start(h, arena_new(t->op.arena), &req, NULL, embeds ? on_embedded : on_http_done, t);
	else
		end(t, &err);
	arena_free(scratch);
}

/* --- a wire of its own --- */

static void on_own_done(struct op *op, void *arg)
{
	struct attempt *t = arg;
	struct wire_answer *kept = ARENA_NEW(t->op.arena, struct wire_answer);

	t->inner = NULL;
	*kept = *t->own;
	kept->text = str_dup(t->op.arena, kept->text);
	kept->model = str_dup(t->op.arena, kept->model);
	kept->calls = tool_calls_copy(t->op.arena, kept->calls, kept->n_calls);
	kept->request_id = str_dup(t->op.arena, kept->request_id);
	t->result.answer = kept;
	t->result.request_id = kept->request_id;
	t->result.total_ms = loop_now_ms(t->op.loop) - t->start_ms;
	t->result.first_byte_ms = t->result.total_ms;
	end(t, op->err);
}

struct op *attempt_start(struct loop *l, struct http *h, struct arena *arena, const struct wire_request *req,
			 int64_t total_ms, op_done_fn *done, void *arg)
{
	struct attempt *t = ARENA_NEW(arena, struct attempt);

	op_init(&t->op, l, arena, on_cancel, done, arg);
	t->wire = wire_of(req->endpoint->provider->wire);
	t->req = req;
	t->start_ms = loop_now_ms(l);
	t->result.answer = &no_answer;
	if (t->wire->start)
		t->inner = t->wire->start(l, arena_new(arena), req, &t->own, on_own_done, t);
	else
		start_http(t, h, total_ms);
	return &t->op;
}
