/* batch.h - what a run is about to commit: one move in the making.
 *
 * Shapes:  rows, effect changes and model calls in the order in which they came; numbered from 1 within the
 *          run. Scopes that are held by the batch are put back on the ready list once it is committed.
 * Memory:  a batch owns an arena, which also takes in what must live until the commit is answered.
 * Errors:  none.
 * Source:  store/queue.h (struct move).
 */
#ifndef ENGINE_BATCH_H
#define ENGINE_BATCH_H

#include <stddef.h>
#include <stdint.h>

#include "store/queue.h"

struct arena;
struct scope;

enum { BATCH_MAX_ROWS = 1000 };	/* a longer move is cut: nobody holds the loop for long */

struct batch {
	struct arena *arena;
	void *run;			/* the owner's */
	int64_t seq;
	struct journal_row *rows;
	size_t n_rows, cap_rows;
	struct effect_change *effects;
	size_t n_effects, cap_effects;
	struct model_call *calls;
	size_t n_calls, cap_calls;
	struct scope **held;
	size_t n_held, cap_held;
	size_t n_started;		/* rows after whose commit an operation starts */
	struct move move;		/* filled when it is sent */
};

struct batch *batch_new(struct arena *parent, int64_t seq);
void batch_add_row(struct batch *b, const struct journal_row *row);
void batch_add_effect(struct batch *b, const struct effect_change *e);
void batch_add_calls(struct batch *b, const struct model_call *v, size_t n);	/* copies the texts */
void batch_hold(struct batch *b, struct scope *sc);
bool batch_is_empty(const struct batch *b);	/* NULL: yes */

#endif
