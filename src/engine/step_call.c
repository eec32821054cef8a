/* step_call.c - call: the intent is committed (step.started, effect dispatched), the tool runs with the arguments
 * as recorded, its outcome is committed with the step's row. What an outcome means is effect.c's. */
#include "base/arena.h"
#include "base/crash.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/json.h"
#include "base/loop.h"
#include "config/manifest.h"
#include "config/workflow.h"
#include "engine/act.h"
#include "engine/batch.h"
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

/* As recorded in step.started. */
struct intent {
	struct str tool;
	enum effect_class effect;
	struct digest key;
	const struct json *args;
};

static bool read_intent(const struct node *n, struct intent *ret)
{
	const struct json *v = n->started;

	ret->tool = json_str(json_getc(v, "tool"));
	ret->args = json_getc(v, "args");
	return ret->tool.p && json_type(ret->args) == JSON_OBJECT &&
	       effect_class_parse(json_str(json_getc(v, "effect")), &ret->effect) &&
	       digest_from_hex(json_str(json_getc(v, "key")), &ret->key);
}

static void change_effect(struct run *r, const struct node *n, const struct intent *i, enum effect_state to,
			  const struct json *result)
{
	struct batch *b = run_batch(r);
	struct effect_change e = {.key = i->key, .to = to, .result = result};

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
		return err_set(err, ERR_TOOL_UNKNOWN, "no tool \"" STR_FMT "\" is installed here", STR_ARG(tool));
	*ret = c ? effect_stricter(c->effect, live->contract.effect) : live->contract.effect;
	return 0;
}

static const struct json *intent_json(struct arena *a, const struct intent *i)
{
	struct json_builder b;
	char hex[65];

	digest_hex(&i->key, hex);
	json_object_begin(&b, a);
	json_object_setc(&b, "tool", json_string_ref(a, i->tool));
	json_object_setc(&b, "effect", json_stringc(a, effect_class_name(i->effect)));
	json_object_setc(&b, "key", json_stringc(a, hex));
	json_object_setc(&b, "args", json_copy(a, i->args));
	return json_object_end(&b);
}

static void begin(struct run *r, struct node *n)
{
	const struct step_call *s = &node_program(n)->step->u.call;
	struct arena *scratch = r->engine->scratch;
	struct intent i = {.tool = s->tool};
	struct err err = {0};

	if (class_of(r, s->tool, &i.effect, &err) < 0 || act_eval(r, n, s->with, &i.args, &err) < 0 ||
	    act_check_size(i.args, &err) < 0 ||
	    budget_check_call(&r->state, &r->budget, n, &err) < 0) {
		act_fail_err(r, n, &err);
		return;
	}
	if (json_type(i.args) != JSON_OBJECT) {
		err_set(&err, ERR_TOOL_ARGS, "\"with\": expected object, got %s", json_type_name(i.args));
		act_fail_err(r, n, &err);
		return;
	}
	effect_key(&r->claimed->task, node_path(scratch, n, ROW_STEP_STARTED), i.tool, i.args, &i.key);
	act_started(r, n, intent_json(n->scope->arena, &i));
	change_effect(r, n, &i, EFFECT_DISPATCHED, NULL);
}

/* --- the call --- */

static void end_uncertain(struct run *r, struct node *n, const struct intent *i, const struct err *err)
{
	struct arena *a = n->scope->arena;
	struct json_builder b;

	json_object_begin(&b, a);
	json_object_setc(&b, "key", json_copy(a, json_getc(n->started, "key")));
	json_object_setc(&b, "tool", json_string(a, i->tool));
	json_object_setc(&b, "error", json_copy(a, act_error(r, n, err)));
	change_effect(r, n, i, EFFECT_UNCERTAIN, NULL);
	act_row(r, n, ROW_STEP_UNCERTAIN, json_object_end(&b));
}

