/* json_value.c - reading and making values. */
#include "base/json_shape.h"

#include "base/arena.h"
#include "base/err.h"

static const struct json the_null = {.type = JSON_NULL};
static const struct json the_false = {.type = JSON_FALSE};
static const struct json the_true = {.type = JSON_TRUE};
static const struct json the_empty_array = {.type = JSON_ARRAY};
static const struct json_members the_empty_object = {.head = {.type = JSON_OBJECT}};

static const char *const type_names[] = {
	[JSON_NULL] = "null",  [JSON_FALSE] = "boolean",  [JSON_TRUE] = "boolean", [JSON_INT] = "number",
	[JSON_NUM] = "number", [JSON_STRING] = "string", [JSON_ARRAY] = "array",  [JSON_OBJECT] = "object",
};

uint32_t json_count(size_t n)
{
	if (n > UINT32_MAX)
		fatal("a JSON value of length %zu", n);
	return (uint32_t)n;
}

/* --- the order of keys --- */

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

int json_need_int(const struct json *obj, const char *key, int64_t *ret, struct err *err)
{
	const struct json *v = json_getc(obj, key);

	if (!json_to_int(v, ret))
		return wrong_type(key, "integer", v, err);
	return 0;
}

/* --- making --- */

const struct json *json_null(void)
{
	return &the_null;
}

const struct json *json_bool(bool b)
{
	return b ? &the_true : &the_false;
}

const struct json *json_int(struct arena *a, int64_t i)
{
	struct json *v = arena_alloc(a, sizeof *v);

	*v = (struct json){.type = JSON_INT, .i = i};
	return v;
}

const struct json *json_string_room(struct arena *a, size_t n, char **text)
{
	struct json *v = arena_alloc(a, sizeof *v + n + 1);

	*text = (char *)(v + 1);
	(*text)[n] = '\0';
	*v = (struct json){.type = JSON_STRING, .n = json_count(n), .p = *text};
	return v;
}

const struct json *json_string_ref(struct arena *a, struct str s)
{
	struct json *v = arena_alloc(a, sizeof *v);

	*v = (struct json){.type = JSON_STRING, .n = json_count(s.n), .p = s.p ? s.p : ""};
	return v;
}

static size_t clean_prefix(struct str s)
{
	struct str valid = {s.p, utf8_prefix(s)};
	ptrdiff_t nul = str_chr(valid, '\0');

	return nul < 0 ? valid.n : (size_t)nul;
}

const struct json *json_string_clean(struct arena *a, struct str bytes)
{
	size_t n = 0, clean;
	struct str rest = bytes;
	const struct json *v;
	char *text;

	while ((clean = clean_prefix(rest)) < rest.n) {
		n += clean + 3;
		rest = str_sub(rest, clean + 1, rest.n);
	}
	v = json_string_room(a, n + rest.n, &text);
	for (rest = bytes; (clean = clean_prefix(rest)) < rest.n; rest = str_sub(rest, clean + 1, rest.n)) {
		memcpy(text, rest.p, clean);
		memcpy(text + clean, "\xef\xbf\xbd", 3);
		text += clean + 3;
	}
	if (rest.n)
		memcpy(text, rest.p, rest.n);
	return v;
}

/* A caller that broke the contract gets a replacement character, never a value the database refuses. */
const struct json *json_string(struct arena *a, struct str s)
{
	return json_string_clean(a, s);
}

const struct json *json_stringc(struct arena *a, const char *cstr)
{
	return json_string(a, str_from(cstr));
}

static const struct json *array_over(struct arena *a, const struct json *const *items, size_t n)
{
	struct json *v = arena_alloc(a, sizeof *v);

	*v = (struct json){.type = JSON_ARRAY, .n = json_count(n), .items = items};
	return v;
}

const struct json *json_array(struct arena *a, const struct json *const *items, size_t n)
{
	const struct json **table;

	if (n == 0)
		return &the_empty_array;
	table = ARENA_ARRAY(a, n, const struct json *);
	for (size_t i = 0; i < n; i++)
		table[i] = items[i] ? items[i] : &the_null;
	return array_over(a, table, n);
}

const struct json *json_empty_array(void)
{
	return &the_empty_array;
}

const struct json *json_empty_object(void)
{
	return &the_empty_object.head;
}

/* --- the builder --- */

enum { BUILDER_FIRST = 8 };

static void grow(struct json_builder *b, size_t cap)
{
	const struct json **vals = ARENA_ARRAY(b->a, cap, const struct json *);

	if (b->n)
		memcpy(vals, b->vals, b->n * sizeof *vals);
	b->vals = vals;
	if (b->keys) {
		struct str *keys = ARENA_ARRAY(b->a, cap, struct str);

		if (b->n)
			memcpy(keys, b->keys, b->n * sizeof *keys);
		b->keys = keys;
	}
	b->cap = cap;
}

void json_array_begin(struct json_builder *b, struct arena *a)
{
	*b = (struct json_builder){.a = a};
}

void json_array_add(struct json_builder *b, const struct json *v)
{
	if (b->n == b->cap)
		grow(b, b->cap ? b->cap * 2 : BUILDER_FIRST);
	b->vals[b->n++] = v ? v : &the_null;
}

