/* yaml_scan.c - bounds that hold before libyaml sees a byte.
 *
 * libyaml 0.2.5 takes seconds for deeply nested brackets and for long lists of directives. The
 * nesting found here follows YAML's lexical rules closely but not to the letter; yaml.c counts the
 * exact depth of what libyaml reports and stops it at the same limit, so a text that
 * misleads this scan costs a bounded look-ahead and no more.
 */
#include "config/yaml.h"

struct scan {
	const struct yaml_doc *doc;
	struct diags *d;
	struct str s;
	size_t i;			/* the byte under the eye */
	size_t line;			/* where its line begins */
	size_t flow;			/* open brackets */
	char quote;			/* 0, ' or " */
	bool start;			/* a value may begin here */
	size_t indents[YAML_MAX_DEPTH + 2];
	size_t n_indents;
	bool block;			/* inside a block scalar */
	ptrdiff_t block_parent, block_indent;	/* columns; indent -1: first line not seen yet */
	ptrdiff_t key;			/* column of the key or dash that a block scalar would belong to */
};

static bool fail(const struct yaml_doc *doc, struct diags *d, size_t at, const char *hint, const char *msg)
{
	diag_add(d, DIAG_ERROR, text_place(doc->file, doc->text, at), hint, "%s", msg);
	return false;
}

/* --- bytes --- */

/* Offset of the first byte that does not belong to a valid sequence. */
static size_t first_invalid(struct str s)
{
	size_t i = 0;
	while (i < s.n) {
		unsigned char c = (unsigned char)s.p[i];
		size_t len = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
		if (i + len > s.n || !utf8_valid(str_sub(s, i, len)))
			return i;
		i += len;
	}
	return i;
}

static bool code_point_ok(const struct yaml_doc *doc, struct diags *d, uint32_t c, size_t at)
{
	if (c == 0)
		return fail(doc, d, at, NULL, "the file holds a NUL byte");
	if (c == '\r' && (at + 1 >= doc->text.n || doc->text.p[at + 1] != '\n'))
		return fail(doc, d, at, NULL, "carriage return without a line feed");
	if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || (c >= 0x7f && c < 0xa0 && c != 0x85))
		return fail(doc, d, at, "write it as an escape in double quotes", "control character in the file");
	if (c == 0x85 || c == 0x2028 || c == 0x2029)
		return fail(doc, d, at, "write it as an escape in double quotes", "Unicode line separator in the file");
	if (c == 0xfeff || c == 0xfffe || c == 0xffff)
		return fail(doc, d, at, NULL, "byte order mark or non-character inside the file");
	return true;
}

static bool scan_bytes(const struct yaml_doc *doc, struct diags *d)
{
	struct str s = doc->text;
	if (s.n > YAML_MAX_BYTES)
		return fail(doc, d, 0, NULL, "the file is larger than 256 KiB");
	if (!utf8_valid(s))
		return fail(doc, d, first_invalid(s), NULL, "the file is not valid UTF-8");
	for (size_t i = 0; i < s.n;) {
		size_t at = i;
		uint32_t c = (unsigned char)s.p[i] < 0x80 ? (unsigned char)s.p[i++] : utf8_next(s, &i);
		if (!code_point_ok(doc, d, c, at))
			return false;
		if (c == '%' && (at == 0 || s.p[at - 1] == '\n'))
			return fail(doc, d, at, NULL, "YAML directives are not allowed");
	}
	return true;
}

/* --- nesting --- */

