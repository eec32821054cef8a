/* http.c - transfers of one libcurl multi handle on the loop. Sole user of libcurl, with http_request.c.
 *
 * Handles leave the multi handle in the check phase only (finish), never inside a callback of
 * libcurl. One timer per transfer looks after first byte, idle and total time; libcurl looks after
 * connecting.
 */
#include "base/http.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/heap.h"
#include "base/http_request.h"

enum {
	KEPT_EASY = 64,		/* easy handles kept for reuse */
	KEPT_CONNECTIONS = 1024,	/* that stand idle */
};

struct http {
	struct loop *loop;
	CURLM *multi;
	struct loop_timer *timer;
	CURL *easy[KEPT_EASY];
	size_t n_easy;
	size_t n_transfers;
	size_t n_open, n_owned;		/* connections; of these, in use by a transfer: the others stand idle */
};

/* One socket that libcurl wants watched. */
struct watch {
	struct http *http;
	struct loop_fd *fd;
	curl_socket_t socket;
};

struct transfer {
	struct op op;
	struct http *http;
	CURL *easy;
	struct loop_timer *timer;
	struct http_request req;	/* numbers and hooks; texts were handed over or copied */
	struct http_result result;
	struct err *err;		/* NULL: none so far */
	size_t header_bytes, n_header_room;
	size_t body_bytes, body_room;
	int64_t start_ms, last_ms;
	bool added, ended;
	bool headers_done;
	bool has_byte;			/* of the body */
	bool opened, refused;		/* check_address: some address was allowed, some refused */
	bool safe;			/* libcurl may send it again on a new connection */
	bool owns;			/* a connection */
	const char *host;		/* for messages */
	char detail[CURL_ERROR_SIZE];
};

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void must(CURLMcode code, const char *what)
{
	if (code != CURLM_OK)
		fatal("%s: %s", what, curl_multi_strerror(code));
}

/* --- the end of a transfer --- */

static struct err *why(struct transfer *t)
{
	if (!t->err)
		t->err = ARENA_NEW(t->op.arena, struct err);
	return t->err;
}

/* Never inside a callback of libcurl, which would refuse it. */
static void tell_transfers(struct http *h)
{
	must(curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, (long)(h->n_transfers + KEPT_CONNECTIONS)), "curl_multi_setopt");
}

static CURL *take_easy(struct http *h)
{
	CURL *easy = h->n_easy ? h->easy[--h->n_easy] : curl_easy_init();

	if (!easy)
		fatal("curl_easy_init: out of memory");
	return easy;
}

static void give_easy(struct http *h, CURL *easy)
{
	if (h->n_easy == KEPT_EASY) {
		curl_easy_cleanup(easy);
		return;
	}
	curl_easy_reset(easy);
	h->easy[h->n_easy++] = easy;
}

static int status_of(const struct transfer *t)
{
	long status = 0;

	http_must(curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status), "CURLINFO_RESPONSE_CODE");
	return (int)status;
}

static void finish(void *arg)
{
	struct transfer *t = arg;
	struct http *h = t->http;

	t->result.status = status_of(t);
	if (t->added)
		must(curl_multi_remove_handle(h->multi, t->easy), "curl_multi_remove_handle");
	give_easy(h, t->easy);
	loop_timer_free(t->timer);
	h->n_transfers--;
	tell_transfers(h);
	h->n_owned -= t->owns;
	t->result.total_ms = now_ms() - t->start_ms;
	op_complete(&t->op, t->err);
}

/* The first reason counts: what libcurl says afterwards is only its echo. */
static void end(struct transfer *t)
{
	if (t->ended)
		return;
	t->ended = true;
	loop_defer(t->http->loop, finish, t);
}

static void on_cancel(struct op *op)
{
	end((struct transfer *)op);
}

/* --- deadlines --- */

static void expire(struct transfer *t, const char *which, int64_t limit_ms)
{
	err_set(why(t), ERR_TIMEOUT, "%s timeout: host \"%s\" took more than %lld ms", which, t->host,
		(long long)limit_ms);
	end(t);
}

