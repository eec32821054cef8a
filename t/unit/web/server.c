/* server.c - the real server without a database: listening, deadlines, and its end at every phase of a request. */
#include "web/web.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/loop.h"
#include "config/settings.h"
#include "store/store.h"
#include "web/listen.h"
#include "../suite_run.h"

enum { ROUNDS = 3000 };

static struct arena *arena;
static struct loop *loop;
static struct store *store;
static struct loop_timer *tick;
static struct settings settings;
static struct web *web;
static char dir[] = "/tmp/agentd-web.XXXXXX", path[128];
static bool stopped;

static void on_tick(void *arg)
{
	(void)arg;
	loop_timer_set(tick, 5);
}

static void on_stopped(void *arg)
{
	(void)arg;
	stopped = true;
}

static void setup(void)
{
	struct diags *d;

	memcpy(dir + sizeof dir - 7, "XXXXXX", 6);
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof path, "unix:%s/web.sock", dir);
	arena = arena_new(NULL);
	d = diags_new(arena);
	settings = *settings_parse(arena, "agentd.yaml", STR("agentd: v1\nweb: {header_timeout: 2s}\n"), d);
	settings.web.listen = path;
	loop = loop_new();
	tick = loop_timer_new(loop, on_tick, NULL);
	on_tick(NULL);
	store = store_open(loop, "host=/nonexistent dbname=x", "test");
	stopped = false;
	web = NULL;
}

static void start(void)
{
	struct err err = {0};

	web = web_start(loop, store, &settings, &err);
	ck_assert_msg(web != NULL, "%s", err.msg);
}

static void teardown(void)
{
	web_free(web);
	store_close(store);
	loop_timer_free(tick);
	loop_free(loop);
	arena_free(arena);
	unlink(path + 5);
	rmdir(dir);
}

static int client(void)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	memcpy(sa.sun_path, path + 5, strlen(path + 5) + 1);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&sa, sizeof sa), 0);
	return fd;
}

