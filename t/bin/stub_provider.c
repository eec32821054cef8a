/* stub_provider.c - model providers for tests and benches, with faults on request: the server. Which provider it is
 * is told by the path of each request: paths[] lists them.
 *
 *   stub_provider [--port N | --unix PATH] [--delay-ms N] [--key KEY] [--log FILE] [--text TEXT]
 *
 * Prints "ready PORT" (or "ready PATH") when it listens; ends on SIGTERM. One thread, epoll, any number of
 * connections. GET /stats answers {"requests": N, "open": N, "peak": N}, peak being the most questions at once. The log gets one line per question:
 * STATUS MODEL BODY.
 *
 * A question is checked strictly (the key, and what the provider's reference says): what is wrong is answered with 400
 * or 401 and a message that begins with "strict:". Any model is answered with TEXT in three pieces, bytes of the
 * question / 4 tokens in and 3 out. Some model names play faults instead: stub_faults.c lists those that every
 * provider has, stub_*_faults.c and stub_*_refusals.c those of one.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "t/bin/stub_provider.h"
#include "t/bin/stub_stream.h"

enum { MAX_REQUEST = 64 << 20, MAX_EVENTS = 512, IOV_PARTS = 16, READ_BYTES = 65536 };

static const struct {
	const char *ending;	/* of the path */
	stub_answer_fn *answer;
} paths[] = {
	{"/chat/completions", openai_chat},
	{"/embeddings", openai_embed},
	{"/v1/messages", anthropic_messages},
	{":generateContent", gemini_generate},
	{":streamGenerateContent", gemini_stream},
	{":embedContent", gemini_embed},
	{":batchEmbedContents", gemini_embed_batch},
};

struct stub_settings stub = {.text = "Hello from the stub."};

static struct {
	int epoll, listener, log;
	struct connection **heap;	/* by due_ms; [0] unused */
	size_t n_heap, heap_room;
	struct connection *dead;
	unsigned long long open;
} server = {.log = -1};

static volatile sig_atomic_t stopping;

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void *grow(void *p, size_t n)
{
	p = realloc(p, n);
	if (!p)
		fatal("stub_provider: out of memory");
	return p;
}

/* --- the heap of connections that wait --- */

static void heap_put(size_t i, struct connection *c)
{
	server.heap[i] = c;
	c->heap_at = i;
}

static void heap_up(size_t i, struct connection *c)
{
	while (i > 1 && server.heap[i / 2]->due_ms > c->due_ms) {
		heap_put(i, server.heap[i / 2]);
		i /= 2;
	}
	heap_put(i, c);
}

static void heap_down(size_t i, struct connection *c)
{
	for (;;) {
		size_t child = 2 * i;

		if (child > server.n_heap)
			break;
		if (child < server.n_heap && server.heap[child + 1]->due_ms < server.heap[child]->due_ms)
			child++;
		if (server.heap[child]->due_ms >= c->due_ms)
			break;
		heap_put(i, server.heap[child]);
		i = child;
	}
	heap_put(i, c);
}

static void heap_add(struct connection *c)
{
	if (server.n_heap + 2 > server.heap_room) {
		server.heap_room = server.heap_room ? 2 * server.heap_room : 1024;
		server.heap = grow(server.heap, server.heap_room * sizeof *server.heap);
	}
	heap_up(++server.n_heap, c);
}

static void heap_remove(struct connection *c)
{
	size_t i = c->heap_at;
	struct connection *last;

	if (i == 0)
		return;
	c->heap_at = 0;
	last = server.heap[server.n_heap--];
	if (last == c)
		return;
	if (i > 1 && server.heap[i / 2]->due_ms > last->due_ms)
		heap_up(i, last);
	else
		heap_down(i, last);
}

/* --- connections --- */

static void begin_question(struct connection *c)
{
	c->busy = true;
	if (++stub.busy > stub.peak)
		stub.peak = stub.busy;
}

static void end_question(struct connection *c)
{
	if (c->busy)
		stub.busy--;
	c->busy = false;
}

static void drop(struct connection *c)
{
	if (c->dead)
		return;
	c->dead = true;
	end_question(c);
	heap_remove(c);
	close(c->fd);
	server.open--;
	c->next_dead = server.dead;
	server.dead = c;
}

static void bury(void)
{
	while (server.dead) {
		struct connection *c = server.dead;

		server.dead = c->next_dead;
		arena_free(c->arena);
		free(c->in);
		free(c);
	}
}

static void watch(struct connection *c, bool write)
{
	struct epoll_event e = {.events = EPOLLIN | (write ? EPOLLOUT : 0U), .data.ptr = c};

	if (c->wants_write == write)
		return;
	c->wants_write = write;
	epoll_ctl(server.epoll, EPOLL_CTL_MOD, c->fd, &e);
}

static void reset_hard(struct connection *c)
{
	struct linger now = {.l_onoff = 1, .l_linger = 0};

	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	drop(c);
}

