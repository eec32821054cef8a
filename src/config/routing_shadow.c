/* routing_shadow.c - the gateway that answers in mode shadow, as a provider and tiers of its own. */
#include "base/arena.h"
#include "config/routing_load.h"

static key_read_fn read_shadow_models;

static const struct key shadow_keys[] = {
	{.name = "base_url", .type = KEY_CSTR, .offset = offsetof(struct shadow, provider.base_url), .read = read_base_url,
	 .text = "Address of the gateway: https, or http on the loopback interface."},
	{.name = "base_url_env", .type = KEY_CSTRS, .offset = offsetof(struct shadow, provider.base_url_env),
	 .offset_n = offsetof(struct shadow, provider.n_base_url_env), .pattern = ROUTING_ENV_PATTERN,
	 .pattern_text = ROUTING_ENV_TEXT, .min = 1,
	 .text = "Environment variables that hold the address; the first that is set wins over base_url."},
	{.name = "key_env", .type = KEY_CSTRS, .offset = offsetof(struct shadow, provider.key_env),
	 .offset_n = offsetof(struct shadow, provider.n_key_env), .read = read_key_env, .pattern = ROUTING_ENV_PATTERN,
	 .pattern_text = ROUTING_ENV_TEXT,
	 .text = "Environment variables that may hold its key, in order of precedence; [] for none."},
	{.name = "models", .type = KEY_ANY, .flags = KEY_REQUIRED, .read = read_shadow_models,
	 .text = "What the gateway is asked for in the place of each tier: a map of tiers to ids."},
	{.name = "max_in_flight", .type = KEY_INT, .offset = offsetof(struct shadow, provider.max_in_flight), .min = 1,
	 .max = 100000, .text = "Most calls at once; default: no limit."},
	{.name = "timeout", .type = KEY_MAP, .offset = offsetof(struct shadow, provider.timeouts), .table = &timeout_table,
	 .text = "Time limits of one attempt; default: of defaults."},
	{.name = "retry", .type = KEY_MAP, .offset = offsetof(struct shadow, provider.retry), .table = &retry_policy_table,
	 .text = "Retries at the gateway; default: of defaults."},
};
const struct key_table shadow_table = {"shadow", KEYS(shadow_keys), "The gateway that answers in mode shadow."};

/* Checked by shadow_check(), when the tiers are known. */
static void read_shadow_models(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	(void)out;
	if (!load_expect(l, v, k->name, YAML_MAP))
		return;
	if (!v->n)
		diag_error(l->d, v->at, "\"%s\" is empty", k->name);
	for (size_t i = 0; i < v->n; i++) {
		const struct yaml *id = v->pairs[i].value;
		if (!yaml_is_text(id) || !id->text.n || id->text.n > 200)
			diag_error(l->d, id->at, "\"%s\": expected the id of a model at the gateway, got %s", k->name,
				   yaml_describe(id));
	}
}

void read_shadow(struct load *l, const struct key *k, const struct yaml *v, void *out)
{
	struct routing_load *w = (struct routing_load *)l;
	struct shadow *s = ARENA_NEW(l->a, struct shadow);
	(void)out;
	if (!load_expect(l, v, k->name, YAML_MAP))
		return;
	s->place = v->at;
	s->provider = w->base;
	s->provider.name = STR(SHADOW_NAME);
	s->provider.place = v->at;
	s->provider.wire = WIRE_OPENAI;
	keys_read(l, k->table, v, s);
	w->shadow = s;
	w->shadow_node = v;
}

/* --- which models are the same --- */

static bool is_date(struct str s)
{
	size_t digits = 0;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] >= '0' && s.p[i] <= '9')
			digits++;
		else if (s.p[i] != '-' || s.n != 10 || (i != 4 && i != 7))
			return false;
	return digits == 8;
}

static struct str without_version(struct str id)
{
	static const size_t lengths[] = {8, 10};	/* 20250414, 2025-04-14 */
	if (str_ends(id, STR("-latest")))
		return str_sub(id, 0, id.n - strlen("-latest"));
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		size_t n = lengths[i];
		if (id.n > n + 1 && (id.p[id.n - n - 1] == '-' || id.p[id.n - n - 1] == '@') && is_date(str_sub(id, id.n - n, n)))
			return str_sub(id, 0, id.n - n - 1);
	}
	return id;
}

