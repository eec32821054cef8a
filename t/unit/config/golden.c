/* golden.c (test) - every file of t/config/good and t/config/bad against the .out beside it.
 *
 * GOLDEN_UPDATE=1 in the environment writes the .out files anew; read the difference before you commit it.
 */
#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "config/catalog.h"
#include "../write_file.h"
#include "../suite_run.h"

enum { MAX_CASES = 1000 };

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static size_t list_cases(struct arena *a, const char *dir, const char **names)
{
	size_t n = 0;
	DIR *d = opendir(dir);
	ck_assert_msg(d != NULL, "no directory %s", dir);
	for (const struct dirent *e; (e = readdir(d)) && n < MAX_CASES;)
		if (str_ends(str_from(e->d_name), STR(".yaml")))
			names[n++] = arena_printf(a, "%s/%s", dir, e->d_name);
	closedir(d);
	qsort(names, n, sizeof(*names), compare);
	return n;
}

/* true: as expected. */
static bool check_case(const char *path, bool good)
{
	struct arena *a = arena_new(NULL);
	struct diags *d = diags_new(a);
	struct buf got;
	struct str want = STR("");
	const char *out = arena_printf(a, "%.*s.out", (int)strlen(path) - 5, path);
	buf_init(&got, a);
	catalog_check_file(a, path, d);
	diag_print(d, &got);
	if (getenv("GOLDEN_UPDATE"))
		ck_assert_int_eq(write_file(out, buf_str(&got), 0644), 0);
	struct err err;
	if (file_read(a, out, 1 << 20, &want, &err) < 0)
		printf("# %s\n", err.msg);
	bool ok = str_eq(want, buf_str(&got)) && good == !diag_errors(d);
	if (!ok)
		printf("# %s %s\n# wanted:\n" STR_FMT "# got:\n" STR_FMT, path,
		       good ? "must have no errors" : "must have an error", STR_ARG(want), STR_ARG(buf_str(&got)));
	arena_free(a);
	return ok;
}

static void check_dir(const char *dir, bool good, size_t at_least)
{
	struct arena *a = arena_new(NULL);
	const char **names = ARENA_ARRAY(a, MAX_CASES, const char *);
	size_t n = list_cases(a, dir, names), failed = 0;
	for (size_t i = 0; i < n; i++)
		failed += !check_case(names[i], good);
	arena_free(a);
	ck_assert_uint_ge(n, at_least);
	ck_assert_msg(!failed, "%zu of %zu files in %s differ", failed, n, dir);
}

static void setup(void)
{
	const char *top = getenv("top_srcdir");
	ck_assert_msg(top && chdir(top) == 0 && chdir("t/config") == 0, "top_srcdir must name the source tree");
	unsetenv("AGENTD_DATABASE");
	int64_t now_us;
	ck_assert(time_parse(STR("2026-11-23T12:00:00Z"), &now_us));
	clock_fake_us(now_us);
}

START_TEST(test_good)
{
	check_dir("good", true, 10);
}
END_TEST

START_TEST(test_bad)
{
	check_dir("bad", false, 60);
}
END_TEST

START_TEST(test_root)
{
	struct arena *a = arena_new(NULL);
	struct diags *d = diags_new(a);
	struct buf got;
	buf_init(&got, a);
	const struct catalog *c = catalog_load(a, ".", d);
	diag_print(d, &got);
	ck_assert_msg(c != NULL, "%s", buf_cstr(&got));
	arena_free(a);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("config/golden");
	TCase *t = tcase_create("golden");
	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, test_good);
	tcase_add_test(t, test_bad);
	tcase_add_test(t, test_root);
	tcase_set_timeout(t, 120);
	suite_add_tcase(s, t);
	return suite_run(s);
}
