/* step_agent.c - agent: a model is asked turn by turn. Each answer is committed as a turn; the calls that it holds run as steps of
 * their own (step_call.c); when all have ended, the next turn is asked with what they gave. How the conversation looks: agent.c. */
#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/loop.h"
#include "config/workflow.h"
#include "engine/act.h"
#include "engine/agent.h"
#include "engine/answer.h"
#include "engine/engine_room.h"
#include "engine/flight.h"
#include "engine/model.h"
#include "engine/program.h"
#include "engine/run.h"
#include "engine/steps.h"
#include "gateway/gateway.h"

static const struct step_agent *agent_of(const struct node *n)
{
	return &node_program(n)->step->u.agent;
}

static void begin(struct run *r, struct node *n)
{
	struct arena *a = n->scope->arena;
	struct err err = {0};

	if (!n->again && budget_check_turn(&r->state, &r->budget, n, &err) < 0)	/* a question that is asked again is one turn */
		act_fail_err(r, n, &err);
	else
		act_started(r, n, journal_value(a, "tier", json_string_ref(a, agent_of(n)->ask.tier)));
}

/* --- the answer --- */

/* What follows from an answer. */
enum verdict { TURN_GOES_ON, TURN_SUCCEEDS, TURN_FAILS, TURN_CANCELLED };

/* Is there one more turn after this answer? */
static int check_next(struct run *r, const struct node *n, struct err *err)
{
	if (n->n_turns + 1 >= agent_of(n)->max_turns)
		return err_set(err, ERR_BUDGET_TURNS, "the agent may take %d turns", agent_of(n)->max_turns);
	return budget_check_turn(&r->state, &r->budget, n, err);
}

static enum verdict judge_calls(struct run *r, const struct node *n, const struct json *calls, struct err *err)
{
	if (agent_check_identical(r->engine->scratch, n, calls, err) < 0 || check_next(r, n, err) < 0)
		return TURN_FAILS;
	return TURN_GOES_ON;
}

static enum verdict judge_text(struct run *r, const struct node *n, struct str text, const struct json **ret, struct err *err)
{
	if (answer_read(r->engine->scratch, agent_of(n)->ask.output_check, text, ret, err) == 0)
		return TURN_SUCCEEDS;
	if (agent_repairs(n) < NODE_MAX_REPAIRS && check_next(r, n, NULL) == 0)
		return TURN_GOES_ON;
	return TURN_FAILS;
}

static const struct json *calls_json(struct arena *a, const struct model_answer *answer)
{
	struct json_builder v, b;

	if (answer->n_tool_calls == 0)
		return NULL;
	json_array_begin(&v, a);
	for (size_t i = 0; i < answer->n_tool_calls; i++) {
		const struct tool_call *c = &answer->tool_calls[i];

		json_object_begin(&b, a);
		json_object_setc(&b, "id", json_string_clean(a, c->id));
		json_object_setc(&b, "name", json_string_clean(a, c->name));
		json_object_setc(&b, "args", json_string_clean(a, c->args));
		json_array_add(&v, json_object_end(&b));
	}
	return json_array_end(&v);
}

static const struct json *turn_json(struct arena *a, const struct node *n, const struct model_answer *answer, const struct json *calls,
				    bool end)
{
	struct json_builder b;

	json_object_begin(&b, a);
	json_object_setc(&b, "text", json_string(a, answer->text));
	if (calls)
		json_object_setc(&b, "calls", calls);
	if (answer->echo.n)
		json_object_setc(&b, "echo", json_string_clean(a, answer->echo));
	if (n->left_out)
		json_object_setc(&b, "left_out", json_int(a, n->left_out));
	if (end)
		json_object_setc(&b, "end", json_bool(true));
	return json_object_end(&b);
}

static void end_answered(struct run *r, struct node *n, const struct model_answer *answer)
{
	struct arena *a = n->scope->arena;
	const struct json *calls = calls_json(a, answer), *output = NULL, *turn;
	enum verdict verdict = TURN_CANCELLED;
	struct err err = {0};

	if (!n->scope->cancelling)
		verdict = calls ? judge_calls(r, n, calls, &err) : judge_text(r, n, answer->text, &output, &err);
	turn = turn_json(a, n, answer, calls, verdict != TURN_GOES_ON);
	if (act_check_size(turn, &err) < 0) {
		act_fail_err(r, n, &err);
		act_book(r, n, answer->cost_pusd);
		return;
	}
	/* The turn is committed before one of its calls, or the next turn, begins. */
	model_turn_row(r, n, ROW_TURN_SUCCEEDED, turn, verdict == TURN_GOES_ON);
	act_book(r, n, answer->cost_pusd);
	if (verdict == TURN_SUCCEEDS)
		act_succeed(r, n, output);
	else if (verdict == TURN_FAILS)
		act_fail_err(r, n, &err);
	else if (verdict == TURN_CANCELLED)
		act_row(r, n, ROW_STEP_CANCELLED, NULL);
}

