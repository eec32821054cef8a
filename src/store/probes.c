/* probes.c - see probes.h. */
#include "store/probes.h"

#include "store/call.h"
#include "store/tasks.h"

enum { RECORD_MS = 30000 };

static const struct stmt record_stmt = {"probe_record", "SELECT agentd.probe_record($1, $2, $3, $4, $5, $6, $7)"};
static const struct stmt read_stmt = {"probes", "SELECT agentd.probes()"};

struct op *probes_record(struct store *s, struct arena *a, const struct probe_success *p, const struct principal *by, op_done_fn *done, void *arg)
{
	struct call *c = call_new(s, a, &record_stmt);

	params_text(&c->params, p->provider);
	params_text(&c->params, p->base_url);
	params_text(&c->params, p->key_fingerprint);
	params_text(&c->params, p->model_asked);
	params_text(&c->params, p->model_answered);
	params_int(&c->params, p->latency_ms);
	params_text(&c->params, by->name);
	return call_start(c, RECORD_MS, call_read_text, done, arg);
}

struct op *probes_read(struct store *s, struct arena *a, op_done_fn *done, void *arg)
{
	return call_start(call_new(s, a, &read_stmt), 0, call_read_text, done, arg);
}

struct str probes_text_of(const struct op *op)
{
	return call_text_of(op);
}
