/* json_schema.c - is a value a plausible JSON Schema? A misspelt keyword would silently check nothing.
 *
 * The validator proper is the tools room's; this finds what can be seen at load, with places.
 */

#include "base/arena.h"
#include "base/json.h"
#include "schema/pattern.h"
#include "config/schema.h"

enum shape { ANY, TYPE, SCHEMA, SCHEMAS, SCHEMA_MAP, TEXT, TEXTS, PATTERN, COUNT, NUMBER, BOOLEAN, LIST, MAP, REF };

static const struct keyword {
	const char *name;
	enum shape shape;
} keywords[] = {
	{"type", TYPE},
	{"properties", SCHEMA_MAP},
	{"patternProperties", SCHEMA_MAP},
	{"$defs", SCHEMA_MAP},
	{"definitions", SCHEMA_MAP},
	{"dependentSchemas", SCHEMA_MAP},
	{"additionalProperties", SCHEMA},
	{"unevaluatedProperties", SCHEMA},
	{"unevaluatedItems", SCHEMA},
	{"propertyNames", SCHEMA},
	{"items", SCHEMA},
	{"contains", SCHEMA},
	{"not", SCHEMA},
	{"if", SCHEMA},
	{"then", SCHEMA},
	{"else", SCHEMA},
	{"allOf", SCHEMAS},
	{"anyOf", SCHEMAS},
	{"oneOf", SCHEMAS},
	{"prefixItems", SCHEMAS},
	{"required", TEXTS},
	{"enum", LIST},
	{"examples", LIST},
	{"pattern", PATTERN},
	{"minLength", COUNT},
	{"maxLength", COUNT},
	{"minItems", COUNT},
	{"maxItems", COUNT},
	{"minProperties", COUNT},
	{"maxProperties", COUNT},
	{"minContains", COUNT},
	{"maxContains", COUNT},
	{"minimum", NUMBER},
	{"maximum", NUMBER},
	{"exclusiveMinimum", NUMBER},
	{"exclusiveMaximum", NUMBER},
	{"multipleOf", NUMBER},
	{"uniqueItems", BOOLEAN},
	{"deprecated", BOOLEAN},
	{"readOnly", BOOLEAN},
	{"writeOnly", BOOLEAN},
	{"dependentRequired", MAP},
	{"$vocabulary", MAP},
	{"$ref", REF},
	{"$dynamicRef", TEXT},
	{"title", TEXT},
	{"description", TEXT},
	{"format", TEXT},
	{"$schema", TEXT},
	{"$id", TEXT},
	{"$anchor", TEXT},
	{"$dynamicAnchor", TEXT},
	{"$comment", TEXT},
	{"contentEncoding", TEXT},
	{"contentMediaType", TEXT},
	{"contentSchema", SCHEMA},
	{"const", ANY},
	{"default", ANY},
};
enum { N_KEYWORDS = sizeof(keywords) / sizeof(keywords[0]) };

static const char *const types[] = {"null", "boolean", "object", "array", "number", "integer", "string"};
enum { N_TYPES = sizeof(types) / sizeof(types[0]) };

struct check {
	struct load *l;
	const struct json *root;
	struct place at;		/* where there is no node */
};

static const struct yaml *child(const struct yaml *n, struct str key)
{
	for (size_t i = 0; n && n->kind == YAML_MAP && i < n->n; i++)
		if (str_eq(n->pairs[i].key->text, key))
			return n->pairs[i].value;
	return NULL;
}

static const struct yaml *item(const struct yaml *n, size_t i)
{
	return n && n->kind == YAML_LIST && i < n->n ? n->items[i] : NULL;
}

static struct place place(const struct check *c, const struct yaml *n)
{
	return n ? n->at : c->at;
}

static void expected(struct check *c, const struct yaml *n, const char *keyword, const char *what, const struct json *v)
{
	diag_error(c->l->d, place(c, n), "JSON Schema: \"%s\": expected %s, got %s", keyword, what, json_type_name(v));
}

