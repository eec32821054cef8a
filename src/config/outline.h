/* outline.h - the steps of a workflow and what leads from one to the next, as JSON for a picture.
 *
 * Shapes:  [{"id", "kind", "label"?, "edges": [{"kind", "to", "when"?, "max_visits"?}], "steps"?: [...]}]; kind of an edge as in
 *          workflow_edge.h, "to" the id of a step of the same list, null its end; "steps" are those of a `for`.
 * Memory:  the arena given; may point into the workflow.
 * Errors:  none.
 * Source:  agentd-api(7), "GET /workflows/NAME".
 */
#ifndef CONFIG_OUTLINE_H
#define CONFIG_OUTLINE_H

struct arena;
struct json;
struct workflow;

const struct json *outline_json(struct arena *a, const struct workflow *w);

#endif
