/* http.c - the client against a server that answers well and badly. */
#include "base/http.h"

#include <check.h>
#include <dirent.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/heap.h"
#include "http_server.h"
#include "../suite_run.h"

static struct loop *loop;
static struct http *http;
static struct server *server;

/* What the last completion said, copied. */
static struct arena *kept;
static struct http_result result;
static struct err error;
static int pending, failures;

static char pieces[4096];	/* what on_piece() got, '|' behind each piece */

static void setup(void)
{
	server = server_start();
	loop = loop_new();
	http = http_new(loop);
	kept = arena_new(NULL);
	pending = failures = 0;
	pieces[0] = '\0';
}

static void teardown(void)
{
	http_free(http);
	loop_free(loop);
	server_stop(server);
	arena_free(kept);
}

static struct str keep(struct str s)
{
	return (struct str){arena_strndup(kept, s.p, s.n), s.n};
}

static void on_done(struct op *op, void *arg)
{
	const struct http_result *r = http_result_of(op);

	(void)arg;
	error = *op->err;
	failures += op->err->code != ERR_NONE;
	result = *r;
	result.body = keep(r->body);
	result.headers = ARENA_ARRAY(kept, r->n_headers + 1, struct http_header);
	for (size_t i = 0; i < r->n_headers; i++)
		result.headers[i] = (struct http_header){keep(r->headers[i].name), keep(r->headers[i].value)};
	if (--pending == 0)
		loop_stop(loop);
}

static const char *url_of(const char *path)
{
	return arena_printf(kept, "http://127.0.0.1:%d%s", server_port(server), path);
}

static struct op *start(const char *path, struct http_request req)
{
	const struct http_result *r;
	struct op *op;

	if (!req.url)
		req.url = url_of(path);
	if (!req.method)
		req.method = "GET";
	pending++;
	op = http_start(http, arena_new(NULL), &req, &r, on_done, NULL);
	ck_assert_ptr_eq(r, http_result_of(op));
	return op;
}

static void fetch(const char *path, struct http_request req)
{
	start(path, req);
	loop_run(loop);
}

static void assert_header(const char *name, const char *value)
{
	struct str got = http_header_get(&result, name);

	if (value)
		ck_assert_msg(got.p && str_is(got, value), "%s: \"" STR_FMT "\"", name, STR_ARG(got));
	else
		ck_assert_ptr_null(got.p);
}

/* --- answers --- */

static const struct {
	const char *path;
	int status;
	const char *body, *header, *value;
} answers[] = {
	{"/hello", 200, "hello", "content-type", "text/plain"},
	{"/hello", 200, "hello", "x-two", "spaced"},
	{"/hello", 200, "hello", "x-empty", ""},
	{"/hello", 200, "hello", "x-absent", NULL},
	{"/chunks", 200, "abcdabcdabcdabcdabcd", "x-trailer", NULL},
	{"/hints", 200, "final", "x-final", "yes"},
	{"/hints", 200, "final", "link", NULL},
	{"/redirect", 302, "moved", "location", "/hello"},
	{"/busy", 503, "busy", "retry-after", "7"},
	{"/nothing", 404, "nothing here", "x-absent", NULL},
};

START_TEST(answers_arrive_whole)
{
	fetch(answers[_i].path, (struct http_request){0});
	ck_assert_msg(error.code == ERR_NONE, "%s", error.msg);
	ck_assert_int_eq(result.status, answers[_i].status);
	ck_assert_str_eq(result.body.p, answers[_i].body);
	ck_assert_uint_eq(result.body.n, strlen(answers[_i].body));
	ck_assert(result.sent);
	ck_assert_int_le(result.first_byte_ms, result.total_ms);
	assert_header(answers[_i].header, answers[_i].value);
	ck_assert_int_eq(server_connections(server), 1);	/* redirects are not followed */
}
END_TEST

START_TEST(gzip_is_decoded_when_asked_for)
{
	fetch("/gzip", (struct http_request){.gzip = true});
	ck_assert_str_eq(result.body.p, "hello, compressed world\n");
	fetch("/gzip", (struct http_request){0});
	ck_assert_int_eq(result.body.p[0], 0x1f);
	fetch("/zeros", (struct http_request){.gzip = true, .max_body = 300000});
	ck_assert_int_eq(error.code, ERR_NONE);
	ck_assert_uint_eq(result.body.n, 300000);
	fetch("/zeros", (struct http_request){.gzip = true, .max_body = 299999});	/* 320 bytes on the wire */
	ck_assert_int_eq(error.code, ERR_SIZE);
}
END_TEST

