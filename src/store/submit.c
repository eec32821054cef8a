/* submit.c - group commit of submissions.
 *
 * A submission that gives up waiting (deadline, cancel) leaves its place empty: the batch goes on, and the answer to the
 * client's repetition by key tells what became of it.
 */
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/crash.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "base/metric.h"
#include "store/call.h"
#include "store/queue.h"
#include "store/tasks.h"

enum { MAX_BATCH = 500, MAX_IN_FLIGHT = 2 };
enum { REFUSED_MS = 15000 };	/* the next measures will have been taken by then */

struct submit {
	struct op op;			/* first */
	struct submits *submits;
	const struct submission *sub;
	struct uuid id;
	bool new_id;			/* because the clocks disagree; once is enough */
	struct submit *prev, *next;	/* while it waits */
	struct submit **place;		/* in its batch, once it was sent */
	struct loop_timer *deadline;
	int64_t deadline_ms;
	struct submitted result;
};

/* What an attempt needs to know: submissions do not outlive their requests. */
struct start {
	struct claimed *claimed;
	struct claimed_words words;
};

struct batch {
	struct call call;		/* first */
	struct submits *submits;
	struct submit **v;		/* NULL: gave up */
	size_t n;
	struct start *start;		/* of each, where a worker has room; else NULL */
	struct uuid worker;
	int claim;
};

struct submits {
	struct arena *arena;
	struct store *store;
	struct loop_turn *turn;
	struct submit *head, *last;
	size_t n_waiting, n_in_flight;
	bool closed;
	struct taker taker;
};

static const struct stmt submit_stmt = {
	"submit", "SELECT ord, status, task, state, body, message, taken, bundle, budget, created_us, deadline_us FROM "
		  "agentd.submit_batch($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, NULL, NULL, $13, $14, $15, $16)"};
enum submit_col { COL_ORD, COL_STATUS, COL_TASK, COL_STATE, COL_BODY, COL_MESSAGE, COL_TAKEN, COL_BUNDLE, COL_BUDGET, COL_CREATED, COL_DEADLINE };

static void finish(struct submit *u, const struct err *err)
{
	loop_timer_free(u->deadline);
	u->deadline = NULL;
	op_complete(&u->op, err);
}

static void turn(void *arg)
{
	(void)arg;
}

static void wait_in_line(struct submit *u)
{
	struct submits *s = u->submits;

	if (!s->head)
		loop_defer(store_loop(s->store), turn, NULL);
	u->prev = s->last;
	u->next = NULL;
	*(s->last ? &s->last->next : &s->head) = u;
	s->last = u;
	s->n_waiting++;
}

static void unlink_waiting(struct submit *u)
{
	struct submits *s = u->submits;

	*(u->prev ? &u->prev->next : &s->head) = u->next;
	*(u->next ? &u->next->prev : &s->last) = u->prev;
	s->n_waiting--;
}

static void give_up(struct submit *u)
{
	if (u->place)
		*u->place = NULL;
	else
		unlink_waiting(u);
	u->place = NULL;
}

static void on_cancel(struct op *op)
{
	struct submit *u = (struct submit *)op;
	struct err err;

	give_up(u);
	err_set(&err, ERR_CANCELLED, "cancelled");
	finish(u, &err);
}

static void on_deadline(void *arg)
{
	struct submit *u = arg;
	struct err err;

	give_up(u);
	err_set(&err, ERR_PG_DOWN, "no answer from the database within %lld ms", (long long)u->deadline_ms);
	err.retry_after_ms = 1000;
	finish(u, &err);
}

/* --- a batch --- */

static void add_who(struct params *p, struct arena *a, struct submit *const *v, size_t n)
{
	struct array key, route, request, principal;

	array_begin(&key, a, ARRAY_TEXT);
	array_begin(&route, a, ARRAY_TEXT);
	array_begin(&request, a, ARRAY_BYTEA);
	array_begin(&principal, a, ARRAY_TEXT);
	for (size_t i = 0; i < n; i++) {
		const struct submission *u = v[i]->sub;

		array_text(&key, u->idempotency_key);
		array_text(&route, u->route.p ? u->route : STR(""));
		array_bytes(&request, u->request.b, sizeof u->request.b);
		array_text(&principal, u->by.name.p ? u->by.name : STR(""));
	}
	params_array(p, &key);
	params_array(p, &route);
	params_array(p, &request);
	params_array(p, &principal);
}

