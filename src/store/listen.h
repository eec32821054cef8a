/* listen.h - the connection that only listens. Internal to the room.
 *
 * Shapes:  after every (re)connect LISTEN comes first, then every channel's function is called once, as anything may
 *          have been missed. Several notifications read together call it once.
 * Memory:  the listener owns its link; channel names are copied.
 * Errors:  none: polling alone is enough (R38).
 * Source:  R38, R39.
 */
#ifndef STORE_LISTEN_H
#define STORE_LISTEN_H

struct listener;
struct loop;

struct listener *listener_open(struct loop *l, const char *conninfo, const char *application);
void listener_add(struct listener *n, const char *channel, void (*fn)(void *arg), void *arg);
void listener_close(struct listener *n);	/* NULL is fine */

#endif
