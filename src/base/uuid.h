/* uuid.h - identifiers made by callers: UUID version 7, ordered by time.
 *
 * Shapes:  16 bytes; text is the 36-character lower-case form.
 * Memory:  values.
 * Errors:  uuid_parse() is false for anything but the 36-character form.
 * Source:  RFC 9562. Within one process ids of one millisecond are strictly increasing.
 * Time:    the host's wall clock, unless somebody who knows better said so: uuid_follow(). Then ids keep that distance from it.
 */
#ifndef BASE_UUID_H
#define BASE_UUID_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct uuid {
	uint8_t b[16];
};

struct uuid uuid_new(void);
void uuid_follow(int64_t now_us);
void uuid_format(const struct uuid *u, char ret[37]);
bool uuid_parse(struct str s, struct uuid *ret);
bool uuid_eq(const struct uuid *a, const struct uuid *b);
bool uuid_is_nil(const struct uuid *u);

#endif
