/* value_check.c - the top level of a schema. */
#include "engine/value_check.h"

#include <stdbool.h>

#include "base/err.h"
#include "base/json.h"

static bool is_integer(const struct json *v)
{
	double d;

	if (json_type(v) == JSON_INT)
		return true;
	if (json_type(v) != JSON_NUM)
		return false;
	d = json_to_double(v);
	return d >= -9.0e15 && d <= 9.0e15 && d == (double)(int64_t)d;
}

static bool fits_type(struct str type, const struct json *v)
{
	if (str_is(type, "integer"))
		return is_integer(v);
	return str_is(type, json_type_name(v));
}

static bool fits_types(const struct json *types, const struct json *v)
{
	if (json_type(types) == JSON_STRING)
		return fits_type(json_str(types), v);
	if (json_type(types) != JSON_ARRAY)
		return true;
	for (size_t i = 0; i < json_len(types); i++)
		if (fits_type(json_str(json_at(types, i)), v))
			return true;
	return false;
}

static int check_type(const struct json *schema, const struct json *v, struct str where, struct err *err)
{
	const struct json *types = json_getc(schema, "type");
	struct str first = json_type(types) == JSON_ARRAY ? json_str(json_at(types, 0)) : json_str(types);

	if (!types || fits_types(types, v))
		return 0;
	return err_set(err, ERR_SCHEMA_OUTPUT, "\"/" STR_FMT "\": expected " STR_FMT ", got %s", STR_ARG(where),
		       STR_ARG(first), json_type_name(v));
}

static int check_enum(const struct json *schema, const struct json *v, struct str where, struct err *err)
{
	const struct json *values = json_getc(schema, "enum");

	if (json_type(values) != JSON_ARRAY)
		return 0;
	for (size_t i = 0; i < json_len(values); i++)
		if (json_equal(json_at(values, i), v))
			return 0;
	return err_set(err, ERR_SCHEMA_OUTPUT, "\"/" STR_FMT "\": the value is not one of those that are allowed",
		       STR_ARG(where));
}

static int check_required(const struct json *schema, const struct json *v, struct err *err)
{
	const struct json *required = json_getc(schema, "required");

	for (size_t i = 0; i < json_len(required); i++) {
		struct str key = json_str(json_at(required, i));

		if (!json_get(v, key))
			return err_set(err, ERR_SCHEMA_OUTPUT, "required key \"" STR_FMT "\" is missing", STR_ARG(key));
	}
	return 0;
}

static int check_properties(const struct json *schema, const struct json *v, struct err *err)
{
	const struct json *properties = json_getc(schema, "properties");
	bool closed = json_type(json_getc(schema, "additionalProperties")) == JSON_FALSE &&
		      !json_getc(schema, "patternProperties");

	for (size_t i = 0; i < json_len(v); i++) {
		struct str key = json_key(v, i);
		const struct json *p = json_get(properties, key);

		if (!p && closed)
			return err_set(err, ERR_SCHEMA_OUTPUT, "key \"" STR_FMT "\" is not allowed", STR_ARG(key));
		if (p && (check_type(p, json_val(v, i), key, err) < 0 || check_enum(p, json_val(v, i), key, err) < 0))
			return -1;
	}
	return 0;
}

int value_check(const struct json *schema, const struct json *v, struct err *err)
{
	if (json_type(schema) == JSON_FALSE)
		return err_set(err, ERR_SCHEMA_OUTPUT, "the schema allows no value");
	if (check_type(schema, v, STR(""), err) < 0 || check_enum(schema, v, STR(""), err) < 0)
		return -1;
	if (json_type(v) != JSON_OBJECT)
		return 0;
	if (check_required(schema, v, err) < 0)
		return -1;
	return check_properties(schema, v, err);
}
