/* expr_scalar.c - rounding, not, empty, error. */
#include <math.h>

#include "config/expr_eval.h"

static const struct json *rounded(struct eval *ev, const struct json *in, const char *name, double (*fn)(double))
{
	struct eval_shown room;

	if (!json_is_number(in))
		return eval_raise(ev, "%s needs a number, got %s", name, eval_describe(&room, in));
	return json_type(in) == JSON_INT ? in : eval_double(ev, fn(json_to_double(in)));
}

static const struct json *down(struct eval *ev, const struct json *in, const struct json *const *args)
{
	(void)args;
	return rounded(ev, in, "floor", floor);
}

static const struct json *up(struct eval *ev, const struct json *in, const struct json *const *args)
{
	(void)args;
	return rounded(ev, in, "ceil", ceil);
}

static const struct json *nearest(struct eval *ev, const struct json *in, const struct json *const *args)
{
	(void)args;
	return rounded(ev, in, "round", round);
}

static const struct json *root(struct eval *ev, const struct json *in, const struct json *const *args)
{
	struct eval_shown room;

	(void)args;
	if (!json_is_number(in))
		return eval_raise(ev, "sqrt needs a number, got %s", eval_describe(&room, in));
	return eval_double(ev, sqrt(json_to_double(in)));
}

static const struct json *negation(struct eval *ev, const struct json *in, const struct json *const *args)
{
	(void)ev;
	(void)args;
	return json_bool(!json_truth(in));
}

static int empty(struct eval *ev, const struct expr_node *call, const struct json *in, size_t want)
{
	(void)ev;
	(void)call;
	(void)in;
	(void)want;
	return 0;
}

static const struct json *raise_value(struct eval *ev, const struct json *v)
{
	struct eval_shown room;

	if (json_type(v) == JSON_STRING)
		return eval_raise(ev, STR_FMT, STR_ARG(eval_head(json_str(v), 300)));
	return eval_raise(ev, "error: %s (not a string)", eval_describe(&room, v));
}

static const struct json *error_input(struct eval *ev, const struct json *in, const struct json *const *args)
{
	(void)args;
	return raise_value(ev, in);
}

static const struct json *error_argument(struct eval *ev, const struct json *in, const struct json *const *args)
{
	(void)in;
	return raise_value(ev, args[0]);
}

const struct expr_builtin expr_scalar_builtins[] = {
	{"floor", 0, EXPR_T_NUMBER, EXPR_T_NUMBER, {0}, down, NULL, false},
	{"ceil", 0, EXPR_T_NUMBER, EXPR_T_NUMBER, {0}, up, NULL, false},
	{"round", 0, EXPR_T_NUMBER, EXPR_T_NUMBER, {0}, nearest, NULL, false},
	{"sqrt", 0, EXPR_T_NUMBER, EXPR_T_NUMBER | EXPR_T_NULL, {0}, root, NULL, false},
	{"not", 0, EXPR_T_ANY, EXPR_T_BOOLEAN, {0}, negation, NULL, false},
	{"empty", 0, EXPR_T_ANY, EXPR_T_NONE, {0}, NULL, empty, true},
	{"error", 0, EXPR_T_ANY, EXPR_T_NONE, {0}, error_input, NULL, false},
	{"error", 1, EXPR_T_ANY, EXPR_T_NONE, {EXPR_T_ANY}, error_argument, NULL, true},
	{.name = NULL},
};
