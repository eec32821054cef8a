/* state_room.h - what the files of state.c share; nobody else includes it.
 *
 * Shapes:  a row names a place: a step, an iteration, or what hangs below a step (a turn, an ask, a request). state_place.c finds it,
 *          state.c does the rows of steps and iterations, state_turn.c those of turns and asks, state_request.c those of requests.
 * Memory:  as in state.h.
 * Errors:  ERR_JOURNAL_CONFLICT.
 * Source:  journal.h.
 */
#ifndef ENGINE_STATE_ROOM_H
#define ENGINE_STATE_ROOM_H

#include "config/workflow.h"
#include "engine/state.h"

enum target_kind { TARGET_STEP, TARGET_ITEM, TARGET_TURN, TARGET_ASK, TARGET_APPROVAL };

struct target {
	enum target_kind kind;
	struct scope *scope;	/* of the step; of the iteration itself */
	int index, visit;	/* of the step */
	int number;		/* of the turn, ask or request */
};

/* The place of the row; iterations and calls that have not begun are opened on the way. */
int state_place(struct state *st, const struct journal_row *row, struct target *ret, struct err *err);
/* -1, with what the row is and why it does not fit. */
int state_conflict(const struct journal_row *row, const char *why, struct err *err);
/* It is of the visit and try that are under way, and the next of its kind behind so many. */
bool state_is_next(const struct target *t, const struct node *n, const struct journal_row *row, int count);

bool state_asks_models(enum step_kind kind);
void state_begin_try(struct state *st, struct node *n, const struct journal_row *row, enum row_kind kind);
void state_count_turn(struct state *st, struct node *n);

int state_apply_turn(struct state *st, const struct target *t, const struct journal_row *row, struct err *err);
int state_apply_summary(struct state *st, const struct target *t, const struct journal_row *row, struct err *err);
int state_apply_ask(struct state *st, const struct target *t, const struct journal_row *row, struct err *err);
int state_apply_approval(struct state *st, const struct target *t, const struct journal_row *row, enum row_kind kind, struct err *err);

#endif
