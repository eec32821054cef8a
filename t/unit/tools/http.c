/* http.c - tools over HTTP: requests, answers, redirects, addresses, secrets, against a server of ours. */
#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/address.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "caller.h"
#include "../suite_run.h"

/* --- a server: one connection at a time, on 127.0.0.1 and 127.0.0.2; the path chooses the answer --- */

enum { PATIENCE_MS = 10000 };

static struct {
	pthread_t thread;
	int fd[2], stop[2], port;
	pthread_mutex_t lock;
	int connections, requests;
	char last[8192];	/* request as it came */
	char location[1024];
} server = {.lock = PTHREAD_MUTEX_INITIALIZER};

#define FIFTY "12345678901234567890123456789012345678901234567890"

static const struct {
	const char *path, *answer;	/* NULL ends the list; the body follows the blank line */
} answers[] = {
	{"/json", "200 OK\r\nContent-Type: application/json\r\nX-Twice: a\r\nX-Twice: b\r\n\r\n{\"a\":[1,2]}"},
	{"/problem", "200 OK\r\nContent-Type: application/problem+json; charset=utf-8\r\n\r\n{\"p\":1}"},
	{"/text", "200 OK\r\nContent-Type: text/html\r\n\r\n<b>hello</b>"},
	{"/latin", "200 OK\r\nContent-Type: text/plain; charset=latin1\r\n\r\ncaf\xe9!"},
	{"/untyped-json", "200 OK\r\n\r\n[true]"},
	{"/untyped-text", "200 OK\r\n\r\ntrue or not"},
	{"/bad-json", "200 OK\r\nContent-Type: application/json\r\n\r\n{\"a\":"},
	{"/none", "204 No Content\r\n\r\n"},
	{"/leak", "200 OK\r\nContent-Type: application/json\r\n\r\n{\"you\":\"sent s3cr3t-t0ken here\",\"s3cr3t-t0ken\":1}"},
	{"/400", "400 Bad\r\n\r\nno \x01such\r\nthing s3cr3t-t0ken"},
	{"/straddle", "400 Bad\r\n\r\n" FIFTY FIFTY FIFTY "45678901234567890123456789012345678901234567s3cr3t-t0ken"},
	{"/404", "404 Not Found\r\n\r\n"},
	{"/408", "408 Timeout\r\n\r\n"},
	{"/425", "425 Early\r\n\r\n"},
	{"/429", "429 Slow\r\nRetry-After: 7\r\n\r\n"},
	{"/500", "500 Oops\r\n\r\n"},
	{"/503", "503 Busy\r\nRetry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\n\r\n"},
	{"/loop", "302 Found\r\nLocation: /loop\r\n\r\n"},
	{"/304", "304 Not Modified\r\nLocation: /json\r\n\r\n"},
	{"/no-location", "302 Found\r\n\r\n"},
	{"/cut", "200 OK\r\nContent-Length: 1000\r\n\r\nhalf"},
	{NULL, NULL},
};

static void say(int fd, const char *s, size_t n)
{
	while (n > 0) {
		ssize_t k = send(fd, s, n, MSG_NOSIGNAL);

		if (k <= 0)
			return;
		s += k;
		n -= (size_t)k;
	}
}

static void wait_for_close(int fd)
{
	struct pollfd p[2] = {{fd, POLLIN, 0}, {server.stop[0], POLLIN, 0}};
	char c;

	while (poll(p, 2, PATIENCE_MS) > 0 && !p[1].revents && recv(fd, &c, 1, 0) > 0)
		;
}

static void answer_big(int fd, int mebibytes)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/plain\r\n\r\n";
	char block[4096];

	memset(block, 'x', sizeof block);
	say(fd, head, sizeof head - 1);
	for (int i = 0; i < mebibytes * 256; i++)
		say(fd, block, sizeof block);
}

/* Another request on this connection, before a new one comes? */
static bool is_kept(int fd)
{
	struct pollfd p[3] = {{fd, POLLIN, 0}, {server.fd[0], POLLIN, 0}, {server.stop[0], POLLIN, 0}};

	return poll(p, 3, PATIENCE_MS) > 0 && p[0].revents && !p[2].revents;
}

