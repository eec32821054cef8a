/* commit.c - group commit of moves: of tasks, and, by themselves, of questions that belong to none.
 *
 * What arrives in a loop turn leaves in one call at the turn's end. While a batch is on its way, later
 * moves gather for the next; a second one leaves early only when it is full. One task is in at most one batch at a
 * time, so that its moves keep their order. A batch that the database refuses is halved until the culprit is alone.
 */
#include <string.h>

#include "base/arena.h"
#include "base/crash.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "base/metric.h"
#include "store/call.h"
#include "store/move_json.h"
#include "store/queue.h"

enum { DEFAULT_BATCH = 500, MAX_IN_FLIGHT = 2, BUSY_RETRY_MS = 10 };

struct pending {
	struct pending *next;
	struct arena *arena;	/* its own */
	const struct move *move;
	move_done_fn *done;
	void *arg;
};

struct batch {
	struct call call;	/* first */
	struct commits *commits;
	struct batch *prev, *next;
	struct pending **v;
	size_t n;
	bool finishes;		/* some move ends its task: somebody may wait for that */
	bool releases;		/* ... gives it back: somebody may claim it */
};

struct taskset {		/* open addressing, at most half full */
	const struct uuid **v;
	size_t cap;
};

/* Moves of one kind share batches. */
struct kind {
	struct stmt stmt;
	void (*write)(struct params *p, struct arena *a, struct pending *const *v, size_t n);
};

struct commits {
	struct arena *arena;
	struct store *store;
	const struct kind *kind;
	struct loop_turn *turn;
	struct loop_timer *retry;	/* while set, nothing new leaves: somebody held a row */
	struct pending *head, **tail;
	size_t n_waiting, max_batch, n_in_flight;
	struct batch *in_flight;
	bool closed;
};

enum commit_col { COL_ORD, COL_STATUS, COL_LAST_SEQ, COL_CANCEL, COL_NOW, COL_CODE, COL_MESSAGE };

/* --- which tasks are on their way --- */

static void taskset_init(struct taskset *t, struct arena *a, size_t n)
{
	t->cap = 16;
	while (t->cap < 2 * n + 2)
		t->cap *= 2;
	t->v = ARENA_ARRAY(a, t->cap, const struct uuid *);
}

/* false: it was there already. */
static bool taskset_add(struct taskset *t, const struct uuid *u)
{
	uint64_t h;

	memcpy(&h, u->b + 8, sizeof h);	/* the random half */
	for (size_t i = (size_t)h & (t->cap - 1);; i = (i + 1) & (t->cap - 1)) {
		if (!t->v[i]) {
			t->v[i] = u;
			return true;
		}
		if (uuid_eq(t->v[i], u))
			return false;
	}
}

/* --- writing a batch --- */

static void add_moves(struct params *p, struct arena *a, struct pending *const *v, size_t n)
{
	struct array task, fence, rows, next, state, run_at, failure, output, error;

	array_begin(&task, a, ARRAY_UUID);
	array_begin(&fence, a, ARRAY_INT4);
	array_begin(&rows, a, ARRAY_INT4);
	array_begin(&next, a, ARRAY_INT2);
	array_begin(&state, a, ARRAY_TEXT);
	array_begin(&run_at, a, ARRAY_INT8);
	array_begin(&failure, a, ARRAY_BOOL);
	array_begin(&output, a, ARRAY_JSON);
	array_begin(&error, a, ARRAY_JSON);
	for (size_t i = 0; i < n; i++) {
		const struct move *m = v[i]->move;

		array_uuid(&task, &m->task);
		array_int4(&fence, m->fence);
		array_int4(&rows, (int64_t)m->n_rows);
		array_int2(&next, (int)m->next);
		array_text(&state, m->state.p ? m->state : STR(""));
		array_int8(&run_at, m->run_at_us);
		array_bool(&failure, m->count_failure);
		array_json(&output, m->next == MOVE_FINISH ? m->output : NULL);
		array_json(&error, m->next == MOVE_FINISH ? m->error : NULL);
	}
	params_array(p, &task);
	params_array(p, &fence);
	params_array(p, &rows);
	params_array(p, &next);
	params_array(p, &state);
	params_array(p, &run_at);
	params_array(p, &failure);
	params_array(p, &output);
	params_array(p, &error);
}

