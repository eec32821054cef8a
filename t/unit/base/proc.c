/* proc.c - children: how they start, what they may say, how they end. */
#include "base/proc.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "../suite_run.h"

static struct loop *loop;
static struct arena *kept;	/* copies of results */
static struct proc_result result;
static struct err error;
static int pending;

static const char *const plain_env[] = {"PATH=/usr/bin:/bin", NULL};

static void setup(void)
{
	loop = loop_new();
	kept = arena_new(NULL);
	pending = 0;
}

static void teardown(void)
{
	loop_free(loop);
	arena_free(kept);
	/* No child is left, reaped or not. */
	errno = 0;
	ck_assert_msg(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD, "a child is left");
}

static struct str keep(struct str s)
{
	return (struct str){arena_strndup(kept, s.p, s.n), s.n};
}

static void on_done(struct op *op, void *arg)
{
	(void)arg;
	error = *op->err;
	result = *proc_result_of(op);
	result.out = keep(result.out);
	result.err = keep(result.err);
	if (--pending == 0)
		loop_stop(loop);
}

static struct op *start(const struct proc_request *req)
{
	pending++;
	return proc_start(loop, arena_new(NULL), req, on_done, NULL);
}

/* Defaults for what a test does not say; script NULL: req->argv is set. */
static void run(const char *script, struct proc_request req)
{
	const char *const argv[] = {"sh", "-c", script, NULL};

	if (script)
		req.argv = argv;
	if (!req.env)
		req.env = plain_env;
	start(&req);
	loop_run(loop);
}

static const struct {
	const char *script;
	int exit_status, signal;
	const char *out, *err;
} ends[] = {
	{"exit 0", 0, 0, "", ""},
	{"exit 7", 7, 0, "", ""},
	{"echo out; echo err >&2; exit 1", 1, 0, "out\n", "err\n"},
	{"kill -9 $$", -1, SIGKILL, "", ""},
	{"kill -TERM $$", -1, SIGTERM, "", ""},
	{"kill -PIPE $$", -1, SIGPIPE, "", ""},		/* we ignore it, the child must not */
	{"pwd", 0, 0, "/\n", ""},
	{"cat", 0, 0, "", ""},				/* empty input is an end of file */
	{"ulimit -c", 0, 0, "0\n", ""},
};

START_TEST(a_child_ends_and_its_end_is_told)
{
	run(ends[_i].script, (struct proc_request){0});
	ck_assert_msg(error.code == ERR_NONE, "%s", error.msg);
	ck_assert_int_eq(result.exit_status, ends[_i].exit_status);
	ck_assert_int_eq(result.signal, ends[_i].signal);
	ck_assert_str_eq(result.out.p, ends[_i].out);
	ck_assert_str_eq(result.err.p, ends[_i].err);
	ck_assert_int_ge(result.wall_ms, 0);
}
END_TEST

START_TEST(the_environment_is_what_was_given)
{
	const char *const env[] = {"A=1", "B=two words", NULL}, *const argv[] = {"/usr/bin/env", NULL};

	setenv("SECRET", "x", 1);
	run(NULL, (struct proc_request){.argv = argv, .env = env});
	ck_assert_str_eq(result.out.p, "A=1\nB=two words\n");
	pending++;	/* env NULL: empty */
	proc_start(loop, arena_new(NULL), &(struct proc_request){.argv = argv}, on_done, NULL);
	loop_run(loop);
	ck_assert_int_eq(error.code, ERR_NONE);
	ck_assert_str_eq(result.out.p, "");
}
END_TEST

START_TEST(input_of_any_size_passes_through)
{
	static char big[300000];

	for (size_t i = 0; i < sizeof big; i++)
		big[i] = (char)('a' + i % 23);
	run("cat", (struct proc_request){.stdin_data = {big, sizeof big}});
	ck_assert_int_eq(error.code, ERR_NONE);
	ck_assert_uint_eq(result.out.n, sizeof big);
	ck_assert_mem_eq(result.out.p, big, sizeof big);
	/* A child that does not read does no harm. */
	run("exec <&-; echo done", (struct proc_request){.stdin_data = {big, sizeof big}});
	ck_assert_int_eq(error.code, ERR_NONE);
	ck_assert_str_eq(result.out.p, "done\n");
}
END_TEST

