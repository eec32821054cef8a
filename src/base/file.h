/* file.h - whole files with limits, and safe opening below a directory.
 *
 * Shapes:  names below a directory are relative, '/'-separated, without "..".
 * Units:   bytes.
 * Memory:  contents live in the arena given, NUL-ended behind n.
 * Errors:  ERR_NOT_FOUND, ERR_IO with the path and the system's reason, ERR_SIZE, ERR_FORBIDDEN
 *          (leaves the directory, a link, or not a regular file with link count 1).
 * Source:  openat2(2): openat2(RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS).
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <sys/types.h>

#include "base/str.h"

struct arena;
struct err;

int file_read(struct arena *a, const char *path, size_t max, struct str *ret, struct err *err);
int file_mkdirs(const char *path, mode_t mode, struct err *err);

/* A descriptor below dirfd (close it), or -1. flags as open(2); regular files only unless O_DIRECTORY. */
int file_open_beneath(int dirfd, const char *name, int flags, mode_t mode, struct err *err);
int file_read_fd(struct arena *a, int fd, size_t max, struct str *ret, struct err *err);

struct statvfs;
/* How full a disk is, as df counts: of what is not kept for root, blocks or inodes, whichever is fuller. */
int file_disk_permille(const struct statvfs *v);

#endif
