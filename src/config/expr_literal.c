/* expr_literal.c - numbers, strings with interpolation, formats, arrays, objects. */
#include "config/expr_parser.h"

#include "base/err.h"
#include "base/json.h"

node_ptr parse_number(struct parser *p)
{
	struct str lit = parser_text(p);
	size_t offset = p->t.offset;
	const struct json *v;
	struct err err;
	struct buf b;
	ptrdiff_t dot;

	while (lit.n > 1 && lit.p[0] == '0' && lit.p[1] >= '0' && lit.p[1] <= '9')
		lit = str_sub(lit, 1, lit.n);
	dot = str_chr(lit, '.');
	buf_init(&b, p->a);
	if (dot < 0) {
		buf_addstr(&b, lit);
	} else {
		struct str fraction = str_sub(lit, (size_t)dot + 1, lit.n);
		bool digits = fraction.n && fraction.p[0] >= '0' && fraction.p[0] <= '9';

		buf_addstr(&b, dot == 0 ? STR("0") : str_sub(lit, 0, (size_t)dot));
		if (digits)
			buf_addc(&b, '.');
		buf_addstr(&b, fraction);
	}
	if (json_parse(p->a, buf_str(&b), NULL, &v, &err) < 0) {
		expr_lex_fail(&p->lx, offset, p->t.length, NULL, "the number " STR_FMT " is out of range",
			      STR_ARG(str_sub(lit, 0, 40)));
		return NULL;
	}
	return parser_advance(p) < 0 ? NULL : parser_constant(p, offset, v);
}

/* op tells it from an interpolated constant, which goes through the format. */
static node_ptr literal_part(struct parser *p, size_t offset, struct str text)
{
	struct expr_node *nd = parser_node(p, EXPR_CONST, offset, NULL, 0);

	if (!nd)
		return NULL;
	nd->value = json_string(p->a, text);
	nd->op = 1;
	return nd;
}

/* The token is the opening quote. */
node_ptr parse_string(struct parser *p, size_t offset, enum expr_format format)
{
	struct kids parts = {0};
	struct expr_node *nd;
	struct buf b;
	bool more = true;

	buf_init(&b, p->a);
	while (more) {
		node_ptr part;

		buf_reset(&b);
		if (expr_lex_text(&p->lx, &b, &more) < 0)
			return NULL;
		p->t.length = p->lx.pos - p->t.offset;
		p->last_end = p->lx.pos;
		if (b.n || !more)
			parser_add(p, &parts, literal_part(p, offset, buf_str(&b)));
		if (!more)
			break;
		if (parser_advance(p) < 0)
			return NULL;
		part = parse_pipe(p);
		if (!part)
			return NULL;
		parser_add(p, &parts, part);
		if (!parser_is(p, TOK_RPAREN))
			return parser_unexpected(p, "')'");
		p->lx.pos = p->t.offset + 1;
	}
	if (parser_advance(p) < 0)
		return NULL;
	if (parts.n == 1)
		return parser_constant(p, offset, parts.v[0]->value);
	nd = parser_node(p, EXPR_TEXT, offset, parts.v, parts.n);
	if (nd)
		nd->op = (int)format;
	return nd;
}

node_ptr parse_format(struct parser *p)
{
	size_t offset = p->t.offset;
	int format = expr_format_find(parser_text(p));
	struct expr_node *nd;

	if (format < 0) {
		expr_lex_fail(&p->lx, offset, p->t.length, "there are @text @json @csv @html @uri @base64",
			      "the format '%.*s' is not part of the expression language",
			      (int)(p->t.length > 40 ? 40 : p->t.length), parser_text(p).p);
		return NULL;
	}
	if (parser_advance(p) < 0)
		return NULL;
	if (parser_is(p, TOK_QUOTE))
		return parse_string(p, offset, (enum expr_format)format);
	nd = parser_node(p, EXPR_FORMAT, offset, NULL, 0);
	if (nd)
		nd->op = format;
	return nd;
}

/* --- arrays and objects --- */

node_ptr parse_array(struct parser *p)
{
	size_t offset = p->t.offset;
	node_ptr body = NULL;

	if (parser_advance(p) < 0)
		return NULL;
	if (!parser_is(p, TOK_RBRACKET)) {
		body = parse_pipe(p);
		if (!body)
			return NULL;
	}
	if (parser_expect(p, TOK_RBRACKET, "',' or ']'") < 0)
		return NULL;
	return parser_node(p, EXPR_ARRAY, offset, &body, body ? 1 : 0);
}

