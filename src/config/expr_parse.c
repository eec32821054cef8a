/* expr_parse.c - tokens to a tree, by recursive descent and precedence climbing.
 *
 * From loose to tight: `|` (right), `,` (left), `//` (right), `or`, `and` (left), comparisons (not
 * chained), `+ -`, `* / %` (left), `-x`, postfixes. Nesting is bounded here by EXPR_MAX_NESTING and the
 * height of the tree by EXPR_MAX_HEIGHT, so that every later walk may recurse.
 */
#include "config/expr_ast.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "config/expr_words.h"

struct parser {
	struct arena *a;
	struct expr_lexer lx;
	struct expr_token t;		/* the one looked at */
	size_t last_end;		/* of the token before it */
	unsigned nesting;
};

enum { LEVEL_ALTERNATIVE = 1, LEVEL_OR, LEVEL_AND, LEVEL_COMPARE, LEVEL_ADD, LEVEL_MUL };

static const struct {
	int level;
	enum expr_kind kind;
	enum expr_op op;
} binary[] = {
	[TOK_ALTERNATIVE] = {LEVEL_ALTERNATIVE, EXPR_ALTERNATIVE, 0},
	[TOK_OR] = {LEVEL_OR, EXPR_OR, 0},
	[TOK_AND] = {LEVEL_AND, EXPR_AND, 0},
	[TOK_EQ] = {LEVEL_COMPARE, EXPR_BINARY, OP_EQ},
	[TOK_NE] = {LEVEL_COMPARE, EXPR_BINARY, OP_NE},
	[TOK_LT] = {LEVEL_COMPARE, EXPR_BINARY, OP_LT},
	[TOK_LE] = {LEVEL_COMPARE, EXPR_BINARY, OP_LE},
	[TOK_GT] = {LEVEL_COMPARE, EXPR_BINARY, OP_GT},
	[TOK_GE] = {LEVEL_COMPARE, EXPR_BINARY, OP_GE},
	[TOK_ADD] = {LEVEL_ADD, EXPR_BINARY, OP_ADD},
	[TOK_SUB] = {LEVEL_ADD, EXPR_BINARY, OP_SUB},
	[TOK_MUL] = {LEVEL_MUL, EXPR_BINARY, OP_MUL},
	[TOK_DIV] = {LEVEL_MUL, EXPR_BINARY, OP_DIV},
	[TOK_MOD] = {LEVEL_MUL, EXPR_BINARY, OP_MOD},
	[TOK_ASSIGN] = {0, 0, 0},
};

typedef const struct expr_node *node_ptr;

static node_ptr parse_pipe(struct parser *p);
static node_ptr parse_binary(struct parser *p, int min);
static node_ptr parse_postfix(struct parser *p);

/* --- helpers; all that can fail give NULL or -1 --- */

static int advance(struct parser *p)
{
	p->last_end = p->t.offset + p->t.length;
	return expr_lex_next(&p->lx, &p->t);
}

static bool is(const struct parser *p, enum expr_token_kind kind)
{
	return p->t.kind == kind;
}

static struct str text_of(const struct parser *p)
{
	return expr_token_text(&p->lx, &p->t);
}

static node_ptr unexpected(struct parser *p, const char *wanted)
{
	struct str text = text_of(p);
	const char *hint = NULL;

	if (is(p, TOK_ASSIGN))
		hint = str_is(text, "=") ? "values cannot be changed; to compare, write ==" : "values cannot be changed";
	if (is(p, TOK_END))
		expr_lex_fail(&p->lx, p->t.offset, 1, NULL, "unexpected end, expected %s", wanted);
	else if (is(p, TOK_ASSIGN))
		expr_lex_fail(&p->lx, p->t.offset, p->t.length, hint,
			      "assignment '" STR_FMT "' is not part of the expression language", STR_ARG(text));
	else
		expr_lex_fail(&p->lx, p->t.offset, p->t.length, NULL, "unexpected '%.*s', expected %s",
			      (int)(text.n > 40 ? 40 : text.n), text.p, wanted);
	return NULL;
}