static void answer(int fd, const char *path)
{
	char text[10000];
	int n = 0;

	for (size_t i = 0; answers[i].path; i++)
		if (strcmp(path, answers[i].path) == 0)
			n = snprintf(text, sizeof text, "HTTP/1.1 %s", answers[i].answer);
	pthread_mutex_lock(&server.lock);
	if (strcmp(path, "/redirect") == 0)
		n = snprintf(text, sizeof text, "HTTP/1.1 302 Found\r\nLocation: %s\r\n\r\n", server.location);
	if (strcmp(path, "/echo") == 0)
		n = snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n%s", server.last);
	pthread_mutex_unlock(&server.lock);
	if (strcmp(path, "/silent") == 0) {
		wait_for_close(fd);
	} else if (strcmp(path, "/big") == 0) {
		answer_big(fd, 11);
	} else if (strcmp(path, "/long") == 0) {
		answer_big(fd, 1);
	} else if (strcmp(path, "/kept") == 0) {
		static const char kept[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n{}";

		say(fd, kept, sizeof kept - 1);
	} else {
		say(fd, text, (size_t)n);	/* nothing for an unknown path: a reset */
	}
}

static bool is_complete(const char *request)
{
	const char *end = strstr(request, "\r\n\r\n"), *length = strstr(request, "Content-Length: ");

	return end && (!length || length > end || strlen(end + 4) >= strtoul(length + 16, NULL, 10));
}

static bool serve(int fd)
{
	char request[8192] = "", path[256] = "";
	size_t n = 0;

	while (!is_complete(request) && n < sizeof request - 1) {
		ssize_t k = recv(fd, request + n, sizeof request - 1 - n, 0);

		if (k <= 0)
			return false;
		n += (size_t)k;
		request[n] = '\0';
	}
	pthread_mutex_lock(&server.lock);
	server.requests++;
	memcpy(server.last, request, n + 1);
	pthread_mutex_unlock(&server.lock);
	const char *from = strchr(request, ' ');

	if (!from)
		return false;
	snprintf(path, sizeof path, "%.*s", (int)strcspn(from + 1, " ?"), from + 1);
	answer(fd, path);
	return strcmp(path, "/kept") == 0 && is_kept(fd);
}

static void *run_server(void *arg)
{
	(void)arg;
	for (;;) {
		struct pollfd p[3] = {{server.fd[0], POLLIN, 0}, {server.fd[1], POLLIN, 0}, {server.stop[0], POLLIN, 0}};

		if (poll(p, 3, -1) < 0 || p[2].revents)
			return NULL;
		for (int i = 0; i < 2; i++) {
			int fd = p[i].revents ? accept(server.fd[i], NULL, NULL) : -1;

			if (fd < 0)
				continue;
			pthread_mutex_lock(&server.lock);
			server.connections++;
			pthread_mutex_unlock(&server.lock);
			while (serve(fd))
				;
			shutdown(fd, SHUT_RDWR);
			close(fd);
		}
	}
}

static int listen_on(const char *ip, int port, int *ret_port)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	socklen_t len = sizeof in;
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	inet_pton(AF_INET, ip, &in.sin_addr);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, (struct sockaddr *)&in, sizeof in) < 0 || listen(fd, 16) < 0) {
		close(fd);
		return -1;
	}
	getsockname(fd, (struct sockaddr *)&in, &len);
	*ret_port = ntohs(in.sin_port);
	return fd;
}

static void server_begin(void)
{
	server.connections = server.requests = 0;
	do {	/* the same port on both addresses */
		server.fd[0] = listen_on("127.0.0.1", 0, &server.port);
		server.fd[1] = listen_on("127.0.0.2", server.port, &server.port);
		if (server.fd[1] < 0)
			close(server.fd[0]);
	} while (server.fd[1] < 0);
	ck_assert_int_eq(pipe(server.stop), 0);
	ck_assert_int_eq(pthread_create(&server.thread, NULL, run_server, NULL), 0);
}

static void server_end(void)
{
	ck_assert_int_eq(write(server.stop[1], "", 1), 1);
	pthread_join(server.thread, NULL);
	for (int i = 0; i < 2; i++) {
		close(server.fd[i]);
		close(server.stop[i]);
	}
}

static int count(const int *what)
{
	int n;

	pthread_mutex_lock(&server.lock);
	n = *what;
	pthread_mutex_unlock(&server.lock);
	return n;
}

static void redirect_to(const char *location)
{
	pthread_mutex_lock(&server.lock);
	snprintf(server.location, sizeof server.location, "%s", location);
	pthread_mutex_unlock(&server.lock);
}

/* --- tools --- */

static const struct cidr loopback[] = {{AF_INET, {127, 0, 0, 0}, 8}};

static const char *url_of(const char *path)
{
	return arena_printf(arena, "http://127.0.0.1:%d%s", server.port, path);
}

/* GET of the path, allowed to reach 127/8. */
static struct manifest *get(const char *path)
{
	struct manifest *m = manifest_new("web.test", RUNNER_HTTP);

	m->u.http.url = caller_tmpl(url_of(path));
	m->u.http.allow = loopback;
	m->u.http.n_allow = 1;
	return m;
}

