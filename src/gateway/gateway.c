/* gateway.c - the walk of one call through its tier: wait, reserve, ask, record, decide.
 *
 * A call is always in exactly one stage, and each stage ends in one function:
 *
 *   STAGE_WAIT      delay or line of the provider    -> admit(), or begin_anew() where nobody lets it through
 *   STAGE_ADMIT     may it be asked now? (health.h)  -> on_admitted(): reserve(), or a delay before that, or pass()
 *   STAGE_COMMIT    a move is with the store         -> on_moved(): ask(), or wait_turn(), or, refused by a cap, go() to the next
 *                                                      step, or finish()
 *   STAGE_ASK       an attempt is under way          -> on_answer(): decide()
 *
 * What an attempt cost is recorded before the next one begins: by a move of its own, or together with the
 * next reservation. The record of the last attempt is left to the caller.
 */
#include "gateway/gateway.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/crash.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "config/routing.h"
#include "gateway/attempt.h"
#include "gateway/caps.h"
#include "gateway/endpoint.h"
#include "gateway/facts.h"
#include "gateway/health.h"
#include "gateway/probes.h"
#include "gateway/request.h"
#include "gateway/route.h"
#include "gateway/shadow.h"
#include "gateway/slots.h"
#include "gateway/spend.h"

enum {
	HOLD_MARGIN_MS = 120 * 1000,	/* beyond the deadline, before the sweeper settles a hold */
	BUDGET_WAIT_MS = 250,		/* before a refused reservation is tried again; at caps the pause doubles, */
	CAP_WAIT_MAX_MS = 2000,		/* up to this */
	BATCH_TOKENS = 250000,		/* OpenAI takes 300,000 in one request */
	BATCH_NUMBERS = 1000000,	/* in the vectors of one answer */
	NOTED_MS = 1000			/* a shorter wait is not worth a word */
};

enum stage { STAGE_WAIT, STAGE_ADMIT, STAGE_COMMIT, STAGE_ASK, STAGE_OVER };

/* Routing as it was when a call began. */
struct snapshot {
	const struct routing *routing;
	struct endpoint *endpoints;
};

struct gateway {
	struct loop *loop;
	struct http *http;
	struct store *store;
	struct arena *arena;
	const struct snapshot *now;
	struct arena *probes_arena;
	const struct probes *probes;	/* NULL: not asked for */
	struct slots *slots;
	struct health *health;
	struct call *calls;
};

struct step_caps {
	const struct spend_cap *v;
	size_t n;
};

struct call {
	struct op op;
	struct gateway *gateway;
	struct call *next, **at;
	const struct snapshot *snapshot;
	struct model_request req;
	const struct tier *tier;
	struct route *route;
	const struct shadow_decision *own;	/* mode shadow: of our own route; NULL: it is the one that is walked */
	struct route_fact *facts;
	int64_t input_tokens;
	size_t text_at, n_batch;	/* of an embedding: the texts of this attempt */
	float *vectors;
	int64_t deadline_ms;		/* loop time */
	struct loop_timer *timer;	/* made when it first waits */
	struct slot_waiter waiter;
	struct health_ticket ticket;
	struct route_failure failure;	/* the last attempt's; tries 0: none */

	enum stage stage;
	void (*after_move)(struct call *c);
	bool cancelled, has_slot;
	bool is_shut;			/* waits until somebody lets it through */
	bool is_admitted;		/* waits for its place in the provider's minute */
	bool wait_noted;
	bool passed_on;			/* some text of this attempt is with the caller: nobody else can be asked */
	bool saw_sibling, tried_alone;	/* of a refused reservation */
	int64_t cap_wait_ms;		/* for what others hold at a cap; 0: not waiting */

	size_t step;
	int tries, n_attempts;		/* of this step; of the call */
	int64_t delay_ms;
	int64_t estimate_pusd;
	struct spend_hold hold;
	bool hold_open;
	struct step_caps *caps;		/* by step; NULL: none has any */
	struct spend_ask *asks;		/* by step, of those that caps refused */
	struct wire_request question;
	struct op *attempt;
	int64_t started_us;

	struct move move;
	struct model_call record;	/* of the last attempt, until it is committed */
	bool has_record;
	struct model_answer answer;
};

static void begin_batch(struct call *c);
static void decide(struct call *c, const struct err *err);
static void end_wait(struct call *c);
static void wait_shut(struct call *c, int64_t ms);
static void go(struct call *c, const struct route_choice *choice);
static void wait_turn(struct call *c);
static void refresh(struct call *c);
static const struct route_failure *last_failure(const struct call *c);
static void commit(struct call *c, const struct spend_hold *hold, void (*after)(struct call *));
static void on_timer(void *arg);

