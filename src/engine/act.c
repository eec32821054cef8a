/* act.c - does what plan decided.
 *
 * Order in which a row comes to be: its value is made of copies that live as long as the scope, it is added
 * to the pending move, and it is applied to the state. What the state then allows, plan says.
 */
#include "engine/act.h"

#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/json.h"
#include "config/expr.h"
#include "config/workflow.h"
#include "engine/approval.h"
#include "engine/batch.h"
#include "engine/budget.h"
#include "engine/engine_room.h"
#include "engine/flight.h"
#include "engine/plan.h"
#include "engine/program.h"
#include "engine/retry.h"
#include "engine/root.h"
#include "engine/run.h"
#include "engine/state.h"
#include "engine/steps.h"

static const struct step_ops *const kinds[STEP_KINDS] = {
	[STEP_SET] = &step_set_ops,   [STEP_CALL] = &step_call_ops, [STEP_MODEL] = &step_model_ops,
	[STEP_AGENT] = &step_agent_ops, [STEP_SWITCH] = &step_switch_ops, [STEP_FOR] = &step_for_ops, [STEP_WAIT] = &step_wait_ops,
	[STEP_RAISE] = &step_raise_ops, [STEP_APPROVE] = &step_approve_ops,
};

const struct step_ops *step_ops(enum step_kind kind)
{
	return kinds[kind];
}

static const struct step_ops *ops_of(const struct node *n)
{
	return kinds[node_program(n)->step->kind];
}

/* --- values --- */

const struct json *act_error(struct run *r, const struct node *n, const struct err *err)
{
	struct arena *a = r->engine->scratch;

	return journal_error(a, err, node_path(a, n, ROW_STEP_FAILED));
}

const struct json *act_keep(const struct node *n, const struct json *v)
{
	return json_copy(n->scope->arena, v);
}

int act_check_size(const struct json *v, struct err *err)
{
	if (json_size(v) <= JOURNAL_MAX_VALUE_BYTES)
		return 0;
	return err_set(err, ERR_SIZE, "a value of %zu bytes, at most %d are kept", json_size(v),
		       JOURNAL_MAX_VALUE_BYTES);
}

/* --- rows --- */

void act_row_at(struct run *r, struct scope *sc, struct str path, int try_no, enum row_kind kind,
		const char *step_kind, const struct json *value, bool holds)
{
	struct batch *b;
	struct journal_row row = {.at_us = run_now_us(r), .path = path, .attempt_try = try_no,
				  .kind = str_from(row_kind_name(kind)), .step_kind = str_from(step_kind),
				  .value = value};
	struct err err = {0};

	if (r->wish >= WISH_FAIL)	/* the state is not to be trusted any more */
		return;
	b = run_batch(r);
	batch_add_row(b, &row);
	if (holds) {
		sc->held_seq = b->seq;
		batch_hold(b, sc);
	}
	if (state_apply(&r->state, &row, &err) < 0)
		run_fail(r, &err);
}

/* What acts outside waits for its row to be committed, and so does a new try for the failure before it. Results and decisions
 * ride along with what comes next: the journal holds all of it in order, and what was not committed is worked out
 * again. A try that is far off holds nothing: the run may park in the same move. */
static bool row_holds(const struct run *r, const struct node *n, enum row_kind kind, const struct json *value)
{
	const struct json *retry_at;
	int64_t at_us;

	switch (kind) {
	case ROW_STEP_STARTED:
		return node_program(n)->step->kind != STEP_FOR;
	case ROW_STEP_SUCCEEDED:	/* the turn that is asked next shows it to the model */
		return scope_is_call(n->scope);
	case ROW_STEP_FAILED:
		retry_at = json_getc(value, "retry_at");
		if (!retry_at)
			return scope_is_call(n->scope);
		return (!time_parse(json_str(retry_at), &at_us) || at_us <= run_now_us(r) + PLAN_NAP_US);
	case ROW_STEP_UNCERTAIN:	/* the tool's word on it needs it in the ledger */
		return ops_of(n)->asks && ops_of(n)->asks(r, n);
	default:
		return false;
	}
}

