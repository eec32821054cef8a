/* walk_money.c - reserves the worst case of an attempt, and knows what becomes of a refusal: a wait, another step, the end.
 *
 * A reservation carries the record of the attempt before it, so that one move settles the one and opens the other.
 */
#include "gateway/walk.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "config/routing.h"
#include "gateway/caps.h"
#include "gateway/gateway_room.h"
#include "gateway/spend.h"

enum {
	HOLD_MARGIN_MS = 120 * 1000,	/* beyond the deadline, before the sweeper settles a hold */
	BUDGET_WAIT_MS = 250,		/* before a refused reservation is tried again; at caps the pause doubles, */
	CAP_WAIT_MAX_MS = 2000		/* up to this */
};

/* --- refused by a budget --- */

static bool has_sibling(const struct walk *w)
{
	for (const struct walk *o = w->gateway->walks; o; o = o->next)
		if (o != w && o->hold_open && uuid_eq(&o->req.task, &w->req.task))
			return true;
	return false;
}

/* Other questions of this task hold money that they may give back: wait for them, then try once alone. */
static void on_refused(struct walk *w, const struct err *err)
{
	bool sibling = has_sibling(w);

	if (err->code != ERR_BUDGET_USD || walk_left_ms(w) <= BUDGET_WAIT_MS ||
	    (!sibling && (!w->saw_sibling || w->tried_alone))) {
		walk_finish(w, err);
		return;
	}
	w->saw_sibling = true;
	w->tried_alone = !sibling;
	walk_give_slot(w);
	w->delay_ms = BUDGET_WAIT_MS;
	walk_wait_turn(w);
}

/* --- refused by caps --- */

static void log_refusal(const struct walk *w, const char *event, const struct err *err)
{
	char task[37];

	uuid_format(&w->req.task, task);
	log_info(event, "task=%s path=" STR_FMT " tier=" STR_FMT " model=" STR_FMT " message=%s", task, STR_ARG(w->req.path),
		 STR_ARG(w->tier->name), STR_ARG(walk_model(w)->name), log_quotec(err->msg));
}

/* Others hold what they may not need: come again. Who would skip the step does so at once, where there is another. */
static bool wait_for_room(struct walk *w, enum cap_exceeded word, const struct err *err)
{
	int64_t pause_ms = w->cap_wait_ms ? w->cap_wait_ms * 2 : BUDGET_WAIT_MS;

	if (pause_ms > CAP_WAIT_MAX_MS)
		pause_ms = CAP_WAIT_MAX_MS;
	if (walk_left_ms(w) <= pause_ms || (word == CAP_SKIP && route_goes_on(w->route, w->step)))
		return false;
	if (!w->cap_wait_ms)
		log_refusal(w, "cap.waits", err);
	w->cap_wait_ms = pause_ms;
	w->delay_ms = pause_ms / 2 + (int64_t)((uint64_t)(pause_ms / 2) * walk_roll() >> 32);
	walk_wait_recorded(w);
	return true;
}

/* What a person could allow. */
static void keep_ask(struct walk *w, const struct json *refusal)
{
	const struct model *m = walk_model(w);
	struct arena *a = w->op.arena;

	if (!w->asks)
		w->asks = ARENA_ARRAY(a, w->tier->n_steps, struct spend_ask);
	w->asks[w->step] = (struct spend_ask){.tier = w->tier->name, .model = m->name, .provider = m->provider->name,
					      .path = w->req.path, .amount_pusd = w->estimate_pusd,
					      .caps = json_copy(a, json_getc(refusal, "caps"))};
}

static void on_capped(struct walk *w, const struct err *err, const struct json *refusal)
{
	enum cap_exceeded word = caps_word(&w->tier->steps[w->step], refusal);

	walk_give_slot(w);
	health_drop(w->gateway->health, &w->ticket);
	walk_refresh(w);
	if (caps_wait(refusal) && wait_for_room(w, word, err))
		return;
	log_refusal(w, "cap.refused", err);
	keep_ask(w, refusal);
	walk_refuse(w, word, arena_strdup(w->op.arena, err->msg));
}

/* --- a move --- */

static void on_moved(void *arg, const struct move_result *r)
{
	struct walk *w = arg;
	struct err err;

	switch (r->status) {
	case MOVE_OK:
	case MOVE_ALREADY:
		w->has_record = false;
		w->hold_open = w->move.hold != NULL;
		if (w->cancelled)
			walk_finish(w, NULL);
		else
			w->after_move(w);
		return;
	case MOVE_REFUSED:
		if (w->cancelled)
			walk_finish(w, NULL);
		else if (r->refusal)
			on_capped(w, &r->err, r->refusal);
		else
			on_refused(w, &r->err);
		return;
	case MOVE_STALE:
		err_set(&err, ERR_LEASE_LOST, "the task belongs to another attempt now");
		break;
	case MOVE_CANCELLED:
		err_set(&err, ERR_CANCELLED, "the store was closed");
		break;
	}
	w->has_record = false;	/* nothing of this attempt may be written any more */
	walk_finish(w, &err);
}

void walk_commit(struct walk *w, const struct spend_hold *hold, void (*after)(struct walk *w))
{
	w->stage = STAGE_COMMIT;
	w->after_move = after;
	w->move = (struct move){
		.task = w->req.task,
		.fence = w->req.fence,
		.token = w->req.token,
		.hold = hold,
		.calls = &w->record,
		.n_calls = w->has_record ? 1 : 0,
		.next = MOVE_STAY,
	};
	queue_commit(w->gateway->store, &w->move, on_moved, w);
}

/* --- reserving --- */

void walk_collect_caps(struct walk *w, const struct model_request *req)
{
	struct arena *a = w->op.arena;

	for (size_t i = 0; i < w->tier->n_steps; i++) {
		const struct tier_step *s = &w->tier->steps[i];

		if (s->n_caps == 0 || s->model->price.free)
			continue;
		if (!w->caps)
			w->caps = ARENA_ARRAY(a, w->tier->n_steps, struct step_caps);
		w->caps[i].v = caps_of(a, w->snapshot->routing, s, req, &w->caps[i].n);
	}
}

static struct spend_hold make_hold(const struct walk *w)
{
	const struct spend_grant *grant = w->req.grant;
	struct spend_hold h = {
		.id = uuid_new(),
		.path = w->req.path,
		.amount_pusd = w->estimate_pusd,
		.expires_ms = walk_left_ms(w) + HOLD_MARGIN_MS,
		.limits = w->req.limits,
		.n_limits = w->req.n_limits,
		.approval = STR_NONE,
	};

	if (w->caps) {
		h.caps = w->caps[w->step].v;
		h.n_caps = w->caps[w->step].n;
	}
	if (grant && str_eq(grant->model, walk_model(w)->name)) {
		h.approval = grant->approval;
		h.approved = grant->digest;
	}
	return h;
}

/* With a slot in hand: take the money, and record what came before. */
void walk_reserve(struct walk *w)
{
	const struct model *m = walk_model(w);
	struct err err;

	if (spend_estimate(m, w->input_tokens, spend_max_output(m, w->req.max_output), &w->estimate_pusd, &err) < 0) {
		walk_finish(w, &err);	/* the route knows better; never asked without a price */
		return;
	}
	w->hold = make_hold(w);
	if (w->estimate_pusd > 0 || w->has_record)
		walk_commit(w, w->estimate_pusd > 0 ? &w->hold : NULL, walk_ask);
	else
		walk_ask(w);
}
