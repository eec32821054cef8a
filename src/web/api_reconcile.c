/* api_reconcile.c - POST /tasks/:id/reconcile: a person says what became of an uncertain call.
 *
 * The scope `approve` is what entitles to it, for tasks of others too: who submits is seldom who decides.
 */
#include "base/arena.h"
#include "base/json.h"
#include "store/tasks.h"
#include "web/request.h"
#include "web/route.h"
#include "web/server.h"

static const char *const keys[] = {"path", "decision", "result", "try", NULL};

/* What decision and result may be, the database says. */
static int read_body(const struct json *body, struct reconciliation *ret, struct err *err)
{
	int64_t n = 0;

	if (json_need_str(body, "path", &ret->path, err) < 0 ||
	    json_need_str(body, "decision", &ret->decision, err) < 0)
		return -1;
	if (json_getc(body, "try") && (!json_to_int(json_getc(body, "try"), &n) || n < 1 || n > INT32_MAX))
		return err_set(err, ERR_INVALID, "\"try\": expected a whole number from 1");
	ret->attempt_try = (int)n;
	ret->result = json_getc(body, "result");
	return 0;
}

void api_task_reconcile(struct request *req)
{
	struct reconciliation *rec = ARENA_NEW(req->arena, struct reconciliation);
	struct principal *by = ARENA_NEW(req->arena, struct principal);
	struct uuid *id = ARENA_NEW(req->arena, struct uuid);
	const struct json *body;
	struct err err;

	if (request_no_params(req) < 0)
		return;
	body = request_object(req, keys, &err);
	if (!body || read_body(body, rec, &err) < 0) {
		reply_err(&req->reply, req->arena, &err);
		return;
	}
	if (api_task_id(req, id) < 0)
		return;
	rec->id = uuid_new();
	*by = (struct principal){.name = req->by.name, .sees_all = true};
	req->op = tasks_reconcile(server_store(req->web), arena_new(NULL), id, rec, by, STORE_DEADLINE_MS, request_done,
				  request_call(req, api_text));
}
