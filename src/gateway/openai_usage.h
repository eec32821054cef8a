/* openai_usage.h - token counts of OpenAI-compatible servers as disjoint buckets, and the charge they name.
 *
 * Shapes:  cached and cache-write tokens are inside prompt_tokens, reasoning tokens inside completion_tokens.
 *          What total_tokens has beyond both is reasoning that was left out of completion_tokens.
 * Units:   tokens; pico-dollars.
 * Errors:  false: the object names no count, or one that no server can mean.
 * Source:  the providers' references, as t/unit/gateway/openai.c has their answers; agentd-routing(5), "Prices".
 */
#ifndef GATEWAY_OPENAI_USAGE_H
#define GATEWAY_OPENAI_USAGE_H

#include <stdbool.h>
#include <stdint.h>

struct json;
struct usage;

bool openai_usage_read(const struct json *usage, struct usage *ret);
bool openai_cost_read(const struct json *usage, int64_t *ret_pusd);	/* usage.cost, in USD */

#endif
