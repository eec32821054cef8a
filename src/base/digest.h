/* digest.h - SHA-256, random bytes, hex, CRC-32.
 *
 * Shapes:  struct digest is 32 bytes; its text form is 64 lower-case hex digits.
 * Memory:  text goes to the caller's array.
 * Errors:  a failing random source or libcrypto ends the process.
 * Source:  FIPS 180-4, via OpenSSL's libcrypto.
 */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct digest {
	uint8_t b[32];
};

void digest_of(struct str bytes, struct digest *ret);
/* Over several pieces, each preceded by its length as 8 bytes big-endian, so that no two lists collide. */
void digest_of_parts(const struct str *parts, size_t n, struct digest *ret);
/* Piece by piece; the sum lives in the arena and is used up by its end. */
struct digest_sum;
struct digest_sum *digest_sum_new(struct arena *a);
void digest_sum_add(struct digest_sum *s, struct str bytes);
void digest_sum_end(struct digest_sum *s, struct digest *ret);
void digest_hex(const struct digest *d, char ret[65]);
bool digest_from_hex(struct str hex, struct digest *ret);
bool digest_eq(const struct digest *a, const struct digest *b);	/* constant time */

void random_bytes(void *p, size_t n);
uint32_t crc32_of(struct str bytes);

#endif
