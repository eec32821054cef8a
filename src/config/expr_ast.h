/* expr_ast.h - tokens, the syntax tree and the table of functions; for the expr_*.c files only.
 *
 * Shapes:  a program is a tree of struct expr_node. kids[] by kind:
 *            FIELD base (value: the key)     INDEX base, key        SLICE base, to?, from?
 *            EACH base                       OPTIONAL body          PIPE left, right
 *            COMMA items...                  ALTERNATIVE, AND, OR, BINARY left, right
 *            NEGATE body                     IF cond, then, else?   TEXT parts... (op: format)
 *            ARRAY body?                     OBJECT key, value ...  CALL arguments...
 *          A kid with `?` may be NULL or absent. FORMAT and SELF have none.
 * Units:   offset and length in bytes of the source.
 * Memory:  all in the arena of the parser.
 * Errors:  the parser stops at the first mistake and keeps it in struct expr_error.
 * Source:  jq's parser.y for the grammar and the precedence of operators.
 */
#ifndef CONFIG_EXPR_AST_H
#define CONFIG_EXPR_AST_H

#include "config/expr.h"

enum {
	EXPR_MAX_SOURCE = 64 * 1024,	/* bytes */
	EXPR_MAX_NESTING = 64,		/* brackets, calls, operands within operands */
	EXPR_MAX_HEIGHT = 512,		/* of the tree: also chains such as a + b + c ... */
	EXPR_MAX_ARGS = 3,
};

/* Sets of JSON types, for the checker. */
enum expr_types {
	EXPR_T_NONE = 0,
	EXPR_T_NULL = 1,
	EXPR_T_BOOLEAN = 2,
	EXPR_T_NUMBER = 4,
	EXPR_T_STRING = 8,
	EXPR_T_ARRAY = 16,
	EXPR_T_OBJECT = 32,
	EXPR_T_ANY = 63,
};

/* --- tokens --- */

enum expr_token_kind {
	TOK_END,
	TOK_FIELD,		/* .name */
	TOK_NAME,
	TOK_NUMBER,
	TOK_QUOTE,		/* the opening quote of a string */
	TOK_FORMAT,		/* @name */
	TOK_VARIABLE,		/* $name */
	TOK_IF, TOK_THEN, TOK_ELIF, TOK_ELSE, TOK_FI,
	TOK_AND, TOK_OR,
	TOK_DOT, TOK_DOTDOT,
	TOK_LPAREN, TOK_RPAREN, TOK_LBRACKET, TOK_RBRACKET, TOK_LBRACE, TOK_RBRACE,
	TOK_PIPE, TOK_COMMA, TOK_COLON, TOK_SEMICOLON, TOK_QUESTION, TOK_ALTERNATIVE,
	TOK_EQ, TOK_NE, TOK_LT, TOK_LE, TOK_GT, TOK_GE,
	TOK_ADD, TOK_SUB, TOK_MUL, TOK_DIV, TOK_MOD,
	TOK_ASSIGN,		/* = |= += and their kin */
};

struct expr_token {
	enum expr_token_kind kind;
	size_t offset, length;
};

struct expr_lexer {
	struct str source;
	size_t pos;
	struct expr_error *error;	/* filled once */
	bool failed;
};

/* Fills lx->error unless one is there already; always -1. hint may be NULL. */
int expr_lex_fail(struct expr_lexer *lx, size_t offset, size_t length, const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
int expr_lex_next(struct expr_lexer *lx, struct expr_token *ret);
/* Text of a string up to its end or to the next interpolation; *more: `\(` was read. */
int expr_lex_text(struct expr_lexer *lx, struct buf *out, bool *more);
struct str expr_token_text(const struct expr_lexer *lx, const struct expr_token *t);

/* --- the tree --- */

enum expr_kind {
	EXPR_SELF, EXPR_CONST, EXPR_FIELD, EXPR_INDEX, EXPR_SLICE, EXPR_EACH, EXPR_OPTIONAL, EXPR_PIPE,
	EXPR_COMMA, EXPR_ALTERNATIVE, EXPR_AND, EXPR_OR, EXPR_NEGATE, EXPR_BINARY, EXPR_IF, EXPR_TEXT,
	EXPR_FORMAT, EXPR_ARRAY, EXPR_OBJECT, EXPR_CALL,
};

enum expr_op { OP_ADD, OP_SUB, OP_MUL, OP_DIV, OP_MOD, OP_EQ, OP_NE, OP_LT, OP_LE, OP_GT, OP_GE };

enum expr_format { FORMAT_TEXT, FORMAT_JSON, FORMAT_CSV, FORMAT_HTML, FORMAT_URI, FORMAT_BASE64, FORMAT_COUNT };

struct expr_builtin;

struct expr_node {
	enum expr_kind kind;
	/* enum expr_op of BINARY; enum expr_format of TEXT and FORMAT; 1: a step with `?`, a literal part of a TEXT */
	int op;
	uint32_t height;
	size_t offset, length;
	size_t n_kids;
	const struct expr_node *const *kids;
	const struct json *value;	/* of CONST; the key of FIELD */
	const struct expr_builtin *builtin;
};

struct expr {
	struct str source;
	const struct expr_node *node;
	bool is_path;		/* constant keys from the root: no machinery needed */
	bool is_part;		/* every output is a part of the root: no copy needed */
};

/* Parse from offset up to the end or, when embedded, up to the `}` that closes `${`; *end is behind it. */
int expr_parse_at(struct arena *a, struct str source, size_t offset, bool embedded, const struct expr **ret,
		  size_t *end, struct expr_error *error);

/* --- functions --- */

struct eval;

/* One output made from values: NULL when an error was raised. */
typedef const struct json *expr_value_fn(struct eval *ev, const struct json *in, const struct json *const *args);
/* Evaluates its arguments itself and pushes any number of outputs. */
typedef int expr_stream_fn(struct eval *ev, const struct expr_node *call, const struct json *in, size_t want);

struct expr_builtin {
	const char *name;
	size_t n_args;
	unsigned in, out;		/* enum expr_types; in: of what it can be applied to */
	unsigned args[EXPR_MAX_ARGS];	/* types of arguments, EXPR_T_NONE: evaluated against something else than `.` */
	expr_value_fn *value;		/* one of the two */
	expr_stream_fn *stream;
	bool ignores_input;
};

const struct expr_builtin *expr_builtin_find(struct str name, size_t n_args);
const char *expr_builtin_nearest(struct str name);	/* NULL: none is near */
const char *expr_format_name(enum expr_format f);
int expr_format_find(struct str name);		/* -1: none */

#endif
