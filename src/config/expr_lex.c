/* expr_lex.c - text to tokens. Strings come in pieces, as interpolation puts programs inside them. */
#include "config/expr_ast.h"

#include <stdarg.h>
#include <stdio.h>

static const struct {
	const char *text;
	enum expr_token_kind kind;
} keywords[] = {
	{"if", TOK_IF},     {"then", TOK_THEN}, {"elif", TOK_ELIF}, {"else", TOK_ELSE},
	{"end", TOK_FI},    {"and", TOK_AND},   {"or", TOK_OR},
};

/* The longest match comes first. */
static const struct {
	const char *text;
	enum expr_token_kind kind;
} operators[] = {
	{"//=", TOK_ASSIGN}, {"==", TOK_EQ},	{"!=", TOK_NE},	      {"<=", TOK_LE},
	{">=", TOK_GE},	     {"|=", TOK_ASSIGN},  {"+=", TOK_ASSIGN},	{"-=", TOK_ASSIGN},   {"*=", TOK_ASSIGN},
	{"/=", TOK_ASSIGN},  {"%=", TOK_ASSIGN},  {"//", TOK_ALTERNATIVE}, {"..", TOK_DOTDOT}, {"=", TOK_ASSIGN},
	{".", TOK_DOT},	     {"(", TOK_LPAREN},	  {")", TOK_RPAREN},	{"[", TOK_LBRACKET},  {"]", TOK_RBRACKET},
	{"{", TOK_LBRACE},   {"}", TOK_RBRACE},	  {"|", TOK_PIPE},	{",", TOK_COMMA},     {":", TOK_COLON},
	{";", TOK_SEMICOLON}, {"?", TOK_QUESTION}, {"<", TOK_LT},	{">", TOK_GT},	      {"+", TOK_ADD},
	{"-", TOK_SUB},	     {"*", TOK_MUL},	  {"/", TOK_DIV},	{"%", TOK_MOD},	      {"\"", TOK_QUOTE},
};

/* Habits from other languages: the character, and what to write here. */
static const struct {
	const char *text, *hint;
} habits[] = {
	{"'", "strings are written with double quotes"},
	{"`", "strings are written with double quotes"},
	{"&&", "write `and`"},
	{"&", "write `and`"},
	{"||", "write `or`"},
	{"!", "write `| not`"},
};

int expr_lex_fail(struct expr_lexer *lx, size_t offset, size_t length, const char *hint, const char *fmt, ...)
{
	va_list ap;

	if (lx->failed)
		return -1;
	lx->failed = true;
	lx->error->offset = offset;
	lx->error->length = length ? length : 1;
	va_start(ap, fmt);
	vsnprintf(lx->error->msg, sizeof lx->error->msg, fmt, ap);
	va_end(ap);
	snprintf(lx->error->hint, sizeof lx->error->hint, "%s", hint ? hint : "");
	return -1;
}

struct str expr_token_text(const struct expr_lexer *lx, const struct expr_token *t)
{
	return str_sub(lx->source, t->offset, t->length);
}

/* '\0' behind the end: sources hold no NUL. */
static char at(const struct expr_lexer *lx, size_t pos)
{
	return pos < lx->source.n ? lx->source.p[pos] : '\0';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_name_start(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_name(char c)
{
	return is_name_start(c) || is_digit(c);
}

static void skip_blank(struct expr_lexer *lx)
{
	for (;;) {
		char c = at(lx, lx->pos);

		if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
			lx->pos++;
		} else if (c == '#') {
			while (lx->pos < lx->source.n && at(lx, lx->pos) != '\n')
				lx->pos++;
		} else {
			return;
		}
	}
}

static size_t name_length(const struct expr_lexer *lx, size_t pos)
{
	size_t from = pos;

	if (!is_name_start(at(lx, pos)))
		return 0;
	while (is_name(at(lx, pos)))
		pos++;
	return pos - from;
}

static size_t number_length(const struct expr_lexer *lx, size_t pos)
{
	size_t from = pos, exponent;

	while (is_digit(at(lx, pos)))
		pos++;
	if (at(lx, pos) == '.') {
		pos++;
		while (is_digit(at(lx, pos)))
			pos++;
	}
	if (at(lx, pos) == 'e' || at(lx, pos) == 'E') {
		exponent = pos + 1;
		if (at(lx, exponent) == '+' || at(lx, exponent) == '-')
			exponent++;
		if (is_digit(at(lx, exponent)))
			for (pos = exponent; is_digit(at(lx, pos));)
				pos++;
	}
	return pos - from;
}

static int finish(struct expr_lexer *lx, struct expr_token *t, enum expr_token_kind kind, size_t length)
{
	t->kind = kind;
	t->offset = lx->pos;
	t->length = length;
	lx->pos += length;
	return 0;
}

static int name_token(struct expr_lexer *lx, struct expr_token *t, size_t length)
{
	struct str name = str_sub(lx->source, lx->pos, length);

	for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++)
		if (str_is(name, keywords[i].text))
			return finish(lx, t, keywords[i].kind, length);
	return finish(lx, t, TOK_NAME, length);
}