static const struct {
	const char *method, *body, *first_line, *must, *must_not;
} requests[] = {
	{"GET", NULL, "GET /request HTTP/1.1\r\n", "\r\nX-Key: value\r\n", "Content-"},
	{"GET", NULL, "GET ", "\r\nX-Empty:\r\n", "Expect"},
	{"POST", "a=b", "POST ", "\r\nContent-Length: 3\r\n", "Content-Type"},
	{"POST", "a=b", "POST ", "\r\n\r\na=b", "Expect"},
	{"POST", NULL, "POST ", "\r\nContent-Length: 0\r\n", "Content-Type"},
	{"PUT", "x", "PUT ", "\r\n\r\nx", "Content-Type"},
	{"PATCH", "", "PATCH ", "\r\nContent-Length: 0\r\n", "Transfer-Encoding"},
	{"DELETE", NULL, "DELETE ", "\r\nX-Key: value\r\n", "Content-Length"},
	{"PROPFIND", "x", "PROPFIND ", "\r\n\r\nx", "Content-Type"},
	{"GET", "q", "GET ", "\r\n\r\nq", "Content-Type"},
};

START_TEST(requests_leave_as_given)
{
	const struct http_header headers[] = {{STR("X-Key"), STR("value")}, {STR("X-Empty"), STR("")}};

	fetch("/request", (struct http_request){.method = requests[_i].method, .body = str_from(requests[_i].body),
						.headers = headers, .n_headers = 2});
	ck_assert_msg(error.code == ERR_NONE, "%s", error.msg);
	ck_assert_ptr_eq(strstr(result.body.p, requests[_i].first_line), result.body.p);
	ck_assert_msg(strstr(result.body.p, requests[_i].must), "%s", result.body.p);
	ck_assert_msg(!strstr(result.body.p, requests[_i].must_not), "%s", result.body.p);
}
END_TEST

START_TEST(a_large_body_is_sent_at_once)
{
	static char big[300000];

	memset(big, 'b', sizeof big);
	fetch("/request", (struct http_request){.method = "POST", .body = {big, sizeof big}});
	ck_assert_int_eq(error.code, ERR_NONE);
	ck_assert_uint_gt(result.body.n, sizeof big);
	ck_assert_int_eq(result.body.p[result.body.n - sizeof big], 'b');
	ck_assert_ptr_null(strstr(result.body.p, "Expect"));
}
END_TEST

START_TEST(head_has_no_body)
{
	fetch("/no-body", (struct http_request){.method = "HEAD"});
	ck_assert_int_eq(error.code, ERR_NONE);
	ck_assert_int_eq(result.status, 200);
	ck_assert_uint_eq(result.body.n, 0);
	assert_header("content-type", "text/event-stream");
}
END_TEST

/* --- bad requests --- */

static const struct {
	const char *method, *url, *name, *value;
} bad[] = {
	{"GET", "ftp://127.0.0.1/", NULL, NULL},
	{"GET", "file:///etc/passwd", NULL, NULL},
	{"GET", "127.0.0.1/x", NULL, NULL},
	{"GET", "", NULL, NULL},
	{"GET", "http://", NULL, NULL},
	{"GET", "http:///path", NULL, NULL},
	{"GET", "http://user:secret@127.0.0.1/", NULL, NULL},
	{"GET", "http://127.0.0.1:99999/", NULL, NULL},
	{"GET", "http://127.0.0.1/a b", NULL, NULL},
	{"GET", "http://127.0.0.1/\r\nX: y", NULL, NULL},
	{"GE T", "http://127.0.0.1/", NULL, NULL},
	{"", "http://127.0.0.1/", NULL, NULL},
	{"GET", "http://127.0.0.1/", "X-A", "one\r\nX-B: two"},
	{"GET", "http://127.0.0.1/", "X-A", "bell\a"},
	{"GET", "http://127.0.0.1/", "X A", "v"},
	{"GET", "http://127.0.0.1/", "X-A:", "v"},
	{"GET", "http://127.0.0.1/", "", "v"},
	{"GET", "http://127.0.0.1/", "Content-Length", "5"},
	{"GET", "http://127.0.0.1/", "transfer-encoding", "chunked"},
};

START_TEST(bad_requests_are_refused)
{
	const struct http_header h = {str_from(bad[_i].name), str_from(bad[_i].value)};

	fetch(NULL, (struct http_request){.method = bad[_i].method, .url = bad[_i].url, .headers = &h,
					  .n_headers = bad[_i].name ? 1 : 0});
	ck_assert_msg(error.code == ERR_INVALID, "%d %s", error.code, error.msg);
	ck_assert(!error.retryable);
	ck_assert(!result.sent);
	ck_assert_ptr_null(strstr(error.msg, "secret"));
}
END_TEST

