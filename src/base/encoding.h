/* encoding.h - bytes and the texts in which they travel: hex and base64.
 *
 * Memory:  results live in the arena given.
 * Errors:  false for what is no such text.
 * Source:  RFC 4648, sections 4 (base64, with its padding), 5 and 8 (hex, both cases).
 */
#ifndef BASE_ENCODING_H
#define BASE_ENCODING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct arena;

int hex_digit(char c);	/* 0 to 15, or -1 */
bool hex_read(struct str text, uint8_t *ret);	/* text.n / 2 bytes; false: ret is partly written */
bool hex_decode(struct arena *a, struct str text, struct str *ret);
char *base64_encode(struct arena *a, const void *p, size_t n);
bool base64_decode(struct arena *a, struct str text, struct str *ret);
/* In the alphabet for addresses, without padding. */
char *base64url(struct arena *a, const void *p, size_t n);
bool base64url_decode(struct arena *a, struct str text, struct str *ret);

#endif
