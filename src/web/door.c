/* door.c - see door.h. */
#include "web/door.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/uuid.h"
#include "config/routing.h"
#include "config/settings.h"
#include "web/door_error.h"
#include "web/request.h"
#include "web/server.h"

struct door {
	struct web *web;
	struct gateway *gateway;	/* NULL: none */
	const struct routing *routing;	/* NULL: none */
	int64_t since_s;
	size_t active;
	bool closed;
};

struct door *door_new(struct arena *a, struct web *w)
{
	struct door *d = ARENA_NEW(a, struct door);

	d->web = w;
	return d;
}

void door_set(struct door *d, struct gateway *g, const struct routing *r)
{
	d->gateway = g;
	d->routing = r;
	d->since_s = clock_wall_us() / 1000000;
}

void door_close(struct door *d)
{
	d->closed = true;
}

bool door_is_closed(const struct door *d)
{
	return d->closed;
}

size_t door_active(const struct door *d)
{
	return d->active;
}

struct gateway *door_gateway(const struct door *d)
{
	return d->gateway;
}

const struct routing *door_routing(const struct door *d)
{
	return d->routing;
}

int64_t door_since_s(const struct door *d)
{
	return d->since_s;
}

bool door_is_workflow(struct str model, struct str *ret_name)
{
	struct str prefix = STR(DOOR_WORKFLOW);

	if (!str_starts(model, prefix))
		return false;
	*ret_name = str_sub(model, prefix.n, model.n);
	return true;
}

int door_enter(struct request *req)
{
	struct door *d = server_door(req->web);
	struct door_error full = {.status = 503, .type = "server_error", .code = "overloaded", .retry_after_s = 1};

	if (server_stopping(req->web)) {
		reply_problem(&req->reply, req->arena, 503, "unavailable", "the server is stopping");
		return -1;
	}
	if (d->active < (size_t)server_settings(req->web)->web.max_model_calls) {
		d->active++;
		return 0;
	}
	full.message = str_from(arena_printf(req->arena, "so many questions to models are under way already: %zu", d->active));
	door_refuse(req, &full);
	return -1;
}

void door_leave(struct door *d)
{
	if (--d->active == 0)
		server_door_is_quiet(d->web);
}

/* --- questions --- */

const struct json *door_body(struct request *req)
{
	const struct json *body;
	struct door_error e;
	struct err err;

	if (request_no_params(req) < 0)
		return NULL;
	body = request_json(req, &err);
	if (!body) {
		e = door_error_of(&err);
		door_refuse(req, &e);
	}
	return body;
}

static void refuse_model(struct request *req, const char *message)
{
	door_refuse(req, &(struct door_error){.status = 404, .type = "invalid_request_error", .code = "model_not_found", .param = "model",
					      .message = str_from(message)});
}

void door_unknown_model(struct request *req, struct str model)
{
	refuse_model(req, arena_printf(req->arena, "no model \"" STR_FMT "\": GET /v1/models lists them", STR_ARG(str_clip(model, 100))));
}

const struct tier *door_tier(struct request *req, struct str model, bool embeds)
{
	const struct routing *r = server_door(req->web)->routing;
	const struct tier *t = r ? routing_tier(r, model) : NULL;

	if (!t)
		door_unknown_model(req, model);
	else if (t->embeds == embeds)
		return t;
	else
		refuse_model(req, arena_printf(req->arena, embeds ? "model \"" STR_FMT "\" makes no embeddings: ask it at POST /v1/chat/completions"
					       : "model \"" STR_FMT "\" makes embeddings: ask it at POST /v1/embeddings", STR_ARG(model)));
	return NULL;
}

/* --- what all replies have in common --- */

void door_name_ignored(struct request *req, struct str ignored)
{
	if (ignored.n)
		reply_add(&req->reply, req->arena, "x-agentd-ignored", str_cstr(req->arena, ignored));
}

bool door_owns(const struct request *req)
{
	return str_starts(req->target, STR("/v1/"));
}

void door_dress(struct request *req)
{
	struct uuid id = uuid_new();
	char *text;

	if (req->reply.problem)
		door_translate(req);
	for (const struct reply_header *h = req->reply.more; h; h = h->next)
		if (strcmp(h->name, "x-request-id") == 0)
			return;
	text = arena_alloc(req->arena, 37);
	uuid_format(&id, text);
	reply_add(&req->reply, req->arena, "x-request-id", text);
}
