/* expr_refs.c - which names of the root does a program read? */
#include "base/arena.h"
#include "base/json.h"
#include "config/expr_ast.h"

struct search {
	struct arena *scratch;
	expr_ref_fn *fn;
	void *arg;
};

/* Names from the root, or false. */
static bool emit_path(const struct search *s, const struct expr_node *n)
{
	const struct expr_node *at = n;
	struct str *keys;
	size_t count = 0;

	for (; at->kind == EXPR_FIELD; at = at->kids[0])
		count++;
	if (at->kind != EXPR_SELF)
		return false;
	keys = ARENA_ARRAY(s->scratch, count ? count : 1, struct str);
	at = n;
	for (size_t i = count; i-- > 0; at = at->kids[0])
		keys[i] = json_str(at->value);
	s->fn(s->arg, keys, count, n->offset, n->length);
	return true;
}

/* `keys`, @json, `if c then x end`: what they work on is the root itself. */
static bool reads_input(const struct expr_node *n)
{
	return n->kind == EXPR_FORMAT || (n->kind == EXPR_CALL && !n->builtin->ignores_input) ||
	       (n->kind == EXPR_IF && n->n_kids < 3);
}

static void visit(const struct search *s, const struct expr_node *n, bool at_root)
{
	if ((n->kind == EXPR_FIELD || n->kind == EXPR_SELF) && at_root && emit_path(s, n))
		return;
	if (at_root && reads_input(n))
		s->fn(s->arg, NULL, 0, n->offset, n->length);
	if (n->kind == EXPR_PIPE) {
		bool same = n->kids[0]->kind == EXPR_SELF;

		if (!same)
			visit(s, n->kids[0], at_root);
		visit(s, n->kids[1], at_root && same);
		return;
	}
	for (size_t i = 0; i < n->n_kids; i++) {
		bool same = n->kind != EXPR_CALL || n->builtin->args[i] != EXPR_T_NONE;

		if (n->kids[i])
			visit(s, n->kids[i], at_root && same);
	}
}

void expr_refs(const struct expr *e, expr_ref_fn *fn, void *arg)
{
	struct search s = {arena_new(NULL), fn, arg};

	visit(&s, e->node, true);
	arena_free(s.scratch);
}