static void check_deadlines(void *arg)
{
	struct transfer *t = arg;
	int64_t now = now_ms(), total = t->start_ms + t->req.total_ms - now;
	int64_t next = t->has_byte ? t->last_ms + t->req.idle_ms - now : t->start_ms + t->req.first_byte_ms - now;

	if (t->ended)
		return;
	if (total <= 0)
		expire(t, "total", t->req.total_ms);
	else if (next <= 0 && t->has_byte)
		expire(t, "idle", t->req.idle_ms);
	else if (next <= 0)
		expire(t, "first_byte", t->req.first_byte_ms);
	else
		loop_timer_set(t->timer, next < total ? next : total);
}

/* --- what arrives --- */

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void add_header(struct transfer *t, struct str name, struct str value)
{
	struct arena *a = t->op.arena;
	struct http_result *r = &t->result;
	char *lower = arena_strndup(a, name.p, name.n);

	for (size_t i = 0; i < name.n; i++)
		if (lower[i] >= 'A' && lower[i] <= 'Z')
			lower[i] = (char)(lower[i] + ('a' - 'A'));
	if (r->n_headers == t->n_header_room) {
		size_t room = t->n_header_room ? 2 * t->n_header_room : 4;
		struct http_header *bigger = ARENA_ARRAY(a, room, struct http_header);

		if (r->n_headers)
			memcpy(bigger, r->headers, r->n_headers * sizeof *bigger);
		r->headers = bigger;
		t->n_header_room = room;
	}
	r->headers[r->n_headers++] = (struct http_header){
		{lower, name.n}, {arena_strndup(a, value.p, value.n), value.n}};
}

/* "Name: value" with its line end; lines that continue another one (obsolete) are dropped. */
static void parse_header(struct transfer *t, const char *p, size_t n)
{
	const char *colon = memchr(p, ':', n), *value;

	if (!colon || colon == p || is_space(p[0]))
		return;
	value = colon + 1;
	while (value < p + n && is_space(*value))
		value++;
	while (p + n > value && is_space(p[n - 1]))
		n--;
	add_header(t, (struct str){p, (size_t)(colon - p)}, (struct str){value, (size_t)(p + n - value)});
}

static size_t on_header(char *p, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;

	(void)size;	/* always 1 */
	if (t->ended)
		return 0;
	t->last_ms = now_ms();
	t->header_bytes += n;
	if (t->header_bytes > t->req.max_headers) {
		err_set(why(t), ERR_SIZE, "headers of host \"%s\" have more than %zu bytes", t->host,
			t->req.max_headers);
		end(t);
		return 0;
	}
	if (n > 5 && memcmp(p, "HTTP/", 5) == 0 && !t->has_byte) {	/* also after an interim 1xx answer */
		t->headers_done = false;
		t->result.n_headers = 0;
	} else if (n <= 2 && is_space(p[0])) {
		t->headers_done = true;
		t->result.first_byte_ms = t->last_ms - t->start_ms;
	} else if (!t->headers_done) {		/* trailers are not headers */
		parse_header(t, p, n);
	}
	return n;
}

static void collect(struct transfer *t, const char *p, size_t n)
{
	struct str *body = &t->result.body;
	size_t need = body->n + n + 1;

	if (need > t->body_room) {
		size_t room = need > 2 * t->body_room ? need : 2 * t->body_room;
		char *bigger = realloc((void *)(uintptr_t)body->p, room);

		if (!bigger)
			fatal("out of memory: %zu bytes of a body", room);
		body->p = bigger;
		t->body_room = room;
	}
	memcpy((char *)(uintptr_t)body->p + body->n, p, n);
	body->n += n;
	((char *)(uintptr_t)body->p)[body->n] = '\0';
}

