/* worker.c - the claim loop against an engine and a store that the test plays. */
#include "worker/worker.h"

#include <check.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/loop.h"
#include "config/settings.h"
#include "engine/engine.h"
#include "store/queue.h"
#include "store/store.h"
#include "../suite_run.h"

enum { ROUNDS = 2000, MAX_TASKS = 8 };

/* --- the played parts --- */

enum call_kind { REGISTER, HEARTBEAT, CLAIM, LEAVE, KINDS };

struct call {
	struct op op;		/* first */
	enum call_kind kind;
	struct heartbeat heartbeat;
	struct claims claims;
	struct claimed *claimed[MAX_TASKS];
};

static struct loop *loop;
static struct worker *worker;
static struct settings settings;
static struct call *open_calls[KINDS];	/* without an answer */
static int sent[KINDS];
static bool up, hold[KINDS];		/* no answer until the test gives it */
static bool refuse_register, heartbeat_lost;
static int claimable;			/* tasks the next claim gets */
static void (*state_fn)(void *, bool), (*ended_fn)(void *), (*notify)(void *);
static void *state_arg, *ended_arg, *notify_arg;
static size_t active;
static int drains, releases, drops, stops;
static int64_t fresh_until_ms;
static struct taker taker;
static int asked_again;			/* number of the last claim, when it was one of before */
static int asked, numbers;
static enum err_code claim_error;

void store_on_state(struct store *s, void (*fn)(void *arg, bool up), void *arg)
{
	(void)s;
	state_fn = fn;
	state_arg = arg;
}

void store_listen(struct store *s, const char *channel, void (*fn)(void *arg), void *arg)
{
	(void)s;
	(void)channel;
	notify = fn;
	notify_arg = arg;
}

bool store_is_up(const struct store *s)
{
	(void)s;
	return up;
}

static void on_cancel(struct op *op)
{
	struct call *c = (struct call *)op;

	open_calls[c->kind] = NULL;
	op_complete(op, NULL);
}

static void answer(enum call_kind kind)
{
	struct call *c = open_calls[kind];
	struct err err = {0};

	ck_assert_ptr_nonnull(c);
	open_calls[kind] = NULL;
	if (kind == REGISTER && refuse_register)
		err_set(&err, ERR_PG, "the schema is missing");
	if (kind == CLAIM && claim_error != ERR_NONE)
		err_set(&err, claim_error, "refused");
	c->heartbeat.lost = heartbeat_lost;
	c->claims.next_due_ms = -1;
	c->claims.v = c->claimed;
	for (; kind == CLAIM && err.code == ERR_NONE && claimable > 0; claimable--) {
		struct arena *a = arena_new(NULL);
		struct claimed *t = ARENA_NEW(a, struct claimed);

		t->arena = a;
		c->claimed[c->claims.n++] = t;
	}
	op_complete(&c->op, &err);
}

static struct op *begin(struct arena *a, enum call_kind kind, op_done_fn *done, void *arg)
{
	struct call *c = ARENA_NEW(a, struct call);

	op_init(&c->op, loop, a, on_cancel, done, arg);
	c->kind = kind;
	ck_assert_ptr_null(open_calls[kind]);
	open_calls[kind] = c;
	sent[kind]++;
	if (up && !hold[kind])
		answer(kind);
	return &c->op;
}

struct op *queue_register(struct store *s, struct arena *a, const struct worker_row *w, op_done_fn *done, void *arg)
{
	(void)s;
	(void)w;
	return begin(a, REGISTER, done, arg);
}

struct op *queue_heartbeat(struct store *s, struct arena *a, const struct uuid *w, op_done_fn *done, void *arg)
{
	(void)s;
	(void)w;
	return begin(a, HEARTBEAT, done, arg);
}

const struct heartbeat *queue_heartbeat_of(const struct op *op)
{
	return &((const struct call *)op)->heartbeat;
}

struct op *queue_leave(struct store *s, struct arena *a, const struct uuid *w, op_done_fn *done, void *arg)
{
	(void)s;
	(void)w;
	return begin(a, LEAVE, done, arg);
}

