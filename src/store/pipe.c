/* pipe.c - a pipeline of calls over one connection: every call is a Sync segment of its own, one transaction.
 *
 * A slot is a call's place in the pipeline. It outlives a call that was cancelled or timed out, because its answer still
 * comes and has to be read past. When the connection is lost all slots become unsent and
 * are sent again in the same order.
 */
#include "store/pipe.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/loop.h"
#include "store/call.h"
#include "store/link.h"

enum { MAX_STMTS = 64 };

struct slot {
	struct slot *next;
	struct call *call;		/* NULL: nobody waits for the answer any more */
	bool sent;
	const struct stmt *preparing;	/* this segment prepares it first */
	PGresult *answer;		/* kept until the Sync */
};

struct pipe {
	struct arena *arena;
	struct link *link;
	struct pipe_user user;
	struct slot *head, **tail;
	struct slot *unsent;		/* first that is not sent on this connection; NULL: all are */
	const struct stmt *prepared[MAX_STMTS];
	size_t n_prepared;
};

static const char *state_of(const PGresult *r)
{
	const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);

	return state ? state : "";
}

static bool is_connection_error(const char *state)
{
	return !*state || strncmp(state, "08", 2) == 0 || strncmp(state, "57P0", 4) == 0;
}

/* --- the list of slots --- */

static void append(struct pipe *p, struct slot *t)
{
	t->next = NULL;
	t->sent = false;
	*p->tail = t;
	p->tail = &t->next;
	if (!p->unsent)
		p->unsent = t;
}

static struct slot *slot_new(struct call *c)
{
	struct slot *t = calloc(1, sizeof *t);

	if (!t)
		fatal("out of memory");
	t->call = c;
	c->slot = t;
	return t;
}

static void slot_free(struct slot *t)
{
	PQclear(t->answer);
	free(t);
}

static void pop(struct pipe *p)
{
	struct slot *t = p->head;

	p->head = t->next;
	if (!p->head)
		p->tail = &p->head;
	slot_free(t);
}

static void remove_unsent(struct pipe *p, struct slot *t)
{
	struct slot **at = &p->head;

	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	if (p->unsent == t)
		p->unsent = t->next;
	if (!t->next)
		p->tail = at;
	slot_free(t);
}

/* --- sending --- */

static bool is_prepared(const struct pipe *p, const struct stmt *stmt)
{
	for (size_t i = 0; i < p->n_prepared; i++)
		if (p->prepared[i] == stmt)
			return true;
	return false;
}

static void forget(struct pipe *p, const struct stmt *stmt)
{
	for (size_t i = 0; i < p->n_prepared; i++)
		if (p->prepared[i] == stmt) {
			p->prepared[i] = p->prepared[--p->n_prepared];
			return;
		}
}

static bool send_one(struct pipe *p, struct slot *t)
{
	PGconn *conn = link_conn(p->link);
	const struct call *c = t->call;
	const struct params *a = &c->params;

	t->preparing = NULL;
	if (!is_prepared(p, c->stmt)) {
		if (p->n_prepared == MAX_STMTS)
			fatal("more than %d statements", MAX_STMTS);
		if (!PQsendPrepare(conn, c->stmt->name, c->stmt->sql, 0, NULL))
			return false;
		p->prepared[p->n_prepared++] = c->stmt;
		t->preparing = c->stmt;
	}
	return PQsendQueryPrepared(conn, c->stmt->name, a->n, a->values, a->lengths, a->formats, 0) &&
	       PQpipelineSync(conn);
}

static void send_all(struct pipe *p)
{
	if (!link_is_up(p->link))
		return;
	while (p->unsent) {
		struct slot *t = p->unsent;

		p->unsent = t->next;
		t->sent = true;
		if (!send_one(p, t)) {
			link_lost(p->link, PQerrorMessage(link_conn(p->link)));
			return;
		}
	}
	if (link_flush(p->link))
		link_expect(p->link, p->head != NULL);
}

/* --- answers --- */

/* The Sync of the first slot has come: its answer is whole. */
static void answered(struct pipe *p)
{
	struct slot *t = p->head;
	struct call *c = t->call;
	PGresult *r = t->answer;

	t->answer = NULL;
	if (t->preparing)
		forget(p, t->preparing);
	pop(p);
	if (!c) {
		PQclear(r);
		return;
	}
	c->slot = NULL;
	call_answered(c, r);
}

