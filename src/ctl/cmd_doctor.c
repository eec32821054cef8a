/* cmd_doctor.c - what is wrong with the database, and what will be: its own checks, and those that need this host or its keys. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "config/settings.h"
#include "ctl/commands.h"
#include "store/admin.h"

enum { CLOCK_US = 1000 * 1000 };

static bool is_warning(const struct json *check)
{
	return str_is(cell(check, "level"), "warning");
}

static bool is_ok(const struct json *check)
{
	return json_is_true(json_getc(check, "ok"));
}

static struct str verdict_of(struct arena *a, const struct json *check)
{
	(void)a;
	return is_ok(check) ? STR("ok") : is_warning(check) ? STR("warning") : STR("BAD");
}

static const struct column check_columns[] = {
	{"CHECK", "name", NULL}, {"", NULL, verdict_of}, {"DETAIL", "detail", NULL},
};

/* --- checks of this host --- */

void doctor_add(struct json_builder *checks, const char *name, bool ok, const char *level, const char *detail)
{
	struct arena *a = checks->a;
	struct json_builder b;

	json_object_begin(&b, a);
	json_object_setc(&b, "name", json_stringc(a, name));
	json_object_setc(&b, "ok", json_bool(ok));
	json_object_setc(&b, "level", json_stringc(a, level));
	json_object_setc(&b, "detail", json_string_clean(a, str_from(detail)));
	json_array_add(checks, json_object_end(&b));
}

/* The database's answer came some time between these two. Leases do not depend on our clock, ids and logs do. */
static void check_clock(struct json_builder *checks, const struct json *answer, int64_t before_us, int64_t after_us)
{
	int64_t db_us = 0, off_us;

	if (!time_parse(cell(answer, "now"), &db_us))
		return;
	off_us = db_us < before_us ? before_us - db_us : db_us > after_us ? db_us - after_us : 0;
	doctor_add(checks, "clock", off_us < CLOCK_US, "warning",
	    arena_printf(checks->a, "this host and the database are %lld ms apart", (long long)off_us / 1000));
}

static void check_version(struct ctl *c, struct json_builder *checks)
{
	struct migrate_report r;
	struct err err = {0};
	bool ok = migrate_run(c->settings->database, ctl_sql_dir(), true, &r, &err) == 0;

	if (!ok)
		doctor_add(checks, "versions", false, "warning", err.msg);
	else if (r.from == r.to && !r.functions)
		doctor_add(checks, "versions", true, "error", "agentctl " AGENTD_VERSION ", the schema is its own");
	else
		doctor_add(checks, "versions", false, "error", arena_printf(c->arena, "agentctl " AGENTD_VERSION ", the schema is another: agentctl migrate "
			"brings %s", r.from == r.to ? "functions" : "tables and functions"));
}

static void check_workspaces(struct ctl *c, struct json_builder *checks)
{
	const char *dir = c->settings->workspace_dir;
	struct statvfs v;
	int full;

	if (statvfs(dir, &v) < 0) {
		doctor_add(checks, "workspaces here", true, "warning", arena_printf(c->arena, "%s is not there yet", dir));
		return;
	}
	full = file_disk_permille(&v);
	doctor_add(checks, "workspaces here", full < 10 * c->settings->admission.refuse_at, "warning",
	    arena_printf(c->arena, "%d.%d %% full, %s", full / 10, full % 10, dir));
}

/* --- the command --- */

static const struct json *examine(struct ctl *c, struct err *err)
{
	struct ctl_call call = {.ctl = c, .text_of = admin_text_of};
	int64_t before_us = clock_wall_us();
	const struct json *answer = ctl_wait_json(&call, admin_doctor(c->store, arena_new(NULL), ctl_done, &call), err);
	const struct json *own = json_getc(answer, "checks");
	struct json_builder checks;

	if (!answer)
		return NULL;
	json_array_begin(&checks, c->arena);
	for (size_t i = 0; i < json_len(own); i++)
		json_array_add(&checks, json_at(own, i));
	check_clock(&checks, answer, before_us, clock_wall_us());
	check_version(c, &checks);
	check_workspaces(c, &checks);
	if (probe_checks(c, &checks, err) < 0)
		return NULL;
	return json_array_end(&checks);
}

static int doctor(struct ctl *c, int argc, char **argv)
{
	const struct json *checks;
	struct json_builder b;
	struct err err = {0};
	bool asked;
	int status = ctl_probe(c, argc, argv, &asked);

	if (!asked && !status)
		status = ctl_open(c);
	if (asked || status)
		return status;
	checks = examine(c, &err);
	if (!checks)
		return ctl_fail(c, &err);
	if (c->json) {
		json_object_begin(&b, c->arena);
		json_object_setc(&b, "checks", checks);
		print_json(c, json_object_end(&b));
	} else {
		print_rows(c, checks, check_columns, sizeof check_columns / sizeof check_columns[0]);
	}
	for (size_t i = 0; i < json_len(checks); i++)
		if (!is_ok(json_at(checks, i)) && !is_warning(json_at(checks, i)))
			return 1;
	return 0;
}

const struct command cmd_doctor = {
	"doctor", "[--probe [--provider NAME] [--model NAME] [--no-record]]",
	"check the database's settings, disks, age, versions, and what waits for a person", doctor,
};
