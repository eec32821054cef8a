/* expr_run.h - one machine for several programs: templates share one budget; for the expr_*.c files only.
 *
 * Shapes:  eval_begin(), any number of expr_run() and expr_keep(), eval_end().
 * Memory:  expr_run() gives a value that lives until eval_end(); expr_keep() one that lives as long
 *          as the arena and the root.
 * Errors:  ERR_EXPRESSION, filled in *err.
 * Source:  expr.h.
 */
#ifndef CONFIG_EXPR_RUN_H
#define CONFIG_EXPR_RUN_H

struct arena;
struct err;
struct eval;
struct expr;
struct json;

/* The one output. */
int expr_run(struct eval *ev, const struct expr *e, const struct json *root, const struct json **ret, struct err *err);
/* v, made by e: copied to a unless it is a part of the root. */
int expr_keep(struct eval *ev, const struct expr *e, const struct json *v, struct arena *a, const struct json **ret,
	      struct err *err);

#endif