static const struct model *model_of(const struct call *c)
{
	return c->tier->steps[c->step].model;
}

static const struct endpoint *endpoint_now(const struct call *c)
{
	return endpoint_of(c->snapshot->endpoints, c->snapshot->routing, model_of(c));
}

static int64_t left_ms(const struct call *c)
{
	return c->deadline_ms - loop_now_ms(c->op.loop);
}

/* --- its timer --- */

static void free_timer(void *timer)
{
	loop_timer_free(timer);
}

static void set_timer(struct call *c, int64_t ms)
{
	if (!c->timer) {
		c->timer = loop_timer_new(c->op.loop, on_timer, c);
		arena_defer(c->op.arena, free_timer, c->timer);
	}
	loop_timer_set(c->timer, ms);
}

static void clear_timer(struct call *c)
{
	if (c->timer)
		loop_timer_clear(c->timer);
}

/* --- who waits for long, for whoever asks why --- */

static void note_wait(struct call *c, const char *reason, int64_t until_ms)
{
	health_note_wait(c->gateway->health, &(struct health_wait){
		.task = c->req.task, .fence = c->req.fence, .path = c->req.path, .provider = model_of(c)->provider->name,
		.reason = reason, .until_ms = until_ms, .left_ms = left_ms(c)});
	c->wait_noted = reason != NULL;
}

static void begin_wait(struct call *c, const char *reason, int64_t ms)
{
	if (ms >= NOTED_MS && !c->wait_noted)
		note_wait(c, reason, ms);
}

static void end_wait(struct call *c)
{
	if (c->wait_noted)
		note_wait(c, NULL, -1);
}

/* --- the end --- */

static void give_slot(struct call *c)
{
	if (c->has_slot)
		slots_give(c->gateway->slots, model_of(c)->provider);
	c->has_slot = false;
}

static const char *class_of(enum err_code code)
{
	const char *name = err_name(code == ERR_CANCELLED ? ERR_MODEL_CANCELLED : code);

	if (code == ERR_NONE)
		return "";
	return strncmp(name, "model.", 6) == 0 ? name + 6 : name;
}

/* The parts of a record that are known before anything was asked. */
static void begin_record(struct call *c, enum err_code code)
{
	const struct endpoint *e = endpoint_now(c);

	c->record = (struct model_call){
		.id = uuid_new(),
		.path = c->req.path,
		.attempt = c->n_attempts,
		.tier = c->tier->name,
		.provider = e->provider->name,
		.model_asked = model_of(c)->id,
		.model_answered = STR(""),
		.provider_request_id = STR(""),
		.key_fingerprint = e->fingerprint,
		.operation = c->tier->embeds ? "embeddings" : "chat",
		.wire = str_from(wire_of(e->provider->wire)->name),
		.finish_reason = STR(""),
		.max_output = spend_max_output(model_of(c), c->req.max_output),
		.has_temperature = !c->tier->embeds && c->req.temperature >= 0,
		.temperature = c->req.temperature,
		.error_class = str_from(class_of(code)),
		.started_us = c->started_us ? c->started_us : clock_wall_us(),
		.cost_source = "none",
		.policy = c->snapshot->routing->digest,
	};
	if (c->hold_open) {
		c->record.hold = c->hold.id;
		c->record.capped = c->hold.n_caps > 0;
	}
	c->hold_open = false;
	c->has_record = true;
}

static void finish(struct call *c, const struct err *err)
{
	if (c->stage == STAGE_OVER)
		return;
	c->stage = STAGE_OVER;
	slots_leave(c->gateway->slots, &c->waiter);
	clear_timer(c);
	end_wait(c);
	health_drop(c->gateway->health, &c->ticket);
	if (c->hold_open) {	/* reserved, but nobody was asked */
		c->n_attempts++;
		begin_record(c, c->cancelled ? ERR_CANCELLED : err ? err->code : ERR_NONE);
	}
	give_slot(c);
	c->answer.calls = &c->record;
	c->answer.n_calls = c->has_record ? 1 : 0;
	*c->at = c->next;
	if (c->next)
		c->next->at = c->at;
	op_complete(&c->op, err);
}

/* The route has come to its end: the tier says what becomes of the question. */
static void finish_route(struct call *c, const struct route_choice *choice)
{
	c->answer.then = choice->then;
	c->answer.again_ms = choice->again_ms;
	finish(c, &choice->err);
}

/* --- recording and reserving --- */

