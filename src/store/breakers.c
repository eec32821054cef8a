/* breakers.c - see breakers.h. */
#include "store/breakers.h"

#include "base/arena.h"
#include "base/json.h"
#include "store/call.h"

static const struct stmt read_stmt = {"health_read", "SELECT agentd.health_read()"};
static const struct stmt report_stmt = {"health_report", "SELECT agentd.health_report($1, $2, $3)"};
static const struct stmt admit_stmt = {"health_admit", "SELECT agentd.health_admit($1)"};
static const struct stmt close_stmt = {"health_close", "SELECT agentd.health_close($1)"};

struct op *breakers_read(struct store *s, struct arena *a, int64_t deadline_ms, op_done_fn *done, void *arg)
{
	return call_start(call_new(s, a, &read_stmt), deadline_ms, call_read_text, done, arg);
}

struct op *breakers_report(struct store *s, struct arena *a, const struct json *reports, const struct json *usage, const struct json *waits,
			   op_done_fn *done, void *arg)
{
	struct call *c = call_new(s, a, &report_stmt);

	params_json(&c->params, reports ? reports : json_empty_array());
	params_json(&c->params, usage);
	params_json(&c->params, waits);
	return call_start(c, 0, call_read_text, done, arg);
}

struct op *breakers_admit(struct store *s, struct arena *a, const struct json *asks, op_done_fn *done, void *arg)
{
	struct call *c = call_new(s, a, &admit_stmt);

	params_json(&c->params, asks);
	return call_start(c, 0, call_read_text, done, arg);
}

struct str breakers_text_of(const struct op *op)
{
	return call_text_of(op);
}

struct op *breakers_close(struct store *s, struct arena *a, struct str provider, int64_t deadline_ms, op_done_fn *done, void *arg)
{
	struct call *c = call_new(s, a, &close_stmt);

	params_text(&c->params, provider);
	return call_start(c, deadline_ms, call_read_text, done, arg);
}
