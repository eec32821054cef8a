/* pg.c - the store: calls from start to completion, and the connections they go over.
 *
 * Each connection but the first is opened when it is first needed. Claims have one of their own: they run beside commits, on another
 * processor. What may have to read much has its own (call.h).
 */
#include "store/store.h"

#include <string.h>

#include "base/arena.h"
#include "base/digest.h"
#include "base/json.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/metric.h"
#include "store/call.h"
#include "store/link.h"
#include "store/listen.h"
#include "store/pipe.h"

enum { REPEAT_MAX_MS = 1000, REPEATS_WITHOUT_DEADLINE = 1000000, REPEATS = 10 };
enum { HEAVY_OVER_MS = STORE_HEAVY_MS + 5000 /* with what stands before it */, HEAVY_RETRY_MS = 5000 };

static const struct {
	const char *suffix;		/* of the name in pg_stat_activity */
	int statement_ms;
} pipe_kinds[PIPES] = {
	[PIPE_MAIN] = {"", LINK_STATEMENT_MS},
	[PIPE_CLAIMS] = {" claims", LINK_STATEMENT_MS},
	[PIPE_HEAVY] = {" heavy", STORE_HEAVY_MS},
	[PIPE_UPKEEP] = {" upkeep", LINK_STATEMENT_MS},
};

struct store {
	struct arena *arena;
	struct loop *loop;
	struct pipe *pipes[PIPES];	/* NULL: not opened yet */
	struct listener *listener;
	const char *conninfo, *application;
	struct call *resting;		/* wait for their next try (call.again) */
	size_t n_calls;
	bool closed;
	struct {
		void (*fn)(void *, bool);
		void *arg;
	} on_state[8];
	size_t n_on_state;
	struct commits *commits, *door;
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

/* Another try of the same call can succeed by itself: deadlock, serialization, the server is out of something, it is read-only
 * (a standby that is about to take over), the segment that should have prepared the statement failed; and, for who waits as long
 * as it takes, a lock that somebody holds (a dump, a migration). */
static bool is_repeatable(const struct call *c, const char *state)
{
	return starts(state, "40001") || starts(state, "40P01") || starts(state, "53") || starts(state, "26000") ||
	       starts(state, "25006") || (c->patient && starts(state, "55P03"));
}

static const char *state_of(const PGresult *r)
{
	const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);

	return state ? state : "";
}

