/* expr_eval.c - the meaning of each node.
 *
 * jq backtracks: `a + b` runs through all outputs of b, and for each through all of a. Operands all see
 * the same input, so here each is evaluated once, to a list, and the combinations are counted out like an
 * odometer, in jq's order. An error behind some outputs of an operand is raised when its digit wraps.
 */
#include <stdio.h>

#include "base/arena.h"
#include "config/expr_eval.h"

enum { FEW_OPERANDS = 4 };
static const size_t ALL = SIZE_MAX;

/* --- errors that wait --- */

static struct err *keep_error(struct eval *ev, int rc)
{
	return rc < 0 ? arena_dup(ev->scratch, &ev->err, sizeof ev->err) : NULL;
}

static int raise_kept(struct eval *ev, const struct err *kept)
{
	if (!kept)
		return 0;
	ev->err = *kept;
	return -1;
}

/* --- combinations --- */

struct operand {
	size_t from, n, at;	/* its outputs on the stack, the one in use */
	struct err *error;	/* raised behind them */
};

struct product {
	const struct expr_node *const *nodes;	/* entries may be NULL: no value */
	size_t n;
	bool backwards;		/* the first operand changes fastest, else the last */
	bool optional;		/* combinations that fail are left out */
	const struct json *(*combine)(struct eval *ev, void *arg, const struct json *const *values);
	void *arg;
};

static size_t place(const struct product *p, size_t rank)
{
	return p->backwards ? p->n - 1 - rank : rank;
}

/* Slowest first. 0: all have outputs; 1: one has none and nothing is to be raised; -1. */
static int list_operands(struct eval *ev, const struct product *p, const struct json *in, struct operand *ops)
{
	for (size_t rank = 0; rank < p->n; rank++) {
		struct operand *op = &ops[place(p, rank)];
		int rc = 0;

		*op = (struct operand){.from = ev->top};
		if (p->nodes[place(p, rank)])
			rc = eval_node(ev, p->nodes[place(p, rank)], in, ALL);
		else
			eval_push(ev, json_null());
		op->n = ev->top - op->from;
		if (ev->limit || (rc < 0 && op->n == 0))
			return -1;
		op->error = keep_error(ev, rc);
		if (op->n == 0) {
			while (rank-- > 0)
				if (ops[place(p, rank)].error)
					return raise_kept(ev, ops[place(p, rank)].error);
			return 1;
		}
	}
	return 0;
}

/* 0: a new combination; 1: all done; -1: an operand's error. */
static int turn(struct eval *ev, const struct product *p, struct operand *ops)
{
	for (size_t rank = p->n; rank-- > 0;) {
		struct operand *op = &ops[place(p, rank)];

		if (++op->at < op->n)
			return 0;
		if (op->error)
			return raise_kept(ev, op->error);
		op->at = 0;
	}
	return 1;
}

static int count_out(struct eval *ev, const struct product *p, struct operand *ops, const struct json **values)
{
	int rc;

	do {
		const struct json *v;

		for (size_t i = 0; i < p->n; i++)
			values[i] = ev->stack[ops[i].from + ops[i].at];
		v = eval_work(ev, 32) ? p->combine(ev, p->arg, values) : NULL;
		if (!v && (!p->optional || ev->limit))
			return -1;
		if (v)
			eval_push(ev, v);
		rc = turn(ev, p, ops);
	} while (rc == 0);
	return rc < 0 ? -1 : 0;
}

static int product(struct eval *ev, const struct product *p, const struct json *in)
{
	struct operand few[FEW_OPERANDS], *ops = few;
	const struct json *few_values[FEW_OPERANDS], **values = few_values;
	size_t base = ev->top, results;
	int rc;

	if (p->n > FEW_OPERANDS) {
		ops = ARENA_ARRAY(ev->scratch, p->n, struct operand);
		values = ARENA_ARRAY(ev->scratch, p->n, const struct json *);
	}
	rc = list_operands(ev, p, in, ops);
	results = ev->top;
	if (rc == 0)
		rc = count_out(ev, p, ops, values);
	eval_settle(ev, base, results);
	return rc < 0 ? -1 : 0;
}

