/* state.c - one journal row moves the state, or does not fit.
 *
 * A row fits when it names a step of an open scope, its visit and try are the next ones (or the present
 * ones of a step under way), and its kind may follow: see may_begin[] and may_follow[].
 */
#include "engine/state_room.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "config/workflow.h"
#include "engine/intent.h"
#include "engine/program.h"
#include "engine/scope.h"
#include "engine/vars.h"
#include "store/queue.h"

#define ROW(k) (1U << ROW_STEP_##k)

/* Rows that begin a visit or a try. */
static const unsigned may_begin[STEP_KINDS] = {
	[STEP_SET] = ROW(SUCCEEDED) | ROW(FAILED) | ROW(SKIPPED),
	[STEP_CALL] = ROW(STARTED) | ROW(FAILED) | ROW(SKIPPED),
	[STEP_MODEL] = ROW(STARTED) | ROW(FAILED) | ROW(SKIPPED),
	[STEP_AGENT] = ROW(STARTED) | ROW(FAILED) | ROW(SKIPPED),
	[STEP_SWITCH] = ROW(SUCCEEDED) | ROW(FAILED) | ROW(SKIPPED),
	[STEP_FOR] = ROW(STARTED) | ROW(FAILED) | ROW(SKIPPED),
	[STEP_WAIT] = ROW(WAITING) | ROW(FAILED) | ROW(SKIPPED),
	[STEP_RAISE] = ROW(FAILED) | ROW(SKIPPED),
	[STEP_APPROVE] = ROW(FAILED) | ROW(SKIPPED),
};

/* Rows of a try that is under way. A word on an uncertain call comes as its result. */
static const unsigned may_follow[NODE_STATUSES] = {
	[NODE_RUNNING] = ROW(SUCCEEDED) | ROW(FAILED) | ROW(UNCERTAIN) | ROW(CANCELLED),
	[NODE_WAITING] = ROW(SUCCEEDED) | ROW(FAILED) | ROW(CANCELLED),
	[NODE_RETRYING] = ROW(CANCELLED),
	[NODE_ASKING] = ROW(STARTED) | ROW(SUCCEEDED) | ROW(FAILED) | ROW(CANCELLED),
	[NODE_UNCERTAIN] = ROW(SUCCEEDED) | ROW(FAILED) | ROW(CANCELLED),
};

/* --- where a scope goes on --- */

static void end_scope(struct state *st, struct scope *sc)
{
	sc->cursor = (int)sc->program->n;
	if (!sc->owner || scope_is_call(sc) || !node_program(sc->owner)->step->u.loop.output) {
		scope_close(st, sc, END_OK, scope_output(sc));
		return;
	}
	sc->state = SCOPE_ENDED;
	state_push_ready(st, sc);
}

static void go_on_at(struct state *st, struct scope *sc, int next)
{
	if (sc->cancelling) {
		scope_close(st, sc, END_CANCELLED, NULL);
		return;
	}
	if (next == STEP_END || (size_t)next >= sc->program->n) {
		end_scope(st, sc);
		return;
	}
	sc->cursor = next;
	state_push_ready(st, sc);
}

static int after(const struct node *n, int then)
{
	return then == STEP_NEXT ? n->index + 1 : then;
}

/* --- rows of steps --- */

static void count_call(struct state *st, struct node *n)
{
	st->n_calls++;
	for (; n; n = n->scope->owner)
		n->n_calls++;
}

void state_count_turn(struct state *st, struct node *n)
{
	st->n_model_turns++;
	for (; n; n = n->scope->owner)
		n->n_model_turns++;
}

bool state_asks_models(enum step_kind kind)
{
	return kind == STEP_MODEL || kind == STEP_AGENT;
}

/* A question that nobody could answer is asked again: it is one turn. */
static void count_asked(struct state *st, struct node *n)
{
	if (!n->again)
		state_count_turn(st, n);
	n->again = NULL;
}

