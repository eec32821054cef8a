/* queue.h - what workers do with tasks: register, claim, heartbeat, commit moves.
 *
 * Shapes:  an attempt is one claim of a task, numbered by its fence from 1. A move is
 *          everything that one task commits at once: journal rows, effect changes,
 *          reservations, settled model calls, and what becomes of the task. Moves
 *          that arrive in one loop turn share a transaction (group commit); two moves of one
 *          task keep their order. A move with a token is of a question that belongs to no task: it holds and settles, nothing
 *          else, and is never stale.
 * Units:   _ms, _us, _pusd. Leases are by the database's clock.
 * Memory:  what is passed to queue_commit() must live until its callback ran. Claimed tasks live in
 *          the arena each of them carries, which the receiver owns.
 * Errors:  per move a status, see enum move_status. A move never fails because the connection is down: it
 *          waits, and is sent again identically.
 * Source:  sql/functions/2_queue.sql (claim, heartbeat), sql/functions/3_commit.sql (commit_steps), sql/functions/3_door.sql;
 *          agentd-internals(7).
 */
#ifndef STORE_QUEUE_H
#define STORE_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/loop.h"
#include "base/str.h"
#include "base/uuid.h"

struct arena;
struct json;
struct store;

/* --- worker incarnations --- */
struct worker_row {
	struct uuid id;			/* made at start: an incarnation, never a configured name */
	const char *host;
	int pid;
	const struct str *lanes;
	size_t n_lanes;
	int64_t lease_ms;
	int semantics;			/* engine-semantics number */
};
struct op *queue_register(struct store *s, struct arena *a, const struct worker_row *w, op_done_fn *done, void *arg);

struct heartbeat {
	bool lost;			/* the lease ran out and the sweeper took over: stop everything at once */
	const struct uuid *cancelled;	/* tasks of ours whose cancel was asked for */
	size_t n_cancelled;
};
struct op *queue_heartbeat(struct store *s, struct arena *a, const struct uuid *worker, op_done_fn *done, void *arg);
const struct heartbeat *queue_heartbeat_of(const struct op *op);
/* Clean end: gives back all tasks of the worker (ready, no recovery counted) and ends the row. */
struct op *queue_leave(struct store *s, struct arena *a, const struct uuid *worker, op_done_fn *done, void *arg);

/* --- journal rows --- */
struct journal_row {
	int64_t seq;			/* given by the database */
	int64_t at_us;			/* given by the database */
	struct str path;		/* "research~2/turn-1"; "" for the task itself */
	int attempt_try;		/* from 1 */
	struct str kind;		/* engine/journal.h: "step.succeeded" ... */
	struct str step_kind;		/* "call"; STR_NONE for rows that belong to no step */
	const struct json *value;	/* never NULL */
	int64_t started_us;		/* worker's estimate by the database clock; 0: none */
	int64_t cost_pusd;
};

/* --- claiming --- */
struct claimed {
	struct arena *arena;
	struct uuid task;
	int fence;
	struct str workflow;
	struct digest bundle;
	const struct json *facts;	/* the expression's .task: {id, workflow, bundle, urgency, labels,
					 * created_at, submitted_by, parent} */
	struct str origin_by;		/* of a fork: who submitted what it was made from; STR_NONE: it is none, or its input is new */
	const struct json *input;
	struct json const *budget;	/* {usd?, wall_ms?, turns?, calls?} as pinned at submission */
	int64_t deadline_us;		/* of wall budget or submission; 0: none */
	int64_t created_us;
	int failures, recoveries;
	bool cancel;			/* asked for before the claim */
	int64_t last_seq;
	const struct journal_row *rows;	/* the whole journal, in order */
	size_t n_rows;
	/* holds that an earlier attempt left open: they count as spent */
	int64_t spent_pusd;
};

struct claims {
	struct claimed *const *v;
	size_t n;
	int64_t next_due_ms;		/* until the earliest timer of a lane of ours is due; -1: none */
	int64_t now_us;			/* the database's clock at the claim */
	bool more;			/* as many as were asked for: the queue may hold more */
};
/* again: the number of an earlier claim of which nobody knows whether it took place: what it got, or what is there now; 0: a new claim. */
struct op *queue_claim(struct store *s, struct arena *a, const struct uuid *worker, int limit, int again, op_done_fn *done, void *arg);
int queue_claim_number(const struct op *op);			/* to ask again with, when it failed */
const struct claims *queue_claims_of(const struct op *op);	/* take the arenas (arena_move) in the completion, or they go */

