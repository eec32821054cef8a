/* run.c - the life of a run: load, replay, advance, commit, leave.
 *
 * Order: a wish (cancel, drain ...) is noted at once and looked at in the next advance. While a move is under way
 * rows gather in the next one. Only an answered move lets operations start.
 */
#include "engine/run.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "base/metric.h"
#include "engine/act.h"
#include "engine/batch.h"
#include "engine/engine_room.h"
#include "engine/flight.h"
#include "engine/plan.h"
#include "engine/program.h"
#include "engine/root.h"
#include "schema/schema.h"
#include "config/policy_judge.h"
#include "config/workflow.h"
#include "tools/tools.h"

enum {
	NOT_OURS_DELAY_US = 30 * 1000 * 1000,	/* another worker may know this bundle */
	OTHER_LANE_DELAY_US = 1000 * 1000,	/* workers that do not agree on a tool's lane must not toss a task about */
	UNLEFT_MIN_MS = 500,
	UNLEFT_MAX_MS = 30 * 1000,
	LOOK_EVERY_US = 5 * 1000 * 1000,
	UNLEFT_WHOLE = 3,		/* refused so often, what the move says of the task is what may be wrong */
};

int64_t run_now_us(const struct run *r)
{
	return engine_now_us(r->engine);
}

struct batch *run_batch(struct run *r)
{
	if (!r->pending) {
		r->pending = batch_new(r->arena, ++r->batch_seq);
		r->pending->run = r;
		r->state.graveyard = r->pending->arena;
	}
	return r->pending;
}

/* --- leaving --- */

static void end(struct run *r)
{
	struct engine *e = r->engine;

	bundle_forget(&r->wait);
	bundle_put(e->bundles, &r->bundle);
	loop_timer_free(r->timer);
	r->over = true;
	engine_ended(e, r);
	if (!r->scheduled)	/* else advance() frees it */
		arena_free(r->arena);
}

static void abort_flights(struct run *r)
{
	for (struct flight *f = r->flights; f; f = f->next)
		flight_abort(f, ABORT_RELEASE);
}

static void drop_flights(struct run *r)
{
	for (struct flight *f = r->flights; f; f = f->next)
		flight_drop(f);
}

static bool is_quiet(const struct run *r)
{
	return !r->flights && !r->sent;
}

/* --- timer --- */

static int64_t earliest_us(const struct run *r, int64_t timers_us)
{
	int64_t deadline_us = r->claimed->deadline_us;

	/* A task that is to end waits for a word alone; its deadline may lie behind it. */
	return deadline_us && deadline_us < timers_us && !r->state.task_cancelling ? deadline_us : timers_us;
}

static void on_timer(void *arg)
{
	struct run *r = arg;

	r->armed_us = INT64_MAX;
	run_schedule(r);
}

static void arm(struct run *r)
{
	int64_t at_us = earliest_us(r, r->state.timed_min_us), now_us = run_now_us(r);

	if (r->look_us && r->look_us < at_us)
		at_us = r->look_us;
	if (at_us >= r->armed_us)
		return;
	if (!r->timer)
		r->timer = loop_timer_new(r->engine->loop, on_timer, r);
	r->armed_us = at_us;
	loop_timer_set(r->timer, at_us > now_us ? (at_us - now_us) / 1000 + 1 : 0);
}

/* --- moves --- */

static void on_committed(void *arg, const struct move_result *res);

static void send(struct run *r, enum move_next next, const char *state, int64_t run_at_us)
{
	struct batch *b = run_batch(r);

	b->move.task = r->claimed->task;
	b->move.fence = r->claimed->fence;
	b->move.rows = b->rows;
	b->move.n_rows = b->n_rows;
	b->move.effects = b->effects;
	b->move.n_effects = b->n_effects;
	b->move.calls = b->calls;
	b->move.n_calls = b->n_calls;
	b->move.next = next;
	b->move.state = str_from(state);
	b->move.run_at_us = run_at_us;
	r->sent = b;
	r->pending = NULL;
	queue_commit(r->engine->store, &b->move, on_committed, b);
}

