/* route.h - which step of a tier is asked next, after how long, or why none. Pure.
 *
 * Shapes:  route_begin() judges every step of the tier once: may it be used at all, and if not, why. Then
 *          route_next() walks: the first step, the same step again, the next one, or the end.
 * Units:   milliseconds.
 * Memory:  the route lives in the arena given.
 * Errors:  route_next() never fails; an end carries the error to report.
 * Source:  agentd-routing(5), "Steps" and "How a question goes".
 */
#ifndef GATEWAY_ROUTE_H
#define GATEWAY_ROUTE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "config/routing.h"

struct arena;
struct json;

enum verdict {
	STEP_USABLE,
	STEP_NOT_CONFIGURED,
	STEP_NOT_NEEDED,		/* if_unconfigured, and another step is configured */
	STEP_CONDITION_FALSE,
	STEP_CONDITION_FAILED,
	STEP_CONTEXT_TOO_SMALL,
	STEP_NO_TOOLS,			/* the question offers tools, the model is not known to use them */
	STEP_NO_PRICE,			/* its cost cannot be reserved */
	STEP_NOT_PROBED			/* configured, but no call with this key and address is known to have succeeded */
};

struct route_step {
	enum verdict verdict;
	const char *why;		/* for people; NULL when usable */
};

/* What the caller knows about the step's provider and about this request. */
struct route_fact {
	bool configured;
	const char *reason;		/* why not configured */
	const char *not_probed;		/* why its key is not trusted; NULL: it is, or needs no probe */
	const char *no_price;		/* why the worst case cannot be named; NULL: it can */
};

struct route {
	const struct tier *tier;
	const struct route_fact *facts;	/* one per step */
	struct route_step *steps;
	struct arena *arena;
};

struct route_question {
	int64_t input_tokens;		/* the worst case; what cannot fit a known context is refused */
	bool has_tools;
};

/* facts_json: the task's facts (.task of conditions); NULL: none. */
struct route *route_begin(struct arena *a, const struct tier *t, const struct json *facts_json,
			  const struct route_fact *facts, const struct route_question *q);

/* The attempt that just failed. */
struct route_failure {
	size_t step;
	int tries;			/* of this step so far, at least 1 */
	struct err err;
};

struct route_choice {
	bool end;
	size_t step;
	int64_t delay_ms;		/* before the attempt */
	bool is_retry;			/* the same step again */
	struct err err;			/* end: what to report */
};

/* failure NULL: the beginning. left_ms: of the deadline. dice: 32 random bits for the jitter. */
struct route_choice route_next(const struct route *r, const struct route_failure *failure, int64_t left_ms, uint32_t dice);

/* May this class go on to the next step of the tier? */
bool route_may_fall_back(const struct tier *t, enum err_code code);

#endif
