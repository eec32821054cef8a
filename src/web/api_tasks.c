/* api_tasks.c - POST /tasks, GET /tasks, GET /tasks/:id, GET /tasks/:id/webhooks, POST /tasks/:id/cancel, POST /tasks/:id/redrive. */
#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/url.h"
#include "publish/input.h"
#include "publish/judge.h"
#include "schema/schema.h"
#include "store/submission.h"
#include "store/webhooks.h"
#include "web/head.h"
#include "web/intake.h"
#include "web/request.h"
#include "web/route.h"
#include "web/server.h"
#include "config/settings.h"
#include "web/wait.h"

static void fail(struct request *req, const struct err *err)
{
	reply_err(&req->reply, req->arena, err);
}

/* --- POST /tasks --- */

static bool has_files(const struct request *req)
{
	return req->intake && intake_count(req->intake) > 0;
}

void api_submitted(struct request *req, const struct submitted *s)
{
	char id[37];

	uuid_format(&s->id, id);
	reply_json(&req->reply, 202, str_dup(req->arena, s->body));
	req->reply.location = arena_printf(req->arena, "/tasks/%s", id);
	req->reply.replayed = s->replayed;
}

static void on_submitted(struct request *req, struct op *op)
{
	const struct submitted *s = op->err->code == ERR_NONE ? tasks_submitted_of(op) : NULL;

	if (has_files(req) && !submission_may_be_made(op->err, s))
		artifacts_discard(server_store(req->web), &req->submission->id);
	if (!s) {
		fail(req, op->err);
		return;
	}
	if (!s->replayed)
		inputs_learn(server_inputs(req->web), req->submission, s->body);
	if (!s->replayed)
		wait_remember(server_waits(req->web), &s->id, req->by.name, req->notices);
	if (req->submitted)
		req->submitted(req, s);
	else
		api_submitted(req, s);
}

int api_key(struct request *req, struct str *ret, struct err *err)
{
	const char *key = head_get(req, "Idempotency-Key");

	*ret = key ? str_dup(req->arena, str_from(key)) : STR_NONE;
	return key ? submission_key_check(*ret, err) : 0;
}

static void submit_now(struct request *req)
{
	req->notices = wait_notices(server_waits(req->web));
	req->op = tasks_submit(server_store(req->web), arena_new(NULL), req->submission, STORE_DEADLINE_MS, request_done,
			       request_call(req, on_submitted));
}

static void on_attached(struct request *req, struct op *op)
{
	if (op->err->code == ERR_NONE)
		submit_now(req);
	else
		fail(req, op->err);
}

static const struct artifact_new *files_of(const struct request *req)
{
	struct artifact_new *v = ARENA_ARRAY(req->arena, intake_count(req->intake), struct artifact_new);
	size_t n = 0;

	for (const struct intake_file *f = intake_first(req->intake); f; f = f->next)
		v[n++] = f->artifact;
	return v;
}

/* Files get their names before their task is there: who sees the task sees them all. */
static void attach(struct request *req)
{
	const struct intake *in = req->intake;

	req->op = artifacts_attach(server_store(req->web), arena_new(NULL), &req->submission->id, files_of(req), intake_count(in),
				   intake_limits(in), STORE_DEADLINE_MS, request_done, request_call(req, on_attached));
}

static int check_webhook(struct request *req, const struct submission *s, struct err *err)
{
	const struct webhook_settings *w = &server_settings(req->web)->webhooks;
	struct url url;

	if (!s->webhook)
		return 0;
	if (w->n_secrets == 0)
		return err_set(err, ERR_INVALID, "/webhook: this server signs no webhooks: agentd.yaml has no webhooks.secret");
	return webhook_url_check(req->arena, w, s->webhook_url, &url, err) < 0 ? err_prefix(err, "/webhook/url: ") : 0;
}

