/* queue.c - submit, claim, commit, finish on a real cluster; group commit, refused culprits, lost connections, restarts. */
#include "store/queue.h"

#include <check.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/json.h"
#include "base/log.h"
#include "base/loop.h"
#include "cluster.h"
#include "store/store.h"
#include "store/tasks.h"

static struct loop *loop;
static struct store *store;
static struct uuid worker;
static struct arena *arena;

/* --- waiting --- */

struct answer {
	int done;
	struct err err;
	struct arena *keep;
	struct claims claims;
	struct submitted submitted;
};

static void on_done(struct op *op, void *arg)
{
	struct answer *w = arg;

	w->err = *op->err;
	w->done++;
}

static void run_until(const int *counter, int wanted)
{
	int64_t end = clock_boot_ms() + 60000;

	while (*counter < wanted) {
		ck_assert_msg(clock_boot_ms() < end, "no end after 60 s: %d of %d", *counter, wanted);
		loop_once(loop);
	}
}

/* A timer that turns the loop, so that run_until() can look at its clock. */
static struct loop_timer *tick;
static void on_tick(void *arg)
{
	(void)arg;
	loop_timer_set(tick, 100);
}

static void setup(void)
{
	log_set_level(LOG_LEVEL_ERROR);
	cluster_sql("DELETE FROM agentd.task_queue");
	arena = arena_new(NULL);
	loop = loop_new();
	tick = loop_timer_new(loop, on_tick, NULL);
	loop_timer_set(tick, 100);
	store = store_open(loop, cluster_conninfo(), "test");
}

static void teardown(void)
{
	store_close(store);
	loop_timer_free(tick);
	loop_free(loop);
	arena_free(arena);
}

static void register_worker(void)
{
	struct str lanes[] = {STR("default")};
	struct answer w = {0};
	struct worker_row row = {.host = "test", .pid = 1, .lanes = lanes, .n_lanes = 1, .lease_ms = 60000, .semantics = 1};

	row.id = worker = uuid_new();
	queue_register(store, arena_new(NULL), &row, on_done, &w);
	run_until(&w.done, 1);
	ck_assert_int_eq(w.err.code, ERR_NONE);
}

/* --- submissions --- */

static void on_submitted(struct op *op, void *arg)
{
	struct answer *w = arg;

	w->err = *op->err;
	w->submitted = *tasks_submitted_of(op);
	w->submitted.body = str_dup(arena, w->submitted.body);
	w->submitted.state = str_dup(arena, w->submitted.state);
	w->done++;
}

static struct submission submission_of(const char *workflow)
{
	struct submission s = {.id = uuid_new(), .workflow = str_from(workflow), .urgency = STR("normal")};

	s.by.name = STR("os:test");
	s.route = STR("POST /tasks");
	s.input = json_empty_object();
	digest_of(s.workflow, &s.request);
	return s;
}

static void submit_many(const char *workflow, int n)
{
	struct answer *w = ARENA_ARRAY(arena, (size_t)n, struct answer);
	struct submission *s = ARENA_ARRAY(arena, (size_t)n, struct submission);

	for (int i = 0; i < n; i++) {
		s[i] = submission_of(workflow);
		tasks_submit(store, arena_new(NULL), &s[i], 0, on_submitted, &w[i]);
	}
	for (int i = 0; i < n; i++) {
		run_until(&w[i].done, 1);
		ck_assert_msg(w[i].err.code == ERR_NONE, "%s", w[i].err.msg);
	}
}

/* --- claims --- */

static void on_claims(struct op *op, void *arg)
{
	struct answer *w = arg;
	const struct claims *c = queue_claims_of(op);

	w->err = *op->err;
	w->done++;
	if (!c)
		return;
	w->claims = *c;
	w->claims.v = arena_dup(arena, c->v, c->n * sizeof *c->v);
	for (size_t i = 0; i < c->n; i++)
		arena_move(c->v[i]->arena, arena);
}

static struct claims claim_again(int limit, int again)
{
	struct answer w = {0};

	queue_claim(store, arena_new(NULL), &worker, limit, again, on_claims, &w);
	run_until(&w.done, 1);
	ck_assert_msg(w.err.code == ERR_NONE, "%s", w.err.msg);
	return w.claims;
}

static struct claims claim(int limit)
{
	return claim_again(limit, 0);
}

/* Of claims that are many under way at once, some of which outlive their test: only how many tasks came. */
static void on_any_claims(struct op *op, void *arg)
{
	const struct claims *c = queue_claims_of(op);
	size_t *n = arg;

	if (c)
		*n += c->n;
}

/* --- moves --- */

struct outcome {
	int done;
	struct move_result r;
};

static void on_move(void *arg, const struct move_result *r)
{
	struct outcome *o = arg;

	o->r = *r;
	o->done++;
}

static struct journal_row *row_of(const char *path, const char *kind, const char *value)
{
	struct journal_row *r = ARENA_NEW(arena, struct journal_row);

	r->path = str_from(path);
	r->kind = str_from(kind);
	r->step_kind = STR("set");
	r->attempt_try = 1;
	ck_assert_int_eq(json_parse(arena, str_from(value), NULL, &r->value, NULL), 0);
	return r;
}

static struct move *move_of(const struct claimed *c, enum move_next next, const char *state)
{
	struct move *m = ARENA_NEW(arena, struct move);