static int expect(struct parser *p, enum expr_token_kind kind, const char *wanted)
{
	if (is(p, kind))
		return advance(p);
	unexpected(p, wanted);
	return -1;
}

static int enter(struct parser *p)
{
	if (++p->nesting > EXPR_MAX_NESTING)
		return expr_lex_fail(&p->lx, p->t.offset, p->t.length, NULL, "nested deeper than %d levels",
				     EXPR_MAX_NESTING);
	return 0;
}

static void leave(struct parser *p)
{
	p->nesting--;
}

/* A node that reaches from the given offset to the last token read. */
static struct expr_node *node(struct parser *p, enum expr_kind kind, size_t offset, const node_ptr *kids, size_t n)
{
	struct expr_node *nd = ARENA_NEW(p->a, struct expr_node);
	node_ptr *copy = ARENA_ARRAY(p->a, n ? n : 1, node_ptr);

	nd->kind = kind;
	nd->offset = offset;
	nd->length = p->last_end > offset ? p->last_end - offset : 1;
	nd->n_kids = n;
	nd->kids = copy;
	for (size_t i = 0; i < n; i++) {
		copy[i] = kids[i];
		if (kids[i] && kids[i]->height >= nd->height)
			nd->height = kids[i]->height + 1;
	}
	if (nd->height > EXPR_MAX_HEIGHT) {
		expr_lex_fail(&p->lx, offset, nd->length, "take it apart with a `set` step",
			      "more than %d operators in a chain", EXPR_MAX_HEIGHT);
		return NULL;
	}
	return nd;
}

static node_ptr constant(struct parser *p, size_t offset, const struct json *v)
{
	struct expr_node *nd = node(p, EXPR_CONST, offset, NULL, 0);

	if (nd)
		nd->value = v;
	return nd;
}

/* A list of kids that grows. */
struct kids {
	node_ptr *v;
	size_t n, cap;
};

static void kids_add(struct parser *p, struct kids *k, node_ptr nd)
{
	if (k->n == k->cap) {
		size_t cap = k->cap ? k->cap * 2 : 4;
		node_ptr *v = ARENA_ARRAY(p->a, cap, node_ptr);

		if (k->n)
			memcpy(v, k->v, k->n * sizeof *v);
		k->v = v;
		k->cap = cap;
	}
	k->v[k->n++] = nd;
}

/* --- literals --- */

static node_ptr parse_number(struct parser *p)
{
	struct str lit = text_of(p);
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
	return advance(p) < 0 ? NULL : constant(p, offset, v);
}

/* op tells it from an interpolated constant, which goes through the format. */
static node_ptr literal_part(struct parser *p, size_t offset, struct str text)
{
	struct expr_node *nd = node(p, EXPR_CONST, offset, NULL, 0);

	if (!nd)
		return NULL;
	nd->value = json_string(p->a, text);
	nd->op = 1;
	return nd;
}

/* The token is the opening quote. */
static node_ptr parse_string(struct parser *p, size_t offset, enum expr_format format)
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
			kids_add(p, &parts, literal_part(p, offset, buf_str(&b)));
		if (!more)
			break;
		if (advance(p) < 0)
			return NULL;
		part = parse_pipe(p);
		if (!part)
			return NULL;
		kids_add(p, &parts, part);
		if (!is(p, TOK_RPAREN))
			return unexpected(p, "')'");
		p->lx.pos = p->t.offset + 1;
	}
	if (advance(p) < 0)
		return NULL;
	if (parts.n == 1)
		return constant(p, offset, parts.v[0]->value);
	nd = node(p, EXPR_TEXT, offset, parts.v, parts.n);
	if (nd)
		nd->op = (int)format;
	return nd;
}

