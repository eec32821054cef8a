/* write_file.h - a whole file for a test: made or emptied, with this mode, its directory there. -1 and errno. */
#ifndef TEST_WRITE_FILE_H
#define TEST_WRITE_FILE_H

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"

static inline int write_file(const char *path, struct str bytes, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	bool well;

	if (fd < 0)
		return -1;
	well = write(fd, bytes.p, bytes.n) == (ssize_t)bytes.n && fchmod(fd, mode) == 0;
	return close(fd) == 0 && well ? 0 : -1;
}

#endif
