/* tell.c - see tell.h. */
#include "gateway/tell.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "config/routing.h"
#include "gateway/gateway.h"
#include "gateway/probe_watch.h"
#include "store/shadow.h"

struct gateway_tell {
	struct arena *arena;
	struct store *store;
	struct gateway *gateway;
	struct probe_watch *watch;
	const struct routing *routing;	/* told last; NULL: none yet */
};

static const char *const mode_names[] = {[MODE_LIVE] = "live", [MODE_SHADOW] = "shadow", [MODE_OFF] = "off"};

static struct str text_of(const struct json *obj, const char *key)
{
	const struct json *v = json_getc(obj, key);

	return json_type(v) == JSON_STRING ? json_str(v) : STR("");
}

static void log_warning(const struct json *endpoint)
{
	struct str warning = text_of(endpoint, "warning");

	if (warning.n)
		log_warn("routing.key", "provider=%s warning=%s", log_quote(text_of(endpoint, "provider")), log_quote(warning));
}

static void log_step(struct str tier, const struct json *step)
{
	struct str left_out = text_of(step, "left_out");

	log_warning(step);
	if (left_out.n)
		log_warn("routing.left_out", "tier=%s model=%s provider=%s reason=%s", log_quote(tier), log_quote(text_of(step, "model")),
			 log_quote(text_of(step, "provider")), log_quote(left_out));
}

static void log_shadow(struct arena *a, const struct routing *r)
{
	const struct json *shadow = r->mode == MODE_SHADOW ? gateway_describe_shadow(a, r) : NULL;

	if (!shadow)
		return;
	log_warning(shadow);
	log_info("routing.shadow", "gateway=%s", log_quote(json_text(a, shadow)));
}

static void log_routing(void *arg, const struct probes *p)
{
	struct gateway_tell *t = arg;
	const struct routing *r = t->routing;
	struct arena *a = arena_new(t->arena);
	const struct json *tiers = gateway_describe(a, r, r->mode == MODE_LIVE ? p : NULL);

	log_info("routing.mode", "mode=%s", mode_names[r->mode]);
	for (size_t i = 0; i < json_len(tiers); i++) {
		const struct json *steps = json_val(tiers, i);

		log_info("routing.tier", "tier=%s steps=%s", log_quote(json_key(tiers, i)), log_quote(json_text(a, steps)));
		for (size_t k = 0; k < json_len(steps); k++)
			log_step(json_key(tiers, i), json_at(steps, k));
	}
	log_shadow(a, r);
	arena_free(a);
}

/* What mode live left open stays on its accounts; whoever compares the two has to know. */
static void on_holds(struct op *op, void *arg)
{
	struct err err = *op->err;
	const struct json *v;
	int64_t n = 0;

	(void)arg;
	if (err.code != ERR_NONE || json_parse(op->arena, shadow_text_of(op), NULL, &v, &err) < 0) {
		if (err.code != ERR_CANCELLED)
			log_error("routing.open_holds", "error=%s", log_quotec(err.msg));
		return;
	}
	if (json_to_int(json_getc(v, "holds"), &n) && n > 0)
		log_warn("routing.open_holds", "holds=%lld usd=%s hint=%s", (long long)n, log_quote(text_of(v, "usd")),
			 "\"paid calls of mode live have not been settled: their cost counts there\"");
}

struct gateway_tell *gateway_tell_new(struct arena *a, struct store *s, struct gateway *g)
{
	struct gateway_tell *t = ARENA_NEW(a, struct gateway_tell);

	t->arena = a;
	t->store = s;
	t->gateway = g;
	return t;
}

void gateway_tell(struct gateway_tell *t, const struct routing *r)
{
	bool leaves_live = t->routing && t->routing->mode == MODE_LIVE && r->mode == MODE_SHADOW;

	t->routing = r;
	gateway_set_routing(t->gateway, r);
	if (leaves_live)
		shadow_holds_open(t->store, arena_new(NULL), on_holds, t);
	if (t->watch)
		probe_watch_again(t->watch);
	else
		t->watch = probe_watch_start(t->arena, t->store, t->gateway, log_routing, t);
}
