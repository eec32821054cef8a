/* api_approvals.c - GET /approvals, GET and POST /approvals/:id.
 *
 * With the scope `approve` one sees and decides requests of everybody's tasks, as who submits is seldom who decides; with `read`
 * alone one sees those of one's own.
 */
#include "base/arena.h"
#include "base/json.h"
#include "publish/decision.h"
#include "store/admin.h"
#include "store/approvals.h"
#include "web/request.h"
#include "web/route.h"
#include "web/server.h"

static const struct principal *by_of(struct request *req)
{
	struct principal *by = ARENA_NEW(req->arena, struct principal);

	*by = (struct principal){.name = req->by.name, .sees_all = req->by.sees_all || (req->scopes & SCOPE_APPROVE)};
	return by;
}

/* --- GET --- */

static int read_filter(struct request *req, struct task_page *f, struct err *err)
{
	static const char *const known[] = {"state", "task", "before", "limit", NULL};

	if (request_params_known(req, known, err) < 0 || request_param(req, "state", &f->state, err) < 0 ||
	    request_uuid(req, "task", "a task", &f->task, err) < 0 || request_uuid(req, "before", "an approval", &f->before, err) < 0 ||
	    request_limit(req, &f->limit, err) < 0)
		return -1;
	return 0;
}

void api_approval_list(struct request *req)
{
	struct task_page *f = ARENA_NEW(req->arena, struct task_page);
	struct err err;

	if (read_filter(req, f, &err) < 0) {
		reply_err(&req->reply, req->arena, &err);
		return;
	}
	req->op = approvals_list(server_store(req->web), arena_new(NULL), f, by_of(req), STORE_DEADLINE_MS, request_done,
				 request_call(req, api_text));
}

static void view(struct request *req, request_fn *fn)
{
	struct uuid *id = ARENA_NEW(req->arena, struct uuid);

	if (request_id(req, "approval", id) == 0)
		req->op = approvals_view(server_store(req->web), arena_new(NULL), id, by_of(req), STORE_DEADLINE_MS, request_done,
					 request_call(req, fn));
}

void api_approval_get(struct request *req)
{
	view(req, api_text);
}

/* --- POST --- */

static const char *const keys[] = {"decision", "digest", "comment", "args", "form", NULL};

/* null is as if it were not there. */
static const struct json *member(const struct json *body, const char *key)
{
	const struct json *v = json_getc(body, key);

	return json_type(v) == JSON_NULL ? NULL : v;
}

/* What decision, args and form may be, the database says. */
static int read_body(const struct json *body, struct decision *ret, struct err *err)
{
	const struct json *comment;
	struct str digest;

	comment = json_getc(body, "comment");
	if (json_need_str(body, "decision", &ret->word, err) < 0 ||
	    json_need_str(body, "digest", &digest, err) < 0)
		return -1;
	if (!digest_from_hex(digest, &ret->digest))
		return err_set(err, ERR_INVALID, "\"digest\": expected the 64 hex digits that the request shows");
	if (json_type(comment) != JSON_NULL && json_type(comment) != JSON_STRING)
		return err_set(err, ERR_INVALID, "\"comment\": expected text, got %s", json_type_name(comment));
	ret->comment = json_str(comment);
	ret->args = member(body, "args");
	ret->form = member(body, "form");
	return 0;
}

static void decide(struct request *req, struct decision *d)
{
	struct uuid *id = ARENA_NEW(req->arena, struct uuid);

	if (request_id(req, "approval", id) == 0)
		req->op = approvals_decide(server_store(req->web), arena_new(NULL), id, d, by_of(req), STORE_DEADLINE_MS, request_done,
					   request_call(req, api_text));
}

/* The body is read once more: it is small, and nothing has to be kept for it. */
static void on_seen(struct request *req, struct op *op)
{
	struct decision *d = ARENA_NEW(req->arena, struct decision);
	struct decision_faults *faults = ARENA_NEW(req->arena, struct decision_faults);
	const struct json *body, *seen;
	struct err err;

	faults->list.a = req->arena;
	if (op->err->code != ERR_NONE) {
		reply_err(&req->reply, req->arena, op->err);
		return;
	}
	body = request_object(req, keys, &err);
	if (!body || read_body(body, d, &err) < 0 ||
	    json_parse(req->arena, str_dup(req->arena, approvals_text_of(op)), NULL, &seen, &err) < 0)
		reply_err(&req->reply, req->arena, &err);
	else if (decision_check(seen, d, faults, &err) == 0)
		decide(req, d);
	else
		reply_faults(&req->reply, req->arena, err.msg, arena_printf(req->arena, "/%s", faults->member), &faults->list);
}

void api_approval_decide(struct request *req)
{
	struct decision *d = ARENA_NEW(req->arena, struct decision);
	const struct json *body;
	struct err err;

	body = request_object(req, keys, &err);
	if (!body || read_body(body, d, &err) < 0)
		reply_err(&req->reply, req->arena, &err);
	else if (str_is(d->word, "approve"))
		view(req, on_seen);
	else
		decide(req, d);
}
