/* event_load.c - many clients of one event stream, one thread, epoll.
 *
 *   event_load --socket PATH --token TOKEN --target TARGET [--streams 1000] [--finished 1]
 *
 * Opens STREAMS event streams of TARGET (/events, or /tasks/ID/events), prints "open" when each has begun, and reads until FINISHED
 * events of the kind "finished" have reached all of them. Every stream must get the same events in the same order, or it
 * ends with status 1; so it does when nothing comes for 60 s.
 *
 * An event's time begins with its "at", the clock of the transaction that writes it, before that commits, and ends when the
 * last stream's client has read its last byte. Events of before "open" are read and not timed. Prints events, deliveries (of all streams),
 * their p50_ms, p99_ms and max_ms, and delivery_p50_ms and delivery_p99_ms, where each stream's copy counts by itself.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "t/bench/load.h"

enum { ROOM = 16384, PIECE = 65536, ID_CHARS = 64, READY = 256, QUIET_MS = 60000, HALF_MS = 2, SLOWEST_MS = 60000 };

/* Parts of an answer: its head, then chunks. */
enum part { HEAD, SIZE, DATA, DATA_END };

struct stream {
	int fd;
	enum part part;
	size_t left;		/* of the chunk */
	size_t n;		/* of the line that is being read */
	size_t at;		/* next event, as an index of events */
	bool begun;
	char id[ID_CHARS];
	char line[ROOM];
};

struct event {
	int64_t at_us, last_us;
	int seen;
	bool finished;
	char id[ID_CHARS];
};

static struct stream *streams;
static struct event *events;
static size_t n_events, room;
static int n_streams = 1000, n_begun, n_finished, finished = 1;
static int64_t open_us, heard_us;	/* all are open; the last event came */
static uint64_t by_time[SLOWEST_MS * HALF_MS + 1], deliveries;	/* of a stream's copy, in halves of a millisecond */

static void wrong(const char *what, const char *text)
{
	fprintf(stderr, "event_load: %s: %.300s\n", what, text);
	exit(1);
}

/* As "at" is said: the wall clock. */
static int64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* Of an RFC 3339 text in UTC. */
static int64_t us_of(const char *text)
{
	struct tm tm = {0};
	const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	int64_t us = 0, unit = 100000;

	if (!end)
		wrong("not a time", text);
	if (*end == '.')
		for (end++; *end >= '0' && *end <= '9'; end++, unit /= 10)
			us += (*end - '0') * unit;
	return (int64_t)timegm(&tm) * 1000000 + us;
}

/* --- what a stream says --- */

static struct event *event_new(const struct stream *s, const char *data)
{
	const char *at = strstr(data, "\"at\":\"");
	struct event *e;

	if (!at)
		wrong("an event without a time", data);
	if (n_events == room) {
		room = room ? 2 * room : 1024;
		events = realloc(events, room * sizeof *events);
		if (!events)
			load_die("realloc");
	}
	e = &events[n_events++];
	*e = (struct event){.at_us = us_of(at + 6), .finished = strstr(data, "\"kind\":\"finished\"") != NULL};
	memcpy(e->id, s->id, sizeof e->id);
	return e;
}

static void on_event(struct stream *s, const char *data, int64_t now)
{
	struct event *e = s->at < n_events ? &events[s->at] : event_new(s, data);
	int64_t halves = (now - e->at_us) * HALF_MS / 1000;

	if (strcmp(e->id, s->id) != 0)
		wrong("a stream has another event than the others at its place", s->id);
	s->at++;
	e->last_us = heard_us = now;
	if (++e->seen == n_streams && e->finished)
		n_finished++;
	if (open_us && e->at_us > open_us) {
		deliveries++;
		by_time[halves < 0 ? 0 : halves > SLOWEST_MS * HALF_MS ? SLOWEST_MS * HALF_MS : halves]++;
	}
}

/* An id without data is a place, not an event. */
static void on_line(struct stream *s, int64_t now)
{
	s->line[s->n] = '\0';
	if (strncmp(s->line, "id: ", 4) == 0) {
		snprintf(s->id, sizeof s->id, "%s", s->line + 4);
	} else if (strncmp(s->line, "data: ", 6) == 0) {
		on_event(s, s->line + 6, now);
	} else if (strncmp(s->line, "retry: ", 7) == 0 && !s->begun) {
		s->begun = true;
		n_begun++;
	}
}

static void on_head_line(struct stream *s)
{
	s->line[s->n] = '\0';
	if (strncmp(s->line, "HTTP/1.1 ", 9) == 0 && strncmp(s->line + 9, "200 ", 4) != 0)
		wrong("no stream", s->line);
	if (s->n == 0)
		s->part = SIZE;
}

static bool take_line(struct stream *s, const char **p, const char *end)
{
	const char *nl = memchr(*p, '\n', (size_t)(end - *p)), *stop = nl ? nl : end;
	size_t n = (size_t)(stop - *p);

	if (s->n + n >= ROOM)
		wrong("a line is too long", s->line);
	memcpy(s->line + s->n, *p, n);
	s->n += n;
	*p = nl ? nl + 1 : end;
	return nl != NULL;
}

static void strip_return(struct stream *s)
{
	if (s->n && s->line[s->n - 1] == '\r')
		s->n--;
}

