/* expr.h - the expression language: a total subset of jq. Parse, check, evaluate within bounds.
 *
 * Shapes:  struct expr is a parsed program, immutable. struct tmpl is a value with
 *          `${ expr }` inside: a constant, one expression (keeps its type), text
 *          mixed with expressions (becomes a string), or an array or object of these.
 * Units:   offsets are bytes into the source text given to the parser.
 * Memory:  programs live in the arena given to the parser and point into a copy
 *          of the source. Values come out in the arena given to the
 *          evaluator and may share parts of the root: the root must live as long as a result. They
 *          never point into a program. Scratch is freed before the evaluator returns.
 * Errors:  parsing fills struct expr_error (place and hint). Evaluation: ERR_EXPRESSION (also for
 *          limits, no output, more than one output, `error`); messages follow jq's.
 * Source:  agentd-workflow(5), "EXPRESSIONS"; the jq program is the oracle in
 *          the .test files of t/expr/ (groups of three lines: program, input, expected output).
 */
#ifndef CONFIG_EXPR_H
#define CONFIG_EXPR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct arena;
struct err;
struct json;
struct expr;
struct tmpl;

struct expr_error {
	size_t offset;		/* where, in bytes from the start of the source */
	size_t length;		/* of what is wrong, at least 1 */
	char msg[200];
	char hint[120];		/* "" or advice, e.g. a name that is near */
};

int expr_parse(struct arena *a, struct str source, const struct expr **ret, struct expr_error *error);
struct str expr_source(const struct expr *e);	/* as it was written */

/* A string with `${ }` inside; `$${` is a literal `${`. offsets count from the start of text. */
int tmpl_parse(struct arena *a, struct str text, const struct tmpl **ret, struct expr_error *error);
const struct tmpl *tmpl_constant(struct arena *a, const struct json *v);
const struct tmpl *tmpl_expr(struct arena *a, const struct expr *e);
const struct tmpl *tmpl_array(struct arena *a, const struct tmpl *const *items, size_t n);
const struct tmpl *tmpl_object(struct arena *a, const struct str *keys, const struct tmpl *const *vals, size_t n);
bool tmpl_is_constant(const struct tmpl *t);
/* The text that every result begins with, whatever the data: all of a constant string, or what stands before the
 * first `${ }`. STR_NONE: not a text. */
struct str tmpl_prefix(const struct tmpl *t);

/* --- what the linker asks: which names of the root does the program read? --- */
/* Called for every path that starts at the root: n constant keys, e.g. {"steps","draft","output"}
 * for `.steps.draft.output | length`. Cut where the path stops to be constant. Not called for paths below
 * a pipe whose left side is not the root. n is 0 where the root as a whole is read: `.`, `keys`. */
typedef void expr_ref_fn(void *arg, const struct str *keys, size_t n, size_t offset, size_t length);
void expr_refs(const struct expr *e, expr_ref_fn *fn, void *arg);
void tmpl_refs(const struct tmpl *t, expr_ref_fn *fn, void *arg);	/* offsets into the text given to tmpl_parse() */
/* Mistakes that can be seen without data: impossible types (`1 + {}`, `length(1;2)` arity is a parse error), a
 * root key that is not among roots[] ("did you mean"). Calls report once per mistake. */
void expr_check(const struct expr *e, const char *const *roots, size_t n_roots,
		void (*report)(void *arg, const struct expr_error *error), void *arg);
void tmpl_check(const struct tmpl *t, const char *const *roots, size_t n_roots,
		void (*report)(void *arg, const struct expr_error *error), void *arg);

/* --- evaluation: 100,000 operations, matches of patterns included, 8 MiB, depth 64 --- */
/* Exactly one output is wanted; none or several is ERR_EXPRESSION. */
int expr_eval(const struct expr *e, const struct json *root, struct arena *a, const struct json **ret, struct err *err);
/* All outputs as an array (tests, switch of several). */
int expr_eval_all(const struct expr *e, const struct json *root, struct arena *a, const struct json **ret, struct err *err);
int expr_test(const struct expr *e, const struct json *root, bool *ret, struct err *err);	/* jq truth of the one output */
int tmpl_eval(const struct tmpl *t, const struct json *root, struct arena *a, const struct json **ret, struct err *err);
/* The result as text for prompts: a string as it is, anything else compact JSON; null is an error. */
int tmpl_eval_text(const struct tmpl *t, const struct json *root, struct arena *a, struct str *ret, struct err *err);

#endif
