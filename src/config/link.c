/* link.c - see link.h. */
#include "config/link.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/encoding.h"
#include "base/err.h"
#include "base/hmac.h"
#include "config/settings.h"

enum { VERSION = 1, MIN_KEY_BYTES = 32, HEAD_BYTES = 1 + 16 + LINK_DIGEST_BYTES + 8, MAC_BYTES = 32 };

int link_key_load(struct arena *a, const struct settings *s, struct str *ret, struct err *err)
{
	const char *value;

	*ret = STR_NONE;
	if (!s->web.link_key)
		return 0;
	value = getenv(s->web.link_key);
	if (!value || strlen(value) < MIN_KEY_BYTES)
		return err_set(err, ERR_CONFIG, "web.link_key: environment variable %s: expected at least %d bytes", s->web.link_key, MIN_KEY_BYTES);
	*ret = str_from(arena_strdup(a, value));
	return 0;
}

/* Nothing else that is signed by a key of ours begins like this. */
static void sign(struct str key, struct str facts, struct hmac *ret)
{
	const struct str parts[] = {STR("agentd approval link\0"), facts};

	hmac_of(HMAC_SHA256, key, parts, 2, ret);
}

const char *link_token(struct arena *a, struct str key, const struct link_facts *f)
{
	struct hmac mac;
	struct buf b;

	buf_init(&b, a);
	buf_addc(&b, VERSION);
	buf_add(&b, f->approval.b, sizeof f->approval.b);
	buf_add(&b, f->digest, sizeof f->digest);
	for (int shift = 56; shift >= 0; shift -= 8)
		buf_addc(&b, (char)(uint8_t)((uint64_t)f->expires_s >> shift));
	buf_addstr(&b, f->recipient);
	sign(key, buf_str(&b), &mac);
	buf_add(&b, mac.b, mac.n);
	return base64url(a, b.p, b.n);
}

bool link_token_read(struct arena *a, struct str key, struct str token, struct link_facts *ret)
{
	struct hmac mac;
	struct str bytes, facts;
	uint64_t expires = 0;

	if (!key.n || !base64url_decode(a, token, &bytes) || bytes.n <= HEAD_BYTES + MAC_BYTES || bytes.n > HEAD_BYTES + LINK_NAME_BYTES + MAC_BYTES)
		return false;
	facts = str_sub(bytes, 0, bytes.n - MAC_BYTES);
	sign(key, facts, &mac);
	if (!hmac_eq(&mac, str_sub(bytes, facts.n, MAC_BYTES)) || facts.p[0] != VERSION)
		return false;
	memcpy(ret->approval.b, facts.p + 1, sizeof ret->approval.b);
	memcpy(ret->digest, facts.p + 17, sizeof ret->digest);
	for (size_t i = 0; i < 8; i++)
		expires = expires << 8 | (uint8_t)facts.p[17 + LINK_DIGEST_BYTES + i];
	ret->expires_s = (int64_t)expires;
	ret->recipient = str_sub(facts, HEAD_BYTES, facts.n);
	return true;
}
