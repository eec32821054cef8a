/* door_chat.c - see door_chat.h. Streams: door_chat_stream.c. */
#include "web/door_chat.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "config/routing.h"
#include "gateway/gateway.h"
#include "gateway/record.h"
#include "store/queue.h"
#include "store/store.h"
#include "web/auth.h"
#include "web/door.h"
#include "web/door_ask.h"
#include "web/door_chat_room.h"
#include "web/door_error.h"
#include "web/request.h"
#include "web/route.h"
#include "web/server.h"

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

void chat_dress(struct chat *c)
{
	struct request *req = c->req;
	char *id = arena_alloc(req->arena, 37);

	uuid_format(&c->head.id, id);
	reply_add(&req->reply, req->arena, "x-request-id", id);
	if (c->ignored.n)
		reply_add(&req->reply, req->arena, "x-agentd-ignored", str_cstr(req->arena, c->ignored));
}

void chat_name_step(struct chat *c, const struct model_answer *answer)
{
	struct request *req = c->req;

	reply_add(&req->reply, req->arena, "x-agentd-route", str_cstr(req->arena, c->head.model));
	if (answer->model.p)
		reply_add(&req->reply, req->arena, "x-agentd-step", str_cstr(req->arena, answer->model));
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
	chat_dress(c);
	chat_name_step(c, answer);
	money_format(answer->cost_pusd, cost);
	reply_add(&req->reply, req->arena, "x-agentd-cost-usd", arena_strdup(req->arena, cost));
}

static void refuse(struct chat *c, const struct err *err)
{
	struct door_error e = door_error_of(err);

	door_refuse(c->req, &e);
	chat_dress(c);
}

static void tell(struct chat *c, const struct model_answer *answer, const struct err *err)
{
	struct request *req = c->req;

	if (!req)
		return;
	if (c->stream && !c->begun && err->code == ERR_NONE)
		chat_begin_stream(c, answer);
	if (c->begun) {
		chat_end_stream(c, answer, err);
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
		question.on_text = chat_on_text;
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