	m->task = c->task;
	m->fence = c->fence;
	m->next = next;
	m->state = str_from(state);
	m->output = next == MOVE_FINISH ? json_int(arena, 7) : NULL;
	return m;
}

static struct move_result commit(const struct move *m)
{
	struct outcome o = {0};

	queue_commit(store, m, on_move, &o);
	ck_assert_int_eq(o.done, 0);
	run_until(&o.done, 1);
	return o.r;
}

static void wait_up(void)
{
	int64_t end = clock_boot_ms() + 30000;

	while (!store_is_up(store)) {
		ck_assert(clock_boot_ms() < end);
		loop_once(loop);
	}
}

/* ------------------------------------------------------------------ */

START_TEST(submit_claim_commit_finish)
{
	struct claims c;
	struct move *m;
	struct move_result r;
	struct submission s = submission_of("paid");
	struct answer w = {0}, again = {0};

	register_worker();
	s.idempotency_key = STR("key-1");
	ck_assert_int_eq(json_parse(arena, STR("{\"z\":1.50,\"a\":\"\\u00e9\\\"\"}"), NULL, &s.input, NULL), 0);
	tasks_submit(store, arena_new(NULL), &s, 0, on_submitted, &w);
	run_until(&w.done, 1);
	ck_assert_msg(w.err.code == ERR_NONE, "%s", w.err.msg);
	ck_assert(!w.submitted.replayed && uuid_eq(&w.submitted.id, &s.id));
	s.id = uuid_new();
	tasks_submit(store, arena_new(NULL), &s, 0, on_submitted, &again);
	run_until(&again.done, 1);
	ck_assert(again.submitted.replayed && uuid_eq(&w.submitted.id, &again.submitted.id));
	ck_assert(str_eq(w.submitted.body, again.submitted.body));

	c = claim(10);
	ck_assert_uint_eq(c.n, 1);
	ck_assert(uuid_eq(&c.v[0]->task, &w.submitted.id));
	ck_assert_int_eq(c.v[0]->fence, 1);
	ck_assert_str_eq(json_text(arena, c.v[0]->input).p, "{\"z\":1.50,\"a\":\"\xc3\xa9\\\"\"}");
	ck_assert(str_is(json_str(json_getc(c.v[0]->budget, "usd")), "1"));
	ck_assert(c.v[0]->deadline_us > c.v[0]->created_us);
	ck_assert(str_is(json_str(json_getc(c.v[0]->facts, "submitted_by")), "os:test"));

	m = move_of(c.v[0], MOVE_STAY, "");
	m->rows = row_of("a", "step.succeeded", "{\"output\":[1,2.0]}");
	m->n_rows = 1;
	r = commit(m);
	ck_assert_int_eq(r.status, MOVE_OK);
	ck_assert_int_eq(r.last_seq, 1);
	ck_assert_int_eq(commit(m).status, MOVE_ALREADY);
	m->rows = row_of("a", "step.succeeded", "{\"output\":[1,3.0]}");
	r = commit(m);
	ck_assert_int_eq(r.status, MOVE_REFUSED);
	ck_assert_int_eq(r.err.code, ERR_JOURNAL_CONFLICT);

	/* Released, claimed again: the journal comes with it. */
	m = move_of(c.v[0], MOVE_RELEASE, "");
	ck_assert_int_eq(commit(m).status, MOVE_OK);
	ck_assert_int_eq(commit(m).status, MOVE_ALREADY);
	c = claim(10);
	ck_assert_uint_eq(c.n, 1);
	ck_assert_int_eq(c.v[0]->fence, 2);
	ck_assert_uint_eq(c.v[0]->n_rows, 1);
	ck_assert_str_eq(json_text(arena, c.v[0]->rows[0].value).p, "{\"output\":[1,2.0]}");
	ck_assert_int_eq(c.v[0]->last_seq, 1);
	m->rows = row_of("b", "step.started", "{}");
	m->n_rows = 1;
	m->next = MOVE_STAY;
	ck_assert_int_eq(commit(m).status, MOVE_STALE);

	m = move_of(c.v[0], MOVE_FINISH, "succeeded");
	ck_assert_int_eq(commit(m).status, MOVE_OK);
	ck_assert_int_eq(commit(m).status, MOVE_ALREADY);
	ck_assert_int_eq(cluster_number("SELECT count(*) FROM agentd.task_queue"), 0);
	ck_assert_str_eq(cluster_sql("SELECT state, output FROM agentd.tasks ORDER BY id DESC LIMIT 1"), "succeeded|7");
}
END_TEST

