/* health_out.h - what one loop turn has to say of providers, as the JSON that store/breakers.h takes. Pure.
 *
 * Shapes:  a list of each kind: reports of attempts, tokens given back, waits, questions that ask to be let through.
 * Units:   milliseconds from now, tokens.
 * Memory:  its arena, which is of this turn.
 * Errors:  none.
 * Source:  sql/functions/3_health.sql.
 */
#ifndef GATEWAY_HEALTH_OUT_H
#define GATEWAY_HEALTH_OUT_H

#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "gateway/breaker.h"
#include "gateway/health.h"

struct arena;
struct err;

struct health_out {
	struct arena *arena;		/* NULL: nothing goes out */
	struct json_builder reports, usage, waits, asks;
};

void health_out_begin(struct health_out *o, struct arena *a);
void health_out_ask(struct health_out *o, const struct health_ticket *t, int64_t most_ms);
void health_out_report(struct health_out *o, const struct health_ticket *t, size_t scope, enum breaker_effect effect, int64_t open_ms,
		       const struct err *err);	/* err NULL: no class and no message */
void health_out_tokens(struct health_out *o, const struct health_ticket *t, int64_t took);
void health_out_wait(struct health_out *o, const struct health_wait *w);

#endif
