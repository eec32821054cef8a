/* counts.c - see counts.h. */
#include "gateway/counts.h"

#include "base/json.h"

enum { MOST_TOKENS = 1000000000 };	/* more in one answer is a broken counter */

int count_read(const struct json *obj, const char *key, int64_t *ret)
{
	const struct json *v = json_getc(obj, key);
	struct str digits = json_str(v);
	int64_t n = 0;

	*ret = 0;
	if (digits.n > 0) {
		for (size_t i = 0; i < digits.n; i++) {
			if (digits.p[i] < '0' || digits.p[i] > '9' || n > MOST_TOKENS)
				return -1;
			n = n * 10 + (digits.p[i] - '0');
		}
	} else if (json_type(v) == JSON_NULL) {
		return 0;
	} else if (!json_to_int(v, &n)) {
		return -1;
	}
	if (n < 0 || n > MOST_TOKENS)
		return -1;
	*ret = n;
	return 1;
}

int64_t count_rest(int64_t whole, int64_t part)
{
	return whole > part ? whole - part : 0;
}