START_TEST(holds_and_calls)
{
	struct claims c;
	struct move *m;
	struct spend_hold h = {.path = STR("a/turn-1"), .amount_pusd = PUSD_PER_USD / 10 * 6, .expires_ms = 60000};
	struct spend_limit limit = {.path = STR("a"), .limit_pusd = PUSD_PER_USD / 10 * 7};
	struct model_call call = {.path = STR("a/turn-1"), .attempt = 1, .tier = STR("t"), .provider = STR("p"), .model_asked = STR("m"),
				  .http_status = 200, .cost_pusd = 1234567, .cost_source = "provider"};
	struct move_result r;

	register_worker();
	submit_many("paid", 1);
	c = claim(1);
	m = move_of(c.v[0], MOVE_STAY, "");
	h.id = uuid_new();
	h.limits = &limit;
	h.n_limits = 1;
	m->hold = &h;
	ck_assert_int_eq(commit(m).status, MOVE_OK);
	ck_assert_int_eq(commit(m).status, MOVE_OK);
	ck_assert_str_eq(cluster_sql("SELECT held_usd FROM agentd.task_queue"), "0.600000000000");
	call.hold = h.id;
	call.id = uuid_new();
	h.id = uuid_new();
	r = commit(m);
	ck_assert_int_eq(r.status, MOVE_REFUSED);
	ck_assert_int_eq(r.err.code, ERR_BUDGET_USD);
	/* Settled, there is room again; sent twice, booked once. */
	m->calls = &call;
	m->n_calls = 1;
	m->hold = NULL;
	ck_assert_int_eq(commit(m).status, MOVE_OK);
	ck_assert_int_eq(commit(m).status, MOVE_OK);
	ck_assert_str_eq(cluster_sql("SELECT held_usd, spent_usd FROM agentd.task_queue"), "0.000000000000|0.000001234567");
	m->calls = NULL;
	m->n_calls = 0;
	m->hold = &h;
	ck_assert_int_eq(commit(m).status, MOVE_OK);
	m = move_of(c.v[0], MOVE_FINISH, "failed");
	ck_assert_int_eq(commit(m).status, MOVE_OK);
	ck_assert_str_eq(cluster_sql("SELECT cost_usd FROM agentd.tasks ORDER BY id DESC LIMIT 1"), "0.600001234567");
}
END_TEST

START_TEST(effects)
{
	struct claims c;
	struct move *m;
	struct effect_change e = {.path = STR("a"), .tool = STR("mail.send"), .effect_class = STR("at_most_once"), .to = EFFECT_DISPATCHED};

	register_worker();
	submit_many("noop", 1);
	c = claim(1);
	digest_of(STR("key"), &e.key);
	m = move_of(c.v[0], MOVE_STAY, "");
	m->effects = &e;
	m->n_effects = 1;
	ck_assert_int_eq(commit(m).status, MOVE_OK);
	ck_assert_int_eq(commit(m).status, MOVE_OK);
	/* Another attempt must not start it again. */
	ck_assert_int_eq(commit(move_of(c.v[0], MOVE_RELEASE, "")).status, MOVE_OK);
	c = claim(1);
	m->fence = c.v[0]->fence;
	ck_assert_int_eq(commit(m).status, MOVE_REFUSED);
	ck_assert_int_eq(commit(m).err.code, ERR_CONFLICT);
	e.to = EFFECT_UNCERTAIN;
	m->next = MOVE_PARK;
	m->state = STR("uncertain");
	ck_assert_int_eq(commit(m).status, MOVE_OK);
	ck_assert_str_eq(cluster_sql("SELECT e.state, q.state FROM agentd.effects e JOIN agentd.task_queue q ON q.id = e.task"), "uncertain|uncertain");
	cluster_sql("UPDATE agentd.task_queue SET state = 'ready' WHERE state = 'uncertain'");
	c = claim(1);
	ck_assert_int_eq(commit(move_of(c.v[0], MOVE_FINISH, "failed")).status, MOVE_OK);
}
END_TEST

struct known {
	int done;
	struct err err;
	bool found;
	struct effect_row row;
};

static void on_effect(struct op *op, void *arg)
{
	struct known *k = arg;
	const struct effect_row *e = queue_effect_of(op);

	k->err = *op->err;
	k->done++;
	if (op->err->code != ERR_NONE || !e)
		return;
	k->found = true;
	k->row = *e;
	k->row.result = e->result ? json_copy(arena, e->result) : NULL;
	k->row.decision = str_dup(arena, e->decision);
}

static struct known known(const struct uuid *task, const struct digest *key)
{
	struct known k = {0};

	queue_effect(store, arena_new(NULL), task, key, on_effect, &k);
	run_until(&k.done, 1);
	return k;
}

static const struct {
	const char *set;	/* in the row of the effect; NULL: nothing */
	enum err_code code;
	enum effect_state state;
	const char *decision, *result;
} ledger[] = {
	{NULL, ERR_NONE, EFFECT_DISPATCHED, "", NULL},
	{"state = 'done', result = '[1]'", ERR_NONE, EFFECT_DONE, "", "[1]"},
	{"state = 'uncertain', result = NULL", ERR_NONE, EFFECT_UNCERTAIN, "", NULL},
	{"decision = 'happened', resolved_by = 'ann', resolved_at = now(), result = '{\"n\":2}'", ERR_NONE, EFFECT_UNCERTAIN, "happened", "{\"n\":2}"},
	{"result = '{\"n\":2,\"n\":3}'", ERR_NONE, EFFECT_UNCERTAIN, "happened", NULL},	/* valid for the database, not for us */
	{"state = 'lost'", ERR_PG, EFFECT_UNCERTAIN, "", NULL},
};

