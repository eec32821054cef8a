/* root.h - the object that expressions read: {input, steps, vars, task, item, index, error}.
 *
 * Shapes:  only what refs name is built, so that a root costs what is read, not what the task has done.
 *          Names of steps resolve in the scope first, then outwards. .steps.ID is {output, status, error,
 *          visits}; a step that has not run is absent.
 * Memory:  lives in the arena given and points into the state: use it up before the next row.
 * Errors:  none.
 * Source:  agentd-workflow(5), "The root".
 */
#ifndef ENGINE_ROOT_H
#define ENGINE_ROOT_H

struct arena;
struct json;
struct refs;
struct scope;
struct state;

const struct json *root_build(struct arena *a, const struct state *st, const struct scope *sc,
			      const struct refs *refs);

#endif
