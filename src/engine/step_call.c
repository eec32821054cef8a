/* step_call.c - call: the intent is committed (step.started, effect dispatched), the tool runs with the arguments
 * as recorded, its outcome is committed with the step's row. What an outcome means is effect.c's. */
#include "base/arena.h"
#include "base/crash.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "base/loop.h"
#include "config/manifest.h"
#include "config/policy_judge.h"
#include "config/workflow.h"
#include "engine/act.h"
#include "engine/agent.h"
#include "engine/batch.h"
#include "engine/call.h"
#include "engine/effect.h"
#include "engine/engine_room.h"
#include "engine/flight.h"
#include "engine/program.h"
#include "engine/run.h"
#include "engine/steps.h"
#include "tools/tools.h"

struct call_flight {
	struct flight flight;		/* first */
	struct tool_request req;
};

void call_change_effect(struct run *r, const struct node *n, const struct intent *i, enum effect_state to,
			const struct json *result)
{
	struct batch *b = run_batch(r);
	struct effect_change e = {.key = i->key, .attempt_try = n->try_no, .to = to, .result = result};

	e.path = node_path(b->arena, n, ROW_STEP_CANCELLED);
	e.tool = str_dup(b->arena, i->tool);
	e.effect_class = str_from(effect_class_name(i->effect));
	json_digest(i->args, &e.args);
	batch_add_effect(b, &e);
}

/* --- begin --- */

static const struct contract *pinned(const struct run *r, struct str tool)
{
	const struct workflow *w = r->state.program->workflow;

	for (size_t i = 0; i < w->n_contracts; i++)
		if (str_eq(w->contracts[i].name, tool))
			return &w->contracts[i];
	return NULL;
}

/* The stricter of what the task pinned and what the tool says today. */
static int class_of(struct run *r, struct str tool, enum effect_class *ret, struct err *err)
{
	const struct manifest *live = tools_find(r->engine->tools, tool);
	const struct contract *c = pinned(r, tool);

	if (!live)
		return err_set(err, ERR_TOOL_UNKNOWN, "no tool \"" STR_FMT "\" is installed here: a worker reads tools.d when it starts and at SIGHUP",
			       STR_ARG(tool));
	*ret = effect_as_run(c ? effect_stricter(c->effect, live->contract.effect) : live->contract.effect);
	return 0;
}

/* By the policy of today, with the arguments that would be sent. Its word holds until the call has ended: one that has begun
 * is not judged again when another worker takes it up. */
static int judge(struct run *r, const struct node *n, const struct intent *i, struct err *err)
{
	struct arena *a = r->engine->scratch;
	struct judgement j;
	struct str path;

	if (!r->engine->policy)
		return 0;
	policy_judge(r->engine->policy, policy_facts(a, r->state.facts, r->state.input, i->tool, i->args,
						     policy_taint(r->state.taint, i->taint)), i->effect, &j);
	if (judgement_refuses(&j, err) == 0)
		return 0;
	path = node_path(a, n, ROW_STEP_FAILED);
	log_info("policy.refused", "task=%s path=" STR_FMT " tool=" STR_FMT " rule=" STR_FMT " verdict=%s", r->id, STR_ARG(path),
		 STR_ARG(i->tool), STR_ARG(j.rule ? j.rule->id : STR("-")), verdict_name(j.verdict));
	return -1;
}

/* The call that is known not to have happened, as it was: budgets count it once. */
static int recorded(struct run *r, const struct node *n, struct intent *ret, struct err *err)
{
	enum effect_class live;

	intent_read(n->again, ret);
	if (class_of(r, ret->tool, &live, err) < 0)
		return -1;
	ret->effect = n->uncertain_us ? EFFECT_AT_MOST_ONCE : effect_stricter(ret->effect, live);
	ret->taint |= tools_find(r->engine->tools, ret->tool)->taint;
	return 0;
}

