/* run.h - one task in flight: its state, what it is about to commit, what runs for it.
 *
 * Shapes:  run_advance() is the heart: take ready scopes, let plan decide and act do, send what came of it as one
 *          move. It runs deferred, at most once per round of the loop, so that results which arrive together
 *          share a move. At most one move of a run is under way.
 * Units:   _us by the database's clock as this process knows it.
 * Memory:  everything lives in the claimed arena, which goes in run_end(); batches, iterations and operations
 *          have arenas of their own.
 * Errors:  see engine.h.
 * Source:  agentd-internals(7), "Moves".
 */
#ifndef ENGINE_RUN_H
#define ENGINE_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/loop.h"
#include "engine/budget.h"
#include "engine/bundle_cache.h"
#include "engine/state.h"
#include "store/queue.h"

struct batch;
struct engine;
struct flight;

enum run_wish {			/* what somebody wants of the run, the strongest last */
	WISH_NONE,
	WISH_DRAIN,		/* leave at the next boundary */
	WISH_RELEASE,		/* abort and leave */
	WISH_CANCEL,		/* the task was cancelled */
	WISH_EXPIRE,		/* its deadline passed */
	WISH_FAIL,		/* run.fatal says why */
	WISH_DROP		/* the fence is lost: commit nothing */
};

struct run {
	struct engine *engine;
	struct run *prev, *next;
	struct arena *arena;
	struct claimed *claimed;
	char id[37];
	struct bundle_ref bundle;
	struct bundle_wait wait;
	bool loaded;			/* the bundle is there and the journal is replayed */
	struct state state;
	struct task_budget budget;
	struct batch *pending, *sent;
	struct batch *unleft;		/* the move that gives the task back was refused: sent again at unleft_us */
	int64_t unleft_us;
	int n_unleft;
	int64_t batch_seq;
	struct flight *flights;
	struct loop_timer *timer;
	int64_t armed_us;		/* INT64_MAX: not armed */
	int64_t look_us;		/* while it is kept busy and asks a person: when it looks what was said; 0: it does not */
	bool scheduled;
	bool held;			/* until the lease is known to be fresh again */
	bool held_back;			/* something could have begun while we were leaving */
	bool over;			/* it has left; only its memory is still there */
	bool refused;			/* even the move that ends it */
	enum run_wish wish;
	const struct json *fatal;
};

struct run *run_new(struct engine *e, struct claimed *c);
void run_schedule(struct run *r);
void run_wish_for(struct run *r, enum run_wish wish);	/* ignored when a stronger one is there */
void run_fail(struct run *r, const struct err *err);	/* WISH_FAIL */
struct batch *run_batch(struct run *r);			/* the pending one, made when needed */
int64_t run_now_us(const struct run *r);

#endif
