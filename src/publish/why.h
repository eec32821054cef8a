/* why.h - what a task waits for or why it ended, in plain sentences. Pure: the facts are the store's.
 *
 * Shapes:  facts -> {"task", "workflow", "state", "at", "causes": [{"type", "message"}], "next": [{"command", "effect"}], "facts": {...}}.
 *          The first cause says what the task is about; more follow from it, or hold beside it. next: commands that a person may
 *          type, what is most likely wanted first; effect says what each does.
 * Units:   ages and times to go as people write them, counted from facts' "now".
 * Memory:  the answer lives in the arena and points into facts, which must live as long.
 * Errors:  none: what facts do not hold is not said.
 * Source:  agentd-api(7), GET /tasks/ID/why; agentd.task_why() in sql/functions/5_sight.sql makes the facts.
 */
#ifndef PUBLISH_WHY_H
#define PUBLISH_WHY_H

struct arena;
struct json;

const struct json *why_explain(struct arena *a, const struct json *facts);

#endif