/* A worker in the process that takes submissions in starts them at once where it has room: submission and claim are one transaction
 * then. Before a batch of submissions goes out room() says whether the worker would take all of its n tasks, and which incarnation
 * it is; if so, taken() comes exactly once, with what it was given. Until then it must not claim: a
 * claim with a later number would make this one, if it has to be asked for again, one of long ago. */
struct taken {
	struct uuid worker;
	struct claims claims;	/* take the arenas (arena_move), or they go; next_due_ms is not known here */
	int unsure;		/* not 0: the connection was lost, what it got must be asked for with this number (queue_claim) */
};
struct taker {
	bool (*room)(void *arg, size_t n, struct uuid *ret_worker);
	void (*taken)(void *arg, const struct taken *t);
	void *arg;
};
void queue_set_taker(struct store *s, const struct taker *t);	/* copied; NULL: none any more */

/* --- moves --- */
enum effect_state { EFFECT_PLANNED, EFFECT_DISPATCHED, EFFECT_DONE, EFFECT_FAILED_BEFORE, EFFECT_UNCERTAIN };

struct effect_change {
	struct digest key;		/* the effect key */
	struct str path;
	struct str tool;
	struct str effect_class;	/* "at_most_once" */
	struct digest args;
	int attempt_try;		/* of the step */
	enum effect_state to;		/* DISPATCHED inserts the row (planned and dispatched in one) or moves it on */
	const struct json *result;	/* for DONE; else NULL */
	struct str approval;		/* for DISPATCHED: id of the approval that it consumes; STR_NONE: none is needed */
	struct digest approved;		/* of what is about to run: has to be what was approved */
};

/* What the ledger says of one call; NULL: it does not know it. */
struct effect_row {
	enum effect_state state;
	int attempt_try;		/* that dispatched last */
	const struct json *result;	/* of DONE, or what was said to have happened; NULL: none, or not readable */
	struct str decision;		/* STR_NONE: nobody said anything of this try */
	struct str by;
	struct uuid id;			/* of the decision */
};
struct op *queue_effect(struct store *s, struct arena *a, const struct uuid *task, const struct digest *key, op_done_fn *done,
			void *arg);
const struct effect_row *queue_effect_of(const struct op *op);

/* What became of a request for a person; its time over, it has expired with the asking. NULL: there is none. */
struct approval_row {
	struct str state;		/* pending approved consumed denied expired superseded cancelled */
	struct str by, comment;		/* STR_NONE: none */
	const struct json *form;	/* the answer; NULL: none */
	const struct json *args;	/* as edited; NULL: as they were asked for */
	struct digest digest;		/* of what was approved */
	int64_t expires_us;
};
struct op *queue_approval(struct store *s, struct arena *a, const struct uuid *task, const struct uuid *id, op_done_fn *done, void *arg);
const struct approval_row *queue_approval_of(const struct op *op);

/* What a tool's own query said of an uncertain effect of a task that we have. */
struct tool_word {
	struct uuid task;
	int fence;
	struct str path;
	int attempt_try;
	bool happened;			/* else: did not happen */
	const struct json *result;	/* when it happened */
};
struct op *queue_tool_word(struct store *s, struct arena *a, const struct tool_word *w, op_done_fn *done, void *arg);

struct spend_limit {			/* a step budget: all spending below this path */
	struct str path;
	int64_t limit_pusd;
};

struct spend_cap {			/* a bound on many tasks' spending, as the policy of the call has it */
	struct str name, scope, key;	/* key: of whom; "" of global */
	struct str window, zone;
	int64_t limit_pusd;
};

struct spend_hold {
	struct uuid id;			/* made by the caller; the settling model call names it */
	struct str path;		/* of the step, with turn */
	int64_t amount_pusd;
	int64_t expires_ms;		/* from now; after that the sweeper settles at the amount */
	const struct spend_limit *limits;	/* the task's own limit is checked by itself */
	size_t n_limits;
	const struct spend_cap *caps;	/* names differ; it is taken at all of them and the budgets, or nowhere */
	size_t n_caps;
	struct str approval;		/* id of one that may allow it to exceed caps, and is used up; STR_NONE: none */
	struct digest approved;
};

