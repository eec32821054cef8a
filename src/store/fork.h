/* fork.h - new tasks made from what others did: retry and fork.
 *
 * Shapes:  the body {"step"?, "input"?, "bundle"?, "repeat_effects"?}; step is the path of a step as the task shows it, bundle "active"
 *          or a digest in hexadecimal. The digest of the request is over the canonical form of task and body. facts:
 *          {"workflow", "urgency", "labels", "given": the input, "bundle", "input": the schema it has to fit or null, "by": who the given
 *          input came from first, "key_used"}; bundle, input and key_used as of tasks_input_schema(); of a key that was used before key_used alone.
 * Memory:  a fork points into body and the arena; what is passed to ops must live until the completion.
 * Errors:  ERR_INVALID, ERR_NOT_FOUND, ERR_REFUSED as of a submission; ERR_CONFLICT: it is refused, the message says why.
 * Source:  sql/functions/5_control.sql; agentd-api(7), "POST /tasks/ID/retry".
 */
#ifndef STORE_FORK_H
#define STORE_FORK_H

#include "store/tasks.h"

enum fork_kind { FORK_RETRY, FORK_FORK };

struct fork {
	struct uuid id;			/* of the new task; made by the caller */
	enum fork_kind kind;
	struct uuid task;		/* that it is made from */
	struct str step, bundle;	/* STR_NONE: not given */
	const struct json *input;	/* NULL: as it was */
	bool repeat_effects;
	struct str idempotency_key;	/* STR_NONE: none */
	struct digest request;
	struct principal by;
};

extern const char *const fork_keys[];	/* of the body, up to a NULL */

/* Fills all but by and idempotency_key. The body's keys are known ones. */
int fork_parse(struct arena *a, const struct json *body, enum fork_kind kind, const struct uuid *task, struct fork *ret, struct err *err);

/* What is to be judged before; the text is tasks_text_of(). */
struct op *fork_facts(struct store *s, struct arena *a, const struct fork *f, int64_t deadline_ms, op_done_fn *done, void *arg);
/* The facts as a submission, for whoever judges those: workflow, input, urgency, labels, by, origin_by. */
int fork_submission(struct arena *a, const struct fork *f, struct str facts, struct submission *ret, struct err *err);
struct op *fork_start(struct store *s, struct arena *a, const struct fork *f, int64_t deadline_ms, op_done_fn *done, void *arg);
const struct submitted *fork_submitted_of(const struct op *op);

#endif