/* --- what is combined --- */

static const struct json *combine_binary(struct eval *ev, void *arg, const struct json *const *v)
{
	const struct expr_node *n = arg;

	return eval_binary(ev, (enum expr_op)n->op, v[0], v[1]);
}

static const struct json *combine_index(struct eval *ev, void *arg, const struct json *const *v)
{
	(void)arg;
	return eval_field(ev, v[0], v[1]);
}

static const struct json *combine_slice(struct eval *ev, void *arg, const struct json *const *v)
{
	(void)arg;
	return eval_slice(ev, v[0], v[2], v[1]);
}

static const struct json *combine_object(struct eval *ev, void *arg, const struct json *const *v)
{
	const struct expr_node *n = arg;
	struct json_builder out;
	struct eval_shown room;

	if (!eval_make(ev, n->n_kids * 16))
		return NULL;
	json_object_begin(&out, ev->scratch);
	for (size_t i = 0; i < n->n_kids; i += 2) {
		if (json_type(v[i]) != JSON_STRING)
			return eval_raise(ev, "%s cannot be an object key", eval_describe(&room, v[i]));
		json_object_set(&out, json_str(v[i]), v[i + 1]);
	}
	return eval_object(ev, &out);
}

/* Constant parts stay as they are, the others go through the format. */
static const struct json *combine_text(struct eval *ev, void *arg, const struct json *const *v)
{
	const struct expr_node *n = arg;
	struct buf out;

	buf_init(&out, ev->scratch);
	for (size_t i = 0; i < n->n_kids; i++) {
		const struct json *part = v[i];

		if (n->kids[i]->kind != EXPR_CONST || !n->kids[i]->op)
			part = eval_format(ev, (enum expr_format)n->op, part);
		if (!part || !eval_make(ev, json_str(part).n))
			return NULL;
		buf_addstr(&out, json_str(part));
	}
	return eval_string_at(ev, buf_str(&out));
}

struct value_call {
	const struct expr_node *node;
	const struct json *in;
};

static const struct json *combine_call(struct eval *ev, void *arg, const struct json *const *v)
{
	const struct value_call *call = arg;

	return call->node->builtin->value(ev, call->in, v);
}

/* --- nodes --- */

static int each_kept(struct eval *ev, size_t base, size_t from, int rc, const struct err *pending, bool enough)
{
	eval_settle(ev, base, from);
	if (rc < 0 || enough)
		return rc;
	return raise_kept(ev, pending);
}

int eval_each(struct eval *ev, const struct expr_node *body, size_t base, int pending, size_t want)
{
	struct err *kept = keep_error(ev, pending);
	size_t from = ev->top;
	int rc = ev->limit ? -1 : 0;

	for (size_t i = base; rc == 0 && i < from && ev->top - from < want; i++)
		rc = eval_node(ev, body, ev->stack[i], want - (ev->top - from));
	return each_kept(ev, base, from, rc, kept, ev->top - from >= want);
}

static int eval_pipe(struct eval *ev, const struct expr_node *n, const struct json *in, size_t want)
{
	size_t base = ev->top;
	int rc = eval_node(ev, n->kids[0], in, ALL);

	return eval_each(ev, n->kids[1], base, rc, want);
}

static int eval_comma(struct eval *ev, const struct expr_node *n, const struct json *in, size_t want)
{
	size_t base = ev->top;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < n->n_kids && ev->top - base < want; i++)
		rc = eval_node(ev, n->kids[i], in, want - (ev->top - base));
	return rc;
}

