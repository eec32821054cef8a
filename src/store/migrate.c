/* migrate.c - numbered files, each applied once in a transaction; then the functions, all anew in one transaction when
 * their text differs from what was applied last. Under an advisory lock. Synchronous: used by agentctl alone.
 */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "store/admin.h"
#include "store/connect.h"

enum { CONNECT_S = 10, MAX_FILES = 1000, MAX_FILE_BYTES = 4 << 20 };

struct file_row {
	int version;			/* 0: holds functions */
	const char *name;		/* below dir */
};

struct file_list {
	struct file_row v[MAX_FILES];
	size_t n;
};

struct migration {
	struct arena *arena;
	PGconn *conn;
	const char *dir;
	struct file_list tables, functions;
};

/* Numbered ones by number, functions by name. */
static int by_order(const void *a, const void *b)
{
	const struct file_row *x = a, *y = b;

	if (x->version != y->version)
		return x->version < y->version ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* NNNN_name.sql: its number; -1: another file. */
static int version_of(const char *name)
{
	size_t n = strlen(name);

	if (n < 10 || strcmp(name + n - 4, ".sql") != 0 || strspn(name, "0123456789") != 4 || name[4] != '_')
		return -1;
	return (int)strtol(name, NULL, 10);
}

static int is_sql(const char *name)
{
	size_t n = strlen(name);

	return n > 4 && name[0] != '.' && strcmp(name + n - 4, ".sql") == 0 ? 0 : -1;
}

/* The files of dir/sub that version() takes, in order. A directory that is not there is an empty one. */
static int list_files(struct migration *m, const char *sub, int (*version)(const char *name), struct file_list *ret,
		      struct err *err)
{
	const char *dir = arena_printf(m->arena, "%s%s", m->dir, sub);
	DIR *d = opendir(dir);
	const struct dirent *e;

	if (!d && errno == ENOENT && *sub)
		return 0;
	if (!d)
		return err_set(err, ERR_IO, "%s: %s", dir, strerror(errno));
	while ((e = readdir(d)) != NULL && ret->n < MAX_FILES) {
		int v = version(e->d_name);

		if (v >= 0)
			ret->v[ret->n++] = (struct file_row){v,
						   arena_printf(m->arena, "%s%s%s", sub + (*sub == '/'), *sub ? "/" : "", e->d_name)};
	}
	closedir(d);
	if (ret->n)
		qsort(ret->v, ret->n, sizeof ret->v[0], by_order);
	return 0;
}

static int list_all(struct migration *m, struct err *err)
{
	if (list_files(m, "", version_of, &m->tables, err) < 0 || list_files(m, "/functions", is_sql, &m->functions, err) < 0)
		return -1;
	if (m->tables.n == 0)
		return err_set(err, ERR_NOT_FOUND, "%s: no migrations, expected files like 0001_schema.sql", m->dir);
	for (size_t i = 1; i < m->tables.n; i++)
		if (m->tables.v[i].version == m->tables.v[i - 1].version)
			return err_set(err, ERR_CONFIG, "%s and %s have the same number", m->tables.v[i - 1].name, m->tables.v[i].name);
	return 0;
}

/* NULL with err when it failed. */
static PGresult *run(struct migration *m, const char *sql, struct err *err)
{
	PGresult *r = PQexec(m->conn, sql);
	ExecStatusType status = PQresultStatus(r);

	if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
		return r;
	err_set(err, PQstatus(m->conn) == CONNECTION_BAD ? ERR_PG_DOWN : ERR_PG, "%s", PQresultErrorMessage(r));
	err->msg[strcspn(err->msg, "\n")] = '\0';
	if (PQresultErrorField(r, PG_DIAG_MESSAGE_HINT))
		err_hint(err, "%s", PQresultErrorField(r, PG_DIAG_MESSAGE_HINT));
	PQclear(r);
	return NULL;
}

static int run_command(struct migration *m, const char *sql, struct err *err)
{
	PGresult *r = run(m, sql, err);

	PQclear(r);
	return r ? 0 : -1;
}

static bool digest_is(const PGresult *r, int row, int col, const struct digest *d)
{
	char hex[65];
	const char *stored = PQgetvalue(r, row, col);

	digest_hex(d, hex);
	return strncmp(stored, "\\x", 2) == 0 && strcmp(stored + 2, hex) == 0;
}

static int read_file(struct migration *m, const struct file_row *f, struct str *text, struct digest *d, struct err *err)
{
	if (file_read(m->arena, arena_printf(m->arena, "%s/%s", m->dir, f->name), MAX_FILE_BYTES, text, err) < 0)
		return -1;
	digest_of(*text, d);
	return 0;
}

static int exists(struct migration *m, const char *table, bool *ret, struct err *err)
{
	PGresult *r = run(m, arena_printf(m->arena, "SELECT to_regclass('agentd.%s') IS NOT NULL", table), err);

	if (!r)
		return -1;
	*ret = *PQgetvalue(r, 0, 0) == 't';
	PQclear(r);
	return 0;
}

/* What was applied must be what the files say: another file behind an applied number is another schema. */
static int check_applied(struct migration *m, int *ret_version, struct err *err)
{
	PGresult *r;
	bool there;

	*ret_version = 0;
	if (exists(m, "schema_migrations", &there, err) < 0)
		return -1;
	if (!there)
		return 0;
	r = run(m, "SELECT version, digest FROM agentd.schema_migrations ORDER BY version", err);
	if (!r)
		return -1;
	arena_defer(m->arena, (void (*)(void *))PQclear, r);
	for (int row = 0; row < PQntuples(r); row++) {
		int version = (int)strtol(PQgetvalue(r, row, 0), NULL, 10);

		*ret_version = version;
		for (size_t i = 0; i < m->tables.n; i++) {
			struct str text;
			struct digest d;

			if (m->tables.v[i].version != version)
				continue;
			if (read_file(m, &m->tables.v[i], &text, &d, err) < 0)
				return -1;
			if (!digest_is(r, row, 1, &d))
				return err_set(err, ERR_CONFIG, "%s was changed after it was applied to this database",
					       m->tables.v[i].name);
		}
	}
	return 0;
}

/* Runs the text and, in the same transaction, what records it. */
static int apply_text(struct migration *m, const char *name, const char *text, const char *record, struct err *err)
{
	if (run_command(m, "BEGIN", err) < 0)
		return -1;
	if (run_command(m, text, err) < 0 || run_command(m, record, err) < 0 || run_command(m, "COMMIT", err) < 0) {
		PQclear(PQexec(m->conn, "ROLLBACK"));
		return err_prefix(err, "%s: ", name);
	}
	return 0;
}

static int apply(struct migration *m, const struct file_row *f, struct err *err)
{
	struct str text;
	struct digest d;
	char hex[65];

	if (read_file(m, f, &text, &d, err) < 0)
		return -1;
	digest_hex(&d, hex);
	return apply_text(m, f->name, text.p,
			  arena_printf(m->arena, "INSERT INTO agentd.schema_migrations VALUES (%d, '%s', '\\x%s', clock_timestamp())",
				       f->version, f->name, hex), err);
}

/* All function files as one text; whether they are what was applied last. */
static int read_functions(struct migration *m, struct str *ret_text, struct digest *ret_digest, bool *ret_same, struct err *err)
{
	struct buf b;
	PGresult *r;

	buf_init(&b, m->arena);
	buf_adds(&b, "SET LOCAL check_function_bodies = off;\n");	/* they may call one another, in any order */
	for (size_t i = 0; i < m->functions.n; i++) {
		struct str text;
		struct digest d;

		if (read_file(m, &m->functions.v[i], &text, &d, err) < 0)
			return -1;
		buf_addf(&b, "-- %s\n", m->functions.v[i].name);
		buf_addstr(&b, text);
		buf_adds(&b, "\n");
	}
	*ret_text = str_from(buf_cstr(&b));
	digest_of(*ret_text, ret_digest);
	*ret_same = false;
	if (exists(m, "schema_functions", ret_same, err) < 0)
		return -1;
	if (!*ret_same)
		return 0;
	r = run(m, "SELECT digest FROM agentd.schema_functions", err);
	if (!r)
		return -1;
	*ret_same = PQntuples(r) == 1 && digest_is(r, 0, 0, ret_digest);
	PQclear(r);
	return 0;
}

static int apply_functions(struct migration *m, bool dry, bool *ret_replaced, struct err *err)
{
	struct str text;
	struct digest d;
	bool same;
	char hex[65];

	if (m->functions.n == 0)
		return 0;
	if (read_functions(m, &text, &d, &same, err) < 0)
		return -1;
	*ret_replaced = !same;
	if (same || dry)
		return 0;
	digest_hex(&d, hex);
	return apply_text(m, "functions", text.p,
			  arena_printf(m->arena, "INSERT INTO agentd.schema_functions (digest, applied_at) "
						 "VALUES ('\\x%s', clock_timestamp()) ON CONFLICT (one) DO UPDATE "
						 "SET digest = excluded.digest, applied_at = excluded.applied_at",
				       hex), err);
}

static int migrate(struct migration *m, bool dry, struct migrate_report *ret, struct err *err)
{
	if (run_command(m, "SET client_min_messages = warning; SET lock_timeout = '60s'; SET timezone = 'UTC';"
			   "SELECT pg_advisory_lock(hashtext('agentd.migrate'))", err) < 0 ||
	    check_applied(m, &ret->from, err) < 0)
		return -1;
	ret->to = ret->from;
	for (size_t i = 0; i < m->tables.n; i++) {
		if (m->tables.v[i].version <= ret->from)
			continue;
		if (!dry && apply(m, &m->tables.v[i], err) < 0)
			return -1;
		ret->to = m->tables.v[i].version;
	}
	return apply_functions(m, dry, &ret->functions, err);
}

int migrate_run(const char *conninfo, const char *dir, bool dry, struct migrate_report *ret, struct err *err)
{
	struct arena *a = arena_new(NULL);
	struct migration *m = ARENA_NEW(a, struct migration);
	int rc = -1;

	m->arena = a;
	m->dir = dir;
	*ret = (struct migrate_report){0};
	if (list_all(m, err) < 0)
		goto out;
	m->conn = connect_wait(conninfo, "agentctl migrate", CONNECT_S, err);
	if (!m->conn)
		goto out;
	rc = migrate(m, dry, ret, err);
out:
	PQfinish(m->conn);
	arena_free(a);
	return rc;
}