/* --- failures --- */

static const struct {
	const char *path;
	enum err_code code;
	const char *said;
	struct http_request req;
} broken[] = {
	{"/reset", ERR_NETWORK, "127.0.0.1", {0}},
	{"/close", ERR_NETWORK, "127.0.0.1", {0}},
	{"/early", ERR_NETWORK, "127.0.0.1", {0}},
	{"/rubbish", ERR_NETWORK, "127.0.0.1", {0}},
	{"/silent", ERR_TIMEOUT, "first_byte", {.first_byte_ms = 60}},
	{"/no-body", ERR_TIMEOUT, "first_byte", {.first_byte_ms = 60}},
	{"/stall", ERR_TIMEOUT, "idle", {.idle_ms = 60}},
	{"/drip", ERR_TIMEOUT, "total", {.total_ms = 150, .idle_ms = 5000}},
	{"/silent", ERR_TIMEOUT, "total", {.total_ms = 60}},
	{"/drip", ERR_SIZE, "body", {.max_body = 3}},
	{"/much", ERR_SIZE, "body", {.max_body = 999999}},
	{"/many-headers", ERR_SIZE, "headers", {0}},
	{"/long-header", ERR_SIZE, "header", {0}},
	{"/hello", ERR_SIZE, "headers", {.max_headers = 40}},
};

START_TEST(failures_after_sending)
{
	fetch(broken[_i].path, broken[_i].req);
	ck_assert_msg(error.code == broken[_i].code, "%d %s", error.code, error.msg);
	ck_assert_msg(strstr(error.msg, broken[_i].said), "%s", error.msg);
	ck_assert(result.sent);
	ck_assert_int_eq(error.retryable, err_code_is_retryable(broken[_i].code));
	if (strcmp(broken[_i].path, "/early") == 0)
		ck_assert_str_eq(result.body.p, "only this");
	if (strcmp(broken[_i].path, "/stall") == 0)
		ck_assert_int_eq(result.status, 200);
}
END_TEST

START_TEST(caps_are_exact)
{
	fetch("/much", (struct http_request){.max_body = 1000000});
	ck_assert_int_eq(error.code, ERR_NONE);
	ck_assert_uint_eq(result.body.n, 1000000);
	fetch("/many-headers", (struct http_request){.max_headers = 200000});
	ck_assert_int_eq(error.code, ERR_NONE);
	ck_assert_uint_eq(result.n_headers, 1001);
}
END_TEST

/* A listener nobody accepts from; ret[1] fills its queue when full is asked for. */
static int deaf_listener(int ret[3], bool full)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof in;

	ret[0] = socket(AF_INET, SOCK_STREAM, 0);
	ret[1] = ret[2] = -1;
	ck_assert_int_eq(bind(ret[0], (struct sockaddr *)&in, sizeof in), 0);
	ck_assert_int_eq(getsockname(ret[0], (struct sockaddr *)&in, &len), 0);
	if (full) {
		ck_assert_int_eq(listen(ret[0], 0), 0);
		for (int i = 1; i < 3; i++) {
			ret[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
			connect(ret[i], (struct sockaddr *)&in, sizeof in);
		}
	}
	return ntohs(in.sin_port);
}

START_TEST(failures_before_sending)
{
	int fds[3], port = deaf_listener(fds, false);

	fetch(NULL, (struct http_request){.url = arena_printf(kept, "http://127.0.0.1:%d/", port), .method = "POST"});
	ck_assert_int_eq(error.code, ERR_NETWORK);
	ck_assert(!result.sent);
	ck_assert(error.retryable);
	close(fds[0]);

	fetch(NULL, (struct http_request){.url = "http://no-such-host.invalid/"});
	ck_assert_int_eq(error.code, ERR_NETWORK);
	ck_assert(!result.sent);

	/* TLS with a server that does not speak it */
	fetch(NULL, (struct http_request){
		.url = arena_printf(kept, "https://127.0.0.1:%d/hello", server_port(server))});
	ck_assert_int_eq(error.code, ERR_NETWORK);
	ck_assert(!result.sent);

	port = deaf_listener(fds, true);
	fetch(NULL, (struct http_request){.url = arena_printf(kept, "http://127.0.0.1:%d/", port), .connect_ms = 80});
	ck_assert_int_eq(error.code, ERR_TIMEOUT);
	ck_assert_msg(strstr(error.msg, "connect"), "%s", error.msg);
	ck_assert(!result.sent);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
}
END_TEST