static struct manifest *post(const char *path, enum effect_class effect)
{
	struct manifest *m = get(path);

	m->u.http.method = "POST";
	call_effect = effect;
	return m;
}

static void header(struct manifest *m, const char *name, const char *value)
{
	struct tmpl_header *h = ARENA_ARRAY(arena, m->u.http.n_headers + 1, struct tmpl_header);

	if (m->u.http.n_headers)
		memcpy(h, m->u.http.headers, m->u.http.n_headers * sizeof *h);
	h[m->u.http.n_headers++] = (struct tmpl_header){str_from(name), caller_tmpl(value)};
	m->u.http.headers = h;
}

static void setup(void)
{
	caller_begin();
	server_begin();
	setenv("AGENTD_TEST_TOKEN", "s3cr3t-t0ken", 1);
}

static void teardown(void)
{
	server_end();
	caller_end();
}

/* --- answers --- */

START_TEST(gives_json_or_text)
{
	assert_gives(call(get("/json"), "{}"), "{\"a\":[1,2]}");
	assert_gives(call(get("/problem"), "{}"), "{\"p\":1}");
	assert_gives(call(get("/text"), "{}"), "{\"status\":200,\"text\":\"<b>hello</b>\"}");
	assert_gives(call(get("/latin"), "{}"), "{\"status\":200,\"text\":\"caf\xef\xbf\xbd!\"}");
	assert_gives(call(get("/untyped-json"), "{}"), "[true]");
	assert_gives(call(get("/untyped-text"), "{}"), "{\"status\":200,\"text\":\"true or not\"}");
	assert_gives(call(get("/none"), "{}"), "{\"status\":204,\"text\":\"\"}");
	assert_fails(call(get("/bad-json"), "{}"), ERR_TOOL_OUTPUT, TOOL_DONE);
}
END_TEST

START_TEST(shapes_the_result)
{
	struct manifest *m = get("/json");

	m->u.http.result = caller_expr("{n: (.body.a | length), s: .status, t: .headers[\"x-twice\"]}");
	assert_gives(call(m, "{}"), "{\"n\":2,\"s\":200,\"t\":\"a, b\"}");
	m->u.http.result = caller_expr(".body.a + 1");
	assert_fails(call(m, "{}"), ERR_TOOL_OUTPUT, TOOL_DONE);
	m = get("/text");
	m->u.http.result = caller_expr(".body");
	assert_gives(call(m, "{}"), "\"<b>hello</b>\"");
}
END_TEST

START_TEST(cuts_or_refuses_what_is_too_long)
{
	struct manifest *m = get("/text");
	struct answer r;

	m->max_output_bytes = 12;
	assert_fails(call(m, "{}"), ERR_TOOL_OUTPUT, TOOL_DONE);
	m = get("/echo");
	m->truncate_output = true;
	m->max_output_bytes = 50;
	r = call(m, "{}");
	ck_assert_str_eq(r.text, "{\"status\":200,\"text\":\"GET /echo\",\"truncated\":true}");
	ck_assert(r.truncated);
	assert_fails(call(get("/big"), "{}"), ERR_TOOL_OUTPUT, TOOL_UNKNOWN);
}
END_TEST

START_TEST(a_long_body_is_shaped_too)
{
	struct manifest *m = get("/long");

	assert_fails(call(m, "{}"), ERR_TOOL_OUTPUT, TOOL_DONE);
	m->u.http.result = caller_expr("{n: (.body | length), type: .headers[\"content-type\"]}");
	assert_gives(call(m, "{}"), "{\"n\":1048576,\"type\":\"text/plain\"}");
	m->u.http.result = caller_expr(".body + 1");
	assert_fails(call(m, "{}"), ERR_TOOL_OUTPUT, TOOL_DONE);
}
END_TEST

/* --- requests --- */

START_TEST(makes_the_request_from_arguments)
{
	struct manifest *m = post("/echo?q=${ .args.q }", EFFECT_IDEMPOTENT);
	const char *sent;

	header(m, "Idempotency-Key", "${ .effect_key }");
	header(m, "X-Task", "task ${ .task.id }");
	m->u.http.json = caller_tmpl("${ {title: .args.title, n: [.args.n]} }");
	sent = json_str(json_getc(call(m, "{\"q\":\"a b&c\",\"title\":\"x\\\"y\",\"n\":7}").value, "text")).p;
	ck_assert_msg(strstr(sent, "POST /echo?q=a%20b&c HTTP/1.1\r\n") != NULL, "%s", sent);
	ck_assert_ptr_nonnull(strstr(sent, "Idempotency-Key: abababababababababababababababababababababababababababababababab\r\n"));
	ck_assert_ptr_nonnull(strstr(sent, "X-Task: task t1\r\n"));
	ck_assert_ptr_nonnull(strstr(sent, "Content-Type: application/json\r\n"));
	ck_assert_ptr_nonnull(strstr(sent, "User-Agent: agentd/"));
	ck_assert_ptr_nonnull(strstr(sent, "\r\n\r\n{\"title\":\"x\\\"y\",\"n\":[7]}"));
	ck_assert_ptr_null(strstr(sent, "Expect:"));
}
END_TEST

