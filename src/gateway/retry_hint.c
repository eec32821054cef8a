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

bool hint_read_date(struct str s, int64_t *ret_ms)
{
	char text[64];
	struct tm tm = {0};

	if (s.n == 0 || s.n >= sizeof text)
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	if (!strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm))
		return false;
	*ret_ms = (int64_t)timegm(&tm) * 1000;
	return true;
}

int64_t hint_of_headers(const struct http_result *r)
{
	struct str ms = http_header_get(r, "retry-after-ms"), seconds = http_header_get(r, "retry-after");
	int64_t until_ms, now_ms;
	double value;
	size_t i = 0;

	if (hint_read_decimal(ms, &i, &value) && i == ms.n)
		return hint_whole_ms(value);
	i = 0;
	if (hint_read_decimal(seconds, &i, &value) && i == seconds.n)
		return hint_whole_ms(value * 1000);
	if (!hint_read_date(seconds, &until_ms) || !hint_read_date(http_header_get(r, "date"), &now_ms))
		return -1;
	return hint_whole_ms((double)(until_ms - now_ms));
}
