/* plan.h - what comes next? Pure: state and time in, one action out; nothing is changed.
 *
 * Shapes:  plan_scope() is asked again and again for a scope until it says PLAN_NOTHING: whatever the scope
 *          waits for (a commit, an operation, an iteration, a time) puts it back on the ready list. plan_run() says
 *          what becomes of the run when no scope is ready.
 * Units:   _us by the database's clock.
 * Memory:  actions are values.
 * Errors:  none.
 * Source:  state.h; agentd-workflow(5), "STEP KINDS".
 */
#ifndef ENGINE_PLAN_H
#define ENGINE_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct node;
struct scope;
struct state;

enum plan_kind {
	PLAN_NOTHING,
	PLAN_BEGIN,		/* the step at the cursor: its first or next try */
	PLAN_DISPATCH,		/* its step.started is committed: start the operation */
	PLAN_RESUME,		/* started by an earlier attempt, no result is known */
	PLAN_LOOK,		/* a call that an earlier attempt began, or that is uncertain: what does the ledger say? A request for a
				 * person: was it decided? */
	PLAN_SETTLE,		/* somebody said what became of it, or decided */
	PLAN_DECIDED,		/* the decision is recorded: act on it */
	PLAN_ASK,		/* nobody did, and it is time to ask the tool */
	PLAN_WAKE,		/* a wait is over */
	PLAN_OPEN_ITEM,		/* begin iteration `item` */
	PLAN_CLOSE_LOOP,	/* all iterations ended: succeeded or failed */
	PLAN_END_ITEM,		/* evaluate the output of the iteration */
	PLAN_EXPIRE,		/* timeout or wall budget of the step at the cursor */
	PLAN_CANCEL,		/* the step at the cursor is open: end it */
	PLAN_ABANDON		/* a cancelling scope between steps: close it */
};

struct action {
	enum plan_kind kind;
	size_t item;
	bool held_back;		/* NOTHING: there would be something to begin */
};

struct plan_env {
	int64_t now_us;
	bool starts;		/* new steps may begin (not draining) */
};

struct action plan_scope(const struct state *st, const struct scope *sc, const struct plan_env *env);

enum run_next { RUN_BUSY, RUN_FINISH, RUN_RELEASE, RUN_PARK_UNCERTAIN, RUN_PARK_APPROVAL, RUN_PARK_SLOT, RUN_PARK_TIMER, RUN_SLEEP, RUN_STUCK };

struct run_facts {
	bool busy;		/* an operation or a commit is under way, or a commit will free a scope */
	bool leaving;		/* draining or releasing: nothing new begins */
	bool held_back;		/* and there was something to begin */
	int64_t now_us;
	int64_t earliest_us;	/* of timers and the task's deadline; INT64_MAX: none */
	bool has_timer;		/* a step waits, not only the task's deadline */
};

enum { PLAN_NAP_US = 1000 * 1000 };	/* a shorter wait is kept in memory */

enum run_next plan_run(const struct state *st, const struct run_facts *f);

#endif
