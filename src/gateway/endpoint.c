/* endpoint.c - reads the environment, judges what it finds, shows nothing of it. */
#include "gateway/endpoint.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/digest.h"
#include "base/err.h"
#include "gateway/wire_replay.h"

static struct str env_value(const char *name)
{
	return str_trim(str_from(getenv(name)));
}

static const char *none_is_set(struct arena *a, const char *const *names, size_t n)
{
	struct buf b;

	if (n == 1)
		return arena_printf(a, "%s is not set", names[0]);
	buf_init(&b, a);
	for (size_t i = 0; i < n; i++)
		buf_addf(&b, "%s%s", i ? ", " : "none of ", names[i]);
	buf_adds(&b, " is set");
	return buf_cstr(&b);
}

/* Lines of an environment file that ran together are the usual accident: NAME=value inside a value. Then quotes that the reader
 * of the file did not take for its own. */
static const char *what_is_wrong(struct str key)
{
	for (size_t i = 0; i < key.n; i++) {
		unsigned char c = (unsigned char)key.p[i];

		if (c == '\n' || c == '\r')
			return "a line end: are lines of an environment file joined?";
		if (c <= ' ' || c >= 0x7f)
			return "white space or a character that no key has";
		if (c == '"' || c == '\'' || c == '`')
			return "a quotation mark: did an environment file quote it?";
		if (c == '=' && i + 1 < key.n && key.p[i + 1] != '=')
			return "\"=\": are lines of an environment file joined?";
	}
	return NULL;
}

static struct str fingerprint_of(struct arena *a, struct str key)
{
	struct digest d;
	char hex[65];

	digest_of(key, &d);
	digest_hex(&d, hex);
	return str_dup(a, (struct str){hex, 8});
}

/* Which account pays must not depend on who looks. */
static void warn_of_another(struct arena *a, struct endpoint *e, const char *name, struct str key)
{
	struct str other;

	if (e->warning || str_eq(key, str_from(e->key)))
		return;
	other = fingerprint_of(a, key);
	e->warning = arena_printf(a, "%s and %s are both set and differ (sha256 " STR_FMT ", " STR_FMT "): %s is used", e->key_env, name,
				  STR_ARG(e->fingerprint), STR_ARG(other), e->key_env);
}

static const char *find_key(struct arena *a, struct endpoint *e)
{
	const struct provider *p = e->provider;

	for (size_t i = 0; i < p->n_key_env; i++) {
		struct str key = env_value(p->key_env[i]);
		const char *wrong = what_is_wrong(key);

		if (key.n == 0)
			continue;
		if (e->key) {
			warn_of_another(a, e, p->key_env[i], key);
			continue;
		}
		e->broken = wrong != NULL;
		if (wrong)
			return arena_printf(a, "the value of %s contains %s", p->key_env[i], wrong);
		e->key_env = p->key_env[i];
		e->key = str_cstr(a, key);
		e->fingerprint = fingerprint_of(a, key);
	}
	if (e->key || p->n_key_env == 0)
		return NULL;
	return none_is_set(a, p->key_env, p->n_key_env);
}

static bool is_loopback(struct str url)
{
	struct str host = str_sub(url, sizeof "http://" - 1, url.n);
	size_t n = 0;

	while (n < host.n && host.p[n] != '/' && (host.p[n] != ':' || host.p[0] == '['))
		if (host.p[n++] == ']')
			break;
	host = str_sub(host, 0, n);
	if (str_is(host, "localhost") || str_is(host, "[::1]"))
		return true;
	for (size_t i = 0; i < host.n; i++)
		if (host.p[i] != '.' && (host.p[i] < '0' || host.p[i] > '9'))
			return false;
	return str_starts(host, STR("127."));
}

static const char *judge_url(struct arena *a, const struct endpoint *e, const char *from, struct str url)
{
	struct str plain = STR("http://");
	bool https = str_starts(url, STR("https://"));

	if (!https && !str_starts(url, plain))
		return arena_printf(a, "%s: expected an address that begins with https:// or http://", from);
	for (size_t i = 0; i < url.n; i++)
		if ((unsigned char)url.p[i] <= ' ' || (unsigned char)url.p[i] >= 0x7f || strchr("@?#", url.p[i]))
			return arena_printf(a, "%s: an address with a user, a query, a fragment or white space is not allowed", from);
	if (!https && e->key && !is_loopback(url))
		return arena_printf(a, "%s: the key would leave this machine unencrypted, expected https://", from);
	return NULL;
}

static const char *find_url(struct arena *a, struct endpoint *e)
{
	const struct provider *p = e->provider;
	struct str url = str_from(p->base_url);
	const char *from = "base_url", *wrong;

	for (size_t i = 0; i < p->n_base_url_env; i++) {
		struct str value = env_value(p->base_url_env[i]);

		if (value.n == 0)
			continue;
		url = value;
		from = p->base_url_env[i];
		break;
	}
	if (url.n == 0)
		return p->n_base_url_env ? none_is_set(a, p->base_url_env, p->n_base_url_env) : "no base_url";
	wrong = judge_url(a, e, from, url);
	e->broken = wrong != NULL;
	if (wrong)
		return wrong;
	while (url.n > 0 && url.p[url.n - 1] == '/')
		url.n--;
	e->base_url = str_cstr(a, url);
	return NULL;
}

static const char *find_replies(struct arena *a, struct endpoint *e)
{
	struct err err;

	if (replay_parse(a, e->provider->replay_text, e->provider->replay_file, &e->replay, &err) == 0)
		return NULL;
	return arena_strdup(a, err.msg);
}

void endpoint_resolve(struct arena *a, const struct provider *p, struct endpoint *ret)
{
	*ret = (struct endpoint){.provider = p, .fingerprint = STR("")};
	if (p->wire == WIRE_REPLAY)
		ret->reason = find_replies(a, ret);
	else if (!(ret->reason = find_key(a, ret)))
		ret->reason = find_url(a, ret);
	ret->configured = ret->reason == NULL;
}

struct endpoint *endpoints_resolve(struct arena *a, const struct routing *r)
{
	struct endpoint *v = ARENA_ARRAY(a, r->n_providers + 1, struct endpoint);

	for (size_t i = 0; i < r->n_providers; i++)
		endpoint_resolve(a, &r->providers[i], &v[i]);
	if (r->shadow)
		endpoint_resolve(a, &r->shadow->provider, &v[r->n_providers]);
	return v;
}

const struct endpoint *endpoint_of(const struct endpoint *v, const struct routing *r, const struct model *m)
{
	if (r->shadow && m->provider == &r->shadow->provider)
		return &v[r->n_providers];
	return &v[m->provider - r->providers];
}
