/* anthropic_usage.h - token counts of Anthropic's answers as disjoint buckets.
 *
 * Shapes:  input, cache reads and cache writes are disjoint there too; thinking is inside output_tokens. Counts are
 *          cumulative: a later one takes the place of an earlier one, and one that is left out stays.
 *          Writes that are not told apart are of five minutes.
 * Units:   tokens.
 * Memory:  values.
 * Errors:  false: a count is missing, or one that no server can mean was among them.
 * Source:  Anthropic's API reference, "usage"; agentd-routing(5), "Prices".
 */
#ifndef GATEWAY_ANTHROPIC_USAGE_H
#define GATEWAY_ANTHROPIC_USAGE_H

#include <stdbool.h>
#include <stdint.h>

struct json;
struct usage;

struct anthropic_counts {
	int64_t input, read, written, written_5m, written_1h, output, thinking;
	bool has_input, has_output, is_split, is_rubbish;
};

/* ended: of a whole answer, or of what ends a stream. What a stream begins with counts no output yet. */
void anthropic_usage_take(struct anthropic_counts *c, const struct json *usage, bool ended);
bool anthropic_usage_of(const struct anthropic_counts *c, struct usage *ret);

#endif
