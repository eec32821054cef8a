/* effect_sink.c - the only witness of effects: an HTTP server of its own that writes every request to a file.
 *
 * effect_sink --port-file FILE --log FILE [--delay-ms N] [--address IPV4]
 *
 * Listens on 127.0.0.1 (or IPV4), writes its port to FILE (renamed into place), and for each request appends one line
 * "SERIAL METHOD PATH BODY" to the log, made durable before anything is answered. The answer, after the delay, is
 * {"serial": N, "seen": M}: M counts the requests with the same path and body so far. It shares nothing with agentd.
 *
 * Some paths behave otherwise, the first time that they see a body: /cut is recorded and never answered, the connection ends;
 * /drop is as if it had not arrived: the connection ends, nothing is recorded. GET /find?TEXT records nothing and answers
 * {"found": true|false, "line": N}: whether some line of the log holds the text.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAX_CONNECTIONS = 1024, MAX_REQUEST = 16384, TABLE = 1 << 16 };

struct connection {
	int fd;			/* -1: free */
	size_t n;
	int64_t answer_at_ms;	/* 0: reading */
	unsigned long serial, seen;
	bool is_find;
	char buf[MAX_REQUEST + 1];
};

static struct connection connections[MAX_CONNECTIONS];
static struct pollfd fds[MAX_CONNECTIONS + 1];
static int log_fd;
static const char *log_file;
static unsigned long serial;
static int64_t delay_ms;
static struct {
	uint64_t hash;		/* of path and body; 0: free */
	unsigned long n;
} seen[TABLE];

static void die(const char *what)
{
	fprintf(stderr, "effect_sink: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static unsigned long count(const char *p, size_t n)
{
	uint64_t h = 1469598103934665603u;
	size_t i;

	for (size_t k = 0; k < n; k++)
		h = (h ^ (unsigned char)p[k]) * 1099511628211u;
	h |= 1;
	for (i = h % TABLE; seen[i].hash && seen[i].hash != h;)
		i = (i + 1) % TABLE;
	seen[i].hash = h;
	return ++seen[i].n;
}

/* "METHOD PATH BODY" on one line; blanks stand for what would break it. */
static void record(struct connection *c, const char *body, size_t body_n)
{
	char line[MAX_REQUEST + 64];
	size_t head = strcspn(c->buf, "\r\n"), words = 0;
	int n;

	for (size_t i = 0; i < head; i++)
		if (c->buf[i] == ' ' && ++words == 2)
			head = i;
	c->serial = ++serial;
	n = snprintf(line, sizeof line, "%lu %.*s %.*s", serial, (int)head, c->buf, (int)body_n, body);
	for (int i = 0; i < n; i++)
		if (line[i] == '\n' || line[i] == '\r')
			line[i] = ' ';
	c->seen = count(strchr(line, ' '), (size_t)n - (size_t)(strchr(line, ' ') - line));
	line[n++] = '\n';
	if (write(log_fd, line, (size_t)n) != n || fdatasync(log_fd) < 0)
		die("log");
	c->answer_at_ms = now_ms() + delay_ms;
}

static void drop(struct connection *c)
{
	close(c->fd);
	c->fd = -1;
}

static bool has_path(const struct connection *c, const char *path)
{
	const char *at = strchr(c->buf, ' ');

	return at && strncmp(at + 1, path, strlen(path)) == 0 && strchr(" ?\r", at[1 + strlen(path)]);
}

/* The first line of the log that holds the text, or 0. */
static void find(struct connection *c)
{
	char text[512] = "", line[MAX_REQUEST + 64];
	FILE *f = fopen(log_file, "r");
	unsigned long n = 0;

	sscanf(strchr(c->buf, '?') ? strchr(c->buf, '?') + 1 : "", "%511[^ \r]", text);
	if (!f)
		die(log_file);
	c->serial = 0;
	while (!c->serial && fgets(line, sizeof line, f)) {
		n++;
		if (*text && strstr(line, text))
			c->serial = n;
	}
	fclose(f);
	c->is_find = true;
	c->answer_at_ms = now_ms();
}

/* True: the request is over without an answer. */
static bool misbehave(struct connection *c, const char *body, size_t body_n)
{
	bool is_drop = has_path(c, "/drop");

	if (!is_drop && !has_path(c, "/cut"))
		return false;
	if (is_drop && count(body, body_n) > 1)
		return false;
	if (!is_drop) {
		record(c, body, body_n);
		if (c->seen > 1)
			return true;	/* recorded, and answered below */
	}
	drop(c);
	return true;
}

/* Whole requests only; no pipelining: the client waits for its answer. */
static void parse(struct connection *c)
{
	char *end, *length;
	size_t head, body = 0;

	c->buf[c->n] = '\0';
	end = strstr(c->buf, "\r\n\r\n");
	if (!end)
		return;
	head = (size_t)(end - c->buf) + 4;
	length = strcasestr(c->buf, "\r\ncontent-length:");
	if (length && length < end)
		body = strtoul(length + 17, NULL, 10);
	if (c->n < head + body)
		return;
	c->is_find = false;
	if (has_path(c, "/find"))
		find(c);
	else if (!misbehave(c, c->buf + head, body))
		record(c, c->buf + head, body);
}

static void receive(struct connection *c)
{
	ssize_t n = read(c->fd, c->buf + c->n, MAX_REQUEST - c->n);

	if (n <= 0) {
		if (n == 0 || errno != EAGAIN)
			drop(c);
		return;
	}
	c->n += (size_t)n;
	parse(c);
	if (c->fd >= 0 && c->n == MAX_REQUEST && !c->answer_at_ms)
		drop(c);
}

static void answer(struct connection *c)
{
	char body[64], text[256];
	int n;

	if (c->is_find)
		snprintf(body, sizeof body, "{\"found\":%s,\"line\":%lu}", c->serial ? "true" : "false", c->serial);
	else
		snprintf(body, sizeof body, "{\"serial\":%lu,\"seen\":%lu}", c->serial, c->seen);
	n = snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
		     strlen(body), body);
	c->answer_at_ms = 0;
	c->n = 0;
	if (send(c->fd, text, (size_t)n, MSG_NOSIGNAL) != n)
		drop(c);
}

static void accept_one(int listener)
{
	int one = 1, fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	for (int i = 0; i < MAX_CONNECTIONS; i++) {
		if (connections[i].fd >= 0)
			continue;
		connections[i].fd = fd;
		connections[i].n = 0;
		connections[i].answer_at_ms = 0;
		return;
	}
	close(fd);
}

static int listen_on(const char *address, const char *port_file)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = inet_addr(address)};
	socklen_t n = sizeof sa;
	char name[4096];
	FILE *f;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof sa) < 0 || listen(fd, 1024) < 0 ||
	    getsockname(fd, (struct sockaddr *)&sa, &n) < 0)
		die("listen");
	snprintf(name, sizeof name, "%s.new", port_file);
	f = fopen(name, "w");
	if (!f || fprintf(f, "%d\n", ntohs(sa.sin_port)) < 0 || fclose(f) != 0 || rename(name, port_file) < 0)
		die(port_file);
	return fd;
}