static int on_started(struct state *st, struct node *n, const struct journal_row *row, struct err *err)
{
	const struct json *items;
	struct intent call;

	n->started = row->value;
	switch (node_program(n)->step->kind) {
	case STEP_CALL:
		if (!intent_read(row->value, &call))
			return state_conflict(row, "it records no call", err);
		st->taint |= call.taint;
		if (!n->again)
			count_call(st, n);
		n->again = NULL;
		break;
	case STEP_MODEL:
		count_asked(st, n);
		break;
	case STEP_AGENT:
		count_asked(st, n);
		n->deadline_us = node_agent_deadline(n);
		break;
	default:
		items = json_getc(row->value, "items");
		if (json_type(items) != JSON_ARRAY)
			return state_conflict(row, "\"items\": expected array", err);
		n->each = scope_open_each(n, items, node_program(n)->step->u.loop.parallel);
		n->deadline_us = node_deadline(n, n->started_us);
	}
	n->status = NODE_RUNNING;
	return 0;
}

static int on_waiting(struct node *n, const struct journal_row *row, struct err *err)
{
	if (!time_parse(json_str(json_getc(row->value, "until")), &n->wake_us))
		return state_conflict(row, "\"until\": expected RFC 3339 time", err);
	n->status = NODE_WAITING;
	n->deadline_us = node_deadline(n, n->started_us);
	return 0;
}

/* *next stays when no edge was taken. */
static int take_edge(struct node *n, const struct step *s, const struct journal_row *row, int *next, struct err *err)
{
	const struct json *edge = json_getc(row->value, "edge");
	int64_t e;

	if (json_type(edge) == JSON_NULL)
		return 0;
	if (!json_to_int(edge, &e) || e < 0 || (size_t)e >= s->u.sw.n)
		return state_conflict(row, "\"edge\": no such edge", err);
	if (!n->edges)
		n->edges = ARENA_ARRAY(n->scope->arena, s->u.sw.n, int);
	n->edges[e]++;
	*next = s->u.sw.edges[e].then;
	return 0;
}

static int on_succeeded(struct state *st, struct node *n, const struct journal_row *row, struct err *err)
{
	const struct step *s = node_program(n)->step;
	const struct json *output = json_getc(row->value, "output");
	int next = after(n, s->then);

	if (s->kind == STEP_SWITCH && take_edge(n, s, row, &next, err) < 0)
		return -1;
	if (n->each && n->each->ended < n->each->n)
		return state_conflict(row, "iterations are still open", err);
	if (n->each)
		scope_drop_items(st, n);
	if (s->kind == STEP_SET)
		vars_write(n->scope, output);
	n->status = NODE_SUCCEEDED;
	n->output = output ? output : json_null();
	n->error = NULL;
	n->scope->last_ran = n->index;
	scope_time(st, n);
	go_on_at(st, n->scope, next);
	return 0;
}

/* Nobody decided in time, and the step says where to go on then; < 0: not so. */
static int timed_out_to(const struct node *n)
{
	const struct step_ask *ask = node_program(n)->step->ask;

	return ask && str_is(json_str(json_getc(n->error, "type")), err_name(ERR_APPROVAL_TIMEOUT)) ? ask->on_timeout : STEP_NONE;
}

/* A call that the model asked for counts, whether it could be made or not. */
static void count_refused(struct state *st, struct node *n)
{
	if (scope_is_call(n->scope) && !str_starts(json_str(json_getc(n->error, "type")), STR("budget.")))
		count_call(st, n);
}

