/* guard.c - see guard.h. Messages are group numbers, negative to remove one; a pipe keeps those of one writer in order. */
#include "base/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LOWEST_FD = 3 };

static int guard_fd = -1;	/* the end that we write to */
static pid_t guard_owner;	/* who made it: a child after fork has no guard of its own */
static pid_t groups[GUARD_MAX];

/* --- the guard's side: after fork, so nothing but system calls --- */

static void note(size_t *n, pid_t group)
{
	if (group > 0 && *n < GUARD_MAX) {
		groups[(*n)++] = group;
		return;
	}
	for (size_t i = 0; i < *n; i++)
		if (groups[i] == -group) {
			groups[i] = groups[--*n];
			return;
		}
}

static void keep_only(int fd)
{
	int null;

	dup2(fd, LOWEST_FD);
	if (syscall(SYS_close_range, LOWEST_FD + 1U, ~0U, 0U) != 0)
		for (int i = LOWEST_FD + 1; i < 65536; i++)
			close(i);
	null = open("/dev/null", O_RDWR);
	for (int i = 0; i < LOWEST_FD; i++)
		dup2(null, i);
	if (null > LOWEST_FD)
		close(null);
}

_Noreturn static void run_guard(int fd)
{
	pid_t group;
	size_t n = 0;
	ssize_t got;

	setsid();
	prctl(PR_SET_NAME, "agentd-guard");
	keep_only(fd);
	if (chdir("/") < 0)
		_exit(1);
	while ((got = read(LOWEST_FD, &group, sizeof group)) != 0)
		if (got == (ssize_t)sizeof group)
			note(&n, group);
		else if (got > 0 || errno != EINTR)
			break;
	for (size_t i = 0; i < n; i++)
		kill(-groups[i], SIGKILL);
	_exit(0);
}

/* --- ours --- */

static void tell(pid_t group)
{
	if (guard_fd >= 0 && write(guard_fd, &group, sizeof group) < 0 && errno == EPIPE) {
		close(guard_fd);	/* somebody ended it: the next program gets another */
		guard_fd = -1;
	}
}

void guard_begin(void)
{
	int ends[2], fd;
	sigset_t all, old;
	pid_t pid;

	if (guard_fd >= 0 && guard_owner == getpid())
		return;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);	/* no handler of ours may run there; it keeps them blocked: it ends when its owner does */
	pid = fork();
	if (pid == 0) {
		if (fork() == 0)	/* a grandchild: nobody here has to wait for it */
			run_guard(ends[0]);
		_exit(0);
	}
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	sigprocmask(SIG_SETMASK, &old, NULL);
	close(ends[0]);
	fd = pid > 0 ? fcntl(ends[1], F_DUPFD_CLOEXEC, LOWEST_FD) : -1;
	close(ends[1]);
	guard_fd = fd;
	guard_owner = getpid();
}

void guard_add(pid_t group)
{
	tell(group);
}

void guard_remove(pid_t group)
{
	tell(-group);
}
