/* run_http.c - a tool as one HTTP exchange; redirects are followed here, each hop judged anew. */
#include <string.h>
#include <strings.h>

#include "base/address.h"
#include "base/arena.h"
#include "base/http.h"
#include "base/json.h"
#include "base/url.h"
#include "config/expr.h"
#include "tools/call.h"
#include "tools/http_answer.h"

enum {
	MIN_BODY_BYTES = 10 << 20,	/* a result expression may pick little out of much */
	MAX_HEADER_BYTES = 64 << 10,
	CONNECT_MS = 10 * 1000,
	QUICK_BODY_BYTES = 512 << 10,	/* more is parsed on the thread pool */
};

struct header {
	struct http_header h;
	bool secret;			/* stays with the first origin */
};

struct exchange {
	struct url url;			/* of this hop */
	struct url first;
	int named_port;
	struct header *headers;
	size_t n_headers;
	struct str body;
	int hops;
	bool strayed;			/* some hop had another origin: secrets stay off for good */
	struct shaping {		/* of a long body, on the thread pool */
		struct http_result answer;
		const struct json *value;	/* NULL: err, or not begun */
		struct err err;
	} shaping;
};

static const struct runner_http *runner(const struct call *c)
{
	return &c->manifest->u.http;
}

static bool is_method(const struct call *c, const char *name)
{
	return strcmp(runner(c)->method, name) == 0;
}

static bool is_safe_method(const struct call *c)
{
	return is_method(c, "GET") || is_method(c, "HEAD");
}

/* What messages may say: paths hold identifiers, queries hold anything. */
static const char *shown(const struct call *c)
{
	const struct exchange *x = c->state;
	struct str path = secrets_scrub(call_arena(c), &c->secrets, x->url.path);

	return arena_printf(call_arena(c), "%s %.150s" STR_FMT, runner(c)->method, x->url.origin,
			    STR_ARG(str_sub(path, 0, 120)));
}

/* --- policy --- */

static int check_address(void *arg, const struct sockaddr *sa, socklen_t len)
{
	const struct runner_http *r = arg;

	return address_is_allowed(sa, len, r->allow, r->n_allow) ? 0 : -1;
}

/* Is the origin the manifest's own word, whatever the arguments are? */
static bool origin_is_fixed(const struct runner_http *r)
{
	return url_prefix_has_origin(tmpl_prefix(r->url)) || (!tmpl_reads(r->url, "args") && !tmpl_reads(r->url, "task"));
}

/* named_port: what the manifest itself says, or 0. */
static int check_url(const struct call *c, const struct url *u, int named_port, struct err *err)
{
	const struct runner_http *r = runner(c);
	struct sockaddr_storage ss;
	socklen_t len;

	if (u->port != named_port && !url_has_usual_port(u))
		return err_set(err, ERR_TOOL_ARGS,
			       "url \"%.200s\": expected port 80 or 443 (others must stand in the manifest)", u->origin);
	if (url_sockaddr(u, &ss, &len) && check_address((void *)(uintptr_t)r, (struct sockaddr *)&ss, len) < 0) {
		err_set(err, ERR_TOOL_FAILED, "address of \"%.200s\" is not allowed: %s", u->origin,
			address_refusal((struct sockaddr *)&ss, len));
		return err_hint(err, "name its network under http.allow of the tool to permit it");
	}
	return 0;
}

/* --- the request --- */

static int make_url(struct call *c, struct exchange *x, struct err *err)
{
	const struct runner_http *r = runner(c);
	bool fixed = origin_is_fixed(r);
	struct str text;

	if (call_text(c, r->url, "url", &text, err) < 0)
		return -1;
	if (url_parse(call_arena(c), text, &x->url, err) < 0) {
		err->code = ERR_TOOL_ARGS;
		return -1;
	}
	x->first = x->url;
	if (!fixed && c->secrets.n > 0)
		return err_set(err, ERR_TOOL_FAILED,
			       "credentials go only to a host that the manifest names: its url takes the host from arguments");
	x->named_port = fixed ? x->url.port : 0;
	return check_url(c, &x->url, x->named_port, err);
}

static bool is_name(struct str name, const char *lower)
{
	return name.n == strlen(lower) && strncasecmp(name.p, lower, name.n) == 0;
}

static void add_header(struct exchange *x, struct str name, struct str value, bool secret)
{
	x->headers[x->n_headers++] = (struct header){{name, value}, secret};
}

