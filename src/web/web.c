/* web.c - the server: libmicrohttpd on its epoll descriptor inside the loop, and the phases of a request. */
#include "web/web.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "base/loop.h"
#include "config/settings.h"
#include "publish/input.h"
#include "store/store.h"
#include "web/auth.h"
#include "web/connection.h"
#include "web/door.h"
#include "web/events.h"
#include "web/figures.h"
#include "web/head.h"
#include "web/hooks.h"
#include "web/links.h"
#include "web/listen.h"
#include "web/request.h"
#include "web/route.h"
#include "web/server.h"
#include "web/topics.h"
#include "web/wait.h"

enum { CONNECTION_MEMORY = 24 * 1024, IDLE_MS = 60000, STOP_MS = 5000, SETTLE_MS = 2000, MAX_OPEN_BYTES = 64 << 20 };

struct web {
	struct arena *arena;
	struct loop *loop;
	struct store *store;
	const struct settings *settings;
	const struct policy *policy;	/* NULL: none */
	struct MHD_Daemon *daemon;
	struct loop_fd *epoll;
	struct loop_timer *timeout, *stop;
	struct waits *waits;
	struct auth *auth;
	struct inputs *inputs;
	struct hooks *hooks;
	struct links *links;
	struct figures *figures;
	struct connections *connections;
	struct topics *topics;
	struct streams *streams;
	struct door *door;
	struct request *requests;
	int listen_fd;
	int64_t settle_ms;	/* until when questions to tiers may commit what they cost; loop time, of one that ended */
	int refs;		/* the owner, every request, the look of the long polls */
	size_t open_bytes;	/* of bodies of requests of which nobody knows yet who sent them */
	bool kicked, stopping;
	bool ended;		/* nothing is begun any more: what comes is answered 503 */
	void (*stopped)(void *arg);
	void *stopped_arg;
};

struct loop *server_loop(const struct web *w)
{
	return w->loop;
}

struct store *server_store(const struct web *w)
{
	return w->store;
}

const struct settings *server_settings(const struct web *w)
{
	return w->settings;
}

const struct policy *server_policy(const struct web *w)
{
	return w->policy;
}

void web_set_policy(struct web *w, const struct policy *p)
{
	w->policy = p;
}

const struct hooks *server_hooks(const struct web *w)
{
	return w->hooks;
}

void web_set_hooks(struct web *w, const struct hook *const *hooks, size_t n)
{
	hooks_set(w->hooks, hooks, n);
}

struct waits *server_waits(const struct web *w)
{
	return w->waits;
}

struct figures *server_figures(const struct web *w)
{
	return w->figures;
}

struct connections *server_connections(const struct web *w)
{
	return w->connections;
}

struct streams *server_streams(const struct web *w)
{
	return w->streams;
}

struct topics *server_topics(const struct web *w)
{
	return w->topics;
}

struct auth *server_auth(const struct web *w)
{
	return w->auth;
}

struct inputs *server_inputs(const struct web *w)
{
	return w->inputs;
}

struct door *server_door(const struct web *w)
{
	return w->door;
}

void web_set_gateway(struct web *w, struct gateway *g, const struct routing *r)
{
	door_set(w->door, g, r);
}

void server_door_is_quiet(struct web *w)
{
	if (w->stop && w->ended)
		loop_timer_set(w->stop, 0);
}

struct links *server_links(const struct web *w)
{
	return w->links;
}

bool server_stopping(const struct web *w)
{
	return w->stopping;
}

bool server_ended(const struct web *w)
{
	return w->ended;
}

void server_ref(struct web *w)
{
	w->refs++;
}

void server_unref(struct web *w)
{
	if (--w->refs == 0)
		arena_free(w->arena);
}

void server_enter(struct web *w, struct request *req)
{
	server_ref(w);
	req->next = w->requests;
	if (req->next)
		req->next->prev = req;
	w->requests = req;
}

void server_trust(struct request *req)
{
	req->web->open_bytes -= req->open_bytes;
	req->open_bytes = 0;
}