void queue_set_taker(struct store *s, const struct taker *t)
{
	(void)s;
	taker = t ? *t : (struct taker){0};
}

struct op *queue_claim(struct store *s, struct arena *a, const struct uuid *w, int limit, int again, op_done_fn *done, void *arg)
{
	(void)s;
	(void)w;
	ck_assert_int_gt(limit, 0);
	asked_again = again;
	asked = again ? again : ++numbers;
	return begin(a, CLAIM, done, arg);
}

int queue_claim_number(const struct op *op)
{
	(void)op;
	return asked;
}

const struct claims *queue_claims_of(const struct op *op)
{
	return &((const struct call *)op)->claims;
}

void queue_set_batch(struct store *s, int max_moves)
{
	(void)s;
	(void)max_moves;
}

void engine_on_ended(struct engine *e, void (*fn)(void *arg), void *arg)
{
	(void)e;
	ended_fn = fn;
	ended_arg = arg;
}

void engine_start(struct engine *e, struct claimed *c, int64_t db_now_us)
{
	(void)e;
	(void)db_now_us;
	arena_free(c->arena);
	active++;
}

size_t engine_active(const struct engine *e)
{
	(void)e;
	return active;
}

void engine_set_max_failures(struct engine *e, int n)
{
	(void)e;
	(void)n;
}

void engine_fresh_until(struct engine *e, int64_t boot_ms)
{
	(void)e;
	fresh_until_ms = boot_ms;
}

void engine_cancel(struct engine *e, const struct uuid *task)
{
	(void)e;
	(void)task;
}

void engine_drop_all(struct engine *e)
{
	(void)e;
	drops++;
}

void engine_drain(struct engine *e)
{
	(void)e;
	drains++;
}

void engine_release_now(struct engine *e)
{
	(void)e;
	releases++;
}

/* --- helpers --- */

static void nothing(void *arg)
{
	(void)arg;
}

static void turns(void)
{
	for (int i = 0; i < 3; i++) {
		loop_defer(loop, nothing, NULL);
		loop_once(loop);
	}
}

static void tasks_end(void)
{
	while (active > 0) {
		active--;
		ended_fn(ended_arg);
	}
}

static void on_stopped(void *arg)
{
	(void)arg;
	stops++;
	for (int i = 0; i < KINDS; i++)
		ck_assert_msg(!open_calls[i], "call %d is under way", i);
}

static void stop(void)
{
	worker_stop(worker, on_stopped, NULL);
}

static void database(bool now_up)
{
	up = now_up;
	state_fn(state_arg, up);
	for (int i = 0; up && i < KINDS; i++)
		if (open_calls[i] && !hold[i])
			answer((enum call_kind)i);
}

static void setup(void)
{
	struct arena *a = arena_new(NULL);

	settings = *settings_default(a, ".");
	arena_free(a);		/* only its numbers are used */
	settings.worker.lanes = NULL;
	settings.worker.n_lanes = 0;
	loop = loop_new();
	up = true;
	memset(hold, 0, sizeof hold);
	memset(sent, 0, sizeof sent);
	memset(open_calls, 0, sizeof open_calls);
	refuse_register = heartbeat_lost = false;
	claim_error = ERR_NONE;
	claimable = drains = releases = drops = stops = 0;
	active = 0;
}

static void start(void)
{
	worker = worker_start(loop, NULL, NULL, &settings);
	turns();
}

static void teardown(void)
{
	turns();
	ck_assert_int_eq(stops, 1);
	worker_free(worker);
	ck_assert(!taker.room && !taker.taken);
	loop_free(loop);
}

/* --- tests --- */

START_TEST(drains_and_leaves)
{
	claimable = 2;
	start();
	ck_assert_uint_eq(active, 2);
	stop();
	turns();
	ck_assert_int_eq(drains, 1);
	ck_assert_int_eq(stops, 0);
	tasks_end();
	turns();
	ck_assert_int_eq(sent[LEAVE], 1);
	ck_assert_int_eq(stops, 1);
}
END_TEST

