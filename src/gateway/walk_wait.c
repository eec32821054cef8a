/* walk_wait.c - waiting: its timer, the line of a provider, and word of it for whoever asks why. */
#include "gateway/walk.h"

#include "base/arena.h"
#include "base/err.h"
#include "config/routing.h"
#include "gateway/gateway_room.h"

enum { NOTED_MS = 1000 };	/* a shorter wait is not worth a word */

/* --- its timer --- */

static void on_timer(void *arg)
{
	struct walk *w = arg;

	w->after_wait(w);
}

static void free_timer(void *timer)
{
	loop_timer_free(timer);
}

static void set_timer(struct walk *w, int64_t ms, void (*after)(struct walk *w))
{
	if (!w->timer) {
		w->timer = loop_timer_new(w->op.loop, on_timer, w);
		arena_defer(w->op.arena, free_timer, w->timer);
	}
	w->stage = STAGE_WAIT;
	w->after_wait = after;
	loop_timer_set(w->timer, ms);
}

/* --- who waits for long --- */

static void note_wait(struct walk *w, const char *reason, int64_t until_ms)
{
	health_note_wait(w->gateway->health, &(struct health_wait){
		.task = w->req.task, .fence = w->req.fence, .path = w->req.path, .provider = walk_model(w)->provider->name,
		.reason = reason, .until_ms = until_ms, .left_ms = walk_left_ms(w)});
	w->wait_noted = reason != NULL;
}

void walk_wait(struct walk *w, const char *reason, int64_t ms, void (*after)(struct walk *w))
{
	if (ms >= NOTED_MS && !w->wait_noted)
		note_wait(w, reason, ms);
	set_timer(w, ms, after);
}

void walk_wake(struct walk *w)
{
	loop_timer_set(w->timer, 0);
}

void walk_end_wait(struct walk *w)
{
	slots_leave(w->gateway->slots, &w->waiter);
	if (w->timer)
		loop_timer_clear(w->timer);
	if (w->wait_noted)
		note_wait(w, NULL, -1);
}

/* --- the line --- */

bool walk_take_slot(struct walk *w)
{
	w->has_slot = slots_take(w->gateway->slots, walk_model(w)->provider);
	return w->has_slot;
}

void walk_give_slot(struct walk *w)
{
	if (w->has_slot)
		slots_give(w->gateway->slots, walk_model(w)->provider);
	w->has_slot = false;
}

static void on_slot(void *arg)
{
	struct walk *w = arg;

	w->has_slot = true;
	walk_admit(w);
}

/* First it is time for a word, then time is up. */
static void on_line_timer(struct walk *w)
{
	const struct provider *p = walk_model(w)->provider;
	struct route_choice choice;
	struct err err;

	if (walk_left_ms(w) > 0) {
		note_wait(w, arena_printf(w->op.arena, "a slot of the provider (max_in_flight %d)", p->max_in_flight), -1);
		set_timer(w, walk_left_ms(w), on_line_timer);
		return;
	}
	err_set(&err, ERR_MODEL_TIMEOUT, "the deadline passed in the line of provider \"" STR_FMT "\" (max_in_flight %d)",
		STR_ARG(p->name), p->max_in_flight);
	choice = route_expire(w->route, &err);
	walk_end(w, &choice);
}

static void stand_in_line(struct walk *w)
{
	int64_t left = walk_left_ms(w);

	slots_wait(w->gateway->slots, walk_model(w)->provider, &w->waiter, on_slot, w);
	set_timer(w, left < 0 ? 0 : left < NOTED_MS ? left : NOTED_MS, on_line_timer);
}

static void on_pause_over(struct walk *w)
{
	w->delay_ms = 0;
	walk_wait_turn(w);
}

void walk_wait_turn(struct walk *w)
{
	if (w->delay_ms > 0)
		walk_wait(w, w->cap_wait_ms ? "what other questions hold at a cap" : "the pause before another try", w->delay_ms,
			  on_pause_over);
	else if (walk_take_slot(w))
		walk_admit(w);
	else
		stand_in_line(w);
}

/* The wait may be long, and what it still holds may be what others wait for. */
void walk_wait_recorded(struct walk *w)
{
	if (w->has_record)
		walk_commit(w, NULL, walk_wait_turn);
	else
		walk_wait_turn(w);
}
