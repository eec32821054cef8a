/* retry_hint.c - durations and dates as providers write them. */
#define _GNU_SOURCE	/* strptime */
#include "gateway/retry_hint.h"

#include <math.h>
#include <string.h>
#include <time.h>

#include "base/http.h"

enum { HINT_MAX_MS = 24 * 3600 * 1000 };

/* A decimal at s[*i]; advances. False: none. */
bool hint_read_decimal(struct str s, size_t *i, double *ret)
{
	double v = 0, scale = 1;
	size_t at = *i;
	bool any = false;

	for (; at < s.n && s.p[at] >= '0' && s.p[at] <= '9'; at++, any = true)
		v = v * 10 + (s.p[at] - '0');
	if (at < s.n && s.p[at] == '.')
		for (at++; at < s.n && s.p[at] >= '0' && s.p[at] <= '9'; at++, any = true)
			v = v * 10 + (s.p[at] - '0'), scale *= 10;
	if (!any)
		return false;
	*i = at;
	*ret = v / scale;	/* not a sum of tenths: 0.245 stays what it is */
	return true;
}

/* The unit at s[*i] in milliseconds; advances. 0: none. */
static double read_unit(struct str s, size_t *i)
{
	char c = *i < s.n ? s.p[*i] : '\0';

	if (c == 'm' && *i + 1 < s.n && s.p[*i + 1] == 's') {
		*i += 2;
		return 1;
	}
	*i += 1;
	return c == 'h' ? 3600e3 : c == 'm' ? 60e3 : c == 's' ? 1e3 : 0;
}

int64_t hint_whole_ms(double ms)
{
	if (isnan(ms) || ms < 0)
		return -1;
	return ms > (double)HINT_MAX_MS ? HINT_MAX_MS : (int64_t)ceil(ms);
}

int64_t go_duration_ms(struct str s)
{
	double sum = 0, value, unit;
	bool any = false;

	for (size_t i = 0; i < s.n;) {
		if (!hint_read_decimal(s, &i, &value) || (unit = read_unit(s, &i)) <= 0)
			break;
		sum += value * unit;
		any = true;
	}
	return any ? hint_whole_ms(sum) : -1;
}

/* --- headers --- */

static int64_t date_ms(struct str value, struct str now)
{
	static const char format[] = "%a, %d %b %Y %H:%M:%S GMT";
	char text[2][64];
	struct tm tm[2] = {0};
	time_t at[2];

	if (value.n >= sizeof text[0] || now.n >= sizeof text[0] || !value.p || !now.p)
		return -1;
	memcpy(text[0], value.p, value.n);
	text[0][value.n] = '\0';
	memcpy(text[1], now.p, now.n);
	text[1][now.n] = '\0';
	for (int i = 0; i < 2; i++) {
		if (!strptime(text[i], format, &tm[i]))
			return -1;
		at[i] = timegm(&tm[i]);
	}
	return hint_whole_ms(difftime(at[0], at[1]) * 1000);
}

int64_t hint_of_headers(const struct http_result *r)
{
	struct str ms = http_header_get(r, "retry-after-ms"), seconds = http_header_get(r, "retry-after");
	double value;
	size_t i = 0;

	if (hint_read_decimal(ms, &i, &value) && i == ms.n)
		return hint_whole_ms(value);
	i = 0;
	if (hint_read_decimal(seconds, &i, &value) && i == seconds.n)
		return hint_whole_ms(value * 1000);
	return date_ms(seconds, http_header_get(r, "date"));
}