static void check_type_name(struct check *c, const struct json *v, const struct yaml *n)
{
	struct str s = json_str(v);
	for (size_t i = 0; i < N_TYPES; i++)
		if (s.p && str_is(s, types[i]))
			return;
	if (!s.p)
		expected(c, n, "type", "the name of a type", v);
	else
		diag_error(c->l->d, place(c, n), "JSON Schema: there is no type \"" STR_FMT "\"%s", STR_ARG(s),
			   load_nearest(c->l->d, c->l->a, s, types, N_TYPES));
}

static void check_type(struct check *c, const struct json *v, const struct yaml *n)
{
	if (json_type(v) != JSON_ARRAY) {
		check_type_name(c, v, n);
		return;
	}
	for (size_t i = 0; i < json_len(v); i++)
		check_type_name(c, json_at(v, i), item(n, i));
}

static void check_pattern(struct check *c, const struct json *v, const struct yaml *n)
{
	struct str s = json_str(v);
	if (!s.p) {
		expected(c, n, "pattern", "text", v);
		return;
	}
	int code;
	PCRE2_SIZE at;
	pcre2_code *re = pcre2_compile((PCRE2_SPTR)s.p, s.n, PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C, &code, &at, pattern_defaults());
	if (!re) {
		PCRE2_UCHAR why[120];
		pcre2_get_error_message(code, why, sizeof(why));
		diag_error(c->l->d, n && n->kind == YAML_SCALAR ? yaml_place(n, at) : place(c, n),
			   "JSON Schema: \"pattern\" cannot be read: %s", (const char *)why);
	}
	pcre2_code_free(re);
}

/* One step of a JSON pointer: "a~1b" is the key a/b. */
static struct str unescape(struct arena *a, struct str token)
{
	struct buf b;
	buf_init(&b, a);
	for (size_t i = 0; i < token.n; i++) {
		if (token.p[i] == '~' && i + 1 < token.n)
			buf_addc(&b, token.p[++i] == '1' ? '/' : '~');
		else
			buf_addc(&b, token.p[i]);
	}
	return buf_str(&b);
}

const struct json *json_pointer(struct arena *a, const struct json *v, struct str pointer)
{
	while (v && pointer.n && pointer.p[0] == '/') {
		pointer = str_sub(pointer, 1, pointer.n);
		ptrdiff_t end = str_chr(pointer, '/');
		struct str token = end < 0 ? pointer : str_sub(pointer, 0, (size_t)end);
		pointer = end < 0 ? STR("") : str_sub(pointer, (size_t)end, pointer.n);
		if (json_type(v) == JSON_ARRAY) {
			size_t i = 0;
			for (size_t k = 0; k < token.n && i < 100000; k++)
				i = token.p[k] >= '0' && token.p[k] <= '9' ? i * 10 + (size_t)(token.p[k] - '0') : SIZE_MAX / 16;
			v = json_at(v, i);
		} else {
			v = json_get(v, unescape(a, token));
		}
	}
	return pointer.n ? NULL : v;
}

static void check_ref(struct check *c, const struct json *v, const struct yaml *n)
{
	struct str s = json_str(v);
	if (!s.p)
		expected(c, n, "$ref", "text", v);
	else if ((str_is(s, "#") || str_starts(s, STR("#/"))) && !json_pointer(c->l->a, c->root, str_sub(s, 1, s.n)))
		diag_error(c->l->d, place(c, n), "JSON Schema: \"$ref\" leads to \"" STR_FMT "\", which is not there",
			   STR_ARG(s));
}

static void check_schema(struct check *c, const struct json *v, const struct yaml *n);

static void check_children(struct check *c, const char *keyword, enum shape shape, const struct json *v,
			   const struct yaml *n)
{
	bool map = shape == SCHEMA_MAP;
	if (json_type(v) != (map ? JSON_OBJECT : JSON_ARRAY)) {
		expected(c, n, keyword, map ? "an object of schemas" : "a list of schemas", v);
		return;
	}
	if (!map && !json_len(v))
		diag_error(c->l->d, place(c, n), "JSON Schema: \"%s\" is empty", keyword);
	for (size_t i = 0; i < json_len(v); i++) {
		if (map)
			check_schema(c, json_val(v, i), child(n, json_key(v, i)));
		else
			check_schema(c, json_at(v, i), item(n, i));
	}
}

