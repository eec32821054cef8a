/* duty_admission.c - measures what decides whether work may come in: disks here, the rest in SQL.
 *
 * Three phases: ask the database where its files are (unless the settings say it), look at the disks (thread pool: a
 * network file system may hang), tell the database, which adds its own measures and decides.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "config/settings.h"
#include "store/admin.h"
#include "sweeper/sweep.h"

enum { MAX_DISKS = 3 };

struct disk {
	const char *name, *path;
	bool told;		/* by the settings: that it cannot be measured is worth a word */
	int permille;
	int error;
};

struct look {
	struct op op;		/* first: the duty's own operation */
	struct store *store;
	const struct settings *settings;
	struct disk disks[MAX_DISKS];
	size_t n;
	struct op *inner;
};

static void add(struct look *k, const char *name, const char *path, bool told)
{
	if (path)
		k->disks[k->n++] = (struct disk){.name = name, .path = path, .told = told};
}

/* --- measuring --- */

static void measure(void *arg)
{
	struct look *k = arg;

	for (size_t i = 0; i < k->n; i++) {
		struct disk *d = &k->disks[i];
		struct statvfs v;

		if (statvfs(d->path, &v) < 0)
			d->error = errno;
		else
			d->permille = file_disk_permille(&v);
	}
}

/* --- telling --- */

static const struct json *disk_json(struct arena *a, const struct disk *d)
{
	struct json_builder b;

	json_object_begin(&b, a);
	json_object_setc(&b, "name", json_stringc(a, d->name));
	json_object_setc(&b, "path", json_string_clean(a, str_from(d->path)));
	if (d->error)
		json_object_setc(&b, "error", json_stringc(a, strerror(d->error)));
	else
		json_object_setc(&b, "permille", json_int(a, d->permille));
	return json_object_end(&b);
}

static const struct json *disks_json(struct arena *a, const struct look *k)
{
	struct json_builder b;

	json_array_begin(&b, a);
	for (size_t i = 0; i < k->n; i++)
		if (!k->disks[i].error || k->disks[i].told)
			json_array_add(&b, disk_json(a, &k->disks[i]));
	return json_array_end(&b);
}

static const struct json *measured_json(struct arena *a, const struct look *k)
{
	const struct settings *s = k->settings;
	struct json_builder b;
	char host[HOST_NAME_MAX + 1] = "";

	gethostname(host, sizeof host - 1);
	json_object_begin(&b, a);
	json_object_setc(&b, "source", json_string_clean(a, str_from(host)));
	json_object_setc(&b, "interval_ms", json_int(a, s->admission.interval_ms));
	json_object_setc(&b, "disks", disks_json(a, k));
	json_object_setc(&b, "refuse_at", json_int(a, 10 * s->admission.refuse_at));
	json_object_setc(&b, "resume_at", json_int(a, 10 * s->admission.resume_at));
	json_object_setc(&b, "stop_claims_at", json_int(a, 10 * s->admission.stop_claims_at));
	json_object_setc(&b, "stop_files_at", json_int(a, 10 * s->admission.stop_files_at));
	json_object_setc(&b, "queue_depth", json_int(a, s->admission.queue_depth));
	json_object_setc(&b, "archiver_ms", json_int(a, s->admission.archiver_ms));
	json_object_setc(&b, "wal_bytes", json_int(a, s->admission.wal_bytes));
	return json_object_end(&b);
}

static void log_verdict(const struct json *v)
{
	int64_t level = 0, was = 0;

	json_to_int(json_getc(v, "level"), &level);
	json_to_int(json_getc(v, "was"), &was);
	if (level == was)
		return;
	if (level > 0)
		log_warn("admission.closed", "level=%d why=%s", (int)level, log_quote(json_str(json_getc(v, "why"))));
	else
		log_info("admission.open", "was=%d", (int)was);
}

/* --- the phases --- */

static void on_decided(struct op *op, void *arg)
{
	struct look *k = arg;
	const struct json *v;

	k->inner = NULL;
	if (op->err->code == ERR_NONE && json_parse(op->arena, admin_text_of(op), NULL, &v, NULL) == 0)
		log_verdict(v);
	op_complete(&k->op, op->err);
}

static void on_measured(struct op *op, void *arg)
{
	struct look *k = arg;
	struct arena *a;

	k->inner = NULL;
	if (op->err->code != ERR_NONE) {
		op_complete(&k->op, op->err);
		return;
	}
	a = arena_new(NULL);
	k->inner = admin_admission(k->store, a, measured_json(a, k), on_decided, k);
}

static void start_measuring(struct look *k)
{
	k->inner = loop_work(k->op.loop, arena_new(NULL), measure, on_measured, k);
}

/* Where the log is a link to another disk, we may not see that: then the settings have to say it. */
static void on_places(struct op *op, void *arg)
{
	struct look *k = arg;
	const struct json *v;
	struct str data = STR_NONE;

	k->inner = NULL;
	if (op->err->code != ERR_NONE) {
		op_complete(&k->op, op->err);
		return;
	}
	if (json_parse(op->arena, admin_text_of(op), NULL, &v, NULL) == 0)
		data = json_str(json_getc(v, "data"));
	if (data.n && !k->settings->admission.data_dir)
		add(k, "data", str_cstr(k->op.arena, data), false);
	if (data.n && !k->settings->admission.wal_dir)
		add(k, "wal", arena_printf(k->op.arena, STR_FMT "/pg_wal", STR_ARG(data)), false);
	start_measuring(k);
}

static void cancel(struct op *op)
{
	struct look *k = (struct look *)op;

	if (k->inner)
		op_cancel(k->inner);
}

static struct op *start(struct loop *l, struct store *st, const struct settings *s, struct arena *a,
			op_done_fn *done, void *arg)
{
	struct look *k = ARENA_NEW(a, struct look);

	op_init(&k->op, l, a, cancel, done, arg);
	k->store = st;
	k->settings = s;
	add(k, "workspaces", s->workspace_dir, false);	/* made by the first task that needs it */
	add(k, "data", s->admission.data_dir, true);
	add(k, "wal", s->admission.wal_dir, true);
	if (s->admission.data_dir && s->admission.wal_dir)
		start_measuring(k);
	else
		k->inner = admin_places(st, arena_new(NULL), on_places, k);
	return &k->op;
}

static int64_t period(const struct settings *s)
{
	return s->admission.interval_ms;
}

const struct duty duty_admission = {
	.name = "admission",
	.period_ms = period,
	.start = start,
};
