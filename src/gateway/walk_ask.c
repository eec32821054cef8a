/* walk_ask.c - one attempt: the question to a wire, and what its answer is worth. */
#include "gateway/walk.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/crash.h"
#include "base/err.h"
#include "config/routing.h"
#include "gateway/attempt.h"
#include "gateway/gateway_room.h"
#include "gateway/request.h"
#include "gateway/spend.h"

/* --- the answer --- */

/* Where no tool was offered a call of one is no answer. */
static void judge_answer(const struct walk *w, const struct wire_answer *answer, struct err *err)
{
	if (err->code == ERR_NONE && w->req.n_tools == 0 && answer->n_calls > 0 && answer->text.n == 0)
		err_set(err, ERR_MODEL_MALFORMED_TOOL_CALL, "the model called the tool \"" STR_FMT "\", none was offered",
			STR_ARG(str_clip(answer->calls[0].name, 60)));
}

static void keep_answer(struct walk *w, const struct wire_answer *answer)
{
	struct arena *a = w->op.arena;
	bool ignores_calls = w->req.n_tools == 0 && answer->n_calls > 0;

	w->answer.text = str_dup(a, answer->text);
	w->answer.finish_reason = ignores_calls ? STR("stop") : str_dup(a, answer->finish_reason);
	w->answer.echo = str_dup(a, answer->echo);
	w->answer.n_tool_calls = ignores_calls ? 0 : answer->n_calls;
	w->answer.tool_calls = tool_calls_copy(a, answer->calls, w->answer.n_tool_calls);
	walk_finish(w, NULL);
}

/* As the provider's minute counts them. */
static int64_t tokens_taken(const struct walk *w, const struct wire_answer *answer, const struct err *err)
{
	const struct usage *u = &answer->usage;

	if (answer->has_usage)
		return u->in_fresh + u->in_cached + u->in_write_5m + u->in_write_1h + u->out_text + u->out_reason;
	/* a refusal took none; else nobody knows */
	return err->code != ERR_NONE && !answer->output_began && w->record.http_status >= 300 ? 0 : -1;
}

static void on_answer(struct op *op, void *arg)
{
	struct walk *w = arg;
	const struct attempt_result *r = attempt_result_of(op);
	struct err err = *op->err;

	CRASHPOINT("model.after_call");
	w->attempt = NULL;
	judge_answer(w, r->answer, &err);
	walk_record(w, r, &err);
	health_tell(w->gateway->health, &w->ticket, &err, tokens_taken(w, r->answer, &err));
	walk_give_slot(w);
	if (w->cancelled)
		walk_finish(w, NULL);
	else if (err.code == ERR_NONE && w->req.n_texts > 0)
		walk_keep_vectors(w, r->answer);
	else if (err.code == ERR_NONE)
		keep_answer(w, r->answer);
	else if (w->passed_on)
		walk_finish(w, &err);
	else
		walk_decide(w, &err);
}

static void on_text(void *arg, struct str piece)
{
	struct walk *w = arg;

	if (w->cancelled)
		return;
	w->passed_on = true;
	w->req.on_text(w->req.text_arg, piece);
}

/* --- the question --- */

static struct wire_request question_of(struct walk *w)
{
	const struct model *m = walk_model(w);

	return (struct wire_request){
		.endpoint = walk_endpoint(w),
		.model = m,
		.tier = w->tier->name,
		.attempt = w->n_attempts,
		.messages = w->req.messages,
		.n_messages = w->req.n_messages,
		.texts = w->req.texts + w->text_at,
		.n_texts = w->n_batch,
		.tools = w->req.tools,
		.n_tools = w->req.n_tools,
		.output = w->req.output,
		.max_output = spend_max_output(m, w->req.max_output),
		.temperature = m->takes_temperature ? w->req.temperature : -1,
		.on_text = w->req.on_text ? on_text : NULL,
		.text_arg = w,
	};
}

void walk_ask(struct walk *w)
{
	struct gateway *g = w->gateway;
	struct arena *a;
	struct err err;

	if (walk_left_ms(w) <= 0) {
		err_set(&err, ERR_MODEL_TIMEOUT, "the deadline passed before the model could be asked");
		walk_finish(w, &err);
		return;
	}
	w->stage = STAGE_ASK;
	w->n_attempts++;
	w->started_us = clock_wall_us();
	w->question = question_of(w);
	w->answer.model = walk_model(w)->name;
	w->answer.provider = walk_model(w)->provider->name;
	CRASHPOINT("model.before_call");
	a = arena_new(w->op.arena);
	w->attempt = attempt_start(g->loop, g->http, a, &w->question, walk_left_ms(w), on_answer, w);
}
