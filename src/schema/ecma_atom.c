/* ecma_atom.c - what stands for one character: itself, escapes, classes. */
#include "schema/ecma_translate.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/arena.h"
#include "schema/ecma.h"

#define WHITE_SPACE "\\x{9}-\\x{d}\\x{20}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}\\x{feff}"
/* All the others, for a class that holds more than \S. */
#define NO_WHITE_SPACE                                                                                              \
	"\\x{0}-\\x{8}\\x{e}-\\x{1f}\\x{21}-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}\\x{200b}-\\x{2027}"     \
	"\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}\\x{3001}-\\x{fefe}\\x{ff00}-\\x{10ffff}"
#define ANY_CHARACTER "(?s:.)"

/* --- reading --- */

int ecma_refuse(struct translate *t, size_t at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(t->error->message, sizeof t->error->message, fmt, ap);
	va_end(ap);
	t->error->offset = at;
	return -1;
}

int ecma_peek(const struct translate *t, size_t ahead)
{
	return t->i + ahead < t->s.n ? (unsigned char)t->s.p[t->i + ahead] : -1;
}

bool ecma_take(struct translate *t, const char *word)
{
	if (!str_starts(str_sub(t->s, t->i, t->s.n), str_from(word)))
		return false;
	t->i += strlen(word);
	return true;
}

bool ecma_is_digit(int c)
{
	return c >= '0' && c <= '9';
}

