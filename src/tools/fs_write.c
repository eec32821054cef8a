/* fs_write.c - write {path, text} -> {path, size}: whole files, all or nothing, within the quota.
 *
 * A file is made under a name of its own beside its place and renamed over it. What stands there must be
 * a plain file with one name: nobody's link is replaced, nobody's directory.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/json.h"
#include "config/settings.h"
#include "tools/fs.h"

enum { LOCKS = 64, MAX_PARTS = 32 };

/* Counting and writing are one act per task: two writers at once would both fit the quota. */
static pthread_mutex_t locks[LOCKS] = {[0 ... LOCKS - 1] = PTHREAD_MUTEX_INITIALIZER};

struct target {
	struct str path;	/* as given */
	struct str parts[MAX_PARTS];
	size_t n;		/* the last one is the file */
	struct str text;
};

/* --- the name --- */

static int split(struct target *t, struct err *err)
{
	struct str rest = t->path;

	if (rest.n == 0 || rest.p[0] == '/' || rest.p[rest.n - 1] == '/')
		return err_set(err, ERR_TOOL_ARGS, "argument \"path\": expected the relative path of a file");
	while (rest.n > 0) {
		ptrdiff_t slash = str_chr(rest, '/');
		struct str part = str_sub(rest, 0, slash < 0 ? rest.n : (size_t)slash);

		rest = slash < 0 ? STR_NONE : str_sub(rest, part.n + 1, rest.n);
		if (part.n == 0 || (str_is(part, ".") && rest.n > 0))
			continue;
		if (str_is(part, "..") || str_is(part, ".") || part.n > 255)
			return err_set(err, ERR_TOOL_ARGS, "argument \"path\": expected no \"..\" and no part over 255 bytes");
		if (t->n == MAX_PARTS)
			return err_set(err, ERR_TOOL_ARGS, "argument \"path\": expected at most %d parts", MAX_PARTS);
		t->parts[t->n++] = part;
	}
	return 0;
}

/* --- quota --- */

struct usage {
	int64_t bytes, files;
};

static int count(void *arg, const struct fs_entry *e, struct err *err)
{
	struct usage *u = arg;

	(void)err;
	u->files++;
	if (S_ISREG(e->st->st_mode))
		u->bytes += e->st->st_size;
	return 0;
}

static int64_t size_now(const struct fs_job *job, int root, struct str path)
{
	struct err ignored;
	struct stat st;
	int fd = file_open_beneath(root, str_cstr(job->arena, path), O_RDONLY, 0, &ignored);
	int64_t size = fd >= 0 && fstat(fd, &st) == 0 ? (int64_t)st.st_size : 0;

	if (fd >= 0)
		close(fd);
	return size;
}

static int check_quota(const struct fs_job *job, int root, const struct target *t, struct err *err)
{
	const struct settings *s = job->settings;
	int64_t max_bytes = s->tools.workspace_bytes, max_files = s->tools.workspace_files;
	struct usage u = {0};
	struct fs_walk w = {.recursive = true, .max_entries = (size_t)max_files, .seen = count, .arg = &u};

	if (!job->workspace)
		return 0;
	if (fs_walk(job, root, ".", &w, err) < 0 && err->code != ERR_SIZE)
		return -1;
	if (u.files + (int64_t)t->n > max_files || w.n > (size_t)max_files)
		return err_set(err, ERR_TOOL_FAILED, "the workspace of the task may hold %lld files and directories",
			       (long long)max_files);
	u.bytes += (int64_t)t->text.n - size_now(job, root, t->path);
	if (u.bytes > max_bytes)
		return err_set(err, ERR_TOOL_FAILED, "the workspace of the task may hold %lld bytes, this makes it %lld",
			       (long long)max_bytes, (long long)u.bytes);
	return 0;
}

/* What is left of the disk is for those that must go on. */
static int check_disk(const struct fs_job *job, int root, struct err *err)
{
	int full, stop = job->settings->admission.stop_files_at;
	struct statvfs v;

	if (stop == 0 || fstatvfs(root, &v) < 0)
		return 0;
	full = file_disk_permille(&v);
	if (full < 10 * stop)
		return 0;
	return err_set(err, ERR_TOOL_FAILED, "the disk is %d %% full, no file is written from %d %% on", full / 10, stop);
}

/* --- writing --- */