void act_row(struct run *r, struct node *n, enum row_kind kind, const struct json *value)
{
	struct batch *b = run_batch(r);
	const struct step *s = node_program(n)->step;
	struct str path = node_path(b->arena, n, kind);
	int try_no = node_next_try(n, kind);
	int64_t started_us = node_is_open(n) && n->status != NODE_RETRYING ? n->started_us : 0;

	act_row_at(r, n->scope, path, try_no, kind, step_kind_name(s->kind), value ? value : json_empty_object(),
		   row_holds(r, n, kind, value));
	if (b->n_rows)
		b->rows[b->n_rows - 1].started_us = started_us;
	act_book(r, n, 0);
}

void act_book(struct run *r, struct node *n, int64_t cost_pusd)
{
	struct batch *b = run_batch(r);

	if (!b->n_rows)
		return;
	b->rows[b->n_rows - 1].cost_pusd += n->unbooked_pusd + cost_pusd;
	n->unbooked_pusd = 0;
}

void act_started(struct run *r, struct node *n, const struct json *value)
{
	act_row(r, n, ROW_STEP_STARTED, value);
	run_batch(r)->n_started++;
	n->mine = true;
}

void act_succeed(struct run *r, struct node *n, const struct json *output)
{
	struct arena *a = n->scope->arena;
	struct err err = {0};

	if (act_check_size(output, &err) < 0) {
		act_fail_err(r, n, &err);
		return;
	}
	act_row(r, n, ROW_STEP_SUCCEEDED, journal_value(a, "output", json_copy(a, output)));
}

/* End of the step's wall budget; 0: none, or not running yet. */
static int64_t wall_us(const struct node *n)
{
	int64_t wall_ms = node_program(n)->step->budget.wall_ms;

	return wall_ms >= 0 && node_is_open(n) ? n->entered_us + wall_ms * 1000 : 0;
}

/* There would be another try, but not in time. */
static const struct json *wall_error(struct run *r, const struct node *n, const struct json *cause)
{
	struct arena *a = r->engine->scratch;
	struct json_builder b;
	struct err err = {0};

	err_set(&err, ERR_BUDGET_WALL, "the step's wall budget leaves no time for another try");
	json_object_begin_from(&b, a, act_error(r, n, &err));
	json_object_setc(&b, "cause", cause);
	return json_object_end(&b);
}

void act_fail(struct run *r, struct node *n, const struct json *error, int retry_after_ms)
{
	struct arena *a = n->scope->arena;
	const struct step *s = node_program(n)->step;
	struct json_builder b;
	uint64_t random;
	int64_t delay_ms, at_us;
	bool again;

	random_bytes(&random, sizeof random);
	again = !n->scope->cancelling &&
		retry_decide(&s->retry, error, node_next_try(n, ROW_STEP_FAILED) - n->n_free, retry_after_ms, random, &delay_ms);
	at_us = again ? run_now_us(r) + delay_ms * 1000 : 0;
	if (again && wall_us(n) && at_us >= wall_us(n)) {
		again = false;
		error = wall_error(r, n, error);
	}
	json_object_begin(&b, a);
	json_object_setc(&b, "error", json_copy(a, error));
	if (again)
		json_object_setc(&b, "retry_at", journal_time(a, at_us));
	act_row(r, n, ROW_STEP_FAILED, json_object_end(&b));
}

void act_fail_err(struct run *r, struct node *n, const struct err *err)
{
	act_fail(r, n, act_error(r, n, err), err->retry_after_ms);
}

