/* expr_parser.c - the tools of the parser. */
#include "config/expr_parser.h"

#include "base/arena.h"

int parser_advance(struct parser *p)
{
	p->last_end = p->t.offset + p->t.length;
	return expr_lex_next(&p->lx, &p->t);
}

bool parser_is(const struct parser *p, enum expr_token_kind kind)
{
	return p->t.kind == kind;
}

struct str parser_text(const struct parser *p)
{
	return expr_token_text(&p->lx, &p->t);
}

node_ptr parser_unexpected(struct parser *p, const char *wanted)
{
	struct str text = parser_text(p);
	const char *hint = NULL;

	if (parser_is(p, TOK_ASSIGN))
		hint = str_is(text, "=") ? "values cannot be changed; to compare, write =="
					 : "values cannot be changed";
	if (parser_is(p, TOK_END))
		expr_lex_fail(&p->lx, p->t.offset, 1, NULL, "unexpected end, expected %s", wanted);
	else if (parser_is(p, TOK_ASSIGN))
		expr_lex_fail(&p->lx, p->t.offset, p->t.length, hint,
			      "assignment '" STR_FMT "' is not part of the expression language", STR_ARG(text));
	else
		expr_lex_fail(&p->lx, p->t.offset, p->t.length, NULL, "unexpected '%.*s', expected %s",
			      (int)(text.n > 40 ? 40 : text.n), text.p, wanted);
	return NULL;
}

int parser_expect(struct parser *p, enum expr_token_kind kind, const char *wanted)
{
	if (parser_is(p, kind))
		return parser_advance(p);
	parser_unexpected(p, wanted);
	return -1;
}

int parser_enter(struct parser *p)
{
	if (++p->nesting > EXPR_MAX_NESTING)
		return expr_lex_fail(&p->lx, p->t.offset, p->t.length, NULL, "nested deeper than %d levels",
				     EXPR_MAX_NESTING);
	return 0;
}

void parser_leave(struct parser *p)
{
	p->nesting--;
}

struct expr_node *parser_node(struct parser *p, enum expr_kind kind, size_t offset, const node_ptr *kids, size_t n)
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

node_ptr parser_constant(struct parser *p, size_t offset, const struct json *v)
{
	struct expr_node *nd = parser_node(p, EXPR_CONST, offset, NULL, 0);

	if (nd)
		nd->value = v;
	return nd;
}

void parser_add(struct parser *p, struct kids *k, node_ptr nd)
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

bool parser_is_word(const struct parser *p)
{
	return parser_is(p, TOK_NAME) || (p->t.kind >= TOK_IF && p->t.kind <= TOK_OR);
}
