/* check_unique.c - uniqueItems: few items are compared each with each, many are sorted by a hash first.
 *
 * Values that are equal have one hash, whatever the order of keys and the form of numbers. Who makes values of one hash on purpose
 * pays for each comparison.
 */
#include <stdlib.h>

#include "base/arena.h"
#include "base/json.h"
#include "schema/check.h"

enum { COMPARE_ALL = 32, COMPARISON_STEPS = 4, BYTES_PER_STEP = 16 };

struct hashed {
	uint64_t hash;
	size_t index;
};

static uint64_t mix(uint64_t h, uint64_t x)
{
	h = (h ^ x) * 0x9E3779B97F4A7C15u;
	return h ^ h >> 29;
}

static uint64_t hash_text(struct run *r, struct str s)
{
	uint64_t h = s.n, word;

	check_spend(r, s.n / BYTES_PER_STEP);
	for (size_t i = 0; i < s.n; i += 8) {
		word = 0;
		memcpy(&word, s.p + i, s.n - i < 8 ? s.n - i : 8);
		h = mix(h, word);
	}
	return mix(h, h >> 32);
}

static uint64_t hash_number(const struct json *v)
{
	double d = json_to_double(v) + 0.0;	/* -0 is 0 */
	uint64_t bits;

	memcpy(&bits, &d, sizeof bits);
	return mix(JSON_NUM, bits);
}

/* Recursion is bounded by the depth of values. */
static uint64_t hash_value(struct run *r, const struct json *v)
{
	uint64_t h = json_type(v) + 1;

	if (!check_spend(r, 1))
		return 0;
	switch (json_type(v)) {
	case JSON_NULL:
	case JSON_FALSE:
	case JSON_TRUE:
		return mix(h, h);
	case JSON_INT:
	case JSON_NUM:
		return hash_number(v);
	case JSON_STRING:
		return mix(h, hash_text(r, json_str(v)));
	case JSON_ARRAY:
		for (size_t i = 0; i < json_len(v); i++)
			h = mix(h, hash_value(r, json_at(v, i)));
		return h;
	case JSON_OBJECT:
		for (size_t i = 0; i < json_len(v); i++)	/* a sum has no order */
			h += mix(hash_text(r, json_key(v, i)), hash_value(r, json_val(v, i)));
		return h;
	}
	return h;
}

static int by_hash(const void *a, const void *b)
{
	const struct hashed *x = a, *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return (x->index > y->index) - (x->index < y->index);
}

static bool same(struct run *r, const struct json *v, size_t i, size_t k)
{
	return check_spend(r, COMPARISON_STEPS) && json_equal(json_at(v, i), json_at(v, k));
}

static bool fail_equal(struct run *r, const struct at *at, size_t i, size_t k)
{
	return check_fail(r, at, "uniqueItems", "items %zu and %zu are equal", i, k);
}

static bool check_few(struct run *r, const struct json *v, const struct at *at)
{
	for (size_t k = 1; k < json_len(v); k++)
		for (size_t i = 0; i < k; i++)
			if (same(r, v, i, k))
				return fail_equal(r, at, i, k);
	return !r->given_up;
}

bool check_unique(struct run *r, const struct json *v, const struct at *at)
{
	size_t n = json_len(v);
	struct hashed *sorted;

	if (n <= COMPARE_ALL)
		return check_few(r, v, at);
	if (!check_spend(r, n))
		return false;
	sorted = ARENA_ARRAY(check_scratch(r), n, struct hashed);
	for (size_t i = 0; i < n; i++)
		sorted[i] = (struct hashed){hash_value(r, json_at(v, i)), i};
	if (r->given_up)
		return false;
	qsort(sorted, n, sizeof *sorted, by_hash);
	for (size_t k = 1; k < n; k++)
		for (size_t i = k; i-- > 0 && sorted[i].hash == sorted[k].hash;)
			if (same(r, v, sorted[i].index, sorted[k].index))
				return fail_equal(r, at, sorted[i].index, sorted[k].index);
	return !r->given_up;
}