static char peek(const struct scan *c, size_t ahead)
{
	return c->i + ahead < c->s.n ? c->s.p[c->i + ahead] : '\n';
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool too_deep(struct scan *c)
{
	return fail(c->doc, c->d, c->i, NULL, "nested more than 32 levels deep");
}

static bool open_indent(struct scan *c, size_t col)
{
	while (c->n_indents && c->indents[c->n_indents - 1] > col)
		c->n_indents--;
	if (c->n_indents && c->indents[c->n_indents - 1] == col)
		return true;
	if (c->n_indents > YAML_MAX_DEPTH)	/* one more: the deepest may be a scalar */
		return too_deep(c);
	c->indents[c->n_indents++] = col;
	return true;
}

static void skip_line(struct scan *c)
{
	while (c->i < c->s.n && c->s.p[c->i] != '\n')
		c->i++;
}

/* At a | or > where a value may begin: the scalar's lines follow. */
static void open_block(struct scan *c)
{
	c->block = true;
	c->block_parent = c->key;
	c->block_indent = -1;
	for (size_t k = 1; k < 3; k++) {
		char digit = peek(c, k);
		if (digit >= '1' && digit <= '9')
			c->block_indent = (c->block_parent < 0 ? 0 : c->block_parent) + (digit - '0');
	}
	skip_line(c);
}

/* At the beginning of a line of a block scalar: true when it belongs to it, and was skipped. */
static bool in_block(struct scan *c)
{
	size_t j = c->i;
	while (j < c->s.n && c->s.p[j] == ' ')
		j++;
	if (j >= c->s.n || c->s.p[j] == '\n' || c->s.p[j] == '\r') {
		skip_line(c);
		return true;
	}
	ptrdiff_t indent = (ptrdiff_t)(j - c->i);
	if (c->block_indent < 0 && indent > c->block_parent)
		c->block_indent = indent;
	if (c->block_indent >= 0 && indent >= c->block_indent) {
		skip_line(c);
		return true;
	}
	c->block = false;
	return false;
}

static void step_quote(struct scan *c)
{
	char ch = c->s.p[c->i];
	if (c->quote == '"' && ch == '\\' && peek(c, 1) != '\n')
		c->i++;
	else if (ch == c->quote && c->quote == '\'' && peek(c, 1) == '\'')
		c->i++;
	else if (ch == c->quote)
		c->quote = 0;
	c->i++;
}

/* A character where a value may begin. */
static bool step_start(struct scan *c)
{
	char ch = c->s.p[c->i];
	size_t col = c->i - c->line;
	if (ch == ' ' || ch == '\t' || ch == '\r') {
		c->i++;
		return true;
	}
	if (!c->flow && (ch == '-' || ch == '?') && is_blank(peek(c, 1))) {
		c->key = (ptrdiff_t)col;
		bool ok = open_indent(c, col);
		c->i++;
		return ok;
	}
	if (ch == '#') {
		skip_line(c);
		return true;
	}
	if (!c->flow && (ch == '|' || ch == '>')) {
		open_block(c);
		return true;
	}
	if (ch == '&' || ch == '!') {	/* refused later; what follows still begins a value */
		while (c->i < c->s.n && !is_blank(c->s.p[c->i]))
			c->i++;
		return true;
	}
	c->start = false;
	if (!c->flow && c->key < (ptrdiff_t)col && ch != '[' && ch != '{') {
		/* Perhaps a key: only the first value of a line counts as an indentation. */
		for (size_t j = c->line; j < c->i; j++)
			if (c->s.p[j] != ' ' && c->s.p[j] != '-' && c->s.p[j] != '?')
				goto value;
		c->key = (ptrdiff_t)col;
		if (!open_indent(c, col))
			return false;
	}
value:
	if (ch == '"' || ch == '\'') {
		c->quote = ch;
		c->i++;
	}
	return true;
}

static bool step_inside(struct scan *c)
{
	char ch = c->s.p[c->i];
	if (ch == ':' && (is_blank(peek(c, 1)) || (c->flow && strchr(",[]{}\"'", peek(c, 1)))))
		c->start = true;
	else if (ch == '#' && c->i && is_blank(c->s.p[c->i - 1])) {
		skip_line(c);
		return true;
	} else if (c->flow && ch == ',')
		c->start = true;
	c->i++;
	return true;
}

static bool step_bracket(struct scan *c)
{
	char ch = c->s.p[c->i];
	bool open = ch == '[' || ch == '{';
	if (open && ++c->flow + c->n_indents > YAML_MAX_DEPTH)
		return too_deep(c);
	if (!open)
		c->flow--;
	c->start = open;
	c->i++;
	return true;
}

static bool is_bracket(const struct scan *c)
{
	char ch = c->s.p[c->i];
	if (ch == '[' || ch == '{')
		return c->flow || c->start;	/* inside a plain scalar of block style it is text */
	return c->flow && (ch == ']' || ch == '}');
}

static bool scan_nesting(struct scan *c)
{
	while (c->i < c->s.n) {
		bool ok = true;
		if (c->s.p[c->i] == '\n') {
			c->line = ++c->i;
			c->start = !c->quote;
			c->key = -1;
		} else if (c->i == c->line && c->block && in_block(c))
			continue;
		else if (c->quote)
			step_quote(c);
		else if (is_bracket(c))
			ok = step_bracket(c);
		else if (c->start)
			ok = step_start(c);
		else
			ok = step_inside(c);
		if (!ok)
			return false;
	}
	return true;
}

bool yaml_scan(const struct yaml_doc *doc, struct diags *d)
{
	if (!scan_bytes(doc, d))
		return false;
	struct scan c = {.doc = doc, .d = d, .s = doc->text, .start = true, .key = -1};
	return scan_nesting(&c);
}