static void check_texts(struct check *c, const char *keyword, const struct json *v, const struct yaml *n)
{
	if (json_type(v) != JSON_ARRAY) {
		expected(c, n, keyword, "a list of names", v);
		return;
	}
	for (size_t i = 0; i < json_len(v); i++)
		if (json_type(json_at(v, i)) != JSON_STRING)
			expected(c, item(n, i), keyword, "a list of names", json_at(v, i));
}

static void check_keyword(struct check *c, const struct keyword *k, const struct json *v, const struct yaml *n)
{
	int64_t count;
	enum json_type t = json_type(v);
	switch (k->shape) {
	case TYPE:
		check_type(c, v, n);
		break;
	case SCHEMA:
		check_schema(c, v, n);
		break;
	case SCHEMAS:
	case SCHEMA_MAP:
		check_children(c, k->name, k->shape, v, n);
		break;
	case TEXT:
		if (t != JSON_STRING)
			expected(c, n, k->name, "text", v);
		break;
	case TEXTS:
		check_texts(c, k->name, v, n);
		break;
	case PATTERN:
		check_pattern(c, v, n);
		break;
	case COUNT:
		if (!json_is_number(v) || !json_to_int(v, &count) || count < 0)
			expected(c, n, k->name, "a whole number from 0", v);
		break;
	case NUMBER:
		if (!json_is_number(v))
			expected(c, n, k->name, "a number", v);
		break;
	case BOOLEAN:
		if (t != JSON_TRUE && t != JSON_FALSE)
			expected(c, n, k->name, "true or false", v);
		break;
	case LIST:
		if (t != JSON_ARRAY || (!json_len(v) && !strcmp(k->name, "enum")))
			expected(c, n, k->name, "a list of values", v);
		break;
	case MAP:
		if (t != JSON_OBJECT)
			expected(c, n, k->name, "an object", v);
		break;
	case REF:
		check_ref(c, v, n);
		break;
	case ANY:
		break;
	}
}

static void check_unknown(struct check *c, struct str key, const struct yaml *n)
{
	const char *names[N_KEYWORDS];
	for (size_t i = 0; i < N_KEYWORDS; i++)
		names[i] = keywords[i].name;
	const char *near = load_nearest(c->l->d, c->l->a, key, names, N_KEYWORDS);
	struct place at = place(c, n);
	if (!*near)
		return;
	for (size_t i = 0; n && i < n->n; i++)
		if (str_eq(n->pairs[i].key->text, key))
			at = n->pairs[i].key->at;
	/* Keywords of others are permitted; what looks like one of ours checks nothing. */
	diag_add(c->l->d, DIAG_WARNING, at, NULL, "JSON Schema: unknown keyword \"" STR_FMT "\"%s", STR_ARG(key), near);
}

/* Recursion is bounded by the depth of what was parsed. */
static void check_schema(struct check *c, const struct json *v, const struct yaml *n)
{
	enum json_type t = json_type(v);
	if (t == JSON_TRUE || t == JSON_FALSE)
		return;
	if (t != JSON_OBJECT) {
		diag_error(c->l->d, place(c, n), "JSON Schema: expected a schema (a map, true or false), got %s",
			   json_type_name(v));
		return;
	}
	for (size_t i = 0; i < json_len(v); i++) {
		struct str key = json_key(v, i);
		const struct keyword *k = NULL;
		for (size_t j = 0; j < N_KEYWORDS && !k; j++)
			if (str_is(key, keywords[j].name))
				k = &keywords[j];
		if (k)
			check_keyword(c, k, json_val(v, i), child(n, key));
		else
			check_unknown(c, key, n && n->kind == YAML_MAP ? n : NULL);
	}
}

void json_schema_check(struct load *l, const struct json *schema, const struct yaml *node, struct place at)
{
	struct check c = {l, schema, at};
	check_schema(&c, schema, node);
}
