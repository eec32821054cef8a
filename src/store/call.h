/* call.h - one function call: an op of this room. Internal to the room.
 *
 * Shapes:  call_new() in the op's arena, params_*() into c->params, call_start(). read() turns the answer into
 *          c->result (in the op's arena) or an error. A call that was sent and lost its connection is
 *          sent again, identically and in order.
 * Units:   deadline_ms from now, 0: none.
 * Memory:  the answer (PGresult) lives as long as the op's arena: results may point into it.
 * Errors:  sqlstate.def; ERR_PG_DOWN when the deadline passes; ERR_CANCELLED when the store is closed.
 * Source:  store.h.
 */
#ifndef STORE_CALL_H
#define STORE_CALL_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/loop.h"
#include "base/str.h"
#include "base/uuid.h"
#include "store/params.h"

struct call;
struct claimed;
struct json;
struct slot;
struct store;

/* Heartbeats, commits and what requests wait for go over the first. What may have to read much has others, so that nothing of that
 * waits behind it: what people ask for one, what the sweeper does another. */
enum pipe_name { PIPE_MAIN, PIPE_CLAIMS, PIPE_HEAVY, PIPE_UPKEEP, PIPES };

struct stmt {			/* prepared once per connection */
	const char *name, *sql;
};

typedef int call_read_fn(struct call *c, const PGresult *r, struct err *err);

struct call {
	struct op op;			/* first */
	struct store *store;
	const struct stmt *stmt;
	enum pipe_name pipe;		/* the connection it goes over */
	struct params params;
	call_read_fn *read;
	void *result;
	struct slot *slot;		/* place in the pipeline; NULL while it waits to be repeated */
	struct call *next_resting;
	struct loop_timer *deadline, *again;	/* again: set while it rests before its next try */
	int64_t deadline_ms;
	bool overtime;			/* its deadline passed while the server still had time for it */
	bool patient;			/* a lock that somebody holds is no answer: it is tried again */
	unsigned repeats;		/* after an error that may go by itself (pg.c) */
	bool sent_again;		/* the connection was lost before the answer: nobody knows whether it took place before */
};

struct call *call_new(struct store *s, struct arena *a, const struct stmt *stmt);
struct call *call_heavy(struct store *s, struct arena *a, const struct stmt *stmt);	/* over PIPE_HEAVY */
void call_init(struct call *c, struct store *s, struct arena *a, const struct stmt *stmt);	/* c is cleared, in a */
void call_answered(struct call *c, PGresult *r);	/* by the pipe; r is the call's */
struct op *call_start(struct call *c, int64_t deadline_ms, call_read_fn *read, op_done_fn *done, void *arg);

/* A call whose answer is one text: c->result is a struct str *. */
call_read_fn call_read_text;
struct str call_text_of(const struct op *op);

/* Fields of an answer in text format. */
bool field_is_null(const PGresult *r, int row, int col);
struct str field_str(const PGresult *r, int row, int col);	/* STR_NONE when null; points into the answer */
int64_t field_int(const PGresult *r, int row, int col);		/* 0 when null */
bool field_bool(const PGresult *r, int row, int col);
struct uuid field_uuid(const PGresult *r, int row, int col);	/* nil when null */
bool field_digest(const PGresult *r, int row, int col, struct digest *ret);
bool field_bytes(struct arena *a, const PGresult *r, int row, int col, struct str *ret);	/* of a bytea; STR_NONE when null; false: is none */
/* Elements of an array of uuids or plain words: {a,b}; NULL and 0 when null. */
struct str *field_words(struct arena *a, const PGresult *r, int row, int col, size_t *ret_n);
int field_json(struct arena *a, const PGresult *r, int row, int col, const struct json **ret, struct err *err);	/* NULL when null */

/* The expression's .task of an attempt: nothing in it changes between two claims. In c->arena. */
struct claimed_words {
	struct str urgency, submitted_by, parent;	/* parent: STR_NONE: it has none */
	const struct json *labels;			/* NULL: none */
};
const struct json *claimed_facts(const struct claimed *c, const struct claimed_words *w);

/* The group-committing parts of a store, made with it (commit.c, submit.c). */
struct commits;
struct submits;
struct commits *commits_new(struct store *s);	/* of tasks' moves */
struct commits *commits_new_door(struct store *s);	/* of those that belong to no task */
void commits_stop(struct commits *c);		/* moves that wait or come later complete as cancelled, in the check phase */
void commits_free(struct commits *c);
struct submits *submits_new(struct store *s);
void submits_stop(struct submits *s);
void submits_free(struct submits *s);
struct commits *store_commits(struct store *s);
struct commits *store_door(struct store *s);
struct submits *store_submits(struct store *s);
struct loop *store_loop(struct store *s);
/* This process itself did what the channel is for. The SQL function notifies with a payload then, so that we do not hear it twice. */
void store_tell(struct store *s, const char *channel);
/* The second connection, unless the first has nothing to do: it is the one that is warm; or the second is not there (yet). */
enum pipe_name store_claims_pipe(struct store *s);
int store_next_claim(struct store *s);		/* counts from 1 */

#endif
