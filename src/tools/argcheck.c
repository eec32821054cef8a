/* argcheck.c - arguments against the common part of JSON Schema. */
#include "tools/argcheck.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"

enum { MAX_DEPTH = 32, PATH_BYTES = 160 };

struct place {
	char path[PATH_BYTES];	/* "" for the arguments as a whole */
	int depth;
};

static int fail(const struct place *at, struct err *err, const char *what)
{
	if (at->path[0])
		return err_set(err, ERR_TOOL_ARGS, "argument \"%s\": %s", at->path, what);
	return err_set(err, ERR_TOOL_ARGS, "arguments: %s", what);
}

static int fail_limit(const struct place *at, struct err *err, const char *word, int64_t limit, const char *unit)
{
	char what[96];

	snprintf(what, sizeof what, "expected at %s %lld %s", word, (long long)limit, unit);
	return fail(at, err, what);
}

/* n is what the whole path needed. */
static void note_cut(struct place *p, int n)
{
	if (n >= PATH_BYTES)
		memcpy(p->path + PATH_BYTES - 4, "...", 4);
}

static struct place below_key(const struct place *at, struct str key)
{
	struct place p = {.depth = at->depth + 1};

	note_cut(&p, snprintf(p.path, sizeof p.path, "%s%s" STR_FMT, at->path, at->path[0] ? "." : "",
			      STR_ARG(str_sub(key, 0, 64))));
	return p;
}

static struct place below_index(const struct place *at, size_t i)
{
	struct place p = {.depth = at->depth + 1};

	note_cut(&p, snprintf(p.path, sizeof p.path, "%s[%zu]", at->path, i));
	return p;
}

/* --- keywords --- */

static bool is_of_type(const struct json *v, struct str type)
{
	int64_t i;

	if (str_is(type, "integer"))
		return json_to_int(v, &i);
	return str_is(type, json_type_name(v));
}

static int check_type(const struct json *type, const struct json *v, const struct place *at, struct err *err)
{
	struct arena *scratch;
	bool fits = !type || is_of_type(v, json_str(type));
	char what[160];

	for (size_t i = 0; !fits && i < json_len(type); i++)
		fits = is_of_type(v, json_str(json_at(type, i)));
	if (fits)
		return 0;
	scratch = arena_new(NULL);
	snprintf(what, sizeof what, "expected %.100s, got %s",
		 json_type(type) == JSON_STRING ? str_cstr(scratch, json_str(type)) : json_text(scratch, type).p,
		 json_type_name(v));
	arena_free(scratch);
	return fail(at, err, what);
}

static int check_choice(const struct json *schema, const struct json *v, const struct place *at, struct err *err)
{
	const struct json *choices = json_getc(schema, "enum"), *only = json_getc(schema, "const");
	bool fits = !choices && (!only || json_equal(only, v));
	struct arena *scratch;
	char what[200];

	for (size_t i = 0; !fits && i < json_len(choices); i++)
		fits = json_equal(json_at(choices, i), v);
	if (fits)
		return 0;
	scratch = arena_new(NULL);
	snprintf(what, sizeof what, "expected one of %.160s", json_text(scratch, choices ? choices : only).p);
	arena_free(scratch);
	return fail(at, err, what);
}

static int check_count(const struct json *schema, const char *min_key, const char *max_key, size_t n,
		       const char *unit, const struct place *at, struct err *err)
{
	int64_t limit;

	if (json_to_int(json_getc(schema, min_key), &limit) && (int64_t)n < limit)
		return fail_limit(at, err, "least", limit, unit);
	if (json_to_int(json_getc(schema, max_key), &limit) && (int64_t)n > limit)
		return fail_limit(at, err, "most", limit, unit);
	return 0;
}

