/* explain.c - what would become of a question to a tier now, step by step: the route's own verdicts, for people. */
#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/loop.h"
#include "config/routing.h"
#include "gateway/endpoint.h"
#include "gateway/facts.h"
#include "gateway/gateway.h"
#include "gateway/route.h"

static const char *const ends[] = {[EXHAUSTED_FAIL] = "fail", [EXHAUSTED_REQUEUE] = "requeue", [EXHAUSTED_APPROVAL] = "approval"};

static const struct json *explain_step(struct arena *a, const struct route *r, size_t i, bool taken)
{
	const struct model *m = r->tier->steps[i].model;
	struct route_step s = route_judge(r, i);
	struct json_builder b;

	json_object_begin(&b, a);
	json_object_setc(&b, "model", json_string(a, m->name));
	json_object_setc(&b, "provider", json_string(a, m->provider->name));
	json_object_setc(&b, "verdict", json_stringc(a, verdict_word(s.verdict)));
	json_object_setc(&b, "why", s.why ? json_string_clean(a, str_from(s.why)) : json_null());
	json_object_setc(&b, "shut_ms", s.verdict >= STEP_OPEN ? json_int(a, r->facts[i].shut_ms) : json_null());
	json_object_setc(&b, "taken", json_bool(taken));
	return json_object_end(&b);
}

static const struct json *explain_end(struct arena *a, const struct route_choice *c)
{
	struct json_builder b;

	json_object_begin(&b, a);
	json_object_setc(&b, "then", json_stringc(a, c->wait ? "wait" : ends[c->then]));
	json_object_setc(&b, "error", c->wait ? json_null() : json_stringc(a, err_name(c->err.code)));
	json_object_setc(&b, "wait_ms", json_int(a, c->wait ? c->delay_ms : c->again_ms));
	return json_object_end(&b);
}

const struct json *gateway_explain(struct arena *a, const struct routing *r, const struct tier *t, const struct health *h,
				   const struct explain_question *q)
{
	struct route_fact *facts = facts_collect(a, r, endpoints_resolve(a, r), NULL, t, q->input_tokens, q->max_output);
	int64_t deadline_ms = tier_deadline_ms(t);
	struct json_builder b, steps;
	struct route_choice c;
	struct route *route;

	facts_refresh(a, facts, t, h);
	route = route_begin(a, t, q->task, facts, &(struct route_question){.input_tokens = q->input_tokens, .has_tools = q->has_tools});
	c = route_next(route, NULL, deadline_ms, 0);
	json_array_begin(&steps, a);
	for (size_t i = 0; i < t->n_steps; i++)
		json_array_add(&steps, explain_step(a, route, i, !c.end && !c.wait && c.step == i));
	json_object_begin(&b, a);
	json_object_setc(&b, "tier", json_string(a, t->name));
	json_object_setc(&b, "mode", json_stringc(a, r->mode == MODE_LIVE ? "live" : r->mode == MODE_SHADOW ? "shadow" : "off"));
	json_object_setc(&b, "takes", c.end || c.wait ? json_null() : json_string(a, t->steps[c.step].model->name));
	json_object_setc(&b, "else", c.end || c.wait ? explain_end(a, &c) : json_null());
	json_object_setc(&b, "steps", json_array_end(&steps));
	return json_object_end(&b);
}