static void free_body(void *arg)
{
	struct transfer *t = arg;

	free((void *)(uintptr_t)t->result.body.p);
}

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;

	(void)size;
	if (t->ended)
		return 0;
	t->last_ms = now_ms();
	if (!t->has_byte) {
		t->has_byte = true;
		t->result.first_byte_ms = t->last_ms - t->start_ms;
		t->result.status = status_of(t);
		check_deadlines(t);	/* from first_byte to idle */
	}
	t->body_bytes += n;
	if (t->body_bytes > t->req.max_body) {
		err_set(why(t), ERR_SIZE, "body of host \"%s\" has more than %zu bytes", t->host, t->req.max_body);
		end(t);
		return 0;
	}
	if (!t->req.on_data || t->result.status >= 300) {
		collect(t, p, n);
	} else if (t->req.on_data(t->req.data_arg, (struct str){p, n}) < 0) {
		err_set(why(t), ERR_CANCELLED, "the receiver stopped the transfer");
		end(t);
	}
	return t->ended ? 0 : n;
}

/* --- connections --- */

static bool is_allowed(struct transfer *t, const struct sockaddr *sa, socklen_t len)
{
	bool ok = !t->req.check_address || t->req.check_address(t->req.check_arg, sa, len) == 0;

	if (ok)
		t->opened = true;
	else
		t->refused = true;
	return ok;
}

static void own_connection(struct transfer *t)
{
	t->http->n_owned += !t->owns;
	t->owns = true;
}

static curl_socket_t on_open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *sa)
{
	struct transfer *t = arg;
	int fd;

	(void)purpose;
	if (!is_allowed(t, &sa->addr, (socklen_t)sa->addrlen))
		return CURL_SOCKET_BAD;
	fd = socket(sa->family, sa->socktype | SOCK_CLOEXEC, sa->protocol);
	if (fd < 0)
		return CURL_SOCKET_BAD;
	t->http->n_open++;
	own_connection(t);
	return fd;
}

static int on_close_socket(void *arg, curl_socket_t fd)
{
	struct http *h = arg;

	h->n_open--;
	return close(fd);
}

/* libcurl looks for an idle connection among all that are open, one by one, and when it keeps too many it looks for the oldest idle
 * one the same way: with thousands in flight that is most of its work. So it is told where there is none to be found,
 * which are not worth keeping, and (tell_transfers) not to count those that are in use. */
static void set_connection(struct transfer *t)
{
	const struct http *h = t->http;

	if (h->n_open <= h->n_owned)
		HTTP_SET(t->easy, FRESH_CONNECT, 1L);
	if (h->n_transfers > KEPT_CONNECTIONS)
		HTTP_SET(t->easy, FORBID_REUSE, 1L);
}

/* A kept connection may have been opened for someone who asked nothing. */
static bool is_kept_allowed(struct transfer *t, const char *ip, int port)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};

	if (inet_pton(AF_INET, ip, &in.sin_addr) == 1)
		return is_allowed(t, (struct sockaddr *)&in, sizeof in);
	if (inet_pton(AF_INET6, ip, &in6.sin6_addr) == 1)
		return is_allowed(t, (struct sockaddr *)&in6, sizeof in6);
	t->refused = !t->req.unix_socket;
	return !t->refused;
}

/* Connected, TLS is done, nothing of the request was written: from here on it may have left. libcurl
 * comes here again when a kept connection died under the request and wants to send it once more: that
 * is right when nothing was written or the method is safe, else the caller must decide. */
static int before_request(void *arg, char *ip, char *local_ip, int port, int local_port)
{
	struct transfer *t = arg;
	long written = 0;

	(void)local_ip;
	(void)local_port;
	own_connection(t);
	if (t->ended)
		return CURL_PREREQFUNC_ABORT;
	if (t->req.check_address && !t->opened && !is_kept_allowed(t, ip, port))
		return CURL_PREREQFUNC_ABORT;
	http_must(curl_easy_getinfo(t->easy, CURLINFO_REQUEST_SIZE, &written), "CURLINFO_REQUEST_SIZE");
	if (t->result.sent && written > 0 && !t->safe) {
		err_set(why(t), ERR_NETWORK, "host \"%s\" closed a kept connection under the request", t->host);
		end(t);
		return CURL_PREREQFUNC_ABORT;
	}
	t->result.sent = true;
	return CURL_PREREQFUNC_OK;
}

/* --- the multi handle --- */

