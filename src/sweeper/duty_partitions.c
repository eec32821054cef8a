/* duty_partitions.c - partitions of the coming three months exist. */
#include "base/arena.h"
#include "base/json.h"
#include "config/settings.h"
#include "sweeper/sweep.h"

static int64_t period(const struct settings *s)
{
	(void)s;
	return INT64_C(6) * 3600 * 1000;
}

const struct duty duty_partitions = {
	.name = "partitions",
	.bound = 1000,
	.period_ms = period,
};