static void free_holds(struct run *r, const struct batch *b)
{
	r->state.committed_seq = b->seq;
	for (size_t i = 0; i < b->n_held; i++) {
		struct scope *sc = b->held[i];

		/* What held a closed iteration holds the scope of its loop. */
		while (sc->state == SCOPE_CLOSED && sc->parent)
			sc = sc->parent;
		state_push_ready(&r->state, sc);
	}
}

/* The rows of a refused move are not, but what it knew of effects and money is so all the same: the end of the task says it. */
static void keep_known(struct run *r, const struct batch *b)
{
	struct batch *to = run_batch(r);

	for (size_t i = 0; i < b->n_effects; i++) {
		struct effect_change e = b->effects[i];

		if (e.to == EFFECT_DISPATCHED || e.to == EFFECT_PLANNED)
			continue;
		e.path = str_dup(to->arena, e.path);
		e.tool = str_dup(to->arena, e.tool);
		e.result = e.result ? json_copy(to->arena, e.result) : NULL;
		batch_add_effect(to, &e);
	}
	batch_add_calls(to, b->calls, b->n_calls);
}

/* Nothing is left but to give the task back, and that was refused. Under a live worker nobody else takes it up: it is tried until
 * it succeeds or the lease is lost. A worker that leaves ends soon, and the sweeper gives back what it had. */
static bool leave_again(struct run *r, struct batch *b)
{
	int64_t wait_ms = r->n_unleft < 6 ? UNLEFT_MIN_MS << r->n_unleft : UNLEFT_MAX_MS;

	r->n_unleft++;
	if (r->engine->draining && r->n_unleft >= UNLEFT_WHOLE) {
		run_wish_for(r, WISH_DROP);
		return false;
	}
	if (r->n_unleft >= UNLEFT_WHOLE)
		b->move.n_rows = b->move.n_effects = b->move.n_calls = 0;
	r->unleft = b;
	r->unleft_us = run_now_us(r) + wait_ms * 1000;
	if (!r->timer)
		r->timer = loop_timer_new(r->engine->loop, on_timer, r);
	loop_timer_set(r->timer, wait_ms);
	return true;
}

static void send_unleft(struct run *r)
{
	struct batch *b = r->unleft;

	/* Whoever begins to leave does not sit out the pause. */
	if (run_now_us(r) < r->unleft_us && !r->engine->draining) {
		loop_timer_set(r->timer, (r->unleft_us - run_now_us(r)) / 1000 + 1);
		return;
	}
	r->unleft = NULL;
	r->sent = b;
	queue_commit(r->engine->store, &b->move, on_committed, b);
}

/* Does the run keep the batch? */
static bool on_refused(struct run *r, struct batch *b, const struct move_result *res)
{
	log_warn("task.refused", "task=%s code=%s message=%s", r->id, err_name(res->err.code), log_quotec(res->err.msg));
	if (b->move.next == MOVE_RELEASE || r->refused) {
		return leave_again(r, b);
	} else if (r->wish == WISH_FAIL) {
		r->refused = true;
	} else {
		keep_known(r, b);
		run_fail(r, &res->err);
	}
	return false;
}

static void on_committed(void *arg, const struct move_result *res)
{
	struct batch *b = arg;
	struct run *r = b->run;

	r->sent = NULL;
	engine_set_clock(r->engine, res->now_us);
	switch (res->status) {
	case MOVE_OK:
	case MOVE_ALREADY:
		if (b->move.next == MOVE_FINISH)
			metric_add(METRIC_TASKS_ENDED, 1, r->claimed->workflow, b->move.state);
		if (b->move.next != MOVE_STAY) {
			end(r);
			return;
		}
		free_holds(r, b);
		if (res->cancel)
			run_wish_for(r, WISH_CANCEL);
		break;
	case MOVE_STALE:
		log_warn("task.lease_lost", "task=%s fence=%d", r->id, r->claimed->fence);
		run_wish_for(r, WISH_DROP);
		break;
	case MOVE_REFUSED:
		if (on_refused(r, b, res))
			return;
		break;
	case MOVE_CANCELLED:
		run_wish_for(r, WISH_DROP);
		break;
	}
	/* Scopes that ended while the move was under way were buried in a later batch. */
	arena_free(b->arena);
	run_schedule(r);
}

/* --- finishing --- */

