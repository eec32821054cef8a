/* stub_strict.h - what the strict personalities of the stub share: keys, their types, and names.
 *
 * Shapes:  tables of keys, and lists of them that end in NULL.
 * Units:   bytes.
 * Memory:  none.
 * Errors:  none: the personality says what is wrong, in its provider's words.
 * Source:  the providers' references; each personality names its own.
 */
#ifndef T_BIN_STUB_STRICT_H
#define T_BIN_STUB_STRICT_H

#include <stdbool.h>

#include "base/json.h"

struct strict_key {
	const char *key;
	enum json_type type;	/* JSON_NUM: any number; JSON_TRUE: a boolean; JSON_NULL: more than one, looked at elsewhere */
};

const struct strict_key *strict_find(const struct strict_key *known, size_t n, struct str key);	/* NULL: not known */
bool strict_fits(const struct json *v, enum json_type want);
bool strict_is_name(struct str s, size_t most);	/* ^[a-zA-Z0-9_-]{1,most}$ */

/* An object, and only these keys. */
bool strict_has_only(const struct json *obj, const char *const *keys);
#define HAS_ONLY(obj, ...) strict_has_only((obj), (const char *const[]){__VA_ARGS__, NULL})

#endif