START_TEST(refuses_requests_that_cannot_be_made)
{
	struct manifest *m = get("/${ .args.x.y }");
	struct answer r = call(m, "{\"x\":3}");

	assert_fails(r, ERR_TOOL_ARGS, TOOL_NOT_BEGUN);
	ck_assert_msg(strstr(r.err.msg, "cannot make the url from the arguments: ") != NULL, "%s", r.err.msg);
	assert_fails(call(m, "{}"), ERR_TOOL_ARGS, TOOL_NOT_BEGUN);
	m = get("/echo");
	header(m, "X", "${ .args.x }");
	assert_fails(call(m, "{\"x\":\"a\\r\\nB: c\"}"), ERR_TOOL_ARGS, TOOL_NOT_BEGUN);
	assert_fails(call(m, "{\"x\":\"a\\nb\"}"), ERR_TOOL_ARGS, TOOL_NOT_BEGUN);
	caller_args(m, "{\"required\":[\"z\"]}");
	assert_fails(call(m, "{\"x\":\"a\"}"), ERR_TOOL_ARGS, TOOL_NOT_BEGUN);
	caller_args(m, "{\"properties\":{\"x\":{\"items\":{\"type\":\"string\"}}},\"required\":[\"z\"]}");
	ck_assert_str_eq(call(m, "{\"x\":[\"a\",1]}").err.msg, "/x/1: expected string, got number; required key \"z\" is missing");
	ck_assert_int_eq(count(&server.connections), 0);
}
END_TEST

START_TEST(finds_tools_by_name)
{
	struct manifest *a = get("/json"), *b = get("/json"), *c = get("/json");
	const struct manifest *all[] = {a, b, c};
	struct tools *t = tools_new(loop, NULL, &settings);

	a->contract.name = STR("fs.read");
	c->contract.name = STR("web.test2");
	tools_set_manifests(t, all, 3);
	for (size_t i = 0; i < 3; i++)
		ck_assert_ptr_eq(tools_find(t, all[i]->contract.name), all[i]);
	ck_assert_ptr_null(tools_find(t, STR("web.tes")));
	ck_assert_ptr_null(tools_find(t, STR("web.test3")));
	ck_assert_ptr_null(tools_find(t, STR("a")));
	ck_assert_ptr_null(tools_find(t, STR("")));
	tools_set_manifests(t, NULL, 0);
	ck_assert_ptr_null(tools_find(t, STR("web.test")));
	tools_free(t);
}
END_TEST

/* --- failures: outcome and retry by class --- */

static const struct {
	const char *path;
	enum err_code code;
	int status;
	enum tool_outcome outcome;
	bool lax_retry;	/* for pure and idempotent */
} failures[] = {
	{"/400", ERR_TOOL_FAILED, 400, TOOL_DONE, false}, {"/404", ERR_TOOL_FAILED, 404, TOOL_DONE, false},
	{"/408", ERR_TOOL_FAILED, 408, TOOL_UNKNOWN, true}, {"/425", ERR_TOOL_FAILED, 425, TOOL_DONE, true},
	{"/429", ERR_TOOL_FAILED, 429, TOOL_DONE, true}, {"/500", ERR_TOOL_FAILED, 500, TOOL_UNKNOWN, true},
	{"/503", ERR_TOOL_FAILED, 503, TOOL_UNKNOWN, true}, {"/reset", ERR_TOOL_FAILED, 0, TOOL_UNKNOWN, true},
	{"/cut", ERR_TOOL_FAILED, 0, TOOL_UNKNOWN, true}, {"/silent", ERR_TOOL_TIMEOUT, 0, TOOL_UNKNOWN, true},
};

START_TEST(says_what_may_be_repeated)
{
	static const enum effect_class classes[] = {EFFECT_PURE, EFFECT_IDEMPOTENT, EFFECT_AT_MOST_ONCE};

	for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
		for (size_t c = 0; c < 3; c++) {
			struct manifest *m = post(failures[i].path, classes[c]);
			bool lax = classes[c] != EFFECT_AT_MOST_ONCE;
			struct answer r;

			call_timeout_ms = failures[i].code == ERR_TOOL_TIMEOUT ? 200 : 0;
			r = call(m, "{}");
			assert_fails(r, failures[i].code, failures[i].outcome);
			ck_assert_int_eq(r.err.status, failures[i].status);
			ck_assert_msg(r.err.retryable == (lax && failures[i].lax_retry), "%s %zu", failures[i].path, c);
		}
	}
}
END_TEST

