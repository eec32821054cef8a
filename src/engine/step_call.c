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
#include "engine/approval.h"
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

static struct effect_change effect_of(struct run *r, const struct node *n, const struct intent *i, enum effect_state to,
				      const struct json *result)
{
	struct batch *b = run_batch(r);
	struct effect_change e = {.key = i->key, .attempt_try = node_next_try(n, ROW_STEP_STARTED), .to = to, .result = result, .approval = STR_NONE};

	e.path = node_path(b->arena, n, ROW_STEP_STARTED);
	e.tool = str_dup(b->arena, i->tool);
	e.effect_class = str_from(effect_class_name(i->effect));
	json_digest(i->args, &e.args);
	return e;
}

void call_change_effect(struct run *r, const struct node *n, const struct intent *i, enum effect_state to,
			const struct json *result)
{
	struct effect_change e = effect_of(r, n, i, to, result);

	batch_add_effect(run_batch(r), &e);
}

/* --- what is to be called --- */

static const struct contract *pinned(const struct run *r, struct str tool)
{
	return workflow_find_contract(r->state.program->workflow, tool);
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
static int judge(struct run *r, const struct node *n, const struct intent *i, struct judgement *ret, struct err *err)
{
	struct arena *a = r->engine->scratch;
	struct str path;

	*ret = (struct judgement){.verdict = VERDICT_ALLOW, .risk = RISK_UNSET, .expires_ms = POLICY_EXPIRES_MS, .approvers = 1};
	if (!r->engine->policy)
		return 0;
	policy_judge(r->engine->policy, policy_facts(a, r->state.facts, r->state.input, i->tool, i->args,
						     policy_taint(r->state.taint, i->taint)), i->effect, ret);
	if (ret->verdict != VERDICT_DENY)
		return 0;
	judgement_refuses(ret, err);
	path = node_path(a, n, ROW_STEP_FAILED);
	log_info("policy.refused", "task=%s path=" STR_FMT " tool=" STR_FMT " rule=" STR_FMT " verdict=%s", r->id, STR_ARG(path),
		 STR_ARG(i->tool), STR_ARG(ret->rule ? ret->rule->id : STR("-")), verdict_name(ret->verdict));
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

/* --- asking a person --- */

static const char *default_title(struct arena *a, const struct intent *i, const struct judgement *j)
{
	if (j->failed[0])
		return arena_printf(a, "Call " STR_FMT ": it cannot be told whether rule \"" STR_FMT "\" fits", STR_ARG(i->tool), STR_ARG(j->rule->id));
	if (j->verdict == VERDICT_ASK && !j->rule)
		return arena_printf(a, "Call " STR_FMT ": no rule of the policy fits", STR_ARG(i->tool));
	if (j->verdict == VERDICT_ASK && j->reason.n)
		return arena_printf(a, "Call " STR_FMT ": " STR_FMT, STR_ARG(i->tool), STR_ARG(j->reason));
	return arena_printf(a, "Call " STR_FMT, STR_ARG(i->tool));
}

/* What the tool says itself; a call that may be made only once is no small matter. */
static enum risk call_risk(struct run *r, const struct intent *i)
{
	const struct manifest *m = tools_find(r->engine->tools, i->tool);

	return risk_higher(m ? m->risk : RISK_UNSET, effect_may_repeat(i->effect) ? RISK_LOW : RISK_MEDIUM);
}

/* The step's own `ask` serves as the policy's: what is stricter of both counts, and nobody is asked twice. */
static void ask_person(struct run *r, struct node *n, const struct intent *i, const struct judgement *j)
{
	const struct step *s = node_program(n)->step;
	const struct step_ask *own = s->ask;
	const struct contract *c = pinned(r, i->tool);
	bool asks = j->verdict == VERDICT_ASK;
	struct approval_ask ask = {.call = i, .schema = c ? c->args : NULL, .rule = j->rule ? j->rule->id : STR_NONE,
				   .risk = approval_risk(s, risk_higher(j->risk, call_risk(r, i))),
				   .verdict = r->engine->policy ? str_from(verdict_name(j->verdict)) : STR_NONE,
				   .approvers = asks ? j->approvers : 1, .timeout_ms = asks ? j->expires_ms : INT64_MAX};
	struct err err = {0};

	ask.title = str_from(default_title(r->engine->scratch, i, j));
	if (own && ((own->title && act_eval_text(r, n, own->title, &ask.title, &err) < 0) ||
		    (own->show && (act_eval(r, n, own->show, &ask.show, &err) < 0 || act_check_size(ask.show, &err) < 0)))) {
		act_fail_err(r, n, &err);
		return;
	}
	if (own && own->approvers > ask.approvers)
		ask.approvers = own->approvers;
	if (own && own->timeout_ms < ask.timeout_ms)
		ask.timeout_ms = own->timeout_ms;
	approval_request(r, n, &ask);
}

/* What a person approved in this visit, where that is this call: then *i is it, as it was edited. An approval is void where the
 * policy has become stricter. */
static bool take_approved(const struct node *n, const struct judgement *j, struct intent *i)
{
	const struct json *edited = json_getc(n->approval, "call");
	struct intent asked, approved;
	int64_t approvers = 0;

	if (!n->approved)
		return false;
	intent_read(json_getc(n->approved, "call"), &asked);
	if (!edited || !intent_read(edited, &approved))
		approved = asked;
	json_to_int(json_getc(n->approved, "approvers"), &approvers);
	if (!str_eq(asked.tool, i->tool) || (!json_equal(i->args, asked.args) && !json_equal(i->args, approved.args)) ||
	    (j->verdict == VERDICT_ASK && j->approvers > approvers))
		return false;
	i->args = approved.args;
	i->key = approved.key;
	i->approval = json_str(json_getc(n->approved, "id"));
	return true;
}

/* --- begin --- */

/* The call is recorded, and its effect dispatched with what was approved: the database compares both. */
static void commit_call(struct run *r, struct node *n, const struct intent *i)
{
	struct effect_change e = effect_of(r, n, i, EFFECT_DISPATCHED, NULL);

	if (i->approval.p) {
		e.approval = str_dup(run_batch(r)->arena, i->approval);
		approval_digest(r, n, n->approved, i, &e.approved);
	}
	act_started(r, n, intent_json(n->scope->arena, i));
	batch_add_effect(run_batch(r), &e);
}

static void go_on(struct run *r, struct node *n, struct intent *i)
{
	struct judgement j;
	struct err err = {0};
	bool approved;

	i->approval = STR_NONE;
	if (judge(r, n, i, &j, &err) < 0) {
		act_fail_err(r, n, &err);
		return;
	}
	approved = take_approved(n, &j, i);
	if (approved) {		/* as it was edited it is judged too */
		if (judge(r, n, i, &j, &err) < 0) {
			act_fail_err(r, n, &err);
			return;
		}
		approved = take_approved(n, &j, i);
	}
	if (!approved)
		i->approval = STR_NONE;
	if (!approved && (node_program(n)->step->ask || j.verdict == VERDICT_ASK))
		ask_person(r, n, i, &j);
	else
		commit_call(r, n, i);
}

static void begin(struct run *r, struct node *n)
{
	struct intent i = {0};
	struct err err = {0};

	if ((n->again ? recorded(r, n, &i, &err) : fresh(r, n, &i, &err)) < 0)
		act_fail_err(r, n, &err);
	else
		go_on(r, n, &i);
}

/* The call as it was approved; whatever has changed meanwhile (the tool, the policy, what is left of the budget) counts. */
static void decided(struct run *r, struct node *n)
{
	const struct json *edited = json_getc(n->decision, "call");
	struct intent i = {0};
	enum effect_class live;
	struct err err = {0};

	if (approval_end_of(n) != APPROVAL_APPROVED) {
		approval_error(n, &err);
		act_fail_err(r, n, &err);
		return;
	}
	intent_read(edited ? edited : json_getc(n->request, "call"), &i);
	if (class_of(r, i.tool, &live, &err) < 0 || (!n->again && budget_check_call(&r->state, &r->budget, n, &err) < 0)) {
		act_fail_err(r, n, &err);
		return;
	}
	i.effect = effect_stricter(i.effect, live);
	i.taint |= tools_find(r->engine->tools, i.tool)->taint;
	go_on(r, n, &i);
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
				       .effect_key = i->key, .effect = i->effect, .step = node_path(a, n, ROW_STEP_STARTED)};
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
				       .settle = call_settle, .ask = call_ask, .asks = call_asks, .decided = decided};
