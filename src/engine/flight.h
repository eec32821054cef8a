/* flight.h - an operation (tool call, model turn) that runs for a step.
 *
 * Shapes:  begun after the step.started row is committed; ended by its completion, which may come after
 *          flight_abort(). The reason of the abort decides what the step becomes.
 * Memory:  a flight lives in its operation's arena: gone when the completion has returned.
 * Errors:  none.
 * Source:  base/loop.h (struct op).
 */
#ifndef ENGINE_FLIGHT_H
#define ENGINE_FLIGHT_H

#include <stdbool.h>

struct err;
struct node;
struct op;
struct run;

enum abort_reason {
	ABORT_NONE,
	ABORT_TIMEOUT,		/* of the step */
	ABORT_WALL,		/* budget of the step */
	ABORT_CANCEL,		/* task or siblings */
	ABORT_RELEASE		/* somebody else goes on: no row */
};

struct flight {
	struct flight *prev, *next;
	struct run *run;
	struct node *node;
	struct op *op;
	void (*kill)(struct op *op);	/* ends it without grace; NULL: op_cancel() does */
	enum abort_reason abort;
};

/* f lies in the operation's arena. Set f->op to what the start function gives. */
void flight_begin(struct flight *f, struct run *r, struct node *n);
void flight_abort(struct flight *f, enum abort_reason why);	/* the first reason stays */
void flight_drop(struct flight *f);	/* the lease is lost: ends it at once, for ABORT_RELEASE */
/* In the completion: takes the flight off the run and has the run go on. The error as the step sees it. */
void flight_end(struct flight *f, struct err *ret_err);

#endif
