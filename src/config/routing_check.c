/* routing_check.c - link the names in routing.yaml and refuse what cannot work. */
#include "base/arena.h"
#include "config/routing_load.h"

enum { MAX_INDEXED_DIMS = 2000 };	/* of pgvector's indexes */

const char *routing_nearest(struct routing_load *w, struct str name, const struct str *first, size_t stride, size_t n)
{
	const char **names = ARENA_ARRAY(w->l.a, n ? n : 1, const char *);
	for (size_t i = 0; i < n; i++)
		names[i] = str_cstr(w->l.a, *(const struct str *)((const char *)first + i * stride));
	return load_nearest(w->l.d, w->l.a, name, names, n);
}

static void unknown(struct routing_load *w, const struct yaml *v, const char *what, const char *near)
{
	diag_error(w->l.d, v->at, "there is no %s \"" STR_FMT "\"%s", what, STR_ARG(v->text), near);
}

static void check_provider(struct routing_load *w, const struct provider *p, const struct yaml *n)
{
	struct diags *d = w->l.d;
	bool replay = p->wire == WIRE_REPLAY;
	if (n->kind != YAML_MAP || !yaml_get(n, "wire"))
		return;
	if (replay && !yaml_get(n, "file"))
		diag_error(d, p->place, "provider \"" STR_FMT "\": a replay provider needs \"file\"", STR_ARG(p->name));
	if (!replay && yaml_get(n, "file"))
		diag_error(d, yaml_get(n, "file")->at, "\"file\" belongs to the wire replay");
	if (!replay && !yaml_get(n, "base_url") && !yaml_get(n, "base_url_env"))
		diag_error(d, p->place, "provider \"" STR_FMT "\": base_url is missing", STR_ARG(p->name));
	if (!replay && p->wire != WIRE_OPENAI && !yaml_get(n, "key_env"))
		diag_add(d, DIAG_ERROR, p->place, "write `key_env: []` if it asks for none",
			 "provider \"" STR_FMT "\": key_env is missing", STR_ARG(p->name));
	if (p->timeouts.total_ms < p->timeouts.first_byte_ms || p->timeouts.total_ms < p->timeouts.connect_ms)
		diag_error(d, p->place, "provider \"" STR_FMT "\": timeout.total is shorter than connect or first_byte",
			   STR_ARG(p->name));
	if (p->breaker.probe_lease_ms < p->timeouts.total_ms)
		diag_error(d, p->place,
			   "provider \"" STR_FMT "\": breaker.probe_lease is shorter than timeout.total: two probes could run",
			   STR_ARG(p->name));
	if (p->breaker.open_max_ms < p->breaker.open_ms)
		diag_error(d, p->place, "provider \"" STR_FMT "\": breaker.open_max is shorter than breaker.open",
			   STR_ARG(p->name));
}

/* Keys that say nothing of a model of this kind. */
static void refuse_keys(struct routing_load *w, const struct yaml *n, const char *const *keys, const char *hint)
{
	for (; *keys; keys++)
		if (yaml_get(n, *keys))
			diag_add(w->l.d, DIAG_ERROR, yaml_get(n, *keys)->at, hint, "\"%s\" belongs to models of kind %s", *keys,
				 hint ? "embedding" : "chat");
}

static void check_embedding(struct routing_load *w, const struct model *m, const struct yaml *n)
{
	static const char *const of_chat[] = {"can", "max_output", "temperature", NULL};
	const struct yaml *output = yaml_get(yaml_get(n, "price"), "output");
	refuse_keys(w, n, of_chat, NULL);
	if (output)
		diag_error(w->l.d, output->at, "\"output\": an embedding has no output tokens");
	if (!yaml_get(n, "dims"))
		diag_add(w->l.d, DIAG_ERROR, m->place, "vectors of different lengths never mix",
			 "model \"" STR_FMT "\": an embedding needs \"dims\"", STR_ARG(m->name));
	else if (m->dims > MAX_INDEXED_DIMS)
		diag_add(w->l.d, DIAG_WARNING, yaml_get(n, "dims")->at, "ask for 768 or 1536",
			 "vectors of more than %d numbers cannot be indexed", MAX_INDEXED_DIMS);
	if (m->provider && (m->provider->wire == WIRE_ANTHROPIC || m->provider->wire == WIRE_REPLAY))
		diag_error(w->l.d, m->place, "model \"" STR_FMT "\": the wire of provider \"" STR_FMT "\" has no embeddings",
			   STR_ARG(m->name), STR_ARG(m->provider->name));
}

