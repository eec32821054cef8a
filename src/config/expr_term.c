/* expr_term.c - values and what may follow them: calls, `if`, paths, `?`. */
#include "config/expr_parser.h"

#include "base/json.h"
#include "config/expr_words.h"

/* --- names and calls --- */

static node_ptr name_error(struct parser *p, struct str name, size_t offset, size_t n_args)
{
	const char *hint;
	char near[120];
	size_t arity;

	if (expr_word_refused(name, &hint))
		expr_lex_fail(&p->lx, offset, name.n, hint, "'" STR_FMT "' is not part of the expression language",
			      STR_ARG(name));
	else if (expr_word_arity(name, &arity))
		expr_lex_fail(&p->lx, offset, name.n, NULL, "'" STR_FMT "' takes %s, got %zu", STR_ARG(name),
			      expr_arity_text(name), n_args);
	else
		expr_lex_fail(&p->lx, offset, name.n, expr_word_hint(p->lx.source, offset, name, near, sizeof near),
			      "unknown function '%.*s'", (int)(name.n > 60 ? 60 : name.n), name.p);
	return NULL;
}

static node_ptr parse_call(struct parser *p)
{
	struct str name = parser_text(p);
	size_t offset = p->t.offset;
	struct kids args = {0};
	struct expr_node *nd;
	const char *hint;

	if (str_is(name, "null") || str_is(name, "true") || str_is(name, "false")) {
		const struct json *v = str_is(name, "null") ? json_null() : json_bool(str_is(name, "true"));

		return parser_advance(p) < 0 ? NULL : parser_constant(p, offset, v);
	}
	if (expr_word_refused(name, &hint))
		return name_error(p, name, offset, 0);
	if (parser_advance(p) < 0)
		return NULL;
	while (parser_is(p, args.n ? TOK_SEMICOLON : TOK_LPAREN)) {
		node_ptr arg = parser_advance(p) < 0 ? NULL : parse_pipe(p);

		if (!arg)
			return NULL;
		parser_add(p, &args, arg);
	}
	if (args.n && parser_expect(p, TOK_RPAREN, "';' or ')'") < 0)
		return NULL;
	nd = parser_node(p, EXPR_CALL, offset, args.v, args.n);
	if (!nd)
		return NULL;
	nd->builtin = expr_builtin_find(name, args.n);
	return nd->builtin ? nd : name_error(p, name, offset, args.n);
}

/* --- the others --- */

static node_ptr parse_if(struct parser *p)
{
	size_t offset = p->t.offset;
	node_ptr kids[3] = {0};

	if (parser_advance(p) < 0)
		return NULL;
	kids[0] = parse_pipe(p);
	if (!kids[0] || parser_expect(p, TOK_THEN, "'then'") < 0)
		return NULL;
	kids[1] = parse_pipe(p);
	if (!kids[1])
		return NULL;
	if (parser_is(p, TOK_ELIF)) {	/* it takes the `end` too */
		if (parser_enter(p) < 0)
			return NULL;
		kids[2] = parse_if(p);
		parser_leave(p);
		return kids[2] ? parser_node(p, EXPR_IF, offset, kids, 3) : NULL;
	}
	if (parser_is(p, TOK_ELSE)) {
		kids[2] = parser_advance(p) < 0 ? NULL : parse_pipe(p);
		if (!kids[2])
			return NULL;
	}
	if (parser_expect(p, TOK_FI, kids[2] ? "'end'" : "'elif', 'else' or 'end'") < 0)
		return NULL;
	return parser_node(p, EXPR_IF, offset, kids, kids[2] ? 3 : 2);
}

static struct expr_node *self(struct parser *p)
{
	return parser_node(p, EXPR_SELF, p->t.offset, NULL, 0);
}

static node_ptr field(struct parser *p, node_ptr base, size_t offset, const struct json *key)
{
	struct expr_node *nd = parser_node(p, EXPR_FIELD, offset, &base, 1);

	if (nd)
		nd->value = key;
	return nd;
}

/* A constant string is a field; anything else is looked up when it is known. */
static node_ptr index_by(struct parser *p, node_ptr base, size_t offset, node_ptr key)
{
	node_ptr kids[2] = {base, key};

	if (key->kind == EXPR_CONST && json_type(key->value) == JSON_STRING)
		return field(p, base, offset, key->value);
	return parser_node(p, EXPR_INDEX, offset, kids, 2);
}

/* The token is '['. */
static node_ptr parse_index(struct parser *p, node_ptr base, size_t offset)
{
	node_ptr from = NULL, to = NULL;

	if (parser_advance(p) < 0)
		return NULL;
	if (parser_is(p, TOK_RBRACKET))
		return parser_advance(p) < 0 ? NULL : parser_node(p, EXPR_EACH, offset, &base, 1);
	if (!parser_is(p, TOK_COLON)) {
		from = parse_pipe(p);
		if (!from)
			return NULL;
		if (parser_is(p, TOK_RBRACKET))
			return parser_advance(p) < 0 ? NULL : index_by(p, base, offset, from);
	}
	if (parser_expect(p, TOK_COLON, "']' or ':'") < 0)
		return NULL;
	if (!parser_is(p, TOK_RBRACKET) || !from) {
		to = parse_pipe(p);
		if (!to)
			return NULL;
	}
	if (parser_expect(p, TOK_RBRACKET, "']'") < 0)
		return NULL;
	return parser_node(p, EXPR_SLICE, offset, (node_ptr[]){base, to, from}, 3);
}