/* What a claim brings after the drain began is drained too. */
START_TEST(late_claims_leave_again)
{
	hold[CLAIM] = true;
	start();
	stop();
	turns();
	ck_assert_int_eq(sent[LEAVE], 0);
	claimable = 1;
	answer(CLAIM);
	turns();
	ck_assert_uint_eq(active, 1);
	ck_assert_int_eq(drains, 2);
	ck_assert_int_eq(stops, 0);
	tasks_end();
	turns();
	ck_assert_int_eq(stops, 1);
}
END_TEST

/* Nothing to give back and nobody to say it to: no reason to stay. */
START_TEST(stops_while_the_database_is_away)
{
	hold[CLAIM] = true;
	start();
	database(false);
	stop();
	turns();
	ck_assert_int_eq(stops, 1);
}
END_TEST

START_TEST(goes_away_during_the_drain)
{
	hold[CLAIM] = true;
	start();
	stop();
	turns();
	ck_assert_int_eq(stops, 0);
	database(false);
	turns();
	ck_assert_int_eq(stops, 1);
}
END_TEST

START_TEST(second_signal_without_database)
{
	claimable = 2;
	start();
	database(false);
	stop();
	turns();
	ck_assert_int_eq(stops, 0);	/* steps that run may come to their end, and the database back */
	stop();
	turns();
	ck_assert_int_eq(releases, 1);
	ck_assert_int_eq(drops, 1);
	ck_assert_int_eq(stops, 1);
	ck_assert_uint_eq(active, 2);
}
END_TEST

/* The answer to the last word never comes, and the tasks do not give in. */
START_TEST(third_signal)
{
	claimable = 1;
	start();
	stop();
	stop();
	turns();
	ck_assert_int_eq(releases, 1);
	ck_assert_int_eq(stops, 0);
	stop();
	turns();
	ck_assert_int_eq(drops, 1);
	ck_assert_int_eq(stops, 1);
}
END_TEST

START_TEST(leave_without_an_answer)
{
	hold[LEAVE] = true;
	start();
	stop();
	turns();
	ck_assert_int_eq(sent[LEAVE], 1);
	ck_assert_int_eq(stops, 0);
	database(false);
	turns();
	ck_assert_int_eq(stops, 1);
}
END_TEST

/* on_stopped looks for calls under way. */
START_TEST(heartbeat_under_way)
{
	settings.worker.heartbeat_ms = 1;
	hold[HEARTBEAT] = true;
	start();
	for (int i = 0; i < ROUNDS && !open_calls[HEARTBEAT]; i++)
		loop_once(loop);
	stop();
	turns();
	ck_assert_int_eq(stops, 1);
}
END_TEST

START_TEST(stop_before_registered)
{
	up = false;
	start();
	stop();
	turns();
	ck_assert_int_eq(stops, 1);
}
END_TEST

START_TEST(registration_is_tried_again)
{
	refuse_register = true;
	start();
	ck_assert_int_eq(sent[REGISTER], 1);
	refuse_register = false;
	for (int i = 0; i < ROUNDS && sent[REGISTER] < 2; i++)
		loop_once(loop);
	turns();
	ck_assert_int_eq(sent[CLAIM], 1);
	stop();
}
END_TEST

static void lose_lease(void)
{
	settings.worker.heartbeat_ms = 1;
	heartbeat_lost = true;
	for (int i = 0; i < ROUNDS && sent[REGISTER] < 2; i++)
		loop_once(loop);
	heartbeat_lost = false;
	settings.worker.heartbeat_ms = 60000;
}

START_TEST(lost_lease)
{
	claimable = 1;
	settings.worker.heartbeat_ms = 1;
	start();
	lose_lease();
	ck_assert_int_eq(drops, 1);
	turns();
	ck_assert_int_gt(sent[CLAIM], 1);
	stop();
	tasks_end();
}
END_TEST

