/* file_whole.c - whole files over pieces that the test keeps: what is sent and got, and when it stops. */
#include <check.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "store/artifacts.h"
#include "store/call.h"
#include "../suite_run.h"

/* --- the played part: pieces --- */

enum { PIECES = 3, LAST = 1000, SIZE = (PIECES - 1) * FILE_CHUNK + LAST };

struct part {
	struct op op;			/* first */
	struct str bytes;
};

static struct loop *loop;
static struct arena *arena;
static char file[SIZE];			/* as it lies in the database */
static struct part *open_part;		/* NULL: nobody waits */
static int sent, ended, asked;
static struct digest ended_with;
static int64_t ended_size;
static const struct uuid ended_as = {.b = {7}};

static struct op *part_new(struct arena *a, op_done_fn *done, void *arg)
{
	open_part = ARENA_NEW(a, struct part);
	op_init(&open_part->op, loop, a, NULL, done, arg);
	return &open_part->op;
}

struct loop *store_loop(struct store *s)
{
	(void)s;
	return loop;
}

struct op *files_chunk(struct store *s, struct arena *a, const struct uuid *id, int nr, struct str bytes, const struct json *limits,
		      int64_t deadline_ms, op_done_fn *done, void *arg)
{
	(void)s;
	(void)id;
	(void)limits;
	(void)deadline_ms;
	ck_assert_int_eq(nr, sent++);
	ck_assert_uint_le((size_t)nr * FILE_CHUNK + bytes.n, SIZE);
	memcpy(file + (size_t)nr * FILE_CHUNK, bytes.p, bytes.n);
	return part_new(a, done, arg);
}

struct op *files_end(struct store *s, struct arena *a, const struct uuid *id, const struct digest *digest, int64_t size,
		    const struct json *limits, int64_t deadline_ms, op_done_fn *done, void *arg)
{
	(void)s;
	(void)id;
	(void)limits;
	(void)deadline_ms;
	ended++;
	ended_with = *digest;
	ended_size = size;
	return part_new(a, done, arg);
}

struct uuid files_ended_of(const struct op *op)
{
	(void)op;
	return ended_as;
}

struct op *files_read(struct store *s, struct arena *a, const struct uuid *id, int nr, int64_t deadline_ms, op_done_fn *done, void *arg)
{
	struct op *op = part_new(a, done, arg);

	(void)s;
	(void)id;
	(void)deadline_ms;
	ck_assert_int_eq(nr, asked++);
	open_part->bytes = str_sub((struct str){file, SIZE}, (size_t)nr * FILE_CHUNK, FILE_CHUNK);
	return op;
}

struct str files_bytes_of(const struct op *op)
{
	return ((const struct part *)op)->bytes;
}

/* --- those who want whole files --- */

static bool over;
static enum err_code result;
static struct file_saved saved;
static struct str bytes;		/* of what was loaded, kept as it lies */
static size_t taken;			/* memory of the operation */

static void on_saved(struct op *op, void *arg)
{
	(void)arg;
	over = true;
	result = op->err->code;
	saved = *files_saved_of(op);
}

static void on_loaded(struct op *op, void *arg)
{
	(void)arg;
	over = true;
	result = op->err->code;
	taken = arena_bytes(op->arena);
	bytes = files_loaded_of(op);
	arena_move(files_loaded_in(op), arena);
}

/* The part that waits has ended, its completion did not run yet. */
static void part_ends(enum err_code code)
{
	struct err err = {.code = code};
	struct part *p = open_part;

	ck_assert_ptr_nonnull(p);
	open_part = NULL;
	op_complete(&p->op, &err);
}

static void answer(enum err_code code)
{
	part_ends(code);
	while (!open_part && !over)
		loop_once(loop);
}

static struct str content(size_t n)
{
	char *p = arena_alloc(arena, n + 1);

	for (size_t i = 0; i < n; i++)
		p[i] = (char)(i * 7 + i / FILE_CHUNK);
	return (struct str){p, n};
}

static struct op *save(struct str s)
{
	return files_save(NULL, arena_new(NULL), s, NULL, 1000, on_saved, NULL);
}

static struct op *load(int64_t size, size_t max)
{
	struct artifact_found f = {.size = size};

	memcpy(file, content(SIZE).p, SIZE);
	return files_load(NULL, arena_new(NULL), &f, max, 1000, on_loaded, NULL);
}

static void setup(void)
{
	loop = loop_new();
	arena = arena_new(NULL);
	/* tests may run in one process */
	open_part = NULL;
	over = false;
	sent = ended = asked = 0;
}

static void teardown(void)
{
	loop_free(loop);
	arena_free(arena);
}

