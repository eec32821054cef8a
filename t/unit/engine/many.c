/* Tests of engine/engine.c, run.c and bundle_cache.c with many tasks at once: shared bundles, memory, long
 * loops, drain and drop. The database answers every move in the next round; models hang until cancelled. */
#include "engine/engine.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/heap.h"
#include "base/json.h"
#include "base/log.h"
#include "base/loop.h"
#include "engine/bundle_cache.h"
#include "gateway/gateway.h"
#include "store/admin.h"
#include "store/queue.h"
#include "tools/tools.h"
#include "../suite_run.h"

static struct {
	struct loop *loop;
	struct engine *engine;
	const char *yaml;
	/* seen */
	int fetches, moves, rows, ended, asked;
	int succeeded, failed, parked, released, released_later, refused_releases;
	size_t op_bytes;
	/* orders */
	bool hold_fetches;
	enum err_code fetch_error;
	enum move_status status;	/* of every move */
	int refuse_releases;		/* so many of them */
	struct bundle_op *held[64];
	int n_held;
} world;

/* --- fakes --- */

struct answer {
	move_done_fn *done;
	void *arg;
	enum move_status status;
};

static void note(const struct move *m)
{
	world.moves++;
	world.rows += (int)m->n_rows;
	world.succeeded += m->next == MOVE_FINISH && str_is(m->state, "succeeded");
	world.failed += m->next == MOVE_FINISH && str_is(m->state, "failed");
	world.parked += m->next == MOVE_PARK;
	world.released += m->next == MOVE_RELEASE;
	world.released_later += m->next == MOVE_RELEASE && m->run_at_us > 0;
}

static void answer_move(void *arg)
{
	struct answer *a = arg;
	struct move_result r = {.status = a->status};

	a->done(a->arg, &r);
	free(a);
}

void queue_commit(struct store *s, const struct move *m, move_done_fn *done, void *arg)
{
	struct answer *a = heap_zalloc(1, sizeof *a);

	(void)s;
	*a = (struct answer){done, arg, world.status};
	if (m->next == MOVE_RELEASE && world.refuse_releases > 0) {
		world.refuse_releases--;
		a->status = MOVE_REFUSED;
	}
	if (m->next == MOVE_RELEASE && a->status == MOVE_REFUSED)
		world.refused_releases++;
	if (a->status == MOVE_OK || a->status == MOVE_ALREADY)
		note(m);
	loop_defer(world.loop, answer_move, a);
}

struct bundle_op {
	struct op op;
	struct str text;
};

static void answer_fetch(struct bundle_op *o)
{
	struct err err = {0};

	if (world.fetch_error != ERR_NONE)
		err_set(&err, world.fetch_error, "as ordered");
	op_complete(&o->op, &err);
}

struct op *admin_bundle(struct store *s, struct arena *a, const struct digest *d, op_done_fn *done, void *arg)
{
	struct bundle_op *o = ARENA_NEW(a, struct bundle_op);
	struct json_builder files, b;

	(void)s;
	(void)d;
	world.fetches++;
	op_init(&o->op, world.loop, a, NULL, done, arg);
	json_object_begin(&files, a);
	json_object_setc(&files, "workflow.yaml",
			 json_stringc(a, arena_printf(a, "agentd: v1\nname: test\nsteps:\n%s", world.yaml)));
	json_object_begin(&b, a);
	json_object_setc(&b, "entry", json_stringc(a, "workflow.yaml"));
	json_object_setc(&b, "files", json_object_end(&files));
	o->text = json_text(a, json_object_end(&b));
	if (world.hold_fetches)
		world.held[world.n_held++] = o;
	else
		answer_fetch(o);
	return &o->op;
}

struct str admin_text_of(const struct op *op)
{
	return ((const struct bundle_op *)op)->text;
}

struct op *tools_call(struct tools *t, struct arena *a, const struct tool_request *req, op_done_fn *done, void *arg)
{
	(void)t, (void)a, (void)req, (void)done, (void)arg;
	ck_abort_msg("no workflow here calls tools");
}

void tools_kill(struct op *op)
{
	op_cancel(op);
}

struct op *tools_ask(struct tools *t, struct arena *a, const struct tool_request *req, op_done_fn *done, void *arg)
{
	(void)t, (void)a, (void)req, (void)done, (void)arg;
	ck_abort_msg("no workflow here calls tools");
}

const struct tool_said *tools_said_of(const struct op *op)
{
	(void)op;
	return NULL;
}

