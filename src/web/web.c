/* web.c - the server: listening socket, libmicrohttpd on its epoll descriptor inside the loop, deadlines. */
#include "web/web.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/loop.h"
#include "config/settings.h"
#include "store/store.h"
#include "web/auth.h"
#include "web/head.h"
#include "web/request.h"
#include "web/route.h"
#include "web/server.h"
#include "web/wait.h"

enum { CONNECTION_MEMORY = 24 * 1024, IDLE_MS = 60000, STOP_MS = 5000, SCAN_MS = 500, BACKLOG = 1024 };

/* Absolute deadlines per connection; libmicrohttpd's own timeout starts anew with every byte (R50). */
struct connection {
	int fd;
	int64_t until_ms;	/* 0: an answer is being made */
	struct connection *prev, *next;
};

struct web {
	struct arena *arena;
	struct loop *loop;
	struct store *store;
	const struct settings *settings;
	struct MHD_Daemon *daemon;
	struct loop_fd *epoll;
	struct loop_timer *timeout, *scan, *stop;
	struct waits *waits;
	struct auth *auth;
	struct connection *connections;
	struct request *requests;
	int listen_fd;
	bool kicked, stopping;
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

struct waits *server_waits(const struct web *w)
{
	return w->waits;
}

struct auth *server_auth(const struct web *w)
{
	return w->auth;
}

bool server_stopping(const struct web *w)
{
	return w->stopping;
}

void server_enter(struct web *w, struct request *req)
{
	req->next = w->requests;
	if (req->next)
		req->next->prev = req;
	w->requests = req;
}

void server_leave(struct web *w, struct request *req)
{
	if (req->prev)
		req->prev->next = req->next;
	else
		w->requests = req->next;
	if (req->next)
		req->next->prev = req->prev;
	if (w->stopping && !w->requests)
		loop_timer_set(w->stop, 0);
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
	run(w);
}

void server_kick(struct web *w)
{
	if (w->kicked)
		return;
	w->kicked = true;
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

/* --- connections and their deadlines --- */

static struct connection *connection_of(struct MHD_Connection *c)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

static void on_connection(void *arg, struct MHD_Connection *c, void **context, enum MHD_ConnectionNotificationCode code)
{
	struct web *w = arg;
	struct connection *x;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		x = calloc(1, sizeof *x);
		if (!x)
			fatal("out of memory");
		x->fd = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
		x->until_ms = loop_now_ms(w->loop) + w->settings->web.header_timeout_ms;
		x->next = w->connections;
		if (x->next)
			x->next->prev = x;
		w->connections = x;
		*context = x;
		return;
	}
	x = *context;
	if (!x)
		return;
	if (x->prev)
		x->prev->next = x->next;
	else
		w->connections = x->next;
	if (x->next)
		x->next->prev = x->prev;
	free(x);
}

static void set_deadline(struct web *w, struct MHD_Connection *c, int64_t ms)
{
	struct connection *x = connection_of(c);

	if (x)
		x->until_ms = ms ? loop_now_ms(w->loop) + ms : 0;
}

/* Cutting the socket makes libmicrohttpd find its end in the next run. */
static void on_scan(void *arg)
{
	struct web *w = arg;
	int64_t now = loop_now_ms(w->loop);

	for (struct connection *x = w->connections; x; x = x->next) {
		if (x->until_ms && x->until_ms <= now) {
			shutdown(x->fd, SHUT_RDWR);
			x->until_ms = 0;
		}
	}
	loop_timer_set(w->scan, SCAN_MS);
}

/* --- requests --- */

static void *on_line(void *arg, const char *target, struct MHD_Connection *c)
{
	struct web *w = arg;
	struct request *req = request_new(w, target);

	req->connection = c;
	set_deadline(w, c, w->settings->web.header_timeout_ms);
	return req;
}

static size_t keep_escapes(void *arg, struct MHD_Connection *c, char *s)
{
	(void)arg;
	(void)c;
	return strlen(s);
}

static void add(struct MHD_Response *r, const char *name, const char *value)
{
	MHD_add_response_header(r, name, value);
}

static enum MHD_Result send_reply(struct request *req)
{
	const struct reply *p = &req->reply;
	struct MHD_Response *r = MHD_create_response_from_buffer(p->body.n, (void *)(uintptr_t)p->body.p, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result rc;
	char number[16];

	if (!r)
		return MHD_NO;
	add(r, "Content-Type", p->problem ? "application/problem+json" : "application/json");
	add(r, "X-Content-Type-Options", "nosniff");
	add(r, "Cache-Control", "no-store");
	if (p->location)
		add(r, "Location", p->location);
	if (p->allow)
		add(r, "Allow", p->allow);
	if (p->replayed)
		add(r, "Idempotency-Replayed", "true");
	if (p->status == 401)
		add(r, "WWW-Authenticate", "Bearer");
	if (p->retry_after_s) {
		snprintf(number, sizeof number, "%d", p->retry_after_s);
		add(r, "Retry-After", number);
	}
	if (p->close || req->web->stopping)
		add(r, "Connection", "close");
	req->phase = REQ_SENT;
	set_deadline(req->web, req->connection, req->web->settings->web.body_timeout_ms);
	rc = MHD_queue_response(req->connection, (unsigned)p->status, r);
	MHD_destroy_response(r);
	return rc;
}

static void find_route(struct request *req)
{
	const char *allow = NULL;

	set_deadline(req->web, req->connection, 0);	/* the head is here; what follows takes our time */
	req->max_body = (size_t)req->web->settings->web.max_body_bytes;
	req->route = route_find(req->arena, req->method, req->path, &req->id, &allow);
	if (req->route && !req->route->scope) {
		req->phase = REQ_AUTHORISED;
		return;
	}
	/* with a token or without, only who has one learns which paths exist */
	auth_request(req->web->auth, req);
}

static void after_auth(struct request *req)
{
	const char *allow = NULL;
	struct str id;

	if (!req->route) {
		route_find(req->arena, req->method, req->path, &id, &allow);
		if (allow)
			reply_problem(&req->reply, req->arena, 405, "method", "this path takes %s", allow);
		else
			reply_problem(&req->reply, req->arena, 404, "not_found", "no such path");
		req->reply.allow = allow;
		req->reply.close = true;
	} else if (req->route->scope && !(req->scopes & req->route->scope)) {
		reply_problem(&req->reply, req->arena, 403, "forbidden", "the token lacks the scope for this");
		req->reply.close = true;
	} else if (head_check_body(req) == 0) {
		req->phase = REQ_BODY;
		set_deadline(req->web, req->connection, req->web->settings->web.body_timeout_ms);
	}
}

static void take_body(struct request *req, const char *data, size_t n)
{
	if (!req->route->content_type || req->body.n + n > req->max_body)
		req->too_large = true;
	else
		buf_add(&req->body, data, n);
}

static void handle(struct request *req)
{
	req->phase = REQ_HANDLED;
	set_deadline(req->web, req->connection, 0);
	if (req->too_large && req->route->content_type)
		reply_problem(&req->reply, req->arena, 413, "too_large", "the body may have %zu bytes", req->max_body);
	else if (req->too_large)
		reply_problem(&req->reply, req->arena, 400, "malformed", "this request takes no body");
	else if (req->route->scope && !store_is_up(req->web->store))
		reply_problem(&req->reply, req->arena, 503, "unavailable", "the database is away");
	else
		req->route->handle(req);
}

/* Called with headers, with every piece of body, at the end of the body, and after every resume. */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *c, const char *url, const char *method,
				  const char *version, const char *data, size_t *size, void **context)
{
	struct request *req = *context;

	(void)arg;
	(void)url;
	(void)c;
	if (req->phase == REQ_HEADERS && !req->reply.status && !req->method.p && head_check(req, method, version) == 0)
		find_route(req);
	if (req->suspended)
		return MHD_YES;
	if (req->phase == REQ_AUTHORISED && !req->reply.status) {
		after_auth(req);
		if (!req->reply.status)
			return MHD_YES;
	}
	if (req->reply.status && req->phase != REQ_BODY)
		return req->phase == REQ_SENT ? MHD_YES : send_reply(req);
	if (req->phase == REQ_BODY && *size) {
		take_body(req, data, *size);
		*size = 0;
		return MHD_YES;
	}
	if (req->phase == REQ_BODY)
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
	set_deadline(w, c, IDLE_MS);
	request_end(req);
}

/* --- listening --- */

static int listen_unix(const struct settings *s, const char *path, struct err *err)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof sa.sun_path) {
		close(fd);
		return err_set(err, ERR_CONFIG, "web.listen: the path of the socket is longer than %zu bytes", sizeof sa.sun_path - 1);
	}
	memcpy(sa.sun_path, path, strlen(path) + 1);
	if (connect(fd, (struct sockaddr *)&sa, sizeof sa) == 0 || errno == EAGAIN) {
		close(fd);
		return err_set(err, ERR_CONFIG, "web.listen: another server answers at \"%s\"", path);
	}
	if (errno == ECONNREFUSED)
		unlink(path);	/* left by a server that was killed */
	if (bind(fd, (struct sockaddr *)&sa, sizeof sa) < 0 || chmod(path, (mode_t)s->web.socket_mode) < 0 || listen(fd, BACKLOG) < 0) {
		err_set(err, ERR_CONFIG, "web.listen: \"%s\": %s", path, strerror(errno));
		close(fd);
		return -1;
	}
	return fd;
}

