/* vars.c - holders of variables and the `as` names before them. */
#include "engine/vars.h"

#include "base/arena.h"
#include "base/json.h"
#include "config/workflow.h"
#include "engine/program.h"
#include "engine/state.h"

enum { SLACK_BYTES = 16 * 1024 };

struct vars *vars_new(struct arena *a, struct scope *owner, const struct json *initial)
{
	struct vars *v = ARENA_NEW(a, struct vars);

	v->owner = owner;
	v->value = initial;
	return v;
}

static struct str as_name(const struct scope *sc)
{
	if (!sc->owner || scope_is_call(sc))
		return STR_NONE;
	return node_program(sc->owner)->step->u.loop.as;
}

/* The scope whose `as` bears that name, among those that share this holder. */
static struct scope *as_scope(struct scope *sc, struct str name)
{
	for (struct scope *at = sc; at && at->vars == sc->vars; at = at->parent) {
		struct str as = as_name(at);

		if (as.p && str_eq(as, name))
			return at;
	}
	return NULL;
}

static void compact(struct vars *v, struct arena *parent)
{
	struct arena *fresh;

	if (arena_bytes(v->arena) < 2 * v->live_bytes + SLACK_BYTES)
		return;
	fresh = arena_new(parent);
	v->value = json_copy(fresh, v->value);
	arena_free(v->arena);
	v->arena = fresh;
	v->live_bytes = arena_bytes(fresh);
}

void vars_write(struct scope *sc, const struct json *written)
{
	struct vars *v = sc->vars;
	struct json_builder b;

	if (!v->arena)
		v->arena = arena_new(v->owner->arena);
	json_object_begin_from(&b, v->arena, v->value);
	for (size_t i = 0; i < json_len(written); i++) {
		struct str name = json_key(written, i);
		struct scope *as = as_scope(sc, name);

		if (as)
			as->as_value = json_copy(as->arena, json_val(written, i));
		else
			json_object_set(&b, str_dup(v->arena, name), json_copy(v->arena, json_val(written, i)));
	}
	v->value = json_object_end(&b);
	compact(v, v->owner->arena);
}

static bool has_as(const struct scope *sc)
{
	for (const struct scope *at = sc; at && at->vars == sc->vars; at = at->parent)
		if (as_name(at).p)
			return true;
	return false;
}

/* Outer names first, so that an inner one of the same name replaces them. */
static void add_as(struct json_builder *b, const struct scope *sc, const struct vars *v)
{
	if (!sc || sc->vars != v)
		return;
	add_as(b, sc->parent, v);
	if (as_name(sc).p)
		json_object_set(b, as_name(sc), sc->as_value);
}

const struct json *vars_view(struct arena *a, const struct scope *sc)
{
	struct json_builder b;

	if (!has_as(sc))
		return sc->vars->value;
	json_object_begin_from(&b, a, sc->vars->value);
	add_as(&b, sc, sc->vars);
	return json_object_end(&b);
}