struct op *queue_effect(struct store *s, struct arena *a, const struct uuid *task, const struct digest *key, op_done_fn *done, void *arg)
{
	(void)s, (void)a, (void)task, (void)key, (void)done, (void)arg;
	ck_abort_msg("no workflow here calls tools");
}

const struct effect_row *queue_effect_of(const struct op *op)
{
	(void)op;
	return NULL;
}

struct op *queue_approval(struct store *s, struct arena *a, const struct uuid *task, const struct uuid *id, op_done_fn *done, void *arg)
{
	(void)s, (void)a, (void)task, (void)id, (void)done, (void)arg;
	ck_abort_msg("nobody is asked here");
}

const struct approval_row *queue_approval_of(const struct op *op)
{
	(void)op;
	return NULL;
}

struct op *queue_tool_word(struct store *s, struct arena *a, const struct tool_word *w, op_done_fn *done, void *arg)
{
	(void)s, (void)a, (void)w, (void)done, (void)arg;
	ck_abort_msg("no workflow here calls tools");
}

const struct tool_result *tools_result_of(const struct op *op)
{
	(void)op;
	return NULL;
}

const struct manifest *tools_find(const struct tools *t, struct str name)
{
	(void)t, (void)name;
	return NULL;
}

bool tools_serve(const struct tools *t, const struct workflow *w)
{
	(void)t, (void)w;
	return true;
}

struct str tools_lane(struct arena *a, const struct tools *t, const struct workflow *w)
{
	(void)a, (void)t, (void)w;
	return STR_NONE;
}

struct model_op {
	struct op op;
	struct model_answer answer;
};

struct op *gateway_call(struct gateway *g, struct arena *a, const struct model_request *req, op_done_fn *done, void *arg)
{
	struct model_op *o = ARENA_NEW(a, struct model_op);

	(void)g, (void)req;
	op_init(&o->op, world.loop, a, NULL, done, arg);
	world.op_bytes = arena_bytes(a);
	world.asked++;
	return &o->op;
}

const struct model_answer *gateway_answer_of(const struct op *op)
{
	return &((const struct model_op *)op)->answer;
}

/* --- set-up --- */

static void on_ended(void *arg)
{
	(void)arg;
	world.ended++;
}

static void begin(const char *yaml)
{
	memset(&world, 0, sizeof world);
	world.yaml = yaml;
	world.loop = loop_new();
	world.engine = engine_new(world.loop, NULL, NULL, NULL);
	engine_on_ended(world.engine, on_ended, NULL);
	log_set_level(LOG_LEVEL_ERROR);
}

static void end(void)
{
	engine_free(world.engine);
	loop_free(world.loop);
}

static struct claimed *claim(int bundle, const struct json *input)
{
	struct arena *a = arena_new(NULL);
	struct claimed *c = ARENA_NEW(a, struct claimed);

	*c = (struct claimed){.arena = a, .task = uuid_new(), .fence = 1, .workflow = STR("test"),
			      .facts = json_empty_object(), .input = input ? json_copy(a, input) : json_empty_object()};
	c->bundle.b[0] = (uint8_t)bundle;
	c->bundle.b[1] = (uint8_t)(bundle >> 8);
	return c;
}

static void start(int n, int bundle)
{
	for (int i = 0; i < n; i++)
		engine_start(world.engine, claim(bundle, NULL), 1000000);
}

