/* str.h - length-carrying views and a builder.
 *
 * Shapes:  struct str is a view: pointer and length, no NUL promised, may hold
 *          any byte. struct buf grows inside an arena.
 * Memory:  a view owns nothing. buf memory is the arena's; buf_str() is valid
 *          until the next buf_add*(). buf_cstr() is always NUL-ended.
 * Errors:  none (see arena.h).
 * Source:  this header.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct arena;

struct str {
	const char *p;
	size_t n;
};

#define STR(lit) ((struct str){(lit), sizeof(lit) - 1})
#define STR_NONE ((struct str){NULL, 0})
#define STR_FMT "%.*s"
#define STR_ARG(s) ((int)(s).n), str_chars(s)

/* "" for STR_NONE. */
static inline const char *str_chars(struct str s)
{
	return s.p ? s.p : "";
}

struct str str_from(const char *cstr);			/* NULL gives STR_NONE */
struct str str_dup(struct arena *a, struct str s);	/* copy, NUL-ended behind n */
char *str_cstr(struct arena *a, struct str s);		/* NUL-ended copy */
struct str str_lower(struct arena *a, struct str s);	/* a copy with a to z for A to Z, NUL-ended behind n */
bool str_eq(struct str a, struct str b);
bool str_is(struct str a, const char *cstr);
int str_cmp(struct str a, struct str b);		/* bytewise, then by length */
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
struct str str_sub(struct str s, size_t from, size_t n);	/* clipped */
struct str str_clip(struct str s, size_t n);		/* at most n bytes, whole characters of UTF-8 */
struct str str_trim(struct str s);			/* ASCII white space, both ends */
ptrdiff_t str_find(struct str s, struct str needle);	/* byte offset or -1 */
ptrdiff_t str_chr(struct str s, char c);
/* Number of edits (insert, delete, replace, swap) for "did you mean"; capped at 64-byte names. */
size_t str_distance(struct str a, struct str b);
/* The candidate nearest to name, or NULL when none is near enough to suggest. */
const char *str_nearest(struct str name, const char *const *candidates, size_t n);

/* The name of one thing in a path: 1 to 255 bytes of UTF-8, no control character, slash or backslash, neither "." nor "..". */
bool str_is_name(struct str s);
bool str_is_media_type(struct str s);			/* TYPE/SUBTYPE and what may follow: 3 to 255 printable ASCII characters */
bool utf8_valid(struct str s);
size_t utf8_prefix(struct str s);			/* bytes before the first invalid one; s.n when all are valid */
/* Decode one code point at s[*i], advance *i. Input must be valid UTF-8. */
uint32_t utf8_next(struct str s, size_t *i);
size_t utf8_len(struct str s);				/* code points */
size_t utf8_put(char out[4], uint32_t cp);		/* bytes written */

struct buf {
	struct arena *a;
	char *p;
	size_t n, cap;
};

void buf_init(struct buf *b, struct arena *a);
void buf_reset(struct buf *b);				/* keeps the memory */
void buf_add(struct buf *b, const void *p, size_t n);
void buf_adds(struct buf *b, const char *cstr);
void buf_addstr(struct buf *b, struct str s);
void buf_addc(struct buf *b, char c);
void buf_addi(struct buf *b, int64_t i);		/* in decimal; a third of the time that buf_addf() takes for it */
void buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
struct str buf_str(const struct buf *b);
const char *buf_cstr(struct buf *b);

#endif