void act_requeue(struct run *r, struct node *n, const struct err *err, int64_t again_ms)
{
	const struct json *error = act_error(r, n, err);
	struct arena *a = n->scope->arena;
	struct json_builder b;
	uint64_t random;
	int64_t at_us;

	random_bytes(&random, sizeof random);
	at_us = run_now_us(r) + retry_requeue_ms(n->n_free, again_ms, random) * 1000;
	if (n->n_free >= RETRY_MAX_REQUEUES || (wall_us(n) && at_us >= wall_us(n))) {
		act_fail(r, n, n->n_free >= RETRY_MAX_REQUEUES ? error : wall_error(r, n, error), err->retry_after_ms);
		return;
	}
	json_object_begin(&b, a);
	json_object_setc(&b, "error", json_copy(a, error));
	json_object_setc(&b, "retry_at", journal_time(a, at_us));
	json_object_setc(&b, "free", json_bool(true));
	act_row(r, n, ROW_STEP_FAILED, json_object_end(&b));
}

/* --- evaluation --- */

int act_eval_in(struct run *r, const struct scope *sc, const struct refs *refs, const struct tmpl *t,
		const struct json **ret, struct err *err)
{
	struct arena *a = r->engine->scratch;
	const struct json *root = tmpl_is_constant(t) ? json_empty_object() : root_build(a, &r->state, sc, refs);

	return tmpl_eval(t, root, a, ret, err);
}

int act_eval(struct run *r, const struct node *n, const struct tmpl *t, const struct json **ret, struct err *err)
{
	return act_eval_in(r, n->scope, &node_program(n)->refs, t, ret, err);
}

int act_eval_text(struct run *r, const struct node *n, const struct tmpl *t, struct str *ret, struct err *err)
{
	struct arena *a = r->engine->scratch;

	return tmpl_eval_text(t, root_build(a, &r->state, n->scope, &node_program(n)->refs), a, ret, err);
}

int act_eval_expr(struct run *r, const struct node *n, const struct expr *e, const struct json **ret, struct err *err)
{
	struct arena *a = r->engine->scratch;

	return expr_eval(e, root_build(a, &r->state, n->scope, &node_program(n)->refs), a, ret, err);
}

int act_test(struct run *r, const struct node *n, const struct expr *e, bool *ret, struct err *err)
{
	struct arena *a = r->engine->scratch;

	return expr_test(e, root_build(a, &r->state, n->scope, &node_program(n)->refs), ret, err);
}

/* --- actions --- */

static void begin(struct run *r, struct node *n)
{
	const struct step *s = node_program(n)->step;
	struct err err = {0};
	bool wanted = true;

	if (!node_is_open(n)) {
		if (budget_check_step(&r->state, &err) < 0 ||
		    (s->when && act_test(r, n, s->when, &wanted, &err) < 0)) {
			act_fail_err(r, n, &err);
			return;
		}
	}
	if (wanted)
		ops_of(n)->begin(r, n);
	else
		act_row(r, n, ROW_STEP_SKIPPED, NULL);
}

static bool wall_is_over(const struct run *r, const struct node *n)
{
	return wall_us(n) && run_now_us(r) >= wall_us(n);
}

static void expire(struct run *r, struct node *n)
{
	bool wall = wall_is_over(r, n);
	struct err err = {0};

	state_set_deadline(&r->state, n, 0);
	if (n->flight) {
		flight_abort(n->flight, wall ? ABORT_WALL : ABORT_TIMEOUT);
		return;
	}
	if (wall)
		err_set(&err, ERR_BUDGET_WALL, "the step did not end within its wall budget");
	else
		err_set(&err, ERR_TIMEOUT, "the step did not end within its timeout");
	if (n->status == NODE_ASKING)
		approval_give_up(r, n);
	if (n->each && n->each->open > 0) {
		n->each->abort = act_keep(n, act_error(r, n, &err));
		state_cancel_items(&r->state, n->each);
		return;
	}
	act_fail_err(r, n, &err);
}