/* Told to stop while the tasks of the lost lease are still being dropped and the new one is not there. */
START_TEST(stop_after_a_lost_lease)
{
	claimable = 1;
	settings.worker.heartbeat_ms = 1;
	start();
	hold[REGISTER] = true;
	lose_lease();
	stop();
	turns();
	ck_assert_int_eq(stops, 1);
}
END_TEST

/* A heartbeat that waited out an outage proves nothing about now: the next does not wait for its turn. */
START_TEST(fresh_heartbeat_after_an_outage)
{
	settings.worker.lease_ms = 60;	/* 40 ms count */
	settings.worker.heartbeat_ms = 1;
	start();
	hold[HEARTBEAT] = true;
	for (int i = 0; i < ROUNDS && !open_calls[HEARTBEAT]; i++)
		loop_once(loop);
	settings.worker.heartbeat_ms = 600000;
	for (int64_t from = loop_now_ms(loop); loop_now_ms(loop) - from < 80;)
		turns();
	sent[HEARTBEAT] = sent[CLAIM] = 0;
	notify(notify_arg);
	ck_assert_int_eq(sent[CLAIM], 0);	/* nothing is claimed on a stale lease */
	hold[HEARTBEAT] = false;
	answer(HEARTBEAT);
	turns();
	ck_assert_int_eq(sent[HEARTBEAT], 1);
	ck_assert_int_eq(sent[CLAIM], 1);
	ck_assert_int_gt(fresh_until_ms, clock_boot_ms());	/* the engine is told, too */
	stop();
}
END_TEST

/* --- submissions that start at once --- */

static void taken(const struct uuid *id, int n, int unsure)
{
	struct arena *a = arena_new(NULL);
	struct claimed *v[MAX_TASKS];
	struct taken t = {.worker = *id, .claims = {.v = v, .next_due_ms = -1}, .unsure = unsure};

	for (; (int)t.claims.n < n; t.claims.n++) {
		struct arena *mine = arena_new(a);

		v[t.claims.n] = ARENA_NEW(mine, struct claimed);
		v[t.claims.n]->arena = mine;
	}
	taker.taken(taker.arg, &t);
	arena_free(a);
	turns();
}

START_TEST(starts_what_is_submitted)
{
	struct uuid id;

	hold[CLAIM] = true;
	start();
	ck_assert(!taker.room(taker.arg, 1, &id));	/* a claim is under way */
	answer(CLAIM);
	turns();
	settings.worker.slots = 5;
	settings.worker.batch = 3;
	ck_assert(!taker.room(taker.arg, 4, &id));	/* more than a batch */
	ck_assert(taker.room(taker.arg, 3, &id));
	ck_assert(!taker.room(taker.arg, 1, &id));	/* one at a time */
	notify(notify_arg);
	turns();
	ck_assert_int_eq(sent[CLAIM], 1);	/* not before it is known what was taken */
	taken(&id, 3, 0);
	ck_assert_uint_eq(active, 3);
	ck_assert_int_eq(sent[CLAIM], 2);
	ck_assert_int_eq(asked_again, 0);
	answer(CLAIM);
	turns();
	ck_assert(!taker.room(taker.arg, 3, &id));	/* more than there is room for */
	ck_assert(taker.room(taker.arg, 2, &id));
	taken(&id, 2, 0);
	ck_assert(!taker.room(taker.arg, 1, &id));	/* no room */
	stop();
	tasks_end();
}
END_TEST

START_TEST(asks_for_what_it_was_given)
{
	struct uuid id;

	start();
	ck_assert(taker.room(taker.arg, 1, &id));
	hold[CLAIM] = true;
	taken(&id, 0, 17);
	ck_assert_int_eq(asked_again, 17);
	ck_assert(!taker.room(taker.arg, 1, &id));
	claimable = 2;
	answer(CLAIM);
	turns();
	ck_assert_uint_eq(active, 2);
	answer(CLAIM);
	stop();
	tasks_end();
}
END_TEST

