/* call_word.c - a call whose end is not known: look into the ledger, ask the tool, act on what was said.
 *
 * Order: a word is recorded in the ledger first, whoever speaks; then it is read there, and step and effect move together. So
 * the first of two words counts, and one that came while somebody else had the task is not lost.
 */
#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "config/manifest.h"
#include "engine/act.h"
#include "engine/batch.h"
#include "engine/call.h"
#include "engine/effect.h"
#include "engine/engine_room.h"
#include "engine/flight.h"
#include "engine/path.h"
#include "engine/program.h"
#include "engine/run.h"
#include "engine/state.h"
#include "tools/tools.h"

/* --- the ledger --- */

static const struct json *reconciled_json(struct arena *a, const struct effect_row *e)
{
	struct json_builder b;
	char id[37];

	uuid_format(&e->id, id);
	json_object_begin(&b, a);
	json_object_setc(&b, "decision", json_string(a, e->decision));
	json_object_setc(&b, "by", json_string_clean(a, e->by));
	json_object_setc(&b, "id", json_stringc(a, id));
	return json_object_end(&b);
}

/* A running try that was dispatched, and an uncertain one of which nobody spoke, are what the journal says too. */
static const struct ledger_word *news(const struct node *n, const struct effect_row *e)
{
	struct arena *a = n->scope->arena;
	bool said = e && e->state == EFFECT_UNCERTAIN && e->decision.p && e->attempt_try == n->try_no;
	struct ledger_word *w;

	if (!e || (n->status == NODE_UNCERTAIN ? !said : e->state == EFFECT_DISPATCHED))
		return NULL;
	w = ARENA_NEW(a, struct ledger_word);
	w->state = e->state;
	w->result = e->result ? json_copy(a, e->result) : NULL;
	w->reconciled = said ? reconciled_json(a, e) : NULL;
	w->decision = json_str(json_getc(w->reconciled, "decision"));
	return w;
}

static void on_looked(struct op *op, void *arg)
{
	struct flight *f = arg;
	struct run *r = f->run;
	struct node *n = f->node;
	struct err err;

	flight_end(f, &err);
	if (r->wish >= WISH_FAIL)
		return;
	if (err.code == ERR_NONE) {
		n->ledger = news(n, queue_effect_of(op));
		n->looked = true;
		if (n->status == NODE_UNCERTAIN && !n->ledger)
			call_plan_ask(r, n);
	} else if (err.code != ERR_CANCELLED) {	/* a word may stand there: nothing goes on without it */
		log_warn("effect.unread", "task=%s message=%s", r->id, log_quotec(err.msg));
		state_set_wake(&r->state, n, effect_look_at_us(n->uncertain_us ? n->uncertain_us : n->started_us, run_now_us(r)));
	}
	state_push_ready(&r->state, n->scope);
}

void call_look(struct run *r, struct node *n)
{
	struct arena *a;
	struct flight *f;
	struct intent i;

	call_intent(r, n, &i);
	state_set_wake(&r->state, n, 0);
	a = arena_new(NULL);
	f = ARENA_NEW(a, struct flight);
	flight_begin(f, r, n);
	f->op = queue_effect(r->engine->store, a, &r->claimed->task, &i.key, on_looked, f);
}

/* --- acting on a word --- */

static const struct json *given_up(struct arena *a, const struct node *n, const struct ledger_word *w)
{
	struct str type = json_str(json_getc(n->error, "type"));
	struct str why = json_str(json_getc(n->error, "message"));
	struct json_builder b;

	/* What was cancelled is the wait for the answer, not the step. */
	if (str_is(type, err_name(ERR_CANCELLED)))
		type = str_from(err_name(ERR_TOOL_FAILED));
	json_object_begin(&b, a);
	json_object_setc(&b, "type", json_string(a, type));
	json_object_setc(&b, "message", json_string(a, str_from(arena_printf(a,
		"given up by " STR_FMT ": it is not known whether the call happened (" STR_FMT ")",
		STR_ARG(json_str(json_getc(w->reconciled, "by"))), STR_ARG(why)))));
	json_object_setc(&b, "step", json_string(a, node_path(a, n, ROW_STEP_FAILED)));
	json_object_setc(&b, "retryable", json_bool(false));
	json_object_setc(&b, "cause", n->error);
	return json_object_end(&b);
}

static void settle_row(struct run *r, struct node *n, enum row_kind kind, const char *key, const struct json *v,
		       const struct json *reconciled)
{
	struct json_builder b;

	json_object_begin(&b, n->scope->arena);
	json_object_setc(&b, key, v);
	json_object_setc(&b, "reconciled", reconciled);
	act_row(r, n, kind, json_object_end(&b));
}

