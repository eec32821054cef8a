/* connection.c - see connection.h. One scan for all of them, twice a second. */
#include "web/connection.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/heap.h"
#include "base/loop.h"

enum { SCAN_MS = 500 };

struct connection {
	int fd;
	int64_t until_ms;	/* 0: none */
	struct connection *prev, *next;
};

struct connections {
	struct loop *loop;
	struct loop_timer *scan;
	struct connection *first;
	int64_t header_timeout_ms;
};

static struct connection *find(struct MHD_Connection *c)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

static struct connection *add(struct connections *cs, struct MHD_Connection *c)
{
	struct connection *x = heap_zalloc(1, sizeof *x);
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);

	if (!info)
		fatal("libmicrohttpd names no socket of a connection");
	x->fd = info->connect_fd;
	x->until_ms = loop_now_ms(cs->loop) + cs->header_timeout_ms;
	x->next = cs->first;
	if (x->next)
		x->next->prev = x;
	cs->first = x;
	return x;
}

void connection_notify(void *arg, struct MHD_Connection *c, void **context, enum MHD_ConnectionNotificationCode code)
{
	struct connections *cs = arg;
	struct connection *x = *context;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		*context = add(cs, c);
		return;
	}
	if (!x)
		return;
	*(x->prev ? &x->prev->next : &cs->first) = x->next;
	if (x->next)
		x->next->prev = x->prev;
	free(x);
}

void connection_deadline(struct connections *cs, struct MHD_Connection *c, int64_t ms)
{
	struct connection *x = find(c);

	if (x)
		x->until_ms = loop_now_ms(cs->loop) + ms;
}

void connection_within(struct connections *cs, struct MHD_Connection *c, int64_t ms)
{
	struct connection *x = find(c);
	int64_t until_ms = loop_now_ms(cs->loop) + ms;

	if (x && (x->until_ms == 0 || x->until_ms > until_ms))
		x->until_ms = until_ms;
}

void connection_no_deadline(struct connections *cs, struct MHD_Connection *c)
{
	struct connection *x = find(c);

	(void)cs;
	if (x)
		x->until_ms = 0;
}

/* Cutting the socket makes libmicrohttpd find its end in the next run. */
static void on_scan(void *arg)
{
	struct connections *cs = arg;
	int64_t now = loop_now_ms(cs->loop);

	for (struct connection *x = cs->first; x; x = x->next) {
		if (x->until_ms && x->until_ms <= now) {
			shutdown(x->fd, SHUT_RDWR);
			x->until_ms = 0;
		}
	}
	loop_timer_set(cs->scan, SCAN_MS);
}

struct connections *connections_new(struct arena *a, struct loop *l, int64_t header_timeout_ms)
{
	struct connections *cs = ARENA_NEW(a, struct connections);

	cs->loop = l;
	cs->header_timeout_ms = header_timeout_ms;
	cs->scan = loop_timer_new(l, on_scan, cs);
	loop_timer_set(cs->scan, SCAN_MS);
	return cs;
}

void connections_free(struct connections *cs)
{
	loop_timer_free(cs->scan);
}
