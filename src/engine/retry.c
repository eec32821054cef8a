/* retry.c - policy, error, try and chance in; a delay or a stop out. */
#include "engine/retry.h"

#include "base/json.h"
#include "config/workflow.h"

bool retry_type_fits(struct str type, struct str pattern)
{
	if (str_ends(pattern, STR(".*")))
		return str_starts(type, str_sub(pattern, 0, pattern.n - 1));
	return str_eq(type, pattern);
}

static bool is_listed(const struct retry_policy *p, struct str type)
{
	if (!p->on)
		return true;
	for (size_t i = 0; i < p->n_on; i++)
		if (retry_type_fits(type, p->on[i]))
			return true;
	return false;
}

/* The longest wait before try try_no + 1. */
static int64_t bound_ms(const struct retry_policy *p, int try_no)
{
	int64_t d = p->delay_ms;

	if (!p->exponential)
		return d < p->cap_ms ? d : p->cap_ms;
	for (int i = 1; i < try_no && d < p->cap_ms; i++)
		d *= 2;
	return d < p->cap_ms ? d : p->cap_ms;
}

bool retry_decide(const struct retry_policy *p, const struct json *error, int try_no, int retry_after_ms,
		  uint64_t random, int64_t *ret_delay_ms)
{
	int64_t bound, delay, hint = retry_after_ms;

	if (try_no > p->max || !json_is_true(json_getc(error, "retryable")))
		return false;
	if (!is_listed(p, json_str(json_getc(error, "type"))))
		return false;
	bound = bound_ms(p, try_no);
	delay = bound > 0 ? (int64_t)(random % (uint64_t)(bound + 1)) : 0;
	if (hint > p->cap_ms)
		hint = p->cap_ms;
	*ret_delay_ms = delay > hint ? delay : hint;
	return true;
}

enum { REQUEUE_MS = 30 * 1000, REQUEUE_MAX_MS = 15 * 60 * 1000 };

int64_t retry_requeue_ms(int n, int64_t again_ms, uint64_t random)
{
	int64_t ms = REQUEUE_MS;

	if (again_ms > 0)
		return again_ms + (int64_t)(random % (uint64_t)(again_ms / 10 + 1));
	for (int i = 0; i < n && ms < REQUEUE_MAX_MS; i++)
		ms *= 2;
	if (ms > REQUEUE_MAX_MS)
		ms = REQUEUE_MAX_MS;
	return ms / 2 + (int64_t)(random % (uint64_t)(ms / 2 + 1));
}