/* --- streams --- */

static int on_piece(void *arg, struct str piece)
{
	size_t n = strlen(pieces);

	ck_assert_uint_lt(n + piece.n + 2, sizeof pieces);
	memcpy(pieces + n, piece.p, piece.n);
	memcpy(pieces + n + piece.n, "|", 2);
	return arg ? -1 : 0;
}

START_TEST(pieces_are_handed_on)
{
	int once = 1;

	fetch("/chunks", (struct http_request){.on_data = on_piece});
	ck_assert_int_eq(error.code, ERR_NONE);
	ck_assert_uint_eq(result.body.n, 0);
	ck_assert_uint_ge(strlen(pieces), 20 + 2);	/* more than one piece */
	pieces[0] = '\0';
	fetch("/busy", (struct http_request){.on_data = on_piece});	/* an error's body is collected */
	ck_assert_str_eq(pieces, "");
	ck_assert_str_eq(result.body.p, "busy");
	fetch("/drip", (struct http_request){.on_data = on_piece, .data_arg = &once});
	ck_assert_int_eq(error.code, ERR_CANCELLED);
	ck_assert_uint_gt(strlen(pieces), 0);
}
END_TEST

static struct op *victim;

static int cancel_on_piece(void *arg, struct str piece)
{
	(void)arg;
	(void)piece;
	op_cancel(victim);
	op_cancel(victim);
	return 0;
}

static void cancel_op(void *op)
{
	op_cancel(op);
}

START_TEST(cancel_at_any_time)
{
	struct loop_timer *t;

	victim = start("/hello", (struct http_request){0});
	op_cancel(victim);
	ck_assert_int_eq(pending, 1);
	loop_run(loop);
	ck_assert_int_eq(error.code, ERR_CANCELLED);
	ck_assert(!result.sent);

	victim = start("/silent", (struct http_request){0});
	t = loop_timer_new(loop, cancel_op, victim);
	loop_timer_set(t, 40);
	loop_run(loop);
	loop_timer_free(t);
	ck_assert_int_eq(error.code, ERR_CANCELLED);
	ck_assert(result.sent);

	victim = start("/drip", (struct http_request){.on_data = cancel_on_piece});
	loop_run(loop);
	ck_assert_int_eq(error.code, ERR_CANCELLED);
	ck_assert_int_eq(result.status, 200);
}
END_TEST

static int start_on_piece(void *arg, struct str piece)
{
	(void)piece;
	if (!*(int *)arg)
		start("/hello", (struct http_request){0});
	*(int *)arg = 1;
	return 0;
}

START_TEST(a_transfer_may_be_started_from_a_piece)
{
	int started = 0;

	fetch("/chunks", (struct http_request){.on_data = start_on_piece, .data_arg = &started});
	ck_assert_int_eq(started, 1);
	ck_assert_int_eq(failures, 0);
}
END_TEST

/* --- connections --- */

START_TEST(connections_are_kept_unless_fresh)
{
	fetch("/connection", (struct http_request){0});
	fetch("/connection", (struct http_request){0});
	ck_assert_str_eq(result.body.p, "conn=1 req=2");
	fetch("/connection", (struct http_request){.fresh = true});
	ck_assert_str_eq(result.body.p, "conn=2 req=1");
}
END_TEST

/* The first try may have had its effect: only the caller may decide on a second one. */
START_TEST(a_request_with_effects_is_never_sent_twice)
{
	fetch("/dying", (struct http_request){.method = "POST", .body = STR("x")});
	ck_assert_int_eq(error.code, ERR_NONE);
	fetch("/dying", (struct http_request){.method = "POST", .body = STR("x")});
	ck_assert_int_eq(error.code, ERR_NETWORK);
	ck_assert(result.sent);
	ck_assert(error.retryable);
	ck_assert_int_eq(server_requests(server), 2);

	fetch("/dying", (struct http_request){0});
	fetch("/dying", (struct http_request){0});	/* a GET is repeated on a new connection */
	ck_assert_msg(error.code == ERR_NONE, "%s", error.msg);
	ck_assert_int_eq(server_requests(server), 5);
}
END_TEST

static int n_checked;

static int refuse(void *arg, const struct sockaddr *sa, socklen_t len)
{
	ck_assert_uint_ge(len, sizeof sa->sa_family);
	ck_assert_int_eq(sa->sa_family, AF_INET);
	ck_assert_int_eq(((const struct sockaddr_in *)(const void *)sa)->sin_port, htons((uint16_t)server_port(server)));
	n_checked++;
	return arg ? 0 : -1;
}