static int eval_if(struct eval *ev, const struct expr_node *n, const struct json *in, size_t want)
{
	size_t base = ev->top, from;
	int rc = eval_node(ev, n->kids[0], in, ALL);
	struct err *kept = keep_error(ev, rc);

	from = ev->top;
	rc = ev->limit ? -1 : 0;
	for (size_t i = base; rc == 0 && i < from && ev->top - from < want; i++) {
		if (json_truth(ev->stack[i]))
			rc = eval_node(ev, n->kids[1], in, want - (ev->top - from));
		else if (n->n_kids == 3)
			rc = eval_node(ev, n->kids[2], in, want - (ev->top - from));
		else
			eval_push(ev, in);
	}
	return each_kept(ev, base, from, rc, kept, ev->top - from >= want);
}

/* The right side is asked only where the left side leaves it open. */
static int eval_logic(struct eval *ev, const struct expr_node *n, const struct json *in)
{
	bool closing = n->kind == EXPR_OR;
	size_t base = ev->top, from;
	int rc = eval_node(ev, n->kids[0], in, ALL);
	struct err *kept = keep_error(ev, rc);

	from = ev->top;
	rc = ev->limit ? -1 : 0;
	for (size_t i = base; rc == 0 && i < from; i++) {
		size_t at = ev->top;

		if (json_truth(ev->stack[i]) == closing) {
			eval_push(ev, json_bool(closing));
			continue;
		}
		rc = eval_node(ev, n->kids[1], in, ALL);
		for (; at < ev->top; at++)
			ev->stack[at] = json_bool(json_truth(ev->stack[at]));
	}
	return each_kept(ev, base, from, rc, kept, false);
}

/* As in jq, an error on the left is an error: `.a? // b` is the way to catch it. */
static int eval_alternative(struct eval *ev, const struct expr_node *n, const struct json *in, size_t want)
{
	size_t base = ev->top, kept = base;
	int rc = eval_node(ev, n->kids[0], in, ALL);

	for (size_t i = base; i < ev->top; i++)
		if (json_truth(ev->stack[i]))
			ev->stack[kept++] = ev->stack[i];
	ev->top = kept;
	return rc < 0 || kept > base ? rc : eval_node(ev, n->kids[1], in, want);
}

/* Applies to each output of the base, in its place. */
static int eval_on_base(struct eval *ev, const struct expr_node *n, const struct json *in, size_t want)
{
	bool optional = n->kind == EXPR_FIELD && n->op;
	size_t base = ev->top, kept = base;
	int rc = eval_node(ev, n->kids[0], in, optional ? ALL : want);
	struct err *pending = keep_error(ev, optional ? rc : 0);

	for (size_t i = base; i < ev->top; i++) {
		const struct json *v = n->kind == EXPR_FIELD ? eval_field(ev, ev->stack[i], n->value)
							     : eval_negate(ev, ev->stack[i]);

		if (!v && (!optional || ev->limit)) {
			ev->top = kept;
			return -1;
		}
		if (v)
			ev->stack[kept++] = v;
	}
	ev->top = kept;
	return pending ? raise_kept(ev, pending) : rc;
}

static int eval_every(struct eval *ev, const struct expr_node *n, const struct json *in, size_t want)
{
	size_t base = ev->top, from;
	int rc = eval_node(ev, n->kids[0], in, ALL);	/* an item may be empty */
	struct err *kept = keep_error(ev, rc);

	from = ev->top;
	rc = ev->limit ? -1 : 0;
	for (size_t i = base; rc == 0 && i < from && ev->top - from < want; i++) {
		rc = eval_items(ev, ev->stack[i], want - (ev->top - from));
		if (n->op && !ev->limit)
			rc = 0;
	}
	return each_kept(ev, base, from, rc, kept, ev->top - from >= want);
}

