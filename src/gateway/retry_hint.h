/* retry_hint.h - how long a provider says to wait.
 *
 * Shapes:  headers retry-after-ms, then retry-after (seconds, or a date against the answer's own Date); durations of Go
 *          and of protobuf inside error documents and messages.
 * Units:   milliseconds, rounded up, at most a day. -1: none.
 * Memory:  none.
 * Errors:  none: what cannot be read counts as none.
 * Source:  RFC 9110, section 10.2.3; the providers' references.
 */
#ifndef GATEWAY_RETRY_HINT_H
#define GATEWAY_RETRY_HINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct http_result;

int64_t hint_of_headers(const struct http_result *r);
bool hint_read_date(struct str s, int64_t *ret_ms);	/* of RFC 9110, since 1970 */
/* "1.4s", "174ms", "6m0s", "1h2m3.5s", "36.429760048s". Reads the longest such prefix. */
int64_t go_duration_ms(struct str s);
int64_t hint_whole_ms(double ms);
/* A decimal at s[*i]; advances. False: none. */
bool hint_read_decimal(struct str s, size_t *i, double *ret);

#endif