START_TEST(addresses_are_checked)
{
	int yes = 1;

	n_checked = 0;
	fetch("/hello", (struct http_request){.check_address = refuse});
	ck_assert_int_eq(error.code, ERR_FORBIDDEN);
	ck_assert(!result.sent);
	ck_assert(!error.retryable);
	ck_assert_int_eq(n_checked, 1);
	ck_assert_int_eq(server_connections(server), 0);
	fetch("/hello", (struct http_request){.check_address = refuse, .check_arg = &yes});
	ck_assert_int_eq(error.code, ERR_NONE);
	ck_assert_int_eq(n_checked, 2);
	/* the kept connection is not a way around */
	fetch("/hello", (struct http_request){.check_address = refuse});
	ck_assert_int_eq(error.code, ERR_FORBIDDEN);
	ck_assert(!result.sent);
	ck_assert_int_eq(server_requests(server), 1);
}
END_TEST

START_TEST(unix_sockets_work)
{
	fetch("/x", (struct http_request){.url = "http://localhost/hello", .unix_socket = server_unix_path(server)});
	ck_assert_msg(error.code == ERR_NONE, "%s", error.msg);
	ck_assert_str_eq(result.body.p, "hello");
	fetch("/x", (struct http_request){.url = "http://localhost/hello", .unix_socket = "/no/such/socket"});
	ck_assert_int_eq(error.code, ERR_NETWORK);
	ck_assert(!result.sent);
}
END_TEST

static int open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* The server answers when all 200 requests are there. Then once more, half of them cancelled. */
START_TEST(many_transfers_in_parallel)
{
	struct op *ops[200];
	int before;

	for (int i = 0; i < 200; i++)
		start("/meet", (struct http_request){.total_ms = 20000});
	loop_run(loop);
	ck_assert_int_eq(failures, 0);
	ck_assert_int_eq(server_connections(server), 200);
	before = open_fds();
	for (int i = 0; i < 200; i++)
		ops[i] = start(i % 2 ? "/silent" : "/hello", (struct http_request){0});
	for (int i = 1; i < 200; i += 2)
		op_cancel(ops[i]);
	loop_run(loop);
	ck_assert_int_eq(failures, 100);
	ck_assert_int_le(open_fds(), before);
}
END_TEST

START_TEST(caller_texts_may_go_after_start)
{
	char *url = heap_strdup(url_of("/request")), *method = heap_strdup("POST"), *body = heap_strdup("payload"), *value = heap_strdup("v");
	struct http_header h = {STR("X-H"), str_from(value)};

	start(NULL, (struct http_request){.url = url, .method = method, .body = str_from(body), .headers = &h,
					  .n_headers = 1});
	memset(url, '?', strlen(url));
	memset(body, '?', strlen(body));
	free(url);
	free(method);
	free(body);
	free(value);
	loop_run(loop);
	ck_assert_int_eq(error.code, ERR_NONE);
	ck_assert_ptr_nonnull(strstr(result.body.p, "payload"));
	ck_assert_ptr_nonnull(strstr(result.body.p, "X-H: v"));
}
END_TEST

#define N(list) ((int)(sizeof(list) / sizeof(list)[0]))

int main(void)
{
	Suite *s = suite_create("http");
	TCase *tc = tcase_create("http");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, answers_arrive_whole, 0, N(answers));
	tcase_add_test(tc, gzip_is_decoded_when_asked_for);
	tcase_add_loop_test(tc, requests_leave_as_given, 0, N(requests));
	tcase_add_test(tc, a_large_body_is_sent_at_once);
	tcase_add_test(tc, head_has_no_body);
	tcase_add_loop_test(tc, bad_requests_are_refused, 0, N(bad));
	tcase_add_loop_test(tc, failures_after_sending, 0, N(broken));
	tcase_add_test(tc, caps_are_exact);
	tcase_add_test(tc, failures_before_sending);
	tcase_add_test(tc, pieces_are_handed_on);
	tcase_add_test(tc, cancel_at_any_time);
	tcase_add_test(tc, a_transfer_may_be_started_from_a_piece);
	tcase_add_test(tc, connections_are_kept_unless_fresh);
	tcase_add_test(tc, a_request_with_effects_is_never_sent_twice);
	tcase_add_test(tc, addresses_are_checked);
	tcase_add_test(tc, unix_sockets_work);
	tcase_add_test(tc, many_transfers_in_parallel);
	tcase_add_test(tc, caller_texts_may_go_after_start);
	suite_add_tcase(s, tc);
	return suite_run(s);
}