static void check_chat(struct routing_load *w, const struct yaml *n)
{
	static const char *const of_embedding[] = {"dims", "shorten", NULL};
	const struct yaml *price = yaml_get(n, "price");
	refuse_keys(w, n, of_embedding, "write kind: embedding");
	if (price && price->kind == YAML_MAP && !yaml_get(price, "output"))
		diag_error(w->l.d, price->at, "\"output\" is missing in %s", price_table.name);
}

static void check_kind(struct routing_load *w, struct model *m, const struct yaml *n)
{
	if (n->kind != YAML_MAP)
		return;
	if (m->kind == MODEL_EMBEDDING)
		check_embedding(w, m, n);
	else
		check_chat(w, n);
	if (m->price.output < 0) {
		m->price.known = m->price.known && m->kind == MODEL_EMBEDDING;
		m->price.output = 0;
	}
}

static void link_model(struct routing_load *w, struct model *m, const struct yaml *n)
{
	const struct routing *r = w->r;
	const struct yaml *name = yaml_get(n, "provider");
	if (!yaml_is_text(name))
		return;
	for (size_t i = 0; i < r->n_providers; i++)
		if (str_eq(r->providers[i].name, name->text))
			m->provider = &r->providers[i];
	if (!m->provider)
		unknown(w, name, "provider", routing_nearest(w, name->text, &w->providers->name, sizeof(struct provider), r->n_providers));
	else if (m->provider->wire == WIRE_ANTHROPIC && m->price.known && !m->price.free &&
		 !yaml_get(yaml_get(n, "price"), "write_5m"))
		diag_add(w->l.d, DIAG_WARNING, yaml_get(n, "price")->at, NULL,
			 "no price \"write_5m\": cache writes are counted as plain input");
	check_kind(w, m, n);
}

static const struct cap *find_cap(const struct routing *r, struct str name)
{
	for (size_t i = 0; i < r->n_caps; i++)
		if (str_eq(r->caps[i].name, name))
			return &r->caps[i];
	return NULL;
}

/* Reservations are taken in the order of names. */
static void add_cap(const struct cap **v, size_t *n, const struct cap *c)
{
	size_t at = (*n)++;
	for (; at > 0 && str_cmp(c->name, v[at - 1]->name) < 0; at--)
		v[at] = v[at - 1];
	v[at] = c;
}

static bool has_cap(const struct cap *const *v, size_t n, const struct cap *c)
{
	for (size_t i = 0; i < n; i++)
		if (v[i] == c)
			return true;
	return false;
}

static void link_caps(struct routing_load *w, struct tier_step *s, const struct yaml *caps, bool *used)
{
	const struct routing *r = w->r;
	size_t n = caps && caps->kind == YAML_LIST ? caps->n : 0;
	const struct cap **v = ARENA_ARRAY(w->l.a, n ? n : 1, const struct cap *);
	s->caps = v;
	for (size_t i = 0; i < n; i++) {
		const struct yaml *name = caps->items[i];
		if (!yaml_is_text(name))
			continue;
		const struct cap *c = find_cap(r, name->text);
		if (!c) {
			unknown(w, name, "cap", routing_nearest(w, name->text, &w->caps->name, sizeof(struct cap), r->n_caps));
			continue;
		}
		used[c - r->caps] = true;
		if (has_cap(v, s->n_caps, c))
			diag_error(w->l.d, name->at, "cap \"" STR_FMT "\" is named twice", STR_ARG(c->name));
		else
			add_cap(v, &s->n_caps, c);
		const struct model *m = s->model;
		if (m && m->kind == MODEL_CHAT && m->price.known && !m->price.free && !m->max_output)
			diag_add(w->l.d, DIAG_ERROR, name->at, "give the model max_output",
				 "model \"" STR_FMT "\" has no bound on its output: nothing can be reserved against the cap",
				 STR_ARG(m->name));
	}
}

