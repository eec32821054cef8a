/* cmd_files.c - commands on files: validate, schema. No database. */
#include <stdio.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/json.h"
#include "config/catalog.h"
#include "config/routing.h"
#include "ctl/commands.h"
#include "gateway/gateway.h"

static void validate_path(struct ctl *c, const char *path, struct diags *d)
{
	struct stat st;
	struct err err;
	const char *root;

	if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode)) {
		catalog_check_file(c->arena, path, d);
		return;
	}
	root = catalog_root(c->arena, path, &err);
	if (!root)
		diag_error(d, ((struct place){path, 0, 0}), "%s", err.msg);
	else
		catalog_load(c->arena, root, d);
}

static int validate(struct ctl *c, int argc, char **argv)
{
	struct diags *d = diags_new(c->arena);
	size_t errors, warnings;

	if (argc < 2) {
		int status = ctl_settings(c);

		if (status)
			return status;
		validate_path(c, c->settings->config_dir, d);
	}
	for (int i = 1; i < argc; i++)
		validate_path(c, argv[i], d);
	errors = diag_errors(d);
	warnings = diag_warnings(d);
	if (c->json) {
		print_json(c, diag_json(d, c->arena));
	} else {
		print_diags(c, d);
		if (errors || warnings)
			fprintf(stderr, "%zu error%s, %zu warning%s\n", errors, errors == 1 ? "" : "s", warnings,
				warnings == 1 ? "" : "s");
		else
			puts("valid");
	}
	return errors ? err_exit_status(ERR_CONFIG) : 0;
}

const struct command cmd_validate = {
	"validate", "[FILE|DIR]...",
	"check files, or a whole configuration root; every error with its place", validate,
};

static int schema(struct ctl *c, int argc, char **argv)
{
	const struct json *v;
	struct err err;
	struct buf b;

	if (argc != 2)
		return ctl_usage(c, &cmd_schema);
	v = catalog_schema(c->arena, argv[1], &err);
	if (!v)
		return ctl_fail(c, &err);
	buf_init(&b, c->arena);
	json_write_pretty(&b, v);
	printf("%s\n", buf_cstr(&b));
	return 0;
}

const struct command cmd_schema = {
	"schema", "workflow|routing|tool|risk|hook|settings", "a JSON Schema of that kind of file, for editors", schema,
};

static void print_tier(struct table *t, struct str tier, const struct json *steps)
{
	for (size_t i = 0; i < json_len(steps); i++) {
		const struct json *s = json_at(steps, i);

		table_cell(t, i == 0 ? tier : STR(""));
		table_cell(t, cell(s, "model"));
		table_cell(t, cell(s, "provider"));
		table_cell(t, cell(s, "configured"));
		table_cell(t, cell(s, "reason"));
	}
}

static void warn_of_keys(struct ctl *c, const struct json *steps, const char **last)
{
	for (size_t i = 0; i < json_len(steps); i++) {
		struct str warning = cell(json_at(steps, i), "warning");

		if (!warning.n || str_is(warning, *last))
			continue;
		*last = str_cstr(c->arena, warning);
		print_error(arena_printf(c->arena, "warning: %s", *last));
	}
}

static void print_tiers(struct ctl *c, const struct json *tiers)
{
	static const char *const headings[] = {"TIER", "MODEL", "PROVIDER", "CONFIGURED", "WHY"};
	struct table *t = table_new(c->arena, headings, 5);

	for (size_t i = 0; i < json_len(tiers); i++)
		print_tier(t, json_key(tiers, i), json_val(tiers, i));
	table_print(t);
}

static void print_mode(struct ctl *c, const struct routing *r)
{
	const struct json *shadow = gateway_describe_shadow(c->arena, r);

	if (r->mode == MODE_OFF)
		puts("mode off: no model is asked");
	if (r->mode != MODE_SHADOW)
		return;
	printf("mode shadow: the gateway at " STR_FMT " answers, and the steps above are only compared with it\n",
	       STR_ARG(cell(shadow, "base_url").n ? cell(shadow, "base_url") : STR("(no address)")));
	if (cell(shadow, "reason").n)
		printf("it is not configured: " STR_FMT "\n", STR_ARG(cell(shadow, "reason")));
}

static void print_routing(struct ctl *c, const struct routing *r, const struct json *tiers)
{
	const char *last = "";

	print_tiers(c, tiers);
	print_mode(c, r);
	for (size_t i = 0; i < json_len(tiers); i++)
		warn_of_keys(c, json_val(tiers, i), &last);
}

/* Which steps of each tier can be taken here, given the environment: says plainly what would be used. */
static int route(struct ctl *c, int argc, char **argv)
{
	struct diags *d = diags_new(c->arena);
	const struct catalog *catalog;
	const struct json *tiers;
	struct err err = {0};
	int status;

	(void)argv;
	if (argc != 1)
		return ctl_usage(c, &cmd_route);
	status = ctl_settings(c);
	if (status)
		return status;
	catalog = catalog_load(c->arena, c->settings->config_dir, d);
	if (!catalog || !catalog->routing) {
		err_set(&err, ERR_CONFIG, "no valid policies/routing.yaml in \"%s\"", c->settings->config_dir);
		return ctl_refuse(c, d, &err);
	}
	tiers = gateway_describe(c->arena, catalog->routing, NULL);
	if (c->json)
		print_json(c, tiers);
	else
		print_routing(c, catalog->routing, tiers);
	return 0;
}

const struct command cmd_route = {
	"route", "", "each tier's steps and whether this environment has what they need", route,
};
