/* migrate.c - numbered files, each in a transaction, under an advisory lock. Synchronous: used by agentctl alone. */
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

enum { MAX_FILES = 1000, MAX_FILE_BYTES = 4 << 20 };

struct file_row {
	int version;
	const char *name;
};

struct migration {
	struct arena *arena;
	PGconn *conn;
	const char *dir;
	struct file_row files[MAX_FILES];
	size_t n_files;
};

static int by_version(const void *a, const void *b)
{
	const struct file_row *x = a, *y = b;

	return (x->version > y->version) - (x->version < y->version);
}

/* NNNN_name.sql */
static int version_of(const char *name)
{
	size_t n = strlen(name);

	if (n < 10 || strcmp(name + n - 4, ".sql") != 0 || strspn(name, "0123456789") != 4 || name[4] != '_')
		return -1;
	return (int)strtol(name, NULL, 10);
}

static int list_files(struct migration *m, struct err *err)
{
	DIR *d = opendir(m->dir);
	const struct dirent *e;

	if (!d)
		return err_set(err, ERR_IO, "%s: %s", m->dir, strerror(errno));
	while ((e = readdir(d)) != NULL && m->n_files < MAX_FILES) {
		int version = version_of(e->d_name);

		if (version >= 0)
			m->files[m->n_files++] = (struct file_row){version, arena_strdup(m->arena, e->d_name)};
	}
	closedir(d);
	if (m->n_files == 0)
		return err_set(err, ERR_NOT_FOUND, "%s: no migrations, expected files like 0001_schema.sql", m->dir);
	qsort(m->files, m->n_files, sizeof m->files[0], by_version);
	for (size_t i = 1; i < m->n_files; i++)
		if (m->files[i].version == m->files[i - 1].version)
			return err_set(err, ERR_CONFIG, "%s and %s have the same number", m->files[i - 1].name, m->files[i].name);
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

static bool digest_is(const PGresult *r, int row, const struct digest *d)
{
	char hex[65];
	const char *stored = PQgetvalue(r, row, 1);

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

/* What was applied must be what the files say: another file behind an applied number is another schema. */
static int check_applied(struct migration *m, int *ret_version, struct err *err)
{
	PGresult *r = run(m, "SELECT to_regclass('agentd.schema_migrations') IS NOT NULL", err);
	bool exists;

	if (!r)
		return -1;
	exists = *PQgetvalue(r, 0, 0) == 't';
	PQclear(r);
	*ret_version = 0;
	if (!exists)
		return 0;
	r = run(m, "SELECT version, digest FROM agentd.schema_migrations ORDER BY version", err);
	if (!r)
		return -1;
	arena_defer(m->arena, (void (*)(void *))PQclear, r);
	for (int row = 0; row < PQntuples(r); row++) {
		int version = (int)strtol(PQgetvalue(r, row, 0), NULL, 10);

		*ret_version = version;
		for (size_t i = 0; i < m->n_files; i++) {
			struct str text;
			struct digest d;

			if (m->files[i].version != version)
				continue;
			if (read_file(m, &m->files[i], &text, &d, err) < 0)
				return -1;
			if (!digest_is(r, row, &d))
				return err_set(err, ERR_CONFIG, "%s was changed after it was applied to this database", m->files[i].name);
		}
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
	if (run_command(m, "BEGIN", err) < 0)
		return -1;
	if (run_command(m, text.p, err) < 0 ||
	    run_command(m, arena_printf(m->arena,
					"INSERT INTO agentd.schema_migrations VALUES (%d, '%s', '\\x%s', clock_timestamp())",
					f->version, f->name, hex), err) < 0 ||
	    run_command(m, "COMMIT", err) < 0) {
		PQclear(PQexec(m->conn, "ROLLBACK"));
		return err_prefix(err, "%s: ", f->name);
	}
	return 0;
}

static int migrate(struct migration *m, bool dry, struct migrate_report *ret, struct err *err)
{
	if (run_command(m, "SET client_min_messages = warning; SET lock_timeout = '60s'; SET timezone = 'UTC';"
			   "SELECT pg_advisory_lock(hashtext('agentd.migrate'))", err) < 0 ||
	    check_applied(m, &ret->from, err) < 0)
		return -1;
	ret->to = ret->from;
	for (size_t i = 0; i < m->n_files; i++) {
		if (m->files[i].version <= ret->from)
			continue;
		if (!dry && apply(m, &m->files[i], err) < 0)
			return -1;
		ret->to = m->files[i].version;
	}
	return 0;
}

int migrate_run(const char *conninfo, const char *dir, bool dry, struct migrate_report *ret, struct err *err)
{
	static const char *const keys[] = {"dbname", "fallback_application_name", "client_encoding", "connect_timeout", NULL};
	const char *values[] = {conninfo, "agentctl migrate", "UTF8", "10", NULL};
	struct arena *a = arena_new(NULL);
	struct migration *m = ARENA_NEW(a, struct migration);
	int rc = -1;

	m->arena = a;
	m->dir = dir;
	*ret = (struct migrate_report){0, 0};
	if (list_files(m, err) < 0)
		goto out;
	m->conn = PQconnectdbParams(keys, values, 1);
	if (PQstatus(m->conn) != CONNECTION_OK) {
		err_set(err, ERR_PG_DOWN, "%s", PQerrorMessage(m->conn));
		err->msg[strcspn(err->msg, "\n")] = '\0';
		goto out;
	}
	rc = migrate(m, dry, ret, err);
out:
	PQfinish(m->conn);
	arena_free(a);
	return rc;
}
