/* pg.c - the store's pipeline of calls: every call is a Sync segment of its own, one transaction.
 *
 * A slot is a call's place in the pipeline. It outlives a call that was cancelled or timed out, because its answer still
 * comes and has to be read past. When the connection is lost all slots become unsent and
 * are sent again in the same order.
 */
#include "store/store.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/digest.h"
#include "base/json.h"
#include "base/log.h"
#include "base/loop.h"
#include "store/call.h"
#include "store/link.h"
#include "store/listen.h"

enum { MAX_STMTS = 64, REPEAT_MAX_MS = 1000, REPEATS_WITHOUT_DEADLINE = 1000000, REPEATS = 10 };

enum slot_state { SLOT_UNSENT, SLOT_SENT, SLOT_RESTING };

struct slot {
	struct slot *next;
	struct call *call;		/* NULL: nobody waits for the answer any more */
	enum slot_state state;
	const struct stmt *preparing;	/* this segment prepares it first */
	PGresult *answer;		/* kept until the Sync */
};

struct store {
	struct arena *arena;
	struct loop *loop;
	struct link *link;
	struct listener *listener;
	const char *conninfo, *application;
	struct slot *head, **tail;
	struct slot *unsent;		/* first that is not sent on this connection; NULL: all are */
	const struct stmt *prepared[MAX_STMTS];
	size_t n_prepared;
	struct slot *resting;		/* wait for their next try (call.again) */
	size_t n_calls, bytes;
	bool closed;
	struct {
		void (*fn)(void *, bool);
		void *arg;
	} on_state[8];
	size_t n_on_state;
	struct commits *commits;
	struct submits *submits;
	int claims;
};

static const struct {
	const char *prefix;
	enum err_code code;
	int status;
} sqlstates[] = {
#define SQLSTATE(prefix, code, status) {prefix, code, status},
#include "store/sqlstate.def"
#undef SQLSTATE
};

static bool starts(const char *state, const char *prefix)
{
	return strncmp(state, prefix, strlen(prefix)) == 0;
}

static bool is_connection_error(const char *state)
{
	return !*state || starts(state, "08") || starts(state, "57P0");
}

/* Another try of the same call can succeed by itself: deadlock, serialization, the server is out of something,
 * or the segment that should have prepared the statement failed. */
static bool is_repeatable(const char *state)
{
	return starts(state, "40001") || starts(state, "40P01") || starts(state, "53") || starts(state, "26000");
}

static const char *state_of(const PGresult *r)
{
	const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);

	return state ? state : "";
}

static void error_of(const PGresult *r, struct err *err)
{
	const char *state = state_of(r);
	const char *text = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
	const char *hint = PQresultErrorField(r, PG_DIAG_MESSAGE_HINT);

	text = text ? text : PQresultErrorMessage(r);
	for (size_t i = 0; i < sizeof sqlstates / sizeof sqlstates[0]; i++)
		if (starts(state, sqlstates[i].prefix)) {
			err_set(err, sqlstates[i].code, "%s", text);
			err->status = sqlstates[i].status;
			return;
		}
	err_set(err, ERR_PG, "%s (SQLSTATE %s)", text, state);
	if (starts(state, "42883") || starts(state, "3F000") || starts(state, "42P01"))
		err_hint(err, "the database's schema is missing or older than this program: agentctl migrate");
	else if (hint)
		err_hint(err, "%s", hint);
}

/* --- the list of slots --- */