/* The first part and those behind it that need no pause, in one write. */
static ssize_t send_parts(struct connection *c)
{
	struct iovec v[IOV_PARTS];
	struct msghdr m = {.msg_iov = v};
	struct part *p = c->first;

	do {
		size_t skip = p == c->first ? c->written : 0;

		v[m.msg_iovlen++] = (struct iovec){(void *)(uintptr_t)(p->p + skip), p->n - skip};
	} while (!p->alone && (p = p->next) && p->p && p->delay_ms == 0 && m.msg_iovlen < IOV_PARTS);
	return sendmsg(c->fd, &m, MSG_NOSIGNAL);
}

static void forget_written(struct connection *c, size_t n)
{
	c->written += n;
	while (c->first && c->first->p && c->written >= c->first->n) {
		c->written -= c->first->n;
		c->first = c->first->next;
		c->due_ms = 0;
	}
}

/* Writes what is due. */
static void flush(struct connection *c)
{
	while (c->first && !c->dead) {
		struct part *p = c->first;
		ssize_t n;

		if (c->due_ms == 0 && p->delay_ms > 0 && c->written == 0)
			c->due_ms = now_ms() + p->delay_ms;
		if (c->due_ms > now_ms()) {
			if (c->heap_at == 0)
				heap_add(c);
			watch(c, false);
			return;
		}
		if (!p->p) {
			if (p->reset)
				reset_hard(c);
			else
				drop(c);
			return;
		}
		n = send_parts(c);
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
			watch(c, true);
			return;
		}
		if (n < 0) {
			drop(c);
			return;
		}
		forget_written(c, (size_t)n);
	}
	if (c->dead)
		return;
	watch(c, false);
	if (!c->first) {
		end_question(c);
		c->end = &c->first;
		arena_reset(c->arena);
	}
}

/* --- requests --- */

static struct str header(struct str head, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i + n < head.n; i++)
		if (head.p[i] == '\n' && i + 1 + n < head.n && strncasecmp(head.p + i + 1, name, n) == 0 &&
		    head.p[i + 1 + n] == ':') {
			struct str rest = str_sub(head, i + n + 2, head.n);
			ptrdiff_t end = str_chr(rest, '\r');

			return str_trim(str_sub(rest, 0, end < 0 ? rest.n : (size_t)end));
		}
	return STR_NONE;
}

struct str stub_header(const struct stub_request *r, const char *name)
{
	return header(r->head, name);
}

void stub_log(int status, struct str model, struct str body)
{
	struct arena *a;
	struct buf b;

	if (server.log < 0)
		return;
	a = arena_new(NULL);
	buf_init(&b, a);
	buf_addf(&b, "%d " STR_FMT " ", status, STR_ARG(model));
	for (size_t i = 0; i < body.n; i++)
		buf_addc(&b, body.p[i] == '\n' ? ' ' : body.p[i]);
	buf_addc(&b, '\n');
	if (write(server.log, b.p, b.n) < 0)
		fatal("stub_provider: the log cannot be written");
	arena_free(a);
}

static stub_answer_fn *find_answer(struct str path)
{
	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
		if (str_ends(path, str_from(paths[i].ending)))
			return paths[i].answer;
	return NULL;
}

static void answer(struct connection *c, struct str head, struct str body)
{
	ptrdiff_t eol = str_chr(head, '\r'), space, mark;
	struct str line = str_sub(head, 0, (size_t)eol);
	struct stub_request r = {.head = head, .body = body, .query = STR("")};
	stub_answer_fn *fn = NULL;

	stub.requests++;
	if (str_starts(line, STR("GET /stats "))) {
		stub.requests--;
		add_json(c, 200, NULL, arena_printf(c->arena, "{\"requests\":%llu,\"open\":%llu,\"peak\":%u}", stub.requests, server.open, stub.peak));
		return;
	}
	if (str_starts(line, STR("POST "))) {
		r.path = str_sub(line, 5, line.n);
		space = str_chr(r.path, ' ');
		r.path = str_sub(r.path, 0, space < 0 ? r.path.n : (size_t)space);
		mark = str_chr(r.path, '?');
		if (mark >= 0) {
			r.query = str_sub(r.path, (size_t)mark + 1, r.path.n);
			r.path = str_sub(r.path, 0, (size_t)mark);
		}
		fn = find_answer(r.path);
	}
	begin_question(c);
	if (fn)
		fn(c, &r);
	else
		add_json(c, 404, NULL, "{\"error\":{\"message\":\"strict: no such path\",\"type\":\"invalid_request_error\","
			 "\"param\":null,\"code\":null}}");
}