static int on_failed(struct state *st, struct node *n, const struct journal_row *row, struct err *err)
{
	const struct step *s = node_program(n)->step;
	const struct json *retry_at = json_getc(row->value, "retry_at");

	if (n->each)
		scope_drop_items(st, n);
	n->error = json_getc(row->value, "error");
	if (json_type(n->error) != JSON_OBJECT)
		return state_conflict(row, "\"error\": expected object", err);
	if (retry_at && !time_parse(json_str(retry_at), &n->wake_us))
		return state_conflict(row, "\"retry_at\": expected RFC 3339 time", err);
	if (!n->started && !n->again)
		count_refused(st, n);
	n->again = NULL;
	if (json_is_true(json_getc(row->value, "free"))) {
		n->n_free++;
		n->again = n->started;
	}
	if (retry_at && !n->scope->cancelling) {
		n->status = NODE_RETRYING;
		n->waits_slot = n->again && state_asks_models(s->kind);
		st->n_slots += n->waits_slot;
		n->deadline_us = node_deadline(n, 0);
		scope_time(st, n);
		state_push_ready(st, n->scope);
		return 0;
	}
	n->status = NODE_FAILED;
	n->output = json_null();
	n->scope->last_ran = n->index;
	scope_time(st, n);
	if (timed_out_to(n) >= 0 && !n->scope->cancelling)
		go_on_at(st, n->scope, timed_out_to(n));
	else if (s->catch != STEP_NONE || n->scope->cancelling)
		go_on_at(st, n->scope, s->catch);
	else
		scope_close(st, n->scope, END_FAILED, n->error);
	return 0;
}

static void on_skipped(struct state *st, struct node *n)
{
	n->status = NODE_SKIPPED;
	n->output = json_null();
	n->error = NULL;
	go_on_at(st, n->scope, n->index + 1);
}

static void on_cancelled(struct state *st, struct node *n)
{
	if (n->each)
		scope_drop_items(st, n);
	n->status = NODE_CANCELLED;
	n->output = json_null();
	scope_time(st, n);
	scope_close(st, n->scope, END_CANCELLED, NULL);
}

static int on_uncertain(struct state *st, struct node *n, const struct journal_row *row, struct err *err)
{
	n->status = NODE_UNCERTAIN;
	n->error = json_getc(row->value, "error");
	if (json_type(n->error) != JSON_OBJECT)
		return state_conflict(row, "\"error\": expected object", err);
	n->uncertain_us = row->at_us;
	n->looked = false;
	n->deadline_us = 0;
	st->n_uncertain++;
	scope_time(st, n);
	state_push_ready(st, n->scope);
	return 0;
}

static bool fits(const struct target *t, const struct node *n, const struct journal_row *row, enum row_kind kind)
{
	unsigned bit = 1U << kind, begin = may_begin[node_program(n)->step->kind];
	bool open = node_is_open(n);

	if (t->scope->state != SCOPE_OPEN || t->scope->cursor != t->index)
		return false;
	if (!open && (!(begin & bit) || t->scope->cancelling))
		return false;
	if (n->status == NODE_ASKING && (!n->decision || (kind == ROW_STEP_STARTED && node_program(n)->step->kind != STEP_CALL)))
		return false;
	if (open && !(may_follow[n->status] & bit) &&
	    !(n->status == NODE_RETRYING && (begin & bit) && kind != ROW_STEP_SKIPPED))
		return false;
	return t->visit == node_next_visit(n, kind) && row->attempt_try == node_next_try(n, kind);
}

void state_begin_try(struct state *st, struct node *n, const struct journal_row *row, enum row_kind kind)
{
	int visit = node_next_visit(n, kind), try_no = node_next_try(n, kind);

	if (!node_is_open(n)) {
		n->entered_us = row->at_us;
		n->n_calls = n->n_model_turns = 0;
		n->n_free = 0;
		n->approved = n->approval = NULL;
		n->left_out = n->summarise = 0;
		n->summary = NULL;
		n->summarised = false;
		st->n_steps++;
	}
	/* What one question of a model was allowed to cost is for that question; one that waited for its turn is the same. */
	if (state_asks_models(node_program(n)->step->kind) && !n->again)
		n->approved = n->approval = NULL;
	/* An agent that is tried again goes on where it was. */
	if (!node_is_open(n) || node_program(n)->step->kind != STEP_AGENT)
		n->n_turns = 0;
	n->visits = visit;
	n->try_no = try_no;
	n->started_us = row->at_us;
	n->started = NULL;
	n->asked_us = n->waited_us = 0;
	n->turns_ended = false;
	n->n_asks = n->n_requests = 0;
	n->request = n->decision = NULL;
	n->word = NULL;
	n->uncertain_us = 0;
	n->looked = false;
	n->ledger = NULL;
	n->deadline_us = 0;
}

