/* expr.c - libFuzzer: PROGRAM, a NUL, INPUT. Nothing may crash, hang or grow without bound; what was parsed is
 * also checked, asked for its names and read as a template. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "config/expr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_ref(void *arg, const struct str *keys, size_t n, size_t offset, size_t length)
{
	struct str *source = arg;

	(void)keys;
	(void)n;
	if (offset > source->n || length > source->n - offset)
		abort();
}

static void on_mistake(void *arg, const struct expr_error *error)
{
	on_ref(arg, NULL, 0, error->offset, error->length);
}

static void evaluate(struct arena *a, const struct expr *e, struct str input)
{
	const struct json *root = json_null(), *v;
	struct err err;
	bool truth;

	json_parse(a, input, NULL, &root, &err);
	if (expr_eval_all(e, root, a, &v, &err) == 0)
		json_size(v);
	if (expr_eval(e, root, a, &v, &err) == 0)
		json_size(v);
	expr_test(e, root, &truth, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const roots[] = {"input", "steps", "vars"};
	struct arena *a = arena_new(NULL);
	struct str all = {(const char *)data, size}, source, input = STR("null"), text;
	ptrdiff_t nul = str_chr(all, '\0');
	const struct expr *e;
	const struct tmpl *t;
	struct expr_error error;
	struct err err;

	source = nul < 0 ? all : str_sub(all, 0, (size_t)nul);
	if (nul >= 0)
		input = str_sub(all, (size_t)nul + 1, size);
	if (expr_parse(a, source, &e, &error) == 0) {
		expr_refs(e, on_ref, &source);
		expr_check(e, roots, 3, on_mistake, &source);
		evaluate(a, e, input);
	} else if (error.length == 0 || error.offset > source.n) {
		abort();
	}
	if (tmpl_parse(a, source, &t, &error) == 0) {
		tmpl_refs(t, on_ref, &source);
		tmpl_check(t, roots, 3, on_mistake, &source);
		tmpl_eval_text(t, json_null(), a, &text, &err);
	}
	arena_free(a);
	return 0;
}
