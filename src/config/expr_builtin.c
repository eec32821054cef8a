/* expr_builtin.c - the list of families and look-up by name. */
#include "base/json.h"
#include "config/expr_eval.h"

static const struct expr_builtin *const families[] = {
	expr_array_builtins, expr_object_builtins, expr_string_builtins,
	expr_scalar_builtins, expr_regex_builtins, expr_order_builtins,
};

enum { N_FAMILIES = sizeof families / sizeof *families, MAX_NAMES = 128 };

const struct expr_builtin *expr_builtin_find(struct str name, size_t n_args)
{
	for (size_t f = 0; f < N_FAMILIES; f++)
		for (const struct expr_builtin *b = families[f]; b->name; b++)
			if (b->n_args == n_args && str_is(name, b->name))
				return b;
	return NULL;
}

const char *expr_builtin_nearest(struct str name)
{
	const char *names[MAX_NAMES] = {"null", "true", "false"};
	size_t n = 3;

	for (size_t f = 0; f < N_FAMILIES; f++)
		for (const struct expr_builtin *b = families[f]; b->name && n < MAX_NAMES; b++)
			names[n++] = b->name;
	return str_nearest(name, names, n);
}
