/* json_schema.c - JSON Schemas of files: compiled, with what is wrong at its place in the file. */
#include "base/arena.h"
#include "base/json.h"
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

static bool token_is(struct arena *a, struct str token, struct str key)
{
	struct buf b;

	if (str_chr(token, '~') < 0)
		return str_eq(token, key);
	buf_init(&b, a);
	for (size_t i = 0; i < token.n; i++) {
		if (token.p[i] == '~' && i + 1 < token.n)
			buf_addc(&b, token.p[++i] == '1' ? '/' : '~');
		else
			buf_addc(&b, token.p[i]);
	}
	return str_eq(buf_str(&b), key);
}

static const struct yaml *child(struct arena *a, const struct yaml *n, struct str token, const struct yaml **key)
{
	size_t i = 0;

	if (n->kind == YAML_LIST) {
		for (size_t k = 0; k < token.n && i < n->n; k++)
			i = i * 10 + (size_t)(token.p[k] - '0');
		return i < n->n ? n->items[i] : NULL;
	}
	for (; n->kind == YAML_MAP && i < n->n; i++)
		if (token_is(a, token, n->pairs[i].key->text)) {
			*key = n->pairs[i].key;
			return n->pairs[i].value;
		}
	return NULL;
}

/* As far as the file goes there. */
static struct place place_of(struct arena *a, const struct schema_origin *o, struct str pointer, const struct schema_fault *f)
{
	const struct yaml *n = o->nodes, *key = NULL, *next = n;
	struct place at = o->at;

	while (next) {
		ptrdiff_t end;
		struct str token;

		n = next;
		at = n->at;
		if (!pointer.n) {
			n = f->at_key && key ? key : n;
			return f->offset != SIZE_MAX && n->kind == YAML_SCALAR ? yaml_place(n, f->offset) : n->at;
		}
		pointer = str_sub(pointer, 1, pointer.n);
		end = str_chr(pointer, '/');
		token = end < 0 ? pointer : str_sub(pointer, 0, (size_t)end);
		pointer = str_sub(pointer, token.n, pointer.n);
		next = child(a, n, token, &key);
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

		diag_add(l->d, f->warning ? DIAG_WARNING : DIAG_ERROR, place_of(l->a, o, rest, f), NULL, "JSON Schema: " STR_FMT,
			 STR_ARG(f->message));
	}
	if (faults.more)
		diag_error(l->d, origins[0].at, "JSON Schema: there is more that is wrong than is shown");
	return program;
}