void server_leave(struct web *w, struct request *req)
{
	server_trust(req);
	if (req->prev)
		req->prev->next = req->next;
	else
		w->requests = req->next;
	if (req->next)
		req->next->prev = req->prev;
	if (w->stop && w->stopping && !w->requests)
		loop_timer_set(w->stop, 0);
	server_unref(w);
}

/* --- running libmicrohttpd --- */

static void run(struct web *w)
{
	MHD_UNSIGNED_LONG_LONG ms;

	MHD_run(w->daemon);
	if (MHD_get_timeout(w->daemon, &ms) == MHD_YES)
		loop_timer_set(w->timeout, (int64_t)ms);
	else
		loop_timer_clear(w->timeout);
}

static void on_kick(void *arg)
{
	struct web *w = arg;

	w->kicked = false;
	if (w->daemon)
		run(w);
	server_unref(w);
}

void server_kick(struct web *w)
{
	if (w->kicked)
		return;
	w->kicked = true;
	server_ref(w);
	loop_defer(w->loop, on_kick, w);
}

static void on_epoll(void *arg, int events)
{
	(void)events;
	run(arg);
}

static void on_timeout(void *arg)
{
	run(arg);
}

/* --- requests --- */

static void *on_line(void *arg, const char *target, struct MHD_Connection *c)
{
	struct web *w = arg;
	struct request *req = request_new(w, target);

	req->connection = c;
	/* A first request has what is left of its connection's time; a later one begins here. */
	connection_within(w->connections, c, w->settings->web.header_timeout_ms);
	return req;
}

static size_t keep_escapes(void *arg, struct MHD_Connection *c, char *s)
{
	(void)arg;
	(void)c;
	return strlen(s);
}

/* A header that guards or tells to come again is not left out in silence: the connection is closed instead. */
static void add(struct MHD_Response *r, bool *whole, const char *name, const char *value)
{
	*whole = MHD_add_response_header(r, name, value) == MHD_YES && *whole;
}

static const char *content_type(const struct reply *p)
{
	return p->problem ? "application/problem+json" : p->type ? p->type : "application/json";
}

/* What every answer tells browsers. A file of the page may load what lies beside it, nothing else may load or run anything, whatever
 * somebody makes of its text. A header of a reply's own stands in the place of the one here. */
static const struct {
	const char *name, *page, *other;	/* NULL: not sent */
} guards[] = {
	{"X-Content-Type-Options", "nosniff", "nosniff"},
	{"Cross-Origin-Resource-Policy", "same-origin", "same-origin"},
	{"Cache-Control", "no-cache", "no-store"},
	{"Content-Security-Policy",
	 "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; "
	 "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
	 "default-src 'none'; frame-ancestors 'none'; sandbox"},
	{"Referrer-Policy", "no-referrer", "no-referrer"},
	{"Cross-Origin-Opener-Policy", "same-origin", NULL},
};

static bool has_own(const struct reply *p, const char *name)
{
	for (const struct reply_header *h = p->more; h; h = h->next)
		if (strcmp(h->name, name) == 0)
			return true;
	return false;
}

static void add_guards(struct MHD_Response *r, bool *whole, const struct reply *p)
{
	for (size_t i = 0; i < sizeof guards / sizeof guards[0]; i++) {
		const char *value = p->page ? guards[i].page : guards[i].other;

		if (p->csp && strcmp(guards[i].name, "Content-Security-Policy") == 0)
			value = p->csp;
		if (value && !has_own(p, guards[i].name))
			add(r, whole, guards[i].name, value);
	}
}

static enum MHD_Result send_reply(struct request *req)
{
	const struct reply *p = &req->reply;
	struct MHD_Response *r;
	enum MHD_Result rc;
	char number[16];
	bool whole = true;

