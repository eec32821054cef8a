/* budget.h - may one more step, call or turn begin here? Pure.
 *
 * Shapes:  budgets hold for a step and all below it, and for the task. What is not given is bounded by the
 *          guards below.
 * Units:   _pusd.
 * Memory:  limits live in the arena given.
 * Errors:  ERR_BUDGET_CALLS, ERR_BUDGET_TURNS, ERR_BUDGET_VISITS.
 * Source:  agentd-workflow(5), "Budgets" and "Cycles".
 */
#ifndef ENGINE_BUDGET_H
#define ENGINE_BUDGET_H

#include <stddef.h>
#include <stdint.h>

struct arena;
struct err;
struct json;
struct node;
struct spend_limit;
struct state;

enum {
	GUARD_CALLS = 10000,		/* tool calls of one task */
	GUARD_TURNS = 10000,		/* model turns of one task */
	GUARD_STEPS = 200000		/* steps begun by one task, all visits and iterations */
};

struct task_budget {
	int64_t calls, turns;
};

/* Of claimed.budget: {turns?, calls?, ...}; NULL: the guards. */
struct task_budget budget_read(const struct json *v);
int budget_check_step(const struct state *st, struct err *err);
/* n is the step that is to call or ask; also when it has not begun yet. */
int budget_check_call(const struct state *st, const struct task_budget *b, const struct node *n, struct err *err);
int budget_check_turn(const struct state *st, const struct task_budget *b, const struct node *n, struct err *err);
/* The step budgets in money at and above n. */
const struct spend_limit *budget_limits(struct arena *a, const struct node *n, size_t *ret_n);

#endif
