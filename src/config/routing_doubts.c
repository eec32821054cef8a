/* routing_doubts.c - what routing.yaml allows and hardly means: two of the same, conditions that never change, time that cannot be. */
#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "config/expr.h"
#include "config/routing_load.h"

enum { MANY_DEADLINES = 4 };	/* totals of the steps that are so many times the deadline are a mistake */

/* --- providers --- */

static bool same_keys(const struct provider *a, const struct provider *b)
{
	if (a->n_key_env != b->n_key_env)
		return false;
	for (size_t i = 0; i < a->n_key_env; i++)
		if (strcmp(a->key_env[i], b->key_env[i]) != 0)
			return false;
	return true;
}

static bool are_twins(const struct provider *a, const struct provider *b)
{
	return a->wire == b->wire && a->wire != WIRE_REPLAY && a->base_url && b->base_url && strcmp(a->base_url, b->base_url) == 0 &&
	       !same_keys(a, b);
}

void routing_check_twins(struct routing_load *w)
{
	for (size_t i = 0; i < w->r->n_providers; i++)
		for (size_t k = 0; k < i; k++)
			if (are_twins(&w->providers[i], &w->providers[k])) {
				diag_add(w->l.d, DIAG_WARNING, w->providers[i].place, "limits and quotas often belong to the account, not to the key",
					 "provider \"" STR_FMT "\" has the wire and the address of \"" STR_FMT "\", with other keys",
					 STR_ARG(w->providers[i].name), STR_ARG(w->providers[k].name));
				break;
			}
}

/* --- models --- */

void routing_check_models(struct routing_load *w)
{
	for (size_t i = 0; i < w->r->n_models; i++) {
		const struct model *m = &w->models[i];
		if (m->provider && m->provider->wire == WIRE_OPENROUTER && m->price.free && !str_ends(m->id, STR(":free")))
			diag_add(w->l.d, DIAG_WARNING, yaml_get(w->model_nodes[i], "price")->at, "its free models have names that end with :free",
				 "model \"" STR_FMT "\" is said to be free, and \"" STR_FMT "\" may not be", STR_ARG(m->name), STR_ARG(m->id));
	}
}

/* --- tiers --- */

static void add_ref(void *arg, const struct str *keys, size_t n, size_t offset, size_t length)
{
	(void)keys, (void)n, (void)offset, (void)length;
	*(bool *)arg = true;
}

/* A condition that looks at nothing is always the same. */
static void check_condition(struct routing_load *w, const struct tier_step *s, const struct yaml *n)
{
	bool refers = false, holds;
	if (!s->when)
		return;
	expr_refs(s->when, add_ref, &refers);
	if (!refers && expr_test(s->when, json_empty_object(), &holds, NULL) == 0)
		diag_add(w->l.d, DIAG_WARNING, yaml_get(n, "when")->at, holds ? "leave it out" : "the step is never taken",
			 "\"when\" is always %s: it does not look at .task", holds ? "true" : "false");
}

/* Whatever makes the first one of them fail makes the second one fail. */
static void check_twice(struct routing_load *w, const struct tier *t, size_t i)
{
	const struct tier_step *s = &t->steps[i];
	for (size_t k = 0; k < i; k++)
		if (s->model && t->steps[k].model == s->model && !t->steps[k].when && !t->steps[k].if_unconfigured) {
			diag_add(w->l.d, DIAG_WARNING, s->place, "retry.max of a provider asks it again",
				 "tier \"" STR_FMT "\": model \"" STR_FMT "\" stands in it already, at line %d", STR_ARG(t->name),
				 STR_ARG(s->model->name), (int)t->steps[k].place.line);
			return;
		}
}

static void check_time(struct routing_load *w, const struct tier *t, const struct yaml *n)
{
	int64_t sum_ms = 0;
	for (size_t i = 0; i < t->n_steps; i++)
		if (t->steps[i].model && t->steps[i].model->provider)
			sum_ms += t->steps[i].model->provider->timeouts.total_ms;
	if (yaml_get(n, "deadline") && t->deadline_ms > 0 && t->n_steps > 1 && sum_ms > MANY_DEADLINES * t->deadline_ms)
		diag_add(w->l.d, DIAG_WARNING, yaml_get(n, "deadline")->at, "shorten timeout.total of the providers",
			 "its steps may take %lld s together: one that hangs leaves no time for the others", (long long)(sum_ms / 1000));
}

void routing_check_tier(struct routing_load *w, const struct tier *t, const struct yaml *n)
{
	const struct yaml *list = yaml_get(n, "steps");
	for (size_t i = 0; i < t->n_steps; i++) {
		check_condition(w, &t->steps[i], list->items[i]);
		check_twice(w, t, i);
	}
	check_time(w, t, n);
}