/* Nobody knows what a claim got that failed: the next one asks for the same, and until then nothing passes the queue over. */
START_TEST(a_claim_that_failed)
{
	struct uuid id;
	int number;

	start();
	claim_error = ERR_PG;
	notify(notify_arg);
	turns();
	number = asked;
	ck_assert_int_eq(asked_again, 0);
	ck_assert(!taker.room(taker.arg, 1, &id));
	ck_assert_int_eq(asked, number);
	claim_error = ERR_NONE;
	claimable = 1;
	hold[CLAIM] = true;
	notify(notify_arg);
	ck_assert_int_eq(asked_again, number);
	answer(CLAIM);
	turns();
	ck_assert_uint_eq(active, 1);
	ck_assert_ptr_nonnull(open_calls[CLAIM]);	/* that one looked at nothing else */
	ck_assert_int_eq(asked_again, 0);
	ck_assert_int_gt(asked, number);
	answer(CLAIM);
	stop();
	tasks_end();
}
END_TEST

START_TEST(a_claim_without_a_lease)
{
	start();
	claim_error = ERR_LEASE_LOST;
	notify(notify_arg);
	ck_assert_int_gt(sent[CLAIM], 1);
	claim_error = ERR_NONE;
	turns();
	ck_assert_int_gt(drops, 0);
	ck_assert_int_eq(sent[REGISTER], 2);
	ck_assert_int_eq(asked_again, 0);
	stop();
}
END_TEST

START_TEST(leaves_when_it_knows_what_was_taken)
{
	struct uuid id;

	start();
	ck_assert(taker.room(taker.arg, 1, &id));
	stop();
	turns();
	ck_assert_int_eq(sent[LEAVE], 0);
	taken(&id, 1, 0);
	ck_assert_uint_eq(active, 1);
	ck_assert_int_eq(drains, 2);
	ck_assert_int_eq(sent[LEAVE], 0);
	tasks_end();
	turns();
	ck_assert_int_eq(sent[LEAVE], 1);
	taken(&id, 1, 0);	/* later than anybody waits */
	ck_assert_uint_eq(active, 0);
}
END_TEST

START_TEST(what_another_incarnation_was_given)
{
	struct uuid id, now;

	settings.worker.heartbeat_ms = 1;
	start();
	ck_assert(taker.room(taker.arg, 1, &id));
	lose_lease();
	turns();
	taken(&id, 2, 0);
	ck_assert_uint_eq(active, 0);
	ck_assert(taker.room(taker.arg, 1, &now));
	ck_assert(!uuid_eq(&id, &now));
	taken(&id, 0, 9);
	ck_assert_int_eq(asked_again, 0);
	stop();
}
END_TEST

START_TEST(long_poll_period)
{
	settings.worker.poll_ms = 8589934590;	/* half of it and one is 2^32 */
	start();
	stop();
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("worker");
	TCase *t = tcase_create("worker");

	tcase_set_timeout(t, 30);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, drains_and_leaves);
	tcase_add_test(t, late_claims_leave_again);
	tcase_add_test(t, stops_while_the_database_is_away);
	tcase_add_test(t, goes_away_during_the_drain);
	tcase_add_test(t, second_signal_without_database);
	tcase_add_test(t, third_signal);
	tcase_add_test(t, leave_without_an_answer);
	tcase_add_test(t, heartbeat_under_way);
	tcase_add_test(t, stop_before_registered);
	tcase_add_test(t, registration_is_tried_again);
	tcase_add_test(t, lost_lease);
	tcase_add_test(t, stop_after_a_lost_lease);
	tcase_add_test(t, fresh_heartbeat_after_an_outage);
	tcase_add_test(t, starts_what_is_submitted);
	tcase_add_test(t, asks_for_what_it_was_given);
	tcase_add_test(t, a_claim_that_failed);
	tcase_add_test(t, a_claim_without_a_lease);
	tcase_add_test(t, leaves_when_it_knows_what_was_taken);
	tcase_add_test(t, what_another_incarnation_was_given);
	tcase_add_test(t, long_poll_period);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return suite_run(suite());
}