static bool has_sibling(const struct call *c)
{
	for (const struct call *o = c->gateway->calls; o; o = o->next)
		if (o != c && o->hold_open && uuid_eq(&o->req.task, &c->req.task))
			return true;
	return false;
}

/* Other questions of this task hold money that they may give back: wait for them, then try once alone. */
static void on_refused(struct call *c, const struct err *err)
{
	bool sibling = has_sibling(c);

	if (err->code != ERR_BUDGET_USD || left_ms(c) <= BUDGET_WAIT_MS ||
	    (!sibling && (!c->saw_sibling || c->tried_alone))) {
		finish(c, err);
		return;
	}
	c->saw_sibling = true;
	c->tried_alone = !sibling;
	give_slot(c);
	c->delay_ms = BUDGET_WAIT_MS;
	wait_turn(c);
}

static uint32_t roll(void)
{
	uint32_t dice;

	random_bytes(&dice, sizeof dice);
	return dice;
}

static void log_refusal(const struct call *c, const char *event, const struct err *err)
{
	char task[37];

	uuid_format(&c->req.task, task);
	log_info(event, "task=%s path=" STR_FMT " tier=" STR_FMT " model=" STR_FMT " message=%s", task, STR_ARG(c->req.path),
		 STR_ARG(c->tier->name), STR_ARG(model_of(c)->name), log_quotec(err->msg));
}

static void wait_room(struct call *c)
{
	c->stage = STAGE_WAIT;
	begin_wait(c, "what other questions hold at a cap", c->delay_ms);
	set_timer(c, c->delay_ms);
}

/* Others hold what they may not need: come again. Who would skip the step does so at once, where there is another. */
static bool wait_for_room(struct call *c, enum cap_exceeded word, const struct err *err)
{
	int64_t pause_ms = c->cap_wait_ms ? c->cap_wait_ms * 2 : BUDGET_WAIT_MS;

	if (pause_ms > CAP_WAIT_MAX_MS)
		pause_ms = CAP_WAIT_MAX_MS;
	if (left_ms(c) <= pause_ms || (word == CAP_SKIP && route_goes_on(c->route, c->step)))
		return false;
	if (!c->cap_wait_ms)
		log_refusal(c, "cap.waits", err);
	c->cap_wait_ms = pause_ms;
	c->delay_ms = pause_ms / 2 + (int64_t)((uint64_t)(pause_ms / 2) * roll() >> 32);
	if (c->has_record)	/* what it still holds itself may be what others wait for */
		commit(c, NULL, wait_room);
	else
		wait_room(c);
	return true;
}

static void on_capped(struct call *c, const struct err *err, const struct json *refusal)
{
	const struct tier_step *s = &c->tier->steps[c->step];
	enum cap_exceeded word = caps_word(s, refusal);
	struct arena *a = c->op.arena;
	struct route_choice choice;

	give_slot(c);
	health_drop(c->gateway->health, &c->ticket);
	refresh(c);
	if (caps_wait(refusal) && wait_for_room(c, word, err))
		return;
	log_refusal(c, "cap.refused", err);
	if (!c->asks)
		c->asks = ARENA_ARRAY(a, c->tier->n_steps, struct spend_ask);
	c->asks[c->step] = (struct spend_ask){.tier = c->tier->name, .model = s->model->name, .provider = s->model->provider->name,
					      .path = c->req.path, .amount_pusd = c->estimate_pusd,
					      .caps = json_copy(a, json_getc(refusal, "caps"))};
	choice = route_refuse(c->route, c->step, word, arena_strdup(a, err->msg), last_failure(c), left_ms(c));
	go(c, &choice);
}

static void on_moved(void *arg, const struct move_result *r)
{
	struct call *c = arg;
	struct err err;

	switch (r->status) {
	case MOVE_OK:
	case MOVE_ALREADY:
		c->has_record = false;
		c->hold_open = c->move.hold != NULL;
		if (c->cancelled)
			finish(c, NULL);
		else
			c->after_move(c);
		return;
	case MOVE_REFUSED:
		if (c->cancelled)
			finish(c, NULL);
		else if (r->refusal)
			on_capped(c, &r->err, r->refusal);
		else
			on_refused(c, &r->err);
		return;
	case MOVE_STALE:
		err_set(&err, ERR_LEASE_LOST, "the task belongs to another attempt now");
		break;
	case MOVE_CANCELLED:
		err_set(&err, ERR_CANCELLED, "the store was closed");
		break;
	}
	c->has_record = false;	/* nothing of this attempt may be written any more */
	finish(c, &err);
}

