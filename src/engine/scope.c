/* scope.c - the tree of a state: scopes, nodes, open loops, and the lists of those that need attention. */
#include "engine/state.h"

#include "base/arena.h"
#include "base/json.h"
#include "config/policy_judge.h"
#include "config/workflow.h"
#include "engine/agent.h"
#include "engine/path.h"
#include "engine/program.h"
#include "engine/scope.h"
#include "engine/vars.h"

static const char *const status_names[NODE_STATUSES] = {
	[NODE_NONE] = "none", [NODE_RUNNING] = "running", [NODE_WAITING] = "waiting",
	[NODE_RETRYING] = "waiting", [NODE_ASKING] = "waiting", [NODE_UNCERTAIN] = "uncertain", [NODE_SUCCEEDED] = "succeeded",
	[NODE_FAILED] = "failed", [NODE_SKIPPED] = "skipped", [NODE_CANCELLED] = "cancelled",
};

const char *node_status_name(enum node_status s)
{
	return status_names[s];
}

bool node_is_open(const struct node *n)
{
	return n && n->status >= NODE_RUNNING && n->status <= NODE_UNCERTAIN;
}

const struct program_step *node_program(const struct node *n)
{
	return &n->scope->program->v[n->index];
}

const struct program_step *scope_step(const struct scope *sc)
{
	return (size_t)sc->cursor < sc->program->n ? &sc->program->v[sc->cursor] : NULL;
}

bool scope_is_call(const struct scope *sc)
{
	return sc->owner && node_program(sc->owner)->step->kind == STEP_AGENT;
}

struct node *state_node(struct scope *sc, int index)
{
	struct node *n = sc->nodes[index];

	if (!n) {
		n = sc->nodes[index] = ARENA_NEW(sc->arena, struct node);
		n->scope = sc;
		n->index = index;
	}
	return n;
}

const struct json *scope_output(const struct scope *sc)
{
	const struct json *v = sc->last_ran >= 0 ? sc->nodes[sc->last_ran]->output : NULL;

	return v ? v : json_null();
}

bool scope_is_held(const struct state *st, const struct scope *sc)
{
	return sc->held_seq > st->committed_seq;
}

/* --- what the next row of a node bears --- */

static bool begins_try(const struct node *n, enum row_kind kind)
{
	return n->status == NODE_RETRYING && kind != ROW_STEP_CANCELLED;
}

int node_next_visit(const struct node *n, enum row_kind kind)
{
	if (!node_is_open(n))
		return n->visits + 1;
	/* The iterations of a loop that is tried again need paths of their own. */
	return n->visits + (begins_try(n, kind) && node_program(n)->step->kind == STEP_FOR);
}

int node_next_try(const struct node *n, enum row_kind kind)
{
	if (!node_is_open(n))
		return 1;
	return n->try_no + begins_try(n, kind);
}

struct str node_path(struct arena *a, const struct node *n, enum row_kind kind)
{
	return path_step(a, n->scope->path, node_program(n)->step->id, node_next_visit(n, kind));
}

/* --- ready list --- */

static void unready(struct state *st, struct scope *sc)
{
	if (!sc->ready)
		return;
	*(sc->ready_prev ? &sc->ready_prev->ready_next : &st->ready_head) = sc->ready_next;
	*(sc->ready_next ? &sc->ready_next->ready_prev : &st->ready_tail) = sc->ready_prev;
	sc->ready_prev = sc->ready_next = NULL;
	sc->ready = false;
}

void state_push_ready(struct state *st, struct scope *sc)
{
	if (sc->ready || sc->state == SCOPE_CLOSED)
		return;
	sc->ready = true;
	sc->ready_prev = st->ready_tail;
	*(st->ready_tail ? &st->ready_tail->ready_next : &st->ready_head) = sc;
	st->ready_tail = sc;
}

struct scope *state_take_ready(struct state *st)
{
	struct scope *sc = st->ready_head;

	if (sc)
		unready(st, sc);
	return sc;
}

/* --- timed nodes --- */

static int64_t due_us(const struct node *n)
{
	if (n->wake_us && n->deadline_us)
		return n->wake_us < n->deadline_us ? n->wake_us : n->deadline_us;
	return n->wake_us ? n->wake_us : n->deadline_us;
}

void scope_time(struct state *st, struct node *n)
{
	bool wanted = node_is_open(n) && due_us(n) != 0;

	if (wanted && due_us(n) < st->timed_min_us)
		st->timed_min_us = due_us(n);
	if (wanted == n->timed)
		return;
	n->timed = wanted;
	if (wanted) {
		n->timed_prev = NULL;
		n->timed_next = st->timed;
		if (st->timed)
			st->timed->timed_prev = n;
		st->timed = n;
		return;
	}
	*(n->timed_prev ? &n->timed_prev->timed_next : &st->timed) = n->timed_next;
	if (n->timed_next)
		n->timed_next->timed_prev = n->timed_prev;
}

