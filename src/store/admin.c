/* admin.c - bundles, tokens, sweeping, health. */
#include "store/admin.h"

#include <string.h>

#include "base/arena.h"
#include "base/crash.h"
#include "base/err.h"
#include "base/json.h"
#include "store/call.h"
#include "store/tasks.h"

enum { ADMIN_DEADLINE_MS = 30000, SWEEP_DEADLINE_MS = 90000 };

struct str admin_text_of(const struct op *op)
{
	return call_text_of(op);
}

/* --- bundles --- */

static const struct stmt reload_stmt = {"reload", "SELECT agentd.reload($1, $2, $3, $4)"};
static const struct stmt bundle_stmt = {"bundle", "SELECT agentd.bundle($1)"};
static const struct stmt workflow_stmt = {"workflow", "SELECT agentd.workflow_show($1)"};
static const struct stmt workflows_stmt = {"workflows", "SELECT agentd.workflows_list()"};

struct op *admin_reload(struct store *s, struct arena *a, const struct bundle_row *rows, size_t n, op_done_fn *done, void *arg)
{
	struct call *c = call_heavy(s, a, &reload_stmt);
	struct array workflow, digest, content, meta;

	array_begin(&workflow, a, ARRAY_TEXT);
	array_begin(&digest, a, ARRAY_BYTEA);
	array_begin(&content, a, ARRAY_JSON);
	array_begin(&meta, a, ARRAY_JSON);
	for (size_t i = 0; i < n; i++) {
		array_text(&workflow, rows[i].workflow);
		array_bytes(&digest, rows[i].digest.b, sizeof rows[i].digest.b);
		array_json(&content, rows[i].content);
		array_json(&meta, rows[i].meta);
	}
	params_array(&c->params, &workflow);
	params_array(&c->params, &digest);
	params_array(&c->params, &content);
	params_array(&c->params, &meta);
	return call_start(c, ADMIN_DEADLINE_MS, call_read_text, done, arg);
}

/* Workers need it to go on and have nothing better to do than to wait for it. */
struct op *admin_bundle(struct store *s, struct arena *a, const struct digest *d, op_done_fn *done, void *arg)
{
	struct call *c = call_new(s, a, &bundle_stmt);

	params_digest(&c->params, d);
	return call_start(c, 0, call_read_text, done, arg);
}

struct op *admin_workflows(struct store *s, struct arena *a, int64_t deadline_ms, op_done_fn *done, void *arg)
{
	return call_start(call_new(s, a, &workflows_stmt), deadline_ms, call_read_text, done, arg);
}

static const struct stmt pause_stmt = {"workflow_pause", "SELECT agentd.workflow_pause($1, $2, $3)"};
static const struct stmt settle_stmt = {"workflow_settle", "SELECT agentd.workflow_settle($1)"};

struct op *admin_workflow_pause(struct store *s, struct arena *a, struct str name, const struct principal *by, bool paused,
				op_done_fn *done, void *arg)
{
	struct call *c = call_heavy(s, a, &pause_stmt);

	params_text(&c->params, name);
	params_text(&c->params, by->name);
	params_bool(&c->params, paused);
	return call_start(c, ADMIN_DEADLINE_MS, call_read_text, done, arg);
}

struct op *admin_workflow_settle(struct store *s, struct arena *a, struct str name, op_done_fn *done, void *arg)
{
	struct call *c = call_heavy(s, a, &settle_stmt);

	params_text(&c->params, name);
	return call_start(c, ADMIN_DEADLINE_MS, call_read_text, done, arg);
}

struct op *admin_workflow(struct store *s, struct arena *a, struct str name, int64_t deadline_ms, op_done_fn *done, void *arg)
{
	struct call *c = call_new(s, a, &workflow_stmt);

	params_text(&c->params, name);
	return call_start(c, deadline_ms, call_read_text, done, arg);
}

/* --- tokens --- */

static const struct stmt token_create_stmt = {"token_create", "SELECT agentd.token_create($1, $2, $3, $4)"};
static const struct stmt token_list_stmt = {"token_list", "SELECT agentd.token_list()"};
static const struct stmt token_revoke_stmt = {"token_revoke", "SELECT agentd.token_revoke($1)"};
static const struct stmt token_check_stmt = {"token_check", "SELECT hash, name, scopes FROM agentd.token_check($1)"};

