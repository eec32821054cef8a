/* journal.h - the rows of a task's journal: kinds, values, paths. The engine writes and reads them, SQL views
 * and agentctl show them.
 *
 * Shapes:  a row is (path, try, kind, step_kind, value). Paths: segments joined by '/': `id`, `id~V` (visit V >= 2
 *          through `then`), `[i]` glued to a loop's id, `turn-N`, `ask-N` and `approval-N`: `each[3]/send~2/turn-1`.
 *          A retry is try, not path; only a loop that is tried again gets a new visit, since its iterations need paths of
 *          their own. The calls of an
 *          agent's turn are steps of kind call below it, `research/turn-2/call-0`, with tries of their own; an agent that is tried
 *          again keeps its turns and asks the next one.
 *
 *   kind             value
 *   step.started     call: {"tool", "effect", "key", "args", "taint"?, "approval"?}
 *                    (committed before the tool starts; args are executed as recorded; taint: of "reads_untrusted",
 *                    "reads_private", "acts_outside" those that its manifest says; absent: none; approval: id of the one
 *                    that allows it)
 *                    model, agent: {"tier"}     for: {"items": [...]}  (pinned: a later change of .vars does not move the loop)
 *   step.waiting     {"until": TIME}                            (wait)
 *   step.succeeded   {"output": VALUE}; switch: {"output": null, "edge": N|null, "then": ID|"end"|null}
 *                    set: output is what was written to .vars
 *   step.failed      {"error": ERROR, "retry_at": TIME?, "free": true?}   (retry_at: another try follows then; free: this one
 *                    does not count: the call did not happen, and the next makes the same call; or nobody may answer the question now)
 *   step.uncertain   {"key", "tool", "error": ERROR}            (parked as uncertain; nothing is sent again)
 *                    What follows it bears the word of whoever resolved it: "reconciled": {"decision", "by", "id"}
 *   step.skipped     {}
 *   step.cancelled   {}                                         (a sibling failed, or the task was cancelled)
 *   turn.succeeded   {"text"}                                   (path of the turn; model: an answer that needs repair)
 *                    agent: every answer, {"text", "calls": [{"id", "name", "args"}]?, "echo": TEXT?, "left_out": N?, "end": true?}
 *                    (committed before its calls start; args is text as the model wrote it, echo what its provider wants back;
 *                    left_out: so many turns were not shown any more; end: nothing follows from it but the row of the step)
 *   turn.summarised  {"text", "left_out": N}                    (path of the turn that is asked next: text stands for the first N)
 *   ask.answered     {"said": "unknown", "message"?}            (path of the ask: the tool's query did not know what became
 *                    of the call; message: because it failed)
 *   approval.requested {"id", "kind": "call"|"question"|"spend", "title", "show"?, "form"?, "call"?, "schema"?, "risk", "rule", "verdict"?,
 *                    "approvers", "expires_at", "digest", "head", "supersedes"?}   (path of the request, try of the step, which
 *                    begins with it; call: as in step.started, to be made when it is approved; rule, verdict: of the policy;
 *                    spend: of a model or agent that is under way; show: {"path", "tier", "provider", "model", "amount_usd", "caps"},
 *                    path: of the turn; approved, that turn is asked once more and may exceed those caps by its reservation;
 *                    the row opens the request for people: sql/functions/3_approvals.sql)
 *   approval.decided {"id", "decision": "approved"|"denied"|"expired"|"cancelled"|"superseded", "by", "comment", "form"?, "call"?}
 *                    (call: as the approver edited it. cancelled: the step does not wait for it any more)
 *   ERROR is {"type", "message", "step", "retryable", "status"?, "cause"?}; TIME is RFC 3339.
 *
 *          An iteration of a loop with `output:` ends with a row of its own, path `each[3]`, step_kind "for":
 *          step.succeeded {"output"} or, when the template fails, step.failed {"error"}. Without `output:` the
 *          row of its last step says all.
 *
 * Memory:  values live in the arena given.
 * Errors:  state_apply() of a row that does not fit the bundle or the rows before it is ERR_JOURNAL_CONFLICT.
 * Source:  agentd-internals(7), "Journal"; agentd-workflow(5), "ERROR TYPES".
 */
#ifndef ENGINE_JOURNAL_H
#define ENGINE_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct arena;
struct err;
struct json;

enum row_kind {
	ROW_STEP_STARTED, ROW_STEP_WAITING, ROW_STEP_SUCCEEDED, ROW_STEP_FAILED, ROW_STEP_UNCERTAIN,
	ROW_STEP_SKIPPED, ROW_STEP_CANCELLED, ROW_TURN_SUCCEEDED, ROW_TURN_SUMMARISED, ROW_ASK_ANSWERED,
	ROW_APPROVAL_REQUESTED, ROW_APPROVAL_DECIDED, ROW_KINDS
};

enum { JOURNAL_MAX_VALUE_BYTES = 8 * 1024 * 1024 };	/* of a row's value as compact JSON; over it: limit.size */

const char *row_kind_name(enum row_kind k);		/* "step.started" */
int row_kind_parse(struct str s, enum row_kind *ret, struct err *err);

/* {"type","message","step","retryable",...} from an err of the layers below. */
const struct json *journal_error(struct arena *a, const struct err *err, struct str step);
/* The same for a type that only the workflow knows (raise). */
const struct json *journal_error_named(struct arena *a, struct str type, struct str message, bool retryable,
				       struct str step);
/* {key: v}; key is a literal. */
const struct json *journal_value(struct arena *a, const char *key, const struct json *v);
const struct json *journal_time(struct arena *a, int64_t us);	/* TIME */

#endif
