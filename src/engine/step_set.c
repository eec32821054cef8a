/* step_set.c - set: all values are read first, then written to .vars (vars.c, when the row is applied). */
#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "engine/act.h"
#include "engine/engine_room.h"
#include "engine/program.h"
#include "engine/run.h"
#include "engine/steps.h"

static void begin(struct run *r, struct node *n)
{
	const struct step_set *s = &node_program(n)->step->u.set;
	struct json_builder b;
	struct err err = {0};

	json_object_begin(&b, r->engine->scratch);
	for (size_t i = 0; i < s->n; i++) {
		const struct json *v;

		if (act_eval(r, n, s->values[i], &v, &err) < 0) {
			err_prefix(&err, "\"" STR_FMT "\": ", STR_ARG(s->names[i]));
			act_fail_err(r, n, &err);
			return;
		}
		json_object_set(&b, s->names[i], v);
	}
	act_succeed(r, n, json_object_end(&b));
}

const struct step_ops step_set_ops = {.kind = STEP_SET, .begin = begin};