static const struct json *task_output(struct run *r, struct err *err)
{
	const struct state *st = &r->state;
	const struct workflow *w = st->program->workflow;
	const struct json *v = scope_output(st->root);

	if (w->output && act_eval_in(r, st->root, &st->program->output, w->output, &v, err) < 0)
		return NULL;
	return act_check_size(v, err) == 0 ? v : NULL;
}

static void log_finished(const struct run *r, const char *state, const struct json *error)
{
	if (!error) {
		log_debug("task.finished", "task=%s state=%s", r->id, state);
		return;
	}
	log_info("task.finished", "task=%s state=%s type=%s message=%s", r->id, state,
		 log_quote(json_str(json_getc(error, "type"))), log_quote(json_str(json_getc(error, "message"))));
}

static void finish(struct run *r, const char *state, const struct json *output, const struct json *error)
{
	struct batch *b = run_batch(r);

	b->move.output = output ? json_copy(b->arena, output) : NULL;
	b->move.error = error ? json_copy(b->arena, error) : NULL;
	log_finished(r, state, error);
	send(r, MOVE_FINISH, state, 0);
}

static void finish_bad(struct run *r, const char *state, enum err_code code, const char *msg)
{
	struct err err = {0};

	err_set(&err, code, "%s", msg);
	finish(r, state, NULL, journal_error(run_batch(r)->arena, &err, STR_NONE));
}

static void finish_root(struct run *r)
{
	const struct scope *root = r->state.root;
	const struct json *output;
	struct err err = {0};

	if (root->cancelled && r->wish == WISH_EXPIRE) {
		finish_bad(r, "expired", ERR_BUDGET_WALL, "the task did not end before its deadline");
	} else if (root->cancelled) {
		finish_bad(r, "cancelled", ERR_CANCELLED, "the task was cancelled");
	} else if (root->error) {
		finish(r, "failed", NULL, root->error);
	} else {
		output = task_output(r, &err);
		finish(r, output ? "succeeded" : "failed", output,
		       output ? NULL : journal_error(run_batch(r)->arena, &err, STR_NONE));
		arena_reset(r->engine->scratch);
	}
}

/* Not even its end can be written. The database may be what is wrong, so it is tried again, but not for ever. */
static void give_back_failed(struct run *r, struct batch *b)
{
	int failures = r->claimed->failures + 1;
	struct json_builder v;
	struct journal_row row = {.attempt_try = r->claimed->fence, .path = STR(""), .kind = STR("task.quarantined"),
				  .step_kind = STR_NONE};

	b->n_effects = b->n_calls = 0;
	b->move.count_failure = true;
	if (failures <= r->engine->max_failures) {
		send(r, MOVE_RELEASE, NULL, run_now_us(r) + NOT_OURS_DELAY_US);
		return;
	}
	log_error("task.quarantined", "task=%s failures=%d", r->id, failures);
	json_object_begin(&v, b->arena);
	json_object_setc(&v, "error", json_copy(b->arena, r->fatal));
	json_object_setc(&v, "failures", json_int(b->arena, failures));
	row.value = json_object_end(&v);
	batch_add_row(b, &row);
	send(r, MOVE_PARK, "quarantined", 0);
}

/* A call begins only once its dispatch is committed. */
static void drop_intents(struct batch *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->n_effects; i++)
		if (b->effects[i].to != EFFECT_DISPATCHED && b->effects[i].to != EFFECT_PLANNED)
			b->effects[n++] = b->effects[i];
	b->n_effects = n;
}

/* The state is not to be trusted: rows that are not committed go, what is known of effects and money stays. */
static void finish_failed(struct run *r)
{
	struct batch *b = run_batch(r);

	abort_flights(r);
	if (!is_quiet(r))
		return;
	b->n_rows = 0;
	drop_intents(b);
	if (r->refused) {
		give_back_failed(r, b);
		return;
	}
	finish(r, "failed", NULL, r->fatal);
}

/* --- advancing --- */

/* Nothing came of it, and no move that is under way needs what was buried in it: thousands of runs wait without one. */
static void drop_pending(struct run *r)
{
	arena_free(r->pending->arena);
	r->pending = NULL;
	r->state.graveyard = NULL;
}

