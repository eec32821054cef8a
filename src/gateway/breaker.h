/* breaker.h - what an attempt says of its provider, by its class. Pure.
 *
 * Shapes:  one row for each class: which breaker it concerns and what it does there.
 * Units:   milliseconds.
 * Memory:  none.
 * Errors:  none.
 * Source:  agentd-routing(5), "Breaker".
 */
#ifndef GATEWAY_BREAKER_H
#define GATEWAY_BREAKER_H

#include <stdint.h>

#include "base/err.h"
#include "config/routing.h"

enum breaker_effect {
	BREAKER_NEUTRAL,	/* says nothing of the provider; a probe is over */
	BREAKER_CLOSED,		/* it works: only what a probe found is told */
	BREAKER_FAILED,		/* counts */
	BREAKER_HALF,		/* counts half, and does not open it alone */
	BREAKER_OPEN,		/* opens for open_ms without counting */
	BREAKER_QUOTA		/* the same, until the quota is there again */
};

enum breaker_place {
	BREAKER_OF_SCOPE,	/* as breaker_scope says */
	BREAKER_OF_ACCOUNT,	/* the provider's, whatever breaker_scope says */
	BREAKER_OF_MODEL	/* the model's, whatever breaker_scope says */
};

struct breaker_verdict {
	enum breaker_effect effect;
	enum breaker_place place;
	int64_t open_ms;
	bool alert;		/* somebody has to mend it */
};

/* err NULL or ERR_NONE: it answered. */
struct breaker_verdict breaker_judge(const struct err *err, const struct routing_breaker *b);
const char *breaker_effect_name(enum breaker_effect e);	/* as SQL has it */

#endif
