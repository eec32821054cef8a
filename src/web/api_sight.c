/* api_sight.c - GET /tasks/:id/why, GET /tasks/:id/spans, GET /cost, GET /spend. */
#include "base/arena.h"
#include "base/clock.h"
#include "base/json.h"
#include "publish/trace.h"
#include "publish/why.h"
#include "store/sight.h"
#include "web/request.h"
#include "web/route.h"
#include "web/server.h"

/* --- GET /tasks/:id/why, GET /tasks/:id/spans: the facts are many, and are read on the thread pool --- */

typedef const struct json *make_fn(struct arena *a, const struct json *facts);

struct explanation {
	struct arena *arena;
	make_fn *make;
	struct str facts, answer;	/* STR_NONE: the facts cannot be read */
};

static void explain(void *arg)
{
	struct explanation *x = request_of_call(arg)->work;
	const struct json *facts;

	if (json_parse(x->arena, x->facts, NULL, &facts, NULL) == 0)
		x->answer = json_text(x->arena, x->make(x->arena, facts));
}

static void on_explained(struct request *req, struct op *op)
{
	/* lives in the op's arena, at its head */
	const struct explanation *x = req->work;

	if (op->err->code != ERR_NONE)
		reply_err(&req->reply, req->arena, op->err);
	else if (!x->answer.p)
		reply_problem(&req->reply, req->arena, 500, "internal", "the task holds a value that no worker reads");
	else
		reply_json(&req->reply, 200, str_dup(req->arena, x->answer));
}

static void on_facts(struct request *req, struct op *op, make_fn *make)
{
	struct explanation *x;
	struct arena *a;

	if (op->err->code != ERR_NONE) {
		reply_err(&req->reply, req->arena, op->err);
		return;
	}
	a = arena_new(NULL);
	x = ARENA_NEW(a, struct explanation);
	x->arena = a;
	x->make = make;
	x->facts = str_dup(a, sight_text_of(op));
	req->work = x;
	req->op = loop_work(server_loop(req->web), a, explain, request_done, request_call(req, on_explained));
}

static void on_why(struct request *req, struct op *op)
{
	on_facts(req, op, why_explain);
}

static void on_trace(struct request *req, struct op *op)
{
	on_facts(req, op, trace_otlp);
}

void api_task_why(struct request *req)
{
	struct uuid *id = ARENA_NEW(req->arena, struct uuid);

	if (request_no_params(req) == 0 && api_task_id(req, id) == 0)
		req->op = sight_why(server_store(req->web), arena_new(NULL), id, &req->by, STORE_DEADLINE_MS, request_done,
				    request_call(req, on_why));
}

void api_task_spans(struct request *req)
{
	struct uuid *id = ARENA_NEW(req->arena, struct uuid);

	if (request_no_params(req) == 0 && api_task_id(req, id) == 0)
		req->op = sight_trace(server_store(req->web), arena_new(NULL), id, &req->by, STORE_DEADLINE_MS, request_done,
				      request_call(req, on_trace));
}

/* --- GET /cost --- */

static int read_query(struct request *req, struct cost_query *q, struct err *err)
{
	static const char *const known[] = {"by", "since", "until", "workflow", NULL};
	int64_t now_us = clock_wall_us();
	struct str by, since, until;

	if (request_params_known(req, known, err) < 0 || request_param(req, "by", &by, err) < 0 || request_param(req, "since", &since, err) < 0 ||
	    request_param(req, "until", &until, err) < 0 || request_param(req, "workflow", &q->workflow, err) < 0)
		return -1;
	if (cost_by_parse(by.p ? by : STR("day"), q, err) == 0 && (!since.p || cost_time_parse("since", since, now_us, &q->since_us, err) == 0) &&
	    (!until.p || cost_time_parse("until", until, now_us, &q->until_us, err) == 0))
		return 0;
	err->status = 400;
	return -1;
}

void api_cost(struct request *req)
{
	struct cost_query *q = ARENA_NEW(req->arena, struct cost_query);
	struct err err;

	if (read_query(req, q, &err) < 0)
		reply_err(&req->reply, req->arena, &err);
	else
		req->op = sight_cost(server_store(req->web), arena_new(NULL), q, &req->by, STORE_DEADLINE_MS, request_done,
				     request_call(req, api_text));
}

void api_spend(struct request *req)
{
	if (request_no_params(req) == 0)
		req->op = sight_spend(server_store(req->web), arena_new(NULL), &req->by, STORE_DEADLINE_MS, request_done,
				      request_call(req, api_text));
}
