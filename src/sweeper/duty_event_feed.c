/* duty_event_feed.c - the feed of all tasks' events is kept for ten minutes. */
#include "base/arena.h"
#include "base/json.h"
#include "config/settings.h"
#include "sweeper/sweep.h"

static int64_t period(const struct settings *s)
{
	return s->sweeper.interval_ms;
}

const struct duty duty_event_feed = {
	.name = "event_feed",
	.bound = 10000,
	.period_ms = period,
};
