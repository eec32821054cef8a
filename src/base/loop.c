/* loop.c - libuv behind one file: turns, the check phase, handles, operations, the thread pool.
 *
 * A turn is uv_run(UV_RUN_ONCE) followed by our own check phase. libuv runs timers before it waits
 * as well as after, so whatever is queued outside the check phase starts an idle handle: while it is
 * active libuv does not wait.
 */
#include "base/loop.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/arena.h"
#include "base/heap.h"

/* How often the check phase goes round for work that its own functions queue. What is left then
 * waits for the next turn, so that a chain without end cannot starve the descriptors. */
enum { MAX_ROUNDS = 10000 };

enum { OP_NEW, OP_PENDING, OP_CANCELLING, OP_QUEUED, OP_DONE };

struct deferred {
	void (*fn)(void *);
	void *arg;
};

struct deferred_list {
	struct deferred *v;
	size_t n, cap;
};

struct loop_turn {
	struct loop *loop;
	struct loop_turn *next;
	void (*fn)(void *);	/* NULL: freed, unlinked after the walk */
	void *arg;
};

struct loop {
	uv_loop_t uv;
	uv_idle_t idle;		/* active while something is queued: keeps libuv from waiting */
	uv_check_t anchor;	/* does nothing; lets libuv wait although no other handle is active */
	struct deferred_list deferred, running;
	struct op *ops_head, **ops_tail;
	struct loop_turn *turns;
	bool turns_freed, in_turn, stop;
	size_t n_works;		/* on the thread pool */
};

struct loop_timer {
	uv_timer_t uv;		/* first: handles are freed by their uv pointer */
	void (*fn)(void *);
	void *arg;
};

struct loop_fd {
	uv_poll_t uv;
	void (*fn)(void *, int);
	void *arg;
	int events;
};

struct loop_signal {
	uv_signal_t uv;
	void (*fn)(void *, int);
	void *arg;
};

struct work {
	struct op op;
	uv_work_t uv;
	void (*fn)(void *);
	void *fn_arg;
};

static void must(int status, const char *what)
{
	if (status < 0)
		fatal("%s: %s", what, uv_strerror(status));
}

static void on_idle(uv_idle_t *idle)
{
	(void)idle;
}

static void on_anchor(uv_check_t *check)
{
	(void)check;
}

static void wake(struct loop *l)
{
	must(uv_idle_start(&l->idle, on_idle), "uv_idle_start");
}

/* --- check phase --- */

static void run_deferred(struct loop *l)
{
	struct deferred_list batch = l->deferred;

	if (batch.n == 0)
		return;
	l->deferred = l->running;
	l->deferred.n = 0;
	l->running = batch;
	for (size_t i = 0; i < batch.n; i++)
		batch.v[i].fn(batch.v[i].arg);
}

static void run_op(struct op *op)
{
	struct arena *arena = op->arena;	/* the struct may die in done or with the arena */

	op->state = OP_DONE;
	op->next = NULL;
	op->done(op, op->arg);
	arena_free(arena);
}

static void run_ops(struct loop *l)
{
	struct op *op = l->ops_head;

	l->ops_head = NULL;
	l->ops_tail = &l->ops_head;
	while (op) {
		struct op *next = op->next;

		run_op(op);
		op = next;
	}
}

static void sweep_turns(struct loop *l)
{
	struct loop_turn **at = &l->turns;

	l->turns_freed = false;
	while (*at) {
		struct loop_turn *t = *at;

		if (t->fn) {
			at = &t->next;
			continue;
		}
		*at = t->next;
		free(t);
	}
}

static void run_turns(struct loop *l)
{
	for (struct loop_turn *t = l->turns; t; t = t->next)
		if (t->fn)
			t->fn(t->arg);
	if (l->turns_freed)
		sweep_turns(l);
}

static bool is_queued(const struct loop *l)
{
	return l->deferred.n > 0 || l->ops_head;
}

static void check_phase(struct loop *l)
{
	for (int round = 0; round < MAX_ROUNDS && is_queued(l); round++) {
		run_deferred(l);
		run_ops(l);
	}
	run_turns(l);
	if (is_queued(l))
		wake(l);
	else
		must(uv_idle_stop(&l->idle), "uv_idle_stop");
}

/* --- the loop --- */

struct loop *loop_new(void)
{
	struct loop *l = heap_zalloc(1, sizeof *l);