static void add_what(struct params *p, struct arena *a, struct submit *const *v, size_t n)
{
	struct array id, workflow, input, urgency, labels, budget, run_at, deadline;

	array_begin(&id, a, ARRAY_UUID);
	array_begin(&workflow, a, ARRAY_TEXT);
	array_begin(&input, a, ARRAY_JSON);
	array_begin(&urgency, a, ARRAY_TEXT);
	array_begin(&labels, a, ARRAY_JSON);
	array_begin(&budget, a, ARRAY_JSON);
	array_begin(&run_at, a, ARRAY_INT8);
	array_begin(&deadline, a, ARRAY_INT8);
	for (size_t i = 0; i < n; i++) {
		const struct submission *u = v[i]->sub;

		array_uuid(&id, &v[i]->id);
		array_text(&workflow, u->workflow);
		array_json(&input, u->input ? u->input : json_empty_object());
		array_text(&urgency, u->urgency.p ? u->urgency : STR("normal"));
		array_json(&labels, json_len(u->labels) ? u->labels : NULL);
		array_json(&budget, u->budget);
		array_int8(&run_at, u->run_at_us);
		array_int8(&deadline, u->deadline_us);
	}
	params_array(p, &id);
	params_array(p, &workflow);
	params_array(p, &input);
	params_array(p, &urgency);
	params_array(p, &labels);
	params_array(p, &budget);
	params_array(p, &run_at);
	params_array(p, &deadline);
}

/* Null as a whole where no task has one, as nearly always. */
static void add_webhooks(struct params *p, struct arena *a, struct submit *const *v, size_t n)
{
	struct array webhook;
	bool any = false;

	for (size_t i = 0; i < n && !any; i++)
		any = v[i]->sub->webhook;
	if (!any) {
		params_text(p, STR_NONE);
		return;
	}
	array_begin(&webhook, a, ARRAY_JSON);
	for (size_t i = 0; i < n; i++)
		array_json(&webhook, v[i]->sub->webhook);
	params_array(p, &webhook);
}

/* --- starting at once --- */

static struct start start_of(struct arena *parent, const struct submit *u)
{
	const struct submission *sub = u->sub;
	struct arena *a = arena_new(parent);
	struct claimed *c = ARENA_NEW(a, struct claimed);

	c->arena = a;
	c->task = u->id;
	c->fence = 1;
	c->workflow = str_dup(a, sub->workflow);
	c->input = sub->input ? json_copy(a, sub->input) : json_empty_object();
	return (struct start){
		.claimed = c,
		.words = {
			.urgency = sub->urgency.p ? str_dup(a, sub->urgency) : STR("normal"),
			.submitted_by = sub->by.name.p ? str_dup(a, sub->by.name) : STR(""),
			.labels = json_len(sub->labels) ? json_copy(a, sub->labels) : NULL,
		},
	};
}

static void ask_for_room(struct batch *b)
{
	struct submits *s = b->submits;
	struct params *p = &b->call.params;
	bool room = s->taker.room && s->taker.room(s->taker.arg, b->n, &b->worker);

	if (room) {
		b->claim = store_next_claim(s->store);
		b->start = ARENA_ARRAY(b->call.op.arena, b->n, struct start);
		for (size_t i = 0; i < b->n; i++)
			b->start[i] = start_of(b->call.op.arena, b->v[i]);
	}
	params_uuid(p, &b->worker);
	params_int(p, b->claim);
	params_int(p, room ? (int64_t)b->n : 0);
}

static int read_start(struct start *t, const PGresult *r, int row)
{
	struct claimed *c = t->claimed;
	struct err err;

	c->created_us = field_int(r, row, COL_CREATED);
	c->deadline_us = field_int(r, row, COL_DEADLINE);
	if (!field_digest(r, row, COL_BUNDLE, &c->bundle) || field_json(c->arena, r, row, COL_BUDGET, &c->budget, &err) < 0)
		return -1;
	c->facts = claimed_facts(c, &t->words);
	return 0;
}

