/* shadow.c - see shadow.h. */
#include "gateway/shadow.h"

#include <string.h>

#include "base/arena.h"
#include "gateway/spend.h"

struct shadow_decision *shadow_decide(struct arena *a, const struct route *own, int64_t deadline_ms)
{
	struct shadow_decision *d = ARENA_NEW(a, struct shadow_decision);
	struct route_choice choice = route_next(own, NULL, deadline_ms, 0);

	if (choice.end)
		d->problem = arena_strdup(a, choice.err.msg);
	else
		d->model = own->tier->steps[choice.step].model;
	return d;
}

/* What it was billed, or would be by the file's price of its model. */
static int64_t legacy_cost(const struct model_call *call, const struct model *asked)
{
	if (strcmp(call->cost_source, "provider") == 0 || strcmp(call->cost_source, "computed") == 0)
		return call->cost_pusd;
	return asked->price.free ? 0 : -1;
}

static int64_t own_cost(const struct model *own, const struct usage *usage, bool has_usage)
{
	int64_t cost;

	if (!own || (!has_usage && !own->price.free))
		return -1;
	return spend_cost(&own->price, usage, &cost) == 0 ? cost : -1;
}

const struct shadow_call *shadow_compare(struct arena *a, const struct shadow_decision *d, const struct model_call *call,
					 const struct model *asked, bool has_usage)
{
	struct shadow_call *s = ARENA_NEW(a, struct shadow_call);
	struct str answered = call->model_answered.n ? call->model_answered : call->model_asked;

	*s = (struct shadow_call){.own_provider = STR_NONE, .own_model = STR_NONE, .own_problem = str_from(d->problem)};
	s->own_pusd = own_cost(d->model, &call->usage, has_usage);
	s->legacy_pusd = legacy_cost(call, asked);
	if (d->model) {
		s->own_provider = d->model->provider->name;
		s->own_model = d->model->name;
		s->agrees = model_same(d->model->id, answered);
	}
	return s;
}
