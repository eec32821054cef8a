/* verdict.c - see verdict.h. */
#include "notify/verdict.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/retry_after.h"
#include "config/webhook.h"

static struct str reason(struct arena *a, const struct answer *r)
{
	if (r->status >= 300 && r->status < 400)
		return str_from(arena_printf(a, "answered %d: redirects are not followed", r->status));
	if (r->status)
		return str_from(arena_printf(a, "answered %d", r->status));
	return str_from(arena_strdup(a, r->err->msg));
}

/* The head of an answer is its word: what came behind it, or did not, changes nothing. */
struct verdict verdict_of(struct arena *a, const struct webhook_settings *w, const struct answer *r)
{
	struct verdict v = {.outcome = DELIVERY_DELIVERED};
	int64_t asked;

	if (r->status >= 200 && r->status < 300)
		return v;
	v.error = reason(a, r);
	if (r->status == 410 || r->tries < 1 || (size_t)r->tries > w->n_retry) {
		v.outcome = DELIVERY_FAILED;
		return v;
	}
	v.outcome = DELIVERY_AGAIN;
	v.delay_ms = w->retry_ms[r->tries - 1];
	asked = retry_after_ms(r->retry_after);
	asked = r->asked_ms > asked ? r->asked_ms : asked;
	v.delay_ms = asked > v.delay_ms ? asked : v.delay_ms;
	v.delay_ms += (int64_t)(r->dice % (uint32_t)(v.delay_ms / 10 + 1));
	return v;
}
