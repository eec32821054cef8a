/* expr_object.c - members: keys, has, in, entries, contains, length, type. */
#include <math.h>

#include "base/arena.h"
#include "config/expr_eval.h"

static const struct json *length(struct eval *ev, const struct json *in, const struct json *const *args)
{
	struct eval_shown room;
	int64_t i;

	(void)args;
	switch (json_type(in)) {
	case JSON_NULL:
		return eval_int(ev, 0);
	case JSON_STRING:
		return eval_work(ev, json_str(in).n) ? eval_int(ev, (int64_t)utf8_len(json_str(in))) : NULL;
	case JSON_ARRAY:
	case JSON_OBJECT:
		return eval_int(ev, (int64_t)json_len(in));
	case JSON_INT:
		json_to_int(in, &i);
		return i < 0 ? eval_negate(ev, in) : in;
	case JSON_NUM:
		return eval_double(ev, fabs(json_to_double(in)));
	default:
		return eval_raise(ev, "%s has no length", eval_describe(&room, in));
	}
}

static const struct json *type(struct eval *ev, const struct json *in, const struct json *const *args)
{
	(void)args;
	return eval_string_at(ev, str_from(json_type_name(in)));
}

/* Sorting is what `sort` does: keys are compared bytewise, which is the order of code points. */
static const struct json *keys(struct eval *ev, const struct json *in, const struct json *const *args)
{
	static const struct expr_node no_arguments = {.kind = EXPR_CALL};
	bool object = json_type(in) == JSON_OBJECT;
	size_t base = ev->top;
	const struct json *v;
	struct eval_shown room;

	(void)args;
	if (json_type(in) < JSON_ARRAY)
		return eval_raise(ev, "%s has no keys", eval_describe(&room, in));
	for (size_t i = 0; i < json_len(in); i++) {
		v = object ? eval_string_at(ev, json_key(in, i)) : eval_int(ev, (int64_t)i);
		if (!v) {
			ev->top = base;
			return NULL;
		}
		eval_push(ev, v);
	}
	v = eval_array(ev, ev->stack + base, ev->top - base);
	ev->top = base;
	if (!v || !object)
		return v;
	if (expr_builtin_find(STR("sort"), 0)->stream(ev, &no_arguments, v, 1) < 0)
		return NULL;
	return ev->stack[--ev->top];
}

static const struct json *has_key(struct eval *ev, const struct json *in, const struct json *key)
{
	struct eval_shown room;

	if (json_type(in) == JSON_NULL)
		return json_bool(false);
	if (json_type(in) == JSON_OBJECT && json_type(key) == JSON_STRING)
		return json_bool(json_get(in, json_str(key)) != NULL);
	if (json_type(in) == JSON_ARRAY && json_is_number(key)) {
		double d = json_to_double(key);

		return json_bool(d >= 0 && d < (double)json_len(in));
	}
	return eval_raise(ev, "cannot check whether %s has the key %s", json_type_name(in), eval_describe(&room, key));
}

static const struct json *has(struct eval *ev, const struct json *in, const struct json *const *args)
{
	return has_key(ev, in, args[0]);
}

static const struct json *in_object(struct eval *ev, const struct json *in, const struct json *const *args)
{
	return has_key(ev, args[0], in);
}

/* --- entries --- */

static const struct json *entry(struct eval *ev, const struct json *key, const struct json *value)
{
	struct json_builder b;

	if (!key || !eval_make(ev, 64))
		return NULL;
	json_object_begin(&b, ev->scratch);
	json_object_setc(&b, "key", key);
	json_object_setc(&b, "value", value);
	return eval_object(ev, &b);
}

static int push_entries(struct eval *ev, const struct json *in)
{
	bool object = json_type(in) == JSON_OBJECT;
	struct eval_shown room;

	if (json_type(in) < JSON_ARRAY)
		return eval_fail(ev, "%s has no keys", eval_describe(&room, in));
	for (size_t i = 0; i < json_len(in); i++) {
		const struct json *key = object ? eval_string_at(ev, json_key(in, i)) : eval_int(ev, (int64_t)i);
		const struct json *v = entry(ev, key, object ? json_val(in, i) : json_at(in, i));

		if (!v)
			return -1;
		eval_push(ev, v);
	}
	return 0;
}

static const struct json *to_entries(struct eval *ev, const struct json *in, const struct json *const *args)
{
	size_t base = ev->top;
	const struct json *v = NULL;

	(void)args;
	if (push_entries(ev, in) == 0)
		v = eval_array(ev, ev->stack + base, ev->top - base);
	ev->top = base;
	return v;
}

/* The first of the names that is there: a null one gives way to the next. */
static const struct json *named(const struct json *v, const char *const *names)
{
	const struct json *found = NULL;

	for (; *names; names++) {
		found = json_getc(v, *names);
		if (json_type(found) != JSON_NULL)
			break;
	}
	return found;
}

