/* http_server.c - a small server of good and bad answers for http.c's tests. */
#define _GNU_SOURCE /* strcasestr, POLLRDHUP */
#include "http_server.h"
#include "base/err.h"
#include "base/heap.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const unsigned char gzip_hello[] = {
	0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0xd7,
	0x51, 0x48, 0xce, 0xcf, 0x2d, 0x28, 0x4a, 0x2d, 0x2e, 0x4e, 0x4d, 0x51, 0x28, 0xcf, 0x2f, 0xca,
	0x49, 0xe1, 0x02, 0x00, 0x3f, 0xba, 0x39, 0x3c, 0x18, 0x00, 0x00, 0x00,
};
static const unsigned char gzip_zeros[] = {
	0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xed, 0xc1, 0x01, 0x0d, 0x00, 0x00,
	0x00, 0xc2, 0xa0, 0xf7, 0x4f, 0x6d, 0x0f, 0x07, 0x14, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xfc, 0x18, 0xfb, 0xe2, 0xb2,
	0xf6, 0xe0, 0x93, 0x04, 0x00,
};

struct server {
	int fd[2];	/* TCP, Unix */
	int port;
	char dir[64], path[96];
	pthread_t acceptor[2];
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int live, connections, requests, waiting;
};

struct conn {
	struct server *s;
	int fd, id, n_requests;
	char in[400000];
	size_t in_n;
	/* the request */
	char method[16], path[256];
	size_t head_n, body_n;
};

/* What cannot be sent ends the connection, or the client would wait for the rest. */
static void put(struct conn *c, const void *p, size_t n)
{
	const char *at = p;

	while (n > 0) {
		ssize_t k = send(c->fd, at, n, MSG_NOSIGNAL);

		if (k <= 0) {
			shutdown(c->fd, SHUT_RDWR);
			return;
		}
		at += k;
		n -= (size_t)k;
	}
}

static void puts_to(struct conn *c, const char *text)
{
	put(c, text, strlen(text));
}

