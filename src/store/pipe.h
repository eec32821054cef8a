/* pipe.h - a pipeline of calls over one connection. Internal to the room.
 *
 * Shapes:  a call that is added is sent at once, or when the connection is up again; calls are answered in their order
 *          (call_answered()). A call that was sent and lost its connection is sent again, identically and in order.
 * Memory:  the pipe owns its connection; calls belong to who added them and must be removed before they go.
 * Errors:  none; pipe_reason() says in words why it is down.
 * Source:  agentd-internals(7), "Lost connections"; libpq, "Pipeline Mode".
 */
#ifndef STORE_PIPE_H
#define STORE_PIPE_H

#include <stdbool.h>

struct call;
struct loop;
struct pipe;

struct pipe_user {
	void (*up)(void *arg);		/* NULL: nobody asks */
	void (*down)(void *arg);
	void *arg;
};

struct pipe *pipe_open(struct loop *l, const char *conninfo, const char *application, int statement_ms, struct pipe_user user);
void pipe_close(struct pipe *p);			/* calls were removed before */
void pipe_add(struct pipe *p, struct call *c);
void pipe_remove(struct pipe *p, struct call *c);	/* nobody waits for it any more; no error when it is not there */
struct call *pipe_first(const struct pipe *p);		/* NULL: none waits */
bool pipe_is_up(const struct pipe *p);
const char *pipe_reason(const struct pipe *p);
int pipe_backend(const struct pipe *p);			/* process id of the other side; 0: down */

#endif
