/* ecma_translate.c - one pass over the text of a pattern; groups are numbered by a pass before it. */
#include <stdarg.h>
#include <stdio.h>

#include "base/arena.h"
#include "schema/ecma.h"

enum { MAX_NEST = 64, MAX_NAMES = 200 };

#define WHITE_SPACE "\\x{9}-\\x{d}\\x{20}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}\\x{feff}"
/* All the others, for a class that holds more than \S. */
#define NO_WHITE_SPACE                                                                                              \
	"\\x{0}-\\x{8}\\x{e}-\\x{1f}\\x{21}-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}\\x{200b}-\\x{2027}"     \
	"\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}\\x{3001}-\\x{fefe}\\x{ff00}-\\x{10ffff}"
#define NEVER "(?!)"
#define ANY_CHARACTER "(?s:.)"

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

static int refuse(struct translate *t, size_t at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static int refuse(struct translate *t, size_t at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(t->error->message, sizeof t->error->message, fmt, ap);
	va_end(ap);
	t->error->offset = at;
	return -1;
}

static int peek(const struct translate *t, size_t ahead)
{
	return t->i + ahead < t->s.n ? (unsigned char)t->s.p[t->i + ahead] : -1;
}

static bool take(struct translate *t, const char *word)
{
	if (!str_starts(str_sub(t->s, t->i, t->s.n), str_from(word)))
		return false;
	t->i += strlen(word);
	return true;
}

static bool is_digit(int c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int hex_digit(int c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool is_syntax(int c)
{
	return c > 0 && strchr("^$\\.*+?()[]{}|", c);
}

/* --- names of groups --- */

/* After "(?<" or "\k<": up to ">", which is taken. */
static int read_name(struct translate *t, struct str *ret)
{
	size_t from = t->i;

	while (t->i < t->s.n && t->s.p[t->i] != '>') {
		int c = peek(t, 0);

		if (!is_letter(c) && c != '_' && c != '$' && c < 0x80 && (!is_digit(c) || t->i == from))
			return refuse(t, from, "invalid name of a group");
		t->i++;
	}
	if (t->i == from || t->i >= t->s.n)
		return refuse(t, from, "invalid name of a group");
	*ret = str_sub(t->s, from, t->i - from);
	t->i++;
	return 0;
}

static int note_name(struct translate *t)
{
	struct str name;

	if (read_name(t, &name) < 0)
		return -1;
	for (size_t i = 0; i < t->n_names; i++)
		if (str_eq(t->names[i], name))
			return refuse(t, t->i, "two groups of one name");
	if (t->n_names == MAX_NAMES)
		return refuse(t, t->i, "more than %d named groups", MAX_NAMES);
	t->names[t->n_names] = name;
	t->group_of[t->n_names++] = t->n_groups;
	return 0;
}

static int number_groups(struct translate *t)
{
	bool in_class = false;

	for (t->i = 0; t->i < t->s.n;) {
		int c = peek(t, 0);

		t->i++;
		if (c == '\\') {
			t->i++;
		} else if (in_class) {
			in_class = c != ']';
		} else if (c == '[') {
			in_class = true;
		} else if (c == '(' && (peek(t, 0) != '?' || (peek(t, 1) == '<' && peek(t, 2) != '=' && peek(t, 2) != '!'))) {
			t->n_groups++;
			if (take(t, "?<") && note_name(t) < 0)
				return -1;
		}
	}
	t->i = 0;
	return 0;
}

/* --- escapes --- */

enum escape { ESC_ERROR = -1, ESC_CHARACTER, ESC_SET, ESC_NEVER };

static void put_character(struct translate *t, uint32_t c)
{
	if (is_letter((int)c) || is_digit((int)c) || c == '_')
		buf_addc(t->out, (char)c);
	else
		buf_addf(t->out, "\\x{%x}", (unsigned)c);
}

static int read_hex(struct translate *t, size_t n, uint32_t *ret)
{
	uint32_t v = 0;

	for (size_t k = 0; k < n; k++) {
		int d = hex_digit(peek(t, k));

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

	if (peek(t, 0) == '{') {
		size_t k = 1;

		for (; hex_digit(peek(t, k)) >= 0 && v <= 0x10FFFF; k++)
			v = v * 16 + (uint32_t)hex_digit(peek(t, k));
		if (k == 1 || v > 0x10FFFF || peek(t, k) != '}')
			return refuse(t, from, "invalid Unicode escape");
		t->i += k + 1;
		*ret = v;
		return v >= 0xD800 && v < 0xE000 ? ESC_NEVER : ESC_CHARACTER;
	}
	if (read_hex(t, 4, &v) < 0)
		return refuse(t, from, "invalid Unicode escape");
	*ret = v;
	if (v < 0xD800 || v >= 0xE000)
		return ESC_CHARACTER;
	if (v < 0xDC00 && peek(t, 0) == '\\' && peek(t, 1) == 'u') {
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

	if (peek(t, 0) != '{' || end < 0)
		return refuse(t, from, "invalid property name");
	name = str_sub(t->s, t->i + 1, (size_t)end - 1);
	buf_init(&word, t->a);
	if (!ecma_property(name, &word, &negate))
		return refuse(t, from, "there is no property \"" STR_FMT "\"", STR_ARG(str_clip(name, 60)));
	t->i += (size_t)end + 1;
	buf_addf(t->out, "\\%c{" STR_FMT "}", negate != negative ? 'P' : 'p', STR_ARG(buf_str(&word)));
	return ESC_SET;
}

/* At the character behind the backslash. A set is written, a character is returned. */
static enum escape read_escape(struct translate *t, bool in_class, uint32_t *ret)
{
	static const char controls[] = "t\tn\nv\vf\fr\r";
	size_t from = t->i - 1;
	int c = peek(t, 0);
	const char *control;

	if (c < 0)
		return refuse(t, from, "a backslash at the end");
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
		if (!is_letter(peek(t, 0)))
			return refuse(t, from, "\\c without a letter");
		*ret = (uint32_t)peek(t, 0) % 32;
		t->i++;
		return ESC_CHARACTER;
	case 'x':
		if (read_hex(t, 2, ret) == 0)
			return ESC_CHARACTER;
		return refuse(t, from, "\\x without two hexadecimal digits");
	case 'u':
		return read_unicode(t, from, ret);
	case '0':
		if (is_digit(peek(t, 0)))
			return refuse(t, from, "invalid decimal escape");
		*ret = 0;
		return ESC_CHARACTER;
	default:
		if (!is_syntax(c) && c != '/' && !(in_class && c == '-'))
			return refuse(t, from, "invalid escape");
		*ret = (uint32_t)c;
		return ESC_CHARACTER;
	}
}

/* --- classes --- */

/* One atom. written: a set stands in out already. */
static int class_atom(struct translate *t, uint32_t *c, bool *is_set, bool *never)
{
	*is_set = *never = false;
	if (peek(t, 0) != '\\') {
		*c = utf8_next(t->s, &t->i);
		return 0;
	}
	t->i++;
	if (peek(t, 0) == 'b') {
		t->i++;
		*c = '\b';
		return 0;
	}
	switch (read_escape(t, true, c)) {
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
	if (peek(t, 0) != '-' || peek(t, 1) == ']' || peek(t, 1) < 0) {
		if (!set && !never)
			put_character(t, from);
		return 0;
	}
	t->i++;
	if (class_atom(t, &to, &to_set, &to_never) < 0)
		return -1;
	if (set || to_set)
		return refuse(t, at, "a set is no end of a range");
	if (from > to)
		return refuse(t, at, "range out of order in character class");
	put_range(t, from, to);
	return 0;
}

static int translate_class(struct translate *t)
{
	size_t from = t->i, before = t->out->n, inside;
	bool negative;

	t->i++;
	negative = take(t, "^");
	buf_adds(t->out, negative ? "[^" : "[");
	inside = t->out->n;
	while (peek(t, 0) != ']') {
		if (t->i >= t->s.n)
			return refuse(t, from, "missing terminating ] for character class");
		if (class_item(t) < 0)
			return -1;
	}
	t->i++;
	if (t->out->n > inside) {
		buf_addc(t->out, ']');
		return 0;
	}
	t->out->n = before;	/* nothing is in it */
	buf_adds(t->out, negative ? ANY_CHARACTER : NEVER);
	return 0;
}

/* --- terms --- */

static int open_group(struct translate *t)
{
	static const struct {
		const char *word;
		bool quantifiable;
	} kinds[] = {{"(?:", true}, {"(?=", false}, {"(?!", false}, {"(?<=", false}, {"(?<!", false}};
	size_t from = t->i;
	struct str name;

	if (t->depth == MAX_NEST)
		return refuse(t, from, "parentheses are too deeply nested");
	for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++)
		if (take(t, kinds[k].word)) {
			buf_adds(t->out, kinds[k].word);
			t->quantifiable[t->depth++] = kinds[k].quantifiable;
			return 0;
		}
	t->i++;
	if (take(t, "?<")) {
		if (read_name(t, &name) < 0)
			return -1;
	} else if (peek(t, 0) == '?') {
		return refuse(t, from, "invalid group");
	}
	buf_addc(t->out, '(');
	t->quantifiable[t->depth++] = true;
	return 0;
}

static int reference(struct translate *t, size_t group, size_t at)
{
	if (group == 0 || group > t->n_groups)
		return refuse(t, at, "reference to non-existent group");
	buf_addf(t->out, "\\g{%zu}", group);
	return 0;
}

static int named_reference(struct translate *t, size_t at)
{
	struct str name;

	if (!take(t, "k<"))
		return refuse(t, at, "invalid named reference");
	if (read_name(t, &name) < 0)
		return -1;
	for (size_t i = 0; i < t->n_names; i++)
		if (str_eq(t->names[i], name))
			return reference(t, t->group_of[i], at);
	return refuse(t, at, "reference to non-existent group");
}

/* quantifiable: may it be repeated? */
static int translate_escape(struct translate *t, bool *quantifiable)
{
	size_t at = t->i++, group = 0;
	uint32_t c = 0;

	if (peek(t, 0) == 'b' || peek(t, 0) == 'B') {
		buf_addf(t->out, "\\%c", peek(t, 0));
		t->i++;
		*quantifiable = false;
		return 0;
	}
	if (peek(t, 0) == 'k')
		return named_reference(t, at);
	if (peek(t, 0) >= '1' && peek(t, 0) <= '9') {
		for (; is_digit(peek(t, 0)) && group < 100000; t->i++)
			group = group * 10 + (size_t)(peek(t, 0) - '0');
		return reference(t, group, at);
	}
	switch (read_escape(t, false, &c)) {
	case ESC_ERROR:
		return -1;
	case ESC_CHARACTER:
		put_character(t, c);
		break;
	case ESC_NEVER:
		buf_adds(t->out, NEVER);
		break;
	case ESC_SET:
		break;
	}
	return 0;
}

/* At "{": {n} {n,} {n,m}. */
static int translate_braces(struct translate *t)
{
	size_t from = t->i++;
	uint64_t n[2] = {0, UINT32_MAX};

	for (int k = 0; k < 2; k++) {
		size_t first = t->i;
		uint64_t v = 0;

		for (; is_digit(peek(t, 0)); t->i++)
			v = v < 1000000 ? v * 10 + (uint64_t)(peek(t, 0) - '0') : v;
		if (t->i > first)
			n[k] = v;
		else if (k == 0)
			return refuse(t, from, "incomplete quantifier");
		if (k == 1 || !take(t, ","))
			break;
	}
	if (!take(t, "}"))
		return refuse(t, from, "incomplete quantifier");
	if (n[0] > n[1] && n[1] != UINT32_MAX)
		return refuse(t, from, "numbers out of order in {} quantifier");
	buf_add(t->out, t->s.p + from, t->i - from);
	return 0;
}

static int quantifier(struct translate *t, bool quantifiable)
{
	int c = peek(t, 0);

	if (c != '*' && c != '+' && c != '?' && c != '{')
		return 0;
	if (!quantifiable)
		return refuse(t, t->i, "quantifier does not follow a repeatable item");
	if (c == '{') {
		if (translate_braces(t) < 0)
			return -1;
	} else {
		buf_addc(t->out, (char)c);
		t->i++;
	}
	if (take(t, "?"))
		buf_addc(t->out, '?');
	c = peek(t, 0);
	if (c == '*' || c == '+' || c == '?' || c == '{')
		return refuse(t, t->i, "quantifier does not follow a repeatable item");
	return 0;
}

/* One term without its quantifier. */
static int term(struct translate *t, int c, bool *quantifiable)
{
	*quantifiable = true;
	switch (c) {
	case '(':
	case '|':
		*quantifiable = false;
		if (c == '(')
			return open_group(t);
		buf_addc(t->out, '|');
		break;
	case ')':
		if (t->depth == 0)
			return refuse(t, t->i, "unmatched closing parenthesis");
		*quantifiable = t->quantifiable[--t->depth];
		buf_addc(t->out, ')');
		break;
	case '^':
	case '$':
		*quantifiable = false;
		buf_addc(t->out, (char)c);
		break;
	case '.':
		buf_adds(t->out, "[^\\n\\r\\x{2028}\\x{2029}]");
		break;
	case '[':
		return translate_class(t);
	case '\\':
		return translate_escape(t, quantifiable);
	case '*':
	case '+':
	case '?':
	case '{':
		return refuse(t, t->i, "quantifier does not follow a repeatable item");
	case '}':
	case ']':
		return refuse(t, t->i, "\"%c\" without a partner", c);
	default:
		put_character(t, utf8_next(t->s, &t->i));
		return 0;
	}
	t->i++;
	return 0;
}

int ecma_translate(struct arena *a, struct str text, struct buf *out, struct pattern_error *ret)
{
	struct translate *t = ARENA_NEW(a, struct translate);

	t->a = a;
	t->s = text;
	t->out = out;
	t->error = ret;
	if (number_groups(t) < 0)
		return -1;
	while (t->i < t->s.n) {
		bool quantifiable;

		if (term(t, peek(t, 0), &quantifiable) < 0 || quantifier(t, quantifiable) < 0)
			return -1;
	}
	if (t->depth > 0)
		return refuse(t, t->s.n, "missing closing parenthesis");
	return 0;
}
