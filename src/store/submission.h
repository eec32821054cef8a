/* submission.h - the body of a submission, checked and made a struct submission.
 *
 * Shapes:  {"workflow", "input"?, "urgency"?, "labels"?, "run_at"?, "deadline"?, "budget"?: {"usd"?, "wall"?, "turns"?,
 *          "calls"?}, "webhook"?: {"url", "events"?}}. Where a webhook may lead is the caller's to judge. usd is a number or decimal text, wall a duration text. The digest is over the canonical form of
 *          what was asked for, so that spelling (order of keys, white space) does not matter.
 * Units:   as struct submission.
 * Memory:  the submission points into body and the arena.
 * Errors:  ERR_INVALID with err.status 400; the message names the key as a JSON pointer ("/labels/a: ...").
 * Source:  agentd-api(7), "POST /tasks".
 */
#ifndef STORE_SUBMISSION_H
#define STORE_SUBMISSION_H

#include "store/artifacts.h"
#include "store/tasks.h"

/* Fills all but by, idempotency_key and route. */
int submission_parse(struct arena *a, const struct json *body, struct submission *ret, struct err *err);
/* It comes with these files, sorted by name: the same request is one with the same names, types and bytes; its id is fixed. */
void submission_add_files(struct arena *a, struct submission *s, const struct artifact_new *v, size_t n);
/* Whether there is or may come to be a task of this very submission: without an answer nobody knows, and its files stay until the
 * sweeper does. */
bool submission_may_be_made(const struct err *err, const struct submitted *got);
int submission_key_check(struct str key, struct err *err);	/* 1 to 255 visible ASCII characters */

#endif
