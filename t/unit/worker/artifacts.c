/* artifacts.c - the port of artifact tools over a store that the test plays: what follows what, and when it stops. */
#include "worker/artifacts.h"

#include <check.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "config/settings.h"
#include "store/artifacts.h"
#include "tools/artifact.h"
#include "../suite_run.h"

/* --- the played store --- */

enum kind { LIST, FIND, LOAD, SAVE, WRITE, KINDS };

static struct loop *loop;
static struct arena *arena;
static struct settings settings;
static const struct artifact_port *port;
static struct op *open_part;		/* NULL: nobody waits */
static int sent[KINDS];
static const struct file_saved file = {.file = {.b = {7}}};
static const struct artifact_found found = {.file = {.b = {7}}, .name = {"n", 1}, .media_type = {"a/b", 3}, .size = 5};
static struct artifact_new written;

static struct op *part_new(enum kind k, struct arena *a, op_done_fn *done, void *arg)
{
	open_part = ARENA_NEW(a, struct op);
	op_init(open_part, loop, a, NULL, done, arg);
	sent[k]++;
	return open_part;
}

struct op *artifacts_list(struct store *s, struct arena *a, const struct uuid *task, const struct principal *by, int64_t deadline_ms,
			  op_done_fn *done, void *arg)
{
	(void)s;
	(void)task;
	(void)by;
	(void)deadline_ms;
	return part_new(LIST, a, done, arg);
}

struct op *artifacts_find(struct store *s, struct arena *a, const struct uuid *id, const struct uuid *task, struct str name,
			  const struct principal *by, int64_t deadline_ms, op_done_fn *done, void *arg)
{
	(void)s;
	(void)task;
	(void)by;
	(void)deadline_ms;
	ck_assert(!id && str_is(name, "n"));
	return part_new(FIND, a, done, arg);
}

const struct artifact_found *artifacts_found_of(const struct op *op)
{
	(void)op;
	return &found;
}

struct op *artifacts_write(struct store *s, struct arena *a, const struct artifact_maker *m, const struct artifact_new *n,
			   const struct json *limits, int64_t deadline_ms, op_done_fn *done, void *arg)
{
	(void)s;
	(void)m;
	(void)limits;
	(void)deadline_ms;
	written = *n;
	return part_new(WRITE, a, done, arg);
}

struct str artifacts_text_of(const struct op *op)
{
	(void)op;
	return STR("{}");
}

struct op *files_save(struct store *s, struct arena *a, struct str bytes, const struct json *limits, int64_t deadline_ms, op_done_fn *done,
		     void *arg)
{
	(void)s;
	(void)limits;
	(void)deadline_ms;
	ck_assert(str_is(bytes, "hello"));
	return part_new(SAVE, a, done, arg);
}

const struct file_saved *files_saved_of(const struct op *op)
{
	(void)op;
	return &file;
}

struct op *files_load(struct store *s, struct arena *a, const struct artifact_found *f, size_t max, int64_t deadline_ms, op_done_fn *done,
		     void *arg)
{
	(void)s;
	(void)deadline_ms;
	ck_assert(uuid_eq(&f->file, &file.file));
	ck_assert_uint_eq(max, 9);
	return part_new(LOAD, a, done, arg);
}

static struct arena *loaded_in;
static struct str loaded;

struct str files_loaded_of(const struct op *op)
{
	loaded_in = arena_new(op->arena);
	return loaded = str_dup(loaded_in, STR("hello"));
}

struct arena *files_loaded_in(const struct op *op)
{
	(void)op;
	return loaded_in;
}

/* --- the tool's side --- */

static bool over;
static enum err_code result;
static struct artifact_answer got;
static const struct uuid task = {.b = {1}};
static const struct artifact_save to_save = {.task = {.b = {1}}, .fence = 3, .step = {"s", 1}, .name = {"n", 1}, .bytes = {"hello", 5}};

