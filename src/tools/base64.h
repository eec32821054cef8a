/* base64.h - bytes as text in arguments and results.
 *
 * Shapes:  the alphabet of RFC 4648, 4, with padding.
 * Memory:  the arena given.
 * Errors:  false for what is none: a character of no meaning, a length that is not a multiple of four, bits behind the end.
 * Source:  RFC 4648.
 */
#ifndef TOOLS_BASE64_H
#define TOOLS_BASE64_H

#include <stdbool.h>

#include "base/str.h"

struct arena;

char *base64_encode(struct arena *a, struct str bytes);
bool base64_decode(struct arena *a, struct str text, struct str *ret);

#endif
