/* file.c - whole files, and what cannot be opened below a directory. */
#include "base/file.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "../write_file.h"
#include "../suite_run.h"

static struct arena *a;
static char dir[64];
static int dirfd;

/* dir holds: in/file, in/sub/file, outside, and what the tests add. */
static const char *at(const char *name)
{
	return arena_printf(a, "%s/%s", dir, name);
}

static void setup(void)
{
	struct err err;

	a = arena_new(NULL);
	snprintf(dir, sizeof dir, "/tmp/agentd-file-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(file_mkdirs(at("in/sub"), 0700, &err), 0);
	ck_assert_int_eq(write_file(at("in/file"), STR("inside"), 0600), 0);
	ck_assert_int_eq(write_file(at("in/sub/file"), STR("deeper"), 0600), 0);
	ck_assert_int_eq(write_file(at("outside"), STR("outside"), 0600), 0);
	dirfd = open(at("in"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(dirfd, 0);
}

static void teardown(void)
{
	static const char *const names[] = {"in/link", "in/dirlink", "in/hard", "in/fifo", "in/new", "in/file", "in/sub/file",
					    "in/sub/link", "in/sub", "in/abs", "in", "outside", "w", "x/y/z", "x/y", "x"};

	close(dirfd);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		remove(at(names[i]));
	/* fails when a temporary file was left */
	ck_assert_int_eq(rmdir(dir), 0);
	arena_free(a);
}

static const char *content(const char *name)
{
	struct str s;
	struct err err;

	ck_assert_msg(file_read(a, at(name), 1000000, &s, &err) == 0, "%s", err.msg);
	ck_assert_uint_eq(strlen(s.p), s.n);
	return s.p;
}

START_TEST(reading)
{
	struct str s = STR("untouched");
	struct err err;

	ck_assert_int_eq(file_read(a, at("in/file"), 6, &s, &err), 0);
	ck_assert(str_is(s, "inside"));
	ck_assert_int_eq(s.p[s.n], '\0');
	s = STR("untouched");
	ck_assert_int_eq(file_read(a, at("in/file"), 5, &s, &err), -1);
	ck_assert_int_eq(err.code, ERR_SIZE);
	ck_assert_str_eq(err.msg, arena_printf(a, "\"%s/in/file\": more than 5 bytes", dir));
	ck_assert_int_eq(file_read(a, at("in/file"), 0, &s, &err), -1);
	ck_assert_int_eq(err.code, ERR_SIZE);
	ck_assert_int_eq(file_read(a, at("absent"), 5, &s, &err), -1);
	ck_assert_int_eq(err.code, ERR_NOT_FOUND);
	ck_assert_str_eq(err.msg, arena_printf(a, "cannot open \"%s/absent\": No such file or directory", dir));
	ck_assert_int_eq(file_read(a, at("in"), 5, &s, &err), -1);
	ck_assert_int_eq(err.code, ERR_IO);
	ck_assert_int_eq(file_read(a, at("in/file/x"), 5, &s, &err), -1);
	ck_assert_int_eq(err.code, ERR_IO);
	ck_assert(str_is(s, "untouched"));
	ck_assert_int_eq(file_read(a, "/dev/null", 0, &s, &err), 0);
	ck_assert_uint_eq(s.n, 0);
	ck_assert_int_eq(file_read(a, "/dev/zero", 100000, &s, &err), -1);
	ck_assert_int_eq(err.code, ERR_SIZE);
	ck_assert_int_eq(file_read(a, "/proc/self/status", 100000, &s, &err), 0);
	ck_assert_uint_gt(s.n, 100);
}
END_TEST

START_TEST(reading_a_pipe)
{
	static char big[60000];
	int fd[2];
	struct str s;
	struct err err;

	memset(big, 'p', sizeof big);
	for (int over = 0; over < 2; over++) {
		ck_assert_int_eq(pipe(fd), 0);
		ck_assert_int_eq(write(fd[1], big, sizeof big), sizeof big);
		close(fd[1]);
		ck_assert_int_eq(file_read_fd(a, fd[0], sizeof big - (size_t)over, &s, &err), -over);
		close(fd[0]);
		if (over)
			ck_assert_int_eq(err.code, ERR_SIZE);
		else
			ck_assert_uint_eq(s.n, sizeof big);
	}
	ck_assert_int_eq(file_read_fd(a, fd[0], 5, &s, &err), -1);
	ck_assert_int_eq(err.code, ERR_IO);
}
END_TEST

START_TEST(making_directories)
{
	struct stat st;
	struct err err;

	ck_assert_int_eq(file_mkdirs(at("x/y//z/"), 0700, &err), 0);
	ck_assert_int_eq(stat(at("x/y/z"), &st), 0);
	ck_assert(S_ISDIR(st.st_mode));
	ck_assert_int_eq(file_mkdirs(at("x/y/z"), 0700, &err), 0);
	ck_assert_int_eq(file_mkdirs("/", 0700, &err), 0);
	ck_assert_int_eq(file_mkdirs(at("outside"), 0700, &err), -1);
	ck_assert_int_eq(err.code, ERR_IO);
	ck_assert_int_eq(file_mkdirs(at("outside/x"), 0700, &err), -1);
	ck_assert_int_eq(file_mkdirs("", 0700, &err), -1);
}
END_TEST

START_TEST(opening_beneath)
{
	struct str s;
	struct err err;
	int fd = file_open_beneath(dirfd, "sub/file", O_RDONLY, 0, &err);

	ck_assert_msg(fd >= 0, "%s", err.msg);
	ck_assert_int_ne(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
	ck_assert_int_eq(file_read_fd(a, fd, 100, &s, &err), 0);
	ck_assert(str_is(s, "deeper"));
	close(fd);
	fd = file_open_beneath(dirfd, "./sub/./file", O_RDONLY, 0, &err);
	ck_assert_int_ge(fd, 0);
	close(fd);
	fd = file_open_beneath(dirfd, "sub", O_RDONLY | O_DIRECTORY, 0, &err);
	ck_assert_int_ge(fd, 0);
	close(fd);
	fd = file_open_beneath(dirfd, "new", O_WRONLY | O_CREAT | O_EXCL, 0640, &err);
	ck_assert_msg(fd >= 0, "%s", err.msg);
	ck_assert_int_eq(write(fd, "made", 4), 4);
	close(fd);
	ck_assert_str_eq(content("in/new"), "made");
	fd = file_open_beneath(dirfd, "new", O_WRONLY | O_TRUNC, 0, &err);
	ck_assert_int_ge(fd, 0);
	close(fd);
	ck_assert_str_eq(content("in/new"), "");
	ck_assert_int_eq(file_open_beneath(dirfd, "new", O_WRONLY | O_CREAT | O_EXCL, 0600, &err), -1);
	ck_assert_int_eq(err.code, ERR_IO);
}
END_TEST

static const struct {
	const char *name;
	int flags;
	enum err_code code;
} refused[] = {
	{"", O_RDONLY, ERR_FORBIDDEN},
	{"..", O_RDONLY, ERR_FORBIDDEN},
	{"../outside", O_RDONLY, ERR_FORBIDDEN},
	{"sub/../../outside", O_RDONLY, ERR_FORBIDDEN},
	{"sub/../file", O_RDONLY, ERR_FORBIDDEN},
	{"sub/..", O_RDONLY | O_DIRECTORY, ERR_FORBIDDEN},
	{"/etc/passwd", O_RDONLY, ERR_FORBIDDEN},
	{"link", O_RDONLY, ERR_FORBIDDEN},
	{"link", O_WRONLY | O_TRUNC, ERR_FORBIDDEN},
	{"link", O_WRONLY | O_CREAT, ERR_FORBIDDEN},
	{"abs", O_RDONLY, ERR_FORBIDDEN},
	{"sub/link", O_RDONLY, ERR_FORBIDDEN},
	{"dirlink/file", O_RDONLY, ERR_FORBIDDEN},
	{"dirlink", O_RDONLY | O_DIRECTORY, ERR_FORBIDDEN},
	{"hard", O_RDONLY, ERR_FORBIDDEN},
	{"hard", O_WRONLY | O_TRUNC, ERR_FORBIDDEN},
	{"fifo", O_RDONLY, ERR_FORBIDDEN},
	{"fifo", O_WRONLY, ERR_FORBIDDEN},
	{"sub", O_RDONLY, ERR_FORBIDDEN},
	{"sub", O_WRONLY, ERR_FORBIDDEN},
	{".", O_RDONLY, ERR_FORBIDDEN},
	{"absent", O_RDONLY, ERR_NOT_FOUND},
	{"absent/file", O_WRONLY | O_CREAT, ERR_NOT_FOUND},
	{"file/x", O_RDONLY, ERR_IO},
	{"file", O_RDONLY | O_DIRECTORY, ERR_IO},
};

START_TEST(not_opened)
{
	struct err err;

	ck_assert_int_eq(symlink("../outside", at("in/link")), 0);
	ck_assert_int_eq(symlink("/etc/passwd", at("in/abs")), 0);
	ck_assert_int_eq(symlink("../file", at("in/sub/link")), 0);
	ck_assert_int_eq(symlink("sub", at("in/dirlink")), 0);
	ck_assert_int_eq(link(at("outside"), at("in/hard")), 0);
	ck_assert_int_eq(mkfifo(at("in/fifo"), 0600), 0);
	ck_assert_int_eq(file_open_beneath(dirfd, refused[_i].name, refused[_i].flags, 0600, &err), -1);
	ck_assert_msg(err.code == refused[_i].code, "%s: %s", refused[_i].name, err.msg);
	ck_assert_str_eq(content("outside"), "outside");
	ck_assert_int_eq(file_open_beneath(dirfd, refused[_i].name, refused[_i].flags, 0600, NULL), -1);
}
END_TEST

START_TEST(names_that_only_look_like_dotdot)
{
	static const char *const names[] = {"new", "..new", "new..", "...", "sub/..."};

	for (int i = 0; i < 5; i++) {
		struct err err;
		int fd = file_open_beneath(dirfd, names[i], O_RDWR | O_CREAT, 0600, &err);

		ck_assert_msg(fd >= 0, "%s", err.msg);
		close(fd);
		ck_assert_int_eq(unlinkat(dirfd, names[i], 0), 0);
	}
}
END_TEST

START_TEST(no_descriptor_is_lost)
{
	int before = dup(0), after;

	close(before);
	for (int i = 0; i < 10; i++) {
		struct str s;

		ck_assert_int_eq(file_open_beneath(dirfd, "sub", O_RDONLY, 0, NULL), -1);
		ck_assert_int_eq(file_read(a, at("in/file"), 2, &s, NULL), -1);
		ck_assert_int_eq(file_read(a, at("in"), 2, &s, NULL), -1);
	}
	after = dup(0);
	close(after);
	ck_assert_int_eq(before, after);
}
END_TEST

/* valgrind 3.19 does not know it and says ENOSYS. */
static bool kernel_has_openat2(void)
{
	struct err err;
	int fd = file_open_beneath(AT_FDCWD, ".", O_RDONLY | O_DIRECTORY, 0, &err);

	if (fd >= 0)
		close(fd);
	return fd >= 0 || strstr(err.msg, "needs Linux 5.6") == NULL;
}

#define ROWS(table) ((int)(sizeof(table) / sizeof(table)[0]))

int main(void)
{
	Suite *s = suite_create("file");
	TCase *tc = tcase_create("file");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, reading);
	tcase_add_test(tc, reading_a_pipe);
	tcase_add_test(tc, making_directories);
	tcase_add_test(tc, no_descriptor_is_lost);
	if (kernel_has_openat2()) {
		tcase_add_test(tc, opening_beneath);
		tcase_add_loop_test(tc, not_opened, 0, ROWS(refused));
		tcase_add_test(tc, names_that_only_look_like_dotdot);
	}
	suite_add_tcase(s, tc);
	return suite_run(s);
}