static void run_all(void)
{
	while (engine_active(world.engine))
		loop_once(world.loop);
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

#define SET "  - {id: a, set: {x: 1}}\n"
#define MODEL "  - {id: m, model: {tier: cheap, prompt: Say something about it., context: '${ .input }'}}\n"

START_TEST(shares_one_fetch)
{
	begin(SET);
	start(100, 1);
	run_all();
	ck_assert_int_eq(world.fetches, 1);
	ck_assert_int_eq(world.ended, 100);
	start(100, 1);
	run_all();
	ck_assert_int_eq(world.fetches, 1);
	ck_assert_int_eq(world.succeeded, 200);
	ck_assert_int_eq(world.moves, 200);	/* the last step's row and the end are one move */
	end();
}
END_TEST

START_TEST(forgets_the_oldest)
{
	begin(SET);
	for (int i = 0; i < 3 * BUNDLE_CACHE_IDLE; i++) {
		start(1, i);
		run_all();
	}
	ck_assert_int_eq(world.fetches, 3 * BUNDLE_CACHE_IDLE);
	start(1, 3 * BUNDLE_CACHE_IDLE - 1);	/* still there */
	run_all();
	ck_assert_int_eq(world.fetches, 3 * BUNDLE_CACHE_IDLE);
	start(1, 0);
	run_all();
	ck_assert_int_eq(world.fetches, 3 * BUNDLE_CACHE_IDLE + 1);
	end();
}
END_TEST

START_TEST(gives_back_what_it_cannot_read)
{
	begin("  - {id: a, teleport: {to: mars}}\n");
	start(3, 1);
	run_all();
	ck_assert_int_eq(world.released_later, 3);
	ck_assert_int_eq(world.rows, 0);
	world.fetch_error = ERR_NOT_FOUND;
	start(2, 2);
	run_all();
	ck_assert_int_eq(world.released_later, 5);
	end();
}
END_TEST

START_TEST(drops_while_the_bundle_is_on_its_way)
{
	begin(SET);
	world.hold_fetches = true;
	start(5, 1);
	loop_once(world.loop);
	engine_drop_all(world.engine);
	run_all();
	ck_assert_int_eq(world.ended, 5);
	ck_assert_int_eq(world.moves, 0);
	end();		/* the fetch is cancelled with the cache */
}
END_TEST

START_TEST(drains_while_the_bundle_is_on_its_way)
{
	begin(SET);
	world.hold_fetches = true;
	start(5, 1);
	loop_once(world.loop);
	engine_drain(world.engine);
	run_all();
	ck_assert_int_eq(world.released, 5);
	ck_assert_int_eq(world.ended, 5);
	start(2, 1);	/* claimed before the drain was known */
	run_all();
	ck_assert_int_eq(world.released, 7);
	answer_fetch(world.held[0]);
	end();
}
END_TEST

START_TEST(a_lost_fence_ends_all)
{
	begin(SET "  - {id: b, set: {x: 2}}\n");
	world.status = MOVE_STALE;
	start(10, 1);
	run_all();
	ck_assert_int_eq(world.ended, 10);
	end();
}
END_TEST

START_TEST(already_is_as_good_as_ok)
{
	begin(SET "  - {id: b, set: {x: 2}}\n");
	world.status = MOVE_ALREADY;
	start(10, 1);
	run_all();
	ck_assert_int_eq(world.succeeded, 10);
	end();
}
END_TEST

/* Nobody else takes up what a live worker holds. */
START_TEST(a_refused_release_is_sent_again)
{
	double began = seconds();

	begin(SET);
	world.status = MOVE_REFUSED;
	start(2, 1);
	while (world.refused_releases < 4)
		loop_once(world.loop);
	ck_assert_int_eq(world.ended, 0);
	world.status = MOVE_OK;		/* the database is well again */
	run_all();
	ck_assert(seconds() - began >= 1.5);	/* after 0.5 s, after 1 s */
	ck_assert_int_eq(world.released, 2);
	ck_assert_int_eq(world.ended, 2);
	end();
}
END_TEST

START_TEST(an_unread_bundle_is_given_back_in_the_end)
{
	begin(SET);
	world.fetch_error = ERR_INVALID;
	world.refuse_releases = 3;
	start(1, 1);
	run_all();
	ck_assert_int_eq(world.refused_releases, 3);
	ck_assert_int_eq(world.released_later, 1);
	end();
}
END_TEST

/* Its worker ends, and the sweeper gives back what it had: nothing is to keep it from that for long. */
START_TEST(who_leaves_drops_what_it_cannot_release)
{
	begin(MODEL);
	start(3, 1);
	while (world.asked < 3)
		loop_once(world.loop);
	world.refuse_releases = 1000;
	engine_release_now(world.engine);
	run_all();
	ck_assert_int_eq(world.released, 0);
	ck_assert_int_eq(world.refused_releases, 9);
	ck_assert_int_eq(world.ended, 3);
	end();
}
END_TEST

START_TEST(what_cannot_be_released_goes_with_the_lease)
{
	begin(SET);
	world.status = MOVE_REFUSED;
	start(1, 1);
	while (world.refused_releases < 1)
		loop_once(world.loop);
	engine_drop_all(world.engine);
	run_all();
	ck_assert_int_eq(world.refused_releases, 1);
	ck_assert_int_eq(world.ended, 1);
	end();
}
END_TEST

START_TEST(cancels_one_of_many)
{
	struct claimed *c = claim(1, NULL);
	struct uuid id = c->task;

	begin(MODEL);
	start(3, 1);
	engine_start(world.engine, c, 0);
	while (world.asked < 4)
		loop_once(world.loop);
	engine_cancel(world.engine, &id);
	while (engine_active(world.engine) > 3)
		loop_once(world.loop);
	ck_assert_int_eq(world.ended, 1);
	engine_release_now(world.engine);
	run_all();
	ck_assert_int_eq(world.released, 3);
	end();
}
END_TEST

/* What a task costs that waits for a model, apart from what the gateway holds. */
START_TEST(a_waiting_task_is_small)
{
	struct arena *arenas[100];
	size_t most = 0;

	begin(MODEL);
	for (int i = 0; i < 100; i++) {
		struct claimed *c = claim(1, NULL);

		arenas[i] = c->arena;
		engine_start(world.engine, c, 1000000);
	}
	while (world.asked < 100)
		loop_once(world.loop);
	for (int i = 0; i < 100; i++)
		if (arena_bytes(arenas[i]) > most)
			most = arena_bytes(arenas[i]);
	printf("# a task that waits for a model: %zu bytes, its operation %zu\n", most, world.op_bytes);
	ck_assert_uint_lt(most + world.op_bytes, 12 * 1024);
	engine_drop_all(world.engine);
	run_all();
	end();
}
END_TEST

static const struct json *numbers(struct arena *a, int n)
{
	struct json_builder items, b;

	json_array_begin(&items, a);
	for (int i = 0; i < n; i++)
		json_array_add(&items, json_int(a, i));
	json_object_begin(&b, a);
	json_object_setc(&b, "list", json_array_end(&items));
	return json_object_end(&b);
}

static double time_loop(const char *yaml, int n)
{
	struct arena *a = arena_new(NULL);
	double t;

	begin(yaml);
	engine_start(world.engine, claim(1, numbers(a, n)), 1000000);
	t = seconds();
	run_all();
	t = seconds() - t;
	ck_assert_int_eq(world.succeeded, 1);
	end();
	arena_free(a);
	return t;
}

static const char *const loops[] = {
	"  - {id: e, for: {in: .input.list, do: [{id: a, when: .item < 0, set: {x: 1}}]}}\n",
	"  - {id: e, for: {in: .input.list, do: [{id: a, set: {x: '${ .item }'}}]}}\n",
	"  - {id: e, for: {in: .input.list, parallel: 100, do: [{id: a, set: {x: '${ .item }'}}, {id: b, set: {y: '${ .vars.x }'}}]}}\n",
	"  - {id: e, for: {in: .input.list, parallel: 8, output: '${ .index }', do: [{id: a, set: {x: 1}}]}}\n",
};

/* Ten times the items take about ten times as long, not a hundred times. */
START_TEST(long_loops_are_linear)
{
	double small = time_loop(loops[_i], 1000), large = time_loop(loops[_i], 10000);

	printf("# loop %d: 1000 items %.1f ms, 10000 items %.1f ms, %d moves\n", _i, small * 1e3, large * 1e3, world.moves);
	ck_assert_int_ge(world.rows, 10001);
	ck_assert(large < 40 * small + 0.2);
}
END_TEST

START_TEST(many_tasks)
{
	enum { N = 20000, AT_ONCE = 500 };
	double t;
	int left = N;

	begin(SET);
	t = seconds();
	while (left > 0 || engine_active(world.engine)) {
		int room = AT_ONCE - (int)engine_active(world.engine);

		for (; room > 0 && left > 0; room--, left--)
			start(1, 1);
		loop_once(world.loop);
	}
	t = seconds() - t;
	printf("# %d tasks of one step in %.2f s: %.0f a second\n", N, t, (double)N / t);
	ck_assert_int_eq(world.succeeded, N);
	end();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("many");
	TCase *t = tcase_create("many");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, shares_one_fetch);
	tcase_add_test(t, forgets_the_oldest);
	tcase_add_test(t, gives_back_what_it_cannot_read);
	tcase_add_test(t, drops_while_the_bundle_is_on_its_way);
	tcase_add_test(t, drains_while_the_bundle_is_on_its_way);
	tcase_add_test(t, a_lost_fence_ends_all);
	tcase_add_test(t, already_is_as_good_as_ok);
	tcase_add_test(t, a_refused_release_is_sent_again);
	tcase_add_test(t, an_unread_bundle_is_given_back_in_the_end);
	tcase_add_test(t, who_leaves_drops_what_it_cannot_release);
	tcase_add_test(t, what_cannot_be_released_goes_with_the_lease);
	tcase_add_test(t, cancels_one_of_many);
	tcase_add_test(t, a_waiting_task_is_small);
	tcase_add_loop_test(t, long_loops_are_linear, 0, sizeof loops / sizeof loops[0]);
	tcase_add_test(t, many_tasks);
	suite_add_tcase(s, t);
	return suite_run(s);
}
