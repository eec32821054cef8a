/* approvals.c - see approvals.h. */
#include "store/approvals.h"

#include "base/arena.h"
#include "base/json.h"
#include "store/call.h"
#include "store/tasks.h"

static const struct stmt list_stmt = {"approval_list", "SELECT agentd.approval_list($1, $2, $3, $4, $5, $6)"};
static const struct stmt view_stmt = {"approval_view", "SELECT agentd.approval_view($1, $2, $3)"};
static const struct stmt decide_stmt = {"decide_approval", "SELECT agentd.decide_approval($1, $2, $3, $4, $5, $6, $7, $8)"};

struct op *approvals_list(struct store *s, struct arena *a, const struct task_page *f, const struct principal *by,
			  int64_t deadline_ms, op_done_fn *done, void *arg)
{
	struct call *c = call_heavy(s, a, &list_stmt);

	params_page(&c->params, f);
	params_principal(&c->params, by);
	return call_start(c, deadline_ms, call_read_text, done, arg);
}

struct op *approvals_view(struct store *s, struct arena *a, const struct uuid *id, const struct principal *by,
			  int64_t deadline_ms, op_done_fn *done, void *arg)
{
	struct call *c = call_new(s, a, &view_stmt);

	params_uuid(&c->params, id);
	params_principal(&c->params, by);
	return call_start(c, deadline_ms, call_read_text, done, arg);
}

struct op *approvals_decide(struct store *s, struct arena *a, const struct uuid *id, const struct decision *d, const struct principal *by,
			    int64_t deadline_ms, op_done_fn *done, void *arg)
{
	struct call *c = call_new(s, a, &decide_stmt);
	struct digest args;

	params_uuid(&c->params, id);
	params_text(&c->params, d->word);
	params_digest(&c->params, &d->digest);
	params_text(&c->params, d->comment);
	params_json(&c->params, d->args);
	if (d->args) {
		json_digest(d->args, &args);
		params_digest(&c->params, &args);
	} else {
		params_text(&c->params, STR_NONE);
	}
	params_canonical(&c->params, d->form);	/* two people who say the same say it in the same words */
	params_text(&c->params, by->name);
	return call_start(c, deadline_ms, call_read_text, done, arg);
}

struct str approvals_text_of(const struct op *op)
{
	return call_text_of(op);
}