void state_set_deadline(struct state *st, struct node *n, int64_t at_us)
{
	n->deadline_us = at_us;
	scope_time(st, n);
}

void state_set_wake(struct state *st, struct node *n, int64_t at_us)
{
	n->wake_us = at_us;
	scope_time(st, n);
}

int64_t node_deadline(const struct node *n, int64_t try_began_us)
{
	const struct step *s = node_program(n)->step;
	int64_t try_us = s->timeout_ms > 0 && try_began_us ? try_began_us + s->timeout_ms * 1000 : 0;
	int64_t wall_us = s->budget.wall_ms >= 0 ? n->entered_us + s->budget.wall_ms * 1000 : 0;

	if (try_us && wall_us)
		return try_us < wall_us ? try_us : wall_us;
	return try_us ? try_us : wall_us;
}

int64_t node_agent_deadline(const struct node *n)
{
	return node_deadline(n, n->started_us + n->waited_us);
}

int64_t state_earliest(struct state *st)
{
	int64_t min = INT64_MAX;

	for (const struct node *n = st->timed; n; n = n->timed_next)
		if (due_us(n) < min)
			min = due_us(n);
	return st->timed_min_us = min;
}

/* A node that is due is handed over once: who cannot act on it yet (its scope is held) comes by again
 * when that ends. */
void state_push_due(struct state *st, int64_t now_us)
{
	if (now_us < st->timed_min_us)
		return;
	st->timed_min_us = INT64_MAX;
	for (struct node *n = st->timed; n; n = n->timed_next) {
		if (due_us(n) <= now_us)
			state_push_ready(st, n->scope);
		else if (due_us(n) < st->timed_min_us)
			st->timed_min_us = due_us(n);
	}
}

void state_look_again(struct state *st)
{
	for (struct node *n = st->timed; n; n = n->timed_next) {	/* whoever asks waits for the end of the request */
		if (n->status != NODE_ASKING || n->decision || n->word || n->flight)
			continue;
		n->looked = false;
		state_push_ready(st, n->scope);
	}
}

/* --- scopes --- */

struct scope *scope_new(struct arena *a, const struct program *p)
{
	struct scope *sc = ARENA_NEW(a, struct scope);

	sc->arena = a;
	sc->program = p;
	sc->nodes = ARENA_ARRAY(a, p->n, struct node *);
	sc->last_ran = -1;
	return sc;
}

struct each *scope_open_each(struct node *n, const struct json *items, int parallel)
{
	struct arena *a = n->scope->arena;
	struct each *e = ARENA_NEW(a, struct each);

	e->node = n;
	e->items = items;
	e->parallel = parallel;
	e->n = json_len(items);
	e->scopes = ARENA_ARRAY(a, e->n, struct scope *);
	e->outputs = ARENA_ARRAY(a, e->n, const struct json *);
	e->begun = ARENA_ARRAY(a, e->n, uint8_t);
	return e;
}

static struct scope *iteration_new(struct arena *a, const struct each *e, size_t item, struct str loop)
{
	const struct program_step *p = node_program(e->node);
	struct scope *outer = e->node->scope, *sc = scope_new(a, p->body);

	sc->item_value = json_at(e->items, item);
	sc->as_value = sc->item_value;
	sc->path = path_item(a, loop, item);
	sc->vars = e->parallel > 1 ? vars_new(a, sc, vars_view(a, outer)) : outer->vars;
	return sc;
}

static struct scope *call_new(struct arena *a, const struct each *e, size_t item, struct str agent)
{
	struct scope *sc = scope_new(a, agent_call_program(a, node_program(e->node)->step, json_at(e->items, item), item));

	sc->path = path_turn(a, agent, e->node->n_turns);
	sc->vars = e->node->scope->vars;
	return sc;
}

struct scope *state_open_item(struct state *st, struct each *e, size_t item)
{
	struct scope *outer = e->node->scope, *sc;
	const struct step *s = node_program(e->node)->step;
	struct arena *a = arena_new(outer->arena);
	struct str path = path_step(a, outer->path, s->id, e->node->visits);

	sc = s->kind == STEP_AGENT ? call_new(a, e, item, path) : iteration_new(a, e, item, path);
	sc->parent = outer;
	sc->owner = e->node;
	sc->item = item;
	sc->held_seq = outer->held_seq;
	e->scopes[item] = sc;
	e->begun[item] = 1;
	e->open++;
	while (e->next < e->n && e->begun[e->next])
		e->next++;
	state_push_ready(st, sc);
	return sc;
}

static void bury(struct state *st, struct scope *sc)
{
	if (st->graveyard)
		arena_move(sc->arena, st->graveyard);
	else
		arena_free(sc->arena);
}

/* Closes a scope with all that is open in it, without rows and without telling its loop. Depth is that
 * of the workflow. */