static int wait_ms(void)
{
	int64_t least = -1, now = now_ms();

	for (int i = 0; i < MAX_CONNECTIONS; i++) {
		int64_t left = connections[i].answer_at_ms - now;

		if (connections[i].fd < 0 || !connections[i].answer_at_ms)
			continue;
		if (left < 0)
			left = 0;
		if (least < 0 || left < least)
			least = left;
	}
	return (int)least;
}

static void serve(int listener)
{
	for (;;) {
		fds[0] = (struct pollfd){.fd = listener, .events = POLLIN};
		for (int i = 0; i < MAX_CONNECTIONS; i++)
			fds[i + 1] = (struct pollfd){.fd = connections[i].fd,
						     .events = connections[i].answer_at_ms ? POLLRDHUP : POLLIN};
		if (poll(fds, MAX_CONNECTIONS + 1, wait_ms()) < 0 && errno != EINTR)
			die("poll");
		for (int i = 0; i < MAX_CONNECTIONS; i++) {
			struct connection *c = &connections[i];

			if (c->fd < 0)
				continue;
			if (fds[i + 1].revents & (POLLERR | POLLHUP | POLLRDHUP | POLLNVAL))
				drop(c);
			else if (fds[i + 1].revents & POLLIN)
				receive(c);
			if (c->fd >= 0 && c->answer_at_ms && c->answer_at_ms <= now_ms())
				answer(c);
		}
		if (fds[0].revents & POLLIN)
			accept_one(listener);
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"port-file", required_argument, NULL, 'p'},
		{"log", required_argument, NULL, 'l'},
		{"delay-ms", required_argument, NULL, 'd'},
		{"address", required_argument, NULL, 'a'},
		{NULL, 0, NULL, 0},
	};
	const char *port_file = NULL, *address = "127.0.0.1";
	int o;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (o == 'p')
			port_file = optarg;
		else if (o == 'l')
			log_file = optarg;
		else if (o == 'd')
			delay_ms = strtol(optarg, NULL, 10);
		else if (o == 'a')
			address = optarg;
		else
			return 2;
	}
	if (!port_file || !log_file) {
		fputs("usage: effect_sink --port-file FILE --log FILE [--delay-ms N] [--address IPV4]\n", stderr);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < MAX_CONNECTIONS; i++)
		connections[i].fd = -1;
	log_fd = open(log_file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	if (log_fd < 0)
		die(log_file);
	serve(listen_on(address, port_file));
	return 0;
}
