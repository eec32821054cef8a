/* anthropic_schema.c - node by node: what is known is kept or changed, what is not goes into the description. */
#include "gateway/anthropic_schema.h"

#include <stdbool.h>

#include "base/arena.h"
#include "base/json.h"

/* As documented: more makes the server refuse a schema as too complex. */
enum { OPTIONAL_MAX = 24, UNIONS_MAX = 16, NODES_MAX = 2000, DEPTH_MAX = 40 };

struct rewrite {
	struct arena *a;
	const struct json *root;
	int optional, unions, nodes;
	bool ok;			/* false: it cannot be said */
};

static const struct json *rewrite(struct rewrite *w, const struct json *v, int depth);

static const struct json *give_up(struct rewrite *w)
{
	w->ok = false;
	return NULL;
}

static bool is_one_of(struct str word, const char *const *words)
{
	while (*words && !str_is(word, *words))
		words++;
	return *words != NULL;
}

static const char *const types[] = {"object", "array", "string", "integer", "number", "boolean", "null", NULL};
static const char *const formats[] = {"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid", NULL};
/* They say nothing about an answer. */
static const char *const silent[] = {"$schema", "$id", "$comment", "deprecated", "readOnly", "writeOnly", NULL};
/* Left out they would make it another schema: what may stand there could not be answered at all. */
static const char *const needed[] = {"patternProperties", "prefixItems", "additionalItems", "unevaluatedProperties", "$dynamicRef",
	"$recursiveRef", NULL};

static bool is_scalar(const struct json *v)
{
	return json_type(v) != JSON_ARRAY && json_type(v) != JSON_OBJECT;
}

static bool names_type(const struct json *type, const char *name)
{
	for (size_t i = 0; i < json_len(type); i++)
		if (str_is(json_str(json_at(type, i)), name))
			return true;
	return str_is(json_str(type), name);
}

/* --- values of keys: NULL leaves the key to the description --- */

static const struct json *keep_type(struct rewrite *w, const struct json *v)
{
	if (json_type(v) == JSON_ARRAY)
		w->unions++;
	for (size_t i = 0; i < json_len(v); i++)
		if (!is_one_of(json_str(json_at(v, i)), types))
			return give_up(w);
	if (json_type(v) != JSON_ARRAY && !is_one_of(json_str(v), types))
		return give_up(w);
	return v;
}

static const struct json *keep_list(struct rewrite *w, const struct json *v, int depth)
{
	struct json_builder b;

	if (json_type(v) != JSON_ARRAY || json_len(v) == 0)
		return give_up(w);
	json_array_begin(&b, w->a);
	for (size_t i = 0; i < json_len(v) && w->ok; i++)
		json_array_add(&b, rewrite(w, json_at(v, i), depth));
	return json_array_end(&b);
}

static const struct json *keep_map(struct rewrite *w, const struct json *v, int depth)
{
	struct json_builder b;

	if (json_type(v) != JSON_OBJECT)
		return give_up(w);
	json_object_begin(&b, w->a);
	for (size_t i = 0; i < json_len(v) && w->ok; i++)
		json_object_set(&b, json_key(v, i), rewrite(w, json_val(v, i), depth));
	return json_object_end(&b);
}

/* A definition of this schema, and not one that leads back to itself: that is seen by the depth. */
static const struct json *keep_ref(struct rewrite *w, const struct json *v, int depth)
{
	static const char *const places[] = {"$defs", "definitions"};
	struct str ref = json_str(v);

	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
		struct str prefix = str_from(arena_printf(w->a, "#/%s/", places[i])), name = str_sub(ref, prefix.n, ref.n);
		const struct json *target = json_get(json_getc(w->root, places[i]), name);

		if (!str_starts(ref, prefix) || !target || str_chr(name, '/') >= 0 || str_chr(name, '~') >= 0)
			continue;
		rewrite(w, target, depth + 1);
		return v;
	}
	return give_up(w);
}

static const struct json *keep_literals(struct rewrite *w, const struct json *v)
{
	for (size_t i = 0; i < json_len(v); i++)
		if (!is_scalar(json_at(v, i)))
			return give_up(w);
	return json_len(v) > 0 ? v : give_up(w);
}

static const struct json *keep_all_of(struct rewrite *w, const struct json *v, int depth)
{
	for (size_t i = 0; i < json_len(v); i++)
		if (json_getc(json_at(v, i), "$ref"))
			return give_up(w);
	return keep_list(w, v, depth);
}

static const struct json *keep_closed(struct rewrite *w, const struct json *v)
{
	return json_type(v) == JSON_FALSE ? v : give_up(w);
}

