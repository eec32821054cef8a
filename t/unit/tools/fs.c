/* fs.c - files of tasks: reading, writing, listing, quotas, and names that try to get out. */
#define _GNU_SOURCE
#include <check.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/json.h"
#include "caller.h"
#include "../suite_run.h"

#define SECRET "the secret of the house"

static struct manifest *verbs[3];
static struct fs_root roots[2];
static const char *ws;

static struct manifest *verb(const char *name, enum fs_verb v)
{
	struct manifest *m = manifest_new(name, RUNNER_FS);

	m->u.fs.verb = v;
	return m;
}

static void setup(void)
{
	caller_begin();
	verbs[FS_READ] = verb("fs.read", FS_READ);
	verbs[FS_WRITE] = verb("fs.write", FS_WRITE);
	verbs[FS_LIST] = verb("fs.list", FS_LIST);
	roots[0] = (struct fs_root){STR("docs"), path_of("docs"), false};
	roots[1] = (struct fs_root){STR("out"), path_of("out"), true};
	settings.tools.roots = roots;
	settings.tools.n_roots = 2;
	mkdir(roots[0].path, 0755);
	mkdir(roots[1].path, 0755);
	put_file(path_of("secret"), SECRET);
	put_file(path_of("docs/a.txt"), "alpha");
	put_file(path_of("docs/b.md"), "beta");
	mkdir(path_of("docs/sub"), 0755);
	put_file(path_of("docs/sub/c.txt"), "gamma");
	/* the workspace comes into being with its first use */
	ck_assert_int_eq(call(verbs[FS_LIST], "{}").err.code, ERR_NONE);
	ws = tools_workspace(arena, &settings, &task);
}

static const char *in_ws(const char *name)
{
	return arena_printf(arena, "%s/%s", ws, name);
}

static struct answer read_file(const char *args)
{
	return call(verbs[FS_READ], args);
}

static struct answer write_file(const char *args)
{
	return call(verbs[FS_WRITE], args);
}

static struct answer list(const char *args)
{
	return call(verbs[FS_LIST], args);
}

/* --- reading --- */

START_TEST(reads)
{
	assert_gives(read_file("{\"root\":\"docs\",\"path\":\"a.txt\"}"), "{\"path\":\"a.txt\",\"size\":5,\"text\":\"alpha\"}");
	assert_gives(read_file("{\"root\":\"docs\",\"path\":\"./sub//c.txt\"}"),
		     "{\"path\":\"./sub//c.txt\",\"size\":5,\"text\":\"gamma\"}");
	assert_gives(read_file("{\"root\":\"docs\",\"path\":\"a.txt\",\"max_bytes\":3}"),
		     "{\"path\":\"a.txt\",\"size\":5,\"text\":\"alp\",\"truncated\":true}");
	assert_gives(read_file("{\"root\":\"docs\",\"path\":\"a.txt\",\"max_bytes\":5}"),
		     "{\"path\":\"a.txt\",\"size\":5,\"text\":\"alpha\"}");
	assert_gives(read_file("{\"root\":\"docs\",\"path\":\"a.txt\",\"max_bytes\":0}"),
		     "{\"path\":\"a.txt\",\"size\":5,\"text\":\"\",\"truncated\":true}");
}
END_TEST

START_TEST(reads_what_is_not_text)
{
	put_file(in_ws("latin"), "caf\xe9");
	assert_gives(read_file("{\"path\":\"latin\"}"), "{\"path\":\"latin\",\"size\":4,\"base64\":\"Y2Fm6Q==\"}");
	put_file(in_ws("euro"), "\xe2\x82\xac\xe2\x82\xac");
	assert_gives(read_file("{\"path\":\"euro\",\"max_bytes\":5}"),
		     "{\"path\":\"euro\",\"size\":6,\"text\":\"\xe2\x82\xac\",\"truncated\":true}");
	assert_gives(read_file("{\"path\":\"euro\",\"max_bytes\":1}"),
		     "{\"path\":\"euro\",\"size\":6,\"text\":\"\",\"truncated\":true}");
	put_file(in_ws("empty"), "");
	assert_gives(read_file("{\"path\":\"empty\"}"), "{\"path\":\"empty\",\"size\":0,\"text\":\"\"}");
}
END_TEST