void call_settle(struct run *r, struct node *n)
{
	struct arena *a = n->scope->arena;
	const struct ledger_word *w = n->ledger;
	struct intent i;
	struct err err = {0};

	call_intent(r, n, &i);
	log_info("task.reconciled", "task=%s path=" STR_FMT " decision=" STR_FMT " by=%s", r->id,
		 STR_ARG(node_path(r->engine->scratch, n, ROW_STEP_CANCELLED)), STR_ARG(w->decision),
		 log_quote(json_str(json_getc(w->reconciled, "by"))));
	n->ledger = NULL;
	if (str_is(w->decision, "give_up")) {
		settle_row(r, n, ROW_STEP_FAILED, "error", given_up(a, n, w), w->reconciled);
	} else if (str_is(w->decision, "did_not_happen") && n->scope->cancelling) {
		/* Nobody makes it again: the row may not promise it, or a replay, which does not know of the cancelling, waits for it. */
		err_set(&err, ERR_TOOL_FAILED, "the call did not happen");
		call_change_effect(r, n, &i, EFFECT_FAILED_BEFORE, NULL);
		settle_row(r, n, ROW_STEP_FAILED, "error", json_copy(a, act_error(r, n, &err)), w->reconciled);
	} else if (str_is(w->decision, "did_not_happen")) {
		err_set(&err, ERR_TOOL_FAILED, "the call did not happen, it is made again");
		call_again(r, n, &i, &err, w->reconciled);
	} else if (w->result) {
		call_change_effect(r, n, &i, EFFECT_DONE, w->result);
		settle_row(r, n, ROW_STEP_SUCCEEDED, "output", w->result, w->reconciled);
	} else {
		err_set(&err, ERR_TOOL_OUTPUT, "the call happened, but the result that was given for it is not a value that is taken");
		call_change_effect(r, n, &i, EFFECT_DONE, NULL);
		settle_row(r, n, ROW_STEP_FAILED, "error", json_copy(a, act_error(r, n, &err)), w->reconciled);
	}
}

/* --- asking the tool --- */

static const struct manifest *asked(const struct run *r, const struct node *n)
{
	const struct manifest *m = tools_find(r->engine->tools, node_program(n)->step->u.call.tool);

	return m && m->ask ? m : NULL;
}

bool call_asks(const struct run *r, const struct node *n)
{
	return asked(r, n);
}

void call_plan_ask(struct run *r, struct node *n)
{
	const struct manifest *m = asked(r, n);

	/* Before it has looked, that is what it wakes for. */
	state_set_wake(&r->state, n, m && n->looked ? effect_ask_at_us(n->uncertain_us, m->ask_delay_ms, n->n_asks) : 0);
}

static void still_unknown(struct run *r, struct node *n, const struct err *err)
{
	struct arena *a = n->scope->arena;
	struct json_builder b;

	json_object_begin(&b, a);
	json_object_setc(&b, "said", json_stringc(a, "unknown"));
	if (err)
		json_object_setc(&b, "message", json_string_clean(a, str_from(err->msg)));
	act_row_at(r, n->scope, path_ask(run_batch(r)->arena, node_path(r->engine->scratch, n, ROW_STEP_CANCELLED), n->n_asks + 1),
		   n->try_no, ROW_ASK_ANSWERED, step_kind_name(STEP_CALL), json_object_end(&b), false);
	call_plan_ask(r, n);
}

/* The word is in the ledger, or somebody else's is; when we left before the answer came, the ledger says which. */
static void on_word(struct op *op, void *arg)
{
	struct flight *f = arg;
	struct run *r = f->run;
	struct node *n = f->node;
	struct err err;

	(void)op;
	flight_end(f, &err);
	if (r->wish >= WISH_FAIL)
		return;
	n->looked = false;
	if (err.code != ERR_NONE && err.code != ERR_CANCELLED)
		still_unknown(r, n, &err);
	state_push_ready(&r->state, n->scope);
}

static void tell(struct run *r, struct node *n, const struct tool_said *said)
{
	struct arena *a = arena_new(NULL);
	struct flight *f = ARENA_NEW(a, struct flight);
	struct tool_word w = {.task = r->claimed->task, .fence = r->claimed->fence, .attempt_try = n->try_no,
			      .happened = said->what == SAID_HAPPENED, .result = said->result};

	w.path = node_path(a, n, ROW_STEP_CANCELLED);
	flight_begin(f, r, n);
	f->op = queue_tool_word(r->engine->store, a, &w, on_word, f);
}

static void on_asked(struct op *op, void *arg)
{
	struct flight *f = arg;
	struct run *r = f->run;
	struct node *n = f->node;
	const struct tool_said *said = tools_said_of(op);
	struct err err;

	flight_end(f, &err);
	if (r->wish >= WISH_FAIL)
		return;
	if (err.code == ERR_NONE && said->what != SAID_UNKNOWN) {
		tell(r, n, said);
		return;
	}
	if (err.code == ERR_CANCELLED)
		call_plan_ask(r, n);	/* nothing was said: the next attempt asks, and the task is to come back for it */
	else
		still_unknown(r, n, err.code == ERR_NONE ? NULL : &err);
	state_push_ready(&r->state, n->scope);
}

struct ask_flight {
	struct flight flight;		/* first */
	struct tool_request req;
};

void call_ask(struct run *r, struct node *n)
{
	struct arena *a;
	struct ask_flight *f;
	struct intent i;

	call_intent(r, n, &i);
	a = arena_new(NULL);
	f = ARENA_NEW(a, struct ask_flight);
	state_set_wake(&r->state, n, 0);
	f->req = (struct tool_request){.tool = i.tool, .args = i.args, .task = r->claimed->task, .fence = r->claimed->fence,
				       .facts = r->claimed->facts, .effect_key = i.key, .effect = EFFECT_PURE};
	flight_begin(&f->flight, r, n);
	f->flight.op = tools_ask(r->engine->tools, a, &f->req, on_asked, f);
}
