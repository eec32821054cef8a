/* compile_shape.c - what the value of a keyword has to be; schemas inside are looked at by the walk. */
#include "base/json.h"
#include "schema/compile.h"

static bool expected(struct compile *c, const struct at *at, const struct keyword_row *row, const char *what, const struct json *v)
{
	compile_complain(c, at, row->name, "\"%s\": expected %s, got %s", row->name, what, json_type_name(v));
	return false;
}

static bool check_type_name(struct compile *c, const struct keyword_row *row, const struct json *v, const struct at *at)
{
	struct str s = json_str(v);

	if (!s.p)
		return expected(c, at, row, "the name of a type", v);
	if (type_named(s))
		return true;
	compile_complain(c, at, row->name, "there is no type \"" STR_FMT "\"%s", STR_ARG(s), compile_hint(c, type_nearest(s)));
	return false;
}

static bool check_type(struct compile *c, const struct keyword_row *row, const struct json *v, const struct at *at)
{
	bool ok = true;

	if (json_type(v) != JSON_ARRAY)
		return check_type_name(c, row, v, at);
	if (json_len(v) == 0) {
		compile_complain(c, at, row->name, "\"type\" is empty");
		return false;
	}
	for (size_t i = 0; i < json_len(v); i++) {
		const struct at here = {.up = at, .index = i};

		ok = check_type_name(c, row, json_at(v, i), &here) && ok;
	}
	return ok;
}

static bool check_texts(struct compile *c, const struct keyword_row *row, const struct json *v, const struct at *at)
{
	bool ok = true;

	if (json_type(v) != JSON_ARRAY)
		return expected(c, at, row, "a list of names", v);
	for (size_t i = 0; i < json_len(v); i++) {
		const struct at here = {.up = at, .index = i};

		if (json_type(json_at(v, i)) != JSON_STRING)
			ok = expected(c, &here, row, "a list of names", json_at(v, i));
	}
	return ok;
}

static bool check_map(struct compile *c, const struct keyword_row *row, const struct json *v, const struct at *at)
{
	bool ok = true;

	if (json_type(v) != JSON_OBJECT)
		return expected(c, at, row, "an object", v);
	for (size_t i = 0; row->keyword == KEY_DEPENDENT_REQUIRED && i < json_len(v); i++) {
		const struct at here = {.up = at, .key = json_key(v, i)};

		ok = check_texts(c, row, json_val(v, i), &here) && ok;
	}
	return ok;
}

static bool check_dependencies(struct compile *c, const struct keyword_row *row, const struct json *v, const struct at *at)
{
	bool ok = true;

	if (json_type(v) != JSON_OBJECT)
		return expected(c, at, row, "an object of schemas or lists of names", v);
	for (size_t i = 0; i < json_len(v); i++) {
		const struct at here = {.up = at, .key = json_key(v, i)};

		if (json_type(json_val(v, i)) == JSON_ARRAY)
			ok = check_texts(c, row, json_val(v, i), &here) && ok;
	}
	return ok;
}

static bool check_schemas(struct compile *c, const struct keyword_row *row, const struct json *v, const struct at *at)
{
	if (json_type(v) != JSON_ARRAY)
		return expected(c, at, row, "a list of schemas", v);
	if (json_len(v))
		return true;
	compile_complain(c, at, row->name, "\"%s\" is empty", row->name);
	return false;
}

bool shape_check(struct compile *c, const struct keyword_row *row, const struct json *v, const struct at *at)
{
	enum json_type t = json_type(v);

	switch (row->shape) {
	case SHAPE_ANY:
	case SHAPE_SCHEMA:
		return true;
	case SHAPE_TYPE:
		return check_type(c, row, v, at);
	case SHAPE_SCHEMAS:
		return check_schemas(c, row, v, at);
	case SHAPE_SCHEMA_MAP:
		return t == JSON_OBJECT || expected(c, at, row, "an object of schemas", v);
	case SHAPE_TEXT:
		return t == JSON_STRING || expected(c, at, row, "text", v);
	case SHAPE_TEXTS:
		return check_texts(c, row, v, at);
	case SHAPE_COUNT:
		return (json_is_integer(v) && json_to_double(v) >= 0) || expected(c, at, row, "a whole number from 0", v);
	case SHAPE_NUMBER:
		return json_is_number(v) || expected(c, at, row, "a number", v);
	case SHAPE_POSITIVE:
		return (json_is_number(v) && json_to_double(v) > 0) || expected(c, at, row, "a number above 0", v);
	case SHAPE_BOOLEAN:
		return t == JSON_TRUE || t == JSON_FALSE || expected(c, at, row, "true or false", v);
	case SHAPE_LIST:
		return t == JSON_ARRAY || expected(c, at, row, "a list of values", v);
	case SHAPE_MAP:
		return check_map(c, row, v, at);
	case SHAPE_DEPENDENCIES:
		return check_dependencies(c, row, v, at);
	}
	return true;
}
