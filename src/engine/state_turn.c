/* state_turn.c - rows of what a step asks while its try is under way: turns of models, summaries, queries about uncertain calls. */
#include "engine/state_room.h"

#include <string.h>

#include "base/arena.h"
#include "base/json.h"
#include "engine/agent.h"
#include "engine/program.h"
#include "engine/scope.h"
#include "store/queue.h"

static struct turn *add_turn(struct node *n, const struct json *text)
{
	struct turn *t;

	if (n->n_turns == n->cap_turns) {
		int cap = n->cap_turns ? 2 * n->cap_turns : NODE_MAX_REPAIRS;
		struct turn *grown = ARENA_ARRAY(n->scope->arena, (size_t)cap, struct turn);

		if (n->n_turns)
			memcpy(grown, n->turns, (size_t)n->n_turns * sizeof *grown);
		n->turns = grown;
		n->cap_turns = cap;
	}
	t = &n->turns[n->n_turns++];
	*t = (struct turn){.text = text};
	return t;
}

static int apply_repair(struct state *st, struct node *n, const struct journal_row *row, struct err *err)
{
	const struct json *text = json_getc(row->value, "text");

	if (n->n_turns >= NODE_MAX_REPAIRS)
		return state_conflict(row, "no answer is repaired so often", err);
	if (json_type(text) != JSON_STRING)
		return state_conflict(row, "\"text\": expected string", err);
	add_turn(n, text);
	state_count_turn(st, n);
	return 0;
}

static void open_calls(struct node *n, struct turn *t)
{
	n->each = scope_open_each(n, t->calls, AGENT_PARALLEL_CALLS);
	t->outputs = n->each->outputs;
	t->errors = ARENA_ARRAY(n->scope->arena, n->each->n, const struct json *);
}

static int apply_agent_turn(struct state *st, struct node *n, const struct journal_row *row, struct err *err)
{
	struct turn *t, read;

	if (n->each || n->turns_ended || n->n_turns >= node_program(n)->step->u.agent.max_turns)
		return state_conflict(row, "no turn is asked now", err);
	if (!agent_turn_read(row->value, &read))
		return state_conflict(row, "it records no turn", err);
	if (read.left_out && read.left_out >= n->n_turns)
		return state_conflict(row, "it leaves out turns that are not there", err);
	t = add_turn(n, read.text);
	*t = read;
	n->left_out = read.left_out;
	n->summarised = false;
	n->turns_ended = json_is_true(json_getc(row->value, "end"));
	if (!n->turns_ended) {
		if (t->calls)
			open_calls(n, t);
		state_count_turn(st, n);
	}
	/* Whoever ended the ask may have taken it away. */
	n->deadline_us = node_agent_deadline(n);
	scope_time(st, n);
	return 0;
}

/* The next turn is asked with the text in the place of the first ones. */
int state_apply_summary(struct state *st, const struct target *t, const struct journal_row *row, struct err *err)
{
	struct node *n = state_node(t->scope, t->index);
	const struct json *text = json_getc(row->value, "text");
	int64_t left_out;

	if (node_program(n)->step->kind != STEP_AGENT || n->status != NODE_RUNNING || n->each || n->turns_ended || n->summarised ||
	    !state_is_next(t, n, row, n->n_turns))
		return state_conflict(row, "does not follow from the rows before it", err);
	if (json_type(text) != JSON_STRING || !json_to_int(json_getc(row->value, "left_out"), &left_out) || left_out <= n->left_out ||
	    left_out >= n->n_turns)
		return state_conflict(row, "it records no summary", err);
	n->summary = text;
	n->left_out = (int)left_out;
	n->summarise = 0;
	n->summarised = true;
	state_count_turn(st, n);
	n->deadline_us = node_agent_deadline(n);
	scope_time(st, n);
	state_push_ready(st, n->scope);
	return 0;
}

int state_apply_turn(struct state *st, const struct target *t, const struct journal_row *row, struct err *err)
{
	struct node *n = state_node(t->scope, t->index);
	enum step_kind kind = node_program(n)->step->kind;
	int r;

	if (!state_asks_models(kind) || n->status != NODE_RUNNING || !state_is_next(t, n, row, n->n_turns))
		return state_conflict(row, "does not follow from the rows before it", err);
	r = kind == STEP_MODEL ? apply_repair(st, n, row, err) : apply_agent_turn(st, n, row, err);
	state_push_ready(st, n->scope);
	return r;
}

int state_apply_ask(struct state *st, const struct target *t, const struct journal_row *row, struct err *err)
{
	struct node *n = state_node(t->scope, t->index);

	if (n->status != NODE_UNCERTAIN || !state_is_next(t, n, row, n->n_asks))
		return state_conflict(row, "does not follow from the rows before it", err);
	n->n_asks++;
	n->wake_us = 0;
	scope_time(st, n);
	state_push_ready(st, n->scope);
	return 0;
}