static void append(struct store *s, struct slot *t)
{
	t->next = NULL;
	t->state = SLOT_UNSENT;
	*s->tail = t;
	s->tail = &t->next;
	if (!s->unsent)
		s->unsent = t;
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

static void pop(struct store *s)
{
	struct slot *t = s->head;

	s->head = t->next;
	if (!s->head)
		s->tail = &s->head;
	slot_free(t);
}

static void unlink_slot(struct slot **at, const struct slot *t)
{
	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
}

static void remove_unsent(struct store *s, struct slot *t)
{
	unlink_slot(&s->head, t);
	if (s->unsent == t)
		s->unsent = t->next;
	if (!t->next)
		for (s->tail = &s->head; *s->tail;)
			s->tail = &(*s->tail)->next;
	slot_free(t);
}

/* --- sending --- */

static bool is_prepared(const struct store *s, const struct stmt *stmt)
{
	for (size_t i = 0; i < s->n_prepared; i++)
		if (s->prepared[i] == stmt)
			return true;
	return false;
}

static void forget(struct store *s, const struct stmt *stmt)
{
	for (size_t i = 0; i < s->n_prepared; i++)
		if (s->prepared[i] == stmt) {
			s->prepared[i] = s->prepared[--s->n_prepared];
			return;
		}
}

static bool send_one(struct store *s, struct slot *t)
{
	PGconn *conn = link_conn(s->link);
	const struct call *c = t->call;
	const struct params *p = &c->params;

	t->preparing = NULL;
	if (!is_prepared(s, c->stmt)) {
		if (s->n_prepared == MAX_STMTS)
			fatal("more than %d statements", MAX_STMTS);
		if (!PQsendPrepare(conn, c->stmt->name, c->stmt->sql, 0, NULL))
			return false;
		s->prepared[s->n_prepared++] = c->stmt;
		t->preparing = c->stmt;
	}
	return PQsendQueryPrepared(conn, c->stmt->name, p->n, p->values, p->lengths, p->formats, 0) &&
	       PQpipelineSync(conn);
}

static void send_all(struct store *s)
{
	if (!link_is_up(s->link))
		return;
	while (s->unsent) {
		struct slot *t = s->unsent;

		s->unsent = t->next;
		t->state = SLOT_SENT;
		if (!send_one(s, t)) {
			link_lost(s->link, PQerrorMessage(link_conn(s->link)));
			return;
		}
	}
	link_flush(s->link);
}

/* --- completing --- */

static void finish(struct call *c, const struct err *err)
{
	struct store *s = c->store;

	loop_timer_free(c->deadline);
	loop_timer_free(c->again);
	c->deadline = c->again = NULL;
	s->n_calls--;
	s->bytes -= c->params.bytes;
	op_complete(&c->op, err);
}

static void on_again(void *arg)
{
	struct call *c = arg;

	loop_timer_free(c->again);
	c->again = NULL;
	unlink_slot(&c->store->resting, c->slot);
	append(c->store, c->slot);
	send_all(c->store);
}

static void repeat_later(struct call *c)
{
	struct store *s = c->store;
	struct slot *t = slot_new(c);
	uint32_t r, cap = 10;

	for (unsigned i = 0; i < c->repeats && cap < REPEAT_MAX_MS; i++)
		cap *= 2;
	c->repeats++;
	random_bytes(&r, sizeof r);
	t->state = SLOT_RESTING;
	t->next = s->resting;
	s->resting = t;
	c->again = loop_timer_new(s->loop, on_again, c);
	loop_timer_set(c->again, 1 + (int64_t)(r % cap));
}

/* The Sync of the first slot has come: its answer is whole. */
static void answered(struct store *s)
{
	struct slot *t = s->head;
	struct call *c = t->call;
	PGresult *r = t->answer;
	ExecStatusType status = PQresultStatus(r);
	struct err err = {0};

	t->answer = NULL;
	if (t->preparing)
		forget(s, t->preparing);
	pop(s);
	if (!c) {
		PQclear(r);
		return;
	}
	c->slot = NULL;
	arena_defer(c->op.arena, (void (*)(void *))PQclear, r);
	if (status == PGRES_TUPLES_OK) {
		finish(c, c->read(c, r, &err) < 0 ? &err : NULL);
		return;
	}
	error_of(r, &err);
	if (is_repeatable(state_of(r)) &&
	    c->repeats < (c->deadline ? REPEATS : REPEATS_WITHOUT_DEADLINE)) {
		log_warn("store.repeat", "call=%s error=%s", c->stmt->name, log_quotec(err.msg));
		repeat_later(c);
		return;
	}
	finish(c, &err);
}

/* false: the connection is of no use any more. */
static bool take_result(struct store *s, PGresult *r)
{
	struct slot *t = s->head;

	switch (PQresultStatus(r)) {
	case PGRES_PIPELINE_SYNC:
		PQclear(r);
		answered(s);
		return true;
	case PGRES_FATAL_ERROR:
	case PGRES_BAD_RESPONSE:
		if (is_connection_error(state_of(r))) {
			char reason[256];

			strncpy(reason, PQresultErrorMessage(r), sizeof reason - 1);
			reason[sizeof reason - 1] = '\0';
			PQclear(r);
			link_lost(s->link, reason);
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
	struct store *s = arg;
	PGconn *conn = link_conn(s->link);

	while (s->head && s->head != s->unsent && !PQisBusy(conn)) {
		PGresult *r = PQgetResult(conn);

		if (r && !take_result(s, r))
			return;
		if (!r && PQstatus(conn) == CONNECTION_BAD) {
			link_lost(s->link, PQerrorMessage(conn));
			return;
		}
	}
}

static void tell_state(struct store *s, bool up)
{
	for (size_t i = 0; i < s->n_on_state; i++)
		s->on_state[i].fn(s->on_state[i].arg, up);
}

static void on_up(void *arg)
{
	struct store *s = arg;

	if (!PQenterPipelineMode(link_conn(s->link))) {
		link_lost(s->link, "pipeline mode refused");
		return;
	}
	send_all(s);
	if (link_is_up(s->link))
		tell_state(s, true);
}

static void on_down(void *arg)
{
	struct store *s = arg;
	struct slot *old = s->head;

	s->n_prepared = 0;
	s->head = s->unsent = NULL;
	s->tail = &s->head;
	while (old) {
		struct slot *t = old;

		old = t->next;
		if (!t->call) {
			slot_free(t);
			continue;
		}
		PQclear(t->answer);
		t->answer = NULL;
		append(s, t);
	}
	tell_state(s, false);
}

/* --- calls --- */

static void leave_pipeline(struct call *c)
{
	struct slot *t = c->slot;

	c->slot = NULL;
	if (!t)
		return;
	switch (t->state) {
	case SLOT_SENT:
		t->call = NULL;
		break;
	case SLOT_UNSENT:
		remove_unsent(c->store, t);
		break;
	case SLOT_RESTING:
		unlink_slot(&c->store->resting, t);
		slot_free(t);
		break;
	}
}

static void on_cancel(struct op *op)
{
	struct call *c = (struct call *)op;
	struct err err;

	leave_pipeline(c);
	err_set(&err, ERR_CANCELLED, "cancelled");
	finish(c, &err);
}

static void on_deadline(void *arg)
{
	struct call *c = arg;
	const char *reason = link_reason(c->store->link);
	struct err err;

	leave_pipeline(c);
	err_set(&err, ERR_PG_DOWN, "no answer from the database within %lld ms%s%s", (long long)c->deadline_ms,
		*reason ? ": " : "", reason);
	err.retry_after_ms = 1000;
	finish(c, &err);
}

void call_init(struct call *c, struct store *s, struct arena *a, const struct stmt *stmt)
{
	c->op.arena = a;
	c->store = s;
	c->stmt = stmt;
	c->params.a = a;
}

struct call *call_new(struct store *s, struct arena *a, const struct stmt *stmt)
{
	struct call *c = ARENA_NEW(a, struct call);

	call_init(c, s, a, stmt);
	return c;
}

struct op *call_start(struct call *c, int64_t deadline_ms, call_read_fn *read, op_done_fn *done, void *arg)
{
	struct store *s = c->store;
	struct err err;

	c->read = read;
	c->deadline_ms = deadline_ms;
	op_init(&c->op, s->loop, c->op.arena, on_cancel, done, arg);
	s->n_calls++;
	s->bytes += c->params.bytes;
	if (s->closed) {
		err_set(&err, ERR_CANCELLED, "the store is closed");
		finish(c, &err);
		return &c->op;
	}
	append(s, slot_new(c));
	if (deadline_ms > 0) {
		c->deadline = loop_timer_new(s->loop, on_deadline, c);
		loop_timer_set(c->deadline, deadline_ms);
	}
	send_all(s);
	return &c->op;
}

/* --- the store --- */

struct store *store_open(struct loop *l, const char *conninfo, const char *application)
{
	struct arena *a = arena_new(NULL);
	struct store *s = ARENA_NEW(a, struct store);
	struct link_user user = {.up = on_up, .readable = on_readable, .down = on_down, .arg = s};

	s->arena = a;
	s->loop = l;
	s->conninfo = arena_strdup(a, conninfo ? conninfo : "");
	s->application = arena_strdup(a, application ? application : "agentd");
	s->tail = &s->head;
	s->link = link_open(l, s->conninfo, s->application, user);
	s->commits = commits_new(s);
	s->submits = submits_new(s);
	return s;
}

void store_stop(struct store *s)
{
	if (s->closed)
		return;
	s->closed = true;
	commits_stop(s->commits);
	submits_stop(s->submits);
	while (s->head) {
		struct call *c = s->head->call;

		if (c) {
			c->slot = NULL;
			op_cancel(&c->op);
		}
		pop(s);
	}
	s->unsent = NULL;
	while (s->resting)
		op_cancel(&s->resting->call->op);
	listener_close(s->listener);
	s->listener = NULL;
	link_close(s->link);
	s->link = NULL;
}

static void free_store(void *arg)
{
	struct store *s = arg;

	commits_free(s->commits);
	submits_free(s->submits);
	arena_free(s->arena);
}

/* Completions of what was cancelled run in the same round of the check phase; they may still look at the store. */
static void free_store_later(void *arg)
{
	struct store *s = arg;

	loop_defer(s->loop, free_store, s);
}

void store_close(struct store *s)
{
	if (!s)
		return;
	store_stop(s);
	loop_defer(s->loop, free_store_later, s);
}

bool store_is_up(const struct store *s)
{
	return !s->closed && link_is_up(s->link);
}

const char *store_reason(const struct store *s)
{
	return s->closed ? "" : link_reason(s->link);
}

bool store_is_closed(const struct store *s)
{
	return s->closed;
}

void store_on_state(struct store *s, void (*fn)(void *arg, bool up), void *arg)
{
	if (s->n_on_state == sizeof s->on_state / sizeof s->on_state[0])
		fatal("too many watchers of the store's state");
	s->on_state[s->n_on_state].fn = fn;
	s->on_state[s->n_on_state++].arg = arg;
}

void store_listen(struct store *s, const char *channel, void (*fn)(void *arg), void *arg)
{
	if (!s->listener)
		s->listener = listener_open(s->loop, s->conninfo, s->application);
	listener_add(s->listener, channel, fn, arg);
}

size_t store_pending(const struct store *s)
{
	return s->n_calls;
}

struct commits *store_commits(struct store *s)
{
	return s->commits;
}

struct submits *store_submits(struct store *s)
{
	return s->submits;
}

int store_next_claim(struct store *s)
{
	return ++s->claims;
}

struct loop *store_loop(struct store *s)
{
	return s->loop;
}

struct waiter {
	op_done_fn *done;
	void *arg;
	bool over;
};

static void on_waited(struct op *op, void *arg)
{
	struct waiter *w = arg;

	w->done(op, w->arg);
	w->over = true;
}

/* The op is gone after its completion, so the completion itself tells. */
void store_wait(struct store *s, struct op *op)
{
	struct arena *a = arena_new(NULL);
	struct waiter *w = ARENA_NEW(a, struct waiter);

	w->done = op->done;
	w->arg = op->arg;
	op->done = on_waited;
	op->arg = w;
	while (!w->over)
		loop_once(s->loop);
	arena_free(a);
}
