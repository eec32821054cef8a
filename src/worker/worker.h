/* worker.h - the claim loop: slots, heartbeat, wake-ups, drain.
 *
 * Shapes:  one worker incarnation per process, a row with a lease. It claims in batches up to
 *          its free slots, hands tasks to the engine, and goes on when slots are free,
 *          when LISTEN wakes it, when a timer is due and, whatever happens, by polling.
 * Units:   _ms. The lease is measured with CLOCK_BOOTTIME from before a heartbeat was sent.
 * Memory:  settings, store and engine must outlive the worker.
 * Errors:  none: a lost database only means waiting; a lost lease drops all tasks and registers
 *          a new incarnation; a refused registration is tried again.
 * Source:  agentd-internals(7), "Claim and fence"; agentd(8), "Workers come and go".
 */
#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

struct engine;
struct loop;
struct settings;
struct store;
struct worker;

struct worker *worker_start(struct loop *l, struct store *s, struct engine *e, const struct settings *settings);
/* Each call is more urgent than the one before:
 *   first    claim nothing more, let every task come to its next boundary; after drain_ms as if called again;
 *   second   abort what runs and give back at once; after 10 s, or when the database is away, as if called again;
 *   third    leave as things are: the lease runs out, and others go on from the journal.
 * stopped(arg) runs when the worker has nothing under way any more; after the third the engine may still hold tasks. */
void worker_stop(struct worker *w, void (*stopped)(void *arg), void *arg);
void worker_free(struct worker *w);	/* after stopped */

#endif
