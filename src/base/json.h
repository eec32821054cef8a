/* json.h - immutable JSON values: strict parser, compact and canonical form, digests.
 *
 * Shapes:  a value is a const struct json *. Objects keep the order in which
 *          keys were written and hold no key twice. Strings carry their
 *          length, are valid UTF-8 and hold no NUL. Numbers: an integer in
 *          [-2^63, 2^63-1] written without fraction or exponent is exact
 *          (JSON_INT); every other number keeps its decimal literal
 *          (JSON_NUM) until arithmetic asks for its double.
 * Units:   limits in bytes and levels.
 * Memory:  values live in the arena given to the constructor and may point at
 *          children made in the same or a longer-lived arena (sharing is
 *          free). json_copy() moves a tree to another arena. A parsed value
 *          does not point into the text it came from.
 * Errors:  ERR_JSON with the byte offset, ERR_SIZE when a limit is passed.
 * Source:  RFC 8259; canonical form RFC 8785 except that integers within 64
 *          bits are exact and other numbers are written as their shortest exact
 *          decimal literal.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct arena;
struct digest;
struct err;
struct json;

enum json_type { JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_INT, JSON_NUM, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json_limits {
	size_t max_bytes;	/* of the text; 0: 64 MiB */
	size_t max_depth;	/* nesting; 0: 64 */
	size_t max_values;	/* in all; 0: 4,000,000 */
};

/* The whole text must be one value. Refused: duplicate keys, NUL (raw or
 * escaped), invalid UTF-8, lone surrogates, leading zeros, control characters,
 * BOM, trailing bytes, numbers of more than 1024 characters or that no double can
 * carry (1e400, 1e-400, written exponents beyond 999). limits NULL: defaults. */
int json_parse(struct arena *a, struct str text, const struct json_limits *limits,
	       const struct json **ret, struct err *err);
/* For text of model providers: replaces escaped NULs and lone surrogates by U+FFFD first. */
int json_parse_lenient(struct arena *a, struct str text, const struct json_limits *limits,
		       const struct json **ret, struct err *err);

/* --- reading; every getter accepts NULL as "absent" --- */
enum json_type json_type(const struct json *v);		/* NULL counts as JSON_NULL */
const char *json_type_name(const struct json *v);	/* jq's word: null boolean number string array object */
bool json_is_true(const struct json *v);		/* the value true */
bool json_truth(const struct json *v);			/* jq truth: all but null and false */
bool json_is_number(const struct json *v);
size_t json_len(const struct json *v);			/* of array or object, else 0 */
const struct json *json_at(const struct json *arr, size_t i);	/* NULL when out of range */
const struct json *json_get(const struct json *obj, struct str key);	/* NULL when absent */
const struct json *json_getc(const struct json *obj, const char *key);
struct str json_key(const struct json *obj, size_t i);	/* in written order */
const struct json *json_val(const struct json *obj, size_t i);
struct str json_str(const struct json *v);		/* STR_NONE when not a string */
struct str json_literal(const struct json *v);		/* of a JSON_NUM as written */
bool json_to_int(const struct json *v, int64_t *ret);	/* exact integers only (1.0 and 1e3 too) */
double json_to_double(const struct json *v);
bool json_is_integer(const struct json *v);		/* a number without a fraction, of any size (1.0, 1e30) */
/* Is v an exact multiple of the number by, which is not 0? */
bool json_is_multiple(const struct json *v, const struct json *by);

/* Typed getters that name the key in their error (ERR_INVALID: "labels": expected object, got string). */
int json_need_str(const struct json *obj, const char *key, struct str *ret, struct err *err);

/* --- making --- */
const struct json *json_null(void);
const struct json *json_bool(bool b);
const struct json *json_int(struct arena *a, int64_t i);
const struct json *json_double(struct arena *a, double d);	/* integral values within 2^53 become JSON_INT; NaN
								 * becomes null, infinities the largest double, as jq does */
const struct json *json_number(struct arena *a, struct str literal);	/* copied; NULL when literal is no number that json_parse() takes */
const struct json *json_string(struct arena *a, struct str s);	/* copies; s must be valid UTF-8 without NUL */
const struct json *json_string_ref(struct arena *a, struct str s);	/* points at s, which must live as long */
const struct json *json_stringc(struct arena *a, const char *cstr);
/* As json_string_ref(), in room of the caller's. */
struct json_room {
	uint64_t space[2];
};
const struct json *json_string_in(struct json_room *room, struct str s);
/* A string of bytes from outside: invalid UTF-8 and NUL become U+FFFD. */
const struct json *json_string_clean(struct arena *a, struct str bytes);
const struct json *json_array(struct arena *a, const struct json *const *items, size_t n);	/* copies the pointer table */
const struct json *json_empty_array(void);
const struct json *json_empty_object(void);

struct json_builder {
	struct arena *a;
	size_t n, cap;
	struct str *keys;	/* NULL while building an array */
	const struct json **vals;
};
void json_array_begin(struct json_builder *b, struct arena *a);
void json_array_add(struct json_builder *b, const struct json *v);	/* NULL adds null */
const struct json *json_array_end(struct json_builder *b);
void json_object_begin(struct json_builder *b, struct arena *a);
void json_object_begin_room(struct json_builder *b, struct arena *a, size_t n);	/* n members are to come; more may */
void json_object_begin_from(struct json_builder *b, struct arena *a, const struct json *obj);	/* starts as a copy of obj's members */
/* Set key (a later set of the same key replaces the value and keeps its place). The key's
 * bytes must live as long as the arena; NULL v stores null. */
void json_object_set(struct json_builder *b, struct str key, const struct json *v);
void json_object_setc(struct json_builder *b, const char *literal_key, const struct json *v);
const struct json *json_object_end(struct json_builder *b);

const struct json *json_copy(struct arena *a, const struct json *v);

/* --- comparing (jq's total order: null false true numbers strings arrays objects) --- */
bool json_equal(const struct json *a, const struct json *b);
int json_cmp(const struct json *a, const struct json *b);

/* --- writing --- */
struct buf;
void json_write(struct buf *out, const struct json *v);		/* compact, keys as written */
void json_write_pretty(struct buf *out, const struct json *v);	/* two spaces, for people */
void json_write_string(struct buf *out, struct str s);		/* quoted and escaped */
void json_canonical(struct buf *out, const struct json *v);
struct str json_text(struct arena *a, const struct json *v);	/* compact, NUL-ended behind n */
size_t json_size(const struct json *v);				/* bytes of the compact text */
void json_digest(const struct json *v, struct digest *ret);	/* SHA-256 of the canonical form */

#endif