/* Policy judges inputs that fit. */
static void submit(struct request *req)
{
	struct err err;

	if (judge_submission(req->arena, server_policy(req->web), req->submission, &err) < 0)
		fail(req, &err);
	else if (has_files(req))
		attach(req);
	else
		submit_now(req);
}

void api_input_faults(struct request *req, const struct schema_faults *f)
{
	reply_faults(&req->reply, req->arena, "the input does not fit the workflow's schema", "/input", f);
}

/* What the input has to be is known now. */
static void on_schema(struct request *req, struct op *op)
{
	struct schema_faults *faults = ARENA_NEW(req->arena, struct schema_faults);

	faults->a = req->arena;
	if (op->err->code != ERR_NONE)
		fail(req, op->err);
	else if (inputs_judge(server_inputs(req->web), req->submission, tasks_text_of(op), faults))
		submit(req);
	else
		api_input_faults(req, faults);
}

void api_submit_parsed(struct request *req, struct submission *s)
{
	req->submission = s;
	if (has_files(req))
		submission_add_files(req->arena, s, files_of(req), intake_count(req->intake));
	if (inputs_fit(server_inputs(req->web), s))
		submit(req);
	else
		req->op = tasks_input_schema(server_store(req->web), arena_new(NULL), s, STORE_DEADLINE_MS, request_done,
					     request_call(req, on_schema));
}

void api_submit(struct request *req)
{
	struct submission *s = ARENA_NEW(req->arena, struct submission);
	const struct json *body;
	struct err err;
	struct str key;

	if (request_no_params(req) < 0)
		return;
	body = request_json(req, &err);
	if (!body || api_key(req, &key, &err) < 0 || submission_parse(req->arena, body, s, &err) < 0 || check_webhook(req, s, &err) < 0) {
		fail(req, &err);
		return;
	}
	s->by = req->by;
	s->route = STR("POST /tasks");
	s->idempotency_key = key;
	api_submit_parsed(req, s);
}

/* --- views --- */

void api_text(struct request *req, struct op *op)
{
	if (op->err->code != ERR_NONE)
		fail(req, op->err);
	else
		reply_json(&req->reply, 200, str_dup(req->arena, tasks_text_of(op)));
}

/* label=NAME:TEXT */
static int read_filter(struct request *req, struct task_filter *f, struct err *err)
{
	static const char *const known[] = {"workflow", "state", "label", "before", "limit", NULL};
	struct str label;
	ptrdiff_t colon;

	if (request_params_known(req, known, err) < 0 || request_limit(req, &f->limit, err) < 0 ||
	    request_param(req, "workflow", &f->workflow, err) < 0 || request_param(req, "state", &f->state, err) < 0 ||
	    request_param(req, "label", &label, err) < 0 || request_uuid(req, "before", "a task", &f->before, err) < 0)
		return -1;
	colon = str_chr(label, ':');
	if (label.p && colon <= 0)
		return request_bad(err, "label: expected NAME:TEXT");
	if (f->state.p && !task_state_is_known(f->state))
		return request_bad(err, "state: expected ready, running, waiting_timer, succeeded, failed, cancelled or another state of tasks");
	if (label.p) {
		f->label_key = str_sub(label, 0, (size_t)colon);
		f->label_value = str_sub(label, (size_t)colon + 1, label.n);
	}
	return 0;
}

void api_task_list(struct request *req)
{
	struct task_filter *f = ARENA_NEW(req->arena, struct task_filter);
	struct err err;

	if (read_filter(req, f, &err) < 0) {
		fail(req, &err);
		return;
	}
	req->op = tasks_list(server_store(req->web), arena_new(NULL), f, &req->by, STORE_DEADLINE_MS, request_done,
			     request_call(req, api_text));
}

int api_task_id(struct request *req, struct uuid *ret)
{
	return request_id(req, "task", ret);
}

