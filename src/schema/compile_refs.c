/* compile_refs.c - anchors and references, and that no reference leads back to its own value. */
#include "base/arena.h"
#include "base/json.h"
#include "base/json_pointer.h"
#include "schema/compile.h"

void reference_add(struct compile *c, struct node *n, struct str text, bool dynamic, const struct at *at)
{
	if (c->n_references == c->cap_references) {
		struct reference *old = c->references;

		c->cap_references = c->cap_references ? 2 * c->cap_references : 32;
		c->references = ARENA_ARRAY(c->scratch, c->cap_references, struct reference);
		if (old)
			memcpy(c->references, old, c->n_references * sizeof *old);
	}
	c->references[c->n_references++] = (struct reference){n, text, at_pointer(c->scratch, at), n->resource, dynamic};
}

static bool is_anchor(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char ch = s.p[i];
		bool first = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || ch == '_';

		if (!first && (i == 0 || ((ch < '0' || ch > '9') && ch != '-' && ch != '.')))
			return false;
	}
	return s.n > 0;
}

static const struct anchor *anchor_find(const struct compile *c, uint32_t resource, struct str name)
{
	for (size_t i = 0; i < c->n_anchors; i++)
		if (c->anchors[i].resource == resource && str_eq(c->anchors[i].name, name))
			return &c->anchors[i];
	return NULL;
}

void anchor_add(struct compile *c, struct node *n, struct str name, bool dynamic, const struct at *at)
{
	const char *word = dynamic ? "$dynamicAnchor" : "$anchor";
	const struct anchor *other = anchor_find(c, n->resource, name);

	if (!is_anchor(name))
		compile_complain(c, at, word, "\"%s\": \"" STR_FMT "\" is no name: expected letters, digits, \"-\", \"_\" and \".\"",
				 word, STR_ARG(str_clip(name, 60)));
	else if (other && other->node != n)
		compile_complain(c, at, word, "\"%s\": \"" STR_FMT "\" is there twice", word, STR_ARG(name));
	else if (c->n_anchors == MAX_ANCHORS)
		compile_complain(c, at, word, "more than %d anchors", MAX_ANCHORS);
	else
		c->anchors[c->n_anchors++] = (struct anchor){name, n->resource, n, dynamic};
}

/* --- resolving --- */

static int resource_find(struct compile *c, struct str uri)
{
	const struct at top = {.up = NULL}, builtin = {.up = &top, .key = STR(""), .raw = true};
	const struct json *v;
	uint32_t index;

	for (size_t i = 0; i < c->n_resources; i++)
		if (str_eq(c->resources[i].uri, uri))
			return (int)i;
	v = metaschema(c->a, uri);
	if (!v || resource_add(c, uri, v, NULL, &top) < 0)
		return -1;
	/* Its "$id" is the resource just made. */
	index = (uint32_t)c->n_resources - 1;
	c->resources[index].node = compile_walk(c, v, &builtin, index);
	return (int)index;
}

static const struct node *lost(struct compile *c, const struct reference *r, const char *why)
{
	const struct at top = {.up = NULL}, here = {.up = &top, .key = r->pointer, .raw = true};
	const char *word = r->dynamic ? "$dynamicRef" : "$ref";

	compile_complain(c, &here, word, "\"%s\" leads to \"" STR_FMT "\", which is %s", word,
			 STR_ARG(str_clip(r->text, 200)), why);
	return NULL;
}

static const struct node *by_pointer(struct compile *c, const struct reference *r, uint32_t index, struct str pointer)
{
	const struct json *v = json_pointer_find(c->resources[index].root, pointer);
	const struct at top = {.up = NULL}, outer = {.up = &top, .key = c->resources[index].pointer, .raw = true};
	const struct at here = {.up = &outer, .key = pointer, .raw = true};
	const struct node *n;

	if (!v)
		return lost(c, r, "not there");
	if (json_type(v) != JSON_OBJECT && json_type(v) != JSON_TRUE && json_type(v) != JSON_FALSE)
		return lost(c, r, "no schema");
	n = json_type(v) == JSON_OBJECT ? place_find(c, v) : NULL;
	return n ? n : compile_walk(c, v, &here, index);	/* inside of what is no keyword */
}

static struct dynamic *dynamic_of(struct compile *c, struct str name)
{
	for (size_t i = 0; i < c->n_dynamics; i++)
		if (str_eq(c->dynamics[i]->name, name))
			return c->dynamics[i];
	if (!c->dynamics)
		c->dynamics = ARENA_ARRAY(c->scratch, MAX_ANCHORS, struct dynamic *);
	c->dynamics[c->n_dynamics] = ARENA_NEW(c->a, struct dynamic);
	c->dynamics[c->n_dynamics]->name = name;
	return c->dynamics[c->n_dynamics++];
}

