/* cmd_policy.c - policy test, and the policy that a command is about. No database. */
#include <stdio.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/json.h"
#include "config/catalog.h"
#include "config/policy_judge.h"
#include "ctl/commands.h"

/* The policy of a file, or of a configuration root; *root NULL: a file that stands in none. */
static const struct policy *read_policy(struct ctl *c, const char *path, const char **root, struct diags *d, struct err *err)
{
	struct stat st;
	struct str text;

	*root = catalog_root(c->arena, path, err);
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
		if (!*root)
			return NULL;
		path = arena_printf(c->arena, "%s/policies/risk.yaml", *root);
	}
	if (file_read(c->arena, path, CATALOG_FILE_BYTES, &text, err) < 0)
		return NULL;
	err_set(err, ERR_CONFIG, "\"%s\" has errors", path);
	return policy_parse(c->arena, path, text, d);
}

const struct policy *ctl_policy(struct ctl *c, const char *path, const char **root, struct diags *d, int *status)
{
	const struct policy *p;
	struct err err = {0};

	*status = path ? 0 : ctl_settings(c);
	if (*status)
		return NULL;
	p = read_policy(c, path ? path : c->settings->config_dir, root, d, &err);
	if (!p)
		*status = ctl_refuse(c, d, &err);
	return p;
}

/* --- policy test --- */

static int test(struct ctl *c, int argc, char **argv)
{
	struct diags *d = diags_new(c->arena);
	size_t n = 0, failed = 0;
	struct json_builder b;

	for (int i = 1; i < argc || i == 1; i++) {
		const struct policy *p;
		const char *root;
		int status;

		p = ctl_policy(c, i < argc ? argv[i] : NULL, &root, d, &status);
		if (!p)
			return status;
		n += p->n_tests;
		failed += policy_test(p, d);
	}
	if (c->json) {
		json_object_begin(&b, c->arena);
		json_object_setc(&b, "tests", json_int(c->arena, (int64_t)n));
		json_object_setc(&b, "failed", json_int(c->arena, (int64_t)failed));
		json_object_setc(&b, "failures", diag_json(d, c->arena));
		print_json(c, json_object_end(&b));
	} else {
		print_diags(c, d);
		printf("%zu test%s, %zu failed\n", n, n == 1 ? "" : "s", failed);
	}
	return failed ? 1 : 0;
}

const struct command cmd_policy_test = {
	"policy test", "[FILE|DIR]...", "run the tests inside a risk policy; each that fails with its place", test,
};
