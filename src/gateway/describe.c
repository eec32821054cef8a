/* describe.c - which steps of each tier are configured on this machine, and which caps there are, for people. */
#include "base/arena.h"
#include "base/clock.h"
#include "base/json.h"
#include "config/routing.h"
#include "gateway/endpoint.h"
#include "gateway/gateway.h"
#include "gateway/probes.h"

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

static void describe_endpoint(struct json_builder *b, const struct endpoint *e)
{
	struct arena *a = b->a;

	json_object_setc(b, "provider", json_string(a, e->provider->name));
	json_object_setc(b, "configured", json_bool(e->configured));
	json_object_setc(b, "key_env", text_or_null(a, wanted_key(e)));
	json_object_setc(b, "key_fingerprint", e->fingerprint.n ? json_string(a, e->fingerprint) : json_null());
	json_object_setc(b, "base_url", text_or_null(a, e->base_url));
	json_object_setc(b, "reason", text_or_null(a, e->reason));
	json_object_setc(b, "warning", text_or_null(a, e->warning));
}

static const struct json *describe_step(struct arena *a, const struct tier_step *s, const struct endpoint *e, const char *left_out)
{
	struct json_builder b;

	json_object_begin(&b, a);
	json_object_setc(&b, "model", json_string(a, s->model->name));
	describe_endpoint(&b, e);
	json_object_setc(&b, "left_out", text_or_null(a, left_out));
	return json_object_end(&b);
}

const struct json *gateway_describe(struct arena *a, const struct routing *r, const struct probes *p)
{
	const struct endpoint *endpoints = endpoints_resolve(a, r);
	int64_t now_us = clock_wall_us();
	struct json_builder tiers, steps;

	json_object_begin(&tiers, a);
	for (size_t i = 0; i < r->n_tiers; i++) {
		const struct tier *t = &r->tiers[i];

		json_array_begin(&steps, a);
		for (size_t k = 0; k < t->n_steps; k++) {
			const struct endpoint *e = endpoint_of(endpoints, r, t->steps[k].model);

			json_array_add(&steps, describe_step(a, &t->steps[k], e, probes_problem(a, p, r, e, now_us)));
		}
		json_object_set(&tiers, t->name, json_array_end(&steps));
	}
	return json_object_end(&tiers);
}

const struct json *gateway_describe_shadow(struct arena *a, const struct routing *r)
{
	struct json_builder b;
	struct endpoint e;

	if (!r->shadow)
		return NULL;
	endpoint_resolve(a, &r->shadow->provider, &e);
	json_object_begin(&b, a);
	describe_endpoint(&b, &e);
	return json_object_end(&b);
}

static const struct json *describe_cap(struct arena *a, const struct routing *r, const struct cap *c)
{
	struct json_builder b;

	json_object_begin(&b, a);
	json_object_setc(&b, "cap", json_string(a, c->name));
	json_object_setc(&b, "scope", json_stringc(a, cap_scope_name(c->scope)));
	json_object_setc(&b, "window", json_stringc(a, cap_window_name(c->window)));
	json_object_setc(&b, "zone", json_string(a, r->timezone));
	json_object_setc(&b, "limit_pusd", json_int(a, c->limit_pusd));
	json_object_setc(&b, "on_exceeded", json_stringc(a, cap_exceeded_name(c->on_exceeded)));
	return json_object_end(&b);
}

const struct json *gateway_caps(struct arena *a, const struct routing *r)
{
	struct json_builder b;

	json_array_begin(&b, a);
	for (size_t i = 0; i < r->n_caps; i++)
		json_array_add(&b, describe_cap(a, r, &r->caps[i]));
	return json_array_end(&b);
}