	if (door_owns(req))
		door_dress(req);
	r = p->make ? p->make(req) : MHD_create_response_from_buffer(p->body.n, (void *)(uintptr_t)p->body.p, MHD_RESPMEM_MUST_COPY);
	if (!r)
		return MHD_NO;
	if (p->make || p->status == 200 || p->body.n)
		add(r, &whole, "Content-Type", content_type(p));
	add_guards(r, &whole, p);
	for (const struct reply_header *h = p->more; h; h = h->next)
		add(r, &whole, h->name, h->value);
	if (p->location)
		add(r, &whole, "Location", p->location);
	if (p->allow)
		add(r, &whole, "Allow", p->allow);
	if (p->replayed)
		add(r, &whole, "Idempotency-Replayed", "true");
	if (p->status == 401)
		add(r, &whole, "WWW-Authenticate", req->hook ? "Signature" : "Bearer");
	if (p->retry_after_s) {
		snprintf(number, sizeof number, "%d", p->retry_after_s);
		add(r, &whole, "Retry-After", number);
	}
	if (p->close || req->web->stopping)
		add(r, &whole, "Connection", "close");
	req->phase = REQ_SENT;
	figures_count(req);
	connection_deadline(req->web->connections, req->connection, req->web->settings->web.body_timeout_ms);
	rc = whole ? MHD_queue_response(req->connection, (unsigned)p->status, r) : MHD_NO;
	MHD_destroy_response(r);
	return rc;
}

static void find_route(struct request *req)
{
	struct route_params params = {STR_NONE, STR_NONE};
	const char *allow = NULL;

	connection_no_deadline(req->web->connections, req->connection);	/* what follows takes our time */
	req->max_body = (size_t)req->web->settings->web.max_body_bytes;
	req->route = route_find(req->arena, req->method, req->path, &params, &allow);
	req->id = params.id;
	req->name = params.name;
	if (req->route && !req->route->scope) {
		req->phase = REQ_AUTHORISED;
		return;
	}
	/* with a token or without, only who has one learns which paths exist */
	auth_request(req->web->auth, req);
}

/* Whoever takes a body as it comes is asked first whether it may come. */
static void begin_body(struct request *req)
{
	req->begun = true;
	if (!store_is_up(req->web->store))
		reply_problem(&req->reply, req->arena, 503, "unavailable", "the database is away");
	else
		req->route->body->begin(req);
}

/* Is there room for n more bytes from nobody knows whom? */
static bool has_room(struct request *req, uint64_t n)
{
	if (n <= MAX_OPEN_BYTES - req->web->open_bytes)
		return true;
	reply_problem(&req->reply, req->arena, 503, "unavailable", "too much is being sent by those who are not known yet");
	req->reply.close = true;
	return false;
}

static bool is_admitted(struct request *req)
{
	admit_fn *admit = route_admission(req->route);
	const char *length = head_get(req, "Content-Length");

	return !admit || (admit(req) == 0 && head_check_body(req) == 0 && has_room(req, length ? strtoull(length, NULL, 10) : 0));
}

static void after_auth(struct request *req)
{
	struct route_params params;
	const char *allow = NULL;

	if (!req->route) {
		route_find(req->arena, req->method, req->path, &params, &allow);
		if (allow)
			reply_problem(&req->reply, req->arena, 405, "method", "this path takes %s", allow);
		else
			reply_problem(&req->reply, req->arena, 404, "not_found", "no such path");
		req->reply.allow = allow;
		req->reply.close = true;
	} else if (req->route->scope && !(req->scopes & req->route->scope)) {
		reply_problem(&req->reply, req->arena, 403, "forbidden", "the token lacks the scope for this");
		req->reply.close = true;
	} else if (!is_admitted(req)) {
		req->reply.close = true;
	} else if (head_check_body(req) == 0) {
		if (req->route->body && !req->begun)
			begin_body(req);
		if (req->op)
			return;
		if (req->reply.status) {
			req->reply.close = true;
			return;
		}
		req->phase = REQ_BODY;
		connection_deadline(req->web->connections, req->connection, req->web->settings->web.body_timeout_ms);
	}
}

