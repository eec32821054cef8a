/* hmac.h - keyed hashes of messages.
 *
 * Shapes:  a mac is as long as its hash: 20, 32 or 64 bytes. A message may come in pieces, which are joined as they are.
 * Memory:  none kept.
 * Errors:  a failing libcrypto ends the process.
 * Source:  RFC 2104, via OpenSSL's libcrypto.
 */
#ifndef BASE_HMAC_H
#define BASE_HMAC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

enum hmac_hash { HMAC_SHA256, HMAC_SHA1, HMAC_SHA512 };

struct hmac {
	uint8_t b[64];
	size_t n;
};

void hmac_of(enum hmac_hash hash, struct str key, const struct str *parts, size_t n, struct hmac *ret);
bool hmac_eq(const struct hmac *mac, struct str bytes);	/* in constant time; other lengths are unequal */

#endif