static void commit(struct call *c, const struct spend_hold *hold, void (*after)(struct call *))
{
	c->stage = STAGE_COMMIT;
	c->after_move = after;
	c->move = (struct move){
		.task = c->req.task,
		.fence = c->req.fence,
		.token = c->req.token,
		.hold = hold,
		.calls = &c->record,
		.n_calls = c->has_record ? 1 : 0,
		.next = MOVE_STAY,
	};
	queue_commit(c->gateway->store, &c->move, on_moved, c);
}

/* --- asking --- */

static void log_attempt(const struct call *c, const struct err *err)
{
	char task[37], cost[40];

	uuid_format(&c->req.task, task);
	money_format(c->record.cost_pusd, cost);
	log_line(err->code == ERR_NONE ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO, "model.attempt",
		 "task=%s tier=" STR_FMT " model=" STR_FMT " attempt=%d class=%s status=%d ms=%lld usd=%s message=%s", task,
		 STR_ARG(c->tier->name), STR_ARG(model_of(c)->name), c->n_attempts,
		 err->code == ERR_NONE ? "ok" : class_of(err->code), c->record.http_status,
		 (long long)c->record.total_ms, cost, log_quotec(err->code == ERR_NONE ? "" : err->msg));
}

static void record_attempt(struct call *c, const struct attempt_result *r, const struct err *err)
{
	const struct wire_answer *answer = r->answer;
	struct attempt_end end = {
		.code = err->code == ERR_CANCELLED ? ERR_MODEL_CANCELLED : err->code,
		.http_status = r->http_status,
		.sent = r->sent,
		.output_began = answer->output_began,
		.has_usage = answer->has_usage,
		.usage = answer->usage,
		.has_cost = answer->has_cost,
		.cost_pusd = answer->cost_pusd,
	};
	struct arena *a = c->op.arena;

	begin_record(c, err->code);
	c->record.cost_pusd = spend_settle(&model_of(c)->price, &end, c->estimate_pusd, &c->record.cost_source);
	c->record.model_answered = str_dup(a, answer->model);
	c->record.provider_request_id = str_dup(a, r->request_id);
	c->record.finish_reason = err->code == ERR_NONE ? str_dup(a, answer->finish_reason) : STR("");
	c->record.http_status = r->http_status;
	c->record.first_byte_ms = r->first_byte_ms;
	c->record.total_ms = r->total_ms;
	c->record.usage = answer->usage;
	if (c->own)
		c->record.shadow = shadow_compare(a, c->own, &c->record, model_of(c), answer->has_usage);
	c->answer.cost_pusd = pusd_add(c->answer.cost_pusd, c->record.cost_pusd);
	usage_add(&c->answer.usage, &answer->usage);
	log_attempt(c, err);
}

/* Where no tool was offered a call of one is no answer. */
static void judge_answer(const struct call *c, const struct wire_answer *answer, struct err *err)
{
	if (err->code == ERR_NONE && c->req.n_tools == 0 && answer->n_calls > 0 && answer->text.n == 0)
		err_set(err, ERR_MODEL_MALFORMED_TOOL_CALL, "the model called the tool \"" STR_FMT "\", none was offered",
			STR_ARG(str_clip(answer->calls[0].name, 60)));
}

static void keep_answer(struct call *c, const struct wire_answer *answer)
{
	struct arena *a = c->op.arena;
	bool ignores_calls = c->req.n_tools == 0 && answer->n_calls > 0;

	c->answer.text = str_dup(a, answer->text);
	c->answer.finish_reason = ignores_calls ? STR("stop") : str_dup(a, answer->finish_reason);
	c->answer.echo = str_dup(a, answer->echo);
	c->answer.n_tool_calls = ignores_calls ? 0 : answer->n_calls;
	c->answer.tool_calls = tool_calls_copy(a, answer->calls, c->answer.n_tool_calls);
}

static void keep_vectors(struct call *c, const struct wire_answer *answer)
{
	size_t dims = (size_t)model_of(c)->dims;

	memcpy(c->vectors + c->text_at * dims, answer->vectors, c->n_batch * dims * sizeof *c->vectors);
	c->text_at += c->n_batch;
	if (c->text_at < c->req.n_texts) {
		begin_batch(c);
		go(c, &(struct route_choice){.step = c->step});
		return;
	}
	c->answer.vectors = c->vectors;
	c->answer.n_vectors = c->req.n_texts;
	c->answer.dims = dims;
	finish(c, NULL);
}

