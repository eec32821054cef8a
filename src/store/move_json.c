/* move_json.c - effects, holds, model calls and what they do at caps written out. */
#include "store/move_json.h"

#include "base/digest.h"
#include "base/json.h"
#include "base/uuid.h"

static const char *const effect_names[] = {
	[EFFECT_PLANNED] = "planned",	[EFFECT_DISPATCHED] = "dispatched",	    [EFFECT_DONE] = "done",
	[EFFECT_FAILED_BEFORE] = "failed_before_effect", [EFFECT_UNCERTAIN] = "uncertain",
};

static void begin(struct buf *out, size_t move)
{
	buf_addc(out, out->n ? ',' : '[');
	buf_adds(out, "{\"move\":");
	buf_addi(out, (int64_t)move);
}

struct str move_json_end(struct buf *out)
{
	if (!out->n)
		return STR_NONE;
	buf_addc(out, ']');
	return buf_str(out);
}

static void key(struct buf *out, const char *name)
{
	buf_adds(out, ",\"");
	buf_adds(out, name);
	buf_adds(out, "\":");
}

static void add_text(struct buf *out, const char *name, struct str s)
{
	key(out, name);
	if (s.p)
		json_write_string(out, s);
	else
		buf_adds(out, "null");
}

static void add_int(struct buf *out, const char *name, int64_t i)
{
	key(out, name);
	buf_addi(out, i);
}

static void add_double(struct buf *out, const char *name, double d)
{
	key(out, name);
	buf_addf(out, "%.17g", d);
}

static void add_uuid(struct buf *out, const char *name, const struct uuid *u)
{
	char text[37];

	key(out, name);
	if (uuid_is_nil(u)) {
		buf_adds(out, "null");
		return;
	}
	uuid_format(u, text);
	buf_addc(out, '"');
	buf_adds(out, text);
	buf_addc(out, '"');
}

static void add_digest(struct buf *out, const char *name, const struct digest *d)
{
	char hex[65];

	digest_hex(d, hex);
	key(out, name);
	buf_adds(out, "\"\\\\x");
	buf_adds(out, hex);
	buf_addc(out, '"');
}

void move_effects_json(struct buf *out, size_t move, const struct move *m)
{
	for (size_t i = 0; i < m->n_effects; i++) {
		const struct effect_change *e = &m->effects[i];

		begin(out, move);
		add_digest(out, "key", &e->key);
		add_text(out, "path", e->path);
		add_text(out, "tool", e->tool);
		add_text(out, "class", e->effect_class);
		add_digest(out, "args", &e->args);
		add_int(out, "try", e->attempt_try);
		add_text(out, "to", str_from(effect_names[e->to]));
		if (e->approval.p) {
			add_text(out, "approval", e->approval);
			add_digest(out, "approved", &e->approved);
		}
		if (e->result) {
			key(out, "result");
			json_write(out, e->result);
		}
		buf_addc(out, '}');
	}
}

void move_hold_json(struct buf *out, size_t move, const struct move *m)
{
	const struct spend_hold *h = m->hold;

	if (!h)
		return;
	begin(out, move);
	add_uuid(out, "id", &h->id);
	add_text(out, "path", h->path);
	add_int(out, "amount_pusd", h->amount_pusd);
	add_int(out, "expires_ms", h->expires_ms);
	key(out, "limits");
	buf_addc(out, '[');
	for (size_t i = 0; i < h->n_limits; i++) {
		buf_adds(out, i ? ",{\"path\":" : "{\"path\":");
		json_write_string(out, h->limits[i].path);
		add_int(out, "limit", h->limits[i].limit_pusd);
		buf_addc(out, '}');
	}
	buf_adds(out, "]}");
}

static void add_shadow(struct buf *out, const struct shadow_call *s)
{
	key(out, "shadow");
	buf_addf(out, "{\"agrees\":%s", s->agrees ? "true" : "false");
	add_text(out, "own_provider", s->own_provider);
	add_text(out, "own_model", s->own_model);
	add_text(out, "own_problem", s->own_problem);
	if (s->own_pusd >= 0)
		add_int(out, "own_pusd", s->own_pusd);
	if (s->legacy_pusd >= 0)
		add_int(out, "legacy_pusd", s->legacy_pusd);
	buf_addc(out, '}');
}

