/* retry_after.c - see retry_after.h. */
#define _GNU_SOURCE /* strptime */
#include "base/retry_after.h"

#include <stdlib.h>
#include <time.h>

#include "base/arena.h"
#include "base/clock.h"

enum { MAX_S = 24 * 60 * 60 };

int64_t retry_after_ms(struct str header)
{
	struct arena *scratch = arena_new(NULL);
	const char *s = str_cstr(scratch, str_trim(header));
	struct tm tm = {0};
	char *end;
	int64_t seconds = strtoll(s, &end, 10);

	if (end == s || *end) {
		end = strptime(s, "%a, %d %b %Y %H:%M:%S GMT", &tm);
		seconds = end && !*end ? (int64_t)timegm(&tm) - clock_wall_us() / 1000000 : 0;
	}
	arena_free(scratch);
	seconds = seconds > MAX_S ? MAX_S : seconds;
	return seconds > 0 ? seconds * 1000 : 0;
}
