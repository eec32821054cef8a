/* cmd_artifacts.c - files of tasks: list, get, put; and those that go with a submission. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/json.h"
#include "config/settings.h"
#include "ctl/commands.h"
#include "store/artifacts.h"
#include "store/tasks.h"

enum { CALL_MS = 30000 };

/* --- sending --- */

static struct str saved_of(const struct op *op)
{
	return (struct str){(const char *)files_saved_of(op), sizeof(struct file_saved)};
}

int ctl_file_arg(struct ctl *c, const char *arg, struct ctl_file *ret, struct err *err)
{
	const char *eq = strchr(arg, '='), *slash = strrchr(eq ? eq + 1 : arg, '/');

	ret->path = eq ? eq + 1 : arg;
	ret->artifact.name = eq ? str_sub(str_from(arg), 0, (size_t)(eq - arg)) : str_from(slash ? slash + 1 : arg);
	ret->artifact.id = uuid_new();
	if (!str_is_name(ret->artifact.name))
		return err_set(err, ERR_USAGE, "\"%.300s\": expected NAME=PATH or PATH, the name without slashes and control characters", arg);
	return file_read(c->arena, ret->path, (size_t)c->settings->artifacts.max_size, &ret->bytes, err);
}

int ctl_file_send(struct ctl *c, struct ctl_file *f, const struct json *limits, struct err *err)
{
	struct ctl_call call = {.ctl = c, .text_of = saved_of};
	struct file_saved saved;

	if (ctl_wait(&call, files_save(c->store, arena_new(NULL), f->bytes, limits, CALL_MS, ctl_done, &call), err) < 0)
		return -1;
	memcpy(&saved, call.text.p, sizeof saved);
	f->artifact.file = saved.file;
	f->artifact.digest = saved.digest;
	return 0;
}

/* --- list --- */

static const struct column columns[] = {
	{"NAME", "name", NULL}, {"SIZE", "size", NULL},		{"TYPE", "media_type", NULL}, {"", "direction", NULL},
	{"STEP", "step", NULL}, {"CREATED", "created_at", NULL}, {"ID", "id", NULL},
};

static void print_list(struct ctl *c, const struct json *answer)
{
	print_rows(c, json_getc(answer, "artifacts"), columns, sizeof columns / sizeof columns[0]);
}

static int list(struct ctl *c, int argc, char **argv)
{
	struct ctl_call call = {.ctl = c, .text_of = artifacts_text_of};
	struct principal by = ctl_principal(c);
	struct uuid task;
	struct err err;
	int status;

	if (argc != 2)
		return ctl_usage(c, &cmd_artifacts_list);
	if (ctl_uuid_arg(argv[1], &task, &err) < 0)
		return ctl_fail(c, &err);
	status = ctl_open(c);
	if (status)
		return status;
	return ctl_answer(&call, artifacts_list(c->store, arena_new(NULL), &task, &by, CALL_MS, ctl_done, &call), print_list);
}

const struct command cmd_artifacts_list = {"artifacts list", "TASK", "files that were given to a task and that it made", list};

/* --- get --- */

static struct str found_of(const struct op *op)
{
	return (struct str){(const char *)artifacts_found_of(op), sizeof(struct artifact_found)};
}

static int write_out(const char *path, struct str bytes, struct err *err)
{
	FILE *out = path ? fopen(path, "wb") : stdout;

	if (!out)
		return err_set(err, ERR_IO, "cannot write %s: %s", path, strerror(errno));
	fwrite(bytes.p, 1, bytes.n, out);
	if (fflush(out) != 0 || (path && fclose(out) != 0))
		return err_set(err, ERR_IO, "cannot write %s: %s", path ? path : "standard output", strerror(errno));
	return 0;
}

