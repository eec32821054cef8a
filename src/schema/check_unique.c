/* check_unique.c - uniqueItems: items of one hash are compared; many are sorted by it first.
 *
 * Values that are equal have one hash, whatever the order of keys and the form of numbers. Who makes values of one hash on purpose
 * pays for each comparison what hashing the larger one cost.
 */
#include <stdlib.h>

#include "base/arena.h"
#include "base/json.h"
#include "schema/check.h"

enum { COMPARE_ALL = 32, COMPARISON_STEPS = 4 };

struct hashed {
	uint64_t hash;
	uint64_t cost;		/* in steps, of hashing it */
	size_t index;
};

static uint64_t mix(uint64_t h, uint64_t x)
{
	h = (h ^ x) * 0x9E3779B97F4A7C15u;
	return h ^ h >> 29;
}

static uint64_t hash_text(struct str s)
{
	uint64_t h = s.n, word;

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

	if (!check_spend(r, own_steps(v)))
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
		return mix(h, hash_text(json_str(v)));
	case JSON_ARRAY:
		for (size_t i = 0; i < json_len(v); i++)
			h = mix(h, hash_value(r, json_at(v, i)));
		return h;
	case JSON_OBJECT:
		for (size_t i = 0; i < json_len(v) && check_spend(r, key_steps(json_key(v, i))); i++)	/* a sum has no order */
			h += mix(hash_text(json_key(v, i)), hash_value(r, json_val(v, i)));
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

static bool same(struct run *r, const struct json *v, const struct hashed *x, const struct hashed *y)
{
	return x->hash == y->hash && check_spend(r, COMPARISON_STEPS + (x->cost > y->cost ? x->cost : y->cost)) &&
	       json_equal(json_at(v, x->index), json_at(v, y->index));
}

static bool fail_equal(struct run *r, const struct at *at, const struct hashed *x, const struct hashed *y)
{
	return check_fail(r, at, "uniqueItems", "items %zu and %zu are equal", x->index, y->index);
}

static bool hash_items(struct run *r, const struct json *v, struct hashed *ret)
{
	for (size_t i = 0; i < json_len(v); i++) {
		uint64_t before = r->steps, hash = hash_value(r, json_at(v, i));

		ret[i] = (struct hashed){.hash = hash, .cost = before - r->steps, .index = i};
	}
	return !r->given_up;
}

static bool check_few(struct run *r, const struct json *v, const struct at *at)
{
	struct hashed items[COMPARE_ALL];

	if (!hash_items(r, v, items))
		return false;
	for (size_t k = 1; k < json_len(v); k++)
		for (size_t i = 0; i < k; i++)
			if (same(r, v, &items[i], &items[k]))
				return fail_equal(r, at, &items[i], &items[k]);
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
	if (!hash_items(r, v, sorted))
		return false;
	qsort(sorted, n, sizeof *sorted, by_hash);
	for (size_t k = 1; k < n; k++)
		for (size_t i = k; !r->given_up && i-- > 0 && sorted[i].hash == sorted[k].hash;)
			if (same(r, v, &sorted[i], &sorted[k]))
				return fail_equal(r, at, &sorted[i], &sorted[k]);
	return !r->given_up;
}