START_TEST(a_long_file_is_cut_or_refused)
{
	char *text = arena_alloc(arena, 5001);
	struct answer r;

	memset(text, 'x', 5000);
	text[5000] = '\0';
	put_file(in_ws("long"), text);
	verbs[FS_READ]->max_output_bytes = 1000;
	assert_fails(read_file("{\"path\":\"long\"}"), ERR_TOOL_OUTPUT, TOOL_NOT_BEGUN);
	verbs[FS_READ]->truncate_output = true;
	r = read_file("{\"path\":\"long\"}");
	ck_assert_uint_gt(strlen(r.text), 900);
	ck_assert_uint_le(strlen(r.text), 1000);
	ck_assert(json_is_true(json_getc(r.value, "truncated")));
	text[0] = '\xff';
	put_file(in_ws("long"), text);
	r = read_file("{\"path\":\"long\"}");
	ck_assert_int_eq(r.err.code, ERR_NONE);
	ck_assert_uint_eq(json_str(json_getc(r.value, "base64")).n % 4, 0);
	ck_assert(json_is_true(json_getc(r.value, "truncated")));
}
END_TEST

START_TEST(a_sparse_terabyte_is_bounded)
{
	int fd = open(in_ws("sparse"), O_WRONLY | O_CREAT, 0644);

	ck_assert_int_ge(fd, 0);
	if (ftruncate(fd, (off_t)1 << 40) == 0) {
		struct answer r = read_file("{\"path\":\"sparse\",\"max_bytes\":100}");

		ck_assert_msg(r.err.code == ERR_NONE, "%s", r.err.msg);
		assert_fails(read_file("{\"path\":\"sparse\"}"), ERR_TOOL_OUTPUT, TOOL_NOT_BEGUN);
	}
	close(fd);
}
END_TEST

START_TEST(wrong_reads)
{
	assert_fails(read_file("{}"), ERR_TOOL_ARGS, TOOL_NOT_BEGUN);
	assert_fails(read_file("{\"path\":\"\"}"), ERR_TOOL_ARGS, TOOL_NOT_BEGUN);
	assert_fails(read_file("{\"path\":7}"), ERR_TOOL_ARGS, TOOL_NOT_BEGUN);
	assert_fails(read_file("{\"path\":\"a\",\"max_bytes\":-1}"), ERR_TOOL_FAILED, TOOL_NOT_BEGUN);
	assert_fails(read_file("{\"path\":\"none\"}"), ERR_TOOL_FAILED, TOOL_NOT_BEGUN);
	assert_fails(read_file("{\"root\":\"nowhere\",\"path\":\"a\"}"), ERR_TOOL_ARGS, TOOL_NOT_BEGUN);
	assert_fails(read_file("{\"root\":\"docs\",\"path\":\"sub\"}"), ERR_TOOL_FAILED, TOOL_NOT_BEGUN);
	put_file(in_ws("a"), "x");
	assert_fails(read_file("{\"path\":\"a\",\"max_bytes\":-1}"), ERR_TOOL_ARGS, TOOL_NOT_BEGUN);
	roots[0].path = path_of("gone");
	assert_fails(read_file("{\"root\":\"docs\",\"path\":\"a.txt\"}"), ERR_TOOL_FAILED, TOOL_NOT_BEGUN);
}
END_TEST

/* --- listing --- */