static const struct json *keep_key(struct rewrite *w, struct str key, const struct json *v, int depth)
{
	int64_t n;

	if (str_is(key, "type"))
		return keep_type(w, v);
	if (str_is(key, "properties") || str_is(key, "$defs") || str_is(key, "definitions"))
		return keep_map(w, v, depth);
	if (str_is(key, "items"))
		return rewrite(w, v, depth);
	if (str_is(key, "enum"))
		return keep_literals(w, v);
	if (str_is(key, "const"))
		return is_scalar(v) ? v : give_up(w);
	if (str_is(key, "anyOf") || str_is(key, "oneOf")) {
		w->unions++;
		return keep_list(w, v, depth);
	}
	if (str_is(key, "allOf"))
		return keep_all_of(w, v, depth);
	if (str_is(key, "additionalProperties"))
		return keep_closed(w, v);
	if (str_is(key, "required") || str_is(key, "title"))
		return v;
	if (str_is(key, "format"))
		return is_one_of(json_str(v), formats) ? v : NULL;
	if (str_is(key, "minItems"))
		return json_to_int(v, &n) && (n == 0 || n == 1) ? v : NULL;
	return NULL;
}

/* --- a node --- */

static void close_object(struct rewrite *w, struct json_builder *b, const struct json *v)
{
	const struct json *properties = json_getc(v, "properties"), *required = json_getc(v, "required");

	/* Without names anything may stand in it, and closed it would be empty. */
	if (json_len(properties) == 0)
		give_up(w);
	for (size_t i = 0; i < json_len(required); i++)
		if (!json_get(properties, json_str(json_at(required, i))))
			give_up(w);
	w->optional += (int)(json_len(properties) - json_len(required));
	json_object_setc(b, "additionalProperties", json_bool(false));
}

static void describe(struct rewrite *w, struct json_builder *b, struct json_builder *rest, const struct json *v)
{
	const struct json *left = json_object_end(rest);
	struct str text = json_str(json_getc(v, "description"));
	struct buf t;

	if (text.n == 0 && json_len(left) == 0)
		return;
	buf_init(&t, w->a);
	buf_addstr(&t, text);
	if (json_len(left) > 0) {
		buf_adds(&t, text.n ? "\n\n" : "");
		json_write(&t, left);
	}
	json_object_setc(b, "description", json_string_ref(w->a, buf_str(&t)));
}

static const struct json *write_ref(struct rewrite *w, const struct json *v, int depth)
{
	struct json_builder b;

	json_object_begin(&b, w->a);
	json_object_setc(&b, "$ref", keep_ref(w, json_getc(v, "$ref"), depth));
	return json_object_end(&b);
}

static const struct json *write_node(struct rewrite *w, const struct json *v, int depth)
{
	struct json_builder b, rest;

	json_object_begin(&b, w->a);
	json_object_begin(&rest, w->a);
	for (size_t i = 0; i < json_len(v) && w->ok; i++) {
		struct str key = json_key(v, i);
		const struct json *kept = keep_key(w, key, json_val(v, i), depth + 1);

		if (is_one_of(key, needed))
			give_up(w);
		if (kept)
			json_object_set(&b, str_is(key, "oneOf") ? STR("anyOf") : key, kept);
		else if (!is_one_of(key, silent) && !str_is(key, "description"))
			json_object_set(&rest, key, json_val(v, i));
	}
	if (names_type(json_getc(v, "type"), "object"))
		close_object(w, &b, v);
	describe(w, &b, &rest, v);
	return json_object_end(&b);
}

static bool says_something(const struct json *v)
{
	return json_getc(v, "type") || json_getc(v, "enum") || json_getc(v, "const") || json_getc(v, "anyOf") || json_getc(v, "oneOf") ||
	       json_getc(v, "allOf");
}

static const struct json *rewrite(struct rewrite *w, const struct json *v, int depth)
{
	if (++w->nodes > NODES_MAX || depth > DEPTH_MAX || json_type(v) != JSON_OBJECT)
		return give_up(w);
	if (json_getc(v, "$ref") && depth > 0)
		return write_ref(w, v, depth);
	if (json_getc(v, "$ref") || !says_something(v) || (json_getc(v, "anyOf") && json_getc(v, "oneOf")))
		return give_up(w);
	return write_node(w, v, depth);
}

const struct json *anthropic_schema(struct arena *a, const struct json *schema)
{
	struct rewrite w = {.a = a, .root = schema, .ok = true};
	const struct json *ret = rewrite(&w, schema, 0);

	return w.ok && w.optional <= OPTIONAL_MAX && w.unions <= UNIONS_MAX ? ret : NULL;
}
