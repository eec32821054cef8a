/* api_control.c - POST /tasks/:id/retry and fork, DELETE /tasks/:id, POST /workflows/:name/pause and resume. */
#include "base/arena.h"
#include "base/json.h"
#include "publish/input.h"
#include "publish/judge.h"
#include "schema/schema.h"
#include "store/admin.h"
#include "store/fork.h"
#include "web/request.h"
#include "web/route.h"
#include "web/server.h"

/* --- retry and fork --- */

static void on_forked(struct request *req, struct op *op)
{
	if (op->err->code != ERR_NONE)
		reply_err(&req->reply, req->arena, op->err);
	else
		api_submitted(req, fork_submitted_of(op));
}

static void start(struct request *req)
{
	req->op = fork_start(server_store(req->web), arena_new(NULL), req->fork, STORE_DEADLINE_MS, request_done,
			     request_call(req, on_forked));
}

/* The first answer counts, whatever would be said of it now. */
static bool key_was_used(struct request *req, struct str facts)
{
	const struct json *v;

	return json_parse(req->arena, facts, NULL, &v, NULL) == 0 && json_is_true(json_getc(v, "key_used"));
}

static void on_facts(struct request *req, struct op *op)
{
	struct schema_faults *faults = ARENA_NEW(req->arena, struct schema_faults);
	struct submission *s = ARENA_NEW(req->arena, struct submission);
	struct err err = *op->err;
	struct str facts;

	faults->a = req->arena;
	if (err.code != ERR_NONE) {
		reply_err(&req->reply, req->arena, &err);
		return;
	}
	facts = str_dup(req->arena, tasks_text_of(op));
	if (key_was_used(req, facts)) {
		start(req);
		return;
	}
	if (fork_submission(req->arena, req->fork, facts, s, &err) < 0)
		reply_err(&req->reply, req->arena, &err);
	else if (!inputs_judge(inputs_new(req->arena), s, facts, faults))
		api_input_faults(req, faults);
	else if (judge_submission(req->arena, server_policy(req->web), s, &err) < 0)
		reply_err(&req->reply, req->arena, &err);
	else
		start(req);
}

static void begin(struct request *req, enum fork_kind kind)
{
	const struct json *body;
	struct uuid task;
	struct err err;

	if (request_no_params(req) < 0)
		return;
	req->fork = ARENA_NEW(req->arena, struct fork);
	body = request_object(req, fork_keys, &err);
	if (!body) {
		reply_err(&req->reply, req->arena, &err);
		return;
	}
	if (api_task_id(req, &task) < 0)
		return;
	if (fork_parse(req->arena, body, kind, &task, req->fork, &err) < 0 || api_key(req, &req->fork->idempotency_key, &err) < 0) {
		reply_err(&req->reply, req->arena, &err);
		return;
	}
	req->fork->by = req->by;
	req->op = fork_facts(server_store(req->web), arena_new(NULL), req->fork, STORE_DEADLINE_MS, request_done,
			     request_call(req, on_facts));
}

void api_task_retry(struct request *req)
{
	begin(req, FORK_RETRY);
}

void api_task_fork(struct request *req)
{
	begin(req, FORK_FORK);
}

/* --- purge --- */

void api_task_purge(struct request *req)
{
	struct uuid *id = ARENA_NEW(req->arena, struct uuid);

	if (request_no_params(req) == 0 && api_task_id(req, id) == 0)
		req->op = tasks_purge(server_store(req->web), arena_new(NULL), id, &req->by, STORE_DEADLINE_MS, request_done,
				      request_call(req, api_text));
}

/* --- pause and resume --- */

static void on_said(struct request *req, struct op *op)
{
	if (op->err->code != ERR_NONE)
		reply_err(&req->reply, req->arena, op->err);
	else
		req->op = admin_workflow_settle(server_store(req->web), arena_new(NULL), req->name, request_done,
						request_call(req, api_text));
}

static void say(struct request *req, bool paused)
{
	if (request_no_params(req) == 0)
		req->op = admin_workflow_pause(server_store(req->web), arena_new(NULL), req->name, &req->by, paused, request_done,
					       request_call(req, on_said));
}

void api_workflow_pause(struct request *req)
{
	say(req, true);
}

void api_workflow_resume(struct request *req)
{
	say(req, false);
}