static node_ptr parse_format(struct parser *p)
{
	size_t offset = p->t.offset;
	int format = expr_format_find(text_of(p));
	struct expr_node *nd;

	if (format < 0) {
		expr_lex_fail(&p->lx, offset, p->t.length, "there are @text @json @csv @html @uri @base64",
			      "the format '%.*s' is not part of the expression language",
			      (int)(p->t.length > 40 ? 40 : p->t.length), text_of(p).p);
		return NULL;
	}
	if (advance(p) < 0)
		return NULL;
	if (is(p, TOK_QUOTE))
		return parse_string(p, offset, (enum expr_format)format);
	nd = node(p, EXPR_FORMAT, offset, NULL, 0);
	if (nd)
		nd->op = format;
	return nd;
}

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
	struct str name = text_of(p);
	size_t offset = p->t.offset;
	struct kids args = {0};
	struct expr_node *nd;
	const char *hint;

	if (str_is(name, "null") || str_is(name, "true") || str_is(name, "false")) {
		const struct json *v = str_is(name, "null") ? json_null() : json_bool(str_is(name, "true"));

		return advance(p) < 0 ? NULL : constant(p, offset, v);
	}
	if (expr_word_refused(name, &hint))
		return name_error(p, name, offset, 0);
	if (advance(p) < 0)
		return NULL;
	while (is(p, args.n ? TOK_SEMICOLON : TOK_LPAREN)) {
		node_ptr arg = advance(p) < 0 ? NULL : parse_pipe(p);

		if (!arg)
			return NULL;
		kids_add(p, &args, arg);
	}
	if (args.n && expect(p, TOK_RPAREN, "';' or ')'") < 0)
		return NULL;
	nd = node(p, EXPR_CALL, offset, args.v, args.n);
	if (!nd)
		return NULL;
	nd->builtin = expr_builtin_find(name, args.n);
	return nd->builtin ? nd : name_error(p, name, offset, args.n);
}

/* --- objects --- */

static bool is_word(const struct parser *p)
{
	return is(p, TOK_NAME) || (p->t.kind >= TOK_IF && p->t.kind <= TOK_OR);
}

/* Values are terms, as `,` ends them: jq wants brackets around anything with an operator. */
static node_ptr parse_member_value(struct parser *p)
{
	size_t offset = p->t.offset;
	bool negate = is(p, TOK_SUB);
	node_ptr pair[2], nd;

	if (negate && advance(p) < 0)
		return NULL;
	nd = parse_postfix(p);
	if (nd && negate)
		nd = node(p, EXPR_NEGATE, offset, &nd, 1);
	if (!nd)
		return NULL;
	if (is(p, TOK_PIPE)) {
		if (enter(p) < 0 || advance(p) < 0)
			return NULL;
		pair[0] = nd;
		pair[1] = parse_member_value(p);
		leave(p);
		return pair[1] ? node(p, EXPR_PIPE, offset, pair, 2) : NULL;
	}
	if (p->t.kind <= TOK_MOD && binary[p->t.kind].level) {
		expr_lex_fail(&p->lx, p->t.offset, p->t.length, "put the value in parentheses: {key: (1 + 2)}",
			      "unexpected '" STR_FMT "' in the value of a key", STR_ARG(text_of(p)));
		return NULL;
	}
	return nd;
}

/* {name}: the key is also the path to the value. */
static node_ptr shorthand(struct parser *p, node_ptr key)
{
	node_ptr kids[2] = {node(p, EXPR_SELF, key->offset, NULL, 0), key};
	struct expr_node *nd;

	if (key->kind != EXPR_CONST)
		return node(p, EXPR_INDEX, key->offset, kids, 2);
	nd = node(p, EXPR_FIELD, key->offset, kids, 1);
	if (nd)
		nd->value = key->value;
	return nd;
}