/* As the provider's minute counts them. */
static int64_t tokens_taken(const struct call *c, const struct wire_answer *answer, const struct err *err)
{
	const struct usage *u = &answer->usage;

	if (answer->has_usage)
		return u->in_fresh + u->in_cached + u->in_write_5m + u->in_write_1h + u->out_text + u->out_reason;
	/* a refusal took none; else nobody knows */
	return err->code != ERR_NONE && !answer->output_began && c->record.http_status >= 300 ? 0 : -1;
}

static void on_answer(struct op *op, void *arg)
{
	struct call *c = arg;
	const struct attempt_result *r = attempt_result_of(op);
	struct err err = *op->err;

	CRASHPOINT("model.after_call");
	c->attempt = NULL;
	judge_answer(c, r->answer, &err);
	record_attempt(c, r, &err);
	health_tell(c->gateway->health, &c->ticket, &err, tokens_taken(c, r->answer, &err));
	give_slot(c);
	if (c->cancelled) {
		finish(c, NULL);
	} else if (err.code == ERR_NONE && c->req.n_texts > 0) {
		keep_vectors(c, r->answer);
	} else if (err.code == ERR_NONE) {
		keep_answer(c, r->answer);
		finish(c, NULL);
	} else if (c->passed_on) {
		finish(c, &err);
	} else {
		decide(c, &err);
	}
}

static void on_text(void *arg, struct str piece)
{
	struct call *c = arg;

	if (c->cancelled)
		return;
	c->passed_on = true;
	c->req.on_text(c->req.text_arg, piece);
}

static void ask(struct call *c)
{
	struct gateway *g = c->gateway;
	struct arena *a;
	struct err err;

	if (left_ms(c) <= 0) {
		err_set(&err, ERR_MODEL_TIMEOUT, "the deadline passed before the model could be asked");
		finish(c, &err);
		return;
	}
	c->stage = STAGE_ASK;
	c->n_attempts++;
	c->started_us = clock_wall_us();
	c->question = (struct wire_request){
		.endpoint = endpoint_now(c),
		.model = model_of(c),
		.tier = c->tier->name,
		.attempt = c->n_attempts,
		.messages = c->req.messages,
		.n_messages = c->req.n_messages,
		.texts = c->req.texts + c->text_at,
		.n_texts = c->n_batch,
		.tools = c->req.tools,
		.n_tools = c->req.n_tools,
		.output = c->req.output,
		.max_output = spend_max_output(model_of(c), c->req.max_output),
		.temperature = model_of(c)->takes_temperature ? c->req.temperature : -1,
		.on_text = c->req.on_text ? on_text : NULL,
		.text_arg = c,
	};
	c->answer.model = model_of(c)->name;
	c->answer.provider = model_of(c)->provider->name;
	CRASHPOINT("model.before_call");
	a = arena_new(c->op.arena);
	c->attempt = attempt_start(g->loop, g->http, a, &c->question, left_ms(c), on_answer, c);
}

/* With a slot in hand: take the money, and record what came before. */
static void reserve(struct call *c)
{
	const struct model *m = model_of(c);
	struct err err;

	clear_timer(c);
	if (spend_estimate(m, c->input_tokens, spend_max_output(m, c->req.max_output), &c->estimate_pusd, &err) < 0) {
		finish(c, &err);	/* the route knows better; never asked without a price */
		return;
	}
	c->hold = (struct spend_hold){
		.id = uuid_new(),
		.path = c->req.path,
		.amount_pusd = c->estimate_pusd,
		.expires_ms = left_ms(c) + HOLD_MARGIN_MS,
		.limits = c->req.limits,
		.n_limits = c->req.n_limits,
		.approval = STR_NONE,
	};
	if (c->caps) {
		c->hold.caps = c->caps[c->step].v;
		c->hold.n_caps = c->caps[c->step].n;
	}
	if (c->req.grant && str_eq(c->req.grant->model, m->name)) {
		c->hold.approval = c->req.grant->approval;
		c->hold.approved = c->req.grant->digest;
	}
	if (c->estimate_pusd > 0 || c->has_record)
		commit(c, c->estimate_pusd > 0 ? &c->hold : NULL, ask);
	else
		ask(c);
}

/* --- waiting --- */

/* Before each decision: breakers open and close meanwhile. */
static void refresh(struct call *c)
{
	facts_refresh(c->op.arena, c->facts, c->tier, c->gateway->health);
}

static const struct route_failure *last_failure(const struct call *c)
{
	return c->failure.tries ? &c->failure : NULL;
}

/* Another try that was granted does not end because the provider has to be let alone for a moment, or is being probed. */
static bool stays(const struct call *c)
{
	const struct route_fact *f = &c->facts[c->step];

	return c->tries > 1 && f->shut != STEP_RATE_LIMITED && f->shut_ms <= model_of(c)->provider->retry.max_hint_ms && f->shut_ms < left_ms(c);
}

