/* json_value.c - reading values, and the order of keys that makes large objects quick to read. */
#include "base/json_shape.h"

#include "base/arena.h"
#include "base/err.h"

static const char *const type_names[] = {
	[JSON_NULL] = "null",  [JSON_FALSE] = "boolean",  [JSON_TRUE] = "boolean", [JSON_INT] = "number",
	[JSON_NUM] = "number", [JSON_STRING] = "string", [JSON_ARRAY] = "array",  [JSON_OBJECT] = "object",
};

static void merge(const struct str *keys, const uint32_t *from, uint32_t *to, size_t lo, size_t mid, size_t hi,
		  int (*cmp)(struct str, struct str))
{
	size_t i = lo, j = mid;

	for (size_t k = lo; k < hi; k++) {
		if (j == hi || (i < mid && cmp(keys[from[i]], keys[from[j]]) <= 0))
			to[k] = from[i++];
		else
			to[k] = from[j++];
	}
}

/* Merge sort: stable, so that equal keys keep their written order, and never quadratic. */
const uint32_t *json_key_order(struct arena *a, const struct str *keys, size_t n,
			       int (*cmp)(struct str, struct str))
{
	uint32_t *from = arena_alloc(a, 2 * n * sizeof *from), *to = from + n;

	for (size_t i = 0; i < n; i++)
		from[i] = (uint32_t)i;
	for (size_t width = 1; width < n; width *= 2) {
		uint32_t *swap = from;

		for (size_t lo = 0; lo < n; lo += 2 * width) {
			size_t mid = lo + width < n ? lo + width : n;
			size_t hi = mid + width < n ? mid + width : n;

			merge(keys, from, to, lo, mid, hi, cmp);
		}
		from = to;
		to = swap;
	}
	return from;
}

static size_t duplicate_among_few(const struct str *keys, size_t n)
{
	for (size_t i = 1; i < n; i++)
		for (size_t j = 0; j < i; j++)
			if (str_eq(keys[i], keys[j]))
				return i;
	return n;
}

const struct json *json_object_over(struct arena *a, const struct str *keys, const struct json *const *vals,
				    size_t n, size_t *duplicate)
{
	struct json_members *m = ARENA_NEW(a, struct json_members);
	struct arena *scratch;
	const uint32_t *order;

	m->head = (struct json){.type = JSON_OBJECT, .n = json_count(n), .items = vals};
	m->keys = keys;
	if (n <= JSON_LINEAR_KEYS) {
		*duplicate = duplicate_among_few(keys, n);
		return &m->head;
	}
	*duplicate = n;
	scratch = arena_new(NULL);
	order = json_key_order(scratch, keys, n, str_cmp);
	for (size_t i = 1; i < n; i++)
		if (str_eq(keys[order[i - 1]], keys[order[i]]) && order[i] < *duplicate)
			*duplicate = order[i];
	m->order = arena_dup(a, order, n * sizeof *order);
	arena_free(scratch);
	return &m->head;
}

/* --- reading --- */

enum json_type json_type(const struct json *v)
{
	return v ? (enum json_type)v->type : JSON_NULL;
}

const char *json_type_name(const struct json *v)
{
	return type_names[json_type(v)];
}

bool json_is_true(const struct json *v)
{
	return json_type(v) == JSON_TRUE;
}

bool json_truth(const struct json *v)
{
	return json_type(v) > JSON_FALSE;
}

bool json_is_number(const struct json *v)
{
	return json_type(v) == JSON_INT || json_type(v) == JSON_NUM;
}

size_t json_len(const struct json *v)
{
	return json_type(v) >= JSON_ARRAY ? v->n : 0;
}

const struct json *json_at(const struct json *arr, size_t i)
{
	return json_type(arr) == JSON_ARRAY && i < arr->n ? arr->items[i] : NULL;
}

static const struct json *get_by_order(const struct json_members *m, struct str key)
{
	size_t lo = 0, hi = m->head.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = str_cmp(key, m->keys[m->order[mid]]);

		if (c == 0)
			return m->head.items[m->order[mid]];
		if (c < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}

const struct json *json_get(const struct json *obj, struct str key)
{
	const struct json_members *m;

	if (json_type(obj) != JSON_OBJECT)
		return NULL;
	m = json_members_of(obj);
	if (m->order)
		return get_by_order(m, key);
	for (size_t i = 0; i < obj->n; i++)
		if (str_eq(m->keys[i], key))
			return obj->items[i];
	return NULL;
}

const struct json *json_getc(const struct json *obj, const char *key)
{
	return json_get(obj, str_from(key));
}

struct str json_key(const struct json *obj, size_t i)
{
	if (json_type(obj) != JSON_OBJECT || i >= obj->n)
		return STR_NONE;
	return json_members_of(obj)->keys[i];
}

const struct json *json_val(const struct json *obj, size_t i)
{
	return json_type(obj) == JSON_OBJECT && i < obj->n ? obj->items[i] : NULL;
}

struct str json_str(const struct json *v)
{
	return json_type(v) == JSON_STRING ? (struct str){v->p, v->n} : STR_NONE;
}

struct str json_literal(const struct json *v)
{
	return json_type(v) == JSON_NUM ? (struct str){v->p, v->n} : STR_NONE;
}

static int wrong_type(const char *key, const char *expected, const struct json *got, struct err *err)
{
	if (!got)
		return err_set(err, ERR_INVALID, "\"%s\": expected %s, but it is missing", key, expected);
	if (json_type(got) == JSON_NUM)
		return err_set(err, ERR_INVALID, "\"%s\": expected %s, got %.40s", key, expected, got->p);
	return err_set(err, ERR_INVALID, "\"%s\": expected %s, got %s", key, expected, json_type_name(got));
}

int json_need_str(const struct json *obj, const char *key, struct str *ret, struct err *err)
{
	const struct json *v = json_getc(obj, key);

	if (json_type(v) != JSON_STRING)
		return wrong_type(key, "string", v, err);
	*ret = json_str(v);
	return 0;
}
