/* attempt.h - one question to one model: request, timers, stream, classification.
 *
 * Shapes:  attempt_start() is an op; on success its answer is whole. Failed or not, the result tells
 *          what is known: status, times, whether anything was sent, usage.
 * Units:   milliseconds.
 * Memory:  the op owns its arena; the result lives there. The request must live until the completion.
 * Errors:  ERR_MODEL_*; ERR_CANCELLED. Messages never hold the key.
 * Source:  agentd-routing(5), "Time limits" and "Retries at the same provider".
 */
#ifndef GATEWAY_ATTEMPT_H
#define GATEWAY_ATTEMPT_H

#include "base/loop.h"
#include "gateway/wire.h"

struct http;

struct attempt_result {
	const struct wire_answer *answer;	/* never NULL */
	struct str request_id;
	int http_status;		/* 0: none */
	bool sent;
	int64_t first_byte_ms, total_ms;	/* first_byte_ms 0: none came */
};

/* total_ms: what is left of the deadline; the provider's own timers hold within it. */
struct op *attempt_start(struct loop *l, struct http *h, struct arena *arena, const struct wire_request *req,
			 int64_t total_ms, op_done_fn *done, void *arg);
const struct attempt_result *attempt_result_of(const struct op *op);

#endif
