/* check_in_place.c - schemas that look at the same value: references, combinations, conditions. */
#include "base/json.h"
#include "schema/check.h"

/* The outermost resource on the way that has the anchor. */
static const struct node *dynamic_target(const struct run *r, const struct in_place *p)
{
	const struct node *target = p->dynamic_ref;

	for (const struct scope *s = r->scope; p->dynamic && s; s = s->up)
		if (p->dynamic->by_resource[s->resource])
			target = p->dynamic->by_resource[s->resource];
	return target;
}

/* A branch that does not fit has looked at nothing. */
static bool branch(struct run *r, const struct node *n, const struct json *v, struct marks *m)
{
	struct marks own;

	if (!m)
		return check_quietly(r, n, v, NULL);
	marks_begin(r, &own, m->n);
	if (!check_quietly(r, n, v, &own))
		return false;
	marks_merge(m, &own);
	return true;
}

static bool takes_type(const struct node *n, const struct json *v)
{
	static const uint8_t masks[] = {
		[JSON_NULL] = TYPE_NULL,     [JSON_FALSE] = TYPE_BOOLEAN,
		[JSON_TRUE] = TYPE_BOOLEAN,  [JSON_INT] = TYPE_NUMBER | TYPE_INTEGER,
		[JSON_NUM] = TYPE_NUMBER,    [JSON_STRING] = TYPE_STRING,
		[JSON_ARRAY] = TYPE_ARRAY,   [JSON_OBJECT] = TYPE_OBJECT,
	};

	for (int i = 0; i < 20 && n->kind == NODE_RULES; i++) {
		if (!(n->types & masks[json_type(v)]))
			return false;
		if (!n->in_place || !n->in_place->ref)
			return true;
		n = n->in_place->ref;
	}
	return n->kind != NODE_NEVER;
}

/* Where only one of the alternatives is for values of this type, what is wrong by that one says more. */
static bool fail_alternatives(struct run *r, const struct node_list *list, const struct json *v, const struct at *at,
			      const char *keyword)
{
	const struct node *meant = NULL;
	size_t n = 0;

	if (!r->faults)
		return false;
	for (size_t i = 0; i < list->n; i++)
		if (takes_type(list->v[i], v)) {
			meant = list->v[i];
			n++;
		}
	if (n != 1)
		return check_fail(r, at, keyword, "fits none of the %zu schemas of \"%s\"", list->n, keyword);
	check_node(r, meant, v, at, NULL, keyword);
	return false;
}

static bool check_any_of(struct run *r, const struct node_list *list, const struct json *v, const struct at *at, struct marks *m)
{
	bool fits = false;

	for (size_t i = 0; i < list->n && (!fits || m); i++)
		fits = branch(r, list->v[i], v, m) || fits;
	if (fits || r->given_up)
		return fits;
	return fail_alternatives(r, list, v, at, "anyOf");
}

static bool check_one_of(struct run *r, const struct node_list *list, const struct json *v, const struct at *at, struct marks *m)
{
	size_t first = 0, n = 0;

	for (size_t i = 0; i < list->n && !r->given_up; i++) {
		if (!branch(r, list->v[i], v, m))
			continue;
		if (n++ == 0) {
			first = i;
			continue;
		}
		return check_fail(r, at, "oneOf", "fits schemas %zu and %zu of \"oneOf\", expected one", first, i);
	}
	if (n == 1 || r->given_up)
		return n == 1;
	return fail_alternatives(r, list, v, at, "oneOf");
}

static bool check_condition(struct run *r, const struct in_place *p, const struct json *v, const struct at *at, struct marks *m)
{
	bool holds = branch(r, p->if_, v, m);
	const struct node *next = holds ? p->then_ : p->else_;

	return !r->given_up && (!next || check_node(r, next, v, at, m, holds ? "then" : "else"));
}

static bool check_references(struct run *r, const struct in_place *p, const struct json *v, const struct at *at, struct marks *m)
{
	bool ok = true;

	if (p->ref && !keep(r, &ok, check_node(r, p->ref, v, at, m, NULL)))
		return false;
	if (p->dynamic_ref && !keep(r, &ok, check_node(r, dynamic_target(r, p), v, at, m, NULL)))
		return false;
	return ok;
}

bool check_in_place(struct run *r, const struct in_place *p, const struct json *v, const struct at *at, struct marks *m)
{
	bool ok = true;

	if (!keep(r, &ok, check_references(r, p, v, at, m)))
		return false;
	for (size_t i = 0; i < p->all_of.n; i++)
		if (!keep(r, &ok, check_node(r, p->all_of.v[i], v, at, m, NULL)))
			return false;
	if (p->any_of.n && !keep(r, &ok, check_any_of(r, &p->any_of, v, at, m)))
		return false;
	if (p->one_of.n && !keep(r, &ok, check_one_of(r, &p->one_of, v, at, m)))
		return false;
	if (p->not && !keep(r, &ok, !check_quietly(r, p->not, v, NULL) || check_fail(r, at, "not", "fits the schema of \"not\"")))
		return false;
	if (p->if_ && !keep(r, &ok, check_condition(r, p, v, at, m)))
		return false;
	return ok && !r->given_up;
}
