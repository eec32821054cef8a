/* retire.c - takes leaves away whose time is over, beside writers.
 *
 * DETACH CONCURRENTLY locks nobody out, but cannot run in a function or a transaction, and waits for everyone who has the parent
 * open. Every wait ends after half a second and is tried again, at most 20 times, a random while later: then whoever waits behind us
 * goes on. A detach that was cut off is finished first.
 */
#include <libpq-fe.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "store/admin.h"
#include "store/connect.h"

enum { CONNECT_S = 10, TRIES = 20, PAUSE_MS = 500 };

struct retire {
	struct arena *arena;
	PGconn *conn;
	const _Atomic bool *stop;
	bool locked;			/* the last statement failed for a lock */
};

struct leaf_table {
	const char *parent, *name, *leaf;
	bool attached;
};

/* --- statements --- */

static int fail(struct retire *t, PGresult *r, struct err *err)
{
	const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
	enum err_code code = PQstatus(t->conn) == CONNECTION_BAD ? ERR_PG_DOWN : ERR_PG;

	state = state ? state : "";
	if (strcmp(state, "42501") == 0)
		code = ERR_FORBIDDEN;
	t->locked = strcmp(state, "55P03") == 0 || strcmp(state, "40P01") == 0;
	err_set(err, t->locked ? ERR_BUSY : code, "%s", PQresultErrorMessage(r));
	err->msg[strcspn(err->msg, "\n")] = '\0';
	PQclear(r);
	return -1;
}

/* A statement with at most one parameter; NULL with err. */
static PGresult *ask(struct retire *t, const char *sql, const char *param, struct err *err)
{
	PGresult *r = PQexecParams(t->conn, sql, param ? 1 : 0, NULL, &param, NULL, NULL, 0);
	ExecStatusType status = PQresultStatus(r);

	t->locked = false;
	if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
		return r;
	fail(t, r, err);
	return NULL;
}

static int run(struct retire *t, const char *sql, const char *param, struct err *err)
{
	PGresult *r = ask(t, sql, param, err);

	PQclear(r);
	return r ? 0 : -1;
}

static const char *quoted(struct retire *t, const char *name)
{
	char *q = PQescapeIdentifier(t->conn, name, strlen(name));
	const char *copy = q ? arena_strdup(t->arena, q) : "";

	PQfreemem(q);
	return copy;
}

static void pause_a_while(void)
{
	uint32_t r;
	struct timespec ts = {0};

	random_bytes(&r, sizeof r);
	ts.tv_nsec = (long)(r % PAUSE_MS) * 1000 * 1000;
	nanosleep(&ts, NULL);
}

/* --- one table --- */

enum link { LINK_GONE, LINK_WHOLE, LINK_PENDING };	/* between a leaf and its parent */

static int link_of(struct retire *t, const struct leaf_table *l, enum link *ret, struct err *err)
{
	PGresult *r = ask(t, "SELECT inhdetachpending FROM pg_catalog.pg_inherits WHERE inhrelid = pg_catalog.to_regclass('agentd.' || $1)",
			  l->name, err);

	if (!r)
		return -1;
	*ret = PQntuples(r) == 0 ? LINK_GONE : PQgetvalue(r, 0, 0)[0] == 't' ? LINK_PENDING : LINK_WHOLE;
	PQclear(r);
	return 0;
}

static int take_off(struct retire *t, const struct leaf_table *l, struct err *err)
{
	enum link link;

	if (link_of(t, l, &link, err) < 0)
		return -1;
	if (link == LINK_WHOLE && run(t, arena_printf(t->arena, "ALTER TABLE agentd.%s DETACH PARTITION agentd.%s CONCURRENTLY",
						      quoted(t, l->parent), quoted(t, l->name)), NULL, err) < 0)
		return -1;
	if (link == LINK_PENDING && run(t, arena_printf(t->arena, "ALTER TABLE agentd.%s DETACH PARTITION agentd.%s FINALIZE",
							quoted(t, l->parent), quoted(t, l->name)), NULL, err) < 0)
		return -1;
	return run(t, arena_printf(t->arena, "DROP TABLE IF EXISTS agentd.%s", quoted(t, l->name)), NULL, err);
}

static int retire_table(struct retire *t, const struct leaf_table *l, struct err *err)
{
	if (l->attached && strcmp(l->parent, "tasks") == 0 &&
	    run(t, "SELECT agentd.leaf_forget($1)", l->leaf, err) < 0)
		return -1;
	for (int i = 0; i < TRIES && !atomic_load(t->stop); i++) {
		if (i > 0)
			pause_a_while();
		if (take_off(t, l, err) == 0)
			return 0;
		if (!t->locked)
			return -1;
	}
	log_info("leaf.locked", "leaf=%s error=%s", l->name, log_quotec(err->msg));
	return -1;
}

/* --- all of them --- */

static int retire_all(struct retire *t, const char *args, int64_t *ret, struct err *err)
{
	PGresult *r;
	int rc = 0;

	if (run(t, "SELECT pg_catalog.set_config('lock_timeout', '500ms', false), pg_catalog.set_config('statement_timeout', '60s', false)",
		NULL, err) < 0)
		return -1;
	r = ask(t, "SELECT parent, name, leaf, attached FROM agentd.leaves_over($1)", args, err);
	if (!r)
		return -1;
	for (int i = 0; i < PQntuples(r) && rc == 0 && !atomic_load(t->stop); i++) {
		struct leaf_table l = {PQgetvalue(r, i, 0), PQgetvalue(r, i, 1), PQgetvalue(r, i, 2), PQgetvalue(r, i, 3)[0] == 't'};

		rc = retire_table(t, &l, err);
		*ret += rc == 0;
	}
	PQclear(r);
	return rc < 0 && err->code == ERR_BUSY ? 0 : rc;	/* next time */
}

int retire_run(const char *conninfo, const struct json *args, const _Atomic bool *stop, int64_t *ret, struct err *err)
{
	struct arena *a = arena_new(NULL);
	struct retire t = {.arena = a, .stop = stop};
	int rc = -1;

	*ret = 0;
	t.conn = connect_wait(conninfo, "agentd retire", CONNECT_S, err);
	if (t.conn)
		rc = retire_all(&t, str_cstr(a, json_text(a, args)), ret, err);
	PQfinish(t.conn);
	arena_free(a);
	return rc;
}
