/* sight.c - see sight.h. */
#include "store/sight.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "store/call.h"
#include "store/tasks.h"

static const struct stmt why_stmt = {"task_why", "SELECT agentd.task_why($1, $2, $3)"};
static const struct stmt trace_stmt = {"task_trace", "SELECT agentd.task_trace($1, $2, $3)"};
static const struct stmt cost_stmt = {"cost", "SELECT agentd.cost($1, $2, $3, $4, $5, $6, $7)"};
static const struct stmt spend_stmt = {"spend", "SELECT agentd.spend($1, $2)"};
static const struct stmt caps_stmt = {"caps_told", "SELECT agentd.caps_told($1)"};
static const struct stmt top_stmt = {"top", "SELECT agentd.top($1)"};

static struct op *of_task(struct store *s, struct arena *a, const struct stmt *stmt, const struct uuid *task, const struct principal *by,
			  int64_t deadline_ms, op_done_fn *done, void *arg)
{
	struct call *c = call_heavy(s, a, stmt);

	params_uuid(&c->params, task);
	params_principal(&c->params, by);
	return call_start(c, deadline_ms, call_read_text, done, arg);
}

struct op *sight_why(struct store *s, struct arena *a, const struct uuid *task, const struct principal *by, int64_t deadline_ms,
		     op_done_fn *done, void *arg)
{
	return of_task(s, a, &why_stmt, task, by, deadline_ms, done, arg);
}

struct op *sight_trace(struct store *s, struct arena *a, const struct uuid *task, const struct principal *by, int64_t deadline_ms,
		       op_done_fn *done, void *arg)
{
	return of_task(s, a, &trace_stmt, task, by, deadline_ms, done, arg);
}

int cost_by_parse(struct str text, struct cost_query *ret, struct err *err)
{
	static const char *const words[] = {"day", "workflow", "model", "task", "token"};
	struct str label = STR("label=");

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (str_is(text, words[i])) {
			ret->by = text;
			return 0;
		}
	if (!str_starts(text, label) || text.n == label.n || !utf8_valid(text))
		return err_set(err, ERR_INVALID, "by \"" STR_FMT "\": expected day, workflow, model, task, token or label=NAME", STR_ARG(text));
	ret->by = str_sub(text, 0, label.n - 1);
	ret->label = str_sub(text, label.n, text.n);
	return 0;
}

int cost_time_parse(const char *name, struct str text, int64_t now_us, int64_t *ret_us, struct err *err)
{
	int64_t ms;

	if (time_parse(text, ret_us))
		return 0;
	if (!duration_parse(text, &ms))
		return err_set(err, ERR_INVALID, "%s \"" STR_FMT "\": expected an RFC 3339 time, or how long ago: 7d, 12h", name, STR_ARG(text));
	*ret_us = now_us - ms * 1000;
	return 0;
}

struct op *sight_cost(struct store *s, struct arena *a, const struct cost_query *q, const struct principal *by, int64_t deadline_ms,
		      op_done_fn *done, void *arg)
{
	struct call *c = call_heavy(s, a, &cost_stmt);

	params_text(&c->params, q->by);
	params_text(&c->params, q->label);
	params_int(&c->params, q->since_us);
	params_int(&c->params, q->until_us);
	params_text(&c->params, q->workflow);
	params_principal(&c->params, by);
	return call_start(c, deadline_ms, call_read_text, done, arg);
}

struct op *sight_spend(struct store *s, struct arena *a, const struct principal *by, int64_t deadline_ms, op_done_fn *done, void *arg)
{
	struct call *c = call_new(s, a, &spend_stmt);

	params_principal(&c->params, by);
	return call_start(c, deadline_ms, call_read_text, done, arg);
}

static void on_told(struct op *op, void *arg)
{
	(void)arg;
	if (op->err->code != ERR_NONE && op->err->code != ERR_CANCELLED)
		log_warn("caps.untold", "message=%s", log_quotec(op->err->msg));
}

void sight_tell_caps(struct store *s, const struct json *caps)
{
	struct arena *a = arena_new(NULL);
	struct call *c = call_new(s, a, &caps_stmt);

	c->patient = true;
	params_text(&c->params, json_text(a, caps));
	call_start(c, 0, call_read_text, on_told, NULL);
}

struct op *sight_top(struct store *s, struct arena *a, bool spend, int64_t deadline_ms, op_done_fn *done, void *arg)
{
	struct call *c = call_heavy(s, a, &top_stmt);

	params_bool(&c->params, spend);
	return call_start(c, deadline_ms, call_read_text, done, arg);
}

struct str sight_text_of(const struct op *op)
{
	return call_text_of(op);
}