static node_ptr parse_key(struct parser *p, bool *needs_value)
{
	size_t offset = p->t.offset;
	node_ptr key;

	*needs_value = false;
	if (is_word(p)) {
		const struct json *name = json_string(p->a, text_of(p));

		return advance(p) < 0 ? NULL : constant(p, offset, name);
	}
	if (is(p, TOK_QUOTE))
		return parse_string(p, offset, FORMAT_TEXT);
	if (is(p, TOK_FORMAT)) {
		key = parse_format(p);
		return key && key->kind == EXPR_FORMAT ? unexpected(p, "a string") : key;
	}
	if (is(p, TOK_LPAREN)) {
		*needs_value = true;
		key = advance(p) < 0 ? NULL : parse_pipe(p);
		return key && expect(p, TOK_RPAREN, "')'") == 0 ? key : NULL;
	}
	if (is(p, TOK_NUMBER)) {
		expr_lex_fail(&p->lx, offset, p->t.length, "write it as a string: {\"1\": ...}",
			      "a number cannot be an object key");
		return NULL;
	}
	return unexpected(p, "an object key or '}'");
}

/* The offset of the key makes the place of a shorthand; string keys of constants begin at the quote. */
static node_ptr parse_object(struct parser *p)
{
	size_t offset = p->t.offset;
	struct kids members = {0};

	if (advance(p) < 0)
		return NULL;
	while (!is(p, TOK_RBRACE)) {
		bool needs_value;
		node_ptr key = parse_key(p, &needs_value), value;

		if (!key)
			return NULL;
		if (is(p, TOK_COLON))
			value = advance(p) < 0 ? NULL : parse_member_value(p);
		else if (needs_value)
			return unexpected(p, "':'");
		else
			value = shorthand(p, key);
		if (!value)
			return NULL;
		kids_add(p, &members, key);
		kids_add(p, &members, value);
		if (is(p, TOK_RBRACE))
			break;
		if (!is(p, TOK_COMMA))
			return unexpected(p, "',' or '}'");
		if (advance(p) < 0)
			return NULL;
		if (is(p, TOK_RBRACE))
			return unexpected(p, "an object key");
	}
	if (advance(p) < 0)
		return NULL;
	return node(p, EXPR_OBJECT, offset, members.v, members.n);
}

/* --- terms --- */

static node_ptr parse_if(struct parser *p)
{
	size_t offset = p->t.offset;
	node_ptr kids[3] = {0};

	if (advance(p) < 0)
		return NULL;
	kids[0] = parse_pipe(p);
	if (!kids[0] || expect(p, TOK_THEN, "'then'") < 0)
		return NULL;
	kids[1] = parse_pipe(p);
	if (!kids[1])
		return NULL;
	if (is(p, TOK_ELIF)) {	/* it takes the `end` too */
		if (enter(p) < 0)
			return NULL;
		kids[2] = parse_if(p);
		leave(p);
		return kids[2] ? node(p, EXPR_IF, offset, kids, 3) : NULL;
	}
	if (is(p, TOK_ELSE)) {
		kids[2] = advance(p) < 0 ? NULL : parse_pipe(p);
		if (!kids[2])
			return NULL;
	}
	if (expect(p, TOK_FI, kids[2] ? "'end'" : "'elif', 'else' or 'end'") < 0)
		return NULL;
	return node(p, EXPR_IF, offset, kids, kids[2] ? 3 : 2);
}

static node_ptr parse_brackets(struct parser *p)
{
	size_t offset = p->t.offset;
	node_ptr body = NULL;

	if (advance(p) < 0)
		return NULL;
	if (!is(p, TOK_RBRACKET)) {
		body = parse_pipe(p);
		if (!body)
			return NULL;
	}
	if (expect(p, TOK_RBRACKET, "',' or ']'") < 0)
		return NULL;
	return node(p, EXPR_ARRAY, offset, &body, body ? 1 : 0);
}

static struct expr_node *self(struct parser *p)
{
	return node(p, EXPR_SELF, p->t.offset, NULL, 0);
}

static node_ptr field(struct parser *p, node_ptr base, size_t offset, const struct json *key)
{
	struct expr_node *nd = node(p, EXPR_FIELD, offset, &base, 1);

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
	return node(p, EXPR_INDEX, offset, kids, 2);
}

