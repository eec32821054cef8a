/* webhooks.c - see webhooks.h. */
#include "store/webhooks.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "store/call.h"
#include "store/tasks.h"

static const struct stmt targets_stmt = {"webhook_targets", "SELECT agentd.webhook_targets($1)"};
static const struct stmt claim_stmt = {"webhook_claim", "SELECT id, event, target, url, attempt, tries, created_us, body, next_due_ms FROM "
							"agentd.webhook_claim($1, $2, $3, $4, $5, $6)"};
static const struct stmt done_stmt = {"webhook_done", "SELECT agentd.webhook_done($1, $2, $3, $4, $5, $6, $7)"};
static const struct stmt list_stmt = {"webhook_list", "SELECT agentd.webhook_list($1, $2, $3, $4, $5, $6)"};
static const struct stmt view_stmt = {"webhook_view", "SELECT agentd.webhook_view($1, $2, $3)"};
static const struct stmt retry_stmt = {"webhook_retry", "SELECT agentd.webhook_retry($1, $2, $3)"};
static const struct stmt of_task_stmt = {"webhooks_of_task", "SELECT agentd.webhooks_of_task($1, $2, $3)"};
static const struct stmt link_view_stmt = {"link_view", "SELECT agentd.link_view($1, $2, $3)"};
static const struct stmt link_decide_stmt = {"decide_by_link", "SELECT agentd.decide_by_link($1, $2, $3, $4, $5, $6)"};

enum claim_col { COL_ID, COL_EVENT, COL_TARGET, COL_URL, COL_ATTEMPT, COL_TRIES, COL_CREATED, COL_BODY, COL_NEXT };
enum { SENDER_DEADLINE_MS = 30000 };

/* --- senders --- */

struct op *webhooks_targets(struct store *s, struct arena *a, const struct json *targets, op_done_fn *done, void *arg)
{
	struct call *c = call_new(s, a, &targets_stmt);

	params_json(&c->params, targets);
	return call_start(c, SENDER_DEADLINE_MS, call_read_text, done, arg);
}

static int read_claimed(struct call *c, const PGresult *r, struct err *err)
{
	struct deliveries *d = ARENA_NEW(c->op.arena, struct deliveries);
	int n = PQntuples(r) - 1;
	struct delivery *v;

	if (n < 0)
		return err_set(err, ERR_PG, "webhook_claim: expected a last row");
	v = ARENA_ARRAY(c->op.arena, (size_t)n + 1, struct delivery);
	for (int i = 0; i < n; i++)
		v[i] = (struct delivery){
			.id = field_uuid(r, i, COL_ID),
			.event = field_str(r, i, COL_EVENT),
			.target = field_str(r, i, COL_TARGET),
			.url = field_str(r, i, COL_URL),
			.attempt = (int)field_int(r, i, COL_ATTEMPT),
			.tries = (int)field_int(r, i, COL_TRIES),
			.created_us = field_int(r, i, COL_CREATED),
			.body = field_str(r, i, COL_BODY),
		};
	*d = (struct deliveries){.v = v, .n = (size_t)n, .next_due_ms = field_is_null(r, n, COL_NEXT) ? -1 : field_int(r, n, COL_NEXT)};
	c->result = d;
	return 0;
}

struct op *webhooks_claim(struct store *s, struct arena *a, const struct delivery_claim *claim, op_done_fn *done, void *arg)
{
	struct call *c = call_new(s, a, &claim_stmt);
	struct array targets;

	array_begin(&targets, a, ARRAY_TEXT);
	for (size_t i = 0; i < claim->n_targets; i++)
		array_text(&targets, claim->targets[i]);
	params_uuid(&c->params, &claim->lease);
	params_array(&c->params, &targets);
	params_int(&c->params, claim->limit);
	params_int(&c->params, claim->lease_ms);
	params_int(&c->params, claim->max_body_bytes);
	params_int(&c->params, claim->hooks_limit);
	return call_start(c, SENDER_DEADLINE_MS, read_claimed, done, arg);
}

