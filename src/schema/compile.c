/* compile.c - from a document to nodes. */
#include "schema/compile.h"

#include "base/arena.h"
#include "base/json.h"

const struct node node_always = {.kind = NODE_ALWAYS}, node_never = {.kind = NODE_NEVER};

static const char draft[] = "https://json-schema.org/draft/2020-12/schema";

struct schema_fault *compile_complain(struct compile *c, const struct at *at, const char *keyword, const char *fmt, ...)
{
	struct schema_fault *fault;
	va_list ap;

	va_start(ap, fmt);
	fault = fault_add(c->faults, at, keyword, fmt, ap);
	va_end(ap);
	c->failed = true;
	return fault;
}

const char *compile_hint(struct compile *c, const char *near)
{
	return near ? arena_printf(c->scratch, " (did you mean \"%s\"?)", near) : "";
}

/* Warnings leave room for errors. */
static void warn(struct compile *c, const struct at *at, bool at_key, const char *fmt, ...) __attribute__((format(printf, 4, 5)));

static void warn(struct compile *c, const struct at *at, bool at_key, const char *fmt, ...)
{
	struct schema_fault *fault = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (c->faults->n < SCHEMA_FAULTS / 2)
		fault = fault_add(c->faults, at, NULL, fmt, ap);
	va_end(ap);
	if (fault) {
		fault->warning = true;
		fault->at_key = at_key;
	}
}

/* --- which node a value of the document became --- */

static size_t place_slot(const struct compile *c, const struct json *v)
{
	size_t i = (size_t)((uintptr_t)v / 16 * 0x9E3779B97F4A7C15u) & (c->cap_places - 1);

	while (c->places[i].v && c->places[i].v != v)
		i = (i + 1) & (c->cap_places - 1);
	return i;
}

const struct node *place_find(const struct compile *c, const struct json *v)
{
	return c->cap_places ? c->places[place_slot(c, v)].node : NULL;
}

/* The first of several places of a shared value keeps it. */
static void place_note(struct compile *c, const struct json *v, const struct node *n)
{
	size_t i;

	if (2 * c->n_places >= c->cap_places) {
		struct place_of *old = c->places;
		size_t cap = c->cap_places;

		c->cap_places = cap ? 2 * cap : 64;
		c->places = ARENA_ARRAY(c->scratch, c->cap_places, struct place_of);
		for (size_t k = 0; k < cap; k++)
			if (old[k].v)
				c->places[place_slot(c, old[k].v)] = old[k];
	}
	i = place_slot(c, v);
	if (c->places[i].v)
		return;
	c->places[i] = (struct place_of){v, n};
	c->n_places++;
}

/* --- nodes --- */

int resource_add(struct compile *c, struct str uri, const struct json *root, const struct node *node, const struct at *at)
{
	for (size_t i = 0; i < c->n_resources; i++)
		if (str_eq(c->resources[i].uri, uri)) {
			compile_complain(c, at, "$id", "\"$id\": \"" STR_FMT "\" is there twice", STR_ARG(uri));
			return -1;
		}
	if (c->n_resources == MAX_RESOURCES) {
		compile_complain(c, at, "$id", "more than %d schemas with an \"$id\"", MAX_RESOURCES);
		return -1;
	}
	c->resources[c->n_resources++] = (struct resource){uri, at_pointer(c->scratch, at), root, node};
	return 0;
}

static struct node *node_new(struct compile *c, uint32_t resource)
{
	struct node *n = ARENA_NEW(c->a, struct node);

	if (c->n_nodes == c->cap_nodes) {
		struct node **old = c->nodes;

		c->cap_nodes = c->cap_nodes ? 2 * c->cap_nodes : 64;
		c->nodes = ARENA_ARRAY(c->scratch, c->cap_nodes, struct node *);
		if (old)
			memcpy(c->nodes, old, c->n_nodes * sizeof *old);
	}
	n->kind = NODE_RULES;
	n->types = TYPE_ANY;
	n->resource = resource;
	n->serial = (uint32_t)c->n_nodes;
	c->nodes[c->n_nodes++] = n;
	return n;
}