static int fetch(struct ctl *c, const struct uuid *task, const char *name, struct str *ret, struct err *err)
{
	struct ctl_call found = {.ctl = c, .text_of = found_of}, got = {.ctl = c, .text_of = files_loaded_of};
	struct principal by = ctl_principal(c);
	struct artifact_found f;
	struct digest digest;

	if (ctl_wait(&found, artifacts_find(c->store, arena_new(NULL), NULL, task, str_from(name), &by, CALL_MS, ctl_done, &found), err) < 0)
		return -1;
	memcpy(&f, found.text.p, sizeof f);	/* its texts went with the call: only the file counts here */
	if (ctl_wait(&got, files_load(c->store, arena_new(NULL), &f, SIZE_MAX, CALL_MS, ctl_done, &got), err) < 0)
		return -1;
	digest_of(got.text, &digest);
	if (!digest_eq(&digest, &f.digest))
		return err_set(err, ERR_PG, "artifact \"%s\": what came is not what was stored", name);
	*ret = got.text;
	return 0;
}

static int get(struct ctl *c, int argc, char **argv)
{
	static const struct option options[] = {{"output", required_argument, NULL, 'o'}, {NULL, 0, NULL, 0}};
	const char *path = NULL;
	struct uuid task;
	struct str bytes = STR_NONE;
	struct err err;
	int o, status;

	while ((o = getopt_long(argc, argv, ":o:", options, NULL)) != -1) {
		if (o != 'o') {
			ctl_option_error(argv, o, &err);
			return ctl_fail(c, &err);
		}
		path = optarg;
	}
	if (argc - optind != 2)
		return ctl_usage(c, &cmd_artifacts_get);
	if (ctl_uuid_arg(argv[optind], &task, &err) < 0)
		return ctl_fail(c, &err);
	status = ctl_open(c);
	if (status)
		return status;
	if (fetch(c, &task, argv[optind + 1], &bytes, &err) < 0 || write_out(path, bytes, &err) < 0)
		return ctl_fail(c, &err);
	return 0;
}

const struct command cmd_artifacts_get = {
	"artifacts get", "TASK NAME [--output FILE]", "write one to standard output, or to a file", get,
};

/* --- put --- */

static void print_put(struct ctl *c, const struct json *answer)
{
	print_text(cell(json_getc(answer, "artifact"), "id"));
	putchar('\n');
	(void)c;
}

static int put(struct ctl *c, int argc, char **argv)
{
	static const struct option options[] = {{"type", required_argument, NULL, 't'}, {NULL, 0, NULL, 0}};
	struct ctl_call call = {.ctl = c, .text_of = artifacts_text_of};
	struct principal by = ctl_principal(c);
	struct ctl_file f = {0};
	const struct json *limits;
	struct uuid task;
	struct err err;
	int o, status;

	while ((o = getopt_long(argc, argv, ":", options, NULL)) != -1) {
		if (o != 't') {
			ctl_option_error(argv, o, &err);
			return ctl_fail(c, &err);
		}
		f.artifact.media_type = str_from(optarg);
	}
	if (argc - optind != 2)
		return ctl_usage(c, &cmd_artifacts_put);
	if (f.artifact.media_type.p && !str_is_media_type(f.artifact.media_type)) {
		err_set(&err, ERR_USAGE, "--type: expected a media type such as text/plain");
		return ctl_fail(c, &err);
	}
	if (ctl_uuid_arg(argv[optind], &task, &err) < 0)
		return ctl_fail(c, &err);
	status = ctl_open(c);
	if (status)
		return status;
	limits = settings_artifact_limits(c->arena, c->settings);
	if (ctl_file_arg(c, argv[optind + 1], &f, &err) < 0 || ctl_file_send(c, &f, limits, &err) < 0)
		return ctl_fail(c, &err);
	return ctl_answer(&call, artifacts_upload(c->store, arena_new(NULL), &task, &f.artifact, limits, &by, CALL_MS, ctl_done, &call), print_put);
}

const struct command cmd_artifacts_put = {
	"artifacts put", "TASK [NAME=]PATH [--type MEDIA_TYPE]", "give a file to a task that has not ended; prints its id", put,
};
