/* expr_eval.c - evaluates one expression or template, for the examples of the manual.
 *
 * expr_eval expr|tmpl TEXT ROOT-AS-JSON: prints the value as compact JSON, or "error". The reason goes to standard
 * error. Exit status 0 either way; 2 on wrong usage.
 */
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "config/expr.h"

static int evaluate(struct arena *a, const char *mode, struct str text, const struct json *root, const struct json **ret,
		    struct err *err)
{
	struct expr_error error;
	const struct expr *e;
	const struct tmpl *t;

	if (strcmp(mode, "expr") == 0 && expr_parse(a, text, &e, &error) == 0)
		return expr_eval(e, root, a, ret, err);
	if (strcmp(mode, "tmpl") == 0 && tmpl_parse(a, text, &t, &error) == 0)
		return tmpl_eval(t, root, a, ret, err);
	return err_set(err, ERR_SYNTAX, "at %zu: %s", error.offset, error.msg);
}

int main(int argc, char **argv)
{
	struct arena *a = arena_new(NULL);
	const struct json *root, *v;
	struct err err;

	if (argc != 4 || (strcmp(argv[1], "expr") != 0 && strcmp(argv[1], "tmpl") != 0)) {
		fputs("usage: expr_eval expr|tmpl TEXT ROOT-AS-JSON\n", stderr);
		return 2;
	}
	if (json_parse(a, str_from(argv[3]), NULL, &root, &err) < 0) {
		fprintf(stderr, "the root is not JSON: %s\n", err.msg);
		return 2;
	}
	if (evaluate(a, argv[1], str_from(argv[2]), root, &v, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		puts("error");
	} else {
		puts(json_text(a, v).p);
	}
	arena_free(a);
	return 0;
}