START_TEST(lists_in_order)
{
	assert_gives(list("{\"root\":\"docs\"}"),
		     "{\"path\":\"\",\"entries\":[{\"name\":\"a.txt\",\"path\":\"a.txt\",\"type\":\"file\",\"size\":5},"
		     "{\"name\":\"b.md\",\"path\":\"b.md\",\"type\":\"file\",\"size\":4},"
		     "{\"name\":\"sub\",\"path\":\"sub\",\"type\":\"dir\"}]}");
	assert_gives(list("{\"root\":\"docs\",\"path\":\"sub/\",\"glob\":\"*\"}"),
		     "{\"path\":\"sub\",\"entries\":[{\"name\":\"c.txt\",\"path\":\"sub/c.txt\",\"type\":\"file\",\"size\":5}]}");
	assert_gives(list("{\"root\":\"docs\",\"path\":\"\",\"recursive\":true,\"glob\":\"*.txt\"}"),
		     "{\"path\":\"\",\"entries\":[{\"name\":\"a.txt\",\"path\":\"a.txt\",\"type\":\"file\",\"size\":5},"
		     "{\"name\":\"c.txt\",\"path\":\"sub/c.txt\",\"type\":\"file\",\"size\":5}]}");
	assert_gives(list("{\"root\":\"docs\",\"recursive\":true,\"glob\":\"sub/*\"}"),
		     "{\"path\":\"\",\"entries\":[{\"name\":\"c.txt\",\"path\":\"sub/c.txt\",\"type\":\"file\",\"size\":5}]}");
	assert_gives(list("{\"root\":\"docs\",\"max\":1}"),
		     "{\"path\":\"\",\"entries\":[{\"name\":\"a.txt\",\"path\":\"a.txt\",\"type\":\"file\",\"size\":5}],"
		     "\"truncated\":true}");
	assert_gives(list("{}"), "{\"path\":\"\",\"entries\":[]}");
}
END_TEST

START_TEST(lists_what_cannot_be_read_as_such)
{
	ck_assert_int_eq(symlink("a.txt", path_of("docs/l")), 0);
	ck_assert_int_eq(link(path_of("docs/b.md"), path_of("docs/h")), 0);
	ck_assert_int_eq(mkfifo(path_of("docs/p"), 0600), 0);
	put_file(path_of("docs/\xff\xfe"), "x");
	put_file(path_of("docs/.agentd-0000000000000000.tmp"), "x");
	assert_gives(list("{\"root\":\"docs\",\"glob\":\"[!as]\"}"),
		     "{\"path\":\"\",\"entries\":[{\"name\":\"h\",\"path\":\"h\",\"type\":\"link\",\"size\":4},"
		     "{\"name\":\"l\",\"path\":\"l\",\"type\":\"link\"},{\"name\":\"p\",\"path\":\"p\",\"type\":\"other\"}],"
		     "\"skipped\":1}");
	assert_fails(read_file("{\"root\":\"docs\",\"path\":\"l\"}"), ERR_TOOL_FAILED, TOOL_NOT_BEGUN);
	assert_fails(read_file("{\"root\":\"docs\",\"path\":\"h\"}"), ERR_TOOL_FAILED, TOOL_NOT_BEGUN);
	assert_fails(read_file("{\"root\":\"docs\",\"path\":\"p\"}"), ERR_TOOL_FAILED, TOOL_NOT_BEGUN);
	ck_assert_ptr_null(strstr(list("{\"root\":\"docs\"}").text, ".tmp"));
}
END_TEST

START_TEST(wrong_lists)
{
	assert_fails(list("{\"path\":\"/\"}"), ERR_TOOL_ARGS, TOOL_NOT_BEGUN);
	assert_fails(list("{\"path\":\"..\"}"), ERR_TOOL_FAILED, TOOL_NOT_BEGUN);
	assert_fails(list("{\"max\":0}"), ERR_TOOL_ARGS, TOOL_NOT_BEGUN);
	assert_fails(list("{\"max\":10001}"), ERR_TOOL_ARGS, TOOL_NOT_BEGUN);
	assert_fails(list("{\"root\":\"docs\",\"path\":\"a.txt\"}"), ERR_TOOL_FAILED, TOOL_NOT_BEGUN);
	assert_fails(list("{\"root\":\"docs\",\"path\":\"none\"}"), ERR_TOOL_FAILED, TOOL_NOT_BEGUN);
}
END_TEST

START_TEST(a_deep_tree_ends)
{
	char *path = arena_strdup(arena, in_ws("d"));

	for (int i = 0; i < 40; i++) {
		ck_assert_int_eq(mkdir(path, 0700), 0);
		path = arena_printf(arena, "%s/d", path);
	}
	assert_fails(list("{\"recursive\":true}"), ERR_TOOL_FAILED, TOOL_NOT_BEGUN);
	ck_assert_int_eq(list("{}").err.code, ERR_NONE);
}
END_TEST

