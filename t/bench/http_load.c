/* http_load.c - HTTP clients for the benches, one thread, poll.
 *
 *   http_load submit  --socket PATH --token TOKEN --workflow NAME [--input JSON] [--clients 64] [--count 20000]
 *   http_load latency --socket PATH --token TOKEN --workflow NAME [--input JSON] [--count 500] [--pause-ms 15]
 *   http_load chat    --socket PATH --token TOKEN --model NAME [--clients 64] [--count 20000]
 *
 * submit: CLIENTS kept connections, each sends its next POST /tasks when its answer has come; prints
 * "submissions_per_s". latency: on an idle system, from before POST /tasks to the answer of GET /tasks/ID?wait=
 * that says the task has succeeded, with random pauses of PAUSE +- 10 ms between; prints p50, p99 and the largest, in ms. chat: as
 * submit, with POST /v1/chat/completions; prints "rps", and p50 and p99 of an answer in ms. Any other answer ends it with status 1.
 */
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "t/bench/load.h"

enum { MAX_CLIENTS = 1000, ROOM = 65536 };

struct client {
	int fd;
	int64_t sent_us;
	size_t n;
	char buf[ROOM];
};

static const char *socket_path, *token, *workflow, *model, *input = "{}";
static int n_clients = 64, count, pause_ms = 15;
static struct client clients[MAX_CLIENTS];

static int64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static void send_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);

		if (sent <= 0)
			load_die("send");
		p += sent;
		n -= (size_t)sent;
	}
}

static void send_post(int fd, const char *path, const char *body)
{
	char text[5120];
	int n = snprintf(text, sizeof text,
			 "POST %s HTTP/1.1\r\nHost: agentd\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n"
			 "Content-Length: %zu\r\n\r\n%s",
			 path, token, strlen(body), body);

	send_all(fd, text, (size_t)n);
}

static void send_submit(int fd)
{
	char body[4096];

	if (snprintf(body, sizeof body, "{\"workflow\":\"%s\",\"input\":%s}", workflow, input) >= (int)sizeof body)
		load_die("--input is too long");
	send_post(fd, "/tasks", body);
}

static void send_chat(int fd)
{
	char body[1024];

	snprintf(body, sizeof body, "{\"model\":\"%s\",\"messages\":[{\"role\":\"system\",\"content\":\"Be brief.\"},"
		 "{\"role\":\"user\",\"content\":\"Say hello to whoever reads this.\"}]}", model);
	send_post(fd, "/v1/chat/completions", body);
}

static void send_wait(int fd, const char *id)
{
	char text[1024];
	int n = snprintf(text, sizeof text, "GET /tasks/%s?wait=30s HTTP/1.1\r\nHost: agentd\r\nAuthorization: Bearer %s\r\n\r\n", id,
			 token);

	send_all(fd, text, (size_t)n);
}

/* Whether a whole answer has come; its status, and its body as text. */
static bool take(struct client *c, int *status, char **body)
{
	char *end, *length;

	c->buf[c->n] = '\0';
	end = strstr(c->buf, "\r\n\r\n");
	if (!end)
		return false;
	length = strcasestr(c->buf, "\r\ncontent-length:");
	if (!length || length > end || c->n < (size_t)(end - c->buf) + 4 + strtoul(length + 17, NULL, 10))
		return false;
	*status = (int)strtol(c->buf + 9, NULL, 10);
	*body = end + 4;
	c->n = 0;
	return true;
}

static void receive(struct client *c)
{
	ssize_t n = recv(c->fd, c->buf + c->n, ROOM - 1 - c->n, 0);

	if (n <= 0)
		load_die("the connection ended");
	c->n += (size_t)n;
}

static void expect(int status, int want, const char *body)
{
	if (status == want)
		return;
	fprintf(stderr, "http_load: got %d: %s\n", status, body);
	exit(1);
}

static void send_next(struct client *c, void (*send_one)(int fd))
{
	c->sent_us = now_us();
	send_one(c->fd);
}

/* Each client asks again when it has its answer; took: as long as each took, in the order of the answers. */
static int64_t run_clients(void (*send_one)(int fd), int want, int64_t *took)
{
	struct pollfd fds[MAX_CLIENTS];
	int sent = 0, answered = 0, status;
	int64_t start = now_us();
	char *body;

	for (int i = 0; i < n_clients; i++) {
		clients[i].fd = load_connect(socket_path);
		fds[i] = (struct pollfd){.fd = clients[i].fd, .events = POLLIN};
		send_next(&clients[i], send_one);
		sent++;
	}
	while (answered < sent) {
		if (poll(fds, (nfds_t)n_clients, 30000) <= 0)
			load_die("no answer for 30 s");
		for (int i = 0; i < n_clients; i++) {
			if (!(fds[i].revents & (POLLIN | POLLHUP | POLLERR)))
				continue;
			receive(&clients[i]);
			if (!take(&clients[i], &status, &body))
				continue;
			expect(status, want, body);
			took[answered++] = now_us() - clients[i].sent_us;
			if (sent < count) {
				send_next(&clients[i], send_one);
				sent++;
			}
		}
	}
	count = answered;
	return now_us() - start;
}

