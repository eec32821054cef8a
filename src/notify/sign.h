/* sign.h - messages signed as standard-webhooks says.
 *
 * Shapes:  a secret is "whsec_" and the base64 of 24 to 64 bytes. With several, a message carries a signature by each, so that
 *          receivers that know one of them take it.
 * Units:   timestamp_s in seconds since 1970 UTC.
 * Memory:  the arena given.
 * Errors:  ERR_CONFIG naming the environment variable, never the value.
 * Source:  standard-webhooks 1.0; agentd-webhooks(7), "SIGNATURES".
 */
#ifndef NOTIFY_SIGN_H
#define NOTIFY_SIGN_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct arena;
struct err;
struct webhook_settings;

struct signers {
	const struct str *keys;
	size_t n;
};

int signers_load(struct arena *a, const struct webhook_settings *w, struct signers *ret, struct err *err);
/* "v1,BASE64 v1,BASE64": the value of webhook-signature. */
struct str sign(struct arena *a, const struct signers *s, struct str id, int64_t timestamp_s, struct str body);

#endif
