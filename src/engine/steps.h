/* steps.h - the table of step kinds: what each does, one file each.
 *
 * Shapes:  begin() makes the rows with which a try begins (`when` has been looked at). Kinds that work outside
 *          also have dispatch(), called when their step.started is committed, and resume(), called for a step that an
 *          earlier attempt of the task started and whose result nobody knows. Kinds whose steps become uncertain have
 *          look() (is there a word in the ledger?), settle() (there is) and ask() (ask the tool). Kinds that ask a person
 *          (approval.h) have decided(). Loops have end_item and close.
 * Memory:  as in act.h.
 * Errors:  as in act.h.
 * Source:  agentd-workflow(5), "STEP KINDS"; config/workflow.h.
 */
#ifndef ENGINE_STEPS_H
#define ENGINE_STEPS_H

#include <stdbool.h>
#include <stddef.h>

#include "config/workflow.h"

struct node;
struct run;
struct scope;

struct step_ops {
	enum step_kind kind;
	void (*begin)(struct run *r, struct node *n);
	void (*dispatch)(struct run *r, struct node *n);	/* NULL: nothing outside */
	void (*resume)(struct run *r, struct node *n);
	void (*cancel)(struct run *r, struct node *n);		/* open, without operation; NULL: a step.cancelled row says all */
	void (*give_back)(struct run *r, struct node *n);	/* started, never dispatched, and we leave; NULL: nothing to say */
	void (*look)(struct run *r, struct node *n);
	void (*settle)(struct run *r, struct node *n);
	void (*ask)(struct run *r, struct node *n);
	bool (*asks)(const struct run *r, const struct node *n);	/* is there somebody to ask? */
	void (*decided)(struct run *r, struct node *n);		/* a person was asked, and node.decision says what came of it */
	void (*end_item)(struct run *r, struct scope *item);
	void (*close)(struct run *r, struct node *n);
};

extern const struct step_ops step_set_ops, step_call_ops, step_model_ops, step_agent_ops, step_switch_ops, step_for_ops,
	step_wait_ops, step_raise_ops, step_approve_ops;

const struct step_ops *step_ops(enum step_kind kind);

#endif
