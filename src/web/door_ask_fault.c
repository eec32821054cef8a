/* door_ask_fault.c - see door_ask_room.h. */
#include "web/door_ask_room.h"

#include <stdarg.h>

#include "base/arena.h"
#include "base/json.h"

int ask_fail(struct reading *r, const char *code, const char *param, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	*r->fault = (struct door_fault){.status = 400, .code = code, .param = param, .message = arena_vprintf(r->a, fmt, ap)};
	va_end(ap);
	return -1;
}

int ask_wrong_type(struct reading *r, const char *param, const char *expected, const struct json *v)
{
	return ask_fail(r, "invalid_type", param, "%s: expected %s, got %s", param, expected, json_type_name(v));
}

int ask_missing(struct reading *r, const char *param)
{
	return ask_fail(r, "missing_required_parameter", param, "%s is missing", param);
}

int ask_unsupported(struct reading *r, const char *param, const char *what)
{
	return ask_fail(r, "unsupported_value", param, "%s: %s", param, what);
}

bool ask_is_absent(const struct json *v)
{
	return json_type(v) == JSON_NULL;
}

const char *ask_at(struct reading *r, const char *place, const char *key)
{
	return arena_printf(r->a, "%s.%s", place, key);
}

const char *ask_item(struct reading *r, const char *place, size_t i)
{
	return arena_printf(r->a, "%s[%zu]", place, i);
}

int ask_text(struct reading *r, const struct json *object, const char *place, const char *key, struct str *ret)
{
	const struct json *v = json_getc(object, key);

	if (ask_is_absent(v))
		return ask_missing(r, ask_at(r, place, key));
	if (json_type(v) != JSON_STRING)
		return ask_wrong_type(r, ask_at(r, place, key), "a string", v);
	*ret = json_str(v);
	return 0;
}

int ask_function(struct reading *r, const struct json *v, const char **place, const struct json **ret)
{
	const struct json *function = json_getc(v, "function");
	struct str type;

	if (ask_text(r, v, *place, "type", &type) < 0)
		return -1;
	if (!str_is(type, "function"))
		return ask_unsupported(r, ask_at(r, *place, "type"), "expected \"function\"");
	*place = ask_at(r, *place, "function");
	if (json_type(function) != JSON_OBJECT)
		return ask_is_absent(function) ? ask_missing(r, *place) : ask_wrong_type(r, *place, "an object", function);
	*ret = function;
	return 0;
}
