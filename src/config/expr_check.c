/* expr_check.c - mistakes that can be seen without data.
 *
 * Every node gives a set of types that its outputs may have; a mistake is a set that has nothing in common
 * with what is wanted. An empty set means no outputs (empty, error) and is never a mistake. What `?`
 * would catch is not reported, except names that the root does not have.
 */
#include <stdarg.h>
#include <stdio.h>

#include "base/json.h"
#include "config/expr_eval.h"

struct check {
	const char *const *roots;
	size_t n_roots;
	void (*report)(void *arg, const struct expr_error *error);
	void *arg;
	unsigned quiet;		/* inside `?` */
};

/* What a node sees as `.`. */
struct view {
	unsigned types;
	bool root;
};

static unsigned infer(struct check *c, const struct expr_node *n, struct view in);

static void mistake(struct check *c, const struct expr_node *n, const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

static void mistake(struct check *c, const struct expr_node *n, const char *hint, const char *fmt, ...)
{
	struct expr_error e = {.offset = n->offset, .length = n->length};
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(e.msg, sizeof e.msg, fmt, ap);
	va_end(ap);
	if (hint)
		snprintf(e.hint, sizeof e.hint, "%s", hint);
	c->report(c->arg, &e);
}

struct types_text {
	char text[80];
};

static const char *types_text(struct types_text *room, unsigned types)
{
	static const char *const names[] = {"null", "a boolean", "a number", "a string", "an array", "an object"};
	size_t n = 0;

	room->text[0] = '\0';
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (types & 1u << i)
			n += (size_t)snprintf(room->text + n, sizeof room->text - n, "%s%s", n ? " or " : "", names[i]);
	return room->text;
}

/* Wanted types among what can come: false and a report where there is none. */
static bool fits(const struct check *c, unsigned types, unsigned wanted)
{
	return c->quiet > 0 || types == EXPR_T_NONE || (types & wanted);
}

static unsigned type_of(const struct json *v)
{
	switch (json_type(v)) {
	case JSON_NULL:
		return EXPR_T_NULL;
	case JSON_FALSE:
	case JSON_TRUE:
		return EXPR_T_BOOLEAN;
	case JSON_INT:
	case JSON_NUM:
		return EXPR_T_NUMBER;
	case JSON_STRING:
		return EXPR_T_STRING;
	case JSON_ARRAY:
		return EXPR_T_ARRAY;
	case JSON_OBJECT:
		break;
	}
	return EXPR_T_OBJECT;
}

/* --- paths --- */

static void check_root_key(struct check *c, const struct expr_node *n)
{
	struct str key = json_str(n->value);
	const char *near;
	char hint[100] = "", *end = hint;

	for (size_t i = 0; i < c->n_roots; i++)
		if (str_is(key, c->roots[i]))
			return;
	near = str_nearest(key, c->roots, c->n_roots);
	if (near)
		snprintf(hint, sizeof hint, "did you mean \".%s\"?", near);
	else
		for (size_t i = 0; i < c->n_roots && end < hint + sizeof hint - 1; i++)
			end += snprintf(end, (size_t)(hint + sizeof hint - end), "%s.%s", i ? ", " : "there are ",
					c->roots[i]);
	mistake(c, n, hint, "there is no \"." STR_FMT "\" here", STR_ARG(eval_head(key, 60)));
}

static unsigned infer_field(struct check *c, const struct expr_node *n, struct view in)
{
	unsigned base = infer(c, n->kids[0], in);
	struct types_text room;

	if (in.root && c->n_roots && n->kids[0]->kind == EXPR_SELF)
		check_root_key(c, n);
	if (!n->op && !fits(c, base, EXPR_T_OBJECT | EXPR_T_NULL))
		mistake(c, n, NULL, "%s has no key \"" STR_FMT "\"", types_text(&room, base),
			STR_ARG(eval_head(json_str(n->value), 60)));
	return base == EXPR_T_NULL ? EXPR_T_NULL : EXPR_T_ANY;
}

static unsigned infer_index(struct check *c, const struct expr_node *n, struct view in)
{
	unsigned base = infer(c, n->kids[0], in), key = infer(c, n->kids[1], in), wanted = EXPR_T_NONE;
	struct types_text ra, rb;

	if (key & EXPR_T_STRING)
		wanted |= EXPR_T_OBJECT | EXPR_T_NULL;
	if (key & EXPR_T_NUMBER)
		wanted |= EXPR_T_ARRAY | EXPR_T_NULL;
	if (!n->op && key && !fits(c, base, wanted))
		mistake(c, n, NULL, "%s cannot be indexed with %s", types_text(&ra, base), types_text(&rb, key));
	return EXPR_T_ANY;
}

static unsigned infer_slice(struct check *c, const struct expr_node *n, struct view in)
{
	unsigned wanted = EXPR_T_NULL | EXPR_T_STRING | EXPR_T_ARRAY, base = infer(c, n->kids[0], in);
	struct types_text room;

	for (size_t i = 1; i < 3; i++) {
		unsigned bound = n->kids[i] ? infer(c, n->kids[i], in) : EXPR_T_NONE;

		if (!n->op && !fits(c, bound, EXPR_T_NUMBER | EXPR_T_NULL))
			mistake(c, n->kids[i], NULL, "the bound of a slice must be a number, got %s",
				types_text(&room, bound));
	}
	if (!n->op && !fits(c, base, wanted))
		mistake(c, n, NULL, "%s cannot be sliced", types_text(&room, base));
	return base & wanted;
}

static unsigned infer_each(struct check *c, const struct expr_node *n, struct view in)
{
	unsigned base = infer(c, n->kids[0], in);
	struct types_text room;

	if (!n->op && !fits(c, base, EXPR_T_ARRAY | EXPR_T_OBJECT))
		mistake(c, n, NULL, "%s has no items", types_text(&room, base));
	return EXPR_T_ANY;
}

/* --- operators --- */

/* What `a op b` gives for one type each; EXPR_T_NONE: impossible. */
static unsigned pair_type(enum expr_op op, unsigned a, unsigned b)
{
	if (op == OP_ADD && a == EXPR_T_NULL)
		return b;
	if (op == OP_ADD && b == EXPR_T_NULL)
		return a;
	if (op == OP_MUL && (a | b) == (EXPR_T_STRING | EXPR_T_NUMBER))
		return EXPR_T_STRING | EXPR_T_NULL;
	if (a != b)
		return EXPR_T_NONE;
	switch (op) {
	case OP_ADD:
		return a & (EXPR_T_NUMBER | EXPR_T_STRING | EXPR_T_ARRAY | EXPR_T_OBJECT);
	case OP_SUB:
		return a & (EXPR_T_NUMBER | EXPR_T_ARRAY);
	case OP_MUL:
		return a & (EXPR_T_NUMBER | EXPR_T_OBJECT);
	case OP_DIV:
		return a == EXPR_T_STRING ? EXPR_T_ARRAY : a & EXPR_T_NUMBER;
	default:
		return a & EXPR_T_NUMBER;
	}
}

static unsigned infer_binary(struct check *c, const struct expr_node *n, struct view in)
{
	static const char *const verbs[] = {"added", "subtracted", "multiplied", "divided", "divided"};
	unsigned a = infer(c, n->kids[0], in), b = infer(c, n->kids[1], in), result = EXPR_T_NONE;
	const struct json *divisor = n->kids[1]->kind == EXPR_CONST ? n->kids[1]->value : NULL;
	struct types_text ra, rb;

	if (n->op >= OP_EQ)
		return EXPR_T_BOOLEAN;
	for (unsigned i = EXPR_T_NULL; i <= EXPR_T_OBJECT; i <<= 1)
		for (unsigned k = EXPR_T_NULL; k <= EXPR_T_OBJECT; k <<= 1)
			if ((a & i) && (b & k))
				result |= pair_type((enum expr_op)n->op, i, k);
	if (a && b && !result && !c->quiet)
		mistake(c, n, NULL, "%s and %s cannot be %s", types_text(&ra, a), types_text(&rb, b), verbs[n->op]);
	if ((n->op == OP_DIV || n->op == OP_MOD) && json_is_number(divisor) && json_to_double(divisor) == 0 &&
	    !c->quiet)
		mistake(c, n, NULL, "a division by zero");
	return result;
}

static unsigned infer_optional(struct check *c, const struct expr_node *n, struct view in)
{
	unsigned types;

	c->quiet++;
	types = infer(c, n, in);
	c->quiet--;
	return types;
}

static unsigned infer_object(struct check *c, const struct expr_node *n, struct view in)
{
	struct types_text room;

	for (size_t i = 0; i < n->n_kids; i++) {
		unsigned types = infer(c, n->kids[i], in);

		if (i % 2 == 0 && !fits(c, types, EXPR_T_STRING))
			mistake(c, n->kids[i], NULL, "%s cannot be an object key", types_text(&room, types));
	}
	return EXPR_T_OBJECT;
}

static void check_format(struct check *c, const struct expr_node *n, int format, unsigned types)
{
	struct types_text room;

	if (format == FORMAT_CSV && !fits(c, types, EXPR_T_ARRAY))
		mistake(c, n, NULL, "@csv needs an array, got %s", types_text(&room, types));
}

static unsigned infer_text(struct check *c, const struct expr_node *n, struct view in)
{
	for (size_t i = 0; i < n->n_kids; i++) {
		unsigned types = infer(c, n->kids[i], in);

		if (n->kids[i]->kind != EXPR_CONST || !n->kids[i]->op)
			check_format(c, n->kids[i], n->op, types);
	}
	return EXPR_T_STRING;
}

/* --- functions --- */

static void check_pattern(struct check *c, const struct expr_node *n)
{
	const struct expr_node *pattern = n->kids[0], *flags = NULL;
	char msg[180];

	if (str_is(str_from(n->builtin->name), "sub") || str_is(str_from(n->builtin->name), "gsub"))
		flags = n->n_kids == 3 ? n->kids[2] : NULL;
	else
		flags = n->n_kids == 2 ? n->kids[1] : NULL;
	if (pattern->kind != EXPR_CONST || json_type(pattern->value) != JSON_STRING ||
	    (flags && flags->kind != EXPR_CONST))
		return;
	if (expr_regex_check(json_str(pattern->value), flags ? json_str(flags->value) : STR_NONE, msg, sizeof msg) < 0)
		mistake(c, pattern, NULL, "%s", msg);
}

static bool is_regex(const struct expr_builtin *b)
{
	for (const struct expr_builtin *at = expr_regex_builtins; at->name; at++)
		if (at == b)
			return true;
	return false;
}

static unsigned infer_call(struct check *c, const struct expr_node *n, struct view in)
{
	const struct expr_builtin *b = n->builtin;
	struct types_text ra, rb;
	unsigned last = EXPR_T_NONE;

	if (!fits(c, in.types, b->in))
		mistake(c, n, NULL, "'%s' needs %s, got %s", b->name, types_text(&ra, b->in),
			types_text(&rb, in.types));
	for (size_t i = 0; i < n->n_kids; i++) {
		struct view other = {EXPR_T_ANY, false};

		last = infer(c, n->kids[i], b->args[i] == EXPR_T_NONE ? other : in);
		if (b->args[i] != EXPR_T_NONE && !fits(c, last, b->args[i]))
			mistake(c, n->kids[i], NULL, "argument %zu of '%s' must be %s, got %s", i + 1, b->name,
				types_text(&ra, b->args[i]), types_text(&rb, last));
	}
	if (is_regex(b) && !c->quiet)
		check_pattern(c, n);
	if (str_is(str_from(b->name), "select"))
		return in.types;
	if (n->n_kids == 1 && (str_is(str_from(b->name), "first") || str_is(str_from(b->name), "last")))
		return last;
	return b->out;
}

static unsigned infer_rest(struct check *c, const struct expr_node *n, struct view in)
{
	unsigned types = EXPR_T_NONE;
	struct types_text room;

	switch (n->kind) {
	case EXPR_COMMA:
		for (size_t i = 0; i < n->n_kids; i++)
			types |= infer(c, n->kids[i], in);
		return types;
	case EXPR_AND:
	case EXPR_OR:
		infer(c, n->kids[0], in);
		infer(c, n->kids[1], in);
		return EXPR_T_BOOLEAN;
	case EXPR_NEGATE:
		types = infer(c, n->kids[0], in);
		if (!fits(c, types, EXPR_T_NUMBER))
			mistake(c, n, NULL, "%s cannot be negated", types_text(&room, types));
		return EXPR_T_NUMBER;
	case EXPR_IF:
		infer(c, n->kids[0], in);
		types = infer(c, n->kids[1], in);
		return types | (n->n_kids == 3 ? infer(c, n->kids[2], in) : in.types);
	case EXPR_FORMAT:
		check_format(c, n, n->op, in.types);
		return EXPR_T_STRING;
	case EXPR_ARRAY:
		if (n->n_kids)
			infer(c, n->kids[0], in);
		return EXPR_T_ARRAY;
	default:
		return EXPR_T_ANY;
	}
}

static unsigned infer_pipe(struct check *c, const struct expr_node *n, struct view in)
{
	unsigned types = infer(c, n->kids[0], in);

	return infer(c, n->kids[1], (struct view){types, in.root && n->kids[0]->kind == EXPR_SELF});
}

static unsigned infer(struct check *c, const struct expr_node *n, struct view in)
{
	unsigned types;

	switch (n->kind) {
	case EXPR_SELF:
		return in.types;
	case EXPR_CONST:
		return type_of(n->value);
	case EXPR_FIELD:
		return infer_field(c, n, in);
	case EXPR_INDEX:
		return infer_index(c, n, in);
	case EXPR_SLICE:
		return infer_slice(c, n, in);
	case EXPR_EACH:
		return infer_each(c, n, in);
	case EXPR_OPTIONAL:
		return infer_optional(c, n->kids[0], in);
	case EXPR_PIPE:
		return infer_pipe(c, n, in);
	case EXPR_ALTERNATIVE:
		types = infer(c, n->kids[0], in) & ~(unsigned)EXPR_T_NULL;
		return types | infer(c, n->kids[1], in);
	case EXPR_BINARY:
		return infer_binary(c, n, in);
	case EXPR_OBJECT:
		return infer_object(c, n, in);
	case EXPR_TEXT:
		return infer_text(c, n, in);
	case EXPR_CALL:
		return infer_call(c, n, in);
	default:
		return infer_rest(c, n, in);
	}
}

void expr_check(const struct expr *e, const char *const *roots, size_t n_roots,
		void (*report)(void *arg, const struct expr_error *error), void *arg)
{
	struct check c = {roots, n_roots, report, arg, 0};

	infer(&c, e->node, (struct view){n_roots ? EXPR_T_OBJECT : EXPR_T_ANY, true});
}