static int fresh(struct run *r, struct node *n, struct intent *ret, struct err *err)
{
	const struct step_call *s = &node_program(n)->step->u.call;

	ret->tool = s->tool;
	if (scope_is_call(n->scope) && (budget_check_call(&r->state, &r->budget, n, err) < 0 || agent_call_check(n, err) < 0))
		return -1;
	if (class_of(r, s->tool, &ret->effect, err) < 0 || act_eval(r, n, s->with, &ret->args, err) < 0 ||
	    act_check_size(ret->args, err) < 0 || budget_check_call(&r->state, &r->budget, n, err) < 0)
		return -1;
	if (json_type(ret->args) != JSON_OBJECT)
		return err_set(err, ERR_TOOL_ARGS, "\"with\": expected object, got %s", json_type_name(ret->args));
	ret->taint = tools_find(r->engine->tools, s->tool)->taint;
	effect_key(&r->claimed->task, node_path(r->engine->scratch, n, ROW_STEP_STARTED), ret->tool, ret->args, &ret->key);
	return 0;
}

static void begin(struct run *r, struct node *n)
{
	struct intent i;
	struct err err = {0};

	if ((n->again ? recorded(r, n, &i, &err) : fresh(r, n, &i, &err)) < 0 || judge(r, n, &i, &err) < 0) {
		act_fail_err(r, n, &err);
		return;
	}
	act_started(r, n, intent_json(n->scope->arena, &i));
	call_change_effect(r, n, &i, EFFECT_DISPATCHED, NULL);
}

/* --- the call --- */

void call_uncertain(struct run *r, struct node *n, const struct intent *i, const struct err *err)
{
	struct arena *a = n->scope->arena;
	struct json_builder b;

	json_object_begin(&b, a);
	json_object_setc(&b, "key", json_copy(a, json_getc(n->started, "key")));
	json_object_setc(&b, "tool", json_string(a, i->tool));
	json_object_setc(&b, "error", json_copy(a, act_error(r, n, err)));
	call_change_effect(r, n, i, EFFECT_UNCERTAIN, NULL);
	act_row(r, n, ROW_STEP_UNCERTAIN, json_object_end(&b));
	/* What was uncertain in the ledger before may have been spoken of since. */
	n->looked = !n->ledger;
	n->ledger = NULL;
	call_plan_ask(r, n);
}

void call_again(struct run *r, struct node *n, const struct intent *i, const struct err *err, const struct json *reconciled)
{
	struct arena *a = n->scope->arena;
	struct json_builder b;

	call_change_effect(r, n, i, EFFECT_FAILED_BEFORE, NULL);
	json_object_begin(&b, a);
	json_object_setc(&b, "error", json_copy(a, act_error(r, n, err)));
	json_object_setc(&b, "retry_at", journal_time(a, run_now_us(r)));
	json_object_setc(&b, "free", json_bool(true));
	if (reconciled)
		json_object_setc(&b, "reconciled", reconciled);
	act_row(r, n, ROW_STEP_FAILED, json_object_end(&b));
}

/* We leave, and this call is known not to have begun: the next attempt may make it, although nobody may repeat it. */
static void again_elsewhere(struct run *r, struct node *n, const struct intent *i)
{
	struct err err = {0};

	err_set(&err, ERR_CANCELLED, "the worker left before the call began");
	call_again(r, n, i, &err, NULL);
}

static void end_failed(struct run *r, struct node *n, const struct intent *i, const struct effect_verdict *v,
		       const struct err *err, enum abort_reason abort)
{
	if (abort == ABORT_RELEASE) {
		if (v->moves && v->to == EFFECT_FAILED_BEFORE)
			again_elsewhere(r, n, i);
		return;		/* else the next claim reads the ledger */
	}
	if (v->moves)
		call_change_effect(r, n, i, v->to, NULL);
	if (n->scope->cancelling)
		act_row(r, n, ROW_STEP_CANCELLED, NULL);
	else
		act_fail_err(r, n, err);
}

static void on_called(struct op *op, void *arg)
{
	struct call_flight *f = arg;
	struct run *r = f->flight.run;
	struct node *n = f->flight.node;
	const struct tool_result *res = tools_result_of(op);
	struct effect_verdict v;
	struct intent i;
	struct err err;

	CRASHPOINT("effect.after_call");
	flight_end(&f->flight, &err);
	if (r->wish == WISH_DROP)
		return;
	intent_read(n->started, &i);
	i.effect = f->req.effect;
	/* A value that came although we had given up is a value. */
	v = effect_decide(i.effect, res->outcome, res->value ? NULL : &err);
	switch (v.end) {
	case CALL_UNCERTAIN:
		if (f->flight.abort != ABORT_RELEASE)
			call_uncertain(r, n, &i, &err);
		else if (r->wish == WISH_FAIL)	/* no attempt comes after us that would say so */
			call_change_effect(r, n, &i, EFFECT_UNCERTAIN, NULL);
		return;
	case CALL_FAILED:
		end_failed(r, n, &i, &v, &err, f->flight.abort);
		return;
	case CALL_SUCCEEDED:
		call_change_effect(r, n, &i, v.to, act_check_size(res->value, NULL) == 0 ? act_keep(n, res->value) : NULL);
		act_succeed(r, n, res->value);
		return;
	}
}

