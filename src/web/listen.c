/* listen.c - see listen.h. */
#include "web/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

enum { BACKLOG = 1024 };

static const char *unix_path(const char *at)
{
	return strncmp(at, "unix:", 5) == 0 ? at + 5 : NULL;
}

static int refuse(struct err *err, const char *what, int fd)
{
	err_set(err, ERR_CONFIG, "web.listen: \"%s\": %s", what, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

/* connect(2) says ECONNREFUSED of any file that nobody listens on, of a regular one too. */
static bool is_left_behind(const char *path)
{
	struct stat st;

	return errno == ECONNREFUSED && lstat(path, &st) == 0 && S_ISSOCK(st.st_mode);
}

static int open_unix(const char *path, int mode, struct err *err)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd, bound;
	mode_t old;

	if (strlen(path) >= sizeof sa.sun_path)
		return err_set(err, ERR_CONFIG, "web.listen: the path of the socket is longer than %zu bytes", sizeof sa.sun_path - 1);
	memcpy(sa.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return refuse(err, path, fd);
	if (connect(fd, (struct sockaddr *)&sa, sizeof sa) == 0 || errno == EAGAIN) {
		close(fd);
		return err_set(err, ERR_CONFIG, "web.listen: another server answers at \"%s\"", path);
	}
	if (is_left_behind(path))
		unlink(path);
	old = umask(0777 & ~(mode_t)mode);	/* at no time may more users connect than are meant to */
	bound = bind(fd, (struct sockaddr *)&sa, sizeof sa);
	umask(old);
	if (bound < 0 || listen(fd, BACKLOG) < 0)
		return refuse(err, path, fd);
	return fd;
}

static int bind_tcp(const char *at, const struct addrinfo *ai, struct err *err)
{
	int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;

	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (fd < 0 || bind(fd, ai->ai_addr, ai->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0)
		return refuse(err, at, fd);
	return fd;
}

static int open_tcp(const char *at, struct err *err)
{
	const struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
	struct arena *a = arena_new(NULL);
	const char *colon = strrchr(at, ':');
	struct str host = {at, colon ? (size_t)(colon - at) : 0};
	struct addrinfo *ai = NULL;
	int fd;

	if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = str_sub(host, 1, host.n - 2);
	if (!colon || getaddrinfo(str_cstr(a, host), colon + 1, &hints, &ai) != 0) {
		fd = err_set(err, ERR_CONFIG, "web.listen: \"%s\": expected unix:/PATH or ADDRESS:PORT", at);
	} else {
		fd = bind_tcp(at, ai, err);
		freeaddrinfo(ai);
	}
	arena_free(a);
	return fd;
}

int listen_open(const char *at, int socket_mode, struct err *err)
{
	const char *path = unix_path(at);

	return path ? open_unix(path, socket_mode, err) : open_tcp(at, err);
}

void listen_close(const char *at, int fd)
{
	if (unix_path(at))
		unlink(unix_path(at));
	close(fd);
}
