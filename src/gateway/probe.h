/* probe.h - a question of one token to one provider: does this key answer at this address?
 *
 * Shapes:  probe_start() is an op. An answer without a text counts: the model was asked. A model
 *          that cannot say anything within one token is asked once more, with room to think.
 * Units:   milliseconds.
 * Memory:  the op owns its arena; the result lives there. Endpoint and model must live until the completion.
 * Errors:  ERR_MODEL_*; messages never hold the key.
 * Source:  agentd-routing(5), "Probes".
 */
#ifndef GATEWAY_PROBE_H
#define GATEWAY_PROBE_H

#include "gateway/wire.h"

struct http;

struct probe_result {
	struct str answered;		/* the model's name as the provider has it; the one asked when it told none */
	int http_status;
	int64_t latency_ms;
};

struct op *probe_start(struct loop *l, struct http *h, struct arena *a, const struct endpoint *e, const struct model *m, op_done_fn *done,
		       void *arg);
const struct probe_result *probe_result_of(const struct op *op);
/* The model that a probe of the provider asks when none is named: its first in the file, one that chats before one that embeds, or
 * the first tier's at the gateway of mode shadow. NULL: it has none. */
const struct model *probe_model(const struct routing *r, const struct provider *p);

#endif