/* A try has one operation, and its time begins with it; an agent has many, in the time of one try. */
static void watch(struct run *r, struct node *n)
{
	bool agent = node_program(n)->step->kind == STEP_AGENT;

	if (n->flight)
		state_set_deadline(&r->state, n, agent ? node_agent_deadline(n) : node_deadline(n, run_now_us(r)));
}

static void dispatch(struct run *r, struct node *n)
{
	if (wall_is_over(r, n))
		expire(r, n);
	else
		ops_of(n)->dispatch(r, n);
	watch(r, n);
}

static void give_back(struct run *r, struct node *n)
{
	if (ops_of(n)->give_back)
		ops_of(n)->give_back(r, n);
	n->mine = false;
}

static void resume(struct run *r, struct node *n)
{
	ops_of(n)->resume(r, n);
	watch(r, n);
}

static void cancel(struct run *r, struct node *n)
{
	if (n->flight) {
		flight_abort(n->flight, ABORT_CANCEL);
		return;
	}
	if (n->status == NODE_ASKING) {
		approval_give_up(r, n);
		act_row(r, n, ROW_STEP_CANCELLED, NULL);
	} else if (ops_of(n)->cancel)
		ops_of(n)->cancel(r, n);
	else
		act_row(r, n, ROW_STEP_CANCELLED, NULL);
}

/* False: the scope goes on only when something comes back. */
static bool perform(struct run *r, struct scope *sc, struct action a)
{
	struct node *n = scope_step(sc) ? state_node(sc, sc->cursor) : NULL;

	switch (a.kind) {
	case PLAN_NOTHING:
		return false;
	case PLAN_BEGIN:
		begin(r, n);
		return true;
	case PLAN_DISPATCH:
		if (r->wish == WISH_RELEASE)
			give_back(r, n);
		else
			dispatch(r, n);
		return !n->flight;
	case PLAN_RESUME:
		resume(r, n);
		return !n->flight;
	case PLAN_LOOK:
		if (n->status == NODE_ASKING)
			approval_look(r, n);
		else
			ops_of(n)->look(r, n);
		return !n->flight;
	case PLAN_SETTLE:
		if (n->status == NODE_ASKING)
			approval_settle(r, n);
		else
			ops_of(n)->settle(r, n);
		return true;
	case PLAN_DECIDED:
		ops_of(n)->decided(r, n);
		return true;
	case PLAN_ASK:
		/* Whoever leaves lets the next one ask. */
		if (r->wish != WISH_DRAIN && r->wish != WISH_RELEASE)
			ops_of(n)->ask(r, n);
		return false;
	case PLAN_WAKE:
		act_succeed(r, n, json_null());
		return true;
	case PLAN_OPEN_ITEM:
		state_open_item(&r->state, n->each, a.item);
		return true;
	case PLAN_CLOSE_LOOP:
		ops_of(n)->close(r, n);
		return true;
	case PLAN_END_ITEM:
		ops_of(sc->owner)->end_item(r, sc);
		return false;
	case PLAN_EXPIRE:
		expire(r, n);
		return true;
	case PLAN_CANCEL:
		cancel(r, n);
		return false;
	case PLAN_ABANDON:
		state_close_cancelled(&r->state, sc);
		return false;
	}
	return false;
}

static bool step_on(struct run *r, struct scope *sc, const struct plan_env *env)
{
	struct action a = plan_scope(&r->state, sc, env);

	r->held_back |= a.held_back;
	return perform(r, sc, a);
}

void act_scope(struct run *r, struct scope *sc)
{
	struct plan_env env = {.now_us = run_now_us(r), .starts = r->wish == WISH_NONE};

	while (r->wish < WISH_FAIL && step_on(r, sc, &env)) {
		arena_reset(r->engine->scratch);
		if (sc->state == SCOPE_CLOSED || (r->pending && r->pending->n_rows >= BATCH_MAX_ROWS)) {
			state_push_ready(&r->state, sc);
			return;
		}
	}
	arena_reset(r->engine->scratch);
}