static void take_body(struct request *req, const char *data, size_t n)
{
	if (req->reply.status)
		return;
	req->taken += n;
	if (route_admission(req->route) && req->taken <= req->max_body) {
		if (!has_room(req, n))
			return;
		req->web->open_bytes += n;
		req->open_bytes += n;
	}
	if (!req->route->content_type || req->taken > req->max_body)
		req->too_large = true;
	else if (req->route->body)
		req->route->body->take(req, (struct str){data, n});
	else
		buf_add(&req->body, data, n);
}

static void handle(struct request *req)
{
	req->phase = REQ_HANDLED;
	connection_no_deadline(req->web->connections, req->connection);
	if (req->too_large && req->route->content_type)
		reply_problem(&req->reply, req->arena, 413, "too_large", "the body may have %zu bytes", req->max_body);
	else if (req->too_large)
		reply_problem(&req->reply, req->arena, 400, "malformed", "this request takes no body");
	else if (!req->route->offline && !store_is_up(req->web->store))
		reply_problem(&req->reply, req->arena, 503, "unavailable", "the database is away");
	else
		req->route->handle(req);
}

static void stop_reply(struct request *req)
{
	reply_problem(&req->reply, req->arena, 503, "unavailable", "the server is stopping");
	req->reply.close = true;
}

/* Called with headers, with every piece of body, at the end of the body, and after every resume. */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *c, const char *url, const char *method,
				  const char *version, const char *data, size_t *size, void **context)
{
	struct request *req = *context;

	(void)arg;
	(void)url;
	(void)c;
	if (req->web->ended && !req->reply.status)
		stop_reply(req);
	if (req->phase == REQ_HEADERS && !req->reply.status && !req->method.p && head_check(req, method, version) == 0)
		find_route(req);
	if (req->suspended)
		return MHD_YES;
	if (req->phase == REQ_AUTHORISED && !req->reply.status) {
		after_auth(req);
		if (!req->reply.status)
			return MHD_YES;
	}
	if (req->phase == REQ_AUTHORISED)
		req->reply.close = true;
	if (req->reply.status && req->phase != REQ_BODY)
		return req->phase == REQ_SENT ? MHD_YES : send_reply(req);
	if (req->phase == REQ_BODY && *size) {
		take_body(req, data, *size);
		*size = 0;
		return MHD_YES;
	}
	if (req->phase == REQ_BODY && !req->reply.status)
		handle(req);
	if (req->reply.status && !req->suspended)
		return send_reply(req);
	return MHD_YES;
}

static void on_completed(void *arg, struct MHD_Connection *c, void **context, enum MHD_RequestTerminationCode code)
{
	struct web *w = arg;
	struct request *req = *context;

	(void)code;
	if (!req)
		return;
	*context = NULL;
	connection_deadline(w->connections, c, IDLE_MS);
	request_end(req);
}

/* --- the daemon --- */

static void on_panic(void *arg, const char *file, unsigned line, const char *reason)
{
	(void)arg;
	fatal("libmicrohttpd: %s:%u: %s", file, line, reason ? reason : "");
}

static void on_mhd_log(void *arg, const char *fmt, va_list ap)
{
	char text[256];

	(void)arg;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	vsnprintf(text, sizeof text, fmt, ap);	/* the library's own formats */
#pragma GCC diagnostic pop
	log_debug("http", "text=%s", log_quotec(text));
}

static int start_daemon(struct web *w, struct err *err)
{
	const union MHD_DaemonInfo *info;

	MHD_set_panic_func(on_panic, NULL);
	w->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request, w,
				     MHD_OPTION_EXTERNAL_LOGGER, on_mhd_log, NULL,
				     MHD_OPTION_LISTEN_SOCKET, w->listen_fd,
				     MHD_OPTION_CONNECTION_LIMIT, (unsigned)w->settings->web.max_connections,
				     MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
				     MHD_OPTION_CONNECTION_TIMEOUT, 0u,
				     MHD_OPTION_STRICT_FOR_CLIENT, 1,
				     MHD_OPTION_NOTIFY_COMPLETED, on_completed, w,
				     MHD_OPTION_NOTIFY_CONNECTION, connection_notify, w->connections,
				     MHD_OPTION_URI_LOG_CALLBACK, on_line, w,
				     MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL,
				     MHD_OPTION_END);
	if (!w->daemon)
		return err_set(err, ERR_CONFIG, "libmicrohttpd does not start: %s", strerror(errno));
	info = MHD_get_daemon_info(w->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	if (!info)
		return err_set(err, ERR_CONFIG, "libmicrohttpd has no epoll");
	w->epoll = loop_fd_new(w->loop, info->listen_fd, on_epoll, w);
	loop_fd_set(w->epoll, LOOP_READ);
	return 0;
}

