/* request.c - lifetime, suspension and parsing of one request; the checks of headers are in head.c. */
#include "web/request.h"

#include <microhttpd.h>
#include <stdarg.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/form.h"
#include "base/json.h"
#include "web/server.h"

enum { MAX_DEPTH = 64, PAGE = 50, MAX_PAGE = 200 };

struct call {
	struct request *req;
	request_fn *fn;
};

struct request *request_new(struct web *w, const char *target)
{
	struct arena *a = arena_new(NULL);
	struct request *req = ARENA_NEW(a, struct request);

	req->web = w;
	req->began_ms = clock_boot_ms();
	req->arena = a;
	req->refs = 1;
	req->target = str_dup(a, str_from(target));
	buf_init(&req->body, a);
	server_enter(w, req);
	return req;
}

void request_ref(struct request *req)
{
	req->refs++;
}

void request_unref(struct request *req)
{
	struct web *w = req->web;

	if (--req->refs > 0)
		return;
	server_leave(w, req);
	arena_free(req->arena);
}

void request_hold(struct request *req, void (*release)(struct request *req))
{
	req->release = release;
}

void request_release(struct request *req)
{
	void (*release)(struct request *req) = req->release;

	loop_fd_free(req->watch);
	req->watch = NULL;
	req->release = NULL;
	if (release)
		release(req);
}

static void on_disconnect(void *arg, int events)
{
	struct request *req = arg;

	(void)events;
	loop_fd_set(req->watch, 0);
	req->left(req);
}

void request_watch(struct request *req, void (*left)(struct request *req))
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(req->connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	if (!info)
		fatal("libmicrohttpd names no socket of a connection");
	req->left = left;
	req->watch = loop_fd_new(server_loop(req->web), info->connect_fd, on_disconnect, req);
	loop_fd_set(req->watch, LOOP_DISCONNECT);
}

void request_end(struct request *req)
{
	req->gone = true;
	request_release(req);
	if (req->op)
		op_cancel(req->op);
	request_unref(req);
}

void request_suspend(struct request *req)
{
	if (req->suspended)
		return;
	req->suspended = true;
	MHD_suspend_connection(req->connection);
}

void request_resume(struct request *req)
{
	if (!req->suspended || req->gone)
		return;
	req->suspended = false;
	MHD_resume_connection(req->connection);
	server_kick(req->web);
}

void *request_call(struct request *req, request_fn *fn)
{
	struct call *c = ARENA_NEW(req->arena, struct call);

	c->req = req;
	c->fn = fn;
	request_ref(req);
	request_suspend(req);
	return c;
}

struct request *request_of_call(void *call)
{
	return ((struct call *)call)->req;
}

void request_done(struct op *op, void *arg)
{
	struct call *c = arg;
	struct request *req = c->req;

	req->op = NULL;
	/* At the server's stop a request may have had its answer before its op. */
	if (!req->gone && !req->reply.status)
		c->fn(req, op);
	if (!req->gone && (req->reply.status || req->phase < REQ_HANDLED) && !req->op)
		request_resume(req);
	request_unref(req);
}

/* --- query parameters --- */

int request_bad(struct err *err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	err_vset(err, ERR_INVALID, fmt, ap);
	va_end(ap);
	err->status = 400;
	return -1;
}

int request_param(struct request *req, const char *name, struct str *ret, struct err *err)
{
	return form_get(req->arena, req->query, name, ret, err) < 0 ? err_prefix(err, "query ") : 0;
}

int request_field(struct request *req, const char *name, struct str *ret, struct err *err)
{
	return form_get(req->arena, buf_str(&req->body), name, ret, err);
}

int request_limit(struct request *req, int *ret, struct err *err)
{
	struct str text;
	int n = 0;

	*ret = PAGE;
	if (request_param(req, "limit", &text, err) < 0)
		return -1;
	if (!text.p)
		return 0;
	for (size_t i = 0; i < text.n && n <= MAX_PAGE; i++)
		n = text.p[i] >= '0' && text.p[i] <= '9' ? n * 10 + (text.p[i] - '0') : MAX_PAGE + 1;
	if (n < 1 || n > MAX_PAGE)
		return request_bad(err, "limit \"" STR_FMT "\": expected 1 to %d", STR_ARG(text), MAX_PAGE);
	*ret = n;
	return 0;
}

int request_uuid(struct request *req, const char *name, const char *what, struct uuid *ret, struct err *err)
{
	struct str text;

	if (request_param(req, name, &text, err) < 0)
		return -1;
	return !text.p || uuid_parse(text, ret) ? 0 : request_bad(err, "%s: expected the id of %s", name, what);
}

int request_id(struct request *req, const char *what, struct uuid *ret)
{
	if (uuid_parse(req->id, ret))
		return 0;
	reply_problem(&req->reply, req->arena, 404, "not_found", "no %s \"" STR_FMT "\"", what, STR_ARG(req->id));
	return -1;
}

int request_params_known(struct request *req, const char *const *names, struct err *err)
{
	struct str rest = req->query, key;

	while (rest.n) {
		size_t i = 0;

		form_next(&rest, &key);
		while (names[i] && !str_is(key, names[i]))
			i++;
		if (!names[i])
			return request_bad(err, "query \"" STR_FMT "\": unknown parameter", STR_ARG(key));
	}
	return 0;
}

int request_no_params(struct request *req)
{
	static const char *const none[] = {NULL};
	struct err err;

	if (request_params_known(req, none, &err) == 0)
		return 0;
	reply_err(&req->reply, req->arena, &err);
	return -1;
}

const struct json *request_json(struct request *req, struct err *err)
{
	const struct json_limits limits = {.max_depth = MAX_DEPTH};
	const struct json *v;

	if (json_parse(req->arena, buf_str(&req->body), &limits, &v, err) == 0)
		return v;
	/* the body's size was checked before: what is too large here is its depth or a number */
	if (err->code == ERR_SIZE)
		err->code = ERR_JSON;
	return NULL;
}

/* "a, b or c" */
static const char *any_of(struct arena *a, const char *const *names)
{
	struct buf b;

	buf_init(&b, a);
	for (size_t i = 0; names[i]; i++)
		buf_addf(&b, "%s%s", i == 0 ? "" : names[i + 1] ? ", " : " or ", names[i]);
	return buf_cstr(&b);
}

const struct json *request_object(struct request *req, const char *const *keys, struct err *err)
{
	const struct json *body = request_json(req, err);

	if (body && json_type(body) != JSON_OBJECT) {
		err_set(err, ERR_INVALID, "expected an object, got %s", json_type_name(body));
		return NULL;
	}
	for (size_t i = 0; i < json_len(body); i++) {
		size_t k = 0;

		while (keys[k] && !str_is(json_key(body, i), keys[k]))
			k++;
		if (!keys[k]) {
			err_set(err, ERR_INVALID, "unknown key \"" STR_FMT "\", expected %s", STR_ARG(str_clip(json_key(body, i), 80)),
				any_of(req->arena, keys));
			return NULL;
		}
	}
	return body;
}
