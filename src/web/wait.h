/* wait.h - long polls: requests that wait for a task's end without a database connection.
 *
 * Shapes:  one registry per server. A waiter ends when its task is terminal, its time is up, its token or the client has gone, or
 *          the server stops; then the task's view is fetched and answered. Woken by agentd_done, and by a slow poll
 *          in case a notification was missed. Each look asks for LOOK_MAX waiters at most; those that have
 *          waited longest for a look come first, so that any number of waiters is served.
 * Units:   _ms.
 * Memory:  a waiter lives in its request's arena.
 * Errors:  none: a failing look is made again at the next wake.
 * Source:  agentd-api(7), "GET /tasks/ID"; libuv, uv_poll_start(): UV_DISCONNECT.
 */
#ifndef WEB_WAIT_H
#define WEB_WAIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "base/uuid.h"

struct arena;
struct request;
struct waits;
struct web;

struct waits *wait_new(struct arena *a, struct web *w);
void wait_free(struct waits *ws);	/* a look under way holds the server until it is over */
/* view: of the ended task, gone when it returns; STR_NONE: time is up, or it has yet to be fetched. */
typedef void wait_ended_fn(struct request *req, struct str view);
/* ended() is called once, unless the request was released before.
 * A task that has not ended in a view asked for after req->notices was taken is not looked at again until the next notice. */
void wait_add(struct request *req, const struct uuid *task, int64_t wait_ms, wait_ended_fn *ended);
void wait_end_all(struct waits *ws);
/* A task that was taken in here just now: by the same name it may be waited for without asking the store first. notices is of before
 * it was sent to the store, so that no news of it was missed. */
void wait_remember(struct waits *ws, const struct uuid *task, struct str by, unsigned long notices);
bool wait_recalls(const struct waits *ws, const struct uuid *task, struct str by, unsigned long *ret_notices);
unsigned long wait_notices(const struct waits *ws);	/* how often something ended or parked somewhere, so far */
size_t wait_count(const struct waits *ws);

#endif
