/* workflow_edge.h - which steps may follow a step: what the checks of the graph and pictures of it are made from.
 *
 * Shapes:  an edge leads from a step of a list to another of the same list, or to the list's end. It may be one that is never
 *          taken; no other is.
 * Memory:  none kept; edges point into the steps.
 * Errors:  none. Links must be indexes already.
 * Source:  agentd-workflow(5), "then", "catch", "when" and "on_timeout".
 */
#ifndef CONFIG_WORKFLOW_EDGE_H
#define CONFIG_WORKFLOW_EDGE_H

#include "config/workflow.h"

enum edge_kind {
	EDGE_NEXT,	/* goes on below */
	EDGE_THEN,	/* its `then` */
	EDGE_SWITCH,	/* a case of its switch */
	EDGE_SKIP,	/* its `when` does not hold */
	EDGE_CATCH,	/* it failed */
	EDGE_TIMEOUT,	/* nobody decided in time */
};
const char *edge_kind_name(enum edge_kind k);	/* "next" */

struct step_edge {
	enum edge_kind kind;
	size_t to;			/* n: the end of the list */
	const struct switch_edge *sw;	/* of a switch, else NULL */
};

typedef void step_edge_fn(void *arg, size_t from, const struct step_edge *e);
void step_edges(const struct step *v, size_t n, size_t from, step_edge_fn *fn, void *arg);

#endif
