/* facts.h - what route.h needs to know of each step of a tier: of this machine, of the question, and of the provider's health now.
 *
 * Shapes:  facts_collect() once for a question; facts_refresh() before each decision, as breakers open and close meanwhile.
 * Units:   milliseconds.
 * Memory:  in the arena given.
 * Errors:  none.
 * Source:  route.h.
 */
#ifndef GATEWAY_FACTS_H
#define GATEWAY_FACTS_H

#include <stddef.h>
#include <stdint.h>

#include "gateway/health.h"
#include "gateway/route.h"

struct arena;
struct endpoint;
struct probes;

struct route_fact *facts_collect(struct arena *a, const struct routing *r, const struct endpoint *endpoints, const struct probes *probes,
				 const struct tier *t, int64_t input_tokens, int64_t max_output);	/* probes NULL: not asked for */
/* h NULL: nothing is known, all are let through. Sentences go to the arena given. */
void facts_refresh(struct arena *a, struct route_fact *facts, const struct tier *t, const struct health *h);
/* What the database said when a question was to be asked. */
void facts_shut(struct arena *a, struct route_fact *fact, const struct model *m, enum shut shut, int64_t ms);

#endif
