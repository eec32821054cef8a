/* effects.c - reading the ledger and requests for a person, and what a tool's own query says of an uncertain effect. */
#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "store/call.h"
#include "store/queue.h"

static const struct stmt read_stmt = {"effect_read", "SELECT state, try, result, decision, by, id FROM agentd.effect_read($1, $2)"};
static const struct stmt word_stmt = {"reconcile_by_tool", "SELECT agentd.reconcile_by_tool($1, $2, $3, $4, $5, $6, $7)"};

enum { COL_STATE, COL_TRY, COL_RESULT, COL_DECISION, COL_BY, COL_ID };

static const char *const state_names[] = {
	[EFFECT_PLANNED] = "planned",	[EFFECT_DISPATCHED] = "dispatched",	    [EFFECT_DONE] = "done",
	[EFFECT_FAILED_BEFORE] = "failed_before_effect", [EFFECT_UNCERTAIN] = "uncertain",
};

static int read_state(struct str name, enum effect_state *ret, struct err *err)
{
	for (size_t i = 0; i < sizeof state_names / sizeof state_names[0]; i++) {
		if (str_is(name, state_names[i])) {
			*ret = (enum effect_state)i;
			return 0;
		}
	}
	return err_set(err, ERR_PG, "effect: unknown state \"" STR_FMT "\"", STR_ARG(name));
}

static int read_effect(struct call *c, const PGresult *r, struct err *err)
{
	struct arena *a = c->op.arena;
	struct effect_row *e;

	if (PQntuples(r) == 0)
		return 0;
	e = ARENA_NEW(a, struct effect_row);
	if (read_state(field_str(r, 0, COL_STATE), &e->state, err) < 0)
		return -1;
	e->attempt_try = (int)field_int(r, 0, COL_TRY);
	e->decision = field_str(r, 0, COL_DECISION);
	e->by = field_str(r, 0, COL_BY);
	e->id = field_uuid(r, 0, COL_ID);
	/* SQL takes results from callers that do not speak through us; what cannot be read is as if it were not there. */
	if (field_json(a, r, 0, COL_RESULT, &e->result, NULL) < 0)
		e->result = NULL;
	c->result = e;
	return 0;
}

struct op *queue_effect(struct store *s, struct arena *a, const struct uuid *task, const struct digest *key, op_done_fn *done,
			void *arg)
{
	struct call *c = call_new(s, a, &read_stmt);

	params_uuid(&c->params, task);
	params_digest(&c->params, key);
	return call_start(c, 0, read_effect, done, arg);
}

const struct effect_row *queue_effect_of(const struct op *op)
{
	return ((const struct call *)op)->result;
}

struct op *queue_tool_word(struct store *s, struct arena *a, const struct tool_word *w, op_done_fn *done, void *arg)
{
	struct call *c = call_new(s, a, &word_stmt);
	struct uuid id = uuid_new();	/* of this word: sent again it is the same one */

	params_uuid(&c->params, &w->task);
	params_int(&c->params, w->fence);
	params_text(&c->params, w->path);
	params_text(&c->params, w->happened ? STR("happened") : STR("did_not_happen"));
	params_json(&c->params, w->happened ? w->result : NULL);
	params_int(&c->params, w->attempt_try);
	params_uuid(&c->params, &id);
	return call_start(c, 0, call_read_text, done, arg);
}

/* --- requests for a person --- */

static const struct stmt approval_stmt = {"approval_read",
	"SELECT state, by, comment, form, args, digest, expires_us FROM agentd.approval_read($1, $2)"};

enum { APPROVAL_STATE, APPROVAL_BY, APPROVAL_COMMENT, APPROVAL_FORM, APPROVAL_ARGS, APPROVAL_DIGEST, APPROVAL_EXPIRES };

/* An answer or arguments that cannot be read are an error: what was not understood is not approved. */
static int read_approval(struct call *c, const PGresult *r, struct err *err)
{
	struct arena *a = c->op.arena;
	struct approval_row *row;

	if (PQntuples(r) == 0)
		return 0;
	row = ARENA_NEW(a, struct approval_row);
	row->state = field_str(r, 0, APPROVAL_STATE);
	row->by = field_str(r, 0, APPROVAL_BY);
	row->comment = field_str(r, 0, APPROVAL_COMMENT);
	row->expires_us = field_int(r, 0, APPROVAL_EXPIRES);
	if (!field_digest(r, 0, APPROVAL_DIGEST, &row->digest))
		return err_set(err, ERR_PG, "approval_read: expected a digest");
	if (field_json(a, r, 0, APPROVAL_FORM, &row->form, err) < 0 || field_json(a, r, 0, APPROVAL_ARGS, &row->args, err) < 0)
		return -1;
	c->result = row;
	return 0;
}

struct op *queue_approval(struct store *s, struct arena *a, const struct uuid *task, const struct uuid *id, op_done_fn *done, void *arg)
{
	struct call *c = call_new(s, a, &approval_stmt);

	params_uuid(&c->params, task);
	params_uuid(&c->params, id);
	return call_start(c, 0, read_approval, done, arg);
}

const struct approval_row *queue_approval_of(const struct op *op)
{
	return ((const struct call *)op)->result;
}
