/* json_make.c - making values, building them piece by piece, copying them. */
#include "base/json_shape.h"

#include "base/arena.h"
#include "base/err.h"

static const struct json the_null = {.type = JSON_NULL};
static const struct json the_false = {.type = JSON_FALSE};
static const struct json the_true = {.type = JSON_TRUE};
static const struct json the_empty_array = {.type = JSON_ARRAY};
static const struct json_members the_empty_object = {.head = {.type = JSON_OBJECT}};

uint32_t json_count(size_t n)
{
	if (n > UINT32_MAX)
		fatal("a JSON value of length %zu", n);
	return (uint32_t)n;
}

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

const struct json *json_string_in(struct json_room *room, struct str s)
{
	struct json *v = (struct json *)(void *)room;

	_Static_assert(sizeof *room >= sizeof *v && _Alignof(struct json_room) >= _Alignof(struct json), "a value fits");
	*v = (struct json){.type = JSON_STRING, .n = json_count(s.n), .p = str_chars(s)};
	return v;
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

void json_object_begin_room(struct json_builder *b, struct arena *a, size_t cap)
{
	cap = cap ? cap : 1;
	*b = (struct json_builder){.a = a};
	b->keys = ARENA_ARRAY(a, cap, struct str);
	b->vals = ARENA_ARRAY(a, cap, const struct json *);
	b->cap = cap;
}

void json_object_begin(struct json_builder *b, struct arena *a)
{
	json_object_begin_room(b, a, BUILDER_FIRST);
}

void json_object_begin_from(struct json_builder *b, struct arena *a, const struct json *obj)
{
	size_t n = json_type(obj) == JSON_OBJECT ? obj->n : 0;

	json_object_begin_room(b, a, n + BUILDER_FIRST);
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
