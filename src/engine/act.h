/* act.h - carries out what plan decided: evaluates, starts operations, makes rows.
 *
 * Shapes:  act_scope() works on one scope until nothing is left to do there. Step kinds (step_KIND.c) use the
 *          functions below: every row goes through act_row(), which puts it into the pending move and applies it to
 *          the state in one. Nothing outside starts before its step.started row is committed (dispatch).
 * Memory:  evaluated values live in the engine's scratch until the action is over; act_succeed(), act_fail()
 *          and act_keep() copy.
 * Errors:  an error of a step becomes its step.failed row (act_fail); a row that its own state refuses
 *          fails the task (journal_conflict).
 * Source:  agentd-internals(7), "Moves"; steps.h.
 */
#ifndef ENGINE_ACT_H
#define ENGINE_ACT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "engine/journal.h"

struct arena;
struct err;
struct expr;
struct json;
struct node;
struct refs;
struct run;
struct scope;
struct tmpl;

void act_scope(struct run *r, struct scope *sc);

/* --- rows --- */
void act_row(struct run *r, struct node *n, enum row_kind kind, const struct json *value);
/* A row of something that is no step: a turn below n, an iteration. */
void act_row_at(struct run *r, struct scope *sc, struct str path, int try_no, enum row_kind kind, const char *step_kind,
		const struct json *value, bool holds);
/* What was paid for n since its last row that says so goes with the row that was made last, which is about n, and this on top of it. */
void act_book(struct run *r, struct node *n, int64_t cost_pusd);
/* A step.started row after whose commit steps.h's dispatch is called. */
void act_started(struct run *r, struct node *n, const struct json *value);
void act_succeed(struct run *r, struct node *n, const struct json *output);	/* checks the size, copies */
/* step.failed, with retry_at when the policy gives another try. error is copied. */
void act_fail(struct run *r, struct node *n, const struct json *error, int retry_after_ms);
void act_fail_err(struct run *r, struct node *n, const struct err *err);
/* step.failed that counts as no try: the question is asked again when somebody may answer it. again_ms 0: nobody knows when. The
 * hundredth time it fails. */
void act_requeue(struct run *r, struct node *n, const struct err *err, int64_t again_ms);
const struct json *act_error(struct run *r, const struct node *n, const struct err *err);	/* in scratch */
const struct json *act_keep(const struct node *n, const struct json *v);	/* copy that lives as long as the scope */
int act_check_size(const struct json *v, struct err *err);

/* --- evaluation in the scope of a step --- */
int act_eval(struct run *r, const struct node *n, const struct tmpl *t, const struct json **ret, struct err *err);
int act_eval_text(struct run *r, const struct node *n, const struct tmpl *t, struct str *ret, struct err *err);
int act_eval_expr(struct run *r, const struct node *n, const struct expr *e, const struct json **ret, struct err *err);
int act_test(struct run *r, const struct node *n, const struct expr *e, bool *ret, struct err *err);
/* With the refs of something else than the step itself (outputs). */
int act_eval_in(struct run *r, const struct scope *sc, const struct refs *refs, const struct tmpl *t,
		const struct json **ret, struct err *err);

#endif
