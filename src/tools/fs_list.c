/* fs_list.c - list {path?, recursive?, glob?, max?} -> {path, entries: [{name, path, type, size?}], truncated?}
 *
 * Paths are relative to the root, as read takes them. Order is bytewise by path, whatever the file
 * system's is. Names that are not UTF-8 cannot be said in JSON: they are counted in `skipped`.
 */
#include <stdlib.h>

#include "base/arena.h"
#include "base/json.h"
#include "tools/fs.h"
#include "tools/glob.h"

enum { DEFAULT_MAX = 1000, MAX_MAX = 10000, MAX_SEEN = 100000, MAX_GLOB_BYTES = 256 };

struct item {
	struct str path, name;
	const char *type;
	int64_t size;
};

struct list {
	struct fs_job *job;
	struct str prefix;	/* of paths: "" or "dir/" */
	struct str glob;
	struct item *v;
	size_t n, room;
	int64_t skipped;
};

/* A second name of a file is a link too, and read refuses it. */
static const char *type_of(const struct stat *st)
{
	if (S_ISDIR(st->st_mode))
		return "dir";
	if (S_ISLNK(st->st_mode) || (S_ISREG(st->st_mode) && st->st_nlink != 1))
		return "link";
	return S_ISREG(st->st_mode) ? "file" : "other";
}

static bool is_wanted(const struct list *l, const struct fs_entry *e)
{
	if (!l->glob.p)
		return true;
	return glob_matches(l->glob, str_chr(l->glob, '/') < 0 ? e->name : e->path);
}

/* A file that write is just making. */
static bool is_unfinished(struct str name)
{
	return str_starts(name, STR(".agentd-")) && str_ends(name, STR(".tmp"));
}

static int see(void *arg, const struct fs_entry *e, struct err *err)
{
	struct list *l = arg;
	struct arena *a = l->job->arena;

	(void)err;
	if (!e->path.p) {
		l->skipped++;
		return 0;
	}
	if (!is_wanted(l, e) || is_unfinished(e->name))
		return 0;
	if (l->n == l->room) {
		size_t room = l->room ? 2 * l->room : 64;
		struct item *bigger = ARENA_ARRAY(a, room, struct item);

		if (l->n)
			memcpy(bigger, l->v, l->n * sizeof *bigger);
		l->v = bigger;
		l->room = room;
	}
	l->v[l->n++] = (struct item){
		.path = str_from(arena_printf(a, STR_FMT STR_FMT, STR_ARG(l->prefix), STR_ARG(e->path))),
		.name = str_dup(a, e->name),
		.type = type_of(e->st),
		.size = S_ISREG(e->st->st_mode) ? (int64_t)e->st->st_size : -1,
	};
	return 0;
}

static int by_path(const void *a, const void *b)
{
	return str_cmp(((const struct item *)a)->path, ((const struct item *)b)->path);
}

static const struct json *item_json(struct arena *a, const struct item *it)
{
	struct json_builder b;

	json_object_begin(&b, a);
	json_object_setc(&b, "name", json_string_ref(a, it->name));
	json_object_setc(&b, "path", json_string_ref(a, it->path));
	json_object_setc(&b, "type", json_stringc(a, it->type));
	if (it->size >= 0)
		json_object_setc(&b, "size", json_int(a, it->size));
	return json_object_end(&b);
}

static const struct json *list_json(const struct list *l, struct str path, size_t max)
{
	struct arena *a = l->job->arena;
	struct json_builder b, entries;

	json_array_begin(&entries, a);
	for (size_t i = 0; i < l->n && i < max; i++)
		json_array_add(&entries, item_json(a, &l->v[i]));
	json_object_begin(&b, a);
	json_object_setc(&b, "path", json_string(a, path));
	json_object_setc(&b, "entries", json_array_end(&entries));
	if (l->n > max)
		json_object_setc(&b, "truncated", json_bool(true));
	if (l->skipped)
		json_object_setc(&b, "skipped", json_int(a, l->skipped));
	return json_object_end(&b);
}

static struct str without_slashes(struct str path)
{
	while (path.n > 0 && path.p[path.n - 1] == '/')
		path.n--;
	return path;
}

static int read_args(struct list *l, struct str *ret_path, size_t *ret_max, struct err *err)
{
	const struct json *args = l->job->args;
	struct str path = json_str(json_getc(args, "path"));
	int64_t max;

	if (path.n > 0 && path.p[0] == '/')
		return err_set(err, ERR_TOOL_ARGS, "argument \"path\": expected a path relative to the root");
	path = without_slashes(path);
	if (str_is(path, "."))
		path = STR_NONE;
	l->glob = json_str(json_getc(args, "glob"));
	if (l->glob.n > MAX_GLOB_BYTES)
		return err_set(err, ERR_TOOL_ARGS, "argument \"glob\": expected at most %d bytes", MAX_GLOB_BYTES);
	if (!json_to_int(json_getc(args, "max"), &max))
		max = DEFAULT_MAX;
	if (max < 1 || max > MAX_MAX)
		return err_set(err, ERR_TOOL_ARGS, "argument \"max\": expected 1 to %d", MAX_MAX);
	if (path.n)
		l->prefix = str_from(arena_printf(l->job->arena, STR_FMT "/", STR_ARG(path)));
	*ret_path = path;
	*ret_max = (size_t)max;
	return 0;
}

int fs_list(struct fs_job *job, int root, struct err *err)
{
	struct list l = {.job = job, .prefix = STR("")};
	struct fs_walk w = {.max_entries = MAX_SEEN, .seen = see, .arg = &l};
	struct str path;
	size_t max = 0;

	if (read_args(&l, &path, &max, err) < 0)
		return -1;
	w.recursive = json_is_true(json_getc(job->args, "recursive"));
	if (fs_walk(job, root, path.n ? str_cstr(job->arena, path) : ".", &w, err) < 0)
		return fs_fail(err);
	if (l.n)
		qsort(l.v, l.n, sizeof *l.v, by_path);
	job->value = list_json(&l, path, max);
	return 0;
}
