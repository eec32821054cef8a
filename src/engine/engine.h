/* engine.h - interprets claimed tasks: journal -> state -> plan -> act -> commit, again and again.
 *
 * Shapes:  one struct run per task in flight (opaque). state.c applies journal rows (pure), plan.c
 *          says what comes next (pure), act.c carries it out and produces rows, which are committed
 *          before anything that rests on them starts. The journal alone rebuilds a run.
 * Units:   _ms, _us.
 * Memory:  engine_start() takes over the claimed arena; everything of the run dies with it.
 * Errors:  none to the caller: a task ends, parks, or is released; a lost fence drops it silently (logged).
 * Source:  agentd-internals(7).
 */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct claimed;
struct engine;
struct gateway;
struct loop;
struct policy;
struct store;
struct tools;
struct uuid;

#define ENGINE_SEMANTICS 2	/* raised when the meaning of a journal changes */

struct engine *engine_new(struct loop *l, struct store *s, struct gateway *g, struct tools *t);
void engine_free(struct engine *e);		/* no task may be active */

/* on_ended(arg) runs after every task that left (ended, parked, released, dropped): a slot is free. */
void engine_on_ended(struct engine *e, void (*on_ended)(void *arg), void *arg);
void engine_start(struct engine *e, struct claimed *c, int64_t db_now_us);
void engine_set_max_failures(struct engine *e, int n);	/* in a row, then it is put aside; default 5 */
/* Judges every call before it begins; must live as long as the engine or until the next is set. NULL: nothing is judged. */
void engine_set_policy(struct engine *e, const struct policy *p);
size_t engine_active(const struct engine *e);

/* After that time (clock_boot_ms()) nothing new starts, until a later time is told or engine_drop_all() comes. */
void engine_fresh_until(struct engine *e, int64_t boot_ms);
void engine_cancel(struct engine *e, const struct uuid *task);	/* unknown ids are ignored */
/* The lease is gone: abort all work, commit nothing. */
void engine_drop_all(struct engine *e);
/* Start no new step; each task is released (ready again, no failure counted) at its next boundary. */
void engine_drain(struct engine *e);
/* Second SIGTERM: abort what runs and release at once; what becomes of effects in flight, the next claim decides by their class. */
void engine_release_now(struct engine *e);

#endif