/* The token is FIELD. */
static node_ptr parse_field(struct parser *p, node_ptr base, size_t offset)
{
	const struct json *key = json_string(p->a, str_sub(parser_text(p), 1, p->t.length));

	return parser_advance(p) < 0 ? NULL : field(p, base, offset, key);
}

/* The token is '.', with something before it (base) or not. */
static node_ptr parse_dot(struct parser *p, node_ptr base, size_t offset)
{
	struct expr_node *here = base ? NULL : self(p);
	node_ptr key;

	if (parser_advance(p) < 0)
		return NULL;
	if (parser_is(p, TOK_QUOTE) || parser_is(p, TOK_FORMAT)) {
		key = parser_is(p, TOK_QUOTE) ? parse_string(p, p->t.offset, FORMAT_TEXT) : parse_format(p);
		return key ? index_by(p, base ? base : here, offset, key) : NULL;
	}
	if (base && !parser_is(p, TOK_LBRACKET))
		return parser_unexpected(p, "a name, a string or '['");
	if (parser_is(p, TOK_NAME) && !str_is(parser_text(p), "as")) {
		expr_lex_fail(&p->lx, p->t.offset, p->t.length, "write .name without a space",
			      "unexpected '" STR_FMT "' after '.'", STR_ARG(parser_text(p)));
		return NULL;
	}
	return base ? base : here;
}

static node_ptr not_part(struct parser *p, const char *what, const char *hint)
{
	expr_lex_fail(&p->lx, p->t.offset, p->t.length, hint, "%s '%.*s' is not part of the expression language",
		      what, (int)(p->t.length > 60 ? 60 : p->t.length), parser_text(p).p);
	return NULL;
}

static node_ptr parse_primary(struct parser *p)
{
	size_t offset = p->t.offset;
	node_ptr nd;

	switch (p->t.kind) {
	case TOK_NUMBER:
		return parse_number(p);
	case TOK_QUOTE:
		return parse_string(p, offset, FORMAT_TEXT);
	case TOK_FORMAT:
		return parse_format(p);
	case TOK_FIELD:
		return parse_field(p, self(p), offset);
	case TOK_DOT:
		return parse_dot(p, NULL, offset);
	case TOK_NAME:
		return parse_call(p);
	case TOK_IF:
		return parse_if(p);
	case TOK_LBRACKET:
		return parse_array(p);
	case TOK_LBRACE:
		return parse_object(p);
	case TOK_LPAREN:
		nd = parser_advance(p) < 0 ? NULL : parse_pipe(p);
		return nd && parser_expect(p, TOK_RPAREN, "')'") == 0 ? nd : NULL;
	case TOK_VARIABLE:
		return not_part(p, "the variable", "name a value with a `set` step and read it from .vars");
	case TOK_DOTDOT:
		return not_part(p, "the recursion", "name the path");
	default:
		return parser_unexpected(p, "a value");
	}
}

/* Right behind a step of a path `?` drops the values that cannot be indexed, one by one (op); elsewhere it
 * ends the outputs at the first error. */
static node_ptr parse_optional(struct parser *p, node_ptr nd, size_t offset, bool is_step)
{
	struct expr_node *copy;

	if (parser_advance(p) < 0)
		return NULL;
	if (!is_step)
		return parser_node(p, EXPR_OPTIONAL, offset, &nd, 1);
	copy = parser_node(p, nd->kind, offset, nd->kids, nd->n_kids);
	if (!copy)
		return NULL;
	copy->value = nd->value;
	copy->op = 1;
	return copy;
}

static node_ptr parse_suffixes(struct parser *p, node_ptr nd, size_t offset, bool is_step)
{
	for (; nd; is_step = true) {
		if (parser_is(p, TOK_FIELD)) {
			nd = parse_field(p, nd, offset);
		} else if (parser_is(p, TOK_LBRACKET)) {
			nd = parse_index(p, nd, offset);
		} else if (parser_is(p, TOK_DOT)) {
			nd = parse_dot(p, nd, offset);
			if (parser_is(p, TOK_LBRACKET) && nd)
				nd = parse_index(p, nd, offset);
		} else if (parser_is(p, TOK_QUESTION)) {
			nd = parse_optional(p, nd, offset, is_step);
			while (nd && parser_is(p, TOK_QUESTION))
				nd = parse_optional(p, nd, offset, false);
		} else if (parser_is(p, TOK_NAME) && str_is(parser_text(p), "as")) {
			return not_part(p, "the binding", "name a value with a `set` step and read it from .vars");
		} else {
			break;
		}
	}
	return nd;
}

node_ptr parse_term(struct parser *p)
{
	size_t offset = p->t.offset;
	bool is_path = parser_is(p, TOK_FIELD) || parser_is(p, TOK_DOT);
	node_ptr nd;

	if (parser_enter(p) < 0)
		return NULL;
	nd = parse_primary(p);
	nd = parse_suffixes(p, nd, offset, is_path && nd && nd->kind != EXPR_SELF);
	parser_leave(p);
	return nd;
}
