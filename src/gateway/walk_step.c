/* walk_step.c - which step of the tier is next (route.h), and whether its provider lets the question through (health.h). */
#include "gateway/walk.h"

#include "base/err.h"
#include "config/routing.h"
#include "gateway/facts.h"
#include "gateway/gateway_room.h"
#include "gateway/spend.h"

static void wait_shut(struct walk *w, int64_t ms);

void walk_refresh(struct walk *w)
{
	facts_refresh(w->op.arena, w->facts, w->tier, w->gateway->health);
}

static const struct route_failure *last_failure(const struct walk *w)
{
	return w->failure.tries ? &w->failure : NULL;
}

/* --- deciding --- */

void walk_go(struct walk *w, const struct route_choice *choice)
{
	if (choice->end) {
		w->answer.ask = choice->ask ? &w->asks[choice->step] : NULL;
		walk_end(w, choice);
		return;
	}
	w->step = choice->step;
	if (choice->wait) {
		wait_shut(w, choice->delay_ms);
		return;
	}
	w->tries = choice->is_retry ? w->tries + 1 : 1;
	w->delay_ms = choice->delay_ms;
	w->saw_sibling = w->tried_alone = false;
	w->cap_wait_ms = 0;
	if (w->delay_ms == 0 && walk_take_slot(w))
		walk_admit(w);
	else
		walk_wait_recorded(w);
}

void walk_decide(struct walk *w, const struct err *err)
{
	struct route_choice choice;

	w->failure = (struct route_failure){.step = w->step, .tries = w->tries, .err = *err};
	walk_refresh(w);
	choice = route_next(w->route, &w->failure, walk_left_ms(w), walk_roll());
	walk_go(w, &choice);
}

void walk_refuse(struct walk *w, enum cap_exceeded word, const char *why)
{
	struct route_choice choice = route_refuse(w->route, w->step, word, why, last_failure(w), walk_left_ms(w));

	walk_go(w, &choice);
}

/* --- where nobody is let through --- */

static void begin_anew(struct walk *w)
{
	struct route_choice choice;

	if (w->failure.tries) {
		walk_wait_turn(w);
		return;
	}
	walk_refresh(w);
	choice = route_next(w->route, NULL, walk_left_ms(w), 0);
	walk_go(w, &choice);
}

static void wait_shut(struct walk *w, int64_t ms)
{
	walk_wait(w, w->facts[w->step].shut_why, ms, begin_anew);
}

void walk_look_again(struct walk *w)
{
	if (w->stage == STAGE_WAIT && w->after_wait == begin_anew)
		walk_wake(w);
}

/* --- may it be asked now? --- */

/* Another try that was granted does not end because the provider has to be let alone for a moment, or is being probed. */
static bool stays(const struct walk *w)
{
	const struct route_fact *f = &w->facts[w->step];

	return w->tries > 1 && f->shut != STEP_RATE_LIMITED && f->shut_ms <= walk_model(w)->provider->retry.max_hint_ms &&
	       f->shut_ms < walk_left_ms(w);
}

static void pass(struct walk *w, enum shut shut, int64_t ms)
{
	struct route_choice choice;

	walk_give_slot(w);
	walk_refresh(w);
	facts_shut(w->op.arena, &w->facts[w->step], walk_model(w), shut, ms);
	if (stays(w)) {
		wait_shut(w, w->facts[w->step].shut_ms);
		return;
	}
	choice = route_pass(w->route, w->step, last_failure(w), walk_left_ms(w));
	walk_go(w, &choice);
}

static void on_place(struct walk *w)
{
	walk_end_wait(w);
	walk_reserve(w);
}

static void on_admitted(void *arg, enum shut shut, int64_t ms)
{
	struct walk *w = arg;

	if (w->cancelled)
		walk_finish(w, NULL);
	else if (shut != SHUT_NOT)
		pass(w, shut, ms);
	else if (ms > 0)
		walk_wait(w, "its place in the provider's minute (rpm, tpm)", ms, on_place);
	else
		walk_reserve(w);
}

void walk_admit(struct walk *w)
{
	int64_t tokens = w->input_tokens + spend_max_output(walk_model(w), w->req.max_output);

	walk_end_wait(w);
	health_drop(w->gateway->health, &w->ticket);	/* of before a reservation was refused */
	w->stage = STAGE_ADMIT;
	if (health_admit(w->gateway->health, &w->ticket, walk_model(w), tokens, walk_left_ms(w) - 1, on_admitted, w))
		walk_reserve(w);
}
