/* json_order.c - equality and jq's total order.
 *
 * Numbers compare by their exact values, whatever their form: the order would not be one if some
 * pairs met as integers and others as doubles (2^53 < 2^53+1, but both equal 9007199254740992.0).
 */
#include "base/json_shape.h"

#include "base/arena.h"

/* Apart, as every call would clear its two kilobytes. */
static __attribute__((noinline)) int cmp_literals(const struct json *a, const struct json *b)
{
	struct json_decimal da, db;

	json_decimal_of(a, &da);
	json_decimal_of(b, &db);
	return json_decimal_cmp(&da, &db);
}

static int cmp_numbers(const struct json *a, const struct json *b)
{
	if (a->type == JSON_INT && b->type == JSON_INT)
		return (a->i > b->i) - (a->i < b->i);
	return cmp_literals(a, b);
}

/* false, true and null are distinct ranks; the two forms of numbers are one. */
static int rank(const struct json *v)
{
	return json_type(v) == JSON_NUM ? JSON_INT : (int)json_type(v);
}

static bool equal_members(const struct json *a, const struct json *b)
{
	for (size_t i = 0; i < a->n; i++) {
		struct str key = json_key(a, i);
		/* Two objects made alike have their keys in the same places. */
		const struct json *other = str_eq(key, json_key(b, i)) ? b->items[i] : json_get(b, key);

		if (!other || !json_equal(a->items[i], other))
			return false;
	}
	return true;
}

bool json_equal(const struct json *a, const struct json *b)
{
	if (a == b)
		return true;
	if (rank(a) != rank(b))
		return false;
	switch (json_type(a)) {
	case JSON_NULL:
	case JSON_FALSE:
	case JSON_TRUE:
		return true;
	case JSON_INT:
	case JSON_NUM:
		return cmp_numbers(a, b) == 0;
	case JSON_STRING:
		return str_eq(json_str(a), json_str(b));
	case JSON_OBJECT:
		return a->n == b->n && equal_members(a, b);
	case JSON_ARRAY:
		break;
	}
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!json_equal(a->items[i], b->items[i]))
			return false;
	return true;
}

static int cmp_items(const struct json *a, const struct json *b)
{
	for (size_t i = 0; i < a->n && i < b->n; i++) {
		int c = json_cmp(a->items[i], b->items[i]);

		if (c != 0)
			return c;
	}
	return (a->n > b->n) - (a->n < b->n);
}

static const uint32_t *order_of(struct arena *scratch, const struct json *v)
{
	const struct json_members *m = json_members_of(v);

	return m->order ? m->order : json_key_order(scratch, m->keys, v->n, str_cmp);
}

/* First the sorted keys like arrays, then the values in that order. */
static int cmp_members(const struct json *a, const struct json *b)
{
	struct arena *scratch = arena_new(NULL);
	const uint32_t *oa = order_of(scratch, a), *ob = order_of(scratch, b);
	int c = 0;

	for (size_t i = 0; c == 0 && i < a->n && i < b->n; i++)
		c = str_cmp(json_key(a, oa[i]), json_key(b, ob[i]));
	if (c == 0)
		c = (a->n > b->n) - (a->n < b->n);
	for (size_t i = 0; c == 0 && i < a->n; i++)
		c = json_cmp(a->items[oa[i]], b->items[ob[i]]);
	arena_free(scratch);
	return c;
}

int json_cmp(const struct json *a, const struct json *b)
{
	int ra = rank(a), rb = rank(b);

	if (a == b)
		return 0;
	if (ra != rb)
		return ra < rb ? -1 : 1;
	switch (json_type(a)) {
	case JSON_NULL:
	case JSON_FALSE:
	case JSON_TRUE:
		return 0;
	case JSON_INT:
	case JSON_NUM:
		return cmp_numbers(a, b);
	case JSON_STRING:
		return str_cmp(json_str(a), json_str(b));
	case JSON_ARRAY:
		return cmp_items(a, b);
	case JSON_OBJECT:
		break;
	}
	return cmp_members(a, b);
}
