/* keywords.c - the words of the draft. */
#include <stdio.h>

#include "schema/program.h"

static const struct keyword_row rows[] = {
	{"type", KEY_TYPE, SHAPE_TYPE},
	{"const", KEY_CONST, SHAPE_ANY},
	{"enum", KEY_ENUM, SHAPE_LIST},
	{"minimum", KEY_MINIMUM, SHAPE_NUMBER},
	{"maximum", KEY_MAXIMUM, SHAPE_NUMBER},
	{"exclusiveMinimum", KEY_ABOVE, SHAPE_NUMBER},
	{"exclusiveMaximum", KEY_BELOW, SHAPE_NUMBER},
	{"multipleOf", KEY_MULTIPLE_OF, SHAPE_POSITIVE},
	{"minLength", KEY_MIN_LENGTH, SHAPE_COUNT},
	{"maxLength", KEY_MAX_LENGTH, SHAPE_COUNT},
	{"pattern", KEY_PATTERN, SHAPE_TEXT},
	{"minItems", KEY_MIN_ITEMS, SHAPE_COUNT},
	{"maxItems", KEY_MAX_ITEMS, SHAPE_COUNT},
	{"uniqueItems", KEY_UNIQUE_ITEMS, SHAPE_BOOLEAN},
	{"prefixItems", KEY_PREFIX_ITEMS, SHAPE_SCHEMAS},
	{"items", KEY_ITEMS, SHAPE_SCHEMA},
	{"contains", KEY_CONTAINS, SHAPE_SCHEMA},
	{"minContains", KEY_MIN_CONTAINS, SHAPE_COUNT},
	{"maxContains", KEY_MAX_CONTAINS, SHAPE_COUNT},
	{"minProperties", KEY_MIN_PROPERTIES, SHAPE_COUNT},
	{"maxProperties", KEY_MAX_PROPERTIES, SHAPE_COUNT},
	{"required", KEY_REQUIRED, SHAPE_TEXTS},
	{"properties", KEY_PROPERTIES, SHAPE_SCHEMA_MAP},
	{"patternProperties", KEY_PATTERN_PROPERTIES, SHAPE_SCHEMA_MAP},
	{"additionalProperties", KEY_ADDITIONAL_PROPERTIES, SHAPE_SCHEMA},
	{"propertyNames", KEY_PROPERTY_NAMES, SHAPE_SCHEMA},
	{"dependentRequired", KEY_DEPENDENT_REQUIRED, SHAPE_MAP},
	{"dependentSchemas", KEY_DEPENDENT_SCHEMAS, SHAPE_SCHEMA_MAP},
	{"dependencies", KEY_DEPENDENCIES, SHAPE_DEPENDENCIES},
	{"unevaluatedProperties", KEY_UNEVALUATED_PROPERTIES, SHAPE_SCHEMA},
	{"unevaluatedItems", KEY_UNEVALUATED_ITEMS, SHAPE_SCHEMA},
	{"$ref", KEY_REF, SHAPE_TEXT},
	{"$dynamicRef", KEY_DYNAMIC_REF, SHAPE_TEXT},
	{"allOf", KEY_ALL_OF, SHAPE_SCHEMAS},
	{"anyOf", KEY_ANY_OF, SHAPE_SCHEMAS},
	{"oneOf", KEY_ONE_OF, SHAPE_SCHEMAS},
	{"not", KEY_NOT, SHAPE_SCHEMA},
	{"if", KEY_IF, SHAPE_SCHEMA},
	{"then", KEY_THEN, SHAPE_SCHEMA},
	{"else", KEY_ELSE, SHAPE_SCHEMA},
	{"$id", KEY_ID, SHAPE_TEXT},
	{"$anchor", KEY_ANCHOR, SHAPE_TEXT},
	{"$dynamicAnchor", KEY_DYNAMIC_ANCHOR, SHAPE_TEXT},
	{"$schema", KEY_SCHEMA, SHAPE_TEXT},
	{"$defs", KEY_DEFS, SHAPE_SCHEMA_MAP},
	{"definitions", KEY_DEFS, SHAPE_SCHEMA_MAP},
	{"contentSchema", KEY_CONTENT_SCHEMA, SHAPE_SCHEMA},
	{"examples", KEY_ANNOTATION, SHAPE_LIST},
	{"deprecated", KEY_ANNOTATION, SHAPE_BOOLEAN},
	{"readOnly", KEY_ANNOTATION, SHAPE_BOOLEAN},
	{"writeOnly", KEY_ANNOTATION, SHAPE_BOOLEAN},
	{"$vocabulary", KEY_ANNOTATION, SHAPE_MAP},
	{"title", KEY_ANNOTATION, SHAPE_TEXT},
	{"description", KEY_ANNOTATION, SHAPE_TEXT},
	{"format", KEY_ANNOTATION, SHAPE_TEXT},
	{"$comment", KEY_ANNOTATION, SHAPE_TEXT},
	{"contentEncoding", KEY_ANNOTATION, SHAPE_TEXT},
	{"contentMediaType", KEY_ANNOTATION, SHAPE_TEXT},
	{"default", KEY_ANNOTATION, SHAPE_ANY},
};
enum { N_ROWS = sizeof(rows) / sizeof(rows[0]) };

static const struct {
	const char *name;
	uint8_t mask;
} types[] = {
	{"null", TYPE_NULL},
	{"boolean", TYPE_BOOLEAN},
	{"integer", TYPE_INTEGER},
	{"number", TYPE_NUMBER | TYPE_INTEGER},
	{"string", TYPE_STRING},
	{"array", TYPE_ARRAY},
	{"object", TYPE_OBJECT},
};
enum { N_TYPES = sizeof(types) / sizeof(types[0]) };

const struct keyword_row *keyword_find(struct str name)
{
	for (size_t i = 0; i < N_ROWS; i++)
		if (str_is(name, rows[i].name))
			return &rows[i];
	return NULL;
}

const char *keyword_nearest(struct str name)
{
	const char *names[N_ROWS];

	for (size_t i = 0; i < N_ROWS; i++)
		names[i] = rows[i].name;
	return str_nearest(name, names, N_ROWS);
}

uint8_t type_named(struct str name)
{
	for (size_t i = 0; i < N_TYPES; i++)
		if (str_is(name, types[i].name))
			return types[i].mask;
	return 0;
}

const char *type_nearest(struct str name)
{
	const char *names[N_TYPES];

	for (size_t i = 0; i < N_TYPES; i++)
		names[i] = types[i].name;
	return str_nearest(name, names, N_TYPES);
}

/* "number" holds "integer", which is then not named. */
struct str types_text(uint8_t mask, char *room, size_t size)
{
	size_t n = 0;

	if ((mask & TYPE_NUMBER) && (mask & TYPE_INTEGER))
		mask &= (uint8_t)~TYPE_INTEGER;
	for (size_t i = 0; i < N_TYPES && n < size; i++) {
		uint8_t own = types[i].mask == (TYPE_NUMBER | TYPE_INTEGER) ? TYPE_NUMBER : types[i].mask;

		if (mask & own)
			n += (size_t)snprintf(room + n, size - n, "%s%s", n ? " or " : "", types[i].name);
	}
	return (struct str){room, n < size ? n : size - 1};
}
