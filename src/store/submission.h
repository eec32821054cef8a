/* submission.h - the body of a submission, checked and made a struct submission.
 *
 * Shapes:  {"workflow", "input"?, "urgency"?, "labels"?, "run_at"?, "deadline"?, "budget"?: {"usd"?, "wall"?, "turns"?,
 *          "calls"?}}. usd is a number or decimal text, wall a duration text. The digest is over the canonical form of
 *          what was asked for, so that spelling (order of keys, white space) does not matter.
 * Units:   as struct submission.
 * Memory:  the submission points into body and the arena.
 * Errors:  ERR_INVALID with err.status 400; the message names the key as a JSON pointer ("/labels/a: ...").
 * Source:  agentd-api(7), "POST /tasks".
 */
#ifndef STORE_SUBMISSION_H
#define STORE_SUBMISSION_H

#include "store/tasks.h"

/* Fills all but by, idempotency_key and route. */
int submission_parse(struct arena *a, const struct json *body, struct submission *ret, struct err *err);
int submission_key_check(struct str key, struct err *err);	/* 1 to 255 visible ASCII characters */

#endif
