/* listen.h - the connection that only listens. Internal to the room.
 *
 * Shapes:  after every (re)connect LISTEN comes first, then every channel's function is called once, as anything may
 *          have been missed. Several notifications read together call it once. What this process itself caused it
 *          hears at once, and not once more from the database.
 * Memory:  the listener owns its link; channel names are copied.
 * Errors:  none: polling alone is enough.
 * Source:  PostgreSQL, LISTEN and NOTIFY; libpq, "Asynchronous Notification".
 */
#ifndef STORE_LISTEN_H
#define STORE_LISTEN_H

#include <stdbool.h>

struct listener;
struct loop;

/* Whether this process's own calls run in that backend: their notifications with a payload were told before (listener_tell). */
typedef bool listener_own_fn(void *arg, int backend);
struct listener *listener_open(struct loop *l, const char *conninfo, const char *application, listener_own_fn *is_own, void *arg);
void listener_add(struct listener *n, const char *channel, void (*fn)(void *arg), void *arg);
void listener_tell(struct listener *n, const char *channel);	/* as if it had been notified */
void listener_close(struct listener *n);	/* NULL is fine */

#endif
