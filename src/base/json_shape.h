/* json_shape.h - how values lie in memory; for the json_*.c files only.
 *
 * Shapes:  a value is 16 bytes. Text of strings and literals follows in the same
 *          allocation unless it is borrowed. An object is a struct json_members
 *          whose head.items are its values; keys[i] belongs to items[i]. Objects of
 *          more than JSON_LINEAR_KEYS members carry the order of their keys, sorted
 *          bytewise, so that look-up and duplicate detection cost O(log n) a key: a
 *          sorted index, unlike a hash, gives an attacker no collisions to make.
 * Units:   n is bytes of text, items of an array, members of an object.
 * Memory:  see json.h.
 * Errors:  json_number_make() names its fault.
 * Source:  this header.
 */
#ifndef BASE_JSON_SHAPE_H
#define BASE_JSON_SHAPE_H

#include "base/json.h"

enum {
	JSON_LINEAR_KEYS = 16,
	JSON_NUMBER_BYTES = 1024,	/* longest literal */
	JSON_EXPONENT = 999,		/* largest written exponent */
	JSON_DECIMAL_TEXT = JSON_NUMBER_BYTES + 32,
};

struct json {
	uint8_t type;
	uint32_t n;
	union {
		int64_t i;
		const char *p;
		const struct json *const *items;
	};
};

struct json_members {
	struct json head;
	const struct str *keys;
	const uint32_t *order;	/* NULL up to JSON_LINEAR_KEYS */
};

/* Sign times 0.d1d2...dn times 10^point; d1 and dn are not '0'; n 0 is zero, which has no sign. */
struct json_decimal {
	bool neg;
	size_t n;
	int point;
	char d[JSON_NUMBER_BYTES];
};

/* Length of the number at the start of s, 0 if there is none. */
size_t json_number_scan(struct str s, bool *integer);
/* literal as scanned; NULL and *fault when out of bounds. */
const struct json *json_number_make(struct arena *a, struct str literal, bool integer, const char **fault);
void json_decimal_of(const struct json *v, struct json_decimal *ret);	/* v is a number */
int json_decimal_cmp(const struct json_decimal *a, const struct json_decimal *b);
size_t json_decimal_write(const struct json_decimal *d, char out[JSON_DECIMAL_TEXT]);

/* A string value with room for n bytes of text, NUL-ended; *text is to be filled. */
const struct json *json_string_room(struct arena *a, size_t n, char **text);
/* An object over keys and vals, which it keeps. *duplicate: the place of a key that was there before, else n. */
const struct json *json_object_over(struct arena *a, const struct str *keys, const struct json *const *vals,
				    size_t n, size_t *duplicate);
/* 0 ... n-1 in order of the keys by cmp; scratch lives in a. */
const uint32_t *json_key_order(struct arena *a, const struct str *keys, size_t n,
			       int (*cmp)(struct str, struct str));
uint32_t json_count(size_t n);	/* a length a value can carry, or the end of the process */

static inline const struct json_members *json_members_of(const struct json *v)
{
	return (const struct json_members *)(const void *)v;
}

#endif
