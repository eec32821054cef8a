/* journal.h - the rows of a task's journal: kinds, values, paths. The engine writes and reads them, SQL views
 * and agentctl show them.
 *
 * Shapes:  a row is (path, try, kind, step_kind, value). Paths: segments joined by '/': `id`, `id~V` (visit V >= 2
 *          through `then`), `[i]` glued to a loop's id, `turn-N`: `each[3]/send~2/turn-1`. A retry is try, not path.
 *
 *   kind             value
 *   step.started     call: {"tool", "effect", "key", "args"}   (committed before the tool starts; args are executed as recorded)
 *                    model: {"tier"}     for: {"items": [...]}  (pinned: a later change of .vars does not move the loop)
 *   step.waiting     {"until": TIME}                            (wait)
 *   step.succeeded   {"output": VALUE}; switch: {"output": null, "edge": N, "then": ID|"end"|null}
 *                    set: output is what was written to .vars
 *   step.failed      {"error": ERROR, "retry_at": TIME?}        (retry_at: another try follows then)
 *   step.uncertain   {"key", "tool", "error": ERROR}            (parked as uncertain; nothing is sent again)
 *   step.skipped     {}
 *   step.cancelled   {}                                         (a sibling failed, or the task was cancelled)
 *   turn.succeeded   {"text"}                                   (path of the turn: a model answer that needed repair, or the last)
 *   ERROR is {"type", "message", "step", "retryable", "status"?, "cause"?}; TIME is RFC 3339.
 *
 * Memory:  values live in the arena given.
 * Errors:  journal_read() of a row that does not fit the bundle is ERR_JOURNAL_CONFLICT.
 * Source:  DESIGN section 5, LANGUAGE "Errors".
 */
#ifndef ENGINE_JOURNAL_H
#define ENGINE_JOURNAL_H

#include "base/str.h"

struct arena;
struct err;
struct json;

enum row_kind {
	ROW_STEP_STARTED, ROW_STEP_WAITING, ROW_STEP_SUCCEEDED, ROW_STEP_FAILED, ROW_STEP_UNCERTAIN,
	ROW_STEP_SKIPPED, ROW_STEP_CANCELLED, ROW_TURN_SUCCEEDED, ROW_KINDS
};

const char *row_kind_name(enum row_kind k);		/* "step.started" */
int row_kind_parse(struct str s, enum row_kind *ret, struct err *err);

/* {"type","message","step","retryable",...} from an err of the layers below. */
const struct json *journal_error(struct arena *a, const struct err *err, struct str step);

#endif