	/* A peer that has gone is an error of write(2), never the end of the process. */
	signal(SIGPIPE, SIG_IGN);
	l->ops_tail = &l->ops_head;
	heap_share();
	must(uv_loop_init(&l->uv), "uv_loop_init");
	must(uv_idle_init(&l->uv, &l->idle), "uv_idle_init");
	must(uv_check_init(&l->uv, &l->anchor), "uv_check_init");
	must(uv_check_start(&l->anchor, on_anchor), "uv_check_start");
	return l;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	check_phase(l);
	while (l->n_works > 0)		/* a pool thread cannot be stopped */
		loop_once(l);
	uv_close((uv_handle_t *)&l->idle, NULL);
	uv_close((uv_handle_t *)&l->anchor, NULL);
	uv_run(&l->uv, UV_RUN_NOWAIT);
	must(uv_loop_close(&l->uv), "loop_free: a handle or an operation is left");
	for (struct loop_turn *t = l->turns, *next; t; t = next) {
		next = t->next;
		free(t);
	}
	free(l->deferred.v);
	free(l->running.v);
	free(l);
}

void loop_once(struct loop *l)
{
	if (l->in_turn)
		fatal("loop_once inside a turn of the same loop");
	l->in_turn = true;
	uv_run(&l->uv, UV_RUN_ONCE);
	check_phase(l);
	l->in_turn = false;
}

void loop_run(struct loop *l)
{
	while (!l->stop)
		loop_once(l);
	l->stop = false;
}

void loop_stop(struct loop *l)
{
	l->stop = true;
	wake(l);
}

int64_t loop_now_ms(const struct loop *l)
{
	return (int64_t)uv_now(&l->uv);
}

void loop_defer(struct loop *l, void (*fn)(void *), void *arg)
{
	struct deferred_list *d = &l->deferred;

	if (d->n == d->cap) {
		d->cap = d->cap ? 2 * d->cap : 64;
		d->v = realloc(d->v, d->cap * sizeof *d->v);
		if (!d->v)
			fatal("out of memory: %zu deferred functions", d->cap);
	}
	d->v[d->n++] = (struct deferred){fn, arg};
	wake(l);
}

struct loop_turn *loop_turn_new(struct loop *l, void (*fn)(void *), void *arg)
{
	struct loop_turn *t = heap_zalloc(1, sizeof *t), **at = &l->turns;

	*t = (struct loop_turn){.loop = l, .fn = fn, .arg = arg};
	while (*at)
		at = &(*at)->next;
	*at = t;
	return t;
}

void loop_turn_free(struct loop_turn *t)
{
	if (!t)
		return;
	t->fn = NULL;
	t->loop->turns_freed = true;
}

/* --- handles --- */

static void on_closed(uv_handle_t *uv)
{
	free(uv);
}

/* Closing begins at once, not in the check phase: libuv takes the descriptor out of epoll when it
 * closes a poll handle, and by the check phase that number may belong to a new handle. The memory
 * lives until libuv's closing phase, after all callbacks of the turn. */
static void close_handle(void *p)
{
	uv_handle_t *uv = p;

	if (!uv_is_closing(uv))
		uv_close(uv, on_closed);
}

static void on_timer(uv_timer_t *uv)
{
	struct loop_timer *t = (struct loop_timer *)uv;

	t->fn(t->arg);
}

struct loop_timer *loop_timer_new(struct loop *l, void (*fn)(void *), void *arg)
{
	struct loop_timer *t = heap_zalloc(1, sizeof *t);

	t->fn = fn;
	t->arg = arg;
	must(uv_timer_init(&l->uv, &t->uv), "uv_timer_init");
	return t;
}

/* libuv counts from the start of the turn; a long turn, or time before the first one, would make
 * the timer early. */
void loop_timer_set(struct loop_timer *t, int64_t delay_ms)
{
	uint64_t turn_ms = uv_now(t->uv.loop), now_ms = uv_hrtime() / 1000000;
	uint64_t late_ms = now_ms > turn_ms ? now_ms - turn_ms : 0;

	must(uv_timer_start(&t->uv, on_timer, late_ms + (delay_ms > 0 ? (uint64_t)delay_ms : 0), 0),
	     "uv_timer_start");
}

void loop_timer_clear(struct loop_timer *t)
{
	must(uv_timer_stop(&t->uv), "uv_timer_stop");
}

bool loop_timer_is_set(const struct loop_timer *t)
{
	return uv_is_active((const uv_handle_t *)&t->uv);
}

void loop_timer_free(struct loop_timer *t)
{
	if (t)
		close_handle(t);
}

static int events_to_uv(int events)
{
	return (events & LOOP_READ ? UV_READABLE : 0) | (events & LOOP_WRITE ? UV_WRITABLE : 0) |
	       (events & LOOP_DISCONNECT ? UV_DISCONNECT : 0);
}

static int events_from_uv(int events)
{
	return (events & UV_READABLE ? LOOP_READ : 0) | (events & UV_WRITABLE ? LOOP_WRITE : 0) |
	       (events & UV_DISCONNECT ? LOOP_DISCONNECT : 0);
}