/* The token is '['. */
static node_ptr parse_index(struct parser *p, node_ptr base, size_t offset)
{
	node_ptr from = NULL, to = NULL;

	if (advance(p) < 0)
		return NULL;
	if (is(p, TOK_RBRACKET))
		return advance(p) < 0 ? NULL : node(p, EXPR_EACH, offset, &base, 1);
	if (!is(p, TOK_COLON)) {
		from = parse_pipe(p);
		if (!from)
			return NULL;
		if (is(p, TOK_RBRACKET))
			return advance(p) < 0 ? NULL : index_by(p, base, offset, from);
	}
	if (expect(p, TOK_COLON, "']' or ':'") < 0)
		return NULL;
	if (!is(p, TOK_RBRACKET) || !from) {
		to = parse_pipe(p);
		if (!to)
			return NULL;
	}
	if (expect(p, TOK_RBRACKET, "']'") < 0)
		return NULL;
	return node(p, EXPR_SLICE, offset, (node_ptr[]){base, to, from}, 3);
}

/* The token is FIELD. */
static node_ptr parse_field(struct parser *p, node_ptr base, size_t offset)
{
	const struct json *key = json_string(p->a, str_sub(text_of(p), 1, p->t.length));

	return advance(p) < 0 ? NULL : field(p, base, offset, key);
}

/* The token is '.', with something before it (base) or not. */
static node_ptr parse_dot(struct parser *p, node_ptr base, size_t offset)
{
	struct expr_node *here = base ? NULL : self(p);
	node_ptr key;

	if (advance(p) < 0)
		return NULL;
	if (is(p, TOK_QUOTE) || is(p, TOK_FORMAT)) {
		key = is(p, TOK_QUOTE) ? parse_string(p, p->t.offset, FORMAT_TEXT) : parse_format(p);
		return key ? index_by(p, base ? base : here, offset, key) : NULL;
	}
	if (base && !is(p, TOK_LBRACKET))
		return unexpected(p, "a name, a string or '['");
	if (is(p, TOK_NAME) && !str_is(text_of(p), "as")) {
		expr_lex_fail(&p->lx, p->t.offset, p->t.length, "write .name without a space",
			      "unexpected '" STR_FMT "' after '.'", STR_ARG(text_of(p)));
		return NULL;
	}
	return base ? base : here;
}

static node_ptr not_part(struct parser *p, const char *what, const char *hint)
{
	expr_lex_fail(&p->lx, p->t.offset, p->t.length, hint, "%s '%.*s' is not part of the expression language",
		      what, (int)(p->t.length > 60 ? 60 : p->t.length), text_of(p).p);
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
		return parse_brackets(p);
	case TOK_LBRACE:
		return parse_object(p);
	case TOK_LPAREN:
		nd = advance(p) < 0 ? NULL : parse_pipe(p);
		return nd && expect(p, TOK_RPAREN, "')'") == 0 ? nd : NULL;
	case TOK_VARIABLE:
		return not_part(p, "the variable", "name a value with a `set` step and read it from .vars");
	case TOK_DOTDOT:
		return not_part(p, "the recursion", "name the path");
	default:
		return unexpected(p, "a value");
	}
}

/* Right behind a step of a path `?` drops the values that cannot be indexed, one by one (op); elsewhere it
 * ends the outputs at the first error. */
static node_ptr parse_optional(struct parser *p, node_ptr nd, size_t offset, bool is_step)
{
	struct expr_node *copy;

	if (advance(p) < 0)
		return NULL;
	if (!is_step)
		return node(p, EXPR_OPTIONAL, offset, &nd, 1);
	copy = node(p, nd->kind, offset, nd->kids, nd->n_kids);
	if (!copy)
		return NULL;
	copy->value = nd->value;
	copy->op = 1;
	return copy;
}