static void pass(struct call *c, enum shut shut, int64_t ms)
{
	struct route_choice choice;

	give_slot(c);
	refresh(c);
	facts_shut(c->op.arena, &c->facts[c->step], model_of(c), shut, ms);
	if (stays(c)) {
		wait_shut(c, c->facts[c->step].shut_ms);
		return;
	}
	choice = route_pass(c->route, c->step, last_failure(c), left_ms(c));
	go(c, &choice);
}

static void on_admitted(void *arg, enum shut shut, int64_t ms)
{
	struct call *c = arg;

	if (c->cancelled) {
		finish(c, NULL);
	} else if (shut != SHUT_NOT) {
		pass(c, shut, ms);
	} else if (ms > 0) {
		c->stage = STAGE_WAIT;
		c->is_admitted = true;
		begin_wait(c, "its place in the provider's minute (rpm, tpm)", ms);
		set_timer(c, ms);
	} else {
		reserve(c);
	}
}

/* With a slot in hand: does the provider let it through? */
static void admit(struct call *c)
{
	int64_t tokens = c->input_tokens + spend_max_output(model_of(c), c->req.max_output);

	clear_timer(c);
	end_wait(c);
	health_drop(c->gateway->health, &c->ticket);	/* of before a reservation was refused */
	c->stage = STAGE_ADMIT;
	if (health_admit(c->gateway->health, &c->ticket, model_of(c), tokens, left_ms(c) - 1, on_admitted, c))
		reserve(c);
}

static void on_slot(void *arg)
{
	struct call *c = arg;

	c->has_slot = true;
	admit(c);
}

/* Somebody else's question changed what is known of a provider, or the time has come. */
static void begin_anew(struct call *c)
{
	struct route_choice choice;

	c->is_shut = false;
	if (c->failure.tries) {
		wait_turn(c);
		return;
	}
	refresh(c);
	choice = route_next(c->route, NULL, left_ms(c), 0);
	go(c, &choice);
}

static void on_line_timer(struct call *c)
{
	struct route_choice choice;
	struct err err;

	if (left_ms(c) > 0) {
		note_wait(c, arena_printf(c->op.arena, "a slot of the provider (max_in_flight %d)", model_of(c)->provider->max_in_flight), -1);
		set_timer(c, left_ms(c));
		return;
	}
	err_set(&err, ERR_MODEL_TIMEOUT, "the deadline passed in the line of provider \"" STR_FMT "\" (max_in_flight %d)",
		STR_ARG(model_of(c)->provider->name), model_of(c)->provider->max_in_flight);
	choice = route_expire(c->route, &err);
	finish_route(c, &choice);
}

static void on_timer(void *arg)
{
	struct call *c = arg;

	if (c->waiter.at) {
		on_line_timer(c);
	} else if (c->is_shut) {
		begin_anew(c);
	} else if (c->is_admitted) {
		c->is_admitted = false;
		end_wait(c);
		reserve(c);
	} else {
		c->delay_ms = 0;
		wait_turn(c);
	}
}

static int64_t until_noted(const struct call *c)
{
	int64_t left = left_ms(c);

	return left < 0 ? 0 : left < NOTED_MS ? left : NOTED_MS;
}

static void wait_turn(struct call *c)
{
	const struct provider *p = model_of(c)->provider;

	c->stage = STAGE_WAIT;
	if (c->delay_ms > 0) {
		begin_wait(c, "the pause before another try", c->delay_ms);
		set_timer(c, c->delay_ms);
	} else if (slots_take(c->gateway->slots, p)) {
		on_slot(c);
	} else {
		slots_wait(c->gateway->slots, p, &c->waiter, on_slot, c);
		set_timer(c, until_noted(c));
	}
}

static void wait_shut(struct call *c, int64_t ms)
{
	c->stage = STAGE_WAIT;
	c->is_shut = true;
	begin_wait(c, c->facts[c->step].shut_why, ms);
	set_timer(c, ms);
}

/* The copy of the breakers has changed. */
static void on_health(void *arg)
{
	struct gateway *g = arg;

	for (struct call *c = g->calls; c; c = c->next)
		if (c->is_shut && c->stage == STAGE_WAIT)
			set_timer(c, 0);
}

/* --- deciding --- */

