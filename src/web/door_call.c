/* door_call.c - see door_call.h. */
#include "web/door_call.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "gateway/gateway.h"
#include "gateway/record.h"
#include "store/store.h"
#include "web/auth.h"
#include "web/door.h"
#include "web/door_error.h"
#include "web/request.h"
#include "web/server.h"

/* --- its life --- */

void *door_call_new(struct request *req, size_t size, struct str tier, struct str ignored)
{
	struct door_call *c;
	struct arena *a;

	if (door_enter(req) < 0)
		return NULL;
	a = arena_new(NULL);
	c = arena_zalloc(a, size);
	c->arena = a;
	c->door = server_door(req->web);
	c->web = req->web;
	c->req = req;
	c->refs = 2;
	c->id = uuid_new();
	c->tier = str_dup(a, tier);
	c->ignored = str_dup(a, ignored);
	c->settling = (struct move){.task = c->id, .token = str_dup(a, req->by.name)};
	server_ref(c->web);
	req->call = c;
	return c;
}

static void unref(struct door_call *c)
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
	struct door_call *c = req->call;

	req->call = NULL;
	c->req = NULL;
	auth_unwatch(req);
	if (c->op)
		op_cancel(c->op);
	unref(c);
}

static void on_left(struct request *req)
{
	struct door_call *c = req->call;

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
	bool begun = req->call->begun;

	request_release(req);
	if (!begun)
		auth_refuse(req, "the token is unknown, expired or revoked");
	request_resume(req);
}

/* --- replies --- */

void door_call_dress(struct door_call *c)
{
	struct request *req = c->req;
	char *id = arena_alloc(req->arena, 37);

	uuid_format(&c->id, id);
	reply_add(&req->reply, req->arena, "x-request-id", id);
	door_name_ignored(req, c->ignored);
}

void door_call_name_step(struct door_call *c, const struct model_answer *answer)
{
	struct request *req = c->req;

	reply_add(&req->reply, req->arena, "x-agentd-route", str_cstr(req->arena, c->tier));
	if (answer->model.p)
		reply_add(&req->reply, req->arena, "x-agentd-step", str_cstr(req->arena, answer->model));
}

void door_call_name_cost(struct door_call *c, const struct model_answer *answer)
{
	struct request *req = c->req;
	char cost[40];

	money_format(answer->cost_pusd, cost);
	reply_add(&req->reply, req->arena, "x-agentd-cost-usd", arena_strdup(req->arena, cost));
}

void door_call_refuse(struct door_call *c, const struct err *err)
{
	struct door_error e = door_error_of(err);

	if (e.param)
		e.param = c->asked;
	door_refuse(c->req, &e);
	door_call_dress(c);
}

void door_call_reply(struct door_call *c)
{
	struct request *req = c->req;

	request_release(req);
	request_resume(req);
}

/* --- what it cost --- */

static void on_settled(void *arg, const struct move_result *r)
{
	(void)r;	/* what the database does not take is logged by the store */
	unref(arg);
}

static void settle(struct door_call *c, const struct model_answer *answer)
{
	if (answer->n_calls == 0 || door_is_closed(c->door)) {
		unref(c);
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
	struct door_call *c = arg;

	c->op = NULL;
	if (c->req)
		c->tell(c, answer, op->err);
	settle(c, answer);
}

/* --- the question --- */

/* What conditions of routing see in the place of a task. */
static const struct json *facts_of(const struct request *req, const struct uuid *id)
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

void door_call_start(struct door_call *c, struct model_request *q, door_call_fn *ask)
{
	struct request *req = c->req;

	q->task = c->id;
	q->token = c->settling.token;
	q->tier = c->tier;
	q->facts = facts_of(req, &c->id);
	request_suspend(req);
	request_hold(req, leave);
	request_watch(req, on_left);
	auth_watch(req, on_token_over);
	c->op = ask(door_gateway(c->door), arena_new(NULL), q, on_answer, c);
}
