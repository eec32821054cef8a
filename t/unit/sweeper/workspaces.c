/* workspaces.c - which directories go, which stay, and how deep they may be. */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/loop.h"
#include "config/settings.h"
#include "store/tasks.h"
#include "sweeper/sweep.h"
#include "../suite_run.h"

enum { MANY = 2500, DEEP = 200 };

struct look {
	struct op op;
	struct task_state *v;
	size_t n;
};

static struct loop *loop;
static struct arena *arena;
static struct settings settings;
static char dir[] = "/tmp/agentd-ws.XXXXXX";
static struct uuid unknown;		/* all others are known */
static bool fail_looks, done;
static size_t largest_look;
static enum err_code ended_with;

struct op *tasks_states(struct store *s, struct arena *a, const struct uuid *ids, size_t n, int64_t deadline_ms,
			op_done_fn *fn, void *arg)
{
	struct look *k = ARENA_NEW(a, struct look);
	struct err err = {0};

	(void)s;
	(void)deadline_ms;
	op_init(&k->op, loop, a, NULL, fn, arg);
	k->v = ARENA_ARRAY(a, n, struct task_state);
	for (size_t i = n; i-- > 0;)	/* in any order */
		if (!uuid_eq(&ids[i], &unknown))
			k->v[k->n++].id = ids[i];
	largest_look = n > largest_look ? n : largest_look;
	if (fail_looks)
		err_set(&err, ERR_PG_DOWN, "away");
	op_complete(&k->op, &err);
	return &k->op;
}

const struct task_state *tasks_states_of(const struct op *op, size_t *ret_n)
{
	*ret_n = ((const struct look *)op)->n;
	return ((const struct look *)op)->v;
}

static const char *path(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static const char *path(const char *fmt, ...)
{
	const char *rest;
	va_list ap;

	va_start(ap, fmt);
	rest = arena_vprintf(arena, fmt, ap);
	va_end(ap);
	return arena_printf(arena, "%s/%s", dir, rest);
}

static const char *workspace(const struct uuid *u)
{
	char text[37];

	uuid_format(u, text);
	return path("%s", text);
}

static bool is_there(const char *name)
{
	struct stat st;

	return lstat(name, &st) == 0;
}

static void make_file(const char *name)
{
	int fd = open(name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	close(fd);
}

static void on_done(struct op *op, void *arg)
{
	(void)arg;
	ended_with = op->err->code;
	done = true;
}

static void clean(void)
{
	done = false;
	duty_workspaces.start(loop, NULL, &settings, arena_new(NULL), on_done, NULL);
	while (!done)
		loop_once(loop);
}

static void setup(void)
{
	memcpy(dir + sizeof dir - 7, "XXXXXX", 6);
	ck_assert_ptr_nonnull(mkdtemp(dir));
	arena = arena_new(NULL);
	loop = loop_new();
	settings = (struct settings){.workspace_dir = dir};
	unknown = uuid_new();
	fail_looks = false;
	largest_look = 0;
}

static void teardown(void)
{
	DIR *d = opendir(dir);
	const struct dirent *e;

	ck_assert_msg(d != NULL, "%s: %s", dir, strerror(errno));
	while ((e = readdir(d)) != NULL)
		if (e->d_name[0] != '.' && unlinkat(dirfd(d), e->d_name, 0) < 0)
			unlinkat(dirfd(d), e->d_name, AT_REMOVEDIR);
	closedir(d);
	rmdir(dir);
	loop_free(loop);
	arena_free(arena);
}

/* The one that goes is found among many that stay, wherever it stands. */
START_TEST(one_of_many)
{
	struct uuid id;

	for (int i = 0; i < MANY; i++) {
		id = uuid_new();
		ck_assert_int_eq(mkdir(workspace(&id), 0700), 0);
		if (i == MANY / 2)
			ck_assert_int_eq(mkdir(workspace(&unknown), 0700), 0);
	}
	make_file(path("README"));
	clean();
	ck_assert_int_eq(ended_with, ERR_NONE);
	ck_assert(!is_there(workspace(&unknown)));
	ck_assert(is_there(workspace(&id)));
	ck_assert(is_there(path("README")));
	ck_assert_uint_le(largest_look, 1000);
}
END_TEST

START_TEST(everything_in_it)
{
	int at;

	ck_assert_int_eq(mkdir(workspace(&unknown), 0700), 0);
	make_file(path("outside"));
	ck_assert_int_eq(symlink(path("outside"), arena_printf(arena, "%s/link", workspace(&unknown))), 0);
	ck_assert_int_eq(symlink(dir, arena_printf(arena, "%s/up", workspace(&unknown))), 0);
	at = open(workspace(&unknown), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < DEEP; i++) {
		int next;

		ck_assert_int_eq(mkdirat(at, "d", 0700), 0);
		next = openat(at, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (i % 50 == 7)
			ck_assert_int_eq(fchmod(at, 0), 0);
		close(at);
		at = next;
	}
	ck_assert_int_eq(mkdirat(at, "agentd-deep-1", 0500), 0);
	close(at);
	clean();
	ck_assert(!is_there(workspace(&unknown)));
	ck_assert(is_there(path("outside")));
}
END_TEST

/* No answer, no removal. */
START_TEST(database_away)
{
	ck_assert_int_eq(mkdir(workspace(&unknown), 0700), 0);
	fail_looks = true;
	clean();
	ck_assert_int_eq(ended_with, ERR_PG_DOWN);
	ck_assert(is_there(workspace(&unknown)));
}
END_TEST

START_TEST(no_directory)
{
	settings.workspace_dir = "/nonexistent/workspaces";
	clean();
	ck_assert_int_eq(ended_with, ERR_NONE);
}
END_TEST

/* The loop's end waits for the pool thread. */
START_TEST(end_while_it_works)
{
	struct op *op;

	ck_assert_int_eq(mkdir(workspace(&unknown), 0700), 0);
	done = false;
	op = duty_workspaces.start(loop, NULL, &settings, arena_new(NULL), on_done, NULL);
	op_cancel(op);
	loop_free(loop);
	loop = loop_new();
	ck_assert(done);
	ck_assert_int_eq(ended_with, ERR_CANCELLED);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("workspaces");
	TCase *t = tcase_create("workspaces");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, one_of_many);
	tcase_add_test(t, everything_in_it);
	tcase_add_test(t, database_away);
	tcase_add_test(t, no_directory);
	tcase_add_test(t, end_while_it_works);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return suite_run(suite());
}
