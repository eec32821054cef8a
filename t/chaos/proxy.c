/* proxy.c - stands between PostgreSQL and its clients, and fails on command; it knows where a transaction ends.
 *
 * proxy --listen ADDRESS --to ADDRESS --control PATH [--seed N]      ADDRESS: unix:PATH or IPv4:PORT
 *
 * agentd sends each function call as one Sync segment, which is one transaction: Sync is its COMMIT. Commands come as lines
 * over the Unix socket PATH, each is answered by one line, "ok ..." or "bad ...":
 *
 *   cut before|after EVERY STATEMENTS   one in EVERY (drawn by the seed) Syncs of these prepared statements (a,b,c; *: all) meets
 *                     its end: "before": all of its segment is passed on but the Sync, then both sides are closed;
 *                     "after": it is passed on, the server's answer is awaited and swallowed, then both are closed
 *   cut both EVERY STATEMENTS           either, drawn
 *   cut none          no more
 *   pass              as if there were no proxy; connections that lost bytes to "drop" and frozen ones are closed: their server
 *                     learns it from its client's keepalives, which this proxy would acknowledge for ever
 *   hold              half open: connections are accepted, nothing is passed on, nothing is closed
 *   freeze            the same until "pass", but only for the connections that are there now
 *   drop to-server|to-client|both       these bytes vanish
 *   slow BITS_PER_S DELAY_MS HELD_PERCENT   a slow line; HELD_PERCENT of the pieces (1 KiB) wait the delay once more
 *   break             every connection is closed
 *   stats             ok connections=N accepted=N syncs=N before=N after=N failed=N
 *                     after counts only what the server had answered without error, failed the others
 *   quit
 *
 * An encryption request is answered 'N': what it cannot read it cannot cut. Every cut is a line on standard output.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "pgwire.h"

enum { MAX_CONNECTIONS = 512, PIECE = 1024, MAX_QUEUED = 4 << 20, READ = 65536, MAX_STATEMENTS = 32 };
enum side { CLIENT, SERVER };
enum cut { CUT_NONE, CUT_BEFORE, CUT_AFTER, CUT_BOTH };

struct piece {
	struct piece *next;
	int64_t born_ms, due_ms;
	size_t n, at, room;
	char data[];
};

/* What goes to one side; eof: nothing more comes. */
struct queue {
	struct piece *head, **tail, *last;
	size_t bytes;
	int64_t last_due_ms;
	bool eof;
};

struct connection {
	int fd[2];		/* CLIENT, SERVER; -1: closed */
	unsigned long number;
	struct pgwire eye[2];	/* on what CLIENT and SERVER say */
	struct queue to[2];
	char statement[64];	/* of the segment that the client is sending */
	char cut_at[64];	/* that of `swallow` */
	unsigned long asked, ready;	/* ReadyForQuery: due, seen */
	unsigned long swallow;	/* answers from this one on are lost; 0: none */
	bool failed, lossy, frozen, connected, dead;
};

static struct connection *connections[MAX_CONNECTIONS];
static size_t n_connections;
static unsigned long accepted, syncs, cuts_before, cuts_after, cuts_failed;
static const char *to_address;
static uint64_t state;
static enum cut cut;
static uint64_t every;
static char statements[MAX_STATEMENTS][64];
static size_t n_statements;
static bool holding, dropping[2];	/* dropping[CLIENT]: what goes to the client */
static int64_t bits_per_s, delay_ms, held_percent;