START_TEST(what_never_left_may_be_tried_again)
{
	struct manifest *m = post("/json", EFFECT_AT_MOST_ONCE);
	int port;
	int fd = listen_on("127.0.0.1", 0, &port);
	struct answer r;

	close(fd);
	m->u.http.url = caller_tmpl(arena_printf(arena, "http://127.0.0.1:%d/", port));
	r = call(m, "{}");
	assert_fails(r, ERR_TOOL_FAILED, TOOL_NOT_BEGUN);
	ck_assert(r.err.retryable);
	m->u.http.url = caller_tmpl("http://no-such-host.invalid/");
	r = call(m, "{}");
	assert_fails(r, ERR_TOOL_FAILED, TOOL_NOT_BEGUN);
}
END_TEST

START_TEST(passes_on_when_to_come_again)
{
	ck_assert_int_eq(call(get("/429"), "{}").err.retry_after_ms, 7000);
	ck_assert_int_eq(call(get("/503"), "{}").err.retry_after_ms, 0);
}
END_TEST

START_TEST(a_message_is_one_line)
{
	struct answer r = call(get("/400"), "{}");

	ck_assert_msg(strstr(r.err.msg, "answered 400: no  such  thing") != NULL, "%s", r.err.msg);
}
END_TEST

static void tick(void *arg)
{
	(void)arg;
}

/* The server counts in a thread of its own: nothing tells our loop, which may have sent all and wait for the answer. */
static void until_requested(void)
{
	struct loop_timer *t = loop_timer_new(loop, tick, NULL);

	while (count(&server.requests) == 0) {
		loop_timer_set(t, 1);
		loop_once(loop);
	}
	loop_timer_free(t);
}

START_TEST(cancelling_says_what_may_have_happened)
{
	struct answer r;
	struct op *op = call_start(post("/silent", EFFECT_AT_MOST_ONCE), "{}", &r);

	op_cancel(op);
	call_wait();
	ck_assert_int_eq(r.err.code, ERR_CANCELLED);
	ck_assert_int_eq(r.outcome, TOOL_NOT_BEGUN);
	op = call_start(post("/silent", EFFECT_AT_MOST_ONCE), "{}", &r);
	until_requested();
	op_cancel(op);
	op_cancel(op);
	call_wait();
	ck_assert_msg(r.err.code == ERR_CANCELLED, "%s: %s", err_name(r.err.code), r.err.msg);
	ck_assert_int_eq(r.outcome, TOOL_UNKNOWN);
	ck_assert(!r.err.retryable);
}
END_TEST

/* --- redirects --- */

START_TEST(follows_redirects)
{
	redirect_to("/json");
	assert_gives(call(get("/redirect"), "{}"), "{\"a\":[1,2]}");
	redirect_to("json?x#y");
	assert_gives(call(get("/redirect"), "{}"), "{\"a\":[1,2]}");
	redirect_to(arena_printf(arena, "//127.0.0.2:%d/json", server.port));
	assert_gives(call(get("/redirect"), "{}"), "{\"a\":[1,2]}");
	assert_gives(call(get("/304"), "{}"), "{\"status\":304,\"text\":\"\"}");
	assert_gives(call(get("/no-location"), "{}"), "{\"status\":302,\"text\":\"\"}");
}
END_TEST

START_TEST(redirects_end)
{
	struct manifest *m = get("/loop");
	int before = count(&server.requests);

	assert_fails(call(m, "{}"), ERR_TOOL_FAILED, TOOL_DONE);
	ck_assert_int_eq(count(&server.requests) - before, 6);
	m->u.http.max_redirects = 0;
	assert_gives(call(m, "{}"), "{\"status\":302,\"text\":\"\"}");
	redirect_to("/json");
	m = post("/redirect", EFFECT_AT_MOST_ONCE);
	assert_gives(call(m, "{}"), "{\"status\":302,\"text\":\"\"}");
}
END_TEST