static void add_journal(struct params *p, struct arena *a, struct pending *const *v, size_t n)
{
	struct array move, idx, path, try, kind, step_kind, value, digest, started, cost;

	array_begin(&move, a, ARRAY_INT4);
	array_begin(&idx, a, ARRAY_INT4);
	array_begin(&path, a, ARRAY_TEXT);
	array_begin(&try, a, ARRAY_INT4);
	array_begin(&kind, a, ARRAY_TEXT);
	array_begin(&step_kind, a, ARRAY_TEXT);
	array_begin(&value, a, ARRAY_JSON);
	array_begin(&digest, a, ARRAY_BYTEA);
	array_begin(&started, a, ARRAY_INT8);
	array_begin(&cost, a, ARRAY_INT8);
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < v[i]->move->n_rows; j++) {
			const struct journal_row *r = &v[i]->move->rows[j];
			struct digest d;

			json_digest(r->value, &d);
			array_int4(&move, (int64_t)i + 1);
			array_int4(&idx, (int64_t)j + 1);
			array_text(&path, r->path.p ? r->path : STR(""));
			array_int4(&try, r->attempt_try);
			array_text(&kind, r->kind);
			array_text(&step_kind, r->step_kind);
			array_json(&value, r->value ? r->value : json_null());
			array_bytes(&digest, d.b, sizeof d.b);
			array_int8(&started, r->started_us);
			array_int8(&cost, r->cost_pusd);
		}
	params_array(p, &move);
	params_array(p, &idx);
	params_array(p, &path);
	params_array(p, &try);
	params_array(p, &kind);
	params_array(p, &step_kind);
	params_array(p, &value);
	params_array(p, &digest);
	params_array(p, &started);
	params_array(p, &cost);
}

static void add_rare(struct params *p, struct arena *a, struct pending *const *v, size_t n)
{
	struct buf effects, holds, calls, caps;

	buf_init(&effects, a);
	buf_init(&holds, a);
	buf_init(&calls, a);
	buf_init(&caps, a);
	for (size_t i = 0; i < n; i++) {
		move_effects_json(&effects, i + 1, v[i]->move);
		move_hold_json(&holds, i + 1, v[i]->move);
		move_calls_json(&calls, i + 1, v[i]->move);
		move_caps_json(&caps, i + 1, v[i]->move);
	}
	params_text(p, move_json_end(&effects));
	params_text(p, move_json_end(&holds));
	params_text(p, move_json_end(&calls));
	params_text(p, move_json_end(&caps));
}

static void write_steps(struct params *p, struct arena *a, struct pending *const *v, size_t n)
{
	add_moves(p, a, v, n);
	add_journal(p, a, v, n);
	add_rare(p, a, v, n);
}

static void write_door(struct params *p, struct arena *a, struct pending *const *v, size_t n)
{
	struct array task, token;
	struct buf holds, calls, caps;

	array_begin(&task, a, ARRAY_UUID);
	array_begin(&token, a, ARRAY_TEXT);
	buf_init(&holds, a);
	buf_init(&calls, a);
	buf_init(&caps, a);
	for (size_t i = 0; i < n; i++) {
		const struct move *m = v[i]->move;

		array_uuid(&task, &m->task);
		array_text(&token, m->token);
		move_hold_json(&holds, i + 1, m);
		move_calls_json(&calls, i + 1, m);
		move_caps_json(&caps, i + 1, m);
	}
	params_array(p, &task);
	params_array(p, &token);
	params_text(p, move_json_end(&holds));
	params_text(p, move_json_end(&calls));
	params_text(p, move_json_end(&caps));
}