static void die(const char *what)
{
	fprintf(stderr, "proxy: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* splitmix64 */
static uint64_t draw(uint64_t below)
{
	uint64_t z = state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (z ^ z >> 31) % below;
}

/* --- queues --- */

static void queue_clear(struct queue *q)
{
	while (q->head) {
		struct piece *p = q->head;

		q->head = p->next;
		free(p);
	}
	q->tail = &q->head;
	q->bytes = 0;
}

static int64_t line_ms(size_t n)
{
	return bits_per_s > 0 ? (int64_t)n * 8000 / bits_per_s : 0;
}

static void queue_piece(struct queue *q, const char *data, size_t n)
{
	size_t room = bits_per_s > 0 ? PIECE : n;
	struct piece *p = malloc(sizeof *p + room);
	int64_t born_ms = now_ms(), due_ms = born_ms;

	if (!p)
		die("malloc");
	if (bits_per_s > 0) {
		due_ms += delay_ms + (draw(100) < (uint64_t)held_percent ? delay_ms : 0);
		due_ms = due_ms > q->last_due_ms ? due_ms : q->last_due_ms;
	}
	*p = (struct piece){.born_ms = born_ms, .due_ms = due_ms + line_ms(n), .n = n, .room = room};
	memcpy(p->data, data, n);
	*q->tail = p;
	q->tail = &p->next;
	q->last = p;
}

static void queue_add(struct queue *q, const char *data, size_t n)
{
	size_t most = bits_per_s > 0 ? PIECE : READ;

	for (size_t take; n > 0; data += take, n -= take) {
		struct piece *p = q->head ? q->last : NULL;

		take = n < most ? n : most;
		/* what is said in one breath travels together */
		if (p && p->at == 0 && p->room - p->n >= take && p->born_ms == now_ms()) {
			memcpy(p->data + p->n, data, take);
			p->n += take;
			p->due_ms += line_ms(take);
		} else {
			queue_piece(q, data, take);
		}
		q->last_due_ms = q->last->due_ms;
		q->bytes += take;
	}
}

/* Writes what is due. false: the side is gone. */
static bool queue_flush(struct queue *q, int fd)
{
	int64_t now = now_ms();

	while (q->head && q->head->due_ms <= now) {
		struct piece *p = q->head;
		ssize_t n = send(fd, p->data + p->at, p->n - p->at, MSG_NOSIGNAL);

		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		p->at += (size_t)n;
		q->bytes -= (size_t)n;
		if (p->at < p->n)
			return true;
		q->head = p->next;
		if (!q->head)
			q->tail = &q->head;
		free(p);
	}
	return true;
}

static void queue_hurry(struct queue *q)
{
	for (struct piece *p = q->head; p; p = p->next)
		p->due_ms = 0;
	q->last_due_ms = 0;
}

/* --- cutting --- */

static void shut(struct connection *c, enum side side)
{
	if (c->fd[side] >= 0)
		close(c->fd[side]);
	c->fd[side] = -1;
}

/* Nothing of this goes to the client any more; the server gets what was meant for it, then its end. */
static void cut_off(struct connection *c)
{
	shut(c, CLIENT);
	queue_clear(&c->to[CLIENT]);
	c->to[SERVER].eof = true;
}

static bool is_wanted(const char *statement)
{
	for (size_t i = 0; i < n_statements; i++)
		if (strcmp(statements[i], "*") == 0 || strcmp(statements[i], statement) == 0)
			return true;
	return false;
}

/* The client's Sync is about to be passed on: how does it end? */
static enum cut sentence(const struct connection *c)
{
	if (cut == CUT_NONE || c->swallow || !is_wanted(c->statement) || draw(every) != 0)
		return CUT_NONE;
	return cut == CUT_BOTH ? (draw(2) ? CUT_BEFORE : CUT_AFTER) : cut;
}

static bool on_client_head(void *arg, int type)
{
	struct connection *c = arg;

	if (type == PGWIRE_STARTUP || type == 'Q') {
		c->asked++;
	} else if (type == 'S') {
		syncs++;
		switch (sentence(c)) {
		case CUT_BEFORE:
			cuts_before++;
			printf("cut before %s connection=%lu sync=%lu\n", c->statement, c->number, c->asked);
			cut_off(c);
			return false;
		case CUT_AFTER:
			c->swallow = c->asked + 1;
			c->failed = false;
			memcpy(c->cut_at, c->statement, sizeof c->cut_at);
			break;
		default:
			break;
		}
		c->asked++;
	}
	return true;
}

static void on_client_done(void *arg, int type, const char *body, size_t n)
{
	struct connection *c = arg;
	size_t portal;

	if (type == PGWIRE_ENCRYPT)
		queue_add(&c->to[CLIENT], "N", 1);
	if (type == 'S')
		c->statement[0] = '\0';
	if (type != 'B')
		return;
	portal = strnlen(body, n);
	if (portal < n)
		snprintf(c->statement, sizeof c->statement, "%.*s", (int)(n - portal - 1), body + portal + 1);
}

static bool on_server_head(void *arg, int type)
{
	struct connection *c = arg;

	if (type == 'E' && c->swallow && c->ready + 1 == c->swallow)
		c->failed = true;
	return true;
}

static void on_server_done(void *arg, int type, const char *body, size_t n)
{
	struct connection *c = arg;

	(void)body;
	(void)n;
	if (type != 'Z' || ++c->ready < c->swallow || !c->swallow)
		return;
	*(c->failed ? &cuts_failed : &cuts_after) += 1;
	printf("cut after %s connection=%lu sync=%lu%s\n", c->cut_at, c->number, c->swallow - 1, c->failed ? " (it had failed)" : "");
	cut_off(c);
	queue_clear(&c->to[SERVER]);
	c->eye[SERVER].over = true;
}

/* ready counts the startup's, asked too: the answer to number `swallow` comes behind ready == swallow - 1. */
static void to_client(void *arg, const char *p, size_t n)
{
	struct connection *c = arg;

	if (dropping[CLIENT])
		c->lossy = true;
	else if (!c->swallow || c->ready + 1 < c->swallow)
		queue_add(&c->to[CLIENT], p, n);
}

static void to_server(void *arg, const char *p, size_t n)
{
	struct connection *c = arg;

	if (dropping[SERVER])
		c->lossy = true;
	else
		queue_add(&c->to[SERVER], p, n);
}

/* --- connections --- */

static socklen_t address_of(const char *text, struct sockaddr_storage *ss)
{
	struct sockaddr_un *un = (struct sockaddr_un *)ss;
	struct sockaddr_in *in = (struct sockaddr_in *)ss;
	const char *colon = strrchr(text, ':');
	char host[64];

	memset(ss, 0, sizeof *ss);
	if (strncmp(text, "unix:", 5) == 0) {
		un->sun_family = AF_UNIX;
		snprintf(un->sun_path, sizeof un->sun_path, "%s", text + 5);
		return sizeof *un;
	}
	snprintf(host, sizeof host, "%.*s", colon ? (int)(colon - text) : 0, text);
	in->sin_family = AF_INET;
	in->sin_port = htons((uint16_t)(colon ? strtoul(colon + 1, NULL, 10) : 0));
	if (!colon || inet_pton(AF_INET, host, &in->sin_addr) != 1) {
		fprintf(stderr, "proxy: expected unix:PATH or IPv4:PORT, got \"%s\"\n", text);
		exit(2);
	}
	return sizeof *in;
}

static int listen_at(const char *text)
{
	struct sockaddr_storage ss;
	socklen_t n = address_of(text, &ss);
	int on = 1, fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (ss.ss_family == AF_UNIX)
		unlink(text + 5);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (fd < 0 || bind(fd, (struct sockaddr *)&ss, n) < 0 || listen(fd, 256) < 0)
		die(text);
	return fd;
}

static void connect_on(struct connection *c)
{
	struct sockaddr_storage ss;
	socklen_t n = address_of(to_address, &ss);
	int fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	c->connected = true;
	if (fd < 0 || connect(fd, (struct sockaddr *)&ss, n) < 0) {
		if (fd >= 0)
			close(fd);
		c->dead = true;
		return;
	}
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	c->fd[SERVER] = fd;
}

static void accept_one(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct connection *c;

	if (fd < 0)
		return;
	c = calloc(1, sizeof *c);
	if (!c)
		die("calloc");
	c->number = ++accepted;
	c->fd[CLIENT] = fd;
	c->fd[SERVER] = -1;
	for (int i = 0; i < 2; i++)
		c->to[i].tail = &c->to[i].head;
	pgwire_init(&c->eye[CLIENT], true, (struct pgwire_user){on_client_head, to_server, on_client_done, c});
	pgwire_init(&c->eye[SERVER], false, (struct pgwire_user){on_server_head, to_client, on_server_done, c});
	connections[n_connections++] = c;
}

static void receive(struct connection *c, enum side from)
{
	static char buf[READ];
	ssize_t n = recv(c->fd[from], buf, sizeof buf, 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		shut(c, from);
		c->to[1 - from].eof = true;
	} else if (!pgwire_feed(&c->eye[from], buf, (size_t)n)) {
		c->dead = true;
	}
}

static void bury(void)
{
	for (size_t i = 0; i < n_connections;) {
		struct connection *c = connections[i];

		for (int side = 0; side < 2; side++)
			if (c->to[side].eof && !c->to[side].head)
				shut(c, (enum side)side);
		if (c->dead || (c->fd[CLIENT] < 0 && c->fd[SERVER] < 0) || (c->connected && c->fd[SERVER] < 0 && !c->to[CLIENT].head)) {
			for (int side = 0; side < 2; side++) {
				shut(c, (enum side)side);
				queue_clear(&c->to[side]);
			}
			free(c);
			connections[i] = connections[--n_connections];
			continue;
		}
		i++;
	}
}

/* --- commands --- */

static void pass(void)
{
	holding = dropping[CLIENT] = dropping[SERVER] = false;
	bits_per_s = delay_ms = held_percent = 0;
	for (size_t i = 0; i < n_connections; i++) {
		for (int side = 0; side < 2; side++)
			queue_hurry(&connections[i]->to[side]);
		connections[i]->dead |= connections[i]->lossy || connections[i]->frozen;
	}
}

static bool set_cut(const char *how, const char *rate, const char *names)
{
	static const char *const words[] = {"none", "before", "after", "both"};
	enum cut wanted = CUT_NONE;
	size_t n;

	while (wanted <= CUT_BOTH && strcmp(how, words[wanted]) != 0)
		wanted++;
	if (wanted > CUT_BOTH || (wanted != CUT_NONE && (strtoull(rate, NULL, 10) == 0 || !*names)))
		return false;
	cut = wanted;
	every = strtoull(rate, NULL, 10);
	for (n_statements = 0; *names && n_statements < MAX_STATEMENTS; names += n + (names[n] == ',')) {
		n = strcspn(names, ",");
		snprintf(statements[n_statements++], sizeof statements[0], "%.*s", (int)n, names);
	}
	return true;
}

static bool set_drop(const char *where)
{
	bool server = strcmp(where, "to-server") == 0, client = strcmp(where, "to-client") == 0, both = strcmp(where, "both") == 0;

	dropping[SERVER] = server || both;
	dropping[CLIENT] = client || both;
	return server || client || both;
}

static void obey(int fd, const char *line)
{
	char word[4][512] = {"", "", "", ""}, answer[256] = "ok\n";
	int n = sscanf(line, "%511s %511s %511s %511s", word[0], word[1], word[2], word[3]);
	bool good = true;

	if (strcmp(word[0], "cut") == 0)
		good = set_cut(word[1], word[2], word[3]);
	else if (strcmp(word[0], "pass") == 0)
		pass();
	else if (strcmp(word[0], "hold") == 0)
		holding = true;
	else if (strcmp(word[0], "drop") == 0)
		good = set_drop(word[1]);
	else if (strcmp(word[0], "slow") == 0 && n == 4) {
		bits_per_s = strtoll(word[1], NULL, 10);
		delay_ms = strtoll(word[2], NULL, 10);
		held_percent = strtoll(word[3], NULL, 10);
		good = bits_per_s > 0 && delay_ms >= 0;
	} else if (strcmp(word[0], "freeze") == 0) {
		for (size_t i = 0; i < n_connections; i++)
			connections[i]->frozen = true;
	} else if (strcmp(word[0], "break") == 0) {
		for (size_t i = 0; i < n_connections; i++)
			connections[i]->dead = true;
	} else if (strcmp(word[0], "stats") == 0) {
		snprintf(answer, sizeof answer, "ok connections=%zu accepted=%lu syncs=%lu before=%lu after=%lu failed=%lu\n",
			 n_connections, accepted, syncs, cuts_before, cuts_after, cuts_failed);
	} else if (strcmp(word[0], "quit") == 0) {
		exit(0);
	} else {
		good = false;
	}
	if (!good)
		snprintf(answer, sizeof answer, "bad command \"%.200s\"\n", line);
	if (send(fd, answer, strlen(answer), MSG_NOSIGNAL) < 0)
		return;
}

/* One controller at a time; a line fits one read. false: it has gone. */
static bool listen_to(int fd)
{
	char buf[2048], *line = buf, *end;
	ssize_t n = recv(fd, buf, sizeof buf - 1, 0);

	if (n <= 0)
		return n < 0 && (errno == EAGAIN || errno == EINTR);
	buf[n] = '\0';
	while ((end = strchr(line, '\n'))) {
		*end = '\0';
		obey(fd, line);
		line = end + 1;
	}
	return true;
}

/* --- the loop --- */

static int wait_ms(const struct connection *c, int64_t now, int64_t least)
{
	for (int side = 0; side < 2; side++)
		if (c->to[side].head && c->to[side].head->due_ms - now < least)
			least = c->to[side].head->due_ms - now;
	return (int)(least > 0 ? least : 0);
}

static bool is_held(const struct connection *c)
{
	return holding || c->frozen;
}

static short interest(const struct connection *c, enum side side, int64_t now)
{
	bool full = c->to[1 - side].bytes > MAX_QUEUED || c->to[1 - side].eof;
	bool due = c->to[side].head && c->to[side].head->due_ms <= now;

	return (short)((full ? 0 : POLLIN) | (due ? POLLOUT : 0));
}

static void serve(struct connection *c, enum side side, short events)
{
	if (c->dead || c->fd[side] < 0)
		return;
	if (!queue_flush(&c->to[side], c->fd[side])) {
		queue_clear(&c->to[side]);
		c->to[1 - side].eof = true;
		shut(c, side);
		return;
	}
	if ((events & (POLLIN | POLLHUP | POLLERR)) && !c->to[1 - side].eof)
		receive(c, side);
}

static void turn(int listener, int control, int *controller)
{
	struct pollfd fds[3 + 2 * MAX_CONNECTIONS];
	size_t n = n_connections;
	int64_t now = now_ms();
	int least = 1000;

	fds[0] = (struct pollfd){.fd = n < MAX_CONNECTIONS ? listener : -1, .events = POLLIN};
	fds[1] = (struct pollfd){.fd = control, .events = POLLIN};
	fds[2] = (struct pollfd){.fd = *controller, .events = POLLIN};
	for (size_t i = 0; i < n; i++) {
		struct connection *c = connections[i];

		if (!holding && !c->connected)
			connect_on(c);
		for (int side = 0; side < 2; side++)
			fds[3 + 2 * i + (size_t)side] = (struct pollfd){.fd = is_held(c) ? -1 : c->fd[side], .events = interest(c, (enum side)side, now)};
		if (!is_held(c))
			least = wait_ms(c, now, least);
	}
	if (poll(fds, (nfds_t)(3 + 2 * n), least) < 0 && errno != EINTR)
		die("poll");
	for (size_t i = 0; i < n; i++)
		if (!is_held(connections[i]))
			for (int side = 0; side < 2; side++)
				serve(connections[i], (enum side)side, fds[3 + 2 * i + (size_t)side].revents);
	if (fds[0].revents)
		accept_one(listener);
	if (fds[1].revents) {
		if (*controller >= 0)
			close(*controller);
		*controller = accept4(control, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	} else if (fds[2].revents && !listen_to(*controller)) {
		close(*controller);
		*controller = -1;
	}
	bury();
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"listen", required_argument, NULL, 'l'}, {"to", required_argument, NULL, 't'},
		{"control", required_argument, NULL, 'c'}, {"seed", required_argument, NULL, 's'}, {0}};
	const char *where = NULL, *control = NULL;
	char path[256];
	int opt, listener, commands, controller = -1;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (opt) {
		case 'l':
			where = optarg;
			break;
		case 't':
			to_address = optarg;
			break;
		case 'c':
			control = optarg;
			break;
		case 's':
			state = strtoull(optarg, NULL, 10);
			break;
		default:
			return 2;
		}
	if (!where || !to_address || !control) {
		fprintf(stderr, "usage: proxy --listen ADDRESS --to ADDRESS --control PATH [--seed N]\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	setvbuf(stdout, NULL, _IOLBF, 0);
	snprintf(path, sizeof path, "unix:%s", control);
	listener = listen_at(where);
	commands = listen_at(path);
	puts("ready");
	for (;;)
		turn(listener, commands, &controller);
}