static const char *const bad_locations[] = {
	"file:///etc/passwd", "gopher://127.0.0.1:6379/_x", "javascript:alert(1)", "ftp://127.0.0.1/", "data:,x", "dict://x/",
	"http://10.0.0.1/", "http://169.254.169.254/latest/meta-data/", "http://[::1]/", "http://0.0.0.0/", "http://192.168.1.1/",
	"http://[::ffff:10.0.0.1]/", "http://[fd00::1]/", "http://2130706433/", "http://0x7f.1/", "http://0177.0.0.1/",
	"http://127.0.0.1:1/", "http://127.0.0.1:22/", "http://example.com:6379/", "//user:pw@127.0.0.1/", "http://a@b/",
	"/\\evil.example/", "\\\\evil.example", "http:/x", "http://", "///", "https://100.100.100.200/", "http://[fe80::1%25lo]/",
	"http://127.0.0.1.:80/", "http://%31/", "http://a\tb/", "http://metadata.google..internal/",
};

START_TEST(each_hop_is_judged)
{
	for (size_t i = 0; i < sizeof bad_locations / sizeof *bad_locations; i++) {
		int before = count(&server.requests);
		struct answer r;

		redirect_to(bad_locations[i]);
		r = call(get("/redirect"), "{}");
		ck_assert_msg(r.err.code == ERR_TOOL_FAILED, "%s: %s", bad_locations[i], r.err.msg);
		ck_assert_msg(!r.err.retryable && r.outcome == TOOL_DONE, "%s", bad_locations[i]);
		ck_assert_int_eq(count(&server.requests) - before, 1);
	}
}
END_TEST

/* --- addresses --- */

static const char *const private_urls[] = {"http://127.0.0.1:%d/json", "http://localhost:%d/json", "http://[::1]:%d/json",
					   "http://[::ffff:127.0.0.1]:%d/json", "http://0.0.0.0:%d/json"};

START_TEST(private_addresses_need_the_manifest)
{
	for (size_t i = 0; i < sizeof private_urls / sizeof *private_urls; i++) {
		char url[64];
		struct manifest *m = get("/json");
		struct answer r;

		snprintf(url, sizeof url, "http://%.*s%d/json", (int)(strstr(private_urls[i], "%d") - private_urls[i] - 7),
			 private_urls[i] + 7, server.port);
		m->u.http.url = caller_tmpl(url);
		m->u.http.n_allow = 0;
		r = call(m, "{}");
		assert_fails(r, ERR_TOOL_FAILED, TOOL_NOT_BEGUN);
		ck_assert(!r.err.retryable);
	}
	ck_assert_int_eq(count(&server.connections), 0);
}
END_TEST

START_TEST(a_kept_connection_opens_no_door)
{
	struct manifest *m = get("/kept");

	assert_gives(call(m, "{}"), "{}");
	assert_gives(call(m, "{}"), "{}");
	ck_assert_int_eq(count(&server.connections), 2);
	m->u.http.n_allow = 0;
	assert_fails(call(m, "{}"), ERR_TOOL_FAILED, TOOL_NOT_BEGUN);
	ck_assert_int_eq(count(&server.requests), 2);
}
END_TEST

START_TEST(ports_are_the_manifests)
{
	struct manifest *m = get("/json");

	m->u.http.url = caller_tmpl("${ .args.url }");
	assert_fails(call_json(m, caller_json(arena_printf(arena, "{\"url\":\"%s\"}", url_of("/json")))), ERR_TOOL_ARGS,
		     TOOL_NOT_BEGUN);
	assert_fails(call(m, "{\"url\":\"ftp://127.0.0.1/\"}"), ERR_TOOL_ARGS, TOOL_NOT_BEGUN);
	m->u.http.url = caller_tmpl(url_of("/${ .args.x }"));
	assert_gives(call(m, "{\"x\":\"json\"}"), "{\"a\":[1,2]}");
	m->u.http.url = caller_tmpl(arena_printf(arena, "http://127.0.0.1:%d${ .args.x }", server.port));
	assert_fails(call(m, "{\"x\":\"/json\"}"), ERR_TOOL_ARGS, TOOL_NOT_BEGUN);
	ck_assert_int_eq(count(&server.connections), 1);
}
END_TEST

START_TEST(the_environment_is_not_asked_for_a_proxy)
{
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	setenv("ALL_PROXY", "socks5://127.0.0.1:1", 1);
	assert_gives(call(get("/json"), "{}"), "{\"a\":[1,2]}");
	unsetenv("http_proxy");
	unsetenv("ALL_PROXY");
}
END_TEST

/* --- credentials --- */

static struct manifest *with_token(const char *path)
{
	struct manifest *m = get(path);

	caller_credential(m, "blog", "AGENTD_TEST_TOKEN");
	header(m, "Authorization", "Bearer ${ .credentials.blog }");
	header(m, "X-Key", "${ .credentials.blog }");
	header(m, "X-Plain", "${ .args.plain // \"p\" }");
	return m;
}