static bool has_header(const struct exchange *x, const char *lower)
{
	for (size_t i = 0; i < x->n_headers; i++)
		if (is_name(x->headers[i].h.name, lower))
			return true;
	return false;
}

static int make_headers(struct call *c, struct exchange *x, struct err *err)
{
	const struct runner_http *r = runner(c);

	x->headers = ARENA_ARRAY(call_arena(c), r->n_headers + 3, struct header);
	for (size_t i = 0; i < r->n_headers; i++) {
		struct str name = r->headers[i].name, value;
		const char *what = arena_printf(call_arena(c), "header \"" STR_FMT "\"", STR_ARG(name));

		if (call_text(c, r->headers[i].value, what, &value, err) < 0)
			return -1;
		add_header(x, name, value, tmpl_reads(r->headers[i].value, "credentials") ||
			   secrets_are_in(&c->secrets, value) || is_name(name, "authorization") ||
			   is_name(name, "proxy-authorization") || is_name(name, "cookie"));
	}
	if (!has_header(x, "accept"))
		add_header(x, STR("Accept"), STR("application/json, text/*;q=0.9, */*;q=0.5"), false);
	if (!has_header(x, "user-agent"))
		add_header(x, STR("User-Agent"), STR("agentd/" AGENTD_VERSION), false);
	return 0;
}

static int make_body(struct call *c, struct exchange *x, struct err *err)
{
	const struct runner_http *r = runner(c);
	const struct json *v;
	const char *type = NULL;

	if (r->json) {
		if (call_value(c, r->json, "json body", &v, err) < 0)
			return -1;
		x->body = json_text(call_arena(c), v);
		type = "application/json";
	} else if (r->body) {
		if (call_text(c, r->body, "body", &x->body, err) < 0)
			return -1;
		type = "text/plain; charset=utf-8";
	}
	if (type && !has_header(x, "content-type"))
		add_header(x, STR("Content-Type"), str_from(type), false);
	return 0;
}

/* --- the answer --- */

static void finish_shaped(struct call *c, const struct json *value, const struct err *err)
{
	if (value)
		call_succeed(c, value);
	else
		call_fail(c, TOOL_DONE, err);
}

static void shape_work(void *arg)
{
	const struct call *c = arg;
	struct shaping *s = &((struct exchange *)c->state)->shaping;

	if (http_answer_shape(arg, shown(c), &s->answer, &s->value, &s->err) < 0)
		s->value = NULL;
}

static void on_shaped(struct op *op, void *arg)
{
	struct call *c = arg;
	const struct shaping *s = &((struct exchange *)c->state)->shaping;

	c->part = NULL;
	finish_shaped(c, s->value, s->err.code != ERR_NONE ? &s->err : op->err);
}

/* The answer dies with its exchange; the work needs it longer. */
static void shape_later(struct call *c, const struct http_result *r)
{
	struct arena *a = call_arena(c);
	struct http_result *copy = &((struct exchange *)c->state)->shaping.answer;

	*copy = *r;
	copy->body = str_dup(a, r->body);
	copy->headers = ARENA_ARRAY(a, r->n_headers + 1, struct http_header);
	for (size_t i = 0; i < r->n_headers; i++)
		copy->headers[i] = (struct http_header){str_dup(a, r->headers[i].name), str_dup(a, r->headers[i].value)};
	c->part = loop_work(c->op.loop, arena_new(a), shape_work, on_shaped, c);
}

static void finish(struct call *c, const struct http_result *r)
{
	const struct json *value = NULL;
	struct err err = {0};

	/* That there is no such thing is an answer to a query; that it may not be asked, or not now, is none. */
	if (c->asks ? r->status >= 300 && r->status != 404 && r->status != 410 : r->status >= 400) {
		http_answer_fail(c, shown(c), r);
	} else if (r->body.n > QUICK_BODY_BYTES) {
		shape_later(c, r);
	} else {
		if (http_answer_shape(c, shown(c), r, &value, &err) < 0)
			value = NULL;
		finish_shaped(c, value, &err);
	}
}

/* --- hops --- */

static void start_hop(struct call *c);

static bool is_redirect(const struct call *c, const struct http_result *r)
{
	int s = r->status;

	return is_safe_method(c) && runner(c)->max_redirects > 0 && http_header_get(r, "location").n > 0 &&
	       (s == 301 || s == 302 || s == 303 || s == 307 || s == 308);
}

/* The last hop answered in full; where it points to is what fails. */
static void fail_redirect(struct call *c, const struct err *reason)
{
	struct err err = {0};

	err_set(&err, ERR_TOOL_FAILED, "%s redirects: %s", shown(c), reason->msg);
	err_hint(&err, "%s", reason->hint);
	call_fail(c, TOOL_DONE, &err);
}

