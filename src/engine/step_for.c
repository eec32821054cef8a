/* step_for.c - for: items are pinned when the loop opens; iterations are scopes of their own; the output is
 * in the order of the items. */
#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "config/workflow.h"
#include "engine/act.h"
#include "engine/program.h"
#include "engine/run.h"
#include "engine/steps.h"

static void begin(struct run *r, struct node *n)
{
	const struct step_for *s = &node_program(n)->step->u.loop;
	struct arena *a = n->scope->arena;
	const struct json *items;
	struct err err = {0};

	if (act_eval_expr(r, n, s->in, &items, &err) == 0 && json_type(items) != JSON_ARRAY)
		err_set(&err, ERR_EXPRESSION, "\"in\": expected array, got %s", json_type_name(items));
	if (err.code != ERR_NONE || act_check_size(items, &err) < 0)
		act_fail_err(r, n, &err);
	else
		act_row(r, n, ROW_STEP_STARTED, journal_value(a, "items", json_copy(a, items)));
}

static void end_item(struct run *r, struct scope *item)
{
	const struct program_step *p = node_program(item->owner);
	struct arena *a = item->arena;
	const struct json *v, *row;
	enum row_kind kind = ROW_STEP_SUCCEEDED;
	struct err err = {0};

	if (act_eval_in(r, item, &p->output, p->step->u.loop.output, &v, &err) == 0 && act_check_size(v, &err) == 0) {
		row = journal_value(a, "output", json_copy(a, v));
	} else {
		kind = ROW_STEP_FAILED;
		row = journal_value(a, "error", journal_error(a, &err, item->path));
	}
	act_row_at(r, item, item->path, 1, kind, step_kind_name(STEP_FOR), row, false);
}

static const struct json *outputs(struct arena *a, const struct each *e)
{
	struct json_builder b;

	json_array_begin(&b, a);
	for (size_t i = 0; i < e->n; i++)
		if (e->outputs[i])
			json_array_add(&b, e->outputs[i]);
	return json_array_end(&b);
}

static void close(struct run *r, struct node *n)
{
	struct arena *a = n->scope->arena;
	const struct each *e = n->each;
	const struct json *v;
	struct err err = {0};

	if (e->abort || e->error) {
		act_fail(r, n, e->abort ? e->abort : e->error, 0);
		return;
	}
	v = outputs(a, e);
	if (act_check_size(v, &err) < 0)
		act_fail_err(r, n, &err);
	else
		act_row(r, n, ROW_STEP_SUCCEEDED, journal_value(a, "output", v));
}

const struct step_ops step_for_ops = {.kind = STEP_FOR, .begin = begin, .end_item = end_item, .close = close};
