/* probes.c - see probes.h. */
#include "gateway/probes.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"

static bool read_text(const struct json *row, const char *key, struct str *ret)
{
	const struct json *v = json_getc(row, key);

	*ret = json_type(v) == JSON_STRING ? json_str(v) : STR_NONE;
	return ret->p != NULL;
}

int probes_parse(struct arena *a, struct str text, int64_t now_us, const struct probes **ret, struct err *err)
{
	struct probes *p = ARENA_NEW(a, struct probes);
	const struct json *v, *rows;
	struct probe *rest;
	int64_t age_ms;

	if (json_parse(a, text, NULL, &v, err) < 0)
		return err_prefix(err, "probes: ");
	rows = json_getc(v, "probes");
	p->n = json_len(rows);
	p->v = rest = ARENA_ARRAY(a, p->n + 1, struct probe);
	for (size_t i = 0; i < p->n; i++) {
		const struct json *row = json_at(rows, i);

		if (!read_text(row, "provider", &rest[i].provider) || !read_text(row, "base_url", &rest[i].base_url) ||
		    !read_text(row, "key_fingerprint", &rest[i].key_fingerprint) || !json_to_int(json_getc(row, "age_ms"), &age_ms))
			return err_set(err, ERR_JSON, "probes: row %zu is none", i);
		rest[i].at_us = now_us - age_ms * 1000;
	}
	*ret = p;
	return 0;
}

struct probes *probes_copy(struct arena *a, const struct probes *p)
{
	struct probes *copy = ARENA_NEW(a, struct probes);
	struct probe *v = ARENA_ARRAY(a, p->n + 1, struct probe);

	for (size_t i = 0; i < p->n; i++)
		v[i] = (struct probe){
			.provider = str_dup(a, p->v[i].provider),
			.base_url = str_dup(a, p->v[i].base_url),
			.key_fingerprint = str_dup(a, p->v[i].key_fingerprint),
			.at_us = p->v[i].at_us,
		};
	*copy = (struct probes){v, p->n};
	return copy;
}

static const struct probe *find(const struct probes *p, struct str provider, struct str base_url, struct str fingerprint)
{
	for (size_t i = 0; i < p->n; i++)
		if (str_eq(p->v[i].provider, provider) && str_eq(p->v[i].base_url, base_url) && str_eq(p->v[i].key_fingerprint, fingerprint))
			return &p->v[i];
	return NULL;
}

bool probes_same(const struct probes *a, const struct probes *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!find(b, a->v[i].provider, a->v[i].base_url, a->v[i].key_fingerprint))
			return false;
	return true;
}

/* What is new since the last probe of the provider. */
static const char *what_changed(struct arena *a, const struct probe *last, const struct endpoint *e)
{
	if (!last)
		return "no probe of it has succeeded yet";
	if (!str_is(last->base_url, e->base_url))
		return arena_printf(a, "its address is another than when it was probed (now %s)", e->base_url);
	return arena_printf(a, "its key is another than when it was probed (now %s%s" STR_FMT ")", e->key_env ? e->key_env : "none",
			    e->key_env ? ", sha256 " : "", STR_ARG(e->fingerprint));
}

static const char *how_old(struct arena *a, int64_t age_us, int64_t max_ms)
{
	int64_t hours = age_us / INT64_C(3600000000);

	return arena_printf(a, "its last probe was %lld %s ago, probe_max_age is %lld h", (long long)(hours >= 48 ? hours / 24 : hours),
			    hours >= 48 ? "days" : "hours", (long long)(max_ms / 3600000));
}

const char *probes_problem(struct arena *a, const struct probes *p, const struct routing *r, const struct endpoint *e, int64_t now_us)
{
	const struct probe *last = NULL, *own;
	const char *problem;

	if (!p || !e->configured || e->provider->wire == WIRE_REPLAY || (r->shadow && e->provider == &r->shadow->provider))
		return NULL;
	own = find(p, e->provider->name, str_from(e->base_url), e->fingerprint);
	for (size_t i = 0; i < p->n && !last; i++)
		last = str_eq(p->v[i].provider, e->provider->name) ? &p->v[i] : NULL;
	if (own && now_us - own->at_us <= r->probe_max_age_ms * 1000)
		return NULL;
	problem = own ? how_old(a, now_us - own->at_us, r->probe_max_age_ms) : what_changed(a, last, e);
	return arena_printf(a, "%s: agentctl doctor --probe --provider " STR_FMT, problem, STR_ARG(e->provider->name));
}