/* --- writing --- */

START_TEST(writes)
{
	assert_gives(write_file("{\"path\":\"x/y/digest.md\",\"text\":\"one\"}"), "{\"path\":\"x/y/digest.md\",\"size\":3}");
	ck_assert_str_eq(get_file(in_ws("x/y/digest.md")), "one");
	assert_gives(write_file("{\"path\":\"x/y/digest.md\",\"text\":\"\"}"), "{\"path\":\"x/y/digest.md\",\"size\":0}");
	ck_assert_str_eq(get_file(in_ws("x/y/digest.md")), "");
	assert_gives(write_file("{\"root\":\"out\",\"path\":\"o\",\"text\":\"two\"}"), "{\"path\":\"o\",\"size\":3}");
	ck_assert_str_eq(get_file(path_of("out/o")), "two");
	assert_gives(list("{\"recursive\":true,\"glob\":\"*.*\"}"),
		     "{\"path\":\"\",\"entries\":[{\"name\":\"digest.md\",\"path\":\"x/y/digest.md\",\"type\":\"file\",\"size\":0}]}");
}
END_TEST

START_TEST(wrong_writes)
{
	assert_fails(write_file("{\"root\":\"docs\",\"path\":\"n\",\"text\":\"\"}"), ERR_TOOL_FAILED, TOOL_NOT_BEGUN);
	ck_assert_ptr_null(get_file(path_of("docs/n")));
	assert_fails(write_file("{\"path\":\"n\"}"), ERR_TOOL_ARGS, TOOL_NOT_BEGUN);
	assert_fails(write_file("{\"path\":\"n/\",\"text\":\"\"}"), ERR_TOOL_ARGS, TOOL_NOT_BEGUN);
	assert_fails(write_file("{\"path\":\".\",\"text\":\"\"}"), ERR_TOOL_ARGS, TOOL_NOT_BEGUN);
	ck_assert_int_eq(write_file("{\"path\":\"f\",\"text\":\"\"}").err.code, ERR_NONE);
	assert_fails(write_file("{\"path\":\"f/g\",\"text\":\"\"}"), ERR_TOOL_FAILED, TOOL_NOT_BEGUN);
	ck_assert_int_eq(mkdir(in_ws("d"), 0700), 0);
	assert_fails(write_file("{\"path\":\"d\",\"text\":\"\"}"), ERR_TOOL_FAILED, TOOL_NOT_BEGUN);
	ck_assert_int_eq(mkfifo(in_ws("p"), 0600), 0);
	assert_fails(write_file("{\"path\":\"p\",\"text\":\"\"}"), ERR_TOOL_FAILED, TOOL_NOT_BEGUN);
	ck_assert_int_eq(link(in_ws("f"), in_ws("h")), 0);
	assert_fails(write_file("{\"path\":\"h\",\"text\":\"\"}"), ERR_TOOL_FAILED, TOOL_NOT_BEGUN);
}
END_TEST

START_TEST(the_quota_counts_bytes)
{
	settings.tools.workspace_bytes = 10;
	ck_assert_int_eq(write_file("{\"path\":\"a\",\"text\":\"12345678\"}").err.code, ERR_NONE);
	ck_assert_int_eq(write_file("{\"path\":\"a\",\"text\":\"1234567890\"}").err.code, ERR_NONE);
	assert_fails(write_file("{\"path\":\"a\",\"text\":\"12345678901\"}"), ERR_TOOL_FAILED, TOOL_NOT_BEGUN);
	assert_fails(write_file("{\"path\":\"b\",\"text\":\"1\"}"), ERR_TOOL_FAILED, TOOL_NOT_BEGUN);
	ck_assert_str_eq(get_file(in_ws("a")), "1234567890");
	ck_assert_int_eq(write_file("{\"root\":\"out\",\"path\":\"b\",\"text\":\"12345678901\"}").err.code, ERR_NONE);
	task = uuid_new();
	ck_assert_int_eq(write_file("{\"path\":\"b\",\"text\":\"1234567890\"}").err.code, ERR_NONE);
}
END_TEST