START_TEST(reads_effects)
{
	struct claims c;
	struct move *m;
	struct digest other;
	struct effect_change e = {.path = STR("a"), .tool = STR("mail.send"), .effect_class = STR("at_most_once"), .to = EFFECT_DISPATCHED};

	register_worker();
	submit_many("noop", 1);
	c = claim(1);
	digest_of(STR("read"), &e.key);
	digest_of(STR("other"), &other);
	m = move_of(c.v[0], MOVE_STAY, "");
	m->effects = &e;
	m->n_effects = 1;
	ck_assert_int_eq(commit(m).status, MOVE_OK);
	ck_assert(!known(&c.v[0]->task, &other).found);
	cluster_sql("ALTER TYPE agentd.effect_state ADD VALUE IF NOT EXISTS 'lost'");
	for (size_t i = 0; i < sizeof ledger / sizeof ledger[0]; i++) {
		struct known k;

		if (ledger[i].set)
			cluster_sql(arena_printf(arena, "UPDATE agentd.effects SET %s WHERE tool = 'mail.send'", ledger[i].set));
		k = known(&c.v[0]->task, &e.key);
		ck_assert_msg(k.err.code == ledger[i].code, "%zu: %s", i, k.err.msg);
		ck_assert_msg(k.found == (k.err.code == ERR_NONE), "%zu", i);
		if (!k.found)
			continue;
		ck_assert_msg(k.row.state == ledger[i].state && str_is(k.row.decision, ledger[i].decision), "%zu: %d", i, (int)k.row.state);
		ck_assert_str_eq(k.row.result ? json_text(arena, k.row.result).p : "none", ledger[i].result ? ledger[i].result : "none");
	}
}
END_TEST

/* One batch, one of it bad in a way that only the database can see: it alone is refused. */
START_TEST(culprit_is_found)
{
	enum { N = 64 };
	struct claims c;
	struct outcome o[N] = {0};

	register_worker();
	submit_many("noop", N);
	c = claim(N);
	ck_assert_uint_eq(c.n, N);
	for (size_t i = 0; i < N; i++)
		queue_commit(store, move_of(c.v[i], MOVE_FINISH, i == 37 ? "nonsense" : "succeeded"), on_move, &o[i]);
	for (size_t i = 0; i < N; i++) {
		run_until(&o[i].done, 1);
		ck_assert_int_eq(o[i].r.status, i == 37 ? MOVE_REFUSED : MOVE_OK);
	}
	ck_assert_int_eq(o[37].r.err.code, ERR_INVALID);
	ck_assert_int_eq(commit(move_of(c.v[37], MOVE_FINISH, "running")).status, MOVE_REFUSED);
	ck_assert_int_eq(commit(move_of(c.v[37], MOVE_FINISH, "failed")).status, MOVE_OK);
}
END_TEST

/* Moves of one task that are queued together keep their order, over several batches. */
START_TEST(order_is_kept)
{
	enum { N = 20 };
	struct claims c;
	struct outcome o[N] = {0};

	register_worker();
	submit_many("noop", 1);
	c = claim(1);
	for (int i = 0; i < N; i++) {
		struct move *m = move_of(c.v[0], i == N - 1 ? MOVE_FINISH : MOVE_STAY, "succeeded");

		m->rows = row_of(arena_printf(arena, "s%d", i), "step.succeeded", "{}");
		m->n_rows = 1;
		queue_commit(store, m, on_move, &o[i]);
	}
	for (int i = 0; i < N; i++) {
		run_until(&o[i].done, 1);
		ck_assert_int_eq(o[i].r.status, MOVE_OK);
		ck_assert_int_eq(o[i].r.last_seq, i + 1);
	}
}
END_TEST

START_TEST(group_commit)
{
	enum { N = 2000 };
	struct claims c;
	struct outcome *o = ARENA_ARRAY(arena, N, struct outcome);
	long before = cluster_number("SELECT sum(xact_commit) FROM pg_stat_database");
	int64_t t0, t1, t2;

	register_worker();
	t0 = clock_boot_ms();
	submit_many("noop", N);
	t1 = clock_boot_ms();
	for (int claimed = 0; claimed < N; claimed += 500) {
		c = claim(500);
		ck_assert_uint_eq(c.n, 500);
		for (size_t i = 0; i < 500; i++) {
			struct move *m = move_of(c.v[i], MOVE_FINISH, "succeeded");

			m->rows = row_of("a", "step.succeeded", "{\"output\":1}");
			m->n_rows = 1;
			queue_commit(store, m, on_move, &o[claimed + (int)i]);
		}
	}
	for (int i = 0; i < N; i++) {
		run_until(&o[i].done, 1);
		ck_assert_int_eq(o[i].r.status, MOVE_OK);
	}
	t2 = clock_boot_ms();
	printf("# %d submissions in %d ms, claimed and finished in %d ms\n", N, (int)(t1 - t0), (int)(t2 - t1));
	cluster_sql("SELECT pg_stat_force_next_flush()");
	ck_assert_int_lt(cluster_number("SELECT sum(xact_commit) FROM pg_stat_database") - before, N / 4);
}
END_TEST

/* The server goes away in the middle: everything is sent again, nothing happens twice. */
START_TEST(restart)
{
	enum { N = 300 };
	struct claims c;
	struct outcome *o = ARENA_ARRAY(arena, N, struct outcome);
	struct answer w = {0};

	register_worker();
	submit_many("noop", N);
	c = claim(N);
	ck_assert_uint_eq(c.n, N);
	queue_set_batch(store, 50);
	for (int i = 0; i < N; i++) {
		struct move *m = move_of(c.v[i], MOVE_FINISH, "succeeded");

		m->rows = row_of("a", "step.succeeded", "{\"output\":1}");
		m->n_rows = 1;
		queue_commit(store, m, on_move, &o[i]);
	}
	/* Batches leave, some commit, none of the answers is read before the crash. */
	loop_once(loop);
	cluster_command("crash");
	for (int i = 0; i < N; i++) {
		run_until(&o[i].done, 1);
		ck_assert_msg(o[i].r.status == MOVE_OK || o[i].r.status == MOVE_ALREADY, "%d: status %d %s", i, (int)o[i].r.status, o[i].r.err.msg);
	}
	queue_set_batch(store, 500);
	ck_assert_int_eq(cluster_number("SELECT count(*) FROM agentd.task_queue"), 0);

	/* A claim whose answer was lost gets the same tasks again. */
	submit_many("noop", 5);
	queue_claim(store, arena_new(NULL), &worker, 10, 0, on_claims, &w);
	cluster_command("crash");
	run_until(&w.done, 1);
	ck_assert_uint_eq(w.claims.n, 5);
	for (size_t i = 0; i < 5; i++)
		ck_assert_int_eq(commit(move_of(w.claims.v[i], MOVE_FINISH, "succeeded")).status, MOVE_OK);
}
END_TEST