/* A schema with an address of its own is a resource of its own. */
static void read_id(struct compile *c, struct node *n, const struct json *v, const struct at *at)
{
	const struct at here = {.up = at, .key = STR("$id")};
	struct str id = json_str(json_getc(v, "$id")), uri;
	ptrdiff_t hash;

	if (!id.p)
		return;
	uri = uri_resolve(c->a, c->resources[n->resource].uri, id);
	hash = str_chr(uri, '#');
	if (hash >= 0) {
		compile_complain(c, &here, "$id", "\"$id\" with a fragment (an \"$anchor\" is a key of its own)");
		return;
	}
	if (c->resources[n->resource].root == v && str_eq(uri, c->resources[n->resource].uri))
		return;
	if (resource_add(c, uri, v, n, at) == 0)
		n->resource = (uint32_t)c->n_resources - 1;
}

static void read_schema_word(struct compile *c, const struct json *v, const struct at *at)
{
	struct str s = json_str(v);

	if (s.n && s.p[s.n - 1] == '#')
		s.n--;
	if (!str_is(s, draft))
		compile_complain(c, at, "$schema", "\"$schema\": expected \"%s\", got \"" STR_FMT "\"", draft,
				 STR_ARG(str_clip(s, 100)));
}

static void read_keyword(struct compile *c, struct node *n, struct str key, const struct json *v, const struct at *at)
{
	const struct keyword_row *row = keyword_find(key);
	const char *near;

	if (!row) {
		near = keyword_nearest(key);
		if (near)	/* what looks like one of the draft's checks nothing */
			warn(c, at, true, "unknown keyword \"" STR_FMT "\"%s", STR_ARG(key), compile_hint(c, near));
		return;
	}
	if (!shape_check(c, row, v, at))
		return;
	if (row->keyword == KEY_SCHEMA)
		read_schema_word(c, v, at);
	else if (row->keyword == KEY_ENUM && json_len(v) == 0)
		warn(c, at, false, "\"enum\" is empty: no value fits");
	rule_read(c, n, row, v, at);
}

/* Recursion is bounded by the depth of what was parsed. */
const struct node *compile_walk(struct compile *c, const struct json *v, const struct at *at, uint32_t resource)
{
	struct node *n;

	if (json_type(v) == JSON_TRUE)
		return &node_always;
	if (json_type(v) == JSON_FALSE)
		return &node_never;
	if (json_type(v) != JSON_OBJECT) {
		compile_complain(c, at, NULL, "expected a schema (a map, true or false), got %s", json_type_name(v));
		return &node_always;
	}
	if (c->n_nodes == MAX_NODES) {
		if (!c->failed)
			compile_complain(c, at, NULL, "more than %d schemas in one document", MAX_NODES);
		return &node_always;
	}
	n = node_new(c, resource);
	if (!at->up && c->n_resources == 1)
		c->resources[0].node = n;
	read_id(c, n, v, at);
	place_note(c, v, n);
	for (size_t i = 0; i < json_len(v); i++) {
		const struct at here = {.up = at, .key = json_key(v, i)};

		read_keyword(c, n, here.key, json_val(v, i), &here);
	}
	rules_finish(c, n);
	return n;
}

const struct schema *schema_compile(struct arena *a, const struct json *schema, struct schema_faults *ret)
{
	struct arena *scratch = arena_new(NULL);
	struct compile *c = ARENA_NEW(scratch, struct compile);
	struct schema *program = ARENA_NEW(a, struct schema);
	const struct at top = {.up = NULL};
	bool failed;

	c->a = a;
	c->scratch = scratch;
	c->faults = ret;
	c->program = program;
	resource_add(c, STR(""), schema, NULL, &top);
	program->root = compile_walk(c, schema, &top, 0);
	if (!c->resources[0].node)
		c->resources[0].node = program->root;
	references_resolve(c);
	program->n_resources = c->n_resources;
	failed = c->failed;
	arena_free(scratch);
	return failed ? NULL : program;
}
