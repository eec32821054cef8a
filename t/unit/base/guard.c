/* guard.c - groups that were added die with their owner, those that were removed do not. */
#include "base/guard.h"
#include "../suite_run.h"

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* A group of one that does nothing. It is ours, not its owner's: we see how it ends. */
static pid_t idle_group(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		setpgid(0, 0);
		for (;;)
			pause();
	}
	setpgid(pid, pid);
	return pid;
}

/* An owner guards the groups, forgets some, and ends without a farewell. */
static void owner_dies(const pid_t *groups, int n, unsigned forgets)
{
	pid_t owner = fork();

	if (owner == 0) {
		guard_begin();
		for (int i = 0; i < n; i++)
			guard_add(groups[i]);
		for (int i = 0; i < n; i++)
			if (forgets & 1U << i)
				guard_remove(groups[i]);
		raise(SIGKILL);
	}
	waitpid(owner, NULL, 0);
}

static int end_of(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

START_TEST(what_was_removed_lives_on)
{
	for (unsigned forgets = 0; forgets < 1U << 3; forgets++) {
		const pid_t groups[] = {idle_group(), idle_group(), idle_group(), idle_group()};

		owner_dies(groups, 4, forgets);
		/* The last is never forgotten: the guard kills in the order of its list, in which a removed one gives its place to the last. */
		ck_assert_int_eq(end_of(groups[3]), SIGKILL);
		for (int i = 0; i < 3; i++) {
			if (forgets & 1U << i) {
				usleep(20000);	/* a kill that comes all the same would come now */
				ck_assert_int_eq(waitpid(groups[i], NULL, WNOHANG), 0);
				kill(groups[i], SIGUSR1);
				ck_assert_int_eq(end_of(groups[i]), SIGUSR1);
			} else {
				ck_assert_int_eq(end_of(groups[i]), SIGKILL);
			}
		}
	}
}
END_TEST

START_TEST(without_a_guard_nothing_is_told)
{
	const pid_t group = idle_group();

	guard_add(group);	/* no guard was made: no error, nothing happens */
	guard_remove(group);
	guard_remove(group);
	ck_assert_int_eq(waitpid(group, NULL, WNOHANG), 0);
	kill(group, SIGUSR1);
	ck_assert_int_eq(end_of(group), SIGUSR1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("guard");
	TCase *t = tcase_create("guard");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, what_was_removed_lives_on);
	tcase_add_test(t, without_a_guard_nothing_is_told);
	suite_add_tcase(s, t);
	return suite_run(s);
}