/* --- submissions that start at once --- */

static struct {
	bool room;
	int done, unsure;
	struct claims claims;
} given;

static bool room(void *arg, size_t n, struct uuid *ret_worker)
{
	bool has = given.room;

	(void)arg;
	ck_assert_uint_gt(n, 0);
	given.room = false;
	*ret_worker = worker;
	return has;
}

static void on_taken(void *arg, const struct taken *t)
{
	(void)arg;
	ck_assert(uuid_eq(&t->worker, &worker));
	given.done++;
	given.unsure = t->unsure;
	given.claims = t->claims;
	given.claims.v = arena_dup(arena, t->claims.v, t->claims.n * sizeof *t->claims.v);
	for (size_t i = 0; i < t->claims.n; i++)
		arena_move(t->claims.v[i]->arena, arena);
}

static void offer(void)
{
	memset(&given, 0, sizeof given);
	given.room = true;
	queue_set_taker(store, &(struct taker){.room = room, .taken = on_taken});
}

static struct submission *submit_paid(struct answer *w, int n)
{
	struct submission *s = ARENA_ARRAY(arena, (size_t)n, struct submission);

	for (int i = 0; i < n; i++) {
		s[i] = submission_of("paid");
		ck_assert_int_eq(json_parse(arena, STR("{\"z\":1.50}"), NULL, &s[i].input, NULL), 0);
		ck_assert_int_eq(json_parse(arena, STR("{\"k\":\"v\"}"), NULL, &s[i].labels, NULL), 0);
		ck_assert_int_eq(json_parse(arena, STR("{\"usd\":\"0.5\"}"), NULL, &s[i].budget, NULL), 0);
		tasks_submit(store, arena_new(NULL), &s[i], 0, on_submitted, &w[i]);
	}
	return s;
}

/* It knows the same as if it had been claimed. */
START_TEST(starts_at_once)
{
	struct answer w[5] = {0};
	const struct claimed *one, *other;
	struct claims c;

	register_worker();
	wait_up();
	offer();
	submit_paid(w, 5);
	for (int i = 0; i < 5; i++) {
		run_until(&w[i].done, 1);
		ck_assert_msg(w[i].err.code == ERR_NONE, "%s", w[i].err.msg);
		ck_assert(str_is(w[i].submitted.state, "ready"));
	}
	ck_assert_int_eq(given.done, 1);
	ck_assert_int_eq(given.unsure, 0);
	ck_assert_uint_eq(given.claims.n, 5);
	ck_assert_int_eq(cluster_number("SELECT count(*) FROM agentd.task_queue WHERE state = 'running' AND fence = 1"), 5);
	one = given.claims.v[0];
	ck_assert(uuid_eq(&one->task, &w[0].submitted.id));
	ck_assert_int_eq(commit(move_of(one, MOVE_RELEASE, "")).status, MOVE_OK);
	c = claim(10);
	ck_assert_uint_eq(c.n, 1);
	other = c.v[0];
	ck_assert(uuid_eq(&other->task, &one->task));
	ck_assert_int_eq(other->fence, 2);
	ck_assert_str_eq(json_text(arena, one->facts).p, json_text(arena, other->facts).p);
	ck_assert_str_eq(json_text(arena, one->input).p, json_text(arena, other->input).p);
	ck_assert(json_equal(one->budget, other->budget));
	ck_assert(str_is(json_str(json_getc(one->budget, "usd")), "0.5"));
	ck_assert(str_eq(one->workflow, other->workflow));
	ck_assert_mem_eq(&one->bundle, &other->bundle, sizeof one->bundle);
	ck_assert_int_eq(one->deadline_us, other->deadline_us);
	ck_assert_int_eq(one->created_us, other->created_us);
	ck_assert_int_eq(commit(move_of(given.claims.v[1], MOVE_FINISH, "succeeded")).status, MOVE_OK);
	ck_assert_str_eq(cluster_sql("SELECT count(*), min(fence) FROM agentd.attempts WHERE outcome = 'succeeded' AND task = "
				     "(SELECT id FROM agentd.tasks WHERE state = 'succeeded' AND workflow = 'paid' ORDER BY id DESC LIMIT 1)"), "1|1");
}
END_TEST