static void drop(struct state *st, struct scope *sc)
{
	unready(st, sc);
	sc->state = SCOPE_CLOSED;
	for (size_t i = 0; i < sc->program->n; i++) {
		struct node *n = sc->nodes[i];

		if (!node_is_open(n))
			continue;
		if (n->status == NODE_UNCERTAIN)
			st->n_uncertain--;
		if (n->status == NODE_ASKING && !n->decision)
			st->n_asking--;
		n->status = NODE_CANCELLED;
		scope_time(st, n);
		if (n->each)
			scope_drop_items(st, n);
	}
}

void scope_drop_items(struct state *st, struct node *n)
{
	struct each *e = n->each;

	for (size_t i = 0; e->open && i < e->n; i++) {
		struct scope *sc = e->scopes[i];

		if (!sc)
			continue;
		drop(st, sc);
		e->scopes[i] = NULL;
		e->open--;
		bury(st, sc);
	}
	n->each = NULL;
}

static const struct json *keep(struct state *st, struct scope *outer, const struct json *v)
{
	/* Without a graveyard (replay) the values of rows live as long as the run. */
	return st->graveyard ? json_copy(outer->arena, v) : v;
}

/* The model sees what went wrong with a call; that no further one may be made is the agent's own failure. */
static void fail_call(struct state *st, struct each *e, struct scope *sc, const struct json *error)
{
	struct node *n = e->node;

	n->turns[n->n_turns - 1].errors[sc->item] = error;
	if (!str_starts(json_str(json_getc(error, "type")), STR("budget.")))
		return;
	if (!e->error)
		e->error = error;
	state_cancel_items(st, e);
}

/* What became of a call is known although its end was wished for: an agent that is tried again goes on with that. */
static void keep_result(struct state *st, struct each *e, const struct scope *sc)
{
	struct scope *outer = e->node->scope;
	const struct node *call = sc->nodes[0];

	if (call && call->status == NODE_SUCCEEDED)
		e->outputs[sc->item] = keep(st, outer, call->output);
	else if (call && call->status == NODE_FAILED)
		e->node->turns[e->node->n_turns - 1].errors[sc->item] = keep(st, outer, call->error);
}

static void fail_item(struct state *st, struct each *e, struct scope *sc, const struct json *error)
{
	struct json_builder b;

	if (scope_is_call(sc)) {
		fail_call(st, e, sc, error);
		return;
	}
	switch (node_program(e->node)->step->u.loop.on_error) {
	case FOR_FAIL:
		if (!e->error)
			e->error = error;
		state_cancel_items(st, e);
		return;
	case FOR_COLLECT:
		json_object_begin(&b, e->node->scope->arena);
		json_object_setc(&b, "error", error);
		e->outputs[sc->item] = json_object_end(&b);
		return;
	case FOR_SKIP:
		return;
	}
}

void scope_close(struct state *st, struct scope *sc, enum scope_end end, const struct json *value)
{
	struct scope *outer = sc->parent;
	struct each *e;

	unready(st, sc);
	sc->state = SCOPE_CLOSED;
	sc->cancelled = end == END_CANCELLED;
	if (end == END_FAILED)
		sc->error = value;
	if (!outer)
		return;
	e = sc->owner->each;
	e->scopes[sc->item] = NULL;
	e->open--;
	e->ended++;
	if (sc->held_seq > outer->held_seq)
		outer->held_seq = sc->held_seq;
	if (end == END_OK)
		e->outputs[sc->item] = keep(st, outer, value);
	if (end == END_FAILED)
		fail_item(st, e, sc, keep(st, outer, value));
	if (end == END_CANCELLED && scope_is_call(sc))
		keep_result(st, e, sc);
	if (scope_is_call(sc) && e->ended == e->n && !e->error && !e->abort)
		e->node->each = NULL;	/* the next turn may be asked */
	state_push_ready(st, outer);
	bury(st, sc);
}

void state_close_cancelled(struct state *st, struct scope *sc)
{
	scope_close(st, sc, END_CANCELLED, NULL);
}

/* --- cancelling --- */

static void cancel(struct state *st, struct scope *sc)
{
	const struct node *n;

	if (sc->state == SCOPE_CLOSED)
		return;
	sc->cancelling = true;
	state_push_ready(st, sc);
	n = scope_step(sc) ? sc->nodes[sc->cursor] : NULL;
	if (n && n->each)
		state_cancel_items(st, n->each);
}

void state_cancel_items(struct state *st, struct each *e)
{
	for (size_t i = 0; i < e->n; i++)
		if (e->scopes[i])
			cancel(st, e->scopes[i]);
}

void state_cancel_all(struct state *st)
{
	st->task_cancelling = true;
	cancel(st, st->root);
}

void state_init(struct state *st, struct arena *a, const struct program_task *p, const struct json *input,
		const struct json *facts)
{
	*st = (struct state){.arena = a, .program = p, .input = input, .facts = facts,
			     .timed_min_us = INT64_MAX,
			     .taint = policy_taint_of(json_str(json_getc(facts, "submitted_by")))};
	st->root = scope_new(a, p->top);
	st->root->vars = vars_new(a, st->root, json_empty_object());
	state_push_ready(st, st->root);
}