static int listen_tcp(const char *address, struct err *err)
{
	const struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
	struct arena *a = arena_new(NULL);
	const char *colon = strrchr(address, ':');
	struct addrinfo *ai = NULL;
	struct str host = {address, colon ? (size_t)(colon - address) : 0};
	int fd = -1, one = 1;

	if (host.n > 2 && host.p[0] == '[')
		host = str_sub(host, 1, host.n - 2);
	if (!colon || getaddrinfo(str_cstr(a, host), colon + 1, &hints, &ai) != 0) {
		err_set(err, ERR_CONFIG, "web.listen: \"%s\": expected unix:/PATH or ADDRESS:PORT", address);
		goto out;
	}
	fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (fd < 0 || bind(fd, ai->ai_addr, ai->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0) {
		err_set(err, ERR_CONFIG, "web.listen: \"%s\": %s", address, strerror(errno));
		if (fd >= 0)
			close(fd);
		fd = -1;
	}
out:
	if (ai)
		freeaddrinfo(ai);
	arena_free(a);
	return fd;
}

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
	MHD_set_panic_func(on_panic, NULL);
	w->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request, w,
				     MHD_OPTION_EXTERNAL_LOGGER, on_mhd_log, NULL,
				     MHD_OPTION_LISTEN_SOCKET, w->listen_fd,
				     MHD_OPTION_CONNECTION_LIMIT, (unsigned)w->settings->web.max_connections,
				     MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
				     MHD_OPTION_CONNECTION_TIMEOUT, 0u,
				     MHD_OPTION_STRICT_FOR_CLIENT, 1,
				     MHD_OPTION_NOTIFY_COMPLETED, on_completed, w,
				     MHD_OPTION_NOTIFY_CONNECTION, on_connection, w,
				     MHD_OPTION_URI_LOG_CALLBACK, on_line, w,
				     MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL,
				     MHD_OPTION_END);
	if (!w->daemon)
		return err_set(err, ERR_CONFIG, "libmicrohttpd does not start: %s", strerror(errno));
	w->epoll = loop_fd_new(w->loop, MHD_get_daemon_info(w->daemon, MHD_DAEMON_INFO_EPOLL_FD)->listen_fd, on_epoll, w);
	loop_fd_set(w->epoll, LOOP_READ);
	return 0;
}

