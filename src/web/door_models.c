/* door_models.c - GET /v1/models, GET /v1/models/:name: tiers by their names, active workflows as workflow:NAME. */
#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "config/routing.h"
#include "store/admin.h"
#include "store/store.h"
#include "web/door.h"
#include "web/door_error.h"
#include "web/request.h"
#include "web/route.h"
#include "web/server.h"

static const struct json *model(struct arena *a, struct str id, int64_t created_s)
{
	struct json_builder b;

	json_object_begin(&b, a);
	json_object_setc(&b, "id", json_string(a, id));
	json_object_setc(&b, "object", json_stringc(a, "model"));
	json_object_setc(&b, "created", json_int(a, created_s));
	json_object_setc(&b, "owned_by", json_stringc(a, "agentd"));
	return json_object_end(&b);
}

static void add_tiers(struct json_builder *list, struct request *req)
{
	const struct door *d = server_door(req->web);
	const struct routing *r = door_routing(d);

	for (size_t i = 0; r && i < r->n_tiers; i++)
		json_array_add(list, model(req->arena, r->tiers[i].name, door_since_s(d)));
}

static void add_workflows(struct json_builder *list, struct request *req, const struct json *workflows)
{
	for (size_t i = 0; i < json_len(workflows); i++) {
		const struct json *w = json_at(workflows, i);
		struct str name = json_str(json_getc(w, "name"));
		int64_t at_us = 0;

		time_parse(json_str(json_getc(w, "activated_at")), &at_us);
		if (json_is_true(json_getc(w, "active")))
			json_array_add(list, model(req->arena, str_from(arena_printf(req->arena, DOOR_WORKFLOW STR_FMT, STR_ARG(name))),
						   at_us / 1000000));
	}
}

/* NULL: the reply is decided. */
static const struct json *list_of(struct request *req, struct op *op)
{
	const struct json *answer;
	struct json_builder list;
	struct door_error e;
	struct err err = *op->err;

	if (err.code != ERR_NONE || json_parse(req->arena, admin_text_of(op), NULL, &answer, &err) < 0) {
		e = door_error_of(&err);
		door_refuse(req, &e);
		return NULL;
	}
	json_array_begin(&list, req->arena);
	add_tiers(&list, req);
	add_workflows(&list, req, json_getc(answer, "workflows"));
	return json_array_end(&list);
}

static void on_list(struct request *req, struct op *op)
{
	const struct json *list = list_of(req, op);
	struct json_builder b;

	if (!list)
		return;
	json_object_begin(&b, req->arena);
	json_object_setc(&b, "object", json_stringc(req->arena, "list"));
	json_object_setc(&b, "data", list);
	reply_json(&req->reply, 200, json_text(req->arena, json_object_end(&b)));
}

static void on_one(struct request *req, struct op *op)
{
	const struct json *list = list_of(req, op);

	if (!list)
		return;
	for (size_t i = 0; i < json_len(list); i++)
		if (str_eq(json_str(json_getc(json_at(list, i), "id")), req->name)) {
			reply_json(&req->reply, 200, json_text(req->arena, json_at(list, i)));
			return;
		}
	door_unknown_model(req, req->name);
}

static void ask(struct request *req, request_fn *fn)
{
	if (request_no_params(req) == 0)
		req->op = admin_workflows(server_store(req->web), arena_new(NULL), STORE_DEADLINE_MS, request_done, request_call(req, fn));
}

void api_models(struct request *req)
{
	ask(req, on_list);
}

void api_model(struct request *req)
{
	ask(req, on_one);
}
