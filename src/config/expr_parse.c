/* expr_parse.c - tokens to a tree, by recursive descent and precedence climbing.
 *
 * From loose to tight: `|` (right), `,` (left), `//` (right), `or`, `and` (left), comparisons (not
 * chained), `+ -`, `* / %` (left), `-x`, postfixes. Nesting is bounded here by EXPR_MAX_NESTING and the
 * height of the tree by EXPR_MAX_HEIGHT, so that every later walk may recurse.
 */
#include "config/expr_parser.h"

#include "base/arena.h"
#include "base/json.h"

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

static node_ptr parse_binary(struct parser *p, int min);

bool parser_is_operator(const struct parser *p)
{
	return p->t.kind < sizeof binary / sizeof *binary && binary[p->t.kind].level > 0;
}

/* -x of a literal is a literal, so that -2^63 is exact. */
static node_ptr negated(struct parser *p, size_t offset, node_ptr body)
{
	const struct json *v = body->value;
	struct buf b;

	if (body->kind != EXPR_CONST || !json_is_number(v))
		return parser_node(p, EXPR_NEGATE, offset, &body, 1);
	buf_init(&b, p->a);
	buf_addc(&b, '-');
	json_write(&b, v);
	/* No literal has a sign, but -(-1) has one; -0 is 0. */
	if (b.p[1] == '-')
		return parser_constant(p, offset, json_number(p->a, str_sub(buf_str(&b), 2, b.n)));
	return parser_constant(p, offset, json_number(p->a, buf_str(&b)));
}

/* `-a * b` is -(a * b), which is why the operand may hold factors. */
static node_ptr parse_unary(struct parser *p)
{
	size_t offset = p->t.offset;
	node_ptr body;

	if (!parser_is(p, TOK_SUB))
		return parse_term(p);
	if (parser_enter(p) < 0 || parser_advance(p) < 0)
		return NULL;
	body = parse_binary(p, LEVEL_MUL);
	parser_leave(p);
	return body ? negated(p, offset, body) : NULL;
}

/* `//` groups to the right and therefore nests. */
static node_ptr parse_right(struct parser *p, int level)
{
	node_ptr nd;

	if (level != LEVEL_ALTERNATIVE)
		return parse_binary(p, level + 1);
	if (parser_enter(p) < 0)
		return NULL;
	nd = parse_binary(p, level);
	parser_leave(p);
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
		if (parser_advance(p) < 0)
			return NULL;
		kids[1] = parse_right(p, level);
		if (!kids[1])
			return NULL;
		if (level == LEVEL_COMPARE && binary[p->t.kind].level == LEVEL_COMPARE) {
			expr_lex_fail(&p->lx, p->t.offset, p->t.length, "join two comparisons with `and`",
				      "comparisons cannot be chained");
			return NULL;
		}
		nd = parser_node(p, binary[kind].kind, offset, kids, 2);
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
		parser_add(p, &items, nd);
		if (!parser_is(p, TOK_COMMA))
			break;
		if (parser_advance(p) < 0)
			return NULL;
	}
	return items.n == 1 ? items.v[0] : parser_node(p, EXPR_COMMA, offset, items.v, items.n);
}

/* Right-nested, as evaluation goes depth first; built from the end, so that a long pipe is not nesting. */
node_ptr parse_pipe(struct parser *p)
{
	struct kids stages = {0};
	node_ptr nd;

	for (;;) {
		nd = parse_comma(p);
		if (!nd)
			return NULL;
		parser_add(p, &stages, nd);
		if (!parser_is(p, TOK_PIPE))
			break;
		if (parser_advance(p) < 0)
			return NULL;
	}
	for (size_t i = stages.n - 1; nd && i-- > 0;) {
		node_ptr kids[2] = {stages.v[i], nd};

		nd = parser_node(p, EXPR_PIPE, stages.v[i]->offset, kids, 2);
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
	if ((!embedded && check_source(&p.lx) < 0) || parser_advance(&p) < 0)
		return -1;
	if (parser_is(&p, TOK_END) || (embedded && parser_is(&p, TOK_RBRACE)))
		return expr_lex_fail(&p.lx, p.t.offset, 1, "the root itself is `.`", "an empty expression");
	e->node = parse_pipe(&p);
	if (!e->node)
		return -1;
	if (!parser_is(&p, embedded ? TOK_RBRACE : TOK_END)) {
		parser_unexpected(&p, embedded ? "an operator or '}'" : "an operator or the end");
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

struct str expr_source(const struct expr *e)
{
	return e->source;
}