static const struct kind of_tasks = {
	{"commit", "SELECT ord, status, last_seq, cancel, now_us, code, message FROM agentd.commit_steps("
		   "$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)"},
	write_steps};
static const struct kind of_door = {
	{"door_commit", "SELECT ord, status, last_seq, cancel, now_us, code, message FROM agentd.door_commit($1, $2, $3, $4, $5)"}, write_door};

static int read_rows(struct call *c, const PGresult *r, struct err *err)
{
	const struct batch *b = (const struct batch *)c;

	if ((size_t)PQntuples(r) != b->n)
		return err_set(err, ERR_PG, "%s: %d answers to %zu moves", c->stmt->name, PQntuples(r), b->n);
	c->result = (void *)r;
	return 0;
}

static void on_batch(struct op *op, void *arg);

static void send_batch(struct commits *c, struct pending *const *v, size_t n)
{
	struct arena *a = arena_new(NULL);
	struct batch *b = ARENA_NEW(a, struct batch);

	call_init(&b->call, c->store, a, &c->kind->stmt);
	b->call.patient = true;
	b->commits = c;
	b->v = arena_dup(a, v, n * sizeof *v);
	b->n = n;
	for (size_t i = 0; i < n; i++) {
		b->finishes |= v[i]->move->next == MOVE_FINISH;
		b->releases |= v[i]->move->next == MOVE_RELEASE;
	}
	c->kind->write(&b->call.params, a, v, n);
	b->next = c->in_flight;
	if (b->next)
		b->next->prev = b;
	c->in_flight = b;
	c->n_in_flight++;
	CRASHPOINT("commit.before_send");
	if (b->finishes)
		CRASHPOINT("finish.before_send");
	call_start(&b->call, 0, read_rows, on_batch, b);
	CRASHPOINT("commit.after_send");
	/* Who waits for an end may ask now: over the same connection its question comes behind this, and is answered with it. */
	if (b->finishes)
		store_tell(c->store, "agentd_done");
}

/* --- choosing what leaves --- */

static void flush(void *arg)
{
	struct commits *c = arg;
	struct arena *scratch;
	struct taskset seen;
	struct pending **at = &c->head, **v;
	size_t n = 0;

	if (!c->head || c->closed || loop_timer_is_set(c->retry) || c->n_in_flight >= MAX_IN_FLIGHT ||
	    (c->n_in_flight > 0 && c->n_waiting < c->max_batch))
		return;
	scratch = arena_new(NULL);
	v = ARENA_ARRAY(scratch, c->max_batch, struct pending *);
	taskset_init(&seen, scratch, c->n_waiting + c->n_in_flight * c->max_batch);
	for (const struct batch *b = c->in_flight; b; b = b->next)
		for (size_t i = 0; i < b->n; i++)
			taskset_add(&seen, &b->v[i]->move->task);
	while (*at && n < c->max_batch) {
		struct pending *p = *at;

		if (!taskset_add(&seen, &p->move->task)) {
			at = &p->next;
			continue;
		}
		*at = p->next;
		v[n++] = p;
	}
	for (c->tail = at; *c->tail;)
		c->tail = &(*c->tail)->next;
	c->n_waiting -= n;
	if (n > 0)
		send_batch(c, v, n);
	arena_free(scratch);
}

static void on_retry(void *arg)
{
	flush(arg);
}

static void push_front(struct commits *c, struct pending *p)
{
	p->next = c->head;
	c->head = p;
	if (!p->next)
		c->tail = &p->next;
	c->n_waiting++;
}

/* --- answers --- */

static void complete(struct pending *p, const struct move_result *r)
{
	p->done(p->arg, r);
	arena_free(p->arena);
}