const struct json *json_array_end(struct json_builder *b)
{
	const struct json *v = b->n ? array_over(b->a, b->vals, b->n) : &the_empty_array;

	json_array_begin(b, b->a);
	return v;
}

static void begin_with(struct json_builder *b, struct arena *a, size_t cap)
{
	*b = (struct json_builder){.a = a};
	b->keys = ARENA_ARRAY(a, cap, struct str);
	b->vals = ARENA_ARRAY(a, cap, const struct json *);
	b->cap = cap;
}

void json_object_begin(struct json_builder *b, struct arena *a)
{
	begin_with(b, a, BUILDER_FIRST);
}

void json_object_begin_from(struct json_builder *b, struct arena *a, const struct json *obj)
{
	size_t n = json_type(obj) == JSON_OBJECT ? obj->n : 0;

	begin_with(b, a, n + BUILDER_FIRST);
	if (n) {
		memcpy(b->keys, json_members_of(obj)->keys, n * sizeof *b->keys);
		memcpy(b->vals, obj->items, n * sizeof *b->vals);
		b->n = n;
	}
}

/* Keys set more than once: the last value moves to the place of the first. Done when the table
 * is full and at the end, so that setting n keys costs O(n log n). */
static void fold(struct json_builder *b)
{
	struct arena *scratch = arena_new(NULL);
	const uint32_t *order = json_key_order(scratch, b->keys, b->n, str_cmp);
	size_t n = 0;

	for (size_t i = 0, j; i < b->n; i = j) {
		for (j = i + 1; j < b->n && str_eq(b->keys[order[i]], b->keys[order[j]]); j++)
			;
		b->vals[order[i]] = b->vals[order[j - 1]];
		for (size_t k = i + 1; k < j; k++)
			b->vals[order[k]] = NULL;
	}
	for (size_t i = 0; i < b->n; i++) {
		if (!b->vals[i])
			continue;
		b->keys[n] = b->keys[i];
		b->vals[n++] = b->vals[i];
	}
	b->n = n;
	arena_free(scratch);
}

void json_object_set(struct json_builder *b, struct str key, const struct json *v)
{
	if (!v)
		v = &the_null;
	for (size_t i = 0; b->n <= JSON_LINEAR_KEYS && i < b->n; i++) {
		if (str_eq(b->keys[i], key)) {
			b->vals[i] = v;
			return;
		}
	}
	if (b->n == b->cap) {
		if (b->n > JSON_LINEAR_KEYS)
			fold(b);
		if (b->n > b->cap / 2)
			grow(b, b->cap * 2);
	}
	b->keys[b->n] = key;
	b->vals[b->n++] = v;
}

void json_object_setc(struct json_builder *b, const char *literal_key, const struct json *v)
{
	json_object_set(b, str_from(literal_key), v);
}

const struct json *json_object_end(struct json_builder *b)
{
	const struct json *v = &the_empty_object.head;
	size_t duplicate;

	if (b->n > JSON_LINEAR_KEYS)
		fold(b);
	if (b->n)
		v = json_object_over(b->a, b->keys, b->vals, b->n, &duplicate);
	json_array_begin(b, b->a);
	return v;
}

/* --- copying --- */

static const struct json *copy_text(struct arena *a, const struct json *v)
{
	struct json *copy = arena_alloc(a, sizeof *copy + v->n + 1);
	char *text = (char *)(copy + 1);

	memcpy(text, v->p, v->n);
	text[v->n] = '\0';
	*copy = (struct json){.type = v->type, .n = v->n, .p = text};
	return copy;
}

static const struct json *copy_members(struct arena *a, const struct json *v, const struct json *const *items)
{
	const struct json_members *from = json_members_of(v);
	struct json_members *m = ARENA_NEW(a, struct json_members);
	struct str *keys = ARENA_ARRAY(a, v->n, struct str);

	for (size_t i = 0; i < v->n; i++)
		keys[i] = str_dup(a, from->keys[i]);
	m->head = (struct json){.type = JSON_OBJECT, .n = v->n, .items = items};
	m->keys = keys;
	if (from->order)
		m->order = arena_dup(a, from->order, v->n * sizeof *from->order);
	return &m->head;
}

const struct json *json_copy(struct arena *a, const struct json *v)
{
	const struct json **items;

	switch (json_type(v)) {
	case JSON_NULL:
		return &the_null;
	case JSON_FALSE:
		return &the_false;
	case JSON_TRUE:
		return &the_true;
	case JSON_INT:
		return json_int(a, v->i);
	case JSON_NUM:
	case JSON_STRING:
		return copy_text(a, v);
	case JSON_ARRAY:
	case JSON_OBJECT:
		break;
	}
	if (v->n == 0)
		return v->type == JSON_ARRAY ? &the_empty_array : &the_empty_object.head;
	items = ARENA_ARRAY(a, v->n, const struct json *);
	for (size_t i = 0; i < v->n; i++)
		items[i] = json_copy(a, v->items[i]);
	return v->type == JSON_ARRAY ? array_over(a, items, v->n) : copy_members(a, v, items);
}
