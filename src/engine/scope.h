/* scope.h - how state.c builds and closes the tree; nobody else includes it.
 *
 * Shapes:  as in state.h.
 * Memory:  a closed scope may be gone when the function returns, unless the state has a graveyard.
 * Errors:  none.
 * Source:  state.h.
 */
#ifndef ENGINE_SCOPE_H
#define ENGINE_SCOPE_H

#include "engine/state.h"

enum scope_end { END_OK, END_FAILED, END_CANCELLED };

struct scope *scope_new(struct arena *a, const struct program *p);
struct each *scope_open_each(struct node *n, const struct json *items, int parallel);
/* value: the output, or the error; NULL when cancelled. */
void scope_close(struct state *st, struct scope *sc, enum scope_end end, const struct json *value);
/* Ends an open loop whose node has ended: what is left of its iterations goes. */
void scope_drop_items(struct state *st, struct node *n);
/* To be called whenever status, wake_us or deadline_us of a node changed. */
void scope_time(struct state *st, struct node *n);

#endif
