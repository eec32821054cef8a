/* loop.h - the event loop and the contract of asynchronous work. Sole owner of libuv.
 *
 * Shapes:  one loop per process (and per test). A turn is: wait in one place;
 *          run the callbacks of descriptors, timers and signals; then the
 *          check phase: deferred functions, completions of operations, turn
 *          hooks, removal of handles, in that order.
 *
 *          struct op is one asynchronous operation, embedded as FIRST member in
 *          the implementer's own struct:
 *            - started once by its own start function (http_start, proc_start ...);
 *            - its completion (done) never runs inside start and runs exactly
 *              once, also after cancel (then err.code is ERR_CANCELLED);
 *            - it owns op->arena until the completion has returned, then the
 *              arena is freed (with it the struct, when it lives there). For that
 *              op_init() takes the arena from its parent. What the caller wants to
 *              keep, it copies in its completion;
 *            - op->err is there from op_complete() on, never NULL in done, and read-only: on
 *              success an error that all share (ERR_NONE), on failure a copy in op->arena of
 *              what op_complete() was given, gone with that arena. Whoever needs it longer
 *              copies the struct; op_complete(other, op->err) does so by itself. An
 *              operation that ends well allocates nothing for it;
 *            - op_cancel() may be called at any time before the completion, any
 *              number of times, from anywhere on the loop's thread.
 * Units:   milliseconds, monotonic.
 * Memory:  handles belong to who made them; x_free() may be called inside their
 *          own callback: the handle is quiet at once and freed in the check phase.
 * Errors:  loop functions do not fail; a failing libuv call ends the process.
 *          Everything here runs on one thread; only loop_work()'s function runs on another.
 * Source:  STYLE 5.8.
 */
#ifndef BASE_LOOP_H
#define BASE_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct arena;
struct loop;

struct loop *loop_new(void);		/* ignores SIGPIPE from now on */
void loop_free(struct loop *l);		/* all handles must be freed, all ops done but those of loop_work(): it waits for them */
void loop_run(struct loop *l);		/* until loop_stop() */
void loop_stop(struct loop *l);
void loop_once(struct loop *l);		/* one turn, waiting if nothing is due */
int64_t loop_now_ms(const struct loop *l);	/* time of this turn */

/* Run fn(arg) in the coming check phase, once, in order of registration. */
void loop_defer(struct loop *l, void (*fn)(void *), void *arg);
/* Run fn(arg) at the end of every check phase (group commit, flushes). Freed with the loop
 * or by loop_turn_free(). */
struct loop_turn;
struct loop_turn *loop_turn_new(struct loop *l, void (*fn)(void *), void *arg);
void loop_turn_free(struct loop_turn *t);

struct loop_timer;
struct loop_timer *loop_timer_new(struct loop *l, void (*fn)(void *), void *arg);
void loop_timer_set(struct loop_timer *t, int64_t delay_ms);	/* once, from now; replaces an earlier setting */
void loop_timer_clear(struct loop_timer *t);
bool loop_timer_is_set(const struct loop_timer *t);
void loop_timer_free(struct loop_timer *t);	/* NULL is fine */

enum { LOOP_READ = 1, LOOP_WRITE = 2, LOOP_DISCONNECT = 4 };
struct loop_fd;
/* The descriptor stays the caller's; it must stay open until loop_fd_free(). */
struct loop_fd *loop_fd_new(struct loop *l, int fd, void (*fn)(void *arg, int events), void *arg);
void loop_fd_set(struct loop_fd *f, int events);	/* 0: none */
void loop_fd_free(struct loop_fd *f);

struct loop_signal;
struct loop_signal *loop_signal_new(struct loop *l, int signum, void (*fn)(void *arg, int signum), void *arg);
void loop_signal_free(struct loop_signal *s);

/* --- operations --- */
struct op;
typedef void op_done_fn(struct op *op, void *arg);

struct op {
	struct loop *loop;
	struct arena *arena;
	op_done_fn *done;
	void *arg;
	void (*cancel)(struct op *op);	/* stop soon and call op_complete(); NULL: completes at once as cancelled */
	const struct err *err;		/* NULL until op_complete() */
	uint8_t state;			/* loop.c's */
	struct op *next;		/* loop.c's */
};

/* For implementers: in start, before anything can happen. */
void op_init(struct op *op, struct loop *l, struct arena *arena, void (*cancel)(struct op *),
	     op_done_fn *done, void *arg);
/* For implementers: the work is over (err NULL or ERR_NONE: well). Queues the completion;
 * later calls are ignored. After op_cancel() the completion says ERR_CANCELLED, unless the op
 * had completed already. */
void op_complete(struct op *op, const struct err *err);
/* For callers. */
void op_cancel(struct op *op);

/* CPU work of more than 5 ms on the thread pool: work(arg) on a pool thread (it may use only arena
 * and what it was given), then done on the loop. Cancel: done comes early with ERR_CANCELLED if the
 * work has not begun, else after it ended. */
struct op *loop_work(struct loop *l, struct arena *arena, void (*work)(void *arg), op_done_fn *done, void *arg);

#endif