static void say(int fd, const char *text)
{
	ck_assert_int_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* Everything up to the end of the stream, or to the end of a first answer. */
static const char *hear(int fd, bool to_end)
{
	static char text[8192];
	size_t n = 0;

	for (int i = 0; i < ROUNDS; i++) {
		ssize_t got = recv(fd, text + n, sizeof text - 1 - n, 0);

		if (got == 0 || (got < 0 && errno != EAGAIN))
			break;
		n += got > 0 ? (size_t)got : 0;
		text[n] = '\0';
		if (!to_end && strstr(text, "\r\n\r\n") && strstr(text, "}"))
			break;
		if (got < 0)
			loop_once(loop);
	}
	text[n] = '\0';
	return text;
}

static void wait_pending(void)
{
	for (int i = 0; i < ROUNDS && store_pending(store) == 0; i++)
		loop_once(loop);
	ck_assert_uint_gt(store_pending(store), 0);
}

static void wait_stopped(void)
{
	for (int i = 0; i < ROUNDS && !stopped; i++)
		loop_once(loop);
	ck_assert(stopped);
}

/* --- listening --- */

START_TEST(keeps_what_is_no_socket)
{
	struct err err = {0};
	struct stat st;
	int fd = open(path + 5, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	close(fd);
	ck_assert_int_eq(listen_open(path, 0660, &err), -1);
	ck_assert_int_eq(err.code, ERR_CONFIG);
	ck_assert_int_eq(lstat(path + 5, &st), 0);
	ck_assert(S_ISREG(st.st_mode));
}
END_TEST

START_TEST(replaces_a_left_socket)
{
	struct err err = {0};
	struct stat st;
	int first = listen_open(path, 0600, &err), second;

	ck_assert_int_ge(first, 0);
	ck_assert_int_eq(listen_open(path, 0600, &err), -1);
	ck_assert(strstr(err.msg, "another server"));
	close(first);			/* as a killed server does: the file stays */
	second = listen_open(path, 0620, &err);
	ck_assert_msg(second >= 0, "%s", err.msg);
	ck_assert_int_eq(stat(path + 5, &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0620);
	listen_close(path, second);
	ck_assert_int_eq(stat(path + 5, &st), -1);
}
END_TEST

START_TEST(bad_addresses)
{
	static const char *const bad[] = {"nowhere", "999.1.1.1:80", "127.0.0.1:port", "unix:/nonexistent/dir/sock", "[::1:80"};
	struct err err = {0};

	ck_assert_int_eq(listen_open(bad[_i], 0660, &err), -1);
	ck_assert_int_eq(err.code, ERR_CONFIG);
}
END_TEST

/* --- phases --- */

START_TEST(serves)
{
	int fd;
	const char *text;

	start();
	fd = client();
	say(fd, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
	ck_assert(strstr(hear(fd, false), " 200 "));
	say(fd, "GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n");
	text = hear(fd, false);
	ck_assert_msg(strstr(text, " 503 "), "%s", text);
	ck_assert(!strstr(text, "nonexistent"));
	close(fd);
}
END_TEST

/* The time for a head runs from the connection's start: a request line just before its end gives no more of it. */
START_TEST(one_deadline_for_a_head)
{
	int fd;
	int64_t from;

	start();
	fd = client();
	loop_once(loop);
	from = loop_now_ms(loop);
	while (loop_now_ms(loop) - from < 1600)
		loop_once(loop);
	say(fd, "GET /healthz HTTP/1.1\r\nHost: a\r\n");
	ck_assert_str_eq(hear(fd, true), "");
	ck_assert_int_ge(loop_now_ms(loop) - from, 1900);
	ck_assert_int_lt(loop_now_ms(loop) - from, 3200);
	close(fd);
}
END_TEST

/* The client has gone while its operation is under way. */
START_TEST(client_leaves)
{
	int fd;

	start();
	fd = client();
	say(fd, "GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n");
	wait_pending();
	close(fd);
	for (int i = 0; i < ROUNDS && store_pending(store) > 0; i++)
		loop_once(loop);
	ck_assert_uint_eq(store_pending(store), 0);
	fd = client();
	say(fd, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
	ck_assert(strstr(hear(fd, false), " 200 "));
	close(fd);
}
END_TEST

/* A stop waits for an operation under way; the answer still comes, and the connection ends. */
START_TEST(stop_waits)
{
	int fd;

	start();
	fd = client();
	say(fd, "GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n");
	wait_pending();
	web_stop(web, on_stopped, NULL);
	ck_assert(strstr(hear(fd, true), "Connection: close"));
	wait_stopped();
	close(fd);
}
END_TEST

/* Freed while an operation is under way, and with requests in every other phase. */
START_TEST(free_at_once)
{
	int v[4];

	start();
	for (int i = 0; i < 4; i++)
		v[i] = client();
	say(v[1], "GET /hea");
	say(v[2], "GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12");
	say(v[3], "GET /readyz HTTP/1.1\r\nHost: a\r\n\r\nGET /readyz HTTP/1.1\r\nHost: a\r\n\r\n");
	wait_pending();
	web_free(web);
	web = NULL;
	ck_assert(strstr(hear(v[3], true), " 503 "));
	for (int i = 0; i < 4; i++)
		close(v[i]);
}
END_TEST

/* A client that never sends its body does not hold up the stop for ever. */
START_TEST(stop_has_an_end)
{
	int fd;

	start();
	fd = client();
	say(fd, "GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12");
	for (int i = 0; i < 20; i++)
		loop_once(loop);
	web_stop(web, on_stopped, NULL);
	wait_stopped();
	close(fd);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("web/server");
	TCase *t = tcase_create("server");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, keeps_what_is_no_socket);
	tcase_add_test(t, replaces_a_left_socket);
	tcase_add_loop_test(t, bad_addresses, 0, 5);
	tcase_add_test(t, serves);
	tcase_add_test(t, one_deadline_for_a_head);
	tcase_add_test(t, client_leaves);
	tcase_add_test(t, stop_waits);
	tcase_add_test(t, free_at_once);
	tcase_add_test(t, stop_has_an_end);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return suite_run(suite());
}