/* A row that holds its scope is committed before the run goes on there; leaving, it need not go on. */
static bool is_busy(const struct run *r, bool leaving)
{
	const struct batch *b = r->pending;

	return r->flights || b->n_started || r->state.ready_head || (!leaving && b->n_held);
}

/* A run that parks learns of a decision with that; one that other work keeps here has to look. */
static void plan_to_look(struct run *r)
{
	if (r->state.n_asking == 0)
		r->look_us = 0;
	else if (!r->look_us)
		r->look_us = run_now_us(r) + LOOK_EVERY_US;
}

static void look_when_due(struct run *r)
{
	if (!r->look_us || run_now_us(r) < r->look_us)
		return;
	r->look_us = 0;
	state_look_again(&r->state);
}

static void conclude(struct run *r)
{
	struct state *st = &r->state;
	struct batch *b = run_batch(r);
	struct run_facts f = {.leaving = r->wish == WISH_DRAIN || r->wish == WISH_RELEASE,
			      .held_back = r->held_back, .now_us = run_now_us(r), .has_timer = st->timed};
	int64_t wake_us;

	f.busy = is_busy(r, f.leaving);
	f.earliest_us = f.busy ? 0 : earliest_us(r, state_earliest(st));	/* looks at every node that waits */
	wake_us = f.earliest_us == INT64_MAX ? 0 : f.earliest_us;
	switch (plan_run(st, &f)) {
	case RUN_FINISH:
		finish_root(r);
		return;
	case RUN_RELEASE:
		send(r, MOVE_RELEASE, NULL, f.has_timer && !f.held_back ? wake_us : 0);
		return;
	case RUN_PARK_UNCERTAIN:
		log_warn("task.uncertain", "task=%s", r->id);
		send(r, MOVE_PARK, "uncertain", wake_us);
		return;
	case RUN_PARK_APPROVAL:
		send(r, MOVE_PARK, "waiting_approval", wake_us);
		return;
	case RUN_PARK_SLOT:
		send(r, MOVE_PARK, "waiting_slot", wake_us);
		return;
	case RUN_PARK_TIMER:
		send(r, MOVE_PARK, "waiting_timer", wake_us);
		return;
	case RUN_STUCK:
		log_error("task.stuck", "task=%s", r->id);
		run_fail(r, &(struct err){.code = ERR_INTERNAL, .msg = "nothing is left to wait for"});
		return;
	case RUN_BUSY:
	case RUN_SLEEP:
		plan_to_look(r);
		break;
	}
	if (batch_is_empty(b))
		drop_pending(r);
	else
		send(r, MOVE_STAY, NULL, 0);
	arm(r);
}

static void heed_wish(struct run *r)
{
	int64_t deadline_us = r->claimed->deadline_us;

	if (deadline_us && run_now_us(r) >= deadline_us)
		run_wish_for(r, WISH_EXPIRE);
	if (r->wish == WISH_RELEASE)
		abort_flights(r);
	if ((r->wish == WISH_CANCEL || r->wish == WISH_EXPIRE) && !r->state.task_cancelling)
		state_cancel_all(&r->state);
}

static void work(struct run *r)
{
	struct scope *sc;

	heed_wish(r);
	run_batch(r);		/* scopes that close need a graveyard */
	state_push_due(&r->state, run_now_us(r));
	look_when_due(r);
	while (r->wish < WISH_FAIL && r->pending->n_rows < BATCH_MAX_ROWS && (sc = state_take_ready(&r->state)))
		act_scope(r, sc);
	if (r->wish == WISH_FAIL)
		finish_failed(r);
	else if (r->wish < WISH_FAIL && !r->sent)
		conclude(r);
	else if (r->wish < WISH_FAIL)
		arm(r);
}

/* --- loading --- */

static void release_unread(struct run *r, const struct err *err)
{
	log_warn("task.not_ours", "task=%s workflow=%s message=%s", r->id, log_quote(r->claimed->workflow),
		 log_quotec(err->msg));
	send(r, MOVE_RELEASE, NULL, run_now_us(r) + NOT_OURS_DELAY_US);
}

