/* range.c - see range.h. */
#include "web/range.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

/* Digits; a number that is too large is as good as the largest. */
static bool read_number(const char **at, uint64_t *ret)
{
	const char *p = *at;
	uint64_t n = 0;

	for (; isdigit((unsigned char)*p); p++) {
		uint64_t digit = (uint64_t)(*p - '0');

		n = n > (UINT64_MAX - digit) / 10 ? UINT64_MAX : n * 10 + digit;
	}
	if (p == *at)
		return false;
	*at = p;
	*ret = n;
	return true;
}

enum range range_read(const char *header, uint64_t size, uint64_t *ret_first, uint64_t *ret_n)
{
	uint64_t first = 0, last = UINT64_MAX, n;
	const char *p = header;
	bool has_first, has_last;

	if (!p || strncasecmp(p, "bytes=", 6) != 0)
		return RANGE_WHOLE;
	p += 6;
	has_first = read_number(&p, &first);
	if (*p++ != '-')
		return RANGE_WHOLE;
	has_last = read_number(&p, &last);
	p += strspn(p, " \t");
	if (*p || (!has_first && !has_last) || (has_first && has_last && last < first))
		return RANGE_WHOLE;
	if (has_first) {
		if (first >= size)
			return RANGE_UNSATISFIABLE;
		n = last < size ? last - first + 1 : size - first;
	} else {
		if (last == 0 || size == 0)
			return RANGE_UNSATISFIABLE;
		n = last < size ? last : size;
		first = size - n;
	}
	*ret_first = first;
	*ret_n = n;
	return RANGE_PART;
}
