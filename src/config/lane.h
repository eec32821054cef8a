/* lane.h - lanes: names of what a worker must be able to do.
 *
 * Shapes:  a worker serves a list of lanes. A task stands in one: that of its workflow, where several are needed all their
 *          names in order with "+" between ("browser+sandbox"). A workflow needs the lane of its own key and those of the tools it
 *          names; "default" asks for nothing, so it counts only where there is no other.
 * Memory:  results live in the arena given.
 * Errors:  ERR_USAGE.
 * Source:  agentd-workflow(5), agentd-tool(5); sql/functions/2_lanes.sql.
 */
#ifndef CONFIG_LANE_H
#define CONFIG_LANE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"
#include "config/diag.h"

struct arena;
struct manifest;
struct settings;
struct workflow;

#define LANE_PATTERN "^[a-z][a-z0-9-]{0,62}$"
#define LANE_TEXT "a lower-case letter, then letters, digits and -"

enum { LANES_MAX = 8 };		/* that a workflow may need: the name stands in an index */

bool lane_in(struct str lane, const struct str *lanes, size_t n);

/* What a workflow needs, sorted, with tools_of() to find a tool's manifest (NULL: unknown, needs nothing). */
struct lane_needs {
	const struct str *v;
	size_t n;
};
typedef const struct manifest *lane_tool_fn(const void *arg, struct str name);
struct lane_needs lane_needs_of(struct arena *a, const struct workflow *w, lane_tool_fn *tool, const void *arg);
struct str lane_join(struct arena *a, const struct lane_needs *needs);

/* A warning when no worker of these settings (NULL: not known) serves the lane. A workflow's own lane here, a tool's at the tool. */
void lane_check(struct arena *a, struct diags *d, struct place at, struct str lane, const struct settings *s);
void lane_check_workflow(struct arena *a, struct diags *d, const struct workflow *w, const struct lane_needs *needs,
			 const struct settings *s);

/* "default,sandbox": a list for a worker. */
int lane_list(struct arena *a, struct str text, const struct str **ret, size_t *ret_n, struct err *err);

#endif