static void on_done(struct op *op, void *user)
{
	const struct artifact_answer *answer = port->answer(op);

	(void)user;
	over = true;
	result = op->err->code;
	got = (struct artifact_answer){
		.text = str_dup(arena, answer->text),
		.bytes = answer->bytes,
		.media_type = str_dup(arena, answer->media_type),
		.size = answer->size,
	};
	if (answer->bytes_in)
		arena_move(answer->bytes_in, arena);
}

static struct op *start(enum kind first)
{
	struct arena *a = arena_new(NULL);

	if (first == LIST)
		return port->list(port->arg, a, &task, 1000, on_done, NULL);
	if (first == FIND)
		return port->load(port->arg, a, &task, STR("n"), 9, 1000, on_done, NULL);
	return port->save(port->arg, a, &to_save, 1000, on_done, NULL);
}

/* The part that waits has ended, its completion did not run yet. */
static void part_ends(enum err_code code)
{
	struct err err = {.code = code};
	struct op *p = open_part;

	ck_assert_ptr_nonnull(p);
	open_part = NULL;
	op_complete(p, &err);
}

static void go_on(void)
{
	while (!open_part && !over)
		loop_once(loop);
}

static void setup(void)
{
	loop = loop_new();
	arena = arena_new(NULL);
	port = artifacts_port(arena, loop, NULL, &settings);
	/* tests may run in one process */
	open_part = NULL;
	over = false;
	memset(sent, 0, sizeof sent);
	memset(&got, 0, sizeof got);
	memset(&written, 0, sizeof written);
}

static void teardown(void)
{
	loop_free(loop);
	arena_free(arena);
}

static const struct {
	enum kind first, last;
	int before;			/* parts that went well */
} states[] = {{LIST, LIST, 0}, {FIND, FIND, 0}, {FIND, LOAD, 1}, {SAVE, SAVE, 0}, {SAVE, WRITE, 1}};

enum { STATES = sizeof states / sizeof states[0] };

static struct op *start_in(int i)
{
	struct op *op = start(states[i].first);

	for (int n = 0; n < states[i].before; n++) {
		part_ends(ERR_NONE);
		go_on();
	}
	ck_assert_int_eq(sent[states[i].last], 1);
	return op;
}

static void check_sent(int i)
{
	int n = 0;

	for (int k = 0; k < KINDS; k++)
		n += sent[k];
	ck_assert_msg(over && n == states[i].before + 1, "%d parts began", n);
}

START_TEST(gives_what_the_last_part_got)
{
	start(_i == 0 ? LIST : _i == 1 ? FIND : SAVE);
	while (!over) {
		part_ends(ERR_NONE);
		go_on();
	}
	ck_assert_int_eq(result, ERR_NONE);
	if (_i == 1) {
		ck_assert(str_is(got.bytes, "hello") && str_is(got.media_type, "a/b"));
		ck_assert_msg(got.bytes.p == loaded.p, "the bytes were copied");
		ck_assert_int_eq(got.size, 5);
	} else {
		ck_assert(str_is(got.text, "{}"));
	}
	if (_i == 2)
		ck_assert(str_is(written.name, "n") && uuid_eq(&written.file, &file.file));
}
END_TEST

START_TEST(errors_end_it)
{
	start_in(_i);
	part_ends(ERR_SIZE);
	go_on();
	check_sent(_i);
	ck_assert_int_eq(result, ERR_SIZE);
}
END_TEST

/* While a part is under way, and when it is over but nobody has heard of it. */
START_TEST(nothing_follows_a_cancel)
{
	int i = _i / 2;
	struct op *op = start_in(i);

	if (_i % 2)
		part_ends(ERR_NONE);
	open_part = NULL;
	op_cancel(op);
	go_on();
	check_sent(i);
	ck_assert_int_eq(result, ERR_CANCELLED);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("artifacts");
	TCase *t = tcase_create("artifacts");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, gives_what_the_last_part_got, 0, 3);
	tcase_add_loop_test(t, errors_end_it, 0, STATES);
	tcase_add_loop_test(t, nothing_follows_a_cancel, 0, STATES * 2);
	suite_add_tcase(s, t);
	return suite_run(s);
}