static int eval_collect(struct eval *ev, const struct expr_node *n, const struct json *in)
{
	size_t base = ev->top;
	const struct json *v = json_empty_array();
	int rc = n->n_kids ? eval_node(ev, n->kids[0], in, ALL) : 0;

	if (rc == 0 && ev->top > base)
		v = eval_array(ev, ev->stack + base, ev->top - base);
	ev->top = base;
	if (rc < 0 || !v)
		return -1;
	eval_push(ev, v);
	return 0;
}

static int eval_call(struct eval *ev, const struct expr_node *n, const struct json *in, size_t want)
{
	struct value_call call = {n, in};
	const struct json *v;

	if (n->builtin->stream)
		return n->builtin->stream(ev, n, in, want);
	if (n->n_kids)
		return product(ev, &(struct product){n->kids, n->n_kids, false, false, combine_call, &call}, in);
	v = n->builtin->value(ev, in, NULL);
	if (!v)
		return -1;
	eval_push(ev, v);
	return 0;
}

static int eval_simple(struct eval *ev, const struct expr_node *n, const struct json *in)
{
	const struct json *v = in;

	if (n->kind == EXPR_CONST)
		v = n->value;
	else if (n->kind == EXPR_FORMAT)
		v = eval_format(ev, (enum expr_format)n->op, in);
	if (!v)
		return -1;
	eval_push(ev, v);
	return 0;
}

static int eval_product(struct eval *ev, const struct expr_node *n, const struct json *in)
{
	static const struct {
		bool backwards;
		const struct json *(*combine)(struct eval *ev, void *arg, const struct json *const *values);
	} rows[] = {
		[EXPR_INDEX] = {true, combine_index},	[EXPR_SLICE] = {true, combine_slice},
		[EXPR_BINARY] = {true, combine_binary}, [EXPR_TEXT] = {true, combine_text},
		[EXPR_OBJECT] = {false, combine_object},
	};
	bool optional = (n->kind == EXPR_INDEX || n->kind == EXPR_SLICE) && n->op;
	struct product p = {n->kids, n->n_kids, rows[n->kind].backwards, optional, rows[n->kind].combine, NULL};

	if (n->kind == EXPR_OBJECT && n->n_kids == 0) {
		eval_push(ev, json_empty_object());
		return 0;
	}
	p.arg = (void *)(uintptr_t)n;	/* only read */
	return product(ev, &p, in);
}

static int eval_optional(struct eval *ev, const struct expr_node *n, const struct json *in, size_t want)
{
	return eval_node(ev, n->kids[0], in, want) < 0 && ev->limit ? -1 : 0;
}

int eval_node(struct eval *ev, const struct expr_node *n, const struct json *in, size_t want)
{
	if (!eval_charge(ev, 1))
		return -1;
	switch (n->kind) {
	case EXPR_SELF:
	case EXPR_CONST:
	case EXPR_FORMAT:
		return eval_simple(ev, n, in);
	case EXPR_FIELD:
	case EXPR_NEGATE:
		return eval_on_base(ev, n, in, want);
	case EXPR_EACH:
		return eval_every(ev, n, in, want);
	case EXPR_OPTIONAL:
		return eval_optional(ev, n, in, want);
	case EXPR_PIPE:
		return eval_pipe(ev, n, in, want);
	case EXPR_COMMA:
		return eval_comma(ev, n, in, want);
	case EXPR_ALTERNATIVE:
		return eval_alternative(ev, n, in, want);
	case EXPR_AND:
	case EXPR_OR:
		return eval_logic(ev, n, in);
	case EXPR_IF:
		return eval_if(ev, n, in, want);
	case EXPR_ARRAY:
		return eval_collect(ev, n, in);
	case EXPR_CALL:
		return eval_call(ev, n, in, want);
	case EXPR_INDEX:
	case EXPR_SLICE:
	case EXPR_BINARY:
	case EXPR_TEXT:
	case EXPR_OBJECT:
		return eval_product(ev, n, in);
	}
	return eval_fail(ev, "a node of kind %d", (int)n->kind);
}