static int64_t *times(void)
{
	int64_t *v = calloc((size_t)(count > n_clients ? count : n_clients), sizeof *v);

	if (!v)
		load_die("calloc");
	return v;
}

static void run_submit(void)
{
	int64_t *took = times(), us = run_clients(send_submit, 202, took);

	printf("submissions_per_s %.0f\n", count * 1e6 / (double)us);
	free(took);
}

static void run_chat(void)
{
	int64_t *took = times(), us = run_clients(send_chat, 200, took);

	qsort(took, (size_t)count, sizeof *took, load_by_value);
	printf("rps %.0f\np50_ms %.3f\np99_ms %.3f\n", count * 1e6 / (double)us, (double)took[count / 2] / 1000,
	       (double)took[count * 99 / 100] / 1000);
	free(took);
}

static void answer(struct client *c, int want, char **body)
{
	int status;

	do
		receive(c);
	while (!take(c, &status, body));
	expect(status, want, *body);
}

static void pause_randomly(void)
{
	struct timespec ts = {0};
	uint32_t x;

	if (getrandom(&x, sizeof x, 0) != sizeof x)
		load_die("getrandom");
	ts.tv_nsec = (long)((uint32_t)(pause_ms - 10) * 1000 + x % 20000) * 1000;
	nanosleep(&ts, NULL);
}

static void run_latency(void)
{
	struct client *c = &clients[0];
	int64_t *took = times(), start;
	char *body, *at, id[37];

	c->fd = load_connect(socket_path);
	for (int i = 0; i < count; i++) {
		pause_randomly();
		start = now_us();
		send_submit(c->fd);
		answer(c, 202, &body);
		at = strstr(body, "\"id\":\"");
		if (!at)
			load_die("no id in the answer");
		snprintf(id, sizeof id, "%.36s", at + 6);
		send_wait(c->fd, id);
		answer(c, 200, &body);
		took[i] = now_us() - start;
		if (!strstr(body, "\"succeeded\"")) {
			fprintf(stderr, "http_load: not succeeded: %s\n", body);
			exit(1);
		}
	}
	qsort(took, (size_t)count, sizeof *took, load_by_value);
	printf("p50_ms %.2f\np99_ms %.2f\nmax_ms %.2f\n", (double)took[count / 2] / 1000, (double)took[count * 99 / 100] / 1000,
	       (double)took[count - 1] / 1000);
	free(took);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"socket", required_argument, NULL, 's'},  {"token", required_argument, NULL, 't'},
		{"workflow", required_argument, NULL, 'w'}, {"clients", required_argument, NULL, 'c'},
		{"count", required_argument, NULL, 'n'},   {"pause-ms", required_argument, NULL, 'p'},
		{"input", required_argument, NULL, 'i'},   {"model", required_argument, NULL, 'm'},
		{NULL, 0, NULL, 0},
	};
	bool latency = argc > 1 && strcmp(argv[1], "latency") == 0, chat = argc > 1 && strcmp(argv[1], "chat") == 0;
	int o;

	count = latency ? 500 : 20000;
	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (o == 's')
			socket_path = optarg;
		else if (o == 't')
			token = optarg;
		else if (o == 'w')
			workflow = optarg;
		else if (o == 'c')
			n_clients = (int)strtol(optarg, NULL, 10);
		else if (o == 'i')
			input = optarg;
		else if (o == 'm')
			model = optarg;
		else if (o == 'n')
			count = (int)strtol(optarg, NULL, 10);
		else if (o == 'p')
			pause_ms = (int)strtol(optarg, NULL, 10);
		else
			return 2;
	}
	if (!socket_path || !token || !(chat ? model : workflow) || n_clients < 1 || n_clients > MAX_CLIENTS || count < 1 || pause_ms < 10 || pause_ms > 900 ||
	    argc - optind != 1 || (!latency && !chat && strcmp(argv[optind], "submit") != 0)) {
		fputs("usage: http_load submit|latency --socket PATH --token TOKEN --workflow NAME [--input JSON] [--clients N] "
		      "[--count N] [--pause-ms N]\n"
		      "       http_load chat --socket PATH --token TOKEN --model NAME [--clients N] [--count N]\n", stderr);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	if (latency)
		run_latency();
	else if (chat)
		run_chat();
	else
		run_submit();
	return 0;
}