static void add_call(struct buf *out, size_t move, const struct model_call *c)
{
	begin(out, move);
	add_uuid(out, "id", &c->id);
	add_uuid(out, "hold", &c->hold);
	add_text(out, "path", c->path);
	add_int(out, "attempt", c->attempt);
	add_text(out, "tier", c->tier.p ? c->tier : STR(""));
	add_text(out, "provider", c->provider.p ? c->provider : STR(""));
	add_text(out, "model_asked", c->model_asked.p ? c->model_asked : STR(""));
	add_text(out, "model_answered", c->model_answered);
	add_text(out, "provider_request_id", c->provider_request_id);
	add_text(out, "key_fingerprint", c->key_fingerprint);
	add_text(out, "error_class", c->error_class.p ? c->error_class : STR(""));
	add_text(out, "operation", str_from(c->operation));
	add_text(out, "wire", c->wire);
	add_text(out, "finish_reason", c->finish_reason.n ? c->finish_reason : STR_NONE);
	if (c->max_output > 0)
		add_int(out, "max_output", c->max_output);
	if (c->has_temperature)
		add_double(out, "temperature", c->temperature);
	add_int(out, "http_status", c->http_status);
	add_int(out, "started_us", c->started_us);
	add_int(out, "first_byte_ms", c->first_byte_ms);
	add_int(out, "total_ms", c->total_ms);
	add_int(out, "in_fresh", c->usage.in_fresh);
	add_int(out, "in_cached", c->usage.in_cached);
	add_int(out, "in_write_5m", c->usage.in_write_5m);
	add_int(out, "in_write_1h", c->usage.in_write_1h);
	add_int(out, "out_text", c->usage.out_text);
	add_int(out, "out_reason", c->usage.out_reason);
	add_int(out, "cost_pusd", c->cost_pusd);
	add_text(out, "cost_source", str_from(c->cost_source ? c->cost_source : "none"));
	add_digest(out, "policy", &c->policy);
	if (c->shadow)
		add_shadow(out, c->shadow);
	buf_addc(out, '}');
}

void move_calls_json(struct buf *out, size_t move, const struct move *m)
{
	for (size_t i = 0; i < m->n_calls; i++)
		add_call(out, move, &m->calls[i]);
}

static void add_cap(struct buf *out, const struct spend_cap *c, bool first)
{
	buf_adds(out, first ? "{\"cap\":" : ",{\"cap\":");
	json_write_string(out, c->name);
	add_text(out, "scope", c->scope);
	add_text(out, "key", c->key);
	add_text(out, "window", c->window);
	add_text(out, "zone", c->zone);
	add_int(out, "limit_pusd", c->limit_pusd);
	buf_addc(out, '}');
}

static void add_take(struct buf *out, size_t move, const struct spend_hold *h)
{
	begin(out, move);
	add_uuid(out, "id", &h->id);
	add_text(out, "path", h->path);
	add_int(out, "amount_pusd", h->amount_pusd);
	add_int(out, "expires_ms", h->expires_ms);
	if (h->approval.p) {
		add_text(out, "approval", h->approval);
		add_digest(out, "digest", &h->approved);
	}
	key(out, "caps");
	buf_addc(out, '[');
	for (size_t i = 0; i < h->n_caps; i++)
		add_cap(out, &h->caps[i], i == 0);
	buf_adds(out, "]}");
}

void move_caps_json(struct buf *out, size_t move, const struct move *m)
{
	for (size_t i = 0; i < m->n_calls; i++) {
		if (!m->calls[i].capped)
			continue;
		begin(out, move);
		add_uuid(out, "hold", &m->calls[i].hold);
		add_uuid(out, "call", &m->calls[i].id);
		add_int(out, "cost_pusd", m->calls[i].cost_pusd);
		buf_addc(out, '}');
	}
	if (m->hold && m->hold->n_caps)
		add_take(out, move, m->hold);
}
