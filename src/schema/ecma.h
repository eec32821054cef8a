/* ecma.h - regular expressions of ECMA-262 (the u flag) on PCRE2.
 *
 * Shapes:  a pattern is translated into one of PCRE2 that means the same; what ECMA-262 refuses is refused, also where PCRE2
 *          knows a meaning of its own. A match may lie anywhere in the text.
 * Units:   budget in steps: about the items of the pattern tried and the bytes passed.
 * Memory:  a pattern lives in the arena given, is immutable and may be used by several threads at once.
 * Errors:  lookbehind whose length is not fixed, more than 65,535 repetitions and properties that PCRE2 does not know are
 *          refused too, though ECMA-262 has them.
 * Source:  ECMA-262 section 22.2.1 without annex B; pcre2pattern(3).
 */
#ifndef SCHEMA_ECMA_H
#define SCHEMA_ECMA_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct arena;
struct pattern;

struct pattern_error {
	size_t offset;		/* into the text of the pattern */
	char message[160];
};

/* NULL and *ret. */
const struct pattern *ecma_compile(struct arena *a, struct str text, struct pattern_error *ret);
struct str ecma_text(const struct pattern *p);

enum pattern_answer { PATTERN_NO, PATTERN_YES, PATTERN_GIVEN_UP };
/* *budget goes down by what was spent, to 0 where it does not suffice. */
enum pattern_answer ecma_match(const struct pattern *p, struct str s, uint64_t *budget);

/* ecma_translate.c: into out, for PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_MATCH_UNSET_BACKREF without PCRE2_UCP. -1 and *ret.
 * *least is the largest minimum of a quantifier in braces, or 0. */
int ecma_translate(struct arena *a, struct str text, struct buf *out, size_t *least, struct pattern_error *ret);
/* ecma_property.c: what stands between the braces of \p{}, as PCRE2 writes it; false: there is none of that name. */
bool ecma_property(struct str name, struct buf *out, bool *negate);

#endif
