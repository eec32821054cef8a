/* form.h - texts of names and values as queries and HTML forms write them: a=1&b=two+words.
 *
 * Shapes:  pairs in the order of the text; an absent "=" is an empty value. Values are decoded, names are taken as they are.
 * Memory:  decoded values live in the arena given.
 * Errors:  ERR_INVALID with err.status 400: a bad escape, a NUL, no UTF-8, a name given twice.
 * Source:  application/x-www-form-urlencoded of the URL standard; RFC 3986, 2.1.
 */
#ifndef BASE_FORM_H
#define BASE_FORM_H

#include <stdbool.h>

#include "base/str.h"

struct arena;
struct err;

/* Cuts the first pair off *rest; the value is as written. */
struct str form_next(struct str *rest, struct str *ret_name);
/* plus: it stands for a space, as in forms and queries; in a path it is itself. */
int form_decode(struct arena *a, struct str raw, bool plus, struct str *ret, struct err *err);
/* The decoded value of a name; STR_NONE: absent. */
int form_get(struct arena *a, struct str text, const char *name, struct str *ret, struct err *err);

#endif
