/* health_out.c - see health_out.h. */
#include "gateway/health_out.h"

#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "config/routing.h"
#include "gateway/health_rows.h"

void health_out_begin(struct health_out *o, struct arena *a)
{
	o->arena = a;
	json_array_begin(&o->reports, a);
	json_array_begin(&o->usage, a);
	json_array_begin(&o->waits, a);
	json_array_begin(&o->asks, a);
}

static const struct json *uuid_json(struct arena *a, const struct uuid *u)
{
	char text[37];

	uuid_format(u, text);
	return json_stringc(a, text);
}

void health_out_ask(struct health_out *o, const struct health_ticket *t, int64_t most_ms)
{
	const struct provider *p = t->model->provider;
	struct json_builder b, scopes;
	struct arena *a = o->arena;

	json_array_begin(&scopes, a);
	for (size_t i = 0; i < HEALTH_SCOPES; i++)
		if (t->probes[i])
			json_array_add(&scopes, json_string(a, health_scope(t->model, i)));
	json_object_begin(&b, a);
	json_object_setc(&b, "provider", json_string(a, p->name));
	json_object_setc(&b, "scopes", json_array_end(&scopes));
	json_object_setc(&b, "probe", uuid_json(a, &t->probe));
	json_object_setc(&b, "lease_ms", json_int(a, p->breaker.probe_lease_ms));
	json_object_setc(&b, "rpm", json_int(a, p->rpm));
	json_object_setc(&b, "tpm", json_int(a, p->tpm));
	json_object_setc(&b, "tokens", json_int(a, t->tokens));
	json_object_setc(&b, "most_ms", json_int(a, most_ms));
	json_array_add(&o->asks, json_object_end(&b));
}

void health_out_report(struct health_out *o, const struct health_ticket *t, size_t scope, enum breaker_effect effect, int64_t open_ms,
		       const struct err *err)
{
	const struct routing_breaker *s = &t->model->provider->breaker;
	struct arena *a = o->arena;
	struct json_builder b;

	json_object_begin(&b, a);
	json_object_setc(&b, "provider", json_string(a, t->model->provider->name));
	json_object_setc(&b, "scope", json_string(a, health_scope(t->model, scope)));
	json_object_setc(&b, "effect", json_stringc(a, breaker_effect_name(effect)));
	json_object_setc(&b, "no", json_int(a, t->no[scope]));
	json_object_setc(&b, "probe", t->probes[scope] ? uuid_json(a, &t->probe) : json_null());
	json_object_setc(&b, "class", json_stringc(a, err ? err_name(err->code) + strlen("model.") : ""));
	json_object_setc(&b, "message", json_string_clean(a, str_from(err ? err->msg : "")));
	json_object_setc(&b, "open_ms", json_int(a, open_ms));
	json_object_setc(&b, "failures", json_int(a, s->failures));
	json_object_setc(&b, "window_ms", json_int(a, s->window_ms));
	json_object_setc(&b, "open_first_ms", json_int(a, s->open_ms));
	json_object_setc(&b, "open_max_ms", json_int(a, s->open_max_ms));
	json_array_add(&o->reports, json_object_end(&b));
}

void health_out_tokens(struct health_out *o, const struct health_ticket *t, int64_t took)
{
	const struct provider *p = t->model->provider;
	struct arena *a = o->arena;
	struct json_builder b;

	json_object_begin(&b, a);
	json_object_setc(&b, "provider", json_string(a, p->name));
	json_object_setc(&b, "tpm", json_int(a, p->tpm));
	json_object_setc(&b, "tokens", json_int(a, t->tokens - took));
	json_array_add(&o->usage, json_object_end(&b));
}

void health_out_wait(struct health_out *o, const struct health_wait *w)
{
	struct arena *a = o->arena;
	struct json_builder b;

	json_object_begin(&b, a);
	json_object_setc(&b, "task", uuid_json(a, &w->task));
	json_object_setc(&b, "path", json_string(a, w->path));
	json_object_setc(&b, "fence", json_int(a, w->fence));
	json_object_setc(&b, "provider", json_string(a, w->provider));
	json_object_setc(&b, "reason", w->reason ? json_stringc(a, w->reason) : json_null());
	json_object_setc(&b, "left_ms", json_int(a, w->left_ms));
	json_object_setc(&b, "until_ms", w->until_ms >= 0 ? json_int(a, w->until_ms) : json_null());
	json_array_add(&o->waits, json_object_end(&b));
}
