/* duty_workspaces.c - directories of tasks that the database no longer knows are removed.
 *
 * Three phases: list names (thread pool), ask the store which are known, remove the others (thread pool).
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/log.h"
#include "config/settings.h"
#include "store/tasks.h"
#include "sweeper/sweep.h"

enum { MAX_DIRS = 1000, MAX_DEPTH = 32 };

struct clean {
	struct op op;		/* first: the duty's own operation */
	struct store *store;
	const char *dir;
	struct uuid *ids;
	bool *known;
	size_t n;
	struct op *inner;
};

static void list_dirs(void *arg)
{
	struct clean *c = arg;
	DIR *d = opendir(c->dir);
	const struct dirent *e;

	if (!d)
		return;
	while (c->n < MAX_DIRS && (e = readdir(d)) != NULL)
		if (uuid_parse(str_from(e->d_name), &c->ids[c->n]))
			c->n++;
	closedir(d);
}

static void remove_tree(int dirfd, const char *name, int depth)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	const struct dirent *e;
	DIR *d;

	if (fd < 0)
		return;
	d = fdopendir(fd);
	if (!d) {
		close(fd);
		return;
	}
	while ((e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (unlinkat(fd, e->d_name, 0) < 0 && depth < MAX_DEPTH)
			remove_tree(fd, e->d_name, depth + 1);
	}
	closedir(d);
	unlinkat(dirfd, name, AT_REMOVEDIR);
}

static void remove_unknown(void *arg)
{
	struct clean *c = arg;
	int fd = open(c->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return;
	for (size_t i = 0; i < c->n; i++) {
		char name[37];

		if (c->known[i])
			continue;
		uuid_format(&c->ids[i], name);
		remove_tree(fd, name, 0);
	}
	close(fd);
}

static void on_removed(struct op *op, void *arg)
{
	struct clean *c = arg;

	c->inner = NULL;
	op_complete(&c->op, &op->err);
}

static void on_states(struct op *op, void *arg)
{
	struct clean *c = arg;
	const struct task_state *v;
	size_t n;

	c->inner = NULL;
	if (op->err.code != ERR_NONE) {
		op_complete(&c->op, &op->err);
		return;
	}
	v = tasks_states_of(op, &n);
	for (size_t i = 0; i < c->n; i++)
		for (size_t k = 0; k < n && !c->known[i]; k++)
			c->known[i] = uuid_eq(&c->ids[i], &v[k].id);
	c->inner = loop_work(c->op.loop, arena_new(NULL), remove_unknown, on_removed, c);
}

static void on_listed(struct op *op, void *arg)
{
	struct clean *c = arg;

	c->inner = NULL;
	if (op->err.code != ERR_NONE || c->n == 0) {
		op_complete(&c->op, &op->err);
		return;
	}
	c->inner = tasks_states(c->store, arena_new(NULL), c->ids, c->n, 10000, on_states, c);
}

static void cancel(struct op *op)
{
	struct clean *c = (struct clean *)op;

	if (c->inner)
		op_cancel(c->inner);
}

static struct op *start(struct loop *l, struct store *st, const struct settings *s, struct arena *a,
			op_done_fn *done, void *arg)
{
	struct clean *c = ARENA_NEW(a, struct clean);

	op_init(&c->op, l, a, cancel, done, arg);
	c->store = st;
	c->dir = s->workspace_dir;
	c->ids = ARENA_ARRAY(a, MAX_DIRS, struct uuid);
	c->known = ARENA_ARRAY(a, MAX_DIRS, bool);
	c->inner = loop_work(l, arena_new(NULL), list_dirs, on_listed, c);
	return &c->op;
}

static int64_t period(const struct settings *s)
{
	(void)s;
	return INT64_C(3600) * 1000;
}

const struct duty duty_workspaces = {
	.name = "workspaces",
	.bound = MAX_DIRS,
	.period_ms = period,
	.start = start,
};
