/* duty_approvals.c - requests that nobody decided in time expire, and their tasks go on. */
#include "base/arena.h"
#include "base/json.h"
#include "config/settings.h"
#include "sweeper/sweep.h"

static int64_t period(const struct settings *s)
{
	return s->sweeper.interval_ms;
}

const struct duty duty_approvals = {
	.name = "approvals",
	.bound = 500,
	.period_ms = period,
};