static void go(struct call *c, const struct route_choice *choice)
{
	if (choice->end) {
		c->answer.ask = choice->ask ? &c->asks[choice->step] : NULL;
		finish_route(c, choice);
		return;
	}
	c->step = choice->step;
	if (choice->wait) {
		wait_shut(c, choice->delay_ms);
		return;
	}
	c->tries = choice->is_retry ? c->tries + 1 : 1;
	c->delay_ms = choice->delay_ms;
	c->saw_sibling = c->tried_alone = false;
	c->cap_wait_ms = 0;
	c->has_slot = c->delay_ms == 0 && slots_take(c->gateway->slots, model_of(c)->provider);
	if (c->has_slot)
		admit(c);
	else if (c->has_record)
		commit(c, NULL, wait_turn);	/* while there is time: the wait may be long */
	else
		wait_turn(c);
}

static void decide(struct call *c, const struct err *err)
{
	struct route_choice choice;

	c->failure = (struct route_failure){.step = c->step, .tries = c->tries, .err = *err};
	refresh(c);
	choice = route_next(c->route, &c->failure, left_ms(c), roll());
	go(c, &choice);
}

/* --- beginning --- */

static void on_cancel(struct op *op)
{
	struct call *c = (struct call *)op;

	c->cancelled = true;
	if (c->stage == STAGE_ASK)
		op_cancel(c->attempt);
	else if (c->stage == STAGE_WAIT)
		finish(c, NULL);
	/* STAGE_COMMIT, STAGE_ADMIT: what is with the store cannot be called back; its answer ends the call */
}

/* The facts of the request are here no longer than this. */
static void collect_caps(struct call *c, const struct model_request *req)
{
	struct arena *a = c->op.arena;

	for (size_t i = 0; i < c->tier->n_steps; i++) {
		const struct tier_step *s = &c->tier->steps[i];

		if (s->n_caps == 0 || s->model->price.free)
			continue;
		if (!c->caps)
			c->caps = ARENA_ARRAY(a, c->tier->n_steps, struct step_caps);
		c->caps[i].v = caps_of(a, c->snapshot->routing, s, req, &c->caps[i].n);
	}
}

/* The tier to walk: the file's, or in mode shadow the other gateway's for it; *ret_own is then the file's. */
static int find_tier(const struct gateway *g, struct str name, bool embeds, const struct tier **ret, const struct tier **ret_own,
		     struct err *err)
{
	const struct routing *r = g->now ? g->now->routing : NULL;
	const struct tier *t = routing_tier(r, name);

	if (!r)
		return err_set(err, ERR_MODEL_NO_ROUTE, "tier \"" STR_FMT "\": there is no policies/routing.yaml", STR_ARG(name));
	if (r->mode == MODE_OFF)
		return err_set(err, ERR_MODEL_NO_ROUTE, "tier \"" STR_FMT "\": routing is in mode \"off\", no model is asked",
			       STR_ARG(name));
	if (!t)
		return err_set(err, ERR_MODEL_NO_ROUTE, "unknown tier \"" STR_FMT "\"", STR_ARG(name));
	if (t->embeds != embeds)
		return err_set(err, ERR_MODEL_NO_ROUTE, embeds ? "tier \"" STR_FMT "\" makes no embeddings (kind: embedding)"
			       : "tier \"" STR_FMT "\" makes embeddings, it cannot be asked", STR_ARG(name));
	if (embeds && r->mode == MODE_SHADOW)
		return err_set(err, ERR_MODEL_NO_ROUTE, "tier \"" STR_FMT "\": routing is in mode \"shadow\", in which nothing is embedded",
			       STR_ARG(name));
	*ret_own = r->mode == MODE_SHADOW ? t : NULL;
	*ret = r->mode == MODE_SHADOW ? routing_shadow_tier(r, t) : t;
	return 0;
}

static struct route *begin_route(struct call *c, const struct tier *t, const struct json *task, int64_t tokens, struct route_fact **ret_facts)
{
	const struct route_question q = {.input_tokens = tokens, .has_tools = c->req.n_tools > 0,
					 .only = c->req.grant ? c->req.grant->model : STR_NONE};
	struct route_fact *facts = facts_collect(c->op.arena, c->snapshot->routing, c->snapshot->endpoints, c->gateway->probes, t,
						 c->input_tokens, c->req.max_output);

	facts_refresh(c->op.arena, facts, t, c->gateway->health);
	if (ret_facts)
		*ret_facts = facts;
	return route_begin(c->op.arena, t, task, facts, &q);
}

/* --- texts to embed --- */