static node_ptr parse_suffixes(struct parser *p, node_ptr nd, size_t offset, bool is_step)
{
	for (; nd; is_step = true) {
		if (is(p, TOK_FIELD)) {
			nd = parse_field(p, nd, offset);
		} else if (is(p, TOK_LBRACKET)) {
			nd = parse_index(p, nd, offset);
		} else if (is(p, TOK_DOT)) {
			nd = parse_dot(p, nd, offset);
			if (is(p, TOK_LBRACKET) && nd)
				nd = parse_index(p, nd, offset);
		} else if (is(p, TOK_QUESTION)) {
			nd = parse_optional(p, nd, offset, is_step);
			while (nd && is(p, TOK_QUESTION))
				nd = parse_optional(p, nd, offset, false);
		} else if (is(p, TOK_NAME) && str_is(text_of(p), "as")) {
			return not_part(p, "the binding", "name a value with a `set` step and read it from .vars");
		} else {
			break;
		}
	}
	return nd;
}

static node_ptr parse_postfix(struct parser *p)
{
	size_t offset = p->t.offset;
	bool is_path = is(p, TOK_FIELD) || is(p, TOK_DOT);
	node_ptr nd;

	if (enter(p) < 0)
		return NULL;
	nd = parse_primary(p);
	nd = parse_suffixes(p, nd, offset, is_path && nd && nd->kind != EXPR_SELF);
	leave(p);
	return nd;
}

/* --- operators --- */

/* -x of a literal is a literal, so that -2^63 is exact. */
static node_ptr negated(struct parser *p, size_t offset, node_ptr body)
{
	const struct json *v = body->value;
	struct buf b;

	if (body->kind != EXPR_CONST || !json_is_number(v))
		return node(p, EXPR_NEGATE, offset, &body, 1);
	buf_init(&b, p->a);
	buf_addc(&b, '-');
	json_write(&b, v);
	/* No literal has a sign, but -(-1) has one; -0 is 0. */
	if (b.p[1] == '-')
		return constant(p, offset, json_number(p->a, str_sub(buf_str(&b), 2, b.n)));
	return constant(p, offset, json_number(p->a, buf_str(&b)));
}

/* `-a * b` is -(a * b), which is why the operand may hold factors. */
static node_ptr parse_unary(struct parser *p)
{
	size_t offset = p->t.offset;
	node_ptr body;

	if (!is(p, TOK_SUB))
		return parse_postfix(p);
	if (enter(p) < 0 || advance(p) < 0)
		return NULL;
	body = parse_binary(p, LEVEL_MUL);
	leave(p);
	return body ? negated(p, offset, body) : NULL;
}

/* `//` groups to the right and therefore nests. */
static node_ptr parse_right(struct parser *p, int level)
{
	node_ptr nd;

	if (level != LEVEL_ALTERNATIVE)
		return parse_binary(p, level + 1);
	if (enter(p) < 0)
		return NULL;
	nd = parse_binary(p, level);
	leave(p);
	return nd;
}

static node_ptr parse_binary(struct parser *p, int min)
{
	size_t offset = p->t.offset;
	node_ptr kids[2] = {parse_unary(p)};

	while (kids[0]) {
		enum expr_token_kind kind = p->t.kind;
		int level = kind < sizeof binary / sizeof *binary ? binary[kind].level : 0;
		struct expr_node *nd;

		if (level == 0 || level < min)
			break;
		if (advance(p) < 0)
			return NULL;
		kids[1] = parse_right(p, level);
		if (!kids[1])
			return NULL;
		if (level == LEVEL_COMPARE && binary[p->t.kind].level == LEVEL_COMPARE) {
			expr_lex_fail(&p->lx, p->t.offset, p->t.length, "join two comparisons with `and`",
				      "comparisons cannot be chained");
			return NULL;
		}
		nd = node(p, binary[kind].kind, offset, kids, 2);
		if (nd)
			nd->op = (int)binary[kind].op;
		kids[0] = nd;
	}
	return kids[0];
}

static node_ptr parse_comma(struct parser *p)
{
	size_t offset = p->t.offset;
	struct kids items = {0};

	for (;;) {
		node_ptr nd = parse_binary(p, LEVEL_ALTERNATIVE);

		if (!nd)
			return NULL;
		kids_add(p, &items, nd);
		if (!is(p, TOK_COMMA))
			break;
		if (advance(p) < 0)
			return NULL;
	}
	return items.n == 1 ? items.v[0] : node(p, EXPR_COMMA, offset, items.v, items.n);
}

