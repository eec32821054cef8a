/* duty_expired_holds.c - reservations of dead callers are settled at their amount. */
#include "base/arena.h"
#include "base/json.h"
#include "config/settings.h"
#include "sweeper/sweep.h"

static int64_t period(const struct settings *s)
{
	return s->sweeper.interval_ms;
}

const struct duty duty_expired_holds = {
	.name = "expired_holds",
	.bound = 500,
	.period_ms = period,
};
