/* outline.c - see outline.h. */
#include "config/outline.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/json.h"
#include "config/expr.h"
#include "config/workflow_edge.h"

enum { LABEL_BYTES = 200 };

/* --- labels: what a step is about, in a few words --- */

static struct str names_of(struct arena *a, const struct step_set *set)
{
	struct buf b;

	buf_init(&b, a);
	for (size_t i = 0; i < set->n; i++)
		buf_addf(&b, "%s" STR_FMT, i ? ", " : "", STR_ARG(set->names[i]));
	return buf_str(&b);
}

static struct str pause_of(struct arena *a, const struct step_wait *wait)
{
	char text[32];

	if (wait->duration_ms < 0)
		return STR_NONE;
	duration_format(wait->duration_ms, text);
	return str_dup(a, str_from(text));
}

static struct str label_of(struct arena *a, const struct step *s)
{
	switch (s->kind) {
	case STEP_SET:
		return names_of(a, &s->u.set);
	case STEP_CALL:
		return s->u.call.tool;
	case STEP_MODEL:
		return s->u.model.tier;
	case STEP_AGENT:
		return s->u.agent.ask.tier;
	case STEP_FOR:
		return expr_source(s->u.loop.in);
	case STEP_WAIT:
		return pause_of(a, &s->u.wait);
	case STEP_RAISE:
		return s->u.raise.type ? tmpl_prefix(s->u.raise.type) : STR_NONE;
	case STEP_APPROVE:
		return s->ask->title ? tmpl_prefix(s->ask->title) : STR_NONE;
	case STEP_SWITCH:
	case STEP_KINDS:
		break;
	}
	return STR_NONE;
}

/* --- lists --- */

struct edges {
	struct arena *a;
	const struct steps *steps;
	struct json_builder list;
};

static const struct json *text(struct arena *a, struct str s)
{
	return json_string_clean(a, str_clip(s, LABEL_BYTES));
}

static void add_edge(void *arg, size_t from, const struct step_edge *e)
{
	struct edges *x = arg;
	struct json_builder o;

	(void)from;
	json_object_begin(&o, x->a);
	json_object_setc(&o, "kind", json_stringc(x->a, edge_kind_name(e->kind)));
	json_object_setc(&o, "to", e->to < x->steps->n ? json_string(x->a, x->steps->v[e->to].id) : json_null());
	if (e->sw && e->sw->when)
		json_object_setc(&o, "when", text(x->a, expr_source(e->sw->when)));
	if (e->sw && e->sw->max_visits)
		json_object_setc(&o, "max_visits", json_int(x->a, e->sw->max_visits));
	json_array_add(&x->list, json_object_end(&o));
}

/* As deep as loops are nested in a file, which is bounded. */
static const struct json *list_of(struct arena *a, const struct steps *steps)
{
	struct json_builder list, o;

	json_array_begin(&list, a);
	for (size_t i = 0; i < steps->n; i++) {
		const struct step *s = &steps->v[i];
		struct edges edges = {.a = a, .steps = steps};
		struct str label = label_of(a, s);

		json_array_begin(&edges.list, a);
		step_edges(steps->v, steps->n, i, add_edge, &edges);
		json_object_begin(&o, a);
		json_object_setc(&o, "id", json_string(a, s->id));
		json_object_setc(&o, "kind", json_stringc(a, step_kind_name(s->kind)));
		if (label.n)
			json_object_setc(&o, "label", text(a, label));
		json_object_setc(&o, "edges", json_array_end(&edges.list));
		if (s->kind == STEP_FOR)
			json_object_setc(&o, "steps", list_of(a, s->u.loop.body));
		json_array_add(&list, json_object_end(&o));
	}
	return json_array_end(&list);
}

const struct json *outline_json(struct arena *a, const struct workflow *w)
{
	return list_of(a, w->steps);
}