static void judge(struct transfer *t, CURLcode code)
{
	const char *detail = t->detail[0] ? t->detail : curl_easy_strerror(code);

	if (code == CURLE_OK)
		return;
	if (t->refused && !t->opened) {
		err_set(why(t), ERR_FORBIDDEN, "no address of host \"%s\" is allowed", t->host);
		return;
	}
	switch (code) {
	case CURLE_URL_MALFORMAT:
	case CURLE_LOGIN_DENIED:	/* a name or password in the URL */
		err_set(why(t), ERR_INVALID, "url of host \"%s\": %s", t->host, detail);
		return;
	case CURLE_OPERATION_TIMEDOUT:	/* only connecting is timed by libcurl */
		err_set(why(t), ERR_TIMEOUT, "connect timeout: host \"%s\" took more than %lld ms", t->host,
			(long long)t->req.connect_ms);
		return;
#if LIBCURL_VERSION_NUM >= 0x080600
	case CURLE_TOO_LARGE:
#endif
	case CURLE_OUT_OF_MEMORY:	/* how an older libcurl says that a header line passed 100 KiB */
		err_set(why(t), ERR_SIZE, "a header line of host \"%s\" has more than 100 KiB", t->host);
		return;
	default:
		err_set(why(t), ERR_NETWORK, "host \"%s\": %s", t->host, detail);
	}
	if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE)
		why(t)->retryable = false;
}

static void read_messages(struct http *h)
{
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(h->multi, &left))) {
		struct transfer *t;

		if (msg->msg != CURLMSG_DONE)
			continue;
		http_must(curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&t), "CURLINFO_PRIVATE");
		if (t->ended)
			continue;
		judge(t, msg->data.result);
		end(t);
	}
}

static void act(struct http *h, curl_socket_t socket, int events)
{
	int running;

	must(curl_multi_socket_action(h->multi, socket, events, &running), "curl_multi_socket_action");
	read_messages(h);
}

static void on_timer(void *arg)
{
	act(arg, CURL_SOCKET_TIMEOUT, 0);
}

static int set_timer(CURLM *multi, long timeout_ms, void *arg)
{
	struct http *h = arg;

	(void)multi;
	if (timeout_ms < 0)
		loop_timer_clear(h->timer);
	else
		loop_timer_set(h->timer, timeout_ms);
	return 0;
}

static void on_socket(void *arg, int events)
{
	struct watch *w = arg;

	act(w->http, w->socket,
	    (events & LOOP_READ ? CURL_CSELECT_IN : 0) | (events & LOOP_WRITE ? CURL_CSELECT_OUT : 0));
}

static int set_socket(CURL *easy, curl_socket_t socket, int what, void *arg, void *known)
{
	struct http *h = arg;
	struct watch *w = known;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (w)
			loop_fd_free(w->fd);
		free(w);
		return 0;
	}
	if (!w) {
		w = calloc(1, sizeof *w);
		if (!w)
			fatal("out of memory: socket of a transfer");
		w->http = h;
		w->socket = socket;
		w->fd = loop_fd_new(h->loop, socket, on_socket, w);
		must(curl_multi_assign(h->multi, socket, w), "curl_multi_assign");
	}
	loop_fd_set(w->fd, (what & CURL_POLL_IN ? LOOP_READ : 0) | (what & CURL_POLL_OUT ? LOOP_WRITE : 0));
	return 0;
}

struct http *http_new(struct loop *l)
{
	static bool ready;
	struct http *h = heap_zalloc(1, sizeof *h);

	heap_share();		/* before libcurl brings libcrypto up */
	if (!ready)
		http_must(curl_global_init_mem(CURL_GLOBAL_DEFAULT, heap_alloc, free, heap_resize, heap_strdup, heap_zalloc),
			  "curl_global_init");
	ready = true;
	h->multi = curl_multi_init();
	if (!h->multi)
		fatal("curl_multi_init failed");
	h->loop = l;
	h->timer = loop_timer_new(l, on_timer, h);
	must(curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, set_socket), "curl_multi_setopt");
	must(curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h), "curl_multi_setopt");
	must(curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, set_timer), "curl_multi_setopt");
	must(curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h), "curl_multi_setopt");
	tell_transfers(h);
	must(curl_multi_setopt(h->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING), "curl_multi_setopt");
	return h;
}

