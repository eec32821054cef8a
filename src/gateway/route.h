/* route.h - which step of a tier is asked next, after how long, or why none. Pure.
 *
 * Shapes:  route_begin() judges every step of the tier once: may it be used at all, and if not, why. Then
 *          route_next() walks: the first step, the same step again, the next one, a wait, or the end. Whether a step's
 *          provider lets anybody through changes meanwhile: the caller keeps that in its facts.
 * Units:   milliseconds.
 * Memory:  the route lives in the arena given.
 * Errors:  route_next() never fails; an end carries the error to report.
 * Source:  agentd-routing(5), "Steps", "How a question goes" and "CAPS".
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
	STEP_NOT_PROBED,		/* configured, but no call with this key and address is known to have succeeded */
	STEP_REFUSED,			/* by a cap, when its cost was to be reserved */
	/* These go by themselves, so that waiting helps: */
	STEP_OPEN,			/* its breaker is open */
	STEP_PROBED,			/* its breaker is half-open, and somebody else is the probe */
	STEP_RATE_LIMITED		/* rpm or tpm are used up for longer than this question has */
};

struct route_step {
	enum verdict verdict;
	const char *why;		/* for people; NULL when usable */
	enum cap_exceeded word;		/* STEP_REFUSED: what the caps say is to be done */
};

/* What the caller knows about the step's provider and about this request. */
struct route_fact {
	bool configured;
	const char *reason;		/* why not configured */
	const char *not_probed;		/* why its key is not trusted; NULL: it is, or needs no probe */
	const char *no_price;		/* why the worst case cannot be named; NULL: it can */
	enum verdict shut;		/* STEP_OPEN and what follows it; STEP_USABLE: it lets questions through */
	int64_t shut_ms;		/* for so long */
	const char *shut_why;
	enum err_code shut_code;	/* what a question that is not asked because of it fails with */
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
	struct str only;		/* a model: a person allowed its cost, no other step is taken where it can be used; STR_NONE: none */
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
	bool wait;			/* nobody lets it through: begin anew after delay_ms, or when that has changed */
	size_t step;
	int64_t delay_ms;		/* before the attempt */
	bool is_retry;			/* the same step again */
	struct err err;			/* end: what to report, */
	enum exhausted_do then;		/* and what the tier says becomes of the question */
	int64_t again_ms;		/* EXHAUSTED_REQUEUE: sooner it would be of no use; 0: not known */
	bool ask;			/* end: a person may allow what `step` costs */
};

/* failure NULL: the beginning. left_ms: of the deadline. dice: 32 random bits for the jitter. */
struct route_choice route_next(const struct route *r, const struct route_failure *failure, int64_t left_ms, uint32_t dice);
/* The step that was chosen last does not let it through after all, as its facts say now. failure: the last attempt; NULL: none. */
struct route_choice route_pass(const struct route *r, size_t step, const struct route_failure *failure, int64_t left_ms);
/* The time ran out before anybody could be asked. */
struct route_choice route_expire(const struct route *r, const struct err *err);

int64_t tier_deadline_ms(const struct tier *t);	/* of one question, all steps together */

/* Of a step, as the facts are now. */
struct route_step route_judge(const struct route *r, size_t step);
const char *verdict_word(enum verdict v);	/* "open": for programs */

/* Caps refuse what the step costs. last: the failure of the attempt before; NULL: nobody was asked. A refusal does not end the walk unless
 * it says so; at the end of the list a person is asked where one of them, or the tier, wants that. */
struct route_choice route_refuse(struct route *r, size_t step, enum cap_exceeded word, const char *why, const struct route_failure *last,
				 int64_t left_ms);
/* Is there a usable step behind this one? */
bool route_goes_on(const struct route *r, size_t step);

/* May this class go on to the next step of the tier? */
bool route_may_fall_back(const struct tier *t, enum err_code code);

#endif
