/* migrate.c - fresh databases, repeats, changed files, broken files, dry runs, two at once. */
#include "store/admin.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "cluster.h"

static char dir[] = "/tmp/agentd-migrate.XXXXXX";
static char conninfo[70000];

static void put(const char *name, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

static void drop(const char *name)
{
	char path[256];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	unlink(path);
}

static const char first[] = "CREATE SCHEMA agentd; CREATE TABLE agentd.schema_migrations (version integer PRIMARY KEY, name text, "
			    "digest bytea, applied_at timestamptz);";

static void setup(void)
{
	/* The later dbname wins. */
	cluster_sql("CREATE DATABASE fresh");
	snprintf(conninfo, sizeof conninfo, "%s dbname=fresh", cluster_conninfo());
	put("0001_first.sql", first);
	put("0002_second.sql", "CREATE TABLE agentd.a (i integer); INSERT INTO agentd.a VALUES (1);");
	put("README", "not a migration");
}

static void teardown(void)
{
	cluster_sql("DROP DATABASE fresh");
	drop("0001_first.sql");
	drop("0002_second.sql");
	drop("0003_third.sql");
	drop("README");
}

START_TEST(from_nothing)
{
	struct migrate_report r;
	struct err err = {0};

	ck_assert_int_eq(migrate_run(conninfo, dir, true, &r, &err), 0);
	ck_assert_int_eq(r.from, 0);
	ck_assert_int_eq(r.to, 2);
	ck_assert_int_eq(migrate_run(conninfo, dir, false, &r, &err), 0);
	ck_assert_int_eq(r.from, 0);
	ck_assert_int_eq(r.to, 2);
	ck_assert_int_eq(migrate_run(conninfo, dir, false, &r, &err), 0);
	ck_assert_int_eq(r.from, 2);
	ck_assert_int_eq(r.to, 2);
	put("0003_third.sql", "INSERT INTO agentd.a VALUES (2);");
	ck_assert_int_eq(migrate_run(conninfo, dir, false, &r, &err), 0);
	ck_assert_int_eq(r.to, 3);
}
END_TEST

START_TEST(broken_file)
{
	struct migrate_report r;
	struct err err = {0};

	put("0003_third.sql", "CREATE TABLE agentd.b (i integer); SELECT nonsense;");
	ck_assert_int_eq(migrate_run(conninfo, dir, false, &r, &err), -1);
	ck_assert_msg(strstr(err.msg, "0003_third.sql: ") && strstr(err.msg, "nonsense"), "%s", err.msg);
	/* Its first statement is undone, the files before it are kept. */
	put("0003_third.sql", "CREATE TABLE agentd.b (i integer);");
	ck_assert_int_eq(migrate_run(conninfo, dir, false, &r, &err), 0);
	ck_assert_int_eq(r.from, 2);
	ck_assert_int_eq(r.to, 3);
}
END_TEST

START_TEST(changed_file)
{
	struct migrate_report r;
	struct err err = {0};

	ck_assert_int_eq(migrate_run(conninfo, dir, false, &r, &err), 0);
	put("0002_second.sql", "CREATE TABLE agentd.a (i bigint);");
	ck_assert_int_eq(migrate_run(conninfo, dir, false, &r, &err), -1);
	ck_assert_int_eq(err.code, ERR_CONFIG);
	ck_assert_ptr_nonnull(strstr(err.msg, "0002_second.sql was changed"));
}
END_TEST

START_TEST(what_is_wrong)
{
	struct migrate_report r;
	struct err err = {0};

	put("0002_other.sql", "SELECT 1;");
	ck_assert_int_eq(migrate_run(conninfo, dir, false, &r, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.msg, "same number"));
	drop("0002_other.sql");
	ck_assert_int_eq(migrate_run(conninfo, "/nonexistent", false, &r, &err), -1);
	ck_assert_int_eq(err.code, ERR_IO);
	ck_assert_int_eq(migrate_run("host=/nonexistent", dir, false, &r, &err), -1);
	ck_assert_int_eq(err.code, ERR_PG_DOWN);
}
END_TEST

START_TEST(two_at_once)
{
	struct migrate_report r;
	struct err err = {0};
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(migrate_run(conninfo, dir, false, &r, &err) == 0 ? 0 : 1);
	ck_assert_msg(migrate_run(conninfo, dir, false, &r, &err) == 0, "%s", err.msg);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(r.to, 2);
}
END_TEST

START_TEST(functions)
{
	struct migrate_report r;
	struct err err = {0};
	char path[256];

	snprintf(path, sizeof path, "%s/functions", dir);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	put("0003_third.sql", "CREATE TABLE agentd.schema_functions (one boolean PRIMARY KEY DEFAULT true, digest bytea, applied_at timestamptz);");
	/* the first calls the second, which is not there yet */
	put("functions/1_f.sql", "CREATE OR REPLACE FUNCTION agentd.f() RETURNS integer LANGUAGE sql AS $$ SELECT agentd.g() $$;");
	put("functions/2_g.sql", "CREATE OR REPLACE FUNCTION agentd.g() RETURNS integer LANGUAGE sql AS $$ SELECT 1 $$;");
	ck_assert_msg(migrate_run(conninfo, dir, false, &r, &err) == 0, "%s", err.msg);
	ck_assert_int_eq(r.to, 3);
	ck_assert(r.functions);
	ck_assert_int_eq(migrate_run(conninfo, dir, false, &r, &err), 0);
	ck_assert(!r.functions);
	put("functions/2_g.sql", "CREATE OR REPLACE FUNCTION agentd.g() RETURNS integer LANGUAGE sql AS $$ SELECT 2 $$;");
	ck_assert_int_eq(migrate_run(conninfo, dir, true, &r, &err), 0);
	ck_assert(r.functions);
	ck_assert_int_eq(migrate_run(conninfo, dir, false, &r, &err), 0);
	ck_assert(r.functions);
	/* One that fails replaces none. */
	put("functions/1_f.sql", "CREATE OR REPLACE FUNCTION agentd.f() RETURNS integer LANGUAGE sql AS $$ SELECT 3 $$;");
	put("functions/2_g.sql", "CREATE OR REPLACE nonsense");
	ck_assert_int_eq(migrate_run(conninfo, dir, false, &r, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.msg, "functions: "));
	put("functions/2_g.sql", "DO $$ BEGIN IF agentd.f() <> 3 THEN RAISE 'replaced before'; END IF; END $$;");
	ck_assert_msg(migrate_run(conninfo, dir, false, &r, &err) == 0, "%s", err.msg);
	drop("functions/1_f.sql");
	drop("functions/2_g.sql");
	rmdir(path);
}
END_TEST

/* The real files on an empty database, by the real code. */
START_TEST(shipped_files)
{
	struct migrate_report r;
	struct err err = {0};
	const char *top = getenv("top_srcdir");
	char sql[4096];

	snprintf(sql, sizeof sql, "%s/sql", top ? top : ".");
	ck_assert_msg(migrate_run(conninfo, sql, false, &r, &err) == 0, "%s", err.msg);
	ck_assert_int_gt(r.to, 8);
	ck_assert_int_eq(migrate_run(conninfo, sql, false, &r, &err), 0);
	ck_assert_int_eq(r.from, r.to);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("store/migrate");
	TCase *tc = tcase_create("migrate");
	SRunner *runner;
	int failed;

	cluster_start();
	if (!mkdtemp(dir))
		return 99;
	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, from_nothing);
	tcase_add_test(tc, broken_file);
	tcase_add_test(tc, changed_file);
	tcase_add_test(tc, what_is_wrong);
	tcase_add_test(tc, two_at_once);
	tcase_add_test(tc, functions);
	tcase_add_test(tc, shipped_files);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_set_fork_status(runner, CK_NOFORK);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	cluster_stop();
	rmdir(dir);
	return failed ? 1 : 0;
}
