/* expr_run.c - from a program and a root to a result that outlives the machine. */
#include "base/arena.h"
#include "config/expr_eval.h"
#include "config/expr_run.h"

/* Names from the root: no machine, no memory. */
static int follow(const struct expr_node *n, const struct json *root, const struct json **ret, struct err *err)
{
	const struct json *base = root;

	if (n->kind == EXPR_SELF) {
		*ret = root ? root : json_null();
		return 0;
	}
	if (follow(n->kids[0], root, &base, err) < 0)
		return -1;
	*ret = expr_index(base, n->value, err);
	return *ret ? 0 : -1;
}

static int fail_of(const struct eval *ev, struct err *err)
{
	return err_copy(err, &ev->err);
}

int expr_run(struct eval *ev, const struct expr *e, const struct json *root, const struct json **ret, struct err *err)
{
	int rc;

	if (e->is_path)
		return follow(e->node, root, ret, err);
	ev->top = 0;
	rc = eval_node(ev, e->node, root ? root : json_null(), 2);
	if (ev->limit || (rc < 0 && ev->top < 2))
		return fail_of(ev, err);
	if (ev->top == 0)
		return err_set(err, ERR_EXPRESSION, "the expression gave no output, exactly one is wanted");
	if (ev->top > 1) {
		err_set(err, ERR_EXPRESSION, "the expression gave more than one output, exactly one is wanted");
		return err_hint(err, "collect them in an array with [ ], or take one with first( )");
	}
	*ret = ev->stack[0];
	return 0;
}

int expr_keep(struct eval *ev, const struct expr *e, const struct json *v, struct arena *a, const struct json **ret,
	      struct err *err)
{
	size_t bytes;

	if (e->is_path || e->is_part) {
		*ret = v;
		return 0;
	}
	if (eval_measure(ev, v, &bytes) < 0)
		return fail_of(ev, err);
	*ret = json_copy(a, v);
	return 0;
}

int expr_eval(const struct expr *e, const struct json *root, struct arena *a, const struct json **ret, struct err *err)
{
	const struct json *v;
	struct eval ev;
	int rc;

	if (e->is_path)
		return follow(e->node, root, ret, err);
	eval_begin(&ev);
	rc = expr_run(&ev, e, root, &v, err);
	if (rc == 0)
		rc = expr_keep(&ev, e, v, a, ret, err);
	eval_end(&ev);
	return rc;
}

int expr_eval_all(const struct expr *e, const struct json *root, struct arena *a, const struct json **ret,
		  struct err *err)
{
	const struct json *v = NULL;
	struct eval ev;
	size_t bytes;

	eval_begin(&ev);
	if (eval_node(&ev, e->node, root ? root : json_null(), SIZE_MAX) == 0)
		v = eval_array(&ev, ev.stack, ev.top);
	if (v && eval_measure(&ev, v, &bytes) == 0)
		*ret = json_copy(a, v);
	else
		v = NULL;
	if (!v)
		fail_of(&ev, err);
	eval_end(&ev);
	return v ? 0 : -1;
}

int expr_test(const struct expr *e, const struct json *root, bool *ret, struct err *err)
{
	const struct json *v;
	struct eval ev;
	int rc;

	if (e->is_path) {
		rc = follow(e->node, root, &v, err);
		if (rc == 0)
			*ret = json_truth(v);
		return rc;
	}
	eval_begin(&ev);
	rc = expr_run(&ev, e, root, &v, err);
	if (rc == 0)
		*ret = json_truth(v);
	eval_end(&ev);
	return rc;
}
