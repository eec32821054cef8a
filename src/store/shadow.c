/* shadow.c - see shadow.h. */
#include "store/shadow.h"

#include "store/call.h"

enum { HOLDS_MS = 30000 };

static const struct stmt report_stmt = {"shadow_report", "SELECT agentd.shadow_report($1, $2)"};
static const struct stmt holds_stmt = {"holds_open", "SELECT agentd.holds_open()"};

struct op *shadow_report(struct store *s, struct arena *a, int64_t since_us, int64_t until_us, int64_t deadline_ms, op_done_fn *done, void *arg)
{
	struct call *c = call_heavy(s, a, &report_stmt);

	params_int(&c->params, since_us);
	params_int(&c->params, until_us);
	return call_start(c, deadline_ms, call_read_text, done, arg);
}

struct op *shadow_holds_open(struct store *s, struct arena *a, op_done_fn *done, void *arg)
{
	return call_start(call_heavy(s, a, &holds_stmt), HOLDS_MS, call_read_text, done, arg);
}

struct str shadow_text_of(const struct op *op)
{
	return call_text_of(op);
}