/* libmicrohttpd must not end with suspended connections: what has no answer by now gets a 503. */
static void on_stop_timer(void *arg)
{
	struct web *w = arg;

	if (!w->stopped)
		return;
	for (struct request *req = w->requests; req; req = req->next) {
		if (!req->suspended || req->gone)
			continue;
		reply_problem(&req->reply, req->arena, 503, "unavailable", "the server is stopping");
		request_resume(req);
	}
	run(w);
	w->stopped(w->stopped_arg);
	w->stopped = NULL;
}

struct web *web_start(struct loop *l, struct store *s, const struct settings *settings, struct err *err)
{
	struct arena *a = arena_new(NULL);
	struct web *w = ARENA_NEW(a, struct web);
	const char *listen_at = settings->web.listen;

	w->arena = a;
	w->loop = l;
	w->store = s;
	w->settings = settings;
	w->listen_fd = strncmp(listen_at, "unix:", 5) == 0 ? listen_unix(settings, listen_at + 5, err) : listen_tcp(listen_at, err);
	if (w->listen_fd < 0 || start_daemon(w, err) < 0) {
		if (w->listen_fd >= 0)
			close(w->listen_fd);
		arena_free(a);
		return NULL;
	}
	w->timeout = loop_timer_new(l, on_timeout, w);
	w->scan = loop_timer_new(l, on_scan, w);
	w->stop = loop_timer_new(l, on_stop_timer, w);
	w->auth = auth_new(a);
	w->waits = wait_new(a, w);
	loop_timer_set(w->scan, SCAN_MS);
	log_info("web.listening", "at=%s", log_quotec(listen_at));
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
	loop_timer_set(w->stop, w->requests ? STOP_MS : 0);
}

void web_free(struct web *w)
{
	if (!w)
		return;
	if (strncmp(w->settings->web.listen, "unix:", 5) == 0)
		unlink(w->settings->web.listen + 5);
	loop_fd_free(w->epoll);
	MHD_stop_daemon(w->daemon);
	close(w->listen_fd);
	wait_free(w->waits);
	loop_timer_free(w->timeout);
	loop_timer_free(w->scan);
	loop_timer_free(w->stop);
	arena_free(w->arena);
}
