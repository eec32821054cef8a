/* facts.c - see facts.h. */
#include "gateway/facts.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "gateway/endpoint.h"
#include "gateway/probes.h"
#include "gateway/spend.h"

/* Of a probe nobody knows when it ends: whoever wants to be the next one looks again after this, or when that is told. */
enum { LOOK_AGAIN_MS = 1000 };

struct route_fact *facts_collect(struct arena *a, const struct routing *r, const struct endpoint *endpoints, const struct probes *probes,
				 const struct tier *t, int64_t input_tokens, int64_t max_output)
{
	struct route_fact *facts = ARENA_ARRAY(a, t->n_steps, struct route_fact);

	for (size_t i = 0; i < t->n_steps; i++) {
		const struct model *m = t->steps[i].model;
		const struct endpoint *e = endpoint_of(endpoints, r, m);
		int64_t estimate;
		struct err err;

		facts[i].configured = e->configured;
		facts[i].reason = e->reason;
		facts[i].not_probed = probes_problem(a, probes, r, e, clock_wall_us());
		if (spend_estimate(m, input_tokens, spend_max_output(m, max_output), &estimate, &err) < 0)
			facts[i].no_price = arena_strdup(a, err.msg);
	}
	return facts;
}

static enum err_code code_of(struct arena *a, struct str error_class, enum err_code preset)
{
	enum err_code code = error_class.n ? err_by_name(arena_printf(a, "model." STR_FMT, STR_ARG(error_class))) : ERR_NONE;

	return code == ERR_NONE ? preset : code;
}

static void shut_open(struct arena *a, struct route_fact *f, int64_t ms, struct str error_class)
{
	char text[32];

	duration_format(ms, text);
	f->shut = STEP_OPEN;
	f->shut_ms = ms;
	f->shut_code = code_of(a, error_class, ERR_MODEL_OVERLOADED);
	f->shut_why = arena_printf(a, "its breaker is open for %s more%s" STR_FMT, text, error_class.n ? ", after " : "", STR_ARG(error_class));
}

static void shut_probed(struct arena *a, struct route_fact *f, struct str error_class)
{
	f->shut = STEP_PROBED;
	f->shut_ms = LOOK_AGAIN_MS;
	f->shut_code = code_of(a, error_class, ERR_MODEL_OVERLOADED);
	f->shut_why = "its breaker is half-open, and another question tries whether it works again";
}

static void shut_rate(struct arena *a, struct route_fact *f, const struct model *m, int64_t ms)
{
	const struct provider *p = m->provider;
	char text[32];

	duration_format(ms, text);
	f->shut = STEP_RATE_LIMITED;
	f->shut_ms = ms;
	f->shut_code = ERR_MODEL_RATE_LIMITED;
	f->shut_why = arena_printf(a, "its limit (%s%s%s) is used up for %s", p->rpm ? "rpm" : "", p->rpm && p->tpm ? ", " : "", p->tpm ? "tpm" : "",
				   text);
}

void facts_refresh(struct arena *a, struct route_fact *facts, const struct tier *t, const struct health *h)
{
	for (size_t i = 0; i < t->n_steps; i++) {
		struct health_view v = {0};

		if (h)
			v = health_look(h, t->steps[i].model);
		facts[i].shut = STEP_USABLE;
		if (v.shut == SHUT_OPEN)
			shut_open(a, &facts[i], v.ms, v.error_class);
		else if (v.shut == SHUT_PROBED)
			shut_probed(a, &facts[i], v.error_class);
	}
}

void facts_shut(struct arena *a, struct route_fact *fact, const struct model *m, enum shut shut, int64_t ms)
{
	if (shut == SHUT_RATE)
		shut_rate(a, fact, m, ms);
	else if (shut == SHUT_PROBED)
		shut_probed(a, fact, STR(""));
	else
		shut_open(a, fact, ms, STR(""));
}
