/* breaker.c - the table of classes. */
#include "gateway/breaker.h"

#include <stddef.h>

enum { MINUTES = 60 * 1000, HOURS = 60 * MINUTES };

static const struct {
	enum err_code code;
	struct breaker_verdict verdict;	/* open_ms 0: the other side's hint, else as long as an opening lasts first */
} classes[] = {
	{ERR_NONE, {BREAKER_CLOSED, BREAKER_OF_SCOPE, 0, false}},
	{ERR_MODEL_RATE_LIMITED, {BREAKER_OPEN, BREAKER_OF_SCOPE, 0, false}},
	{ERR_MODEL_QUOTA_EXHAUSTED, {BREAKER_QUOTA, BREAKER_OF_SCOPE, 0, false}},
	{ERR_MODEL_BILLING, {BREAKER_OPEN, BREAKER_OF_ACCOUNT, 1 * HOURS, true}},
	{ERR_MODEL_AUTH, {BREAKER_OPEN, BREAKER_OF_ACCOUNT, 15 * MINUTES, true}},
	{ERR_MODEL_NOT_FOUND, {BREAKER_OPEN, BREAKER_OF_MODEL, 1 * HOURS, true}},
	{ERR_MODEL_OVERLOADED, {BREAKER_FAILED, BREAKER_OF_SCOPE, 0, false}},
	{ERR_MODEL_SERVER_ERROR, {BREAKER_FAILED, BREAKER_OF_SCOPE, 0, false}},
	{ERR_MODEL_TIMEOUT, {BREAKER_FAILED, BREAKER_OF_SCOPE, 0, false}},
	{ERR_MODEL_NETWORK, {BREAKER_FAILED, BREAKER_OF_SCOPE, 0, false}},
	{ERR_MODEL_TRUNCATED_STREAM, {BREAKER_FAILED, BREAKER_OF_SCOPE, 0, false}},
	{ERR_MODEL_STREAM_ERROR, {BREAKER_FAILED, BREAKER_OF_SCOPE, 0, false}},
	{ERR_MODEL_BAD_BODY, {BREAKER_FAILED, BREAKER_OF_SCOPE, 0, false}},
	{ERR_MODEL_EMPTY_OUTPUT, {BREAKER_HALF, BREAKER_OF_SCOPE, 0, false}},
	{ERR_MODEL_MALFORMED_TOOL_CALL, {BREAKER_HALF, BREAKER_OF_SCOPE, 0, false}},
};

struct breaker_verdict breaker_judge(const struct err *err, const struct routing_breaker *b)
{
	enum err_code code = err ? err->code : ERR_NONE;

	for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++) {
		struct breaker_verdict v = classes[i].verdict;

		if (classes[i].code != code)
			continue;
		if (v.effect == BREAKER_OPEN && v.open_ms == 0)
			v.open_ms = err->retry_after_ms > 0 ? err->retry_after_ms : b->open_ms;
		if (v.effect == BREAKER_QUOTA)
			v.open_ms = err->retry_after_ms;
		return v;
	}
	return (struct breaker_verdict){.effect = BREAKER_NEUTRAL};
}

const char *breaker_effect_name(enum breaker_effect e)
{
	static const char *const names[] = {
		[BREAKER_NEUTRAL] = "neutral", [BREAKER_CLOSED] = "closed", [BREAKER_FAILED] = "failed",
		[BREAKER_HALF] = "half",       [BREAKER_OPEN] = "open",	    [BREAKER_QUOTA] = "quota",
	};

	return names[e];
}
