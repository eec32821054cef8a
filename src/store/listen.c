/* listen.c - LISTEN on a connection of its own, always drained. */
#include "store/listen.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "base/loop.h"
#include "store/link.h"

enum { MAX_CHANNELS = 8 };

struct channel {
	const char *name;
	void (*fn)(void *);
	void *arg;
	bool listening;		/* on this connection */
	bool due;
};

struct listener {
	struct arena *arena;
	struct link *link;
	struct channel v[MAX_CHANNELS];
	size_t n;
	bool busy;		/* a LISTEN has no answer yet */
	listener_own_fn *is_own;
	void *own_arg;
};

static void call_due(struct listener *n)
{
	for (size_t i = 0; i < n->n; i++)
		if (n->v[i].due) {
			n->v[i].due = false;
			n->v[i].fn(n->v[i].arg);
		}
}

static void listen_next(struct listener *n)
{
	PGconn *conn = link_conn(n->link);

	for (size_t i = 0; i < n->n && conn && !n->busy; i++) {
		struct channel *c = &n->v[i];
		char sql[128];
		char *quoted;

		if (c->listening)
			continue;
		quoted = PQescapeIdentifier(conn, c->name, strlen(c->name));
		if (!quoted)
			fatal("channel name %s", c->name);
		snprintf(sql, sizeof sql, "LISTEN %s", quoted);
		PQfreemem(quoted);
		if (!PQsendQuery(conn, sql)) {
			link_lost(n->link, PQerrorMessage(conn));
			return;
		}
		c->listening = true;
		c->due = true;
		n->busy = true;
		link_flush(n->link);
	}
}

static void take_notifications(struct listener *n)
{
	PGconn *conn = link_conn(n->link);
	PGnotify *note;

	while ((note = PQnotifies(conn)) != NULL) {
		bool heard = *note->extra && n->is_own(n->own_arg, note->be_pid);

		for (size_t i = 0; i < n->n && !heard; i++)
			if (strcmp(n->v[i].name, note->relname) == 0)
				n->v[i].due = true;
		PQfreemem(note);
	}
}

static void on_readable(void *arg)
{
	struct listener *n = arg;
	PGconn *conn = link_conn(n->link);

	while (n->busy && !PQisBusy(conn)) {
		PGresult *r = PQgetResult(conn);

		if (!r) {
			n->busy = false;
			break;
		}
		/* The channel is polled then; the next connection tries again. */
		if (PQresultStatus(r) != PGRES_COMMAND_OK)
			log_error("store.listen_failed", "error=%s", log_quotec(PQresultErrorMessage(r)));
		PQclear(r);
	}
	take_notifications(n);
	if (!n->busy)
		listen_next(n);
	if (!n->busy && link_is_up(n->link))
		call_due(n);
}

static void on_up(void *arg)
{
	listen_next(arg);
}

static void on_down(void *arg)
{
	struct listener *n = arg;

	n->busy = false;
	for (size_t i = 0; i < n->n; i++)
		n->v[i].listening = false;
}

void listener_tell(struct listener *n, const char *channel)
{
	for (size_t i = 0; i < n->n; i++)
		if (strcmp(n->v[i].name, channel) == 0)
			n->v[i].fn(n->v[i].arg);
}

struct listener *listener_open(struct loop *l, const char *conninfo, const char *application, listener_own_fn *is_own, void *arg)
{
	struct arena *a = arena_new(NULL);
	struct listener *n = ARENA_NEW(a, struct listener);
	struct link_user user = {.up = on_up, .readable = on_readable, .down = on_down, .arg = n};

	n->arena = a;
	n->is_own = is_own;
	n->own_arg = arg;
	n->link = link_open(l, conninfo, arena_printf(a, "%s listen", application), LINK_STATEMENT_MS, user);
	return n;
}

void listener_add(struct listener *n, const char *channel, void (*fn)(void *arg), void *arg)
{
	if (n->n == MAX_CHANNELS)
		fatal("more than %d channels", MAX_CHANNELS);
	n->v[n->n++] = (struct channel){.name = arena_strdup(n->arena, channel), .fn = fn, .arg = arg};
	if (!n->busy)
		listen_next(n);
}

void listener_close(struct listener *n)
{
	if (!n)
		return;
	link_close(n->link);
	arena_free(n->arena);
}