START_TEST(the_quota_counts_files)
{
	settings.tools.workspace_files = 3;
	ck_assert_int_eq(write_file("{\"path\":\"d/a\",\"text\":\"\"}").err.code, ERR_NONE);
	ck_assert_int_eq(write_file("{\"path\":\"b\",\"text\":\"\"}").err.code, ERR_NONE);
	assert_fails(write_file("{\"path\":\"c\",\"text\":\"\"}"), ERR_TOOL_FAILED, TOOL_NOT_BEGUN);
	put_file(in_ws("e"), "");
	put_file(in_ws("f"), "");
	assert_fails(write_file("{\"path\":\"b\",\"text\":\"\"}"), ERR_TOOL_FAILED, TOOL_NOT_BEGUN);
}
END_TEST

/* --- names that try to get out --- */

static const char *const hostile[] = {
	"..", "../", "../..", "../../..", "../secret", "../../secret", "../../../secret", "../../../../etc/passwd",
	"./../secret", "./../../secret", "a/../../secret", "a/../../../secret", "a/b/../../../../secret", "a/..", "a/../..",
	"./..", ".//..//..//secret", "..//..//secret", "../.", ".././../secret", "....//....//secret", "..../secret",
	"/", "//", "///", "/etc/passwd", "//etc/passwd", "/./etc/passwd", "/../etc/passwd", "/proc/self/root/etc/passwd",
	"/proc/self/environ", "/dev/null", "/dev/zero", "/dev/stdin", "/dev/fd/0", "/tmp", "~", "~/secret", "~root/x",
	"..\\secret", "..\\..\\secret", "a\\..\\..\\secret", "%2e%2e/secret", "%2e%2e%2fsecret", "..%2f..%2fsecret",
	"%252e%252e%252fsecret", "..%c0%af..%c0%afsecret", "..%00/secret", "\xe2\x80\xa4\xe2\x80\xa4/secret",
	"\xef\xbc\x8e\xef\xbc\x8e/secret", "..\xe2\x88\x95secret", "..\xef\xbc\x8fsecret", "file:///etc/passwd",
	"file://../secret", "\\\\?\\..\\secret", "C:\\secret", "..;/secret", "..?/secret", "..#/secret", ".. /secret",
	" ../secret", "../secret ", "../secret\n", "..\t/secret", "-rf", "--help", "|cat ../../secret", "$(cat ../../secret)",
	"`cat ../../secret`", "${HOME}/secret", "*/../../secret", "?/../secret", "{..}/secret", ".git/../../../secret",
	"out", "out/", "out/secret", "out/../secret", "out/ws", "out/new", "outdir", "outdir/secret", "outdir/new", "chain",
	"abs", "abs/", "dangling", "sub/out/secret", "sub/up/secret", "sub/up/../secret", "loop", "loop/secret",
	"procself", "procself/root/etc/passwd", "procself/environ", "fdlink", "hard", "fifo", "socket", "device",
	"null-in-the-middle/../../secret", "sub", "sub/.", "sub/..", ".", "./", "./.",
};

static void make_traps(void)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	mkdir(in_ws("a"), 0700);
	mkdir(in_ws("sub"), 0700);
	ck_assert_int_eq(symlink(path_of("secret"), in_ws("outdir")), 0);
	ck_assert_int_eq(symlink("../..", in_ws("out")), 0);
	ck_assert_int_eq(symlink("out/secret", in_ws("chain")), 0);
	ck_assert_int_eq(symlink(dir, in_ws("abs")), 0);
	ck_assert_int_eq(symlink(path_of("created-through-a-link"), in_ws("dangling")), 0);
	ck_assert_int_eq(symlink("../..", in_ws("sub/up")), 0);
	ck_assert_int_eq(symlink("../out", in_ws("sub/out")), 0);
	ck_assert_int_eq(symlink("loop", in_ws("loop")), 0);
	ck_assert_int_eq(symlink("/proc/self", in_ws("procself")), 0);
	ck_assert_int_eq(symlink("/proc/self/fd/0", in_ws("fdlink")), 0);
	ck_assert_int_eq(link(path_of("secret"), in_ws("hard")), 0);
	ck_assert_int_eq(mkfifo(in_ws("fifo"), 0600), 0);
	snprintf(un.sun_path, sizeof un.sun_path, "%s", in_ws("socket"));
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&un, sizeof un), 0);
	close(fd);
}

