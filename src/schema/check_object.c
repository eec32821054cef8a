/* check_object.c - members. */
#include "base/arena.h"
#include "base/json.h"
#include "schema/check.h"

static const struct property *find(const struct object_rules *o, struct str key)
{
	for (size_t i = key_hash(key) & o->mask; o->table[i].key.p; i = (i + 1) & o->mask)
		if (str_eq(o->table[i].key, key))
			return &o->table[i];
	return NULL;
}

static bool fail_unknown(struct run *r, const struct object_rules *o, struct str key, const struct at *at)
{
	struct arena *scratch;
	const char **names, *near;

	if (!r->faults)
		return false;
	scratch = arena_new(NULL);
	names = ARENA_ARRAY(scratch, json_len(o->properties) + 1, const char *);
	for (size_t i = 0; i < json_len(o->properties); i++)
		names[i] = str_cstr(scratch, json_key(o->properties, i));
	near = str_nearest(key, names, json_len(o->properties));
	check_fail(r, at, "additionalProperties", "key \"" STR_FMT "\" is not allowed%s%s%s", STR_ARG(str_clip(key, SHOWN_BYTES)),
	     near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
	arena_free(scratch);
	return false;
}

/* One error, which says of which key. */
static bool check_name(struct run *r, const struct node *names, struct str key, const struct at *at)
{
	struct schema_faults *faults = r->faults;
	struct json_room room;
	const struct json *name = json_string_in(&room, key);
	size_t first;

	if (!faults)
		return check_node(r, names, name, at, NULL, NULL);
	first = faults->n;
	if (check_node(r, names, name, at, NULL, NULL))
		return true;
	if (first < faults->n) {
		struct schema_fault *f = &faults->v[first];

		f->message = str_from(arena_printf(faults->a, "the key itself: " STR_FMT, STR_ARG(f->message)));
		f->keyword = STR("propertyNames");
		faults->n = first + 1;
	}
	return false;
}

static bool check_member(struct run *r, const struct object_rules *o, const struct json *v, size_t i, const struct at *up,
			 struct marks *m, size_t *n_required)
{
	const struct at at = {.up = up, .key = json_key(v, i)};
	const struct property *p = o->table ? find(o, at.key) : NULL;
	const struct json *value = json_val(v, i);
	bool known = p && p->node, ok = true;

	*n_required += p && p->required;
	if (known && !keep(r, &ok, check_node(r, p->node, value, &at, NULL, "properties")))
		return false;
	for (size_t k = 0; k < o->n_patterns; k++) {
		if (!check_pattern(r, o->patterns[k].pattern, at.key))
			continue;
		known = true;
		if (!keep(r, &ok, check_node(r, o->patterns[k].node, value, &at, NULL, "patternProperties")))
			return false;
	}
	if (!known && o->additional) {
		known = true;
		if (o->additional->kind == NODE_NEVER)
			ok = fail_unknown(r, o, at.key, &at);
		else
			ok = check_node(r, o->additional, value, &at, NULL, "additionalProperties");
		if (!ok && !keep(r, &ok, false))
			return false;
	}
	if (known)
		marks_set(m, i);
	if (o->names && !keep(r, &ok, check_name(r, o->names, at.key, &at)))
		return false;
	return ok && !r->given_up;
}

static bool check_required(struct run *r, const struct object_rules *o, const struct json *v, const struct at *at)
{
	bool ok = true;

	for (size_t i = 0; i < json_len(o->required); i++) {
		struct str key = json_str(json_at(o->required, i));

		if (json_get(v, key))
			continue;
		check_fail(r, at, "required", "required key \"" STR_FMT "\" is missing", STR_ARG(str_clip(key, SHOWN_BYTES)));
		if (!keep(r, &ok, false))
			return false;
	}
	return ok;
}

static bool check_dependent(struct run *r, const struct dependent *d, const struct json *v, const struct at *at, struct marks *m)
{
	bool ok = true;

	if (d->node)
		return check_node(r, d->node, v, at, m, NULL);
	for (size_t i = 0; i < json_len(d->required); i++) {
		struct str key = json_str(json_at(d->required, i));

		if (!check_spend(r, 1))
			return false;
		if (json_get(v, key))
			continue;
		check_fail(r, at, "dependentRequired", "required key \"" STR_FMT "\" is missing, as \"" STR_FMT "\" is there",
		     STR_ARG(str_clip(key, SHOWN_BYTES)), STR_ARG(str_clip(d->key, SHOWN_BYTES)));
		if (!keep(r, &ok, false))
			return false;
	}
	return ok;
}

static bool check_size(struct run *r, const struct object_rules *o, size_t n, const struct at *at)
{
	size_t limit = n < o->min ? o->min : o->max;

	if (n >= o->min && n <= o->max)
		return true;
	return check_fail(r, at, n < o->min ? "minProperties" : "maxProperties", "expected at %s %zu key%s, got %zu",
		    n < o->min ? "least" : "most", limit, limit == 1 ? "" : "s", n);
}

bool check_object(struct run *r, const struct node *n, const struct json *v, const struct at *at, struct marks *m)
{
	const struct object_rules *o = n->object;
	size_t n_required = 0;
	bool ok = true;

	if (!keep(r, &ok, check_size(r, o, json_len(v), at)))
		return false;
	for (size_t i = 0; (o->table || o->n_patterns || o->additional || o->names) && i < json_len(v); i++)
		if (!check_spend(r, 1) || !keep(r, &ok, check_member(r, o, v, i, at, m, &n_required)))
			return false;
	if (n_required < o->n_required && !keep(r, &ok, check_required(r, o, v, at)))
		return false;
	for (size_t i = 0; i < o->n_dependents; i++)
		if (json_get(v, o->dependents[i].key) && !keep(r, &ok, check_dependent(r, &o->dependents[i], v, at, m)))
			return false;
	return ok;
}
