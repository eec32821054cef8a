/* state_request.c - rows of requests for a person, and of what was decided. */
#include "engine/state_room.h"

#include "base/clock.h"
#include "base/json.h"
#include "engine/intent.h"
#include "engine/program.h"
#include "engine/scope.h"
#include "store/queue.h"

/* Of a turn that is being asked. */
static bool may_ask_spend(const struct target *t, const struct node *n, const struct journal_row *row)
{
	return t->scope->state == SCOPE_OPEN && t->scope->cursor == t->index && !t->scope->cancelling && n->status == NODE_RUNNING &&
	       !n->each && !n->turns_ended && state_is_next(t, n, row, n->n_requests) && str_is(json_str(json_getc(row->value, "kind")), "spend");
}

static bool may_request(const struct target *t, const struct node *n, const struct journal_row *row)
{
	enum step_kind kind = node_program(n)->step->kind;

	if ((kind != STEP_CALL && kind != STEP_APPROVE) || t->scope->state != SCOPE_OPEN ||
	    t->scope->cursor != t->index || t->scope->cancelling)
		return false;
	if (n->status == NODE_ASKING)	/* once more: what was approved is not enough any more */
		return n->decision && state_is_next(t, n, row, n->n_requests);
	if (node_is_open(n) && n->status != NODE_RETRYING)
		return false;
	return t->visit == node_next_visit(n, ROW_STEP_STARTED) && row->attempt_try == node_next_try(n, ROW_STEP_STARTED) && t->number == 1;
}

static int apply_request(struct state *st, const struct target *t, struct node *n, const struct journal_row *row, struct err *err)
{
	struct intent call;
	int64_t expires_us;

	if (state_asks_models(node_program(n)->step->kind) ? !may_ask_spend(t, n, row) : !may_request(t, n, row))
		return state_conflict(row, "does not follow from the rows before it", err);
	if (!json_str(json_getc(row->value, "id")).p || !time_parse(json_str(json_getc(row->value, "expires_at")), &expires_us) ||
	    (node_program(n)->step->kind == STEP_CALL && !intent_read(json_getc(row->value, "call"), &call)))
		return state_conflict(row, "it records no request", err);
	if (n->status != NODE_ASKING && n->status != NODE_RUNNING)
		state_begin_try(st, n, row, ROW_STEP_STARTED);
	n->n_requests++;
	n->requested_us = row->at_us;
	n->request = row->value;
	n->decision = NULL;
	n->word = NULL;
	n->status = NODE_ASKING;
	n->mine = n->looked = false;
	n->wake_us = expires_us;
	n->deadline_us = node_deadline(n, 0);
	st->n_asking++;
	return 0;
}

/* The turn is asked once more. */
static void go_on_asking(struct node *n, const struct journal_row *row)
{
	n->status = NODE_RUNNING;
	n->waited_us += row->at_us - n->requested_us;
	n->deadline_us = node_program(n)->step->kind == STEP_AGENT ? node_agent_deadline(n) : node_deadline(n, 0);
}

static int apply_decision(struct state *st, const struct target *t, struct node *n, const struct journal_row *row, struct err *err)
{
	struct intent call;
	const struct json *edited = json_getc(row->value, "call");

	if (n->status != NODE_ASKING || n->decision || !state_is_next(t, n, row, n->n_requests - 1))
		return state_conflict(row, "does not follow from the rows before it", err);
	if (!json_str(json_getc(row->value, "decision")).p || (edited && !intent_read(edited, &call)))
		return state_conflict(row, "it records no decision", err);
	n->decision = row->value;
	n->word = NULL;
	n->wake_us = 0;
	st->n_asking--;
	if (str_is(json_str(json_getc(row->value, "decision")), "approved")) {
		n->approved = n->request;
		n->approval = n->decision;
		if (state_asks_models(node_program(n)->step->kind))
			go_on_asking(n, row);
	}
	return 0;
}

int state_apply_approval(struct state *st, const struct target *t, const struct journal_row *row, enum row_kind kind, struct err *err)
{
	struct node *n = state_node(t->scope, t->index);
	int r;

	if (kind == ROW_APPROVAL_REQUESTED)
		r = apply_request(st, t, n, row, err);
	else if (kind == ROW_APPROVAL_DECIDED)
		r = apply_decision(st, t, n, row, err);
	else
		r = state_conflict(row, "not a row of a request", err);
	scope_time(st, n);
	state_push_ready(st, n->scope);
	return r;
}