static void redirect(struct call *c, const struct http_result *r)
{
	struct exchange *x = c->state;
	struct url next;
	struct err err = {0};
	int rc;

	if (++x->hops > runner(c)->max_redirects) {
		err_set(&err, ERR_TOOL_FAILED, "more than %d times", runner(c)->max_redirects);
		fail_redirect(c, &err);
		return;
	}
	rc = url_resolve(call_arena(c), &x->url, http_header_get(r, "location"), &next, &err);
	if (rc == 0)
		rc = check_url(c, &next, x->named_port, &err);
	if (rc < 0) {
		fail_redirect(c, &err);
		return;
	}
	x->strayed = x->strayed || !url_same_origin(&next, &x->first);
	x->url = next;
	start_hop(c);
}

static void fail_hop(struct call *c, const struct http_result *r, const struct err *why)
{
	const struct exchange *x = c->state;
	bool begun = r->sent || x->hops > 0;
	struct err err = {0};

	switch (why->code) {
	case ERR_TIMEOUT:
		err_set(&err, ERR_TOOL_TIMEOUT, "%s: %s", shown(c), why->msg);
		break;
	case ERR_SIZE:
		err_set(&err, ERR_TOOL_OUTPUT, "%s: %s", shown(c), why->msg);
		break;
	case ERR_INVALID:
		err_set(&err, ERR_TOOL_ARGS, "%s: %s", shown(c), why->msg);
		break;
	case ERR_FORBIDDEN:
		err_set(&err, ERR_TOOL_FAILED, "%s: the host has no public address", shown(c));
		err_hint(&err, "name its network under http.allow of the tool to permit it");
		break;
	default:
		err_set(&err, ERR_TOOL_FAILED, "%s: %s", shown(c), why->msg);
	}
	/* A certificate that does not fit stays so: whether trying helps is the client's word. */
	err.retryable = why->retryable && (!begun || call_is_repeatable(c));
	call_fail(c, begun ? TOOL_UNKNOWN : TOOL_NOT_BEGUN, &err);
}

static void on_hop(struct op *op, void *arg)
{
	struct call *c = arg;
	const struct http_result *r = http_result_of(op);

	c->part = NULL;
	if (op->err->code != ERR_NONE)
		fail_hop(c, r, op->err);
	else if (is_redirect(c, r) && !c->cancelled)
		redirect(c, r);
	else
		finish(c, r);
}

static void start_hop(struct call *c)
{
	const struct exchange *x = c->state;
	int64_t left_ms = c->deadline_ms - loop_now_ms(c->op.loop);
	size_t twice = 2 * (size_t)c->manifest->max_output_bytes;
	struct arena *a = arena_new(call_arena(c));
	struct http_header *headers = ARENA_ARRAY(a, x->n_headers + 1, struct http_header);
	struct http_request req = {
		.method = runner(c)->method,
		.url = x->url.text,
		.headers = headers,
		.body = x->hops == 0 ? x->body : STR_NONE,
		.max_body = twice > MIN_BODY_BYTES ? twice : MIN_BODY_BYTES,
		.max_headers = MAX_HEADER_BYTES,
		.gzip = true,
		.fresh = true,	/* a kept connection may have been opened for a tool with a longer allow list */
		.check_address = check_address,
		.check_arg = (void *)(uintptr_t)runner(c),
	};

	left_ms = left_ms > 0 ? left_ms : 1;
	req.first_byte_ms = req.idle_ms = req.total_ms = left_ms;
	req.connect_ms = left_ms < CONNECT_MS ? left_ms : CONNECT_MS;
	for (size_t i = 0; i < x->n_headers; i++)
		if (!(x->strayed && x->headers[i].secret) &&
		    !(x->hops > 0 && is_name(x->headers[i].h.name, "content-type")))
			headers[req.n_headers++] = x->headers[i].h;
	c->part = http_start(c->http, a, &req, NULL, on_hop, c);
}

static void start(struct call *c)
{
	struct exchange *x = ARENA_NEW(call_arena(c), struct exchange);
	struct err err = {0};

	c->state = x;
	if (make_url(c, x, &err) < 0 || make_headers(c, x, &err) < 0 || make_body(c, x, &err) < 0)
		call_fail(c, TOOL_NOT_BEGUN, &err);
	else
		start_hop(c);
}

const struct runner run_http = {RUNNER_HTTP, "http", start};