START_TEST(output_has_caps)
{
	run("printf 1234567890", (struct proc_request){.max_stdout = 10});
	ck_assert_int_eq(error.code, ERR_NONE);
	ck_assert_str_eq(result.out.p, "1234567890");
	run("printf 12345678901", (struct proc_request){.max_stdout = 10});
	ck_assert_int_eq(error.code, ERR_SIZE);
	ck_assert_str_eq(result.out.p, "1234567890");
	run("while :; do echo aaaaaaaaaaaaaaaaaaaaaaaa; done", (struct proc_request){.max_stdout = 1000});
	ck_assert_int_eq(error.code, ERR_SIZE);
	ck_assert_uint_eq(result.out.n, 1000);
	run("printf 123456 >&2; printf ok", (struct proc_request){.max_stderr = 4});
	ck_assert_int_eq(error.code, ERR_NONE);
	ck_assert_str_eq(result.err.p, "1234");
	ck_assert_str_eq(result.out.p, "ok");
}
END_TEST

static const struct {
	const char *argv0, *dir;
	const char *said;
} missing[] = {
	{"no-such-program-anywhere", NULL, "No such file"},
	{"/no/such/program", NULL, "No such file"},
	{"/etc/passwd", NULL, "Permission denied"},
	{"/", NULL, "Permission denied"},
	{"sh", "/no/such/dir", "directory"},
	{"", NULL, "no program"},
};

START_TEST(a_program_that_cannot_start_is_an_io_error)
{
	const char *const argv[] = {missing[_i].argv0, NULL};

	run(NULL, (struct proc_request){.argv = argv, .dir = missing[_i].dir});
	ck_assert_int_eq(error.code, ERR_IO);
	ck_assert_msg(strstr(error.msg, missing[_i].said), "%s", error.msg);
}
END_TEST

/* True when no process has that number, or only a zombie that its adopter has not yet reaped. */
static bool is_dead(pid_t pid)
{
	char path[64], line[256] = "", *state;
	FILE *f;
	size_t n;

	if (kill(pid, 0) < 0)
		return true;
	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	f = fopen(path, "r");
	if (!f)
		return true;
	n = fread(line, 1, sizeof line - 1, f);
	fclose(f);
	line[n] = '\0';
	state = strrchr(line, ')');
	return state && state[1] && (state[2] == 'Z' || state[2] == 'X');
}

/* SIGKILL is sent before the completion; the kernel may take a moment to carry it out. */
static void assert_dies(pid_t pid)
{
	for (int i = 0; i < 5000 && !is_dead(pid); i++)
		usleep(1000);
	ck_assert(is_dead(pid));
}

START_TEST(a_timeout_ends_the_whole_group)
{
	run("sleep 1000 & echo $!; wait", (struct proc_request){.timeout_ms = 300});
	ck_assert_int_eq(error.code, ERR_TIMEOUT);
	ck_assert_int_eq(result.signal, SIGTERM);
	ck_assert_int_ge(result.wall_ms, 299);
	ck_assert_int_lt(result.wall_ms, 5000);
	ck_assert_uint_gt(result.out.n, 1);
	ck_assert_int_gt(strtol(result.out.p, NULL, 10), 1);
	assert_dies((pid_t)strtol(result.out.p, NULL, 10));
}
END_TEST

START_TEST(a_child_deaf_to_sigterm_is_killed_after_the_grace)
{
	run("trap '' TERM; (trap '' TERM; while :; do sleep 1000; done) & echo $!; while :; do sleep 1000; done",
	    (struct proc_request){.timeout_ms = 300, .grace_ms = 100});
	ck_assert_int_eq(error.code, ERR_TIMEOUT);
	ck_assert_int_eq(result.signal, SIGKILL);
	ck_assert_int_ge(result.wall_ms, 399);
	ck_assert_int_lt(result.wall_ms, 5000);
	ck_assert_int_gt(strtol(result.out.p, NULL, 10), 1);
	assert_dies((pid_t)strtol(result.out.p, NULL, 10));
}
END_TEST

START_TEST(a_grandchild_that_keeps_the_pipe_holds_nothing_up)
{
	run("sleep 1000 & echo $!", (struct proc_request){.timeout_ms = 20000});
	ck_assert_int_eq(error.code, ERR_NONE);
	ck_assert_int_eq(result.exit_status, 0);
	ck_assert_int_lt(result.wall_ms, 10000);
	ck_assert_int_gt(strtol(result.out.p, NULL, 10), 1);
	assert_dies((pid_t)strtol(result.out.p, NULL, 10));
}
END_TEST