/* false: the connection is of no use any more. */
static bool take_result(struct pipe *p, PGresult *r)
{
	struct slot *t = p->head;

	switch (PQresultStatus(r)) {
	case PGRES_PIPELINE_SYNC:
		PQclear(r);
		answered(p);
		return true;
	case PGRES_FATAL_ERROR:
	case PGRES_BAD_RESPONSE:
		if (is_connection_error(state_of(r))) {
			char reason[256];

			strncpy(reason, PQresultErrorMessage(r), sizeof reason - 1);
			reason[sizeof reason - 1] = '\0';
			PQclear(r);
			link_lost(p->link, reason);
			return false;
		}
		break;
	case PGRES_COMMAND_OK:
		/* It stays prepared, even when the call itself fails now. */
		t->preparing = NULL;
		break;
	default:
		break;
	}
	/* The first error of a segment is the reason; what follows it is "aborted". */
	if (t->answer && PQresultStatus(t->answer) == PGRES_FATAL_ERROR) {
		PQclear(r);
		return true;
	}
	PQclear(t->answer);
	t->answer = r;
	return true;
}

static void on_readable(void *arg)
{
	struct pipe *p = arg;
	PGconn *conn = link_conn(p->link);

	while (p->head && p->head != p->unsent && !PQisBusy(conn)) {
		PGresult *r = PQgetResult(conn);

		if (r && !take_result(p, r))
			return;
		if (!r && PQstatus(conn) == CONNECTION_BAD) {
			link_lost(p->link, PQerrorMessage(conn));
			return;
		}
	}
	link_expect(p->link, p->head != NULL);
}

/* --- the connection --- */

static void on_up(void *arg)
{
	struct pipe *p = arg;

	if (!PQenterPipelineMode(link_conn(p->link))) {
		link_lost(p->link, "pipeline mode refused");
		return;
	}
	send_all(p);
	if (link_is_up(p->link) && p->user.up)
		p->user.up(p->user.arg);
}

static void on_down(void *arg)
{
	struct pipe *p = arg;
	struct slot *old = p->head;

	p->n_prepared = 0;
	p->head = p->unsent = NULL;
	p->tail = &p->head;
	while (old) {
		struct slot *t = old;

		old = t->next;
		if (!t->call) {
			slot_free(t);
			continue;
		}
		PQclear(t->answer);
		t->answer = NULL;
		t->call->sent_again |= t->sent;
		append(p, t);
	}
	if (p->user.down)
		p->user.down(p->user.arg);
}

/* --- public --- */

void pipe_add(struct pipe *p, struct call *c)
{
	append(p, slot_new(c));
	send_all(p);
}

void pipe_remove(struct pipe *p, struct call *c)
{
	struct slot *t = c->slot;

	c->slot = NULL;
	if (!t)
		return;
	if (t->sent)
		t->call = NULL;
	else
		remove_unsent(p, t);
}

struct call *pipe_first(const struct pipe *p)
{
	for (const struct slot *t = p->head; t; t = t->next)
		if (t->call)
			return t->call;
	return NULL;
}

bool pipe_is_up(const struct pipe *p)
{
	return link_is_up(p->link);
}

const char *pipe_reason(const struct pipe *p)
{
	return link_reason(p->link);
}

int pipe_backend(const struct pipe *p)
{
	return link_is_up(p->link) ? PQbackendPID(link_conn(p->link)) : 0;
}

struct pipe *pipe_open(struct loop *l, const char *conninfo, const char *application, int statement_ms, struct pipe_user user)
{
	struct arena *a = arena_new(NULL);
	struct pipe *p = ARENA_NEW(a, struct pipe);

	p->arena = a;
	p->user = user;
	p->tail = &p->head;
	p->link = link_open(l, conninfo, application, statement_ms,
			    (struct link_user){.up = on_up, .readable = on_readable, .down = on_down, .arg = p});
	return p;
}

void pipe_close(struct pipe *p)
{
	if (!p)
		return;
	while (p->head)
		pop(p);
	link_close(p->link);
	arena_free(p->arena);
}
