/* door_chat.c - see door_chat.h.
 *
 * The head of a stream goes out with its first piece, so that whatever fails before that is an answer with a status. Pieces that come
 * while the client is busy with older ones become one chunk.
 */
#include "web/door_chat.h"

#include <microhttpd.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "config/routing.h"
#include "config/settings.h"
#include "gateway/gateway.h"
#include "gateway/record.h"
#include "store/queue.h"
#include "store/store.h"
#include "web/auth.h"
#include "web/connection.h"
#include "web/door.h"
#include "web/door_ask.h"
#include "web/door_error.h"
#include "web/door_write.h"
#include "web/request.h"
#include "web/route.h"
#include "web/server.h"

enum { SLOWEST_BYTES_S = 4096 };

struct chat {
	struct arena *arena;		/* its own */
	struct door *door;
	struct web *web;
	struct request *req;		/* NULL: the client has its answer, or has gone */
	struct op *op;			/* NULL: over */
	int refs;			/* the request, and the question until it is settled */
	struct door_head head;
	bool stream;
	struct str ignored;

	bool begun;			/* the head of a stream is on its way */
	bool broken;			/* nobody reads it any more */
	bool over;			/* nothing is written to in or out any more */
	struct buf in;			/* text that came and is in no chunk yet */
	size_t passed;			/* bytes of text that came in pieces */
	struct buf last;		/* the end of the stream */
	struct buf out;			/* what is being sent */
	size_t sent;			/* of out */
	int64_t until_ms;		/* when what is being sent must be over */

	struct move settling;
	struct model_call record;
};

/* --- its life --- */

static void chat_unref(struct chat *c)
{
	struct door *d = c->door;
	struct web *w = c->web;

	if (--c->refs > 0)
		return;
	arena_free(c->arena);
	door_leave(d);
	server_unref(w);
}

/* request_release(): the request ends, or has all that it will get from here. */
static void leave(struct request *req)
{
	struct chat *c = req->chat;

	req->chat = NULL;
	c->req = NULL;
	auth_unwatch(req);
	if (c->op)
		op_cancel(c->op);
	chat_unref(c);
}

static void on_left(struct request *req)
{
	struct chat *c = req->chat;

	if (c->begun) {
		c->broken = true;
		request_resume(req);
		return;
	}
	request_release(req);
	reply_problem(&req->reply, req->arena, 408, "timeout", "the client has gone");
	req->reply.close = true;
	request_resume(req);
}

/* A stream that was begun ends without [DONE]. */
static void on_token_over(struct request *req)
{
	bool begun = req->chat->begun;

	request_release(req);
	if (!begun)
		auth_refuse(req, "the token is unknown, expired or revoked");
	request_resume(req);
}

/* --- headers --- */

void door_name_ignored(struct request *req, const struct door_ask *ask)
{
	if (ask->ignored.n)
		reply_add(&req->reply, req->arena, "x-agentd-ignored", str_cstr(req->arena, ask->ignored));
}

void door_dress_stream(struct request *req)
{
	reply_add(&req->reply, req->arena, "Cache-Control", "no-cache");
	reply_add(&req->reply, req->arena, "X-Accel-Buffering", "no");	/* no proxy keeps pieces back */
}

static void dress(struct chat *c)
{
	struct request *req = c->req;
	char *id = arena_alloc(req->arena, 37);

	uuid_format(&c->head.id, id);
	reply_add(&req->reply, req->arena, "x-request-id", id);
	if (c->ignored.n)
		reply_add(&req->reply, req->arena, "x-agentd-ignored", str_cstr(req->arena, c->ignored));
}

static void name_step(struct chat *c, const struct model_answer *answer)
{
	struct request *req = c->req;

	reply_add(&req->reply, req->arena, "x-agentd-route", str_cstr(req->arena, c->head.model));
	if (answer->model.p)
		reply_add(&req->reply, req->arena, "x-agentd-step", str_cstr(req->arena, answer->model));
}

/* --- a stream --- */

