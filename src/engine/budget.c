/* budget.c - counts against limits, from the step outwards. */
#include "engine/budget.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "config/workflow.h"
#include "engine/program.h"
#include "engine/state.h"
#include "store/queue.h"

static int64_t read_count(const struct json *v, const char *key, int64_t otherwise)
{
	int64_t n;

	return json_to_int(json_getc(v, key), &n) && n >= 0 ? n : otherwise;
}

struct task_budget budget_read(const struct json *v)
{
	return (struct task_budget){.calls = read_count(v, "calls", GUARD_CALLS),
				    .turns = read_count(v, "turns", GUARD_TURNS)};
}

int budget_check_step(const struct state *st, struct err *err)
{
	if (st->n_steps < GUARD_STEPS)
		return 0;
	return err_set(err, ERR_BUDGET_VISITS, "the task has begun %d steps, which is the limit", GUARD_STEPS);
}

/* A step that is not open counts from nothing: its counters are those of an earlier visit. */
static int64_t used(const struct node *at, const struct node *n, int64_t count)
{
	return at == n && !node_is_open(n) ? 0 : count;
}

int budget_check_call(const struct state *st, const struct task_budget *b, const struct node *n, struct err *err)
{
	for (const struct node *at = n; at; at = at->scope->owner) {
		const struct step *s = node_program(at)->step;

		if (s->budget.calls >= 0 && used(at, n, at->n_calls) >= s->budget.calls)
			return err_set(err, ERR_BUDGET_CALLS, "step \"" STR_FMT "\" may make %d tool calls",
				       STR_ARG(s->id), s->budget.calls);
	}
	if (st->n_calls >= b->calls)
		return err_set(err, ERR_BUDGET_CALLS, "the task may make %lld tool calls", (long long)b->calls);
	return 0;
}

int budget_check_turn(const struct state *st, const struct task_budget *b, const struct node *n, struct err *err)
{
	for (const struct node *at = n; at; at = at->scope->owner) {
		const struct step *s = node_program(at)->step;

		if (s->budget.turns >= 0 && used(at, n, at->n_model_turns) >= s->budget.turns)
			return err_set(err, ERR_BUDGET_TURNS, "step \"" STR_FMT "\" may take %d model turns",
				       STR_ARG(s->id), s->budget.turns);
	}
	if (st->n_model_turns >= b->turns)
		return err_set(err, ERR_BUDGET_TURNS, "the task may take %lld model turns", (long long)b->turns);
	return 0;
}

const struct spend_limit *budget_limits(struct arena *a, const struct node *n, size_t *ret_n)
{
	struct spend_limit *v;
	size_t count = 0;

	for (const struct node *at = n; at; at = at->scope->owner)
		count += node_program(at)->step->budget.usd_pusd >= 0;
	v = ARENA_ARRAY(a, count, struct spend_limit);
	*ret_n = count;
	count = 0;
	for (const struct node *at = n; at; at = at->scope->owner) {
		int64_t limit = node_program(at)->step->budget.usd_pusd;

		if (limit >= 0)
			v[count++] = (struct spend_limit){node_path(a, at, ROW_STEP_CANCELLED), limit};
	}
	return v;
}