/* An answer that cannot be read is asked for once more, as a claim's, which knows what to do then. */
static void tell_taker(struct batch *b)
{
	const struct submits *s = b->submits;
	const PGresult *r = b->call.op.err->code == ERR_NONE ? b->call.result : NULL;
	struct taken t = {.worker = b->worker, .claims.next_due_ms = -1};
	struct claimed **v = ARENA_ARRAY(b->call.op.arena, b->n, struct claimed *);

	for (size_t i = 0; r && i < b->n; i++) {
		if (!field_bool(r, (int)i, COL_TAKEN))
			continue;
		if (read_start(&b->start[i], r, (int)i) < 0) {
			t.unsure = b->claim;
			continue;
		}
		v[t.claims.n] = b->start[i].claimed;
		t.claims.now_us = v[t.claims.n++]->created_us;
	}
	t.claims.v = v;
	if (b->call.sent_again && t.claims.n == 0)
		t.unsure = b->claim;
	if (t.unsure)
		t.claims.n = 0;
	if (s->taker.taken)
		s->taker.taken(s->taker.arg, &t);
}

static int read_rows(struct call *c, const PGresult *r, struct err *err)
{
	const struct batch *b = (const struct batch *)c;

	if ((size_t)PQntuples(r) != b->n)
		return err_set(err, ERR_PG, "submit_batch: %d answers to %zu submissions", PQntuples(r), b->n);
	c->result = (void *)r;
	return 0;
}

static void on_batch(struct op *op, void *arg);

static void send_batch(struct submits *s, struct submit *const *v, size_t n)
{
	struct arena *a = arena_new(NULL);
	struct batch *b = ARENA_NEW(a, struct batch);

	call_init(&b->call, s->store, a, &submit_stmt);
	b->submits = s;
	b->v = arena_dup(a, v, n * sizeof *v);
	b->n = n;
	for (size_t i = 0; i < n; i++)
		b->v[i]->place = &b->v[i];
	add_what(&b->call.params, a, v, n);
	add_who(&b->call.params, a, v, n);
	ask_for_room(b);
	add_webhooks(&b->call.params, a, v, n);
	s->n_in_flight++;
	CRASHPOINT("submit.before_send");
	call_start(&b->call, 0, read_rows, on_batch, b);
}

static void flush(void *arg)
{
	struct submits *s = arg;
	struct submit *v[MAX_BATCH];
	size_t n = 0;

	if (!s->head || s->closed || s->n_in_flight >= MAX_IN_FLIGHT || (s->n_in_flight > 0 && s->n_waiting < MAX_BATCH))
		return;
	while (s->head && n < MAX_BATCH) {
		v[n] = s->head;
		unlink_waiting(v[n++]);
	}
	send_batch(s, v, n);
}

/* --- answers --- */

static int read_submitted(struct submit *u, const PGresult *r, int row, struct err *err)
{
	static const struct {
		const char *status;
		enum err_code code;
		int http;
	} refusals[] = {
		{"not_found", ERR_NOT_FOUND, 404},
		{"invalid", ERR_INVALID, 422},
		{"key_conflict", ERR_INVALID, 422},
		{"id_conflict", ERR_CONFLICT, 409},
		{"refused", ERR_REFUSED, 503},
		{"clock", ERR_PG_DOWN, 503},
	};
	struct str status = field_str(r, row, COL_STATUS), message = field_str(r, row, COL_MESSAGE);
	struct arena *a = u->op.arena;

	metric_add(METRIC_SUBMISSIONS, 1, status);
	for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++)
		if (str_is(status, refusals[i].status)) {
			err_set(err, refusals[i].code, STR_FMT, STR_ARG(message));
			err->status = refusals[i].http;
			err->retry_after_ms = refusals[i].code == ERR_REFUSED ? REFUSED_MS : refusals[i].code == ERR_PG_DOWN ? 1000 : 0;
			return -1;
		}
	u->result.id = field_uuid(r, row, COL_TASK);
	u->result.replayed = str_is(status, "replayed");
	u->result.state = str_dup(a, field_str(r, row, COL_STATE));
	u->result.body = str_dup(a, field_str(r, row, COL_BODY));
	return 0;
}