/* We leave, and this call is known not to have begun: the next attempt may make it, although nobody may repeat it. */
static void again_elsewhere(struct run *r, struct node *n, const struct intent *i)
{
	struct arena *a = n->scope->arena;
	struct err err = {0};
	struct json_builder b;

	err_set(&err, ERR_CANCELLED, "the worker left before the call began");
	change_effect(r, n, i, EFFECT_FAILED_BEFORE, NULL);
	json_object_begin(&b, a);
	json_object_setc(&b, "error", json_copy(a, act_error(r, n, &err)));
	json_object_setc(&b, "retry_at", journal_time(a, run_now_us(r)));
	act_row(r, n, ROW_STEP_FAILED, json_object_end(&b));
}

static void end_failed(struct run *r, struct node *n, const struct intent *i, const struct effect_verdict *v,
		       const struct err *err, enum abort_reason abort)
{
	if (abort == ABORT_RELEASE) {
		if (v->moves && v->to == EFFECT_FAILED_BEFORE)
			again_elsewhere(r, n, i);
		return;		/* else: R16 at the next claim */
	}
	if (v->moves)
		change_effect(r, n, i, v->to, NULL);
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
	const struct json *value = res->outcome == TOOL_DONE && (res->value || op->err.code == ERR_NONE) ?
		(res->value ? res->value : json_null()) : NULL;

	CRASHPOINT("effect.after_call");
	flight_end(&f->flight, &err);
	if (r->wish == WISH_DROP || !read_intent(n, &i))
		return;
	i.effect = f->req.effect;
	/* A value that came although we had given up is a value. */
	v = effect_decide(i.effect, res->outcome, value ? NULL : &err);
	switch (v.end) {
	case CALL_UNCERTAIN:
		if (f->flight.abort != ABORT_RELEASE)
			end_uncertain(r, n, &i, &err);
		return;
	case CALL_FAILED:
		end_failed(r, n, &i, &v, &err, f->flight.abort);
		return;
	case CALL_SUCCEEDED:
		change_effect(r, n, &i, v.to, act_check_size(value, NULL) == 0 ? act_keep(n, value) : NULL);
		act_succeed(r, n, value);
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

/* The class may have become stricter since the call was recorded. */
static bool intent_of(struct run *r, struct node *n, struct intent *ret)
{
	enum effect_class live;
	struct err err = {0};

	if (!read_intent(n, ret)) {
		err_set(&err, ERR_JOURNAL_CONFLICT, "step.started of \"" STR_FMT "\" names no call",
			STR_ARG(node_program(n)->step->id));
		run_fail(r, &err);
		return false;
	}
	if (class_of(r, ret->tool, &live, NULL) == 0)
		ret->effect = effect_stricter(ret->effect, live);
	return true;
}

static void dispatch(struct run *r, struct node *n)
{
	struct intent i;

	if (intent_of(r, n, &i))
		start(r, n, &i);
}

static void resume(struct run *r, struct node *n)
{
	struct intent i;
	struct err err = {0};

	if (!intent_of(r, n, &i))
		return;
	if (effect_may_repeat(i.effect)) {
		start(r, n, &i);
		return;
	}
	err_set(&err, ERR_TOOL_FAILED, "the worker went away after the call had begun; whether it happened is not known");
	end_uncertain(r, n, &i, &err);
}

static void cancel(struct run *r, struct node *n)
{
	struct intent i;
	struct err err = {0};

	if (!intent_of(r, n, &i))
		return;
	if (!n->mine && !effect_may_repeat(i.effect)) {
		err_set(&err, ERR_CANCELLED, "the task was cancelled while it was not known whether the call happened");
		end_uncertain(r, n, &i, &err);
		return;
	}
	if (n->mine)
		change_effect(r, n, &i, EFFECT_FAILED_BEFORE, NULL);
	act_row(r, n, ROW_STEP_CANCELLED, NULL);
}

static void give_back(struct run *r, struct node *n)
{
	struct intent i;

	if (intent_of(r, n, &i) && !effect_may_repeat(i.effect))
		again_elsewhere(r, n, &i);
}

const struct step_ops step_call_ops = {.kind = STEP_CALL, .begin = begin, .dispatch = dispatch, .resume = resume,
				       .cancel = cancel, .give_back = give_back};