/* One request at a time; the next is read when the answer is written. False: nothing whole is there. */
static bool read_requests(struct connection *c)
{
	struct str in = {c->in, c->in_n};
	ptrdiff_t end = str_find(in, STR("\r\n\r\n"));
	struct str head, length;
	size_t body_n = 0, whole;

	if (end < 0 || c->first)
		return false;
	head = str_sub(in, 0, (size_t)end + 2);
	length = header(head, "content-length");
	for (size_t i = 0; i < length.n; i++)
		body_n = body_n * 10 + (size_t)(length.p[i] - '0');
	whole = (size_t)end + 4 + body_n;
	if (body_n > MAX_REQUEST) {
		drop(c);
		return false;
	}
	if (c->in_n < whole)
		return false;
	answer(c, head, str_sub(in, (size_t)end + 4, body_n));
	memmove(c->in, c->in + whole, c->in_n - whole);
	c->in_n -= whole;
	if (c->in_n == 0 && c->in_room > READ_BYTES) {
		free(c->in);
		c->in = NULL;
		c->in_room = 0;
	}
	flush(c);
	return !c->dead;
}

static void on_readable(struct connection *c)
{
	static char piece[READ_BYTES];
	ssize_t n = recv(c->fd, piece, sizeof piece, 0);

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		drop(c);
		return;
	}
	if (n < 0)
		return;
	if (c->in_n + (size_t)n > c->in_room) {
		c->in_room = c->in_n + (size_t)n + 1024;
		c->in = grow(c->in, c->in_room);
	}
	memcpy(c->in + c->in_n, piece, (size_t)n);
	c->in_n += (size_t)n;
	while (read_requests(c))
		;
}

static void accept_all(void)
{
	int fd, one = 1;

	while ((fd = accept4(server.listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct connection *c = calloc(1, sizeof *c);
		struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};

		if (!c)
			fatal("stub_provider: out of memory");
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		c->fd = fd;
		c->arena = arena_new(NULL);
		c->end = &c->first;
		server.open++;
		epoll_ctl(server.epoll, EPOLL_CTL_ADD, fd, &e);
	}
}

/* --- the program --- */

static void on_stop(int signum)
{
	(void)signum;
	stopping = 1;
}

static int listen_tcp(int port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) < 0 || listen(fd, 4096) < 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &n) < 0)
		fatal("stub_provider: cannot listen on port %d: %s", port, strerror(errno));
	printf("ready %d\n", ntohs(a.sin_port));
	return fd;
}

static int listen_unix(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof a.sun_path)
		fatal("stub_provider: path \"%s\" is too long", path);
	memcpy(a.sun_path, path, strlen(path) + 1);
	unlink(path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) < 0 || listen(fd, 4096) < 0)
		fatal("stub_provider: cannot listen on \"%s\": %s", path, strerror(errno));
	printf("ready %s\n", path);
	return fd;
}

static void usage(void)
{
	fputs("usage: stub_provider [--port N | --unix PATH] [--delay-ms N] [--key KEY] [--log FILE] [--text TEXT]\n", stderr);
	exit(2);
}

static void read_options(int argc, char **argv, int *port, const char **path)
{
	for (int i = 1; i < argc; i += 2) {
		const char *value = i + 1 < argc ? argv[i + 1] : NULL;

		if (!value)
			usage();
		if (strcmp(argv[i], "--port") == 0)
			*port = (int)strtol(value, NULL, 10);
		else if (strcmp(argv[i], "--unix") == 0)
			*path = value;
		else if (strcmp(argv[i], "--delay-ms") == 0)
			stub.delay_ms = strtol(value, NULL, 10);
		else if (strcmp(argv[i], "--key") == 0)
			stub.key = value;
		else if (strcmp(argv[i], "--text") == 0)
			stub.text = value;
		else if (strcmp(argv[i], "--log") == 0)
			server.log = open(value, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
		else
			usage();
	}
}

static int wait_ms(void)
{
	int64_t left;

	if (server.n_heap == 0)
		return -1;
	left = server.heap[1]->due_ms - now_ms();
	return left < 0 ? 0 : (int)left;
}

static void run_due(void)
{
	int64_t now = now_ms();

	while (server.n_heap > 0 && server.heap[1]->due_ms <= now) {
		struct connection *c = server.heap[1];

		heap_remove(c);
		flush(c);
		while (!c->dead && !c->first && read_requests(c))
			;
	}
}

static void serve(void)
{
	struct epoll_event events[MAX_EVENTS];

	while (!stopping) {
		int n = epoll_wait(server.epoll, events, MAX_EVENTS, wait_ms());

		for (int i = 0; i < n; i++) {
			struct connection *c = events[i].data.ptr;

			if (!c) {
				accept_all();
				continue;
			}
			if (!c->dead && (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
				on_readable(c);
			if (!c->dead && (events[i].events & EPOLLOUT)) {
				flush(c);
				while (!c->dead && !c->first && read_requests(c))
					;
			}
		}
		run_due();
		bury();
	}
}

int main(int argc, char **argv)
{
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = NULL};
	struct rlimit files;
	const char *path = NULL;
	int port = 0;

	read_options(argc, argv, &port, &path);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, on_stop);
	signal(SIGINT, on_stop);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	server.epoll = epoll_create1(EPOLL_CLOEXEC);
	server.listener = path ? listen_unix(path) : listen_tcp(port);
	fflush(stdout);
	epoll_ctl(server.epoll, EPOLL_CTL_ADD, server.listener, &e);
	serve();
	close(server.listener);
	free(server.heap);
	return 0;
}
