/* duty_due_timers.c - timers that are due become ready, also while every worker is busy or away. */
#include "base/arena.h"
#include "base/json.h"
#include "config/settings.h"
#include "sweeper/sweep.h"

static int64_t period(const struct settings *s)
{
	return s->sweeper.interval_ms;
}

const struct duty duty_due_timers = {
	.name = "due_timers",
	.bound = 500,
	.period_ms = period,
};