static int check_number(const struct json *schema, const struct json *v, const struct place *at, struct err *err)
{
	const struct json *min = json_getc(schema, "minimum"), *max = json_getc(schema, "maximum");
	bool low = json_is_number(min) && json_cmp(v, min) < 0, high = json_is_number(max) && json_cmp(v, max) > 0;
	char what[96];

	if (!low && !high)
		return 0;
	snprintf(what, sizeof what, "expected at %s %.15g", low ? "least" : "most", json_to_double(low ? min : max));
	return fail(at, err, what);
}

static int check_value(const struct json *schema, const struct json *v, const struct place *at, struct err *err);

static const char *suggest(struct arena *a, struct str key, const struct json *properties)
{
	const char **names = ARENA_ARRAY(a, json_len(properties) + 1, const char *);

	for (size_t i = 0; i < json_len(properties); i++)
		names[i] = str_cstr(a, json_key(properties, i));
	return str_nearest(key, names, json_len(properties));
}

static int fail_unknown(struct str key, const struct json *properties, const struct place *at, struct err *err)
{
	struct place p = below_key(at, key);
	struct arena *scratch = arena_new(NULL);
	const char *near = suggest(scratch, key, properties);

	fail(&p, err, "the tool has no such argument");
	if (near)
		err_hint(err, "did you mean \"%.64s\"?", near);
	arena_free(scratch);
	return -1;
}

static int check_object(const struct json *schema, const struct json *v, const struct place *at, struct err *err)
{
	const struct json *required = json_getc(schema, "required"), *properties = json_getc(schema, "properties");
	const struct json *more = json_getc(schema, "additionalProperties");
	bool closed = more && json_type(more) == JSON_FALSE;

	for (size_t i = 0; i < json_len(required); i++) {
		struct place p = below_key(at, json_str(json_at(required, i)));

		if (!json_get(v, json_str(json_at(required, i))))
			return fail(&p, err, "is missing");
	}
	for (size_t i = 0; i < json_len(v); i++) {
		const struct json *sub = json_get(properties, json_key(v, i));
		struct place p = below_key(at, json_key(v, i));

		if (!sub && closed)
			return fail_unknown(json_key(v, i), properties, at, err);
		if (!sub && json_type(more) == JSON_OBJECT)
			sub = more;
		if (sub && check_value(sub, json_val(v, i), &p, err) < 0)
			return -1;
	}
	return 0;
}

static int check_array(const struct json *schema, const struct json *v, const struct place *at, struct err *err)
{
	const struct json *items = json_getc(schema, "items");

	if (check_count(schema, "minItems", "maxItems", json_len(v), "items", at, err) < 0)
		return -1;
	for (size_t i = 0; json_type(items) == JSON_OBJECT && i < json_len(v); i++) {
		struct place p = below_index(at, i);

		if (check_value(items, json_at(v, i), &p, err) < 0)
			return -1;
	}
	return 0;
}

static int check_value(const struct json *schema, const struct json *v, const struct place *at, struct err *err)
{
	if (schema && json_type(schema) == JSON_FALSE)
		return fail(at, err, "no value is allowed here");
	if (json_type(schema) != JSON_OBJECT)
		return 0;
	if (at->depth > MAX_DEPTH)
		return fail(at, err, "nested too deep");
	if (check_type(json_getc(schema, "type"), v, at, err) < 0 || check_choice(schema, v, at, err) < 0)
		return -1;
	switch (json_type(v)) {
	case JSON_OBJECT:
		return check_object(schema, v, at, err);
	case JSON_ARRAY:
		return check_array(schema, v, at, err);
	case JSON_STRING:
		return check_count(schema, "minLength", "maxLength", utf8_len(json_str(v)), "characters", at, err);
	case JSON_INT:
	case JSON_NUM:
		return check_number(schema, v, at, err);
	default:
		return 0;
	}
}

int argcheck(const struct json *schema, const struct json *args, struct err *err)
{
	struct place top = {.depth = 0};

	if (json_type(args) != JSON_OBJECT)
		return err_set(err, ERR_TOOL_ARGS, "arguments: expected object, got %s", json_type_name(args));
	return check_value(schema, args, &top, err);
}