static const struct json *args_of(const char *name, bool text)
{
	struct json_builder b;

	json_object_begin(&b, arena);
	json_object_setc(&b, "path", json_string_clean(arena, str_from(name)));
	if (text)
		json_object_setc(&b, "text", json_stringc(arena, "overwritten"));
	else
		json_object_setc(&b, "recursive", json_bool(true));
	return json_object_end(&b);
}

static void assert_nothing_leaked(struct answer r, const char *name)
{
	ck_assert_msg(!strstr(r.text, SECRET) && !strstr(r.text, "root:") && !strstr(r.text, "c.txt") &&
		      !strstr(r.text, "docs"), "%s: %s", name, r.text);
	ck_assert_msg(r.err.code != ERR_INTERNAL, "%s", r.err.msg);
}

START_TEST(nothing_gets_out)
{
	size_t n = sizeof hostile / sizeof *hostile;
	const char *outside;

	ck_assert_uint_ge(n, 80);
	make_traps();
	settings.tools.workspace_files = 1000;
	roots[0].path = path_of("out");
	outside = list("{\"root\":\"docs\",\"recursive\":true}").text;
	for (size_t i = 0; i < n; i++) {
		assert_nothing_leaked(call_json(verbs[FS_READ], args_of(hostile[i], false)), hostile[i]);
		assert_nothing_leaked(call_json(verbs[FS_LIST], args_of(hostile[i], false)), hostile[i]);
		assert_nothing_leaked(call_json(verbs[FS_WRITE], args_of(hostile[i], true)), hostile[i]);
	}
	ck_assert_str_eq(get_file(path_of("secret")), SECRET);
	ck_assert_str_eq(get_file(path_of("docs/a.txt")), "alpha");
	ck_assert_ptr_null(get_file(path_of("created-through-a-link")));
	ck_assert_str_eq(list("{\"root\":\"docs\",\"recursive\":true}").text, outside);
	ck_assert_int_eq(access(path_of("new"), F_OK), -1);
}
END_TEST