static const struct {
	const char *name;
	unsigned bit;
} scopes[] = {
	{"submit", SCOPE_SUBMIT}, {"read", SCOPE_READ}, {"approve", SCOPE_APPROVE}, {"admin", SCOPE_ADMIN}, {"metrics", SCOPE_METRICS},
};

unsigned scope_parse(struct str name)
{
	for (size_t i = 0; i < sizeof scopes / sizeof scopes[0]; i++)
		if (str_is(name, scopes[i].name))
			return scopes[i].bit;
	return 0;
}

const struct json *scope_names(struct arena *a, unsigned bits)
{
	struct json_builder list;

	json_array_begin(&list, a);
	for (size_t i = 0; i < sizeof scopes / sizeof scopes[0]; i++)
		if (bits & scopes[i].bit)
			json_array_add(&list, json_stringc(a, scopes[i].name));
	return json_array_end(&list);
}

struct op *admin_token_create(struct store *s, struct arena *a, const struct token_row *t, op_done_fn *done, void *arg)
{
	struct call *c = call_new(s, a, &token_create_stmt);
	struct array list;

	array_begin(&list, a, ARRAY_TEXT);
	for (size_t i = 0; i < t->n_scopes; i++)
		array_text(&list, t->scopes[i]);
	params_digest(&c->params, &t->hash);
	params_text(&c->params, t->name);
	params_array(&c->params, &list);
	params_int(&c->params, t->expires_us);
	return call_start(c, ADMIN_DEADLINE_MS, call_read_text, done, arg);
}

struct op *admin_token_list(struct store *s, struct arena *a, op_done_fn *done, void *arg)
{
	return call_start(call_new(s, a, &token_list_stmt), ADMIN_DEADLINE_MS, call_read_text, done, arg);
}

struct op *admin_token_revoke(struct store *s, struct arena *a, struct str name, op_done_fn *done, void *arg)
{
	struct call *c = call_new(s, a, &token_revoke_stmt);

	params_text(&c->params, name);
	return call_start(c, ADMIN_DEADLINE_MS, call_read_text, done, arg);
}

static int read_token(struct call *c, const PGresult *r, struct err *err)
{
	struct token_check *t = ARENA_NEW(c->op.arena, struct token_check);
	size_t n;
	const struct str *words;

	c->result = t;
	if (PQntuples(r) == 0)
		return 0;
	if (!field_digest(r, 0, 0, &t->hash))
		return err_set(err, ERR_PG, "token_check: expected a digest");
	t->name = field_str(r, 0, 1);
	words = field_words(c->op.arena, r, 0, 2, &n);
	for (size_t i = 0; i < n; i++)
		t->scopes |= scope_parse(words[i]);
	t->valid = true;
	return 0;
}

struct op *admin_token_check(struct store *s, struct arena *a, const struct digest *hash, int64_t deadline_ms,
			     op_done_fn *done, void *arg)
{
	struct call *c = call_new(s, a, &token_check_stmt);

	params_digest(&c->params, hash);
	return call_start(c, deadline_ms, read_token, done, arg);
}

const struct token_check *admin_token_check_of(const struct op *op)
{
	return ((const struct call *)op)->result;
}

/* --- sweeping --- */

static const struct {
	struct stmt stmt;
	enum pipe_name pipe;
} sweeps[] = {
	{{"expired_workers", "SELECT agentd.sweep_expired_workers($1)"}, PIPE_MAIN},
	{{"due_timers", "SELECT agentd.sweep_due_timers($1)"}, PIPE_MAIN},
	{{"deadlines", "SELECT agentd.sweep_deadlines($1)"}, PIPE_MAIN},
	{{"approvals", "SELECT agentd.sweep_approvals($1)"}, PIPE_MAIN},
	{{"expired_holds", "SELECT agentd.sweep_expired_holds($1)"}, PIPE_MAIN},
	{{"event_feed", "SELECT agentd.sweep_event_feed($1)"}, PIPE_MAIN},
	{{"artifacts", "SELECT agentd.sweep_artifacts($1)"}, PIPE_UPKEEP},
	{{"partitions", "SELECT agentd.sweep_partitions($1)"}, PIPE_UPKEEP},
	{{"paused", "SELECT agentd.sweep_paused($1)"}, PIPE_UPKEEP},
	{{"retention", "SELECT agentd.sweep_retention($1)"}, PIPE_UPKEEP},
};