static const struct json *from_pushed(struct eval *ev, size_t base)
{
	static const char *const key_names[] = {"key", "k", "name", "Name", "Key", "K", NULL};
	static const char *const value_names[] = {"value", "v", "Value", "V", NULL};
	struct json_builder out;
	struct eval_shown room;

	json_object_begin(&out, ev->scratch);
	for (size_t i = base; i < ev->top; i++) {
		const struct json *e = ev->stack[i], *key = named(e, key_names), *value = NULL;

		if (json_type(e) != JSON_OBJECT)
			return eval_raise(ev, "an entry must be an object, got %s", eval_describe(&room, e));
		if (json_type(key) == JSON_ARRAY || json_type(key) == JSON_OBJECT)
			return eval_raise(ev, "%s cannot be an object key", json_type_name(key));
		key = eval_text(ev, key ? key : json_null());
		for (const char *const *name = value_names; *name && !value; name++)
			value = json_getc(e, *name);
		if (!key || !eval_make(ev, 64))
			return NULL;
		json_object_set(&out, json_str(key), value);
	}
	return eval_object(ev, &out);
}

static const struct json *from_entries(struct eval *ev, const struct json *in, const struct json *const *args)
{
	size_t base = ev->top;
	const struct json *v = NULL;

	(void)args;
	if (eval_items(ev, in, SIZE_MAX) == 0)
		v = from_pushed(ev, base);
	ev->top = base;
	return v;
}

static int with_entries(struct eval *ev, const struct expr_node *call, const struct json *in, size_t want)
{
	size_t base = ev->top;
	const struct json *v = NULL;
	int rc = push_entries(ev, in);

	(void)want;
	if (rc == 0 && eval_each(ev, call->kids[0], base, 0, SIZE_MAX) == 0)
		v = from_pushed(ev, base);
	ev->top = base;
	if (!v)
		return -1;
	eval_push(ev, v);
	return 0;
}

/* --- contains --- */

static bool includes(struct eval *ev, const struct json *a, const struct json *b);

static bool includes_item(struct eval *ev, const struct json *a, const struct json *item)
{
	for (size_t i = 0; i < json_len(a) && !ev->limit; i++) {
		const struct json *mine = json_at(a, i);
		/* Items of another type are passed over; two numbers are one type, like true and false. */
		bool alike = str_is(str_from(json_type_name(mine)), json_type_name(item));

		if (eval_work(ev, 16) && alike && includes(ev, mine, item))
			return true;
	}
	return false;
}

static bool includes(struct eval *ev, const struct json *a, const struct json *b)
{
	if (!eval_work(ev, 16))
		return false;
	if (json_type(a) == JSON_OBJECT && json_type(b) == JSON_OBJECT) {
		for (size_t i = 0; i < json_len(b); i++) {
			const struct json *mine = json_get(a, json_key(b, i));

			if (!mine || !includes(ev, mine, json_val(b, i)))
				return false;
		}
		return true;
	}
	if (json_type(a) == JSON_ARRAY && json_type(b) == JSON_ARRAY) {
		for (size_t i = 0; i < json_len(b); i++)
			if (!includes_item(ev, a, json_at(b, i)))
				return false;
		return true;
	}
	if (json_type(a) == JSON_STRING && json_type(b) == JSON_STRING)
		return eval_work(ev, json_str(a).n) && str_find(json_str(a), json_str(b)) >= 0;
	return eval_cmp(ev, a, b) == 0;
}

static const struct json *containment(struct eval *ev, const struct json *a, const struct json *b)
{
	struct eval_shown ra, rb;
	bool found;

	if (!str_is(str_from(json_type_name(a)), json_type_name(b)))
		return eval_raise(ev, "%s and %s cannot have their containment checked", eval_describe(&ra, a),
				  eval_describe(&rb, b));
	found = includes(ev, a, b);
	return ev->limit ? NULL : json_bool(found);
}

static const struct json *contains(struct eval *ev, const struct json *in, const struct json *const *args)
{
	return containment(ev, in, args[0]);
}

static const struct json *inside(struct eval *ev, const struct json *in, const struct json *const *args)
{
	return containment(ev, args[0], in);
}

#define ITERABLE (EXPR_T_ARRAY | EXPR_T_OBJECT)
#define KEY (EXPR_T_STRING | EXPR_T_NUMBER)

const struct expr_builtin expr_object_builtins[] = {
	{"length", 0, EXPR_T_ANY & ~(unsigned)EXPR_T_BOOLEAN, EXPR_T_NUMBER, {0}, length, NULL, false},
	{"type", 0, EXPR_T_ANY, EXPR_T_STRING, {0}, type, NULL, false},
	{"keys", 0, ITERABLE, EXPR_T_ARRAY, {0}, keys, NULL, false},
	{"has", 1, ITERABLE | EXPR_T_NULL, EXPR_T_BOOLEAN, {KEY}, has, NULL, false},
	{"in", 1, KEY, EXPR_T_BOOLEAN, {ITERABLE | EXPR_T_NULL}, in_object, NULL, false},
	{"to_entries", 0, ITERABLE, EXPR_T_ARRAY, {0}, to_entries, NULL, false},
	{"from_entries", 0, ITERABLE, EXPR_T_OBJECT, {0}, from_entries, NULL, false},
	{"with_entries", 1, ITERABLE, EXPR_T_OBJECT, {EXPR_T_NONE}, NULL, with_entries, false},
	{"contains", 1, EXPR_T_ANY, EXPR_T_BOOLEAN, {EXPR_T_ANY}, contains, NULL, false},
	{"inside", 1, EXPR_T_ANY, EXPR_T_BOOLEAN, {EXPR_T_ANY}, inside, NULL, false},
	{.name = NULL},
};
