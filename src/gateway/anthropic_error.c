/* anthropic_error.c - see anthropic_error.h. */
#include "gateway/anthropic_error.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/http.h"
#include "gateway/refusal.h"
#include "gateway/retry_hint.h"

static const char *const limits[] = {"requests", "tokens", "input-tokens", "output-tokens"};

static struct str limit_header(struct arena *a, const struct http_result *r, const char *limit, const char *what)
{
	return http_header_get(r, arena_printf(a, "anthropic-ratelimit-%s-%s", limit, what));
}

/* Until the last of the limits that are used up. -1: none is, or no header tells when. */
static int64_t reset_hint_ms(struct arena *a, const struct http_result *r)
{
	int64_t now_ms, until_us, longest = -1;

	if (!hint_read_date(http_header_get(r, "date"), &now_ms))
		return -1;
	for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
		int64_t ms;

		if (!str_is(limit_header(a, r, limits[i], "remaining"), "0") ||
		    !time_parse(limit_header(a, r, limits[i], "reset"), &until_us))
			continue;
		ms = hint_whole_ms((double)(until_us - now_ms * 1000) / 1000);
		longest = ms > longest ? ms : longest;
	}
	return longest;
}

int anthropic_error_of_answer(struct arena *a, const struct http_result *r, struct err *err)
{
	int64_t hint;

	refusal_of_answer(a, r, err);
	if (err && err->code == ERR_MODEL_RATE_LIMITED && err->retry_after_ms == 0 && (hint = reset_hint_ms(a, r)) > 0)
		err->retry_after_ms = (int)hint;
	return -1;
}
