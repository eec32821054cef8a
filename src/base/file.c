/* file.c - whole files, and opening below a directory by openat2(2). */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/digest.h"
#include "base/err.h"

enum { FIRST_READ = 16 * 1024 };

static int io_error(struct err *err, const char *what, const char *path)
{
	int e = errno;

	return err_set(err, e == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%s \"%.300s\": %s", what, path, strerror(e));
}

/* One byte past max is asked for, to tell "just max" from "more". A file may grow while it is read. */
static int read_all(struct arena *a, int fd, size_t max, const char *path, struct str *ret, struct err *err)
{
	struct stat st;
	size_t n = 0, cap = FIRST_READ;
	char *p;

	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0)
		cap = (uint64_t)st.st_size < max ? (size_t)st.st_size + 2 : max + 2;
	p = arena_alloc(a, cap);
	for (;;) {
		ssize_t got;

		if (n + 1 == cap) {
			char *more = arena_alloc(a, cap * 2);

			memcpy(more, p, n);
			p = more;
			cap *= 2;
		}
		got = read(fd, p + n, cap - 1 - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return io_error(err, "cannot read", path);
		if (got == 0)
			break;
		n += (size_t)got;
		if (n > max)
			return err_set(err, ERR_SIZE, "\"%.300s\": more than %zu bytes", path, max);
	}
	p[n] = '\0';
	*ret = (struct str){p, n};
	return 0;
}

int file_read_fd(struct arena *a, int fd, size_t max, struct str *ret, struct err *err)
{
	char name[32];

	snprintf(name, sizeof name, "descriptor %d", fd);
	return read_all(a, fd, max, name, ret, err);
}

int file_read(struct arena *a, const char *path, size_t max, struct str *ret, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY), rc;

	if (fd < 0)
		return io_error(err, "cannot open", path);
	rc = read_all(a, fd, max, path, ret, err);
	close(fd);
	return rc;
}

static int make_dir(const char *path, mode_t mode)
{
	struct stat st;

	if (mkdir(path, mode) == 0)
		return 0;
	if (errno != EEXIST || stat(path, &st) < 0)
		return -1;
	if (S_ISDIR(st.st_mode))
		return 0;
	errno = ENOTDIR;
	return -1;
}

int file_mkdirs(const char *path, mode_t mode, struct err *err)
{
	char *copy = strdup(path);
	int rc = 0;

	if (!copy)
		fatal("out of memory: a path");
	for (char *p = copy + (copy[0] == '/'); rc == 0 && *p; p++) {
		if (*p != '/' || p[-1] == '/')
			continue;
		*p = '\0';
		rc = make_dir(copy, mode);
		*p = '/';
	}
	if (rc == 0)
		rc = make_dir(copy, mode);
	if (rc < 0)
		io_error(err, "cannot make directory", path);
	free(copy);
	return rc;
}

/* --- below a directory --- */

static bool has_dotdot(const char *name)
{
	for (const char *p = name; *p;) {
		size_t n = strcspn(p, "/");

		if (n == 2 && p[0] == '.' && p[1] == '.')
			return true;
		p += n;
		p += *p == '/';
	}
	return false;
}

static int forbidden(struct err *err, const char *name, const char *why)
{
	return err_set(err, ERR_FORBIDDEN, "\"%.300s\" %s", name, why);
}

static int open_failed(struct err *err, const char *name)
{
	switch (errno) {
	case EXDEV:
		return forbidden(err, name, "leads out of the directory");
	case ELOOP:
		return forbidden(err, name, "is or passes a symbolic link");
	case ENXIO:
	case EISDIR:
		return forbidden(err, name, "is not a regular file");
	case ENOSYS:
		return err_set(err, ERR_IO, "cannot open \"%.300s\": openat2 needs Linux 5.6", name);
	default:
		return io_error(err, "cannot open", name);
	}
}

/* The kernel says EAGAIN when something above was renamed meanwhile. */
static int open_beneath(int dirfd, const char *name, int flags, mode_t mode)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned)flags,
		.mode = flags & O_CREAT ? mode & 07777 : 0,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS,
	};

	for (int tries = 0;; tries++) {
		long fd = syscall(SYS_openat2, dirfd, name, &how, sizeof how);

		if (fd >= 0 || (errno != EAGAIN && errno != EINTR) || tries == 100)
			return (int)fd;
	}
}

/* O_TRUNC waits until it is known that the file is one of ours and has no second name. O_NOFOLLOW
 * is left to RESOLVE_NO_SYMLINKS: both together make a link to a directory look like a file. */
int file_open_beneath(int dirfd, const char *name, int flags, mode_t mode, struct err *err)
{
	struct stat st;
	int fd;

	if (name[0] == '\0' || name[0] == '/' || has_dotdot(name))
		return forbidden(err, name, "is not a relative path without \"..\"");
	fd = open_beneath(dirfd, name, (flags & ~(O_TRUNC | O_NOFOLLOW)) | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, mode);
	if (fd < 0)
		return open_failed(err, name);
	if (fstat(fd, &st) < 0) {
		io_error(err, "cannot look at", name);
	} else if (flags & O_DIRECTORY) {
		return fd;
	} else if (!S_ISREG(st.st_mode)) {
		forbidden(err, name, "is not a regular file");
	} else if (st.st_nlink != 1) {
		forbidden(err, name, "has more than one name (hard link)");
	} else if (flags & O_TRUNC && ftruncate(fd, 0) < 0) {
		io_error(err, "cannot truncate", name);
	} else {
		return fd;
	}
	close(fd);
	return -1;
}

static int permille(uint64_t used, uint64_t left)
{
	return used + left ? (int)(used * 1000 / (used + left)) : 0;
}

int file_disk_permille(const struct statvfs *v)
{
	int blocks = permille(v->f_blocks - v->f_bfree, v->f_bavail), files = permille(v->f_files - v->f_ffree, v->f_favail);

	return blocks > files ? blocks : files;
}
