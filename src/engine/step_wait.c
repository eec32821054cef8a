/* step_wait.c - wait: one row says until when; the run parks, or naps when it is short. */
#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "engine/act.h"
#include "engine/program.h"
#include "engine/run.h"
#include "engine/steps.h"

static int until_us(struct run *r, struct node *n, int64_t *ret, struct err *err)
{
	const struct step_wait *s = &node_program(n)->step->u.wait;
	const struct json *v;

	if (s->duration_ms >= 0) {
		*ret = run_now_us(r) + s->duration_ms * 1000;
		return 0;
	}
	if (act_eval(r, n, s->until, &v, err) < 0)
		return -1;
	if (json_type(v) == JSON_STRING && time_parse(json_str(v), ret))
		return 0;
	return err_set(err, ERR_EXPRESSION, "\"until\": expected a time such as \"2026-01-31T12:00:00Z\", got %s \"%.60s\"",
		       json_type_name(v), json_str(v).p ? json_str(v).p : "");
}

static void begin(struct run *r, struct node *n)
{
	struct arena *a = n->scope->arena;
	struct err err = {0};
	int64_t at_us;

	if (until_us(r, n, &at_us, &err) < 0)
		act_fail_err(r, n, &err);
	else
		act_row(r, n, ROW_STEP_WAITING, journal_value(a, "until", journal_time(a, at_us)));
}

const struct step_ops step_wait_ops = {.kind = STEP_WAIT, .begin = begin};
