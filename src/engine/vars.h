/* vars.h - what `set` writes: values by name, shared by a scope and its sequential loops.
 *
 * Shapes:  a holder belongs to the workflow's scope or to one iteration of a parallel loop. The `as` of a
 *          sequential loop stands before the holder's names, in that iteration only.
 * Memory:  the holder owns what is written to it (copied in), in an arena that is compacted as it grows, so
 *          that a loop which rewrites a value does not keep every version. What it began with belongs to the outer
 *          scope, which cannot change while its loop is open.
 * Errors:  none.
 * Source:  agentd-workflow(5), "set" and "for".
 */
#ifndef ENGINE_VARS_H
#define ENGINE_VARS_H

struct arena;
struct json;
struct scope;
struct vars;

struct vars *vars_new(struct arena *a, struct scope *owner, const struct json *initial);
void vars_write(struct scope *sc, const struct json *written);		/* an object: name by name */
/* All that a step of this scope sees as .vars; valid until the next write. */
const struct json *vars_view(struct arena *a, const struct scope *sc);

#endif
