/* step_raise.c - raise: an error of the workflow's own making. */
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
	const struct step_raise *s = &node_program(n)->step->u.raise;
	struct arena *a = r->engine->scratch;
	struct str type, message;
	struct err err = {0};

	if (act_eval_text(r, n, s->type, &type, &err) < 0 || act_eval_text(r, n, s->message, &message, &err) < 0) {
		act_fail_err(r, n, &err);
		return;
	}
	act_fail(r, n, journal_error_named(a, type, message, s->retryable, node_path(a, n, ROW_STEP_FAILED)), 0);
}

const struct step_ops step_raise_ops = {.kind = STEP_RAISE, .begin = begin};
