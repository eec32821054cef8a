/* gemini_usage.h - token counts of Gemini as disjoint buckets.
 *
 * Shapes:  cached tokens are inside promptTokenCount; thoughts and tool prompts are outside of candidatesTokenCount and
 *          promptTokenCount. What totalTokenCount has beyond all of them is thoughts that were not named.
 *          A missing count, null and a text of digits are read alike.
 * Units:   tokens.
 * Errors:  false: the object names no count, or one that no server can mean.
 * Source:  Google's API reference, UsageMetadata; agentd-routing(5), "Prices".
 */
#ifndef GATEWAY_GEMINI_USAGE_H
#define GATEWAY_GEMINI_USAGE_H

#include <stdbool.h>

struct json;
struct usage;

bool gemini_usage_read(const struct json *usage, struct usage *ret);

#endif
