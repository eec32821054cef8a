/* expr_eval.h - the machine that evaluates a tree; for the expr_*.c files only.
 *
 * Shapes:  evaluating a node pushes its outputs on the stack of values; whoever asked for them
 *          takes them off. `want` is how many outputs the asker can use: a node may stop there.
 *          After -1 the outputs pushed before the error are still there, as `first(1, error)` is 1.
 * Units:   an operation is a node evaluated. Work is the smaller coin of what a function does
 *          inside: EXPR_WORK_PER_OPERATION of it (about a byte looked at) cost one operation.
 *          bytes counts the values made, shared parts once.
 * Memory:  values made live in scratch, gone when the evaluation ends.
 * Errors:  raised: `?` catches it. A limit passed: it does not (ev->limit).
 * Source:  agentd-workflow(5), "EXPRESSIONS".
 */
#ifndef CONFIG_EXPR_EVAL_H
#define CONFIG_EXPR_EVAL_H

#include "base/err.h"
#include "base/json.h"
#include "config/expr_ast.h"

enum {
	EXPR_MAX_OPERATIONS = 100000,
	EXPR_WORK_PER_OPERATION = 256,
	EXPR_MAX_BYTES = 8 * 1024 * 1024,
	EXPR_MAX_DEPTH = 64,		/* of a result */
	EXPR_VALUE_BYTES = 48,		/* what a value counts besides its text */
};

struct arena;
struct regex;

struct eval {
	struct arena *scratch;
	const struct json **stack;
	size_t top, cap;
	uint64_t work;		/* spent, operations included */
	size_t bytes;
	bool limit;
	struct err err;		/* the last one raised */
	struct regex *regexes;	/* compiled in this evaluation */
};

void eval_begin(struct eval *ev);
void eval_end(struct eval *ev);

/* --- costs: false when a limit is passed --- */
bool eval_charge(struct eval *ev, size_t operations);
bool eval_work(struct eval *ev, size_t work);
bool eval_make(struct eval *ev, size_t text_bytes);
bool eval_spend(struct eval *ev, size_t work);	/* like eval_work(), but the caller words the error */
uint64_t eval_work_left(const struct eval *ev);

/* --- errors: NULL, for value functions; eval_fail() is -1, for the others --- */
const struct json *eval_raise(struct eval *ev, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int eval_fail(struct eval *ev, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int eval_limit(struct eval *ev, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* "number (12)", "string (\"abc...\")", "object"; for messages. */
struct eval_shown {
	char text[64];
};
struct str eval_head(struct str s, size_t n);	/* at most n bytes, whole code points */
const char *eval_describe(struct eval_shown *room, const struct json *v);

/* --- the stack --- */
void eval_push(struct eval *ev, const struct json *v);
int eval_node(struct eval *ev, const struct expr_node *n, const struct json *in, size_t want);
/* Outputs [from, top) move down to `to`. */
void eval_settle(struct eval *ev, size_t to, size_t from);
/* Evaluates body for each of the n values at stack[base]; the outputs take their place. pending: what the
 * making of those values ended with; its error is raised behind the outputs. */
int eval_each(struct eval *ev, const struct expr_node *body, size_t base, int pending, size_t want);

/* --- making values in scratch: NULL when a limit is passed --- */
const struct json *eval_string(struct eval *ev, struct str s);		/* copies */
const struct json *eval_string_at(struct eval *ev, struct str s);	/* s lives in the input or in scratch */
const struct json *eval_int(struct eval *ev, int64_t i);
const struct json *eval_double(struct eval *ev, double d);
const struct json *eval_array(struct eval *ev, const struct json *const *items, size_t n);	/* copies the table */
const struct json *eval_object(struct eval *ev, struct json_builder *b);
const struct json *eval_text(struct eval *ev, const struct json *v);	/* tostring */
const struct json *eval_json(struct eval *ev, const struct json *v);	/* tojson */

/* --- shared meanings --- */
/* jq's order, paid for; 0 when a limit is passed (ev->limit). */
int eval_cmp(struct eval *ev, const struct json *a, const struct json *b);
const struct json *eval_binary(struct eval *ev, enum expr_op op, const struct json *a, const struct json *b);
const struct json *eval_add(struct eval *ev, const struct json *a, const struct json *b);
const struct json *eval_negate(struct eval *ev, const struct json *v);
const struct json *eval_split(struct eval *ev, struct str s, struct str separator);
const struct json *eval_format(struct eval *ev, enum expr_format f, const struct json *v);
const struct json *eval_field(struct eval *ev, const struct json *in, const struct json *key);
const struct json *eval_slice(struct eval *ev, const struct json *in, const struct json *from, const struct json *to);
int eval_items(struct eval *ev, const struct json *in, size_t want);	/* pushes them, as .[] */
/* "cannot index X with Y" without a machine; NULL and err set. */
const struct json *expr_index(const struct json *in, const struct json *key, struct err *err);

/* Pays for a walk over v: text bytes of its compact form, at least. -1 when a limit is passed. */
int eval_measure(struct eval *ev, const struct json *v, size_t *bytes);

/* --- families of functions; each table ends with a row without a name --- */
extern const struct expr_builtin expr_array_builtins[], expr_object_builtins[], expr_string_builtins[],
	expr_scalar_builtins[], expr_regex_builtins[], expr_order_builtins[];
/* A constant pattern or its flags, checked without data. */
int expr_regex_check(struct str pattern, struct str flags, char *msg, size_t size);

#endif