bool ecma_is_letter(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int hex_digit(int c)
{
	if (ecma_is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool is_syntax(int c)
{
	return c > 0 && strchr("^$\\.*+?()[]{}|", c);
}

/* --- escapes --- */

void ecma_put(struct translate *t, uint32_t c)
{
	if (ecma_is_letter((int)c) || ecma_is_digit((int)c) || c == '_')
		buf_addc(t->out, (char)c);
	else
		buf_addf(t->out, "\\x{%x}", (unsigned)c);
}

static int read_hex(struct translate *t, size_t n, uint32_t *ret)
{
	uint32_t v = 0;

	for (size_t k = 0; k < n; k++) {
		int d = hex_digit(ecma_peek(t, k));

		if (d < 0)
			return -1;
		v = v * 16 + (uint32_t)d;
	}
	t->i += n;
	*ret = v;
	return 0;
}

/* After \u. A pair of surrogates is one character, one alone is in no text. */
static enum escape read_unicode(struct translate *t, size_t from, uint32_t *ret)
{
	uint32_t low, v = 0;

	if (ecma_peek(t, 0) == '{') {
		size_t k = 1;

		for (; hex_digit(ecma_peek(t, k)) >= 0 && v <= 0x10FFFF; k++)
			v = v * 16 + (uint32_t)hex_digit(ecma_peek(t, k));
		if (k == 1 || v > 0x10FFFF || ecma_peek(t, k) != '}')
			return ecma_refuse(t, from, "invalid Unicode escape");
		t->i += k + 1;
		*ret = v;
		return v >= 0xD800 && v < 0xE000 ? ESC_NEVER : ESC_CHARACTER;
	}
	if (read_hex(t, 4, &v) < 0)
		return ecma_refuse(t, from, "invalid Unicode escape");
	*ret = v;
	if (v < 0xD800 || v >= 0xE000)
		return ESC_CHARACTER;
	if (v < 0xDC00 && ecma_peek(t, 0) == '\\' && ecma_peek(t, 1) == 'u') {
		size_t back = t->i;

		t->i += 2;
		if (read_hex(t, 4, &low) == 0 && low >= 0xDC00 && low < 0xE000) {
			*ret = 0x10000 + ((v - 0xD800) << 10) + (low - 0xDC00);
			return ESC_CHARACTER;
		}
		t->i = back;
	}
	return ESC_NEVER;
}

static enum escape read_property(struct translate *t, size_t from, bool negative)
{
	ptrdiff_t end = str_chr(str_sub(t->s, t->i, t->s.n), '}');
	struct str name;
	struct buf word;
	bool negate;

	if (ecma_peek(t, 0) != '{' || end < 0)
		return ecma_refuse(t, from, "invalid property name");
	name = str_sub(t->s, t->i + 1, (size_t)end - 1);
	buf_init(&word, t->a);
	if (!ecma_property(name, &word, &negate))
		return ecma_refuse(t, from, "there is no property \"" STR_FMT "\"", STR_ARG(str_clip(name, 60)));
	t->i += (size_t)end + 1;
	buf_addf(t->out, "\\%c{" STR_FMT "}", negate != negative ? 'P' : 'p', STR_ARG(buf_str(&word)));
	return ESC_SET;
}

enum escape ecma_escape(struct translate *t, bool in_class, uint32_t *ret)
{
	static const char controls[] = "t\tn\nv\vf\fr\r";
	size_t from = t->i - 1;
	int c = ecma_peek(t, 0);
	const char *control;

	if (c < 0)
		return ecma_refuse(t, from, "a backslash at the end");
	t->i++;
	control = strchr("tnvfr", c);
	if (control) {
		*ret = (unsigned char)controls[2 * (control - "tnvfr") + 1];
		return ESC_CHARACTER;
	}
	switch (c) {
	case 'd':
	case 'w':
	case 'D':
	case 'W':
		buf_addf(t->out, "\\%c", c);
		return ESC_SET;
	case 's':
		buf_adds(t->out, in_class ? WHITE_SPACE : "[" WHITE_SPACE "]");
		return ESC_SET;
	case 'S':
		buf_adds(t->out, in_class ? NO_WHITE_SPACE : "[^" WHITE_SPACE "]");
		return ESC_SET;
	case 'p':
	case 'P':
		return read_property(t, from, c == 'P');
	case 'c':
		if (!ecma_is_letter(ecma_peek(t, 0)))
			return ecma_refuse(t, from, "\\c without a letter");
		*ret = (uint32_t)ecma_peek(t, 0) % 32;
		t->i++;
		return ESC_CHARACTER;
	case 'x':
		if (read_hex(t, 2, ret) == 0)
			return ESC_CHARACTER;
		return ecma_refuse(t, from, "\\x without two hexadecimal digits");
	case 'u':
		return read_unicode(t, from, ret);
	case '0':
		if (ecma_is_digit(ecma_peek(t, 0)))
			return ecma_refuse(t, from, "invalid decimal escape");
		*ret = 0;
		return ESC_CHARACTER;
	default:
		if (!is_syntax(c) && c != '/' && !(in_class && c == '-'))
			return ecma_refuse(t, from, "invalid escape");
		*ret = (uint32_t)c;
		return ESC_CHARACTER;
	}
}

/* --- classes --- */

/* One atom. written: a set stands in out already. */
static int class_atom(struct translate *t, uint32_t *c, bool *is_set, bool *never)
{
	*is_set = *never = false;
	if (ecma_peek(t, 0) != '\\') {
		*c = utf8_next(t->s, &t->i);
		return 0;
	}
	t->i++;
	if (ecma_peek(t, 0) == 'b') {
		t->i++;
		*c = '\b';
		return 0;
	}
	switch (ecma_escape(t, true, c)) {
	case ESC_ERROR:
		return -1;
	case ESC_SET:
		*is_set = true;
		break;
	case ESC_NEVER:
		*never = true;
		break;
	case ESC_CHARACTER:
		break;
	}
	return 0;
}

/* Surrogates may bound a range, of which the rest counts. */
static void put_range(struct translate *t, uint32_t from, uint32_t to)
{
	if (from >= 0xD800 && from < 0xE000)
		from = 0xE000;
	if (to >= 0xD800 && to < 0xE000)
		to = 0xD7FF;
	if (from <= to)
		buf_addf(t->out, "\\x{%x}-\\x{%x}", (unsigned)from, (unsigned)to);
}

static int class_item(struct translate *t)
{
	size_t at = t->i;
	uint32_t from = 0, to = 0;
	bool set, never, to_set, to_never;

	if (class_atom(t, &from, &set, &never) < 0)
		return -1;
	if (ecma_peek(t, 0) != '-' || ecma_peek(t, 1) == ']' || ecma_peek(t, 1) < 0) {
		if (!set && !never)
			ecma_put(t, from);
		return 0;
	}
	t->i++;
	if (class_atom(t, &to, &to_set, &to_never) < 0)
		return -1;
	if (set || to_set)
		return ecma_refuse(t, at, "a set is no end of a range");
	if (from > to)
		return ecma_refuse(t, at, "range out of order in character class");
	put_range(t, from, to);
	return 0;
}

int ecma_class(struct translate *t)
{
	size_t from = t->i, before = t->out->n, inside;
	bool negative;

	t->i++;
	negative = ecma_take(t, "^");
	buf_adds(t->out, negative ? "[^" : "[");
	inside = t->out->n;
	while (ecma_peek(t, 0) != ']') {
		if (t->i >= t->s.n)
			return ecma_refuse(t, from, "missing terminating ] for character class");
		if (class_item(t) < 0)
			return -1;
	}
	t->i++;
	if (t->out->n > inside) {
		buf_addc(t->out, ']');
		return 0;
	}
	t->out->n = before;	/* nothing is in it */
	buf_adds(t->out, negative ? ANY_CHARACTER : ECMA_NEVER);
	return 0;
}
