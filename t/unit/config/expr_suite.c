/* expr_suite.c - runs t/expr/ *.test: groups of program, input and outputs, as the jq program has them.
 *
 * A group is a line with the program, a line with the input, and one line for each output; a blank line
 * ends it. `%%FAIL` before the program: it must fail, and the line behind the input is a part of the
 * message. `#nojq` before a group keeps it from the oracle (t/0110-expr-oracle.t). Other lines that begin
 * with `#` between groups are comments. Plain TAP, one test for each group.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "config/expr.h"

enum { MAX_LINES = 64 };

struct group {
	bool must_fail;
	size_t line;		/* of the program */
	size_t n;
	struct str lines[MAX_LINES];	/* program, input, outputs */
};

static unsigned n_tests, n_failed;

static void report(bool ok, const char *file, const struct group *g, struct str got)
{
	printf("%sok %u - %s:%zu " STR_FMT "\n", ok ? "" : "not ", ++n_tests, file, g->line, STR_ARG(g->lines[0]));
	if (ok)
		return;
	n_failed++;
	printf("# input:    " STR_FMT "\n", STR_ARG(g->lines[1]));
	for (size_t i = 2; i < g->n; i++)
		printf("# expected: " STR_FMT "\n", STR_ARG(g->lines[i]));
	printf("# got:      " STR_FMT "\n", STR_ARG(got));
}

/* All outputs, a line each; or the message. */
static int outputs(struct arena *a, const struct group *g, struct buf *out)
{
	const struct json *input, *all;
	struct expr_error where;
	const struct expr *e;
	struct err err;

	if (expr_parse(a, g->lines[0], &e, &where) < 0) {
		buf_addf(out, "%s [%s]", where.msg, where.hint);
		return -1;
	}
	if (json_parse(a, g->lines[1], NULL, &input, &err) < 0 || expr_eval_all(e, input, a, &all, &err) < 0) {
		buf_adds(out, err.msg);
		return -1;
	}
	for (size_t i = 0; i < json_len(all); i++) {
		if (i)
			buf_addc(out, '\n');
		json_write(out, json_at(all, i));
	}
	return 0;
}

static void run_group(const char *file, const struct group *g)
{
	struct arena *a = arena_new(NULL);
	struct buf got, wanted;
	bool failed;

	buf_init(&got, a);
	buf_init(&wanted, a);
	for (size_t i = 2; i < g->n; i++) {
		if (i > 2)
			buf_addc(&wanted, '\n');
		buf_addstr(&wanted, g->lines[i]);
	}
	failed = outputs(a, g, &got) < 0;
	if (g->must_fail)
		report(failed && wanted.n && str_find(buf_str(&got), buf_str(&wanted)) >= 0, file, g, buf_str(&got));
	else
		report(!failed && str_eq(buf_str(&got), buf_str(&wanted)), file, g, buf_str(&got));
	arena_free(a);
}

static void end_group(const char *file, struct group *g)
{
	if (g->n == 1) {
		printf("Bail out! %s:%zu: a group without input\n", file, g->line);
		exit(1);
	}
	if (g->n)
		run_group(file, g);
	memset(g, 0, sizeof *g);
}

static void run_file(const char *dir, const char *name)
{
	struct arena *a = arena_new(NULL);
	struct group g = {0};
	struct str text;
	struct err err;
	size_t line = 0;

	if (file_read(a, arena_printf(a, "%s/%s", dir, name), 1 << 20, &text, &err) < 0) {
		printf("Bail out! %s\n", err.msg);
		exit(1);
	}
	while (text.n) {
		ptrdiff_t end = str_chr(text, '\n');
		struct str here = str_sub(text, 0, end < 0 ? text.n : (size_t)end);

		text = str_sub(text, here.n + 1, text.n);
		line++;
		if (here.n == 0) {
			end_group(name, &g);
		} else if (str_is(here, "%%FAIL") && g.n == 0) {
			g.must_fail = true;
		} else if (g.n > 0 || here.p[0] != '#') {
			if (g.n == 0)
				g.line = line;
			if (g.n < MAX_LINES)
				g.lines[g.n++] = here;
		}
	}
	end_group(name, &g);
	arena_free(a);
}

static int is_test(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return n > 5 && strcmp(d->d_name + n - 5, ".test") == 0;
}

int main(void)
{
	const char *top = getenv("top_srcdir");
	struct arena *a = arena_new(NULL);
	const char *dir = arena_printf(a, "%s/t/expr", top ? top : ".");
	struct dirent **found;
	int n = scandir(dir, &found, is_test, alphasort);

	if (n <= 0) {
		printf("Bail out! no tests in %s\n", dir);
		return 1;
	}
	for (int i = 0; i < n; i++) {
		run_file(dir, found[i]->d_name);
		free(found[i]);
	}
	free(found);
	printf("1..%u\n", n_tests);
	arena_free(a);
	return n_failed ? 1 : 0;
}