struct usage {				/* disjoint, >= 0 */
	int64_t in_fresh, in_cached, in_write_5m, in_write_1h, out_text, out_reason;
};

/* What our own route would have done with a question that another gateway answered (mode shadow). */
struct shadow_call {
	bool agrees;			/* it would have asked the model that answered */
	struct str own_provider, own_model;	/* the step it would have taken; STR_NONE: none */
	struct str own_problem;		/* why it would have taken none; STR_NONE: it would have taken one */
	int64_t own_pusd, legacy_pusd;	/* for the same usage at our prices, and what the answer cost; -1: not known */
};

struct model_call {			/* one attempt at one provider, whether it failed or not */
	struct uuid id;
	struct uuid hold;		/* nil: none was taken (free) */
	bool capped;			/* the hold was taken at caps, too */
	struct str path;
	int attempt;			/* within the step's try, from 1 */
	struct str tier, provider, model_asked, model_answered, provider_request_id, key_fingerprint;
	const char *operation;		/* chat | embeddings */
	struct str wire;		/* how the provider was spoken to */
	struct str finish_reason;	/* "" unless the answer was whole */
	int64_t max_output;		/* tokens asked for; 0: no bound */
	bool has_temperature;
	double temperature;
	struct str error_class;		/* "" on success, else "rate_limited" ... */
	int http_status;
	int64_t started_us, first_byte_ms, total_ms;
	struct usage usage;
	int64_t cost_pusd;
	const char *cost_source;	/* provider | computed | estimated | none */
	struct digest policy;
	const struct shadow_call *shadow;	/* NULL: the answer is our own route's */
};

enum move_next { MOVE_STAY, MOVE_PARK, MOVE_FINISH, MOVE_RELEASE };

struct move {
	struct uuid task;
	int fence;
	struct str token;		/* who asks, where no task does: "token:ci"; task is the question's own id. STR_NONE: a task */
	const struct journal_row *rows;	/* seq and at_us are filled in by the database, not here */
	size_t n_rows;
	const struct effect_change *effects;
	size_t n_effects;
	const struct spend_hold *hold;	/* NULL: none */
	const struct model_call *calls;	/* inserted and, with their holds, settled */
	size_t n_calls;
	enum move_next next;
	struct str state;		/* PARK: waiting_timer, waiting_approval, uncertain ...; FINISH: succeeded,
				 * failed, cancelled, expired;
				 * RELEASE: the lane that the task belongs to; STR_NONE: the one it stands in */
	int64_t run_at_us;		/* PARK: earliest wake; RELEASE: ready again then (0: at once); 0 for PARK:
				 * only an event wakes it */
	bool count_failure;		/* RELEASE: adds 1 to failures */
	const struct json *output;	/* FINISH */
	const struct json *error;	/* FINISH; NULL when it succeeded */
};

enum move_status {
	MOVE_OK,
	MOVE_ALREADY,		/* the same move was committed before: as good as OK */
	MOVE_STALE,		/* the fence is lost: drop the task at once, commit nothing more */
	MOVE_REFUSED,		/* nothing of it was committed; err says why: ERR_BUDGET_USD (hold), ERR_JOURNAL_CONFLICT,
				 * ERR_SIZE or ERR_INVALID (data the database refuses), ERR_CONFLICT (a move that is not allowed) */
	MOVE_CANCELLED		/* the store was closed */
};

struct move_result {
	enum move_status status;
	int64_t last_seq;
	bool cancel;		/* a cancel of the task was asked for */
	int64_t now_us;		/* the database's clock */
	struct err err;
	const struct json *refusal;	/* ERR_BUDGET_USD of caps: {message, waits, caps} of sql/functions/3_caps.sql, in the callback; else NULL */
};

typedef void move_done_fn(void *arg, const struct move_result *r);
/* done runs in the check phase, exactly once, never inside this call. */
void queue_commit(struct store *s, const struct move *m, move_done_fn *done, void *arg);
void queue_set_batch(struct store *s, int max_moves);	/* per transaction; default 500 */

#endif