/* The directory that the file goes to, made where it is missing; close it. */
static int open_parent(const struct fs_job *job, int root, const struct target *t, struct err *err)
{
	int fd = file_open_beneath(root, ".", O_RDONLY | O_DIRECTORY, 0, err);

	for (size_t i = 0; fd >= 0 && i + 1 < t->n; i++) {
		const char *name = str_cstr(job->arena, t->parts[i]);
		int parent = fd;

		if (mkdirat(parent, name, job->workspace ? 0700 : 0755) < 0 && errno != EEXIST) {
			fs_fail_errno(err, "cannot make directory", t->parts[i]);
			close(parent);
			return -1;
		}
		fd = file_open_beneath(parent, name, O_RDONLY | O_DIRECTORY, 0, err);
		close(parent);
	}
	return fd < 0 ? fs_fail(err) : fd;
}

static int check_place(int dir, const char *name, const struct target *t, struct err *err)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : fs_fail_errno(err, "cannot look at", t->path);
	if (!S_ISREG(st.st_mode) || st.st_nlink != 1)
		return err_set(err, ERR_TOOL_FAILED, "\"" STR_FMT "\" is not a regular file with one name",
			       STR_ARG(str_sub(t->path, 0, 300)));
	return 0;
}

static int fill(int fd, struct str text)
{
	while (text.n > 0) {
		ssize_t n = write(fd, text.p, text.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		text = str_sub(text, (size_t)n, text.n);
	}
	return fsync(fd);
}

static int put(struct fs_job *job, int dir, const struct target *t, struct err *err)
{
	const char *name = str_cstr(job->arena, t->parts[t->n - 1]);
	char temporary[40];
	uint64_t random;
	int fd, rc;

	random_bytes(&random, sizeof random);
	snprintf(temporary, sizeof temporary, ".agentd-%016" PRIx64 ".tmp", random);
	if (check_place(dir, name, t, err) < 0)
		return -1;
	fd = openat(dir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return fs_fail_errno(err, "cannot write", t->path);
	rc = fill(fd, t->text) < 0 ? fs_fail_errno(err, "cannot write", t->path) : fs_check_running(job, err);
	if (close(fd) < 0 && rc == 0)
		rc = fs_fail_errno(err, "cannot write", t->path);
	if (rc == 0 && renameat(dir, temporary, dir, name) < 0)
		rc = fs_fail_errno(err, "cannot write", t->path);
	if (rc < 0) {
		unlinkat(dir, temporary, 0);
		return -1;
	}
	job->outcome = TOOL_UNKNOWN;	/* seen by all; may not outlast a power cut yet */
	return fsync(dir) < 0 ? fs_fail_errno(err, "cannot write the directory of", t->path) : 0;
}

static const struct json *written_json(const struct fs_job *job, const struct target *t)
{
	struct json_builder b;

	json_object_begin(&b, job->arena);
	json_object_setc(&b, "path", json_string(job->arena, t->path));
	json_object_setc(&b, "size", json_int(job->arena, (int64_t)t->text.n));
	return json_object_end(&b);
}

int fs_put(struct fs_job *job, int root, struct str path, struct str bytes, struct err *err)
{
	struct target t = {.path = path, .text = bytes};
	pthread_mutex_t *lock = &locks[job->task->b[15] % LOCKS];
	int dir, rc;

	if (!job->writable)
		return err_set(err, ERR_TOOL_FAILED, "root \"" STR_FMT "\" may not be written", STR_ARG(job->root_name));
	if (split(&t, err) < 0)
		return -1;
	pthread_mutex_lock(lock);
	rc = check_disk(job, root, err);
	rc = rc < 0 ? rc : check_quota(job, root, &t, err);
	dir = rc < 0 ? -1 : open_parent(job, root, &t, err);
	if (dir >= 0) {
		rc = put(job, dir, &t, err);
		close(dir);
	}
	pthread_mutex_unlock(lock);
	if (dir < 0 || rc < 0)
		return -1;
	job->value = written_json(job, &t);
	return 0;
}

int fs_write(struct fs_job *job, int root, struct err *err)
{
	struct str text = json_str(json_getc(job->args, "text"));

	if (!text.p)
		return err_set(err, ERR_TOOL_ARGS, "argument \"text\": expected a string");
	return fs_put(job, root, json_str(json_getc(job->args, "path")), text, err);
}