static int bad_character(struct expr_lexer *lx)
{
	struct str rest = str_sub(lx->source, lx->pos, lx->source.n);
	size_t i = 0;

	for (size_t k = 0; k < sizeof habits / sizeof *habits; k++)
		if (str_starts(rest, str_from(habits[k].text)))
			return expr_lex_fail(lx, lx->pos, strlen(habits[k].text), habits[k].hint,
					     "unexpected '%s'", habits[k].text);
	utf8_next(rest, &i);
	return expr_lex_fail(lx, lx->pos, i, i > 1 ? "names outside ASCII are written .\"name\"" : NULL,
			     "unexpected '%.*s'", (int)i, rest.p);
}

int expr_lex_next(struct expr_lexer *lx, struct expr_token *t)
{
	struct str rest;
	size_t n;
	char c;

	skip_blank(lx);
	c = at(lx, lx->pos);
	if (lx->pos >= lx->source.n)
		return finish(lx, t, TOK_END, 0);
	if (is_digit(c) || (c == '.' && is_digit(at(lx, lx->pos + 1))))
		return finish(lx, t, TOK_NUMBER, number_length(lx, lx->pos));
	n = name_length(lx, lx->pos);
	if (n)
		return name_token(lx, t, n);
	n = name_length(lx, lx->pos + 1);
	if (n && (c == '.' || c == '@' || c == '$'))
		return finish(lx, t, c == '.' ? TOK_FIELD : c == '@' ? TOK_FORMAT : TOK_VARIABLE, n + 1);
	rest = str_sub(lx->source, lx->pos, 3);
	for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
		if (str_starts(rest, str_from(operators[i].text)) && !str_starts(rest, STR("||")))
			return finish(lx, t, operators[i].kind, strlen(operators[i].text));
	return bad_character(lx);
}

/* --- strings --- */

static int hex4(const struct expr_lexer *lx, size_t pos, uint32_t *ret)
{
	uint32_t v = 0;

	for (size_t i = pos; i < pos + 4; i++) {
		char c = at(lx, i);

		if (is_digit(c))
			v = v * 16 + (uint32_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			v = v * 16 + (uint32_t)(c - 'a' + 10);
		else if (c >= 'A' && c <= 'F')
			v = v * 16 + (uint32_t)(c - 'A' + 10);
		else
			return -1;
	}
	*ret = v;
	return 0;
}

/* pos is at the backslash of \uXXXX. */
static int unicode_escape(struct expr_lexer *lx, struct buf *out)
{
	uint32_t cp, low;
	size_t from = lx->pos;
	char bytes[4];

	if (hex4(lx, from + 2, &cp) < 0)
		return expr_lex_fail(lx, from, 2, NULL, "\\u needs four hexadecimal digits");
	lx->pos += 6;
	if (cp >= 0xd800 && cp < 0xdc00 && at(lx, lx->pos) == '\\' && at(lx, lx->pos + 1) == 'u' &&
	    hex4(lx, lx->pos + 2, &low) == 0 && low >= 0xdc00 && low < 0xe000) {
		cp = 0x10000 + ((cp - 0xd800) << 10) + (low - 0xdc00);
		lx->pos += 6;
	}
	if (cp == 0)
		return expr_lex_fail(lx, from, 6, NULL, "\\u0000 cannot be in a string");
	if (cp >= 0xd800 && cp < 0xe000)
		return expr_lex_fail(lx, from, 6, NULL, "half of a surrogate pair");
	buf_add(out, bytes, utf8_put(bytes, cp));
	return 0;
}

static int escape(struct expr_lexer *lx, struct buf *out)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	char c = at(lx, lx->pos + 1);
	const char *found = c ? strchr(from, c) : NULL;

	if (c == 'u')
		return unicode_escape(lx, out);
	if (!found)
		return expr_lex_fail(lx, lx->pos, 2, "a backslash itself is written \\\\",
				     "unknown escape in a string");
	buf_addc(out, to[found - from]);
	lx->pos += 2;
	return 0;
}

int expr_lex_text(struct expr_lexer *lx, struct buf *out, bool *more)
{
	for (;;) {
		size_t from = lx->pos;
		char c;

		while (lx->pos < lx->source.n && at(lx, lx->pos) != '"' && at(lx, lx->pos) != '\\')
			lx->pos++;
		buf_add(out, lx->source.p + from, lx->pos - from);
		if (lx->pos >= lx->source.n)
			return expr_lex_fail(lx, lx->source.n, 1, NULL, "unclosed string");
		c = at(lx, lx->pos + 1);
		if (at(lx, lx->pos) == '"') {
			lx->pos++;
			*more = false;
			return 0;
		}
		if (c == '(') {
			lx->pos += 2;
			*more = true;
			return 0;
		}
		if (lx->pos + 1 >= lx->source.n)
			return expr_lex_fail(lx, lx->source.n, 1, NULL, "unclosed string");
		if (escape(lx, out) < 0)
			return -1;
	}
}