/* Nobody is given what it may not run: a time to come, another lane, a worker that has left. */
START_TEST(starts_only_what_it_may)
{
	struct answer w[2] = {0};
	struct submission s[2] = {submission_of("noop"), submission_of("noop")};

	register_worker();
	wait_up();
	offer();
	s[0].run_at_us = clock_wall_us() + 3600000000;
	tasks_submit(store, arena_new(NULL), &s[0], 0, on_submitted, &w[0]);
	run_until(&w[0].done, 1);
	ck_assert_uint_eq(given.claims.n, 0);
	ck_assert_int_eq(given.done, 1);
	cluster_sql("UPDATE agentd.workers SET lanes = '{elsewhere}' WHERE ended_at IS NULL");
	offer();
	tasks_submit(store, arena_new(NULL), &s[1], 0, on_submitted, &w[1]);
	run_until(&w[1].done, 1);
	ck_assert_uint_eq(given.claims.n, 0);
	cluster_sql("UPDATE agentd.workers SET lanes = '{default}', ended_at = now() WHERE ended_at IS NULL");
	s[1] = submission_of("noop");
	w[1].done = 0;
	offer();
	tasks_submit(store, arena_new(NULL), &s[1], 0, on_submitted, &w[1]);
	run_until(&w[1].done, 1);
	ck_assert_int_eq(given.done, 1);
	ck_assert_uint_eq(given.claims.n, 0);
	ck_assert_int_eq(given.unsure, 0);
	ck_assert_int_eq(cluster_number("SELECT count(*) FROM agentd.task_queue WHERE state = 'running'"), 0);
}
END_TEST

/* What was given and cannot be read is asked for as a claim, which fails that task and hands over the others. */
START_TEST(unreadable_start)
{
	struct answer w[2] = {0};
	struct submission s[2] = {submission_of("paid"), submission_of("noop")};
	struct claims c;
	int64_t end = clock_boot_ms() + 10000;

	register_worker();
	wait_up();
	cluster_sql("UPDATE agentd.workflows SET budget = '{\"usd\":\"1\",\"usd\":\"2\"}' WHERE name = 'paid'");
	offer();
	for (int i = 0; i < 2; i++)
		tasks_submit(store, arena_new(NULL), &s[i], 0, on_submitted, &w[i]);
	for (int i = 0; i < 2; i++)
		run_until(&w[i].done, 1);
	cluster_sql("UPDATE agentd.workflows SET budget = '{\"usd\":\"1\",\"wall_ms\":3600000}' WHERE name = 'paid'");
	ck_assert_int_ne(given.unsure, 0);
	ck_assert_uint_eq(given.claims.n, 0);
	c = claim_again(10, given.unsure);
	ck_assert_uint_eq(c.n, 1);
	ck_assert(uuid_eq(&c.v[0]->task, &w[1].submitted.id));
	ck_assert_int_eq(commit(move_of(c.v[0], MOVE_FINISH, "succeeded")).status, MOVE_OK);
	while (cluster_number("SELECT count(*) FROM agentd.tasks WHERE state = 'failed' AND workflow = 'paid' AND error ->> 'type' = 'schema.input'") != 1) {
		ck_assert(clock_boot_ms() < end);
		loop_once(loop);
	}
}
END_TEST

static void await(const char *query)
{
	int64_t end = clock_boot_ms() + 60000;

	while (cluster_number(query) == 0)
		ck_assert_msg(clock_boot_ms() < end, "no end after 60 s: %s", query);
}

/* The transaction took place and its answer was lost (a commit that waits for a standby is on the disk already): who was to start
 * the tasks finds them. */