/* Of the conversation: a quarter leaves at once, so that the bound is found with few refusals and little is lost beyond it; of what is
 * summarised half, since the summary takes room, too. */
enum { OLDEST_PARTS = 4, SUMMARY_PARTS = 2 };

/* What was sent fits no model: less is. A summary is asked for once before a turn, and where the budget has a turn for it. */
static bool leave_out(struct run *r, struct node *n, const struct err *err)
{
	enum agent_truncate how = agent_of(n)->truncate;
	int left_out = agent_leave_out(n, OLDEST_PARTS);

	if (err->code != ERR_MODEL_CONTEXT_OVERFLOW || n->scope->cancelling || how == TRUNCATE_NONE || left_out == n->left_out)
		return false;
	if (how == TRUNCATE_SUMMARISE && !n->summarised && !n->summarise && budget_check_turn(&r->state, &r->budget, n, NULL) == 0) {
		n->summarise = agent_leave_out(n, SUMMARY_PARTS);
	} else {
		n->summarised |= n->summarise > 0;
		n->summarise = 0;
		n->left_out = left_out;
	}
	state_push_ready(&r->state, n->scope);
	return true;
}

static void end_summarised(struct run *r, struct node *n, const struct model_answer *answer)
{
	struct arena *a = n->scope->arena;
	const struct json *row;
	struct json_builder v;
	struct err err = {0};

	json_object_begin(&v, a);
	json_object_setc(&v, "text", json_string(a, answer->text));
	json_object_setc(&v, "left_out", json_int(a, n->summarise));
	row = json_object_end(&v);
	if (act_check_size(row, &err) < 0)
		act_fail_err(r, n, &err);
	else
		model_turn_row(r, n, ROW_TURN_SUMMARISED, row, true);
	act_book(r, n, answer->cost_pusd);
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
	if (op->err->code == ERR_NONE && n->summarise && !n->scope->cancelling) {
		end_summarised(r, n, answer);
	} else if (op->err->code == ERR_NONE && n->summarise) {
		act_row(r, n, ROW_STEP_CANCELLED, NULL);
		act_book(r, n, answer->cost_pusd);
	} else if (op->err->code == ERR_NONE) {
		end_answered(r, n, answer);
	} else if (leave_out(r, n, &err)) {
		n->unbooked_pusd += answer->cost_pusd;	/* there is no row of it */
	} else {
		if (!model_asks(r, n, answer, &err))
			model_failed(r, n, answer, &err);
		act_book(r, n, answer->cost_pusd);
	}
}

static void dispatch(struct run *r, struct node *n)
{
	const struct step_agent *s = agent_of(n);
	struct arena *a = r->engine->scratch;
	struct message *v = ARENA_ARRAY(a, MODEL_MAX_QUESTION + agent_max_messages(n), struct message);
	struct model_request req = {.messages = v, .tools = agent_tools(a, s, r->state.program->workflow), .n_tools = s->n_tools,
				    .output = s->ask.output};
	struct err err = {0};

	if (model_question(r, n, &s->ask, v, &req.n_messages, &err) < 0) {
		act_fail_err(r, n, &err);
		return;
	}
	if (n->summarise) {
		v[req.n_messages - 1].text = agent_summary_question(a, n, v[req.n_messages - 1].text);
		req.output = NULL;
		req.n_tools = 0;
	} else {
		req.n_messages = agent_messages(a, n, v, req.n_messages);
	}
	model_send(r, n, &s->ask, &req, on_answered);
}

/* A guard, a timeout or the wall budget ended its calls. */
static void close(struct run *r, struct node *n)
{
	act_fail(r, n, n->each->abort ? n->each->abort : n->each->error, 0);
}

const struct step_ops step_agent_ops = {.kind = STEP_AGENT, .begin = begin, .dispatch = dispatch, .resume = dispatch,
				       .close = close, .decided = model_decided};