const struct deliveries *webhooks_claimed(const struct op *op)
{
	return ((const struct call *)op)->result;
}

struct op *webhooks_done(struct store *s, struct arena *a, const struct delivery_result *d, op_done_fn *done, void *arg)
{
	static const char *const words[] = {
		[DELIVERY_DELIVERED] = "delivered", [DELIVERY_FAILED] = "failed", [DELIVERY_AGAIN] = "again"};
	struct call *c = call_new(s, a, &done_stmt);

	params_uuid(&c->params, &d->id);
	params_uuid(&c->params, &d->lease);
	params_int(&c->params, d->attempt);
	params_text(&c->params, str_from(words[d->outcome]));
	if (d->status)
		params_int(&c->params, d->status);
	else
		params_text(&c->params, STR_NONE);
	params_text(&c->params, d->error);
	params_int(&c->params, d->delay_ms);
	return call_start(c, SENDER_DEADLINE_MS, call_read_text, done, arg);
}

/* --- people --- */

struct op *webhooks_list(struct store *s, struct arena *a, const struct task_page *f, const struct principal *by,
			 int64_t deadline_ms, op_done_fn *done, void *arg)
{
	struct call *c = call_heavy(s, a, &list_stmt);

	params_page(&c->params, f);
	params_principal(&c->params, by);
	return call_start(c, deadline_ms, call_read_text, done, arg);
}

static struct op *of_one(struct store *s, struct arena *a, const struct stmt *stmt, const struct uuid *id, const struct principal *by,
			 int64_t deadline_ms, op_done_fn *done, void *arg)
{
	struct call *c = call_new(s, a, stmt);

	params_uuid(&c->params, id);
	params_principal(&c->params, by);
	return call_start(c, deadline_ms, call_read_text, done, arg);
}

struct op *webhooks_view(struct store *s, struct arena *a, const struct uuid *id, const struct principal *by,
			 int64_t deadline_ms, op_done_fn *done, void *arg)
{
	return of_one(s, a, &view_stmt, id, by, deadline_ms, done, arg);
}

struct op *webhooks_retry(struct store *s, struct arena *a, const struct uuid *id, const struct principal *by,
			  int64_t deadline_ms, op_done_fn *done, void *arg)
{
	return of_one(s, a, &retry_stmt, id, by, deadline_ms, done, arg);
}

struct op *webhooks_of_task(struct store *s, struct arena *a, const struct uuid *task, const struct principal *by,
			    int64_t deadline_ms, op_done_fn *done, void *arg)
{
	return of_one(s, a, &of_task_stmt, task, by, deadline_ms, done, arg);
}

struct str webhooks_text_of(const struct op *op)
{
	return call_text_of(op);
}

/* --- links --- */

static struct call *link_call(struct store *s, struct arena *a, const struct stmt *stmt, const struct link_claim *l)
{
	struct call *c = call_new(s, a, stmt);

	params_uuid(&c->params, &l->approval);
	params_bytes(&c->params, l->digest);
	params_text(&c->params, l->recipient);
	return c;
}

struct op *links_view(struct store *s, struct arena *a, const struct link_claim *l, int64_t deadline_ms, op_done_fn *done, void *arg)
{
	return call_start(link_call(s, a, &link_view_stmt, l), deadline_ms, call_read_text, done, arg);
}

struct op *links_decide(struct store *s, struct arena *a, const struct link_claim *l, const struct link_decision *d, int64_t deadline_ms,
			op_done_fn *done, void *arg)
{
	struct call *c = link_call(s, a, &link_decide_stmt, l);

	params_text(&c->params, d->word);
	params_text(&c->params, d->comment);
	params_canonical(&c->params, d->form);
	return call_start(c, deadline_ms, call_read_text, done, arg);
}