START_TEST(a_grandchild_that_left_the_group_holds_nothing_up)
{
	run("setsid sleep 1000 & echo $!; sleep 0.1", (struct proc_request){.timeout_ms = 20000});
	ck_assert_int_eq(error.code, ERR_NONE);
	ck_assert_int_lt(result.wall_ms, 10000);
	ck_assert_int_gt(strtol(result.out.p, NULL, 10), 1);
	kill((pid_t)strtol(result.out.p, NULL, 10), SIGKILL);
}
END_TEST

static void cancel_op(void *op)
{
	op_cancel(op);
}

START_TEST(cancel_at_once_and_later)
{
	const char *const argv[] = {"sh", "-c", "sleep 1000", NULL};
	struct proc_request req = {.argv = argv, .env = plain_env};
	struct loop_timer *t;
	struct op *op = start(&req);

	op_cancel(op);
	op_cancel(op);
	ck_assert_int_eq(pending, 1);
	loop_run(loop);
	ck_assert_int_eq(error.code, ERR_CANCELLED);

	op = start(&req);
	t = loop_timer_new(loop, cancel_op, op);
	loop_timer_set(t, 50);
	loop_run(loop);
	loop_timer_free(t);
	ck_assert_int_eq(error.code, ERR_CANCELLED);
	ck_assert_int_eq(result.signal, SIGTERM);
}
END_TEST

static void kill_op(void *op)
{
	proc_kill(op);
}

/* A lost lease: there is no time for whoever is deaf to SIGTERM, and none that an earlier cancel left. */
START_TEST(kill_gives_no_grace)
{
	const char *const argv[] = {"sh", "-c", "trap '' TERM; while :; do sleep 1000; done", NULL};
	struct proc_request req = {.argv = argv, .env = plain_env, .grace_ms = 60000};

	for (int cancelled_before = 0; cancelled_before < 2; cancelled_before++) {
		struct op *op = start(&req);
		struct loop_timer *soon = loop_timer_new(loop, cancel_op, op), *then = loop_timer_new(loop, kill_op, op);

		if (cancelled_before)
			loop_timer_set(soon, 200);	/* the shell has set its trap */
		loop_timer_set(then, 400);
		loop_run(loop);
		loop_timer_free(soon);
		loop_timer_free(then);
		ck_assert_int_eq(error.code, ERR_CANCELLED);
		ck_assert_int_eq(result.signal, SIGKILL);
		ck_assert_int_lt(result.wall_ms, 10000);
	}
}
END_TEST

static char pid_file[] = "/tmp/proc-test.XXXXXX";

static pid_t pid_in_file(void)
{
	FILE *f = fopen(pid_file, "r");
	int pid = 0;

	if (fscanf(f, "%d\n", &pid) != 1)
		pid = 0;
	fclose(f);
	return pid;
}

/* A program that has started another one, and its parent is killed. */
START_TEST(a_group_dies_with_whoever_started_it)
{
	int fd = mkstemp(pid_file);
	pid_t parent, pid;

	parent = fork();
	if (parent == 0) {
		char script[200];

		loop = loop_new();
		snprintf(script, sizeof script, "trap '' TERM HUP; sleep 1000 & echo $! >%s; wait", pid_file);
		start(&(struct proc_request){.argv = (const char *const[]){"sh", "-c", script, NULL}, .env = plain_env});
		loop_run(loop);
		_exit(0);
	}
	for (int i = 0; i < 10000 && !pid_in_file(); i++)
		usleep(1000);
	pid = pid_in_file();
	ck_assert_int_gt(pid, 0);
	ck_assert(!is_dead(pid));
	kill(parent, SIGKILL);
	waitpid(parent, NULL, 0);
	assert_dies(pid);
	close(fd);
	unlink(pid_file);
}
END_TEST

static int open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