static void get_view(struct request *req, request_fn *fn)
{
	struct uuid *id = ARENA_NEW(req->arena, struct uuid);

	if (api_task_id(req, id) == 0)
		req->op = tasks_view(server_store(req->web), arena_new(NULL), id, &req->by, STORE_DEADLINE_MS,
				     request_done, request_call(req, fn));
}

static void wait_ended(struct request *req, struct str view)
{
	if (view.p) {
		reply_json(&req->reply, 200, str_dup(req->arena, view));
		request_resume(req);
	} else {
		get_view(req, api_text);
	}
}

static int read_wait(struct request *req, int64_t *ret, struct err *err)
{
	int64_t max = server_settings(req->web)->web.max_wait_ms;
	struct str text;

	*ret = 0;
	if (request_param(req, "wait", &text, err) < 0)
		return -1;
	if (text.p && (!duration_parse(text, ret) || *ret > max))
		return request_bad(err, "wait: expected a duration of at most %lld s", (long long)(max / 1000));
	return 0;
}

static void begin_waiting(struct request *req, const struct uuid *id)
{
	struct err err;
	int64_t ms;

	if (server_stopping(req->web))
		get_view(req, api_text);
	else if (wait_count(server_waits(req->web)) >= (size_t)server_settings(req->web)->web.max_waiting)
		reply_problem(&req->reply, req->arena, 429, "too_many_waiting", "too many requests wait already");
	else if (read_wait(req, &ms, &err) < 0)
		fail(req, &err);
	else
		wait_add(req, id, ms, wait_ended);
}

/* Of a task that has not ended there is no text yet. */
static void on_peeked(struct request *req, struct op *op)
{
	struct uuid id;

	if (op->err->code != ERR_NONE || tasks_text_of(op).p || api_task_id(req, &id) < 0)
		api_text(req, op);
	else
		begin_waiting(req, &id);
}

static void get_ended(struct request *req)
{
	struct uuid *id = ARENA_NEW(req->arena, struct uuid);

	if (api_task_id(req, id) < 0)
		return;
	if (wait_recalls(server_waits(req->web), id, req->by.name, &req->notices))
		begin_waiting(req, id);
	else
		req->op = tasks_view_ended(server_store(req->web), arena_new(NULL), id, &req->by, STORE_DEADLINE_MS,
					   request_done, request_call(req, on_peeked));
}

void api_task_get(struct request *req)
{
	static const char *const known[] = {"wait", NULL};
	struct err err;
	int64_t ms;

	if (request_params_known(req, known, &err) < 0 || read_wait(req, &ms, &err) < 0) {
		fail(req, &err);
		return;
	}
	req->notices = wait_notices(server_waits(req->web));
	if (ms > 0)
		get_ended(req);
	else
		get_view(req, api_text);
}

void api_task_webhooks(struct request *req)
{
	struct uuid *id = ARENA_NEW(req->arena, struct uuid);

	if (request_no_params(req) == 0 && api_task_id(req, id) == 0)
		req->op = webhooks_of_task(server_store(req->web), arena_new(NULL), id, &req->by, STORE_DEADLINE_MS,
					   request_done, request_call(req, api_text));
}

/* --- POST /tasks/:id/cancel --- */

void api_task_cancel(struct request *req)
{
	struct uuid *id = ARENA_NEW(req->arena, struct uuid);

	if (request_no_params(req) == 0 && api_task_id(req, id) == 0)
		req->op = tasks_cancel(server_store(req->web), arena_new(NULL), id, &req->by, STORE_DEADLINE_MS,
				       request_done, request_call(req, api_text));
}

/* --- POST /tasks/:id/redrive --- */

void api_task_redrive(struct request *req)
{
	struct uuid *id = ARENA_NEW(req->arena, struct uuid);

	if (request_no_params(req) == 0 && api_task_id(req, id) == 0)
		req->op = tasks_redrive(server_store(req->web), arena_new(NULL), id, &req->by, STORE_DEADLINE_MS,
					request_done, request_call(req, api_text));
}
