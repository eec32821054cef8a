/* walk.c - the beginning of a call, and its end. */
#include "gateway/walk.h"

#include "base/arena.h"
#include "base/digest.h"
#include "base/err.h"
#include "config/routing.h"
#include "gateway/endpoint.h"
#include "gateway/facts.h"
#include "gateway/gateway_room.h"
#include "gateway/request.h"
#include "gateway/shadow.h"
#include "gateway/spend.h"

/* --- what it is about --- */

const struct model *walk_model(const struct walk *w)
{
	return w->tier->steps[w->step].model;
}

const struct endpoint *walk_endpoint(const struct walk *w)
{
	return endpoint_of(w->snapshot->endpoints, w->snapshot->routing, walk_model(w));
}

int64_t walk_left_ms(const struct walk *w)
{
	return w->deadline_ms - loop_now_ms(w->op.loop);
}

uint32_t walk_roll(void)
{
	uint32_t dice;

	random_bytes(&dice, sizeof dice);
	return dice;
}

/* --- the end --- */

static void unlink_walk(struct walk *w)
{
	*w->at = w->next;
	if (w->next)
		w->next->at = w->at;
}

void walk_finish(struct walk *w, const struct err *err)
{
	if (w->stage == STAGE_OVER)
		return;
	w->stage = STAGE_OVER;
	walk_end_wait(w);
	health_drop(w->gateway->health, &w->ticket);
	if (w->hold_open)
		walk_record_unasked(w, w->cancelled ? ERR_CANCELLED : err ? err->code : ERR_NONE);
	walk_give_slot(w);
	w->answer.calls = &w->record;
	w->answer.n_calls = w->has_record ? 1 : 0;
	unlink_walk(w);
	op_complete(&w->op, err);
}

void walk_end(struct walk *w, const struct route_choice *choice)
{
	w->answer.then = choice->then;
	w->answer.again_ms = choice->again_ms;
	walk_finish(w, &choice->err);
}

static void on_cancel(struct op *op)
{
	struct walk *w = (struct walk *)op;

	w->cancelled = true;
	if (w->stage == STAGE_ASK)
		op_cancel(w->attempt);
	else if (w->stage == STAGE_WAIT)
		walk_finish(w, NULL);
	/* STAGE_COMMIT, STAGE_ADMIT: what is with the store cannot be called back; its answer ends the call */
}

/* --- the beginning --- */

static int check_kind(const struct model_request *req, bool embeds, struct err *err)
{
	if (embeds == (req->n_texts > 0))
		return 0;
	return err_set(err, ERR_MODEL_INVALID_REQUEST, embeds ? "there is no text to embed" : "texts to embed in a chat");
}

static void link_walk(struct gateway *g, struct walk *w)
{
	w->next = g->walks;
	w->at = &g->walks;
	if (w->next)
		w->next->at = &w->next;
	g->walks = w;
}

/* What has to fit the model's context. */
static int64_t measure(struct walk *w)
{
	if (w->req.n_texts > 0)
		return walk_begin_texts(w);
	return w->input_tokens = spend_input_tokens(&w->req);
}

/* Within the tier's. */
static int64_t deadline_of(const struct tier *t, const struct model_request *req)
{
	int64_t ms = tier_deadline_ms(t);

	return req->deadline_ms > 0 && req->deadline_ms < ms ? req->deadline_ms : ms;
}

static struct route *begin_route(struct walk *w, const struct tier *t, const struct json *task, int64_t tokens,
				 struct route_fact **ret_facts)
{
	const struct route_question q = {.input_tokens = tokens, .has_tools = w->req.n_tools > 0,
					 .only = w->req.grant ? w->req.grant->model : STR_NONE};
	struct route_fact *facts = facts_collect(w->op.arena, w->snapshot->routing, w->snapshot->endpoints, w->gateway->probes, t,
						 w->input_tokens, w->req.max_output);

	facts_refresh(w->op.arena, facts, t, w->gateway->health);
	*ret_facts = facts;
	return route_begin(w->op.arena, t, task, facts, &q);
}

/* own: the file's tier, in mode shadow. */
static void begin_walk(struct walk *w, const struct tier *own, const struct model_request *req)
{
	int64_t deadline_ms = deadline_of(w->tier, req), tokens;
	struct route_fact *own_facts;
	struct route_choice choice;

	w->req = request_copy(w->op.arena, req);
	walk_collect_caps(w, req);
	tokens = measure(w);
	w->deadline_ms = loop_now_ms(w->op.loop) + deadline_ms;
	health_refresh(w->gateway->health);
	w->route = begin_route(w, w->tier, req->facts, tokens, &w->facts);
	if (own)
		w->own = shadow_decide(w->op.arena, begin_route(w, own, req->facts, tokens, &own_facts), deadline_ms);
	choice = route_next(w->route, NULL, deadline_ms, 0);
	walk_go(w, &choice);
}

static struct op *begin(struct gateway *g, struct arena *a, const struct model_request *req, bool embeds, op_done_fn *done,
			void *arg)
{
	struct walk *w = ARENA_NEW(a, struct walk);
	const struct tier *own = NULL;
	struct err err;

	op_init(&w->op, g->loop, a, on_cancel, done, arg);
	w->gateway = g;
	w->snapshot = g->now;
	if (check_kind(req, embeds, &err) < 0 || request_check(req, &err) < 0 ||
	    gateway_find_tier(g, req->tier, embeds, &w->tier, &own, &err) < 0) {
		op_complete(&w->op, &err);
		return &w->op;
	}
	link_walk(g, w);
	begin_walk(w, own, req);
	return &w->op;
}

struct op *gateway_call(struct gateway *g, struct arena *a, const struct model_request *req, op_done_fn *done, void *arg)
{
	return begin(g, a, req, false, done, arg);
}

struct op *gateway_embed(struct gateway *g, struct arena *a, const struct model_request *req, op_done_fn *done, void *arg)
{
	return begin(g, a, req, true, done, arg);
}

const struct model_answer *gateway_answer_of(const struct op *op)
{
	return &((const struct walk *)op)->answer;
}
