/* call.h - what the files of the step kind `call` share: step_call.c makes calls, call_word.c asks what became of one.
 *
 * Shapes:  an intent is a call as it was recorded in its step.started row: intent.h.
 * Memory:  an intent points into the row; ledger words live as long as the scope.
 * Errors:  as in act.h.
 * Source:  journal.h; effect.h.
 */
#ifndef ENGINE_CALL_H
#define ENGINE_CALL_H

#include <stdbool.h>

#include "base/str.h"
#include "engine/intent.h"
#include "store/queue.h"

struct err;
struct json;
struct node;
struct run;

/* What the ledger knows and the journal does not. */
struct ledger_word {
	enum effect_state state;
	const struct json *result;	/* NULL: none */
	struct str decision;		/* of UNCERTAIN */
	const struct json *reconciled;	/* {"decision", "by", "id"}; NULL: no decision */
};

/* Of a call that has begun; its effect is the stricter of then and now. */
void call_intent(struct run *r, const struct node *n, struct intent *ret);
void call_change_effect(struct run *r, const struct node *n, const struct intent *i, enum effect_state to,
			const struct json *result);
/* The step is uncertain, and nobody has said anything of it yet. */
void call_uncertain(struct run *r, struct node *n, const struct intent *i, const struct err *err);
/* The call did not happen: it is made again as it was, and this try does not count. reconciled NULL: nobody had to say so. */
void call_again(struct run *r, struct node *n, const struct intent *i, const struct err *err, const struct json *reconciled);

/* call_word.c: see steps.h */
void call_look(struct run *r, struct node *n);
void call_settle(struct run *r, struct node *n);
void call_ask(struct run *r, struct node *n);
bool call_asks(const struct run *r, const struct node *n);
void call_plan_ask(struct run *r, struct node *n);	/* sets when the tool is asked next */

#endif