START_TEST(long_names_are_refused)
{
	char name[5000];

	memset(name, 'n', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	ck_assert_int_eq(call_json(verbs[FS_READ], args_of(name, false)).err.code, ERR_TOOL_FAILED);
	ck_assert_int_eq(call_json(verbs[FS_WRITE], args_of(name, true)).err.code, ERR_TOOL_ARGS);
	for (size_t i = 1; i < sizeof name - 1; i += 2)
		name[i] = '/';
	ck_assert_int_eq(call_json(verbs[FS_WRITE], args_of(name, true)).err.code, ERR_TOOL_ARGS);
	name[255] = '\0';
	memset(name, 'n', 255);
	ck_assert_int_eq(call_json(verbs[FS_WRITE], args_of(name, true)).err.code, ERR_NONE);
}
END_TEST

START_TEST(a_task_has_its_own_workspace)
{
	ck_assert_int_eq(write_file("{\"path\":\"mine\",\"text\":\"x\"}").err.code, ERR_NONE);
	task = uuid_new();
	assert_fails(read_file("{\"path\":\"mine\"}"), ERR_TOOL_FAILED, TOOL_NOT_BEGUN);
	assert_fails(call_json(verbs[FS_READ], args_of(ws, false)), ERR_TOOL_FAILED, TOOL_NOT_BEGUN);
}
END_TEST

START_TEST(a_workspace_that_is_a_link_is_refused)
{
	task = uuid_new();
	ck_assert_int_eq(symlink(path_of("docs"), tools_workspace(arena, &settings, &task)), 0);
	assert_fails(read_file("{\"path\":\"a.txt\"}"), ERR_TOOL_FAILED, TOOL_NOT_BEGUN);
	assert_fails(write_file("{\"path\":\"a.txt\",\"text\":\"\"}"), ERR_TOOL_FAILED, TOOL_NOT_BEGUN);
}
END_TEST

/* --- a directory that turns into a link and back meanwhile --- */

static atomic_bool swapping;

static char swap_a[512], swap_b[512];

static void *swap(void *arg)
{
	(void)arg;
	while (atomic_load(&swapping))
		renameat2(AT_FDCWD, swap_a, AT_FDCWD, swap_b, RENAME_EXCHANGE);
	return NULL;
}

START_TEST(races_lose)
{
	pthread_t thread;
	int good = 0;

	mkdir(in_ws("d"), 0700);
	put_file(in_ws("d/secret"), "harmless");
	ck_assert_int_eq(symlink(dir, in_ws("e")), 0);
	snprintf(swap_a, sizeof swap_a, "%s", in_ws("d"));
	snprintf(swap_b, sizeof swap_b, "%s", in_ws("e"));
	atomic_store(&swapping, true);
	ck_assert_int_eq(pthread_create(&thread, NULL, swap, NULL), 0);
	for (int i = 0; i < 1500; i++) {
		struct answer r = read_file("{\"path\":\"d/secret\"}");

		ck_assert_ptr_null(strstr(r.text, SECRET));
		good += r.err.code == ERR_NONE;
		if (i % 10 == 0)
			write_file("{\"path\":\"d/new\",\"text\":\"x\"}");
	}
	atomic_store(&swapping, false);
	pthread_join(thread, NULL);
	ck_assert_int_gt(good, 0);
	ck_assert_int_eq(access(path_of("new"), F_OK), -1);
}
END_TEST

START_TEST(cancelling_ends_the_call_once)
{
	struct answer r;
	struct op *op = call_start(verbs[FS_LIST], "{\"root\":\"docs\",\"recursive\":true}", &r);

	op_cancel(op);
	op_cancel(op);
	ck_assert(!call_is_over());
	call_wait();
	ck_assert_int_eq(r.err.code, ERR_CANCELLED);
}
END_TEST

START_TEST(a_fixed_root_is_not_for_the_caller_to_choose)
{
	verbs[FS_READ]->u.fs.root = STR("out");
	put_file(path_of("out/x"), "in out");
	assert_gives(read_file("{\"root\":\"docs\",\"path\":\"x\"}"), "{\"path\":\"x\",\"size\":6,\"text\":\"in out\"}");
	assert_fails(read_file("{\"root\":\"docs\",\"path\":\"a.txt\"}"), ERR_TOOL_FAILED, TOOL_NOT_BEGUN);
}
END_TEST

START_TEST(an_unknown_tool_is_said_to_be)
{
	struct answer r;

	call_tool = STR("fs.reed");
	r = read_file("{}");
	assert_fails(r, ERR_TOOL_UNKNOWN, TOOL_NOT_BEGUN);
	ck_assert_str_eq(r.err.hint, "did you mean \"fs.read\"?");
	call_tool = STR("");
	assert_fails(read_file("{}"), ERR_TOOL_UNKNOWN, TOOL_NOT_BEGUN);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("fs");
	TCase *t = tcase_create("fs");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, caller_end);
	tcase_add_test(t, reads);
	tcase_add_test(t, reads_what_is_not_text);
	tcase_add_test(t, a_long_file_is_cut_or_refused);
	tcase_add_test(t, a_sparse_terabyte_is_bounded);
	tcase_add_test(t, wrong_reads);
	tcase_add_test(t, lists_in_order);
	tcase_add_test(t, lists_what_cannot_be_read_as_such);
	tcase_add_test(t, wrong_lists);
	tcase_add_test(t, a_deep_tree_ends);
	tcase_add_test(t, writes);
	tcase_add_test(t, wrong_writes);
	tcase_add_test(t, the_quota_counts_bytes);
	tcase_add_test(t, the_quota_counts_files);
	tcase_add_test(t, nothing_gets_out);
	tcase_add_test(t, long_names_are_refused);
	tcase_add_test(t, a_task_has_its_own_workspace);
	tcase_add_test(t, a_workspace_that_is_a_link_is_refused);
	tcase_add_test(t, races_lose);
	tcase_add_test(t, cancelling_ends_the_call_once);
	tcase_add_test(t, a_fixed_root_is_not_for_the_caller_to_choose);
	tcase_add_test(t, an_unknown_tool_is_said_to_be);
	suite_add_tcase(s, t);
	return suite_run(s);
}