static struct str core_of(struct str id)
{
	size_t from = id.n;
	while (from > 0 && id.p[from - 1] != '/')
		from--;
	return without_version(str_sub(id, from, id.n));
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool model_same(struct str a, struct str b)
{
	a = core_of(a);
	b = core_of(b);
	if (a.n != b.n || !a.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (lower(a.p[i]) != lower(b.p[i]))
			return false;
	return true;
}

/* --- tiers --- */

static const struct model *find_known(const struct routing *r, struct str id)
{
	for (size_t i = 0; i < r->n_models; i++)
		if (str_eq(r->models[i].id, id))
			return &r->models[i];
	for (size_t i = 0; i < r->n_models; i++)
		if (model_same(r->models[i].id, id))
			return &r->models[i];
	return NULL;
}

/* What the file knows of the model serves for the other gateway's, too: its price, and what it can do. */
static const struct tier_step *make_step(struct routing_load *w, const struct yaml *id)
{
	const struct model *known = find_known(w->r, id->text);
	struct model *m = ARENA_NEW(w->l.a, struct model);
	struct tier_step *step = ARENA_NEW(w->l.a, struct tier_step);
	m->place = step->place = id->at;
	m->name = m->id = id->text;
	m->provider = &w->shadow->provider;
	m->can = CAN_TOOLS;
	m->unreserved = true;
	if (known) {
		m->can |= known->can;
		m->price = known->price;
		m->context = known->context;
		m->max_output = known->max_output;
	}
	step->model = m;
	return step;
}

static void link_models(struct routing_load *w, const struct yaml *models)
{
	struct routing *r = w->r;
	struct tier *tiers = ARENA_ARRAY(w->l.a, r->n_tiers + 1, struct tier);
	for (size_t i = 0; i < r->n_tiers; i++) {
		tiers[i] = r->tiers[i];
		tiers[i].steps = NULL;
		tiers[i].n_steps = 0;
	}
	for (size_t i = 0; i < models->n; i++) {
		const struct yaml *name = models->pairs[i].key, *id = models->pairs[i].value;
		const struct tier *t = routing_tier(r, name->text);
		if (!t) {
			diag_error(w->l.d, name->at, "there is no tier \"" STR_FMT "\"%s", STR_ARG(name->text),
				   routing_nearest(w, name->text, &w->tiers->name, sizeof(struct tier), r->n_tiers));
		} else if (yaml_is_text(id)) {
			tiers[t - r->tiers].steps = make_step(w, id);
			tiers[t - r->tiers].n_steps = 1;
		}
	}
	w->shadow->tiers = tiers;
}

/* In mode shadow nothing else answers. */
static void check_complete(struct routing_load *w, struct place at)
{
	const struct routing *r = w->r;
	for (size_t i = 0; i < r->n_tiers; i++)
		if (!w->shadow->tiers[i].n_steps)
			diag_add(w->l.d, DIAG_ERROR, at, "mode shadow asks this gateway and nobody else",
				 "\"models\": no model for tier \"" STR_FMT "\"", STR_ARG(r->tiers[i].name));
}

void shadow_check(struct routing_load *w)
{
	struct diags *d = w->l.d;
	const struct yaml *n = w->shadow_node, *models = n ? yaml_get(n, "models") : NULL;
	bool serves = w->r->mode == MODE_SHADOW;
	if (!w->shadow) {
		if (serves)
			diag_add(d, DIAG_ERROR, w->mode_node->at, "add shadow: {base_url: ..., key_env: [...], models: {TIER: ID}}",
				 "mode shadow needs \"shadow\": the gateway that answers");
		return;
	}
	if (!yaml_get(n, "base_url") && !yaml_get(n, "base_url_env"))
		diag_error(d, w->shadow->place, "\"shadow\": base_url is missing");
	if (w->shadow->provider.timeouts.total_ms < w->shadow->provider.timeouts.first_byte_ms)
		diag_error(d, w->shadow->place, "\"shadow\": timeout.total is shorter than first_byte");
	if (!models || models->kind != YAML_MAP)
		return;
	link_models(w, models);
	if (serves && w->tier_nodes)
		check_complete(w, models->at);
	w->r->shadow = w->shadow;
}

const struct tier *routing_shadow_tier(const struct routing *r, const struct tier *t)
{
	const struct tier *s = r->shadow ? &r->shadow->tiers[t - r->tiers] : NULL;
	return s && s->n_steps ? s : NULL;
}