START_TEST(no_descriptor_leaks_to_the_child_or_here)
{
	int before, extra = dup(1);	/* inheritable */

	run("true", (struct proc_request){0});
	loop_defer(loop, free, NULL);
	loop_once(loop);
	before = open_fds();
	run("echo /proc/self/fd/*", (struct proc_request){.stdin_data = STR("x")});
	/* 3 is the shell's own directory handle */
	ck_assert_msg(strcmp(result.out.p, "/proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2 /proc/self/fd/3\n") == 0,
		      "%s", result.out.p);
	run(NULL, (struct proc_request){.argv = (const char *const[]){"/nope", NULL}});
	loop_defer(loop, free, NULL);
	loop_once(loop);
	ck_assert_int_eq(open_fds(), before);
	close(extra);
}
END_TEST

START_TEST(limits_hold)
{
	char dir[] = "/tmp/agentd-proc-XXXXXX", path[64];
	struct stat st;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	run("while :; do :; done", (struct proc_request){.max_cpu_s = 1, .timeout_ms = 30000});
	ck_assert_int_eq(error.code, ERR_NONE);
	ck_assert_int_eq(result.signal, SIGXCPU);
	run("ulimit -v", (struct proc_request){.max_memory_bytes = 256 << 20});
	ck_assert_str_eq(result.out.p, "262144\n");
	run("head -c 100000 /dev/zero > f; exit 3", (struct proc_request){.max_file_bytes = 4096, .dir = dir});
	ck_assert_int_eq(result.exit_status, 3);
	snprintf(path, sizeof path, "%s/f", dir);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_size, 4096);
	unlink(path);
	rmdir(dir);
}
END_TEST

START_TEST(many_children_at_a_time)
{
	const char *const argv[] = {"sh", "-c", "echo x; exit 5", NULL};

	for (int i = 0; i < 60; i++)
		start(&(struct proc_request){.argv = argv, .env = plain_env});
	loop_run(loop);
	ck_assert_int_eq(pending, 0);
	ck_assert_int_eq(result.exit_status, 5);
}
END_TEST

/* libc keeps signals 32 and 33 for itself: no program can reset them, and whoever started us may ignore them. */
#define LIBC_SIGNALS 0x180000000ull

START_TEST(a_child_leads_its_group_and_blocks_no_signal)
{
	sigset_t some;
	const char *ignored;

	sigemptyset(&some);
	sigaddset(&some, SIGTERM);
	sigprocmask(SIG_BLOCK, &some, NULL);
	run("read -r _ _ _ _ pgrp _ < /proc/$$/stat; [ \"$pgrp\" = $$ ] && echo leader; grep ^Sig[BI] /proc/self/status",
	    (struct proc_request){0});
	sigprocmask(SIG_UNBLOCK, &some, NULL);
	ck_assert_ptr_nonnull(strstr(result.out.p, "leader\nSigBlk:\t0000000000000000\n"));
	ignored = strstr(result.out.p, "SigIgn:\t");
	ck_assert_ptr_nonnull(ignored);
	ck_assert_uint_eq(strtoull(ignored + 8, NULL, 16) & ~LIBC_SIGNALS, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("proc");
	TCase *tc = tcase_create("proc");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, a_child_ends_and_its_end_is_told, 0, (int)(sizeof ends / sizeof ends[0]));
	tcase_add_test(tc, the_environment_is_what_was_given);
	tcase_add_test(tc, input_of_any_size_passes_through);
	tcase_add_test(tc, output_has_caps);
	tcase_add_loop_test(tc, a_program_that_cannot_start_is_an_io_error, 0,
			    (int)(sizeof missing / sizeof missing[0]));
	tcase_add_test(tc, a_timeout_ends_the_whole_group);
	tcase_add_test(tc, a_child_deaf_to_sigterm_is_killed_after_the_grace);
	tcase_add_test(tc, kill_gives_no_grace);
	tcase_add_test(tc, a_group_dies_with_whoever_started_it);
	tcase_add_test(tc, a_grandchild_that_keeps_the_pipe_holds_nothing_up);
	tcase_add_test(tc, a_grandchild_that_left_the_group_holds_nothing_up);
	tcase_add_test(tc, cancel_at_once_and_later);
	tcase_add_test(tc, no_descriptor_leaks_to_the_child_or_here);
	tcase_add_test(tc, limits_hold);
	tcase_add_test(tc, many_children_at_a_time);
	tcase_add_test(tc, a_child_leads_its_group_and_blocks_no_signal);
	suite_add_tcase(s, tc);
	return suite_run(s);
}
