/* step_switch.c - switch: the first edge that fits is taken, if it may be taken once more. */
#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "config/workflow.h"
#include "engine/act.h"
#include "engine/program.h"
#include "engine/run.h"
#include "engine/steps.h"

/* -1: none fits; -2: error. */
static int choose(struct run *r, struct node *n, const struct step_switch *s, struct err *err)
{
	for (size_t i = 0; i < s->n; i++) {
		bool fits = true;

		if (s->edges[i].when && act_test(r, n, s->edges[i].when, &fits, err) < 0)
			return -2;
		if (fits)
			return (int)i;
	}
	return -1;
}

static const struct json *target_name(struct arena *a, const struct node *n, int then)
{
	if (then == STEP_NEXT)
		return json_null();
	if (then == STEP_END)
		return json_stringc(a, "end");
	return json_string(a, n->scope->program->v[then].step->id);
}

static void begin(struct run *r, struct node *n)
{
	const struct step *step = node_program(n)->step;
	const struct step_switch *s = &step->u.sw;
	struct arena *a = n->scope->arena;
	struct json_builder b;
	struct err err = {0};
	int edge = choose(r, n, s, &err);

	if (edge >= 0 && s->edges[edge].max_visits > 0 && n->edges && n->edges[edge] >= s->edges[edge].max_visits) {
		err_set(&err, ERR_BUDGET_VISITS, "edge %d of \"" STR_FMT "\" was taken %d times, which is its max_visits",
			edge + 1, STR_ARG(step->id), n->edges[edge]);
		edge = -2;
	}
	if (edge == -2) {
		act_fail_err(r, n, &err);
		return;
	}
	json_object_begin(&b, a);
	json_object_setc(&b, "output", json_null());
	json_object_setc(&b, "edge", edge >= 0 ? json_int(a, edge) : json_null());
	json_object_setc(&b, "then", target_name(a, n, edge >= 0 ? s->edges[edge].then : step->then));
	act_row(r, n, ROW_STEP_SUCCEEDED, json_object_end(&b));
}

const struct step_ops step_switch_ops = {.kind = STEP_SWITCH, .begin = begin};