static void answer(struct conn *c, const char *head, const void *body, size_t n)
{
	char line[512];

	snprintf(line, sizeof line, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n", head, n);
	puts_to(c, line);
	put(c, body, n);
}

static void wait_for_close(struct conn *c)
{
	char byte;

	while (recv(c->fd, &byte, 1, 0) > 0)
		;
}

/* --- behaviours; true: keep the connection --- */

static bool say_hello(struct conn *c)
{
	answer(c, "200 OK\r\nContent-Type: text/plain\r\nX-Two:   spaced  \r\nx-empty:", "hello", 5);
	return true;
}

static bool say_request(struct conn *c)
{
	answer(c, "200 OK", c->in, c->head_n + c->body_n);
	return true;
}

static bool say_connection(struct conn *c)
{
	char text[64];

	snprintf(text, sizeof text, "conn=%d req=%d", c->id, c->n_requests);
	answer(c, "200 OK", text, strlen(text));
	return true;
}

static bool say_chunks(struct conn *c)
{
	puts_to(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
	for (int i = 0; i < 5; i++) {
		puts_to(c, "4\r\nab");
		poll(NULL, 0, 2);
		puts_to(c, "cd\r\n");
	}
	puts_to(c, "0\r\nX-Trailer: late\r\n\r\n");
	return true;
}

static bool say_gzip(struct conn *c)
{
	answer(c, "200 OK\r\nContent-Encoding: gzip", gzip_hello, sizeof gzip_hello);
	return true;
}

static bool say_zeros(struct conn *c)
{
	answer(c, "200 OK\r\nContent-Encoding: gzip", gzip_zeros, sizeof gzip_zeros);
	return true;
}

static bool say_early_hints(struct conn *c)
{
	puts_to(c, "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n");
	answer(c, "200 OK\r\nX-Final: yes", "final", 5);
	return true;
}

static bool say_redirect(struct conn *c)
{
	answer(c, "302 Found\r\nLocation: /hello", "moved", 5);
	return true;
}

static bool say_missing(struct conn *c)
{
	answer(c, "404 Not Found", "nothing here", 12);
	return true;
}

static bool say_busy(struct conn *c)
{
	answer(c, "503 Service Unavailable\r\nRetry-After: 7", "busy", 4);
	return true;
}

static bool say_much(struct conn *c)
{
	static const char kilo[1000];

	puts_to(c, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
	for (int i = 0; i < 1000; i++)
		put(c, kilo, sizeof kilo);
	return true;
}

static bool be_silent(struct conn *c)
{
	wait_for_close(c);
	return false;
}

static bool stop_after_headers(struct conn *c)
{
	puts_to(c, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n");
	wait_for_close(c);
	return false;
}

static bool stop_in_body(struct conn *c)
{
	puts_to(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nfirst");
	wait_for_close(c);
	return false;
}

static bool drip(struct conn *c)
{
	struct pollfd p = {.fd = c->fd, .events = POLLIN | POLLRDHUP};

	puts_to(c, "HTTP/1.1 200 OK\r\n\r\n");
	while (poll(&p, 1, 10) == 0)
		puts_to(c, ".");
	return false;
}

static bool reset(struct conn *c)
{
	struct linger now = {1, 0};

	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	return false;
}

static bool close_now(struct conn *c)
{
	(void)c;
	return false;
}

static bool end_early(struct conn *c)
{
	puts_to(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this");
	return false;
}

static bool say_rubbish(struct conn *c)
{
	puts_to(c, "SSH-2.0-OpenSSH\r\n\r\n");
	return false;
}

static bool say_many_headers(struct conn *c)
{
	char line[128];

	puts_to(c, "HTTP/1.1 200 OK\r\n");
	for (int i = 0; i < 1000; i++) {
		snprintf(line, sizeof line, "X-Header-%04d: %080d\r\n", i, i);
		puts_to(c, line);
	}
	puts_to(c, "Content-Length: 0\r\n\r\n");
	return true;
}

static bool say_long_header(struct conn *c)
{
	static char line[150000];

	memset(line, 'a', sizeof line);
	puts_to(c, "HTTP/1.1 200 OK\r\nX-Long: ");
	put(c, line, sizeof line);
	puts_to(c, "\r\nContent-Length: 0\r\n\r\n");
	return true;
}

/* A kept connection that dies under its second request. */
static bool die_when_kept(struct conn *c)
{
	return c->n_requests == 1 && say_connection(c);
}

/* Answers when 200 have come: they must come in parallel. */
static bool meet(struct conn *c)
{
	struct server *s = c->s;

	pthread_mutex_lock(&s->lock);
	s->waiting++;
	pthread_cond_broadcast(&s->changed);
	while (s->waiting < 200)
		pthread_cond_wait(&s->changed, &s->lock);
	pthread_mutex_unlock(&s->lock);
	return say_hello(c);
}

static const struct {
	const char *path;
	bool (*run)(struct conn *c);
} behaviours[] = {
	{"/hello", say_hello},		{"/request", say_request},	{"/connection", say_connection},
	{"/chunks", say_chunks},	{"/gzip", say_gzip},		{"/zeros", say_zeros},
	{"/hints", say_early_hints},	{"/redirect", say_redirect},	{"/busy", say_busy},
	{"/much", say_much},		{"/silent", be_silent},		{"/no-body", stop_after_headers},
	{"/stall", stop_in_body},	{"/drip", drip},		{"/reset", reset},
	{"/close", close_now},		{"/early", end_early},		{"/rubbish", say_rubbish},
	{"/many-headers", say_many_headers}, {"/long-header", say_long_header},
	{"/dying", die_when_kept},	{"/meet", meet},
};

/* --- connections --- */

static bool read_more(struct conn *c)
{
	ssize_t n = recv(c->fd, c->in + c->in_n, sizeof c->in - 1 - c->in_n, 0);

	if (n <= 0)
		return false;
	c->in_n += (size_t)n;
	c->in[c->in_n] = '\0';
	return true;
}

static void parse_head(struct conn *c)
{
	char *space = strchr(c->in, ' '), *end = space ? strchr(space + 1, ' ') : NULL;
	char *length = strcasestr(c->in, "\r\ncontent-length:");

	snprintf(c->method, sizeof c->method, "%.*s", space ? (int)(space - c->in) : 0, c->in);
	snprintf(c->path, sizeof c->path, "%.*s", end ? (int)(end - space - 1) : 0, space ? space + 1 : "");
	c->body_n = length && length < c->in + c->head_n ? strtoul(length + 17, NULL, 10) : 0;
}

static bool read_request(struct conn *c)
{
	char *end;

	memmove(c->in, c->in + c->head_n + c->body_n, c->in_n - c->head_n - c->body_n);
	c->in_n -= c->head_n + c->body_n;
	c->in[c->in_n] = '\0';
	c->head_n = c->body_n = 0;
	while (!(end = strstr(c->in, "\r\n\r\n")))
		if (!read_more(c) || c->in[0] == 0x16)	/* TLS is not spoken here */
			return false;
	c->head_n = (size_t)(end - c->in) + 4;
	parse_head(c);
	while (c->in_n < c->head_n + c->body_n)
		if (!read_more(c)) {
			c->head_n = c->body_n = 0;
			return false;
		}
	c->n_requests++;
	pthread_mutex_lock(&c->s->lock);
	c->s->requests++;
	pthread_mutex_unlock(&c->s->lock);
	return true;
}

static bool serve_one(struct conn *c)
{
	for (size_t i = 0; i < sizeof behaviours / sizeof behaviours[0]; i++)
		if (strcmp(behaviours[i].path, c->path) == 0)
			return behaviours[i].run(c);
	return say_missing(c);
}

static void *serve(void *arg)
{
	struct conn *c = arg;
	struct server *s = c->s;

	while (read_request(c) && serve_one(c))
		;
	close(c->fd);
	free(c);
	pthread_mutex_lock(&s->lock);
	s->live--;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

static void accept_all(struct server *s, int listener)
{
	pthread_attr_t attr;
	int fd;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, 256 * 1024);
	/* until server_stop() shuts it down */
	while ((fd = accept(listener, NULL, NULL)) >= 0 || (errno != EINVAL && errno != EBADF)) {
		struct conn *c;
		pthread_t thread;

		if (fd < 0)
			continue;
		c = heap_zalloc(1, sizeof *c);
		pthread_mutex_lock(&s->lock);
		s->live++;
		c->id = ++s->connections;
		pthread_mutex_unlock(&s->lock);
		c->s = s;
		c->fd = fd;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));	/* fails on Unix sockets */
		if (pthread_create(&thread, &attr, serve, c) != 0)
			fatal("the test's server: no thread for a connection");
	}
	pthread_attr_destroy(&attr);
}

static void *accept_tcp(void *arg)
{
	struct server *s = arg;

	accept_all(s, s->fd[0]);
	return NULL;
}

static void *accept_unix(void *arg)
{
	struct server *s = arg;

	accept_all(s, s->fd[1]);
	return NULL;
}

struct server *server_start(void)
{
	struct server *s = heap_zalloc(1, sizeof *s);
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	socklen_t len = sizeof in;

	snprintf(s->dir, sizeof s->dir, "/tmp/agentd-http-XXXXXX");
	if (!mkdtemp(s->dir))
		fatal("the test's server cannot start: %s", strerror(errno));
	snprintf(s->path, sizeof s->path, "%s/socket", s->dir);
	snprintf(un.sun_path, sizeof un.sun_path, "%s", s->path);
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, NULL);
	s->fd[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	s->fd[1] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(s->fd[0], (struct sockaddr *)&in, sizeof in) < 0 || listen(s->fd[0], 512) < 0 ||
	    bind(s->fd[1], (struct sockaddr *)&un, sizeof un) < 0 || listen(s->fd[1], 16) < 0 ||
	    getsockname(s->fd[0], (struct sockaddr *)&in, &len) < 0)
		fatal("the test's server cannot start: %s", strerror(errno));
	s->port = ntohs(in.sin_port);
	if (pthread_create(&s->acceptor[0], NULL, accept_tcp, s) != 0 ||
	    pthread_create(&s->acceptor[1], NULL, accept_unix, s) != 0)
		fatal("the test's server cannot start: %s", strerror(errno));
	return s;
}

void server_stop(struct server *s)
{
	for (int i = 0; i < 2; i++) {
		shutdown(s->fd[i], SHUT_RDWR);
		pthread_join(s->acceptor[i], NULL);
		close(s->fd[i]);
	}
	pthread_mutex_lock(&s->lock);
	while (s->live > 0)
		pthread_cond_wait(&s->changed, &s->lock);
	pthread_mutex_unlock(&s->lock);
	unlink(s->path);
	rmdir(s->dir);
	pthread_mutex_destroy(&s->lock);
	pthread_cond_destroy(&s->changed);
	free(s);
}

int server_port(const struct server *s)
{
	return s->port;
}

const char *server_unix_path(const struct server *s)
{
	return s->path;
}

static int get(struct server *s, const int *counter)
{
	int n;

	pthread_mutex_lock(&s->lock);
	n = *counter;
	pthread_mutex_unlock(&s->lock);
	return n;
}

int server_connections(struct server *s)
{
	return get(s, &s->connections);
}

int server_requests(struct server *s)
{
	return get(s, &s->requests);
}
