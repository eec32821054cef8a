/* effect.h - what follows from the outcome of a tool call, for the step and for the ledger. Pure.
 *
 * Shapes:  a table over effect class and outcome (agentd-tool(5), "EFFECTS"):
 *
 *            outcome              pure, idempotent            at_most_once
 *            not begun            failed, failed_before       failed, failed_before
 *            done, a value        succeeded, done             succeeded, done
 *            done, 4xx            failed, failed_before       failed, failed_before
 *            done, other error    failed, done (*)            failed, done
 *            unknown              failed, stays dispatched    uncertain, uncertain
 *
 *          A row stays dispatched where running the call again is always allowed; (*) also when the error is
 *          retryable, since an effect that is done is never dispatched again. tx works within the transaction of its step
 *          and has no outcome of its own; no runner of this version can do so, hence effect_as_run().
 *
 *          What is uncertain is asked about when its tool has a query: after the manifest's delay, then ever less often,
 *          at most EFFECT_MAX_ASKS times.
 * Units:   _us, _ms.
 * Memory:  none.
 * Errors:  none.
 * Source:  agentd-internals(7), "Effects"; agentd-tool(5), "EFFECTS" and "UNCERTAIN CALLS".
 */
#ifndef ENGINE_EFFECT_H
#define ENGINE_EFFECT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/str.h"
#include "config/workflow.h"
#include "store/queue.h"
#include "tools/tools.h"

struct json;
struct uuid;

enum call_end { CALL_SUCCEEDED, CALL_FAILED, CALL_UNCERTAIN };

struct effect_verdict {
	enum call_end end;
	bool moves;		/* the ledger's row moves to `to` */
	enum effect_state to;
};

/* error NULL or ERR_NONE: a value came. */
struct effect_verdict effect_decide(enum effect_class c, enum tool_outcome outcome, const struct err *error);
/* After a restart: may a call that was dispatched and has no result run again? */
bool effect_may_repeat(enum effect_class c);
enum effect_class effect_stricter(enum effect_class a, enum effect_class b);
/* As whom a runner treats it that works outside our transaction: nothing is repeated on the word of a promise that it cannot keep. */
enum effect_class effect_as_run(enum effect_class c);

enum { EFFECT_MAX_ASKS = 8 };
/* When the tool is asked next, n_asks times having brought nothing; 0: no more. */
int64_t effect_ask_at_us(int64_t uncertain_us, int64_t delay_ms, int n_asks);
enum { EFFECT_LOOK_MIN_US = 2 * 1000 * 1000, EFFECT_LOOK_MAX_US = 60 * 1000 * 1000 };
/* When a ledger that cannot be read is read next: as long from now as the call has been under way, within these bounds. So the
 * wait doubles, and nobody has to remember it. */
int64_t effect_look_at_us(int64_t since_us, int64_t now_us);
/* What names a call for ever, and travels with it: the same task, step, tool and arguments give the same key. */
void effect_key(const struct uuid *task, struct str path, struct str tool, const struct json *args,
		struct digest *ret);

#endif