static void resolve(struct compile *c, const struct reference *r)
{
	struct str uri = uri_resolve(c->a, c->resources[r->resource].uri, r->text), fragment = STR("");
	const struct anchor *anchor = NULL;
	const struct node *target;
	ptrdiff_t hash = str_chr(uri, '#');
	int index;

	if (hash >= 0) {
		fragment = uri_unescape(c->a, str_sub(uri, (size_t)hash + 1, uri.n));
		uri = str_sub(uri, 0, (size_t)hash);
	}
	index = resource_find(c, uri);
	if (index < 0) {
		lost(c, r, "not in this document");
		return;
	}
	if (fragment.n == 0 || fragment.p[0] == '/') {
		target = fragment.n ? by_pointer(c, r, (uint32_t)index, fragment) : c->resources[index].node;
	} else {
		anchor = anchor_find(c, (uint32_t)index, fragment);
		target = anchor ? anchor->node : lost(c, r, "not there");
	}
	if (!r->dynamic) {
		r->node->in_place->ref = target;
		return;
	}
	r->node->in_place->dynamic_ref = target;
	if (anchor && anchor->dynamic)
		r->node->in_place->dynamic = dynamic_of(c, anchor->name);
}

static void fill_dynamics(struct compile *c)
{
	for (size_t i = 0; i < c->n_dynamics; i++) {
		struct dynamic *d = c->dynamics[i];

		d->by_resource = ARENA_ARRAY(c->a, c->n_resources, const struct node *);
		for (size_t k = 0; k < c->n_anchors; k++)
			if (c->anchors[k].dynamic && str_eq(c->anchors[k].name, d->name))
				d->by_resource[c->anchors[k].resource] = c->anchors[k].node;
	}
}

/* --- cycles: a value that is looked at because of itself --- */

enum { WHITE, GREY, BLACK };

static void complain_of(struct compile *c, const struct node *n, const char *what)
{
	const struct at top = {.up = NULL};

	for (size_t i = 0; i < c->n_references; i++) {
		const struct at here = {.up = &top, .key = c->references[i].pointer, .raw = true};

		if (c->references[i].node != n)
			continue;
		compile_complain(c, &here, "$ref", "\"$ref\" leads to \"" STR_FMT "\": %s",
				 STR_ARG(str_clip(c->references[i].text, 200)), what);
		return;
	}
	compile_complain(c, &top, NULL, "%s", what);
}

static bool visit(struct compile *c, const struct node *n, size_t depth);

static bool visit_list(struct compile *c, const struct node_list *list, size_t depth)
{
	for (size_t i = 0; i < list->n; i++)
		if (!visit(c, list->v[i], depth))
			return false;
	return true;
}

/* What a dynamic reference leads to is not known here: the bound on depth ends what turns in a circle. */
static bool visit_in_place(struct compile *c, const struct node *n, size_t depth)
{
	const struct in_place *p = n->in_place;

	if (!visit(c, p->ref, depth) || (!p->dynamic && !visit(c, p->dynamic_ref, depth))) {
		if (!c->failed)
			complain_of(c, n, "back to itself, without end");
		return false;
	}
	return visit_list(c, &p->all_of, depth) && visit_list(c, &p->any_of, depth) && visit_list(c, &p->one_of, depth) &&
	       visit(c, p->not, depth) && visit(c, p->if_, depth) && visit(c, p->then_, depth) && visit(c, p->else_, depth);
}

static bool visit(struct compile *c, const struct node *n, size_t depth)
{
	bool fine = true;

	if (!n || n->kind != NODE_RULES || c->colours[n->serial] == BLACK)
		return true;
	if (c->colours[n->serial] == GREY)
		return false;
	if (depth == MAX_CHAIN) {
		complain_of(c, n, "a chain of too many schemas for one value");
		return false;
	}
	c->colours[n->serial] = GREY;
	for (size_t i = 0; fine && n->object && i < n->object->n_dependents; i++)
		fine = visit(c, n->object->dependents[i].node, depth + 1);
	fine = fine && (!n->in_place || visit_in_place(c, n, depth + 1));
	c->colours[n->serial] = BLACK;
	return fine;
}

void references_resolve(struct compile *c)
{
	for (size_t i = 0; i < c->n_references; i++) {
		struct reference r = c->references[i];

		resolve(c, &r);
	}
	fill_dynamics(c);
	if (c->failed)
		return;
	c->colours = arena_zalloc(c->scratch, c->n_nodes + 1);
	for (size_t i = 0; i < c->n_nodes; i++)
		if (!visit(c, c->nodes[i], 0))
			return;
}
