/* cmd_admin.c - the operator's commands: migrate, reload, workflows, pause, resume, lanes, version. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/json.h"
#include "config/catalog.h"
#include "ctl/commands.h"
#include "publish/publish.h"
#include "store/admin.h"
#include "store/tasks.h"

enum { CALL_MS = 10000 };

const char *ctl_sql_dir(void)
{
	const char *dir = getenv("AGENTD_SQL");

	return dir ? dir : AGENTD_DATADIR "/sql";
}

static int migrate(struct ctl *c, int argc, char **argv)
{
	struct migrate_report r;
	struct err err = {0};
	bool dry = argc == 2 && str_is(str_from(argv[1]), "--dry-run");
	int status;

	if (argc != 1 && !dry)
		return ctl_usage(c, &cmd_migrate);
	status = ctl_settings(c);
	if (status)
		return status;
	if (migrate_run(c->settings->database, ctl_sql_dir(), dry, &r, &err) < 0)
		return ctl_fail(c, &err);
	if (c->json)
		printf("{\"from\":%d,\"to\":%d,\"functions\":%s}\n", r.from, r.to, r.functions ? "true" : "false");
	else if (r.from == r.to)
		printf("schema is at version %d%s\n", r.to, !r.functions ? "" : dry ? ", functions would be replaced" : ", functions replaced");
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

static void print_reloaded(struct ctl *c, const struct json *answer)
{
	(void)c;
	print_names(answer, "activated");
	print_names(answer, "unchanged");
	print_names(answer, "deactivated");
}

static int reload(struct ctl *c, int argc, char **argv)
{
	struct diags *d = diags_new(c->arena);
	const struct catalog *catalog;
	struct ctl_call call = {.ctl = c, .text_of = admin_text_of};
	struct err err = {0};
	int status;

	(void)argv;
	if (argc != 1)
		return ctl_usage(c, &cmd_reload);
	status = ctl_settings(c);
	if (status)
		return status;
	catalog = catalog_load(c->arena, c->settings->config_dir, d);
	if (!catalog) {
		err_set(&err, ERR_CONFIG, "nothing was changed: the files have %zu error%s", diag_errors(d), diag_errors(d) == 1 ? "" : "s");
		return ctl_refuse(c, d, &err);
	}
	if (diag_warnings(d))
		fprintf(stderr, "%zu warning%s (agentctl validate shows them)\n", diag_warnings(d), diag_warnings(d) == 1 ? "" : "s");
	status = ctl_open(c);
	if (status)
		return status;
	return ctl_answer(&call, publish_catalog(c->store, arena_new(NULL), catalog, ctl_done, &call), print_reloaded);
}

const struct command cmd_reload = {
	"reload", "", "make the workflows on disk the active ones, all or none", reload,
};

static struct str bundle_of(struct arena *a, const struct json *row)
{
	(void)a;
	return str_sub(cell(row, "bundle"), 0, 12);
}

static struct str state_of(struct arena *a, const struct json *row)
{
	(void)a;
	return json_type(json_getc(row, "paused_at")) == JSON_STRING ? STR("paused") :
	       json_is_true(json_getc(row, "active"))		     ? STR("active") : STR("inactive");
}

static const struct column workflow_columns[] = {
	{"WORKFLOW", "name", NULL}, {"BUNDLE", NULL, bundle_of}, {"STATE", NULL, state_of}, {"LANE", "lane", NULL},
	{"ACTIVE SINCE", "activated_at", NULL}, {"DESCRIPTION", "description", NULL},
};

static void print_workflows(struct ctl *c, const struct json *answer)
{
	print_rows(c, json_getc(answer, "workflows"), workflow_columns, sizeof workflow_columns / sizeof workflow_columns[0]);
}

static int workflows(struct ctl *c, int argc, char **argv)
{
	struct ctl_call call = {.ctl = c, .text_of = admin_text_of};
	int status = ctl_begin(c, &cmd_workflows, argc, 0);

	(void)argv;
	if (status)
		return status;
	return ctl_answer(&call, admin_workflows(c->store, arena_new(NULL), CALL_MS, ctl_done, &call), print_workflows);
}

const struct command cmd_workflows = {
	"workflows", "", "the active workflows, and those that are paused", workflows,
};

static void print_paused(struct ctl *c, const struct json *answer)
{
	print_text(cell(answer, "name"));
	putchar(' ');
	print_text(state_of(c->arena, answer));
	putchar('\n');
}

static int pause_or_resume(struct ctl *c, int argc, char **argv, const struct command *cmd, bool paused)
{
	struct ctl_call said = {.ctl = c}, call = {.ctl = c, .text_of = admin_text_of};
	struct principal by = ctl_principal(c);
	struct err err;
	int status = ctl_begin(c, cmd, argc, 1);
	struct str name;

	if (status)
		return status;
	name = str_from(argv[1]);
	if (!utf8_valid(name)) {
		err_set(&err, ERR_USAGE, "the name of the workflow is not UTF-8");
		return ctl_fail(c, &err);
	}
	if (ctl_wait(&said, admin_workflow_pause(c->store, arena_new(NULL), name, &by, paused, ctl_done, &said), &err) < 0)
		return ctl_fail(c, &err);
	return ctl_answer(&call, admin_workflow_settle(c->store, arena_new(NULL), name, ctl_done, &call), print_paused);
}

static int pause_workflow(struct ctl *c, int argc, char **argv)
{
	return pause_or_resume(c, argc, argv, &cmd_pause, true);
}

const struct command cmd_pause = {
	"pause", "WORKFLOW", "begin no attempts of a workflow's tasks; what comes in waits", pause_workflow,
};

static int resume(struct ctl *c, int argc, char **argv)
{
	return pause_or_resume(c, argc, argv, &cmd_resume, false);
}

const struct command cmd_resume = {
	"resume", "WORKFLOW", "let a paused workflow's tasks go on", resume,
};

static const struct column lane_columns[] = {
	{"LANE", "lane", NULL},	      {"WORKERS", "workers", NULL}, {"READY", "ready", NULL},	 {"UNCLAIMED", "unclaimed", NULL},
	{"RUNNING", "running", NULL}, {"WAITING", "waiting", NULL}, {"PAUSED", "paused", NULL}, {"OLDEST S", "oldest_ready_s", NULL},
};

static void print_lanes(struct ctl *c, const struct json *answer)
{
	print_rows(c, json_getc(answer, "lanes"), lane_columns, sizeof lane_columns / sizeof lane_columns[0]);
}

static int lanes(struct ctl *c, int argc, char **argv)
{
	struct ctl_call call = {.ctl = c, .text_of = admin_text_of};
	int status = ctl_begin(c, &cmd_lanes, argc, 0);

	(void)argv;
	if (status)
		return status;
	return ctl_answer(&call, admin_lanes(c->store, arena_new(NULL), ctl_done, &call), print_lanes);
}

const struct command cmd_lanes = {
	"lanes", "", "lanes: tasks that wait in each, and live workers that serve it", lanes,
};

static int version(struct ctl *c, int argc, char **argv)
{
	(void)argv;
	if (argc != 1)
		return ctl_usage(c, &cmd_version);
	if (c->json)
		puts("{\"version\":\"" AGENTD_VERSION "\"}");
	else
		puts("agentctl " AGENTD_VERSION);
	return 0;
}

const struct command cmd_version = {
	"version", "", "print the version", version,
};
