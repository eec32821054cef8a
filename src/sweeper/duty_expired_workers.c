/* duty_expired_workers.c - tasks of workers whose lease ran out go back to the queue (R9). */
#include "base/arena.h"
#include "base/json.h"
#include "config/settings.h"
#include "sweeper/sweep.h"

static int64_t period(const struct settings *s)
{
	return s->sweeper.interval_ms;
}

const struct duty duty_expired_workers = {
	.name = "expired_workers",
	.bound = 200,
	.period_ms = period,
};
