/* duty_workspaces.c - directories of tasks that the database no longer knows are removed.
 *
 * Three phases: list all names (thread pool), ask the store piece by piece which are known, remove the others (thread
 * pool). A task is in the database before its directory is made, so what was listed first and is unknown then, is old.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/log.h"
#include "config/settings.h"
#include "store/tasks.h"
#include "sweeper/sweep.h"

enum { PIECE = 1000, MAX_DIRS = 1000000, MAX_DEPTH = 32, MAX_PASSES = 10000, HOUR_MS = 3600 * 1000 };

struct clean {
	struct op op;		/* first: the duty's own operation */
	struct store *store;
	const char *dir;
	struct uuid *ids;	/* sorted, so that answers are found in them */
	bool *known;
	size_t n, asked;
	size_t removed;
	struct op *inner;
};

/* --- listing --- */

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct uuid));
}

static void list_dirs(void *arg)
{
	struct clean *c = arg;
	struct buf ids;
	DIR *d = opendir(c->dir);
	const struct dirent *e;
	struct uuid id;

	if (!d)
		return;
	buf_init(&ids, c->op.arena);
	while (c->n < MAX_DIRS && (e = readdir(d)) != NULL) {
		if (!uuid_parse(str_from(e->d_name), &id))
			continue;
		buf_add(&ids, &id, sizeof id);
		c->n++;
	}
	closedir(d);
	if (c->n == 0)
		return;
	c->ids = (struct uuid *)(void *)ids.p;	/* arenas align as malloc does */
	qsort(c->ids, c->n, sizeof *c->ids, compare);
	c->known = ARENA_ARRAY(c->op.arena, c->n, bool);
}

/* --- removing --- */

/* A directory that its task made unreadable is still ours to remove. */
static int open_dir(int parent, const char *name)
{
	int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, fd = openat(parent, name, flags);
	struct stat st;

	if (fd >= 0 || errno != EACCES || fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode) ||
	    fchmodat(parent, name, 0700, 0) < 0)
		return fd;
	return openat(parent, name, flags);
}

/* What lies too deep goes up to the top, where the next pass finds it: neither descriptors nor stack bound the depth. */
static void remove_tree(int top, int parent, const char *name, int depth, unsigned *moved)
{
	int fd = open_dir(parent, name);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;
	char up[32];

	if (!d) {
		if (fd >= 0)
			close(fd);
		return;
	}
	fchmod(fd, 0700);	/* one that was made read-only would keep its entries */
	while ((e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 || unlinkat(fd, e->d_name, 0) == 0)
			continue;
		if (depth < MAX_DEPTH) {
			remove_tree(top < 0 ? fd : top, fd, e->d_name, depth + 1, moved);
			continue;
		}
		snprintf(up, sizeof up, "agentd-deep-%u", ++*moved);
		renameat(fd, e->d_name, top, up);
	}
	closedir(d);
	unlinkat(parent, name, AT_REMOVEDIR);
}

static bool remove_whole(int fd, const char *name)
{
	unsigned moved = 0, before;

	for (int pass = 0; pass < MAX_PASSES; pass++) {
		before = moved;
		remove_tree(-1, fd, name, 0, &moved);
		if (faccessat(fd, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
			return errno == ENOENT;
		if (moved == before)	/* no progress: somebody else's files */
			return false;
	}
	return false;
}

static void remove_unknown(void *arg)
{
	struct clean *c = arg;
	int fd = open(c->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char name[37];

	if (fd < 0)
		return;
	for (size_t i = 0; i < c->n; i++) {
		if (c->known[i])
			continue;
		uuid_format(&c->ids[i], name);
		if (remove_whole(fd, name))
			c->removed++;
		else
			log_warn("workspace.left", "task=%s", name);
	}
	close(fd);
}

/* --- the phases --- */

static void on_removed(struct op *op, void *arg)
{
	struct clean *c = arg;

	c->inner = NULL;
	if (c->removed)
		log_info("workspaces.removed", "n=%zu", c->removed);
	op_complete(&c->op, op->err);
}

static void ask(struct clean *c);

static void on_states(struct op *op, void *arg)
{
	struct clean *c = arg;
	const struct task_state *v;
	size_t n;

	c->inner = NULL;
	if (op->err->code != ERR_NONE) {
		op_complete(&c->op, op->err);
		return;
	}
	v = tasks_states_of(op, &n);
	for (size_t i = 0; i < n; i++) {
		const struct uuid *found = bsearch(&v[i].id, c->ids, c->n, sizeof *c->ids, compare);

		if (found)
			c->known[found - c->ids] = true;
	}
	ask(c);
}

static void ask(struct clean *c)
{
	size_t from = c->asked, n = c->n - from < PIECE ? c->n - from : PIECE;

	if (n == 0) {
		c->inner = loop_work(c->op.loop, arena_new(NULL), remove_unknown, on_removed, c);
		return;
	}
	c->asked += n;
	c->inner = tasks_states(c->store, arena_new(NULL), c->ids + from, n, 10000, on_states, c);
}

static void on_listed(struct op *op, void *arg)
{
	struct clean *c = arg;

	c->inner = NULL;
	if (op->err->code != ERR_NONE || c->n == 0)
		op_complete(&c->op, op->err);
	else
		ask(c);
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
	c->inner = loop_work(l, arena_new(NULL), list_dirs, on_listed, c);
	return &c->op;
}

static int64_t period(const struct settings *s)
{
	(void)s;
	return HOUR_MS;
}

const struct duty duty_workspaces = {
	.name = "workspaces",
	.period_ms = period,
	.start = start,
};