/* Within what providers take in one request, and what an answer of 32 MiB can hold. */
static void begin_batch(struct call *c)
{
	const struct model *m = c->tier->steps[0].model;
	const struct wire *w = wire_of(m->provider->wire);
	const struct str *texts = c->req.texts + c->text_at;
	size_t most = c->req.n_texts - c->text_at, n = 0;
	int64_t tokens = 0;

	if (most > w->embed_batch)
		most = w->embed_batch;
	while (n < most && (n == 0 || (tokens + spend_text_tokens(&texts[n], 1) <= BATCH_TOKENS &&
				       (n + 1) * (size_t)m->dims <= BATCH_NUMBERS)))
		tokens += spend_text_tokens(&texts[n++], 1);
	c->n_batch = n;
	c->input_tokens = tokens;
}

static int64_t longest_text(const struct call *c)
{
	int64_t most = 0;

	for (size_t i = 0; i < c->req.n_texts; i++) {
		int64_t tokens = spend_text_tokens(&c->req.texts[i], 1);

		most = tokens > most ? tokens : most;
	}
	return most;
}

static void link_call(struct gateway *g, struct call *c)
{
	c->next = g->calls;
	c->at = &g->calls;
	if (c->next)
		c->next->at = &c->next;
	g->calls = c;
}

/* What has to fit the model's context. */
static int64_t measure(struct call *c, bool embeds)
{
	if (!embeds)
		return c->input_tokens = spend_input_tokens(&c->req);
	c->vectors = ARENA_ARRAY(c->op.arena, c->req.n_texts * (size_t)c->tier->steps[0].model->dims, float);
	begin_batch(c);
	return longest_text(c);
}

static int check_kind(const struct model_request *req, bool embeds, struct err *err)
{
	if (embeds == (req->n_texts > 0))
		return 0;
	return err_set(err, ERR_MODEL_INVALID_REQUEST, embeds ? "there is no text to embed" : "texts to embed in a chat");
}

static struct op *begin(struct gateway *g, struct arena *a, const struct model_request *req, bool embeds, op_done_fn *done,
			void *arg)
{
	struct call *c = ARENA_NEW(a, struct call);
	const struct tier *own = NULL;
	struct route_choice choice;
	int64_t deadline, tokens;
	struct err err;

	op_init(&c->op, g->loop, a, on_cancel, done, arg);
	c->gateway = g;
	c->snapshot = g->now;
	if (check_kind(req, embeds, &err) < 0 || request_check(req, &err) < 0 ||
	    find_tier(g, req->tier, embeds, &c->tier, &own, &err) < 0) {
		op_complete(&c->op, &err);
		return &c->op;
	}
	link_call(g, c);
	c->req = request_copy(a, req);
	collect_caps(c, req);
	tokens = measure(c, embeds);
	deadline = tier_deadline_ms(c->tier);
	if (req->deadline_ms > 0 && req->deadline_ms < deadline)
		deadline = req->deadline_ms;
	c->deadline_ms = loop_now_ms(g->loop) + deadline;
	health_refresh(g->health);
	c->route = begin_route(c, c->tier, req->facts, tokens, &c->facts);
	if (own)
		c->own = shadow_decide(a, begin_route(c, own, req->facts, tokens, NULL), deadline);
	choice = route_next(c->route, NULL, deadline, 0);
	go(c, &choice);
	return &c->op;
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
	return &((const struct call *)op)->answer;
}

/* --- the gateway --- */

struct gateway *gateway_new(struct loop *l, struct http *h, struct store *s)
{
	struct arena *a = arena_new(NULL);
	struct gateway *g = ARENA_NEW(a, struct gateway);

	g->arena = a;
	g->loop = l;
	g->http = h;
	g->store = s;
	g->slots = slots_new(a);
	g->health = health_new(l, s);
	health_on_change(g->health, on_health, g);
	return g;
}

struct health *gateway_health(struct gateway *g)
{
	return g->health;
}

bool gateway_is_idle(const struct gateway *g)
{
	return !g->calls;
}

void gateway_free(struct gateway *g)
{
	if (!g)
		return;
	if (g->calls)
		fatal("gateway_free: calls are in flight");
	health_free(g->health);
	arena_free(g->arena);
}

bool gateway_set_probes(struct gateway *g, const struct probes *p)
{
	bool same = g->probes && probes_same(g->probes, p);
	struct arena *old = g->probes_arena;

	g->probes_arena = arena_new(g->arena);
	g->probes = probes_copy(g->probes_arena, p);
	arena_free(old);
	return !same;
}

void gateway_set_routing(struct gateway *g, const struct routing *r)
{
	struct snapshot *s = ARENA_NEW(g->arena, struct snapshot);

	s->routing = r;
	s->endpoints = r ? endpoints_resolve(g->arena, r) : NULL;
	g->now = r ? s : NULL;
}
