/* step_model.c - model: one question to a tier. With a schema, an answer that does not fit is committed as a turn and
 * asked again, at most twice; after a restart the conversation is rebuilt from those turns. */
#include "base/arena.h"
#include "base/crash.h"
#include "base/err.h"
#include "base/json.h"
#include "base/loop.h"
#include "config/expr.h"
#include "config/workflow.h"
#include "engine/act.h"
#include "engine/answer.h"
#include "engine/batch.h"
#include "engine/engine_room.h"
#include "engine/flight.h"
#include "engine/model.h"
#include "engine/path.h"
#include "engine/program.h"
#include "engine/run.h"
#include "engine/steps.h"
#include "gateway/gateway.h"

enum { MAX_MESSAGES = MODEL_MAX_QUESTION + 2 * NODE_MAX_REPAIRS };

static void begin(struct run *r, struct node *n)
{
	const struct step_model *s = &node_program(n)->step->u.model;
	struct arena *a = n->scope->arena;
	struct err err = {0};

	if (!n->again && budget_check_turn(&r->state, &r->budget, n, &err) < 0)	/* a question that is asked again is one turn */
		act_fail_err(r, n, &err);
	else
		act_started(r, n, journal_value(a, "tier", json_string_ref(a, s->tier)));
}

/* --- the question --- */

/* The prompt, then, after an empty line, the context. */
static int user_text(struct run *r, const struct node *n, const struct step_model *s, struct str *ret, struct err *err)
{
	struct arena *a = r->engine->scratch;
	struct str prompt, context;
	struct buf b;

	if (act_eval_text(r, n, s->prompt, &prompt, err) < 0)
		return -1;
	if (!s->context) {
		*ret = prompt;
		return 0;
	}
	if (act_eval_text(r, n, s->context, &context, err) < 0)
		return -1;
	buf_init(&b, a);
	buf_addstr(&b, prompt);
	buf_adds(&b, "\n\n");
	buf_addstr(&b, context);
	*ret = buf_str(&b);
	return 0;
}

int model_question(struct run *r, const struct node *n, const struct step_model *s, struct message *v, size_t *ret_n, struct err *err)
{
	size_t count = 0;

	if (s->system) {
		v[count] = (struct message){.role = ROLE_SYSTEM};
		if (act_eval_text(r, n, s->system, &v[count++].text, err) < 0)
			return -1;
	}
	v[count] = (struct message){.role = ROLE_USER};
	if (user_text(r, n, s, &v[count++].text, err) < 0)
		return -1;
	*ret_n = count;
	return 0;
}

void model_send(struct run *r, struct node *n, const struct step_model *s, struct model_request *req, op_done_fn *done)
{
	struct arena *scratch = r->engine->scratch, *a = arena_new(NULL);
	struct flight *f = ARENA_NEW(a, struct flight);

	req->task = r->claimed->task;
	req->fence = r->claimed->fence;
	req->facts = r->claimed->facts;
	req->tier = s->tier;
	req->max_output = s->max_output;
	req->temperature = s->temperature;
	req->path = path_turn(scratch, node_path(scratch, n, ROW_STEP_CANCELLED), n->n_turns + 1);
	req->limits = budget_limits(scratch, n, &req->n_limits);
	req->grant = model_grant(r, n, req->path);
	n->asked_us = run_now_us(r);
	flight_begin(f, r, n);
	CRASHPOINT("model.before_call");
	f->op = gateway_call(r->engine->gateway, a, req, done, f);
}

/* --- the answer --- */

bool model_taken(struct op *op, struct flight *f, struct err *ret_err)
{
	struct run *r = f->run;
	const struct model_answer *answer = gateway_answer_of(op);
	bool answered = op->err->code == ERR_NONE;

	CRASHPOINT("model.after_call");
	flight_end(f, ret_err);
	if (ret_err->code == ERR_LEASE_LOST)
		run_wish_for(r, WISH_DROP);
	if (r->wish == WISH_DROP)
		return false;
	batch_add_calls(run_batch(r), answer->calls, answer->n_calls);
	/* Who claims it next asks again. */
	return answered || !(f->abort == ABORT_RELEASE || (f->abort == ABORT_NONE && ret_err->code == ERR_CANCELLED));
}

