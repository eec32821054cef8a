/* cmd_admin.c - the operator's commands: migrate, reload, workflows, doctor, version. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/json.h"
#include "config/catalog.h"
#include "ctl/commands.h"
#include "publish/publish.h"
#include "store/admin.h"

static const char *sql_dir(void)
{
	const char *dir = getenv("AGENTD_SQL");

	return dir ? dir : AGENTD_DATADIR "/sql";
}

static int migrate(struct ctl *c, int argc, char **argv)
{
	struct migrate_report r;
	struct err err;
	bool dry = argc == 2 && str_is(str_from(argv[1]), "--dry-run");
	int status = ctl_settings(c);

	if (argc != 1 && !dry)
		return ctl_usage(&cmd_migrate);
	if (status)
		return status;
	if (migrate_run(c->settings->database, sql_dir(), dry, &r, &err) < 0)
		return ctl_fail(c, &err);
	if (c->json)
		printf("{\"from\":%d,\"to\":%d}\n", r.from, r.to);
	else if (r.from == r.to)
		printf("schema is at version %d\n", r.to);
	else
		printf("schema %s from version %d to %d\n", dry ? "would go" : "went", r.from, r.to);
	return 0;
}

const struct command cmd_migrate = {
	"migrate", "[--dry-run]", "bring the database schema up to this version, under a lock", migrate,
};

static void print_names(const struct json *answer, const char *key)
{
	const struct json *names = json_getc(answer, key);

	if (json_len(names) == 0)
		return;
	printf("%s:", key);
	for (size_t i = 0; i < json_len(names); i++) {
		putchar(' ');
		print_text(json_str(json_at(names, i)));
	}
	putchar('\n');
}

static int reload(struct ctl *c, int argc, char **argv)
{
	struct diags *d = diags_new(c->arena);
	const struct catalog *catalog;
	const struct json *answer;
	struct ctl_call call = {.ctl = c, .text_of = admin_text_of};
	struct err err;
	int status = ctl_settings(c);

	(void)argv;
	if (argc != 1)
		return ctl_usage(&cmd_reload);
	if (status)
		return status;
	catalog = catalog_load(c->arena, c->settings->config_dir, d);
	if (!catalog) {
		print_diags(c, d);
		err_set(&err, ERR_CONFIG, "nothing was changed: the files have %zu errors", diag_errors(d));
		return ctl_fail(c, &err);
	}
	if (diag_warnings(d))
		fprintf(stderr, "%zu warning%s (agentctl validate shows them)\n", diag_warnings(d), diag_warnings(d) == 1 ? "" : "s");
	status = ctl_open(c);
	if (status)
		return status;
	answer = ctl_wait_json(&call, publish_catalog(c->store, arena_new(NULL), catalog, ctl_done, &call), &err);
	if (!answer)
		return ctl_fail(c, &err);
	if (c->json) {
		print_json(c, answer);
		return 0;
	}
	print_names(answer, "activated");
	print_names(answer, "unchanged");
	print_names(answer, "deactivated");
	return 0;
}

const struct command cmd_reload = {
	"reload", "", "make the workflows on disk the active ones, all or none", reload,
};

static int workflows(struct ctl *c, int argc, char **argv)
{
	static const char *const headings[] = {"WORKFLOW", "BUNDLE", "ACTIVE SINCE", "DESCRIPTION"};
	struct ctl_call call = {.ctl = c, .text_of = admin_text_of};
	const struct json *answer, *rows;
	struct table *t;
	struct err err;
	int status = ctl_open(c);

	(void)argv;
	if (argc != 1)
		return ctl_usage(&cmd_workflows);
	if (status)
		return status;
	answer = ctl_wait_json(&call, admin_workflows(c->store, arena_new(NULL), 10000, ctl_done, &call), &err);
	if (!answer)
		return ctl_fail(c, &err);
	if (c->json) {
		print_json(c, answer);
		return 0;
	}
	rows = json_getc(answer, "workflows");
	t = table_new(c->arena, headings, 4);
	for (size_t i = 0; i < json_len(rows); i++) {
		const struct json *w = json_at(rows, i);

		table_cell(t, cell(w, "name"));
		table_cell(t, str_sub(cell(w, "bundle"), 0, 12));
		table_cell(t, cell(w, "activated_at"));
		table_cell(t, cell(w, "description"));
	}
	table_print(t);
	return 0;
}

const struct command cmd_workflows = {
	"workflows", "", "the active workflows", workflows,
};

static int doctor(struct ctl *c, int argc, char **argv)
{
	static const char *const headings[] = {"CHECK", "", "DETAIL"};
	struct ctl_call call = {.ctl = c, .text_of = admin_text_of};
	const struct json *answer, *checks;
	struct table *t;
	struct err err;
	bool bad = false;
	int status = ctl_open(c);

	(void)argv;
	if (argc != 1)
		return ctl_usage(&cmd_doctor);
	if (status)
		return status;
	answer = ctl_wait_json(&call, admin_doctor(c->store, arena_new(NULL), ctl_done, &call), &err);
	if (!answer)
		return ctl_fail(c, &err);
	checks = json_getc(answer, "checks");
	t = table_new(c->arena, headings, 3);
	for (size_t i = 0; i < json_len(checks); i++) {
		const struct json *row = json_at(checks, i);
		bool ok = json_is_true(json_getc(row, "ok"));

		if (!ok && !str_is(cell(row, "level"), "warning"))
			bad = true;
		table_cell(t, cell(row, "name"));
		table_cell(t, ok ? STR("ok") : str_is(cell(row, "level"), "warning") ? STR("warning") : STR("BAD"));
		table_cell(t, cell(row, "detail"));
	}
	if (c->json)
		print_json(c, answer);
	else
		table_print(t);
	return bad ? 1 : 0;
}

const struct command cmd_doctor = {
	"doctor", "", "check the database's settings, extensions, partitions and age", doctor,
};

static int version(struct ctl *c, int argc, char **argv)
{
	(void)argv;
	if (argc != 1)
		return ctl_usage(&cmd_version);
	if (c->json)
		puts("{\"version\":\"" AGENTD_VERSION "\"}");
	else
		puts("agentctl " AGENTD_VERSION);
	return 0;
}

const struct command cmd_version = {
	"version", "", "print the version", version,
};
