/* expr_parser.h - the state of the parser and its few tools; for the files that parse expressions only.
 *
 * Shapes:  one token is looked at. Every parse function starts at its first token and leaves the one behind its
 *          last in p->t.
 * Units:   see expr_ast.h.
 * Memory:  nodes live in the arena of the parser.
 * Errors:  NULL or -1, and the first mistake is in the lexer's struct expr_error.
 * Source:  expr_ast.h.
 */
#ifndef CONFIG_EXPR_PARSER_H
#define CONFIG_EXPR_PARSER_H

#include "config/expr_ast.h"

struct parser {
	struct arena *a;
	struct expr_lexer lx;
	struct expr_token t;		/* the one looked at */
	size_t last_end;		/* of the token before it */
	unsigned nesting;
};

typedef const struct expr_node *node_ptr;

/* A list of nodes that grows. */
struct kids {
	node_ptr *v;
	size_t n, cap;
};

int parser_advance(struct parser *p);
bool parser_is(const struct parser *p, enum expr_token_kind kind);
bool parser_is_word(const struct parser *p);	/* a name or a keyword: what may be a key */
struct str parser_text(const struct parser *p);
int parser_expect(struct parser *p, enum expr_token_kind kind, const char *wanted);
node_ptr parser_unexpected(struct parser *p, const char *wanted);
int parser_enter(struct parser *p);		/* one level deeper */
void parser_leave(struct parser *p);
/* A node that reaches from the given offset to the last token read. */
struct expr_node *parser_node(struct parser *p, enum expr_kind kind, size_t offset, const node_ptr *kids, size_t n);
node_ptr parser_constant(struct parser *p, size_t offset, const struct json *v);
void parser_add(struct parser *p, struct kids *k, node_ptr nd);
/* Does the token looked at join two values? */
bool parser_is_operator(const struct parser *p);

node_ptr parse_pipe(struct parser *p);		/* a whole program: expr_parse.c */
node_ptr parse_term(struct parser *p);		/* a value and its suffixes: expr_term.c */
node_ptr parse_number(struct parser *p);	/* expr_literal.c, this and the following */
node_ptr parse_string(struct parser *p, size_t offset, enum expr_format format);
node_ptr parse_format(struct parser *p);
node_ptr parse_array(struct parser *p);
node_ptr parse_object(struct parser *p);

#endif