void model_failed(struct run *r, struct node *n, const struct model_answer *answer, const struct err *err)
{
	if (n->scope->cancelling)
		act_row(r, n, ROW_STEP_CANCELLED, NULL);
	else if (answer->then == EXHAUSTED_REQUEUE)
		act_requeue(r, n, err, answer->again_ms);
	else
		act_fail_err(r, n, err);
}

void model_turn_row(struct run *r, struct node *n, enum row_kind kind, const struct json *v, bool goes_on)
{
	struct batch *b = run_batch(r);
	struct str path = path_turn(b->arena, node_path(b->arena, n, ROW_STEP_CANCELLED), n->n_turns + 1);

	act_row_at(r, n->scope, path, n->try_no, kind, step_kind_name(node_program(n)->step->kind), v, goes_on);
	if (b->n_rows)
		b->rows[b->n_rows - 1].started_us = n->asked_us;
	act_book(r, n, 0);
}

/* --- model steps --- */

/* Every earlier turn, and what was said to it. */
static size_t add_turns(struct run *r, const struct node *n, const struct step_model *s, struct message *v, size_t count)
{
	struct arena *a = r->engine->scratch;

	for (int i = 0; i < n->n_turns; i++) {
		struct str text = json_str(n->turns[i].text);

		v[count++] = (struct message){.role = ROLE_ASSISTANT, .text = text};
		v[count++] = (struct message){.role = ROLE_USER, .text = answer_repair(a, s->output_check, s->output, text)};
	}
	return count;
}

static void end_turn(struct run *r, struct node *n, struct str text)
{
	struct arena *a = n->scope->arena;

	model_turn_row(r, n, ROW_TURN_SUCCEEDED, journal_value(a, "text", json_string(a, text)), true);
	run_batch(r)->n_started++;
	n->mine = true;
}

static void end_answered(struct run *r, struct node *n, struct str text)
{
	const struct step_model *s = &node_program(n)->step->u.model;
	const struct json *v;
	struct err err = {0};

	if (answer_read(r->engine->scratch, s->output_check, text, &v, &err) == 0) {
		act_succeed(r, n, v);
		return;
	}
	if (n->n_turns < NODE_MAX_REPAIRS && !n->scope->cancelling &&
	    budget_check_turn(&r->state, &r->budget, n, NULL) == 0)
		end_turn(r, n, text);
	else
		act_fail_err(r, n, &err);
}

static void on_answered(struct op *op, void *arg)
{
	struct flight *f = arg;
	struct run *r = f->run;
	struct node *n = f->node;
	const struct model_answer *answer = gateway_answer_of(op);
	struct err err;

	if (!model_taken(op, f, &err))
		return;
	if (op->err->code == ERR_NONE)
		end_answered(r, n, answer->text);
	else if (!model_asks(r, n, answer, &err))
		model_failed(r, n, answer, &err);
	act_book(r, n, answer->cost_pusd);
}

static void dispatch(struct run *r, struct node *n)
{
	const struct step_model *s = &node_program(n)->step->u.model;
	struct message v[MAX_MESSAGES];
	struct model_request req = {.messages = v, .output = s->output};
	struct err err = {0};

	if (model_question(r, n, s, v, &req.n_messages, &err) < 0) {
		act_fail_err(r, n, &err);
		return;
	}
	req.n_messages = add_turns(r, n, s, v, req.n_messages);
	model_send(r, n, s, &req, on_answered);
}

const struct step_ops step_model_ops = {.kind = STEP_MODEL, .begin = begin, .dispatch = dispatch, .resume = dispatch, .decided = model_decided};
