/* root.c - builds the root object from the state. */
#include "engine/root.h"

#include "base/arena.h"
#include "base/json.h"
#include "config/workflow.h"
#include "engine/program.h"
#include "engine/state.h"
#include "engine/vars.h"

static const struct json *step_entry(struct arena *a, const struct node *n)
{
	struct json_builder b;

	json_object_begin(&b, a);
	json_object_setc(&b, "output", n->output);
	json_object_setc(&b, "status", json_stringc(a, node_status_name(n->status)));
	json_object_setc(&b, "error", n->error);
	json_object_setc(&b, "visits", json_int(a, n->visits));
	return json_object_end(&b);
}

static void add_entry(struct json_builder *b, const struct scope *sc, int index)
{
	const struct node *n = sc->nodes[index];

	if (n && n->visits)
		json_object_set(b, node_program(n)->step->id, step_entry(b->a, n));
}

/* Outer scopes first: ids are unique in a workflow, so the order shows only in `.steps | keys`. */
static void add_all(struct json_builder *b, const struct scope *sc)
{
	if (sc->parent)
		add_all(b, sc->parent);
	for (size_t i = 0; i < sc->program->n; i++)
		add_entry(b, sc, (int)i);
}

static const struct json *steps_object(struct arena *a, const struct scope *sc, const struct refs *refs)
{
	struct json_builder b;

	json_object_begin(&b, a);
	if (refs->all_steps)
		add_all(&b, sc);
	for (size_t i = 0; !refs->all_steps && i < refs->n_steps; i++) {
		const struct scope *at = sc;

		for (int up = refs->steps[i].up; up > 0 && at; up--)
			at = at->parent;
		if (at)
			add_entry(&b, at, refs->steps[i].index);
	}
	return json_object_end(&b);
}

const struct json *root_build(struct arena *a, const struct state *st, const struct scope *sc,
			      const struct refs *refs)
{
	struct json_builder b;

	json_object_begin(&b, a);
	if (refs->reads & READS_INPUT)
		json_object_setc(&b, "input", st->input);
	if (refs->reads & READS_STEPS)
		json_object_setc(&b, "steps", steps_object(a, sc, refs));
	if (refs->reads & READS_VARS)
		json_object_setc(&b, "vars", vars_view(a, sc));
	if (refs->reads & READS_TASK)
		json_object_setc(&b, "task", st->facts);
	if (refs->reads & READS_ITEM)
		json_object_setc(&b, "item", sc->item_value);
	if (refs->reads & READS_INDEX)
		json_object_setc(&b, "index", sc->owner ? json_int(a, (int64_t)sc->item) : json_null());
	if (refs->reads & READS_ERROR)
		json_object_setc(&b, "error", json_null());
	return json_object_end(&b);
}
