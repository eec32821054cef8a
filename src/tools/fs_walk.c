/* fs_walk.c - seeing what lies below a directory, without following a link and within bounds. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"
#include "tools/fs.h"

enum { MAX_DEPTH = 32 };	/* one descriptor is open per level */

struct level {
	const struct fs_job *job;
	struct fs_walk *walk;
	struct arena *scratch;	/* of this directory: reset per entry */
	const char *prefix;	/* "" or "dir/" */
	int depth;
};

static int walk_fd(struct level *l, int fd, struct err *err);

static bool is_own(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static int enter(struct level *l, int parent, const char *name, const char *path, struct err *err)
{
	struct arena *scratch;
	struct level below;
	int fd, rc;

	if (l->depth + 1 >= MAX_DEPTH)
		return err_set(err, ERR_TOOL_FAILED, "\"%.200s\": more than %d directories deep", path, MAX_DEPTH);
	fd = file_open_beneath(parent, name, O_RDONLY | O_DIRECTORY, 0, err);
	if (fd < 0) {
		*err = (struct err){0};	/* gone, swapped or closed to us meanwhile: seen, not entered */
		return 0;
	}
	scratch = arena_new(NULL);
	below = (struct level){l->job, l->walk, scratch, NULL, l->depth + 1};
	below.prefix = arena_printf(l->scratch, "%s/", path);
	rc = walk_fd(&below, fd, err);
	arena_free(scratch);
	return rc;
}

static int see(struct level *l, int fd, const char *name, struct err *err)
{
	struct fs_walk *w = l->walk;
	struct stat st;
	struct fs_entry e = {.st = &st};

	if (fs_check_running(l->job, err) < 0)
		return -1;
	if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	if (++w->n > w->max_entries)
		return err_set(err, ERR_SIZE, "more than %zu files and directories", w->max_entries);
	arena_reset(l->scratch);
	if (utf8_valid(str_from(name))) {
		e.path = str_from(arena_printf(l->scratch, "%s%s", l->prefix, name));
		e.name = str_from(name);
	}
	if (w->seen(w->arg, &e, err) < 0)
		return -1;
	if (!w->recursive || !S_ISDIR(st.st_mode) || !e.path.p)
		return 0;
	return enter(l, fd, name, e.path.p, err);
}

/* Closes fd. */
static int walk_fd(struct level *l, int fd, struct err *err)
{
	DIR *dir = fdopendir(fd);
	struct dirent *d;
	int rc = 0;

	if (!dir) {
		close(fd);
		return fs_fail_errno(err, "cannot read directory", str_from(l->prefix));
	}
	while (rc == 0) {
		errno = 0;
		d = readdir(dir);
		if (!d && errno)
			rc = fs_fail_errno(err, "cannot read directory", str_from(l->prefix));
		if (!d)
			break;
		if (!is_own(d->d_name))
			rc = see(l, fd, d->d_name, err);
	}
	closedir(dir);
	return rc;
}

int fs_walk(const struct fs_job *job, int root, const char *path, struct fs_walk *w, struct err *err)
{
	int fd = file_open_beneath(root, path, O_RDONLY | O_DIRECTORY, 0, err), rc;
	struct level top;

	if (fd < 0)
		return fs_fail(err);
	top = (struct level){job, w, arena_new(NULL), "", 0};
	w->n = 0;
	rc = walk_fd(&top, fd, err);
	arena_free(top.scratch);
	return rc;
}