/* A line of the stream that a chunk's end cuts is kept for the next chunk: what stands between needs no room. */
static void take(struct stream *s, const char *p, const char *end, int64_t now)
{
	while (p < end) {
		if (s->part == HEAD) {
			if (take_line(s, &p, end)) {
				strip_return(s);
				on_head_line(s);
				s->n = 0;
			}
		} else if (s->part == SIZE) {
			if (*p == '\n')
				s->part = s->left ? DATA : SIZE;
			else if (*p != '\r')
				s->left = s->left * 16 + (size_t)(*p <= '9' ? *p - '0' : (*p | 32) - 'a' + 10);
			p++;
		} else if (s->part == DATA) {
			const char *stop = (size_t)(end - p) < s->left ? end : p + s->left;

			s->left -= (size_t)(stop - p);
			while (p < stop)
				if (take_line(s, &p, stop)) {
					on_line(s, now);
					s->n = 0;
				}
			if (s->left == 0)
				s->part = DATA_END;
		} else if (*p++ == '\n') {
			s->part = SIZE;
		}
	}
}

/* --- connections --- */

static void open_stream(int epoll, struct stream *s, const char *path, const char *target, const char *token)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = s};
	char text[1024];
	int n = snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: agentd\r\nAuthorization: Bearer %s\r\nAccept: text/event-stream\r\n\r\n",
			 target, token);

	s->fd = load_connect(path);
	if (send(s->fd, text, (size_t)n, MSG_NOSIGNAL) != n || epoll_ctl(epoll, EPOLL_CTL_ADD, s->fd, &ev) < 0)
		load_die("send");
}

/* All that has come to those that are ready; a stream that ends leaves. */
static void receive(int epoll)
{
	static struct epoll_event ready[READY];
	static char piece[PIECE];
	int n = epoll_wait(epoll, ready, READY, QUIET_MS);

	if (n < 0)
		load_die("epoll_wait");
	if (now_us() - heard_us > (int64_t)QUIET_MS * 1000)
		wrong("no event came", "for 60 s");
	for (int i = 0; i < n; i++) {
		struct stream *s = ready[i].data.ptr;
		ssize_t got = recv(s->fd, piece, sizeof piece, MSG_DONTWAIT);

		if (got > 0)
			take(s, piece, piece + got, now_us());
		else if (got == 0)
			close(s->fd);
		else if (errno != EAGAIN)
			load_die("recv");
	}
}

/* --- the figures --- */

static double delivery_ms(int percent)
{
	uint64_t n = 0, upto = deliveries * (uint64_t)percent / 100;
	size_t i = 0;

	while (i < SLOWEST_MS * HALF_MS && (n += by_time[i]) <= upto)
		i++;
	return (double)(i + 1) / (double)HALF_MS;
}

static void print(void)
{
	int64_t *took = calloc(n_events + 1, sizeof *took);
	size_t n = 0;

	if (!took)
		load_die("calloc");
	for (size_t i = 0; i < n_events; i++) {
		if (events[i].at_us <= open_us)
			continue;
		if (events[i].seen != n_streams)
			wrong("not every stream has got", events[i].id);
		took[n++] = events[i].last_us - events[i].at_us;
	}
	if (n == 0)
		wrong("no event", "came after all streams were open");
	qsort(took, n, sizeof *took, load_by_value);
	printf("events %zu\ndeliveries %llu\np50_ms %.1f\np99_ms %.1f\nmax_ms %.1f\ndelivery_p50_ms %.1f\ndelivery_p99_ms %.1f\n", n,
	       (unsigned long long)deliveries, (double)took[n / 2] / 1000, (double)took[n * 99 / 100] / 1000, (double)took[n - 1] / 1000,
	       delivery_ms(50), delivery_ms(99));
	free(took);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"socket", required_argument, NULL, 's'},  {"token", required_argument, NULL, 't'},   {"target", required_argument, NULL, 'g'},
		{"streams", required_argument, NULL, 'n'}, {"finished", required_argument, NULL, 'f'}, {NULL, 0, NULL, 0},
	};
	const char *path = NULL, *token = NULL, *target = NULL;
	int o, epoll = epoll_create1(EPOLL_CLOEXEC);
	struct rlimit files;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (o == 's')
			path = optarg;
		else if (o == 't')
			token = optarg;
		else if (o == 'g')
			target = optarg;
		else if (o == 'n')
			n_streams = (int)strtol(optarg, NULL, 10);
		else if (o == 'f')
			finished = (int)strtol(optarg, NULL, 10);
		else
			return 2;
	}
	if (!path || !token || !target || n_streams < 1 || finished < 1 || argc != optind) {
		fputs("usage: event_load --socket PATH --token TOKEN --target TARGET [--streams N] [--finished N]\n", stderr);
		return 2;
	}
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	streams = calloc((size_t)n_streams, sizeof *streams);
	if (!streams || epoll < 0)
		load_die("calloc");
	heard_us = now_us();
	for (int i = 0; i < n_streams; i++)
		open_stream(epoll, &streams[i], path, target, token);
	while (n_begun < n_streams)
		receive(epoll);
	open_us = heard_us = now_us();
	puts("open");
	fflush(stdout);
	while (n_finished < finished)
		receive(epoll);
	print();
	return 0;
}