/* What caps refuse comes with their figures. */
static void read_refusal(struct arena *a, const char *code, struct str message, struct move_result *ret)
{
	enum err_code c = err_by_name(code);

	if (strcmp(code, "budget.cap") == 0 && json_parse(a, message, NULL, &ret->refusal, NULL) == 0) {
		c = ERR_BUDGET_USD;
		message = json_str(json_getc(ret->refusal, "message"));
	}
	err_set(&ret->err, c == ERR_NONE ? ERR_PG : c, STR_FMT, STR_ARG(message));
}

static void read_result(struct arena *a, const PGresult *r, int row, struct move_result *ret)
{
	static const struct {
		const char *name;
		enum move_status status;
	} statuses[] = {{"ok", MOVE_OK}, {"already", MOVE_ALREADY}, {"stale", MOVE_STALE}, {"refused", MOVE_REFUSED}};
	struct str status = field_str(r, row, COL_STATUS);

	*ret = (struct move_result){
		.status = MOVE_REFUSED,
		.last_seq = field_int(r, row, COL_LAST_SEQ),
		.cancel = field_bool(r, row, COL_CANCEL),
		.now_us = field_int(r, row, COL_NOW),
	};
	for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
		if (str_is(status, statuses[i].name))
			ret->status = statuses[i].status;
	if (ret->status == MOVE_REFUSED) {
		read_refusal(a, PQgetvalue(r, row, COL_CODE), field_str(r, row, COL_MESSAGE), ret);
	} else if (ret->status == MOVE_STALE) {
		err_set(&ret->err, ERR_LEASE_LOST, "the task belongs to another attempt");
	}
}

static void fail_one(struct pending *p, enum move_status status, const struct err *err)
{
	struct move_result r = {.status = status, .err = *err};

	complete(p, &r);
}

static void count_call(const struct model_call *c)
{
	struct str model = c->model_asked, outcome = c->error_class.n ? c->error_class : STR("ok");
	const struct {
		const char *type;
		int64_t n;
	} tokens[] = {
		{"input", c->usage.in_fresh},	       {"input_cached", c->usage.in_cached},
		{"input_cache_write", c->usage.in_write_5m + c->usage.in_write_1h},
		{"output", c->usage.out_text},	       {"output_reasoning", c->usage.out_reason},
	};

	metric_add(METRIC_MODEL_CALLS, 1, c->tier, c->provider, model, outcome);
	metric_add(METRIC_MODEL_COST, c->cost_pusd, c->tier, c->provider, model);
	metric_add(METRIC_MODEL_DURATION, c->total_ms, c->provider, model);
	for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++)
		if (tokens[i].n > 0)
			metric_add(METRIC_MODEL_TOKENS, tokens[i].n, c->tier, c->provider, model, str_from(tokens[i].type));
}

static void count_move(const struct move *m, enum move_status status)
{
	if (status != MOVE_OK && status != MOVE_ALREADY)
		return;
	for (size_t i = 0; i < m->n_calls; i++)
		count_call(&m->calls[i]);
	if (m->count_failure)
		metric_add(METRIC_FAILURES, 1, STR_NONE);
}

static void answer_batch(struct batch *b)
{
	struct commits *c = b->commits;
	const PGresult *r = b->call.result;

	/* From the last to the first, so that busy moves come back to the front in their order. */
	for (size_t i = b->n; i-- > 0;) {
		if (!str_is(field_str(r, (int)i, COL_STATUS), "busy"))
			continue;
		if (c->closed) {
			fail_one(b->v[i], MOVE_CANCELLED, &(struct err){.code = ERR_CANCELLED, .msg = "the store is closed"});
			b->v[i] = NULL;
			continue;
		}
		push_front(c, b->v[i]);
		b->v[i] = NULL;
		loop_timer_set(c->retry, BUSY_RETRY_MS);
	}
	for (size_t i = 0; i < b->n; i++) {
		struct move_result result;

		if (!b->v[i])
			continue;
		read_result(b->v[i]->arena, r, (int)i, &result);
		count_move(b->v[i]->move, result.status);
		complete(b->v[i], &result);
	}
	if (b->finishes && b->call.repeats > 0)	/* it went behind who asked meanwhile */
		store_tell(c->store, "agentd_done");
	if (b->releases)
		store_tell(c->store, "agentd_work");
}