static void allow(struct chat *c, size_t bytes)
{
	c->until_ms = loop_now_ms(server_loop(c->web)) + server_settings(c->web)->web.body_timeout_ms + (int64_t)bytes * 1000 / SLOWEST_BYTES_S;
}

static void renew_deadline(struct chat *c)
{
	int64_t left_ms = c->until_ms - loop_now_ms(server_loop(c->web)), piece_ms = server_settings(c->web)->web.body_timeout_ms;

	if (left_ms > piece_ms)
		left_ms = piece_ms;
	connection_deadline(server_connections(c->web), c->req->connection, left_ms > 0 ? left_ms : 0);
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
	struct chat *c = req->chat;
	size_t n;

	(void)pos;
	if (!c || c->broken)	/* see events.c why it is not END_WITH_ERROR */
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

static void begin_stream(struct chat *c, const struct model_answer *answer)
{
	struct request *req = c->req;

	c->begun = true;
	door_write_first(&c->out, &c->head);
	allow(c, c->out.n);
	reply_made(&req->reply, "text/event-stream; charset=utf-8", make_stream);
	door_dress_stream(req);
	dress(c);
	name_step(c, answer);
}

/* In a callback of the transfer, which may go on after the client has left. */
static void on_text(void *arg, struct str piece)
{
	struct chat *c = arg;

	if (!c->req)
		return;
	if (!c->begun)
		begin_stream(c, gateway_answer_of(c->op));
	buf_addstr(&c->in, piece);
	c->passed += piece.n;
	request_resume(c->req);
}

static void end_stream(struct chat *c, const struct model_answer *answer, const struct err *err)
{
	struct door_error e;

	if (err->code == ERR_NONE) {
		buf_addstr(&c->in, str_sub(answer->text, c->passed, answer->text.n));	/* wires that have it only now */
		door_write_end(&c->last, &c->head, answer);
	} else {
		e = door_error_of(err);
		door_write_error(&c->last, door_error_text(c->arena, &e));
	}
	c->over = true;
	request_resume(c->req);
}

/* --- the answer --- */

static void answer_whole(struct chat *c, const struct model_answer *answer)
{
	struct request *req = c->req;
	char cost[40];
	struct buf b;

	buf_init(&b, req->arena);
	door_write_whole(&b, &c->head, answer);
	reply_json(&req->reply, 200, buf_str(&b));
	dress(c);
	name_step(c, answer);
	money_format(answer->cost_pusd, cost);
	reply_add(&req->reply, req->arena, "x-agentd-cost-usd", arena_strdup(req->arena, cost));
}

static void refuse(struct chat *c, const struct err *err)
{
	struct door_error e = door_error_of(err);

	door_refuse(c->req, &e);
	dress(c);
}

static void tell(struct chat *c, const struct model_answer *answer, const struct err *err)
{
	struct request *req = c->req;

	if (!req)
		return;
	if (c->stream && !c->begun && err->code == ERR_NONE)
		begin_stream(c, answer);
	if (c->begun) {
		end_stream(c, answer, err);
		return;
	}
	if (err->code == ERR_NONE)
		answer_whole(c, answer);
	else
		refuse(c, err);
	request_release(req);
	request_resume(req);
}

static void on_settled(void *arg, const struct move_result *r)
{
	(void)r;	/* what the database does not take is logged by the store */
	chat_unref(arg);
}

static void settle(struct chat *c, const struct model_answer *answer)
{
	if (answer->n_calls == 0 || door_is_closed(c->door)) {
		chat_unref(c);
		return;
	}
	c->record = record_copy(c->arena, answer->calls);
	c->settling.calls = &c->record;
	c->settling.n_calls = 1;
	queue_commit(server_store(c->web), &c->settling, on_settled, c);
}

static void on_answer(struct op *op, void *arg)
{
	const struct model_answer *answer = gateway_answer_of(op);
	struct chat *c = arg;

	c->op = NULL;
	tell(c, answer, op->err);
	settle(c, answer);
}

/* --- the question --- */

/* What conditions of routing see in the place of a task. */
static const struct json *facts_of(struct request *req, const struct uuid *id)
{
	struct json_builder b;
	char text[37], at[32];

	uuid_format(id, text);
	time_format(clock_wall_us(), at);
	json_object_begin(&b, req->arena);
	json_object_setc(&b, "id", json_stringc(req->arena, text));
	json_object_setc(&b, "workflow", json_null());
	json_object_setc(&b, "bundle", json_null());
	json_object_setc(&b, "urgency", json_stringc(req->arena, "normal"));
	json_object_setc(&b, "labels", json_empty_object());
	json_object_setc(&b, "created_at", json_stringc(req->arena, at));
	json_object_setc(&b, "submitted_by", json_string(req->arena, req->by.name));
	json_object_setc(&b, "parent", json_null());
	return json_object_end(&b);
}

static struct chat *chat_new(struct request *req, const struct door_ask *ask)
{
	struct arena *a = arena_new(NULL);
	struct chat *c = ARENA_NEW(a, struct chat);

	c->arena = a;
	c->door = server_door(req->web);
	c->web = req->web;
	c->req = req;
	c->refs = 2;
	c->head = (struct door_head){
		.id = uuid_new(), .created_s = clock_wall_us() / 1000000, .model = str_dup(a, ask->model), .usage = ask->include_usage};
	c->stream = ask->stream;
	c->ignored = str_dup(a, ask->ignored);
	buf_init(&c->in, a);
	buf_init(&c->last, a);
	buf_init(&c->out, a);
	c->settling = (struct move){.task = c->head.id, .token = str_dup(a, req->by.name)};
	server_ref(c->web);
	req->chat = c;
	return c;
}

static void start(struct request *req, const struct door_ask *ask)
{
	struct model_request question = {
		.path = STR("chat"),
		.tier = ask->model,
		.messages = ask->messages,
		.n_messages = ask->n_messages,
		.tools = ask->tools,
		.n_tools = ask->n_tools,
		.output = ask->output,
		.max_output = ask->max_output,
		.temperature = ask->temperature,
	};
	struct chat *c;

	if (door_enter(req) < 0)
		return;
	c = chat_new(req, ask);
	question.task = c->head.id;
	question.token = c->settling.token;
	question.facts = facts_of(req, &c->head.id);
	if (ask->stream) {
		question.on_text = on_text;
		question.text_arg = c;
	}
	request_suspend(req);
	request_hold(req, leave);
	request_watch(req, on_left);
	auth_watch(req, on_token_over);
	c->op = gateway_call(door_gateway(c->door), arena_new(NULL), &question, on_answer, c);
}

void door_unknown_model(struct request *req, struct str model)
{
	struct door_error e = {.status = 404, .type = "invalid_request_error", .code = "model_not_found", .param = "model"};

	e.message = str_from(arena_printf(req->arena, "no model \"" STR_FMT "\": GET /v1/models lists them", STR_ARG(str_clip(model, 100))));
	door_refuse(req, &e);
}

static int read_ask(struct request *req, struct door_ask *ask)
{
	struct door_fault fault;
	struct door_error e;
	const struct json *body;
	struct err err;

	if (request_no_params(req) < 0)
		return -1;
	body = request_json(req, &err);
	if (!body) {
		e = door_error_of(&err);
		door_refuse(req, &e);
		return -1;
	}
	if (door_ask_parse(req->arena, body, ask, &fault) == 0)
		return 0;
	e = door_error_of_fault(&fault);
	door_refuse(req, &e);
	return -1;
}

void api_chat(struct request *req)
{
	const struct routing *r = door_routing(server_door(req->web));
	struct door_ask *ask = ARENA_NEW(req->arena, struct door_ask);
	struct str workflow;

	if (read_ask(req, ask) < 0)
		return;
	if (door_is_workflow(ask->model, &workflow))
		door_ask_workflow(req, ask, workflow);
	else if (!r || !routing_tier(r, ask->model))
		door_unknown_model(req, ask->model);
	else if (server_stopping(req->web))
		reply_problem(&req->reply, req->arena, 503, "unavailable", "the server is stopping");
	else
		start(req, ask);
}