static void start(struct run *r, struct node *n, const struct intent *i)
{
	struct arena *a = arena_new(NULL);
	struct call_flight *f = ARENA_NEW(a, struct call_flight);

	f->req = (struct tool_request){.tool = i->tool, .args = i->args, .task = r->claimed->task,
				       .fence = r->claimed->fence, .facts = r->claimed->facts,
				       .effect_key = i->key, .effect = i->effect};
	flight_begin(&f->flight, r, n);
	f->flight.kill = tools_kill;
	CRASHPOINT("effect.before_dispatch");
	f->flight.op = tools_call(r->engine->tools, a, &f->req, on_called, f);
}

void call_intent(struct run *r, const struct node *n, struct intent *ret)
{
	enum effect_class live;

	intent_read(n->started, ret);
	/* It may have become stricter since the call was recorded. */
	if (class_of(r, ret->tool, &live, NULL) == 0)
		ret->effect = effect_stricter(ret->effect, live);
}

static void dispatch(struct run *r, struct node *n)
{
	struct intent i;

	call_intent(r, n, &i);
	start(r, n, &i);
}

/* What the ledger says of a call that an earlier attempt began, where it is more than that it began. */
static void resume_told(struct run *r, struct node *n, const struct intent *i)
{
	const struct ledger_word *w = n->ledger;
	struct err err = {0};

	switch (w->state) {
	case EFFECT_DONE:
		if (w->result) {
			act_succeed(r, n, w->result);
			return;
		}
		err_set(&err, ERR_TOOL_FAILED, "the call ended, its answer was not kept");
		act_fail_err(r, n, &err);
		return;
	case EFFECT_UNCERTAIN:
		err_set(&err, ERR_TOOL_FAILED, "it is not known whether the call happened");
		call_uncertain(r, n, i, &err);
		return;
	case EFFECT_PLANNED:
	case EFFECT_DISPATCHED:		/* no news, see news() */
	case EFFECT_FAILED_BEFORE:
		again_elsewhere(r, n, i);
	}
}

static void resume(struct run *r, struct node *n)
{
	struct intent i;
	struct err err = {0};

	call_intent(r, n, &i);
	if (n->ledger) {
		resume_told(r, n, &i);
		return;
	}
	if (effect_may_repeat(i.effect)) {
		start(r, n, &i);
		return;
	}
	err_set(&err, ERR_TOOL_FAILED, "the worker went away after the call had begun; whether it happened is not known");
	call_uncertain(r, n, &i, &err);
}

static void cancel(struct run *r, struct node *n)
{
	struct intent i;
	struct err err = {0};
	bool ended = n->ledger && n->ledger->state != EFFECT_UNCERTAIN;

	if (n->status == NODE_RETRYING) {	/* between two tries nothing is under way */
		act_row(r, n, ROW_STEP_CANCELLED, NULL);
		return;
	}
	call_intent(r, n, &i);
	if (!ended && !n->mine && !effect_may_repeat(i.effect)) {
		err_set(&err, ERR_CANCELLED, "the task was cancelled while it was not known whether the call happened");
		call_uncertain(r, n, &i, &err);
		return;
	}
	if (n->mine)
		call_change_effect(r, n, &i, EFFECT_FAILED_BEFORE, NULL);
	act_row(r, n, ROW_STEP_CANCELLED, NULL);
}

static void give_back(struct run *r, struct node *n)
{
	struct intent i;

	call_intent(r, n, &i);
	if (!effect_may_repeat(i.effect))
		again_elsewhere(r, n, &i);
}

const struct step_ops step_call_ops = {.kind = STEP_CALL, .begin = begin, .dispatch = dispatch, .resume = resume,
				       .cancel = cancel, .give_back = give_back, .look = call_look,
				       .settle = call_settle, .ask = call_ask, .asks = call_asks};