START_TEST(credentials_reach_the_other_side_only)
{
	struct answer r = call(with_token("/echo"), "{}");

	ck_assert_ptr_nonnull(strstr(server.last, "Authorization: Bearer s3cr3t-t0ken\r\n"));
	ck_assert_ptr_null(strstr(r.text, "s3cr3t"));
	ck_assert_ptr_nonnull(strstr(r.text, "Bearer ***"));
	assert_gives(call(with_token("/leak"), "{}"), "{\"you\":\"sent *** here\",\"***\":1}");
	r = call(with_token("/400"), "{}");
	ck_assert_ptr_nonnull(strstr(r.err.msg, "***"));
	ck_assert_ptr_null(strstr(r.err.msg, "s3cr3t"));
	r = call(with_token("/straddle"), "{}");
	assert_fails(r, ERR_TOOL_FAILED, TOOL_DONE);
	ck_assert_ptr_nonnull(strstr(r.err.msg, "567***"));
	ck_assert_ptr_null(strstr(r.err.msg, "s3"));
}
END_TEST

START_TEST(credentials_stay_with_their_origin)
{
	redirect_to("/echo");
	ck_assert_int_eq(call(with_token("/redirect"), "{}").err.code, ERR_NONE);
	ck_assert_ptr_nonnull(strstr(server.last, "Authorization: "));
	ck_assert_ptr_nonnull(strstr(server.last, "X-Key: "));
	redirect_to(arena_printf(arena, "http://127.0.0.2:%d/echo", server.port));
	ck_assert_int_eq(call(with_token("/redirect"), "{}").err.code, ERR_NONE);
	ck_assert_ptr_nonnull(strstr(server.last, "GET /echo "));
	ck_assert_ptr_null(strstr(server.last, "Authorization"));
	ck_assert_ptr_null(strstr(server.last, "X-Key"));
	ck_assert_ptr_null(strstr(server.last, "s3cr3t"));
	ck_assert_ptr_nonnull(strstr(server.last, "X-Plain: p\r\n"));
}
END_TEST

START_TEST(missing_credentials_are_named)
{
	struct manifest *m = with_token("/echo");
	struct answer r;

	unsetenv("AGENTD_TEST_TOKEN");
	r = call(m, "{}");
	assert_fails(r, ERR_TOOL_FAILED, TOOL_NOT_BEGUN);
	ck_assert(strstr(r.err.msg, "\"blog\"") && strstr(r.err.msg, "AGENTD_TEST_TOKEN"));
	setenv("AGENTD_TEST_TOKEN", "", 1);
	assert_fails(call(m, "{}"), ERR_TOOL_FAILED, TOOL_NOT_BEGUN);
	setenv("AGENTD_TEST_TOKEN", "s3cr3t\r\nX: y", 1);
	r = call(m, "{}");
	assert_fails(r, ERR_TOOL_FAILED, TOOL_NOT_BEGUN);
	ck_assert_ptr_null(strstr(r.err.msg, "s3cr3t"));
	settings.tools.n_credentials = 0;
	r = call(m, "{}");
	assert_fails(r, ERR_TOOL_FAILED, TOOL_NOT_BEGUN);
	ck_assert_ptr_nonnull(strstr(r.err.hint, "agentd.yaml"));
	ck_assert_int_eq(count(&server.connections), 0);
}
END_TEST

START_TEST(messages_of_expressions_keep_the_secret)
{
	struct manifest *m = with_token("/echo");
	struct answer r;

	header(m, "X-Bad", "${ .credentials.blog + 1 }");
	r = call(m, "{}");
	assert_fails(r, ERR_TOOL_ARGS, TOOL_NOT_BEGUN);
	ck_assert_msg(!strstr(r.err.msg, "s3c"), "%s", r.err.msg);
}
END_TEST

START_TEST(arguments_do_not_choose_where_credentials_go)
{
	struct manifest *m = with_token("/echo");
	struct answer r;

	m->u.http.url = caller_tmpl("${ .args.url }");
	r = call(m, "{\"url\":\"http://127.0.0.1/\"}");
	assert_fails(r, ERR_TOOL_FAILED, TOOL_NOT_BEGUN);
	ck_assert_ptr_nonnull(strstr(r.err.msg, "credentials go only"));
	m->u.http.url = caller_tmpl("http://127.0.0.1${ .args.rest }");
	r = call(m, "{\"rest\":\"/\"}");
	assert_fails(r, ERR_TOOL_FAILED, TOOL_NOT_BEGUN);
	ck_assert_ptr_nonnull(strstr(r.err.msg, "credentials go only"));
	ck_assert_int_eq(count(&server.connections), 0);
}
END_TEST

static struct manifest *query(const char *path, const char *result)
{
	struct manifest *m = get(path);

	m->u.http.result = caller_expr(result);
	return m;
}

