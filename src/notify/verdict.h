/* verdict.h - what an answer, or none, means for a delivery. Pure.
 *
 * Shapes:  2xx: delivered. 410: the receiver wants no more, failed. Anything else: again after the next wait of the schedule, spread by
 *          up to a tenth, or what Retry-After, or the body in its provider's way, asks for if that is longer; the schedule at its end: failed.
 *          A redirect is not followed.
 * Units:   _ms.
 * Source:  agentd-webhooks(7), "ATTEMPTS".
 */
#ifndef NOTIFY_VERDICT_H
#define NOTIFY_VERDICT_H

#include <stdint.h>

#include "base/str.h"
#include "store/webhooks.h"

struct arena;
struct err;
struct webhook_settings;

struct answer {
	int status;			/* 0: none */
	const struct err *err;		/* why there is no whole one; ERR_NONE: there is */
	struct str retry_after;		/* the header; STR_NONE: none */
	int64_t asked_ms;		/* what the body asks for; 0: nothing */
	int tries;			/* so far, this one too */
	uint32_t dice;
};

struct verdict {
	enum delivery_outcome outcome;
	struct str error;		/* STR_NONE: none */
	int64_t delay_ms;		/* of DELIVERY_AGAIN */
};

struct verdict verdict_of(struct arena *a, const struct webhook_settings *w, const struct answer *r);

#endif
