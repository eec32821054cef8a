/* json_pointer.h - JSON pointers (RFC 6901) written and followed.
 *
 * Shapes:  "" is the whole, "/a~1b/0" item 0 of the member "a/b". A token is what stands between two slashes, as it is written.
 * Units:   none.
 * Memory:  tokens are views of the pointer; values found are the document's.
 * Errors:  what leads nowhere, or is no pointer, is NULL or false.
 * Source:  RFC 6901.
 */
#ifndef BASE_JSON_POINTER_H
#define BASE_JSON_POINTER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct json;

void json_pointer_add(struct buf *b, struct str key);		/* "/" and the key as a token */
void json_pointer_add_index(struct buf *b, size_t index);

const struct json *json_pointer_find(const struct json *v, struct str pointer);

/* Step by step: takes the first token off; false at the end, and where no slash begins what is left. */
bool json_pointer_next(struct str *pointer, struct str *ret);
bool json_pointer_names(struct str token, struct str key);
bool json_pointer_index(struct str token, size_t *ret);

#endif
