/* door_chat.c - see door_chat.h. Streams: door_chat_stream.c. */
#include "web/door_chat.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "gateway/gateway.h"
#include "web/door.h"
#include "web/door_ask.h"
#include "web/door_chat_room.h"
#include "web/door_error.h"
#include "web/request.h"
#include "web/route.h"

/* --- the answer --- */

static void answer_whole(struct chat *c, const struct model_answer *answer)
{
	struct request *req = c->call.req;
	struct buf b;

	buf_init(&b, req->arena);
	door_write_whole(&b, &c->head, answer);
	reply_json(&req->reply, 200, buf_str(&b));
	door_call_dress(&c->call);
	door_call_name_step(&c->call, answer);
	door_call_name_cost(&c->call, answer);
}

static void tell(struct door_call *call, const struct model_answer *answer, const struct err *err)
{
	struct chat *c = (struct chat *)call;

	if (c->stream && !call->begun && err->code == ERR_NONE)
		chat_begin_stream(c, answer);
	if (call->begun) {
		chat_end_stream(c, answer, err);
		return;
	}
	if (err->code == ERR_NONE)
		answer_whole(c, answer);
	else
		door_call_refuse(call, err);
	door_call_reply(call);
}

/* --- the question --- */

static struct chat *chat_new(struct request *req, const struct door_ask *ask)
{
	struct chat *c = door_call_new(req, sizeof *c, ask->model, ask->ignored);

	if (!c)
		return NULL;
	c->call.asked = "messages";
	c->call.tell = tell;
	c->head = (struct door_head){
		.id = c->call.id, .created_s = clock_wall_us() / 1000000, .model = c->call.tier, .usage = ask->include_usage};
	c->stream = ask->stream;
	buf_init(&c->in, c->call.arena);
	buf_init(&c->last, c->call.arena);
	buf_init(&c->out, c->call.arena);
	return c;
}

static void start(struct request *req, const struct door_ask *ask)
{
	struct model_request question = {
		.path = STR("chat"),
		.messages = ask->messages,
		.n_messages = ask->n_messages,
		.tools = ask->tools,
		.n_tools = ask->n_tools,
		.output = ask->output,
		.max_output = ask->max_output,
		.temperature = ask->temperature,
	};
	struct chat *c = chat_new(req, ask);

	if (!c)
		return;
	if (ask->stream) {
		question.on_text = chat_on_text;
		question.text_arg = c;
	}
	door_call_start(&c->call, &question, gateway_call);
}

void api_chat(struct request *req)
{
	struct door_ask *ask = ARENA_NEW(req->arena, struct door_ask);
	const struct json *body = door_body(req);
	struct door_fault fault;
	struct str workflow;

	if (!body)
		return;
	if (door_ask_parse(req->arena, body, ask, &fault) < 0)
		door_refuse_fault(req, &fault);
	else if (door_is_workflow(ask->model, &workflow))
		door_ask_workflow(req, ask, workflow);
	else if (door_tier(req, ask->model, false))
		start(req, ask);
}
