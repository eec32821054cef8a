/* shadow.h - mode shadow: what our own route would have done with a question that another gateway answers. Pure.
 *
 * Shapes:  decided once, when the question begins, from what mode live would know then; compared with each answer of the other
 *          gateway. Nothing is asked, reserved or counted for it, so that nothing of mode live is touched.
 * Units:   pico-dollars; -1: not known.
 * Memory:  the arena given.
 * Errors:  none: a route that finds no step is a decision, too.
 * Source:  agentd-routing(5), "Mode shadow".
 */
#ifndef GATEWAY_SHADOW_H
#define GATEWAY_SHADOW_H

#include "gateway/route.h"
#include "store/queue.h"

struct arena;

struct shadow_decision {
	const struct model *model;	/* NULL: no step */
	const char *problem;		/* why no step */
};

struct shadow_decision *shadow_decide(struct arena *a, const struct route *own, int64_t deadline_ms);
/* call: the record of the other gateway's answer, complete. asked: its model. */
const struct shadow_call *shadow_compare(struct arena *a, const struct shadow_decision *d, const struct model_call *call,
					 const struct model *asked, bool has_usage);

#endif
