/* model.h - what the step kinds that ask models share: model and agent. See step_model.c and,
 * for questions of money, model_spend.c.
 *
 * Shapes:  a question is asked by model_send(); its completion begins with model_taken() and records its price with
 *          act_book().
 * Memory:  as in act.h.
 * Errors:  as in act.h.
 */
#ifndef ENGINE_MODEL_H
#define ENGINE_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/loop.h"
#include "engine/journal.h"

struct err;
struct flight;
struct json;
struct message;
struct model_answer;
struct model_request;
struct node;
struct run;
struct spend_grant;
struct step_model;

enum { MODEL_MAX_QUESTION = 2 };	/* messages: system, user */

/* system, if there is one, and the prompt with its context. */
int model_question(struct run *r, const struct node *n, const struct step_model *s, struct message *v, size_t *ret_n, struct err *err);
/* Asks for the turn after those that the node has. req: messages, tools and output are the caller's; all else is filled in here. */
void model_send(struct run *r, struct node *n, const struct step_model *s, struct model_request *req, op_done_fn *done);
/* In the completion: ends the flight, records the attempts. false: nothing follows from it. *ret_err ERR_NONE: it answered. */
bool model_taken(struct op *op, struct flight *f, struct err *ret_err);
/* An ask that failed: the step's row, by what the tier says becomes of it. */
void model_failed(struct run *r, struct node *n, const struct model_answer *answer, const struct err *err);
/* A cap refused it, and a person may allow it: asks. false: nobody is asked. */
bool model_asks(struct run *r, struct node *n, const struct model_answer *answer, const struct err *err);
/* What was allowed of the turn that is asked next; NULL: nothing. */
const struct spend_grant *model_grant(struct run *r, const struct node *n, struct str path);
void model_decided(struct run *r, struct node *n);	/* it was not allowed */
/* The row of the turn that was asked last, with when that was. */
void model_turn_row(struct run *r, struct node *n, enum row_kind kind, const struct json *v, bool goes_on);

#endif
