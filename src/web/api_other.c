/* api_other.c - GET /workflows, GET /workflows/:name, POST /validate, GET /healthz, GET /readyz. */
#include "base/arena.h"
#include "base/json.h"
#include "base/err.h"
#include "config/catalog.h"
#include "publish/show.h"
#include "store/admin.h"
#include "store/store.h"
#include "web/request.h"
#include "web/route.h"
#include "web/server.h"

enum { READY_DEADLINE_MS = 1000 };

static void on_text(struct request *req, struct op *op)
{
	if (op->err->code != ERR_NONE)
		reply_err(&req->reply, req->arena, op->err);
	else
		reply_json(&req->reply, 200, str_dup(req->arena, admin_text_of(op)));
}

void api_workflows(struct request *req)
{
	if (request_no_params(req) == 0)
		req->op = admin_workflows(server_store(req->web), arena_new(NULL), STORE_DEADLINE_MS, request_done,
					  request_call(req, on_text));
}

/* --- GET /workflows/:name: its program is read on the thread pool --- */

struct showing {
	struct arena *arena;
	struct str stored, answer;
	struct err err;
};

static void show(void *arg)
{
	struct showing *s = request_of_call(arg)->work;

	if (show_workflow(s->arena, s->stored, &s->answer, &s->err) == 0)
		s->err.code = ERR_NONE;
}

static void on_shown(struct request *req, struct op *op)
{
	const struct showing *s = req->work;

	if (op->err->code != ERR_NONE || s->err.code != ERR_NONE)
		reply_err(&req->reply, req->arena, op->err->code != ERR_NONE ? op->err : &s->err);
	else
		reply_json(&req->reply, 200, str_dup(req->arena, s->answer));
}

static void on_stored(struct request *req, struct op *op)
{
	struct arena *a;
	struct showing *s;

	if (op->err->code != ERR_NONE) {
		reply_err(&req->reply, req->arena, op->err);
		return;
	}
	a = arena_new(NULL);
	s = ARENA_NEW(a, struct showing);
	s->arena = a;
	s->stored = str_dup(a, admin_text_of(op));
	req->work = s;
	req->op = loop_work(server_loop(req->web), a, show, request_done, request_call(req, on_shown));
}

void api_workflow(struct request *req)
{
	if (request_no_params(req) == 0)
		req->op = admin_workflow(server_store(req->web), arena_new(NULL), req->name, STORE_DEADLINE_MS, request_done,
					 request_call(req, on_stored));
}

/* --- POST /validate: one file's text, on the thread pool --- */

struct validation {
	struct arena *arena;
	const char *root, *name;
	struct str text, answer;
};

static void validate(void *arg)
{
	struct validation *v = request_of_call(arg)->work;
	struct diags *d = diags_new(v->arena);
	struct json_builder b;

	catalog_check_text(v->arena, v->root, v->name, v->text, d);
	json_object_begin(&b, v->arena);
	json_object_setc(&b, "valid", json_bool(diag_errors(d) == 0));
	json_object_setc(&b, "diagnostics", diag_json(d, v->arena));
	v->answer = json_text(v->arena, json_object_end(&b));
}

static void on_validated(struct request *req, struct op *op)
{
	if (op->err->code != ERR_NONE) {
		reply_err(&req->reply, req->arena, op->err);
		return;
	}
	/* the validation lives in the op's arena, at its head */
	reply_json(&req->reply, 200, str_dup(req->arena, ((struct validation *)req->work)->answer));
}

void api_validate(struct request *req)
{
	static const char *const known[] = {"file", NULL};
	struct arena *a;
	struct validation *v;
	struct str name;
	struct err err;

	if (request_params_known(req, known, &err) < 0 || request_param(req, "file", &name, &err) < 0) {
		reply_err(&req->reply, req->arena, &err);
		return;
	}
	a = arena_new(NULL);
	v = ARENA_NEW(a, struct validation);
	v->arena = a;
	v->root = server_settings(req->web)->config_dir;
	v->name = name.p ? str_cstr(a, name) : "workflows/unnamed.yaml";
	v->text = str_dup(a, buf_str(&req->body));
	req->work = v;
	req->op = loop_work(server_loop(req->web), a, validate, request_done, request_call(req, on_validated));
}

/* --- health: alive; ready = the database answers with a schema --- */

void api_healthz(struct request *req)
{
	if (request_no_params(req) == 0)
		reply_json(&req->reply, 200, STR("{\"status\":\"ok\"}"));
}

static void on_ready(struct request *req, struct op *op)
{
	if (op->err->code != ERR_NONE)
		reply_problem(&req->reply, req->arena, 503, "unavailable", "the database does not answer");
	else
		reply_json(&req->reply, 200, STR("{\"status\":\"ready\"}"));
}

void api_readyz(struct request *req)
{
	if (request_no_params(req) < 0)
		return;
	if (server_stopping(req->web)) {
		reply_problem(&req->reply, req->arena, 503, "unavailable", "the server is stopping");
		return;
	}
	req->op = admin_ping(server_store(req->web), arena_new(NULL), READY_DEADLINE_MS, request_done,
			     request_call(req, on_ready));
}
