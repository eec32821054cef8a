/* spawn.c - a program that cannot be started for want of descriptors, at whichever point that is: nothing of it is left, and the guard
 * is told of every group that was reaped. Else it kills, when we end, whoever has the number then. The guard here is a fake.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/guard.h"
#include "base/proc.h"
#include "../suite_run.h"

enum { MORE_FDS = 16 };

static int n_begun, n_removed;
static pid_t removed;

void guard_begin(void)
{
	n_begun++;	/* the fork comes next */
}

void guard_add(pid_t group)	/* in the child */
{
	(void)group;
}

void guard_remove(pid_t group)
{
	n_removed++;
	removed = group;
}

static struct loop *loop;
static struct err error;

static void on_done(struct op *op, void *arg)
{
	(void)arg;
	error = *op->err;
	loop_stop(loop);
}

static int lowest_free_fd(void)
{
	int fd = open("/dev/null", O_RDONLY);

	close(fd);
	return fd;
}

START_TEST(a_group_that_was_reaped_is_forgotten)
{
	const char *const argv[] = {"true", NULL}, *const env[] = {"PATH=/usr/bin:/bin", NULL};
	struct rlimit was;
	int first, n_after_fork = 0, n_before_fork = 0, n_well = 0;

	loop = loop_new();
	first = lowest_free_fd();
	getrlimit(RLIMIT_NOFILE, &was);
	for (int more = 0; more <= MORE_FDS; more++) {
		struct rlimit few = {(rlim_t)(first + more), was.rlim_max};

		n_begun = n_removed = 0;
		setrlimit(RLIMIT_NOFILE, &few);
		proc_start(loop, arena_new(NULL), &(struct proc_request){.argv = argv, .env = env}, on_done, NULL);
		loop_run(loop);
		setrlimit(RLIMIT_NOFILE, &was);
		ck_assert_int_eq(n_removed, n_begun);
		if (n_removed) {
			ck_assert_int_gt(removed, 0);
			ck_assert(kill(removed, 0) < 0 && errno == ESRCH);
		}
		n_before_fork += error.code != ERR_NONE && !n_begun;
		n_after_fork += error.code != ERR_NONE && n_begun;
		n_well += error.code == ERR_NONE;
		ck_assert_int_eq(lowest_free_fd(), first);
	}
	ck_assert_int_gt(n_before_fork, 0);
	ck_assert_int_gt(n_after_fork, 0);
	ck_assert_int_gt(n_well, 0);
	ck_assert(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
	loop_free(loop);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("spawn");
	TCase *t = tcase_create("spawn");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_group_that_was_reaped_is_forgotten);
	suite_add_tcase(s, t);
	return suite_run(s);
}