static int read_count(struct call *c, const PGresult *r, struct err *err)
{
	int64_t *n = ARENA_NEW(c->op.arena, int64_t);

	if (PQntuples(r) != 1)
		return err_set(err, ERR_PG, "%s: expected one number", c->stmt->name);
	*n = field_int(r, 0, 0);
	c->result = n;
	CRASHPOINT("sweep.after_reply");
	return 0;
}

struct op *admin_sweep(struct store *s, struct arena *a, const char *duty, const struct json *args, op_done_fn *done, void *arg)
{
	for (size_t i = 0; i < sizeof sweeps / sizeof sweeps[0]; i++)
		if (strcmp(sweeps[i].stmt.name, duty) == 0) {
			struct call *c = call_new(s, a, &sweeps[i].stmt);

			c->pipe = sweeps[i].pipe;
			params_json(&c->params, args ? args : json_empty_object());
			CRASHPOINT("sweep.before_send");
			return call_start(c, SWEEP_DEADLINE_MS, read_count, done, arg);
		}
	fatal("unknown duty \"%s\"", duty);
}

int64_t admin_sweep_of(const struct op *op)
{
	const int64_t *n = ((const struct call *)op)->result;

	return n ? *n : 0;
}

/* --- admission --- */

static const struct stmt places_stmt = {"places", "SELECT agentd.places()"};
static const struct stmt admission_stmt = {"admission", "SELECT agentd.sweep_admission($1)"};

struct op *admin_places(struct store *s, struct arena *a, op_done_fn *done, void *arg)
{
	return call_start(call_new(s, a, &places_stmt), ADMIN_DEADLINE_MS, call_read_text, done, arg);
}

struct op *admin_admission(struct store *s, struct arena *a, const struct json *measured, op_done_fn *done, void *arg)
{
	struct call *c = call_new(s, a, &admission_stmt);

	params_json(&c->params, measured);
	return call_start(c, ADMIN_DEADLINE_MS, call_read_text, done, arg);
}

/* --- health --- */

static const struct stmt ping_stmt = {"ping", "SELECT agentd.ping()"};
static const struct stmt doctor_stmt = {"doctor", "SELECT agentd.doctor()"};
static const struct stmt lanes_stmt = {"lanes", "SELECT agentd.lanes_list()"};

/* Of the server's own, so that it serves before the first migration too. synchronous_commit is on in our sessions (link.c). */
static const struct stmt unsafe_stmt = {
	"unsafe", "SELECT coalesce(string_agg(name || ' is off', ', ' ORDER BY name), '') FROM pg_catalog.pg_settings "
		  "WHERE name IN ('fsync', 'full_page_writes') AND setting = 'off'"};

struct op *admin_unsafe(struct store *s, struct arena *a, op_done_fn *done, void *arg)
{
	return call_start(call_new(s, a, &unsafe_stmt), 0, call_read_text, done, arg);
}

struct op *admin_ping(struct store *s, struct arena *a, int64_t deadline_ms, op_done_fn *done, void *arg)
{
	return call_start(call_new(s, a, &ping_stmt), deadline_ms, call_read_text, done, arg);
}

struct op *admin_doctor(struct store *s, struct arena *a, op_done_fn *done, void *arg)
{
	return call_start(call_heavy(s, a, &doctor_stmt), ADMIN_DEADLINE_MS, call_read_text, done, arg);
}

struct op *admin_lanes(struct store *s, struct arena *a, op_done_fn *done, void *arg)
{
	return call_start(call_heavy(s, a, &lanes_stmt), ADMIN_DEADLINE_MS, call_read_text, done, arg);
}