/* Lanes of tools are live: the task may have been submitted before one changed, or with a bundle of long ago. */
static void release_to_lane(struct run *r)
{
	const struct workflow *w = r->state.program->workflow;
	const char *lane = str_cstr(r->arena, tools_lane(r->arena, r->engine->tools, w));

	log_info("task.other_lane", "task=%s workflow=%s lane=%s", r->id, log_quote(r->claimed->workflow), lane);
	send(r, MOVE_RELEASE, lane, run_now_us(r) + OTHER_LANE_DELAY_US);
}

static int replay(struct run *r, struct err *err)
{
	const struct claimed *c = r->claimed;

	for (size_t i = 0; i < c->n_rows; i++) {
		enum row_kind kind;

		/* Rows about the task itself tell people, not us. */
		if (c->rows[i].path.n == 0 || row_kind_parse(c->rows[i].kind, &kind, NULL) < 0)
			continue;
		if (state_apply(&r->state, &c->rows[i], err) < 0)
			return -1;
	}
	return 0;
}

/* The bundle holds the schema, so the check is at the beginning of the task's work. */
static int check_input(const struct run *r, struct err *err)
{
	const struct schema *schema = r->state.program->workflow->input_check;

	if (!schema || r->state.n_steps > 0)
		return 0;
	return schema_require(schema, r->claimed->input, ERR_SCHEMA_INPUT, err);
}

static void on_bundle(void *arg, const struct bundle_ref *ref, const struct err *err)
{
	struct run *r = arg;
	struct err bad = {0};

	if (err) {
		if (r->wish != WISH_DROP)
			release_unread(r, err);
		return;
	}
	r->bundle = *ref;
	state_init(&r->state, r->arena, ref->program, r->claimed->input, r->claimed->facts);
	r->state.taint |= policy_taint_of(r->claimed->origin_by);
	if (r->wish < WISH_CANCEL && !tools_serve(r->engine->tools, ref->program->workflow)) {	/* whoever ends it needs no tool */
		release_to_lane(r);
		return;
	}
	if (replay(r, &bad) < 0 || check_input(r, &bad) < 0)
		run_fail(r, &bad);
	r->loaded = true;
	run_schedule(r);
}

static void load(struct run *r)
{
	if (r->wish == WISH_DRAIN || r->wish == WISH_RELEASE) {
		bundle_forget(&r->wait);
		send(r, MOVE_RELEASE, NULL, 0);
		return;
	}
	if (!r->wait.fn) {
		r->wait.fn = on_bundle;
		r->wait.arg = r;
		bundle_get(r->engine->bundles, &r->claimed->bundle, &r->wait);
	}
}

static void advance(void *arg)
{
	struct run *r = arg;

	r->scheduled = false;
	if (r->over) {
		arena_free(r->arena);
		return;
	}
	if (r->wish == WISH_DROP) {
		drop_flights(r);
		if (is_quiet(r))
			end(r);
		return;
	}
	/* Whoever slept past its lease may still have the answer that allowed an effect; somebody else has the task. */
	r->held = !engine_is_fresh(r->engine);
	if (r->held)
		return;
	if (r->unleft) {
		send_unleft(r);
		return;
	}
	if (!r->loaded && !r->sent)
		load(r);
	if (r->loaded)
		work(r);
	if (r->wish == WISH_DROP)
		run_schedule(r);
}

void run_schedule(struct run *r)
{
	if (r->scheduled)
		return;
	r->scheduled = true;
	loop_defer(r->engine->loop, advance, r);
}

void run_wish_for(struct run *r, enum run_wish wish)
{
	if (wish <= r->wish)
		return;
	r->wish = wish;
	run_schedule(r);
}

void run_fail(struct run *r, const struct err *err)
{
	if (r->wish >= WISH_FAIL)
		return;
	log_warn("task.failing", "task=%s code=%s message=%s", r->id, err_name(err->code), log_quotec(err->msg));
	r->fatal = journal_error(r->arena, err, STR_NONE);
	run_wish_for(r, WISH_FAIL);
}

struct run *run_new(struct engine *e, struct claimed *c)
{
	struct run *r = ARENA_NEW(c->arena, struct run);

	r->engine = e;
	r->arena = c->arena;
	r->claimed = c;
	r->armed_us = INT64_MAX;
	r->budget = budget_read(c->budget);
	uuid_format(&c->task, r->id);
	if (c->cancel)
		r->wish = WISH_CANCEL;
	return r;
}