static void unlink_batch(struct batch *b)
{
	struct commits *c = b->commits;

	if (b->prev)
		b->prev->next = b->next;
	else
		c->in_flight = b->next;
	if (b->next)
		b->next->prev = b->prev;
	c->n_in_flight--;
}

static void on_batch(struct op *op, void *arg)
{
	struct batch *b = arg;
	struct commits *c = b->commits;

	unlink_batch(b);
	CRASHPOINT("commit.after_reply");
	if (b->finishes)
		CRASHPOINT("finish.after_reply");
	if (op->err->code == ERR_NONE) {
		answer_batch(b);
	} else if (op->err->code == ERR_CANCELLED || c->closed) {
		for (size_t i = 0; i < b->n; i++)
			fail_one(b->v[i], MOVE_CANCELLED, op->err);
		return;
	} else if (b->n == 1) {
		log_error("commit.refused", "error=%s", log_quotec(op->err->msg));
		fail_one(b->v[0], MOVE_REFUSED, op->err);
	} else {
		log_warn("commit.halved", "moves=%zu error=%s", b->n, log_quotec(op->err->msg));
		send_batch(c, b->v, b->n / 2);
		send_batch(c, b->v + b->n / 2, b->n - b->n / 2);
	}
}

/* --- public --- */

/* Nothing to do but to make the loop turn, at whose end flush() runs. */
static void turn(void *arg)
{
	(void)arg;
}

static void cancel_waiting(void *arg)
{
	struct commits *c = arg;
	struct err err;

	err_set(&err, ERR_CANCELLED, "the store is closed");
	while (c->head) {
		struct pending *p = c->head;

		c->head = p->next;
		if (!c->head)
			c->tail = &c->head;
		c->n_waiting--;
		fail_one(p, MOVE_CANCELLED, &err);
	}
}

void queue_commit(struct store *s, const struct move *m, move_done_fn *done, void *arg)
{
	struct commits *c = m->token.p ? store_door(s) : store_commits(s);
	struct arena *a = arena_new(NULL);
	struct pending *p = ARENA_NEW(a, struct pending);

	p->arena = a;
	p->move = m;
	p->done = done;
	p->arg = arg;
	if (!c->head)
		loop_defer(store_loop(s), c->closed ? cancel_waiting : turn, c);
	*c->tail = p;
	c->tail = &p->next;
	c->n_waiting++;
}

void queue_set_batch(struct store *s, int max_moves)
{
	store_commits(s)->max_batch = store_door(s)->max_batch = max_moves > 0 ? (size_t)max_moves : 1;
}

static struct commits *commits_of(struct store *s, const struct kind *kind)
{
	struct arena *a = arena_new(NULL);
	struct commits *c = ARENA_NEW(a, struct commits);

	c->arena = a;
	c->store = s;
	c->kind = kind;
	c->tail = &c->head;
	c->max_batch = DEFAULT_BATCH;
	c->turn = loop_turn_new(store_loop(s), flush, c);
	c->retry = loop_timer_new(store_loop(s), on_retry, c);
	return c;
}

struct commits *commits_new(struct store *s)
{
	return commits_of(s, &of_tasks);
}

struct commits *commits_new_door(struct store *s)
{
	return commits_of(s, &of_door);
}

/* Batches that were on their way complete as cancelled by the store. */
void commits_stop(struct commits *c)
{
	c->closed = true;
	loop_turn_free(c->turn);
	loop_timer_free(c->retry);
	loop_defer(store_loop(c->store), cancel_waiting, c);
}

void commits_free(struct commits *c)
{
	arena_free(c->arena);
}
