/* counts.h - counts of tokens as servers write them.
 *
 * Shapes:  a missing count, null and a text of digits are read alike.
 * Units:   tokens.
 * Memory:  values.
 * Errors:  -1 for what no server can mean.
 * Source:  this header.
 */
#ifndef GATEWAY_COUNTS_H
#define GATEWAY_COUNTS_H

#include <stdint.h>

struct json;

/* 1: a count. 0: none. -1: rubbish. *ret is 0 but for 1. */
int count_read(const struct json *obj, const char *key, int64_t *ret);
int64_t count_rest(int64_t whole, int64_t part);	/* 0 where the part is larger */

#endif
