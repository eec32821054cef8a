/* duty_retention.c - old terminal tasks, idempotency keys and worker rows go when their time is over. */
#include "base/arena.h"
#include "base/json.h"
#include "config/settings.h"
#include "sweeper/sweep.h"

static int64_t period(const struct settings *s)
{
	(void)s;
	return INT64_C(10) * 60 * 1000;
}

static const struct json *args(struct arena *a, const struct settings *s)
{
	struct json_builder b;

	json_object_begin(&b, a);
	json_object_setc(&b, "retain_short_ms", json_int(a, s->sweeper.retain_short_ms));
	json_object_setc(&b, "retain_long_ms", json_int(a, s->sweeper.retain_long_ms));
	json_object_setc(&b, "idempotency_ms", json_int(a, s->sweeper.idempotency_ms));
	return json_object_end(&b);
}

const struct duty duty_retention = {
	.name = "retention",
	.bound = 500,
	.period_ms = period,
	.args = args,
};
