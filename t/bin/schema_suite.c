/* The official test suite of JSON Schema (draft2020-12): every group of every file, TAP, one line for each file.
 *
 *	suite DIR		DIR holds the files; those of DIR/optional are counted, not demanded, but for what is listed here
 *	suite --skipped		what is skipped, one line each: FILE <TAB> GROUP (or *) <TAB> WHY
 *
 * Values here hold no NUL: where the suite has one, U+FFFD is read. A group whose schema is refused fails with all its tests. A case that is skipped but would pass fails, so that the list stays
 * exact.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "schema/schema.h"

static const struct {
	const char *file, *group, *why;	/* group NULL: all of the file */
} skipped[] = {
	{"refRemote.json", NULL, "schemas at other addresses"},
	{"vocabulary.json", NULL, "metaschemas at other addresses"},
	{"dynamicRef.json", "strict-tree schema, guards against misspelled properties", "schemas at other addresses"},
	{"dynamicRef.json", "tests for implementation dynamic anchor and reference link", "schemas at other addresses"},
	{"dynamicRef.json", "$ref and $dynamicAnchor are independent of order - $defs first", "schemas at other addresses"},
	{"dynamicRef.json", "$ref and $dynamicAnchor are independent of order - $ref first", "schemas at other addresses"},
	{"dynamicRef.json", "$ref to $dynamicRef finds detached $dynamicAnchor", "schemas at other addresses"},
};

/* Of DIR/optional: all of these must pass. */
static const char *const demanded[] = {
	"anchor.json", "bignum.json", "dependencies-compatibility.json", "dynamicRef.json", "ecmascript-regex.json",
	"float-overflow.json", "id.json", "no-schema.json", "non-bmp-regex.json", "refOfUnknownKeyword.json", "unknownKeyword.json",
};

struct count {
	size_t passed, failed, skipped;
};

static int n_lines, n_bad;

static const char *why_skipped(const char *file, struct str group)
{
	for (size_t i = 0; i < sizeof skipped / sizeof skipped[0]; i++)
		if (!strcmp(file, skipped[i].file) && (!skipped[i].group || str_is(group, skipped[i].group)))
			return skipped[i].why;
	return NULL;
}

/* How many tests of the group come out as they should. */
static size_t run_group(struct arena *a, const struct json *group, bool quiet)
{
	struct schema_faults faults = {.a = a};
	const struct schema *s = schema_compile(a, json_getc(group, "schema"), &faults);
	const struct json *tests = json_getc(group, "tests");
	size_t passed = 0;

	if (!s && !quiet)
		printf("# refused: " STR_FMT ": " STR_FMT ": " STR_FMT "\n", STR_ARG(json_str(json_getc(group, "description"))),
		       STR_ARG(faults.v[0].pointer), STR_ARG(faults.v[0].message));
	for (size_t i = 0; s && i < json_len(tests); i++) {
		const struct json *t = json_at(tests, i), *data = json_getc(t, "data");
		bool valid = json_is_true(json_getc(t, "valid"));
		struct schema_faults wrong = {.a = a};
		bool fits = schema_check(s, data, &wrong);

		if (fits == valid && fits == schema_check(s, data, NULL) && (fits || wrong.n > 0)) {
			passed++;
			continue;
		}
		if (!quiet)
			printf("# " STR_FMT ": " STR_FMT ": expected %s\n", STR_ARG(json_str(json_getc(group, "description"))),
			       STR_ARG(json_str(json_getc(t, "description"))), valid ? "valid" : "invalid");
	}
	return passed;
}

static bool run_file(const char *dir, const char *name, bool must, struct count *sum)
{
	struct count here = {0, 0, 0};
	struct arena *a = arena_new(NULL);
	const struct json *groups = NULL;
	bool stale = false;
	struct str text;
	struct err err;

	if (file_read(a, arena_printf(a, "%s/%s", dir, name), 16 << 20, &text, &err) < 0 ||
	    json_parse_lenient(a, text, NULL, &groups, &err) < 0) {
		printf("not ok %d - %s: %s\n", ++n_lines, name, err.msg);
		n_bad++;
		arena_free(a);
		return false;
	}
	for (size_t i = 0; i < json_len(groups); i++) {
		const struct json *group = json_at(groups, i);
		const char *why = why_skipped(name, json_str(json_getc(group, "description")));
		size_t n = json_len(json_getc(group, "tests")), passed = run_group(a, group, why || !must);

		if (!why) {
			here.passed += passed;
			here.failed += n - passed;
			continue;
		}
		here.skipped += n;
		if (passed == n) {
			printf("# " STR_FMT ": is skipped (%s), but passes\n", STR_ARG(json_str(json_getc(group, "description"))), why);
			stale = true;
		}
	}
	printf("%sok %d - %s: %zu passed, %zu failed, %zu skipped%s\n", must && (here.failed || stale) ? "not " : "", ++n_lines,
	       name, here.passed, here.failed, here.skipped, must ? "" : " # counted only");
	n_bad += must && (here.failed || stale);
	sum->passed += here.passed;
	sum->failed += here.failed;
	sum->skipped += here.skipped;
	arena_free(a);
	return true;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool is_demanded(const char *name)
{
	for (size_t i = 0; i < sizeof demanded / sizeof demanded[0]; i++)
		if (!strcmp(name, demanded[i]))
			return true;
	return false;
}

static void run_directory(const char *dir, bool optional)
{
	struct arena *a = arena_new(NULL);
	struct count sum = {0, 0, 0};
	const char *names[200];
	struct dirent *e;
	size_t n = 0;
	DIR *d = opendir(dir);

	while (d && n < 200 && (e = readdir(d)))
		if (str_ends(str_from(e->d_name), STR(".json")))
			names[n++] = arena_strdup(a, e->d_name);
	if (d)
		closedir(d);
	qsort(names, n, sizeof names[0], by_name);
	for (size_t i = 0; i < n; i++)
		run_file(dir, names[i], !optional || is_demanded(names[i]), &sum);
	printf("# %s: %zu passed, %zu failed, %zu skipped\n", optional ? "optional" : "required", sum.passed, sum.failed, sum.skipped);
	if (n == 0)
		n_bad++;
	arena_free(a);
}

int main(int argc, char **argv)
{
	struct arena *a = arena_new(NULL);

	if (argc == 2 && !strcmp(argv[1], "--skipped")) {
		for (size_t i = 0; i < sizeof skipped / sizeof skipped[0]; i++)
			printf("%s\t%s\t%s\n", skipped[i].file, skipped[i].group ? skipped[i].group : "*", skipped[i].why);
	} else if (argc == 2) {
		run_directory(argv[1], false);
		run_directory(arena_printf(a, "%s/optional", argv[1]), true);
		printf("1..%d\n", n_lines);
	} else {
		fprintf(stderr, "usage: suite DIR | --skipped\n");
		n_bad = 2;
	}
	arena_free(a);
	return n_bad > 0;
}
