/* signature.c - see signature.h. No comparison ends early, and how many there are is told by the header alone. */
#include "publish/signature.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/encoding.h"
#include "base/hmac.h"
#include "base/json.h"
#include "config/hook.h"

enum { MAX_SIGNATURES = 32, MAX_SECONDS_DIGITS = 11 };

/* What a header says: signatures, any of which will do, and when they were made. */
struct claim {
	struct arena *a;
	struct str macs[MAX_SIGNATURES];
	size_t n;
	struct str at;		/* digits; STR_NONE: no time is signed */
};

struct scheme {
	const char *header;	/* NULL: hook_verify.header */
	/* false: malformed */
	bool (*read)(const struct hook_verify *v, const struct json *headers, struct str header, struct claim *ret);
	/* what is signed, in pieces; the number of those */
	size_t (*signed_parts)(const struct claim *c, const struct json *headers, struct str body, struct str *ret);
};

const char *signature_name(enum signature s)
{
	static const char *const names[] = {
		[SIGNATURE_GOOD] = "good", [SIGNATURE_ABSENT] = "absent", [SIGNATURE_MALFORMED] = "malformed",
		[SIGNATURE_WRONG] = "wrong", [SIGNATURE_STALE] = "stale",
	};

	return names[s];
}

static bool add_mac(struct claim *c, bool decode(struct arena *a, struct str text, struct str *ret), struct str text)
{
	return c->n < MAX_SIGNATURES && decode(c->a, text, &c->macs[c->n++]);
}

/* Cuts the text before the first `end` off *rest. */
static struct str cut(struct str *rest, char end)
{
	ptrdiff_t at = str_chr(*rest, end);
	struct str piece = at < 0 ? *rest : str_sub(*rest, 0, (size_t)at);

	*rest = at < 0 ? STR_NONE : str_sub(*rest, (size_t)at + 1, rest->n);
	return piece;
}

static bool is_seconds(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.n > 0 && s.n <= MAX_SECONDS_DIGITS;
}

/* --- one mac over the body: PREFIX MAC --- */

static bool read_plain(const struct hook_verify *v, const struct json *headers, struct str header, struct claim *c)
{
	struct str text = str_sub(header, v->prefix.n, header.n);

	(void)headers;
	return str_starts(header, v->prefix) && add_mac(c, v->encoding == HOOK_BASE64 ? base64_decode : hex_decode, text);
}

static size_t body_alone(const struct claim *c, const struct json *headers, struct str body, struct str *ret)
{
	(void)c;
	(void)headers;
	ret[0] = body;
	return 1;
}

/* --- Stripe: t=SECONDS,v1=HEX,v1=HEX,v0=... --- */

static bool read_stripe(const struct hook_verify *v, const struct json *headers, struct str header, struct claim *c)
{
	(void)v;
	(void)headers;
	while (header.p) {
		struct str item = cut(&header, ','), key = cut(&item, '=');

		if (str_is(key, "t") && (c->at.p || !is_seconds(item)))
			return false;
		if (str_is(key, "t"))
			c->at = item;
		if (str_is(key, "v1") && !add_mac(c, hex_decode, item))
			return false;
	}
	return c->at.p && c->n > 0;
}

static size_t time_and_body(const struct claim *c, const struct json *headers, struct str body, struct str *ret)
{
	(void)headers;
	ret[0] = c->at;
	ret[1] = STR(".");
	ret[2] = body;
	return 3;
}

/* --- standard-webhooks: v1,BASE64 v1,BASE64 v1a,... --- */

static bool read_standard(const struct hook_verify *v, const struct json *headers, struct str header, struct claim *c)
{
	(void)v;
	while (header.p) {
		struct str item = cut(&header, ' '), version = cut(&item, ',');

		if (str_is(version, "v1") && !add_mac(c, base64_decode, item))
			return false;
	}
	c->at = json_str(json_getc(headers, "webhook-timestamp"));
	return c->n > 0 && is_seconds(c->at) && json_str(json_getc(headers, "webhook-id")).n > 0;
}

