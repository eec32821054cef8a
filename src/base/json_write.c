/* json_write.c - compact, pretty and canonical text, sizes and digests. The canonical form of
 * numbers is described in json_number.c. */
#include "base/json_shape.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/digest.h"

static const char hex[] = "0123456789abcdef";

/* The letter behind the backslash, 'u' for those without a short form, 0 for plain bytes. */
static char escape_of(unsigned char c)
{
	static const char control[32] = "uuuuuuuubtnufruuuuuuuuuuuuuuuuuu";

	if (c < 0x20)
		return control[c];
	return c == '"' || c == '\\' ? (char)c : '\0';
}

void json_write_string(struct buf *out, struct str s)
{
	size_t from = 0;

	buf_addc(out, '"');
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		char e = escape_of(c);

		if (e == '\0')
			continue;
		buf_add(out, s.p + from, i - from);
		from = i + 1;
		buf_addc(out, '\\');
		buf_addc(out, e);
		if (e == 'u') {
			buf_adds(out, c < 0x10 ? "000" : "001");
			buf_addc(out, hex[c & 15]);
		}
	}
	if (s.n > from)
		buf_add(out, s.p + from, s.n - from);
	buf_addc(out, '"');
}

/* All but arrays and objects; numbers as they are written. */
static void write_scalar(struct buf *out, const struct json *v)
{
	switch (json_type(v)) {
	case JSON_FALSE:
		buf_adds(out, "false");
		return;
	case JSON_TRUE:
		buf_adds(out, "true");
		return;
	case JSON_INT:
		buf_addi(out, v->i);
		return;
	case JSON_NUM:
		buf_add(out, v->p, v->n);
		return;
	case JSON_STRING:
		json_write_string(out, json_str(v));
		return;
	case JSON_NULL:
	case JSON_ARRAY:
	case JSON_OBJECT:
		break;
	}
	buf_adds(out, "null");
}

void json_write(struct buf *out, const struct json *v)
{
	bool object = json_type(v) == JSON_OBJECT;

	if (json_type(v) < JSON_ARRAY) {
		write_scalar(out, v);
		return;
	}
	buf_addc(out, object ? '{' : '[');
	for (size_t i = 0; i < v->n; i++) {
		if (i)
			buf_addc(out, ',');
		if (object) {
			json_write_string(out, json_key(v, i));
			buf_addc(out, ':');
		}
		json_write(out, v->items[i]);
	}
	buf_addc(out, object ? '}' : ']');
}

static void new_line(struct buf *out, size_t level)
{
	buf_addc(out, '\n');
	for (size_t i = 0; i < level; i++)
		buf_adds(out, "  ");
}

static void write_pretty(struct buf *out, const struct json *v, size_t level)
{
	bool object = json_type(v) == JSON_OBJECT;

	if (json_len(v) == 0) {
		json_write(out, v);
		return;
	}
	buf_addc(out, object ? '{' : '[');
	for (size_t i = 0; i < v->n; i++) {
		if (i)
			buf_addc(out, ',');
		new_line(out, level + 1);
		if (object) {
			json_write_string(out, json_key(v, i));
			buf_adds(out, ": ");
		}
		write_pretty(out, v->items[i], level + 1);
	}
	new_line(out, level);
	buf_addc(out, object ? '}' : ']');
}

void json_write_pretty(struct buf *out, const struct json *v)
{
	write_pretty(out, v, 0);
}

/* UTF-16 code units order UTF-8 bytes alike, but that characters above U+FFFF (led by f0 to f4,
 * surrogates in UTF-16) come before U+E000 to U+FFFF (led by ee and ef). */
static int cmp_utf16(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;

	for (size_t i = 0; i < n; i++) {
		unsigned ca = (unsigned char)a.p[i], cb = (unsigned char)b.p[i];

		if (ca == cb)
			continue;
		ca += ca == 0xee || ca == 0xef ? 0x10 : 0;
		cb += cb == 0xee || cb == 0xef ? 0x10 : 0;
		return ca < cb ? -1 : 1;
	}
	return (a.n > b.n) - (a.n < b.n);
}

static void canonical_object(struct buf *out, const struct json *v)
{
	struct arena *scratch = arena_new(NULL);
	const uint32_t *order = json_key_order(scratch, json_members_of(v)->keys, v->n, cmp_utf16);

	buf_addc(out, '{');
	for (size_t i = 0; i < v->n; i++) {
		if (i)
			buf_addc(out, ',');
		json_write_string(out, json_key(v, order[i]));
		buf_addc(out, ':');
		json_canonical(out, v->items[order[i]]);
	}
	buf_addc(out, '}');
	arena_free(scratch);
}

static void canonical_number(struct buf *out, const struct json *v)
{
	char text[JSON_DECIMAL_TEXT];
	struct json_decimal d;

	json_decimal_of(v, &d);
	buf_add(out, text, json_decimal_write(&d, text));
}

void json_canonical(struct buf *out, const struct json *v)
{
	switch (json_type(v)) {
	case JSON_NUM:
		canonical_number(out, v);
		return;
	case JSON_OBJECT:
		if (v->n)
			canonical_object(out, v);
		else
			buf_adds(out, "{}");
		return;
	case JSON_ARRAY:
		buf_addc(out, '[');
		for (size_t i = 0; i < v->n; i++) {
			if (i)
				buf_addc(out, ',');
			json_canonical(out, v->items[i]);
		}
		buf_addc(out, ']');
		return;
	case JSON_NULL:
	case JSON_FALSE:
	case JSON_TRUE:
	case JSON_INT:
	case JSON_STRING:
		break;
	}
	write_scalar(out, v);
}

static size_t string_size(struct str s)
{
	size_t n = s.n + 2;

	for (size_t i = 0; i < s.n; i++) {
		char e = escape_of((unsigned char)s.p[i]);

		n += e == 'u' ? 5 : e != '\0';
	}
	return n;
}

size_t json_size(const struct json *v)
{
	char text[24];
	size_t n;

	switch (json_type(v)) {
	case JSON_NULL:
	case JSON_TRUE:
		return 4;
	case JSON_FALSE:
		return 5;
	case JSON_INT:
		return (size_t)snprintf(text, sizeof text, "%" PRId64, v->i);
	case JSON_NUM:
		return v->n;
	case JSON_STRING:
		return string_size(json_str(v));
	case JSON_ARRAY:
	case JSON_OBJECT:
		break;
	}
	n = 2 + (v->n ? v->n - 1 : 0);
	for (size_t i = 0; i < v->n; i++)
		n += (v->type == JSON_OBJECT ? string_size(json_key(v, i)) + 1 : 0) + json_size(v->items[i]);
	return n;
}

/* Written into memory of just the right size: the growing of a buf would leave twice as much behind. */
struct str json_text(struct arena *a, const struct json *v)
{
	size_t cap = json_size(v) + 1;
	struct buf b = {.a = a, .p = arena_alloc(a, cap), .cap = cap};

	json_write(&b, v);
	return (struct str){buf_cstr(&b), b.n};
}

void json_digest(const struct json *v, struct digest *ret)
{
	struct arena *scratch = arena_new(NULL);
	struct buf b;

	buf_init(&b, scratch);
	json_canonical(&b, v);
	digest_of(buf_str(&b), ret);
	arena_free(scratch);
}
