/* anthropic_usage.c - see anthropic_usage.h. */
#include "gateway/anthropic_usage.h"

#include "base/json.h"
#include "gateway/counts.h"
#include "store/queue.h"

static bool take(struct anthropic_counts *c, const struct json *obj, const char *key, int64_t *count)
{
	int64_t n;
	int found = count_read(obj, key, &n);

	if (found < 0)
		c->is_rubbish = true;
	if (found > 0)
		*count = n;
	return found > 0;
}

void anthropic_usage_take(struct anthropic_counts *c, const struct json *usage, bool ended)
{
	const struct json *split = json_getc(usage, "cache_creation");

	if (take(c, usage, "input_tokens", &c->input))
		c->has_input = true;
	take(c, usage, "cache_read_input_tokens", &c->read);
	take(c, usage, "cache_creation_input_tokens", &c->written);
	if (take(c, split, "ephemeral_5m_input_tokens", &c->written_5m))
		c->is_split = true;
	if (take(c, split, "ephemeral_1h_input_tokens", &c->written_1h))
		c->is_split = true;
	if (ended && take(c, usage, "output_tokens", &c->output))
		c->has_output = true;
	take(c, json_getc(usage, "output_tokens_details"), "thinking_tokens", &c->thinking);
}

bool anthropic_usage_of(const struct anthropic_counts *c, struct usage *ret)
{
	int64_t rest = count_rest(c->written, c->written_1h);

	if (c->is_rubbish || !c->has_input || !c->has_output)
		return false;
	*ret = (struct usage){
		.in_fresh = c->input,
		.in_cached = c->read,
		/* The parts should be the whole; the larger sum is paid for. */
		.in_write_5m = c->is_split && c->written_5m > rest ? c->written_5m : rest,
		.in_write_1h = c->written_1h,
		.out_text = count_rest(c->output, c->thinking),
		.out_reason = c->thinking < c->output ? c->thinking : c->output,
	};
	return true;
}