START_TEST(lost_start)
{
	enum { N = 4 };
	struct answer w[N] = {0};
	struct claims c;

	register_worker();
	wait_up();
	cluster_sql("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
	cluster_sql("SELECT pg_reload_conf()");
	await("SELECT (current_setting('synchronous_standby_names') = 'nobody')::integer");
	offer();
	submit_paid(w, N);
	while (given.room)
		loop_once(loop);	/* it leaves */
	await("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'");
	cluster_sql("ALTER SYSTEM RESET synchronous_standby_names");
	cluster_command("crash");
	for (int i = 0; i < N; i++) {
		run_until(&w[i].done, 1);
		ck_assert(w[i].submitted.replayed);
	}
	ck_assert_int_eq(given.done, 1);
	ck_assert_int_ne(given.unsure, 0);
	c = claim_again(10, given.unsure);
	ck_assert_uint_eq(c.n, N);
	for (int i = 0; i < N; i++)
		ck_assert_int_eq(commit(move_of(c.v[i], MOVE_FINISH, "succeeded")).status, MOVE_OK);

	/* It did not take place: they are given now, and what asks in vain learns that there is nothing. */
	memset(w, 0, sizeof w);
	cluster_command("down");
	offer();
	submit_paid(w, N);
	for (int i = 0; i < 10 && given.room; i++)
		loop_once(loop);
	cluster_command("up");
	for (int i = 0; i < N; i++)
		run_until(&w[i].done, 1);
	ck_assert_int_eq(given.done, 1);
	ck_assert_uint_eq(given.claims.n, N);
	ck_assert_int_eq(given.unsure, 0);
}
END_TEST

/* Somebody holds a table for longer than a statement waits, or the server is a standby yet: no reason to give a task up. */
START_TEST(waits_for_the_server)
{
	static const char waiting[] = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'agentd.tasks'::regclass";
	struct outcome o = {0};
	struct answer w = {0};
	struct claims c;
	PGconn *dump;

	register_worker();
	wait_up();
	submit_many("noop", 2);
	c = claim(1);
	dump = PQconnectdb(cluster_conninfo());
	PQclear(PQexec(dump, "BEGIN; LOCK TABLE agentd.tasks IN ACCESS EXCLUSIVE MODE"));
	ck_assert_int_eq(PQtransactionStatus(dump), PQTRANS_INTRANS);
	queue_commit(store, move_of(c.v[0], MOVE_FINISH, "succeeded"), on_move, &o);
	for (int had_enough = 0; had_enough < 2; had_enough++) {
		while (cluster_number(waiting) == 0)
			loop_once(loop);
		while (cluster_number(waiting) > 0)
			loop_once(loop);
	}
	ck_assert_int_eq(o.done, 0);
	PQfinish(dump);
	run_until(&o.done, 1);
	ck_assert_int_eq(o.r.status, MOVE_OK);

	cluster_sql("ALTER SYSTEM SET default_transaction_read_only = on");
	cluster_sql("SELECT pg_reload_conf()");
	await("SELECT (current_setting('default_transaction_read_only') = 'on')::integer");
	queue_claim(store, arena_new(NULL), &worker, 1, 0, on_claims, &w);
	for (int64_t from = loop_now_ms(loop); loop_now_ms(loop) - from < 100;)
		loop_once(loop);
	ck_assert_int_eq(w.done, 0);
	cluster_sql("ALTER SYSTEM RESET default_transaction_read_only");
	cluster_sql("SELECT pg_reload_conf()");
	run_until(&w.done, 1);
	ck_assert_uint_eq(w.claims.n, 1);
}
END_TEST

/* A submission whose key waits for a lock keeps the first connection busy; claims want another, and need none of what it waits for. */
static struct answer *submit_behind(PGconn *locker)
{
	struct answer *w = ARENA_NEW(arena, struct answer);
	struct submission s = submission_of("noop");

	PQclear(PQexec(locker, "BEGIN; LOCK TABLE agentd.idempotency_keys IN ACCESS EXCLUSIVE MODE"));
	ck_assert_int_eq(PQtransactionStatus(locker), PQTRANS_INTRANS);
	s.idempotency_key = str_from(arena_printf(arena, "key-%lld", (long long)clock_boot_ms()));
	tasks_submit(store, arena_new(NULL), &s, 0, on_submitted, w);
	while (cluster_number("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'agentd.idempotency_keys'::regclass") == 0)
		loop_once(loop);
	return w;
}

/* The role's limit leaves room for one connection: claims go over that one, and over their own once it can be had. */
START_TEST(claims_without_their_connection)
{
	static const char own[] = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'narrow' AND application_name = 'test claims'";
	PGconn *locker = PQconnectdb(cluster_conninfo());
	struct answer c = {0}, *w;
	size_t *claimed;

	cluster_sql("CREATE ROLE narrow LOGIN CONNECTION LIMIT 1 IN ROLE agentd_worker, agentd_web");
	store_close(store);
	store = store_open(loop, arena_printf(arena, "%s user=narrow", cluster_conninfo()), "test");
	register_worker();
	wait_up();
	submit_many("noop", 2);
	w = submit_behind(locker);
	queue_claim(store, arena_new(NULL), &worker, 1, 0, on_claims, &c);
	for (int64_t from = loop_now_ms(loop); loop_now_ms(loop) - from < 300;)
		loop_once(loop);
	ck_assert_int_eq(c.done, 0);		/* behind the submission */
	ck_assert_int_eq(cluster_number(own), 0);
	PQclear(PQexec(locker, "ROLLBACK"));
	run_until(&c.done, 1);
	ck_assert_msg(c.err.code == ERR_NONE, "%s", c.err.msg);
	ck_assert_uint_eq(c.claims.n, 1);
	run_until(&w->done, 1);

	cluster_sql("ALTER ROLE narrow CONNECTION LIMIT 2");
	while (cluster_number(own) == 0)
		loop_once(loop);
	w = submit_behind(locker);
	claimed = ARENA_NEW(arena, size_t);
	for (int64_t next_ms = 0; *claimed == 0; loop_once(loop))	/* those before it was up wait behind the submission */
		if (loop_now_ms(loop) >= next_ms) {
			queue_claim(store, arena_new(NULL), &worker, 1, 0, on_any_claims, claimed);
			next_ms = loop_now_ms(loop) + 100;
		}
	ck_assert_uint_eq(*claimed, 1);
	ck_assert_int_eq(w->done, 0);
	PQfinish(locker);
	run_until(&w->done, 1);
	store_close(store);
	store = store_open(loop, cluster_conninfo(), "test");
	cluster_sql("DELETE FROM agentd.task_queue");
}
END_TEST

START_TEST(down_and_deadline)
{
	struct answer w = {0}, v = {0};
	struct submission s = submission_of("noop");
	struct uuid any = uuid_new();
	struct principal by = {.name = STR("os:test"), .sees_all = true};

	wait_up();
	cluster_command("down");
	tasks_submit(store, arena_new(NULL), &s, 300, on_submitted, &w);
	tasks_view(store, arena_new(NULL), &any, &by, 300, on_done, &v);
	run_until(&w.done, 1);
	run_until(&v.done, 1);
	ck_assert_int_eq(w.err.code, ERR_PG_DOWN);
	ck_assert_int_eq(v.err.code, ERR_PG_DOWN);
	ck_assert(v.err.retryable);
	cluster_command("up");
	wait_up();
	v.done = 0;
	tasks_view(store, arena_new(NULL), &any, &by, 5000, on_done, &v);
	run_until(&v.done, 1);
	ck_assert_int_eq(v.err.code, ERR_NOT_FOUND);
	ck_assert_int_eq(v.err.status, 404);
	cluster_sql("DELETE FROM agentd.task_queue");
}
END_TEST

START_TEST(cancel_and_close)
{
	struct answer a = {0}, b = {0}, c = {0};
	struct outcome o = {0};
	struct submission s = submission_of("noop");
	struct move m = {.task = uuid_new(), .fence = 1};
	struct uuid any = uuid_new();
	struct principal by = {.name = STR("os:test"), .sees_all = true};
	struct op *op;

	wait_up();
	op = tasks_view(store, arena_new(NULL), &any, &by, 0, on_done, &a);
	op_cancel(op);
	run_until(&a.done, 1);
	ck_assert_int_eq(a.err.code, ERR_CANCELLED);
	tasks_view(store, arena_new(NULL), &any, &by, 0, on_done, &b);
	tasks_submit(store, arena_new(NULL), &s, 0, on_submitted, &c);
	queue_commit(store, &m, on_move, &o);
	store_close(store);
	run_until(&b.done, 1);
	run_until(&c.done, 1);
	run_until(&o.done, 1);
	ck_assert_int_eq(b.err.code, ERR_CANCELLED);
	ck_assert_int_eq(c.err.code, ERR_CANCELLED);
	ck_assert_int_eq(o.r.status, MOVE_CANCELLED);
	store = store_open(loop, cluster_conninfo(), "test");
}
END_TEST

static int heard;
static void on_heard(void *arg)
{
	(void)arg;
	heard++;
}

START_TEST(listens)
{
	heard = 0;
	store_listen(store, "agentd_work", on_heard, NULL);
	run_until(&heard, 1);		/* once after LISTEN */
	submit_many("noop", 3);
	run_until(&heard, 2);
	cluster_command("crash");
	run_until(&heard, 3);		/* and after every reconnect */
	cluster_sql("DELETE FROM agentd.task_queue");
}
END_TEST

/* SQL takes JSON that our reader refuses; the task fails by itself, the others go on. */
START_TEST(unreadable_input)
{
	struct claims c;
	int64_t end = clock_boot_ms() + 10000;

	register_worker();
	cluster_sql("SELECT agentd.submit('noop', '{\"a\":1,\"a\":2}'), agentd.submit('noop', '{\"a\":1}')");
	c = claim(10);
	ck_assert_uint_eq(c.n, 1);
	ck_assert_int_eq(commit(move_of(c.v[0], MOVE_FINISH, "succeeded")).status, MOVE_OK);
	while (cluster_number("SELECT count(*) FROM agentd.tasks WHERE state = 'failed' AND workflow = 'noop' AND error ->> 'type' = 'schema.input'") != 1) {
		ck_assert(clock_boot_ms() < end);
		loop_once(loop);
	}
}
END_TEST

START_TEST(large_values)
{
	struct claims c;
	struct submission s = submission_of("noop");
	struct answer w = {0};
	char *big = arena_alloc(arena, 200001);
	struct move *m;
	struct journal_row *row;

	register_worker();
	memset(big, 'x', 200000);
	big[200000] = '\0';
	s.input = json_stringc(arena, big);
	tasks_submit(store, arena_new(NULL), &s, 0, on_submitted, &w);
	run_until(&w.done, 1);
	c = claim(1);
	ck_assert(json_equal(c.v[0]->input, s.input));
	m = move_of(c.v[0], MOVE_STAY, "");
	row = row_of("a", "step.succeeded", "{}");
	row->value = s.input;
	m->rows = row;
	m->n_rows = 1;
	ck_assert_int_eq(commit(m).status, MOVE_OK);
	ck_assert_int_eq(commit(move_of(c.v[0], MOVE_RELEASE, "")).status, MOVE_OK);
	c = claim(1);
	ck_assert(json_equal(c.v[0]->rows[0].value, s.input));
	m = move_of(c.v[0], MOVE_FINISH, "succeeded");
	m->output = s.input;
	ck_assert_int_eq(commit(m).status, MOVE_OK);
	ck_assert_int_eq(cluster_number("SELECT count(*) FROM agentd.blobs"), 1);
	ck_assert_int_eq(cluster_number("SELECT length(agentd.task_view(id, '', true)) FROM agentd.tasks WHERE output_blob IS NOT NULL") > 400000, 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("store/queue");
	TCase *tc = tcase_create("queue");
	SRunner *runner;
	int failed;

	cluster_start();
	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, submit_claim_commit_finish);
	tcase_add_test(tc, holds_and_calls);
	tcase_add_test(tc, effects);
	tcase_add_test(tc, reads_effects);
	tcase_add_test(tc, culprit_is_found);
	tcase_add_test(tc, order_is_kept);
	tcase_add_test(tc, group_commit);
	tcase_add_test(tc, restart);
	tcase_add_test(tc, starts_at_once);
	tcase_add_test(tc, starts_only_what_it_may);
	tcase_add_test(tc, unreadable_start);
	tcase_add_test(tc, lost_start);
	tcase_add_test(tc, waits_for_the_server);
	tcase_add_test(tc, claims_without_their_connection);
	tcase_add_test(tc, down_and_deadline);
	tcase_add_test(tc, cancel_and_close);
	tcase_add_test(tc, listens);
	tcase_add_test(tc, unreadable_input);
	tcase_add_test(tc, large_values);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_set_fork_status(runner, CK_NOFORK);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	cluster_stop();
	return failed ? 1 : 0;
}
