/* openai_usage.c - see openai_usage.h. */
#include "gateway/openai_usage.h"

#include <math.h>

#include "base/clock.h"
#include "base/json.h"
#include "gateway/counts.h"
#include "store/queue.h"

bool openai_usage_read(const struct json *usage, struct usage *ret)
{
	const struct json *in = json_getc(usage, "prompt_tokens_details");
	const struct json *out = json_getc(usage, "completion_tokens_details");
	int64_t prompt, completion, total, cached, written, reasoning;
	int has_prompt = count_read(usage, "prompt_tokens", &prompt);
	int has_completion = count_read(usage, "completion_tokens", &completion);

	if (has_prompt < 0 || has_completion < 0 || has_prompt + has_completion == 0)
		return false;
	if (count_read(in, "cached_tokens", &cached) < 0 || count_read(in, "cache_write_tokens", &written) < 0 ||
	    count_read(out, "reasoning_tokens", &reasoning) < 0 || count_read(usage, "total_tokens", &total) < 0)
		return false;
	*ret = (struct usage){
		.in_fresh = count_rest(count_rest(prompt, cached), written),
		.in_cached = cached,
		.in_write_5m = written,
		.out_text = count_rest(completion, reasoning),
		/* Gemini's compatible surface counts thoughts in the total only; they are billed as output. */
		.out_reason = reasoning + count_rest(total, prompt + completion),
	};
	return true;
}

static bool read_money(const struct json *v, int64_t *ret_pusd)
{
	struct str literal = json_literal(v);
	double usd;
	int64_t whole;

	if (json_type(v) == JSON_INT && json_to_int(v, &whole)) {
		if (whole < 0 || whole > 1000000)
			return false;
		*ret_pusd = whole * PUSD_PER_USD;
		return true;
	}
	if (json_type(v) != JSON_NUM)
		return false;
	if (money_parse(literal, ret_pusd))
		return true;
	/* More than 12 places, or an exponent: the nearest pico-dollar. */
	usd = json_to_double(v);
	if (!isfinite(usd) || usd < 0 || usd > 1000000)
		return false;
	*ret_pusd = llround(usd * (double)PUSD_PER_USD);
	return true;
}

bool openai_cost_read(const struct json *usage, int64_t *ret_pusd)
{
	const struct json *upstream = json_getc(json_getc(usage, "cost_details"), "upstream_inference_cost");
	int64_t own, theirs = 0;

	if (!read_money(json_getc(usage, "cost"), &own))
		return false;
	/* With a key of one's own at the upstream, `cost` is the router's fee alone. */
	if (json_is_true(json_getc(usage, "is_byok")) && !read_money(upstream, &theirs))
		return false;
	*ret_pusd = own + theirs;
	return true;
}