/* Budgets bound tasks one by one; only a cap bounds what all of them spend. */
static void warn_uncapped(struct routing_load *w, const struct tier_step *s)
{
	const struct model *m = s->model;
	if (m && m->price.known && !m->price.free && !s->n_caps)
		diag_add(w->l.d, DIAG_WARNING, s->place, "add caps",
			 "this step can spend without limit: model \"" STR_FMT "\" has a price, and the step no caps", STR_ARG(m->name));
}

static void check_exhausted(struct routing_load *w, const struct tier *t, const struct yaml *n)
{
	const struct yaml *e = yaml_get(n, "when_exhausted");
	static const char *const keys[] = {"all_open", "all_failed"};
	const enum exhausted_do ends[] = {t->all_open, t->all_failed};
	for (size_t i = 0; i < 2; i++)
		if (ends[i] == EXHAUSTED_APPROVAL)
			diag_add(w->l.d, DIAG_ERROR, yaml_get(e, keys[i])->at, "what a person may allow is spending: on_exceeded of a cap",
				 "\"%s\": nobody can approve a model that does not answer", keys[i]);
}

/* Vectors of two models are not comparable: nothing may fall back. */
static void check_tier_kind(struct routing_load *w, struct tier *t)
{
	size_t embed = 0, first = 0;
	for (size_t i = 0; i < t->n_steps; i++)
		if (t->steps[i].model && t->steps[i].model->kind == MODEL_EMBEDDING && embed++ == 0)
			first = i;
	t->embeds = embed > 0;
	if (embed > 0 && t->n_steps > 1)
		diag_add(w->l.d, DIAG_ERROR, t->steps[first].place, "vectors of two models are not comparable",
			 "tier \"" STR_FMT "\": a model of kind embedding stands alone in its tier", STR_ARG(t->name));
}

static void link_tier(struct routing_load *w, struct tier *t, const struct yaml *n, bool *used)
{
	const struct routing *r = w->r;
	const struct yaml *list = yaml_get(n, "steps");
	if (!list || list->kind != YAML_LIST)
		return;
	check_exhausted(w, t, n);
	for (size_t i = 0; i < t->n_steps; i++) {
		struct tier_step *s = (struct tier_step *)&t->steps[i];
		const struct yaml *name = yaml_get(list->items[i], "model");
		if (!yaml_is_text(name))
			continue;
		for (size_t k = 0; k < r->n_models; k++)
			if (str_eq(r->models[k].name, name->text))
				s->model = &r->models[k];
		if (!s->model)
			unknown(w, name, "model", routing_nearest(w, name->text, &w->models->name, sizeof(struct model), r->n_models));
		link_caps(w, s, yaml_get(list->items[i], "caps"), used);
		warn_uncapped(w, s);
		if (i + 1 < t->n_steps && !s->when && !t->fallback_on && !s->if_unconfigured)
			diag_add(w->l.d, DIAG_WARNING, t->steps[i + 1].place, NULL,
				 "this step is taken only when the one above cannot be tried: \"fallback_on\" is empty");
	}
	check_tier_kind(w, t);
	routing_check_tier(w, t, n);
	if (t->n_steps && t->steps[0].model && t->steps[0].model->provider) {
		const struct routing_timeouts *lim = &t->steps[0].model->provider->timeouts;
		if (t->deadline_ms && t->deadline_ms < lim->connect_ms + lim->first_byte_ms)
			diag_error(w->l.d, t->place,
				   "tier \"" STR_FMT "\": the deadline is shorter than connect and first_byte of its first step",
				   STR_ARG(t->name));
	}
}

void routing_check(struct routing_load *w)
{
	const struct routing *r = w->r;
	for (size_t i = 0; i < r->n_providers; i++)
		check_provider(w, &w->providers[i], w->provider_nodes[i]);
	for (size_t i = 0; i < r->n_models; i++)
		link_model(w, &w->models[i], w->model_nodes[i]);
	routing_check_models(w);
	routing_check_twins(w);
	bool *used = ARENA_ARRAY(w->l.a, r->n_caps + 1, bool);
	for (size_t i = 0; i < r->n_tiers; i++)
		link_tier(w, &w->tiers[i], w->tier_nodes[i], used);
	for (size_t i = 0; i < r->n_caps; i++)
		if (!used[i])
			diag_add(w->l.d, DIAG_WARNING, r->caps[i].place, NULL, "cap \"" STR_FMT "\" is not used by any step",
				 STR_ARG(r->caps[i].name));
}
