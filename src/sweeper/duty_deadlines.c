/* duty_deadlines.c - tasks that wait past their wall budget or deadline become expired. */
#include "base/arena.h"
#include "base/json.h"
#include "config/settings.h"
#include "sweeper/sweep.h"

static int64_t period(const struct settings *s)
{
	return s->sweeper.interval_ms;
}

const struct duty duty_deadlines = {
	.name = "deadlines",
	.bound = 500,
	.period_ms = period,
};
