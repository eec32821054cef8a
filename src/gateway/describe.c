/* describe.c - which steps of each tier are configured on this machine, for people who start agentd. */
#include "base/arena.h"
#include "base/json.h"
#include "config/routing.h"
#include "gateway/endpoint.h"
#include "gateway/gateway.h"

static const struct json *text_or_null(struct arena *a, const char *s)
{
	return s ? json_stringc(a, s) : json_null();
}

/* What an operator would have to set. */
static const char *wanted_key(const struct endpoint *e)
{
	if (e->key_env)
		return e->key_env;
	return e->provider->n_key_env ? e->provider->key_env[0] : NULL;
}

static const struct json *describe_step(struct arena *a, const struct tier_step *s, const struct endpoint *e)
{
	struct json_builder b;

	json_object_begin(&b, a);
	json_object_setc(&b, "model", json_string(a, s->model->name));
	json_object_setc(&b, "provider", json_string(a, e->provider->name));
	json_object_setc(&b, "configured", json_bool(e->configured));
	json_object_setc(&b, "key_env", text_or_null(a, wanted_key(e)));
	json_object_setc(&b, "reason", text_or_null(a, e->reason));
	return json_object_end(&b);
}

const struct json *gateway_describe(struct arena *a, const struct routing *r)
{
	const struct endpoint *endpoints = endpoints_resolve(a, r);
	struct json_builder tiers, steps;

	json_object_begin(&tiers, a);
	for (size_t i = 0; i < r->n_tiers; i++) {
		const struct tier *t = &r->tiers[i];

		json_array_begin(&steps, a);
		for (size_t k = 0; k < t->n_steps; k++)
			json_array_add(&steps, describe_step(a, &t->steps[k], endpoint_of(endpoints, r, t->steps[k].model)));
		json_object_set(&tiers, t->name, json_array_end(&steps));
	}
	return json_object_end(&tiers);
}
