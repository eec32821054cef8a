/* admin.h - bundles, tokens, sweeping, migrations, health: everything but tasks.
 *
 * Shapes:  one op per call; texts are JSON as shown by the API and agentctl --json.
 * Units:   _ms, _us.
 * Memory:  results live in the op's arena.
 * Errors:  as in store.h; ERR_NOT_FOUND, ERR_CONFLICT.
 * Source:  sql/functions/4_bundles.sql (tokens too), sql/functions/5_page.sql, sql/functions/6_sweep.sql, sql/functions/7_admin.sql;
 *          agentd-internals(7), "Programs" and "Leaves".
 */
#ifndef STORE_ADMIN_H
#define STORE_ADMIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/loop.h"
#include "base/str.h"
#include "base/uuid.h"

struct arena;
struct json;
struct principal;
struct store;

/* --- bundles --- */
struct bundle_row {
	struct str workflow;
	struct digest digest;
	const struct json *content;	/* catalog.h: bundle_to_json() */
	/* {description, input, budget: {usd?, wall_ms?, turns?, calls?}, retain, lane: "browser+sandbox", semantics, steps: {ID: KIND}} */
	const struct json *meta;
};
/* Moves the active pointers of all given workflows, all or nothing; workflows that are not given become inactive
 * (no new tasks; running ones go on). Result: {"generation": N, "activated": [...], "unchanged": [...], "deactivated": [...]} */
struct op *admin_reload(struct store *s, struct arena *a, const struct bundle_row *rows, size_t n, op_done_fn *done, void *arg);
struct op *admin_bundle(struct store *s, struct arena *a, const struct digest *d, op_done_fn *done, void *arg);	/* content as JSON text */
struct op *admin_workflows(struct store *s, struct arena *a, int64_t deadline_ms, op_done_fn *done, void *arg);	/* {"workflows": [{name, description, bundle, generation, activated_at, input}]} */
/* No worker begins an attempt of the workflow's tasks until it is resumed. First the word is said, then its tasks are moved to where
 * it wants them; the second answers the workflow. ERR_BUSY: a transaction that submits lasts too long. */
struct op *admin_workflow_pause(struct store *s, struct arena *a, struct str name, const struct principal *by, bool paused,
				op_done_fn *done, void *arg);
struct op *admin_workflow_settle(struct store *s, struct arena *a, struct str name, op_done_fn *done, void *arg);
/* {"workflow": {one of those}, "content": the bundle} */
struct op *admin_workflow(struct store *s, struct arena *a, struct str name, int64_t deadline_ms, op_done_fn *done, void *arg);

/* --- tokens: only the SHA-256 is stored; the text is made by web/token.c or ctl --- */
struct token_row {
	struct digest hash;
	struct str name;
	const struct str *scopes;	/* submit read approve admin metrics */
	size_t n_scopes;
	int64_t expires_us;		/* 0: never */
};
struct op *admin_token_create(struct store *s, struct arena *a, const struct token_row *t, op_done_fn *done, void *arg);
struct op *admin_token_list(struct store *s, struct arena *a, op_done_fn *done, void *arg);
struct op *admin_token_revoke(struct store *s, struct arena *a, struct str name, op_done_fn *done, void *arg);
enum { SCOPE_SUBMIT = 1, SCOPE_READ = 2, SCOPE_APPROVE = 4, SCOPE_ADMIN = 8, SCOPE_METRICS = 16, SCOPE_ANY = 31 };
unsigned scope_parse(struct str name);	/* 0: unknown */
const struct json *scope_names(struct arena *a, unsigned bits);	/* ["submit", "read"] */
struct token_check {
	bool valid;			/* known, not revoked, not expired */
	struct digest hash;		/* as stored, for the constant-time compare */
	struct str name;
	unsigned scopes;
};
struct op *admin_token_check(struct store *s, struct arena *a, const struct digest *hash, int64_t deadline_ms,
			     op_done_fn *done, void *arg);
const struct token_check *admin_token_check_of(const struct op *op);

/* --- sweeper duties: one SQL function each, bounded work per call; result: rows touched --- */
struct op *admin_sweep(struct store *s, struct arena *a, const char *duty, const struct json *args, op_done_fn *done, void *arg);
int64_t admin_sweep_of(const struct op *op);	/* rows; more may be left when it equals the duty's bound */

/* Takes the leaves away whose time is over: DETACH CONCURRENTLY, then DROP, which no function may do. Synchronous, on a
 * connection of its own: for the thread pool. args as for "retention"; *ret counts tables. What is locked for long waits for the next time;
 * ERR_FORBIDDEN: the user does not own the tables, and "retention" has to drop them. stop: true ends it between two statements. */
int retire_run(const char *conninfo, const struct json *args, const _Atomic bool *stop, int64_t *ret, struct err *err);

/* --- admission --- */
struct op *admin_places(struct store *s, struct arena *a, op_done_fn *done, void *arg);	/* {"data": path or null} */
struct op *admin_admission(struct store *s, struct arena *a, const struct json *measured, op_done_fn *done, void *arg);	/* {level, was, why, causes} */

/* --- health --- */
struct op *admin_ping(struct store *s, struct arena *a, int64_t deadline_ms, op_done_fn *done, void *arg);	/* schema version and clock; for readyz */
struct op *admin_lanes(struct store *s, struct arena *a, op_done_fn *done, void *arg);	/* {"lanes": [{lane, workers, ready, unclaimed, running, waiting, oldest_ready_s}]} */
struct op *admin_doctor(struct store *s, struct arena *a, op_done_fn *done, void *arg);	/* {"checks": [{name, ok, level, detail}], "now"} */
/* Waits for the database. Settings of ours with which it may lose what it acknowledged, "fsync is off, ..."; "" when there are none.
 * Needs no schema. */
struct op *admin_unsafe(struct store *s, struct arena *a, op_done_fn *done, void *arg);

struct str admin_text_of(const struct op *op);

/* --- migrations: synchronous, on a connection of its own, under an advisory lock --- */
struct err;
struct migrate_report {
	int from, to;			/* version of the tables before and after */
	bool functions;			/* they were replaced */
};
/* dir holds NNNN_name.sql; runs what is missing, each file in a transaction; then dir/functions/NAME.sql, all in one, when their
 * text is not what was applied last. dry: only reports. */
int migrate_run(const char *conninfo, const char *dir, bool dry, struct migrate_report *ret, struct err *err);

#endif
