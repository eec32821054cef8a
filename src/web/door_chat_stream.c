/* door_chat_stream.c - an answer as it comes.
 *
 * The head of a stream goes out with its first piece, so that whatever fails before that is an answer with a status. Pieces that come
 * while the client is busy with older ones become one chunk.
 */
#include "web/door_chat.h"

#include <microhttpd.h>
#include <string.h>

#include "base/err.h"
#include "base/loop.h"
#include "config/settings.h"
#include "gateway/gateway.h"
#include "web/connection.h"
#include "web/door_chat_room.h"
#include "web/door_error.h"
#include "web/request.h"
#include "web/server.h"

enum { SLOWEST_BYTES_S = 4096 };

static struct chat *chat_of(const struct request *req)
{
	return (struct chat *)req->call;
}

void door_dress_stream(struct request *req)
{
	reply_add(&req->reply, req->arena, "Cache-Control", "no-cache");
	reply_add(&req->reply, req->arena, "X-Accel-Buffering", "no");	/* no proxy keeps pieces back */
}

static void allow(struct chat *c, size_t bytes)
{
	struct web *w = c->call.web;

	c->until_ms = loop_now_ms(server_loop(w)) + server_settings(w)->web.body_timeout_ms + (int64_t)bytes * 1000 / SLOWEST_BYTES_S;
}

static void renew_deadline(struct chat *c)
{
	struct web *w = c->call.web;
	int64_t left_ms = c->until_ms - loop_now_ms(server_loop(w)), piece_ms = server_settings(w)->web.body_timeout_ms;

	if (left_ms > piece_ms)
		left_ms = piece_ms;
	connection_deadline(server_connections(w), c->call.req->connection, left_ms > 0 ? left_ms : 0);
}

/* The next text to send, if there is one now. */
static void fill(struct chat *c)
{
	buf_reset(&c->out);
	c->sent = 0;
	if (c->in.n) {
		door_write_text(&c->out, &c->head, buf_str(&c->in));
		buf_reset(&c->in);
	}
	if (c->last.n) {
		buf_addstr(&c->out, buf_str(&c->last));
		buf_reset(&c->last);
	}
	allow(c, c->out.n);
}

static ssize_t on_read(void *arg, uint64_t pos, char *to, size_t max)
{
	struct request *req = arg;
	struct chat *c = chat_of(req);
	size_t n;

	(void)pos;
	if (!c || c->call.broken)	/* see events.c why it is not END_WITH_ERROR */
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (c->sent == c->out.n)
		fill(c);
	n = c->out.n - c->sent < max ? c->out.n - c->sent : max;
	if (n > 0) {
		memcpy(to, c->out.p + c->sent, n);
		c->sent += n;
		renew_deadline(c);
		return (ssize_t)n;
	}
	if (c->over)
		return MHD_CONTENT_READER_END_OF_STREAM;
	connection_no_deadline(server_connections(req->web), req->connection);
	request_suspend(req);
	return 0;
}

static struct MHD_Response *make_stream(struct request *req)
{
	return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 4096, on_read, req, NULL);
}

void chat_begin_stream(struct chat *c, const struct model_answer *answer)
{
	struct request *req = c->call.req;

	c->call.begun = true;
	door_write_first(&c->out, &c->head);
	allow(c, c->out.n);
	reply_made(&req->reply, "text/event-stream; charset=utf-8", make_stream);
	door_dress_stream(req);
	door_call_dress(&c->call);
	door_call_name_step(&c->call, answer);
}

/* In a callback of the transfer, which may go on after the client has left. */
void chat_on_text(void *arg, struct str piece)
{
	struct chat *c = arg;

	if (!c->call.req)
		return;
	if (!c->call.begun)
		chat_begin_stream(c, gateway_answer_of(c->call.op));
	buf_addstr(&c->in, piece);
	c->passed += piece.n;
	request_resume(c->call.req);
}

void chat_end_stream(struct chat *c, const struct model_answer *answer, const struct err *err)
{
	struct door_error e;

	if (err->code == ERR_NONE) {
		buf_addstr(&c->in, str_sub(answer->text, c->passed, answer->text.n));	/* wires that have it only now */
		door_write_end(&c->last, &c->head, answer);
	} else {
		e = door_error_of(err);
		door_write_error(&c->last, door_error_text(c->call.arena, &e));
	}
	c->over = true;
	request_resume(c->call.req);
}
