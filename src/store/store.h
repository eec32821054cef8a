/* store.h - connections to PostgreSQL on the loop: function calls in pipeline mode, notifications.
 *
 * Shapes:  a store has one pipelined connection for calls, a second for claims that come while the first is busy, one for calls
 *          that may have to read much (sight, lists, forks, pauses, purges, reloads, doctor), one for what the sweeper does at
 *          length, and, when somebody listens, one more that only listens: each but the first once it is needed. One function call
 *          per Sync is one transaction. The store reconnects by itself (full jitter, 50 ms to 2 s) and sends every call that had no
 *          answer yet again, identically and in order: every SQL function is idempotent by the ids it is given.
 * Units:   milliseconds; times from the database in microseconds since 1970 UTC.
 * Memory:  the result of a call lives in its op's arena.
 * Errors:  ERR_PG_DOWN when a call's deadline passed without an answer (calls of the worker have
 *          none); ERR_REFUSED when the server gave up a call that reads much, after STORE_HEAVY_MS; typed errors that
 *          functions raise with SQLSTATE 'AG...' as in sqlstate.def; 40001 and 40P01 are repeated with jitter; anything
 *          else ERR_PG with the message.
 * Source:  sql/; agentd-internals(7), "Lost connections". No SQL text outside this room and sql/.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/loop.h"

struct store;

enum { STORE_HEAVY_MS = 30000 };	/* what a call that reads much may take; it is never given up before, whatever its deadline */

/* Starts to connect; role is the name shown in pg_stat_activity ("agentd worker"). */
struct store *store_open(struct loop *l, const char *conninfo, const char *application);
/* Calls and moves without an answer complete as cancelled, and so do all that come after it. The store is still there:
 * who uses it can come to its own end. */
void store_stop(struct store *s);
void store_close(struct store *s);		/* store_stop(), and nobody uses it any more */
bool store_is_up(const struct store *s);
const char *store_reason(const struct store *s);	/* why it is not up, for people; "" when nothing is known */
/* Called at every change between up and down. */
void store_on_state(struct store *s, void (*fn)(void *arg, bool up), void *arg);
/* The channel's notifications; also called once after each (re)connect of the listener, as anything may
 * have been missed. Channels: agentd_work, agentd_done. */
void store_listen(struct store *s, const char *channel, void (*fn)(void *arg), void *arg);
/* Calls without an answer. */
size_t store_pending(const struct store *s);

/* For programs without anything else to do (agentctl, tests): run the loop until the op is done. */
void store_wait(struct store *s, struct op *op);

#endif