/* The half that goes again holds only those that still wait. */
static void send_again(struct batch *b, size_t from, size_t to)
{
	size_t n = 0;

	for (size_t i = from; i < to; i++)
		if (b->v[i])
			b->v[from + n++] = b->v[i];
	if (n > 0)
		send_batch(b->submits, b->v + from, n);
}

/* This host's clock is not the database's, whose time ids carry: nothing was written, so another id may be had. */
static bool follow_clock(struct submit *u, const PGresult *r, int row, bool *followed)
{
	int64_t now_us = field_int(r, row, COL_BODY);

	if (u->new_id || u->submits->closed || !str_is(field_str(r, row, COL_STATUS), "clock"))
		return false;
	if (!*followed) {
		log_warn("store.clock", "host_is_ahead_s=%lld", (long long)((clock_wall_us() - now_us) / 1000000));
		uuid_follow(now_us);
		*followed = true;
	}
	if (u->sub->fixed_id)
		return false;
	u->new_id = true;
	u->id = uuid_new();
	wait_in_line(u);
	return true;
}

/* Something new that a worker has yet to claim. */
static bool leaves_work(const struct batch *b)
{
	const PGresult *r = b->call.result;

	for (size_t i = 0; i < b->n; i++)
		if (str_is(field_str(r, (int)i, COL_STATUS), "new") && !field_bool(r, (int)i, COL_TAKEN))
			return true;
	return false;
}

static void on_batch(struct op *op, void *arg)
{
	struct batch *b = arg;
	struct submits *s = b->submits;
	bool followed = false;

	s->n_in_flight--;
	CRASHPOINT("submit.after_reply");
	if (b->start)
		tell_taker(b);
	if (op->err->code != ERR_NONE && op->err->code != ERR_CANCELLED && b->n > 1) {
		send_again(b, 0, b->n / 2);
		send_again(b, b->n / 2, b->n);
		return;
	}
	for (size_t i = 0; i < b->n; i++) {
		struct submit *u = b->v[i];
		struct err err = *op->err;

		if (!u)
			continue;
		u->place = NULL;
		if (op->err->code == ERR_NONE && follow_clock(u, b->call.result, (int)i, &followed))
			continue;
		if (op->err->code == ERR_NONE)
			read_submitted(u, b->call.result, (int)i, &err);
		finish(u, &err);
	}
	if (op->err->code == ERR_NONE && leaves_work(b))
		store_tell(s->store, "agentd_work");
}

/* --- public --- */

struct op *tasks_submit(struct store *st, struct arena *a, const struct submission *sub, int64_t deadline_ms,
			op_done_fn *done, void *arg)
{
	struct submits *s = store_submits(st);
	struct submit *u = ARENA_NEW(a, struct submit);
	struct err err;

	u->submits = s;
	u->sub = sub;
	u->id = sub->id;
	u->deadline_ms = deadline_ms;
	op_init(&u->op, store_loop(st), a, on_cancel, done, arg);
	if (s->closed) {
		err_set(&err, ERR_CANCELLED, "the store is closed");
		op_complete(&u->op, &err);
		return &u->op;
	}
	if (deadline_ms > 0) {
		u->deadline = loop_timer_new(store_loop(st), on_deadline, u);
		loop_timer_set(u->deadline, deadline_ms);
	}
	wait_in_line(u);
	return &u->op;
}

const struct submitted *tasks_submitted_of(const struct op *op)
{
	return &((const struct submit *)op)->result;
}

void queue_set_taker(struct store *st, const struct taker *t)
{
	store_submits(st)->taker = t ? *t : (struct taker){0};
}

struct submits *submits_new(struct store *st)
{
	struct arena *a = arena_new(NULL);
	struct submits *s = ARENA_NEW(a, struct submits);

	s->arena = a;
	s->store = st;
	s->turn = loop_turn_new(store_loop(st), flush, s);
	return s;
}

void submits_stop(struct submits *s)
{
	s->closed = true;
	loop_turn_free(s->turn);
	while (s->head)
		op_cancel(&s->head->op);
}

void submits_free(struct submits *s)
{
	arena_free(s->arena);
}