static int apply_step(struct state *st, const struct target *t, const struct journal_row *row,
		      enum row_kind kind, struct err *err)
{
	struct node *n = state_node(t->scope, t->index);
	int r = 0;

	if (!fits(t, n, row, kind))
		return state_conflict(row, "does not follow from the rows before it", err);
	if (n->status == NODE_UNCERTAIN)
		st->n_uncertain--;
	st->n_slots -= n->waits_slot;
	n->waits_slot = false;
	if (!node_is_open(n) || (n->status == NODE_RETRYING && kind != ROW_STEP_CANCELLED))
		state_begin_try(st, n, row, kind);
	else if (n->status == NODE_ASKING)
		n->looked = false;	/* that was the request */
	n->wake_us = 0;
	n->mine = false;	/* whoever starts it says otherwise: act_started() */
	switch (kind) {
	case ROW_STEP_STARTED:
		r = on_started(st, n, row, err);
		break;
	case ROW_STEP_WAITING:
		r = on_waiting(n, row, err);
		break;
	case ROW_STEP_SUCCEEDED:
		return on_succeeded(st, n, row, err);
	case ROW_STEP_FAILED:
		return on_failed(st, n, row, err);
	case ROW_STEP_SKIPPED:
		on_skipped(st, n);
		return 0;
	case ROW_STEP_CANCELLED:
		on_cancelled(st, n);
		return 0;
	default:	/* uncertain: rows of turns and asks fit nowhere */
		return on_uncertain(st, n, row, err);
	}
	scope_time(st, n);
	state_push_ready(st, n->scope);
	return r;
}

static int apply_item(struct state *st, const struct target *t, const struct journal_row *row,
		      enum row_kind kind, struct err *err)
{
	if (t->scope->state != SCOPE_ENDED)
		return state_conflict(row, "the iteration has not ended", err);
	if (kind == ROW_STEP_SUCCEEDED)
		scope_close(st, t->scope, END_OK, json_getc(row->value, "output"));
	else if (kind == ROW_STEP_FAILED)
		scope_close(st, t->scope, END_FAILED, json_getc(row->value, "error"));
	else
		return state_conflict(row, "not a row of an iteration", err);
	return 0;
}

int state_apply(struct state *st, const struct journal_row *row, struct err *err)
{
	enum row_kind kind;
	struct target t;

	if (row_kind_parse(row->kind, &kind, err) < 0 || state_place(st, row, &t, err) < 0)
		return -1;
	switch (t.kind) {
	case TARGET_TURN:
		if (kind == ROW_TURN_SUMMARISED)
			return state_apply_summary(st, &t, row, err);
		if (kind != ROW_TURN_SUCCEEDED)
			return state_conflict(row, "not a row of a turn", err);
		return state_apply_turn(st, &t, row, err);
	case TARGET_ASK:
		if (kind != ROW_ASK_ANSWERED)
			return state_conflict(row, "not a row of an ask", err);
		return state_apply_ask(st, &t, row, err);
	case TARGET_APPROVAL:
		return state_apply_approval(st, &t, row, kind, err);
	case TARGET_ITEM:
		return apply_item(st, &t, row, kind, err);
	default:	/* TARGET_STEP */
		return apply_step(st, &t, row, kind, err);
	}
}
