/* duty_expired_workers.c - tasks of workers whose lease ran out go back to the queue, those
 * that lose every worker to quarantine. */
#include "base/arena.h"
#include "base/json.h"
#include "config/settings.h"
#include "sweeper/sweep.h"

static int64_t period(const struct settings *s)
{
	return s->sweeper.interval_ms;
}

static const struct json *args(struct arena *a, const struct settings *s)
{
	struct json_builder b;

	json_object_begin(&b, a);
	json_object_setc(&b, "recoveries", json_int(a, s->sweeper.max_recoveries));
	return json_object_end(&b);
}

const struct duty duty_expired_workers = {
	.name = "expired_workers",
	.bound = 200,
	.period_ms = period,
	.args = args,
};
