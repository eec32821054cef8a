/* approvals.h - what people do with requests for their approval: look, decide.
 *
 * Shapes:  texts are JSON made by SQL exactly as the API shows them: agentd-api(7).
 * Units:   _ms.
 * Memory:  what is passed in must live until the completion; results live in the op's arena.
 * Errors:  ERR_NOT_FOUND (unknown, or of a task that the principal does not see), ERR_CONFLICT (decided, expired, another digest),
 *          ERR_FORBIDDEN (whoever submitted is none of several approvers), ERR_INVALID (422), ERR_PG_DOWN.
 * Source:  sql/functions/3_approvals.sql.
 */
#ifndef STORE_APPROVALS_H
#define STORE_APPROVALS_H

#include <stdint.h>

#include "base/digest.h"
#include "base/loop.h"
#include "base/str.h"
#include "base/uuid.h"

struct arena;
struct json;
struct principal;
struct task_page;
struct store;

/* by->sees_all: of everybody's tasks, else of its own. {"approvals": [...], "next": id|null} */
struct op *approvals_list(struct store *s, struct arena *a, const struct task_page *f, const struct principal *by,
			  int64_t deadline_ms, op_done_fn *done, void *arg);
struct op *approvals_view(struct store *s, struct arena *a, const struct uuid *id, const struct principal *by,
			  int64_t deadline_ms, op_done_fn *done, void *arg);

struct decision {
	struct str word;		/* approve | deny */
	struct digest digest;		/* that was shown */
	struct str comment;		/* STR_NONE: none */
	const struct json *args;	/* edited; NULL: as they are */
	const struct json *form;	/* NULL: none */
};
struct op *approvals_decide(struct store *s, struct arena *a, const struct uuid *id, const struct decision *d, const struct principal *by,
			    int64_t deadline_ms, op_done_fn *done, void *arg);	/* the request as it is now */
struct str approvals_text_of(const struct op *op);

#endif
