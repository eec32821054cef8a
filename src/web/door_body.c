/* door_body.c - see door_body.h. */
#include "web/door_body.h"

#include <stdarg.h>
#include <string.h>

#include "base/arena.h"
#include "base/json.h"

enum { IGNORED_NAME_MAX = 64, IGNORED_MAX = 1024 };

/* --- what is wrong --- */

int door_fail(struct door_reading *r, const char *code, const char *param, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	*r->fault = (struct door_fault){.status = 400, .code = code, .param = param, .message = arena_vprintf(r->a, fmt, ap)};
	va_end(ap);
	return -1;
}

int door_wrong_type(struct door_reading *r, const char *param, const char *expected, const struct json *v)
{
	return door_fail(r, "invalid_type", param, "%s: expected %s, got %s", param, expected, json_type_name(v));
}

int door_missing(struct door_reading *r, const char *param)
{
	return door_fail(r, "missing_required_parameter", param, "%s is missing", param);
}

int door_unsupported(struct door_reading *r, const char *param, const char *what)
{
	return door_fail(r, "unsupported_value", param, "%s: %s", param, what);
}

bool door_is_absent(const struct json *v)
{
	return json_type(v) == JSON_NULL;
}

const char *door_at(struct door_reading *r, const char *place, const char *key)
{
	return arena_printf(r->a, "%s.%s", place, key);
}

const char *door_item(struct door_reading *r, const char *place, size_t i)
{
	return arena_printf(r->a, "%s[%zu]", place, i);
}

/* --- what has to be there --- */

int door_need_text(struct door_reading *r, const struct json *object, const char *place, const char *key, struct str *ret)
{
	const struct json *v = json_getc(object, key);

	if (door_is_absent(v))
		return door_missing(r, door_at(r, place, key));
	if (json_type(v) != JSON_STRING)
		return door_wrong_type(r, door_at(r, place, key), "a string", v);
	*ret = json_str(v);
	return 0;
}

int door_need_function(struct door_reading *r, const struct json *v, const char **place, const struct json **ret)
{
	const struct json *function = json_getc(v, "function");
	struct str type;

	if (door_need_text(r, v, *place, "type", &type) < 0)
		return -1;
	if (!str_is(type, "function"))
		return door_unsupported(r, door_at(r, *place, "type"), "expected \"function\"");
	*place = door_at(r, *place, "function");
	if (json_type(function) != JSON_OBJECT)
		return door_is_absent(function) ? door_missing(r, *place) : door_wrong_type(r, *place, "an object", function);
	*ret = function;
	return 0;
}

/* --- fields --- */

static unsigned bit_of(const struct json *v)
{
	switch (json_type(v)) {
	case JSON_NULL:
		return 0;
	case JSON_FALSE:
	case JSON_TRUE:
		return DOOR_BOOL;
	case JSON_INT:
	case JSON_NUM:
		return DOOR_NUMBER;
	case JSON_STRING:
		return DOOR_STRING;
	case JSON_ARRAY:
		return DOOR_ARRAY;
	case JSON_OBJECT:
		return DOOR_OBJECT;
	}
	return 0;
}

static const char *type_names(unsigned types)
{
	switch (types) {
	case DOOR_BOOL:
		return "a boolean";
	case DOOR_NUMBER:
		return "a number";
	case DOOR_STRING:
		return "a string";
	case DOOR_ARRAY:
		return "an array";
	case DOOR_OBJECT:
		return "an object";
	case DOOR_STRING | DOOR_ARRAY:
		return "a string or an array";
	default:
		return "a string or an object";
	}
}

static const struct door_field *field_of(const struct door_field *fields, size_t n, struct str key)
{
	for (size_t i = 0; i < n; i++)
		if (str_is(key, fields[i].name))
			return &fields[i];
	return NULL;
}

/* A name that cannot stand in a header is left out of the list. */
static void ignore(struct buf *list, struct str key)
{
	for (size_t i = 0; i < key.n; i++) {
		char c = key.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') && !memchr("_-.", c, 3))
			return;
	}
	if (key.n == 0 || key.n > IGNORED_NAME_MAX || list->n + key.n + 2 > IGNORED_MAX)
		return;
	if (list->n)
		buf_adds(list, ", ");
	buf_addstr(list, key);
}

int door_take_fields(struct door_reading *r, const struct door_field *fields, size_t n, struct str *ret_ignored)
{
	struct buf ignored;

	if (json_type(r->body) != JSON_OBJECT)
		return door_fail(r, "invalid_type", NULL, "the body: expected an object, got %s", json_type_name(r->body));
	buf_init(&ignored, r->a);
	for (size_t i = 0; i < json_len(r->body); i++) {
		const struct door_field *f = field_of(fields, n, json_key(r->body, i));
		const struct json *v = json_val(r->body, i);

		if (door_is_absent(v))
			continue;
		if (f && !(bit_of(v) & f->types))
			return door_wrong_type(r, f->name, type_names(f->types), v);
		if (!f || !f->take)
			ignore(&ignored, json_key(r->body, i));
		else if (f->take(r, v, f->name) < 0)
			return -1;
	}
	*ret_ignored = ignored.n ? buf_str(&ignored) : STR("");
	return 0;
}
