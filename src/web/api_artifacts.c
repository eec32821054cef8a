/* api_artifacts.c - PUT /tasks/:id/artifacts/:name, GET /tasks/:id/artifacts; what POST /tasks takes as multipart/form-data. */
#include "base/arena.h"
#include "base/json.h"
#include "config/settings.h"
#include "store/artifacts.h"
#include "web/head.h"
#include "web/intake.h"
#include "web/multipart.h"
#include "web/request.h"
#include "web/route.h"
#include "web/server.h"

enum { FRAME_BYTES = 1 << 20 };		/* of a multipart body beside its files: heads of parts */

static void fail(struct request *req, const struct err *err)
{
	reply_err(&req->reply, req->arena, err);
}

/* --- PUT /tasks/:id/artifacts/:name --- */

static void on_may_come(struct request *req, struct op *op)
{
	if (op->err->code != ERR_NONE)
		fail(req, op->err);
}

static void put_begin(struct request *req)
{
	struct uuid *id = ARENA_NEW(req->arena, struct uuid);
	const char *type = head_get(req, "Content-Type");

	if (request_no_params(req) < 0 || api_task_id(req, id) < 0)
		return;
	if (type && !str_is_media_type(str_from(type))) {
		reply_problem(&req->reply, req->arena, 400, "malformed", "Content-Type: expected a media type");
		return;
	}
	req->intake = intake_new(req);
	intake_file(req->intake, req->name, type ? str_from(type) : STR_NONE);
	req->op = artifacts_may_come(server_store(req->web), arena_new(NULL), id, &req->by, STORE_DEADLINE_MS, request_done,
				     request_call(req, on_may_come));
}

static void put_take(struct request *req, struct str bytes)
{
	intake_bytes(req->intake, bytes);
	intake_pump(req->intake);
}

static size_t put_max(const struct settings *s)
{
	return (size_t)s->artifacts.max_size;
}

const struct body_taker put_body = {put_max, put_begin, put_take};

static void on_put(struct request *req, struct op *op)
{
	const struct json *answer;
	struct err err;

	if (op->err->code != ERR_NONE)
		fail(req, op->err);
	else if (json_parse(req->arena, str_dup(req->arena, artifacts_text_of(op)), NULL, &answer, &err) < 0)
		fail(req, &err);
	else
		reply_json(&req->reply, json_is_true(json_getc(answer, "created")) ? 201 : 200,
			   json_text(req->arena, json_getc(answer, "artifact")));
}

static void put(struct request *req)
{
	struct uuid *id = ARENA_NEW(req->arena, struct uuid);
	const struct intake *in = req->intake;

	if (api_task_id(req, id) == 0)
		req->op = artifacts_upload(server_store(req->web), arena_new(NULL), id, &intake_first(in)->artifact, intake_limits(in), &req->by,
					   STORE_DEADLINE_MS, request_done, request_call(req, on_put));
}

void api_artifact_put(struct request *req)
{
	intake_file_end(req->intake);
	intake_finish(req->intake, put);
}

/* --- POST /tasks as multipart/form-data --- */

struct form {
	struct request *req;
	struct multipart *parser;
	bool in_task, has_task;
};

static int bad(struct err *err, const char *what, struct str name)
{
	err_set(err, ERR_INVALID, "part \"" STR_FMT "\": %s", STR_ARG(str_clip(name, 80)), what);
	if (err)
		err->status = 400;
	return -1;
}

static bool is_taken(const struct intake *in, struct str name)
{
	for (const struct intake_file *f = intake_first(in); f; f = f->next)
		if (str_eq(f->artifact.name, name))
			return true;
	return false;
}

static int form_head(void *arg, const struct part_head *h, struct err *err)
{
	struct form *form = arg;
	struct intake *in = form->req->intake;

	form->in_task = str_is(h->name, "task");
	if (form->in_task) {
		if (form->has_task)
			return bad(err, "given twice", h->name);
		form->has_task = true;
		return 0;
	}
	if (!h->filename.p)
		return bad(err, "expected task, or a file with its filename", h->name);
	if (!str_is_name(h->filename))
		return bad(err, "a filename that is no name (1 to 255 bytes, no slash, no control character)", h->name);
	if (is_taken(in, h->filename))
		return bad(err, "a filename that another part has", h->name);
	if (h->type.p && !str_is_media_type(h->type))
		return bad(err, "a Content-Type that is no media type", h->name);
	intake_file(in, h->filename, h->type);
	return 0;
}

static int form_data(void *arg, struct str bytes, struct err *err)
{
	struct form *form = arg;
	struct request *req = form->req;
	size_t max = (size_t)server_settings(req->web)->web.max_body_bytes;

	if (!form->in_task) {
		intake_bytes(req->intake, bytes);
		return 0;
	}
	if (req->body.n + bytes.n > max)
		return err_set(err, ERR_SIZE, "part \"task\" may have %zu bytes", max);
	buf_add(&req->body, bytes.p, bytes.n);
	return 0;
}

static int form_end(void *arg, struct err *err)
{
	struct form *form = arg;

	(void)err;
	if (!form->in_task)
		intake_file_end(form->req->intake);
	return 0;
}

static void form_begin(struct request *req)
{
	struct form *form = ARENA_NEW(req->arena, struct form);
	struct err err;

	form->req = req;
	form->parser = multipart_new(req->arena, str_from(head_get(req, "Content-Type")),
				     (struct multipart_user){form_head, form_data, form_end, form}, &err);
	if (!form->parser) {
		fail(req, &err);
		return;
	}
	req->form = form;
	req->intake = intake_new(req);
}

static void form_take(struct request *req, struct str bytes)
{
	struct err err;

	if (multipart_feed(req->form->parser, bytes, &err) < 0 && !req->reply.status)
		fail(req, &err);
	intake_pump(req->intake);
}

static size_t form_max(const struct settings *s)
{
	return (size_t)(s->artifacts.max_task + s->web.max_body_bytes + FRAME_BYTES);
}

const struct body_taker form_body = {form_max, form_begin, form_take};

void api_submit_form(struct request *req)
{
	struct err err;

	if (multipart_finish(req->form->parser, &err) < 0)
		fail(req, &err);
	else if (!req->form->has_task)
		reply_problem(&req->reply, req->arena, 400, "malformed", "multipart: no part \"task\"");
	else
		intake_finish(req->intake, api_submit);
}

/* --- GET /tasks/:id/artifacts --- */

void api_artifact_list(struct request *req)
{
	struct uuid *id = ARENA_NEW(req->arena, struct uuid);

	if (request_no_params(req) == 0 && api_task_id(req, id) == 0)
		req->op = artifacts_list(server_store(req->web), arena_new(NULL), id, &req->by, STORE_DEADLINE_MS, request_done,
					 request_call(req, api_text));
}