static size_t id_time_and_body(const struct claim *c, const struct json *headers, struct str body, struct str *ret)
{
	ret[0] = json_str(json_getc(headers, "webhook-id"));
	ret[1] = STR(".");
	return 2 + time_and_body(c, headers, body, ret + 2);
}

static const struct scheme schemes[] = {
	[HOOK_GITHUB] = {NULL, read_plain, body_alone},
	[HOOK_STRIPE] = {"stripe-signature", read_stripe, time_and_body},
	[HOOK_STANDARD] = {"webhook-signature", read_standard, id_time_and_body},
	[HOOK_HMAC] = {NULL, read_plain, body_alone},
};

/* --- keys --- */

/* standard-webhooks: whsec_BASE64; the others: the text itself. */
static bool read_key(struct arena *a, enum hook_scheme scheme, struct str text, struct str *ret)
{
	if (scheme != HOOK_STANDARD) {
		*ret = str_dup(a, text);
		return text.n > 0;
	}
	if (str_starts(text, STR("whsec_")))
		text = str_sub(text, 6, text.n);
	return base64_decode(a, text, ret) && ret->n > 0;
}

void signature_keys_read(struct arena *a, const struct hook_verify *v, struct signature_keys *ret)
{
	struct str *keys = ARENA_ARRAY(a, v->n_secrets + 1, struct str);

	*ret = (struct signature_keys){.v = keys};
	for (size_t i = 0; i < v->n_secrets; i++) {
		const char *name = str_cstr(a, v->secrets[i]), *text = getenv(name);

		if (!text || !*text)
			ret->why = arena_printf(a, "the environment has no %s", name);
		else if (!read_key(a, v->scheme, str_from(text), &keys[ret->n]))
			ret->why = arena_printf(a, "%s is no base64, with or without whsec_ before it", name);
		else
			ret->n++;
	}
}

/* --- verdict --- */

struct str signature_header(const struct hook_verify *v)
{
	return schemes[v->scheme].header ? str_from(schemes[v->scheme].header) : v->header;
}

static bool is_stale(const struct hook_verify *v, struct str at, int64_t now_us)
{
	int64_t seconds = 0, apart_ms;

	for (size_t i = 0; i < at.n; i++)
		seconds = seconds * 10 + (at.p[i] - '0');
	apart_ms = seconds * 1000 - now_us / 1000;
	return apart_ms > v->tolerance_ms || apart_ms < -v->tolerance_ms;
}

static bool any_fits(const struct hook_verify *v, const struct signature_keys *keys, const struct claim *c, const struct str *parts,
		     size_t n_parts)
{
	bool fits = false;

	for (size_t k = 0; k < keys->n; k++) {
		struct hmac mac;

		hmac_of(v->algorithm, keys->v[k], parts, n_parts, &mac);
		for (size_t i = 0; i < c->n; i++)
			fits |= hmac_eq(&mac, c->macs[i]);
	}
	return fits;
}

enum signature signature_verify(const struct hook_verify *v, const struct signature_keys *keys, const struct json *headers,
				struct str body, int64_t now_us)
{
	struct str header = json_str(json_get(headers, signature_header(v))), parts[5];
	struct arena *a = arena_new(NULL);
	struct claim c = {.a = a};
	enum signature verdict = SIGNATURE_GOOD;

	if (header.n == 0)
		verdict = SIGNATURE_ABSENT;
	else if (!schemes[v->scheme].read(v, headers, header, &c))
		verdict = SIGNATURE_MALFORMED;
	else if (!any_fits(v, keys, &c, parts, schemes[v->scheme].signed_parts(&c, headers, body, parts)))
		verdict = SIGNATURE_WRONG;
	else if (c.at.p && is_stale(v, c.at, now_us))
		verdict = SIGNATURE_STALE;
	arena_free(a);
	return verdict;
}
