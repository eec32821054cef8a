/* ecma_translate.h - a pattern of ECMA-262 on its way to PCRE2; for ecma_translate.c and ecma_atom.c only.
 *
 * Shapes:  a reader takes from s at i and writes to out. ECMA_NEVER is what no text has, such as half a pair of surrogates.
 * Units:   offsets in bytes; -1 behind the end.
 * Memory:  all in the arena.
 * Errors:  -1 and *error, by ecma_refuse().
 * Source:  ECMA-262 section 22.2.1 without annex B.
 */
#ifndef SCHEMA_ECMA_TRANSLATE_H
#define SCHEMA_ECMA_TRANSLATE_H

#include <stdbool.h>
#include <stdint.h>

#include "schema/pattern.h"

enum { MAX_NEST = 64, MAX_NAMES = 200 };

#define ECMA_NEVER "(?!)"

struct translate {
	struct arena *a;
	struct str s;
	size_t i;
	struct buf *out;
	struct pattern_error *error;
	size_t n_groups, n_names;
	struct str names[MAX_NAMES];
	size_t group_of[MAX_NAMES];
	bool quantifiable[MAX_NEST];	/* the group that is open, by depth */
	size_t depth;
};

enum escape { ESC_ERROR = -1, ESC_CHARACTER, ESC_SET, ESC_NEVER };

/* --- ecma_atom.c --- */

int ecma_refuse(struct translate *t, size_t at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int ecma_peek(const struct translate *t, size_t ahead);
bool ecma_take(struct translate *t, const char *word);
bool ecma_is_digit(int c);
bool ecma_is_letter(int c);

void ecma_put(struct translate *t, uint32_t c);
/* At the character behind the backslash. A set is written, a character is returned. */
enum escape ecma_escape(struct translate *t, bool in_class, uint32_t *ret);
int ecma_class(struct translate *t);		/* at "[" */

#endif