static void check_said(struct said_answer got, enum said what, const char *result, const char *message)
{
	ck_assert_msg(got.what == what, "%d: %s", (int)got.what, got.err.msg);
	ck_assert_str_eq(got.result, result);
	if (*message)
		ck_assert_msg(got.err.code != ERR_NONE && strstr(got.err.msg, message), "\"%s\"", got.err.msg);
	else
		ck_assert_msg(got.err.code == ERR_NONE, "%s", got.err.msg);
}

/* What an answer that is none would make of it must not matter. */
#define HAPPENED "{decision: \"happened\", result: .status}"

START_TEST(queries_say_what_became_of_a_call)
{
	static const char *const no_word[] = {"1", "null", "{}", "{decision: 1}", "{decision: \"maybe\"}", "{decision: \"happened!\"}"};
	static const char *const none[] = {"/400", "/408", "/425", "/429", "/500", "/503", "/304", "/no-location", "/cut", "/nowhere"};

	check_said(ask(query("/json", "{decision: \"happened\", result: .body.a}"), "{}"), SAID_HAPPENED, "[1,2]", "");
	check_said(ask(query("/json", "{decision: \"happened\", result: null}"), "{}"), SAID_HAPPENED, "null", "");
	check_said(ask(query("/json", "{decision: \"unknown\"}"), "{}"), SAID_UNKNOWN, "", "");
	check_said(ask(query("/404", "{decision: (if .status == 404 then \"did_not_happen\" else \"happened\" end)}"), "{}"), SAID_DID_NOT_HAPPEN, "", "");
	check_said(ask(query("/json", "{decision: \"happened\"}"), "{}"), SAID_UNKNOWN, "", "no \"result\"");
	for (size_t i = 0; i < sizeof no_word / sizeof no_word[0]; i++)
		ck_assert_int_eq(ask(query("/json", no_word[i]), "{}").what, SAID_UNKNOWN);
	check_said(ask(query("/json", "{decision: \"maybe\"}"), "{}"), SAID_UNKNOWN, "", "expected {decision:");
	check_said(ask(query("/json", "error(\"no\")"), "{}"), SAID_UNKNOWN, "", "result of the tool");
	for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
		struct said_answer got = ask(query(none[i], HAPPENED), "{}");

		ck_assert_msg(got.what == SAID_UNKNOWN && got.err.code != ERR_NONE, "%s", none[i]);
	}
}
END_TEST

START_TEST(queries_name_the_call)
{
	struct manifest *m = query("/echo", "{decision: \"happened\", result: (.body | contains(\"abab\"))}");

	header(m, "X-Key", "${ .effect_key }");
	check_said(ask(m, "{}"), SAID_HAPPENED, "true", "");
	m = query("/json", HAPPENED);
	m->max_output_bytes = 20;
	check_said(ask(m, "{}"), SAID_UNKNOWN, "", "bytes");
	check_said(ask(NULL, "{}"), SAID_UNKNOWN, "", "has no query");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("http");
	TCase *t = tcase_create("http");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, gives_json_or_text);
	tcase_add_test(t, shapes_the_result);
	tcase_add_test(t, cuts_or_refuses_what_is_too_long);
	tcase_add_test(t, a_long_body_is_shaped_too);
	tcase_add_test(t, makes_the_request_from_arguments);
	tcase_add_test(t, refuses_requests_that_cannot_be_made);
	tcase_add_test(t, finds_tools_by_name);
	tcase_add_test(t, says_what_may_be_repeated);
	tcase_add_test(t, what_never_left_may_be_tried_again);
	tcase_add_test(t, passes_on_when_to_come_again);
	tcase_add_test(t, a_message_is_one_line);
	tcase_add_test(t, cancelling_says_what_may_have_happened);
	tcase_add_test(t, follows_redirects);
	tcase_add_test(t, redirects_end);
	tcase_add_test(t, each_hop_is_judged);
	tcase_add_test(t, private_addresses_need_the_manifest);
	tcase_add_test(t, a_kept_connection_opens_no_door);
	tcase_add_test(t, ports_are_the_manifests);
	tcase_add_test(t, the_environment_is_not_asked_for_a_proxy);
	tcase_add_test(t, credentials_reach_the_other_side_only);
	tcase_add_test(t, credentials_stay_with_their_origin);
	tcase_add_test(t, missing_credentials_are_named);
	tcase_add_test(t, messages_of_expressions_keep_the_secret);
	tcase_add_test(t, queries_say_what_became_of_a_call);
	tcase_add_test(t, queries_name_the_call);
	tcase_add_test(t, arguments_do_not_choose_where_credentials_go);
	suite_add_tcase(s, t);
	return suite_run(s);
}
