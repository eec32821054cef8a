/* spend.h - what a model call may cost at most, and what it did cost.
 *
 * Shapes:  pure functions over prices and counts.
 * Units:   pico-dollars and tokens, int64; a product that does not fit is an error, never a wrap.
 * Memory:  values.
 * Errors:  ERR_MODEL_NO_ROUTE with the reason why no worst case can be named.
 * Source:  agentd-routing(5), "Prices" and "Money".
 */
#ifndef GATEWAY_SPEND_H
#define GATEWAY_SPEND_H

#include <stdbool.h>
#include <stdint.h>

#include "config/routing.h"
#include "store/queue.h"

struct err;
struct model_request;

/* Tokens a chat format adds around each message and around the whole request, and an embedding around each text. */
enum { TOKENS_PER_MESSAGE = 8, TOKENS_PER_REQUEST = 16, TOKENS_PER_TEXT = 2 };

/* The most tokens the input can be: bytes / 3 rounded up, and the constants above; a tool and a tool call count as a
 * message each. */
int64_t spend_input_tokens(const struct model_request *req);
/* The same of texts to embed. */
int64_t spend_text_tokens(const struct str *texts, size_t n);
/* The maximum of output to ask for: the request's within the model's. 0: neither names one. */
int64_t spend_max_output(const struct model *m, int64_t asked);
/* The worst case. Free models: 0, and another gateway's where it cannot be named. */
int spend_estimate(const struct model *m, int64_t input_tokens, int64_t max_output, int64_t *ret_pusd, struct err *err);
/* The price of what was used. -1 when a product does not fit (counts that no provider can mean). */
int spend_cost(const struct price *p, const struct usage *u, int64_t *ret_pusd);
/* a += b, saturating. */
void usage_add(struct usage *a, const struct usage *b);
int64_t pusd_add(int64_t a, int64_t b);

/* How an attempt ended, as far as money is concerned. */
struct attempt_end {
	enum err_code code;		/* ERR_NONE: well */
	int http_status;
	bool sent;			/* a byte of the request may have left */
	bool output_began;
	bool has_usage;
	struct usage usage;
	bool has_cost;			/* the provider named its charge */
	int64_t cost_pusd;
};

/* What is booked for it: *ret_source becomes provider, computed, estimated or none. */
int64_t spend_settle(const struct price *p, const struct attempt_end *end, int64_t estimate_pusd,
		     const char **ret_source);

#endif
