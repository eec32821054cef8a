/* engine.c - the engine's face: takes claimed tasks in, passes wishes on, tells when one has left. */
#include "engine/engine.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/loop.h"
#include "engine/engine_room.h"
#include "engine/run.h"
#include "store/queue.h"

enum { MAX_FAILURES = 5 };

struct engine *engine_new(struct loop *l, struct store *s, struct gateway *g, struct tools *t)
{
	struct arena *a = arena_new(NULL);
	struct engine *e = ARENA_NEW(a, struct engine);

	e->arena = a;
	e->loop = l;
	e->store = s;
	e->gateway = g;
	e->tools = t;
	e->bundles = bundle_cache_new(l, s);
	e->scratch = arena_new(a);
	e->max_failures = MAX_FAILURES;
	return e;
}

void engine_free(struct engine *e)
{
	if (!e)
		return;
	if (e->n_runs)
		fatal("engine_free: %zu tasks are active", e->n_runs);
	bundle_cache_free(e->bundles);
	arena_free(e->arena);
}

void engine_on_ended(struct engine *e, void (*on_ended)(void *arg), void *arg)
{
	e->on_ended = on_ended;
	e->on_ended_arg = arg;
}

void engine_set_max_failures(struct engine *e, int n)
{
	e->max_failures = n;
}

void engine_set_policy(struct engine *e, const struct policy *p)
{
	e->policy = p;
}

size_t engine_active(const struct engine *e)
{
	return e->n_runs;
}

/* --- the database's clock --- */

enum { BACKWARDS_US = 1000 * 1000 };	/* an answer that was long on its way; more is a clock that was set */

void engine_set_clock(struct engine *e, int64_t db_now_us)
{
	int64_t guess_us = engine_now_us(e);

	if (db_now_us == 0 || (db_now_us <= guess_us && db_now_us > guess_us - BACKWARDS_US))
		return;
	e->db_us = db_now_us;
	e->db_at_ms = clock_boot_ms();
}

int64_t engine_now_us(const struct engine *e)
{
	return e->db_us + (clock_boot_ms() - e->db_at_ms) * 1000;
}

/* --- the lease --- */

bool engine_is_fresh(const struct engine *e)
{
	return e->fresh_until_ms == 0 || clock_boot_ms() < e->fresh_until_ms;
}

void engine_fresh_until(struct engine *e, int64_t boot_ms)
{
	e->fresh_until_ms = boot_ms;
	for (struct run *r = e->runs; r; r = r->next)
		if (r->held)
			run_schedule(r);
}

/* --- runs --- */

void engine_start(struct engine *e, struct claimed *c, int64_t db_now_us)
{
	struct run *r;

	engine_set_clock(e, db_now_us);
	arena_move(c->arena, NULL);
	r = run_new(e, c);
	r->next = e->runs;
	if (r->next)
		r->next->prev = r;
	e->runs = r;
	e->n_runs++;
	if (e->draining)
		run_wish_for(r, WISH_DRAIN);
	run_schedule(r);
}

void engine_ended(struct engine *e, struct run *r)
{
	*(r->prev ? &r->prev->next : &e->runs) = r->next;
	if (r->next)
		r->next->prev = r->prev;
	e->n_runs--;
	if (e->on_ended)
		e->on_ended(e->on_ended_arg);
}

static void wish_for_all(struct engine *e, enum run_wish wish)
{
	for (struct run *r = e->runs; r; r = r->next)
		run_wish_for(r, wish);
}

void engine_cancel(struct engine *e, const struct uuid *task)
{
	for (struct run *r = e->runs; r; r = r->next)
		if (uuid_eq(&r->claimed->task, task))
			run_wish_for(r, WISH_CANCEL);
}

void engine_drop_all(struct engine *e)
{
	wish_for_all(e, WISH_DROP);
}

void engine_drain(struct engine *e)
{
	e->draining = true;
	wish_for_all(e, WISH_DRAIN);
}

void engine_release_now(struct engine *e)
{
	e->draining = true;
	wish_for_all(e, WISH_RELEASE);
}