static void on_poll(uv_poll_t *uv, int status, int events)
{
	struct loop_fd *f = (struct loop_fd *)uv;

	if (status == 0) {
		f->fn(f->arg, events_from_uv(events));
		return;
	}
	/* POLLERR: libuv has stopped the handle. The owner learns the reason from read or write; if
	 * it changes nothing it is told again, as with any level-triggered event. */
	f->fn(f->arg, f->events);
	if (f->events && !uv_is_closing((uv_handle_t *)uv) && !uv_is_active((uv_handle_t *)uv))
		must(uv_poll_start(uv, events_to_uv(f->events), on_poll), "uv_poll_start");
}

struct loop_fd *loop_fd_new(struct loop *l, int fd, void (*fn)(void *arg, int events), void *arg)
{
	struct loop_fd *f = heap_zalloc(1, sizeof *f);

	f->fn = fn;
	f->arg = arg;
	must(uv_poll_init(&l->uv, &f->uv, fd), "uv_poll_init");
	return f;
}

void loop_fd_set(struct loop_fd *f, int events)
{
	if (f->events == events)
		return;
	f->events = events;
	if (events)
		must(uv_poll_start(&f->uv, events_to_uv(events), on_poll), "uv_poll_start");
	else
		must(uv_poll_stop(&f->uv), "uv_poll_stop");
}

void loop_fd_free(struct loop_fd *f)
{
	if (f)
		close_handle(f);
}

static void on_signal(uv_signal_t *uv, int signum)
{
	struct loop_signal *s = (struct loop_signal *)uv;

	s->fn(s->arg, signum);
}

struct loop_signal *loop_signal_new(struct loop *l, int signum, void (*fn)(void *arg, int signum), void *arg)
{
	struct loop_signal *s = heap_zalloc(1, sizeof *s);

	s->fn = fn;
	s->arg = arg;
	must(uv_signal_init(&l->uv, &s->uv), "uv_signal_init");
	must(uv_signal_start(&s->uv, on_signal, signum), "uv_signal_start");
	return s;
}

void loop_signal_free(struct loop_signal *s)
{
	if (s)
		close_handle(s);
}

/* --- operations --- */

/* The arena leaves its parent: from here on it lives until the completion has returned, whatever
 * happens to the parent. */
void op_init(struct op *op, struct loop *l, struct arena *arena, void (*cancel)(struct op *),
	     op_done_fn *done, void *arg)
{
	*op = (struct op){.loop = l, .arena = arena, .done = done, .arg = arg, .cancel = cancel,
			  .state = OP_PENDING};
	arena_move(arena, NULL);
}

static bool is_over(const struct op *op)
{
	if (op->state == OP_NEW)
		fatal("operation used before op_init");
	return op->state >= OP_QUEUED;
}

/* An error is larger than most operations, and thousands of them wait: only those that fail have one. */
void op_complete(struct op *op, const struct err *err)
{
	static const struct err no_err;
	struct loop *l = op->loop;
	struct err cancelled;

	if (is_over(op))
		return;
	op->err = &no_err;
	if (op->state == OP_CANCELLING && (!err || err->code != ERR_CANCELLED)) {
		err_set(&cancelled, ERR_CANCELLED, "cancelled");
		err = &cancelled;
	}
	if (err && err->code != ERR_NONE)
		op->err = arena_dup(op->arena, err, sizeof *err);
	op->state = OP_QUEUED;
	op->next = NULL;
	*l->ops_tail = op;
	l->ops_tail = &op->next;
	wake(l);
}

void op_cancel(struct op *op)
{
	if (is_over(op) || op->state == OP_CANCELLING)
		return;
	op->state = OP_CANCELLING;
	if (op->cancel)
		op->cancel(op);
	else
		op_complete(op, NULL);
}

/* --- thread pool --- */

static void on_work(uv_work_t *uv)
{
	struct work *w = uv->data;

	w->fn(w->fn_arg);
}

static void after_work(uv_work_t *uv, int status)
{
	struct work *w = uv->data;

	w->op.loop->n_works--;
	(void)status;	/* UV_ECANCELED only after op_cancel(), which op_complete() knows of */
	op_complete(&w->op, NULL);
}

static void cancel_work(struct op *op)
{
	struct work *w = (struct work *)op;

	uv_cancel((uv_req_t *)&w->uv);	/* fails when the work has begun: then after_work() comes at its end */
}

struct op *loop_work(struct loop *l, struct arena *arena, void (*work)(void *arg), op_done_fn *done, void *arg)
{
	struct work *w = ARENA_NEW(arena, struct work);

	op_init(&w->op, l, arena, cancel_work, done, arg);
	w->fn = work;
	w->fn_arg = arg;
	w->uv.data = w;
	l->n_works++;
	must(uv_queue_work(&l->uv, &w->uv, on_work, after_work), "uv_queue_work");
	return &w->op;
}