/* libmicrohttpd must not end with suspended connections: what has no answer by now gets a 503, and so does what comes in
 * this last run. */
static void end_all(struct web *w)
{
	w->ended = true;
	for (struct request *req = w->requests; req; req = req->next) {
		if (!req->suspended || req->gone)
			continue;
		request_release(req);
		stop_reply(req);
		request_resume(req);
	}
	run(w);
}

static void on_stop_timer(void *arg)
{
	struct web *w = arg;
	int64_t now_ms = loop_now_ms(w->loop);

	if (!w->stopped)
		return;
	if (!w->ended) {
		end_all(w);
		w->settle_ms = now_ms + SETTLE_MS;
	}
	if (door_active(w->door) && now_ms < w->settle_ms) {
		loop_timer_set(w->stop, w->settle_ms - now_ms);
		return;
	}
	w->stopped(w->stopped_arg);
	w->stopped = NULL;
}

struct web *web_start(struct loop *l, struct store *s, const struct settings *settings, struct err *err)
{
	int fd = listen_open(settings->web.listen, settings->web.socket_mode, err);
	struct arena *a;
	struct web *w;

	if (fd < 0)
		return NULL;
	a = arena_new(NULL);
	w = ARENA_NEW(a, struct web);
	*w = (struct web){.arena = a, .loop = l, .store = s, .settings = settings, .listen_fd = fd, .refs = 1};
	w->connections = connections_new(a, l, settings->web.header_timeout_ms);
	w->door = door_new(a, w);
	w->links = links_new(a, settings, err);
	if (!w->links || start_daemon(w, err) < 0) {
		connections_free(w->connections);
		listen_close(settings->web.listen, fd);
		arena_free(a);
		return NULL;
	}
	w->timeout = loop_timer_new(l, on_timeout, w);
	w->stop = loop_timer_new(l, on_stop_timer, w);
	w->auth = auth_new(a, w);
	w->inputs = inputs_new(a);
	w->hooks = hooks_new(a);
	w->waits = wait_new(a, w);
	w->figures = figures_new(a, w);
	w->topics = topics_new(a, w);
	w->streams = streams_new(a, w);
	log_info("web.listening", "at=%s", log_quotec(settings->web.listen));
	return w;
}

void web_stop(struct web *w, void (*stopped)(void *arg), void *arg)
{
	if (w->stopping)
		return;
	w->stopping = true;
	w->stopped = stopped;
	w->stopped_arg = arg;
	MHD_quiesce_daemon(w->daemon);
	wait_end_all(w->waits);
	streams_end_all(w->streams);
	loop_timer_set(w->stop, w->requests ? STOP_MS : 0);
}

/* Operations of requests may still be under way; the memory goes with the last of them. */
void web_free(struct web *w)
{
	if (!w)
		return;
	if (!w->stopping)
		MHD_quiesce_daemon(w->daemon);	/* else it closes the listening socket, which is ours */
	door_close(w->door);
	if (!w->ended)
		end_all(w);
	loop_fd_free(w->epoll);
	loop_timer_free(w->stop);
	w->stop = NULL;
	MHD_stop_daemon(w->daemon);
	w->daemon = NULL;
	listen_close(w->settings->web.listen, w->listen_fd);
	wait_free(w->waits);
	figures_free(w->figures);
	streams_free(w->streams);
	auth_free(w->auth);
	topics_free(w->topics);
	connections_free(w->connections);
	loop_timer_free(w->timeout);
	server_unref(w);
}