static void error_of(const struct call *c, const PGresult *r, struct err *err)
{
	const char *state = state_of(r);
	const char *text = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
	const char *hint = PQresultErrorField(r, PG_DIAG_MESSAGE_HINT);

	text = text ? text : PQresultErrorMessage(r);
	if (c->pipe == PIPE_HEAVY && starts(state, "57014")) {
		err_set(err, ERR_REFUSED, "the database gave up \"%s\", which may take %d s: %s", c->stmt->name, STORE_HEAVY_MS / 1000, text);
		err->retry_after_ms = HEAVY_RETRY_MS;
		return;
	}
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

/* --- completing --- */

static void finish(struct call *c, const struct err *err)
{
	struct store *s = c->store;

	loop_timer_free(c->deadline);
	loop_timer_free(c->again);
	c->deadline = c->again = NULL;
	s->n_calls--;
	op_complete(&c->op, err);
}

static void unlink_resting(struct call *c)
{
	struct call **at = &c->store->resting;

	while (*at != c)
		at = &(*at)->next_resting;
	*at = c->next_resting;
	loop_timer_free(c->again);
	c->again = NULL;
}

static void on_again(void *arg)
{
	struct call *c = arg;

	unlink_resting(c);
	pipe_add(c->store->pipes[c->pipe], c);
}

static void repeat_later(struct call *c)
{
	struct store *s = c->store;
	uint32_t r, cap = 10;

	for (unsigned i = 0; i < c->repeats && cap < REPEAT_MAX_MS; i++)
		cap *= 2;
	c->repeats++;
	random_bytes(&r, sizeof r);
	c->next_resting = s->resting;
	s->resting = c;
	c->again = loop_timer_new(s->loop, on_again, c);
	loop_timer_set(c->again, 1 + (int64_t)(r % cap));
}

void call_answered(struct call *c, PGresult *r)
{
	ExecStatusType status = PQresultStatus(r);
	struct err err = {0};

	arena_defer(c->op.arena, (void (*)(void *))PQclear, r);
	metric_add(METRIC_DATABASE_CALLS, 1, str_from(c->stmt->name), status == PGRES_TUPLES_OK ? STR("ok") : STR("error"));
	if (status == PGRES_TUPLES_OK) {
		finish(c, c->read(c, r, &err) < 0 ? &err : NULL);
		return;
	}
	error_of(c, r, &err);
	if (is_repeatable(c, state_of(r)) &&
	    c->repeats < (c->deadline ? REPEATS : REPEATS_WITHOUT_DEADLINE)) {
		log_warn("store.repeat", "call=%s error=%s", c->stmt->name, log_quotec(err.msg));
		repeat_later(c);
		return;
	}
	finish(c, &err);
}

static void tell_state(struct store *s, bool up)
{
	for (size_t i = 0; i < s->n_on_state; i++)
		s->on_state[i].fn(s->on_state[i].arg, up);
}

static void on_up(void *arg)
{
	tell_state(arg, true);
}

static void on_down(void *arg)
{
	tell_state(arg, false);
}

/* --- calls --- */

static struct pipe *pipe_for(struct store *s, enum pipe_name name)
{
	if (!s->pipes[name])
		s->pipes[name] = pipe_open(s->loop, s->conninfo, arena_printf(s->arena, "%s%s", s->application, pipe_kinds[name].suffix),
					   pipe_kinds[name].statement_ms, (struct pipe_user){0});
	return s->pipes[name];
}

static void leave(struct call *c)
{
	if (c->again)
		unlink_resting(c);
	else
		pipe_remove(pipe_for(c->store, c->pipe), c);
}

static void on_cancel(struct op *op)
{
	struct call *c = (struct call *)op;
	struct err err;

	leave(c);
	err_set(&err, ERR_CANCELLED, "cancelled");
	finish(c, &err);
}

static void on_deadline(void *arg)
{
	struct call *c = arg;
	const char *reason = pipe_reason(c->store->pipes[c->pipe]);
	struct err err;

	/* The server works at it, or at what stands before it, and says itself when it has had enough. */
	if (c->pipe == PIPE_HEAVY && !c->overtime && c->deadline_ms < HEAVY_OVER_MS && pipe_is_up(c->store->pipes[c->pipe])) {
		c->overtime = true;
		loop_timer_set(c->deadline, HEAVY_OVER_MS - c->deadline_ms);
		c->deadline_ms = HEAVY_OVER_MS;
		return;
	}
	leave(c);
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

struct call *call_heavy(struct store *s, struct arena *a, const struct stmt *stmt)
{
	struct call *c = call_new(s, a, stmt);

	c->pipe = PIPE_HEAVY;
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
	if (s->closed) {
		err_set(&err, ERR_CANCELLED, "the store is closed");
		finish(c, &err);
		return &c->op;
	}
	if (deadline_ms > 0) {
		c->deadline = loop_timer_new(s->loop, on_deadline, c);
		loop_timer_set(c->deadline, deadline_ms);
	}
	pipe_add(pipe_for(s, c->pipe), c);
	return &c->op;
}

/* --- the store --- */

struct store *store_open(struct loop *l, const char *conninfo, const char *application)
{
	struct arena *a = arena_new(NULL);
	struct store *s = ARENA_NEW(a, struct store);
	struct pipe_user user = {.up = on_up, .down = on_down, .arg = s};

	s->arena = a;
	s->loop = l;
	s->conninfo = arena_strdup(a, conninfo ? conninfo : "");
	s->application = arena_strdup(a, application ? application : "agentd");
	s->pipes[PIPE_MAIN] = pipe_open(l, s->conninfo, s->application, pipe_kinds[PIPE_MAIN].statement_ms, user);
	s->commits = commits_new(s);
	s->door = commits_new_door(s);
	s->submits = submits_new(s);
	return s;
}

void store_stop(struct store *s)
{
	struct call *c;

	if (s->closed)
		return;
	s->closed = true;
	commits_stop(s->commits);
	commits_stop(s->door);
	submits_stop(s->submits);
	while (s->resting)
		op_cancel(&s->resting->op);
	for (int i = 0; i < PIPES; i++) {
		while (s->pipes[i] && (c = pipe_first(s->pipes[i])) != NULL)
			op_cancel(&c->op);
		pipe_close(s->pipes[i]);
		s->pipes[i] = NULL;
	}
	listener_close(s->listener);
	s->listener = NULL;
}

static void free_store(void *arg)
{
	struct store *s = arg;

	commits_free(s->commits);
	commits_free(s->door);
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
	return !s->closed && pipe_is_up(s->pipes[PIPE_MAIN]);
}

const char *store_reason(const struct store *s)
{
	return s->closed ? "" : pipe_reason(s->pipes[PIPE_MAIN]);
}

void store_on_state(struct store *s, void (*fn)(void *arg, bool up), void *arg)
{
	if (s->n_on_state == sizeof s->on_state / sizeof s->on_state[0])
		fatal("too many watchers of the store's state");
	s->on_state[s->n_on_state].fn = fn;
	s->on_state[s->n_on_state++].arg = arg;
}

static bool is_own(void *arg, int backend)
{
	const struct store *s = arg;

	for (int i = 0; i < PIPES; i++)
		if (s->pipes[i] && pipe_backend(s->pipes[i]) == backend)
			return true;
	return false;
}

void store_tell(struct store *s, const char *channel)
{
	if (s->listener)
		listener_tell(s->listener, channel);
}

void store_listen(struct store *s, const char *channel, void (*fn)(void *arg), void *arg)
{
	if (!s->listener)
		s->listener = listener_open(s->loop, s->conninfo, s->application, is_own, s);
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

struct commits *store_door(struct store *s)
{
	return s->door;
}

struct submits *store_submits(struct store *s)
{
	return s->submits;
}

enum pipe_name store_claims_pipe(struct store *s)
{
	if (s->pipes[PIPE_MAIN] && !pipe_first(s->pipes[PIPE_MAIN]))
		return PIPE_MAIN;
	/* A connection that cannot be had (the server's or the role's limit) must not keep claims from the one that is there. */
	return pipe_is_up(pipe_for(s, PIPE_CLAIMS)) ? PIPE_CLAIMS : PIPE_MAIN;
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
