/* ecma.h - regular expressions of ECMA-262 (the u flag) as patterns of pattern.h.
 *
 * Shapes:  a pattern is translated into one of PCRE2 that means the same; what ECMA-262 refuses is refused, also where PCRE2
 *          knows a meaning of its own.
 * Units:   offsets in bytes.
 * Memory:  as pattern_compile().
 * Errors:  lookbehind whose length is not fixed, more than 65,535 repetitions and properties that PCRE2 does not know are
 *          refused too, though ECMA-262 has them.
 * Source:  ECMA-262 section 22.2.1 without annex B; pcre2pattern(3).
 */
#ifndef SCHEMA_ECMA_H
#define SCHEMA_ECMA_H

#include "schema/pattern.h"

/* NULL and *ret. */
const struct pattern *ecma_compile(struct arena *a, struct str text, struct pattern_error *ret);

/* ecma_translate.c: into out, for PATTERN_END_ONLY | PATTERN_UNSET_MATCHES. -1 and *ret. */
int ecma_translate(struct arena *a, struct str text, struct buf *out, struct pattern_error *ret);
/* ecma_property.c: what stands between the braces of \p{}, as PCRE2 writes it; false: there is none of that name. */
bool ecma_property(struct str name, struct buf *out, bool *negate);

#endif
