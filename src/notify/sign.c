/* sign.c - see sign.h. */
#include "notify/sign.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/encoding.h"
#include "base/err.h"
#include "base/hmac.h"
#include "config/webhook.h"

enum { MIN_KEY_BYTES = 24, MAX_KEY_BYTES = 64 };

static int load_one(struct arena *a, struct str name, struct str *ret, struct err *err)
{
	static const struct str prefix = {"whsec_", 6};
	struct str value = str_from(getenv(str_cstr(a, name)));

	if (str_starts(value, prefix) && base64_decode(a, str_sub(value, prefix.n, value.n), ret) && ret->n >= MIN_KEY_BYTES &&
	    ret->n <= MAX_KEY_BYTES)
		return 0;
	return err_set(err, ERR_CONFIG, "webhooks: environment variable " STR_FMT ": expected whsec_ and the base64 of %d to %d bytes",
		       STR_ARG(name), MIN_KEY_BYTES, MAX_KEY_BYTES);
}

int signers_load(struct arena *a, const struct webhook_settings *w, struct signers *ret, struct err *err)
{
	struct str *keys = ARENA_ARRAY(a, w->n_secrets, struct str);

	for (size_t i = 0; i < w->n_secrets; i++)
		if (load_one(a, w->secrets[i], &keys[i], err) < 0)
			return -1;
	*ret = (struct signers){keys, w->n_secrets};
	return 0;
}

struct str sign(struct arena *a, const struct signers *s, struct str id, int64_t timestamp_s, struct str body)
{
	struct buf out;
	struct hmac mac;
	struct str parts[] = {str_from(arena_printf(a, STR_FMT ".%" PRId64 ".", STR_ARG(id), timestamp_s)), body};

	buf_init(&out, a);
	for (size_t i = 0; i < s->n; i++) {
		hmac_of(HMAC_SHA256, s->keys[i], parts, sizeof parts / sizeof parts[0], &mac);
		buf_addf(&out, "%sv1,%s", i ? " " : "", base64_encode(a, mac.b, mac.n));
	}
	return buf_str(&out);
}
