/* pattern.h - regular expressions on PCRE2, each match of which ends: the only user of PCRE2.
 *
 * Shapes:  a pattern is compiled once, is found anywhere in a text of valid UTF-8, and pays for it, as both may come from
 *          anybody. Groups are numbered from 1; those beyond PATTERN_MAX_GROUPS are matched, not told.
 * Units:   offsets in bytes; budgets in steps, about an item of the pattern tried or PATTERN_STEP_BYTES passed each.
 * Memory:  a pattern lives in the arena given, is immutable and may be used by several threads at once. A match may take
 *          32 MiB, which are given back. Out of memory ends the process, it is never a text that does not match.
 * Errors:  struct pattern_error; a match that is given up is an answer of its own.
 * Source:  pcre2pattern(3), pcre2callout(3)
 */
#ifndef SCHEMA_PATTERN_H
#define SCHEMA_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct arena;
struct pattern;

enum {
	PATTERN_MAX_BYTES = 16 * 1024,
	PATTERN_MAX_GROUPS = 99,
	PATTERN_STEP_BYTES = 16,
	PATTERN_STEPS = 2000000,	/* a budget for who keeps none */
};

enum pattern_option {
	PATTERN_CASELESS = 1,
	PATTERN_EXTENDED = 2,		/* blanks in the pattern are ignored */
	PATTERN_DOT_ALL = 4,
	PATTERN_END_ONLY = 8,		/* $ is the very end, not before a last line feed */
	PATTERN_UNICODE = 16,		/* \d, \w and \b know more than ASCII */
	PATTERN_UNSET_MATCHES = 32,	/* a reference to a group that is not set matches nothing at all */
};

struct pattern_error {
	size_t offset;			/* into the text of the pattern */
	char message[160];
};

/* The text of a pattern must live as long as it. NULL and *ret. */
const struct pattern *pattern_compile(struct arena *a, struct str text, unsigned options, struct pattern_error *ret);
/* For a text in another language: PCRE2 sees its translation, which may be gone afterwards and which an offset is into. */
const struct pattern *pattern_compile_as(struct arena *a, struct str text, struct str translation, unsigned options,
					 struct pattern_error *ret);
bool pattern_is_short(struct str text, struct pattern_error *ret);	/* PATTERN_MAX_BYTES; pattern_compile() asks */

struct str pattern_text(const struct pattern *p);
size_t pattern_groups(const struct pattern *p);
size_t pattern_bytes(const struct pattern *p);		/* of memory */
/* By number of group, .p NULL where it has none; as many as groups, and 1. */
const struct str *pattern_names(struct arena *a, const struct pattern *p);

enum pattern_answer { PATTERN_NO, PATTERN_YES, PATTERN_GIVEN_UP };

struct pattern_match {
	size_t start, end;
	size_t n_groups;		/* up to the last one that is set */
	const size_t *groups;		/* pairs by number, the whole first; this thread's, until its next match */
};

/* Looks in s from an offset on. *budget goes down by what was spent, to 0 where it does not suffice. ret may be NULL. */
enum pattern_answer pattern_find(const struct pattern *p, struct str s, size_t from, bool not_empty, struct pattern_match *ret,
				 uint64_t *budget);
/* STR_NONE: the group is not set. */
struct str pattern_group(const struct pattern_match *m, struct str s, size_t group);

#endif