/* Values are terms, as `,` ends them: jq wants brackets around anything with an operator. */
static node_ptr parse_member_value(struct parser *p)
{
	size_t offset = p->t.offset;
	bool negate = parser_is(p, TOK_SUB);
	node_ptr pair[2], nd;

	if (negate && parser_advance(p) < 0)
		return NULL;
	nd = parse_term(p);
	if (nd && negate)
		nd = parser_node(p, EXPR_NEGATE, offset, &nd, 1);
	if (!nd)
		return NULL;
	if (parser_is(p, TOK_PIPE)) {
		if (parser_enter(p) < 0 || parser_advance(p) < 0)
			return NULL;
		pair[0] = nd;
		pair[1] = parse_member_value(p);
		parser_leave(p);
		return pair[1] ? parser_node(p, EXPR_PIPE, offset, pair, 2) : NULL;
	}
	if (parser_is_operator(p)) {
		expr_lex_fail(&p->lx, p->t.offset, p->t.length, "put the value in parentheses: {key: (1 + 2)}",
			      "unexpected '" STR_FMT "' in the value of a key", STR_ARG(parser_text(p)));
		return NULL;
	}
	return nd;
}

/* {name}: the key is also the path to the value. */
static node_ptr shorthand(struct parser *p, node_ptr key)
{
	node_ptr kids[2] = {parser_node(p, EXPR_SELF, key->offset, NULL, 0), key};
	struct expr_node *nd;

	if (key->kind != EXPR_CONST)
		return parser_node(p, EXPR_INDEX, key->offset, kids, 2);
	nd = parser_node(p, EXPR_FIELD, key->offset, kids, 1);
	if (nd)
		nd->value = key->value;
	return nd;
}

static node_ptr parse_key(struct parser *p, bool *needs_value)
{
	size_t offset = p->t.offset;
	node_ptr key;

	*needs_value = false;
	if (parser_is_word(p)) {
		const struct json *name = json_string(p->a, parser_text(p));

		return parser_advance(p) < 0 ? NULL : parser_constant(p, offset, name);
	}
	if (parser_is(p, TOK_QUOTE))
		return parse_string(p, offset, FORMAT_TEXT);
	if (parser_is(p, TOK_FORMAT)) {
		key = parse_format(p);
		return key && key->kind == EXPR_FORMAT ? parser_unexpected(p, "a string") : key;
	}
	if (parser_is(p, TOK_LPAREN)) {
		*needs_value = true;
		key = parser_advance(p) < 0 ? NULL : parse_pipe(p);
		return key && parser_expect(p, TOK_RPAREN, "')'") == 0 ? key : NULL;
	}
	if (parser_is(p, TOK_NUMBER)) {
		expr_lex_fail(&p->lx, offset, p->t.length, "write it as a string: {\"1\": ...}",
			      "a number cannot be an object key");
		return NULL;
	}
	return parser_unexpected(p, "an object key or '}'");
}

/* The offset of the key makes the place of a shorthand; string keys of constants begin at the quote. */
node_ptr parse_object(struct parser *p)
{
	size_t offset = p->t.offset;
	struct kids members = {0};

	if (parser_advance(p) < 0)
		return NULL;
	while (!parser_is(p, TOK_RBRACE)) {
		bool needs_value;
		node_ptr key = parse_key(p, &needs_value), value;

		if (!key)
			return NULL;
		if (parser_is(p, TOK_COLON))
			value = parser_advance(p) < 0 ? NULL : parse_member_value(p);
		else if (needs_value)
			return parser_unexpected(p, "':'");
		else
			value = shorthand(p, key);
		if (!value)
			return NULL;
		parser_add(p, &members, key);
		parser_add(p, &members, value);
		if (parser_is(p, TOK_RBRACE))
			break;
		if (!parser_is(p, TOK_COMMA))
			return parser_unexpected(p, "',' or '}'");
		if (parser_advance(p) < 0)
			return NULL;
		if (parser_is(p, TOK_RBRACE))
			return parser_unexpected(p, "an object key");
	}
	if (parser_advance(p) < 0)
		return NULL;
	return parser_node(p, EXPR_OBJECT, offset, members.v, members.n);
}
