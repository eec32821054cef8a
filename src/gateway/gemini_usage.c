/* gemini_usage.c - see gemini_usage.h. */
#include "gateway/gemini_usage.h"

#include "base/json.h"
#include "gateway/counts.h"
#include "store/queue.h"

bool gemini_usage_read(const struct json *usage, struct usage *ret)
{
	int64_t prompt, cached, tools, candidates, thoughts, total;
	int has_prompt = count_read(usage, "promptTokenCount", &prompt);
	int has_total = count_read(usage, "totalTokenCount", &total);
	int has_candidates = count_read(usage, "candidatesTokenCount", &candidates);

	if (has_prompt < 0 || has_total < 0 || has_candidates < 0 || has_prompt + has_total + has_candidates == 0)
		return false;
	if (count_read(usage, "cachedContentTokenCount", &cached) < 0 || count_read(usage, "toolUsePromptTokenCount", &tools) < 0 ||
	    count_read(usage, "thoughtsTokenCount", &thoughts) < 0)
		return false;
	*ret = (struct usage){
		.in_fresh = count_rest(prompt, cached) + tools,
		.in_cached = cached,
		.out_text = candidates,
		.out_reason = thoughts + count_rest(total, prompt + tools + candidates + thoughts),
	};
	return true;
}
