/* gateway.c - the gateway: the routing in force, what is known of probes, and who is under way. */
#include "gateway/gateway.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "config/routing.h"
#include "gateway/endpoint.h"
#include "gateway/gateway_room.h"
#include "gateway/health.h"
#include "gateway/probes.h"
#include "gateway/slots.h"
#include "gateway/walk.h"

/* The copy of the breakers has changed. */
static void on_health(void *arg)
{
	struct gateway *g = arg;

	for (struct walk *w = g->walks; w; w = w->next)
		walk_look_again(w);
}

struct gateway *gateway_new(struct loop *l, struct http *h, struct store *s)
{
	struct arena *a = arena_new(NULL);
	struct gateway *g = ARENA_NEW(a, struct gateway);

	g->arena = a;
	g->loop = l;
	g->http = h;
	g->store = s;
	g->slots = slots_new(a);
	g->health = health_new(l, s);
	health_on_change(g->health, on_health, g);
	return g;
}

struct health *gateway_health(struct gateway *g)
{
	return g->health;
}

bool gateway_is_idle(const struct gateway *g)
{
	return !g->walks;
}

void gateway_free(struct gateway *g)
{
	if (!g)
		return;
	if (g->walks)
		fatal("gateway_free: calls are in flight");
	health_free(g->health);
	arena_free(g->arena);
}

bool gateway_set_probes(struct gateway *g, const struct probes *p)
{
	bool same = g->probes && probes_same(g->probes, p);
	struct arena *old = g->probes_arena;

	g->probes_arena = arena_new(g->arena);
	g->probes = probes_copy(g->probes_arena, p);
	arena_free(old);
	return !same;
}

void gateway_set_routing(struct gateway *g, const struct routing *r)
{
	struct snapshot *s = ARENA_NEW(g->arena, struct snapshot);

	s->routing = r;
	s->endpoints = r ? endpoints_resolve(g->arena, r) : NULL;
	g->now = r ? s : NULL;
}

int gateway_find_tier(const struct gateway *g, struct str name, bool embeds, const struct tier **ret, const struct tier **ret_own,
		      struct err *err)
{
	const struct routing *r = g->now ? g->now->routing : NULL;
	const struct tier *t = routing_tier(r, name);

	if (!r)
		return err_set(err, ERR_MODEL_NO_ROUTE, "tier \"" STR_FMT "\": there is no policies/routing.yaml", STR_ARG(name));
	if (r->mode == MODE_OFF)
		return err_set(err, ERR_MODEL_NO_ROUTE, "tier \"" STR_FMT "\": routing is in mode \"off\", no model is asked",
			       STR_ARG(name));
	if (!t)
		return err_set(err, ERR_MODEL_NO_ROUTE, "unknown tier \"" STR_FMT "\"", STR_ARG(name));
	if (t->embeds != embeds)
		return err_set(err, ERR_MODEL_NO_ROUTE, embeds ? "tier \"" STR_FMT "\" makes no embeddings (kind: embedding)"
			       : "tier \"" STR_FMT "\" makes embeddings, it cannot be asked", STR_ARG(name));
	if (embeds && r->mode == MODE_SHADOW)
		return err_set(err, ERR_MODEL_NO_ROUTE, "tier \"" STR_FMT "\": routing is in mode \"shadow\", in which nothing is embedded",
			       STR_ARG(name));
	*ret_own = r->mode == MODE_SHADOW ? t : NULL;
	*ret = r->mode == MODE_SHADOW ? routing_shadow_tier(r, t) : t;
	return 0;
}