START_TEST(sends_all_pieces_and_their_digest)
{
	static const size_t sizes[] = {0, 1, FILE_CHUNK, FILE_CHUNK + 1, SIZE};
	struct str s = content(sizes[_i]);
	int pieces = (int)((s.n + FILE_CHUNK - 1) / FILE_CHUNK);
	struct digest digest;

	save(s);
	while (!over)
		answer(ERR_NONE);
	digest_of(s, &digest);
	ck_assert_int_eq(result, ERR_NONE);
	ck_assert_int_eq(sent, pieces);
	ck_assert_int_eq(ended, 1);
	ck_assert_int_eq(ended_size, (int64_t)s.n);
	ck_assert(digest_eq(&digest, &ended_with));
	ck_assert(uuid_eq(&saved.file, &ended_as) && digest_eq(&digest, &saved.digest));
	ck_assert(memcmp(file, s.p, s.n) == 0);
}
END_TEST

/* Not all at once in the end. */
START_TEST(hashes_what_is_sent_as_it_is_sent)
{
	char *p = arena_dup(arena, content(SIZE).p, SIZE);
	struct digest digest;

	save((struct str){p, SIZE});
	while (!over) {
		memset(p, 0, (size_t)sent * FILE_CHUNK < SIZE ? (size_t)sent * FILE_CHUNK : SIZE);
		answer(ERR_NONE);
	}
	digest_of(content(SIZE), &digest);
	ck_assert(digest_eq(&digest, &ended_with));
}
END_TEST

START_TEST(loads_the_beginning)
{
	static const struct {
		size_t max, got;
		int pieces;
	} cases[] = {
		{SIZE_MAX, SIZE, PIECES}, {SIZE, SIZE, PIECES}, {FILE_CHUNK + 5, FILE_CHUNK + 5, 2}, {FILE_CHUNK, FILE_CHUNK, 1}, {3, 3, 1},
	};

	load(SIZE, cases[_i].max);
	while (!over)
		answer(ERR_NONE);
	ck_assert_int_eq(result, ERR_NONE);
	ck_assert_int_eq(asked, cases[_i].pieces);
	ck_assert(str_eq(bytes, (struct str){file, cases[_i].got}));
	ck_assert_uint_lt(taken, cases[_i].got + 16384);
}
END_TEST

START_TEST(loads_nothing_of_nothing)
{
	load(0, SIZE_MAX);
	while (!over)
		loop_once(loop);
	ck_assert_int_eq(result, ERR_NONE);
	ck_assert_int_eq(asked, 0);
	ck_assert(bytes.p && bytes.n == 0);
}
END_TEST

/* _i pieces went well. */
START_TEST(errors_end_it)
{
	save(content(SIZE));
	for (int i = 0; i < _i; i++)
		answer(ERR_NONE);
	answer(ERR_STORE_FULL);
	ck_assert(over);
	ck_assert_int_eq(result, ERR_STORE_FULL);
	ck_assert_int_eq(sent + ended, _i + 1);
}
END_TEST

START_TEST(a_piece_that_is_gone_ends_it)
{
	load(SIZE, SIZE_MAX);
	answer(ERR_NONE);
	open_part->bytes = STR_NONE;
	answer(ERR_NONE);
	ck_assert_int_eq(result, ERR_NOT_FOUND);
	ck_assert_int_eq(asked, 2);
}
END_TEST

/* Cancelled while a part is under way, and when it is over but nobody has heard of it. */
static void check_cancel(struct op *op, int before, bool ends)
{
	for (int i = 0; i < before; i++)
		answer(ERR_NONE);
	if (ends)
		part_ends(ERR_NONE);
	open_part = NULL;
	op_cancel(op);
	while (!over && !open_part)
		loop_once(loop);
	ck_assert_msg(over, "another part began");
	ck_assert_int_eq(result, ERR_CANCELLED);
	ck_assert_int_eq(sent + ended + asked, before + 1);
}

START_TEST(a_cancelled_save_sends_no_more)
{
	check_cancel(save(content(SIZE)), _i / 2, _i % 2);
}
END_TEST

START_TEST(a_cancelled_load_asks_no_more)
{
	check_cancel(load(SIZE, SIZE_MAX), _i / 2, _i % 2);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("file_whole");
	TCase *t = tcase_create("file_whole");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, sends_all_pieces_and_their_digest, 0, 5);
	tcase_add_test(t, hashes_what_is_sent_as_it_is_sent);
	tcase_add_loop_test(t, loads_the_beginning, 0, 5);
	tcase_add_test(t, loads_nothing_of_nothing);
	tcase_add_loop_test(t, errors_end_it, 0, PIECES + 1);
	tcase_add_test(t, a_piece_that_is_gone_ends_it);
	tcase_add_loop_test(t, a_cancelled_save_sends_no_more, 0, (PIECES + 1) * 2);
	tcase_add_loop_test(t, a_cancelled_load_asks_no_more, 0, PIECES * 2);
	suite_add_tcase(s, t);
	return suite_run(s);
}
