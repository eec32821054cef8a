/* json_schema.c - JSON Schemas of files: compiled, with what is wrong at its place in the file. */
#include "base/json_pointer.h"
#include "config/schema.h"
#include "schema/schema.h"

/* Does the pointer lead below under? Then rest is what is left of it. */
static bool below(struct str pointer, struct str under, struct str *rest)
{
	if (!str_starts(pointer, under) || (pointer.n > under.n && pointer.p[under.n] != '/'))
		return false;
	*rest = str_sub(pointer, under.n, pointer.n);
	return true;
}

/* Embedded files come behind the document that holds them; one that could not be read has no pointer. */
static const struct schema_origin *origin_of(const struct schema_origin *v, size_t n, struct str pointer, struct str *rest)
{
	while (n-- > 1)
		if (v[n].under.n && below(pointer, v[n].under, rest))
			return &v[n];
	*rest = pointer;
	return &v[0];
}

static const struct yaml *child(const struct yaml *n, struct str token, const struct yaml **key)
{
	size_t i = 0;

	if (n->kind == YAML_LIST)
		return json_pointer_index(token, &i) && i < n->n ? n->items[i] : NULL;
	for (; n->kind == YAML_MAP && i < n->n; i++)
		if (json_pointer_names(token, n->pairs[i].key->text)) {
			*key = n->pairs[i].key;
			return n->pairs[i].value;
		}
	return NULL;
}

/* As far as the file goes there. */
static struct place place_of(const struct schema_origin *o, struct str pointer, const struct schema_fault *f)
{
	const struct yaml *n = o->nodes, *key = NULL, *next = n;
	struct place at = o->at;

	while (next) {
		struct str token;

		n = next;
		at = n->at;
		if (!json_pointer_next(&pointer, &token)) {
			n = f->at_key && key ? key : n;
			return f->offset != SIZE_MAX && n->kind == YAML_SCALAR ? yaml_place(n, f->offset) : n->at;
		}
		next = child(n, token, &key);
	}
	return at;
}

const struct schema *load_schema(struct load *l, const struct json *schema, const struct schema_origin *origins, size_t n)
{
	struct schema_faults faults = {.a = l->a};
	const struct schema *program = schema_compile(l->a, schema, &faults);

	for (size_t i = 0; i < faults.n; i++) {
		const struct schema_fault *f = &faults.v[i];
		struct str rest;
		const struct schema_origin *o = origin_of(origins, n, f->pointer, &rest);

		diag_add(l->d, f->warning ? DIAG_WARNING : DIAG_ERROR, place_of(o, rest, f), NULL, "JSON Schema: " STR_FMT,
			 STR_ARG(f->message));
	}
	if (faults.more)
		diag_error(l->d, origins[0].at, "JSON Schema: there is more that is wrong than is shown");
	return program;
}