void http_free(struct http *h)
{
	if (!h)
		return;
	if (h->n_transfers)
		fatal("http_free: %zu transfers are left", h->n_transfers);
	while (h->n_easy)
		curl_easy_cleanup(h->easy[--h->n_easy]);
	curl_multi_cleanup(h->multi);
	loop_timer_free(h->timer);
	free(h);
}

/* --- start --- */

static void set_hooks(struct transfer *t)
{
	CURL *e = t->easy;

	HTTP_SET(e, PRIVATE, t);
	HTTP_SET(e, ERRORBUFFER, t->detail);
	HTTP_SET(e, CONNECTTIMEOUT_MS, (long)t->req.connect_ms);
	HTTP_SET(e, HEADERFUNCTION, on_header);
	HTTP_SET(e, HEADERDATA, t);
	HTTP_SET(e, WRITEFUNCTION, on_body);
	HTTP_SET(e, WRITEDATA, t);
	HTTP_SET(e, OPENSOCKETFUNCTION, on_open_socket);
	HTTP_SET(e, OPENSOCKETDATA, t);
	HTTP_SET(e, CLOSESOCKETFUNCTION, on_close_socket);
	HTTP_SET(e, CLOSESOCKETDATA, t->http);
	HTTP_SET(e, PREREQFUNCTION, before_request);
	HTTP_SET(e, PREREQDATA, t);
}

/* Runs in the check phase, so that a transfer may be started from any callback. */
static void add_transfer(void *arg)
{
	struct transfer *t = arg;

	if (t->ended)
		return;
	tell_transfers(t->http);
	set_connection(t);
	must(curl_multi_add_handle(t->http->multi, t->easy), "curl_multi_add_handle");
	t->added = true;
}

static void fill_defaults(struct http_request *req)
{
	if (req->connect_ms <= 0)
		req->connect_ms = 10 * 1000;
	if (req->first_byte_ms <= 0)
		req->first_byte_ms = 90 * 1000;
	if (req->idle_ms <= 0)
		req->idle_ms = 60 * 1000;
	if (req->total_ms <= 0)
		req->total_ms = 300 * 1000;
	if (req->max_body == 0)
		req->max_body = (size_t)32 << 20;
	if (req->max_headers == 0)
		req->max_headers = (size_t)64 << 10;
}

struct op *http_start(struct http *h, struct arena *arena, const struct http_request *req,
		      const struct http_result **ret_result, op_done_fn *done, void *arg)
{
	struct transfer *t = ARENA_NEW(arena, struct transfer);
	char host[HTTP_HOST_BYTES];
	struct err err;

	op_init(&t->op, h->loop, arena, on_cancel, done, arg);
	arena_defer(arena, free_body, t);
	t->http = h;
	t->req = *req;
	fill_defaults(&t->req);
	t->start_ms = t->last_ms = now_ms();
	if (ret_result)
		*ret_result = &t->result;
	if (http_request_check(req, host, &err) < 0) {
		t->ended = true;
		op_complete(&t->op, &err);
		return &t->op;
	}
	h->n_transfers++;
	t->host = arena_strdup(arena, host);
	t->easy = take_easy(h);
	t->safe = http_request_is_safe(req);
	http_request_apply(req, t->easy, arena);
	set_hooks(t);
	t->timer = loop_timer_new(h->loop, check_deadlines, t);
	check_deadlines(t);
	loop_defer(h->loop, add_transfer, t);
	return &t->op;
}

const struct http_result *http_result_of(const struct op *op)
{
	return &((const struct transfer *)op)->result;
}

struct str http_header_get(const struct http_result *r, const char *lower_name)
{
	size_t n = strlen(lower_name);

	for (size_t i = 0; i < r->n_headers; i++)
		if (r->headers[i].name.n == n && memcmp(r->headers[i].name.p, lower_name, n) == 0)
			return r->headers[i].value;
	return STR_NONE;
}
