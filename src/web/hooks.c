/* hooks.c - see hooks.h. What delivers is known by its signature over the body as it came, before that is parsed. */
#include "web/hooks.h"

#include <stdlib.h>
#include <strings.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "base/metric.h"
#include "config/hook.h"
#include "publish/delivery.h"
#include "publish/signature.h"
#include "store/store.h"
#include "web/head.h"
#include "web/request.h"
#include "web/route.h"
#include "web/server.h"

enum { SHOWN_REFUSAL = 300, MAX_AT_ONCE = 64 * 1024 };

struct entry {
	const struct hook *hook;
	struct signature_keys keys;
};

struct hooks {
	struct arena *arena;
	const struct entry *v;
	size_t n;
};

/* A delivery on its way, in the request's arena. */
struct hook_visit {
	const struct entry *entry;
	const char *why;		/* of a signature that does not fit; NULL: not known yet */
	struct arena *arena;		/* of the delivery, in that of the request: no other thread uses it meanwhile */
	struct delivery_request sent;
	enum signature verdict;
	int read;			/* delivery_read()'s, with its err */
	struct err err;
	struct delivery delivery;
};

struct hooks *hooks_new(struct arena *a)
{
	struct hooks *hooks = ARENA_NEW(a, struct hooks);

	hooks->arena = a;
	return hooks;
}

void hooks_set(struct hooks *hooks, const struct hook *const *v, size_t n)
{
	struct entry *entries = ARENA_ARRAY(hooks->arena, n + 1, struct entry);

	for (size_t i = 0; i < n; i++) {
		struct entry *e = &entries[i];

		e->hook = v[i];
		signature_keys_read(hooks->arena, &v[i]->verify, &e->keys);
		if (e->keys.why)
			log_warn(e->keys.n ? "hook.secret" : "hook.closed", "hook=" STR_FMT " why=%s", STR_ARG(v[i]->name),
				 log_quotec(e->keys.why));
	}
	hooks->v = entries;
	hooks->n = n;
	if (n)
		log_info("hooks.loaded", "n=%zu", n);
}

static const struct entry *find(const struct hooks *hooks, struct str name)
{
	for (size_t i = 0; i < hooks->n; i++)
		if (str_eq(hooks->v[i].hook->name, name))
			return &hooks->v[i];
	return NULL;
}

/* --- before the body --- */

static bool is_json(const struct request *req)
{
	const char *type = head_get(req, "Content-Type");

	return type && strncasecmp(type, "application/json", 16) == 0;
}

static void refuse(struct request *req, enum signature verdict)
{
	req->hook->why = arena_printf(req->arena, "the signature is %s", signature_name(verdict));
	reply_problem(&req->reply, req->arena, 401, "unauthenticated", "the delivery is not signed as this hook wants it");
}

static bool has_signature(const struct request *req, const struct hook *h)
{
	const char *header = head_get(req, str_cstr(req->arena, signature_header(&h->verify)));

	return header && *header;
}

int api_hook_admit(struct request *req)
{
	const struct entry *e = find(server_hooks(req->web), req->id);

	if (!e) {
		reply_problem(&req->reply, req->arena, 404, "not_found", "no hook \"" STR_FMT "\"", STR_ARG(req->id));
		return -1;
	}
	req->hook = ARENA_NEW(req->arena, struct hook_visit);
	req->hook->entry = e;
	req->max_body = (size_t)e->hook->max_body_bytes;
	if (e->keys.n == 0)
		reply_problem(&req->reply, req->arena, 503, "unavailable", "the secret of this hook is not there");
	else if (!has_signature(req, e->hook))
		refuse(req, SIGNATURE_ABSENT);
	else if (e->hook->verify.scheme != HOOK_GITHUB && !is_json(req))
		reply_problem(&req->reply, req->arena, 415, "media_type", "expected Content-Type: application/json");
	return req->reply.status ? -1 : 0;
}

/* --- the delivery --- */

static void accept(struct request *req)
{
	struct submission *s = &req->hook->delivery.task;

	if (!store_is_up(server_store(req->web))) {
		reply_problem(&req->reply, req->arena, 503, "unavailable", "the database is away");
		return;
	}
	req->by = s->by;
	api_submit_parsed(req, s);
}

/* Anywhere: touches nothing but the visit and its arena. */
static void judge(struct hook_visit *v)
{
	const struct entry *e = v->entry;

	v->verdict = signature_verify(&e->hook->verify, &e->keys, v->sent.headers, v->sent.body, clock_wall_us());
	v->read = v->verdict == SIGNATURE_GOOD ? delivery_read(v->arena, e->hook, &v->sent, &v->delivery, &v->err) : -1;
}

static void take(struct request *req)
{
	const struct hook_visit *v = req->hook;

	if (v->verdict != SIGNATURE_GOOD) {
		refuse(req, v->verdict);
		return;
	}
	server_trust(req);
	if (v->read < 0)
		reply_err(&req->reply, req->arena, &v->err);
	else if (v->delivery.fate == DELIVERY_PING)
		reply_json(&req->reply, 200, STR("{\"pong\":true}"));
	else if (v->delivery.fate == DELIVERY_IGNORED)
		reply_json(&req->reply, 202, STR("{\"ignored\":true}"));
	else
		accept(req);
}

static void judge_apart(void *arg)
{
	judge(request_of_call(arg)->hook);
}

static void on_judged(struct request *req, struct op *op)
{
	if (op->err->code != ERR_NONE)
		reply_err(&req->reply, req->arena, op->err);
	else
		take(req);
}

/* A large body takes longer to hash and to parse than others should wait for. */
void api_hook(struct request *req)
{
	struct hook_visit *v = req->hook;

	v->arena = arena_new(req->arena);
	v->sent = (struct delivery_request){.headers = head_json(req), .query = req->query, .body = buf_str(&req->body)};
	if (v->sent.body.n > MAX_AT_ONCE) {
		req->op = loop_work(server_loop(req->web), arena_new(NULL), judge_apart, request_done, request_call(req, on_judged));
		return;
	}
	judge(v);
	take(req);
}

/* --- what became of it --- */

static const char *outcome(const struct request *req)
{
	const struct reply *r = &req->reply;

	if (r->status >= 500)
		return "unavailable";
	if (r->status == 401)
		return "unauthenticated";
	if (r->status >= 400)
		return "refused";
	switch (req->hook->delivery.fate) {
	case DELIVERY_PING:
		return "ping";
	case DELIVERY_IGNORED:
		return "ignored";
	default:
		return r->replayed ? "replayed" : "accepted";
	}
}

void hooks_count(const struct request *req)
{
	const struct hook_visit *v = req->hook;
	const char *what = outcome(req);
	struct str name = v->entry->hook->name, why = str_from(v->why);

	if (!why.p && req->reply.status >= 400)
		why = str_clip(req->reply.body, SHOWN_REFUSAL);
	metric_add(METRIC_HOOK_DELIVERIES, 1, name, str_from(what));
	log_line(req->reply.status >= 400 ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, "hook.delivery",
		 "hook=" STR_FMT " delivery=%s outcome=%s status=%d why=%s", STR_ARG(name),
		 log_quote(v->delivery.task.idempotency_key), what, req->reply.status, log_quote(why));
}