/* Right-nested, as evaluation goes depth first; built from the end, so that a long pipe is not nesting. */
static node_ptr parse_pipe(struct parser *p)
{
	struct kids stages = {0};
	node_ptr nd;

	for (;;) {
		nd = parse_comma(p);
		if (!nd)
			return NULL;
		kids_add(p, &stages, nd);
		if (!is(p, TOK_PIPE))
			break;
		if (advance(p) < 0)
			return NULL;
	}
	for (size_t i = stages.n - 1; nd && i-- > 0;) {
		node_ptr kids[2] = {stages.v[i], nd};

		nd = node(p, EXPR_PIPE, stages.v[i]->offset, kids, 2);
	}
	return nd;
}

/* --- facts about the whole --- */

static bool is_path(const struct expr_node *n)
{
	while (n->kind == EXPR_FIELD && !n->op)
		n = n->kids[0];
	return n->kind == EXPR_SELF;
}

/* Are all outputs parts of the input? Errs towards no. */
static bool is_part(const struct expr_node *n)
{
	switch (n->kind) {
	case EXPR_SELF:
		return true;
	case EXPR_FIELD:
	case EXPR_INDEX:
	case EXPR_EACH:
	case EXPR_OPTIONAL:
		return is_part(n->kids[0]);
	case EXPR_PIPE:
	case EXPR_ALTERNATIVE:
		return is_part(n->kids[0]) && is_part(n->kids[1]);
	case EXPR_IF:
		return is_part(n->kids[1]) && (n->n_kids < 3 || is_part(n->kids[2]));
	case EXPR_CALL:
		return str_is(str_from(n->builtin->name), "select");
	default:
		return false;
	}
}

static int too_long(struct expr_lexer *lx, size_t offset)
{
	return expr_lex_fail(lx, offset, 1, NULL, "an expression longer than %d KiB", EXPR_MAX_SOURCE / 1024);
}

static int check_source(struct expr_lexer *lx)
{
	if (lx->source.n > EXPR_MAX_SOURCE)
		return too_long(lx, 0);
	if (!utf8_valid(lx->source))
		return expr_lex_fail(lx, lx->pos, 1, NULL, "not valid UTF-8");
	if (str_chr(lx->source, '\0') >= 0)
		return expr_lex_fail(lx, (size_t)str_chr(lx->source, '\0'), 1, NULL, "a NUL byte");
	return 0;
}

int expr_parse_at(struct arena *a, struct str source, size_t offset, bool embedded, const struct expr **ret,
		  size_t *end, struct expr_error *error)
{
	struct parser p = {.a = a, .lx = {.source = source, .pos = offset, .error = error}};
	struct expr *e = ARENA_NEW(a, struct expr);

	memset(error, 0, sizeof *error);
	if ((!embedded && check_source(&p.lx) < 0) || advance(&p) < 0)
		return -1;
	if (is(&p, TOK_END) || (embedded && is(&p, TOK_RBRACE)))
		return expr_lex_fail(&p.lx, p.t.offset, 1, "the root itself is `.`", "an empty expression");
	e->node = parse_pipe(&p);
	if (!e->node)
		return -1;
	if (!is(&p, embedded ? TOK_RBRACE : TOK_END)) {
		unexpected(&p, embedded ? "an operator or '}'" : "an operator or the end");
		return -1;
	}
	if (p.t.offset - offset > EXPR_MAX_SOURCE)
		return too_long(&p.lx, offset);
	e->source = source;
	e->is_path = is_path(e->node);
	e->is_part = is_part(e->node);
	*end = p.t.offset + p.t.length;
	*ret = e;
	return 0;
}

int expr_parse(struct arena *a, struct str source, const struct expr **ret, struct expr_error *error)
{
	size_t end;

	return expr_parse_at(a, str_dup(a, source), 0, false, ret, &end, error);
}
